"""A derivation done by hand, judged: one slip costs one line."""

import pytest
import torch
import torchvision
from shape_models import LessonNet, lenet5, net
from torch import nn

from course_utils import shapes

RIGHT = [
    (64, 30, 30),
    (64, 15, 15),
    (64, 13, 13),
    (64, 6, 6),
    (128, 4, 4),
    (128, 2, 2),
    (512,),
    (256,),
    (10,),
]
PARAMS = [1792, 36928, 73856, 131328, 2570]
NAMES = ["conv1", "pool", "conv2", "pool_2", "conv3", "pool_3", "flatten", "fc1", "fc2"]


@pytest.fixture(scope="module")
def derivation():
    return shapes.derive(LessonNet(), (3, 32, 32))


def verdicts(checked):
    return [line.verdict for line in checked.lines]


def test_everything_right(derivation):
    checked = derivation.check(RIGHT, PARAMS)
    assert checked.correct
    assert checked.first_wrong is None
    assert verdicts(checked) == ["right"] * 14
    assert repr(checked).startswith("Every line is right.\n")


def test_the_same_answers_in_every_accepted_form(derivation):
    every = [step.output_shape for step in derivation]
    named = dict(zip(NAMES, RIGHT, strict=True))
    for answers in (RIGHT, tuple(RIGHT), every, named, {**named, "flatten": 512}, [list(s) for s in RIGHT]):
        assert derivation.check(answers).correct
    assert derivation.check(
        named, dict(zip(["conv1", "conv2", "conv3", "fc1", "fc2"], PARAMS, strict=True))
    ).correct
    assert derivation.check(RIGHT, [step.params for step in derivation]).correct
    assert derivation.check([torch.Size(s) for s in RIGHT]).correct


def test_one_slip_is_named_once_and_carried_forward(derivation):
    """The first pooling taken with stride 1, and everything after it worked out correctly from there."""
    answers = [
        (64, 30, 30),
        (64, 29, 29),
        (64, 27, 27),
        (64, 13, 13),
        (128, 11, 11),
        (128, 5, 5),
        (3200,),
        (256,),
        (10,),
    ]
    checked = derivation.check(answers, [1792, 36928, 73856, 256 * 3201, 2570])
    assert not checked.correct
    assert verdicts(checked)[:9] == ["right", "wrong", *["follows"] * 5, "right", "right"]
    assert verdicts(checked)[9:] == ["right", "right", "right", "follows", "right"]
    first = checked.first_wrong
    assert (first.step.name, first.answer) == ("pool", (64, 29, 29))
    assert first.notes == (
        "(64, 29, 29) is what stride=1 gives: without a stride, a pooling steps by its kernel, here 2.",
    )
    assert repr(checked).startswith(f"The first wrong line is the shape of pool. {first.notes[0]}\n")


@pytest.mark.parametrize("place", range(len(RIGHT)))
def test_a_slip_on_any_line_makes_exactly_that_line_wrong(derivation, place):
    """From the slip on, each answer is what torch gives for the value before it."""
    layers = [nn.Conv2d(3, 64, 3), nn.MaxPool2d(2), nn.Conv2d(64, 64, 3), nn.MaxPool2d(2)]
    layers += [nn.Conv2d(64, 128, 3), nn.MaxPool2d(2), nn.Flatten(0), nn.LazyLinear(256), nn.LazyLinear(10)]
    answers = list(RIGHT)
    answers[place] = (*RIGHT[place][:-2], *(n + 9 for n in RIGHT[place][-2:]))
    for later in range(place + 1, len(RIGHT)):
        answers[later] = tuple(layers[later](torch.zeros(answers[later - 1])).shape)
    checked = derivation.check(answers)
    assert [line.step.name for line in checked.lines if line.verdict == "wrong"] == [NAMES[place]]
    assert "open" not in verdicts(checked)


def test_two_slips_are_two_wrong_lines(derivation):
    answers = [
        (64, 32, 32),
        (64, 16, 16),
        (64, 14, 14),
        (64, 7, 7),
        (64, 5, 5),
        (64, 2, 2),
        (256,),
        (256,),
        (10,),
    ]
    checked = derivation.check(answers)
    assert [line.step.name for line in checked.lines if line.verdict == "wrong"] == ["conv1", "conv3"]
    (conv3,) = [line for line in checked.lines if line.step.name == "conv3"]
    assert "kept the 64 channels" in conv3.notes[0]


def test_coming_back_to_the_right_value_is_right(derivation):
    answers = list(RIGHT)
    answers[3] = (64, 7, 7)  # rounded up, but the next line is right again
    assert verdicts(derivation.check(answers)).count("wrong") == 1
    assert verdicts(derivation.check(answers))[4] == "right"


def test_steps_may_be_left_out(derivation):
    checked = derivation.check(
        {"conv1": (64, 30, 30), "pool": (64, 15, 15), "conv2": ...}, {"conv1": 1792, "fc1": None}
    )
    assert verdicts(checked) == ["right"] * 3
    assert not checked.correct
    assert checked.missing == tuple(NAMES[2:])
    assert repr(checked).startswith("Every line so far is right. Still open: conv2, pool_2, conv3,")
    assert repr(derivation.check({})).startswith("Nothing to check yet. Still open: conv1,")


def test_a_value_is_carried_over_a_line_left_out(derivation):
    checked = derivation.check({"conv1": (64, 32, 32), "conv2": (64, 14, 14)})
    assert verdicts(checked) == ["wrong", "follows"]


def test_channels_carry_forward_too(derivation):
    checked = derivation.check(
        {"conv1": (3, 30, 30), "pool": (3, 15, 15), "conv2": (64, 13, 13)}, {"conv2": 64 * 28}
    )
    assert verdicts(checked) == ["wrong", "follows", "right", "follows"]


def test_a_line_that_nothing_follows_from_is_left_open(derivation):
    checked = derivation.check({"conv1": (64, 2, 2), "pool": (64, 1, 1), "conv2": (64, 5, 5)})
    assert verdicts(checked) == ["wrong", "follows", "open"]
    assert "with your 64×1×1, kernel_size=3: larger than the padded input" in checked.lines[2].notes[0]
    assert "cannot be judged" in repr(checked)


def test_a_wrong_number_of_parameters_is_diagnosed(derivation):
    checked = derivation.check(RIGHT, [1728, *PARAMS[1:]])
    assert checked.first_wrong.step.name == "conv1"
    assert checked.first_wrong.notes == ("You forgot the bias: one number for each of the 64 kernels.",)
    assert repr(checked).startswith("The first wrong line is the parameters of conv1. You forgot the bias")


def test_a_size_that_is_no_whole_number_is_diagnosed(derivation):
    answers = [*RIGHT[:3], (64, 6.5, 6.5), *RIGHT[4:]]
    checked = derivation.check(answers)
    assert "6.5 is no whole number" in checked.first_wrong.notes[0]
    assert verdicts(checked).count("wrong") == 1


def test_branches_carry_each_its_own_value():
    model = net(
        lambda s, x: torch.cat([s.a(x), s.b(x)], 1) + s.c(x),
        a=nn.Conv2d(3, 4, 3, padding=1),
        b=nn.Conv2d(3, 5, 1),
        c=nn.Conv2d(3, 9, 1),
    )
    derivation = shapes.derive(model, (3, 8, 8))
    checked = derivation.check(
        {"a": (4, 8, 8), "b": (3, 8, 8), "cat": (7, 8, 8), "c": (9, 8, 8), "add": (9, 8, 8)}
    )
    assert verdicts(checked) == ["right", "wrong", "follows", "right", "right"]


def test_a_layer_used_twice_and_a_large_network():
    with torch.device("meta"):
        derivation = shapes.derive(torchvision.models.googlenet(init_weights=False), (3, 224, 224))
    assert derivation.check([step.output_shape for step in derivation]).correct
    twice = shapes.derive(net(lambda s, x: s.c(s.c(x)), c=nn.Conv2d(3, 3, 3)), (3, 9, 9))
    checked = twice.check([(3, 8, 8), (3, 6, 6)], {"c": 84, "c_2": 84})
    assert verdicts(checked) == ["wrong", "follows", "right", "wrong"]


@pytest.mark.parametrize(
    "answers, params, said",
    [
        ({"conv9": (1, 2, 3)}, None, "no step is called 'conv9'; the steps are conv1, relu, pool"),
        (RIGHT[:8], None, "8 shapes for 9 steps, which are conv1, pool, conv2"),
        ("64x30x30", None, "shapes is a dictionary"),
        ({"conv1": "64×30×30"}, None, "the shape of conv1 is a tuple such as"),
        ({"conv1": (64, True, 30)}, None, "the shape of conv1 is a tuple such as"),
        (RIGHT, PARAMS[:2], "2 params for 5 steps, which are conv1, conv2"),
        (RIGHT, {"conv1": 1792.5}, "the parameters of conv1 are a whole number: got 1792.5"),
    ],
)
def test_what_cannot_be_read_is_refused(derivation, answers, params, said):
    with pytest.raises(ValueError, match=said):
        derivation.check(answers, params)


def test_a_wrong_line_does_not_give_the_answer_away(derivation):
    checked = derivation.check({"conv1": (64, 31, 31)})
    assert "30" not in repr(checked).split("\n")[0]
    assert (
        shapes.derive(lenet5(), (1, 28, 28))
        .check({"0": (6, 24, 24)})
        .first_wrong.notes[0]
        .startswith("You forgot")
    )
