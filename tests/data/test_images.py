"""Splits refuse what is no set of images; the statistics are those of PyTorch."""

import pytest
import torch

from course_utils.data import Images, Split
from course_utils.data.images import mean_and_std


def split(count=5, channels=3):
    pixels = torch.randint(0, 256, (count, channels, 4, 6), dtype=torch.uint8)
    return Split(pixels, torch.arange(count) % 2)


def test_a_split_knows_its_length_and_says_what_it_is():
    assert len(split(5)) == 5
    assert repr(split(5)) == "Split(5 images 3x4x6)"


@pytest.mark.parametrize(
    "images, labels, numbers",
    [
        (torch.zeros(2, 1, 4, 4), torch.zeros(2, dtype=torch.int64), r"float32 \[2, 1, 4, 4\]"),
        (torch.zeros(2, 4, 4, dtype=torch.uint8), torch.zeros(2, dtype=torch.int64), r"\[2, 4, 4\]"),
        (torch.zeros(2, 1, 4, 4, dtype=torch.uint8), torch.zeros(3, dtype=torch.int64), r"\[2\].*\[3\]"),
        (torch.zeros(2, 1, 4, 4, dtype=torch.uint8), torch.zeros(2), "float32"),
    ],
)
def test_a_split_of_the_wrong_shape_or_type_is_refused(images, labels, numbers):
    with pytest.raises(ValueError, match=numbers):
        Split(images, labels)


def test_images_say_which_they_are_and_never_where_they_lie():
    images = Images("cifar10", ("a", "b"), "full", split(5), split(2), (0.5,) * 3, (0.2,) * 3, note="JPEG copy")
    assert repr(images) == "Images(cifar10, full: 5 train + 2 test, 3x4x6, 2 classes)"


def test_mean_and_std_are_those_of_the_scaled_pixels():
    pixels = torch.randint(0, 256, (50, 3, 8, 8), dtype=torch.uint8)
    pixels[:, 1] //= 3
    mean, std = mean_and_std(pixels)
    scaled = pixels.double() / 255
    torch.testing.assert_close(torch.tensor(mean).double(), scaled.mean((0, 2, 3)), atol=1e-7, rtol=0)
    torch.testing.assert_close(
        torch.tensor(std).double(), scaled.std((0, 2, 3), unbiased=False), atol=1e-7, rtol=0
    )
