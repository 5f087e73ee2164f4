"""The grids in a real JupyterLab, by mouse and by keyboard: the numbers on the page are PyTorch's."""

import json
import time

import pytest
import torch
from playwright.sync_api import expect
from torch import nn

from course_utils.widgets import ConvExplorer
from tests.browser.conftest import SCRATCH

pytestmark = pytest.mark.browser

CODE = "from course_utils.widgets import ConvExplorer\n"
# What a grid shows: its numbers, row by row, and the cells of each kind, counted from the first that is drawn.
READ = """svg => {
    const kinds = {};
    for (const rect of svg.querySelectorAll("rect")) for (const kind of rect.classList) {
        const [x, y, size] = ["x", "y", "width"].map((name) => Number(rect.getAttribute(name)));
        (kinds[kind] ??= []).push([Math.round((y - 1) / size), Math.round((x - 1) / size)]);
    }
    const numbers = [...svg.querySelectorAll("text:not(.note)")].map((text) => text.textContent.replace("−", "-"));
    return {numbers, kinds};
}"""
SIDE = 38  # pixels of a cell in a small grid


def grid(widget, name):
    return widget.locator(f"[data-grid={name}]")


def read(widget, name):
    return grid(widget, name).evaluate(READ)


def cells(widget, name, kind):
    return sorted(map(tuple, read(widget, name)["kinds"].get(kind, [])))


def over(row, column):
    """The middle of a cell, for hover() and click()."""
    return {"x": column * SIDE + SIDE / 2, "y": row * SIDE + SIDE / 2}


def agreed(widget):
    expect(widget.locator(".cbh-badge")).to_have_text("✓ PyTorch agrees")


def layer_of(widget):
    return eval(widget.get_by_label("layer in PyTorch").input_value(), {"nn": nn})


def assert_shown(notebook, widget):
    """The output on the page is what the line on the page gives for the numbers in the kernel."""
    agreed(widget)
    state = json.loads(notebook.python("import json; print(json.dumps(explorer.state))"))
    (h, w), (kh, kw) = state["size"], state["kernel_size"]
    layer = layer_of(widget)
    if hasattr(layer, "weight"):
        layer.weight.data = torch.tensor(state["weight"], dtype=torch.float32)[None, None, :kh, :kw]
    with torch.no_grad():
        result = layer(torch.tensor(state["image"], dtype=torch.float32)[None, None, :h, :w])[0, 0]
    numbers = [float(number) for number in read(widget, "output")["numbers"]]
    assert numbers == pytest.approx(result.flatten().tolist(), rel=0.01)  # shown with three digits
    return result


def show(notebook, arguments):
    out = notebook.show(f"{CODE}explorer = ConvExplorer({arguments})\nexplorer")
    widget = out.locator(".cbh")
    agreed(widget)
    return widget


def test_by_mouse(open_notebook):
    notebook = open_notebook(SCRATCH)
    show(notebook, "")  # from here on all is warm
    start = time.perf_counter()
    widget = show(notebook, "input_size=6, stride=2, padding=1")
    seconds = time.perf_counter() - start
    print(f"visible and agreed with PyTorch {seconds:.2f} s after the cell was started")
    assert seconds < 2
    assert assert_shown(notebook, widget).shape == (3, 3)
    # ⌊5 / 2⌋: the last row and column of the padded input are in no window.
    edge = sorted({(7, i) for i in range(8)} | {(i, 7) for i in range(8)})
    assert cells(widget, "input", "discarded") == edge

    # An output cell and the inputs it is made from; an input cell and all outputs that it goes into.
    grid(widget, "output").hover(position=over(1, 2))
    assert cells(widget, "output", "now") == [(1, 2)]
    lit = [(r, c) for r in (2, 3, 4) for c in (4, 5, 6)]
    assert cells(widget, "input", "lit") == lit
    grid(widget, "input").hover(position=over(2, 2))
    assert cells(widget, "input", "now") == [(2, 2)]
    assert cells(widget, "output", "lit") == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert "output[1, 1]" in widget.get_by_role("status").nth(1).inner_text()

    # Drag the window over the input; step on from there.
    box = grid(widget, "input").bounding_box()
    notebook.page.mouse.move(box["x"] + 1.5 * SIDE, box["y"] + 1.5 * SIDE)
    notebook.page.mouse.down()
    notebook.page.mouse.move(box["x"] + 5.5 * SIDE, box["y"] + 3.5 * SIDE, steps=4)
    notebook.page.mouse.up()
    notebook.page.mouse.move(0, 0)
    assert cells(widget, "output", "now") == [(1, 2)]
    widget.get_by_role("button", name="Step").click()
    assert cells(widget, "output", "now") == [(2, 0)]
    widget.get_by_role("button", name="Back").click()
    assert cells(widget, "output", "now") == [(1, 2)]

    # Change a number of the input, and a weight.
    for name, cell in (("input", (3, 5)), ("kernel", (0, 0))):
        grid(widget, name).dblclick(position=over(*cell))
        notebook.page.keyboard.type("7.5")
        notebook.page.keyboard.press("Enter")
    assert_shown(notebook, widget)
    assert (
        notebook.python("print(explorer.state['image'][2][4], explorer.state['weight'][0][0])") == "7.5 7.5\n"
    )
    grid(widget, "input").dblclick(position=over(3, 5))
    notebook.page.keyboard.type("many")
    notebook.page.keyboard.press("Enter")
    expect(widget.get_by_role("alert")).to_have_text(
        'a number from −999 to 999 is needed: got "many"; the cell keeps 7.5'
    )
    assert_shown(notebook, widget)

    # Every layer; height and width on their own; settings that do not fit.
    for op in ("max_pool2d", "avg_pool2d", "conv_transpose2d", "conv2d"):
        widget.get_by_role("combobox", name="layer").select_option(op)
        assert_shown(notebook, widget)
    widget.get_by_label("height = width").uncheck()
    widget.get_by_label("stride width").fill("3")
    assert assert_shown(notebook, widget).shape == (3, 2)
    widget.get_by_label("padding height", exact=True).fill("0")
    widget.get_by_label("kernel_size height").fill("7")
    expect(widget.get_by_role("alert")).to_contain_text("larger than the padded input, which is 6 + 2·0 = 6")
    expect(widget.locator(".cbh-badge")).to_have_text("PyTorch not asked")
    widget.get_by_label("kernel_size height").fill("6")
    assert assert_shown(notebook, widget).shape == (1, 2)

    # The other way round, and the line to copy.
    offers = widget.get_by_label("settings for it")
    offers.select_option("kernel_size 4, stride 2, padding 1, dilation 1")
    agreed(widget)
    line = "nn.Conv2d(1, 1, kernel_size=4, stride=2, padding=1, bias=False)"
    expect(widget.get_by_label("layer in PyTorch")).to_have_value(line)
    with torch.no_grad():
        assert layer_of(widget)(torch.zeros(1, 1, 32, 32)).shape == (1, 1, 16, 16)
    expect(widget).to_contain_text("(32 + 2·1 − 1·(4 − 1) − 1) / 2")
    notebook.page.context.grant_permissions(["clipboard-read"])
    widget.get_by_role("button", name="Copy").click()
    assert notebook.page.evaluate("navigator.clipboard.readText()") == line
    widget.get_by_label("cells to").fill("100")
    expect(offers.locator("option")).to_have_text(["no settings"])

    for dark in (True, False):
        notebook.theme(dark)
        assert notebook.serious_faults(".cbh") == []
    assert notebook.console == []


def test_by_keyboard_and_after_a_reload(open_notebook):
    notebook = open_notebook(SCRATCH)
    widget = show(notebook, "padding=1")
    press = notebook.page.keyboard.press

    def on(locator, *keys):
        locator.focus()
        for key in keys:
            press(key)

    on(widget.get_by_label("stride height"), "ArrowRight")
    assert assert_shown(notebook, widget).shape == (3, 3)
    on(grid(widget, "output"), "ArrowRight", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowLeft", "ArrowRight")
    assert cells(widget, "output", "now") == [(2, 1)]
    press("Tab")
    press("Space")  # Back
    assert cells(widget, "output", "now") == [(2, 0)]

    # The cursor on the input lights what the cell goes into; typing changes the number; Escape leaves it.
    grid(widget, "output").focus()
    press("Shift+Tab")
    press("Shift+Tab")
    press("ArrowDown")
    press("ArrowRight")
    assert cells(widget, "input", "now") == [(2, 2)]
    assert cells(widget, "output", "lit") == [(0, 0), (0, 1), (1, 0), (1, 1)]
    for key in ("-", "3", "Enter", "ArrowLeft", "8", "Escape"):
        press(key)
    assert_shown(notebook, widget)
    assert notebook.python("print(explorer.state['image'][1][:2])") == "[0, -3]\n"
    assert (
        notebook.python("print(ConvExplorer().state['image'][1][1])") == "2.0\n"
    )  # other explorers keep theirs
    expect(grid(widget, "input")).to_be_focused()

    # A reload of the page with a live kernel brings all of it back, PyTorch's word included.
    widget.get_by_role("button", name="Step").focus()  # the cursor on the input is not part of it
    before = read(widget, "input"), read(widget, "output")
    notebook.reload()
    widget = notebook.page.locator(".cbh")
    agreed(widget)
    assert (read(widget, "input"), read(widget, "output")) == before
    on(widget.get_by_label("dilation height"), "ArrowRight")
    assert assert_shown(notebook, widget).shape == (2, 2)
    assert notebook.console == []


def test_the_two_views_of_a_transposed_convolution_are_linked(open_notebook):
    notebook = open_notebook(SCRATCH)
    widget = show(notebook, '"conv_transpose2d", 3, 3, stride=2, padding=1, output_padding=1')
    result = assert_shown(notebook, widget)
    assert result.shape == (6, 6)
    assert cells(widget, "canvas", "cut") == sorted({(0, i) for i in range(7)} | {(i, 0) for i in range(7)})

    grid(widget, "canvas").hover(position=over(2, 2))  # output[1, 1]: four stamps overlap here
    assert cells(widget, "output", "now") == [(1, 1)]
    assert cells(widget, "input", "lit") == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert cells(widget, "stretched", "lit") == [(r, c) for r in (1, 2, 3) for c in (1, 2, 3)]
    grid(widget, "input").hover(position=over(1, 1))  # its stamp, on both views
    assert cells(widget, "canvas", "lit") == [(r, c) for r in (2, 3, 4) for c in (2, 3, 4)]
    assert cells(widget, "output", "lit") == [(r, c) for r in (1, 2, 3) for c in (1, 2, 3)]
    assert cells(widget, "stretched", "now") == [(3, 3)]
    grid(widget, "stretched").hover(position=over(3, 5))  # input[1, 2] between the zeros
    assert cells(widget, "input", "now") == [(1, 2)]
    stretched = grid(widget, "stretched").bounding_box()
    notebook.page.mouse.down()
    notebook.page.mouse.move(stretched["x"] + 4.5 * SIDE, stretched["y"] + 2.5 * SIDE, steps=3)
    notebook.page.mouse.up()
    notebook.page.mouse.move(0, 0)
    assert cells(widget, "output", "now") == [(1, 3)]
    assert cells(widget, "canvas", "now") == [(2, 4)]
    widget.get_by_label("settings for it").select_option(index=2)
    agreed(widget)
    with torch.no_grad():
        assert layer_of(widget)(torch.zeros(1, 1, 16, 16)).shape == (1, 1, 32, 32)
    assert notebook.serious_faults(".cbh") == []
    assert notebook.console == []


def test_two_on_a_page_and_an_answer_that_differs(open_notebook):
    notebook = open_notebook(SCRATCH)
    code = 'one, two = ConvExplorer(), ConvExplorer("avg_pool2d", 4, 2)\ndisplay(one, two, two)'
    widgets = notebook.show(CODE + code).locator(".cbh")
    expect(widgets).to_have_count(3)
    one, two, again = widgets.nth(0), widgets.nth(1), widgets.nth(2)
    agreed(two)
    two.get_by_label("input height").fill("6")
    for view in (two, again):
        agreed(view)
        assert len(read(view, "output")["numbers"]) == 9
    assert len(read(one, "output")["numbers"]) == 9 and len(read(one, "input")["numbers"]) == 25
    agreed(one)

    expected = ConvExplorer().answer["output"]
    notebook.python("one.answer = one.answer | {'output': [[7, 0, -6], [2, -9, -5], [-6, -6, 2]]}")
    expect(one.locator(".cbh-badge")).to_have_text("✗ PyTorch: 9 numbers, number 8 is 2")
    notebook.python(f"one.answer = one.answer | {{'output': {expected}}}")
    agreed(one)
    notebook.python("one.state = one.state | {'op': 'max_pool2d', 'padding': [1, 1], 'id': 50}")
    agreed(one)
    assert layer_of(one).padding == 1
    # Nothing that goes wrong in the kernel is lost.
    notebook.python("import course_utils.widgets.conv_explorer as module\ndel module.F")
    one.get_by_label("stride height").fill("3")
    expect(one.locator(".cbh-badge")).to_contain_text("✗ PyTorch: NameError")
    assert notebook.console == []
