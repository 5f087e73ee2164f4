"""Slips in counting parameters: what each one gives for the layer at hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from .layers import Linear, Norm
from .notation import times
from .windows import Kernels

if TYPE_CHECKING:
    from .derivation import Step

CountSlip = tuple[int, str]


def slips(step: Step) -> Iterator[CountSlip]:
    """The slips for this step, each with the number of parameters it gives."""
    if isinstance(step.layer, Kernels):
        yield from _kernels(step.layer)
    elif isinstance(step.layer, Linear):
        yield from _linear(step.layer)
    elif isinstance(step.layer, Norm):
        channels = step.layer.channels
        both = f"each of the {channels} channels has a scale and a shift."
        yield channels, f"You counted one number a channel: {both}"
        yield 4 * channels, "You counted the running mean and variance: they are measured, not learned."
        yield 0, f"It does learn: {both}"
    yield (
        step.multiply_adds,
        "That is the number of multiply-adds: a parameter counts once, however often it is used.",
    )


def _kernels(layer: Kernels) -> Iterator[CountSlip]:
    into, out, (height, width) = layer.in_channels // layer.groups, layer.out_channels, layer.kernel_size
    slices = into * height * width  # the numbers in one kernel
    if layer.bias:
        yield out * slices, f"You forgot the bias: one number for each of the {out} kernels."
        yield out * slices + 1, f"You counted one bias for the layer: each of the {out} kernels has its own."
        yield (
            out * slices + into,
            f"You counted a bias for each channel that comes in: it is one a kernel, {out}.",
        )
    else:
        yield out * (slices + 1), "You counted a bias: this layer has bias=False."
    one = f"You counted one kernel only: there are {out}, one for each channel that goes out."
    yield slices + layer.bias, one
    yield slices, one if not layer.bias else f"{one} And you forgot its bias."
    flat = f"You counted one slice a kernel: it has one for each channel that comes in, {into}."
    yield out * (height * width + layer.bias), flat
    yield out * (into * height + layer.bias), f"You counted {height} for the kernel: it is {height}×{width}."
    if layer.groups > 1:
        everything = layer.in_channels * height * width
        yield (
            out * (everything + layer.bias),
            (
                f"You ignored groups={layer.groups}: a kernel sees {layer.in_channels}/{layer.groups} = {into} channels."
            ),
        )


def _linear(layer: Linear) -> Iterator[CountSlip]:
    into, out = layer.in_features, layer.out_features
    if layer.bias:
        yield into * out, f"You forgot the bias: one number for each of the {out} outputs."
        yield into * out + 1, f"You counted one bias for the layer: each of the {out} outputs has its own."
        yield (
            into * out + into,
            f"You counted a bias for each of the {into} inputs: it is one an output, {out}.",
        )
    else:
        yield out * (into + 1), "You counted a bias: this layer has bias=False."
    yield into + layer.bias, f"You counted one output only: each of the {out} has {into} weights of its own."
    yield into, f"You counted one output only, without its bias: each of the {out} has {into} weights."
    yield into + out, f"You added: every output is joined to every input, {times([out, into])} weights."
