"""A Modbus TCP server for the simulated controllers and gateways: functions 3 and 4, nothing that writes.

pymodbus brings a server, too; it is left to the tests as the other side's judge, because a simulated device must be
able to fall silent, to lose one unit behind a gateway and to compute a register when it is read (ADR 11).
"""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Mapping
from typing import cast

from dcmon.sim.devices.registers import GATEWAY_NO_RESPONSE, HOLDING, ILLEGAL_FUNCTION, ILLEGAL_VALUE, INPUT, Read

_HEADER = struct.Struct(">HHHB")
_REQUEST = struct.Struct(">BHH")
_MAX_LENGTH = 254
_MAX_REGISTERS = 125


class Unit:
    """One unit id behind an endpoint."""

    def __init__(self, read: Read, answers: Callable[[], bool]) -> None:
        self.read = read
        self.answers = answers


class ModbusConnection(asyncio.Protocol):
    """One client. Requests are answered in order; a frame that is no Modbus ends the connection."""

    def __init__(self, units: Mapping[int, Unit], open_: set[asyncio.Transport]) -> None:
        self._units = units
        self._open = open_
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._open.add(self._transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._transport is not None:
            self._open.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        self._buffer += data
        while len(self._buffer) >= _HEADER.size + 1:
            transaction, protocol, length, unit = _HEADER.unpack_from(self._buffer)
            if protocol != 0 or not 2 <= length <= _MAX_LENGTH:
                self._transport.close()
                return
            end = _HEADER.size - 1 + length
            if len(self._buffer) < end:
                return
            pdu, self._buffer = self._buffer[_HEADER.size : end], self._buffer[end:]
            answer = self._answer(unit, pdu)
            if answer:
                self._transport.write(_HEADER.pack(transaction, 0, len(answer) + 1, unit) + answer)

    def _answer(self, unit: int, pdu: bytes) -> bytes:
        """The PDU of the answer; empty when the unit is mute."""
        function = pdu[0]
        device = self._units.get(unit)
        if device is None:
            return bytes((function | 0x80, GATEWAY_NO_RESPONSE))
        if not device.answers():
            return b""
        if function not in (HOLDING, INPUT):
            return bytes((function | 0x80, ILLEGAL_FUNCTION))
        if len(pdu) != _REQUEST.size:
            return bytes((function | 0x80, ILLEGAL_VALUE))
        _, address, count = _REQUEST.unpack(pdu)
        if not 1 <= count <= _MAX_REGISTERS or address + count > 0x10000:
            return bytes((function | 0x80, ILLEGAL_VALUE))
        found = device.read(function, address, count)
        if isinstance(found, int):
            return bytes((function | 0x80, found))
        return bytes((function, 2 * count)) + struct.pack(f">{count}H", *found)
