"""What a wrong answer reveals: the slips that give exactly this answer.

An answer to a step of a derivation is a shape (a tuple) or a number of parameters (an int). Each slip that the
course knows is worked out for the step at hand; those that give the answer are named. If no single slip does,
combinations of a slip in the size, one in the channels and one in the order of the axes are tried.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import product
from typing import TYPE_CHECKING

from . import parameter_slips, size_slips
from .layers import Cat, Combine, Flatten, Linear, Norm, Pointwise
from .notation import Shape, by, number, times, without_result
from .windows import Kernels, Pool2d

if TYPE_CHECKING:
    from .derivation import Step

Slip = tuple[Shape, str]  # the answer it gives, and the sentence that names it; {it} stands for the answer


def diagnose(step: Step, answer: int | Sequence[int]) -> list[str]:
    """The slips that give exactly this answer, a sentence each; an empty list for a correct answer.

    answer: the output shape for one image, or an int for the parameters (for a step without any whose
    output is one row, such as flatten, an int is the length of the row). A wrong answer that no known slip
    gives gets one sentence that says so and shows the arithmetic. ValueError if it is neither.
    """
    parts = tuple(answer) if isinstance(answer, (tuple, list)) else (answer,)
    if not parts or not all(isinstance(n, (int, float)) and not isinstance(n, bool) for n in parts):
        raise ValueError(
            f"an answer is a shape such as (64, 30, 30) or a number of parameters: got {answer!r}"
        )
    if broken := next((n for n in parts if n != int(n)), None):
        return [f"{broken} is no whole number: half a pixel cannot be, so round down (in Python, // does)."]
    whole = tuple(int(n) for n in parts)
    is_row = len(step.output_shape) == 1 and not step.layer.weights()[0]
    if isinstance(answer, (tuple, list)) or is_row:
        return shape_slips(step, whole)
    return count_slips(step, whole[0])


def count_slips(step: Step, answer: int) -> list[str]:
    """The slips that give this number of parameters."""
    if answer == step.params:
        return []
    if step.params_worked.startswith("counted") and answer == step.layer.weights()[0]:
        return [f"These {number(answer)} are {step.params_worked}: a layer used twice has its weights once."]
    if not step.params and not step.params_worked:
        return [f"{step.op} has nothing to learn: no parameters."]
    found = [text for count, text in parameter_slips.slips(step) if count == answer]
    right = without_result(step.params_worked)
    return list(dict.fromkeys(found)) or [f"No known slip gives {number(answer)}. The line is {right}."]


def shape_slips(step: Step, answer: Shape) -> list[str]:
    """The slips that give this shape."""
    right = step.output_shape
    if answer == right:
        return []
    found = [text.format(it=answer) for shape, text in whole_slips(step) if shape == answer]
    if answer[1:] == right:
        found.append(
            f"{answer[0]} in front would be the batch axis: give the shape of one image, without it."
        )
    if len(right) == 3:
        together = combined(step, answer)
        found += [" ".join(texts) for texts in together if len(texts) == 1 or not found]
    found = found or keeping_slips(step, answer)
    return list(dict.fromkeys(found)) or [unexplained(step, answer)]


def combined(step: Step, answer: Shape) -> list[list[str]]:
    """One slip or two, in channels, size and order, that give this answer: a list for each way with the fewest."""
    right_channels, *right_size = step.output_shape
    ways = []
    for (channels, one), (size, two), (order, three) in product(
        [(right_channels, ""), *channel_slips(step)],
        [(tuple(right_size), ""), *size_slips.slips(step)],
        [(lambda shape: shape, ""), *order_slips()],
    ):
        way = [(text, part) for text, part in ((one, channels), (two, by(size)), (three, "")) if text]
        if len(way) <= 2 and order((channels, *size)) == answer:
            ways.append(way)
    fewest = min(map(len, ways), default=0)
    return [
        [text.format(it=answer if fewest == 1 else part) for text, part in way]
        for way in ways
        if len(way) == fewest
    ]


def channel_slips(step: Step) -> list[tuple[int, str]]:
    """The numbers of channels that slips give."""
    if not isinstance(step.layer, Kernels):
        return []
    into, out = step.input_shape[0], step.layer.out_channels
    kernels = f"each of the {out} kernels makes one map, so {out} channels go out."
    slips = [
        (into, f"You kept the {into} channels that come in: {kernels}"),
        (into * out, f"You multiplied the channels: a kernel sums over all {into}; {kernels}"),
        (1, f"You counted the map of one kernel: {kernels}"),
    ]
    return [(channels, text) for channels, text in slips if channels != out]


def order_slips() -> list[tuple[Callable[[Shape], Shape], str]]:
    """What can go wrong with the order of (C, H, W)."""
    order = "the order is channels, height, width."
    return [
        (lambda s: (s[1], s[2], s[0]), f"You put the channels last: {order}"),
        (lambda s: (s[0], s[2], s[1]) if s[1] != s[2] else (), f"You swapped height and width: {order}"),
        (lambda s: s[1:], f"You left the channels out: {order}"),
    ]


def whole_slips(step: Step) -> Iterable[Slip]:
    """Slips that replace the whole shape."""
    layer, shapes, right = step.layer, step.input_shapes, step.output_shape
    if isinstance(layer, Kernels):
        weight = (layer.out_channels, layer.in_channels // layer.groups, *layer.kernel_size)
        yield weight, "{it} is the shape of the weights, not of what the layer gives."
    if isinstance(layer, Linear):
        into, out = layer.in_features, layer.out_features
        yield (into,), f"{{it}} is what comes in: the layer turns {into} features into {out}."
        for weight in ((out, into), (into, out)):
            yield weight, "{it} is the shape of the weights, not of what the layer gives."
    if isinstance(layer, Flatten) and len(shapes[0]) == 3:
        c, h, w = shapes[0]
        all_of_them = f"flatten keeps every number, {times(shapes[0])} of them."
        yield (h * w,), f"You flattened without the channels: {{it}} is {h}·{w}; {all_of_them}"
        yield (c,), f"You counted the channels only: {all_of_them}"
        yield (c * h,), f"You multiplied two of the three sizes: {all_of_them}"
        yield (c * w,), f"You multiplied two of the three sizes: {all_of_them}"
        yield (c + h + w,), f"You added the sizes: multiply them, {times(shapes[0])}."
        yield (c, h * w), "You flattened height and width only: the channels go into the same row."
        yield shapes[0], "{it} is what comes in: flatten makes one row of it."
    if isinstance(layer, Combine) and len(right) == 3:
        channels = sum(shape[0] for shape in shapes)
        yield (channels, *right[1:]), f"{{it}} is what cat gives: {layer.symbol} works number by number."
    if isinstance(layer, Cat) and len(right) == 3:
        for shape in shapes:
            yield (
                shape,
                f"{{it}} is one of the inputs: cat lays them behind each other, {without_result(step.worked)}.",
            )
        yield (
            tuple(map(sum, zip(*shapes, strict=True))),
            f"You added every axis: only axis {layer.axis} grows.",
        )
    if not isinstance(layer, (Linear, Flatten, Combine, Cat)) and shapes[0] != right:
        yield shapes[0], f"{{it}} is what comes in: {step.op} changes it."


def keeping_slips(step: Step, answer: Shape) -> list[str]:
    """What to say of any answer that changes what this step never changes."""
    if isinstance(step.layer, (Pointwise, Norm)):
        return [f"{step.op} changes numbers, not shapes: what goes out is as large as what comes in."]
    if isinstance(step.layer, Pool2d) and answer[1:] == step.output_shape[1:]:
        return [f"A pooling works on each channel by itself: {step.input_shape[0]} come in and go out."]
    return []


def unexplained(step: Step, answer: Shape) -> str:
    """The sentence for an answer that no known slip gives."""
    text = f"No known slip gives {answer}."
    names = ("channels", "height", "width")
    if len(answer) == len(step.output_shape) == 3:
        right = [n for n, a, b in zip(names, answer, step.output_shape, strict=True) if a == b]
        if right:
            text += f" Right: {' and '.join(right)}."
    worked = without_result(step.worked)
    return f"{text} The line is {worked}." if worked not in ("", "same shape") else text
