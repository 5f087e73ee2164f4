"""Read the archives, folders and zips in which the data sets come, as uint8 [N, C, H, W] and int64 [N].

Everything here treats a file as untrusted: members are read one by one, each up to a size limit, and
nothing is ever unpacked onto the disk.
"""

from __future__ import annotations

import gzip
import io
import pickle
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from .catalog import DataSet

Arrays = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]

SUFFIXES = {".png", ".jpg", ".jpeg"}
LARGEST_MEMBER = 64 * 2**20  # the largest real one, MNIST's training images, holds 47 MB
LARGEST_IMAGE = 2**20


def read_idx(paths: list[Path]) -> Arrays:
    """MNIST's four idx files: train images, train labels, test images, test labels."""
    train_images, train_labels, test_images, test_labels = map(_idx, paths)
    return (
        train_images.reshape(-1, 1, *train_images.shape[1:]),
        train_labels.astype(np.int64),
        test_images.reshape(-1, 1, *test_images.shape[1:]),
        test_labels.astype(np.int64),
    )


def _idx(path: Path) -> np.ndarray:
    with gzip.open(path) as file:
        content = _at_most(file, LARGEST_MEMBER, path.name)
    if len(content) < 4 or content[:3] != b"\0\0\x08":  # two zeros, then 8 for unsigned bytes
        raise ValueError(f"{path.name} is no idx file of bytes: it starts with {content[:4].hex(' ')}")
    dimensions = content[3]
    start = 4 + 4 * dimensions
    shape = np.frombuffer(content[4:start], dtype=">u4").tolist()
    values = np.frombuffer(content, dtype=np.uint8, offset=start)
    if len(shape) != dimensions or values.size != np.prod(shape, dtype=np.int64):
        raise ValueError(f"{path.name} announces {shape} values but holds {values.size}")
    return values.reshape(shape).copy()


def read_cifar_python(paths: list[Path]) -> Arrays:
    """CIFAR-10's "python" archive of pickled batches. Call it only once its sum has matched."""
    def batch(content: bytes, name: str) -> tuple[np.ndarray, np.ndarray]:
        fields = _ArraysOnly(io.BytesIO(content), encoding="bytes").load()
        return np.asarray(fields[b"data"], dtype=np.uint8), np.asarray(fields[b"labels"], dtype=np.int64)

    return _cifar(paths[0], "", batch)


def read_cifar_binary(paths: list[Path]) -> Arrays:
    """CIFAR-10's "binary" archive: one byte of label and 3,072 of pixels for each image."""
    def batch(content: bytes, name: str) -> tuple[np.ndarray, np.ndarray]:
        if len(content) % 3073:
            raise ValueError(f"{name} holds {len(content)} bytes, no multiple of 3,073")
        rows = np.frombuffer(content, dtype=np.uint8).reshape(-1, 3073)
        return rows[:, 1:], rows[:, 0].astype(np.int64)

    return _cifar(paths[0], ".bin", batch)


def _cifar(path: Path, ending: str, batch: Callable) -> Arrays:
    wanted = [f"data_batch_{number}{ending}" for number in range(1, 6)] + [f"test_batch{ending}"]
    batches = {}
    with tarfile.open(path, "r:gz") as archive:
        for member in archive:
            name = PurePosixPath(member.name).name
            if member.isfile() and name in wanted:
                batches[name] = batch(_at_most(archive.extractfile(member), LARGEST_MEMBER, name), name)
    missing = [name for name in wanted if name not in batches]
    if missing:
        raise ValueError(f"{path.name} lacks {len(missing)} of {len(wanted)} batches: {', '.join(missing)}")
    pixels, labels = zip(*(batches[name] for name in wanted))
    images = [values.reshape(-1, 3, 32, 32) for values in pixels]
    return tuple(np.concatenate(part) for part in (images[:5], labels[:5], images[5:], labels[5:]))


class _ArraysOnly(pickle.Unpickler):
    """Unpickles NumPy arrays and plain values; any other name in the pickle is refused, not imported."""

    def find_class(self, module: str, name: str) -> object:
        module = module.replace("numpy._core", "numpy.core")  # NumPy 2 renamed it
        if (module, name) == ("numpy.core.multiarray", "_reconstruct"):
            return np.empty(0).__reduce__()[0]
        if module == "numpy" and name in ("ndarray", "dtype"):
            return getattr(np, name)
        raise pickle.UnpicklingError(f"this pickle asks for {module}.{name}, which image data does not need")


def read_folder(path: Path, data_set: DataSet) -> tuple[Arrays, str]:
    """The images in train|test/<class>/*.png|jpg under the folder `path`, and which kind of copy they are."""
    names = (str(PurePosixPath(*file.relative_to(path).parts)) for file in path.rglob("*") if file.is_file())
    return _pictures(names, lambda name: (path / name).open("rb"), path, data_set)


def read_zip(path: Path, data_set: DataSet) -> tuple[Arrays, str]:
    """The images in train|test/<class>/*.png|jpg inside the zip `path`, and which kind of copy they are."""
    with zipfile.ZipFile(path) as archive:
        return _pictures(iter(archive.namelist()), archive.open, path, data_set)


def _pictures(
    names: Iterator[str], open_file: Callable, path: Path, data_set: DataSet
) -> tuple[Arrays, str]:
    found: dict[str, list[tuple[str, str]]] = {"train": [], "test": []}
    for name in sorted(names):
        parts = PurePosixPath(name).parts
        hidden = any(part.startswith((".", "__MACOSX")) for part in parts)
        if len(parts) >= 3 and not hidden and PurePosixPath(name).suffix.lower() in SUFFIXES:
            if parts[-3] in found:
                found[parts[-3]].append((name, parts[-2]))
    for part, files in found.items():
        _check_classes(part, [label for _, label in files], path, data_set)
    arrays: list[np.ndarray] = []
    for seed, part in enumerate(("train", "test")):
        # Mixed, so that the first images are not all airplanes; always in the same way.
        order = np.argsort(np.random.PCG64(seed).random_raw(len(found[part])), kind="stable")
        files = [found[part][place] for place in order]
        arrays.append(_decode([name for name, _ in files], open_file, data_set))
        arrays.append(np.array([data_set.classes.index(label) for _, label in files], dtype=np.int64))
    lossy = any(not name.lower().endswith(".png") for files in found.values() for name, _ in files)
    return tuple(arrays), "JPEG copy" if lossy else "PNG copy"


def _check_classes(part: str, labels: list[str], path: Path, data_set: DataSet) -> None:
    if not labels:
        raise ValueError(
            f"{path} holds no {part}/<class>/*.png or .jpg; {data_set.title} needs the folders train and "
            f"test, and in each one folder for each of {', '.join(data_set.classes)}"
        )
    missing = [name for name in data_set.classes if name not in labels]
    strange = sorted(set(labels) - set(data_set.classes))
    if missing or strange:
        raise ValueError(
            f"{path}: the {len(set(labels))} folders in {part} are not the {len(data_set.classes)} classes "
            f"of {data_set.title}: missing {', '.join(missing) or 'none'}; "
            f"unknown {', '.join(strange) or 'none'}"
        )


def _decode(names: list[str], open_file: Callable, data_set: DataSet) -> np.ndarray:
    channels, height, width = data_set.shape
    mode = "L" if channels == 1 else "RGB"
    images = np.empty((len(names), height, width, channels), dtype=np.uint8)
    bad = []
    for number, name in enumerate(names):
        try:
            with open_file(name) as file:
                picture = Image.open(io.BytesIO(_at_most(file, LARGEST_IMAGE, name)))
            if picture.size != (width, height):
                raise ValueError(f"{picture.width}x{picture.height} pixels")
            images[number] = np.asarray(picture.convert(mode)).reshape(height, width, channels)
        except Exception as error:  # what a broken file makes zipfile, zlib and Pillow raise is of many types
            bad.append(f"{name} ({error or type(error).__name__})")
    if bad:
        shown = "; ".join(bad[:5]) + (f"; and {len(bad) - 5} more" if len(bad) > 5 else "")
        raise ValueError(
            f"{len(bad)} of {len(names)} images cannot be used, each must be {width}x{height} pixels: {shown}"
        )
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2))


def _at_most(file: io.IOBase, limit: int, name: str) -> bytes:
    content = file.read(limit + 1)
    if len(content) > limit:
        raise ValueError(f"{name} holds more than {limit:,} bytes; this cannot be right")
    return content


def check(arrays: Arrays, data_set: DataSet) -> Arrays:
    """The same arrays, or a ValueError with the numbers if they are not this data set's."""
    for part, images, labels in (("train", *arrays[:2]), ("test", *arrays[2:])):
        wanted = (getattr(data_set, part), *data_set.shape)
        if images.shape != wanted or labels.shape != wanted[:1]:
            raise ValueError(
                f"{data_set.title} {part} must be {wanted[0]:,} images of {_by(wanted[1:])}, found "
                f"{images.shape[0]:,} of {_by(images.shape[1:])} with {labels.shape[0]:,} labels"
            )
        if labels.min() < 0 or labels.max() >= len(data_set.classes):
            raise ValueError(
                f"{data_set.title} {part} labels must be 0..{len(data_set.classes) - 1}, "
                f"found {labels.min()}..{labels.max()}"
            )
    return arrays


def _by(sizes: tuple[int, ...]) -> str:
    return "x".join(map(str, sizes))
