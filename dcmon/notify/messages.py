"""Rows -> what is to be said of them, before it is known to whom. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from dcmon.config.rules import Rule
from dcmon.model import Alarm, FaultClock, Incident, Severity, Task
from dcmon.notify.facts import FactBook
from dcmon.notify.telling import Message


def about_incident(
    book: FactBook, incident: Incident, alarms: Mapping[str, Alarm], severity: Severity, kind: str, mark: str
) -> Message:
    """A page about an incident, or (kind resolved) its end."""
    return Message(
        thread=incident.id,
        kind=kind,
        mark=mark,
        cls=incident.cls,
        severity=severity,
        subject=book.subject(incident.root, incident.title),
        asset=incident.root,
        rule=incident.rule,
        facts=book.incident(incident, alarms),
    )


def about_task(book: FactBook, task: Task, rule: Rule, state: str) -> Message:
    """A task that is opened, overdue or done."""
    return Message(
        thread=task.id,
        kind="task",
        mark=state,
        cls=rule.cls,
        severity=rule.severity,
        subject=book.subject(task.asset, task.title),
        asset=task.asset,
        rule=task.rule,
        facts=book.task(task),
    )


def about_clock(book: FactBook, clock: FaultClock, incident: Incident | None, rule: Rule, percent: int) -> Message:
    """A fault clock of which `percent` are used up."""
    return Message(
        thread=clock.incident or clock.id,
        kind="clock",
        mark=f"{clock.id}-{percent}-{clock.reopened}",
        cls=rule.cls if incident is None else incident.cls,
        severity=rule.severity if incident is None else incident.severity,
        subject=book.subject(clock.asset, rule.title),
        asset=clock.asset,
        rule=clock.rule,
        facts=book.clock(clock, incident, percent),
    )
