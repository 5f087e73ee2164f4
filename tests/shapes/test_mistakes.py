"""Each slip that the course knows, named for the answer it gives; and correct answers never accused."""

import pytest
import torch
import torch.nn.functional as F
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from shape_models import LessonNet, dcgan_generator, lenet5, net
from torch import nn

from course_utils import shapes


def step(layer, shape):
    """The step that a layer, or a function of the image, makes."""
    return shapes.derive(layer if isinstance(layer, nn.Module) else net(lambda s, x: layer(x)), shape)[-1]


CONV = step(nn.Conv2d(3, 64, 3), (3, 32, 32))
PADDED = step(nn.Conv2d(1, 6, 5, padding=2), (1, 28, 28))
STRIDED = step(nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False), (3, 224, 224))
DILATED = step(nn.Conv2d(16, 32, 3, dilation=2), (16, 20, 20))
WIDE = step(nn.Conv2d(3, 8, (3, 5)), (3, 32, 24))
SAME = step(nn.Conv2d(3, 8, 5, padding="same"), (3, 32, 32))
DEPTHWISE = step(nn.Conv2d(32, 32, 3, padding=1, groups=32, bias=False), (32, 16, 16))
POOL = step(nn.MaxPool2d(2), (64, 13, 13))
POOL_STEPPED = step(nn.MaxPool2d(3, stride=2, padding=1), (64, 112, 112))
POOL_ODD = step(nn.MaxPool2d(3, stride=2, padding=1), (64, 113, 113))
CEIL = step(nn.MaxPool2d(2, ceil_mode=True), (64, 13, 13))
CEIL_OUTSIDE = step(nn.MaxPool2d(2, padding=1, ceil_mode=True), (8, 5, 5))
UP = step(nn.ConvTranspose2d(16, 8, 4, stride=2, padding=1), (16, 10, 10))
UP_BARE = step(nn.ConvTranspose2d(16, 8, 4, stride=2), (16, 10, 10))
UP_OUT = step(nn.ConvTranspose2d(16, 8, 3, stride=2, padding=1, output_padding=1), (16, 10, 10))
UP_DILATED = step(nn.ConvTranspose2d(16, 8, 3, dilation=2), (16, 10, 10))
LINEAR = step(nn.Linear(512, 256), (512,))
PLAIN_LINEAR = step(nn.Linear(512, 256, bias=False), (512,))
FLATTEN = step(nn.Flatten(), (128, 4, 2))
NORM = step(nn.BatchNorm2d(64), (64, 8, 8))
RELU = step(nn.ReLU(), (64, 30, 30))
ADD = step(lambda x: x + x, (64, 8, 8))
CAT = step(lambda x: torch.cat([x, x[:, :4]], 1), (16, 8, 8))
NEAREST = step(nn.Upsample(scale_factor=2), (16, 8, 8))
SHUFFLE = step(nn.PixelShuffle(2), (16, 8, 8))
PAD = step(nn.ZeroPad2d(2), (3, 8, 8))
TWICE = shapes.derive(net(lambda s, x: s.c(s.c(x)), c=nn.Conv2d(3, 3, 3)), (3, 9, 9))[1]

# slip: (step, wrong answer, words of the sentence that names it)
SLIPS = {
    "padding that is not there": (
        CONV,
        (64, 32, 32),
        "(64, 32, 32) is what padding=1 gives; this layer has padding=0.",
    ),
    "forgot the padding": (
        PADDED,
        (6, 24, 24),
        "forgot the padding: (6, 24, 24) is what padding=0 gives; this layer has padding=2",
    ),
    "padding of one, not two": (PADDED, (6, 26, 26), "is what padding=1 gives; this layer has padding=2"),
    "padding on one side": (PADDED, (6, 26, 26), "on one side only: padding=2"),
    "padding on one side, pooling": (POOL_ODD, (64, 56, 56), "on one side only: padding=1"),
    "forgot padding='same'": (SAME, (8, 28, 28), 'padding="same" keeps height and width'),
    "dropped the + 1": (CONV, (64, 29, 29), "dropped the + 1"),
    "dropped the + 1, pooling": (POOL, (64, 5, 5), "dropped the + 1"),
    "rounded up": (STRIDED, (64, 113, 113), "rounded up: a kernel that does not fit whole"),
    "rounded up, pooling": (POOL, (64, 7, 7), "rounded up: (64, 7, 7) is what ceil_mode=True gives"),
    "ignored the stride": (
        STRIDED,
        (64, 224, 224),
        "ignored the stride: (64, 224, 224) is what stride=1 gives; this layer has stride=2",
    ),
    "divided by the stride only": (POOL_ODD, (64, 56, 56), "only divided by the stride"),
    "ignored the dilation": (
        DILATED,
        (32, 18, 18),
        "ignored the dilation: (32, 18, 18) is what dilation=1 gives; this layer has dilation=2",
    ),
    "reach of d·k": (DILATED, (32, 15, 15), "reach 2·3 pixels: with its gaps it reaches 5"),
    "stride of pooling 1": (POOL, (64, 12, 12), "without a stride, a pooling steps by its kernel, here 2"),
    "pooling's stride ignored": (POOL_STEPPED, (64, 112, 112), "ignored the stride"),
    "stride taken for the kernel's, convolution": (CONV, (64, 10, 10), "only a pooling steps by its kernel"),
    "stride taken for the kernel's, pooling": (
        POOL_STEPPED,
        (64, 38, 38),
        "is what stride=3 gives; this layer has stride=2",
    ),
    "swapped height and width": (WIDE, (8, 20, 30), "swapped height and width: the order is"),
    "swapped the kernel's pair": (WIDE, (8, 28, 22), "swapped height and width in a pair"),
    "kept the input's channels": (
        CONV,
        (3, 30, 30),
        "kept the 3 channels that come in: each of the 64 kernels",
    ),
    "multiplied the channels": (CONV, (192, 30, 30), "multiplied the channels: a kernel sums over all 3"),
    "one kernel's map": (CONV, (1, 30, 30), "the map of one kernel"),
    "transposed formula": (CONV, (64, 34, 34), "is what a transposed convolution gives"),
    "ordinary formula": (UP, (8, 5, 5), "is what an ordinary convolution gives"),
    "channels last": (CONV, (30, 30, 64), "put the channels last"),
    "channels left out": (CONV, (30, 30), "left the channels out"),
    "batch axis included": (CONV, (32, 64, 30, 30), "32 in front would be the batch axis"),
    "what comes in": (CONV, (3, 32, 32), "is what comes in"),
    "shape of the weights": (CONV, (64, 3, 3, 3), "the shape of the weights"),
    "two slips at once": (CONV, (3, 29, 29), "kept the 3 channels"),
    "not divided": (CONV, (64, 14.5, 14.5), "14.5 is no whole number"),
    "ignored ceil_mode": (CEIL, (64, 6, 6), "ignored ceil_mode=True"),
    "kept a window outside": (CEIL_OUTSIDE, (8, 4, 4), "the last one must start inside"),
    "pooling of channels": (POOL, (32, 6, 6), "works on each channel by itself: 64"),
    "transposed: forgot the padding": (UP, (8, 22, 22), "forgot the padding"),
    "transposed: padding on one side": (UP, (8, 21, 21), "off one side only"),
    "transposed: padding added": (UP, (8, 24, 24), "added the padding"),
    "transposed: forgot the output_padding": (UP_OUT, (8, 19, 19), "forgot the output_padding"),
    "transposed: dropped the + 1": (UP, (8, 19, 19), "dropped the + 1"),
    "transposed: H for H − 1": (UP, (8, 22, 22), "H·s for (H − 1)·s"),
    "transposed: ignored the stride": (UP, (8, 11, 11), "ignored the stride"),
    "transposed: stride only": (UP_BARE, (8, 20, 20), "only multiplied by the stride"),
    "transposed: ignored the dilation": (UP_DILATED, (8, 12, 12), "ignored the dilation"),
    "flattened without the channels": (FLATTEN, (8,), "without the channels: (8,) is 4·2"),
    "flattened to the channels": (FLATTEN, (128,), "counted the channels only"),
    "flattened two of three": (FLATTEN, (512,), "two of the three sizes"),
    "flattened by adding": (FLATTEN, (134,), "added the sizes"),
    "flattened half": (FLATTEN, (128, 8), "height and width only"),
    "did not flatten": (FLATTEN, (128, 4, 2), "is what comes in: flatten makes one row"),
    "flattened, as an int": (FLATTEN, 8, "without the channels"),
    "linear: what comes in": (LINEAR, (512,), "is what comes in: the layer turns 512 features into 256"),
    "linear: the weights": (LINEAR, (512, 256), "shape of the weights"),
    "linear: batch axis": (LINEAR, (32, 256), "32 in front would be the batch axis"),
    "activation changed the shape": (RELU, (64, 15, 15), "ReLU changes numbers, not shapes"),
    "normalisation changed the shape": (NORM, (32, 8, 8), "BatchNorm2d changes numbers, not shapes"),
    "added as cat": (ADD, (128, 8, 8), "is what cat gives"),
    "cat: one input": (CAT, (16, 8, 8), "one of the inputs"),
    "cat: every axis": (CAT, (20, 16, 16), "only axis 0 grows"),
    "upsampling: what comes in": (NEAREST, (16, 8, 8), "is what comes in"),
    "upsampling: divided": (NEAREST, (16, 4, 4), "divided by the scale"),
    "upsampling: twice": (NEAREST, (16, 32, 32), "scaled twice"),
    "pixel shuffle: r² for the size": (SHUFFLE, (4, 32, 32), "r² for the size"),
    "pixel shuffle: size kept": (SHUFFLE, (4, 8, 8), "kept height and width"),
    "padding on one side, pad": (PAD, (3, 10, 10), "on one side only"),
    "bias: forgotten": (CONV, 1728, "forgot the bias: one number for each of the 64 kernels"),
    "bias: one for the layer": (CONV, 1729, "one bias for the layer"),
    "bias: one an input channel": (CONV, 1731, "a bias for each channel that comes in"),
    "bias: counted though absent": (STRIDED, 9472, "this layer has bias=False"),
    "one kernel only": (CONV, 28, "one kernel only: there are 64"),
    "one kernel only, without bias": (CONV, 27, "forgot its bias"),
    "one slice a kernel": (CONV, 640, "one slice a kernel"),
    "k for k·k": (CONV, 640, "counted 3 for the kernel: it is 3×3"),
    "ignored groups": (DEPTHWISE, 9216, "ignored groups=32"),
    "multiply-adds for parameters": (CONV, 1_555_200, "the number of multiply-adds"),
    "transposed convolution: bias forgotten": (UP, 2048, "forgot the bias"),
    "linear: bias forgotten": (LINEAR, 131_072, "forgot the bias: one number for each of the 256 outputs"),
    "linear: one bias": (LINEAR, 131_073, "one bias for the layer"),
    "linear: a bias an input": (LINEAR, 131_584, "a bias for each of the 512 inputs"),
    "linear: bias though absent": (PLAIN_LINEAR, 131_328, "this layer has bias=False"),
    "linear: one output": (LINEAR, 513, "one output only"),
    "linear: one output, no bias": (LINEAR, 512, "one output only, without its bias"),
    "linear: added": (LINEAR, 768, "every output is joined to every input"),
    "norm: one a channel": (NORM, 64, "a scale and a shift"),
    "norm: running statistics": (NORM, 256, "measured, not learned"),
    "norm: nothing": (NORM, 0, "It does learn"),
    "parameters of a pooling": (POOL, 256, "MaxPool2d has nothing to learn"),
    "parameters counted twice": (TWICE, 84, "counted at c: a layer used twice"),
}


@pytest.mark.parametrize("slip", SLIPS)
def test_the_slip_is_named(slip):
    at, answer, words = SLIPS[slip]
    said = shapes.diagnose(at, answer)
    assert any(words in sentence for sentence in said), said
    assert not any("No known slip" in sentence for sentence in said)


@pytest.mark.parametrize("slip", SLIPS)
def test_the_correct_answer_is_not_accused(slip):
    at, _, _ = SLIPS[slip]
    assert shapes.diagnose(at, at.output_shape) == []
    assert shapes.diagnose(at, list(at.output_shape)) == []
    if at.params_worked or at is not FLATTEN:
        assert shapes.diagnose(at, at.params) == []


@pytest.mark.parametrize("slip", SLIPS)
def test_sentences_are_whole_and_short(slip):
    at, answer, _ = SLIPS[slip]
    for sentence in shapes.diagnose(at, answer):
        assert sentence.endswith(".")
        assert len(sentence) < 200
        assert "{" not in sentence


def test_several_slips_that_fit_are_all_listed():
    said = shapes.diagnose(PADDED, (6, 26, 26))
    assert len(said) == 2
    assert "padding=1" in said[0] + said[1]
    assert "one side only" in said[0] + said[1]
    conv2 = shapes.derive(LessonNet(), (3, 32, 32))["conv2"]
    said = shapes.diagnose(conv2, (64, 15, 15))
    assert len(said) == 2  # what comes in, and what padding=1 gives
    assert len(shapes.diagnose(UP, (8, 22, 22))) == 2


def test_two_slips_at_once_are_both_named_in_one_sentence_each():
    (said,) = shapes.diagnose(CONV, (3, 29, 29))
    assert said == (
        "You kept the 3 channels that come in: each of the 64 kernels makes one map, so 64 channels go out. "
        "You dropped the + 1: the window's first place counts too, before any step."
    )
    (said,) = shapes.diagnose(CONV, (3, 34, 34))
    assert "34×34 is what a transposed convolution gives" in said


def test_one_slip_is_preferred_to_two():
    assert shapes.diagnose(CONV, (3, 32, 32)) == ["(3, 32, 32) is what comes in: Conv2d changes it."]
    wide = step(
        nn.Conv2d(2, 4, (2, 5), stride=2), (2, 9, 9)
    )  # the same slip with the channels last gives it too
    assert shapes.diagnose(wide, (4, 4, 4)) == [
        "You only divided by the stride: (4, 4, 4) leaves the kernel out of account."
    ]


def test_three_slips_at_once_are_not_guessed_at():
    (said,) = shapes.diagnose(CONV, (29, 29, 3))  # the + 1 dropped, the channels kept, and put last
    assert said.startswith("No known slip gives (29, 29, 3).")


@pytest.mark.parametrize(
    "at, answer, said",
    [
        (
            CONV,
            (64, 31, 31),
            "No known slip gives (64, 31, 31). Right: channels. The line is ⌊(32 + 2·0 − 3) / 1⌋ + 1.",
        ),
        (CONV, (64, 30, 17), "No known slip gives (64, 30, 17). Right: channels and height. The line is"),
        (CONV, (7,), "No known slip gives (7,). The line is"),
        (CONV, 1000, "No known slip gives 1,000. The line is 64·(3·3·3 + 1)."),
        (FLATTEN, 1000, "No known slip gives (1000,). The line is 128·4·2."),
        (LINEAR, (99,), "No known slip gives (99,). The line is 512 → 256."),
    ],
)
def test_an_answer_that_no_slip_gives_says_so_and_shows_the_line(at, answer, said):
    (sentence,) = shapes.diagnose(at, answer)
    assert sentence.startswith(said)
    assert str(at.output_shape) not in sentence


@pytest.mark.parametrize("answer", ["64×30×30", None, ..., (), (64, "30", 30), True, (True, 30, 30), {}])
def test_what_is_no_answer_is_refused(answer):
    with pytest.raises(ValueError, match="a shape such as"):
        shapes.diagnose(CONV, answer)


@pytest.mark.parametrize(
    "make, shape",
    [
        (LessonNet, (3, 32, 32)),
        (lenet5, (1, 28, 28)),
        (dcgan_generator, (100, 1, 1)),
        (torchvision.models.densenet121, (3, 224, 224)),
        (torchvision.models.mobilenet_v3_small, (3, 224, 224)),
    ],
)
def test_no_correct_line_of_a_whole_network_is_accused(make, shape):
    with torch.device("meta"):
        derivation = shapes.derive(make(), shape)
    for line in derivation:
        assert shapes.diagnose(line, line.output_shape) == []
        assert shapes.diagnose(line, line.params) == [] or len(line.output_shape) == 1


@settings(deadline=None)  # a busy machine is not our doing
@given(
    st.integers(5, 30),
    st.integers(1, 5),
    st.integers(1, 3),
    st.integers(0, 2),
    st.integers(1, 2),
    st.integers(-3, 40),
)
def test_any_answer_to_any_convolution_gets_a_true_word(size, kernel, stride, padding, dilation, answer):
    """Never silent on a wrong answer, never accusing a right one, and what it quotes is what torch computes."""
    try:
        out = shapes.conv2d_size(size, kernel, stride, padding, dilation)
    except ValueError:
        return
    layer = nn.Conv2d(2, 4, kernel, stride, padding, dilation, device="meta")
    at = step(layer, (2, size, size))
    assert shapes.diagnose(at, (4, *out)) == []
    said = shapes.diagnose(at, (4, answer, answer))
    assert bool(said) == ((answer, answer) != out)
    for sentence in said:
        for name in ("padding", "stride", "dilation"):
            if f"is what {name}=" in sentence:
                tried = int(sentence.split(f"is what {name}=")[1].split()[0].rstrip(":"))
                options = {"stride": stride, "padding": padding, "dilation": dilation} | {name: tried}
                assert shapes.conv2d_size(size, kernel, **options) == (answer, answer)


def test_an_answer_may_be_a_torch_size():
    assert shapes.diagnose(CONV, torch.zeros(1, 64, 30, 30).shape[1:]) == []
    assert shapes.diagnose(CONV, F.relu(torch.zeros(64, 32, 32)).shape) != []
