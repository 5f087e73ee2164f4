"""FeatureMaps sends what PyTorch computes, byte for byte, and the browser reads it as it was meant."""

import json

import matplotlib
import numpy as np
import pytest
import torch
from torch import nn

from course_utils import shapes
from course_utils.widgets import FeatureMaps
from course_utils.widgets.base import STATIC
from tests.widgets.node import run_node


class Net(nn.Module):
    def __init__(self, channels=3, width=80):
        super().__init__()
        torch.manual_seed(0)
        self.conv1 = nn.Conv2d(channels, width, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.block = nn.Sequential(nn.Conv2d(width, 6, 3, stride=2), nn.ReLU())
        self.drop = nn.Dropout(0.9)
        self.fc = nn.Linear(6 * 49, 10)

    def forward(self, x):
        return self.fc(self.drop(self.block(self.pool(self.conv1(x)))).flatten(1))


IMAGES = torch.randint(0, 256, (5, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
MEAN, STD = (0.4, 0.5, 0.6), (0.2, 0.3, 0.25)


def widget(**options):
    return FeatureMaps(Net(), IMAGES, **{"mean": MEAN, "std": STD} | options)


def normalised(image):
    return (IMAGES[image] / 255 - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]


def values_of(about, data):
    """The numbers that the bytes stand for, and half a step of each map."""
    low, high = (torch.tensor(about[name])[:, None, None] for name in ("lows", "highs"))
    bytes_ = torch.tensor(list(data), dtype=torch.float32).view(about["shape"])
    return low + bytes_ / 255 * (high - low), (high - low) / 255 / 2


def test_every_layer_of_every_image_is_pytorch_s():
    shown = widget(labels=torch.tensor([2, 0, 1, 1, 2]), classes=("ant", "bee", "cat"))
    assert shown.layers == [
        ["conv1", "Conv2d"], ["pool", "MaxPool2d"], ["block.0", "Conv2d"], ["block.1", "ReLU"],
        ["block", "Sequential"], ["drop", "Dropout"],
    ]  # fmt: skip
    net = shown.model.eval()
    with torch.no_grad():
        for image in (0, 4):
            x = net.conv1(normalised(image)[None])
            pooled = net.pool(x)
            expected = {
                "conv1": x,
                "pool": pooled,
                "block.0": net.block[0](pooled),
                "block": net.block(pooled),
            }
            for layer, maps in expected.items():
                shown.image, shown.layer = image, layer
                assert shown.fault == "" and (shown.about["image"], shown.about["layer"]) == (image, layer)
                assert shown.about["channels"] == maps.shape[1]
                assert shown.about["shape"] == [min(64, maps.shape[1]), *maps.shape[2:]]
                values, half = values_of(shown.about, shown.maps)
                assert ((values - maps[0, :64]).abs() <= half + 1e-5).all(), layer
            assert shown.about["title"] == ("cat" if image == 0 else "cat")
            picture = torch.tensor(list(shown.picture)).view(32, 32, 3)
            assert torch.equal(picture, IMAGES[image].permute(1, 2, 0).long())


def test_the_kernels_are_the_layer_s():
    shown = widget()
    assert (shown.about["filters"], shown.about["slices"]) == ([64, 3, 3, 3], 3)
    weight = shown.model.conv1.weight.detach()
    bound = weight.abs().max()
    assert shown.about["bound"] == pytest.approx(bound.item())
    sent = torch.tensor(list(shown.filters)).view(64, 3, 3, 3) / 255 * 2 * bound - bound
    torch.testing.assert_close(sent, weight[:64], rtol=0, atol=bound.item() / 255 + 1e-6)
    shown.layer = "block.0"
    assert (shown.about["filters"], shown.about["slices"]) == ([6, 64, 3, 3], 80)
    shown.layer = "pool"
    assert shown.about["slices"] == 0 and shown.filters == b""


def test_the_receptive_field_is_the_derivation_s():
    shown = widget(layer="block")
    step = shapes.derive(Net(), (3, 32, 32))["block.0"]
    assert shown.about["reach"]["size"] == list(step.receptive_field) == [8, 8]
    assert shown.about["reach"]["rows"][:2] == [[0, 6], [3, 10]]  # the first one lost a row of padding


def test_a_choice_that_does_not_exist_is_said_in_the_widget_and_loses_nothing():
    shown = widget()
    before = shown.about
    shown.image = 99
    assert shown.fault == "image must be from 0 to 4, got 99" and shown.about == before
    shown.image = 1
    assert shown.fault == "" and shown.about["image"] == 1
    shown.layer = "conv7"
    assert "conv7" in shown.fault and "block.0" in shown.fault


def test_a_model_that_breaks_later_is_said_in_the_widget():
    shown = widget()
    shown.model.block[0] = nn.Conv2d(7, 6, 3)
    shown.image = 2
    assert "7" in shown.fault


def test_grey_images_in_floats_and_one_number_for_all_channels():
    images = torch.rand(2, 1, 28, 28)
    shown = FeatureMaps(nn.Sequential(nn.Conv2d(1, 4, 5)), images, mean=0.5, std=0.5)
    values, half = values_of(shown.about, shown.maps)
    with torch.no_grad():
        assert ((values - shown.model((images[:1] - 0.5) / 0.5)[0]).abs() <= half + 1e-5).all()
    assert len(shown.picture) == 28 * 28 * 3
    plain = FeatureMaps(nn.Sequential(nn.Conv2d(1, 4, 5)), images)
    assert plain.mean.item() == 0 and plain.std.item() == 1


@pytest.mark.parametrize(
    "arguments, said",
    [
        ({"model": nn.ReLU}, "nn.Module"),
        ({"images": IMAGES[0]}, r"\[3, 32, 32\]"),
        ({"images": IMAGES[:0]}, r"\[0, 3, 32, 32\]"),
        ({"images": IMAGES.repeat(1, 2, 1, 1)}, r"\[5, 6, 32, 32\]"),
        ({"labels": [1, 2]}, "2 entries for 5 images"),
        ({"mean": None}, "go together"),
        ({"mean": (0.1, 0.2)}, "each of the 3 channels"),
        ({"std": 0.0}, "above 0"),
        ({"image": 5}, "from 0 to 4, got 5"),
        ({"layer": "fc"}, "conv1, pool, block.0"),
        ({"model": Net(channels=1)}, "1"),
        ({"model": nn.Flatten()}, "no module of Flatten"),
    ],
)
def test_arguments_that_do_not_go_together(arguments, said):
    with pytest.raises(ValueError, match=said):
        FeatureMaps(**{"model": Net(), "images": IMAGES, "mean": MEAN, "std": STD} | arguments)


def test_without_a_derivation_the_maps_are_shown_all_the_same():
    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 2, 3)

        def forward(self, x):
            return self.conv(x.transpose(2, 3))

    shown = FeatureMaps(Odd(), IMAGES)
    assert shown.about["reach"] is None and len(shown.maps) == 2 * 30 * 30


def test_what_is_shown_without_a_front_end():
    shown = widget(image=3, layer="pool")
    assert repr(shown) == "FeatureMaps(Net, 5 images, layer pool, image 3)"
    view = shown.static_view()["text/html"]
    assert "<tr><td>block.0</td><td>Conv2d</td><td>6×7×7</td><td>8×8</td></tr>" in view
    assert view.count("<tr>") == 1 + len(shown.layers)


def test_its_code_is_small():
    assert len(FeatureMaps._esm.encode()) <= 25_000


def imported(names, file):
    return f"import {{ {names} }} from {json.dumps((STATIC / file).as_uri())};"


def test_the_browser_brings_maps_to_one_scale():
    shown = widget(layer="block.0")
    about, data = shown.about, list(shown.maps)
    printed = run_node(f"""{imported("onOneScale", "feature_maps.js")}
        console.log(JSON.stringify([...onOneScale(Uint8Array.from({data}), {json.dumps(about)})]));""")
    with torch.no_grad():
        net = shown.model.eval()
        maps = net.block[0](net.pool(net.conv1(normalised(0)[None])))[0]
    expected = (maps - maps.min()) / (maps.max() - maps.min()) * 255
    assert (torch.tensor(json.loads(printed)) - expected.flatten()).abs().max() <= 1.01


def test_the_browser_s_cividis_is_matplotlib_s():
    printed = run_node(f"""{imported("palette", "pixels.js")}
        console.log(JSON.stringify([[...palette("cividis")], [...palette("grey")]]));""")
    colours, greys = (np.array(one).reshape(256, 3) for one in json.loads(printed))
    expected = matplotlib.colormaps["cividis"](np.arange(256))[:, :3] * 255
    assert np.abs(colours - expected).max() < 3
    assert (greys == np.arange(256)[:, None]).all()


def test_every_cell_of_a_sheet_is_found_where_it_is_drawn():
    """There and back for each cell of sheets with and without a last row that is full; between tiles there is nothing."""
    printed = run_node(f"""{imported("sheetLayout, cornerOf, cellAt, sheetPixels, byChannels", "pixels.js")}
        let cells = 0, beside = 0;
        for (const [count, rows, columns, across, cell] of [[6, 3, 5, 4, 3], [16, 10, 10, 4, 2], [1, 7, 7, 1, 1]]) {{
          const layout = sheetLayout(count, rows, columns, across, cell);
          const found = new Set();
          for (let y = 0; y < layout.height; y++) for (let x = 0; x < layout.width; x++) {{
            const spot = cellAt(layout, x, y);
            if (!spot) {{ beside++; continue; }}
            const [left, top] = cornerOf(layout, ...spot);
            if (x < left || x >= left + cell || y < top || y >= top + cell) throw new Error(`${{x}} ${{y}} ${{spot}}`);
            found.add(spot.join());
          }}
          if (found.size !== count * rows * columns) throw new Error(`${{found.size}} cells`);
          const bytes = Uint8Array.from({{ length: count * rows * columns * 3 }}, (_, at) => at % 251);
          const pixels = sheetPixels(layout, byChannels(bytes));
          for (let tile = 0; tile < count; tile++) for (let row = 0; row < rows; row++) for (let c = 0; c < columns; c++) {{
            const [x, y] = cornerOf(layout, tile, row, c);
            const at = ((y + cell - 1) * layout.width + x + cell - 1) * 4;
            const place = ((tile * rows + row) * columns + c) * 3;
            for (let part = 0; part < 3; part++) if (pixels[at + part] !== bytes[place + part]) throw new Error("colour");
            cells++;
          }}
        }}
        console.log(cells, beside);
    """)
    cells, beside = map(int, printed.split())
    assert cells == 6 * 15 + 16 * 100 + 49 and beside > 0
