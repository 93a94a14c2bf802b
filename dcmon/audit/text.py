"""How a report writes figures, times and names: shares never rounded up, an hour that comes twice with its zone."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from dcmon.audit.manifest import Proved
from dcmon.config.config import Config
from dcmon.config.vocabulary import vocabulary
from dcmon.instants import utc
from dcmon.model import SeriesKey, Value
from dcmon.thresholds.availability import cut_share
from dcmon.web.text import anything, number, quantity, span
from dcmon.web.words import Words

DASH = "–"
_EPOCH_MS = 1_000_000_000_000
"""Whole numbers from here on (September 2001) are instants in the data of records."""
_ZONES = {"CET": "MEZ", "CEST": "MESZ"}


class Format:
    """Writes in one language, for one site."""

    def __init__(self, config: Config, words: Words) -> None:
        self.lang = words.lang
        self._words = words
        self._zone = ZoneInfo(config.site.timezone)
        self._names = {group.id: group.name for group in config.site.groups}
        self._names |= {asset.id: asset.name for asset in config.site.assets}
        self._people = {person.id: person.name for person in config.people.people}

    def percent(self, share: float | None, digits: int = 4) -> str:
        """Per cent, cut after `digits` decimals; a dash for none."""
        if share is None:
            return DASH
        return f"{number(cut_share(share, digits), digits, self.lang)}\u00a0%"

    def target(self, share: float) -> str:
        """A promised share as it was promised."""
        text = f"{share:.10g}"
        return f"{text.replace('.', ',') if self.lang == 'de' else text}\u00a0%"

    def span(self, ms: int | None) -> str:
        """A length of time; a dash for none."""
        return DASH if ms is None else span(ms)

    def moment(self, ms: int | None) -> str:
        """01.10.2026 06:00:12 or 2026-10-01 06:00:12."""
        if ms is None:
            return DASH
        local = self._local(ms)
        twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
        zone = f" {self._zone_name(local)}" if twice else ""
        return f"{self._date(local)} {local:%H:%M:%S}{zone}"

    def day(self, ms: int) -> str:
        """01.10.2026"""
        return self._date(self._local(ms))

    def period(self, start: int, end: int) -> str:
        """From the first to the last day where both are midnights, else with the time of day."""
        first, last = self._local(start), self._local(end)
        if first.time() == last.time() == dt.time() and end > start:
            before = self._date(last - dt.timedelta(days=1))
            return self._words("period.text", start=self._date(first), end=before)
        return self._words("period.text", start=self.moment(start), end=self.moment(end))

    def full(self, ms: int) -> str:
        """With the zone's name."""
        local = self._local(ms)
        return f"{self._date(local)} {local:%H:%M:%S} {self._zone_name(local)}"

    def name(self, subject: str) -> str:
        """The site's name for an asset or a group."""
        return self._names.get(subject, subject)

    def names(self, subjects: Iterable[str]) -> str:
        """The names of several, with commas."""
        return ", ".join(self.name(subject) for subject in subjects)

    def person(self, person: str | None) -> str:
        """A person's name; whoever has left the configuration stays an id."""
        return DASH if person is None else self._people.get(person, person)

    def value(self, value: float, point: str) -> str:
        """A value of a point with its unit."""
        known = vocabulary().get(point)
        return quantity(value, known.unit if known else None, self.lang)

    def title(self, proved: Proved) -> str:
        """What a figure is called, with what it is about."""
        result = proved.result
        title = self.own(result.control.title)
        return f"{title}: {self.name(result.subject)}" if result.subject else title

    def own(self, title: Mapping[str, str] | Any) -> str:
        """The German or the English of a title."""
        found = title.get(self.lang) if isinstance(title, Mapping) else getattr(title, self.lang)
        return str(found)

    def series(self, key: SeriesKey) -> str:
        """A series in words: UPS A, battery charge."""
        return f"{self.name(key.asset)}, {self.point(key.point)}" + (f" [{key.index}]" if key.index is not None else "")

    def point(self, name: str) -> str:
        """A point in words, where the report has some for it."""
        return self._words.known(f"point.{name}", name)

    def data(self, data: Mapping[str, Any]) -> list[tuple[str, str]]:
        """What a record of a kind that nobody described holds, as words and texts; what is empty is left out."""
        found = []
        for name, value in data.items():
            text = self._plain(name, value)
            if text:
                found.append((name.removesuffix("_ms").replace("_", " "), text))
        return found

    def _plain(self, name: str, value: Any) -> str:
        if isinstance(value, Mapping):
            parts = ((word, self._plain(word, one)) for word, one in value.items())
            return "; ".join(f"{word} {text}" for word, text in parts if text)
        if isinstance(value, list | tuple):
            return ", ".join(text for one in value if (text := self._plain(name, one)))
        if value is None or value == "":
            return ""
        if isinstance(value, int) and not isinstance(value, bool):
            if value >= _EPOCH_MS:
                return self.moment(value)
            if name.endswith("_ms"):
                return self.span(value)
        if isinstance(value, float):
            return number(value, 0 if value.is_integer() else 2, self.lang)
        return anything(_value(value), None, self.lang)

    def _local(self, ms: int) -> dt.datetime:
        try:
            return utc(ms).astimezone(self._zone)
        except OverflowError:
            return utc(ms)

    def _zone_name(self, local: dt.datetime) -> str:
        name = local.strftime("%Z")
        return _ZONES.get(name, name) if self.lang == "de" else name

    def _date(self, local: dt.datetime) -> str:
        return local.strftime("%d.%m.%Y" if self.lang == "de" else "%Y-%m-%d")


def split_series(name: str) -> SeriesKey:
    """The series of `asset/point[index]`."""
    asset, _, rest = name.partition("/")
    point, bracket, index = rest.partition("[")
    return SeriesKey(asset, point, index.removesuffix("]") if bracket else None)


def _value(value: Any) -> Value:
    return value if isinstance(value, bool | int | str) else str(value)


class Shown:
    """The texts of a figure: what the document shows, and what is compared with it when it is verified."""

    def __init__(self, words: Words, form: Format) -> None:
        self._words = words
        self._form = form

    def __call__(self, proved: Proved, part: str) -> str:
        """`part` is outcome, target, value, measured, worst, coverage, excluded, budget, down, good, bad or open."""
        return str(_PARTS[part](self, proved))

    def outcome(self, proved: Proved) -> str:
        """Whether it is met, in a word."""
        return self._words(f"outcome.{proved.result.outcome.value}")

    def target(self, proved: Proved) -> str:
        """What is promised, in per cent."""
        return self._form.target(proved.result.control.objective.target)

    def value(self, proved: Proved) -> str:
        """The figure in one cell: a share of time, or so many of so many."""
        result = proved.result
        if result.of_time:
            return self._form.percent(result.value)
        if result.value is None:
            return DASH
        return self._words("cases", good=result.good, all=result.good + result.bad)

    def worst(self, proved: Proved) -> str:
        """The share of time with all that is unknown taken for down, in per cent."""
        return self._form.percent(_percent(proved, "worst"))

    def coverage(self, proved: Proved) -> str:
        """For what share of the time something is known, in per cent."""
        return self._form.percent(_percent(proved, "coverage"), 2)

    def excluded(self, proved: Proved) -> str:
        """The time of announced maintenance that does not count."""
        figure = proved.result.figure
        return DASH if figure is None or not figure.measure.excluded else self._form.span(figure.measure.excluded)

    def down(self, proved: Proved) -> str:
        """The time that was down."""
        return self._form.span(proved.result.bad)

    def budget(self, proved: Proved) -> str:
        """What is left of the time that may be lost, or by how much it is exceeded."""
        figure = proved.result.figure
        if figure is None or not figure.measure.total:
            return DASH
        left = figure.budget - figure.measure.down
        return self._form.span(left) if left >= 0 else self._words("over_budget", span=self._form.span(-left))

    def count(self, name: str, proved: Proved) -> str:
        """How many cases were `good`, `bad` or are `open`."""
        return str(getattr(proved.result, name))


def _percent(proved: Proved, name: str) -> float | None:
    figure = proved.result.figure
    share = None if figure is None else getattr(figure.measure, name)
    return None if share is None else 100 * share


_PARTS: dict[str, Any] = {
    "outcome": Shown.outcome,
    "target": Shown.target,
    "value": Shown.value,
    "worst": Shown.worst,
    "coverage": Shown.coverage,
    "excluded": Shown.excluded,
    "down": Shown.down,
    "budget": Shown.budget,
    "good": lambda shown, proved: shown.count("good", proved),
    "bad": lambda shown, proved: shown.count("bad", proved),
    "open": lambda shown, proved: shown.count("open", proved),
}
"""Part of a figure -> what writes it."""
