"""Litres from levels, hours from litres: the figures of T05, and what is unknown stays so."""

from __future__ import annotations

from typing import Any

import pytest
from engine_world import FUEL_RULES, SITE, World, at, config, read
from pydantic import ValidationError

from dcmon.config.config import Config
from dcmon.config.site import Rating
from dcmon.model import Quality, SeriesKey
from dcmon.thresholds.fuel_tank import burn, from_level, from_volume

CURVE = {25: 75.0, 50: 133.0, 75: 190.0, 100: 250.0}


@pytest.mark.parametrize(
    ("rating", "level", "litres"),
    [
        ({"tank_l": 12_000}, 50, 6000),
        ({"tank_l": 12_000, "tank": {"shape": "horizontal"}}, 50, 6000),
        # h = r/2: acos(0.5) - 0.5 sqrt(0.75) = 0.614185 of pi
        ({"tank_l": 12_000, "tank": {"shape": "horizontal"}}, 25, 2346.01),
        ({"tank_l": 12_000, "tank": {"shape": "horizontal"}}, 10, 624.53),
        ({"tank_l": 12_000, "tank": {"shape": "horizontal"}}, 90, 12_000 - 624.53),
        ({"tank_l": 12_000, "tank": {"shape": "horizontal", "level": "volume"}}, 25, 3000),
        ({"tank": {"table": [(0, 100), (50, 5200), (100, 12_000)]}}, 75, 8600),
        ({"tank": {"table": [(10, 500), (90, 9000)]}}, 95, 9000),
        ({"tank_l": 12_000}, 101, 12_000),
        ({"tank_l": 12_000}, -3, 0),
        ({"tank_l": 12_000}, 106, None),
        ({"tank_l": 12_000}, -6, None),
        ({"tank_l": 12_000}, "half", None),
        ({"tank_l": 12_000}, True, None),
        ({"tank_l": 12_000}, None, None),
        ({}, 50, None),
    ],
)
def test_a_level_becomes_litres_by_the_form_of_the_tank(
    rating: dict[str, Any], level: Any, litres: float | None
) -> None:
    found = from_level(Rating.model_validate(rating), level)
    assert found.litres == (None if litres is None else pytest.approx(litres, abs=0.01))
    assert (found.note is not None) is (level in (101, -3))


def test_litres_that_the_device_says_need_no_form_but_must_fit_into_the_tank() -> None:
    assert from_volume(Rating(), 4000.0).litres == 4000
    assert from_volume(Rating(), -1.0).litres is None
    assert from_volume(Rating(tank_l=5000), 5200.0) == (5000, "it says 5200 l of 5000 l")
    assert from_volume(Rating(tank_l=5000), 6000.0).litres is None


@pytest.mark.parametrize(
    ("rating", "load", "litres"),
    [
        ({"fuel_curve": CURVE}, 100, 250),
        ({"fuel_curve": CURVE}, 60, 133 + 57 * 0.4),
        ({"fuel_curve": CURVE}, 10, 75 - 58 * 0.6),  # on as between the first two
        ({"fuel_curve": CURVE, "fuel_idle_share": 0.08}, 0, 20),
        ({"fuel_curve": CURVE, "fuel_idle_share": 0.08}, 12.5, 47.5),
        ({"fuel_curve": CURVE}, 110, 274),
        ({"fuel_l_per_h_full_load": 250}, 30, 75),
        ({"fuel_l_per_h_full_load": 250, "fuel_idle_share": 0.1}, 50, 137.5),
        ({}, 50, None),
    ],
)
def test_consumption_lies_on_the_curve_of_the_nameplate(
    rating: dict[str, Any], load: float, litres: float | None
) -> None:
    found = burn(Rating.model_validate(rating), load)
    assert found == (None if litres is None else pytest.approx(litres))


@pytest.mark.parametrize(
    ("rating", "complaint"),
    [
        ({"tank_l": 500, "tank": {"unusable_l": 500}}, "500 l of 500 l cannot be unusable"),
        ({"tank": {"table": [(0, 0), (0, 10)]}}, "both rising"),
        ({"tank": {"table": [(0, 0)]}}, "at least two pairs"),
        ({"tank_l": 900, "tank": {"table": [(0, 0), (100, 1000)]}}, "the table goes beyond tank_l"),
        ({"fuel_curve": {50: 100, 75: 90, 100: 200}}, "the consumption rises with the load"),
        ({"fuel_curve": {50: 100}}, "the consumption at 100 % is missing"),
        ({"fuel_curve": {100: 240}, "fuel_l_per_h_full_load": 250}, "something else"),
    ],
)
def test_a_nameplate_that_cannot_be_is_refused(rating: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Rating.model_validate(rating)


def site(**tanks: Any) -> Config:
    """Two engines of 250 l/h; tanks by name: (litres, what it feeds)."""
    engines = [
        {"id": f"genset-{name}", "kind": "genset", "name": f"Generator {name}", "rating": {"fuel_curve": CURVE}}
        for name in "ab"
    ]
    stores = [
        {"id": name, "kind": "tank", "name": name, "feeds": feeds, "rating": {"tank_l": litres}}
        for name, (litres, feeds) in tanks.items()
    ]
    group = {"id": "gensets", "name": "Generators", "role": "gensets", "members": ["genset-a", "genset-b"]}
    keep = [asset for asset in SITE["assets"] if asset["id"] not in ("genset-a", "tank-a")]
    groups = [one for one in SITE["groups"] if one["id"] != "gensets"]
    return config(*FUEL_RULES, site={**SITE, "assets": [*engines, *stores, *keep], "groups": [*groups, group]})


def hours(world: World, subject: str = "gensets", load: str = "full", index: str | None = None) -> float | None:
    """An autonomy as it is said now."""
    world.judge._fuel._told = None
    said = {reading.key: reading.value for reading in world.judge.computed(at(0))}
    found = said.get(SeriesKey(subject, f"fuel.autonomy_{load}", index))
    return found if isinstance(found, float) else None


TWO = {"one": (10_000, ["genset-a"]), "two": (8000, ["genset-b"])}


def test_the_first_tank_that_is_dry_ends_the_full_load_and_the_reserve_is_without_the_largest() -> None:
    world = World(site(**TWO))
    world.see(0, ("one/fuel.level", 90.0), ("two/fuel.level", 75.0))
    assert (hours(world, "one"), hours(world, "two"), hours(world)) == (36.0, 24.0, 24.0)
    assert hours(world, index="reserve") == 12.0  # 6,000 l for both, 500 l/h
    assert hours(world, "one", index="reserve") is None


def test_tanks_that_share_an_engine_last_as_one() -> None:
    world = World(site(bulk=(10_000, ["day"]), day=(1000, ["genset-a", "genset-b"])))
    world.see(0, ("bulk/fuel.level", 100.0), ("day/fuel.level", 50.0))
    assert hours(world) == hours(world, "bulk") == hours(world, "day") == 21.0
    assert hours(world, index="reserve") == 1.0


def test_tanks_of_which_one_feeds_both_engines_are_one_pool_whichever_engine_is_asked_for() -> None:
    for feeds in (["genset-a", "genset-b"], ["genset-b", "genset-a"]):
        world = World(site(one=(10_000, ["genset-a"]), two=(10_000, feeds)))
        world.see(0, ("one/fuel.level", 60.0), ("two/fuel.level", 100.0))
        assert (hours(world), hours(world, index="reserve")) == (32.0, 12.0)


def test_one_tank_has_no_reserve() -> None:
    world = World(site(one=(10_000, ["genset-a", "genset-b"])))
    world.see(0, ("one/fuel.level", 100.0))
    assert (hours(world), hours(world, index="reserve")) == (20.0, None)


def test_an_engine_that_no_tank_feeds_leaves_the_group_without_hours() -> None:
    world = World(site(one=(10_000, ["genset-a"])))
    world.see(0, ("one/fuel.level", 100.0))
    assert (hours(world, "one"), hours(world)) == (40.0, None)


def test_an_unknown_level_is_unknown_and_never_zero() -> None:
    world = World(site(**TWO), live=True)
    world.see(0, ("one/fuel.level", 90.0))
    assert (hours(world, "one"), hours(world), hours(world, index="reserve")) == (36.0, None, None)
    world.see(10, ("two/fuel.level", 90.0))
    assert hours(world) == 28.8
    world.see(40, ("two/fuel.level", 140.0))
    assert hours(world) is None
    assert [said for said in world.alarms() if said[2] == "active"] == []


def test_the_present_load_counts_what_runs_and_is_unknown_while_nothing_does() -> None:
    world = World(site(**TWO))
    world.see(0, ("one/fuel.level", 90.0), ("two/fuel.level", 75.0), ("genset-a/engine.running", False),
              ("genset-b/engine.running", False))  # fmt: skip
    assert hours(world, load="now") is None
    world.see(60, ("genset-a/engine.running", True), ("genset-a/generator.load", 50.0))
    assert hours(world, load="now") == round(9000 / 133, 2)
    assert hours(world, load="now", index="reserve") == round(6000 / 133, 2)
    world.see(70, ("genset-b/engine.running", True))
    assert hours(world, load="now") is None
    world.see(80, ("genset-b/generator.load", 100.0))
    assert hours(world, load="now") == 24.0


def test_below_24_hours_is_an_alarm_a_minute_later_and_over_when_fuel_has_come() -> None:
    world = World(site(**TWO))
    world.see(0, ("one/fuel.level", 90.0), ("two/fuel.level", 80.0))
    world.see(100, ("two/fuel.level", 74.0))
    world.see(130, ("two/fuel.level", 74.0))
    world.wait(1000)
    world.see(2000, ("two/fuel.level", 95.0))
    world.wait(3000)
    said = [(t.subject, (t.ts - at(0)) / 1000, t.state) for t in world.all.transitions
            if t.rule == "autonomy" and t.type == "alarm" and t.state != "pending"]  # fmt: skip
    assert ("autonomy/gensets", 160.0, "active") in said
    assert ("autonomy/gensets", 2060.0, "returned") in said
    assert ("autonomy/gensets[reserve]", 60.0, "active") in said, "8,000 l less: 12.8 h from the start"
    (active,) = [t for t in world.all.transitions if t.subject == "autonomy/gensets" and t.state == "active"]
    assert active.reason.endswith("fuel.autonomy_full is 23.68 h, below 24 h")


def test_what_a_file_says_of_a_computed_point_is_left_out() -> None:
    world = World(site(**TWO))
    world.step([read(0, "gensets/fuel.autonomy_full", 3.0), read(0, "gensets/fuel.autonomy_full[reserve]", 3.0)], at(0))
    world.see(10, ("one/fuel.level", 90.0), ("two/fuel.level", 90.0))
    world.step([read(20, "gensets/fuel.autonomy_full", 3.0)], at(20))
    world.wait(500)
    assert hours(world) == 28.8
    assert "autonomy/gensets" not in world.judge.alarms


def test_hours_from_a_doubtful_level_are_uncertain() -> None:
    world = World(site(**TWO))
    world.step([read(0, "one/fuel.level", 90.0, "uncertain", "sensor old"), read(0, "two/fuel.level", 102.0)], at(0))
    (full,) = [one for one in world.judge.computed(at(0)) if one.key == ("gensets", "fuel.autonomy_full", None)]
    assert full.quality is Quality.UNCERTAIN
    assert full.reason == "one: sensor old; two: its level is 102 %"


def test_what_runs_have_really_burnt_makes_the_measured_autonomy() -> None:
    world = World(site(one=(10_000, ["genset-a", "genset-b"])))
    content = 9500.0
    say = ("one/fuel.volume", content), ("genset-a/engine.running", False), ("genset-b/engine.running", False)
    world.see(0, *say)
    for run, litres in enumerate((330.0, 300.0, 900.0)):  # the third one leaked
        start = 10_000 * (run + 1)
        world.see(start, ("genset-a/engine.running", True), ("genset-a/generator.load", 100.0))
        for minute in range(1, 61):
            world.see(start + 60 * minute, ("one/fuel.volume", content - litres * minute / 60))
        content -= litres
        world.see(start + 3600, ("genset-a/engine.running", False), ("genset-a/generator.load", 0.0))
        assert hours(world, load="measured") is None
    world.wait(40_000)
    book = world.judge.records["fuel-one"].data
    assert book["runs"] == ((1.0, 330.0, 250.0), (1.0, 300.0, 250.0), (1.0, 900.0, 250.0))
    assert hours(world) == round(content / 500, 2)
    assert hours(world, load="measured") == round(content / (500 * 1.32), 2)
