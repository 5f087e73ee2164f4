"""Run JavaScript as Node does: the widgets' arithmetic has no page in it, so it can be tested without a browser."""

import importlib.util
import shutil
import subprocess
import tempfile
from pathlib import Path


def find_node() -> str | None:
    """Node on the PATH, else the one that Playwright brings along."""
    packaged = importlib.util.find_spec("playwright")
    inside = Path(packaged.origin).parent / "driver" if packaged else Path()
    return shutil.which("node") or next((str(path) for path in inside.glob("node*") if path.is_file()), None)


def run_node(script: str, seconds: float = 60) -> str:
    """Run an ES module given as text and return what it printed. It may import the files in static/ by their file URL."""
    node = find_node()
    assert node, "there is no Node: neither on the PATH nor in the playwright package"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "script.mjs"
        path.write_text(script, encoding="utf-8")
        done = subprocess.run([node, path], capture_output=True, encoding="utf-8", timeout=seconds)
    assert done.returncode == 0, done.stderr
    return done.stdout
