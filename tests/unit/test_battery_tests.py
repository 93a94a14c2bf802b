"""UPS battery tests found in the readings: what is one, how it comes out, and what is an outage."""

from __future__ import annotations

from typing import Any

from engine_world import TAKEOVER, World, at, config

from dcmon.model import Record

BATTERY, SOURCE, MAINS = "ups-a/ups.on_battery", "ups-a/output.source", "mains-a/mains.available"
CHARGE, STATUS, INPUT = "ups-a/battery.charge", "ups-a/battery.status", "ups-a/input.voltage[1]"


def world(*, live: bool = False, **wanted: Any) -> World:
    made = World(config(register={"battery_test": wanted}), live=live)
    made.see(0, (MAINS, True), (BATTERY, False), (CHARGE, 100.0), (STATUS, "normal"), (INPUT, 230.0))
    return made


def trials(made: World) -> list[Record]:
    return sorted((row for row in made.all.records.values() if row.kind == "battery-test"), key=lambda row: row.started)


def test_on_battery_beside_its_mains_for_a_while_and_back_by_itself_has_passed() -> None:
    made = world()
    made.see(100, (BATTERY, True))
    made.see(130, (CHARGE, 96.0))
    made.see(400, (BATTERY, False))
    (row,) = trials(made)
    assert (row.verdict, row.started, row.ended) == ("passed", at(100), at(400))
    assert row.reason == "UPS A: battery test passed: 5m on battery"
    assert row.data["figures"]["battery.charge"] == {"lowest": 96.0, "mean": 96.0, "highest": 96.0}


def test_an_outage_is_no_test_whether_mains_or_ups_is_seen_first() -> None:
    made = world()
    made.see(100, (BATTERY, True))
    made.see(103, (MAINS, False))
    made.see(200, (MAINS, True))
    made.see(260, (BATTERY, False))
    made.see(300, (MAINS, False))
    made.see(302, (BATTERY, True))
    made.see(360, (MAINS, True))
    made.see(400, (BATTERY, False))
    assert trials(made) == []


def test_a_dip_that_the_mains_may_have_had_unseen_is_no_test() -> None:
    made = world()
    made.see(100, (BATTERY, True))
    made.see(105, (BATTERY, False))
    made.see(200, (BATTERY, True))
    made.see(205.5, (BATTERY, False))
    assert [row.started for row in trials(made)] == [at(200)]


def test_a_ups_whose_input_is_dead_does_not_test_itself() -> None:
    made = world()
    made.see(100, (BATTERY, True), (INPUT, 0.0))
    made.see(400, (BATTERY, False), (INPUT, 230.0))
    assert trials(made) == []


def test_a_battery_that_runs_low_or_below_its_limit_has_failed() -> None:
    made = world(charge_above=50)
    made.see(100, (SOURCE, "battery"))
    made.see(200, (STATUS, "low"))
    made.see(300, (SOURCE, "normal"), (STATUS, "normal"))
    made.see(1000, (SOURCE, "battery"))
    made.see(1100, (CHARGE, 40.0))
    made.see(1300, (SOURCE, "normal"))
    assert [row.reason for row in trials(made)] == [
        "UPS A: battery test failed: the battery was low (3m20s on battery)",
        "UPS A: battery test failed: battery.charge was 40 %, wanted is above 50 % (5m on battery)",
    ]


def test_mains_that_fail_during_a_test_break_it_off() -> None:
    made = world()
    made.see(100, (BATTERY, True))
    made.see(160, (MAINS, False))
    made.see(200, (BATTERY, False))
    (row,) = trials(made)
    assert (row.verdict, row.ended) == ("incomplete", at(160))


def test_one_that_is_shorter_than_wanted_has_failed() -> None:
    made = world(duration="5m")
    made.see(100, (BATTERY, True))
    made.see(110, (BATTERY, False))
    assert [row.verdict for row in trials(made)] == ["failed"]


def test_a_restart_in_its_midst_changes_nothing() -> None:
    made = world(live=True)
    for second in range(100, 200, 2):
        made.see(second, (MAINS, True), (BATTERY, True), (CHARGE, 90.0), ("ups-a/device.reachable", True))
    made.restart(199, alive=198.5)
    for second in range(200, 300, 2):
        made.see(second, (MAINS, True), (BATTERY, True), (CHARGE, 80.0), ("ups-a/device.reachable", True))
    made.see(300, (MAINS, True), (BATTERY, False))
    (row,) = trials(made)
    assert (row.verdict, row.started, row.ended) == ("passed", at(100), at(300))
    assert row.data["figures"]["battery.charge"]["lowest"] == 80.0


def test_a_restart_between_the_return_of_the_mains_and_that_of_the_ups_makes_no_test_of_the_outage() -> None:
    made = World(config(register={"battery_test": {}}, sequences=[TAKEOVER]))
    made.see(0, (MAINS, True), (BATTERY, False))
    made.see(100, (BATTERY, True))
    made.see(101, (MAINS, False))
    made.see(400, (MAINS, True))
    made.restart(405)
    made.see(406, (BATTERY, True))
    made.see(500, (BATTERY, False))
    assert trials(made) == []
    made.see(2_000, (BATTERY, True))
    made.see(2_400, (BATTERY, False))
    assert [row.verdict for row in trials(made)] == ["passed"]
