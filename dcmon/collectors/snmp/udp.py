"""A UDP socket on the event loop that reads until nothing is left and learns which peer refused a datagram.

asyncio's datagram transport takes one datagram per turn of the loop and cannot say whom an ICMP error concerns; this
does both, on asyncio and on uvloop alike.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import struct
import sys
from collections.abc import Callable
from typing import Final

from dcmon.collectors.names import Address

RECEIVE_BUFFER: Final = 8 << 20
_MAX_DATAGRAM: Final = 65_535
_DATAGRAMS_PER_TURN: Final = 100
"""So that a flood on this socket leaves the loop to others."""
_LAST_TURNS: Final = 20
"""At the end: more than any buffer holds, and no flood keeps the process from ending."""

# Linux, <bits/in.h> and <linux/in6.h>; the socket module of Python 3.11 does not name them.
_RECVERR: Final = {socket.AF_INET: (socket.IPPROTO_IP, 11), socket.AF_INET6: (socket.IPPROTO_IPV6, 25)}
_SO_RCVBUFFORCE: Final = 33


def open_socket(family: int, bind: Address, receive_buffer: int = RECEIVE_BUFFER) -> socket.socket:
    """A non-blocking bound UDP socket whose receive buffer is as large as the system allows, up to the wish."""
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.setblocking(False)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, receive_buffer)  # beyond rmem_max, with CAP_NET_ADMIN
        except OSError:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if sys.platform == "linux":  # elsewhere a refusal shows as a timeout
            sock.setsockopt(*_RECVERR[socket.AddressFamily(family)], 1)
        sock.bind(bind)
    except BaseException:
        sock.close()
        raise
    return sock


class UdpEndpoint:
    """Hands every datagram to `on_datagram(data, address)` and every ICMP error to `on_error(address, errno)`."""

    def __init__(
        self,
        sock: socket.socket,
        on_datagram: Callable[[bytes, Address], None],
        on_error: Callable[[Address, int], None] | None = None,
        *,
        per_turn: int = _DATAGRAMS_PER_TURN,
    ) -> None:
        self._sock = sock
        self._on_datagram = on_datagram
        self._on_error = on_error
        self._per_turn = per_turn
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._stopped = False
        self._loop.add_reader(sock, self._read)

    @property
    def address(self) -> Address:
        """Where the socket is bound."""
        return tuple(self._sock.getsockname())

    @property
    def receive_buffer(self) -> int:
        """Octets that the system granted (Linux counts its own bookkeeping in)."""
        return self._sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)

    def send(self, data: bytes, address: Address) -> None:
        """Sends one datagram; OSError when there is no way to the address.

        What a full send buffer does not take is made good by a retransmission.
        """
        for last in (False, False, False, True):
            try:
                self._sock.sendto(data, address)
                return
            except BlockingIOError:
                return
            except OSError:
                if last:
                    raise
                # The error may be an earlier datagram's to another peer: Linux reports it at whatever comes next.
                self._drain_errors()

    def stop_reading(self) -> None:
        """Takes what has arrived by now and nothing that comes later; the socket can still send."""
        if not self._closed:
            self._loop.remove_reader(self._sock)
            self._stopped = True
            for _ in range(_LAST_TURNS):
                if not self._read():
                    break

    def close(self) -> None:
        """Ends reading and closes the socket; may be called twice."""
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._sock)
            self._sock.close()

    def _read(self) -> bool:
        """Whether there may be more."""
        receive, on_datagram = self._sock.recvfrom, self._on_datagram
        for count in range(self._per_turn):
            try:
                data, address = receive(_MAX_DATAGRAM)
            except BlockingIOError:
                if count == 0:
                    self._recover()
                return False
            except OSError:
                self._recover()
                return False
            on_datagram(data, address)
            if self._closed:
                return False
        return True

    def _recover(self) -> None:
        """Woken for an error. uvloop stops watching a socket that has had one, so it is told to watch again."""
        self._drain_errors()
        if not self._closed and not self._stopped:
            self._loop.remove_reader(self._sock)
            self._loop.add_reader(self._sock, self._read)

    def _drain_errors(self) -> None:
        """Reads the error queue (ip(7), IP_RECVERR): each entry names the peer that the lost datagram was for."""
        if sys.platform != "linux":
            return
        for _ in range(_DATAGRAMS_PER_TURN):
            if self._closed:
                return
            try:
                _, ancillary, _, address = self._sock.recvmsg(0, 512, socket.MSG_ERRQUEUE)
            except OSError:
                return
            code = next((struct.unpack_from("=I", data)[0] for _, _, data in ancillary if len(data) >= 4), 0)
            if self._on_error is not None and address and code != errno.EMSGSIZE:
                self._on_error(tuple(address), code)
