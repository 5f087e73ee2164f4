"""Which parameters a call uses, each counted once however often it is used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from .derivation import Step
from .layers import Layer
from .notation import number
from .tensors import tensors


class Parameters:
    """The parameters of a model: {name: tensor}, the tensors being those that the model runs with."""

    def __init__(self, named: Mapping[str, Tensor]) -> None:
        self.sizes = {name: tensor.numel() for name, tensor in named.items()}
        self.names = {id(tensor): {name} for name, tensor in named.items()}
        self.counted: dict[str, int] = {}  # by name, the position of the step that counted it
        self.kept: list[object] = list(named.values())  # so that the ids stay theirs

    def passed_on(self, result: object, call: object) -> object:
        """A result computed from parameters alone, such as a normalised weight: who uses it uses them."""
        used = self.used(call)
        if used:
            self.names |= {id(tensor): used for tensor in tensors(result)}
            self.kept.append(result)
        return result

    def used(self, call: object) -> set[str]:
        """The names of the parameters among the tensors of a call."""
        return set().union(*(self.names.get(id(tensor), ()) for tensor in tensors(call)))

    def count(self, layer: Layer, call: object, steps: Sequence[Step]) -> tuple[int, str]:
        """How many of the parameters of this call none of the steps so far has counted, and how they are counted."""
        used = self.used(call)
        new = sorted(used - self.counted.keys())
        if used and not new:
            return 0, f"counted at {steps[self.counted[min(used)]].name}"
        self.counted |= dict.fromkeys(new, len(steps))
        parts = [self.sizes[name] for name in new]
        count, worked = layer.weights()
        if sum(parts) != count:  # weights of another kind: show the sizes of the tensors
            total = f" = {number(sum(parts))}" if len(parts) > 1 else ""
            count, worked = sum(parts), " + ".join(map(number, parts)) + total
        return count, worked

    def unused(self) -> dict[str, int]:
        """The parameters that no step has counted, summed for the largest modules that hold no others."""
        sums: dict[str, int] = {}
        for name, size in self.sizes.items():
            if name not in self.counted:
                parts = name.split(".")
                paths = [".".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
                whole = next(p for p in paths if not any(f"{c}.".startswith(f"{p}.") for c in self.counted))
                sums[whole] = sums.get(whole, 0) + size
        return sums
