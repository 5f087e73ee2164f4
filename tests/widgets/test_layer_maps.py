"""What the layers make of an image is what PyTorch makes of it, and the student's model is not touched."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_utils import shapes
from course_utils.widgets.layer_maps import look_inside, reach, shadow, to_bytes


class Small(nn.Module):
    """Everything that could be disturbed: BatchNorm's counts, dropout, a ReLU that writes over its input, used twice."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 4, 3)
        self.norm = nn.BatchNorm2d(4)
        self.relu = nn.ReLU(inplace=True)
        self.block = nn.Sequential(nn.Conv2d(4, 5, 3, padding=1), nn.MaxPool2d(2))
        self.drop = nn.Dropout(0.5)
        self.fc = nn.Linear(5 * 13 * 13, 10)

    def forward(self, x):
        self.last = x = self.relu(self.norm(self.conv1(x)))  # left lying about, with its graph
        self.seen_training = self.training
        x = self.relu(self.block(x))
        return self.fc(self.drop(x.flatten(1)))


def state_of(model):
    flags = {name: module.training for name, module in model.named_modules()}
    hooks = {name: len(module._forward_hooks) for name, module in model.named_modules()}
    return flags, hooks, {name: value.clone() for name, value in model.state_dict().items()}


def same(one, other):
    return one[:2] == other[:2] and all(torch.equal(value, other[2][name]) for name, value in one[2].items())


@pytest.mark.parametrize("training", [True, False])
def test_the_model_is_asked_in_eval_mode_and_left_alone(training):
    torch.manual_seed(0)
    model = Small().train(training)
    model.norm.eval()  # a student who freezes one layer
    model(torch.randn(8, 1, 28, 28))
    before, image = state_of(model), torch.randn(1, 28, 28)
    output, seen = look_inside(model, image)
    assert same(state_of(model), before) and model.seen_training is training
    assert not output.requires_grad
    with torch.no_grad():
        expected = model.eval()(image[None])
        x = model.conv1(image[None])
        assert torch.equal(output, expected)
        first = F.relu(model.norm(x))
        by_hand = [x, model.norm(x), first, model.block[0](first), model.block(first), model.block(first)]
        by_hand.append(F.relu(model.block(first)))
    names = ["conv1", "norm", "relu", "block.0", "block.1", "block", "relu_2"]
    assert [one.name for one in seen] == names
    for one, maps in zip(seen, by_hand):
        assert torch.equal(one.maps, maps[0]), one.name


def test_the_model_is_left_alone_when_it_fails():
    model = Small().train()
    before = state_of(model)
    with pytest.raises(RuntimeError):
        look_inside(model, torch.randn(1, 20, 20))
    assert same(state_of(model), before)


def test_the_shadow_shares_the_weights_and_sees_them_change():
    model = Small()
    copied = shadow(model)
    own = {value.data_ptr() for value in model.state_dict().values()}
    assert {value.data_ptr() for value in copied.state_dict().values()} == own
    assert not {id(m) for m in copied.modules()} & {id(m) for m in model.modules()}
    with torch.no_grad():
        model.fc.bias.fill_(7)
    assert (copied.fc.bias == 7).all()


def test_bytes_run_from_low_to_high():
    values = torch.tensor([-1.0, 0.0, 1.0, 3.0, float("nan")])
    assert list(to_bytes(values, torch.tensor(-1.0), torch.tensor(1.0))) == [0, 128, 255, 255, 0]
    assert list(to_bytes(values[:1], values[0], values[0])) == [0]


class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.a, self.b = nn.Conv2d(2, 2, 3, padding=1), nn.Conv2d(2, 2, 3, padding=1)

    def forward(self, x):
        return self.b(self.a(x)) + x


NETS = {
    "strided": nn.Sequential(nn.Conv2d(1, 2, 5, stride=3), nn.Conv2d(2, 2, 3, stride=2)),
    "padded": nn.Sequential(
        nn.Conv2d(1, 2, 5, padding=2), nn.AvgPool2d(3, 2, padding=1), nn.Conv2d(2, 2, 3, padding=1)
    ),
    "much padding": nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=2, stride=2), nn.Conv2d(2, 2, (1, 3), padding=(0, 2))
    ),
    "dilated": nn.Sequential(
        nn.Conv2d(1, 2, 3, dilation=4, padding=3), nn.Conv2d(2, 2, (2, 3), dilation=(3, 1))
    ),
    "a block": nn.Sequential(nn.Conv2d(1, 2, 3, stride=2), Residual(), nn.AvgPool2d(2)),
    "up": nn.Sequential(nn.Conv2d(1, 2, 3, 2, 1), nn.ConvTranspose2d(2, 2, 4, 2, 1), nn.Conv2d(2, 2, 3)),
}


def keep(maps, path, module, args, output):
    maps[path] = output


@pytest.mark.parametrize("name", NETS)
def test_a_cell_sees_the_pixels_that_its_gradient_reaches(name):
    """The pixels whose gradient is not zero lie inside what the cell is said to see, and touch all its edges."""
    model, size = NETS[name], (23, 20)
    for parameter in model.parameters():
        nn.init.uniform_(parameter, 0.5, 1)  # nothing cancels
    image = torch.rand(1, *size)
    derivation = shapes.derive(model, image.shape)
    for one in look_inside(model, image)[1]:
        found = reach(derivation, one.name, tuple(one.maps.shape))
        assert found is not None, one.name
        x = image[None].clone().requires_grad_()
        maps, handles = {}, []
        for path, module in model.named_modules():
            handles.append(module.register_forward_hook(partial(keep, maps, path)))
        model(x)
        for handle in handles:
            handle.remove()
        _, height, width = one.maps.shape
        assert (len(found["rows"]), len(found["columns"])) == (height, width)
        places = {
            (r, c) for r in {0, 1, height // 2, height - 1} for c in {0, width // 2, width - 1} if r < height
        }
        for row, column in places:
            (gradient,) = torch.autograd.grad(maps[one.name][0, 0, row, column], x, retain_graph=True)
            reached = gradient[0, 0] != 0
            for axis, (pairs, place) in enumerate(zip((found["rows"], found["columns"]), (row, column))):
                seen = reached.any(1 - axis).nonzero().flatten().tolist()
                if pairs[place] is None:
                    assert not seen
                elif seen and (name != "dilated" or place == len(pairs) // 2):
                    assert pairs[place] == [seen[0], seen[-1]], (one.name, row, column)
                elif seen:  # near the border a tap may lie in padding, and the next one far inside
                    assert pairs[place][0] <= seen[0] and seen[-1] <= pairs[place][1]


def test_a_cell_that_sees_only_padding():
    model = nn.Sequential(nn.Conv2d(1, 2, 1, padding=2))
    found = reach(shapes.derive(model, (1, 5, 5)), "0", (2, 9, 9))
    assert found["size"] == [1, 1] and found["rows"] == [None, None, *([i, i] for i in range(5)), None, None]
    gaps = nn.Sequential(nn.ConvTranspose2d(1, 1, 1, stride=3))
    assert reach(shapes.derive(gaps, (1, 3, 3)), "0", (1, 7, 7))["rows"][:4] == [[0, 0], None, None, [1, 1]]


def test_where_the_derivation_does_not_follow_there_is_no_field():
    derivation = shapes.derive(nn.Sequential(nn.Conv2d(1, 2, 3)), (1, 9, 9))
    assert reach(derivation, "0", (2, 7, 7)) and reach(derivation, "0", (2, 6, 6)) is None
    assert reach(derivation, "1", (2, 7, 7)) is reach(None, "0", (2, 7, 7)) is None or len(derivation) == 1
    bare = nn.Conv2d(1, 2, 3)
    (one,) = look_inside(bare, torch.rand(1, 9, 9))[1]
    assert one.name == "Conv2d" and reach(shapes.derive(bare, (1, 9, 9)), one.name, (2, 7, 7))["size"] == [
        3,
        3,
    ]
