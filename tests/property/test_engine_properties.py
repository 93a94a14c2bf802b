"""What holds for every timeline: order, cutting, cadence, restarts and clock steps make no difference."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

from engine_timelines import CONFIG, SERIES, Event, timelines
from engine_world import T0, World, at, read
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from dcmon.model import Changes, Interval, Reading
from dcmon.thresholds import Judge

settings.register_profile(
    "engine", max_examples=40, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink]
)
PROFILE = settings.get_profile("engine")

WINDOW: dict[str, Any] = {"title": "Work", "class": "low", "start": 60, "end": 9_000, "mute": True, "with_fed": True,
                          "scope": ["mains-a", "env-1", "uplink-1", "tank-a"]}  # fmt: skip
DRILL: dict[str, Any] = {"title": "Drill", "start": 100, "end": 7_000, "expected": [
    "on-battery", "mains-outage", {"alarm": "mains-lost/mains-b", "within": "20m"},
    {"alarm": "no-load", "after": "takeover", "within": "2m"},
]}  # fmt: skip


def site(*, live: bool, planned: bool = True) -> World:
    """A world with a window of maintenance and a drill ahead, unless it is to have none."""
    world = World(CONFIG, live=live)
    if planned:
        world.enter(0, "maintenance", **WINDOW)
        world.enter(0, "drill", **DRILL)
    return world


def readings(events: list[Event]) -> list[Reading]:
    return [read(second, series, value) for second, series, value in events]


def stamped(changes: Changes) -> list[tuple[Any, ...]]:
    return [
        (t.ts, t.type, t.subject, t.state, t.reason, t.incident, sorted(t.data.items(), key=str))
        for t in changes.transitions
    ]  # fmt: skip


def play(batches: list[tuple[int, list[Reading]]], live: bool) -> World:
    """Batches, each judged at its time; then a day passes."""
    world = site(live=live)
    for now, batch in batches:
        world.step(batch, now)
    world.wait(200_000)
    return world


def one_by_one(events: list[Event]) -> list[tuple[int, list[Reading]]]:
    instants: dict[int, list[Reading]] = {}
    for reading in readings(events):
        instants.setdefault(reading.ts, []).append(reading)
    return sorted(instants.items())


@given(timelines(), st.booleans(), st.randoms(use_true_random=False))
@PROFILE
def test_how_readings_are_cut_into_batches_and_their_order_within_one_change_nothing(
    events: list[Event], live: bool, dice: random.Random
) -> None:
    apart = play(one_by_one(events), live)
    together = readings(events)
    dice.shuffle(together)
    last = max(reading.ts for reading in together)
    assert stamped(play([(last, together)], live).all) == stamped(apart.all)


@given(timelines(), st.booleans(), st.lists(st.integers(0, 40_000), max_size=30))
@PROFILE
def test_how_often_the_engine_is_woken_changes_nothing(events: list[Event], live: bool, ticks: list[int]) -> None:
    batches = one_by_one(events)
    quiet = [(at(second) + 1, []) for second in ticks]
    ticking = sorted([*batches, *quiet], key=lambda batch: batch[0])
    assert stamped(play(ticking, live).all) == stamped(play(batches, live).all)


@given(timelines(), st.booleans())
@PROFILE
def test_waking_the_engine_exactly_when_it_asks_changes_nothing(events: list[Event], live: bool) -> None:
    batches = one_by_one(events)
    eager = site(live=live)
    for now, batch in [*batches, (at(200_000), [])]:
        while (due := eager.judge.next_due()) is not None and due < now:
            eager.step([], due)
        eager.step(batch, now)
    assert stamped(eager.all) == stamped(play(batches, live).all)


@given(timelines(), st.integers(0, 25), st.integers(0, 25))
@PROFILE
def test_a_restart_at_any_moment_changes_no_decision(events: list[Event], one: int, two: int) -> None:
    heard = [(0, f"{device}/device.reachable", True) for device in CONFIG.collectors.devices]
    batches = one_by_one([*heard, *((second + 1, series, value) for second, series, value in events)])
    restarted, plain = site(live=True), site(live=True)
    for position, (now, batch) in enumerate(batches):
        restarted.step(batch, now)
        plain.step(batch, now)
        if position in (one, two):
            restarted.restart((now - T0) / 1000)
    restarted.wait(200_000)
    plain.wait(200_000)
    assert stamped(restarted.all) == stamped(plain.all)


@given(timelines(), st.integers(0, 25))
@PROFILE
def test_a_restart_without_any_reading_loses_no_alarm_and_opens_no_incident_twice(
    events: list[Event], moment: int
) -> None:
    world = site(live=False)
    for position, (now, batch) in enumerate(one_by_one(events)):
        world.step(batch, now)
        if position == moment:
            active = {key for key, row in world.judge.alarms.items() if row.state == "active"}
            world.restart((now - T0) / 1000, readings=False)
            again = world.step([reading._replace(ts=now) for reading in world.latest.values()], now)
            assert not [t for t in again.transitions if t.type == "incident"]
            assert active <= {key for key, row in world.judge.alarms.items() if row.state == "active"}


@given(timelines(), st.booleans())
@PROFILE
def test_no_alarm_is_early_and_no_clock_breaches_before_its_limit(events: list[Event], live: bool) -> None:
    world = play(one_by_one(events), live)
    delays = {rule.id: rule.on_delay for rule in CONFIG.judged}
    for transition in world.all.transitions:
        if transition.type == "alarm" and transition.state == "active":
            assert transition.ts - transition.data["started"] >= delays[transition.rule or ""]
        if transition.type == "clock" and transition.state == "breached":
            assert transition.data["elapsed_ms"] >= transition.data["limit_ms"]
        if transition.type == "task" and transition.state == "overdue":
            assert transition.ts >= transition.data["due"]


@given(timelines(), st.booleans())
@PROFILE
def test_times_never_run_backwards_and_every_transition_says_why(events: list[Event], live: bool) -> None:
    world = play(one_by_one(events), live)
    times = [transition.ts for transition in world.all.transitions]
    assert times == sorted(times)
    assert all(transition.reason for transition in world.all.transitions)


@given(timelines(), st.booleans())
@PROFILE
def test_open_incidents_have_a_live_alarm_and_every_paging_alarm_is_in_one(events: list[Event], live: bool) -> None:
    world = site(live=live)
    for now, batch in one_by_one(events):
        world.step(batch, now)
        judge = world.judge
        for incident in judge.incidents.values():
            members = [judge.alarms[key] for key in incident.alarms]
            states = {row.state for row in members if row.incident == incident.id}
            assert "active" not in states or incident.state == "open"
            assert incident.state != "open" or states & {"pending", "active"}
        for row in judge.alarms.values():
            if row.state == "active" and not is_planned(row.suppressed, now):
                assert row.incident is not None and judge.incidents[row.incident].state == "open"


def is_planned(suppressed: str | None, now: int) -> bool:
    """Whether a window or a drill may still keep an alarm from telling anybody."""
    ends = {"maintenance": at(WINDOW["end"]), "drill": at(DRILL["end"])}
    return suppressed is not None and now < ends.get(suppressed.partition(" ")[0], 0)


@given(timelines(), st.booleans())
@PROFILE
def test_a_drill_ends_by_itself_with_a_word_on_every_expected_alarm(events: list[Event], live: bool) -> None:
    world = play(one_by_one(events), live)
    drill = next(row for row in world.judge.records.values() if row.kind == "drill")
    assert (drill.state, drill.verdict in ("passed", "failed", "incomplete")) == ("done", True)
    expected = drill.data["expected"]
    assert {one["state"] for one in expected} <= {"come", "before", "missing", "late"}
    paged = {t.subject for t in world.all.transitions if t.type == "alarm" and t.rule == "drill-missing"}
    assert len(paged) == sum(one["state"] in ("missing", "late") for one in expected)


@given(timelines(), st.integers(0, 25), st.integers(1, 12_000))
@PROFILE
def test_whatever_dcmon_missed_of_windows_and_drills_nothing_stays_silent_and_all_come_to_an_end(
    events: list[Event], moment: int, gap: int
) -> None:
    batches = one_by_one(events)
    world = site(live=True)
    for position, (now, batch) in enumerate(batches):
        world.step(batch, now)
        if position == moment:
            second = (now - T0) / 1000
            world.restart(second + gap, alive=second)
    world.wait(200_000)
    planned = [row for row in world.judge.records.values() if row.kind in ("maintenance", "drill")]
    assert [row.state for row in planned] == ["done", "done"]
    states = {one["state"] for row in planned if row.kind == "drill" for one in row.data["expected"]}
    assert states <= {"come", "before", "missing", "late", "unseen"}
    for row in world.judge.alarms.values():
        if row.state == "active":
            assert row.incident is not None and world.judge.incidents[row.incident].state == "open"


@given(timelines(), st.booleans())
@PROFILE
def test_intervals_of_an_indicator_leave_no_gap_and_do_not_overlap(events: list[Event], live: bool) -> None:
    world = play(one_by_one(events), live)
    ledger: dict[str, dict[int, Interval]] = {}
    for row in world.all.intervals:
        ledger.setdefault(row.indicator, {})[row.start] = row
    assert ledger
    for rows in ledger.values():
        ordered = [rows[start] for start in sorted(rows)]
        assert ordered[-1].end is None
        for row, following in pairwise(ordered):
            assert row.end == following.start


@given(timelines(), st.integers(0, 25), st.sampled_from([-3_600, 3_600, -86_400, 61]))
@PROFILE
def test_a_clock_that_is_set_changes_nothing_but_the_times(events: list[Event], moment: int, delta: int) -> None:
    batches = one_by_one(events)
    moment = min(moment, len(batches) - 1)
    plain = World(CONFIG, live=True)
    stepped = World(CONFIG, live=True)
    shift = 0
    for position, (now, batch) in enumerate(batches):
        plain.step(batch, now)
        moved = [reading._replace(ts=reading.ts + shift) for reading in batch]
        stepped.step(moved, now + shift)
        if position == moment:
            shift = delta * 1000
            stepped.all.extend(stepped.judge.clock_set(shift, now + shift))
    decided = [(t.type, t.asset, t.rule, t.state) for t in plain.all.transitions]
    assert [(t.type, t.asset, t.rule, t.state) for t in stepped.all.transitions] == decided


WILD = st.builds(
    Reading,
    ts=st.integers(-(10**15), 10**15),
    asset=st.sampled_from(["ups-a", "mains-a", "uplink-1", "tank-a", "env-1", "who", ""]),
    point=st.sampled_from([*(series.partition("/")[2].partition("[")[0] for series in SERIES), "no.such", ""]),
    index=st.sampled_from([None, "1", "", "\x00"]),
    value=st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    quality=st.sampled_from(["good", "uncertain", "bad"]),
    reason=st.none(),
)


@given(st.lists(st.tuples(st.lists(WILD, max_size=8), st.integers(-7_200_000, 7_200_000)), max_size=10), st.booleans())
@PROFILE
def test_no_reading_and_no_clock_however_odd_stops_the_engine(
    steps: list[tuple[list[Reading], int]], live: bool
) -> None:
    judge = Judge(CONFIG, now=T0, live=live)
    now = T0
    for batch, move in steps:
        now += move
        judge.step(batch, now)
        due = judge.next_due()
        assert due is None or isinstance(due, int)


@given(timelines(), st.booleans())
@PROFILE
def test_looking_only_at_neighbours_finds_every_incident_that_looking_at_all_finds(
    events: list[Event], live: bool
) -> None:
    batches = one_by_one(events)
    thorough = site(live=live)
    book = thorough.judge._incidents
    book._near = lambda cell: sorted(book._open(), key=book._age)  # type: ignore[method-assign]
    for now, batch in batches:
        thorough.step(batch, now)
    thorough.wait(200_000)
    assert stamped(thorough.all) == stamped(play(batches, live).all)
