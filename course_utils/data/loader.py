"""DataLoaders in which a batch is one gather: no Python call per image, no PIL.

The work on a batch is NumPy's, not PyTorch's: it is too small for several threads, and PyTorch would use
them, which costs far more than it saves as soon as other programs want the same cores.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from torch import Generator, Tensor
from torch.utils.data import DataLoader, Dataset, get_worker_info

from .images import Images, Split

PADDING_MODES = ("constant", "edge", "reflect", "symmetric")


def loaders(
    images: Images,
    batch_size: int = 64,
    *,
    augment: bool = False,
    padding: int = 4,
    padding_mode: str = "constant",
    normalize: bool = True,
    limit: int | None = None,
    seed: int = 0,
    num_workers: int = 0,
) -> tuple[DataLoader, DataLoader]:
    """A shuffled training DataLoader and a test DataLoader of (float32 [B, C, H, W], int64 [B]) batches.

    `augment` flips each training image and crops it from a border of `padding` pixels, on its own; the border
    is black ("constant") or as `padding_mode` says: "edge", "reflect" or "symmetric", as in torchvision's
    RandomCrop. `normalize` subtracts `images.mean` and divides by `images.std`; without it pixels are 0..1.
    `limit` keeps at most this many images of each split, drawn with `seed`. The short last batch is kept.
    """
    _at_least(1, batch_size=batch_size, limit=1 if limit is None else limit)
    _at_least(0, num_workers=num_workers, padding=padding)
    if padding_mode not in PADDING_MODES:
        raise ValueError(f"padding_mode must be one of {', '.join(PADDING_MODES)}, got {padding_mode!r}")
    statistics = (images.mean, images.std) if normalize else None
    generator = torch.Generator().manual_seed(seed)
    border = (padding, padding_mode) if augment else None
    train = BatchDataset(_subset(images.train, limit, seed), statistics, border, generator)
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
        border: tuple[int, str] | None = None,
        generator: Generator | None = None,
    ) -> None:
        self.images = split.images
        self.labels = split.labels
        self.border = border
        self.generator = generator
        channels = self.images.shape[1]
        mean, std = statistics or ([0.0] * channels, [1.0] * channels)
        mean, std = np.reshape(mean, (1, -1, 1, 1)), np.reshape(std, (1, -1, 1, 1))
        # (pixel / 255 - mean) / std is one multiplication and one addition
        self.scale = (1 / (255 * std)).astype(np.float32)
        self.shift = (-mean / std).astype(np.float32)

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
        index = np.asarray(indices)
        images = self.images.numpy().take(index, axis=0)
        if self.border:
            # A worker process must not use its copy of the generator: all workers would draw the same
            # crops. Its default generator is seeded by the DataLoader, differently for each worker.
            generator = self.generator if get_worker_info() is None else None
            images = flip_and_crop(images, *self.border, generator)
        images = images.astype(np.float32)
        images *= self.scale
        images += self.shift
        return torch.from_numpy(images), torch.from_numpy(self.labels.numpy().take(index))

    def __getstate__(self) -> dict:
        return {**self.__dict__, "generator": None}  # for worker processes, which have their own


def flip_and_crop(
    images: np.ndarray, padding: int, padding_mode: str, generator: Generator | None = None
) -> np.ndarray:
    """Each image of [B, C, H, W] cropped from a border of `padding` pixels, then flipped with probability 1/2."""
    count, _, height, width = images.shape
    top, left = torch.randint(0, 2 * padding + 1, (2, count), generator=generator).numpy()
    flip = (torch.rand(count, generator=generator) < 0.5).numpy()
    padded = np.pad(images, ((0, 0), (0, 0), (padding, padding), (padding, padding)), padding_mode)
    crops = sliding_window_view(padded, (height, width), axis=(2, 3))  # all places of each image, as a view
    images = crops[np.arange(count), :, top, left]
    images[flip] = images[flip][..., ::-1]
    return images


def _subset(split: Split, limit: int | None, seed: int) -> Split:
    if limit is None or limit >= len(split):
        return split
    chosen = torch.randperm(len(split), generator=torch.Generator().manual_seed(seed))[:limit].sort().values
    return Split(split.images[chosen], split.labels[chosen])


def _at_least(least: int, **arguments: int) -> None:
    for name, value in arguments.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ValueError(f"{name} must be a whole number of at least {least}, got {value!r}")


def _keep(batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    return batch
