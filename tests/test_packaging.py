"""One list of dependencies, exact versions for all of them, and every way to install agrees."""

import ast
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import nbformat
import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from course_utils import doctor

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CONSTRAINTS = (ROOT / "constraints.txt").read_text(encoding="utf-8")
ENVIRONMENT = (ROOT / "environment.yml").read_text(encoding="utf-8")
PINS = [Requirement(line) for line in CONSTRAINTS.splitlines() if line and not line.startswith("#")]
PYTHONS = ["3.10", "3.11", "3.12", "3.13"]

# PyTorch asks for its CUDA libraries by exact version itself, and only on Linux.
LEFT_TO_TORCH = re.compile(r"nvidia-|cuda-|triton|setuptools")
# Modules that the package of another name brings, which is what is listed.
COMES_WITH = {
    "PIL": "pillow",
    "yaml": "pyyaml",
    "sklearn": "scikit-learn",
    "IPython": "ipykernel",
    "jupyter_core": "jupyterlab",
    "cycler": "matplotlib",
    "_pytest": "pytest",
    "tomli": "pytest",
    "traitlets": "anywidget",
}
# What the notebooks run in, what torch.utils.tensorboard imports, and what pytest is told to use.
NEVER_IMPORTED = {"jupyterlab", "ipykernel", "ipywidgets", "tensorboard"}
TOOLS = {"pytest-timeout", "pytest-xdist", "ruff"}


def dependencies(extra: str | None = None) -> list[Requirement]:
    listed = PROJECT["optional-dependencies"][extra] if extra else PROJECT["dependencies"]
    return [Requirement(line) for line in listed]


def pins(name: str, python: str) -> list[Requirement]:
    return [
        pin
        for pin in PINS
        if canonicalize_name(pin.name) == canonicalize_name(name)
        and (pin.marker is None or pin.marker.evaluate({"python_version": python}))
    ]


def pinned(pin: Requirement) -> Version:
    (exact,) = pin.specifier
    return Version(exact.version)


@pytest.mark.parametrize("python", PYTHONS)
def test_every_dependency_has_one_exact_version_for_each_python(python):
    for extra in (None, *PROJECT["optional-dependencies"]):
        for dependency in dependencies(extra):
            (pin,) = pins(dependency.name, python)
            assert pinned(pin) in dependency.specifier, f"{pin} for {dependency}"
    assert python in SpecifierSet(PROJECT["requires-python"])
    assert "3.9" not in SpecifierSet(PROJECT["requires-python"])


def test_constraints_are_names_and_versions_and_nothing_else():
    line = re.compile(r'#.*|[a-z0-9-]+==\d[\w.]*( ; python_version (<|>=) "3\.\d+")?')
    assert [text for text in CONSTRAINTS.splitlines() if not line.fullmatch(text)] == []
    assert "/" not in CONSTRAINTS.replace("tests/test_packaging.py", "")
    for pin in PINS:
        assert len(pins(pin.name, "3.10")) <= 1
        assert len(pins(pin.name, "3.13")) <= 1


def installed_closure(root: str) -> set[str]:
    """Names of everything installed that the course and its tests need, directly or not."""
    found, waiting = set(), [Requirement(f"{root}[test,bench]")]
    while waiting:
        wanted = waiting.pop()
        try:
            requires = metadata.requires(wanted.name) or []
        except metadata.PackageNotFoundError:
            continue  # for another system or another Python
        for extra in wanted.extras | {""}:
            for needed in map(Requirement, requires):
                if needed.marker is None or needed.marker.evaluate({"extra": extra}):
                    if (canonicalize_name(needed.name), *needed.extras) not in found:
                        found.add((canonicalize_name(needed.name), *needed.extras))
                        waiting.append(needed)
    return {name for name, *_ in found}


def test_what_is_installed_is_what_the_constraints_say():
    python = ".".join(map(str, sys.version_info[:2]))
    wrong = []
    for name in sorted(installed_closure(PROJECT["name"])):
        try:
            installed = Version(metadata.version(name))
        except metadata.PackageNotFoundError:
            continue
        if LEFT_TO_TORCH.match(name):
            continue
        exact = [pinned(pin) for pin in pins(name, python)]
        if exact != [Version(installed.public)]:  # torch 2.15.0+cpu is 2.15.0
            wrong.append(f"{name} {installed}, pinned: {', '.join(map(str, exact)) or 'not at all'}")
    assert wrong == []


def test_conda_installs_from_the_same_list():
    content = yaml.safe_load(ENVIRONMENT)
    *from_conda, from_pip = content["dependencies"]
    version = re.fullmatch(r"python=(3\.\d+)", from_conda[0])[1]
    assert from_conda[1:] == ["pip"]
    assert from_pip == {"pip": ["-c constraints.txt", "-e .[test]"]}
    assert version in PYTHONS
    assert content["channels"] == ["conda-forge", "nodefaults"]
    assert "://" not in ENVIRONMENT


def test_the_oldest_python_is_the_same_everywhere():
    oldest = PYTHONS[0]
    assert PROJECT["requires-python"] == f">={oldest}"
    assert doctor.PYTHON == tuple(map(int, oldest.split(".")))
    assert f"sys.version_info < {doctor.PYTHON}" in (ROOT / "Makefile").read_text(encoding="utf-8")
    workflow = (ROOT / ".github/workflows/test.yml").read_text(encoding="utf-8")
    assert f'"{oldest}"' in workflow


def test_the_doctor_can_read_every_dependency():
    for dependency in PROJECT["dependencies"]:
        assert re.fullmatch(doctor.REQUIREMENT, dependency)


def used_packages(*places: str) -> set[str]:
    """What the Python files and notebooks in these folders import, by the name it is installed under."""
    sources = [path.read_text(encoding="utf-8") for place in places for path in (ROOT / place).rglob("*.py")]
    for path in (path for place in places for path in (ROOT / place).glob("*.ipynb")):
        sources += [
            cell.source for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"
        ]
    modules = set()
    for node in (node for source in sources for node in ast.walk(ast.parse(source))):
        if isinstance(node, ast.Import):
            modules |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            modules.add(node.module.partition(".")[0])
    ours = {"course_utils", "tests", "scripts", *(path.stem for path in (ROOT / "tests").rglob("*.py"))}
    return {
        COMES_WITH.get(name, canonicalize_name(name))
        for name in modules - ours - set(sys.stdlib_module_names)
    }


def test_the_list_holds_what_is_imported_and_nothing_else():
    listed = {canonicalize_name(dependency.name) for dependency in dependencies()}
    used = used_packages("course_utils", "notebooks")
    assert used - listed == set()
    assert listed - used - NEVER_IMPORTED == set()
    extra = {canonicalize_name(dependency.name) for dependency in dependencies("bench")}
    assert used_packages("benchmarks") - listed == extra


def test_the_extra_for_tests_holds_what_only_the_tests_use():
    listed = {canonicalize_name(dependency.name) for dependency in dependencies()}
    extra = {canonicalize_name(dependency.name) for dependency in dependencies("test")}
    used = used_packages("tests", "scripts")
    assert used - listed - extra == set()
    assert extra - used - TOOLS == set()
    assert extra & listed == set()


def test_files_beside_the_modules_are_packaged():
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"][
        "package-data"
    ]
    suffixes = {Path(pattern).suffix for pattern in patterns["course_utils"]}
    beside = [
        path
        for path in (ROOT / "course_utils").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    ]
    assert {path.suffix for path in beside} <= suffixes | {".py"}


def test_ruff_finds_nothing():
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format=concise", str(ROOT)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
