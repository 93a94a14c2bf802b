"""`dcmon poll`: one device asked once, or its recording, with no configuration: what it is, and all that it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dcmon.clock import SystemClock
from dcmon.collectors.collect import DeviceMemory, ModbusReader, collect_modbus, decode_asked
from dcmon.collectors.collect import ask_snmp as ask_agent
from dcmon.collectors.decode_answer import SnmpGroup
from dcmon.collectors.identify import Match, identify, identify_as, identify_unit
from dcmon.collectors.lost_rows import silent_columns
from dcmon.collectors.modbus import Buses, Endpoint, UnitSession
from dcmon.collectors.plan import compile_plan
from dcmon.collectors.profile import Profile
from dcmon.collectors.recording import read_recording
from dcmon.collectors.register_recording import RecordedRegisters, read_registers
from dcmon.collectors.snmp import NativeClient, SnmpSession
from dcmon.collectors.snmp.second import PysnmpClient
from dcmon.collectors.snmp.usm import V3User
from dcmon.config.collectors import ModbusAddress
from dcmon.model import CollectError, DcmonError, Quality, Reading

_DEVICE = "device"
_UNHEARD = frozenset({"timeout", "refused", "unreachable", "closed", "auth", "too-big", "loop", "error"})
"""Reasons for which there is no value to decode."""


@dataclass(frozen=True, slots=True)
class SnmpQuestion:
    """An agent and how to speak to it: a community, or a v3 user."""

    host: str
    port: int = 161
    version: str = "2c"
    community: str = "public"
    user: V3User | None = None
    transport: str = "native"
    timeout_s: float = 1.0
    retries: int = 2


def answer(profile: Profile, readings: Sequence[Reading]) -> dict[str, Any]:
    """The interface of `dcmon poll --json`."""
    units = profile.units
    return {
        "profile": profile.name,
        "kind": profile.kind,
        "readings": [
            {
                "point": reading.point,
                "index": reading.index,
                "value": reading.value,
                "unit": units.get(reading.point),
                "quality": reading.quality.value,
                "reason": reading.reason,
                "source": reading.source,
            }
            for reading in readings
        ],
    }


def unanswered(result: Mapping[str, Any]) -> dict[str, list[str]]:
    """Of an `answer`: the points that the device was asked for and did not answer, by the reason."""
    found: dict[str, dict[str, None]] = {}
    for row in result["readings"]:
        if row["quality"] == Quality.BAD.value and row["reason"] in _UNHEARD:
            found.setdefault(row["reason"], {})[row["point"]] = None
    return {reason: list(points) for reason, points in found.items()}


async def ask_snmp(question: SnmpQuestion, profiles: Mapping[str, Profile], name: str | None) -> dict[str, Any]:
    """Identifies the agent unless `name` says its profile, and reads all of it. Raises CollectError, DcmonError."""
    client = client_of(question)
    try:
        return await poll_agent(session_of(client, question), profiles, name)
    finally:
        await client.close()


async def ask_recorded(path: Path, profiles: Mapping[str, Profile], name: str | None) -> dict[str, Any]:
    """As `ask_snmp` and `ask_modbus`, of a recording: `.snmprec`, or YAML of registers. DcmonError when it is none."""
    if path.suffix not in (".yaml", ".yml"):
        return await poll_agent(read_recording(path), profiles, name)
    recording = read_registers(path)
    unit = RecordedRegisters.of(recording)
    return await poll_unit(unit, await unit_profile(unit, profiles, name or recording.profile))


async def poll_agent(session: SnmpSession, profiles: Mapping[str, Profile], name: str | None) -> dict[str, Any]:
    """See `ask_snmp`; the session may be a recording."""
    if name is None:
        match = await identify(session, profiles)
    else:
        match = Match(name, 1.0, await identify_as(session, chosen(profiles, name, "snmp")))
    profile = profiles[match.profile]
    plan = compile_plan(profile, match.identity)
    asked, now = await ask_agent(session, plan, "all"), SystemClock().now()
    group = plan.groups["all"]
    silent = silent_columns(group, asked.silent, _DEVICE, now) if isinstance(group, SnmpGroup) else []
    return answer(profile, [*decode_asked(plan, "all", asked, _DEVICE, now, DeviceMemory()), *silent])


async def poll_unit(unit: ModbusReader, profile: Profile) -> dict[str, Any]:
    """See `ask_modbus`; the unit may be a recording."""
    now = SystemClock().now()
    return answer(profile, await collect_modbus(unit, compile_plan(profile), "all", _DEVICE, now, DeviceMemory()))


async def unit_profile(unit: ModbusReader, profiles: Mapping[str, Profile], name: str | None) -> Profile:
    """The profile that is named, or the one that the unit is known by. CollectError(unknown) when there is none."""
    if name is not None:
        return chosen(profiles, name, "modbus")
    match = await identify_unit(unit, profiles)
    if match is None:
        raise CollectError("unknown", "no register of this Modbus device says what it is")
    return profiles[match.profile]


def client_of(question: SnmpQuestion) -> NativeClient:
    """A client of the transport that the question names; the caller closes it."""
    return (PysnmpClient if question.transport == "pysnmp" else NativeClient)()


def session_of(client: NativeClient, question: SnmpQuestion) -> SnmpSession:
    """A session with the agent."""
    host, port, timeout_s, retries = question.host, question.port, question.timeout_s, question.retries
    if question.user is not None:
        return client.session_v3(host, port, question.user, timeout_s=timeout_s, retries=retries)
    return client.session(host, port, question.version, question.community, timeout_s=timeout_s, retries=retries)


async def ask_modbus(
    address: ModbusAddress, profiles: Mapping[str, Profile], name: str | None, timeout_s: float
) -> dict[str, Any]:
    """Everything that one unit says; see `unit_profile`. Raises CollectError, DcmonError."""
    if name is not None:
        chosen(profiles, name, "modbus")  # what is wrong with the name is told before anybody is asked
    buses = Buses(SystemClock(), timeout_s=timeout_s)
    try:
        unit = UnitSession(buses.bus(Endpoint.of(address)), address.unit)
        unit.begin_poll()
        return await poll_unit(unit, await unit_profile(unit, profiles, name))
    finally:
        await buses.close()


def chosen(profiles: Mapping[str, Profile], name: str, protocol: str) -> Profile:
    """The profile of that name. DcmonError when there is none or it speaks another protocol."""
    profile = profiles.get(name)
    if profile is None:
        raise DcmonError(f"there is no profile {name!r}. There are: {', '.join(sorted(profiles))}")
    if profile.protocol != protocol:
        raise DcmonError(f"profile {name} is for {profile.protocol}, and the device is asked by {protocol}")
    return profile
