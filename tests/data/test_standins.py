import hashlib
import time

import numpy as np
import pytest
import torch
from torch import nn

from course_utils.data import catalog, sketches, standins


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


@pytest.fixture(scope="module")
def drawings():
    start = time.perf_counter()
    arrays = standins.sketches()
    return arrays, time.perf_counter() - start


def test_sketches_have_cifar_shapes_and_equally_many_of_each_class(drawings):
    (train, train_labels, test, test_labels), _ = drawings
    assert train.shape == (6000, 3, 32, 32) and test.shape == (1000, 3, 32, 32)
    assert train.dtype == test.dtype == np.uint8
    assert train_labels.dtype == test_labels.dtype == np.int64
    assert np.bincount(train_labels).tolist() == [600] * 10
    assert np.bincount(test_labels).tolist() == [100] * 10


def test_sketches_are_in_the_order_of_cifars_labels():
    names = tuple(recipe.__name__ for recipe in sketches.RECIPES)
    assert names == catalog.find("cifar10").classes


def test_sketches_are_the_same_bytes_on_every_machine(drawings):
    assert sha256(drawings[0]) == "64bacdf9b13b13099fb0a280bb435b6625fe4f8651d211848077477b665c82fa"


def test_a_seed_gives_its_own_pictures_every_time():
    again, other = (sketches.draw(sketches.cat, standins.Dice(seed, 10)) for seed in (0, 1))
    assert (again == sketches.draw(sketches.cat, standins.Dice(0, 10))).all()
    assert not (again == other).all(axis=(1, 2, 3)).any()


def test_no_two_sketches_are_alike(drawings):
    (train, _, test, _), _ = drawings
    assert len({image.tobytes() for image in np.concatenate([train, test])}) == 7000


def test_sketches_are_shuffled(drawings):
    (_, train_labels, _, test_labels), _ = drawings
    for labels in (train_labels, test_labels):
        assert 0.85 < (labels[1:] != labels[:-1]).mean() < 0.95  # 0.9 for ten classes in any order


def test_sketches_are_made_quickly(drawings):
    assert drawings[1] < 15  # 1.2 s on one idle core


def test_brightness_and_colour_alone_do_not_give_the_class_away(drawings):
    (train, train_labels, test, test_labels), _ = drawings
    train, test = (images.reshape(len(images), 3, -1) / 255.0 for images in (train, test))
    train, test = (np.concatenate([x.mean(axis=2), x.std(axis=2)], axis=1) for x in (train, test))
    scale = train.std(axis=0)
    centres = np.stack([train[train_labels == label].mean(axis=0) for label in range(10)])
    nearest = (((test[:, None] - centres) / scale) ** 2).sum(axis=2).argmin(axis=1)
    assert (nearest == test_labels).mean() < 0.35


@pytest.fixture
def one_thread():
    """Two test processes share the cores: more threads than cores make training many times slower."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def accuracy_after_training(drawings, one_thread):
    """A function that trains a model for three epochs and gives its accuracy on the test sketches."""
    (train, labels, test, test_labels), _ = drawings
    train, test = torch.tensor(train) / 255, torch.tensor(test) / 255
    mean, std = train.mean(dim=(0, 2, 3), keepdim=True), train.std(dim=(0, 2, 3), keepdim=True)
    train, test = (train - mean) / std, (test - mean) / std
    labels, test_labels = torch.tensor(labels), torch.tensor(test_labels)

    def accuracy(make_model, rate: float) -> float:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            model = make_model()
            batches = [batch for _ in range(3) for batch in torch.randperm(len(train)).split(64)]
        optimizer = torch.optim.SGD(model.parameters(), lr=rate, momentum=0.9, nesterov=True)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=len(batches))
        for batch in batches:
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(train[batch]), labels[batch]).backward()
            optimizer.step()
            schedule.step()
        with torch.no_grad():
            return (model(test).argmax(dim=1) == test_labels).float().mean().item()

    return accuracy


def test_a_linear_classifier_finds_sketches_hard(accuracy_after_training):
    accuracy = accuracy_after_training(lambda: nn.Sequential(nn.Flatten(), nn.Linear(3072, 10)), 0.001)
    assert 0.2 < accuracy < 0.6


def test_a_small_cnn_finds_sketches_neither_hard_nor_trivial(accuracy_after_training):
    def cnn() -> nn.Module:
        model = nn.Sequential(
            *(nn.Conv2d(3, 64, 3), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(64, 64, 3), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Conv2d(64, 128, 3), nn.ReLU(), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Linear(512, 256), nn.ReLU(), nn.Linear(256, 10)),
        )
        return model.to(memory_format=torch.channels_last)  # a fifth faster on a CPU

    assert 0.7 < accuracy_after_training(cnn, 0.05) < 0.95
