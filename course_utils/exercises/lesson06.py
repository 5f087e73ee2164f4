"""The questions of lesson 6: stamps, matrices, stretched inputs, the size formula, upsampling."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from course_utils import shapes

from .core import Choice, Code, Number, Progress, Shape


def generator_layers() -> nn.Module:
    """The lesson's generator, without memory for its weights: the answers below are derived from it."""
    with torch.device("meta"):
        layers = {
            "up1": nn.ConvTranspose2d(100, 64, kernel_size=4),
            "up2": nn.ConvTranspose2d(64, 32, kernel_size=3, stride=2, padding=1),
            "up3": nn.ConvTranspose2d(32, 16, kernel_size=3, stride=2, padding=1, output_padding=1, groups=4),
            "up4": nn.ConvTranspose2d(16, 1, kernel_size=4, stride=2, padding=1),
        }
    model = nn.Sequential()
    for name, layer in layers.items():  # ReLU changes no shape, so the derivation does without it
        model.add_module(name, layer)
    return model


DERIVATION = shapes.derive(generator_layers(), (100, 1, 1))


def slips(layer: str | nn.Module, *input_shape: int) -> Callable[[Any], list[str]]:
    """What a wrong shape or parameter count of this layer shows: a name in the generator, or a layer with its input."""
    step = DERIVATION[layer] if isinstance(layer, str) else shapes.derive(layer, input_shape)[0]
    return lambda answer: shapes.diagnose(step, answer)


def one_axis(layer: nn.Module, size: int) -> Callable[[Any], list[str]]:
    """What a wrong size shows, for a layer with one channel that is looked at along one axis."""
    diagnose = known(slips(layer, 1, size, size))

    def diagnose_size(answer: Any) -> list[str]:
        if answer != int(answer):
            return []
        shape = (1, int(answer), int(answer))
        return [text.replace(str(shape), str(int(answer))) for text in diagnose(shape)]

    return diagnose_size


def known(diagnose: Callable[[Any], list[str]]) -> Callable[[Any], list[str]]:
    """The same without "No known slip": for a question that names slips of its own."""
    return lambda answer: [text for text in diagnose(answer) if not text.startswith("No known slip")]


# Stamps

stamp_cell = Number(
    "stamp_cell",
    13,
    solution="cell = 1 * 3 + 2 * 1 + 3 * 0 + 4 * 2",
    hints=[
        "The four stamps start at (0, 0), (0, 1), (1, 0) and (1, 1). All of them reach the cell (1, 2).",
        "The first stamp has `kernel[1, 2]` there, the last one `kernel[0, 1]`: 1·3 and 4·2. Two more are missing.",
    ],
    wrong=[
        (3, "That is the first stamp alone, 1·3. The stamps are added."),
        (8, "That is the last stamp alone, 4·2. The stamps are added. (A convolution gives 8 too: it does not turn the kernel.)"),
        (11, "That is `output[1, 1]`: one column to the left."),
        (7, "That is `output[2, 1]`. The first index is the row."),
        (10, "That is the sum of the four input numbers. Each is multiplied by the weight that lies there."),
    ],
)  # fmt: skip


def _stamping(generator: Generator) -> tuple[Tensor, Tensor, int, int, int]:
    rows, columns, kernel_rows, kernel_columns = torch.randint(2, 4, (4,), generator=generator).tolist()
    stride, dilation = torch.randint(2, 4, (2,), generator=generator).tolist()
    padding = int(torch.randint(1, 3, (), generator=generator))
    image = torch.rand(rows, columns, generator=generator, dtype=torch.float64)
    kernel = torch.rand(kernel_rows, kernel_columns, generator=generator, dtype=torch.float64)
    return image, kernel, stride, padding, dilation


def _by_torch(image: Tensor, kernel: Tensor, stride: int, padding: int, dilation: int) -> Tensor:
    options = {"stride": stride, "padding": padding, "dilation": dilation}
    return F.conv_transpose2d(image[None, None], kernel[None, None], **options)[0, 0]


def _stamp_code(
    reach: str = "dilation * (kernel_rows - 1) + 1, dilation * (kernel_columns - 1) + 1",
    place: str = "row * stride, column * stride",
    result: str = "full[padding : rows - padding, padding : columns - padding]",
    taps: str = "full[top : top + reach_rows : dilation, left : left + reach_columns : dilation]",
) -> str:
    return f"""def stamp(image, kernel, stride, padding, dilation):
    kernel_rows, kernel_columns = kernel.shape
    reach_rows, reach_columns = {reach}
    rows = (image.shape[0] - 1) * stride + reach_rows
    columns = (image.shape[1] - 1) * stride + reach_columns
    full = torch.zeros(rows, columns, dtype=image.dtype)
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            top, left = {place}
            cells = {taps}
            cells += image[row, column] * kernel
    return {result}"""


stamp = Code(
    "stamp",
    _by_torch,
    _stamping,
    solution=_stamp_code(),
    hints=[
        "A kernel of k weights has k − 1 gaps of `dilation` cells: it reaches dilation · (k − 1) + 1 cells.",
        "The stamp of `image[row, column]` starts at row · stride and column · stride; "
        "what is returned runs from `padding` to `rows - padding`.",
    ],
    wrong=[
        (
            _stamp_code(result="full"),
            "Nothing is cut off: `padding` rows and columns go from each of the four sides.",
        ),
        (
            _stamp_code(result="F.pad(full, (padding, padding, padding, padding))"),
            "You added a border. In a transposed convolution padding takes rows and columns away.",
        ),
        (
            _stamp_code(result="full[padding:, padding:]"),
            "You cut at the top and on the left only: padding takes as much from the other two sides.",
        ),
        (
            _stamp_code(result="full[: rows - padding, : columns - padding]"),
            "You cut at the bottom and on the right only: padding takes as much from the other two sides.",
        ),
    ],
)  # fmt: skip


# The matrix, and the gradient

matrix_shape = Shape(
    "matrix_shape",
    (16, 64),
    solution="matrix_shape = (16, 64)",
    hints=[
        "One row for each number that comes out, one column for each number that goes in.",
        "8·8 numbers go in, 4·4 come out.",
    ],
    wrong=[
        ((64, 16), "That is the transpose, which leads from 4×4 back to 8×8."),
        ((4, 8), "Those are the sizes of one axis. All 8·8 numbers are laid in one row, and all 4·4."),
        ((8, 4), "Those are the sizes of one axis, and the number of rows of a matrix is what comes out."),
        (
            (16, 16),
            "16 is the number of weights too, but a row has a place for each pixel: most hold a zero.",
        ),
        ((64, 64), "64 numbers go in, and fewer come out."),
    ],
)


def _gradient_case(generator: Generator) -> tuple[Tensor, Tensor, int, int]:
    channels, kernels, rows, columns = torch.randint(2, 5, (4,), generator=generator).tolist()
    stride = int(torch.randint(2, 4, (), generator=generator))
    weight = torch.rand(kernels, channels, 3, 3, generator=generator, dtype=torch.float64)
    grad = torch.rand(1, kernels, rows, columns, generator=generator, dtype=torch.float64)
    return grad, weight, stride, 1


def _by_autograd(grad: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
    size = [(n - 1) * stride - 2 * padding + weight.shape[2] for n in grad.shape[2:]]
    image = torch.zeros(1, weight.shape[1], *size, dtype=grad.dtype, requires_grad=True)
    F.conv2d(image, weight, stride=stride, padding=padding).backward(grad)
    return image.grad


def _gradient_code(arguments: str) -> str:
    return f"def input_gradient(grad, weight, stride, padding):\n    return F.conv_transpose2d({arguments})"


input_gradient = Code(
    "input_gradient",
    _by_autograd,
    _gradient_case,
    solution=_gradient_code("grad, weight, stride=stride, padding=padding"),
    hints=[
        "The gradient goes back through the same weights, with the same settings.",
        "`F.conv_transpose2d(input, weight, stride=..., padding=...)`: what is the input on the way back?",
    ],
    wrong=[
        (
            _gradient_code("grad, weight, stride=stride"),
            "The padding is missing: what fell on the border of zeros is no gradient of the image.",
        ),
        (
            _gradient_code("grad, weight, padding=padding"),
            "The stride is missing: the stamps must lie `stride` cells apart.",
        ),
        (
            _gradient_code("grad, weight.flip(2, 3), stride=stride, padding=padding"),
            "The kernel is turned. That is done inside, where the picture with the zeros needs it.",
        ),
    ],
)

weight_shape = Shape(
    "weight_shape",
    (16, 8, 5, 5),
    solution="weight_shape = (16, 8, 5, 5)",
    hints=[
        "It is the weight of the convolution that leads the other way.",
        "The other way is `nn.Conv2d(8, 16, kernel_size=5)`: 16 kernels of 8 slices.",
    ],
    wrong=[
        ((8, 16, 5, 5), "That is the order of `nn.Conv2d`. The transposed layer keeps the weight of the way there: in first."),
        ((16, 5, 5), "Each of the 16 channels that come in lays down a stamp on each of the 8 that go out."),
        ((8, 5, 5), "Each of the 8 maps that go out collects stamps from each of the 16 that come in."),
        ((5, 5, 8, 16), "Other libraries write it so. PyTorch puts height and width last."),
    ],
)  # fmt: skip


# The stretched input

stretched = Number(
    "stretched",
    10,
    solution="length = (4 - 1) * 3 + 1",
    hints=["How many gaps are between 4 cells?", "3 gaps with 2 zeros each, and the 4 cells."],
    wrong=[
        (12, "4 · 3 would put zeros behind the last cell too. There are 3 gaps between 4 cells."),
        (13, "A stride of 3 puts 2 zeros into each gap, not 3."),
        (7, "A stride of 3 puts 2 zeros into each gap, not 1."),
        (6, "The zeros alone are 6. The 4 cells are still there."),
    ],
)

real_padding = Number(
    "real_padding",
    7,
    solution="border = 2 * (5 - 1) - 1",
    hints=[
        "Without `padding` the border is d·(k − 1): the kernel may start with a single weight on the input.",
        "2·(5 − 1) = 8, and `padding=1` takes away one.",
    ],
    wrong=[
        (1, "That is the argument. The border that is really used is d·(k − 1) − p."),
        (3, "The dilation is missing: 5 weights with gaps reach 2·(5 − 1) cells beyond the first."),
        (9, "`padding` is subtracted: it makes the border, and with it the output, smaller."),
        (8, "That is the border for `padding=0`."),
        (6, "`padding=1` takes 1 from the border of each side; you took 2."),
        (4, "That is k − 1. The dilation and the padding are missing."),
    ],
)


# The size

full_size = Number(
    "full_size",
    19,
    solution="full = (6 - 1) * 3 + 4",
    hints=["Where does the last of the 6 stamps start?", "At 5·3 = 15, and it is 4 cells long."],
    diagnose=one_axis(nn.ConvTranspose2d(1, 1, 4, stride=3), 6),
    wrong=[
        (22, "The first stamp starts at 0, so the last of 6 starts after 5 steps."),
        (24, "The stamps overlap: they start 3 cells apart, not 4."),
        (15, "That is where the last stamp starts. It is 4 cells long."),
        (20, "The last stamp covers cells 15 to 18. Counted from 0, that makes 19 cells."),
    ],
)

padded_size = Number(
    "padded_size",
    15,
    solution="size = (6 - 1) * 3 + 4 - 2 * 2",
    hints=["Start from the 19 cells.", "2 are cut off on each of the two sides."],
    diagnose=one_axis(nn.ConvTranspose2d(1, 1, 4, stride=3, padding=2), 6),
)


def _setting(generator: Generator) -> tuple[int, ...]:
    size, kernel_size, stride, dilation = torch.randint(2, 6, (4,), generator=generator).tolist()
    padding = int(torch.randint(0, kernel_size // 2 + 1, (), generator=generator))
    output_padding = int(torch.randint(0, max(stride, dilation), (), generator=generator))
    return size, kernel_size, stride, padding, output_padding, dilation


def _real_size(
    size: int, kernel_size: int, stride: int = 1, padding: int = 0, output_padding: int = 0, dilation: int = 1
) -> int:
    layer = nn.ConvTranspose1d(1, 1, kernel_size, stride, padding, output_padding, dilation=dilation)
    return layer(torch.zeros(1, 1, size)).shape[-1]


def _size_code(expression: str) -> str:
    head = "def transpose_size(size, kernel_size, stride=1, padding=0, output_padding=0, dilation=1):"
    return f"{head}\n    return {expression}"


transpose_size = Code(
    "transpose_size",
    _real_size,
    _setting,
    trials=12,
    solution=_size_code(
        "(size - 1) * stride - 2 * padding + dilation * (kernel_size - 1) + output_padding + 1"
    ),
    hints=[
        "Where does the last stamp start? How far does it reach? What is cut off, what is left on?",
        "(size − 1) · stride is the last start, dilation · (kernel_size − 1) + 1 the reach.",
    ],
    wrong=[
        (
            _size_code("(size - 1) * stride - 2 * padding + kernel_size"),
            "That is the formula that lost two terms: the dilation and the output_padding are not in it.",
        ),
        (
            _size_code("(size - 1) * stride - 2 * padding + kernel_size + output_padding"),
            "The dilation is not in it: the stamp reaches over dilation · (kernel_size − 1) + 1 cells.",
        ),
        (
            _size_code("(size - 1) * stride - 2 * padding + dilation * (kernel_size - 1) + 1"),
            "The output_padding is not in it: it leaves so many more cells on at one end.",
        ),
        (
            _size_code("(size - 1) * stride - 2 * padding + dilation * (kernel_size - 1) + output_padding"),
            "The + 1 is missing: k weights have k − 1 gaps, and the first weight needs a cell too.",
        ),
        (
            _size_code("(size - 1) * stride + 2 * padding + dilation * (kernel_size - 1) + output_padding + 1"),
            "The padding is added. In a transposed convolution it is cut off, on both sides.",
        ),
        (
            _size_code("(size - 1) * stride - padding + dilation * (kernel_size - 1) + output_padding + 1"),
            "The padding is cut off on both sides: 2 · padding.",
        ),
        (
            _size_code("size * stride - 2 * padding + dilation * (kernel_size - 1) + output_padding + 1"),
            "The last stamp starts after size − 1 steps, because the first one starts at 0.",
        ),
        (
            _size_code("(size - 1) * stride - 2 * padding + dilation * (kernel_size - 1) + 2 * output_padding + 1"),
            "The output_padding counts once: it is left on at the bottom and on the right only.",
        ),
        (
            _size_code("(size - 1) * stride - 2 * padding + dilation * kernel_size + output_padding + 1"),
            "A kernel of k weights has only k − 1 gaps: dilation · (kernel_size − 1).",
        ),
    ],
)  # fmt: skip

wide = Shape(
    "wide",
    (8, 22, 22),
    solution="wide_shape = (8, 22, 22)",
    hints=[
        "(10 − 1)·2 is the last start. Reach: 3·(3 − 1) + 1.",
        "18 + 7 = 25; 2·2 are cut off, 1 is left on.",
    ],
    diagnose=slips(
        nn.ConvTranspose2d(16, 8, 3, stride=2, padding=2, output_padding=1, dilation=3), 16, 10, 10
    ),
)

sharing = Number(
    "sharing",
    3,
    solution="sizes = 3",
    hints=[
        "Which sizes does `(size - 3) // 3 + 1` turn into 4?",
        "(size − 3) // 3 must be 3, so size − 3 is 9, 10 or 11.",
    ],
    wrong=[
        (1, "That would be so without rounding down. Here size − 3 may be 9, 10 or 11."),
        (2, "That is the number for a stride of 2. With a stride of s, s sizes are rounded to the same one."),
        (4, "4 is the size of the output. How many input sizes lead to it?"),
    ],
)

left_on = Number(
    "left_on",
    1,
    solution="output_padding = 1",
    hints=[
        "What comes out with `output_padding=0`? Use the formula.",
        "(16 − 1)·2 − 2·1 + 1·(3 − 1) + 1 = 31.",
    ],
    wrong=[
        (0, "That gives 31: (16 − 1)·2 − 2·1 + 2 + 1."),
        (2, "That would give 33, and PyTorch refuses it: it must be below the stride."),
    ],
)

doubling = Number(
    "doubling",
    2,
    solution="padding = 2",
    hints=[
        "(H − 1)·2 − 2·p + 6 must be 2·H.",
        "The H falls out: −2 − 2·p + 6 = 0.",
    ],
    wrong=[
        (1, "That is right for a kernel of 4. With 6 it gives 2·H + 2."),
        (0, "Without padding it gives 2·H + 4: the kernel is 4 longer than the stride."),
        (4, "4 cells are too many in all. `padding` is what is cut off on each side."),
        (3, "That is for a kernel of 8. With 6 it gives 2·H − 2."),
    ],
)

grouped_params = Number(
    "grouped_params",
    DERIVATION["up3"].params,
    solution="up3_params = 32 * (16 // 4) * 3 * 3 + 16",
    hints=[
        "With 4 groups, each of the 32 channels that come in lays stamps on 16 / 4 = 4 maps only.",
        "32 · 4 · 3 · 3 weights, and one bias for each of the 16 maps.",
    ],
    diagnose=slips("up3"),
)


def line(name: str, *hints: str, wrong: Sequence[tuple[tuple[int, ...], str]] = ()) -> Shape:
    """The question for a layer of the generator; its slips come from the engine."""
    shape, diagnose = DERIVATION[name].output_shape, slips(name)
    return Shape(
        name,
        shape,
        solution=f"{name}_shape = {shape}",
        hints=hints,
        wrong=wrong,
        diagnose=known(diagnose) if wrong else diagnose,
    )


up1 = line(
    "up1",
    "One cell, one stamp. How large is it?",
    "(1 − 1)·1 − 2·0 + 1·(4 − 1) + 0 + 1, and 64 maps.",
    wrong=[((64, 1, 1), "One cell lays down a whole stamp, and nothing is cut off.")],
)
up2 = line("up2", "The last stamp starts at (4 − 1)·2 = 6.", "6 − 2·1 + 1·(3 − 1) + 0 + 1, and 32 maps.")
up3 = line(
    "up3",
    "As `up2`, but one more row is left on.",
    "(7 − 1)·2 − 2·1 + 1·(3 − 1) + 1 + 1; groups change no size.",
)
up4 = line("up4", "The setting that doubles.", "(14 − 1)·2 − 2·1 + 1·(4 − 1) + 0 + 1, and one map.")  # fmt: skip


# Upsampling

shuffled = Shape(
    "shuffled",
    (4, 24, 24),
    solution="shuffled_shape = (4, 24, 24)",
    hints=[
        "9 channels become one block of 3×3 pixels.",
        "36 / 9 channels; each axis becomes 3 times as long.",
    ],
    wrong=[
        ((12, 24, 24), "Only 3 channels were used for each block. A block of 3×3 needs 9."),
        ((36, 24, 24), "No number is new: 36·8·8 numbers come in, and as many go out."),
    ],
    diagnose=known(slips(nn.PixelShuffle(3), 36, 8, 8)),
)

even_cover = Choice(
    "even_cover",
    "c",
    choices={"a": "4", "b": "5", "c": "6", "d": "7"},
    solution='answer = "c"',
    hints=[
        "How many weights of the kernel reach a cell? Count along one axis.",
        "With k = 6 and s = 3 each cell is reached by 6 / 3 = 2 weights.",
    ],
    wrong=[
        ("a", "4 weights on steps of 3: one cell of three is reached twice, the others once."),
        ("b", "5 weights on steps of 3: two cells of three are reached twice, the third once."),
        ("d", "7 weights on steps of 3: one cell of three is reached three times, the others twice."),
    ],
)


def _pictures(generator: Generator) -> tuple[Tensor, Tensor]:
    output, target = torch.rand(2, 3, 1, 5, 5, generator=generator, dtype=torch.float64)
    return output, target


_PSNR = "def psnr(output, target):\n    mse = ((output - target) ** 2).mean()\n    return "

psnr = Code(
    "psnr",
    lambda output, target: -10 * torch.log10(F.mse_loss(output, target)),
    _pictures,
    solution=_PSNR + "10 * torch.log10(1 / mse)",
    hints=[
        "First the mean squared error over all pixels of all images.",
        "Ten times `torch.log10` of 1 / MSE: a smaller error is a larger number.",
    ],
    wrong=[
        (_PSNR + "10 * torch.log10(mse)", "The sign is wrong: a smaller error must give more decibels."),
        (_PSNR + "10 * torch.log(1 / mse)", "`torch.log` is the natural logarithm. Decibels need `torch.log10`."),
        (
            _PSNR + "20 * torch.log10(1 / mse)",
            "20 belongs to the *root* of the mean squared error, 10 to the mean squared error.",
        ),
        (_PSNR + "torch.log10(1 / mse)", "The factor 10 is missing: a decibel is a tenth of a bel."),
        (_PSNR + "1 / mse", "The logarithm is missing."),
    ],
)  # fmt: skip


# Old code

lost = Number(
    "lost",
    9,
    solution="lost = (3 * (5 - 1) + 1 - 5) + 1",
    hints=[
        "Compare k with the reach d·(k − 1) + 1. And then the output_padding.",
        "The reach is 3·4 + 1 = 13, not 5.",
    ],
    wrong=[
        (8, "That is the dilation's share. The output_padding is lost too."),
        (1, "That is the output_padding's share. The kernel reaches 13 cells, not 5."),
        (10, "A kernel of 5 has 4 gaps: the reach is 3·4 + 1 = 13, which is 8 more than 5."),
        (11, "The reach is 3·(5 − 1) + 1 = 13, not 3·5."),
    ],
)

progress = Progress(__name__)
