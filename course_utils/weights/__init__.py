"""Networks that were trained earlier: load("lenet5") for a lesson that cannot wait for its own training.

Each is a safetensors file and a JSON that says how it was made. `make weights` makes them anew.
"""

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from torch import Tensor

FOLDER = Path(__file__).parent


class Trained(NamedTuple):
    """The weights, for model.load_state_dict, and the facts: recipe, data, seed, versions, accuracy, command."""

    state_dict: "dict[str, Tensor]"
    facts: dict


def names() -> list[str]:
    """The names that load takes."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def load(name: str) -> Trained:
    """Return the weights called `name`, on the CPU. ValueError for an unknown name or a file that was changed."""
    if name not in names():
        raise ValueError(f"no trained weights are called {name!r}; there are {', '.join(names())}")
    from safetensors.torch import load as from_bytes

    facts = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    data = (FOLDER / f"{name}.safetensors").read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if digest != facts["sha256"]:
        raise ValueError(
            f"{name}.safetensors is damaged: SHA-256 {digest[:12]}..., it was made with {facts['sha256'][:12]}..."
        )
    return Trained(from_bytes(data), facts)
