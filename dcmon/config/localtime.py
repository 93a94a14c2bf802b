"""Local times and instants, for whatever is written in the zone of the site: rosters, periods of duties. Pure.

Every local time stands for exactly one instant: one that happens twice (end of summer time) for its first occurrence,
one that does not happen (start of summer time) for the instant at which the clock jumps over it. The mapping never
goes backwards, so that what one stretch ends with is what the next begins with, on days of 23 and 25 hours too.
"""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MS = dt.timedelta(milliseconds=1)


def local(now: int, zone: ZoneInfo) -> dt.datetime:
    """The local time of an instant (ms UTC)."""
    return (_EPOCH + now * _MS).astimezone(zone)


def instant(moment: dt.datetime, zone: ZoneInfo) -> int:
    """Milliseconds UTC of a local time; see the module's docstring for times that happen twice or not at all."""
    if moment.tzinfo is not None:
        return (moment - _EPOCH) // _MS
    at = (moment.replace(tzinfo=zone) - _EPOCH) // _MS
    if local(at, zone).replace(tzinfo=None) == moment.replace(microsecond=moment.microsecond // 1000 * 1000):
        return at
    after = moment.replace(tzinfo=zone, fold=1).utcoffset()
    low, high = (moment.replace(tzinfo=zone, fold=1) - _EPOCH) // _MS, at
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if local(middle, zone).utcoffset() == after else (middle, high)
    return high


def midnight(day: dt.date, zone: ZoneInfo) -> int:
    """The instant (ms UTC) at which a day begins."""
    return instant(dt.datetime.combine(day, dt.time()), zone)
