"""The form in a real JupyterLab, by mouse and by keyboard: what it says is what Derivation.check says."""

import json
import time

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import SCRATCH

pytestmark = pytest.mark.browser

CODE = """
import json
from torch import nn
from course_utils import shapes
from course_utils.widgets import ShapeForm

layers = {"conv": nn.Conv2d(3, 8, 3), "pool": nn.MaxPool2d(2), "flat": nn.Flatten(), "fc": nn.Linear(1800, 10)}
model = nn.Sequential()
for name, layer in layers.items():
    model.add_module(name, layer)
"""
RIGHT = {
    "conv": ("8, 30, 30", "224"),
    "pool": ("8x15x15", "0"),
    "flat": ("1,800", "0"),
    "fc": ("10", "18 010"),
}


def mark(form, label):
    """The mark beside a field."""
    return form.get_by_label(label, exact=True).locator("xpath=../*[contains(@class, 'mark')]")


def engine_says(notebook, name, answer):
    """The words of Derivation.check, asked in the kernel beside the form."""
    line = f"shapes.derive(model, (3, 32, 32)).check({{{name!r}: {answer!r}}}).lines[0]"
    return notebook.python(f"print(' '.join({line}.notes))").strip()


def test_operated_by_mouse(open_notebook):
    notebook = open_notebook(SCRATCH)
    notebook.show(CODE + "ShapeForm(model, (3, 32, 32))").locator(".cbh").wait_for()  # from here on all is warm
    start = time.perf_counter()
    out = notebook.show("form = ShapeForm(model, (3, 32, 32))\nform")
    form = out.locator(".cbh")
    form.wait_for()
    seconds = time.perf_counter() - start
    print(f"the form is visible {seconds:.2f} s after its cell was started")
    assert seconds < 2

    # A slip is named in the engine's own words; the line after it is judged from the student's value.
    field = form.get_by_label("output shape of conv", exact=True)
    field.click()
    field.press_sequentially("8, 32, 32")
    expect(mark(form, "output shape of conv")).to_have_text(
        "✗ wrong"
    )  # no Enter: it is checked while it is typed
    said = engine_says(notebook, "conv", (8, 32, 32))
    assert "padding=1" in said
    expect(form.locator(".cbh-form-said").nth(0)).to_have_text(f"output shape: {said}")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(form.locator(".cbh-hidden")).to_contain_text(said)
    form.get_by_label("output shape of pool", exact=True).fill("8, 16, 16")
    expect(mark(form, "output shape of pool")).to_have_text("✓ follows")

    # The hint opens and closes, and shows symbols.
    hint = form.get_by_label("Hint for conv", exact=True)
    hint.click()
    expect(form.locator(".cbh-form-hint").nth(0)).to_contain_text("⌊(H + 2·p − k) / s⌋ + 1")
    expect(hint).to_have_attribute("aria-expanded", "true")
    hint.click()
    expect(form.locator(".cbh-form-hint").nth(0)).to_be_hidden()

    # What cannot be read says what is expected, and stays in the field.
    form.get_by_label("parameters of conv", exact=True).fill("many")
    expect(mark(form, "parameters of conv")).to_have_text("? unclear")
    expect(form.locator(".cbh-form-said").nth(0)).to_contain_text(
        "“many” is not read as a number. Write a whole number"
    )
    expect(form.get_by_label("parameters of conv", exact=True)).to_have_value("many")
    assert notebook.serious_faults(".cbh") == []

    # A reload of the page with a live kernel brings all of it back.
    notebook.reload()
    form = notebook.page.locator(".cbh")
    expect(form.get_by_label("output shape of conv", exact=True)).to_have_value("8, 32, 32")
    expect(form.locator(".cbh-form-said").nth(0)).to_contain_text(said)
    expect(mark(form, "output shape of pool")).to_have_text("✓ follows")

    # And it goes on: dark, with every line right.
    notebook.theme(dark=True)
    for name, answers in RIGHT.items():
        for what, text in zip(("output shape", "parameters"), answers, strict=True):
            form.get_by_label(f"{what} of {name}", exact=True).fill(text)
            expect(mark(form, f"{what} of {name}")).to_have_text("✓ right")
    expect(form.locator(".cbh-form-progress")).to_have_text("✓ All 8 answers are right.")
    assert notebook.serious_faults(".cbh") == []
    typed = json.loads(notebook.python("print(json.dumps(form.answers))"))
    assert typed == [
        {"conv": [8, 30, 30], "pool": [8, 15, 15], "flat": [1800], "fc": [10]},
        {"conv": 224, "pool": 0, "flat": 0, "fc": 18010},
    ]
    assert notebook.python("print(form.checked.correct)").strip() == "True"
    notebook.theme(dark=False)
    assert notebook.console == []


def test_two_forms_by_keyboard_alone(open_notebook):
    notebook = open_notebook(SCRATCH)
    show = "from IPython.display import display\na, b = (ShapeForm(model, (3, 32, 32)) for _ in 'ab')\ndisplay(a, b)"
    out = notebook.show(CODE + show)
    first, second = out.locator(".cbh").nth(0), out.locator(".cbh").nth(1)
    first.get_by_label("output shape of conv", exact=True).focus()
    keys = notebook.page.keyboard
    for answers in RIGHT.values():
        for text in answers:
            keys.type(text)  # "1", "d" or "x" are JupyterLab's own commands outside a field
            keys.press("Tab")
        keys.press("Enter")  # the hint
        keys.press("Tab")
    expect(first.locator(".cbh-form-progress")).to_have_text("✓ All 8 answers are right.")
    assert first.locator(".cbh-form-hint:visible").count() == 4
    expect(second.locator(".cbh-form-progress")).to_have_text("0 of 8 right")
    expect(second.get_by_label("output shape of conv", exact=True)).to_be_focused()
    keys.type("8, 30")
    keys.press("Enter")
    expect(mark(second, "output shape of conv")).to_have_text("✗ wrong")
    assert (
        notebook.python("print(a.answers.shapes['conv'], b.answers.shapes['conv'])").split("\n")[0]
        == "(8, 30, 30) (8, 30)"
    )
    assert len(notebook.cells()) == 1 and notebook.cells()[0]["cell_type"] == "code"

    # The same form twice on a page: both show what is typed in one of them.
    notebook.show(CODE + "form = ShapeForm(model, (3, 32, 32))\ndisplay(form, form)")
    left, right = out.locator(".cbh").nth(0), out.locator(".cbh").nth(1)
    left.get_by_label("parameters of fc", exact=True).fill("18,000")
    expect(right.get_by_label("parameters of fc", exact=True)).to_have_value("18,000")
    expect(mark(right, "parameters of fc")).to_have_text("✗ wrong")

    assert notebook.console == []

    # With the kernel gone, the form says so.
    notebook.page.evaluate("() => window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    left.get_by_label("parameters of fc", exact=True).fill("18,010")
    expect(left.locator(".cbh-form-status")).to_contain_text("Python does not answer", timeout=15_000)
