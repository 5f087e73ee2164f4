"""Where a drawing stands and how it is photographed: pose, surroundings, light and grain."""

import numpy as np

from .canvas import SIZE, Canvas, Dice

# Red, green and blue above and below the horizon.
SCENES = {
    "sky": ((0.45, 0.65, 0.90), (0.75, 0.85, 0.90)),
    "sea": ((0.65, 0.75, 0.85), (0.15, 0.35, 0.50)),
    "field": ((0.60, 0.70, 0.75), (0.35, 0.50, 0.20)),
    "forest": ((0.25, 0.40, 0.20), (0.40, 0.35, 0.20)),
    "road": ((0.65, 0.60, 0.55), (0.35, 0.35, 0.40)),
    "room": ((0.80, 0.70, 0.60), (0.50, 0.35, 0.25)),
    "night": ((0.10, 0.10, 0.25), (0.25, 0.25, 0.35)),
}
AT_HOME = 0.6  # this part of the pictures shows a class in its usual scene, the others in any


def pose(dice: Dice) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where each pixel lies in the drawing (x, y), and how many pixels a unit has.

    Shifted, turned by up to 25 degrees, 16 to 32 pixels wide, stretched, and half of them mirrored.
    """
    place = np.arange(SIZE, dtype=np.float32) - np.float32((SIZE - 1) / 2)
    x, y = place - dice.uniform(-4.5, 4.5), place[:, None] - dice.uniform(-4.5, 4.5)
    half = dice.uniform(-0.22, 0.22)  # tangent of half the angle: gives cosine and sine by division alone
    cos, sin = (1 - half * half) / (1 + half * half), 2 * half / (1 + half * half)
    x, y = cos * x + sin * y, cos * y - sin * x
    pixels, stretch, mirror = dice.uniform(8, 16), dice.uniform(0.8, 1.25), 1 - 2 * dice.coin()
    return x * mirror / (pixels * stretch), y * stretch / pixels, pixels


def background(dice: Dice, home: str) -> tuple[np.ndarray, np.ndarray]:
    """A cloudy scene with a few shapes that mean nothing [count, 3, 32, 32], and how light it is."""
    anywhere = (dice.uniform() * len(SCENES)).astype(np.int64)
    scene = np.where(dice.coin(AT_HOME) == 1, list(SCENES).index(home), anywhere).reshape(-1)
    above, below = np.array(list(SCENES.values()), np.float32)[scene, :, :, None, None].swapaxes(0, 1)
    above = above + dice.uniform(-0.15, 0.15, shape=(3, 1, 1))
    below = below + dice.uniform(-0.15, 0.15, shape=(3, 1, 1))
    y = np.arange(SIZE, dtype=np.float32)[:, None]
    horizon, blur = dice.uniform(8, 28), dice.uniform(1, 20)
    ground = np.clip((y - horizon) / blur + np.float32(0.5), 0, 1)[:, None]
    image = above + ground * (below - above) + _clouds(dice)
    both = above + below
    lightness = (both[:, 0] + both[:, 1] + both[:, 2]) / 6

    grid = np.broadcast_to(np.arange(SIZE, dtype=np.float32), (dice.count, SIZE, SIZE))
    canvas = Canvas(grid, grid.swapaxes(1, 2), 1.0, image)
    for _ in range(3):
        x, y = dice.uniform(0, SIZE), dice.uniform(0, SIZE)
        canvas.ellipse(x, y, dice.uniform(1, 6), dice.uniform(1, 6), dice.color(lightness))
        x, y = dice.uniform(0, SIZE), dice.uniform(0, SIZE)
        x1, y1 = x + dice.uniform(-10, 10), y + dice.uniform(-10, 10)
        canvas.limb(x, y, dice.uniform(0.3, 2), x1, y1, dice.uniform(0.3, 2), dice.color(lightness))
    return image, lightness


def _clouds(dice: Dice, step: int = 4) -> np.ndarray:
    """Soft random patches, lighter and darker, some `step` pixels wide: [count, 1, 32, 32]."""
    knots = dice.uniform(-1, 1, shape=(SIZE // step + 1, SIZE // step + 1)) * dice.uniform(0, 0.15)
    cell, part = np.arange(SIZE) // step, (np.arange(SIZE) % step / step).astype(np.float32)
    rows = knots[:, cell] + part[:, None] * (knots[:, cell + 1] - knots[:, cell])
    return (rows[:, :, cell] + part * (rows[:, :, cell + 1] - rows[:, :, cell]))[:, None]


def photograph(image: np.ndarray, dice: Dice) -> np.ndarray:
    """Light that fades to one side, and grain; uint8 [count, 3, 32, 32]."""
    place = np.arange(SIZE, dtype=np.float32) / np.float32(SIZE) - np.float32(0.5)
    light = (
        dice.uniform(0.85, 1.15) + dice.uniform(-0.3, 0.3) * place + dice.uniform(-0.3, 0.3) * place[:, None]
    )
    image = image * light[:, None] + dice.grain() * dice.uniform(0, 0.2, shape=(1, 1, 1))
    return np.floor(np.clip(image, 0, 1) * 255 + np.float32(0.5)).astype(np.uint8)
