"""From pen strokes to a picture in the form of MNIST's. static/digit_geometry.js does the same in the browser.

MNIST's digits were scaled to fit a box of 20x20 pixels, with grey levels where an edge crosses a pixel, and put into
28x28 so that their centre of mass is in the middle. Source: LeCun, Bottou, Bengio and Haffner, Gradient-Based
Learning Applied to Document Recognition (1998), section III.A.
"""

import math
from collections.abc import Sequence

import numpy as np

PAD = 280  # the pad's side, in the units of strokes and pen
SHEET = 140  # pixels along the sheet onto which the strokes are inked
BOX, SIDE, MIDDLE = 20, 28, 14

Strokes = Sequence[Sequence[tuple[float, float]]]


def ink(strokes: Strokes, pen: float) -> np.ndarray:
    """Draw strokes, lists of (x, y) from 0 to PAD, with a round pen this wide: uint8 [SHEET, SHEET], 255 is ink."""
    unit = PAD / SHEET
    centres = np.arange(SHEET) + 0.5
    x, y = centres[None, :], centres[:, None]
    nearest = np.full((SHEET, SHEET), np.inf)
    for stroke in strokes:
        points = np.asarray(stroke, dtype=float) / unit
        for start, end in zip(points, points[1:] if len(points) > 1 else points):
            way = end - start
            along = (x - start[0]) * way[0] + (y - start[1]) * way[1]
            part = np.clip(along / max(way @ way, 1e-12), 0, 1)
            apart = np.hypot(x - start[0] - part * way[0], y - start[1] - part * way[1])
            nearest = np.minimum(nearest, apart)
    return np.floor(np.clip(pen / 2 / unit - nearest + 0.5, 0, 1) * 255 + 0.5).astype(np.uint8)


def centred(sheet: np.ndarray) -> np.ndarray:
    """Bring ink on a sheet, uint8 [H, W], into MNIST's form: uint8 [28, 28]. No ink gives an empty picture."""
    picture = np.zeros((SIDE, SIDE), np.uint8)
    rows, columns = (np.nonzero(sheet.any(axis))[0] for axis in (1, 0))
    if not len(rows):
        return picture
    extents = [int(places[-1] + 1 - places[0]) for places in (rows, columns)]
    step = max(extents) / BOX  # sheet pixels to one pixel of the box
    down, across = (
        shares(places[0], step, length) for places, length in zip((rows, columns), sheet.shape, strict=True)
    )
    box = np.floor(down @ sheet @ across.T + 0.5).astype(np.uint8)
    high, wide = (min(BOX, math.ceil(extent / step)) for extent in extents)
    mass, place = box.sum(dtype=float), np.arange(BOX)
    # Whole pixels, as in MNIST: measured there, the centre of mass always lies within half a pixel of pixel 14.
    # Where ink would leave the picture, it stays at the edge.
    centres = [math.floor((box.sum(axis) @ place) / mass + 0.5) if mass else BOX // 2 for axis in (1, 0)]
    top, left = (min(max(MIDDLE - centre, 0), SIDE - size) for centre, size in zip(centres, (high, wide)))
    picture[top : top + high, left : left + wide] = box[:high, :wide]
    return picture


def shares(start: float, step: float, length: int) -> np.ndarray:
    """[BOX, length]: how much of box pixel i, from start + i·step to the next, is covered by each sheet pixel."""
    edges = start + step * np.arange(BOX + 1)
    pixels = np.arange(length)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    return np.clip(overlap, 0, None) / step
