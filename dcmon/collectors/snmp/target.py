"""Where an agent is and how a request waits for it: shared by the exchanges of all versions."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from dcmon.collectors.snmp.ber import DecodeError
from dcmon.collectors.snmp.udp import Address, UdpEndpoint, resolve
from dcmon.model import CollectError

if TYPE_CHECKING:
    from collections.abc import Callable


class Pending:
    """A request that waits for its answer."""

    __slots__ = ("address", "attempts", "datagram", "deadline", "endpoint", "exchange", "future", "garbled", "placed")

    def __init__(
        self, exchange: Any, future: asyncio.Future[Any], endpoint: UdpEndpoint, address: Address, attempts: int
    ) -> None:
        self.exchange = exchange
        self.future = future
        self.endpoint = endpoint
        self.address = address
        self.attempts = attempts
        """Retransmissions left."""
        self.datagram = b""
        self.deadline = 0.0
        self.garbled: DecodeError | None = None
        """The last thing from this address that could not be read."""
        self.placed = True
        """Whether it holds one of the places of requests under way."""

    def fail(self, error: CollectError) -> None:
        """Ends the wait, if it has not ended."""
        if not self.future.done():
            self.future.set_exception(error)


class Target:
    """A host and port. A name is looked up once, and again after the agent did not answer."""

    __slots__ = ("_candidates", "_endpoint_of", "_host", "_port", "_timeout_s", "where")

    def __str__(self) -> str:
        return f"{self._host} port {self._port}"

    def __init__(self, host: str, port: int, timeout_s: float, endpoint_of: Callable[[int], UdpEndpoint]) -> None:
        self._host = host
        self._port = port
        self._timeout_s = timeout_s
        self._endpoint_of = endpoint_of
        self._candidates: list[tuple[int, Address]] = []
        self.where: tuple[UdpEndpoint, Address] | None = None
        """Socket and address to use; None makes `locate` necessary."""

    async def locate(self) -> tuple[UdpEndpoint, Address]:
        """The next address of the host; after the last one the name is looked up again. CollectError(resolve)."""
        if not self._candidates:
            try:
                async with asyncio.timeout(self._timeout_s):
                    self._candidates = await resolve(self._host, self._port)
            except (OSError, UnicodeError, TimeoutError) as error:
                reason = str(error) or "the name server does not answer"
                raise CollectError("resolve", f"{self._host} has no address: {reason}") from error
        family, address = self._candidates.pop(0)
        self.where = (self._endpoint_of(family), address)
        return self.where
