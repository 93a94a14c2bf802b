"""The life of an alarm: delays, quality, staleness, best evidence, restarts, clocks that are set."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from engine_world import EVERYTHING, LINK, ON_BATTERY, SILENT, WARM, World, at, config, read, rule

from dcmon.model import AlarmState, ConfigError, Quality, Snapshot
from dcmon.thresholds import Judge, catalogue

UPS, HELD = "ups-a/ups.on_battery", "battery.time_on_battery"


def states(world: World) -> list[tuple[float, str]]:
    return [(second, state) for second, _, state in world.said("alarm", pending=True)]


def test_an_alarm_waits_for_its_delay_and_says_why() -> None:
    world = World(config(ON_BATTERY))
    world.see(0, (UPS, False))
    world.see(2, (UPS, True))
    world.wait(60)
    assert states(world) == [(2, "pending"), (7, "active")]
    reason = world.judge.alarms["on-battery/ups-a"].reason
    assert reason == "UPS A: on-battery has tripped for 5s: ups.on_battery is true"


def test_a_condition_shorter_than_the_delay_is_no_alarm() -> None:
    world = World(config(ON_BATTERY))
    world.see(0, (UPS, True))
    world.see(4, (UPS, False))
    world.wait(60)
    assert states(world) == [(0, "pending"), (4, "normal")]
    assert not world.judge.incidents


def test_an_alarm_is_over_after_its_off_delay_unless_it_comes_back() -> None:
    world = World(config(WARM))
    for second, value in ((0, 30.0), (100, 20.0), (130, 30.0), (200, 20.0)):
        world.see(second, ("env-1/temperature", value))
    world.wait(400)
    assert states(world) == [(0, "pending"), (60, "active"), (260, "returned")]


def test_a_bad_reading_changes_nothing_until_the_hold_time_is_over() -> None:
    world = World(config(ON_BATTERY), live=True)
    world.see(0, (UPS, True))
    world.step([read(2, UPS, None, "bad", "timeout"), read(4, UPS, None, "bad", "timeout")], at(4))
    assert states(world) == [(0, "pending")]
    world.wait(5)
    assert states(world) == [(0, "pending"), (5, "active")]
    world.wait(600)
    assert world.judge.alarms["on-battery/ups-a"].state is AlarmState.ACTIVE, "unknown ends nothing"


def test_a_pending_alarm_whose_value_is_lost_does_not_become_active_and_starts_anew_when_it_is_back() -> None:
    slow = ON_BATTERY | {"on_delay": "30s"}
    world = World(config(slow), live=True)
    for second in (0, 2, 4):
        world.see(second, (UPS, True))
    world.wait(100)
    assert states(world) == [(0, "pending")]
    for second in range(100, 140, 2):
        world.see(second, (UPS, True))
    assert states(world) == [(0, "pending"), (130, "active")]
    assert world.judge.alarms["on-battery/ups-a"].started == at(0)


def test_the_seconds_on_battery_that_the_ups_counts_date_the_start_back() -> None:
    world = World(config(ON_BATTERY))
    world.see(0, (UPS, False), (f"ups-a/{HELD}", 0.0))
    world.see(60, (UPS, True), (f"ups-a/{HELD}", 58.0))
    assert states(world) == [(60, "active")]
    assert world.judge.alarms["on-battery/ups-a"].started == at(2)


def test_a_count_that_is_read_later_ends_the_delay_too_and_an_old_one_is_not_believed() -> None:
    world = World(config(ON_BATTERY))
    world.see(0, (UPS, False))
    world.see(58, (f"ups-a/{HELD}", 3000.0))
    world.see(60, (UPS, True))
    assert states(world) == [(60, "pending")]
    world.see(61, (f"ups-a/{HELD}", 30.0))
    assert states(world)[-1] == (61, "active")
    assert world.judge.alarms["on-battery/ups-a"].started == at(31)


def test_the_start_is_never_dated_before_the_ups_last_said_the_opposite() -> None:
    world = World(config(ON_BATTERY))
    world.see(0, (UPS, False))
    world.see(10, (UPS, False))
    world.see(12, (UPS, True), (f"ups-a/{HELD}", 5000.0))
    assert world.judge.alarms["on-battery/ups-a"].started == at(10)


def test_a_fault_that_began_while_dcmon_was_down_is_told_and_one_that_was_told_is_not_told_again() -> None:
    world = World(config(ON_BATTERY), live=True)
    world.see(0, (UPS, True), ("ups-b/ups.on_battery", False))
    world.wait(5)
    world.restart(600, alive=10, readings=False)
    world.see(601, (UPS, True), ("ups-b/ups.on_battery", True))
    for second in range(603, 630, 2):
        world.see(second, (UPS, True), ("ups-b/ups.on_battery", True))
    assert world.incidents() == [(5, "ups-a", "opened"), (606, "ups-b", "opened")]


def test_a_delay_goes_on_over_a_restart() -> None:
    world = World(config(ON_BATTERY | {"on_delay": "60s"}), live=True)
    for second in range(0, 31, 2):
        world.see(second, (UPS, True))
    world.restart(40, alive=30, readings=False)
    for second in range(42, 62, 2):
        world.see(second, (UPS, True))
    assert (60, "active") in states(world)


def test_time_in_which_dcmon_did_not_run_is_no_silence_of_devices() -> None:
    world = World(config(SILENT), live=True)
    world.see(0, *((f"{device}/device.reachable", True) for device in world.config.collectors.devices))
    world.restart(7200, alive=10)
    world.wait(7230)
    assert not world.incidents()


def test_an_alarm_whose_rule_was_taken_away_ends_with_its_incident() -> None:
    world = World(config(ON_BATTERY))
    world.see(0, (UPS, True))
    world.wait(10)
    world.config = config(WARM)
    world.restart(20)
    world.wait(20)
    assert world.judge.alarms["on-battery/ups-a"].state is AlarmState.NORMAL
    assert world.incidents()[-1] == (20, "ups-a", "resolved")


@pytest.mark.parametrize("delta", [-3600, 3600])
def test_a_clock_that_is_set_by_an_hour_raises_nothing_and_stretches_no_delay(delta: int) -> None:
    world = World(config(*EVERYTHING), live=True)
    devices = [(f"{device}/device.reachable", True) for device in world.config.collectors.devices]
    for second in range(0, 20, 2):
        world.see(second, *devices, ("env-1/temperature", 30.0))
    world.all.extend(world.judge.clock_set(delta * 1000, at(20 + delta)))
    for second in range(20 + delta, 100 + delta, 2):
        world.see(second, *devices, ("env-1/temperature", 30.0))
    assert world.incidents() == [(60 + delta, "env-1", "opened")]


def test_a_clock_set_back_is_noticed_without_being_told() -> None:
    world = World(config(ON_BATTERY | {"on_delay": "30s"}), live=True)
    for second in (0, 2, 4):
        world.see(second, (UPS, True))
    for second in range(4 - 3600, 40 - 3600, 2):
        world.see(second, (UPS, True))
    assert [state for _, state in states(world)] == ["pending", "active"]


def test_late_doubled_and_future_readings_have_defined_results() -> None:
    world = World(config(ON_BATTERY))
    world.step([read(10, UPS, False), read(10, UPS, False)], at(10))
    world.step([read(3, UPS, True)], at(11))
    assert states(world) == [] and world.judge.dropped["late"] == 1
    world.step([read(5000, UPS, True)], at(12))
    world.wait(17)
    assert states(world) == [(12, "pending"), (17, "active")]


def test_a_reading_older_than_its_hold_time_is_no_evidence_of_now() -> None:
    world = World(config(ON_BATTERY), live=True)
    world.wait(0)
    world.wait(7200)
    world.step([read(10, UPS, True)], at(7200))
    assert states(world) == []


def test_the_engine_says_when_it_must_be_woken() -> None:
    world = World(config(ON_BATTERY))
    assert world.judge.next_due() is None
    world.see(0, (UPS, True))
    assert world.judge.next_due() == at(5)
    world.wait(5)
    assert world.judge.next_due() is None


def test_incidents_of_one_instant_have_ids_of_their_own() -> None:
    world = World(config(rule("state", "down", select={"point": "cooling.ok"}, **{"is": False})))
    world.see(0, *((f"cooling-{number}/cooling.ok", False) for number in (1, 2, 3)))
    assert len(world.judge.incidents) == 3


def test_an_unknown_quality_word_from_elsewhere_is_read_like_the_enum() -> None:
    world = World(config(ON_BATTERY))
    world.step([read(0, UPS, True)._replace(quality=Quality("good"))], at(0))
    world.step([read(1, UPS, True)._replace(quality="good")], at(1))  # type: ignore[arg-type]
    assert states(world) == [(0, "pending")]


def test_a_fault_clock_goes_on_over_a_restart() -> None:
    world = World(config(LINK), live=True)
    world.see(0, ("uplink-1/if.oper", "down"))
    world.wait(6)
    world.restart(3 * 3600, alive=60)
    world.wait(4 * 3600)
    states = [state for _, _, state in world.said("clock")]
    assert states == ["started", "warned", "warned", "warned", "breached"]


@pytest.mark.parametrize(("minutes", "incidents"), [(29, 1), (30, 1), (31, 2)])
@pytest.mark.parametrize("restart", [False, True])
def test_what_is_one_fault_to_its_clock_is_one_incident(minutes: int, incidents: int, restart: bool) -> None:
    world = World(config(LINK), live=True)
    world.see(0, ("uplink-1/if.oper", "down"))
    for second in range(10, minutes * 60 + 300, 10):
        if restart and second == 600:
            world.restart(second)
        world.see(second, ("uplink-1/if.oper", "up" if second < minutes * 60 + 10 else "down"))
    clocks = [state for _, _, state in world.said("clock")]
    assert clocks == ["started", "stopped", "reopened" if incidents == 1 else "started"]
    assert len(world.judge.incidents) == incidents
    assert {clock.incident for clock in world.judge.clocks.values()} == set(world.judge.incidents)


def test_targets_of_the_site_override_the_catalogue_and_unknown_ones_are_refused() -> None:
    controls = catalogue(config(ON_BATTERY, targets={"T01": 99.5, "T21.link": 98}))
    assert controls["T01.protected"].objective.target == 99.5
    assert (controls["T21.link"].objective.target, controls["T21"].objective.target) == (98, 99.95)
    with pytest.raises(ConfigError, match="no control T77"):
        catalogue(config(ON_BATTERY, targets={"T77": 1}))


def test_controls_of_the_site_override_by_id_and_faults_name_their_file(tmp_path: Path) -> None:
    (tmp_path / "controls").mkdir()
    own = tmp_path / "controls" / "own.yaml"
    own.write_text(
        "controls: [{id: T01, tom: T01, title: {de: a, en: b}, evidence: c, owner: d,"
        " objective: {indicator: any_feed, target: 95, window: year}}]"
    )
    site = config(ON_BATTERY).model_copy(update={"directory": tmp_path})
    assert catalogue(site)["T01"].objective.target == 95
    good = own.read_text()
    for text, complaint in (
        (good.replace("any_feed", "some_feed"), "own.yaml:1: .*indicator: .*'mains_route', 'feed', 'any_feed'"),
        (good.replace("95", "101"), "target: .*less than or equal to 100"),
        (good.replace("id: T01", "id: X1"), r"id: is not written as it must be, \^T"),
        (good.replace("}}]", f"}}}},\n{good[11:]}"), "own.yaml:2: .*stands twice"),
        (good.replace("tom: T01", "tom: T02"), "a control of T02 is called T02 or T02.NAME, not T01"),
        (good.replace("T01", "T99"), "own.yaml:1: .*T99 is no promise of the agreement"),
        ("controls: [{id: T01, colour: blue}]", "'colour' is not known here"),
        ("controls: [", "own.yaml:1: .*no YAML"),
    ):
        own.write_text(text)
        with pytest.raises(ConfigError, match=complaint):
            catalogue(site)


def test_a_snapshot_of_another_time_is_not_changed_by_the_engine() -> None:
    world = World(config(ON_BATTERY))
    world.see(0, (UPS, True))
    snapshot = Snapshot(alarms=dict(world.judge.alarms), alive=at(1))
    before = replace(snapshot.alarms["on-battery/ups-a"])
    judge = Judge(world.config, snapshot, at(1))
    judge.step([read(9, UPS, True)], at(9))
    assert snapshot.alarms["on-battery/ups-a"] == before


def test_what_is_pending_has_no_part_in_an_incident_of_long_ago() -> None:
    world = World(config(ON_BATTERY))
    world.see(0, ("ups-a/ups.on_battery", True))
    world.wait(10)
    world.see(20, ("ups-a/ups.on_battery", False))
    world.see(20_000, ("ups-a/ups.on_battery", True))
    world.see(20_002, ("ups-a/ups.on_battery", False))
    told = [(t.state, t.incident is not None) for t in world.all.transitions if t.type == "alarm"]
    assert told == [
        ("pending", False), ("active", True), ("returned", True), ("pending", False), ("returned", False),
    ]  # fmt: skip
