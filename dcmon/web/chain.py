"""The power chain as a graph with places: who feeds whom, in columns from the grid to the racks. Geometry only."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dcmon.config.site import POWER_CHAIN, AssetKind, Site

WIDTH, HEIGHT = 268, 112
"""A box, in units of the picture."""
GAP_X, GAP_Y = 66, 18
SHOWN_PDUS = 8
"""More PDUs than this are drawn as one box per feed and fire section."""

_COLUMN = {AssetKind.MAINS: 0, AssetKind.GENSET: 0, AssetKind.TRANSFER_SWITCH: 1, AssetKind.UPS: 2, AssetKind.PDU: 3}


@dataclass(frozen=True, slots=True)
class Box:
    """One asset, or several PDUs that stand for each other in the picture. x and y are its upper left corner."""

    id: str
    kind: AssetKind
    name: str
    members: tuple[str, ...]
    section: str | None
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Line:
    """A connection, drawn from the right side of one box to the left side of the next."""

    source: str
    target: str
    path: str
    start: tuple[float, float]
    """Where it leaves the source."""


@dataclass(frozen=True, slots=True)
class Chain:
    """The laid-out picture."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


@dataclass(slots=True)
class _Node:
    id: str
    kind: AssetKind
    name: str
    members: tuple[str, ...]
    section: str | None
    order: int
    column: int = 0
    rank: float = 0.0


def lay_out(site: Site) -> Chain:
    """Places every asset of the power chain; an empty picture when the site declares none."""
    nodes = {
        asset.id: _Node(asset.id, asset.kind, asset.name, (asset.id,), asset.section, order)
        for order, asset in enumerate(site.assets)
        if asset.kind in POWER_CHAIN
    }
    edges = _edges(site, nodes)
    nodes, edges = _fold_pdus(nodes, edges)
    columns = _columns(nodes, edges)
    return _draw(columns, edges)


def _edges(site: Site, nodes: Mapping[str, _Node]) -> list[tuple[str, str]]:
    """`feeds` inside the chain; a genset that feeds nothing by itself reaches what the route it stands in for feeds."""
    edges = [(asset.id, fed) for asset in site.assets if asset.id in nodes for fed in asset.feeds if fed in nodes]
    feeding = {source for source, _ in edges}
    for asset in site.assets:
        if asset.id in nodes and asset.id not in feeding:
            for replaced in asset.stands_in_for:
                edges += [(asset.id, fed) for source, fed in edges if source == replaced]
    return list(dict.fromkeys(edges))


def _fold_pdus(nodes: dict[str, _Node], edges: list[tuple[str, str]]) -> tuple[dict[str, _Node], list[tuple[str, str]]]:
    pdus = [node for node in nodes.values() if node.kind is AssetKind.PDU]
    if len(pdus) <= SHOWN_PDUS:
        return nodes, edges
    feeders: dict[str, list[str]] = {}
    for source, target in edges:
        feeders.setdefault(target, []).append(source)
    folded: dict[tuple[tuple[str, ...], str | None], list[_Node]] = {}
    for node in pdus:
        folded.setdefault((tuple(sorted(feeders.get(node.id, ()))), node.section), []).append(node)
    stands_for: dict[str, str] = {}
    kept = {node.id: node for node in nodes.values() if node.kind is not AssetKind.PDU}
    for same in folded.values():
        first = same[0]
        if len(same) > 1:
            members = tuple(member for node in same for member in node.members)
            first = _Node(first.id, first.kind, f"{len(same)} PDU", members, first.section, first.order)
        kept[first.id] = first
        stands_for |= {node.id: first.id for node in same}
    renamed = [(stands_for.get(source, source), stands_for.get(target, target)) for source, target in edges]
    return kept, [edge for edge in dict.fromkeys(renamed) if edge[0] != edge[1]]


def _columns(nodes: Mapping[str, _Node], edges: Sequence[tuple[str, str]]) -> list[list[_Node]]:
    """Column by what the asset is, moved right of everything that feeds it; rows so that lines cross little."""
    for node in nodes.values():
        node.column = _COLUMN[node.kind]
    for _ in nodes:
        moved = False
        for source, target in edges:
            if nodes[target].column <= nodes[source].column:
                nodes[target].column = nodes[source].column + 1
                moved = True
        if not moved:
            break
    columns: dict[int, list[_Node]] = {}
    for node in nodes.values():
        columns.setdefault(node.column, []).append(node)
    ordered = [columns[column] for column in sorted(columns)]
    for position, column in enumerate(ordered):
        for node in column:
            others = _neighbours(node.id, edges, upstream=position > 0)
            ranks = [nodes[other].rank if position > 0 else float(nodes[other].order) for other in others]
            node.rank = sum(ranks) / len(ranks) if ranks else float(node.order)
        column.sort(key=lambda node: (node.rank, _COLUMN[node.kind], node.kind is AssetKind.GENSET, node.order))
        for row, node in enumerate(column):
            node.rank = (row + 0.5) / len(column)
    return ordered


def _neighbours(node: str, edges: Iterable[tuple[str, str]], *, upstream: bool) -> list[str]:
    return [source if upstream else target for source, target in edges if (target if upstream else source) == node]


def _draw(columns: Sequence[Sequence[_Node]], edges: Sequence[tuple[str, str]]) -> Chain:
    if not columns:
        return Chain(0, 0, (), ())
    rows = max(len(column) for column in columns)
    height = rows * HEIGHT + (rows - 1) * GAP_Y
    width = len(columns) * WIDTH + (len(columns) - 1) * GAP_X
    boxes: dict[str, Box] = {}
    for position, column in enumerate(columns):
        for node in column:
            x = position * (WIDTH + GAP_X)
            y = node.rank * height - HEIGHT / 2
            boxes[node.id] = Box(node.id, node.kind, node.name, node.members, node.section, x, y)
    lines = tuple(_line(boxes[source], boxes[target], edges) for source, target in edges)
    return Chain(width, height, tuple(boxes.values()), lines)


def _line(source: Box, target: Box, edges: Sequence[tuple[str, str]]) -> Line:
    """Leaves in the middle, arrives spread over the height of the target so that two feeds can be told apart."""
    feeders = sorted(edge[0] for edge in edges if edge[1] == target.id)
    share = (feeders.index(source.id) + 1) / (len(feeders) + 1)
    if len(feeders) == 2:
        share = 0.3 if source.y <= target.y else 0.7
    x1, y1 = source.x + WIDTH, source.y + HEIGHT / 2
    x2, y2 = target.x, target.y + HEIGHT * share
    middle = (x1 + x2) / 2
    return Line(source.id, target.id, f"M{x1:g} {y1:g}H{middle:g}V{y2:g}H{x2:g}", (x1, y1))
