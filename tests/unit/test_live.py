"""What the running process says of its site: devices, history, who is on duty, and that something has changed."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from dcmon.clock import SimulatedClock
from dcmon.collectors.poller import DeviceStats, Poller
from dcmon.config.agent import Samples as Retention
from dcmon.config.config import Config
from dcmon.config.loader import load
from dcmon.config.people import People
from dcmon.live import DeviceView, Live, duties
from dcmon.model import Availability, Changes, Interval, Quality, Reading, SeriesKey
from dcmon.notify.escalation import Pager
from dcmon.pipeline import Pipeline
from dcmon.storage.journal import Journal
from dcmon.storage.samples import Samples
from dcmon.thresholds import Judge

NOW = 1_795_420_800_000
DAY = 86_400_000
CHARGE = SeriesKey("ups-a", "battery.charge", None)


@pytest.fixture(scope="module")
def config(example_site: Path) -> Config:
    return load(example_site)


class World:
    def __init__(self, config: Config, folder: Path) -> None:
        self.clock = SimulatedClock(NOW)
        self.journal = Journal(folder)
        self.samples = Samples(folder, Retention(), self.clock)
        pipeline = Pipeline(Judge(config, now=NOW), Pager(config), self.journal, [self.samples], self.clock)
        poller = Poller([], config.agent.polling, self.clock, pipeline.submit)
        figures: dict[str, float] = {"polls": 1.0}
        self.live = Live(
            config, self.clock, pipeline, poller, self.journal, self.samples,
            {"condensation.pressure": "kPa"}, lambda: figures, lambda: figures, nobody,
        )  # fmt: skip


async def nobody(*report: object) -> bool:
    return False


@pytest.fixture
async def world(config: Config, tmp_path: Path) -> AsyncIterator[World]:
    made = World(config, tmp_path)
    yield made
    made.samples.close()
    made.journal.close()


def test_a_device_is_neither_here_nor_silent_before_its_first_poll_has_ended() -> None:
    assert DeviceView.of(DeviceStats("ups-a")).reachable is None
    assert DeviceView.of(DeviceStats("ups-a", failures=1, last_error="timeout")).reachable is False
    found = DeviceView.of(DeviceStats("ups-a", last_success=NOW, failures=0, last_error="timeout"))
    assert (found.reachable, found.last_error) == (True, None), "what is over is not shown"
    lost = DeviceView.of(DeviceStats("ups-a", last_success=NOW, failures=2, last_error="refused", back_off_until=NOW))
    assert (lost.reachable, lost.last_error, lost.last_success) == (False, "refused", NOW)


async def test_history_gives_samples_with_their_quality(world: World) -> None:
    bad = Reading(NOW + 2, *CHARGE, None, Quality.BAD, "sentinel")
    world.samples.append([Reading(NOW, *CHARGE, 90.0), Reading(NOW + 1, *CHARGE, 89.0), bad])
    found = await world.live.history.samples(CHARGE, NOW, NOW + 3)
    assert [(each.ts, each.value, each.quality) for each in found] == [
        (NOW, 90.0, "good"), (NOW + 1, 89.0, "good"), (NOW + 2, None, "bad"),
    ]  # fmt: skip


async def test_where_the_samples_are_past_their_retention_history_gives_one_minute_means(world: World) -> None:
    start = NOW - 60 * DAY
    world.samples.append([Reading(start + second * 1000, *CHARGE, float(second % 60)) for second in range(0, 120, 15)])
    world.samples.compact()
    assert not world.samples.range(CHARGE, start, start + 120_000).ts, "the raw samples are gone"
    found = await world.live.history.samples(CHARGE, start, start + 120_000)
    assert [(each.ts, each.value) for each in found] == [(start, 22.5), (start + 60_000, 22.5)]


async def test_a_unit_is_the_vocabularys_or_the_profiles(world: World) -> None:
    assert world.live.unit_of(CHARGE) == "%"
    assert world.live.unit_of(SeriesKey("cooling-1", "condensation.pressure", None)) == "kPa"
    assert world.live.unit_of(SeriesKey("ups-a", "no.such_point", None)) is None


async def test_a_burst_of_changes_is_one_number_and_what_comes_while_a_page_is_drawn_is_not_missed(
    world: World,
) -> None:
    told = world.live.subscribe()
    first = asyncio.ensure_future(anext(told))
    await asyncio.sleep(0)
    assert not first.done(), "nothing has changed yet"
    for _ in range(3):
        world.live.change()
    seen = await asyncio.wait_for(first, 1)
    world.live.change()
    assert await asyncio.wait_for(anext(told), 1) == seen + 1
    waiting = asyncio.ensure_future(anext(told))
    await asyncio.sleep(0)
    assert not waiting.done()
    waiting.cancel()


async def test_two_pages_hear_of_the_same_change(world: World) -> None:
    both = [asyncio.ensure_future(anext(world.live.subscribe())) for _ in range(2)]
    await asyncio.sleep(0)
    world.live.change()
    assert await asyncio.wait_for(asyncio.gather(*both), 1) == [1, 1]


async def test_the_figures_of_the_agreement_are_read_again_every_half_minute(world: World) -> None:
    uplink = "T21.link:uplink-1"
    assert world.live.slo() == []
    running = asyncio.create_task(world.live.run())
    async with asyncio.timeout(10):
        while not world.live.slo():
            await world.clock.advance(1)
            await asyncio.sleep(0.01)
    year = {row["id"]: row for row in world.live.slo()}
    assert year[uplink]["measured"] is None
    world.journal.commit(Changes(intervals=[Interval(uplink, NOW - DAY, None, Availability.UP)]))
    async with asyncio.timeout(10):
        while {row["id"]: row for row in world.live.slo()}[uplink]["measured"] is None:
            await world.clock.advance(1)
            await asyncio.sleep(0.01)
    assert world.clock.now() - NOW >= 30_000
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


def test_who_is_on_duty_is_told_by_name_and_until_when(config: Config) -> None:
    people = People.model_validate(
        {
            "people": [{"id": "anna", "name": "Anna Weber"}, {"id": "ben", "name": "Ben Lang"}],
            "rosters": [
                {"id": "noc", "name": "Control room", "shifts": [
                    {"person": "anna", "start": "06:00", "end": "18:00"},
                    {"person": "ben", "start": "18:00", "end": "06:00"},
                ]},
                {"id": "always", "name": "Always", "shifts": [{"person": "ben"}]},
            ],
            "routes": [{"id": "all", "to": [{"roster": "noc"}]}],
        }
    )  # fmt: skip
    six_pm = NOW - NOW % DAY + 17 * 3_600_000  # 18:00 in Munich in winter
    noc, always = duties(config.model_copy(update={"people": people}), six_pm - 1)
    assert (noc["people"], noc["until"]) == ([{"id": "anna", "name": "Anna Weber"}], six_pm)
    assert (always["people"], always["until"]) == ([{"id": "ben", "name": "Ben Lang"}], None)
    noc, _ = duties(config.model_copy(update={"people": people}), six_pm)
    assert noc["people"] == [{"id": "ben", "name": "Ben Lang"}]
