"""The size formulas against PyTorch: the same sizes, and a refusal exactly where PyTorch refuses."""

import random
import subprocess
import sys
import warnings

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from course_utils.shapes import sizes

COUNT = 10_000  # random configurations for each operation


def either(rng, low, high):
    """An int, or as often a pair of ints, between low and high; now and then one that is out of range."""
    if rng.random() < 0.02:
        low = -1
    return rng.randint(low, high) if rng.random() < 0.5 else (rng.randint(low, high), rng.randint(low, high))


def outcome(compute):
    try:
        return tuple(compute())
    except (ValueError, RuntimeError):
        return "refused"


def compare(configurations, ours, torchs):
    """Runs both on every configuration; returns how many were refused, after checking they agree."""
    refused = 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # padding="same" with an even kernel: a note about speed
        for configuration in configurations:
            expected = outcome(lambda c=configuration: torchs(*c))
            assert outcome(lambda c=configuration: ours(*c)) == expected, configuration
            refused += expected == "refused"
    return refused


def image(size):
    height, width = size if isinstance(size, tuple) else (size, size)
    return torch.zeros(1, 1, height, width)


def test_conv2d_agrees_with_torch_on_random_configurations():
    rng = random.Random(1)

    def torchs(size, kernel, stride, padding, dilation):
        height, width = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        weight = torch.zeros(1, 1, height, width)
        return F.conv2d(image(size), weight, None, stride, padding, dilation).shape[2:]

    configurations = [
        (
            either(rng, 1, 14),
            either(rng, 1, 6),
            either(rng, 1, 4),
            rng.choice(["same", "valid"]) if rng.random() < 0.1 else either(rng, 0, 4),
            either(rng, 1, 3),
        )
        for _ in range(COUNT)
    ]
    assert 500 < compare(configurations, sizes.conv2d_size, torchs) < COUNT / 2


@pytest.mark.parametrize("ceil_mode", [False, True])
def test_max_pool_agrees_with_torch_on_random_configurations(ceil_mode):
    rng = random.Random(2 + ceil_mode)

    def torchs(size, kernel, stride, padding, dilation, ceil_mode):
        return F.max_pool2d(image(size), kernel, stride, padding, dilation, ceil_mode).shape[2:]

    configurations = [
        (
            either(rng, 1, 20),
            either(rng, 1, 5),
            None if rng.random() < 0.3 else either(rng, 1, 4),
            either(rng, 0, 2),
            either(rng, 1, 3),
            ceil_mode,
        )
        for _ in range(COUNT)
    ]
    assert 500 < compare(configurations, sizes.pool2d_size, torchs) < COUNT * 0.6


@pytest.mark.parametrize("ceil_mode", [False, True])
def test_average_pool_agrees_with_torch_on_random_configurations(ceil_mode):
    rng = random.Random(4 + ceil_mode)

    def torchs(size, kernel, stride, padding, ceil_mode):
        return F.avg_pool2d(image(size), kernel, stride, padding, ceil_mode).shape[2:]

    def ours(size, kernel, stride, padding, ceil_mode):
        return sizes.pool2d_size(size, kernel, stride, padding, ceil_mode=ceil_mode)

    configurations = [
        (
            either(rng, 1, 20),
            either(rng, 1, 5),
            None if rng.random() < 0.3 else either(rng, 1, 4),
            either(rng, 0, 2),
            ceil_mode,
        )
        for _ in range(COUNT)
    ]
    assert 500 < compare(configurations, ours, torchs) < COUNT * 0.6


def test_conv_transpose2d_agrees_with_torch_on_random_configurations():
    rng = random.Random(6)

    def torchs(size, kernel, stride, padding, output_padding, dilation):
        height, width = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        weight = torch.zeros(1, 1, height, width)
        return F.conv_transpose2d(
            image(size), weight, None, stride, padding, output_padding, 1, dilation
        ).shape[2:]

    configurations = [
        (
            either(rng, 1, 8),
            either(rng, 1, 5),
            either(rng, 1, 4),
            either(rng, 0, 3),
            0 if rng.random() < 0.4 else either(rng, 0, 3),
            either(rng, 1, 3),
        )
        for _ in range(COUNT)
    ]
    # One of torch's CPU backends lets an empty output pass, such as 11×0; the others refuse it, and so do we.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # switching it off says something about TF32
        with torch.backends.mkldnn.flags(enabled=False):
            refused = compare(configurations, sizes.conv_transpose2d_size, torchs)
    assert 500 < refused < COUNT * 0.6


def test_the_course_s_own_examples():
    assert sizes.conv2d_size(32, 3) == (30, 30)
    assert sizes.pool2d_size(13, 2) == (6, 6)
    assert sizes.pool2d_size(13, 2, ceil_mode=True) == (7, 7)
    assert sizes.conv2d_size((28, 20), 5, padding=2) == (28, 20)
    assert sizes.conv_transpose2d_size(4, 4, stride=2, padding=1) == (8, 8)


def test_ceil_mode_leaves_out_a_window_that_would_start_in_the_right_padding():
    # Five pixels are 0 to 4. Rounding up gives four windows, at -1, 1, 3 and 5: the last is all padding.
    assert sizes.pool2d_size(5, 2, stride=2, padding=1, ceil_mode=True) == (3, 3)
    assert F.max_pool2d(image(5), 2, stride=2, padding=1, ceil_mode=True).shape[2:] == (3, 3)


@pytest.mark.parametrize(
    "call, numbers",
    [
        (lambda: sizes.conv2d_size(4, 7, padding=1), ["kernel_size=7", "4 + 2·1 = 6"]),
        (lambda: sizes.conv2d_size(4, 3, dilation=2), ["kernel_size=3", "dilation=2", "reaches 5", "= 4"]),
        (lambda: sizes.conv2d_size(4, 3, stride=0), ["stride", "0"]),
        (lambda: sizes.conv2d_size(4, 3, padding=-1), ["padding", "-1"]),
        (lambda: sizes.conv2d_size(4, 3, 2, "same"), ["same", "stride=2"]),
        (lambda: sizes.conv2d_size(4, 3, padding="half"), ["padding", "'half'", '"same" or "valid"']),
        (lambda: sizes.conv2d_size(0, 3), ["size", "0"]),
        (lambda: sizes.conv2d_size(4.0, 3), ["size", "4.0"]),
        (lambda: sizes.conv2d_size(4, True), ["kernel_size", "True"]),
        (lambda: sizes.conv2d_size((4, 4, 4), 3), ["size", "(4, 4, 4)"]),
        (lambda: sizes.conv2d_size("4", 3), ["size", "'4'"]),
        (lambda: sizes.conv2d_size(4, None), ["kernel_size", "None"]),
        (lambda: sizes.pool2d_size(4, 5), ["kernel_size=5", "4 + 2·0 = 4"]),
        (lambda: sizes.pool2d_size(3, 6, 2, ceil_mode=True), ["kernel_size=6", "reaches 6", "stride=2"]),
        (lambda: sizes.pool2d_size(4, 3, padding=2), ["padding=2", "kernel_size=3"]),
        (lambda: sizes.pool2d_size(4, 2, ceil_mode=1), ["ceil_mode", "1"]),
        (lambda: sizes.conv_transpose2d_size(4, 3, output_padding=1), ["output_padding=1", "stride=1"]),
        (lambda: sizes.conv_transpose2d_size(1, 3, padding=2), ["(1 − 1)·1 − 2·2 + 1·(3 − 1) + 0 + 1 = -1"]),
        (lambda: sizes.conv_transpose2d_size(4, 3, padding="same"), ["padding", "'same'"]),
    ],
)
def test_a_refusal_shows_the_numbers(call, numbers):
    with pytest.raises(ValueError) as refusal:
        call()
    for number in numbers:
        assert number in str(refusal.value)


@settings(deadline=None)  # a busy machine is not our doing
@given(st.integers(1, 40), st.integers(1, 7), st.integers(1, 4), st.integers(0, 3), st.integers(1, 3))
def test_a_transposed_convolution_undoes_the_size_of_a_convolution(size, kernel, stride, padding, dilation):
    """output_padding makes up for the pixels that the division by the stride dropped."""
    try:
        small, _ = sizes.conv2d_size(size, kernel, stride, padding, dilation)
    except ValueError:
        return
    dropped = (size + 2 * padding - dilation * (kernel - 1) - 1) % stride
    assert sizes.conv_transpose2d_size(small, kernel, stride, padding, dropped, dilation) == (size, size)


def test_sizes_need_no_torch():
    code = "import sys, course_utils.shapes.sizes, course_utils.shapes; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
