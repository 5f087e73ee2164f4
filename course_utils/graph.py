"""A picture of the graph that autograd recorded, drawn from the real chain of grad_fn objects."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import matplotlib.pyplot as plt
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Patch
from matplotlib.path import Path
from torch import Tensor

from course_utils.style import COLORS

MAX_BOXES = 80  # a picture with more boxes than this cannot be read
HEIGHT, ROW, GAP = 0.52, 0.85, 0.2  # inches: a box, from row to row, and between two boxes of a row
FILLS = {"leaf": "#CDEBDF", "operation": "#E3F1FA", "root": "#FBE6BF"}  # pale green, blue and orange
EDGES = {"leaf": COLORS["green"], "operation": COLORS["blue"], "root": COLORS["vermillion"]}


@dataclass(eq=False)
class Node:
    """One box of the graph: a leaf tensor, an operation, or the root (the operation that made the tensor drawn)."""

    kind: str  # "leaf", "operation" or "root"
    name: str  # what autograd calls it, such as "MulBackward0"; a leaf's is "AccumulateGrad"
    label: str  # the tensor's name from `names`, with the value of a leaf that is one number and the shape of others
    row: int = 0  # steps to the root, by the longest way
    inputs: list["Node"] = field(default_factory=list)  # in the operation's order; one used twice twice


def walk(root: Tensor, names: Mapping[str, Tensor] | None = None) -> list[Node]:
    """List the graph's nodes, root first and each node before its inputs.

    Inputs that need no gradient are not in the graph: autograd keeps no node for them.
    names: what to call the tensors. Raises ValueError for a tensor without grad_fn.
    """
    if root.grad_fn is None:
        why = "it is a leaf" if root.requires_grad else "requires_grad is False"
        raise ValueError(
            f"a tensor of shape {tuple(root.shape)} has no graph to draw: grad_fn is None because {why}"
        )
    names = names or {}
    leaves = {id(tensor): name for name, tensor in names.items()}
    made = [(tensor.grad_fn, name) for name, tensor in names.items() if tensor.grad_fn is not None]
    uses, found = Counter(), [root.grad_fn]
    for function in found:  # the list grows while we walk it
        for before in _inputs(function):
            if not uses[before]:
                found.append(before)
            uses[before] += 1
    nodes = {function: _node(function, leaves, made, function is root.grad_fn) for function in found}
    order = [root.grad_fn]
    for function in order:  # a node joins once everything that uses it has: then its row is final
        for before in _inputs(function):
            nodes[function].inputs.append(nodes[before])
            nodes[before].row = max(nodes[before].row, nodes[function].row + 1)
            uses[before] -= 1
            if not uses[before]:
                order.append(before)
    return [nodes[function] for function in order]


def draw(root: Tensor, names: Mapping[str, Tensor] | None = None) -> Figure:
    """Draw the graph behind `root`: leaves on top, `root` at the bottom, arrows in the direction of the forward pass.

    names: what to call the tensors, such as {"weight": weight, "loss": loss}; others show the operation alone.
    Raises ValueError for a tensor without grad_fn, and for more than MAX_BOXES boxes.
    """
    nodes = walk(root, names)
    if len(nodes) > MAX_BOXES:
        raise ValueError(
            f"the graph has {len(nodes)} boxes; a picture of more than {MAX_BOXES} cannot be read"
        )
    width = 0.2 + max(0.085 * len(node.label) if node.label else 0.072 * len(node.name) for node in nodes)
    width = max(width, 0.2 + 0.072 * len("AccumulateGrad"))
    places = _places(nodes, width)
    left = min(x for x, _ in places.values()) - width / 2 - 0.1
    right = max(x for x, _ in places.values()) + width / 2 + 0.1
    height, margin = max(node.row for node in nodes) * ROW, HEIGHT / 2 + 0.1
    figure, axes = plt.subplots(figsize=(max(right - left, 3.6), height + 2 * margin + 0.35))
    plt.close(figure)
    axes.set(xlim=(left, right), ylim=(-margin, height + margin), aspect="equal")
    axes.axis("off")
    for node in nodes:
        _box(axes, node, places[node], width)
        for position, before in enumerate(node.inputs):
            _arrow(axes, places, before, node, position)
    kinds = [Patch(facecolor=FILLS[kind], edgecolor=EDGES[kind], label=kind) for kind in FILLS]
    figure.legend(handles=kinds, loc="outside lower center", ncols=3, frameon=False)
    return figure


def _inputs(function) -> list:
    return [before for before, _ in function.next_functions if before is not None]


def _node(function, leaves: dict[int, str], made: list, is_root: bool) -> Node:
    name = function.name().rsplit("::", 1)[-1]
    if not hasattr(function, "variable"):  # only AccumulateGrad has it, the node that ends each branch
        label = next((label for grad_fn, label in made if grad_fn is function), "")
        return Node("root" if is_root else "operation", name, label)
    leaf = function.variable
    value = f" = {leaf.item():.4g}" if leaf.ndim == 0 else f" {tuple(leaf.shape)}"
    return Node("leaf", name, leaves.get(id(leaf), "leaf") + value)


def _places(nodes: list[Node], width: float) -> dict:
    """Give (x, y) in inches of each box, and of each point where an arrow passes a row that it skips.

    A row is ordered by where the things that use it stand, and centred on them (Sugiyama et al. 1981, steps 2 to 4).
    """
    places, rows = {}, [[] for _ in range(1 + max(node.row for node in nodes))]
    for node in nodes:
        rows[node.row].append((node, width))
    for node in nodes:
        for position, before in enumerate(node.inputs):
            for row in range(node.row + 1, before.row):
                rows[row].append(((node, position, row), 2 * GAP))
    for row, members in enumerate(rows):
        wanted = {key: _wanted(key, nodes, places) for key, _ in members}
        members.sort(key=lambda member: wanted[member[0]])
        x, line = 0.0, []
        for key, room in members:
            line.append((key, x + room / 2))
            x += room + GAP
        shift = sum(wanted[key][0] - x for key, x in line) / len(line)
        places.update({key: (x + shift, ROW * row) for key, x in line})
    return places


def _wanted(key: Node | tuple, nodes: list[Node], places: dict) -> tuple[float, float]:
    """Mean x of what uses this box or passing arrow, and the mean position among its inputs to break ties."""
    if isinstance(key, tuple):
        node, position, row = key
        below = places[(node, position, row - 1)] if row - 1 > node.row else places[node]
        return below[0], position
    uses = [
        (places[(node, position, key.row - 1)] if key.row - 1 > node.row else places[node], position)
        for node in nodes
        for position, before in enumerate(node.inputs)
        if before is key
    ]
    count = max(len(uses), 1)
    return sum(place[0] for place, _ in uses) / count, sum(position for _, position in uses) / count


def _box(axes, node: Node, place: tuple[float, float], width: float) -> None:
    x, y = place
    style = "round,pad=0,rounding_size=0.22" if node.kind == "leaf" else "square,pad=0"
    axes.add_patch(
        FancyBboxPatch(
            (x - width / 2, y - HEIGHT / 2),
            width,
            HEIGHT,
            boxstyle=style,
            linewidth=2 if node.kind == "root" else 1.2,
            facecolor=FILLS[node.kind],
            edgecolor=EDGES[node.kind],
            zorder=2,
        )
    )
    if node.label:
        axes.text(x, y + 0.12, node.label, ha="center", va="center", fontsize=10, fontweight="bold", zorder=3)
    axes.text(x, y - (0.12 if node.label else 0), node.name, ha="center", va="center", fontsize=9, zorder=3)


def _arrow(axes, places: dict, before: Node, after: Node, position: int) -> None:
    passed = [places[after, position, row] for row in range(before.row - 1, after.row, -1)]
    points = [(x, y + side) for x, y in passed for side in (HEIGHT / 2, -HEIGHT / 2)]  # straight past a box
    (x0, y0), (x1, y1) = places[before], places[after]
    start, end = (x0, y0 - HEIGHT / 2), (x1, y1 + HEIGHT / 2)
    if points:
        way = {"path": Path([start, *points, end])}
    elif after.inputs.count(before) > 1:  # used twice by one operation: two bent arrows
        bend = 0.3 if after.inputs.index(before) == position else -0.3
        way = {"posA": start, "posB": end, "connectionstyle": f"arc3,rad={bend}"}
    else:
        way = {"posA": start, "posB": end}
    axes.add_patch(
        FancyArrowPatch(
            **way,
            arrowstyle="-|>",
            mutation_scale=12,
            linewidth=1.2,
            color="0.25",
            shrinkA=0,
            shrinkB=1,
            zorder=1,
        )
    )
