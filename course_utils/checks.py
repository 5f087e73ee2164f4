"""What training refuses, and why, in words with the numbers in them."""

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from course_utils.history import History


class LossNotFinite(ValueError):
    """The loss became NaN or infinite. Holds .step and .epoch (from 1) and .history, the whole epochs before it."""

    def __init__(
        self, found: str, causes: str, step: int, epoch: int = 0, history: History | None = None
    ) -> None:
        self.found, self.causes, self.step, self.epoch, self.history = found, causes, step, epoch, history
        where = f"epoch {epoch}, step {step}" if epoch else f"step {step}"
        super().__init__(f"{found} at {where}. {causes}")


def why_not_finite(model: nn.Module, images: Tensor, rates: list[float]) -> str:
    """Say what most likely made the loss NaN or infinite; rates are the optimizer's learning rates, if there is one."""
    bad = int((~torch.isfinite(images)).sum())
    if bad:
        return f"The cause is in the data: {bad} of the batch's {images.numel():,} input values are NaN or infinite."
    state = model.state_dict()
    broken = [name for name, values in state.items() if not torch.isfinite(values).all()]
    text = "The inputs are finite"
    if broken:
        text += (
            f", but {len(broken)} of {len(state)} parameters and buffers hold NaN or infinite values "
            f"(first: {broken[0]})"
        )
    text += ". Likely causes: "
    if rates:
        text += f"a learning rate that is too high (now {max(rates):g}: try {max(rates) / 10:g}), "
    return text + "inputs that are not normalised, or a log or a division of 0 in the model or the loss."


def check_fit(
    model: nn.Module, loaders: dict[str, Iterable], epochs: int, optimizer: torch.optim.Optimizer
) -> None:
    """Raise a ValueError for anything that could not be trained, before the first step is spent on it."""
    if isinstance(epochs, bool) or not isinstance(epochs, int) or epochs < 1:
        raise ValueError(f"epochs must be a whole number of at least 1, got {epochs!r}")
    for name, loader in loaders.items():
        if len(loader) == 0:
            raise ValueError(f"the {name} loader is empty: it gives 0 batches")
    own = {id(p) for p in model.parameters()}
    trainable = sum(p.requires_grad for p in model.parameters())
    if not trainable:
        raise ValueError(
            f"{type(model).__name__} has no parameter to train: {len(own)} parameters, 0 of them with requires_grad"
        )
    held = [p for group in optimizer.param_groups for p in group["params"]]
    foreign = sum(id(p) not in own for p in held)
    if foreign:
        raise ValueError(
            f"the optimizer holds another model's parameters: {foreign} of its {len(held)} are not in this "
            f"{type(model).__name__}. Make the optimizer anew after the model, from model.parameters()"
        )


def check_scheduler(scheduler: object) -> None:
    """Raise a ValueError for a schedule that needs a number which a training pass does not have."""
    needs_a_loss = isinstance(scheduler, ReduceLROnPlateau)
    if needs_a_loss:
        raise ValueError(
            "ReduceLROnPlateau steps on a measured loss: call scheduler.step(metrics.loss) yourself after evaluate, "
            "and pass scheduler=None here"
        )


def check_labels(labels: Tensor, outputs: Tensor) -> None:
    """Raise a ValueError unless outputs are [N, classes] and labels int64 [N] within 0..classes-1."""
    if outputs.ndim != 2 or outputs.shape[0] != labels.shape[0]:
        raise ValueError(
            f"the model gives shape {tuple(outputs.shape)} for {labels.shape[0]} labels; a classifier gives "
            f"({labels.shape[0]}, classes). Is a flatten or the last linear layer missing?"
        )
    if labels.dtype != torch.int64 or labels.ndim != 1:
        raise ValueError(
            f"labels must be int64 class numbers of shape [N], got {labels.dtype} of shape {tuple(labels.shape)}"
        )
    classes = outputs.shape[1]
    low, high = (int(value) for value in labels.aminmax())
    if low < 0 or high >= classes:
        raise ValueError(
            f"labels run from {low} to {high}, but the model has {classes} outputs, so they must lie in 0..{classes - 1}"
        )
