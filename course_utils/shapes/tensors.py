"""What the recorder asks of tensors, and of the arguments of a call to PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from .notation import Shape

# Operators by the name of what they do: x += y and y + x are both "add".
OPERATORS = {"truediv": "div", "true_divide": "div", "divide": "div", "multiply": "mul", "subtract": "sub"}
for _name in ("add", "sub", "mul", "matmul", "truediv"):
    OPERATORS |= {f"{letter}{_name}": OPERATORS.get(_name, _name) for letter in "ir"}


def plain_name(func: Callable) -> str:
    """The name of a call as a reader knows it: "relu" for relu_, "add" for __iadd__, "T" for the property T."""
    name = func.__self__.__name__ if func.__name__ == "__get__" else func.__name__
    return OPERATORS.get(name.strip("_"), name.strip("_"))


def tensors(value: object) -> Iterator[Tensor]:
    """The tensors in a value: in lists, tuples and dictionaries of any depth."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, dict):
        yield from tensors(tuple(value.values()))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from tensors(item)


def ints(arguments: tuple) -> tuple[int, ...]:
    """The sizes in view(2, -1) or view((2, -1)); empty if they are no sizes."""
    if len(arguments) == 1 and isinstance(arguments[0], (list, tuple)):
        arguments = tuple(arguments[0])
    return arguments if all(isinstance(n, int) for n in arguments) else ()


def on_meta(name: str, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    """The arguments of a call with every tensor on meta, and without the device that .to() would move to."""

    def moved(value):
        if isinstance(value, Tensor):
            return value if value.is_meta else torch.empty_like(value, device="meta")
        if type(value) in (list, tuple):
            return type(value)(map(moved, value))
        return value

    if name in ("to", "cpu", "cuda"):
        args = (args[0], *(a for a in args[1:] if not isinstance(a, (str, int, torch.device))))
        kwargs = {key: value for key, value in kwargs.items() if key not in ("device", "non_blocking")}
    return moved(args), {key: moved(value) for key, value in kwargs.items()}


def is_about_meta(error: Exception) -> bool:
    """Whether PyTorch raised this because a tensor on meta has no values."""
    return isinstance(error, NotImplementedError) or "meta tensor" in str(error)


def image(shape: Shape, batch: int) -> Shape:
    """A shape for one image: without the batch axis, where there is one."""
    shape = tuple(shape)
    return shape[1:] if shape and shape[0] == batch else shape
