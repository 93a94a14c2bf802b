"""Who is on duty: overrides before shifts before the rotation. Pure.

Rosters are written in local time, decisions are made in instants (`localtime` says which): what one shift ends with is
what the next begins with, on days of 23 and 25 hours too, without a hole or an overlap that the file does not have.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from zoneinfo import ZoneInfo

from dcmon.config.localtime import instant, local
from dcmon.config.people import Override, Roster, Rotation, Shift

_DAY = dt.timedelta(days=1)
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Watch(NamedTuple):
    """A stretch of time (ms UTC, half-open) with the same people on duty; nobody: a hole."""

    start: int
    end: int
    people: tuple[str, ...]


def on_duty(roster: Roster, now: int, timezone: str) -> list[str]:
    """Ids of the people on duty at `now` (ms UTC), in the roster's order; empty where the roster has a hole."""
    zone = ZoneInfo(timezone)
    return _overriding(roster, now, zone) or _in_shift(roster, now, zone) or _in_rotation(roster, now, zone)


def members_of(roster: Roster) -> tuple[str, ...]:
    """Everybody who ever takes a turn."""
    rotation = roster.rotation.people if roster.rotation is not None else ()
    shifts = [shift.person for shift in roster.shifts]
    return tuple(_unique([*shifts, *rotation, *(override.person for override in roster.overrides)]))


def schedule(roster: Roster, start: int, end: int, timezone: str) -> list[Watch]:
    """Who is on duty from `start` until `end` (ms UTC), without gaps between the watches; holes have no people."""
    zone = ZoneInfo(timezone)
    cuts = sorted({start, *(cut for cut in _cuts(roster, start, end, zone) if start < cut < end)})
    watches: list[Watch] = []
    for begin, until in zip(cuts, [*cuts[1:], end], strict=True):
        if begin >= until:
            continue
        people = tuple(on_duty(roster, begin, timezone))
        if watches and watches[-1].people == people:
            watches[-1] = watches[-1]._replace(end=until)
        else:
            watches.append(Watch(begin, until, people))
    return watches


def _overriding(roster: Roster, now: int, zone: ZoneInfo) -> list[str]:
    return _unique(
        override.person
        for override in roster.overrides
        if instant(override.start, zone) <= now < instant(override.end, zone)
    )


def _in_shift(roster: Roster, now: int, zone: ZoneInfo) -> list[str]:
    today = local(now, zone).date()
    return _unique(
        shift.person
        for shift in roster.shifts
        for start, end in (_bounds(shift, today - _DAY, zone), _bounds(shift, today, zone))
        if start <= now < end
    )


def _in_rotation(roster: Roster, now: int, zone: ZoneInfo) -> list[str]:
    rotation = roster.rotation
    if rotation is None:
        return []
    since = _wall(rotation.since, zone)
    turn = (local(now, zone).date() - since.date()).days // rotation.period_days
    if now < _handover(rotation, turn, zone):
        turn -= 1
    return [rotation.people[turn % len(rotation.people)]] if turn >= 0 else []


def _cuts(roster: Roster, start: int, end: int, zone: ZoneInfo) -> Iterator[int]:
    """Every instant about `start` to `end` at which the people on duty may change."""
    for override in roster.overrides:
        yield from _override_bounds(override, zone)
    first, last = local(start, zone).date() - _DAY, local(end, zone).date()
    for offset in range((last - first).days + 1):
        for shift in roster.shifts:
            yield from _bounds(shift, first + offset * _DAY, zone)
    if (rotation := roster.rotation) is not None:
        begin = _wall(rotation.since, zone).date()
        turns = range((first - begin).days // rotation.period_days, (last - begin).days // rotation.period_days + 1)
        for turn in turns:
            if turn >= 0:
                yield _handover(rotation, turn, zone)


def _bounds(shift: Shift, day: dt.date, zone: ZoneInfo) -> tuple[int, int]:
    """The shift that begins on `day`; of no length on days it does not have."""
    start = instant(dt.datetime.combine(day, shift.start), zone)
    if _WEEKDAYS[day.weekday()] not in shift.days:
        return start, start
    last = day if shift.end > shift.start else day + _DAY
    return start, instant(dt.datetime.combine(last, shift.end), zone)


def _override_bounds(override: Override, zone: ZoneInfo) -> tuple[int, int]:
    return instant(override.start, zone), instant(override.end, zone)


def _handover(rotation: Rotation, turn: int, zone: ZoneInfo) -> int:
    return instant(_wall(rotation.since, zone) + turn * rotation.period_days * _DAY, zone)


def _wall(moment: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """Local time without a zone, whichever way the file wrote it."""
    return moment if moment.tzinfo is None else moment.astimezone(zone).replace(tzinfo=None)


def _unique(people: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(people))
