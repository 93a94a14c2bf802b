"""Whether a promise is free of alarms, and whether what shows it is watched: UP, DOWN and UNKNOWN over time."""

from __future__ import annotations

from pathlib import Path

import pytest
from engine_world import ON_BATTERY, SILENT, WARM, World, at, config, read, rule

from dcmon.model import Availability, SeriesKey
from dcmon.pipeline import recall
from dcmon.storage.samples import Samples
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


@pytest.mark.parametrize(("back", "state"), [(False, "unknown"), (True, "up")])
def test_a_sensor_that_was_silent_before_a_restart_is_not_forgotten_by_it(back: bool, state: str) -> None:
    leaks = rule("state", "leak", select={"point": "water.detected"}, tom=["T13"], **{"class": "water", "is": True})
    world = World(config(leaks), live=True)
    for second in range(0, 300, 10):
        heard = ("leak-1", "env-1") if second < 100 else ("leak-1",)
        world.see(second, *((f"{device}/water.detected[1]", False) for device in heard))
    assert [told for _, told in states(world, "T13")] == ["up", "down"]
    world.restart(300, alive=290, readings=False)
    stored = [SeriesKey("leak-1", "water.detected", "1"), SeriesKey("env-1", "water.detected", "1"),
              SeriesKey("env-1", "temperature", "1")]  # fmt: skip
    assert [world.judge.watches(key) for key in stored] == [True, True, False]
    world.judge.expect(stored)
    for second in range(310, 500, 10):
        heard = ("leak-1", "env-1") if back else ("leak-1",)
        world.see(second, *((f"{device}/water.detected[1]", False) for device in heard))
    assert {view.id: view for view in world.judge.availability(0)}["T13"].state.value == state


def test_what_is_to_be_watched_is_known_from_the_stored_samples_of_the_last_month(tmp_path: Path) -> None:
    leaks = rule("state", "leak", select={"point": "water.detected"}, tom=["T13"], **{"class": "water", "is": True})
    day, samples = 86_400, Samples(tmp_path)
    samples.append([read(0, "leak-1/water.detected[1]", False), read(-40 * day, "leak-2/water.detected[1]", False)])
    samples.append([read(0, "env-1/water.detected[1]", None, "bad", "timeout")])
    samples.flush()
    world = World(config(leaks), live=True)
    recall(world.judge, samples, at(day))
    samples.close()
    world.see(day, ("env-1/water.detected[1]", False))
    (view,) = (one for one in world.judge.availability(0) if one.id == "T13")
    assert (view.state, view.reason) == (Availability.UNKNOWN, "nothing has been measured yet")
    world.see(day + 10, ("env-1/water.detected[1]", False), ("leak-1/water.detected[1]", False))
    assert {one.id: one for one in world.judge.availability(0)}["T13"].state is Availability.UP
