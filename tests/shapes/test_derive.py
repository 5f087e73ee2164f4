"""Derivations of real models, against PyTorch, torchinfo and PyTorch's own counter of operations."""

import copy
import time

import pytest
import torch
import torch.nn.functional as F
import torchinfo
import torchvision
from shape_models import LessonNet, dcgan_generator, lenet5, net
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from course_utils import shapes
from course_utils.shapes.layers import Plain

MODELS = {
    "lesson 3": (LessonNet, (3, 32, 32)),
    "LeNet-5": (lenet5, (1, 28, 28)),
    "DCGAN": (dcgan_generator, (100, 1, 1)),
    "googlenet": (lambda: torchvision.models.googlenet(weights=None, init_weights=False), (3, 224, 224)),
}
for _name in (
    "alexnet vgg11_bn resnet18 resnext50_32x4d squeezenet1_1 densenet121 mobilenet_v3_small efficientnet_b0"
).split():
    MODELS[_name] = (getattr(torchvision.models, _name), (3, 224, 224))


@pytest.fixture(params=MODELS)
def on_meta(request):
    """Each model built on meta, with its input shape."""
    make, shape = MODELS[request.param]
    with torch.device("meta"):
        return make(), shape


def test_a_model_agrees_with_torchinfo_and_torch(on_meta):
    model, shape = on_meta
    start = time.process_time()  # and not by the clock: a busy machine is not our doing
    derivation = shapes.derive(model, shape)
    assert time.process_time() - start < 3
    summary = torchinfo.summary(model, (1, *shape), verbose=0, device="meta")
    assert derivation.params == summary.total_params == sum(p.numel() for p in model.parameters())
    # Every layer in the order it runs, with its output shape and its parameters.
    torchinfos = [
        (layer.class_name, tuple(layer.output_size[1:]))
        for layer in summary.summary_list
        if layer.is_leaf_layer and layer.executed
    ]
    ours = [
        (step.op, step.output_shape) for step in derivation if step.op in {name for name, _ in torchinfos}
    ]
    assert ours == [(name, size) for name, size in torchinfos if name in {step.op for step in derivation}]
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        output = model.eval()(torch.zeros(1, *shape, device="meta"))
    assert derivation.output_shape == tuple(output.shape[1:])
    assert derivation.multiply_adds == counter.get_total_flops() / 2
    assert not any(isinstance(step.layer, Plain) for step in derivation)


def test_no_weights_are_allocated_for_a_model_on_meta(on_meta):
    model, shape = on_meta
    held = [*model.parameters(), *model.buffers()]

    class Allocations(torch.overrides.TorchFunctionMode):
        largest = 0

        def __torch_function__(self, func, types, args=(), kwargs=None):
            result = func(*args, **(kwargs or {}))
            if isinstance(result, torch.Tensor) and not result.is_meta:
                self.largest = max(self.largest, result.numel())
            return result

    with Allocations() as allocations:
        shapes.derive(model, shape)
    assert allocations.largest == 0
    assert all(tensor.is_meta for tensor in held)
    assert all(a is b for a, b in zip(held, [*model.parameters(), *model.buffers()], strict=True))


@pytest.mark.parametrize("name", ["lesson 3", "LeNet-5", "DCGAN", "squeezenet1_1"])
def test_a_real_pass_gives_the_derived_shapes(name):
    make, shape = MODELS[name]
    model = make().eval()
    seen = []
    for module in model.modules():
        if not list(module.children()):
            module.register_forward_hook(lambda m, i, o: seen.append((type(m).__name__, tuple(o.shape[1:]))))
    with torch.no_grad():
        output = model(torch.zeros(1, *shape))
    derivation = shapes.derive(model, shape)
    assert derivation.output_shape == tuple(output.shape[1:])
    assert [(s.op, s.output_shape) for s in derivation if s.op[0].isupper()] == seen[: len(seen) // 2]


def test_the_lesson_s_network_line_by_line():
    derivation = shapes.derive(LessonNet(), (3, 32, 32))
    assert [(step.name, step.op, step.output_shape, step.params) for step in derivation] == [
        ("conv1", "Conv2d", (64, 30, 30), 1792),
        ("relu", "relu", (64, 30, 30), 0),
        ("pool", "MaxPool2d", (64, 15, 15), 0),
        ("conv2", "Conv2d", (64, 13, 13), 36928),
        ("relu_2", "relu", (64, 13, 13), 0),
        ("pool_2", "MaxPool2d", (64, 6, 6), 0),
        ("conv3", "Conv2d", (128, 4, 4), 73856),
        ("relu_3", "relu", (128, 4, 4), 0),
        ("pool_3", "MaxPool2d", (128, 2, 2), 0),
        ("flatten", "flatten", (512,), 0),
        ("fc1", "Linear", (256,), 131328),
        ("relu_4", "relu", (256,), 0),
        ("fc2", "Linear", (10,), 2570),
    ]
    assert derivation.params == 246_474
    assert derivation.multiply_adds == 9_098_496
    conv1 = derivation["conv1"]
    assert conv1.formula == "⌊(H + 2·p − k) / s⌋ + 1"
    assert conv1.worked == "⌊(32 + 2·0 − 3) / 1⌋ + 1 = 30"
    assert conv1.params_worked == "64·(3·3·3 + 1) = 1,792"
    assert derivation["flatten"].worked == "128·2·2 = 512"
    assert [step.receptive_field for step in derivation][::3] == [
        (3, 3),
        (8, 8),
        (18, 18),
        (22, 22),
        (30, 30),
    ]


def test_lenet_by_its_published_numbers():
    derivation = shapes.derive(lenet5(), (1, 28, 28))
    assert derivation.params == 61_706
    assert [s.output_shape for s in derivation if "Pool" in s.op or "Conv" in s.op] == [
        (6, 28, 28),
        (6, 14, 14),
        (16, 10, 10),
        (16, 5, 5),
    ]
    assert derivation["3"].params_worked == "16·(6·5·5 + 1) = 2,416"


def test_a_derivation_is_a_sequence_with_names():
    derivation = shapes.derive(LessonNet(), (3, 32, 32))
    assert len(derivation) == len(list(derivation)) == 13
    assert derivation[0] is derivation["conv1"] is derivation.steps[0]
    assert derivation[-1].name == "fc2"
    assert [step.name for step in derivation[:2]] == ["conv1", "relu"]
    with pytest.raises(KeyError, match="no step is called 'conv9'.*conv1, relu, pool"):
        derivation["conv9"]
    with pytest.raises(IndexError):
        derivation[13]


MAP = (6, 12, 10)
# One line for each kind of step: how it is called, the op it is shown as, and the worked line.
CALLS = [
    (
        lambda s, x: F.conv2d(x, torch.zeros(4, 6, 3, 5)),
        "conv2d",
        "H: ⌊(12 + 2·0 − 3) / 1⌋ + 1 = 10; W: ⌊(10 + 2·0 − 5) / 1⌋ + 1 = 6",
    ),
    (nn.Conv2d(6, 8, 3, padding="same"), "Conv2d", "H: 12 = 12; W: 10 = 10"),
    (
        nn.Conv2d(6, 8, 3, padding="valid", stride=2),
        "Conv2d",
        "H: ⌊(12 + 2·0 − 3) / 2⌋ + 1 = 5; W: ⌊(10 + 2·0 − 3) / 2⌋ + 1 = 4",
    ),
    (
        nn.Conv2d(6, 6, 3, groups=6, dilation=2),
        "Conv2d",
        "H: ⌊(12 + 2·0 − 2·(3 − 1) − 1) / 1⌋ + 1 = 8; W: ⌊(10 + 2·0 − 2·(3 − 1) − 1) / 1⌋ + 1 = 6",
    ),
    (
        nn.Conv2d(6, 8, 3, padding=1, padding_mode="circular"),
        "Conv2d",
        "H: ⌊(14 + 2·0 − 3) / 1⌋ + 1 = 12; W: ⌊(12 + 2·0 − 3) / 1⌋ + 1 = 10",
    ),
    (
        nn.ConvTranspose2d(6, 4, 4, 2, 1),
        "ConvTranspose2d",
        "H: (12 − 1)·2 − 2·1 + 1·(4 − 1) + 0 + 1 = 24; W: (10 − 1)·2 − 2·1 + 1·(4 − 1) + 0 + 1 = 20",
    ),
    (
        nn.MaxPool2d(3, 2, ceil_mode=True),
        "MaxPool2d",
        "H: ⌈(12 + 2·0 − 3) / 2⌉ + 1 = 6; W: ⌈(10 + 2·0 − 3) / 2⌉ + 1 = 5",
    ),
    (
        nn.MaxPool2d((1, 2), stride=3, padding=(0, 1), ceil_mode=True),
        "MaxPool2d",
        "H: ⌈(12 + 2·0 − 1) / 3⌉ + 1 = 5, less 1 = 4; W: ⌈(10 + 2·1 − 2) / 3⌉ + 1 = 5, less 1 = 4",
    ),
    (
        nn.MaxPool2d(2, return_indices=True),
        "MaxPool2d",
        "H: ⌊(12 + 2·0 − 2) / 2⌋ + 1 = 6; W: ⌊(10 + 2·0 − 2) / 2⌋ + 1 = 5",
    ),
    (
        lambda s, x: F.max_pool2d(x, 2),
        "max_pool2d",
        "H: ⌊(12 + 2·0 − 2) / 2⌋ + 1 = 6; W: ⌊(10 + 2·0 − 2) / 2⌋ + 1 = 5",
    ),
    (
        lambda s, x: F.avg_pool2d(x, 2),
        "avg_pool2d",
        "H: ⌊(12 + 2·0 − 2) / 2⌋ + 1 = 6; W: ⌊(10 + 2·0 − 2) / 2⌋ + 1 = 5",
    ),
    (nn.AdaptiveAvgPool2d((3, None)), "AdaptiveAvgPool2d", "12×10 pooled to the 3×10 asked for"),
    (nn.AdaptiveMaxPool2d(1), "AdaptiveMaxPool2d", "12×10 pooled to the 1×1 asked for"),
    (nn.Flatten(), "Flatten", "6·12·10 = 720"),
    (lambda s, x: torch.flatten(x, 1), "flatten", "6·12·10 = 720"),
    (lambda s, x: x.view(x.size(0), -1), "view", "6·12·10 = 720"),
    (lambda s, x: x.view(-1, 720), "view", "6·12·10 = 720"),
    (lambda s, x: x.reshape((x.shape[0], 720)), "reshape", "6·12·10 = 720"),
    (lambda s, x: x.view(-1, 2, 3, 120), "view", "6·12·10 = 720 = 2·3·120"),
    (nn.BatchNorm2d(6), "BatchNorm2d", "same shape"),
    (nn.GroupNorm(2, 6), "GroupNorm", "same shape"),
    (nn.InstanceNorm2d(6, affine=True), "InstanceNorm2d", "same shape"),
    (nn.Softmax(dim=1), "Softmax", "same shape"),
    (nn.Softmax(dim=3), "Softmax", ""),
    (nn.PReLU(), "PReLU", "same shape"),
    (nn.ReLU(inplace=True), "ReLU", "same shape"),
    (nn.Dropout(), "Dropout", "same shape"),
    (nn.Identity(), "Identity", "same shape"),
    (lambda s, x: x.relu_(), "relu", "same shape"),
    (lambda s, x: 2 - x, "sub", "same shape"),
    (lambda s, x: x + torch.ones(6, 1, 1), "add", "same shape"),
    (lambda s, x: x + x, "add", "6×12×10 + 6×12×10"),
    (lambda s, x: x * x.mean((2, 3), keepdim=True), "mul", "6×12×10 · 6×1×1"),
    (lambda s, x: torch.cat([x, x], 1), "cat", "6 + 6 = 12"),
    (lambda s, x: torch.cat([x, x], dim=-1), "cat", "10 + 10 = 20"),
    (lambda s, x: x.mean([2, 3]), "mean", "mean of 12·10 = 120 numbers"),
    (nn.Upsample(scale_factor=1.5), "Upsample", "H: ⌊12·1.5⌋ = 18; W: ⌊10·1.5⌋ = 15"),
    (
        lambda s, x: F.interpolate(x, size=(24, 20), mode="bilinear"),
        "interpolate",
        "12×10 drawn at the 24×20 asked for",
    ),
    (
        lambda s, x: F.pixel_shuffle(torch.cat([x, x], 1), 2),
        "pixel_shuffle",
        "12 / 2² = 3; 12·2 = 24; 10·2 = 20",
    ),
    (nn.ZeroPad2d((1, 2, 3, 4)), "ZeroPad2d", "H: 12 + 3 + 4 = 19; W: 10 + 1 + 2 = 13"),
    (lambda s, x: x.permute(0, 2, 3, 1), "permute", ""),
    (lambda s, x: x.transpose(2, 3) @ x, "matmul", ""),
    (lambda s, x: x.chunk(2, dim=1)[1], "chunk", ""),
]


@pytest.mark.parametrize("call, op, worked", CALLS, ids=[f"{i}-{op}" for i, (_, op, _) in enumerate(CALLS)])
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_each_kind_of_step(call, op, worked, device):
    model = (net(lambda s, x: s.layer(x), layer=call) if isinstance(call, nn.Module) else net(call)).to(
        device
    )
    step = shapes.derive(model, MAP)[-1]
    assert (step.op, step.worked) == (op, worked)
    with torch.device("cpu"):
        output = (model.to_empty(device="cpu") if device == "meta" else model)(torch.ones(3, *MAP))
    output = output[0] if isinstance(output, tuple) else output
    with FlopCounterMode(display=False) as counter:
        model(torch.ones(3, *MAP))
    assert step.multiply_adds == counter.get_total_flops() / 2 / 3
    assert step.output_shape == tuple(output.shape[1:])
    assert step.params == sum(p.numel() for p in model.parameters())
    if step.params:
        assert step.params == step.layer.weights()[0] or op == "PReLU"
        assert f" {step.params_worked}".endswith(f" {step.params:,}")


def test_names_come_from_the_model():
    class Flat(nn.Module):
        def forward(self, x):
            return x.view(x.size(0), -1)

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(4, 4, 3, padding=1)
            self.relu = nn.ReLU()

        def forward(self, x):
            return self.relu(self.conv(self.relu(x)) + x)

    model = net(
        lambda s, x: s.flat(F.relu(s.body(s.stem(x)))),
        stem=nn.Conv2d(3, 4, 1),
        body=nn.Sequential(Block(), nn.Sequential(nn.ReLU(), Block())),
        flat=Flat(),
    )
    names = [step.name for step in shapes.derive(model, (3, 8, 8))]
    blocks = ["body.0.relu", "body.0.conv", "body.0.add", "body.0.relu_2", "body.1.0"]
    blocks += [name.replace("body.0", "body.1.1") for name in blocks[:4]]
    assert names == ["stem", *blocks, "relu", "flat"]


def test_a_name_is_never_given_twice():
    model = net(lambda s, x: F.relu(s.relu(s.relu_2(F.relu(x)))), relu=nn.ReLU(), relu_2=nn.ReLU())
    names = [step.name for step in shapes.derive(model, (3, 8, 8))]
    assert len(set(names)) == 4
    assert names[1:3] == ["relu_2", "relu"]


def test_a_layer_alone_and_a_nameless_sequence():
    assert shapes.derive(nn.Conv2d(3, 8, 3), (3, 9, 9))[0].name == "conv2d"
    assert shapes.derive(nn.Linear(4, 2), (4,))[0].params_worked == "2·(4 + 1) = 10"
    assert [s.name for s in shapes.derive(nn.Sequential(nn.ReLU(), nn.Flatten()), (3, 9, 9))] == ["0", "1"]
    assert [s.op for s in shapes.derive(nn.Sequential(), (3, 9, 9))] == ["Sequential"]  # an empty shortcut


def test_a_layer_used_twice_counts_its_parameters_once():
    model = net(lambda s, x: s.conv(s.conv(x)), conv=nn.Conv2d(3, 3, 3))
    derivation = shapes.derive(model, (3, 9, 9))
    assert [(s.name, s.params) for s in derivation] == [("conv", 84), ("conv_2", 0)]
    assert derivation["conv_2"].params_worked == "counted at conv"
    assert derivation.params == 84


def test_shared_weights_count_once():
    model = net(lambda s, x: s.b(s.a(x)), a=nn.Linear(4, 4), b=nn.Linear(4, 4))
    model.b.weight = model.a.weight
    derivation = shapes.derive(model, (4,))
    assert [(s.name, s.params, s.params_worked) for s in derivation] == [
        ("a", 20, "4·(4 + 1) = 20"),
        ("b", 4, "4"),
    ]


def test_weights_computed_from_parameters_are_counted():
    model = net(lambda s, x: s.conv(x), conv=nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 8, 3)))
    (step,) = shapes.derive(model, (3, 9, 9))
    assert step.name == "conv"
    assert step.params == sum(p.numel() for p in model.parameters()) == 8 * 27 + 8 + 8
    scaled = net(lambda s, x: F.linear(x, s.w * 2) + s.b)
    scaled.w, scaled.b = nn.Parameter(torch.zeros(5, 4)), nn.Parameter(torch.zeros(5))
    assert [(s.op, s.params) for s in shapes.derive(scaled, (4,))] == [("linear", 20), ("add", 5)]


def test_parameters_that_the_pass_does_not_use_are_named():
    with torch.device("meta"):
        model = MODELS["googlenet"][0]()
    unused = shapes.derive(model, (3, 224, 224)).unused
    assert unused == {
        name: sum(p.numel() for p in getattr(model, name).parameters()) for name in ("aux1", "aux2")
    }


@pytest.mark.parametrize("pack", [tuple, list, lambda items: {"a": items[0], "b": list(items)[1:]}])
def test_a_model_may_return_several_tensors(pack):
    model = net(lambda s, x: pack([s.conv(x), x.flatten(1)]), conv=nn.Conv2d(3, 4, 3))
    assert [s.output_shape for s in shapes.derive(model, (3, 8, 8))] == [(4, 6, 6), (192,)]


def test_branches_know_where_they_come_from():
    model = net(lambda s, x: torch.cat([s.a(x), s.b(x)], 1), a=nn.Conv2d(3, 4, 1), b=nn.Conv2d(3, 5, 1))
    a, b, cat = shapes.derive(model, (3, 8, 8))
    assert (a.sources, b.sources, cat.sources) == ((-1,), (-1,), (0, 1))
    assert cat.input_shapes == ((4, 8, 8), (5, 8, 8))


def test_other_dimensions_and_other_layers_are_followed_plainly():
    model = nn.Sequential(nn.Conv1d(3, 8, 3), nn.ReLU(), nn.Conv1d(8, 2, 5, stride=2))
    derivation = shapes.derive(model, (3, 20))
    assert [s.output_shape for s in derivation] == [(8, 18), (8, 18), (2, 7)]
    assert derivation.multiply_adds == 8 * 18 * 9 + 2 * 7 * 40
    assert derivation.params == sum(p.numel() for p in model.parameters())
    lstm = net(lambda s, x: s.lstm(x)[0], lstm=nn.LSTM(10, 16, batch_first=True))
    (step, *_) = shapes.derive(lstm, (7, 10))
    assert (step.name, step.output_shape) == ("lstm", (7, 16))
    assert step.params == sum(p.numel() for p in lstm.parameters())


def test_a_transformer_is_followed_to_its_end():
    with torch.device("meta"):
        model = torchvision.models.vit_b_16()
    derivation = shapes.derive(model, (3, 224, 224))
    assert derivation.output_shape == (1000,)
    assert derivation.params == sum(p.numel() for p in model.parameters())


def state(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


@pytest.mark.parametrize("ask", [False, True], ids=["on meta", "on zeros"])
def test_the_model_is_left_as_it_was(ask):
    """Also when the forward pass asks for values, and so runs on real zeros."""

    def forward(self, x):
        self.calls += 1
        self.seen.append(x.shape)
        self.new = x
        if not hasattr(self, "late"):
            self.late = nn.Conv2d(4, 4, 1)
        x = self.norm(self.conv(x))
        self.kept = x
        if ask and x.abs().max() < 0:
            raise AssertionError
        x = F.batch_norm(x, self.norm.running_mean, self.norm.running_var, training=True)
        return F.dropout(x)  # active even in eval mode

    model = net(forward, conv=nn.Conv2d(3, 4, 3), norm=nn.BatchNorm2d(4), drop=nn.Dropout())
    model.calls, model.kept, model.seen = 0, None, []
    model.drop.eval()
    before, weight = state(model), model.conv.weight
    weight.grad = torch.ones_like(weight)
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    shapes.derive(model, (3, 8, 8))
    assert torch.equal(torch.rand(2), expected)
    assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
    assert model.conv.weight is weight
    assert torch.equal(weight.grad, torch.ones_like(weight))
    assert (model.training, model.norm.training, model.drop.training) == (True, True, False)
    assert (model.calls, model.kept, model.seen) == (0, None, [])
    assert not hasattr(model, "late")
    assert not hasattr(model, "new")
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_the_model_is_left_as_it_was_after_an_error():
    model = net(lambda s, x: s.fc(s.norm(x)), norm=nn.BatchNorm2d(3), fc=nn.Linear(5, 2))
    with pytest.raises(shapes.ShapeError):
        shapes.derive(model, (3, 8, 8))
    assert model.training
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())
    assert torch.equal(model.norm.num_batches_tracked, torch.tensor(0))


def test_a_model_that_asks_for_values():
    model = net(lambda s, x: s.conv(x) if x.sum() == 0 else x, conv=nn.Conv2d(3, 4, 3))
    assert shapes.derive(model, (3, 8, 8)).output_shape == (4, 6, 6)
    with pytest.raises(ValueError, match="asks for values.*meta.*real device"):
        shapes.derive(copy.deepcopy(model).to("meta"), (3, 8, 8))


def test_devices_named_in_the_forward_pass_do_not_matter():
    def forward(self, x):
        x = x.to("cpu").float().to(torch.device("cpu"), non_blocking=True).cpu()
        canvas = torch.zeros(x.size(0), 4, 6, 6)
        canvas[:, :, :3] = self.conv(x)[:, :, :3]
        return canvas + torch.ones(4, 6, 6, device="cpu")

    model = net(forward, conv=nn.Conv2d(3, 4, 3))
    assert shapes.derive(model, (3, 8, 8)).output_shape == (4, 6, 6)
    assert shapes.derive(model, (3, 8, 8))["add"].sources


def test_calls_that_hand_on_the_same_numbers_are_no_steps():
    model = net(lambda s, x: s.conv(x.contiguous().clone().detach().float()).data, conv=nn.Conv2d(3, 4, 3))
    (step,) = shapes.derive(model, (3, 8, 8))
    assert (step.name, step.sources, step.receptive_field) == ("conv", (-1,), (3, 3))


def test_half_precision_and_compiled_models():
    assert shapes.derive(nn.Conv2d(3, 4, 3).half(), (3, 8, 8)).output_shape == (4, 6, 6)
    compiled = torch.compile(nn.Sequential(nn.Conv2d(3, 4, 3)), backend="eager")
    assert [step.name for step in shapes.derive(compiled, (3, 8, 8))] == ["0"]


@pytest.mark.parametrize(
    "model, shape, said",
    [
        (LessonNet, (3, 32, 32), "make one first, derive\\(LessonNet\\(\\)"),
        ("resnet18", (3, 32, 32), "an nn.Module: got 'resnet18'"),
        (nn.ReLU(), 32, "without the batch axis, such as \\(3, 32, 32\\): got 32"),
        (nn.ReLU(), (3, -1, 32), "got \\(3, -1, 32\\)"),
        (nn.ReLU(), (3, 32.0, 32), "got \\(3, 32.0, 32\\)"),
        (nn.ReLU(), (), "got \\(\\)"),
        (nn.LazyConv2d(4, 3), (3, 32, 32), "weight has no shape yet.*torch.zeros\\(2, 3, 32, 32\\)"),
    ],
)
def test_bad_arguments_are_refused(model, shape, said):
    with pytest.raises(ValueError, match=said):
        shapes.derive(model, shape)


def test_an_error_of_the_model_itself_passes_through():
    def forward(self, x):
        raise ValueError("nothing to do with shapes")

    with pytest.raises(ValueError, match="nothing to do with shapes") as raised:
        shapes.derive(net(forward), (3, 8, 8))
    assert not isinstance(raised.value, shapes.ShapeError)
