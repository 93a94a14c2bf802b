"""Which asset is the root of an incident, and what of it lasts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from dcmon.model import Alarm, AlarmState, Incident
from dcmon.thresholds.cells import Cell
from dcmon.thresholds.ledger import Ledger
from dcmon.thresholds.topology import Topology

LIVE = (AlarmState.PENDING, AlarmState.ACTIVE)


class Roots:
    """Answers from the rows of the ledger; `cells` are all alarms by key."""

    def __init__(self, ledger: Ledger, topology: Topology, cells: Mapping[str, Cell]) -> None:
        self._ledger = ledger
        self._topology = topology
        self._cells = cells

    def rerooted(self, incident: Incident, cell: Cell, root: str, cause_came_later: bool) -> Incident:
        """The incident with its root put right, now that `cell` has joined it."""
        better = self._better_root(incident, cell, root, cause_came_later)
        live = [self._cells[row.key] for row in self.live_rows(incident) if row.key in self._cells]
        leaders = [candidate for candidate in live if candidate.row.asset == better] or [cell]
        if better == incident.root and cell not in leaders:
            return incident
        leader = max(
            leaders, key=lambda candidate: (candidate.rule.severity.rank, candidate.row.key == incident.alarms[0])
        )
        if better == incident.root and leader.rule.severity.rank <= self._root_rank(incident):
            return incident
        keys = (leader.row.key, *(key for key in incident.alarms if key != leader.row.key))
        return replace(
            incident,
            root=better,
            rule=leader.rule.id,
            title=title_of(leader, self._topology),
            cls=leader.rule.cls.value,
            alarms=keys,
        )

    def _better_root(self, incident: Incident, cell: Cell, root: str, cause_came_later: bool) -> str:
        topology, asset = self._topology, cell.row.asset
        for group in (asset, *topology.groups_of(asset)):
            if group in topology.groups and (root == group or root in topology.groups[group].members):
                troubled = self._troubled_members(incident, group)
                if len(troubled) > 1 and self._has_group_alarm(incident, group):
                    return group
                if root == group and troubled == {asset}:
                    return asset
        return asset if cause_came_later else root

    def _troubled_members(self, incident: Incident, group: str) -> set[str]:
        """Members that an alarm of the incident is about, or that the group's own alarms name."""
        members = set(self._topology.groups[group].members)
        return {asset for row in self.live_rows(incident) for asset in self._suspects(row) if asset in members}

    def _has_group_alarm(self, incident: Incident, group: str) -> bool:
        return any(row.asset == group for row in self.live_rows(incident))

    def _root_rank(self, incident: Incident) -> int:
        cell = self._cells.get(incident.alarms[0])
        live = cell is not None and cell.live and cell.row.asset == incident.root
        return cell.rule.severity.rank if cell is not None and live else -1

    def live_rows(self, incident: Incident) -> Iterator[Alarm]:
        """The alarms of the incident that last."""
        for key in incident.alarms:
            row = self._ledger.alarms.get(key)
            if row is not None and row.incident == incident.id and row.state in LIVE:
                yield row

    def _suspects(self, row: Alarm) -> frozenset[str]:
        cell = self._cells.get(row.key)
        return cell.source.suspects() if cell is not None else frozenset((row.asset,))

    def rootless(self, incident: Incident) -> bool:
        """Whether no alarm of the incident's root lasts."""
        return all(row.asset != incident.root for row in self.live_rows(incident))

    def well_since(self, incident: Incident, now: int) -> int:
        """When the last alarm of its root was over, ms UTC."""
        rows = [self._ledger.alarms.get(key) for key in incident.alarms]
        over = [row.since for row in rows if row is not None and row.asset == incident.root and row.state not in LIVE]
        return max(over, default=now)


def title_of(cell: Cell, topology: Topology) -> str:
    """What an incident is called that is about this alarm."""
    return f"{topology.name(cell.row.asset)}: {cell.rule.title}"
