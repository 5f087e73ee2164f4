"""The solved copies: written only where they belong, and every one runs with each answer correct."""

import sys
from pathlib import Path
from types import ModuleType

import nbformat
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import course_utils.exercises
from course_utils.__main__ import main as command_line
from course_utils.exercises import solutions
from course_utils.exercises.core import Number, Progress, Shape
from tests.browser.lab import find_chromium

LESSONS = sorted((solutions.ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))


# Every lesson, solved and run


def solved(path: Path) -> nbformat.NotebookNode:
    return solutions.solve(nbformat.read(path, as_version=4), solutions.lesson_exercises(path.name[:2]))


def check_run(notebook: nbformat.NotebookNode, lesson: str) -> None:
    """A solved copy after its run: each check says correct, and only cells that are meant to fail did."""
    told = {cell.id: shown(cell) for cell in notebook.cells if solutions.is_exercise(cell)}
    exercises = solutions.lesson_exercises(lesson).values()
    expected = {exercise.cell_id: f"✓ {exercise.name}: correct\n" for exercise in exercises}
    assert set(told) == set(expected)
    assert [text for identity, text in told.items() if not text.startswith(expected[identity])] == []
    errors = [
        cell.id for cell in notebook.cells if any(output.output_type == "error" for output in outputs(cell))
    ]
    assert errors == [
        cell.id for cell in notebook.cells if "raises-exception" in cell.metadata.get("tags", ())
    ]


@pytest.mark.skipif(find_chromium() is not None, reason="the browser tests run the solved lessons here")
@pytest.mark.timeout(
    400
)  # some lessons take 20 s of computing; a machine busy with other work takes a multiple
@pytest.mark.parametrize("path", LESSONS, ids=[path.stem for path in LESSONS])
def test_a_solved_lesson_runs_with_every_check_correct(path, tmp_path):
    notebook = solved(path)
    client = NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    check_run(notebook, path.name[:2])
    assert list(tmp_path.iterdir()) == [], "a lesson writes to temporary folders only"


def outputs(cell):
    return cell.outputs if cell.cell_type == "code" else []


def shown(cell):
    """What the cell's last line shows, as text."""
    return "".join(
        output.data["text/plain"] for output in outputs(cell) if output.output_type == "execute_result"
    )


def test_the_command_writes_every_lesson(tmp_path, capsys):
    out = tmp_path / "new" / "solved"
    assert command_line(["solutions", str(out)]) == 0, capsys.readouterr().err
    assert sorted(path.name for path in out.iterdir()) == [path.name for path in LESSONS]
    for path in LESSONS:
        solved = nbformat.read(out / path.name, as_version=4)
        nbformat.validate(solved)
        original = nbformat.read(path, as_version=4)
        assert [cell.get("id") for cell in solved.cells[1:]] == [cell.get("id") for cell in original.cells]
        changed = {
            new.id
            for new, old in zip(solved.cells[1:], original.cells, strict=True)
            if new.source != old.source
        }
        exercises = solutions.lesson_exercises(path.name[:2])
        assert changed == {exercise.cell_id for exercise in exercises.values()}
    assert f"{out / LESSONS[0].name}  " in capsys.readouterr().out


# On a small lesson of our own


@pytest.fixture
def lesson(tmp_path, monkeypatch):
    """The folder of a lesson 97 with two exercises."""
    module = ModuleType("course_utils.exercises.lesson97")
    module.conv1 = Shape("conv1", (1, 2), solution="s = (1, 2)", hints=["h"], wrong=[((2, 1), "slip")])
    module.batch_size = Number("batch_size", 4, solution="a = 2\nn = a * 2", hints=["h"], wrong=[(2, "slip")])
    module.progress = Progress(module.__name__)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    setup = new_code_cell("1 + 1", id="setup", execution_count=3)
    setup.outputs = [new_output("execute_result", {"text/plain": "2"}, execution_count=3)]
    cells = [
        new_markdown_cell("# Lesson", id="title"),
        setup,
        new_markdown_cell("What is the shape?", id="ex-conv1-text"),
        new_code_cell(
            "# your answer\ns = ...\nex.conv1.check(s)", id="ex-conv1", metadata={"tags": ["kept"]}
        ),
        new_code_cell("n = ...\nex.batch_size.check(n)\n", id="ex-batch-size"),
        new_code_cell("ex.conv1.check((2, 1))", id="demonstration"),
    ]
    folder = tmp_path / "notebooks"
    folder.mkdir()
    nbformat.write(new_notebook(cells=cells), folder / "97_small.ipynb")
    nbformat.write(new_notebook(cells=[new_code_cell("1", id="one")]), folder / "98_no_exercises.ipynb")
    return folder


def edit(folder, change):
    path = folder / "97_small.ipynb"
    notebook = nbformat.read(path, as_version=4)
    change({cell.id: cell for cell in notebook.cells}, notebook)
    nbformat.write(notebook, path)


def solve(folder, out):
    return solutions.main([str(out), "--notebooks", str(folder)])


def test_the_solution_stands_above_the_check_and_nothing_else_changes(lesson, tmp_path, capsys):
    before = {path: path.read_bytes() for path in lesson.iterdir()}
    assert solve(lesson, tmp_path / "out") == 0
    assert {path: path.read_bytes() for path in lesson.iterdir()} == before
    copy = nbformat.read(tmp_path / "out" / "97_small.ipynb", as_version=4)
    assert [cell.source for cell in copy.cells] == [
        "**Instructor copy: exercises solved.**",
        "# Lesson",
        "1 + 1",
        "What is the shape?",
        "s = (1, 2)\n\nex.conv1.check(s)",
        "a = 2\nn = a * 2\n\nex.batch_size.check(n)",
        "ex.conv1.check((2, 1))",
    ]
    assert copy.cells[0].cell_type == "markdown"
    assert all(
        (cell.outputs, cell.execution_count) == ([], None) for cell in copy.cells if cell.cell_type == "code"
    )
    assert copy.cells[4].metadata == {"tags": ["kept"]}
    assert copy.metadata[solutions.MARK] is True
    assert "97_small.ipynb  2 exercises solved\n" in capsys.readouterr().out


def test_solving_leaves_the_notebook_it_was_given_alone(lesson):
    notebook = nbformat.read(lesson / "97_small.ipynb", as_version=4)
    solutions.solve(notebook, solutions.lesson_exercises("97"))
    assert notebook == nbformat.read(lesson / "97_small.ipynb", as_version=4)


def test_a_lesson_without_exercises_is_copied_too(lesson, tmp_path):
    assert solve(lesson, tmp_path / "out") == 0
    copy = nbformat.read(tmp_path / "out" / "98_no_exercises.ipynb", as_version=4)
    assert [cell.source for cell in copy.cells] == ["**Instructor copy.**", "1"]


def test_earlier_copies_are_renewed_and_other_files_stay(lesson, tmp_path):
    out = tmp_path / "out"
    assert solve(lesson, out) == 0
    (out / "my notes.txt").write_text("mine")
    edit(lesson, lambda cells, _: cells["setup"].update(source="3 + 3"))
    assert solve(lesson, out) == 0
    assert "3 + 3" in (out / "97_small.ipynb").read_text()
    assert sorted(path.name for path in out.iterdir()) == [
        "97_small.ipynb",
        "98_no_exercises.ipynb",
        "my notes.txt",
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda cells, _: cells["ex-conv1"].update(id="ex-conv2"), ["ex-conv2 has no exercise", "['conv1', 'batch_size']", "exercise conv1 has 0 cells ex-conv1"]),
        (lambda cells, notebook: notebook.cells.remove(cells["ex-batch-size"]), ["exercise batch_size has 0 cells ex-batch-size, must have 1"]),
        (lambda cells, _: cells["ex-conv1"].update(source="s = ..."), ["cell ex-conv1 must end with the line ex.conv1.check(...)"]),
        (lambda cells, _: cells["ex-conv1"].update(source="ex.conv1.check(\n    ...\n)"), ["ex-conv1 must end with"]),
        (lambda cells, _: cells["ex-conv1"].update(source="s = ...\nex.batch_size.check(s)"), ["ex-conv1 must end with the line ex.conv1"]),
        (lambda cells, _: cells["ex-conv1"].update(source="if True:\n    ex.conv1.check(...)"), ["ex-conv1 must end with"]),
    ],
)  # fmt: skip
def test_cells_and_exercises_that_do_not_match_are_named_and_nothing_is_written(
    lesson, tmp_path, capsys, change, words
):
    edit(lesson, change)
    assert solve(lesson, tmp_path / "out") == 1
    error = capsys.readouterr().err
    assert error.startswith("97_small.ipynb: ")
    assert all(word in error for word in words)
    assert not (tmp_path / "out").exists()


def test_two_cells_for_one_exercise_are_refused(lesson, tmp_path):
    notebook = nbformat.read(lesson / "97_small.ipynb", as_version=4)
    notebook.cells.append(notebook.cells[3])
    with pytest.raises(ValueError, match="exercise conv1 has 2 cells ex-conv1, must have 1"):
        solutions.solve(notebook, solutions.lesson_exercises("97"))


def test_every_lesson_that_does_not_match_is_named(lesson, tmp_path, capsys):
    edit(lesson, lambda cells, _: cells["ex-conv1"].update(source="1"))
    nbformat.write(new_notebook(cells=[new_code_cell("1", id="ex-lost")]), lesson / "98_no_exercises.ipynb")
    assert solve(lesson, tmp_path / "out") == 1
    first, second = capsys.readouterr().err.splitlines()
    assert (
        first.startswith("97_small.ipynb: ")
        and "98_no_exercises.ipynb: cell ex-lost has no exercise" in second
    )


def test_a_lesson_file_whose_own_import_fails_is_not_taken_for_missing(tmp_path, monkeypatch):
    (tmp_path / "lesson95.py").write_text("import no_such_module")
    monkeypatch.setattr(course_utils.exercises, "__path__", [*course_utils.exercises.__path__, str(tmp_path)])
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        solutions.lesson_exercises("95")
    assert solutions.lesson_exercises("96") == {}


def test_the_lessons_own_folder_is_never_written_to(lesson, tmp_path, capsys):
    before = {path: path.read_bytes() for path in lesson.iterdir()}
    for out in (lesson, lesson / "solved", lesson / ".." / "notebooks", lesson / "98_no_exercises.ipynb"):
        assert solve(lesson, out) == 1
        assert str(out) in capsys.readouterr().err
    assert {path: path.read_bytes() for path in lesson.iterdir()} == before


@pytest.mark.parametrize(
    "content", ["", "not a notebook", '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}']
)
def test_a_file_that_is_no_copy_is_not_overwritten(lesson, tmp_path, capsys, content):
    out = tmp_path / "out"
    out.mkdir()
    (out / "98_no_exercises.ipynb").write_text(content)
    assert solve(lesson, out) == 1
    assert f"{out / '98_no_exercises.ipynb'} exists and is no solved copy" in capsys.readouterr().err
    assert (out / "98_no_exercises.ipynb").read_text() == content
    assert [path.name for path in out.iterdir()] == ["98_no_exercises.ipynb"]


def test_a_folder_without_lessons_is_told(tmp_path, capsys):
    assert solve(tmp_path, tmp_path / "out") == 1
    assert f"no lessons (NN_title.ipynb) in {tmp_path}" in capsys.readouterr().err


def test_a_write_that_fails_leaves_the_earlier_copy(lesson, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    assert solve(lesson, out) == 0
    before = (out / "97_small.ipynb").read_bytes()

    def disk_full(notebook, path):
        Path(path).write_text("half")
        raise OSError("No space left on device")

    monkeypatch.setattr(solutions.nbformat, "write", disk_full)
    assert solve(lesson, out) == 1
    assert "No space left" in capsys.readouterr().err
    assert (out / "97_small.ipynb").read_bytes() == before
