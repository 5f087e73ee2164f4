"""Check this computer for the course: one line a requirement, OK or FAIL, with what to do about it.

Everything is imported inside the check that needs it: a doctor must work where the rest does not.
"""

from __future__ import annotations

import html
import importlib
import os
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

DISTRIBUTION = "cnns-by-hand"
PYTHON = (3, 10)
IMPORTED_AS = {"scikit-learn": "sklearn", "pillow": "PIL"}
REQUIREMENT = r"([\w.-]+)>=([\d.]+)"  # how the pyproject writes every one
WIDGETS = "@jupyter-widgets/jupyterlab-manager"
DISK_GB = 1.0  # both data sets, downloaded and stored, take 0.5 GB
MEMORY_GB = 2.0  # lesson 2 in quick mode takes 1.4 GB
REINSTALL = f'in the course folder: "{sys.executable}" -m pip install -c constraints.txt -e .'
TORCH_PAIR = f"{REINSTALL} --force-reinstall torch torchvision"

GET_PYTORCH = "install PyTorch with CUDA, https://pytorch.org/get-started/locally"
MATCH_CUDA = f"update the NVIDIA driver; if that does not help, {GET_PYTORCH}"


@dataclass(frozen=True)
class Line:
    """One requirement: whether it holds, its name, what was found, and what to do (a hint if it holds)."""

    ok: bool
    name: str
    detail: str
    fix: str = ""

    def __str__(self) -> str:
        text = f"{'OK' if self.ok else 'FAIL':4} {self.name:13} {self.detail}"
        return text + (f"\n{'':18} -> {self.fix}" if self.fix else "")


class Report(list):
    """The lines of a check; prints as text, and as a table in a notebook."""

    @property
    def ok(self) -> bool:
        """True if every requirement holds."""
        return all(line.ok for line in self)

    def __str__(self) -> str:
        return "\n".join(map(str, self))

    __repr__ = __str__

    def _repr_html_(self) -> str:
        rows = ""
        for line in self:
            fix = f"<br>&rarr; {html.escape(line.fix)}" if line.fix else ""
            cells = (
                f"<b>{'OK' if line.ok else 'FAIL'}</b>",
                html.escape(line.name),
                html.escape(line.detail) + fix,
            )
            rows += "<tr>" + "".join(f'<td style="text-align:left">{cell}</td>' for cell in cells) + "</tr>"
        return f"<table>{rows}</table>"


def main(argv: list[str]) -> int:
    """Print each line as soon as it is known; exit status 1 if anything fails."""
    if argv:
        print("usage: python -m course_utils doctor", file=sys.stderr)
        return 0 if argv[0] in ("-h", "--help") else 2
    report = Report()
    for line in lines():
        print(line, flush=True)
        report.append(line)
    failed = sum(not line.ok for line in report)
    print("Everything is in place." if report.ok else f"{failed} of {len(report)} requirements fail.")
    return int(not report.ok)


def check() -> Report:
    """Check everything and return the report."""
    return Report(lines())


def lines() -> Iterator[Line]:
    """Every requirement in turn."""
    yield python()
    yield from packages()
    yield widgets()
    yield device()
    yield from data()
    yield disk()
    yield cores()
    yield memory()


def python() -> Line:
    found = ".".join(map(str, sys.version_info[:3]))
    needed = ".".join(map(str, PYTHON))
    fix = (
        "" if sys.version_info >= PYTHON else f"install Python {needed} or newer, delete .venv, then make lab"
    )
    return Line(not fix, "Python", f"{found} (needs {needed} or newer)", fix)


def packages() -> Iterator[Line]:
    """One line for each package in the course's own list of dependencies."""
    try:
        requirements = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        yield Line(
            False, DISTRIBUTION, "not installed in this Python, so its requirements are not known", REINSTALL
        )
        return
    for requirement in requirements:
        if "extra ==" not in requirement:
            yield package(*re.fullmatch(REQUIREMENT, requirement).groups())


def package(name: str, needed: str) -> Line:
    """Is it installed, new enough, and does it import?"""
    try:
        found = metadata.version(name)
    except metadata.PackageNotFoundError:
        return Line(False, name, f"not installed (needs {needed} or newer)", REINSTALL)
    if numbers(found) < numbers(needed):
        return Line(False, name, f"{found} is too old (needs {needed} or newer)", REINSTALL)
    problem = import_problem(IMPORTED_AS.get(name, name))
    if problem:
        pair = name in ("torch", "torchvision")
        return Line(False, name, f"{found} does not import: {problem}", TORCH_PAIR if pair else REINSTALL)
    return Line(True, name, found)


def numbers(version: str) -> tuple[int, ...]:
    """(2, 15, 0) for "2.15.0+cpu"."""
    return tuple(map(int, re.match(r"\d+(\.\d+)*", version)[0].split(".")))


def import_problem(module: str) -> str:
    """The first line of what goes wrong, or the empty string."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            importlib.import_module(module)
    except Exception as error:  # a broken binary raises anything at all
        return first_line(error)
    return ""


def first_line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__


def widgets() -> Line:
    """The part of ipywidgets that runs in the browser, where JupyterLab looks for it."""
    try:
        from jupyter_core.paths import jupyter_path

        folders = [Path(folder) / WIDGETS for folder in jupyter_path("labextensions")]
    except Exception as error:
        return Line(False, "Lab widgets", first_line(error), REINSTALL)
    if any((folder / "package.json").is_file() for folder in folders):
        return Line(True, "Lab widgets", f"{WIDGETS} is installed")
    return Line(
        False,
        "Lab widgets",
        f"JupyterLab does not find {WIDGETS}",
        f"{REINSTALL} --force-reinstall jupyterlab_widgets",
    )


def device() -> Line:
    """What the lessons compute on, proven by computing on it."""
    if problem := import_problem("torch"):
        return Line(False, "Device", f"no PyTorch to ask: {problem}", TORCH_PAIR)
    import torch

    with warnings.catch_warnings(record=True) as caught:  # the driver's complaints come as warnings
        warnings.simplefilter("always")
        cuda, mps = torch.cuda.is_available(), torch.backends.mps.is_available()
    name = "cuda" if cuda else "mps" if mps else "cpu"
    built_for = torch.version.cuda
    card = "" if cuda else nvidia_card()
    if card and built_for:
        why = f": {str(caught[0].message).splitlines()[0]}" if caught else ""
        return Line(False, "Device", f"PyTorch for CUDA {built_for} cannot use {card}{why}", MATCH_CUDA)
    try:
        torch.ones(2, device=name).sum().item()
    except Exception as error:
        return Line(False, "Device", f"{name}: {first_line(error)}", MATCH_CUDA if cuda else TORCH_PAIR)
    if cuda:
        return Line(True, "Device", f"cuda, {torch.cuda.get_device_name()}, PyTorch for CUDA {built_for}")
    if card:
        hint = f"to use it: {GET_PYTORCH}"
        return Line(True, "Device", f"cpu; there is {card}, but this PyTorch is built without CUDA", hint)
    threads = torch.get_num_threads()
    return Line(True, "Device", f"{name}, {threads} thread{'' if threads == 1 else 's'}")


def nvidia_card() -> str:
    """What nvidia-smi says of the first card, with its driver, or the empty string."""
    command = shutil.which("nvidia-smi")
    if not command:
        return ""
    try:
        query = [command, "--query-gpu=name,driver_version", "--format=csv,noheader"]
        found = subprocess.run(query, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    first = found.stdout.strip().partition("\n")[0]
    return first.replace(", ", " with driver ") if found.returncode == 0 else ""


def data() -> Iterator[Line]:
    """Each data set: stored and whole, or the stand-in and how to get the real one."""
    try:
        from course_utils.data import store
        from course_utils.data.catalog import DATA_SETS
    except Exception as error:
        yield Line(False, "Data", first_line(error), REINSTALL)
        return
    folder = store.data_folder()
    for name, data_set in DATA_SETS.items():
        fetch = f"python -m course_utils data fetch {name}"
        try:
            facts = store.describe(folder, name)
            if facts:
                store.verify(folder, name)
        except Exception as error:
            yield Line(False, data_set.title, first_line(error), fetch)
            continue
        if facts:
            images = f"{facts['train']:,} + {facts['test']:,} images, {facts['note']}, in {folder}"
            yield Line(True, data_set.title, images)
        else:
            yield Line(True, data_set.title, "stand-in, no download needed", f"for the real images: {fetch}")


def disk() -> Line:
    folder = Path(os.environ.get("COURSE_DATA") or Path.home()).expanduser().absolute()
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free / 1e9
    fix = "" if free >= DISK_GB else "make room, or set COURSE_DATA to a folder on another disk"
    return Line(not fix, "Free disk", f"{free:.1f} GB (needs {DISK_GB:g} GB)", fix)


def cores() -> Line:
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return Line(True, "Cores", f"{count}")


def memory() -> Line:
    try:
        import psutil

        found = psutil.virtual_memory()
    except Exception as error:
        return Line(False, "Memory", first_line(error), REINSTALL)
    total, free = found.total / 1e9, found.available / 1e9
    fix = "" if free >= MEMORY_GB else "close other programs and notebooks (Kernel > Shut Down All Kernels)"
    return Line(not fix, "Memory", f"{free:.1f} GB free of {total:.1f} GB (needs {MEMORY_GB:g} GB)", fix)
