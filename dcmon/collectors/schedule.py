"""When one device is asked for what: pure. Times are seconds of a clock that only grows."""

from __future__ import annotations

import math
from typing import NamedTuple

FAST, SLOW = "fast", "slow"
EVERYTHING = frozenset({FAST, SLOW})

_SLACK = 0.25
"""Part of a step by which something may be early and still counts as in time."""


class Intervals(NamedTuple):
    """Seconds between polls of each group."""

    fast_s: float
    slow_s: float


class Schedule:
    """The instants at which a device is polled lie on a grid that starts at `origin`, so nothing drifts.

    The grid's step is the shortest interval of the device's groups; the slow group goes along with the first step at
    its own time or after it. The first poll asks for everything. `slow_phase` (0 to 1) is where in the slow interval
    this device's slow polls lie, so that those of many devices are spread.
    """

    __slots__ = (
        "_anchor",
        "_groups",
        "_hurried",
        "_intervals",
        "_last",
        "_origin",
        "_slow_at",
        "_slow_origin",
        "step_s",
    )

    def __init__(self, intervals: Intervals, origin: float, slow_phase: float = 0.0) -> None:
        self._intervals = intervals
        self._origin = self._anchor = origin
        self._slow_origin = origin + slow_phase * intervals.slow_s
        self._slow_at = origin
        self._last = -math.inf
        self._groups = EVERYTHING
        self._hurried = False
        self.step_s = min(intervals)
        """Seconds between two polls of this device as things are."""

    def arrange(self, groups: frozenset[str], hurried: bool) -> None:
        """Takes note of the groups that have anything in them and of whether everything is wanted fast."""
        if groups == self._groups and hurried == self._hurried:
            return
        self._groups, self._hurried = groups, hurried
        fast_s, slow_s = self._intervals
        alone = groups == {SLOW} and not hurried
        self._anchor = self._slow_origin if alone else self._origin
        self.step_s = slow_s if alone else fast_s if groups == {FAST} else min(fast_s, slow_s)

    def next_at(self, now: float) -> float:
        """The first instant of the grid that is neither past nor taken."""
        if self._last == -math.inf:
            return max(self._origin, now)
        step = self.step_s
        taken = math.floor((self._last - self._anchor) / step + _SLACK)
        return self._anchor + max(taken + 1, math.ceil((now - self._anchor) / step)) * step

    def take(self, now: float) -> frozenset[str]:
        """What to ask for in the poll that starts now."""
        self._last = now
        if self._hurried or now + _SLACK * self.step_s >= self._slow_at:
            return self.take_all(now)
        return self._groups - {SLOW} or self._groups

    def take_all(self, now: float) -> frozenset[str]:
        """As `take`, for a poll out of turn that asks for everything; the grid's next instant stays."""
        interval = self._intervals.slow_s
        passed = math.floor((now + _SLACK * self.step_s - self._slow_origin) / interval) + 1
        self._slow_at = self._slow_origin + passed * interval
        return self._groups

    def missed(self, started: float, now: float) -> int:
        """How many instants of the grid passed while a poll that started at `started` ran."""
        step, anchor = self.step_s, self._anchor
        return max(0, math.ceil((now - anchor) / step) - 1 - math.floor((started - anchor) / step + _SLACK))
