"""A picture of a network: the blocks of numbers between its layers, to scale."""

from __future__ import annotations

from itertools import cycle
from typing import TYPE_CHECKING

from course_utils.drawing import Drawing, Picture

if TYPE_CHECKING:
    from course_utils.shapes import Derivation

HEIGHT = 110  # pixels, of the largest map, and of the longest row of numbers
CHANNELS = 60  # pixels, of the largest number of channels
DEPTH = 0.4  # how far a map's width reaches back, seen at an angle
LETTER = 7.5  # pixels, for keeping labels apart
FILLS = ("#E4E4E4", "#CFE7F5", "#FBE6BF", "#CDEBDF", "#F3DCE8", "#F9F5B5")  # grey and pale Okabe-Ito


def network_boxes(derivation: Derivation) -> Picture:
    """Draw a network as boxes from its input on the left to its output on the right.

    derivation: from shapes.derive. Steps that leave the shape as it is share the box of the step before them. Heights
    and widths have one scale, channels another, rows of numbers a third. ValueError for a shape that is neither
    channels x height x width nor one row.
    """
    boxes = [("input", "input", derivation.input_shape)]
    for step in derivation:
        if step.output_shape != boxes[-1][2]:
            boxes.append((step.name, step.op, step.output_shape))
    for name, _, shape in boxes:
        if len(shape) not in (1, 3):
            raise ValueError(f"{name} gives shape {shape}; only C x H x W or one row of numbers can be drawn")
    volumes = [shape for _, _, shape in boxes if len(shape) == 3]
    pixel = HEIGHT / max((max(shape[1:]) for shape in volumes), default=1)
    channel = CHANNELS / max((shape[0] for shape in volumes), default=1)
    number = HEIGHT / max((shape[0] for _, _, shape in boxes if len(shape) == 1), default=1)
    colors = dict(zip(dict.fromkeys(op for _, op, _ in boxes), cycle(FILLS)))

    drawing, left, middle = Drawing(), 8.0, 32 + HEIGHT * (1 + DEPTH) / 2
    for name, op, shape in boxes:
        if len(shape) == 3:
            wide, high, back = channel * shape[0], pixel * shape[1], DEPTH * pixel * shape[2]
        else:
            wide, high, back = 8, number * shape[0], 0
        label = "×".join(map(str, shape))
        room = max(wide + back, LETTER * max(len(name), len(label))) + 16
        _box(
            drawing, left + (room - wide - back) / 2, middle - (high - back) / 2, wide, high, back, colors[op]
        )
        drawing.text(left + room / 2, 18, name, size=13)
        drawing.text(left + room / 2, 2 * middle - 18, label, size=13)
        left += room
    bottom, x = 2 * middle + 18, 16.0
    for op, color in colors.items():
        drawing.boxes([(x, bottom - 7, 18, 13)], fill=color)
        drawing.text(x + 26, bottom, op, size=13, anchor="start")
        x += 26 + LETTER * len(op) + 24
    about = ", ".join(f"{name} {'×'.join(map(str, shape))}" for name, _, shape in boxes)
    return drawing.picture(max(left, x) + 8, bottom + 18, about)


def _box(drawing: Drawing, x: float, y: float, wide: float, high: float, back: float, color: str) -> None:
    """A box seen from the front, a little from above and from the right; x, y is its front's upper left corner."""
    right, low = x + wide, y + high
    drawing.shape([(x, y), (right, y), (right, low), (x, low)], fill=color)
    if back:
        drawing.shape([(x, y), (right, y), (right + back, y - back), (x + back, y - back)], fill=color)
        drawing.shape(
            [(right, y), (right + back, y - back), (right + back, low - back), (right, low)], fill=color
        )
