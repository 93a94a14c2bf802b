"""The middle: recorded, judged, committed; and nothing is acted upon that is not on the disk."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from dcmon.clock import SimulatedClock
from dcmon.config.config import Config
from dcmon.config.loader import load
from dcmon.model import Changes, Reading, SeriesKey, StoreError, Transition
from dcmon.notify.escalation import Pager
from dcmon.pipeline import Pipeline
from dcmon.sim import SCENARIOS, Plant, canonical_readings
from dcmon.thresholds import Judge

START = 1_795_420_800_000
HOUR_MS = 3_600_000


class Store:
    """Keeps what it is given; refuses while it is full."""

    def __init__(self) -> None:
        self.full = False
        self.saved: list[Changes] = []

    async def save(self, changes: Changes) -> None:
        await asyncio.sleep(0)
        if self.full:
            raise StoreError("the disk is full. Free space")
        self.saved.append(changes)

    def states(self, kind: str) -> list[str]:
        return [each.state for changes in self.saved for each in changes.transitions if each.type == kind]


class Tape:
    def __init__(self) -> None:
        self.readings: list[Reading] = []

    def append(self, readings: Sequence[Reading]) -> None:
        self.readings += readings


class SetClock(SimulatedClock):
    """A clock that somebody sets: dates jump, elapsed time does not."""

    def __init__(self, start: int) -> None:
        super().__init__(start)
        self.offset = 0

    def now(self) -> int:
        return super().now() + self.offset


@pytest.fixture(scope="module")
def config(example_site: Path) -> Config:
    return load(example_site)


class World:
    def __init__(self, config: Config) -> None:
        self.clock = SetClock(START)
        self.store, self.tape = Store(), Tape()
        self.committed: list[Changes] = []
        self.pipeline = Pipeline(
            Judge(config, now=START),
            Pager(config),
            self.store,
            [self.tape],
            self.clock,
            on_committed=self.committed.append,
        )
        self.plant = Plant(config.site, SCENARIOS["normal"], start_ms=START)

    def alarm(self, value: bool = True) -> None:
        self.pipeline.submit([Reading(self.clock.now(), "fire-fs1", "fire.alarm", "fs1", value)])

    def poll(self) -> None:
        self.plant.advance(START + (super(SetClock, self.clock).now() - START))
        now = self.clock.now()
        self.pipeline.submit([reading._replace(ts=now) for reading in canonical_readings(self.plant)])


@pytest.fixture
async def world(config: Config) -> AsyncIterator[World]:
    made = World(config)
    task = asyncio.create_task(made.pipeline.run())
    yield made
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_a_batch_is_recorded_and_shown_and_what_follows_is_committed(world: World) -> None:
    world.alarm()
    await world.pipeline.committed()
    assert len(world.tape.readings) == 1
    assert world.pipeline.latest[SeriesKey("fire-fs1", "fire.alarm", "fs1")].value is True
    assert next(iter(world.pipeline.latest)).asset == "fire-fs1"
    assert world.store.states("incident") == ["opened"]
    assert [message.person for message in world.store.saved[0].notifications]
    assert world.committed == world.store.saved


async def test_what_decides_nothing_writes_nothing(world: World) -> None:
    world.alarm(False)
    await world.clock.advance(10)
    assert [changes for changes in world.store.saved if changes.notifications] == []
    # The register notes once since when it is kept, and each detector that it hears of for the first time.
    rows = [row for changes in world.store.saved for row in changes.alarms.values()]
    assert {tuple(row.memory) for row in rows} <= {("from",), ("from", "moved")}


async def test_a_full_disk_delays_the_decision_and_loses_none_of_it(world: World) -> None:
    world.store.full = True
    world.alarm()
    await world.clock.advance(3)
    world.pipeline.submit([Reading(world.clock.now(), "fire-fs2", "fire.alarm", "fs2", True)])
    await world.clock.advance(3)
    assert world.committed == []
    assert "the disk is full" in str(world.pipeline.commit_error)
    assert world.pipeline.failed_commits >= 3
    world.store.full = False
    await world.clock.advance(2)
    assert world.pipeline.commit_error is None
    assert world.store.states("incident") == ["opened", "opened"]
    times = [each.ts for changes in world.store.saved for each in changes.transitions]
    assert times == sorted(times)
    keys = [message.key for changes in world.store.saved for message in changes.notifications]
    assert keys
    assert len(keys) == len(set(keys))


async def test_an_acknowledgement_returns_when_it_is_on_the_disk(world: World) -> None:
    world.alarm()
    (incident,) = world.pipeline.judge.incidents
    await world.pipeline.acknowledge(incident, "control")
    assert world.store.states("incident")[-1] == "acknowledged"
    with pytest.raises(KeyError):
        await world.pipeline.acknowledge("nosuch", "control")


async def test_an_acknowledgement_waits_for_a_full_disk_and_returns_when_it_is_kept(world: World) -> None:
    world.alarm()
    await world.pipeline.committed()
    (incident,) = world.pipeline.judge.incidents
    world.store.full = True
    waiting = asyncio.create_task(world.pipeline.acknowledge(incident, "control"))
    await world.clock.advance(5)
    assert not waiting.done()
    world.store.full = False
    await world.clock.advance(2)
    await asyncio.wait_for(waiting, 1)
    assert world.store.states("incident")[-1] == "acknowledged"


async def test_the_next_step_is_told_when_nobody_acknowledges_and_no_reading_comes(world: World) -> None:
    world.alarm()
    await world.clock.advance(3600)
    reasons = {message.reason.partition(":")[0] for kept in world.store.saved for message in kept.notifications}
    assert reasons >= {"first", "escalated"}


async def test_what_was_on_its_way_to_the_disk_when_dcmon_stops_is_kept_at_the_end(config: Config) -> None:
    world = World(config)
    hangs = asyncio.Event()

    async def hang(changes: Changes) -> None:
        await hangs.wait()

    save, world.pipeline._store = world.store, type("Slow", (), {"save": staticmethod(hang)})()
    running = asyncio.create_task(world.pipeline.run())
    world.alarm()
    await world.clock.advance(1)
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running
    world.pipeline._store = save
    await world.pipeline.finish()
    assert world.store.states("incident") == ["opened"]


async def test_delays_run_out_without_any_reading(world: World) -> None:
    world.pipeline.submit([Reading(world.clock.now(), "leak-1", "water.detected", "cable", True)])
    assert world.store.states("incident") == []
    await world.clock.advance(6)
    assert world.store.states("incident") == ["opened"]


async def test_an_event_is_kept_without_being_judged(world: World) -> None:
    world.pipeline.note([Transition(START, "trap", "1.3.6.1", "received", "trap 1.3.6.1")])
    await world.pipeline.committed()
    assert world.store.states("trap") == ["received"]


def notes(count: int, first: int = 0) -> list[Transition]:
    return [Transition(START, "trap", str(first + number), "received", "trap") for number in range(count)]


async def test_thousands_of_notes_go_in_slices_and_a_decision_among_them_goes_with_the_next(world: World) -> None:
    for note in notes(5000):
        world.pipeline.note([note])
    world.alarm()
    await world.pipeline.committed()
    (first,) = world.store.saved
    assert first.notifications
    assert len(first.transitions) < 600
    world.alarm(False)
    await world.pipeline.remembered()
    kept = [each.subject for changes in world.store.saved for each in changes.transitions if each.type == "trap"]
    assert kept == [str(number) for number in range(5000)]


async def test_whoever_waits_for_a_note_waits_for_the_disk(world: World) -> None:
    world.store.full = True
    world.pipeline.note(notes(1))
    waiting = asyncio.create_task(world.pipeline.remembered())
    await world.clock.advance(5)
    world.pipeline.note(notes(1, 1))
    assert not waiting.done()
    world.store.full = False
    await world.clock.advance(2)
    assert waiting.done()
    assert [each.subject for changes in world.store.saved for each in changes.transitions] == ["0", "1"]
    await world.pipeline.remembered()


async def test_a_disk_that_takes_nothing_fills_with_notes_no_more_than_a_bounded_memory(world: World) -> None:
    world.store.full = True
    with pytest.raises(StoreError, match="no room"):
        for note in notes(30_000):
            world.pipeline.note([note])
    world.alarm()
    await world.clock.advance(3)
    world.store.full = False
    await world.clock.advance(2)
    assert world.store.states("incident") == ["opened"]
    assert len(world.store.states("trap")) == 20_000


async def test_what_is_left_is_committed_at_the_end(config: Config) -> None:
    world = World(config)
    world.pipeline.note(notes(1200))
    world.alarm()
    await world.pipeline.finish()
    assert world.store.states("incident") == ["opened"]
    assert len(world.store.states("trap")) == 1200


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_clock_that_is_set_neither_shortens_nor_lengthens_the_wait_for_an_acknowledgement(
    world: World, hours: int
) -> None:
    async def hold(seconds: float) -> int:
        """Messages about the fire that were sent by then, while its contact goes on saying so."""
        for _ in range(round(seconds / 10)):
            world.alarm()
            await world.clock.advance(10)
        sent = [message for changes in world.store.saved for message in changes.notifications]
        return len([message for message in sent if message.incident == incident])

    world.alarm()
    (row,) = world.pipeline.pager._waiting.rows()
    incident, due = row.incident, row.due
    assert due is not None
    first = await hold(60)
    left = (due - world.clock.now()) / 1000
    world.clock.offset = hours * HOUR_MS
    assert await hold(left - 20) == first, "nobody has waited for so long"
    assert await hold(40) > first, "the wait goes on"


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_clock_that_is_set_by_an_hour_raises_no_alarm(world: World, hours: int) -> None:
    for _ in range(20):
        world.poll()
        await world.clock.advance(2)
    world.clock.offset = hours * HOUR_MS
    for _ in range(60):
        world.poll()
        await world.clock.advance(2)
    assert world.pipeline.judge.incidents == {}
    world.alarm()
    assert len(world.pipeline.judge.incidents) == 1
