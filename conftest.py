"""Settings for every pytest run, here at the root so that `pytest notebooks/02_mnist_cnn.ipynb` gets them too."""

import os
import shutil
import tempfile

import pytest

pytest_plugins = ["tests.nbval_guards"]

# Each worker process inherits the environment of the process that started it, so the folder is made once.
IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ
if not IS_WORKER:
    HOME = tempfile.mkdtemp(prefix="cnns-by-hand-tests-")
    os.environ.update(
        COURSE_MODE="quick",
        COURSE_DATA_SOURCE="standin",
        COURSE_DATA=os.path.join(HOME, "data"),  # never the user's own data
        IPYTHONDIR=os.path.join(HOME, "ipython"),  # nor the user's start-up files
        OMP_NUM_THREADS="1",  # two processes on two cores, and sums in the same order every time
    )


def pytest_unconfigure():
    if not IS_WORKER:
        shutil.rmtree(HOME, ignore_errors=True)


def pytest_runtest_setup(item):
    if item.get_closest_marker("realdata") and not os.environ.get("COURSE_REAL_DATA"):
        pytest.skip("COURSE_REAL_DATA names no folder with the real archives")
