"""Small profiles written in a test, and the answers of a device that is only a dictionary."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from dcmon.collectors.collect import DeviceMemory
from dcmon.collectors.decode_answer import Answer, SnmpGroup
from dcmon.collectors.decode_modbus import Address, ModbusGroup, decode_registers
from dcmon.collectors.decode_snmp import decode_answer
from dcmon.collectors.plan import Plan, compile_plan
from dcmon.collectors.profile import load_profiles
from dcmon.collectors.profile_resolve import Identity
from dcmon.collectors.snmp import COUNTER32, COUNTER64, INTEGER, OCTET_STRING, VarBind, parse_oid
from dcmon.model import Reading

HEAD = """\
name: mine
vendor: Nobody
family: Test
kind: environment
source: "a test"
"""


def plan_of(folder: Path, body: str, identity: Identity | None = None) -> Plan:
    """The plan of a profile with this body."""
    (folder / "mine.yaml").write_text(HEAD + body)
    return compile_plan(load_profiles(folder)["mine"], identity)


class C32(int):
    """A Counter32."""


class C64(int):
    """A Counter64."""


def varbind(oid: str, value: object) -> VarBind:
    if isinstance(value, C64):
        return VarBind(parse_oid(oid), COUNTER64, int(value))
    if isinstance(value, C32):
        return VarBind(parse_oid(oid), COUNTER32, int(value))
    if isinstance(value, int):
        return VarBind(parse_oid(oid), INTEGER, value)
    if isinstance(value, VarBind):
        return value
    assert isinstance(value, str | bytes)
    return VarBind(parse_oid(oid), OCTET_STRING, value.encode() if isinstance(value, str) else value)


def decode_snmp(
    plan: Plan, group: str, varbinds: Iterable[VarBind], asset: str, ts: int, memory: DeviceMemory | None = None
) -> list[Reading]:
    """Readings of a device that said these variable bindings, in whatever order."""
    found = plan.groups[group]
    assert isinstance(found, SnmpGroup)
    scalars = {varbind.oid: varbind for varbind in varbinds}
    columns = {
        column: {oid[len(column) :]: varbind for oid, varbind in scalars.items() if oid.startswith(column)}
        for walk in found.walks
        for column in walk
    }
    return decode_answer(found, Answer(scalars, columns), asset, ts, memory.rates if memory is not None else None)


def decode_modbus(
    plan: Plan,
    group: str,
    registers: Mapping[Address, int],
    asset: str,
    ts: int,
    failed: Mapping[Address, str] | None = None,
) -> list[Reading]:
    """Readings of a device with these registers by (function, address); `failed`: those that it refuses, and why."""
    found = plan.groups[group]
    assert isinstance(found, ModbusGroup)
    return decode_registers(found, registers, failed or {}, asset, ts)


def read(plan: Plan, values: Mapping[str, object], ts: int = 0, memory: DeviceMemory | None = None) -> list[Reading]:
    """Everything that the plan makes of these values."""
    return decode_snmp(plan, "all", [varbind(oid, value) for oid, value in values.items()], "device", ts, memory)


def said(readings: list[Reading]) -> list[tuple[str, str | None, object]]:
    return [(one.point, one.index, one.value if one.quality != "bad" else one.reason) for one in readings]
