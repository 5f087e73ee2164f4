"""fit in a real kernel: what the cell shows, and what an interrupt leaves behind."""

import nbformat
import pytest
from nbclient import NotebookClient

from course_utils import progress_display

SETUP = """
import _thread, torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from course_utils import train
class Stopping(DataLoader):
    given, stop_at = 0, None
    def __iter__(self):
        for batch in super().__iter__():
            self.given += 1
            if self.given == self.stop_at:
                _thread.interrupt_main()  # what the stop button does to the kernel's main thread
            yield batch
data = TensorDataset(torch.randn(40, 4), torch.randint(0, 3, (40,)))
loader = Stopping(data, batch_size=10)
model = nn.Linear(4, 3)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
"""
FIT = "history = train.fit(model, loader, loader, epochs={epochs}, optimizer=optimizer)"


def client(*cells):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    return NotebookClient(notebook, timeout=60, kernel_name="python3")


def shown(cell, kind):
    return ["".join(output["data"].get(kind, "")) for output in cell.outputs if "data" in output]


def test_a_notebook_gets_one_bar_that_ends_in_a_line_and_one_chart():
    run = client(SETUP, FIT.format(epochs=2))
    run.execute()
    bar, chart = run.nb.cells[1].outputs
    assert "2 epochs in" in bar["data"]["text/html"] and "<progress" not in bar["data"]["text/html"]
    assert bar["data"]["text/plain"].startswith("2 epochs in")
    assert chart["data"]["image/png"]


def test_the_bar_counts_every_batch_and_names_epoch_and_time_left(monkeypatch):
    updates = []
    monkeypatch.setattr(progress_display, "BAR_EVERY", 0)
    monkeypatch.setattr(progress_display, "display", lambda shown, display_id: Handle())

    class Handle:
        def update(self, shown):
            updates.append(shown._repr_html_())

    show = progress_display.InNotebook(epochs=2, batches_per_epoch=3)
    assert list(show.watch([10, 20, 30], "epoch 1 of 2, training")) == [10, 20, 30]
    assert [f'value="{done}" max="6"' in update for done, update in enumerate(updates)] == [True] * 3
    assert "time left not known yet" in updates[0]
    assert "epoch 1 of 2, training, about 0 s left" in updates[2]


@pytest.mark.parametrize("batch, whole", [(2, 0), (11, 1)])  # 4 training and 4 test batches an epoch
def test_an_interrupt_returns_the_history_and_the_next_cell_works(batch, whole):
    run = client(f"{SETUP}\nloader.stop_at = {batch}", FIT.format(epochs=50), "print(len(history), model.training)")
    run.execute()
    assert f"interrupted in epoch {whole + 1} of 50" in shown(run.nb.cells[1], "text/html")[0]
    assert run.nb.cells[2].outputs[0]["text"] == f"{whole} False\n"
