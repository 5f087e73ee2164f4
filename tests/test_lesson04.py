"""Lesson 4: its model on its own, its loops, dataset and loader against PyTorch, its checked shapes."""

from pathlib import Path

import nbformat
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset

from course_utils import data, shapes, train
from course_utils.exercises import lesson04 as ex

NOTEBOOK = Path(__file__).parents[1] / "notebooks" / "04_lenet5.ipynb"


@pytest.fixture(scope="module")
def cells() -> dict[str, str]:
    """The notebook's cells by id."""
    return {cell.id: cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells}


def functions(source: str, **names) -> dict:
    """What the definitions of a cell define, without running the rest of it."""
    head = source.split("\n\n\n")[0]
    exec(head, names)
    return names


@pytest.fixture(scope="module")
def lenet(cells) -> type[nn.Module]:
    names = {"torch": torch, "nn": nn}  # all that the cell may need: the stored weights are trained from it
    exec(cells["model-lenet"], names)
    return names["LeNet5"]


def test_the_model_is_the_one_of_the_table(lenet):
    derivation = shapes.derive(lenet(), (1, 28, 28))
    found = {step.name: step.output_shape for step in derivation}
    wanted = {step.name: step.output_shape for step in ex.DERIVATION} | {"fc1": (120,), "fc2": (84,), "fc3": (10,)}
    assert {name: found[name] for name in wanted} == wanted
    assert derivation.params == 61_706


def test_the_sequential_form_is_the_same_network(cells, lenet):
    form = functions(cells["forms-train"], torch=torch, nn=nn)["lenet"](nn.Tanh, nn.AvgPool2d)
    torch.manual_seed(0)
    model = lenet()
    x = torch.randn(3, 1, 28, 28)
    torch.testing.assert_close(form(x), model(x))


def test_walk_ends_where_forward_ends(cells, lenet):
    walk = functions(cells["walk"], torch=torch)["walk"]
    model, x = lenet(), torch.randn(2, 1, 28, 28)
    steps = walk(model, x)
    assert torch.equal(steps["fc3"], model(x))
    assert [tuple(values.shape[1:]) for values in steps.values()][1:6] == [
        step.output_shape for step in ex.DERIVATION
    ]


@pytest.mark.parametrize(("channels", "kernels", "size", "height", "width"), [(1, 1, 1, 2, 3), (3, 2, 3, 5, 7)])
def test_the_six_loops_are_a_convolution(cells, channels, kernels, size, height, width):
    conv_loops = functions(cells["loops"], torch=torch)["conv_loops"]
    torch.manual_seed(0)
    maps, weight = torch.randn(channels, height, width), torch.randn(kernels, channels, size, size)
    bias = torch.randn(kernels)
    out, products = conv_loops(maps.tolist(), weight.tolist(), bias.tolist())
    torch.testing.assert_close(out, F.conv2d(maps[None], weight, bias)[0])
    assert products == out.numel() * channels * size * size


@pytest.mark.parametrize(("count", "batch_size"), [(1, 4), (8, 4), (10, 4), (3, 1)])
def test_the_loader_hands_out_what_torchs_does(cells, count, batch_size):
    digits = functions(cells["dataset"], Dataset=Dataset)["Digits"]
    loader = functions(cells["loader"], torch=torch)["loader"]
    dataset = digits(torch.rand(count, 1, 3, 3), torch.arange(count), transform=lambda image: 2 * image)
    ours, theirs = list(loader(dataset, batch_size)), list(DataLoader(dataset, batch_size))
    assert len(ours) == len(theirs)
    for our_batch, their_batch in zip(ours, theirs):
        assert all(torch.equal(mine, other) for mine, other in zip(our_batch, their_batch))
    shuffled = torch.cat([labels for _, labels in loader(dataset, batch_size, shuffle=True)])
    assert sorted(shuffled.tolist()) == list(range(count))


def test_validate_measures_what_evaluate_does(cells, lenet):
    class Run:
        device = torch.device("cpu")

    validate = functions(cells["validation"], torch=torch, run=Run, loss_fn=nn.CrossEntropyLoss())["validate"]
    loader = data.loaders(data.load("mnist", source="standin"), 16, limit=40)[1]  # a short last batch
    model = lenet()
    measured = train.evaluate(model, loader, nn.CrossEntropyLoss())
    assert validate(model, loader) == (measured.loss, measured.accuracy)


def test_the_papers_table_has_its_sixty_slices(cells):
    """Six kernels see three maps, nine see four, one sees all; every map is seen by ten kernels (Table I)."""
    names = functions(cells["groups-picture"].split("half = ")[0], np=np)
    seen = names["seen_1998"]
    assert sorted(seen.sum(axis=0).tolist()) == [3] * 6 + [4] * 9 + [6]
    assert seen.sum(axis=1).tolist() == [10] * 6
    assert len({tuple(column) for column in seen.T}) == 16


@pytest.mark.parametrize(
    ("name", "answer", "slip"),
    [
        ("conv1", (6, 24, 24), "You forgot the padding"),
        ("pool1", (6, 27, 27), "stride"),
        ("conv2", (16, 14, 14), "padding=2"),
        ("conv2_params", 2400, "You forgot the bias"),
        ("conv2_params", 416, "one slice a kernel"),
    ],
)
def test_the_engine_names_the_slip(name, answer, slip):
    result = getattr(ex, name).check(answer)
    assert result.outcome == "incorrect"
    assert slip in repr(result)


def test_a_dataset_may_be_written_in_other_ways():
    class Pairs(Dataset):
        def __init__(self, images, targets, transform=None):
            self.pairs = list(zip(images, targets))
            self.transform = transform or (lambda image: image)

        def __len__(self):
            return len(self.pairs)

        def __getitem__(self, index):
            image, target = self.pairs[index]
            return self.transform(image), target  # a tensor of one label is as good as an int

    assert ex.digits.check(Pairs).outcome == "correct"
    assert ex.digits.check(Pairs(torch.zeros(2, 1), torch.zeros(2))).outcome == "incorrect"
