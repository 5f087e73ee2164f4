"""Draw many small pictures at once: three anti-aliased shapes and the dice that vary them, in NumPy.

The same seed gives the same bytes on every machine: the random bits come straight from PCG64, and
the arithmetic is only + - * / and sqrt on float32 arrays, element by element, each of which IEEE 754
rounds exactly. There is no sin, exp, sum or matrix product, whose last bit may differ.
"""

import numpy as np

SIZE = 32  # pixels a side

Number = float | np.ndarray  # one for all pictures, or one for each: [count, 1, 1]


class Dice:
    """Random numbers for `count` pictures at a time."""

    def __init__(self, seed: int, count: int):
        self._bits = np.random.PCG64(seed)
        self.count = count

    def uniform(
        self, low: Number = 0.0, high: Number = 1.0, *, shape: tuple[int, ...] = (1, 1)
    ) -> np.ndarray:
        """Evenly spread over low..high: float32 [count, *shape]."""
        bits = self._bits.random_raw(self.count * int(np.prod(shape))) >> np.uint64(40)
        unit = bits.astype(np.float32) * np.float32(2.0**-24)  # 24 bits, which float32 holds exactly
        return low + (high - low) * unit.reshape(self.count, *shape)

    def coin(self, chance: float = 0.5) -> np.ndarray:
        """1.0 with this chance, else 0.0: float32 [count, 1, 1]."""
        return (self.uniform() < np.float32(chance)).astype(np.float32)

    def color(self, lightness: Number, spread: float = 0.3) -> np.ndarray:
        """Any hue near this lightness: [count, 3, 1, 1], each channel 0..1."""
        channels = self.uniform(-spread, spread, shape=(3, 1, 1))
        return np.clip(np.asarray(lightness, np.float32).reshape(-1, 1, 1, 1) + channels, 0, 1)

    def grain(self) -> np.ndarray:
        """Noise for every pixel and channel, -1..1, most of it near 0: [count, 3, 32, 32]."""
        words = self._bits.random_raw(2 * self.count * 3 * SIZE * SIZE // 8).astype("<u8")
        first, second = words.view(np.uint8).reshape(2, self.count, 3, SIZE, SIZE).astype(np.float32)
        return (first - second) / np.float32(255)

    def order(self, n: int) -> np.ndarray:
        """The numbers 0..n-1, shuffled."""
        return np.argsort(self._bits.random_raw(n), kind="stable")


class Canvas:
    """Pictures under one pen; shapes painted later cover earlier ones.

    x, y: where the middle of each pixel lies in the drawing, [count, 32, 32], y running down.
    pixels: pixels per unit of x and y. image: colours 0..1 to paint on, [count, 3, 32, 32].
    """

    def __init__(self, x: np.ndarray, y: np.ndarray, pixels: Number, image: np.ndarray):
        self.x, self.y, self.pixels, self.image = x, y, pixels, image
        self.distance = np.full_like(x, SIZE)  # from each pixel to the nearest shape, in pixels

    def ellipse(self, x: Number, y: Number, rx: Number, ry: Number, color: np.ndarray) -> None:
        """Centre x, y and the two radii."""
        u, v = (self.x - x) / rx, (self.y - y) / ry
        level, slope = np.sqrt(u * u + v * v), np.sqrt(u * u / (rx * rx) + v * v / (ry * ry))
        tiny = np.float32(1e-6)  # at the very centre both are 0
        self._paint((level - 1) * (level + tiny) / (slope + tiny), color)  # distance, to first order

    def disc(self, x: Number, y: Number, radius: Number, color: np.ndarray) -> None:
        self.ellipse(x, y, radius, radius, color)

    def limb(
        self, x0: Number, y0: Number, r0: Number, x1: Number, y1: Number, r1: Number, color: np.ndarray
    ) -> None:
        """A round-ended bar from one point to another, of radius r0 at one end and r1 at the other."""
        dx, dy = np.float32(x1 - x0), np.float32(y1 - y0)
        px, py = self.x - x0, self.y - y0
        length = np.maximum(dx * dx + dy * dy, np.float32(1e-6))  # squared; a limb of no length is a disc
        along = np.clip((px * dx + py * dy) / length, 0, 1)
        px, py = px - along * dx, py - along * dy
        self._paint(np.sqrt(px * px + py * py) - (r0 + along * (r1 - r0)), color)

    def polygon(self, corners: list[tuple[Number, Number]], color: np.ndarray) -> None:
        """A convex polygon; its corners in order, either way round."""
        (ax, ay), (bx, by), (cx, cy) = corners[:3]
        turn = np.sign(np.float32((bx - ax) * (cy - ay) - (cx - ax) * (by - ay)))
        distance = None
        for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1]):
            dx, dy = np.float32(x1 - x0), np.float32(y1 - y0)
            scale = turn / np.sqrt(dx * dx + dy * dy)
            beyond = (self.x - x0) * (dy * scale) - (self.y - y0) * (dx * scale)
            distance = beyond if distance is None else np.maximum(distance, beyond)
        self._paint(distance, color)

    def _paint(self, distance: np.ndarray, color: np.ndarray) -> None:
        distance = distance * self.pixels
        np.minimum(self.distance, distance, out=self.distance)
        cover = np.clip(np.float32(0.5) - distance, 0, 1)[:, None]
        self.image += cover * (color - self.image)
