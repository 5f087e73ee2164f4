"""Turn what somebody already has (archives, a folder or a zip of images) into a stored data set."""

from __future__ import annotations

import zipfile
from pathlib import Path

from . import readers, store
from .catalog import DataSet, Edition
from .readers import Arrays

DOWNLOADS = "downloads"
TORCHVISION = "MNIST/raw"  # where torchvision keeps the same archives

Imported = tuple[Arrays, str, dict[str, str]]  # the arrays, what kind of copy, the SHA-256 of each file


def from_archives(folder: Path, data_set: DataSet) -> Imported | None:
    """The data set from its archives in `folder`, or None if they do not all lie there.

    Raises ValueError if one of them does not have the sum that it must have; nothing of it is read then.
    """
    for edition in data_set.editions:
        for place in ("", DOWNLOADS, data_set.name, TORCHVISION):
            paths = [folder / place / archive.name for archive in edition.archives]
            if all(path.is_file() for path in paths):
                return _read(edition, paths, data_set)
    return None


def from_path(path: Path, data_set: DataSet) -> Imported:
    """The data set from whatever `path` is: a folder of archives or images, an archive, a zip of images.

    Raises ValueError, with what was found, if it is none of them.
    """
    if path.is_dir():
        imported = from_archives(path, data_set)
        if imported is None:
            _refuse_incomplete(path, data_set)
            arrays, note = readers.read_folder(path, data_set)
            imported = readers.check(arrays, data_set), note, {}
        return imported
    if not path.is_file():
        raise ValueError(f"there is no file or folder {path}")
    digest = store.sha256(path)
    for edition in data_set.editions:
        if [archive.sha256 for archive in edition.archives] == [digest]:
            return _read(edition, [path], data_set)
    if zipfile.is_zipfile(path):
        arrays, note = readers.read_zip(path, data_set)
        return readers.check(arrays, data_set), note, {path.name: digest}
    known = ", ".join(archive.name for edition in data_set.editions for archive in edition.archives)
    raise ValueError(f"{path} is no zip, and its SHA-256 {digest} is not that of {known}")


def keep(folder: Path, data_set: DataSet, arrays: Arrays, note: str, sums: dict[str, str]) -> None:
    """Store what was imported as the real set."""
    store.write(folder, data_set.name, arrays, source="full", note=note, made_from=sums)


def _read(edition: Edition, paths: list[Path], data_set: DataSet) -> Imported:
    sums = {}
    for path, archive in zip(paths, edition.archives):
        sums[archive.name] = store.sha256(path)
        if sums[archive.name] != archive.sha256:
            raise ValueError(
                f"{path} is not the {data_set.title} archive of that name, or a part of it: "
                f"{path.stat().st_size:,} bytes with SHA-256 {sums[archive.name][:12]}..., the archive has "
                f"{archive.size:,} bytes with {archive.sha256[:12]}...; delete it or replace it"
            )
    arrays = getattr(readers, edition.reader)(paths)
    return readers.check(arrays, data_set), "original archive", sums


def _refuse_incomplete(folder: Path, data_set: DataSet) -> None:
    names = [archive.name for archive in data_set.editions[0].archives]
    missing = [name for name in names if not (folder / name).is_file()]
    if 0 < len(missing) < len(names):
        raise ValueError(f"{folder} lacks {len(missing)} of {len(names)} archives: {', '.join(missing)}")
