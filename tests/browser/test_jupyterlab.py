"""Students run the lessons in JupyterLab: open them there, run all cells, and look for errors."""

import urllib.error
import urllib.request

import pytest

from tests.browser.conftest import FAULTY, NOTEBOOKS

pytestmark = pytest.mark.browser
LESSONS = sorted(path.name for path in NOTEBOOKS.glob("*.ipynb"))
# Every lesson runs twice in the other tests. In the browser, where it takes longest, one with the course's own
# displays and one that trains with a live chart; the others are opened.
RUN_TO_THE_END = ("00_start_here.ipynb", "02_mnist_cnn.ipynb")


@pytest.mark.parametrize("lesson", LESSONS)
def test_a_lesson_opens_and_runs(open_notebook, lesson):
    notebook = open_notebook(lesson)
    if lesson in RUN_TO_THE_END:
        notebook.run_all()
    assert notebook.errors() == []
    assert notebook.not_run() == []
    assert notebook.console == []


def test_what_goes_wrong_is_seen(open_notebook):
    notebook = open_notebook(FAULTY)
    notebook.run_all()
    assert notebook.errors() == ["fails: ZeroDivisionError: division by zero"]
    assert notebook.not_run() == ["after"]
    assert "shouted" in "".join(notebook.console)


def test_nobody_gets_in_without_the_token(chromium, lab):
    address, token = lab.split("?token=")
    assert token
    for path in ("/api/contents", "/api/kernels"):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(address.removesuffix("/lab") + path, timeout=10)
