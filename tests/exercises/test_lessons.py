"""Every exercise of every lesson: the solution passes, each wrong answer is told its slip, the gap is no answer."""

import copy
import importlib
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import nbformat
import pytest

import course_utils.exercises
from course_utils.exercises.core import Code, Exercise, Progress
from course_utils.exercises.present import Result, inline
from course_utils.exercises.solutions import ROOT, check_line, is_exercise
from tests.exercises.student import run

NUMBERS = sorted(
    path.stem[-2:] for path in Path(course_utils.exercises.__file__).parent.glob("lesson[0-9][0-9].py")
)
MODULES = {number: importlib.import_module(f"course_utils.exercises.lesson{number}") for number in NUMBERS}
EXERCISES = [
    pytest.param(number, exercise, id=f"{number}-{name}")
    for number, module in MODULES.items()
    for name, exercise in vars(module).items()
    if isinstance(exercise, Exercise)
]


def notebook(number: str) -> nbformat.NotebookNode:
    """The notebook of a lesson that has exercises."""
    paths = list((ROOT / "notebooks").glob(f"{number}_*.ipynb"))
    assert len(paths) == 1, f"lesson{number}.py needs one notebook {number}_title.ipynb, found {paths}"
    return nbformat.read(paths[0], as_version=4)


def exercise_cell(number: str, exercise: Exercise) -> str:
    """The source of the one cell that asks this question."""
    sources = [
        cell.source
        for cell in notebook(number).cells
        if cell.get("id") == exercise.cell_id and is_exercise(cell)
    ]
    assert len(sources) == 1, f"{len(sources)} cells have the id {exercise.cell_id}"
    return sources[0]


def names(module: ModuleType) -> dict[str, Any]:
    """What the notebook's earlier cells have defined when an exercise's cell runs."""
    return {"ex": module, **(module.namespace() if hasattr(module, "namespace") else {})}


def check_wrong(number: str, exercise: Exercise, answer: Any) -> Result:
    """Give one of the exercise's own wrong answers, functions as a student's cell defines them."""
    if not isinstance(exercise, Code):
        return exercise.check(answer)
    function = re.findall(r"^(?:async )?def (\w+)", answer, flags=re.MULTILINE)[-1]
    return run(f"{answer}\nex.{exercise.name}.check({function})", names(MODULES[number]))


def test_the_notebooks_that_check_answers_are_those_that_have_exercises():
    asking = {
        path.name[:2]
        for path in (ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb")
        if re.search(r"\bex\.\w+\.check\(", path.read_text(encoding="utf-8"))
    }
    assert asking == set(NUMBERS)


@pytest.mark.parametrize("number", NUMBERS)
class TestLesson:
    def test_each_exercise_is_found_under_its_name_and_in_the_progress_table(self, number):
        module = MODULES[number]
        exercises = {name: value for name, value in vars(module).items() if isinstance(value, Exercise)}
        assert exercises
        assert [exercise.name for exercise in exercises.values()] == list(exercises)
        assert isinstance(module.progress, Progress)
        assert [name for name, _ in module.progress().rows] == list(exercises)

    def test_cells_and_exercises_match_one_to_one(self, number):
        ids = [cell.get("id") for cell in notebook(number).cells]
        assert len(ids) == len(set(ids)), "cell ids must be unique"
        cells = [cell.id for cell in notebook(number).cells if is_exercise(cell)]
        assert sorted(cells) == sorted(
            exercise.cell_id for exercise in MODULES[number].progress.exercises.values()
        )

    def test_the_notebook_shows_the_progress_table_after_its_last_exercise(self, number):
        cells = [cell for cell in notebook(number).cells if cell.cell_type == "code"]
        last = max(place for place, cell in enumerate(cells) if is_exercise(cell))
        assert any("ex.progress()" in cell.source for cell in cells[last + 1 :])


@pytest.mark.parametrize(("number", "exercise"), EXERCISES)
class TestExercise:
    def test_the_cell_ends_with_its_check(self, number, exercise):
        assert (check_line(exercise_cell(number, exercise)) or "").startswith(f"ex.{exercise.name}.check(")

    def test_the_cell_as_shipped_is_not_attempted(self, number, exercise):
        source = exercise_cell(number, exercise)
        assert "..." in source
        first, second = (run(source, names(MODULES[number])) for _ in range(2))
        assert first.outcome == second.outcome == "not attempted"
        assert repr(first) == repr(second) and first._repr_html_() == second._repr_html_()

    def test_the_solution_is_correct(self, number, exercise):
        source = f"{exercise.code}\n\n{check_line(exercise_cell(number, exercise))}"
        first, second = (run(source, names(MODULES[number])) for _ in range(2))
        assert first.outcome == "correct", repr(first)
        assert repr(first) == repr(second) and first._repr_html_() == second._repr_html_()

    def test_each_wrong_answer_is_told_its_slip(self, number, exercise):
        for answer, slip in exercise.wrong:
            first, second = (check_wrong(number, exercise, answer) for _ in range(2))
            assert first.outcome == "incorrect", f"{answer!r}: {first}"
            assert slip in first.lines and inline(slip) in first._repr_html_(), f"{answer!r}: {first}"
            assert repr(first) == repr(second) and first._repr_html_() == second._repr_html_()

    def test_wrong_answers_differ_from_the_right_one_and_from_each_other(self, number, exercise):
        exercise.prove()
        slips = [slip for _, slip in exercise.wrong]
        assert len(slips) == len(set(slips)), "each wrong answer needs words of its own"

    def test_hints_and_solution_are_the_same_on_each_run(self, number, exercise):
        def shown():
            fresh = copy.copy(exercise)
            return [fresh.hint() for _ in exercise.hints] + [fresh.solution()]

        first, second = shown(), shown()
        assert [repr(panel) for panel in first] == [repr(panel) for panel in second]
        assert [panel._repr_html_() for panel in first] == [panel._repr_html_() for panel in second]
        assert len(first[-2].lines) == len(exercise.hints)
