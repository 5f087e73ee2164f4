"""Batches: every image once, each augmented on its own, the same again from the same seed."""

import multiprocessing
import pickle

import numpy as np
import pytest
import torch
from torchvision import transforms

from course_utils.data import Images, Split, loader, loaders


def numbered(count: int, channels: int = 3, size: int = 32, **given) -> Images:
    """Images that can be told apart: the label of each is its number."""
    generator = torch.Generator().manual_seed(1)
    pixels = torch.randint(1, 256, (count, channels, size, size), dtype=torch.uint8, generator=generator)
    split = Split(pixels, torch.arange(count))
    facts = {"mean": (0.4, 0.5, 0.6)[:channels], "std": (0.2, 0.25, 0.3)[:channels], **given}
    return Images("numbered", tuple(map(str, range(count))), "full", split, split, **facts)


def epoch(loader) -> tuple[torch.Tensor, torch.Tensor]:
    images, labels = zip(*loader)
    return torch.cat(images), torch.cat(labels)


def test_batches_hold_every_image_once_and_the_last_one_is_short():
    train, test = loaders(numbered(150), 64)
    for one in (train, test):
        assert [len(labels) for _, labels in one] == [64, 64, 22] and len(one) == 3
        images, labels = epoch(one)
        assert images.shape == (150, 3, 32, 32) and images.dtype == torch.float32
        assert labels.dtype == torch.int64 and labels.sort().values.tolist() == list(range(150))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("augment", [False, True])
def test_batches_lie_in_memory_row_by_row_as_view_needs_it(channels, augment):
    for one in loaders(numbered(20, channels), 8, augment=augment):
        for images, _ in one:
            assert images.stride() == torch.empty(images.shape).stride()


def test_labels_stay_with_their_images():
    source = numbered(150)
    for one in loaders(source, 64, normalize=False):
        images, labels = epoch(one)
        assert torch.equal((images * 255).round().to(torch.uint8), source.train.images[labels])


@pytest.mark.parametrize("channels", [1, 3])
def test_pixels_are_those_of_to_tensor_and_normalize(channels):
    source = numbered(40, channels)
    plain = transforms.ToTensor()
    usual = transforms.Compose([plain, transforms.Normalize(source.mean, source.std)])
    for normalize, transform in ((True, usual), (False, plain)):
        images, labels = epoch(loaders(source, 16, normalize=normalize)[1])
        pictures = (image.permute(1, 2, 0).numpy() for image in source.test.images[labels])
        expected = torch.stack([transform(picture) for picture in pictures])
        torch.testing.assert_close(images, expected, atol=2e-6, rtol=0)


def test_only_the_training_images_are_shuffled():
    train, test = loaders(numbered(100), 10)
    assert epoch(test)[1].tolist() == list(range(100))
    assert epoch(train)[1].tolist() != list(range(100))


def test_the_same_seed_gives_the_same_epochs_and_each_epoch_another_order():
    source = numbered(100)
    first, again, other = (loaders(source, 32, augment=True, seed=seed)[0] for seed in (7, 7, 8))
    epochs = [epoch(first), epoch(first)]
    for images, labels in epochs:
        images_again, labels_again = epoch(again)
        assert torch.equal(images, images_again) and torch.equal(labels, labels_again)
    assert not torch.equal(epochs[0][1], epochs[1][1])
    assert not torch.equal(epochs[0][1], epoch(other)[1])


def test_what_else_draws_random_numbers_changes_nothing():
    source = numbered(50)
    expected = epoch(loaders(source, augment=True)[0])
    torch.manual_seed(99)
    torch.rand(3)
    assert all(map(torch.equal, expected, epoch(loaders(source, augment=True)[0])))


def slow_flip_and_crop(image: torch.Tensor, padding: int, mode: str, top: int, left: int, flip: bool):
    padded = transforms.functional.pad(image, [padding], padding_mode=mode)
    crop = transforms.functional.crop(padded, top, left, *image.shape[1:])
    return transforms.functional.hflip(crop) if flip else crop


@pytest.mark.parametrize(
    ("padding", "mode"), [(0, "constant"), (4, "constant"), (2, "edge"), (3, "reflect"), (4, "symmetric")]
)
@pytest.mark.parametrize("shape", [(3, 32, 32), (1, 28, 28), (3, 20, 36)])
def test_each_image_is_cropped_and_flipped_on_its_own_as_torchvision_does(shape, padding, mode):
    images = torch.randint(0, 256, (200, *shape), dtype=torch.uint8)
    generator = torch.Generator().manual_seed(3)
    batch = torch.from_numpy(loader.flip_and_crop(images.numpy(), padding, mode, generator))

    generator.manual_seed(3)
    places = 2 * padding + 1
    top, left = torch.randint(0, places, (2, 200), generator=generator).tolist()
    flip = (torch.rand(200, generator=generator) < 0.5).tolist()
    expected = [slow_flip_and_crop(image, padding, mode, *each) for image, *each in zip(images, top, left, flip)]
    assert torch.equal(batch, torch.stack(expected))
    assert set(top) == set(left) == set(range(places))  # every place is possible
    assert 60 < sum(flip) < 140


@pytest.mark.parametrize(("arguments", "most"), [({}, 4), ({"padding": 2}, 2), ({"padding": 0}, 0)])
def test_padding_says_how_far_an_image_moves(arguments, most):
    dot = torch.zeros(1, 1, 28, 28, dtype=torch.uint8)
    dot[..., 14, 14] = 255
    copies = Split(dot.repeat(500, 1, 1, 1), torch.zeros(500, dtype=torch.int64))
    source = Images("dots", ("one",), "full", copies, copies, (0.5,), (0.5,))
    images, _ = epoch(loaders(source, 500, augment=True, normalize=False, **arguments)[0])
    rows = images.squeeze(1).amax(2).argmax(1)
    assert rows.min() == 14 - most and rows.max() == 14 + most


def test_the_border_is_black_unless_padding_mode_says_otherwise():
    white = torch.full((50, 1, 28, 28), 255, dtype=torch.uint8)
    split = Split(white, torch.zeros(50, dtype=torch.int64))
    source = Images("white", ("one",), "full", split, split, (0.5,), (0.5,))
    black, reflected = (
        epoch(loaders(source, augment=True, normalize=False, **mode)[0])[0]
        for mode in ({}, {"padding_mode": "reflect"})
    )
    assert black.min() == 0 and reflected.min() == 1


def test_copies_of_one_image_in_a_batch_are_cropped_differently():
    image = torch.randint(1, 256, (1, 3, 32, 32), dtype=torch.uint8)
    copies = Split(image.repeat(64, 1, 1, 1), torch.zeros(64, dtype=torch.int64))
    source = Images("copies", ("one",), "full", copies, copies, (0.5,) * 3, (0.5,) * 3)
    train, test = loaders(source, augment=True, normalize=False)
    (batch, _), (plain, _) = next(iter(train)), next(iter(test))
    assert len({picture.numpy().tobytes() for picture in batch}) > 40  # of 162 that are possible
    assert torch.equal(plain, copies.images.float() * np.float32(1 / 255))  # never the test images


def test_the_source_is_left_as_it_was():
    source = numbered(50)
    before = source.train.images.clone()
    images, _ = epoch(loaders(source, augment=True)[0])
    images.zero_()
    assert torch.equal(source.train.images, before)


def test_limit_keeps_a_seeded_subset_of_each_split():
    source = numbered(100)
    chosen = [set(epoch(one)[1].tolist()) for one in loaders(source, 8, limit=30, seed=4)]
    assert [len(labels) for labels in chosen] == [30, 30]
    assert chosen[0] == set(epoch(loaders(source, limit=30, seed=4)[0])[1].tolist())
    assert chosen[0] != set(epoch(loaders(source, limit=30, seed=5)[0])[1].tolist())
    assert chosen[0] != set(range(30))  # drawn, not the first ones: a folder's first ones are one class
    assert len(loaders(source, limit=1000)[0].dataset) == 100


def test_one_image_of_the_dataset_is_an_image_and_a_number():
    dataset = loaders(numbered(10))[1].dataset
    assert len(dataset) == 10
    image, label = dataset[3]
    assert image.shape == (3, 32, 32) and label == 3 and type(label) is int
    assert dataset[-1][1] == 9
    for outside in (10, -11):
        with pytest.raises(IndexError, match=f"image {outside} of a data set of 10"):
            dataset[outside]
    assert [label for _, label in dataset] == list(range(10))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"batch_size": 0}, "batch_size must be a whole number of at least 1, got 0"),
        ({"batch_size": 2.5}, "batch_size .* got 2.5"),
        ({"batch_size": True}, "batch_size .* got True"),
        ({"limit": 0}, "limit must be a whole number of at least 1, got 0"),
        ({"limit": -5}, "limit .* got -5"),
        ({"num_workers": -1}, "num_workers must be a whole number of at least 0, got -1"),
        ({"padding": -2}, "padding must be a whole number of at least 0, got -2"),
        ({"padding_mode": "zeros"}, "one of constant, edge, reflect, symmetric, got 'zeros'"),
    ],
)
def test_wrong_arguments_are_refused_with_their_value(arguments, message):
    with pytest.raises(ValueError, match=message):
        loaders(numbered(10), **arguments)


def test_worker_processes_give_every_image_once_and_do_not_repeat_each_others_crops():
    image = torch.randint(1, 256, (1, 1, 28, 28), dtype=torch.uint8)
    copies = Split(image.repeat(128, 1, 1, 1), torch.arange(128))
    source = Images("copies", ("one",), "full", copies, copies, (0.5,), (0.5,))

    def two_epochs(method: str):
        train, _ = loaders(source, 64, augment=True, num_workers=2)
        train.multiprocessing_context = multiprocessing.get_context(method)
        return epoch(train), epoch(train)

    first, second = two_epochs("spawn")  # as on Windows and macOS
    for _, labels in (first, second):
        assert labels.sort().values.tolist() == list(range(128))
    batches = [images[start : start + 64] for images, _ in (first, second) for start in (0, 64)]
    for place, batch in enumerate(batches):
        for other in batches[:place]:
            assert not torch.equal(batch, other)
    repeated, _ = two_epochs(multiprocessing.get_all_start_methods()[0])
    assert torch.equal(first[0], repeated[0]) and torch.equal(first[1], repeated[1])


def test_a_dataset_that_goes_to_a_worker_leaves_the_shared_generator_behind():
    dataset = loaders(numbered(10), augment=True)[0].dataset
    assert dataset.generator is not None
    assert pickle.loads(pickle.dumps(dataset)).generator is None
