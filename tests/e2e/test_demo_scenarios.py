"""`dcmon demo` as its user runs it: every scenario on real sockets, faster than life, and the report it writes.

What must and must not page is the table of the scenarios through the pure core; here times are those of a real machine.
"""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from scenario_expectations import INCIDENTS, MUST, NEVER

from dcmon.sim import SCENARIOS

pytestmark = pytest.mark.timeout(300)

SPEED = {"uplink-4h-breach": 600.0}
SECONDS = {"uplink-4h-breach": 29.0, "normal": 12.0, "trap-storm": 20.0}
_FOLDER: list[Path] = []


@pytest.fixture(scope="module", autouse=True)
def _folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    _FOLDER.append(tmp_path_factory.mktemp("demo"))


@cache
def report(name: str) -> dict[str, Any]:
    file = _FOLDER[-1] / f"{name}.json"
    command = [sys.executable, "-m", "dcmon", "demo", "--scenario", name, "--port", "0", "--report", str(file)]
    options = ["--speed", str(SPEED.get(name, 20.0)), "--exit-after", str(SECONDS.get(name, 31.5))]
    found = subprocess.run([*command, *options], capture_output=True, text=True, timeout=150, check=False)
    assert found.returncode == 0, found.stderr[-2000:]
    assert "Traceback" not in found.stderr
    assert "http://127.0.0.1:" in found.stdout
    result: dict[str, Any] = json.loads(file.read_text())
    return result


def mailed(name: str, kind: str = "page") -> list[dict[str, Any]]:
    return [page for page in report(name)["pages"] if page["channel"] == "email" and page["kind"] == kind]


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_right_people_get_a_mail_that_says_why(name: str) -> None:
    for _earliest, _latest, subject, person, reason in MUST[name]:
        # Which of two polls comes first is chance: what opens an incident may as well raise one.
        reasons = {reason, "severity-raised"} if reason == "first" else {reason}
        assert any(
            page["subject"] == subject and page["person"] == person and page["reason"] in reasons
            for page in mailed(name)
        ), (subject, person, [(page["subject"], page["person"], page["reason"]) for page in mailed(name)])


@pytest.mark.parametrize("name", SCENARIOS)
def test_nobody_gets_a_mail_of_what_has_not_happened(name: str) -> None:
    allowed = "on battery" if INCIDENTS[name] == ["mains"] else "\0"
    wrong = [
        (page["subject"], page["reason"])
        for page in mailed(name)
        for word in NEVER[name]
        if word in page["subject"] and not page["subject"].endswith(allowed)
    ]
    assert wrong == []


@pytest.mark.parametrize("name", SCENARIOS)
def test_effects_join_the_incident_of_their_cause(name: str) -> None:
    roots = sorted(incident["root"] for incident in report(name)["incidents"] if incident["state"] != "merged")
    assert roots == INCIDENTS[name]


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_mail_really_goes_out_once(name: str) -> None:
    found = report(name)
    mails = [(mail["message_id"], mail["to"]) for mail in found["mails"]]
    assert len(mails) == len(set(mails))
    assert all(page["state"] == "sent" for page in found["pages"]), found["pages"]
    assert len(mails) <= len([page for page in found["pages"] if page["channel"] == "email"])
    assert bool(mails) == bool(MUST[name])


def test_the_outage_is_seen_whole_in_the_report() -> None:
    found = report("genset-late")
    assert set(found) >= {"scenario", "readings", "incidents", "pages", "tasks", "clocks", "availability"}
    assert found["readings"] > 10_000
    (incident,) = [incident for incident in found["incidents"] if incident["state"] != "merged"]
    joined = {(alarm["rule"], alarm["asset"]) for alarm in incident["alarms"]}
    assert joined >= {
        ("mains-outage", "mains"),
        ("mains-lost", "mains-a"),
        ("mains-lost", "mains-b"),
        ("ups-on-battery", "ups-a"),
        ("ups-on-battery", "ups-b"),
        ("genset-b-late", "genset-b"),
    }
    assert ("genset-a-late", "genset-a") not in joined
    states = {figure["state"] for name, figure in found["availability"].items() if name.startswith("T01:")}
    assert states <= {"up"}
    routes = [figure for figure in found["availability"].values() if figure["control"] == "T01.mains-route"]
    assert len(routes) == 2
    assert all(figure["down_ms"] > 200_000 for figure in routes)


def test_the_task_and_the_clock_are_in_the_report() -> None:
    (task,) = [task for task in report("fuel-low-refuel")["tasks"] if task["kind"] == "refuel"]
    assert (task["asset"], task["state"]) == ("tank-a", "done")
    (clock,) = report("uplink-4h-breach")["clocks"]
    assert (clock["asset"], clock["warned"]) == ("uplink-3", [50, 75, 90, 100])


def test_the_order_of_the_litres_that_are_missing_reaches_the_supplier_and_nobody_orders_a_test() -> None:
    (order,) = mailed("fuel-low-refuel", "order")
    assert (order["person"], order["subject"], order["reason"]) == ("fuel-first", "Munich, Fuel tank A", "order")


def test_a_storm_of_traps_is_kept_and_pages_nobody() -> None:
    found = report("trap-storm")
    assert found["pages"] == []
    assert found["incidents"] == []


def test_all_scenarios_are_listed() -> None:
    found = subprocess.run(
        [sys.executable, "-m", "dcmon", "demo", "--list"], capture_output=True, text=True, timeout=60, check=True
    )
    assert all(name in found.stdout for name in SCENARIOS)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--scenario", "nosuch"], "`dcmon demo --list` shows all"),
        (["--config", "/nonexistent"], "is no directory"),
    ],
)
def test_a_demo_that_cannot_be_played_says_why(options: list[str], says: str) -> None:
    found = subprocess.run(
        [sys.executable, "-m", "dcmon", "demo", *options], capture_output=True, text=True, timeout=60, check=False
    )
    assert found.returncode == 1
    assert says in found.stderr
    assert "Traceback" not in found.stderr
