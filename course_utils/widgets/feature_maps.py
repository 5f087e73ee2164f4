"""FeatureMaps: any image through any layer, and what each number of a map has seen of the image."""

import html
from collections.abc import Sequence

import torch
import traitlets
from torch import Tensor, nn

from course_utils import shapes
from course_utils.shapes.notation import by
from course_utils.style import MAGNITUDE
from course_utils.widgets.base import Widget, script, style
from course_utils.widgets.layer_maps import Seen, look_inside, reach, to_bytes

MOST = 64  # maps shown of one layer, and slices shown of one kernel


class FeatureMaps(Widget):
    """The maps of one layer for one image, both chosen in the widget; a map's cell outlines what it sees of the image.

    model: any module that takes [1, C, H, W]; every module in it that gives maps can be chosen. It is asked in eval
    mode; its own mode stays as it is. images [N, C, H, W] with C = 1 or 3, uint8 or float from 0 to 1, not normalised;
    labels [N] and classes name them. mean, std: what the model's training pixels, 0 to 1, were normalised with, a
    number for each channel; None: not normalised. Raises ValueError for shapes that do not go together.
    """

    _esm = script("common.js", "pixels.js", "feature_maps.js")
    _css = style("common.css", "feature_maps.css")
    image = traitlets.Int(0).tag(sync=True)
    layer = traitlets.Unicode().tag(sync=True)
    scale = traitlets.Unicode("own").tag(sync=True)
    colours = traitlets.Unicode(MAGNITUDE).tag(sync=True)
    spot = traitlets.List([0, 0, 0]).tag(sync=True)  # the cell looked at: map, row, column
    layers = traitlets.List().tag(sync=True)  # those that can be chosen, [name, kind]
    count = traitlets.Int().tag(sync=True)
    about = traitlets.Dict().tag(sync=True)  # of what is shown: numbers and names
    fault = traitlets.Unicode().tag(sync=True)
    picture = traitlets.Bytes().tag(sync=True)  # uint8 [H, W, 3]
    maps = traitlets.Bytes().tag(sync=True)  # uint8 [shown, h, w], each map from its own least to its most
    filters = traitlets.Bytes().tag(sync=True)  # uint8 [shown, slices, kh, kw], 128 is 0

    def __init__(
        self,
        model: nn.Module,
        images: Tensor,
        *,
        labels: Tensor | Sequence[int] | None = None,
        classes: Sequence[str] | None = None,
        mean: float | Sequence[float] | None = None,
        std: float | Sequence[float] | None = None,
        image: int = 0,
        layer: str | None = None,
    ):
        if not isinstance(model, nn.Module):
            raise ValueError(f"model must be an nn.Module, got {model!r}")
        shape = tuple(images.shape)
        if len(shape) != 4 or not shape[0] or shape[1] not in (1, 3):
            raise ValueError(f"images must be [N, C, H, W] with N >= 1 and C = 1 or 3, got {list(shape)}")
        if labels is not None and len(labels) != shape[0]:
            raise ValueError(f"labels has {len(labels)} entries for {shape[0]} images")
        if (mean is None) != (std is None):
            raise ValueError(f"mean and std go together, got mean={mean!r}, std={std!r}")
        if not 0 <= image < shape[0]:
            raise ValueError(f"image must be from 0 to {shape[0] - 1}, got {image}")
        self.model, self.images, self.labels, self.classes = model, images, labels, classes
        self.mean, self.std = by_channel("mean", mean, 0.0, shape[1]), by_channel("std", std, 1.0, shape[1])
        if (self.std <= 0).any():
            raise ValueError(f"std must be above 0, got {std!r}")
        try:
            self.derivation = shapes.derive(model, shape[1:])
        except shapes.ShapeError:
            raise
        except Exception:  # beyond what the derivation follows: the maps are shown all the same
            self.derivation = None
        seen = self.look(image)
        names = [one.name for one in seen]
        if not names:
            raise ValueError(
                f"no module of {type(model).__name__} gives maps [C, H, W] for {list(shape[1:])}"
            )
        if layer is not None and layer not in names:
            raise ValueError(f"no layer called {layer!r} gives maps; there are {', '.join(names)}")
        kinds = [[one.name, type(one.module).__name__] for one in seen]
        super().__init__(image=image, layer=layer or names[0], layers=kinds, count=shape[0])
        self._show()
        self.observe(self._show, ["image", "layer"])

    def look(self, image: int) -> list[Seen]:
        """Every layer's maps for this image."""
        return look_inside(self.model, (self.pixels(image) - self.mean) / self.std)[1]

    def pixels(self, image: int) -> Tensor:
        """One image, float [C, H, W] from 0 to 1."""
        values = self.images[image].detach().cpu()
        return values.float() if values.is_floating_point() else values.float() / 255

    def _show(self, change: dict | None = None) -> None:
        try:
            self.show()
        except Exception as error:  # a callback's exception would be lost: the widget says it
            self.fault = str(error).strip().split("\n")[0] or type(error).__name__

    def show(self) -> None:
        """Compute what .image and .layer ask for and send it."""
        if not 0 <= self.image < self.count:
            raise ValueError(f"image must be from 0 to {self.count - 1}, got {self.image}")
        seen = {one.name: one for one in self.look(self.image)}
        if self.layer not in seen:
            raise ValueError(f"no layer called {self.layer!r} gives maps; there are {', '.join(seen)}")
        one = seen[self.layer]
        maps = one.maps[:MOST]
        lows, highs = maps.amin((1, 2)), maps.amax((1, 2))
        pixels = self.pixels(self.image)
        zero, full = torch.zeros(()), torch.ones(())
        filters, bound, slices = kernels(one.module)
        with self.hold_sync():
            self.fault = ""
            self.picture = to_bytes(pixels.expand(3, -1, -1).permute(1, 2, 0), zero, full)
            self.maps = to_bytes(maps, lows[:, None, None], highs[:, None, None])
            self.filters = to_bytes(filters, -bound, bound)
            self.about = {
                "image": self.image,
                "layer": self.layer,
                "title": self.title(),
                "kind": type(one.module).__name__,
                "size": list(pixels.shape),
                "channels": len(one.maps),
                "shape": list(maps.shape),
                "lows": lows.tolist(),
                "highs": highs.tolist(),
                "reach": reach(self.derivation, one.name, tuple(one.maps.shape)),
                "filters": list(filters.shape),
                "slices": slices,
                "bound": bound.item(),
            }

    def title(self) -> str:
        """The image's class, where labels say it."""
        if self.labels is None:
            return ""
        label = int(self.labels[self.image])
        return str(self.classes[label]) if self.classes is not None else str(label)

    def __repr__(self) -> str:
        return f"FeatureMaps({type(self.model).__name__}, {self.count} images, layer {self.layer}, image {self.image})"

    def static_view(self) -> dict[str, str]:
        """Every layer that can be chosen: its maps, and how much of the image one number of them sees."""
        rows = []
        for one in self.look(self.image):
            size = tuple(one.maps.shape)
            found = reach(self.derivation, one.name, size)
            cells = (one.name, type(one.module).__name__, by(size), by(found["size"]) if found else "")
            rows.append("".join(f"<td>{html.escape(text)}</td>" for text in cells))
        head = "".join(f"<th>{name}</th>" for name in ("layer", "kind", "maps", "receptive field"))
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        return {"text/html": f"<table><tr>{head}</tr>{body}</table>"}


def kernels(module: nn.Module) -> tuple[Tensor, Tensor, int]:
    """A convolution's kernels [shown, slices, kh, kw], the largest |weight|, and how many slices each kernel has."""
    if not isinstance(module, nn.Conv2d):
        return torch.zeros(0, 0, 0, 0), torch.zeros(()), 0
    weight = module.weight.detach().float().cpu()
    return weight[:MOST, :MOST], weight.abs().amax(), weight.shape[1]


def by_channel(name: str, value: float | Sequence[float] | None, default: float, channels: int) -> Tensor:
    """One number for each channel, as [C, 1, 1]."""
    numbers = torch.as_tensor(default if value is None else value, dtype=torch.float32).flatten()
    if len(numbers) not in (1, channels) or not torch.isfinite(numbers).all():
        raise ValueError(f"{name} must be a finite number for each of the {channels} channels, got {value!r}")
    return numbers.expand(channels)[:, None, None]
