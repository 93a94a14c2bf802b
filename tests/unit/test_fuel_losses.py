"""Where fuel goes: leak and theft, more burnt than the load explains, a sender that is stuck. With exact times."""

from __future__ import annotations

from typing import Any

import pytest
from engine_world import FUEL, FUEL_RULES, T0, World, at, config

from dcmon.config.entries import Delivery
from dcmon.model import Quality, Record

CONFIG = config(FUEL | {"select": {"point": "fuel.filled"}}, *FUEL_RULES[1:])
# a tank of 10,000 l, an engine of 250 l/h; loss over 300 l within 12 h for 5 minutes
LEVEL, RUNS, LOAD = "tank-a/fuel.level", "genset-a/engine.running", "genset-a/generator.load"
HOUR = 3600


def world(level: float = 90.0, *, runs: bool | None = False) -> World:
    made = World(CONFIG)
    made.see(0, (LEVEL, level), *(() if runs is None else ((RUNS, runs), (LOAD, 0.0))))
    return made


def said(made: World, rule: str) -> list[tuple[float, str]]:
    return [
        ((t.ts - T0) / 1000, t.state) for t in made.all.transitions
        if t.rule == rule and t.type == "alarm" and t.state != "pending"
    ]  # fmt: skip


def deliveries(made: World) -> list[Record]:
    rows = [row for row in made.judge.records.values() if row.kind == "delivery"]
    return sorted(rows, key=lambda row: row.started)


def burn(made: World, start: int, until: int, level: float, per_hour: float, step: int = 60) -> float:
    """Levels of a run that takes `per_hour` per cent."""
    for second in range(start + step, until + 1, step):
        made.see(second, (LEVEL, level - per_hour * (second - start) / HOUR))
    return level - per_hour * (until - start) / HOUR


class TestLoss:
    def test_a_theft_pages_five_minutes_after_it(self) -> None:
        made = world()
        made.see(1000, (LEVEL, 80.0))
        made.wait(1300 - 0.001)
        assert said(made, "loss") == []
        made.wait(1300)
        assert said(made, "loss") == [(1300, "active")]
        assert made.judge.alarms["loss/tank-a"].started == at(1000)
        assert (
            "1000 l are gone within 12h and no engine has run; 8000 l are left"
            in made.judge.alarms["loss/tank-a"].reason
        )

    def test_a_slow_leak_is_found_when_it_is_more_than_warmth(self) -> None:
        made = world()
        for quarter in range(1, 40):  # 1 % an hour: 75 l an hour beyond warmth of 25 l
            made.see(900 * quarter, (LEVEL, 90 - quarter / 4))
        ((second, state),) = said(made, "loss")[:1]
        assert state == "active"
        assert 4 * HOUR <= second <= 4.6 * HOUR, "300 l at 75 l an hour"

    def test_a_leak_over_a_restart_is_the_same_leak(self) -> None:
        made = world()
        made.see(HOUR, (LEVEL, 88.0))
        made.wait(HOUR + 100)
        made.restart(HOUR + 200, alive=HOUR + 150)
        made.see(HOUR + 201, (LEVEL, 88.0), (RUNS, False))
        made.see(2 * HOUR, (LEVEL, 86.0))
        made.wait(2 * HOUR + 400)
        assert said(made, "loss") == [(2 * HOUR + 300, "active")]

    def test_one_sample_of_nothing_is_a_broken_wire_and_two_are_believed(self) -> None:
        made = world()
        made.see(1000, (LEVEL, 0.0))
        made.see(3000, (LEVEL, 90.0))
        made.wait(9000)
        assert made.alarms() == [], "nor is autonomy short, nor fuel ordered"
        made.see(10_000, (LEVEL, 0.0))
        made.see(10_030, (LEVEL, 0.0))
        made.wait(10_400)
        assert said(made, "loss") == [(10_300, "active")]

    def test_while_nobody_knows_the_engine_only_what_it_could_burn_is_allowed_for(self) -> None:
        made = World(CONFIG, live=True)
        for second in range(0, 2 * HOUR, 5):
            known = second < HOUR or second >= 1.5 * HOUR
            level = 90.0 if second < HOUR else 86.0  # 400 l: 125 l of them in half an hour at full load
            made.see(second, *(((LEVEL, level), (RUNS, False)) if known else ()))
        assert said(made, "loss") == []
        for second in range(2 * HOUR, 3 * HOUR, 5):
            made.see(second, (LEVEL, 84.0), (RUNS, False))
        assert said(made, "loss") == [(2 * HOUR + 300, "active")]

    def test_without_word_of_the_engine_nothing_is_a_loss(self) -> None:
        made = world(runs=None)
        made.see(1000, (LEVEL, 40.0))
        made.wait(9000)
        assert said(made, "loss") == []

    def test_what_an_engine_burns_is_no_loss(self) -> None:
        made = world()
        made.see(1000, (RUNS, True), (LOAD, 100.0))
        level = burn(made, 1000, 1000 + 4 * HOUR, 90.0, 2.5)
        made.see(1001 + 4 * HOUR, (RUNS, False), (LOAD, 0.0))
        made.see(1002 + 5 * HOUR, (LEVEL, level))
        assert [made.alarms()[0][2]] if made.alarms() else [] == []
        assert said(made, "loss") == said(made, "burn") == said(made, "stuck") == []


class TestBurn:
    def test_far_more_gone_than_the_load_explains_is_said_while_the_engine_runs(self) -> None:
        made = world()
        made.see(1000, (RUNS, True), (LOAD, 40.0))
        burn(made, 1000, 1000 + 4 * HOUR, 90.0, 5.0)  # 500 l/h at a load of 100 l/h: 300 + 150 h < 500 h after 0.86 h
        (first, *_) = said(made, "burn")
        assert first[1] == "active"
        assert 1000 + 0.86 * HOUR + 900 <= first[0] <= 1000 + 0.95 * HOUR + 960
        assert "its load explains" in made.judge.alarms["burn/tank-a"].reason

    def test_an_unknown_load_accuses_nobody(self) -> None:
        made = world()
        made.see(1000, (RUNS, True), (LOAD, "high"))
        burn(made, 1000, 1000 + 3 * HOUR, 90.0, 3.4)
        assert said(made, "burn") == []


class TestStuck:
    def test_a_level_that_stands_while_the_engine_runs_is_stuck_and_the_hours_are_uncertain(self) -> None:
        made = world()
        made.see(1000, (RUNS, True), (LOAD, 100.0))
        for second in range(1030, 1000 + 2 * HOUR, 30):
            made.see(second, (LEVEL, 90.0))
        assert said(made, "stuck") == [(1000 + HOUR, "active")]
        (told,) = [one for one in made.all.transitions if one.rule == "stuck" and one.state == "active"]
        assert told.reason.endswith(": 250 l must have burnt, the level shows 0 l less")
        reading = next(one for one in made.judge.computed(at(2 * HOUR)) if one.point == "fuel.autonomy_full")
        assert (reading.quality, reading.reason) == (Quality.UNCERTAIN, "Tank A: its level does not move")
        made.see(1000 + 2 * HOUR, (LEVEL, 84.0))
        assert said(made, "stuck")[1:] == [(1000 + 2 * HOUR, "returned")]
        reading = next(one for one in made.judge.computed(at(3 * HOUR)) if one.point == "fuel.autonomy_full")
        assert reading.quality is Quality.GOOD

    def test_a_file_that_is_over_says_nothing_of_the_sender(self) -> None:
        made = world()
        made.see(1000, (RUNS, True), (LOAD, 100.0))
        made.wait(1000 + 9 * HOUR)
        assert said(made, "stuck") == []

    def test_a_load_too_small_to_show_is_no_evidence(self) -> None:
        made = world()
        made.see(1000, (RUNS, True), (LOAD, 30.0))
        for second in range(1030, 1000 + HOUR + 600, 30):
            made.see(second, (LEVEL, 90.0))
        assert said(made, "stuck") == [], "75 l of 10,000 l are less than one step of one per cent"


def fill(made: World, start: int, low: float, high: float, minutes: int = 20) -> None:
    for second in range(0, 60 * minutes + 1, 30):
        made.see(start + second, (LEVEL, low + (high - low) * second / (60 * minutes)))


def enter(made: World, second: float, litres: float, **more: Any) -> Record:
    entry = Delivery.model_validate(
        {"kind": "delivery", "by": "Anna", "asset": "tank-a", "litres": litres, "fuel": "diesel EN 590", **more}
    )
    record, changes = made.judge.enter(entry, at(second))
    made.all.extend(changes)
    return record


class TestDeliveries:
    def test_a_measured_rise_is_a_delivery_although_nobody_entered_one(self) -> None:
        made = world(60.0)
        fill(made, 10_000, 60.0, 90.0)
        made.wait(20_000)
        (row,) = deliveries(made)
        assert (row.data["litres"], row.data["measured_l"], row.data["from_l"], row.by) == (
            3000.0,
            3000.0,
            6000.0,
            None,
        )
        assert (row.started - T0) / 1000 == pytest.approx(10_030, abs=31)
        assert (row.ended or 0) >= at(11_200)
        assert row.tom == ("T06",)

    def test_what_falls_back_within_minutes_was_sloshing(self) -> None:
        made = world(60.0)
        made.see(1000, (LEVEL, 66.0))
        made.see(1300, (LEVEL, 60.0))
        made.wait(9000)
        assert deliveries(made) == []
        assert said(made, "loss") == []

    @pytest.mark.parametrize("second", [9000, 11_000, 15_000])
    def test_entered_before_during_or_after_it_is_one_record_with_both_figures(self, second: int) -> None:
        made = world(60.0)
        if second < 10_000:
            enter(made, second, 3100)
        for start, low in ((10_000, 60.0), (10_600, 75.0)):
            fill(made, start, low, low + 15, minutes=10)
            if second == 11_000 and start == 10_000:
                enter(made, 10_600.5, 3100)
        made.wait(14_000)
        if second > 14_000:
            enter(made, second, 3100)
        (row,) = deliveries(made)
        assert (row.by, row.data["litres"], row.data["measured_l"]) == ("Anna", 3100, 3000.0)
        assert (row.data["difference_percent"], row.data["differs"]) == (3.3, False)
        assert row.data["fuel"] == "diesel EN 590"

    def test_a_difference_of_more_than_five_per_cent_is_said(self) -> None:
        made = world(60.0)
        fill(made, 10_000, 60.0, 90.0)
        made.wait(14_000)
        row = enter(made, 14_100, 3300)
        assert (row.data["difference_percent"], row.data["differs"]) == (10.0, True)
        assert "3000 l measured: 10 % less than entered differs too much" in row.reason
        assert [t.state for t in made.all.transitions if t.type == "record"] == ["measured", "differs"]

    def test_a_delivery_of_another_day_is_another_one(self) -> None:
        made = world(60.0)
        fill(made, 10_000, 60.0, 70.0)
        made.wait(14_000)
        enter(made, 14_000 + 6 * HOUR, 1000)
        assert [row.by for row in deliveries(made)] == [None, "Anna"]

    def test_what_burns_meanwhile_was_delivered_too(self) -> None:
        made = world(60.0)
        made.see(9000, (RUNS, True), (LOAD, 100.0))
        for second in range(0, 3601, 60):
            made.see(10_000 + second, (LEVEL, 57.2 + 30 * second / 3600))
        for second in range(60, 1200, 60):
            made.see(13_600 + second, (LEVEL, 87.2))
        (row,) = deliveries(made)
        assert row.data["litres"] == pytest.approx(3250, abs=120)


class TestRefuelTask:
    def test_it_is_opened_with_what_to_order_and_closed_by_the_measured_rise(self) -> None:
        made = world(76.0)
        made.see(1000, (LEVEL, 74.0))
        made.wait(1060)
        (task,) = made.judge.tasks.values()
        assert (task.state, task.memory["room_l"], task.opened) == ("open", 2600.0, at(1060))
        made.see(5000, (LEVEL, 82.0))
        made.see(5030, (LEVEL, 75.0))
        made.see(6000, (LEVEL, 82.0))
        made.wait(6059)
        assert [one.state for one in made.judge.tasks.values()] == ["open"]
        made.wait(6060)
        assert [one.state for one in made.judge.tasks.values()] == ["done"]

    def test_a_sender_that_drops_out_closes_nothing(self) -> None:
        made = world(74.0)
        made.wait(100)
        made.see(5000, (LEVEL, 0.0))
        made.see(5300, (LEVEL, 74.0))
        made.wait(9000)
        assert [one.state for one in made.judge.tasks.values()] == ["open"]

    def test_overdue_it_says_what_is_missing_by_then(self) -> None:
        made = world(74.0)
        made.see(40 * HOUR, (LEVEL, 70.0))
        made.wait(49 * HOUR)
        (task,) = made.judge.tasks.values()
        assert (task.state, task.memory["room_l"]) == ("overdue", 3000.0)
        late = next(t for t in made.all.transitions if t.type == "task" and t.state == "overdue")
        assert late.ts == at(48 * HOUR + 60)
