"""ConvExplorer: convolution, pooling and transposed convolution on a grid of numbers that can be dragged over."""

import html
import math

import torch
import torch.nn.functional as F
import traitlets

from course_utils.shapes.sizes import Size, conv2d_size, conv_transpose2d_size, pair, pool2d_size
from course_utils.widgets.base import Widget, script, style

# What the sliders reach; static/conv_geometry.js has the same table, and a test holds the two together.
LIMITS = {
    "size": (1, 32),
    "kernel_size": (1, 7),
    "stride": (1, 8),
    "padding": (0, 6),
    "dilation": (1, 4),
    "output_padding": (0, 7),
}
LARGEST = 40  # cells along one side of a picture
OPS = ("conv2d", "max_pool2d", "avg_pool2d", "conv_transpose2d")
# Lesson 3's image and kernel; around them, small numbers that vary.
IMAGE = ((1, 0, 1, 4, 2), (0, 2, 3, 2, 0), (1, 4, 2, 0, 1), (3, 2, 0, 1, 0), (2, 0, 1, 0, 3))
EDGES = ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1))
SPREAD = ((1, 2, 1), (2, 4, 2), (1, 2, 1))


class ConvExplorer(Widget):
    """One layer on one channel: every output cell with the input cells it is made from, in both directions.

    op is "conv2d", "max_pool2d", "avg_pool2d" or "conv_transpose2d". The other arguments have torch.nn's names and
    defaults; each is an int or an (h, w) pair, in cells (a stride of None is 1, for pooling the kernel's size).
    image [h, w] and weight [kh, kw] are the numbers to start with. Raises ValueError where torch.nn refuses, and
    where a setting is beyond the sliders.
    """

    _esm = script("common.js", "conv_geometry.js", "conv_explorer.js")
    _css = style("common.css", "conv_explorer.css")
    state = traitlets.Dict().tag(sync=True)  # all that is set, and which output cell is looked at
    answer = traitlets.Dict().tag(sync=True)  # what PyTorch makes of it: {"id", "output" or "error"}

    def __init__(
        self,
        op: str = "conv2d",
        input_size: Size = 5,
        kernel_size: Size = 3,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        ceil_mode: bool = False,
        output_padding: Size = 0,
        *,
        image: object = None,
        weight: object = None,
    ):
        if op not in OPS:
            raise ValueError(f"op must be one of {', '.join(OPS)}: got {op!r}")
        if stride is None:
            stride = kernel_size if op.endswith("pool2d") else 1
        state = {
            "size": pair("input_size", input_size),
            "kernel_size": pair("kernel_size", kernel_size),
            "stride": pair("stride", stride),
            "padding": pair("padding", padding, least=0),
            "dilation": pair("dilation", dilation),
            "output_padding": pair("output_padding", output_padding, least=0),
        }
        for name, limits in LIMITS.items():
            if max(state[name]) > limits[1]:
                shown = "input_size" if name == "size" else name
                raise ValueError(f"{shown} is at most {limits[1]} here: got {max(state[name])}")
        if op == "avg_pool2d" and state["dilation"] != (1, 1):
            raise ValueError(f"avg_pool2d has no dilation: got dilation={dilation}")
        if op != "conv_transpose2d" and state["output_padding"] != (0, 0):
            raise ValueError(f"{op} has no output_padding: got output_padding={output_padding}")
        if ceil_mode and not op.endswith("pool2d"):
            raise ValueError(f"{op} has no ceil_mode: got ceil_mode={ceil_mode}")
        state |= {"op": op, "ceil_mode": ceil_mode, "cell": (0, 0), "id": 0}
        check_drawable(state)
        edges = op != "conv_transpose2d"
        state["image"] = numbers("image", image, state["size"], LIMITS["size"][1], IMAGE)
        state["weight"] = numbers(
            "weight", weight, state["kernel_size"], LIMITS["kernel_size"][1], EDGES if edges else SPREAD
        )
        super().__init__(state=state, answer=agree(state))
        self.observe(self._answer, "state")

    def _answer(self, change: dict) -> None:
        self.answer = agree(change["new"])

    def __repr__(self) -> str:
        names = {
            "conv2d": ("kernel_size", "stride", "padding", "dilation"),
            "max_pool2d": ("kernel_size", "stride", "padding", "dilation"),
            "avg_pool2d": ("kernel_size", "stride", "padding"),
            "conv_transpose2d": ("kernel_size", "stride", "padding", "output_padding", "dilation"),
        }[self.state["op"]]
        settings = [f"{name.replace('_size', '')} {by(self.state[name])}" for name in names]
        ceil = ["ceil_mode"] if self.state["ceil_mode"] else []
        return (
            f"ConvExplorer({self.state['op']}, input {by(self.state['size'])}, {', '.join(settings + ceil)})"
        )

    def static_view(self) -> dict[str, str]:
        """Input, kernel and output as tables."""
        (h, w), (kh, kw) = self.state["size"], self.state["kernel_size"]
        parts = [("input", [row[:w] for row in self.state["image"][:h]])]
        if not self.state["op"].endswith("pool2d"):
            parts.append(("kernel", [row[:kw] for row in self.state["weight"][:kh]]))
        parts.append(("output", compute(self.state).tolist()))
        heads = "".join(f"<th>{name} {len(rows)}×{len(rows[0])}</th>" for name, rows in parts)
        tables = "".join(f"<td>{table(rows)}</td>" for _, rows in parts)
        title = html.escape(repr(self))
        return {"text/html": f"<table><caption>{title}</caption><tr>{heads}</tr><tr>{tables}</tr></table>"}


def compute(state: dict) -> torch.Tensor:
    """What PyTorch makes of the settings: the output [h, w], float64 on the CPU."""
    (h, w), (kh, kw) = state["size"], state["kernel_size"]
    image = torch.tensor(state["image"], dtype=torch.float64)[None, None, :h, :w]
    weight = torch.tensor(state["weight"], dtype=torch.float64)[None, None, :kh, :kw]
    stride, padding, dilation = (tuple(state[name]) for name in ("stride", "padding", "dilation"))
    if state["op"] == "conv2d":
        result = F.conv2d(image, weight, None, stride, padding, dilation)
    elif state["op"] == "max_pool2d":
        result = F.max_pool2d(image, (kh, kw), stride, padding, dilation, state["ceil_mode"])
    elif state["op"] == "avg_pool2d":
        result = F.avg_pool2d(image, (kh, kw), stride, padding, state["ceil_mode"])
    else:
        extra = tuple(state["output_padding"])
        result = F.conv_transpose2d(image, weight, None, stride, padding, extra, 1, dilation)
    return result[0, 0]


def agree(state: dict) -> dict:
    """PyTorch's answer for the browser, which compares: an error is shown there, not lost here."""
    try:
        rows = compute(state).tolist()
    except Exception as error:
        return {"id": state["id"], "error": f"{type(error).__name__}: {error}"}
    # JSON has no infinity; a pooling window that sees nothing but padding gives -inf.
    return {"id": state["id"], "output": [[x if math.isfinite(x) else None for x in row] for row in rows]}


def check_drawable(state: dict) -> None:
    """Raise ValueError where torch.nn would refuse the settings, or where the picture has too many cells."""
    names = ("size", "kernel_size", "stride", "padding")
    size, kernel, stride, padding = arguments = [state[name] for name in names]
    dilation = state["dilation"]
    if state["op"] == "conv_transpose2d":
        out = conv_transpose2d_size(*arguments, state["output_padding"], dilation)
        sides = [o + max(2 * p, d * (k - 1)) for o, p, d, k in zip(out, padding, dilation, kernel)]
    else:
        if state["op"] == "conv2d":
            out = conv2d_size(*arguments, dilation)
        else:
            out = pool2d_size(*arguments, dilation, state["ceil_mode"])
        ends = [(o - 1) * s + d * (k - 1) + 1 for o, s, d, k in zip(out, stride, dilation, kernel)]
        sides = [max(n + 2 * p, end) for n, p, end in zip(size, padding, ends)]
    if max(sides) > LARGEST:
        raise ValueError(f"a picture of {max(sides)} cells is too large: at most {LARGEST} along one side")


def numbers(name: str, given: object, size: tuple[int, int], most: int, start: tuple) -> list[list[float]]:
    """A square of most x most numbers: `given` (or `start`) in its corner, so that the grid can grow."""
    rows = [[float((2 * r + 3 * c) % 5) for c in range(most)] for r in range(most)]
    if given is not None:
        start = torch.as_tensor(given, dtype=torch.float64)
        if tuple(start.shape) != tuple(size):
            raise ValueError(f"{name} must have the shape {tuple(size)}: got {tuple(start.shape)}")
        if not bool(start.isfinite().all()):
            raise ValueError(f"{name} must hold finite numbers: got {start.tolist()}")
        start = start.tolist()
    for r, row in enumerate(start[:most]):
        for c, number in enumerate(row[:most]):
            rows[r][c] = float(number)
    return rows


def by(both: tuple[int, int]) -> str:
    return f"{both[0]}×{both[1]}"


def table(rows: list[list[float]]) -> str:
    lines = ("".join(f"<td>{number:.4g}</td>" for number in row) for row in rows)
    return "<table>" + "".join(f"<tr>{line}</tr>" for line in lines) + "</table>"
