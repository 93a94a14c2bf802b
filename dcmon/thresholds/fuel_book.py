"""The book of one tank: what it holds, what was burnt, delivered and lost. All that it remembers is one running record.

A level is noisy: it sloshes, its sender has steps and drops out. So the content is *believed*: it moves only when all
that was read for `fuel.settle` was above, or below, what was believed before. Time is cut into stretches in which the
engines that burn from the tank all stand, and in which one runs. What must have burnt lies between two figures: where
something is not known, an engine or the time without dcmon, one counts it as nothing, the other as full load.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from dcmon.config.rules import Fuel
from dcmon.config.site import Asset
from dcmon.model import Quality, Record
from dcmon.thresholds.board import Board, Judged, Slot, attach
from dcmon.thresholds.fuel_engine import Engine
from dcmon.thresholds.fuel_memory import RUNNING, STANDING, Memory
from dcmon.thresholds.fuel_tank import Content, capacity, from_level, from_volume, vanished
from dcmon.thresholds.ledger import Ledger
from dcmon.thresholds.timers import Order, Phase, Timer, Timers

HOUR_MS = 3_600_000
STEP_SHARE = 0.0025
"""Share of the tank by which the content must differ to be another: finer steps tell nothing and cost rows."""
RUN_FROM_MS = 20 * 60_000
"""Shorter runs say nothing of the consumption."""
RUN_STEPS = 5
"""A run counts if it must have burnt so many of the smallest steps that the level was seen to make."""
_RUNS = 15
_PAST = 64


class Book:
    """One tank. `changed` is called when something of it is another."""

    __slots__ = (
        "_board",
        "_changed",
        "_finish",
        "_last",
        "_ledger",
        "_pause",
        "_settings",
        "_settle",
        "_timers",
        "asset",
        "content",
        "engines",
        "keep_for",
        "memory",
        "on_delivery",
        "order",
        "record",
        "shown",
        "since",
        "slots",
        "watchers",
    )  # fmt: skip

    def __init__(
        self, asset: Asset, engines: list[Engine], settings: Fuel, board: Board, timers: Timers, ledger: Ledger,
        changed: Callable[[Book, int], None], on_delivery: Callable[[Book, int, int, float, float, int], None],
    ) -> None:  # fmt: skip
        self.asset = asset
        self.engines = engines
        self.order: Order = (-20, asset.id)
        self.slots: dict[tuple[str, str], Slot] = {}
        self.content = Content(None)
        self.keep_for = 0
        """For how long falls are remembered: the longest `within` of the rules."""
        self.watchers: list[Judged] = []
        """Watches of rules about this tank; they look again when something has changed."""
        self.on_delivery = on_delivery
        self._settings = settings
        self._timers = timers
        self._ledger = ledger
        self._board = board
        self._changed = changed
        self._settle = Timer("delay", self.evaluate, self.order, Phase.DEADLINE)
        self._pause = Timer("delay", self.evaluate, self.order, Phase.DEADLINE)
        self._finish = Timer("delay", self.evaluate, self.order, Phase.DEADLINE)
        self._last: float | None = None
        self.shown: float | None = None
        """The content for others: the believed one, and finer than that what is read where it is next to it."""
        self.since = 0
        known = ledger.records.get(f"fuel-{asset.id}")
        self.record = known
        self.memory = Memory() if known is None else Memory.of(known.data)
        for point in ("fuel.volume", "fuel.level"):
            board.want(asset.id, point, None, self._found)
        for engine in engines:
            for point in ("engine.running", "generator.load", "generator.power"):
                board.want(engine.asset.id, point, None, partial(self._found_of, engine))

    def _found(self, slot: Slot) -> None:
        self.slots[slot.key.point, slot.key.index or ""] = slot
        attach(slot, self)

    def _found_of(self, engine: Engine, slot: Slot) -> None:
        if slot.key.index is None:
            setattr(engine, {"engine.running": "running", "generator.load": "load"}.get(slot.key.point, "power"), slot)
            attach(slot, self)

    # What is read

    def slot(self) -> Slot | None:
        """The series that says what is in the tank: litres before per cent, without an index before one with."""
        known = [key for key, slot in self.slots.items() if slot.value is not None]
        return self.slots[min(known, key=lambda key: (key[0] != "fuel.volume", key[1]))] if known else None

    def _read(self) -> tuple[Content, Slot | None]:
        slot = self.slot()
        if slot is None:
            return Content(None), None
        found = (from_volume if slot.key.point == "fuel.volume" else from_level)(self.asset.rating, slot.value)
        if slot.quality is Quality.UNCERTAIN and found.note is None:
            found = found._replace(note=slot.note or "the reading is uncertain")
        return found, slot

    @property
    def holds(self) -> float | None:
        """Litres that the tank holds by its rating; None where that does not say."""
        return capacity(self.asset.rating)

    @property
    def step(self) -> float:
        """Litres by which the content must differ to be another."""
        return (self.holds or 1000.0) * STEP_SHARE

    def usable(self) -> float | None:
        """Litres that can be burnt; None while the level is unknown."""
        return None if self.shown is None else max(self.shown - self.asset.rating.tank.unusable_l, 0.0)

    def filled(self) -> float | None:
        """Per cent of the volume."""
        return None if self.shown is None or self.holds is None else self.shown / self.holds * 100

    def room(self) -> float | None:
        """Litres that are missing to the full tank."""
        memory, litres, holds = self.memory, self.content.litres, self.holds
        if memory.litres is not None and memory.away is not None and vanished(memory.litres, memory.away, holds):
            litres = memory.litres
        return None if litres is None or holds is None else max(holds - litres, 0.0)

    def burnt(self, until: int) -> tuple[float, float | None]:
        """Litres that must have burnt in this stretch until `until`: at least, and at most."""
        memory = self.memory
        hours = max(until - memory.counted, 0) / HOUR_MS
        low = memory.low + memory.low_rate * hours
        unknown = memory.high is None or (memory.high_rate is None and hours > 0)
        return low, None if unknown else (memory.high or 0.0) + (memory.high_rate or 0.0) * hours

    def factor(self) -> float | None:
        """What the engines really burn, as a multiple of the nameplate: the median of the last runs, from three on."""
        ratios = sorted(gone / nominal for _, gone, nominal in self.memory.runs)
        return ratios[len(ratios) // 2] if len(ratios) >= 3 else None

    # What follows

    def evaluate(self, now: int) -> None:
        """Looks at everything anew."""
        before = self.memory
        if self.content.litres is not None and before.away is None:
            self.memory = replace(before, calm=self.burnt(now)[1])
        content, slot = self._read()
        doubt = self.content.note != content.note or (self.content.litres is None) is not (content.litres is None)
        self.content = content
        self._believe(content.litres, slot, now)
        self._stretch(now)
        self._end_rise(now)
        self._end_run(now)
        self._set_timers(now)
        if self.memory != before:
            self._keep(now)
        if self._show(slot, now) or doubt or self.memory != before:
            self._changed(self, now)
        self._board.dirty.update(self.watchers)

    def _show(self, slot: Slot | None, now: int) -> bool:
        """Whether what others see has changed."""
        was, litres, believed = self.shown, self.content.litres, self.memory.litres
        if litres is None or believed is None or slot is None:
            self.shown = None
        elif abs(litres - believed) <= self.step:
            self.shown, self.since = litres, max(self.memory.at, min(slot.since, now))
        else:
            self.shown, self.since = believed, self.memory.at
        return self.shown != was

    def _believe(self, litres: float | None, slot: Slot | None, now: int) -> None:
        """The content moves when it has been above, or below, for long enough: then by the least it has moved since."""
        memory = self.memory
        if litres is None or slot is None:
            self._last = None
            self.memory = replace(memory, away=None)
            return
        since = min(max(slot.since, 0), now)
        if self._last is not None and litres != self._last:
            step = round(abs(litres - self._last), 3)
            memory = replace(memory, smallest=step if memory.smallest is None else min(step, memory.smallest))
        self._last = litres
        if memory.litres is None:
            memory = replace(memory, litres=litres, at=since, base=litres)
        believed = memory.litres
        while believed is not None:
            gap = litres - believed
            if abs(gap) <= self.step:
                memory = replace(memory, away=None)
                break
            away = memory.away
            if away is None or (away - believed) * gap < 0:
                memory = replace(memory, away=litres, away_since=since)
            elif abs(gap) < abs(away - believed):
                memory = replace(memory, away=litres)
            if now < memory.away_since + self._settings.settle or self._odd(memory, slot):
                break
            memory = self._move(memory, now)
            believed, since = memory.litres, now
        self.memory = memory

    def _odd(self, memory: Memory, slot: Slot) -> bool:
        """Empty at one blow, and only one reading says so."""
        if memory.away is None or memory.litres is None or slot.seen > memory.away_since:
            return False
        return vanished(memory.litres, memory.away, self.holds)

    def _move(self, memory: Memory, now: int) -> Memory:
        """What was away for long enough is what is there."""
        assert memory.litres is not None
        assert memory.away is not None
        past, rise = memory.past, memory.rise
        if memory.away > memory.litres:
            start, burnt = memory.away_since, self.burnt(now)[0]
            lately = (litres for end, litres, _ in past if end >= start - self._settings.delivery_pause)
            base = max(memory.litres, *lately, 0.0)  # what sloshes falls before it rises
            rise = (start, now, base, burnt) if rise is None else (rise[0], now, *rise[2:])
        elif rise is None:
            past = self._held(memory, memory.away_since, memory.litres, now)
        return replace(memory, litres=memory.away, at=memory.away_since, away=None, past=past, rise=rise)

    def _held(self, memory: Memory, until: int, litres: float, now: int) -> tuple[tuple[int, float, float], ...]:
        """The past with what the tank held until `until`."""
        if memory.engine != STANDING or memory.calm is None:
            return memory.past
        higher = [one for one in memory.past if one[1] > litres and one[0] >= now - self.keep_for]
        return (*higher, (until, litres, memory.calm))[-_PAST:]

    def _stretch(self, now: int) -> None:
        """Counts what must have burnt, and begins another stretch when the engines start or stop."""
        memory = self.memory
        states = {engine.runs() for engine in self.engines}
        engine = RUNNING if True in states else memory.engine if None in states else STANDING
        bounds = [one.bounds() for one in self.engines]
        highs = [high for _, high in bounds]
        low_rate = sum(low for low, _ in bounds)
        high_rate = None if None in highs else sum(high for high in highs if high is not None)
        if engine == memory.engine and (low_rate, high_rate) == (memory.low_rate, memory.high_rate) and memory.counted:
            return
        low, high = self.burnt(now)
        if high is None and high_rate is not None and engine == STANDING:
            memory, high = (
                replace(memory, past=(), calm=0.0),
                0.0,
            )  # how much is gone cannot be told any more: begin anew
        memory = replace(memory, low=low, high=high, low_rate=low_rate, high_rate=high_rate, counted=now)
        if engine != memory.engine or not memory.engine_since:
            ended = self._run(memory, now) if memory.engine == RUNNING and engine == STANDING else None
            base = self.content.litres if memory.away is None else memory.litres
            memory = replace(
                memory, engine=engine, engine_since=now, base=base, low=0.0, high=0.0, calm=0.0, delivered=0.0, past=(),
                ended=ended,
            )  # fmt: skip
        self.memory = memory

    @staticmethod
    def _run(memory: Memory, now: int) -> tuple[int, float, float, float] | None:
        """A run that is over, if it says something of the consumption: all was known, and nothing was delivered."""
        lasted = now - memory.engine_since
        known = memory.high is not None and memory.high - memory.low < 1e-6 and memory.low > 0
        if lasted < RUN_FROM_MS or not known or memory.base is None or memory.delivered or memory.rise is not None:
            return None
        return now, lasted / HOUR_MS, memory.base, memory.low

    def _end_run(self, now: int) -> None:
        """When the level has come to rest after a run, what is gone was burnt."""
        memory = self.memory
        if memory.ended is None or now < memory.ended[0] + 3 * self._settings.settle:
            return
        _, hours, base, nominal = memory.ended
        runs, rest = memory.runs, self.content.litres
        gone = 0.0 if rest is None else base - rest
        coarse = memory.smallest is None or nominal < RUN_STEPS * memory.smallest
        if memory.away is None and memory.rise is None and not coarse and gone > 0:
            runs = (*runs, (round(hours, 4), round(gone, 2), round(nominal, 2)))[-_RUNS:]
        self.memory = replace(memory, ended=None, runs=runs)

    def _end_rise(self, now: int) -> None:
        """A rise that has come to an end is a delivery, unless it fell back or was only warmth."""
        memory = self.memory
        if memory.rise is None or now < memory.rise[1] + self._settings.delivery_pause or memory.away is not None:
            return
        start, end, base, burnt = memory.rise
        risen = (memory.litres or 0.0) - base
        if memory.engine == RUNNING:
            risen += max(self.burnt(now)[0] - burnt, 0.0)
        holds = self.holds or 0.0
        warmth = holds * self._settings.drift / 100 * (end - start) / HOUR_MS
        past = memory.past if risen >= 0 else self._held(memory, start, base, now)
        self.memory = replace(memory, rise=None, past=past)
        if holds and risen - warmth >= holds * self._settings.delivery_from / 100:
            self.memory = replace(self.memory, delivered=memory.delivered + risen)
            self.on_delivery(self, start, end, round(risen, 1), base, now)

    def _set_timers(self, now: int) -> None:
        memory, settle = self.memory, self._settings.settle
        due = None
        if memory.away is not None:
            due = memory.away_since + settle
            if due <= now:  # one reading alone does not empty a tank; the next one need not wake anybody
                due = now + max(settle, now - memory.away_since)
        self._timers.set(self._settle, due)
        pause = None if memory.rise is None else memory.rise[1] + self._settings.delivery_pause
        self._timers.set(self._pause, None if pause is None else pause if pause > now else due)
        self._timers.set(self._finish, None if memory.ended is None else memory.ended[0] + 3 * settle)

    def _keep(self, now: int) -> None:
        """The record as it stands. Nobody is told: what matters of it is told by rules and deliveries."""
        reason = f"content, consumption and falls of {self.asset.name}"
        row = self.record or Record(
            f"fuel-{self.asset.id}", "fuel", self.asset.id, None, "running", None, now, None, reason, ("T05", "T06")
        )
        self.record = replace(row, data=self.memory.plain())
        self._ledger.put_record(self.record)

    def go_on(self, start: int, gap: int) -> None:
        """The first step after a restart: in the time without dcmon an engine may have run unseen."""
        if self.record is None:
            return
        if gap > 0:
            low, high = self.burnt(start - gap)
            full = [engine.full() for engine in self.engines]
            most = None if high is None or None in full else high + sum(one or 0 for one in full) * gap / HOUR_MS
            self.memory = replace(
                self.memory, low=low, high=most, counted=start, low_rate=0.0, away=None, rise=None, ended=None
            )
        self._set_timers(start)

    def shift(self, delta: int) -> None:
        """The machine's clock was set: what has elapsed stays elapsed."""
        if self.record is not None:
            self.memory = self.memory.shifted(delta)
            self.record = replace(self.record, data=self.memory.plain())
            self._ledger.put_record(self.record)
