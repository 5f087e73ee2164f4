"""The data folder: each data set once, as a memory-mapped safetensors file and a JSON that describes it.

The JSON is the entry: it names the file, whose name holds the start of its SHA-256. Replacing the JSON
publishes everything in one step, so a reader sees the old set or the new one and never half of one.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs
from filelock import FileLock, Timeout

if TYPE_CHECKING:
    from .readers import Arrays

PARTS = ("train_images", "train_labels", "test_images", "test_labels")
FACTS = {
    "name", "source", "note", "train", "test", "mean", "std", "made_from", "made_on",
    "file", "bytes", "sha256", "mtime_ns",
}  # fmt: skip


class DamagedStore(ValueError):
    """A stored data set that is not what it was when it was written."""


def data_folder(root: str | os.PathLike | None = None) -> Path:
    """`root`, or else the folder in COURSE_DATA, or else the user's cache folder."""
    chosen = root or os.environ.get("COURSE_DATA") or platformdirs.user_cache_dir("cnns-by-hand", False)
    return Path(chosen).expanduser().absolute()


class ReadOnlyFolder(OSError):
    """A data folder in which nothing can be written."""


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Hold the data folder's lock: of two processes that want the same set, one waits. ReadOnlyFolder."""
    lock = FileLock(root / ".lock")
    try:
        root.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:  # an OSError too
        print(f"Waiting for another process that is filling {root}", flush=True)
        lock.acquire()
    except OSError as error:
        raise ReadOnlyFolder(f"nothing can be written to {root} ({error.strerror or error})") from None
    try:
        yield
    finally:
        lock.release()


def describe(root: Path, name: str) -> dict | None:
    """What the JSON of a stored set says, or None if it is not stored. Raises DamagedStore."""
    entry = root / f"{name}.json"
    try:
        facts = json.loads(entry.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError as error:
        raise DamagedStore(f"{entry} is damaged: no JSON ({error})") from None
    if not isinstance(facts, dict) or not FACTS <= facts.keys():
        raise DamagedStore(f"{entry} is damaged: it does not describe a data set")
    if Path(str(facts["file"])).name != facts["file"]:
        raise DamagedStore(f"{entry} is damaged: it names a file outside its folder, {facts['file']}")
    return facts


def read(root: Path, name: str) -> tuple[dict, dict] | None:
    """The tensors of a stored set, memory-mapped, and its facts; None if it is not stored.

    A file whose size and time are still those at which it was summed is trusted, any other is summed again.
    Raises DamagedStore.
    """
    facts = describe(root, name)
    if facts is None:
        return None
    from safetensors import SafetensorError, safe_open

    path = root / facts["file"]
    try:
        now = path.stat()
        if (now.st_size, now.st_mtime_ns) != (facts["bytes"], facts["mtime_ns"]):
            verify(root, name)
        with safe_open(path, framework="pt") as file:
            return {part: file.get_tensor(part) for part in PARTS}, facts
    except FileNotFoundError:
        if describe(root, name) == facts:
            raise DamagedStore(f"{path} is missing") from None
        return read(root, name)  # the set was replaced between the two looks
    except SafetensorError as error:
        raise DamagedStore(f"{path} is damaged: {error}") from None


def verify(root: Path, name: str) -> None:
    """Sum the whole file of a stored set again; DamagedStore, with the numbers, if it is not as written."""
    facts = describe(root, name)
    path = root / facts["file"]
    try:
        size, stamp, digest = path.stat().st_size, path.stat().st_mtime_ns, sha256(path)
    except FileNotFoundError:
        raise DamagedStore(f"{path} is missing") from None
    right = digest == facts["sha256"]
    try:  # a file that is right need not be summed again, one that is wrong must not be trusted again
        if facts["mtime_ns"] != (stamp if right else 0):
            _publish(root, name, {**facts, "mtime_ns": stamp if right else 0})
    except OSError:
        pass  # a read-only folder: it is summed each time, which is slower and no less right
    if not right:
        raise DamagedStore(
            f"{path} is damaged: {size:,} bytes with SHA-256 {digest[:12]}..., "
            f"written as {facts['bytes']:,} bytes with {facts['sha256'][:12]}..."
        )


def require_space(root: Path, needed: int, purpose: str) -> None:
    """OSError with both numbers if the disk of `root` has less than `needed` bytes left."""
    free = shutil.disk_usage(root).free
    if free < needed:
        raise OSError(f"{needed / 1e6:,.0f} MB are needed {purpose}, {root} has {free / 1e6:,.0f} MB left")


def write(
    root: Path, name: str, arrays: Arrays, *, source: str, note: str, made_from: dict[str, str]
) -> None:
    """Store a data set, or leave the folder as it was. Raises OSError, with the sizes if the disk is full.

    `source`, `note` and `made_from` (SHA-256 of each file it was made from) go into the JSON.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    from .images import mean_and_std

    tensors = {part: torch.from_numpy(array) for part, array in zip(PARTS, arrays)}
    mean, std = mean_and_std(tensors["train_images"])
    root.mkdir(parents=True, exist_ok=True)
    require_space(root, sum(array.nbytes for array in arrays) + 2**20, f"to store {name}")
    unfinished = _unfinished(root, name)
    try:
        save_file(tensors, unfinished)
        digest = sha256(unfinished)
        path = root / f"{name}-{digest[:12]}.safetensors"
        if not path.exists() or sha256(path) != digest:
            unfinished.chmod(0o644)
            unfinished.replace(path)
    except SafetensorError as error:  # what it makes of a disk that fills up
        raise OSError(f"{name} cannot be stored in {root}: {error}") from None
    finally:
        unfinished.unlink(missing_ok=True)
    stored = path.stat()
    facts = {
        "name": name,
        "source": source,
        "note": note,
        "train": len(arrays[1]),
        "test": len(arrays[3]),
        "mean": mean,
        "std": std,
        "made_from": made_from,
        "made_on": datetime.date.today().isoformat(),
        "file": path.name,
        "bytes": stored.st_size,
        "sha256": digest,
        "mtime_ns": stored.st_mtime_ns,
    }
    _publish(root, name, facts)
    for old in root.glob(f"{name}-{'?' * 12}.safetensors"):
        if old != path:
            try:
                old.unlink()
            except OSError:
                pass  # Windows keeps a file that another notebook has open; it is only left over


def _publish(root: Path, name: str, facts: dict) -> None:
    unfinished = _unfinished(root, name)
    try:
        unfinished.write_text(json.dumps(facts, indent=1), encoding="utf-8")
        unfinished.chmod(0o644)
        unfinished.replace(root / f"{name}.json")
    finally:
        unfinished.unlink(missing_ok=True)


def _unfinished(root: Path, name: str) -> Path:
    """A new empty file in the same folder, so that renaming it is atomic; only its owner can read it."""
    handle, path = tempfile.mkstemp(prefix=f".{name}-", suffix=".tmp", dir=root)
    os.close(handle)
    return Path(path)


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while chunk := file.read(2**20):
            digest.update(chunk)
    return digest.hexdigest()
