"""Running a model once so that every step can be written down, and leaving it as it was.

The model runs on tensors of the "meta" device, which have shapes but no values: nothing is computed, no weights are
allocated, and those that the model has are not touched. A model whose forward pass asks for values
(`if x.max() > 1`) runs once more on its own device, on zeros.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from .derivation import Derivation, ShapeError
from .notation import Shape
from .parameters import Parameters
from .recorder import REFUSALS, Recorder
from .tensors import is_about_meta

BATCH = 2  # images in the batch that runs through the model: with 1, a lost batch axis would go unnoticed
META = torch.device("meta")
HOLDERS = (list, dict, OrderedDict)


def trace(model: nn.Module, input_shape: Shape) -> Derivation:
    """See course_utils.shapes.derive."""
    model = getattr(model, "_orig_mod", model)  # what torch.compile has wrapped
    check_arguments(model, input_shape)
    device = next((parameter.device for parameter in model.parameters()), torch.device("cpu"))
    try:
        return run(model, input_shape, META)
    except _NeedsValues as need:
        if device == META:
            raise ValueError(
                f"the forward pass asks for values, which a model on meta does not have ({need}): "
                "derive the same model on a real device"
            ) from need
    return run(model, input_shape, device)


def check_arguments(model: object, input_shape: object) -> None:
    """ValueError unless the model is a module with weights of known shape, and the shape is one of an image."""
    if not isinstance(model, nn.Module):
        hint = f": make one first, derive({model.__name__}(), ...)" if isinstance(model, type) else ""
        raise ValueError(f"derive needs a model, an nn.Module: got {model!r}{hint}")
    sequence = isinstance(input_shape, (tuple, list)) and len(input_shape) > 0
    if not sequence or not all(type(n) is int and n > 0 for n in input_shape):
        raise ValueError(
            "input_shape is the shape of one image, without the batch axis, such as (3, 32, 32): "
            f"got {input_shape!r}"
        )
    lazy = next((name for name, parameter in model.named_parameters() if is_lazy(parameter)), None)
    if lazy:
        sizes = ", ".join(map(str, (BATCH, *input_shape)))
        raise ValueError(f"{lazy} has no shape yet, its layer is lazy: first run model(torch.zeros({sizes}))")


def run(model: nn.Module, input_shape: Shape, device: torch.device) -> Derivation:
    """Record one pass of the model on this device; ShapeError where the shapes do not fit."""
    parameters = dict(model.named_parameters())
    buffers = dict(model.named_buffers())
    if device == META:
        held = {name: torch.empty_like(buffer, device=META) for name, buffer in buffers.items()}
        held |= {
            n: nn.Parameter(torch.empty_like(p, device=META), p.requires_grad) for n, p in parameters.items()
        }
    else:
        held = {name: buffer.clone() for name, buffer in buffers.items()}  # a pass may change them
    dtype = next((p.dtype for p in parameters.values() if p.is_floating_point()), torch.get_default_dtype())
    batch = torch.zeros(BATCH, *input_shape, device=device, dtype=dtype)
    recorder = Recorder(model, batch, Parameters({name: held.get(name, p) for name, p in parameters.items()}))
    try:
        with left_as_it_was(model, device):
            model.eval()
            recorder.run(held)
    except ShapeError:
        raise
    except REFUSALS as error:
        if device == META and is_about_meta(error):
            raise _NeedsValues(str(error).splitlines()[0]) from error
        recorder.explain_module(error)
        raise
    return recorder.derivation()


@contextmanager
def left_as_it_was(model: nn.Module, device: torch.device) -> Iterator[None]:
    """Afterwards the modules have the attributes they had, training flags included, and random numbers go on.

    Lists and dictionaries among them, such as a module's own modules, get back what they held.
    """
    attributes = [(module, dict(vars(module))) for module in model.modules()]
    held = [
        (value, value.copy())
        for _, before in attributes
        for value in before.values()
        if type(value) in HOLDERS
    ]
    generators = torch.random.fork_rng([device] if device.type == "cuda" else [])
    try:
        with torch.no_grad(), generators, META if device == META else nullcontext():
            yield
    finally:
        for module, before in attributes:
            vars(module).clear()
            vars(module).update(before)
        for holder, before in held:
            holder.clear()
            holder.extend(before) if isinstance(holder, list) else holder.update(before)


class _NeedsValues(Exception):
    """The forward pass looked at the values of a tensor that has none."""
