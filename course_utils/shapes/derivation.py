"""A derivation: the steps of a model in the order they run, each with its arithmetic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

from . import table
from .layers import Layer
from .notation import Shape
from .receptive import Field

if TYPE_CHECKING:
    from .check import Checked

INPUT = -1  # the source of a step that reads the model's input


class ShapeError(ValueError):
    """The layers of a model do not fit together. `derivation` holds the steps before the fault."""

    def __init__(self, message: str, derivation: Derivation) -> None:
        super().__init__(message)
        self.derivation = derivation


@dataclass(frozen=True, repr=False)
class Step:
    """One operation of a model on one image: shapes have no batch axis.

    sources           the steps whose outputs come in, by position (-1: the model's input)
    params            numbers learned here, in params_worked as arithmetic; 0 if counted at an earlier step
    multiply_adds     multiplications for one image
    field             what the output sees of the input image, None where it is not followed
    """

    name: str
    op: str
    layer: Layer
    sources: tuple[int, ...]
    input_shapes: tuple[Shape, ...]
    output_shape: Shape
    params: int = 0
    params_worked: str = ""
    multiply_adds: int = 0
    field: Field | None = None

    @property
    def input_shape(self) -> Shape:
        """The (first) shape that comes in."""
        return self.input_shapes[0]

    @property
    def formula(self) -> str:
        """The rule for the output's shape in symbols."""
        return self.layer.formula

    @property
    def worked(self) -> str:
        """The same rule with this layer's numbers."""
        return self.layer.worked(*self.input_shapes)

    @property
    def receptive_field(self) -> tuple[int, int] | None:
        """Height and width, in input pixels, of what one output position sees; borders are not counted."""
        return self.field and self.field.size

    @property
    def jump(self) -> tuple[Fraction, Fraction] | None:
        """How many input pixels apart two neighbouring output positions look, down and across."""
        return self.field and (self.field.rows.jump, self.field.columns.jump)

    def __repr__(self) -> str:
        return table.step_text(self)


@dataclass(frozen=True, repr=False)
class Derivation:
    """Every step of a model. Iterate over it, take its len, index it by position or by name.

    input_shape       the shape of one image, without the batch axis
    unused            parameters that this pass does not use, as {module name: count}
    """

    input_shape: Shape
    steps: tuple[Step, ...]
    unused: Mapping[str, int] = field(default_factory=dict)

    @property
    def output_shape(self) -> Shape:
        """The shape that the last step gives, for one image."""
        return self.steps[-1].output_shape if self.steps else self.input_shape

    @property
    def params(self) -> int:
        """All parameters of the model, those that this pass does not use included."""
        return sum(step.params for step in self.steps) + sum(self.unused.values())

    @property
    def multiply_adds(self) -> int:
        """Multiplications for one image, all steps together."""
        return sum(step.multiply_adds for step in self.steps)

    def check(
        self,
        shapes: Mapping[str, Sequence[int]] | Sequence[Sequence[int]],
        params: Mapping[str, int] | Sequence[int] | None = None,
    ) -> Checked:
        """Judge a derivation done by hand: each line on its own arithmetic, from the value of the line before.

        shapes: {step name: shape}, in which steps may be left out, or one shape for each step in order (with
        or without the steps that never change a shape, such as ReLU). params: the parameter counts, {name:
        count} or one for each step that has any. Shapes have no batch axis. ValueError for a name that
        is no step, or a list of the wrong length.
        """
        from .check import check

        return check(self, shapes, params)

    def __len__(self) -> int:
        return len(self.steps)

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __getitem__(self, key: int | slice | str):
        if not isinstance(key, str):
            return self.steps[key]
        for step in self.steps:
            if step.name == key:
                return step
        raise KeyError(f"no step is called {key!r}; the steps are {', '.join(s.name for s in self.steps)}")

    def __repr__(self) -> str:
        return table.derivation_text(self)

    def _repr_html_(self) -> str:
        return table.derivation_html(self)
