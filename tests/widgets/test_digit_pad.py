"""DigitPad gives what PyTorch gives, and says with numbers what does not fit."""

import json

import pytest
import torch
from torch import nn

from course_utils.widgets import DigitPad
from course_utils.widgets.base import STATIC
from course_utils.widgets.mnist_form import centred, ink
from tests.widgets.node import run_node

MEAN, STD = 0.13, 0.31
SEVEN = [[(60, 60), (210, 60), (130, 230)], [(100, 150), (180, 150)]]


def small(outputs=10):
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.BatchNorm2d(20), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(20, 6, 5), nn.Dropout(0.9),
        nn.Flatten(), nn.Linear(384, outputs),
    )  # fmt: skip


class Told:
    """What the widget sends to the browser."""

    def __init__(self, pad):
        self.pad, self.sent = pad, []
        pad.send = lambda content, buffers=None: self.sent.append((content, buffers))

    def ask(self, picture):
        message = {"kind": "predict", "view": "v", "id": ["v", 3]}
        self.pad._handle_custom_msg(message, [memoryview(picture.numpy().tobytes())])
        return self.sent[-1]


def test_the_answer_is_the_model_s_in_eval_mode_on_that_picture():
    model = small().train()
    with torch.no_grad():
        model(torch.randn(64, 1, 28, 28))  # BatchNorm has something to remember
    pad = DigitPad(model, mean=MEAN, std=(STD,))
    picture = torch.from_numpy(centred(ink(SEVEN, 24)))
    content, buffers = Told(pad).ask(picture)
    assert model.training and all(module.training for module in model)
    model.eval()
    with torch.no_grad():
        x = (picture[None, None] / 255 - MEAN) / STD
        expected, first, second = model(x).softmax(1)[0], model[0](x)[0], model[:5](x)[0]
    assert (content["kind"], content["id"]) == ("answer", ["v", 3])
    assert content["probabilities"] == pytest.approx(expected.tolist(), abs=1e-6)
    assert torch.equal(pad.picture, picture) and torch.equal(
        pad.probabilities, torch.tensor(content["probabilities"])
    )
    shapes = [(one["name"], one["channels"], one["shape"]) for one in content["layers"]]
    assert shapes == [("0", 20, [16, 24, 24]), ("4", 6, [6, 8, 8])]  # at most 16 maps of each
    for layer, maps, sent in zip(content["layers"], (first[:16], second), buffers):
        values = torch.tensor(list(sent)).view(maps.shape) / 255
        back = layer["low"] + values * (layer["high"] - layer["low"])
        step = (layer["high"] - layer["low"]) / 255
        torch.testing.assert_close(back, maps, rtol=0, atol=step / 2 + 1e-5)


def test_a_model_trained_on_is_asked_as_it_is_now():
    model = small().eval()
    pad = DigitPad(model, mean=MEAN, std=STD, strokes=SEVEN)
    before = pad.read()[0]["probabilities"]
    with torch.no_grad():
        model[-1].bias[3] += 5
    after = pad.read()[0]["probabilities"]
    assert after[3] > before[3]


class Tells(nn.Module):
    def __init__(self, output):
        super().__init__()
        self.output = output

    def forward(self, x):
        return self.output


@pytest.mark.parametrize(
    "model, said",
    [
        (
            nn.Sequential(nn.Conv2d(1, 6, 5), nn.Flatten(), nn.Linear(400, 10)),
            ["400", "3,456", "nn.Linear(3456, 10)"],
        ),
        (nn.Sequential(nn.Conv2d(3, 6, 5)), ["3", "1"]),
        (
            nn.Sequential(nn.Flatten(), nn.Linear(784, 5)),
            ["[1, 1, 28, 28]", "[1, 5]", "10 classes", "[1, 10]"],
        ),
        (nn.Conv2d(1, 10, 3), ["[1, 10, 26, 26]", "[1, 10]"]),
        (Tells(None), ["NoneType"]),
        (Tells(torch.full((1, 10), float("nan"))), ["10 of the model's 10 scores", "NaN"]),
    ],
)
def test_a_model_that_cannot_read_the_picture_is_named_with_the_numbers(model, said):
    content, buffers = Told(DigitPad(model, mean=MEAN, std=STD)).ask(torch.zeros(28, 28, dtype=torch.uint8))
    assert not buffers and "probabilities" not in content
    for words in said:
        assert words in content["fault"]


def test_an_error_of_the_student_s_own_is_said_with_its_name():
    class Broken(nn.Module):
        def forward(self, x):
            return x.shape["height"]

    content, _ = Told(DigitPad(Broken(), mean=MEAN, std=STD)).ask(torch.zeros(28, 28, dtype=torch.uint8))
    assert content["fault"].startswith("TypeError: ")


@pytest.mark.parametrize(
    "arguments, said",
    [
        ({"model": nn.Linear}, "nn.Module"),
        ({"mean": (0.1, 0.2)}, "mean must be one"),
        ({"std": 0.0}, "above 0, got 0"),
        ({"std": float("nan")}, "finite"),
        ({"pen": 4}, "from 8 to 48, got 4"),
        ({"strokes": [[(10, 281)]]}, "from 0 to 280"),
        ({"strokes": [[(10, 20)], []]}, r"strokes\[1\]"),
    ],
)
def test_arguments_that_make_no_sense(arguments, said):
    with pytest.raises(ValueError, match=said):
        DigitPad(**{"model": small(), "mean": MEAN, "std": STD} | arguments)


def test_what_is_shown_without_a_front_end():
    pad = DigitPad(small(), mean=MEAN, std=STD, strokes=SEVEN)
    assert repr(pad) == "DigitPad(Sequential, 2 strokes, pen 24)"
    assert pad.strokes == [[60, 60, 210, 60, 130, 230], [100, 150, 180, 150]]
    assert torch.equal(pad.picture, torch.from_numpy(centred(ink(SEVEN, 24))))
    view = pad.static_view()
    assert list(view) == ["image/png"] and len(view["image/png"]) < 20_000
    assert DigitPad(nn.Linear(3, 3), mean=MEAN, std=STD).static_view()[
        "image/png"
    ]  # the fault is written there


def test_its_code_is_small():
    assert len(DigitPad._esm.encode()) <= 25_000


def test_one_question_at_a_time_and_at_most_ten_a_second():
    """A clock by hand: a question each 5 ms for a second, each answered after 30 ms, or never."""
    printed = run_node(f"""
        import {{ mailbox }} from {json.dumps((STATIC / "mailbox.js").as_uri())};
        let now = 0, timers = [];
        globalThis.setTimeout = (action, wait) => {{ timers.push({{ at: now + wait, action }}); return timers.at(-1); }};
        globalThis.clearTimeout = (timer) => {{ timers = timers.filter((one) => one !== timer); }};
        const runs = [];
        for (const answers of [true, false]) {{
          now = 0; timers = [];
          const sent = [];
          let open = 0, most = 0;
          const box = mailbox((value) => {{
            sent.push([now, value]);
            most = Math.max(most, ++open);
            if (answers) timers.push({{ at: now + 30, action: () => {{ open--; box.answered(); }} }});
          }}, 100, 10000, () => now);
          for (now = 0; now < 21000; now++) {{
            for (const timer of timers.filter((one) => one.at <= now)) {{ clearTimeout(timer); timer.action(); }}
            if (now <= 1000 && now % 5 === 0) box.offer(now);
          }}
          runs.push({{ sent, most }});
        }}
        console.log(JSON.stringify(runs));
    """)
    answered, silent = json.loads(printed)
    times = [time for time, _ in answered["sent"]]
    assert answered["most"] == 1 and min(b - a for a, b in zip(times, times[1:])) >= 100
    assert 10 <= len(times) <= 12 and times[0] == 0 and times[-1] <= 1100
    assert answered["sent"][-1][1] == 1000  # the newest is never lost
    assert all(time - value <= 5 for time, value in answered["sent"][:-1])
    assert silent["sent"] == [
        [0, 0],
        [10000, 1000],
    ]  # nobody answers: asked again after ten seconds, no flood
