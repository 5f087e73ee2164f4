"""A model whose shapes do not fit: the error names the layer, what came in and the line to write."""

import re

import pytest
import torch
import torch.nn.functional as F
from shape_models import net
from torch import nn

from course_utils import shapes

SMALL = dict(conv1=nn.Conv2d(3, 128, 3), pool=nn.MaxPool2d(15))  # 3×32×32 to 128×2×2


def stem(self, x):
    return self.pool(self.conv1(x))


# name: (model, what the message says, how many steps fitted)
FAULTS = {
    "linear": (
        net(lambda s, x: s.fc1(torch.flatten(stem(s, x), 1)), **SMALL, fc1=nn.Linear(400, 256)),
        "fc1 expects 400 features, flatten gives 128·2·2 = 512: nn.Linear(512, 256)",
        3,
    ),
    "linear behind dropout": (
        net(
            lambda s, x: s.fc1(F.dropout(stem(s, x).flatten(1))), **SMALL, fc1=nn.Linear(400, 256, bias=False)
        ),
        "fc1 expects 400 features, flatten gives 128·2·2 = 512: nn.Linear(512, 256, bias=False)",
        4,
    ),
    "second linear": (
        nn.Sequential(nn.Flatten(), nn.Linear(3072, 64), nn.ReLU(), nn.Linear(32, 10)),
        "3 expects 32 features, 2 gives 64: nn.Linear(64, 10)",
        3,
    ),
    "forgotten flatten": (
        net(lambda s, x: s.fc1(stem(s, x)), **SMALL, fc1=nn.Linear(512, 256)),
        "fc1 expects 512 features in a row, pool gives 128×2×2: x = x.flatten(1) before it",
        2,
    ),
    "forgotten flatten, wrong size": (
        net(lambda s, x: s.fc1(stem(s, x)), **SMALL, fc1=nn.Linear(400, 256)),
        "fc1 expects 400 features in a row, pool gives 128×2×2: x = x.flatten(1) before it, and nn.Linear(512, 256)",
        2,
    ),
    "view of a wrong size": (
        net(lambda s, x: s.fc1(stem(s, x).view(-1, 400)), **SMALL, fc1=nn.Linear(400, 256)),
        "view(-1, 400) does not fit: pool gives 128×2×2, 128·2·2 = 512 values an image: "
        "x = x.flatten(1), and fc1 = nn.Linear(512, 256)",
        2,
    ),
    "view that splits images": (
        net(
            lambda s, x: s.fc2(F.relu(s.fc1(stem(s, x).view(-1, 256)))),
            **SMALL,
            fc1=nn.Linear(256, 64),
            fc2=nn.Linear(64, 10),
        ),
        "view(-1, 256) mixes the images of a batch: pool gives 128×2×2, 128·2·2 = 512 values an image: "
        "x = x.flatten(1), and fc1 = nn.Linear(512, 64)",
        2,
    ),
    "view that joins images": (
        net(lambda s, x: s.fc1(stem(s, x).view(-1, 1024)), **SMALL, fc1=nn.Linear(1024, 10)),
        "view(-1, 1024) mixes the images of a batch: pool gives 128×2×2, 128·2·2 = 512 values an image: "
        "x = x.flatten(1), and fc1 = nn.Linear(512, 10)",
        2,
    ),
    "view with a fixed batch": (
        net(lambda s, x: s.fc1(stem(s, x).view(64, 512)), **SMALL, fc1=nn.Linear(512, 10)),
        "view(64, 512) does not fit: pool gives 128×2×2, 128·2·2 = 512 values an image: "
        "x = x.flatten(1), and fc1 = nn.Linear(512, 10)",
        2,
    ),
    "view(1, -1)": (
        net(lambda s, x: s.fc1(stem(s, x).view(1, -1)), **SMALL, fc1=nn.Linear(512, 10)),
        "view(1, -1) mixes the images of a batch: pool gives 128×2×2, 128·2·2 = 512 values an image: x = x.flatten(1)",
        2,
    ),
    "flatten of the batch too": (
        net(lambda s, x: s.fc1(torch.flatten(stem(s, x))), **SMALL, fc1=nn.Linear(512, 10)),
        "flatten(x) mixes the images of a batch: pool gives 128×2×2, 128·2·2 = 512 values an image: x = x.flatten(1)",
        2,
    ),
    "convolution channels": (
        net(
            lambda s, x: s.conv2(F.relu(s.conv1(x))),
            conv1=nn.Conv2d(3, 64, 3),
            conv2=nn.Conv2d(32, 16, 3, stride=2, padding=1, bias=False),
        ),
        "conv2 expects 32 channels, relu gives 64×30×30: "
        "nn.Conv2d(64, 16, kernel_size=3, stride=2, padding=1, bias=False)",
        2,
    ),
    "depthwise convolution": (
        net(
            lambda s, x: s.conv2(s.conv1(x)), conv1=nn.Conv2d(3, 64, 3), conv2=nn.Conv2d(32, 32, 3, groups=32)
        ),
        "conv2 expects 32 channels, conv1 gives 64×30×30: nn.Conv2d(64, 64, kernel_size=3, groups=64)",
        1,
    ),
    "grey image expected": (
        net(lambda s, x: s.conv1(x), conv1=nn.Conv2d(1, 6, 5, padding=2)),
        "conv1 expects 1 channel, the input is 3×32×32: nn.Conv2d(3, 6, kernel_size=5, padding=2)",
        0,
    ),
    "transposed convolution channels": (
        net(lambda s, x: s.up(x), up=nn.ConvTranspose2d(8, 4, 2, stride=2)),
        "up expects 8 channels, the input is 3×32×32: nn.ConvTranspose2d(3, 4, kernel_size=2, stride=2)",
        0,
    ),
    "output_padding": (
        net(lambda s, x: s.up(x), up=nn.ConvTranspose2d(3, 4, 2, output_padding=1)),
        "up cannot take it, the input is 3×32×32: output_padding must be below the stride or the dilation: "
        "got output_padding=1, stride=1, dilation=1",
        0,
    ),
    "batch norm channels": (
        net(lambda s, x: s.bn1(s.conv1(x)), conv1=nn.Conv2d(3, 64, 3), bn1=nn.BatchNorm2d(32)),
        "bn1 expects 32 channels, conv1 gives 64×30×30: nn.BatchNorm2d(64)",
        1,
    ),
    "2d batch norm of a row": (
        net(lambda s, x: s.bn(s.fc(x.flatten(1))), fc=nn.Linear(3072, 64), bn=nn.BatchNorm2d(64)),
        "bn expects channels×height×width, fc gives 64: nn.BatchNorm1d(64)",
        2,
    ),
    "1d batch norm of a map": (
        net(lambda s, x: s.bn(s.conv1(x)), conv1=nn.Conv2d(3, 64, 3), bn=nn.BatchNorm1d(64)),
        "bn expects a row of features, conv1 gives 64×30×30: nn.BatchNorm2d(64)",
        1,
    ),
    "kernel larger than its input": (
        net(lambda s, x: s.conv2(stem(s, x)), **SMALL, conv2=nn.Conv2d(128, 256, 5, padding=1)),
        "conv2 expects at least 5×5 pixels, pool gives 128×2×2 with padding=1: "
        "nn.Conv2d(128, 256, kernel_size=5, padding=2)",
        2,
    ),
    "pooling larger than its input": (
        net(lambda s, x: s.pool2(stem(s, x)), **SMALL, pool2=nn.MaxPool2d(3)),
        "pool2 expects at least 3×3 pixels, pool gives 128×2×2: nn.MaxPool2d(2)",
        2,
    ),
    "one pooling too many": (
        net(lambda s, x: F.max_pool2d(F.max_pool2d(stem(s, x), 2), 2), **SMALL),
        "max_pool2d_2 expects at least 2×2 pixels, max_pool2d gives 128×1×1: leave this pooling out, or an earlier one",
        3,
    ),
    "residual of another shape": (
        net(lambda s, x: s.conv(x) + x, conv=nn.Conv2d(3, 64, 3, stride=2, padding=1)),
        "add expects the same shape on both sides of +, conv gives 64×16×16 and the input is 3×32×32: "
        "nn.Conv2d(3, 64, kernel_size=1, stride=2, bias=False) in the shortcut",
        1,
    ),
    "residual without padding": (
        net(lambda s, x: x.add(s.conv(x)), conv=nn.Conv2d(3, 3, 3)),
        "add expects the same shape on both sides of +, conv gives 3×30×30 and the input is 3×32×32: "
        "padding in the convolutions keeps 32×32",
        1,
    ),
    "cat of other sizes": (
        net(lambda s, x: torch.cat([s.conv(x), x], 1), conv=nn.Conv2d(3, 8, 3)),
        "cat expects shapes that differ only in channels, conv gives 8×30×30 and the input is 3×32×32: "
        "padding in the convolutions keeps 32×32",
        1,
    ),
    "pixel shuffle": (
        net(lambda s, x: F.pixel_shuffle(x, 2)),
        "pixel_shuffle expects a multiple of 2² = 4 channels, the input is 3×32×32: give the layer before it 4",
        0,
    ),
    "convolution behind flatten": (
        net(lambda s, x: s.conv(x.flatten(1)), conv=nn.Conv2d(3, 8, 3)),
        "conv expects channels×height×width, flatten gives 3·32·32 = 3,072: "
        "use it before the flatten, or x = x.view(-1, 3, 32, 32)",
        1,
    ),
    "an operation that has no rule here": (
        net(lambda s, x: x @ s.conv(x), conv=nn.Conv2d(3, 3, 3)),
        "matmul cannot take 3×32×32, 3×30×30: ",
        1,
    ),
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_the_error_says_what_to_write(name, device):
    model, said, fitted = FAULTS[name]
    with pytest.raises(shapes.ShapeError) as raised:
        shapes.derive(model.to(device), (3, 32, 32))
    if said.endswith(": "):
        assert str(raised.value).startswith(said)
    else:
        assert str(raised.value) == said
    assert isinstance(raised.value, ValueError)
    assert len(raised.value.derivation) == fitted


@pytest.mark.parametrize("name", FAULTS)
def test_torch_refuses_as_well(name):
    """Each fault is one for PyTorch too; only a view that mixes images lets a batch of 2 pass by chance."""
    model, said, _ = FAULTS[name]
    model = model.to_empty(device="cpu")
    if "mixes" in said:
        try:
            assert len(model(torch.zeros(2, 3, 32, 32))) != 2
        except RuntimeError:
            pass
    else:
        with pytest.raises((RuntimeError, ValueError)):
            model(torch.zeros(2, 3, 32, 32))


LAYERS = re.compile(r"nn\.\w+\([^)]*\)+")


@pytest.mark.parametrize(
    "name", [name for name, (_, said, _) in FAULTS.items() if said.count("nn.") == 1 and "expects" in said]
)
def test_the_line_to_write_is_valid_and_takes_what_came(name):
    model, said, _ = FAULTS[name]
    layer = eval(LAYERS.search(said).group(), {"nn": nn})
    came = re.search(r"(?:gives|input is) (?:[\d·]+ = )?([\d×,]+)", said.split(" and the ")[-1]).group(1)
    shape = [int(n) for n in came.replace(",", "").rstrip(":").split("×")]
    if "flatten(1) before it" in said:
        shape = [512]
    layer.eval()(torch.zeros(2, *shape))


def test_the_steps_before_the_fault_can_be_looked_at():
    model, _, _ = FAULTS["linear"]
    with pytest.raises(shapes.ShapeError) as raised:
        shapes.derive(model, (3, 32, 32))
    derivation = raised.value.derivation
    assert [step.name for step in derivation] == ["conv1", "pool", "flatten"]
    assert "128·2·2 = 512" in repr(derivation)


def test_the_batch_axis_belongs_outside():
    with pytest.raises(shapes.ShapeError, match="the input is 8×3×32×32: leave the batch axis out, 3×32×32"):
        shapes.derive(nn.Conv2d(3, 4, 3), (8, 3, 32, 32))


def test_channels_come_first():
    with pytest.raises(shapes.ShapeError, match="channels come first, x.permute"):
        shapes.derive(nn.Conv2d(3, 4, 3), (32, 32, 3))


@pytest.mark.parametrize(
    "run",
    [
        lambda s, x: (
            s.conv(x).permute(0, 2, 3, 1).reshape(-1, 4)
        ),  # one row a pixel, as a segmentation loss takes
        lambda s, x: s.conv(x.reshape(-1, 3, 16, 32)).reshape(
            x.size(0), -1
        ),  # folded into the batch and back
    ],
)
def test_a_view_that_means_to_join_axes_is_no_fault(run):
    shapes.derive(net(run, conv=nn.Conv2d(3, 4, 3)), (3, 32, 32))
