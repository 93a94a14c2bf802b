"""A small site for tests of the engine, and the words in which they are written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dcmon.config.agent import Agent
from dcmon.config.collectors import Collectors
from dcmon.config.config import Config
from dcmon.config.entries import parse_entry
from dcmon.config.people import People
from dcmon.config.register import Register
from dcmon.config.rules import Rules
from dcmon.config.site import Site
from dcmon.instants import iso_utc
from dcmon.model import Changes, Quality, Reading, Record, SeriesKey, Snapshot, Value
from dcmon.thresholds import Judge

T0 = 1_795_000_000_000
"""The instant from which tests count seconds."""

SITE: dict[str, Any] = {
    "name": "Test",
    "committed_uplink_bps": 11_000_000_000,
    "assets": [
        {"id": "mains-a", "kind": "mains", "name": "Mains A", "feeds": ["tsw-a"]},
        {"id": "mains-b", "kind": "mains", "name": "Mains B", "feeds": ["tsw-b"]},
        {"id": "genset-a", "kind": "genset", "name": "Generator A", "feeds": ["tsw-a"], "stands_in_for": ["mains-a"],
         "rating": {"fuel_l_per_h_full_load": 250}},
        {"id": "tank-a", "kind": "tank", "name": "Tank A", "feeds": ["genset-a"], "rating": {"tank_l": 10_000}},
        {"id": "tsw-a", "kind": "transfer_switch", "name": "Switch A", "feeds": ["ups-a", "cooling-1"]},
        {"id": "tsw-b", "kind": "transfer_switch", "name": "Switch B", "feeds": ["ups-b", "cooling-2"]},
        {"id": "ups-a", "kind": "ups", "name": "UPS A", "feeds": ["pdu-a"]},
        {"id": "ups-b", "kind": "ups", "name": "UPS B", "feeds": ["pdu-b"]},
        {"id": "pdu-a", "kind": "pdu", "name": "PDU A", "feeds": ["router-1"]},
        {"id": "pdu-b", "kind": "pdu", "name": "PDU B", "feeds": ["router-1"]},
        {"id": "cooling-1", "kind": "cooling_unit", "name": "Cooling 1"},
        {"id": "cooling-2", "kind": "cooling_unit", "name": "Cooling 2"},
        {"id": "cooling-3", "kind": "cooling_unit", "name": "Cooling 3"},
        {"id": "leak-1", "kind": "leak_unit", "name": "Leak 1"},
        {"id": "env-1", "kind": "environment_unit", "name": "Environment 1"},
        {"id": "router-1", "kind": "router", "name": "Router 1", "feeds": ["uplink-1", "uplink-2"]},
        {"id": "uplink-1", "kind": "uplink", "name": "Uplink 1", "rating": {"speed_bps": 10_000_000_000}},
        {"id": "uplink-2", "kind": "uplink", "name": "Uplink 2", "rating": {"speed_bps": 1_000_000_000}},
    ],
    "groups": [
        {"id": "mains", "name": "Mains routes", "role": "mains", "members": ["mains-a", "mains-b"]},
        {"id": "feed-a", "name": "Feed A", "role": "feed_a", "members": ["pdu-a"]},
        {"id": "feed-b", "name": "Feed B", "role": "feed_b", "members": ["pdu-b"]},
        {"id": "cooling", "name": "Cooling", "role": "cooling", "needed": 2,
         "members": ["cooling-1", "cooling-2", "cooling-3"]},
        {"id": "uplinks", "name": "Uplinks", "role": "uplinks", "members": ["uplink-1", "uplink-2"]},
        {"id": "gensets", "name": "Generators", "role": "gensets", "members": ["genset-a"]},
    ],
}  # fmt: skip

_DEVICES = ("genset-a", "ups-a", "ups-b", "pdu-a", "pdu-b", "cooling-1", "cooling-2", "cooling-3", "leak-1", "env-1",
            "router-1")  # fmt: skip


def rule(kind: str, rule_id: str, **fields: Any) -> dict[str, Any]:
    """A rule with what every rule must have."""
    base = {"id": rule_id, "kind": kind, "title": f"{rule_id} has tripped", "class": "power", "severity": "warning"}
    return base | fields


MAINS_LOST = rule("state", "mains-lost", select={"point": "mains.available"}, on_delay="5s", propagates=True,
                  **{"is": False})  # fmt: skip
ON_BATTERY = rule("state", "on-battery", select={"point": "ups.on_battery"}, on_delay="5s", **{"is": True})
MAINS_OUTAGE = rule("count", "mains-outage", group="mains", able=[{"point": "mains.available", "is": True}],
                    fewer_than="needed", severity="critical", on_delay="5s", propagates=True)  # fmt: skip
GENSET_LATE = rule("follows", "genset-late", asset="genset-a", severity="critical", within="60s",
                   when=[{"asset": "mains-a", "point": "mains.available", "is": False}],
                   then=[{"asset": "tsw-a", "point": "breaker.generator_closed", "is": True}])  # fmt: skip
LEAK = rule("state", "leak", select={"point": "water.detected"}, severity="critical", **{"class": "water", "is": True})
SILENT = rule("silent", "silent", after="60s", **{"class": "monitoring"})
LOST = rule("lost_on_battery", "lost", after="10s", severity="critical", kinds=["ups", "pdu"], propagates=True)
LINK = rule("state", "link-down", select={"point": "if.oper"}, not_in=["up"], on_delay="5s", clock={"limit": "4h"},
            **{"class": "network"})  # fmt: skip
FUEL = rule("limit", "fuel-low", select={"point": "fuel.level"}, below=75, deadband=2, on_delay="60s",
            task={"kind": "refuel", "title": "Refuel", "deadline": "48h", "closes_after_rise": 5},
            **{"class": "fuel"})  # fmt: skip
WARM = rule("limit", "warm", select={"point": "temperature"}, above=27, deadband=1, on_delay="60s", off_delay="60s",
            **{"class": "environment"})  # fmt: skip

TAKEOVER: dict[str, Any] = {
    "id": "takeover", "title": {"de": "Übernahme", "en": "Takeover"}, "tom": ["T04"], "asset": "genset-a",
    "class": "power", "severity": "critical",
    "when": [{"asset": "mains-a", "point": "mains.available", "is": False}],
    "steps": [
        {"id": "no-start", "name": {"de": "Motor läuft", "en": "engine runs"}, "title": "does not run",
         "then": [{"point": "engine.running", "is": True}], "within": "10s"},
        {"id": "no-load", "name": {"de": "Last", "en": "load taken"}, "title": "has not taken the load", "stays": True,
         "then": [{"asset": "tsw-a", "point": "breaker.generator_closed", "is": True}], "within": "60s"},
        {"id": "no-return", "name": {"de": "zurück", "en": "load returned"}, "title": "still carries the load",
         "after": "return", "then": [{"asset": "tsw-a", "point": "breaker.generator_closed", "is": False}],
         "within": "10m"},
    ],
    "never": [
        {"id": "gap", "title": "dead output", "when": [{"asset": "ups-a", "point": "output.source", "is": "none"}]},
    ],
    "measure": [{"asset": "ups-a", "point": "battery.charge"},
                {"asset": "genset-a", "point": "generator.load", "since": "no-load"}],
}  # fmt: skip

AUTONOMY = rule("limit", "autonomy", select={"assets": ["gensets"], "point": "fuel.autonomy_full"}, below=24,
                deadband=0.5, on_delay="60s", **{"class": "fuel"})  # fmt: skip
LOSS = rule("fuel_loss", "loss", litres=300, within="12h", on_delay="5m", **{"class": "fuel"})
BURN = rule("fuel_burn", "burn", litres=300, on_delay="15m", **{"class": "fuel"})
STUCK = rule("fuel_stuck", "stuck", **{"class": "fuel"})
FUEL_RULES = (FUEL, AUTONOMY, LOSS, BURN, STUCK)

EVERYTHING = (MAINS_LOST, ON_BATTERY, MAINS_OUTAGE, GENSET_LATE, LEAK, SILENT, LOST, LINK, WARM, *FUEL_RULES)


def config(*rules: dict[str, Any], site: Mapping[str, Any] | None = None, maps: Mapping[str, Any] | None = None,
           register: Mapping[str, Any] | None = None, rosters: Iterable[Mapping[str, Any]] = (),
           **settings: Any) -> Config:  # fmt: skip
    """A configuration of these rules on the small site."""
    address = {"snmp": {"host": "192.0.2.1", "credentials": "read"}}
    devices = {device: address | {"maps": (maps or {}).get(device, [])} for device in _DEVICES}
    people = {
        "people": [{"id": "anna", "name": "Anna"}],
        "rosters": list(rosters),
        "routes": [{"id": "all", "to": [{"person": "anna", "channels": ["console"]}]}],
    }
    credentials = {"read": {"version": "2c", "community": "env:SNMP"}}
    return Config(
        agent=Agent(), site=Site.model_validate(dict(site or SITE)),
        collectors=Collectors.model_validate({"credentials": credentials, "devices": devices}),
        rules=Rules.model_validate({"rules": list(rules), **settings}), people=People.model_validate(people),
        register=Register.model_validate(dict(register or {})), directory=Path("/nonexistent"),
    )  # fmt: skip


def read(second: float, series: str, value: Value, quality: str = "good", reason: str | None = None) -> Reading:
    """`asset/point` or `asset/point[index]`, `second` after T0."""
    asset, _, rest = series.partition("/")
    point, _, index = rest.partition("[")
    return Reading(at(second), asset, point, index.rstrip("]") or None, value, Quality(quality), reason)


def at(second: float) -> int:
    return T0 + round(second * 1000)


class World:
    """A Judge that is fed in seconds, and everything it ever said."""

    def __init__(self, configuration: Config, *, live: bool = False, start: float = 0) -> None:
        self.config = configuration
        self.live = live
        self.judge = Judge(configuration, now=at(start), live=live)
        self.all = Changes()
        self.latest: dict[SeriesKey, Reading] = {}

    def see(self, second: float, *readings: tuple[str, Value]) -> Changes:
        """Readings of one instant, judged at that instant."""
        return self.step([read(second, series, value) for series, value in readings], at(second))

    def step(self, readings: Iterable[Reading], now: int) -> Changes:
        batch = list(readings)
        for reading in batch:
            if reading.key not in self.latest or self.latest[reading.key].ts <= reading.ts:
                self.latest[reading.key] = reading
        changes = self.judge.step(batch, now)
        self.all.extend(changes)
        return changes

    def enter(self, second: float, kind: str, **words: Any) -> Record:
        """Somebody puts something on record; `start` and `end` are seconds, too."""
        times = {word: iso_utc(at(words.pop(word))) for word in ("start", "end", "announced") if word in words}
        entry = parse_entry({"kind": kind, "by": "Anna", **words, **times})
        record, changes = self.judge.enter(entry, at(second))
        self.all.extend(changes)
        return record

    def wait(self, second: float) -> Changes:
        """Time passes."""
        return self.step([], at(second))

    def restart(self, second: float, *, alive: float | None = None, readings: bool = True) -> None:
        """The process ends and another goes on from the journal."""
        judge = self.judge
        snapshot = Snapshot(
            dict(judge.alarms), dict(judge.incidents), dict(judge.tasks), dict(judge.clocks), self.open_intervals(),
            readings=dict(self.latest) if readings else {}, alive=at(second if alive is None else alive),
            records=dict(judge.records), usual=dict(self.all.usual),
        )  # fmt: skip
        self.judge = Judge(self.config, snapshot, at(second), live=self.live)

    def open_intervals(self) -> dict[str, Any]:
        rows = {(row.indicator, row.start): row for row in self.all.intervals}
        return {row.indicator: row for row in sorted(rows.values(), key=lambda row: row.start) if row.end is None}

    def said(self, kind: str, *, pending: bool = False) -> list[tuple[float, str, str]]:
        """(second, asset or subject, state) of all transitions of a type."""
        return [
            ((transition.ts - T0) / 1000, transition.asset or transition.subject, transition.state)
            for transition in self.all.transitions
            if transition.type == kind and (pending or transition.state != "pending")
        ]

    def alarms(self) -> list[tuple[float, str, str]]:
        return self.said("alarm")

    def incidents(self) -> list[tuple[float, str, str]]:
        return self.said("incident")


def told(changes: Iterable[Changes]) -> list[tuple[Any, ...]]:
    """All transitions as plain tuples, to compare runs."""
    return [
        (transition.ts, transition.type, transition.subject, transition.state, transition.reason, transition.incident)
        for change in changes
        for transition in change.transitions
    ]
