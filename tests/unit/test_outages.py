"""Outages, budgets, corrections and exclusions: what intervals tell besides a share."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from dcmon.model import Availability, FaultClock, Interval, Record
from dcmon.promises import fix_times
from dcmon.thresholds import IndicatorView, measure
from dcmon.thresholds.corrections import Correction, corrected
from dcmon.thresholds.exclusions import announced_in_time, excluding
from dcmon.thresholds.outages import Outage, outages, reliability, used_up_at

HOUR = 3_600_000
DAY = 24 * HOUR
UP, DOWN, UNKNOWN = Availability.UP, Availability.DOWN, Availability.UNKNOWN


def rows(*parts: tuple[int, int | None, Availability]) -> list[Interval]:
    return [Interval("x", start, end, state, f"{state.value} at {start}") for start, end, state in parts]


def local(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).timestamp() * 1000)


class TestOutages:
    def test_neighbouring_stretches_of_down_are_one_and_the_period_cuts_them(self) -> None:
        found = outages(rows((0, 10, DOWN), (10, 30, DOWN), (30, 50, UP), (50, 60, UNKNOWN), (60, None, DOWN)), 5, 70)
        assert found == [Outage(5, 30, "down at 0"), Outage(60, 70, "down at 60", True)]
        assert [one.length for one in found] == [25, 10]

    def test_an_outage_that_outlasts_the_period_goes_on_at_its_end_and_is_no_time_to_restoration(self) -> None:
        intervals = rows((0, 10, DOWN), (10, 90, UP), (90, 120, DOWN), (120, None, UP))
        found = outages(intervals, 0, 100)
        assert found[-1] == Outage(90, 100, "down at 90", True)
        assert reliability(found, measure(intervals, 0, 100)).mttr == 10
        fixed, _ = corrected(rows((0, 90, UP), (90, None, DOWN)), [], 0, 100)
        assert [one.open for one in outages(fixed, 0, 100)] == [True]

    def test_what_is_excluded_is_no_outage_and_splits_one(self) -> None:
        found = outages(rows((0, 100, DOWN)), 0, 100, [(20, 40), (90, 200)])
        assert [(one.start, one.end) for one in found] == [(0, 20), (40, 90)]

    def test_mean_times_count_what_is_over(self) -> None:
        intervals = rows((0, 10, DOWN), (10, 90, UP), (90, 120, DOWN), (120, 200, UP), (200, None, DOWN))
        figures = reliability(outages(intervals, 0, 300), measure(intervals, 0, 300))
        assert (figures.count, figures.longest, figures.mtbf, figures.mttr) == (3, 100, 160 // 3, 20)
        assert reliability([], measure([], 0, 10)) == replace(figures, count=0, longest=0, mtbf=None, mttr=None)


class TestBudget:
    @pytest.mark.parametrize(
        ("down", "budget", "due"),
        [(0, 10, None), (10, 10, 100), (20, 10, 100), (5, 10, 200), (1, 10, 1000), (1, 11, None)],
    )
    def test_it_is_used_up_when_the_rate_so_far_reaches_it_inside_the_window(
        self, down: int, budget: int, due: int | None
    ) -> None:
        made = measure(rows((0, down, DOWN), (down, 100, UP)) if down else rows((0, 100, UP)), 0, 100)
        assert used_up_at(made, (), budget, 1001) == due

    @pytest.mark.parametrize(("budget", "due"), [(0, 10), (5, 15), (10, 20), (11, 51), (29, 69)])
    def test_what_is_used_up_was_so_in_the_outage_that_used_it_up(self, budget: int, due: int) -> None:
        intervals = rows((0, 10, UP), (10, 20, DOWN), (20, 50, UP), (50, 70, DOWN), (70, 100, UP))
        assert used_up_at(measure(intervals, 0, 100), outages(intervals, 0, 100), budget, 1001) == due


class TestCorrections:
    BASE = rows((0, 50, UP), (50, 80, DOWN), (80, 100, UP))

    def fix(self, start: int, end: int, was: Availability = DOWN, now: Availability = UP) -> Correction:
        return Correction("c", start, end, was, now, "the sensor lied")

    def shares(self, *fixes: Correction) -> tuple[int, int, int]:
        made = measure(corrected(self.BASE, fixes, 0, 120)[0], 0, 120)
        return made.up, made.down, made.unknown

    def test_only_time_that_was_so_is_changed(self) -> None:
        assert self.shares() == (70, 30, 20)
        assert self.shares(self.fix(50, 80)) == (100, 0, 20)
        assert self.shares(self.fix(60, 90)) == (90, 10, 20)
        assert self.shares(self.fix(0, 50)) == (70, 30, 20)
        assert corrected(self.BASE, [self.fix(60, 90)], 0, 120)[1] == {"c": 20}
        assert corrected(self.BASE, [self.fix(0, 50)], 0, 120)[1] == {"c": 0}

    def test_time_that_nobody_recorded_can_be_corrected_too(self) -> None:
        assert self.shares(self.fix(0, 200, UNKNOWN, UP)) == (90, 30, 0)
        assert measure(corrected([], [self.fix(0, 10, UNKNOWN, DOWN)], 0, 10)[0], 0, 10).down == 10

    def test_a_later_correction_may_take_an_earlier_one_back(self) -> None:
        assert self.shares(self.fix(50, 80), self.fix(50, 80, UP, DOWN)) == (70, 30, 20)

    def test_the_figures_always_fill_the_period(self) -> None:
        for start in range(0, 130, 7):
            assert sum(self.shares(self.fix(start, start + 33), self.fix(start - 20, start, UP, UNKNOWN))) == 120


VIEW = IndicatorView("T21.link:uplink-1", "T21.link", "T21", "", "", "uplink-1", 99.95, "year", False, UP, 0, "")


def window(start: int, **data: Any) -> Record:
    given = {"class": "low", "exclude": True, "announced": start - 28 * DAY, "scope": ["uplink-1"]} | data
    return Record("m", "maintenance", "m", None, "done", None, start, start + HOUR, "work", data=given)


class TestExclusions:
    START = local("2026-06-30T22:00:00+02:00")

    @pytest.mark.parametrize(
        ("data", "counts"),
        [
            ({}, True), ({"class": "high"}, True), ({"class": "no"}, False), ({"exclude": False}, False),
            ({"announced": START - 28 * DAY + 1}, False), ({"announced": None}, False),
            ({"scope": ["T21.link:uplink-1"]}, True), ({"scope": ["T21.link"]}, True), ({"scope": ["uplink-2"]}, False),
            ({"scope": []}, False),
        ],
    )  # fmt: skip
    def test_only_what_the_agreement_allows_is_left_out(self, data: dict[str, Any], counts: bool) -> None:
        row = window(self.START, **data)
        assert excluding(VIEW, [row], "Europe/Berlin") == ([row] if counts else [])

    def test_a_window_that_was_cancelled_counts_as_time_like_any_other(self) -> None:
        assert excluding(VIEW, [replace(window(self.START), state="void")], "Europe/Berlin") == []

    def test_an_indicator_of_the_whole_site_is_left_out_only_when_it_is_named(self) -> None:
        site = replace(VIEW, id="T21", control="T21", subject="")
        assert excluding(site, [window(self.START)], "Europe/Berlin") == []
        assert excluding(site, [window(self.START, scope=["T21"])], "Europe/Berlin") != []

    def test_28_days_are_calendar_days_over_a_change_of_the_clock(self) -> None:
        spring = local("2027-04-10T22:00:00+02:00")
        assert announced_in_time(spring, local("2027-03-13T22:00:00+01:00"), "Europe/Berlin")
        assert not announced_in_time(spring, local("2027-03-13T22:00:01+01:00"), "Europe/Berlin")
        autumn = local("2026-11-10T22:00:00+01:00")
        assert announced_in_time(autumn, local("2026-10-13T22:00:00+02:00"), "Europe/Berlin")


def clock(number: int, started: int, stopped: int | None) -> FaultClock:
    state = "running" if stopped is None else "stopped"
    return FaultClock(f"c{number}", "link-down", "uplink-1", None, started, 4 * HOUR, state, stopped=stopped)


def test_fix_times_count_the_faults_of_a_period_and_leave_running_ones_open_until_they_are_late() -> None:
    kept = [
        clock(1, 0, HOUR),
        clock(2, DAY, DAY + 4 * HOUR),
        clock(3, 2 * DAY, 2 * DAY + 5 * HOUR),
        clock(4, 3 * DAY, None),
    ]
    found = fix_times(kept, "T22", 0, 10 * DAY, 3 * DAY + HOUR)
    assert (found.count, found.within, found.running, found.longest, found.median) == (4, 2, 1, 5 * HOUR, 4 * HOUR)
    assert found.share == pytest.approx(200 / 3)
    late = fix_times(kept, "T22", 0, 10 * DAY, 4 * DAY)
    assert (late.running, late.share, late.longest) == (0, 50.0, DAY)
    assert fix_times(kept, "T22", 20 * DAY, 30 * DAY, 30 * DAY).share is None
