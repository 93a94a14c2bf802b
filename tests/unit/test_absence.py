"""What cannot be seen: one value, one device, nearly everything; and what outlasts its cause."""

from __future__ import annotations

import pytest
from engine_world import (
    EVERYTHING,
    LOST,
    MAINS_LOST,
    MAINS_OUTAGE,
    ON_BATTERY,
    SILENT,
    SITE,
    World,
    at,
    config,
    read,
    rule,
)

STALE = rule("stale", "no-value", after="60s", **{"class": "monitoring"})
BLIND = rule("blind", "blind", asset="dcmon", share=80, after="20s", severity="critical", worsens=True,
             **{"class": "monitoring"})  # fmt: skip
LIMIT = rule("limit", "fuel-low", select={"point": "fuel.level"}, below=75, **{"class": "fuel"})
WITH_DCMON = {**SITE, "assets": [*SITE["assets"], {"id": "dcmon", "kind": "agent", "name": "dcmon"}]}
TANK = {"genset-a": [{"point": "fuel.*", "asset": "tank-a"}]}


def stale(*, live: bool = True) -> World:
    world = World(config(STALE, LIMIT, maps=TANK), live=live)
    world.see(0, ("genset-a/device.reachable", True), ("tank-a/fuel.level", 90))
    return world


def test_a_sensor_that_gives_no_value_while_its_device_answers_is_an_alarm() -> None:
    world = stale()
    for second in range(10, 300, 10):
        world.step([read(second, "genset-a/device.reachable", True), read(second, "tank-a/fuel.level", None, "bad")],
                   at(second))  # fmt: skip
    assert world.alarms() == [(97.5, "tank-a", "active")]
    assert "fuel.level (was 90)" in world.judge.alarms["no-value/tank-a"].reason
    world.see(300, ("tank-a/fuel.level", 89))
    assert world.alarms()[-1] == (300, "tank-a", "returned")


@pytest.mark.parametrize("said", [120, -40])
def test_a_level_that_is_none_is_missing_although_the_sender_says_it(said: int) -> None:
    filled = rule("limit", "refill", select={"point": "fuel.filled"}, below=75, **{"class": "fuel"})
    world = World(config(STALE, filled, maps=TANK), live=True)
    for second in range(0, 300, 10):
        level = said if 100 <= second < 250 else 104 if second >= 250 else 90
        world.see(second, ("genset-a/device.reachable", True), ("tank-a/fuel.level", level))
    assert world.alarms() == [(160, "tank-a", "active"), (250, "tank-a", "returned")]


def test_a_device_that_does_not_answer_has_no_missing_values() -> None:
    world = stale()
    for second in range(10, 300, 10):
        world.see(second, ("genset-a/device.reachable", False))
    assert world.alarms() == []


def test_values_of_an_earlier_process_that_do_not_come_back_are_in_doubt_and_no_alarm() -> None:
    world = stale()
    world.restart(3600, alive=10)
    for second in range(3610, 4000, 10):
        world.see(second, ("genset-a/device.reachable", True))
    assert world.alarms() == []


def test_that_nothing_is_said_of_a_value_is_dcmons_lateness_first() -> None:
    world = stale()
    for second in range(10, 100, 10):
        world.see(second, ("genset-a/device.reachable", True))
    world.wait(107)
    assert world.alarms() == []
    world.wait(108)
    assert world.alarms() == [(107.5, "tank-a", "active")], "hold time and the longest pause of a poller"


def test_a_missing_value_stays_one_alarm_over_a_restart() -> None:
    world = stale()
    for second in range(10, 150, 10):
        world.see(second, ("genset-a/device.reachable", True))
    world.restart(3600, alive=150)
    for second in range(3610, 4000, 10):
        world.see(second, ("genset-a/device.reachable", True))
    assert world.alarms() == [(107.5, "tank-a", "active")]
    world.see(4000, ("tank-a/fuel.level", 88))
    assert world.alarms()[-1] == (4000, "tank-a", "returned")


def test_in_a_replay_a_value_holds_until_the_file_says_that_it_is_not_known() -> None:
    world = stale(live=False)
    world.wait(100_000)
    assert world.alarms() == []
    world.step([read(100_000, "tank-a/fuel.level", None, "bad")], at(100_000))
    world.see(100_030, ("tank-a/fuel.level", 90))
    world.wait(200_000)
    assert world.alarms() == []
    world.step([read(200_000, "tank-a/fuel.level", None)], at(200_000))
    world.wait(300_000)
    assert world.alarms() == [(200_097.5, "tank-a", "active")]


def blind(*rules: object) -> World:
    world = World(config(BLIND, SILENT, *rules, site=WITH_DCMON), live=True)  # type: ignore[arg-type]
    answer(world, 0, True)
    return world


def answer(world: World, second: float, value: bool, *, leave: tuple[str, ...] = ()) -> None:
    devices = [device for device in world.config.collectors.devices if device not in leave]
    world.see(second, *((f"{device}/device.reachable", value) for device in devices))


def test_when_nothing_answers_any_more_there_is_one_incident_and_dcmon_is_its_root() -> None:
    world = blind()
    for second in range(10, 300, 10):
        answer(world, second, False)
    (incident,) = world.judge.incidents.values()
    assert (incident.root, incident.severity) == ("dcmon", "critical")
    assert len(incident.alarms) == 1 + len(world.config.collectors.devices)
    assert [(second, state) for second, _, state in world.incidents() if state != "joined"] == [(30, "opened")]


@pytest.mark.parametrize(("answering", "is_blind"), [(2, True), (3, False)])
def test_four_of_five_silent_devices_make_dcmon_blind(answering: int, is_blind: bool) -> None:
    world = blind()
    others = tuple(world.config.collectors.devices)[:answering]
    for second in range(10, 100, 10):
        world.see(second, *((f"{device}/device.reachable", True) for device in others))
        answer(world, second, False, leave=others)
    assert ("dcmon" in {incident.root for incident in world.judge.incidents.values()}) is is_blind


def test_devices_that_return_leave_and_one_that_stays_silent_is_told_of_when_the_others_are_back() -> None:
    world = blind()
    for second in range(10, 1500, 10):
        if second < 300:
            answer(world, second, False)
        else:
            world.see(second, ("leak-1/device.reachable", False))
            answer(world, second, True, leave=("leak-1",))
    news = [(second, asset, state) for second, asset, state in world.incidents() if state != "joined"]
    assert news == [(30, "dcmon", "opened"), (900, "leak-1", "remains")]
    (incident,) = world.judge.incidents.values()
    assert (incident.root, incident.cls, incident.acked_by) == ("leak-1", "monitoring", None)


def test_silence_that_was_told_of_before_dcmon_turned_out_to_be_blind_is_taken_over() -> None:
    world = blind()
    devices = list(world.config.collectors.devices)
    for second in range(10, 300, 5):
        gone = devices[: second // 5]
        world.see(second, *((f"{device}/device.reachable", device not in gone) for device in devices))
    roots = [incident.root for incident in world.judge.incidents.values() if incident.state == "open"]
    assert roots == ["dcmon"]


def test_what_takes_the_power_of_the_devices_explains_that_dcmon_is_blind() -> None:
    world = blind(MAINS_LOST, MAINS_OUTAGE, ON_BATTERY)
    world.see(1, ("mains-a/mains.available", False), ("mains-b/mains.available", False))
    for second in range(10, 300, 10):
        answer(world, second, False)
    (incident,) = [incident for incident in world.judge.incidents.values() if incident.state == "open"]
    assert incident.root == "mains"
    assert "blind/dcmon" in incident.alarms


def test_a_device_lost_on_battery_pages_on_its_own_although_dcmon_is_blind() -> None:
    world = blind(LOST)
    world.see(1, ("ups-a/ups.on_battery", True))
    for second in range(10, 300, 10):
        answer(world, second, False)
    assert {"dcmon", "ups-a"} <= {incident.root for incident in world.judge.incidents.values()}


def outlast(*, restart: float | None = None, ack: float | None = None) -> World:
    """The mains are away for 200 s, the UPS stays on battery."""
    world = World(config(*EVERYTHING, incidents={"outlast": "5m"}))
    world.see(0, ("mains-a/mains.available", False), ("ups-a/ups.on_battery", True))
    if ack is not None and ack < 200:
        world.wait(ack)
        world.all.extend(world.judge.acknowledge(next(iter(world.judge.incidents)), "anna", at(ack)))
    world.see(200, ("mains-a/mains.available", True))
    if ack is not None and ack >= 200:
        world.all.extend(world.judge.acknowledge(next(iter(world.judge.incidents)), "anna", at(ack)))
    if restart is not None:
        world.restart(restart)
    return world


@pytest.mark.parametrize("restart", [None, 300])
def test_what_outlasts_its_cause_is_told_of_and_wants_an_acknowledgement_of_its_own(restart: float | None) -> None:
    world = outlast(restart=restart, ack=20)
    world.wait(1000)
    assert [(second, asset) for second, asset, state in world.incidents() if state == "remains"] == [(500, "ups-a")]
    (incident,) = world.judge.incidents.values()
    assert (incident.root, incident.acked_by, incident.title) == ("ups-a", None, "UPS A: on-battery has tripped")
    world.see(1100, ("ups-a/ups.on_battery", False))
    assert world.incidents()[-1] == (1100, "ups-a", "resolved")


def test_what_ends_soon_after_its_cause_is_not_told_of() -> None:
    world = outlast()
    world.see(499, ("ups-a/ups.on_battery", False))
    world.wait(1000)
    assert "remains" not in {state for _, _, state in world.incidents()}


def test_who_acknowledges_after_the_cause_is_over_knows_what_is_left() -> None:
    world = outlast(ack=400)
    world.wait(699)
    assert "remains" not in {state for _, _, state in world.incidents()}
    world.wait(701)
    assert world.incidents()[-1] == (700, "ups-a", "remains")


def test_a_cause_that_comes_back_meanwhile_is_the_cause_again() -> None:
    world = outlast()
    world.see(300, ("mains-a/mains.available", False))
    world.wait(1000)
    assert "remains" not in {state for _, _, state in world.incidents()}
