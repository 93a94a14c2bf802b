"""The lines of a file of samples: what each says, in the order of time. Pure; nothing is judged here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from operator import itemgetter
from typing import Any, NamedTuple

from dcmon.config.collectors import Device
from dcmon.config.config import Config
from dcmon.config.entries import Entry, EntryError, parse_entry
from dcmon.config.vocabulary import vocabulary
from dcmon.instants import LAST_MS, parse_instant
from dcmon.model import Quality, Reading, Value

REORDER_LINES = 65_536
"""Lines may be out of order by so many; what comes later still counts as late and is left out where it is older."""

_QUALITIES = {quality.value: quality for quality in Quality}
_SECONDS_BELOW = 100_000_000_000


class Problem(NamedTuple):
    """A line that was left out, or (`left_out` False) counts but will hardly do what its writer wanted."""

    line: int
    message: str
    left_out: bool = True

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}"


class Ack(NamedTuple):
    """A person deals with the open incident of an asset."""

    ts: int
    asset: str
    by: str
    line: int


class Entered(NamedTuple):
    """A person puts something on record."""

    ts: int
    entry: Entry
    line: int


class BadLineError(ValueError):
    """What is wrong with a line, and how it should be."""


Event = Reading | Ack | Entered


def instants(
    config: Config, lines: Iterable[str], report: Callable[[Problem], None]
) -> Iterator[tuple[int, list[Event]]]:
    """What the lines say, by instants (ms UTC), in order. Lines that cannot be used are reported and left out.

    Of several readings of one series at one instant one counts, the same in whatever order the lines stand.
    """
    for now, batch in _instants(_in_order(_Lines(config, report).parse(lines))):
        yield now, _without_contradictions(batch) if len(batch) > 1 else batch


def _instants(entries: Iterable[Event]) -> Iterator[tuple[int, list[Event]]]:
    """What happened at the same instant, together. An entry that comes too late belongs to the instant reached."""
    now, batch = -1, list[Event]()
    for entry in entries:
        if entry[0] > now:
            if batch:
                yield now, batch
            now, batch = entry[0], []
        batch.append(entry)
    if batch:
        yield now, batch


def _in_order(entries: Iterator[Event]) -> Iterator[Event]:
    """The entries by time, as far as memory of so many lines reaches; those of one instant stay in order."""
    waiting: list[Event] = []
    while True:
        more = list(islice(entries, REORDER_LINES))
        waiting += more
        waiting.sort(key=_by_time)
        if len(more) < REORDER_LINES:
            yield from waiting
            return
        yield from waiting[: -REORDER_LINES // 2]
        del waiting[: -REORDER_LINES // 2]


_by_time = itemgetter(0)


def _without_contradictions(batch: list[Event]) -> list[Event]:
    """One reading per series: known before unknown, good before uncertain, then whichever sorts last."""
    best: dict[Any, Event] = {}
    for entry in batch:
        key = entry[1:4] if isinstance(entry, Reading) else entry
        known = best.get(key)
        if known is None or (isinstance(entry, Reading) and isinstance(known, Reading) and _rank(entry) > _rank(known)):
            best[key] = entry
    return list(best.values()) if len(best) < len(batch) else batch


def _rank(reading: Reading) -> tuple[int, bool, int, str, str]:
    trust = {Quality.BAD: 0, Quality.UNCERTAIN: 1, Quality.GOOD: 2}[reading.quality]
    return reading.ts, reading.value is not None and trust > 0, trust, repr(reading.value), reading.reason or ""


class _Lines:
    """Reads lines, and knows what the site has."""

    def __init__(self, config: Config, report: Callable[[Problem], None]) -> None:
        self._report = report
        self._times = Times()
        self._assets = frozenset(asset.id for asset in config.site.assets) | frozenset(config.collectors.devices)
        self._points = dict.fromkeys(_points_of(config), _ANY) | {
            name: _TYPES.get(point.type) or frozenset(point.values) for name, point in vocabulary().items()
        }
        self._odd: set[str] = set()

    def parse(self, lines: Iterable[str]) -> Iterator[Event]:
        """What the usable lines say, in their order."""
        load, report = _DECODER.decode, self._report
        for number, line in enumerate(lines, 1):
            try:
                entry = load(line if number > 1 else line.removeprefix(_BYTE_ORDER_MARK))
                yield self._entry(entry, number)
            except BadLineError as error:
                report(Problem(number, str(error)))
            except ValueError as error:
                if line.strip():
                    text = f"this is no JSON ({error}); a line is one object, as `dcmon replay` documents"
                    report(Problem(number, text))
            except RecursionError:
                report(Problem(number, "this is nested too deeply to be a sample"))

    def _entry(self, entry: Any, number: int) -> Event:
        if not isinstance(entry, dict):
            raise BadLineError(
                'a line is one JSON object, such as {"ts": ..., "asset": ..., "point": ..., "value": ...}'
            )
        ts = self._times.parse(entry.get("ts"))
        if "ack" in entry:
            return _parse_ack(entry["ack"], ts, number)
        if "entry" in entry:
            return Entered(ts, _parse_entry(entry["entry"]), number)
        asset, point, index = entry.get("asset"), entry.get("point"), entry.get("index")
        if asset.__class__ is not str or point.__class__ is not str or not asset or not point:
            raise BadLineError("asset and point must be given, as texts")
        if asset not in self._assets:
            raise BadLineError(f"site.yaml has no asset {asset!r}")
        if index is not None and index.__class__ is not str:
            if index.__class__ is not int:
                raise BadLineError(f"index must be a text or null, not {index!r}")
            index = str(index)
        value, quality, reason = _said(entry)
        if value is not None:
            words = self._points.get(point)
            if words is None or (words and value not in words and value.__class__ not in words):
                self._wonder(point, value, words, number)
        return Reading(ts, asset, point, index, value, quality, reason)

    def _wonder(self, point: str, value: Value, words: frozenset[Any] | None, number: int) -> None:
        """A point of a profile's own is no mistake; one that is misspelt would be judged by nothing, in silence."""
        if point in self._odd or len(self._odd) >= _MOST_ODD:
            return
        self._odd.add(point)
        if words is None:
            text = f"no rule names the point {point!r} and docs/points.md does not know it: nothing judges it"
        else:
            text = f"{point} is never {value!r}: {_either(words)} is expected, and this is judged as unknown"
        self._report(Problem(number, text, left_out=False))


_BYTE_ORDER_MARK = "\ufeff"
_MOST_ODD = 20
_ANY = frozenset[Any]()
_TYPES = {
    "bool": frozenset({True, False}),
    "number": frozenset({int, float}),
    "counter": frozenset({int, float}),
}  # fmt: skip
"""Type of a canonical point -> values and classes that fit; an enum's are its words."""


def _either(words: frozenset[Any]) -> str:
    named = {True: "true", False: "false", int: "a number", float: "a number"}
    return " or ".join(sorted({named.get(word) or str(word) for word in words}))


def _points_of(config: Config) -> frozenset[str]:
    """What rules name besides the vocabulary: points of profiles and of dcmon itself."""
    named = {"device.reachable"}
    for rule in config.judged:
        conditions = [condition for field in ("able", "when", "then") for condition in getattr(rule, field, ())]
        named |= {condition.point for condition in conditions}
        if (select := getattr(rule, "select", None)) is not None:
            named.add(select.point)
    return frozenset(named | {point for device in config.collectors.devices.values() for point in _mapped(device)})


def _mapped(device: Device) -> Iterator[str]:
    for entry in device.maps:
        yield entry.point
        if entry.as_point is not None:
            yield entry.as_point


def _said(entry: dict[str, Any]) -> tuple[Value, Quality, str | None]:
    """Value, quality and its reason."""
    value = entry.get("value")
    if value.__class__ in _CONTAINERS:
        raise BadLineError("value must be true, false, a number, a word or null")
    word = entry.get("quality")
    quality = Quality.GOOD if word is None else _QUALITIES.get(word) if word.__class__ is str else None
    if quality is None:
        raise BadLineError(f"quality must be good, uncertain or bad, not {word!r}")
    reason = entry.get("reason")
    if reason is not None and reason.__class__ is not str:
        raise BadLineError(f"reason must be a text or null, not {reason!r}")
    return value, quality, reason


_CONTAINERS = (list, dict)


def _refuse_constant(word: str) -> Any:
    raise BadLineError(f"{word} is no JSON; a value that is not known is null with quality bad")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def _parse_ack(ack: Any, ts: int, number: int) -> Ack:
    if not isinstance(ack, dict) or not isinstance(ack.get("asset"), str) or not isinstance(ack.get("by"), str):
        raise BadLineError('an acknowledgement is {"ts": ..., "ack": {"asset": ..., "by": ...}}')
    return Ack(ts, ack["asset"], ack["by"], number)


def _parse_entry(words: object) -> Entry:
    try:
        return parse_entry(words)
    except EntryError as error:
        raise BadLineError(f"entry: {error}") from None


class Times:
    """Reads `ts`. Most lines of a file repeat a time or at least the minute, which is remembered."""

    def __init__(self) -> None:
        self._last: Any = None
        self._last_ms = 0
        self._minutes: dict[str, int] = {}

    def parse(self, ts: Any) -> int:
        """ms UTC of an ISO 8601 text with a zone, or of an integer that is that already. BadLineError otherwise."""
        if ts.__class__ is str:
            if ts == self._last:
                return self._last_ms
            millis = self._fast(ts) if len(ts) == 20 else None
            if millis is None:
                millis = _parse_iso(ts)
            self._last, self._last_ms = ts, millis
            return millis
        if ts.__class__ is int or (isinstance(ts, float) and ts.is_integer()):
            millis = int(ts)
            if 0 <= millis < _SECONDS_BELOW and millis:
                raise BadLineError(f"ts {millis} looks like seconds; give milliseconds since 1970, or ISO 8601")
            return _in_range(millis)
        if ts is None:
            raise BadLineError("ts is missing; give it as 2026-11-23T10:00:00Z or in milliseconds since 1970")
        raise BadLineError(f"ts {ts!r} is no time; give it as 2026-11-23T10:00:00Z or in milliseconds since 1970")

    def _fast(self, ts: str) -> int | None:
        """`YYYY-MM-DDTHH:MM:SSZ`, the usual form; None for any other."""
        second = ts[17:19]
        if ts[19] != "Z" or ts[16] != ":" or not (second.isascii() and second.isdigit()) or second > "59":
            return None
        minute = self._minutes.get(ts[:16])
        if minute is None:
            if len(self._minutes) > 10_000:
                self._minutes.clear()
            try:
                minute = self._minutes[ts[:16]] = _parse_iso(f"{ts[:16]}:00Z")
            except BadLineError:
                return None
        return minute + int(second) * 1000


def _parse_iso(ts: str) -> int:
    try:
        return parse_instant(ts)
    except ValueError as error:
        raise BadLineError(f"ts {error}") from None


def _in_range(millis: int) -> int:
    if not 0 <= millis <= LAST_MS:
        raise BadLineError(f"ts {millis} is not between 1970 and 9892")
    return millis
