"""How many images a second data.loaders delivers, against torchvision's usual pipeline, in the same run.

    python benchmarks/loading.py

Both sides read random pixels that are in memory already, in batches of 64, shuffled, in this process.
The two take turns; the figures are medians over the rounds. Exit status 1 if a ratio is below its aim.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from course_utils import data
from course_utils.data import store
from course_utils.data.images import Images, Split

ROUNDS = 7
BATCH = 64


def random_images(count: int, channels: int, size: int) -> Images:
    """As many random images as the real set has."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (count, channels, size, size), dtype=torch.uint8, generator=generator)
    split = Split(pixels, torch.randint(0, 10, (count,), generator=generator))
    test = Split(split.images[:10], split.labels[:10])
    return Images("random", tuple("0123456789"), "full", split, test, (0.5,) * channels, (0.25,) * channels)


def torchvision_mnist(images: Images) -> DataLoader:
    """torchvision.datasets.MNIST over the same pixels, with ToTensor and Normalize."""
    dataset = object.__new__(datasets.MNIST)  # __init__ only reads files into these attributes
    dataset.data, dataset.targets = images.train.images[:, 0], images.train.labels
    dataset.transform = transforms.Compose(
        [transforms.ToTensor(), transforms.Normalize(images.mean, images.std)]
    )
    dataset.target_transform = None
    return DataLoader(dataset, BATCH, shuffle=True)


def torchvision_cifar10(images: Images) -> DataLoader:
    """torchvision.datasets.CIFAR10 over the same pixels, with flip, crop, ToTensor and Normalize."""
    dataset = object.__new__(datasets.CIFAR10)
    dataset.data = np.ascontiguousarray(images.train.images.permute(0, 2, 3, 1).numpy())
    dataset.targets = images.train.labels.tolist()
    dataset.transform = transforms.Compose(
        [
            transforms.RandomHorizontalFlip(),
            transforms.RandomCrop(32, padding=4),
            transforms.ToTensor(),
            transforms.Normalize(images.mean, images.std),
        ]
    )
    dataset.target_transform = None
    return DataLoader(dataset, BATCH, shuffle=True)


def speed(loader: DataLoader, seconds: float = 1.0) -> float:
    """Images a second, over about this long (whole epochs are started again if it is longer)."""
    seen, start = 0, time.perf_counter()
    while True:
        for _, labels in loader:
            seen += len(labels)
            if time.perf_counter() - start > seconds:
                return seen / (time.perf_counter() - start)


def compare(title: str, usual: DataLoader, ours: DataLoader, aim: float) -> bool:
    speed(usual, 0.2), speed(ours, 0.2)  # warm up
    pairs = [(speed(usual), speed(ours)) for _ in range(ROUNDS)]
    ratio = statistics.median(fast / slow for slow, fast in pairs)
    slow, fast = (statistics.median(column) for column in zip(*pairs))
    print(f"{title:34} torchvision {slow:10,.0f}/s   here {fast:10,.0f}/s   {ratio:6.1f} times (aim {aim:g})")
    return ratio >= aim


def opening(aim: float = 0.050) -> bool:
    """Open a stored set of CIFAR-10's size; the first time is reported as well, it loads safetensors."""
    images = random_images(60_000, 3, 32).train
    arrays = (images.images[:50_000], images.labels[:50_000], images.images[50_000:], images.labels[50_000:])
    with tempfile.TemporaryDirectory() as folder:
        arrays = tuple(part.numpy() for part in arrays)
        store.write(Path(folder), "cifar10", arrays, source="full", note="random", made_from={})
        seconds = []
        for _ in range(ROUNDS):
            start = time.perf_counter()
            opened = data.load("cifar10", source="full", root=folder)
            seconds.append(time.perf_counter() - start)
        del opened  # Windows deletes no file that is mapped
    middle = statistics.median(seconds)
    print(f"{'opening a stored CIFAR-10':34} {middle * 1e3:.1f} ms, the first time {seconds[0] * 1e3:.1f} ms "
          f"(aim {aim * 1e3:g})")
    return middle < aim


def main() -> int:
    print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads, batches of {BATCH}, {ROUNDS} rounds")
    mnist = random_images(60_000, 1, 28)
    cifar10 = random_images(50_000, 3, 32)
    held = [
        compare("MNIST, normalised", torchvision_mnist(mnist), data.loaders(mnist)[0], 30),
        compare(
            "CIFAR-10, flip, crop, normalised",
            torchvision_cifar10(cifar10),
            data.loaders(cifar10, augment=True)[0],
            10,
        ),
        opening(),
    ]
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
