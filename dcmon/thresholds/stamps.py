"""Times in ids and in text."""

from __future__ import annotations

import datetime as dt


def iso(ts: int) -> str:
    """ISO 8601 in UTC with milliseconds where there are any: `2026-11-23T10:00:05Z`."""
    moment = dt.datetime.fromtimestamp(ts // 1000, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S")
    millis = ts % 1000
    return f"{moment}.{millis:03d}Z" if millis else f"{moment}Z"


def stamp(ts: int) -> str:
    """The same in a form that fits into an id and into a URL: `20261123T100005.123Z`."""
    return iso(ts).replace("-", "").replace(":", "")
