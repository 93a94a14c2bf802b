"""What a message says: plain JSON built from the configuration and the rows. Pure; no address, no secret.

The facts are kept with the notification in the journal, so that a message sent an hour late, or again after a crash,
says what was true when it was decided.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from dcmon.config.config import Config
from dcmon.config.rules import Rule
from dcmon.model import Alarm, AlarmState, FaultClock, Incident, Task, Transition
from dcmon.notify.translation import german

_MAX_ALARMS = 20
"""Alarms listed one by one; a message that nobody reads to its end helps nobody. The page shows all."""


_PLAN = (
    "title", "announced", "contact", "text", "mute", "exclude", "with_fed", "late", "before_ms", "verdict",
)  # fmt: skip


class FactBook:
    """Everything about the site that messages name, looked up once."""

    def __init__(self, config: Config) -> None:
        site = config.site
        self._site = {"site": site.name, "timezone": site.timezone}
        self._url = config.agent.web.address
        self._rules: dict[str, Rule] = {rule.id: rule for rule in config.judged}
        sections = {section.id: section.name for section in site.sections}
        self._places: dict[str, dict[str, str | None]] = {
            group.id: {"asset_name": group.name, "location": None, "section": None} for group in site.groups
        } | {
            asset.id: {
                "asset_name": asset.name,
                "location": asset.location,
                "section": sections.get(asset.section or ""),
            }
            for asset in site.assets
        }

    def rule(self, rule_id: str) -> Rule | None:
        return self._rules.get(rule_id)

    def name(self, asset_id: str) -> str:
        """The asset's (or group's) name, its id where the configuration no longer has it."""
        place = self._places.get(asset_id)
        return place["asset_name"] or asset_id if place is not None else asset_id

    def subject(self, asset_id: str, title: str) -> str:
        """`name: title`, or the title alone where it names the asset itself."""
        name = self.name(asset_id)
        return title if name in title else f"{name}: {title}"

    def incident(self, incident: Incident, alarms: Mapping[str, Alarm]) -> dict[str, Any]:
        """Facts of an incident; `alarms` are the rows known now, by key, those of other incidents included."""
        known = [alarms[key] for key in incident.alarms if key in alarms]
        root = next((alarm for alarm in known if alarm.rule == incident.rule), known[0] if known else None)
        return {
            **self._about(incident.root, incident.rule),
            "incident": incident.id,
            "title": incident.title,
            "class": incident.cls,
            "started": incident.started,
            "opened": incident.opened,
            "resolved": incident.resolved,
            "reopened": incident.reopened,
            "acked_by": incident.acked_by,
            "why": root.reason if root is not None else "",
            "alarms": [self._alarm(alarm) for alarm in known[:_MAX_ALARMS]],
            "more_alarms": max(0, len(incident.alarms) - min(len(known), _MAX_ALARMS)),
            "url": f"{self._url}/incidents/{quote(incident.id, safe='')}",
            "ack_url": f"{self._url}/api/v1/incidents/{quote(incident.id, safe='')}/ack",
        }

    def task(self, task: Task) -> dict[str, Any]:
        """Facts of a task."""
        rule = self._rules.get(task.rule)
        return {
            **self._about(task.asset, task.rule),
            "task": task.id,
            "task_kind": task.kind,
            "title": task.title,
            "class": rule.cls.value if rule is not None else "",
            "opened": task.opened,
            "deadline": task.due,
            "closed": task.closed,
            "why": task.reason,
            "url": f"{self._url}/",
        }

    @property
    def site(self) -> str:
        return self._site["site"]

    def order(self, task: Task) -> dict[str, Any]:
        """Facts of an order: where, how much, of what, until when. Other people read them: no causes, no addresses."""
        rule = self._rules.get(task.rule)
        place = self._places.get(task.asset, {"asset_name": task.asset, "location": None})
        return {
            **self._site,
            "asset_name": place["asset_name"],
            "location": place["location"],
            "task": task.id,
            "opened": task.opened,
            "deadline": task.due,
            "overdue": task.state == "overdue",
            "order_l": task.memory.get("room_l"),
            "fuel": rule.task.fuel if rule is not None and rule.task is not None else "diesel",
        }

    def clock(self, clock: FaultClock, incident: Incident | None, percent: int) -> dict[str, Any]:
        """Facts of a fault clock that has used `percent` of its limit."""
        rule = self._rules.get(clock.rule)
        page = f"{self._url}/incidents/{quote(incident.id, safe='')}" if incident is not None else f"{self._url}/"
        return {
            **self._about(clock.asset, clock.rule),
            "clock": clock.id,
            "incident": clock.incident,
            "title": rule.title if rule is not None else clock.rule,
            "class": rule.cls.value if rule is not None else "",
            "started": clock.started,
            "limit_ms": clock.limit_ms,
            "deadline": clock.started + clock.limit_ms,
            "percent": percent,
            "reopened": incident.reopened if incident is not None else 0,
            "acked_by": incident.acked_by if incident is not None else None,
            "url": page,
        }

    def planned(self, transition: Transition) -> dict[str, Any]:
        """Facts of maintenance or a drill, as its record says them with a change of it."""
        data = transition.data
        expected = data.get("expected", ())
        over = transition.state not in ("announced", "changed", "ahead")
        return {
            **self._about(transition.asset or "", str(data["kind"])),
            **{word: data.get(word) for word in _PLAN},
            "tom": list(data["tom"]),
            "record": transition.subject,
            "record_kind": data["kind"],
            "state": transition.state,
            "psa": data.get("class"),
            "class": "monitoring",
            "started": data["started"],
            "ends": data["ended"],
            "closed": transition.ts if over else None,
            "scope": [self.name(name) for name in data["scope"]],
            "lasting": [self._alarm_name(key) for key in data.get("overrun", ())[:_MAX_ALARMS]],
            "changed": sorted(data.get("changed", ())),
            "cancelled": (data.get("cancelled") or {}).get("reason"),
            "expected": [
                {**self._alarm_name(one["alarm"]), "state": one["state"], "at": one["at"]} for one in expected
            ],
            "unexpected": len(data.get("unexpected", ())),
            "why": transition.reason,
            "url": f"{self._url}/",
        }

    def page_test(self, transition: Transition) -> dict[str, Any]:
        """Facts of a test page."""
        return {
            **self._site,
            "record": transition.subject,
            "person": transition.data["person"],
            "by": transition.data["by"],
            "note": transition.data["note"],
            "deadline": transition.data["due"],
            "tom": list(transition.data["tom"]),
            "url": f"{self._url}/",
        }

    def _alarm_name(self, key: str) -> dict[str, str]:
        """`RULE/ASSET` in words of both languages."""
        rule_id, _, asset = key.partition("/")
        rule = self._rules.get(rule_id)
        titles = {language: rule_id if rule is None else rule.word("title", language) for language in ("de", "en")}
        name = f"{self.name(asset.partition('[')[0])}: " if asset else ""
        return {language: f"{name}{title}" for language, title in titles.items()}

    def _about(self, asset_id: str, rule_id: str) -> dict[str, Any]:
        rule = self._rules.get(rule_id)
        place = self._places.get(asset_id, {"asset_name": asset_id, "location": None, "section": None})
        return {
            **self._site,
            **place,
            "asset": asset_id,
            "rule": rule_id,
            "rule_title": rule.title if rule is not None else rule_id,
            "de": german(rule),
            "tom": list(rule.tom) if rule is not None else [],
            "cause": rule.cause if rule is not None else "",
            "consequence": rule.consequence if rule is not None else "",
            "response": rule.response if rule is not None else "",
        }

    def _alarm(self, alarm: Alarm) -> dict[str, Any]:
        rule = self._rules.get(alarm.rule)
        return {
            "asset": alarm.asset,
            "asset_name": self.name(alarm.asset),
            "index": alarm.index,
            "rule": alarm.rule,
            "title": rule.title if rule is not None else alarm.rule,
            "de": german(rule),
            "severity": alarm.severity.value,
            "active": alarm.state is AlarmState.ACTIVE,
            "since": alarm.started if alarm.started is not None else alarm.since,
            "reason": alarm.reason,
            "response": rule.response if rule is not None else "",
        }
