"""Who is on duty."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from notify_world import holes

from dcmon.config.people import Roster
from dcmon.config.roster import Watch, members_of, on_duty, schedule

BERLIN = "Europe/Berlin"


def roster(**fields: Any) -> Roster:
    return Roster.model_validate({"id": "noc", "name": "NOC", **fields})


def at(text: str, fold: int = 0) -> int:
    moment = dt.datetime.fromisoformat(text)
    return int(moment.replace(tzinfo=ZoneInfo(BERLIN), fold=fold).timestamp() * 1000)


def hours(start: int, end: int) -> float:
    return (end - start) / 3_600_000


DAY_AND_NIGHT = roster(
    shifts=[
        {"person": "day", "start": "08:00", "end": "20:00"},
        {"person": "night", "start": "20:00", "end": "08:00"},
    ]
)


@pytest.mark.parametrize(
    ("moment", "person"),
    [
        ("2026-11-23T07:59:59.999", "night"),
        ("2026-11-23T08:00:00", "day"),
        ("2026-11-23T19:59:59.999", "day"),
        ("2026-11-23T20:00:00", "night"),
        ("2026-11-24T03:00:00", "night"),
    ],
)
def test_a_shift_begins_with_its_first_instant_and_ends_before_its_last(moment: str, person: str) -> None:
    assert on_duty(DAY_AND_NIGHT, at(moment), BERLIN) == [person]


def test_an_overnight_shift_belongs_to_the_day_it_begins_on() -> None:
    friday_night = roster(shifts=[{"person": "anna", "days": ["fri"], "start": "22:00", "end": "06:00"}])
    assert on_duty(friday_night, at("2026-11-28T05:59:00"), BERLIN) == ["anna"], "Saturday morning"
    assert on_duty(friday_night, at("2026-11-27T05:59:00"), BERLIN) == [], "Friday morning"
    assert on_duty(friday_night, at("2026-11-28T23:00:00"), BERLIN) == [], "Saturday night"


def test_a_shift_without_times_lasts_the_whole_day() -> None:
    assert holes(roster(shifts=[{"person": "anna"}]), at("2026-01-01"), at("2027-01-01"), BERLIN) == []


def test_shifts_at_the_same_time_are_on_duty_together_each_once() -> None:
    both = roster(shifts=[{"person": "anna"}, {"person": "ben"}, {"person": "anna", "start": "08:00", "end": "12:00"}])
    assert on_duty(both, at("2026-11-23T09:00"), BERLIN) == ["anna", "ben"]


def test_overrides_come_before_shifts_and_shifts_before_the_rotation() -> None:
    full = roster(
        shifts=[{"person": "shift", "start": "08:00", "end": "18:00"}],
        rotation={"people": ["turn"], "since": "2026-01-05T08:00:00"},
        overrides=[{"person": "stand-in", "start": "2026-11-23T10:00", "end": "2026-11-23T11:00"}],
    )
    found = [on_duty(full, at(f"2026-11-23T{time}"), BERLIN) for time in ("09:59", "10:00", "11:00", "18:00")]
    assert found == [["shift"], ["stand-in"], ["shift"], ["turn"]]


def test_an_override_may_name_its_own_time_zone() -> None:
    zoned = roster(overrides=[{"person": "anna", "start": "2026-11-23T10:00Z", "end": "2026-11-23T11:00Z"}])
    assert on_duty(zoned, at("2026-11-23T11:30"), BERLIN) == ["anna"]
    assert on_duty(zoned, at("2026-11-23T10:30"), BERLIN) == []


def test_a_rotation_hands_over_at_the_hour_it_began_with_in_winter_and_in_summer() -> None:
    weekly = roster(rotation={"people": ["anna", "ben", "cem"], "since": "2026-01-05T08:00:00"})
    assert on_duty(weekly, at("2026-01-05T07:59:59"), BERLIN) == []
    watches = schedule(weekly, at("2026-01-05T08:00"), at("2026-12-28T08:00"), BERLIN)
    assert [watch.people[0] for watch in watches[:4]] == ["anna", "ben", "cem", "anna"]
    assert len(watches) == 51
    for watch in watches:
        begin = dt.datetime.fromtimestamp(watch.start / 1000, ZoneInfo(BERLIN))
        assert (begin.weekday(), begin.hour, begin.minute) == (0, 8, 0)
    lengths = {hours(watch.start, watch.end) for watch in watches}
    assert lengths == {167.0, 168.0, 169.0}, "the weeks of the two changes of the clock are an hour off"


def test_the_night_of_23_hours_and_the_night_of_25_hours_have_no_hole() -> None:
    for start, end, length in (
        ("2026-03-28T20:00", "2026-03-29T08:00", 11),
        ("2026-10-24T20:00", "2026-10-25T08:00", 13),
    ):
        watches = schedule(DAY_AND_NIGHT, at(start), at(end), BERLIN)
        assert watches == [Watch(at(start), at(end), ("night",))]
        assert hours(watches[0].start, watches[0].end) == length


def test_a_shift_that_begins_in_the_hour_that_does_not_happen_begins_when_the_clock_jumps() -> None:
    early = roster(
        shifts=[
            {"person": "night", "start": "22:00", "end": "02:30"},
            {"person": "early", "start": "02:30", "end": "03:15"},
            {"person": "late", "start": "03:15", "end": "22:00"},
        ]
    )
    jump = at("2026-03-29T03:00")
    watches = schedule(early, at("2026-03-29T00:00"), at("2026-03-29T06:00"), BERLIN)
    assert watches == [
        Watch(at("2026-03-29T00:00"), jump, ("night",)),
        Watch(jump, at("2026-03-29T03:15"), ("early",)),
        Watch(at("2026-03-29T03:15"), at("2026-03-29T06:00"), ("late",)),
    ]


def test_a_shift_that_begins_in_the_hour_that_happens_twice_begins_the_first_time() -> None:
    early = roster(
        shifts=[
            {"person": "night", "start": "22:00", "end": "02:30"},
            {"person": "early", "start": "02:30", "end": "22:00"},
        ]
    )
    first = at("2026-10-25T02:30", fold=0)
    assert on_duty(early, first - 1, BERLIN) == ["night"]
    assert on_duty(early, first, BERLIN) == ["early"]
    assert on_duty(early, at("2026-10-25T02:15", fold=1), BERLIN) == ["early"]


def test_gaps_are_found_to_the_millisecond_and_an_override_fills_its_part() -> None:
    weekdays = roster(
        shifts=[{"person": "anna", "days": ["mon", "tue", "wed", "thu", "fri"]}],
        overrides=[{"person": "ben", "start": "2026-11-28T06:00", "end": "2026-11-29T00:00"}],
    )
    found = holes(weekdays, at("2026-11-23"), at("2026-11-30"), BERLIN)
    assert found == [
        (at("2026-11-28T00:00"), at("2026-11-28T06:00")),
        (at("2026-11-29T00:00"), at("2026-11-30T00:00")),
    ]


def test_everybody_who_takes_a_turn_is_a_member_once() -> None:
    full = roster(
        shifts=[{"person": "a"}, {"person": "b"}],
        rotation={"people": ["b", "c"], "since": "2026-01-05T08:00:00"},
        overrides=[{"person": "d", "start": "2026-11-23T10:00", "end": "2026-11-23T11:00"}],
    )
    assert members_of(full) == ("a", "b", "c", "d")
