"""The questions of lesson 4: LeNet-5's shapes, one value of a convolution, a dataset, a loader, cross-entropy."""

import math
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn
from torch.utils.data import Dataset

from course_utils import shapes

from .calls import Call
from .core import Choice, Code, Number, Progress, Shape


def network() -> nn.Module:
    """The lesson's network, without memory for its weights: the answers below are derived from it."""
    with torch.device("meta"):
        layers = {
            "conv1": nn.Conv2d(1, 6, kernel_size=5, padding=2),
            "pool1": nn.AvgPool2d(2),
            "conv2": nn.Conv2d(6, 16, kernel_size=5),
            "pool2": nn.AvgPool2d(2),
            "flatten": nn.Flatten(),
        }
    model = nn.Sequential()
    for name, layer in layers.items():  # tanh changes no shape, so the derivation does without it
        model.add_module(name, layer)
    return model


DERIVATION = shapes.derive(network(), (1, 28, 28))


def line(name: str, *hints: str) -> Shape:
    """The question for a layer's shape; its slips come from the engine."""
    step = DERIVATION[name]
    return Shape(
        name,
        step.output_shape,
        solution=f"{name}_shape = {step.output_shape}",
        hints=hints,
        diagnose=lambda answer: shapes.diagnose(step, answer),
    )


def namespace() -> dict[str, Any]:
    """What the solutions use from earlier cells of the notebook."""
    return {"Dataset": Dataset}


# Shapes and parameters

conv1 = line(
    "conv1",
    "28 + 2·2 = 32 pixels in a row. In how many places can 5 stand on 32?",
    "32 − 5 + 1 places, and 6 kernels make 6 maps.",
)
pool1 = line("pool1", "Pooling keeps the channels. Its stride is its window, 2.", "28 / 2.")
conv2 = line(
    "conv2",
    "This convolution has no padding. In how many places can 5 stand on 14?",
    "14 − 5 + 1 places, and 16 kernels.",
)
pool2 = line("pool2", "Pooling 2 halves height and width.", "10 / 2, and the 16 channels stay.")
flat = Number(
    "flat",
    400,
    solution="flat = 16 * 5 * 5",
    hints=["All numbers of one image in one row.", "How many are in 16 maps of 5×5?"],
    wrong=[
        (25, "That is one map. There are 16 of them."),
        (16, "That is the number of maps; each holds 5·5 numbers."),
        (80, "A map has 5 rows and 5 columns: 25 numbers, not 5."),
        (1600, "That is before `pool2`: 16·10·10."),
        (256, "16·4·4 comes out when the padding of `conv1` is forgotten."),
        (784, "That is the input, 28·28; or 16·7·7, if `conv2` had a padding of 2, too."),
        (120, "That is what `fc1` gives. What goes into it?"),
    ],
)

conv2_params = Number(
    "conv2_params",
    2416,
    solution="conv2_params = 16 * (6 * 5 * 5 + 1)",
    hints=["How many numbers has one kernel? It has 6 slices.", "One kernel: 6·5·5 weights and 1 bias. There are 16."],
    diagnose=lambda answer: shapes.diagnose(DERIVATION["conv2"], answer),
)

grouped = Number(
    "grouped",
    4672,
    solution="grouped = 64 * (8 * 3 * 3 + 1)",
    hints=[
        "32 channels in 4 groups: how many channels does one kernel see?",
        "One kernel: 8 slices of 3·3 weights, and 1 bias. There are 64 kernels.",
    ],
    wrong=[
        (4608, "The 64 biases are missing."),
        (18_496, "That is without groups: here a kernel sees 32 / 4 = 8 channels, not 32."),
        (18_432, "That is without groups and without biases: a kernel sees 8 channels, and has one bias."),
        (1168, "That is one group with its 16 kernels. There are 4 groups."),
        (18_688, "The groups share the kernels out: 64 in all, 16 a group, not 64 in each group."),
        (640, "That is `groups=32`, one slice a kernel. Here a kernel has 32 / 4 = 8 slices."),
        (2368, "4 is the number of groups, not of channels in a group: 32 / 4 = 8."),
        (73, "That is one kernel with its bias. There are 64."),
        (4612, "One bias a kernel, not one a group."),
    ],
)  # fmt: skip


# One value of a convolution


def _maps(generator: Generator) -> tuple[Tensor, Tensor, Tensor, int, int]:
    channels, size = torch.randint(2, 5, (2,), generator=generator).tolist()
    maps = torch.randn(channels, size + 3, size + 5, generator=generator, dtype=torch.float64)
    kernel = torch.randn(channels, size, size, generator=generator, dtype=torch.float64)
    bias = torch.randn((), generator=generator, dtype=torch.float64)
    return maps, kernel, bias, 1 + size % 2, 3


def _value(result: str, window: str = "maps[:, row : row + k, column : column + k]") -> str:
    return f"""def one_value(maps, kernel, bias, row, column):
    k = kernel.shape[-1]
    window = {window}
    return {result}"""


one_value = Code(
    "one_value",
    lambda maps, kernel, bias, row, column: F.conv2d(maps[None], kernel[None], bias[None])[0, 0, row, column],
    _maps,
    solution=_value("(window * kernel).sum() + bias"),
    hints=[
        "The window is `maps[:, row : row + k, column : column + k]`: all channels, k rows, k columns.",
        "Multiply it with the kernel, add up everything (`.sum()`), and add the bias once.",
    ],
    wrong=[
        (_value("(window * kernel).sum()"), "The bias is missing."),
        (
            _value("(window * kernel).sum() + bias * len(kernel)"),
            "The bias was added once for each slice. It belongs to the kernel: add it once.",
        ),
        (
            _value("(window[0] * kernel[0]).sum() + bias"),
            "That is the first slice alone. Every slice adds its part.",
        ),
        (
            _value("(window * kernel).sum(dim=(1, 2)) + bias"),
            "One number a slice: add these up too. A kernel gives one number at each place.",
        ),
        (_value("(window * kernel).mean() + bias"), "The products are added up, not averaged."),
        (
            _value("(window * kernel).sum() + bias", "maps[:, column : column + k, row : row + k]"),
            "Rows come before columns: the window starts at `row`, `column`.",
        ),
        (
            _value("(window * kernel.flip(1, 2)).sum() + bias"),
            "The kernel is turned around, as in mathematics. Deep learning lays it on as it is.",
        ),
    ],
)


# A dataset and a loader


class DatasetCode(Code):
    """A Dataset class, judged by what its objects give: their length, their first item and their last."""

    def _call(self, function: Callable[..., Any], trial: int) -> Call:
        def used(images: Tensor, targets: Tensor, transform: Callable | None) -> tuple[Any, ...]:
            dataset = function(images, targets, transform)
            count = len(dataset)
            items = [dataset[0], dataset[len(images) - 1]]
            return count, *((image, int(label)) for image, label in items)

        return super()._call(used, trial)


class _Digits(Dataset):
    def __init__(self, images: Tensor, targets: Tensor, transform: Callable | None = None) -> None:
        self.images, self.targets, self.transform = images, targets, transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        image = self.images[index]
        return self.transform(image) if self.transform else image, int(self.targets[index])


def _half(image: Tensor) -> Tensor:
    return image / 2


def _pictures(generator: Generator) -> tuple[Tensor, Tensor, Callable | None]:
    count = int(torch.randint(7, 12, (), generator=generator))
    images = 1 + torch.rand(count, 1, 5, 6, generator=generator, dtype=torch.float64)
    targets = torch.arange(count) % 10
    return images, targets, _half if torch.rand((), generator=generator) < 0.7 else None


TRANSFORMED = """image = self.images[index]
        if self.transform is not None:
            image = self.transform(image)"""


def _dataset(length: str = "len(self.images)", item: str = "image, int(self.targets[index])",
             image: str = TRANSFORMED) -> str:  # fmt: skip
    return f"""class Digits(Dataset):
    def __init__(self, images, targets, transform=None):
        self.images, self.targets, self.transform = images, targets, transform

    def __len__(self):
        return {length}

    def __getitem__(self, index):
        {image}
        return {item}"""


def _wrong_dataset(**parts: str) -> str:
    head = "from torch.utils.data import Dataset\n\n"
    make = "def make(images, targets, transform=None):\n    return Digits(images, targets, transform)"
    return f"{head}{_dataset(**parts)}\n\n{make}"


digits = DatasetCode(
    "digits",
    _Digits,
    _pictures,
    solution=_dataset(),
    hints=[
        "`__len__` says how many images there are. `__getitem__` returns two things: the image and its target.",
        "Take `self.images[index]`; if `self.transform` is not None, pass it through; return it with `int(self.targets[index])`.",
    ],
    wrong=[
        (
            _wrong_dataset(image="image = self.images[index]"),
            "The transform is never used. Pass the image through it, if there is one.",
        ),
        (
            _wrong_dataset(item="int(self.targets[index]), image"),
            "The label comes first. By custom the image comes first, then its target.",
        ),
        (
            _wrong_dataset(image="image = self.transform(self.images[index])"),
            "Without a transform (`None`) this fails: it cannot be called. Use it only if there is one.",
        ),
        (
            _wrong_dataset(length="self.images.numel()"),
            "That counts pixels. `__len__` is the number of images.",
        ),
        (_wrong_dataset(length="len(self.images) - 1"), "One too few: indices start at 0, lengths at 1."),
        (_wrong_dataset(item="image"), "The target is missing: an item is a pair, image and target."),
        (
            _wrong_dataset(item="image, int(self.targets[0])"),
            "Every image gets the first target. Take the one at `index`.",
        ),
    ],
)  # fmt: skip


def _batches(dataset: list[tuple[Tensor, int]], batch_size: int) -> list[tuple[Tensor, Tensor]]:
    parts = [dataset[start : start + batch_size] for start in range(0, len(dataset), batch_size)]
    return [
        (torch.stack([image for image, _ in part]), torch.tensor([label for _, label in part]))
        for part in parts
    ]


def _items(generator: Generator) -> tuple[list[tuple[Tensor, int]], int]:
    batch_size = int(torch.randint(2, 5, (), generator=generator))
    count = 2 * batch_size + 1  # so that the last batch is short
    images = torch.rand(count, 1, 3, 4, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 10, (count,), generator=generator).tolist()
    return list(zip(images, labels)), batch_size


def _loader(stop: str = "len(dataset)", picks: str = "range(start, min(start + batch_size, len(dataset)))",
            join: str = "torch.stack", result: str = "images, labels") -> str:  # fmt: skip
    return f"""def batches(dataset, batch_size):
    result = []
    for start in range(0, {stop}, batch_size):
        items = [dataset[index] for index in {picks}]
        images = {join}([image for image, label in items])
        labels = torch.tensor([label for image, label in items])
        result.append(({result}))
    return result"""


batches = Code(
    "batches",
    _batches,
    _items,
    solution=_loader(),
    hints=[
        "`range(0, len(dataset), batch_size)` gives the index at which each batch starts.",
        "The last batch ends at `min(start + batch_size, len(dataset))`.",
        "`torch.stack` makes one tensor [B, C, H, W] of B images [C, H, W]; `torch.tensor` makes one of the labels.",
    ],
    wrong=[
        (
            _loader(stop="len(dataset) - batch_size + 1"),
            "The last, short batch is missing: that is what `drop_last=True` does.",
        ),
        (
            _loader(picks="range(start, start + batch_size)"),
            "At the end the index runs past the last item: stop at `len(dataset)`.",
        ),
        (
            _loader(join="torch.cat"),
            "`torch.cat` joins along an axis that is there: [B, H, W]. A batch needs a new axis: `torch.stack`.",
        ),
        (_loader(result="labels, images"), "The labels come first. A batch is (images, labels)."),
        (
            _loader(picks="range(min(batch_size, len(dataset) - start))"),
            "Every batch starts at item 0 again: the indices go on from `start`.",
        ),
    ],
)


# The loss


def _logits(generator: Generator) -> tuple[Tensor, Tensor]:
    logits = 2 * torch.randn(4, 10, generator=generator, dtype=torch.float64)
    return logits, torch.randint(0, 10, (4,), generator=generator)


def _loss(result: str, probabilities: str = "logits.exp() / logits.exp().sum(dim=1, keepdim=True)",
          true: str = "p[torch.arange(len(labels)), labels]") -> str:  # fmt: skip
    return f"""def cross_entropy(logits, labels):
    p = {probabilities}
    p_true = {true}
    return {result}"""


cross_entropy = Code(
    "cross_entropy",
    F.cross_entropy,
    _logits,
    solution=_loss("-p_true.log().mean()"),
    hints=[
        "Softmax: `logits.exp()` divided by its sum over the classes, `sum(dim=1, keepdim=True)`.",
        "`p[torch.arange(len(labels)), labels]` picks the probability of the true class from each row.",
        "Minus the logarithm of each, then the mean.",
    ],
    wrong=[
        (
            _loss("-p_true.log().sum()"),
            "That is the sum over the batch. The loss is the mean, so that it does not grow with the batch.",
        ),
        (_loss("p_true.log().mean()"), "The minus is missing: the logarithm of a probability is negative."),
        (
            _loss("-p_true.mean().log()"),
            "First the logarithm of each sample, then the mean; not the other way round.",
        ),
        (
            _loss("-p_true.log().mean()", probabilities="logits.exp() / logits.exp().sum(dim=0)"),
            "Softmax ran down the batch (`dim=0`). The ten classes of a sample lie along `dim=1`.",
        ),
        (
            _loss("-p_true.log().mean()", probabilities="logits.exp() / logits.exp().sum()"),
            "The sum runs over the whole batch. Each row is divided by its own sum: `dim=1, keepdim=True`.",
        ),
        (
            _loss("-p_true.log().mean()", true="p.max(dim=1).values"),
            "That is the largest probability. The loss asks for the one of the true class, right or wrong.",
        ),
        (_loss("-p_true.mean()"), "The logarithm is missing."),
        (_loss("-p_true.log10().mean()"), "`log10` has base 10. Cross-entropy uses the natural logarithm, `log`."),
        (
            _loss("-p.log().mean()"),
            "That averages over all ten classes. Only the true class of each sample counts.",
        ),
        (
            _loss("-p_true.mean()", probabilities="logits"),
            "Without softmax these are logits, not probabilities.",
        ),
    ],
)  # fmt: skip


def _top(result: str) -> str:
    return f"def top(logits):\n    p = logits.softmax(dim=1)\n    return {result}"


top = Code(
    "top",
    lambda logits: tuple(logits.softmax(dim=1).max(dim=1)),
    lambda generator: (3 * torch.randn(10, 10, generator=generator, dtype=torch.float64),),
    solution=_top("p.max(dim=1).values, p.max(dim=1).indices"),
    hints=[
        "`p.max(dim=1)` has two parts, `.values` and `.indices`.",
        "The values are the probabilities, the indices the predicted classes. Return them in this order.",
    ],
    wrong=[
        (
            _top("p.argmax(dim=1), p.max(dim=1).values"),
            "The order is swapped: first the probability, then the class.",
        ),
        (
            _top("p.max(dim=0).values, p.max(dim=0).indices"),
            "`dim=0` looks down the batch: for each class the surest image. The classes lie along `dim=1`.",
        ),
        (
            _top("logits.max(dim=1).values, logits.max(dim=1).indices"),
            "The class is right; the value is a logit. The probability comes after softmax.",
        ),
        (
            _top("p.min(dim=1).values, p.min(dim=1).indices"),
            "That is the least likely class.",
        ),
        (_top("p.max(), p.argmax()"), "That is one value for the whole batch. Each image has its own: `dim=1`."),
    ],
)  # fmt: skip


# Training

step_lr = Number(
    "step_lr",
    0.00025,
    solution="rate = 0.001 * 0.5 * 0.5",
    hints=["Epochs 1 to 4 have 0.001. What about 5 to 8?", "Epoch 10 comes after two halvings."],
    wrong=[
        (0.001, "That is the rate of the first four epochs."),
        (0.0005, "That is for epochs 5 to 8. Epoch 10 comes after a second halving."),
        (0.000125, "One halving too many: it comes after epochs 4 and 8, and the next one after 12."),
        (0.0000009765625, "It is halved every 4 epochs, not every epoch."),
        (0.000001953125, "It is halved every 4 epochs, not every epoch: two halvings so far, not nine."),
        (0.5, "0.5 is `gamma`, the factor."),
    ],
)

mode = Choice(
    "mode",
    "d",
    choices={
        "a": "its outputs become probabilities",
        "b": "gradients are no longer recorded",
        "c": "average pooling is switched off",
        "d": "nothing in its outputs: it has no layer that looks at the mode",
    },
    solution='change = "d"',
    hints=[
        "Which layers behave differently in the two modes?",
        "Dropout and BatchNorm do. Does LeNet-5 have one of them?",
    ],
    wrong=[
        ("a", "The mode never turns logits into probabilities; `softmax` does."),
        ("b", "That is what `torch.no_grad()` does. `eval()` leaves gradients alone."),
        ("c", "Pooling is the same in both modes. Only layers such as Dropout and BatchNorm look at the mode."),
    ],
)

floor = Number(
    "floor",
    math.log((math.e + 99) / math.e),
    tolerance=0.0005,
    solution="floor = -math.log(math.e / (math.e + 99))",
    hints=[
        "The best outputs: 1 for the true class, 0 for each of the other 99.",
        "e to the 1 is e, e to the 0 is 1. So the probability of the true class is e / (e + 99).",
    ],
    wrong=[
        (math.log((math.e + 9) / math.e), "That is for 10 classes. Here 99 others share the rest."),
        (math.log(100), "ln 100 is the loss of pure guessing. The sigmoid can do a little better than that."),
        (math.log((math.e + 100) / math.e), "There are 99 other classes, not 100."),
        (0, "Without the sigmoid the loss can come close to 0. With it no output is above 1."),
        (-math.log((math.e + 99) / math.e), "The sign: minus the logarithm of a number below 1 is positive."),
        (math.e / (math.e + 99), "That is the probability of the true class. The loss is minus its logarithm."),
        (math.log10((math.e + 99) / math.e), "That is the logarithm to base 10. Cross-entropy uses the natural one, `math.log`."),
    ],
)  # fmt: skip

progress = Progress(__name__)
