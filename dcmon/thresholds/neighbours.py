"""Which alarms can have to do with each other at all, by the site file: so that a storm costs no more than a fault."""

from __future__ import annotations

from collections.abc import Iterator

from dcmon.config.rule_kinds import BlindRule
from dcmon.thresholds.cells import Cell
from dcmon.thresholds.topology import Topology


class Neighbours:
    """All alarms by asset. Wider than `Causes`, which decides: nothing that it would join may be missing here."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._cells: dict[str, dict[str, Cell]] = {}
        self._blind: list[Cell] = []
        self._related: dict[str, frozenset[str]] = {}

    def add(self, cell: Cell) -> None:
        """Makes an alarm known."""
        self._cells.setdefault(cell.row.asset, {})[cell.row.key] = cell
        if isinstance(cell.rule, BlindRule):
            self._blind.append(cell)

    def of(self, cell: Cell) -> Iterator[Cell]:
        """The alarms that may explain `cell` or be explained by it. A blind dcmon may have to do with every device."""
        if isinstance(cell.rule, BlindRule):
            for cells in self._cells.values():
                yield from cells.values()
            return
        yield from self._blind
        for asset in frozenset().union(*map(self._near, cell.source.suspects())):
            yield from self._cells.get(asset, {}).values()

    def _near(self, asset: str) -> frozenset[str]:
        """An asset or group, what feeds it and what it feeds, what stands in for these, and the groups of all."""
        known = self._related.get(asset)
        if known is None:
            topology = self._topology
            group = topology.groups.get(asset)
            selves = {asset, *(group.members if group is not None else ())}
            line = {other for one in selves for other in topology.line(one)} | topology.peers(asset)
            groups = {name for other in line for name in topology.groups_of(other)}
            known = self._related[asset] = frozenset(selves | line | groups)
        return known
