"""Lesson 5: degradation over other seeds, the network that the stored weights are made for, and Muon."""

from pathlib import Path

import nbformat
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_utils import data, lesson, shapes, train

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


def test_muon_steps_as_pytorchs_does_and_sgd_does_the_rest(cells):
    names = {"torch": torch}
    exec(cells["muon"], names)
    torch.manual_seed(0)
    weight, bias = nn.Parameter(torch.randn(8, 4, 3, 3)), nn.Parameter(torch.randn(5))
    unused, matrix = nn.Parameter(torch.randn(2, 2, 3, 3)), nn.Parameter(torch.zeros(8, 36))
    usual = nn.Parameter(bias.detach().clone())
    settings = {"lr": 0.1, "momentum": 0.6, "nesterov": True}
    ours = names["Muon"]([weight, bias, unused], **settings)
    theirs = [torch.optim.Muon([matrix], lr=1.0, momentum=0.6, weight_decay=0.0), torch.optim.SGD([usual], **settings)]
    before = unused.detach().clone()
    for _ in range(4):
        weight.grad, bias.grad = torch.randn_like(weight), torch.randn_like(bias)
        matrix.grad, usual.grad = weight.grad.flatten(1).clone(), bias.grad.clone()
        scaled = weight.detach() * 8**0.5 / weight.detach().norm()
        start = matrix.detach().clone()
        for optimizer in (ours, *theirs):
            optimizer.step()
        move = (weight.detach() - scaled) / 0.05
        torch.testing.assert_close(move, (matrix - start).detach().view(8, 4, 3, 3), rtol=0, atol=0.02)
    torch.testing.assert_close(bias, usual)
    assert torch.equal(unused, before)


def test_muon_goes_on_from_a_checkpoint_as_if_it_had_never_stopped(cells, network, tmp_path):
    names = {"torch": torch}
    exec(cells["muon"], names)
    images = data.load("cifar10", source="standin")

    def run(folder, epochs, resume=False):
        torch.manual_seed(7 if resume else 0)
        model = network["ResNet"]()
        loaders = data.loaders(images, 32, augment=True, padding=3, padding_mode="reflect", limit=64)
        optimizer = names["Muon"](model.parameters(), lr=0.05, momentum=0.6, nesterov=True, weight_decay=5e-4)
        settings = {"checkpoint": tmp_path / folder, "resume": resume, "progress": False}
        train.fit(model, *loaders, epochs=epochs, optimizer=optimizer, **settings)
        return model.state_dict()

    whole = run("whole", 2)
    run("parts", 1)
    resumed = run("parts", 2, resume=True)
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
