"""Asks a device by its plan and decodes what it says: the coroutines that the poller runs, and their pure halves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, Protocol

from dcmon.collectors.decode_answer import Answer, Cells, SnmpGroup
from dcmon.collectors.decode_modbus import ILLEGAL_ADDRESS, Address, Block, ModbusGroup, decode_registers
from dcmon.collectors.decode_rates import RateMemory
from dcmon.collectors.decode_snmp import decode_answer
from dcmon.collectors.lost_rows import LostRows, Walk
from dcmon.collectors.plan import Plan
from dcmon.collectors.snmp import Oid, SnmpSession, VarBind
from dcmon.model import CollectError, Quality, Reading

_NO_SUCH_REGISTER: Final = ("illegal_address", "illegal_value", "illegal_function")


class ModbusReader(Protocol):
    """What a Modbus session has to offer here."""

    async def read(self, function: int, address: int, count: int) -> list[int]:
        """Registers (functions 3, 4) or 0/1 (functions 1, 2). Raises CollectError."""
        ...


@dataclass(slots=True)
class DeviceMemory:
    """What is kept of one device between two polls: counters for rates, rows, and registers that it does not have.

    Not stored; a new one when the device is found again or turns out to be another.
    """

    rates: RateMemory = field(default_factory=RateMemory)
    rows: LostRows = field(default_factory=LostRows)
    split: set[Block] = field(default_factory=set)
    """Reads that the device refused as a whole; their values are read one by one since."""
    missing: set[Block] = field(default_factory=set)
    """Registers that it does not have: not asked again."""


@dataclass(slots=True)
class Asked:
    """What an agent said in one poll, not decoded yet. `failed` (GETs, by OID) and `silent` (walks): why they were not
    answered."""

    scalars: dict[Oid, VarBind] = field(default_factory=dict)
    columns: dict[Oid, Cells] = field(default_factory=dict)
    failed: dict[Oid, str] = field(default_factory=dict)
    silent: dict[Walk, str] = field(default_factory=dict)


async def collect_snmp(
    session: SnmpSession, plan: Plan, group: str, asset: str, ts: int, memory: DeviceMemory | None = None
) -> list[Reading]:
    """Asks for everything of the group and decodes it; rates need the same `memory` at every poll.

    Raises CollectError when the first question was not answered. When a later one fails, its scalars are bad with
    the error's reason and everything else is there; so are the rows of a table that failed twice, as far as `memory`
    knows them.
    """
    return decode_asked(plan, group, await ask_snmp(session, plan, group), asset, ts, memory)


async def ask_snmp(session: SnmpSession, plan: Plan, group: str, also: tuple[Oid, ...] = ()) -> Asked:
    """The first half of `collect_snmp`. `also` goes along with the last GET, because a request of its own would cost
    a quarter of the poll; what a device says to it does not make a poll that failed a good one."""
    asked, found = Asked(), plan.groups[group]
    if not isinstance(found, SnmpGroup):
        return asked
    answered = False
    for oids in _along(found.gets, also) if also else found.gets:
        try:
            asked.scalars |= {varbind[0]: varbind for varbind in await session.get(oids)}
            answered = bool(found.gets)
        except CollectError as error:
            if not asked.scalars:
                raise
            asked.failed.update(dict.fromkeys(oids, error.reason))
    for walk in found.walks:
        try:
            walked = await session.walk_columns(walk, sparing=answered)
        except CollectError as error:
            if not answered:
                raise
            asked.silent[walk] = error.reason
            continue
        answered = True
        for column, varbinds in walked.items():
            length = len(column)
            asked.columns[column] = {varbind[0][length:]: varbind for varbind in varbinds}
    return asked


@lru_cache(maxsize=1024)
def _along(gets: tuple[tuple[Oid, ...], ...], also: tuple[Oid, ...]) -> tuple[tuple[Oid, ...], ...]:
    """The GETs with `also` in the last of them, which has the most room."""
    if not gets:
        return (also,)
    there = {oid for oids in gets for oid in oids}
    return (*gets[:-1], (*gets[-1], *(oid for oid in also if oid not in there)))


def decode_asked(
    plan: Plan, group: str, asked: Asked, asset: str, ts: int, memory: DeviceMemory | None = None
) -> list[Reading]:
    """The second half of `collect_snmp`."""
    found = plan.groups[group]
    if not isinstance(found, SnmpGroup):
        return []
    answer, rates = Answer(asked.scalars, asked.columns), memory.rates if memory is not None else None
    readings = decode_answer(found, answer, asset, ts, rates)
    if asked.failed:
        readings += _unanswered(found, asked.failed, readings, asset, ts)
    if memory is not None and found.walks:
        readings = readings + memory.rows.note(group, found, readings, asked.silent, ts)
    return readings


def _unanswered(
    group: SnmpGroup, failed: Mapping[Oid, str], readings: Sequence[Reading], asset: str, ts: int
) -> list[Reading]:
    there = {(reading.point, reading[3]) for reading in readings}
    return [
        Reading(ts, asset, slot.point, slot.index, None, Quality.BAD, failed[slot.oid], slot.source)
        for slot in group.scalars
        if slot.oid in failed and slot.fallback is None and (slot.point, slot.index) not in there
    ]


async def collect_modbus(
    session: ModbusReader, plan: Plan, group: str, asset: str, ts: int, memory: DeviceMemory | None = None
) -> list[Reading]:
    """Reads everything of the group and decodes it.

    A block that the device refuses because it lacks some of its registers is read value by value, and `memory`
    keeps that. Raises CollectError when the first read failed otherwise; a later failure makes its points bad.
    """
    found = plan.groups[group]
    if not isinstance(found, ModbusGroup):
        return []
    kept = memory if memory is not None else DeviceMemory()
    registers: dict[Address, int] = {}
    failed: dict[Address, str] = {}
    answered = False
    for block in found.blocks:
        for part in _parts(found, block) if block in kept.split else (block,):
            answered = await _read(session, found, part, registers, failed, kept, answered) or answered
    return decode_registers(found, registers, failed, asset, ts)


async def _read(
    session: ModbusReader,
    group: ModbusGroup,
    block: Block,
    registers: dict[Address, int],
    failed: dict[Address, str],
    memory: DeviceMemory,
    answered: bool,
) -> bool:
    """Reads one block, or its values one by one; whether the device said anything."""
    if block in memory.missing:
        return False
    function, address, count = block
    try:
        values = await session.read(function, address, count)
    except CollectError as error:
        if not _lacks(error):
            if not answered:
                raise
            failed.update({(function, number): error.reason for number in range(address, address + count)})
            return False
        parts = _parts(group, block)
        if block in parts or not parts:
            memory.missing.add(block)
            failed.update({(function, number): ILLEGAL_ADDRESS for number in range(address, address + count)})
        memory.split.add(block)
        for part in parts:
            await _read(session, group, part, registers, failed, memory, True)
        return True
    if len(values) < count:
        failed.update({(function, number): "decode" for number in range(address, address + count)})
        return True
    registers.update({(function, address + number): value for number, value in enumerate(values[:count])})
    return True


def _lacks(error: CollectError) -> bool:
    """Whether the device says that it has no such register, rather than that it is busy or broken."""
    if error.reason == "exception":
        return error.detail.startswith(_NO_SUCH_REGISTER)
    return error.reason in _NO_SUCH_REGISTER


def _parts(group: ModbusGroup, block: Block) -> list[Block]:
    """The reads of the single values of a block; one of them may be the whole block, and others lie inside it."""
    last = block.address + block.count
    return [
        value
        for value in group.spans
        if value.function == block.function and block.address <= value.address and value.address + value.count <= last
    ]
