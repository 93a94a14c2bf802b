"""Rosters over days of 23, 24 and 25 hours."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from notify_world import holes

from dcmon.config.people import Roster, Rotation, Shift
from dcmon.config.roster import on_duty, schedule

ZONES = [
    "Europe/Berlin",
    "UTC",
    "America/St_Johns",
    "America/Santiago",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "Pacific/Apia",
]
HOUR = 3_600_000
instants = st.datetimes(dt.datetime.fromisoformat("2011-11-01"), dt.datetime.fromisoformat("2028-01-01")).map(
    lambda moment: int(moment.replace(tzinfo=dt.UTC).timestamp() * 1000)
)
times = st.times().map(lambda time: time.replace(microsecond=0))


@settings(max_examples=60)
@given(st.lists(times, min_size=1, max_size=4, unique=True), instants, st.sampled_from(ZONES))
def test_shifts_that_meet_leave_no_hole_and_never_overlap_whatever_the_clock_does(
    cuts: list[dt.time], start: int, zone: str
) -> None:
    cuts.sort()
    turns = [*pairwise(cuts), (cuts[-1], cuts[0])]
    shifts = tuple(Shift(person=f"p{number}", start=begin, end=end) for number, (begin, end) in enumerate(turns))
    roster = Roster(id="r", name="r", shifts=shifts)
    end = start + 9 * 24 * HOUR
    assert holes(roster, start, end, zone) == []
    assert all(len(watch.people) == 1 for watch in schedule(roster, start, end, zone))


@settings(max_examples=60)
@given(instants, st.integers(1, 14), st.integers(1, 5), st.sampled_from(ZONES), instants)
def test_a_rotation_has_exactly_one_person_from_its_beginning_on(
    since: int, period: int, count: int, zone: str, moment: int
) -> None:
    begin = dt.datetime.fromtimestamp(since / 1000, dt.UTC)
    people = tuple(f"p{number}" for number in range(count))
    roster = Roster(id="r", name="r", rotation=Rotation(people=people, period_days=period, since=begin))
    on = on_duty(roster, moment, zone)
    assert len(on) == (1 if moment >= since else 0)
    later = schedule(roster, since, since + 60 * 24 * HOUR, zone)
    if count > 1:
        turns = [int(watch.people[0][1:]) for watch in later]
        assert all(following == (turn + 1) % count for turn, following in pairwise(turns))


@settings(max_examples=60)
@given(
    st.lists(
        st.builds(
            Shift,
            person=st.sampled_from(["a", "b"]),
            days=st.sets(st.sampled_from(["mon", "wed", "sat", "sun"]), min_size=1).map(tuple),
            start=times,
            end=times,
        ),
        max_size=4,
    ),
    instants,
    st.sampled_from(ZONES),
    st.lists(st.integers(0, 8 * 24 * HOUR - 1), max_size=20),
)
def test_the_schedule_says_of_every_instant_what_on_duty_says_of_it(
    shifts: list[Shift], start: int, zone: str, probes: list[int]
) -> None:
    roster = Roster(id="r", name="r", shifts=tuple(shifts))
    end = start + 8 * 24 * HOUR
    watches = schedule(roster, start, end, zone)
    assert (watches[0].start, watches[-1].end) == (start, end)
    assert all(one.end == other.start and one.people != other.people for one, other in pairwise(watches))
    for probe in probes:
        at = start + probe
        (watch,) = [watch for watch in watches if watch.start <= at < watch.end]
        assert list(watch.people) == on_duty(roster, at, zone)


def test_a_hand_over_on_a_day_that_the_calendar_leaves_out_is_at_the_instant_at_which_it_is_skipped() -> None:
    skipped = int(dt.datetime(2011, 12, 30, 10, tzinfo=dt.UTC).timestamp() * 1000)
    turns = {"a": ("thu", dt.time(8), dt.time(12)), "b": ("thu", dt.time(12), dt.time(12)),
             "c": ("fri", dt.time(12), dt.time(12)), "d": ("sat", dt.time(12), dt.time(12))}  # fmt: skip
    shifts = tuple(Shift(person=who, days=(day,), start=at, end=until) for who, (day, at, until) in turns.items())
    watches = schedule(
        Roster(id="r", name="r", shifts=shifts), skipped - 20 * HOUR, skipped + 30 * HOUR, "Pacific/Apia"
    )
    assert [(watch.people, watch.end - skipped) for watch in watches if watch.people] == [
        (("a",), -12 * HOUR), (("b",), 0), (("c",), 12 * HOUR), (("d",), 30 * HOUR),
    ]  # fmt: skip
