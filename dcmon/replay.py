"""The pure core of `dcmon replay`: samples go down the path of live ones, as fast as they can, and decisions come out.

A file of samples is not a poller. What it does not say has not happened: a value holds until the next of its series,
and a device of which it says nothing is not silent. A device is silent when the file says so (`device.reachable`
false), or when it gave samples at a regular pace and then none for 2.5 times that pace (at least 2.5 poll intervals)
while others went on. From then on its values are believed for 2.5 poll intervals more, then they are UNKNOWN.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

from dcmon.collectors.maps import Maps
from dcmon.config.config import Config
from dcmon.config.entries import CorrectionEntry, Entry, EntryError, Lesson
from dcmon.model import Changes, Incident, Interval, Reading, Record, Transition
from dcmon.promises import check_correction, check_lesson, figures
from dcmon.thresholds import Judge
from dcmon.thresholds.availability import cut_share
from dcmon.thresholds.presence import Presence
from dcmon.thresholds.stamps import iso
from dcmon.timeline import Ack, Entered, Event, Problem, instants

LONGEST_WAIT_MS = 30 * 86_400_000
"""How long after the last line delays are still waited for."""

_PRINTED = {"alarm": "alarm", "incident": "incident", "page": "page", "task": "task", "sequence": "sequence",
            "clock": "clock", "indicator": "control", "control": "control", "record": "control"}  # fmt: skip
_TIMES = frozenset({"started", "ended", "due", "since", "stopped", "until", "accepted", "answered"})


class Pages(Protocol):
    """Who decides whom to tell: notify's Pager."""

    def step(self, changes: Changes, now: int) -> Changes: ...

    def next_due(self) -> int | None: ...

    def stop_repeating(self) -> None: ...


def replay(
    config: Config, lines: Iterable[str], decide_pages: Pages | None = None,
    report: Callable[[Problem], None] = lambda problem: None,
) -> Iterator[dict[str, Any]]:  # fmt: skip
    """Judges samples (JSON lines) and yields what follows from them, in time order, as plain JSON objects.

    A malformed line is reported with its number and left out; the others count. After the last line running delays,
    deadlines, fault clocks and escalations still run out. At the end stands one `control` object per indicator of
    which something is known, with its figures over the time of the file.
    """
    yield from _play(Player(config, decide_pages, report), instants(config, lines, report))


def replay_past(
    config: Config, past: Iterable[tuple[int, list[Event]]], decide_pages: Pages | None = None
) -> Iterator[dict[str, Any]]:
    """As `replay`, of what a site has stored: instants in order. Its devices say themselves whether they answer.

    What people did then and what does not fit this configuration (nothing is open to acknowledge) is left out.
    """
    yield from _play(Player(config, decide_pages, stored=True), past)


class _Kept:
    """What a journal would know: of what figures are made, and what entries can be about."""

    def __init__(self) -> None:
        self._intervals: dict[str, dict[int, Interval]] = {}
        self._records: dict[str, Record] = {}
        self._incidents: dict[str, Incident] = {}

    def take(self, changes: Changes) -> None:
        for row in changes.intervals:
            self._intervals.setdefault(row.indicator, {})[row.start] = row
        self._records.update(changes.records)
        self._incidents.update(changes.incidents)

    def intervals(self, indicator: str | None, start: int, end: int) -> list[Interval]:
        rows = self._intervals.get(indicator or "", {}).values()
        touching = [row for row in rows if row.start < end and (row.end is None or row.end > start)]
        return sorted(touching, key=lambda row: row.start)

    def records(self, kind: str | None = None, *, limit: int = 1000) -> list[Record]:
        rows = [row for row in self._records.values() if row.kind == kind or kind is None]
        rows.sort(key=lambda row: (row.started, row.id), reverse=True)
        return rows[:limit] if limit >= 0 else rows

    def incident(self, incident_id: str) -> Incident | None:
        return self._incidents.get(incident_id)

    def last_alive(self) -> int | None:
        return None


def _play(player: Player, past: Iterable[tuple[int, list[Event]]]) -> Iterator[dict[str, Any]]:
    for ts, batch in past:
        yield from player.play(ts, batch)
    yield from player.finish()


class Player:
    """Drives the core from instant to instant. `keep` takes what was decided, transaction by transaction."""

    def __init__(
        self, config: Config, pages: Pages | None, report: Callable[[Problem], None] = lambda problem: None,
        *, stored: bool = False, keep: Callable[[Changes], None] = lambda changes: None,
    ) -> None:  # fmt: skip
        self._judge = Judge(config, live=False)
        self._pages = pages
        self._report = report
        self._keep = keep
        self._presence = None if stored else Presence(config)
        self._config = config
        self._kept = _Kept()
        self._maps = {name: Maps(device.maps) for name, device in config.collectors.devices.items() if device.maps}
        self._first: int | None = None
        self._now = 0

    def play(self, ts: int, batch: list[Event]) -> Iterator[dict[str, Any]]:
        """One instant: what was due before it, then its samples, then what people did."""
        if self._first is None:
            self._first = ts
        readings = [entry for entry in batch if isinstance(entry, Reading)]
        if self._presence is None:
            yield from self._wait(ts)
        else:
            readings = [self._site_wise(reading) for reading in readings]
            for due, silence in self._presence.silent_before(ts):
                yield from self._wait(due)
                yield from self._step([silence], due)
            yield from self._wait(ts)
            readings = [*self._presence.heard(ts, readings), *readings]
        yield from self._step(readings, ts)
        for entry in batch:
            if isinstance(entry, Ack):
                yield from self._acknowledge(entry)
            elif isinstance(entry, Entered):
                yield from self._enter(entry)

    def _site_wise(self, reading: Reading) -> Reading:
        """A point that the site gives to another asset or another meaning may be named as its device names it.

        What is the site's name of it already was turned round before, if it is wired so.
        """
        maps = self._maps.get(reading.asset)
        if maps is None:
            return reading
        mapped = maps.apply([reading])
        return mapped[0] if mapped and mapped[0][1:4] != reading[1:4] else reading

    def finish(self) -> Iterator[dict[str, Any]]:
        """Lets delays run out, then sums up."""
        end = self._now
        self._judge.end_calendar()
        if self._pages is not None:
            self._pages.stop_repeating()
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
        for transition in changes.transitions:
            if transition.type in _PRINTED:
                yield _show(transition)
        if self._pages is not None:
            paged = self._pages.step(changes, now)
            for transition in paged.transitions:
                if transition.type in _PRINTED:
                    yield _show(transition)
            changes.extend(paged)
        self._kept.take(changes)
        self._keep(changes)

    def _acknowledge(self, ack: Ack) -> Iterator[dict[str, Any]]:
        incident = self._judge.incident_of(ack.asset)
        if incident is None:
            self._report(Problem(ack.line, f"{ack.by} acknowledges, but {ack.asset} has no open incident at that time"))
            return
        yield from self._tell(self._judge.acknowledge(incident, ack.by, ack.ts), ack.ts)

    def _enter(self, entered: Entered) -> Iterator[dict[str, Any]]:
        try:
            self._check(entered.entry, entered.ts)
            _, changes = self._judge.enter(entered.entry, entered.ts)
        except EntryError as error:
            self._report(Problem(entered.line, str(error)))
            return
        yield from self._tell(changes, entered.ts)

    def _check(self, entry: Entry, now: int) -> None:
        """Refuses what is about something that never was, as the running dcmon does."""
        if isinstance(entry, CorrectionEntry):
            check_correction(self._kept, entry, self._judge.availability(now))
        elif isinstance(entry, Lesson):
            check_lesson(self._kept, entry)

    def _controls(self, start: int, end: int) -> Iterator[dict[str, Any]]:
        """What is known of each indicator: corrected, and without planned work that does not count.

        An asset of which a file tells something is there, whatever day the site was opened.
        """
        views = self._judge.availability(end)
        for figure in figures(self._config, self._kept, views, end, (start, end), commissioned=False):
            view, measure = figure.view, figure.measure
            if measure.measured is None:
                continue
            shares = f"{_percent(measure.measured)} measured, {_percent(measure.worst or 0)} at worst"
            shown: dict[str, Any] = {
                "ts": iso(self._now), "type": "control", "asset": view.subject or None, "rule": view.control,
                "state": measure.verdict(view.target).value, "severity": None,
                "reason": f"{view.title_en}: {shares}, {view.target:g} % wanted", "incident": None, "subject": view.id,
                "target": view.target, "measured": measure.measured, "worst": measure.worst,
                "coverage": measure.coverage, "up_ms": measure.up, "down_ms": measure.down,
                "unknown_ms": measure.unknown, "excluded_ms": measure.excluded,
            }  # fmt: skip
            if figure.corrections:
                shown["corrections"] = [{"id": name, "changed_ms": changed} for name, changed in figure.corrections]
                shown["recorded_down_ms"] = figure.recorded.down
            yield shown


def _percent(share: float) -> str:
    return f"{cut_share(share * 100):.4f}%"


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
