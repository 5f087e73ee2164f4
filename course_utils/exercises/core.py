"""Exercises: Number, Shape, Choice and Code, each with three outcomes and a name for each slip.

A lesson's file (`lessonNN.py`) makes its exercises, each under its own name, and at the end the progress table:

    from .core import Progress, Shape

    conv1 = Shape(
        "conv1",
        (64, 30, 30),
        solution="out_shape = (64, 30, 30)",
        hints=["In how many places can a 3-wide kernel stand in a row of 32 pixels?"],
        wrong=[((64, 32, 32), "`padding=1` would give this; this layer has `padding=0`.")],
    )
    progress = Progress(__name__)

The notebook says `from course_utils.exercises import lessonNN as ex`. An exercise's cell has the id
`ex-<name>` (with - for _), a `...` where the answer goes, and `ex.<name>.check(answer)` as its last line.
`solution` is the code of that cell above its last line. It sees what earlier cells defined; the tests run it
with `torch`, `nn`, `F`, `np` and `math`, and with what the lesson file's function `namespace() -> dict`
returns, if it has one. Text in backticks is shown as code.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .base import Exercise
from .functions import Code
from .present import Result, show
from .progress import Progress
from .read import NotReadable, read_number, read_shape

__all__ = ["Choice", "Code", "Exercise", "Number", "Progress", "Shape"]


class Number(Exercise):
    """A number, right if it is within `tolerance` of `answer`; a difference of 1e-9 of its size is rounding.

    `wrong` lists numbers with the slip each one shows; `diagnose(number)` may return further slips.
    ValueError if a wrong number would be accepted, or two of them cannot be told apart.
    """

    def __init__(
        self,
        name: str,
        answer: float,
        *,
        tolerance: float = 0.0,
        solution: str,
        hints: Sequence[str],
        wrong: Sequence[tuple[float, str]] = (),
        diagnose: Callable[[float], list[str]] | None = None,
    ) -> None:
        super().__init__(name, solution=solution, hints=hints, wrong=wrong, diagnose=diagnose)
        if not (math.isfinite(tolerance) and tolerance >= 0):
            raise ValueError(f"exercise {name!r}: tolerance must be 0 or more, got {tolerance}")
        self.tolerance = tolerance
        self._read_answers(answer, read_number, lambda one, other: math.isclose(one, other, rel_tol=1e-9))
        for number, _ in self.wrong:
            if self._near(number, self.answer):
                raise ValueError(
                    f"exercise {name!r}: {number} is accepted, being within {tolerance} of {self.answer}"
                )

    def _near(self, number: float, value: float) -> bool:
        return math.isclose(number, value, rel_tol=1e-9, abs_tol=self.tolerance)

    def _judge(self, answer: Any) -> Result:
        try:
            number = read_number(answer)
        except NotReadable as error:
            return self._incorrect(str(error))
        said = f"Your answer: {number if isinstance(number, int) else format(number, '.9g')}."
        if self._near(number, self.answer):
            return self._correct(said)
        near = sorted((abs(number - value), slip) for value, slip in self.wrong if self._near(number, value))
        return self._incorrect(
            said, *(self._slips(near[0][1:] if near else (), number) or [self._guess(number)])
        )

    def _guess(self, number: float) -> str:
        if self._near(-number, self.answer):
            return "The size is right, the sign is not."
        if self._near(number / 100, self.answer):
            return "That is 100 times too large. Is a fraction asked for, and not a percentage?"
        if self._near(number * 100, self.answer):
            return "That is 100 times too small. Is a percentage asked for, and not a fraction?"
        if abs(number - self.answer) <= 0.01 * abs(self.answer):
            return "Close: less than 1 % away. Keep more digits on the way, or count again."
        return "That is too large." if number > self.answer else "That is too small."


class Shape(Exercise):
    """A tensor's shape, given as a tuple, a list or a torch.Size.

    `wrong` lists shapes with the slip each one shows; `diagnose(shape)` may return further slips.
    ValueError if a wrong shape is the answer, or is listed twice.
    """

    def __init__(
        self,
        name: str,
        answer: Sequence[int],
        *,
        solution: str,
        hints: Sequence[str],
        wrong: Sequence[tuple[Sequence[int], str]] = (),
        diagnose: Callable[[tuple[int, ...]], list[str]] | None = None,
    ) -> None:
        super().__init__(name, solution=solution, hints=hints, wrong=wrong, diagnose=diagnose)
        self._read_answers(answer, read_shape, lambda one, other: one == other)

    def _judge(self, answer: Any) -> Result:
        try:
            shape = read_shape(answer)
        except NotReadable as error:
            return self._incorrect(str(error))
        said = f"Your answer: {shape}."
        if shape == self.answer:
            return self._correct(said)
        listed = [slip for value, slip in self.wrong if value == shape]
        return self._incorrect(said, *(self._slips(listed, shape) or [self._guess(shape)]))

    def _guess(self, shape: tuple[int, ...]) -> str:
        right = self.answer
        if right and shape[1:] == right:
            return f"{right} is right; the {shape[0]} in front is too much. Is it the batch axis?"
        if shape and shape == right[1:]:
            return "The axis in front is missing. Is it the batch axis?"
        if len(shape) != len(right):
            return f"That has {axes(len(shape))}; the answer has {axes(len(right))}."
        if sorted(shape) == sorted(right):
            images = " For images it is (channels, height, width)." if len(right) == 3 else ""
            batches = " For images it is (batch, channels, height, width)." if len(right) == 4 else ""
            return f"The sizes are right, their order is not.{images}{batches}"
        good = [axis for axis, size in enumerate(right) if shape[axis] == size]
        bad = [f"{shape[axis]} (axis {axis})" for axis in range(len(right)) if axis not in good]
        right_part = f"Right: {', '.join(f'{shape[axis]} (axis {axis})' for axis in good)}. " if good else ""
        return f"{right_part}Not right: {', '.join(bad)}."


class Choice(Exercise):
    """One of several lettered choices; ValueError unless each wrong choice has exactly one slip."""

    def __init__(
        self,
        name: str,
        answer: str,
        *,
        choices: Mapping[str, str],
        solution: str,
        hints: Sequence[str],
        wrong: Sequence[tuple[str, str]],
    ) -> None:
        super().__init__(name, solution=solution, hints=hints, wrong=wrong)
        self.choices = dict(choices)
        self._read_answers(answer, str, lambda one, other: one == other)
        if answer not in self.choices:
            raise ValueError(f"exercise {name!r}: the answer {answer!r} is not one of {list(self.choices)}")
        slips = [key for key, _ in self.wrong]
        if set(slips) != set(self.choices) - {answer}:
            raise ValueError(
                f"exercise {name!r}: each wrong choice needs its slip: choices {list(self.choices)}, "
                f"answer {answer!r}, slips for {slips}"
            )

    def _judge(self, answer: Any) -> Result:
        key = self._key(answer)
        if key is None:
            known = ", ".join(f'`"{key}"`' for key in self.choices)
            return self._incorrect(f"{show(answer)} is not one of the choices. Write one of {known}.")
        said = f"Your answer: {key}, {self.choices[key]}"
        if key == self.answer:
            return self._correct(said)
        return self._incorrect(said, dict(self.wrong)[key])

    def _key(self, answer: Any) -> str | None:
        """The choice meant: "a", "A", " a) ", or its text."""
        if isinstance(answer, bool) or not isinstance(answer, (str, int)):
            return None
        said = str(answer).strip().casefold()
        texts = [key for key, text in self.choices.items() if text.strip().casefold() == said]
        letter = said.strip(".() \"'")
        keys = texts or [key for key in self.choices if key.casefold() == letter]
        return keys[0] if len(keys) == 1 else None


def axes(count: int) -> str:
    """ "1 axis", "2 axes"."""
    return "1 axis" if count == 1 else f"{count} axes"
