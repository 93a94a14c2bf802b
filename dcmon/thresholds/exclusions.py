"""Planned maintenance that does not count: what the agreement allows, and only inside the announced window (T25)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from zoneinfo import ZoneInfo

from dcmon.model import Record
from dcmon.thresholds.intervals import IndicatorView

NOTICE_DAYS = 28
"""A window of class low or high is announced so many days before its start, counted in local calendar days."""
CLASSES = frozenset({"low", "high"})


def excluding(view: IndicatorView, records: Iterable[Record], timezone: str) -> list[Record]:
    """The windows of maintenance that the figures of an indicator leave out.

    A window counts when it was entered to be left out (`exclude`), is of class low or high, was announced in time, was
    not cancelled, and names the indicator, its control or its asset or group.
    """
    return [
        record for record in records if record.ended is not None and _names(record, view) and excludes(record, timezone)
    ]


def excludes(record: Record, timezone: str) -> bool:
    """Whether a window of maintenance is left out of the figures of what it names."""
    data = record.data
    return (
        record.state != "void"
        and bool(data.get("exclude"))
        and data.get("class") in CLASSES
        and announced_in_time(record.started, data.get("announced"), timezone)
    )


def announced_in_time(start: int, announced: int | None, timezone: str) -> bool:
    """Whether `announced` (ms UTC) lies at least 28 days before `start`: the same time of day, local, 28 days later."""
    if announced is None:
        return False
    zone = ZoneInfo(timezone)
    local = dt.datetime.fromtimestamp(announced / 1000, zone)
    due = dt.datetime.combine(local.date() + dt.timedelta(days=NOTICE_DAYS), local.time(), zone)
    return start >= round(due.timestamp() * 1000)


def _names(record: Record, view: IndicatorView) -> bool:
    scope = record.data.get("scope", ())
    return view.id in scope or view.control in scope or (bool(view.subject) and view.subject in scope)
