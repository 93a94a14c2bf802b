"""Environment units of which no recording is at hand: answers as their MIBs and other people's notes show them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from profile_snippets import read, said

from dcmon.collectors.plan import compile_plan
from dcmon.collectors.profile import load_profiles
from dcmon.collectors.profile_resolve import Identity

PROFILES = load_profiles()


def reads(profile: str, values: Mapping[str, object], sys_object_id: str = "") -> list[tuple[str, str | None, object]]:
    """What the canonical points say; how the device words or levels it is left out."""
    plan = compile_plan(PROFILES[profile], Identity(sys_object_id))
    return [one for one in said(read(plan, values)) if not one[0].endswith((".state", ".level"))]


def rittal(*rows: tuple[str, str, int, str, int, str, int]) -> dict[str, object]:
    """Rows of cmcIIIVarTable: index, name, type, unit, scale, value as text and as integer."""
    root = "1.3.6.1.4.1.2606.7.4.2.2.1"
    return {
        f"{root}.{column}.{index}": value
        for index, *cells in rows
        for column, value in zip((3, 4, 5, 7, 10, 11), cells, strict=True)
    }


def test_rittal_writes_degrees_in_more_than_one_way_and_calls_averages_by_their_group() -> None:
    rows = rittal(
        ("1.1", "Temperature.DescName", 1, "", 0, "Rack 7", 0),
        ("1.2", "Temperature.Value", 2, "degree F", -100, "68.00 degree F", 6800),
        ("2.6", "Air.Temperature.DescName", 1, "", 0, "Air", 0),
        ("2.7", "Air.Temperature.In-Top", 2, "°C", -10, "19.8 °C", 198),
        ("2.8", "Air.Server-In.Setpoint", 17, "°C", -10, "23.0 °C", 230),
        ("2.9", "Features.Dewpoint Control.Temperature", 2, "°C", -10, "0.0 °C", 0),
        ("2.10", "Water.Delta.Value", 2, "K", -10, "4.0 K", 40),
    )
    assert reads("rittal_cmc3", rows) == [("temperature", "Rack 7", 20), ("temperature", "Air In-Top", 19.8)]


@pytest.mark.parametrize(
    ("status", "wet"), [("OK", False), ("Alarm", True), ("ProbeOpen", "unknown"), ("Melted", "enum")]
)
def test_rittal_leak_cable_that_is_cut_says_nothing(status: str, wet: object) -> None:
    rows = rittal(
        ("4.1", "Leakage.DescName", 1, "", 0, "Floor", 0),
        ("4.2", "Leakage.Position", 33, "", 0, "Zone 1", 0),
        ("4.4", "Leakage.Status", 7, "", 0, status, 0),
    )
    assert reads("rittal_cmc3", rows) == [("water.detected", "Floor", wet)]


def test_rittal_door_sensor_that_is_switched_off_is_no_closed_door() -> None:
    rows = rittal(
        ("1.11", "Access.DescName", 1, "", 0, "Door", 0),
        ("1.12", "Access.Value", 2, "", 1, "0", 0),
        ("1.15", "Access.Status", 7, "", 0, "Inactive", 27),
    )
    assert reads("rittal_cmc3", rows) == []


def test_akcp_plus_reads_tenths_in_the_unit_that_it_says_and_only_sensors_that_are_online() -> None:
    root = "1.3.6.1.4.1.3854.3.5.2.1"
    ports = {
        "0.0.0.0.0": ("Port 1", "C", 2, 1, 231),
        "0.0.0.1.0": ("Port 2", "F", 3, 1, 770),
        "0.0.0.2.0": ("Port 3", "C", 0, 2, 0),
    }
    values = {
        f"{root}.{column}.{index}": value
        for index, cells in ports.items()
        for column, value in zip((2, 5, 6, 8, 20), cells, strict=True)
    }
    assert reads("akcp_sensorprobe_plus", values) == [("temperature", "Port 1", 23.1), ("temperature", "Port 2", 25)]


def test_akcp_humidity_is_that_of_sensors_that_are_online_in_whole_per_cents_where_there_are_no_tenths() -> None:
    root = "1.3.6.1.4.1.3854.1.2.2.1.17.1"
    sensors = {0: ("Room", 42, 1, 0), 1: ("Row", 39, 1, 394), 2: ("Never plugged in", 0, 2, 830)}
    values = {
        f"{root}.{column}.{index}": value
        for index, cells in sensors.items()
        for column, value in zip((1, 3, 5, 13), cells, strict=True)
    }
    found = [one for one in reads("akcp_sensorprobe", values) if one[0] == "humidity"]
    assert sorted(found) == [("humidity", "Room", 42), ("humidity", "Row", 39.4)]


def test_room_alert_tells_an_empty_socket_from_a_freezing_room() -> None:
    root = "1.3.6.1.4.1.20916.1.10.1"
    values = {
        f"{root}.2.1.0": 0,
        f"{root}.2.2.0": 0,
        f"{root}.3.1.0": 0,
        f"{root}.3.2.0": 3200,
        f"{root}.3.8.0": "Cold room",
    }
    assert reads("avtech_roomalert", values, "1.3.6.1.4.1.20916.1.10") == [("temperature", "Cold room", 0)]


@pytest.mark.parametrize(("power", "fault", "wet"), [(0, 0, True), (1, 1, None)])
def test_room_alert_26w_hears_no_water_through_a_cable_that_is_gone(power: int, fault: int, wet: bool | None) -> None:
    root = "1.3.6.1.4.1.20916.1.4.1.1"
    values = {f"{root}.3.1.0": power, f"{root}.4.1.0": 1, f"{root}.4.2.0": fault}
    found = {point: value for point, _, value in reads("avtech_roomalert", values, "1.3.6.1.4.1.20916.1.4")}
    assert found["power.source"] == ("battery" if power else "ac")
    assert found.get("water.detected") == wet


@pytest.mark.parametrize(("unit", "degrees"), [(0, 74.3), (1, 23.5)])
def test_teracom_says_in_which_unit_it_measures(unit: int, degrees: float) -> None:
    root = "1.3.6.1.4.1.38783.3"
    values = {
        f"{root}.3.1.1.1.0": 74300,
        f"{root}.3.1.1.2.0": -(2**31),
        f"{root}.2.2.1.1.1.0": "Aisle",
        f"{root}.3.7.0": unit,
    }
    assert reads("teracom_tcw241", values) == [("temperature", "Aisle", degrees)]


@pytest.mark.parametrize(("unit", "degrees"), [(1, 77), (2, 25)])
def test_apc_unit_is_set_to_celsius_or_fahrenheit(unit: int, degrees: float) -> None:
    root = "1.3.6.1.4.1.318.1.1.10.3"
    probe = f"{root}.13.1.1"
    values = {
        f"{root}.12.11.0": unit,
        f"{probe}.2.1": "Aisle",
        f"{probe}.3.1": 77,
        f"{probe}.6.1": -1,
        f"{probe}.10.1": 2,
        f"{probe}.2.2": "Gone",
        f"{probe}.3.2": 77,
        f"{probe}.6.2": 40,
        f"{probe}.10.2": 3,
        f"{probe}.2.3": "Never there",
        f"{probe}.3.3": 0,
        f"{probe}.6.3": -1,
        f"{probe}.10.3": 1,
    }
    assert reads("apc_environment", values) == [("temperature", "Aisle", degrees)]


def test_serverscheck_sensor_is_what_its_name_says_and_an_empty_place_is_none() -> None:
    root = "1.3.6.1.4.1.17095.3"
    values = {
        f"{root}.1.0": "Ext. Temperature",
        f"{root}.2.0": "27.53",
        f"{root}.5.0": "-",
        f"{root}.6.0": "-",
        f"{root}.9.0": "Flooding",
        f"{root}.10.0": "WET",
        f"{root}.13.0": "Humidity",
        f"{root}.14.0": "-",
    }
    assert reads("serverscheck", values) == [
        ("temperature", "Ext. Temperature", 27.53),
        ("water.detected", "Flooding", True),
    ]


def test_papouch_says_unit_and_validity_beside_each_value() -> None:
    root = "1.3.6.1.4.1.18248.20.1.2.1.1"
    cells = {1: (0, 0, 1), 2: (770, 317, 69), 3: (1, 3, 0)}
    values = {f"{root}.{column}.{row}": value for column, row_ in cells.items() for row, value in enumerate(row_, 1)}
    assert reads("papouch_th2e", values) == [("temperature", "1", 25), ("humidity", "2", 31.7)]


def test_vutlan_elements_are_what_their_type_says() -> None:
    root = "1.3.6.1.4.1.39052.1.3.1"
    elements = {
        201001: ("temperature", "Rack", "23.4"),
        202001: ("humidity", "Rack", "41.0"),
        106001: ("smoke", "Ceiling", "0"),
        107001: ("leakage", "Floor", "1"),
        301001: ("relay", "Siren", "1"),
    }
    values = {
        f"{root}.{column}.{number}": value
        for number, cells in elements.items()
        for column, value in zip((6, 7, 9), cells, strict=True)
    }
    assert reads("vutlan_ems", values) == [
        ("temperature", "Rack", 23.4),
        ("humidity", "Rack", 41),
        ("smoke.detected", "Ceiling", False),
        ("water.detected", "Floor", True),
    ]
