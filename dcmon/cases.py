"""Results of controls over a period: shares of time from the ledger of intervals, shares of cases from records, tasks,
fault clocks and deliveries. Each names its evidence and is met, missed or unknown; a promise is as good as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any, NamedTuple, TypeAlias

from dcmon.config.config import Config
from dcmon.config.site import PLACELESS, AssetKind
from dcmon.model import FaultClock, Incident, Interval, Record, Severity, Task
from dcmon.promises import Figure, figures
from dcmon.storage.journal_reads import JournalReader
from dcmon.storage.outbox import Delivery
from dcmon.thresholds import IndicatorView, Verdict, catalogue
from dcmon.thresholds.availability import Span
from dcmon.thresholds.controls import OF_CASES, Control, promises
from dcmon.thresholds.exclusions import CLASSES, announced_in_time
from dcmon.thresholds.sequence_parts import LATE, MISSING, UNSEEN


class Place(NamedTuple):
    """Where an asset stands: its fire section, and the fire panels that watch it."""

    asset: str
    section: str | None
    panels: tuple[str, ...]


Row: TypeAlias = Interval | Record | Task | FaultClock | Incident | Delivery | Place
"""What figures are made from."""
TOLD_WITHIN_MS = 300_000
"""Somebody has to be reached so soon after an incident was opened (T20: at once)."""
LEARNT_WITHIN_MS = 14 * 86_400_000
"""The lessons of an incident are due so long after its end (T30)."""
_MOST_EVIDENCE = 200


class Outcome(StrEnum):
    """What a period says about a control."""

    MET = "met"
    MISSED = "missed"
    UNKNOWN = "unknown"


_OF_VERDICT = {Verdict.MET: Outcome.MET, Verdict.BREACHED: Outcome.MISSED, Verdict.UNPROVEN: Outcome.UNKNOWN}


@dataclass(frozen=True, slots=True)
class Result:
    """One control of one subject over [start, end), ms UTC.

    value: per cent of the time or of the cases that was good, as far as is known; None when nothing is known.
    evidence: ids of records, tasks, clocks and incidents, or of the indicator whose intervals were counted.
    """

    control: Control
    subject: str
    start: int
    end: int
    outcome: Outcome
    value: float | None
    good: int
    bad: int
    open: int
    evidence: tuple[str, ...]
    inputs: tuple[Row, ...] = ()
    """The rows of the journal that it was made from."""
    figure: Figure | None = None

    @property
    def of_time(self) -> bool:
        """Whether good, bad and open are ms of time; else they are numbers of cases."""
        return self.figure is not None


class _Case:
    """One case: its id, when it counts (None: always), whether it was good (None: not decided yet), the rows of it."""

    __slots__ = ("at", "good", "id", "rows")

    def __init__(self, case_id: str, at: int | None, good: bool | None, *rows: Row) -> None:
        self.id = case_id
        self.at = at
        self.good = good
        self.rows = rows


def results(
    config: Config, journal: JournalReader, views: Sequence[IndicatorView], now: int, span: Span
) -> list[Result]:
    """The result of every control over `span`, up to `now` at most; in the order of the catalogue."""
    found: dict[str, list[Result]] = {}
    controls = catalogue(config)
    for figure in figures(config, journal, views, now, span):
        found.setdefault(figure.view.control, []).append(of_time(controls[figure.view.control], figure))
    end = max(span[0], min(span[1], now))
    for control in controls.values():
        if control.objective.indicator in OF_CASES:
            cases = [case for case in _CASES[control.objective.indicator](config, journal, control, now)
                     if (span[0] if case.at is None else case.at) in range(span[0], end)]  # fmt: skip
            found[control.id] = [_of_cases(control, cases, span[0], end)]
    return [result for control in controls for result in found.get(control, ())]


def by_promise(found: Iterable[Result]) -> dict[str, Outcome]:
    """T01 to T32: missed if a contract figure is missed, unknown if one is unknown or there is none, else met.

    Where no control of a promise is marked as its contract figure, all of them count.
    """
    rows: dict[str, list[Result]] = {}
    for result in found:
        rows.setdefault(result.control.tom, []).append(result)
    return {promise: _together(rows.get(promise, ())) for promise in promises()}


def _together(rows: Sequence[Result]) -> Outcome:
    outcomes = {row.outcome for row in rows if row.control.contract} or {row.outcome for row in rows}
    if Outcome.MISSED in outcomes:
        return Outcome.MISSED
    return Outcome.UNKNOWN if Outcome.UNKNOWN in outcomes or not outcomes else Outcome.MET


def of_time(control: Control, figure: Figure) -> Result:
    """A figure of time as the result of its control."""
    measure = figure.measure
    share, outcome = measure.measured, _OF_VERDICT[measure.verdict(control.objective.target)]
    evidence = (figure.view.id, *(name for name, _ in figure.corrections))
    return Result(
        control, figure.view.subject, measure.start, measure.end, outcome,
        None if share is None else share * 100, measure.up, measure.down, measure.unknown, evidence,
        figure.inputs, figure,
    )  # fmt: skip


def _of_cases(control: Control, cases: Sequence[_Case], start: int, end: int) -> Result:
    good = sum(case.good is True for case in cases)
    bad = sum(case.good is False for case in cases)
    target = Fraction(str(control.objective.target)) / 100
    met = Outcome.MET if good >= target * (good + bad) else Outcome.MISSED
    outcome = met if good + bad else Outcome.UNKNOWN
    value = 100 * good / (good + bad) if good + bad else None
    ordered = sorted(cases, key=lambda case: (case.at or 0, case.id))
    evidence = tuple(case.id for case in ordered)[:_MOST_EVIDENCE]
    inputs = tuple(row for case in ordered for row in case.rows)
    return Result(control, "", start, end, outcome, value, good, bad, len(cases) - good - bad, evidence, inputs)


_VERDICTS = {"passed": True, "failed": False}


def _passed(config: Config, journal: JournalReader, control: Control, now: int) -> list[_Case]:
    """Records of the kind that are about the promise."""
    return [
        _Case(row.id, row.started, _good_for(row, control.tom), row)
        for row in journal.records(control.objective.kind, limit=-1)
        if row.state != "void" and control.tom in row.tom and not (row.state == "done" and row.verdict is None)
    ]


def _good_for(row: Record, tom: str) -> bool | None:
    """Whether a record was good for one promise: a sequence by the steps and bans that are about it, if any are."""
    steps = [step for step in row.data.get("steps", ()) if tom in step.get("tom", ())]
    bans = [ban for ban in row.data.get("never", ()) if tom in ban.get("tom", ())]
    if row.verdict in (None, "passed") or not (steps or bans):
        return _VERDICTS.get(row.verdict or "")
    states = {step["state"] for step in steps}
    if states & {LATE, MISSING} or any(ban["at"] is not None for ban in bans):
        return False
    return None if UNSEEN in states else True


def _fixed(config: Config, journal: JournalReader, control: Control, now: int) -> list[_Case]:
    """Fault clocks of rules of the promise: good when stopped in time, bad from the limit on."""
    rules = {rule.id for rule in config.judged if control.tom in rule.tom}
    cases = []
    for clock in journal.clocks(limit=-1):
        if clock.rule in rules:
            lasted = (now if clock.stopped is None else clock.stopped) - clock.started
            good = None if clock.stopped is None and lasted <= clock.limit_ms else lasted <= clock.limit_ms
            cases.append(_Case(clock.id, clock.started, good, clock))
    return cases


def _tasks(config: Config, journal: JournalReader, control: Control, now: int) -> list[_Case]:
    """Tasks of the kind: good when done by their deadline."""
    return [
        _Case(task.id, task.opened, _in_time(task, now), task)
        for task in journal.tasks(limit=-1)
        if task.kind == control.objective.kind
    ]


def _in_time(task: Task, now: int) -> bool | None:
    if task.closed is not None:
        return task.closed <= task.due
    return False if now > task.due else None


def _announced(config: Config, journal: JournalReader, control: Control, now: int) -> list[_Case]:
    """Windows of maintenance of class low or high: good when announced four weeks ahead."""
    return [
        _Case(row.id, row.started, announced_in_time(row.started, row.data.get("announced"), config.site.timezone), row)
        for row in journal.records("maintenance", limit=-1)
        if row.state != "void" and row.data.get("class") in CLASSES
    ]


def _told(config: Config, journal: JournalReader, control: Control, now: int) -> list[_Case]:
    """Incidents that page: good when a message about one was accepted in time."""
    first: dict[str, Delivery] = {}
    for delivery in journal.deliveries(limit=-1):
        name = delivery.incident
        if name is not None and delivery.result == "sent" and (name not in first or delivery.ts < first[name].ts):
            first[name] = delivery
    return [
        _Case(
            row.id, row.opened, _reached(row, first.get(row.id), now), row, *(one for one in [first.get(row.id)] if one)
        )
        for row in journal.incidents(limit=-1)
        if row.paging and row.state != "merged"
    ]


def _reached(incident: Incident, sent: Delivery | None, now: int) -> bool | None:
    if sent is None:
        return False if now > incident.opened + TOLD_WITHIN_MS else None
    return sent.ts <= incident.opened + TOLD_WITHIN_MS


def _learnt(config: Config, journal: JournalReader, control: Control, now: int) -> list[_Case]:
    """Critical incidents: good when their lessons are on record, bad when these are overdue."""
    lessons = {row.subject: row for row in journal.records("lesson", limit=-1) if row.state != "void"}
    cases = []
    for incident in journal.incidents(limit=-1):
        if incident.severity is Severity.CRITICAL and incident.state != "merged":
            lesson = lessons.get(incident.id)
            due = None if incident.resolved is None else incident.resolved + LEARNT_WITHIN_MS
            good = None if lesson is None and (due is None or now <= due) else lesson is not None
            cases.append(_Case(incident.id, incident.opened, good, incident, *([lesson] if lesson else [])))
    return cases


def _placed(config: Config, journal: JournalReader, control: Control, now: int) -> list[_Case]:
    """Assets: good when they stand in a fire section that a fire panel watches. What has no place is left out."""
    panels: dict[str | None, list[str]] = {}
    for asset in config.site.assets:
        if asset.kind is AssetKind.FIRE_PANEL:
            panels.setdefault(asset.section, []).append(asset.id)
    cases = []
    for asset in config.site.assets:
        if asset.kind not in PLACELESS:
            place = Place(asset.id, asset.section, tuple(panels.get(asset.section, ())) if asset.section else ())
            cases.append(_Case(asset.id, None, bool(place.panels), place))
    return cases


_CASES: dict[str, Callable[[Config, JournalReader, Control, int], list[_Case]]] = {
    "passed": _passed,
    "fixed": _fixed,
    "tasks": _tasks,
    "announced": _announced,
    "told": _told,
    "learnt": _learnt,
    "placed": _placed,
}
"""Indicator of cases -> what lists them, whenever they were."""


def as_dict(result: Result) -> dict[str, Any]:
    """Plain JSON, for programs and for the manifest of a report."""
    return {
        "control": result.control.id, "tom": result.control.tom, "subject": result.subject,
        "indicator": result.control.objective.indicator, "target": result.control.objective.target,
        "start": result.start, "end": result.end, "outcome": result.outcome.value, "value": result.value,
        "good": result.good, "bad": result.bad, "open": result.open, "evidence": list(result.evidence),
    }  # fmt: skip
