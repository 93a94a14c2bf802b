"""Modbus requests and answers as bytes: pure, and able to read only.

Source: MODBUS Application Protocol Specification V1.1b3 (function codes 1 to 4, exception codes) and MODBUS over
Serial Line V1.02 (CRC). A request with any other function code cannot be made.
"""

from __future__ import annotations

import struct
from functools import cache
from typing import NamedTuple

from dcmon.model import CollectError

COILS, DISCRETE_INPUTS, HOLDING_REGISTERS, INPUT_REGISTERS = 1, 2, 3, 4
TABLE_NAMES = {COILS: "coil", DISCRETE_INPUTS: "discrete", HOLDING_REGISTERS: "holding", INPUT_REGISTERS: "input"}
MAX_REGISTERS = 125
MAX_BITS = 2000

EXCEPTIONS = {
    1: "illegal_function",
    2: "illegal_address",
    3: "illegal_value",
    4: "device_failure",
    5: "acknowledge",
    6: "device_busy",
    7: "negative_acknowledge",
    8: "memory_parity_error",
    10: "gateway_path_unavailable",
    11: "gateway_target_failed",
}
_GATEWAY_SILENCE = frozenset({10, 11})
"""A gateway's way to say that the unit behind it does not answer."""


class Request(NamedTuple):
    """One read. `pdu` is function, address and quantity; `length` the data bytes that a right answer carries."""

    unit: int
    function: int
    address: int
    quantity: int
    length: int
    pdu: bytes

    def __str__(self) -> str:
        return f"unit {self.unit} {TABLE_NAMES[self.function]} {self.address}+{self.quantity}"


@cache
def read_request(unit: int, function: int, address: int, count: int) -> Request:
    """A read of `count` bits (functions 1, 2) or registers (3, 4) from the 0-based `address`.

    ValueError for anything that the protocol does not allow in one read, and for every function that is no read.
    """
    if function not in TABLE_NAMES:
        raise ValueError(f"Modbus function {function} is none of the reads 1 to 4; dcmon never writes")
    most = MAX_BITS if function <= DISCRETE_INPUTS else MAX_REGISTERS
    if not 1 <= count <= most:
        raise ValueError(f"function {function} reads 1 to {most} at once, not {count}")
    if not 0 <= address <= 0x10000 - count:
        raise ValueError(f"addresses are 0 to 65535, not {address}+{count}")
    if not 0 <= unit <= 255:
        raise ValueError(f"a unit is 0 to 255, not {unit}")
    length = (count + 7) // 8 if function <= DISCRETE_INPUTS else 2 * count
    return Request(unit, function, address, count, length, struct.pack(">BHH", function, address, count))


@cache
def _registers(count: int) -> struct.Struct:
    return struct.Struct(f">{count}H")


def parse_answer(request: Request, pdu: bytes | memoryview) -> list[int]:
    """The registers (0 to 65535) or bits (0 or 1) of an answer's PDU (function code and what follows).

    CollectError: `exception` with the code's name, `timeout` where a gateway says that the unit is silent,
    `decode` for another function, byte count or length than asked.
    """
    size = len(pdu)
    if size < 2:
        raise CollectError("decode", f"{request}: an answer of {size} bytes")
    function, second = pdu[0], pdu[1]
    if function == request.function | 0x80:
        if size != 2:
            raise CollectError("decode", f"{request}: an exception of {size} bytes")
        raise exception_error(request, second)
    if function != request.function:
        raise CollectError("decode", f"{request}: the answer is to function {function}")
    if second != request.length or size != 2 + request.length:
        raise CollectError("decode", f"{request}: {second} data bytes announced, {size - 2} came, {request.length} fit")
    if function >= HOLDING_REGISTERS:
        return list(_registers(request.quantity).unpack_from(pdu, 2))
    bits = int.from_bytes(pdu[2:], "little")
    return [bits >> position & 1 for position in range(request.quantity)]


def exception_error(request: Request, code: int) -> CollectError:
    """What an exception code means to the reader."""
    name = EXCEPTIONS.get(code, f"code_{code}")
    if code in _GATEWAY_SILENCE:
        return CollectError("timeout", f"{request}: the gateway says that the unit does not answer ({name})")
    return CollectError("exception", f"{name} for {request}")


def _crc_table() -> tuple[int, ...]:
    table = []
    for byte in range(256):
        crc = byte
        for _ in range(8):
            crc = crc >> 1 ^ 0xA001 if crc & 1 else crc >> 1
        table.append(crc)
    return tuple(table)


_CRC_TABLE = _crc_table()


def crc16(data: bytes | bytearray | memoryview) -> int:
    """CRC-16/MODBUS (reflected 0x8005, start 0xFFFF); sent low byte first."""
    crc, table = 0xFFFF, _CRC_TABLE
    for byte in data:
        crc = crc >> 8 ^ table[(crc ^ byte) & 0xFF]
    return crc


@cache
def rtu_frame(request: Request) -> bytes:
    """Unit, PDU and CRC."""
    body = bytes((request.unit,)) + request.pdu
    return body + crc16(body).to_bytes(2, "little")
