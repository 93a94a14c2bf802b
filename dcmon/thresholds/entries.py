"""What people enter becomes a record: checked against the site, kept for good, told like everything else."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from dcmon.config.entries import Cancel, CorrectionEntry, Delivery, Drill, Entry, EntryError, Maintenance
from dcmon.config.site import AssetKind
from dcmon.model import Record
from dcmon.thresholds.ledger import Ledger, record_transition
from dcmon.thresholds.logic import show_value
from dcmon.thresholds.planning import Planning
from dcmon.thresholds.stamps import stamp
from dcmon.thresholds.topology import Topology

FUTURE_MS = 300_000
"""Clocks differ: what happened at most so far ahead of now is taken to have happened now."""


class Entries:
    """Takes entries of every kind."""

    def __init__(
        self, ledger: Ledger, topology: Topology, indicators: Callable[[], Iterable[str]], planning: Planning
    ) -> None:
        self._ledger = ledger
        self._topology = topology
        self._indicators = indicators
        self._planning = planning

    def take(self, entry: Entry, now: int) -> Record:
        """Makes the record of an entry. EntryError when it does not fit the site or the time."""
        at = now if entry.at is None else entry.at
        if at > now + FUTURE_MS:
            raise EntryError("at: this lies in the future; enter what has happened")
        return _KINDS[entry.kind](self, entry, min(at, now), now)

    def delivery(self, entry: Delivery, at: int, now: int) -> Record:
        if self._topology.kind(entry.asset) is not AssetKind.TANK:
            tanks = ", ".join(asset.id for asset in self._topology.site.assets if asset.kind is AssetKind.TANK)
            raise EntryError(f"asset: {entry.asset} is no tank; the site has {tanks or 'none'}")
        litres = show_value(entry.litres, "l")
        extra = f", with {entry.additives}" if entry.additives else ""
        reason = f"{litres} of {entry.fuel}{extra} delivered to {self._topology.name(entry.asset)}"
        data = {"litres": entry.litres, "fuel": entry.fuel, "additives": entry.additives, "note": entry.note}
        return self._keep("delivery", entry.asset, ("T06",), reason, entry.by, data, at, now)

    def correction(self, entry: CorrectionEntry, at: int, now: int) -> Record:
        known = sorted(self._indicators())
        if entry.indicator not in known:
            raise EntryError(f"indicator: there is no {entry.indicator}; there are {', '.join(known)}")
        if entry.end > now:
            raise EntryError("end: this lies in the future; correct what was measured")
        promise = entry.indicator.partition(".")[0].partition(":")[0]
        data = {"was": entry.was, "now": entry.now, "evidence": entry.evidence, "note": entry.note, "entered": at}
        reason = f"{entry.indicator} was {entry.now}, not {entry.was}: {entry.reason}"
        row = Record(
            f"correction-{entry.indicator}@{stamp(at)}", "correction", entry.indicator, None, "done", None,
            entry.start, entry.end, reason, (promise,), entry.by, data,
        )  # fmt: skip
        return self._put(row, now)

    def maintenance(self, entry: Maintenance, at: int, now: int) -> Record:
        return self._planning.maintenance(entry, at, now)

    def drill(self, entry: Drill, at: int, now: int) -> Record:
        return self._planning.drill(entry, at, now)

    def cancel(self, entry: Cancel, at: int, now: int) -> Record:
        return self._planning.cancel(entry, at, now)

    def _keep(
        self,
        kind: str,
        subject: str,
        tom: tuple[str, ...],
        reason: str,
        by: str,
        data: dict[str, Any],
        at: int,
        now: int,
    ) -> Record:
        row = Record(f"{kind}-{subject}@{stamp(at)}", kind, subject, None, "done", None, at, at, reason, tom, by, data)
        return self._put(row, now)

    def _put(self, row: Record, now: int) -> Record:
        if row.id in self._ledger.records and self._ledger.records[row.id] != row:
            raise EntryError(f"at: there is another {row.kind} of {row.subject} at that very time; give its own time")
        self._ledger.put_record(row)
        self._ledger.tell(record_transition(row, now, "entered"))
        return row


_KINDS: dict[str, Callable[[Entries, Any, int, int], Record]] = {
    "delivery": Entries.delivery,
    "correction": Entries.correction,
    "maintenance": Entries.maintenance,
    "drill": Entries.drill,
    "cancel": Entries.cancel,
}
"""Kind of entry -> what makes its record."""
