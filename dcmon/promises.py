"""The agreement's figures from what is kept: what `dcmon slo`, `dcmon replay`, the page, metrics and reports show.

What was recorded is corrected by the ledger of corrections, and planned maintenance is left out where the agreement
says so; the figure as it was recorded stays visible beside.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from statistics import median
from typing import Any, Protocol, cast
from zoneinfo import ZoneInfo

from dcmon.config.config import Config
from dcmon.config.entries import CorrectionEntry, EntryError, Lesson
from dcmon.config.site import Asset, GroupRole
from dcmon.instants import iso_utc
from dcmon.model import Availability, FaultClock, Incident, Interval, Record
from dcmon.thresholds import IndicatorView, Measure, catalogue, measure, period
from dcmon.thresholds.availability import Span, Window, budget_ms
from dcmon.thresholds.corrections import Correction, corrected
from dcmon.thresholds.exclusions import excluding
from dcmon.thresholds.outages import Outage, Reliability, outages, reliability, used_up_at

WINDOWS: tuple[Window, ...] = ("month", "year", "rolling_365d", "commissioned")
"""Every window that a figure can be made over."""


_DAY_MS = 86_400_000
_DEAD_MS = 60_000
"""A process that has not said for so long that it runs, though it says so every few seconds, does not."""
_COVERED_MS = 30 * _DAY_MS


class Kept(Protocol):
    """Where figures come from: the journal, or what a replay has decided."""

    def intervals(self, indicator: str | None, start: int, end: int) -> list[Interval]:
        """The intervals of an indicator that touch [start, end), in order of time."""

    def records(self, kind: str | None = None, *, limit: int = 1000) -> list[Record]:
        """The last `limit` records of a kind; -1: all."""

    def incident(self, incident_id: str) -> Incident | None: ...

    def last_alive(self) -> int | None:
        """When whoever keeps it last said that it was running, ms UTC."""


@dataclass(frozen=True, slots=True)
class FixTimes:
    """How fast faults were fixed (T22): those that began in [start, end). Lengths in ms."""

    control: str
    start: int
    end: int
    count: int
    within: int
    running: int
    longest: int
    median: int | None

    @property
    def share(self) -> float | None:
        """Per cent of the faults that are over, or are late already, that were fixed in time; None without any."""
        judged = self.count - self.running
        return 100 * self.within / judged if judged else None

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON; the share in per cent."""
        return {
            "control": self.control, "from": iso_utc(self.start), "to": iso_utc(self.end), "count": self.count,
            "within": self.within, "running": self.running, "share": self.share, "longest_ms": self.longest,
            "median_ms": self.median,
        }  # fmt: skip


def fixed(config: Config, clocks: Iterable[FaultClock], span: Span, now: int) -> dict[str, FixTimes]:
    """The figures of each control that counts faults fixed in time, by its id: those that began in `span`."""
    found = {}
    rows = list(clocks)
    for control in catalogue(config).values():
        if control.objective.indicator == "fixed":
            rules = {rule.id for rule in config.judged if control.tom in rule.tom}
            mine = [row for row in rows if row.rule in rules]
            found[control.id] = fix_times(mine, control.id, span[0], span[1], now)
    return found


def fixed_lately(config: Config, clocks: Iterable[FaultClock], now: int) -> list[FixTimes]:
    """The same of this month and of this year, in the site's zone."""
    rows = list(clocks)
    windows: tuple[Window, ...] = ("month", "year")
    spans = [period(window, now, config.site.timezone) for window in windows]
    return [figure for span in spans for figure in fixed(config, rows, span, now).values()]


def fix_times(clocks: Iterable[FaultClock], control: str, start: int, end: int, now: int) -> FixTimes:
    """The figures of the fault clocks that started in [start, end). One that runs and is not late is not judged yet."""
    rows = [row for row in clocks if start <= row.started < end]
    lengths = {row.id: (row.stopped if row.stopped is not None else now) - row.started for row in rows}
    running = [row for row in rows if row.stopped is None and lengths[row.id] <= row.limit_ms]
    over = sorted(lengths[row.id] for row in rows if row.stopped is not None)
    within = sum(row.stopped is not None and lengths[row.id] <= row.limit_ms for row in rows)
    return FixTimes(
        control, start, end, len(rows), within, len(running), max(lengths.values(), default=0),
        round(median(over)) if over else None,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Figure:
    """One indicator over one period: its window so far, cut where the asset was commissioned."""

    view: IndicatorView
    window: str
    measure: Measure
    """What counts: corrected, and without what is excluded."""
    recorded: Measure
    """As it was measured, before corrections."""
    commissioned: int | None
    ends: int
    """When the window is over, ms UTC."""
    outages: tuple[Outage, ...] = ()
    corrections: tuple[tuple[str, int], ...] = ()
    """(id, ms changed) of each correction that touches the period."""
    inputs: tuple[Interval | Record, ...] = ()
    """The rows that it was made from: intervals as they were recorded, windows left out, corrections."""

    @property
    def reliability(self) -> Reliability:
        return reliability(self.outages, self.measure)

    @property
    def budget(self) -> int:
        """How long the indicator may be DOWN in the whole window, ms."""
        return budget_ms(self.ends - self.measure.start - self.measure.excluded, self.view.target)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON: shares in per cent (None where nothing is known), times in ms UTC and ISO 8601, the verdict."""
        measure, target = self.measure, self.view.target
        used_up, figures = used_up_at(measure, self.outages, self.budget, self.ends), self.reliability
        return {
            "id": self.view.id,
            "control": self.view.control,
            "tom": self.view.tom,
            "title": self.view.title_en,
            "title_de": self.view.title_de,
            "subject": self.view.subject,
            "contract": self.view.contract,
            "window": self.window,
            "from": iso_utc(measure.start),
            "to": iso_utc(measure.end),
            "commissioned": None if self.commissioned is None else iso_utc(self.commissioned),
            "target": target,
            "measured": _percent(measure.measured),
            "worst": _percent(measure.worst),
            "coverage": _percent(measure.coverage),
            "verdict": measure.verdict(target).value,
            "up_ms": measure.up,
            "down_ms": measure.down,
            "unknown_ms": measure.unknown,
            "excluded_ms": measure.excluded,
            "budget_ms": self.budget,
            "budget_left_ms": self.budget - measure.down,
            "used_up": None if used_up is None else iso_utc(used_up),
            "outages": figures.count,
            "longest_ms": figures.longest,
            "mtbf_ms": figures.mtbf,
            "mttr_ms": figures.mttr,
            "recorded": None if self.recorded == measure else _recorded(self.recorded, target),
            "corrections": [{"id": name, "changed_ms": changed} for name, changed in self.corrections],
        }


def _recorded(measure: Measure, target: float) -> dict[str, Any]:
    return {
        "measured": _percent(measure.measured),
        "worst": _percent(measure.worst),
        "coverage": _percent(measure.coverage),
        "verdict": measure.verdict(target).value,
    }


def figures(
    config: Config,
    journal: Kept,
    views: Sequence[IndicatorView],
    now: int,
    span: Span | None = None,
    windows: Sequence[Window] | None = None,
    *,
    commissioned: bool = True,
) -> list[Figure]:
    """One figure per indicator: over `span` (ms UTC, half-open), else over each of `windows`, else over its own window;
    always up to `now` at most, and from the day on which an asset was `commissioned`, unless that is not to matter.
    Means, such as that of the uplinks by capacity, follow what they are made of.
    """
    ledger = _Ledger(config, journal, now, commissioned=commissioned)
    found = [figure for view in views for figure in ledger.figures(view, span, windows)]
    return found + list(_means(config, found))


def coverage(config: Config, journal: Kept, views: Sequence[IndicatorView], now: int) -> float | None:
    """For how much of the last 30 days the contract figures are known, per cent: the worst of them.

    Counted from the first day on that anything was recorded; None before a whole day was.
    """
    shares = []
    for view in views:
        if not view.contract or view.of_rules:
            continue
        rows = journal.intervals(view.id, now - _COVERED_MS, now)
        start = max(rows[0].start, now - _COVERED_MS) if rows else now
        if now - start >= _DAY_MS and (share := measure(rows, start, now).coverage) is not None:
            shares.append(share * 100)
    return min(shares, default=None)


def check_correction(journal: Kept, entry: CorrectionEntry, views: Iterable[IndicatorView]) -> None:
    """EntryError when what is to be corrected was never so, as far as the journal and earlier corrections know.

    Of an indicator that the site does not have, the judge says so, and which ones it has.
    """
    if entry.indicator not in {view.id for view in views}:
        return
    was, now = Availability(entry.was), Availability(entry.now)
    earlier = [Correction.of(row) for row in _corrections(journal).get(entry.indicator, ())]
    recorded = journal.intervals(entry.indicator, entry.start, entry.end)
    rows, _ = corrected(recorded, earlier, entry.start, entry.end)
    correction = Correction("new", entry.start, entry.end, was, now, entry.reason)
    if not corrected(rows, [correction], entry.start, entry.end)[1]["new"]:
        states = ", ".join(dict.fromkeys(row.state.value for row in rows))
        raise EntryError(f"was: {entry.indicator} was never {entry.was} then, but {states}")


def check_lesson(journal: Kept, entry: Lesson) -> None:
    """EntryError when there was no such incident, or it began after what is said of it."""
    incident = journal.incident(entry.incident)
    if incident is None:
        raise EntryError(f"incident: the journal has no {entry.incident}; GET /api/v1/incidents lists them")
    for name in ("contained_at", "restored_at"):
        said = getattr(entry, name)
        if said is not None and said < incident.started:
            raise EntryError(f"{name}: that is before the incident began, {iso_utc(incident.started)}")


def _corrections(journal: Kept) -> dict[str, list[Record]]:
    """Indicator -> its corrections in the order in which they were entered: a later one corrects earlier ones, too."""
    found: dict[str, list[Record]] = {}
    for record in sorted(journal.records("correction", limit=-1), key=lambda row: (row.data["entered"], row.id)):
        if record.state != "void":
            found.setdefault(record.subject, []).append(record)
    return found


class _Ledger:
    """What is asked of the journal once for all figures."""

    def __init__(self, config: Config, journal: Kept, now: int, *, commissioned: bool) -> None:
        self._config = config
        self._commissioned = commissioned
        self._journal = journal
        self._now = now
        alive = journal.last_alive()
        self._died = alive if alive is not None and now - alive > _DEAD_MS else None
        """When dcmon was last alive, if it is not now: what goes on in the journal since then, nobody has seen."""
        self._maintenance = journal.records("maintenance", limit=-1)
        self._corrections = _corrections(journal)

    def figures(self, view: IndicatorView, span: Span | None, windows: Sequence[Window] | None) -> Iterator[Figure]:
        """The figures of one indicator."""
        if span is not None:
            yield self._figure(view, view.window, span)
            return
        for window in windows or (cast(Window, view.window),):
            yield self._figure(view, window, period(window, self._now, self._config.site.timezone))

    def _seen(self, rows: Sequence[Interval]) -> Sequence[Interval]:
        died = self._died
        if died is None:
            return rows
        return [replace(row, end=max(died, row.start)) if row.end is None else row for row in rows]

    def _figure(self, view: IndicatorView, window: str, span: Span) -> Figure:
        since = _commissioned(self._config, view.subject) if self._commissioned else None
        start, ends = max(span[0], since or span[0]), span[1]
        end = max(start, min(ends, self._now))
        rows = self._seen(self._journal.intervals(view.id, start, end)) if end > start else ()
        if window == "commissioned" and since is None:
            start = min(end, rows[0].start) if rows else end
        windows = [row for row in self._maintenance if _touches(row, start, end)]
        left_out = excluding(view, windows, self._config.site.timezone)
        spans = [(row.started, row.ended or row.started) for row in left_out]
        recorded = measure(rows, start, end, spans)
        corrections = [row for row in self._corrections.get(view.id, ()) if _touches(row, start, end)]
        touching = [Correction.of(row) for row in corrections]
        changed: dict[str, int] = {}
        counted: Sequence[Interval] = rows
        if touching:
            counted, changed = corrected(rows, touching, start, end)
        return Figure(
            view, window, measure(counted, start, end, spans), recorded, since, max(ends, end),
            tuple(outages(counted, start, end, spans)), tuple(changed.items()), (*rows, *left_out, *corrections),
        )  # fmt: skip


def _touches(row: Record, start: int, end: int) -> bool:
    return row.started < end and (row.ended or 0) > start


_MEANS: dict[str, tuple[str, GroupRole, Callable[[Asset], int]]] = {
    "uplinks_weighted": ("uplink", GroupRole.UPLINKS, lambda asset: asset.rating.speed_bps or 0),
    "services_mean": ("services", GroupRole.SERVICES, lambda asset: 1),
}
"""Indicator -> the one whose figures it is made of, the role of the groups, what each member weighs."""


def _means(config: Config, found: Sequence[Figure]) -> Iterator[Figure]:
    """For each control that is a mean over all members of a role, their figure, per window."""
    controls = catalogue(config)
    for control in controls.values():
        if control.objective.indicator not in _MEANS:
            continue
        indicator, role, weigh = _MEANS[control.objective.indicator]
        members = {member for group in config.site.groups if group.role is role for member in group.members}
        weights = {asset.id: weigh(asset) for asset in config.site.assets if asset.id in members}
        sources = {
            one.id for one in controls.values()
            if (one.objective.indicator, one.objective.window) == (indicator, control.objective.window)
        }  # fmt: skip
        parts = [one for one in found if one.view.control in sources and one.view.subject in members]
        for window in dict.fromkeys(one.window for one in parts):
            same = [(one, weights.get(one.view.subject, 0)) for one in parts if one.window == window]
            if {one.view.subject for one, _ in same} == members and any(weight for _, weight in same):
                view = IndicatorView(
                    control.id, control.id, control.tom, control.title.de, control.title.en, "",
                    control.objective.target, control.objective.window, control.contract, Availability.UNKNOWN, 0, "",
                )  # fmt: skip
                yield _mean(view, window, same)


def _mean(view: IndicatorView, window: str, parts: Sequence[tuple[Figure, int]]) -> Figure:
    total = sum(weight for _, weight in parts)

    def mean(measures: Sequence[Measure]) -> Measure:
        start, end = min(one.start for one in measures), max(one.end for one in measures)

        def share(name: str) -> int:
            pairs = zip(measures, parts, strict=True)
            return round(sum(Fraction(getattr(one, name) * weight, total) for one, (_, weight) in pairs))

        up, down, out = share("up"), share("down"), share("excluded")
        return Measure(start, end, up, down, end - start - up - down - out, out)

    return Figure(
        view, window, mean([one.measure for one, _ in parts]), mean([one.recorded for one, _ in parts]), None,
        max(one.ends for one, _ in parts), inputs=tuple(row for one, _ in parts for row in one.inputs),
    )  # fmt: skip


def _commissioned(config: Config, subject: str) -> int | None:
    """From when availability is counted: the asset's first day, or the latest of a group's members."""
    members = next((group.members for group in config.site.groups if group.id == subject), (subject,))
    days = [asset.commissioned for asset in config.site.assets if asset.id in members and asset.commissioned]
    if not days:
        return None
    midnight = dt.datetime.combine(max(days), dt.time(0), ZoneInfo(config.site.timezone))
    return int(midnight.timestamp() * 1000)


def _percent(share: float | None) -> float | None:
    return None if share is None else share * 100
