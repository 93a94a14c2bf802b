"""Unusual values: what is learnt, when it is said, how it is explained, and what is not learnt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from engine_world import T0, TAKEOVER, World, config, read, rule, told
from hypothesis import given
from hypothesis import strategies as st

from dcmon.model import Alarm, AlarmState, Changes
from dcmon.storage.journal import Journal
from dcmon.thresholds.baseline import HOURS, Baseline

MIN, HOUR, DAY, WEEK = 60, 3600, 86_400, 7 * 86_400
ODD = rule("unusual", "odd", select={"point": "temperature"}, minimum=1, **{"class": "environment"})
WARM = rule("limit", "warm", select={"point": "temperature"}, above=40, deadband=1, **{"class": "environment"})
KEY = "odd/env-1[1]"


def by_day(second: int) -> float:
    """22 degrees at night, 24 in working hours, a little up and down."""
    hour = second // HOUR % 24
    return (24.0 if 8 <= hour < 18 else 22.0) + second // 900 % 3 * 0.1


def play(world: World, start: int, end: int, value: Any = by_day, series: str = "env-1/temperature[1]") -> None:
    for second in range(start, end, 15 * MIN):
        world.see(second, (series, value(second)))


def learnt(*rules: Any, weeks: int = 3, **more: Any) -> World:
    world = World(config(*(rules or (ODD,)), **more))
    play(world, 0, weeks * WEEK)
    return world


def alarm(world: World, key: str = KEY) -> Alarm | None:
    return world.judge.alarms.get(key)


def active(world: World, key: str = KEY) -> bool:
    row = alarm(world, key)
    return row is not None and row.state is AlarmState.ACTIVE


def test_an_unusual_value_is_a_ticket_that_says_what_is_usual() -> None:
    world = learnt()
    assert not world.judge.incidents
    play(world, 3 * WEEK, 3 * WEEK + 2 * HOUR, lambda second: 29.1)
    assert active(world)
    (incident,) = world.judge.incidents.values()
    assert not incident.paging
    row = alarm(world)
    assert row is not None
    assert "temperature[1] is 29.1 degC, usual for " in row.reason
    assert ":00 is 2" in row.reason
    assert " +- " in row.reason


def test_nothing_is_said_before_three_weeks_are_known() -> None:
    world = learnt(weeks=2)
    play(world, 2 * WEEK, 3 * WEEK - HOUR, lambda second: 60.0 if second > 2 * WEEK + 2 * DAY else by_day(second))
    assert not world.judge.incidents


def test_what_is_usual_by_day_is_unusual_at_night() -> None:
    world = learnt()
    play(world, 3 * WEEK, 3 * WEEK + DAY)
    assert not world.judge.incidents
    play(world, 3 * WEEK + DAY, 3 * WEEK + 2 * DAY, lambda second: 24.2)
    assert world.judge.incidents, "24.2 is usual by day and was none at night"


def test_one_odd_week_moves_nothing_and_a_new_normal_is_taken_over() -> None:
    world = learnt()
    play(world, 3 * WEEK, 4 * WEEK, lambda second: by_day(second) + 5)
    assert active(world), "still unusual after a week"
    play(world, 4 * WEEK, 7 * WEEK, lambda second: by_day(second) + 5)
    assert not active(world)


def test_a_short_excursion_is_none() -> None:
    world = learnt()
    play(world, 3 * WEEK, 3 * WEEK + 15 * MIN, lambda second: 29.0)
    play(world, 3 * WEEK + 15 * MIN, 3 * WEEK + 2 * HOUR)
    assert not world.judge.incidents


def test_more_than_a_few_a_day_are_recorded_only() -> None:
    world = World(config(ODD, unusual_most=2))
    series = [f"env-1/temperature[{number}]" for number in range(1, 6)]
    for second in range(0, 3 * WEEK, 15 * MIN):
        world.see(second, *((one, by_day(second)) for one in series))
    for place, one in enumerate(series):
        # One after the other, each over before the next, so that none joins another's incident.
        start = 3 * WEEK + place * 4 * HOUR
        for second in range(start, start + 4 * HOUR, 15 * MIN):
            odd = 29.0 if second < start + 2 * HOUR else by_day(second)
            world.see(second, *((other, odd if other == one else by_day(second)) for other in series))
    told = [row for row in world.all.transitions if row.type == "alarm" and row.state == "active"]
    assert len(told) == 5
    assert sum("suppressed" in row.data for row in told) == 3
    assert len({row.subject for row in world.all.transitions if row.type == "incident"}) <= 2


def test_an_outage_is_not_learnt() -> None:
    world = learnt(ODD, WARM, weeks=3)
    play(world, 3 * WEEK, 5 * WEEK, lambda second: 45.0)  # the limit alarms, so this is no new normal
    play(world, 5 * WEEK, 5 * WEEK + DAY)
    assert not active(world, "warm/env-1[1]")
    assert not active(world), "what was usual before the outage is usual still"


def test_nothing_is_learnt_while_a_sequence_runs() -> None:
    world = World(config(ODD, sequences=[TAKEOVER]))
    world.see(0, ("mains-a/mains.available", True))
    world.see(60, ("mains-a/mains.available", False))
    play(world, 120, WEEK)
    assert not world.all.usual
    world.see(WEEK, ("mains-a/mains.available", True), ("tsw-a/breaker.generator_closed", True))
    world.see(WEEK + 60, ("tsw-a/breaker.generator_closed", False), ("genset-a/engine.running", False))
    play(world, WEEK + 120, 2 * WEEK)
    assert world.all.usual


def test_in_maintenance_nothing_is_learnt() -> None:
    world = World(config(ODD))
    world.enter(0, "maintenance", title="Work", scope=["env-1"], start=60, end=2 * DAY, mute=True, **{"class": "no"})
    play(world, 120, 2 * DAY)
    assert not world.all.usual
    play(world, 2 * DAY, 4 * DAY)
    assert world.all.usual


def test_a_restart_forgets_nothing(tmp_path: Path) -> None:
    world = learnt()
    journal = Journal(tmp_path)
    try:
        journal.commit(world.all)
        assert journal.load_snapshot(0).usual == world.all.usual
    finally:
        journal.close()
    world.restart(3 * WEEK)
    play(world, 3 * WEEK, 3 * WEEK + 2 * HOUR, lambda second: 29.1)
    other = learnt()
    play(other, 3 * WEEK, 3 * WEEK + 2 * HOUR, lambda second: 29.1)
    mine, theirs = alarm(world), alarm(other)
    assert mine is not None
    assert theirs is not None
    assert mine.state is theirs.state is AlarmState.ACTIVE
    assert mine.reason == theirs.reason


def test_silence_is_not_learnt() -> None:
    world = World(config(ODD), live=True)
    world.see(0, ("env-1/temperature[1]", 22.0))
    world.wait(DAY)
    assert not world.all.usual


@pytest.mark.parametrize("value", [0.0, 22.0, -5.0, 1e12])
def test_a_constant_is_never_unusual(value: float) -> None:
    world = World(config(ODD))
    play(world, 0, 5 * WEEK, lambda second: value)
    assert not world.judge.alarms


weeks = st.lists(
    st.lists(st.floats(-1e6, 1e6, width=32), min_size=6, max_size=12), min_size=3, max_size=8
)  # fmt: skip


def taught(rows: list[list[float]], hour: int = 10) -> Baseline:
    baseline = Baseline()
    for row in rows:
        baseline.learn(hour, row)
    return baseline


@given(weeks, st.randoms())
def test_the_order_of_an_hours_samples_makes_no_difference(rows: list[list[float]], dice: Any) -> None:
    mixed = [dice.sample(row, len(row)) for row in rows]
    assert taught(mixed).usual(10) == taught(rows).usual(10)


@given(weeks, st.sampled_from([0.25, 0.5, 2.0, 8.0]))
def test_scale_makes_no_difference(rows: list[list[float]], scale: float) -> None:
    plain, scaled = taught(rows).usual(10), taught([[value * scale for value in row] for row in rows]).usual(10)
    assert plain is not None
    assert scaled is not None
    assert scaled.value == pytest.approx(plain.value * scale, rel=1e-6, abs=1e-30)
    assert scaled.spread == pytest.approx(plain.spread * scale, rel=1e-6, abs=1e-30)


@given(weeks)
def test_usual_lies_among_what_was_seen_and_outlives_a_restart(rows: list[list[float]]) -> None:
    baseline = taught(rows, HOURS - 1)
    usual = baseline.usual(HOURS - 1)
    assert usual is not None
    assert min(map(min, rows)) - 1 <= usual.value <= max(map(max, rows)) + 1
    other = Baseline()
    other.restore(HOURS - 1, *baseline.weeks(HOURS - 1))
    assert other.usual(HOURS - 1) == usual
    assert other.usual(0) is None


def test_a_baseline_is_small() -> None:
    baseline = Baseline()
    size = sum(getattr(baseline, name).__sizeof__() for name in Baseline.__slots__)
    assert size < 6_000, "60 MB at 10,000 series"


def test_changes_with_nothing_but_what_is_usual_are_kept() -> None:
    world = learnt(weeks=1)
    assert Changes(usual=world.all.usual)


@pytest.mark.parametrize("cut", [1, 7, 96, 10_000])
def test_how_readings_are_cut_into_batches_and_when_nothing_is_read_makes_no_difference(cut: int) -> None:
    end = 3 * WEEK + 4 * HOUR
    readings = [
        read(second, "env-1/temperature[1]", 29.1 if second >= 3 * WEEK + HOUR else by_day(second))
        for second in range(0, end, 15 * MIN)
    ]
    world = World(config(ODD))
    for start in range(0, len(readings), cut):
        batch = readings[start : start + cut]
        world.step(batch, batch[-1].ts)
        if cut == 7:
            world.wait((batch[-1].ts - T0) / 1000 + 100)
    plain = learnt()
    play(plain, 3 * WEEK, end, lambda second: 29.1 if second >= 3 * WEEK + HOUR else by_day(second))
    assert told([world.all]) == told([plain.all])
    assert world.all.usual == plain.all.usual
    assert active(world)


def test_a_week_of_restarts_learns_the_same_but_for_the_hours_in_which_they_fall() -> None:
    plain, restarted = World(config(ODD)), World(config(ODD))
    play(plain, 0, 2 * WEEK)
    for day in range(14):
        play(restarted, day * DAY, (day + 1) * DAY)
        restarted.restart((day + 1) * DAY - 15 * MIN + 1)
    both = plain.all.usual.keys() & restarted.all.usual.keys()
    assert len(both) >= 160
    same = sum(plain.all.usual[one] == restarted.all.usual[one] for one in both)
    assert same >= 140
