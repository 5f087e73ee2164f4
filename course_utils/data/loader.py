"""DataLoaders in which a batch is one gather: no Python call per image, no PIL."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Generator, Tensor
from torch.utils.data import DataLoader, Dataset, get_worker_info

from .images import Images, Split

PADDING = 4


def loaders(
    images: Images,
    batch_size: int = 64,
    *,
    augment: bool = False,
    normalize: bool = True,
    limit: int | None = None,
    seed: int = 0,
    num_workers: int = 0,
) -> tuple[DataLoader, DataLoader]:
    """A shuffled training DataLoader and a test DataLoader of (float32 [B, C, H, W], int64 [B]) batches.

    `augment` flips and crops (4 pixels of padding) each training image on its own. `normalize` subtracts
    `images.mean` and divides by `images.std`; without it pixels are 0..1. `limit` keeps at most this many
    images of each split, drawn with `seed`. The short last batch is kept.
    """
    for name, value, least in (
        ("batch_size", batch_size, 1), ("limit", limit, 1), ("num_workers", num_workers, 0)
    ):
        if name == "limit" and value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")
    statistics = (images.mean, images.std) if normalize else None
    generator = torch.Generator().manual_seed(seed)
    train = BatchDataset(_subset(images.train, limit, seed), statistics, augment, generator)
    test = BatchDataset(_subset(images.test, limit, seed), statistics)
    common = {
        "batch_size": batch_size,
        "num_workers": num_workers,
        "persistent_workers": num_workers > 0,
        "collate_fn": _keep,
    }
    return (
        DataLoader(train, shuffle=True, generator=generator, **common),
        DataLoader(test, **common),
    )


class BatchDataset(Dataset):
    """The images of a split, ready for a network; a DataLoader asks it for a whole batch at a time."""

    def __init__(
        self,
        split: Split,
        statistics: tuple[Sequence[float], Sequence[float]] | None = None,
        augment: bool = False,
        generator: Generator | None = None,
    ) -> None:
        self.images = split.images
        self.labels = split.labels
        self.augment = augment
        self.generator = generator
        channels = self.images.shape[1]
        mean, std = (torch.tensor(values) for values in statistics or ([0.0] * channels, [1.0] * channels))
        # (pixel / 255 - mean) / std is one multiplication and one addition
        self.scale = (1 / (255 * std)).view(1, -1, 1, 1)
        self.shift = (-mean / std).view(1, -1, 1, 1)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """One image [C, H, W] and its label."""
        if not -len(self) <= index < len(self):
            raise IndexError(f"image {index} of a data set of {len(self)}")
        images, labels = self.__getitems__([index % len(self)])
        return images[0], int(labels[0])

    def __getitems__(self, indices: Sequence[int]) -> tuple[Tensor, Tensor]:
        """The images [B, C, H, W] and labels [B] of a batch; DataLoader calls this instead of B times [i]."""
        index = torch.as_tensor(indices)
        images = self.images.index_select(0, index)  # far faster than images[index]
        if self.augment:
            # A worker process must not use its copy of the generator: all workers would draw the same
            # crops. Its default generator is seeded by the DataLoader, differently for each worker.
            generator = self.generator if get_worker_info() is None else None
            images = augmented(images, generator)
        return images.float().mul_(self.scale).add_(self.shift), self.labels[index]

    def __getstate__(self) -> dict:
        return {**self.__dict__, "generator": None}  # for worker processes, which have their own


def augmented(images: Tensor, generator: Generator | None = None) -> Tensor:
    """Each image of [B, C, H, W] flipped with probability 1/2 and cropped from a 4-pixel zero border."""
    count, channels, height, width = images.shape
    flip = torch.rand(count, 1, generator=generator) < 0.5
    top, left = torch.randint(0, 2 * PADDING + 1, (2, count, 1), generator=generator)
    rows, columns = top + torch.arange(height), torch.arange(width)
    columns = left + torch.where(flip, columns.flip(0), columns)
    pixels = rows[:, :, None] * (width + 2 * PADDING) + columns[:, None, :]  # [B, H, W]: where each is found
    pixels = pixels.view(count, 1, -1).expand(-1, channels, -1)
    return F.pad(images, [PADDING] * 4).flatten(2).gather(2, pixels).view_as(images)


def _subset(split: Split, limit: int | None, seed: int) -> Split:
    if limit is None or limit >= len(split):
        return split
    chosen = torch.randperm(len(split), generator=torch.Generator().manual_seed(seed))[:limit].sort().values
    return Split(split.images[chosen], split.labels[chosen])


def _keep(batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    return batch
