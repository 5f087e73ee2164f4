import random
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from course_utils.exercises.core import Choice, Code, Number, Shape

SLIP = "`padding=1` would give this; this layer has padding=0."
ONE_HINT = {"hints": ["Count the places."]}
sizes = st.integers(1, 5000)
shapes = st.lists(sizes, min_size=1, max_size=5).map(tuple)
numbers = st.floats(-1e6, 1e6)


def shape(answer=(64, 30, 30), wrong=(((64, 32, 32), SLIP),), **more):
    return Shape("conv1", answer, solution=f"s = {answer}", wrong=wrong, **ONE_HINT, **more)


def number(answer=1.5, wrong=((99.5, "That is the number of parameters."),), **more):
    return Number("loss", answer, solution=f"n = {answer}", wrong=wrong, **ONE_HINT, **more)


def choice(**changes):
    choices = {"a": "step, then backward", "b": "backward, then step", "c": "either"}
    wrong = [("a", "`step` needs the gradients."), ("c", "The order matters.")]
    settings = {"choices": choices, "solution": 'answer = "b"', "wrong": wrong, **ONE_HINT, **changes}
    return Choice("order", "b", **settings)


def code():
    wrong = [("def f(x):\n    return x", "It must be doubled.")]
    return Code(
        "double",
        lambda x: 2 * x,
        lambda g: (torch.randn(3, generator=g),),
        solution="f = 1",
        wrong=wrong,
        **ONE_HINT,
    )


def said(result):
    return "\n".join(result.lines)


# Numbers


@given(numbers, st.floats(0, 10), st.floats(-0.999, 0.999))
def test_a_number_within_the_tolerance_is_correct(answer, tolerance, part):
    question = number(answer, wrong=[(answer + 1e7, "slip")], tolerance=tolerance)
    assert question.check(answer + part * tolerance).outcome == "correct"


@given(numbers, st.floats(0, 10), st.floats(1.001, 1000), st.sampled_from([-1, 1]))
def test_a_number_outside_the_tolerance_is_incorrect(answer, tolerance, part, side):
    question = number(answer, wrong=[(answer + 1e8, "slip")], tolerance=tolerance)
    assert question.check(answer + side * (part * tolerance + 1e-3)).outcome == "incorrect"


@given(st.integers(-(10**6), 10**6))
def test_every_type_that_holds_a_number_is_read(value):
    question = number(value, wrong=[(value + 1, "slip")])
    forms = [
        int,
        float,
        np.int64,
        np.float64,
        np.float32,
        np.array,
        torch.tensor,
        Fraction,
        lambda v: np.array([v]),
    ]
    for form in [*forms, lambda v: torch.tensor([[v]]), lambda v: torch.tensor(float(v), requires_grad=True)]:
        assert question.check(form(value)).outcome == "correct", form
        assert "slip" in said(question.check(form(value + 1))), form


def test_a_difference_by_rounding_is_no_difference():
    assert number(0.3).check(0.1 + 0.2).outcome == "correct"
    assert number(246_474).check(246_475).outcome == "incorrect"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("1.5", "without quotes"),
        (None, "None"),
        (True, "One number is asked for; your answer is True"),
        (np.bool_(True), "your answer is True"),
        (torch.tensor(True), "your answer is True"),
        (float("nan"), "Your answer is nan. Was there a division by zero"),
        (torch.tensor(float("nan")), "Was there a division by zero"),
        (float("-inf"), "Your answer is -inf. Was there"),
        (torch.zeros(2, 3), "a tensor of shape (2, 3)"),
        (np.zeros((4, 1)), "a NumPy array of shape (4, 1)"),
        ((1, 5), "a tuple of 2: (1, 5)"),
        ([1.5], "a list of 1"),
        (1.5 + 0j, "a complex"),
        (abs, "a function: call it, with brackets"),
        (nn.Linear(1, 1), "a Linear"),
        ({"loss": 1.5}, "a dictionary"),
    ],
)
def test_what_is_no_number_is_told_so(answer, words):
    result = number().check(answer)
    assert result.outcome == "incorrect"
    assert words in said(result)


def test_the_slip_nearest_to_the_answer_is_named():
    question = number(10, tolerance=2, wrong=[(15, "fifteen"), (18, "eighteen")])
    assert "fifteen" in said(question.check(16.4)) and "eighteen" not in said(question.check(16.4))
    assert "eighteen" in said(question.check(16.6)) and "fifteen" not in said(question.check(16.6))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (-80.0, "the sign is not"),
        (8000.0, "100 times too large"),
        (0.8, "100 times too small"),
        (80.5, "Close"),
        (90, "too large"),
        (70, "too small"),
    ],
)
def test_a_number_that_no_slip_fits_is_still_told_something(answer, words):
    assert words in said(number(80).check(answer))


def test_zero_is_not_called_a_wrong_sign():
    assert number(0).check(0).outcome == "correct"
    assert "too large" in said(number(0).check(3))


# Shapes


@given(shapes)
def test_every_way_to_write_a_shape_is_read(answer):
    question = shape(answer, wrong=[((*answer, 7), "slip")])
    forms = [tuple, list, torch.Size, np.array, torch.tensor, lambda s: tuple(np.int64(n) for n in s)]
    for form in [*forms, lambda s: [torch.tensor(n) for n in s]]:
        assert question.check(form(answer)).outcome == "correct", form
        assert "slip" in said(question.check(form((*answer, 7)))), form


@given(shapes, sizes)
def test_a_batch_axis_in_front_is_named(answer, batch):
    question = shape(answer, wrong=[((*answer, 1, 1), "slip")])
    result = question.check((batch, *answer))
    assert result.outcome == "incorrect"
    assert f"the {batch} in front is too much" in said(result)
    question = shape((batch, *answer), wrong=[((*answer, 1, 1), "slip")])
    assert "axis in front is missing" in said(question.check(answer))


@given(shapes, st.randoms())
def test_the_right_sizes_in_another_order_are_named(answer, shuffler):
    other = list(answer)
    shuffler.shuffle(other)
    result = shape(answer, wrong=[((*answer, 1), "slip")]).check(other)
    if tuple(other) == answer:
        assert result.outcome == "correct"
    else:
        assert "their order is not" in said(result)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("(64, 30, 30)", "without quotes"),
        (None, "None"),
        (64, "written `(64,)`"),
        (2.5, "is one number"),
        (torch.zeros(64, 30, 30), "That is the tensor itself, of shape (64, 30, 30). Give its `.shape`"),
        (torch.zeros(3), "Give its `.shape`"),
        (np.zeros((64, 30)), "NumPy array itself"),
        ((64, 30.0, 30), "30.0 in (64, 30.0, 30) is a float"),
        ((64, "30", 30), "'30' in"),
        ((64, True, 30), "True in"),
        ((64, 30, float("nan")), "nan in"),
        ((64, 0, 30), "Sizes are 1 or more"),
        ((64, -30, 30), "Sizes are 1 or more"),
        ((64, (30, 30)), "(30, 30) in"),
        (nn.Conv2d(3, 64, 3), "a Conv2d"),
        (torch.relu, "a function"),
        ((64, 30), "That has 2 axes; the answer has 3 axes"),
        ((57_600,), "That has 1 axis"),
        ((64, 31, 30), "Right: 64 (axis 0), 30 (axis 2). Not right: 31 (axis 1)."),
        ((1, 2, 3), "Not right: 1 (axis 0), 2 (axis 1), 3 (axis 2)."),
        ((30, 30, 64), "(channels, height, width)"),
        ((64, 64, 30), "Not right: 64 (axis 1)"),
        ((64, 32, 32), SLIP),
    ],
)
def test_a_wrong_shape_is_told_why(answer, words):
    result = shape().check(answer)
    assert result.outcome == "incorrect"
    assert words in said(result)


def test_a_shape_without_axes():
    question = shape((), wrong=[((1,), "That is a tensor with one axis.")])
    assert question.check(torch.tensor(3.0).shape).outcome == "correct"
    assert "1 axis; the answer has 0 axes" in said(question.check((5,)))


def test_diagnose_adds_its_slips_to_the_listed_one():
    question = shape(diagnose=lambda answer: [f"first of {answer}", SLIP, "second"])
    assert question.check((64, 32, 32)).lines[1:] == (SLIP, "first of (64, 32, 32)", "second")
    assert question.check([1, 2, 3]).lines[1:] == ("first of (1, 2, 3)", SLIP, "second")


def test_an_answer_that_diagnose_refuses_gets_the_general_words():
    def refuse(answer):
        raise ValueError(answer)

    assert "That has 1 axis" in said(shape(diagnose=refuse).check((5,)))


# Choices


@pytest.mark.parametrize("answer", ["b", "B", " b ", "b)", "(b)", "'b'", "Backward, then step", np.str_("b")])
def test_the_right_choice_however_it_is_written(answer):
    assert choice().check(answer).outcome == "correct"


def test_each_wrong_choice_has_its_slip():
    assert "`step` needs the gradients." in said(choice().check("a"))
    assert "The order matters." in said(choice().check("C"))


@pytest.mark.parametrize("answer", ["d", "", "ab", 1, True, None, ["b"], ("b",), torch.zeros(2)])
def test_what_is_no_choice_is_told_the_choices(answer):
    result = choice().check(answer)
    assert result.outcome == "incorrect"
    assert 'Write one of `"a"`, `"b"`, `"c"`' in said(result)


def test_numbered_choices_take_numbers():
    question = choice(choices={"b": "two", "1": "one"}, wrong=[("1", "One is too few.")])
    assert "One is too few." in said(question.check(1))


def test_the_slip_follows_the_text_of_a_choice_that_is_another_ones_letter():
    question = choice(choices={"a": "b", "b": "a"}, wrong=[("a", "That is the other.")])
    assert question.check("a").outcome == "correct"  # the text "a" belongs to choice b


# All kinds


@pytest.mark.parametrize(
    "question", [shape(), number(), choice(), code()], ids=lambda question: question.name
)
class TestEveryKind:
    def test_a_gap_is_not_attempted(self, question):
        result = question.check(...)
        assert (result.outcome, question.outcome) == ("not attempted", "not attempted")
        assert f"ex.{question.name}.hint()" in repr(result) and f"ex.{question.name}.solution()" in repr(
            result
        )

    def test_a_gap_inside_the_answer_is_not_attempted(self, question):
        for answer in [(64, ..., 30), [...], {"a": ...}, (1, [2, (...,)])]:
            assert question.check(answer).outcome == "not attempted"

    def test_no_answer_is_not_attempted_and_two_are_incorrect(self, question):
        assert question.check().outcome == "not attempted"
        assert "got 2" in said(question.check(64, 30))

    def test_check_never_raises(self, question):
        class Odd:
            def __getattr__(self, name):
                raise RuntimeError("\n odd")

            def __repr__(self):
                raise KeyError

            def __eq__(self, other):
                raise OSError

            __hash__ = None

        looped = []
        looped.append(looped)
        meta = torch.zeros(1, device="meta")
        odd = [
            Odd(),
            [Odd()],
            looped,
            meta,
            10**400,
            Decimal("nan"),
            Odd,
            b"x",
            range(3),
            {1},
            np.array(["x"]),
        ]
        odd += [
            torch.zeros(3).to_sparse(),
            object(),
            (i for i in ()),
            np.datetime64("2020-01-01"),
            random,
            1 << 70,
        ]
        for answer in odd:
            result = question.check(answer)
            assert result.outcome == "incorrect", type(answer)
            assert repr(result) == repr(question.check(answer)), type(answer)
            assert "0x" not in repr(result)

    @given(
        answer=st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats()
            | st.text()
            | st.binary()
            | st.complex_numbers(),
            lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
        )
    )
    def test_check_never_raises_on_plain_values(self, question, answer):
        result = question.check(answer)
        assert result.outcome in ("correct", "incorrect")
        assert result._repr_html_() and repr(result)

    def test_the_latest_check_counts(self, question):
        question.check("nonsense")
        assert question.outcome == "incorrect"
        question.check(...)
        assert question.outcome == "not attempted"

    def test_the_cell_id(self, question):
        assert question.cell_id == f"ex-{question.name}"


def test_hints_come_one_by_one_and_stay():
    question = Number("n", 1, solution="n = 1", hints=["one", "two", "three"], wrong=[(2, "slip")])
    first, second, third, again = (question.hint() for _ in range(4))
    assert first.lines == ("1. one",) and "hint 2" in first.footer
    assert second.lines == ("1. one", "2. two")
    assert third.lines == ("1. one", "2. two", "3. three") and "ex.n.solution()" in third.footer
    assert repr(again) == repr(third)


def test_the_solution_is_shown_as_written():
    question = number()
    assert repr(question.solution()) == "loss: solution\n  n = 1.5"
    question = Number(
        "n", 1, solution="\n    if True:\n        n = 1\n    ", hints=["h"], wrong=[(2, "slip")]
    )
    assert question.code == "if True:\n    n = 1"


def test_underscores_become_hyphens_in_cell_ids():
    question = Number("batch_size", 1, solution="n = 1", hints=["h"], wrong=[(2, "slip")])
    assert question.cell_id == "ex-batch-size"


# Questions that are not complete are refused


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: shape(wrong=()), "at least one wrong answer"),
        (lambda: number(wrong=()), "at least one wrong answer"),
        (lambda: Shape("s", (1,), solution="s = 1", hints=[], wrong=[((2,), "slip")]), "at least one hint"),
        (lambda: Shape("s", (1,), solution="s = 1", hints="hint", wrong=[((2,), "slip")]), "at least one hint"),
        (lambda: Shape("s", (1,), solution="s = 1", hints=[" "], wrong=[((2,), "slip")]), "at least one hint"),
        (lambda: Shape("s s", (1,), solution="s = 1", hints=["h"], wrong=[((2,), "slip")]), "Python name"),
        (lambda: Shape("class", (1,), solution="s = 1", hints=["h"], wrong=[((2,), "slip")]), "Python name"),
        (lambda: Shape("s", (1,), solution=" ", hints=["h"], wrong=[((2,), "slip")]), "complete code"),
        (lambda: Shape("s", (1,), solution="s = ...", hints=["h"], wrong=[((2,), "slip")]), "complete code"),
        (lambda: Shape("s", (1,), solution="s = (", hints=["h"], wrong=[((2,), "slip")]), "not Python"),
        (lambda: shape(wrong=[((64, 32, 32), "")]), r"\(answer, slip\)"),
        (lambda: shape(wrong=[(64, 32, 32)]), r"\(answer, slip\)"),
        (lambda: shape(wrong=[([64, 30, 30], "slip")]), r"\(64, 30, 30\) is the answer itself"),
        (lambda: shape(wrong=[((1,), "one"), ([1], "other")]), r"\(1,\) is listed twice"),
        (lambda: shape(wrong=[("(1,)", "slip")]), "conv1.*without quotes"),
        (lambda: shape(answer=(1, 2.0)), "2.0"),
        (lambda: number(wrong=[(1.5, "slip")]), "the answer itself"),
        (lambda: number(wrong=[(1.7, "slip")], tolerance=0.2001), "1.7 is accepted"),
        (lambda: number(wrong=[(2, "one"), (2.0, "other")]), "2.0 is listed twice"),
        (lambda: number(tolerance=-1), "tolerance must be 0 or more, got -1"),
        (lambda: number(tolerance=float("nan")), "tolerance"),
        (lambda: number(answer=True), "loss"),
        (lambda: choice(wrong=[("a", "slip")]), "each wrong choice needs its slip"),
        (lambda: choice(wrong=[("a", "slip"), ("c", "slip"), ("d", "slip")]), "each wrong choice"),
        (lambda: choice(wrong=[("a", "1"), ("a", "2"), ("c", "3")]), "'a' is listed twice"),
        (lambda: choice(wrong=[("a", "1"), ("b", "2"), ("c", "3")]), "'b' is the answer itself"),
        (lambda: choice(choices={"a": "x", "c": "y"}), "'b' is not one of"),
    ],
)  # fmt: skip
def test_an_incomplete_question_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_diagnose_can_stand_in_for_wrong_answers():
    assert "found" in said(shape(wrong=(), diagnose=lambda answer: ["found"]).check((1,)))


def test_real_indexing_with_an_ellipsis_is_no_gap():
    question = Number("n", 1, solution="n = x[..., 0]", hints=["h"], wrong=[(2, "slip")])
    assert question.code == "n = x[..., 0]"
