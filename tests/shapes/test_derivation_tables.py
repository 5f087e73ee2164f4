"""What a derivation looks like, as text and as HTML."""

import re
from html.parser import HTMLParser

import pytest
import torch
import torchvision
from shape_models import LessonNet, net
from torch import nn

from course_utils import shapes


class Small(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.fc = nn.Linear(98, 1000)
        self.spare = nn.Linear(2, 2)

    def forward(self, x):
        return self.fc(torch.relu(self.conv(x)).flatten(1))


@pytest.fixture(scope="module")
def small():
    return shapes.derive(Small(), (1, 9, 9))


def test_as_text(small):
    assert repr(small) == str(small)
    assert repr(small) == "\n".join(
        [
            "step     layer    output  how                                      parameters  multiply-adds  sees",
            "───────  ───────  ──────  ───────────────────────────  ──────────────────────  ─────────────  ────",
            "input             1×9×9",
            "conv     Conv2d   2×7×7   ⌊(9 + 2·0 − 3) / 1⌋ + 1 = 7      2·(1·3·3 + 1) = 20            882   3×3",
            "relu     relu     2×7×7   same shape                                        0              0   3×3",
            "flatten  flatten  98      2·7·7 = 98                                        0              0   3×3",
            "fc       Linear   1000    98 → 1000                    1000·(98 + 1) = 99,000         98,000   9×9",
            "spare                     not used in this pass                             6",
            "───────  ───────  ──────  ───────────────────────────  ──────────────────────  ─────────────  ────",
            "total                                                                  99,026         98,882",
        ]
    )


def test_one_step_as_text(small):
    assert repr(small["conv"]) == "\n".join(
        [
            "conv: nn.Conv2d(1, 2, kernel_size=3), 1×9×9 → 2×7×7",
            "  ⌊(H + 2·p − k) / s⌋ + 1",
            "  ⌊(9 + 2·0 − 3) / 1⌋ + 1 = 7",
            "  parameters: 2·(1·3·3 + 1) = 20",
            "  multiply-adds: 882",
            "  sees 3×3 pixels of the input",
        ]
    )
    assert repr(small["relu"]) == "relu: relu, 2×7×7 → 2×7×7\n  sees 3×3 pixels of the input"


class Cells(HTMLParser):
    """The cells of a table, row by row, with their attributes."""

    def __init__(self, text):
        super().__init__()
        self.rows, self.open = [], []
        self.feed(text)
        self.close()
        assert not self.open, "every tag is closed"

    def handle_starttag(self, tag, attributes):
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append(["", dict(attributes)])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1] in ("td", "th"):
            self.rows[-1][-1][0] += data


def test_html_has_the_cells_of_the_text_table(small):
    cells = Cells(small._repr_html_()).rows
    lines = [line for line in repr(small).split("\n") if not line.startswith("─")]
    assert len(cells) == len(lines)
    for row, line in zip(cells, lines, strict=True):
        assert [text for text, _ in row if text] == [part for part in re.split(r"  +", line) if part]


def test_html_sets_numbers_flush_right_and_shows_the_formula_as_a_tooltip(small):
    header, _, conv, *_ = Cells(small._repr_html_()).rows
    sides = ["right" if "text-align:right" in attributes["style"] else "left" for _, attributes in header]
    assert sides == ["left"] * 4 + ["right"] * 3
    assert conv[3][1]["title"] == "⌊(H + 2·p − k) / s⌋ + 1"


def test_html_takes_its_colours_from_the_theme(small):
    for page in (small._repr_html_(), small.check({"conv": (2, 9, 9)})._repr_html_()):
        colors = re.findall(r"[^-]color\d?:([^;\"]+)", page)
        assert colors
        assert all(color.startswith("var(--jp-") for color in colors)


def test_html_is_the_same_each_time_and_escapes_what_it_shows():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.add_module("a<b>&", nn.Conv2d(3, 4, 3))

        def forward(self, x):
            return self._modules["a<b>&"](x)

    page = shapes.derive(Odd(), (3, 8, 8))._repr_html_()
    assert page == shapes.derive(Odd(), (3, 8, 8))._repr_html_()
    assert "a&lt;b&gt;&amp;" in page
    assert "<b>" not in page


def test_a_judged_derivation_as_text_and_html(small):
    checked = small.check({"conv": (2, 9, 9), "flatten": (162,), "fc": (1000,)}, {"conv": 20})
    assert repr(checked) == "\n".join(
        [
            "The first wrong line is the shape of conv. (2, 9, 9) is what padding=1 gives; this layer has padding=0.",
            "   step     what        yours  verdict",
            "─  ───────  ──────────  ─────  " + "─" * 67,
            "✗  conv     shape       2×9×9  wrong: (2, 9, 9) is what padding=1 gives; this layer has padding=0.",
            "✓  flatten  shape       162    right, from your value above",
            "✓  fc       shape       1000   right",
            "✓  conv     parameters  20     right",
        ]
    )
    page = checked._repr_html_()
    assert "<strong>The first wrong line is the shape of conv." in page
    assert [[text for text, _ in row] for row in Cells(page).rows][2] == [
        "✓",
        "flatten",
        "shape",
        "162",
        "right, from your value above",
    ]


def test_the_tables_stay_narrow_and_small():
    text = repr(shapes.derive(LessonNet(), (3, 32, 32)))
    assert max(map(len, text.split("\n"))) <= 115
    with torch.device("meta"):
        resnet = shapes.derive(torchvision.models.resnet18(), (3, 224, 224))
    assert len(resnet._repr_html_()) < 40_000


def test_a_branching_step_shows_all_its_inputs():
    model = net(lambda s, x: torch.cat([x, x * 2], 1))
    assert repr(shapes.derive(model, (3, 8, 8))["cat"]).startswith("cat: cat, 3×8×8, 3×8×8 → 6×8×8\n")
