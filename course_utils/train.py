"""The training loop that lesson 2 writes by hand, for every lesson after it."""

import math
import os
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import CyclicLR, LRScheduler, OneCycleLR

from course_utils import checks, device, progress_display
from course_utils.checkpoint_folder import Folder
from course_utils.checks import LossNotFinite
from course_utils.history import History
from course_utils.logs import Logs

__all__ = ["History", "LossNotFinite", "Metrics", "evaluate", "fit", "train_epoch"]

LossFunction = Callable[[Tensor, Tensor], Tensor]


class Metrics(NamedTuple):
    """Averages over one pass: loss and accuracy (0 to 1) per image, images seen, seconds taken."""

    loss: float
    accuracy: float
    images: int
    seconds: float


def train_epoch(
    model: nn.Module,
    loader: Iterable,
    loss_fn: LossFunction,
    optimizer: torch.optim.Optimizer,
    *,
    scheduler: LRScheduler | None = None,
) -> Metrics:
    """Train on every batch once, in train mode, and return the averages per image.

    loader yields (images [N, ...], labels int64 [N]); loss_fn must average over the batch. The batches go to the
    model's device. OneCycleLR and CyclicLR step after each batch, other schedulers at the end of the epoch.
    Raises LossNotFinite, or ValueError for an empty loader, a wrong output shape or labels outside 0..classes-1.
    """
    checks.check_scheduler(scheduler)
    each_batch = isinstance(scheduler, (OneCycleLR, CyclicLR))
    rates = [group["lr"] for group in optimizer.param_groups]
    begun, total_loss, correct, seen = time.perf_counter(), 0.0, 0, 0
    model.train()
    for step, (images, labels) in enumerate(loader, start=1):
        outputs, labels = _forward(model, images, labels)
        loss = loss_fn(outputs, labels)
        # Read before backward: a step that cannot be right must not reach the weights.
        value = _finite(loss, "training", step, model, images, rates)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if each_batch:
            scheduler.step()
        total_loss += value * len(labels)
        correct += (outputs.argmax(dim=1) == labels).sum().item()
        seen += len(labels)
    if scheduler is not None and not each_batch:
        scheduler.step()
    return _averages(total_loss, correct, seen, begun)


@torch.no_grad()
def evaluate(model: nn.Module, loader: Iterable, loss_fn: LossFunction) -> Metrics:
    """Measure the model in eval mode, without gradients, and leave it in eval mode.

    loader yields (images [N, ...], labels int64 [N]); loss_fn must average over the batch.
    Raises LossNotFinite, or ValueError for an empty loader, a wrong output shape or labels outside 0..classes-1.
    """
    begun, total_loss, correct, seen = time.perf_counter(), 0.0, 0, 0
    model.eval()
    for step, (images, labels) in enumerate(loader, start=1):
        outputs, labels = _forward(model, images, labels)
        total_loss += _finite(loss_fn(outputs, labels), "test", step, model, images, []) * len(labels)
        correct += (outputs.argmax(dim=1) == labels).sum().item()
        seen += len(labels)
    return _averages(total_loss, correct, seen, begun)


def fit(
    model: nn.Module,
    train_loader: Iterable,
    test_loader: Iterable,
    *,
    epochs: int,
    optimizer: torch.optim.Optimizer,
    loss_fn: LossFunction | None = None,
    scheduler: LRScheduler | None = None,
    checkpoint: str | os.PathLike | None = None,
    resume: bool = False,
    log_dir: str | os.PathLike | None = None,
    progress: bool = True,
) -> History:
    """Train for `epochs` epochs on the best device here, measure after each, and return the History.

    loss_fn defaults to cross-entropy; the scheduler steps as in train_epoch. The model ends in eval mode, on that
    device. An interrupt (the stop button) ends the run early: the weights and the whole epochs so far are kept.
    checkpoint is a folder for last.pt, previous.pt and best.pt, written after each epoch; with resume=True the run
    goes on from the newest of them until it has had `epochs` epochs in all, exactly as one unbroken run would.
    log_dir is a folder for TensorBoard's files: losses, accuracies and learning rate, written after each epoch.
    Raises LossNotFinite, which holds the history so far, or ValueError for what cannot be trained.
    """
    checks.check_fit(model, {"training": train_loader, "test": test_loader}, epochs, optimizer)
    checks.check_scheduler(scheduler)
    loss_fn = nn.CrossEntropyLoss() if loss_fn is None else loss_fn
    model.to(device.best())
    folder, history = _start(checkpoint, resume, model, optimizer, scheduler, train_loader)
    if len(history) >= epochs:
        return history
    logs = Logs(log_dir, done=len(history)) if log_dir is not None else None
    show = progress_display.for_here(epochs, len(train_loader) + len(test_loader), len(history), progress)
    heard_loss = show.listen(loss_fn)
    epoch, ending = len(history) + 1, "stopped by an error"
    try:
        for epoch in range(len(history) + 1, epochs + 1):
            name = f"epoch {epoch} of {epochs}"
            rate = optimizer.param_groups[0]["lr"]
            batches = show.watch(train_loader, f"{name}, training")
            trained = train_epoch(model, batches, heard_loss, optimizer, scheduler=scheduler)
            tested = evaluate(model, show.watch(test_loader, f"{name}, testing"), loss_fn)
            history.add(
                trained.loss, trained.accuracy, tested.loss, tested.accuracy, trained.seconds + tested.seconds
            )
            show.epoch_done(history)
            if folder is not None:
                folder.save(history)
            if logs is not None:
                logs.epoch_done(history, rate)
        ending = f"{epochs} epoch{'s' if epochs > 1 else ''} in {sum(history.seconds):.1f} s"
    except KeyboardInterrupt:
        ending = f"interrupted in epoch {epoch} of {epochs}; kept: the weights as they are and {len(history)} whole epochs"
    except LossNotFinite as error:
        raise LossNotFinite(error.found, error.causes, error.step, epoch, history) from None
    finally:
        model.eval()
        if logs is not None:
            logs.close()
        show.close(history, ending)
    return history


def _start(
    checkpoint: str | os.PathLike | None,
    resume: bool,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    scheduler: LRScheduler | None,
    loader: Iterable,
) -> tuple[Folder | None, History]:
    if checkpoint is None:
        if resume:
            raise ValueError("resume=True needs checkpoint=, the folder to go on from")
        return None, History()
    generator = getattr(loader, "generator", None)
    folder = Folder(checkpoint, model=model, optimizer=optimizer, scheduler=scheduler, generator=generator)
    loaded = folder.load_newest() if resume else None
    return folder, loaded.history if loaded else History()


def _forward(model: nn.Module, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    where = device.of(model)
    outputs = model(images.to(where))
    checks.check_labels(labels, outputs)  # while the labels are still in main memory: no wait for a GPU
    return outputs, labels.to(where)


def _finite(
    loss: Tensor, kind: str, step: int, model: nn.Module, images: Tensor, rates: list[float]
) -> float:
    value = loss.item()
    if not math.isfinite(value):
        raise LossNotFinite(
            f"the {kind} loss became {value}", checks.why_not_finite(model, images, rates), step
        )
    return value


def _averages(total_loss: float, correct: int, seen: int, begun: float) -> Metrics:
    if not seen:
        raise ValueError("the loader is empty: it gave 0 batches")
    return Metrics(total_loss / seen, correct / seen, seen, time.perf_counter() - begun)
