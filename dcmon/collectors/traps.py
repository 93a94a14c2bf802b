"""Receives SNMP traps and informs of all versions.

A trap never changes a value: it is kept as an event, and it makes its device be polled at once (see `trapping`). The
socket's callback does nothing but put the datagram aside, so that a burst is not lost in the kernel while an earlier
trap is being decoded.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from dcmon.clock import Clock
from dcmon.collectors.names import Address
from dcmon.collectors.snmp.ber import DecodeError
from dcmon.collectors.snmp.message import V3, read_version
from dcmon.collectors.snmp.notification import (
    SNMP_TRAP_ADDRESS,
    Notification,
    Other,
    UserInbox,
    Verdict,
    printable,
    read_community,
    trap_names,
)
from dcmon.collectors.snmp.udp import UdpEndpoint, open_socket
from dcmon.collectors.snmp.usm import MAX_BOOTS, V3User
from dcmon.model import CollectError, StoreError

log = logging.getLogger(__name__)

RECEIVE_BUFFER: Final = 32 << 20
"""Room for a burst while the loop is busy: the kernel books some 800 octets for a small trap, 5,000 take 4 MiB."""
_MAX_WAITING: Final = 20_000
_MAX_WAITING_OCTETS: Final = 32 << 20
"""A datagram may be 64 KiB long, and 20,000 of those are more than a process should hold."""
_OCTETS_PER_TURN: Final = 8_000
"""Decoded before the loop may do something else, about a millisecond; the smallest trap counts as `_SMALLEST`."""
_SMALLEST: Final = 400
_DATAGRAMS_PER_TURN: Final = 2_000
_ENOUGH_BUFFER: Final = 4 << 20
_LAST_S: Final = 3.0
"""Real seconds for what waits at the end: whoever stopped dcmon waits for that."""
_YEAR_2020_S: Final = 1_577_836_800
_ENGINE_ID_TEXT: Final = b"\x80\x00\x00\x00\x04"
"""RFC 3411 SnmpEngineID, format 4 (text), without an enterprise of its own."""


@dataclass(frozen=True, slots=True)
class TrapEvent:
    """A trap or inform as it is kept.

    ts: when its datagram was taken, ms UTC. source: the address it came from. uptime: the sender's sysUpTime in
    hundredths of a second. varbinds: (OID, printable value), without sysUpTime and snmpTrapOID. foreign: of a
    community or user that nobody configured; kept, but nothing is polled for it. agent: the address that it says it is
    from (agent-addr of v1, snmpTrapAddress of those that a proxy passed on), which may be another.
    """

    ts: int
    source: str
    trap_oid: str
    uptime: int | None
    varbinds: tuple[tuple[str, str], ...]
    foreign: bool = False
    agent: str | None = None


@dataclass(slots=True)
class TrapStats:
    """Counters for /metrics; they only grow."""

    received: int = 0
    dropped: int = 0
    """Datagrams for which the queue had no room."""
    malformed: int = 0
    foreign: int = 0
    """Of an unknown community or user, with a wrong digest, or stale."""
    folded: int = 0
    """Of a sender that was over its measure: counted in a later event."""
    failed: int = 0
    """Events that could not be kept."""


OnTrap = Callable[[TrapEvent], bool]
"""Keeps an event; False when it was only counted. Raises when it cannot be kept."""


async def _at_once() -> None:
    """For those whose `on_trap` has kept the event when it returns."""


class TrapReceiver:
    """Listens on UDP, normally port 162, and calls `on_trap` for each event in the order of arrival.

    An inform is answered when `kept` has returned, which waits until all events given so far are on the disk. What
    could not be kept is not answered, so that it is sent again; what is sent again meanwhile is no second event.
    `boots` is snmpEngineBoots: senders of v3 informs refuse an engine that started no more often than it had before.
    """

    def __init__(
        self,
        clock: Clock,
        on_trap: OnTrap,
        *,
        kept: Callable[[], Awaitable[None]] = _at_once,
        listen: Sequence[tuple[str, int]] = (("0.0.0.0", 162), ("::", 162)),
        communities: Iterable[str] = (),
        users: Sequence[V3User] = (),
        engine_id: bytes | None = None,
        boots: int = 1,
        receive_buffer: int = RECEIVE_BUFFER,
        max_waiting: int = _MAX_WAITING,
    ) -> None:
        self.stats = TrapStats()
        self._clock = clock
        self._on_trap = on_trap
        self._kept = kept
        self._listen = listen
        self._communities = frozenset(community.encode() for community in communities)
        self._users = users
        self._engine_id = engine_id or _ENGINE_ID_TEXT + b"dcmon-" + socket.gethostname().encode()[:21]
        self._boots = boots
        self._receive_buffer = receive_buffer
        self._max_waiting = max_waiting
        self._waiting: deque[tuple[int, int, bytes, Address]] = deque()
        self._waiting_octets = 0
        self._arrived = asyncio.Event()
        self._unanswered: dict[_Reply, None] = {}
        self._owing = asyncio.Event()
        self._endpoints: list[UdpEndpoint] = []
        self._inbox: UserInbox | None = None
        self._failing = False

    @property
    def addresses(self) -> list[Address]:
        """Where it listens, with the ports that the system chose for port 0."""
        return [endpoint.address for endpoint in self._endpoints]

    def open(self) -> None:
        """Binds the sockets; CollectError(bind) when one cannot be had."""
        if self._inbox is None:  # opened again it goes on: its time must not fall back while its boots stay
            self._inbox = UserInbox(self._users, self._engine_id, self._boots, asyncio.get_running_loop().time)
        try:
            for number, (host, port) in enumerate(self._listen):
                self._endpoints.append(self._bind(number, host, port))
        except BaseException:
            self.close()
            raise
        granted = min((endpoint.receive_buffer for endpoint in self._endpoints), default=_ENOUGH_BUFFER)
        if granted < _ENOUGH_BUFFER:
            log.warning(
                "the system grants trap sockets %d octets of buffer, so a burst may be cut short; "
                "set net.core.rmem_max=%d or give dcmon CAP_NET_ADMIN",
                granted,
                self._receive_buffer,
            )

    def _bind(self, number: int, host: str, port: int) -> UdpEndpoint:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            sock = open_socket(family, (host, port), self._receive_buffer)
        except OSError as error:
            hint = "another program (snmptrapd?) may hold it; ports under 1024 need CAP_NET_BIND_SERVICE"
            raise CollectError(
                "bind", f"cannot receive traps on {host} port {port}: {error.strerror}; {hint}"
            ) from error

        def put_aside(data: bytes, address: Address) -> None:
            self.stats.received += 1
            if len(self._waiting) >= self._max_waiting or self._waiting_octets + len(data) > _MAX_WAITING_OCTETS:
                self.stats.dropped += 1
                return
            self._waiting_octets += len(data)
            self._waiting.append((self._clock.now(), number, data, address))
            self._arrived.set()

        return UdpEndpoint(sock, put_aside, per_turn=_DATAGRAMS_PER_TURN)

    def close(self) -> None:
        """Closes the sockets; what waits is still decoded by a `run` that goes on."""
        for endpoint in self._endpoints:
            endpoint.close()
        self._endpoints.clear()

    async def run(self) -> None:
        """Decodes what arrives until it is cancelled; opens the sockets if that was not done and closes them.

        What has arrived by then is still decoded and kept, for as long as `_LAST_S`.
        """
        if not self._endpoints:
            self.open()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._decode(), name="traps")
                tasks.create_task(self._answer(), name="informs")
        except asyncio.CancelledError:
            await self._finish()
            raise
        finally:
            self.close()

    async def _decode(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            await self._decode_waiting()

    async def _decode_waiting(self) -> None:
        while self._waiting:
            left = _OCTETS_PER_TURN
            while self._waiting and left > 0:
                ts, number, data, address = self._waiting.popleft()
                left -= max(len(data), _SMALLEST)
                self._waiting_octets -= len(data)
                self._process(ts, number, data, address)
            await self._clock.sleep(0)

    async def _answer(self) -> None:
        """Acknowledges informs, all that wait for the disk at once."""
        while True:
            await self._owing.wait()
            self._owing.clear()
            await self._answer_owed()

    async def _answer_owed(self) -> None:
        owed = list(self._unanswered)
        await self._kept()
        for reply in owed:
            del self._unanswered[reply]
            self._send(*reply)

    async def _finish(self) -> None:
        """A sender does not repeat a trap: what lies in the sockets and waits here is the only one there will be."""
        for endpoint in self._endpoints:
            endpoint.stop_reading()
        try:
            async with asyncio.timeout(_LAST_S):
                await self._decode_waiting()
                await self._answer_owed()
        except TimeoutError:
            lost, owed = len(self._waiting), len(self._unanswered)
            self.stats.dropped += lost
            told = "the end came with %d traps that were not kept, and %d informs were not acknowledged within %g s"
            log.warning(told, lost, owed, _LAST_S)

    def _process(self, ts: int, number: int, data: bytes, address: Address) -> None:
        try:
            found = self._read(data)
        except DecodeError as error:
            self.stats.malformed += 1
            log.debug("malformed trap from %s: %s", address[0], error)
            return
        if isinstance(found, Other):
            if found.reply is not None:
                self._send(number, found.reply, address)
            if found.verdict is Verdict.FOREIGN:
                self.stats.foreign += 1
            if found.notification is not None:
                self._hand_on(_event(ts, address, found.notification, foreign=True))
            return
        reply = None if found.reply is None else _Reply(number, found.reply, address)
        if reply in self._unanswered:
            return
        if reply is not None and len(self._unanswered) >= self._max_waiting:
            self.stats.dropped += 1
        elif self._hand_on(_event(ts, address, found, foreign=False)) and reply is not None:
            self._unanswered[reply] = None
            self._owing.set()

    def _read(self, data: bytes) -> Notification | Other:
        if read_version(data) != V3:
            return read_community(data, self._communities)
        assert self._inbox is not None
        return self._inbox.read(data)

    def _hand_on(self, event: TrapEvent) -> bool:
        try:
            kept = self._on_trap(event)
        except Exception as error:
            self.stats.failed += 1
            if not self._failing:
                self._failing = True
                told = "a trap from %s could not be kept; further ones are counted"
                log.error(told, event.source, exc_info=None if isinstance(error, StoreError) else error)
            return False
        self._failing = False
        self.stats.folded += not kept
        return kept

    def _send(self, number: int, reply: bytes, address: Address) -> None:
        if number >= len(self._endpoints):
            return
        try:
            self._endpoints[number].send(reply, address)
        except OSError as error:
            log.debug("no way to answer an inform of %s: %s", address[0], error)


class _Reply(NamedTuple):
    number: int
    """Of the socket."""
    data: bytes
    address: Address


def first_boots(now: int) -> int:
    """snmpEngineBoots where no earlier start is known: the seconds since 2020, as a journal that was lost, and dcmon
    before it counted its starts, had fewer. `now` in ms UTC."""
    return min(max(1, now // 1000 - _YEAR_2020_S), MAX_BOOTS)


def _event(ts: int, address: Address, notification: Notification, *, foreign: bool) -> TrapEvent:
    host = str(address[0])
    if len(address) == 4 and address[3]:
        with contextlib.suppress(OSError):  # the interface may be gone by now
            host = f"{host}%{socket.if_indextoname(address[3])}"
    agent = next((printable(each) for each in notification.varbinds if each.oid == SNMP_TRAP_ADDRESS), None)
    pairs = trap_names(notification.varbinds)
    return TrapEvent(ts, host, notification.trap_oid, notification.uptime, pairs, foreign, agent)
