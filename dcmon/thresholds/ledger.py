"""The rows as they stand and what the present step has changed of them. Everything the core decides goes through it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dcmon.model import (
    Alarm,
    Changes,
    FaultClock,
    Incident,
    Interval,
    Record,
    SeriesKey,
    Severity,
    Snapshot,
    Task,
    Transition,
    UsualHour,
)


class Ledger:
    """Present rows, and the Changes under way."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.alarms: dict[str, Alarm] = dict(snapshot.alarms)
        self.incidents: dict[str, Incident] = dict(snapshot.incidents)
        self.tasks: dict[str, Task] = dict(snapshot.tasks)
        self.clocks: dict[str, FaultClock] = dict(snapshot.clocks)
        self.intervals: dict[str, Interval] = dict(snapshot.intervals)
        self.records: dict[str, Record] = dict(snapshot.records)
        self.usual: dict[tuple[SeriesKey, int], UsualHour] = dict(snapshot.usual)
        """What is usual, as it was stored; the baselines take it over."""
        self.recorded: list[Callable[[Record], None]] = []
        """Hear of every record that is new or has changed."""
        self._changes = Changes()

    def take(self) -> Changes:
        """What has changed since it was last taken."""
        changes, self._changes = self._changes, Changes()
        return changes

    def put_alarm(self, row: Alarm) -> None:
        self.alarms[row.key] = self._changes.alarms[row.key] = row

    def put_incident(self, row: Incident) -> None:
        self.incidents[row.id] = self._changes.incidents[row.id] = row

    def put_task(self, row: Task) -> None:
        self.tasks[row.id] = self._changes.tasks[row.id] = row

    def put_clock(self, row: FaultClock) -> None:
        self.clocks[row.id] = self._changes.clocks[row.id] = row

    def put_record(self, row: Record) -> None:
        self.records[row.id] = self._changes.records[row.id] = row
        for hear in self.recorded:
            hear(row)

    def put_usual(self, row: UsualHour) -> None:
        self._changes.usual[row.series, row.hour] = row

    def put_interval(self, row: Interval) -> None:
        """The open interval of its indicator, or, with an end, the closed one."""
        self._changes.intervals.append(row)
        if row.end is None:
            self.intervals[row.indicator] = row

    def mark(self) -> int:
        """A place among the transitions, to say something there later."""
        return len(self._changes.transitions)

    def tell(self, transition: Transition, at: int | None = None) -> None:
        """Adds a transition; `at` puts it before what followed from it."""
        if at is None:
            self._changes.transitions.append(transition)
        else:
            self._changes.transitions.insert(at, transition)


def alarm_transition(
    row: Alarm, now: int, state: str, reason: str, data: Mapping[str, Any] | None = None
) -> Transition:
    """A transition of an alarm, with what every reader of one needs."""
    facts: dict[str, Any] = {"started": row.started, "value": row.value}
    if row.index is not None:
        facts["index"] = row.index
    if row.due is not None:
        facts["due"] = row.due
    if row.suppressed is not None:
        facts["suppressed"] = row.suppressed
    return Transition(
        now, "alarm", row.key, state, reason, row.asset, row.rule, row.severity, row.incident, facts | dict(data or {})
    )


def incident_transition(
    row: Incident, now: int, state: str, reason: str, asset: str | None = None, rule: str | None = None,
    severity: Severity | None = None, data: Mapping[str, Any] | None = None,
) -> Transition:  # fmt: skip
    """A transition of an incident; asset and rule are those of its root unless another alarm made it happen."""
    facts = {"root": row.root, "title": row.title, "class": row.cls, "paging": row.paging, "started": row.started}
    return Transition(
        now, "incident", row.id, state, reason, asset or row.root, rule or row.rule, severity or row.severity, row.id,
        facts | dict(data or {}),
    )  # fmt: skip


def record_transition(row: Record, now: int, state: str, reason: str | None = None, **more: Any) -> Transition:
    """A transition of a record, with what every reader of one needs; `reason` where it is not the record's."""
    facts = {
        "kind": row.kind, "verdict": row.verdict, "started": row.started, "ended": row.ended, "by": row.by,
        "tom": list(row.tom),
    }  # fmt: skip
    if reason is None:
        reason = f"{row.reason} ({row.by})" if row.by else row.reason
    data = {**row.data, **facts, **more}
    about = next(iter(row.data.get("scope", ())), row.subject)
    return Transition(now, "record", row.id, state, reason, about, row.rule, data=data)
