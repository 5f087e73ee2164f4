"""The doctor on this environment and on broken ones."""

import subprocess
import sys
from collections import namedtuple
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import torch

from course_utils import doctor
from course_utils.data import store

MISSING = """
import sys
for name in {names}:
    sys.modules[name] = None  # "import name" now fails
from course_utils.__main__ import main
sys.exit(main(["doctor"]))
"""


def test_a_good_environment(capsys):
    assert doctor.main([]) == 0
    out = capsys.readouterr().out
    assert "FAIL" not in out
    assert out.endswith("Everything is in place.\n")
    for name in ("Python", "torch", "jupyterlab", "Lab widgets", "Device", "MNIST", "CIFAR-10", "Memory"):
        assert f"OK   {name} " in out


def test_without_packages_it_says_so_and_goes_on():
    names = ["torch", "numpy", "psutil", "platformdirs", "jupyter_core"]
    command = [sys.executable, "-c", MISSING.format(names=names)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert result.returncode == 1, result.stderr
    assert result.stderr == ""
    for failed in ("torch", "numpy", "Lab widgets", "Device", "Data", "Memory"):
        assert f"FAIL {failed} " in result.stdout
    assert "pip install -c constraints.txt" in result.stdout
    assert "OK   filelock" in result.stdout
    assert "Free disk" in result.stdout
    assert "requirements fail" in result.stdout


def test_packages_are_those_of_the_pyproject(monkeypatch):
    monkeypatch.setattr(doctor, "package", lambda name, needed: (name, needed))
    assert ("torch", "2.9") in list(doctor.packages())
    assert "pytest" not in dict(doctor.packages())


def test_the_course_itself_is_not_installed(monkeypatch):
    monkeypatch.setattr(doctor, "DISTRIBUTION", "no-such-course")
    (line,) = doctor.packages()
    assert not line.ok
    assert "pip install" in line.fix


def test_a_package_that_is_not_installed():
    line = doctor.package("no-such-package", "1.0")
    assert (line.ok, line.detail) == (False, "not installed (needs 1.0 or newer)")


def test_a_package_that_is_too_old():
    assert doctor.package("numpy", ".".join(np.__version__.split(".")[:2])).ok
    line = doctor.package("numpy", "99.1")
    assert not line.ok
    assert "too old (needs 99.1 or newer)" in line.detail


def test_versions_compare_as_numbers():
    assert doctor.numbers("2.15.0+cu130") == (2, 15, 0)
    assert doctor.numbers("2.9") < doctor.numbers("2.15.0a1")


def test_a_torchvision_for_another_torch(monkeypatch, tmp_path):
    (tmp_path / "torchvision.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    line = doctor.package("torchvision", "0.1")
    assert not line.ok
    assert "torchvision::nms does not exist" in line.detail
    assert "--force-reinstall torch torchvision" in line.fix


def test_an_old_python(monkeypatch):
    monkeypatch.setattr(doctor.sys, "version_info", (3, 9, 18, "final", 0))
    line = doctor.python()
    assert (line.ok, line.detail) == (False, "3.9.18 (needs 3.10 or newer)")


def test_widgets_that_jupyterlab_does_not_find(monkeypatch, tmp_path):
    monkeypatch.setattr("jupyter_core.paths.jupyter_path", lambda *_: [str(tmp_path)])
    assert not doctor.widgets().ok


@pytest.fixture
def no_gpu(monkeypatch):
    """PyTorch sees no GPU, whatever this machine has."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    return monkeypatch


def test_a_machine_without_a_gpu_is_fine(no_gpu):
    no_gpu.setattr(doctor, "nvidia_card", lambda: "")
    line = doctor.device()
    assert line.ok
    assert line.detail.startswith("cpu, ")


def test_a_card_that_pytorch_cannot_use(no_gpu):
    no_gpu.setattr(doctor, "nvidia_card", lambda: "NVIDIA T4 with driver 470.1")
    no_gpu.setattr(torch.version, "cuda", "13.0")
    line = doctor.device()
    assert not line.ok
    assert line.detail == "PyTorch for CUDA 13.0 cannot use NVIDIA T4 with driver 470.1"
    assert "driver" in line.fix


def test_a_card_and_a_pytorch_without_cuda(no_gpu):
    no_gpu.setattr(doctor, "nvidia_card", lambda: "NVIDIA T4 with driver 470.1")
    no_gpu.setattr(torch.version, "cuda", None)
    line = doctor.device()
    assert line.ok
    assert "built without CUDA" in line.detail
    assert "pytorch.org" in line.fix


def test_a_gpu_that_does_not_compute(monkeypatch):
    def ones(*size, device):
        raise RuntimeError("CUDA error: no kernel image is available\nmore")

    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch, "ones", ones)
    line = doctor.device()
    assert not line.ok
    assert line.detail == "cuda: RuntimeError: CUDA error: no kernel image is available"


def test_what_nvidia_smi_says(monkeypatch):
    answer = SimpleNamespace(returncode=0, stdout="NVIDIA H200, 580.65\nNVIDIA H200, 580.65\n")
    monkeypatch.setattr(doctor.shutil, "which", lambda name: name)
    monkeypatch.setattr(doctor.subprocess, "run", lambda *args, **kwargs: answer)
    assert doctor.nvidia_card() == "NVIDIA H200 with driver 580.65"
    answer.returncode = 9  # the tool is there, the driver is not
    assert doctor.nvidia_card() == ""
    monkeypatch.setattr(doctor.shutil, "which", lambda name: None)
    assert doctor.nvidia_card() == ""


def test_data_stored_damaged_and_absent(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    arrays = [np.zeros(shape, dtype) for shape, dtype in 2 * [((4, 1, 28, 28), np.uint8), (4, np.int64)]]
    store.write(tmp_path, "mnist", arrays, source="full", note="four zeros", made_from={})
    mnist, cifar10 = doctor.data()
    assert mnist.ok
    assert "4 + 4 images, four zeros, in " in mnist.detail
    assert cifar10.ok
    assert cifar10.fix.endswith("python -m course_utils data fetch cifar10")
    (stored,) = tmp_path.glob("mnist-*.safetensors")
    content = bytearray(stored.read_bytes())
    content[-1] ^= 1
    stored.write_bytes(content)
    mnist, _ = doctor.data()
    assert not mnist.ok
    assert "damaged" in mnist.detail
    assert mnist.fix == "python -m course_utils data fetch mnist"


def test_a_full_disk(monkeypatch, tmp_path):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "not" / "made" / "yet"))
    assert doctor.disk().ok
    usage = namedtuple("usage", "total used free")(0, 0, 10**8)
    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda folder: usage)
    line = doctor.disk()
    assert (line.ok, line.detail) == (False, "0.1 GB (needs 1 GB)")


def test_no_memory_left(monkeypatch):
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=8e9, available=2e8))
    line = doctor.memory()
    assert (line.ok, line.detail) == (False, "0.2 GB free of 8.0 GB (needs 2 GB)")


def test_one_failure_makes_exit_status_1(monkeypatch, capsys):
    found = [doctor.Line(True, "Cores", "2"), doctor.Line(False, "Free disk", "none", "make room")]
    monkeypatch.setattr(doctor, "lines", lambda: iter(found))
    assert doctor.main([]) == 1
    assert capsys.readouterr().out == (
        "OK   Cores         2\nFAIL Free disk     none\n                   -> make room\n1 of 2 requirements fail.\n"
    )


def test_the_report_in_a_notebook(monkeypatch):
    found = [doctor.Line(False, "torch", "<b> & co", "do > that")]
    monkeypatch.setattr(doctor, "lines", lambda: iter(found))
    report = doctor.check()
    assert not report.ok
    assert "<b>FAIL</b>" in report._repr_html_()
    assert "&lt;b&gt; &amp; co<br>&rarr; do &gt; that" in report._repr_html_()
    assert repr(report).startswith("FAIL torch")


def test_arguments(capsys):
    assert doctor.main(["--help"]) == 0
    assert doctor.main(["--fast"]) == 2
    assert "usage" in capsys.readouterr().err
