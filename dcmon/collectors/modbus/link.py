"""One open connection that carries one request at a time, in either framing.

An answer is believed only when everything in it that can be compared fits what was asked. RTU frames carry no
transaction id, so after anything but a clean answer nobody knows whose answer comes next: such a link is closed.
"""

from __future__ import annotations

import asyncio
import struct
from typing import ClassVar, cast

from dcmon.collectors.modbus.frames import Request, crc16, parse_answer, rtu_frame
from dcmon.model import CollectError

_MBAP = struct.Struct(">HHHB")
_MAX_ADU = 260
_ID_MASK = 0xFFFF


class Link(asyncio.Protocol):
    """What both framings share: one waiter, one deadline, the end of the connection."""

    trustworthy_after_failure: ClassVar[bool]
    """Whether a late answer can be told from the next one."""

    def __init__(self) -> None:
        self.closed = False
        self.strays = 0
        self.heard = 0
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._transport: asyncio.WriteTransport | None = None
        self._buffer = b""
        self._request: Request | None = None
        self._waiter: asyncio.Future[list[int]] | None = None
        self._answered = False

    async def exchange(self, request: Request, timeout_s: float) -> list[int]:
        """Sends one read and waits for its answer, at most `timeout_s` real seconds.

        CollectError: timeout, reset, decode, exception. Never called while another exchange is under way.
        """
        if self.closed or self._transport is None:
            raise CollectError("reset", f"{request}: the connection is closed")
        loop = asyncio.get_running_loop()
        self._waiter = loop.create_future()
        self._request = request
        timer = loop.call_later(timeout_s, self._expire, timeout_s)
        self._answered = False
        try:
            self._transport.write(self._frame(request))
            return await self._waiter
        finally:
            timer.cancel()
            self._waiter = self._request = None
            # Also when the caller was cancelled: the answer is still on its way.
            if not self._answered and not self.trustworthy_after_failure:
                self.close()

    def close(self) -> None:
        """Ends the connection at once; what was not yet sent or read is forgotten."""
        if self.closed:
            return
        self.closed = True
        self._buffer = b""
        if self._transport is not None:
            self._transport.abort()
        self._fail(CollectError("reset", "the connection was closed"))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.WriteTransport, transport)
        if not self.opened.done():
            self.opened.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed = True
        self._fail(CollectError("reset", f"{self._request}: {exc or 'the device closed the connection'}"))

    def eof_received(self) -> bool:
        return False

    def data_received(self, data: bytes) -> None:
        self.heard += 1
        self._buffer = self._buffer + data if self._buffer else data
        self._consume()

    def _frame(self, request: Request) -> bytes:
        raise NotImplementedError

    def _consume(self) -> None:
        raise NotImplementedError

    def _expire(self, timeout_s: float) -> None:
        self._fail(self._silence(f"{self._request}: no answer within {timeout_s:g} s"))
        if self._buffer:
            # Half a frame: what comes next could only be read from its middle.
            self.close()

    def _silence(self, detail: str) -> CollectError:
        return CollectError("timeout", detail)

    def _fail(self, error: CollectError) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(error)

    def _settle(self, request: Request, pdu: bytes) -> None:
        """Ends the exchange with the answer's values, or with what is wrong with it."""
        if self._waiter is None or self._waiter.done():
            return
        self._answered = True
        try:
            self._waiter.set_result(parse_answer(request, pdu))
        except CollectError as error:
            self._waiter.set_exception(error)


class TcpLink(Link):
    """Modbus TCP: a header with a transaction id, so that strays can be passed over and the link kept."""

    trustworthy_after_failure = True

    def __init__(self) -> None:
        super().__init__()
        self._id = 0
        self._issued = 0
        self._foreign = 0

    def _frame(self, request: Request) -> bytes:
        self._id = self._id + 1 & _ID_MASK
        self._issued = min(self._issued + 1, _ID_MASK)
        self._foreign = 0
        return _MBAP.pack(self._id, 0, len(request.pdu) + 1, request.unit) + request.pdu

    def _silence(self, detail: str) -> CollectError:
        if self._foreign:
            return CollectError("decode", f"{detail}, but {self._foreign} with another transaction id")
        return CollectError("timeout", detail)

    def _consume(self) -> None:
        buffer, start = self._buffer, 0
        while len(buffer) - start >= 8:
            transaction, protocol, length, unit = _MBAP.unpack_from(buffer, start)
            if protocol or not 3 <= length <= _MAX_ADU - 6:
                self._fail(CollectError("decode", f"{self._request}: the answer does not begin with a Modbus header"))
                self.close()
                return
            end = start + 6 + length
            if len(buffer) < end:
                break
            self._take(transaction, unit, buffer[start + 7 : end])
            start = end
        self._buffer = buffer[start:]

    def _take(self, transaction: int, unit: int, pdu: bytes) -> None:
        request = self._request
        if request is None or transaction != self._id:
            self.strays += 1
            # An answer to an earlier read of this link is only late; any other id was never asked for.
            if not 0 < (self._id - transaction & _ID_MASK) < self._issued:
                self._foreign += 1
        elif unit != request.unit:
            self._fail(CollectError("decode", f"{request}: unit {unit} answered"))
        else:
            self._settle(request, pdu)


class RtuLink(Link):
    """RTU frames over TCP or over a serial line."""

    trustworthy_after_failure = False

    def _frame(self, request: Request) -> bytes:
        return rtu_frame(request)

    def _consume(self) -> None:
        request, buffer = self._request, self._buffer
        if request is None or self._waiter is None or self._waiter.done():
            # Nobody asked: these are the bytes that the next read would take for its own.
            self.strays += 1
            self.close()
            return
        if buffer[0] != request.unit:
            self._garbled(f"unit {buffer[0]} answered")
        elif len(buffer) < 3:
            return
        elif buffer[1] == request.function | 0x80:
            self._end(request, buffer, 5)
        elif buffer[1] != request.function or buffer[2] != request.length:
            self._garbled(f"an answer to function {buffer[1]} with {buffer[2]} data bytes")
        else:
            self._end(request, buffer, request.length + 5)

    def _end(self, request: Request, buffer: bytes, size: int) -> None:
        if len(buffer) < size:
            return
        if len(buffer) > size:
            self._garbled(f"{len(buffer) - size} bytes too many")
        elif crc16(buffer[:-2]) != int.from_bytes(buffer[-2:], "little"):
            self._garbled("the checksum is wrong")
        else:
            self._buffer = b""
            self._settle(request, buffer[1:-2])

    def _garbled(self, what: str) -> None:
        self._fail(CollectError("decode", f"{self._request}: {what}"))
        self.close()
