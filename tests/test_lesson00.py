"""Lesson 0: its map of the lessons."""

import re
from pathlib import Path

import nbformat

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
NOTEBOOK = NOTEBOOKS / "00_start_here.ipynb"


def test_the_map_links_every_lesson_there_is():
    cells = {cell.id: cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells}
    table = cells["look-seen"]
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        if path != NOTEBOOK:
            assert f"]({path.name})" in table, f"lesson 0's table of lessons does not link {path.name}"
    assert [int(number) for number in re.findall(r"^\| (\d) \|", table, flags=re.MULTILINE)] == list(
        range(10)
    )
