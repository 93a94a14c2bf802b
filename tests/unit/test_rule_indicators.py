"""Whether a promise is free of alarms, and whether what shows it is watched: UP, DOWN and UNKNOWN over time."""

from __future__ import annotations

from engine_world import ON_BATTERY, SILENT, WARM, World, config

from dcmon.model import Availability
from dcmon.thresholds.controls import promises

CONFIG = config(ON_BATTERY | {"tom": ["T03"], "severity": "critical"}, WARM | {"tom": ["T13"]})


def states(world: World, control: str) -> list[tuple[float, str]]:
    return [
        (t.data["since"] / 1000 - 1_795_000_000, t.state) for t in world.all.transitions
        if t.type == "indicator" and t.subject == control
    ]  # fmt: skip


def test_a_promise_is_down_from_the_start_of_its_first_alarm_until_the_last_is_over() -> None:
    world = World(CONFIG)
    world.see(0, ("ups-a/ups.on_battery", False), ("ups-b/ups.on_battery", False))
    world.see(100, ("ups-a/ups.on_battery", True))
    world.wait(105)
    world.see(110, ("ups-b/ups.on_battery", True))
    world.wait(120)
    world.see(130, ("ups-a/ups.on_battery", False))
    world.see(150, ("ups-b/ups.on_battery", False))
    assert states(world, "T03.free") == [(0, "up"), (100, "down"), (150, "up")]


def test_a_point_that_is_not_known_any_more_is_not_watched() -> None:
    world = World(CONFIG, live=True)
    world.see(0, ("env-1/temperature[1]", 22.0))
    world.wait(300)
    world.see(400, ("env-1/temperature[1]", 22.0))
    (first, up), (silent, down), (again, back) = states(world, "T13")
    assert (first, up, down, again, back) == (0, "up", "down", 400, "up")
    assert 30 < silent < 60, "2.5 slow polls"


def test_what_was_never_seen_is_unknown() -> None:
    world = World(CONFIG)
    world.wait(100)
    views = {view.id: view for view in world.judge.availability(0)}
    assert views["T03.free"].state is Availability.UNKNOWN
    assert views["T13"].of_rules and not views["T01"].of_rules


def test_no_news_of_a_rule_is_no_good_news() -> None:
    world = World(config(ON_BATTERY | {"tom": ["T13"]}, WARM | {"tom": ["T13"]}, SILENT | {"tom": ["T08"]}))
    world.see(0, ("ups-a/ups.on_battery", False))
    world.see(86_400, ("ups-a/ups.on_battery", False))
    views = {view.id: view for view in world.judge.availability(0)}
    assert views["T13"].state is Availability.UNKNOWN
    assert views["T08"].state is Availability.UNKNOWN, "a file that says nothing of devices does not say that they live"
    world.see(86_500, ("env-1/temperature[1]", 22.0))
    assert {view.id: view for view in world.judge.availability(0)}["T13"].state is Availability.UP


def test_an_optional_rule_that_has_judged_nothing_keeps_its_promise_from_nobody_and_its_alarm_counts() -> None:
    optional = WARM | {"tom": ["T03"], "severity": "critical", "optional": True}
    world = World(config(ON_BATTERY | {"tom": ["T03"], "severity": "critical"}, optional))
    world.see(0, ("ups-a/ups.on_battery", False))
    world.see(100, ("env-1/temperature[1]", 31.0))
    world.wait(200)
    assert states(world, "T03.free") == [(0, "up"), (100, "down")]


def test_a_file_that_says_that_a_device_answers_says_that_it_is_watched() -> None:
    world = World(config(SILENT | {"tom": ["T08"]}))
    world.see(0, ("ups-a/device.reachable", True))
    world.see(100, ("ups-a/device.reachable", False))
    world.wait(200)
    assert states(world, "T08") == [(0, "up"), (100, "down")]


def test_a_restart_without_a_gap_goes_on_and_one_with_a_gap_is_unknown_meanwhile() -> None:
    world = World(CONFIG)
    world.see(0, ("ups-a/ups.on_battery", False))
    world.restart(50)
    world.see(60, ("ups-a/ups.on_battery", False))
    assert states(world, "T03.free") == [(0, "up")]
    world.restart(500, alive=100)
    world.see(510, ("ups-a/ups.on_battery", False))
    assert states(world, "T03.free") == [(0, "up"), (100, "unknown"), (510, "up")]


def test_every_promise_has_its_words() -> None:
    assert sorted(promises()) == [f"T{number:02d}" for number in range(1, 33)]
