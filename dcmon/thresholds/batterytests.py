"""Tests of UPS batteries (T03, T09): a UPS that runs on its battery although its mains are there tests itself.

On battery for no longer than a sample of the mains holds, it may as well have bridged a dip that nobody saw: that is no
test. Nor is it one while the input of the UPS is dead, whatever the mains say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dcmon.config.base import format_duration
from dcmon.config.register import BatteryTest
from dcmon.config.site import DEAD_BELOW_V, AssetKind
from dcmon.model import number
from dcmon.thresholds.board import NEVER, Board, Slot, attach
from dcmon.thresholds.gauges import Gauge
from dcmon.thresholds.ledger import Ledger
from dcmon.thresholds.logic import Truth
from dcmon.thresholds.timers import Timers
from dcmon.thresholds.topology import Topology
from dcmon.thresholds.trials import Trial
from dcmon.thresholds.watches import ON_BATTERY

_BAD = frozenset({"low", "depleted", "failed"})
_INPUT, _MAINS, _STATUS = "input.voltage", "mains.available", "battery.status"


class BatterySelfTest(Trial):
    """The tests of one UPS."""

    kind, label = "battery-test", "battery test"
    tom = ("T03", "T09")
    _unseen: bool
    """Whether it runs on battery was not known when it was looked at last."""
    _status: str | None
    """What the battery said of itself that it must not be."""

    def __init__(
        self, asset: str, wanted: BatteryTest, board: Board, timers: Timers, ledger: Ledger, topology: Topology
    ) -> None:
        super().__init__(asset, board, timers, ledger, topology)
        self._wanted = wanted
        self._slots: dict[str, list[Slot]] = {}
        feeding = topology.upstream_of_kind(asset, AssetKind.MAINS)
        self._settle = max((board.hold(mains, _MAINS) for mains in feeding), default=0)
        self.restore({})
        for point in (*ON_BATTERY, _INPUT, _STATUS):
            board.want(asset, point, None, self._found)
        self.mains = frozenset(feeding)
        for mains in feeding:
            board.want(mains, _MAINS, None, self._found)
        self.gauges = [
            Gauge(board, asset, "battery.charge", above=wanted.charge_above),
            Gauge(board, asset, "battery.voltage", above=wanted.voltage_above),
            Gauge(board, asset, "output.voltage"),
        ]

    def idle(self) -> bool:
        return self._truth() is False

    def begins(self, now: int) -> int | None:
        since, _ = self._on_battery(True)
        if since is None or self._fed() is not True:
            self.timers.set(self.timer, None)
            return None
        if any(slot.since > since for slot in self._slots[_MAINS] if slot.before != NEVER):
            return None
        if now - since <= self._settle:
            self.timers.set(self.timer, since + self._settle + 1)
            return None
        return since

    def look(self, now: int) -> None:
        if self._unseen:
            self.miss(now - self.at)
        self._unseen = self._truth() is None
        for slot in self._slots.get(_STATUS, ()):
            if slot.value in _BAD and self._status is None:
                self._status = str(slot.value)

    def ends(self, now: int) -> tuple[int, str] | None:
        assert self.record is not None
        since, truth = self._on_battery(False)
        if truth is False and since is not None:
            return min(max(since, self.record.started), now), ""
        if self._fed() is False:
            lost = min(slot.since for slot in self._dead())
            return min(max(lost, self.record.started), now), "the mains were lost"
        return None

    def judge(self, ended: int, why: str) -> tuple[str, str]:
        assert self.record is not None
        wanted = self._wanted
        length = ended - self.record.started
        text = f"{format_duration(length)} on battery"
        faults = [fault for gauge in self.gauges if (fault := gauge.finish(ended)) is not None]
        if self._status is not None:
            faults.insert(0, f"the battery was {self._status}")
        if faults:
            return "failed", f"battery test failed: {'; '.join(faults)} ({text})"
        if why:
            return "incomplete", f"battery test broken off: {why} after {text}"
        if self.missing * 100 > max(length, 1) * wanted.missing:
            return "incomplete", f"battery test proves nothing: {format_duration(self.missing)} of it nobody saw"
        if length < wanted.duration:
            return "failed", f"battery test too short: {text}, {format_duration(wanted.duration)} wanted"
        return "passed", f"battery test passed: {text}"

    def facts(self) -> dict[str, Any]:
        return {"unseen": self._unseen, "status": self._status}

    def restore(self, facts: Mapping[str, Any]) -> None:
        self._unseen, self._status = facts.get("unseen", False), facts.get("status")

    def _found(self, slot: Slot) -> None:
        self._slots.setdefault(slot.key.point, []).append(slot)
        attach(slot, self)

    def _truth(self) -> Truth:
        """Whether it runs on battery: any of the points that can say so says it."""
        said = [
            slot.value == word for point, word in ON_BATTERY.items() for slot in self._slots.get(point, ())
            if slot.value is not None
        ]  # fmt: skip
        return any(said) if said else None

    def _on_battery(self, wanted: bool) -> tuple[int | None, Truth]:
        """Since when it does (or does no longer), and whether it does."""
        truth = self._truth()
        if truth is not wanted:
            return None, truth
        sinces = [
            slot.since for point, word in ON_BATTERY.items() for slot in self._slots.get(point, ())
            if slot.value is not None and (slot.value == word) is wanted
        ]  # fmt: skip
        return min(sinces) if wanted else max(sinces), truth

    def _fed(self) -> Truth:
        """Whether mains and input are there."""
        if self._dead():
            return False
        mains = self._slots.get(_MAINS, ())
        return True if mains and all(slot.value is True for slot in mains) else None

    def _dead(self) -> list[Slot]:
        dead = [slot for slot in self._slots.get(_MAINS, ()) if slot.value is False]
        sizes = ((slot, number(slot.value)) for slot in self._slots.get(_INPUT, ()))
        return dead + [slot for slot, size in sizes if size is not None and size < DEAD_BELOW_V]
