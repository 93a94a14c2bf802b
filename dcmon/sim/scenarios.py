"""Fault scripts as data: what happens to the plant at which second, and what that must and must not cause.

Every script leaves the first 20 seconds alone, so that whoever watches has seen the plant well, and (but for the
four-hour one) ends inside 600 s: `dcmon demo --speed 10 --exit-after 60` shows it whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple


class Event(NamedTuple):
    """At `at_s` seconds of plant time `action` (a key of `dcmon.sim.actions.ACTIONS`) is done with `args`."""

    at_s: float
    action: str
    args: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One script. `pages` and `no_pages` say in plain words what must and what must not reach a person."""

    name: str
    title: str
    description: str
    events: tuple[Event, ...] = ()
    duration_s: int = 600
    pages: tuple[str, ...] = ()
    no_pages: tuple[str, ...] = ()


def _mains(at_s: float, available: bool, sides: str = "ab") -> tuple[Event, ...]:
    return tuple(Event(at_s, "mains", {"side": side, "available": available}) for side in sides)


def _bad_starts(side: str, attempts: int) -> Event:
    return Event(20, "bad-starts", {"side": side, "attempts": attempts})


def _contact(at_s: float, meaning: str, active: bool) -> Event:
    return Event(at_s, "contact", {"meaning": meaning, "active": active})


_FIRE = (
    (20, "fire-fs1/fire.pre_alarm"),
    (35, "env-1/smoke.detected"),
    (50, "fire-fs1/fire.alarm"),
    (80, "fire-fs1/suppression.released"),
    (80, "fire-fs1/smoke_extraction.on"),
)

_ALL = (
    Scenario(
        "normal",
        "Nothing happens",
        "Mains good, batteries full, four cooling units share the heat, seven uplinks carry the evening's traffic.",
        no_pages=("anything",),
    ),
    Scenario(
        "mains-outage",
        "Both mains routes fail, the generators take over in time",
        "At 20 s both substations are lost. Both UPS go on battery at once, both generators crank after 3 s, are up to"
        " speed and close their breakers about 12 s after the loss. Cooling stops for half a minute. At 320 s the mains"
        " return; after a stable minute the load goes back with a break of half a second, the engines cool down.",
        (*_mains(20, False), *_mains(320, True)),
        pages=("loss of both mains routes, as one incident",),
        no_pages=(
            "a late generator",
            "a dead feed, PDU or UPS output",
            "low battery",
            "cooling",
            "separate incidents for UPS on battery or for each route",
        ),
    ),
    Scenario(
        "genset-late",
        "Mains fail; generator B needs four attempts and is late",
        "As mains-outage, but generator B fires only at its fourth crank and takes its load about 87 s after the loss."
        " UPS B stays on battery until then; side A is carried in time.",
        (_bad_starts("b", 3), *_mains(20, False), *_mains(320, True)),
        pages=("loss of both mains routes", "generator B late (more than 60 s), in the same incident"),
        no_pages=("generator A late", "a dead feed, PDU or UPS output", "generator B failed to start"),
    ),
    Scenario(
        "genset-fails",
        "Mains fail; generator A does not start at all",
        "Generator A locks out after its fourth crank, about 90 s after the loss, and reports fail to start. UPS A"
        " lives on its battery (about 25 min), cooling units of side A stand; two units of this area remain on side B."
        " The mains return at 440 s, long before the battery is empty.",
        (
            _bad_starts("a", 99),
            *_mains(20, False),
            *_mains(440, True),
            Event(500, "reset-genset", {"side": "a"}),
        ),
        pages=(
            "loss of both mains routes",
            "generator A late, in the same incident",
            "generator A reports an alarm",
            "cooling of this area without reserve (two of four units)",
        ),
        no_pages=("generator B late", "a dead feed, PDU or UPS output", "fewer than two cooling units able"),
    ),
    Scenario(
        "fuel-low-refuel",
        "A load-bank test takes tank A below 75 %, a tanker comes",
        "Tank A stands at 75.06 % when at 20 s the monthly load-bank test begins: full load, 250 l/h, mains present."
        " The level falls below 75 % three minutes later. The test ends at 260 s; at 300 s a tanker pumps 800 l/min up"
        " to 95 %, reached at about 570 s. The test goes on record as failed: four minutes at full load are too short.",
        (
            Event(20, "tank-level", {"side": "a", "percent": 75.06}),
            Event(20, "load-bank", {"side": "a", "on": True}),
            Event(260, "load-bank", {"side": "a", "on": False}),
            Event(300, "refuel", {"side": "a", "litres_per_min": 800.0, "to_percent": 95.0}),
        ),
        pages=(
            "tank A below 75 %: a refuel task, closed by the measured rise",
            "the load-bank test was too short: a task to repeat it (told, nobody is paged)",
        ),
        no_pages=("mains lost", "generator late", "UPS on battery", "less than 24 h of fuel", "tank B"),
    ),
    Scenario(
        "ups-overload",
        "UPS A is overloaded and goes to bypass",
        "At 20 s load is moved to feed A by mistake: UPS A stands at about 111 %. After a minute the inverter hands"
        " over to the static bypass: the racks live, but unprotected. At 320 s the load is moved back, 20 s later the"
        " UPS returns to its inverter.",
        (
            Event(20, "extra-load", {"side": "a", "watts": 570_000.0}),
            Event(320, "extra-load", {"side": "a", "watts": 0.0}),
        ),
        pages=("overload of UPS A", "UPS A on bypass"),
        no_pages=("UPS on battery", "mains lost", "UPS B", "a dead feed"),
    ),
    Scenario(
        "cooling-unit-fails",
        "One of four cooling units fails",
        "Cooling unit 1 trips at 20 s; the other three of this area carry its share, the inlet air warms by half a"
        " degree. Repaired at 400 s.",
        (
            Event(20, "cooling-unit", {"unit": "cooling-1", "failed": True}),
            Event(400, "cooling-unit", {"unit": "cooling-1", "failed": False}),
        ),
        pages=("cooling unit 1 has failed",),
        no_pages=("fewer than two units able", "no reserve", "inlet temperature"),
    ),
    Scenario(
        "two-cooling-units-fail",
        "Two of four cooling units fail, one after the other",
        "Cooling unit 1 trips at 20 s, unit 2 (on the other feed) at 140 s. Two units remain, which is what this area"
        " needs: the reserve is gone, the air warms by about two degrees and stays within limits. Unit 2 is back at"
        " 440 s, unit 1 at 500 s.",
        (
            Event(20, "cooling-unit", {"unit": "cooling-1", "failed": True}),
            Event(140, "cooling-unit", {"unit": "cooling-2", "failed": True}),
            Event(440, "cooling-unit", {"unit": "cooling-2", "failed": False}),
            Event(500, "cooling-unit", {"unit": "cooling-1", "failed": False}),
        ),
        pages=("cooling unit 1 has failed", "no cooling reserve left"),
        no_pages=("fewer than two units able", "inlet temperature above 27 degC"),
    ),
    Scenario(
        "water-leak",
        "Water under the raised floor north",
        "Leak detector 1 is flooded at 20 s and dry again at 420 s.",
        (
            Event(20, "water", {"unit": "leak-1", "wet": True}),
            Event(420, "water", {"unit": "leak-1", "wet": False}),
        ),
        pages=("leak detector 1, with its place",),
        no_pages=("leak detector 2", "anything of power or cooling"),
    ),
    Scenario(
        "fire-alarm",
        "Fire in section 1: pre-alarm, alarm, extinguishing gas",
        "At 20 s the aspirating detector of fire section 1 gives its pre-alarm, at 35 s the ceiling detector responds,"
        " at 50 s two detectors agree and the panel alarms, at 80 s gas is released and smoke extraction starts. The"
        " panel is reset at 480 s.",
        (
            *(_contact(at_s, meaning, True) for at_s, meaning in _FIRE),
            *(_contact(480, meaning, False) for _, meaning in _FIRE),
        ),
        pages=("fire pre-alarm, smoke, fire alarm and extinguishing of section 1",),
        no_pages=("fire section 2", "anything of power"),
    ),
    Scenario(
        "uplink-down",
        "One uplink is cut for five minutes",
        "The fibre of uplink 2 (10 Gbit/s) breaks at 20 s; its BGP session falls with it; its traffic moves to the six"
        " others. At 320 s it is spliced, the session is back 12 s later.",
        (
            Event(20, "uplink", {"link": "uplink-2", "cut": True}),
            Event(320, "uplink", {"link": "uplink-2", "cut": False}),
        ),
        pages=("uplink 2 down, one incident; the 4 h clock starts and stops",),
        no_pages=("less capacity than committed", "another uplink", "a clock warning or breach"),
    ),
    Scenario(
        "uplink-4h-breach",
        "One uplink is cut for longer than four hours",
        "The fibre of uplink 3 (1 Gbit/s) breaks at 20 s and is spliced after 4 h 20 min. Run it with --speed 600.",
        (
            Event(20, "uplink", {"link": "uplink-3", "cut": True}),
            Event(20 + 15_600, "uplink", {"link": "uplink-3", "cut": False}),
        ),
        duration_s=16_800,
        pages=("uplink 3 down", "clock warnings at 2 h, 3 h and 3 h 36 min", "breach at 4 h"),
        no_pages=("a warning before its time", "less capacity than committed", "another uplink"),
    ),
    Scenario(
        "device-silent",
        "A PDU stops answering",
        "The network card of PDU B north hangs at 20 s; the PDU itself goes on. It answers again at 320 s.",
        (
            Event(20, "silence", {"asset": "pdu-b1", "silent": True}),
            Event(320, "silence", {"asset": "pdu-b1", "silent": False}),
        ),
        pages=("PDU B north does not answer",),
        no_pages=("a dead feed (it is unknown, not down)", "UPS B", "router 1"),
    ),
    Scenario(
        "trap-storm",
        "A flapping customer port sends 3,000 traps",
        "From 20 s on router 2 sends 100 traps a second for half a minute. Nothing that dcmon judges has changed.",
        (Event(20, "trap-storm", {"asset": "router-2", "traps": 3_000, "per_second": 100.0}),),
        no_pages=("anything",),
    ),
    Scenario(
        "total-blackout",
        "Mains fail, no generator starts, the batteries are worn out",
        "Both mains routes are lost at 20 s, both generators lock out, and both batteries turn out to hold a fifth of"
        " their energy: both UPS outputs die about five minutes later, with them all PDUs, racks and both routers,"
        " and every network card that lives on these outputs. The mains return at 470 s and the site comes up again.",
        (
            _bad_starts("a", 99),
            _bad_starts("b", 99),
            *(Event(20, "age-battery", {"side": side, "share": 0.2}) for side in "ab"),
            *_mains(20, False),
            *_mains(470, True),
            *(Event(480, "reset-genset", {"side": side}) for side in "ab"),
        ),
        duration_s=600,
        pages=(
            "loss of both mains routes",
            "both generators late",
            "low battery of both UPS",
            "UPS and PDUs silent since they were on battery, or their output dead",
            "fewer than two cooling units able",
        ),
        no_pages=("an incident of its own for each effect: all joins the power incident",),
    ),
)

SCENARIOS: dict[str, Scenario] = {scenario.name: scenario for scenario in _ALL}
"""By name, in the order in which `dcmon demo --list` shows them."""
