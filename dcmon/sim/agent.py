"""An SNMP v1/v2c agent on a UDP socket: GET, GETNEXT and GETBULK over a table that is computed when it is asked for."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any, cast

from dcmon.collectors.snmp.ber import (
    COUNTER64,
    END_OF_MIB_VIEW,
    NO_SUCH_INSTANCE,
    NO_SUCH_OBJECT,
    NULL,
    DecodeError,
    Oid,
    VarBind,
    oid_parts,
)
from dcmon.collectors.snmp.message import (
    GET,
    GETBULK,
    GETNEXT,
    NO_SUCH_NAME,
    TOO_BIG,
    V1,
    Message,
    decode_message,
    encode_response,
)
from dcmon.sim.devices.mib import Table, Values

MAX_MESSAGE = 1_400
"""Octets of variable bindings in one answer: small cards send no more, and larger datagrams get lost."""
_MAX_REPETITIONS = 100


class MibView:
    """The table of a device with its order of a walk; sorted anew only when rows come or go."""

    def __init__(self, table: Table, stamp: Callable[[], int]) -> None:
        self._table = table
        self._stamp = stamp
        self._taken = -1
        self.values: Values = {}
        self._oids: list[Oid] = []
        self._keys: list[tuple[int, ...]] = []
        self._positions: dict[Oid, int] = {}

    def refresh(self) -> None:
        """Computes the table when the plant has moved on since the last time."""
        stamp = self._stamp()
        if stamp == self._taken:
            return
        self._taken = stamp
        values = self._table()
        if values.keys() != self.values.keys():
            self._oids = sorted(values, key=oid_parts)
            self._keys = [oid_parts(oid) for oid in self._oids]
            self._positions = {oid: position for position, oid in enumerate(self._oids)}
        self.values = values

    def get(self, oid: Oid) -> VarBind:
        """The value, or noSuchInstance below a known column, or noSuchObject."""
        found = self.values.get(oid)
        if found is not None:
            return VarBind(oid, *found)
        parts = oid_parts(oid)
        position = bisect_right(self._keys, parts)
        siblings = self._keys[max(0, position - 1) : position + 1]
        known = any(key[: len(parts) - 1] == parts[:-1] for key in siblings)
        return VarBind(oid, NO_SUCH_INSTANCE if known else NO_SUCH_OBJECT, None)

    def position_after(self, oid: Oid) -> int:
        """Where in the walk the successor of `oid` stands; may be the end."""
        position = self._positions.get(oid)
        return bisect_right(self._keys, oid_parts(oid)) if position is None else position + 1

    def at(self, position: int, *, counter64: bool, start: Oid) -> VarBind:
        """The binding at a position; those that v1 cannot carry are passed over. Behind the last: endOfMibView."""
        while position < len(self._oids):
            oid = self._oids[position]
            tag, value = self.values[oid]
            if counter64 or tag != COUNTER64:
                return VarBind(oid, tag, value)
            position += 1
        return VarBind(start, END_OF_MIB_VIEW, None)


class SnmpAgent(asyncio.DatagramProtocol):
    """One device's agent. A wrong community, a message that it cannot read and a device that is mute get no answer."""

    def __init__(self, view: MibView, answers: Callable[[], bool], community: bytes | None) -> None:
        self._view = view
        self._answers = answers
        self._community = community
        self._transport: asyncio.DatagramTransport | None = None
        self.requests = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        answer = self.respond(data)
        if answer is not None and self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(answer, addr)

    def respond(self, data: bytes) -> bytes | None:
        """The answer to one datagram, or None."""
        if not self._answers():
            return None
        try:
            message = decode_message(data)
        except DecodeError:
            return None
        if not isinstance(message, Message) or message.pdu not in (GET, GETNEXT, GETBULK):
            return None
        if self._community is not None and message.community != self._community:
            return None
        if message.version == V1 and message.pdu == GETBULK:
            return None
        self.requests += 1
        self._view.refresh()
        return self._answer(message)

    def _answer(self, message: Message) -> bytes:
        if message.pdu == GETBULK:
            return _encode(message, self._bulk(message))
        oids = [varbind.oid for varbind in message.varbinds]
        if message.pdu == GET:
            found = [self._view.get(oid) for oid in oids]
        else:
            found = [self._next(oid, counter64=message.version != V1) for oid in oids]
        if message.version == V1:
            for index, varbind in enumerate(found, start=1):
                if varbind.tag in (NO_SUCH_OBJECT, NO_SUCH_INSTANCE, END_OF_MIB_VIEW, COUNTER64):
                    return _encode(message, _nulls(oids), NO_SUCH_NAME, index)
        if sum(map(_size, found)) > MAX_MESSAGE:
            return _encode(message, _nulls(oids) if message.version == V1 else (), TOO_BIG)
        return _encode(message, found)

    def _next(self, oid: Oid, *, counter64: bool) -> VarBind:
        return self._view.at(self._view.position_after(oid), counter64=counter64, start=oid)

    def _bulk(self, message: Message) -> list[VarBind]:
        """RFC 3416 section 4.2.3; cut off where the answer would grow too large, and where all columns have ended."""
        view = self._view
        oids = [varbind.oid for varbind in message.varbinds]
        head = max(0, min(message.error_status, len(oids)))
        found = [self._next(oid, counter64=True) for oid in oids[:head]]
        size = sum(map(_size, found))
        cursors = [(view.position_after(oid), oid) for oid in oids[head:]]
        for repetition in range(min(max(0, message.error_index), _MAX_REPETITIONS)):
            row = [view.at(start + repetition, counter64=True, start=last) for start, last in cursors]
            for position, varbind in enumerate(row):
                size += _size(varbind)
                if size > MAX_MESSAGE and found:
                    return found
                found.append(varbind)
                cursors[position] = (cursors[position][0], varbind.oid)
            if all(varbind.tag == END_OF_MIB_VIEW for varbind in row):
                break
        return found


def _size(varbind: VarBind) -> int:
    """Octets that the binding takes, near enough."""
    value = varbind.value
    return 8 + len(varbind.oid) + (len(value) if isinstance(value, (bytes, str)) else 5)


def _nulls(oids: Sequence[Oid]) -> list[VarBind]:
    return [VarBind(oid, NULL, None) for oid in oids]


def _encode(message: Message, varbinds: Sequence[VarBind], status: int = 0, index: int = 0) -> bytes:
    return encode_response(message.version, message.community, message.request_id, varbinds, status, index)
