"""python -m course_utils data: what it prints, what it stores, and its exit status."""

import os
import subprocess
import sys

import pytest
import tiny_sets as tiny

from course_utils.__main__ import main as course
from course_utils.data import catalog, cli, fetch, store
from course_utils.data.catalog import CIFAR10, MNIST

ARRAYS = {"mnist": tiny.arrays_of(tiny.TINY_MNIST), "cifar10": tiny.arrays_of(tiny.TINY_CIFAR10)}
FILES = tiny.mnist_files(ARRAYS["mnist"])
PYTHON = {"cifar-10-python.tar.gz": tiny.cifar_python(ARRAYS["cifar10"])}
BINARY = {"cifar-10-binary.tar.gz": tiny.cifar_binary(ARRAYS["cifar10"])}


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A data folder of its own and data sets of 30 + 20 images."""
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    monkeypatch.setitem(catalog.DATA_SETS, "mnist", tiny.tiny(MNIST, [FILES]))
    monkeypatch.setitem(catalog.DATA_SETS, "cifar10", tiny.tiny(CIFAR10, [PYTHON, BINARY]))
    return tmp_path / "data"


def stored(folder, name: str) -> bool:
    tensors, _ = store.read(folder, name)
    return tiny.same_images(tuple(tensors[part].numpy() for part in store.PARTS), ARRAYS[name])


def test_list_says_what_is_there_and_how_to_get_the_rest(folder, tmp_path, capsys):
    assert cli.main(["list"]) == 0
    out = capsys.readouterr().out
    assert f"Data folder: {folder}\n" in out
    assert "not stored; get it (0 MB): python -m course_utils data fetch mnist" in out
    assert not folder.exists()  # looking changes nothing
    cli.main(["import", "mnist", str(tiny.write_files(tmp_path / "have", FILES))])
    capsys.readouterr()
    assert cli.main(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("mnist    30 + 20 images, original archive, stored 20")
    assert lines[2].startswith("cifar10  not stored")


def test_list_starts_without_loading_pytorch():
    code = (
        "import sys; from course_utils.data import cli; cli.main(['list']); "
        "sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL).returncode == 0


@pytest.mark.parametrize(
    "name, make, note",
    [
        ("mnist", lambda at: tiny.write_files(at, FILES), "original archive"),
        ("mnist", lambda at: tiny.write_files(at / "MNIST/raw", FILES).parent.parent, "original archive"),
        ("cifar10", lambda at: tiny.write_files(at, PYTHON), "original archive"),
        ("cifar10", lambda at: tiny.write_files(at, PYTHON) / "cifar-10-python.tar.gz", "original archive"),
        ("cifar10", lambda at: tiny.write_files(at, BINARY), "original archive"),
        ("cifar10", lambda at: tiny.write_files(at, {"renamed": BINARY["cifar-10-binary.tar.gz"]}) / "renamed",
         "original archive"),
        ("cifar10", lambda at: tiny.write_files(at, tiny.pictures(tiny.TINY_CIFAR10, ARRAYS["cifar10"])),
         "PNG copy"),
        ("mnist", lambda at: tiny.write_files(at, tiny.pictures(tiny.TINY_MNIST, ARRAYS["mnist"])), "PNG copy"),
        ("cifar10", lambda at: tiny.write_zip(at / "i.zip", tiny.pictures(tiny.TINY_CIFAR10, ARRAYS["cifar10"])),
         "PNG copy"),
    ],
)  # fmt: skip
def test_import_takes_what_people_have(folder, tmp_path, capsys, name, make, note):
    (tmp_path / "have").mkdir()
    assert course(["data", "import", name, str(make(tmp_path / "have"))]) == 0
    assert stored(folder, name)
    assert f": 30 + 20 images, {note}, stored " in capsys.readouterr().out
    assert store.describe(folder, name)["source"] == "full"


@pytest.mark.parametrize(
    "files, path, message",
    [
        ({}, "", "holds no train/<class>/*.png or .jpg"),
        ({}, "nowhere", "there is no file or folder"),
        ({"a.txt": b"text"}, "a.txt", "a.txt is no zip, and its SHA-256"),
        (dict(list(FILES.items())[:3]), "", "lacks 1 of 4 archives: t10k-labels-idx1-ubyte.gz"),
        ({**FILES, "t10k-labels-idx1-ubyte.gz": b"other"}, "", "is not the MNIST archive of that name"),
    ],
)
def test_import_refuses_what_is_something_else_and_keeps_the_stored_set(folder, tmp_path, capsys, files, path,
                                                                        message):
    cli.main(["import", "mnist", str(tiny.write_files(tmp_path / "good", FILES))])
    (tmp_path / "have").mkdir()
    capsys.readouterr()
    assert cli.main(["import", "mnist", str(tiny.write_files(tmp_path / "have", files) / path)]) == 1
    captured = capsys.readouterr()
    assert captured.err.startswith("error: ") and message in captured.err and captured.out == ""
    assert stored(folder, "mnist")


def test_verify_passes_what_is_right_and_names_what_is_not(folder, tmp_path, capsys):
    cli.main(["import", "mnist", str(tiny.write_files(tmp_path / "have", FILES))])
    capsys.readouterr()
    assert cli.main(["verify"]) == 0
    assert capsys.readouterr().out.splitlines()[0].startswith("OK   mnist: 30 + 20 images")
    path = folder / store.describe(folder, "mnist")["file"]
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    assert cli.main(["verify"]) == 1
    out = capsys.readouterr().out
    assert f"FAIL mnist: {path} is damaged" in out and "fetch mnist" in out
    (folder / "mnist.json").write_text("{")
    assert cli.main(["verify"]) == 1 and cli.main(["list"]) == 0
    assert capsys.readouterr().out.count("mnist.json is damaged") == 2


def test_fetch_downloads_stores_and_does_it_once(folder, mirrors, monkeypatch, capsys):
    mirrors.files = FILES
    urls = {name: mirrors.urls(name, "good") for name in FILES}
    monkeypatch.setitem(catalog.DATA_SETS, "mnist", tiny.tiny(MNIST, [FILES], urls))
    for _ in range(2):
        assert cli.main(["fetch", "mnist"]) == 0
        assert "MNIST: 30 + 20 images, original archive" in capsys.readouterr().out
    assert stored(folder, "mnist") and len(mirrors.log) == 4


def test_fetch_mends_a_set_that_is_damaged_without_any_trace(folder, mirrors, monkeypatch):
    mirrors.files = FILES
    urls = {name: mirrors.urls(name, "good") for name in FILES}
    monkeypatch.setitem(catalog.DATA_SETS, "mnist", tiny.tiny(MNIST, [FILES], urls))
    cli.main(["fetch", "mnist"])
    path = folder / store.describe(folder, "mnist")["file"]
    stamp = path.stat()
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert cli.main(["fetch", "mnist"]) == 0 and stored(folder, "mnist")


def test_fetch_without_a_connection_fails_and_lists_every_mirror(folder, capsys, monkeypatch):
    urls = {name: (f"http://127.0.0.1:9/{name}", f"http://localhost:9/{name}") for name in FILES}
    monkeypatch.setitem(catalog.DATA_SETS, "mnist", tiny.tiny(MNIST, [FILES], urls))
    assert cli.main(["fetch", "mnist"]) == 1
    error = capsys.readouterr().err
    assert error.count("no connection") == 2 and "data import mnist PATH" in error


def test_an_interrupted_fetch_says_that_it_can_be_continued(monkeypatch, capsys):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(fetch, "fetch", interrupted)
    assert cli.main(["fetch", "mnist"]) == 130
    assert "the same command continues it" in capsys.readouterr().err


@pytest.mark.parametrize("argv", [[], ["fetch"], ["fetch", "imagenet"], ["import", "mnist"], ["nonsense"]])
def test_a_wrong_command_line_gets_a_usage_message(argv, capsys):
    assert cli.main(argv) == 2
    assert "usage: python -m course_utils data" in capsys.readouterr().err


def test_help_shows_examples(capsys):
    assert cli.main(["--help"]) == 0
    assert "import cifar10 FILE.zip" in capsys.readouterr().out
