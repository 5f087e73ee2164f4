from html.parser import HTMLParser
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from course_utils import layer_pictures
from course_utils.drawing import Drawing

IMAGE = torch.arange(20.0).reshape(4, 5) % 7
KERNEL = torch.tensor([[1.0, -2.0, 0.0], [3.0, 0.0, -1.0]])


def elements(picture) -> list[ElementTree.Element]:
    return ElementTree.fromstring(picture.svg).findall("{http://www.w3.org/2000/svg}text")


def texts(picture) -> list[str]:
    return [text.text for text in elements(picture)]


def bold(picture) -> list[str]:
    return [text.text for text in elements(picture) if text.get("font-weight") == "bold"]


@pytest.mark.parametrize("row", range(3))
@pytest.mark.parametrize("column", range(3))
def test_a_step_shows_the_number_that_pytorch_gives(row, column):
    expected = F.conv2d(IMAGE[None, None], KERNEL[None, None])[0, 0, row, column].item()
    figure = layer_pictures.conv_step(IMAGE, KERNEL, row, column)
    number = f"{expected:g}".replace("-", "−")
    assert bold(figure) == [number]
    assert texts(figure)[-1].endswith(f" = {number}")
    assert {"input 4×5", "kernel 2×3", "output 3×3"} <= set(texts(figure))


def test_a_step_adds_the_bias():
    figure = layer_pictures.conv_step(torch.ones(2, 2), torch.ones(2, 2), 0, 0, bias=10)
    assert texts(figure)[-1] == "1 + 1 + 1 + 1 + bias 10 = 14"


def test_a_step_multiplies_each_cell_of_the_window_by_its_weight():
    shown = texts(layer_pictures.conv_step(IMAGE, KERNEL, 1, 2))
    weights = [text for text in shown if text.startswith("×") and len(text) > 1]
    assert weights == ["×1", "×−2", "×0", "×3", "×0", "×−1"]
    products = (IMAGE[1:3, 2:5] * KERNEL).flatten().int().tolist()
    terms = [f"({product})".replace("-", "−") if product < 0 else str(product) for product in products]
    assert shown[-1].split(" = ")[0] == " + ".join(terms)


def test_a_step_outside_the_output_is_refused():
    with pytest.raises(ValueError, match=r"\(3, 0\) is not in an output of 3 x 3"):
        layer_pictures.conv_step(IMAGE, KERNEL, 3, 0)


def test_the_walk_shows_the_whole_map_in_order():
    expected = F.conv2d(IMAGE[None, None], KERNEL[None, None]).flatten().int().tolist()
    assert bold(layer_pictures.conv_walk(IMAGE, KERNEL)) == [str(v).replace("-", "−") for v in expected]


@pytest.mark.parametrize("size", [(1, 5), (9, 9)])
def test_a_walk_that_cannot_be_drawn_is_refused(size):
    with pytest.raises(ValueError, match="places"):
        layer_pictures.conv_walk(torch.zeros(size), KERNEL)


@pytest.mark.parametrize("size", [4, 7])
@pytest.mark.parametrize("kernel_size", [1, 3])
@pytest.mark.parametrize("stride", [1, 3])
@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("dilation", [1, 2])
def test_as_many_places_as_pytorch_has(size, kernel_size, stride, padding, dilation):
    settings = {"stride": stride, "padding": padding, "dilation": dilation}
    reach = dilation * (kernel_size - 1) + 1
    if reach > size + 2 * padding:
        with pytest.raises(ValueError, match=f"length {reach} on {size} "):
            layer_pictures.kernel_positions(size, kernel_size, **settings)
        return
    expected = F.conv1d(torch.zeros(1, 1, size), torch.zeros(1, 1, kernel_size), **settings).shape[-1]
    shown = texts(layer_pictures.kernel_positions(size, kernel_size, **settings))
    assert sum("→ output" in text for text in shown) == expected
    assert sum("over the edge" in text for text in shown) == 1
    assert shown[-1].endswith(f": {expected} place{'s' if expected > 1 else ''}")


@pytest.mark.parametrize("settings", [{"stride": 0}, {"padding": -1}, {"padding": 7}])
def test_positions_that_cannot_be_drawn_are_refused(settings):
    with pytest.raises(ValueError, match="at most 16 cells"):
        layer_pictures.kernel_positions(5, 3, **settings)


@pytest.mark.parametrize(("kernel_size", "stride"), [(2, None), (3, None), (3, 1), (2, 3)])
def test_pooling_shows_the_numbers_that_pytorch_gives(kernel_size, stride):
    image = torch.randperm(30, generator=torch.Generator().manual_seed(0)).reshape(5, 6).float()
    expected = F.max_pool2d(image[None], kernel_size, stride)[0]
    shown = bold(layer_pictures.pool_windows(image, kernel_size, stride=stride))
    values = [str(int(value)) for value in expected.flatten()]
    apart = (
        stride is None or stride >= kernel_size
    )  # then a maximum is bold where it stands, and in the output
    assert sorted(shown) == sorted(values * 2 if apart else values)


def test_a_window_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="5 x 5 window with stride 5 does not fit 4 x 5"):
        layer_pictures.pool_windows(IMAGE, 5)


def test_only_a_matrix_can_be_drawn():
    with pytest.raises(ValueError, match=r"\(1, 4, 5\)"):
        layer_pictures.conv_walk(IMAGE[None], KERNEL)


def test_channels_are_added_number_by_number():
    maps = [torch.tensor([[1.0, 2.0]]), torch.tensor([[10.0, -20.0]]), torch.tensor([[100.0, 200.0]])]
    shown = texts(layer_pictures.channel_sum(maps))
    assert [text for text in shown if text in "+="] == ["+", "+", "="]
    assert shown[-3:] == ["111", "182", "their sum"]
    with pytest.raises(ValueError, match=r"\(1, 2\), \(2, 2\)"):
        layer_pictures.channel_sum([maps[0], torch.zeros(2, 2)])


def test_a_linear_layer_shows_its_outputs_and_the_weights_of_one():
    layer = nn.Linear(4, 3)
    with torch.no_grad():
        layer.weight.copy_(torch.arange(12.0).reshape(3, 4) - 5)
        layer.bias.copy_(torch.tensor([1.0, 0.0, -2.0]))
    inputs = torch.tensor([2.0, 0.0, 1.0, 3.0])
    expected = [str(int(value)).replace("-", "−") for value in layer(inputs)]
    shown = texts(picture := layer_pictures.linear_sum(inputs, layer.weight.detach(), layer.bias.detach(), 1))
    assert [text for text in shown if text.startswith("×")] == ["× −1", "× 0", "× 1", "× 2"]
    assert [
        shown[shown.index(text) - 1] for text in ("bias 1 added", "bias 0 added", "bias −2 added")
    ] == expected
    assert bold(picture) == [expected[1]]
    with pytest.raises(ValueError, match=r"output 3 of a weight \(3, 4\)"):
        layer_pictures.linear_sum(inputs, layer.weight.detach(), layer.bias.detach(), 3)


def pictures():
    return [
        layer_pictures.conv_step(IMAGE, KERNEL, 0, 0),
        layer_pictures.conv_walk(IMAGE, KERNEL),
        layer_pictures.channel_sum([KERNEL, KERNEL]),
        layer_pictures.kernel_positions(6, 3, stride=2, padding=1),
        layer_pictures.pool_windows(IMAGE, 2),
        layer_pictures.linear_sum(torch.ones(5), torch.ones(2, 5), torch.ones(2)),
    ]


def test_letters_are_large_enough_to_read():
    for picture in pictures():
        assert min(int(text.get("font-size", 14)) for text in elements(picture)) >= 12  # pixels: 9 points


def test_nothing_is_drawn_outside_the_sheet():
    for picture in pictures():
        sheet = ElementTree.fromstring(picture.svg)
        width, height = float(sheet.get("width")), float(sheet.get("height"))
        for text in elements(picture):
            assert 0 < float(text.get("x")) < width and 0 < float(text.get("y")) < height
            long = 8 * len(text.text)  # pixels, generously
            start = {"start": 0, "middle": long / 2, "end": long}[text.get("text-anchor", "middle")]
            assert float(text.get("x")) - start + long <= width + 8


def test_a_picture_says_what_it_shows_where_it_cannot_be_seen():
    picture = layer_pictures.kernel_positions(6, 3, stride=2, padding=1)
    assert repr(picture) == "[Picture: a kernel of 3 on 6 cells (stride 2, padding 1, dilation 1): 3 places]"
    assert picture.description in ElementTree.fromstring(picture.svg)[0].text


def test_the_image_in_a_notebook_is_the_drawing():
    class Reader(HTMLParser):
        def handle_starttag(self, tag, attributes):
            self.found = tag, dict(attributes)

    drawing = Drawing()
    drawing.text(20, 20, "a < b & 100 % 'c' #d \"e\"")
    picture = drawing.picture(40, 40, 'what "it" shows & more')
    reader = Reader()
    reader.feed(picture._repr_html_())
    tag, attributes = reader.found
    kind, source = attributes["src"].split(",", 1)
    assert (tag, kind, attributes["alt"]) == ("img", "data:image/svg+xml", picture.description)
    assert unquote(source) == picture.svg
    assert texts(picture) == ["a < b & 100 % 'c' #d \"e\""]


STAMPED, STAMP = torch.tensor([[1.0, -2.0], [3.0, 4.0]]), torch.tensor([[1.0, 2.0, 0.0], [0.0, 1.0, 3.0], [2.0, 0.0, 1.0]])


def shown(values) -> list[str]:
    return [f"{value:g}".replace("-", "−") for value in (values + 0.0).flatten().tolist()]


@pytest.mark.parametrize(("stride", "overlapping"), [(1, 12), (2, 9), (3, 0)])
def test_stamps_add_up_to_a_transposed_convolution(stride, overlapping):
    figure = layer_pictures.transposed_stamps(STAMPED, STAMP, stride=stride)
    expected = F.conv_transpose2d(STAMPED[None, None], STAMP[None, None], stride=stride)[0, 0]
    rows = expected.shape[0]
    assert texts(figure)[-1] == f"output {rows}×{rows}"
    assert texts(figure)[-1 - rows * rows : -1] == shown(expected)
    assert len(bold(figure)) == overlapping
    assert {"input 2×2", "kernel 3×3", "−2 × kernel"} <= set(texts(figure))


def test_more_stamps_than_fit_are_refused():
    with pytest.raises(ValueError, match="3 x 2 stamps with stride 1"):
        layer_pictures.transposed_stamps(torch.ones(3, 2), STAMP)
    with pytest.raises(ValueError, match="stride 0"):
        layer_pictures.transposed_stamps(STAMPED, STAMP, stride=0)


@pytest.mark.parametrize(("stride", "padding"), [(1, 0), (2, 0), (2, 1), (3, 2)])
def test_zeros_put_between_give_the_transposed_convolution(stride, padding):
    expected = F.conv_transpose2d(STAMPED[None, None], STAMP[None, None], stride=stride, padding=padding)[0, 0]
    figure = layer_pictures.zero_insertion(STAMPED, STAMP, 0, 1, stride=stride, padding=padding)
    border, long = 2 - padding, stride + 1 + 2 * (2 - padding)
    canvas = torch.zeros(long, long)
    canvas[border : long - border : stride, border : long - border : stride] = STAMPED
    assert texts(figure)[: long * long] == shown(canvas)
    turned = shown(STAMP.flip(0, 1))
    assert texts(figure)[long * long : long * long + 9] == turned
    cells = expected.numel()
    assert texts(figure)[long * long + 9 : long * long + 9 + cells] == shown(expected)
    assert bold(figure) == [*shown(STAMPED), shown(expected[0, 1])[0]]
    assert f"2 − {padding} = {border} on each side" in texts(figure)[-1]


def test_a_stretched_input_that_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match=r"\(5, 0\) is not in an output of 5 x 5"):
        layer_pictures.zero_insertion(STAMPED, STAMP, 5, 0, stride=2)
    for kernel, settings in ((STAMP, {"padding": 3}), (STAMP[:2], {}), (STAMP, {"stride": 0})):
        with pytest.raises(ValueError, match="square kernel"):
            layer_pictures.zero_insertion(STAMPED, kernel, 0, 0, **settings)
