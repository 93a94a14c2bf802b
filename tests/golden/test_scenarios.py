"""Every fault script through the pure core: what must page, whom and why, and that nothing else does."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from scenario_player import Page, Played, play

from dcmon.config.loader import load
from dcmon.sim import SCENARIOS

ROOT = Path(__file__).resolve().parent.parent.parent

ENERGY, CLIMATE, NETWORK, CONTROL, LEAD = "weber", "yilmaz", "novak", "control", "lead"
GRID = "Mains routes: no mains route left"
UNANSWERED = "escalated: nobody acknowledged for 5m"

MUST: dict[str, list[tuple[float, float, str, str, str]]] = {
    "normal": [],
    "mains-outage": [
        (25, 30, GRID, ENERGY, "first"),
        (320, 330, GRID, LEAD, UNANSWERED),
    ],
    "genset-late": [
        (25, 30, GRID, ENERGY, "first"),
        (80, 85, "Generator B: has not taken the load within 60 s", ENERGY, "worsened"),
        (60, 70, "Cooling of this area: no reserve left", CLIMATE, "worsened"),
    ],
    "genset-fails": [
        (25, 30, GRID, ENERGY, "first"),
        (80, 85, "Generator A: has not taken the load within 60 s", ENERGY, "worsened"),
        (60, 70, "Cooling of this area: no reserve left", CLIMATE, "worsened"),
        (90, 130, "Generator A: generator reports an alarm", ENERGY, "worsened"),
        (320, 330, GRID, LEAD, UNANSWERED),
    ],
    "fuel-low-refuel": [(240, 300, "Fuel tank A: below 75 %, order fuel", ENERGY, "first")],
    "ups-overload": [
        (30, 45, "UPS A: overload", ENERGY, "first"),
        (80, 90, "UPS A: on bypass, load is not protected", ENERGY, "worsened"),
        (330, 345, "UPS A: overload", LEAD, UNANSWERED),
    ],
    "cooling-unit-fails": [
        (50, 70, "Cooling unit 1: has failed", CLIMATE, "first"),
        (350, 370, "Cooling unit 1: has failed", LEAD, UNANSWERED),
    ],
    "two-cooling-units-fail": [
        (50, 70, "Cooling unit 1: has failed", CLIMATE, "first"),
        (170, 190, "Cooling of this area: no reserve left", CLIMATE, "worsened"),
    ],
    "water-leak": [
        (25, 45, "Leak detector north: water under the raised floor", CLIMATE, "first"),
        (325, 345, "Leak detector north: water under the raised floor", LEAD, UNANSWERED),
    ],
    "fire-alarm": [
        (20, 40, "Fire alarm system north: fire pre-alarm", CONTROL, "first"),
        (20, 40, "Fire alarm system north: fire pre-alarm", LEAD, "first"),
        (35, 50, "Environment unit north: smoke detected", CONTROL, "first"),
        (50, 65, "Fire alarm system north: fire alarm", CONTROL, "worsened"),
        (50, 65, "Fire alarm system north: fire alarm", LEAD, "worsened"),
        (80, 95, "Fire alarm system north: extinguishing gas released", CONTROL, "worsened"),
    ],
    "uplink-down": [(25, 40, "Uplink 2 (10 Gbit/s): link is down", NETWORK, "first")],
    "uplink-4h-breach": [
        (25, 40, "Uplink 3 (1 Gbit/s): link is down", NETWORK, "first"),
        (625, 640, "Uplink 3 (1 Gbit/s): link is down", LEAD, "escalated: nobody acknowledged for 10m"),
    ],
    "device-silent": [(80, 90, "PDU B north: does not answer", CONTROL, "first")],
    "trap-storm": [],
    "total-blackout": [
        (25, 30, GRID, ENERGY, "first"),
        (60, 70, "Cooling of this area: fewer than two units able", CLIMATE, "worsened"),
        (80, 85, "Generator A: has not taken the load within 60 s", ENERGY, "worsened"),
        (80, 85, "Generator B: has not taken the load within 60 s", ENERGY, "worsened"),
        (200, 320, "UPS A: battery low", ENERGY, "worsened"),
        (200, 320, "UPS B: battery low", ENERGY, "worsened"),
        (320, 330, GRID, LEAD, UNANSWERED),
        (320, 400, "UPS A: silent since it was on battery", ENERGY, "worsened"),
        (320, 400, "UPS B: silent since it was on battery", LEAD, "worsened"),
    ],
}
"""Not before, not after (seconds from the start), subject, person, named reason of the mail."""

NEVER: dict[str, tuple[str, ...]] = {
    "normal": ("",),
    "trap-storm": ("",),
    "mains-outage": ("Generator", "PDU", "battery low", "Cooling", "UPS"),
    "genset-late": ("Generator A", "reports an alarm", "PDU", "battery low", "fewer than two"),
    "genset-fails": ("Generator B", "PDU", "battery low", "fewer than two"),
    "fuel-low-refuel": ("Main", "Generator", "UPS", "24 h", "tank B"),
    "ups-overload": ("battery", "Main", "UPS B", "PDU"),
    "cooling-unit-fails": ("fewer than two", "no reserve", "inlet"),
    "two-cooling-units-fail": ("fewer than two", "inlet"),
    "water-leak": ("south", "UPS", "Main", "Cooling"),
    "fire-alarm": ("south", "UPS", "Main", "energy"),
    "uplink-down": ("capacity", "Uplink 1 ", "Uplink 3 ", "Router"),
    "uplink-4h-breach": ("capacity", "Uplink 2 ", "Router"),
    "device-silent": ("no voltage", "UPS", "Router", "no feed"),
    "total-blackout": ("Environment", "link is down", "does not answer"),
}
"""What no page may speak of; the empty word forbids every page."""

INCIDENTS = {
    "normal": [],
    "trap-storm": [],
    "mains-outage": ["mains"],
    "genset-late": ["mains"],
    "genset-fails": ["mains"],
    "fuel-low-refuel": ["tank-a"],
    "ups-overload": ["ups-a"],
    "cooling-unit-fails": ["cooling-1"],
    "two-cooling-units-fail": ["cooling"],
    "water-leak": ["leak-1"],
    "fire-alarm": ["env-1", "fire-fs1"],
    "uplink-down": ["uplink-2"],
    "uplink-4h-breach": ["uplink-3"],
    "device-silent": ["pdu-b1"],
    "total-blackout": ["mains"],
}
"""The roots of all incidents, which is also how many there are."""


@cache
def played(name: str) -> Played:
    return play(load(ROOT / "config"), SCENARIOS[name])


def pages(name: str) -> list[Page]:
    return [page for page in played(name).pages if page.kind == "page"]


def test_every_scenario_has_its_expectations() -> None:
    assert set(SCENARIOS) == set(MUST) == set(NEVER) == set(INCIDENTS)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_right_people_are_paged_in_time_and_told_why(name: str) -> None:
    for earliest, latest, subject, person, reason in MUST[name]:
        fitting = [page for page in pages(name) if page[2:] == (subject, person, reason)]
        assert fitting, f"{subject} -> {person} ({reason}) is missing in {pages(name)}"
        assert any(earliest <= page.at_s <= latest for page in fitting), fitting


@pytest.mark.parametrize("name", SCENARIOS)
def test_nobody_is_paged_for_what_has_not_happened(name: str) -> None:
    wrong = [page for page in pages(name) for word in NEVER[name] if word in page.subject]
    assert wrong == []


@pytest.mark.parametrize("name", SCENARIOS)
def test_effects_join_the_incident_of_their_cause(name: str) -> None:
    roots = sorted(incident.root for incident in played(name).judge.incidents.values() if incident.state != "merged")
    assert roots == INCIDENTS[name]


@pytest.mark.parametrize("name", SCENARIOS)
def test_nobody_gets_the_same_page_twice(name: str) -> None:
    keys = [message.key for message in played(name).changes.notifications]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("name", SCENARIOS)
def test_who_was_paged_hears_when_it_is_over(name: str) -> None:
    for incident in played(name).judge.incidents.values():
        told = {m.person for m in played(name).changes.notifications if m.incident == incident.id and m.kind == "page"}
        over = {
            m.person for m in played(name).changes.notifications if m.incident == incident.id and m.kind == "resolved"
        }
        assert over == (told if incident.state == "resolved" else set())


def test_the_refuel_task_is_opened_below_75_percent_and_closed_by_the_measured_rise() -> None:
    found = played("fuel-low-refuel")
    (task,) = found.judge.tasks.values()
    assert (task.asset, task.kind, task.state) == ("tank-a", "refuel", "done")
    tasks = [page for page in found.pages if page.kind == "task"]
    assert [(page.person, page.reason) for page in tasks] == [(ENERGY, "task opened"), (ENERGY, "task done")]


def test_the_four_hour_clock_warns_breaches_and_stops() -> None:
    found = played("uplink-4h-breach")
    (clock,) = found.judge.clocks.values()
    assert clock.state == "stopped"
    assert clock.warned == (50, 75, 90, 100)
    assert clock.stopped is not None
    began = next(page.at_s for page in found.pages) - 5
    warnings = [page for page in found.pages if page.kind == "clock" and page.person == NETWORK]
    assert [page.reason for page in warnings] == ["clock 50 %", "clock 75 %", "clock 90 %", "clock 100 %"]
    for page, share in zip(warnings, (0.5, 0.75, 0.9, 1.0), strict=True):
        assert page.at_s == pytest.approx(began + share * 4 * 3600, abs=3)


def test_an_uplink_that_is_repaired_in_time_stops_its_clock() -> None:
    (clock,) = played("uplink-down").judge.clocks.values()
    assert clock.state == "stopped"
    assert clock.stopped is not None
    assert (clock.stopped - clock.started) / 1000 == pytest.approx(310, abs=20)
