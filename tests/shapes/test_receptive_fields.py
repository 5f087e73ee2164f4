"""Receptive fields against what really influences what: each input pixel in turn, and by gradient."""

import pytest
import torch
import torch.nn.functional as F
from shape_models import LessonNet, net
from torch import nn

from course_utils import shapes


def conv(*arguments, **options):
    return nn.Conv2d(1, 1, *arguments, **options)


def up(*arguments, **options):
    return nn.ConvTranspose2d(1, 1, *arguments, **options)


class Residual(nn.Module):
    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return self.layers(x) + x


# Each with an input so large that the positions in the middle see no border.
NETS = {
    "one convolution": (nn.Sequential(conv(3)), (3, 3), (1, 1)),
    "kernel, stride and dilation in pairs": (
        nn.Sequential(conv((3, 5), stride=(1, 2)), conv((2, 3), dilation=(3, 1))),
        (6, 9),
        (1, 2),
    ),
    "convolutions and pooling": (
        nn.Sequential(conv(3, padding=1), nn.MaxPool2d(2), conv(3), nn.AvgPool2d(3, 2), conv(2)),
        (16, 16),
        (4, 4),
    ),
    "pooling with ceil_mode and padding": (
        nn.Sequential(nn.MaxPool2d(3, 2, padding=1, ceil_mode=True), conv(3, padding="same")),
        (7, 7),
        (2, 2),
    ),
    "a residual block": (
        nn.Sequential(conv(3, 2, 1), Residual(conv(3, padding=1), conv(3, padding=1))),
        (11, 11),
        (2, 2),
    ),
    "branches that look aside": (
        net(
            lambda s, x: torch.cat([s.a(x), s.b(x)], 1),
            a=nn.ZeroPad2d((4, 0, 0, 0)),
            b=nn.ZeroPad2d((0, 4, 0, 0)),
        ),
        (1, 5),
        (1, 1),
    ),
    "branches with patterns of another length": (
        net(
            lambda s, x: s.up(x) + s.down_up(x),
            up=nn.Upsample(scale_factor=2),
            down_up=nn.Sequential(conv(1, stride=2), nn.Upsample(scale_factor=4)),
        ),
        (2, 2),
        (0.5, 0.5),
    ),
    "a transposed convolution": (nn.Sequential(up(4, 2, 1)), (2, 2), (0.5, 0.5)),
    "down and up again": (
        nn.Sequential(conv(3, 2, 1), up(3, 2, 1, 1), conv(3), up(4, 2, 1)),
        (7, 7),
        (0.5, 0.5),
    ),
    "up, then in strides": (nn.Sequential(up(4, 2, 1), conv(3, stride=2), conv(2)), (4, 4), (1, 1)),
    "transposed with dilation": (nn.Sequential(up(3, 2, dilation=3), conv(2)), (4, 4), (0.5, 0.5)),
    "transposed with gaps": (nn.Sequential(up(1, 3), conv(3)), (1, 1), (1 / 3, 1 / 3)),
    "nearest, then a convolution": (nn.Sequential(nn.Upsample(scale_factor=2), conv(4)), (3, 3), (0.5, 0.5)),
    "bilinear": (
        nn.Sequential(nn.Upsample(scale_factor=3, mode="bilinear"), conv(3)),
        (3, 3),
        (1 / 3, 1 / 3),
    ),
    "pixel shuffle": (
        nn.Sequential(nn.Conv2d(1, 4, 3), nn.PixelShuffle(2), conv(2)),
        (4, 4),
        (0.5, 0.5),
    ),
}


def influence(model, size):
    """[pixel, position]: whether an input pixel alone changes an output position. All weights are positive."""
    for parameter in model.parameters():
        nn.init.uniform_(parameter, 0.5, 1)
    for module in model.modules():
        if getattr(module, "bias", None) is not None:
            nn.init.zeros_(module.bias)
    pixels = torch.eye(size * size).view(-1, 1, size, size)
    with torch.no_grad():
        return model.eval()(pixels).sum(1) > 0


@pytest.mark.parametrize("name", NETS)
def test_a_position_sees_exactly_the_pixels_that_change_it(name):
    model, field, jump = NETS[name]
    size = 24
    *_, step = shapes.derive(model, (1, size, size))
    assert step.receptive_field == field
    assert tuple(map(float, step.jump)) == pytest.approx(jump)
    seen = influence(model, size).view(size, size, *step.output_shape[1:])
    heights = extents(seen.any(1).any(-1))
    widths = extents(seen.any(0).any(-2))
    assert (max(heights), max(widths)) == field


def extents(seen):
    """How many pixels each position sees, from the first to the last; seen is [pixel, position] on one axis."""
    places = [torch.nonzero(column).flatten() for column in seen.T]
    return [int(p[-1] - p[0]) + 1 for p in places if len(p)]


def test_the_lesson_s_receptive_fields_by_gradient():
    torch.manual_seed(0)
    model = LessonNet().double()
    model.pool = nn.AvgPool2d(2)  # its gradient reaches all four pixels, where max pooling picks one
    for parameter in model.parameters():
        nn.init.uniform_(parameter, 0.1, 1)
    derivation = shapes.derive(model, (3, 32, 32))
    image = torch.rand(1, 3, 32, 32, dtype=torch.float64, requires_grad=True)
    x, fields = image, []
    for layer in (model.conv1, model.conv2, model.conv3):
        for part in (layer, F.relu, model.pool):
            x = part(x)
            centre = x[0, 0, x.shape[2] // 2, x.shape[3] // 2]
            fields.append(gradient_size(centre, image))
    assert [step.receptive_field for step in derivation[:9]] == fields
    output = model.fc1(x.flatten(1))
    assert derivation["fc1"].receptive_field == gradient_size(output[0, 0], image) == (30, 30)


def gradient_size(value, image):
    (gradient,) = torch.autograd.grad(value, image, retain_graph=True)
    rows, columns = gradient[0].abs().sum(0).nonzero(as_tuple=True)
    return int(rows.max() - rows.min()) + 1, int(columns.max() - columns.min()) + 1


def test_global_pooling_sees_everything_and_so_does_what_it_scales():
    model = net(
        lambda s, x: s.fc((s.conv(x) * s.gate(s.pool(s.conv(x))) + s.conv(x)).flatten(1)),
        conv=nn.Conv2d(1, 2, 3),
        pool=nn.AdaptiveAvgPool2d(1),
        gate=nn.Conv2d(2, 2, 1),
        fc=nn.Linear(200, 2),
    )
    derivation = shapes.derive(model, (1, 12, 12))
    for name in ("pool", "gate", "mul", "add", "flatten", "fc"):
        assert derivation[name].receptive_field == (12, 12)
    assert derivation["conv"].receptive_field == (3, 3)


def test_known_receptive_fields():
    """VGG-16's last pooling: 212, as in Araujo, Norris and Sim 2019. ResNet-18: 1 + Σ (k − 1)·(strides before it)."""
    import torchvision

    with torch.device("meta"):
        vgg, resnet = torchvision.models.vgg16(), torchvision.models.resnet18()
    assert shapes.derive(vgg, (3, 224, 224))["features.30"].receptive_field == (212, 212)
    strides = [4] * 5 + [8] * 4 + [16] * 4 + [32] * 3  # before each 3×3 convolution of the 16 in the blocks
    expected = 1 + 6 * 1 + 2 * 2 + sum(2 * stride for stride in strides)
    assert shapes.derive(resnet, (3, 224, 224))["layer4.1.relu_2"].receptive_field == (expected, expected)


def test_a_normalisation_over_the_map_sees_the_whole_map():
    for norm in (nn.GroupNorm(1, 2), nn.InstanceNorm2d(2)):
        step = shapes.derive(nn.Sequential(nn.Conv2d(1, 2, 3), norm), (1, 9, 9))[-1]
        assert step.receptive_field == (9, 9)
    batch_norm = shapes.derive(nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)), (1, 9, 9))[-1]
    assert batch_norm.receptive_field == (3, 3)


def test_where_it_is_not_followed_it_says_nothing():
    model = net(lambda s, x: s.conv(x.permute(0, 1, 3, 2)), conv=nn.Conv2d(3, 4, 3))
    permute, conv_step = shapes.derive(model, (3, 8, 8))
    assert permute.receptive_field is permute.jump is conv_step.receptive_field is None
    uneven = shapes.derive(nn.AdaptiveAvgPool2d(3), (1, 7, 7))[0]
    assert uneven.receptive_field is None
