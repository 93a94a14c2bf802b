"""The whole wall as data: what /api/v1/site answers and what the templates draw. Pure; one call is one instant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dcmon.config.holds import HOLD
from dcmon.model import Alarm, AlarmState, Availability, Incident, Severity
from dcmon.web.look import Look
from dcmon.web.operations import Tally, read_operations
from dcmon.web.panels import Fuel, Pool, read_cooling, read_fuel, read_uplinks
from dcmon.web.plan import Plan
from dcmon.web.power import Power, read_power
from dcmon.web.state import Duty, Indicator, SiteState, SloRow, describe
from dcmon.web.text import LocalTime
from dcmon.web.values import Latest
from dcmon.web.watches import (
    ClockRow,
    DeviceRow,
    PlannedRow,
    Section,
    TaskRow,
    read_clocks,
    read_planned,
    read_sections,
    read_silent,
    read_tasks,
)
from dcmon.web.words import Words

RECENT = 5


@dataclass(frozen=True, slots=True)
class IncidentRow:
    """An open incident, as the wall shows it."""

    id: str
    state: str
    severity: Severity
    word: str
    title: str
    root: str
    name: str
    place: str
    section: str
    cls: str
    started: int
    opened: int
    resolved: int | None
    alarms: int
    paging: bool
    acked_by: str | None
    acked_at: int | None


@dataclass(frozen=True, slots=True)
class IndicatorRow:
    """The present state of one availability indicator."""

    id: str
    title: str
    state: Availability
    word: str
    since: int | None
    contract: bool


@dataclass(frozen=True, slots=True)
class SiteView:
    """Everything at one instant. `state`: normal, attention, alarm, outage or unknown; `word` and `sentence` say it."""

    site: str
    now: int
    updated: int | None
    """When the newest reading was taken."""
    state: str
    word: str
    sentence: str
    severity: Severity | None
    incidents: tuple[IncidentRow, ...]
    recent: tuple[IncidentRow, ...]
    """Closed ones that dcmon still holds in memory because they may reopen, the youngest first."""
    power: Power
    fuel: Fuel
    cooling: tuple[Pool, ...]
    uplinks: Pool
    sections: tuple[Section, ...]
    clocks: tuple[ClockRow, ...]
    tasks: tuple[TaskRow, ...]
    planned: tuple[PlannedRow, ...]
    devices: int
    silent: tuple[DeviceRow, ...]
    operations: tuple[Tally, ...]
    stale_points: int
    bad_points: int
    indicators: tuple[IndicatorRow, ...]
    slo: tuple[SloRow, ...]
    on_duty: tuple[Duty, ...]


def worst_by_asset(alarms: Mapping[str, Alarm]) -> dict[str, Severity]:
    """The gravest active alarm of each asset or group."""
    worst: dict[str, Severity] = {}
    for alarm in alarms.values():
        if alarm.state is AlarmState.ACTIVE:
            known = worst.get(alarm.asset)
            if known is None or alarm.severity.rank > known.rank:
                worst[alarm.asset] = alarm.severity
    return worst


def _incident_title(incident: Incident, plan: Plan, words: Words) -> str:
    """In the page's language where its rule has the words; as it was kept where the rule is another by now."""
    rule, name = plan.rules.get(incident.rule), plan.name_of(incident.root)
    if rule is None or incident.title not in (rule.title, f"{name}: {rule.title}"):
        return incident.title
    return f"{name}: {rule.word('title', words.lang)}"


def incident_row(incident: Incident, plan: Plan, words: Words) -> IncidentRow:
    """One line of a list of incidents."""
    return IncidentRow(
        id=incident.id,
        state=incident.state,
        severity=incident.severity,
        word=words(f"severity.{incident.severity.value}"),
        title=_incident_title(incident, plan, words),
        root=incident.root,
        name=plan.name_of(incident.root),
        place=plan.place_of(incident.root),
        section=plan.section_of(incident.root),
        cls=incident.cls,
        started=incident.started,
        opened=incident.opened,
        resolved=incident.resolved,
        alarms=len(incident.alarms),
        paging=incident.paging,
        acked_by=incident.acked_by,
        acked_at=incident.acked_at,
    )


def open_incidents(incidents: Mapping[str, Incident], plan: Plan, words: Words) -> tuple[IncidentRow, ...]:
    """Most urgent first: severity, then what nobody has acknowledged, then the youngest."""
    rows = [incident_row(incident, plan, words) for incident in incidents.values() if incident.state == "open"]
    rows.sort(key=lambda row: (-row.severity.rank, row.acked_by is not None, not row.paging, -row.started, row.id))
    return tuple(rows)


def _recent(incidents: Mapping[str, Incident], plan: Plan, words: Words) -> tuple[IncidentRow, ...]:
    closed = sorted((row for row in incidents.values() if row.state == "resolved"), key=lambda row: -row.opened)
    return tuple(incident_row(incident, plan, words) for incident in closed[:RECENT])


def view_site(state: SiteState, plan: Plan, words: Words) -> SiteView:
    """Reads everything once."""
    now = state.clock.now()
    latest = Latest(plan.holds, state.latest, now)
    look = Look(plan, latest, worst_by_asset(state.alarms), words, now)
    devices = list(state.devices())
    incidents = open_incidents(state.incidents, plan, words)
    tasks = read_tasks(look, state.tasks)
    silent = read_silent(look, devices)
    indicators = tuple(_indicator(indicator, plan, words) for indicator in state.indicators())
    muted = sum(
        row.state is AlarmState.ACTIVE and row.suppressed is not None and row.incident is None
        for row in state.alarms.values()
    )
    head = _headline(look, incidents, indicators, tasks, silent, len(devices), muted)
    return SiteView(
        site=plan.site.name,
        now=now,
        updated=latest.newest,
        state=head[0],
        word=words(f"state.{head[0]}"),
        sentence=head[1],
        severity=_SEVERITY_OF[head[0]],
        incidents=incidents,
        recent=_recent(state.incidents, plan, words),
        power=read_power(plan, latest, look.severities, words),
        fuel=read_fuel(look),
        cooling=read_cooling(look),
        uplinks=read_uplinks(look),
        sections=read_sections(look),
        clocks=read_clocks(look, state.clocks),
        tasks=tasks,
        planned=read_planned(look, state.records),
        devices=len(devices),
        silent=silent,
        operations=read_operations(look, state.alarms.values()),
        stale_points=latest.stale,
        bad_points=latest.bad,
        indicators=indicators,
        slo=tuple(_promise(row, plan, words) for row in sorted(state.slo(), key=_promise_rank)),
        on_duty=tuple(state.on_duty()),
    )


_SEVERITY_OF = {
    "normal": None,
    "attention": Severity.WARNING,
    "alarm": Severity.CRITICAL,
    "outage": Severity.CRITICAL,
    "unknown": Severity.INFO,
}


_VERDICTS = ("breached", "unproven", "met")


def _promise_rank(row: SloRow) -> int:
    """What is broken first; otherwise in the order of the catalogue."""
    verdict = describe(row, "verdict").lower()
    return _VERDICTS.index(verdict) if verdict in _VERDICTS else len(_VERDICTS)


def _indicator(indicator: Indicator, plan: Plan, words: Words) -> IndicatorRow:
    word = words(f"availability.{indicator.state.value}")
    title = _titled(getattr(indicator, f"title_{words.lang}", ""), getattr(indicator, "subject", ""), plan)
    return IndicatorRow(
        indicator.id, title or indicator.title, indicator.state, word, indicator.since, indicator.contract
    )


def _promise(row: SloRow, plan: Plan, words: Words) -> SloRow:
    """The row with its title in the page's language and with the name of what it is about."""
    title = describe(row, f"title_{words.lang}") or describe(row, "title") or describe(row, "id")
    return {**row, "title": _titled(title, describe(row, "subject"), plan)}


def _titled(title: str, subject: str, plan: Plan) -> str:
    """Of several figures with one title the name of what each is about stands first: a wall cuts long lines."""
    return f"{plan.name_of(subject)}: {title}" if title and subject else title


def _headline(
    look: Look,
    incidents: Sequence[IncidentRow],
    indicators: Sequence[IndicatorRow],
    tasks: Sequence[TaskRow],
    silent: Sequence[DeviceRow],
    devices: int,
    muted: int,
) -> tuple[str, str]:
    """The site's state as a code, and one sentence for somebody who has just been woken."""
    words, latest = look.words, look.latest
    if latest.newest is None:
        return "unknown", words("sentence.start")
    if look.now - latest.newest > blind_after(look.plan):
        when = LocalTime(look.plan.site.timezone, words.lang).moment(latest.newest, look.now)
        return "unknown", words("sentence.blind", when=when)
    down = [row for row in indicators if row.contract and row.state is Availability.DOWN]
    if down:
        told = _sentence(incidents, words)
        return "outage", f"{words('sentence.indicator', title=down[0].title)} {told}".strip()
    if incidents:
        return ("alarm" if incidents[0].severity is Severity.CRITICAL else "attention"), _sentence(incidents, words)
    if muted:
        return "attention", words("sentence.muted", count=muted)
    if silent:
        return "attention", words("sentence.silent", count=len(silent), devices=devices)
    if tasks and tasks[0].overdue:
        return "attention", words("sentence.overdue", title=tasks[0].title)
    return "normal", words("sentence.normal", devices=devices)


def blind_after(plan: Plan) -> int:
    """Without any reading for this long (ms) nothing on the page can be believed."""
    polling = plan.config.agent.polling
    return round(HOLD * polling.slow) + polling.deadline


def _sentence(incidents: Sequence[IncidentRow], words: Words) -> str:
    """The worst incident, who is on it, and how many more there are."""
    if not incidents:
        return ""
    first = incidents[0]
    parts = [f"{headline(first)}."]
    if first.acked_by:
        parts.append(words("sentence.held", person=first.acked_by))
    elif first.paging:
        parts.append(words("sentence.unacknowledged"))
    if len(incidents) > 1:
        parts.append(words("sentence.more", count=len(incidents) - 1))
    return " ".join(parts)


def headline(row: IncidentRow) -> str:
    """What has failed and how; the asset's name stands in front unless the title begins with it."""
    return row.title if row.title.lower().startswith(row.name.lower()) else f"{row.name}: {row.title}"
