"""The first line of every lesson: seed, device and mode."""

import os
import random
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch

from course_utils import device, style

T = TypeVar("T")
MODES = ("quick", "full")
LAST_LESSON = 9


@dataclass(frozen=True)
class Run:
    """One run of a lesson: its number, seed, device and mode ("quick" or "full")."""

    number: int
    seed: int
    device: torch.device
    mode: str

    @property
    def quick(self) -> bool:
        """True in quick mode."""
        return self.mode == "quick"

    def pick(self, *, quick: T, full: T) -> T:
        """Return the value for this run's mode."""
        return quick if self.quick else full


def start(number: int, *, seed: int = 0) -> Run:
    """Seed Python, NumPy and PyTorch, choose the device and the mode, and print one line that says so.

    number: lesson 0 to 9. The mode comes from COURSE_MODE (default "quick"). ValueError for any other value.
    """
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= LAST_LESSON:
        raise ValueError(f"lesson number must be 0 to {LAST_LESSON}, got {number!r}")
    mode = os.environ.get("COURSE_MODE", "").strip().lower() or "quick"
    if mode not in MODES:
        raise ValueError(f'COURSE_MODE must be "quick" or "full", got {os.environ["COURSE_MODE"]!r}')
    random.seed(seed)
    np.random.seed(seed % 2**32)  # NumPy's old global generator takes 32 bits, the other two any integer
    torch.manual_seed(seed)
    style.apply()
    run = Run(number, seed, device.best(), mode)
    print(
        f"Lesson {number} | {mode} mode | {_describe(run.device)} | PyTorch {torch.__version__} | seed {seed}"
    )
    return run


def _describe(where: torch.device) -> str:
    if where.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(where)})"
    if where.type == "mps":
        return "mps (Apple GPU)"
    threads = torch.get_num_threads()
    return f"cpu ({threads} thread{'' if threads == 1 else 's'})"
