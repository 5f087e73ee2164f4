"""Exported folders are what ImageFolder reads and what import takes back."""

import os

import pytest
import tiny_sets as tiny
import torch
from PIL import Image
from tiny_sets import TINY_CIFAR10, TINY_MNIST
from torchvision.datasets import ImageFolder

from course_utils.data import Images, Split, export_folder, readers


def images_of(data_set) -> Images:
    train, train_labels, test, test_labels = map(torch.from_numpy, tiny.arrays_of(data_set))
    channels = (0.5,) * data_set.shape[0]
    return Images(data_set.name, data_set.classes, "full", Split(train, train_labels), Split(test, test_labels),
                  channels, channels)


@pytest.mark.parametrize("data_set", [TINY_MNIST, TINY_CIFAR10], ids=lambda data_set: data_set.name)
def test_every_pixel_and_label_is_in_the_folder(tmp_path, data_set):
    folder = export_folder(images_of(data_set), tmp_path / "deep" / "folder")
    found, _ = readers.read_folder(folder, data_set)
    assert tiny.same_images(found, tiny.arrays_of(data_set))


def test_image_folder_reads_it(tmp_path):
    source = images_of(TINY_CIFAR10)
    dataset = ImageFolder(str(export_folder(source, tmp_path / "folder") / "train"))
    assert tuple(dataset.classes) == source.classes and len(dataset) == 30
    assert (tmp_path / "folder/test" / source.classes[source.test.labels[7]] / "00007.png").is_file()


def test_a_class_without_images_has_its_folder_too(tmp_path):
    source = images_of(TINY_CIFAR10)
    few = Split(source.train.images[:2], source.train.labels[:2])
    source = Images("few", source.classes, "full", few, few, source.mean, source.std)
    assert len(list((export_folder(source, tmp_path / "folder") / "train").iterdir())) == 10


def test_an_existing_folder_is_not_written_into(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(ValueError, match="mine already exists and is not an empty folder"):
        export_folder(images_of(TINY_MNIST), tmp_path / "mine")
    assert os.listdir(tmp_path / "mine") == ["letter.txt"]
    (tmp_path / "empty").mkdir()
    assert (export_folder(images_of(TINY_MNIST), tmp_path / "empty") / "train").is_dir()


def test_an_interrupted_export_leaves_nothing(tmp_path, monkeypatch):
    calls = []

    def full_disk(picture, path):
        calls.append(path)
        if len(calls) == 10:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full_disk)
    with pytest.raises(OSError, match="No space left"):
        export_folder(images_of(TINY_MNIST), tmp_path / "folder")
    assert os.listdir(tmp_path) == []
