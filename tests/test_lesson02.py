"""Lesson 2: its own loops against course_utils.train, its network, its tables of arguments."""

import inspect
import re
from pathlib import Path

import nbformat
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets

from course_utils import data, train

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "02_mnist_cnn.ipynb"


@pytest.fixture(scope="module")
def cells() -> dict[str, str]:
    """The notebook's cells by id."""
    return {cell.id: cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells}


@pytest.fixture(scope="module")
def lesson(cells) -> dict:
    """What the cells that define the network and the two loops define."""
    names = {"nn": nn, "torch": torch}
    for cell in ("net-class", "train-loop", "test-loop"):
        exec(cells[cell], names)
    return names


@pytest.fixture(scope="module")
def digits() -> data.Images:
    return data.load("mnist", source="standin")


def trained(digits, lesson, train_epoch, evaluate) -> tuple[list[float], dict]:
    """Two epochs on 80 images (a short last batch), from one seed: the four averages of each, and the weights."""
    torch.manual_seed(0)
    model = lesson["Net"]()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    loss_fn = nn.CrossEntropyLoss()
    train_loader, test_loader = data.loaders(digits, 64, limit=80)
    numbers = []
    for _ in range(2):
        numbers += train_epoch(model, train_loader, loss_fn, optimizer)[:2]
        numbers += evaluate(model, test_loader, loss_fn)[:2]
    return numbers, model.state_dict()


@pytest.fixture(scope="module")
def imported(digits, lesson) -> tuple[list[float], dict]:
    return trained(digits, lesson, train.train_epoch, train.evaluate)


def test_the_hand_written_loops_and_train_agree_bit_for_bit(digits, lesson, imported):
    cpu = torch.device("cpu")
    by_hand, hand_weights = trained(
        digits,
        lesson,
        lambda *arguments: lesson["train_one_epoch"](*arguments, cpu),
        lambda *arguments: lesson["test"](*arguments, cpu),
    )
    numbers, weights = imported
    assert by_hand == numbers
    assert len(set(by_hand)) == 8  # eight different numbers: no constant could agree by accident
    assert all(torch.equal(hand_weights[name], weights[name]) for name in weights)


def test_fit_reports_what_the_loops_measure(digits, lesson, imported):
    numbers, _ = imported
    torch.manual_seed(0)
    model = lesson["Net"]()
    optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
    train_loader, test_loader = data.loaders(digits, 64, limit=80)
    history = train.fit(model, train_loader, test_loader, epochs=2, optimizer=optimizer, progress=False)
    found = zip(history.train_loss, history.train_accuracy, history.test_loss, history.test_accuracy)
    measured = [number for epoch in found for number in epoch]
    if next(model.parameters()).device.type == "cpu":
        assert measured == numbers
    else:
        assert measured == pytest.approx(numbers, rel=0.05, abs=0.05)


def test_the_network_is_the_one_of_the_table(lesson):
    model = lesson["Net"]()
    found = [repr(layer) for layer in model.modules() if not list(layer.children())]
    block = [nn.ReLU(), nn.MaxPool2d(2)]
    wanted = [
        *(nn.Conv2d(1, 64, 3, padding=1), nn.BatchNorm2d(64), *block),
        *(nn.Conv2d(64, 128, 3, padding=1), nn.BatchNorm2d(128), *block),
        *(nn.Linear(7 * 7 * 128, 1024), nn.ReLU(), nn.Dropout(0.5), nn.Linear(1024, 10)),
    ]
    assert found == [repr(layer) for layer in wanted]
    assert model(torch.zeros(2, 1, 28, 28)).shape == (2, 10)


def test_view_works_on_what_the_network_makes_of_every_loader(digits, lesson):
    model = lesson["Net"]()
    for loader in data.loaders(digits, 8, limit=8):
        for images, _ in loader:
            assert images.stride() == (784, 784, 28, 1)
            assert model(images).shape == (8, 10)


@pytest.mark.parametrize(
    ("cell", "described"), [("mnist-arguments", datasets.MNIST), ("dataloader-arguments", DataLoader)]
)
def test_the_tables_of_arguments_say_what_the_signature_says(cells, cell, described):
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \|", cells[cell], flags=re.MULTILINE)
    parameters = inspect.signature(described).parameters
    in_the_text = {"in_order", "pin_memory_device"} if described is DataLoader else set()
    assert sorted(name for name, _ in rows) == sorted(set(parameters) - in_the_text)
    for name, default in rows:
        stated = re.match(r"`(.+?)`", default)
        if stated:
            assert repr(parameters[name].default) == stated[1], name
        else:
            assert parameters[name].default is inspect.Parameter.empty, name


def test_quick_mode_trains_on_few_images(cells):
    limit = int(re.search(r"limit = run\.pick\(quick=(\d+), full=None\)", cells["settings"])[1])
    epochs = int(re.search(r"epochs = run\.pick\(quick=(\d+), full=10\)", cells["settings"])[1])
    assert limit <= 6000 and epochs <= 3
