"""Two small questions that show how exercises work."""

import torch

from .core import Code, Number, Progress

pixels = Number(
    "pixels",
    784,
    solution="pixels = 28 * 28",
    hints=["28 rows, and 28 pixels in each row.", "Rows times columns."],
    wrong=[
        (56, "That is 28 + 28: a row and a column. Each of the 28 rows has 28 pixels."),
        (28, "That is one row; there are 28."),
        (112, "That is the way around the image, 4 * 28. All the pixels inside are asked for."),
        (2352, "That is 28 * 28 * 3, an image in colour; this one is grey."),
    ],
)

double = Code(
    "double",
    lambda x: 2 * x,
    lambda generator: (torch.randn(3, generator=generator, dtype=torch.float64),),
    solution="def double(x):\n    return 2 * x",
    hints=["Multiply `x` by 2 and return the result.", "The line is `return 2 * x`."],
    wrong=[
        ("def double(x):\n    return x + 2", "That adds 2; twice `x` is `2 * x`."),
        ("def double(x):\n    return x**2", "That is the square of `x`; twice `x` is `2 * x`."),
        ("def double(x):\n    return x", "That is `x` itself."),
    ],
)

progress = Progress(__name__)
