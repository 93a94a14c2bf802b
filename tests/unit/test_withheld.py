"""Effects that are seen before their cause: devices are asked one by one, and in an outage late."""

from __future__ import annotations

import pytest
from engine_world import (
    GENSET_LATE,
    LOST,
    MAINS_LOST,
    MAINS_OUTAGE,
    ON_BATTERY,
    SILENT,
    World,
    at,
    config,
    read,
    rule,
)

MAINS_A, MAINS_B, UPS_A = "mains-a/mains.available", "mains-b/mains.available", "ups-a/ups.on_battery"
GENSET, UPS, PDU = "genset-a/device.reachable", "ups-a/device.reachable", "pdu-a/device.reachable"
LOAD = "tsw-a/breaker.generator_closed"
MAPS = {"genset-a": [{"point": "mains.*", "asset": "mains-a"}, {"point": "breaker.*", "asset": "tsw-a"}]}
COOLING = rule("state", "cooling-failed", select={"point": "cooling.ok"}, on_delay="30s",
               **{"class": "cooling", "is": False})  # fmt: skip
AT_ONCE = rule("state", "dead", select={"point": "output.source"}, **{"is": "none"})


def outage(*rules: dict[str, object], live: bool = True) -> World:
    """A UPS on battery since second 1, whose mains were last read at second 0."""
    world = World(config(MAINS_LOST, ON_BATTERY, *rules, maps=MAPS), live=live)
    world.see(0, (MAINS_A, True), (GENSET, True), (UPS_A, False), (UPS, True))
    world.see(1, (UPS_A, True), (UPS, True))
    return world


def opened(world: World) -> list[tuple[float, str]]:
    return [(second, asset) for second, asset, state in world.incidents() if state == "opened"]


def test_an_effect_waits_for_word_of_its_cause_and_joins_it() -> None:
    world = outage()
    world.see(4, (UPS_A, True), (UPS, True))
    world.see(8, (MAINS_A, False), (GENSET, True), (UPS_A, True), (UPS, True))
    world.wait(12.9)
    assert world.alarms() == [(6.0, "ups-a", "active")]
    assert world.judge.alarms["on-battery/ups-a"].suppressed == "its cause may be about to show"
    assert world.incidents() == []
    world.wait(20)
    assert opened(world) == [(13.0, "mains-a")]
    assert world.judge.alarms["on-battery/ups-a"].suppressed == "caused by mains-a"
    assert (
        world.judge.alarms["on-battery/ups-a"].reason == "UPS A: on-battery has tripped for 5s: ups.on_battery is true"
    )


def test_an_effect_waits_no_longer_once_what_feeds_it_is_known_to_be_well() -> None:
    world = outage()
    world.see(4, (UPS_A, True), (UPS, True))
    world.see(8, (MAINS_A, True), (GENSET, True), (UPS_A, True), (UPS, True))
    world.wait(20)
    assert opened(world) == [(8.0, "ups-a")]


def test_what_is_heard_of_in_time_keeps_no_page_back() -> None:
    world = outage()
    world.see(2, (MAINS_A, True), (GENSET, True))
    world.see(4, (UPS_A, True), (UPS, True))
    world.wait(20)
    assert opened(world) == [(6.0, "ups-a")]


def test_nobody_waits_for_word_of_a_device_that_does_not_answer() -> None:
    world = outage()
    world.see(3, (GENSET, False))
    world.see(4, (UPS_A, True), (UPS, True))
    world.wait(20)
    assert opened(world) == [(6.0, "ups-a")]


def test_half_a_minute_is_the_longest_that_a_page_is_kept_back() -> None:
    world = outage()
    world.wait(35.9)
    assert opened(world) == []
    world.wait(36)
    assert opened(world) == [(36.0, "ups-a")]


def test_what_is_over_while_it_waits_is_told_all_the_same() -> None:
    world = outage()
    world.see(4, (UPS_A, True), (UPS, True))
    world.see(9, (UPS_A, False), (UPS, True))
    assert [(asset, state) for _, asset, state in world.incidents()] == [("ups-a", "opened"), ("ups-a", "resolved")]


def test_what_has_no_delay_is_told_at_once() -> None:
    world = outage(AT_ONCE)
    world.see(2, ("ups-a/output.source", "none"))
    assert opened(world) == [(2.0, "ups-a")]


def test_in_a_replay_what_is_not_said_has_not_happened_and_nothing_waits_for_it() -> None:
    world = outage(live=False)
    world.wait(20)
    assert opened(world) == [(6.0, "ups-a")]


@pytest.mark.parametrize("second", [6.3, 20.0])
def test_a_restart_changes_nothing_of_the_wait(second: float) -> None:
    world = outage()
    world.wait(second)
    world.restart(second)
    world.wait(35.9)
    assert opened(world) == []
    world.wait(36.5)
    assert [asset for _, asset in opened(world)] == ["ups-a"]


def test_a_clock_that_is_set_back_keeps_no_page_back_for_longer() -> None:
    world = outage()
    world.wait(16)
    world.wait(-3_584)
    world.wait(-3_564)
    assert [asset for _, asset in opened(world)] == ["ups-a"]


def test_one_page_for_both_routes_when_the_second_is_seen_to_be_gone_in_time() -> None:
    world = World(config(MAINS_LOST, MAINS_OUTAGE, maps=MAPS), live=True)
    world.see(0, (MAINS_A, False))
    world.see(2, (MAINS_B, False))
    world.see(4, (MAINS_A, False), (MAINS_B, False))
    world.wait(9)
    assert opened(world) == [(7.0, "mains")]


def test_a_route_waits_for_no_outage_of_both_that_comes_late() -> None:
    world = World(config(MAINS_LOST, MAINS_OUTAGE | {"on_delay": "30s"}, maps=MAPS), live=True)
    world.see(0, (MAINS_A, False), (MAINS_B, False))
    world.wait(5)
    assert opened(world) == [(5.0, "mains-a")]


def test_a_pdu_that_was_lost_on_battery_is_no_new_fault_when_its_ups_is_back() -> None:
    """It has not been asked since, or its card is still starting."""
    world = World(config(LOST, SILENT | {"kinds": ["pdu"]}, maps=MAPS), live=True)
    world.see(0, (UPS_A, True), (UPS, True), (PDU, True))
    world.see(2, (PDU, False), (UPS, False))
    world.wait(20)
    before = len(world.judge.incidents)
    world.see(60, ("pdu-b/device.reachable", True))
    world.see(90, (UPS_A, False), (UPS, True), ("pdu-b/device.reachable", True))
    world.see(120, (UPS_A, False), (UPS, True), ("pdu-b/device.reachable", True))
    assert len(world.judge.incidents) == before
    assert world.judge.alarms["lost/pdu-a"].state == "active"
    assert "silent/pdu-a" not in {row.key for row in world.judge.alarms.values() if row.state == "active"}
    world.see(130, (PDU, True), (UPS_A, False), (UPS, True))
    assert world.judge.alarms["lost/pdu-a"].state == "returned"


@pytest.mark.parametrize(("fails", "roots"), [(8, ["mains-a"]), (40, ["mains-a", "cooling-1"])])
def test_what_failed_before_the_stand_in_took_over_failed_with_the_mains(fails: int, roots: list[str]) -> None:
    """Its delay ends long after that: what counts is when it began."""
    world = World(config(MAINS_LOST, GENSET_LATE, COOLING, maps=MAPS))
    world.see(-300, (MAINS_A, True), (LOAD, False), ("cooling-1/cooling.ok", True))
    world.see(0, (MAINS_A, False))
    world.see(fails - 1, ("cooling-1/cooling.ok", True))
    if fails < 12:
        world.see(fails, ("cooling-1/cooling.ok", False))
    world.see(12, (LOAD, True))
    world.see(60, ("cooling-1/cooling.ok", False)) if fails > 12 else world.wait(60)
    world.wait(120)
    rows = sorted(world.judge.incidents.values(), key=lambda row: row.opened)
    assert [row.root for row in rows] == roots


def test_a_device_that_says_everything_late_is_known_from_one_poll_to_the_next() -> None:
    """Asked every 4 s, it answers after 3: what it said at 4 arrives at 7, what it said at 0 holds until then."""
    world = World(config(MAINS_LOST | {"on_delay": "20s"}, maps=MAPS), live=True)
    for asked in range(0, 24, 4):
        world.step([read(asked, MAINS_A, False)], at(asked + 3))
    assert world.alarms() == [(20.0, "mains-a", "active")]
