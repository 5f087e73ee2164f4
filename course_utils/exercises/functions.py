"""Code exercises: the student's function against a reference, on random inputs."""

import contextlib
import inspect
import io
import linecache
import math
import random
import textwrap
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from .base import Exercise, has_ellipsis, has_ellipsis_line
from .compare import a_kind, difference
from .present import Result, short, show

NAMES = {"torch": torch, "nn": nn, "F": F, "np": np, "math": math}


@dataclass
class Call:
    """What one call did: what it returned, what it left in its arguments, what it raised and printed."""

    returned: Any
    arguments: tuple[Any, ...]
    error: BaseException | None
    printed: str

    def same(self, other: "Call") -> bool:
        if self.error or other.error:
            return type(self.error) is type(other.error) and str(self.error) == str(other.error)
        return difference((self.returned, self.arguments), (other.returned, other.arguments)) is None


class Code(Exercise):
    """A function, right if it does what `reference` does on `trials` random inputs.

    `inputs(generator)` returns a tuple of arguments, tensors in float64 so that rounding is not mistaken for a
    slip; every call gets fresh ones. Results are compared, and arguments changed in place too. A wrong answer is
    code whose last function is the wrong one; it sees torch, nn, F, np and math, and imports the rest itself.
    """

    def __init__(
        self,
        name: str,
        reference: Callable[..., Any],
        inputs: Callable[[torch.Generator], tuple[Any, ...]],
        *,
        solution: str,
        hints: Sequence[str],
        wrong: Sequence[tuple[str, str]],
        trials: int = 5,
    ) -> None:
        super().__init__(name, solution=solution, hints=hints, wrong=wrong)
        if not callable(reference) or not callable(inputs):
            raise ValueError(f"exercise {name!r}: reference and inputs must be functions")
        if trials < 1:
            raise ValueError(f"exercise {name!r}: trials must be 1 or more, got {trials}")
        codes = [textwrap.dedent(code) for code, _ in self.wrong]
        for position, code in enumerate(codes):
            if code in codes[:position]:
                raise ValueError(f"exercise {name!r}: this wrong answer is listed twice:\n{code}")
        self.reference, self.inputs, self.trials = reference, inputs, trials
        self.wrong_functions = [(last_function(name, code), slip) for code, (_, slip) in zip(codes, wrong, strict=True)]

    def prove(self) -> None:
        """Check that the reference runs, and that wrong answers differ from it and from each other."""
        right = [self._call(self.reference, trial) for trial in range(self.trials)]
        for call in right:
            if call.error:
                raise ValueError(f"exercise {self.name!r}: the reference raises {call.error!r}") from call.error
        seen: list[tuple[list[Call], str]] = [(right, "the reference")]
        for function, slip in self.wrong_functions:
            calls = [self._call(function, trial) for trial in range(self.trials)]
            for others, which in seen:
                if all(mine.same(other) for mine, other in zip(others, calls, strict=True)):
                    raise ValueError(f"exercise {self.name!r}: the wrong answer for {slip!r} does the same as {which}")
            seen.append((calls, repr(slip)))

    def _judge(self, answer: Any) -> Result:
        if not callable(answer):
            return self._incorrect(
                f"That is {a_kind(answer)}. Give the function itself, by its name and without brackets: "
                f"`ex.{self.name}.check(my_function)`."
            )
        right, calls = [], []
        for trial in range(self.trials):
            right.append(self._call(self.reference, trial))
            calls.append(self._call(answer, trial))
            if isinstance(calls[-1].error, KeyboardInterrupt):
                return self._incorrect(f"You stopped it{where(calls[-1].error, answer)}. Does a loop there end?")
        failed = [trial for trial in range(self.trials) if not right[trial].same(calls[trial])]
        if not failed:
            return self._correct(f"The same as PyTorch on {self.trials} random inputs.")
        first = failed[0]
        if unfinished(calls[first], answer):
            return self._not_attempted("Your function still holds `...`: replace it and run the cell again.")
        facts = [*self._facts(right[first], calls[first], answer, first), *printed(calls[first])]
        return self._incorrect(*self._slips(calls), *facts)

    def _slips(self, calls: list[Call]) -> list[str]:
        """The slips of the listed wrong answers that do the same on every trial."""
        return [
            slip
            for function, slip in self.wrong_functions
            if all(call.same(self._call(function, trial)) for trial, call in enumerate(calls))
        ]

    def _facts(self, right: Call, call: Call, answer: Any, trial: int) -> list[str]:
        """What can be seen from outside, in the first trial that went wrong."""
        arguments = self._arguments(trial)
        names = parameter_names(answer, self.reference, len(arguments))
        given = ", ".join(f"{name} = {describe(value)}" for name, value in zip(names, arguments, strict=True))
        called = f"Called with {given}." if given else ""
        if call.error:
            message = short(str(call.error).split("\n")[0])
            return [f"Your function raised {type(call.error).__name__}: {message}{where(call.error, answer)}.", called]
        if call.returned is None and right.returned is not None:
            return ["Your function returns None: is a `return` missing?", called]
        facts = []
        if different := difference(right.returned, call.returned, "Your result"):
            facts.append(different)
        for name, fresh, true, mine in zip(names, arguments, right.arguments, call.arguments, strict=True):
            if difference(true, mine) is None:
                continue
            if difference(fresh, true) is None:
                facts.append(f"Your function changes its input `{name}` in place. It should leave it as it was.")
            elif difference(fresh, mine) is None:
                facts.append(f"Your function leaves `{name}` as it was. It should change it in place.")
            else:
                facts.append(str(difference(true, mine, f"`{name}` after the call")))
        return [*facts, called]

    def _arguments(self, trial: int) -> tuple[Any, ...]:
        arguments = self.inputs(torch.Generator().manual_seed(trial))
        if not isinstance(arguments, tuple):
            raise TypeError(f"exercise {self.name!r}: inputs must return a tuple, got a {type(arguments).__name__}")
        return arguments

    def _call(self, function: Callable[..., Any], trial: int) -> Call:
        """Call with this trial's arguments; the notebook's random numbers, warnings and output stay untouched."""
        returned, error = None, None
        output = io.StringIO()
        with same_randomness(trial):
            arguments = self._arguments(trial)
            with contextlib.redirect_stdout(output), contextlib.redirect_stderr(io.StringIO()), torch.enable_grad():
                try:
                    returned = function(*arguments)
                except (Exception, SystemExit, KeyboardInterrupt) as raised:
                    error = raised
        return Call(returned, tuple(comparable(value) for value in arguments), error, output.getvalue())


@contextlib.contextmanager
def same_randomness(seed: int) -> Iterator[None]:
    """Fixed random numbers inside; the caller's own go on afterwards as if nothing had been drawn."""
    kept = torch.get_rng_state(), np.random.get_state(), random.getstate()
    torch.default_generator.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.set_rng_state(kept[0])
        np.random.set_state(kept[1])
        random.setstate(kept[2])


def comparable(value: Any) -> Any:
    """What is compared in an argument after the call; None for what cannot be, such as an optimizer."""
    known = (torch.Tensor, np.ndarray, nn.Module, tuple, list, dict, int, float, str)
    return value if isinstance(value, known) else None


def last_function(name: str, code: str) -> Callable[..., Any]:
    """The last function that a piece of code defines."""
    names = dict(NAMES)
    exec(compile(code, f"<wrong answer of {name}>", "exec"), names)
    functions = [value for key, value in names.items() if inspect.isfunction(value) and key not in NAMES]
    if not functions:
        raise ValueError(f"exercise {name!r}: this wrong answer defines no function:\n{code}")
    return functions[-1]


def describe(value: Any) -> str:
    """An argument in a few words."""
    if isinstance(value, (torch.Tensor, np.ndarray)) and math.prod(value.shape) > 6:
        return f"a {str(value.dtype).removeprefix('torch.')} array of shape {tuple(value.shape)}"
    if isinstance(value, nn.Module):
        return f"a {type(value).__name__}"
    return show(value, 80)


def parameter_names(answer: Any, reference: Any, count: int) -> list[str]:
    """Names for the arguments: the student's own, else the reference's, else "argument 1"."""
    for function in (answer, reference):
        with contextlib.suppress(TypeError, ValueError):
            names = list(inspect.signature(function).parameters)
            if len(names) == count and not {"args", "kwargs"} & set(names):
                return names
    return [f"argument {position}" for position in range(1, count + 1)]


def where(error: BaseException, function: Any) -> str:
    """The line of the student's own code in which an error came up, as " in line 2: `...`"."""
    names = own_names(function)
    frames = [step for step in traceback.walk_tb(error.__traceback__) if step[0].f_globals is names]
    if not frames:
        return ""
    frame, number = frames[-1]
    source = linecache.getline(frame.f_code.co_filename, number).strip()
    return f" in line {number}" + (f": `{short(source, 100)}`" if source else "")


def own_names(function: Any) -> dict[str, Any] | None:
    """The global names of the notebook (or file) in which a function, class or object was written."""
    function = inspect.unwrap(function)
    if isinstance(function, nn.Module):
        function = type(function).forward
    elif not hasattr(function, "__globals__"):
        function = getattr(type(function), "__call__", None)
    return getattr(function, "__globals__", None)


def unfinished(call: Call, function: Any) -> bool:
    """Did it go wrong because a `...` is left in the function?"""
    if has_ellipsis(call.returned) or "ellipsis" in str(call.error).lower():
        return True
    try:
        return has_ellipsis_line(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return False


def printed(call: Call) -> list[str]:
    """What the function printed, as a line of the message."""
    return [f"It printed: {show(call.printed.strip(), 300)}."] if call.printed.strip() else []
