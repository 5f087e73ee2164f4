"""Reading an answer of almost the right type, and saying kindly what is wrong with any other."""

import math
import numbers
from typing import Any

import numpy as np
import torch

from .present import show

IS_NONE = "Your answer is None. `print`, and a function without `return`, give None."


class NotReadable(ValueError):
    """The answer has the wrong type; the message tells the student what to write instead."""


def read_number(value: Any) -> int | float:
    """A finite number out of a Python, NumPy or one-element torch value. NotReadable otherwise."""
    value = unpacked(value)
    if value is None:
        raise NotReadable(IS_NONE)
    if isinstance(value, str):
        raise NotReadable(f"{show(value)} is text. Write the number without quotes.")
    if isinstance(value, bool):
        raise NotReadable(f"One number is asked for; your answer is {value}.")
    if isinstance(value, (torch.Tensor, np.ndarray)):
        raise NotReadable(
            f"One number is asked for; your answer is a {kind(value)} of shape {tuple(value.shape)}."
        )
    if isinstance(value, (tuple, list)):
        raise NotReadable(
            f"One number is asked for; your answer is a {kind(value)} of {len(value)}: {show(value)}."
        )
    if not isinstance(value, numbers.Real):
        call = ": call it, with brackets" if callable(value) else ""
        raise NotReadable(f"One number is asked for; your answer is a {kind(value)}{call}.")
    if not math.isfinite(value):
        raise NotReadable(f"Your answer is {float(value)}. Was there a division by zero, or an overflow?")
    return value if isinstance(value, (int, float)) else float(value)


def read_shape(value: Any) -> tuple[int, ...]:
    """A tuple of positive ints out of a tuple, list, torch.Size or a row of ints. NotReadable otherwise."""
    if isinstance(value, (torch.Tensor, np.ndarray)):
        items = value.flatten().tolist()
        if len(value.shape) != 1 or not all(type(item) is int for item in items):
            raise NotReadable(
                f"That is the {kind(value)} itself, of shape {tuple(value.shape)}. Give its `.shape`."
            )
        value = items
    if value is None:
        raise NotReadable(IS_NONE)
    if isinstance(value, str):
        raise NotReadable(f"{show(value)} is text. Write the shape without quotes, as in `(3, 32, 32)`.")
    if isinstance(value, (numbers.Number, np.generic)):
        one = f" A shape with one axis is written `({value},)`." if type(value) is int else ""
        raise NotReadable(f"{show(value)} is one number, and a shape is a tuple such as `(3, 32, 32)`.{one}")
    if not isinstance(value, (tuple, list)):
        raise NotReadable(f"A shape is a tuple such as `(3, 32, 32)`; your answer is a {kind(value)}.")
    return tuple(read_size(size, value) for size in value)


def read_size(size: Any, shape: Any) -> int:
    """One axis of a shape as a positive int. NotReadable otherwise."""
    size = unpacked(size)
    if isinstance(size, bool) or not isinstance(size, numbers.Real):
        raise NotReadable(f"{show(size)} in {show(shape)} is not a size. A size is a whole number.")
    if not isinstance(size, int):
        raise NotReadable(
            f"{size} in {show(shape)} is a {kind(size)}. A size is a whole number; `//` gives one."
        )
    if size < 1:
        raise NotReadable(f"{size} in {show(shape)} is not a size. Sizes are 1 or more.")
    return size


def unpacked(value: Any) -> Any:
    """The Python value inside a NumPy or torch value of one element; anything else as it is."""
    if isinstance(value, (torch.Tensor, np.ndarray)) and math.prod(value.shape) == 1:
        return value.item()
    return value.item() if isinstance(value, np.generic) else value


def kind(value: Any) -> str:
    """What a student would call this type of value."""
    names = {torch.Tensor: "tensor", np.ndarray: "NumPy array", dict: "dictionary"}
    if callable(value) and not isinstance(value, torch.nn.Module):
        return "function"
    return next((name for cls, name in names.items() if isinstance(value, cls)), type(value).__name__)
