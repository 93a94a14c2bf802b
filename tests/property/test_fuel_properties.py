"""Fuel: neither noise nor sloshing nor warmth nor a restart makes a difference, whatever the curve of the level."""

from __future__ import annotations

import random
from math import pi, sin
from typing import Any

from engine_world import FUEL, FUEL_RULES, T0, World, at, config, read
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from dcmon.config.site import Rating
from dcmon.model import Reading
from dcmon.thresholds.fuel_tank import burn, from_level, segment_share

CONFIG = config(FUEL | {"select": {"point": "fuel.filled"}}, *FUEL_RULES[1:])
SERIES: dict[str, tuple[Any, ...]] = {
    "genset-a/engine.running": (True, False),
    "genset-a/generator.load": (30.0, 100.0),
    "tank-a/fuel.level": (0.0, 55.0, 58.0, 58.1, 60.0, 74.0, 76.0, 80.0, 95.0, 101.0, 140.0),
    "genset-a/device.reachable": (True, False),
}
HOUR = 3600
NO_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)
"""A day of samples is not made simpler by minutes of trying."""
Event = tuple[int, str, Any]


@st.composite
def timelines(draw: st.DrawFn) -> list[Event]:
    """(second, series, value) over some hours, no two of a series at one instant."""
    events: dict[tuple[int, str], Any] = {}
    second = 0
    for _ in range(draw(st.integers(2, 40))):
        second += draw(st.one_of(st.integers(0, 70), st.integers(0, 1000), st.integers(0, 9000)))
        series = draw(st.sampled_from(sorted(SERIES)))
        events[second, series] = draw(st.sampled_from(SERIES[series]))
    return [(second, series, value) for (second, series), value in sorted(events.items(), key=lambda item: item[0][0])]


def batches(events: list[Event]) -> list[tuple[int, list[Reading]]]:
    instants: dict[int, list[Reading]] = {}
    for second, series, value in events:
        instants.setdefault(at(second), []).append(read(second, series, value))
    return sorted(instants.items())


def outcome(world: World) -> tuple[Any, ...]:
    """Everything that was decided, and everything that is remembered."""
    said = [
        (t.ts, t.type, t.subject, t.state, t.reason, sorted(t.data.items(), key=str)) for t in world.all.transitions
    ]
    return said, dict(world.judge.records)


def play(events: list[Event], live: bool, ticks: list[int] = []) -> World:  # noqa: B006
    world = World(CONFIG, live=live)
    quiet: list[tuple[int, list[Reading]]] = [(at(second), []) for second in ticks]
    for now, batch in sorted([*batches(events), *quiet], key=lambda one: one[0]):
        world.step(batch, now)
    world.wait(500_000)
    return world


@given(timelines(), st.booleans(), st.lists(st.integers(0, 60_000), max_size=20))
@settings(max_examples=150, deadline=None)
def test_how_often_the_engine_is_woken_changes_nothing(events: list[Event], live: bool, ticks: list[int]) -> None:
    assert outcome(play(events, live, ticks)) == outcome(play(events, live))


@given(timelines(), st.booleans(), st.randoms(use_true_random=False))
@settings(max_examples=150, deadline=None)
def test_how_readings_are_cut_into_batches_changes_nothing(
    events: list[Event], live: bool, dice: random.Random
) -> None:
    apart = play(events, live)
    together = World(CONFIG, live=live)
    readings = [read(*event) for event in events]
    dice.shuffle(readings)
    together.step(readings, max(reading.ts for reading in readings))
    together.wait(500_000)
    assert outcome(together) == outcome(apart)


@given(timelines(), st.integers(0, 40), st.integers(0, 40))
@settings(max_examples=200, deadline=None)
def test_a_restart_at_any_moment_changes_nothing(events: list[Event], one: int, two: int) -> None:
    heard = [(0, f"{device}/device.reachable", True) for device in CONFIG.collectors.devices]
    events = [*heard, *((second + 1, series, value) for second, series, value in events)]
    plain, restarted = World(CONFIG, live=True), World(CONFIG, live=True)
    for position, (now, batch) in enumerate(batches(events)):
        plain.step(batch, now)
        restarted.step(batch, now)
        if position in (one, two):
            restarted.restart((now - T0) / 1000)
    plain.wait(500_000)
    restarted.wait(500_000)
    assert outcome(restarted) == outcome(plain)


@given(
    st.floats(20, 95), st.floats(0, 0.9), st.floats(0, 0.2), st.booleans(), st.booleans(), st.integers(20, 300),
    st.integers(0, 1000),
)  # fmt: skip
@settings(max_examples=60, deadline=None, phases=NO_SHRINKING)
def test_a_standing_tank_that_is_noisy_and_warms_and_cools_never_alarms_and_is_never_filled(
    level: float, noise: float, drift: float, whole: bool, known: bool, pace: int, seed: int
) -> None:
    """Noise of up to 0.9 % either way, in steps of one per cent or fine, on a day's swing by up to 0.2 % an hour; now
    and then the sender drops out for one sample."""
    world, dice = World(CONFIG, live=False), random.Random(seed)
    if known:
        world.see(0, ("genset-a/engine.running", False))
    lost = -1000
    for second in range(0, 30 * HOUR, pace):
        swing = drift * 12 / pi * sin(second / HOUR * pi / 12)  # steepest where it crosses: `drift` an hour
        value = level + swing + dice.uniform(-noise, noise)
        if dice.random() < 0.005 and second - lost > 10 * pace:
            value, lost = 0.0, second
        world.see(second, ("tank-a/fuel.level", float(round(value)) if whole else value))
    world.wait(40 * HOUR)
    said = {(t.type, t.rule, t.state) for t in world.all.transitions if t.rule != "fuel-low" and t.type != "incident"}
    assert not {one for one in said if one[0] == "alarm" and one[2] == "active" and one[1] != "autonomy"}
    assert not [row for row in world.judge.records.values() if row.kind == "delivery"]
    assert not [task for task in world.judge.tasks.values() if task.state == "done" or level > 78]


@given(st.floats(3, 40), st.floats(0, 3), st.integers(2, 30), st.booleans(), st.integers(0, 1000))
@settings(max_examples=60, deadline=None, phases=NO_SHRINKING)
def test_a_delivery_is_measured_once_and_closes_the_task_however_it_sloshes(
    percent: float, slosh: float, minutes: int, whole: bool, seed: int
) -> None:
    world, dice = World(CONFIG, live=False), random.Random(seed)
    world.see(0, ("genset-a/engine.running", False))
    start, end = 2 * HOUR, 2 * HOUR + 60 * minutes
    for second in range(0, 5 * HOUR, 20):
        share = min(max((second - start) / (end - start), 0.0), 1.0)
        calm = slosh * dice.uniform(-1, 1) if start < second < end + 300 else 0.0
        value = 50 + percent * share + calm
        world.see(second, ("tank-a/fuel.level", float(round(value)) if whole else value))
    rows = [row for row in world.judge.records.values() if row.kind == "delivery"]
    tasks = [task.state for task in world.judge.tasks.values()]
    step = 100.0 if whole else 0.0
    if percent * 100 >= 200 + step + 60:
        assert len(rows) == 1
        assert abs(rows[0].data["litres"] - percent * 100) <= step + 60
    if 6 <= percent <= 20 or percent >= 32:  # between, it ends near the mark, and may fall below it again
        assert tasks == ["done"]
    assert not [t for t in world.all.transitions if t.rule == "loss" and t.state == "active"]


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_lying_cylinder_fills_steadily_and_is_symmetrical(one: float, two: float) -> None:
    low, high = sorted((one, two))
    assert 0 <= segment_share(low) <= segment_share(high) + 1e-12 <= 1 + 2e-12
    assert abs(segment_share(one) + segment_share(1 - one) - 1) < 1e-8


@given(
    st.dictionaries(st.integers(1, 99), st.floats(1, 249), max_size=5), st.one_of(st.none(), st.floats(0, 0.003)),
    st.floats(0, 110), st.floats(0, 110),
)  # fmt: skip
def test_consumption_never_falls_with_the_load(
    points: dict[int, float], idle: float | None, one: float, two: float
) -> None:
    flows = sorted(set(points.values()))
    curve = dict(zip(sorted(points)[: len(flows)], flows, strict=False)) | {100: 250.0}
    rating = Rating(fuel_curve=curve, fuel_idle_share=idle)
    low, high = sorted((one, two))
    burnt = [burn(rating, load) for load in (low, high, 100)]
    assert None not in burnt
    assert 0 <= (burnt[0] or 0) <= (burnt[1] or 0) + 1e-9
    assert abs((burnt[2] or 0) - 250) < 1e-9


@given(st.one_of(st.none(), st.booleans(), st.text(max_size=3), st.floats(), st.integers()))
def test_no_level_however_odd_makes_litres_that_the_tank_cannot_hold(value: Any) -> None:
    litres = from_level(Rating(tank_l=10_000), value).litres
    assert litres is None or 0 <= litres <= 10_000
