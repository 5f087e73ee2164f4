"""The device that lessons compute on."""

import torch


def best() -> torch.device:
    """Return the fastest device that works here: cuda, else mps, else cpu."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def of(model: torch.nn.Module) -> torch.device:
    """Return the device that holds the model's parameters. ValueError if it has none."""
    for parameter in model.parameters():
        return parameter.device
    raise ValueError(
        f"{type(model).__name__} has 0 parameters, so it lies on no device and there is nothing to train"
    )
