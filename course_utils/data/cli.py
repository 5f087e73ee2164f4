"""Command line: python -m course_utils data list | fetch | verify | import."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from . import store
from .catalog import DATA_SETS, DataSet

COMMAND = "python -m course_utils data"
EXPLANATION = f"""\
examples:
  {COMMAND} list
  {COMMAND} fetch mnist
  {COMMAND} import mnist DIR            a folder with the four .gz archives
  {COMMAND} import cifar10 FILE.zip     a zip of train|test/<class>/*.png or *.jpg
  {COMMAND} import cifar10 DIR          a folder of the same form, or one with the archive
  {COMMAND} import cifar10 cifar-10-python.tar.gz

The images are kept in one folder: COURSE_DATA, or your cache folder if that is not set.
"""


def main(argv: list[str] | None = None) -> int:
    """Run one command; exit status 0: done, 1: not done, 2: wrong command line."""
    parser = argparse.ArgumentParser(
        prog=COMMAND, epilog=EXPLANATION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("list", help="what there is, what is stored, and where")
    fetching = commands.add_parser("fetch", help="download a data set and store it")
    fetching.add_argument("names", nargs="+", choices=DATA_SETS, metavar="|".join(DATA_SETS))
    commands.add_parser("verify", help="read every stored set again and compare its SHA-256")
    importing = commands.add_parser("import", help="store a data set that you already have")
    importing.add_argument("name", choices=DATA_SETS, metavar="|".join(DATA_SETS))
    importing.add_argument("path", type=Path, metavar="PATH", help="archive, zip or folder")
    try:
        chosen = parser.parse_args(argv)
    except SystemExit as stop:  # argparse has printed what it has to say
        return int(stop.code or 0)
    folder = store.data_folder()
    try:
        if chosen.command == "list":
            return show(folder)
        if chosen.command == "verify":
            return verify(folder)
        if chosen.command == "import":
            return import_set(folder, DATA_SETS[chosen.name], chosen.path)
        return max(fetch(folder, DATA_SETS[name]) for name in chosen.names)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. What was received is kept; the same command continues it.", file=sys.stderr)
        return 130


def show(folder: Path) -> int:
    """A line for each data set, stored or not."""
    print(f"Data folder: {folder}")
    for data_set in DATA_SETS.values():
        try:
            facts = store.describe(folder, data_set.name)
        except store.DamagedStore as error:
            print(f"{data_set.name:8} {error}\n{'':8} {_mend(data_set)}")
            continue
        if facts:
            print(f"{data_set.name:8} {_summary(facts)}")
        else:
            size = sum(archive.size for archive in data_set.editions[0].archives) / 1e6
            print(f"{data_set.name:8} not stored; get it ({size:,.0f} MB): {COMMAND} fetch {data_set.name}")
    print("Without a stored set the lessons use small stand-ins that need no download.")
    return 0


def fetch(folder: Path, data_set: DataSet) -> int:
    """Download and store one set, unless a good one is stored already."""
    from . import sources  # loads PyTorch

    try:
        if store.describe(folder, data_set.name):
            store.verify(folder, data_set.name)
    except store.DamagedStore:
        pass  # load says so and makes it again
    sources.full(data_set, folder)
    print(f"{data_set.title}: {_summary(store.describe(folder, data_set.name))}")
    return 0


def verify(folder: Path) -> int:
    """Sum every stored file again; status 1 if one is not as it was written."""
    status = 0
    for data_set in DATA_SETS.values():
        try:
            if store.describe(folder, data_set.name) is None:
                print(f"--   {data_set.name}: not stored")
                continue
            store.verify(folder, data_set.name)
            print(f"OK   {data_set.name}: {_summary(store.describe(folder, data_set.name))}")
        except store.DamagedStore as error:
            status = 1
            print(f"FAIL {data_set.name}: {error}\n     {_mend(data_set)}")
    return status


def import_set(folder: Path, data_set: DataSet, path: Path) -> int:
    """Store a set from files that are already on this machine, in place of the stored one if there is one."""
    from . import importing

    imported = importing.from_path(path.expanduser(), data_set)
    with store.locked(folder):
        importing.keep(folder, data_set, *imported)
    print(f"{data_set.title}: {_summary(store.describe(folder, data_set.name))}, kept in {folder}")
    return 0


def _summary(facts: dict) -> str:
    return (
        f"{facts['train']:,} + {facts['test']:,} images, {facts['note']}, stored {facts['made_on']}, "
        f"{facts['bytes'] / 1e6:,.0f} MB"
    )


def _mend(data_set: DataSet) -> str:
    return f"to mend it: {COMMAND} fetch {data_set.name}, or import it again"
