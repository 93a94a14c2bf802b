"""ICMP echo: whether a host answers, and how fast."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
from typing import Final

from dcmon.clock import perf_counter
from dcmon.collectors.probes.attempt import Means, Points, ServiceError, addresses, refused
from dcmon.config.probes import PingProbe
from dcmon.model import CollectError

_ECHO: Final = {socket.AF_INET: (socket.IPPROTO_ICMP, 8, 0), socket.AF_INET6: (socket.IPPROTO_ICMPV6, 128, 129)}
"""Family -> protocol, type of a request, type of an answer: RFC 792, RFC 4443 section 4."""
_NOT_ALLOWED: Final = (
    "this process may not send pings. Allow it with `sysctl -w net.ipv4.ping_group_range='0 2147483647'` (a file in "
    "/etc/sysctl.d keeps it), or give the service AmbientCapabilities=CAP_NET_RAW; or probe a TCP port instead"
)
_MAGIC: Final = b"dcmon"


class Ping:
    """See PingProbe. Latency is that of the fastest answer."""

    def __init__(self, probe: PingProbe, means: Means) -> None:
        self._probe = probe
        self._means = means

    async def __call__(self, now: int) -> Points:
        """See Attempt."""
        family, address = (await addresses(self._probe.host, 0, self._means))[0]
        echo, raw = _open(family)
        with echo:
            best: float | None = None
            try:
                echo.connect(address)
                for number in range(self._probe.count):
                    took = await self._once(echo, family, raw, number)
                    best = took if best is None or (took is not None and took < best) else best
            except OSError as error:
                raise refused(error, self._probe.host) from error
        if best is None:
            raise ServiceError(f"{self._probe.host} answered none of {self._probe.count} pings")
        return {"service.latency": best}

    async def _once(self, echo: socket.socket, family: int, raw: bool, number: int) -> float | None:
        """Seconds until the answer to one request; None when there was none in its share of the time."""
        loop = asyncio.get_running_loop()
        token = os.urandom(8)
        asked = perf_counter()
        await loop.sock_sendall(echo, request(family, number, _MAGIC + token))
        try:
            async with asyncio.timeout(self._means.timeout_s * 0.9 / self._probe.count):
                while True:
                    if is_answer(await loop.sock_recv(echo, 2048), family, raw, _MAGIC + token):
                        return perf_counter() - asked
        except TimeoutError:
            return None


def _open(family: int) -> tuple[socket.socket, bool]:
    """A socket for pings, and whether it is a raw one, which gives IPv4 headers and everybody's answers."""
    protocol = _ECHO[socket.AddressFamily(family)][0]
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            echo = socket.socket(family, kind, protocol)
        except PermissionError:
            continue
        except OSError as error:
            raise CollectError("local", f"no socket for pings: {error.strerror}") from error
        echo.setblocking(False)
        return echo, kind == socket.SOCK_RAW
    raise CollectError("permission", _NOT_ALLOWED)


def request(family: int, number: int, data: bytes) -> bytes:
    """An echo request. The kernel sets the identifier of a datagram socket, and the checksum of IPv6."""
    kind = _ECHO[socket.AddressFamily(family)][1]
    packet = struct.pack("!BBHHH", kind, 0, 0, os.getpid() & 0xFFFF, number) + data
    return packet[:2] + struct.pack("!H", checksum(packet)) + packet[4:] if family == socket.AF_INET else packet


def is_answer(packet: bytes, family: int, raw: bool, data: bytes) -> bool:
    """Whether a packet answers the request that carried `data`, which nobody else's does."""
    if raw and family == socket.AF_INET:
        packet = packet[(packet[0] & 0x0F) * 4 :] if packet else packet
    return len(packet) >= 8 and packet[0] == _ECHO[socket.AddressFamily(family)][2] and packet[8:] == data


def checksum(packet: bytes) -> int:
    """The Internet checksum (RFC 1071) of a packet whose own checksum is zero."""
    padded = packet + b"\0" * (len(packet) % 2)
    total: int = sum(struct.unpack(f"!{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
