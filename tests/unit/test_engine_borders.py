"""The last instant of every period, and what stays as it was: incidents, alarms and fault clocks at their borders."""

from __future__ import annotations

import pytest
from engine_world import LINK, MAINS_LOST, ON_BATTERY, World, at, config, read, rule

UPS_A, MAINS_A, UPLINK = "ups-a/ups.on_battery", "mains-a/mains.available", "uplink-1/if.oper"
COOLING = rule("state", "cooling-failed", select={"point": "cooling.ok"}, **{"class": "cooling", "is": False})
UNIT = "cooling-1/cooling.ok"
NOW_ON_BATTERY = ON_BATTERY | {"on_delay": "0s"}
MAINS_GONE = MAINS_LOST | {"on_delay": "0s"}


@pytest.mark.parametrize(("second", "roots"), [(60, ["mains-a"]), (60.001, ["ups-a", "mains-a"])])
def test_a_cause_takes_over_incidents_up_to_the_last_instant_of_join(second: float, roots: list[str]) -> None:
    world = World(config(MAINS_GONE, NOW_ON_BATTERY, incidents={"join": "1m"}))
    world.see(0, (UPS_A, True))
    world.see(second, (MAINS_A, False))
    assert [row.root for row in world.judge.incidents.values() if row.state == "open"] == roots


@pytest.mark.parametrize(("second", "state"), [(700, "reopened"), (700.001, "opened")])
def test_an_incident_is_reopened_up_to_the_last_instant_of_reopen(second: float, state: str) -> None:
    world = World(config(COOLING, incidents={"reopen": "10m"}))
    world.see(0, (UNIT, False))
    world.see(100, (UNIT, True))
    world.see(second, (UNIT, False))
    assert world.incidents()[-1] == (second, "cooling-1", state)


def test_an_incident_is_remembered_for_as_long_as_it_may_be_reopened() -> None:
    world = World(config(COOLING, LINK, incidents={"reopen": "3d"}))
    world.see(0, (UNIT, False))
    world.see(100, (UNIT, True))
    world.see(86_400 * 1.5, (UPLINK, "down"))
    world.see(86_400 * 2, (UNIT, False))
    assert world.incidents()[-1][1:] == ("cooling-1", "reopened")


def test_a_reopened_incident_wants_a_new_acknowledgement() -> None:
    world = World(config(COOLING))
    world.see(0, (UNIT, False))
    (incident,) = world.judge.incidents
    world.judge.acknowledge(incident, "anna", at(10))
    world.see(60, (UNIT, True))
    world.see(120, (UNIT, False))
    row = world.judge.incidents[incident]
    assert (row.state, row.reopened, row.acked_by, row.acked_at) == ("open", 1, None, None)


def test_an_alarm_that_pages_nobody_makes_no_incident_that_pages_graver() -> None:
    quiet = rule("state", "cells", select={"point": "battery.replace"}, page=False, severity="critical", **{"is": True})
    world = World(config(NOW_ON_BATTERY, quiet))
    world.see(0, (UPS_A, True))
    world.see(10, ("ups-a/battery.replace", True))
    assert [state for _, _, state in world.incidents()] == ["opened", "joined"]


def test_a_shelf_that_ends_leaves_an_alarm_in_its_incident_as_it_was() -> None:
    world = World(config(COOLING))
    world.see(0, (UNIT, False))
    world.judge.shelve("cooling-failed/cooling-1", at(600), "service", "anna", at(10))
    world.wait(700)
    assert world.incidents() == [(0, "cooling-1", "opened")]
    assert world.alarms() == [(0, "cooling-1", "active")]
    row = world.judge.alarms["cooling-failed/cooling-1"]
    assert (row.shelved_until, row.shelved_reason, row.suppressed) == (None, None, None)


def test_a_count_that_says_less_does_not_make_a_fault_younger() -> None:
    world = World(config(ON_BATTERY))
    world.see(0, (UPS_A, False))
    world.see(58, (UPS_A, False))
    world.see(60, (UPS_A, True))
    world.see(64, ("ups-a/battery.time_on_battery", 1.0))
    assert world.judge.alarms["on-battery/ups-a"].started == at(60)
    world.wait(65)
    assert world.alarms()[-1] == (65, "ups-a", "active")


def test_a_delay_that_runs_while_the_clock_is_set_moves_with_its_start() -> None:
    world = World(config(ON_BATTERY | {"on_delay": "30s"}), live=True)
    world.see(0, (UPS_A, True))
    world.all.extend(world.judge.clock_set(-3_600_000, at(10 - 3600)))
    row = world.judge.alarms["on-battery/ups-a"]
    assert (row.started, row.due) == (at(-3600), at(30 - 3600))


@pytest.mark.parametrize(("gap", "state"), [(1800, "reopened"), (1800.001, "started")])
def test_a_fault_is_the_same_up_to_the_last_instant_of_reopen(gap: float, state: str) -> None:
    world = World(config(LINK | {"on_delay": "0s"}))
    world.see(0, (UPLINK, "down"))
    world.see(1000, (UPLINK, "up"))
    world.see(1000 + gap, (UPLINK, "down"))
    assert world.said("clock")[-1][2] == state


def test_a_fault_that_comes_back_after_its_breach_is_still_breached() -> None:
    world = World(config(LINK))
    world.see(0, (UPLINK, "down"))
    world.see(5 * 3600, (UPLINK, "up"))
    world.wait(5 * 3600 + 301)
    world.see(5 * 3600 + 600, (UPLINK, "down"))
    world.wait(5 * 3600 + 700)
    (clock,) = world.judge.clocks.values()
    assert (clock.state, clock.reopened, clock.stopped) == ("breached", 1, None)
    assert [state for _, _, state in world.said("clock")].count("breached") == 1, "told once"


def test_a_clock_does_not_stop_while_nobody_knows_whether_the_fault_is_gone() -> None:
    world = World(config(LINK), live=True)

    def polled(first: int, end: int, word: str) -> None:
        for second in range(first, end, 10):
            world.see(second, (UPLINK, word))

    polled(0, 100, "down")
    polled(100, 200, "up")
    for second in range(200, 900, 10):
        world.wait(second)
    assert [state for _, _, state in world.said("clock")] == ["started"], "silent for longer than `stable`"
    polled(900, 1300, "up")
    assert world.said("clock")[-1][2] == "stopped"


def test_a_fault_that_went_and_came_before_the_clock_was_set_back_stops_its_clock_in_the_new_time() -> None:
    world = World(config(LINK | {"on_delay": "0s"}))
    world.see(0, (UPLINK, "up"))
    for second, word in ((100, "down"), (200, "up"), (210, "down")):
        world.see(second, (UPLINK, word))
    world.all.extend(world.judge.clock_set(-3_600_000, at(220 - 3600)))
    world.step([read(300 - 3600, UPLINK, "up")], at(300 - 3600))
    world.wait(601 - 3600)
    (clock,) = world.judge.clocks.values()
    assert (clock.state, clock.stopped) == ("stopped", at(300 - 3600))
    assert clock.stopped - clock.started == 200_000, "what has elapsed stays elapsed"
