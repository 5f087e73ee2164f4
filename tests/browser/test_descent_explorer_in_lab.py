"""The explorer in a real JupyterLab, by mouse and by keyboard: its numbers are those of torch.optim."""

import json
import re
import time

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SCRATCH

pytestmark = pytest.mark.browser

IMPORT = "from course_utils.widgets import DescentExplorer\n"
# An own loop, beside the widget's: the last point and loss by torch.optim.
OWN = """
import json, torch
def last_point(make, loss, start, steps):
    point = torch.tensor(start, dtype=torch.float64, requires_grad=True)
    optimizer = make([point])
    for _ in range(steps):
        optimizer.zero_grad()
        loss(*point).backward()
        optimizer.step()
    return [loss(*point).item(), *point.tolist()]
long_bowl = lambda x, y: (x ** 2 + 9 * y ** 2) / 2
valley = lambda x, y: ((1 - x) ** 2 + 5 * (y - x ** 2) ** 2) / 2
"""


def shown(explorer) -> list[float]:
    """Loss, x and y as the explorer says them."""
    text = explorer.locator(".cbh-descent-said").inner_text().replace("−", "-")
    return [float(n) for n in re.match(r"Loss (\S+) at x = (\S+), y = (\S+)\.( |$)", text).groups()[:3]]


def by_torch(notebook, make, loss, start, steps) -> list[float]:
    code = f"print(json.dumps(last_point(lambda p: torch.optim.{make}, {loss}, {start}, {steps})))"
    return json.loads(notebook.python(code))


def wait_for_agreement(explorer):
    expect(explorer.locator(".cbh-badge")).to_contain_text("PyTorch agrees", timeout=30_000)
    assert explorer.locator(".cbh-badge").get_attribute("data-state") == "agree"


def start_of(notebook) -> tuple[float, float]:
    return tuple(json.loads(notebook.python("print(json.dumps([d.x, d.y]))")))


def test_operated_by_mouse(open_notebook):
    notebook = open_notebook(SCRATCH)
    out = notebook.show(IMPORT + OWN + "DescentExplorer()")
    wait_for_agreement(out.locator(".cbh"))  # from here on all is warm
    begin = time.perf_counter()
    explorer = notebook.show("d = DescentExplorer(rate=0.2)\nd").locator(".cbh")
    explorer.locator(".cbh-descent-path").first.wait_for()
    seconds = time.perf_counter() - begin
    print(f"the explorer is visible {seconds:.2f} s after its cell was started")
    assert seconds < 2
    wait_for_agreement(explorer)
    expected = by_torch(notebook, "SGD(p, lr=0.2)", "long_bowl", [-4.0, 1.0], 25)
    assert shown(explorer) == pytest.approx(expected, rel=0.06)  # loss in two digits where it is small

    # Drag the start: the picture is 8 wide and 6 high, from (-5, 3).
    picture = explorer.locator(".cbh-descent-picture svg svg")
    box = picture.bounding_box()
    handle = explorer.get_by_role("button", name="Start at").bounding_box()
    mouse = notebook.page.mouse
    mouse.move(handle["x"] + handle["width"] / 2, handle["y"] + handle["height"] / 2)
    mouse.down()
    mouse.move(box["x"] + box["width"] * 0.9, box["y"] + box["height"] * 0.3, steps=5)
    mouse.move(box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.25, steps=5)
    mouse.up()
    wait_for_agreement(explorer)
    x, y = start_of(notebook)
    assert (x, y) == (pytest.approx(1.0, abs=0.05), pytest.approx(1.5, abs=0.05))
    assert shown(explorer) == pytest.approx(
        by_torch(notebook, "SGD(p, lr=0.2)", "long_bowl", [x, y], 25), rel=0.06
    )

    # Too large a rate: the step at which the path leaves is named, and what is no rate is refused.
    rate = explorer.get_by_label("learning rate", exact=True)
    rate.fill("0.9")
    rate.press("Tab")
    wait_for_agreement(explorer)
    gone = next(k for k in range(99) if y * 7.1**k > 3)
    expect(explorer.locator(".cbh-descent-said")).to_contain_text(f"it leaves the picture at step {gone};")
    rate.fill("-1")
    rate.press("Tab")
    expect(explorer.locator(".cbh-descent-problem")).to_have_text(
        "learning rate is a number from 0.001 to 10: got -1. It stays 0.9."
    )
    expect(rate).to_have_value("0.9")
    assert notebook.serious_faults(".cbh") == []

    # Another surface and rule; then a reload with a live kernel, in the dark.
    explorer.get_by_label("surface", exact=True).select_option("curved valley")
    explorer.get_by_label("rule", exact=True).select_option("Adam")
    rate.fill("0.1")
    rate.press("Tab")
    wait_for_agreement(explorer)
    expected = by_torch(notebook, "Adam(p, lr=0.1)", "valley", [-1.5, 1.0], 25)
    assert shown(explorer) == pytest.approx(expected, rel=0.01)
    notebook.reload()
    notebook.theme(dark=True)
    explorer = notebook.page.locator(".cbh")
    wait_for_agreement(explorer)
    assert shown(explorer) == pytest.approx(expected, rel=0.01)
    expect(explorer.locator(".cbh-descent-code")).to_have_text("torch.optim.Adam([point], lr=0.1)")
    assert notebook.serious_faults(".cbh") == []
    notebook.theme(dark=False)
    assert notebook.console == []


def test_two_explorers_by_keyboard_alone(open_notebook):
    notebook = open_notebook(SCRATCH)
    out = notebook.show(
        IMPORT
        + OWN
        + "from IPython.display import display\nd, e = DescentExplorer(), DescentExplorer()\ndisplay(d, e)"
    )
    first, second = out.locator(".cbh").nth(0), out.locator(".cbh").nth(1)
    wait_for_agreement(second)
    other = second.locator(".cbh-descent-said").inner_text()
    keys = notebook.page.keyboard

    # The start: arrow keys move it by 0.05, with Shift by 0.5, and JupyterLab does not take them.
    first.get_by_role("button", name="Start at").focus()
    for key in ("ArrowRight", "ArrowUp", "ArrowUp", "Shift+ArrowLeft", "Shift+ArrowDown"):
        keys.press(key)
    wait_for_agreement(first)
    assert start_of(notebook) == (-4.45, 0.6)
    expect(first.get_by_role("button", name="Start at x −4.45, y 0.6")).to_be_focused()

    # Tab through the controls: surface, rule, x, y, then the slider of the rate.
    for _ in range(2):
        keys.press("Tab")
    keys.type("mom")  # a native list takes the letters of an entry
    for _ in range(3):
        keys.press("Tab")
    keys.press("ArrowLeft")
    wait_for_agreement(first)
    rate = float(notebook.python("print(d.rate)"))
    assert notebook.python("print(d.rule)").strip() == "momentum" and rate < 0.1
    expected = by_torch(notebook, f"SGD(p, lr={rate}, momentum=0.9)", "long_bowl", [-4.45, 0.6], 25)
    assert shown(first) == pytest.approx(expected, rel=0.06)

    # Play shows the path step by step and ends at the last one.
    play = first.get_by_role("button", name="Play")
    play.focus()
    keys.press("Space")
    expect(first.get_by_role("button", name="Pause")).to_be_focused()
    step, points = notebook.page.evaluate(
        """() => { const one = document.querySelector(".cbh");
        return [Number(one.querySelector("[aria-label='show the path up to step']").value),
                one.querySelector(".cbh-descent-path").getAttribute("points").split(" ").length / 2]; }"""
    )
    assert 0 <= step < 25 and points == step + 1
    expect(first.get_by_role("button", name="Play")).to_be_visible(timeout=30_000)
    assert shown(first) == pytest.approx(expected, rel=0.06)

    # Who asked the system for less movement steps by himself.
    notebook.page.emulate_media(reduced_motion="reduce")
    first.get_by_label("show the path up to step").focus()
    keys.press("Home")
    button = first.get_by_role("button", name="Next step")
    for _ in range(2):
        button.press("Enter")
    notebook.page.wait_for_timeout(700)
    expect(first.get_by_label("show the path up to step")).to_have_value("2")

    assert second.locator(".cbh-descent-said").inner_text() == other
    assert notebook.console == []
