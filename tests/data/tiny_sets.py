"""Data sets of a few images, in every form in which the real ones come."""

import dataclasses
import gzip
import hashlib
import io
import struct
import tarfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image

from course_utils.data.catalog import CIFAR10, MNIST, Archive, DataSet, Edition


def arrays_of(data_set: DataSet, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Random images of the set's shape, each class at least once in each split."""
    random = np.random.RandomState(seed)
    parts = []
    for count in (data_set.train, data_set.test):
        parts.append(random.randint(0, 256, (count, *data_set.shape)).astype(np.uint8))
        parts.append(random.permutation(np.arange(count) % len(data_set.classes)).astype(np.int64))
    return tuple(parts)


def idx(array: np.ndarray) -> bytes:
    return b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def mnist_files(arrays: tuple[np.ndarray, ...]) -> dict[str, bytes]:
    names = [archive.name for archive in MNIST.editions[0].archives]
    plain = [array[:, 0] if array.ndim == 4 else array.astype(np.uint8) for array in arrays]
    return {name: gzip.compress(idx(array), mtime=0) for name, array in zip(names, plain)}


def tar_gz(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def batches(arrays: tuple[np.ndarray, ...]) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    images, labels = np.array_split(arrays[0], 5), np.array_split(arrays[1], 5)
    named = {f"data_batch_{number + 1}": (images[number], labels[number]) for number in range(5)}
    return {**named, "test_batch": (arrays[2], arrays[3])}


def python_2_pickle(images: np.ndarray, labels: np.ndarray) -> bytes:
    """A batch as Python 2 and its NumPy pickled it in 2009: protocol 2, byte strings, the old module name."""
    def text(value: bytes) -> bytes:
        return b"T" + struct.pack("<i", len(value)) + value

    pixels = images.reshape(len(images), -1)
    shape = b"".join(b"J" + struct.pack("<i", size) for size in pixels.shape)
    return (
        b"\x80\x02}(" + text(b"data")
        + b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85" + text(b"b") + b"tR"
        + b"(K\x01(" + shape + b"t"
        + b"cnumpy\ndtype\n(" + text(b"u1") + b"K\x00K\x01tR(K\x03" + text(b"|")
        + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        + b"I00\n" + text(pixels.tobytes()) + b"tb"
        + text(b"labels") + b"(" + b"".join(b"K" + bytes([label]) for label in labels) + b"lu."
    )  # fmt: skip


def cifar_python(arrays: tuple[np.ndarray, ...]) -> bytes:
    members = {f"cifar-10-batches-py/{name}": python_2_pickle(*batch) for name, batch in batches(arrays).items()}
    return tar_gz({"cifar-10-batches-py/batches.meta": b"not read", **members})


def cifar_binary(arrays: tuple[np.ndarray, ...]) -> bytes:
    def rows(images: np.ndarray, labels: np.ndarray) -> bytes:
        return np.hstack([labels[:, None].astype(np.uint8), images.reshape(len(images), -1)]).tobytes()

    members = {f"cifar-10-batches-bin/{name}.bin": rows(*batch) for name, batch in batches(arrays).items()}
    return tar_gz(members)


def tiny(original: DataSet, files: list[dict[str, bytes]], urls: dict[str, tuple[str, ...]] | None = None) -> DataSet:
    """`original` with 30 + 20 images; its editions have the sums of `files`."""
    editions = tuple(
        Edition(
            edition.reader,
            tuple(
                Archive(name, hashlib.sha256(content).hexdigest(), len(content), (urls or {}).get(name, ()))
                for name, content in contents.items()
            ),
        )
        for edition, contents in zip(original.editions, files)
    )
    return dataclasses.replace(original, train=30, test=20, editions=editions)


TINY_MNIST = tiny(MNIST, [])
TINY_CIFAR10 = tiny(CIFAR10, [])


def picture_bytes(image: np.ndarray, ending: str) -> bytes:
    """One image [C, H, W] as a PNG or JPEG file."""
    buffer = io.BytesIO()
    picture = Image.fromarray(image[0] if len(image) == 1 else image.transpose(1, 2, 0))
    picture.save(buffer, {"png": "PNG", "jpg": "JPEG"}[ending], quality=95)
    return buffer.getvalue()


def pictures(data_set: DataSet, arrays: tuple[np.ndarray, ...], ending: str = "png") -> dict[str, bytes]:
    """The files train|test/<class>/NNNN.png of a set."""
    return {
        f"{part}/{data_set.classes[label]}/{number:04d}.{ending}": picture_bytes(image, ending)
        for part, images, labels in (("train", *arrays[:2]), ("test", *arrays[2:]))
        for number, (image, label) in enumerate(zip(images, labels))
    }


def write_files(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def write_zip(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def same_images(left: tuple[np.ndarray, ...], right: tuple[np.ndarray, ...]) -> bool:
    """Whether two sets hold the same images with the same labels, in whatever order."""
    def pairs(images: np.ndarray, labels: np.ndarray) -> list[tuple[bytes, int]]:
        return sorted((image.tobytes(), int(label)) for image, label in zip(images, labels))

    return pairs(*left[:2]) == pairs(*right[:2]) and pairs(*left[2:]) == pairs(*right[2:])
