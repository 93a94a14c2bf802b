"""The pure core of `dcmon replay`: samples go down the path of live ones, as fast as they can, and decisions come out.

A file of samples is not a poller. What it does not say has not happened: a value holds until the next of its series,
and a device of which it says nothing is not silent. A device is silent when the file says so (`device.reachable`
false), or when it gave samples at a regular pace and then none for 2.5 times that pace (at least 2.5 poll intervals)
while others went on. From then on its values are believed for 2.5 poll intervals more, then they are UNKNOWN.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from operator import itemgetter
from typing import Any, NamedTuple, Protocol

from dcmon.config.config import Config
from dcmon.model import Changes, Interval, Quality, Reading, Transition
from dcmon.thresholds import Judge, measure
from dcmon.thresholds.presence import Presence
from dcmon.thresholds.stamps import iso

REORDER_LINES = 65_536
"""Lines may be out of order by so many; what comes later still counts as late and is left out where it is older."""

LONGEST_WAIT_MS = 30 * 86_400_000
"""How long after the last line delays are still waited for."""

_PRINTED = {"alarm": "alarm", "incident": "incident", "page": "page", "task": "task", "sequence": "sequence",
            "clock": "clock", "indicator": "control", "control": "control"}  # fmt: skip
_TIMES = frozenset({"started", "due", "since", "stopped", "until"})
_QUALITIES = {quality.value: quality for quality in Quality}
_SECONDS_BELOW = 100_000_000_000
_LAST_MS = 250_000_000_000_000
"""In the year 9892: delays that end later can still be written as dates."""


class Pages(Protocol):
    """Who decides whom to tell: notify's Pager."""

    def step(self, changes: Changes, now: int) -> Changes: ...

    def next_due(self) -> int | None: ...


class Problem(NamedTuple):
    """A line that was left out, or says something odd."""

    line: int
    message: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}"


class Ack(NamedTuple):
    """A person deals with the open incident of an asset."""

    ts: int
    asset: str
    by: str
    line: int


class BadLineError(ValueError):
    """What is wrong with a line, and how it should be."""


def replay(
    config: Config, lines: Iterable[str], decide_pages: Pages | None = None,
    report: Callable[[Problem], None] = lambda problem: None,
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """Judges samples (JSON lines) and yields what follows from them, in time order, as plain JSON objects.

    A malformed line is reported with its number and left out; the others count. After the last line running delays,
    deadlines, fault clocks and escalations still run out. At the end stands one `control` object per indicator of
    which something is known, with its figures over the time of the file.
    """
    player = _Player(config, decide_pages, report)
    for ts, batch in _instants(_in_order(_parse_lines(lines, report))):
        yield from player.play(ts, batch)
    yield from player.finish()


class _Player:
    """Drives the core from instant to instant."""

    def __init__(self, config: Config, pages: Pages | None, report: Callable[[Problem], None]) -> None:
        self._judge = Judge(config, live=False)
        self._pages = pages
        self._report = report
        self._presence = Presence(config)
        self._intervals: dict[tuple[str, int], Interval] = {}
        self._first: int | None = None
        self._now = 0

    def play(self, ts: int, batch: list[Reading | Ack]) -> Iterator[dict[str, Any]]:
        """One instant: what was due before it, then its samples, then its acknowledgements."""
        if self._first is None:
            self._first = ts
        readings = [entry for entry in batch if isinstance(entry, Reading)]
        for due, silence in self._presence.silent_before(ts):
            yield from self._wait(due)
            yield from self._step([silence], due)
        yield from self._wait(ts)
        back = self._presence.heard(ts, readings)
        yield from self._step([*back, *readings], ts)
        for entry in batch:
            if isinstance(entry, Ack):
                yield from self._acknowledge(entry)

    def finish(self) -> Iterator[dict[str, Any]]:
        """Lets delays run out, then sums up."""
        end = self._now
        while (due := self._next(self._judge.next_delay())) is not None and due <= end + LONGEST_WAIT_MS:
            yield from self._step([], max(due, self._now))
        if self._first is not None:
            yield from self._controls(self._first, end)

    def _wait(self, until: int) -> Iterator[dict[str, Any]]:
        while (due := self._next(self._judge.next_due())) is not None and due < until:
            yield from self._step([], max(due, self._now))

    def _next(self, due: int | None) -> int | None:
        pages = self._pages.next_due() if self._pages is not None else None
        return due if pages is None else pages if due is None else min(due, pages)

    def _step(self, readings: list[Reading], now: int) -> Iterator[dict[str, Any]]:
        self._now = now
        changes = self._judge.step(readings, now)
        due = self._pages.next_due() if self._pages is not None else None
        if changes or (due is not None and due <= now):
            yield from self._tell(changes, now)

    def _tell(self, changes: Changes, now: int) -> Iterator[dict[str, Any]]:
        for interval in changes.intervals:
            self._intervals[interval.indicator, interval.start] = interval
        for transition in changes.transitions:
            if transition.type in _PRINTED:
                yield _show(transition)
        if self._pages is not None:
            for transition in self._pages.step(changes, now).transitions:
                if transition.type in _PRINTED:
                    yield _show(transition)

    def _acknowledge(self, ack: Ack) -> Iterator[dict[str, Any]]:
        incident = self._judge.incident_of(ack.asset)
        if incident is None:
            self._report(Problem(ack.line, f"{ack.by} acknowledges, but {ack.asset} has no open incident at that time"))
            return
        yield from self._tell(self._judge.acknowledge(incident, ack.by, ack.ts), ack.ts)

    def _controls(self, start: int, end: int) -> Iterator[dict[str, Any]]:
        intervals: dict[str, list[Interval]] = {}
        for interval in self._intervals.values():
            intervals.setdefault(interval.indicator, []).append(interval)
        for view in self._judge.availability(end):
            figures = measure(intervals.get(view.id, ()), start, end)
            if figures.measured is None:
                continue
            verdict = figures.verdict(view.target)
            shares = f"{figures.measured:.4%} measured, {figures.worst or 0:.4%} at worst"
            reason = f"{view.title_en}: {shares}, {view.target:g} % wanted"
            yield {
                "ts": iso(self._now), "type": "control", "asset": view.subject or None, "rule": view.control,
                "state": verdict.value, "severity": None, "reason": reason, "incident": None, "subject": view.id,
                "target": view.target, "measured": figures.measured, "worst": figures.worst,
                "coverage": figures.coverage, "up_ms": figures.up, "down_ms": figures.down,
                "unknown_ms": figures.unknown,
            }  # fmt: skip


def _show(transition: Transition) -> dict[str, Any]:
    """A transition as a line of output; times as ISO 8601."""
    shown: dict[str, Any] = {
        "ts": iso(transition.ts), "type": _PRINTED[transition.type], "asset": transition.asset,
        "rule": transition.rule, "state": transition.state,
        "severity": transition.severity.value if transition.severity is not None else None,
        "reason": transition.reason, "incident": transition.incident, "subject": transition.subject,
    }  # fmt: skip
    for key, value in transition.data.items():
        if key not in shown:
            shown[key] = iso(value) if key in _TIMES and isinstance(value, int) else value
    return shown


def _instants(entries: Iterable[Reading | Ack]) -> Iterator[tuple[int, list[Reading | Ack]]]:
    """What happened at the same instant, together. An entry that comes too late belongs to the instant reached."""
    now, batch = -1, list[Reading | Ack]()
    for entry in entries:
        if entry[0] > now:
            if batch:
                yield now, batch
            now, batch = entry[0], []
        batch.append(entry)
    if batch:
        yield now, batch


def _in_order(entries: Iterator[Reading | Ack]) -> Iterator[Reading | Ack]:
    """The entries by time, as far as memory of so many lines reaches; those of one instant stay in order."""
    waiting: list[Reading | Ack] = []
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


def _parse_lines(lines: Iterable[str], report: Callable[[Problem], None]) -> Iterator[Reading | Ack]:
    load, times = _DECODER.decode, Times()
    for number, line in enumerate(lines, 1):
        try:
            entry = load(line)
            yield _parse(entry, number, times)
        except BadLineError as error:
            report(Problem(number, str(error)))
        except ValueError as error:
            if line.strip():
                report(Problem(number, f"this is no JSON ({error}); a line is one object, as `dcmon replay` documents"))
        except RecursionError:
            report(Problem(number, "this is nested too deeply to be a sample"))


def _parse(entry: Any, number: int, times: Times) -> Reading | Ack:
    if not isinstance(entry, dict):
        raise BadLineError('a line is one JSON object, such as {"ts": ..., "asset": ..., "point": ..., "value": ...}')
    ts = times.parse(entry.get("ts"))
    if "ack" in entry:
        return _parse_ack(entry["ack"], ts, number)
    asset, point, index = entry.get("asset"), entry.get("point"), entry.get("index")
    if asset.__class__ is not str or point.__class__ is not str or not asset or not point:
        raise BadLineError("asset and point must be given, as texts")
    if index is not None and index.__class__ is not str:
        if index.__class__ is not int:
            raise BadLineError(f"index must be a text or null, not {index!r}")
        index = str(index)
    value = entry.get("value")
    if value.__class__ in _CONTAINERS:
        raise BadLineError("value must be true, false, a number, a word or null")
    word = entry.get("quality")
    quality = Quality.GOOD if word is None else _QUALITIES.get(word) if word.__class__ is str else None
    if quality is None:
        raise BadLineError(f"quality must be good, uncertain or bad, not {entry.get('quality')!r}")
    reason = entry.get("reason")
    if reason is not None and reason.__class__ is not str:
        raise BadLineError(f"reason must be a text or null, not {reason!r}")
    return Reading(ts, asset, point, index, value, quality, reason)


_CONTAINERS = (list, dict)


def _refuse_constant(word: str) -> Any:
    raise BadLineError(f"{word} is no JSON; a value that is not known is null with quality bad")


_DECODER = json.JSONDecoder(parse_constant=_refuse_constant)


def _parse_ack(ack: Any, ts: int, number: int) -> Ack:
    if not isinstance(ack, dict) or not isinstance(ack.get("asset"), str) or not isinstance(ack.get("by"), str):
        raise BadLineError('an acknowledgement is {"ts": ..., "ack": {"asset": ..., "by": ...}}')
    return Ack(ts, ack["asset"], ack["by"], number)


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
            minute = self._minutes[ts[:16]] = _parse_iso(f"{ts[:16]}:00Z")
        return minute + int(second) * 1000


def _parse_iso(ts: str) -> int:
    text, leap = ts, 0
    if ts[16:19] == ":60":
        text, leap = f"{ts[:16]}:59{ts[19:]}", 1000
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise BadLineError(f"ts {ts!r} is no time; write it as 2026-11-23T10:00:00Z") from None
    if moment.tzinfo is None:
        raise BadLineError(f"ts {ts!r} has no zone; end it with Z for UTC or with an offset such as +01:00")
    return _in_range((moment - _EPOCH) // _MILLISECOND + leap)


def _in_range(millis: int) -> int:
    if not 0 <= millis <= _LAST_MS:
        raise BadLineError(f"ts {millis} is not between 1970 and 9892")
    return millis


_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND = dt.timedelta(milliseconds=1)
