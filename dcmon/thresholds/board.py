"""The last word of every series that something judges, and who wants to know when it changes.

A series that nobody judges costs one look-up per reading; one whose value stays as it was, a few comparisons more.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from math import isfinite
from typing import Any, Literal, Protocol

from dcmon.model import Quality, Reading, SeriesKey, Value
from dcmon.thresholds.timers import Order, Phase, Timer, Timers

NEVER = -(1 << 62)
FOREVER = 1 << 62


class Judged(Protocol):
    """Something that is looked at again when a slot it depends on changes."""

    order: Order

    def evaluate(self, now: int) -> None:
        """Looks at the slots and acts upon what has changed."""
        ...


class Slot:
    """One series: what it says, since when, and until when that may be believed."""

    __slots__ = (
        "absences",
        "before",
        "computed",
        "doubted",
        "expiry",
        "heard",
        "hold",
        "key",
        "last",
        "normal_hold",
        "note",
        "quality",
        "seen",
        "since",
        "value",
        "watchers",
    )

    def __init__(self, key: SeriesKey, hold: int, normal_hold: int) -> None:
        self.key = key
        self.value: Value = None
        """None while nothing is known."""
        self.last: Value = None
        """The last thing it said, however long ago."""
        self.quality: Quality | None = None
        self.note: str | None = None
        """Why the quality is uncertain."""
        self.seen = NEVER
        """When it last said something that can be used."""
        self.heard = NEVER
        """When that arrived: a slow device says everything so much later, and the next time too."""
        self.since = NEVER
        """When it began to say `value`; when it fell silent, if that is None."""
        self.before = NEVER
        """When it last said something else than `value`."""
        self.computed = False
        """What the engine works out itself: no reading writes to it."""
        self.hold = hold
        self.normal_hold = normal_hold
        self.watchers: tuple[Judged, ...] = ()
        self.doubted = False
        """Since the last value there was a reading that says that it cannot be read."""
        self.absences: tuple[Judged, ...] = ()
        """Want to know when the series falls silent or speaks again, whatever it says."""
        self.expiry: Timer | None = None

    @property
    def name(self) -> str:
        """The point with its index, for messages."""
        return self.key.point if self.key.index is None else f"{self.key.point}[{self.key.index}]"

    def expires(self) -> int:
        return self.heard + self.hold


class Board:
    """All slots. `dirty` collects who has to look again; the engine empties it instant by instant."""

    def __init__(self, timers: Timers, hold: Callable[[str, str], int], *, staleness: bool) -> None:
        self.slots: dict[tuple[Any, ...], Slot | Literal[False]] = {}
        self.dirty: set[Judged] = set()
        self.late = 0
        """Readings that came after a newer one of their series, or after their time, and were left out."""
        self.unusable = 0
        """Readings of bad quality, or without a value."""
        self._timers = timers
        self.hold = hold
        self.computed: Collection[str] = ()
        """Points that the engine works out itself."""
        self._staleness = staleness
        self._wanted: dict[tuple[str, str], list[tuple[str | None, Callable[[Slot], None]]]] = {}
        self._by_point: dict[str, list[Callable[[Slot], None]]] = {}
        self._kept: set[str] = set()
        self._by_asset: dict[str, list[Callable[[Slot], None]]] = {}

    def want_judged(self, asset: str, tell: Callable[[Slot], None]) -> None:
        """Calls `tell` with each new slot of this asset that something judges. To be asked before any is learned."""
        self._by_asset.setdefault(asset, []).append(tell)

    def want(self, asset: str, point: str, index: str | None, tell: Callable[[Slot], None]) -> None:
        """Calls `tell` with each slot of this asset's point (of any index when None), now and when a new one shows."""
        self._wanted.setdefault((asset, point), []).append((index, tell))
        for slot in list(self.slots.values()):
            if slot is not False and slot.key[:2] == (asset, point) and index in (None, slot.key.index):
                tell(slot)

    def want_point(self, point: str, tell: Callable[[Slot], None]) -> None:
        """Calls `tell` with each new slot of this point, whatever its asset. To be asked before anything is learned."""
        self._by_point.setdefault(point, []).append(tell)

    def keep(self, point: str) -> None:
        """Remembers this point of every asset, although nobody may ask for it before later."""
        self._kept.add(point)

    def learn(self, key: SeriesKey) -> Slot | Literal[False]:
        """The slot of a series seen for the first time; False when nobody judges it."""
        known = self.slots.get(key)
        if known is not None:
            return known
        normal = self.hold(key.asset, key.point)
        slot = Slot(key, normal if self._staleness else FOREVER, normal)
        if key.point in self.computed:
            slot.computed, slot.hold = True, FOREVER
        for tell in self._by_point.get(key.point, ()):
            tell(slot)
        for index, tell in self._wanted.get((key.asset, key.point), ()):
            if index is None or index == key.index:
                tell(slot)
        if slot.watchers:
            for tell in self._by_asset.get(key.asset, ()):
                tell(slot)
        self.slots[key] = slot if slot.watchers or key.point in self._kept else False
        return self.slots[key]

    def slot(self, asset: str, point: str, index: str | None = None) -> Slot | None:
        """The slot of a series, if it is judged and was seen."""
        return self.slots.get((asset, point, index)) or None

    def update(self, slot: Slot, reading: Reading, ts: int, now: int) -> None:
        """Takes over a reading that is not just the same again. `ts` is its time, never after now.

        One whose hold time was over before it arrived is no evidence of the present.
        """
        value, quality = reading.value, reading.quality
        if slot.computed:
            return
        if ts < slot.seen or ts + slot.hold < now:
            self.late += 1
            return
        if quality == Quality.BAD or value is None or (isinstance(value, float) and not isfinite(value)):
            self.unusable += 1
            if ts > slot.seen and not slot.doubted:
                self._doubt(slot, ts)
            return
        slot.doubted = False
        if not self._staleness and slot.hold != FOREVER:
            self._believe(slot)
        quality_changed = slot.quality != quality
        slot.quality, slot.note = quality, reading.reason
        if slot.value is None:
            self.dirty.update(slot.absences)
        if slot.value is None or slot.value != value:
            if slot.last is not None and slot.last != value:
                slot.before = slot.seen
            slot.value = slot.last = value
            slot.since = ts
            self.dirty.update(slot.watchers)
        elif quality_changed:
            self.dirty.update(slot.watchers)
        slot.seen, slot.heard = ts, max(ts, now)
        if slot.hold != FOREVER and (slot.expiry is None or slot.expiry.due is None):
            self._start_expiry(slot)

    def restore(self, readings: Mapping[SeriesKey, Reading], now: int, *, fresh: bool) -> None:
        """Puts the last readings of an earlier process in place.

        Unless they are `fresh` and their hold time is not over, they tell what was, not what is.
        """
        for key, reading in readings.items():
            slot = self.learn(SeriesKey(*key))
            if slot is False:
                continue
            self.update(slot, reading, reading.ts, reading.ts)
            if slot.value is not None and (not fresh or slot.expires() <= now):
                slot.value = slot.quality = None
                slot.since = min(slot.expires(), now)
                if slot.expiry is not None:
                    self._timers.set(slot.expiry, None)

    def fade(self, assets: Iterable[str], now: int) -> None:
        """Lets the slots of `assets` expire one hold time from now, where they would otherwise hold for ever."""
        wanted = frozenset(assets)
        for slot in self.slots.values():
            if slot is False or slot.computed:
                continue
            if slot.key.asset in wanted and slot.key.point != "device.reachable":
                slot.hold = max(now - slot.heard, 0) + slot.normal_hold
                self._start_expiry(slot)

    def unfade(self, assets: Iterable[str]) -> None:
        """The opposite of `fade`: what was said holds again until something else is."""
        wanted = frozenset(assets)
        for slot in self.slots.values():
            if slot is not False and slot.key.asset in wanted:
                self._believe(slot)

    def shift(self, delta: int) -> None:
        """Moves every remembered time by `delta` ms: the clock was set."""
        for slot in self.slots.values():
            if slot is not False and slot.seen != NEVER:
                slot.seen += delta
                slot.heard += delta
                slot.since += delta
                slot.before += delta if slot.before != NEVER else 0

    def _doubt(self, slot: Slot, ts: int) -> None:
        """The value is said to be unknown by now. Where values hold for ever it is believed for one hold time more."""
        slot.doubted = True
        self.dirty.update(slot.absences)
        if slot.value is not None and slot.hold == FOREVER:
            slot.hold = ts - slot.heard + slot.normal_hold
            slot.quality = None  # so that the next good reading is not taken for the same again
            self._start_expiry(slot)

    def _believe(self, slot: Slot) -> None:
        """The opposite of `_doubt`."""
        slot.hold = FOREVER
        if slot.expiry is not None:
            self._timers.set(slot.expiry, None)

    def _start_expiry(self, slot: Slot) -> None:
        if slot.value is None:
            return
        if slot.expiry is None:
            slot.expiry = Timer(
                "hold", lambda now: self._expire(slot, now), (1000, str(slot.key)), Phase.DEADLINE, slot.expires
            )
        self._timers.set(slot.expiry, slot.expires())

    def _expire(self, slot: Slot, now: int) -> None:
        slot.value = slot.quality = slot.note = None
        slot.since = now
        self.dirty.update(slot.watchers)
        self.dirty.update(slot.absences)


def attach(slot: Slot, watcher: Judged) -> None:
    """Makes `watcher` look again whenever the slot changes."""
    if watcher not in slot.watchers:
        slot.watchers = (*slot.watchers, watcher)


def detach(slot: Slot, watcher: Judged) -> None:
    """The opposite of `attach`."""
    slot.watchers = tuple(other for other in slot.watchers if other is not watcher)
