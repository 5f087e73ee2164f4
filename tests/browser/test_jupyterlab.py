"""Students run the lessons in JupyterLab: open them there, run all cells, and look for errors."""

import urllib.error
import urllib.request

import pytest

from tests.browser.conftest import FAULTY, SCRATCH
from tests.test_solutions import LESSONS, check_run

pytestmark = pytest.mark.browser


# nbval runs the lessons as they are shipped; here every exercise is answered, as by a student who did them all.
@pytest.mark.timeout(400)
@pytest.mark.parametrize("path", LESSONS, ids=[path.stem for path in LESSONS])
def test_a_lesson_runs_to_the_end_with_every_answer_correct(open_notebook, path):
    notebook = open_notebook(path.name)
    notebook.run_all()
    assert notebook.not_run() == []
    check_run(notebook.content(), path.name[:2])
    assert notebook.console == []


def test_what_goes_wrong_is_seen(open_notebook):
    notebook = open_notebook(FAULTY)
    notebook.run_all()
    assert notebook.errors() == ["fails: ZeroDivisionError: division by zero"]
    assert notebook.not_run() == ["after"]
    assert "shouted" in "".join(notebook.console)


def test_the_theme_may_change_again_at_once(open_notebook):
    notebook = open_notebook(SCRATCH)
    for dark in (True, False, True, False):
        notebook.theme(dark)
    notebook.page.evaluate("() => new Promise((done) => setTimeout(done, 300))")  # later than JupyterLab's own timers
    assert notebook.console == []


def test_nobody_gets_in_without_the_token(chromium, lab):
    address, token = lab.split("?token=")
    assert token
    for path in ("/api/contents", "/api/kernels"):
        with pytest.raises(urllib.error.HTTPError, match="403"):
            urllib.request.urlopen(address.removesuffix("/lab") + path, timeout=10)
