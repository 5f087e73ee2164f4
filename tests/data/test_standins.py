import hashlib

import numpy as np
import pytest

from course_utils.data import standins


def sha256(arrays) -> str:
    """One sum for shapes, types and contents; bytes in little-endian order on every machine."""
    total = hashlib.sha256()
    for array in arrays:
        total.update(f"{array.shape} {array.dtype.name} ".encode())
        total.update(array.astype(array.dtype.newbyteorder("<")).tobytes())
    return total.hexdigest()


@pytest.fixture(scope="module")
def digits():
    return standins.digits()


def test_digits_have_mnist_shapes_and_every_class(digits):
    train, train_labels, test, test_labels = digits
    assert train.shape == (1500, 1, 28, 28) and test.shape == (297, 1, 28, 28)
    assert train.dtype == test.dtype == np.uint8
    assert train_labels.dtype == test_labels.dtype == np.int64
    assert np.bincount(train_labels, minlength=10).min() >= 130
    assert np.bincount(test_labels, minlength=10).min() >= 20


def test_digits_are_the_same_bytes_on_every_machine(digits):
    assert sha256(digits) == "1ad7990e7e1f11cbe2bb82036527049c34b171f141575744f29a67cd4d30f110"


def test_digits_are_white_ink_with_their_centre_of_mass_in_the_middle(digits):
    images = np.concatenate([digits[0], digits[2]])[:, 0].astype(float)
    assert images.min() == 0 and (images.max(axis=(1, 2)) > 200).all()
    assert 0.10 < images.mean() / 255 < 0.18  # MNIST: 0.13
    place, mass = np.arange(28), images.sum(axis=(1, 2))
    for axis in (1, 2):
        middle = (images.sum(axis=axis) * place).sum(axis=1) / mass
        assert (abs(middle - 14) <= 0.5).all()
    assert (images[:, [0, -1]].max() < 8) and (images[:, :, [0, -1]].max() < 8)  # a free border


def test_enlarging_keeps_flat_areas_flat():
    weights = standins._cubic_weights(28, 8)
    assert (weights[8:20].sum(axis=1) == 2 * 18**3).all()


def test_no_digit_is_in_both_splits(digits):
    train = {image.tobytes() for image in digits[0]}
    assert not any(image.tobytes() in train for image in digits[2])
