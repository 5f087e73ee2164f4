"""The layers with a sliding window: convolution, transposed convolution and pooling.

Each rule is written once, as a function that takes symbols and gives the formula, or numbers and gives the
worked line, so the two cannot differ.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from . import sizes
from .layers import Layer
from .notation import Shape, by, number, short, times
from .receptive import Field, Reach

Pair = tuple[int, int]


def window_rule(n, k, s, p, d=None, up: bool = False) -> str:
    """The size of a convolution or pooling, as text; d only where there is a dilation."""
    reach = f"{k}" if d is None else f"{d}·({k} − 1) − 1"
    left, right = "⌈⌉" if up else "⌊⌋"
    return f"{left}({n} + 2·{p} − {reach}) / {s}{right} + 1"


def transpose_rule(n, k, s, p, o, d) -> str:
    """The size of a transposed convolution, as text."""
    return f"({n} − 1)·{s} − 2·{p} + {d}·({k} − 1) + {o} + 1"


def both_axes(lines: Sequence[tuple[str, int]]) -> str:
    """The worked lines for height and width, as one line if they are the same."""
    height, width = (f"{text} = {size}" for text, size in lines)
    return height if height == width else f"H: {height}; W: {width}"


@dataclass(frozen=True)
class Windowed(Layer):
    """What all of them share: only the last two axes change size."""

    def size(self, size: Pair) -> Pair:
        raise NotImplementedError

    def channels(self, channels: int) -> int:
        return channels

    def output(self, *inputs: Shape) -> Shape:
        if len(inputs[0]) != 3:
            raise ValueError(f"needs channels, height and width: got {by(inputs[0])}")
        channels, *size = inputs[0]
        return (self.channels(channels), *self.size(tuple(size)))


@dataclass(frozen=True)
class Kernels(Windowed):
    """A convolution of either kind: kernels with weights."""

    in_channels: int
    out_channels: int
    kernel_size: Pair
    stride: Pair = (1, 1)
    padding: Pair | str = (0, 0)
    dilation: Pair = (1, 1)
    groups: int = 1
    bias: bool = True
    output_padding: Pair = (0, 0)

    name = "Conv2d"

    @property
    def code(self) -> str:
        parts = [str(self.in_channels), str(self.out_channels), f"kernel_size={short(self.kernel_size)}"]
        for name, default in [
            ("stride", (1, 1)),
            ("padding", (0, 0)),
            ("output_padding", (0, 0)),
            ("dilation", (1, 1)),
            ("groups", 1),
            ("bias", True),
        ]:
            value = getattr(self, name)
            if value != default:
                text = short(value) if isinstance(value, tuple) else repr(value)
                parts.append(f"{name}={text}")
        return f"nn.{self.name}({', '.join(parts)})"

    def channels(self, channels: int) -> int:
        return self.out_channels

    def weights(self) -> tuple[int, str]:
        kernel = (self.in_channels // self.groups, *self.kernel_size)
        count = self.out_channels * (math.prod(kernel) + self.bias)
        factor = f"({times(kernel)} + 1)" if self.bias else times(kernel)
        return count, f"{self.out_channels}·{factor} = {number(count)}"


@dataclass(frozen=True)
class Conv2d(Kernels):
    """nn.Conv2d."""

    @property
    def formula(self) -> str:
        if self.padding == "same":
            return 'H, by padding="same"'
        return window_rule("H", "k", "s", "p", None if self.dilation == (1, 1) else "d")

    def worked(self, *inputs: Shape) -> str:
        if self.padding == "same":
            return both_axes([(str(n), n) for n in inputs[0][1:]])
        axes = zip(
            inputs[0][1:],
            self.kernel_size,
            self.stride,
            self.padding,
            self.dilation,
            self.size(inputs[0][1:]),
        )
        plain = self.dilation == (1, 1)
        return both_axes(
            [(window_rule(n, k, s, p, None if plain else d), size) for n, k, s, p, d, size in axes]
        )

    def size(self, size: Pair) -> Pair:
        return sizes.conv2d_size(size, self.kernel_size, self.stride, self.padding, self.dilation)

    def multiply_adds(self, values_in: int, values_out: int) -> int:
        return values_out * (self.in_channels // self.groups) * math.prod(self.kernel_size)

    def field(self, fields: Sequence[Field | None], inputs: Sequence[Shape]) -> Field | None:
        padding = self.padding
        if padding == "same":  # with an odd total, the extra pixel goes to the right
            padding = [d * (k - 1) // 2 for d, k in zip(self.dilation, self.kernel_size, strict=True)]
        return windowed(fields[0], self.kernel_size, self.stride, padding, self.dilation)


@dataclass(frozen=True)
class ConvTranspose2d(Kernels):
    """nn.ConvTranspose2d."""

    name = "ConvTranspose2d"

    @property
    def formula(self) -> str:
        return transpose_rule("H", "k", "s", "p", "o", "d")

    def worked(self, *inputs: Shape) -> str:
        size = inputs[0][1:]
        axes = zip(
            size,
            self.kernel_size,
            self.stride,
            self.padding,
            self.output_padding,
            self.dilation,
            self.size(size),
        )
        return both_axes([(transpose_rule(*numbers), result) for *numbers, result in axes])

    def size(self, size: Pair) -> Pair:
        return sizes.conv_transpose2d_size(
            size, self.kernel_size, self.stride, self.padding, self.output_padding, self.dilation
        )

    def multiply_adds(self, values_in: int, values_out: int) -> int:
        return values_in * (self.out_channels // self.groups) * math.prod(self.kernel_size)

    def field(self, fields: Sequence[Field | None], inputs: Sequence[Shape]) -> Field | None:
        if fields[0] is None:
            return None
        reach = (fields[0].rows, fields[0].columns)
        numbers = zip(reach, self.kernel_size, self.stride, self.padding, self.dilation, strict=True)
        return Field(*(spread_kernel(*axis) for axis in numbers))


@dataclass(frozen=True)
class Pool2d(Windowed):
    """nn.MaxPool2d and nn.AvgPool2d."""

    kind: str
    kernel_size: Pair
    stride: Pair
    padding: Pair = (0, 0)
    dilation: Pair = (1, 1)
    ceil_mode: bool = False

    @property
    def formula(self) -> str:
        text = window_rule("H", "k", "s", "p", None if self.dilation == (1, 1) else "d", self.ceil_mode)
        return f"{text}, less 1 if the last window starts outside" if self.ceil_mode else text

    @property
    def code(self) -> str:
        parts = [short(self.kernel_size)]
        parts += [f"stride={short(self.stride)}"] if self.stride != self.kernel_size else []
        parts += [f"padding={short(self.padding)}"] if self.padding != (0, 0) else []
        parts += [f"dilation={short(self.dilation)}"] if self.dilation != (1, 1) else []
        parts += ["ceil_mode=True"] if self.ceil_mode else []
        return f"nn.{self.kind}({', '.join(parts)})"

    def worked(self, *inputs: Shape) -> str:
        size = inputs[0][1:]
        plain = self.dilation == (1, 1)
        lines = []
        for n, k, s, p, d, result in zip(
            size, self.kernel_size, self.stride, self.padding, self.dilation, self.size(size), strict=True
        ):
            text = window_rule(n, k, s, p, None if plain else d, self.ceil_mode)
            windows = -((d * (k - 1) + 1 - n - 2 * p) // s) + 1
            less = self.ceil_mode and windows != result
            lines.append((f"{text} = {windows}, less 1" if less else text, result))
        return both_axes(lines)

    def size(self, size: Pair) -> Pair:
        return sizes.pool2d_size(
            size, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode
        )

    def field(self, fields: Sequence[Field | None], inputs: Sequence[Shape]) -> Field | None:
        return windowed(fields[0], self.kernel_size, self.stride, self.padding, self.dilation)


def windowed(field: Field | None, kernel, stride, padding, dilation) -> Field | None:
    """The field after a window has slid over a map."""
    if field is None:
        return None
    axes = zip((field.rows, field.columns), kernel, stride, padding, dilation, strict=True)
    return Field(*(reach.window(k, s, p, d) for reach, k, s, p, d in axes))


def spread_kernel(reach: Reach, k: int, s: int, p: int, d: int) -> Reach:
    """The reach after a transposed convolution: output o gets input i where o = i·s − p + d·tap."""
    return reach.spread(s, lambda o: [(o + p - d * t) // s for t in range(k) if (o + p - d * t) % s == 0])
