"""Judging a derivation done by hand, line by line.

Each line is judged by its own arithmetic: from the value that the student has in the line before, not from the right
one. So a slip costs one line, and everything worked out correctly from it counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from . import table
from .layers import Layer, Linear, Norm, Pointwise
from .mistakes import count_slips, diagnose
from .notation import Shape, by, number
from .windows import Kernels

if TYPE_CHECKING:
    from .derivation import Derivation, Step


@dataclass(frozen=True)
class Line:
    """One answer judged: a shape, or a number of parameters.

    verdict is "right", "follows" (the right arithmetic from an earlier wrong value), "wrong", or "open" where
    an earlier wrong value leaves nothing to judge by. notes: the slips of a wrong line, the reason of an open one.
    """

    step: Step
    answer: Shape | int
    verdict: str
    notes: tuple[str, ...] = ()

    @property
    def question(self) -> str:
        """What was asked for."""
        return "parameters" if isinstance(self.answer, int) else "shape"

    @property
    def said(self) -> str:
        """The answer as text."""
        return number(self.answer) if isinstance(self.answer, int) else by(self.answer)


@dataclass(frozen=True, repr=False)
class Checked:
    """A derivation done by hand, judged: the shapes in order, then the parameters.

    missing: the steps left out, without those that never change a shape, such as ReLU.
    """

    lines: tuple[Line, ...]
    missing: tuple[str, ...]

    @property
    def correct(self) -> bool:
        """Whether every line is there and right."""
        return not self.missing and all(line.verdict == "right" for line in self.lines)

    @property
    def first_wrong(self) -> Line | None:
        """The first wrong line; None if there is none."""
        return next((line for line in self.lines if line.verdict == "wrong"), None)

    def __repr__(self) -> str:
        return table.checked_text(self)

    def _repr_html_(self) -> str:
        return table.checked_html(self)


def check(
    derivation: Derivation,
    shapes: Mapping[str, Sequence[int]] | Sequence[Sequence[int]],
    params: Mapping[str, int] | Sequence[int] | None = None,
) -> Checked:
    """See Derivation.check."""
    shaped = [step for step in derivation if not isinstance(step.layer, (Pointwise, Norm))]
    given = by_name("shapes", shapes, derivation, shaped)
    counts = by_name("params", params or {}, derivation, [step for step in derivation if step.params])
    shape_lines, count_lines = [], []
    own: list[Shape] = []  # the student's value for each step, or what follows from the values before it
    for step in derivation:
        mine, reason = as_derived(step, own, derivation)
        answer = read_shape(step, given[step.name]) if step.name in given else None
        if answer is not None:
            shape_lines.append(judge(step, answer, mine, reason))
        own.append(answer or (mine or step).output_shape)
        if step.name in counts:
            count_lines.append(judge_count(step, read_count(step, counts[step.name]), mine or step))
    missing = tuple(step.name for step in shaped if step.name not in given)
    return Checked((*shape_lines, *count_lines), missing)


def by_name(what: str, answers: Any, derivation: Derivation, expected: Sequence[Step]) -> dict[str, Any]:
    """The answers as {step name: answer}. A list answers the expected steps in order, or every step."""
    if isinstance(answers, Mapping):
        names = [step.name for step in derivation]
        unknown = [name for name in answers if name not in names]
        if unknown:
            raise ValueError(f"no step is called {unknown[0]!r}; the steps are {', '.join(names)}")
        return {name: answer for name, answer in answers.items() if answer not in (None, ...)}
    if not isinstance(answers, (list, tuple)):
        raise ValueError(f"{what} is a dictionary {{step name: answer}} or a list: got {answers!r}")
    for steps in (expected, derivation.steps):
        if len(answers) == len(steps):
            return by_name(
                what, {s.name: a for s, a in zip(steps, answers, strict=True)}, derivation, expected
            )
    names = ", ".join(step.name for step in expected)
    raise ValueError(f"{len(answers)} {what} for {len(expected)} steps, which are {names}")


def as_derived(step: Step, own: Sequence[Shape], derivation: Derivation) -> tuple[Step | None, str]:
    """The step as it is with the student's own values coming in; None and the reason if nothing comes out."""
    inputs = tuple(
        shape if source < 0 or own[source] == derivation[source].output_shape else own[source]
        for source, shape in zip(step.sources, step.input_shapes, strict=True)
    )
    if inputs == step.input_shapes:
        return step, ""
    layer = fitted(step.layer, inputs[0])
    try:
        out = layer.output(*inputs)
    except ValueError as error:
        return None, f"with your {' and '.join(map(by, inputs))}, {error}"
    params, worked = layer.weights()
    if step.layer.weights()[0] != step.params:  # shared weights, or weights that we have no formula for
        params, worked = step.params, step.params_worked
    return replace(
        step, layer=layer, input_shapes=inputs, output_shape=out, params=params, params_worked=worked
    ), ""


def fitted(layer: Layer, shape: Shape) -> Layer:
    """The layer as the student must take it to be: made for as many channels or features as come in."""
    if isinstance(layer, Linear):
        return replace(layer, in_features=shape[-1])
    if isinstance(layer, Norm):
        return replace(layer, channels=shape[0])
    if isinstance(layer, Kernels) and shape[0] % layer.groups == 0:
        return replace(layer, in_channels=shape[0])
    return layer


def judge(step: Step, answer: Shape, mine: Step | None, reason: str) -> Line:
    """One shape, against the right one and against what follows from the student's own values."""
    if answer == step.output_shape:
        return Line(step, answer, "right")
    if mine is None:
        return Line(step, answer, "open", (reason,))
    if answer == mine.output_shape:
        return Line(step, answer, "follows")
    return Line(step, answer, "wrong", tuple(diagnose(mine, answer)))


def judge_count(step: Step, answer: int, mine: Step) -> Line:
    """One number of parameters, likewise."""
    if answer == step.params:
        return Line(step, answer, "right")
    if answer == mine.params:
        return Line(step, answer, "follows")
    return Line(step, answer, "wrong", tuple(count_slips(mine, answer)))


def read_shape(step: Step, answer: Any) -> Shape:
    """A shape as a tuple; an int stands for a row of that length."""
    parts = tuple(answer) if isinstance(answer, (tuple, list)) else (answer,)
    if not parts or not all(isinstance(n, (int, float)) and not isinstance(n, bool) for n in parts):
        raise ValueError(f"the shape of {step.name} is a tuple such as (64, 30, 30): got {answer!r}")
    return tuple(int(n) if n == int(n) else n for n in parts)


def read_count(step: Step, answer: Any) -> int:
    """A number of parameters."""
    if not isinstance(answer, int) or isinstance(answer, bool):
        raise ValueError(f"the parameters of {step.name} are a whole number: got {answer!r}")
    return answer
