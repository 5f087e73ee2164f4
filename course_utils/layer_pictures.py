"""Pictures of layers at work on a few small numbers: convolution, plain and transposed, pooling, linear.

The numbers in the pictures are computed from the arguments. Each function returns a course_utils.drawing.Picture.
"""

from collections.abc import Iterable, Iterator, Sequence

import torch
from torch import Tensor

from course_utils.drawing import Box, Drawing, Picture
from course_utils.style import COLORS

CELL = 38  # pixels
WINDOW, RESULT, BORDER = "#CFE7F5", "#FBE6BF", "#E4E4E4"  # pale blue, pale orange, grey
BETWEEN = "#F9F5B5"  # pale yellow: zeros put between
TINTS = ["#CFE7F5", "#FBE6BF", "#CDEBDF", "#F3DCE8", "#F9F5B5", "#DFF0FA"]  # neighbours differ
MARGIN, TITLE = 8, 26
MOST_CELLS = 16


def conv_step(image: Tensor, kernel: Tensor, row: int, column: int, *, bias: float = 0) -> Picture:
    """Draw how one output cell of a convolution (stride 1, no padding) comes about, with every product.

    image: [H, W], kernel: [kh, kw], row and column: the output cell. ValueError if there is no such cell.
    """
    (height, width), (kh, kw) = _size(image), _size(kernel)
    rows, columns = height - kh + 1, width - kw + 1
    if not (0 <= row < rows and 0 <= column < columns):
        raise ValueError(f"output cell ({row}, {column}) is not in an output of {rows} x {columns}")
    products = image[row : row + kh, column : column + kw] * kernel
    total = _n(products.sum().item() + bias)

    gap, drawing = 46, Drawing()
    lefts = [MARGIN]
    for wide in (width, kw, kw):
        lefts.append(lefts[-1] + wide * CELL + gap)
    middle = MARGIN + TITLE + height * CELL / 2
    tops = [middle - high * CELL / 2 for high in (height, kh, kh, rows)]
    window = list(_places(row, column, kh, kw))
    drawing.grid(lefts[0], tops[0], height, width, CELL)
    drawing.grid(lefts[0] + column * CELL, tops[0] + row * CELL, kh, kw, CELL, fill=WINDOW)
    for (i, j), value in _cells(image):
        if (i, j) not in window:
            drawing.text(lefts[0] + (j + 0.5) * CELL, tops[0] + (i + 0.5) * CELL, _n(value))
    for (i, j), weight in _cells(kernel):  # the window's cells carry the weight they are multiplied by
        x, y = lefts[0] + (column + j) * CELL, tops[0] + (row + i) * CELL
        drawing.text(x + 0.28 * CELL, y + 0.32 * CELL, _n(image[row + i, column + j]))
        drawing.text(
            x + CELL - 3, y + 0.76 * CELL, f"×{_n(weight)}", size=12, anchor="end", color=COLORS["blue"]
        )
    _frame(drawing, lefts[0] + column * CELL, tops[0] + row * CELL, kh, kw, COLORS["blue"])
    for index, (values, fill) in enumerate(((kernel, WINDOW), (products, "white")), start=1):
        drawing.grid(lefts[index], tops[index], kh, kw, CELL, fill=fill)
        _numbers(drawing, lefts[index], tops[index], values)
    drawing.grid(lefts[3], tops[3], rows, columns, CELL)
    x, y = lefts[3] + column * CELL, tops[3] + row * CELL
    drawing.grid(x, y, 1, 1, CELL, fill=RESULT)
    _frame(drawing, x, y, 1, 1, COLORS["vermillion"])
    drawing.text(x + CELL / 2, y + CELL / 2, total, bold=True)

    names = (f"input {height}×{width}", f"kernel {kh}×{kw}", "products", f"output {rows}×{columns}")
    for left, top, name, wide in zip(lefts, tops, names, (width, kw, kw, columns)):
        drawing.text(left + wide * CELL / 2, top - TITLE / 2, name)
    for left, sign in zip(lefts[1:], ("×", "=", "sum →")):
        drawing.text(left - gap / 2, middle, sign, size=18 if len(sign) == 1 else 13)
    sum_of = " + ".join(f"({_n(value)})" if value < 0 else _n(value) for value in products.flatten().tolist())
    sum_of += f" + bias {_n(bias)}" if bias else ""
    bottom = MARGIN + TITLE + height * CELL + 22
    drawing.text(MARGIN, bottom, f"{sum_of} = {total}", anchor="start")
    about = f"output[{row}, {column}] is {total}: the window of the input times the kernel, added up"
    return drawing.picture(lefts[3] + columns * CELL + MARGIN, bottom + 18, about)


def conv_walk(image: Tensor, kernel: Tensor) -> Picture:
    """Draw every place of the kernel on the image (stride 1, no padding) and the number it gives there.

    image: [H, W], kernel: [kh, kw]. ValueError if the kernel does not fit, or for more than 16 places.
    """
    (height, width), (kh, kw) = _size(image), _size(kernel)
    rows, columns = height - kh + 1, width - kw + 1
    if not (rows >= 1 and columns >= 1 and rows * columns <= MOST_CELLS):
        raise ValueError(
            f"a {kh} x {kw} kernel on {height} x {width} has {rows} x {columns} places; 1 to 16 can be drawn"
        )
    drawing, cell = Drawing(), CELL / 2
    step_x, step_y = width * cell + 90, height * cell + 20
    for row in range(rows):
        for column in range(columns):
            left, top = MARGIN + column * step_x, MARGIN + row * step_y
            x, y = left + column * cell, top + row * cell
            window = image[row : row + kh, column : column + kw]
            total = _n((window * kernel).sum())
            drawing.grid(left, top, height, width, cell)
            drawing.grid(x, y, kh, kw, cell, fill=WINDOW)
            _frame(drawing, x, y, kh, kw, COLORS["blue"], cell=cell)
            _numbers(drawing, x, y, window, cell=cell, size=12)
            right, middle = left + width * cell, top + height * cell / 2
            drawing.text(right + 15, middle, "→")
            drawing.boxes([(right + 30, middle - 16, 36, 32)], fill=RESULT)
            drawing.text(right + 48, middle, total, bold=True)
    about = f"the {rows * columns} places of a {kh}×{kw} kernel on a {height}×{width} input, each with the sum it gives"
    return drawing.picture(columns * step_x - 90 + 74 + MARGIN, rows * step_y - 20 + 2 * MARGIN, about)


def channel_sum(maps: Sequence[Tensor]) -> Picture:
    """Draw how the maps of the channels, each with its own slice of the kernel, are added into one.

    maps: one [H, W] for each channel. ValueError if their shapes differ.
    """
    if len({_size(values) for values in maps}) != 1:
        raise ValueError(f"one shape is needed for all maps, got {[tuple(values.shape) for values in maps]}")
    (rows, columns), drawing, step = _size(maps[0]), Drawing(), 46
    top, left = MARGIN + TITLE, MARGIN
    for index, values in enumerate([*maps, sum(maps)]):
        last = index == len(maps)
        drawing.grid(left, top, rows, columns, CELL, fill=RESULT if last else "white")
        _numbers(drawing, left, top, values)
        name = "their sum" if last else f"channel {index} · slice {index}"
        drawing.text(left + columns * CELL / 2, MARGIN + TITLE / 2, name, size=13)
        if not last:
            sign = "=" if index == len(maps) - 1 else "+"
            drawing.text(left + columns * CELL + step / 2, top + rows * CELL / 2, sign, size=18)
        left += columns * CELL + step
    about = f"{len(maps)} maps of {rows}×{columns}, one for each channel, added into one"
    return drawing.picture(left - step + MARGIN, top + rows * CELL + MARGIN, about)


def kernel_positions(
    size: int, kernel_size: int, *, stride: int = 1, padding: int = 0, dilation: int = 1
) -> Picture:
    """Draw, along one axis, every place where a kernel can stand, and the first place where it no longer fits.

    Arguments as in nn.Conv2d, for one axis. ValueError if the kernel is longer than the padded input, or for more
    than 16 cells.
    """
    reach, cells = dilation * (kernel_size - 1) + 1, size + 2 * padding
    if min(size, kernel_size, stride, dilation) < 1 or padding < 0 or reach > cells or cells > MOST_CELLS:
        raise ValueError(
            f"cannot draw a kernel of length {reach} on {size} + 2·{padding} = {cells} cells (stride {stride}); "
            f"it must fit, on at most {MOST_CELLS} cells"
        )
    last, high, drawing = cells - reach, 22, Drawing()
    top = MARGIN + TITLE
    real = range(padding, padding + size)
    drawing.boxes([_box(MARGIN, top, 0, cell) for cell in range(cells) if cell not in real], fill=BORDER)
    drawing.boxes([_box(MARGIN, top, 0, cell) for cell in real])
    for cell in range(cells):
        text = f"x{cell - padding}" if cell in real else "pad"
        drawing.text(MARGIN + (cell + 0.5) * CELL, top + CELL / 2, text)
    pads = f"{padding} of padding" if padding else ""
    title = ", ".join(part for part in (pads, f"{size} cells of the input", pads) if part)
    drawing.text(MARGIN + cells * CELL / 2, MARGIN + TITLE / 2 - 2, title)

    outputs = 0
    for start in range(last + 2):
        y, fits, used = top + CELL + 10 + start * (high + 5), start <= last, start % stride == 0
        note, color = f"start {start}: skipped", "#666666"
        if not fits:
            note, color = f"start {start}: over the edge", COLORS["vermillion"]
        elif used:
            note, color = f"start {start} → output {outputs}", COLORS["blue"]
            outputs += 1
        drawing.line(MARGIN + (start + 0.5) * CELL, y + high / 2, MARGIN + (start + reach - 0.5) * CELL, y + high / 2,
                     color=color)  # fmt: skip
        taps = [(MARGIN + (start + tap * dilation) * CELL, y, CELL, high) for tap in range(kernel_size)]
        stands = fits and used
        drawing.boxes(taps, fill=WINDOW if stands else "white", edge=color, dashed=not stands)
        for tap, (x, *_) in enumerate(taps if stands else []):
            drawing.text(x + CELL / 2, y + high / 2, f"w{tap}", size=12)
        drawing.text(MARGIN + (cells + 1) * CELL + 12, y + high / 2, note, anchor="start", color=color)
    bottom = top + CELL + 10 + (last + 2) * (high + 5) + 16
    padded = f"{size} + 2·{padding}" if padding else f"{size}"
    places = f"{outputs} place{'s' if outputs > 1 else ''}"
    drawing.text(
        MARGIN,
        bottom,
        f"last start = {padded} − {reach} = {last}, steps of {stride}: {places}",
        anchor="start",
    )
    about = f"a kernel of {kernel_size} on {size} cells (stride {stride}, padding {padding}, dilation {dilation}): {places}"
    return drawing.picture(max(cells * CELL + 230, 400), bottom + 18, about)


def pool_windows(image: Tensor, kernel_size: int, *, stride: int | None = None) -> Picture:
    """Draw the windows of max pooling (no padding) on the image, and the largest number of each.

    image: [H, W]; stride defaults to kernel_size, as in nn.MaxPool2d. ValueError if the window does not fit.
    """
    height, width = _size(image)
    stride = kernel_size if stride is None else stride
    if min(kernel_size, stride) < 1 or kernel_size > min(height, width):
        raise ValueError(
            f"a {kernel_size} x {kernel_size} window with stride {stride} does not fit {height} x {width}"
        )
    rows, columns = (height - kernel_size) // stride + 1, (width - kernel_size) // stride + 1
    apart, drawing = (
        stride >= kernel_size,
        Drawing(),
    )  # windows that overlap cannot each have a colour of their own
    top, right = MARGIN + TITLE, MARGIN + width * CELL + 66
    lower = top + (height - rows) * CELL / 2
    drawing.grid(
        MARGIN, top, height, width, CELL, fill=BORDER if apart else "white"
    )  # grey: no window covers it
    largest = set()
    for row, column in _places(0, 0, rows, columns):
        y, x, tint = row * stride, column * stride, TINTS[(row * columns + column) % len(TINTS)]
        window = image[y : y + kernel_size, x : x + kernel_size]
        if apart:
            drawing.grid(MARGIN + x * CELL, top + y * CELL, kernel_size, kernel_size, CELL, fill=tint)
            _frame(drawing, MARGIN + x * CELL, top + y * CELL, kernel_size, kernel_size, "#333333")
            largest |= {(y + i, x + j) for (i, j), value in _cells(window) if value == window.max()}
        drawing.boxes([_box(right, lower, row, column)], fill=tint)
        drawing.text(right + (column + 0.5) * CELL, lower + (row + 0.5) * CELL, _n(window.max()), bold=True)
    for (i, j), value in _cells(image):
        drawing.text(MARGIN + (j + 0.5) * CELL, top + (i + 0.5) * CELL, _n(value), bold=(i, j) in largest)
    drawing.text(MARGIN + width * CELL / 2, top - TITLE / 2, f"input {height}×{width}")
    drawing.text(right + columns * CELL / 2, lower - TITLE / 2, f"output {rows}×{columns}")
    drawing.text(right - 33, top + height * CELL / 2, "max →")
    about = f"max pooling of a {height}×{width} input with a {kernel_size}×{kernel_size} window and stride {stride}"
    return drawing.picture(right + columns * CELL + 2 * MARGIN, top + height * CELL + MARGIN, about)


def linear_sum(inputs: Tensor, weight: Tensor, bias: Tensor, output: int = 0) -> Picture:
    """Draw a linear layer: its inputs, its outputs, and the weights that lead to one of them.

    inputs: [n], weight: [m, n], bias: [m], output: the place from 0 to m - 1. ValueError if the shapes do not fit.
    """
    if weight.shape != (len(bias), len(inputs)) or not 0 <= output < len(bias):
        raise ValueError(
            f"cannot draw output {output} of a weight {tuple(weight.shape)} with {len(inputs)} inputs, {len(bias)} biases"
        )
    outputs, drawing = weight @ inputs + bias, Drawing()
    high, left, right = 42, 30, 300
    middle = MARGIN + len(inputs) * high / 2
    heights = [MARGIN + (i + 0.5) * high for i in range(len(inputs))]
    ends = [middle + (o - (len(bias) - 1) / 2) * 2 * high for o in range(len(bias))]
    order = [o for o in range(len(bias)) if o != output] + [output]  # the chosen output's lines on top
    for o in order:
        for y in heights:
            drawing.line(left, y, right, ends[o], color=COLORS["blue"] if o == output else "#C8C8C8")
    for y, value in zip(heights, weight[output].tolist()):
        x = left + 0.32 * (right - left)
        at = y + 0.32 * (ends[output] - y)
        drawing.boxes([(x - 20, at - 9, 40, 18)], edge="none")
        drawing.text(x, at, f"× {_n(value)}", size=13, color=COLORS["blue"])
    for y, value in zip(heights, inputs.tolist()):
        drawing.boxes([(left - 16, y - 14, 32, 28)])
        drawing.text(left, y, _n(value))
    for o, (y, value) in enumerate(zip(ends, outputs.tolist())):
        drawing.boxes([(right - 18, y - 16, 36, 32)], fill=RESULT)
        drawing.text(right, y, _n(value), bold=o == output)
        drawing.text(right + 28, y, f"bias {_n(bias[o])} added", size=13, anchor="start")
    about = f"output {output} of a linear layer is {_n(outputs[output])}: the inputs times their weights, and the bias"
    return drawing.picture(right + 130, MARGIN * 2 + len(inputs) * high, about)


def transposed_stamps(image: Tensor, kernel: Tensor, *, stride: int = 1) -> Picture:
    """Draw a transposed convolution (no padding) as a sum: each input cell lays down the kernel times itself.

    image: [H, W], kernel: [kh, kw]. Cells where stamps overlap are bold. ValueError for a stride below 1, or for more
    than 4 stamps.
    """
    (height, width), (kh, kw) = _size(image), _size(kernel)
    if stride < 1 or height * width > 4:
        raise ValueError(f"cannot draw {height} x {width} stamps with stride {stride}; 1 to 4, stride 1 or more")
    rows, columns = (height - 1) * stride + kh, (width - 1) * stride + kw
    drawing, cell, gap = Drawing(), 23, 30
    total, layers = torch.zeros(rows, columns), torch.zeros(rows, columns)
    left, top = MARGIN, MARGIN + 2 * TITLE + max(height, kh) * cell
    for values, name, fill in ((image, "input", "white"), (kernel, "kernel", WINDOW)):
        high, wide = values.shape
        drawing.grid(left, MARGIN + TITLE, high, wide, cell, fill=fill)
        _numbers(drawing, left, MARGIN + TITLE, values, cell=cell)
        drawing.text(left, MARGIN + TITLE / 2, f"{name} {high}×{wide}", size=13, anchor="start")
        left += max(wide * cell, 70) + gap
    left, top = MARGIN, top + TITLE / 2
    for (row, column), value in _cells(image):
        stamp, y, x = kernel * value, row * stride, column * stride
        drawing.grid(left, top, rows, columns, cell)
        drawing.grid(left + x * cell, top + y * cell, kh, kw, cell, fill=WINDOW)
        _frame(drawing, left + x * cell, top + y * cell, kh, kw, COLORS["blue"], cell=cell)
        _numbers(drawing, left + x * cell, top + y * cell, stamp, cell=cell)
        drawing.text(left + columns * cell / 2, top - TITLE / 2, f"{_n(value)} × kernel", size=13)
        sign = "=" if (row, column) == (height - 1, width - 1) else "+"
        drawing.text(left + columns * cell + gap / 2, top + rows * cell / 2, sign, size=18)
        total[y : y + kh, x : x + kw] += stamp
        layers[y : y + kh, x : x + kw] += 1
        left += columns * cell + gap
    drawing.grid(left, top, rows, columns, cell, fill=RESULT)
    for (row, column), value in _cells(total):
        x, y = left + (column + 0.5) * cell, top + (row + 0.5) * cell
        drawing.text(x, y, _n(value), bold=bool(layers[row, column] > 1))
    drawing.text(left + columns * cell / 2, top - TITLE / 2, f"output {rows}×{columns}", size=13)
    about = f"{height * width} stamps of a {kh}×{kw} kernel, {stride} apart, added into a {rows}×{columns} output"
    return drawing.picture(left + columns * cell + MARGIN, top + rows * cell + MARGIN, about)


def zero_insertion(
    image: Tensor, kernel: Tensor, row: int, column: int, *, stride: int = 1, padding: int = 0
) -> Picture:
    """Draw one output cell of a transposed convolution as an ordinary convolution of the stretched input.

    image: [H, W], kernel: [k, k] as nn.ConvTranspose2d holds it; the picture turns it by half a turn. ValueError if
    there is no such cell, if the kernel is not square, or for a padding above k - 1.
    """
    (height, width), (k, kw) = _size(image), _size(kernel)
    border = k - 1 - padding
    if k != kw or stride < 1 or not 0 <= border < k:
        raise ValueError(
            f"needs a square kernel, stride >= 1, padding 0 to {k - 1}: got {k} x {kw}, stride {stride}, padding {padding}"
        )
    canvas = torch.zeros((height - 1) * stride + 1 + 2 * border, (width - 1) * stride + 1 + 2 * border)
    canvas[border : canvas.shape[0] - border : stride, border : canvas.shape[1] - border : stride] = image
    turned = kernel.flip(0, 1)
    output = canvas.unfold(0, k, 1).unfold(1, k, 1).mul(turned).sum(dim=(2, 3))
    (high, wide), (rows, columns) = canvas.shape, output.shape
    if not (0 <= row < rows and 0 <= column < columns):
        raise ValueError(f"output cell ({row}, {column}) is not in an output of {rows} x {columns}")

    drawing, cell, gap = Drawing(), 30, 46
    lefts = [MARGIN, MARGIN + wide * cell + gap, MARGIN + (wide + k) * cell + 2 * gap]
    middle = MARGIN + TITLE + high * cell / 2
    tops = [middle - size * cell / 2 for size in (high, k, rows)]
    drawing.grid(lefts[0], tops[0], high, wide, cell, fill=BORDER)
    x, y = lefts[0] + border * cell, tops[0] + border * cell
    drawing.grid(x, y, high - 2 * border, wide - 2 * border, cell, fill=BETWEEN)
    real = list(_places(0, 0, height, width))
    drawing.boxes([(x + j * stride * cell, y + i * stride * cell, cell, cell) for i, j in real])
    for (i, j), value in _cells(canvas):
        inside = divmod(i - border, stride), divmod(j - border, stride)
        is_real = inside[0][1] == inside[1][1] == 0 and (inside[0][0], inside[1][0]) in real
        drawing.text(lefts[0] + (j + 0.5) * cell, tops[0] + (i + 0.5) * cell, _n(value), bold=is_real)
    _frame(drawing, lefts[0] + column * cell, tops[0] + row * cell, k, k, COLORS["blue"], cell=cell)
    drawing.grid(lefts[1], tops[1], k, k, cell, fill=WINDOW)
    _numbers(drawing, lefts[1], tops[1], turned, cell=cell)
    _frame(drawing, lefts[1], tops[1], k, k, COLORS["blue"], cell=cell)
    drawing.grid(lefts[2], tops[2], rows, columns, cell)
    _numbers(drawing, lefts[2], tops[2], output, cell=cell)
    x, y = lefts[2] + column * cell, tops[2] + row * cell
    drawing.grid(x, y, 1, 1, cell, fill=RESULT)
    _frame(drawing, x, y, 1, 1, COLORS["vermillion"], cell=cell)
    drawing.text(x + cell / 2, y + cell / 2, _n(output[row, column]), bold=True)

    names = (f"stretched input {high}×{wide}", "kernel, turned", f"output {rows}×{columns}")
    for left, top, name, cells in zip(lefts, tops, names, (wide, k, columns)):
        drawing.text(left + cells * cell / 2, top - TITLE / 2, name)
    for left, sign in zip(lefts[1:], ("×", "sum →")):
        drawing.text(left - gap / 2, middle, sign, size=18 if len(sign) == 1 else 13)
    bottom = MARGIN + TITLE + high * cell + 18
    legend = f"bold: the input · yellow: {stride - 1} between neighbours · grey: {k - 1} − {padding} = {border} on each side"
    drawing.text(MARGIN, bottom, legend, size=13, anchor="start")
    about = f"output[{row}, {column}] is {_n(output[row, column])}: a window of the stretched input times the turned kernel"
    return drawing.picture(max(lefts[2] + columns * cell + MARGIN, 470), bottom + 16, about)


def _size(values: Tensor) -> tuple[int, int]:
    if values.ndim != 2 or not values.numel():
        raise ValueError(f"a picture needs a matrix [H, W], got shape {tuple(values.shape)}")
    return values.shape[0], values.shape[1]


def _places(row: int, column: int, rows: int, columns: int) -> Iterator[tuple[int, int]]:
    return ((row + i, column + j) for i in range(rows) for j in range(columns))


def _cells(values: Tensor) -> Iterable[tuple[tuple[int, int], float]]:
    return zip(_places(0, 0, *values.shape), values.flatten().tolist())


def _box(left: float, top: float, row: int, column: int, cell: float = CELL) -> Box:
    return left + column * cell, top + row * cell, cell, cell


def _frame(drawing, left, top, rows, columns, color, *, cell=CELL) -> None:
    drawing.boxes([(left, top, columns * cell, rows * cell)], fill="none", edge=color, width=2.5)


def _numbers(drawing, left, top, values, *, cell=CELL, size=14) -> None:
    for (i, j), value in _cells(values):
        drawing.text(left + (j + 0.5) * cell, top + (i + 0.5) * cell, _n(value), size=size)


def _n(value) -> str:
    """A number as short text with a real minus sign."""
    return f"{float(value) + 0.0:g}".replace("-", "−")  # + 0.0: no "−0"
