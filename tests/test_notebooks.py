"""What every notebook keeps to, read without running it."""

import ast
import re
from pathlib import Path

import nbformat
import pytest

PATHS = sorted((Path(__file__).parent.parent / "notebooks").glob("*.ipynb"))
TAGS = {"nbval-ignore-output", "raises-exception"}
MOST_BYTES = 300_000
MOST_LINES = 40

# A folder of one machine, or an address in its memory: neither is the same on the next one.
OF_ONE_MACHINE = re.compile(
    r"(?<![\w.])(/(home|Users|root|tmp|work|private|var)/|[A-Za-z]:\\)|\b0x[0-9a-fA-F]{6,}"
)


@pytest.fixture(params=PATHS, ids=lambda path: path.stem)
def path(request) -> Path:
    return request.param


@pytest.fixture
def notebook(path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)


def code_cells(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def text_of(output) -> str:
    """Everything in an output that a person reads as text."""
    if output.output_type == "stream":
        return output.text
    if output.output_type == "error":
        return f"{output.ename}: {output.evalue}"
    return "\n".join(str(value) for kind, value in output.data.items() if not kind.startswith("image/png"))


def test_there_are_lessons_numbered_from_zero():
    assert [path.stem[:3] for path in PATHS] == [f"{number:02}_" for number in range(len(PATHS))]
    assert len(PATHS) >= 3


def test_it_is_valid_small_and_for_any_python(path, notebook):
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.nbformat_minor) == (4, 5)
    assert path.stat().st_size < MOST_BYTES
    assert notebook.metadata.kernelspec.name == "python3"
    assert notebook.metadata.keys() == {"kernelspec", "language_info"}, "run make outputs; no widget state"


def test_it_opens_with_what_the_lesson_is(notebook):
    first = notebook.cells[0]
    assert first.cell_type == "markdown"
    assert first.source.startswith("# ")
    for wanted in (
        r"\*\*Time:\*\* .*\d+ minutes",
        r"\*\*You need:\*\* \w",
        r"\byou can\b",
        r"(?m)^- .*(\n.*)*^- ",
    ):
        assert re.search(wanted, first.source), wanted


def test_its_first_code_starts_the_lesson(path, notebook):
    setup = code_cells(notebook)[0]
    assert setup.id == "setup"
    assert f"lesson.start({int(path.stem[:2])}" in setup.source
    assert "nbval-ignore-output" in setup.metadata.tags, "its line names this machine's device"


def test_it_closes_with_recap_old_code_and_where_to_go(path, notebook):
    markdown = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    headings = re.findall(r"(?m)^## (.+)$", markdown)
    if path.stem[:2] == "00":  # teaches no code that could be old, and ends with the list of lessons
        assert headings[-1] == "Recap"
    else:
        assert headings[-3:] == ["Recap", "Old code you will meet", "Where to go next"]


def test_cell_ids_are_words(notebook):
    ids = [cell.id for cell in notebook.cells]
    assert len(set(ids)) == len(ids)
    assert [name for name in ids if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name)] == []
    assert [name for name in ids if re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f-]+)?", name)] == [], (
        "made by a machine"
    )


def test_code_cells_hold_python_only_and_not_much(notebook):
    for cell in code_cells(notebook):
        compile(cell.source, cell.id, "exec", ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        assert "get_ipython" not in cell.source, cell.id
        assert 0 < len(cell.source.splitlines()) <= MOST_LINES, cell.id


def test_every_cell_was_run_in_order(notebook):
    counts = [cell.execution_count for cell in code_cells(notebook)]
    assert counts == list(range(1, len(counts) + 1)), "run make outputs"


def test_no_cell_escapes_the_tests(notebook):
    for cell in notebook.cells:
        assert set(cell.metadata) <= {"tags", "jupyter"}, (
            cell.id
        )  # "jupyter" says whether the source is folded
        assert set(cell.metadata.get("tags", [])) <= TAGS, cell.id
        assert "NBVAL" not in cell.source, cell.id


def test_stored_outputs_hold_no_errors_and_no_warnings(notebook):
    for cell in code_cells(notebook):
        raised = any(output.output_type == "error" for output in cell.outputs)
        assert raised == ("raises-exception" in cell.metadata.get("tags", [])), cell.id
        assert all(output.get("name") != "stderr" for output in cell.outputs), cell.id


def test_nothing_of_one_machine_is_written_down(notebook):
    for cell in notebook.cells:
        texts = [cell.source, *map(text_of, cell.get("outputs", []))]
        assert [found[0] for text in texts for found in OF_ONE_MACHINE.finditer(text)] == [], cell.id


def test_links_between_lessons_lead_somewhere(path, notebook):
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for target in re.findall(r"\]\(([\w./-]+\.(?:ipynb|py|md))\)", cell.source):
                assert (path.parent / target).exists(), f"{cell.id}: {target}"
