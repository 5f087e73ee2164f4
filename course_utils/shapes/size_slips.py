"""Slips in height and width: what each one gives for the layer at hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import singledispatch
from typing import TYPE_CHECKING

from . import sizes
from .layers import Layer
from .notation import short, times
from .resize import Pad, PixelShuffle, Upsample
from .windows import Conv2d, ConvTranspose2d, Pair, Pool2d

if TYPE_CHECKING:
    from .derivation import Step

SizeSlip = tuple[Pair, str]  # the size it gives, and the sentence that names it; {it} stands for the answer


def slips(step: Step) -> list[SizeSlip]:
    """The slips for this step, as far as they give any size at all."""
    return [(size, text) for size, text in _slips(step.layer, step.input_shape[1:]) if size and min(size) > 0]


@singledispatch
def _slips(layer: Layer, size: Pair) -> Iterator[SizeSlip]:
    return iter(())


def windows(n: int, k: int, s: int, padded: int, d: int = 1, *, up: bool = False, plus: int = 1) -> int:
    """The formula with each of its parts open to change; `padded` is what the padding adds in all."""
    room = n + padded - d * (k - 1) - 1
    return (-(-room // s) if up else room // s) + plus


def is_what(name: str, tried: object, real: object) -> str:
    return f"{{it}} is what {name}={tried} gives; this layer has {name}={real}."


@_slips.register
def _(layer: Conv2d, size: Pair) -> Iterator[SizeSlip]:
    if layer.padding == "same":
        without = _torchs(sizes.conv2d_size, size, layer.kernel_size, layer.stride, 0, layer.dilation)
        yield without, '{it} is what padding=0 gives; padding="same" keeps height and width.'
        return
    yield from _window_slips(layer, size)
    each = _axes(layer, size)
    yield (
        each(lambda n, k, s, p, d: windows(n, k, s, 2 * p, d, up=True)),
        ("You rounded up: a kernel that does not fit whole is left out, so round down."),
    )
    if layer.stride == (1, 1) and layer.kernel_size != (1, 1):
        k = short(layer.kernel_size)
        yield (
            each(lambda n, k, s, p, d: windows(n, k, k, 2 * p, d)),
            (
                f"{{it}} is what stride={k} gives: only a pooling steps by its kernel; this layer has stride=1."
            ),
        )
    yield (
        _torchs(
            sizes.conv_transpose2d_size,
            size,
            layer.kernel_size,
            layer.stride,
            layer.padding,
            0,
            layer.dilation,
        ),
        "{it} is what a transposed convolution gives; this is an ordinary one.",
    )


@_slips.register
def _(layer: Pool2d, size: Pair) -> Iterator[SizeSlip]:
    yield from _window_slips(layer, size)
    each = _axes(layer, size)
    if layer.ceil_mode:
        yield (
            each(lambda n, k, s, p, d: windows(n, k, s, 2 * p, d)),
            ("You ignored ceil_mode=True: {it} is what rounding down gives."),
        )
        yield (
            each(lambda n, k, s, p, d: windows(n, k, s, 2 * p, d, up=True)),
            ("You kept a window that starts outside: even with ceil_mode the last one must start inside."),
        )
    else:
        yield (
            each(lambda n, k, s, p, d: windows(n, k, s, 2 * p, d, up=True)),
            ("You rounded up: {it} is what ceil_mode=True gives; without it, round down."),
        )
    if layer.stride != layer.kernel_size:
        yield (
            each(lambda n, k, s, p, d: windows(n, k, k, 2 * p, d)),
            is_what("stride", short(layer.kernel_size), short(layer.stride)),
        )


def _window_slips(layer: Conv2d | Pool2d, size: Pair) -> Iterator[SizeSlip]:
    """What convolution and pooling have in common."""
    each, up = _axes(layer, size), getattr(layer, "ceil_mode", False)
    p, s, d, k = layer.padding, layer.stride, layer.dilation, layer.kernel_size
    if p != (0, 0):
        yield (
            each(lambda n, k, s, p, d: windows(n, k, s, p, d, up=up)),
            (f"You added the padding on one side only: padding={short(p)} adds that much on both sides."),
        )
    for tried in range(max(d[0] * (k[0] - 1), d[1] * (k[1] - 1)) // 2 + 1):
        if (tried, tried) != p:
            forgot = "" if tried else "You forgot the padding: "
            yield (
                each(lambda n, k, s, p, d, tried=tried: windows(n, k, s, 2 * tried, d, up=up)),
                (forgot + is_what("padding", tried, short(p))),
            )
    yield (
        each(lambda n, k, s, p, d: windows(n, k, s, 2 * p, d, up=up, plus=0)),
        ("You dropped the + 1: the window's first place counts too, before any step."),
    )
    if s != (1, 1):
        default = isinstance(layer, Pool2d) and s == k
        yield (
            each(lambda n, k, s, p, d: windows(n, k, 1, 2 * p, d, up=up)),
            (
                f"{{it}} is what stride=1 gives: without a stride, a pooling steps by its kernel, here {short(k)}."
                if default
                else f"You ignored the stride: {is_what('stride', 1, short(s))}"
            ),
        )
        if not default:
            yield (
                each(lambda n, k, s, p, d: n // s),
                ("You only divided by the stride: {it} leaves the kernel out of account."),
            )
    if d != (1, 1):
        yield (
            each(lambda n, k, s, p, d: windows(n, k, s, 2 * p, 1, up=up)),
            (f"You ignored the dilation: {is_what('dilation', 1, short(d))}"),
        )
        reach = tuple(a * (b - 1) + 1 for a, b in zip(d, k, strict=True))
        yield (
            each(lambda n, k, s, p, d: windows(n, d * k, s, 2 * p, 1, up=up)),
            (
                f"You let the kernel reach {times([short(d), short(k)])} pixels: with its gaps it reaches {short(reach)}."
            ),
        )
    yield _swapped(layer, size), "You swapped height and width in a pair: its first number is for the height."


@_slips.register
def _(layer: ConvTranspose2d, size: Pair) -> Iterator[SizeSlip]:
    each = _axes(layer, size, "output_padding")
    p, s, d, o = layer.padding, layer.stride, layer.dilation, layer.output_padding

    def rule(n: int, k: int, s: int, p: int, d: int, o: int, less: int = 1, plus: int = 1) -> int:
        return (n - less) * s - p + d * (k - 1) + o + plus

    if p != (0, 0):
        yield (
            each(lambda n, k, s, p, d, o: rule(n, k, s, 0, d, o)),
            (f"You forgot the padding: {is_what('padding', 0, short(p))}"),
        )
        yield (
            each(lambda n, k, s, p, d, o: rule(n, k, s, p, d, o)),
            (f"You took the padding off one side only: padding={short(p)} takes that much off both sides."),
        )
        yield (
            each(lambda n, k, s, p, d, o: rule(n, k, s, -2 * p, d, o)),
            ("You added the padding: in a transposed convolution it takes rows and columns away."),
        )
    if o != (0, 0):
        yield (
            each(lambda n, k, s, p, d, o: rule(n, k, s, 2 * p, d, 0)),
            (f"You forgot the output_padding: {is_what('output_padding', 0, short(o))}"),
        )
    yield (
        each(lambda n, k, s, p, d, o: rule(n, k, s, 2 * p, d, o, plus=0)),
        ("You dropped the + 1 at the end of the formula."),
    )
    yield (
        each(lambda n, k, s, p, d, o: rule(n, k, s, 2 * p, d, o, less=0)),
        ("You took H·s for (H − 1)·s: between H pixels there are H − 1 gaps."),
    )
    if s != (1, 1):
        yield (
            each(lambda n, k, s, p, d, o: rule(n, k, 1, 2 * p, d, o)),
            (f"You ignored the stride: {is_what('stride', 1, short(s))}"),
        )
        yield (
            each(lambda n, k, s, p, d, o: n * s),
            ("You only multiplied by the stride: {it} leaves kernel and padding out of account."),
        )
    if d != (1, 1):
        yield (
            each(lambda n, k, s, p, d, o: rule(n, k, s, 2 * p, 1, o)),
            (f"You ignored the dilation: {is_what('dilation', 1, short(d))}"),
        )
    yield _swapped(layer, size), "You swapped height and width in a pair: its first number is for the height."
    yield (
        _torchs(sizes.conv2d_size, size, layer.kernel_size, s, p, d),
        ("{it} is what an ordinary convolution gives; this is a transposed one."),
    )


@_slips.register
def _(layer: Upsample, size: Pair) -> Iterator[SizeSlip]:
    if layer.factor:
        smaller = tuple(int(n // factor) for n, factor in zip(size, layer.factor, strict=True))
        yield smaller, "You divided by the scale: upsampling multiplies by it."
        squared = tuple(int(n * factor**2) for n, factor in zip(size, layer.factor, strict=True))
        yield squared, "You scaled twice: each axis grows by the scale once."


@_slips.register
def _(layer: PixelShuffle, size: Pair) -> Iterator[SizeSlip]:
    r = layer.factor
    yield (size[0] * r * r, size[1] * r * r), f"You took r² for the size: each axis grows by r = {r}."
    yield size, f"You kept height and width: each axis grows by r = {r}."


@_slips.register
def _(layer: Pad, size: Pair) -> Iterator[SizeSlip]:
    one_side = size[0] + layer.top_bottom[0], size[1] + layer.left_right[0]
    yield one_side, "You added the padding on one side only."


def _axes(layer: Conv2d | ConvTranspose2d | Pool2d, size: Pair, *more: str) -> Callable[..., Pair]:
    """A function that applies a rule of (n, k, s, p, d, ...) to both axes of this layer."""
    names = ("kernel_size", "stride", "padding", "dilation", *more)
    columns = list(zip(size, *(getattr(layer, name) for name in names), strict=True))
    return lambda rule: tuple(rule(*column) for column in columns)


def _swapped(layer: Conv2d | ConvTranspose2d | Pool2d, size: Pair) -> Pair | None:
    """The size if height and width change places in the layer's pairs."""
    turned = _torchs(layer.size, size[::-1])
    return turned and turned[::-1]


def _torchs(function: Callable[..., Pair], *arguments: object) -> Pair | None:
    """The size that a formula gives, or None where there is none."""
    try:
        return function(*arguments)
    except ValueError:
        return None
