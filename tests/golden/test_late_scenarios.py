"""Every fault script with devices that are asked late and answer late, each in a way of its own: effects are seen
before their cause, and still an outage is one incident, told by its cause.

Polls start up to so much after their time, and a third of the devices hear only the third request. Up to two seconds
all is known that is known in a quiet network. At fifteen, samples of the fast points do not hold from one poll to the
next: what needs two of them at once (no mains route left) is seen late or not at all; what stays is that no effect
opens an incident of its own.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from late_player import Film, film, play_late
from scenario_expectations import INCIDENTS, MUST, NEVER
from scenario_player import Played

from dcmon.config.loader import load
from dcmon.sim import SCENARIOS

CONFIG = load(Path(__file__).resolve().parent.parent.parent / "config")
OUTAGES = ("mains-outage", "genset-late", "genset-fails", "total-blackout")
OTHERS_S = 420
"""So much is played of what is no outage."""
LATE_MS, VERY_LATE_MS = 2_000, 15_000
RUNS = [(name, seed) for name in SCENARIOS for seed in range(3 if name in OUTAGES else 1)]
EARLY_S, LATE_S = 3, 15
"""A sample counts from when it was asked for; when a thing is told depends on when that is."""


@cache
def reel(name: str) -> Film:
    return film(CONFIG, SCENARIOS[name], SCENARIOS[name].duration_s + 60 if name in OUTAGES else OTHERS_S)


@cache
def played(name: str, seed: int, worst_ms: int) -> Played:
    return play_late(CONFIG, reel(name), seed, worst_ms)


@pytest.mark.parametrize(("name", "seed"), RUNS)
def test_late_polls_make_no_incident_of_an_effect(name: str, seed: int) -> None:
    incidents = played(name, seed, LATE_MS).judge.incidents.values()
    assert [(incident.root, incident.state) for incident in incidents if incident.state == "merged"] == []
    assert sorted(incident.root for incident in incidents) == INCIDENTS[name]


@pytest.mark.parametrize(("name", "seed"), RUNS)
def test_late_polls_page_nobody_for_what_has_not_happened(name: str, seed: int) -> None:
    pages = [page for page in played(name, seed, LATE_MS).pages if page.kind == "page"]
    assert [page for page in pages for word in NEVER[name] if word in page.subject] == []


@pytest.mark.parametrize(("name", "seed"), RUNS)
def test_late_polls_keep_no_page_back(name: str, seed: int) -> None:
    pages = [page for page in played(name, seed, LATE_MS).pages if page.kind == "page"]
    for earliest, latest, subject, person, reason in MUST[name]:
        if latest > reel(name).duration_s:
            continue
        # What opens an incident may as well raise one: which of both routes is asked first is chance.
        reasons = {reason, "severity-raised"} if reason == "first" else {reason}
        times = [
            page.at_s
            for page in pages
            if subject in page.subject.split("; ") and page.person == person and page.reason in reasons
        ]
        assert any(earliest - EARLY_S <= at_s <= latest + LATE_S for at_s in times), (subject, person, times, pages)


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("name", OUTAGES)
def test_however_late_polls_are_silence_and_batteries_in_an_outage_are_no_incident_of_their_own(
    name: str, seed: int
) -> None:
    found = played(name, seed, VERY_LATE_MS)
    roots = {incident.root for incident in found.judge.incidents.values()}
    assert roots
    assert roots <= {"mains", "mains-a", "mains-b"}
    first = [page.subject for page in found.pages if page.reason == "first"]
    assert [subject for subject in first if "answer" in subject or "battery" in subject] == []
