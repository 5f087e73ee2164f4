"""When the Makefile installs, and that it takes nothing half done for finished. The Python in it is a stand-in."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
pytestmark = pytest.mark.skipif(
    sys.platform == "win32" or shutil.which("make") is None, reason="make is for Linux and macOS"
)

# Notes what it is asked, makes a .venv that holds itself, and fails to install while "broken" exists.
STAND_IN = """#!/bin/sh
echo "$@" >> calls
case "$*" in
  *"-c import sys"*) [ ! -e too-old ] ;;
  "-m venv --clear .venv") rm -rf .venv; mkdir -p .venv/bin; cp "$0" .venv/bin/python ;;
  *"pip install"*) [ ! -e broken ] ;;
esac
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    made = tmp_path / "a folder"  # with a space, as on many students' machines
    made.mkdir()
    for name in ("Makefile", "pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, made)
    (made / "stand-in").write_text(STAND_IN)
    (made / "stand-in").chmod(0o755)
    return made


def make(folder: Path, *arguments: str) -> tuple[int, str, list[str]]:
    """Exit status, what was said, and what Python was asked to do."""
    (folder / "calls").unlink(missing_ok=True)
    environment = {
        name: os.environ[name] for name in os.environ if not name.startswith(("MAKE", "MFLAGS", "PYTHON"))
    }
    command = ["make", "PYTHON=./stand-in", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    calls = (folder / "calls").read_text().splitlines() if (folder / "calls").exists() else []
    return done.returncode, done.stdout + done.stderr, calls


def installs(calls: list[str]) -> int:
    return sum("pip install" in call for call in calls)


@pytest.mark.parametrize(
    "target, last_call",
    [
        ("lab", "-m jupyterlab notebooks"),
        ("test", "-m pytest"),
        ("outputs", "scripts/outputs.py 02"),
        ("weights", "-m scripts.weights lenet5"),
    ],
)
def test_a_target_installs_once_and_then_runs(folder, target, last_call):
    status, said, calls = make(folder, target, "LESSON=02", "NAME=lenet5")
    assert (status, installs(calls)) == (0, 1), said
    assert calls[-1].startswith(last_call)
    status, said, calls = make(folder, target)
    assert (status, len(calls)) == (0, 1), said


def test_it_installs_the_constrained_versions_and_cpu_pytorch_only_when_asked(folder):
    _, _, calls = make(folder, "test")
    install = next(call for call in calls if "pip install" in call)
    assert install.endswith("-c constraints.txt -e .[test,bench]")
    assert "index" not in install
    (folder / ".venv" / ".ready").unlink()
    _, _, calls = make(folder, "test", "TORCH=cpu")
    install = next(call for call in calls if "pip install" in call)
    assert "--extra-index-url https://download.pytorch.org/whl/cpu" in install


def test_a_broken_installation_is_not_taken_as_finished(folder):
    (folder / "broken").touch()
    status, _, calls = make(folder, "test")
    assert status != 0
    assert "-m pytest" not in calls
    assert not (folder / ".venv" / ".ready").exists()
    (folder / "broken").unlink()
    status, _, calls = make(folder, "test")
    assert (status, calls[-1]) == (0, "-m pytest")
    assert "-m venv --clear .venv" in calls


def test_changed_requirements_install_again(folder):
    make(folder, "test")
    ready = (folder / ".venv" / ".ready").stat().st_mtime
    os.utime(folder / "constraints.txt", (ready + 5, ready + 5))
    assert installs(make(folder, "test")[2]) == 1


def test_without_a_new_enough_python_it_says_so(folder):
    (folder / "too-old").touch()
    status, said, calls = make(folder, "lab")
    assert status != 0
    assert "Python 3.10 or newer is needed" in said
    assert not (folder / ".venv").exists()


def test_nothing_weakens_the_token_or_opens_the_door(folder):
    _, _, calls = make(folder, "lab")
    options = calls[-1].removeprefix("-m jupyterlab notebooks").split()
    assert set(options) <= {"--allow-root"}
    weakening = (
        "token=",
        "password=",
        "0.0.0.0",
        "--ip",
        "disable_check_xsrf",
        "allow_origin",
        "allow_remote_access",
    )
    for path in ("Makefile", "environment.yml", ".ci/run", ".github/workflows/test.yml"):
        text = (ROOT / path).read_text(encoding="utf-8")
        assert [word for word in weakening if word in text] == []
    assert [*ROOT.glob("*jupyter*"), *ROOT.glob("notebooks/*jupyter*")] == []  # no settings of our own
