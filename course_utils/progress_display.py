"""What fit shows while it runs: a bar with the time left, and the curves after each epoch."""

import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from IPython import get_ipython
from IPython.display import DisplayHandle, display

from course_utils.history import History

BAR_EVERY = 0.25  # seconds: more often than a person can read would only load the browser
CHART_SHARE = 0.04  # drawing the curves may take this share of the training time


class Silent:
    """Shows nothing."""

    def watch(self, loader: Iterable, label: str) -> Iterable:
        """Return the loader; the other classes count its batches here."""
        return loader

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


class Bar(NamedTuple):
    """A progress bar as a notebook shows it, and as text where there is no HTML."""

    done: int
    total: int
    text: str

    def __repr__(self) -> str:
        return f"{self.done}/{self.total} batches, {self.text}"

    def _repr_html_(self) -> str:
        return (
            f'<progress value="{self.done}" max="{self.total}" aria-label="training progress" '
            f'style="width:16em;vertical-align:middle"></progress> <span>{self.text}</span>'
        )


class Ending(str):
    """The line that takes the bar's place."""

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        return f"<span>{self}</span>"


class InNotebook(Silent):
    """A bar and a chart in the cell's output, each one display that is updated in place."""

    def __init__(self, epochs: int, batches_per_epoch: int) -> None:
        self.total, self.done = epochs * batches_per_epoch, 0
        self.start = self.shown_at = time.monotonic()
        self.drawing = 0.0
        self.bar = display(Bar(0, self.total, "starting"), display_id=True)
        self.chart: DisplayHandle | None = None

    def watch(self, loader: Iterable, label: str) -> Iterator:
        """Yield the loader's batches and move the bar."""
        for batch in loader:
            now = time.monotonic()
            if now - self.shown_at >= BAR_EVERY:
                self.shown_at = now
                self.bar.update(Bar(self.done, self.total, f"{label}, {self._time_left(now)}"))
            yield batch
            self.done += 1

    def epoch_done(self, history: History) -> None:
        if self.drawing <= CHART_SHARE * (time.monotonic() - self.start):
            self._draw(history)

    def close(self, history: History, ending: str) -> None:
        self.bar.update(Ending(ending))
        self._draw(history)

    def _draw(self, history: History) -> None:
        begun = time.monotonic()
        if self.chart is None:
            self.chart = display(history.plot(), display_id=True)
        else:
            self.chart.update(history.plot())
        self.drawing += time.monotonic() - begun

    def _time_left(self, now: float) -> str:
        if not self.done:
            return "time left not known yet"
        left = (now - self.start) / self.done * (self.total - self.done)
        return f"about {left:.0f} s left" if left < 90 else f"about {left / 60:.0f} min left"


def for_here(epochs: int, batches_per_epoch: int, wanted: bool) -> Silent:
    """Return the display that fits: none, lines in a terminal, or a bar and a chart in a notebook."""
    if not wanted:
        return Silent()
    in_notebook = getattr(get_ipython(), "kernel", None) is not None
    return InNotebook(epochs, batches_per_epoch) if in_notebook else Printed(epochs)
