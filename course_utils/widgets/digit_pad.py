"""DigitPad: draw a digit and watch a network read it."""

import io
from collections.abc import Sequence

import torch
import traitlets
from torch import Tensor, nn

from course_utils import shapes
from course_utils.style import COLORS
from course_utils.widgets.base import Widget, script, style
from course_utils.widgets.layer_maps import look_inside, to_bytes
from course_utils.widgets.mnist_form import PAD, SIDE, Strokes, centred, ink

LAYERS, MAPS = 2, 16  # so many convolutions are shown, and so many maps of each
PENS = (8, 48)


class DigitPad(Widget):
    """A pad for mouse, touch and keyboard. What is drawn is brought into MNIST's form and read by `model`.

    model: any module that gives [1, len(classes)] scores (logits) for [1, 1, 28, 28]. It is asked in eval mode, with
    the weights it has at that moment; its own mode stays as it is. mean, std: what its training pixels, 0 to 1, were
    normalised with, a number or a sequence of one. strokes: a drawing to begin with, lists of (x, y) from 0 to 280;
    pen: the line's width in the same units. A model that cannot read such a picture is named in the widget.

    .picture uint8 [28, 28] is what was last given to the model; .probabilities [10] its answer, None if it had none.
    Raises ValueError for arguments that are no model, no numbers, or a drawing beside the pad.
    """

    _esm = script("common.js", "pixels.js", "mailbox.js", "digit_geometry.js", "digit_pad.js")
    _css = style("common.css", "digit_pad.css")
    strokes = traitlets.List().tag(sync=True)  # each [x0, y0, x1, y1, ...]
    pen = traitlets.Int(24).tag(sync=True)
    classes = traitlets.List().tag(sync=True)

    def __init__(
        self,
        model: nn.Module,
        *,
        mean: float | Sequence[float],
        std: float | Sequence[float],
        classes: Sequence[str] = tuple("0123456789"),
        strokes: Strokes = (),
        pen: int = 24,
    ):
        if not isinstance(model, nn.Module):
            raise ValueError(f"model must be an nn.Module, got {model!r}")
        if not PENS[0] <= pen <= PENS[1]:
            raise ValueError(f"pen must be from {PENS[0]} to {PENS[1]}, got {pen}")
        for number, stroke in enumerate(strokes):
            if not len(stroke) or any(
                len(point) != 2 or not (0 <= min(point) <= max(point) <= PAD) for point in stroke
            ):
                raise ValueError(f"strokes[{number}] must be (x, y) points from 0 to {PAD}, got {stroke!r}")
        self.model = model
        self.mean, self.std = one_number("mean", mean), one_number("std", std)
        if self.std <= 0:
            raise ValueError(f"std must be above 0, got {self.std:g}")
        flat = [[value for point in stroke for value in point] for stroke in strokes]
        super().__init__(strokes=flat, pen=pen, classes=list(map(str, classes)))
        self.picture = torch.from_numpy(centred(ink(strokes, pen)))
        self.probabilities: Tensor | None = None
        self.on_msg(self._asked)

    def _asked(self, _, content: dict, buffers: list) -> None:
        if content.get("kind") != "predict":
            return
        self.picture = torch.frombuffer(bytearray(buffers[0]), dtype=torch.uint8).view(SIDE, SIDE)
        answer, maps = self.read()
        self.send({"kind": "answer", "id": content["id"], **answer}, buffers=maps)

    def read(self) -> tuple[dict, list[bytes]]:
        """What the model makes of .picture: {"probabilities", "layers"} and each layer's maps, or {"fault"}."""
        self.probabilities = None
        image = (self.picture[None] / 255 - self.mean) / self.std
        try:
            scores, seen = look_inside(self.model, image)
            self.probabilities = self.judged(scores)
        except (
            Exception
        ) as error:  # whatever the student's code raises: it belongs into the widget, not into a log
            return {"fault": self.explained(error)}, []
        layers, buffers = [], []
        for one in [one for one in seen if isinstance(one.module, nn.Conv2d)][:LAYERS]:
            maps = one.maps[:MAPS]
            low, high = maps.amin(), maps.amax()
            layers.append(
                {
                    "name": one.name,
                    "channels": len(one.maps),
                    "shape": list(maps.shape),
                    "low": low.item(),
                    "high": high.item(),
                }
            )
            buffers.append(to_bytes(maps, low, high))
        return {"probabilities": self.probabilities.tolist(), "layers": layers}, buffers

    def judged(self, scores: object) -> Tensor:
        """Softmax of the scores. ValueError, with the numbers, unless they are finite and one for each class."""
        wanted = (1, len(self.classes))
        if not isinstance(scores, Tensor):
            raise ValueError(
                f"the model gives a {type(scores).__name__}, not a tensor of scores {list(wanted)}"
            )
        if tuple(scores.shape) != wanted:
            raise ValueError(
                f"for a picture [1, 1, {SIDE}, {SIDE}] the model gives {list(scores.shape)}; "
                f"{len(self.classes)} classes need {list(wanted)}"
            )
        bad = int((~torch.isfinite(scores)).sum())
        if bad:
            raise ValueError(f"{bad} of the model's {scores.numel()} scores are NaN or infinite")
        return scores[0].float().softmax(0).cpu()

    def explained(self, error: Exception) -> str:
        """The derivation's words for layers that do not fit, which name the layer and the line to write; else the error."""
        try:
            shapes.derive(self.model, (1, SIDE, SIDE))
        except shapes.ShapeError as misfit:
            return str(misfit)
        except Exception:  # the derivation has its own limits: then PyTorch's words
            pass
        kind = "" if isinstance(error, ValueError) else f"{type(error).__name__}: "
        return kind + str(error).strip().split("\n")[0]

    def __repr__(self) -> str:
        return f"DigitPad({type(self.model).__name__}, {len(self.strokes)} strokes, pen {self.pen})"

    def static_view(self) -> dict[str, str]:
        """The drawing, the picture that the network sees, and its answer."""
        import base64

        import matplotlib.pyplot as plt

        answer, _ = self.read()
        points = [list(zip(stroke[::2], stroke[1::2])) for stroke in self.strokes]
        figure, (drawn, seen, bars) = plt.subplots(1, 3, figsize=(6.2, 2), width_ratios=[1, 1, 1.5])
        drawn.imshow(ink(points, self.pen), cmap="gray", vmin=0, vmax=255)
        drawn.set_title("drawn", fontsize=9)
        seen.imshow(self.picture.numpy(), cmap="gray", vmin=0, vmax=255)
        seen.set_title("seen by the network: 28×28", fontsize=9)
        for axes in (drawn, seen):
            axes.axis("off")
        if "fault" in answer:
            bars.text(0, 0.5, answer["fault"], wrap=True, fontsize=9, va="center")
            bars.axis("off")
        else:
            bars.bar(self.classes, answer["probabilities"], color=COLORS["blue"])
            bars.set(ylim=(0, 1), title="probability")
        png = io.BytesIO()
        figure.savefig(png, format="png", dpi=80)
        plt.close(figure)
        return {"image/png": base64.b64encode(png.getvalue()).decode("ascii")}


def one_number(name: str, value: float | Sequence[float]) -> float:
    """The number, or the only number of a sequence: pictures here have one channel."""
    numbers = torch.as_tensor(value, dtype=torch.float64).flatten()
    if len(numbers) != 1 or not torch.isfinite(numbers).all():
        raise ValueError(f"{name} must be one finite number, as pictures have one channel: got {value!r}")
    return numbers.item()
