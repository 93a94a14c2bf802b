"""Corrected intervals: an append-only ledger of what was measured wrong, who corrected it, and on what evidence.

What was recorded stays as it is; a correction is laid over it when figures are made, so both figures can be shown. It
changes only time that really was in the state it corrects: what it names besides is left alone, and counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from dcmon.model import Availability, Interval, Record
from dcmon.thresholds.availability import cut


@dataclass(frozen=True, slots=True)
class Correction:
    """From `start` to `end` (ms UTC, half-open) the indicator was not `was` but `now`."""

    id: str
    start: int
    end: int
    was: Availability
    now: Availability
    reason: str

    @staticmethod
    def of(record: Record) -> Correction:
        """A record of kind `correction`."""
        data = record.data
        was, now = Availability(data["was"]), Availability(data["now"])
        return Correction(record.id, record.started, record.ended or record.started, was, now, record.reason)


def corrected(
    intervals: Sequence[Interval], corrections: Iterable[Correction], start: int, end: int
) -> tuple[list[Interval], dict[str, int]]:
    """(intervals of [start, end) after all corrections in the order given, ms that each has changed by its id)."""
    rows = _whole(intervals, start, end)
    changed: dict[str, int] = {}
    for correction in corrections:
        pieces: list[Interval] = []
        changed[correction.id] = 0
        for row in rows:
            first, last = max(row.start, correction.start), min(row.end or end, correction.end)
            if row.state is not correction.was or last <= first:
                pieces.append(row)
                continue
            changed[correction.id] += last - first
            around = [
                replace(row, end=first),
                replace(row, start=first, end=last, state=correction.now, reason=correction.reason),
                replace(row, start=last),
            ]
            pieces += [piece for piece in around if piece.end is not None and piece.end > piece.start]
        rows = pieces
    return rows, changed


def _whole(intervals: Sequence[Interval], start: int, end: int) -> list[Interval]:
    """The intervals cut to [start, end), with UNKNOWN where there is none."""
    rows: list[Interval] = []
    reached = start
    name = intervals[0].indicator if intervals else ""
    for first, last, row in cut(intervals, start, end):
        if first > reached:
            rows.append(Interval(name, reached, first, Availability.UNKNOWN, "nothing was recorded"))
        rows.append(replace(row, start=first, end=last))
        reached = last
    if end > reached:
        rows.append(Interval(name, reached, end, Availability.UNKNOWN, "nothing was recorded"))
    return rows
