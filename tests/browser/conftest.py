"""One JupyterLab and one Chromium for all browser tests, on solved copies of the lessons."""

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import sync_playwright

from tests.browser.lab import Notebook, chromium_args, find_chromium, running_lab
from tests.test_solutions import LESSONS, solved

FAULTY = "faulty.ipynb"
SCRATCH = "scratch.ipynb"
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}


def write_faulty(path: Path) -> None:
    """A notebook whose second of three cells fails, and whose first shouts at the browser."""
    shout = "from IPython.display import Javascript\nJavascript('console.error(\"shouted\")')"
    made = new_notebook(metadata=KERNEL)
    made.cells = [
        new_code_cell(source, id=name)
        for name, source in (("shouts", shout), ("fails", "1 / 0"), ("after", "1"))
    ]
    nbformat.write(made, path)


def write_scratch(path: Path) -> None:
    """A notebook of one empty cell, for tests to run their own code in."""
    nbformat.write(new_notebook(metadata=KERNEL, cells=[new_code_cell("", id="scratch")]), path)


@pytest.fixture(scope="session")
def lab_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("lab")


@pytest.fixture(scope="session")
def lab(lab_folder):
    root = lab_folder
    (root / "notebooks").mkdir()
    for path in LESSONS:
        nbformat.write(solved(path), root / "notebooks" / path.name)
    write_faulty(root / "notebooks" / FAULTY)
    with running_lab(root / "notebooks", root / "home") as address:
        yield address


@pytest.fixture(scope="session")
def chromium():
    executable = find_chromium()
    if executable is None:
        pytest.skip("no Chromium or Chrome is installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=chromium_args())
        yield browser
        browser.close()


@pytest.fixture
def open_notebook(chromium, lab, lab_folder):
    """open_notebook("02_mnist_cnn.ipynb") -> Notebook, in a fresh browser profile."""
    opened = []

    def open_one(name: str) -> Notebook:
        if name == SCRATCH:  # a test may have saved it with the widgets of a kernel that is gone
            write_scratch(lab_folder / "notebooks" / SCRATCH)
        context = chromium.new_context(viewport={"width": 1280, "height": 900})
        opened.append(Notebook(context.new_page(), lab, name))
        return opened[-1]

    yield open_one
    for notebook in opened:
        notebook.close()
