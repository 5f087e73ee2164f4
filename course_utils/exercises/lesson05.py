"""The questions of lesson 5: degradation, the parts of a residual block, the network's shapes, its training."""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from course_utils import shapes

from .base import has_ellipsis
from .calls import Call
from .core import Choice, Code, Number, Progress, Shape


def conv3x3(in_channels: int, out_channels: int, stride: int = 1) -> nn.Conv2d:
    """The notebook's helper."""
    return nn.Conv2d(in_channels, out_channels, kernel_size=3, stride=stride, padding=1, bias=False)


def namespace() -> dict[str, Any]:
    """The names that the notebook's earlier cells define and the solutions use."""
    return {"torch": torch, "nn": nn, "F": F, "conv3x3": conv3x3}


def slips(layer: nn.Module, *input_shape: int) -> Callable[[Any], list[str]]:
    """What a wrong shape of this layer shows."""
    step = shapes.derive(layer, input_shape)[0]
    return lambda answer: shapes.diagnose(step, answer)


class Built(Code):
    """A class or function that builds a module: what is compared is the module's output, and how many parameters it has.

    The first argument is the number of input channels. Weights of the same shape get the same numbers, so
    the order in which a student makes the layers does not matter.
    """

    def _call(self, function: Callable[..., Any], trial: int) -> Call:
        def used(*arguments: Any) -> Any:
            module = function(*arguments)
            if not isinstance(module, nn.Module):
                return module
            module.double()
            for parameter in module.parameters():
                generator = Generator().manual_seed(parameter.numel())
                parameter.data = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            images = torch.randn(2, arguments[0], 6, 6, generator=Generator().manual_seed(trial))
            output = module(images.double())
            if output is None or has_ellipsis(output):
                return output
            return {"output": output, "parameters": sum(p.numel() for p in module.parameters())}

        return super()._call(used, trial)


# Degradation

not_overfitting = Choice(
    "not_overfitting",
    "b",
    choices={
        "a": "it was trained for too short a time to overfit",
        "b": "its loss on the training images is worse, and overfitting would make that loss better",
        "c": "its accuracy on the test images is worse",
        "d": "BatchNorm makes overfitting impossible",
    },
    solution='reason = "b"',
    hints=[
        "What does overfitting do to the loss on the training images, and what to that on the test images?",
        "An overfitted network knows its training images by heart. Does the deep plain one?",
    ],
    wrong=[
        ("a", "All six were trained for the same time. A longer run could overfit; it says nothing about this one."),
        (
            "c",
            "The experiment never looked at test images. And a worse test accuracy alone is what overfitting looks like.",
        ),
        ("d", "A network with BatchNorm can overfit like any other."),
    ],
)  # fmt: skip

# The parts of the block

bn_params = Number(
    "bn_params",
    128,
    solution="parameters = 64 + 64",
    hints=["How many numbers are learned for one channel?", "A γ and a β each: 2 · 64."],
    wrong=[
        (256, "The running mean and variance are measured, not learned: they are buffers, not parameters."),
        (64, "There is a γ for each channel and also a β."),
        (2, "Each of the 64 channels has a γ and a β of its own."),
        (192, "Three a channel is one too many: γ and β."),
        (4, "Each channel has its own, and only γ and β are parameters."),
    ],
)

inplace_trap = Choice(
    "inplace_trap",
    "b",
    choices={
        "a": "`y = relu(bn1(conv1(x)))`",
        "b": "`y = conv1(relu(x)); return bn1(y) + x`",
        "c": "`y = bn2(y) + x; return relu(y)`",
        "d": "`y = relu(conv1(x) + 0); return y + x`",
    },
    solution='line = "b"',
    hints=[
        "What does each ReLU overwrite, and is that used again?",
        "Look for the line in which `x` itself is overwritten and then added.",
    ],
    wrong=[
        ("a", "The output of BatchNorm is overwritten, and nobody needs it again."),
        ("c", "The sum is overwritten, and nobody needs it again: an addition keeps nothing for `backward`."),
        ("d", "The sum `conv1(x) + 0` is overwritten. `x` is another tensor and stays as it was."),
    ],
)

# The block

shortcut_shape = Shape(
    "shortcut_shape",
    (32, 16, 16),
    solution="shortcut_shape = (32, 16, 16)",
    hints=[
        "The formula of lesson 3: (size + 2 · padding − kernel) // stride + 1.",
        "(32 + 0 − 1) // 2 + 1 = 15 + 1, and 32 kernels.",
    ],
    wrong=[((32, 15, 15), "31 // 2 is 15, and the place at the start comes on top: + 1.")],
    diagnose=slips(nn.Conv2d(16, 32, kernel_size=1, stride=2, bias=False), 16, 32, 32),
)


class _Block(nn.Module):
    def __init__(
        self, in_channels: int, out_channels: int, stride: int = 1, downsample: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.conv1 = conv3x3(in_channels, out_channels, stride)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = conv3x3(out_channels, out_channels)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.downsample = downsample

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


def _block_setting(generator: Generator) -> tuple[int, int, int, nn.Module | None]:
    into = int(torch.randint(2, 5, (), generator=generator))
    kind = int(torch.randint(0, 3, (), generator=generator))  # nothing changes, only the channels, both
    if kind == 0:
        return into, into, 1, None
    downsample = nn.Sequential(nn.Conv2d(into, 2 * into, 1, kind, bias=False), nn.BatchNorm2d(2 * into))
    return into, 2 * into, kind, downsample.double()


_CONSTRUCTOR = """
    def __init__(self, in_channels, out_channels, stride=1, downsample=None):
        super().__init__()
        self.conv1 = conv3x3(in_channels, out_channels, stride)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = conv3x3(out_channels, out_channels)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.downsample = downsample
"""
_SHORTCUT = "shortcut = x if self.downsample is None else self.downsample(x)"
_FIRST, _SECOND = "y = self.relu(self.bn1(self.conv1(x)))", "y = self.bn2(self.conv2(y))"
_CONV3X3 = """def conv3x3(in_channels, out_channels, stride=1):
    return nn.Conv2d(in_channels, out_channels, 3, stride, padding=1, bias=False)

"""


def _block_code(*lines: str) -> str:
    forward = "".join(f"\n        {line}" for line in lines)
    return f"class MyResidualBlock(nn.Module):{_CONSTRUCTOR}\n    def forward(self, x):{forward}"


def _wrong_block(*lines: str) -> str:
    """A wrong block, in a function that builds it: a wrong answer must be a function."""
    return (
        f"{_CONV3X3}{_block_code(*lines)}\n\n"
        "def build(in_channels, out_channels, stride=1, downsample=None):\n"
        "    return MyResidualBlock(in_channels, out_channels, stride, downsample)"
    )


residual_block = Built(
    "residual_block",
    _Block,
    _block_setting,
    trials=8,
    solution=_block_code(_SHORTCUT, _FIRST, _SECOND, "return self.relu(y + shortcut)"),
    hints=[
        "Start with the shortcut: `x` itself if `self.downsample` is None, else `self.downsample(x)`.",
        "Then `y = self.relu(self.bn1(self.conv1(x)))` and `y = self.bn2(self.conv2(y))`.",
        "Add the shortcut to `y`, and apply the ReLU to the sum.",
    ],
    wrong=[
        (
            _wrong_block(_FIRST, _SECOND, "return self.relu(y)"),
            "The addition is missing: that is a plain block.",
        ),
        (
            _wrong_block(_SHORTCUT, _FIRST, _SECOND, "return self.relu(y) + shortcut"),
            "The last ReLU comes before the addition: then the block can never take anything away. Add first.",
        ),
        (
            _wrong_block(_SHORTCUT, _FIRST, _SECOND, "return y + shortcut"),
            "The ReLU after the addition is missing.",
        ),
        (
            _wrong_block(_SHORTCUT, _FIRST, _SECOND, "return self.relu(self.relu(y) + shortcut)"),
            "There is a ReLU before the addition, too: F(x) must be able to be negative.",
        ),
        (
            _wrong_block(_FIRST, _SECOND, "return self.relu(y + x)"),
            "The shortcut is always `x`. When there is a `downsample`, it must be applied to `x` first.",
        ),
        (
            _wrong_block(_SHORTCUT, "y = self.bn1(self.conv1(x))", _SECOND, "return self.relu(y + shortcut)"),
            "The ReLU between the two convolutions is missing.",
        ),
        (
            _wrong_block(_SHORTCUT, _FIRST, "y = self.conv2(y)", "return self.relu(y + shortcut)"),
            "The second BatchNorm is missing.",
        ),
        (
            _wrong_block(_SHORTCUT, _FIRST, _SECOND, "return self.relu(y - shortcut)"),
            "The shortcut is subtracted; it must be added.",
        ),
        (
            _wrong_block(_FIRST, _SECOND, _SHORTCUT, "return self.relu(y + 2 * shortcut)"),
            "The shortcut is added twice.",
        ),
        (
            _wrong_block("x = self.relu(x)", _SHORTCUT, _FIRST, _SECOND, "return self.relu(y + shortcut)"),
            "A ReLU is applied to `x` before anything else; the shortcut must get `x` as it came.",
        ),
    ],
)


def _shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Module | None:
    if stride == 1 and in_channels == out_channels:
        return None
    return nn.Sequential(conv3x3(in_channels, out_channels, stride), nn.BatchNorm2d(out_channels))


def _shortcut_setting(generator: Generator) -> tuple[int, int, int]:
    into, wider, stride = torch.randint(0, 2, (3,), generator=generator).tolist()
    return into + 2, (into + 2) * (1 + wider), stride + 1


def _shortcut_code(
    condition: str = "stride == 1 and in_channels == out_channels",
    module: str = "nn.Sequential(conv3x3(in_channels, out_channels, stride), nn.BatchNorm2d(out_channels))",
) -> str:
    return (
        "def shortcut(in_channels, out_channels, stride):\n"
        f"    if {condition}:\n        return None\n    return {module}"
    )


shortcut = Built(
    "shortcut",
    _shortcut,
    _shortcut_setting,
    trials=16,
    solution=_shortcut_code(),
    hints=[
        "`x` fits as it is if stride is 1 and in_channels equals out_channels. Then return None.",
        "Otherwise `nn.Sequential(conv3x3(in_channels, out_channels, stride), nn.BatchNorm2d(out_channels))`.",
    ],
    wrong=[
        (
            _CONV3X3 + _shortcut_code("False"),
            "When nothing changes, `x` fits as it is: return None.",
        ),
        (
            _CONV3X3 + _shortcut_code("stride == 1"),
            "The channels can change with stride 1 too, and then `x` does not fit.",
        ),
        (
            _CONV3X3 + _shortcut_code("in_channels == out_channels"),
            "The size changes with stride 2, even when the channels stay.",
        ),
        (
            _CONV3X3
            + _shortcut_code(
                module="nn.Sequential(conv3x3(in_channels, out_channels), nn.BatchNorm2d(out_channels))"
            ),
            "The stride is missing: the shortcut must shrink the picture as the main path does.",
        ),
        (
            _CONV3X3 + _shortcut_code(module="nn.Sequential(conv3x3(in_channels, out_channels, stride))"),
            "The BatchNorm is missing.",
        ),
        (
            _shortcut_code(
                module="nn.Sequential(nn.Conv2d(in_channels, out_channels, 3, stride, padding=1), nn.BatchNorm2d(out_channels))"
            ),
            "The convolution has a bias, and the BatchNorm behind it takes it away again: `bias=False`.",
        ),
        (
            _shortcut_code(
                module="nn.Sequential(nn.Conv2d(in_channels, out_channels, 1, stride, bias=False), nn.BatchNorm2d(out_channels))"
            ),
            "That is the paper's shortcut, 1×1. Here a 3×3 convolution is asked for.",
        ),
    ],
)

# The network

stage2 = Shape(
    "stage2",
    (32, 16, 16),
    solution="stage2_shape = (32, 16, 16)",
    hints=[
        "Only the first convolution of the stage has stride 2; everything behind it keeps the shape.",
        "(32 + 2·1 − 3) // 2 + 1 = 15 + 1, and 32 channels.",
    ],
    wrong=[
        (
            (32, 8, 8),
            "The stride acts once, in the first block: 32 becomes 16, and the second block keeps it.",
        ),
        ((64, 8, 8), "That is the shape after `stage3`."),
        ((16, 32, 32), "That is what comes in, from `stage1`."),
    ],
    diagnose=slips(conv3x3(16, 32, stride=2), 16, 32, 32),
)

pool = Shape(
    "pool",
    (64, 1, 1),
    solution="pool_shape = (64, 1, 1)",
    hints=[
        "`stage3` gives 64×8×8. What is the stride of `nn.AvgPool2d(8)`?",
        "(8 − 8) // 8 + 1 = 1, and pooling keeps the channels.",
    ],
    wrong=[
        ((64, 8, 8), "That is what `stage3` gives. The pooling takes the mean of each 8×8 map."),
        ((64,), "Nearly: that is after `flatten`. The pooling leaves two axes of size 1."),
        ((10,), "That is what `fc` gives."),
    ],
    diagnose=slips(nn.AvgPool2d(8), 64, 8, 8),
)

first_block = Number(
    "first_block",
    74_112,
    solution="parameters = (3 * 3 * 32 * 64 + 128) + (3 * 3 * 64 * 64 + 128) + (3 * 3 * 32 * 64 + 128)",
    hints=[
        "conv1 and the shortcut turn 32 channels into 64, conv2 turns 64 into 64. No biases.",
        "9·32·64 = 18,432, twice; 9·64·64 = 36,864; and three BatchNorms of 2·64 each.",
    ],
    wrong=[
        (73_728, "The three BatchNorms are missing, 2 · 64 parameters each."),
        (55_552, "The shortcut is missing: its convolution and its BatchNorm."),
        (
            73_984,
            "That is the second block, which has no shortcut; or this one without the shortcut's BatchNorm.",
        ),
        (92_544, "conv1 sees 32 channels, not 64: it is the first of the stage."),
        (110_976, "conv1 and the shortcut see 32 channels, not 64: they are the first of the stage."),
        (57_728, "That has a 1×1 shortcut; here it is 3×3."),
        (74_304, "The convolutions have no bias: BatchNorm follows."),
        (74_496, "BatchNorm has 2 parameters a channel; the running mean and variance are not learned."),
        (18_624, "That is the first block of stage 2."),
        (148_096, "That is the whole stage, both blocks."),
    ],
)

# Training

looks = Number(
    "looks",
    162,
    solution="looks = 9 * 9 * 2",
    hints=[
        "The bordered picture is 40 pixels wide. At how many columns can a piece of 32 begin?",
        "40 − 32 + 1 = 9 columns, as many rows, and each flipped or not.",
    ],
    wrong=[
        (81, "Each of the 81 places comes flipped and not flipped."),
        (64, "From 0 to 8 are 9 places, not 8; and each comes flipped and not flipped."),
        (128, "From 0 to 8 are 9 places, not 8."),
        (18, "9 columns and also 9 rows."),
        (36, "Add nothing here: each row goes with each column, and each of these with a flip."),
        (50, "The piece can be moved by up to 4 to both sides: 9 places each way, not 5."),
        (32, "The piece can be moved by up to 4 to both sides: 9 places each way, not 4."),
    ],
)

summed_loss = Number(
    "summed_loss",
    50,
    solution="shown = 10_000 / 100 * 0.5",
    hints=["How many batches are there, and what does each add?", "100 batches, each adds about 0.5."],
    wrong=[
        (0.5, "That is the mean. The sum adds one mean for each batch."),
        (
            5000,
            "That is one loss for each picture. `loss.item()` is the mean of a batch: one number a batch.",
        ),
        (100, "That is the number of batches; each adds 0.5."),
        (0.005, "Nothing is divided here: one mean for each batch is added."),
        (200, "100 batches times 0.5; divided by 0.5 it would be 200."),
    ],
)

paper_epochs = Number(
    "paper_epochs",
    163.84,
    tolerance=0.9,
    solution="paper_epochs = 64_000 * 128 / 50_000",
    hints=[
        "How many pictures has the network seen after 64,000 steps?",
        "64,000 · 128 pictures. One epoch is 50,000 of them.",
    ],
    wrong=[
        (500, "Steps are divided by the batch size here. Multiply: each step sees 128 pictures."),
        (8_192_000, "That is the number of pictures seen. Divide by those in one epoch."),
        (1.28, "Each step sees 128 pictures, not one."),
        (38.4, "That is with batches of 30; the paper had 128."),
        (136.5, "MNIST has 60,000 pictures, CIFAR-10 has 50,000."),
    ],
)

shortcut_cost = Number(
    "shortcut_cost",
    4096,
    solution="difference = (3 * 3 - 1 * 1) * 16 * 32",
    hints=[
        "Neither has a bias, and both have the same BatchNorm. How many weights has each kernel?",
        "32 kernels with 16 slices: 9 weights a slice against 1.",
    ],
    wrong=[
        (20_480, "That is stages 2 and 3 together."),
        (16_384, "That is stage 3, from 32 to 64 channels."),
        (4608, "That is the 3×3 shortcut itself. Take away what the 1×1 one has."),
        (512, "That is the 1×1 shortcut itself."),
        (256, "Each of the 32 kernels has a slice for each of the 16 channels: 8 · 16 · 32."),
        (8, "8 is the difference for one slice. There are 16 · 32 of them."),
    ],
)

progress = Progress(__name__)
