"""The questions of lesson 3: batches, one window, every line of the network, the order of a training step."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from course_utils import shapes

from .base import Exercise
from .core import Choice, Code, Number, Progress, Shape
from .present import Result


def network() -> nn.Module:
    """The lesson's network, without memory for its weights: the answers below are derived from it."""
    with torch.device("meta"):
        layers = {
            "conv1": nn.Conv2d(3, 64, kernel_size=3),
            "pool1": nn.MaxPool2d(2),
            "conv2": nn.Conv2d(64, 64, kernel_size=3),
            "pool2": nn.MaxPool2d(2),
            "conv3": nn.Conv2d(64, 128, kernel_size=3),
            "pool3": nn.MaxPool2d(2),
            "flatten": nn.Flatten(),
            "fc1": nn.Linear(512, 256),
            "fc2": nn.Linear(256, 10),
        }
    model = nn.Sequential()
    for name, layer in layers.items():  # ReLU changes no shape, so the derivation does without it
        model.add_module(name, layer)
    return model


DERIVATION = shapes.derive(network(), (3, 32, 32))


def slips(layer: str | nn.Module, *input_shape: int) -> Callable[[Any], list[str]]:
    """What a wrong shape or parameter count of this layer shows: a name in the network, or a layer with its input."""
    step = DERIVATION[layer] if isinstance(layer, str) else shapes.derive(layer, input_shape)[0]
    return lambda answer: shapes.diagnose(step, answer)


# The images

batches = Number(
    "batches",
    1563,
    solution="batches = math.ceil(50_000 / 32)",
    hints=[
        "Divide. What happens to the images that are left over?",
        "50,000 / 32 = 1,562.5, and half a batch is one too.",
    ],
    wrong=[
        (1562, "Rounded down: the last 16 images make a batch of their own."),
        (1562.5, "There is no half batch. The last 16 images make one more, shorter batch."),
        (1875, "That is 60,000 / 32, the number for MNIST. CIFAR-10 has 50,000 training images."),
        (313, "That is the number for the 10,000 test images."),
        (782, "That is the number for batches of 64."),
    ],
)

last_batch = Shape(
    "last_batch",
    (16, 3, 32, 32),
    solution="last_shape = (16, 3, 32, 32)",
    hints=[
        "How many images are in the 312 full batches?",
        "312 · 32 = 9,984. The rest of the 10,000 is in the last batch; each image is 3×32×32.",
    ],
    wrong=[
        (
            (32, 3, 32, 32),
            "That is a full batch. 10,000 is not a multiple of 32, so the last one is shorter.",
        ),
        ((16, 32, 32, 3), "The channels come before height and width: `[batch, channel, height, width]`."),
        ((313, 3, 32, 32), "313 is the number of batches, not the number of images in one."),
        ((3, 32, 32), "The batch axis is missing. Even a batch of one image has it."),
    ],
)


def _image(generator: Generator) -> tuple[Tensor]:
    height, width = torch.randint(3, 9, (2,), generator=generator).tolist()
    return (torch.rand(3, height, width, generator=generator, dtype=torch.float64),)


to_imshow = Code(
    "to_imshow",
    lambda image: image.permute(1, 2, 0),
    _image,
    solution="def to_imshow(image):\n    return image.permute(1, 2, 0)",
    hints=[
        "Which old axis should come first, which second, which last?",
        "`image.permute(a, b, c)`: the old axes are 0 channel, 1 height, 2 width.",
    ],
    wrong=[
        (
            "def to_imshow(image):\n    return image.reshape(image.shape[1], image.shape[2], 3)",
            "`reshape` keeps the numbers in their order and cuts them anew: right shape, scrambled picture.",
        ),
        (
            "def to_imshow(image):\n    return image.permute(2, 1, 0)",
            "Width comes first here: the picture lies on its side.",
        ),
        ("def to_imshow(image):\n    return image", "Nothing was moved: the channels still come first."),
        (
            "def to_imshow(image):\n    return image.permute(2, 0, 1)",
            "That is the way back, from channels last to channels first.",
        ),
    ],
)

squeezed = Shape(
    "squeezed",
    (2, 3, 32),
    solution="squeezed_shape = (2, 3, 32)",
    hints=["Which of the four sizes are 1?", "Only the last one. Leave it out, the others stay."],
    wrong=[
        ((2, 3, 32, 1), "That is the shape as it was. `squeeze` removes each axis of size 1, and the last one has it."),
        ((3, 32, 1), "`squeeze` removes axes of size 1. The batch axis has size 2 and stays."),
        ((3, 32), "The batch axis has size 2 and stays; only the axis of size 1 goes."),
        ((192,), "That is `flatten`. `squeeze` only leaves out axes of size 1."),
    ],
)  # fmt: skip


# Convolution

conv_cell = Number(
    "conv_cell",
    2,
    solution="cell = (-1 * 0 + 0 * 2 + 1 * 3) + (-2 * 1 + 0 * 4 + 2 * 2) + (-1 * 3 + 0 * 2 + 1 * 0)",
    hints=[
        "The window covers rows 1 to 3 and columns 0 to 2: 0 2 3, then 1 4 2, then 3 2 0.",
        "The middle column is multiplied by 0. Left column: 0·(−1) + 1·(−2) + 3·(−1). Right column: 3·1 + 2·2 + 0·1.",
    ],
    wrong=[
        (7, "That is `output[0, 0]`. The window must move one row down."),
        (0, "That is `output[0, 1]`: one column to the right. The first index is the row."),
        (-2, "The kernel is turned around, as in mathematics. Deep learning lays it on as it is."),
        (17, "That is the sum of the window. Multiply each cell by its weight first."),
        (1, "The weights in the middle row are −2 and 2, not −1 and 1."),
        (-6, "That is `output[2, 0]`, two rows down. Rows are counted from 0."),
    ],
)

weight_shape = Shape(
    "weight_shape",
    (32, 16, 5, 5),
    solution="weight_shape = (32, 16, 5, 5)",
    hints=[
        "How many kernels are there? How many slices has each?",
        "[kernels, slices, height, width]: 32 kernels.",
    ],
    wrong=[
        ((16, 32, 5, 5), "Kernels come first: 32 kernels with 16 slices each."),
        ((32, 5, 5), "Each kernel has a slice for each of the 16 channels that come in."),
        ((32, 1, 5, 5), "One slice would do for a grey image. Here 16 channels come in."),
        ((32, 3, 5, 5), "3 slices are for colour images. Here 16 channels come in."),
        (
            (5, 5, 16, 32),
            "Other libraries write it so. PyTorch puts the kernels first and height and width last.",
        ),
    ],
)


def _setting(generator: Generator) -> tuple[int, ...]:
    kernel_size, stride, dilation = (
        torch.randint(1, 5, (3,), generator=generator) + torch.tensor([1, 0, 0])
    ).tolist()
    padding = int(torch.randint(0, kernel_size // 2 + 1, (), generator=generator))
    size = dilation * (kernel_size - 1) + 1 + int(torch.randint(0, 12, (), generator=generator))
    return size, kernel_size, stride, padding, dilation


def _real_size(size: int, kernel_size: int, stride: int = 1, padding: int = 0, dilation: int = 1) -> int:
    layer = nn.Conv1d(1, 1, kernel_size, stride, padding, dilation)
    return layer(torch.zeros(1, 1, size)).shape[-1]


def _size_slip(expression: str) -> str:
    return f"def conv_size(size, kernel_size, stride=1, padding=0, dilation=1):\n    return {expression}"


conv_size = Code(
    "conv_size",
    _real_size,
    _setting,
    trials=12,
    solution=_size_slip("(size + 2 * padding - dilation * (kernel_size - 1) - 1) // stride + 1"),
    hints=[
        "Start with the reach of the kernel, then the last start, as `count_places` does.",
        "The number of steps of `stride` up to the last start is `last_start // stride`; the place at 0 comes on top.",
    ],
    wrong=[
        (
            _size_slip("(size + 2 * padding - dilation * (kernel_size - 1) - 1) // stride"),
            "The + 1 is missing: start 0 is a place too.",
        ),
        (
            _size_slip("(size + padding - dilation * (kernel_size - 1) - 1) // stride + 1"),
            "Padding is added on both sides: 2 · padding.",
        ),
        (
            _size_slip("(size + 2 * padding - kernel_size) // stride + 1"),
            "The dilation is not in it: the kernel reaches over dilation · (kernel_size − 1) + 1 cells.",
        ),
        (
            _size_slip("(size + 2 * padding - dilation * kernel_size) // stride + 1"),
            "A kernel of 3 has only 2 gaps: the reach is dilation · (kernel_size − 1) + 1.",
        ),
        (
            _size_slip("size + 2 * padding - dilation * (kernel_size - 1)"),
            "The stride is not in it: with a stride of 2 every other place is skipped.",
        ),
        (
            _size_slip("-(-(size + 2 * padding - dilation * (kernel_size - 1) - 1) // stride) + 1"),
            "Rounded up: a last step that is not a whole one leads over the edge.",
        ),
        (
            _size_slip("(size + 2 * padding - dilation * (kernel_size - 1) - 1) / stride + 1"),
            "A number of places is a whole number: divide with `//`.",
        ),
    ],
)

stem = Shape(
    "stem",
    (64, 112, 112),
    solution="stem_shape = (64, 112, 112)",
    hints=[
        "The padded image has 224 + 2·3 = 230 rows.",
        "(230 − 7) // 2 + 1 = 111 + 1, and 64 kernels give 64 maps.",
    ],
    wrong=[((64, 218, 218), "Padding and stride are both missing: that is 224 − 7 + 1.")],
    diagnose=slips(nn.Conv2d(3, 64, kernel_size=7, stride=2, padding=3), 3, 224, 224),
)

keep_size = Number(
    "keep_size",
    2,
    solution="padding = 2",
    hints=[
        "How far does the kernel reach? 2·(3 − 1) + 1 cells.",
        "It takes away 5 − 1 = 4 places; padding adds as many on two sides.",
    ],
    wrong=[
        (1, "1 is right without dilation. Here the kernel reaches over 5 cells."),
        (4, "4 cells are needed in all. `padding` is the number on each side."),
        (0, "Without padding a kernel that reaches over 5 cells loses 4 places."),
        (3, "That makes the output larger than the input: 3 on each side are 6, and 4 are needed."),
    ],
)


def _strided(generator: Generator) -> tuple[Tensor, Tensor, int]:
    height, width = torch.randint(6, 11, (2,), generator=generator).tolist()
    kernel_rows, kernel_columns = torch.randint(2, 5, (2,), generator=generator).tolist()
    image = torch.rand(height, width, generator=generator, dtype=torch.float64)
    kernel = torch.rand(kernel_rows, kernel_columns, generator=generator, dtype=torch.float64)
    return image, kernel, int(torch.randint(2, 4, (), generator=generator))


def _stride_code(rows: str, columns: str, top: str, left: str) -> str:
    return f"""def conv_stride(image, kernel, stride):
    kernel_rows, kernel_columns = kernel.shape
    rows = {rows}
    columns = {columns}
    output = torch.zeros(rows, columns, dtype=image.dtype)
    for row in range(rows):
        for column in range(columns):
            top, left = {top}, {left}  # where the window starts
            window = image[top : top + kernel_rows, left : left + kernel_columns]
            output[row, column] = (window * kernel).sum()
    return output"""


_PLACES = ("(image.shape[0] - kernel_rows) // stride + 1", "(image.shape[1] - kernel_columns) // stride + 1")

conv_stride = Code(
    "conv_stride",
    lambda image, kernel, stride: F.conv2d(image[None, None], kernel[None, None], stride=stride)[0, 0],
    _strided,
    solution=_stride_code(*_PLACES, "row * stride", "column * stride"),
    hints=[
        "The number of rows comes from the formula, with padding 0 and dilation 1.",
        "Output row 0 starts at image row 0, output row 1 at image row `stride`, output row 2 at 2 · `stride`.",
    ],
    wrong=[
        (
            _stride_code(*_PLACES, "row", "column"),
            "The size is right, but the window still moves by 1: it must start at row · stride and column · stride.",
        ),
        (
            _stride_code(
                "image.shape[0] - kernel_rows + 1", "image.shape[1] - kernel_columns + 1", "row", "column"
            ),
            "That is stride 1: every place is used, none is skipped.",
        ),
        (
            _stride_code(
                *(place.removesuffix(" + 1") for place in _PLACES), "row * stride", "column * stride"
            ),
            "The + 1 is missing: the last place is left out.",
        ),
    ],
)


# Pooling

pool_stride = Shape(
    "pool_stride",
    (64, 4, 4),
    solution="pooled_shape = (64, 4, 4)",
    hints=[
        "What is the stride of `nn.MaxPool2d(3)`?",
        "(13 − 3) // 3 + 1 = 3 + 1. Pooling keeps the channels.",
    ],
    diagnose=slips(nn.MaxPool2d(3), 64, 13, 13),
)


# The network, line by line


def line(name: str, *hints: str) -> Shape:
    """The question for a layer's shape; its slips come from the engine."""
    shape = DERIVATION[name].output_shape
    return Shape(name, shape, solution=f"{name}_shape = {shape}", hints=hints, diagnose=slips(name))


def count(name: str, *hints: str) -> Number:
    """The question for a layer's parameters; its slips come from the engine."""
    worked = DERIVATION[name].params_worked.split(" = ")[0].replace("·", " * ")
    return Number(
        f"{name}_params",
        DERIVATION[name].params,
        solution=f"{name}_params = {worked}",
        hints=hints,
        diagnose=slips(name),
    )


conv1 = line(
    "conv1",
    "How many kernels? That is the number of channels.",
    "In how many places can 3 stand on 32? 32 − 3 + 1.",
)
conv1_params = count(
    "conv1",
    "How many numbers has one kernel, and how many kernels are there?",
    "64 · (3·3·3 + 1): one bias for each kernel.",
)
pool1 = line("pool1", "Pooling keeps the channels. Its stride is 2.", "(30 − 2) // 2 + 1 = 14 + 1.")
conv2 = line("conv2", "The formula again, with 15 for the size.", "15 − 3 + 1 places, 64 kernels.")
conv2_params = count(
    "conv2",
    "How many slices has one kernel? As many as channels come in.",
    "One kernel: 64·3·3 weights and 1 bias. There are 64.",
)
pool2 = line("pool2", "13 is odd: what happens to the last row?", "(13 − 2) // 2 + 1 = 5 + 1.")
conv3 = line("conv3", "How many kernels has this one?", "6 − 3 + 1 places, 128 kernels.")
pool3 = line("pool3", "The same rule as before.", "(4 − 2) // 2 + 1 = 1 + 1, and the channels stay.")
flat = Number(
    "flat",
    512,
    solution="flat = 128 * 2 * 2",
    hints=["All numbers of one image in one row: how many are in 128 maps of 2×2?", "128 · 2 · 2."],
    wrong=[
        (2048, "That is what `conv3` gives. `pool3` makes 2×2 of 4×4."),
        (16384, "That is a batch of 32 images. `start_dim=1` leaves the batch axis alone."),
    ],
    diagnose=slips("flatten"),
)
fc1_params = count("fc1", "Every one of the 256 outputs has 512 weights.", "And one bias: 256 · (512 + 1).")


class Whole(Exercise):
    """A whole derivation, ({name: shape}, {name: parameters}), judged line by line by the engine."""

    def _judge(self, answer: Any) -> Result:
        try:
            checked = DERIVATION.check(*answer)
        except (TypeError, ValueError) as error:
            return self._incorrect(str(error))
        lines = "\n".join(
            f"{line.step.name:8} {line.said:>9}  {VERDICTS[line.verdict]}" for line in checked.lines
        )
        if checked.correct:
            return replace(self._correct("Every line is right."), code=lines)
        first = checked.first_wrong
        missing = f"Still open: {', '.join(checked.missing)}." if checked.missing else ""
        notes = [f"The first wrong line is {first.step.name}: {first.said}.", *first.notes] if first else []
        return replace(self._incorrect(*notes, missing), code=lines)

    def _not_attempted(self, *lines: str) -> Result:
        return super()._not_attempted("Replace every `...` with a number and run the cell again.")


VERDICTS = {"right": "✓", "follows": "✓ right, from your value above", "wrong": "✗", "open": "? not judged"}
SHAPES = {step.name: step.output_shape for step in DERIVATION}
PARAMS = {step.name: step.params for step in DERIVATION if step.params}


def _derivation_code() -> str:
    lines = "".join(f'    "{name}": {shape},\n' for name, shape in SHAPES.items())
    counts = ", ".join(f'"{name}": {count}' for name, count in PARAMS.items())
    return f"shapes_by_hand = {{\n{lines}}}\nparams_by_hand = {{{counts}}}"


def _slip(name: str, answer: Any) -> str:
    return shapes.diagnose(DERIVATION[name], answer)[0]


derivation = Whole(
    "derivation",
    solution=_derivation_code(),
    hints=[
        "You have nearly all of it from the exercises above.",
        "`fc1` gives 256 numbers, `fc2` gives 10: `(256,)` and `(10,)`. `fc2` has 10 · (256 + 1) parameters.",
    ],
    wrong=[
        (({**SHAPES, "pool2": (64, 7, 7), "conv3": (128, 5, 5)}, PARAMS), _slip("pool2", (64, 7, 7))),
        (({**SHAPES, "conv3": (64, 4, 4)}, PARAMS), _slip("conv3", (64, 4, 4))),
        (({**SHAPES, "flatten": (4,), "fc1": (256,)}, PARAMS), _slip("flatten", (4,))),
        ((SHAPES, {**PARAMS, "fc2": 2_560}), _slip("fc2", 2_560)),
    ],
)

twist = Shape(
    "twist",
    (64, 7, 7),
    solution="twist_shape = (64, 7, 7)",
    hints=[
        "Go line by line: `conv1` now gives 64×32×32.",
        "`pool1` 64×16×16, `conv2` 64×14×14. Then `pool2`.",
    ],
    wrong=[
        ((64, 6, 6), "That is without the padding. 32 + 2·1 − 3 + 1 = 32: `conv1` keeps the size now."),
        ((64, 14, 14), "That is after `conv2`. `pool2` is still to come."),
        ((64, 8, 8), "Only `conv1` has padding. `conv2` still takes 2 rows and 2 columns away."),
        ((64, 16, 16), "That is after `pool1`. `conv2` and `pool2` are still to come."),
    ],
)

twist_fits = Choice(
    "twist_fits",
    "b",
    choices={
        "a": "no, there are more numbers to flatten",
        "b": "yes, the rounding down swallows the difference",
    },
    solution='answer = "b"',
    hints=[
        "Go on from 64×7×7: `conv3`, then `pool3`.",
        "`conv3` gives 128×5×5. What does a pooling by 2 make of 5?",
    ],
    wrong=[("a", "Go on: 7 − 3 + 1 = 5, and 5 is pooled to 2, just as 4 is. `flatten` gives 512 again.")],
)

misfit = Number(
    "misfit",
    2048,
    solution="features = 128 * 4 * 4",
    hints=[
        "The convolutions keep the size now; only the poolings halve it.",
        "32 → 16 → 8 → 4, and 128 channels.",
    ],
    wrong=[
        (512, "That is without padding. With it the three poolings make 32 → 16 → 8 → 4."),
        (16, "That is one map. There are 128 of them."),
        (1024, "64 channels were counted. `conv3` has 128 kernels."),
        (8192, "That is before `pool3`: 128·8·8."),
    ],
)


# Training

two_backwards = Number(
    "two_backwards",
    0.44,
    tolerance=1e-6,
    solution="bias_after = 0.5 - 0.01 * 2 - 0.01 * (2 + 2)",
    hints=[
        "What is in `.grad` at the first step? And at the second?",
        "First 2, then 2 + 2 = 4. Each step subtracts 0.01 times that.",
    ],
    wrong=[
        (0.46, "That is with `zero_grad`. Without it the second step uses 2 + 2 = 4."),
        (0.48, "That is after one round. There are two."),
        (0.56, "A step goes against the gradient: minus, not plus."),
        (0.42, "At the first step there is only the first gradient, 2. The 4 comes at the second step."),
    ],
)

order = Choice(
    "order",
    "a",
    choices={"a": "backward, step, zero_grad", "b": "step, zero_grad, backward", "c": "step, backward, zero_grad"},
    solution='answer = "a"',
    hints=["A gradient must be made, used, and thrown away, in this order.", "Where does `zero_grad` stand between a `backward` and the next `step`?"],
    wrong=[
        ("b", "`step` moves the weights after the forward pass has used them, so `backward` refuses: a value that it needs has changed."),
        ("c", "Every gradient is thrown away before a step uses it, so the weights never move."),
    ],
)  # fmt: skip

train_mode = Choice(
    "train_mode",
    "c",
    choices={
        "a": "it trains the model for one epoch",
        "b": "it adds BatchNorm and Dropout to the model",
        "c": "it sets a flag in every layer, and some layers look at it",
        "d": "it switches gradients on",
    },
    solution='answer = "c"',
    hints=["Our network was the same in both modes.", "Which of the four can you see in `model.training`?"],
    wrong=[
        ("a", "No weight changes. It is called before the loop that trains."),
        ("b", "The layers of a model are those that its `__init__` makes; no call adds one."),
        ("d", "Gradients are a matter of `torch.no_grad()`. `eval()` alone does not stop them."),
    ],
)


def _predictions(generator: Generator) -> tuple[Tensor, Tensor, int]:
    labels = torch.cat([torch.arange(4), torch.randint(0, 4, (36,), generator=generator)])
    predictions = torch.where(
        torch.rand(40, generator=generator) < 0.6, labels, torch.randint(0, 4, (40,), generator=generator)
    )
    return predictions, labels, 4


def _per_class(predictions: Tensor, labels: Tensor, classes: int) -> Tensor:
    return torch.stack(
        [(predictions[labels == number] == number).float().mean() for number in range(classes)]
    )


_PER_CLASS = "def per_class(predictions, labels, classes):\n    right = predictions == labels\n    return "

per_class = Code(
    "per_class",
    _per_class,
    _predictions,
    solution=_PER_CLASS + "torch.stack([right[labels == number].float().mean() for number in range(classes)])",
    hints=[
        "`labels == number` picks the images of one class.",
        "The mean of `right[labels == number].float()` is one entry; `torch.stack` makes a tensor of all of them.",
    ],
    wrong=[
        (
            _PER_CLASS + "torch.stack([right[predictions == number].float().mean() for number in range(classes)])",
            "You divide by the images *predicted* as this class. That is the precision; divide by the class's own images.",
        ),
        (
            _PER_CLASS + "torch.stack([(right & (labels == number)).float().mean() for number in range(classes)])",
            "You divide by all images. Divide by the number of images of this class.",
        ),
        (
            _PER_CLASS + "right.float().mean().repeat(classes)",
            "That is the accuracy over all classes, repeated. Take the images of one class at a time.",
        ),
    ],
)  # fmt: skip


# Old code

short_batch = Number(
    "short_batch",
    1.3,
    tolerance=1e-6,
    solution="mean_loss = (32 * 2.0 + 32 * 1.0 + 16 * 0.5) / 80",
    hints=[
        "Add up the losses of all images, then divide by 80.",
        "32 images with 2.0 on average have 64.0 together.",
    ],
    wrong=[
        (3.5 / 3, "That is the mean of the three means: the 16 images count as much as 32."),
        (3.5, "That is the sum of the means."),
        (104.0, "That is the sum over the images. Divide by their number."),
        (1.5, "The last batch is missing."),
    ],
)

progress = Progress(__name__)
