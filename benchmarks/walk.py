"""What a walk of a large table costs. `python -m benchmarks walk`

An ifTable of 48 rows and 22 columns, 1,056 values, over v2c: fetched as dcmon does, all columns together, and as one
subtree. Processor time of this process, kernel included. The floor is what the datagrams of one GET cost in the kernel
alone, and `GET` what dcmon's client costs for ten OIDs without anything behind it.
"""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
import time
from collections.abc import Sequence

import uvloop

from benchmarks.machine import cores, pin
from benchmarks.result import Result, middle, report
from benchmarks.servers import HOST, fastagents
from benchmarks.sites import GAUGES, IF_ENTRY
from dcmon.collectors.snmp import NativeClient, SnmpSession, parse_oid
from dcmon.collectors.snmp.message import GET, V2C, encode_request
from dcmon.loop import spare_collector

AGENTS = 50
VALUES = 1056
ROUNDS = 60
GETS = 10
TARGET_US = 3_500
ENTRY = parse_oid(IF_ENTRY)
COLUMNS = [ENTRY + bytes((column,)) for column in range(1, 23)]
NAMES = tuple(map(parse_oid, GAUGES))


def cpu_us(begun: float, count: int) -> float:
    """Microseconds of processor time since `begun`, for each of `count`."""
    return (time.process_time() - begun) / count * 1e6


def floor_us(port: int, count: int = 1000) -> float:
    """One datagram out and one in, in batches of 50: the share of the kernel."""
    request = encode_request(V2C, b"public", GET, 1 << 30, NAMES)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(2)
        begun = time.process_time()
        for _ in range(count // 50):
            for _ in range(50):
                sock.sendto(request, (HOST, port))
            for _ in range(50):
                sock.recvfrom(65_535)
        return cpu_us(begun, count)


async def gets(sessions: Sequence[SnmpSession]) -> float:
    """Microseconds per GET of ten OIDs, one under way at each session."""

    async def ask(session: SnmpSession) -> None:
        for _ in range(GETS):
            await session.get(NAMES)

    begun = time.process_time()
    await asyncio.gather(*map(ask, sessions))
    return cpu_us(begun, len(sessions) * GETS)


async def compare(ports: Sequence[int]) -> dict[str, list[float]]:
    """All of them in turn, so that what disturbs the machine disturbs all alike."""
    figures: dict[str, list[float]] = {"columns": [], "subtree": [], "get": [], "floor": []}
    client = NativeClient()
    sessions = [client.session(HOST, port) for port in ports]
    await gets(sessions)
    for _ in range(ROUNDS):
        gc.collect()
        begun = time.process_time()
        found = await sessions[0].walk_columns(COLUMNS)
        figures["columns"].append(cpu_us(begun, 1))
        begun = time.process_time()
        rows = await sessions[0].walk(ENTRY)
        figures["subtree"].append(cpu_us(begun, 1))
        if not sum(map(len, found.values())) == len(rows) == VALUES:
            raise AssertionError(f"{sum(map(len, found.values()))} and {len(rows)} values instead of {VALUES}")
        figures["get"].append(await gets(sessions))
        figures["floor"].append(floor_us(ports[0]))
    await client.close()
    return figures


def measure() -> Result:
    """Medians over the rounds."""
    own, core = cores()
    pin(own)
    spare_collector()
    with fastagents(AGENTS, core) as ports, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        found = runner.run(compare(ports))
    walk = f"walk of an ifTable of {VALUES} values, all columns together"
    return Result(
        [
            middle(walk, found["columns"], "us CPU", TARGET_US),
            middle("the same as one subtree", found["subtree"], "us CPU"),
            middle("GET of 10 OIDs, client alone, uvloop", found["get"], "us CPU"),
            middle("the kernel's share of that", found["floor"], "us CPU"),
        ]
    )


if __name__ == "__main__":
    sys.exit(report("walk", measure))
