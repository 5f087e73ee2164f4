"""Figures that more than one lesson shows. Each function returns a matplotlib figure, not yet shown."""

import math
from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from torch import Tensor

from course_utils.style import COLORS, MAGNITUDE


def image_grid(
    images: Tensor,
    titles: Sequence[str] | None = None,
    *,
    columns: int = 10,
    wrong: Sequence[bool] | None = None,
) -> Figure:
    """Draw images in rows, a title above each; a title that `wrong` marks is drawn bold and in another colour.

    images: [N, C, H, W] with C = 1 or 3, uint8 (0 to 255) or float (0 to 1; values outside are clipped).
    Raises ValueError for another shape, or when titles or wrong do not number N.
    """
    if images.ndim != 4 or images.shape[0] < 1 or images.shape[1] not in (1, 3):
        raise ValueError(
            f"images must be [N, C, H, W] with N >= 1 and C = 1 or 3, got shape {tuple(images.shape)}"
        )
    count = images.shape[0]
    for name, values in (("titles", titles), ("wrong", wrong)):
        if values is not None and len(values) != count:
            raise ValueError(f"{name} has {len(values)} entries for {count} images")
    columns = min(columns, count)
    rows = math.ceil(count / columns)
    figure, grid = plt.subplots(
        rows, columns, figsize=(0.95 * columns, (1.15 if titles else 0.95) * rows), squeeze=False
    )
    plt.close(figure)
    pixels = images.detach().cpu()
    pixels = pixels.clamp(0, 1) if pixels.is_floating_point() else pixels.float() / 255
    pixels = pixels.permute(0, 2, 3, 1).numpy()  # matplotlib wants height, width, channel
    for index, axes in enumerate(grid.flat):
        axes.axis("off")
        if index >= count:
            continue
        picture = pixels[index, :, :, 0] if images.shape[1] == 1 else pixels[index]
        axes.imshow(picture, cmap="gray", vmin=0, vmax=1)
        if titles is not None:
            bad = wrong is not None and wrong[index]
            color, weight = (COLORS["vermillion"], "bold") if bad else ("black", "normal")
            axes.set_title(titles[index], fontsize=9, color=color, fontweight=weight, pad=3)
    return figure


def confusion_counts(labels: Tensor, predictions: Tensor, classes: int) -> np.ndarray:
    """Count pairs: entry [t, p] is how many images of class t were taken for class p. Both tensors are int64 [N]."""
    if labels.shape != predictions.shape or labels.ndim != 1:
        raise ValueError(
            f"labels and predictions must be two [N] tensors, got {tuple(labels.shape)} and {tuple(predictions.shape)}"
        )
    pairs = labels.cpu() * classes + predictions.cpu()
    return np.bincount(pairs.numpy(), minlength=classes * classes).reshape(classes, classes)


def confusion_matrix(labels: Tensor, predictions: Tensor, classes: Sequence[str]) -> Figure:
    """Draw which class was taken for which, with the counts: rows are the true class, columns the prediction.

    labels, predictions: int64 [N] in 0..len(classes)-1. Colour shows the share of the row.
    """
    counts = confusion_counts(labels, predictions, len(classes))
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = 0.42 * len(classes) + 1.2
    figure, axes = plt.subplots(figsize=(size + 0.6, size))
    plt.close(figure)
    drawn = axes.imshow(share, cmap=MAGNITUDE, vmin=0, vmax=1)
    turned = max(len(name) for name in classes) > 2
    axes.set_xticks(range(len(classes)), classes, rotation=90 if turned else 0)
    axes.set_yticks(range(len(classes)), classes)
    axes.set(xlabel="predicted", ylabel="true")
    axes.spines[:].set_visible(False)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            color = "black" if share[row, column] > 0.5 else "white"
            axes.text(column, row, str(count), ha="center", va="center", color=color, fontsize=9)
    figure.colorbar(drawn, ax=axes, label="share of the true class", shrink=0.8)
    return figure
