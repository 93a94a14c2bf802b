"""What holds of the configuration that is shipped, with all its rules, runs, duties, fuel, services and indicators."""

from __future__ import annotations

import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from engine_world import T0, World, at, told
from hypothesis import given, settings
from hypothesis import strategies as st

from dcmon.config.config import Config
from dcmon.config.loader import load
from dcmon.model import Interval, Quality, Reading, Value

PROFILE = settings(max_examples=6, deadline=None)
END = 200_000

SERIES: dict[str, tuple[Value, ...]] = {
    "mains-a/mains.available": (True, False),
    "mains-b/mains.available": (True, False),
    "genset-a/engine.running": (True, False),
    "genset-a/generator.load": (0.0, 60.0, 100.0),
    "genset-a/generator.voltage": (0.0, 230.0, 400.0),
    "genset-a/generator.frequency": (0.0, 48.0, 50.0),
    "genset-a/genset.mode": ("auto", "off", "manual"),
    "tsw-a/breaker.generator_closed": (True, False),
    "tsw-a/breaker.mains_closed": (True, False),
    "tank-a/fuel.level": (0.0, 58.0, 74.0, 76.0, 80.0, 95.0, 140.0),
    "ups-a/ups.on_battery": (True, False),
    "ups-b/ups.on_battery": (True, False),
    "ups-a/output.source": ("normal", "battery", "bypass", "none"),
    "ups-a/output.voltage": (0.0, 230.0),
    "ups-a/output.load": (40.0, 97.0, 110.0),
    "ups-a/battery.status": ("normal", "low", "depleted"),
    "ups-a/battery.charge": (100.0, 80.0, 40.0),
    "ups-a/battery.seconds_on_battery": (0, 7, 300),
    "pdu-a1/input.voltage[1]": (230.0, 180.0, 0.0),
    "pdu-b1/input.voltage[1]": (230.0, 180.0, 0.0),
    "cooling-1/return_air.temperature": (24.0, 31.0, 40.0),
    "cooling-2/cooling.ok": (True, False),
    "cooling-3/cooling.ok": (True, False),
    "leak-1/water.detected[1]": (True, False),
    "env-1/temperature[1]": (22.0, 27.5, 31.0),
    "env-1/humidity[1]": (45.0, 85.0),
    "env-1/smoke.detected[1]": (True, False),
    "fire-fs1/fire.alarm": (True, False),
    "fire-fs1/fire.fault": (True, False),
    "uplink-1/if.oper": ("up", "down"),
    "uplink-1/if.admin": ("up", "down"),
    "uplink-2/if.oper": ("up", "down"),
    "uplink-3/bgp.state": ("established", "idle"),
    "portal/service.ok": (True, False),
    "portal/service.latency": (0.05, 9.0),
    "portal/certificate.remaining": (80.0, 3.0),
    "backup-mgmt/backup.ok": (True, False),
    "backup-mgmt/backup.age": (3.0, 80.0),
    "ups-a/device.reachable": (True, False),
    "pdu-a1/device.reachable": (True, False),
    "router-1/device.reachable": (True, False),
}  # fmt: skip
QUALITIES = (Quality.GOOD,) * 6 + (Quality.UNCERTAIN, Quality.BAD)

Batches = list[tuple[int, list[Reading]]]


@pytest.fixture(scope="module")
def shipped(example_site: Path) -> Config:
    return load(example_site)


@st.composite
def plants(draw: st.DrawFn) -> Batches:
    """Polls of a plant at up to twenty instants within ten hours: outages, blips, bad and missing values, silence."""
    gaps = st.one_of(st.integers(1, 12), st.integers(1, 120), st.integers(1, 9_000))
    names, found, second = sorted(SERIES), [], 1
    for _ in range(draw(st.integers(1, 20))):
        second += draw(gaps)
        batch = []
        for name in draw(st.lists(st.sampled_from(names), min_size=1, max_size=4, unique=True)):
            quality = draw(st.sampled_from(QUALITIES))
            value = None if quality is Quality.BAD else draw(st.sampled_from(SERIES[name]))
            batch.append(reading(second, name, value, quality))
        found.append((at(second), batch))
    return found


def reading(second: int, series: str, value: Value, quality: Quality = Quality.GOOD) -> Reading:
    asset, _, rest = series.partition("/")
    point, _, index = rest.partition("[")
    return Reading(at(second), asset, point, index.rstrip("]") or None, value, quality, None)


def first(of: Config) -> tuple[int, list[Reading]]:
    """Every device answers once."""
    return T0, [reading(0, f"{device}/device.reachable", True) for device in of.collectors.devices]


def said(world: World) -> list[tuple[Any, ...]]:
    return told([world.all])


def ledger(world: World) -> set[tuple[Any, ...]]:
    rows = {(row.indicator, row.start): row for row in world.all.intervals}
    return {(row.indicator, row.start, row.end, row.state) for row in rows.values()}


def played(of: Config, batches: Batches, live: bool) -> World:
    world = World(of, live=live)
    for now, batch in batches:
        world.step(batch, now)
    world.wait(END)
    return world


@given(plants(), st.booleans(), st.randoms(use_true_random=False))
@PROFILE
def test_order_repetition_and_batches_change_nothing(
    shipped: Config, plant: Batches, live: bool, dice: random.Random
) -> None:
    apart = played(shipped, [first(shipped), *plant], live)
    together = [row for _, batch in (first(shipped), *plant) for row in batch]
    together += dice.sample(together, len(together) // 2)
    dice.shuffle(together)
    once = played(shipped, [(plant[-1][0], together)], live)
    assert said(once) == said(apart)
    assert ledger(once) == ledger(apart)


@given(plants(), st.booleans(), st.lists(st.integers(1, 60_000), max_size=20))
@PROFILE
def test_how_often_it_is_woken_changes_nothing(shipped: Config, plant: Batches, live: bool, ticks: list[int]) -> None:
    batches = [first(shipped), *plant]
    quiet: Batches = [(at(second) + 1, []) for second in ticks]
    ticking = sorted([*batches, *quiet], key=lambda batch: batch[0])
    plain, woken = played(shipped, batches, live), played(shipped, ticking, live)
    assert said(woken) == said(plain)
    assert ledger(woken) == ledger(plain)


@given(plants(), st.booleans(), st.integers(1, 300))
@PROFILE
def test_nothing_is_early_nor_later_than_the_next_tick(
    shipped: Config, plant: Batches, live: bool, cadence: int
) -> None:
    world = World(shipped, live=live)
    delays = {rule.id: rule.on_delay for rule in shipped.judged}
    polls = dict([first(shipped), *plant])
    ticks = {now + late * cadence * 1000 for now in polls for late in range(1, 9)}
    for now in sorted(ticks | polls.keys()):
        for one in world.step(polls.get(now, []), now).transitions:
            assert one.ts <= now
            if one.type == "alarm" and one.state == "active":
                assert one.ts - one.data["started"] >= delays[one.rule or ""], one
            if one.type == "clock" and one.state == "breached":
                assert one.data["elapsed_ms"] >= one.data["limit_ms"], one
            if one.type == "task" and one.state == "overdue":
                assert one.ts >= one.data["due"], one
        due = world.judge.next_due()
        assert due is None or due > now, "what is due by now has been done"


@given(plants(), st.booleans())
@PROFILE
def test_intervals_of_every_indicator_are_whole(shipped: Config, plant: Batches, live: bool) -> None:
    world = played(shipped, [first(shipped), *plant], live)
    rows: dict[str, dict[int, Interval]] = {}
    for row in world.all.intervals:
        rows.setdefault(row.indicator, {})[row.start] = row
    assert rows
    for mine in rows.values():
        ordered = [mine[start] for start in sorted(mine)]
        assert ordered[-1].end is None
        for one, following in pairwise(ordered):
            assert one.start < following.start and one.end == following.start
