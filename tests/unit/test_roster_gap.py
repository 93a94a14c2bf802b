"""A hole in a roster is an alarm as soon as it is 14 days away, and over when it has passed or is filled."""

from __future__ import annotations

from typing import Any

from engine_world import T0, World, config, rule

from dcmon.model import Transition

GAP = rule("roster_gap", "roster-gap", asset="router-1", **{"class": "monitoring"})
DAY = 86_400


def alarms(world: World) -> list[Transition]:
    return [one for one in world.all.transitions if one.type == "alarm"]


def roster(**fields: Any) -> dict[str, Any]:
    return {"id": "hotline", "name": "Hotline", **fields}


def test_a_filled_roster_is_no_alarm_whatever_the_clock_does() -> None:
    world = World(config(GAP, rosters=[roster(shifts=[{"person": "anna"}])]))
    world.wait(0)
    world.wait(200 * DAY)
    assert alarms(world) == []


def test_a_rotation_that_begins_later_leaves_a_hole_that_is_told_at_once_and_over_when_it_begins() -> None:
    # T0 is 18 November 2026, 12:06:40 in Berlin.
    later = roster(rotation={"people": ["anna"], "since": "2026-11-20T08:00:00"})
    world = World(config(GAP, rosters=[later]))
    world.wait(0)
    world.wait(3 * DAY)
    assert [(one.ts, one.state) for one in alarms(world)] == [
        (T0, "active"), (1_795_158_000_000, "returned"),
    ]  # fmt: skip
    assert alarms(world)[0].reason == (
        "Router 1: roster-gap has tripped: nobody in Hotline from 2026-11-18T11:06:40Z to 2026-11-20T07:00:00Z"
    )


def test_a_hole_ahead_is_told_when_it_is_fourteen_days_away() -> None:
    # Nobody has the Sunday; the first is on 22 November, within sight from the start.
    week = roster(shifts=[{"person": "anna", "days": ["mon", "tue", "wed", "thu", "fri", "sat"]}])
    world = World(config(GAP | {"within": "24h"}, rosters=[week]))
    world.wait(0)
    assert alarms(world) == []
    world.wait(6 * DAY)
    # Saturday 21 November 00:00 to Monday 23 November 00:00, Berlin.
    assert [(one.ts, one.state) for one in alarms(world)] == [
        (1_795_215_600_000, "active"), (1_795_388_400_000, "returned"),
    ]  # fmt: skip


def test_a_roster_that_has_no_hole_is_not_looked_through_for_ever() -> None:
    world = World(config(GAP, rosters=[roster(shifts=[{"person": "anna"}])]))
    world.wait(0)
    assert world.judge.next_due() is None


def test_a_restart_tells_it_once() -> None:
    later = roster(rotation={"people": ["anna"], "since": "2026-11-20T08:00:00"})
    world = World(config(GAP, rosters=[later]))
    world.wait(0)
    world.restart(3600)
    world.wait(3600)
    assert [one.state for one in alarms(world)] == ["active"]
