"""load(): where the images come from, in order."""

from __future__ import annotations

import os

import torch

from . import standins
from .images import Images, Split, mean_and_std

DIGITS = tuple("0123456789")
OBJECTS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


def load(name: str, *, source: str | None = None, root: str | os.PathLike | None = None) -> Images:
    """The images of "mnist" or "cifar10"."""
    if name == "mnist":
        arrays, classes, what = standins.digits(), DIGITS, "1,797 handwritten digits from scikit-learn"
    elif name == "cifar10":
        arrays, classes, what = standins.sketches(), OBJECTS, "7,000 small drawings of the ten classes"
    else:
        raise ValueError(f"no data set is called {name!r}; there are 'mnist' and 'cifar10'")
    title = {"mnist": "MNIST", "cifar10": "CIFAR-10"}[name]
    print(f"{title} stand-in: {what}. For the real images: python -m course_utils data fetch {name}")
    train = Split(*map(torch.from_numpy, arrays[:2]))
    test = Split(*map(torch.from_numpy, arrays[2:]))
    return Images(name, classes, "standin", train, test, *mean_and_std(train.images), note=what)
