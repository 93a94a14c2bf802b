"""A small site with everything on, and any timeline of it: for what must hold whatever happens."""

from __future__ import annotations

from typing import Any

from engine_world import EVERYTHING, TAKEOVER, config, rule
from hypothesis import strategies as st

STALE = rule("stale", "no-value", after="60s", **{"class": "monitoring"})
BLIND = rule("blind", "blind", asset="ups-a", share=15, after="20s", severity="critical", worsens=True,
             **{"class": "monitoring"})  # fmt: skip
SHUT = rule("state", "down-unwanted", select={"point": "if.oper"}, not_in=["up"], on_delay="5s",
            unless=[{"point": "if.admin", "is": "down"}], **{"class": "network"})  # fmt: skip
ODD = rule("unusual", "odd", select={"point": "temperature"}, minimum=1, **{"class": "environment"})
REGISTER: dict[str, Any] = {
    "load_bank": {"duration": "10m"}, "battery_test": {"charge_above": 60},
    "duties": [
        {"id": "load-test", "name": {"de": "Lastprobe", "en": "load test"}, "class": "power", "kinds": ["genset"],
         "every": "1 day", "grace": "2h", "evidence": {"record": "load-bank"}},
        {"id": "leak-test", "name": {"de": "Leckmelder", "en": "leak test"}, "class": "water", "assets": ["leak-1"],
         "every": "1 day", "evidence": {"moved": ["water.detected"]}},
    ],
}  # fmt: skip
CONFIG = config(
    *EVERYTHING, STALE, BLIND, SHUT, ODD, sequences=[TAKEOVER], incidents={"outlast": "3m"}, register=REGISTER
)

SERIES: dict[str, tuple[Any, ...]] = {
    "mains-a/mains.available": (True, False),
    "mains-b/mains.available": (True, False),
    "ups-a/ups.on_battery": (True, False),
    "ups-b/ups.on_battery": (True, False),
    "ups-a/output.source": ("normal", "battery", "none", "bypass"),
    "tsw-a/breaker.generator_closed": (True, False),
    "genset-a/engine.running": (True, False),
    "genset-a/generator.load": (100.0, 60.0, 0.0),
    "leak-1/water.detected[1]": (True, False),
    "uplink-1/if.oper": ("up", "down"),
    "uplink-1/if.admin": ("up", "down"),
    "tank-a/fuel.level": (0.0, 58.0, 60.0, 74.0, 76.0, 80.0, 95.0, 101.0, 140.0),
    "env-1/temperature[1]": (22.0, 26.5, 27.5, 31.0),
    "ups-a/battery.charge": (100.0, 90.0, 55.0),
    "ups-a/device.reachable": (True, False),
    "pdu-a/device.reachable": (True, False),
}

Event = tuple[int, str, Any]


@st.composite
def timelines(draw: st.DrawFn) -> list[Event]:
    """(second, series, value), no two of a series at one instant, over up to ten hours."""
    gaps = st.one_of(st.integers(0, 12), st.integers(0, 120), st.integers(0, 9000))
    events: dict[tuple[int, str], Any] = {}
    second = 0
    for _ in range(draw(st.integers(1, 25))):
        second += draw(gaps)
        series = draw(st.sampled_from(sorted(SERIES)))
        events[second, series] = draw(st.sampled_from(SERIES[series]))
    return [(second, series, value) for (second, series), value in sorted(events.items(), key=lambda item: item[0][0])]
