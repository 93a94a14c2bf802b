"""A site for the tests of the web room: the shipped configuration with hand-made readings, alarms and incidents."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from dcmon.clock import SimulatedClock
from dcmon.config.config import Config
from dcmon.config.entries import Delivery as FuelDelivery
from dcmon.config.entries import Entry, EntryError
from dcmon.config.loader import load
from dcmon.config.vocabulary import unit_of
from dcmon.model import (
    Alarm,
    AlarmState,
    Availability,
    FaultClock,
    Incident,
    Quality,
    Reading,
    Record,
    SeriesKey,
    Severity,
    Task,
    Transition,
    Value,
)
from dcmon.thresholds import Judge
from dcmon.web.state import Delivery, Duty, Sample, SloRow

NOW = 1_795_428_202_500  # 2026-11-23T10:03:22.500Z, a Monday; 11:03:22 in Munich
MINUTE, HOUR = 60_000, 3_600_000
EXAMPLE = Path(__file__).resolve().parent.parent / "config"


@cache
def example_config() -> Config:
    """Read once: it is frozen, and reading it takes a third of a second."""
    return load(EXAMPLE)


@dataclass(frozen=True)
class Device:
    asset: str
    reachable: bool | None = True
    last_success: int | None = NOW - 1500
    failures: int = 0
    back_off_until: int | None = None
    last_error: str | None = None


@dataclass(frozen=True)
class IndicatorNow:
    id: str
    title: str
    state: Availability = Availability.UP
    since: int | None = NOW - 40 * HOUR
    contract: bool = False


@dataclass
class FakeHistory:
    rows: list[Transition] = field(default_factory=list)
    kept: list[Incident] = field(default_factory=list)
    sent: list[Delivery] = field(default_factory=list)
    series: dict[SeriesKey, list[Sample]] = field(default_factory=dict)
    record_rows: list[Record] = field(default_factory=list)

    async def records(self, *, kind: str | None, subject: str | None, limit: int) -> Sequence[Record]:
        fitting = (row for row in self.record_rows if kind in (None, row.kind) and subject in (None, row.subject))
        return list(fitting)[:limit]

    async def transitions(
        self, *, incident: str | None = None, kind: str | None = None, since: int | None = None, limit: int = 500
    ) -> Sequence[Transition]:
        found = [
            row
            for row in self.rows
            if (incident is None or row.incident == incident)
            and (kind is None or row.type == kind)
            and (since is None or row.ts >= since)
        ]
        return sorted(found, key=lambda row: -row.ts)[:limit]

    async def incidents(self, *, state: str | None = None, limit: int = 100) -> Sequence[Incident]:
        return [row for row in self.kept if state in (None, row.state)][:limit]

    async def incident(self, incident_id: str) -> Incident | None:
        return next((row for row in self.kept if row.id == incident_id), None)

    async def deliveries(self, incident_id: str) -> Sequence[Delivery]:
        return self.sent

    async def samples(self, key: SeriesKey, start: int, end: int) -> Sequence[Sample]:
        return [sample for sample in self.series.get(key, ()) if start <= sample.ts < end]


class FakeState:
    """Fits SiteState; everything may be changed by hand, `touch()` tells the live page."""

    def __init__(self, config: Config | None = None) -> None:
        self.config = config or example_config()
        self.clock = SimulatedClock(NOW)
        self.latest: dict[SeriesKey, Reading] = {}
        self.alarms: dict[str, Alarm] = {}
        self.incidents: dict[str, Incident] = {}
        self.tasks: dict[str, Task] = {}
        self.clocks: dict[str, FaultClock] = {}
        self.records: dict[str, Record] = {}
        self.counters: dict[str, float] = {
            "polls": 4210, "poll_errors:timeout": 3, "readings_bad:ups-b:output.source:enum": 7,
            "notifications_sent:email": 2,
        }  # fmt: skip
        self.gauges: dict[str, float] = {"poll_lag": 0.004, "outbox_pending": 0}
        self.history = FakeHistory()
        self.started = NOW - 40 * HOUR
        self.last_poll: int | None = NOW - 300
        self.journal_error: str | None = None
        self.device_rows: list[Device] = [Device(asset) for asset in self.config.collectors.devices]
        self.indicator_rows: list[IndicatorNow] = []
        self.slo_rows: list[SloRow] = []
        self.duty: list[Duty] = []
        self._version = 0
        self._changed = asyncio.Event()

    def unit_of(self, key: SeriesKey) -> str | None:
        return unit_of(key.point)

    def devices(self) -> list[Device]:
        return self.device_rows

    def indicators(self) -> list[IndicatorNow]:
        return self.indicator_rows

    def slo(self) -> list[SloRow]:
        return self.slo_rows

    def fixed(self) -> list[dict[str, Any]]:
        return []

    def on_duty(self) -> list[Duty]:
        return self.duty

    async def acknowledge(self, incident_id: str, by: str) -> None:
        row = self.incidents[incident_id]
        self.incidents[incident_id] = replace(row, acked_by=by, acked_at=self.clock.now())
        self.touch()

    async def enter(self, entry: Entry) -> Record:
        if isinstance(entry, FuelDelivery) and entry.asset != "tank-a":
            raise EntryError(f"asset: {entry.asset} is no tank")
        row = Record(f"{entry.kind}-1", entry.kind, "tank-a", None, "done", None, NOW, NOW, "fuel", by=entry.by)
        self.history.record_rows.append(row)
        return row

    async def push_backup(self, job: str, token: str, said: Mapping[str, Any]) -> bool:
        return False

    def touch(self) -> None:
        self._version += 1
        self._changed.set()

    async def subscribe(self) -> AsyncIterator[int]:
        while True:
            await self._changed.wait()
            self._changed.clear()
            yield self._version

    def compute(self) -> None:
        """What the engine works out of the readings is said, too."""
        judge = Judge(self.config, now=NOW)
        judge.step(list(self.latest.values()), NOW)
        gone = [key for key, reading in self.latest.items() if reading.source == "computed"]
        for key in gone:
            del self.latest[key]
        self.latest |= {reading.key: reading for reading in judge.computed(NOW)}

    def say(
        self, asset: str, point: str, value: Value, index: str | None = None, *, age: int = 400, **more: Any
    ) -> None:
        reading = Reading(self.clock.now() - age, asset, point, index, value, **more)
        self.latest[reading.key] = reading

    def silence(self, asset: str, *, since: int, error: str = "timeout") -> None:
        self.device_rows = [
            replace(row, reachable=False, last_success=since, failures=9, last_error=error)
            if row.asset == asset
            else row
            for row in self.device_rows
        ]

    def raise_alarm(
        self, rule_id: str, asset: str, *, started: int, incident: str, suppressed: str | None = None
    ) -> Alarm:
        rule = next(rule for rule in self.config.judged if rule.id == rule_id)
        key = f"{rule_id}/{asset}"
        alarm = Alarm(
            key,
            rule_id,
            asset,
            None,
            AlarmState.ACTIVE,
            rule.severity,
            started + 5000,
            started=started,
            reason=f"{asset}: {rule.title}",
            incident=incident,
            suppressed=suppressed,
        )
        self.alarms[key] = alarm
        data = {"incident": incident, "asset": asset, "rule": rule_id, "severity": rule.severity}
        self.history.rows.append(Transition(started, "alarm", key, "pending", f"{rule.title}: on-delay runs", **data))
        self.history.rows.append(Transition(started + 5000, "alarm", key, "active", alarm.reason, **data))
        return alarm

    def open_incident(
        self,
        incident_id: str,
        rule_id: str,
        root: str,
        *,
        started: int,
        joined: Sequence[tuple[str, str]] = (),
        **more: Any,
    ) -> Incident:
        rule = next(rule for rule in self.config.judged if rule.id == rule_id)
        first = self.raise_alarm(rule_id, root, started=started, incident=incident_id)
        others = [
            self.raise_alarm(
                other, asset, started=started + 2000 + 700 * n, incident=incident_id, suppressed=f"caused by {root}"
            )
            for n, (other, asset) in enumerate(joined)
        ]
        site = self.config.site
        named = site.asset(root) or next(group for group in site.groups if group.id == root)
        facts: dict[str, Any] = {
            "severity": max((rule.severity, *(alarm.severity for alarm in others)), key=lambda severity: severity.rank),
            "title": f"{named.name}: {rule.title}",
            "paging": rule.page,
            "state": "open",
        }
        incident = Incident(
            id=incident_id,
            root=root,
            cls=rule.cls.value,
            started=started,
            opened=started + 5000,
            alarms=(first.key, *(alarm.key for alarm in others)),
            rule=rule_id,
            **{**facts, **more},
        )
        self.incidents[incident_id] = incident
        self.history.kept.insert(0, incident)
        self.history.rows.append(
            Transition(
                started + 5000, "incident", incident_id, "opened", incident.title, asset=root, rule=rule_id,
                severity=incident.severity, incident=incident_id,
            )
        )  # fmt: skip
        return incident


def normal(config: Config | None = None) -> FakeState:
    """A quiet Monday morning: everything answers, nothing is wrong."""
    state = FakeState(config)
    say = state.say
    for side, volts in (("a", 231.4), ("b", 229.8)):
        say(f"mains-{side}", "mains.available", True)
        for phase in "123":
            say(f"mains-{side}", "mains.voltage", volts + int(phase) / 10, phase)
        say(f"mains-{side}", "mains.frequency", 50.01)
        say(f"genset-{side}", "engine.running", False)
        say(f"genset-{side}", "generator.voltage", 0.0, "1")
        say(f"genset-{side}", "genset.mode", "auto", age=4000)
        say(f"tsw-{side}", "breaker.mains_closed", True)
        say(f"tsw-{side}", "breaker.generator_closed", False)
        say(f"tank-{side}", "fuel.level", 88.0 if side == "a" else 83.0, age=6000)
        say(f"ups-{side}", "ups.on_battery", False)
        say(f"ups-{side}", "output.source", "normal")
        say(f"ups-{side}", "battery.status", "normal")
        say(f"ups-{side}", "battery.charge", 100.0, age=5000)
        say(f"ups-{side}", "battery.runtime", 1860.0, age=5000)
        say(f"ups-{side}", "output.voltage", 230.0, "1", age=5000)
        say(f"ups-{side}", "output.load", 41.0 if side == "a" else 38.0, "1", age=5000)
        for number in (1, 2):
            say(f"pdu-{side}{number}", "input.voltage", 230.0, "1", age=7000)
            say(f"pdu-{side}{number}", "pdu.power", 8200.0 + 900 * number, age=7000)
            say(f"pdu-{side}{number}", "pdu.current", 35.6 + 4 * number, age=7000)
    for number in range(1, 13):
        say(f"cooling-{number}", "cooling.ok", True, age=8000)
        say(f"cooling-{number}", "cooling.on", True, age=8000)
        say(f"cooling-{number}", "supply_air.temperature", 19.2 + number / 10, age=8000)
        say(f"cooling-{number}", "return_air.temperature", 28.4 + number / 10, age=8000)
    for number, section in ((1, "fs1"), (2, "fs2")):
        say(f"env-{number}", "temperature", 22.4 + number, "front", age=9000)
        say(f"env-{number}", "temperature", 23.9 + number, "top", age=9000)
        say(f"env-{number}", "smoke.detected", False, "ceiling", age=9000)
        say(f"leak-{number}", "water.detected", False, "1", age=9000)
        for point in ("fire.alarm", "fire.pre_alarm", "fire.fault", "fire.disabled", "suppression.released"):
            say(f"fire-{section}", point, False, section, age=9000)
    for section in ("fs3", "fs4"):
        say(f"fire-{section}", "fire.alarm", False, section, age=9000)
        say(f"fire-{section}", "fire.fault", False, section, age=9000)
    say("shell-1", "glass.broken", False, "window north", age=9000)
    say("shell-1", "intrusion.alarm", False, "emergency exit north", age=9000)
    for number, rate in enumerate((3.2e9, 2.8e9, 4.1e8, 3.7e8, 4.4e9, 1.9e9, 2.6e8), start=1):
        say(f"uplink-{number}", "if.oper", "up", f"port-{number}", age=3000)
        say(f"uplink-{number}", "bgp.state", "established", f"198.51.100.{number}", age=3000)
        say(f"uplink-{number}", "if.in_rate", rate, f"port-{number}", age=3000)
        say(f"uplink-{number}", "if.out_rate", rate * 0.62, f"port-{number}", age=3000)
    _promises(state)
    state.compute()
    return state


def _promises(state: FakeState) -> None:
    state.indicator_rows = [
        IndicatorNow("power.any-feed", "Power, at least one feed", contract=True),
        IndicatorNow("power.both-feeds", "Power, both feeds"),
        IndicatorNow("mains.a", "Mains route A"),
        IndicatorNow("mains.b", "Mains route B"),
        IndicatorNow("uplinks.total", "Uplinks, total", contract=True),
    ]
    figures = (
        ("T01-any", "T01", "Power, at least one feed", 99.99, 100.0, 99.998, 99.998, "met"),
        ("T01-both", "T01", "Power, both feeds", 99.99, 99.997, 99.991, 99.994, "met"),
        ("T21-total", "T21", "Uplinks, total", 99.95, 99.981, 99.978, 99.997, "met"),
        ("T21-link-3", "T21", "Uplink 3", 99.95, 99.902, 99.899, 99.997, "breached"),
    )
    names = ("id", "tom", "title", "target", "measured", "worst", "coverage", "verdict")
    state.slo_rows = [SloRow(**dict(zip(names, row, strict=True)), window="month") for row in figures]  # type: ignore[typeddict-item]
    state.duty = [
        {"roster": "energy", "name": "Energy on call", "people": [{"id": "weber", "name": "Anna Weber (energy)"}]},
        {
            "roster": "climate",
            "name": "Climate on call",
            "people": [{"id": "yilmaz", "name": "Deniz Yilmaz (climate)"}],
        },
        {"roster": "network", "name": "Network on call", "people": [{"id": "novak", "name": "Petra Novak (network)"}]},
    ]


def outage(config: Config | None = None) -> FakeState:
    """Both mains routes lost; A runs on its generator, B's is late and its UPS drains. An uplink is down as well."""
    state = normal(config)
    began = NOW - 94_000
    say = state.say
    for side in "ab":
        say(f"mains-{side}", "mains.available", False)
        for phase in "123":
            say(f"mains-{side}", "mains.voltage", 0.0, phase)
        say(f"mains-{side}", "mains.frequency", 0.0)
        say(f"tsw-{side}", "breaker.mains_closed", False)
    say("genset-a", "engine.running", True)
    say("genset-a", "generator.voltage", 231.0, "1")
    say("genset-a", "generator.load", 44.0)
    say("tsw-a", "breaker.generator_closed", True)
    say("ups-b", "ups.on_battery", True)
    say("ups-b", "output.source", "battery")
    say("ups-b", "battery.charge", 71.0)
    say("ups-b", "battery.runtime", 1090.0)
    say("cooling-2", "cooling.ok", False)
    say("cooling-4", "cooling.ok", False)
    say("cooling-2", "supply_air.temperature", 24.9)
    state.open_incident(
        "I-20261123-0001",
        "mains-outage",
        "mains",
        started=began,
        joined=(
            ("mains-lost", "mains-a"), ("mains-lost", "mains-b"), ("ups-on-battery", "ups-b"),
            ("genset-b-late", "genset-b"), ("cooling-unit-failed", "cooling-2"), ("cooling-unit-failed", "cooling-4"),
        ),
    )  # fmt: skip
    say("uplink-3", "if.oper", "down", "port-3")
    for way in ("in", "out"):
        say("uplink-3", f"if.{way}_rate", 0.0, "port-3")
    state.open_incident(
        "I-20261123-0002",
        "link-down",
        "uplink-3",
        started=NOW - 134 * MINUTE,
        acked_by="Petra Novak",
        acked_at=NOW - 131 * MINUTE,
    )
    state.clocks["link-down/uplink-3"] = FaultClock(
        "link-down/uplink-3", "link-down", "uplink-3", "I-20261123-0002", NOW - 134 * MINUTE, 4 * HOUR, "running", (50,)
    )
    say("tank-b", "fuel.level", 71.0)
    state.open_incident(
        "I-20261123-0003",
        "fuel-below-75",
        "tank-b",
        started=NOW - 20 * HOUR,
        acked_by="Anna Weber",
        acked_at=NOW - 19 * HOUR,
    )
    state.tasks["refuel/tank-b"] = Task(
        "refuel/tank-b",
        "refuel",
        "tank-b",
        "fuel-below-75",
        "open",
        "Refuel to full, log litres",
        NOW - 20 * HOUR,
        NOW + 28 * HOUR,
    )
    state.silence("env-2", since=NOW - 11 * MINUTE)
    for key in [key for key in state.latest if key.asset in ("env-2", "fire-fs2", "fire-fs4")]:
        state.latest[key] = state.latest[key]._replace(ts=NOW - 11 * MINUTE)
    state.indicator_rows[2:4] = [
        replace(row, state=Availability.DOWN, since=began) for row in state.indicator_rows[2:4]
    ]
    _history(state, began)
    state.compute()
    return state


def _history(state: FakeState, began: int) -> None:
    rows = state.history.rows
    for person, channel in (("weber", "email"), ("control", "console")):
        rows.append(
            Transition(
                began + 5100, "page", f"I-20261123-0001/{person}", "queued", "first", severity=Severity.CRITICAL,
                incident="I-20261123-0001", data={"person": person, "channel": channel, "kind": "page"},
            )
        )  # fmt: skip
    state.history.sent = [
        Delivery(began + 5400, "weber", "email", "page", "sent", "250 2.0.0 OK"),
        Delivery(began + 5120, "control", "console", "page", "sent"),
    ]
    for phase in "123":
        key = SeriesKey("mains-a", "mains.voltage", phase)
        state.history.series[key] = [
            Sample(ts, 0.0 if ts >= began else 230.5 + (ts // 2000 % 7) / 10 + int(phase))
            for ts in range(began - 10 * MINUTE, NOW, 2000)
        ]
    key = SeriesKey("mains-a", "mains.available")
    state.history.series[key] = [Sample(ts, ts < began) for ts in range(began - 10 * MINUTE, NOW, 2000)]
    key = SeriesKey("uplink-3", "if.oper", "port-3")
    state.history.series[key] = [
        Sample(ts, "down" if ts >= NOW - 134 * MINUTE else "up") for ts in range(NOW - 145 * MINUTE, NOW, 15_000)
    ]


def blackout(config: Config | None = None) -> FakeState:
    """Both feeds dead: the contract figure is down."""
    state = outage(config)
    say = state.say
    for side in "ab":
        say(f"genset-{side}", "engine.running", False)
        say(f"genset-{side}", "generator.voltage", 0.0, "1")
        say(f"tsw-{side}", "breaker.generator_closed", False)
        say(f"ups-{side}", "output.source", "none")
        say(f"ups-{side}", "ups.on_battery", True)
        say(f"ups-{side}", "battery.charge", 0.0)
        say(f"ups-{side}", "output.voltage", 0.0, "1")
        for number in (1, 2):
            for key in [key for key in state.latest if key.asset == f"pdu-{side}{number}"]:
                del state.latest[key]
    state.indicator_rows[0] = replace(state.indicator_rows[0], state=Availability.DOWN, since=NOW - 20_000)
    return state


def crowded(config: Config | None = None) -> FakeState:
    """More of everything than a wall has room for, with long names."""
    state = outage(config)
    for number in range(1, 8):
        state.open_incident(
            f"I-crowd-{number}", "link-down", f"uplink-{number}", started=NOW - number * 26 * HOUR,
            title=f"Uplink {number} to the carrier with the longest name of all: link is down and nobody knows why",
        )  # fmt: skip
        state.clocks[f"c{number}"] = FaultClock(
            f"c{number}", "link-down", f"uplink-{number}", None, NOW - number * HOUR, 4 * HOUR, "running"
        )
        state.tasks[f"t{number}"] = Task(
            f"t{number}", "refuel", "tank-a", "fuel-below-75", "overdue", "Refuel to full, log litres and all else",
            NOW - 9 * HOUR, NOW - number * HOUR,
        )  # fmt: skip
    for number in range(9, 13):
        state.silence(f"cooling-{number}", since=NOW - number * HOUR)
        state.say(f"cooling-{number}", "cooling.ok", True, age=HOUR)
    for number in range(5, 9):
        state.say(f"cooling-{number}", "cooling.ok", False)
    for section in ("fs1", "fs2", "fs3", "fs4"):
        state.say(f"fire-{section}", "suppression.released", True, section)
    state.say("leak-1", "water.detected", True, "1")
    state.say("shell-1", "intrusion.alarm", True, "emergency exit north")
    for number in range(3):
        row = planned(
            "maintenance", f"The battery blocks of UPS {number} are replaced by others", -HOUR, HOUR, late=True
        )
        state.records[row.id] = row
    state.duty *= 2
    state.slo_rows = [{**row, "title": f"{row['title']} in a sentence that does not end"} for row in state.slo_rows * 4]
    return state


def planned(kind: str, title: str, start: int, end: int, **data: object) -> Record:
    """Maintenance or a drill, `start` and `end` in ms from now."""
    facts = {"title": title, "scope": ["ups-a"], "mute": True, "late": False, "phase": "planned", **data}
    return Record(
        f"{kind}-{title}", kind, title, None, "running", None, NOW + start, NOW + end, title, ("T25",), "Anna", facts
    )


def bad(reading: Reading, reason: str = "sentinel") -> Reading:
    return reading._replace(quality=Quality.BAD, reason=reason)
