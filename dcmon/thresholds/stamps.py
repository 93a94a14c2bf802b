"""Times in ids and in text."""

from __future__ import annotations

from dcmon.instants import iso_utc


def iso(ts: int) -> str:
    """ISO 8601 in UTC with milliseconds where there are any: `2026-11-23T10:00:05Z`."""
    return iso_utc(ts).replace(".000Z", "Z")


def stamp(ts: int) -> str:
    """The same in a form that fits into an id and into a URL: `20261123T100005.123Z`."""
    return iso(ts).replace("-", "").replace(":", "")
