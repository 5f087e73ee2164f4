"""load() takes the stored set, else an archive, else a download, else the stand-in, and says which."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tiny_sets as tiny

from course_utils import data
from course_utils.data import catalog, fetch, sources, standins, store
from course_utils.data.catalog import CIFAR10, MNIST

ARRAYS = tiny.arrays_of(tiny.TINY_MNIST)
FILES = tiny.mnist_files(ARRAYS)
LINE = "MNIST stand-in{}: 1,797 handwritten digits from scikit-learn. For the real images: {} fetch mnist\n"


def line(because: str = "") -> str:
    return LINE.format(because and f" ({because})", "python -m course_utils data")


@pytest.fixture(autouse=True)
def a_tiny_mnist(monkeypatch):
    """An MNIST of 30 + 20 images that no mirror has, and a stand-in that is made at once."""
    monkeypatch.delenv("COURSE_DATA_SOURCE", raising=False)
    monkeypatch.setitem(catalog.DATA_SETS, "mnist", tiny.tiny(MNIST, [FILES]))
    monkeypatch.setattr(standins, "digits", lambda: tiny.arrays_of(tiny.TINY_MNIST, 9))


@pytest.fixture
def online(mirrors, monkeypatch):
    """The tiny MNIST on a mirror of this machine; the name of a way makes a mirror of it."""
    mirrors.files = FILES

    def on(*ways: str):
        urls = {name: mirrors.urls(name, *ways) for name in FILES}
        monkeypatch.setitem(catalog.DATA_SETS, "mnist", tiny.tiny(MNIST, [FILES], urls))
        return mirrors

    return on


def is_full(images: data.Images) -> bool:
    splits = (images.train.images, images.train.labels, images.test.images, images.test.labels)
    return images.source == "full" and all(np.array_equal(a.numpy(), b) for a, b in zip(splits, ARRAYS))


def test_the_stand_in_says_what_it_is_in_one_line(tmp_path, capsys):
    images = data.load("mnist", source="standin", root=tmp_path)
    assert capsys.readouterr().out == line()
    assert (images.name, images.source, images.classes) == ("mnist", "standin", tuple("0123456789"))
    assert images.note == "1,797 handwritten digits from scikit-learn"


def test_the_real_stand_ins_are_what_load_returns(tmp_path, monkeypatch):
    monkeypatch.undo()
    for name, shape, classes in (("mnist", (1, 28, 28), MNIST.classes), ("cifar10", (3, 32, 32), CIFAR10.classes)):
        images = data.load(name, source="standin")
        assert images.train.images.shape[1:] == shape and images.classes == classes
        again = data.load(name, source="standin")
        assert images.train.images.equal(again.train.images) and images.mean == again.mean


def test_a_stand_in_is_made_once_and_again_when_its_code_changes(tmp_path, monkeypatch):
    first = data.load("mnist", source="standin", root=tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(standins, "digits", lambda: pytest.fail("made again"))
        again = data.load("mnist", source="standin", root=tmp_path)
    assert again.train.images.equal(first.train.images) and again.mean == first.mean
    other = tiny.arrays_of(tiny.TINY_MNIST, 10)
    monkeypatch.setattr(standins, "digits", lambda: other)
    monkeypatch.setattr(sources, "STANDIN_CODE", ("standins.py", "catalog.py"))
    assert np.array_equal(data.load("mnist", source="standin", root=tmp_path).train.images, other[0])


def test_every_module_that_draws_stand_ins_counts_as_their_code():
    folder = Path(sources.__file__).parent
    found, waiting = set(), ["standins"]
    while waiting:
        file = f"{waiting.pop()}.py"
        if file not in found:
            found.add(file)
            waiting += re.findall(r"from \.(\w+) import", (folder / file).read_text(encoding="utf-8"))
    assert found == set(sources.STANDIN_CODE)


def test_a_damaged_copy_of_the_stand_in_is_made_again(tmp_path):
    first = data.load("mnist", source="standin", root=tmp_path)
    for path in tmp_path.glob("*.safetensors"):
        path.write_bytes(b"broken")
    again = data.load("mnist", source="standin", root=tmp_path)
    assert again.train.images.equal(first.train.images)
    store.verify(tmp_path, "mnist-standin")


def test_a_stand_in_needs_no_folder_to_write_to(tmp_path, capsys):
    (tmp_path / "file").touch()
    images = data.load("mnist", source="auto", root=tmp_path / "file" / "data")
    assert images.source == "standin"
    out = capsys.readouterr().out
    assert out.startswith("MNIST stand-in (nothing can be written to ") and out.count("\n") == 1


@pytest.mark.skipif(os.name == "nt" or os.getuid() == 0, reason="needs a user whom permissions hold back")
def test_a_read_only_folder_serves_what_is_in_it(tmp_path):
    tiny.write_files(tmp_path, FILES)
    tmp_path.chmod(0o555)
    try:
        assert is_full(data.load("mnist", root=tmp_path))
    finally:
        tmp_path.chmod(0o755)


def test_archives_in_a_folder_where_nothing_can_be_written_are_read_each_time(tmp_path, monkeypatch):
    tiny.write_files(tmp_path, FILES)

    def refuse(root):
        raise store.ReadOnlyFolder("read only")

    monkeypatch.setattr(store, "locked", refuse)
    for _ in range(2):
        images = data.load("mnist", root=tmp_path)
        assert is_full(images) and images.note == "original archive"
    assert {path.name for path in tmp_path.iterdir()} == set(FILES)


@pytest.mark.parametrize("place", ["", "mnist", "MNIST/raw"])
@pytest.mark.parametrize("source", ["auto", "full"])
def test_archives_in_the_data_folder_are_used_and_left_there(tmp_path, capsys, place, source):
    tiny.write_files(tmp_path / place, FILES)
    images = data.load("mnist", source=source, root=tmp_path)
    assert is_full(images) and images.note == "original archive"
    assert capsys.readouterr().out == ""
    facts = store.describe(tmp_path, "mnist")
    assert facts["made_from"] == {file.name: file.sha256 for file in catalog.find("mnist").editions[0].archives}
    for name in FILES:
        (tmp_path / place / name).unlink()  # they were there, and are needed no more
    assert is_full(data.load("mnist", source=source, root=tmp_path))


def test_an_archive_that_is_not_the_right_one_is_named_and_not_read(tmp_path, monkeypatch, capsys):
    tiny.write_files(tmp_path, {**FILES, "train-labels-idx1-ubyte.gz": b"broken"})
    monkeypatch.setattr(sources, "_download", lambda *_: pytest.fail("an archive is there"))
    expected = r"train-labels-idx1-ubyte.gz is not the MNIST archive of that name.* 6 bytes with SHA-256"
    with pytest.raises(ValueError, match=expected):
        data.load("mnist", source="full", root=tmp_path)
    assert data.load("mnist", root=tmp_path).source == "standin"
    assert "train-labels-idx1-ubyte.gz is not the MNIST archive" in capsys.readouterr().out


def test_a_download_is_stored_and_its_archives_are_removed(tmp_path, online, capsys):
    mirrors = online("error", "good")
    assert is_full(data.load("mnist", root=tmp_path))
    assert f"Downloading MNIST (0 MB), once; it is kept in {tmp_path}\n" == capsys.readouterr().out
    assert mirrors.ways == ["error", "good"] * 4
    assert not any((tmp_path / "downloads").iterdir())
    assert is_full(data.load("mnist", source="full", root=tmp_path))
    assert len(mirrors.log) == 8  # nothing more


def test_without_a_connection_auto_takes_the_stand_in_soon_and_stops_asking(tmp_path, monkeypatch, capsys):
    asked = []
    monkeypatch.setattr(fetch, "reachable", lambda urls: asked.append(urls))
    assert data.load("mnist", root=tmp_path).source == "standin"
    assert data.load("mnist", root=tmp_path).source == "standin"
    assert len(asked) == 1
    expected = line("no internet connection") + line("a download failed a few minutes ago")
    assert capsys.readouterr().out == expected
    marker = tmp_path / ".mnist-no-download"
    os.utime(marker, (time.time() - sources.PAUSE - 1,) * 2)
    data.load("mnist", root=tmp_path)
    assert len(asked) == 2


def test_this_machine_alone_is_known_to_be_unreachable_within_seconds(tmp_path, monkeypatch):
    urls = {name: (f"http://127.0.0.1:9/{name}", f"http://mirror.invalid/{name}") for name in FILES}
    monkeypatch.setitem(catalog.DATA_SETS, "mnist", tiny.tiny(MNIST, [FILES], urls))
    start = time.monotonic()
    assert data.load("mnist", root=tmp_path).source == "standin"
    assert time.monotonic() - start < 5


def test_when_no_mirror_delivers_auto_says_so_and_full_refuses(tmp_path, online, capsys):
    online("error", "wrong")
    assert data.load("mnist", root=tmp_path).source == "standin"
    assert capsys.readouterr().out.endswith(line("no mirror delivered train-images-idx3-ubyte.gz"))
    with pytest.raises(fetch.DownloadError) as caught:
        data.load("mnist", source="full", root=tmp_path)
    assert "answers 503" in str(caught.value) and "wrong SHA-256" in str(caught.value)
    assert "python -m course_utils data import mnist PATH" in str(caught.value)
    online("good")
    assert is_full(data.load("mnist", source="full", root=tmp_path))  # an earlier failure holds nothing back
    assert is_full(data.load("mnist", root=tmp_path))


def test_too_little_room_is_said_before_anything_is_fetched(tmp_path, online, monkeypatch):
    mirrors = online("good")
    monkeypatch.setattr(store.shutil, "disk_usage", lambda path: SimpleNamespace(free=10))
    with pytest.raises(OSError, match="are needed to download MNIST"):
        data.load("mnist", source="full", root=tmp_path)
    assert mirrors.log == []


def test_a_damaged_store_is_named_and_fetched_again(tmp_path, online, capsys):
    mirrors = online("good")
    data.load("mnist", root=tmp_path)
    path = tmp_path / store.describe(tmp_path, "mnist")["file"]
    path.write_bytes(path.read_bytes()[:1000])
    capsys.readouterr()
    assert is_full(data.load("mnist", root=tmp_path))
    out = capsys.readouterr().out
    assert out.startswith(f"MNIST: {path} is damaged: 1,000 bytes") and len(mirrors.log) == 8
    assert is_full(data.load("mnist", root=tmp_path)) and capsys.readouterr().out == ""


def test_a_damaged_store_that_cannot_be_mended_is_not_used(tmp_path, capsys):
    tiny.write_files(tmp_path, FILES)
    data.load("mnist", root=tmp_path)
    for name in FILES:
        (tmp_path / name).unlink()
    path = tmp_path / store.describe(tmp_path, "mnist")["file"]
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    assert data.load("mnist", root=tmp_path).source == "standin"
    out = capsys.readouterr().out
    assert f"{path} is damaged" in out and "fetch mnist" in out
    with pytest.raises(OSError, match="no mirror delivered"):
        data.load("mnist", source="full", root=tmp_path)


def test_two_processes_that_want_the_same_set_fetch_it_once(tmp_path, online):
    mirrors = online("slow")
    mirrors.trickle = 80_000
    urls = [archive.urls for archive in catalog.find("mnist").editions[0].archives]
    code = f"""
import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})
import tiny_sets as tiny
from course_utils.data import catalog, fetch, load
fetch.SLOWEST = 0
files = tiny.mnist_files(tiny.arrays_of(tiny.TINY_MNIST))
catalog.DATA_SETS["mnist"] = tiny.tiny(catalog.MNIST, [files], dict(zip(files, {urls!r})))
print(load("mnist", source="full", root={str(tmp_path)!r}))
"""
    both = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for process in both:
        out, _ = process.communicate(timeout=100)
        assert out.endswith("Images(mnist, full: 30 train + 20 test, 1x28x28, 10 classes)\n")
    assert len(mirrors.log) == 4  # four archives, each once


def test_the_source_is_the_argument_or_the_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA_SOURCE", "standin")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    tiny.write_files(tmp_path, FILES)
    assert data.load("mnist").source == "standin"
    assert data.load("mnist", source="auto").source == "full"
    monkeypatch.setenv("COURSE_DATA_SOURCE", "real")
    with pytest.raises(ValueError, match="'auto', 'full', 'standin', got 'real'"):
        data.load("mnist")


def test_an_unknown_name_is_refused_with_the_names_there_are(tmp_path):
    with pytest.raises(ValueError, match="no data set is called 'MNIST'; there are 'mnist', 'cifar10'"):
        data.load("MNIST", root=tmp_path)


def test_the_catalog_is_complete():
    for data_set in (MNIST, CIFAR10):
        downloaded = data_set.editions[0].archives
        assert all(len(archive.urls) >= 2 for archive in downloaded)
        for archive in (archive for edition in data_set.editions for archive in edition.archives):
            assert len(archive.sha256) == 64 and set(archive.sha256) <= set("0123456789abcdef")
            assert all(url.startswith("https://") and url.endswith(archive.name) for url in archive.urls)
    assert (MNIST.bytes, CIFAR10.bytes) == (70_000 * 784, 60_000 * 3072)
