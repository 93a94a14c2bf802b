"""All that a report says of a period, in no language yet: figures, records, incidents, tasks, clocks, deliveries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from dcmon.audit.manifest import Proved
from dcmon.cases import Outcome, by_promise, of_time, results
from dcmon.config.config import Config
from dcmon.model import FaultClock, Incident, Record, Task, Transition
from dcmon.promises import FixTimes, figures, fixed
from dcmon.storage.journal_reads import JournalReader
from dcmon.storage.outbox import Delivery
from dcmon.thresholds import IndicatorView, catalogue
from dcmon.thresholds.availability import Span, Window

LONGER: tuple[Window, ...] = ("year", "rolling_365d", "commissioned")
"""The windows that stand beside the period, up to its end."""
TIMELINE = 60
"""Entries of one incident's timeline at most; the journal keeps all."""
_GRAVEST = (Outcome.MISSED, Outcome.UNKNOWN, Outcome.MET)
_OWN_MEMORY = frozenset({"fuel"})
"""Records in which the core keeps what it must remember; they prove nothing by themselves."""


@dataclass(frozen=True, slots=True)
class IncidentFacts:
    """One incident of the period: what happened, who was told when, and what was learnt."""

    row: Incident
    tom: tuple[str, ...]
    timeline: tuple[Transition, ...]
    cut: int
    """How many later entries of the timeline were left out."""
    deliveries: tuple[Delivery, ...]
    lessons: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class Facts:
    """A period, [start, end) in ms UTC, as the journal knew it at `made`."""

    config: Config
    start: int
    end: int
    made: int
    proved: tuple[Proved, ...]
    outcomes: Mapping[str, Outcome]
    """T01 to T32."""
    records: Mapping[str, tuple[Record, ...]]
    """By kind, in order of time."""
    incidents: tuple[IncidentFacts, ...]
    tasks: tuple[Task, ...]
    clocks: tuple[FaultClock, ...]
    fixed: Mapping[str, FixTimes]
    """By control, for each that counts faults fixed in time."""
    deliveries: tuple[Delivery, ...]
    agent: tuple[Transition, ...]
    """When dcmon itself started and stopped."""

    @property
    def upto(self) -> int:
        """Where the period ends for the report: at its end, or when the report was made."""
        return max(self.start, min(self.end, self.made))

    @property
    def over(self) -> bool:
        """The period had ended when the report was made: its figures are final."""
        return self.made >= self.end

    @property
    def begun(self) -> bool:
        """Some of the period had passed when the report was made; before, there is nothing to show."""
        return self.made > self.start

    def of_promise(self, tom: str, window: str = "period") -> tuple[Proved, ...]:
        """The figures of one promise, in the order of the catalogue."""
        return tuple(one for one in self.of_window(window) if one.result.control.tom == tom)

    def of_window(self, window: str) -> tuple[Proved, ...]:
        """All figures over the period, or over a longer window."""
        return tuple(one for one in self.proved if one.window == window)

    def main(self, tom: str) -> Proved | None:
        """The figure that the verdict of a promise comes from: of those that count the worst."""
        rows = self.of_promise(tom)
        counting = [one for one in rows if one.result.control.contract] or list(rows)
        return min(counting, key=lambda one: _GRAVEST.index(one.result.outcome), default=None)

    def touching(self, tom: str) -> tuple[IncidentFacts, ...]:
        """The incidents of rules of a promise."""
        return tuple(one for one in self.incidents if tom in one.tom)

    def about(self, tom: str) -> tuple[Record, ...]:
        """Every record of the period that is evidence for a promise."""
        return tuple(row for rows in self.records.values() for row in rows if tom in row.tom)


def gather(
    config: Config, journal: JournalReader, views: Sequence[IndicatorView], span: Span, made: int
) -> Facts:  # fmt: skip
    """Everything of [start, end) that the journal knows. `journal` answers as it was at `made` (see `asof`)."""
    start, end = span
    upto = max(start, min(end, made))
    proved, outcomes = prove(config, journal, views, span, made)
    clocks = tuple(sorted(_between(journal.clocks(limit=-1), start, upto), key=lambda row: (row.started, row.id)))
    records = _records(journal, start, upto)
    return Facts(
        config, start, end, made, proved, outcomes, records,
        _incidents(config, journal, start, upto, made),
        tuple(row for row in reversed(journal.tasks(limit=-1)) if row.opened < upto and (row.closed or upto) >= start),
        clocks,
        fixed(config, clocks, span, upto),
        tuple(row for row in journal.deliveries(since=start, limit=-1) if row.ts < upto),
        tuple(journal.transitions(since=start, until=upto, type="agent", limit=-1)),
    )  # fmt: skip


def prove(
    config: Config, journal: JournalReader, views: Sequence[IndicatorView], span: Span, made: int
) -> tuple[tuple[Proved, ...], dict[str, Outcome]]:
    """(all figures of a report, what the period says of each promise)."""
    start, end = span
    found = results(config, journal, views, made, span)
    proved = [Proved("period", result) for result in found]
    # The last millisecond of the period lies in the windows that end with it; the next would begin others.
    last = max(start, min(end, made)) - 1 if made > start else made
    controls = catalogue(config)
    longer = [view for view in views if not view.of_rules]
    proved += [
        Proved(figure.window, of_time(controls[figure.view.control], figure))
        for figure in figures(config, journal, longer, last, None, LONGER)
    ]
    return tuple(proved), by_promise(found)


def _between(rows: Iterable[FaultClock], start: int, end: int) -> list[FaultClock]:
    return [row for row in rows if row.started < end and (row.stopped is None or row.stopped >= start)]


def _records(journal: JournalReader, start: int, end: int) -> dict[str, tuple[Record, ...]]:
    kinds: dict[str, list[Record]] = {}
    for row in reversed(journal.records(limit=-1)):
        entered = row.data.get("entered", row.started)
        touches = row.started < end and (row.ended is None or row.ended >= start)
        if row.kind not in _OWN_MEMORY and (touches or start <= entered < end):
            kinds.setdefault(row.kind, []).append(row)
    return {kind: tuple(rows) for kind, rows in sorted(kinds.items())}


def _incidents(
    config: Config, journal: JournalReader, start: int, end: int, made: int
) -> tuple[IncidentFacts, ...]:  # fmt: skip
    promises = {rule.id: rule.tom for rule in config.judged}
    told: dict[str, list[Delivery]] = {}
    for delivery in journal.deliveries(since=start, limit=-1):
        told.setdefault(delivery.incident or "", []).append(delivery)
    lessons: dict[str, list[Record]] = {}
    for record in reversed(journal.records("lesson", limit=-1)):
        lessons.setdefault(record.subject, []).append(record)
    found = []
    for row in reversed(journal.incidents(limit=-1)):
        if row.opened >= end or (row.resolved is not None and row.resolved < start) or row.state == "merged":
            continue
        # Who was told stands with the deliveries, which say whether it arrived.
        timeline = [one for one in journal.transitions(incident=row.id, until=made + 1, limit=-1) if one.type != "page"]
        found.append(
            IncidentFacts(
                row, promises.get(row.rule, ()), tuple(timeline[:TIMELINE]), max(0, len(timeline) - TIMELINE),
                tuple(told.get(row.id, ())), tuple(lessons.get(row.id, ())),
            )
        )  # fmt: skip
    return tuple(found)
