"""Exercises: Number, Shape, Choice and Code, each with three outcomes and a name for each slip.

A lesson's file (`lessonNN.py`) makes its exercises here, each under its own name, and a progress table:

    from .core import Progress, Shape

    conv1 = Shape(
        "conv1",
        (64, 30, 30),
        solution="out_shape = (64, 30, 30)",
        hints=["How far can a 3-wide kernel slide in 32 pixels?"],
        wrong=[((64, 32, 32), "padding=1 would give this; this layer has padding=0")],
    )
    progress = Progress(__name__)

The notebook says `from course_utils.exercises import lessonNN as ex`. An exercise's cell has the id
`ex-<name>` (with - for _), a `...` where the answer goes, and `ex.<name>.check(answer)` as its last line.
`solution` is the code of that cell above its last line. It sees what earlier cells defined; the tests run it with
`torch`, `nn`, `F`, `np` and `math`, and with what the lesson file's function `namespace() -> dict` returns, if
it has one. Text in backticks is shown as code.
"""

import math
import numbers
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from .base import Exercise
from .functions import Code
from .present import Result, show
from .progress import Progress

__all__ = ["Choice", "Code", "Exercise", "Number", "Progress", "Shape"]

Wrong = Sequence[tuple[Any, str]]


class NotReadable(ValueError):
    """The answer has the wrong type; the message tells the student what to write instead."""


class Number(Exercise):
    """A number, right if it is within `tolerance` of `answer` (and always if it differs by rounding only).

    `wrong` lists numbers with the slip each one shows; `diagnose(number)` may return further slips.
    """

    def __init__(
        self,
        name: str,
        answer: float,
        *,
        tolerance: float = 0.0,
        solution: str,
        hints: Sequence[str],
        wrong: Wrong = (),
        diagnose: Callable[[float], list[str]] | None = None,
    ) -> None:
        super().__init__(name, solution=solution, hints=hints, wrong=wrong, diagnose=diagnose)
        if not (math.isfinite(tolerance) and tolerance >= 0):
            raise ValueError(f"exercise {name!r}: tolerance must be 0 or more, got {tolerance}")
        self.answer, self.tolerance = read_number(answer), tolerance
        self.wrong = tuple((read_number(number), slip) for number, slip in wrong)
        for number, _ in self.wrong:
            if self._is_answer(number):
                raise ValueError(
                    f"exercise {name!r}: wrong answer {number} is accepted as {self.answer} ± {tolerance}"
                )
        refuse_repeated(name, [number for number, _ in self.wrong])

    def _is_answer(self, number: float) -> bool:
        return math.isclose(number, self.answer, rel_tol=1e-9, abs_tol=self.tolerance)

    def _judge(self, answer: Any) -> Result:
        try:
            number = read_number(answer)
        except NotReadable as error:
            return self._incorrect(str(error))
        if self._is_answer(number):
            return self._correct(f"Your answer: {digits(number)}.")
        near = [(abs(number - value), slip) for value, slip in self.wrong if self._matches(number, value)]
        slips = unique([min(near)[1]] if near else [], diagnosed(self.diagnose, number)) or self._guess(number)
        return self._incorrect(f"Your answer: {digits(number)}.", *slips)

    def _matches(self, number: float, value: float) -> bool:
        return math.isclose(number, value, rel_tol=1e-9, abs_tol=self.tolerance)

    def _guess(self, number: float) -> list[str]:
        if number != 0 and self._is_answer(-number):
            return ["The size is right, the sign is not."]
        if number != 0 and self._is_answer(number / 100):
            return ["That is 100 times too large: is a fraction asked for, and not a percentage?"]
        if number != 0 and self._is_answer(number * 100):
            return ["That is 100 times too small: is a percentage asked for, and not a fraction?"]
        if abs(number - self.answer) <= 0.01 * abs(self.answer):
            return ["Close: less than 1 % away. Round later, or keep more digits."]
        return ["That is too large." if number > self.answer else "That is too small."]


class Shape(Exercise):
    """A tensor's shape, given as a tuple, a list or a torch.Size.

    `wrong` lists shapes with the slip each one shows; `diagnose(shape)` may return further slips.
    """

    def __init__(
        self,
        name: str,
        answer: Sequence[int],
        *,
        solution: str,
        hints: Sequence[str],
        wrong: Wrong = (),
        diagnose: Callable[[tuple[int, ...]], list[str]] | None = None,
    ) -> None:
        super().__init__(name, solution=solution, hints=hints, wrong=wrong, diagnose=diagnose)
        self.answer = read_shape(answer)
        self.wrong = tuple((read_shape(shape), slip) for shape, slip in wrong)
        if self.answer in [shape for shape, _ in self.wrong]:
            raise ValueError(f"exercise {name!r}: the answer {self.answer} is among the wrong answers")
        refuse_repeated(name, [shape for shape, _ in self.wrong])

    def _judge(self, answer: Any) -> Result:
        try:
            shape = read_shape(answer)
        except NotReadable as error:
            return self._incorrect(str(error))
        if shape == self.answer:
            return self._correct(f"Your answer: {shape}.")
        slips = unique([slip for value, slip in self.wrong if value == shape], diagnosed(self.diagnose, shape))
        return self._incorrect(f"Your answer: {shape}.", *(slips or [self._guess(shape)]))

    def _guess(self, shape: tuple[int, ...]) -> str:
        right, count = self.answer, len(self.answer)
        if shape[1:] == right:
            return f"{shape[1:]} is right. The {shape[0]} in front is the batch axis, which is not asked for here."
        if shape == right[1:]:
            return "The axis in front is missing: the batch axis is asked for here too."
        if len(shape) != count:
            return f"That has {axes(len(shape))}; the answer has {axes(count)}."
        if sorted(shape) == sorted(right):
            return "The sizes are right, their order is not. PyTorch's order is batch, channels, height, width."
        names = {3: ("channels", "height", "width"), 4: ("batch", "channels", "height", "width")}.get(
            count, tuple(f"axis {axis}" for axis in range(count))
        )
        good = [name for name, mine, true in zip(names, shape, right, strict=True) if mine == true]
        bad = [name for name, mine, true in zip(names, shape, right, strict=True) if mine != true]
        return (f"Right: {', '.join(good)}. " if good else "") + f"Not right: {', '.join(bad)}."


class Choice(Exercise):
    """One of several lettered choices; each wrong one has its slip."""

    def __init__(
        self,
        name: str,
        answer: str,
        *,
        choices: Mapping[str, str],
        solution: str,
        hints: Sequence[str],
        wrong: Wrong,
    ) -> None:
        super().__init__(name, solution=solution, hints=hints, wrong=wrong)
        if answer not in choices:
            raise ValueError(f"exercise {name!r}: the answer {answer!r} is not one of {list(choices)}")
        keys = [key for key, _ in self.wrong]
        refuse_repeated(name, keys)
        if set(keys) != set(choices) - {answer}:
            raise ValueError(
                f"exercise {name!r}: each wrong choice needs one slip: choices {list(choices)}, "
                f"answer {answer!r}, slips for {keys}"
            )
        self.answer, self.choices = answer, dict(choices)

    def _judge(self, answer: Any) -> Result:
        key = self._read(answer)
        if key is None:
            known = ", ".join(f'`"{key}"`' for key in self.choices)
            return self._incorrect(f"{show(answer)} is not one of the choices: write one of {known}.")
        said = f"Your answer: {key}, {self.choices[key]}"
        if key == self.answer:
            return self._correct(said)
        return self._incorrect(said, dict(self.wrong)[key])

    def _read(self, answer: Any) -> str | None:
        if isinstance(answer, bool) or not isinstance(answer, (str, int)):
            return None
        said = str(answer).strip().strip(".()\"'").casefold()
        matches = [key for key, text in self.choices.items() if said in (key.casefold(), text.strip().casefold())]
        return matches[0] if len(matches) == 1 else None


def read_number(value: Any) -> float:
    """A finite Python number out of an int, float, NumPy or one-element torch value. NotReadable otherwise."""
    if isinstance(value, (torch.Tensor, np.ndarray)):
        if math.prod(value.shape) != 1:
            raise NotReadable(f"One number is asked for; this is a {kind(value)} of shape {tuple(value.shape)}.")
        value = value.item()
    if isinstance(value, np.generic):
        value = value.item()
    if value is None:
        raise NotReadable("Your answer is None. `print` and functions without `return` give None.")
    if isinstance(value, str):
        raise NotReadable(f"{show(value)} is text. Write the number without quotes.")
    if isinstance(value, bool):
        raise NotReadable(f"{value} is True or False, not a number. Write the number itself.")
    if isinstance(value, (tuple, list)):
        raise NotReadable(f"One number is asked for; this is a {kind(value)} of {len(value)}: {show(value)}.")
    if not isinstance(value, numbers.Real):
        what = "a function: call it, with brackets" if callable(value) else f"a {kind(value)}"
        raise NotReadable(f"One number is asked for; {show(value)} is {what}.")
    if not math.isfinite(value):
        raise NotReadable(f"Your answer is {float(value)}: a division by zero, or an overflow, on the way to it?")
    return value if isinstance(value, (int, float)) else float(value)


def read_shape(value: Any) -> tuple[int, ...]:
    """A tuple of positive ints out of a tuple, list, torch.Size or a flat array of ints. NotReadable otherwise."""
    if isinstance(value, (torch.Tensor, np.ndarray)):
        if len(value.shape) != 1 or kind_of_dtype(value) != "integer":
            raise NotReadable(f"That is a {kind(value)} itself, of shape {tuple(value.shape)}. Give its `.shape`.")
        value = value.tolist()
    if value is None:
        raise NotReadable("Your answer is None. `print` and functions without `return` give None.")
    if isinstance(value, str):
        raise NotReadable(f"{show(value)} is text. Write the shape without quotes, as in `(3, 32, 32)`.")
    if isinstance(value, numbers.Number):
        raise NotReadable(f"{show(value)} is one number. A shape is a tuple; with one axis it is `({show(value)},)`.")
    if not isinstance(value, (tuple, list)):
        raise NotReadable(f"A shape is a tuple such as `(3, 32, 32)`; {show(value)} is a {kind(value)}.")
    return tuple(read_size(size, value) for size in value)


def read_size(size: Any, shape: Any) -> int:
    """One axis of a shape as a positive int. NotReadable otherwise."""
    if isinstance(size, (torch.Tensor, np.ndarray)) and math.prod(size.shape) == 1 or isinstance(size, np.generic):
        size = size.item()
    if isinstance(size, bool) or not isinstance(size, numbers.Real):
        raise NotReadable(f"{show(size)} in {show(shape)} is not a whole number. A size is a whole number.")
    if not isinstance(size, int):
        raise NotReadable(f"{show(size)} in {show(shape)} is a float. A size is a whole number: `//` divides to one.")
    if size < 1:
        raise NotReadable(f"{size} in {show(shape)} is not a size: sizes are 1 or more.")
    return size


def digits(number: float) -> str:
    """A number without the noise of float rounding."""
    return str(number) if isinstance(number, int) else f"{number:.9g}"


def kind(value: Any) -> str:
    """What a student would call this type of value."""
    names = {torch.Tensor: "tensor", np.ndarray: "NumPy array", tuple: "tuple", list: "list", dict: "dictionary"}
    return next((name for cls, name in names.items() if isinstance(value, cls)), type(value).__name__)


def kind_of_dtype(value: torch.Tensor | np.ndarray) -> str:
    array = value.dtype
    integer = np.issubdtype(array, np.integer) if isinstance(value, np.ndarray) else not (
        array.is_floating_point or array.is_complex or array == torch.bool
    )
    return "integer" if integer else "other"


def axes(count: int) -> str:
    return "1 axis" if count == 1 else f"{count} axes"


def diagnosed(diagnose: Callable[[Any], list[str]] | None, answer: Any) -> list[str]:
    """The slips found by `diagnose`; an answer it refuses (ValueError) has none."""
    try:
        return list(diagnose(answer)) if diagnose else []
    except ValueError:
        return []


def unique(*groups: Sequence[str]) -> list[str]:
    """All texts of the groups, in order, each once."""
    return list(dict.fromkeys(text for group in groups for text in group))


def refuse_repeated(name: str, answers: Sequence[Any]) -> None:
    """ValueError if a wrong answer is listed twice."""
    for position, answer in enumerate(answers):
        if answer in answers[:position]:
            raise ValueError(f"exercise {name!r}: the wrong answer {answer!r} is listed twice")
