"""What intervals tell besides a share: outages, how often and how long, and when the budget is gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from dcmon.model import Availability, Interval
from dcmon.thresholds.availability import Measure, Span, cut


@dataclass(frozen=True, slots=True)
class Outage:
    """A stretch of DOWN inside a period, [start, end) in ms UTC; what goes on at the end of the period has `open`."""

    start: int
    end: int
    reason: str
    open: bool = False

    @property
    def length(self) -> int:
        return self.end - self.start


def outages(intervals: Sequence[Interval], start: int, end: int, excluded: Sequence[Span] = ()) -> list[Outage]:
    """The stretches of [start, end) in which the indicator was DOWN and that count, in order; neighbours are one."""
    found: list[Outage] = []
    for first, last, row in cut(intervals, start, end, excluded):
        if row.state is not Availability.DOWN:
            continue
        if found and found[-1].end == first:
            found[-1] = Outage(found[-1].start, last, found[-1].reason, last == end)
        else:
            found.append(Outage(first, last, row.reason, last == end))
    return found


@dataclass(frozen=True, slots=True)
class Reliability:
    """How often and how long, over a period; ms. `mtbf` and `mttr` are None without an outage.

    MTBF is UP time per outage and MTTR DOWN time per outage that is over (IEC 60050-192: mean operating time between
    failures, mean time to restoration).
    """

    count: int
    longest: int
    mtbf: int | None
    mttr: int | None


def reliability(found: Sequence[Outage], measure: Measure) -> Reliability:
    """The figures of the outages of the period that `measure` is about."""
    over = [one.length for one in found if not one.open]
    return Reliability(
        len(found),
        max((one.length for one in found), default=0),
        measure.up // len(found) if found else None,
        sum(over) // len(over) if over else None,
    )


def used_up_at(measure: Measure, found: Sequence[Outage], budget: int, window_end: int) -> int | None:
    """When, at the rate of DOWN in the period so far, `budget` ms of DOWN are used up; None if not before `window_end`.

    What is used up already was so in one of the outages `found` in the period. Where none are given (a mean has no
    outages of its own) it was so at the end of the period, as far as anybody can tell.
    """
    if measure.down <= 0:
        return None
    if measure.down >= budget:
        left = budget
        for outage in found:
            if outage.length >= left:
                return outage.start + max(left, 0)
            left -= outage.length
        return measure.end
    elapsed = measure.up + measure.down
    due = measure.end + (budget - measure.down) * elapsed // measure.down
    return due if due < window_end else None
