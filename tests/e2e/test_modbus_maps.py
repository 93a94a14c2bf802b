"""Every public register map against a real server: a value of its own in every register, only the registers of the
map, so that a wrong function, address, type, scale or word order cannot come out right."""

from __future__ import annotations

from pathlib import Path

import pytest
from modbus_maps import PROFILE_OF, PROFILES, Image, Point, filled, numbers, points_of, poll, put, raw_value

from dcmon.collectors.plan import compile_plan
from dcmon.collectors.profile_model import Entry
from dcmon.model import CollectError, Quality, Reading, Value

pytestmark = pytest.mark.usefixtures("modbus_maps")

MEANING = {
    "apparent_power_percent": {"output.apparent_load"},
    "ats_status": {"ats.status_code"},
    "battery_charge_percent": {"battery.charge"},
    "battery_current_a": {"battery.current"},
    "battery_temperature_c": {"battery.temperature"},
    "battery_test_status": {"battery.test_status"},
    "battery_voltage_v": {"battery.voltage", "starter_battery.voltage"},
    "cabinet_temperature_2_c": {"temperature/cabinet 2"},
    "cabinet_temperature_3_c": {"temperature/cabinet 3"},
    "cable_length_m": {"cable.length"},
    "charge_alternator_voltage_v": {"charge_alternator.voltage"},
    "compressor_utilisation_percent": {"cooling.capacity_used"},
    "coolant_temperature_c": {"engine.coolant_temperature"},
    "cooling_capacity_percent": {"cooling.capacity_used"},
    "cooling_control_temperature_c": {"control.temperature"},
    "differential_pressure_pa": {"air.differential_pressure"},
    "efficiency_percent": {"ups.efficiency"},
    "engine_load_percent": {"generator.load"},
    "engine_run_seconds": {"engine.run_time"},
    "engine_speed_rpm": {"engine.speed"},
    "engine_starts": {"engine.starts"},
    "engine_temperature_c": {"engine.coolant_temperature"},
    "fan_1_rpm": {"fan.speed_rpm/1"},
    "fan_2_rpm": {"fan.speed_rpm/2"},
    "fan_speed_percent": {"fan.speed"},
    "fluid_flow_lpm": {"water.flow"},
    "frequency_hz": {"mains.frequency"},
    "fuel_level_percent": {"fuel.level"},
    "gen_avg_a": {"generator.current/average"},
    "gen_current_lag_lead_deg": {"generator.phase_angle"},
    "gen_earth_a": {"generator.earth_current"},
    "gen_energy_kwh": {"generator.energy"},
    "gen_frequency_hz": {"generator.frequency"},
    "gen_l1_a": {"generator.current/1"},
    "gen_l1_l2_v": {"generator.voltage_line/1-2"},
    "gen_l1_n_v": {"generator.voltage/1"},
    "gen_l1_v": {"generator.voltage/1"},
    "gen_l1_w": {"generator.phase_power/1"},
    "gen_l2_a": {"generator.current/2"},
    "gen_l2_l3_v": {"generator.voltage_line/2-3"},
    "gen_l2_n_v": {"generator.voltage/2"},
    "gen_l2_v": {"generator.voltage/2"},
    "gen_l2_w": {"generator.phase_power/2"},
    "gen_l3_a": {"generator.current/3"},
    "gen_l3_l1_v": {"generator.voltage_line/3-1"},
    "gen_l3_n_v": {"generator.voltage/3"},
    "gen_l3_v": {"generator.voltage/3"},
    "gen_l3_w": {"generator.phase_power/3"},
    "gen_ll_avg_v": {"generator.voltage_line/average"},
    "gen_power_factor": {"generator.power_factor"},
    "gen_power_kw": {"generator.power"},
    "gen_total_w": {"generator.power"},
    "gen_voltage_v": {"generator.voltage/1"},
    "import_kwh": {"pdu.energy"},
    "import_wh": {"pdu.energy"},
    "input_frequency_hz": {"input.frequency"},
    "input_l1_v": {"input.voltage/1"},
    "input_l2_v": {"input.voltage/2"},
    "input_l3_v": {"input.voltage/3"},
    "input_voltage_v": {"input.voltage"},
    "l1_a": {"phase.current/1"},
    "l1_v": {"mains.voltage/1"},
    "l1_w": {"phase.power/1"},
    "l2_a": {"phase.current/2"},
    "l2_v": {"mains.voltage/2"},
    "l3_a": {"phase.current/3"},
    "l3_v": {"mains.voltage/3"},
    "leak_distance_m": {"leak.distance"},
    "leak_threshold_ua": {"leak.threshold"},
    "load_percent": {"generator.load"},
    "mains_frequency_hz": {"mains.frequency"},
    "mains_l1_l2_v": {"mains.voltage_line/1-2"},
    "mains_l1_n_v": {"mains.voltage/1"},
    "mains_l1_v": {"mains.voltage/1"},
    "mains_l2_v": {"mains.voltage/2"},
    "mains_l3_v": {"mains.voltage/3"},
    "mains_status": {"mains.status_code"},
    "manufacturer_code": {"controller.manufacturer"},
    "model_number": {"controller.model"},
    "oil_pressure_kpa": {"engine.oil_pressure"},
    "oil_temperature_c": {"engine.oil_temperature"},
    "operating_efficiency_percent": {"cooling.efficiency"},
    "output_current_a": {"output.current"},
    "output_energy_wh": {"pdu.energy/output"},
    "output_frequency_hz": {"output.frequency"},
    "output_load_percent": {"output.load"},
    "output_voltage_v": {"output.voltage"},
    "power_system_error_bf": {"ups.system_errors"},
    "remote_sensor_4_temperature_c": {"temperature/remote 4"},
    "remote_sensor_5_temperature_c": {"temperature/remote 5"},
    "resistance_per_foot_mohm": {"cable.resistance"},
    "return_air_setpoint_c": {"cooling.setpoint"},
    "run_hours": {"engine.run_time"},
    "runtime_remaining_min": {"battery.runtime"},
    "runtime_remaining_s": {"battery.runtime"},
    "seconds_on_battery": {"battery.time_on_battery"},
    "serial_number": {"controller.serial"},
    "status_change_cause": {"ups.status_change_cause"},
    "supply_chilled_water_temperature_c": {"water_in.temperature"},
    "total_kw": {"pdu.power"},
    "total_w": {"pdu.power"},
    "unit_cooling_load_kw": {"cooling.output"},
    "valve_position_percent": {"valve.position"},
    "water_return_temperature_c": {"water_out.temperature"},
    "water_supply_temperature_c": {"water_in.temperature"},
    "water_temperature_c": {"engine.coolant_temperature"},
}
"""Every number of the maps, and the point (and index) that it is."""

GOOD_WORDS = {
    ("dse_gencomm", "control_mode"): {
        0: "off", 1: "auto", 2: "manual", 3: "test", 4: "auto", 5: "unknown", 6: "test", 7: "off"
    },
    ("dse_gencomm", "engine_state"): {15: None},
    ("mebay_dcxx", "mode"): {51: "off"},
}  # fmt: skip
"""Where the vocabulary has another word than the map; None where the code says nothing."""

TRUE_WHEN = {
    ("dse_gencomm", "engine_state"): ("engine.running", {2, 3, 4}),
    ("smartgen_hgm4000", "engine_state"): ("engine.running", {5, 6, 7, 8, 9, 10, 11, 14}),
    ("mebay_dcxx", "engine_state"): ("engine.running", {1, 18, 20}),
    ("tripplite_modbuscard", "battery_mode"): ("ups.on_battery", {3}),
    ("tripplite_modbuscard", "battery_condition"): ("battery.replace", {2}),
    ("liebert_pex_ds_intellislot", "operating_state"): ("cooling.on", {1}),
    ("liebert_pex_ds_intellislot", "system_status"): ("cooling.ok", {1, 2, 8}),
}
"""Truths that follow from a code, and the codes for which they are true."""

BITS: dict[tuple[str, str], dict[int, dict[str, Value]]] = {
    ("apc_smartups_modbus", "ups_status_bf"): {
        1: {"output.source": "normal"},
        2: {"ups.on_battery": True, "output.source": "battery"},
        3: {"output.source": "bypass"},
        4: {"output.source": "none", "ups.output_off": True},
        5: {"output.source": "other", "ups.fault": True},
        6: {"ups.input_bad": True},
        7: {"ups.testing": True},
        13: {"ups.high_efficiency": True},
        21: {"ups.overload": True},
    },
    ("apc_smartups_modbus", "input_status_bf"): {5: {"ups.boosting": True}, 6: {"ups.trimming": True}},
    ("deif_agc150", "engine_running"): {6: {"engine.running": True}},
    ("deif_agc150", "auto_mode"): {3: {"genset.mode": "auto"}},
    ("mebay_dcxx", "gen_normal"): {0: {"generator.normal": True}},
    ("mebay_dcxx", "gen_on_load"): {1: {"breaker.generator_closed": True}},
    ("mebay_dcxx", "mains_normal"): {2: {"mains.available": True}},
    ("mebay_dcxx", "mains_on_load"): {3: {"breaker.mains_closed": True}},
    ("rle_seahawk_10k", "status_flags"): {
        0: {"water.detected": True},
        1: {"cable.broken": True},
        2: {"cable.contaminated": True},
        3: {"alarm.summary": True},
    },
}
"""What is said when only this bit is set; every other truth of that register is false then."""

COILS: dict[tuple[str, str], tuple[str, Value]] = {
    ("smartgen_hgm4000", "common_alarm"): ("genset.alarm", True),
    ("smartgen_hgm4000", "common_warning"): ("warning.common", True),
    ("smartgen_hgm4000", "common_shutdown"): ("shutdown.common", True),
    ("smartgen_hgm4000", "mains_on_load"): ("breaker.mains_closed", True),
    ("smartgen_hgm4000", "gen_on_load"): ("breaker.generator_closed", True),
    ("smartgen_hgm4000", "low_fuel_shutdown"): ("fuel.low_shutdown", True),
    ("smartgen_hgm4000", "low_fuel_warning"): ("fuel.low_warning", True),
    ("smartgen_hgm4000", "fuel_sensor_open_warning"): ("fuel.sensor_open", True),
    ("smartgen_hgm4000", "auto_mode"): ("genset.mode", "auto"),
    ("smartgen_hgm4000", "manual_mode"): ("genset.mode", "manual"),
    ("smartgen_hgm4000", "stop_mode"): ("genset.mode", "off"),
    ("smartgen_hgm4000", "mains_fault"): ("mains.fault", True),
    ("smartgen_hgm4000", "mains_normal"): ("mains.available", True),
    ("smartgen_hgm4000", "gen_normal"): ("generator.normal", True),
    ("liebert_pex_ds_intellislot", "compressor_1_on"): ("compressor.on", True),
    ("liebert_pex_ds_intellislot", "compressor_2_on"): ("compressor.on", True),
}

SENTINELS = {
    ("dse_gencomm", "u16"): range(0xFFF8, 0x10000),
    ("dse_gencomm", "s16"): range(0x7FF8, 0x8000),
    ("dse_gencomm", "u32"): range(0xFFFFFFF8, 0x100000000),
    ("dse_gencomm", "s32"): range(0x7FFFFFF8, 0x80000000),
    ("caterpillar_powerwizard21", "u16"): range(64256, 65536, 97),
    ("dynagen_gsc400", "u16"): (0xFF00, 0xFF01),
    ("schneider_iem3000", "f32"): (float("nan"), float("inf"), float("-inf")),
    ("eastron_sdm630", "f32"): (float("nan"), float("inf")),
    ("liebert_dcd", "f32"): (float("nan"),),
    ("rle_seahawk_10k", "f32"): (float("nan"),),
}


def of(readings: list[Reading], point: Point) -> list[Reading]:
    return [reading for reading in readings if reading.source == point.source]


def chosen(name: str, *kinds: str) -> list[Point]:
    return [point for point in points_of(name) if point.type in kinds and point.address is not None]


def find(name: str, key: str) -> Point:
    return next(point for point in points_of(name) if point.key == key)


def _entries(name: str) -> list[Entry]:
    return list(PROFILES[PROFILE_OF[name]].definition.points)


def test_every_map_has_a_profile(modbus_maps: Path) -> None:
    there = {path.stem for path in modbus_maps.glob("*.yaml")} - {"snmp_dse892_gateway"}
    assert there == set(PROFILE_OF)


@pytest.mark.parametrize("name", PROFILE_OF)
async def test_every_number_of_the_map_is_read_right(name: str) -> None:
    image, expected = numbers(name)
    for served in (image, filled(name, image)):  # what the map lacks is refused, then answered with 0
        readings = await poll(name, served)
        for point, value in expected:
            told = {
                f"{one.point}/{one.index}" if one.index else one.point: one.value
                for one in of(readings, point)
                if isinstance(one.value, int | float) and not isinstance(one.value, bool)
            }
            assert len(told) == 1, f"{point.key} at {point.source}: {told}"
            assert set(told) <= MEANING[point.key]
            assert told.popitem()[1] == pytest.approx(float(value), rel=1e-6), f"{point.key} at {point.source}"


@pytest.mark.parametrize("name", PROFILE_OF)
def test_every_point_of_the_map_is_in_the_profile(name: str) -> None:
    plan = compile_plan(PROFILES[PROFILE_OF[name]])
    read = {(span.function, span.address) for span in plan.groups["all"].spans}
    missing = [p.key for p in points_of(name) if p.address is not None and (p.function, p.address) not in read]
    assert missing == []


@pytest.mark.parametrize("name", PROFILE_OF)
def test_what_the_map_assumes_is_marked_as_assumed(name: str) -> None:
    header = PROFILES[PROFILE_OF[name]].definition.status
    for point in points_of(name):
        if point.assumed and header != "assumed":
            word = point.source.split()[0]
            entries = [entry for entry in _entries(name) if getattr(entry, word) == point.address]
            assert {entry.status for entry in entries} == {"assumed"}, point.key


@pytest.mark.parametrize("name", PROFILE_OF)
async def test_every_code_of_the_map_is_its_word_and_no_other_code_is_one(name: str) -> None:
    for point in points_of(name):
        if not point.words or point.address is None or point.key == "multi_input_20_config":
            continue
        for code, word in point.words.items():
            readings = of(await poll(name, {(point.function, point.address): code}), point)
            wanted = GOOD_WORDS.get((name, point.key), {}).get(code, word)
            words = [one.value for one in readings if isinstance(one.value, str) or one.reason == "unknown"]
            assert wanted in words, f"{point.key} = {code}"
            truth, codes = TRUE_WHEN.get((name, point.key), ("", set()))
            truths = [one.value for one in readings if one.point == truth and one.reason != "unknown"]
            assert truths in ([], [code in codes]), f"{truth} when {point.key} = {code}"
        readings = of(await poll(name, {(point.function, point.address): 0x7A7A}), point)
        assert {(one.quality, one.reason) for one in readings} == {(Quality.BAD, "enum")}


@pytest.mark.parametrize(("name", "key"), TRUE_WHEN)
async def test_the_truths_that_follow_from_a_code_are_there(name: str, key: str) -> None:
    point = find(name, key)
    truth, codes = TRUE_WHEN[name, key]
    readings = await poll(name, {(point.function, point.address or 0): min(codes)})
    assert [one.value for one in of(readings, point) if one.point == truth] == [True]


def test_every_bit_of_the_maps_is_known_here() -> None:
    for name in PROFILE_OF:
        for point in points_of(name):
            assert set(point.bits) == set(BITS.get((name, point.key), {})), point.key


@pytest.mark.parametrize(("name", "key"), BITS)
async def test_every_bit_of_the_map_says_what_it_means_and_nothing_else(name: str, key: str) -> None:
    point = find(name, key)
    for bit, meaning in BITS[name, key].items():
        image: Image = {}
        if point.type == "u32":
            put(image, point, 1 << bit)
        else:
            image[point.function, point.address or 0] = 1 << bit
        readings = of(await poll(name, image), point)
        told = {one.point: one.value for one in readings}
        assert {what: told.get(what) for what in meaning} == meaning, f"bit {bit}"
        assert {what for what, value in told.items() if value is True} == {
            what for what, value in meaning.items() if value is True
        }


@pytest.mark.parametrize(("name", "key"), COILS)
async def test_every_single_truth_of_the_map_is_one(name: str, key: str) -> None:
    point = find(name, key)
    what, value = COILS[name, key]
    assert point.address is not None
    image = filled(name, {})
    for state in (1, 0):
        image[point.function, point.address] = state
        told = [one.value for one in await poll(name, image) if one.point == what and one.source == point.source]
        assert (value in told) == bool(state), f"{key} = {state}: {told}"


def test_every_coil_of_the_maps_is_known_here() -> None:
    for name in PROFILE_OF:
        for point in points_of(name):
            if point.type == "bit" or point.key.endswith("_on"):
                assert (name, point.key) in COILS


@pytest.mark.parametrize(("name", "kind"), SENTINELS)
async def test_a_sentinel_is_never_a_number(name: str, kind: str) -> None:
    numeric = [point for point in chosen(name, kind) if point.numeric]
    assert numeric
    for raw in SENTINELS[name, kind]:
        image: Image = {}
        for point in numeric:
            put(image, point, raw)
        readings = await poll(name, image)
        assert {one.source for one in readings} >= {point.source for point in numeric}
        assert {(one.value, one.reason) for one in readings} == {(None, "sentinel")}, (
            f"{raw:#x}" if raw == raw else "NaN"
        )


@pytest.mark.parametrize("name", PROFILE_OF)
async def test_registers_that_the_device_lacks_do_not_appear(name: str) -> None:
    for number, point in enumerate(points_of(name)):
        if not point.numeric or point.address is None:
            continue
        image: Image = {}
        put(image, point, raw_value(point, number))
        readings = await poll(name, image)
        assert {one.source for one in readings} <= {point.source}, point.key


@pytest.mark.parametrize("name", PROFILE_OF)
async def test_a_part_that_fails_is_bad_and_the_rest_is_read(name: str) -> None:
    image, expected = numbers(name)
    image = filled(name, image)
    plan = compile_plan(PROFILES[PROFILE_OF[name]])
    blocks = plan.groups["all"].blocks
    lost = blocks[-1]
    within = {(lost.function, address) for address in range(lost.address, lost.address + lost.count)}
    for gap in within:  # so that the block is not taken apart for want of a register
        image.setdefault(gap, 0)
    if len(blocks) == 1:
        with pytest.raises(CollectError, match="failure"):
            await poll(name, image, within)
        return
    readings = await poll(name, image, within)
    for point, _ in expected:
        for one in of(readings, point):
            assert ((point.function, point.address) in within) == (one.reason == "exception"), point.key


async def test_gencomm_alarms_are_counted_in_every_register_and_nibble() -> None:
    quiet = {(3, 2049 + offset): 0x1F0F for offset in range(25)}
    for offset in range(25):
        for shift in (0, 4, 8, 12):
            register = (0x1111 & ~(0xF << shift)) | (2 + (offset + shift // 4) % 3) << shift
            readings = await poll("dse_gencomm", quiet | {(3, 2049 + offset): register})
            told = {one.point: one.value for one in readings}
            assert (told["alarms.active"], told["genset.alarm"]) == (1, True), (offset, shift)
    told = {one.point: one.value for one in await poll("dse_gencomm", quiet)}
    assert (told["alarms.active"], told["genset.alarm"]) == (0, False)


async def test_gencomm_alarms_are_found_on_page_154_where_page_8_is_missing() -> None:
    named = {(3, 39425 + offset): 0x1111 for offset in range(11)} | {(3, 39425): 0x2111, (3, 39435): 0x1134}
    told = {one.point: (one.value, one.source) for one in await poll("dse_gencomm", named)}
    assert told["alarms.active"] == (3, "holding 39425")
    assert told["genset.alarm"] == (True, "holding 39425")


async def test_deif_alarms_are_counted_in_ten_registers() -> None:
    for offset in range(10):
        image = {(4, 1000 + number): 0 for number in range(10)} | {(4, 1000 + offset): 0x8001}
        told = {one.point: one.value for one in await poll("deif_agc150", image)}
        assert (told["alarms.active"], told["genset.alarm"]) == (2, True)
    told = {one.point: one.value for one in await poll("deif_agc150", {(4, 1000 + n): 0 for n in range(10)})}
    assert (told["alarms.active"], told["genset.alarm"]) == (0, False)


async def test_deif_fuel_level_is_found_on_the_input_that_is_configured_for_it() -> None:
    for place in range(4):
        image = {(4, 776 + n): 6 if n == place else 4 for n in range(4)} | {(4, 583 + n): 11 + n for n in range(4)}
        readings = await poll("deif_agc150", image)
        fuel = [(one.value, one.source) for one in readings if one.point == "fuel.level"]
        assert fuel == [(11 + place, f"input {583 + place}")]
    nowhere = {(4, 776 + n): 5 for n in range(4)} | {(4, 583 + n): 11 for n in range(4)}
    assert [one for one in await poll("deif_agc150", nowhere) if one.point == "fuel.level"] == []


async def test_deif_says_in_which_units_it_measures() -> None:
    for code, word in ((0, "metric"), (1, "us")):
        told = {one.point: one.value for one in await poll("deif_agc150", {(3, 4797): code})}
        assert told == {"units.system": word}


async def test_single_sentinels_of_the_maps_are_no_values() -> None:
    cases = (("deif_agc150", "engine_speed_rpm", 0), ("apc_smartups_modbus", "input_voltage_v", 0xFFFF))
    for name, key, raw in cases:
        image: Image = {}
        put(image, find(name, key), raw)
        assert {(one.value, one.reason) for one in await poll(name, image)} == {(None, "sentinel")}
    image = {}
    put(image, find("apc_smartups_modbus", "efficiency_percent"), -3)
    assert {(one.value, one.quality) for one in await poll("apc_smartups_modbus", image)} == {(None, Quality.BAD)}
