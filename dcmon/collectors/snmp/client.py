"""The native SNMP client: one UDP socket per address family for all devices.

An answer counts when its request id, its source address, its version and its community (v3: its user, its digest and
its time) are those of a request that waits; everything else is counted and forgotten. A retransmission carries the
same id, so a late answer to the first sending still counts.
"""

from __future__ import annotations

import asyncio
import errno
import os
import random
import socket
from collections.abc import Callable
from typing import Any, Final

from dcmon.collectors.names import Address, Names
from dcmon.collectors.slots import Slots
from dcmon.collectors.snmp.ber import DecodeError, encode_integer
from dcmon.collectors.snmp.community import CommunityExchange
from dcmon.collectors.snmp.message import RESPONSE, V3, VERSIONS, decode_body, decode_header
from dcmon.collectors.snmp.session import Answer, Exchange, Session, SnmpSession, SnmpStats
from dcmon.collectors.snmp.target import Pending, Target
from dcmon.collectors.snmp.udp import RECEIVE_BUFFER, UdpEndpoint, open_socket
from dcmon.collectors.snmp.usm import V3User
from dcmon.collectors.snmp.v3 import UserExchange
from dcmon.collectors.snmp.v3message import decode_v3
from dcmon.model import CollectError

_FIRST_ID: Final = 1 << 30
_SWEEP_S: Final = 0.02
_V3_VERSION: Final = encode_integer(V3)
_ANY: Final[dict[int, Address]] = {socket.AF_INET: ("0.0.0.0", 0), socket.AF_INET6: ("::", 0)}


class NativeClient:
    """Owns the sockets and the requests under way: `max_in_flight` of them, and those that nobody answers quickly."""

    _community_exchange: type[CommunityExchange] = CommunityExchange

    def __init__(
        self, *, max_in_flight: int = 200, receive_buffer: int = RECEIVE_BUFFER, names: Names | None = None
    ) -> None:
        self.stats = SnmpStats()
        self._names = names or Names()
        self._slots = Slots(max_in_flight)
        self._receive_buffer = receive_buffer
        self._endpoints: dict[int, UdpEndpoint] = {}
        self._pending: dict[int, Pending] = {}
        self._random = random.Random(os.urandom(16))
        self._closed = False
        self._loop = asyncio.get_running_loop()
        self._sweeping: asyncio.TimerHandle | None = None

    def session(
        self,
        host: str,
        port: int = 161,
        version: str = "2c",
        community: str = "public",
        *,
        timeout_s: float = 2.0,
        retries: int = 2,
    ) -> SnmpSession:
        """A session with one agent. version: `1` or `2c`. The `retries` + 1 sendings together wait `timeout_s` each;
        once it is known how quickly the agent answers, what is lost is sent again sooner, and the last waits longer.
        """
        if version not in VERSIONS:
            raise ValueError(f"a community is for SNMP 1 and 2c, not {version!r}; version 3 has users: session_v3")
        target = Target(host, port, timeout_s * (retries + 1), self.endpoint, self._names)
        exchange = self._community_exchange(self, target, VERSIONS[version], community.encode(), timeout_s, retries)
        return Session(exchange, self.stats)

    def session_v3(
        self, host: str, port: int, user: V3User, *, timeout_s: float = 2.0, retries: int = 2
    ) -> SnmpSession:
        """A session with one agent as a user of SNMPv3; the agent's engine is found with the first request."""
        target = Target(host, port, timeout_s * (retries + 1), self.endpoint, self._names)
        return Session(UserExchange(self, target, user, timeout_s, retries), self.stats)

    @property
    def in_flight(self) -> int:
        """Requests that wait for an answer now."""
        return len(self._pending)

    async def close(self) -> None:
        """Closes the sockets; requests under way end with CollectError(closed)."""
        self._closed = True
        self.abandon(None)
        if self._sweeping is not None:
            self._sweeping.cancel()
        for endpoint in self._endpoints.values():
            endpoint.close()
        self._endpoints.clear()

    def endpoint(self, family: int) -> UdpEndpoint:
        """The socket of an address family, opened when it is first needed."""
        endpoint = self._endpoints.get(family)
        if endpoint is None:
            if self._closed:
                raise CollectError("closed", "the SNMP client was closed")
            try:
                sock = open_socket(family, _ANY[family], self._receive_buffer)
            except OSError as error:
                raise CollectError("unreachable", f"no UDP socket for this address family: {error}") from error
            endpoint = self._endpoints[family] = UdpEndpoint(sock, self._on_datagram, self._on_error)
        return endpoint

    async def transact(
        self,
        exchange: Exchange,
        target: Target,
        attempts: int,
        build: Callable[[int], bytes],
        kind: type[Pending] = Pending,
    ) -> Any:
        """Sends what `build` makes of a fresh request id, `attempts` times more when nobody answers, and waits.

        The id is hard to guess and four octets long. A request holds its slot for a tenth of a second at most while
        others wait: neither dead devices nor a name server that is away may keep them. Returns what the exchange makes
        of the answer; CollectError.
        """
        endpoint, address = target.where or await target.locate()
        slot = await self._slots.take()
        request_id = 0
        try:
            pending = kind(exchange, self._loop.create_future(), endpoint, address, attempts, target)
            while request_id in self._pending or not request_id:
                request_id = _FIRST_ID | self._random.getrandbits(30)
            self._pending[request_id] = pending
            pending.datagram = build(request_id)
            self.stats.requests += 1
            self._send(pending)
            if self._sweeping is None:
                self._sweeping = self._loop.call_later(_SWEEP_S, self._sweep)
            answer = await pending.future
            target.took(self._loop.time() - pending.sent)
            return answer
        except CollectError:
            target.where = None  # a name may point elsewhere by now
            raise
        finally:
            self._pending.pop(request_id, None)
            self._slots.give_back(slot)

    def abandon(self, exchange: Exchange | None) -> None:
        """Ends the requests of one exchange, or all, with CollectError(closed)."""
        for pending in self._pending.values():
            if exchange is None or pending.exchange is exchange:
                pending.fail(CollectError("closed", "the SNMP session was closed"))

    def _send(self, pending: Pending) -> None:
        try:
            pending.send(self._loop.time())
        except OSError as error:
            pending.fail(CollectError("unreachable", error.strerror or str(error)))

    def _sweep(self) -> None:
        """Looks for requests whose time is over: one timer for all costs less than one for each."""
        now = self._loop.time()
        for pending in self._pending.values():
            if pending.deadline <= now and not pending.future.done():
                self._expire(pending)
        self._sweeping = self._loop.call_later(_SWEEP_S, self._sweep) if self._pending else None

    def _expire(self, pending: Pending) -> None:
        if pending.attempts > 0:
            pending.attempts -= 1
            self.stats.retransmissions += 1
            self._send(pending)
            return
        self.stats.timeouts += 1
        if pending.garbled is not None:
            pending.fail(CollectError("decode", f"its answers cannot be read: {pending.garbled}"))
        else:
            elsewhere = f" (but one from {pending.elsewhere})" if pending.elsewhere else ""
            pending.fail(CollectError("timeout", f"no answer{elsewhere}; check {pending.exchange.suspects}"))

    def _on_datagram(self, data: bytes, address: Address) -> None:
        try:
            header = decode_header(data)
        except DecodeError as error:
            self._on_other(data, address, error)
            return
        pending = self._waiting(address, header.version, header.community, header.pdu, header.request_id)
        if pending is None:
            return
        try:
            status, index, varbinds = decode_body(data, header)
        except DecodeError as error:
            self.stats.decode_errors += 1
            pending.garbled = error
            return
        pending.future.set_result(Answer(status, index, varbinds, len(data)))

    def _waiting(self, address: Address, version: int, community: bytes, pdu: int, request_id: int) -> Pending | None:
        """The request that a v1 or v2c message answers; None, and counted, when none waits for it."""
        pending = self._pending.get(request_id)
        if (
            pending is None
            or pending.address != address
            or version != pending.exchange.version
            or community != pending.exchange.community
            or pdu != RESPONSE
            or pending.future.done()
        ):
            self.stats.stray += 1
            if pending is not None and pending.address != address and pdu == RESPONSE:
                # Nobody guesses the id: this is the agent, answering out of another of its addresses.
                pending.elsewhere = f"{address[0]} port {address[1]}"
            return None
        return pending

    def _on_other(self, data: bytes, address: Address, error: DecodeError) -> None:
        """No v1 or v2c message: an answer to a v3 request, or garbage."""
        try:
            message = decode_v3(data)
            pending = self._pending.get(message.msg_id)
            if (
                pending is None
                or pending.address != address
                or pending.future.done()
                or not isinstance(pending.exchange, UserExchange)
                or not pending.exchange.accept(message, data, pending)
            ):
                self.stats.stray += 1
        except DecodeError as other:
            self._garbled(other if data[2:5] == _V3_VERSION or data[3:6] == _V3_VERSION else error, address)

    def _garbled(self, error: DecodeError, address: Address) -> None:
        """Kept for those who wait for this address, so that in the end they say `decode` and not `timeout`."""
        self.stats.decode_errors += 1
        for pending in self._pending.values():
            if pending.address == address:
                pending.garbled = error

    def _on_error(self, address: Address, code: int) -> None:
        """The network says that a datagram did not arrive."""
        for pending in self._pending.values():
            if pending.address == address:
                if code == errno.ECONNREFUSED:
                    self.stats.refused += 1
                    pending.fail(CollectError("refused", "nothing listens there (ICMP port unreachable)"))
                else:
                    pending.fail(CollectError("unreachable", os.strerror(code)))
