"""How values, spans and times are written for people: German or English, local time of the site."""

from __future__ import annotations

import datetime as dt
import math
from zoneinfo import ZoneInfo

from dcmon.instants import utc
from dcmon.model import Value

_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_SCALED = frozenset({"W", "bit/s", "B", "Wh"})
"""Units whose values are written with a prefix."""
_SHOWN = {"degC": "°C", "1": "", "bit/s": "bit/s"}
_DIGITS = {"V": 0, "%": 0, "rpm": 0, "Hz": 1, "degC": 1, "A": 1, "kPa": 0, "l": 0}


def number(value: float, digits: int, lang: str) -> str:
    """A plain number; a comma before the decimals in German."""
    if not math.isfinite(value):
        return "?"
    text = f"{value:.{digits}f}"
    if float(text) == 0:
        text = text.lstrip("-")
    return text.replace(".", ",") if lang == "de" else text


def quantity(value: float, unit: str | None, lang: str) -> str:
    """A value with its unit: 4.2 kW, 231 V, 9,4 Gbit/s. Units stay SI, prefixes keep it short."""
    if unit in _SCALED:
        for size, prefix in _PREFIXES:
            if abs(value) >= size:
                scaled = value / size
                return f"{number(scaled, 0 if abs(scaled) >= 100 else 1, lang)} {prefix}{unit}"
    digits = _DIGITS.get(unit or "", 0 if float(value).is_integer() else 1)
    shown = _SHOWN.get(unit or "", unit or "")
    return f"{number(value, digits, lang)} {shown}".rstrip()


def anything(value: Value, unit: str | None, lang: str) -> str:
    """Whatever a point can say; a word stays the word."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return {"de": ("nein", "ja")}.get(lang, ("no", "yes"))[value]
    return quantity(value, unit, lang) if isinstance(value, int | float) else value


def span(ms: int) -> str:
    """A length of time in two SI units: 42 s, 3 min 05 s, 2 h 05 min, 3 d 04 h. static/dcmon.js writes ages alike."""
    seconds = max(0, ms) // 1000
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60:02d} s"
    if seconds < 86_400:
        return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min"
    return f"{seconds // 86_400} d {seconds % 86_400 // 3600:02d} h"


def shorten(text: str, width: int) -> str:
    """At most `width` characters, cut with an ellipsis."""
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"


class LocalTime:
    """Times of day as the people at the site read them."""

    def __init__(self, timezone: str, lang: str) -> None:
        self._zone = ZoneInfo(timezone)
        self._date, self._day = ("%d.%m.%Y", "%d.%m.") if lang == "de" else ("%d %b %Y", "%d %b")

    def _local(self, ms: int) -> dt.datetime:
        try:
            return utc(ms).astimezone(self._zone)
        except OverflowError:
            return utc(ms)

    def clock(self, ms: int) -> str:
        """14:03:22"""
        return self._local(ms).strftime("%H:%M:%S")

    def date(self, ms: int) -> str:
        """23.11.2026"""
        return self._local(ms).strftime(self._date)

    def moment(self, ms: int, now: int) -> str:
        """The time of day; day and month, or the whole date, before it when it is not today or not this year."""
        local, today = self._local(ms), self._local(now)
        if local.date() == today.date():
            return local.strftime("%H:%M:%S")
        date = self._day if local.year == today.year else self._date
        return local.strftime(f"{date} %H:%M")

    def full(self, ms: int) -> str:
        """23.11.2026 14:03:22 CET"""
        return self._local(ms).strftime(f"{self._date} %H:%M:%S %Z")
