"""Small data sets that need no download: real handwritten digits in the place of MNIST.

Everything here is integer arithmetic, so the same bytes come out on every machine.
"""

import numpy as np

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
    order = np.argsort(np.random.PCG64(0).random_raw(len(labels)), kind="stable")
    train, test = order[:1500], order[1500:]
    return images[train], labels[train], images[test], labels[test]


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
