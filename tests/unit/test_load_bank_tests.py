"""Load-bank tests found in the readings: passed, too short, too weak, beyond limits, unseen; and what is no test."""

from __future__ import annotations

from typing import Any

import pytest
from engine_world import SITE, TAKEOVER, World, at, config

from dcmon.model import Record

RUNS, LOAD, MAINS = "genset-a/engine.running", "genset-a/generator.load", "mains-a/mains.available"
HERTZ, POWER = "genset-a/generator.frequency", "genset-a/generator.power"


def world(*, live: bool = False, site: dict[str, Any] | None = None, **wanted: Any) -> World:
    made = World(config(site=site, register={"load_bank": wanted}, sequences=[TAKEOVER]), live=live)
    made.see(0, (MAINS, True), (RUNS, False), (LOAD, 0.0), (HERTZ, 50.0))
    return made


def trials(made: World) -> list[Record]:
    found = [row for row in made.all.records.values() if row.kind == "load-bank"]
    return sorted(found, key=lambda row: row.started)


def run(made: World, minutes: float, *, load: float = 100.0, start: float = 100) -> None:
    """Engine on, load on, load off, engine off."""
    made.see(start, (RUNS, True), (HERTZ, 50.0))
    made.see(start + 60, (LOAD, load))
    made.see(start + 60 + minutes * 60, (LOAD, 0.0))
    made.see(start + 360 + minutes * 60, (RUNS, False))


def test_half_an_hour_at_full_load_beside_the_mains_has_passed() -> None:
    made = world()
    run(made, 31)
    (row,) = trials(made)
    assert (row.state, row.verdict, row.started, row.ended) == ("done", "passed", at(160), at(160 + 31 * 60))
    assert row.reason == "Generator A: load-bank test passed: 31m at full load"
    assert row.data["full_load"] == {"start": at(160), "end": at(160 + 31 * 60)}
    assert row.data["figures"]["generator.load"]["highest"] == 100.0
    assert row.data["series"] == ["genset-a/generator.load", "genset-a/generator.frequency"]
    states = [(second, state) for second, _, state in made.said("record")]
    assert states == [(160, "started"), (160 + 31 * 60 + 150, "passed")]


@pytest.mark.parametrize(
    ("minutes", "load", "verdict", "reason"),
    [
        (30, 95.0, "passed", "load-bank test passed: 30m at full load"),
        (29.99, 95.0, "failed", "load-bank test too short: 29m59s at full load, 30m wanted"),
        (30, 94.9, "failed", "load-bank test too weak: at most 94.9 % of the nameplate, 95 % wanted"),
        (40, 60.0, "failed", "load-bank test too weak: at most 60 % of the nameplate, 95 % wanted"),
        (4, 110.0, "failed", "load-bank test too short: 4m at full load, 30m wanted"),
    ],
)
def test_the_verdict_depends_on_load_and_time(minutes: float, load: float, verdict: str, reason: str) -> None:
    made = world()
    run(made, minutes, load=load)
    (row,) = trials(made)
    assert (row.verdict, row.reason) == (verdict, f"Generator A: {reason}")


def test_after_one_test_the_next_is_found() -> None:
    made = world()
    run(made, 4)
    run(made, 31, start=4000)
    assert [row.verdict for row in trials(made)] == ["failed", "passed"]


def test_a_run_without_load_is_no_test() -> None:
    made = world()
    run(made, 60, load=12.0)
    assert trials(made) == []


def test_an_engine_that_stops_under_load_ends_the_test_at_once() -> None:
    made = world()
    made.see(100, (RUNS, True), (LOAD, 100.0))
    made.see(700, (RUNS, False))
    (row,) = trials(made)
    assert (row.verdict, row.ended) == ("failed", at(700))
    assert "too short: 10m at full load" in row.reason


@pytest.mark.parametrize(("dip", "verdict"), [(37, "passed"), (38, "failed")])
def test_a_dip_no_longer_than_a_sample_holds_is_no_break(dip: float, verdict: str) -> None:
    made = world()
    made.see(100, (RUNS, True), (LOAD, 98.0))
    made.see(1000, (LOAD, 98.0))
    made.see(1001, (LOAD, 70.0))
    made.see(1001 + dip, (LOAD, 98.0))
    made.see(1950, (RUNS, False))
    assert [row.verdict for row in trials(made)] == [verdict]


def test_one_low_sample_of_a_file_with_a_sample_a_minute_is_no_break() -> None:
    made = world()
    made.see(60, (RUNS, True), (LOAD, 98.0))
    for minute in range(2, 40):
        made.see(60 * minute, (LOAD, 70.0 if minute == 20 else 98.0))
    made.see(2400, (RUNS, False))
    assert [row.verdict for row in trials(made)] == ["passed"]


def test_a_generator_beyond_its_frequency_for_long_has_failed_and_a_step_of_the_load_is_no_violation() -> None:
    made = world()
    made.see(100, (RUNS, True), (HERTZ, 50.0), (LOAD, 100.0))
    made.see(101, (HERTZ, 48.0))
    made.see(110, (HERTZ, 50.0))
    made.see(2000, (RUNS, False))
    made.see(3000, (RUNS, True), (HERTZ, 50.0))
    made.see(3300, (HERTZ, 48.9))
    made.see(3400, (HERTZ, 50.0))
    made.see(6000, (RUNS, False))
    assert [row.verdict for row in trials(made)] == ["passed", "failed"]
    assert trials(made)[1].reason == (
        "Generator A: load-bank test failed: generator.frequency was 48.9 Hz, wanted is above 49.5 Hz and "
        "below 50.5 Hz (50m at full load)"
    )


@pytest.mark.parametrize(("said", "verdict"), [(200, "failed"), (50, "passed")])
def test_what_was_said_once_since_the_engine_runs_is_of_the_test_and_what_was_said_before_is_not(
    said: float, verdict: str
) -> None:
    made = world()
    made.see(50, (HERTZ, 50.0))
    for second in sorted({said, 200}):
        both = [(RUNS, True)] if second == 200 else []
        made.see(second, *both, *([("genset-a/generator.voltage[3]", 200.0)] if second == said else []))
    made.see(400, (LOAD, 100.0))
    made.see(400 + 31 * 60, (LOAD, 0.0))
    made.see(3000, (RUNS, False))
    (row,) = trials(made)
    assert row.verdict == verdict, row.reason


def test_hot_coolant_fails_a_test_where_a_limit_is_set_and_the_device_gives_it() -> None:
    made = world(coolant_below=105, oil_above=150)
    made.see(100, (RUNS, True), (LOAD, 100.0), ("genset-a/engine.coolant_temperature", 90.0))
    made.see(1000, ("genset-a/engine.coolant_temperature", 108.0))
    made.see(2500, (RUNS, False))
    (row,) = trials(made)
    assert row.verdict == "failed" and "engine.coolant_temperature was 108 degC" in row.reason
    assert "engine.oil_pressure" not in row.data["figures"]


def test_load_in_an_outage_and_until_it_is_relieved_is_no_test() -> None:
    made = world()
    made.see(100, (MAINS, False))
    made.see(108, (RUNS, True))
    made.see(115, (LOAD, 97.0), ("tsw-a/breaker.generator_closed", True))
    made.see(900, (MAINS, True))
    made.see(2000, (LOAD, 0.0), ("tsw-a/breaker.generator_closed", False))
    made.see(3000, (RUNS, False))
    assert trials(made) == []


def test_mains_lost_in_the_midst_of_a_test_break_it_off() -> None:
    made = world()
    made.see(100, (RUNS, True), (LOAD, 100.0))
    made.see(700, (MAINS, False))
    made.wait(710)
    (row,) = trials(made)
    assert (row.verdict, row.ended) == ("incomplete", at(700))
    assert row.reason == (
        "Generator A: load-bank test broken off: the mains were lost after 10m at full load, 30m wanted"
    )
    made.see(2000, (MAINS, True))
    made.see(6000, (RUNS, False))
    assert len(trials(made)) == 1


def test_the_share_of_the_nameplate_comes_from_the_power_where_no_load_is_given() -> None:
    site = dict(SITE)
    site["assets"] = [
        {**one, "rating": {"power_w": 1_000_000}} if one["id"] == "genset-a" else one for one in SITE["assets"]
    ]
    made = World(config(site=site, register={"load_bank": {}}))
    made.see(0, (MAINS, True), (RUNS, True), (POWER, 960_000.0))
    made.see(1800, (RUNS, False))
    assert [row.verdict for row in trials(made)] == ["passed"]


def test_what_nobody_saw_proves_nothing() -> None:
    made = world(live=True)
    for second in range(100, 700, 10):
        made.see(second, (MAINS, True), (RUNS, True), (LOAD, 100.0))
    for second in range(1500, 2500, 10):
        made.see(second, (MAINS, True), (RUNS, True), (LOAD, 100.0))
    made.see(2500, (MAINS, True), (RUNS, False))
    (row,) = trials(made)
    assert (row.verdict, row.data["full_load"]) == ("incomplete", {"start": at(100), "end": at(2500)})
    assert "of it nobody saw" in row.reason


def test_a_restart_in_the_midst_goes_on_and_time_without_dcmon_counts_as_unseen() -> None:
    for gap, verdict in ((20, "passed"), (600, "incomplete")):
        made = world(live=True)
        for second in range(100, 1100, 10):
            made.see(second, (MAINS, True), (RUNS, True), (LOAD, 100.0))
        made.restart(1090 + gap, alive=1090)
        for second in range(1100 + gap, 2400, 10):
            made.see(second, (MAINS, True), (RUNS, True), (LOAD, 100.0))
        made.see(2400, (MAINS, True), (RUNS, False))
        assert [(row.verdict, row.started) for row in trials(made)] == [(verdict, at(100))]


def test_a_clock_that_is_set_makes_no_test_longer() -> None:
    made = world()
    made.see(100, (RUNS, True), (LOAD, 100.0))
    made.wait(700)
    made.all.extend(made.judge.clock_set(3_600_000, at(700 + 3600)))
    made.see(700 + 3600, (LOAD, 99.0))
    made.see(1000 + 3600, (RUNS, False))
    (row,) = [one for one in trials(made) if one.state == "done"]
    assert (row.verdict, row.data["duration_ms"]) == ("failed", 900_000)
