"""The form judges as Derivation.check does, and keeps the answers to itself."""

import json
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent.parent / "shapes"))

from shape_models import LessonNet, dcgan_generator, lenet5, net
from torch import nn

from course_utils import shapes
from course_utils.exercises import lesson03
from course_utils.shapes.layers import Pointwise
from course_utils.shapes.notation import by, number
from course_utils.widgets import ShapeForm
from course_utils.widgets.shape_answers import Unreadable, judge, read_count, read_shape


def skip_model():
    """Two branches that are added: a step whose input is not the line before."""
    return net(
        lambda self, x: nn.functional.relu(self.norm(self.main(x)) + self.side(x)).mean(dim=(2, 3)),
        main=nn.Conv2d(4, 8, 3, stride=2, padding=1, bias=False),
        norm=nn.BatchNorm2d(8),
        side=nn.Conv2d(4, 8, 1, stride=2),
    )


MODELS = {
    "lesson 3": (LessonNet, (3, 32, 32)),
    "lenet": (lenet5, (1, 28, 28)),
    "generator": (dcgan_generator, (100, 1, 1)),
    "skip": (skip_model, (4, 15, 15)),
}


@pytest.fixture(params=MODELS, scope="module")
def derivation(request):
    build, input_shape = MODELS[request.param]
    return shapes.derive(build(), input_shape)


def lines(derivation):
    return [step for step in derivation if not isinstance(step.layer, Pointwise)]


def wrong_shapes(step):
    """Answers that a student may give: what came in, a pixel more, a half pixel, one axis left out or turned."""
    right = step.output_shape
    slips = [step.input_shape, (*right[:-1], right[-1] + 1), (*right[:-1], right[-1] + 0.5)]
    slips += [right[1:], (*right[1:], right[0]), (right[0] + 3, *right[1:]), (32, *right)]
    return [slip for slip in slips if slip and slip != right]


def test_every_right_answer_is_accepted_in_every_line(derivation):
    form = ShapeForm(derivation)
    assert [line["name"] for line in form.lines] == [step.name for step in lines(derivation)]
    form.typed = {
        step.name: {"shape": by(step.output_shape), "params": number(step.params)}
        for step in lines(derivation)
    }
    states = [v["state"] for verdicts in form.verdicts.values() for v in verdicts.values()]
    assert states == ["right"] * (2 * len(form.lines))
    assert form.checked.correct and form.error == ""


def test_a_wrong_answer_gets_the_words_of_derivation_check(derivation):
    form = ShapeForm(derivation)
    seen = 0
    for step in lines(derivation):
        for answer in wrong_shapes(step):
            form.typed = {step.name: {"shape": ", ".join(map(str, answer))}}
            line = derivation.check({step.name: answer}).lines[0]
            verdict = form.verdicts[step.name]["shape"]
            assert line.verdict == verdict["state"] == "wrong"
            assert verdict["note"] == " ".join(line.notes) != ""
            seen += 1
        for count in (step.params + 1, step.params - step.output_shape[0], 7):
            if count >= 0 and count != step.params:
                form.typed = {step.name: {"params": str(count)}}
                line = derivation.check({}, {step.name: count}).lines[0]
                assert form.verdicts[step.name]["params"]["note"] == " ".join(line.notes) != ""
                assert form.verdicts[step.name]["params"]["state"] == "wrong"
    assert seen > 3 * len(form.lines)


def test_the_whole_form_is_judged_as_the_whole_derivation(derivation):
    """Any line wrong, the others right: the same verdicts as one call of check on all of it."""
    for wrong in lines(derivation):
        for answer in wrong_shapes(wrong):
            given = {s.name: s.output_shape for s in lines(derivation)} | {wrong.name: answer}
            typed = {name: {"shape": str(tuple(shape))} for name, shape in given.items()}
            verdicts = judge(derivation, typed)
            for line in derivation.check(given).lines:
                assert verdicts[line.step.name]["shape"]["state"] == line.verdict


def test_one_slip_is_not_punished_twice():
    form = ShapeForm(LessonNet(), (3, 32, 32))
    form.typed = {
        "pool": {"shape": "64, 29, 29"},
        "conv2": {"shape": "64, 27, 27"},
        "conv3": {"shape": "128, 11, 11"},
        "flatten": {"shape": "3,200"},
        "fc1": {"params": "819,456"},
    }
    states = {
        (name, what): v["state"] for name, verdicts in form.verdicts.items() for what, v in verdicts.items()
    }
    assert states.pop(("pool", "shape")) == "wrong"
    assert set(states.values()) == {"follows"} and len(states) == 4
    assert form.verdicts["fc1"]["params"]["note"] == "right, from your value above"
    assert form.checked.first_wrong.step.name == "pool"


def test_nothing_that_leaves_python_tells_an_answer():
    """Neither a form that is empty nor one with a slip holds a right answer, in any way of writing it."""
    for build, input_shape in MODELS.values():
        form = ShapeForm(build(), input_shape)
        for typed in ({}, {form.lines[0]["name"]: {"shape": "999, 1, 1", "params": "12345"}}):
            form.typed = typed
            state = form.get_state()
            sent = json.dumps(
                [state["verdicts"], [line["hint"] for line in state["lines"]]], ensure_ascii=False
            )
            layers = json.dumps([line["layer"] for line in state["lines"]])
            for step in form.derivation:
                if len(step.output_shape) == 3 and step.output_shape != step.input_shape:
                    ways = (by(step.output_shape), str(step.output_shape), str(list(step.output_shape)))
                    assert not any(way in sent for way in ways)
                if step.params > 999:
                    assert number(step.params) not in sent and str(step.params) not in sent
                if step.op == "flatten":  # the rest of the layers is the student's own code
                    assert str(step.output_shape[0]) not in layers


def test_layers_as_text_with_their_sources():
    form = ShapeForm(skip_model(), (4, 15, 15))
    shown = {line["name"]: (line["layer"], line["source"]) for line in form.lines}
    assert shown["side"] == ("Conv2d(4, 8, kernel_size=1, stride=2)", "input")
    assert shown["add"] == ("add", "norm, side")
    assert shown["norm"] == ("BatchNorm2d(8)", "")
    assert ShapeForm(lenet5(), (1, 28, 28)).lines[-1]["layer"] == "Linear(…, 10)"


def test_hints_show_symbols():
    hints = {line["name"]: line["hint"] for line in ShapeForm(LessonNet(), (3, 32, 32)).lines}
    assert "⌊(H + 2·p − k) / s⌋ + 1" in hints["conv1"][0] and "k = kernel" in hints["conv1"][0]
    assert hints["conv1"][1] == "Parameters: C_out·(C_in·k·k + 1)"
    assert hints["fc1"][1] == "Parameters: out·(in + 1)"
    without_bias = ShapeForm(dcgan_generator(), (100, 1, 1)).lines[0]["hint"]
    assert without_bias[1] == "Parameters: C_out·C_in·k·k" and "o = output_padding" in without_bias[0]


@pytest.mark.parametrize(
    "text",
    [
        *("64, 30, 30", "64,30,30", "64x30x30", "64X30X30", "64 × 30 × 30", "64×30×30", "(64, 30, 30)"),
        *(
            "[64, 30, 30]",
            "64 30 30",
            " ( 64 ,30, 30, ) ",
            "64*30*30",
            "64·30·30",
            "torch.Size([64, 30, 30])",
        ),
        *("64;30;30", "64 30 30"),
    ],
)
def test_shapes_in_every_way_of_writing_them(text):
    step = shapes.derive(nn.Conv2d(3, 64, 3), (3, 32, 32))[0]
    assert read_shape(text, step) == (64, 30, 30)


@pytest.mark.parametrize("text", ["12544", "12,544", "12 544", "(12544,)", "12_544", "(12,544)"])
def test_a_row_with_a_thousands_separator(text):
    step = shapes.derive(nn.Flatten(), (64, 14, 14))[0]
    assert read_shape(text, step) == (12544,)


def test_a_row_that_is_none_is_read_as_typed():
    step = shapes.derive(nn.Flatten(), (64, 14, 14))[0]
    assert read_shape("64, 196", step) == (64, 196)
    assert "channels go into the same row" in shapes.diagnose(step, (64, 196))[0]


@pytest.mark.parametrize("text", ["1792", "1,792", "1 792", "1_792", "1'792", " 1792 ", "1 792"])
def test_parameters_in_every_way_of_writing_them(text):
    assert read_count(text) == 1792
    assert read_count("1,234,567") == 1_234_567 and read_count("0") == 0


@pytest.mark.parametrize("text", ["1,79", "1.792", "none", "-5", "1,7922", "3*3", "9" * 16])
def test_unreadable_parameters_say_what_is_expected(text):
    with pytest.raises(Unreadable, match="Write a whole number: 1792 or 1,792; 0 for none"):
        read_count(text)


@pytest.mark.parametrize("text", ["all", "64, 30, ?", "()", "-1, 3", "64, thirty", ",", "1e3", "9" * 10])
def test_unreadable_shapes_say_what_is_expected(text):
    form = ShapeForm(nn.Conv2d(3, 64, 3), (3, 32, 32))
    name = form.lines[0]["name"]
    form.typed = {name: {"shape": text}}
    verdict = form.verdicts[name]["shape"]
    assert verdict["state"] == "unread" and text in verdict["note"]
    assert "64, 30, 30 (channels, height, width)" in verdict["note"]
    assert form.answers == ({}, {})


def test_half_a_pixel_is_told_to_round_down():
    form = ShapeForm(LessonNet(), (3, 32, 32))
    form.typed = {"pool_2": {"shape": "64, 6.5, 6.5"}}
    assert "round down" in form.verdicts["pool_2"]["shape"]["note"]


def test_what_is_still_being_typed_is_not_yet_wrong():
    form = ShapeForm(LessonNet(), (3, 32, 32))
    form.set_state({"typed": {"conv1": {"shape": "64, 30"}}, "editing": "conv1 shape"})
    assert form.verdicts["conv1"]["shape"] == {"state": "unfinished", "note": "", "text": "64, 30"}
    form.set_state({"editing": ""})
    assert form.verdicts["conv1"]["shape"]["state"] == "wrong"
    form.set_state({"typed": {"conv1": {"shape": "64, 31, 31"}}, "editing": "conv1 shape"})
    assert form.verdicts["conv1"]["shape"]["state"] == "wrong"


def test_empty_fields_are_no_answers():
    form = ShapeForm(LessonNet(), (3, 32, 32))
    form.typed = {"conv1": {"shape": "  ", "params": ""}}
    assert form.verdicts == {} and form.answers == ({}, {})
    assert "Nothing to check yet" in repr(form.checked)


def test_the_answers_go_into_the_exercise_of_the_lesson():
    form = ShapeForm(lesson03.DERIVATION)
    form.typed = {
        s.name: {"shape": by(s.output_shape), "params": number(s.params)} for s in lesson03.DERIVATION
    }
    assert lesson03.derivation.check(form.answers).outcome == "correct"
    form.typed = {**form.typed, "pool2": {"shape": "64, 7, 7"}}
    assert lesson03.derivation.check(form.answers).outcome == "incorrect"


def test_an_error_in_python_is_shown(monkeypatch):
    form = ShapeForm(LessonNet(), (3, 32, 32))
    monkeypatch.setattr("course_utils.widgets.shape_form.judge", lambda *_: 1 / 0)
    form.typed = {"conv1": {"shape": "1"}}
    assert form.error == "ZeroDivisionError: division by zero"
    monkeypatch.undo()
    form.typed = {"conv1": {"shape": "64, 30, 30"}}
    assert form.error == ""


def test_strange_numbers_raise_nothing(derivation):
    form = ShapeForm(derivation)
    for text in ("0, 0, 0", "0", "1, 2, 3, 4, 5", "999999999, 999999999, 999999999", "0.5"):
        for step in lines(derivation):
            form.typed = {step.name: {"shape": text, "params": "0"}}
            assert form.error == ""


def test_bad_arguments_say_what_is_wrong():
    with pytest.raises(ValueError, match="input_shape is missing"):
        ShapeForm(LessonNet())
    with pytest.raises(ValueError, match=r"starts from \(3, 32, 32\), not from \(1, 28, 28\)"):
        ShapeForm(shapes.derive(LessonNet(), (3, 32, 32)), (1, 28, 28))
    with pytest.raises(ValueError, match="512"):  # the model does not fit the input: the engine says where
        ShapeForm(LessonNet(), (3, 64, 64))


def test_it_is_small_and_reads_without_a_kernel():
    form = ShapeForm(LessonNet(), (3, 32, 32))
    assert len(ShapeForm._esm.encode()) <= 25_000
    view = form.static_view()["text/html"]
    assert "Conv2d(64, 128, kernel_size=3)" in view and "30" not in view and len(view) < 8_000
    assert repr(form) == "ShapeForm(input 3×32×32, 9 lines)"
