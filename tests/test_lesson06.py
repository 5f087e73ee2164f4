"""Lesson 6: its loops, its matrix and its two pictures against PyTorch, its measurements, the slips of each line."""

import inspect
import re
from pathlib import Path

import nbformat
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_utils import shapes
from course_utils.exercises import lesson06 as ex

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "06_conv_transpose2d.ipynb"
LINES = [
    ("up1", (64, 4, 4), 102_464),
    ("up2", (32, 7, 7), 18_464),
    ("up3", (16, 14, 14), 1_168),
    ("up4", (1, 28, 28), 257),
]


@pytest.fixture(scope="module")
def cells() -> dict[str, str]:
    """The notebook's cells by id."""
    return {cell.id: cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells}


@pytest.fixture(scope="module")
def lesson(cells) -> dict:
    """What the cells that define the loops and the networks define."""
    names = {
        "nn": nn,
        "torch": torch,
        "F": F,
        "shapes": shapes,
        "layer_pictures": _Nothing(),
        "ShapeForm": _Nothing,
    }
    for cell in (
        "stamps-picture",
        "stamps-loops",
        "matrix",
        "zeros-loops",
        "generator",
        "enlarger",
        "rivals",
    ):
        exec(cells[cell], names)
    return names


class _Nothing:
    """Stands in for the pictures and the widgets."""

    def __init__(self, *args):
        pass

    def __getattr__(self, name):
        return lambda *args, **kwargs: None


def draw(seed: int) -> dict[str, int]:
    """A setting that nn.ConvTranspose2d accepts for a 3x3 kernel on a 4x4 input."""
    torch.manual_seed(seed)
    stride, dilation = torch.randint(1, 4, (2,)).tolist()
    return {
        "stride": stride,
        "padding": int(torch.randint(0, 3, ())),
        "output_padding": int(torch.randint(0, max(stride, dilation), ())),
        "dilation": dilation,
    }


@pytest.mark.parametrize("seed", range(12))
def test_loops_matrix_and_formula_are_those_of_pytorch(lesson, seed):
    settings = draw(seed)
    image, kernel = torch.randint(-4, 5, (2, 4, 4)).float()
    kernel = kernel[:3, :3].contiguous()
    expected = F.conv_transpose2d(image[None, None], kernel[None, None], **settings)[0, 0]

    size = expected.shape[0]
    assert shapes.conv_transpose2d_size(4, 3, **settings) == (size, size)
    assert torch.equal(lesson["by_insertion"](image, kernel, **settings), expected)
    if settings["output_padding"] >= settings["stride"]:
        return  # PyTorch takes it because of the dilation, but no convolution leads from this size to 4x4
    there = {name: value for name, value in settings.items() if name != "output_padding"}
    transposed = lesson["conv_matrix"](kernel, size, **there).T @ image.flatten()
    assert torch.equal(transposed.view(size, size), expected)


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_the_stamps_of_the_lesson_are_those_of_pytorch(lesson, stride):
    image, kernel = torch.randint(-4, 5, (3, 2)).float(), torch.randint(-4, 5, (2, 4)).float()
    expected = F.conv_transpose2d(image[None, None], kernel[None, None], stride=stride)[0, 0]
    assert torch.equal(lesson["scatter_loops"](image, kernel, stride), expected)


def test_the_exercises_are_derived_from_the_generator_of_the_notebook(lesson):
    mine = shapes.derive(lesson["generator"], (100, 1, 1))
    assert [(step.name, step.output_shape, step.params) for step in mine] == LINES
    assert [(step.name, step.output_shape, step.params) for step in ex.DERIVATION] == LINES


def test_the_table_of_arguments_is_complete_and_in_order(cells):
    shown = re.findall(r'^    "(\w+)": "', cells["arguments"], flags=re.MULTILINE)
    parameters = inspect.signature(nn.ConvTranspose2d.__init__).parameters
    assert shown == [name for name in parameters if name != "self"]


@pytest.mark.parametrize("seed", range(3))
def test_upsampling_before_a_convolution_cannot_draw_a_checkerboard(lesson, seed):
    torch.manual_seed(seed)
    spreads = []
    for doubling in (lesson["upsample_conv"], lesson["with_kernel_3"]):
        network = lesson["stack"](doubling(32, 16), doubling(16, 1))
        assert network(torch.zeros(1, 1, 7, 7)).shape == (1, 1, 28, 28)
        with torch.no_grad():
            patch = network(torch.full((1, 1, 15, 15), 0.5))[0, 0, 16:44, 16:44]
        phases = patch.reshape(7, 4, 7, 4).mean(dim=(0, 2))
        spreads.append((phases.max() - phases.min()).item())
    assert spreads[0] < 1e-6 < 1e-3 < spreads[1]


@pytest.mark.parametrize(
    ("exercise", "answer", "said"),
    [
        (ex.full_size, 9, "You ignored the stride: 9 is what stride=1 gives"),
        (ex.full_size, 18, "You dropped the + 1"),
        (ex.full_size, 22, "The first stamp starts at 0"),
        (ex.padded_size, 19, "You forgot the padding: 19 is what padding=0 gives"),
        (ex.padded_size, 17, "You took the padding off one side only"),
        (ex.padded_size, 23, "You added the padding"),
        (ex.wide, (8, 18, 18), "You ignored the dilation"),
        (ex.wide, (8, 21, 21), "You forgot the output_padding"),
        (ex.wide, (8, 26, 26), "You forgot the padding"),
        (ex.wide, (16, 22, 22), "You kept the 16 channels"),
        (ex.up1, (64, 1, 1), "One cell lays down a whole stamp"),
        (ex.up1, (100, 4, 4), "You kept the 100 channels"),
        (ex.up2, (32, 8, 8), "You only multiplied by the stride"),
        (ex.up2, (32, 9, 9), "You forgot the padding"),
        (ex.up3, (16, 13, 13), "You forgot the output_padding"),
        (ex.up4, (1, 32, 32), "You added the padding"),
        (ex.grouped_params, 4_624, "You ignored groups=4"),
        (ex.grouped_params, 1_152, "You forgot the bias"),
        (ex.shuffled, (36, 8, 8), "what comes in"),
    ],
)
def test_a_wrong_answer_is_told_its_slip(exercise, answer, said):
    result = exercise.check(answer)
    assert result.outcome == "incorrect"
    assert said in repr(result)


def test_a_size_without_a_known_slip_is_only_called_wrong():
    result = ex.full_size.check(11)
    assert result.outcome == "incorrect"
    assert "too small" in repr(result)
    assert "No known slip" not in repr(result)
