"""Every shape worked by hand: size formulas, derivations of whole models, and what a wrong answer reveals.

    shapes.conv2d_size(32, kernel_size=3)              (30, 30)
    shapes.derive(model, (3, 32, 32))                  every step of a model, with its arithmetic
    shapes.diagnose(step, (64, 32, 32))                the slips that give exactly this answer

Only `derive` needs PyTorch, and imports it when it is called.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from .check import Checked
from .derivation import Derivation, ShapeError, Step
from .mistakes import diagnose
from .sizes import conv2d_size, conv_transpose2d_size, pool2d_size

if TYPE_CHECKING:
    from torch import nn

__all__ = [
    "Checked",
    "Derivation",
    "ShapeError",
    "Step",
    "conv2d_size",
    "conv_transpose2d_size",
    "derive",
    "diagnose",
    "pool2d_size",
]


def derive(model: nn.Module, input_shape: Sequence[int]) -> Derivation:
    """Every step of a model in the order it runs, with its arithmetic: print it, index it, check yours against it.

    input_shape is the shape of one image without the batch axis, such as (3, 32, 32). The model may lie on any
    device, "meta" included; it is followed in eval mode and left as it was. Multiply-adds are for one image;
    parameters used twice count once. ValueError if model or input_shape are none; ShapeError, a ValueError, at
    the first layer whose shapes do not fit: it says what came in, what the layer expects and the line to
    write instead, and its `derivation` has the steps so far.
    """
    from .trace import trace

    return trace(model, input_shape)
