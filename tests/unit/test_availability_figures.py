"""Availability: figures from intervals, periods of local time, and what the indicators say of the plant."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from engine_world import ON_BATTERY, World, at, config

from dcmon.config.loader import load
from dcmon.model import AlarmState, Availability, Interval
from dcmon.thresholds import Verdict, measure, period
from dcmon.thresholds.availability import budget_ms, cut_share
from dcmon.thresholds.indicators import DOWN, UNKNOWN, UP, State, at_least

HOUR = 3_600_000


def row(start: int, end: int | None, state: str) -> Interval:
    return Interval("x", start, end, Availability(state))


def test_the_three_figures_are_those_of_the_agreement() -> None:
    figures = measure([row(0, 90, "up"), row(90, 92, "down"), row(92, 100, "unknown")], 0, 100)
    assert (figures.up, figures.down, figures.unknown) == (90, 2, 8)
    assert figures.measured == pytest.approx(90 / 92)
    assert (figures.worst, figures.coverage) == (0.9, 0.92)


@pytest.mark.parametrize(
    ("down", "unknown", "verdict"),
    [(0, 0, "met"), (1, 0, "met"), (2, 0, "breached"), (0, 2, "unproven"), (0, 1, "met"), (1, 1, "breached")],
)
def test_the_verdict_counts_unknown_time_for_nobody(down: int, unknown: int, verdict: str) -> None:
    intervals = [row(0, 1000 - down - unknown, "up"), row(1000 - down - unknown, 1000 - unknown, "down")]
    assert measure(intervals, 0, 1000).verdict(99.9) is Verdict(verdict)


@pytest.mark.parametrize(
    ("percent", "digits", "shown"),
    [(98.9999999972, 4, 98.9999), (99.98997, 3, 99.989), (99.99, 4, 99.99), (100.0, 3, 100.0), (99.9999, 2, 99.99),
     (100 * 0.9999, 4, 99.99), (0.0, 4, 0.0)],
)  # fmt: skip
def test_what_misses_its_target_by_a_little_never_looks_as_if_it_met_it(
    percent: float, digits: int, shown: float
) -> None:
    assert cut_share(percent, digits) == shown


def test_an_empty_ledger_proves_nothing_and_an_empty_period_has_no_figures() -> None:
    assert measure([], 0, 100).verdict(99) is Verdict.UNPROVEN
    assert measure([row(0, None, "up")], 50, 50).measured is None
    with pytest.raises(ValueError, match="cannot end"):
        measure([], 10, 9)


def test_an_open_interval_lasts_until_the_end_and_a_corrected_row_replaces_the_old_one() -> None:
    assert measure([row(0, None, "up")], 0, 100).up == 100
    assert measure([row(0, None, "up"), row(0, 40, "up"), row(40, None, "down")], 0, 100).down == 60


def test_excluded_time_is_in_no_figure() -> None:
    figures = measure([row(0, 60, "up"), row(60, 100, "down")], 0, 100, [(50, 80), (70, 90), (200, 300)])
    assert (figures.up, figures.down, figures.excluded, figures.unknown) == (50, 10, 40, 0)


def test_the_budget_is_what_the_target_allows_to_be_down() -> None:
    assert budget_ms(1_000_000, 99.5) == 5_000


@pytest.mark.parametrize(
    ("window", "day", "hours"),
    [
        ("month", "2026-03-15", 31 * 24 - 1), ("month", "2026-10-31", 31 * 24 + 1), ("month", "2024-02-29", 29 * 24),
        ("month", "2026-12-31", 31 * 24), ("year", "2026-06-01", 365 * 24), ("year", "2024-06-01", 366 * 24),
        ("rolling_365d", "2026-06-01", 365 * 24),
    ],
)  # fmt: skip
def test_periods_are_cut_in_local_time_with_days_of_23_and_25_hours(window: Any, day: str, hours: int) -> None:
    noon = dt.datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=ZoneInfo("Europe/Berlin"))
    start, end = period(window, round(noon.timestamp() * 1000), "Europe/Berlin")
    assert end - start == hours * HOUR


@pytest.mark.parametrize(
    ("needed", "states", "state", "since"),
    [
        (1, "DD", "down", 2), (1, "DU", "up", 2), (1, "D?", "unknown", 2), (1, "U?", "up", 1), (2, "UU", "up", 2),
        (2, "UD", "down", 2), (2, "U?", "unknown", 2), (2, "?D", "down", 2), (2, "UUD", "up", 2), (2, "UDD", "down", 3),
        (2, "U?D", "unknown", 3),
    ],
)  # fmt: skip
def test_k_of_n_is_three_valued_and_dated_by_what_decided(needed: int, states: str, state: str, since: int) -> None:
    words = {"U": UP, "D": DOWN, "?": UNKNOWN}
    found = at_least(needed, [State(words[letter], place, letter) for place, letter in enumerate(states, 1)])
    assert (found.state, found.since) == (Availability(state), since)


def ledger(world: World, indicator: str) -> list[tuple[str, float, float | None]]:
    """(state, start, end) of an indicator, seconds."""
    rows = {interval.start: interval for interval in world.all.intervals if interval.indicator == indicator}
    seconds = [(rows[start], (start - at(0)) / 1000) for start in sorted(rows)]
    return [(row.state.value, start, None if row.end is None else (row.end - at(0)) / 1000) for row, start in seconds]


def test_a_route_is_down_from_the_first_bad_sample_and_unknown_when_its_samples_stop() -> None:
    world = World(config(ON_BATTERY), live=True)
    for second in range(0, 10, 2):
        world.see(second, ("mains-a/mains.available", second < 6))
    world.wait(60)
    assert ledger(world, "T01.mains-route:mains-a") == [("up", 0, 6), ("down", 6, 13), ("unknown", 13, None)]


def test_a_silent_pdu_is_down_only_by_the_word_of_its_ups() -> None:
    world = World(config(ON_BATTERY))
    world.see(0, ("pdu-a/device.reachable", True), ("ups-a/output.source", "normal"))
    world.see(100, ("pdu-a/device.reachable", False))
    world.see(200, ("ups-a/output.source", "none"))
    world.see(300, ("ups-a/output.source", "normal"), ("pdu-a/device.reachable", True))
    assert ledger(world, "T01.feed-a:feed-a") == [
        ("up", 0, 100), ("unknown", 100, 200), ("down", 200, 300), ("up", 300, None),
    ]  # fmt: skip


def test_the_five_power_figures_differ_as_they_should() -> None:
    world = World(config(ON_BATTERY))
    steady = [("pdu-a/phase.voltage[1]", 230.0), ("pdu-b/input.voltage[1]", 231.0)]
    world.see(0, *steady, *((f"ups-{side}/output.source", "normal") for side in "ab"))
    world.see(100, ("pdu-a/phase.voltage[1]", 0.0), ("ups-b/output.source", "bypass"))
    states = {view.id: view.state.value for view in world.judge.availability(at(100))}
    assert {key: states[key] for key in ("T01", "T01.both-feeds", "T01.protected")} == {
        "T01": "up", "T01.both-feeds": "down", "T01.protected": "down",
    }  # fmt: skip
    assert (states["T01.feed-a:feed-a"], states["T01.feed-b:feed-b"]) == ("down", "up")


def test_a_pdu_is_up_with_its_first_phase_and_down_with_its_last() -> None:
    world = World(config(ON_BATTERY))
    phases = [f"pdu-a/input.voltage[{phase}]" for phase in (1, 2, 3)]
    for second, levels in ((0, (230, 231, 229)), (100, (0, 230, 230)), (200, (0, 0, 0)), (300, (0, 228, 0))):
        world.see(second, *((phase, float(level)) for phase, level in zip(phases, levels, strict=True)))
    assert ledger(world, "T01.feed-a:feed-a") == [("up", 0, 200), ("down", 200, 300), ("up", 300, None)]


def test_an_uplink_whose_router_does_not_know_its_state_is_unknown_and_not_down() -> None:
    world = World(config(ON_BATTERY))
    for second, word in ((0, "up"), (100, "unknown"), (200, "down"), (300, "up")):
        world.see(second, ("uplink-1/if.oper", word))
    assert ledger(world, "T21.link:uplink-1") == [
        ("up", 0, 100), ("unknown", 100, 200), ("down", 200, 300), ("up", 300, None),
    ]  # fmt: skip


def test_an_uplink_needs_its_bgp_session_and_the_whole_its_committed_capacity() -> None:
    world = World(config(ON_BATTERY))
    world.see(0, ("uplink-1/if.oper", "up"), ("uplink-2/if.oper", "up"))
    world.see(10, ("uplink-2/bgp.state[peer]", "idle"))
    states = {view.id: view.state.value for view in world.judge.availability(at(10))}
    assert (states["T21.link:uplink-1"], states["T21.link:uplink-2"]) == ("up", "down")
    assert ledger(world, "T21:uplinks") == [("up", 0, 10), ("down", 10, None)]


def test_a_service_is_up_while_it_works_and_unknown_while_nobody_can_try_it(example_site: Path) -> None:
    world = World(load(example_site), live=True)
    for second in range(0, 600, 30):
        world.see(second, ("portal/service.ok", second < 300), ("portal/device.reachable", True))
    assert ledger(world, "T27.service:portal")[:2] == [("up", 0, 300), ("down", 300, None)]
    for second in range(600, 900, 30):
        world.see(second, ("portal/device.reachable", False))
    states = {view.id: view.state.value for view in world.judge.availability(at(900))}
    assert states["T27.service:portal"] == "unknown"
    assert states["T27.service:resolver"] == "unknown"


def test_probes_are_not_among_the_devices_that_a_blind_dcmon_misses(example_site: Path) -> None:
    world = World(load(example_site), live=True)
    devices = [name for name, device in world.config.collectors.devices.items() if device.probe is None]
    probes = world.config.collectors.devices.keys() - set(devices)
    for second in range(0, 300, 15):
        world.see(second, *((f"{name}/device.reachable", False) for name in devices),
                  *((f"{name}/device.reachable", True) for name in probes))  # fmt: skip
    assert any(row.rule == "dcmon-blind" and row.state is AlarmState.ACTIVE for row in world.judge.alarms.values())


def test_time_without_dcmon_is_unknown_never_up() -> None:
    world = World(config(ON_BATTERY), live=True)
    for second in range(0, 10, 2):
        world.see(second, ("mains-a/mains.available", True))
    world.restart(500, alive=9)
    world.see(501, ("mains-a/mains.available", True))
    assert ledger(world, "T01.mains-route:mains-a") == [("up", 0, 9), ("unknown", 9, 501), ("up", 501, None)]


def test_a_restart_without_a_gap_leaves_no_mark() -> None:
    world = World(config(ON_BATTERY), live=True)
    world.see(0, ("mains-a/mains.available", True))
    world.restart(1)
    for second in range(2, 20, 2):
        world.see(second, ("mains-a/mains.available", True))
    assert ledger(world, "T01.mains-route:mains-a") == [("up", 0, None)]
