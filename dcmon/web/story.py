"""One incident told in full: facts, timeline, alarms, deliveries and the curves of what caused it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dcmon.config.holds import HOLD
from dcmon.config.rule_kinds import LimitRule, RiseRule, StateRule, UnusualRule
from dcmon.config.rules import Rule
from dcmon.model import Alarm, Incident, SeriesKey, Severity, Transition
from dcmon.web.curve import Curve, draw_curve
from dcmon.web.plan import Plan
from dcmon.web.state import Delivery, Sample, SiteState
from dcmon.web.view import IncidentRow, incident_row
from dcmon.web.words import Words

TIMELINE = 500
"""Entries shown at most; the journal keeps all."""
CURVES = 4
BEFORE_MS = AFTER_MS = 10 * 60_000
"""What a curve shows around the incident."""
LONGEST_MS = 86_400_000
"""Of a longer incident the curves show its last day."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the timeline."""

    ts: int
    type: str
    state: str
    what: str
    reason: str
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """An alarm that joined the incident; `state` is the present one, empty when the rule is gone."""

    key: str
    title: str
    name: str
    place: str
    severity: Severity | None
    state: str
    word: str
    reason: str
    suppressed: str | None
    since: int | None


@dataclass(frozen=True, slots=True)
class Story:
    """All that is known of one incident."""

    incident: IncidentRow
    cause: str
    consequence: str
    response: str
    tom: tuple[str, ...]
    reopened: int
    merged_into: str | None
    alarms: tuple[AlarmRow, ...]
    timeline: tuple[Entry, ...]
    cut: bool
    """Whether the timeline has more entries than are shown."""
    curves: tuple[Curve, ...]
    end: int
    """When it was resolved; now while it lasts."""


async def find_incident(state: SiteState, incident_id: str) -> Incident | None:
    """Of the present rows first, then of the journal."""
    return state.incidents.get(incident_id) or await state.history.incident(incident_id)


async def tell(state: SiteState, plan: Plan, words: Words, incident: Incident) -> Story:
    """Reads the journal and the samples of one incident."""
    now = state.clock.now()
    transitions, deliveries = await asyncio.gather(
        state.history.transitions(incident=incident.id, limit=TIMELINE + 1), state.history.deliveries(incident.id)
    )
    entries = _timeline(transitions, deliveries, plan, words)
    rule = plan.rules.get(incident.rule)
    end = incident.resolved or now
    return Story(
        incident=incident_row(incident, plan, words),
        cause=rule.word("cause", words.lang) if rule else "",
        consequence=rule.word("consequence", words.lang) if rule else "",
        response=rule.word("response", words.lang) if rule else "",
        tom=rule.tom if rule else (),
        reopened=incident.reopened,
        merged_into=incident.merged_into,
        alarms=tuple(_alarm(key, state.alarms.get(key), transitions, plan, words) for key in incident.alarms),
        timeline=tuple(entries[-TIMELINE:]),
        cut=len(entries) > TIMELINE,
        curves=await _curves(state, plan, words, incident, rule, end),
        end=end,
    )


def _timeline(
    transitions: Iterable[Transition], deliveries: Iterable[Delivery], plan: Plan, words: Words
) -> list[Entry]:
    """Oldest first; at one instant what was decided stands before what was sent."""
    entries = [
        Entry(row.ts, row.type, row.state, _what(row, plan, words), row.reason, row.severity) for row in transitions
    ]
    for row in deliveries:
        told = words("delivery", person=_person(row.person, plan), channel=row.channel)
        word = words.known(f"delivery.{row.result}", row.result)
        entries.append(Entry(row.ts, "delivery", row.result, f"{told}: {word}", row.detail))
    entries.sort(key=lambda entry: (entry.ts, entry.type == "delivery"))
    return entries


def _what(row: Transition, plan: Plan, words: Words) -> str:
    """Whom or what the entry is about."""
    if row.type == "page":
        person, channel = _person(str(row.data.get("person", "")), plan), row.data.get("channel", "")
        return words("delivery", person=person, channel=channel)
    if row.type == "incident":
        return words("incident")
    return plan.name_of(row.asset) if row.asset else row.subject


def _person(person_id: str, plan: Plan) -> str:
    person = plan.config.people.person(person_id)
    return person.name if person else person_id


def _alarm(key: str, alarm: Alarm | None, transitions: Sequence[Transition], plan: Plan, words: Words) -> AlarmRow:
    """From the present row; from the last transition once the row has gone."""
    last = max((row for row in transitions if row.type == "alarm" and row.subject == key), key=_ts, default=None)
    rule_id = alarm.rule if alarm else (last.rule if last else None)
    asset = alarm.asset if alarm else (last.asset if last else None)
    rule = plan.rules.get(rule_id or "")
    state = alarm.state.value if alarm else (last.state if last else "")
    return AlarmRow(
        key=key,
        title=rule.word("title", words.lang) if rule else (rule_id or key),
        name=plan.name_of(asset) if asset else key,
        place=plan.place_of(asset or ""),
        severity=alarm.severity if alarm else (last.severity if last else None),
        state=state,
        word=words.known(f"alarm.{state}", state),
        reason=alarm.reason if alarm else (last.reason if last else ""),
        suppressed=alarm.suppressed if alarm else None,
        since=alarm.since if alarm else (last.ts if last else None),
    )


def _ts(row: Transition) -> int:
    return row.ts


async def _curves(
    state: SiteState, plan: Plan, words: Words, incident: Incident, rule: Rule | None, end: int
) -> tuple[Curve, ...]:
    """Of one width: from the earliest sample that any of them has in the window."""
    start = max(incident.started - BEFORE_MS, end - LONGEST_MS)
    until = min(end + AFTER_MS, state.clock.now()) + 1
    found: list[tuple[SeriesKey, Sequence[Sample]]] = []
    for key in _main_series(state, plan, incident, rule):
        if len(found) == CURVES:
            break
        if samples := await state.history.samples(key, start, until):
            found.append((key, samples))
    start = max(start, min((samples[0].ts for _, samples in found), default=start))
    slow = round(HOLD * plan.config.agent.polling.slow)

    def draw() -> tuple[Curve, ...]:
        curves = (
            draw_curve(
                key,
                samples,
                (start, until),
                (incident.started, end),
                unit=state.unit_of(key),
                gap_ms=max(plan.holds.hold(key.asset, key.point), slow),
                lang=words.lang,
            )
            for key, samples in found
        )
        return tuple(curve for curve in curves if curve is not None)

    return await asyncio.to_thread(draw)  # a day of a two-second point is 43,200 samples: too many for the loop


_TELLING = (
    "mains.voltage", "output.voltage", "battery.charge", "input.voltage", "generator.power", "fuel.level",
    "cooling.ok", "supply_air.temperature", "return_air.temperature", "temperature", "if.oper", "if.in_rate",
    "if.out_rate", "device.reachable",
)  # fmt: skip
"""What tells the story of an asset beside the point that its rule looks at; drawn in this order where it exists."""


def _main_series(state: SiteState, plan: Plan, incident: Incident, rule: Rule | None) -> list[SeriesKey]:
    """The series that the root's rule looks at, then telling ones; of several indices the one that raised the alarm."""
    group = plan.groups.get(incident.root)
    assets = group.members if group else (incident.root,)
    points: list[str] = []
    if isinstance(rule, StateRule | LimitRule | RiseRule | UnusualRule):
        points.append(rule.select.point)
    elif rule is not None and (able := getattr(rule, "able", ())):
        points += [condition.point for condition in able]
    wanted = {point: rank for rank, point in enumerate(dict.fromkeys([*points, *_TELLING]))}
    members = {asset: rank for rank, asset in enumerate(assets)}
    told = {(alarm.asset, alarm.index) for name in incident.alarms if (alarm := state.alarms.get(name))}
    found = [key for key in state.latest if key.asset in members and key.point in wanted]
    found.sort(
        key=lambda key: (wanted[key.point], members[key.asset], (key.asset, key.index) not in told, key.index or "")
    )
    first: dict[tuple[str, str], SeriesKey] = {}
    for key in found:
        first.setdefault((key.asset, key.point), key)
    return list(first.values())
