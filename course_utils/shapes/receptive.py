"""Receptive fields: which rows (or columns) of the input image each position of a feature map sees.

Position i of a map sees the input rows low[i] to high[i]. Rows may lie outside the image: borders are not
counted, as is usual, so a field can be larger than the image. After strides and transposed convolutions the
pattern repeats every few positions; one such period is kept, which makes the result exact.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction

NOTHING = (math.inf, -math.inf)  # the rows seen by a position that sees none


@dataclass(frozen=True)
class Reach:
    """One axis: the rows that positions 0 to P − 1 see. Every P positions the rows move on by `shift`.

    A shift of 0 stands for a map whose positions all see the same rows.
    """

    rows: tuple[tuple[float, float], ...] = ((0, 0),)
    shift: int = 1

    def __getitem__(self, position: int) -> tuple[float, float]:
        periods, position = divmod(position, len(self.rows))
        low, high = self.rows[position]
        return low + periods * self.shift, high + periods * self.shift

    @property
    def size(self) -> int:
        """How many rows the position that sees most sees."""
        return int(max(high - low + 1 for low, high in self.rows))

    @property
    def jump(self) -> Fraction:
        """How far apart in the input two neighbouring positions look."""
        return Fraction(self.shift, len(self.rows))

    def window(self, kernel: int, stride: int, padding: int, dilation: int = 1) -> Reach:
        """The reach after a convolution or a pooling."""
        period = len(self.rows) // math.gcd(len(self.rows), stride)
        taps = [dilation * tap - padding for tap in range(kernel)]
        rows = [hull(self[place * stride + tap] for tap in taps) for place in range(period)]
        return Reach(tuple(rows), self.shift * period * stride // len(self.rows))

    def spread(self, scale: int, sources: Callable[[int], Iterable[int]]) -> Reach:
        """The reach after a layer that makes `scale` positions out of one; sources(i) are those i is made from."""
        rows = [hull(self[source] for source in sources(place)) for place in range(scale * len(self.rows))]
        return Reach(tuple(rows), self.shift)

    def whole(self, count: int) -> Reach:
        """The reach of something computed from all positions 0 to count − 1."""
        return Reach((hull(self[place] for place in range(count)),), 0)

    def joined(self, other: Reach, count: int, other_count: int) -> Reach | None:
        """The reach of two maps added or stacked; None if their positions do not lie alike."""
        if 0 in (self.shift, other.shift) or count != other_count:
            one, two = self.whole(count), other.whole(other_count)
            return Reach((hull([one[0], two[0]]),), 0)
        if self.jump != other.jump:
            return None
        period = math.lcm(len(self.rows), len(other.rows))
        rows = [hull([self[place], other[place]]) for place in range(period)]
        return Reach(tuple(rows), int(self.jump * period))


def hull(ranges: Iterable[tuple[float, float]]) -> tuple[float, float]:
    """The smallest range that holds all of them."""
    lows, highs = zip(NOTHING, *ranges, strict=True)
    return min(lows), max(highs)


@dataclass(frozen=True)
class Field:
    """The reach along both axes. `flat` is the (h, w) of a map that has been flattened into one row since."""

    rows: Reach = Reach()
    columns: Reach = Reach()
    flat: tuple[int, int] | None = None

    @property
    def size(self) -> tuple[int, int]:
        return self.rows.size, self.columns.size

    def whole(self, counts: tuple[int, int]) -> Field:
        """The field of numbers computed from the whole map."""
        return Field(self.rows.whole(counts[0]), self.columns.whole(counts[1]))

    def settled(self) -> Field:
        """The field of numbers computed from a whole row of features."""
        return self.whole(self.flat or (1, 1))
