"""What one Modbus read and one poll cost: processor time of this process alone, pinned to one core.

A read is 100 holding registers over Modbus TCP from `agents/fastmb.c`, round after round on 500 connections at once:
dcmon's own client on asyncio and on uvloop, and pymodbus's beside it on the same server. Budget: 150 us per read.
The poller's own share is measured with 1,000 devices that do nothing. Prints one JSON line; figures are medians.

    python benchmarks/modbus_read.py [--connections 500] [--rounds 20] [--repeats 5]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import logging
import os
import random
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from pathlib import Path

import uvloop
from pymodbus.client import AsyncModbusTcpClient

from dcmon.clock import SystemClock
from dcmon.collectors.modbus import Endpoint, ModbusBus, UnitSession
from dcmon.collectors.poller import Poller
from dcmon.collectors.schedule import EVERYTHING
from dcmon.config.agent import Polling
from dcmon.model import Reading

BUDGET_US = 150
REGISTERS = 100
Loop = Callable[[], asyncio.AbstractEventLoop]
Run = Callable[[int, argparse.Namespace], Coroutine[None, None, list[float]]]


@contextlib.contextmanager
def server(cores: list[int]) -> Iterator[int]:
    """fastmb on a free port, on another core than this process where there is one."""
    source = Path(__file__).parent / "agents" / "fastmb.c"
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "fastmb"
        subprocess.run(["gcc", "-O2", "-w", "-o", program, source], check=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        process = subprocess.Popen([program, "-p", str(port)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        os.sched_setaffinity(process.pid, {cores[-1]})
        try:
            assert process.stdout is not None
            process.stdout.readline()
            yield port
        finally:
            process.terminate()
            process.wait()


async def measure(read: Callable[[int], Awaitable[object]], options: argparse.Namespace) -> list[float]:
    """Microseconds per read of each repeat; one round more goes before, to connect."""
    places = range(options.connections)
    await asyncio.gather(*(read(place) for place in places))
    figures = []
    for _ in range(options.repeats):
        gc.collect()
        started = time.process_time()
        for _ in range(options.rounds):
            await asyncio.gather(*(read(place) for place in places))
        figures.append((time.process_time() - started) / (options.rounds * options.connections) * 1e6)
    return figures


async def ours(port: int, options: argparse.Namespace) -> list[float]:
    clock, endpoint = SystemClock(), Endpoint(host="127.0.0.1", port=port)
    sessions = [UnitSession(ModbusBus(endpoint, clock, timeout_s=10), 1) for _ in range(options.connections)]
    assert await sessions[0].read(3, 7, REGISTERS) == list(range(7, 7 + REGISTERS))
    figures = await measure(lambda place: sessions[place].read(3, 0, REGISTERS), options)
    for session in sessions:
        await session.close()
    return figures


async def theirs(port: int, options: argparse.Namespace) -> list[float]:
    clients = [AsyncModbusTcpClient("127.0.0.1", port=port, retries=0, timeout=10) for _ in range(options.connections)]
    for client in clients:
        await client.connect()
    assert (await clients[0].read_holding_registers(7, count=3)).registers == [7, 8, 9]
    figures = await measure(lambda place: clients[place].read_holding_registers(0, count=REGISTERS), options)
    for client in clients:
        client.close()
    return figures


class Idle:
    """A device that has nothing to say."""

    bus = None
    groups = EVERYTHING

    def __init__(self, asset: str) -> None:
        self.asset = asset

    async def poll(self, groups: frozenset[str], now: int) -> list[Reading]:
        return []

    async def close(self) -> None:
        pass


async def poller(devices: int, options: argparse.Namespace) -> list[float]:
    """Microseconds that the poller takes for one poll of a device that does nothing."""
    limits = Polling(fast="200ms", slow="1s")
    watch = Poller([Idle(f"d{n}") for n in range(devices)], limits, SystemClock(), lambda batch: None)
    task = asyncio.create_task(watch.run())
    await asyncio.sleep(0.5)
    figures = []
    for _ in range(options.repeats):
        polls, started = sum(stats.polls for stats in watch.stats.values()), time.process_time()
        await asyncio.sleep(1)
        spent = time.process_time() - started
        figures.append(spent / (sum(stats.polls for stats in watch.stats.values()) - polls) * 1e6)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return figures


def resident_kb() -> int:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() // 1024


async def memory(devices: int) -> float:
    """Resident kilobytes per device of a running poller."""
    gc.collect()
    before = resident_kb()
    watch = Poller([Idle(f"d{n}") for n in range(devices)], Polling(), SystemClock(), lambda batch: None)
    task = asyncio.create_task(watch.run())
    await asyncio.sleep(3)
    gc.collect()
    kilobytes = (resident_kb() - before) / devices
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return kilobytes


def median(loop: Loop, run: Run, number: int, options: argparse.Namespace) -> float:
    with asyncio.Runner(loop_factory=loop) as runner:
        return round(statistics.median(runner.run(run(number, options))), 1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--devices", type=int, default=1000)
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    random.seed(1)
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[0]})
    with asyncio.Runner() as runner:
        kilobytes = runner.run(memory(options.devices))
    with server(cores) as port:
        figures = {
            "dcmon_us": median(asyncio.new_event_loop, ours, port, options),
            "dcmon_uvloop_us": median(uvloop.new_event_loop, ours, port, options),
            "pymodbus_us": median(asyncio.new_event_loop, theirs, port, options),
            "pymodbus_uvloop_us": median(uvloop.new_event_loop, theirs, port, options),
        }
    result = {
        "benchmark": "modbus_read",
        "registers": REGISTERS,
        "connections": options.connections,
        **figures,
        "budget_us": BUDGET_US,
        "ratio_to_pymodbus": round(figures["pymodbus_us"] / figures["dcmon_us"], 1),
        "poller_us": median(asyncio.new_event_loop, poller, options.devices, options),
        "poller_uvloop_us": median(uvloop.new_event_loop, poller, options.devices, options),
        "poller_kb_per_device": round(kilobytes, 1),
        "met": figures["dcmon_us"] <= BUDGET_US,
    }
    print(json.dumps(result))
    return 0 if result["met"] else 1


if __name__ == "__main__":
    sys.exit(main())
