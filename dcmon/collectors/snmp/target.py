"""Where an agent is and how a request waits for it: shared by the exchanges of all versions."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from dcmon.collectors.snmp.ber import DecodeError
from dcmon.collectors.snmp.udp import UdpEndpoint
from dcmon.model import CollectError

if TYPE_CHECKING:
    from collections.abc import Callable

    from dcmon.collectors.names import Address, Names

_SHORTEST_S: Final = 0.2
"""As RFC 6298 has a lower bound for TCP: an agent may be busy now and then."""
_LONGER: Final = 4.0
"""Each sending waits so much longer than the one before, the first so much longer than answers take."""
_FADES: Final = 0.95
"""What is left of a slow answer's memory after each quicker one."""


class Pending:
    """A request that waits for its answer."""

    __slots__ = (
        "address",
        "attempts",
        "datagram",
        "deadline",
        "elsewhere",
        "endpoint",
        "exchange",
        "future",
        "garbled",
        "left_s",
        "sent",
        "wait_s",
    )

    def __init__(
        self,
        exchange: Any,
        future: asyncio.Future[Any],
        endpoint: UdpEndpoint,
        address: Address,
        attempts: int,
        target: Target,
    ) -> None:
        self.exchange = exchange
        self.future = future
        self.endpoint = endpoint
        self.address = address
        self.attempts = attempts
        """Retransmissions left."""
        self.datagram = b""
        self.sent = 0.0
        """When it was last sent, by the loop's clock."""
        self.deadline = 0.0
        """When the wait for an answer to that sending ends."""
        self.wait_s = target.first_wait(exchange.timeout_s)
        """How long the next sending waits, unless it is the last."""
        self.left_s: float = exchange.timeout_s * (attempts + 1)
        """How long all sendings that are left wait together."""
        self.garbled: DecodeError | None = None
        """The last thing from this address that could not be read."""
        self.elsewhere = ""
        """From where an answer came that would have been right had it come from the address that was asked."""

    def send(self, now: float) -> None:
        """Raises OSError. The last sending waits for all the time that the earlier ones have left over."""
        wait = min(self.wait_s, self.left_s) if self.attempts else self.left_s
        self.left_s -= wait
        self.wait_s = min(wait * _LONGER, self.exchange.timeout_s)
        self.sent, self.deadline = now, now + wait
        self.endpoint.send(self.datagram, self.address)

    def fail(self, error: CollectError) -> None:
        """Ends the wait, if it has not ended."""
        if not self.future.done():
            self.future.set_exception(error)


class Target:
    """A host and port. A name is looked up once, and again after the agent did not answer."""

    __slots__ = ("_candidates", "_endpoint_of", "_host", "_names", "_port", "_timeout_s", "pace_s", "where")

    def __str__(self) -> str:
        return f"{self._host} port {self._port}"

    def __init__(
        self, host: str, port: int, timeout_s: float, endpoint_of: Callable[[int], UdpEndpoint], names: Names
    ) -> None:
        self._host = host
        self._port = port
        self._timeout_s = timeout_s
        self._endpoint_of = endpoint_of
        self._names = names
        self._candidates: list[tuple[int, Address]] = []
        self.where: tuple[UdpEndpoint, Address] | None = None
        """Socket and address to use; None makes `locate` necessary."""
        self.pace_s: float | None = None
        """How long its answers take, the slow ones in mind; None before the first."""

    def took(self, seconds: float) -> None:
        """An answer came so long after the last sending of its request."""
        pace = self.pace_s
        self.pace_s = seconds if pace is None or seconds > pace else max(seconds, pace * _FADES)

    def first_wait(self, timeout_s: float) -> float:
        """How long a first sending waits: an agent that answers in milliseconds has lost the datagram long before the
        timeout, and a walk over a lossy line would take the whole deadline of a poll to find that out again and again.
        """
        return timeout_s if self.pace_s is None else min(timeout_s, max(_SHORTEST_S, _LONGER * self.pace_s))

    async def locate(self) -> tuple[UdpEndpoint, Address]:
        """The next address of the host; after the last one the name is looked up again. CollectError(resolve)."""
        if not self._candidates:
            try:
                self._candidates = await self._names.look_up(self._host, self._port, self._timeout_s)
            except OSError as error:
                raise CollectError("resolve", f"{self._host} has no address: {error}") from error
        family, address = self._candidates.pop(0)
        self.where = (self._endpoint_of(family), address)
        return self.where
