"""`unusual` (T08): a number that is far from what it usually is at this hour of the week, by what the site itself has
shown. What is learnt is looked at every five minutes, however often the series is read."""

from __future__ import annotations

from math import isfinite
from typing import Final
from zoneinfo import ZoneInfo

from dcmon.config.rule_kinds import UnusualRule
from dcmon.config.vocabulary import unit_of
from dcmon.instants import utc
from dcmon.model import AlarmState, Quality, SeriesKey, UsualHour, number
from dcmon.thresholds.alarms import Alarms
from dcmon.thresholds.baseline import HOURS, Baseline, Usual
from dcmon.thresholds.board import Slot
from dcmon.thresholds.cells import Cell
from dcmon.thresholds.ledger import Ledger
from dcmon.thresholds.logic import Truth, show_slot, show_value
from dcmon.thresholds.timers import Phase, Timer, Timers
from dcmon.thresholds.watches import SlotWatch

STEP_MS: Final = 300_000
_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS
_ENOUGH: Final = 6
"""Samples of an hour without which it is not learnt: half of them."""
_HELD_MS: Final = _HOUR_MS
"""Where values hold for ever, as in a replay, one is believed to be so for as long, when it comes to learning it."""
_GRAIN: Final = 2.0**-22
"""What a float of four bytes, in which baselines are kept, does not tell apart."""
_BACK: Final = 0.8
"""Of the limit, below which an unusual value is usual again."""
_LAST_MS: Final = 253_370_764_800_000  # 9999-01-01: calendars end there
_DAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class UnusualWatch(SlotWatch):
    """One series against its baseline. Unknown until that is learnt."""

    __slots__ = ("_habits", "rule", "usual")

    def __init__(self, cell: Cell, alarms: Alarms, slot: Slot, rule: UnusualRule, habits: Habits) -> None:
        super().__init__(cell, alarms, slot)
        self.rule = rule
        self.usual: Usual | None = None
        """At the present hour of the week."""
        self._habits = habits

    def evaluate(self, now: int) -> None:
        self._habits.wake(now)
        super().evaluate(now)

    def condition(self, now: int) -> Truth:
        value, usual = number(self.slot.value), self.usual
        if value is None or usual is None:
            return None
        limit = max(self.rule.deviations * usual.spread, self.rule.minimum, abs(usual.value) * _GRAIN)
        held = self.cell.holds is True or (self.cell.holds is not False and self.cell.live)
        return abs(value - usual.value) > (_BACK * limit if held else limit)

    def evidence(self, now: int) -> int:
        """A value may become unusual by the hour that begins."""
        return max(self.slot.since, self._habits.hour_began)

    def describe(self) -> str:
        said = show_slot(self.slot)
        if self.usual is None:
            return said
        digits = max(0, 2 - len(str(int(abs(self.usual.value)))) + 1) if self.usual.value else 2
        value, spread = round(self.usual.value, digits), round(self.usual.spread, digits)
        shown = show_value(float(spread), unit_of(self.slot.key.point))
        return f"{said}, usual for {self._habits.hour_name} is {show_value(float(value), None)} +- {shown}"


class _Learnt:
    """A series that is learnt: its baseline, and what the present hour has shown."""

    __slots__ = ("baseline", "samples", "slot", "watches")

    def __init__(self, slot: Slot) -> None:
        self.slot = slot
        self.baseline = Baseline()
        self.samples: list[float] = []
        self.watches: list[UnusualWatch] = []


class Habits:
    """All baselines, and the hour of the week in the site's zone.

    Nothing is learnt of an asset with an active alarm of another kind, in maintenance or a drill, nor of any while a
    sequence runs: outages are not usual. `most` tickets are opened in any 24 h; further alarms are recorded only.
    """

    def __init__(self, zone: str, most: int, ledger: Ledger, timers: Timers, alarms: Alarms) -> None:
        self._zone = ZoneInfo(zone)
        self._most = most
        self._ledger = ledger
        self._timers = timers
        self._alarms = alarms
        self._learnt: dict[SeriesKey, _Learnt] = {}
        self._stored: dict[SeriesKey, list[UsualHour]] = {}
        for row in ledger.usual.values():
            self._stored.setdefault(row.series, []).append(row)
        ledger.usual.clear()  # from here on the baselines hold it
        self._hour: int | None = None
        self.hour_began = 0
        self._timer = Timer("recheck", self._look, (-30, "habits"), Phase.DEADLINE)
        self._rules: set[str] = set()

    def follow(self, watch: UnusualWatch) -> None:
        """Learns the series of a watch."""
        key = watch.slot.key
        self._rules.add(watch.rule.id)
        learnt = self._learnt.get(key)
        if learnt is None:
            learnt = self._learnt[key] = _Learnt(watch.slot)
            for row in self._stored.pop(key, ()):
                learnt.baseline.restore(row.hour, row.medians, row.spreads)
        learnt.watches.append(watch)
        if self._hour is not None:
            watch.usual = learnt.baseline.usual(self._hour)

    def wake(self, now: int) -> None:
        """Something was read: it is looked at from the next full five minutes on."""
        if self._timer.due is None:
            self._timers.set(self._timer, _next(now, STEP_MS))

    def ration(self, cell: Cell, now: int) -> str | None:
        """Why an unusual value is no ticket: there are enough for a day."""
        if cell.rule.id not in self._rules:
            return None
        recent = sum(row.rule in self._rules and now - row.opened < _DAY_MS for row in self._ledger.incidents.values())
        return f"{recent} tickets of this kind within 24h are enough" if recent >= self._most else None

    @property
    def hour_name(self) -> str:
        """`Monday 10:00`."""
        day, hour = divmod(self._hour or 0, 24)
        return f"{_DAYS[day]} {hour:02}:00"

    def _look(self, now: int) -> None:
        hour = self._hour_of(now)
        if hour != self._hour:
            self._turn(hour, now)
        fresh = [one for one in self._learnt.values() if now - one.slot.seen <= _HELD_MS]
        if fresh and not self._sequence_runs():
            spared = self._assets_in_trouble()
            for one in fresh:
                self._sample(one, spared, now)
        self._timers.set(self._timer, _next(now, STEP_MS if fresh else _HOUR_MS))

    def _sample(self, one: _Learnt, spared: set[str], now: int) -> None:
        slot = one.slot
        size = number(slot.value)
        if size is None or slot.quality is not Quality.GOOD or not isfinite(size) or slot.key.asset in spared:
            return
        if self._alarms.planned(one.watches[0].cell, now) is None:
            one.samples.append(size)

    def _turn(self, hour: int, now: int) -> None:
        """An hour is over: what it has shown is learnt, and every value is looked at by what is usual now."""
        over, self._hour, self.hour_began = self._hour, hour, now
        for key, one in self._learnt.items():
            if over is not None and len(one.samples) >= _ENOUGH:
                one.baseline.learn(over, one.samples)
                medians, spreads = one.baseline.weeks(over)
                self._ledger.put_usual(UsualHour(*key, over, tuple(medians), tuple(spreads)))
            one.samples.clear()
            usual = one.baseline.usual(hour)
            for watch in one.watches:
                watch.usual = usual
                watch.evaluate(now)

    def _hour_of(self, now: int) -> int:
        local = utc(min(now, _LAST_MS)).astimezone(self._zone)
        return (local.weekday() * 24 + local.hour) % HOURS

    def _sequence_runs(self) -> bool:
        return any(row.kind == "sequence" and row.state == "running" for row in self._ledger.records.values())

    def _assets_in_trouble(self) -> set[str]:
        return {
            row.asset
            for row in self._ledger.alarms.values()
            if row.state is AlarmState.ACTIVE and row.rule not in self._rules
        }


def _next(now: int, step: int) -> int:
    return (now // step + 1) * step
