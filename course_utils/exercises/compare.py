"""What differs between the right result and a student's, said in one sentence."""

import math
import numbers
from typing import Any

import numpy as np
import torch
from torch import nn

from .present import show

# (relative, absolute), for results of two correct computations that round in a different order.
TOLERANCES = {
    torch.float64: (1e-9, 1e-10),
    torch.float32: (1.3e-6, 1e-5),
    torch.float16: (1e-3, 1e-5),
    torch.bfloat16: (1.6e-2, 1e-5),
}


def difference(right: Any, got: Any, subject: str = "The result") -> str | None:
    """None if `got` counts as equal to `right`, else a sentence about `subject` that says what is different."""
    if isinstance(right, nn.Module):
        right, got = state(right), state(got)
    if got is None and right is not None:
        return f"{subject} is None."
    if isinstance(right, torch.Tensor):
        return tensor_difference(right, got, subject)
    if isinstance(right, np.ndarray):
        if not isinstance(got, np.ndarray):
            return f"{subject} is {a_kind(got)}; a NumPy array is asked for."
        return tensor_difference(torch.from_numpy(right), torch.from_numpy(got), subject)
    if isinstance(right, (bool, np.bool_)):
        return boolean_difference(bool(right), got, subject)
    if isinstance(right, numbers.Number):
        return number_difference(right, got, subject)
    if isinstance(right, (tuple, list)):
        return sequence_difference(right, got, subject)
    if isinstance(right, dict):
        return dict_difference(right, got, subject)
    if right is None:
        return None if got is None else f"{subject} is {a_kind(got)}; nothing (None) is asked for."
    return (
        None
        if type(got) is type(right) and bool(got == right)
        else f"{subject} is {show(got)}, not {show(right)}."
    )


def state(value: Any) -> Any:
    """What can be compared in a value: a module's parameters and buffers, any other value itself."""
    return dict(value.state_dict()) if isinstance(value, nn.Module) else value


def tensor_difference(right: torch.Tensor, got: Any, subject: str) -> str | None:
    if not isinstance(got, torch.Tensor):
        hint = " Values taken out with `.item()`, `float()` or `.tolist()` have lost the gradient's way back."
        number = hint if isinstance(got, numbers.Number) and right.is_floating_point() else ""
        return f"{subject} is {a_kind(got)}; a tensor of shape {tuple(right.shape)} is asked for.{number}"
    if got.shape != right.shape:
        return (
            f"{subject} has shape {tuple(got.shape)}; the right shape is {tuple(right.shape)}."
            + shape_slip(right, got)
        )
    if got.device != right.device:
        return f"{subject} is on the device {got.device}; the inputs are on {right.device}, and it belongs there too."
    if got.dtype != right.dtype:
        return f"{subject} has dtype {name(got.dtype)}; the right one is {name(right.dtype)}." + dtype_slip(
            right, got
        )
    if different := value_difference(right.detach(), got.detach(), subject):
        return different
    if right.requires_grad and not got.requires_grad:
        return (
            f"The values are right, but {subject[0].lower()}{subject[1:]} is cut off from the graph: `.detach()`, "
            "`.data`, `.item()` or `no_grad` on the way to it stops the gradient."
        )
    return None


def value_difference(right: torch.Tensor, got: torch.Tensor, subject: str) -> str | None:
    relative, absolute = TOLERANCES.get(right.dtype, (1e-9, 1e-10) if right.is_complex() else (0.0, 0.0))
    close = torch.isclose(got, right, rtol=relative, atol=absolute, equal_nan=True)
    if close.all():
        return None
    wrong = ~close
    for label, test in (("nan", torch.isnan), ("inf", torch.isinf)):
        bad = (test(got) & ~test(right)).sum().item()
        if bad:
            return f"{subject} has {label} in {bad} of {got.numel()} entries."
    if right.dtype == torch.float64 and torch.allclose(got, right, rtol=1e-5, atol=1e-6):
        return (
            f"{subject} is right to about 7 digits only, as float32 rounds; the inputs are float64. "
            "Something on the way is computed in float32."
        )
    if factor := constant_factor(right, got):
        return f"{subject} is {factor:.4g} times the right value" + (
            " everywhere." if right.numel() > 1 else "."
        )
    if right.numel() == 1:
        return f"{subject} is {digits(got)}; {digits(right)} is right."
    place = tuple(wrong.nonzero()[0].tolist())
    where = f"[{', '.join(map(str, place))}]"
    return (
        f"{subject} differs in {int(wrong.sum())} of {right.numel()} entries; "
        f"the first is {where}: {digits(got[place])}, where {digits(right[place])} is right."
    )


def constant_factor(right: torch.Tensor, got: torch.Tensor) -> float | None:
    """The one number that all entries are too large by, or None."""
    if not right.is_floating_point() or right.abs().max() == 0 or got.abs().max() == 0:
        return None
    largest = right.abs().argmax()
    factor = (got.flatten()[largest] / right.flatten()[largest]).item()
    rounding = 1e-6 if right.dtype == torch.float64 else 1e-3
    same = right.numel() > 1 or min(abs(factor - n) for n in (-1, 0.5, 2)) < rounding
    return (
        factor if same and factor and torch.allclose(got, factor * right, rtol=rounding, atol=1e-9) else None
    )


def shape_slip(right: torch.Tensor, got: torch.Tensor) -> str:
    mine, true = list(got.shape), list(right.shape)
    if [size for size in mine if size != 1] == [size for size in true if size != 1]:
        more = "too many" if len(mine) > len(true) else "too few"
        if len(mine) != len(true):
            return f" There are axes of size 1 {more}: see `keepdim`, `squeeze`, `unsqueeze`."
    if sorted(mine) == sorted(true):
        return " The axes are in another order: see `.T`, `transpose`, `permute`."
    if not mine:
        return " Everything was reduced to one value: see `dim`."
    return ""


def dtype_slip(right: torch.Tensor, got: torch.Tensor) -> str:
    if right.dtype == torch.float64 and got.dtype == torch.float32:
        return " The inputs are float64: `.float()`, or a new tensor made without `dtype=x.dtype`, rounds to float32."
    return ""


def boolean_difference(right: bool, got: Any, subject: str) -> str | None:
    if isinstance(got, torch.Tensor) and got.numel() == 1 and got.dtype == torch.bool:
        got = got.item()
    if not isinstance(got, (bool, np.bool_)):
        return f"{subject} is {a_kind(got)}; True or False is asked for."
    return None if bool(got) == right else f"{subject} is {bool(got)}; {right} is right."


def number_difference(right: Any, got: Any, subject: str) -> str | None:
    if isinstance(got, (torch.Tensor, np.ndarray)) and math.prod(got.shape) == 1:
        got = got.item()
    if isinstance(got, (bool, np.bool_)) or not isinstance(got, numbers.Number):
        return f"{subject} is {a_kind(got)}; one number is asked for."
    wide = torch.complex128 if isinstance(right, complex) or isinstance(got, complex) else torch.float64
    return value_difference(torch.tensor(right, dtype=wide), torch.tensor(got, dtype=wide), subject)


def sequence_difference(right: tuple | list, got: Any, subject: str) -> str | None:
    if not isinstance(got, (tuple, list)):
        return f"{subject} is {a_kind(got)}; a {type(right).__name__} of {len(right)} values is asked for."
    if len(got) != len(right):
        return f"{subject} has {len(got)} values; {len(right)} are asked for."
    if all(isinstance(size, int) for size in [*right, *got]):
        return None if tuple(right) == tuple(got) else f"{subject} is {show(got)}; {show(right)} is right."
    parts = (
        difference(mine, yours, f"{subject}, value {position} of {len(right)},")
        for position, (mine, yours) in enumerate(zip(right, got, strict=True), 1)
    )
    return next((part for part in parts if part), None)


def dict_difference(right: dict, got: Any, subject: str) -> str | None:
    if not isinstance(got, dict):
        return f"{subject} is {a_kind(got)}; a dictionary is asked for."
    if missing := [key for key in right if key not in got]:
        return f"{subject} lacks {show(missing[0])}."
    if extra := [key for key in got if key not in right]:
        return f"{subject} has {show(extra[0])}, which is not asked for."
    parts = (difference(right[key], got[key], f"{subject}, at {show(key)},") for key in right)
    return next((part for part in parts if part), None)


def a_kind(value: Any) -> str:
    """A value named by its type: "a tensor of shape (3, 4)", "the number 2.5"."""
    if isinstance(value, torch.Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, np.ndarray):
        return f"a NumPy array of shape {value.shape}"
    if isinstance(value, (bool, np.bool_)):
        return f"{value}"
    if isinstance(value, numbers.Number):
        return f"the Python number {value:.4g}"
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)} values"
    return show(value) if isinstance(value, (str, type(None))) else f"a {type(value).__name__}"


def name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")


def digits(value: torch.Tensor) -> str:
    number = value.item()
    return f"{number:.4g}" if isinstance(number, float) else str(number)
