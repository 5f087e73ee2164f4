"""Save a training run so that a crash, a full disk or a power cut costs at most one epoch.

A checkpoint is an ordinary torch.save file of tensors and plain values, so torch.load(path, weights_only=True) reads
it anywhere. Its SHA-256 stands in the comment that every zip archive, and so every such file, may end with.
"""

import errno
import hashlib
import io
import math
import os
import pickle
import random
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from course_utils.history import History

MARK = b"sha256:"
COMMENT = len(MARK) + 64
LENGTH = 2  # bytes: a zip archive ends with its comment's length and then the comment


class Damaged(ValueError):
    """The file is not a whole checkpoint: cut short, changed, or something else."""


class Checkpoint(NamedTuple):
    """What a checkpoint holds beside the weights it has put into the model."""

    epoch: int
    history: History


def save(
    path: str | os.PathLike,
    model: nn.Module,
    optimizer: torch.optim.Optimizer | None = None,
    scheduler: Any = None,
    *,
    epoch: int = 0,
    history: History | None = None,
    generator: torch.Generator | None = None,
) -> None:
    """Write model, optimizer, scheduler, epoch, history and all random states, wholly or not at all.

    generator: the training loader's own, so that resuming shuffles as an unbroken run would.
    Raises OSError, and leaves an older file at `path` as it was, when the disk is full or the folder not writable.
    """
    state = {
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict() if optimizer else None,
        "scheduler": scheduler.state_dict() if scheduler else None,
        "epoch": epoch,
        "history": asdict(history or History()),
        "random": _random_state(generator),
    }
    _publish(_archive(state), Path(path))


def load(
    path: str | os.PathLike,
    model: nn.Module,
    optimizer: torch.optim.Optimizer | None = None,
    scheduler: Any = None,
    *,
    generator: torch.Generator | None = None,
) -> Checkpoint:
    """Put a checkpoint back, on the model's device, random states included, and return its epoch and history.

    Only tensors and plain values are read (weights_only=True), so a file cannot run code. Nothing is changed
    unless everything fits. Raises Damaged, or ValueError for a checkpoint of another model.
    """
    state = _read(Path(path))
    _check_fits(state["model"], model, path)
    for name, given in (("optimizer", optimizer), ("scheduler", scheduler)):
        if given is not None and state[name] is None:
            raise ValueError(f"{path} holds no {name} state: it was saved without one")
    model.load_state_dict(state["model"])
    if optimizer is not None:
        optimizer.load_state_dict(state["optimizer"])
    if scheduler is not None:
        scheduler.load_state_dict(state["scheduler"])
    _restore_random_state(state["random"], generator)
    return Checkpoint(state["epoch"], History(**state["history"]))


def _archive(state: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    torch.save(state, buffer)
    body = buffer.getvalue()[
        :-LENGTH
    ]  # torch.save writes an empty comment: its length, 0, is the end of the file
    return body + COMMENT.to_bytes(LENGTH, "little") + MARK + hashlib.sha256(body).hexdigest().encode()


def _read(path: Path) -> dict[str, Any]:
    data = path.read_bytes()
    body, mark, digest = data[: -COMMENT - LENGTH], data[-COMMENT:-64], data[-64:]
    if mark != MARK or hashlib.sha256(body).hexdigest().encode() != digest:
        raise Damaged(
            f"{path} is damaged: its {len(data):,} bytes are not a whole checkpoint (SHA-256 does not match)"
        )
    try:
        return torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        first = str(error).splitlines()[0]
        raise Damaged(
            f"{path} holds more than tensors and plain values, so it is not read: {first}"
        ) from None


def _publish(data: bytes, path: Path) -> None:
    """Replace path by data in one step: a reader, or a crash, finds the whole old file or the whole new one."""
    free = shutil.disk_usage(path.parent).free
    if free < len(data):
        raise _disk_full(path, len(data), free)
    temporary = path.with_name(f".{path.name}.new")  # a fixed name: what a killed run left is overwritten
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise _disk_full(path, len(data), shutil.disk_usage(path.parent).free) from None
        raise


def _disk_full(path: Path, needed: int, free: int) -> OSError:
    return OSError(
        errno.ENOSPC,
        f"the disk is full: {path.name} needs {needed / 1e6:.1f} MB, {free / 1e6:.1f} MB are free, "
        f"{max(needed - free, 0) / 1e6:.1f} MB are missing; the older checkpoint is intact",
    )


def _check_fits(saved: dict[str, torch.Tensor], model: nn.Module, path: str | os.PathLike) -> None:
    own = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    held = {name: tuple(value.shape) for name, value in saved.items()}
    if own == held:
        return
    name = next(name for name in [*own, *held] if own.get(name) != held.get(name))
    raise ValueError(
        f"{path} holds another model: {len(held)} tensors of {_count(held):,} values, this {type(model).__name__} has "
        f"{len(own)} of {_count(own):,}; the first difference is {name}, {held.get(name, 'missing')} in the file and "
        f"{own.get(name, 'missing')} in the model"
    )


def _count(shapes: dict[str, tuple[int, ...]]) -> int:
    return sum(math.prod(shape) for shape in shapes.values())


def _random_state(generator: torch.Generator | None) -> dict[str, Any]:
    name, keys, *rest = np.random.get_state()
    return {
        "python": random.getstate(),
        "numpy": (name, keys.tolist(), *rest),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
        "mps": torch.mps.get_rng_state() if torch.backends.mps.is_available() else None,
        "loader": generator.get_state() if generator is not None else None,
    }


def _restore_random_state(state: dict[str, Any], generator: torch.Generator | None) -> None:
    random.setstate(state["python"])
    np.random.set_state(state["numpy"])
    torch.set_rng_state(state["torch"])
    if (
        len(state["cuda"]) == torch.cuda.device_count()
    ):  # of another machine's GPUs there is nothing to restore
        torch.cuda.set_rng_state_all(state["cuda"])
    if state["mps"] is not None and torch.backends.mps.is_available():
        torch.mps.set_rng_state(state["mps"])
    if generator is not None and state["loader"] is not None:
        generator.set_state(state["loader"])
