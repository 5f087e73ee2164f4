"""What to say about a layer that does not fit: what came in, what it expects, and the line to write instead."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import singledispatch
from typing import TYPE_CHECKING

from .layers import Cat, Combine, Flatten, Layer, Linear, Norm, Pointwise
from .notation import Shape, by, number, short, times
from .resize import PixelShuffle
from .windows import Conv2d, Kernels, Pool2d, Windowed

if TYPE_CHECKING:
    from .derivation import Step


def came(steps: Sequence[Step], source: int, shape: Shape) -> str:
    """What comes in and where from: 'flatten gives 128·2·2 = 512'. A source of -1 is the model's input."""
    if source < 0:
        return f"the input is {by(shape)}"
    origin = steps[source]
    while isinstance(origin.layer, (Pointwise, Norm)) and origin.sources[0] >= 0:
        origin = steps[origin.sources[0]]  # a dropout after flatten hands on what flatten gives
    if isinstance(origin.layer, Flatten) and origin.output_shape == shape and len(origin.input_shape) > 1:
        return f"{origin.name} gives {origin.worked}"
    return f"{steps[source].name} gives {by(shape)}"


def explain(
    name: str, layer: Layer, shapes: Sequence[Shape], steps: Sequence[Step], sources: Sequence[int]
) -> str | None:
    """Why this layer cannot take these shapes, with the line to write instead; None if it can.

    sources are the positions of the steps where the shapes come from.
    """
    if isinstance(layer, Combine):  # the later one first: the other is the shortcut
        order = sorted(range(len(shapes)), key=lambda place: -sources[place])
        shapes, sources = [shapes[i] for i in order], [sources[i] for i in order]
    origins = [came(steps, source, shape) for source, shape in zip(sources, shapes, strict=True)]
    problem = _problem(layer, shapes, origins)
    if problem is None:
        try:
            layer.output(*shapes)
        except ValueError as error:
            problem = f"cannot take it, {origins[0]}: {error}"
    return problem and f"{name} {problem}"


@singledispatch
def _problem(layer: Layer, shapes: Sequence[Shape], origins: Sequence[str]) -> str | None:
    return None


@_problem.register
def _(layer: Linear, shapes: Sequence[Shape], origins: Sequence[str]) -> str | None:
    shape, expected = shapes[0], layer.in_features
    if shape[-1] == expected:
        return None
    fitting = replace(layer, in_features=math.prod(shape)).code
    if len(shape) == 1:
        return f"expects {number(expected)} features, {origins[0]}: {fitting}"
    instead = "" if math.prod(shape) == expected else f", and {fitting}"
    return f"expects {number(expected)} features in a row, {origins[0]}: x = x.flatten(1) before it{instead}"


@_problem.register
def _(layer: Windowed, shapes: Sequence[Shape], origins: Sequence[str]) -> str | None:
    shape = shapes[0]
    if len(shape) == 3:
        return _wrong_channels(layer, shape, origins[0]) or _too_small(layer, shape, origins[0])
    if len(shape) > 3:
        return f"expects channels×height×width, {origins[0]}: leave the batch axis out, {by(shape[1:])}"
    instead = "use it before the flatten"
    channels = getattr(layer, "in_channels", shape[0])
    if math.isqrt(shape[-1] // channels) ** 2 * channels == shape[-1]:
        side = math.isqrt(shape[-1] // channels)
        instead += f", or x = x.view(-1, {channels}, {side}, {side})"
    return f"expects channels×height×width, {origins[0]}: {instead}"


def _wrong_channels(layer: Windowed, shape: Shape, origin: str) -> str | None:
    channels = shape[0]
    if not isinstance(layer, Kernels) or channels == layer.in_channels:
        return None
    expects = f"expects {layer.in_channels} channel{'s' * (layer.in_channels > 1)}, {origin}"
    if shape[-1] == layer.in_channels:
        return f"{expects}: channels come first, x.permute(0, 3, 1, 2)"
    if layer.groups == layer.in_channels > 1:  # depthwise: one kernel (or a few) for each channel
        per_channel = layer.out_channels // layer.in_channels
        fitting = replace(layer, in_channels=channels, out_channels=channels * per_channel, groups=channels)
    else:
        fitting = replace(layer, in_channels=channels, groups=math.gcd(layer.groups, channels))
    return f"{expects}: {fitting.code}"


def _too_small(layer: Windowed, shape: Shape, origin: str) -> str | None:
    if not isinstance(layer, (Conv2d, Pool2d)) or layer.padding == "same":
        return None
    reach = tuple(d * (k - 1) + 1 for d, k in zip(layer.dilation, layer.kernel_size, strict=True))
    axes = zip(shape[1:], layer.padding, reach, strict=True)
    if all(n + 2 * p >= r for n, p, r in axes) or getattr(layer, "ceil_mode", False):
        return None
    if isinstance(layer, Conv2d):
        instead = replace(layer, padding=tuple(r // 2 for r in reach)).code
    elif min(shape[1:]) > 1:
        instead = replace(
            layer, kernel_size=shape[1:], stride=shape[1:], padding=(0, 0), dilation=(1, 1)
        ).code
    else:
        instead = "leave this pooling out, or an earlier one"
    padded = "" if layer.padding == (0, 0) else f" with padding={short(layer.padding)}"
    return f"expects at least {by(reach)} pixels, {origin}{padded}: {instead}"


@_problem.register
def _(layer: Norm, shapes: Sequence[Shape], origins: Sequence[str]) -> str | None:
    if not layer.kind.startswith("Batch") or shapes[0][0] == layer.channels:
        return None
    what = "channels" if len(shapes[0]) > 1 else "features"
    return f"expects {layer.channels} {what}, {origins[0]}: {replace(layer, channels=shapes[0][0]).code}"


@_problem.register
def _(layer: Combine, shapes: Sequence[Shape], origins: Sequence[str]) -> str | None:
    try:
        layer.output(*shapes)
    except ValueError:
        expects = f"expects the same shape on both sides of {layer.symbol}, {origins[0]} and {origins[1]}"
        return f"{expects}{_shortcut(*shapes) or _shortcut(*reversed(shapes))}"
    return None


def _shortcut(new: Shape, old: Shape) -> str:
    """The convolution that brings the shortcut of a residual block to the shape of the block's output."""
    if len(new) != 3 or len(old) != 3 or new[1] > old[1] or new[2] > old[2]:
        return ""
    stride = -(-old[1] // new[1])
    layer = Conv2d(old[0], new[0], (1, 1), (stride, stride), bias=False)
    if layer.output(old) == new:
        return f": {layer.code} in the shortcut"
    return f": padding in the convolutions keeps {by(old[1:])}"


@_problem.register
def _(layer: Cat, shapes: Sequence[Shape], origins: Sequence[str]) -> str | None:
    try:
        layer.output(*shapes)
    except ValueError:
        axis = (
            ("channels", "height", "width")[layer.axis] if len(shapes[0]) == 3 else f"axis {layer.axis + 1}"
        )
        expects = f"expects shapes that differ only in {axis}, {' and '.join(origins)}"
        maps = all(len(shape) == 3 for shape in shapes) and layer.axis == 0
        return expects + (
            f": padding in the convolutions keeps {by(max(shape[1:] for shape in shapes))}" if maps else ""
        )
    return None


@_problem.register
def _(layer: PixelShuffle, shapes: Sequence[Shape], origins: Sequence[str]) -> str | None:
    channels, group = shapes[0][0], layer.factor**2
    if len(shapes[0]) != 3 or channels % group == 0:
        return None
    enough = -(-channels // group) * group
    return f"expects a multiple of {layer.factor}² = {group} channels, {origins[0]}: give the layer before it {enough}"


def wrong_view(name: str, call: str, shape: Shape, origin: str, after: tuple[str, int] | None) -> str:
    """A view or reshape that asks for another number of values than there are; after: see mixing."""
    return f"{_view(name, call)} does not fit: {_flatten_instead(shape, origin, after)}"


def mixing(name: str, call: str, shape: Shape, origin: str, after: tuple[str, int] | None) -> str:
    """A view, reshape or flatten that loses the batch axis; after: name and outputs of the linear layer behind it."""
    return f"{_view(name, call)} mixes the images of a batch: {_flatten_instead(shape, origin, after)}"


def _view(name: str, call: str) -> str:
    return call if call.startswith(name) else f"{name}: {call}"


def _flatten_instead(shape: Shape, origin: str, after: tuple[str, int] | None) -> str:
    total = math.prod(shape)
    linear = f", and {after[0]} = nn.Linear({total}, {after[1]})" if after else ""
    return f"{origin}, {times(shape)} = {number(total)} values an image: x = x.flatten(1){linear}"


def refused(name: str, module: str, shape: Shape, origin: str, error: Exception) -> str:
    """A module of PyTorch that refuses the number of axes."""
    if module == "BatchNorm2d" and len(shape) == 1:
        return f"{name} expects channels×height×width, {origin}: nn.BatchNorm1d({shape[0]})"
    if module == "BatchNorm1d" and len(shape) == 3:
        return f"{name} expects a row of features, {origin}: nn.BatchNorm2d({shape[0]})"
    return f"{name} cannot take {by(shape)}: {str(error).splitlines()[0]}"
