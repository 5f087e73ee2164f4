import pytest
import torch
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path
from matplotlib.transforms import Bbox
from torch import nn

from course_utils import graph


def small_graph():
    weight = torch.tensor(3.0, requires_grad=True)
    bias = torch.tensor(-1.0, requires_grad=True)
    product = weight * torch.tensor(2.0)
    loss = (product + bias) ** 2
    return loss, {"weight": weight, "bias": bias, "product": product, "loss": loss}


def test_walk_follows_the_recorded_chain():
    loss, names = small_graph()
    nodes = graph.walk(loss, names)
    assert [(node.kind, node.name, node.label, node.row) for node in nodes] == [
        ("root", "PowBackward0", "loss", 0),
        ("operation", "AddBackward0", "", 1),
        ("operation", "MulBackward0", "product", 2),
        ("leaf", "AccumulateGrad", "bias = -1", 2),
        ("leaf", "AccumulateGrad", "weight = 3", 3),
    ]
    assert [[before.label for before in node.inputs] for node in nodes[1:3]] == [
        ["product", "bias = -1"],
        ["weight = 3"],  # the constant 2 has no node
    ]


def test_each_node_stands_below_all_its_inputs_in_a_network_with_a_shortcut():
    x = torch.randn(1, 4, 8, 8, requires_grad=True)
    conv = nn.Conv2d(4, 4, 3, padding=1)
    nodes = graph.walk(torch.relu(torch.relu(conv(x)) + x), {"x": x, **dict(conv.named_parameters())})
    assert all(before.row > node.row for node in nodes for before in node.inputs)
    assert all(
        nodes.index(before) > position for position, node in enumerate(nodes) for before in node.inputs
    )
    assert {node.label for node in nodes if node.kind == "leaf"} == {
        "x (1, 4, 8, 8)", "weight (4, 4, 3, 3)", "bias (4,)",
    }  # fmt: skip
    assert sum(before.label.startswith("x") for node in nodes for before in node.inputs) == 2


def test_an_input_used_twice_is_one_box_and_two_arrows():
    v = torch.ones(2, 2, requires_grad=True)
    figure = graph.draw((v * v).mean(), {"v": v})
    boxes = [patch for patch in figure.axes[0].patches if isinstance(patch, FancyBboxPatch)]
    arrows = [patch for patch in figure.axes[0].patches if isinstance(patch, FancyArrowPatch)]
    assert (len(boxes), len(arrows)) == (3, 3)


def test_boxes_do_not_overlap_and_arrows_do_not_run_through_them():
    x = torch.randn(1, 4, 8, 8, requires_grad=True)
    conv = nn.Conv2d(4, 4, 3, padding=1, bias=False)
    hidden = torch.relu(conv(torch.relu(conv(x))))
    figure = graph.draw(torch.relu(hidden + x + 2 * x))
    patches = figure.axes[0].patches
    boxes = [patch.get_path().get_extents(patch.get_patch_transform()) for patch in patches
             if isinstance(patch, FancyBboxPatch)]  # fmt: skip
    for position, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:position])
    # an arrow ends at the border of two boxes and runs through none; its last vertex only closes the arrow head
    inner = [Bbox.from_extents(box.x0 + 0.03, box.y0 + 0.03, box.x1 - 0.03, box.y1 - 0.03) for box in boxes]
    lines = [Path(patch.get_path().vertices[:-1]) for patch in patches if isinstance(patch, FancyArrowPatch)]
    assert len(lines) == 12
    assert not any(line.intersects_bbox(box, filled=False) for line in lines for box in inner)


def test_a_graph_can_still_be_drawn_after_backward():
    loss, names = small_graph()
    loss.backward()
    assert len(graph.walk(loss, names)) == 5


@pytest.mark.parametrize(
    ("tensor", "why"),
    [(torch.ones(2), "requires_grad is False"), (torch.ones(2, requires_grad=True), "it is a leaf")],
)
def test_a_tensor_without_a_graph_is_refused(tensor, why):
    with pytest.raises(ValueError, match=rf"shape \(2,\).*{why}"):
        graph.draw(tensor)


def test_too_many_boxes_are_refused_with_their_number():
    y = torch.ones((), requires_grad=True)
    for _ in range(graph.MAX_BOXES):
        y = y + 1
    with pytest.raises(ValueError, match=f"{graph.MAX_BOXES + 1} boxes"):
        graph.draw(y)
