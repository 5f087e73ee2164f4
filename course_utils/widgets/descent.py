"""Loss surfaces of two numbers, and the paths that torch.optim takes on them by autograd."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

FAR = 1e6  # beyond this a path has gone to infinity, and ends
# Formulas and values as in static/descent_geometry.js: the tests hold the two together.
TILT = 0.15
SURFACES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "round bowl": lambda x, y: (x * x + y * y) / 2,
    "long bowl": lambda x, y: (x * x + 9 * y * y) / 2,
    "curved valley": lambda x, y: ((1 - x) ** 2 + 5 * (y - x * x) ** 2) / 2,
    "two valleys": lambda x, y: x**4 / 4 - x * x / 2 + TILT * x + y * y / 2,
}
STARTS = {
    "round bowl": (-3.0, 2.0),
    "long bowl": (-4.0, 1.0),
    "curved valley": (-1.5, 1.0),
    "two valleys": (1.6, 1.0),
}
VIEWS = {
    "round bowl": (-4, 4, -3, 3),
    "long bowl": (-5, 3, -3, 3),
    "curved valley": (-2, 2, -1, 2),
    "two valleys": (-2, 2, -1.5, 1.5),
}
RULES: dict[str, Callable[[list[Tensor], float, float], torch.optim.Optimizer]] = {
    "SGD": lambda points, rate, momentum: torch.optim.SGD(points, lr=rate),
    "momentum": lambda points, rate, momentum: torch.optim.SGD(points, lr=rate, momentum=momentum),
    "RMSprop": lambda points, rate, momentum: torch.optim.RMSprop(points, lr=rate),
    "Adam": lambda points, rate, momentum: torch.optim.Adam(points, lr=rate),
}
RATES = (0.001, 10.0)
MOMENTA = (0.0, 0.99)
MOST_STEPS = 200


def check(
    surface: str, rule: str, start: tuple[float, float], rate: float, momentum: float, steps: int
) -> None:
    """ValueError, with the number in it, for a setting that is none."""
    for what, value, known in (("surface", surface, SURFACES), ("rule", rule, RULES)):
        if value not in known:
            raise ValueError(f"{what} is one of {', '.join(map(repr, known))}: got {value!r}")
    if len(start) != 2 or not all(math.isfinite(value) and abs(value) <= FAR for value in start):
        raise ValueError(f"start is two numbers (x, y) of at most {FAR:,.0f}: got {start!r}")
    for what, value, (low, high) in (("rate", rate, RATES), ("momentum", momentum, MOMENTA)):
        if not low <= value <= high:
            raise ValueError(f"{what} is from {low:g} to {high:g}: got {value!r}")
    if not (isinstance(steps, int) and 1 <= steps <= MOST_STEPS):
        raise ValueError(f"steps is a whole number from 1 to {MOST_STEPS}: got {steps!r}")


def replay(
    surface: str, rule: str, start: tuple[float, float], rate: float, momentum: float, steps: int
) -> list[list[float]]:
    """The path, the start first, of torch.optim with gradients from autograd; float64, on the CPU.

    Shorter than steps + 1 where it goes beyond FAR. ValueError as from check.
    """
    check(surface, rule, start, rate, momentum, steps)
    point = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimizer = RULES[rule]([point], rate, momentum)
    path = [point.tolist()]
    for _ in range(steps):
        optimizer.zero_grad()
        SURFACES[surface](point[0], point[1]).backward()
        optimizer.step()
        values = point.tolist()
        if not all(abs(value) <= FAR for value in values):
            break
        path.append(values)
    return path


def plain_descent(surface: str, start: tuple[float, float], rate: float, steps: int) -> list[list[float]]:
    """The path of point ← point − rate · gradient, as replay gives it for SGD.

    Making the first optimizer of a kernel loads much of PyTorch, a second and more: too long for a first picture.
    """
    point = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    path = [point.tolist()]
    for _ in range(steps):
        (gradient,) = torch.autograd.grad(SURFACES[surface](point[0], point[1]), point)
        point = (point - rate * gradient).detach().requires_grad_()
        if not (point.abs() <= FAR).all():
            break
        path.append(point.tolist())
    return path
