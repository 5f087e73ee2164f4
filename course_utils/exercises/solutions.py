"""python -m course_utils solutions OUT/: the notebooks with every exercise solved, for the instructor."""

import argparse
import copy
import importlib
import os
import re
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from nbformat.v4 import new_markdown_cell

from .base import Exercise
from .progress import Progress

ROOT = Path(__file__).resolve().parents[2]
MARK = "course_utils_solutions"  # in the metadata of each copy, so that only copies are ever overwritten
CHECK = re.compile(r"ex\.(\w+)\.check\(.*\)")


def main(argv: list[str] | None = None) -> int:
    """Write the copies; 0 if all went well, 1 if an exercise and its cell do not match or OUT must not be used."""
    parser = argparse.ArgumentParser(prog="python -m course_utils solutions", description=__doc__)
    parser.add_argument("out", type=Path, metavar="OUT", help="folder for the solved copies, made if missing")
    parser.add_argument(
        "--notebooks",
        type=Path,
        default=ROOT / "notebooks",
        help="folder of the lessons (default: %(default)s)",
    )
    arguments = parser.parse_args(argv)
    try:
        written = write(arguments.notebooks, arguments.out)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 1
    for path, count in written:
        print(f"{path}  {count} exercise{'' if count == 1 else 's'} solved")
    return 0


def write(notebooks: Path, out: Path) -> list[tuple[Path, int]]:
    """Write a solved copy of each notebook to `out`; returns each copy's path and number of exercises.

    Everything is checked before the first file is written. ValueError lists all that is wrong.
    """
    copies = solved_copies(notebooks)
    refuse_to_overwrite(notebooks, out, list(copies))
    out.mkdir(parents=True, exist_ok=True)
    for name, (notebook, _) in copies.items():
        unfinished = out / f"{name}.part"
        nbformat.write(notebook, unfinished)
        os.replace(unfinished, out / name)
    return [(out / name, count) for name, (_, count) in copies.items()]


def solved_copies(notebooks: Path) -> dict[str, tuple[NotebookNode, int]]:
    """Each notebook's file name with its solved copy and number of exercises. ValueError lists all that is wrong."""
    paths = sorted(notebooks.glob("[0-9][0-9]_*.ipynb"))
    if not paths:
        raise ValueError(f"no lessons (NN_title.ipynb) in {notebooks}: name their folder with --notebooks")
    copies, problems = {}, []
    for path in paths:
        exercises = lesson_exercises(path.name[:2])
        try:
            copies[path.name] = solve(nbformat.read(path, as_version=4), exercises), len(exercises)
        except ValueError as error:
            problems.append(f"{path.name}: {error}")
    if problems:
        raise ValueError("\n".join(problems))
    return copies


def lesson_exercises(number: str) -> dict[str, Exercise]:
    """The exercises of lesson "02" by name; none if the lesson has no file of exercises."""
    name = f"{__package__}.lesson{number}"
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        return {}
    return Progress(name).exercises


def solve(notebook: NotebookNode, exercises: dict[str, Exercise]) -> NotebookNode:
    """A copy with each exercise's cell filled in and no outputs.

    ValueError unless each exercise has exactly one cell `ex-<name>`, whose last line is its check.
    """
    notebook = copy.deepcopy(notebook)
    by_id = {exercise.cell_id: exercise for exercise in exercises.values()}
    problems, found = [], []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
        if not is_exercise(cell):
            continue
        found.append(cell.id)
        exercise = by_id.get(cell.id)
        check = check_line(cell.source)
        if exercise is None:
            problems.append(f"cell {cell.id} has no exercise; the lesson's exercises are {list(exercises)}")
        elif check is None or CHECK.fullmatch(check).group(1) != exercise.name:
            problems.append(f"cell {cell.id} must end with the line ex.{exercise.name}.check(...)")
        else:
            cell.source = f"{exercise.code}\n\n{check}"
    for identity, exercise in by_id.items():
        if found.count(identity) != 1:
            problems.append(
                f"exercise {exercise.name} has {found.count(identity)} cells {identity}, must have 1"
            )
    if problems:
        raise ValueError("; ".join(problems))
    line = "**Instructor copy: exercises solved.**" if exercises else "**Instructor copy.**"
    notebook.cells.insert(0, new_markdown_cell(line, id="instructor-copy"))
    notebook.metadata[MARK] = True
    return notebook


def is_exercise(cell: NotebookNode) -> bool:
    """Is this the cell of an exercise, and not, say, the text of its question?"""
    return cell.cell_type == "code" and cell.get("id", "").startswith("ex-")


def check_line(source: str) -> str | None:
    """A cell's last line if it is a check, else None."""
    last = source.rstrip().split("\n")[-1]
    return last if CHECK.fullmatch(last) else None


def refuse_to_overwrite(notebooks: Path, out: Path, names: list[str]) -> None:
    """ValueError if the copies would land among the lessons, or on files that are no solved copies."""
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file, not a folder")
    if notebooks.resolve() in (out.resolve(), *out.resolve().parents):
        raise ValueError(
            f"{out} is the lessons' own folder or inside it: choose another for the solved copies"
        )
    for name in names:
        if (out / name).exists() and not is_copy(out / name):
            raise ValueError(f"{out / name} exists and is no solved copy: move it, or choose another folder")


def is_copy(path: Path) -> bool:
    """Was this file written by this module?"""
    try:
        return bool(nbformat.read(path, as_version=4).metadata.get(MARK))
    except (OSError, ValueError, nbformat.reader.NotJSONError):
        return False
