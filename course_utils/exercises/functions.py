"""Code exercises: the student's function against a reference, on random inputs."""

import contextlib
import inspect
import linecache
import math
import textwrap
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from .base import Exercise, has_ellipsis, has_gap
from .calls import Call, is_data, observe, same_randomness
from .compare import a_kind, difference
from .present import Result, short, show
from .read import kind

NAMES = {"torch": torch, "nn": nn, "F": F, "np": np, "math": math}


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
            raise TypeError(f"exercise {name!r}: reference and inputs must be functions")
        if trials < 1:
            raise ValueError(f"exercise {name!r}: trials must be 1 or more, got {trials}")
        self._read_answers(self.code, textwrap.dedent, lambda one, other: one == other)
        self.reference, self.inputs, self.trials = reference, inputs, trials
        self.wrong_functions = [(last_function(name, code), slip) for code, slip in self.wrong]

    def prove(self) -> None:
        """Check that the reference runs, and that wrong answers differ from it and from each other."""
        right = [self._call(self.reference, trial) for trial in range(self.trials)]
        for call in right:
            if call.error:
                raise ValueError(
                    f"exercise {self.name!r}: the reference raises {call.error!r}"
                ) from call.error
        seen: list[tuple[list[Call], str]] = [(right, "the reference")]
        for function, slip in self.wrong_functions:
            calls = [self._call(function, trial) for trial in range(self.trials)]
            for others, which in seen:
                if all(mine.same(other) for mine, other in zip(others, calls, strict=True)):
                    raise ValueError(
                        f"exercise {self.name!r}: the wrong answer for {slip!r} does the same as {which}"
                    )
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
            try:
                calls.append(self._call(answer, trial))
            except KeyboardInterrupt as stop:
                return self._incorrect(f"You stopped your function{where(stop)}. Does every loop in it end?")
        failed = [trial for trial in range(self.trials) if not right[trial].same(calls[trial])]
        if not failed:
            return self._correct(f"The same as PyTorch on {self.trials} random inputs.")
        first = failed[0]
        if unfinished(calls[first], answer):
            return self._not_attempted("Your function still holds `...`: replace it and run the cell again.")
        facts = [*self._facts(right[first], calls[first], answer, first), *printed(calls[first])]
        return self._incorrect(*self._same_as(calls), *facts)

    def _same_as(self, calls: list[Call]) -> list[str]:
        """The slips of the listed wrong answers that do the same on every trial."""
        return [
            slip
            for function, slip in self.wrong_functions
            if all(self._call(function, trial).same(call) for trial, call in enumerate(calls))
        ]

    def _facts(self, right: Call, call: Call, answer: Any, trial: int) -> list[str]:
        """What can be seen from outside, in the first trial that went wrong."""
        with same_randomness(trial):
            arguments = self._arguments(trial)
        names = parameter_names(answer, self.reference, len(arguments))
        given = ", ".join(f"{name} = {describe(value)}" for name, value in zip(names, arguments, strict=True))
        called = f"Called with {given}." if given else ""
        if call.error:
            message = short(str(call.error).split("\n")[0])
            return [f"Your function raised {type(call.error).__name__}{where(call.error)}.", message, called]
        if call.returned is None and right.returned is not None:
            return ["Your function returns None: is a `return` missing?", called]
        facts = []
        if different := difference(right.returned, call.returned, "Your result"):
            facts.append(different)
        for name, fresh, true, mine in zip(names, arguments, right.arguments, call.arguments, strict=True):
            if difference(true, mine) is None:
                continue
            if difference(fresh, true) is None:
                facts.append(
                    f"Your function changes its input `{name}` in place. It should leave it as it was."
                )
            elif difference(fresh, mine) is None:
                facts.append(f"Your function leaves `{name}` as it was. It should change it in place.")
            else:
                facts.append(str(difference(true, mine, f"`{name}` after the call")))
        return [*facts, called]

    def _call(self, function: Callable[..., Any], trial: int) -> Call:
        return observe(function, lambda: self._arguments(trial), seed=trial)

    def _arguments(self, trial: int) -> tuple[Any, ...]:
        arguments = self.inputs(torch.Generator().manual_seed(trial))
        if not isinstance(arguments, tuple):
            raise TypeError(
                f"exercise {self.name!r}: inputs must return a tuple, got a {type(arguments).__name__}"
            )
        return arguments


def last_function(name: str, code: str) -> Callable[..., Any]:
    """The last function that a piece of code defines."""
    file = f"<wrong answer of {name}>"
    names = dict(NAMES)
    exec(compile(code, file, "exec"), names)  # noqa: S102 - the lesson author's own code
    functions = [
        value
        for value in names.values()
        if inspect.isfunction(value) and inspect.unwrap(value).__code__.co_filename == file
    ]
    if not functions:
        raise ValueError(f"exercise {name!r}: this wrong answer defines no function:\n{code}")
    return functions[-1]


def describe(value: Any) -> str:
    """An argument in a few words."""
    if isinstance(value, (torch.Tensor, np.ndarray)) and math.prod(value.shape) > 6:
        return f"a {str(value.dtype).removeprefix('torch.')} {kind(value)} of shape {tuple(value.shape)}"
    if callable(value) and not isinstance(value, nn.Module):
        return getattr(value, "__name__", kind(value))
    return show(value, 80) if is_data(value) else f"{type(value).__name__}(…)"


def parameter_names(answer: Any, reference: Any, count: int) -> list[str]:
    """Names for the arguments: the student's own, else the reference's, else "argument 1"."""
    for function in (answer, reference):
        with contextlib.suppress(TypeError, ValueError):
            names = list(inspect.signature(function).parameters)
            if len(names) == count and not {"args", "kwargs"} & set(names):
                return names
    return [f"argument {position}" for position in range(1, count + 1)]


def where(error: BaseException) -> str:
    """The line of the student's own code in which an error came up, as " in line 2: `...`"."""
    # What a student writes, in a notebook or a terminal, belongs to the module __main__; torch and this file do not.
    steps = [
        step
        for step in traceback.walk_tb(error.__traceback__)
        if step[0].f_globals.get("__name__") == "__main__"
    ]
    if not steps:
        return ""
    frame, number = steps[-1]
    source = linecache.getline(frame.f_code.co_filename, number).strip()
    return f" in line {number}" + (f": `{short(source, 100)}`" if source else "")


def unfinished(call: Call, function: Any) -> bool:
    """Did it go wrong because a `...` is left in the function?"""
    if has_ellipsis(call.returned) or "ellipsis" in str(call.error).lower():
        return True
    try:
        return has_gap(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        return False


def printed(call: Call) -> list[str]:
    """What the function printed, as a line of the message."""
    return [f"It printed: {short(call.printed)}"] if call.printed.strip() else []
