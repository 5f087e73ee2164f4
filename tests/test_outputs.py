"""scripts/outputs.py: what is stored is the same each time, and nothing is stored of a notebook that fails."""

import importlib.util
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

SCRIPT = Path(__file__).parent.parent / "scripts" / "outputs.py"


@pytest.fixture
def outputs(monkeypatch, tmp_path):
    """The script, with a folder of its own for notebooks; it sets environment variables, which are put back."""
    spec = importlib.util.spec_from_file_location("outputs", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "NOTEBOOKS", tmp_path)
    for name in ("COURSE_MODE", "COURSE_DATA_SOURCE", "COURSE_DATA", "IPYTHONDIR", "JUPYTER_PREFER_ENV_PATH"):
        monkeypatch.setenv(name, "full")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return module


def write(folder: Path, name: str, **cells: str) -> Path:
    made = new_notebook(
        metadata={"kernelspec": {"name": "python3", "display_name": "Mine"}, "widgets": {"a": 1}}
    )
    made.cells = [
        new_code_cell(source, id=key, metadata={"execution": {"iopub.execute_input": "2026"}}) for key, source in cells.items()
    ]
    nbformat.write(made, folder / name)
    return folder / name


def test_the_outputs_are_stored_and_a_second_run_changes_nothing(outputs, tmp_path, capsys):
    plot = "import matplotlib.pyplot as plt\nplt.plot([3, 1, 2])\nplt.show()"
    chatter = "import os\nfor number in range(300):\n    print(number, flush=True)\nprint(os.environ['COURSE_MODE'])"
    path = write(tmp_path, "02_a.ipynb", plot=plot, chatter=chatter)
    assert outputs.main(["02"]) == 0
    first = path.read_bytes()
    notebook = nbformat.read(path, as_version=4)
    assert [cell.execution_count for cell in notebook.cells] == [1, 2]
    assert "image/png" in notebook.cells[0].outputs[0].data
    (stream,) = notebook.cells[1].outputs
    assert stream.text.endswith("299\nquick\n")
    assert notebook.metadata.keys() == {"kernelspec", "language_info"}
    assert [cell.metadata for cell in notebook.cells] == [{}, {}]
    assert outputs.main([]) == 0
    assert path.read_bytes() == first
    written, unchanged = capsys.readouterr().out.splitlines()
    assert "02_a.ipynb: written" in written
    assert "02_a.ipynb: unchanged" in unchanged


def test_of_a_widget_only_the_static_view_is_stored(outputs, tmp_path):
    code = """
from course_utils.widgets.base import Widget
class Small(Widget):
    _esm = "export default { render() {} }"
    __repr__ = lambda self: "Small()"
    def static_view(self):
        return {"text/html": "<b>still</b>"}
Small()"""
    path = write(tmp_path, "02_a.ipynb", widget=code)
    assert outputs.main([]) == 0
    notebook = nbformat.read(path, as_version=4)
    assert notebook.cells[0].outputs[0].data == {"text/html": "<b>still</b>", "text/plain": "Small()"}
    assert "widgets" not in notebook.metadata


@pytest.mark.parametrize(
    "source, said",
    [
        ("1 / 0", "ZeroDivisionError"),
        ("%no_such_magic", "no_such_magic"),
        ("import warnings\nwarnings.warn('look out')", "look out"),
        ("import os\nos._exit(0)", "died"),
    ],
)
def test_a_fault_names_its_cell_and_leaves_the_file_as_it_was(outputs, tmp_path, capsys, source, said):
    path = write(tmp_path, "02_a.ipynb", fine="x = 1", faulty=source)
    before = path.read_bytes()
    assert outputs.main([]) == 1
    error = capsys.readouterr().err
    assert "02_a.ipynb, cell 'faulty'" in error
    assert said in error
    assert path.read_bytes() == before
    assert [found.name for found in tmp_path.iterdir()] == ["02_a.ipynb"]


def test_a_lesson_that_is_not_there(outputs, tmp_path, capsys):
    write(tmp_path, "02_a.ipynb", fine="x = 1")
    assert outputs.main(["02", "07"]) == 2
    assert "no lesson 07 in" in capsys.readouterr().err
