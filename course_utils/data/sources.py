"""load(): the stored set, else an archive in the data folder, else a download, else the stand-in."""

from __future__ import annotations

import os
import time
from pathlib import Path

import torch

from . import catalog, standins, store
from .catalog import DataSet
from .images import Images, Split, mean_and_std

SOURCES = ("auto", "full", "standin")
PAUSE = 15 * 60  # seconds before "auto" tries the network again
STANDIN_CODE = ("standins.py", "sketches.py", "scenes.py", "canvas.py")
HINT = "For the real images: python -m course_utils data fetch"


def load(name: str, *, source: str | None = None, root: str | os.PathLike | None = None) -> Images:
    """The images of "mnist" or "cifar10".

    `source` is "full" (the real set, or an error), "standin" (small images that need no network) or "auto"
    (the real set if it can be had at once, else the stand-in); default COURSE_DATA_SOURCE, else "auto".
    `root` is the data folder; default COURSE_DATA, else the user's cache folder.
    """
    data_set = catalog.find(name)
    source = source or os.environ.get("COURSE_DATA_SOURCE") or "auto"
    if source not in SOURCES:
        raise ValueError(f"source must be one of {', '.join(map(repr, SOURCES))}, got {source!r}")
    folder = store.data_folder(root)
    if source == "standin":
        return standin(data_set, folder)
    try:
        return full(data_set, folder, hurried=source == "auto")
    except (OSError, ValueError) as error:
        if source == "full":
            raise
        return standin(data_set, folder, because=str(error).splitlines()[0].rstrip(":"))


def full(data_set: DataSet, folder: Path, *, hurried: bool = False) -> Images:
    """The real set, which is fetched and stored if it is not there yet.

    `hurried` gives up at once without a connection, and for a while after it has given up.
    Raises OSError (no connection, no mirror, no room) or ValueError (files that are not what they should be).
    """
    if found := _stored(data_set, data_set.name, folder):
        return found
    from . import importing  # here, because opening a stored set must not wait for it

    try:
        with store.locked(folder):
            # another process may have made it while this one waited
            if found := _stored(data_set, data_set.name, folder, say=False):
                return found
            imported = importing.from_archives(folder, data_set)
            if imported is None:
                _download(data_set, folder, hurried)
                imported = importing.from_archives(folder, data_set)
            importing.keep(folder, data_set, *imported)
            for archive in data_set.editions[0].archives:  # the store has it all now
                (folder / importing.DOWNLOADS / archive.name).unlink(missing_ok=True)
    except store.ReadOnlyFolder:
        imported = importing.from_archives(folder, data_set)
        if imported is None:
            raise
        return _from_arrays(data_set, imported[0], "full", imported[1])  # cannot be stored: seconds each time
    return _stored(data_set, data_set.name, folder)


def standin(data_set: DataSet, folder: Path, *, because: str = "") -> Images:
    """The small images that stand in for a data set, with one line that says so, and why."""
    why = f" ({because})" if because else ""
    print(f"{data_set.title} stand-in{why}: {data_set.standin}. {HINT} {data_set.name}")
    name = f"{data_set.name}-standin"
    # new code makes new images
    made_from = {path.name: store.sha256(path) for path in map(Path(__file__).with_name, STANDIN_CODE)}
    found = _stored(data_set, name, folder, made_from, say=False)
    if found:
        return found
    arrays = standins.digits() if data_set.name == "mnist" else standins.sketches()
    try:
        store.write(folder, name, arrays, source="standin", note=data_set.standin, made_from=made_from)
    except OSError:
        pass  # a read-only folder or a full disk: they are made again each time
    return _from_arrays(data_set, arrays, "standin", data_set.standin)


def _stored(
    data_set: DataSet, name: str, folder: Path, made_from: dict | None = None, *, say: bool = True
) -> Images | None:
    try:
        found = store.read(folder, name)
    except store.DamagedStore as error:
        if say:
            print(f"{data_set.title}: {error}. It is not used and will be made again if that is possible.")
        return None
    if found is None or (made_from and found[1]["made_from"] != made_from):
        return None
    tensors, facts = found
    mean, std = tuple(facts["mean"]), tuple(facts["std"])
    return _images(data_set, tensors, facts["source"], facts["note"], mean, std)


def _from_arrays(data_set: DataSet, arrays: tuple, source: str, note: str) -> Images:
    tensors = dict(zip(store.PARTS, map(torch.from_numpy, arrays)))
    return _images(data_set, tensors, source, note, *mean_and_std(tensors["train_images"]))


def _images(
    data_set: DataSet, tensors: dict, source: str, note: str, mean: tuple[float, ...], std: tuple[float, ...]
) -> Images:
    train = Split(tensors["train_images"], tensors["train_labels"])
    test = Split(tensors["test_images"], tensors["test_labels"])
    return Images(data_set.name, data_set.classes, source, train, test, mean, std, note)


def _download(data_set: DataSet, folder: Path, hurried: bool) -> None:
    marker = folder / f".{data_set.name}-no-download"
    if hurried and marker.exists() and 0 <= time.time() - marker.stat().st_mtime < PAUSE:
        raise OSError("a download failed a few minutes ago")
    from . import fetch, importing

    if hurried:
        marker.touch()
        if not fetch.reachable(data_set.editions[0].archives[0].urls):
            raise fetch.DownloadError("no internet connection")
    archives = data_set.editions[0].archives
    size = sum(archive.size for archive in archives)
    store.require_space(folder, size + data_set.bytes, f"to download {data_set.title}")
    print(f"Downloading {data_set.title} ({size / 1e6:,.0f} MB), once; it is kept in {folder}", flush=True)
    try:
        for archive in archives:
            fetch.fetch(archive, folder / importing.DOWNLOADS, patient=not hurried)
    except fetch.DownloadError as error:
        have = f"python -m course_utils data import {data_set.name} PATH"
        raise fetch.DownloadError(f"{error}\nTo use files that you already have: {have}") from None
    marker.unlink(missing_ok=True)
