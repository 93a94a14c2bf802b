"""What one SNMP poll costs: processor time of this process alone, pinned to one core. Prints one JSON line.

    python benchmarks/snmp_poll.py [--devices 50] [--rounds 40] [--repeats 7]

A GET asks 10 OIDs of one of `--devices` agents (`agents/fastagent.c`), all of them at once, round after round. A walk
reads ifTable, 48 rows of 22 columns, by columns and as one subtree. Beside dcmon's client on asyncio and on uvloop
stand its second transport, pysnmp's own high-level interface, and SNMPv3 (authPriv, SHA-256, AES-128) against snmpd
where there is one. `floor_us` is what sendto and recvfrom alone cost here, with no SNMP at all. Medians; microseconds.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import uvloop

from dcmon.collectors.snmp import NativeClient, Oid, SnmpSession, parse_oid
from dcmon.collectors.snmp.message import GET, V2C, encode_request
from dcmon.collectors.snmp.second import PysnmpClient
from dcmon.collectors.snmp.usm import V3User

GET_BUDGET_US = 20
WALK_BUDGET_US = 3_500
IF_ENTRY = parse_oid("1.3.6.1.2.1.2.2.1")
COLUMNS = [IF_ENTRY + bytes((column,)) for column in range(1, 23)]
NAMES: tuple[Oid, ...] = tuple(IF_ENTRY + bytes((column, 7)) for column in range(10, 20))
USER = V3User("bench", "sha256", "authauth1", "aes128", "privpriv1")
SNMPD_CONF = "createUser bench SHA-256 authauth1 AES privpriv1\nrouser bench priv\n"

Loop = Callable[[], asyncio.AbstractEventLoop]


def cpu_us(start: float, count: int) -> float:
    return (time.process_time() - start) / count * 1e6


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextlib.contextmanager
def fastagents(count: int, core: int) -> Iterator[list[int]]:
    """`count` agents behind consecutive ports, on another core than this process where there is one."""
    source = Path(__file__).parent / "agents" / "fastagent.c"
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder) / "fastagent"
        subprocess.run(["gcc", "-O2", "-w", "-o", program, source], check=True)
        for _ in range(20):
            base = min(free_port(), 65_000 - count)
            process = subprocess.Popen(
                [program, "-p", str(base), "-n", str(count)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
            assert process.stdout is not None
            if process.stdout.readline():
                break
            process.wait()
        os.sched_setaffinity(process.pid, {core})
        try:
            yield [base + number for number in range(count)]
        finally:
            process.terminate()
            process.wait()
            process.stdout.close()


@contextlib.contextmanager
def snmpd(core: int) -> Iterator[int | None]:
    """net-snmp's agent for v3; None where it is not installed."""
    program = shutil.which("snmpd", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if program is None:
        yield None
        return
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        conf = Path(folder) / "snmpd.conf"
        conf.write_text(SNMPD_CONF)
        process = subprocess.Popen(
            [program, "-f", "-Ln", "-C", "-c", conf, "-I", "-smux", f"udp:127.0.0.1:{port}"],
            env={**os.environ, "SNMP_PERSISTENT_DIR": folder, "MIBS": ""},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.sched_setaffinity(process.pid, {core})
        time.sleep(1)
        try:
            yield port
        finally:
            process.terminate()
            process.wait()


def measure_floor(port: int, count: int = 4000) -> float:
    """One datagram out and one in, in batches of 50: the share of the kernel."""
    request = encode_request(V2C, b"public", GET, 1 << 30, NAMES)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(2)
        start = time.process_time()
        for _ in range(count // 50):
            for _ in range(50):
                sock.sendto(request, ("127.0.0.1", port))
            for _ in range(50):
                sock.recvfrom(65_535)
        return cpu_us(start, count)


async def gets(sessions: list[SnmpSession], names: tuple[Oid, ...], rounds: int, repeats: int) -> list[float]:
    """Microseconds of processor time per GET, one figure per repeat."""

    async def poll(session: SnmpSession) -> None:
        for _ in range(rounds):
            varbinds = await session.get(names)
            assert len(varbinds) == len(names)

    await asyncio.gather(*(session.get(names) for session in sessions))
    figures = []
    for _ in range(repeats):
        gc.collect()
        start = time.process_time()
        await asyncio.gather(*map(poll, sessions))
        figures.append(cpu_us(start, len(sessions) * rounds))
    return figures


async def walks(session: SnmpSession, repeats: int) -> tuple[list[float], list[float]]:
    """Microseconds per walk of ifTable: by columns, and as one subtree."""
    by_columns, as_subtree = [], []
    for _ in range(repeats * 3):
        start = time.process_time()
        found = await session.walk_columns(COLUMNS)
        by_columns.append(cpu_us(start, 1))
        start = time.process_time()
        rows = await session.walk(IF_ENTRY)
        as_subtree.append(cpu_us(start, 1))
        assert sum(map(len, found.values())) == len(rows) == 1056
    return by_columns, as_subtree


async def native(ports: list[int], options: argparse.Namespace) -> dict[str, float]:
    client = NativeClient()
    sessions = [client.session("127.0.0.1", port) for port in ports]
    figures = await gets(sessions, NAMES, options.rounds, options.repeats)
    by_columns, as_subtree = await walks(sessions[0], options.repeats)
    lost = client.stats.timeouts + client.stats.retransmissions
    await client.close()
    return {
        "get_us": statistics.median(figures),
        "walk_columns_us": statistics.median(by_columns),
        "walk_subtree_us": statistics.median(as_subtree),
        "lost": lost,
    }


async def second(ports: list[int], options: argparse.Namespace) -> dict[str, float]:
    client = PysnmpClient(max_in_flight=50)
    sessions = [client.session("127.0.0.1", port) for port in ports]
    figures = await gets(sessions, NAMES, max(1, options.rounds // 20), 3)
    await client.close()
    return {"get_us": statistics.median(figures)}


async def users(port: int, options: argparse.Namespace) -> dict[str, float]:
    """snmpd serves one system group; its scalars and sysORTable entries make up ten variables."""
    client = NativeClient()
    system = [parse_oid(f"1.3.6.1.2.1.1.{leaf}") for leaf in (*(f"{scalar}.0" for scalar in range(1, 7)), "8.0")]
    names = (*system, *(parse_oid(f"1.3.6.1.2.1.1.9.1.2.{row}") for row in (1, 2, 3)))
    sessions = [client.session_v3("127.0.0.1", port, USER) for _ in range(10)]
    start = time.process_time()
    await sessions[0].get(names)
    first = cpu_us(start, 1)
    figures = await gets(sessions, names, options.rounds, 3)
    await client.close()
    return {"get_us": statistics.median(figures), "first_request_us": first}


async def pysnmp_itself(ports: list[int], options: argparse.Namespace) -> dict[str, float]:
    """The same GETs through pysnmp's high-level interface, as a program without a client of its own would do."""
    from pysnmp.hlapi.v3arch.asyncio import (
        CommunityData,
        ContextData,
        ObjectIdentity,
        ObjectType,
        SnmpEngine,
        UdpTransportTarget,
        get_cmd,
    )

    engine = SnmpEngine()
    targets = [await UdpTransportTarget.create(("127.0.0.1", port), timeout=2, retries=2) for port in ports]
    names = [f"1.3.6.1.2.1.2.2.1.{column}.7" for column in range(10, 20)]

    async def get(target: Any) -> None:
        asked = [ObjectType(ObjectIdentity(name)) for name in names]
        error, *_ = await get_cmd(engine, CommunityData("public"), target, ContextData(), *asked, lookupMib=False)
        assert error is None, error

    await asyncio.gather(*map(get, targets))
    figures = []
    for _ in range(3):
        start = time.process_time()
        await asyncio.gather(*map(get, targets))
        figures.append(cpu_us(start, len(targets)))
    engine.close_dispatcher()
    del options
    return {"get_us": statistics.median(figures)}


def run(loop: Loop, main: Callable[[], Coroutine[None, None, dict[str, float]]]) -> dict[str, float]:
    with asyncio.Runner(loop_factory=loop) as runner:
        return {name: round(figure, 1) for name, figure in runner.run(main()).items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--devices", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[0]})
    result: dict[str, Any] = {"benchmark": "snmp_poll", "oids": len(NAMES), "in_flight": options.devices}
    with fastagents(options.devices, cores[-1]) as ports, snmpd(cores[-1]) as v3_port:
        variants: dict[str, tuple[Loop, Callable[[], Awaitable[dict[str, float]]]]] = {
            "uvloop": (uvloop.new_event_loop, lambda: native(ports, options)),
            "asyncio": (asyncio.new_event_loop, lambda: native(ports, options)),
            "second_transport": (uvloop.new_event_loop, lambda: second(ports, options)),
            "pysnmp": (asyncio.new_event_loop, lambda: pysnmp_itself(ports, options)),
        }
        if v3_port is not None:
            variants["v3_auth_priv"] = (uvloop.new_event_loop, lambda: users(v3_port, options))
        result["floor_us"] = round(statistics.median(measure_floor(ports[0]) for _ in range(5)), 1)
        for name, (loop, variant) in variants.items():
            result[name] = run(loop, variant)  # type: ignore[arg-type]
    result["budget"] = {"get_us": GET_BUDGET_US, "walk_us": WALK_BUDGET_US}
    result["within_budget"] = (
        result["uvloop"]["get_us"] <= GET_BUDGET_US and result["uvloop"]["walk_columns_us"] <= WALK_BUDGET_US
    )
    print(json.dumps(result))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
