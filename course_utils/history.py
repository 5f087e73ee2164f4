"""What a training run measured, epoch by epoch."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from course_utils.style import COLORS

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Best(NamedTuple):
    """The epoch (counted from 1) with the highest test accuracy."""

    epoch: int
    test_accuracy: float
    test_loss: float


@dataclass
class History:
    """Loss and accuracy (0 to 1) on train and test images after each whole epoch, and its seconds."""

    train_loss: list[float] = field(default_factory=list)
    train_accuracy: list[float] = field(default_factory=list)
    test_loss: list[float] = field(default_factory=list)
    test_accuracy: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def add(
        self, train_loss: float, train_accuracy: float, test_loss: float, test_accuracy: float, seconds: float
    ) -> None:
        """Append one whole epoch."""
        self.train_loss.append(train_loss)
        self.train_accuracy.append(train_accuracy)
        self.test_loss.append(test_loss)
        self.test_accuracy.append(test_accuracy)
        self.seconds.append(seconds)

    def __len__(self) -> int:
        return len(self.train_loss)

    @property
    def best(self) -> Best:
        """The epoch with the highest test accuracy, the first one among equals. ValueError before epoch 1 ends."""
        if not len(self):
            raise ValueError(
                "the history holds 0 whole epochs, so there is no best one: train at least 1 epoch"
            )
        index = max(range(len(self)), key=self.test_accuracy.__getitem__)
        return Best(index + 1, self.test_accuracy[index], self.test_loss[index])

    def rows(self) -> list[tuple[str, ...]]:
        """The table's cells as text, one row an epoch."""
        columns = (self.train_loss, self.train_accuracy, self.test_loss, self.test_accuracy, self.seconds)
        return [
            (str(number), f"{a:.4f}", f"{b:.2%}", f"{c:.4f}", f"{d:.2%}", f"{s:.1f}")
            for number, (a, b, c, d, s) in enumerate(zip(*columns), start=1)
        ]

    def __str__(self) -> str:
        lines = [HEADER, *self.rows()]
        widths = [max(len(line[i]) for line in lines) for i in range(len(HEADER))]
        return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(line, widths)) for line in lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        def row(cells: tuple[str, ...], tag: str) -> str:
            return (
                "<tr>"
                + "".join(f'<{tag} style="text-align:right">{cell}</{tag}>' for cell in cells)
                + "</tr>"
            )

        body = "".join(row(cells, "td") for cells in self.rows())
        return f"<table><thead>{row(HEADER, 'th')}</thead><tbody>{body}</tbody></table>"

    def plot(self) -> "Figure":
        """Draw loss and accuracy per epoch, train against test. Returns the matplotlib figure, not yet shown."""
        import matplotlib.pyplot as plt
        from matplotlib.ticker import MaxNLocator, PercentFormatter

        figure = plt.figure(figsize=(7.2, 2.8), layout="constrained")
        plt.close(
            figure
        )  # so that a notebook shows it once, as the cell's value, and not again when the cell ends
        epochs = range(1, len(self) + 1)
        pairs = {
            "loss": (self.train_loss, self.test_loss),
            "accuracy": (self.train_accuracy, self.test_accuracy),
        }
        for axes, (name, (train, test)) in zip(figure.subplots(1, 2), pairs.items()):
            axes.plot(epochs, train, marker="o", markersize=4, color=COLORS["blue"], label="train")
            axes.plot(
                epochs, test, marker="s", markersize=4, color=COLORS["orange"], linestyle="--", label="test"
            )
            axes.set(xlabel="epoch", ylabel=name)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
            if name == "accuracy":
                axes.yaxis.set_major_formatter(PercentFormatter(xmax=1))
            if len(self):
                axes.legend(frameon=False)
            else:
                axes.text(0.5, 0.5, "no whole epoch yet", ha="center", va="center", transform=axes.transAxes)
        return figure


HEADER = ("epoch", "train loss", "train acc", "test loss", "test acc", "seconds")
