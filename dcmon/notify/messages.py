"""Rows -> what is to be said of them, before it is known to whom. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from dcmon.config.rules import Rule
from dcmon.model import Alarm, FaultClock, Incident, Severity, Task, Transition
from dcmon.notify.facts import FactBook
from dcmon.notify.reasons import Reason, planned
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


def order(book: FactBook, task: Task, rule: Rule, state: str) -> Message:
    """What a supplier is to deliver; nothing else of the site."""
    return about_task(book, task, rule, state)._replace(
        kind="order", subject=f"{book.site}, {book.name(task.asset)}", facts=book.order(task)
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


def about_page_test(book: FactBook, transition: Transition) -> Message:
    """A page by which the way to somebody is tried."""
    return Message(
        thread=transition.subject,
        kind="page-test",
        mark="",
        cls="monitoring",
        severity=Severity.INFO,
        subject=book.site,
        asset=transition.asset or "",
        rule="page-test",
        facts=book.page_test(transition),
    )


_TOLD = frozenset({"announced", "changed", "cancelled", "ahead", "overrun", "passed", "failed", "incomplete"})
_RESULTS = frozenset({"passed", "failed", "incomplete"})
_GRAVE = frozenset({"overrun", "failed"})


def why_told(transition: Transition) -> Reason | None:
    """Why people hear of a change of planned work; None for what nobody has to hear."""
    if transition.data.get("kind") not in ("maintenance", "drill") or transition.state not in _TOLD:
        return None
    if transition.state in ("announced", "changed") and transition.data["phase"] == "over":
        return None
    state = "result" if transition.state in _RESULTS else transition.state
    return planned(state, transition.data.get("before_ms"))


def about_planned(book: FactBook, transition: Transition) -> Message:
    """A notice of maintenance or of a drill."""
    data = transition.data
    mark = f"{transition.state}-{data['sequence']}"
    if transition.state == "ahead":
        mark += f"-{data['before_ms']}"
    return Message(
        thread=transition.subject,
        kind="maintenance",
        mark=mark,
        cls="monitoring",
        severity=Severity.WARNING if transition.state in _GRAVE else Severity.INFO,
        subject=str(data["title"]),
        asset=transition.asset or "",
        rule=str(data["kind"]),
        facts=book.planned(transition),
    )
