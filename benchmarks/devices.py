"""One poll of real devices, as recorded, beside `snmpbulkwalk`. `python -m benchmarks devices`

Every recording of the folder that DCMON_RECORDINGS names is served by snmpsim on a loopback socket. A poll is that of
the running process: SnmpDevice over a real socket, everything of the profile, decoded. snmpbulkwalk (net-snmp) walks
the subtrees in which the profile's objects are; the time that a process takes to start is taken off. Both take turns,
so that what disturbs the machine disturbs both. Nearly all of either is the agent's time.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from benchmarks.machine import cores, pin
from benchmarks.result import Figure, Result, middle, report
from benchmarks.servers import HOST, program, relay, snmpsim
from dcmon.collectors.device import Plans, SnmpDevice
from dcmon.collectors.plan import Plan
from dcmon.collectors.profile import load_profiles
from dcmon.collectors.schedule import EVERYTHING
from dcmon.collectors.snmp import NativeClient, format_oid
from dcmon.loop import spare_collector
from dcmon.model import CollectError, Reading

ROUNDS = 5
LONG_S = 0.5
"""No further round for a device with which one takes longer."""
TARGET_RATIO = 1.2
TIMEOUT_S = 10.0
FOLDER = "DCMON_RECORDINGS"
WALKER = "snmpbulkwalk"


@dataclass
class Found:
    """What was measured of one device."""

    points: int = 0
    pdus: int = 0
    octets: int = 0
    cpu_s: float = 0.0
    """Of all polls together."""
    polls_ms: list[float] = field(default_factory=list)
    walks_ms: list[float] = field(default_factory=list)
    """Without the start of the processes."""

    @property
    def ratio(self) -> float:
        return statistics.median(self.polls_ms) / max(statistics.median(self.walks_ms), 0.01)


def subtrees(plan: Plan) -> list[str]:
    """The groups and tables in which the profile's objects are, none of them within another."""
    group = plan.groups["all"]
    scalars = {format_oid(oid).rsplit(".", 2)[0] for oids in group.gets for oid in oids}  # type: ignore[union-attr]
    tables = {format_oid(oid).rsplit(".", 1)[0] for oids in group.walks for oid in oids}  # type: ignore[union-attr]
    roots = sorted(scalars | tables, key=len)
    return [
        root for number, root in enumerate(roots) if not any(f"{root}.".startswith(f"{one}.") for one in roots[:number])
    ]


def walk_ms(port: int, community: str, roots: Sequence[str]) -> float:
    """One snmpbulkwalk after the other; what their starts take is measured beside them and taken off."""
    options = ["-v2c", "-c", community, "-On", "-t", str(TIMEOUT_S), "-r", "0", f"{HOST}:{port}"]
    walks = sum(run_ms([WALKER, *options, root]) for root in roots)
    starts = statistics.median(run_ms([WALKER, "-V"]) for _ in range(3))
    return max(walks - starts * len(roots), 0.0)


def run_ms(command: Sequence[str]) -> float:
    begun = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return (time.perf_counter() - begun) * 1000


async def poll(device: SnmpDevice, found: Found) -> list[Reading]:
    begun, cpu = time.perf_counter(), time.process_time()
    readings = await device.poll(EVERYTHING, time.time_ns() // 1_000_000)
    found.polls_ms.append((time.perf_counter() - begun) * 1000)
    found.cpu_s += time.process_time() - cpu
    return readings


async def count(client: NativeClient, plans: Plans, name: str, port: int, found: Found) -> None:
    """Requests and octets of one poll, through a relay that counts them; what finds out about the device is before."""
    async with relay(port) as counter:
        session = client.session(HOST, counter.port, community=name, timeout_s=TIMEOUT_S, retries=0)
        device = SnmpDevice(name, session, plans)
        await device.poll(EVERYTHING, 0)
        before = counter.requests, counter.octets
        await device.poll(EVERYTHING, 10_000)
        found.pdus, found.octets = counter.requests - before[0], counter.octets - before[1]


async def compare(port: int, names: Iterable[str]) -> tuple[dict[str, Found], list[str]]:
    """(what was measured by recording, recordings of which nothing could be)."""
    client, plans = NativeClient(), Plans(load_profiles())
    measured: dict[str, Found] = {}
    failed = []
    for name in names:
        found = Found()
        session = client.session(HOST, port, community=name, timeout_s=TIMEOUT_S, retries=0)
        device = SnmpDevice(name, session, plans)
        try:
            await count(client, plans, name, port, found)
            await device.poll(EVERYTHING, time.time_ns() // 1_000_000)
            assert device.match is not None
            roots = subtrees(plans.plan(device.match.profile, "snmp", device.match.identity))
            until = time.perf_counter() + LONG_S
            while len(found.polls_ms) < ROUNDS and (not found.polls_ms or time.perf_counter() < until):
                found.points = len(await poll(device, found))
                found.walks_ms.append(walk_ms(port, name, roots))
        except CollectError as error:
            failed.append(f"{name}: {error}")
            continue
        measured[name] = found
    await client.close()
    return measured, failed


def measure() -> Result:
    folder = os.environ.get(FOLDER)
    if folder is None or not Path(folder).is_dir():
        return Result(left_out=[f"polls of recorded devices: {FOLDER} names no folder"])
    if program(WALKER) is None:
        return Result(left_out=[f"polls of recorded devices: {WALKER} is not installed"])
    recordings = sorted(Path(folder).rglob("*.snmprec"))
    names = [path.relative_to(folder).with_suffix("").as_posix() for path in recordings]
    mine, other = cores()
    with snmpsim(Path(folder), other) as port:
        pin(mine)
        spare_collector()
        measured, failed = uvloop.run(compare(port, names))
    if not measured:
        raise RuntimeError("not one recording could be polled")
    cpu_us = {name: found.cpu_s / len(found.polls_ms) / max(found.points, 1) * 1e6 for name, found in measured.items()}
    ratio = statistics.median(found.ratio for found in measured.values())
    octets = [found.octets for found in measured.values()]
    return Result(
        [
            Figure(
                "poll of a recorded device, p50, of the time of snmpbulkwalk", round(ratio, 2), "ratio", TARGET_RATIO
            ),
            middle("the same: requests", [found.pdus for found in measured.values()], "PDUs"),
            middle("the same: octets of requests and answers", octets, "octets", digits=0),
            middle("the same: per point", list(cpu_us.values()), "us CPU"),
        ],
        {
            "devices": len(measured),
            "failed": failed,
            "above_the_ratio": sorted(name for name, found in measured.items() if found.ratio > TARGET_RATIO),
            "by_device": {
                name: {
                    "pdus": found.pdus,
                    "octets": found.octets,
                    "points": found.points,
                    "poll_ms": round(statistics.median(found.polls_ms), 1),
                    "walk_ms": round(statistics.median(found.walks_ms), 1),
                    "cpu_us_per_point": round(cpu_us[name], 1),
                }
                for name, found in measured.items()
            },
        },
    )


if __name__ == "__main__":
    sys.exit(report("devices", measure))
