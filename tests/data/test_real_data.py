"""The real archives, in the folder that COURSE_REAL_DATA names: mnist/*.gz and cifar10-images.zip.

And the networks that were trained on them.
"""

import os
from pathlib import Path

import pytest
import torch
from torch import nn

from course_utils import data, train, weights
from course_utils.data import cli
from scripts.weights import RECIPES, build

pytestmark = pytest.mark.realdata


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    real = Path(os.environ["COURSE_REAL_DATA"])
    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COURSE_DATA", str(folder))
        assert cli.main(["import", "mnist", str(real / "mnist")]) == 0
        assert cli.main(["import", "cifar10", str(real / "cifar10-images.zip")]) == 0
        assert cli.main(["verify"]) == 0
    return folder


def test_mnist_is_mnist(folder):
    images = data.load("mnist", source="full", root=folder)
    assert (len(images.train), len(images.test), images.note) == (60_000, 10_000, "original archive")
    assert images.train.labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]  # as everyone knows them
    assert [round(value, 4) for value in (*images.mean, *images.std)] == [0.1307, 0.3081]
    assert torch.bincount(images.train.labels).tolist() == [
        5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949,
    ]  # fmt: skip


def test_cifar10_is_cifar10(folder):
    images = data.load("cifar10", source="full", root=folder)
    assert (len(images.train), len(images.test), images.note) == (50_000, 10_000, "JPEG copy")
    assert torch.bincount(images.train.labels).tolist() == [5000] * 10
    assert torch.bincount(images.test.labels).tolist() == [1000] * 10
    for found, original in zip((*images.mean, *images.std), (0.4914, 0.4822, 0.4465, 0.2470, 0.2435, 0.2616)):
        assert abs(found - original) < 0.003  # JPEG takes a little contrast
    assert torch.bincount(images.train.labels[:500], minlength=10).min() > 25  # mixed, not class by class


@pytest.mark.parametrize("name", weights.names())
def test_the_trained_weights_have_the_accuracy_that_they_claim(folder, name):
    trained = weights.load(name)
    images = data.load(RECIPES[name].data, source="full", root=folder)
    model = build(RECIPES[name])
    model.load_state_dict(trained.state_dict)
    _, test_loader = data.loaders(images, 500)
    tested = train.evaluate(model, test_loader, nn.CrossEntropyLoss())
    assert abs(tested.accuracy - trained.facts["test_accuracy"]) < 0.001  # sums in another order
    assert trained.facts["normalised_with"]["mean"] == pytest.approx(images.mean)
