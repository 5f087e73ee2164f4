"""Exercises of lesson 1: tensors and autograd."""

import torch

from .core import Choice, Code, Number, Progress, Shape

sum_axis = Shape(
    "sum_axis",
    (3,),
    solution="mean_shape = (3,)",
    hints=[
        "`dim` names the axes that disappear. Which axes are 0, 2 and 3?",
        "Pictures, rows and columns disappear. What is left of (32, 3, 28, 28)?",
    ],
    wrong=[
        ((32, 28, 28), "You removed axis 1. `dim` names the axes that disappear, not those that stay."),
        ((1, 3, 1, 1), "`keepdim=True` would give this. Without it, the axes disappear altogether."),
        ((32,), "This keeps the pictures. Axis 0 is among those that disappear, axis 1 is not."),
    ],
)

mean_gradient = Number(
    "mean_gradient",
    2.0,
    solution="slope_of_six = 2 * 6 / 6  # 2 * v over the number of entries",
    hints=[
        "Write down the mean: a sum of squares, divided by the number of entries. How many entries are there?",
        "The slope of the square of v is 2v. Divide it by 6 entries.",
    ],
    wrong=[
        (3.0, "v / 2 is for four entries. Here there are six."),
        (12.0, "2v is the slope of the sum. The mean divides it by the number of entries."),
        (6.0, "That is the square divided by 6, or the entry itself. The slope of the square of v is 2v."),
        (1.0, "The 2 in the slope 2v is missing."),
    ],
)

chain_rule = Number(
    "chain_rule",
    18.0,
    solution="error = 2 * -3 + 1 - -2  # -3\nweight_gradient = 2 * error * -3",
    hints=[
        "Go forward first: product, prediction, error.",
        "The error is -3. Now backward: 2 · error, times 1, times 1, times x.",
    ],
    wrong=[
        (-18.0, "The sign: error and x are both negative, so their product is positive."),
        (-6.0, "That is the gradient of `bias`. For `weight` one more factor comes in: x."),
        (9.0, "That is error · x, or the loss itself. The slope of the squared error is 2 · error."),
        (42.0, "You added the target. The error is prediction minus target: -5 - (-2)."),
        (-12.0, "You multiplied by `weight`. The slope of `weight * x` with respect to `weight` is x."),
    ],
)

detached = Number(
    "detached",
    6.0,
    solution="gradient_of_a = 3 * 2.0  # c is a plain number to autograd, so the slope of a * c is c",
    hints=[
        "To autograd, c is a plain number. Which number?",
        "d = a * 6. What is the slope of d with respect to a?",
    ],
    wrong=[
        (
            12.0,
            "12 is d itself, and also the slope if b were not cut off. `detach()` closes the way through c.",
        ),
        (0.0, "Only the way through c is closed. `a` is also a factor of `d` directly."),
        (3.0, "3 is the slope of b. But b is not in the graph of d; the other factor of a in d is c."),
        (2.0, "2 is the value of a, the slope with respect to c. We want the slope with respect to a."),
    ],
)

accumulated = Number(
    "accumulated",
    4.0,
    solution="final_gradient = 2 + 2",
    hints=[
        "Each `backward()` adds 2. What does `w.grad = None` do to what was there?",
        "After forgetting, two more times 2 come in.",
    ],
    wrong=[
        (6.0, "Three times 2: but `w.grad = None` forgot the first one."),
        (2.0, "`backward()` adds to `.grad`, it does not replace it: two of them came after the forgetting."),
        (0.0, "`w.grad = None` came before the last two `backward()`, and they add again."),
    ],
)


def _step(point, gradient, rate):
    return point - rate * gradient


step = Code(
    "step",
    _step,
    lambda generator: (
        torch.randn(2, generator=generator, dtype=torch.float64),
        torch.randn(2, generator=generator, dtype=torch.float64),
        0.05 + torch.rand((), generator=generator, dtype=torch.float64).item(),
    ),
    solution="def step(point, gradient, rate):\n    return point - rate * gradient",
    hints=[
        "The formula above has three names. The function has the same three.",
        "Downhill is against the gradient: subtract `rate * gradient` from `point`.",
    ],
    wrong=[
        (
            "def step(point, gradient, rate):\n    return point + rate * gradient",
            "This walks uphill: subtract.",
        ),
        ("def step(point, gradient, rate):\n    return point - gradient", "The learning rate is missing."),
        (
            "def step(point, gradient, rate):\n    return -rate * gradient",
            "This is the move. Add it to `point`.",
        ),
        (
            "def step(point, gradient, rate):\n    point -= rate * gradient\n    return point",
            "`-=` overwrites the point that you were given. Return a new one: `point - ...`.",
        ),
        (
            "def step(point, gradient, rate):\n    return point - gradient / rate",
            "Multiply by the rate. Divided by it, a small rate would give a long step.",
        ),
    ],
)

largest_rate = Number(
    "largest_rate",
    0.08,
    tolerance=0.0005,
    solution="rate_limit = 2 / 25",
    hints=[
        "Which of the two curvatures limits the rate?",
        "The limit is 2 divided by the largest curvature.",
    ],
    wrong=[
        (0.5, "That is 2 / 4. The steepest direction breaks first, so the largest curvature counts."),
        (0.04, "That is 1 / 25: there one step reaches the middle exactly. The limit is twice as large."),
        (2 / 29, "You added the curvatures. Each direction is on its own; the largest one sets the limit."),
        (12.5, "That is 25 / 2. Turn the fraction over."),
    ],
)

mae = Code(
    "mae",
    lambda prediction, target: (prediction - target).abs().mean(),
    lambda generator: (
        torch.randn(7, generator=generator, dtype=torch.float64),
        torch.randn(7, generator=generator, dtype=torch.float64),
    ),
    solution="def mae(prediction, target):\n    return (prediction - target).abs().mean()",
    hints=[
        "Start from `mse` above. What takes the place of the square?",
        "A tensor has the methods `.abs()` and `.mean()`. The order matters.",
    ],
    wrong=[
        (
            "def mae(prediction, target):\n    return (prediction - target).mean()",
            "The signs are still there: errors of +3 and -3 cancel to 0. Take `.abs()` first.",
        ),
        (
            "def mae(prediction, target):\n    return (prediction - target).mean().abs()",
            "`.abs()` comes too late: inside the mean, errors of +3 and -3 have already cancelled.",
        ),
        (
            "def mae(prediction, target):\n    return (prediction - target).abs().sum()",
            "That is the sum. It grows with the number of rows; the mean does not.",
        ),
        (
            "def mae(prediction, target):\n    return ((prediction - target) ** 2).mean()",
            "That is the mean squared error. Take the absolute value in place of the square.",
        ),
        (
            "def mae(prediction, target):\n    return ((prediction - target) ** 2).mean().sqrt()",
            "That is the root of the mean square. It is not the mean of the absolute values.",
        ),
        (
            "def mae(prediction, target):\n    return (prediction - target).abs()",
            "One value per row. A loss is one number: take the mean.",
        ),
    ],
)

broadcast = Shape(
    "broadcast",
    (200, 200),
    solution="difference_shape = (200, 200)",
    hints=[
        "Broadcasting lines the shapes up at their last axis: (200, 1) above (200,). What stands above what?",
        "The 1 is repeated 200 times, and (200,) is repeated for each of the 200 rows.",
    ],
    wrong=[
        (
            (200,),
            "That would need equal shapes. (200, 1) and (200,) are lined up at the last axis: 1 against 200.",
        ),
        ((200, 1), "The last axes are 1 and 200. The 1 is repeated until it is 200 long."),
        (
            (1, 200),
            "The targets get a first axis of 1, and that is repeated for the 200 rows of predictions.",
        ),
    ],
)

loop_order = Choice(
    "loop_order",
    "a",
    choices={
        "a": "loss.backward(), then optimizer.step(), then optimizer.zero_grad()",
        "b": "optimizer.step(), then loss.backward(), then optimizer.zero_grad()",
        "c": "optimizer.zero_grad(), then optimizer.step(), then loss.backward()",
    },
    solution='trains = "a"',
    hints=[
        "The step needs fresh gradients. Follow `.grad` through two turns of the loop.",
        "Forgetting may come before `backward()` or after `step()`, but never between the two.",
    ],
    wrong=[
        ("b", "Here the gradients are forgotten right after `backward()`: every step finds none."),
        ("c", "Here the gradients are forgotten right before the step: every step finds none."),
    ],
)

hidden = Number(
    "hidden",
    10,
    solution="found = 4 * 2 + 2  # only self.head: the list hides the other two layers",
    hints=[
        "Which of the three layers does the module know?",
        "Only `self.head` is an attribute of its own. A linear layer has inputs · outputs weights, and a bias per output.",
    ],
    wrong=[
        (46, "That counts all three layers. Two of them are in a plain list."),
        (36, "Those are the layers in the list. They are the hidden ones; `head` is found."),
        (8, "The bias is missing: one number for each output."),
        (12, "A bias for each input? There is one for each output: 2."),
    ],
)

momentum = Number(
    "momentum",
    0.29,
    tolerance=0.0005,
    solution="moved = 0.1 * 1 + 0.1 * (0.9 * 1 + 1)",
    hints=[
        "What is the velocity after step 1? And after step 2, with 0.9 · v + g?",
        "The velocities are 1 and 1.9. Each step moves by rate · v.",
    ],
    wrong=[
        (0.2, "That is plain SGD. In the second step the velocity is 0.9 · 1 + 1."),
        (0.19, "That is the second step alone. Add the first one, 0.1."),
        (2.9, "Those are the velocities added up. Multiply by the rate."),
        (0.3, "The velocity shrinks by 0.9 before the new gradient comes in: 1.9, not 2."),
        (0.029, "That is a velocity of 0.1 · g, as in Adam's m. Momentum adds the whole gradient."),
    ],
)

iterations = Number(
    "iterations",
    48,
    solution="iterations = 3 * math.ceil(1000 / 64)",
    hints=[
        "1000 / 64 is 15.6. What happens with the examples left over?",
        "The short last batch is an iteration too: 16 per epoch.",
    ],
    wrong=[
        (45, "You rounded down. The 40 examples left over make a short batch of their own."),
        (46.875, "An iteration is a whole step. Round up in each epoch."),
        (47, "Round up in each epoch, not once at the end: each epoch ends with its own short batch."),
        (16, "That is one epoch. There are three."),
        (3000, "That is one example at a time. Each iteration takes a batch of 64."),
    ],
)

progress = Progress(__name__)
