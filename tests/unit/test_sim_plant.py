"""The simulated plant obeys physics, and every script does what its description says."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from dcmon.config.vocabulary import vocabulary
from dcmon.sim import SCENARIOS, Plant, Scenario, canonical_readings
from dcmon.sim.actions import ACTIONS
from dcmon.sim.genset import FUEL_CURVE, Genset, Phase, Tank
from dcmon.sim.plant import AREA_SHARE, RACK_LOAD_W
from dcmon.sim.power import Pdu
from dcmon.sim.scenarios import Event
from dcmon.sim.ups import DISCHARGE_EFFICIENCY, Position, Source, Ups
from dcmon.sim.waves import Wave, interpolate

START_MS = 1_767_225_600_000


def plant(name: str, seed: int = 1) -> Plant:
    return Plant(None, SCENARIOS[name], seed, START_MS)


def script(*events: Event) -> Plant:
    return Plant(None, Scenario("test", "", "", events), 1, START_MS)


def seconds(subject: Plant, upto: float, step: float = 1.0) -> Iterator[float]:
    """Lets the plant pass second by second; the present second each time."""
    for tick in range(1, int(upto / step) + 1):
        subject.advance(START_MS + round(tick * step * 1000))
        yield tick * step


def first(subject: Plant, upto: float, condition: Callable[[Plant], bool]) -> float:
    """When a condition first holds, to a quarter of a second."""
    for now in seconds(subject, upto, 0.25):
        if condition(subject):
            return now
    raise AssertionError(f"not within {upto} s")


# --- physics ---


def test_a_ups_takes_over_without_a_gap_and_its_battery_gives_what_the_load_took() -> None:
    subject = script(*(Event(20, "mains", {"side": side, "available": False}) for side in "ab"))
    subject.advance(START_MS + 20_000)
    ups = subject.sides["a"].ups
    before_wh, delivered_wh = ups.energy_wh, 0.0
    for _ in range(40):
        subject.advance(subject.now_ms + 250)
        assert ups.output_ok
        if ups.source is Source.BATTERY:
            delivered_wh += ups.load_w * 0.25 / 3600
    assert delivered_wh > 500
    assert before_wh - ups.energy_wh == pytest.approx(delivered_wh / DISCHARGE_EFFICIENCY, rel=1e-3)
    assert ups.on_battery_s == pytest.approx(10, abs=0.5)


def test_a_ups_whose_battery_is_empty_drops_its_load_and_comes_back_when_the_input_does() -> None:
    ups = Ups(800_000, 1_000, 1_000)
    for _ in range(40):
        ups.step(0.5, False, 400_000)
    assert (ups.source, ups.load_w, ups.energy_wh) == (Source.NONE, 0.0, 0.0)
    for _ in range(40):
        ups.step(0.5, True, 400_000)
    assert ups.source is Source.INVERTER
    assert ups.energy_wh > 0


def test_runtime_falls_as_the_load_grows_and_counts_down_as_time_passes() -> None:
    small, large = Ups(800_000, 150_000, 150_000, load_w=200_000), Ups(800_000, 150_000, 150_000, load_w=600_000)
    assert small.runtime_s == pytest.approx(3 * large.runtime_s)
    before = large.runtime_s
    for _ in range(60):
        large.step(1.0, False, 600_000)
    assert large.runtime_s == pytest.approx(before - 60, abs=1)


def test_recharging_takes_as_much_energy_from_the_input_as_it_stores() -> None:
    ups = Ups(800_000, 150_000, 149_000)
    taken_wh = 0.0
    while not ups.settled:
        ups.step(1.0, True, 300_000)
        taken_wh += ups.charge_w / 3600
    assert taken_wh * 0.95 == pytest.approx(1_000, rel=1e-6)


def test_fuel_only_falls_while_the_engine_runs_and_only_rises_while_a_tanker_pumps() -> None:
    subject = plant("fuel-low-refuel")
    tank, genset = subject.sides["a"].genset.tank, subject.sides["a"].genset
    subject.advance(START_MS + 20_001)
    level, pumping = tank.volume_l, False
    for _ in seconds(subject, 600):
        if pumping:
            assert tank.volume_l >= level
        else:
            assert tank.volume_l < level if genset.running else tank.volume_l == level
        level, pumping = tank.volume_l, tank.filling_l_per_min > 0
    assert tank.level == pytest.approx(95, abs=0.1)


def test_fuel_burnt_follows_the_consumption_curve() -> None:
    genset = Genset(1_600_000, 400, Tank(12_000, 12_000), phase=Phase.RUNNING, rpm=1500)
    for _ in range(3600):
        genset.step(1.0, True, 1_600_000)
    assert 12_000 - genset.tank.volume_l == pytest.approx(400, rel=0.01)
    assert genset.energy_kwh - 183_400 == pytest.approx(1_600, rel=0.01)
    for light, heavy in ((0.25, 0.5), (0.5, 0.75), (0.75, 1.0)):
        assert interpolate(FUEL_CURVE, heavy) / heavy <= interpolate(FUEL_CURVE, light) / light


def test_an_engine_without_fuel_stops_and_does_not_start_again() -> None:
    genset = Genset(1_600_000, 400, Tank(12_000, 0.5), phase=Phase.RUNNING, rpm=1500)
    for _ in range(400):
        genset.step(0.25, True, 800_000)
    assert genset.tank.volume_l == 0
    assert not genset.running
    assert not genset.ready


def test_heat_that_is_not_carried_away_warms_the_hall_by_about_a_degree_a_minute() -> None:
    subject = script(
        *(Event(20, "cooling-unit", {"unit": f"cooling-{n}", "failed": True}) for n in range(1, 5)),
    )
    subject.advance(START_MS + 60_000)
    before = subject.hall.temperature_c
    subject.advance(START_MS + 360_000)
    assert 4 < subject.hall.temperature_c - before < 7


def test_with_enough_cooling_the_hall_settles_where_heat_and_cooling_are_equal() -> None:
    subject = plant("normal")
    temperatures = []
    for _ in seconds(subject, 3_600, 30):
        temperatures.append(subject.hall.temperature_c)
        assert subject.hall.heat_w == pytest.approx(AREA_SHARE * sum(s.ups.load_w for s in subject.sides.values()))
    assert max(temperatures) - min(temperatures) < 0.5
    assert subject.hall.cooling_w == pytest.approx(subject.hall.heat_w, rel=0.05)


def test_a_rack_with_one_dead_feed_draws_everything_from_the_other() -> None:
    subject = plant("normal")
    subject.advance(START_MS + 5_000)
    both = subject.sides["a"].pdus["pdu-a1"].load_w
    subject.sides["b"].ups.source = Source.NONE
    subject.sides["b"].ups.input_ok = False
    subject.sides["b"].mains.available = False
    subject.advance(START_MS + 6_000)
    assert subject.sides["b"].pdus["pdu-b1"].load_w == 0
    assert subject.sides["a"].pdus["pdu-a1"].load_w == pytest.approx(2 * both, rel=0.02)
    assert subject.sides["a"].pdus["pdu-a1"].load_w == pytest.approx(RACK_LOAD_W["1"], rel=0.05)


def test_pdu_energy_is_the_integral_of_its_power() -> None:
    pdu = Pdu(22_000)
    before = pdu.energy_wh
    for _ in range(3600):
        pdu.step(1.0, True, 9_000)
    assert pdu.energy_wh - before == pytest.approx(9_000)


def test_counters_grow_with_the_rate_and_carry_no_fraction() -> None:
    subject = plant("normal")
    link = subject.uplinks["uplink-1"]
    before, carried = link.out_octets, 0.0
    for _ in seconds(subject, 60):
        carried += link.out_bps / 8
    assert isinstance(link.out_octets, int)
    assert link.out_octets - before == pytest.approx(carried, rel=0.02)


def test_traffic_of_a_cut_link_moves_to_the_others() -> None:
    subject = plant("uplink-down")
    subject.advance(START_MS + 19_000)
    total = sum(link.out_bps for link in subject.uplinks.values())
    subject.advance(START_MS + 60_000)
    assert subject.uplinks["uplink-2"].out_bps == 0
    assert sum(link.out_bps for link in subject.uplinks.values()) == pytest.approx(total, rel=0.1)


def test_waves_stay_within_one_and_depend_on_seed_and_name_alone() -> None:
    wave = Wave(7, "x")
    assert all(-1 <= wave.at(second) <= 1 for second in range(0, 5_000, 13))
    assert wave.at(123.4) == Wave(7, "x").at(123.4)
    assert wave.at(123.4) != Wave(8, "x").at(123.4)


# --- time ---


def test_the_same_script_and_seed_give_the_same_plant() -> None:
    one, two = plant("genset-late"), plant("genset-late")
    for _ in seconds(one, 200):
        pass
    for _ in seconds(two, 200):
        pass
    assert canonical_readings(one) == canonical_readings(two)
    other = plant("genset-late", seed=2)
    other.advance(START_MS + 200_000)
    assert canonical_readings(one) != canonical_readings(other)


def test_how_time_is_cut_into_calls_hardly_matters() -> None:
    one, two = plant("mains-outage"), plant("mains-outage")
    one.advance(START_MS + 300_000)
    for _ in seconds(two, 300, 0.7):
        pass
    two.advance(START_MS + 300_000)
    assert one.sides["a"].ups.energy_wh == pytest.approx(two.sides["a"].ups.energy_wh, rel=1e-3)
    assert one.hall.temperature_c == pytest.approx(two.hall.temperature_c, abs=0.05)
    assert one.sides["a"].genset.tank.volume_l == pytest.approx(two.sides["a"].genset.tank.volume_l, abs=0.2)


def test_time_that_runs_backwards_changes_nothing() -> None:
    subject = plant("mains-outage")
    subject.advance(START_MS + 100_000)
    before = canonical_readings(subject)
    subject.advance(START_MS)
    assert canonical_readings(subject) == before


# --- scripts ---


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_script_leaves_the_first_20_seconds_alone_and_ends_well_inside_its_duration(name: str) -> None:
    scenario = SCENARIOS[name]
    assert scenario.name == name
    assert scenario.title and len(scenario.description) > 40
    assert scenario.pages or scenario.no_pages
    assert all(20 <= event.at_s < scenario.duration_s and event.action in ACTIONS for event in scenario.events)
    assert scenario.duration_s <= 600 or name == "uplink-4h-breach"


@pytest.mark.parametrize("name", [name for name in SCENARIOS if name != "trap-storm"])
def test_before_the_fault_all_scripts_look_the_same(name: str) -> None:
    subject, well = plant(name), plant("normal")
    subject.advance(START_MS + 19_900)
    well.advance(START_MS + 19_900)
    assert canonical_readings(subject) == canonical_readings(well)


def test_generators_in_time_close_their_breakers_about_12_seconds_after_the_loss() -> None:
    for letter in "ab":
        subject = plant("mains-outage")
        side = subject.sides[letter]
        assert first(subject, 60, lambda _, side=side: side.on_generator) == pytest.approx(32, abs=2)


def test_mains_outage_ends_with_the_load_on_the_mains_and_engines_at_rest() -> None:
    subject = plant("mains-outage")
    assert all(
        side.ups.output_ok and not side.ups.low_battery
        for _ in seconds(subject, 600)
        for side in subject.sides.values()
    )
    for side in subject.sides.values():
        assert (side.switch.position, side.genset.phase) == (Position.MAINS, Phase.STOPPED)
        assert side.ups.source is Source.INVERTER
        assert side.genset.starts == 219


def test_the_retransfer_does_not_stop_the_cooling() -> None:
    subject = plant("mains-outage")
    subject.advance(START_MS + 370_000)
    assert all(unit.running for _ in seconds_after(subject, 370, 450) for unit in subject.cooling.values())


def seconds_after(subject: Plant, start: int, end: int) -> Iterator[int]:
    for second in range(start, end):
        subject.advance(START_MS + second * 1000)
        yield second


def test_genset_late_is_late_on_side_b_only() -> None:
    subject = plant("genset-late")
    assert first(subject, 60, lambda p: p.sides["a"].on_generator) < 20 + 15
    assert 20 + 75 < first(plant("genset-late"), 200, lambda p: p.sides["b"].on_generator) < 20 + 100


def test_genset_fails_locks_out_and_the_battery_holds_until_the_mains_return() -> None:
    subject = plant("genset-fails")
    side = subject.sides["a"]
    for now in seconds(subject, 600):
        assert side.ups.output_ok
        if 115 < now < 440:
            assert side.genset.failed_to_start and side.ups.source is Source.BATTERY
            running = [unit.running for unit in subject.cooling.values() if unit.serves_area]
            assert sum(running) == 2
    assert side.on_mains and not side.genset.failed_to_start


def test_ups_overload_goes_to_bypass_after_a_minute_and_returns() -> None:
    subject = plant("ups-overload")
    ups = subject.sides["a"].ups
    assert first(subject, 200, lambda _: ups.source is Source.BYPASS) == pytest.approx(80, abs=2)
    assert 1.05 < ups.load_share < 1.2
    subject.advance(START_MS + 400_000)
    assert ups.source is Source.INVERTER
    assert ups.load_share < 0.5


@pytest.mark.parametrize(("name", "warmest"), [("cooling-unit-fails", 24), ("two-cooling-units-fail", 26.4)])
def test_failed_cooling_units_warm_the_hall_within_limits(name: str, warmest: float) -> None:
    subject = plant(name)
    hottest = max(subject.hall.temperature_c for _ in seconds(subject, 600))
    assert 22 < hottest < warmest


def test_total_blackout_takes_the_cards_of_ups_pdus_and_routers_with_it_and_heals() -> None:
    subject = plant("total-blackout")
    dies = ("ups-a", "ups-b", "pdu-a1", "pdu-b2", "router-1", "router-2")
    dead_from = first(subject, 400, lambda p: not any(p.answers(asset) for asset in dies))
    assert 300 < dead_from < 400
    assert subject.answers("genset-a") and subject.answers("env-1")
    assert subject.hall.heat_w == 0
    subject.advance(START_MS + 600_000)
    assert all(subject.answers(asset) for asset in dies)
    assert all(link.bgp_state == 6 for link in subject.uplinks.values())
    assert subject.uptime_s("router-1") < 120


def test_uplink_4h_breach_is_down_for_longer_than_four_hours() -> None:
    subject = plant("uplink-4h-breach")
    link = subject.uplinks["uplink-3"]
    subject.advance(START_MS + (20 + 4 * 3600 + 60) * 1000)
    assert not link.up and link.bgp_state == 1
    subject.advance(START_MS + SCENARIOS["uplink-4h-breach"].duration_s * 1000)
    assert link.up and link.bgp_state == 6


def test_a_trap_storm_changes_no_reading_but_sends_its_traps() -> None:
    subject = plant("trap-storm")
    subject.advance(START_MS + 100_000)
    assert [notice.kind for notice in subject.notices] == ["link-flap"] * 3_000


def test_a_silent_device_says_nothing_while_the_rest_goes_on() -> None:
    subject = plant("device-silent")
    subject.advance(START_MS + 60_000)
    said = {reading.asset for reading in canonical_readings(subject) if reading.point != "device.reachable"}
    assert "pdu-b1" not in said
    assert {"pdu-a1", "pdu-b2", "ups-b"} <= said
    subject.advance(START_MS + 330_000)
    assert any(reading.asset == "pdu-b1" and reading.point == "pdu.power" for reading in canonical_readings(subject))


# --- readings ---


def test_canonical_readings_speak_the_vocabulary() -> None:
    known = vocabulary()
    for name in ("normal", "genset-fails"):
        subject = plant(name)
        subject.advance(START_MS + 100_000)
        for reading in canonical_readings(subject):
            point = known[reading.point]
            if point.type == "bool":
                assert isinstance(reading.value, bool), reading
            elif point.type == "enum":
                assert reading.value in point.values, reading
            else:
                assert isinstance(reading.value, (int, float)) and not isinstance(reading.value, bool), reading


def test_no_series_is_said_twice() -> None:
    keys = [reading.key for reading in canonical_readings(plant("normal"))]
    assert len(keys) == len(set(keys))
