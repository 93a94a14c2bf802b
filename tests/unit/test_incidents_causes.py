"""Which alarms become one incident, which asset is its root, and when it begins and ends."""

from __future__ import annotations

import pytest
from engine_world import (
    EVERYTHING,
    GENSET_LATE,
    LEAK,
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

MAINS_A, MAINS_B, UPS_A = "mains-a/mains.available", "mains-b/mains.available", "ups-a/ups.on_battery"
COOLING = rule("state", "cooling-failed", select={"point": "cooling.ok"}, **{"class": "cooling", "is": False})
RESERVE = rule("count", "reserve", group="cooling", able=[{"point": "cooling.ok", "is": True}], fewer_than="all",
               **{"class": "cooling"})  # fmt: skip
ROUTER_DEAD = rule("silent", "router-silent", kinds=["router"], after="30s", propagates=True, **{"class": "network"})
LINK = rule("state", "link-down", select={"point": "if.oper"}, not_in=["up"], **{"class": "network"})


def incidents(world: World) -> list[tuple[str, str, int]]:
    """(root, state, number of alarms) of every incident, oldest first."""
    rows = sorted(world.judge.incidents.values(), key=lambda row: (row.opened, row.id))
    return [(row.root, row.state, len(row.alarms)) for row in rows]


def test_an_effect_joins_the_incident_of_what_feeds_it_and_says_by_what_it_is_caused() -> None:
    world = World(config(MAINS_LOST, ON_BATTERY))
    world.see(0, (MAINS_A, False))
    world.see(2, (UPS_A, True))
    world.wait(60)
    assert incidents(world) == [("mains-a", "open", 2)]
    assert world.judge.alarms["on-battery/ups-a"].suppressed == "caused by mains-a"
    assert world.judge.alarms["mains-lost/mains-a"].suppressed is None


def test_an_alarm_of_the_other_side_opens_its_own_incident() -> None:
    world = World(config(MAINS_LOST, ON_BATTERY))
    world.see(0, (MAINS_A, False), ("ups-b/ups.on_battery", True))
    world.wait(60)
    assert incidents(world) == [("mains-a", "open", 1), ("ups-b", "open", 1)]


def test_an_asset_with_two_feeders_is_affected_only_when_both_are() -> None:
    world = World(config(MAINS_LOST, ROUTER_DEAD))
    world.see(0, (MAINS_A, False))
    world.see(10, ("router-1/device.reachable", False))
    world.wait(100)
    assert incidents(world) == [("mains-a", "open", 1), ("router-1", "open", 1)]
    both = World(config(MAINS_LOST, MAINS_OUTAGE, ROUTER_DEAD))
    both.see(0, (MAINS_A, False), (MAINS_B, False))
    both.see(10, ("router-1/device.reachable", False))
    both.wait(100)
    assert incidents(both) == [("mains", "open", 4)]


def test_a_rule_that_does_not_propagate_explains_nothing_downstream() -> None:
    world = World(config(ON_BATTERY, SILENT))
    world.see(0, (UPS_A, True))
    world.see(10, ("pdu-a/device.reachable", False))
    world.wait(100)
    assert [root for root, _, _ in incidents(world)] == ["ups-a", "pdu-a"]


def test_both_routes_lost_at_once_open_one_incident_rooted_at_the_group() -> None:
    world = World(config(*EVERYTHING))
    world.see(0, (MAINS_A, False), (MAINS_B, False), (UPS_A, True), ("ups-b/ups.on_battery", True))
    world.wait(120)
    assert incidents(world) == [("mains", "open", 6)]
    assert [state for _, _, state in world.incidents() if state == "opened"] == ["opened"]
    assert next(iter(world.judge.incidents.values())).severity == "critical"


def test_routes_lost_a_second_apart_before_the_group_alarm_is_active_are_one_incident_too() -> None:
    slow = MAINS_OUTAGE | {"on_delay": "30s"}
    world = World(config(MAINS_LOST, slow))
    world.see(0, (MAINS_A, False))
    world.see(1, (MAINS_B, False))
    world.wait(120)
    assert [state for _, _, state in world.incidents() if state == "opened"] == ["opened"]
    assert incidents(world) == [("mains", "open", 3)]


def test_a_cause_that_shows_later_takes_over_and_merges_what_it_explains() -> None:
    world = World(config(MAINS_LOST, ON_BATTERY, COOLING))
    world.see(0, (UPS_A, True))
    world.see(20, ("cooling-1/cooling.ok", False))
    world.see(60, (MAINS_A, False))
    world.wait(100)
    assert incidents(world) == [("mains-a", "open", 3), ("cooling-1", "merged", 1)]
    states = [state for _, _, state in world.incidents()]
    assert states.count("opened") == 2 and states.count("merged") == 1 and states.count("rerooted") == 1
    assert all(row.incident == next(iter(world.judge.incidents)) for row in world.judge.alarms.values())


def test_a_cause_that_shows_long_after_leaves_old_incidents_alone() -> None:
    world = World(config(MAINS_LOST, ON_BATTERY, incidents={"join": "1m"}))
    world.see(0, (UPS_A, True))
    world.see(600, (MAINS_A, False))
    world.wait(700)
    assert incidents(world) == [("ups-a", "open", 1), ("mains-a", "open", 1)]


def test_a_generator_that_carries_the_load_ends_the_explanation_by_the_mains() -> None:
    world = World(config(*EVERYTHING, COOLING))
    world.see(0, (MAINS_A, False))
    world.see(12, ("tsw-a/breaker.generator_closed", True))
    world.see(3600, ("cooling-1/cooling.ok", False))
    assert [root for root, _, _ in incidents(world)] == ["mains-a", "cooling-1"]


def test_a_stand_in_that_fails_joins_the_incident_of_what_it_stands_in_for() -> None:
    world = World(config(*EVERYTHING))
    world.see(0, (MAINS_A, False), (MAINS_B, True))
    world.wait(90)
    assert incidents(world) == [("mains-a", "open", 2)]
    raised = [second for second, _, state in world.incidents() if state == "raised"]
    assert raised == [60]


def test_water_is_never_explained_by_anything_else() -> None:
    leak = LEAK | {"select": {"point": "water.detected"}}
    world = World(config(MAINS_LOST, leak))
    world.see(0, (MAINS_A, False))
    world.see(20, ("tsw-a/water.detected[floor]", True))
    assert [root for root, _, _ in incidents(world)] == ["mains-a", "tsw-a"]


def test_members_of_a_group_in_trouble_join_and_the_group_becomes_the_root() -> None:
    world = World(config(COOLING, RESERVE))
    world.see(0, *((f"cooling-{number}/cooling.ok", True) for number in (1, 2, 3)))
    world.see(10, ("cooling-1/cooling.ok", False))
    assert incidents(world) == [("cooling-1", "open", 2)]
    world.see(400, ("cooling-2/cooling.ok", False))
    assert incidents(world) == [("cooling", "open", 3)]
    assert [state for _, _, state in world.incidents()].count("opened") == 1


def test_a_network_fault_behind_a_dead_router_joins_the_router() -> None:
    world = World(config(ROUTER_DEAD, LINK))
    world.see(0, ("router-1/device.reachable", False))
    world.see(40, ("uplink-1/if.oper", "down"))
    assert incidents(world) == [("router-1", "open", 2)]


def test_an_incident_is_over_with_its_last_alarm_and_reopened_when_one_comes_back_soon() -> None:
    world = World(config(COOLING))
    for second, value in ((0, False), (60, True), (300, False), (400, True), (2000, False)):
        world.see(second, ("cooling-1/cooling.ok", value))
    assert world.incidents() == [
        (0, "cooling-1", "opened"), (60, "cooling-1", "resolved"), (300, "cooling-1", "reopened"),
        (400, "cooling-1", "resolved"), (2000, "cooling-1", "opened"),
    ]  # fmt: skip


def test_a_rule_that_does_not_page_opens_a_quiet_incident_until_one_that_pages_joins() -> None:
    quiet = rule("state", "odd", select={"point": "battery.replace"}, page=False, severity="info", **{"is": True})
    world = World(config(quiet, ON_BATTERY))
    world.see(0, ("ups-a/battery.replace", True))
    assert [row.paging for row in world.judge.incidents.values()] == [False]
    world.see(10, (UPS_A, True))
    world.wait(20)
    (incident,) = world.judge.incidents.values()
    assert incident.paging and incident.severity == "warning"
    assert [state for _, _, state in world.incidents()] == ["opened", "joined", "raised"]


def test_acknowledging_covers_the_incident_and_its_alarms_and_a_raise_takes_it_back() -> None:
    world = World(config(*EVERYTHING))
    world.see(0, (MAINS_A, False), (MAINS_B, True), (UPS_A, True))
    world.wait(20)
    (incident,) = world.judge.incidents
    world.judge.acknowledge(incident, "anna", at(20))
    assert {row.acked_by for row in world.judge.alarms.values() if row.state == "active"} == {"anna"}
    assert not world.judge.acknowledge(incident, "bert", at(21)).transitions
    world.wait(61)
    assert world.judge.incidents[incident].acked_by is None
    with pytest.raises(KeyError):
        world.judge.acknowledge("i-never-was", "anna", at(62))


def test_a_merged_incident_is_acknowledged_at_the_one_that_goes_on() -> None:
    world = World(config(MAINS_LOST, ON_BATTERY, COOLING))
    world.see(0, (UPS_A, True))
    world.see(20, ("cooling-1/cooling.ok", False))
    world.see(60, (MAINS_A, False))
    world.wait(70)
    merged = next(row for row in world.judge.incidents.values() if row.state == "merged")
    world.judge.acknowledge(merged.id, "anna", at(80))
    assert world.judge.incidents[str(merged.merged_into)].acked_by == "anna"


def test_an_alarm_waits_as_returned_until_somebody_has_acknowledged_it() -> None:
    world = World(config(COOLING))
    world.see(0, ("cooling-1/cooling.ok", False))
    world.see(10, ("cooling-1/cooling.ok", True))
    assert world.judge.alarms["cooling-failed/cooling-1"].state == "returned"
    (incident,) = world.judge.incidents
    world.judge.acknowledge(incident, "anna", at(20))
    assert world.judge.alarms["cooling-failed/cooling-1"].state == "normal"


def test_a_shelved_alarm_tells_nobody_until_its_time_and_then_does_if_it_still_stands() -> None:
    world = World(config(COOLING))
    world.see(0, ("cooling-1/cooling.ok", True))
    world.see(1, ("cooling-1/cooling.ok", False))
    world.see(2, ("cooling-1/cooling.ok", True))
    world.judge.shelve("cooling-failed/cooling-1", at(3600), "service", "anna", at(10))
    world.see(2000, ("cooling-1/cooling.ok", False))
    assert world.incidents() == [(1, "cooling-1", "opened"), (2, "cooling-1", "resolved")]
    world.wait(4000)
    assert world.incidents()[-1] == (3600, "cooling-1", "opened")
    with pytest.raises(ValueError, match="reason"):
        world.judge.shelve("cooling-failed/cooling-1", at(9000), " ", "anna", at(5000))


def test_a_ups_lost_on_battery_is_one_alarm_not_two_and_takes_its_pdu_along() -> None:
    world = World(config(SILENT, LOST, ON_BATTERY))
    world.see(0, (UPS_A, True))
    world.step([read(30, "ups-a/device.reachable", False), read(31, "pdu-a/device.reachable", False)], at(31))
    world.wait(300)
    assert {key for key, row in world.judge.alarms.items() if row.state == "active"} == {
        "on-battery/ups-a", "lost/ups-a", "lost/pdu-a",
    }  # fmt: skip
    assert [root for root, _, _ in incidents(world)] == ["ups-a"]


def test_a_rule_that_worsens_is_told_at_equal_severity_and_wants_a_new_acknowledgement() -> None:
    late = GENSET_LATE | {"worsens": True, "severity": "warning"}
    world = World(config(MAINS_LOST, late))
    world.see(0, (MAINS_A, False))
    world.wait(10)
    (incident,) = world.judge.incidents
    world.judge.acknowledge(incident, "anna", at(20))
    world.wait(70)
    assert [state for _, _, state in world.incidents()] == ["opened", "joined", "worsened"]
    assert world.judge.incidents[incident].acked_by is None


def test_a_fault_is_held_against_its_neighbours_only_however_many_incidents_are_open() -> None:
    leaks = [{"id": f"leak-{number}", "kind": "leak_unit", "name": f"Leak {number}"} for number in range(100, 300)]
    world = World(config(LEAK, MAINS_LOST, ON_BATTERY, site={**SITE, "assets": [*SITE["assets"], *leaks]}))
    world.see(0, *((f"leak-{number}/water.detected", True) for number in range(100, 300)))
    world.see(1, ("mains-a/mains.available", False))
    world.see(2, ("ups-a/ups.on_battery", True))
    world.wait(10)
    assert len(world.judge.incidents) == 201
    book = world.judge._incidents
    assert [incident.root for incident in book._near(book.cells["on-battery/ups-a"])] == ["mains-a"]
    assert [incident.root for incident in book._near(book.cells["leak/leak-150"])] == ["leak-150"]
