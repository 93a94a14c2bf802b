"""dcmon looks after itself: heartbeat, what a restart needs, its own points, and the figures for /metrics."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from notify_world import incident, notification

from dcmon.clock import SimulatedClock
from dcmon.collectors.modbus.bus import BusStats
from dcmon.collectors.poller import DeviceStats
from dcmon.collectors.snmp import SnmpStats
from dcmon.collectors.traps import TrapStats
from dcmon.config.agent import Samples as Retention
from dcmon.config.config import Config
from dcmon.config.loader import load
from dcmon.model import Changes, Reading, SeriesKey, StoreError
from dcmon.notify.escalation import Pager
from dcmon.pipeline import Pipeline
from dcmon.storage.influx import SinkStats
from dcmon.storage.journal import Journal
from dcmon.storage.samples import Samples
from dcmon.thresholds import Judge
from dcmon.upkeep import Upkeep
from dcmon.web.metrics import COUNTERS, GAUGES

NOW = 1_795_420_800_000
DAY = 86_400_000


@pytest.fixture(scope="module")
def config(example_site: Path) -> Config:
    return load(example_site)


class World:
    """Real stores and a real core; the poller, the outbox and the sink are only their figures."""

    def __init__(self, config: Config, folder: Path) -> None:
        self.clock = SimulatedClock(NOW)
        self.journal = Journal(folder)
        self.samples = Samples(folder, Retention(), self.clock)
        self.pipeline = Pipeline(Judge(config, now=NOW), Pager(config), self.journal, [self.samples], self.clock)
        self.stats = {"ups-a": DeviceStats("ups-a", polls=7, overruns=2, undelivered=1), "b": DeviceStats("b", polls=3)}
        poller = SimpleNamespace(
            stats=self.stats,
            errors=Counter(timeout=4),
            bad=Counter({("ups-a", "output.source", "enum"): 3}),
            lag_s=0.25,
            in_flight=3,
        )
        outbox = SimpleNamespace(results=Counter({("sent", "email"): 5, ("held", "email"): 2}))
        self.spool = SimpleNamespace(size=4096, dropped=10)
        influx = SimpleNamespace(stats=SinkStats(dropped=5, refused=6, failures=7), spool=self.spool)
        traps = SimpleNamespace(stats=TrapStats(received=9, dropped=1, malformed=2, foreign=3, failed=4))
        clients: Any = [SimpleNamespace(stats=SnmpStats(requests=2, timeouts=1)) for _ in range(2)]
        buses: Any = SimpleNamespace(by_key={"a": SimpleNamespace(stats=BusStats(reads=8, garbled=1))})
        parts: list[Any] = [poller, self.journal, self.samples, outbox]
        self.upkeep = Upkeep(
            config, self.clock, self.pipeline, *parts, influx, traps, clients=clients, buses=buses  # type: ignore[arg-type]
        )  # fmt: skip
        self.bare = Upkeep(config, self.clock, self.pipeline, *parts, None, None)

    def own(self, point: str) -> object:
        reading = self.pipeline.latest.get(SeriesKey("dcmon", point, None))
        return None if reading is None else reading.value

    async def until(self, seconds: float) -> None:
        """Lets clock time pass, and real time for what happens in threads."""
        for _ in range(int(seconds)):
            await self.clock.advance(1)
            await asyncio.sleep(0.002)

    async def heard(self, point: str, value: object) -> None:
        """Waits for a beat that says so: on a busy machine its thread takes longer than the clock of the test."""
        for _ in range(500):
            if self.own(point) == value:
                return
            await asyncio.sleep(0.01)
        assert self.own(point) == value


@pytest.fixture
async def world(config: Config, tmp_path: Path) -> AsyncIterator[World]:
    made = World(config, tmp_path)
    yield made
    made.samples.close()
    made.journal.close()


@contextlib.asynccontextmanager
async def beating(world: World) -> AsyncIterator[None]:
    running = asyncio.create_task(world.upkeep.run())
    try:
        yield
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def test_a_restart_knows_until_when_dcmon_lived_and_what_the_power_chain_said_last(world: World) -> None:
    battery, oper = Reading(NOW, "ups-a", "ups.on_battery", None, True), Reading(NOW, "uplink-1", "if.oper", None, "up")
    world.pipeline.submit([battery, Reading(NOW, "ups-a", "battery.charge", None, 90.0), oper])
    async with beating(world):
        await world.until(12)
        for _ in range(500):  # the beat is written in a thread, which a busy machine may keep waiting
            if (world.journal.load_snapshot(NOW).alive or 0) >= NOW + 5_000:
                break
            await asyncio.sleep(0.01)
    found = world.journal.load_snapshot(NOW)
    assert NOW + 5_000 <= (found.alive or 0) <= NOW + 12_000
    assert found.readings == {battery.key: battery}, "the rest is polled again soon enough"
    world.upkeep.last_words()
    assert world.journal.load_snapshot(NOW).alive == NOW + 12_000


async def test_dcmons_own_points_are_judged_like_everybodys(world: World) -> None:
    async with beating(world):
        await world.until(2)
        await world.heard("dcmon.poll_lag", 0.25)
        assert world.own("dcmon.polls_skipped") == 2
        assert world.own("dcmon.samples_dropped") == 15
        assert (world.own("dcmon.spool_bytes"), world.own("dcmon.traps_dropped")) == (4096, 5)
        world.spool.dropped = 20
        await world.until(6)
        await world.heard("dcmon.samples_dropped", 25)


async def test_every_figure_has_a_name_that_the_metrics_know_and_the_right_value(world: World) -> None:
    counters, gauges = world.upkeep.counters(), world.upkeep.gauges()
    assert {name.partition(":")[0] for name in counters} <= COUNTERS.keys()
    assert {name.partition(":")[0] for name in gauges} <= GAUGES.keys()
    expected = {
        "polls": 10, "polls_skipped": 2, "polls_undelivered": 1, "poll_errors:timeout": 4, "samples_dropped": 15,
        "readings_bad:ups-a:output.source:enum": 3,
        "samples_refused": 6, "blocks_damaged": 0, "influx_errors": 7, "notifications_sent:email": 5,
        "notifications_held:email": 2, "traps": 9, "traps_dropped:full": 1, "traps_dropped:malformed": 2,
        "traps_dropped:foreign": 3, "traps_dropped:failed": 4, "traps_dropped:folded": 0, "snmp_events:requests": 4,
        "snmp_events:timeouts": 2,
        "modbus_events:reads": 8, "modbus_events:garbled": 1,
    }  # fmt: skip
    assert {name: counters[name] for name in expected} == expected
    assert (gauges["poll_lag"], gauges["in_flight"], gauges["spool_bytes"]) == (0.25, 3, 4096)


async def test_a_figure_of_what_does_not_run_is_absent(world: World) -> None:
    figures = {**world.bare.counters(), **world.bare.gauges()}
    assert not [name for name in figures if name.startswith(("traps", "influx", "spool", "snmp", "modbus"))]
    assert figures["samples_dropped"] == 0


async def test_the_oldest_message_that_waits_grows_old_and_is_gone_when_it_is_sent(world: World) -> None:
    world.upkeep.last_words()
    assert (world.upkeep.gauges()["outbox_pending"], world.upkeep.gauges()["outbox_oldest"]) == (0, 0)
    messages = [notification(key=f"k{age}", created=NOW - age * 1000) for age in (30, 10)]
    world.journal.commit(Changes(notifications=messages))
    world.upkeep.last_words()
    await world.clock.advance(5)
    assert (world.upkeep.gauges()["outbox_pending"], world.upkeep.gauges()["outbox_oldest"]) == (2, 35.0)
    world.journal.claim(NOW, "outbox", 60_000, 10)
    world.upkeep.last_words()
    assert world.upkeep.gauges()["outbox_pending"] == 2, "what is being sent is not sent yet"
    world.journal.mark_sent("k30", NOW, "250 ok")
    world.upkeep.last_words()
    assert (world.upkeep.gauges()["outbox_pending"], world.upkeep.gauges()["outbox_oldest"]) == (1, 15.0)


async def test_a_journal_that_takes_nothing_is_said_once_and_ends_neither_heartbeat_nor_own_points(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(now: int) -> None:
        raise StoreError("the disk is full")

    monkeypatch.setattr(world.journal, "alive", full)
    async with beating(world):
        await world.until(17)
        assert world.own("dcmon.poll_lag") == 0.25
        assert [record.message for record in caplog.records] == ["the heartbeat cannot be written: the disk is full"]
        monkeypatch.undo()
        await world.until(6)
        assert (world.journal.load_snapshot(NOW).alive or 0) > NOW + 15_000
        monkeypatch.setattr(world.journal, "alive", full)
        await world.until(6)
    assert len(caplog.records) == 2, "a second time is news"


async def test_old_rows_of_the_journal_go_once_an_hour(world: World) -> None:
    old = incident(
        id="i-old", state="resolved", opened=NOW - 500 * DAY, started=NOW - 500 * DAY, resolved=NOW - 499 * DAY
    )
    young = replace(old, id="i-young", started=NOW - DAY, opened=NOW - DAY, resolved=NOW - DAY)
    world.journal.commit(Changes(incidents={row.id: row for row in (old, young)}))
    async with beating(world):
        await world.clock.advance(3590)
        await asyncio.sleep(0.05)
        assert len(world.journal.incidents()) == 2
        await world.clock.advance(20)
        async with asyncio.timeout(5):
            while len(world.journal.incidents()) == 2:  # noqa: ASYNC110  # the database has no event
                await asyncio.sleep(0.01)
    assert [row.id for row in world.journal.incidents()] == ["i-young"]
