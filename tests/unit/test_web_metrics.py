"""/metrics: every figure is documented, has its unit in its name and says only what is known."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest
import web_state
from prometheus_client.parser import text_string_to_metric_families
from web_state import HOUR, NOW, FakeState

from dcmon.model import Quality, Severity, Transition
from dcmon.web.alarmhealth import judge_alarms
from dcmon.web.health import troubles
from dcmon.web.metrics import COUNTERS, GAUGES, expose, take
from dcmon.web.plan import Plan

DOCS = Path(__file__).resolve().parent.parent.parent / "docs" / "metrics.md"


def scrape(state: FakeState) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    text = expose(take(state, Plan(state.config), state.history.rows)).decode()
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


def full() -> FakeState:
    state = web_state.outage()
    state.counters = {
        key if label is None else ":".join([key, *label.split(":")]): 1.0 for key, (_, _, label) in COUNTERS.items()
    }
    state.gauges = {key if label is None else f"{key}:x": 1.0 for key, (_, _, label) in GAUGES.items()}
    return state


def test_every_metric_is_described_and_every_described_one_exists() -> None:
    described = set(re.findall(r"^\| `(dcmon_[a-z0-9_]+)`", DOCS.read_text(), re.MULTILINE))
    assert set(scrape(full())) == described


def test_the_state_of_the_site_is_told() -> None:
    found = scrape(web_state.outage())
    assert found["dcmon_point"][(("asset", "ups-b"), ("index", ""), ("point", "battery.charge"), ("unit", "%"))] == 71
    assert found["dcmon_point"][(("asset", "mains-a"), ("index", ""), ("point", "mains.available"), ("unit", ""))] == 0
    word = (("asset", "ups-b"), ("index", ""), ("point", "output.source"), ("state", "battery"))
    assert found["dcmon_point_state"][word] == 1
    assert found["dcmon_incidents_open"][(("acknowledged", "false"), ("severity", "critical"))] == 1
    assert found["dcmon_incidents_open"][(("acknowledged", "true"), ("severity", "warning"))] == 2
    assert found["dcmon_fault_clock_elapsed_seconds"][(("asset", "uplink-3"), ("clock", "link-down/uplink-3"))] == 8040
    assert found["dcmon_device_reachable"][(("asset", "env-2"),)] == 0
    assert found["dcmon_poll_errors_total"][(("reason", "timeout"),)] == 3
    unlisted = (("asset", "ups-b"), ("point", "output.source"), ("reason", "enum"))
    assert found["dcmon_readings_bad_total"] == {unlisted: 7}
    assert found["dcmon_availability_state"][(("indicator", "mains.a"), ("state", "down"))] == 1
    ratio = (("control", "T01-any"), ("figure", "worst"), ("window", "month"))
    assert found["dcmon_availability_ratio"][ratio] == pytest.approx(0.99998)


def test_bad_and_stale_points_are_counted_and_never_shown_as_values() -> None:
    state = web_state.normal()
    state.say("ups-a", "battery.charge", 65535.0, quality=Quality.BAD, reason="sentinel")
    state.say("ups-b", "battery.charge", 100.0, age=HOUR)
    found = scrape(state)
    charges = [labels for labels in found["dcmon_point"] if ("point", "battery.charge") in labels]
    assert charges == []
    assert found["dcmon_points"][(("quality", "bad"),)] == 1
    assert found["dcmon_points"][(("quality", "stale"),)] == 1


def test_figures_that_nobody_gives_are_absent_and_unknown_keys_are_left_out() -> None:
    state = web_state.normal()
    state.gauges = {"nonsense": 1.0}
    found = scrape(state)
    assert "dcmon_spool_bytes" not in found
    assert not any("nonsense" in name for name in found)


def test_names_from_the_wire_cannot_break_the_format() -> None:
    state = web_state.normal()
    state.say("env-1", "temperature", 21.5, 'a"b\\c\nd')
    labels = next(labels for labels in scrape(state)["dcmon_point"] if ("index", 'a"b\\c\nd') in labels)
    assert labels


def active(key: str, ts: int, severity: Severity = Severity.WARNING) -> Transition:
    return Transition(ts, "alarm", key, "active", "", severity=severity)


def test_three_alarms_of_one_key_within_a_minute_chatter_and_three_in_two_minutes_do_not() -> None:
    fast = [active("fast", NOW - age) for age in (90_000, 60_000, 30_000)]
    slow = [active("slow", NOW - age) for age in (120_000, 60_000, 1_000)]
    old = [active("old", NOW - 600_000 - age) for age in (0, 1, 2)]
    health = judge_alarms([], [*slow, *fast, *old], NOW)
    assert health.chattering == ("fast",)
    assert health.activated == {Severity.INFO: 0, Severity.WARNING: 6, Severity.CRITICAL: 0}
    assert health.top == (("fast", 3), ("slow", 3))


def test_an_alarm_is_stale_after_a_day() -> None:
    state = web_state.normal()
    alarm = state.raise_alarm("leak", "leak-1", started=NOW - 24 * HOUR - 5001, incident="I-1")
    assert judge_alarms([alarm], [], NOW).stale == ("leak/leak-1",)
    assert judge_alarms([replace(alarm, since=NOW - 24 * HOUR)], [], NOW).stale == ()


class TestHealth:
    def trouble(self, state: FakeState) -> list[str]:
        return troubles(state, Plan(state.config))

    def test_silent_devices_do_not_make_dcmon_unwell(self) -> None:
        state = web_state.normal()
        state.device_rows = [replace(row, reachable=False) for row in state.device_rows]
        assert self.trouble(state) == []

    def test_polls_that_no_longer_end_do(self) -> None:
        state = web_state.normal()
        state.last_poll = NOW - HOUR
        assert "no poll has ended for 1 h 00 min" in self.trouble(state)[0]
        state.last_poll, state.started = None, NOW - 1000
        assert self.trouble(state) == []
        state.started = NOW - HOUR
        assert "since the start" in self.trouble(state)[0]

    def test_a_journal_that_takes_no_rows_and_a_late_loop_do(self) -> None:
        state = web_state.normal()
        state.journal_error = "disk full"
        state.gauges["loop_lag"] = 7.5
        assert [text.split(":")[0] for text in self.trouble(state)] == [
            "the journal takes no rows",
            "the event loop is 7.5 s late",
        ]
