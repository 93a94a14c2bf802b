"""The calendar of duties: months of any length, leap days, summer time, days that begin with a jump of the clock."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from dcmon.config.recurrence import Calendar, parse_recurrence

BERLIN = ZoneInfo("Europe/Berlin")


def days(every: str, since: str, count: int = 6, zone: ZoneInfo = BERLIN) -> list[str]:
    calendar = Calendar(parse_recurrence(every), dt.date.fromisoformat(since), zone)
    return [str(calendar.period(number).first) for number in range(count)]


def ms(text: str) -> int:
    return round(dt.datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize(
    ("every", "since", "wanted"),
    [
        ("month", "2026-01-01", ["2026-01-01", "2026-02-01", "2026-03-01"]),
        ("month", "2026-01-30", ["2026-01-30", "2026-03-01", "2026-04-01"]),
        ("quarter", "2026-02-15", ["2026-02-15", "2026-07-01", "2026-10-01"]),
        ("half-year", "2026-01-01", ["2026-01-01", "2026-07-01", "2027-01-01"]),
        ("year", "2024-06-01", ["2024-06-01", "2026-01-01", "2027-01-01"]),
        ("1 month", "2028-01-31", ["2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30"]),
        ("12 months", "2028-02-29", ["2028-02-29", "2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]),
        ("10 days", "2028-02-25", ["2028-02-25", "2028-03-06", "2028-03-16"]),
        ("1 day", "2026-03-28", ["2026-03-28", "2026-03-29", "2026-03-30"]),
    ],
)
def test_periods_follow_the_calendar(every: str, since: str, wanted: list[str]) -> None:
    assert days(every, since, len(wanted)) == wanted


def test_what_begins_in_the_midst_of_a_month_has_until_the_end_of_the_next() -> None:
    calendar = Calendar(parse_recurrence("month"), dt.date(2026, 1, 30), BERLIN)
    first = calendar.period(0)
    assert (first.first, first.after, first.end) == (
        dt.date(2026, 1, 30), dt.date(2026, 3, 1), ms("2026-03-01T00:00:00+01:00"),
    )  # fmt: skip


def test_a_period_ends_at_local_midnight_in_summer_and_in_winter() -> None:
    calendar = Calendar(parse_recurrence("month"), dt.date(2026, 1, 1), BERLIN)
    assert calendar.period(2).end == ms("2026-04-01T00:00:00+02:00")
    assert calendar.period(9).end - calendar.period(9).start == (31 * 24 + 1) * 3_600_000
    assert calendar.period(2).end - calendar.period(2).start == (31 * 24 - 1) * 3_600_000


def test_before_its_first_day_there_is_no_period_and_its_last_instant_is_in_it() -> None:
    calendar = Calendar(parse_recurrence("month"), dt.date(2026, 5, 1), BERLIN)
    start = ms("2026-05-01T00:00:00+02:00")
    assert calendar.at(start - 1) is None
    june = ms("2026-06-01T00:00:00+02:00")
    numbers = [found.number for at in (start, june - 1, june) if (found := calendar.at(at)) is not None]
    assert numbers == [0, 0, 1]


def test_a_day_that_begins_with_a_jump_of_the_clock_begins_with_the_jump() -> None:
    # In Beirut the clock goes from 00:00 to 01:00 on 29 March 2026.
    calendar = Calendar(parse_recurrence("1 day"), dt.date(2026, 3, 27), ZoneInfo("Asia/Beirut"))
    jump = calendar.period(2)
    assert jump.start == ms("2026-03-28T22:00:00+00:00")
    before, after = calendar.at(jump.start - 1), calendar.at(jump.start)
    assert before is not None and before.number == 1
    assert after == jump


@pytest.mark.parametrize("text", ["monthly", "0 days", "-1 days", "1.5 months", "every month", 30, "4000 days", ""])
def test_a_recurrence_that_makes_no_sense_is_refused_with_what_may_stand_there(text: object) -> None:
    with pytest.raises(ValueError, match="write "):
        parse_recurrence(text)
