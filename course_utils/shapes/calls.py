"""From a call as PyTorch sees it, such as F.conv2d(x, weight, bias, ...), to the layer it computes.

The functions below carry the names and signatures of PyTorch's own; each returns the layer and the tensors that
are its data. `describe` picks one by name; a call it does not know, or with other arguments, gives None.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable

from torch import Tensor

from . import layers, resize, windows
from .layers import Layer
from .tensors import image, ints

Found = tuple[Layer, list[Tensor]]
CALLS: dict[str, tuple[Callable[..., Found | None], inspect.Signature]] = {}


def describe(name: str, args: tuple, kwargs: dict, batch: int) -> Found | None:
    """The layer that this call computes and its data tensors, or None."""
    if name not in CALLS:
        return None
    reader, signature = CALLS[name]
    extra = {"name": name, "batch": batch}
    kwargs = kwargs | {key: value for key, value in extra.items() if key in signature.parameters}
    try:
        signature.bind(*args, **kwargs)
    except TypeError:
        return None
    return reader(*args, **kwargs)


def called(*names: str):
    """Enter a function under the names that PyTorch uses for it."""

    def enter(function):
        CALLS.update(dict.fromkeys(names, (function, inspect.signature(function))))
        return function

    return enter


def two(value) -> tuple[int, int]:
    """2, (2,) or (2, 3) as a pair."""
    value = tuple(value) if isinstance(value, (tuple, list)) else (value,)
    return value * 2 if len(value) == 1 else value


def zeros(padding) -> windows.Pair | str:
    return padding if padding == "same" else (0, 0) if padding == "valid" else two(padding)


@called("conv2d")
def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    out_channels, in_channels, *kernel = weight.shape
    numbers = (tuple(kernel), two(stride), zeros(padding), two(dilation), groups, bias is not None)
    return windows.Conv2d(in_channels * groups, out_channels, *numbers), [input]


@called("conv_transpose2d")
def conv_transpose2d(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
    in_channels, out_channels, *kernel = weight.shape
    numbers = (tuple(kernel), two(stride), two(padding), two(dilation), groups, bias is not None)
    layer = windows.ConvTranspose2d(in_channels, out_channels * groups, *numbers, two(output_padding))
    return layer, [input]


@called("max_pool2d", "max_pool2d_with_indices")
def max_pool2d(input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False):
    stride = two(kernel_size if stride in (None, []) else stride)
    numbers = (two(kernel_size), stride, two(padding), two(dilation), ceil_mode)
    return windows.Pool2d("MaxPool2d", *numbers), [input]


@called("avg_pool2d")
def avg_pool2d(
    input,
    kernel_size,
    stride=None,
    padding=0,
    ceil_mode=False,
    count_include_pad=True,
    divisor_override=None,
):
    stride = two(kernel_size if stride in (None, []) else stride)
    return windows.Pool2d("AvgPool2d", two(kernel_size), stride, two(padding), (1, 1), ceil_mode), [input]


@called("adaptive_avg_pool2d")
def adaptive_avg_pool2d(input, output_size):
    return resize.AdaptivePool2d("AdaptiveAvgPool2d", two(output_size)), [input]


@called("adaptive_max_pool2d", "adaptive_max_pool2d_with_indices")
def adaptive_max_pool2d(input, output_size, return_indices=False):
    return resize.AdaptivePool2d("AdaptiveMaxPool2d", two(output_size)), [input]


@called("linear")
def linear(input, weight, bias=None):
    return layers.Linear(weight.shape[1], weight.shape[0], bias is not None), [input]


@called("flatten")
def flatten(input, start_dim=0, end_dim=-1, *, batch=None):
    last = input.ndim - 1
    whole_images = input.ndim > 1 and start_dim % input.ndim == 1 and end_dim % input.ndim == last
    return (layers.Flatten(), [input]) if whole_images else None


@called("view", "reshape")
def view(input, *shape, batch=None):
    shape = ints(shape)
    if len(shape) < 2:
        return None
    first, *rest = shape
    total = math.prod(image(input.shape, batch))
    if input.shape[0] != batch or first not in (batch, -1) or (first == -1 and math.prod(rest) != total):
        return None
    layer = layers.Flatten() if rest in ([-1], [total]) else layers.Reshape(tuple(rest))
    return layer, [input]


@called("batch_norm")
def batch_norm(
    input, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5
):
    known = next((t for t in (weight, running_mean) if t is not None), None)
    channels = input.shape[1] if known is None else known.numel()
    return layers.Norm(f"BatchNorm{max(input.ndim - 2, 1)}d", channels, weight is not None), [input]


@called("group_norm")
def group_norm(input, num_groups, weight=None, bias=None, eps=1e-5):
    return layers.Norm("GroupNorm", input.shape[1], weight is not None), [input]


@called("instance_norm")
def instance_norm(input, running_mean=None, running_var=None, weight=None, bias=None, *rest, **options):
    return layers.Norm("InstanceNorm2d", input.shape[1], weight is not None), [input]


@called("softmax", "log_softmax")
def softmax(input, dim=None, *rest, **options):
    over_channels = dim is not None and dim % input.ndim == 1
    return (layers.Pointwise(), [input]) if over_channels else None


@called("add", "sub", "mul", "div", "maximum", "minimum")
def combine(input, other, *, name="", alpha=1, rounding_mode=None):
    if isinstance(input, Tensor) and isinstance(other, Tensor) and other.ndim and input.ndim:
        return layers.Combine(SYMBOLS[name]), [input, other]
    data = [value for value in (input, other) if isinstance(value, Tensor) and value.ndim]
    return layers.Pointwise(), data[:1]


SYMBOLS = {"add": "+", "sub": "−", "mul": "·", "div": "/", "maximum": "max", "minimum": "min"}


@called("cat", "concat", "concatenate")
def cat(tensors, dim=0, *, batch=None):
    axis = dim % tensors[0].ndim - 1
    batched = all(tensor.shape[0] == batch for tensor in tensors)
    return (layers.Cat(axis), list(tensors)) if batched and axis >= 0 else None


@called("mean")
def mean(input, dim=None, keepdim=False, *, batch=None):
    dims = dim if isinstance(dim, (tuple, list)) else [dim]
    over_maps = input.ndim == 4 and None not in dims and sorted(d % 4 for d in dims) == [2, 3]
    return (layers.Mean(keepdim), [input]) if over_maps else None


@called("interpolate")
def interpolate(
    input,
    size=None,
    scale_factor=None,
    mode="nearest",
    align_corners=None,
    recompute_scale_factor=None,
    antialias=False,
):
    if input.ndim != 4:
        return None
    mode = f"{mode} with align_corners" if align_corners else mode
    if size is not None:
        return resize.Upsample(None, two(size), mode), [input]
    return resize.Upsample(two(scale_factor), None, mode), [input]


@called("pixel_shuffle")
def pixel_shuffle(input, upscale_factor):
    return resize.PixelShuffle(upscale_factor), [input]


@called("pad")
def pad(input, pad, mode="constant", value=None):
    if input.ndim != 4 or len(pad) not in (2, 4):
        return None
    left, right, top, bottom = (*pad, 0, 0)[:4]
    return resize.Pad((top, bottom), (left, right)), [input]


@called(
    # Each number by itself, or with those of other channels: the shape and the receptive field stay.
    *"""relu relu6 leaky_relu rrelu elu selu celu gelu silu mish hardswish hardsigmoid hardtanh sigmoid tanh
    logsigmoid softplus softsign tanhshrink softshrink hardshrink threshold prelu
    dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout local_response_norm
    clamp clip exp log sqrt square abs neg pow normalize""".split()
)
def pointwise(input, *args, **kwargs):
    return layers.Pointwise(), [input]
