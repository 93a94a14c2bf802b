"""Where a Modbus bus is, and how a connection to it is opened."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass
from typing import Any

from dcmon.collectors.modbus.link import Link, RtuLink, TcpLink
from dcmon.collectors.names import Address, Found, Names
from dcmon.config.collectors import ModbusAddress
from dcmon.model import CollectError


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One TCP server (`host`, `port`) or one serial line (`serial`). framing: tcp, rtu-over-tcp or rtu."""

    host: str | None = None
    port: int = 502
    serial: str | None = None
    baudrate: int = 9600
    parity: str = "N"
    stopbits: int = 1
    framing: str = "tcp"

    @classmethod
    def of(cls, address: ModbusAddress) -> Endpoint:
        """The bus of a configured device; its unit is no part of it."""
        if address.serial is not None:
            return cls(
                serial=address.serial,
                baudrate=address.baudrate,
                parity=address.parity,
                stopbits=address.stopbits,
                framing="rtu",
            )
        return cls(host=address.host, port=address.port, framing=address.framing)

    @property
    def key(self) -> str:
        """What devices of one bus have in common: the line's file, or host and port."""
        return self.serial if self.serial is not None else f"{self.host}:{self.port}"

    async def open(self, timeout_s: float, names: Names) -> Link:
        """A new connection. CollectError: refused, timeout, resolve, unreachable (also: no such line)."""
        try:
            async with asyncio.timeout(timeout_s):
                if self.host is None:
                    return await self._open_serial()
                return await self._open_tcp(await self._find(self.host, timeout_s, names))
        except TimeoutError as error:
            raise CollectError("timeout", f"{self.key}: no connection within {timeout_s:g} s") from error
        except ConnectionRefusedError as error:
            raise CollectError("refused", f"{self.key}: nothing listens there") from error
        except (OSError, ValueError) as error:
            raise CollectError("unreachable", f"{self.key}: {error}") from error

    async def _find(self, host: str, timeout_s: float, names: Names) -> Found:
        try:
            return await names.look_up(host, self.port, timeout_s)
        except OSError as error:
            raise CollectError("resolve", f"{self.key}: the name has no address ({error})") from error

    async def _open_tcp(self, candidates: Found) -> Link:
        for last, (family, address) in enumerate(candidates, 1 - len(candidates)):
            try:
                return await self._connect(family, address)
            except OSError:
                if last == 0:
                    raise
        raise OSError("the name has no address")

    async def _connect(self, family: int, address: Address) -> Link:
        link = TcpLink() if self.framing == "tcp" else RtuLink()
        loop = asyncio.get_running_loop()
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            await loop.sock_connect(sock, address)
            transport, _ = await loop.create_connection(lambda: link, sock=sock)
        except BaseException:
            sock.close()
            raise
        connection: socket.socket = transport.get_extra_info("socket")
        # A peer that lost its power never closes: the kernel shall notice while nothing is asked.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return link

    async def _open_serial(self) -> Link:
        from pymodbus.transport.serialtransport import create_serial_connection

        link = RtuLink()
        line: dict[str, Any] = {
            "baudrate": self.baudrate,
            "bytesize": 8,
            "parity": self.parity,
            "stopbits": self.stopbits,
        }
        await create_serial_connection(asyncio.get_running_loop(), lambda: link, self.serial, **line)
        await link.opened
        return link
