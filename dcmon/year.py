"""`dcmon demo --scenario year`: a simulated year through the same core, into a journal and samples like a real one's.

Nothing is polled and nobody waits: the plant is looked at twice a day while it rests, every half minute while
something moves and every two seconds around each event; what nothing judges is not looked at. The same year comes out
every time.
"""

from __future__ import annotations

import re
import shutil
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from dcmon.clock import SimulatedClock
from dcmon.config.agent import Samples as SampleSettings
from dcmon.config.config import Config
from dcmon.config.entries import parse_entry
from dcmon.model import Changes, DcmonError, Interval
from dcmon.notify.escalation import Pager
from dcmon.replay import Player
from dcmon.sim import Plant, canonical_readings
from dcmon.sim.year import Deed, bounds, deeds, scenario
from dcmon.storage.journal import Journal
from dcmon.storage.samples import BUFFER, Samples
from dcmon.thresholds import Judge
from dcmon.timeline import Ack, Entered, Event, Problem

_STEPS_MS = (1_000, 120_000)
"""Coarser than the plant of the demo: nobody looks between, and a year passes in a minute."""
_QUIET_MS = 43_200_000
_MOVING_MS = 30_000
_EVENT_MS = 2_000
_AROUND_MS = 180_000
"""How long after an event it is looked at closely: takeover and return are over by then."""
_DAY_MS = 86_400_000
_SENT_AFTER_MS = 2_000
_REFUEL_BELOW = 75
_FILLED_TO = 84.6
_SEEN_AFTER_MS = 600_000
_DELIVERED_AFTER_MS = 2 * _DAY_MS
_KEEP = SampleSettings(raw="400d", minutes="400d", journal="400d")


@dataclass(slots=True)
class Lived:
    """What came of it."""

    start: int
    end: int
    readings: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    """incidents, pages, records by kind ... -> how many."""
    problems: list[str] = field(default_factory=list)
    """What people did that did not fit: none, unless the site is another one."""


def prepare(site: Path, data_dir: Path) -> Path:
    """Copies the configuration of `site` into `data_dir` and turns its data_dir there; its folder.

    DcmonError when somebody's data lies there already.
    """
    folder = data_dir / "config"
    if (data_dir / "journal.db").exists() or folder.exists():
        raise DcmonError(f"{data_dir} holds data already; name a folder that is empty or new")
    shutil.copytree(site, folder)
    agent = folder / "agent.yaml"
    text = re.sub(r"(?m)^data_dir:.*\n", "", agent.read_text(encoding="utf-8"))
    agent.write_text(f"data_dir: {data_dir.resolve()}\n{text}", encoding="utf-8")
    return folder


def live(config: Config, data_dir: Path, month_over: Callable[[int], None] = lambda ts: None, seed: int = 1) -> Lived:
    """Lives the year of `config`'s site and leaves it in `data_dir`; `month_over` hears of every thirtieth day."""
    zone = ZoneInfo(config.site.timezone)
    start, end = bounds(zone)
    lived = Lived(start, end)
    samples = Samples(data_dir, _KEEP, SimulatedClock(end))
    journal = Journal(data_dir)
    try:
        book = _Book(journal, lived)
        player = Player(config, Pager(config), book.complain, stored=True, keep=book.keep)
        flushed = start
        plant = Plant(config.site, scenario(zone), seed, start, _STEPS_MS)
        for ts, events in _instants(config, plant, deeds(zone), end):
            deque(player.play(ts, events), maxlen=0)
            readings = [event for event in events if not isinstance(event, Ack | Entered)]
            samples.append(readings)
            lived.readings += len(readings)
            if samples.buffered > BUFFER // 2:  # a day with an outage has more than the store keeps in memory
                samples.flush()
            if ts >= flushed + _DAY_MS:
                flushed += _DAY_MS
                book.write()
                samples.flush()
                if (flushed - start) // _DAY_MS % 30 == 0:
                    samples.compact()
                    month_over(flushed)
        book.close(end)
        samples.compact()
    finally:
        samples.close()
        journal.close()
    return lived


class _Book:
    """Writes decisions to the journal, a day at a time: who was told has got it two seconds later."""

    def __init__(self, journal: Journal, lived: Lived) -> None:
        self._journal = journal
        self._lived = lived
        self._changes = Changes()
        self._open: dict[str, Interval] = {}

    def keep(self, changes: Changes) -> None:
        self._changes.extend(changes)

    def complain(self, problem: Problem) -> None:
        self._lived.problems.append(problem.message)

    def write(self) -> None:
        changes, self._changes = self._changes, Changes()
        self._journal.commit(changes)
        for message in changes.notifications:
            self._journal.mark_sent(message.key, message.created + _SENT_AFTER_MS, "250 2.0.0 accepted")
        for interval in changes.intervals:
            self._open.pop(interval.indicator, None)
            if interval.end is None:
                self._open[interval.indicator] = interval
        opened = sum(row.type == "incident" and row.state == "opened" for row in changes.transitions)
        self._count("incidents", opened)
        self._count("messages", len(changes.notifications))

    def close(self, end: int) -> None:
        """Nobody watched after the end: what is known ends there."""
        self._changes.intervals += [replace(interval, end=end) for interval in self._open.values()]
        self.write()
        self._changes.intervals += [replace(interval, end=end) for interval in self._open.values()]
        self.write()
        self._journal.alive(end)
        for record in self._journal.records(limit=-1):
            self._count(record.kind, 1)

    def _count(self, what: str, more: int) -> None:
        self._lived.counts[what] = self._lived.counts.get(what, 0) + more


def _instants(config: Config, plant: Plant, people: list[Deed], end: int) -> Iterator[tuple[int, list[Event]]]:
    """The plant as it is looked at, with what people do; the tanker comes two days after a tank is below 75 %."""
    judge = Judge(config, live=False)
    waiting = deque(people)
    stops = sorted({plant.start_ms + round(event.at_s * 1000) for event in plant.scenario.events})
    events, tankers = deque(stops), _Tankers(plant)
    close_until = 0
    plant.advance(plant.start_ms)
    while plant.now_ms < end:
        now = plant.now_ms
        found: list[Event] = [reading for reading in canonical_readings(plant) if judge.judges(reading.key)]
        while waiting and waiting[0].at <= now:
            found.append(_event(waiting.popleft()))
        found += tankers.come(now)
        yield now, found
        while events and events[0] <= now:
            close_until = events.popleft() + _AROUND_MS
        step = _EVENT_MS if now < close_until else _QUIET_MS if plant.quiet else _MOVING_MS
        ahead = [*islice(events, 1), *(deed.at for deed in islice(waiting, 1))]
        plant.advance(min([now + step, end, *ahead]))


def _event(deed: Deed) -> Event:
    if deed.asset is not None:
        return Ack(deed.at, deed.asset, deed.by, 0)
    return Entered(deed.at, parse_entry(deed.words), 0)


class _Tankers:
    """The supplier: pumps what is missing and leaves a delivery note."""

    def __init__(self, plant: Plant) -> None:
        self._plant = plant
        self._ordered: dict[str, int] = {}
        self._unseen: set[str] = set()

    def come(self, now: int) -> Iterator[Event]:
        """Deliveries that happen now, and who has read that fuel is ordered."""
        for letter, side in self._plant.sides.items():
            due = self._ordered.get(letter)
            tank = side.genset.tank
            if due is None and int(tank.level) < _REFUEL_BELOW and not tank.filling_l_per_min:
                self._ordered[letter] = now + _DELIVERED_AFTER_MS
                self._unseen.add(letter)
            elif due is not None and letter in self._unseen and now >= due - _DELIVERED_AFTER_MS + _SEEN_AFTER_MS:
                self._unseen.discard(letter)
                yield Ack(now, f"tank-{letter}", "weber", 0)
            elif due is not None and now >= due:
                del self._ordered[letter]
                litres = round(_FILLED_TO / 100 * tank.capacity_l - tank.volume_l)
                self._plant.apply("refuel", {"side": letter, "litres_per_min": 200.0, "to_percent": _FILLED_TO})
                words: dict[str, Any] = {
                    "kind": "delivery", "by": "weber", "asset": f"tank-{letter}", "litres": litres,
                    "fuel": "diesel EN 590", "additives": "biocide",
                }  # fmt: skip
                yield Entered(now, parse_entry(words), 0)
