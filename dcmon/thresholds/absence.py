"""Rules about what cannot be seen: `stale`, one asset's values, and `blind`, nearly everything at once."""

from __future__ import annotations

from math import ceil

from dcmon.model import Value
from dcmon.thresholds.alarms import Alarms
from dcmon.thresholds.board import NEVER, Slot
from dcmon.thresholds.cells import Cell
from dcmon.thresholds.logic import Truth, show_value
from dcmon.thresholds.timers import Phase, Timer, Timers
from dcmon.thresholds.watches import Watch

_MOST_NAMED = 3


class StaleWatch(Watch):
    """`stale`: the device answers, but something of the asset that is judged, and was read before, is unknown.

    What was last read by an earlier process and not by this one is in doubt: it may have been taken away meanwhile.
    """

    __slots__ = ("_found", "_recheck", "_timers", "expected", "listening", "patience", "reachable", "slots")

    def __init__(self, cell: Cell, alarms: Alarms, expected: bool, patience: int, timers: Timers) -> None:
        super().__init__(cell, alarms)
        self.slots: list[Slot] = []
        self.reachable: Slot | None = None
        self.expected = expected
        """Whether the device must be heard of; in a replay what is not said is not missing."""
        self.patience = patience
        """For so long (ms) that nothing is said of a value is dcmon's own lateness, and none of the sensor's."""
        self.listening = NEVER
        """Since when this process or one without a gap before it has listened."""
        self._found: list[Slot] = []
        """What was missing when it was last looked at."""
        self._timers = timers
        self._recheck = Timer("recheck", self.evaluate, cell.order, Phase.DEADLINE)

    def evaluate(self, now: int) -> None:
        super().evaluate(now)
        waits = [slot.since + self.patience for slot in self._unknown() if not slot.doubted] if self.expected else []
        self._timers.set(self._recheck, min((due for due in waits if due > now), default=None))

    def condition(self, now: int) -> Truth:
        self._found = [
            slot for slot in self._unknown() if slot.doubted or (self.expected and now >= slot.since + self.patience)
        ]
        if not self._found:
            return None if self.cell.live and self._unknown() else False
        answers = None if self.reachable is None else self.reachable.value
        if answers is False or (answers is None and (self.expected or self.reachable is not None)):
            return None
        return True if any(slot.seen >= self.listening for slot in self._found) else None

    def evidence(self, now: int) -> int:
        answers_since = NEVER if self.reachable is None else self.reachable.since
        return max(min((slot.since for slot in self._found), default=now), answers_since)

    def describe(self) -> str:
        if not self._found:
            return "everything can be read again"
        missing = sorted(self._found, key=lambda slot: slot.name)
        named = [f"{slot.name} (was {show_value(slot.last)})" for slot in missing[:_MOST_NAMED]]
        more = f" and {len(missing) - _MOST_NAMED} more" if len(missing) > _MOST_NAMED else ""
        return f"the device answers, but nothing can be read of {', '.join(named)}{more}"

    def present_value(self) -> Value:
        return len(self._found)

    def _unknown(self) -> list[Slot]:
        """What is worked out from readings is missing with them, and on its own only when it is said to be."""
        return [
            slot for slot in self.slots
            if slot.value is None and slot.last is not None and (slot.doubted or not slot.computed)
        ]  # fmt: skip


class BlindWatch(Watch):
    """`blind`: so many devices do not answer that it is dcmon itself that is cut off."""

    __slots__ = ("need", "slots", "total")

    def __init__(self, cell: Cell, alarms: Alarms, total: int, share: float) -> None:
        super().__init__(cell, alarms)
        self.slots: list[Slot] = []
        self.total = total
        self.need = max(ceil(total * share / 100), 2)

    def condition(self, now: int) -> Truth:
        if len(self.silent()) >= self.need:
            return True
        answering = sum(slot.value is True for slot in self.slots)
        return False if answering > self.total - self.need else None

    def evidence(self, now: int) -> int:
        """When the device fell silent, or answered again, that made it so many, or so few."""
        silent = self.silent()
        if len(silent) >= self.need:
            return sorted(slot.since for slot in silent)[self.need - 1]
        return max((slot.since for slot in self.slots if slot.value is True), default=now)

    def silent(self) -> list[Slot]:
        """`device.reachable` of the devices that do not answer."""
        return [slot for slot in self.slots if slot.value is False]

    def describe(self) -> str:
        return f"{len(self.silent())} of {self.total} devices do not answer"

    def present_value(self) -> Value:
        return len(self.silent())

    def concerns(self) -> frozenset[str]:
        return frozenset(slot.key.asset for slot in self.silent())
