"""fit in a real kernel: what the cell shows, and what an interrupt leaves behind."""

import nbformat
import pytest
import torch
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


def test_a_notebook_gets_one_live_chart_that_ends_in_a_picture():
    run = client(SETUP, FIT.format(epochs=2))
    run.execute()
    (chart,) = run.nb.cells[1].outputs
    assert chart["data"]["text/plain"].startswith("2 epochs in")
    assert chart["data"]["image/png"]
    assert "application/vnd.jupyter.widget-view+json" in chart["data"]


class Clock:
    """The module's clock, which a busy computer cannot hold up: each look at it is `step` seconds after the last."""

    def __init__(self):
        self.now, self.step = 0, 1

    def monotonic(self):
        self.now += self.step
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(progress_display, "time", clock)
    return clock


@pytest.fixture
def shows(monkeypatch, clock):
    """What a run of its batches makes the chart show, without a front end."""
    monkeypatch.setattr(progress_display, "display", lambda chart, display_id: None)
    show = progress_display.InNotebook(epochs=2, batches_per_epoch=3, already=0)
    states = []
    monkeypatch.setattr(show.chart, "show", lambda **state: states.append(state))
    return show, states


@pytest.mark.parametrize(
    "step, left",
    [(1, "about 6 s left"), (10, "about 60 s left"), (60, "about 6 min left")],  # 3 looks for 2 batches, 4 to go
)
def test_the_bar_counts_every_batch_and_names_epoch_and_time_left(shows, clock, step, left):
    show, states = shows
    clock.step = step
    assert list(show.watch([10, 20, 30], "epoch 1 of 2, training")) == [10, 20, 30]
    assert [state["done"] for state in states] == [0, 1 / 6, 2 / 6]
    assert states[0]["text"] == "epoch 1 of 2, training, time left not known yet"
    assert states[2]["text"] == f"epoch 1 of 2, training, {left}"


def test_batches_faster_than_a_fifth_of_a_second_do_not_each_move_the_bar(shows, clock):
    show, states = shows
    show.per_epoch, clock.step = 6, 0.0625
    assert list(show.watch(range(12), "training")) == list(range(12))
    assert [state["done"] for state in states] == [3 / 12, 7 / 12, 11 / 12]  # every 0.25 s


def test_a_resumed_run_starts_where_the_last_one_ended(monkeypatch, clock):
    monkeypatch.setattr(progress_display, "display", lambda chart, display_id: None)
    show = progress_display.InNotebook(epochs=4, batches_per_epoch=2, already=3)
    list(show.watch([1], "epoch 4 of 4, training"))
    assert show.chart.done == 6 / 8


def test_the_thin_line_holds_the_training_losses_and_never_too_many(shows, monkeypatch):
    monkeypatch.setattr(progress_display, "MOST_POINTS", 10)
    show, states = shows
    show.per_epoch, show.epochs = 100, 1
    loss_fn = show.listen(lambda outputs, labels: outputs * labels)
    for batch in show.watch(range(100), "training"):
        loss_fn(torch.tensor(float(batch), requires_grad=True), 2)
    loss_fn(torch.tensor(5.0), 2)  # as in a test: without gradients
    assert show.every == 16 and [done for done, _ in show.losses] == list(range(0, 100, 16))
    assert show._points() == [(done / 100, 2 * done) for done in range(0, 100, 16)]


def test_at_most_ten_messages_a_second():
    run = client(
        SETUP,
        """
import time
from course_utils.widgets.training_chart import TrainingChart
sent, send = [], TrainingChart.send_state
def counted(self, key=None):
    sent.append(key)
    send(self, key)
TrainingChart.send_state = counted
class Slow(DataLoader):
    def __iter__(self):
        for batch in super().__iter__():
            time.sleep(0.02)
            yield batch
loader = Slow(data, batch_size=1)
start = time.monotonic()
"""
        + FIT.format(epochs=1),
        "seconds = time.monotonic() - start; print(1.0 < seconds, 2 < len(sent) - 3 <= 10 * seconds)",
    )
    run.execute()
    assert run.nb.cells[2].outputs[0]["text"] == "True True\n"


@pytest.mark.parametrize("batch, whole", [(2, 0), (11, 1)])  # 4 training and 4 test batches an epoch
def test_an_interrupt_returns_the_history_and_the_next_cell_works(batch, whole):
    run = client(f"{SETUP}\nloader.stop_at = {batch}", FIT.format(epochs=50), "print(len(history), model.training)")
    run.execute()
    assert f"interrupted in epoch {whole + 1} of 50" in run.nb.cells[1].outputs[0]["data"]["text/plain"]
    assert run.nb.cells[2].outputs[0]["text"] == f"{whole} False\n"
