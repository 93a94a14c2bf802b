"""Load-bank tests (T10): an engine that runs beside present mains and carries load was tested.

It is a test from `attempt` per cent of the nameplate on, so that one that is too weak stands on record as well, and a
run without load does not. It has passed when full load lasted without a break for the wanted time, all limits kept; a
dip that lasts no longer than one sample holds is no break. What an engine carries that has run since the mains were
lost is no test: it has not been relieved yet.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dcmon.config.base import format_duration
from dcmon.config.holds import HOLD
from dcmon.config.register import LoadBank
from dcmon.model import number
from dcmon.thresholds.board import NEVER, Board, Slot, attach
from dcmon.thresholds.gauges import Gauge
from dcmon.thresholds.ledger import Ledger
from dcmon.thresholds.logic import Truth, all_of
from dcmon.thresholds.timers import Timers
from dcmon.thresholds.topology import Topology
from dcmon.thresholds.trials import Trial

_SLOWEST_HOLD_MS = 150_000
"""Of a file with a sample a minute; what says nothing for longer is no curve."""


class LoadBankTest(Trial):
    """The tests of one generator."""

    kind, label = "load-bank", "load-bank test"
    tom = ("T10",)
    _full: int | None
    """Since when full load has lasted."""
    _weak: int | None
    """Since when that is interrupted."""
    _idle: int | None
    """Since when it carries too little for a test."""
    _lost: int
    """How much of the present stretch nobody saw, ms."""
    _unseen: bool
    """The load was not known when it was looked at last."""
    _best: list[int] | None
    """The longest stretch of full load: start, end, how much of it nobody saw."""
    _patience: int
    """How long the present interruption may last, ms."""
    _highest: float | None
    """Per cent of the nameplate."""

    def __init__(
        self, asset: str, wanted: LoadBank, board: Board, timers: Timers, ledger: Ledger, topology: Topology
    ) -> None:
        super().__init__(asset, board, timers, ledger, topology)
        self._wanted = wanted
        self._running: Slot | None = None
        self._load: Slot | None = None
        self._power: Slot | None = None
        self._mains: list[Slot] = []
        known = topology.assets.get(asset)
        self._rated = known.rating.power_w if known is not None else None
        self._hold = board.hold(asset, "generator.load")
        self.restore({})
        for point in ("engine.running", "generator.load", "generator.power"):
            board.want(asset, point, None, self._found)
        self.mains = frozenset({asset, *topology.stood_in_for(asset)})
        for mains in sorted(self.mains):
            board.want(mains, "mains.available", None, self._found)
        volts, hertz = wanted.voltage, wanted.frequency
        self.gauges = [
            Gauge(board, asset, "generator.load"),
            Gauge(board, asset, "generator.power"),
            Gauge(board, asset, "generator.voltage", above=volts[0], below=volts[1]),
            Gauge(board, asset, "generator.frequency", above=hertz[0], below=hertz[1]),
            Gauge(board, asset, "engine.coolant_temperature", below=wanted.coolant_below),
            Gauge(board, asset, "engine.oil_pressure", above=wanted.oil_above),
        ]

    def idle(self) -> bool:
        return self._running is not None and self._running.value is False

    def begins(self, now: int) -> int | None:
        running, share = self._running, self._share()
        if running is None or running.value is not True or share is None or share < self._wanted.attempt:
            return None
        if self._mains_present() is not True or self._relieves_mains():
            return None
        if any(slot.since > running.since for slot in self._mains if slot.before != NEVER):
            return None
        load = self._load if self._load is not None and self._load.value is not None else self._power
        return max(load.since if load is not None else now, running.since)

    def said_since(self, started: int) -> int:
        """What was said since the engine runs: a file may say its voltage once."""
        running = self._running
        return started if running is None or running.value is not True else min(started, running.since)

    def counts(self) -> bool:
        share = self._share()
        return share is None or share >= self._wanted.attempt

    def look(self, now: int) -> None:
        """Full load goes on through what nobody sees; whether that was too much is judged at the end."""
        if self._unseen:
            self.miss(now - self.at)
        share = self._share()
        self._unseen = share is None
        if share is not None:
            self._highest = share if self._highest is None else max(self._highest, share)
        if share is not None and share >= self._wanted.load:
            if self._weak is not None and now - self._weak > self._patience:
                self._close(self._weak)
            if self._full is None:
                self._full, self._lost = now, 0
            self._weak = None
        elif share is not None and self._full is not None and self._weak is None:
            self._weak = now
            self._patience = self._hold_of_load()
        if share is None or share >= self._wanted.attempt:
            self._idle = None
        elif self._idle is None:
            self._idle = now

    def ends(self, now: int) -> tuple[int, str] | None:
        if self._running is not None and self._running.value is False:
            stopped = min(max(self._running.since, self._started), now)
            return (stopped if self._idle is None else min(self._idle, stopped)), ""
        lost = [slot.since for slot in self._mains if slot.value is False]
        waits = []
        if lost:
            since = max(min(lost), self._started)
            hold = max(self.board.hold(slot.key.asset, slot.key.point) for slot in self._mains)
            waits.append((since + hold, since, "the mains were lost"))
        if self._idle is not None:
            waits.append((self._idle + self._patience, self._idle, ""))
        if not waits:
            self.timers.set(self.timer, None)
            return None
        due, since, why = min(waits)
        if due > now:
            self.timers.set(self.timer, due)
            return None
        return since, why

    def judge(self, ended: int, why: str) -> tuple[str, str]:
        wanted = self._wanted
        self._close(ended if self._weak is None else min(self._weak, ended))
        length = self._best[1] - self._best[0] if self._best is not None else 0
        lost = self._best[2] if self._best is not None else self.missing
        text = f"{format_duration(length - length % 1000)} at full load"
        faults = [fault for gauge in self.gauges if (fault := gauge.finish(ended)) is not None]
        if faults:
            return "failed", f"load-bank test failed: {'; '.join(faults)} ({text})"
        if length >= wanted.duration and lost * 100 <= length * wanted.missing:
            return "passed", f"load-bank test passed: {text}"
        if length >= wanted.duration or self.missing * 100 > max(ended - self._started, 1) * wanted.missing:
            return "incomplete", f"load-bank test proves nothing: {format_duration(self.missing)} of it nobody saw"
        asked = f"{format_duration(wanted.duration)} wanted"
        if why:
            return "incomplete", f"load-bank test broken off: {why} after {text}, {asked}"
        if length == 0:
            most = 0.0 if self._highest is None else self._highest
            return "failed", f"load-bank test too weak: at most {most:g} % of the nameplate, {wanted.load:g} % wanted"
        return "failed", f"load-bank test too short: {text}, {asked}"

    def miss(self, length: int) -> None:
        super().miss(length)
        self._lost += length

    def result(self) -> dict[str, Any]:
        full = None if self._best is None else {"start": self._best[0], "end": self._best[1]}
        return {"full_load": full, "highest_percent": self._highest}

    def facts(self) -> dict[str, Any]:
        return {
            "full": self._full, "weak": self._weak, "idle": self._idle, "lost": self._lost, "unseen": self._unseen,
            "best": self._best, "patience": self._patience, "highest": self._highest,
        }  # fmt: skip

    def restore(self, facts: Mapping[str, Any]) -> None:
        self._full, self._weak, self._idle = facts.get("full"), facts.get("weak"), facts.get("idle")
        self._lost, self._unseen = facts.get("lost", 0), facts.get("unseen", False)
        self._best, self._highest = facts.get("best"), facts.get("highest")
        self._patience = facts.get("patience", self._hold)

    def shift(self, delta: int) -> None:
        for name in ("_full", "_weak", "_idle"):
            moment = getattr(self, name)
            setattr(self, name, None if moment is None else moment + delta)
        if self._best is not None:
            self._best = [self._best[0] + delta, self._best[1] + delta, self._best[2]]
        super().shift(delta)

    @property
    def _started(self) -> int:
        assert self.record is not None
        return self.record.started

    def _close(self, end: int) -> None:
        """A stretch of full load is over."""
        if self._full is not None and (self._best is None or end - self._full > self._best[1] - self._best[0]):
            self._best = [self._full, end, self._lost]
        self._full = self._weak = None

    def _found(self, slot: Slot) -> None:
        match slot.key.point:
            case "engine.running":
                self._running = slot
            case "generator.load":
                self._load = slot
            case "generator.power":
                self._power = slot
            case _:
                self._mains.append(slot)
        attach(slot, self)

    def _share(self) -> float | None:
        """Per cent of the nameplate; what the controller says of it before what its power makes of it."""
        load = number(self._load.value) if self._load is not None else None
        if load is not None or self._power is None or not self._rated:
            return load
        power = number(self._power.value)
        return None if power is None else 100 * power / self._rated

    def _hold_of_load(self) -> int:
        """How long a sample of the load holds: where it comes slower than it is polled here, by its own pace."""
        slot = self._load if self._load is not None and self._load.value is not None else self._power
        if slot is None or slot.before == NEVER:
            return self._hold
        return max(self._hold, min(round(HOLD * (slot.since - slot.before)), _SLOWEST_HOLD_MS))

    def _mains_present(self) -> Truth:
        said = [None if slot.value is None else slot.value is True for slot in self._mains]
        return all_of(said) if said else None

    def _relieves_mains(self) -> bool:
        """Whether a transfer runs in which this generator has its part."""
        running = (row for row in self.ledger.records.values() if row.state == "running" and row.kind == "sequence")
        return any(row.subject == self.asset for row in running)
