from xml.etree import ElementTree

import pytest
from torch import nn

from course_utils import shapes
from course_utils.network_picture import network_boxes

SVG = "{http://www.w3.org/2000/svg}"


def network() -> nn.Module:
    layers = [nn.Conv2d(3, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8 * 7 * 5, 10)]
    return nn.Sequential(*layers)


@pytest.fixture(scope="module")
def sheet() -> ElementTree.Element:
    return ElementTree.fromstring(network_boxes(shapes.derive(network(), (3, 16, 12))).svg)


def corners(shape: ElementTree.Element) -> list[tuple[float, float]]:
    return [tuple(map(float, point.split(","))) for point in shape.get("points").split()]


def test_a_network_has_a_box_for_each_new_shape_and_none_for_relu(sheet):
    shown = [text.text for text in sheet.iter(f"{SVG}text")]
    assert shown[:10] == [
        "input", "3×16×12", "0", "8×14×10", "2", "8×7×5", "3", "280", "4", "10",
    ]  # fmt: skip
    assert shown[10:] == ["input", "Conv2d", "MaxPool2d", "Flatten", "Linear"]  # what the colours mean


def test_the_boxes_are_to_scale(sheet):
    shapes_drawn = [corners(shape) for shape in sheet.iter(f"{SVG}polygon")]
    volumes, rows = shapes_drawn[:9], shapes_drawn[9:]
    fronts, tops = volumes[0::3], volumes[1::3]
    wide = [front[1][0] - front[0][0] for front in fronts]
    high = [front[2][1] - front[1][1] for front in fronts]
    deep = [top[1][1] - top[2][1] for top in tops]
    assert [w / wide[1] for w in wide] == pytest.approx([3 / 8, 1, 1], rel=0.02)
    assert [h / high[0] for h in high] == pytest.approx([1, 14 / 16, 7 / 16], rel=0.02)
    assert [d / deep[0] for d in deep] == pytest.approx([1, 10 / 12, 5 / 12], rel=0.02)
    long = [row[2][1] - row[1][1] for row in rows]
    assert long[1] / long[0] == pytest.approx(10 / 280, rel=0.05)


def test_a_network_without_images_is_drawn_as_rows_of_numbers():
    sheet = ElementTree.fromstring(network_boxes(shapes.derive(nn.Linear(4, 2), (4,))).svg)
    first, second = (corners(shape) for shape in sheet.iter(f"{SVG}polygon"))
    assert (first[2][1] - first[1][1]) / (second[2][1] - second[1][1]) == pytest.approx(2)


def test_a_network_on_sequences_cannot_be_drawn():
    with pytest.raises(ValueError, match=r"input gives shape \(5, 4\)"):
        network_boxes(shapes.derive(nn.Linear(4, 2), (5, 4)))
