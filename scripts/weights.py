"""Train the networks in course_utils/weights in full: python -m scripts.weights NAME, for example lenet5.

The model is the one in the lesson: the notebook's cell is run, so that the weights fit what the student sees.
The best epoch by test accuracy is not picked: what is stored is the network after the last epoch.
"""

import datetime
import hashlib
import json
import os
import platform
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import nbformat
import safetensors.torch
import torch
from torch import nn

from course_utils import data, train
from course_utils.weights import FOLDER

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
SEED = 0


@dataclass(frozen=True)
class Recipe:
    """An optimizer and a one-cycle schedule, in the words that go into the JSON."""

    notebook: str
    cells: tuple[str, ...]  # those that define the model, and the optimizer if PyTorch has not got it
    model: str
    data: str
    epochs: int
    batch_size: int
    max_lr: float
    weight_decay: float
    flip_and_crop: bool
    pct_start: float = 0.3
    anneal_strategy: str = "cos"
    optimizer: str = "SGD"
    momentum: float = 0.9
    nesterov: bool = True
    cycle_momentum: bool = True
    padding: int = 4
    padding_mode: str = "constant"


RECIPES = {
    "lenet5": Recipe("04_lenet5.ipynb", ("model-lenet",), "LeNet5", "mnist", 10, 64, 0.05, 5e-4, False),
    "cifar10_cnn": Recipe("03_cifar10_cnn_shapes.ipynb", ("model",), "Cifar10CNN", "cifar10", 10, 32, 0.025, 5e-4, True, 0.2),
    "resnet": Recipe(
        "05_resnet.ipynb",
        ("model-resnet", "muon"),
        "ResNet",
        "cifar10",
        epochs=10,
        batch_size=128,
        max_lr=0.1,
        weight_decay=5e-4,
        flip_and_crop=True,
        pct_start=0.2,
        anneal_strategy="linear",
        optimizer="Muon",
        momentum=0.6,
        cycle_momentum=False,
        padding=3,
        padding_mode="reflect",
    ),
}


def define(recipe: Recipe) -> dict:
    """Run the lesson's cells that define the model and its optimizer, and return what they define."""
    notebook = nbformat.read(NOTEBOOKS / recipe.notebook, as_version=4)
    sources = {cell.id: cell.source for cell in notebook.cells}
    names = {"torch": torch, "nn": nn, "F": torch.nn.functional, "SGD": torch.optim.SGD}
    for cell in recipe.cells:
        exec(sources[cell], names)
    return names


def build(recipe: Recipe) -> nn.Module:
    """The lesson's model, seeded."""
    model = define(recipe)[recipe.model]
    torch.manual_seed(SEED)
    return model()


def make(name: str, recipe: Recipe) -> dict:
    """Train one network on the full data set, store it with its facts, and return these."""
    images = data.load(recipe.data, source="full")
    model = build(recipe).to(memory_format=torch.channels_last)  # the same sums, faster on most CPUs
    loaders = data.loaders(
        images,
        recipe.batch_size,
        augment=recipe.flip_and_crop,
        padding=recipe.padding,
        padding_mode=recipe.padding_mode,
        seed=SEED,
    )
    optimizer = define(recipe)[recipe.optimizer](
        model.parameters(),
        lr=recipe.max_lr,
        momentum=recipe.momentum,
        nesterov=recipe.nesterov,
        weight_decay=recipe.weight_decay,
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer,
        recipe.max_lr,
        total_steps=recipe.epochs * len(loaders[0]),
        pct_start=recipe.pct_start,
        anneal_strategy=recipe.anneal_strategy,
        cycle_momentum=recipe.cycle_momentum,
    )
    history = train.fit(model, *loaders, epochs=recipe.epochs, optimizer=optimizer, scheduler=schedule)
    state = {key: value.detach().cpu().contiguous() for key, value in model.state_dict().items()}
    stored = safetensors.torch.save(state)
    facts = {
        "model": f"{recipe.model} of lesson {int(recipe.notebook[:2])}",
        "parameters": sum(p.numel() for p in model.parameters()),
        "data": f"{images.name}, {images.note}: {len(images.train):,} train, {len(images.test):,} test",
        "normalised_with": {"mean": images.mean, "std": images.std},
        "test_accuracy": history.test_accuracy[-1],
        "test_accuracy_by_epoch": history.test_accuracy,
        "recipe": {
            "schedule": "OneCycleLR",
            "loss": "CrossEntropyLoss",
            **asdict(recipe),
        },
        "seed": SEED,
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "made_on": datetime.date.today().isoformat(),
        "command": f"make weights NAME={name}",
        "sha256": hashlib.sha256(stored).hexdigest(),
    }
    publish(FOLDER / f"{name}.safetensors", stored)
    publish(FOLDER / f"{name}.json", (json.dumps(facts, indent=1) + "\n").encode())
    return facts


def publish(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_bytes(content)
    os.replace(temporary, path)


def main(names: list[str]) -> int:
    unknown = set(names) - set(RECIPES)
    if unknown:
        print(f"no recipe for {', '.join(sorted(unknown))}; there are {', '.join(RECIPES)}", file=sys.stderr)
        return 2
    for name in names or RECIPES:
        print(name, flush=True)
        facts = make(name, RECIPES[name])
        print(f"{name}: {facts['test_accuracy']:.2%} on {facts['data']}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
