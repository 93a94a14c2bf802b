"""Indicators of what rules say: whether a promise is free of alarms, and whether what shows it is watched.

alarm_free    DOWN while an alarm of a rule of the promise is active (or one so grave as asked), since the first began
watched       DOWN while the condition of a rule of the promise, once known, is not known: something is hidden

Both are UNKNOWN while a rule of the promise that judges readings, and is not optional, has judged none: what was never
heard of is no good news. `watched` is so after a restart, too, until all is read again that was read in the weeks
before: what is hidden must not be forgotten. Rules about what is missing tell something only where devices are asked,
not of a file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from dcmon.config.rule_kinds import LimitRule, RiseRule, StateRule
from dcmon.config.rules import Rule
from dcmon.config.site import AssetKind
from dcmon.model import AlarmState, Availability, SeriesKey
from dcmon.thresholds.board import Judged
from dcmon.thresholds.cells import Cell
from dcmon.thresholds.controls import Control
from dcmon.thresholds.indicators import State
from dcmon.thresholds.timers import Order

UP, DOWN, UNKNOWN = Availability.UP, Availability.DOWN, Availability.UNKNOWN
_MOST_NAMED = 3


class RuleLeaf:
    """The alarms of one control. Whoever changes one has it looked at again."""

    __slots__ = ("_control", "_judge", "_live", "_mark", "_rules", "_wanted", "cells", "expected", "order", "readers",
                 "state")  # fmt: skip

    def __init__(
        self, control: Control, rules: Iterable[Rule], mark: Callable[[set[Judged]], None], *, live: bool
    ) -> None:
        self.order: Order = (1_000, control.id)
        self.cells: list[Cell] = []
        self.readers: set[Judged] = set()
        self.state = State(UNKNOWN, 0, "nothing is known yet")
        self._control = control
        self._judge = _JUDGES[control.objective.indicator]
        self._mark = mark
        self._live = live
        self._rules = [
            rule
            for rule in rules
            if self._about(rule) and rule.kind in _TELLING and not rule.optional and not _own(rule)
        ]
        self._wanted = {rule.id for rule in self._rules}
        self.expected: set[SeriesKey] = set()
        """What an earlier process has read lately and this one has not read yet; only of what is to be watched."""

    def offer(self, cell: Cell) -> bool:
        """Takes the alarm in, if the control is about it."""
        fits = self._about(cell.rule)
        if fits:
            self.cells.append(cell)
        return fits

    def _about(self, rule: Rule) -> bool:
        severity = self._control.objective.severity
        return self._control.tom in rule.tom and (severity is None or rule.severity.rank >= severity.rank)

    def watches(self, key: SeriesKey, kind: AssetKind | None) -> bool:
        """Whether it must be known that this series is read."""
        if self._control.objective.indicator != "watched":
            return False
        selects = [rule.select for rule in self._rules if isinstance(rule, StateRule | LimitRule | RiseRule)]
        return any(
            select.point == key.point
            and select.index in (None, key.index)
            and (not select.assets or key.asset in select.assets)
            and (not select.kinds or kind in select.kinds)
            for select in selects
        )

    def _unheard(self) -> str | None:
        """Why nothing good can be said, if so."""
        known = [cell for cell in self.cells if cell.holds in (True, False)]
        if self.expected:
            self.expected -= {_series(cell) for cell in known}
        judged = [cell.rule for cell in known]
        missing = sorted(self._wanted - {rule.id for rule in judged}) or sorted(map(str, self.expected))
        if missing:
            return f"nothing is known of {_some(missing)}"
        telling = any(self._live or rule.kind not in _OF_ABSENCE for rule in judged)
        return None if telling else "nothing is known yet"

    def evaluate(self, now: int) -> None:
        """Passes a changed state on."""
        state, since, reason = self._judge(self.cells)
        if state is UP and (unheard := self._unheard()) is not None:
            state, since, reason = UNKNOWN, None, unheard
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
    return UP, None, "no alarm"


def _watched(cells: Sequence[Cell]) -> Judgement:
    hidden = [cell.row.key for cell in cells if cell.holds is None]
    return (DOWN, None, f"unknown: {_some(hidden)}") if hidden else (UP, None, "everything is known")


def _some(texts: list[str]) -> str:
    more = f" and {len(texts) - _MOST_NAMED} more" if len(texts) > _MOST_NAMED else ""
    return "; ".join(texts[:_MOST_NAMED]) + more


_JUDGES: dict[str, Callable[[Sequence[Cell]], Judgement]] = {"alarm_free": _alarm_free, "watched": _watched}
"""Indicator -> what tells its state."""

OF_RULES = frozenset(_JUDGES)

_TELLING = frozenset({"state", "limit", "rise", "count", "capacity", "follows"})
"""Kinds that judge what devices say."""
_OF_ABSENCE = frozenset({"blind", "stale", "step", "planned"})
"""Kinds whose quiet says nothing where nobody is asked. That a device answers is said by a file, too."""


def _series(cell: Cell) -> SeriesKey:
    select = getattr(cell.rule, "select", None)
    return SeriesKey(cell.row.asset, select.point if select is not None else "", cell.row.index)


def _own(rule: Rule) -> bool:
    """Whether the rule is about dcmon itself, which a replay does not hear of."""
    select = getattr(rule, "select", None)
    return select is not None and set(select.kinds) == {AssetKind.AGENT}
