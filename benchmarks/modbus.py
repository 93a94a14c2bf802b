"""What one Modbus read costs, and the poller's own share. `python -m benchmarks modbus`

A read is 100 holding registers over Modbus TCP from `agents/fastmb.c`, round after round on 500 connections at once:
dcmon's bus on uvloop and on asyncio, and pymodbus's own client beside it on the same server. The poller's share is
measured with 1,000 devices that have nothing to say. Processor time of this process, kernel included; all take turns.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence

import uvloop
from pymodbus.client import AsyncModbusTcpClient

from benchmarks.machine import cores, pin, resident_mb
from benchmarks.result import Figure, Result, middle, report
from benchmarks.servers import HOST, fastmodbus
from dcmon.clock import SystemClock
from dcmon.collectors.modbus import Endpoint, ModbusBus, UnitSession
from dcmon.collectors.poller import Poller
from dcmon.collectors.schedule import EVERYTHING
from dcmon.config.agent import Polling
from dcmon.loop import spare_collector
from dcmon.model import Reading

REGISTERS = 100
CONNECTIONS = 500
TURNS = 5
ROUNDS = 8
IDLE_DEVICES = 1000
TARGET_US = 150

Read = Callable[[int], Awaitable[Sequence[int]]]
Loop = Callable[[], asyncio.AbstractEventLoop]


class Client:
    """500 connections on a loop of their own, kept open between turns."""

    def __init__(self, loop: Loop, port: int) -> None:
        self.runner = asyncio.Runner(loop_factory=loop)
        self.runner.run(self.connect(port))
        self.runner.run(self.check())

    async def connect(self, port: int) -> None:
        """Opens the connections."""
        clock, endpoint = SystemClock(), Endpoint(host=HOST, port=port)
        self.sessions = [UnitSession(ModbusBus(endpoint, clock, timeout_s=10), 1) for _ in range(CONNECTIONS)]

    async def read(self, place: int) -> Sequence[int]:
        """100 registers over one of the connections."""
        return await self.sessions[place].read(3, 0, REGISTERS)

    async def disconnect(self) -> None:
        """Closes the connections."""
        await asyncio.gather(*(session.close() for session in self.sessions))

    async def check(self) -> None:
        """Every connection reads once, and reads what it should."""
        found = await asyncio.gather(*(self.read(place) for place in range(CONNECTIONS)))
        if any(list(registers) != list(range(REGISTERS)) for registers in found):
            raise AssertionError("other registers than those that were asked for")

    def turn(self) -> float:
        """Microseconds per read."""
        return self.runner.run(self._turn())

    async def _turn(self) -> float:
        gc.collect()
        begun = time.process_time()
        for _ in range(ROUNDS):
            await asyncio.gather(*(self.read(place) for place in range(CONNECTIONS)))
        return (time.process_time() - begun) / (ROUNDS * CONNECTIONS) * 1e6

    def close(self) -> None:
        """Ends the connections and the loop."""
        self.runner.run(self.disconnect())
        self.runner.close()


class Pymodbus(Client):
    """The same through the client that pymodbus brings."""

    async def connect(self, port: int) -> None:
        self.clients = [AsyncModbusTcpClient(HOST, port=port, retries=0, timeout=10) for _ in range(CONNECTIONS)]
        for client in self.clients:
            await client.connect()

    async def read(self, place: int) -> Sequence[int]:
        return (await self.clients[place].read_holding_registers(0, count=REGISTERS)).registers

    async def disconnect(self) -> None:
        for client in self.clients:
            client.close()


class Idle:
    """A device that has nothing to say."""

    bus = None
    groups = EVERYTHING

    def __init__(self, asset: str) -> None:
        self.asset = asset

    async def poll(self, groups: frozenset[str], now: int) -> list[Reading]:
        """Nothing."""
        return []

    async def close(self) -> None:
        """Nothing to close."""


async def poller() -> tuple[float, float]:
    """(microseconds that the poller takes for one poll of a device that does nothing, kilobytes per device)."""
    gc.collect()
    before = resident_mb()
    limits = Polling.model_validate({"fast": "200ms", "slow": "1s"})
    watch = Poller([Idle(f"d{n}") for n in range(IDLE_DEVICES)], limits, SystemClock(), lambda batch: None)
    task = asyncio.create_task(watch.run())
    await asyncio.sleep(0.5)
    kilobytes = (resident_mb() - before) * 1000 / IDLE_DEVICES
    polls, begun = sum(stats.polls for stats in watch.stats.values()), time.process_time()
    await asyncio.sleep(2)
    spent = time.process_time() - begun
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return spent / (sum(stats.polls for stats in watch.stats.values()) - polls) * 1e6, kilobytes


def measure() -> Result:
    """Medians over the turns; the ratio is of medians of the same run."""
    logging.disable(logging.CRITICAL)
    own, core = cores()
    pin(own)
    spare_collector()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        poller_us, kilobytes = runner.run(poller())
    turns: dict[str, list[float]] = {}
    with fastmodbus(core) as port:
        clients = {
            "dcmon": Client(uvloop.new_event_loop, port),
            "asyncio": Client(asyncio.new_event_loop, port),
            "pymodbus": Pymodbus(uvloop.new_event_loop, port),
        }
        for _ in range(TURNS):
            for name, client in clients.items():
                turns.setdefault(name, []).append(client.turn())
        for client in clients.values():
            client.close()
    ratio = statistics.median(turns["dcmon"]) / statistics.median(turns["pymodbus"])
    read = f"read of {REGISTERS} registers, {CONNECTIONS} connections, uvloop"
    return Result(
        [
            middle(read, turns["dcmon"], "us CPU", TARGET_US),
            middle("the same on asyncio's own loop", turns["asyncio"], "us CPU"),
            middle("pymodbus's own client, uvloop", turns["pymodbus"], "us CPU"),
            Figure("dcmon to pymodbus", round(ratio, 2), "ratio"),
            Figure("the poller's own share of a poll", round(poller_us, 1), "us CPU"),
        ],
        {"poller_kb_per_device": round(kilobytes, 1), "idle_devices": IDLE_DEVICES},
    )


if __name__ == "__main__":
    sys.exit(report("modbus", measure))
