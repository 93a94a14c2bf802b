"""A device that nobody knows: whatever it says in the words of the standards is understood, all of it at once."""

from __future__ import annotations

from dcmon.collectors.collect import collect_snmp
from dcmon.collectors.identify import identify
from dcmon.collectors.plan import compile_plan
from dcmon.collectors.profile import load_profiles
from dcmon.collectors.recording import RecordedSession, parse_recording

PROFILES = load_profiles()
SYSTEM = """\
1.3.6.1.2.1.1.1.0|4|Box of nobody
1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.424242.1
1.3.6.1.2.1.1.3.0|67|123456
"""
IFS = """\
1.3.6.1.2.1.2.2.1.2.3|4|port 3
1.3.6.1.2.1.2.2.1.7.3|2|1
1.3.6.1.2.1.2.2.1.8.3|2|2
1.3.6.1.2.1.15.3.1.2.192.0.2.1|2|6
"""
# type, scale, precision, value, status, name
ROWS = {
    1: (8, 9, 0, 31, 1, "CPU"),
    2: (8, 8, 1, 234567, 1, "Intake"),
    3: (9, 9, 1, 455, 1, "Humidity"),
    4: (4, 8, 0, 12043, 1, "12 V rail"),
    5: (8, 9, 0, 99, 2, "Empty slot"),
    6: (8, 9, 0, 99, 3, "Broken"),
    7: (10, 9, 0, 5400, 1, "Fan"),
    8: (6, 10, 2, 123, 1, "PSU"),
    9: (7, 9, -2, 50, 1, "Mains"),
    10: (12, 9, 0, 2, 1, "Door contact"),
    11: (11, 9, 0, 2, 1, "Air"),
    12: (2, 9, 0, 7, 1, "Who knows"),
    13: (8, 99, 0, 7, 1, "Scale that does not exist"),
    14: (8, 9, 1, -1000000000, 1, "Colder than can be told"),
}
_NAME = "1.3.6.1.2.1.47.1.1.1.1.7"
SENSORS = "".join(
    f"1.3.6.1.2.1.99.1.1.1.{column}.{row}|2|{value}\n"
    for row, values in ROWS.items()
    for column, value in enumerate(values[:5], 1)
) + "".join(f"{_NAME}.{row}|4|{values[5]}\n" for row, values in ROWS.items())
HOST = """\
1.3.6.1.2.1.25.1.1.0|67|987600
1.3.6.1.2.1.25.2.3.1.2.31|6|1.3.6.1.2.1.25.2.1.4
1.3.6.1.2.1.25.2.3.1.3.31|4|/data
1.3.6.1.2.1.25.2.3.1.5.31|2|2000000
1.3.6.1.2.1.25.2.3.1.6.31|2|1234567
1.3.6.1.2.1.25.2.3.1.2.1|6|1.3.6.1.2.1.25.2.1.2
1.3.6.1.2.1.25.2.3.1.3.1|4|Physical memory
1.3.6.1.2.1.25.2.3.1.5.1|2|100
1.3.6.1.2.1.25.2.3.1.6.1|2|99
1.3.6.1.2.1.25.2.3.1.2.35|6|1.3.6.1.2.1.25.2.1.4
1.3.6.1.2.1.25.2.3.1.3.35|4|/empty
1.3.6.1.2.1.25.2.3.1.5.35|2|0
1.3.6.1.2.1.25.2.3.1.6.35|2|0
1.3.6.1.2.1.25.3.3.1.2.196608|2|10
1.3.6.1.2.1.25.3.3.1.2.196609|2|40
"""
UPS = "1.3.6.1.2.1.33.1.2.1.0|2|2\n1.3.6.1.2.1.33.1.4.1.0|2|5\n"


async def said(text: str) -> dict[tuple[str, str | None], object]:
    session = RecordedSession(parse_recording(text))
    match = await identify(session, PROFILES)
    plan = compile_plan(PROFILES[match.profile], match.identity)
    readings = await collect_snmp(session, plan, "all", "box", 0)
    return {(one.point, one.index): one.value if one.quality != "bad" else one.reason for one in readings}


async def test_its_uptime_is_said_when_it_says_nothing_else() -> None:
    assert await said(SYSTEM) == {("device.uptime", None): 1234.56}


async def test_unknown_switch_with_sensors_gives_ports_peers_and_sensors() -> None:
    assert await said(SYSTEM + IFS + SENSORS) == {
        ("device.uptime", None): 1234.56,
        ("if.admin", "port 3"): "up",
        ("if.oper", "port 3"): "down",
        ("bgp.state", "192.0.2.1"): "established",
        ("temperature", "CPU"): 31,
        ("temperature", "Intake"): 23.4567,
        ("temperature", "Scale that does not exist"): "decode",
        ("temperature", "Colder than can be told"): "sentinel",
        ("humidity", "Humidity"): 45.5,
        ("sensor.voltage", "12 V rail"): 12.043,
        ("fan.speed_rpm", "Fan"): 5400,
        ("sensor.power", "PSU"): 1230,
        ("sensor.frequency", "Mains"): 50,
        ("sensor.state", "Door contact"): False,
        ("air.flow", "Air"): 120,
    }


async def test_unknown_host_says_how_full_its_disks_are() -> None:
    found = await said(SYSTEM + HOST)
    assert round(found.pop(("storage.used", "/data")), 6) == 61.72835  # type: ignore[call-overload]
    assert found == {
        ("device.uptime", None): 1234.56,
        ("host.uptime", None): 9876,
        ("processor.load", None): 25,
    }


async def test_unknown_ups_is_a_ups_before_it_is_a_box_with_ports() -> None:
    found = await said(SYSTEM + IFS + UPS)
    assert found["ups.on_battery", None] is True
    assert found["device.uptime", None] == 1234.56
