"""Gradient descent to play with: a loss surface, a start to drag, and the path that an optimizer takes from it."""

from __future__ import annotations

import base64
import io

import numpy as np
import torch
import traitlets

from course_utils.style import COLORS

from .base import Widget, script, style
from .descent import STARTS, SURFACES, VIEWS, check, plain_descent, replay


class DescentExplorer(Widget):
    """Contour lines of a loss surface, and the path of an optimizer from a start that you drag.

    surface      "round bowl", "long bowl", "curved valley" or "two valleys"
    rule         "SGD", "momentum" (SGD with momentum), "RMSprop" or "Adam", otherwise with PyTorch's defaults
    start        (x, y); None: the surface's own
    rate         learning rate, 0.001 to 10
    momentum     0 to 0.99, used by the rule "momentum"
    steps        1 to 200

    The browser computes the path at once; when it rests, torch.optim goes the same way with gradients from autograd,
    and a badge says whether the two agree. `path` is what torch.optim gives. ValueError for anything else.
    """

    _esm = script("common.js", "descent_geometry.js", "descent_explorer.js")
    _css = style("common.css", "descent_explorer.css")

    surface = traitlets.Unicode("long bowl").tag(sync=True)
    rule = traitlets.Unicode("SGD").tag(sync=True)
    x = traitlets.Float().tag(sync=True)
    y = traitlets.Float().tag(sync=True)
    rate = traitlets.Float(0.1).tag(sync=True)
    momentum = traitlets.Float(0.9).tag(sync=True)
    steps = traitlets.Int(25).tag(sync=True)
    asked = traitlets.Dict().tag(sync=True)  # the settings whose path the browser wants
    replayed = traitlets.Dict().tag(sync=True)  # {"asked": those settings, "path": ..., "error": ...}

    def __init__(
        self,
        surface: str = "long bowl",
        rule: str = "SGD",
        start: tuple[float, float] | None = None,
        rate: float = 0.1,
        momentum: float = 0.9,
        steps: int = 25,
    ) -> None:
        start = STARTS.get(surface, (0.0, 0.0)) if start is None else start
        check(surface, rule, start, rate, momentum, steps)
        x, y = start
        super().__init__(surface=surface, rule=rule, x=x, y=y, rate=rate, momentum=momentum, steps=steps)
        self.observe(self._replay, "asked")

    @property
    def path(self) -> torch.Tensor:
        """The path by torch.optim for the settings as they are now: [steps + 1, 2], float64."""
        start = (self.x, self.y)
        path = replay(self.surface, self.rule, start, self.rate, self.momentum, self.steps)
        return torch.tensor(path, dtype=torch.float64)

    def _replay(self, change) -> None:
        asked, path, error = self.asked, [], ""
        try:
            settings = {key: asked[key] for key in ("surface", "rule", "rate", "momentum", "steps")}
            path = replay(start=(asked["x"], asked["y"]), **settings)
        except Exception as problem:  # shown in the widget: nothing else shows what happens in a callback
            error = f"{type(problem).__name__}: {problem}"
        self.replayed = {"asked": asked, "path": path, "error": error}

    def static_view(self) -> dict[str, str]:
        from matplotlib.figure import Figure

        left, right, bottom, top = VIEWS[self.surface]
        xs, ys = np.meshgrid(np.linspace(left, right, 60), np.linspace(bottom, top, 45))
        values = SURFACES[self.surface](xs, ys)
        start = (self.x, self.y)
        path = plain_descent(self.surface, start, self.rate, self.steps) if self.rule == "SGD" else self.path
        path = np.array(path)
        figure = Figure(figsize=(4, 2.8), dpi=66, layout="constrained")
        axes = figure.subplots()
        levels = values.min() + (values.max() - values.min()) * np.linspace(0.05, 1, 8) ** 2.2
        axes.contour(xs, ys, values, levels=levels, colors="0.75", linewidths=0.9)
        axes.plot(path[:, 0], path[:, 1], "o-", color=COLORS["vermillion"], markersize=2.5, linewidth=1)
        axes.plot(self.x, self.y, "o", color=COLORS["blue"], markersize=7)
        axes.set(title=f"{self.rule}, rate {self.rate:g}, {self.steps} steps", xlabel="x", ylabel="y")
        axes.set(xlim=(left, right), ylim=(bottom, top))
        picture = io.BytesIO()
        figure.savefig(picture, format="png")
        return {"image/png": base64.b64encode(picture.getvalue()).decode("ascii")}

    def __repr__(self) -> str:
        start = f"({self.x:g}, {self.y:g})"
        return f"DescentExplorer({self.surface}, {self.rule}, start {start}, rate {self.rate:g}, {self.steps} steps)"
