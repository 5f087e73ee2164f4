"""Pictures of a window that slides: one step of a convolution, all its steps, where it can stand, pooling.

Each function returns a matplotlib figure, not yet shown. The numbers in the pictures are computed, not given.
"""

import math

import matplotlib.pyplot as plt
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from course_utils.style import COLORS

CELL = 0.5  # inches
WINDOW, RESULT, BORDER = "#CFE7F5", "#FBE6BF", "#E4E4E4"  # pale blue, pale orange, grey
TINTS = ["#CFE7F5", "#FBE6BF", "#CDEBDF", "#F3DCE8", "#F9F5B5", "#DFF0FA"]  # neighbours differ
MOST_CELLS = 16


def conv_step(image: Tensor, kernel: Tensor, row: int, column: int, *, bias: float = 0) -> Figure:
    """Draw how one output cell of a convolution (stride 1, no padding) comes about, with every product.

    image: [H, W], kernel: [kh, kw], row and column: the output cell. ValueError if there is no such cell.
    """
    (height, width), (kh, kw) = _sizes(image), _sizes(kernel)
    rows, columns = height - kh + 1, width - kw + 1
    if not (0 <= row < rows and 0 <= column < columns):
        raise ValueError(f"output cell ({row}, {column}) is not in an output of {rows} x {columns}")
    window = image[row : row + kh, column : column + kw]
    products = window * kernel
    total = products.sum().item() + bias

    gap = 1.0
    lefts = [0, width + gap, width + kw + 2 * gap, width + 2 * kw + 3 * gap]
    figure, axes = _canvas(lefts[3] + columns, height + 1.9, top=0.9)
    _grid(axes, image, 0, 0, skip=lambda i, j: row <= i < row + kh and column <= j < column + kw)
    _grid(axes, kernel, lefts[1], (height - kh) / 2, fill=WINDOW)
    _grid(axes, products, lefts[2], (height - kh) / 2)
    _grid(axes, torch.full((rows, columns), torch.nan), lefts[3], (height - rows) / 2)  # empty cells
    for (i, j), weight in _cells(kernel):  # the window's cells carry the weight they are multiplied by
        x, y = column + j, row + i
        _cell(axes, x, y, fill=WINDOW)
        axes.text(x + 0.3, y + 0.32, _n(image[y, x]), ha="center", va="center", fontsize=11)
        axes.text(
            x + 0.95, y + 0.96, f"×{_n(weight)}", ha="right", va="bottom", fontsize=9, color=COLORS["blue"]
        )
    _frame(axes, column, row, kw, kh, COLORS["blue"])
    top = (height - rows) / 2
    _cell(axes, lefts[3] + column, top + row, _n(total), fill=RESULT, bold=True)
    _frame(axes, lefts[3] + column, top + row, 1, 1, COLORS["vermillion"])

    names = [f"input {height}×{width}", f"kernel {kh}×{kw}", "products", f"output {rows}×{columns}"]
    for left, name, wide in zip(lefts, names, (width, kw, kw, columns)):
        axes.text(left + wide / 2, -0.35, name, ha="center", va="center", fontsize=10)
    for left, sign in zip(lefts[1:], ("×", "=", "sum\n→")):
        axes.text(
            left - gap / 2, height / 2, sign, ha="center", va="center", fontsize=12 if len(sign) == 1 else 10
        )
    terms = " + ".join(_n(value) if value >= 0 else f"({_n(value)})" for value in products.flatten().tolist())
    added = f" + bias {_n(bias)}" if bias else ""
    axes.text(0, height + 0.55, f"{terms}{added} = {_n(total)}", va="center", fontsize=10)
    return figure


def conv_walk(image: Tensor, kernel: Tensor) -> Figure:
    """Draw every place of the kernel on the image (stride 1, no padding) and the number it gives there.

    image: [H, W], kernel: [kh, kw]. ValueError if the kernel does not fit, or for more than 16 places.
    """
    (height, width), (kh, kw) = _sizes(image), _sizes(kernel)
    rows, columns = height - kh + 1, width - kw + 1
    if not (rows >= 1 and columns >= 1 and rows * columns <= MOST_CELLS):
        raise ValueError(
            f"a {kh} x {kw} kernel on {height} x {width} has {rows} x {columns} places; 1 to 16 can be drawn"
        )
    scale, gap = 0.5, 1.9  # small input grids, and room for the result beside each
    step_x, step_y = width * scale + gap, height * scale + 0.55
    figure, axes = _canvas(columns * step_x - 0.45, rows * step_y - 0.25, top=0.15)
    for row in range(rows):
        for column in range(columns):
            x, y = column * step_x, row * step_y
            for (i, j), value in _cells(image):
                inside = row <= i < row + kh and column <= j < column + kw
                text, fill = (_n(value), WINDOW) if inside else ("", "white")
                _cell(axes, x + j * scale, y + i * scale, text, size=scale, fill=fill)
            _frame(axes, x + column * scale, y + row * scale, kw * scale, kh * scale, COLORS["blue"])
            total = (image[row : row + kh, column : column + kw] * kernel).sum()
            middle = y + height * scale / 2
            axes.text(x + width * scale + 0.3, middle, "→", ha="center", va="center", fontsize=11)
            _cell(axes, x + width * scale + 0.55, middle - 0.4, _n(total), size=0.8, fill=RESULT, bold=True)
    return figure


def kernel_positions(
    size: int, kernel_size: int, *, stride: int = 1, padding: int = 0, dilation: int = 1
) -> Figure:
    """Draw, along one axis, every place where a kernel can stand, and the first place where it no longer fits.

    Arguments as in nn.Conv2d, for one axis. ValueError if the kernel is longer than the padded input, or for more
    than 16 cells.
    """
    span, cells = dilation * (kernel_size - 1) + 1, size + 2 * padding
    if min(size, kernel_size, stride, dilation) < 1 or padding < 0 or span > cells or cells > MOST_CELLS:
        raise ValueError(
            f"cannot draw a kernel of length {span} on {size} + 2·{padding} = {cells} cells (stride {stride}); "
            f"it must fit, on at most {MOST_CELLS} cells"
        )
    last, high = cells - span, 0.72
    figure, axes = _canvas(cells + 6.2, (last + 2) * high + 2.75, top=0.75)
    for cell in range(cells):
        real = padding <= cell < padding + size
        _cell(axes, cell, 0, f"x{cell - padding}" if real else "pad", fill="white" if real else BORDER)
    axes.text(cells / 2, -0.4, _axis_title(size, padding), ha="center", va="center", fontsize=10)
    outputs = 0
    for start in range(last + 2):
        y, fits, used = 1.25 + start * high, start <= last, start % stride == 0
        here = COLORS["blue"] if fits and used else COLORS["vermillion"] if not fits else "0.6"
        axes.plot([start + 0.5, start + span - 0.5], [y + 0.28] * 2, color=here, linewidth=1, zorder=1)
        for tap in range(kernel_size):
            _cell(axes, start + tap * dilation, y, f"w{tap}" if fits and used else "", size=(1, 0.56),
                  fill=WINDOW if fits and used else "white", edge=here, dashed=not (fits and used))  # fmt: skip
        if not fits:
            note = f"start {start}: over the edge"
        elif used:
            note, outputs = f"start {start} → output {outputs}", outputs + 1
        else:
            note = f"start {start}: skipped"
        axes.text(
            cells + 1.35, y + 0.28, note, va="center", fontsize=10, color=here if here != "0.6" else "0.4"
        )
    spread = f"{size} + 2·{padding}" if padding else f"{size}"
    axes.text(0, 1.25 + (last + 2) * high + 0.45,
              f"last start = {spread} − {span} = {last},  steps of {stride}:  {outputs} place{'s' if outputs > 1 else ''}",
              va="center", fontsize=10)  # fmt: skip
    return figure


def pool_windows(image: Tensor, kernel_size: int, *, stride: int | None = None) -> Figure:
    """Draw the windows of max pooling (no padding) on the image, and the largest number of each.

    image: [H, W]; stride defaults to kernel_size, as in nn.MaxPool2d. ValueError if the window does not fit.
    """
    height, width = _sizes(image)
    stride = kernel_size if stride is None else stride
    if min(kernel_size, stride) < 1 or kernel_size > min(height, width):
        raise ValueError(
            f"a {kernel_size} x {kernel_size} window with stride {stride} does not fit {height} x {width}"
        )
    rows, columns = (height - kernel_size) // stride + 1, (width - kernel_size) // stride + 1
    figure, axes = _canvas(width + 1.6 + columns, max(height, rows) + 0.9, top=0.75)
    _grid(
        axes, image, 0, 0, fill=BORDER if stride >= kernel_size else "white"
    )  # what no window covers stays grey
    left, top = width + 1.6, (height - rows) / 2
    for row in range(rows):
        for column in range(columns):
            y, x, tint = row * stride, column * stride, TINTS[(row * columns + column) % len(TINTS)]
            window = image[y : y + kernel_size, x : x + kernel_size]
            if stride >= kernel_size:  # windows that overlap cannot each have a colour of their own
                for (i, j), value in _cells(window):
                    _cell(axes, x + j, y + i, _n(value), fill=tint, bold=value == window.max())
                _frame(axes, x, y, kernel_size, kernel_size, "0.2")
            _cell(axes, left + column, top + row, _n(window.max()), fill=tint, bold=True)
    axes.text(width / 2, -0.4, f"input {height}×{width}", ha="center", va="center", fontsize=10)
    axes.text(
        left + columns / 2, top - 0.4, f"output {rows}×{columns}", ha="center", va="center", fontsize=10
    )
    axes.text(width + 0.8, height / 2, "max\n→", ha="center", va="center", fontsize=10)
    return figure


def _axis_title(size: int, padding: int) -> str:
    if not padding:
        return f"{size} cells of the input"
    return f"{padding} of padding, {size} cells of the input, {padding} of padding"


def _sizes(values: Tensor) -> tuple[int, int]:
    if values.ndim != 2 or not values.numel():
        raise ValueError(f"a picture needs a matrix [H, W], got shape {tuple(values.shape)}")
    return tuple(values.shape)


def _canvas(width: float, height: float, *, top: float):
    """An empty drawing area measured in cells, y downwards, with `top` cells above 0."""
    figure, axes = plt.subplots(figsize=((width + 0.2) * CELL, height * CELL))
    plt.close(figure)
    axes.set(xlim=(-0.1, width + 0.1), ylim=(height - top, -top), aspect="equal")
    axes.axis("off")
    return figure, axes


def _grid(
    axes, values: Tensor, left: float, top: float, *, fill: str = "white", skip=lambda row, column: False
) -> None:
    for (row, column), value in _cells(values):
        if not skip(row, column):
            _cell(axes, left + column, top + row, _n(value), fill=fill)


def _cells(values: Tensor):
    for row, line in enumerate(values.tolist()):
        for column, value in enumerate(line):
            yield (row, column), value


def _cell(axes, x, y, text="", *, size=(1, 1), fill="white", edge="0.45", bold=False, dashed=False):
    wide, high = size if isinstance(size, tuple) else (size, size)
    line = "--" if dashed else "-"
    axes.add_patch(Rectangle((x, y), wide, high, facecolor=fill, edgecolor=edge, linewidth=1, linestyle=line))
    if text:
        axes.text(x + wide / 2, y + high / 2, text, ha="center", va="center", fontsize=11 if high > 0.7 else 9,
                  fontweight="bold" if bold else "normal")  # fmt: skip


def _frame(axes, x, y, wide, high, color) -> None:
    axes.add_patch(Rectangle((x, y), wide, high, fill=False, edgecolor=color, linewidth=2.5, zorder=3))


def _n(value) -> str:
    """A number as short text with a real minus sign; nothing for NaN."""
    value = float(value) + 0.0  # no "−0"
    return "" if math.isnan(value) else f"{value:g}".replace("-", "−")
