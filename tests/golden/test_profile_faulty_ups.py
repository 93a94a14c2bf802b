"""Nearly all recordings show healthy devices. Here the same devices are turned to on battery, battery low, overload and
bypass by the objects of their own MIB, and the shipped rules have to raise exactly the alarms that belong to it.

A fault that is not seen is the one thing that must not happen; an alarm of a healthy device is the next.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import pytest
from profile_expectations import rows

from dcmon.collectors.collect import collect_snmp
from dcmon.collectors.decode_modbus import ModbusGroup, decode_registers
from dcmon.collectors.identify import Match, identify
from dcmon.collectors.plan import compile_plan
from dcmon.collectors.profile import load_profiles
from dcmon.collectors.recording import RecordedSession, parse_recording, read_recording
from dcmon.collectors.snmp import VarBind, parse_oid
from dcmon.config.config import Config
from dcmon.config.loader import load
from dcmon.model import AlarmState, Reading
from dcmon.thresholds import Judge

_FOLDER = Path(os.environ.get("DCMON_RECORDINGS", "/nonexistent"))
_RECORDED = [row["file"] for row in rows(_FOLDER) if row["class"] == "ups"] if _FOLDER.is_dir() else []
PROFILES = load_profiles()
SITE = Path(__file__).parents[2] / "config"
ASSET = "ups-a"
T0 = 1_795_000_000_000

RFC = "1.3.6.1.2.1.33.1"
MGE = "1.3.6.1.4.1.705.1"
XUPS = "1.3.6.1.4.1.534.1"
APC = "1.3.6.1.4.1.318.1.1.1"
CPS = "1.3.6.1.4.1.3808.1.1.1"
EPPC = "1.3.6.1.4.1.935.10.1.1"
MEGATEC = "1.3.6.1.4.1.935.1.1.1"
WEBPOWER = "1.3.6.1.4.1.2468.1.2.1.1"
DELTA = "1.3.6.1.4.1.2254.2.4"
SOCOMEC = "1.3.6.1.4.1.4555.1.1.1.1"
SOCOMEC7 = "1.3.6.1.4.1.4555.1.1.7.1"

MADE_UP = {
    f"{SOCOMEC} (Net Vision 5)": f"""\
1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.4555.1.1.1
{SOCOMEC}.2.1.0|2|2
{SOCOMEC}.2.2.0|2|0
{SOCOMEC}.2.4.0|2|100
{SOCOMEC}.3.3.1.2.1|2|2310
{SOCOMEC}.4.1.0|2|9
{SOCOMEC}.4.4.1.2.1|2|2300
{SOCOMEC}.4.4.1.4.1|2|33
""",
    f"{SOCOMEC7} (Net Vision 7)": f"""\
1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.4555.1.1.7
{SOCOMEC7}.2.1.0|2|2
{SOCOMEC7}.2.2.0|2|0
{SOCOMEC7}.4.1.0|2|4
{SOCOMEC7}.4.4.1.2.1|2|230
{SOCOMEC7}.4.4.1.4.1|2|33
""",
    f"{DELTA} (without RFC 1628)": f"""\
1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.2254.2.4
{DELTA}.5.1.0|2|0
{DELTA}.5.3.0|2|1
{DELTA}.5.4.0|2|2300
{DELTA}.5.7.0|2|33
{DELTA}.7.1.0|2|0
{DELTA}.7.2.0|2|0
{DELTA}.7.8.0|2|100
""",
    f"{MGE} (Galaxy, without RFC 1628)": f"""\
1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.705.1.2
{MGE}.5.2.0|2|100
{MGE}.5.14.0|2|2
{MGE}.6.2.1.2.1|2|4010
{MGE}.7.1.0|2|3
{MGE}.7.2.1.2.1|2|4000
{MGE}.7.2.1.4.1|2|33
{MGE}.7.3.0|2|2
{MGE}.7.4.0|2|2
""",
}
"""Families and firmware of which no recording is at hand: the few objects that tell the state."""
_UPS = [*_RECORDED, *MADE_UP]

Fault = tuple[tuple[str, int], ...]
"""Objects and what they say then. Those that the recording has are changed; when it has none, the first is added."""

FAULTS: dict[str, dict[str, Fault]] = {
    "rfc1628": {  # upsOutputSource, upsBatteryStatus, upsOutputPercentLoad
        "on battery": ((f"{RFC}.4.1.0", 5),),
        "battery low": ((f"{RFC}.2.1.0", 3),),
        "battery depleted": ((f"{RFC}.2.1.0", 4),),
        "overload": ((f"{RFC}.4.4.1.5.1", 117), (f"{RFC}.4.4.1.5.1.0", 117)),
        "bypass": ((f"{RFC}.4.1.0", 4),),
        "output dead": ((f"{RFC}.4.1.0", 2),),
    },
    "eaton_mge": {  # upsmgOutputOnBattery, upsmgOutputOnByPass, upsmgBatteryLowBattery, upsmgBatteryReplacement
        "on battery": ((f"{RFC}.4.1.0", 5), (f"{MGE}.7.3.0", 1)),
        "battery low": ((f"{RFC}.2.1.0", 3), (f"{MGE}.5.14.0", 1)),
        "overload": ((f"{RFC}.4.4.1.5.1", 117), (f"{RFC}.4.4.1.5.1.0", 117), (f"{MGE}.7.2.1.4.1", 117)),
        "bypass": ((f"{RFC}.4.1.0", 4), (f"{MGE}.7.4.0", 1)),
        "output dead": ((f"{RFC}.4.1.0", 2),),
        "battery worn": ((f"{MGE}.5.11.0", 1),),
    },
    "eaton_xups": {  # xupsOutputSource, upsBatteryStatus (XUPS-MIB itself has none), xupsOutputLoad
        "on battery": ((f"{XUPS}.4.5.0", 5), (f"{RFC}.4.1.0", 5)),
        "battery low": ((f"{RFC}.2.1.0", 3),),
        "overload": ((f"{RFC}.4.4.1.5.1", 117), (f"{RFC}.4.4.1.5.1.0", 117), (f"{XUPS}.4.1.0", 117)),
        "bypass": ((f"{XUPS}.4.5.0", 4), (f"{RFC}.4.1.0", 4)),
        "maintenance bypass": ((f"{XUPS}.4.5.0", 11), (f"{RFC}.4.1.0", 4)),
        "output dead": ((f"{XUPS}.4.5.0", 2), (f"{RFC}.4.1.0", 2)),
    },
    "apc_powernet_ups": {  # upsBasicOutputStatus, upsBasicBatteryStatus, load in tenths or whole, replace indicator
        "on battery": ((f"{APC}.4.1.1.0", 3),),
        "battery low": ((f"{APC}.2.1.1.0", 3),),
        "battery in fault condition": ((f"{APC}.2.1.1.0", 4),),
        "overload": ((f"{APC}.4.3.3.0", 1170), (f"{APC}.4.2.3.0", 117), (f"{APC}.9.3.3.1.10.1.1.1", 117)),
        "bypass": ((f"{APC}.4.1.1.0", 6),),
        "switched bypass": ((f"{APC}.4.1.1.0", 9),),
        "hardware failure bypass": ((f"{APC}.4.1.1.0", 10),),
        "emergency static bypass": ((f"{APC}.4.1.1.0", 16),),
        "output dead": ((f"{APC}.4.1.1.0", 7),),
        "battery worn": ((f"{APC}.2.2.4.0", 2),),
    },
    "cyberpower_ups": {  # upsBaseOutputStatus, upsBaseBatteryStatus, upsAdvanceOutputLoad, ...BatteryReplaceIndicator
        "on battery": ((f"{CPS}.4.1.1.0", 3),),
        "battery low": ((f"{CPS}.2.1.1.0", 3),),
        "battery missing": ((f"{CPS}.2.1.1.0", 4),),
        "overload": ((f"{CPS}.4.2.3.0", 117),),
        "bypass": ((f"{CPS}.4.1.1.0", 9),),
        "output dead": ((f"{CPS}.4.1.1.0", 6),),
        "battery worn": ((f"{CPS}.2.2.5.0", 2),),
    },
    "eppc_ups": {  # upsESystemStatus, upsEBatteryStatus, upsESystemOutputLoad
        "on battery": ((f"{EPPC}.2.1.0", 5),),
        "battery low": ((f"{EPPC}.3.1.0", 3),),
        "battery depleted": ((f"{EPPC}.3.1.0", 4),),
        "overload": ((f"{EPPC}.2.18.1.7.1", 117),),
        "bypass": ((f"{EPPC}.2.1.0", 3),),
        "output dead": ((f"{EPPC}.2.1.0", 10),),
    },
    "megatec_netagent": {  # upsBaseOutputStatus, upsBaseBatteryStatus, upsThreePhaseOutputLoadPercentR or upsSmart...
        "on battery": ((f"{MEGATEC}.4.1.1.0", 3),),
        "battery low": ((f"{MEGATEC}.2.1.1.0", 3),),
        "overload": ((f"{MEGATEC}.8.3.5.0", 1170), (f"{MEGATEC}.4.2.3.0", 117)),
        "bypass": ((f"{MEGATEC}.4.1.1.0", 6),),
        "output dead": ((f"{MEGATEC}.4.1.1.0", 5),),
    },
    "webpower_ups": {  # RFC 1628 in another place
        "on battery": ((f"{WEBPOWER}.4.1.0", 5),),
        "battery low": ((f"{WEBPOWER}.2.1.0", 3),),
        "battery depleted": ((f"{WEBPOWER}.2.1.0", 4),),
        "overload": ((f"{WEBPOWER}.4.4.1.5.1", 117),),
        "bypass": ((f"{WEBPOWER}.4.1.0", 4),),
        "output dead": ((f"{WEBPOWER}.4.1.0", 2),),
    },
    "socomec_netvision": {  # upsOutputSource, upsBatteryStatus, upsSecondsOnBattery, upsOutputPercentLoad
        "on battery": ((f"{SOCOMEC}.2.2.0", 30), (f"{SOCOMEC}.2.1.0", 5)),
        "battery low": ((f"{SOCOMEC}.2.1.0", 3),),
        "overload": ((f"{SOCOMEC}.4.4.1.4.1", 117),),
        "bypass": ((f"{SOCOMEC}.4.1.0", 5),),
        "maintenance bypass": ((f"{SOCOMEC}.4.1.0", 7),),
        "output dead": ((f"{SOCOMEC}.4.1.0", 8),),
    },
    "socomec_netvision7": {
        "on battery": ((f"{SOCOMEC7}.2.2.0", 30), (f"{SOCOMEC7}.2.1.0", 5)),
        "battery low": ((f"{SOCOMEC7}.2.1.0", 6),),
        "overload": ((f"{SOCOMEC7}.4.4.1.4.1", 117),),
        "bypass": ((f"{SOCOMEC7}.4.1.0", 6),),
        "maintenance bypass": ((f"{SOCOMEC7}.4.1.0", 2),),
        "output dead": ((f"{SOCOMEC7}.4.1.0", 8),),
    },
    "delta_ups": {  # dupsOutputSource, dupsBatteryStatus, dupsOutputLoad1, dupsBatteryCondiction
        "on battery": ((f"{DELTA}.5.1.0", 1),),
        "battery low": ((f"{DELTA}.7.2.0", 1),),
        "battery depleted": ((f"{DELTA}.7.2.0", 2),),
        "overload": ((f"{DELTA}.5.7.0", 117),),
        "bypass": ((f"{DELTA}.5.1.0", 2),),
        "maintenance bypass": ((f"{DELTA}.5.1.0", 5),),
        "output dead": ((f"{DELTA}.5.1.0", 7),),
        "battery worn": ((f"{DELTA}.7.1.0", 2),),
    },
    "emerson_ups": {  # its words for states are not known, and the profile says so: nothing but the load can be seen
        "overload": (("1.3.6.1.4.1.13400.2.1.3.1.4.2.3.0", 117),),
    },
}

WELL = {
    f"{RFC}.2.1.0": 2, f"{RFC}.4.1.0": 3,
    f"{APC}.2.1.1.0": 2, f"{APC}.2.2.4.0": 1, f"{APC}.4.3.3.0": 170, f"{CPS}.2.2.5.0": 1,
    f"{CPS}.4.2.3.0": 17, f"{MGE}.5.11.0": 2,
}  # fmt: skip
"""What a healthy device says in objects that some of the recordings lack."""

ALARMS = {
    "on battery": "ups-on-battery",
    "battery low": "ups-battery-low",
    "battery depleted": "ups-battery-low",
    "battery missing": "ups-battery-low",
    "battery in fault condition": "ups-battery-low",
    "overload": "ups-overload",
    "bypass": "ups-bypass",
    "maintenance bypass": "ups-bypass",
    "switched bypass": "ups-bypass",
    "hardware failure bypass": "ups-bypass",
    "emergency static bypass": "ups-bypass",
    "output dead": "ups-output-dead",
    "battery worn": "ups-battery-replace",
}

NOT_HEALTHY = {
    "ups/centreon_ups-apc-battery-low.snmprec": {"ups-battery-low", "ups-battery-replace"},
    "ups/cyberpower_cp1000pfclcd.snmprec": {"ups-battery-replace"},
    "ups/generex-ups_cs141.snmprec": {"ups-bypass"},
}
"""Recordings of devices that were not well when they were recorded."""


@cache
def site() -> Config:
    return load(SITE)


async def identified(file: str) -> tuple[RecordedSession, Match]:
    made_up = MADE_UP.get(file)
    session = RecordedSession(parse_recording(made_up)) if made_up else read_recording(_FOLDER / file)
    return session, await identify(session, PROFILES)


def lacking(session: RecordedSession, fault: Fault) -> list[str]:
    """The object that has to be added, where the recording has none of the fault's."""
    there = {varbind.oid for varbind in session.varbinds}
    return [] if any(parse_oid(oid) in there for oid, _ in fault) else [fault[0][0]]


def changed(session: RecordedSession, fault: Fault) -> RecordedSession:
    """The recording with the fault's objects in the place of its own; numbers keep the type they were recorded with."""
    there = {varbind.oid: varbind for varbind in session.varbinds}
    added = lacking(session, fault) if fault else []
    meant = [(oid, value) for oid, value in fault if parse_oid(oid) in there or oid in added]
    tags = {oid: there[parse_oid(oid)].tag if parse_oid(oid) in there else 2 for oid, _ in meant}
    return RecordedSession([*(VarBind(parse_oid(oid), tags[oid], value) for oid, value in meant), *session.varbinds])


async def decoded(session: RecordedSession, match: Match, ts: int) -> list[Reading]:
    plan = compile_plan(PROFILES[match.profile], match.identity)
    return await collect_snmp(session, plan, "all", ASSET, ts)


async def alarms(match: Match, *sessions: RecordedSession) -> list[set[str]]:
    """Rules with an active alarm after 11 min of each of these states of one UPS, one behind the other."""
    judge, now = Judge(site(), now=T0, live=False), T0
    found = []
    for session in sessions:
        said = await decoded(session, match, now)
        for _ in range(11):
            now += 60_000
            judge.step([reading._replace(ts=now) for reading in said], now)
        found.append({alarm.rule for alarm in judge.alarms.values() if alarm.state is AlarmState.ACTIVE})
    return found


@pytest.mark.parametrize("file", _UPS)
async def test_ups_as_it_was_recorded_raises_no_alarm(file: str) -> None:
    session, match = await identified(file)
    assert await alarms(match, session) == [NOT_HEALTHY.get(file, set())]


@pytest.mark.parametrize("file", _UPS)
async def test_fault_of_a_ups_raises_its_alarm_and_no_other_and_its_end_ends_it(file: str) -> None:
    session, match = await identified(file)
    healthy = NOT_HEALTHY.get(file, set())
    for name, fault in FAULTS[match.profile].items():
        expected = healthy | {ALARMS[name]}
        if {"ups-bypass"} & healthy and ALARMS[name] in ("ups-on-battery", "ups-output-dead"):
            expected -= {"ups-bypass"}  # it has one source at a time
        well = tuple((oid, WELL[oid]) for oid in lacking(session, fault))
        assert await alarms(match, changed(session, fault), changed(session, well)) == [expected, healthy], name


@pytest.mark.parametrize("file", _UPS)
async def test_what_an_outage_brings_together_is_seen_together(file: str) -> None:
    """On battery, low and overloaded: three faults of one device at one time."""
    session, match = await identified(file)
    faults = FAULTS[match.profile]
    for name in ("on battery", "battery low", "overload"):
        session = changed(session, faults.get(name, ()) or faults["overload"])
    expected = {ALARMS[name] for name in ("on battery", "battery low", "overload") if name in faults}
    assert await alarms(match, session) == [expected | NOT_HEALTHY.get(file, set()) - {"ups-bypass"}]


Registers = dict[tuple[int, int], int]
"""(function, address) -> value; all others say nothing (65535)."""

MODBUS_WELL: dict[str, Registers] = {
    "apc_smartups_modbus": {(3, 0): 0, (3, 1): 0x0002, (3, 136): 33 << 8},
    "chloride_manageups": {(3, 19): 2, (3, 20): 0},
    "tripplite_modbuscard": {(4, 1054): 0, (4, 1055): 0, (4, 1056): 0},
}
MODBUS_FAULTS: dict[str, dict[str, Registers]] = {
    "apc_smartups_modbus": {  # 990-9840: UPSStatus_BF bits 1 online, 2 on battery, 3 bypass, 4 off; load in 1/256 %
        "on battery": {(3, 1): 0x0004},
        "bypass": {(3, 1): 0x0008},
        "output dead": {(3, 1): 0x0010},
        "overload": {(3, 136): 117 << 8},
    },
    "chloride_manageups": {"on battery": {(3, 20): 30}, "battery low": {(3, 19): 3}, "battery depleted": {(3, 19): 4}},
    "tripplite_modbuscard": {
        "on battery": {(4, 1056): 3},
        "battery low": {(4, 1055): 1},
        "battery depleted": {(4, 1055): 2},
        "battery worn": {(4, 1054): 2},
    },
}
"""What the public maps have words for: two of the three say nothing of a bypass and of the load."""


@pytest.mark.parametrize("name", sorted(MODBUS_WELL))
def test_fault_of_a_ups_over_modbus_raises_its_alarm_and_no_other(name: str) -> None:
    group = compile_plan(PROFILES[name]).groups["all"]
    assert isinstance(group, ModbusGroup)
    nothing = {
        (function, number): 0xFFFF for function, first, size in group.spans for number in range(first, first + size)
    }
    for fault, registers in {"": {}, **MODBUS_FAULTS[name]}.items():
        judge, now = Judge(site(), now=T0, live=False), T0
        for _ in range(11):
            now += 60_000
            judge.step(decode_registers(group, {**nothing, **MODBUS_WELL[name], **registers}, {}, ASSET, now), now)
        active = {alarm.rule for alarm in judge.alarms.values() if alarm.state is AlarmState.ACTIVE}
        assert active == ({ALARMS[fault]} if fault else set()), fault


def test_every_family_of_ups_has_its_faults() -> None:
    """A family that is added has to say how its faults look."""
    families = {name for name, profile in PROFILES.items() if profile.kind == "ups"}
    assert families == set(FAULTS) | set(MODBUS_FAULTS)
    blind = {name for name, faults in FAULTS.items() if not {"on battery", "battery low", "bypass"} <= set(faults)}
    assert blind == {"emerson_ups"}
