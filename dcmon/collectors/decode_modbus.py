"""Modbus registers and bits to readings, by a plan made beforehand. Pure; `collect` asks the device.

Types are decoded from 16-bit registers in the order they came; sentinels are compared before any scale.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from dcmon.collectors.decode import BAD, Decoder, Raw
from dcmon.collectors.decode_answer import Output
from dcmon.collectors.decode_dynamic import Dynamic
from dcmon.collectors.profile_model import Reference
from dcmon.model import Reading

FUNCTION_NAMES: Final[Mapping[int, str]] = {1: "coil", 2: "discrete", 3: "holding", 4: "input"}
WORDS: Final[Mapping[str, int]] = {
    "bit": 1, "u16": 1, "s16": 1, "bits": 1, "nibbles": 1, "u32": 2, "s32": 2, "f32": 2, "u64": 4, "s64": 4, "f64": 4,
}  # fmt: skip
"""Registers per value."""

Address: TypeAlias = tuple[int, int]
"""(function, address on the wire)."""
Assemble: TypeAlias = Callable[[Sequence[int]], Raw]


class Slot(NamedTuple):
    """One point from some registers that follow each other."""

    function: int
    address: int
    words: int
    point: str
    index: str | None  # type: ignore[assignment]  # shadows tuple.index, which nobody needs here
    source: str
    assemble: Assemble
    decode: Decoder
    dynamic: Dynamic | None
    required: bool
    fallback: str | None


class Block(NamedTuple):
    """One read."""

    function: int
    address: int
    count: int  # type: ignore[assignment]  # shadows tuple.count, which nobody needs here


@dataclass(frozen=True, slots=True)
class ModbusGroup:
    """What is read together."""

    blocks: tuple[Block, ...] = ()
    slots: tuple[Slot, ...] = ()
    spans: tuple[Block, ...] = ()
    """The single values, those among them that only tell about others."""


def assembler(kind: str, word_order: str, counted: frozenset[object] = frozenset()) -> Assemble:
    """Registers to the raw value. Bytes within a register are always high first (Modbus specification 4.2)."""
    match kind:
        case "bit" | "u16":
            return _first
        case "s16":
            return _s16
        case "bits":
            return _bits
        case "nibbles":
            return _nibbles(counted)
        case "f32" | "f64":
            return _float(kind, word_order)
        case _:
            return _integer(kind, word_order)


def _first(registers: Sequence[int]) -> Raw:
    return registers[0]


def _s16(registers: Sequence[int]) -> Raw:
    value = registers[0]
    return value - 0x10000 if value & 0x8000 else value


def _integer(kind: str, word_order: str) -> Assemble:
    bits = int(kind[1:])
    signed = kind[0] == "s"
    high_first = word_order == "big"

    def assemble(registers: Sequence[int]) -> Raw:
        value = 0
        for register in registers if high_first else reversed(registers):
            value = value << 16 | register
        return value - (1 << bits) if signed and value >> (bits - 1) else value

    return assemble


def _float(kind: str, word_order: str) -> Assemble:
    unsigned = _integer("u32" if kind == "f32" else "u64", word_order)
    size, code = (4, ">f") if kind == "f32" else (8, ">d")

    def assemble(registers: Sequence[int]) -> Raw:
        bits = unsigned(registers)
        if not isinstance(bits, int):
            return None
        value: float = struct.unpack(code, bits.to_bytes(size, "big"))[0]
        # A 32-bit float holds seven digits: 230.1 must not come out as 230.10000610351562.
        return float(f"{value:.7g}") if kind == "f32" else value

    return assemble


def _bits(registers: Sequence[int]) -> Raw:
    """How many bits are set."""
    return sum(register.bit_count() for register in registers)


def _nibbles(counted: frozenset[object]) -> Assemble:
    """How many of the four states per register are among those counted."""
    wanted = tuple(state in counted for state in range(16))

    def assemble(registers: Sequence[int]) -> Raw:
        return sum(
            wanted[register >> 12 & 0xF]
            + wanted[register >> 8 & 0xF]
            + wanted[register >> 4 & 0xF]
            + wanted[register & 0xF]
            for register in registers
        )

    return assemble


def decode_registers(
    group: ModbusGroup, registers: Mapping[Address, int], failed: Mapping[Address, str], asset: str, ts: int
) -> list[Reading]:
    """Readings of one poll. `failed`: first address of a value -> why it could not be read. Never raises.

    What the device does not have (reason illegal_address) does not appear unless it is required.
    """
    out = Output(ts, asset)
    late: list[Slot] = []
    for slot in group.slots:
        if slot.fallback is not None:
            late.append(slot)
            continue
        reading = _reading(slot, registers, failed, asset, ts)
        if reading is not None:
            out.readings.append(reading)
    for slot in late:
        fallback = slot.fallback or "index"
        if out.wanted(slot.point, slot.index, fallback):
            reading = _reading(slot, registers, failed, asset, ts)
            if reading is not None:
                out.add_late(reading, fallback)
    return out.readings


def _reading(
    slot: Slot, registers: Mapping[Address, int], failed: Mapping[Address, str], asset: str, ts: int
) -> Reading | None:
    function, address, words, point, index, source, assemble, decode, dynamic, required, _ = slot
    try:
        if words == 1:
            raw = assemble((registers[function, address],))
        else:
            raw = assemble([registers[function, number] for number in range(address, address + words)])
    except KeyError:
        reason = failed.get((function, address), ILLEGAL_ADDRESS)
        if reason != ILLEGAL_ADDRESS:
            return Reading(ts, asset, point, index, None, BAD, reason, source)
        return Reading(ts, asset, point, index, None, BAD, "absent", source) if required else None
    if dynamic is None:
        return Reading(ts, asset, point, index, *decode(raw), source)

    def other(reference: Reference) -> Raw:
        if reference.holding is not None:
            return registers.get((3, reference.holding))
        return registers.get((4, reference.input)) if reference.input is not None else None

    result = dynamic.decode(raw, other)
    if result is None:
        return None
    return Reading(ts, asset, point, index, *result, source)


ILLEGAL_ADDRESS: Final = "illegal_address"
"""The device has no such register."""
