"""How large the output of a convolution, a pooling or a transposed convolution is.

Plain integers in, plain integers out: nothing here needs PyTorch, so a student can read every line.
Names, defaults and refusals are those of torch.nn.
"""

from __future__ import annotations

from numbers import Integral

Size = int | tuple[int, int]


def conv2d_size(
    size: Size, kernel_size: Size, stride: Size = 1, padding: Size | str = 0, dilation: Size = 1
) -> tuple[int, int]:
    """Height and width that a convolution gives: ⌊(H + 2·p − d·(k − 1) − 1) / s⌋ + 1 on each axis.

    Every argument is an int or an (h, w) pair, in pixels; padding may also be "same" or "valid".
    Raises ValueError where torch.nn.Conv2d refuses: a kernel larger than the padded input, "same" with a
    stride, a zero or negative argument. Source: Dumoulin and Visin 2016, section 2.4.
    """
    size, kernel_size = pair("size", size), pair("kernel_size", kernel_size)
    stride, dilation = pair("stride", stride), pair("dilation", dilation)
    if padding == "same":
        if stride != (1, 1):
            raise ValueError(f'padding="same" needs stride 1: got stride={_short(stride)}')
        return size
    padding = (0, 0) if padding == "valid" else pair("padding", padding, least=0, words='"same" or "valid"')
    return _each_axis(_conv_axis, size, kernel_size, stride, padding, dilation)


def pool2d_size(
    size: Size,
    kernel_size: Size,
    stride: Size | None = None,
    padding: Size = 0,
    dilation: Size = 1,
    ceil_mode: bool = False,
) -> tuple[int, int]:
    """Height and width that max or average pooling gives. A stride of None means: the kernel's size.

    As for a convolution; with ceil_mode the division rounds up, but the last window must start inside the
    input or its left (upper) padding. Every argument is an int or an (h, w) pair, in pixels. Raises
    ValueError where torch.nn.MaxPool2d refuses: no window fits, padding of more than half the kernel, a
    zero or negative argument. (torch.nn.AvgPool2d has no dilation: leave it at 1.)
    """
    size, kernel_size = pair("size", size), pair("kernel_size", kernel_size)
    stride = kernel_size if stride is None else pair("stride", stride)
    padding, dilation = pair("padding", padding, least=0), pair("dilation", dilation)
    if not isinstance(ceil_mode, bool):
        raise ValueError(f"ceil_mode is True or False: got {ceil_mode!r}")
    for p, k in zip(padding, kernel_size, strict=True):
        if p > k // 2:
            raise ValueError(f"padding may be at most half the kernel: got padding={p} with kernel_size={k}")
    return _each_axis(_pool_axis, size, kernel_size, stride, padding, dilation, (ceil_mode, ceil_mode))


def conv_transpose2d_size(
    size: Size,
    kernel_size: Size,
    stride: Size = 1,
    padding: Size = 0,
    output_padding: Size = 0,
    dilation: Size = 1,
) -> tuple[int, int]:
    """Height and width that a transposed convolution gives: (H − 1)·s − 2·p + d·(k − 1) + o + 1 on each axis.

    Every argument is an int or an (h, w) pair, in pixels. Raises ValueError where torch.nn.ConvTranspose2d
    refuses: an output_padding that is not below the stride or the dilation, a padding that leaves no
    output, a zero or negative argument. Source: Dumoulin and Visin 2016, section 4.6.
    """
    size, kernel_size = pair("size", size), pair("kernel_size", kernel_size)
    stride, dilation = pair("stride", stride), pair("dilation", dilation)
    padding, output_padding = (
        pair("padding", padding, least=0),
        pair("output_padding", output_padding, least=0),
    )
    return _each_axis(_transpose_axis, size, kernel_size, stride, padding, output_padding, dilation)


def _conv_axis(n: int, k: int, s: int, p: int, d: int) -> int:
    padded, reach = n + 2 * p, d * (k - 1) + 1
    if reach > padded:
        spread = f" with dilation={d} reaches {reach}" if d > 1 else ""
        raise ValueError(
            f"kernel_size={k}{spread}: larger than the padded input, which is {n} + 2·{p} = {padded}"
        )
    return (padded - reach) // s + 1


def _pool_axis(n: int, k: int, s: int, p: int, d: int, ceil_mode: bool) -> int:
    if not ceil_mode:
        return _conv_axis(n, k, s, p, d)
    padded, reach = n + 2 * p, d * (k - 1) + 1
    windows = -((reach - padded) // s) + 1  # −(−a // s) is a / s rounded up
    if (windows - 1) * s >= n + p:  # the last window would start in the right padding
        windows -= 1
    if windows < 1:
        raise ValueError(
            f"kernel_size={k} is too large even with ceil_mode: it reaches {reach}, "
            f"the padded input is {n} + 2·{p} = {padded}, stride={s}"
        )
    return windows


def _transpose_axis(n: int, k: int, s: int, p: int, o: int, d: int) -> int:
    if o >= s and o >= d:
        raise ValueError(
            f"output_padding must be below the stride or the dilation: got output_padding={o}, "
            f"stride={s}, dilation={d}"
        )
    out = (n - 1) * s - 2 * p + d * (k - 1) + o + 1
    if out < 1:
        raise ValueError(
            f"nothing is left: ({n} − 1)·{s} − 2·{p} + {d}·({k} − 1) + {o} + 1 = {out}; use a smaller padding"
        )
    return out


def _each_axis(rule, *arguments: tuple[int, int]) -> tuple[int, int]:
    """The rule for one axis, once with the heights and once with the widths of all arguments."""
    height, width = zip(*arguments, strict=True)
    return rule(*height), rule(*width)


def pair(name: str, value: object, *, least: int = 1, words: str = "") -> tuple[int, int]:
    """An int or an (h, w) pair as a pair. Raises ValueError unless both are whole numbers of at least `least`."""
    both = tuple(value) if isinstance(value, (tuple, list)) else (value, value)
    if len(both) != 2 or not all(isinstance(n, Integral) and not isinstance(n, bool) for n in both):
        allowed = "an int or an (h, w) pair of ints" + (f", or {words}" if words else "")
        raise ValueError(f"{name} is {allowed}: got {value!r}")
    if min(both) < least:
        raise ValueError(f"{name} must be at least {least}: got {_short(both)}")
    return int(both[0]), int(both[1])


def _short(both: tuple[int, int]) -> str:
    return str(both[0] if both[0] == both[1] else both)
