"""Which escalations go on, and which of them is due next. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from heapq import heapify, heappop, heappush

from dcmon.model import Changes, Escalation


class Waiting:
    """The rows that are not done, by incident or task; what is put here is put into the Changes as well."""

    def __init__(self, rows: Iterable[Escalation]) -> None:
        self._rows = {row.incident: row for row in rows if row.state == "waiting"}
        self._times = [(row.due, key) for key, row in self._rows.items() if row.due is not None]
        """A heap of (when, of what); what is no longer so is skipped when it comes up."""
        heapify(self._times)

    def get(self, key: str) -> Escalation | None:
        """How far the paging of this incident or task has come; None when nobody was told of it, or it is over."""
        return self._rows.get(key)

    def rows(self) -> list[Escalation]:
        """All of them, to be replaced while one goes through them."""
        return list(self._rows.values())

    def keep(self, row: Escalation, out: Changes) -> None:
        """Replaces the row of its incident; one that is done is let go."""
        out.escalations[row.incident] = row
        self._rows.pop(row.incident, None)
        if row.state != "done":
            self._rows[row.incident] = row
            if row.due is not None:
                heappush(self._times, (row.due, row.incident))

    def shift(self, delta: int, out: Changes) -> None:
        """Puts off everything that waits by `delta` ms."""
        for row in self.rows():
            if row.due is not None:
                self.keep(replace(row, due=row.due + delta), out)

    def next(self) -> tuple[int, Escalation] | None:
        """When the next one is due, ms UTC, and its row; None while none waits."""
        while self._times:
            due, key = self._times[0]
            row = self._rows.get(key)
            if row is not None and row.due == due:
                return due, row
            heappop(self._times)
        return None
