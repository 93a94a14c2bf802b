"""Rows of tables that a device does not answer while it answers the rest: what is told of them instead."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeAlias

from dcmon.collectors.decode_answer import SnmpGroup
from dcmon.collectors.snmp import Oid
from dcmon.model import Quality, Reading

Walk: TypeAlias = tuple[Oid, ...]
"""Columns that are fetched together."""

_TOLD_AFTER: Final = 2
"""Polls in a row: of one that was lost on the way nobody has to hear."""


class LostRows:
    """What the tables of one device last held, so that a row that does not come any more can say why."""

    def __init__(self) -> None:
        self._held: dict[str, Sequence[Reading]] = {}
        self._missed: dict[Walk, int] = {}

    def note(
        self, name: str, group: SnmpGroup, readings: Sequence[Reading], silent: Mapping[Walk, str], ts: int
    ) -> list[Reading]:
        """Bad readings for the rows that the `silent` walks (with the reason of each) of the group `name` last gave.

        `readings` are those of this poll. Empty as long as a table may have been lost by chance.
        """
        if not silent:
            for walk in group.walks if self._missed else ():
                self._missed.pop(walk, None)
            self._held = {name: readings} if name == "all" else {**self._held, name: readings}
            return []
        there = {(reading.point, reading[3]) for reading in readings}
        kept: list[Reading] = []
        told: list[Reading] = []
        for walk in group.walks:
            if walk not in silent:
                self._missed.pop(walk, None)
                continue
            missed = self._missed[walk] = self._missed.get(walk, 0) + 1
            rows = self._rows(group, walk, there)
            kept += rows
            if missed >= _TOLD_AFTER:
                bad, reason = Quality.BAD, silent[walk]
                told += [Reading(ts, row.asset, row.point, row[3], None, bad, reason, row.source) for row in rows]
        self._held[name] = [*readings, *kept]
        return told

    def _rows(self, group: SnmpGroup, walk: Walk, there: set[tuple[str, str | None]]) -> list[Reading]:
        sources = tuple(slot.text for table in group.tables for slot in table.slots if slot.column in walk)
        rows = {
            (reading.point, reading[3]): reading
            for readings in self._held.values()
            for reading in readings
            if reading.source is not None and f"{reading.source}.".startswith(sources)
        }
        return [row for key, row in rows.items() if key not in there]


def silent_columns(group: SnmpGroup, silent: Mapping[Walk, str], asset: str, ts: int) -> list[Reading]:
    """A bad reading for each point of the `silent` walks, for those who know no rows: without an index."""
    found: dict[str, Reading] = {}
    for walk, reason in silent.items():
        for slot in (slot for table in group.tables for slot in table.slots if slot.column in walk):
            if slot.fallback is not None:
                continue
            source = slot.text.rstrip(".")
            found.setdefault(slot.point, Reading(ts, asset, slot.point, slot.index, None, Quality.BAD, reason, source))
    return list(found.values())
