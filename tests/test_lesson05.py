"""Lesson 5: degradation over other seeds, and the network that the stored weights are made for."""

from pathlib import Path

import nbformat
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_utils import data, lesson, shapes

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "05_resnet.ipynb"


@pytest.fixture(scope="module")
def cells() -> dict[str, str]:
    """The notebook's cells by id."""
    return {cell.id: cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells}


@pytest.fixture
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


# The seeds with the smallest gaps of the ten that were measured (0 to 9); the notebook itself runs seed 0.
@pytest.mark.parametrize("seed", [3, 9])
def test_a_deeper_plain_network_trains_worse_and_the_addition_mends_it(cells, seed, one_thread):
    images = data.load("cifar10", source="standin")
    small = F.adaptive_avg_pool2d(images.train.images.float() / 255, 8)
    shape = (1, 3, 1, 1)
    names = {
        "torch": torch,
        "nn": nn,
        "F": F,
        "run": lesson.start(5),
        "small_images": (small - torch.tensor(images.mean).view(shape))
        / torch.tensor(images.std).view(shape),
        "small_labels": images.train.labels,
    }
    exec(cells["tiny-net"], names)
    exec(cells["tiny-train"].partition("curves =")[0], names)
    names["small_images"] = names["small_images"].to(names["run"].device)
    names["small_labels"] = names["small_labels"].to(names["run"].device)

    def final(pairs, residual):
        return sum(names["train_tiny"](pairs, residual, seed=seed)[-20:]) / 20

    deep_plain = final(14, False)
    assert deep_plain > final(2, False) + 0.1
    assert deep_plain > final(14, True) + 0.05


@pytest.fixture(scope="module")
def network(cells) -> dict:
    """What the cell of the model defines, with nothing else run before it."""
    names = {"torch": torch, "nn": nn}
    exec(cells["model-resnet"], names)
    return names


def test_the_network_has_the_shapes_and_parameters_of_the_lesson(network):
    derivation = shapes.derive(network["ResNet"](), (3, 32, 32))
    assert derivation.params == 195_738
    for name, shape in {
        "relu": (16, 32, 32),
        "stage1.1.add": (16, 32, 32),
        "stage2.1.add": (32, 16, 16),
        "stage3.1.add": (64, 8, 8),
        "pool": (64, 1, 1),
        "fc": (10,),
    }.items():
        assert derivation[name].output_shape == shape
    assert shapes.derive(network["ResNet"](shortcut_kernel=1), (3, 32, 32)).params == 175_258


def test_only_the_first_block_of_stages_2_and_3_changes_the_shape(network):
    model = network["ResNet"]()
    shortcuts = [
        block.downsample is not None
        for stage in (model.stage1, model.stage2, model.stage3)
        for block in stage
    ]
    assert shortcuts == [False, False, True, False, True, False]


@pytest.mark.parametrize("kernel", [1, 3])
def test_the_block_is_relu_of_f_plus_shortcut(network, kernel):
    torch.manual_seed(0)
    block = network["ResNet"](shortcut_kernel=kernel).stage2[0].eval()
    x = torch.randn(2, 16, 8, 8)
    y = F.relu(block.bn1(F.conv2d(x, block.conv1.weight, stride=2, padding=1)))
    y = block.bn2(F.conv2d(y, block.conv2.weight, padding=1))
    conv, bn = block.downsample
    expected = F.relu(y + bn(F.conv2d(x, conv.weight, stride=2, padding=kernel // 2)))
    before = x.clone()
    torch.testing.assert_close(block(x), expected)
    assert torch.equal(x, before)


def test_the_classes_can_be_chosen(network):
    assert network["ResNet"](classes=3)(torch.zeros(2, 3, 32, 32)).shape == (2, 3)
