"""Every fault script through the pure core: what must page, whom and why, and that nothing else does."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from scenario_expectations import ENERGY, INCIDENTS, MUST, NETWORK, NEVER
from scenario_player import Page, Played, play

from dcmon.config.loader import load
from dcmon.sim import SCENARIOS

ROOT = Path(__file__).resolve().parent.parent.parent


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
        fitting = [page for page in pages(name) if subject in page.subject.split("; ") and page[3:] == (person, reason)]
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
    (task,) = [task for task in found.judge.tasks.values() if task.kind == "refuel"]
    assert (task.asset, task.state) == ("tank-a", "done")
    tasks = [page for page in found.pages if page.kind == "task" and "tank" in page.subject]
    assert [(page.person, page.reason) for page in tasks] == [(ENERGY, "task opened"), (ENERGY, "task done")]


def test_a_load_bank_test_of_four_minutes_is_on_record_as_too_short_and_is_to_be_repeated() -> None:
    found = played("fuel-low-refuel")
    (record,) = [row for row in found.judge.records.values() if row.kind == "load-bank"]
    assert (record.subject, record.verdict) == ("genset-a", "failed")
    assert "load-bank test too short: 3m" in record.reason or "load-bank test too short: 4m" in record.reason
    (task,) = [task for task in found.judge.tasks.values() if task.kind == "duty"]
    assert (task.asset, task.rule, task.state) == ("genset-a", "load-bank-test", "open")


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
