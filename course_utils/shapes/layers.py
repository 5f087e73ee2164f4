"""The layers without a sliding window: what comes in, what goes out, and the arithmetic between.

A layer here is a description in plain numbers, for one image (no batch axis), and needs no PyTorch. Each has
    formula                 the rule in symbols
    worked(*inputs)         the same rule with this layer's numbers
    output(*inputs)         the shape that comes out; ValueError if there is none
    weights()               (parameters, how they are counted)
    multiply_adds(i, o)     multiplications, for i numbers going in and o numbers coming out
    field(fields, inputs)   the receptive field of the output; None where it is not followed
    code                    the line that makes the layer
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .notation import Shape, by, number, times
from .receptive import Field


@dataclass(frozen=True)
class Layer:
    """What layers have in common: one input, the same shape out, nothing to learn."""

    @property
    def formula(self) -> str:
        return "same shape"

    @property
    def code(self) -> str:
        return ""

    def worked(self, *inputs: Shape) -> str:
        return "same shape"

    def output(self, *inputs: Shape) -> Shape:
        return inputs[0]

    def weights(self) -> tuple[int, str]:
        return 0, ""

    def multiply_adds(self, values_in: int, values_out: int) -> int:
        return 0

    def field(self, fields: Sequence[Field | None], inputs: Sequence[Shape]) -> Field | None:
        return fields[0]


@dataclass(frozen=True)
class Pointwise(Layer):
    """Works on each number by itself: activations, dropout, arithmetic with a single number."""


@dataclass(frozen=True)
class Norm(Layer):
    """A normalisation over `channels` channels; with affine, a scale and a shift for each."""

    kind: str
    channels: int
    affine: bool = True

    @property
    def code(self) -> str:
        return f"nn.{self.kind}({self.channels})" if self.kind.startswith("Batch") else ""

    def weights(self) -> tuple[int, str]:
        count = 2 * self.channels
        return (count, f"2·{self.channels} = {number(count)}") if self.affine else (0, "")

    def field(self, fields: Sequence[Field | None], inputs: Sequence[Shape]) -> Field | None:
        if self.kind.startswith("Batch"):  # its mean and variance come from training, not from this image
            return fields[0]
        return fields[0] and fields[0].whole(inputs[0][1:]) if len(inputs[0]) == 3 else None


@dataclass(frozen=True)
class Linear(Layer):
    """nn.Linear: every output is a weighted sum of all inputs."""

    in_features: int
    out_features: int
    bias: bool = True

    @property
    def formula(self) -> str:
        return "F → out_features"

    @property
    def code(self) -> str:
        return f"nn.Linear({self.in_features}, {self.out_features}{'' if self.bias else ', bias=False'})"

    def worked(self, *inputs: Shape) -> str:
        return f"{inputs[0][-1]} → {self.out_features}"

    def output(self, *inputs: Shape) -> Shape:
        return (*inputs[0][:-1], self.out_features)

    def weights(self) -> tuple[int, str]:
        count = self.out_features * (self.in_features + self.bias)
        factor = f"({self.in_features} + 1)" if self.bias else str(self.in_features)
        return count, f"{self.out_features}·{factor} = {number(count)}"

    def multiply_adds(self, values_in: int, values_out: int) -> int:
        return values_out * self.in_features

    def field(self, fields: Sequence[Field | None], inputs: Sequence[Shape]) -> Field | None:
        return fields[0].settled() if fields[0] and len(inputs[0]) == 1 else None


@dataclass(frozen=True)
class Flatten(Layer):
    """flatten, view or reshape into one row of numbers for each image."""

    @property
    def formula(self) -> str:
        return "C·H·W"

    @property
    def code(self) -> str:
        return "x = x.flatten(1)"

    def worked(self, *inputs: Shape) -> str:
        product = number(math.prod(inputs[0]))
        return f"{times(inputs[0])} = {product}" if len(inputs[0]) > 1 else "same shape"

    def output(self, *inputs: Shape) -> Shape:
        return (math.prod(inputs[0]),)

    def field(self, fields: Sequence[Field | None], inputs: Sequence[Shape]) -> Field | None:
        field, shape = fields[0], inputs[0]
        return Field(field.rows, field.columns, shape[1:]) if field and len(shape) == 3 else field


@dataclass(frozen=True)
class Reshape(Layer):
    """view or reshape into another shape of as many numbers; one entry may be -1."""

    target: Shape

    @property
    def formula(self) -> str:
        return "as many numbers, another shape"

    def worked(self, *inputs: Shape) -> str:
        total = number(math.prod(inputs[0]))
        return f"{times(inputs[0])} = {total} = {times(self.output(*inputs))}"

    def output(self, *inputs: Shape) -> Shape:
        total, known = math.prod(inputs[0]), math.prod(n for n in self.target if n != -1)
        if total != known and (-1 not in self.target or total % known):
            raise ValueError(f"{number(total)} numbers do not fill the shape {by(self.target)}")
        return tuple(total // known if n == -1 else n for n in self.target)

    def field(self, fields: Sequence[Field | None], inputs: Sequence[Shape]) -> Field | None:
        everywhere = fields[0] and fields[0].rows.shift == fields[0].columns.shift == 0
        return fields[0] if everywhere or len(inputs[0]) == 1 == len(self.target) else None


@dataclass(frozen=True)
class Combine(Layer):
    """Two maps combined number by number, as in a + b; an axis of size 1 is repeated."""

    symbol: str

    @property
    def formula(self) -> str:
        return f"A {self.symbol} B: the same shape twice"

    def worked(self, *inputs: Shape) -> str:
        return f" {self.symbol} ".join(by(shape) for shape in inputs)

    def output(self, *inputs: Shape) -> Shape:
        width = max(len(shape) for shape in inputs)
        padded = [(1,) * (width - len(shape)) + shape for shape in inputs]
        axes = [set(axis) - {1} for axis in zip(*padded, strict=True)]
        if any(len(axis) > 1 for axis in axes):
            raise ValueError(f"the two sides differ: {self.worked(*inputs)}")
        return tuple(axis.pop() if axis else 1 for axis in axes)

    def field(self, fields: Sequence[Field | None], inputs: Sequence[Shape]) -> Field | None:
        return joined(fields, inputs)


@dataclass(frozen=True)
class Cat(Layer):
    """Maps laid one behind the other along an axis (0 is the channels)."""

    axis: int = 0

    @property
    def formula(self) -> str:
        return "A + B + …" if self.axis else "C₁ + C₂ + …"

    def worked(self, *inputs: Shape) -> str:
        parts = [shape[self.axis] for shape in inputs]
        return f"{' + '.join(map(str, parts))} = {sum(parts)}"

    def output(self, *inputs: Shape) -> Shape:
        rest = [shape[: self.axis] + shape[self.axis + 1 :] for shape in inputs]
        if len(set(rest)) > 1:
            raise ValueError(f"only axis {self.axis} may differ: {', '.join(map(by, inputs))}")
        total = sum(shape[self.axis] for shape in inputs)
        return (*inputs[0][: self.axis], total, *inputs[0][self.axis + 1 :])

    def field(self, fields: Sequence[Field | None], inputs: Sequence[Shape]) -> Field | None:
        return joined(fields, inputs) if self.axis == 0 and len(inputs[0]) == 3 else None


@dataclass(frozen=True)
class Mean(Layer):
    """The mean over the height and width of each channel."""

    keepdim: bool = False

    @property
    def formula(self) -> str:
        return "one mean of H·W numbers a channel"

    def worked(self, *inputs: Shape) -> str:
        return f"mean of {times(inputs[0][1:])} = {number(math.prod(inputs[0][1:]))} numbers"

    def output(self, *inputs: Shape) -> Shape:
        return (inputs[0][0], 1, 1) if self.keepdim else (inputs[0][0],)

    def field(self, fields: Sequence[Field | None], inputs: Sequence[Shape]) -> Field | None:
        return fields[0] and fields[0].whole(inputs[0][1:])


@dataclass(frozen=True)
class Plain(Layer):
    """Any other operation: only the shapes that were seen are known."""

    seen_inputs: tuple[Shape, ...]
    seen_output: Shape
    work: int = 0

    @property
    def formula(self) -> str:
        return ""

    def worked(self, *inputs: Shape) -> str:
        return ""

    def output(self, *inputs: Shape) -> Shape:
        if inputs != self.seen_inputs:
            raise ValueError(f"only known for {', '.join(map(by, self.seen_inputs))}")
        return self.seen_output

    def multiply_adds(self, values_in: int, values_out: int) -> int:
        return self.work

    def field(self, fields: Sequence[Field | None], inputs: Sequence[Shape]) -> Field | None:
        return None


def joined(fields: Sequence[Field | None], inputs: Sequence[Shape]) -> Field | None:
    """The field of several maps added or stacked; None unless each is known."""
    if None in fields or any(len(shape) not in (1, 3) for shape in inputs):
        return None
    fields = [field.settled() if field.flat else field for field in fields]
    spread = [shape if len(shape) == 3 else (1, 1, 1) for shape in inputs]
    rows, columns, (_, height, width) = fields[0].rows, fields[0].columns, spread[0]
    for field, (_, other_height, other_width) in zip(fields[1:], spread[1:], strict=True):
        rows = rows and rows.joined(field.rows, height, other_height)
        columns = columns and columns.joined(field.columns, width, other_width)
        height, width = max(height, other_height), max(width, other_width)
    return Field(rows, columns) if rows and columns else None
