"""TCP: whether a connection is accepted, and how fast."""

from __future__ import annotations

import asyncio
import socket

from dcmon.clock import perf_counter
from dcmon.collectors.probes.attempt import Means, Points, addresses, refused
from dcmon.config.probes import TcpProbe


class Tcp:
    """See TcpProbe. The addresses of the host are tried in turn, as its clients do."""

    def __init__(self, probe: TcpProbe, means: Means) -> None:
        self._probe = probe
        self._means = means

    async def __call__(self, now: int) -> Points:
        """See Attempt."""
        where = f"{self._probe.host} port {self._probe.port}"
        failed = OSError("no address")
        for family, address in await addresses(self._probe.host, self._probe.port, self._means):
            with socket.socket(family, socket.SOCK_STREAM) as connection:
                connection.setblocking(False)
                asked = perf_counter()
                try:
                    await asyncio.get_running_loop().sock_connect(connection, address)
                except OSError as error:
                    failed = error
                    continue
                return {"service.latency": perf_counter() - asked}
        raise refused(failed, where)
