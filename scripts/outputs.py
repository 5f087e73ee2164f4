"""Run the notebooks and store their outputs: python scripts/outputs.py [LESSON ...], for example 02.

Quick mode on the embedded data, whatever the environment says, because these outputs are what the tests
compare with. A notebook is written only after all of its cells ran, in one step, and only if it changed.
"""

import base64
import io
import os
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from PIL import Image

NOTEBOOKS = Path(__file__).resolve().parent.parent / "notebooks"
WIDGET = "application/vnd.jupyter.widget-view+json"


class Client(NotebookClient):
    """nbclient that knows which cell it is in, so that every failure can name it."""

    cell = None

    async def async_execute_cell(self, cell, cell_index, **kwargs):
        self.cell = cell
        return await super().async_execute_cell(cell, cell_index, **kwargs)


def execute(path: Path) -> nbformat.NotebookNode:
    """Run one notebook from top to bottom and return it with its outputs; RuntimeError names the cell."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    client = Client(
        notebook,
        timeout=120,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
        record_timing=False,
        coalesce_streams=True,
        store_widget_state=False,
    )
    try:
        client.execute()
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        name = client.cell.get("id", "?") if client.cell else "the kernel's start"
        raise RuntimeError(f"{path.name}, cell {name!r}: {error}") from None
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if output.output_type == "stream" and output.name == "stderr":
                raise RuntimeError(f"{path.name}, cell {cell.id!r} wrote to stderr:\n{output.text}")
            # A widget needs the kernel that made it. The file keeps its static view, which needs none.
            output.get("data", {}).pop(WIDGET, None)
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = smaller(output.data["image/png"])
    # What the kernel says about itself differs from machine to machine and tells the reader nothing.
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return notebook


def smaller(png: str) -> str:
    """Store a figure (base64) with a palette of 40 colours: a fifth to a third of the bytes, hardly a difference."""
    picture = Image.open(io.BytesIO(base64.b64decode(png))).convert("RGB")
    packed = io.BytesIO()
    picture.quantize(40, dither=Image.Dither.NONE).save(packed, "PNG", optimize=True)
    return min(png, base64.b64encode(packed.getvalue()).decode("ascii"), key=len)


def write(notebook: nbformat.NotebookNode, path: Path) -> bool:
    """Replace the file in one step; False if it already says the same."""
    text = nbformat.writes(notebook).rstrip("\n") + "\n"
    if text == path.read_text(encoding="utf-8"):
        return False
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(text, encoding="utf-8", newline="\n")
    os.replace(temporary, path)
    return True


def main(lessons: list[str]) -> int:
    paths = sorted(NOTEBOOKS.glob("*.ipynb"))
    chosen = [path for path in paths if not lessons or path.name.split("_")[0] in lessons]
    missing = set(lessons) - {path.name.split("_")[0] for path in chosen}
    if missing or not chosen:
        numbers = " ".join(path.name.split("_")[0] for path in paths)
        print(f"no lesson {' '.join(sorted(missing))} in {NOTEBOOKS.name}/; there are: {numbers}", file=sys.stderr)
        return 2
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(
            COURSE_MODE="quick",
            COURSE_DATA_SOURCE="standin",
            COURSE_DATA=os.path.join(folder, "data"),
            IPYTHONDIR=os.path.join(folder, "ipython"),
            JUPYTER_PREFER_ENV_PATH="1",  # the kernel of this environment, not one installed elsewhere
            OMP_NUM_THREADS="1",
        )
        for path in chosen:
            start = time.perf_counter()
            try:
                changed = write(execute(path), path)
            except RuntimeError as error:
                print(error, file=sys.stderr)
                failed = True
            else:
                state = "written" if changed else "unchanged"
                print(f"{path.name}: {state}, {time.perf_counter() - start:.1f} s", flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
