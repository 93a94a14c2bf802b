"""The native SNMP v1/v2c client: one UDP socket per address family for all devices.

An answer counts when its request id, its source address, its version and its community are those of a request that
waits; everything else is counted and forgotten. A retransmission carries the same id, so a late answer to the first
sending still counts.
"""

from __future__ import annotations

import asyncio
import errno
import os
import random
import socket
from typing import Final

from dcmon.collectors.snmp.ber import DecodeError, Oid
from dcmon.collectors.snmp.message import GET, RESPONSE, V1, VERSIONS, decode_body, decode_header, prepare_request
from dcmon.collectors.snmp.session import Answer, Session, SnmpSession, SnmpStats
from dcmon.collectors.snmp.udp import RECEIVE_BUFFER, Address, UdpEndpoint, open_socket, resolve
from dcmon.model import CollectError

_MAX_PREPARED: Final = 64
_FIRST_ID: Final = 1 << 30
_SWEEP_S: Final = 0.02
_ANY: Final[dict[int, Address]] = {socket.AF_INET: ("0.0.0.0", 0), socket.AF_INET6: ("::", 0)}


class _Pending:
    """A request that waits for its answer."""

    __slots__ = ("address", "attempts", "datagram", "deadline", "endpoint", "exchange", "future", "garbled")

    def __init__(
        self,
        exchange: NativeExchange,
        future: asyncio.Future[Answer],
        endpoint: UdpEndpoint,
        address: Address,
        attempts: int,
    ) -> None:
        self.exchange = exchange
        self.future = future
        self.endpoint = endpoint
        self.address = address
        self.attempts = attempts
        self.datagram = b""
        self.deadline = 0.0
        self.garbled: DecodeError | None = None


class NativeClient:
    """Owns the sockets and the requests under way, at most `max_in_flight` of them."""

    def __init__(self, *, max_in_flight: int = 200, receive_buffer: int = RECEIVE_BUFFER) -> None:
        self.stats = SnmpStats()
        self.gate = asyncio.Semaphore(max_in_flight)
        self._receive_buffer = receive_buffer
        self._endpoints: dict[int, UdpEndpoint] = {}
        self._pending: dict[int, _Pending] = {}
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
        """A session with one agent. version: `1` or `2c`. Each of the `retries` + 1 sendings waits `timeout_s`."""
        if version not in VERSIONS:
            raise ValueError(f"the native client speaks SNMP 1 and 2c, not {version!r}; version 3 is PysnmpClient's")
        exchange = NativeExchange(self, host, port, VERSIONS[version], community.encode(), timeout_s, retries)
        return Session(exchange, self.stats)

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

    def start(self, pending: _Pending, prefix: bytes, suffix: bytes) -> int:
        """Sends a request under a fresh id, which is returned: hard to guess, four octets long as `prefix` says."""
        request_id = _FIRST_ID | self._random.getrandbits(30)
        while request_id in self._pending:
            request_id = _FIRST_ID | self._random.getrandbits(30)
        self._pending[request_id] = pending
        pending.datagram = prefix + request_id.to_bytes(4, "big") + suffix
        self.stats.requests += 1
        self._send(pending)
        if self._sweeping is None:
            self._sweeping = self._loop.call_later(_SWEEP_S, self._sweep)
        return request_id

    def forget(self, request_id: int) -> None:
        """What still comes under this id is stray."""
        self._pending.pop(request_id, None)

    def abandon(self, exchange: NativeExchange | None) -> None:
        """Ends the requests of one exchange, or all, with CollectError(closed)."""
        for pending in self._pending.values():
            if exchange is None or pending.exchange is exchange:
                _fail(pending, CollectError("closed", "the SNMP session was closed"))

    def _send(self, pending: _Pending) -> None:
        pending.deadline = self._loop.time() + pending.exchange.timeout_s
        try:
            pending.endpoint.send(pending.datagram, pending.address)
        except OSError as error:
            _fail(pending, CollectError("unreachable", error.strerror or str(error)))

    def _sweep(self) -> None:
        """Looks for requests whose time is over: one timer for all costs less than one for each."""
        now = self._loop.time()
        for pending in self._pending.values():
            if pending.deadline <= now and not pending.future.done():
                self._expire(pending)
        self._sweeping = self._loop.call_later(_SWEEP_S, self._sweep) if self._pending else None

    def _expire(self, pending: _Pending) -> None:
        if pending.attempts > 0:
            pending.attempts -= 1
            self.stats.retransmissions += 1
            self._send(pending)
            return
        self.stats.timeouts += 1
        if pending.garbled is not None:
            _fail(pending, CollectError("decode", f"its answers cannot be read: {pending.garbled}"))
        else:
            _fail(pending, CollectError("timeout", "no answer; check address, community and the agent's access list"))

    def _on_datagram(self, data: bytes, address: Address) -> None:
        try:
            header = decode_header(data)
        except DecodeError as error:
            self._garbled(error, address)
            return
        pending = self._pending.get(header.request_id)
        if (
            pending is None
            or pending.address != address
            or header.community != pending.exchange.community
            or header.version != pending.exchange.version
            or header.pdu != RESPONSE
            or pending.future.done()
        ):
            self.stats.stray += 1
            return
        try:
            status, index, varbinds = decode_body(data, header)
        except DecodeError as error:
            self.stats.decode_errors += 1
            pending.garbled = error
            return
        pending.future.set_result(Answer(status, index, varbinds, len(data)))

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
                    _fail(pending, CollectError("refused", "nothing listens there (ICMP port unreachable)"))
                else:
                    _fail(pending, CollectError("unreachable", os.strerror(code)))


def _fail(pending: _Pending, error: CollectError) -> None:
    if not pending.future.done():
        pending.future.set_exception(error)


class NativeExchange:
    """Requests to one agent, with its address, its credentials and its prepared GETs."""

    def __init__(
        self,
        client: NativeClient,
        host: str,
        port: int,
        version: int,
        community: bytes,
        timeout_s: float,
        retries: int,
    ) -> None:
        self.bulk = version != V1
        self.version = version
        self.community = community
        self.timeout_s = timeout_s
        self._client = client
        self._host = host
        self._port = port
        self._retries = retries
        self._where: tuple[UdpEndpoint, Address] | None = None
        self._candidates: list[tuple[int, Address]] = []
        self._prepared: dict[tuple[Oid, ...], tuple[bytes, bytes]] = {}
        self._loop = asyncio.get_running_loop()

    async def request(
        self, pdu: int, oids: tuple[Oid, ...], repetitions: int = 0, retries: int | None = None
    ) -> Answer:
        client = self._client
        prefix, suffix = self._prepare(oids) if pdu == GET else self._encode(pdu, oids, repetitions)
        await client.gate.acquire()
        request_id = None
        try:
            endpoint, address = self._where or await self._locate()
            attempts = self._retries if retries is None else min(retries, self._retries)
            pending = _Pending(self, self._loop.create_future(), endpoint, address, attempts)
            request_id = client.start(pending, prefix, suffix)
            return await pending.future
        except CollectError:
            self._where = None  # a name may point elsewhere by now
            raise
        finally:
            client.gate.release()
            if request_id is not None:
                client.forget(request_id)

    async def close(self) -> None:
        self._client.abandon(self)

    def _prepare(self, oids: tuple[Oid, ...]) -> tuple[bytes, bytes]:
        prepared = self._prepared.get(oids)
        if prepared is None:
            if len(self._prepared) >= _MAX_PREPARED:
                self._prepared.clear()
            prepared = self._prepared[oids] = self._encode(GET, oids, 0)
        return prepared

    def _encode(self, pdu: int, oids: tuple[Oid, ...], repetitions: int) -> tuple[bytes, bytes]:
        return prepare_request(self.version, self.community, pdu, oids, repetitions)

    async def _locate(self) -> tuple[UdpEndpoint, Address]:
        """The next address of the host; after the last one the name is looked up again."""
        if not self._candidates:
            try:
                async with asyncio.timeout(self.timeout_s * (self._retries + 1)):
                    self._candidates = await resolve(self._host, self._port)
            except (OSError, UnicodeError, TimeoutError) as error:
                raise CollectError("resolve", f"{self._host} has no address: {error or 'no answer'}") from error
        family, address = self._candidates.pop(0)
        self._where = (self._client.endpoint(family), address)
        return self._where
