"""The browser's paths are those of torch.optim, on every surface, with every rule."""

import base64
import json
import math
import random
import re

import pytest
import torch
from node import run_node

from course_utils.widgets import DescentExplorer
from course_utils.widgets.base import STATIC
from course_utils.widgets.descent import FAR, RULES, STARTS, SURFACES, VIEWS, plain_descent, replay

GEOMETRY = (STATIC / "descent_geometry.js").as_uri()
AGREE = float(
    re.search(r"CLOSE = ([\d.e-]+);", (STATIC / "descent_explorer.js").read_text(encoding="utf-8"))[1]
)


def in_node(body: str, **values):
    """What `body` prints as JSON, with the values as constants and the geometry as `g`."""
    constants = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in values.items())
    return json.loads(
        run_node(f'import * as g from "{GEOMETRY}";\n{constants}console.log(JSON.stringify({body}));')
    )


def random_settings(count: int) -> list[dict]:
    """Settings from the whole range of every control, a third of them at rates where paths diverge."""
    choose = random.Random(0)
    found = []
    for number in range(count):
        surface = list(SURFACES)[number % 4]
        left, right, bottom, top = VIEWS[surface]
        found.append(
            {
                "surface": surface,
                "rule": list(RULES)[number // 4 % 4],
                "x": round(choose.uniform(left, right), 2),
                "y": round(choose.uniform(bottom, top), 2),
                "rate": float(f"{10 ** choose.uniform(-3, 1):.3g}"),
                "momentum": round(choose.uniform(0, 0.99), 2),
                "steps": choose.randint(1, 80),
            }
        )
    return found


def by_torch(settings: dict) -> list[list[float]]:
    start = (settings["x"], settings["y"])
    return replay(
        start=start, **{key: settings[key] for key in ("surface", "rule", "rate", "momentum", "steps")}
    )


def test_paths_agree_with_torch_optim():
    every = random_settings(240)
    theirs = [by_torch(settings) for settings in every]
    compared = in_node(
        "every.map((s, k) => ({...g.compare(g.descend(s), theirs[k]), length: g.descend(s).length}))",
        every=every,
        theirs=theirs,
    )
    worst = max(compared, key=lambda c: math.inf if c["difference"] is None else c["difference"])
    ended = sum(len(path) < s["steps"] + 1 for path, s in zip(theirs, every, strict=True))
    print(f"largest difference {worst['difference']}, {ended} of {len(every)} paths go beyond {FAR:g}")
    assert ended > 10 and len(every) - ended > 100
    for settings, path, one in zip(every, theirs, compared, strict=True):
        assert one["length"] == len(path), settings
        assert one["difference"] is not None and one["difference"] <= AGREE, (settings, one)


def test_both_languages_have_the_same_surfaces():
    told = in_node(
        "Object.fromEntries(Object.entries(g.SURFACES).map(([n, s]) => [n, [s.view, s.start, s.minima]]))"
    )
    assert list(told) == list(SURFACES)
    assert in_node("Object.keys(g.RULES)") == list(RULES)
    for name, (view, start, minima) in told.items():
        assert (tuple(view), tuple(start)) == (VIEWS[name], STARTS[name])
        left, right, bottom, top = view
        assert (right - left) / (top - bottom) == 4 / 3, "angles would not be true"
        for x, y in minima:
            point = torch.tensor([x, y], dtype=torch.float64, requires_grad=True)
            (slope,) = torch.autograd.grad(SURFACES[name](*point), point)
            assert slope.abs().max() < 1e-6
            hessian = torch.autograd.functional.hessian(
                lambda p, name=name: SURFACES[name](*p), point.detach()
            )
            assert (torch.linalg.eigvalsh(hessian) > 0).all()


def test_loss_and_gradient_agree_with_autograd():
    choose = random.Random(1)
    for name, (left, right, bottom, top) in VIEWS.items():
        points = [[choose.uniform(left, right), choose.uniform(bottom, top)] for _ in range(100)]
        found = in_node("points.map((p) => [g.SURFACES[name].loss(...p), ...g.SURFACES[name].gradient(...p)])",
                        points=points, name=name)  # fmt: skip
        for point, (loss, *gradient) in zip(points, found, strict=True):
            there = torch.tensor(point, dtype=torch.float64, requires_grad=True)
            value = SURFACES[name](*there)
            value.backward()
            assert loss == pytest.approx(value.item(), rel=1e-12)
            assert gradient == pytest.approx(there.grad.tolist(), rel=1e-12, abs=1e-12)


def test_compare_finds_the_largest_difference_and_where_it_is():
    ours = [[0, 0], [1, 1], [100, 5]]
    assert in_node("g.compare(ours, ours)", ours=ours) == {"difference": 0, "step": 0}
    assert (
        in_node("g.compare(ours, [[0, 0], [1, 1.5], [101, 5]])", ours=ours)["step"] == 1
    )  # 1 in 101 is less
    assert in_node("g.compare(ours, ours.slice(0, 2))", ours=ours) == {
        "difference": None,
        "step": 2,
    }  # infinite
    assert in_node("g.compare([[0, 0], [NaN, 0], [1, 1]], ours)", ours=ours) == {
        "difference": None,
        "step": 1,
    }


def test_where_a_path_leaves_the_picture_for_good():
    view = [0, 4, 0, 3]
    assert in_node("g.leftAt(view, [[1, 1], [2, 2]], 1)", view=view) is None
    assert in_node("g.leftAt(view, [[1, 1], [9, 2], [1, 1]], 2)", view=view) is None  # it came back
    assert in_node("g.leftAt(view, [[1, 1], [9, 2], [1, 1], [1, 4], [9, 9]], 4)", view=view) == 3
    assert in_node("g.leftAt(view, [[1, 1], [9, 2]], 50)", view=view) == 1  # ended beyond FAR
    assert in_node("g.leftAt(view, [[9, 9], [9, 9]], 1)", view=view) == 0


def test_contour_lines_lie_at_their_height():
    """On a plane the pieces are exact, and each side of a line is higher or lower."""
    body = """(() => {
      const grid = g.heights({ loss: (x, y) => x + 2 * y, view: [0, 4, 0, 3] }, 8, 6);
      return [grid.low, grid.high, g.contour(grid.values, 3.3)];
    })()"""
    low, high, pieces = in_node(body)
    assert (low, high) == (0, 10) and len(pieces) > 6
    for x1, y1, x2, y2 in pieces:
        for column, row in ((x1, y1), (x2, y2)):
            x, y = column / 2, 3 - row / 2
            assert x + 2 * y == pytest.approx(3.3)
    for name in SURFACES:
        drawn = f"(() => {{ const s = g.heights(g.SURFACES['{name}'], 96, 72); return g.levels(s).map((l) => g.contour(s.values, l).length); }})()"
        assert all(length > 5 for length in in_node(drawn)), "a level with no line"


def test_python_answers_the_browser():
    explorer = DescentExplorer()
    settings = {
        "surface": "two valleys",
        "rule": "Adam",
        "x": 1,
        "y": 0.5,
        "rate": 1,
        "momentum": 0.9,
        "steps": 7,
    }
    explorer.set_state({**settings, "asked": settings})
    assert explorer.replayed == {"asked": settings, "path": by_torch(settings), "error": ""}
    assert explorer.path.tolist() == explorer.replayed["path"] and explorer.path.shape == (8, 2)
    explorer.set_state({"asked": {**settings, "rate": -1}})
    assert explorer.replayed["error"] == "ValueError: rate is from 0.001 to 10: got -1"


def test_a_path_that_diverges_ends():
    path = DescentExplorer("long bowl", rate=1.0, steps=50).path
    assert 3 < len(path) < 51 and path.abs().max() <= FAR
    assert (-8) ** (len(path) - 1) == pytest.approx(
        path[-1, 1].item()
    )  # each step multiplies y by 1 - 9 * rate


def test_the_static_picture_needs_no_optimizer_and_shows_the_same_path():
    for surface, start in STARTS.items():
        for rate in (0.05, 1.0):
            plain, by_optimizer = (
                plain_descent(surface, start, rate, 30),
                replay(surface, "SGD", start, rate, 0.9, 30),
            )
            assert len(plain) == len(by_optimizer)
            torch.testing.assert_close(torch.tensor(plain), torch.tensor(by_optimizer))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"surface": "hill"}, "surface is one of 'round bowl', .*: got 'hill'"),
        ({"rule": "adam"}, "rule is one of 'SGD', 'momentum', 'RMSprop', 'Adam': got 'adam'"),
        ({"rate": 0}, "rate is from 0.001 to 10: got 0"),
        ({"rate": math.nan}, "rate is from 0.001 to 10: got nan"),
        ({"momentum": 1}, "momentum is from 0 to 0.99: got 1"),
        ({"steps": 201}, "steps is a whole number from 1 to 200: got 201"),
        ({"steps": 2.5}, "got 2.5"),
        ({"start": (1, 2, 3)}, r"start is two numbers .*: got \(1, 2, 3\)"),
        ({"start": (math.inf, 0)}, r"got \(inf, 0\)"),
    ],
)
def test_bad_arguments_say_what_is_wrong(arguments, message):
    with pytest.raises(ValueError, match=message):
        DescentExplorer(**arguments)


def test_it_is_small_and_shows_a_picture_without_a_kernel():
    explorer = DescentExplorer(rate=0.2)
    assert len(DescentExplorer._esm.encode()) <= 25_000
    picture = base64.b64decode(explorer.static_view()["image/png"])
    print(f"the picture has {len(picture):,} bytes")
    assert picture.startswith(b"\x89PNG") and len(picture) < 24_000
    assert repr(explorer) == "DescentExplorer(long bowl, SGD, start (-4, 1), rate 0.2, 25 steps)"
