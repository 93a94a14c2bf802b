"""Windows of maintenance: what they mute, what they never mute, what is told when they are over, and late notices."""

from __future__ import annotations

from typing import Any

import pytest
from engine_world import EVERYTHING, LINK, SITE, World, at, config, rule

from dcmon.config.entries import EntryError
from dcmon.model import AlarmState, Transition

DAY = 86_400
RESERVE = rule("count", "no-reserve", group="cooling", able=[{"point": "cooling.ok", "is": True}], fewer_than="all",
               **{"class": "cooling"})  # fmt: skip
WORDS: dict[str, Any] = {"title": "Battery change", "class": "no", "start": 100, "end": 1000, "scope": ["ups-a"]}


def planned(**words: Any) -> World:
    """A site whose UPS A works, with one window entered at its first second."""
    world = World(config(*EVERYTHING, RESERVE))
    world.see(0, ("ups-a/ups.on_battery", False), ("leak-1/water.detected[1]", False))
    world.enter(1, "maintenance", **WORDS | {"mute": True} | words)
    return world


def of(world: World, key: str) -> list[tuple[float, str]]:
    """(second, incident state) of what people could hear about."""
    return [(second, state) for second, asset, state in world.incidents() if asset == key]


def records(world: World) -> list[tuple[float, str]]:
    return [(second, state) for second, _, state in world.said("record")]


def last(world: World, kind: str) -> Transition:
    return [transition for transition in world.all.transitions if transition.type == kind][-1]


def test_what_a_window_mutes_is_recorded_and_opens_no_incident() -> None:
    world = planned()
    world.see(200, ("ups-a/ups.on_battery", True))
    world.see(300, ("ups-a/ups.on_battery", False))
    assert [(second, state) for second, _, state in world.alarms()] == [(205, "active"), (300, "normal")]
    (active, _) = [t for t in world.all.transitions if t.type == "alarm" and t.state != "pending"]
    assert active.data["suppressed"] == "maintenance maintenance-battery-change@20261118T110820Z"
    assert world.incidents() == []


def test_what_lasts_when_the_window_is_over_pages_like_any_new_alarm_and_says_why() -> None:
    world = planned()
    world.see(200, ("ups-a/ups.on_battery", True))
    world.wait(5000)
    assert of(world, "ups-a") == [(1000, "opened")]
    assert records(world)[-2:] == [(100, "started"), (1000, "overrun")]
    opened = last(world, "incident")
    assert "Battery change is over since 2026-11-18T11:23:20Z" in opened.reason
    assert world.judge.alarms["on-battery/ups-a"].suppressed is None


def test_what_is_over_at_the_very_end_of_the_window_is_told_to_nobody() -> None:
    world = planned()
    world.see(200, ("ups-a/ups.on_battery", True))
    world.see(1000, ("ups-a/ups.on_battery", False))
    world.wait(5000)
    assert (world.incidents(), records(world)[-1]) == ([], (1000, "over"))


def test_an_alarm_at_the_start_is_muted_and_one_at_the_end_is_not() -> None:
    world = planned()
    world.see(95, ("ups-a/ups.on_battery", True))
    world.see(110, ("ups-a/ups.on_battery", False))
    world.see(995, ("ups-a/ups.on_battery", True))
    world.wait(1000)
    assert of(world, "ups-a") == [(1000, "opened")]


def test_an_alarm_that_was_there_before_stays_with_its_incident_and_is_resolved_as_ever() -> None:
    world = planned()
    world.see(10, ("ups-a/ups.on_battery", True))
    world.see(300, ("ups-a/ups.on_battery", False))
    assert of(world, "ups-a") == [(15, "opened"), (300, "resolved")]


def test_a_window_without_mute_keeps_nobody_from_being_told_but_says_that_it_is_over() -> None:
    world = planned(mute=False)
    world.see(200, ("ups-a/ups.on_battery", True))
    world.wait(5000)
    assert of(world, "ups-a") == [(205, "opened")]
    assert records(world)[-1] == (1000, "overrun")


def test_what_the_scope_feeds_is_muted_only_when_asked_for() -> None:
    for with_fed, told in ((False, [(260, "opened")]), (True, [])):
        world = planned(with_fed=with_fed)
        world.see(200, ("pdu-a/device.reachable", False))
        world.wait(900)
        assert of(world, "pdu-a") == told


def test_water_is_muted_only_by_a_window_that_names_its_very_asset() -> None:
    site = SITE | {"groups": [*SITE["groups"], {"id": "hall", "name": "Hall", "role": "other", "members": ["leak-1"]}]}
    for scope, told in ((["hall"], [(200, "opened")]), (["leak-1"], [])):
        world = World(config(*EVERYTHING, site=site))
        world.enter(1, "maintenance", **WORDS | {"scope": scope, "mute": True})
        world.see(200, ("leak-1/water.detected[1]", True))
        assert of(world, "leak-1") == told


def test_a_groups_alarm_is_muted_while_only_members_in_maintenance_are_unable() -> None:
    world = planned(scope=["cooling-1"])
    world.see(10, *((f"cooling-{unit}/cooling.ok", True) for unit in (1, 2, 3)))
    world.see(200, ("cooling-1/cooling.ok", False))
    assert world.judge.alarms["no-reserve/cooling"].suppressed is not None
    assert world.incidents() == []
    world.see(300, ("cooling-2/cooling.ok", False))
    assert of(world, "cooling") == [(300, "opened")]


def test_of_two_windows_that_overlap_the_longer_one_goes_on_muting() -> None:
    world = planned()
    other = world.enter(2, "maintenance", **WORDS | {"title": "Fans", "start": 500, "end": 2000, "mute": True})
    world.see(200, ("ups-a/ups.on_battery", True))
    world.wait(1500)
    assert world.incidents() == []
    assert world.judge.alarms["on-battery/ups-a"].suppressed == f"maintenance {other.id}"
    world.wait(2000)
    assert of(world, "ups-a") == [(2000, "opened")]


def test_a_cancelled_window_mutes_no_more_and_stays_on_record_as_void() -> None:
    world = planned()
    world.see(200, ("ups-a/ups.on_battery", True))
    (window,) = world.judge.records.values()
    void = world.enter(300, "cancel", record=window.id, reason="the technician is ill")
    assert (void.state, void.data["cancelled"]["by"]) == ("void", "Anna")
    assert of(world, "ups-a") == [(300, "opened")]
    world.wait(5000)
    assert records(world)[-1] == (300, "cancelled")
    assert world.enter(400, "cancel", record=window.id, reason="again") is void
    with pytest.raises(EntryError, match="no maintenance and no drill"):
        world.enter(400, "cancel", record="nothing", reason="again")


@pytest.mark.parametrize("change", [{"end": 300}, {"mute": False}, {"scope": ["ups-b"]}, {"start": 500}])
def test_a_running_window_that_is_cut_or_moved_lets_go_of_what_it_muted_at_once(change: dict[str, Any]) -> None:
    world = planned()
    world.see(200, ("ups-a/ups.on_battery", True))
    (window,) = world.judge.records.values()
    changed = world.enter(300, "maintenance", **WORDS | {"mute": True, "uid": window.id, "sequence": 1} | change)
    assert (changed.id, list(changed.data["history"][0]["changed"])) == (window.id, list(change))
    assert of(world, "ups-a") == [(300, "opened")]
    world.wait(5000)
    assert of(world, "ups-a") == [(300, "opened")]


@pytest.mark.parametrize(("moment", "readings"), [(50, True), (500, True), (500, False), (999, True)])
def test_a_restart_in_the_middle_changes_nothing(moment: float, readings: bool) -> None:
    plain, restarted = planned(), planned()
    for world in (plain, restarted):
        world.see(20, ("ups-a/ups.on_battery", False))
        if world is restarted and moment < 100:
            world.restart(moment)
        world.see(200, ("ups-a/ups.on_battery", True))
        world.wait(300)
        if world is restarted and moment > 100:
            world.restart(moment, readings=readings)
        world.wait(5000)
    assert of(restarted, "ups-a") == of(plain, "ups-a") == [(1000, "opened")]
    assert records(restarted) == records(plain)


def test_a_window_that_ends_while_dcmon_is_down_pages_what_lasts_when_it_is_back() -> None:
    world = planned()
    world.see(200, ("ups-a/ups.on_battery", True))
    world.restart(3000, alive=500)
    world.see(3000, ("ups-a/ups.on_battery", True))
    assert of(world, "ups-a") == [(3000, "opened")]


def test_a_late_notice_is_a_breach_on_record_and_a_ticket_until_the_window_is_over() -> None:
    world = planned(**{"class": "high", "mute": False})
    (window,) = world.judge.records.values()
    assert (window.verdict, window.data["late"]) == ("failed", True)
    assert records(world)[:2] == [(1, "announced"), (1, "late")]
    (incident,) = world.judge.incidents.values()
    assert (incident.rule, incident.paging) == ("late-notice", False)
    world.see(200, ("ups-a/ups.on_battery", True))
    world.wait(205)
    assert len(of(world, "ups-a")) == 2, "a fault does not join the ticket"
    world.restart(500)
    world.wait(5000)
    assert (1000, "ups-a", "returned") in world.alarms()


@pytest.mark.parametrize(
    ("cls", "days", "verdict"),
    [("no", 1, None), ("low", 27.99, "failed"), ("low", 28, "passed"), ("high", 28, "passed"), ("high", 5, "failed")],
)
def test_notice_is_counted_in_whole_days_and_only_where_there_is_a_risk(cls: str, days: float, verdict: str) -> None:
    world = planned(**{"class": cls, "start": days * DAY + 1, "end": 40 * DAY, "mute": False})
    (window,) = world.judge.records.values()
    assert window.verdict == verdict


def test_a_late_notice_is_off_the_wall_when_somebody_has_taken_note_and_stays_on_record() -> None:
    world = planned(**{"class": "low"})
    (incident,) = world.judge.incidents
    world.all.extend(world.judge.acknowledge(incident, "Ben", at(20)))
    assert world.judge.incidents[incident].state == "resolved"
    world.restart(30)
    world.wait(50)
    assert next(iter(world.judge.records.values())).verdict == "failed"
    assert len(world.judge.incidents) == 1


def test_a_window_in_the_past_is_kept_as_it_was_and_shown_as_late() -> None:
    world = World(config(*EVERYTHING))
    window = world.enter(5000, "maintenance", **WORDS | {"class": "low", "mute": True})
    assert (window.state, window.verdict, window.data["phase"]) == ("done", "failed", "over")
    assert (records(world), world.incidents()) == ([(5000, "announced"), (5000, "late")], [])


def test_a_reminder_comes_once_before_the_start_even_after_a_restart() -> None:
    world = planned(start=3 * DAY, end=3 * DAY + 3600)
    world.wait(2 * DAY + 10)
    world.restart(3 * DAY - 1800, alive=2 * DAY + 20)
    world.wait(4 * DAY)
    ahead = [(t.ts - at(0), t.data["before_ms"]) for t in world.all.transitions if t.state == "ahead"]
    assert ahead == [(2 * DAY * 1000, DAY * 1000), ((3 * DAY - 1800) * 1000, 3_600_000)]


def test_a_fault_in_a_window_that_counts_has_its_clock_and_one_in_an_excluded_window_only_from_its_end() -> None:
    excluded = {"class": "low", "exclude": True, "announced": -40 * DAY}
    for words, mute, started in (({}, True, 195), ({}, False, 195), (excluded, True, 1000), (excluded, False, 1000)):
        world = World(config(LINK))
        world.see(0, ("uplink-1/if.oper", "up"))
        world.enter(1, "maintenance", **WORDS | {"scope": ["uplink-1"], "mute": mute} | words)
        world.see(195, ("uplink-1/if.oper", "down"))
        world.see(900, ("uplink-1/if.oper", "up"))
        world.see(903, ("uplink-1/if.oper", "down"))
        world.wait(1001)
        (clock,) = world.judge.clocks.values()
        assert (clock.started, clock.incident) == (at(started), next(iter(world.judge.incidents)))


def test_a_clock_that_was_breached_unheard_is_told_of_when_the_window_is_over() -> None:
    world = World(config(LINK))
    world.enter(1, "maintenance", **WORDS | {"scope": ["uplink-1"], "mute": True, "end": 20_000})
    world.see(200, ("uplink-1/if.oper", "down"))
    world.wait(30_000)
    told = [(t.state, (t.ts - at(0)) / 1000, t.incident) for t in world.all.transitions if t.type == "clock"]
    assert [told[-2][:2], told[-1][:2]] == [("breached", 14_600), ("breached", 20_000)]
    assert told[-2][2] is None and told[-1][2] is not None


def test_a_task_of_a_muted_alarm_opens_when_the_window_is_over() -> None:
    world = planned(scope=["tank-a"])
    world.see(200, ("tank-a/fuel.level", 60.0))
    world.wait(999)
    assert world.said("task") == []
    world.wait(2000)
    assert world.said("task") == [(1000, "tank-a", "opened")]


def test_a_later_version_of_a_calendars_event_replaces_it_and_the_same_one_is_once() -> None:
    words = WORDS | {"uid": "x1@calendar", "class": "low", "start": 40 * DAY, "end": 41 * DAY}
    world = World(config(*EVERYTHING))
    first = world.enter(1, "maintenance", **words)
    assert world.enter(50, "maintenance", **words) is first
    assert len(records(world)) == 1
    with pytest.raises(EntryError, match="sequence above 0"):
        world.enter(60, "maintenance", **words | {"title": "Other"})
    shorter = world.enter(10 * DAY, "maintenance", **words | {"end": 40.5 * DAY, "sequence": 1})
    assert (shorter.id, shorter.data["late"], shorter.ended) == (first.id, False, at(40.5 * DAY))
    moved = world.enter(20 * DAY, "maintenance", **words | {"end": 42 * DAY, "sequence": 2})
    assert (moved.id, moved.data["announced"], moved.verdict) == (first.id, at(20 * DAY), "failed")
    assert [one["changed"] for one in moved.data["history"]] == [
        {"end": [at(41 * DAY), at(40.5 * DAY)]}, {"end": [at(40.5 * DAY), at(42 * DAY)]},
    ]  # fmt: skip
    void = world.enter(21 * DAY, "cancel", record=first.id, reason="not now")
    with pytest.raises(EntryError, match="was cancelled"):
        world.enter(22 * DAY, "maintenance", **words | {"sequence": 2})
    again = world.enter(23 * DAY, "maintenance", **words | {"sequence": 3, "class": "no"})
    assert (void.state, again.state, again.verdict) == ("void", "running", None)


def test_an_announcement_of_another_time_is_none_of_the_new_one_however_often_a_calendar_says_it() -> None:
    words = WORDS | {"uid": "x1@calendar", "class": "low", "start": 40 * DAY, "end": 41 * DAY, "announced": 0}
    world = World(config(*EVERYTHING))
    world.enter(1, "maintenance", **words)
    moved = world.enter(20 * DAY, "maintenance", **words | {"start": 39 * DAY, "end": 40 * DAY, "sequence": 1})
    assert (moved.data["announced"], moved.verdict) == (at(20 * DAY), "failed")
    words |= {"start": 39 * DAY, "end": 40 * DAY}
    assert world.enter(21 * DAY, "maintenance", **words | {"sequence": 1}) is moved
    renamed = world.enter(22 * DAY, "maintenance", **words | {"title": "Other", "sequence": 2})
    assert (renamed.data["announced"], renamed.verdict) == (at(20 * DAY), "failed")
    told = world.enter(23 * DAY, "maintenance", **words | {"title": "Other", "announced": 10 * DAY, "sequence": 3})
    assert (told.data["announced"], told.verdict) == (at(10 * DAY), "passed")
    assert told.data["history"][-1]["changed"] == {"announced": [at(20 * DAY), at(10 * DAY)]}


def test_when_the_customers_were_told_can_be_put_right() -> None:
    world = World(config(*EVERYTHING))
    words = WORDS | {"class": "low", "start": 20 * DAY, "end": 21 * DAY}
    late = world.enter(1, "maintenance", **words)
    with pytest.raises(EntryError, match="sequence above 0"):
        world.enter(2, "maintenance", **words | {"announced": -10 * DAY})
    right = world.enter(3, "maintenance", **words | {"announced": -10 * DAY, "uid": late.id, "sequence": 1})
    assert (late.verdict, right.verdict, right.data["late"]) == ("failed", "passed", False)


def test_a_window_that_is_entered_when_it_has_begun_begins_once() -> None:
    world = World(config(*EVERYTHING))
    for second, start in ((100, 100), (200, 150)):
        world.enter(second, "maintenance", **WORDS | {"title": f"at {second}", "start": start})
    world.wait(5000)
    assert [state for _, state in records(world)].count("started") == 2


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ({"end": 50}, "it ends before it starts"),
        ({"end": 100}, "it ends before it starts"),
        ({"scope": ["ups-x"]}, "there is no ups-x; did you mean ups-"),
        ({"scope": ["zzz"]}, "there is no zzz; there are mains, feed-a"),
        ({"scope": []}, "scope"),
        ({"class": "urgent"}, "class"),
        ({"announced": 5000}, "announced: this lies in the future"),
        ({"end": 40 * DAY}, "mutes for more than 31 days"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_with_what_there_is(words: dict[str, Any], complaint: str) -> None:
    with pytest.raises(EntryError, match=complaint):
        planned(**words)


def test_a_scope_may_name_groups_controls_and_indicators() -> None:
    world = planned(scope="mains, mains-a")
    assert next(iter(world.judge.records.values())).data["scope"] == ["mains", "mains-a"]
    known = next(view.id for view in world.judge.availability(at(2)))
    scope = [known, known.partition(":")[0]]
    assert world.enter(3, "maintenance", **WORDS | {"title": "Figures", "scope": scope}).data["scope"] == scope


def test_a_clock_that_is_set_moves_no_window() -> None:
    world = planned()
    world.wait(50)
    world.all.extend(world.judge.clock_set(3_600_000, at(3650)))
    world.wait(3700)
    assert records(world)[-2:] == [(3650, "started"), (3650, "over")]


def test_a_shelved_alarm_in_a_window_tells_when_both_are_over() -> None:
    world = planned()
    world.see(200, ("ups-a/ups.on_battery", True))
    world.all.extend(world.judge.shelve("on-battery/ups-a", at(1500), "noisy", "Anna", at(300)))
    world.wait(1499)
    assert world.incidents() == []
    world.wait(1500)
    assert of(world, "ups-a") == [(1500, "opened")]
    assert world.judge.alarms["on-battery/ups-a"].state is AlarmState.ACTIVE


def test_a_clock_starts_with_the_end_of_the_last_window_that_leaves_its_time_out() -> None:
    words = WORDS | {"scope": ["uplink-1"], "class": "low", "announced": -40 * DAY}
    world = World(config(LINK))
    world.see(0, ("uplink-1/if.oper", "up"))
    world.enter(1, "maintenance", **words | {"title": "first", "mute": True})
    world.enter(2, "maintenance", **words | {"title": "second", "start": 500, "end": 2000, "exclude": True})
    world.see(600, ("uplink-1/if.oper", "down"))
    world.wait(1999)
    assert (of(world, "uplink-1"), world.said("clock")) == ([(1000, "opened")], [])
    world.restart(1999.5)
    world.see(1999.6, ("uplink-1/if.oper", "down"))
    world.wait(3000)
    assert world.said("clock") == [(2000, "uplink-1", "started")]


def test_what_was_cancelled_can_be_entered_anew_and_that_is_once_too() -> None:
    world = World(config(*EVERYTHING))
    first = world.enter(1, "maintenance", **WORDS)
    with pytest.raises(EntryError, match="or cancel it first"):
        world.enter(2, "maintenance", **WORDS | {"mute": True})
    world.enter(3, "cancel", record=first.id, reason="wrong")
    anew = world.enter(4, "maintenance", **WORDS | {"mute": True})
    assert (anew.id, anew.data["mute"]) == (f"{first.id}-2", True)
    assert world.enter(5, "maintenance", **WORDS | {"mute": True}).id == anew.id
    assert len([row for row in world.judge.records.values() if row.kind == "maintenance"]) == 2
