"""The journal as it was at an instant: what a report was made from, and what it is verified against later."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from dcmon.model import FaultClock, Incident, Interval, Record, Task
from dcmon.storage.journal_reads import JournalReader
from dcmon.storage.outbox import Delivery


class JournalAt(JournalReader):
    """Answers as the journal would have at `now` (ms UTC), as far as its rows tell: what began later is not there yet,
    what ended later still goes on. What was entered later about the time before stays visible: it changes figures.
    """

    def __init__(self, path: Path, now: int) -> None:
        super().__init__(path)
        self._now = now

    def incidents(self, limit: int = 100, state: str | None = None) -> list[Incident]:
        """See JournalReader; `limit` counts the rows before those that are left out."""
        rows = super().incidents(limit, state)
        return [self._incident(row) for row in rows if row.opened <= self._now]

    def tasks(self, state: str | None = None, limit: int = 1000) -> list[Task]:
        """See JournalReader."""
        rows = super().tasks(state, limit)
        return [
            replace(row, closed=None, state="open") if row.closed is not None and row.closed > self._now else row
            for row in rows
            if row.opened <= self._now
        ]

    def clocks(self, since: int | None = None, limit: int = 1000) -> list[FaultClock]:
        """See JournalReader."""
        rows = super().clocks(since, limit)
        return [
            replace(row, stopped=None, state="running") if row.stopped is not None and row.stopped > self._now else row
            for row in rows
            if row.started <= self._now
        ]

    def records(
        self,
        kind: str | None = None,
        subject: str | None = None,
        since: int | None = None,
        until: int | None = None,
        limit: int = 1000,
    ) -> list[Record]:
        """See JournalReader. What people have planned is there before it begins."""
        rows = super().records(kind, subject, since, until, limit)
        return [self._record(row) for row in rows if row.by is not None or row.started <= self._now]

    def intervals(self, indicator: str | None, start: int, end: int) -> list[Interval]:
        """See JournalReader."""
        rows = super().intervals(indicator, start, min(end, self._now))
        return [replace(row, end=None) if row.end is not None and row.end > self._now else row for row in rows]

    def deliveries(self, incident: str | None = None, since: int | None = None, limit: int = 1000) -> list[Delivery]:
        """See JournalReader."""
        return [row for row in super().deliveries(incident, since, limit) if row.ts <= self._now]

    def _incident(self, row: Incident) -> Incident:
        if row.acked_at is not None and row.acked_at > self._now:
            row = replace(row, acked_by=None, acked_at=None)
        if row.resolved is not None and row.resolved > self._now:
            row = replace(row, resolved=None, state="open" if row.state == "resolved" else row.state)
        return row

    def _record(self, row: Record) -> Record:
        if row.state != "done" or row.ended is None or row.ended <= self._now:
            return row
        return replace(row, state="running", verdict=None, ended=None if row.by is None else row.ended)
