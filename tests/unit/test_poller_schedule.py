"""The grid on which one device is polled, the back-off, and the site's maps: pure."""

from __future__ import annotations

import itertools

import pytest

from dcmon.collectors.back_off import back_off
from dcmon.collectors.maps import Maps
from dcmon.collectors.schedule import EVERYTHING, FAST, SLOW, Intervals, Schedule
from dcmon.config.collectors import PointMap
from dcmon.model import Quality, Reading

Poll = tuple[float, frozenset[str]]


def run(schedule: Schedule, until: float, lasting: float = 0.0, now: float = 0.0) -> tuple[list[Poll], int]:
    """The polls of a device that takes `lasting` seconds for each, and how many instants it skipped."""
    polls, skipped = [], 0
    while (at := schedule.next_at(now)) < until:
        polls.append((at, schedule.take(at)))
        now = at + lasting
        skipped += schedule.missed(at, now)
    return polls, skipped


def slow_times(polls: list[Poll]) -> list[float]:
    return [at for at, groups in polls if SLOW in groups]


def test_the_first_poll_asks_for_everything_and_slow_points_go_along_with_a_fast_poll() -> None:
    polls, skipped = run(Schedule(Intervals(2, 10), 0.0), 31)
    assert [at for at, _ in polls] == [float(at) for at in range(0, 31, 2)]
    assert slow_times(polls) == [0, 10, 20, 30]
    assert polls[1][1] == {FAST}
    assert skipped == 0


def test_slow_polls_of_many_devices_are_spread_by_their_phase() -> None:
    polls, _ = run(Schedule(Intervals(2, 10), 0.0, slow_phase=0.5), 31)
    assert slow_times(polls) == [0, 6, 16, 26]


def test_a_slow_interval_that_is_no_multiple_of_the_fast_one_keeps_its_mean() -> None:
    polls, _ = run(Schedule(Intervals(2, 15), 0.0), 601)
    times = slow_times(polls)
    assert len(times) == 41
    assert max(b - a for a, b in itertools.pairwise(times)) <= 16


def test_nothing_drifts_however_long_the_polls_take() -> None:
    polls, skipped = run(Schedule(Intervals(2, 10), 100.0), 1100, lasting=0.9, now=100.0)
    assert [at for at, _ in polls] == [100.0 + 2 * n for n in range(500)]
    assert skipped == 0


def test_an_overrun_skips_to_the_next_instant_and_counts_what_it_missed() -> None:
    polls, skipped = run(Schedule(Intervals(2, 10), 0.0), 30, lasting=5.0)
    assert [at for at, _ in polls] == [0, 6, 12, 18, 24]
    assert skipped == 5 * 2


def test_a_slow_poll_that_fell_into_an_overrun_is_made_up_for_at_once() -> None:
    polls, _ = run(Schedule(Intervals(2, 10), 0.0, slow_phase=0.25), 60, lasting=2.5)
    times = slow_times(polls)
    assert max(b - a for a, b in itertools.pairwise(times)) <= 12


def test_a_device_without_fast_points_is_asked_at_its_slow_interval_only() -> None:
    schedule = Schedule(Intervals(2, 10), 0.0, slow_phase=0.5)
    schedule.arrange(frozenset({SLOW}), hurried=False)
    polls, _ = run(schedule, 40)
    assert polls == [(at, frozenset({SLOW})) for at in (0, 5, 15, 25, 35)]


@pytest.mark.parametrize("groups", [EVERYTHING, frozenset({SLOW})])
def test_a_hurried_device_is_asked_for_everything_at_its_fast_interval_and_then_no_more(groups: frozenset[str]) -> None:
    schedule = Schedule(Intervals(2, 10), 0.0)
    schedule.arrange(groups, hurried=False)
    run(schedule, 21)
    schedule.arrange(groups, hurried=True)
    polls, _ = run(schedule, 41, now=20.5)
    assert polls == [(float(at), groups) for at in range(22, 41, 2)]
    schedule.arrange(groups, hurried=False)
    polls, _ = run(schedule, 71, now=40.5)
    assert slow_times(polls) == [50, 60, 70]


def test_a_poll_out_of_turn_leaves_the_next_one_where_it_was() -> None:
    schedule = Schedule(Intervals(2, 10), 0.0)
    schedule.take(0.0)
    assert schedule.take_all(0.7) == EVERYTHING
    assert schedule.next_at(0.7) == 2.0
    assert schedule.take(2.0) == {FAST}


def test_back_off_doubles_up_to_its_cap_and_chance_takes_at_most_a_quarter() -> None:
    assert [back_off(n, 2.0, 60.0, 0.0) for n in range(1, 8)] == [2, 4, 8, 16, 32, 60, 60]
    assert back_off(100_000, 2.0, 60.0, 1.0) == 45.0


def reading(point: str, index: str | None, value: object, quality: Quality = Quality.GOOD) -> Reading:
    return Reading(5, "env-1", point, index, value, quality, None, "1.3.6.1")  # type: ignore[arg-type]


def test_a_contact_becomes_another_assets_point_with_its_polarity_turned() -> None:
    entry = PointMap(
        point="contact.closed", index="3", asset="panel-a", as_point="fire.alarm", as_index="", invert=True
    )
    assert Maps([entry]).apply([reading("contact.closed", "3", True)]) == [
        Reading(5, "panel-a", "fire.alarm", None, False, Quality.GOOD, None, "1.3.6.1")
    ]


def test_the_first_map_that_fits_counts_and_the_rest_stays_as_it_is() -> None:
    maps = Maps(
        [
            PointMap(point="contact.*", index="1", ignore=True),
            PointMap(point="contact.*", asset="shell"),
            PointMap(point="contact.closed", ignore=True),
        ]
    )
    other = reading("contactor.closed", "1", True)
    got = maps.apply([reading("contact.closed", "1", True), reading("contact.closed", "2", True), other])
    assert [(r.asset, r.index) for r in got] == [("shell", "2"), ("env-1", "1")]
    assert got[1] is other


def test_only_truths_are_turned_and_a_bad_reading_stays_bad() -> None:
    maps = Maps([PointMap(point="x", invert=True)])
    bad = reading("x", None, None, Quality.BAD)
    assert maps.apply([bad, reading("x", None, 1), reading("x", None, True)]) == [
        bad, reading("x", None, 1), reading("x", None, False),
    ]  # fmt: skip


def test_without_maps_the_very_same_list_comes_back() -> None:
    readings = [reading("x", None, True)]
    assert Maps([]).apply(readings) is readings
