"""Archives, folders and zips give back the images that were put in; what is wrong is named with numbers."""

import gzip
import pickle
import tarfile
import zipfile

import numpy as np
import pytest
import tiny_sets as tiny
from tiny_sets import TINY_CIFAR10, TINY_MNIST

from course_utils.data import readers


def test_idx_archives(tmp_path):
    arrays = tiny.arrays_of(TINY_MNIST)
    files = tiny.mnist_files(arrays)
    tiny.write_files(tmp_path, files)
    found = readers.check(readers.read_idx([tmp_path / name for name in files]), TINY_MNIST)
    assert all(map(np.array_equal, found, arrays))
    assert [array.dtype.name for array in found] == ["uint8", "int64", "uint8", "int64"]


@pytest.mark.parametrize(
    "content, message",
    [
        (gzip.compress(b"\0\0\x0d\x01abcd", mtime=0), "no idx file of bytes: it starts with 00 00 0d 01"),
        (gzip.compress(b"\0\0\x08\x01\0\0\0\x09abc", mtime=0), r"announces \[9\] values but holds 3"),
        (gzip.compress(b"\0\0\x08", mtime=0), "starts with 00 00 08"),
        (b"<html>no such file</html>", "Not a gzipped file"),
    ],
)
def test_broken_idx_archives(tmp_path, content, message):
    path = tmp_path / "images.gz"
    path.write_bytes(content)
    with pytest.raises((ValueError, OSError), match=message):
        readers.read_idx([path] * 4)


def test_an_archive_that_unpacks_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(readers, "LARGEST_MEMBER", 10_000)
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(bytes(20_000)))
    with pytest.raises(ValueError, match="more than 10,000 bytes"):
        readers.read_idx([tmp_path / "bomb.gz"] * 4)
    (tmp_path / "bomb.tar.gz").write_bytes(tiny.tar_gz({"x/data_batch_1.bin": bytes(20_000)}))
    with pytest.raises(ValueError, match="data_batch_1.bin holds more than 10,000 bytes"):
        readers.read_cifar_binary([tmp_path / "bomb.tar.gz"])


@pytest.mark.parametrize(
    "pack, read",
    [(tiny.cifar_python, readers.read_cifar_python), (tiny.cifar_binary, readers.read_cifar_binary)],
)
def test_cifar_archives(tmp_path, pack, read):
    arrays = tiny.arrays_of(TINY_CIFAR10)
    (tmp_path / "archive.tar.gz").write_bytes(pack(arrays))
    found = readers.check(read([tmp_path / "archive.tar.gz"]), TINY_CIFAR10)
    assert all(map(np.array_equal, found, arrays))


def test_batches_pickled_by_a_newer_python_and_numpy_are_read_too(tmp_path):
    arrays = tiny.arrays_of(TINY_CIFAR10)
    members = {
        name: pickle.dumps({b"data": images.reshape(len(images), -1), b"labels": labels.tolist()}, protocol=4)
        for name, (images, labels) in tiny.batches(arrays).items()
    }
    (tmp_path / "archive.tar.gz").write_bytes(tiny.tar_gz(members))
    assert all(map(np.array_equal, readers.read_cifar_python([tmp_path / "archive.tar.gz"]), arrays))


def test_a_pickle_that_asks_for_anything_but_arrays_is_refused(tmp_path):
    marker = tmp_path / "called"

    class Trap:
        def __reduce__(self):
            return marker.touch, ()

    (tmp_path / "archive.tar.gz").write_bytes(tiny.tar_gz({"x/data_batch_1": pickle.dumps(Trap())}))
    with pytest.raises(pickle.UnpicklingError, match="which image data does not need"):
        readers.read_cifar_python([tmp_path / "archive.tar.gz"])
    assert not marker.exists()


def test_a_link_in_an_archive_is_not_followed(tmp_path):
    path = tmp_path / "archive.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        link = tarfile.TarInfo("x/data_batch_1.bin")
        link.type, link.linkname = tarfile.SYMTYPE, "../../secret"
        archive.addfile(link)
    with pytest.raises(ValueError, match="lacks 6 of 6 batches: data_batch_1.bin, "):
        readers.read_cifar_binary([path])


def test_a_cut_off_binary_batch_is_refused(tmp_path):
    (tmp_path / "archive.tar.gz").write_bytes(tiny.tar_gz({"data_batch_1.bin": bytes(3073 + 5)}))
    with pytest.raises(ValueError, match="3078 bytes, no multiple of 3,073"):
        readers.read_cifar_binary([tmp_path / "archive.tar.gz"])


@pytest.mark.parametrize("data_set", [TINY_MNIST, TINY_CIFAR10], ids=lambda data_set: data_set.name)
@pytest.mark.parametrize("top", ["", "images/"])
def test_png_files_in_a_folder_and_in_a_zip(tmp_path, data_set, top):
    arrays = tiny.arrays_of(data_set)
    files = {top + name: content for name, content in tiny.pictures(data_set, arrays).items()}
    clutter = {f"{top}train/.DS_Store": b"", "README.md": b"hello", f"{top}train/notes.txt": b"not an image"}
    folder = tiny.write_files(tmp_path / "folder", {**files, **clutter})
    archive = tiny.write_zip(tmp_path / "images.zip", {**files, **clutter, "__MACOSX/train/0/._a.png": b"?"})
    from_folder, note = readers.read_folder(folder, data_set)
    from_zip, _ = readers.read_zip(archive, data_set)
    assert note == "PNG copy"
    assert all(map(np.array_equal, from_folder, from_zip))
    assert tiny.same_images(readers.check(from_folder, data_set), arrays)


def test_the_images_of_a_folder_are_mixed_and_always_in_the_same_way(tmp_path):
    folder = tiny.write_files(tmp_path, tiny.pictures(TINY_CIFAR10, tiny.arrays_of(TINY_CIFAR10)))
    first, again = (readers.read_folder(folder, TINY_CIFAR10)[0] for _ in range(2))
    assert all(map(np.array_equal, first, again))
    assert len(set(first[1][:10].tolist())) >= 5  # in the folder, the first ten are of four classes


def test_jpeg_files_are_said_to_be_a_lossy_copy(tmp_path):
    arrays = tiny.arrays_of(TINY_CIFAR10)
    smooth = np.broadcast_to(np.arange(32, dtype=np.uint8) * 8, (3, 32, 32))
    arrays[0][:], arrays[2][:] = smooth, smooth
    archive = tiny.write_zip(tmp_path / "i.zip", tiny.pictures(TINY_CIFAR10, arrays, "jpg"))
    found, note = readers.read_zip(archive, TINY_CIFAR10)
    assert note == "JPEG copy"
    assert abs(found[0].astype(int) - smooth).max() < 12


def test_bad_images_are_named_and_counted(tmp_path):
    files = tiny.pictures(TINY_CIFAR10, tiny.arrays_of(TINY_CIFAR10))
    files["train/cat/big.png"] = tiny.picture_bytes(np.zeros((3, 64, 48), np.uint8), "png")
    files["train/dog/text.png"] = b"no image at all"
    files["train/dog/half.png"] = next(iter(files.values()))[:60]
    folder = tiny.write_files(tmp_path, files)
    with pytest.raises(ValueError) as caught:
        readers.read_folder(folder, TINY_CIFAR10)
    message = str(caught.value)
    assert message.startswith("3 of 33 images cannot be used, each must be 32x32 pixels: ")
    assert "train/cat/big.png (48x64 pixels)" in message
    assert "train/dog/text.png" in message and "train/dog/half.png" in message


def test_a_huge_file_that_calls_itself_an_image_is_not_read_whole(tmp_path):
    files = tiny.pictures(TINY_CIFAR10, tiny.arrays_of(TINY_CIFAR10))
    files["train/cat/huge.png"] = bytes(readers.LARGEST_IMAGE + 1)
    with pytest.raises(ValueError, match="huge.png holds more than 1,048,576 bytes"):
        readers.read_zip(tiny.write_zip(tmp_path / "i.zip", files), TINY_CIFAR10)


def test_a_damaged_zip_member_is_named(tmp_path):
    path = tiny.write_zip(tmp_path / "i.zip", tiny.pictures(TINY_CIFAR10, tiny.arrays_of(TINY_CIFAR10)))
    with zipfile.ZipFile(path) as archive:
        member = archive.infolist()[7]
    content = bytearray(path.read_bytes())
    content[member.header_offset + 200] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"1 of .* images cannot be used.*{member.filename}"):
        readers.read_zip(path, TINY_CIFAR10)


def test_folders_that_are_not_the_classes_are_named(tmp_path):
    files = tiny.pictures(TINY_CIFAR10, tiny.arrays_of(TINY_CIFAR10))
    files = {name.replace("/cat/", "/katze/"): content for name, content in files.items()}
    with pytest.raises(ValueError, match="the 10 folders in train .* missing cat; unknown katze"):
        readers.read_folder(tiny.write_files(tmp_path, files), TINY_CIFAR10)


def test_an_empty_folder_is_told_what_is_needed(tmp_path):
    with pytest.raises(ValueError, match="holds no train/<class>/.*airplane, automobile"):
        readers.read_folder(tmp_path, TINY_CIFAR10)


@pytest.mark.parametrize(
    "spoil, message",
    [
        (lambda a: (a[0][:-1], a[1][:-1], *a[2:]), "train must be 30 images of 3x32x32, found 29 of 3x32x32"),
        (lambda a: (*a[:2], a[2][:, :1], a[3]), "test must be 20 images of 3x32x32, found 20 of 1x32x32"),
        (lambda a: (a[0], a[1][:-1], *a[2:]), "with 29 labels"),
        (lambda a: (a[0], a[1] + 1, *a[2:]), r"labels must be 0\.\.9, found 1\.\.10"),
    ],
)
def test_sets_with_the_wrong_numbers_are_refused(spoil, message):
    with pytest.raises(ValueError, match=message):
        readers.check(spoil(tiny.arrays_of(TINY_CIFAR10)), TINY_CIFAR10)
