"""Rules about devices that do not answer: `silent` and `lost_on_battery`."""

from __future__ import annotations

from typing import Any

from dcmon.model import AlarmState, Value
from dcmon.thresholds.alarms import Alarms
from dcmon.thresholds.board import NEVER, Board, Slot, attach
from dcmon.thresholds.cells import Cell
from dcmon.thresholds.logic import Truth
from dcmon.thresholds.timers import Order, Phase, Timer, Timers
from dcmon.thresholds.watches import ON_BATTERY, Watch


class ReachableWatch(Watch):
    """What both rules share: the slot of `device.reachable`, once it has been seen."""

    __slots__ = ("asset", "slot")

    def __init__(self, cell: Cell, alarms: Alarms) -> None:
        super().__init__(cell, alarms)
        self.asset = cell.row.asset
        self.slot: Slot | None = None

    def present_value(self) -> Any:
        return None if self.slot is None else self.slot.value


class LostOnBatteryWatch(ReachableWatch):
    """`lost_on_battery`: no answer, and the last that was heard of its UPS is that it ran on battery."""

    __slots__ = ("upses",)

    def __init__(self, cell: Cell, alarms: Alarms) -> None:
        super().__init__(cell, alarms)
        self.upses: list[Slot] = []

    def condition(self, now: int) -> Truth:
        """A lost device is asked less and less often, so that it does not answer is believed until it does.

        Nor does the return of its UPS make it another silence: it has not been asked since, or is still starting.
        """
        answer: Value = (
            None if self.slot is None else self.slot.value if self.slot.value is not None else self.slot.last
        )
        if answer is False:
            return self.cell.row.state is AlarmState.ACTIVE or any(_on_battery(ups) for ups in self.upses)
        return False if self.slot is not None and self.slot.value is True else None

    def evidence(self, now: int) -> int:
        return self.slot.since if self.slot is not None else now

    def describe(self) -> str:
        if self.slot is not None and self.slot.value is True:
            return f"{self.asset} answers"
        upses = dict.fromkeys(ups.key.asset for ups in self.upses if _on_battery(ups))
        last = f"{' and '.join(upses)} was last seen on battery" if upses else "since its UPS was on battery"
        return f"{self.asset} does not answer, {last}"


class SilentWatch(ReachableWatch):
    """`silent`: the device does not answer, or nothing at all was heard of it, from the start on too.

    That a poll failed is said by the poller. That nobody says anything of a device that answered the last time is
    first of all dcmon's own lateness, and none of the device's: only after `patience` it counts as silence.
    """

    __slots__ = ("_recheck", "_timers", "battery", "expected", "listening", "patience")

    def __init__(
        self,
        cell: Cell,
        alarms: Alarms,
        battery: LostOnBatteryWatch | None,
        expected: bool,
        patience: int,
        timers: Timers,
    ) -> None:
        super().__init__(cell, alarms)
        self.patience = patience
        """The longest that a poller that works lets pass between two reports of a device, ms."""
        self._timers = timers
        self._recheck = Timer("recheck", self.evaluate, cell.order, Phase.DEADLINE)
        self.battery = battery
        """Speaks in its stead when the device was lost on battery."""
        self.expected = expected
        """Whether it must be heard of; in a replay only what is said counts."""
        self.listening = NEVER
        """Since when somebody listens without a gap."""

    def evaluate(self, now: int) -> None:
        super().evaluate(now)
        doubtful = self._unreported()
        due = None if doubtful is None else doubtful + self.patience
        self._timers.set(self._recheck, due if due is not None and due > now else None)

    def condition(self, now: int) -> Truth:
        value = None if self.slot is None else self.slot.value
        if value is True:
            return False
        if self.battery is not None and self.battery.condition(now) is True:
            return False
        if value is False:
            return True
        if not self.expected:
            return None
        if self.slot is None or self.slot.seen < self.listening:
            return True if now >= self.listening + self.first_word else None
        doubtful = self._unreported()
        return True if doubtful is None or now >= doubtful + self.patience else None

    @property
    def first_word(self) -> int:
        """How long a device may go without being mentioned at all after the start, ms."""
        return max(self.cell.on_delay, self.patience)

    def _unreported(self) -> int | None:
        """Since when nobody says anything of a device that answered the last time; None when that is not so."""
        slot = self.slot
        if not self.expected or slot is None or slot.value is not None or slot.last is not True:
            return None
        return slot.seen if slot.seen >= self.listening else None

    def evidence(self, now: int) -> int:
        slot = self.slot
        if slot is None:
            return self.listening
        return max(slot.seen if slot.value is None else slot.since, self.listening)

    def describe(self) -> str:
        slot = self.slot
        if slot is not None and slot.value is True:
            return f"{self.asset} answers"
        if slot is None or slot.value is None:
            return f"nothing is heard of {self.asset}"
        return f"{self.asset} does not answer" + (f" ({slot.note})" if slot.note else "")


class Fader:
    """In a replay, what a device has said holds until something else is said, or the device is said to be silent."""

    def __init__(self, device: str, assets: frozenset[str], board: Board) -> None:
        self.order: Order = (-30, device)
        self._assets = assets
        self._board = board
        self._slot: Slot | None = None
        board.want(device, "device.reachable", None, self._found)

    def evaluate(self, now: int) -> None:
        value = None if self._slot is None else self._slot.value
        if value is False:
            self._board.fade(self._assets, now)
        elif value is True:
            self._board.unfade(self._assets)

    def _found(self, slot: Slot) -> None:
        self._slot = slot
        attach(slot, self)


def _on_battery(ups: Slot) -> bool:
    return ups.last is not None and ups.last == ON_BATTERY[ups.key.point]
