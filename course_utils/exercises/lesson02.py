"""The questions of lesson 2: batches, shapes, the lines of a training loop, eval mode, loading."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from .core import Choice, Code, Number, Progress, Shape

iterations = Number(
    "iterations",
    938,
    solution="iterations = 938",
    hints=[
        "Divide 60,000 by 64. What happens to the images that are left over?",
        "60,000 / 64 = 937.5, rounded up.",
    ],
    wrong=[
        (937, "Rounded down: that leaves out the images of the last, short batch."),
        (
            937.5,
            "There is no half iteration: the images left over make a short batch of their own, so round up.",
        ),
        (9380, "That is ten epochs; the question is about one."),
        (64, "64 is the batch size: the images in one iteration."),
        (60_000, "That would be batches of one image."),
        (157, "That is for the 10,000 test images; there are 60,000 training images."),
    ],
)

last_batch = Number(
    "last_batch",
    32,
    solution="last_batch = 60_000 - 937 * 64",
    hints=[
        "937 batches are full. How many images do they hold together?",
        "937 * 64 = 59,968. How many are left of 60,000?",
    ],
    wrong=[
        (64, "The last batch would be full only if 60,000 could be divided by 64."),
        (0, "The images left over are kept, as a short batch; `drop_last=True` would leave them out."),
        (0.5, "Half a batch is right. How many images is that?"),
        (28, "That is what 1,500 images leave over; the question is about 60,000."),
        (16, "That is what 10,000 or 2,000 images leave over; the question is about 60,000."),
        (-32, "938 full batches would be 32 images too many. Count what 937 full batches leave."),
    ],
)

undo = Code(
    "undo",
    lambda x, mean, std: x * std + mean,
    lambda generator: (
        torch.randn(2, 1, 4, 4, generator=generator, dtype=torch.float64),
        torch.rand((), generator=generator, dtype=torch.float64).item(),
        0.1 + torch.rand((), generator=generator, dtype=torch.float64).item(),
    ),
    solution="def undo(x, mean, std):\n    return x * std + mean",
    hints=[
        "Normalize first subtracts the mean, then divides by std. Undo the last step first.",
        "Multiply by std, then add the mean.",
    ],
    wrong=[
        (
            "def undo(x, mean, std):\n    return (x - mean) / std",
            "That normalises once more; undo goes the other way.",
        ),
        (
            "def undo(x, mean, std):\n    return (x + mean) * std",
            "The order is wrong: Normalize divided last, so multiply first and then add the mean.",
        ),
        ("def undo(x, mean, std):\n    return x * mean + std", "Mean and std have changed places."),
        (
            "def undo(x, mean, std):\n    return x * std - mean",
            "Normalize subtracted the mean, so undo must add it.",
        ),
        (
            "def undo(x, mean, std):\n    return x / std + mean",
            "Normalize divided by std, so undo must multiply.",
        ),
        ("def undo(x, mean, std):\n    return x * std", "The mean must come back, too."),
        (
            "def undo(x, mean, std):\n    return x * 0.5 + 0.5",
            "0.5 is right for `Normalize(0.5, 0.5)` only: use `mean` and `std`.",
        ),
    ],
)

block1 = Shape(
    "block1",
    (64, 14, 14),
    solution="block1_shape = (64, 14, 14)",
    hints=[
        "How many feature maps does the convolution make? That is the number of channels.",
        "The convolution keeps 28 by 28. Pooling 2 halves both.",
    ],
    wrong=[
        ((64, 28, 28), "That is the shape before the pooling, which halves height and width."),
        ((1, 14, 14), "The convolution makes 64 feature maps out of 1 channel."),
        ((64, 13, 13), "`padding=0` would give this (28 to 26, pooled to 13); here the padding is 1."),
        ((64, 26, 26), "This is `padding=0` without the pooling; here the padding is 1, and pooling halves."),
        (
            (64, 15, 15),
            "Padding adds one pixel on each side and the kernel takes both away again: 28 stays 28.",
        ),
        ((64, 7, 7), "Halved twice: this block pools once."),
        ((128, 14, 14), "128 channels come out of block 2."),
    ],
)

block2 = Shape(
    "block2",
    (128, 7, 7),
    solution="block2_shape = (128, 7, 7)",
    hints=["Block 2 starts from what block 1 gives: 64 channels, 14 by 14.", "128 kernels; 14 halved."],
    wrong=[
        ((128, 14, 14), "That is the shape before the pooling, which halves height and width."),
        ((64, 7, 7), "The convolution of block 2 makes 128 feature maps, one for each kernel."),
        (
            (192, 7, 7),
            "The 64 channels that come in are not kept beside the 128 new ones: each kernel sums over them.",
        ),
        (
            (8192, 7, 7),
            "Each of the 128 kernels looks at all 64 channels and sums them into one map: 128 maps, not 64 * 128.",
        ),
        ((128, 6, 6), "`padding=0` would give this (14 to 12, pooled to 6); here the padding is 1."),
        ((128, 5, 5), "`padding=0` in both blocks would give this; here the padding is 1."),
        ((128, 28, 28), "Both poolings are missing: 28 becomes 14, then 7."),
    ],
)

flatten = Number(
    "flatten",
    6272,
    solution="features = 7 * 7 * 128",
    hints=[
        "All numbers of an image, in one row: channels times height times width.",
        "After block 2: 128 channels, 7 by 7.",
    ],
    wrong=[
        (49, "That is one channel; there are 128."),
        (128, "That is the number of channels; each one is a map of 7 by 7 numbers."),
        (896, "7 * 128: there are 7 rows and also 7 columns."),
        (3136, "64 channels come out of block 1; after block 2 there are 128."),
        (25_088, "14 * 14 * 128: the second pooling halves 14 to 7."),
        (12_544, "14 * 14 * 64 is the size after block 1; one more block follows."),
        (100_352, "28 * 28 * 128: both poolings are missing."),
        (
            401_408,
            "That is a whole batch of 64; flatten keeps the batch axis, and a layer's `in_features` is for one image.",
        ),
        (4608, "`padding=0` in block 2 alone would give this (6 * 6 * 128); here the padding is 1."),
        (3200, "`padding=0` in both blocks would give this (5 * 5 * 128); here the padding is 1."),
        (784, "That is the input, 28 * 28 pixels."),
        (1024, "That is `out_features` of the first linear layer; `in_features` is asked for."),
    ],
)

conv_params = Number(
    "conv_params",
    73_856,
    solution="parameters = 128 * (3 * 3 * 64 + 1)",
    hints=[
        "Count one kernel first: how many weights, and one bias.",
        "One kernel: 3 * 3 * 64 + 1 = 577. There are 128.",
    ],
    wrong=[
        (73_728, "The 128 biases are missing, one for each kernel."),
        (577, "That is one kernel; there are 128."),
        (576, "That is one kernel without its bias; there are 128."),
        (1280, "Each kernel has a 3 by 3 grid for each of the 64 incoming channels, not only one."),
        (
            1152,
            "Each kernel has a 3 by 3 grid for each of the 64 incoming channels; and each kernel has a bias.",
        ),
        (73_792, "The bias belongs to the kernel: 128 biases, not 64."),
        (73_729, "There is one bias for each of the 128 kernels, not one for the layer."),
        (81_920, "One bias a kernel, not one for each of its 64 grids."),
        (24_704, "A kernel is 3 by 3, so 9 weights a channel, not 3."),
        (640, "That is the first convolution: 64 * (3 * 3 * 1 + 1)."),
    ],
)

loop_order = Choice(
    "loop_order",
    "b",
    choices={
        "a": "step, backward, zero_grad",
        "b": "zero_grad, backward, step",
        "c": "backward, zero_grad, step",
        "d": "backward, step, and zero_grad only once",
    },
    solution='order = "b"',
    hints=[
        "`backward` adds to the gradients that are there. `step` uses them.",
        "The gradients must be empty before `backward`, and full at `step`.",
    ],
    wrong=[
        (
            "a",
            "`step` would come before this batch has any gradients: at the first batch nothing moves, and later the gradients are gone.",
        ),
        ("c", "`zero_grad` would throw away what `backward` has just computed, so `step` moves nothing."),
        ("d", "`backward` adds to the old gradients, so each step would also repeat all earlier batches."),
    ],
)


def _accuracy(logits: Tensor, labels: Tensor) -> float:
    return (logits.argmax(dim=1) == labels).double().mean().item()


def _logits_and_labels(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    # 64 rows, so that the share of right ones is exact in float32, too
    logits = torch.randn(64, 10, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 10, (64,), generator=generator)
    logits[torch.arange(45), labels[:45]] += 4
    return logits, labels


accuracy = Code(
    "accuracy",
    _accuracy,
    _logits_and_labels,
    solution=("def accuracy(logits, labels):\n    return (logits.argmax(dim=1) == labels).float().mean()"),
    hints=[
        "`logits.argmax(dim=1)` gives one predicted class an image. Compare it with `labels`.",
        "The comparison gives True and False. As numbers, `.float()`, their mean is the share of True.",
    ],
    wrong=[
        (
            "def accuracy(logits, labels):\n    return (logits.argmax(dim=1) == labels).sum()",
            "That counts the right ones. The share is the count divided by the number of images.",
        ),
        (
            "def accuracy(logits, labels):\n    return 100 * (logits.argmax(dim=1) == labels).double().mean()",
            "That is in percent; a number from 0 to 1 is asked for.",
        ),
        (
            "def accuracy(logits, labels):\n    return (logits.argmax(dim=1) != labels).double().mean()",
            "That is the share of wrong ones.",
        ),
        (
            "def accuracy(logits, labels):\n    return (logits.max(dim=1).values == labels).double().mean()",
            "`max` gives the largest value itself; its place, `argmax`, is the predicted class.",
        ),
        (
            "def accuracy(logits, labels):\n    return (logits.argmin(dim=1) == labels).double().mean()",
            "The predicted class has the largest logit, not the smallest.",
        ),
        (
            "def accuracy(logits, labels):\n    return (logits.argmax(1) == labels).double().sum() / logits.numel()",
            "Divide by the number of images, not by the number of logits (ten an image).",
        ),
        (
            "def accuracy(logits, labels):\n    return (logits.argmax(dim=0) == labels).double().mean()",
            "`argmax(dim=0)` looks down the batch. The ten classes of an image lie along `dim=1`.",
        ),
    ],
)


def _batches(generator: torch.Generator) -> tuple[Tensor, Tensor]:
    means = 0.1 + torch.rand(5, generator=generator, dtype=torch.float64)
    last = int(torch.randint(1, 64, (), generator=generator))
    return means, torch.tensor([64, 64, 64, 64, last])


epoch_loss = Code(
    "epoch_loss",
    lambda means, sizes: ((means * sizes).sum() / sizes.sum()).item(),
    _batches,
    solution="def epoch_loss(means, sizes):\n    return (means * sizes).sum() / sizes.sum()",
    hints=[
        "A batch's mean times its size is the sum of the losses of its images.",
        "Add up these sums and divide by the number of all images, `sizes.sum()`.",
    ],
    wrong=[
        (
            "def epoch_loss(means, sizes):\n    return means.mean()",
            "This is the mean of the means: the short last batch counts as much as a full one.",
        ),
        (
            "def epoch_loss(means, sizes):\n    return means.sum() / sizes.sum()",
            "Each mean is added once a batch and divided by the images: far too small. Multiply it by its size first.",
        ),
        (
            "def epoch_loss(means, sizes):\n    return (means * sizes).sum()",
            "That is the sum over all images; divide it by their number.",
        ),
        (
            "def epoch_loss(means, sizes):\n    return (means * sizes).sum() / len(sizes)",
            "Divide by the number of images, not by the number of batches.",
        ),
        (
            "def epoch_loss(means, sizes):\n    return (means * sizes).sum() / (len(sizes) * sizes[0])",
            "The last batch is not full: add up the sizes.",
        ),
        (
            "def epoch_loss(means, sizes):\n    return means[-1]",
            "That is the last batch alone.",
        ),
        ("def epoch_loss(means, sizes):\n    return means.sum()", "That is the sum of the batch means."),
    ],
)


def _train_step(
    model: nn.Module, images: Tensor, labels: Tensor, loss_fn: Callable, optimizer: torch.optim.Optimizer
) -> float:
    loss = loss_fn(model(images), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def _second_batch(generator: torch.Generator) -> tuple:
    """A small model whose gradients are still those of an earlier batch."""
    model, loss_fn = nn.Linear(4, 3, dtype=torch.float64), nn.CrossEntropyLoss()
    images = torch.randn(2, 8, 4, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 3, (2, 8), generator=generator)
    loss_fn(model(images[0]), labels[0]).backward()
    return model, images[1], labels[1], loss_fn, torch.optim.SGD(model.parameters(), lr=0.1)


def _step(*lines: str) -> str:
    """The code of a train_step with these lines between the loss and the return."""
    return "\n    ".join(
        [
            "def train_step(model, images, labels, loss_fn, optimizer):",
            "loss = loss_fn(model(images), labels)",
            *lines,
            "return loss.item()",
        ]
    )


ZERO, BACKWARD, STEP = "optimizer.zero_grad()", "loss.backward()", "optimizer.step()"

train_step = Code(
    "train_step",
    _train_step,
    _second_batch,
    solution=_step(ZERO, BACKWARD, STEP),
    hints=[
        "First the two lines of the forward pass: `logits = model(images)`, `loss = loss_fn(logits, labels)`.",
        "Then the three calls of the last question, in their order.",
        "At the end `return loss.item()`.",
    ],
    wrong=[
        (
            _step(BACKWARD, STEP),
            "The gradients of the batch before were still there, and yours were added to them: "
            "call `optimizer.zero_grad()` before `loss.backward()`.",
        ),
        (
            _step(BACKWARD, ZERO, STEP),
            "The parameters did not move. Is `backward` or `step` missing, or does `zero_grad` come between them?",
        ),
        (
            _step(STEP, ZERO, BACKWARD),
            "`step` came before `backward`, so it used the gradients of the batch before.",
        ),
        (
            _step(ZERO, BACKWARD, STEP).replace("(model(images), labels)", "(labels, model(images))"),
            "`loss_fn` takes the logits first and the labels second.",
        ),
        (
            _step(ZERO, BACKWARD, STEP, STEP),
            "The parameters moved twice: call `step` once for a batch.",
        ),
    ],
)


eval_mode = Choice(
    "eval_mode",
    "c",
    choices={
        "a": "only `torch.no_grad()`",
        "b": "only `model.eval()`",
        "c": "`model.eval()` and `torch.no_grad()`",
        "d": "nothing",
    },
    solution='needed = "c"',
    hints=[
        "Two different things: how the layers compute, and whether PyTorch keeps what `backward` needs.",
        "`model.eval()` changes what dropout and BatchNorm do. `torch.no_grad()` changes no number.",
    ],
    wrong=[
        (
            "a",
            "`no_grad` leaves every layer in its mode: dropout stays on, and BatchNorm uses the test batch.",
        ),
        (
            "b",
            "The numbers would be right, but `eval` does not stop the recording: memory and time are wasted.",
        ),
        ("d", "Dropout acts in each forward pass in train mode, whether `backward` follows or not."),
    ],
)

loading = Choice(
    "loading",
    "b",
    choices={
        "a": "load the file and call `eval()` on it",
        "b": "a fresh `Net`, `load_state_dict` with `map_location`, `eval()`",
        "c": "a fresh `Net`, `load_state_dict` without `map_location`, `eval()`",
        "d": "a fresh `Net`, `load_state_dict` with `map_location`, no `eval()`",
    },
    solution='lines = "b"',
    hints=[
        "The file holds a dictionary of tensors that were on a CUDA device.",
        "Three things are needed: a model to put the numbers into, a device that exists, the right mode.",
    ],
    wrong=[
        (
            "a",
            "The file holds a dictionary of numbers, and a dictionary has no `eval()`: a model must be made first.",
        ),
        ("c", "The tensors would be sent to CUDA, as they were saved, and this laptop has none."),
        ("d", "A new model is in train mode: dropout would be on, and BatchNorm would use the batch."),
    ],
)

progress = Progress(__name__)
