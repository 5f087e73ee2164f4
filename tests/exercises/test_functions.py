import random
import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from course_utils.exercises.calls import same_randomness
from course_utils.exercises.compare import difference
from course_utils.exercises.core import Code
from tests.exercises.student import run

OVER_BATCH = "Softmax runs over the classes, `dim=1`; axis 0 is the batch."
OVER_ALL = "Each row must sum to 1, not the whole."


def code(reference, inputs, wrong=(("def f(*args):\n    return 'nothing'", "slip"),), **more):
    return Code("work", reference, inputs, solution="work = 1", hints=["hint"], wrong=wrong, **more)


def double(*shape):
    return lambda generator: (torch.randn(*shape, generator=generator, dtype=torch.float64),)


@pytest.fixture
def softmax():
    wrong = [
        ("def f(x):\n    return torch.softmax(x, 0)", OVER_BATCH),
        ("def f(x):\n    e = x.exp()\n    return e / e.sum()", OVER_ALL),
        ("def f(x):\n    return x / x.sum(2)", "There are two axes, 0 and 1."),
    ]
    return code(lambda logits: torch.softmax(logits, 1), double(3, 4), wrong)


def said(result):
    return "\n".join(result.lines)


def checked(question, source):
    """The result for the function `f` of a student's cell."""
    return run(f"{source}\nquestion.check(f)", {"question": question})


def test_another_way_to_compute_the_same_is_correct(softmax):
    softmax.prove()
    for source in [
        "def f(x):\n    e = (x - x.amax(1, keepdim=True)).exp()\n    return e / e.sum(1, keepdim=True)",
        "def f(x):\n    return torch.stack([row.exp() / row.exp().sum() for row in x])",
        "f = nn.Softmax(1)",
        "def f(x, unused=..., *, dim=1):\n    return x[..., :].softmax(dim)",
        "@torch.no_grad()\ndef f(x):\n    return x.softmax(1)",
    ]:
        result = checked(softmax, source)
        assert result.outcome == "correct", repr(result)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def f(x):\n    return x.T.softmax(1).T", OVER_BATCH),
        ("def f(x):\n    return x.flatten().softmax(0).view(3, 4)", OVER_ALL),
        ("def f(x):\n    return x / x.sum(2)", "There are two axes"),
        ("def f(x):\n    x.softmax(1)", "returns None: is a `return` missing?"),
        ("def f(x):\n    return x.softmax(1).float()", "has dtype float32; the right one is float64"),
        ("def f(x):\n    return x.softmax(1).half()", "has dtype float16"),
        ("def f(x):\n    return x.float().softmax(1).double()", "right to about 7 digits only, as float32 rounds"),
        ("def f(x):\n    return x.softmax(1).tolist()", "a list of 3 values; a tensor of shape (3, 4) is asked for"),
        ("def f(x):\n    return x.softmax(1).numpy()", "a NumPy array of shape (3, 4)"),
        ("def f(x):\n    return x.softmax(1).sum().item()", "the Python number 3; a tensor"),
        ("def f(x):\n    return x.softmax(1).T", "The axes are in another order"),
        ("def f(x):\n    return x.softmax(1).sum()", "Everything was reduced to one value"),
        ("def f(x):\n    return x.softmax(1)[None]", "axes of size 1 too many"),
        ("def f(x):\n    return x.softmax(1).to('meta')", "on the device meta; the inputs are on cpu"),
        ("def f(x):\n    return 0.25 * x.softmax(1)", "0.25 times the right value everywhere"),
        ("def f(x):\n    return -x.softmax(1)", "-1 times the right value"),
        ("def f(x):\n    return x.softmax(1) / 0", "inf in 12 of 12 entries"),
        ("def f(x):\n    return (x - x) / 0", "nan in 12 of 12 entries"),
        ("def f(x):\n    y = x.softmax(1)\n    y[1, 2] = 7\n    return y", "differs in 1 of 12 entries; the first is [1, 2]: 7,"),
        ("def f(x):\n    return 'softmax'", "'softmax'; a tensor"),
        ("def f(x):\n    return f", "a function; a tensor"),
        ("f = torch.zeros(3, 4).softmax(1)", "That is a tensor of shape (3, 4). Give the function itself"),
        ("f = 3", "Give the function itself, by its name and without brackets: `ex.work.check(my_function)`"),
    ],
)  # fmt: skip
def test_a_wrong_function_is_told_why(softmax, source, words):
    result = checked(softmax, source)
    assert result.outcome == "incorrect"
    assert words in said(result)
    assert repr(result) == repr(checked(softmax, source)), "the same words each time"


def test_the_slip_comes_before_what_can_be_seen(softmax):
    lines = checked(softmax, "def f(scores):\n    return scores.softmax(0)").lines
    assert lines[0] == OVER_BATCH
    assert lines[1].startswith("Your result differs in 12 of 12 entries")
    assert lines[2] == "Called with scores = a float64 tensor of shape (3, 4)."


def test_a_slip_is_named_only_if_it_gives_the_same_on_every_trial():
    wrong = [("def f(x):\n    return x.abs()", "The sign must be kept.")]
    question = code(lambda x: x, double(1), wrong, trials=5)
    signs = [float(question._arguments(trial)[0]) > 0 for trial in range(5)]
    assert True in signs and False in signs
    assert "The sign must be kept." in said(checked(question, "def f(x):\n    return max(x, -x)"))
    assert "sign" not in said(checked(question, "def f(x):\n    return torch.relu(x)"))


# Errors in the student's function


def test_an_error_is_shown_with_its_type_message_and_line(softmax):
    result = checked(softmax, "import torch\n\n\ndef f(x):\n    e = x.exp()\n    return e / e.sum(dim=1)")
    assert result.lines[0] == "Your function raised RuntimeError in line 6: `return e / e.sum(dim=1)`."
    assert result.lines[1].startswith("The size of tensor a (4) must match the size of tensor b (3)")
    assert "Traceback" not in repr(result)


def test_the_line_is_the_students_deepest(softmax):
    source = "def helper(x):\n    return F.linear(x, torch.zeros(2, 2))\n\ndef f(x):\n    return helper(x)"
    assert "in line 2: `return F.linear(x, torch.zeros(2, 2))`" in said(checked(softmax, source))


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("def f():\n    return 1", "TypeError.\nf() takes 0 positional arguments but 1 was given"),
        ("def f(x, y):\n    return 1", "missing 1 required positional argument: 'y'"),
        ("def f(x):\n    return g(x)", "NameError in line 2: `return g(x)`.\nname 'g' is not defined"),
        ("def f(x):\n    return f(x)", "RecursionError in line 2"),
        ("def f(x):\n    raise SystemExit(3)", "SystemExit in line 2"),
        ("def f(x):\n    assert False", "AssertionError in line 2: `assert False`"),
        ("def f(x):\n    raise ValueError(object())", "ValueError in line 2: `raise ValueError(object())`.\n<object object>"),
        ("def f(x):\n    raise ValueError('a\\nb')", "\na\nCalled with"),
        ("class f(nn.Module):\n    pass", "TypeError"),
        ("class f(nn.Module):\n    def forward(self, x):\n        return x / None\nf = f()", "in line 3: `return x / None`"),
    ],
)  # fmt: skip
def test_every_error_is_told(softmax, source, words):
    result = checked(softmax, source)
    assert result.outcome == "incorrect"
    assert words in said(result)


def test_an_error_shows_a_slip_only_with_the_same_message():
    wrong = [("def f(x):\n    return x / x.sum(2)", "There are two axes, 0 and 1.")]
    question = code(lambda x: x / x.sum(1, keepdim=True), double(3, 4), wrong)
    assert "two axes" in said(checked(question, "def f(x):\n    s = x.sum(2)\n    return x / s"))
    assert "two axes" not in said(checked(question, "def f(x):\n    return x[[0, 1], [0, 9]]"))


def test_stopping_an_endless_loop_says_where_it_was(softmax):
    result = checked(softmax, "def f(x):\n    while True:\n        raise KeyboardInterrupt")
    assert result.outcome == "incorrect"
    assert result.lines == (
        "You stopped your function in line 3: `raise KeyboardInterrupt`. Does every loop in it end?",
    )


@pytest.mark.parametrize(
    "source",
    [
        "def f(x):\n    return ...",
        "def f(x):\n    ...",
        "def f(x):\n    e = ...\n    return e / e.sum(1)",
        "def f(x):\n    return x * ...",
        "def f(x):\n    return torch.softmax(x, ...)",
        "def f(x):\n    return x, ...",
        "def f(x):\n    e = x.exp()\n    total = ...  # sum\n    return e",
        "f = lambda x: ...",
        "f = ...",
        "class f(nn.Module):\n    def forward(self, x):\n        return ...\nf = f()",
    ],
)
def test_a_gap_in_the_function_is_not_attempted(softmax, source):
    assert checked(softmax, source).outcome == "not attempted"


def test_a_wrong_function_that_indexes_with_an_ellipsis_is_incorrect(softmax):
    assert checked(softmax, "def f(x):\n    return x[..., 0]").outcome == "incorrect"


# Arguments and everything else a call may touch


def test_an_input_changed_in_place_is_told(softmax):
    result = checked(softmax, "def f(x):\n    x -= x.max()\n    return x.softmax(1)")
    assert result.outcome == "incorrect"
    assert result.lines[0] == "Your function changes its input `x` in place. It should leave it as it was."


def test_a_change_in_place_that_is_asked_for():
    def scale(weight, factor):
        weight.mul_(factor)

    inputs = lambda generator: (torch.randn(3, generator=generator, dtype=torch.float64), 3.0)  # noqa: E731
    wrong = [("def f(w, a):\n    w += a", "Multiply.")]
    question = code(scale, inputs, wrong)
    question.prove()
    assert checked(question, "def f(w, a):\n    w *= a").outcome == "correct"
    assert "Multiply." in said(checked(question, "def f(w, a):\n    w.add_(a)"))
    assert "leaves `w` as it was. It should change it" in said(checked(question, "def f(w, a):\n    w * a"))
    assert "`w` after the call is 2 times the right" in said(
        checked(question, "def f(w, a):\n    w *= 2 * a")
    )
    assert "the Python number 1; nothing (None) is asked for" in said(checked(question, "def f(w, a):\n    w *= a\n    return 1"))  # fmt: skip


@pytest.fixture
def training_step():
    def step(model, x, y, optimizer):
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    def inputs(generator):
        model = nn.Linear(4, 1).double()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        x = torch.randn(8, 4, generator=generator, dtype=torch.float64)
        model(x).sum().backward()  # old gradients, so that a missing zero_grad shows
        return model, x, x.sum(1, keepdim=True), optimizer

    forgot = (
        "def f(m, x, y, o):\n    l = F.mse_loss(m(x), y)\n    l.backward()\n    o.step()\n    return l.item()"
    )
    return code(step, inputs, [(forgot, "`zero_grad` is missing.")])


def test_a_training_step_is_judged_by_the_parameters_it_leaves(training_step):
    training_step.prove()
    source = "def f(m, x, y, o):\n    o.zero_grad()\n    l = ((m(x) - y) ** 2).mean()\n    l.backward()\n    o.step()\n    return l"
    assert checked(training_step, source).outcome == "correct"
    assert "`zero_grad` is missing." in said(checked(training_step, source.replace("o.zero_grad()", "pass")))
    assert "Your function leaves `m` as it was" in said(
        checked(training_step, source.replace("o.step()", "pass"))
    )
    assert "Called with m = Linear(…), x = a float64 tensor of shape (8, 4), y" in said(
        checked(training_step, source + " * 2")
    )
    assert "o = SGD(…)." in said(checked(training_step, source + " * 2"))


def test_each_call_gets_fresh_arguments(softmax):
    seen = []

    def keep(x):
        seen.append(x.clone())
        x.zero_()
        return x

    softmax.check(keep)
    softmax.check(keep)
    assert len(seen) == 10
    assert all(first.abs().min() > 0 and torch.equal(first, again) for first, again in zip(seen, seen[5:]))
    assert not torch.equal(seen[0], seen[1])


def test_what_a_function_prints_and_warns_stays_out_of_the_way(softmax, capsys):
    source = "def f(x):\n    print('shape', x.shape)\n    import warnings, sys\n    warnings.warn('w')\n    print('e', file=sys.stderr)\n    return x"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = checked(softmax, source)
    assert "It printed: shape torch.Size([3, 4])" in said(result) and "raised" not in said(result)
    assert capsys.readouterr() == ("", "")
    assert "printed" not in said(checked(softmax, "def f(x):\n    return x"))


def test_random_numbers_are_the_same_for_both_and_go_on_as_before(softmax):
    noisy = code(
        lambda x: x + torch.randn(4, dtype=torch.float64) + np.random.rand() + random.random(), double(4)
    )
    torch.manual_seed(3)
    np.random.seed(3)
    random.seed(3)
    before = torch.rand(3), np.random.rand(3), random.random()
    torch.manual_seed(3)
    np.random.seed(3)
    random.seed(3)
    result = checked(
        noisy,
        "import random\ndef f(x):\n    return x + torch.randn(4, dtype=x.dtype) + np.random.rand() + random.random()",
    )
    assert result.outcome == "correct"
    after = torch.rand(3), np.random.rand(3), random.random()
    assert torch.equal(before[0], after[0]) and np.array_equal(before[1], after[1]) and before[2] == after[2]


def test_random_numbers_do_not_depend_on_what_the_notebook_drew_before():
    question = code(lambda x: x, double(1))
    source = "import random\ndef f(x):\n    return x + [torch.rand(1).item(), np.random.rand(), random.random()][{}]"
    for kind in range(3):
        first = checked(question, source.format(kind))
        torch.manual_seed(99)
        np.random.seed(99)
        random.seed(99)
        assert repr(first) == repr(checked(question, source.format(kind)))


def test_random_numbers_go_on_after_an_interrupt():
    torch.manual_seed(3)
    before = torch.rand(3)
    torch.manual_seed(3)
    with pytest.raises(KeyboardInterrupt), same_randomness(9):
        raise KeyboardInterrupt
    assert torch.equal(before, torch.rand(3))


def test_gradients_can_be_asked_for_even_where_they_are_switched_off():
    def inputs(generator):
        return (torch.randn(3, generator=generator, dtype=torch.float64).requires_grad_(),)

    question = code(lambda x: (x * x).sum(), inputs)
    with torch.no_grad():
        assert checked(question, "def f(x):\n    return (x ** 2).sum()").outcome == "correct"
        source = "def f(x):\n    y = (x ** 2).sum()\n    torch.autograd.grad(y, x, retain_graph=True)\n    return y"
        assert checked(question, source).outcome == "correct"
    for source in [
        "def f(x):\n    return (x.detach() ** 2).sum()",
        "@torch.no_grad()\ndef f(x):\n    return (x ** 2).sum()",
    ]:
        assert "cut off from the graph" in said(checked(question, source))
    assert "lost the gradient's way back" in said(
        checked(question, "def f(x):\n    return (x ** 2).sum().item()")
    )


# Comparing


SAME = [
    (3, 3.0),
    (3, torch.tensor(3)),
    (0.3, 0.1 + 0.2),
    (2.5, np.float64(2.5)),
    (float("nan"), float("nan")),
    (True, np.bool_(True)),
    (True, torch.tensor(True)),
    ((1, 2), [1, 2]),
    ((3, 32, 32), torch.Size((3, 32, 32))),
    ((torch.ones(2), 1.5), [torch.ones(2), 1.5]),
    ({"a": torch.ones(2)}, {"a": torch.ones(2)}),
    ("relu", "relu"),
    (None, None),
    (torch.tensor([True, False]), torch.tensor([True, False])),
    (torch.tensor([float("nan"), float("inf")]), torch.tensor([float("nan"), float("inf")])),
    (torch.tensor([1 + 2j]), torch.tensor([1 + 2j])),
    (torch.ones(0, 3), torch.ones(0, 3)),
    (np.ones(2), np.ones(2)),
]
DIFFERENT = [
    (3, 4, "is 4; 3 is right"),
    (3, True, "is True; one number"),
    (3, torch.ones(2), "a tensor of shape (2,); one number"),
    (3, "3", "'3'; one number"),
    (0.5, 1.0, "is 2 times the right value."),
    (0.5, float("nan"), "has nan"),
    (True, 1, "the Python number 1; True or False"),
    (True, False, "is False; True is right"),
    ((1, 2), (1, 3), "is (1, 3); (1, 2) is right"),
    ((1, 2), 1, "the Python number 1; a tuple of 2 values"),
    ((1, 2), (1, 2, 3), "has 3 values; 2 are asked for"),
    ((1.5, torch.ones(2)), (1.5, torch.zeros(2)), "value 2 of 2, differs in 2 of 2"),
    ({"a": 1}, {"b": 1}, "lacks 'a'"),
    ({"a": 1}, {"a": 1, "b": 1}, "has 'b', which is not asked for"),
    ({"a": 1}, {"a": 2.5}, "at 'a', is 2.5; 1 is right"),
    ({"a": 1}, [1], "a list of 1 values; a dictionary"),
    ("relu", "gelu", "is 'gelu', not 'relu'"),
    (None, 3, "nothing (None) is asked for"),
    (torch.tensor([1, 2]), torch.tensor([1, 3]), "the first is [1]: 3, where 2 is right"),
    (torch.tensor([True, False]), torch.tensor([True, True]), "[1]: True, where False"),
    (torch.tensor([1, 2]), torch.tensor([1.0, 2.0]), "dtype float32; the right one is int64"),
    (torch.ones(3), torch.ones(3, 1), "axes of size 1 too many"),
    (torch.ones(3, 1), torch.ones(3), "axes of size 1 too few"),
    (np.ones(2), torch.ones(2), "a tensor of shape (2,); a NumPy array"),
    (np.ones(2), np.zeros(2), "differs in 2 of 2"),
]


@pytest.mark.parametrize(("right", "got"), SAME)
def test_what_counts_as_the_same(right, got):
    assert difference(right, got) is None


@pytest.mark.parametrize(("right", "got", "words"), DIFFERENT)
def test_what_counts_as_different(right, got, words):
    assert words in difference(right, got)


def test_models_are_compared_by_their_parameters_and_buffers():
    one, other = nn.BatchNorm1d(2), nn.BatchNorm1d(2)
    assert difference(one, other) is None
    other.running_mean += 1
    assert "at 'running_mean', differs in 2 of 2 entries" in difference(one, other)


@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=6), st.floats(-0.9, 0.9), st.floats(1.1, 1e4))
def test_rounding_passes_and_more_does_not(values, small, large):
    right = torch.tensor(values, dtype=torch.float64)
    allowed = 1e-10 + 1e-9 * right.abs()
    assert difference(right, right + small * allowed) is None
    assert difference(right, right + large * allowed) is not None


# Questions that are not complete are refused


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"wrong": ()}, "at least one wrong answer"),
        ({"wrong": [("x = 1", "slip")]}, "defines no function"),
        ({"wrong": [("from math import sqrt\nfrom shutil import copy", "slip")]}, "defines no function"),
        ({"wrong": [("def f(x): return 1", "one"), ("def f(x): return 1", "two")]}, "listed twice"),
        ({"wrong": [("work = 1", "slip")]}, "the answer itself"),
        ({"trials": 0}, "trials must be 1 or more, got 0"),
    ],
)
def test_an_incomplete_question_is_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        code(lambda x: x, double(3), **changes)


def test_wrong_code_that_is_not_python_is_refused():
    with pytest.raises(SyntaxError):
        code(lambda x: x, double(3), [("def f(x) return", "slip")])


def test_the_last_function_is_the_wrong_one():
    wrong = "def three():\n    return 3\n\n@torch.no_grad()\ndef f(x):\n    return three() * x\n\nfrom copy import copy"
    question = code(lambda x: 2 * x, double(3), [(wrong, "three")])
    assert "three" in said(checked(question, "def f(x):\n    return x + x + x"))


@pytest.mark.parametrize(
    ("reference", "inputs", "wrong", "words"),
    [
        (lambda x: 2 * x, double(3), [("def f(x): return x + x", "s")], "does the same as the reference"),
        (
            lambda x: x,
            double(3),
            [("def f(x): return x + x", "s"), ("def g(x): return 2 * x", "t")],
            "same as 's'",
        ),
        (
            lambda x: x @ x[0, 0, 0],
            double(3),
            [("def f(x): return x", "s")],
            "the reference raises IndexError",
        ),
    ],
)
def test_prove_finds_wrong_answers_that_are_not_wrong(reference, inputs, wrong, words):
    with pytest.raises(ValueError, match=words):
        code(reference, inputs, wrong).prove()


def test_prove_wants_a_tuple_of_arguments():
    with pytest.raises(TypeError, match="inputs must return a tuple, got a Tensor"):
        code(lambda x: x, lambda generator: torch.ones(3)).prove()
    with pytest.raises(TypeError, match="must be functions"):
        code(3, double(3))


def test_it_works_where_source_code_cannot_be_found(softmax):
    names = {"__name__": "__main__"}
    exec("def f(x):\n    return x / 0 / None", names)  # noqa: S102
    assert "in line 2." in said(softmax.check(names["f"]))
    exec("def f(x):\n    return x * ...", names)  # noqa: S102
    assert softmax.check(names["f"]).outcome == "not attempted"
