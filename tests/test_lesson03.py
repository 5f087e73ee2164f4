"""Lesson 3: its loops against PyTorch and course_utils.train, its tables of arguments, the slips of each line."""

import inspect
import re
from pathlib import Path

import nbformat
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_utils import data, shapes, train
from course_utils.exercises import lesson03 as ex

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "03_cifar10_cnn_shapes.ipynb"
LINES = [
    ("conv1", (64, 30, 30), 1_792),
    ("pool1", (64, 15, 15), 0),
    ("conv2", (64, 13, 13), 36_928),
    ("pool2", (64, 6, 6), 0),
    ("conv3", (128, 4, 4), 73_856),
    ("pool3", (128, 2, 2), 0),
    ("flatten", (512,), 0),
    ("fc1", (256,), 131_328),
    ("fc2", (10,), 2_570),
]


@pytest.fixture(scope="module")
def cells() -> dict[str, str]:
    """The notebook's cells by id."""
    return {cell.id: cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells}


@pytest.fixture(scope="module")
def lesson(cells) -> dict:
    """What the cells that define the network, the small examples and the loops define."""
    names = {"nn": nn, "torch": torch, "F": F, "device": torch.device("cpu"), "layer_pictures": _Nothing()}
    for cell in (
        "conv-picture",
        "conv-hand",
        "conv-loops",
        "counting",
        "pool-three",
        "model",
        "loop",
        "test",
    ):
        exec(cells[cell], names)
    return names


class _Nothing:
    """Stands in for the pictures."""

    def __getattr__(self, name):
        return lambda *args, **kwargs: None


def test_the_exercises_are_derived_from_the_network_of_the_notebook(lesson):
    mine = shapes.derive(lesson["Cifar10CNN"](), (3, 32, 32))
    assert [(name, mine[name].output_shape, mine[name].params) for name, *_ in LINES] == LINES
    assert [(step.name, step.output_shape, step.params) for step in ex.DERIVATION] == LINES
    assert mine.params == ex.DERIVATION.params == 246_474


@pytest.mark.parametrize("seed", range(5))
def test_the_loops_of_the_notebook_compute_what_pytorch_computes(lesson, seed):
    torch.manual_seed(seed)
    height, width = torch.randint(4, 9, (2,)).tolist()
    image, kernel = torch.randn(height, width), torch.randn(*torch.randint(1, 4, (2,)).tolist())
    expected = F.conv2d(image[None, None], kernel[None, None], torch.tensor([0.5]))[0, 0]
    assert torch.allclose(lesson["conv_loops"](image, kernel, bias=0.5), expected, atol=1e-6)
    for kernel_size, stride in ((2, 2), (3, 1), (3, 2)):
        expected = F.max_pool2d(image[None], kernel_size, stride)[0]
        assert torch.equal(lesson["pool_loops"](image, kernel_size, stride), expected)


@pytest.mark.parametrize("size", [5, 8, 32])
@pytest.mark.parametrize("settings", [(3, 1, 0, 1), (3, 2, 1, 1), (3, 1, 0, 2), (5, 3, 2, 1)])
def test_counting_places_gives_the_size(lesson, size, settings):
    assert lesson["count_places"](size, *settings) == shapes.conv2d_size(size, *settings)[0]


@pytest.mark.parametrize(("cell", "layer"), [("conv-arguments", nn.Conv2d), ("pool-arguments", nn.MaxPool2d)])
def test_the_tables_of_arguments_are_complete(cells, cell, layer):
    shown = re.findall(r'^    "(\w+)": "', cells[cell], flags=re.MULTILINE)
    assert shown == [name for name in inspect.signature(layer.__init__).parameters if name != "self"]


def test_the_hand_written_loops_and_train_agree_bit_for_bit(lesson):
    images = data.load("cifar10", source="standin")
    results = []
    for run_epoch, test in (
        (lesson["train_by_hand"], lesson["test_by_hand"]),
        (train.train_epoch, train.evaluate),
    ):
        torch.manual_seed(0)
        model = lesson["Cifar10CNN"]()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        train_loader, test_loader = data.loaders(images, 32, limit=80)  # a short last batch
        numbers = [*run_epoch(model, train_loader, nn.CrossEntropyLoss(), optimizer)[:2]]
        numbers += test(model, test_loader, nn.CrossEntropyLoss())[:2]
        results.append((numbers, model.state_dict()))
    (mine, weights), (theirs, their_weights) = results
    assert mine == theirs
    assert all(torch.equal(weights[name], their_weights[name]) for name in weights)


@pytest.mark.parametrize(
    ("exercise", "answer", "said"),
    [
        (ex.conv1, (64, 32, 32), "padding=1 gives; this layer has padding=0"),
        (ex.conv1, (3, 30, 30), "You kept the 3 channels"),
        (ex.conv1, (64, 29, 29), "You dropped the + 1"),
        (ex.conv1, (30, 30, 64), "You put the channels last"),
        (ex.conv1_params, 1_728, "You forgot the bias"),
        (ex.conv1_params, 28, "You counted one kernel only"),
        (ex.pool1, (64, 29, 29), "stride=1 gives: without a stride, a pooling steps by its kernel"),
        (ex.conv2, (64, 15, 15), "padding=1 gives"),
        (ex.conv2_params, 36_864, "You forgot the bias"),
        (ex.conv2_params, 640, "slice"),
        (ex.pool2, (64, 7, 7), "You rounded up"),
        (ex.conv3, (64, 4, 4), "You kept the 64 channels"),
        (ex.pool3, (128, 3, 3), "stride=1 gives"),
        (ex.flat, 4, "You flattened without the channels"),
        (ex.fc1_params, 131_072, "You forgot the bias"),
        (ex.stem, (64, 109, 109), "You forgot the padding"),
        (ex.stem, (64, 113, 113), "You rounded up"),
        (ex.pool_stride, (64, 11, 11), "without a stride, a pooling steps by its kernel, here 3"),
    ],
)
def test_a_wrong_line_is_told_its_slip(exercise, answer, said):
    result = exercise.check(answer)
    assert result.outcome == "incorrect"
    assert said in repr(result)


def answers(**wrong):
    """The whole derivation, with these shapes (tuples) and parameters (ints) put in."""
    by_hand = {name: shape for name, shape, _ in LINES}
    params = {name: count for name, _, count in LINES if count}
    for name, value in wrong.items():
        (params if isinstance(value, int) else by_hand)[name] = value
    return by_hand, params


def test_a_derivation_with_one_slip_loses_one_line():
    wrong = answers(pool2=(64, 7, 7), conv3=(128, 5, 5))
    result = ex.derivation.check(wrong)
    assert result.outcome == "incorrect"
    assert "The first wrong line is pool2: 64×7×7." in result.lines
    assert [line.split("  ")[-1].strip() for line in result.code.splitlines()] == [
        "✓", "✓", "✓", "✗", "✓ right, from your value above", *["✓"] * 9,
    ]  # fmt: skip


def test_a_derivation_says_what_is_left_out_or_cannot_be_read():
    by_hand, params = answers()
    del by_hand["pool3"]
    assert "Still open: pool3." in ex.derivation.check((by_hand, params)).lines
    assert "pool9" in repr(ex.derivation.check(({"pool9": (1, 1, 1)}, params)))
    assert ex.derivation.check(by_hand).outcome == "incorrect"
    assert ex.derivation.check(answers(pool1=(64, ..., ...))).outcome == "not attempted"
    assert ex.derivation.check(answers()).outcome == "correct"
