"""`dcmon record`: what one device says, without whose it is, as a file that `dcmon poll --recording` reads."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dcmon.ask import SnmpQuestion, chosen, client_of, poll_agent, poll_unit, session_of, unanswered, unit_profile
from dcmon.clock import SystemClock
from dcmon.collectors.collect import ModbusReader
from dcmon.collectors.decode_answer import SnmpGroup
from dcmon.collectors.decode_modbus import Address, Block, ModbusGroup
from dcmon.collectors.identify import SYS_OBJECT_ID
from dcmon.collectors.keeping import KeepingReader, KeepingSession
from dcmon.collectors.modbus import Buses, Endpoint, UnitSession
from dcmon.collectors.plan import compile_plan
from dcmon.collectors.profile import Profile
from dcmon.collectors.recording import RecordedSession, format_recording
from dcmon.collectors.redact import Redactor, draw_registers, redact_registers
from dcmon.collectors.register_recording import RecordedRegisters, format_registers
from dcmon.collectors.snmp import Oid, SnmpSession, parse_oid
from dcmon.config.collectors import ModbusAddress
from dcmon.model import CollectError, DcmonError

_SYSTEM: Final = "1.3.6.1.2.1.1"
_EVERYTHING: Final = (
    *("1.3.6.1.2.1.2", "1.3.6.1.2.1.31", "1.3.6.1.2.1.33", "1.3.6.1.2.1.47.1.1.1", "1.3.6.1.2.1.99", "1.3.6.1.2.1.15"),
    *("1.3.6.1.2.1.25.1", "1.3.6.1.2.1.25.2", "1.3.6.1.2.1.25.3", "1.3.6.1.2.1.105", "1.3.6.1.2.1.229"),
    "1.3.6.1.2.1.233",
)
"""What measures something: IF-MIB, UPS-MIB, ENTITY-MIB and its sensors, BGP4-MIB, HOST-RESOURCES-MIB without its
programs, POWER-ETHERNET-MIB, ENERGY-OBJECT-MIB, BATTERY-MIB; the makers' branches on top. What is not here (routes,
ARP, connections, users, communities, neighbours) says who else is in the network and is never asked for."""
_MAKERS: Final = "1.3.6.1.4.1"
_MAKER_PARTS: Final = 7
"""Numbers of a maker's branch, its own last."""
_KEY_OCTETS: Final = 32
_AT_ONCE: Final = 100
"""Registers per read."""

Told = Callable[[int], None]
"""Hears how many values there are by now."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """A recording and what is to be said of it."""

    text: str
    profile: str | None
    values: int
    readings: int
    notes: tuple[str, ...]
    """What is not as on the device, or could not be read."""


async def record_agent(
    question: SnmpQuestion,
    profiles: Mapping[str, Profile],
    name: str | None,
    *,
    everything: bool,
    told: Told,
    key: bytes | None = None,
) -> Recorded:
    """What a poll of the agent asks, and its system group; `everything`, or an agent that is known by a standard only:
    all that it measures. Raises CollectError, DcmonError."""
    client = client_of(question)
    notes: list[str] = []
    try:
        session = KeepingSession(session_of(client, question), told)
        if not await _is_known(session, profiles, name, notes) and not everything:
            everything = True
            notes.append("no profile of its maker fits it: everything that it measures is recorded")
        notes += await _walk(session, _SYSTEM)
        if everything:
            notes += await walk_everything(session)
    finally:
        await client.close()
    varbinds = list(session.kept.values())
    before = await _again(RecordedSession(varbinds), profiles, name)
    read = _read(profiles[before["profile"]]) if before is not None else ()
    secrets = [question.host, question.community if question.user is None else question.user.user]
    secrets += (
        [str(one["value"]) for one in before["readings"] if _is_serial(one["point"])] if before is not None else []
    )
    redacted = Redactor(key or os.urandom(_KEY_OCTETS)).redact(varbinds, secrets, read)
    after = await _again(RecordedSession(redacted), profiles, name)
    return _recorded(format_recording(redacted), len(redacted), before, after, notes)


async def _is_known(session: SnmpSession, profiles: Mapping[str, Profile], name: str | None, notes: list[str]) -> bool:
    """Polls the agent; whether its profile is more than a standard that many speak. `notes` hear what did not come."""
    try:
        found = await poll_agent(session, profiles, name)
    except CollectError as error:
        if error.reason != "unknown":
            raise
        return False
    notes += [f"not in it ({reason}): {', '.join(points)}" for reason, points in unanswered(found).items()]
    return name is not None or not all(rule.standard for rule in profiles[found["profile"]].match)


async def walk_everything(session: KeepingSession) -> list[str]:
    """Keeps all that measures something; what could not be walked, as notes. When the branch of all makers is too much
    for the agent or for a file, the branch of its own maker is asked for alone."""
    notes: list[str] = []
    for root in _EVERYTHING:
        notes += await _walk(session, root)
    failed = await _walk(session, _MAKERS)
    named = session.kept.get(parse_oid(SYS_OBJECT_ID))
    own = ".".join(str(named.value).split(".")[:_MAKER_PARTS]) if named is not None else ""
    if failed and own.startswith(f"{_MAKERS}."):
        failed += await _walk(session, own)
    return notes + failed


async def _walk(session: SnmpSession, root: str) -> list[str]:
    """Keeps a subtree; what went wrong, as a note."""
    try:
        await session.walk(parse_oid(root))
    except CollectError as error:
        return [f"{root} is not in it: {error}"]
    return []


async def _again(session: SnmpSession, profiles: Mapping[str, Profile], name: str | None) -> dict[str, Any] | None:
    try:
        return await poll_agent(session, profiles, name)
    except CollectError:
        return None


def _read(profile: Profile) -> list[Oid]:
    """Objects and columns that the profile reads as values."""
    group = compile_plan(profile).groups["all"]
    assert isinstance(group, SnmpGroup)
    return [slot.oid for slot in group.scalars] + [slot.column for table in group.tables for slot in table.slots]


def _recorded(
    text: str, values: int, before: dict[str, Any] | None, after: dict[str, Any] | None, notes: Sequence[str]
) -> Recorded:
    if before is None:
        return Recorded(text, None, values, 0, tuple(notes))
    readings = after["readings"] if after is not None else []
    if after is None or after["profile"] != before["profile"]:
        notes = [*notes, f"without its secrets it is no longer taken for {before['profile']}"]
    else:
        differing = _said(before["readings"]) - _said(readings)
        changed = [(point, value) for point, value, _ in differing if not _is_serial(point)]
        notes = [*notes, *(f"{point} = {value} is not in it as it was" for point, value in changed)]
    return Recorded(text, before["profile"], values, len(readings), tuple(notes))


def _said(readings: Iterable[Mapping[str, Any]]) -> Counter[tuple[str, str, str]]:
    """Readings without their indexes, which may be redacted."""
    return Counter((one["point"], str(one["value"]), one["quality"]) for one in readings)


async def record_unit(
    address: ModbusAddress,
    profiles: Mapping[str, Profile],
    name: str | None,
    *,
    ranges: Sequence[Block],
    hidden: Sequence[Block],
    timeout_s: float,
    told: Told,
    key: bytes | None = None,
) -> Recorded:
    """What the profile reads of one unit, and the ranges asked for; `hidden` registers are 0 in it.

    Of the reads of a profile only the registers that it makes something of are kept: what lies between them may be
    anybody's serial number. Raises CollectError, DcmonError.
    """
    profile = chosen(profiles, name, "modbus") if name is not None else None
    buses = Buses(SystemClock(), timeout_s=timeout_s)
    notes: list[str] = []
    try:
        unit = UnitSession(buses.bus(Endpoint.of(address)), address.unit)
        unit.begin_poll()
        polled, ranged = KeepingReader(unit, told), KeepingReader(unit, told)
        if profile is None and not ranges:
            profile = await _identified(unit, profiles)
        if profile is not None:
            await poll_unit(polled, profile)
        for block in ranges:
            notes += await read_range(ranged, block)
    finally:
        await buses.close()
    key = key or os.urandom(_KEY_OCTETS)
    values = _kept(profile, polled.values, key) if profile is not None else {}
    values |= redact_registers(ranged.values, key)
    concealed = {(block.function, block.address + offset) for block in hidden for offset in range(block.count)}
    values |= dict.fromkeys(concealed & values.keys(), 0)
    refused = {at: word for at, word in (polled.refused | ranged.refused).items() if at not in values}
    if not values:
        raise CollectError("unknown", f"{address.host} unit {address.unit} has none of these registers")
    text = format_registers(values, refused, profile.name if profile is not None else None)
    if profile is None:
        return Recorded(text, None, len(values), 0, tuple(notes))
    before = await poll_unit(RecordedRegisters(polled.values, polled.refused), profile)
    after = await poll_unit(RecordedRegisters(values, refused), profile)
    return _recorded(text, len(values), before, after, notes)


async def _identified(unit: ModbusReader, profiles: Mapping[str, Profile]) -> Profile:
    try:
        return await unit_profile(unit, profiles, None)
    except CollectError as error:
        if error.reason != "unknown":
            raise
        raise DcmonError(
            "no register of this Modbus device says what it is: name what is to be read with --profile NAME or "
            "--range FUNCTION:FIRST-LAST"
        ) from None


def _kept(profile: Profile, values: Mapping[Address, int], key: bytes) -> dict[Address, int]:
    """What the profile makes something of, with another serial number; the rest as 0."""
    group = compile_plan(profile).groups["all"]
    assert isinstance(group, ModbusGroup)
    wanted = {(span.function, span.address + offset) for span in group.spans for offset in range(span.count)}
    kept = {at: value if at in wanted else 0 for at, value in values.items()}
    for slot in group.slots:
        if _is_serial(slot.point):
            serial = [(slot.function, slot.address + offset) for offset in range(slot.words)]
            kept |= draw_registers({at: kept[at] for at in serial if at in kept}, key)
    return kept


def _is_serial(point: str) -> bool:
    return "serial" in point


async def read_range(reader: ModbusReader, block: Block) -> list[str]:
    """Reads as much at once as the unit allows; a read that it refuses is halved. What went wrong, as a note."""
    waiting = [block]
    while waiting:
        function, address, count = waiting.pop()
        half = min(count // 2, _AT_ONCE)
        if count <= _AT_ONCE:
            try:
                await reader.read(function, address, count)
                continue
            except CollectError as error:
                if error.reason != "exception":
                    return [f"function {function} from {address} on is not in it: {error}"]
                if count == 1:
                    continue
        waiting.append(Block(function, address + half, count - half))
        waiting.append(Block(function, address, half))
    return []
