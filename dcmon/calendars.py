"""Maintenance as iCalendar (RFC 5545): the calendars of others read as entries, the records written as events.

An event needs UID, SUMMARY, DTSTART, an end, a class (CATEGORIES:PSA-LOW or X-DCMON-CLASS) and a scope (RESOURCES or
X-DCMON-SCOPE, ids with commas between). Whatever is not understood is refused with its line: half an event understood
would mute the wrong hours.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

from dcmon.instants import iso_utc, utc
from dcmon.model import Record

_Event: TypeAlias = Any
"""icalendar's Event, whose properties may be of any of its types."""

_CLASSES = {"no": "no", "none": "no", "nein": "no", "low": "low", "gering": "low", "high": "high", "hoch": "high"}
_TRUTHS = {"TRUE": True, "YES": True, "1": True, "FALSE": False, "NO": False, "0": False}
_OWN = frozenset({"CLASS", "SCOPE", "MUTE", "EXCLUDE", "WITH-FED", "ANNOUNCED"})
_SERIES = ("RRULE", "RDATE", "EXDATE", "EXRULE", "RECURRENCE-ID")
_MOST_TEXT = 4000
_FAULTS = (ValueError, TypeError, LookupError, AttributeError, OverflowError)
"""What icalendar and datetime raise on files that are not what they say."""


class Found(NamedTuple):
    """One event of a calendar: the words of an entry, or what is wrong with it."""

    line: int
    name: str
    words: dict[str, Any] | None
    problem: str = ""

    def __str__(self) -> str:
        return f"line {self.line}: {self.name}: {self.problem}"


class _OddError(ValueError):
    """What is not understood of an event."""


def read_calendar(text: str, timezone: str, by: str) -> list[Found]:
    """The events of a file as entries of `by`. Times without a zone and whole days are local (`timezone`)."""
    from icalendar import Calendar

    lines = [number for number, line in enumerate(text.splitlines(), 1) if line.strip().upper() == "BEGIN:VEVENT"]
    try:
        calendars: Any = Calendar.from_ical(text, multiple=True)
    except _FAULTS as error:
        return [Found(1, "the file", None, f"this is no calendar ({error})")]
    found: list[Found] = []
    for calendar in calendars:
        cancels = str(calendar.get("METHOD", "")).upper() == "CANCEL"
        for event in calendar.walk("VEVENT"):
            line = lines[len(found)] if len(found) < len(lines) else len(text.splitlines())
            name = str(event.get("SUMMARY") or event.get("UID") or "an event without a name")
            try:
                found.append(Found(line, name, _words(event, ZoneInfo(timezone), by, cancelled=cancels)))
            except _FAULTS as error:
                found.append(Found(line, name, None, str(error) or "it cannot be read"))
    return found or [Found(1, "the file", None, "there is no event in it")]


def write_calendar(records: Iterable[Record], site: str) -> bytes:
    """The windows of maintenance as one calendar; `read_calendar` takes it back unchanged."""
    from icalendar import Calendar, Event

    calendar: Any = Calendar()
    for name, value in (("PRODID", "-//dcmon//maintenance//EN"), ("VERSION", "2.0"), ("X-WR-CALNAME", site)):
        calendar.add(name, value)
    for record in sorted(records, key=lambda row: (row.started, row.id)):
        data = record.data
        event: _Event = Event()
        changed = data["history"][-1]["at"] if data["history"] else data["announced"]
        event.add("UID", record.subject)
        event.add("SEQUENCE", data["sequence"])
        event.add("DTSTAMP", utc(changed))
        event.add("DTSTART", utc(record.started))
        event.add("DTEND", utc(record.ended or record.started))
        event.add("SUMMARY", data["title"])
        event.add("CATEGORIES", [f"PSA-{data['class'].upper()}"])
        event.add("RESOURCES", list(data["scope"]))
        event.add("STATUS", "CANCELLED" if record.state == "void" else "CONFIRMED")
        event.add("TRANSP", "TRANSPARENT")
        for name, value in (("CONTACT", data["contact"]), ("DESCRIPTION", data["text"])):
            if value:
                event.add(name, value)
        for name in ("mute", "exclude", "with_fed"):
            event.add(f"X-DCMON-{name.replace('_', '-').upper()}", str(data[name]).upper())
        event.add("X-DCMON-ANNOUNCED", iso_utc(data["announced"]))
        calendar.add_component(event)
    content: bytes = calendar.to_ical()
    return content


def _words(event: _Event, zone: ZoneInfo, by: str, *, cancelled: bool) -> dict[str, Any]:
    for name, problem in event.errors:
        raise _OddError(f"{name}: {problem}")
    uid = str(event.get("UID") or "")
    if not uid:
        raise _OddError("it has no UID, so nobody could tell it from its next version")
    if cancelled or str(event.get("STATUS", "")).upper() == "CANCELLED":
        return {"kind": "cancel", "by": by, "record": uid, "reason": "cancelled in the calendar"}
    series = next((name for name in _SERIES if name in event), None)
    if series is not None:
        raise _OddError(f"{series}: a series is not taken; enter each window with its own announcement")
    unknown = [name for name in event if name.upper().startswith("X-DCMON-") and name.upper()[8:] not in _OWN]
    if unknown:
        raise _OddError(f"{unknown[0]} is not known; known are X-DCMON-{', X-DCMON-'.join(sorted(_OWN))}")
    start, end = _times(event, zone)
    words: dict[str, Any] = {
        "kind": "maintenance", "by": by, "uid": uid, "title": str(event.get("SUMMARY") or uid)[:200],
        "class": _class(event), "start": start.isoformat(), "end": end.isoformat(), "scope": _scope(event),
        "sequence": int(event.get("SEQUENCE", 0)), "text": str(event.get("DESCRIPTION", ""))[:_MOST_TEXT],
        "contact": _contact(event),
    }  # fmt: skip
    for name in ("MUTE", "EXCLUDE", "WITH-FED"):
        words[name.lower().replace("-", "_")] = _truth(event, name)
    if "X-DCMON-ANNOUNCED" in event:
        words["announced"] = str(event["X-DCMON-ANNOUNCED"])
    return words


def _times(event: _Event, zone: ZoneInfo) -> tuple[dt.datetime, dt.datetime]:
    if "DTSTART" not in event:
        raise _OddError("it has no DTSTART")
    start = _moment(event, "DTSTART", zone)
    if "DTEND" in event:
        return start, _moment(event, "DTEND", zone)
    if "DURATION" in event:
        length = event["DURATION"].dt
        # Days are counted on the calendar, hours by the clock (RFC 5545, 3.3.6): a day of 25 hours is one day.
        days = dt.timedelta(days=length.days)
        there = (start.astimezone(zone) + days).astimezone(dt.UTC)
        return start, there + (length - days)
    if type(event["DTSTART"].dt) is dt.date:
        return start, _midnight(event["DTSTART"].dt + dt.timedelta(days=1), zone)
    raise _OddError("it has neither DTEND nor DURATION")


def _moment(event: _Event, name: str, zone: ZoneInfo) -> dt.datetime:
    """In UTC."""
    said = event[name]
    if isinstance(said, list):
        raise _OddError(f"{name} stands in it twice")
    moment = said.dt
    if type(moment) is dt.date:
        return _midnight(moment, zone)
    named = said.params.get("TZID")
    if moment.tzinfo is None and named is not None:
        raise _OddError(f"{name}: the time zone {named} is not known, and the file does not define it")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    there: dt.datetime = moment.astimezone(dt.UTC)
    return there


def _midnight(day: dt.date, zone: ZoneInfo) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(0), zone).astimezone(dt.UTC)


def _class(event: _Event) -> str:
    own = event.get("X-DCMON-CLASS")
    named = [str(own)] if own is not None else list(_listed(event.get("CATEGORIES")))
    words = [re.sub(r"^psa[\s:_-]*", "", name.strip().lower()) for name in named]
    found = {_CLASSES[word] for word in words if word in _CLASSES}
    if len(found) != 1:
        what = f"{', '.join(named)} is no class" if named else "it has no class"
        raise _OddError(f"{what}; write CATEGORIES:PSA-NO, PSA-LOW or PSA-HIGH, or X-DCMON-CLASS")
    return found.pop()


def _scope(event: _Event) -> list[str]:
    said = event.get("X-DCMON-SCOPE", event.get("RESOURCES"))
    names = [name.strip() for part in _listed(said) for name in part.split(",") if name.strip()]
    if not names:
        raise _OddError("it has no scope; write ids of assets, groups, controls or indicators into RESOURCES")
    return names


def _listed(value: Any) -> Iterator[str]:
    """The texts of a property that may stand several times, and may be a list each time."""
    if value is None:
        return
    for one in value if isinstance(value, list) else [value]:
        yield from (str(part) for part in getattr(one, "cats", [one]))


def _contact(event: _Event) -> str:
    organizer = event.get("ORGANIZER")
    if "CONTACT" in event:
        return ", ".join(_listed(event["CONTACT"]))[:200]
    if organizer is None:
        return ""
    name = str(getattr(organizer, "params", {}).get("CN", ""))
    return f"{name} {str(organizer).removeprefix('mailto:').removeprefix('MAILTO:')}".strip()[:200]


def _truth(event: _Event, name: str) -> bool:
    word = str(event.get(f"X-DCMON-{name}", "FALSE")).strip().upper()
    if word not in _TRUTHS:
        raise _OddError(f"X-DCMON-{name}: {word} is neither TRUE nor FALSE")
    return _TRUTHS[word]
