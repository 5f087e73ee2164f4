"""How much train.fit costs over a bare loop that keeps the same statistics: python benchmarks/training.py

LeNet-5, 16,384 images of 1x28x28, batch 64, one epoch of training and one pass over 4,096 test images.
The two take turns in one process, and the median of the ratios is what counts: these runs are noisy.
"""

import contextlib
import io
import statistics
import time

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from course_utils import train

ROUNDS = 9
ALLOWED = 1.05


def lenet() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 6, 5, padding=2),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.AvgPool2d(2),
        nn.Flatten(),
        nn.Linear(400, 120),
        nn.ReLU(),
        nn.Linear(120, 84),
        nn.ReLU(),
        nn.Linear(84, 10),
    )


def bare(model: nn.Module, train_loader: DataLoader, test_loader: DataLoader) -> list[float]:
    loss_fn, optimizer = nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=0.01)
    total, correct, seen = 0.0, 0, 0
    model.train()
    for images, labels in train_loader:
        outputs = model(images)
        loss = loss_fn(outputs, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * len(labels)
        correct += (outputs.argmax(dim=1) == labels).sum().item()
        seen += len(labels)
    figures = [total / seen, correct / seen]
    total, correct, seen = 0.0, 0, 0
    model.eval()
    with torch.no_grad():
        for images, labels in test_loader:
            outputs = model(images)
            total += loss_fn(outputs, labels).item() * len(labels)
            correct += (outputs.argmax(dim=1) == labels).sum().item()
            seen += len(labels)
    return figures + [total / seen, correct / seen]


def fitted(model: nn.Module, train_loader: DataLoader, test_loader: DataLoader) -> list[float]:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    history = train.fit(model, train_loader, test_loader, epochs=1, optimizer=optimizer)
    return [
        history.train_loss[0],
        history.train_accuracy[0],
        history.test_loss[0],
        history.test_accuracy[0],
    ]


def main() -> None:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(16_384 + 4_096, 1, 28, 28, generator=generator)
    labels = torch.randint(0, 10, (len(images),), generator=generator)
    # Plain lists of batches: the loader costs nothing, so the loops alone are compared.
    train_loader = list(DataLoader(TensorDataset(images[:16_384], labels[:16_384]), batch_size=64))
    test_loader = list(DataLoader(TensorDataset(images[16_384:], labels[16_384:]), batch_size=64))
    ratios = []
    for number in range(ROUNDS):
        seconds, figures = {}, {}
        for loop in (bare, fitted) if number % 2 else (fitted, bare):
            model = lenet()
            begun = time.perf_counter()
            with contextlib.redirect_stdout(io.StringIO()):
                figures[loop] = loop(model, train_loader, test_loader)
            seconds[loop] = time.perf_counter() - begun
        assert figures[bare] == figures[fitted], f"not the same numbers: {figures}"
        ratios.append(seconds[fitted] / seconds[bare])
        print(
            f"round {number + 1}: bare {seconds[bare]:.2f} s, fit {seconds[fitted]:.2f} s, ratio {ratios[-1]:.3f}"
        )
    print(f"median ratio {statistics.median(ratios):.3f} of {ROUNDS} rounds (allowed: {ALLOWED})")


if __name__ == "__main__":
    main()
