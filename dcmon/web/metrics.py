"""/metrics: the state as Prometheus reads it, collected at the scrape. docs/metrics.md lists every name."""

from __future__ import annotations

import platform
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

import dcmon
from dcmon.model import (
    Alarm,
    AlarmState,
    Availability,
    FaultClock,
    Incident,
    Quality,
    Reading,
    Severity,
    Task,
    Transition,
)
from dcmon.web.alarmhealth import AlarmHealth, judge_alarms
from dcmon.web.plan import Plan
from dcmon.web.state import DeviceStatus, Indicator, SiteState, SloRow

COUNTERS: Final[Mapping[str, tuple[str, str, str | None]]] = {
    "polls": ("dcmon_polls", "Polls that ended, answered or not.", None),
    "poll_errors": ("dcmon_poll_errors", "Polls that failed.", "reason"),
    "polls_skipped": ("dcmon_polls_skipped", "Polls left out because the one before still ran.", None),
    "polls_undelivered": ("dcmon_polls_undelivered", "Polls whose readings could not be judged or kept.", None),
    "snmp_events": ("dcmon_snmp_events", "What SNMP requests met.", "event"),
    "modbus_events": ("dcmon_modbus_events", "What Modbus reads met.", "event"),
    "readings": ("dcmon_readings", "Readings judged.", None),
    "readings_bad": (
        "dcmon_readings_bad",
        "Bad readings in answered polls; `enum` is a state that the profile does not list.",
        "asset:point:reason",
    ),
    "transitions": ("dcmon_transitions", "Changes of state that the journal keeps.", None),
    "samples_dropped": (
        "dcmon_samples_dropped",
        "Samples lost because a buffer, the spool or the disk was full.",
        None,
    ),
    "samples_refused": (
        "dcmon_samples_refused",
        "Samples that the sample store or the time-series server called wrong.",
        None,
    ),
    "blocks_damaged": ("dcmon_sample_blocks_damaged", "Blocks of samples that could not be read.", None),
    "traps": ("dcmon_traps", "Traps and informs received.", None),
    "traps_dropped": ("dcmon_traps_dropped", "Traps that could not be kept or were refused.", "reason"),
    "notifications_sent": ("dcmon_notifications_sent", "Notifications delivered.", "channel"),
    "notifications_failed": ("dcmon_notifications_failed", "Attempts that failed.", "channel"),
    "notifications_unknown": ("dcmon_notifications_unknown", "Attempts that may have arrived.", "channel"),
    "notifications_held": ("dcmon_notifications_held", "Notifications put off by a storm cap.", "channel"),
    "journal_errors": ("dcmon_journal_errors", "Commits that the journal refused.", None),
    "influx_errors": ("dcmon_influx_errors", "Writes that the time-series server refused or did not answer.", None),
}
"""Key in SiteState.counters: name (Prometheus adds _total), what it counts, label or several with colons between."""

GAUGES: Final[Mapping[str, tuple[str, str, str | None]]] = {
    "poll_lag": ("dcmon_poll_lag_seconds", "How late polls start against their schedule.", None),
    "loop_lag": ("dcmon_loop_lag_seconds", "How late the event loop turns.", None),
    "in_flight": ("dcmon_requests_in_flight", "Requests to devices under way.", None),
    "outbox_pending": ("dcmon_outbox_pending", "Notifications that are not delivered yet.", None),
    "outbox_oldest": ("dcmon_outbox_oldest_seconds", "Age of the oldest of them.", None),
    "buffer_samples": ("dcmon_buffer_samples", "Samples in memory that are not on disk yet.", None),
    "spool_bytes": ("dcmon_spool_bytes", "Samples waiting for the time-series server.", None),
    "journal_bytes": ("dcmon_journal_bytes", "Size of the journal.", None),
    "samples_bytes": ("dcmon_samples_bytes", "Size of the sample store.", None),
}
"""Key in SiteState.gauges: name with its unit, what it is, label."""

HISTORY_MS = 600_000
"""What the alarm-health figures look back on."""


@dataclass(frozen=True, slots=True)
class Scrape:
    """A copy of the state taken in the event loop; writing it out may then happen in another thread."""

    now: int
    started: int
    last_poll: int | None
    digest: str
    plan: Plan
    points: Sequence[tuple[Reading, str]]
    """With their units."""
    alarms: Sequence[Alarm]
    incidents: Sequence[Incident]
    tasks: Sequence[Task]
    clocks: Sequence[FaultClock]
    devices: Sequence[DeviceStatus]
    indicators: Sequence[Indicator]
    slo: Sequence[SloRow]
    counters: Mapping[str, float]
    gauges: Mapping[str, float]
    health: AlarmHealth


def take(state: SiteState, plan: Plan, recent: Iterable[Transition]) -> Scrape:
    """Copies what one scrape needs. `recent`: the alarm transitions of the last HISTORY_MS."""
    now = state.clock.now()
    alarms = list(state.alarms.values())
    return Scrape(
        now,
        state.started,
        state.last_poll,
        plan.config.digest,
        plan,
        [(reading, state.unit_of(key) or "") for key, reading in state.latest.items()],
        alarms,
        list(state.incidents.values()),
        list(state.tasks.values()),
        list(state.clocks.values()),
        list(state.devices()),
        list(state.indicators()),
        list(state.slo()),
        dict(state.counters),
        dict(state.gauges),
        judge_alarms(alarms, recent, now),
    )


def expose(scrape: Scrape) -> bytes:
    """The scrape in the text format. About 12 us a series: call it beside the event loop when there are thousands."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Exposition(scrape))
    return generate_latest(registry)


class _Exposition(Collector):
    def __init__(self, scrape: Scrape) -> None:
        self._scrape = scrape

    def collect(self) -> Iterator[Metric]:
        scrape = self._scrape
        yield from _about(scrape)
        yield from _points(scrape)
        yield from _alarms(scrape)
        yield from _work(scrape)
        yield from _devices(scrape)
        yield from _promises(scrape)
        yield from _figures(scrape)


def _gauge(name: str, text: str, labels: Sequence[str], rows: Iterable[tuple[Sequence[str], float]]) -> Metric:
    family = GaugeMetricFamily(name, text, labels=labels)
    for values, value in rows:
        family.add_metric(values, value)
    return family


def _about(scrape: Scrape) -> Iterator[Metric]:
    facts = (dcmon.__version__, platform.python_version(), scrape.digest)
    labels = ("version", "python", "config")
    yield _gauge("dcmon_build_info", "Always 1; version and configuration in the labels.", labels, [(facts, 1)])
    text = "Since this process began to watch."
    yield _gauge("dcmon_uptime_seconds", text, (), [((), (scrape.now - scrape.started) / 1000)])
    if scrape.last_poll is not None:
        text = "Since any poll last ended."
        yield _gauge("dcmon_last_poll_age_seconds", text, (), [((), (scrape.now - scrape.last_poll) / 1000)])


def _points(scrape: Scrape) -> Iterator[Metric]:
    numbers: list[tuple[Sequence[str], float]] = []
    words: list[tuple[Sequence[str], float]] = []
    qualities: Counter[str] = Counter()
    for reading, unit in scrape.points:
        if not scrape.plan.holds.fresh(reading, scrape.now):
            qualities["stale"] += 1
            continue
        qualities[reading.quality.value] += 1
        if reading.quality is Quality.BAD or reading.value is None:
            continue
        index = reading.index or ""
        if isinstance(reading.value, str):
            words.append(((reading.asset, reading.point, index, reading.value), 1))
        else:
            numbers.append(((reading.asset, reading.point, index, unit), float(reading.value)))
    text = "The last usable value of a point, in the unit of the label; truths are 0 and 1."
    yield _gauge("dcmon_point", text, ("asset", "point", "index", "unit"), numbers)
    text = "1 for the word that a point says at present."
    yield _gauge("dcmon_point_state", text, ("asset", "point", "index", "state"), words)
    rows = [((quality,), qualities[quality]) for quality in (*Quality, "stale")]
    yield _gauge("dcmon_points", "Points by quality; stale ones are too old to say anything.", ("quality",), rows)


def _alarms(scrape: Scrape) -> Iterator[Metric]:
    count = Counter((alarm.state, alarm.severity) for alarm in scrape.alarms)
    states = (AlarmState.PENDING, AlarmState.ACTIVE, AlarmState.RETURNED)
    rows = [((state, severity), float(count[state, severity])) for state in states for severity in Severity]
    yield _gauge("dcmon_alarms", "Alarms by state and severity.", ("state", "severity"), rows)
    active = [alarm for alarm in scrape.alarms if alarm.state is AlarmState.ACTIVE]
    held = sum(alarm.suppressed is not None and alarm.incident is not None for alarm in active)
    yield _gauge("dcmon_alarms_suppressed", "Active alarms that page under another one's cause.", (), [((), held)])
    muted = sum(alarm.suppressed is not None and alarm.incident is None for alarm in active)
    help_text = "Active alarms that tell nobody: planned work, or shelved."
    yield _gauge("dcmon_alarms_muted", help_text, (), [((), muted)])
    shelved = sum((alarm.shelved_until or 0) > scrape.now for alarm in scrape.alarms)
    yield _gauge("dcmon_alarms_shelved", "Alarms put aside for a time.", (), [((), shelved)])
    health = scrape.health
    text = "Alarms that became active in the last 10 minutes (EEMUA 191: 1 is fine, over 10 is a flood)."
    per_severity = [((severity.value,), float(health.activated[severity])) for severity in Severity]
    yield _gauge("dcmon_alarms_last_10_minutes", text, ("severity",), per_severity)
    text = "Alarms that became active three times or more within a minute of the last 10."
    yield _gauge("dcmon_alarms_chattering", text, (), [((), len(health.chattering))])
    yield _gauge("dcmon_alarms_stale", "Alarms active for more than 24 h.", (), [((), len(health.stale))])


def _work(scrape: Scrape) -> Iterator[Metric]:
    opened = [incident for incident in scrape.incidents if incident.state == "open"]
    count = Counter((incident.severity, incident.acked_by is not None) for incident in opened)
    rows = [
        ((severity.value, str(acked).lower()), float(count[severity, acked]))
        for severity in Severity
        for acked in (False, True)
    ]
    yield _gauge("dcmon_incidents_open", "Open incidents.", ("severity", "acknowledged"), rows)
    tasks = Counter(task.state for task in scrape.tasks)
    by_state = [((state,), float(tasks[state])) for state in ("open", "overdue")]
    yield _gauge("dcmon_tasks", "Work that somebody must do.", ("state",), by_state)
    running = [clock for clock in scrape.clocks if clock.stopped is None and clock.state != "stopped"]
    labels = ("clock", "asset")
    elapsed = [((clock.id, clock.asset), (scrape.now - clock.started) / 1000) for clock in running]
    yield _gauge("dcmon_fault_clock_elapsed_seconds", "Time since the fault began.", labels, elapsed)
    limits = [((clock.id, clock.asset), clock.limit_ms / 1000) for clock in running]
    yield _gauge("dcmon_fault_clock_limit_seconds", "Time that the fault may last.", labels, limits)


def _devices(scrape: Scrape) -> Iterator[Metric]:
    known = [device for device in scrape.devices if device.reachable is not None]
    rows = [((device.asset,), float(bool(device.reachable))) for device in known]
    yield _gauge("dcmon_device_reachable", "Whether the last poll was answered.", ("asset",), rows)
    heard = [
        ((device.asset,), (scrape.now - device.last_success) / 1000)
        for device in scrape.devices
        if device.last_success is not None
    ]
    yield _gauge("dcmon_device_last_success_age_seconds", "Since the last answered poll.", ("asset",), heard)


def _promises(scrape: Scrape) -> Iterator[Metric]:
    rows = [
        ((indicator.id, state.value), float(indicator.state is state))
        for indicator in scrape.indicators
        for state in Availability
    ]
    text = "1 for the present state of an availability indicator."
    yield _gauge("dcmon_availability_state", text, ("indicator", "state"), rows)
    labels = ("control", "window", "figure")
    figures = [
        ((str(row.get("id", "")), str(row.get("window", "")), name), value / 100)
        for row in scrape.slo
        for name, value in (
            ("measured", row.get("measured")),
            ("worst", row.get("worst")),
            ("coverage", row.get("coverage")),
        )
        if value is not None
    ]
    yield _gauge("dcmon_availability_ratio", "Availability over a window.", labels, figures)
    targets = [
        ((str(row.get("id", "")), str(row.get("window", ""))), target / 100)
        for row in scrape.slo
        if (target := row.get("target")) is not None
    ]
    yield _gauge("dcmon_availability_target_ratio", "What the agreement promises.", ("control", "window"), targets)


def _figures(scrape: Scrape) -> Iterator[Metric]:
    for key, (name, text, label) in COUNTERS.items():
        counter = CounterMetricFamily(name, text, labels=label.split(":") if label else [])
        for labels, value in _labelled(scrape.counters, key, label):
            counter.add_metric(labels, value)
        yield counter
    for key, (name, text, label) in GAUGES.items():
        yield _gauge(name, text, [label] if label else [], _labelled(scrape.gauges, key, label))


def _labelled(figures: Mapping[str, float], key: str, label: str | None) -> list[tuple[Sequence[str], float]]:
    if label is None:
        return [((), figures[key])] if key in figures else []
    prefix = f"{key}:"
    return [
        (tuple(name.removeprefix(prefix).split(":", label.count(":"))), value)
        for name, value in figures.items()
        if name.startswith(prefix)
    ]
