"""Nearly all recordings show healthy devices. Here the same devices are turned to on battery, battery low and overload
by the objects of their own MIB, because a fault that is not seen is the one thing that must not happen."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from profile_expectations import rows

from dcmon.collectors.collect import collect_snmp
from dcmon.collectors.identify import identify
from dcmon.collectors.plan import compile_plan
from dcmon.collectors.profile import load_profiles
from dcmon.collectors.recording import RecordedSession, parse_recording, read_recording
from dcmon.model import Value

_FOLDER = Path(os.environ.get("DCMON_RECORDINGS", "/nonexistent"))
_NO_STATES = "ups/emerson-network-power.snmprec"
"""Its words for states are not known; the profile says so."""
_UPS = (
    [row["file"] for row in rows(_FOLDER) if row["class"] == "ups" and row["file"] != _NO_STATES]
    if _FOLDER.is_dir()
    else []
)
PROFILES = load_profiles()
RFC = "1.3.6.1.2.1.33.1"

# on battery, battery low, overload: what each family's MIB says then
FAULTS = {
    "rfc1628": ({f"{RFC}.4.1.0": 5}, {f"{RFC}.2.1.0": 3}, {f"{RFC}.4.4.1.5.1": 117, f"{RFC}.4.4.1.5.1.0": 117}),
    "eaton_mge": (
        {f"{RFC}.4.1.0": 5, "1.3.6.1.4.1.705.1.7.3.0": 1},
        {f"{RFC}.2.1.0": 3},
        {f"{RFC}.4.4.1.5.1": 117},
    ),
    "eaton_xups": (
        {"1.3.6.1.4.1.534.1.4.5.0": 5},
        {f"{RFC}.2.1.0": 3},
        {f"{RFC}.4.4.1.5.1": 117, "1.3.6.1.4.1.534.1.4.1.0": 117},
    ),
    "apc_powernet_ups": (
        {"1.3.6.1.4.1.318.1.1.1.4.1.1.0": 3},
        {"1.3.6.1.4.1.318.1.1.1.2.1.1.0": 3},
        {"1.3.6.1.4.1.318.1.1.1.4.3.3.0": 1170},
    ),
    "cyberpower_ups": (
        {"1.3.6.1.4.1.3808.1.1.1.4.1.1.0": 3},
        {"1.3.6.1.4.1.3808.1.1.1.2.1.1.0": 3},
        {"1.3.6.1.4.1.3808.1.1.1.4.2.3.0": 117},
    ),
    "eppc_ups": (
        {"1.3.6.1.4.1.935.10.1.1.2.1.0": 5},
        {"1.3.6.1.4.1.935.10.1.1.3.1.0": 3},
        {"1.3.6.1.4.1.935.10.1.1.2.18.1.7.1": 117},
    ),
    "megatec_netagent": (
        {"1.3.6.1.4.1.935.1.1.1.4.1.1.0": 3},
        {"1.3.6.1.4.1.935.1.1.1.2.1.1.0": 3},
        {"1.3.6.1.4.1.935.1.1.1.8.3.5.0": 1170},
    ),
    "webpower_ups": (
        {"1.3.6.1.4.1.2468.1.2.1.1.4.1.0": 5},
        {"1.3.6.1.4.1.2468.1.2.1.1.2.1.0": 3},
        {"1.3.6.1.4.1.2468.1.2.1.1.4.4.1.5.1": 117},
    ),
}


async def faulty(file: str, fault: int) -> tuple[str, dict[str, list[Value]]]:
    healthy = read_recording(_FOLDER / file)
    match = await identify(healthy, PROFILES)
    changes = "\n".join(f"{oid}|2|{value}" for oid, value in FAULTS[match.profile][fault].items())
    session = RecordedSession([*parse_recording(changes), *healthy.varbinds])
    readings = await collect_snmp(session, compile_plan(PROFILES[match.profile], match.identity), "all", "ups", 0)
    said: dict[str, list[Value]] = {}
    for reading in readings:
        said.setdefault(reading.point, []).append(reading.value)
    return match.profile, said


@pytest.mark.parametrize("file", _UPS)
async def test_ups_on_battery_is_seen(file: str) -> None:
    _, said = await faulty(file, 0)
    assert said["ups.on_battery"] == [True]
    assert said["output.source"] == ["battery"]


@pytest.mark.parametrize("file", _UPS)
async def test_low_battery_is_seen_and_is_not_taken_for_more(file: str) -> None:
    _, said = await faulty(file, 1)
    assert said["battery.status"] == ["low"]
    assert said["ups.on_battery"] == [False]


@pytest.mark.parametrize("file", _UPS)
async def test_overload_is_seen(file: str) -> None:
    _, said = await faulty(file, 2)
    assert 117 in said["output.load"]
