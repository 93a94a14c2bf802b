"""Writes grafana/dashboards/*.json. The boards are generated so that a point's name, unit and colours stand once.

Every query is InfluxQL that InfluxDB 1.x, 2.x and 3.x share: one measurement a point, field `value` (truths are 0, 1)
or `text` (words), tags `asset` and `index`. `python grafana/generate.py --check` fails where a file is out of date.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dcmon.config.vocabulary import unit_of

BOARDS = Path(__file__).resolve().parent / "dashboards"
DATASOURCE = {"type": "influxdb", "uid": "dcmon"}

# Grey while all is well; colour only for what wants a look. Never colour alone: every state has its word.
GREY, AMBER, RED = "#8e8e8e", "#e0b400", "#e02f44"

GRAFANA_UNITS = {
    "%": "percent",
    "degC": "celsius",
    "V": "volt",
    "A": "amp",
    "W": "watt",
    "Hz": "hertz",
    "s": "s",
    "bit/s": "bps",
    "B": "decbytes",
    "rpm": "rotrpm",
    "l": "litre",
}
"""The vocabulary's units in Grafana's words."""


@dataclass(frozen=True, slots=True)
class Query:
    """Values of one point. `by`: tags that tell series apart; `over`: the aggregate of each interval."""

    point: str
    by: tuple[str, ...] = ("asset",)
    over: str = "mean"
    series: bool = True
    text: bool = False
    alias: str = "$tag_asset"
    where: str = ""

    def influxql(self) -> str:
        column = "text" if self.text else "value"
        tags = ", ".join(f'"{tag}"' for tag in self.by)
        condition = f" AND {self.where}" if self.where else ""
        if self.series:
            groups = f"time($__interval), {tags} fill(none)"
            return f'SELECT {self.over}("{column}") FROM "{self.point}" WHERE $timeFilter{condition} GROUP BY {groups}'
        return f'SELECT last("{column}") FROM "{self.point}" WHERE $timeFilter{condition} GROUP BY {tags}'


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel: `kind` is Grafana's type, `limits` are (from, colour) steps, `words` maps values to words."""

    title: str
    kind: str
    width: int
    height: int
    queries: tuple[Query, ...]
    limits: tuple[tuple[float | None, str], ...] = ((None, GREY),)
    words: tuple[tuple[str, str, str], ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    description: str = ""
    options: dict[str, Any] = field(default_factory=dict)


OK_LOST = (("1", "ok", GREY), ("0", "LOST", RED))
CALM_ALARM = (("0", "calm", GREY), ("1", "ALARM", RED))


def stat(title: str, width: int, queries: tuple[Query, ...], **more: Any) -> Panel:
    """Big words or numbers, one for each series."""
    options = {
        "colorMode": "background",
        "graphMode": "none",
        "textMode": "value_and_name",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    }
    return Panel(title, "stat", width, 4, queries, options=options, **more)


def curve(title: str, width: int, queries: tuple[Query, ...], **more: Any) -> Panel:
    """A line for each series over time."""
    options = {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}}
    return Panel(title, "timeseries", width, 8, queries, options=options, **more)


def bars(title: str, width: int, queries: tuple[Query, ...], **more: Any) -> Panel:
    """A bar for each series."""
    options = {
        "orientation": "horizontal",
        "displayMode": "basic",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    }
    return Panel(title, "bargauge", width, 6, queries, options=options, **more)


def last(point: str, *, by: tuple[str, ...] = ("asset",), text: bool = False, where: str = "") -> Query:
    alias = " ".join(f"$tag_{tag}" for tag in by)
    return Query(point, by=by, series=False, text=text, alias=alias, where=where)


def over_time(point: str, *, by: tuple[str, ...] = ("asset",), over: str = "mean") -> Query:
    return Query(point, by=by, over=over, alias=" ".join(f"$tag_{tag}" for tag in by))


WALL: tuple[tuple[str, tuple[Panel, ...]], ...] = (
    (
        "Power",
        (
            stat("Mains routes", 6, (last("mains.available"),), words=OK_LOST),
            stat(
                "UPS on battery",
                6,
                (last("ups.on_battery"),),
                words=(("0", "no", GREY), ("1", "ON BATTERY", RED)),
            ),
            stat(
                "Generators",
                6,
                (last("engine.running"),),
                words=(("0", "ready", GREY), ("1", "RUNNING", AMBER)),
            ),
            stat(
                "Load on generator",
                6,
                (last("breaker.generator_closed"),),
                words=(("0", "no", GREY), ("1", "ON GENERATOR", AMBER)),
            ),
            bars(
                "Fuel",
                8,
                (last("fuel.level"),),
                limits=((None, RED), (50, AMBER), (75, GREY)),
                minimum=0,
                maximum=100,
                description="T06: below 75 % a refill is ordered; T05: below 50 % the 24 h are gone.",
            ),
            bars(
                "Battery charge",
                8,
                (last("battery.charge"),),
                limits=((None, RED), (50, AMBER), (90, GREY)),
                minimum=0,
                maximum=100,
            ),
            bars(
                "UPS load",
                8,
                (last("output.load", by=("asset", "index")),),
                limits=((None, GREY), (80, AMBER), (95, RED)),
                minimum=0,
                maximum=120,
            ),
            curve("UPS load", 12, (over_time("output.load"),), minimum=0),
            curve("Rack feeds, voltage", 12, (over_time("input.voltage"),), limits=((None, RED), (207, GREY))),
        ),
    ),
    (
        "Cooling and climate",
        (
            stat("Cooling units able", 24, (last("cooling.ok"),), words=OK_LOST),
            curve(
                "Inlet air",
                12,
                (over_time("temperature", by=("asset", "index"), over="max"),),
                limits=((None, GREY), (27, AMBER), (32, RED)),
                description="ASHRAE TC9.9: 18 to 27 degC recommended.",
            ),
            curve("Return air of the cooling units", 12, (over_time("return_air.temperature"),)),
        ),
    ),
    (
        "Water, fire, building",
        (
            stat("Water under the floor", 8, (last("water.detected", by=("asset", "index")),), words=CALM_ALARM),
            stat("Fire alarm", 8, (last("fire.alarm"),), words=CALM_ALARM),
            stat(
                "Glass and emergency exits",
                8,
                (last("glass.broken"), last("intrusion.alarm")),
                words=CALM_ALARM,
            ),
        ),
    ),
    (
        "Network",
        (
            stat(
                "Uplinks",
                24,
                (last("if.oper", text=True, where='"asset" =~ /^uplink/'),),
                words=(("up", "up", GREY), ("down", "DOWN", RED), ("lowerLayerDown", "DOWN", RED)),
            ),
            curve("Traffic in", 12, (over_time("if.in_rate"),), minimum=0),
            curve("Traffic out", 12, (over_time("if.out_rate"),), minimum=0),
        ),
    ),
    (
        "dcmon",
        (
            stat(
                "Devices that answer", 24, (last("device.reachable"),), words=(("1", "ok", GREY), ("0", "SILENT", RED))
            ),
            curve("Time of a poll", 12, (over_time("device.poll_time"),), minimum=0),
            curve("Messages waiting", 12, (over_time("dcmon.outbox_pending"),), minimum=0),
        ),
    ),
)


def build(title: str, uid: str, rows: tuple[tuple[str, tuple[Panel, ...]], ...]) -> dict[str, Any]:
    """One board as Grafana's JSON model (schema version 39, Grafana 10 and later)."""
    panels: list[dict[str, Any]] = []
    y = 0
    for name, members in rows:
        panels.append(
            {
                "type": "row",
                "title": name,
                "id": len(panels) + 1,
                "collapsed": False,
                "gridPos": {"x": 0, "y": y, "w": 24, "h": 1},
                "panels": [],
            }
        )
        y += 1
        x = height = 0
        for panel in members:
            if x + panel.width > 24:
                x, y, height = 0, y + height, 0
            panels.append(_panel(panel, len(panels) + 1, x, y))
            x, height = x + panel.width, max(height, panel.height)
        y += height
    return {
        "title": title,
        "uid": uid,
        "schemaVersion": 39,
        "version": 1,
        "editable": False,
        "graphTooltip": 1,
        "tags": ["dcmon"],
        "timezone": "browser",
        "refresh": "5s",
        "time": {"from": "now-3h", "to": "now"},
        "annotations": {"list": []},
        "templating": {"list": []},
        "links": [],
        "panels": panels,
    }


def _panel(panel: Panel, number: int, x: int, y: int) -> dict[str, Any]:
    unit = GRAFANA_UNITS.get(unit_of(panel.queries[0].point) or "", "none")
    defaults: dict[str, Any] = {
        "unit": unit,
        "color": {"mode": "thresholds" if panel.kind != "timeseries" else "palette-classic"},
        "thresholds": {
            "mode": "absolute",
            "steps": [{"value": value, "color": colour} for value, colour in panel.limits],
        },
        "mappings": _mappings(panel.words),
        "noValue": "no data",
    }
    if panel.kind == "timeseries":
        style = "line" if len(panel.limits) > 1 else "off"
        defaults["custom"] = {"lineWidth": 2, "fillOpacity": 0, "thresholdsStyle": {"mode": style}}
    if panel.minimum is not None:
        defaults["min"] = panel.minimum
    if panel.maximum is not None:
        defaults["max"] = panel.maximum
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "gridPos": {"x": x, "y": y, "w": panel.width, "h": panel.height},
        "datasource": DATASOURCE,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": panel.options,
        "targets": [
            {
                "refId": chr(ord("A") + place),
                "datasource": DATASOURCE,
                "rawQuery": True,
                "query": query.influxql(),
                "resultFormat": "time_series",
                "alias": query.alias,
            }
            for place, query in enumerate(panel.queries)
        ],
    }


def _mappings(words: tuple[tuple[str, str, str], ...]) -> list[dict[str, Any]]:
    if not words:
        return []
    options = {
        value: {"text": text, "color": colour, "index": place} for place, (value, text, colour) in enumerate(words)
    }
    return [{"type": "value", "options": options}]


DASHBOARDS = {"wall.json": build("dcmon: wall", "dcmon-wall", WALL)}


def main() -> int:
    stale = []
    for name, board in DASHBOARDS.items():
        path = BOARDS / name
        text = json.dumps(board, indent=2) + "\n"
        if "--check" in sys.argv[1:]:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                stale.append(name)
        else:
            path.write_text(text, encoding="utf-8")
    if stale:
        print(f"out of date: {', '.join(stale)}; run `make dashboards`")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
