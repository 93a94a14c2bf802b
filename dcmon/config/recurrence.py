"""How often a duty comes round, in terms of the calendar of the site. Pure.

`month`, `quarter`, `half-year` and `year` are those of the calendar; what begins in the midst of one has until the end
of the next. `N months` and `N days` count from the first day: the 31st of a month that has none is its last day, and
the next one is the 31st again.
"""

from __future__ import annotations

import datetime as dt
import re
from calendar import monthrange
from typing import Annotated, Any, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from dcmon.config.localtime import local, midnight

_CALENDAR = {"month": 1, "quarter": 3, "half-year": 6, "year": 12}
_COUNTED = re.compile(r"([1-9]\d{0,3}) (days?|months?)")
_DAY = dt.timedelta(days=1)
_LONGEST_DAYS = 3660


class Recurrence(NamedTuple):
    """Every so many months or days. `aligned`: the months are those of the calendar."""

    months: int
    days: int
    aligned: bool

    def __str__(self) -> str:
        if self.aligned:
            return next(word for word, months in _CALENDAR.items() if months == self.months)
        count, unit = (self.months, "month") if self.months else (self.days, "day")
        return f"{count} {unit}{'s' * (count != 1)}"

    @property
    def shortest_days(self) -> int:
        """The fewest days that one can have."""
        return self.days or 28 * self.months


def parse_recurrence(text: Any) -> Recurrence:
    """`month`, `quarter`, `half-year`, `year`, or such as `10 days` and `2 months`. ValueError says what may stand."""
    if isinstance(text, Recurrence):
        return text
    if isinstance(text, str) and text in _CALENDAR:
        return Recurrence(_CALENDAR[text], 0, aligned=True)
    match = _COUNTED.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is no recurrence; write month, quarter, half-year, year, or for example 10 days")
    count = int(match[1])
    found = Recurrence(count, 0, aligned=False) if match[2].startswith("month") else Recurrence(0, count, aligned=False)
    if found.shortest_days > _LONGEST_DAYS:
        raise ValueError(f"{text!r} is more than ten years; write a shorter one")
    return found


Every = Annotated[
    Recurrence,
    BeforeValidator(parse_recurrence),
    PlainSerializer(str, return_type=str),
    WithJsonSchema(
        {
            "type": "string",
            "pattern": r"^(month|quarter|half-year|year|[1-9]\d* (days?|months?))$",
            "examples": ["month", "quarter", "10 days"],
        }
    ),
]
"""A Recurrence; written `month`, `quarter`, `half-year`, `year`, `10 days`, `2 months`."""


class Period(NamedTuple):
    """One round, half-open; `first` and `after` are its first day and the day after its last one, local."""

    number: int
    first: dt.date
    after: dt.date
    start: int
    end: int


class Calendar:
    """The periods of one duty, numbered from 0; the first begins with the day `since`."""

    def __init__(self, every: Recurrence, since: dt.date, zone: ZoneInfo) -> None:
        self._every = every
        self._since = since
        self._zone = zone
        self._base = self._aligned_number(since)
        self._skipped = int(every.aligned and self._aligned_day(self._base) != since)

    def period(self, number: int) -> Period:
        """The period of a number from 0 on."""
        first, after = self._day(number), self._day(number + 1)
        return Period(number, first, after, midnight(first, self._zone), midnight(after, self._zone))

    def at(self, now: int) -> Period | None:
        """The period in which an instant (ms UTC) lies; None before the first."""
        # What follows from the local date can be a day off where a day begins with a jump of the clock.
        day = local(now, self._zone).date()
        number = max(self._number(day), 0)
        while number > 0 and midnight(self._day(number), self._zone) > now:
            number -= 1
        while midnight(self._day(number + 1), self._zone) <= now:
            number += 1
        found = self.period(number)
        return found if found.start <= now else None

    def _day(self, number: int) -> dt.date:
        """The first day of a period."""
        every = self._every
        if number <= 0:
            return self._since
        if every.days:
            return self._since + number * every.days * _DAY
        if every.aligned:
            return self._aligned_day(self._base + self._skipped + number)
        months = self._since.year * 12 + self._since.month - 1 + number * every.months
        year, month = divmod(months, 12)
        return dt.date(year, month + 1, min(self._since.day, monthrange(year, month + 1)[1]))

    def _number(self, day: dt.date) -> int:
        """The number of the period in which a day lies, or the one after it."""
        every = self._every
        if every.days:
            return (day - self._since).days // every.days
        if every.aligned:
            return self._aligned_number(day) - self._base - self._skipped
        return ((day.year - self._since.year) * 12 + day.month - self._since.month) // every.months

    def _aligned_number(self, day: dt.date) -> int:
        return (day.year * 12 + day.month - 1) // max(self._every.months, 1)

    def _aligned_day(self, number: int) -> dt.date:
        year, month = divmod(number * self._every.months, 12)
        return dt.date(year, month + 1, 1)
