"""A Modbus bus: the one connection, and the one request at a time, that all units of an endpoint share.

The bus owns the connection: when it is opened, when it is given up, how long an unreachable endpoint is left alone
and when a read is repeated. Units know nothing of it.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass

from dcmon.clock import Clock
from dcmon.collectors.back_off import back_off
from dcmon.collectors.modbus.endpoint import Endpoint
from dcmon.collectors.modbus.frames import Request, read_request
from dcmon.collectors.modbus.link import Link
from dcmon.collectors.names import Names
from dcmon.model import CollectError

_SILENT_LIMIT = 3
"""Reads in a row without a single byte after which a TCP connection is taken for dead."""
_SILENCES = frozenset({"timeout", "refused", "resolve", "unreachable", "reset"})
_FIRST_REST_S = 0.5
_LONGEST_REST_S = 10.0
"""Devices back off on their own, so the bus only has to keep its units from all trying the same dead address."""


@dataclass(slots=True)
class BusStats:
    """What happened on one bus since the start."""

    reads: int = 0
    repeated: int = 0
    timeouts: int = 0
    exceptions: int = 0
    garbled: int = 0
    resets: int = 0
    strays: int = 0
    connects: int = 0
    failed_connects: int = 0


class ModbusBus:
    """One endpoint. `timeout_s` (one connect, one read) is real time; the rest after a failed connect is clock time."""

    def __init__(
        self,
        endpoint: Endpoint,
        clock: Clock,
        *,
        timeout_s: float = 1.0,
        names: Names | None = None,
        dice: random.Random | None = None,
    ) -> None:
        self.endpoint = endpoint
        self.stats = BusStats()
        self._clock = clock
        self.timeout_s = timeout_s
        self._names = names or Names()
        self._dice = dice or random.Random()
        self._lock = asyncio.Lock()
        self._link: Link | None = None
        self._silent = 0
        self._failed_connects = 0
        self._rest_until = 0.0
        self._rest_reason = "refused"
        self._quiet_at = 0.0

    async def read(self, request: Request) -> list[int]:
        """One read, with one repetition where the cause lies in the connection and not in the unit."""
        async with self._lock:
            self.stats.reads += 1
            used = self._link is not None and not self._link.closed
            try:
                return await self._attempt(request)
            except CollectError as error:
                # A device may close an idle connection, and noise may hit one frame: both say nothing about the unit.
                noise = error.reason == "decode" and (self._link is None or self._link.closed)
                if not noise and not (error.reason == "reset" and used):
                    raise
            self.stats.repeated += 1
            return await self._attempt(request)

    async def close(self) -> None:
        """Closes the connection; the next read opens another."""
        self._drop()

    async def _attempt(self, request: Request) -> list[int]:
        link = self._link
        if link is None or link.closed:
            link = await self._connect()
        heard, strays = link.heard, link.strays
        try:
            return await link.exchange(request, self.timeout_s)
        except CollectError as error:
            self._note(error, link.heard != heard)
            raise
        finally:
            self.stats.strays += link.strays - strays

    def _note(self, error: CollectError, heard: bool) -> None:
        stats = self.stats
        self._silent = 0 if heard else self._silent + 1
        if error.reason == "timeout":
            stats.timeouts += 1
        elif error.reason == "exception":
            stats.exceptions += 1
        elif error.reason == "decode":
            stats.garbled += 1
        else:
            stats.resets += 1
        if self._silent >= _SILENT_LIMIT:
            self._drop()
        if self.endpoint.framing != "tcp" and error.reason in ("timeout", "decode"):
            # Behind a serial server a late answer goes to whoever is connected when it comes, so nobody should be.
            self._quiet_at = asyncio.get_running_loop().time() + self.timeout_s

    async def _connect(self) -> Link:
        now = self._clock.monotonic()
        if now < self._rest_until:
            raise CollectError(
                self._rest_reason, f"{self.endpoint.key}: not reachable, tried again in {self._rest_until - now:.1f} s"
            )
        await self._quiet_line()
        try:
            link = await self.endpoint.open(self.timeout_s, self._names)
        except CollectError as error:
            self.stats.failed_connects += 1
            self._failed_connects += 1
            rest = back_off(self._failed_connects, _FIRST_REST_S, _LONGEST_REST_S, self._dice.random())
            self._rest_until, self._rest_reason = self._clock.monotonic() + rest, error.reason
            raise
        self.stats.connects += 1
        self._failed_connects = self._silent = 0
        self._link = link
        return link

    async def _quiet_line(self) -> None:
        """After a lost answer on a line without transaction ids: waits for as long as an answer may take.

        Real time: a serial line keeps its pace whatever the speed of the clock.
        """
        loop = asyncio.get_running_loop()
        remaining = self._quiet_at - loop.time()
        if remaining > 0:
            silence: asyncio.Future[None] = loop.create_future()
            timer = loop.call_later(remaining, silence.set_result, None)
            try:
                await silence
            finally:
                timer.cancel()

    def _drop(self) -> None:
        if self._link is not None:
            self._link.close()
            self._link = None


class UnitSession:
    """One unit of a bus.

    A unit that has let one read run out, or whose bus cannot be reached, costs its bus nothing more in the same poll:
    the other units of a gateway wait for one timeout at most, not for one per block of the dead unit.
    """

    def __init__(self, bus: ModbusBus, unit: int) -> None:
        self.bus = bus
        self.unit = unit
        self._silence: tuple[str, str] | None = None
        self._silent_until = 0.0

    def begin_poll(self) -> None:
        """Gives a unit that was silent another chance at once."""
        self._silence = None

    async def read(self, function: int, address: int, count: int) -> list[int]:
        """`count` registers (functions 3, 4; 0 to 65535) or bits (1, 2; 0 or 1) from the 0-based `address`.

        CollectError: timeout, refused, resolve, unreachable, reset, decode, or exception with the code's name.
        """
        loop = asyncio.get_running_loop()
        if self._silence is not None and loop.time() < self._silent_until:
            raise CollectError(*self._silence)
        try:
            return await self.bus.read(read_request(self.unit, function, address, count))
        except CollectError as error:
            if error.reason in _SILENCES:
                self._silence = error.reason, error.detail
                self._silent_until = loop.time() + self.bus.timeout_s
            raise

    async def close(self) -> None:
        """Closes the bus: the next read of any of its units opens it again."""
        await self.bus.close()


class Buses:
    """All buses by their key, so that devices of one gateway or line share one connection."""

    def __init__(
        self, clock: Clock, *, timeout_s: float, names: Names | None = None, dice: random.Random | None = None
    ) -> None:
        self._clock = clock
        self._names = names or Names()
        self._timeout_s = timeout_s
        self._dice = dice
        self.by_key: dict[str, ModbusBus] = {}

    def bus(self, endpoint: Endpoint) -> ModbusBus:
        """The bus of an endpoint. ValueError when the same address is configured in two ways."""
        bus = self.by_key.get(endpoint.key)
        if bus is None:
            bus = ModbusBus(endpoint, self._clock, timeout_s=self._timeout_s, names=self._names, dice=self._dice)
            self.by_key[endpoint.key] = bus
        elif bus.endpoint != endpoint:
            raise ValueError(
                f"{endpoint.key} is configured both as {bus.endpoint.framing} and as {endpoint.framing} or with"
                " different line settings; devices of one gateway or line must agree"
            )
        return bus

    async def close(self) -> None:
        """Closes every connection."""
        for bus in self.by_key.values():
            await bus.close()
