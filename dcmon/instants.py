"""Instants as people and files write them. Inside they are integer milliseconds since the Unix epoch, UTC."""

from __future__ import annotations

import datetime as dt

LAST_MS = 250_000_000_000_000
"""In the year 9892: delays that end later can still be written as dates."""
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND = dt.timedelta(milliseconds=1)
_ZONES = "end it with Z for UTC or with an offset such as +01:00"


def utc(ms: int) -> dt.datetime:
    """The instant, to the second; the year 9999 where a broken clock points beyond the calendar."""
    try:
        return dt.datetime.fromtimestamp(ms // 1000, tz=dt.UTC)
    except (OverflowError, ValueError, OSError):
        return dt.datetime.max.replace(tzinfo=dt.UTC)


def iso_utc(ms: int) -> str:
    """ISO 8601 in UTC with milliseconds: `2026-11-23T10:00:00.000Z`."""
    return utc(ms).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"


def parse_instant(text: str) -> int:
    """ms UTC of an ISO 8601 time with a zone; the 60th second of a leap second is the first of the next minute.

    ValueError says what is wrong, and how it should be.
    """
    plain, leap = (f"{text[:16]}:59{text[19:]}", 1000) if text[16:19] == ":60" else (text, 0)
    try:
        moment = dt.datetime.fromisoformat(plain)
    except ValueError:
        if not _is_time(plain[:19]):
            raise ValueError(f"{text!r} is no time; write it as 2026-11-23T10:00:00Z") from None
        raise ValueError(f"{text!r} has no zone that is known; {_ZONES}") from None
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no zone; {_ZONES}")
    ms = (moment - _EPOCH) // _MILLISECOND + leap
    if not 0 <= ms <= LAST_MS:
        raise ValueError(f"{text!r} is not between 1970 and 9892")
    return ms


def _is_time(text: str) -> bool:
    try:
        dt.datetime.fromisoformat(text)
    except ValueError:
        return False
    return len(text) == len("2026-11-23T10:00:00")
