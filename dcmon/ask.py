"""`dcmon poll`: one device asked once, with no configuration; what it is, and everything it says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dcmon.clock import SystemClock
from dcmon.collectors.collect import DeviceMemory, collect_modbus, collect_snmp
from dcmon.collectors.identify import Match, identify, identify_as
from dcmon.collectors.modbus import Buses, Endpoint, UnitSession
from dcmon.collectors.plan import compile_plan
from dcmon.collectors.profile import Profile
from dcmon.collectors.snmp import NativeClient, SnmpSession
from dcmon.collectors.snmp.second import PysnmpClient
from dcmon.collectors.snmp.usm import V3User
from dcmon.config.collectors import ModbusAddress
from dcmon.model import DcmonError, Reading

_DEVICE = "device"


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


async def ask_snmp(question: SnmpQuestion, profiles: Mapping[str, Profile], name: str | None) -> dict[str, Any]:
    """Identifies the agent unless `name` says its profile, and reads all of it. Raises CollectError, DcmonError."""
    client = (PysnmpClient if question.transport == "pysnmp" else NativeClient)()
    try:
        session = _session(client, question)
        if name is None:
            match = await identify(session, profiles)
        else:
            match = Match(name, 1.0, await identify_as(session, chosen(profiles, name, "snmp")))
        profile = profiles[match.profile]
        plan = compile_plan(profile, match.identity)
        readings = await collect_snmp(session, plan, "all", _DEVICE, SystemClock().now(), DeviceMemory())
        return answer(profile, readings)
    finally:
        await client.close()


def _session(client: NativeClient, question: SnmpQuestion) -> SnmpSession:
    host, port, timeout_s, retries = question.host, question.port, question.timeout_s, question.retries
    if question.user is not None:
        return client.session_v3(host, port, question.user, timeout_s=timeout_s, retries=retries)
    return client.session(host, port, question.version, question.community, timeout_s=timeout_s, retries=retries)


async def ask_modbus(
    address: ModbusAddress, profiles: Mapping[str, Profile], name: str, timeout_s: float
) -> dict[str, Any]:
    """Everything that one unit says. Raises CollectError, DcmonError."""
    profile = chosen(profiles, name, "modbus")
    clock = SystemClock()
    buses = Buses(clock, timeout_s=timeout_s)
    try:
        unit = UnitSession(buses.bus(Endpoint.of(address)), address.unit)
        unit.begin_poll()
        readings = await collect_modbus(unit, compile_plan(profile), "all", _DEVICE, clock.now(), DeviceMemory())
        return answer(profile, readings)
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
