"""One image through a model and what each layer makes of it. The model itself stays as it is.

A front end may ask while the model is being trained: JupyterLab runs widgets' messages beside the cell. So neither
`model.eval()` nor a hook may touch the student's model. Both go to a shadow: modules of its own, the same weights.
"""

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from course_utils import shapes


def shadow(model: nn.Module) -> nn.Module:
    """A copy of the modules in eval mode that shares every tensor with the model: no weight is copied."""
    model = getattr(model, "_orig_mod", model)  # what torch.compile has wrapped
    tensors = [*model.parameters(), *model.buffers()]
    for module in model.modules():  # and those that a forward pass left lying about
        tensors += [value for value in vars(module).values() if isinstance(value, Tensor)]
    return copy.deepcopy(model, {id(tensor): tensor for tensor in tensors}).eval()


@dataclass
class Seen:
    """A module's output for one image: maps [C, H, W], and which module it was."""

    name: str
    module: nn.Module
    maps: Tensor


def look_inside(model: nn.Module, image: Tensor) -> tuple[object, list[Seen]]:
    """The model's output in eval mode for one image [C, H, W], and every module's maps in the order they were made.

    A module's second output is called name_2, and so on. Outputs without height and width are left out.
    """
    copied = shadow(model)
    names = {module: name for name, module in copied.named_modules()}
    calls: dict[str, int] = {}
    seen: list[Seen] = []

    def note(module: nn.Module, args: tuple, output: object) -> None:
        name = names[module]
        if not name and any(module.children()):
            return  # the whole model: its parts say more
        name = name or type(module).__name__
        calls[name] = calls.get(name, 0) + 1
        if isinstance(output, Tensor) and output.ndim == 4 and len(output) == 1:
            # clone: a ReLU with inplace=True writes over what it was given
            maps = output[0].detach().clone()
            seen.append(Seen(name if calls[name] == 1 else f"{name}_{calls[name]}", module, maps))

    for module in names:
        module.register_forward_hook(note)
    parameter = next(copied.parameters(), torch.empty(0))
    with torch.no_grad():
        batch = image[None].to(parameter.device, parameter.dtype)
        output = copied(batch)
    return output, [Seen(one.name, one.module, one.maps.float().cpu()) for one in seen]


def to_bytes(values: Tensor, low: Tensor, high: Tensor) -> bytes:
    """Values as uint8, low (or what is below) as 0 and high as 255; 0 where they are equal. NaN becomes 0."""
    span = torch.where(high > low, high - low, torch.ones_like(high))
    parts = ((values - low) / span).nan_to_num(0).clamp(0, 1)
    return (parts * 255).round().to(torch.uint8).contiguous().numpy().tobytes()


def reach(derivation: shapes.Derivation | None, name: str, size: tuple[int, ...]) -> dict | None:
    """What each position of the maps called `name` sees of the image; None where the derivation does not follow it.

    {"size": [h, w], "rows": [[first, last], ...], "columns": ...}, one pair for each position: the pixels that it
    sees, cut to those that are there; None in the place of a pair: it sees padding only, or nothing at all.
    """
    steps = {step.name: place for place, step in enumerate(derivation or ())}
    inside = [place for other, place in steps.items() if other.startswith(name + ".")]
    place = steps.get(
        name, inside[-1] if inside else 0 if len(steps) == 1 else None
    )  # 0: the model is this one layer
    if place is None:
        return None
    step = derivation[place]
    if step.field is None or step.output_shape != tuple(size):
        return None
    bounds = {axis: there(derivation, axis)[place] for axis in (1, 2)}
    rows, columns = ([cut(span, bounds[axis]) for span in spans(step, axis)] for axis in (1, 2))
    return {"size": list(step.receptive_field), "rows": rows, "columns": columns}


def spans(step: shapes.Step, axis: int) -> list[tuple[float, float]]:
    """The first and last pixel that each position sees along axis 1 or 2 of [C, H, W], those in padding counted."""
    reached = step.field.rows if axis == 1 else step.field.columns
    return [reached[place] for place in range(step.output_shape[axis])]


def there(derivation: shapes.Derivation, axis: int) -> list[tuple[float, float]]:
    """For each step, the first and last pixel of the image that can be seen through it.

    It may be less than the image: a stride that does not come out even leaves the last pixels out, and a layer after
    it sees padding in their place.
    """
    image = (0, derivation.input_shape[axis] - 1)
    found = []
    for step in derivation:
        before = [found[source] if source >= 0 else image for source in step.sources]
        low, high = min(pair[0] for pair in before), max(pair[1] for pair in before)
        if step.field is not None and len(step.output_shape) == 3:
            own = spans(step, axis)
            low, high = max(low, min(pair[0] for pair in own)), min(high, max(pair[1] for pair in own))
        found.append((low, high))
    return found


def cut(span: tuple[float, float], bounds: tuple[float, float]) -> list[int] | None:
    low, high = max(span[0], bounds[0]), min(span[1], bounds[1])
    return [int(low), int(high)] if low <= high else None
