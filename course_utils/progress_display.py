"""What fit shows while it runs: a live chart with the time left in a notebook, lines in a terminal."""

import time
from collections.abc import Callable, Iterable, Iterator

from IPython import get_ipython
from IPython.display import display
from torch import Tensor

from course_utils.history import History

SHOW_EVERY = 0.2  # seconds: more often than a person can read would only load the browser
MOST_POINTS = 300  # losses of single batches in the chart: as many as it is pixels wide


class Silent:
    """Shows nothing."""

    def watch(self, loader: Iterable, label: str) -> Iterable:
        """Return the loader; the other classes count its batches here."""
        return loader

    def listen(self, loss_fn: Callable) -> Callable:
        """Return the loss function; the chart overhears what it gives."""
        return loss_fn

    def epoch_done(self, history: History) -> None:
        """Take note of one more whole epoch."""

    def close(self, history: History, ending: str) -> None:
        """Show how the run ended."""


class Printed(Silent):
    """One line an epoch, for a terminal."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def epoch_done(self, history: History) -> None:
        number, loss, accuracy, test_loss, test_accuracy, seconds = history.rows()[-1]
        print(
            f"epoch {number}/{self.epochs}  train loss {loss}  train acc {accuracy}  "
            f"test loss {test_loss}  test acc {test_accuracy}  {seconds} s",
            flush=True,
        )

    def close(self, history: History, ending: str) -> None:
        print(ending, flush=True)


class InNotebook(Silent):
    """The live chart in the cell's output; at the end its static view takes its place in the file."""

    def __init__(self, epochs: int, batches_per_epoch: int, already: int) -> None:
        # Only here: a kernel has what widgets need, a terminal may not.
        from course_utils.widgets.training_chart import TrainingChart

        self.epochs, self.per_epoch = epochs, batches_per_epoch
        self.already, self.done = already, 0
        self.start = self.shown_at = time.monotonic()
        self.losses, self.every = [], 1
        self.chart = TrainingChart(epochs)
        self.handle = display(self.chart, display_id=True)

    def watch(self, loader: Iterable, label: str) -> Iterator:
        """Yield the loader's batches and move the bar."""
        for batch in loader:
            now = time.monotonic()
            if now - self.shown_at >= SHOW_EVERY:
                self.shown_at = now
                share = (self.already * self.per_epoch + self.done) / (self.epochs * self.per_epoch)
                text = f"{label}, {self._time_left(now)}"
                self.chart.show(done=share, text=text, batches=self._points())
            yield batch
            self.done += 1

    def listen(self, loss_fn: Callable) -> Callable:
        """Return the loss function; what it gives in training becomes the thin line of the chart."""

        def heard(outputs: Tensor, labels: Tensor) -> Tensor:
            loss = loss_fn(outputs, labels)
            if loss.requires_grad and self.done % self.every == 0:
                self.losses.append((self.done, loss.detach()))  # read later: reading it would wait for a GPU
                if len(self.losses) > MOST_POINTS:
                    self.losses, self.every = self.losses[::2], 2 * self.every
            return loss

        return heard

    def epoch_done(self, history: History) -> None:
        self.chart.epoch_done(history)

    def close(self, history: History, ending: str) -> None:
        self.chart.epoch_done(history)
        self.chart.show(running=False, text=ending, batches=self._points())
        self.handle.update(self.chart)

    def _points(self) -> list[tuple[float, float]]:
        self.losses = [(done, float(loss)) for done, loss in self.losses]  # from the GPU each is read once
        return [(self.already + done / self.per_epoch, loss) for done, loss in self.losses]

    def _time_left(self, now: float) -> str:
        if not self.done:
            return "time left not known yet"
        left = (now - self.start) / self.done * ((self.epochs - self.already) * self.per_epoch - self.done)
        return f"about {left:.0f} s left" if left < 90 else f"about {left / 60:.0f} min left"


def for_here(epochs: int, batches_per_epoch: int, already: int, wanted: bool) -> Silent:
    """Return the display that fits: none, lines in a terminal, or a live chart in a notebook.

    already: how many of the epochs an earlier run has done.
    """
    if not wanted:
        return Silent()
    in_notebook = getattr(get_ipython(), "kernel", None) is not None
    return InNotebook(epochs, batches_per_epoch, already) if in_notebook else Printed(epochs)
