"""What is stored comes back the same, mapped and not copied; a damaged file is named and never used."""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tiny_sets as tiny
import torch
from tiny_sets import TINY_CIFAR10, TINY_MNIST

from course_utils.data import store


def write(root: Path, seed: int = 0, data_set=TINY_CIFAR10) -> tuple[np.ndarray, ...]:
    arrays = tiny.arrays_of(data_set, seed)
    store.write(root, data_set.name, arrays, source="full", note="a note", made_from={"file": "sum"})
    return arrays


def data_file(root: Path, name: str = "cifar10") -> Path:
    return root / store.describe(root, name)["file"]


def same(root: Path, arrays: tuple[np.ndarray, ...], name: str = "cifar10") -> bool:
    tensors, _ = store.read(root, name)
    return all(np.array_equal(tensors[part].numpy(), array) for part, array in zip(store.PARTS, arrays))


def test_a_set_comes_back_as_it_was_with_what_is_known_about_it(tmp_path):
    arrays = write(tmp_path / "new")
    assert same(tmp_path / "new", arrays)
    facts = store.describe(tmp_path / "new", "cifar10")
    assert (facts["source"], facts["note"], facts["made_from"]) == ("full", "a note", {"file": "sum"})
    assert (facts["train"], facts["test"]) == (30, 20)
    scaled = arrays[0] / 255
    np.testing.assert_allclose(facts["mean"], scaled.mean((0, 2, 3)), atol=1e-9)
    np.testing.assert_allclose(facts["std"], scaled.std((0, 2, 3)), atol=1e-9)
    files = {path.name for path in (tmp_path / "new").iterdir()}
    assert files == {"cifar10.json", facts["file"]}  # nothing unfinished is left


def test_what_is_not_stored_is_none(tmp_path):
    assert store.read(tmp_path, "cifar10") is None
    assert store.read(tmp_path / "no such folder", "cifar10") is None
    (tmp_path / "file").touch()
    assert store.read(tmp_path / "file", "cifar10") is None


def test_a_student_who_writes_into_the_images_changes_a_copy(tmp_path):
    arrays = write(tmp_path)
    tensors, _ = store.read(tmp_path, "cifar10")
    tensors["train_images"].zero_()
    assert same(tmp_path, arrays)
    store.verify(tmp_path, "cifar10")


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="Linux tells what is mapped")
def test_the_file_is_mapped_and_not_read(tmp_path):
    write(tmp_path)
    tensors, _ = store.read(tmp_path, "cifar10")
    address = tensors["train_images"].data_ptr()
    for line in Path("/proc/self/maps").read_text().splitlines():
        start, end = (int(number, 16) for number in line.split()[0].split("-"))
        if start <= address < end:
            assert line.endswith(data_file(tmp_path).name)
            return
    pytest.fail("the tensor lies in no mapping")


def test_opening_a_set_of_full_size_takes_under_50_ms(tmp_path):
    images = np.zeros((50_000, 3, 32, 32), np.uint8)
    labels = np.zeros(50_000, np.int64)
    store.write(tmp_path, "cifar10", (images, labels, images[:10], labels[:10]), source="full", note="",
                made_from={})
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        store.read(tmp_path, "cifar10")
        seconds.append(time.perf_counter() - start)
    assert min(seconds) < 0.05


def test_replacing_a_set_leaves_one_file_and_those_who_have_the_old_one_open_keep_it(tmp_path):
    old = write(tmp_path, seed=1)
    opened, _ = store.read(tmp_path, "cifar10")
    new = write(tmp_path, seed=2)
    assert same(tmp_path, new)
    assert np.array_equal(opened["train_images"].numpy(), old[0])
    if os.name != "nt":  # Windows deletes no file that is open
        assert len(list(tmp_path.glob("*.safetensors"))) == 1


def test_sets_do_not_touch_each_other(tmp_path):
    cifar10, mnist = write(tmp_path), write(tmp_path, data_set=TINY_MNIST)
    standin = tiny.arrays_of(TINY_MNIST, 5)
    store.write(tmp_path, "mnist-standin", standin, source="standin", note="", made_from={})
    assert same(tmp_path, cifar10) and same(tmp_path, mnist, "mnist") and same(tmp_path, standin, "mnist-standin")


def change_a_byte(path: Path, *, hide: bool) -> None:
    stamp = path.stat()
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns if hide else stamp.st_mtime_ns + 1))


def test_a_changed_file_is_refused_with_its_name_and_sums(tmp_path):
    write(tmp_path)
    path = data_file(tmp_path)
    change_a_byte(path, hide=False)
    for _ in range(2):  # also the second time
        with pytest.raises(store.DamagedStore, match=f"{path.name} is damaged: .* with SHA-256"):
            store.read(tmp_path, "cifar10")


def test_verify_finds_what_the_file_system_does_not_tell_and_it_is_refused_from_then_on(tmp_path):
    write(tmp_path)
    change_a_byte(data_file(tmp_path), hide=True)
    with pytest.raises(store.DamagedStore):
        store.verify(tmp_path, "cifar10")
    with pytest.raises(store.DamagedStore):
        store.read(tmp_path, "cifar10")


@pytest.mark.parametrize("keep", [0, 5, 20_000])
def test_a_cut_off_file_is_refused(tmp_path, keep):
    write(tmp_path)
    path = data_file(tmp_path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(store.DamagedStore, match=f"{keep:,} bytes"):
        store.read(tmp_path, "cifar10")


def test_a_missing_file_is_named(tmp_path):
    write(tmp_path)
    data_file(tmp_path).unlink()
    with pytest.raises(store.DamagedStore, match=r"cifar10-.*\.safetensors is missing"):
        store.read(tmp_path, "cifar10")
    with pytest.raises(store.DamagedStore, match="is missing"):
        store.verify(tmp_path, "cifar10")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"name": "cifar10"}', "\x00\x00"])
def test_a_damaged_description_is_named(tmp_path, content):
    write(tmp_path)
    (tmp_path / "cifar10.json").write_text(content)
    with pytest.raises(store.DamagedStore, match="cifar10.json is damaged"):
        store.read(tmp_path, "cifar10")


def test_a_description_cannot_point_outside_its_folder(tmp_path):
    write(tmp_path)
    facts = store.describe(tmp_path, "cifar10")
    (tmp_path / "cifar10.json").write_text(json.dumps({**facts, "file": "../other.safetensors"}))
    with pytest.raises(store.DamagedStore, match="outside its folder"):
        store.read(tmp_path, "cifar10")


def test_a_copied_folder_is_summed_once_and_then_trusted(tmp_path, monkeypatch):
    arrays = write(tmp_path)
    os.utime(data_file(tmp_path))
    assert same(tmp_path, arrays)
    monkeypatch.setattr(store, "sha256", lambda path: pytest.fail("summed again"))
    assert same(tmp_path, arrays)


def test_a_full_disk_is_told_with_numbers_and_changes_nothing(tmp_path, monkeypatch):
    arrays = write(tmp_path, seed=1)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    monkeypatch.setattr(store.shutil, "disk_usage", lambda path: SimpleNamespace(free=500_000))
    with pytest.raises(OSError, match="1 MB are needed to store cifar10, .* has 0 MB left"):
        write(tmp_path, seed=2)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert same(tmp_path, arrays)


def test_an_interrupted_write_changes_nothing(tmp_path, monkeypatch):
    arrays = write(tmp_path, seed=1)
    before = sorted(path.name for path in tmp_path.iterdir())

    def interrupted(*_):
        raise KeyboardInterrupt

    for step in ("sha256", "_publish"):
        with monkeypatch.context() as patch:
            patch.setattr(store, step, interrupted)
            with pytest.raises(KeyboardInterrupt):
                write(tmp_path, seed=2)
        assert same(tmp_path, arrays)
        unfinished = [path.name for path in tmp_path.iterdir() if path.suffix == ".tmp"]
        assert unfinished == []
    assert set(before) <= {path.name for path in tmp_path.iterdir()}


def test_a_set_that_is_replaced_while_it_is_opened_is_opened_anew(tmp_path, monkeypatch):
    write(tmp_path, seed=1)
    answers = [store.describe(tmp_path, "cifar10")]  # read just before the set is replaced
    new = write(tmp_path, seed=2)
    describe = store.describe
    monkeypatch.setattr(store, "describe", lambda *given: answers.pop() if answers else describe(*given))
    assert same(tmp_path, new) and not answers


def test_readers_see_the_old_set_or_the_new_one_while_it_is_replaced(tmp_path):
    sets = [tiny.arrays_of(TINY_CIFAR10, seed) for seed in (1, 2)]
    write(tmp_path, seed=1)
    stop, problems, seen = threading.Event(), [], set()

    def look():
        while not stop.is_set():
            try:
                tensors, _ = store.read(tmp_path, "cifar10")
            except Exception as error:
                problems.append(error)
                return
            found = [number for number, arrays in enumerate(sets)
                     if all(torch.equal(tensors[part], torch.from_numpy(array))
                            for part, array in zip(store.PARTS, arrays))]
            seen.update(found)
            if len(found) != 1:
                problems.append("half of one")

    thread = threading.Thread(target=look)
    thread.start()
    for turn in range(20):
        write(tmp_path, seed=1 + turn % 2)
    stop.set()
    thread.join()
    assert not problems and seen == {0, 1}


def test_another_process_waits_for_the_lock_and_says_so(tmp_path):
    code = (
        "import sys; from pathlib import Path; from course_utils.data import store\n"
        "with store.locked(Path(sys.argv[1])): print('in', flush=True)"
    )
    with store.locked(tmp_path):
        other = subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        assert other.stdout.readline() == f"Waiting for another process that is filling {tmp_path}\n"
        assert other.poll() is None
    assert other.communicate(timeout=60) == ("in\n", None) and other.returncode == 0


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(store.ReadOnlyFolder, match="nothing can be written to .*file"):
        with store.locked(tmp_path / "file" / "data"):
            pass


def test_the_data_folder_is_the_argument_or_the_variable_or_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "variable"))
    assert store.data_folder(tmp_path / "argument") == tmp_path / "argument"
    assert store.data_folder() == tmp_path / "variable"
    monkeypatch.setenv("COURSE_DATA", "~/images")
    assert store.data_folder() == Path.home() / "images"
    monkeypatch.setenv("COURSE_DATA", "")
    assert store.data_folder().name == "cnns-by-hand" or "cnns-by-hand" in store.data_folder().parts
