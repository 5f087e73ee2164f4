"""DigitPad in a real JupyterLab: drawn by mouse, by finger and by keyboard, its numbers compared with PyTorch's."""

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
from course_utils.widgets import DigitPad

torch.manual_seed(0)
model = nn.Sequential(
    nn.Conv2d(1, 6, 5, padding=2), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2),
    nn.Flatten(), nn.Linear(400, 120), nn.Tanh(), nn.Dropout(0.5), nn.Linear(120, 10),
)
with torch.no_grad():
    model[-1].weight *= 8  # opinions, so that the bars differ
"""
SHOW = "pad = DigitPad(model, mean=0.13, std=0.31)\npad"
# The pixels that the reader sees on the 28x28 canvas, five canvas pixels each.
SEEN = """canvas => {
    const data = canvas.getContext("2d").getImageData(0, 0, 140, 140).data;
    return Array.from({length: 784}, (_, at) => data[4 * ((5 * Math.floor(at / 28) + 2) * 140 + 5 * (at % 28) + 2)]);
}"""
EXPECTED = """
picture = torch.tensor({pixels}, dtype=torch.uint8).view(1, 1, 28, 28)
model.eval()
with torch.no_grad():
    print(json.dumps(model((picture / 255 - 0.13) / 0.31).softmax(1)[0].tolist()))
model.train()
"""
# From the moment a stroke changes to the frame that shows the answer to it, or to a later one.
WATCH = """root => {
    const asked = [];
    window.waits = [];
    new MutationObserver(changes => {
        for (const change of changes) {
            if (change.attributeName === "data-asked") asked.push([Number(root.dataset.asked), performance.now()]);
            else requestAnimationFrame(() => {
                const answered = Number(root.dataset.answered), now = performance.now();
                while (asked.length && asked[0][0] <= answered) window.waits.push(now - asked.shift()[1]);
            });
        }
    }).observe(root, {attributes: true, attributeFilter: ["data-asked", "data-answered"]});
}"""
TOUCH = """(pad, points) => {
    const frame = pad.getBoundingClientRect();
    const send = (name, [x, y]) => pad.dispatchEvent(new PointerEvent(name, {
        pointerId: 7, pointerType: "touch", isPrimary: true, bubbles: true, cancelable: true, button: 0, buttons: 1,
        clientX: frame.left + 1 + x, clientY: frame.top + 1 + y,
    }));
    send("pointerdown", points[0]);
    for (const point of points.slice(1)) send("pointermove", point);
    send("pointerup", points.at(-1));
}"""


def settled(pad):
    """Wait until the newest drawing has its answer."""
    pad.page.wait_for_function(
        "root => root.dataset.asked === root.dataset.answered", arg=pad.element_handle()
    )


def shown(pad):
    return [float(text.split()[0]) / 100 for text in pad.locator(".dp-share").all_inner_texts()]


def agrees(notebook, pad):
    """The shown probabilities are PyTorch's for the picture that is shown, which Python has too."""
    settled(pad)
    pixels = pad.locator(".dp-seen").evaluate(SEEN)
    assert max(pixels) > 200
    expected = json.loads(notebook.python(EXPECTED.format(pixels=pixels)))
    assert shown(pad) == pytest.approx(expected, abs=0.0006)
    assert json.loads(notebook.python("print(pad.picture.flatten().tolist())")) == pixels
    best = max(range(10), key=expected.__getitem__)
    expect(pad.locator(".dp-verdict")).to_have_text(f"It reads {best}")
    return pixels


def drag(page, pad, points):
    box = pad.locator(".dp-pad").bounding_box()
    places = [(box["x"] + 1 + x, box["y"] + 1 + y) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=12)
    page.mouse.up()


def test_drawn_by_mouse_and_by_finger(open_notebook):
    notebook = open_notebook(SCRATCH)
    page = notebook.page
    notebook.show(CODE + SHOW).locator(".dp-pad").wait_for()  # from here on all is warm
    seconds = notebook.seconds_to_show(SHOW, ".dp-pad")
    print(f"the pad is visible {seconds:.2f} s after its cell was started")
    assert seconds < 2
    pad = page.locator(".dp")
    assert shown_text(pad) == ["–"] * 10
    expect(pad.get_by_role("button", name="Clear")).to_be_disabled()

    pad.evaluate(WATCH)
    for turn in range(4):
        drag(page, pad, [(60 + 5 * turn, 60), (210, 60), (120, 230)])
    first = agrees(notebook, pad)
    waits = sorted(page.evaluate("window.waits"))
    p50, p95 = waits[len(waits) // 2], waits[int(0.95 * len(waits))]
    print(
        f"stroke to prediction: {len(waits)} changes, p50 {p50:.0f} ms, p95 {p95:.0f} ms, max {waits[-1]:.0f} ms"
    )
    assert len(waits) > 60 and p95 < 1000  # 200 on a computer that has nothing else to do
    assert len(json.loads(notebook.python("print(json.dumps(pad.strokes))"))) == 4
    assert notebook.python("print(model.training, [m.training for m in model].count(False))").split() == [
        "True",
        "0",
    ]
    expect(pad.locator(".dp-maps canvas")).to_have_count(2)
    expect(pad.locator(".dp-maps")).to_contain_text("0: 6 maps of 28×28")
    expect(pad.locator(".dp-maps")).to_contain_text("3: 16 maps of 10×10")

    pad.locator(".dp-pad").evaluate(TOUCH, [[40, 140], [90, 150], [180, 130]])
    second = agrees(notebook, pad)
    assert second != first
    pad.get_by_role("button", name="Undo stroke").click()
    assert agrees(notebook, pad) == first
    pen = pad.get_by_role("slider", name="pen")
    pen.fill("40")
    assert agrees(notebook, pad) != first
    page.wait_for_timeout(300)
    assert notebook.python("print(pad.pen)").strip() == "40"
    pad.get_by_role("button", name="Clear").click()
    assert shown_text(pad) == ["–"] * 10
    assert notebook.console == []


def shown_text(pad):
    return pad.locator(".dp-share").all_inner_texts()


def test_drawn_by_keyboard_and_still_there_after_a_reload(open_notebook):
    notebook = open_notebook(SCRATCH)
    page = notebook.page
    two = "pad = DigitPad(model, mean=0.13, std=0.31)\nother = DigitPad(model, mean=0.13, std=0.31)\n"
    out = notebook.show(CODE + two + "display(pad, other)")
    expect(out.locator(".dp")).to_have_count(2)
    pad, other = out.locator(".dp").nth(0), out.locator(".dp").nth(1)
    canvas = pad.locator(".dp-pad")
    canvas.focus()
    for key, times in ((" ", 1), ("ArrowRight", 6), ("ArrowDown", 9), (" ", 1), ("ArrowUp", 4), (" ", 1)):
        for _ in range(times):
            page.keyboard.press(key)
    page.keyboard.press("Shift+ArrowLeft")
    page.keyboard.press(" ")
    strokes = [[140, 140, *sum(([140 + 10 * i, 140] for i in range(1, 7)), [])]]
    strokes[0] += sum(([200, 140 + 10 * i] for i in range(1, 10)), [])
    strokes.append([200, 190, 198, 190])
    first = agrees(notebook, pad)
    page.wait_for_timeout(300)
    assert json.loads(notebook.python("print(json.dumps(pad.strokes))")) == strokes
    assert page.locator(".jp-Notebook .jp-Cell").count() == 1  # JupyterLab took none of the keys for itself
    expect(pad.locator(".cbh-hidden")).to_have_text(re.compile("It reads"))
    assert shown_text(other) == ["–"] * 10 and notebook.python("print(other.strokes)").strip() == "[]"

    for dark in (True, False):
        notebook.theme(dark)
        assert notebook.serious_faults(".dp") == []

    page.keyboard.press("Backspace")
    assert agrees(notebook, pad) != first
    page.wait_for_timeout(300)
    notebook.reload()
    pad = page.locator(".jp-Notebook .jp-Cell .dp").first
    pad.locator(".dp-pad").wait_for()
    settled(pad)
    agrees(notebook, pad)
    assert json.loads(notebook.python("print(json.dumps(pad.strokes))")) == strokes[:1]
    assert notebook.console == []


def test_a_model_that_does_not_fit_is_named_in_the_widget(open_notebook):
    notebook = open_notebook(SCRATCH)
    code = "bad = nn.Sequential(nn.Conv2d(1, 6, 5), nn.Flatten(), nn.Linear(400, 10))\n"
    pad = notebook.show(
        CODE + code + "DigitPad(bad, mean=0.1, std=0.3, strokes=[[(60, 60), (200, 220)]])"
    ).locator(".dp")
    expect(pad.locator(".dp-fault")).to_contain_text("6·24·24 = 3,456: nn.Linear(3456, 10)")
    drag(notebook.page, pad, [(60, 60), (200, 60)])  # the drawing goes on
    settled(pad)
    notebook.python("bad[2] = nn.Linear(3456, 10)")
    drag(notebook.page, pad, [(60, 100), (200, 100)])
    expect(pad.locator(".dp-verdict")).to_contain_text("It reads")
    expect(pad.locator(".dp-fault")).to_have_count(0)
    assert notebook.serious_faults(".dp") == []
    assert notebook.console == []
