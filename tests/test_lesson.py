import random
import subprocess
import sys

import numpy as np
import pytest
import torch

from course_utils import device, lesson


def draws():
    return random.random(), float(np.random.rand()), torch.rand(3).tolist()


def test_start_seeds_all_three_generators(capsys):
    lesson.start(1, seed=5)
    first = draws()
    lesson.start(1, seed=5)
    assert draws() == first
    lesson.start(1, seed=6)
    assert draws() != first


def test_the_banner_is_one_line_with_lesson_mode_device_and_seed(capsys, monkeypatch):
    monkeypatch.setenv("COURSE_MODE", "full")
    run = lesson.start(3)
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert all(word in out for word in ("Lesson 3", "full mode", run.device.type, "seed 0"))


@pytest.mark.parametrize(
    "mode, quick, picked", [("quick", True, 2), ("full", False, 10), ("", True, 2), ("FULL", False, 10)]
)
def test_the_mode_decides_what_pick_returns(monkeypatch, mode, quick, picked):
    monkeypatch.setenv("COURSE_MODE", mode)
    run = lesson.start(2)
    assert run.quick is quick
    assert run.pick(quick=2, full=10) == picked


def test_an_unknown_mode_or_lesson_is_refused_with_its_value(monkeypatch):
    for number in (-1, 10, 2.0, True, "3"):
        with pytest.raises(ValueError, match=f"0 to 9, got {number!r}"):
            lesson.start(number)
    monkeypatch.setenv("COURSE_MODE", "fast")
    with pytest.raises(ValueError, match="'fast'"):
        lesson.start(1)


def test_the_device_of_a_model_without_parameters_is_an_error():
    assert device.of(torch.nn.Linear(2, 2)).type == "cpu"
    with pytest.raises(ValueError, match="Flatten has 0 parameters"):
        device.of(torch.nn.Flatten())


def test_importing_the_package_loads_neither_torch_nor_numpy():
    code = (
        "import sys, time; start = time.perf_counter(); import course_utils; "
        "seconds = time.perf_counter() - start; "
        "assert not {'torch', 'numpy', 'matplotlib'} & set(sys.modules), 'heavy import'; print(seconds)"
    )
    seconds = [
        float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)
        for _ in range(3)
    ]
    assert min(seconds) < 0.020
