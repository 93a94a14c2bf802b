"""Members of a family that no recording has: what differs between generations and settings is read as the MIB says."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest
from profile_expectations import poll_recording

from dcmon.collectors.profile import load_profiles
from dcmon.model import Quality

PROFILES = load_profiles()
APC = "1.3.6.1.4.1.318.1.1"
ELTEK = "1.3.6.1.4.1.12148.10"
EES = "1.3.6.1.4.1.6302.2.1.2"
EATON_ATS = "1.3.6.1.4.1.534.10.2"
GE = "1.3.6.1.4.1.10520.2.1.3"
DELTA = "1.3.6.1.4.1.20246.2.3.1.1.1.2.3"
HIMOINSA = "1.3.6.1.4.1.41809.1"
FLEXIBLE = "1.3.6.1.4.1.476.1.42.3.9.20.1"
LIEBERT = "1.3.6.1.4.1.476.1.42.3.4"
VALERE = "1.3.6.1.4.1.13858"


class Member(NamedTuple):
    profile: str
    sys_object_id: str
    says: dict[str, int | str]
    means: dict[str, object]


def _inrow(unit: str, numbers: dict[int, int], means: dict[str, object]) -> Member:
    says: dict[str, int | str] = {f"{APC}.13.{unit}.{number}.0": value for number, value in numbers.items()}
    return Member("apc_inrow", "1.3.6.1.4.1.318.1.3.14.6", says, means)


AIR = {"supply_air.temperature": 15.0, "return_air.temperature": 31.0, "cooling.output": 22500, "air.flow": 1699.01082}

MEMBERS = {
    "InRow RP with direct expansion": _inrow(
        "3.3.1.2.2",
        {1: 6, 3: 213, 5: 150, 7: 310, 9: 405, 10: 1000, 12: 605, 14: 225, 24: 214, 26: -1, 47: 530, 50: 2},
        {**AIR, "cooling.on": False, "unit.mode": "backup", "server_in.temperature": 21.3, "return_air.humidity": 40.5}
        | {"fan.speed": 60.5, "temperature/rack inlet 1": 21.4, "suction.pressure": 530, "water.detected": True},
    ),
    "InRow RP with chilled water": _inrow(
        "3.3.2.2.2",
        {1: 6, 5: 150, 7: 310, 10: 1000, 14: 225, 38: 150, 40: 72, 42: 121, 43: 1},
        {**AIR, "cooling.on": True, "unit.mode": "assist", "water.flow": 90, "water_in.temperature": 7.2}
        | {"water_out.temperature": 12.1, "water.detected": False},
    ),
    "InRow SC": _inrow(
        "3.4.1.2",
        {1: 2, 2: 225, 4: 1000, 9: 150, 11: 310, 24: 700, 32: 2, 33: 1},
        {**AIR, "cooling.on": True, "unit.mode": "on", "fan.speed": 70, "compressor.on": True, "water.detected": False},
    ),
    "InRow RD": _inrow(
        "4.5.2.1",
        {1: 5, 2: 225, 4: 1000, 9: 150, 11: 310, 19: 640, 27: 1, 30: 1},
        {**AIR, "cooling.on": False, "unit.mode": "service", "suction.pressure": 640, "compressor.on": False}
        | {"water.detected": False},
    ),
    "NetworkAIR of two modules": Member(
        "apc_networkair",
        "1.3.6.1.4.1.318.1.3.14.1",
        {f"{APC}.13.1.6.3.0": 0, f"{APC}.13.1.3.1.0": 5, f"{APC}.13.1.4.5.10.0": -2147483648}
        | {f"{APC}.13.1.5.4.2.1.2.1": 2, f"{APC}.13.1.5.4.2.1.3.1": 1, f"{APC}.13.1.5.4.2.1.2.2": 3},
        {"alarms.active": 0, "cooling.on": False, "cooling.ok": False, "group.status": "failed"}
        | {"compressor.on/1": True, "compressor.on/1 of module 2": False},
    ),
    "a transfer switch of InfraStruXure on its generator": Member(
        "apc_isx_ats",
        "1.3.6.1.4.1.318.1.3.18",
        {f"{APC}.17.3.1.1.0": 3, f"{APC}.17.4.1.4.0": 2, f"{APC}.17.4.2.4.0": 1, f"{APC}.17.4.1.2.0": 1}
        | {f"{APC}.17.4.2.2.0": 2, f"{APC}.18.1.2.2.0": 6, f"{APC}.18.1.2.3.0": 3, f"{APC}.17.4.2.7.1.3.2": 2301},
        {"ats.selected_source": "b", "source.ok/a": False, "source.ok/b": True, "source.quality/a": "low_voltage"}
        | {"source.quality/b": "good", "breaker.mains_closed": False, "breaker.generator_closed": True}
        | {"engine.running": True, "genset.mode": "auto", "source.voltage/b 2": 230.1},
    ),
    "a Liebert that gives tenths of degrees": Member(
        "liebert_gp_cooling",
        "1.3.6.1.4.1.476.1.42",
        {f"{LIEBERT}.3.1.0": 3, f"{LIEBERT}.3.2.0": 1, f"{LIEBERT}.1.3.3.1.2.1": f"{LIEBERT}.1.1.2"}
        | {f"{LIEBERT}.1.3.3.1.3.1": 23, f"{LIEBERT}.1.3.3.1.50.1": 234},
        {"unit.state": "standby", "cooling.on": True, "return_air.temperature/1": 23.4},
    ),
    "a Liebert with a Unity card that gives text and its units": Member(
        "liebert_gp_cooling",
        "1.3.6.1.4.1.476.1.42",
        {f"{FLEXIBLE}.10.1.2.1.4291": "Return Air Temperature", f"{FLEXIBLE}.20.1.2.1.4291": "24.5"}
        | {f"{FLEXIBLE}.30.1.2.1.4291": "deg C", f"{FLEXIBLE}.10.1.2.1.5002": "Supply Air Temperature"}
        | {f"{FLEXIBLE}.20.1.2.1.5002": "59.0", f"{FLEXIBLE}.30.1.2.1.5002": "deg F"}
        | {f"{FLEXIBLE}.20.1.2.1.5027": "Unavailable", f"{FLEXIBLE}.20.1.2.1.5028": "21.0"}
        | {f"{FLEXIBLE}.20.1.2.1.5077": "45", f"{FLEXIBLE}.20.1.2.1.5302": "off"},
        {"return_air.temperature": 24.5, "supply_air.temperature": 15.0, "return_air.humidity": 21, "fan.speed": 45}
        | {"freecooling.on": False},
    ),
    "a Smartpack in amperes, Fahrenheit and per cent, without mains": Member(
        "eltek_smartpack",
        ELTEK,
        {f"{ELTEK}.2.15.0": 0, f"{ELTEK}.2.16.0": 1, f"{ELTEK}.2.17.0": 1, f"{ELTEK}.3.2.1.0": 3}
        | {f"{ELTEK}.9.2.5.0": 51, f"{ELTEK}.10.7.5.0": 77, f"{ELTEK}.10.9.5.0": 88},
        {"mains.available": False, "mains.failure_status": "majorAlarm", "dc.current": 51, "battery.charge": 88}
        | {"battery.system_temperature": 25},
    ),
    "a NetSure on its batteries": Member(
        "vertiv_netsure",
        "1.3.6.1.4.1.8072.3.2.10",
        {f"{EES}.1.0": 6, f"{EES}.9.0": 8, f"{EES}.5.2.0": -45500, f"{EES}.5.3.0": 87500, f"{EES}.7.1.0": -999999},
        {"system.status": "critical", "battery.mode": "acFail", "ups.on_battery": True, "mains.available": False}
        | {"battery.current": -45.5, "battery.charge": 87.5},
    ),
    "a Pulsar without mains": Member(
        "ge_pulsar",
        GE,
        {f"{GE}.1.4.0": 27100, f"{GE}.34.1.2.22": "Multiple AC Fail", f"{GE}.34.1.3.22": 1}
        | {f"{GE}.34.1.2.23": "Battery On Discharge", f"{GE}.34.1.3.23": 1},
        {"dc.voltage": 27.1, "mains.available": False, "ups.on_battery": True, "alarms.active": 2}
        | {"alarm.state/Multiple AC Fail": "active", "alarm.state/Battery On Discharge": "active"},
    ),
    "a Himoinsa without a transfer panel, running with an alarm": Member(
        "himoinsa",
        "0.0",
        {f"{HIMOINSA}.46.0": 0b01_1001_0001, f"{HIMOINSA}.1.0": 0, f"{HIMOINSA}.8.0": 501, f"{HIMOINSA}.12.0": 231},
        {"engine.running": True, "genset.alarm": True, "genset.mode": "test", "transfer_pump.on": False}
        | {"breaker.mains_closed": False, "breaker.generator_closed": True, "mains.available": False}
        | {"mains.frequency": 0, "generator.frequency": 50.1, "generator.voltage/1": 231},
    ),
    "an APC switch with two banks of outlets": Member(
        "apc_ats",
        "1.3.6.1.4.1.318.1.3.11",
        {f"{APC}.8.5.1.2.0": 2, f"{APC}.8.5.1.3.0": 1, f"{APC}.8.5.1.10.0": 1, f"{APC}.8.5.1.12.0": 1}
        | {f"{APC}.8.5.3.2.1.4.2": 50, f"{APC}.8.5.3.3.1.3.2.1.1": 229, f"{APC}.8.5.4.3.1.4.1.1.1": 34}
        | {f"{APC}.8.5.4.3.1.13.1.1.1": -1, f"{APC}.8.5.4.5.1.3.1": 1, f"{APC}.8.5.4.5.1.4.1": 34}
        | {f"{APC}.8.5.4.5.1.3.2": 2, f"{APC}.8.5.4.5.1.4.2": 13}
        | {f"{APC}.8.5.4.5.1.3.3": 3, f"{APC}.8.5.4.5.1.4.3": 21},
        {"ats.selected_source": "b", "ats.redundant": False, "switch.ok": False, "source.ok/a": False}
        | {"source.frequency/b": 50, "source.voltage/b": 229, "output.current/1": 3.4, "bank.current/1": 1.3}
        | {"bank.current/2": 2.1},
    ),
    "an Eaton switch on its second source": Member(
        "eaton_ats",
        EATON_ATS,
        {f"{EATON_ATS}.2.4.0": 5, f"{EATON_ATS}.2.3.1.0": 2305, f"{EATON_ATS}.2.3.2.0": 41, f"{EATON_ATS}.3.3.2.0": 2}
        | {f"{EATON_ATS}.2.2.1.2.1": 0, f"{EATON_ATS}.2.2.1.2.2": 2304, f"{EATON_ATS}.2.2.1.3.2": 499}
        | {f"{EATON_ATS}.3.2.1.5.1": 4, f"{EATON_ATS}.3.2.1.5.2": 2, f"{EATON_ATS}.3.2.1.2.1": 2},
        {"ats.selected_source": "b", "ats.mode": "source2", "output.voltage": 230.5, "output.current": 4.1}
        | {"output.powered": True, "source.voltage/a": 0, "source.voltage/b": 230.4, "source.frequency/b": 49.9}
        | {"source.ok/a": False, "source.ok/b": True, "source.quality/a": "missing", "source.quality/b": "derated"}
        | {"source.frequency_ok/a": False},
    ),
    "an Orion on its batteries": Member(
        "delta_orion",
        "1.3.6.1.4.1.20246",
        {f"{DELTA}.1.0": 4870, f"{DELTA}.2.0": 512, f"{DELTA}.3.0": -498, f"{DELTA}.4.0": 231, f"{DELTA}.5.0": 2}
        | {f"{DELTA}.7.0": 14, f"{DELTA}.8.0": 2493},
        {"dc.voltage": 48.7, "dc.current": 51.2, "battery.current": -49.8, "battery.temperature": 23.1}
        | {"ups.on_battery": True, "battery.mode": "discharge", "rectifiers.current": 1.4, "dc.power": 2493},
    ),
    "a Valere": Member(
        "eltek_valere",
        f"{VALERE}.1",
        {f"{VALERE}.2.3.2.0": 5412, f"{VALERE}.2.3.3.0": 12, f"{VALERE}.7.1.1.1.3.1": -128}
        | {f"{VALERE}.2.1.6.1.5.1.1": 1, f"{VALERE}.2.1.6.1.4.1.1": 1234},
        {"dc.voltage": 54.12, "dc.current": 12, "module.status/1.1": "alarm", "module.current/1.1": 12.34},
    ),
}


def _line(oid: str, value: int | str) -> str:
    if isinstance(value, int):
        return f"{oid}|2|{value}"
    return f"{oid}|{6 if value.startswith('1.3.6') else 4}|{value}"


@pytest.mark.parametrize("name", MEMBERS)
async def test_a_member_of_the_family_is_read_right(name: str, tmp_path: Path) -> None:
    member = MEMBERS[name]
    says: dict[str, int | str] = {"1.3.6.1.2.1.1.1.0": name, **member.says}
    lines = [f"1.3.6.1.2.1.1.2.0|6|{member.sys_object_id}", *(_line(oid, value) for oid, value in says.items())]
    recording = tmp_path / "device.snmprec"
    ordered = sorted(lines, key=lambda line: [int(number) for number in line.partition("|")[0].split(".")])
    recording.write_text("\n".join(ordered) + "\n")
    match, readings = await poll_recording(recording, PROFILES)
    assert match is not None
    assert match.profile == member.profile
    told = {f"{one.point}/{one.index}" if one.index else one.point: one.value for one in readings}
    assert [one for one in readings if one.quality is not Quality.GOOD] == []
    assert told == {point: pytest.approx(v) if isinstance(v, float) else v for point, v in member.means.items()}
