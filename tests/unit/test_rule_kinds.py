"""Every kind of rule: when it holds, when it does not, when nobody knows."""

from __future__ import annotations

from typing import Any

import pytest
from engine_world import (
    FUEL,
    LINK,
    LOST,
    ON_BATTERY,
    SILENT,
    WARM,
    World,
    at,
    config,
    read,
    rule,
)

DOWN = rule("state", "down", select={"point": "if.oper"}, **{"is": "down"})


def active(world: World) -> set[str]:
    return {key for key, row in world.judge.alarms.items() if row.state == "active"}


@pytest.mark.parametrize(
    ("test", "value", "holds"),
    [
        ({"is": True}, True, True), ({"is": True}, False, False), ({"is": "on"}, "off", False),
        ({"in": ["low", "failed"]}, "low", True), ({"in": ["low", "failed"]}, "normal", False),
        ({"not_in": ["up"]}, "down", True), ({"not_in": ["up"]}, "up", False), ({"is": 0}, 0, True),
        ({"above": 5}, 5.1, True), ({"above": 5}, 5, False), ({"below": 5}, 4, True), ({"below": 5}, "low", False),
        ({"above": 0}, True, False), ({"is": True}, None, False), ({"not_in": ["up"]}, None, False),
    ],
)  # fmt: skip
def test_a_state_rule_holds_for_its_words_and_never_for_nothing(test: dict[str, Any], value: Any, holds: bool) -> None:
    world = World(config(rule("state", "odd", select={"point": "vendor.word"}, **test)))
    world.see(0, ("ups-a/vendor.word", value))
    assert bool(active(world)) is holds


@pytest.mark.parametrize(
    ("select", "hits"),
    [
        ({}, {"ups-a", "pdu-a", "elsewhere"}), ({"kinds": ["ups"]}, {"ups-a"}), ({"assets": ["pdu-a"]}, {"pdu-a"}),
        ({"index": "2"}, set()), ({"index": "1"}, {"ups-a", "pdu-a", "elsewhere"}),
        ({"kinds": ["ups"], "assets": ["pdu-a"]}, set()),
    ],
)  # fmt: skip
def test_select_finds_the_series_by_kind_asset_and_index(select: dict[str, Any], hits: set[str]) -> None:
    world = World(config(rule("state", "odd", select={"point": "alarms.active", **select}, above=0)))
    world.see(0, *((f"{asset}/alarms.active[1]", 3) for asset in ("ups-a", "pdu-a", "elsewhere")))
    assert {key.removeprefix("odd/").removesuffix("[1]") for key in active(world)} == hits


def test_each_index_has_an_alarm_of_its_own() -> None:
    world = World(config(DOWN))
    world.see(0, ("uplink-1/if.oper[a]", "down"), ("uplink-1/if.oper[b]", "up"), ("uplink-1/if.oper[c]", "down"))
    assert active(world) == {"down/uplink-1[a]", "down/uplink-1[c]"}


def test_a_limit_is_left_only_beyond_its_deadband() -> None:
    world = World(config(WARM | {"on_delay": "0s", "off_delay": "0s"}))
    states = []
    for second, value in enumerate((26.9, 27.0, 27.1, 26.5, 26.1, 26.0, 26.5, 27.0, 27.2)):
        world.see(second, ("env-1/temperature", value))
        states.append(bool(active(world)))
    assert states == [False, False, True, True, True, False, False, False, True]


def test_within_the_deadband_nobody_is_told_that_the_value_is_beyond_its_limit() -> None:
    world = World(config(WARM | {"on_delay": "60s"}))
    world.see(0, ("env-1/temperature", 27.1))
    world.see(30, ("env-1/temperature", 26.5))
    world.wait(60)
    (reason,) = [one.reason for one in world.all.transitions if (one.type, one.state) == ("alarm", "active")]
    assert reason.endswith("temperature is 26.5 degC, was above 27 degC and is not back at 26 degC yet")


def test_a_lower_limit_works_the_other_way_round() -> None:
    world = World(config(FUEL | {"on_delay": "0s"}))
    states = []
    for second, value in enumerate((75.0, 74.9, 76.5, 76.9, 77.0, 75.5)):
        world.see(second, ("tank-a/fuel.level", value))
        states.append(bool(active(world)))
    assert states == [False, True, True, True, False, False]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "27.5", True, None])
def test_what_is_no_number_is_beyond_no_limit(value: Any) -> None:
    world = World(config(WARM | {"on_delay": "0s"}))
    world.see(0, ("env-1/temperature", value))
    assert not active(world)


def test_a_limit_alarm_on_an_uncertain_value_says_so() -> None:
    world = World(config(WARM | {"on_delay": "0s"}))
    world.step([read(0, "env-1/temperature", 30.0, "uncertain", "above 25 is rare here")], at(0))
    assert "30 degC (uncertain: above 25 is rare here)" in world.judge.alarms["warm/env-1"].reason


RISE = rule("rise", "rising", select={"point": "temperature"}, by=5, within="15m")


def test_a_rise_counts_from_the_lowest_value_within_its_time() -> None:
    world = World(config(RISE))
    for second, value in ((0, 20.0), (300, 22.0), (600, 24.9), (900, 25.0)):
        world.see(second, ("env-1/temperature", value))
    assert not active(world)
    world.see(899 + 60, ("env-1/temperature", 27.1))
    assert active(world) == {"rising/env-1"}


def test_the_same_rise_over_a_longer_time_is_none() -> None:
    world = World(config(RISE))
    for step in range(20):
        world.see(step * 300, ("env-1/temperature", 20.0 + step))
    assert not active(world)


def test_a_value_that_stood_still_counts_until_it_left_and_the_rise_is_over_when_it_is_old() -> None:
    world = World(config(RISE))
    world.see(0, ("env-1/temperature", 20.0))
    world.see(3600, ("env-1/temperature", 26.0))
    assert active(world) == {"rising/env-1"}
    world.wait(3600 + 900)
    assert active(world)
    world.wait(3600 + 901)
    assert not active(world)


COUNT = rule("count", "count", group="cooling", able=[{"point": "cooling.ok", "is": True}], fewer_than="needed")


@pytest.mark.parametrize(
    ("units", "holds"),
    [
        ((True, True, True), False), ((True, True, False), False), ((True, False, False), True),
        ((True, True, None), False), ((True, False, None), False), ((False, False, None), True), ((None,) * 3, False),
    ],
)  # fmt: skip
def test_a_count_is_three_valued(units: tuple[bool | None, ...], holds: bool) -> None:
    world = World(config(COUNT))
    world.see(0, *((f"cooling-{place}/cooling.ok", ok) for place, ok in enumerate(units, 1) if ok is not None))
    assert bool(active(world)) is holds


def test_fewer_than_all_is_lost_redundancy_and_a_number_is_that_number() -> None:
    world = World(config(COUNT | {"id": "all", "fewer_than": "all"}, COUNT | {"id": "one", "fewer_than": 1}))
    world.see(0, *((f"cooling-{place}/cooling.ok", place != 2) for place in (1, 2, 3)))
    assert active(world) == {"all/cooling"}
    assert "2 of 3 able, 3 wanted: cooling.ok of cooling-2 is false" in world.judge.alarms["all/cooling"].reason


def test_with_several_conditions_and_indices_a_member_is_able_only_if_all_hold() -> None:
    able = [{"point": "cooling.ok", "is": True}, {"point": "compressor.on", "is": True}]
    world = World(config(COUNT | {"fewer_than": "all", "able": able}))
    steady = [(f"cooling-{n}/cooling.ok", True) for n in (1, 2, 3)]
    world.see(0, *steady, *((f"cooling-{n}/compressor.on[{c}]", True) for n in (1, 2, 3) for c in "ab"))
    assert not active(world)
    world.see(1, ("cooling-3/compressor.on[b]", False))
    assert active(world) == {"count/cooling"}


def test_capacity_counts_what_the_able_members_can_carry() -> None:
    world = World(config(rule("capacity", "cap", group="uplinks", able=[{"point": "if.oper", "is": "up"}],
                              rating="speed_bps", below=5e9)))  # fmt: skip
    world.see(0, ("uplink-1/if.oper", "up"))
    assert not active(world)
    world.see(1, ("uplink-1/if.oper", "down"))
    assert active(world) == {"cap/uplinks"}, "1 Gbit/s that nobody knows of cannot make 5"
    world.see(2, ("uplink-1/if.oper", "up"), ("uplink-2/if.oper", "down"))
    assert not active(world)


def test_a_device_that_nobody_mentions_is_silent_when_a_working_poller_would_have_spoken() -> None:
    world = World(config(SILENT | {"kinds": ["leak_unit"]}), live=True)
    world.wait(0)
    world.wait(69)
    assert not active(world), "until then it may be dcmon that is late: 10 s of deadline, 60 s of back-off"
    world.wait(70)
    assert active(world) == {"silent/leak-1"}
    assert world.judge.alarms["silent/leak-1"].started == at(0)


def test_one_lost_poll_is_no_silence() -> None:
    world = World(config(SILENT | {"kinds": ["leak_unit"]}), live=True)
    for second in range(0, 600, 15):
        world.see(second, ("leak-1/device.reachable", second != 300))
    assert world.alarms() == [(315, "leak-1", "normal")]
    assert not active(world)


def test_a_device_of_which_no_poll_is_reported_is_silent_after_the_longest_pause_of_a_poller() -> None:
    world = World(config(SILENT | {"kinds": ["leak_unit"]}), live=True)
    world.see(0, ("leak-1/device.reachable", True))
    world.wait(1000)
    assert world.alarms() == [(70, "leak-1", "active")]
    assert world.judge.alarms["silent/leak-1"].started == at(0)


def test_lost_on_battery_remembers_over_a_restart_that_the_ups_was_on_battery() -> None:
    world = World(config(LOST, SILENT, ON_BATTERY), live=True)
    world.see(0, ("ups-a/ups.on_battery", True), ("ups-a/device.reachable", True))
    world.restart(120, alive=5)
    world.see(121, ("ups-a/device.reachable", False))
    world.wait(131)
    assert "lost/ups-a" in active(world)


def test_a_ups_that_returned_to_the_mains_before_it_fell_silent_is_only_silent() -> None:
    world = World(config(LOST, SILENT))
    world.see(0, ("ups-a/ups.on_battery", True))
    world.see(10, ("ups-a/ups.on_battery", False))
    world.see(20, ("ups-a/device.reachable", False))
    world.wait(100)
    assert active(world) == {"silent/ups-a"}


FOLLOWS = rule("follows", "late", asset="genset-a", within="60s",
               when=[{"asset": "mains-a", "point": "mains.available", "is": False}],
               then=[{"point": "engine.running", "is": True},
                     {"asset": "tsw-a", "point": "breaker.generator_closed", "is": True}])  # fmt: skip
MAINS, ENGINE, BREAKER = "mains-a/mains.available", "genset-a/engine.running", "tsw-a/breaker.generator_closed"


@pytest.mark.parametrize(
    ("engine", "breaker", "late"), [(10, 15, False), (10, 60, False), (10, 61, True), (None, 15, True), (70, 80, True)]
)  # fmt: skip
def test_what_must_follow_has_until_its_deadline(engine: int | None, breaker: int, late: bool) -> None:
    world = World(config(FOLLOWS))
    world.see(0, (MAINS, False))
    for second, series in sorted((second, series) for second, series in ((engine or 0, ENGINE), (breaker, BREAKER))):
        if second:
            world.see(second, (series, True))
    world.wait(100)
    assert ((60, "genset-a", "active") in world.alarms()) is late


def test_what_has_followed_and_is_undone_has_a_new_deadline() -> None:
    world = World(config(FOLLOWS))
    world.see(0, (MAINS, False), (ENGINE, False), (BREAKER, False))
    world.see(10, (ENGINE, True), (BREAKER, True))
    world.see(600, (BREAKER, False))
    world.wait(700)
    assert world.alarms()[-1] == (660, "genset-a", "active")


def test_mains_that_return_in_time_end_the_wait() -> None:
    world = World(config(FOLLOWS))
    world.see(0, (MAINS, False))
    world.see(30, (MAINS, True))
    world.wait(100)
    assert not active(world)


def test_a_clock_warns_breaches_and_stops_at_the_instant_of_return() -> None:
    world = World(config(LINK))
    world.see(0, ("uplink-1/if.oper", "up"))
    world.see(100, ("uplink-1/if.oper", "down"))
    world.see(100 + 5 * 3600, ("uplink-1/if.oper", "up"))
    world.wait(100 + 6 * 3600)
    assert world.said("clock") == [
        (105, "uplink-1", "started"), (7300, "uplink-1", "warned"), (10900, "uplink-1", "warned"),
        (13060, "uplink-1", "warned"), (14500, "uplink-1", "breached"), (18400, "uplink-1", "stopped"),
    ]  # fmt: skip
    (clock,) = world.judge.clocks.values()
    assert (clock.started, clock.stopped, clock.state) == (at(100), at(18100), "stopped")


def test_a_fault_that_is_gone_but_not_yet_stable_is_not_warned_of() -> None:
    world = World(config(LINK))
    world.see(0, ("uplink-1/if.oper", "down"))
    world.see(7100, ("uplink-1/if.oper", "up"))
    world.wait(7300)
    assert "warned" not in [state for _, _, state in world.said("clock")]
    world.see(7310, ("uplink-1/if.oper", "down"))
    assert world.said("clock")[-1] == (7310, "uplink-1", "warned")


@pytest.mark.parametrize(("gap", "states"), [(1700, ["reopened"]), (1900, ["started"])])
def test_a_fault_back_within_half_an_hour_is_the_same(gap: int, states: list[str]) -> None:
    world = World(config(LINK))
    world.see(0, ("uplink-1/if.oper", "down"))
    world.see(1000, ("uplink-1/if.oper", "up"))
    world.see(1000 + gap, ("uplink-1/if.oper", "down"))
    world.wait(1000 + gap + 60)
    assert [state for _, _, state in world.said("clock")] == ["started", "stopped", *states]
    assert len(world.judge.clocks) == (1 if gap < 1800 else 2)


def test_a_refuel_task_is_overdue_at_its_deadline_and_done_by_the_measured_rise() -> None:
    world = World(config(FUEL))
    world.see(0, ("tank-a/fuel.level", 74.0))
    world.see(3600, ("tank-a/fuel.level", 70.0))
    world.wait(60 + 48 * 3600)
    world.see(200_000, ("tank-a/fuel.level", 74.9))
    world.see(200_100, ("tank-a/fuel.level", 76.0))
    world.see(200_130, ("tank-a/fuel.level", 73.0))
    world.see(200_200, ("tank-a/fuel.level", 90.0))
    world.wait(200_300)
    assert world.said("task") == [
        (60, "tank-a", "opened"), (60 + 48 * 3600, "tank-a", "overdue"), (200_260, "tank-a", "done"),
    ]  # fmt: skip


def test_a_second_alarm_does_not_open_a_second_task() -> None:
    world = World(config(FUEL))
    for second, level in ((0, 74.0), (100, 78.0), (110, 74.0), (300, 74.0)):
        world.see(second, ("tank-a/fuel.level", level))
    assert [state for _, _, state in world.said("task")] == ["opened", "done"] or len(world.judge.tasks) == 1


def test_a_deadline_goes_on_when_nothing_is_heard_any_more_of_what_started_it() -> None:
    """The controller that sees mains and breaker falls silent with the power."""
    world = World(config(FOLLOWS), live=True)
    world.see(0, (MAINS, True), (BREAKER, False))
    world.see(2, (MAINS, False))
    world.wait(100)
    assert (62, "genset-a", "active") in world.alarms()
    reason = world.judge.alarms["late/genset-a"].reason
    assert "is unknown (was false), but after 1m" in reason


@pytest.mark.parametrize(("came", "raised"), [(True, False), (False, True)])
def test_a_deadline_that_ended_while_dcmon_was_down_waits_for_the_first_readings(came: bool, raised: bool) -> None:
    world = World(config(FOLLOWS), live=True)
    world.see(0, (MAINS, True), (BREAKER, False))
    world.see(2, (MAINS, False))
    world.restart(600, alive=30)
    world.wait(601)
    assert world.alarms() == []
    if came:
        world.see(602, (MAINS, False), (ENGINE, True), (BREAKER, True))
    world.wait(700)
    assert [state for _, _, state in world.alarms()] == ["active" if raised else "normal"]


SHUT = rule("state", "down", select={"point": "if.oper"}, not_in=["up"], on_delay="5s",
            unless=[{"point": "if.admin", "is": "down"}])  # fmt: skip
OPER, ADMIN = "uplink-1/if.oper[x]", "uplink-1/if.admin[x]"


@pytest.mark.parametrize(("admin", "fault"), [("down", False), ("up", True), (None, True)])
def test_what_somebody_has_switched_off_is_no_fault(admin: str | None, fault: bool) -> None:
    world = World(config(SHUT))
    world.see(0, (OPER, "down"), *(((ADMIN, admin),) if admin else ()))
    world.wait(100)
    assert (active(world) == {"down/uplink-1[x]"}) is fault


def test_what_excuses_a_fault_may_be_read_before_it() -> None:
    world = World(config(SHUT))
    world.see(0, (ADMIN, "down"))
    world.see(1, (OPER, "down"))
    world.wait(100)
    assert active(world) == set()


def test_what_stays_down_when_it_is_switched_on_again_is_a_fault_from_then_on() -> None:
    world = World(config(SHUT))
    world.see(0, (OPER, "up"), (ADMIN, "up"))
    world.see(10, (ADMIN, "down"))
    world.see(11, (OPER, "down"))
    world.see(600, (ADMIN, "up"))
    world.wait(700)
    assert world.alarms() == [(605, "uplink-1", "active")]
    world.see(800, (ADMIN, "down"))
    assert world.alarms()[-1] == (800, "uplink-1", "returned")
    assert "if.admin[x] of uplink-1 is down" in world.judge.alarms["down/uplink-1[x]"].reason


RISE = rule("rise", "rising", select={"point": "temperature"}, by=5, within="15m")
AIR = "env-1/temperature[1]"


@pytest.mark.parametrize(("restart", "known"), [(None, True), (450, True), (450, False)])
def test_a_rise_is_seen_over_a_restart_when_the_past_is_told(restart: int | None, known: bool) -> None:
    """0.5 degC a minute; after the restart half of it is in the past."""
    world, past = World(config(RISE), live=True), []
    for second in range(0, 720, 10):
        if second == restart:
            world.restart(second, alive=second - 10)
            key = read(0, AIR, 0).key
            if known:
                world.judge.recall([key], lambda _, span: [(ts, value) for ts, value in past if ts >= at(450) - span])
        value = 20 + second / 120
        past.append((at(second), value))
        world.see(second, (AIR, value))
    assert (active(world) == {"rising/env-1[1]"}) is known
    if known:
        assert world.alarms() == [(610, "env-1", "active")]
