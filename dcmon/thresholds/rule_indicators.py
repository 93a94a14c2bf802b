"""Indicators of what rules say: whether a promise is free of alarms, and whether what shows it is watched.

alarm_free    DOWN while an alarm of a rule of the promise is active (or one so grave as asked), since the first began
watched       DOWN while the condition of a rule of the promise, once known, is not known: something is hidden

Both are UNKNOWN while no series of the promise has been seen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dcmon.model import AlarmState, Availability
from dcmon.thresholds.board import Judged
from dcmon.thresholds.cells import Cell
from dcmon.thresholds.controls import Control
from dcmon.thresholds.indicators import State
from dcmon.thresholds.timers import Order

UP, DOWN, UNKNOWN = Availability.UP, Availability.DOWN, Availability.UNKNOWN
_MOST_NAMED = 3


class RuleLeaf:
    """The alarms of one control. Whoever changes one has it looked at again."""

    __slots__ = ("_control", "_judge", "_mark", "cells", "order", "readers", "state")

    def __init__(self, control: Control, mark: Callable[[set[Judged]], None]) -> None:
        self.order: Order = (1_000, control.id)
        self.cells: list[Cell] = []
        self.readers: set[Judged] = set()
        self.state = State(UNKNOWN, 0, "nothing is known yet")
        self._control = control
        self._judge = _JUDGES[control.objective.indicator]
        self._mark = mark

    def offer(self, cell: Cell) -> bool:
        """Takes the alarm in, if the control is about it."""
        severity = self._control.objective.severity
        least = severity.rank if severity is not None else 0
        fits = self._control.tom in cell.rule.tom and cell.rule.severity.rank >= least
        if fits:
            self.cells.append(cell)
        return fits

    def evaluate(self, now: int) -> None:
        """Passes a changed state on."""
        state, since, reason = self._judge(self.cells)
        if state is not self.state.state:
            self.state = State(state, now if since is None else min(since, now), reason)
            self._mark(self.readers)


Judgement = tuple[Availability, int | None, str]
"""State, since when (None: since now), and why."""


def _alarm_free(cells: Sequence[Cell]) -> Judgement:
    active = [cell.row for cell in cells if cell.row.state is AlarmState.ACTIVE]
    if active:
        since = min(row.since if row.started is None else row.started for row in active)
        return DOWN, since, _some([row.reason for row in active])
    if any(cell.holds is False or cell.row.state is not AlarmState.NORMAL for cell in cells):
        return UP, None, "no alarm"
    return UNKNOWN, None, "nothing is known yet"


def _watched(cells: Sequence[Cell]) -> Judgement:
    hidden = [cell.row.key for cell in cells if cell.holds is None]
    if hidden:
        return DOWN, None, f"unknown: {_some(hidden)}"
    if any(cell.holds in (True, False) for cell in cells):
        return UP, None, "everything is known"
    return UNKNOWN, None, "nothing is known yet"


def _some(texts: list[str]) -> str:
    more = f" and {len(texts) - _MOST_NAMED} more" if len(texts) > _MOST_NAMED else ""
    return "; ".join(texts[:_MOST_NAMED]) + more


_JUDGES: dict[str, Callable[[Sequence[Cell]], Judgement]] = {"alarm_free": _alarm_free, "watched": _watched}
"""Indicator -> what tells its state."""

OF_RULES = frozenset(_JUDGES)
