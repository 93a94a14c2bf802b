"""What holds for every recurrence: periods follow each other without hole or overlap; a restart changes no line."""

from __future__ import annotations

import datetime as dt
from typing import Any
from zoneinfo import ZoneInfo

from engine_world import T0, World, config
from hypothesis import given, settings
from hypothesis import strategies as st

from dcmon.config.entries import parse_entry
from dcmon.config.recurrence import Calendar, parse_recurrence

ZONES = (
    "Europe/Berlin",
    "Asia/Beirut",
    "America/Sao_Paulo",
    "America/Santiago",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "UTC",
)
EVERY = st.one_of(
    st.sampled_from(["month", "quarter", "half-year", "year"]),
    st.integers(1, 400).map(lambda count: f"{count} days"),
    st.integers(1, 30).map(lambda count: f"{count} months"),
)
DAYS = st.dates(dt.date(1999, 1, 1), dt.date(2040, 12, 31))
DAY = 86_400


@given(EVERY, DAYS, st.sampled_from(ZONES), st.integers(0, 400))
def test_each_period_begins_when_the_one_before_ends_and_every_instant_is_in_one(
    every: str, since: dt.date, zone: str, number: int
) -> None:
    calendar = Calendar(parse_recurrence(every), since, ZoneInfo(zone))
    one, next_one = calendar.period(number), calendar.period(number + 1)
    assert (one.end, one.after) == (next_one.start, next_one.first)
    # Where the date line was moved a whole day does not exist, and a period of that day is empty.
    assert one.start <= one.end
    if one.start < one.end:
        assert calendar.at(one.start) == calendar.at(one.end - 1) == one
    if next_one.start < next_one.end:
        assert calendar.at(one.end) == next_one


@given(EVERY, DAYS, st.sampled_from(ZONES), st.integers(-(10**9), 10**12))
def test_an_instant_is_in_the_period_that_says_so(every: str, since: dt.date, zone: str, later: int) -> None:
    calendar = Calendar(parse_recurrence(every), since, ZoneInfo(zone))
    first = calendar.period(0)
    found = calendar.at(first.start + later)
    assert (found is None) == (later < 0)
    if found is not None:
        assert found.start <= first.start + later < found.end
        assert calendar.period(found.number) == found


def _lines(world: World) -> list[tuple[Any, ...]]:
    return [
        (one.ts, one.type, one.subject, one.state, one.reason)
        for one in world.all.transitions
        if one.type in ("alarm", "task", "record")
    ]


@given(
    st.sampled_from(["month", "3 days", "10 days"]),
    st.sampled_from(["0s", "1d", "2d"]),
    st.lists(st.tuples(st.integers(0, 120), st.booleans()), max_size=8, unique_by=lambda done: done[0]),
    st.lists(st.integers(0, 125), max_size=4),
)
@settings(max_examples=60, deadline=None)
def test_a_restart_in_the_midst_changes_no_line_of_the_register(
    every: str, grace: str, done: list[tuple[int, bool]], restarts: list[int]
) -> None:
    duty = {"id": "test", "name": {"de": "Probe", "en": "test"}, "class": "power", "assets": ["genset-a"],
            "every": every, "grace": grace, "since": "2026-11-01"}  # fmt: skip
    made = config(register={"duties": [duty]})
    plain, restarted = World(made), World(made)
    for world in (plain, restarted):
        world.wait(0)
        events = [(day * DAY + 100, passed) for day, passed in done]
        moments = [(day * DAY + 50, None) for day in restarts if world is restarted]
        for second, passed in sorted([*events, *moments], key=lambda event: event[0]):
            world.wait(second)
            if passed is None:
                world.restart(second)
                world.wait(second)
                continue
            result = "passed" if passed else "failed"
            entry = parse_entry({"kind": "duty", "by": "anna", "duty": "test", "note": "x", "result": result})
            world.all.extend(world.judge.enter(entry, T0 + second * 1000)[1])
        world.wait(130 * DAY)
    assert _lines(plain) == _lines(restarted)
