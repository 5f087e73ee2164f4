"""A network's derivation as a form: one line a layer, each answer checked while it is typed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import traitlets

from course_utils import shapes
from course_utils.shapes import Checked, Derivation, Step, table
from course_utils.shapes.layers import Linear, Norm, Pointwise
from course_utils.shapes.notation import by
from course_utils.shapes.windows import Kernels, Windowed

from .base import Widget, script, style
from .shape_answers import Answers, judge, read_all

if TYPE_CHECKING:
    from torch import nn


class ShapeForm(Widget):
    """A derivation to fill in: for each layer the shape that comes out, and the number of parameters.

    Give a model and the shape of one image without the batch axis, or a Derivation. Steps that change each number
    by itself, such as ReLU, have no line. What is typed is judged as by Derivation.check: a slip is named, and the
    lines after it are judged from the student's own value. The right answers stay in Python.

    `answers` is what was typed, `checked` what the engine says about it. ValueError as from shapes.derive.
    """

    _esm = script("common.js", "shape_form.js")
    _css = style("common.css", "shape_form.css")

    input = traitlets.Unicode().tag(sync=True)
    lines = traitlets.List().tag(sync=True)  # what each line shows
    typed = traitlets.Dict().tag(sync=True)  # the texts in the fields: {name: {"shape": ..., "params": ...}}
    editing = traitlets.Unicode().tag(sync=True)  # "name shape" while the student is still typing there
    verdicts = traitlets.Dict().tag(sync=True)
    error = traitlets.Unicode().tag(sync=True)  # what went wrong in Python, shown in the form

    def __init__(self, model: nn.Module | Derivation, input_shape: Sequence[int] | None = None) -> None:
        if isinstance(model, Derivation):
            if input_shape not in (None, model.input_shape):
                raise ValueError(f"this derivation starts from {model.input_shape}, not from {input_shape}")
            self.derivation = model
        elif input_shape is None:
            raise ValueError("input_shape is missing: ShapeForm(model, (3, 32, 32))")
        else:
            self.derivation = shapes.derive(model, input_shape)
        super().__init__(input=by(self.derivation.input_shape), lines=lines_of(self.derivation))
        self.observe(self._judge, ["typed", "editing"])

    @property
    def answers(self) -> Answers:
        """What was typed and can be read: Answers(shapes={name: shape}, params={name: count})."""
        return read_all(self.derivation, self.typed)[0]

    @property
    def checked(self) -> Checked:
        """What Derivation.check says about the answers."""
        return self.derivation.check(*self.answers)

    def _judge(self, change) -> None:
        try:
            self.verdicts = judge(self.derivation, self.typed, self.editing)
            self.error = ""
        except (
            Exception
        ) as error:  # whatever it is, the student must see it: nothing shows a callback's traceback
            self.error = f"{type(error).__name__}: {error}"

    def static_view(self) -> dict[str, str]:
        rows = [
            ("input", "", self.input, ""),
            *((line["name"], line["layer"], "…", "…") for line in self.lines),
        ]
        return {"text/html": table.html_table(("step", "layer", "output shape", "parameters"), rows)}

    def __repr__(self) -> str:
        return f"ShapeForm(input {by(self.derivation.input_shape)}, {len(self.lines)} lines)"


def lines_of(derivation: Derivation) -> list[dict[str, Any]]:
    """What the form shows of each step: nothing here tells an answer."""
    lines: list[dict[str, Any]] = []
    for step in derivation:
        if isinstance(step.layer, Pointwise):
            continue
        sources = [source_name(derivation, source) for source in step.sources]
        before = lines[-1]["name"] if lines else "input"
        lines.append(
            {
                "name": step.name,
                "layer": layer_text(step),
                "source": "" if sources == [before] else ", ".join(sources),
                "hint": hint(step),
            }
        )
    return lines


def source_name(derivation: Derivation, source: int) -> str:
    """The line that a step reads from: a step that only changes numbers hands on what it got."""
    while source >= 0 and isinstance(derivation[source].layer, Pointwise):
        source = derivation[source].sources[0]
    return "input" if source < 0 else derivation[source].name


def layer_text(step: Step) -> str:
    """The layer as code. How many features enter a Linear is left out: it is the answer to the line before."""
    if isinstance(step.layer, Linear):
        return f"Linear(…, {step.layer.out_features}{'' if step.layer.bias else ', bias=False'})"
    return step.layer.code.removeprefix("nn.").removeprefix("x = x.") or step.op


LETTERS = {"k": "kernel", "s": "stride", "p": "padding", "d": "dilation", "o": "output_padding"}


def hint(step: Step) -> list[str]:
    """The formulas of a step in symbols."""
    return [f"Output: {output_rule(step)}", f"Parameters: {parameter_rule(step)}"]


def output_rule(step: Step) -> str:
    if not isinstance(step.layer, Windowed):
        return step.formula or "no formula is known here: run the layer on a tensor of zeros and look"
    channels = "as many as kernels" if isinstance(step.layer, Kernels) else "as many as come in"
    used = re.findall(r"\b[kspdo]\b", step.formula)
    letters = ", ".join(f"{letter} = {name}" for letter, name in LETTERS.items() if letter in used)
    return (
        f"channels: {channels}; height: {step.formula}, with H = height coming in, {letters}; width likewise"
    )


def parameter_rule(step: Step) -> str:
    layer = step.layer
    if isinstance(layer, Kernels):
        slices = "C_in" if layer.groups == 1 else "C_in/groups"
        return f"C_out·({slices}·k·k + 1)" if layer.bias else f"C_out·{slices}·k·k"
    if isinstance(layer, Linear):
        return "out·(in + 1)" if layer.bias else "out·in"
    if isinstance(layer, Norm) and layer.affine:
        return "2·C, a scale and a shift for each channel"
    return "one for each number that training changes"
