"""A notebook with one of these faults must fail the run, under the settings this repository ships."""

import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output

REPOSITORY = Path(__file__).parent.parent
SETTINGS = ["pyproject.toml", "conftest.py", "tests/nbval_guards.py"]
HELLO = "print('hello')"
IGNORED = "nbval-ignore-output"

# What the cell does, and what the report must say. Each cell is tagged nbval-ignore-output: the worst case.
FAULTS = {
    "unknown_magic": ("%no_such_magic", "no_such_magic` not found"),
    "dead_kernel": ("import os\nos._exit(0)", "The kernel died while it ran this cell"),
    "endless": ("while True:\n    pass", "Timeout of 3 seconds exceeded"),
    "endless_and_deaf": (
        "while True:\n    try:\n        while True: pass\n    except KeyboardInterrupt: pass",
        "Timeout of 3 seconds exceeded",
    ),
    "shell_line": ("!exit 3", "A shell line ended with exit status 3"),
    "thread": ("import threading\nthreading.Thread(target=lambda: 1 / 0).start()", "ZeroDivisionError"),
    "late_thread": ("import threading\nthreading.Timer(0.5, lambda: 1 / 0).start()", "ZeroDivisionError"),
    "callback": (
        "import asyncio\nasyncio.get_running_loop().call_soon(lambda: 1 / 0)",
        "ZeroDivisionError",
    ),
    "forgotten_task": (
        "import asyncio\nasync def work():\n    1 / 0\nx = asyncio.get_running_loop().create_task(work())\ndel x",
        "ZeroDivisionError",
    ),
    "late_death": ("import os, threading\nthreading.Timer(0.5, os._exit, [0]).start()", "the kernel died"),
    "warning": ("import warnings\nwarnings.warn('look out')", "UserWarning: look out"),
}


def notebook(*cells: tuple[str, str, str]) -> nbformat.NotebookNode:
    """A notebook made of (source, tag, stored stdout)."""
    made = new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}})
    for number, (source, tag, stdout) in enumerate(cells, start=1):
        outputs = [new_output("stream", name="stdout", text=stdout)] if stdout else []
        tags = {"tags": [tag]} if tag else {}
        made.cells.append(new_code_cell(source, execution_count=number, metadata=tags, outputs=outputs))
    return made


NOTEBOOKS = {
    "clean": notebook((HELLO, "", "hello\n"), ("x = 1", "", "")),
    "differs": notebook((HELLO, "", "good bye\n")),
    "raised_nothing": notebook(("x = 1", "raises-exception", "")),
    "in_between": notebook((FAULTS["late_thread"][0], "", ""), ("import time\ntime.sleep(1)", IGNORED, "")),
    "warns_then_clean": notebook((FAULTS["warning"][0], "", ""), (HELLO, "", "hello\n")),
    **{name: notebook((source, IGNORED, "")) for name, (source, _) in FAULTS.items()},
}


@pytest.fixture(scope="module")
def reports(tmp_path_factory) -> dict[str, list[str]]:
    """For each notebook what failed in it, from one run of plain pytest in a copy of this repository's settings."""
    folder = tmp_path_factory.mktemp("injected")
    for name in SETTINGS:
        (folder / name).parent.mkdir(exist_ok=True)
        shutil.copy(REPOSITORY / name, folder / name)
    (folder / "notebooks").mkdir()
    for name, content in NOTEBOOKS.items():
        nbformat.write(content, folder / "notebooks" / f"{name}.ipynb")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--nbval-cell-timeout=3",
        "--color=no",
        "--junitxml=report.xml",
    ]
    command.append("--numprocesses=0")
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=150, check=False)
    assert result.returncode == 1, result.stdout + result.stderr
    found = {name: [] for name in NOTEBOOKS}
    for case in ElementTree.parse(folder / "report.xml").iter("testcase"):
        name = case.get("classname").split(".")[-2]  # notebooks.endless.ipynb
        found[name] += [problem.text for problem in case if problem.tag in ("failure", "error")]
    return found


def test_a_clean_notebook_passes(reports):
    assert reports["clean"] == []


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_in_a_cell_fails_the_run(reports, name):
    assert FAULTS[name][1] in "".join(reports[name])


def test_a_thread_that_fails_during_a_later_cell_fails_the_run(reports):
    assert "ZeroDivisionError" in "".join(reports["in_between"])


def test_an_output_that_differs_fails_the_run(reports):
    assert "Cell outputs differ" in "".join(reports["differs"])


def test_a_cell_that_should_raise_and_does_not_fails_the_run(reports):
    assert "raised nothing" in "".join(reports["raised_nothing"])


def test_a_cell_is_not_blamed_for_the_one_above(reports):
    assert len(reports["warns_then_clean"]) == 1
