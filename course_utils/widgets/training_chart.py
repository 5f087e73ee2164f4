"""The live chart of fit: a bar with the time left, the curves so far, and a Stop button."""

import base64
import io
import re

import traitlets
from ipykernel.connect import get_connection_file

from course_utils.history import History
from course_utils.widgets.base import Widget, script, style


class TrainingChart(Widget):
    """What a training run looks like while it runs. fit makes one; a notebook need not.

    epochs: how many there will be. Stop interrupts the kernel over JupyterLab's own server: a running cell lets no
    message of a widget through. The button is shown only where that server answers.
    """

    _esm = script("common.js", "training_chart.js")
    _css = style("common.css", "training_chart.css")

    epochs = traitlets.Int().tag(sync=True)
    done = traitlets.Float().tag(sync=True)  # 0 to 1
    text = traitlets.Unicode().tag(sync=True)
    running = traitlets.Bool(True).tag(sync=True)
    kernel_id = traitlets.Unicode().tag(sync=True)
    batches = traitlets.List().tag(sync=True)  # [epochs since the start, loss of that batch]
    whole_epochs = traitlets.Dict().tag(sync=True)  # the lists of a History

    def __init__(self, epochs: int) -> None:
        super().__init__(epochs=epochs, text="starting", kernel_id=_kernel_id())
        self.history = History()

    def show(self, **state) -> None:
        """Change several things at once, in one message to the browser."""
        with self.hold_sync():
            for name, value in state.items():
                setattr(self, name, value)

    def epoch_done(self, history: History) -> None:
        """Take over one more point of every curve."""
        names = ("train_loss", "test_loss", "train_accuracy", "test_accuracy")
        self.history = history
        self.whole_epochs = {name: list(getattr(history, name)) for name in names}

    def __repr__(self) -> str:
        return self.text

    def static_view(self) -> dict[str, str]:
        if self.running:
            return {}
        figure = self.history.plot()
        figure.suptitle(self.text, fontsize=10)
        picture = io.BytesIO()
        figure.savefig(picture, format="png", dpi=80)
        return {"image/png": base64.b64encode(picture.getvalue()).decode("ascii")}


def _kernel_id() -> str:
    """The name by which a Jupyter server knows this kernel; empty outside a kernel."""
    try:
        found = re.search(r"kernel-(.+)\.json$", get_connection_file())
    except RuntimeError:
        return ""
    return found.group(1) if found else ""
