"""What came of a demo, as plain JSON: from the journal, not from memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from dcmon.app import Running
from dcmon.instants import iso_utc
from dcmon.model import Alarm, FaultClock, Incident, Task
from dcmon.promises import figures
from dcmon.storage.outbox import OutboxRow


def demo_report(
    scenario: str, running: Running, started: int, now: int, mails: Sequence[dict[str, str]]
) -> dict[str, Any]:
    """Incidents with timelines, pages, mails, tasks, clocks, availability; times are ISO 8601 UTC."""
    journal = running.journal
    alarms = {alarm.key: alarm for alarm in journal.alarms()}
    views = running.pipeline.judge.availability(now)
    measured = figures(running.config, journal, views, now, (started, now))
    states = {view.id: view.state.value for view in views}
    return {
        "scenario": scenario,
        "started": iso(started),
        "ended": iso(now),
        "readings": running.pipeline.readings,
        "incidents": [_incident(incident, alarms, running) for incident in reversed(journal.incidents(1000))],
        "pages": [_page(row) for row in sorted(journal.outbox(limit=10_000), key=lambda row: row.notification.created)],
        "mails": list(mails),
        "tasks": [_task(task) for task in journal.tasks()],
        "clocks": [_clock(clock) for clock in journal.clocks()],
        "availability": {one.view.id: {**one.as_dict(), "state": states.get(one.view.id)} for one in measured},
    }


def iso(ms: int | None) -> str | None:
    """ISO 8601, UTC, with milliseconds."""
    return None if ms is None else iso_utc(ms)


def _incident(incident: Incident, alarms: dict[str, Alarm], running: Running) -> dict[str, Any]:
    timeline = running.journal.transitions(incident=incident.id, limit=10_000)
    return {
        "id": incident.id,
        "state": incident.state,
        "root": incident.root,
        "rule": incident.rule,
        "title": incident.title,
        "severity": incident.severity.value,
        "class": incident.cls,
        "paging": incident.paging,
        "started": iso(incident.started),
        "opened": iso(incident.opened),
        "resolved": iso(incident.resolved),
        "acknowledged_by": incident.acked_by,
        "merged_into": incident.merged_into,
        "alarms": [_alarm(alarms[key]) for key in incident.alarms if key in alarms],
        "timeline": [
            {
                "ts": iso(each.ts),
                "type": each.type,
                "state": each.state,
                "asset": each.asset,
                "rule": each.rule,
                "severity": each.severity.value if each.severity else None,
                "reason": each.reason,
                **{key: each.data[key] for key in ("person", "channel", "kind") if key in each.data},
            }
            for each in sorted(timeline, key=lambda each: each.ts)
        ],
    }


def _alarm(alarm: Alarm) -> dict[str, Any]:
    return {
        "rule": alarm.rule,
        "asset": alarm.asset,
        "index": alarm.index,
        "state": alarm.state.value,
        "severity": alarm.severity.value,
        "started": iso(alarm.started),
        "reason": alarm.reason,
        "suppressed": alarm.suppressed,
    }


def _page(row: OutboxRow) -> dict[str, Any]:
    message = row.notification
    return {
        "ts": iso(message.created),
        "incident": message.incident,
        "person": message.person,
        "channel": message.channel,
        "kind": message.kind,
        "reason": message.reason,
        "severity": message.severity.value,
        "subject": message.subject,
        "asset": message.facts.get("asset"),
        "rule": message.facts.get("rule"),
        "state": row.state,
        "attempts": row.attempts,
        "key": message.key,
    }


def _task(task: Task) -> dict[str, Any]:
    times = {name: iso(getattr(task, name)) for name in ("opened", "due", "closed")}
    return {**asdict(task), **times, "memory": dict(task.memory)}


def _clock(clock: FaultClock) -> dict[str, Any]:
    times = {name: iso(getattr(clock, name)) for name in ("started", "stopped", "stable_since")}
    return {**asdict(clock), **times, "warned": list(clock.warned)}
