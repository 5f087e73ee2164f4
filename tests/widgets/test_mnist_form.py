"""Strokes become pictures in MNIST's form: in Python as Pillow does it, in the browser as in Python."""

import json

import numpy as np
import pytest
from PIL import Image

from course_utils.data import standins
from course_utils.widgets.base import STATIC
from course_utils.widgets.mnist_form import BOX, MIDDLE, PAD, SHEET, SIDE, centred, ink
from tests.widgets.node import run_node


def random_strokes(generator, count=3):
    """Wandering lines, some of a single point, some along the edge."""
    strokes = []
    for _ in range(generator.integers(1, count + 1)):
        steps = generator.normal(0, 12, (generator.integers(1, 30), 2))
        walk = generator.uniform(20, 260, 2) + np.cumsum(steps, axis=0)
        strokes.append([tuple(point) for point in np.clip(np.round(walk), 0, PAD).astype(int).tolist()])
    return strokes


def in_javascript(strokes, pens):
    """[ink, centred] of each drawing, by the browser's code."""
    flat = [[[value for point in stroke for value in point] for stroke in drawing] for drawing in strokes]
    printed = run_node(f"""
        import {{ ink, centred }} from {json.dumps((STATIC / "digit_geometry.js").as_uri())};
        const drawings = {json.dumps(flat)}, pens = {json.dumps(pens)};
        console.log(JSON.stringify(drawings.map((strokes, place) => {{
          const sheet = ink(strokes, pens[place]);
          return [[...sheet], [...centred(sheet)]];
        }})));
    """)
    return [[np.array(part, dtype=np.int64) for part in pair] for pair in json.loads(printed)]


def test_the_browser_does_as_python_does():
    generator = np.random.default_rng(0)
    drawings = [random_strokes(generator) for _ in range(60)] + [[], [[(0, 0)]], [[(280, 280), (280, 280)]]]
    pens = generator.integers(8, 49, len(drawings)).tolist()
    for drawing, pen, (sheet, picture) in zip(drawings, pens, in_javascript(drawings, pens)):
        expected = ink(drawing, pen)
        # A number that lies on a half may be rounded either way.
        assert np.abs(sheet.reshape(SHEET, SHEET) - expected).max() <= 1
        difference = np.abs(picture.reshape(SIDE, SIDE) - centred(expected).astype(int))
        assert difference.max() <= 1, drawing


def by_pillow(sheet):
    """The 20x20 box: a square from the ink's upper left corner on, brought to size by Pillow's box filter."""
    rows, columns = np.nonzero(sheet)
    top, left = rows.min(), columns.min()
    high, wide = rows.max() + 1 - top, columns.max() + 1 - left
    longest = max(high, wide)
    room = np.pad(sheet, longest).astype(np.float32)
    y, x = top + longest, left + longest
    square = (float(x), float(y), float(x + longest), float(y + longest))
    return np.asarray(Image.fromarray(room).resize((BOX, BOX), Image.Resampling.BOX, box=square))


@pytest.mark.parametrize(
    "length", [20, 40, 80, 140]
)  # where Pillow's box filter takes whole pixels: no rounding
def test_the_box_is_as_pillow_makes_it(length):
    generator = np.random.default_rng(length)
    for width in (length // 2, length // 4 * 2, length):
        sheet = np.zeros((160, 160), np.uint8)
        sheet[7 : 7 + length, 12 : 12 + width] = generator.integers(1, 256, (length, width))
        picture = centred(sheet)
        room = np.pad(picture, BOX)
        rows, columns = np.nonzero(room)
        expected = by_pillow(sheet)
        inked = np.nonzero(expected.round())
        top, left = rows.min() - inked[0].min(), columns.min() - inked[1].min()
        box = room[top : top + BOX, left : left + BOX]
        assert np.abs(box - expected).max() <= 0.51
        assert box.sum() == picture.sum()  # all of it came along


def test_the_form_is_mnist_s():
    """Longest side 20, centre of mass within half a pixel of pixel 14: so it was measured on MNIST's own digits."""
    generator = np.random.default_rng(1)
    for _ in range(60):
        drawing = random_strokes(generator, 2)
        picture = centred(ink(drawing, 24)).astype(float)
        rows, columns = np.nonzero(picture)
        longest = max(np.ptp(rows), np.ptp(columns)) + 1
        # An anti-aliased rim may be too faint for the last row of pixels.
        assert longest in (BOX - 1, BOX)
        for axis in (0, 1):
            centre = (picture.sum(1 - axis) @ np.arange(SIDE)) / picture.sum()
            at_the_edge = (
                rows.max() == SIDE - 1 or rows.min() == 0
                if axis == 0
                else columns.max() == 27 or columns.min() == 0
            )
            assert abs(centre - MIDDLE) <= 0.5 + 1e-9 or at_the_edge  # nothing is cut off to get there


def test_moved_it_is_the_same_picture():
    generator = np.random.default_rng(2)
    for _ in range(20):
        drawing = [[(x // 4 + 20, y // 4 + 20) for x, y in stroke] for stroke in random_strokes(generator)]
        moved = [[(x + 100, y + 60) for x, y in stroke] for stroke in drawing]
        expected = centred(ink(drawing, 12)).astype(int)
        assert np.abs(centred(ink(moved, 12)) - expected).max() <= 1  # a half may be rounded either way


def test_no_ink_is_an_empty_picture_and_a_dot_a_full_one():
    assert centred(ink([], 24)).sum() == 0
    dot = centred(ink([[(70, 200)]], 24))
    rows, columns = np.nonzero(dot)
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (BOX, BOX) and dot[14, 14] == 255


def enlarged(image, times, number):
    """A 28x28 image, each pixel `times` pixels wide, somewhere on the sheet."""
    large = np.kron(image, np.ones((times, times), np.uint8))
    sheet = np.zeros((SHEET, SHEET), np.uint8)
    room = SHEET + 1 - len(large)
    y, x = (37 * number) % room, (53 * number) % room
    sheet[y : y + len(large), x : x + len(large)] = large
    return sheet


def longest_side(image):
    return max(np.ptp(places) + 1 for places in np.nonzero(image))


def test_a_digit_that_is_moved_and_scaled_is_read_as_before():
    """Those of the stand-in's digits that are 20 pixels long, as MNIST's are: not a pixel changes."""
    images = standins.digits()[2]
    fitting = [image[0] for image in images if longest_side(image) == BOX]
    assert len(fitting) > 50
    for number, image in enumerate(fitting):
        for times in (1, 3, 5):
            assert (centred(enlarged(image, times, number)) == image).all()
