"""What load() returns: two splits of uint8 images with their labels, and what is known about them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Split:
    """Images [N, C, H, W] uint8 (0 to 255) and their labels [N] int64."""

    images: Tensor
    labels: Tensor

    def __post_init__(self) -> None:
        if self.images.dtype != torch.uint8 or self.images.ndim != 4:
            raise ValueError(
                f"images must be uint8 [N, C, H, W], got {self.images.dtype} {list(self.images.shape)}"
            )
        if self.labels.dtype != torch.int64 or self.labels.shape != (len(self.images),):
            raise ValueError(
                f"labels must be int64 [{len(self.images)}], one an image, "
                f"got {self.labels.dtype} {list(self.labels.shape)}"
            )

    def __len__(self) -> int:
        return len(self.images)

    def __repr__(self) -> str:
        shape = "x".join(str(size) for size in self.images.shape[1:])
        return f"Split({len(self):,} images {shape})"


@dataclass(frozen=True)
class Images:
    """A data set in memory.

    `source` is "full" or "standin"; `note` says in words which images they are (for example "JPEG copy").
    `mean` and `std` hold one number per channel, of the training images scaled to 0..1.
    """

    name: str
    classes: tuple[str, ...]
    source: str
    train: Split
    test: Split
    mean: tuple[float, ...]
    std: tuple[float, ...]
    note: str = ""

    def __repr__(self) -> str:
        shape = "x".join(str(size) for size in self.train.images.shape[1:])
        return (
            f"Images({self.name}, {self.source}: {len(self.train):,} train + {len(self.test):,} test, "
            f"{shape}, {len(self.classes)} classes)"
        )


def mean_and_std(images: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Per channel mean and (population) standard deviation of uint8 images [N, C, H, W] scaled to 0..1.

    Counted from a histogram in whole numbers, so every machine gets the same digits.
    """
    means, stds = [], []
    for channel in images.unbind(1):
        counts = torch.bincount(channel.reshape(-1), minlength=256).tolist()
        pixels = sum(counts)
        total = sum(value * count for value, count in enumerate(counts))
        squares = sum(value * value * count for value, count in enumerate(counts))
        means.append(total / pixels / 255)
        stds.append((pixels * squares - total * total) ** 0.5 / pixels / 255)
    return tuple(means), tuple(stds)
