import json
import math
import random

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_utils.widgets import ConvExplorer
from course_utils.widgets.base import STATIC
from course_utils.widgets.conv_explorer import LARGEST, LIMITS, OPS, compute
from tests.widgets.node import run_node

GEOMETRY = (STATIC / "conv_geometry.js").as_uri()
PAIRS = ("size", "kernel_size", "stride", "padding", "dilation", "output_padding")
REPORT = """
import {{ readFileSync }} from "node:fs";
import * as g from {geometry};
const all = {cases};
const cells = (settings) => {{
  const [rows, columns] = g.axes(settings).map((x) => Array.from({{ length: g.outputSize(x) }}, (_, i) => i));
  return rows.flatMap((r) => columns.map((c) => g.terms(settings, [r, c]).map(({{ at }}) => at)));
}};
const back = (settings) => {{
  const [rows, columns] = g.axes(settings).map((x) => Array.from({{ length: x.n }}, (_, j) => g.outputsOf(x, j)));
  return rows.flatMap((r) => columns.map((c) => r.flatMap((i) => c.map((j) => [i.at, j.at]))));
}};
const windows = (settings) => {{
  const [rows, columns] = g.axes(settings).map((x) => Array.from({{ length: g.outputSize(x) }}, (_, i) => g.windowOf(x, i)));
  return [rows, columns];
}};
console.log(JSON.stringify(all.map((settings) => {{
  const refused = g.axes(settings).map((x) => g.fault(x)).find(Boolean);
  if (refused) return {{ refused }};
  return {{
    output: g.output(settings).map((row) => row.map((x) => (Number.isFinite(x) ? x : null))),
    feeds: cells(settings), fed: back(settings), windows: windows(settings), line: g.nnLine(settings),
    formulas: g.axes(settings).map(g.sizeFormula), first: g.valueFormula(settings, [0, 0]),
    fates: g.axes(settings).map((x) => Array.from({{ length: x.n }}, (_, j) => g.fate(x, j))),
    stretched: g.axes(settings).map(g.stretched),
  }};
}})));
"""


def settings_at_random(rng: random.Random) -> dict:
    """Most of these fit; some are such as PyTorch refuses."""
    op = rng.choice(OPS)

    def two(least: int, most: int) -> list[int]:
        return [rng.randint(least, most), rng.randint(least, most)]

    settings = {
        "op": op,
        "size": two(1, 7),
        "kernel_size": two(1, 3),
        "stride": two(1, 4),
        "padding": two(0, 1 if op.endswith("pool2d") else 2),
        "dilation": two(1, 2),
        "output_padding": two(0, 2),
        "ceil_mode": rng.random() < 0.5,
    }
    settings["image"] = [[rng.randint(-9, 9) / 2 for _ in range(7)] for _ in range(7)]
    settings["weight"] = [[rng.randint(-9, 9) / 2 for _ in range(3)] for _ in range(3)]
    return settings


def apply(settings: dict, image: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """The layer itself, from its own arguments: [N, 1, h, w] -> [N, 1, h', w']."""
    kernel, stride, padding = (tuple(settings[name]) for name in ("kernel_size", "stride", "padding"))
    dilation, extra = tuple(settings["dilation"]), tuple(settings["output_padding"])
    op = settings["op"]
    if op == "conv2d":
        return F.conv2d(image, weight, stride=stride, padding=padding, dilation=dilation)
    if op == "conv_transpose2d":
        return F.conv_transpose2d(
            image, weight, stride=stride, padding=padding, output_padding=extra, dilation=dilation
        )
    ceil = settings["ceil_mode"]
    if op == "max_pool2d":
        return F.max_pool2d(image, kernel, stride, padding, dilation, ceil_mode=ceil)
    return F.avg_pool2d(image, kernel, stride, padding, ceil_mode=ceil)


def links(settings: dict) -> torch.Tensor:
    """[outputs, inputs]: which input cell goes into which output cell, as autograd sees it."""
    (h, w), (kh, kw) = settings["size"], settings["kernel_size"]
    ones = torch.ones(1, 1, kh, kw, dtype=torch.float64)
    if settings["op"] == "max_pool2d":  # its gradient knows the winner only, so each cell wins once
        hot = torch.eye(h * w, dtype=torch.float64).reshape(h * w, 1, h, w)
        return (apply(settings, hot, ones).flatten(1) == 1).T
    image = torch.zeros(1, 1, h, w, dtype=torch.float64, requires_grad=True)
    result = apply(settings, image, ones)
    each = torch.eye(result.numel(), dtype=torch.float64).reshape(-1, *result.shape)
    (grad,) = torch.autograd.grad(result, image, each, is_grads_batched=True)
    return grad.flatten(1) != 0


@pytest.fixture(scope="module")
def cases():
    rng = random.Random(0)
    return [settings_at_random(rng) for _ in range(1_700)]


@pytest.fixture(scope="module")
def reports(cases):
    script = REPORT.format(geometry=json.dumps(GEOMETRY), cases=json.dumps(cases))
    return json.loads(run_node(script))


def test_the_arithmetic_of_the_browser_is_pytorchs(cases, reports):
    compared = dict.fromkeys(OPS, 0)
    for settings, report in zip(cases, reports):
        (h, w), (kh, kw) = settings["size"], settings["kernel_size"]
        image = torch.tensor(settings["image"], dtype=torch.float64)[None, None, :h, :w]
        weight = torch.tensor(settings["weight"], dtype=torch.float64)[None, None, :kh, :kw]
        try:
            expected = apply(settings, image, weight)[0, 0]
        except RuntimeError:
            assert "refused" in report, settings
            continue
        assert "refused" not in report, (settings, report)
        rows = [[-math.inf if x is None else x for x in row] for row in report["output"]]
        assert torch.allclose(torch.tensor(rows, dtype=torch.float64), expected), (settings, rows, expected)
        joined = links(settings)
        across = expected.shape[1]
        for cell, feeding in enumerate(joined):
            assert report["feeds"][cell] == [[i // w, i % w] for i in feeding.nonzero().flatten().tolist()]
        for cell, fed in enumerate(joined.T):
            found = sorted(report["fed"][cell])
            assert found == [[i // across, i % across] for i in fed.nonzero().flatten().tolist()], settings
        used = joined.any(0).reshape(h, w)
        for fates, axis_used in zip(report["fates"], (used.any(1), used.any(0))):
            assert [fate == "" for fate in fates] == axis_used.tolist() or not used.any(), settings
        assert [int(text.split("= ")[-1].split(": ")[-1]) for text in report["formulas"]] == list(
            expected.shape
        )
        compared[settings["op"]] += 1
    assert sum(compared.values()) >= 1_000 and min(compared.values()) >= 150, compared


def test_the_line_makes_the_same_layer(cases, reports):
    for settings, report in zip(cases[:400], reports):
        if "refused" in report:
            continue
        (h, w), (kh, kw) = settings["size"], settings["kernel_size"]
        layer = eval(report["line"], {"nn": nn}).double()
        image = torch.tensor(settings["image"], dtype=torch.float64)[None, None, :h, :w]
        if hasattr(layer, "weight"):
            layer.weight.data = torch.tensor(settings["weight"], dtype=torch.float64)[None, None, :kh, :kw]
        with torch.no_grad():
            result = layer(image)[0, 0]
        rows = [[-math.inf if x is None else x for x in row] for row in report["output"]]
        torch.testing.assert_close(result, torch.tensor(rows, dtype=torch.float64))


def test_zero_insertion_is_the_same_convolution(cases, reports):
    """The second view of the transposed convolution: stretched, padded, then convolved with the kernel turned."""
    seen = 0
    for settings, report in zip(cases, reports):
        if settings["op"] != "conv_transpose2d" or "refused" in report:
            continue
        (h, w), (kh, kw), (sh, sw) = settings["size"], settings["kernel_size"], settings["stride"]
        across, down = report["stretched"][1], report["stretched"][0]
        wide = torch.zeros(down["length"], across["length"], dtype=torch.float64)
        wide[::sh, ::sw] = torch.tensor(settings["image"], dtype=torch.float64)[:h, :w]
        # A negative number of zeros cuts off, in F.pad as in the picture.
        wide = F.pad(wide, (across["before"], across["after"], down["before"], down["after"]))
        turned = torch.tensor(settings["weight"], dtype=torch.float64)[:kh, :kw].flip(0, 1)
        result = F.conv2d(wide[None, None], turned[None, None], dilation=tuple(settings["dilation"]))[0, 0]
        torch.testing.assert_close(result, torch.tensor(report["output"], dtype=torch.float64))
        rows, columns = report["windows"]
        for i, window in enumerate(rows):
            places = [at["at"] + down["before"] for at in window]
            assert places == [i + t * settings["dilation"][0] for t in range(kh)]
            assert [at["tap"] for at in window] == list(reversed(range(kh)))
        assert len(columns) == result.shape[1]
        seen += 1
    assert seen > 200


def test_get_offers_valid_settings_only_and_all_of_them():
    wanted = [
        ("conv2d", 32, 16),
        ("max_pool2d", 7, 4),
        ("avg_pool2d", 28, 14),
        ("conv_transpose2d", 16, 32),
        ("conv2d", 5, 9),
    ]
    calls = ", ".join(f"g.settingsFor({json.dumps(op)}, {a}, {b})" for op, a, b in wanted)
    found = json.loads(
        run_node(f"import * as g from {json.dumps(GEOMETRY)};\nconsole.log(JSON.stringify([{calls}]));")
    )
    for (op, before, after), offers in zip(wanted, found):
        assert offers
        for x in offers:
            settings = {"op": op, "kernel_size": [x["k"]] * 2, "stride": [x["s"]] * 2, "padding": [x["p"]] * 2,
                        "dilation": [x["d"]] * 2, "output_padding": [x["o"]] * 2, "ceil_mode": x["ceil"]}  # fmt: skip
            image = torch.zeros(1, 1, before, before)
            assert apply(settings, image, torch.zeros(1, 1, x["k"], x["k"])).shape[2:] == (after, after), x
    plain = [(x["k"], x["s"], x["p"]) for x in found[0] if x["d"] == 1]
    assert plain == [(1, 2, 0), (2, 2, 0), (3, 2, 1), (4, 2, 1), (5, 2, 2), (6, 2, 2), (7, 2, 3)]
    assert (4, 2, 1, 0) in [(x["k"], x["s"], x["p"], x["o"]) for x in found[3]]
    assert (3, 2, 1, 1) in [(x["k"], x["s"], x["p"], x["o"]) for x in found[3]]


def test_ceil_mode_leaves_out_a_window_that_starts_in_the_padding():
    x = {"op": "max_pool2d", "n": 3, "k": 2, "s": 2, "p": 1, "d": 1, "o": 0, "ceil": True}
    text = run_node(
        f"import * as g from {json.dumps(GEOMETRY)};\nconsole.log(g.sizeFormula({json.dumps(x)}));"
    )
    assert text.strip().endswith("+ 1 = 3, less the one that would start in the padding: 2")
    assert F.max_pool2d(torch.zeros(1, 1, 3, 3), 2, 2, 1, ceil_mode=True).shape[2] == 2


def test_both_sides_have_the_same_limits():
    found = json.loads(
        run_node(f"import * as g from {json.dumps(GEOMETRY)};\nconsole.log(JSON.stringify(g.LIMITS));")
    )
    assert {name: tuple(limits) for name, limits in found.items()} == LIMITS
    assert f"const LARGEST = {LARGEST};" in (STATIC / "conv_geometry.js").read_text(encoding="utf-8")


def test_the_code_for_the_browser_is_small():
    assert len(ConvExplorer._esm.encode()) <= 25_000


def test_what_it_starts_with_is_agreed_with_pytorch():
    explorer = ConvExplorer()
    assert explorer.answer == {"id": 0, "output": [[7, 0, -6], [2, -9, -5], [-6, -6, 1]]}  # lesson 3 by hand
    assert (
        repr(explorer) == "ConvExplorer(conv2d, input 5×5, kernel 3×3, stride 1×1, padding 0×0, dilation 1×1)"
    )


def test_a_state_from_the_browser_is_answered():
    explorer = ConvExplorer()
    explorer.state = explorer.state | {"op": "max_pool2d", "stride": [2, 2], "id": 7}
    assert explorer.answer == {"id": 7, "output": [[4, 4], [4, 3]]}
    explorer.state = explorer.state | {"op": "max_pool2d", "padding": [3, 3], "id": 8}
    assert explorer.answer["id"] == 8
    assert "RuntimeError: " in explorer.answer["error"]


def test_a_window_of_nothing_but_padding_travels_as_null():
    explorer = ConvExplorer("max_pool2d", 1, 2, stride=2, padding=1, dilation=2)
    assert compute(explorer.state).tolist() == [[-math.inf]]
    assert explorer.answer["output"] == [[None]]


def test_numbers_can_be_given():
    image, weight = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.ones(2, 2)
    explorer = ConvExplorer("conv_transpose2d", 2, 2, stride=2, image=image, weight=weight)
    assert explorer.answer["output"] == [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]


def test_a_pooling_steps_by_its_kernel_as_in_torch():
    assert ConvExplorer("max_pool2d", 6, 2).state["stride"] == (2, 2)
    assert ConvExplorer("conv2d", 6, 2).state["stride"] == (1, 1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"op": "conv3d"}, "got 'conv3d'"),
        ({"input_size": 33}, "input_size is at most 32 here: got 33"),
        ({"kernel_size": (3, 8)}, "kernel_size is at most 7 here: got 8"),
        ({"input_size": 0}, "input_size must be at least 1: got 0"),
        ({"kernel_size": 6}, "kernel_size=6: larger than the padded input, which is 5 \\+ 2·0 = 5"),
        ({"op": "max_pool2d", "kernel_size": 2, "padding": 2}, "got padding=2 with kernel_size=2"),
        ({"op": "avg_pool2d", "dilation": 2}, "got dilation=2"),
        ({"output_padding": 1}, "conv2d has no output_padding: got output_padding=1"),
        ({"ceil_mode": True}, "conv2d has no ceil_mode"),
        ({"op": "conv_transpose2d", "output_padding": 1}, "got output_padding=1, stride=1"),
        (
            {"op": "conv_transpose2d", "input_size": 16, "stride": 4},
            "a picture of 65 cells is too large: at most 40",
        ),
        ({"image": [[1.0]]}, r"image must have the shape \(5, 5\): got \(1, 1\)"),
        ({"weight": [[math.nan] * 3] * 3}, "weight must hold finite numbers"),
    ],
)
def test_bad_settings_are_refused_with_their_numbers(arguments, words):
    with pytest.raises(ValueError, match=words):
        ConvExplorer(**arguments)


def test_the_static_view_holds_the_numbers():
    html = ConvExplorer(stride=2).static_view()["text/html"]
    assert "<th>output 2×2</th>" in html and "<td>-6</td>" in html
    assert len(html) < 5_000
