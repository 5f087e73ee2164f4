"""FeatureMaps in a real JupyterLab: chosen and moved over by mouse and by keyboard, compared with PyTorch."""

import json
import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SCRATCH

pytestmark = pytest.mark.browser

CODE = """
import json
import torch
from torch import nn
from course_utils.widgets import FeatureMaps

torch.manual_seed(0)
model = nn.Sequential(
    nn.Conv2d(3, 70, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(70, 6, 5, stride=2), nn.Flatten(),
    nn.Linear(216, 10),
)
images = torch.randint(0, 256, (9, 3, 32, 32), dtype=torch.uint8)
"""
SHOW = "maps = FeatureMaps(model, images, labels=[2] * 9, classes=('ant', 'bee', 'cat'))\nmaps"
VALUE = """
with torch.no_grad():
    values = model[:{layers}](images[{image}][None] / 255)[0, {map}]
print(values[{row}, {column}].item(), (values.max() - values.min()).item() / 255)
"""
GRADIENT = """
x = (images[{image}][None] / 255).requires_grad_()
positive = nn.Sequential(*[nn.Conv2d(3, 2, 3, padding=1), nn.AvgPool2d(2), nn.Conv2d(2, 2, 5, stride=2)])
for parameter in positive.parameters():
    nn.init.ones_(parameter)
positive(x)[0, 0, {row}, {column}].backward()
rows, columns = x.grad[0, 0].nonzero(as_tuple=True)
print(rows.min().item(), rows.max().item(), columns.min().item(), columns.max().item())
"""
READING = r"map (\d+), row (\d+), column (\d+): about ([−\d.e]+)\. It sees rows (\d+) to (\d+), columns (\d+) to (\d+)"


def reading(widget):
    """The numbers in the line under the image."""
    found = re.search(READING, widget.locator(".fm-reading").inner_text())
    texts = [text.replace("−", "-") for text in found.groups()]
    return [*map(int, texts[:3]), float(texts[3]), *map(int, texts[4:])]


def agrees(notebook, widget, layers, image):
    """The value read under the image is PyTorch's, to the byte's precision and three digits."""
    *spot, value, _, _, _, _ = reading(widget)
    names = dict(zip(("map", "row", "column"), spot))
    exact, step = map(float, notebook.python(VALUE.format(layers=layers, image=image, **names)).split())
    assert value == pytest.approx(exact, abs=step / 2 + 0.006 * abs(exact) + 1e-6)
    return spot


def test_operated_by_mouse_and_by_keyboard(open_notebook):
    notebook = open_notebook(SCRATCH)
    page = notebook.page
    notebook.show(CODE + SHOW).locator(".fm-maps").wait_for()  # from here on all is warm
    seconds = notebook.seconds_to_show(SHOW, ".fm-maps")
    print(f"the maps are visible {seconds:.2f} s after their cell was started")
    assert seconds < 2
    widget = page.locator(".fm")
    expect(widget).to_contain_text("0 (Conv2d): 70 maps of 32×32, of which 64 are shown")
    expect(widget).to_contain_text("image 0: cat")

    # The mouse over a cell: map 10, row 4, column 7. The sheet has 8 maps in a row, each cell 1 pixel or more.
    grid = widget.locator(".fm-maps")
    size = grid.bounding_box()
    cell = (size["width"] - 3) / 8 - 3
    x, y = 3 + 2 * (cell + 3) + 7.5 * cell / 32, 3 + (cell + 3) + 4.5 * cell / 32
    grid.hover(position={"x": x, "y": y})
    assert agrees(notebook, widget, layers=1, image=0) == [10, 4, 7]
    assert reading(widget)[4:] == [3, 5, 6, 8]

    # Another layer and another image, by mouse and by keyboard.
    widget.get_by_label("layer").select_option("3")
    expect(widget).to_contain_text("3 (Conv2d): 6 maps of 6×6")
    expect(widget).to_contain_text("kernel of map 5: 70 slices of 5×5, the first 64 are shown")
    number = widget.get_by_label("image", exact=False).first
    number.fill("4")
    expect(widget).to_contain_text("image 4: cat")
    grid.focus()
    for key in (
        ("PageUp",) * 9
        + ("ArrowUp",) * 9
        + ("ArrowLeft",) * 9
        + ("PageDown", "ArrowDown", "ArrowRight", "ArrowRight")
    ):
        page.keyboard.press(key)
    assert agrees(notebook, widget, layers=4, image=4) == [1, 1, 2]
    seen = notebook.python(GRADIENT.format(image=4, row=1, column=2))
    assert reading(widget)[4:] == list(map(int, seen.split()))
    page.keyboard.press("ArrowUp")
    seen = notebook.python(GRADIENT.format(image=4, row=0, column=2))
    assert reading(widget)[4:] == list(map(int, seen.split()))
    expect(widget.locator(".fm-reading")).to_contain_text("Receptive field: 12×12; the rest is padding.")
    expect(widget.locator(".cbh-hidden")).to_contain_text("map 1, row 0, column 2")

    # One scale for all maps, in grey; a number that is no image.
    before = grid.evaluate("canvas => canvas.toDataURL()")
    widget.get_by_label("scale").select_option("shared")
    expect(widget).to_contain_text("All maps: dark is")
    widget.get_by_label("colours").select_option("grey")
    assert grid.evaluate("canvas => canvas.toDataURL()") != before
    number.fill("9")
    expect(widget.locator(".fm-fault")).to_have_text("The image is a whole number from 0 to 8: 9 is not.")
    assert notebook.python("print(maps.image, maps.layer, maps.scale, maps.colours)").split() == [
        "4",
        "3",
        "shared",
        "grey",
    ]

    for dark in (True, False):
        notebook.theme(dark)
        assert notebook.serious_faults(".fm") == []
    notebook.reload()
    widget = page.locator(".jp-Notebook .jp-Cell .fm").first
    widget.locator(".fm-maps").wait_for()
    expect(widget).to_contain_text("image 4: cat")
    assert agrees(notebook, widget, layers=4, image=4) == [1, 0, 2]
    assert notebook.console == []


def test_two_on_a_page_and_a_model_that_breaks(open_notebook):
    notebook = open_notebook(SCRATCH)
    code = "one, two = FeatureMaps(model, images, layer='2'), FeatureMaps(model, images, layer='2')\ndisplay(one, two)"
    out = notebook.show(CODE + code)
    first, second = out.locator(".fm").nth(0), out.locator(".fm").nth(1)
    first.get_by_label("layer").select_option("1")
    expect(first).to_contain_text("1 (ReLU): 70 maps of 32×32")
    expect(second).to_contain_text("2 (MaxPool2d): 70 maps of 16×16")
    notebook.python("model[3] = nn.Conv2d(7, 6, 5)")
    second.get_by_label("layer").select_option("3")
    expect(second.locator(".fm-fault")).to_contain_text("7")
    expect(second).to_contain_text("2 (MaxPool2d): 70 maps of 16×16")  # what was there stays
    assert json.loads(notebook.python("print(json.dumps(one.fault))")) == ""
    assert notebook.console == []
