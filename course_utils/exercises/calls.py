"""Calling a student's function so that nothing it does leaks out, and keeping what it did."""

import contextlib
import io
import random
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from .compare import difference


@dataclass
class Call:
    """What one call did: what it returned, what it left in its arguments, what it raised and printed."""

    returned: Any
    arguments: tuple[Any, ...]
    error: BaseException | None
    printed: str

    def same(self, other: "Call") -> bool:
        if self.error or other.error:
            return type(self.error) is type(other.error) and str(self.error) == str(other.error)
        return difference((self.returned, self.arguments), (other.returned, other.arguments)) is None


def observe(function: Callable[..., Any], arguments: Callable[[], tuple[Any, ...]], *, seed: int) -> Call:
    """Call with fresh arguments and fixed random numbers, whatever it raises (but KeyboardInterrupt) or prints."""
    returned, error = None, None
    output = io.StringIO()
    with same_randomness(seed):
        given = arguments()
        with (
            contextlib.redirect_stdout(output),
            contextlib.redirect_stderr(io.StringIO()),
            torch.enable_grad(),
        ):
            try:
                returned = function(*given)
            except (Exception, SystemExit) as raised:  # noqa: BLE001 - shown to the student
                error = raised
    return Call(returned, tuple(comparable(value) for value in given), error, output.getvalue())


@contextlib.contextmanager
def same_randomness(seed: int) -> Iterator[None]:
    """Fixed random numbers inside; the caller's own go on afterwards as if nothing had been drawn."""
    kept = torch.get_rng_state(), np.random.get_state(), random.getstate()
    torch.default_generator.manual_seed(seed)
    np.random.seed(seed)
    random.seed(seed)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        torch.set_rng_state(kept[0])
        np.random.set_state(kept[1])
        random.setstate(kept[2])


def comparable(value: Any) -> Any:
    """What is compared in an argument after the call; None for what cannot be, such as an optimizer."""
    return value if is_data(value) or isinstance(value, nn.Module) else None


def is_data(value: Any) -> bool:
    """Is it a value, and not an object that does something?"""
    return isinstance(value, (torch.Tensor, np.ndarray, tuple, list, dict, int, float, str))
