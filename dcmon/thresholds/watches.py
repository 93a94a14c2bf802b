"""The kinds of rules: each turns slots into a three-valued condition and says what it sees. No kind knows of delays."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from dcmon.config.base import format_duration
from dcmon.config.rule_kinds import LimitRule, RiseRule, StateRule
from dcmon.config.vocabulary import unit_of
from dcmon.model import Value, number
from dcmon.thresholds.alarms import Alarms
from dcmon.thresholds.board import Board, Slot
from dcmon.thresholds.cells import Cell
from dcmon.thresholds.logic import Truth, all_of, compile_terms, show_slot, show_value
from dcmon.thresholds.timers import Order, Phase, Timer, Timers

ON_BATTERY: dict[str, Value] = {"ups.on_battery": True, "output.source": "battery"}
"""What a UPS says while `battery.time_on_battery` counts."""


class Watch:
    """One rule on one series or group: looks at its slots and hands what has changed to the alarm's state machine."""

    __slots__ = ("alarms", "cell", "order")

    def __init__(self, cell: Cell, alarms: Alarms) -> None:
        self.cell = cell
        self.order: Order = cell.order
        self.alarms = alarms

    def evaluate(self, now: int) -> None:
        """Passes the condition on if it has changed."""
        holds = self.condition(now)
        if holds is not self.cell.holds:
            self.alarms.judge(self.cell, holds, now, self.evidence(now))

    def condition(self, now: int) -> Truth:
        """Whether the fault is there."""
        raise NotImplementedError

    def evidence(self, now: int) -> int:
        """Since when the condition has been what it is, by the best evidence there is."""
        raise NotImplementedError

    def describe(self) -> str:
        raise NotImplementedError

    def present_value(self) -> Any:
        return None

    def suspects(self) -> frozenset[str]:
        return frozenset((self.cell.row.asset,))

    def concerns(self) -> frozenset[str]:
        return frozenset()

    def came_at(self) -> int | None:
        return None

    def earliest(self) -> int:
        return self.cell.began


class SlotWatch(Watch):
    """A rule on a single series."""

    __slots__ = ("slot",)

    def __init__(self, cell: Cell, alarms: Alarms, slot: Slot) -> None:
        super().__init__(cell, alarms)
        self.slot = slot

    def evidence(self, now: int) -> int:
        return self.slot.since

    def earliest(self) -> int:
        started = self.cell.began
        return min(started, max(self.slot.before, started - self.slot.normal_hold))

    def describe(self) -> str:
        return show_slot(self.slot)

    def present_value(self) -> Any:
        return self.slot.last


class StateWatch(SlotWatch):
    """`state`: a value is one of some words, unless that is wanted. Uncertain words are believed."""

    __slots__ = ("test", "time_on_battery", "unless")

    def __init__(self, cell: Cell, alarms: Alarms, slot: Slot, rule: StateRule, board: Board) -> None:
        super().__init__(cell, alarms, slot)
        self.test = rule.compile()
        self.unless = compile_terms(rule.unless, slot.key.asset, board, self)
        self.time_on_battery: Slot | None = None

    def evaluate(self, now: int) -> None:
        super().evaluate(now)
        if self.time_on_battery is not None and self.cell.holds is True:
            self.alarms.back_date(self.cell, self.evidence(now), now)

    def condition(self, now: int) -> Truth:
        holds = self.test(self.slot.value)
        return False if holds and self.unless and self._wanted() else holds

    def _wanted(self) -> bool:
        """Whether it is known that the value is as somebody wants it; in doubt it is a fault."""
        return all_of(term.truth() for term in self.unless) is True

    def describe(self) -> str:
        if self.unless and self._wanted():
            return f"{super().describe()}, and {' and '.join(term.describe() for term in self.unless)}"
        return super().describe()

    def evidence(self, now: int) -> int:
        """When the value, and what excuses it, became what they are; see `_dated` for a UPS on battery."""
        return max((self._dated(), *(term.since(term.truth()) for term in self.unless)))

    def _dated(self) -> int:
        """The UPS's own count of seconds on battery dates the start, never to before it last said the opposite."""
        count = self.time_on_battery
        seconds = None if count is None else number(count.value)
        if count is None or not seconds or seconds < 0 or self.slot.value != ON_BATTERY.get(self.slot.key.point):
            return self.slot.since
        if count.seen < self.slot.since:
            return self.slot.since
        return max(min(count.since - round(seconds * 1000), self.slot.since), self.slot.before, 0)


class LimitWatch(SlotWatch):
    """`limit`: a number is beyond a limit, and stays so until it is `deadband` on the good side."""

    __slots__ = ("back", "beyond", "limit", "word")

    def __init__(self, cell: Cell, alarms: Alarms, slot: Slot, rule: LimitRule) -> None:
        super().__init__(cell, alarms, slot)
        sign = 1.0 if rule.above is not None else -1.0
        self.limit = rule.above if rule.above is not None else rule.below or 0.0
        self.beyond = sign
        self.back = self.limit - sign * rule.deadband
        self.word = "above" if sign > 0 else "below"

    def condition(self, now: int) -> Truth:
        value = self.slot.value
        size = value if type(value) is float else number(value)
        if size is None:
            return None
        held = self.cell.holds is True or (self.cell.holds is not False and self.cell.live)
        return (size - (self.back if held else self.limit)) * self.beyond > 0

    def describe(self) -> str:
        unit = unit_of(self.slot.key.point)
        limit, back = show_value(self.limit, unit), show_value(self.back, unit)
        size = number(self.slot.value)
        side = f"{self.word} {limit}"
        if self.cell.holds is not True:
            side = f"no longer {side}"
        elif size is not None and (size - self.limit) * self.beyond <= 0:
            side = f"was {side} and is not back at {back} yet"
        return f"{show_slot(self.slot)}, {side}"


class RiseWatch(SlotWatch):
    """`rise`: a number has risen by more than `by` within `within`. Remembers minima only, one per change at most."""

    __slots__ = ("_current", "_lows", "_slide", "_timers", "rule")

    def __init__(self, cell: Cell, alarms: Alarms, slot: Slot, rule: RiseRule, timers: Timers) -> None:
        super().__init__(cell, alarms, slot)
        self.rule = rule
        remembered = cell.row.memory.get("low")
        self._lows: deque[tuple[int, float]] = deque([tuple(remembered)] if remembered and cell.live else [])
        """(last instant at which the value was so low, value), rising in both; the last is the present value."""
        self._current = False
        """The last of the minima is still what the series says."""
        self._timers = timers
        self._slide = Timer("recheck", self.evaluate, cell.order, Phase.DEADLINE)

    def recall(self, past: Iterable[tuple[int, Any]]) -> None:
        """What the series said before this process (ms UTC, value), in order of time."""
        lows, before = self._lows, None
        for ts, said in past:
            value = number(said)
            if value is None:
                continue
            if lows and before is not None and ts - before <= self.slot.normal_hold:
                lows[-1] = (ts, lows[-1][1])
            while lows and lows[-1][1] >= value:
                lows.pop()
            lows.append((ts, value))
            before = ts

    def evaluate(self, now: int) -> None:
        super().evaluate(now)
        due = self._lows[0][0] + self.rule.within + 1 if self.cell.holds is True and self._lows else None
        self._timers.set(self._slide, due)

    def condition(self, now: int) -> Truth:
        lows = self._lows
        if self._current and lows:
            lows[-1] = (now, lows[-1][1])
        value = number(self.slot.value)
        self._current = value is not None
        if value is None:
            return None
        while lows and lows[-1][1] >= value:
            lows.pop()
        lows.append((now, value))
        while lows[0][0] < now - self.rule.within:
            lows.popleft()
        holds = value - lows[0][1] > self.rule.by
        if holds and self.cell.holds is not True:
            self.cell.row = replace(self.cell.row, memory={"low": list(lows[0])})
        return holds

    def describe(self) -> str:
        value = number(self.slot.value)
        unit = unit_of(self.slot.key.point)
        if value is None or not self._lows:
            return show_slot(self.slot)
        risen = show_value(float(value - self._lows[0][1]), unit)
        return f"{show_slot(self.slot)}, up by {risen} within {format_duration(self.rule.within)}"
