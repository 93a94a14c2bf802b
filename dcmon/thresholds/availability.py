"""Availability from intervals, exactly: elapsed time only, half-open, UTC, integer milliseconds.

`measured = UP / (UP + DOWN)`, `worst = UP / (UP + DOWN + UNKNOWN)`, `coverage = known / (total - EXCLUDED)`.
MET if worst >= target, BREACHED if measured < target, else UNPROVEN. Time that no interval covers is UNKNOWN.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Literal
from zoneinfo import ZoneInfo

from dcmon.model import Availability, Interval

Window = Literal["month", "year", "rolling_365d", "commissioned"]
Span = tuple[int, int]
_DAY_MS = 86_400_000


class Verdict(StrEnum):
    """What the figures of a period say about a target."""

    MET = "met"
    BREACHED = "breached"
    UNPROVEN = "unproven"


@dataclass(frozen=True, slots=True)
class Measure:
    """How long an indicator was what, ms. up + down + unknown + excluded is the length of the period."""

    start: int
    end: int
    up: int
    down: int
    unknown: int
    excluded: int = 0

    @property
    def total(self) -> int:
        return self.end - self.start

    @property
    def measured(self) -> float | None:
        """Share of the known time that was UP, 0 to 1; None when nothing is known."""
        known = self.up + self.down
        return self.up / known if known else None

    @property
    def worst(self) -> float | None:
        """The share if all unknown time had been DOWN; None when the period is empty."""
        counted = self.total - self.excluded
        return self.up / counted if counted else None

    @property
    def coverage(self) -> float | None:
        """Share of the time that is known; None when the period is empty."""
        counted = self.total - self.excluded
        return (self.up + self.down) / counted if counted else None

    def verdict(self, target_percent: float) -> Verdict:
        """What the figures say about a target in per cent, exactly: 99.99 of 100 is met."""
        known, counted = self.up + self.down, self.total - self.excluded
        if not known:
            return Verdict.UNPROVEN
        target = Fraction(str(target_percent)) / 100
        if self.up >= target * counted:
            return Verdict.MET
        return Verdict.BREACHED if self.up < target * known else Verdict.UNPROVEN


def budget_ms(total: int, target_percent: float) -> int:
    """How long something may be DOWN in `total` ms."""
    return round(total * (100 - Fraction(str(target_percent))) / 100)


def cut_share(percent: float, digits: int = 4) -> float:
    """Per cent, cut after so many decimals: what misses its target by a little never looks as if it met it."""
    steps = 10.0**digits
    return math.floor(round(percent * steps, 6)) / steps


def measure(intervals: Iterable[Interval], start: int, end: int, excluded: Sequence[Span] = ()) -> Measure:
    """Figures of one indicator over [start, end). ValueError if that ends before it starts.

    Of intervals with one start the last given counts (it is the corrected row); of intervals that overlap the one that
    starts later. An open interval lasts until `end`. So neither order nor splitting changes anything.
    """
    if end < start:
        raise ValueError(f"a period cannot end ({end}) before it starts ({start})")
    spent = {Availability.UP: 0, Availability.DOWN: 0, Availability.UNKNOWN: 0}
    for first, last, row in cut(intervals, start, end, excluded):
        spent[row.state] += last - first
    out = sum(last - first for first, last in _merge(excluded, start, end))
    up, down = spent[Availability.UP], spent[Availability.DOWN]
    return Measure(start, end, up, down, end - start - out - up - down, out)


def cut(
    intervals: Iterable[Interval], start: int, end: int, excluded: Sequence[Span] = ()
) -> Iterator[tuple[int, int, Interval]]:
    """(first, last, interval) for each stretch of [start, end) that is covered and that nothing excludes, in order."""
    by_start = {interval.start: interval for interval in intervals}
    rows = [by_start[key] for key in sorted(by_start)]
    windows = _merge(excluded, start, end)
    for position, row in enumerate(rows):
        until = end if row.end is None else row.end
        if position + 1 < len(rows):
            until = min(until, rows[position + 1].start)
        first, last = max(row.start, start), min(until, end)
        for out, back in windows:
            if back <= first or out >= last:
                continue
            if out > first:
                yield first, out, row
            first = back
        if last > first:
            yield first, last, row


def period(window: Window, now: int, timezone: str) -> Span:
    """The period of a window in which `now` falls, cut in local time: months and years have 23- and 25-hour days.

    `commissioned` is all of the past: whoever asks cuts it where the asset was commissioned.
    """
    if window == "commissioned":
        return 0, now
    if window == "rolling_365d":
        return now - 365 * _DAY_MS, now
    zone = ZoneInfo(timezone)
    local = dt.datetime.fromtimestamp(now / 1000, zone)
    first = dt.date(local.year, local.month if window == "month" else 1, 1)
    if window == "year":
        after = dt.date(first.year + 1, 1, 1)
    else:
        after = dt.date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return _midnight(first, zone), _midnight(after, zone)


def _midnight(day: dt.date, zone: ZoneInfo) -> int:
    return round(dt.datetime.combine(day, dt.time(), zone).timestamp() * 1000)


def _merge(spans: Sequence[Span], start: int, end: int) -> list[Span]:
    """The spans inside [start, end), joined where they touch or overlap."""
    merged: list[Span] = []
    for first, last in sorted((max(first, start), min(last, end)) for first, last in spans):
        if last <= first:
            continue
        if merged and first <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged
