"""Fuel: a book for each tank, and the autonomy of all of them as points that rules judge like any other (T05, T06).

Autonomy at full load is what can be burnt, divided by the nameplate consumption of the engines. Tanks that share an
engine are one pool; the first pool that runs dry ends the full load. Index `reserve` is without the largest tank: the
fuel of all others against the full load of all engines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from dcmon.config.config import Config
from dcmon.config.site import AssetKind, GroupRole
from dcmon.config.vocabulary import vocabulary
from dcmon.model import Quality, Reading, SeriesKey
from dcmon.thresholds.board import FOREVER, Board, Slot
from dcmon.thresholds.fuel_book import Book
from dcmon.thresholds.fuel_deliveries import Deliveries
from dcmon.thresholds.fuel_engine import Engine
from dcmon.thresholds.ledger import Ledger
from dcmon.thresholds.timers import Timers
from dcmon.thresholds.topology import Topology

COMPUTED = frozenset(name for name, point in vocabulary().items() if point.computed)
RESERVE = "reserve"
_TELL_EVERY_MS = 30_000
_Rate = Callable[[Book, Engine], float | None]


class _Pool(NamedTuple):
    """Tanks that share engines."""

    books: tuple[Book, ...]
    engines: tuple[Engine, ...]


class Fuel:
    """All tanks of the site. `doubted` says of a tank that its level is known to be stuck."""

    def __init__(self, config: Config, topology: Topology, board: Board, timers: Timers, ledger: Ledger) -> None:
        self.books: dict[str, Book] = {}
        self.deliveries = Deliveries(config.rules.fuel, ledger, topology)
        self.doubted: Callable[[str], bool] = lambda tank: False
        self._board = board
        board.computed = COMPUTED
        self._slots: dict[SeriesKey, Slot] = {}
        self._fresh: set[SeriesKey] = set()
        self._told: int | None = None
        gensets = {asset.id: asset for asset in topology.site.assets if asset.kind is AssetKind.GENSET}
        fed = {tank.id: _fed(topology, tank.id) for tank in topology.site.assets if tank.kind is AssetKind.TANK}
        tanks_of = {genset: [tank for tank in fed if genset in fed[tank]] for genset in gensets}
        self._engines = {name: Engine(asset, len(tanks_of[name]) > 1) for name, asset in gensets.items()}
        for tank, burners in fed.items():
            engines = [self._engines[name] for name in burners]
            asset = topology.assets[tank]
            book = Book(
                asset, engines, config.rules.fuel, board, timers, ledger, self._changed, self.deliveries.measured
            )
            self.books[tank] = book
        self._groups = {
            group.id: self._pools(group.members) for group in topology.with_role(GroupRole.GENSETS)
        }  # fmt: skip

    def _pools(self, gensets: Iterable[str]) -> tuple[_Pool, ...] | None:
        """The pools that feed these gensets; None if one of them is fed by no tank of the site file."""
        pools: dict[tuple[str, ...], _Pool] = {}
        for name in gensets:
            engine = self._engines.get(name)
            if engine is None or not any(engine in book.engines for book in self.books.values()):
                return None
            pool = self._pool_of(engine)
            pools[tuple(book.asset.id for book in pool.books)] = pool
        return tuple(pools.values())

    def _pool_of(self, engine: Engine) -> _Pool:
        engines, books = [engine], []
        for one in engines:
            for book in self.books.values():
                if one in book.engines and book not in books:
                    books.append(book)
                    engines += [other for other in book.engines if other not in engines]
        # In the order of the site: whichever engine it was asked for, the same tanks are the same pool.
        return _Pool(tuple(book for book in self.books.values() if book in books), tuple(engines))

    # Points

    def _changed(self, book: Book, now: int) -> None:
        tank = book.asset.id
        self._put(tank, "fuel.filled", None, book.filled(), [book], now)
        self._put(tank, "fuel.usable", None, book.usable(), [book], now)
        self._miss(book)
        if book.engines:
            pool = self._pool_of(book.engines[0])
            for one in pool.books:
                self._autonomies(one.asset.id, (pool,), now, reserve=False)
        for group, pools in self._groups.items():
            if pools is not None and any(book in pool.books for pool in pools):
                self._autonomies(group, pools, now, reserve=True)

    def _autonomies(self, subject: str, pools: Sequence[_Pool], now: int, *, reserve: bool) -> None:
        rates: dict[str, _Rate] = {
            "fuel.autonomy_full": lambda book, engine: engine.full(),
            "fuel.autonomy_measured": _measured,
            "fuel.autonomy_now": lambda book, engine: engine.now(),
        }
        books = [book for pool in pools for book in pool.books]
        for point, rate in rates.items():
            self._put(subject, point, None, _shortest(pools, rate), books, now)
            if reserve and len(books) > 1:
                self._put(subject, point, RESERVE, _without_largest(pools, rate), books, now)

    def _put(
        self, subject: str, point: str, index: str | None, value: float | None, books: Sequence[Book], now: int
    ) -> None:
        key = SeriesKey(subject, point, index)
        slot = self._slots.get(key)
        if slot is None:
            if value is None:
                return
            slot = self._learn(key)
        notes = [f"{book.asset.name}: {note}" for book in books if (note := self._doubt(book)) is not None]
        quality = None if value is None else Quality.UNCERTAIN if notes else Quality.GOOD
        value = None if value is None else round(value, 2)
        note = "; ".join(notes) or None
        if (slot.value, slot.quality, slot.note) == (value, quality, note):
            return
        if slot.value != value:
            slot.since = now if value is None or slot.value is None else min(_evidence(point, books), now)
            slot.value = value
            slot.last = value if value is not None else slot.last
        slot.quality, slot.note, slot.seen = quality, note, now
        self._board.dirty.update(slot.watchers)
        self._fresh.add(key)

    def _miss(self, book: Book) -> None:
        """What a sender says that is no level, such as 120 %, is missing like what it does not say at all."""
        filled, said = self._slots.get(SeriesKey(book.asset.id, "fuel.filled", None)), book.slot()
        if filled is None:
            return
        beyond = filled.value is None and said is not None and said.value is not None
        if beyond is not filled.doubted:
            filled.doubted = beyond
            self._board.dirty.update(filled.absences)

    def _learn(self, key: SeriesKey) -> Slot:
        """A slot with all who judge it, that no reading can write to."""
        slot = self._slots[key] = self._board.learn(key) or Slot(key, FOREVER, FOREVER)
        return slot

    def _doubt(self, book: Book) -> str | None:
        return "its level does not move" if self.doubted(book.asset.id) else book.content.note

    def look_again(self, tank: str, now: int) -> None:
        """Whether the level of a tank is doubted has changed."""
        self._changed(self.books[tank], now)

    def readings(self, now: int) -> list[Reading]:
        """The points that have changed since they were last asked for, and from time to time all of them."""
        if self._told is None or now >= self._told + _TELL_EVERY_MS or now < self._told:
            self._told = now
            self._fresh.update(key for key, slot in self._slots.items() if slot.value is not None)
        fresh, self._fresh = self._fresh, set()
        return [_reading(self._slots[key], now) for key in sorted(fresh, key=str)]

    def room(self, tank: str) -> float | None:
        """Litres that a tank can take; None for what is no tank, and while its level is unknown."""
        book = self.books.get(tank)
        return None if book is None else book.room()

    def go_on(self, start: int, gap: int) -> None:
        """The first step after a restart."""
        for book in self.books.values():
            book.go_on(start, gap)

    def shift(self, delta: int) -> None:
        """The machine's clock was set."""
        self._told = None
        for book in self.books.values():
            book.shift(delta)
        for key, slot in self._slots.items():
            if self._board.slots[key] is False:
                slot.since += delta
                slot.seen += delta


def _fed(topology: Topology, tank: str) -> list[str]:
    """The gensets that burn from a tank, directly or out of a day tank."""
    todo, found = [tank], []
    for one in todo:
        for name in topology.assets[one].feeds:
            kind = topology.kind(name)
            if kind is AssetKind.GENSET and name not in found:
                found.append(name)
            elif kind is AssetKind.TANK and name not in todo:
                todo.append(name)
    return found


def _evidence(point: str, books: Iterable[Book]) -> int:
    """When the last of what a point is computed from became what it is."""
    rates = point == "fuel.autonomy_now"
    return max(max(book.since, book.memory.counted if rates else 0) for book in books)


def _measured(book: Book, engine: Engine) -> float | None:
    full, factor = engine.full(), book.factor()
    return None if full is None or factor is None else full * factor


def _rate(pool: _Pool, rate: _Rate) -> float | None:
    """Litres an hour of a pool; an engine with several tanks counts once, by the first of them."""
    found = [rate(next(book for book in pool.books if engine in book.engines), engine) for engine in pool.engines]
    known = [one for one in found if one is not None]
    return sum(known) if len(known) == len(found) else None


def _content(books: Iterable[Book]) -> list[float] | None:
    found = [book.usable() for book in books]
    known = [one for one in found if one is not None]
    return known if len(known) == len(found) else None


def _shortest(pools: Sequence[_Pool], rate: _Rate) -> float | None:
    """Hours until the first pool is dry; None while something of it is unknown, or nothing is burnt."""
    hours = []
    for pool in pools:
        litres, flow = _content(pool.books), _rate(pool, rate)
        if flow is None or (flow > 0 and litres is None):
            return None
        if flow > 0 and litres is not None:
            hours.append(sum(litres) / flow)
    return min(hours, default=None)


def _without_largest(pools: Sequence[_Pool], rate: _Rate) -> float | None:
    """Hours of the fuel of all tanks but the fullest, for all engines."""
    litres = _content(book for pool in pools for book in pool.books)
    flows = [_rate(pool, rate) for pool in pools]
    flow = sum(one for one in flows if one is not None)
    if litres is None or None in flows or flow <= 0:
        return None
    return (sum(litres) - max(litres)) / flow


def _reading(slot: Slot, now: int) -> Reading:
    if slot.value is None:
        return Reading(now, *slot.key, None, Quality.BAD, "something that it is computed from is unknown")
    return Reading(now, *slot.key, slot.value, slot.quality or Quality.GOOD, slot.note, "computed")
