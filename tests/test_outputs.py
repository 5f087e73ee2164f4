"""What `make outputs` does to the figures it stores."""

import base64
import importlib.util
import io
from pathlib import Path

import numpy as np
from PIL import Image

SCRIPT = Path(__file__).parents[1] / "scripts" / "outputs.py"
spec = importlib.util.spec_from_file_location("outputs", SCRIPT)
outputs = importlib.util.module_from_spec(spec)
spec.loader.exec_module(outputs)


def png(pixels: np.ndarray) -> str:
    packed = io.BytesIO()
    Image.fromarray(pixels).save(packed, "PNG")
    return base64.b64encode(packed.getvalue()).decode("ascii")


def pixels_of(text: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))).convert("RGB")).astype(int)


def test_a_stored_figure_has_fewer_colours_and_bytes_and_looks_the_same():
    ramp = np.linspace(0, 255, 300).astype(np.uint8)
    figure = np.stack(
        [np.broadcast_to(ramp, (200, 300)), np.full((200, 300), 40), np.full((200, 300), 90)], axis=2
    )
    figure = (figure + np.random.default_rng(0).integers(0, 6, figure.shape)).clip(0, 255).astype(np.uint8)
    before, after = png(figure), outputs.smaller(png(figure))
    assert len(after) < len(before) / 3
    assert pixels_of(after).shape == (200, 300, 3)
    assert np.abs(pixels_of(after) - pixels_of(before)).mean() < 4
    assert len(np.unique(pixels_of(after).reshape(-1, 3), axis=0)) <= 64


def test_a_figure_that_would_grow_stays_as_it_is():
    tiny = png(np.zeros((1, 1, 3), np.uint8))
    assert len(outputs.smaller(tiny)) <= len(tiny)
