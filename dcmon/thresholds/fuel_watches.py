"""Rules about tanks: `fuel_loss`, `fuel_burn` and `fuel_stuck`."""

from __future__ import annotations

from collections.abc import Callable

from dcmon.config.base import format_duration
from dcmon.config.rule_kinds import FuelBurnRule, FuelLossRule, FuelStuckRule
from dcmon.config.rules import Fuel
from dcmon.model import AlarmState, Value
from dcmon.thresholds.alarms import Alarms
from dcmon.thresholds.cells import Cell
from dcmon.thresholds.fuel_book import HOUR_MS, Book
from dcmon.thresholds.fuel_memory import RUNNING, STANDING
from dcmon.thresholds.logic import Truth, show_value
from dcmon.thresholds.timers import Phase, Timer, Timers
from dcmon.thresholds.watches import Watch

_LOOK_EVERY_MS = 300_000
_VISIBLE_SHARE = 0.011
"""A sender with steps of one per cent shows at least one of them when so much of the tank has burnt."""


class TankWatch(Watch):
    """What the three share."""

    __slots__ = ("book",)

    def __init__(self, cell: Cell, alarms: Alarms, book: Book) -> None:
        super().__init__(cell, alarms)
        self.book = book
        book.watchers.append(self)

    def present_value(self) -> Value:
        litres = self.book.memory.litres
        return None if litres is None else round(litres, 1)

    def evidence(self, now: int) -> int:
        return min(self.book.memory.at, now)


class LossWatch(TankWatch):
    """`fuel_loss`: what is gone although the engines stand, beyond warmth and what may have burnt unseen."""

    __slots__ = ("_again", "_settings", "_since", "_timers", "gone", "rule")

    def __init__(
        self, cell: Cell, alarms: Alarms, book: Book, rule: FuelLossRule, settings: Fuel, timers: Timers
    ) -> None:
        super().__init__(cell, alarms, book)
        self.rule = rule
        self.gone = 0.0
        self._since = 0
        self._settings = settings
        self._timers = timers
        self._again = Timer("recheck", self.evaluate, cell.order, Phase.DEADLINE)
        book.keep_for = max(book.keep_for, rule.within)

    def evaluate(self, now: int) -> None:
        super().evaluate(now)
        self._timers.set(self._again, self._since + self.rule.within + 1 if self.cell.holds is True else None)

    def condition(self, now: int) -> Truth:
        memory, holds = self.book.memory, self.book.holds
        if memory.engine != STANDING or memory.litres is None or self.book.content.litres is None:
            return None
        burnt = self.book.burnt(now)[1]
        if burnt is None:
            return None
        self.gone, beyond = 0.0, False
        for end, litres, burnt_then in memory.past:
            if end < now - self.rule.within or litres - memory.litres <= self.gone:
                continue
            warmth = (holds or 0.0) * self._settings.drift / 100 * (now - end) / HOUR_MS
            if litres - memory.litres > self.rule.litres + warmth + burnt - burnt_then:
                self.gone, self._since, beyond = litres - memory.litres, end, True
        return beyond

    def describe(self) -> str:
        left = show_value(self.present_value(), "l")
        if self.cell.holds is not True:
            return f"{left} are there"
        return (
            f"{show_value(round(self.gone, 1), 'l')} are gone within {format_duration(self.rule.within)} and no engine "
            f"has run; {left} are left"
        )


class BurnWatch(TankWatch):
    """`fuel_burn`: far more is gone than the load of this run explains."""

    __slots__ = ("_explained", "rule")

    def __init__(self, cell: Cell, alarms: Alarms, book: Book, rule: FuelBurnRule) -> None:
        super().__init__(cell, alarms, book)
        self.rule = rule
        self._explained: float | None = None

    def condition(self, now: int) -> Truth:
        memory = self.book.memory
        if memory.engine == STANDING:
            return False
        burnt = self._explained = self.book.burnt(now)[1]
        if memory.engine != RUNNING or burnt is None or memory.rise is not None or self.book.content.litres is None:
            return None
        gone = self._gone()
        return None if gone is None else gone > burnt * self.rule.times + self.rule.litres

    def _gone(self) -> float | None:
        memory = self.book.memory
        known = memory.base is not None and memory.litres is not None
        return (memory.base or 0.0) + memory.delivered - (memory.litres or 0.0) if known else None

    def describe(self) -> str:
        memory = self.book.memory
        if memory.engine == STANDING:
            return "no engine runs"
        gone, explained = show_value(_whole(self._gone()), "l"), show_value(_whole(self._explained), "l")
        return f"{gone} are gone since the engine started, its load explains {explained}"


class StuckWatch(TankWatch):
    """`fuel_stuck`: an engine has run, and the level stands where it stood. Over when it moves."""

    __slots__ = ("_again", "_look_again", "_moved", "_must", "_timers", "rule")

    def __init__(
        self, cell: Cell, alarms: Alarms, book: Book, rule: FuelStuckRule, timers: Timers,
        look_again: Callable[[str, int], None],
    ) -> None:  # fmt: skip
        super().__init__(cell, alarms, book)
        self.rule = rule
        self._timers = timers
        self._look_again = look_again
        self._again = Timer("recheck", self.evaluate, cell.order, Phase.DEADLINE)
        self._must = self._moved = 0.0
        """Litres that must have burnt, and by which the level is lower, when it was judged last."""

    @property
    def stuck(self) -> bool:
        return self.cell.row.state is AlarmState.ACTIVE

    def evaluate(self, now: int) -> None:
        was = self.stuck
        super().evaluate(now)
        if self.stuck is not was:
            self._look_again(self.book.asset.id, now)
        memory = self.book.memory
        first = memory.engine_since + self.rule.after
        due = first if now < first else now + _LOOK_EVERY_MS - (now - first) % _LOOK_EVERY_MS
        self._timers.set(self._again, due if memory.engine == RUNNING and self.cell.holds is not True else None)

    def condition(self, now: int) -> Truth:
        """Judged by when the level was last said, not by the time of the look: silence is not standing still."""
        memory, slot, litres = self.book.memory, self.book.slot(), self.book.content.litres
        if slot is None or litres is None or memory.base is None or memory.rise is not None:
            return None
        moved = self._moved = memory.base - litres + memory.delivered
        if memory.engine != RUNNING:
            return False if abs(moved) > self.book.step else None
        seen = min(slot.seen, now)
        must = self._must = self.book.burnt(seen)[0]
        if must < (self.book.holds or 0.0) * _VISIBLE_SHARE:
            return None
        if moved >= must * self.rule.share / 100:
            return False
        return True if seen - memory.engine_since >= self.rule.after else None

    def evidence(self, now: int) -> int:
        return now

    def describe(self) -> str:
        must, moved = show_value(_whole(self._must), "l"), show_value(_whole(self._moved), "l")
        return f"{must} must have burnt, the level shows {moved} less"


def _whole(litres: float | None) -> float | None:
    return None if litres is None else float(round(litres))
