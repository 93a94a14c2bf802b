"""The engine: readings and the passing of time in, decisions out. Synchronous and pure: it reads no clock, does no I/O.

Time is cut into instants. At each instant first the delays that end there fire, then the readings of that instant are
taken over, then everything that depends on them looks again (causes before effects), then hold times and deadlines
that end there fire. So neither the order of readings within a batch, nor how they are cut into batches, nor how often
`step` is called with nothing, makes a difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import attrgetter, itemgetter
from types import MappingProxyType

from dcmon.config.config import Config
from dcmon.config.entries import Entry, entry_words
from dcmon.config.holds import HOLD, Holds
from dcmon.model import (
    Alarm,
    Changes,
    FaultClock,
    Incident,
    Reading,
    Record,
    SeriesKey,
    Snapshot,
    Task,
    Transition,
    Value,
)
from dcmon.thresholds.alarms import Alarms
from dcmon.thresholds.board import NEVER, Board
from dcmon.thresholds.clocks import Clocks
from dcmon.thresholds.compile import Compiler
from dcmon.thresholds.controls import catalogue
from dcmon.thresholds.entries import Entries
from dcmon.thresholds.fuel import Fuel
from dcmon.thresholds.incidents import IncidentBook
from dcmon.thresholds.intervals import Indicators, IndicatorView
from dcmon.thresholds.ledger import Ledger
from dcmon.thresholds.page_tests import PageTests
from dcmon.thresholds.planning import Planning
from dcmon.thresholds.restore import close_orphans, last_alive, restore_cells, shift_silence
from dcmon.thresholds.silence import Fader
from dcmon.thresholds.tasks import Tasks
from dcmon.thresholds.timers import Phase, Timer, Timers
from dcmon.thresholds.topology import Topology
from dcmon.thresholds.windows import Windows
from dcmon.thresholds.withheld import Withheld

SLACK_MS = 2_000
"""A clock that goes back by no more than this is taken to stand still; by more, to have been set."""

_by_time = itemgetter(0)
_by_order = attrgetter("order")


class Judge:
    """Everything dcmon decides about readings. Restart: give it the rows of the journal and go on.

    `live` is False in a replay: then a value holds until the next of its series, or until its device is said to be
    silent, and a device of which nothing is said is not expected.
    """

    def __init__(self, config: Config, snapshot: Snapshot | None = None, now: int = 0, *, live: bool = True) -> None:
        snapshot = snapshot or Snapshot()
        self._snapshot: Snapshot | None = snapshot
        self._live = live
        self._first_look = round(HOLD * config.agent.polling.slow)
        """After a restart, how long it takes until every device that answers has been asked, ms."""
        self._now = now
        self._timers = Timers()
        self._ledger = Ledger(snapshot)
        self._topology = Topology(config.site, config.collectors)
        self._board = Board(self._timers, Holds(config).hold, staleness=live)
        rules = config.judged
        self._fuel = Fuel(config, self._topology, self._board, self._timers, self._ledger)
        self._incidents = IncidentBook(self._ledger, self._topology, config.rules.incidents, self._timers)
        self._clocks = Clocks(self._ledger, self._timers, self._topology, rules)
        self._tasks = Tasks(self._ledger, self._timers, self._board, self._topology, rules, self._fuel.room)
        self._alarms = Alarms(
            self._ledger, self._timers, self._topology, self._incidents, self._tasks, self._clocks, self._board.dirty
        )
        self._withheld = Withheld(self._board, self._timers, self._topology, self._alarms, self._incidents)
        if live:
            self._alarms.withheld = self._withheld.hush
        self._windows = Windows(config, self._ledger, self._timers, self._topology, self._alarms)
        planning = Planning(config, self._ledger, self._topology, self._windows, self._indicator_ids)
        self._page_tests = PageTests(config.people, self._ledger, self._timers)
        self._entries = Entries(
            self._ledger, self._topology, self._indicator_ids, planning, self._fuel.deliveries, self._page_tests,
            config.duties.duties,
        )  # fmt: skip
        self._incidents.keep_row = self._alarms.keep_row
        self._incidents.moved = self._clocks.moved
        self._incidents.same_fault = self._clocks.same_fault
        self._compiler = Compiler(
            config,
            self._topology,
            self._board,
            self._timers,
            self._alarms,
            self._ledger,
            live,
            self._incidents.of,
            self._fuel,
        )
        self._compiler.compile()
        self._indicators = Indicators(
            catalogue(config).values(), rules, self._topology, self._board, self._ledger, self._alarms, live=live
        )
        if not live:
            for device in self._topology.devices:
                Fader(device, self._topology.supplied(device), self._board)
        restore_cells(self._ledger, self._board, config)
        self._ledger.recorded.append(self._compiler.hear)

    @property
    def alarms(self) -> Mapping[str, Alarm]:
        """Alarms by key: every one that was ever anything but normal."""
        return MappingProxyType(self._ledger.alarms)

    @property
    def incidents(self) -> Mapping[str, Incident]:
        """Incidents by id: the open ones, and those that were over within the last day."""
        return MappingProxyType(self._ledger.incidents)

    @property
    def tasks(self) -> Mapping[str, Task]:
        return MappingProxyType(self._ledger.tasks)

    @property
    def clocks(self) -> Mapping[str, FaultClock]:
        return MappingProxyType(self._ledger.clocks)

    @property
    def records(self) -> Mapping[str, Record]:
        """Evidence by id: what runs, the newest of each kind and subject, and all since the start."""
        return MappingProxyType(self._ledger.records)

    @property
    def dropped(self) -> Mapping[str, int]:
        """Readings that were not taken over, by reason, since the start."""
        return {"late": self._board.late, "unusable": self._board.unusable}

    def step(self, readings: Sequence[Reading], now: int) -> Changes:
        """Judges a batch and whatever is due until `now` (ms UTC). What it returns is to be kept, then acted on.

        A reading dated after `now` counts as of now, one older than the newest of its series is left out.
        """
        if self._snapshot is not None:
            self._begin(self._snapshot, now)
        if now < self._now - SLACK_MS:
            self._set_back(now - self._now)
        now = max(now, self._now)
        if len(readings) > 1:
            readings = sorted(readings, key=_by_time)
        self._take(readings, now)
        self._advance(now)
        self._settle(now)
        self._fire(now, Phase.DEADLINE)
        return self._ledger.take()

    def next_due(self) -> int | None:
        """When `step([], t)` has something to do, if nothing is read before."""
        return self._timers.next_due()

    def next_delay(self) -> int | None:
        """As `next_due`, of delays, deadlines of sequences and fault clocks alone: what a replay still waits for."""
        return self._timers.earliest(("delay", "clock", "remains"))

    def end_calendar(self) -> None:
        """Nothing more becomes overdue in the register: what comes now is only waiting for what has begun."""
        for line in self._compiler.duties:
            line.end()
        for gaps in self._compiler.roster_watches:
            gaps.end()

    def acknowledge(self, incident_id: str, by: str, now: int) -> Changes:
        """Somebody deals with an incident and all its alarms. KeyError when the id is unknown; twice is once."""
        before = self.step((), now)
        keys = self._incidents.acknowledge(incident_id, by, max(now, self._now))
        for key in keys:
            self._alarms.acknowledged(key, by, max(now, self._now))
        self._windows.acknowledged(keys, max(now, self._now))
        before.extend(self._ledger.take())
        return before

    def incident_of(self, asset: str) -> str | None:
        """The open incident of an asset or group: the one it is the root of, else the newest it has an alarm in."""
        return self._incidents.of(asset)

    def recall(self, keys: Iterable[SeriesKey], past: Callable[[SeriesKey, int], Iterable[tuple[int, Value]]]) -> None:
        """After a restart, before the first step: what `rise` must know of the time before.

        `keys`: the series there are; `past` gives what one said (ms UTC, value) in so many ms before now, in order.
        """
        for key in keys:
            if key.point in self._compiler.rise_points:
                self._board.learn(key)
        for watch in self._compiler.rise_watches:
            watch.recall(past(watch.slot.key, watch.rule.within))

    def watches(self, key: SeriesKey) -> bool:
        """Whether a promise demands that it is known that this series is read."""
        return self._indicators.watches(key)

    def expect(self, keys: Iterable[SeriesKey]) -> None:
        """After a restart, before the first step: series that were read lately. See Indicators.expect."""
        self._indicators.expect(keys)

    def shelve(self, alarm_key: str, until: int, reason: str, by: str, now: int) -> Changes:
        """Keeps an alarm from telling anybody until `until`; if it is active then, people are told.

        KeyError when the alarm is unknown, ValueError without a reason or with a time that has passed.
        """
        if not reason.strip():
            raise ValueError("an alarm is shelved for a reason: say which")
        if until <= now:
            raise ValueError("an alarm is shelved until a time in the future")
        before = self.step((), now)
        self._alarms.shelve(alarm_key, until, reason, by, max(now, self._now))
        before.extend(self._ledger.take())
        return before

    def enter(self, entry: Entry, now: int) -> tuple[Record, Changes]:
        """Puts on record what somebody says was done. EntryError when it does not fit the site or the time."""
        before = self.step((), now)
        record = self._entries.take(entry, max(now, self._now))
        self._settle(max(now, self._now))
        words = {"entry": entry_words(entry)}
        self._ledger.tell(Transition(max(now, self._now), "entry", record.id, "taken", record.reason, data=words))
        before.extend(self._ledger.take())
        return record, before

    def delivered(self, transitions: Sequence[Transition], now: int) -> Changes:
        """What became of messages: a test of the way to a person waits for it."""
        before = self.step((), now)
        self._page_tests.delivered(transitions, max(now, self._now))
        self._settle(max(now, self._now))
        before.extend(self._ledger.take())
        return before

    def clock_set(self, delta: int, now: int) -> Changes:
        """The machine's clock was set by `delta` ms and shows `now`: what was running goes on with what was left of it.

        A step back is noticed by `step` itself. One forward cannot be told from a pause, so the shell, which has a
        monotonic clock to compare with, says it before the next step.
        """
        if self._snapshot is not None:
            self._begin(self._snapshot, now)
        self._set_back(delta)
        self._now = now
        return self._ledger.take()

    def judges(self, key: SeriesKey) -> bool:
        """Whether anything looks at this series. The judge remembers from then on that it is there."""
        return self._board.learn(key) is not False

    def computed(self, now: int) -> list[Reading]:
        """Points of the site that follow from others (fuel), as readings: those that are new, at times all of them."""
        return self._fuel.readings(max(now, self._now))

    def availability(self, now: int) -> list[IndicatorView]:
        """The present state of each indicator."""
        return self._indicators.views()

    def _indicator_ids(self) -> list[str]:
        return [one.id for one in self._indicators.indicators()]

    def _take(self, readings: Sequence[Reading], now: int) -> None:
        """The hot path: most readings say what was said before."""
        get = self._board.slots.get
        learn, update = self._board.learn, self._board.update
        at = self._now
        for reading in readings:
            ts, _, _, _, value, quality, _, _ = reading
            if ts > at and at < now:
                at = min(now, ts)
                self._advance(at)
            slot = get(reading[1:4])
            if slot is None:
                slot = learn(SeriesKey(*reading[1:4]))
            if slot is False:
                continue
            if slot.value == value and slot.quality is quality and slot.seen <= ts <= now and value is not None:
                slot.seen, slot.heard = ts, at
                continue
            update(slot, reading, max(min(now, ts), 0), at)

    def _advance(self, ts: int) -> None:
        """Goes on to `ts`: everything of the instants before is settled, and the delays that end at `ts` fire."""
        if self._board.dirty:
            self._settle(self._now)
        if ts > self._now:
            self._fire(self._now, Phase.DEADLINE)
            self._fire(ts, Phase.DELAY)
            self._now = ts

    def _fire(self, limit: int, phase: Phase) -> None:
        while (found := self._timers.pop(limit, phase)) is not None:
            due, timer = found
            self._now = max(self._now, due)
            timer.fire(self._now)
            if self._board.dirty:
                self._settle(self._now)

    def _settle(self, now: int) -> None:
        """Lets everything that depends on changed slots look again, causes before effects."""
        dirty = self._board.dirty
        while dirty:
            waiting = sorted(dirty, key=_by_order)
            dirty.clear()
            for watcher in waiting:
                watcher.evaluate(now)

    def _begin(self, snapshot: Snapshot, now: int) -> None:
        """The first step: the time since the process before was last alive is nobody's evidence of anything."""
        self._snapshot = None
        self._now = start = self._now or now
        alive = last_alive(snapshot)
        gap = start - alive if alive is not None else 0
        self._board.restore(snapshot.readings, start, fresh=gap <= 0)
        if gap > 0:
            shift_silence(self._compiler.silent_watches, self._alarms, gap)
        for sequence in self._compiler.follows_watches:
            sequence.go_on(start + self._first_look if gap > 0 else 0, self._timers)
        for watch in self._compiler.silent_watches if self._live else ():
            known = alive is not None and gap <= 0 and watch.slot is not None
            watch.listening = NEVER if known else start
            timer = Timer("hold", watch.evaluate, watch.order, Phase.DEADLINE)
            self._timers.set(timer, start + watch.first_word)
        for absence in self._compiler.stale_watches:
            absence.listening = start if gap > 0 else NEVER
        for run in self._compiler.runs:
            run.go_on(start, gap)
        self._windows.resume(start, gap)
        for trial in self._compiler.trials:
            trial.go_on(start, gap)
        for line in self._compiler.duties:
            line.begin(start)
        for gaps in self._compiler.roster_watches:
            gaps.evaluate(start)
        self._fuel.go_on(start, max(gap, 0))
        close_orphans(self._ledger, self._alarms, self._incidents, start)
        self._incidents.resume(start)
        self._withheld.resume(start)
        self._indicators.begin(start, alive if gap > 0 else None)
        self._settle(start)

    def _set_back(self, delta: int) -> None:
        """The clock was set by `delta`: everything that is measured in elapsed time moves with it."""
        self._now += delta
        self._timers.shift(delta)
        self._board.shift(delta)
        self._alarms.shift(delta)
        self._clocks.shift(delta)
        self._incidents.shift(delta)
        self._tasks.shift(delta)
        self._windows.clock_set()
        self._page_tests.shift(delta)
        self._withheld.shift(delta)
        self._fuel.shift(delta)
        for run in self._compiler.runs:
            run.shift(delta)
        for follows in self._compiler.follows_watches:
            follows.shift(delta)
        for trial in self._compiler.trials:
            trial.shift(delta)
        for watch in (*self._compiler.duties, *self._compiler.roster_watches):
            watch.evaluate(self._now)
        for watch in self._compiler.silent_watches:
            watch.listening += delta
        for absence in self._compiler.stale_watches:
            absence.listening += delta
