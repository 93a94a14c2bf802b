"""Every Modbus map served with a different value in each register: a wrong address, type, scale, word order or
function code cannot come out right."""

from __future__ import annotations

import os
import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import yaml

from dcmon.collectors.collect import collect_modbus
from dcmon.collectors.decode_modbus import FUNCTION_NAMES
from dcmon.collectors.plan import compile_plan
from dcmon.collectors.profile import load_profiles
from dcmon.model import Reading

_FOLDER = Path(os.environ.get("DCMON_MODBUS_MAPS", "/nonexistent"))
PROFILES = load_profiles()
MAPS = {
    "apc_smartups_modbus": "apc_smartups_modbus",
    "caterpillar_powerwizard21": "caterpillar_powerwizard",
    "chloride_manageups": "chloride_manageups",
    "deif_agc150": "deif_agc150",
    "dse_gencomm": "dse_gencomm",
    "dynagen_gsc400": "dynagen_gsc400",
    "eastron_sdm630": "eastron_sdm630",
    "liebert_crv_intellislot": "liebert_crv",
    "liebert_dcd": "liebert_dcd",
    "liebert_pex_ds_intellislot": "liebert_pex",
    "mebay_dcxx": "mebay_dcxx",
    "rle_seahawk_10k": "rle_seahawk_10k",
    "schneider_iem3000": "schneider_iem3000",
    "smartgen_hgm4000": "smartgen_hgm4000",
    "tripplite_modbuscard": "tripplite_modbuscard",
}
UNIT_FACTORS = {"kW": 1000, "kWh": 1000, "min": 60, "Pa": Fraction(1, 1000), "mOhm/ft": Fraction(1, 1000)}
NOT_READ = {
    "manufacturer_code", "model_number", "serial_number", "gen_current_lag_lead_deg", "status_change_cause",
    "power_system_error_bf", "battery_test_status", "input_status_bf", "leak_threshold_ua", "us_units",
    "ats_status", "mains_status", "mains_fault", "gen_normal", "common_warning", "common_shutdown",
    "low_fuel_shutdown", "low_fuel_warning", "fuel_sensor_open_warning",
}  # fmt: skip
"""What the maps have and nobody needs as a point."""


class Registers:
    """A Modbus server in memory: registers by (function, address), everything else is refused."""

    def __init__(self, values: dict[tuple[int, int], int]) -> None:
        self.values = values
        self.reads: list[tuple[int, int, int]] = []

    async def read(self, function: int, address: int, count: int) -> list[int]:
        self.reads.append((function, address, count))
        assert 1 <= function <= 4
        return [self.values.get((function, number), 0) for number in range(address, address + count)]


def points_of(name: str) -> list[dict[str, Any]]:
    data = yaml.safe_load((_FOLDER / f"{name}.yaml").read_text())
    return [{**point, "order": _order(data, point)} for point in data["points"] if "address" in point]


def _order(data: dict[str, Any], point: dict[str, Any]) -> str:
    text = str(point.get("word_order", data.get("word_order_32bit", "big")))
    return "little" if text.startswith(("little", "swapped")) else "big"


def put(values: dict[tuple[int, int], int], point: dict[str, Any], number: int) -> Fraction | None:
    """Writes a value of its own for the point; the value in the map's unit, None for words and bits."""
    kind, address = point["type"], point["address"]
    if not isinstance(address, int):
        return None
    scale = _fraction(point.get("scale", 1))
    if kind in ("f32", "s64", "u64", "u32", "s32"):
        raw = 17 + number * 3
        words = 4 if kind.endswith("64") else 2
        content = struct.pack(">f", raw) if kind == "f32" else raw.to_bytes(words * 2, "big")
        registers = [int.from_bytes(content[at : at + 2], "big") for at in range(0, words * 2, 2)]
        if point["order"] == "little":
            registers.reverse()
    elif kind in ("u16", "s16") and "enum" not in point:
        raw = 17 + number * 3
        registers = [raw]
    else:
        return None
    for offset, register in enumerate(registers):
        values[point["function"], address + offset] = register
    return raw * scale + _fraction(point.get("offset", 0) if kind != "f32" and "page" not in point else 0)


def _fraction(text: Any) -> Fraction:
    text = str(text)
    if text.startswith("2^"):
        return Fraction(2) ** int(text[2:])
    return Fraction(text)


@pytest.mark.parametrize("name", MAPS)
async def test_every_register_of_the_map_is_read_right(name: str, modbus_maps: Path) -> None:
    values: dict[tuple[int, int], int] = {}
    expected: list[tuple[str, str, Fraction]] = []
    for number, point in enumerate(points_of(name)):
        value = put(values, point, number)
        word = "bits" in point or point["key"].endswith("_on")  # no number
        if value is not None and point["key"] not in NOT_READ and not word:
            source = f"{FUNCTION_NAMES[point['function']]} {point['address']}"
            expected.append((point["key"], source, value * UNIT_FACTORS.get(point.get("unit", ""), 1)))
    plan = compile_plan(PROFILES[MAPS[name]])
    readings = await collect_modbus(Registers(values), plan, "all", "device", 0)
    for key, source, value in expected:
        wanted = value / 3600 if key == "engine_run_seconds" else value
        said = [one.value for one in readings if one.source == source and not isinstance(one.value, bool)]
        assert any(_same(one, wanted) for one in said), f"{key}: {source} should be {float(wanted)}, got {said}"


def _same(value: object, expected: Fraction) -> bool:
    return isinstance(value, int | float) and value == pytest.approx(float(expected), rel=1e-6)


@pytest.mark.parametrize("name", MAPS)
def test_every_point_of_the_map_has_a_place_in_the_profile(name: str, modbus_maps: Path) -> None:
    profile = PROFILES[MAPS[name]]
    read = set()
    for slot in compile_plan(profile).groups["all"].slots:
        read |= {(slot.function, slot.address)}
    for reference in compile_plan(profile).groups["all"].spans:
        read |= {(reference.function, reference.address)}
    for point in points_of(name):
        if point["key"] not in NOT_READ and isinstance(point["address"], int):
            assert (point["function"], point["address"]) in read, point["key"]


async def dse(values: dict[int, int]) -> list[Reading]:
    session = Registers({(3, address): value for address, value in values.items()})
    return await collect_modbus(session, compile_plan(PROFILES["dse_gencomm"]), "all", "genset", 0)


async def test_gencomm_sentinels_are_never_numbers(modbus_maps: Path) -> None:
    for sentinel in range(0xFFF8, 0x10000):
        readings = await dse({1027: sentinel, 1024: sentinel, 1025: sentinel & 0x7FFF})
        for point in ("fuel.level", "engine.oil_pressure", "engine.coolant_temperature"):
            (reading,) = [one for one in readings if one.point == point]
            assert (reading.value, reading.reason) == (None, "sentinel")


async def test_schneider_meters_say_nan_for_what_they_cannot_measure() -> None:
    values = {(3, 3027): 0xFFC0, (3, 3028): 0}
    readings = await collect_modbus(Registers(values), compile_plan(PROFILES["schneider_iem3000"]), "all", "m", 0)
    (reading,) = [one for one in readings if one.source == "holding 3027" and one.point == "mains.voltage"]
    assert (reading.value, reading.quality, reading.reason) == (None, "bad", "sentinel")


async def test_deif_fuel_level_is_found_on_the_input_that_is_configured_for_it() -> None:
    values = {(4, 776): 4, (4, 777): 6, (4, 583): 11, (4, 584): 73}
    readings = await collect_modbus(Registers(values), compile_plan(PROFILES["deif_agc150"]), "all", "g", 0)
    assert [(one.value, one.source) for one in readings if one.point == "fuel.level"] == [(73, "input 584")]
