"""The live chart of fit in JupyterLab, its token on: curves while the cell blocks, and a Stop that stops."""

import json
import time

import pytest

from tests.browser.conftest import SCRATCH

pytestmark = pytest.mark.browser

SLOW = """
import time, torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from course_utils import train
given = []
class Slow(DataLoader):
    def __iter__(self):
        for batch in super().__iter__():
            time.sleep(0.2)
            given.append(time.time())
            yield batch
data = TensorDataset(torch.randn(40, 4), torch.randint(0, 3, (40,)))
model = nn.Linear(4, 3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
history = train.fit(model, Slow(data, batch_size=10), Slow(data, batch_size=20), epochs=50, optimizer=optimizer)
"""


def start(notebook):
    """Run the cell without waiting for it, and return its output once an epoch is in the chart."""
    notebook.begin(SLOW)
    chart = notebook.page.locator(".cbh-training")
    chart.locator("circle.cbh-train").first.wait_for()
    return chart


@pytest.mark.parametrize("way", ["mouse", "keyboard"])
def test_stop_ends_the_run_within_a_batch_and_keeps_it(open_notebook, way):
    notebook = open_notebook(SCRATCH)
    chart = start(notebook)
    assert "epoch" in chart.inner_text() and "left" in chart.inner_text()
    stop = chart.get_by_role("button", name="Stop")
    stop.wait_for()
    pressed = time.time()
    if way == "mouse":
        stop.click()
    else:
        stop.focus()
        notebook.page.keyboard.press("Enter")
    notebook.wait()
    took = time.time() - pressed
    assert notebook.errors() == []
    assert "interrupted in epoch" in chart.inner_text()
    assert stop.count() == 0 or stop.is_hidden()
    facts = "import json; print(json.dumps([len(history), sum(t > %f for t in given), history.train_loss]))"
    epochs, later, losses = json.loads(notebook.python(facts % pressed))
    assert 1 <= epochs < 50 and f"{epochs} whole epochs" in chart.inner_text()
    assert later <= 2, f"{later} batches began after the key was pressed"  # one, and one on its way
    assert took < 5
    # each whole epoch is a point of the curve, at the height of its loss
    heights = chart.locator("svg").first.locator("circle").evaluate_all("all => all.map(one => +one.getAttribute('cy'))")
    assert len(heights) == epochs
    assert sorted(range(epochs), key=lambda i: -heights[i]) == sorted(range(epochs), key=losses.__getitem__)
    assert notebook.console == []


def test_it_reads_well_for_everyone_and_comes_back_after_a_reload(open_notebook):
    notebook = open_notebook(SCRATCH)
    chart = start(notebook)
    for dark in (True, False):
        notebook.theme(dark)
        assert notebook.serious_faults(".cbh-training") == []
    notebook.page.locator("[data-command='notebook:interrupt-kernel']").first.click()  # the toolbar's button
    notebook.wait()
    said = chart.inner_text()
    assert "interrupted in epoch" in said
    notebook.reload()
    chart = notebook.page.locator(".cbh-training")
    chart.wait_for()
    assert chart.inner_text() == said
    assert chart.get_by_role("button").count() == 0  # nothing runs that could be stopped
    assert notebook.console == []
