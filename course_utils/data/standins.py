"""Small data sets that need no download: handwritten digits in the place of MNIST, drawings in the
place of CIFAR-10. The same bytes come out on every machine.
"""

import numpy as np

from .canvas import Dice
from .sketches import RECIPES, draw

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def digits() -> Arrays:
    """scikit-learn's 1,797 handwritten digits, brought to MNIST's size and placed as MNIST's are.

    Returns train images, train labels, test images, test labels: uint8 [1500, 1, 28, 28] and
    [297, 1, 28, 28] (0 is paper, 255 is ink), int64 labels 0..9. Always the same split.
    Source: Alpaydin and Kaynak, Optical Recognition of Handwritten Digits, UCI (1998).
    """
    from sklearn.datasets import load_digits  # imported here: it takes about a second

    source = load_digits()
    small = source.images.astype(np.int64)  # [1797, 8, 8], 0..16
    weights = _cubic_weights(28, 8)
    full = 16 * (2 * 18**3) ** 2  # all ink, enlarged down and across
    large = np.clip(weights @ small @ weights.T, 0, full)
    pixels = (large * 255 + full // 2) // full
    images = np.stack([_centre(image) for image in pixels]).astype(np.uint8)
    images = images.reshape(-1, 1, 28, 28)  # [:, None] would leave strides that make a model's view() fail
    labels = source.target.astype(np.int64)

    # The file is in order of writers; mixed, both splits hold every class and every hand.
    order = Dice(seed=0, count=1).order(len(labels))
    train, test = order[:1500], order[1500:]
    return images[train], labels[train], images[test], labels[test]


def sketches(seed: int = 0) -> Arrays:
    """Drawings of the ten CIFAR-10 classes, 600 of each to train and 100 of each to test, shuffled.

    Returns train images, train labels, test images, test labels: uint8 [6000, 3, 32, 32] and
    [1000, 3, 32, 32], int64 labels 0..9 in CIFAR-10's order. One seed always gives the same pictures.
    """
    dice = Dice(seed, count=100)
    train, test = [], []
    for recipe in RECIPES:
        train += [draw(recipe, dice) for _ in range(6)]
        test += [draw(recipe, dice)]
    return *_mixed(np.concatenate(train), dice), *_mixed(np.concatenate(test), dice)


def _mixed(images: np.ndarray, dice: Dice) -> tuple[np.ndarray, np.ndarray]:
    """Images that come class by class, with their labels, in random order."""
    order = dice.order(len(images))
    labels = np.arange(len(images), dtype=np.int64) // (len(images) // len(RECIPES))
    return images[order], labels[order]


def _cubic_weights(out_size: int, in_size: int) -> np.ndarray:
    """Weights [out_size, in_size], times 2 * 18**3, that enlarge 9/4 times, centred in out_size pixels.

    Cubic interpolation (Keys 1981, a = -1/2). Each output pixel lies a whole number of eighteenths of
    an input pixel from its neighbours, so its weights are whole numbers.
    """
    out, source = np.arange(out_size)[:, None], np.arange(in_size)
    d = abs(8 * out - 4 * (out_size - 1) + 9 * (in_size - 1) - 18 * source)  # distance in eighteenths
    near = 3 * d**3 - 5 * 18 * d**2 + 2 * 18**3
    far = -(d**3) + 5 * 18 * d**2 - 8 * 18**2 * d + 4 * 18**3
    return np.where(d < 18, near, np.where(d < 36, far, 0))


def _centre(image: np.ndarray) -> np.ndarray:
    """Shift a 28 x 28 image by whole pixels until its centre of mass is at row 14, column 14."""
    mass, place = image.sum(), np.arange(28)
    row, column = ((2 * (image.sum(axis=axis) * place).sum() + mass) // (2 * mass) for axis in (1, 0))
    return np.roll(image, (14 - row, 14 - column), axis=(0, 1))
