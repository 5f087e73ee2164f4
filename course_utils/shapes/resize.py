"""The layers that change a map's height and width by other means than a sliding window of fixed size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from .notation import Shape, by, short
from .receptive import Field
from .windows import Pair, Windowed, both_axes, windowed


@dataclass(frozen=True)
class AdaptivePool2d(Windowed):
    """nn.AdaptiveAvgPool2d and nn.AdaptiveMaxPool2d; None keeps the size of that axis."""

    kind: str
    output_size: tuple[int | None, int | None]

    @property
    def formula(self) -> str:
        return "the size asked for"

    @property
    def code(self) -> str:
        return f"nn.{self.kind}({short(self.output_size)})"

    def worked(self, *inputs: Shape) -> str:
        return f"{by(inputs[0][1:])} pooled to the {by(self.size(inputs[0][1:]))} asked for"

    def size(self, size: Pair) -> Pair:
        return tuple(
            old if asked is None else asked for old, asked in zip(size, self.output_size, strict=True)
        )

    def field(self, fields: Sequence[Field | None], inputs: Sequence[Shape]) -> Field | None:
        old, new = inputs[0][1:], self.size(inputs[0][1:])
        if any(o % n for o, n in zip(old, new, strict=True)):
            return None  # windows of unequal size: not one pattern that repeats
        window = [o // n for o, n in zip(old, new, strict=True)]
        return windowed(fields[0], window, window, (0, 0), (1, 1))


@dataclass(frozen=True)
class Upsample(Windowed):
    """nn.Upsample and F.interpolate: by a factor, or to a size."""

    factor: tuple[float, float] | None
    output_size: Pair | None = None
    mode: str = "nearest"

    @property
    def formula(self) -> str:
        return "⌊H·scale⌋" if self.factor else "the size asked for"

    def worked(self, *inputs: Shape) -> str:
        size = self.size(inputs[0][1:])
        if not self.factor:
            return f"{by(inputs[0][1:])} drawn at the {by(size)} asked for"
        axes = zip(inputs[0][1:], self.factor, size, strict=True)
        return both_axes([(f"⌊{n}·{factor:g}⌋", result) for n, factor, result in axes])

    def size(self, size: Pair) -> Pair:
        if not self.factor:
            return self.output_size
        return tuple(math.floor(n * factor) for n, factor in zip(size, self.factor, strict=True))

    def field(self, fields: Sequence[Field | None], inputs: Sequence[Shape]) -> Field | None:
        old, new = inputs[0][1:], self.size(inputs[0][1:])
        if fields[0] is None or self.mode not in SOURCES or any(n % o for o, n in zip(old, new, strict=True)):
            return None
        reach = zip((fields[0].rows, fields[0].columns), old, new, strict=True)
        return Field(*(axis.spread(n // o, SOURCES[self.mode](n // o)) for axis, o, n in reach))


# Which positions of the small map a position of the large one is made from, for a whole-number factor.
SOURCES = {
    "nearest": lambda factor: lambda place: [place // factor],
    "bilinear": lambda factor: (
        lambda place: {
            (2 * place + 1 - factor) // (2 * factor),
            -((factor - 1 - 2 * place) // (2 * factor)),
        }
    ),
}


@dataclass(frozen=True)
class PixelShuffle(Windowed):
    """nn.PixelShuffle: groups of r² channels become r×r pixels."""

    factor: int

    @property
    def formula(self) -> str:
        return "C / r², H·r, W·r"

    def worked(self, *inputs: Shape) -> str:
        channels, height, width = inputs[0]
        r = self.factor
        return (
            f"{channels} / {r}² = {channels // r**2}; {height}·{r} = {height * r}; {width}·{r} = {width * r}"
        )

    def channels(self, channels: int) -> int:
        if channels % self.factor**2:
            raise ValueError(f"{channels} channels do not split into groups of {self.factor}²")
        return channels // self.factor**2

    def size(self, size: Pair) -> Pair:
        return tuple(n * self.factor for n in size)

    def field(self, fields: Sequence[Field | None], inputs: Sequence[Shape]) -> Field | None:
        if fields[0] is None:
            return None
        nearest = SOURCES["nearest"](self.factor)
        return Field(*(axis.spread(self.factor, nearest) for axis in (fields[0].rows, fields[0].columns)))


@dataclass(frozen=True)
class Pad(Windowed):
    """F.pad and nn.ZeroPad2d: rows and columns added around each map (or cut off, where negative)."""

    top_bottom: Pair
    left_right: Pair

    @property
    def formula(self) -> str:
        return "H + top + bottom"

    def worked(self, *inputs: Shape) -> str:
        axes = zip(inputs[0][1:], (self.top_bottom, self.left_right), self.size(inputs[0][1:]), strict=True)
        return both_axes([(f"{n} + {before} + {after}", result) for n, (before, after), result in axes])

    def size(self, size: Pair) -> Pair:
        return size[0] + sum(self.top_bottom), size[1] + sum(self.left_right)

    def field(self, fields: Sequence[Field | None], inputs: Sequence[Shape]) -> Field | None:
        return windowed(fields[0], (1, 1), (1, 1), (self.top_bottom[0], self.left_right[0]), (1, 1))
