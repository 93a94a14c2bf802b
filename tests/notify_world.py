"""A small site with people, routes and rosters, and rows as the engine would write them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from dcmon.config.agent import Agent
from dcmon.config.collectors import Collectors
from dcmon.config.config import Config
from dcmon.config.people import People, Roster
from dcmon.config.roster import schedule
from dcmon.config.rules import Rules
from dcmon.config.site import Site
from dcmon.model import (
    Alarm,
    AlarmState,
    Changes,
    FaultClock,
    Incident,
    Notification,
    Severity,
    Snapshot,
    Task,
    Transition,
)

T0 = int(dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC).timestamp() * 1000)
"""10:00 in Munich."""
MINUTE = 60_000

WORDS = {
    "cause": "The UPS input has failed.",
    "consequence": "Batteries carry the load for minutes only.",
    "response": "Get a source to the input.",
}
RULES = [
    {"id": "ups-on-battery", "kind": "state", "title": "on battery", "class": "power", "severity": "warning",
     "tom": ["T03"], "select": {"point": "ups.on_battery"}, "is": True, **WORDS},
    {"id": "mains-lost", "kind": "state", "title": "mains lost", "class": "power", "severity": "critical",
     "tom": ["T02"], "select": {"point": "mains.available"}, "is": False, **WORDS},
    {"id": "fuel-low", "kind": "limit", "title": "below 75 %", "class": "fuel", "severity": "warning", "tom": ["T06"],
     "select": {"point": "fuel.level"}, "below": 75, **WORDS},
    {"id": "uplink-down", "kind": "state", "title": "link down", "class": "network", "severity": "warning",
     "tom": ["T22"], "select": {"point": "if.oper_status"}, "is": "down", "clock": {"limit": "4h"}, **WORDS},
]  # fmt: skip
ASSETS = [
    {"id": "mains-a", "kind": "mains", "name": "Mains route A", "section": "fs3", "location": "Substation West"},
    {"id": "ups-a", "kind": "ups", "name": "UPS A", "section": "fs3", "location": "UPS room west"},
    {"id": "ups-b", "kind": "ups", "name": "UPS B", "section": "fs3", "location": "UPS room east"},
    {"id": "tank-a", "kind": "tank", "name": "Fuel tank A", "location": "Generator yard west"},
    {"id": "uplink-1", "kind": "uplink", "name": "Uplink 1"},
]
PEOPLE = {
    "people": [
        {"id": "anna", "name": "Anna Weber", "email": "anna@example.org", "language": "de"},
        {"id": "ben", "name": "Ben Lang", "email": "ben@example.org", "language": "en"},
        {"id": "lead", "name": "Head of operations", "email": "lead@example.org", "language": "en"},
        {"id": "boss", "name": "Boss", "email": "boss@example.org", "webhook": "http://127.0.0.1:1/hook"},
    ],
    "rosters": [{"id": "energy", "name": "Energy", "shifts": [{"person": "anna"}]}],
    "routes": [
        {"id": "energy", "classes": ["power", "fuel"], "to": [{"roster": "energy"}],
         "escalation": [{"after": "5m", "to": [{"person": "lead"}]}, {"after": "10m", "to": [{"person": "boss"}]}]},
        {"id": "rest", "to": [{"person": "ben"}]},
    ],
}  # fmt: skip


def config(people: Mapping[str, Any] | None = None, agent: Mapping[str, Any] | None = None) -> Config:
    """The site with other people or settings."""
    return Config(
        agent=Agent.model_validate(agent or {}),
        site=Site.model_validate(
            {"name": "Munich", "sections": [{"id": "fs3", "name": "Fire section 3"}], "assets": ASSETS}
        ),
        collectors=Collectors.model_validate(
            {"devices": {"ups-a": {"snmp": {"host": "127.0.0.1", "credentials": "public"}}}}
        ),
        rules=Rules.model_validate({"rules": RULES}),
        people=People.model_validate({**PEOPLE, **(people or {})}),
        directory=Path(),
    )


def alarm(asset: str = "ups-a", rule: str = "ups-on-battery", **changes: Any) -> Alarm:
    row = Alarm(
        key=f"{rule}/{asset}", rule=rule, asset=asset, index=None, state=AlarmState.ACTIVE, severity=Severity.WARNING,
        since=T0, started=T0 - 5_000, reason=f"{asset} has run on battery for 5 s",
    )  # fmt: skip
    return replace(row, **changes)


def incident(**changes: Any) -> Incident:
    row = Incident(
        id="i1", state="open", root="ups-a", title="UPS A: on battery", severity=Severity.WARNING, cls="power",
        started=T0 - 5_000, opened=T0, alarms=("ups-on-battery/ups-a",), rule="ups-on-battery",
    )  # fmt: skip
    return replace(row, **changes)


def task(**changes: Any) -> Task:
    row = Task(
        id="refuel-1", kind="refuel", asset="tank-a", rule="fuel-low", state="open", title="Order fuel", opened=T0,
        due=T0 + 48 * 3_600_000, reason="fuel.level is 74 %",
    )  # fmt: skip
    return replace(row, **changes)


def fault_clock(**changes: Any) -> FaultClock:
    row = FaultClock(
        id="uplink-down/uplink-1@x", rule="uplink-down", asset="uplink-1", incident="i1", started=T0,
        limit_ms=4 * 3_600_000, state="running",
    )  # fmt: skip
    return replace(row, **changes)


def happened(at: int, state: str, row: Incident, *alarms: Alarm) -> Changes:
    """An incident's transition, as the engine tells it."""
    transition = Transition(at, "incident", row.id, state, state, row.root, row.rule, row.severity, row.id)
    return Changes(transitions=[transition], incidents={row.id: row}, alarms={each.key: each for each in alarms})


def task_happened(at: int, state: str, row: Task) -> Changes:
    return Changes(transitions=[Transition(at, "task", row.id, state, state)], tasks={row.id: row})


def clock_happened(at: int, state: str, row: FaultClock, percent: int) -> Changes:
    transition = Transition(at, "clock", row.id, state, state, incident=row.incident, data={"percent": percent})
    return Changes(transitions=[transition], clocks={row.id: row})


def told(changes: Changes) -> list[tuple[str, str, str]]:
    """(person, kind, reason) of each notification."""
    return [(message.person, message.kind, message.reason) for message in changes.notifications]


def remember(snapshot: Snapshot, changes: Changes) -> None:
    """Keeps the rows as the journal does."""
    snapshot.alarms |= changes.alarms
    snapshot.incidents |= changes.incidents
    snapshot.tasks |= changes.tasks
    snapshot.clocks |= changes.clocks
    for key, row in changes.escalations.items():
        if row.state == "done":
            snapshot.escalations.pop(key, None)
        else:
            snapshot.escalations[key] = row


def notification(**changes: Any) -> Notification:
    """A page as the Pager makes it."""
    from dcmon.notify.escalation import Pager

    decided = Pager(config()).step(happened(T0, "opened", incident(), alarm(incident="i1")), T0)
    return replace(decided.notifications[0], **changes)


def holes(roster: Roster, start: int, end: int, timezone: str) -> list[tuple[int, int]]:
    """The stretches of `start` to `end` in which nobody is on duty."""
    return [(watch.start, watch.end) for watch in schedule(roster, start, end, timezone) if not watch.people]
