"""Resident memory of a large site over an hour of simulated time. `python -m benchmarks memory`

The whole application, page, journal and samples included: a thousand assets of ten points each, asked over real sockets
every 30 s, every answer different from the one before. The clock runs a hundred times faster. Memory is that of the
process as the system counts it, at the start of the hour (every device has answered and every rule has looked), in
its middle and at its end; `growth` is what a straight line through all measurements gains over the hour.
"""

from __future__ import annotations

import asyncio
import logging
import statistics
import sys
import tempfile
from pathlib import Path

import uvloop

from benchmarks import sites
from benchmarks.machine import cores, pin, resident_mb
from benchmarks.result import Figure, Result, report
from benchmarks.servers import fastagents
from dcmon.app import Options, Running, run
from dcmon.clock import ScaledClock, perf_counter
from dcmon.service import spare_collector

ASSETS = 1000
AGENTS = 100
SPEED = 120
WARM_UP_S = 300
HOUR_S = 3600
EVERY_S = 60
TARGET_MB = 150
FLAT_MB = 10
"""What an hour may gain: the sample store learns, SQLite fills its page caches, the allocator settles."""
POLLING = {"fast": "30s", "slow": "30s", "timeout": "1s", "deadline": "10s", "max_in_flight": "50"}


async def observe(folder: Path, ports: list[int], result: Result) -> list[float]:
    """Megabytes at each simulated minute of the hour."""
    config = sites.write(folder, ports, count=ASSETS, polling=POLLING)
    clock, stop = ScaledClock(SPEED), asyncio.Event()
    up: asyncio.Future[Running] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(run(config, stop, Options(clock=clock, notifiers={}, on_ready=up.set_result)))
    done, _ = await asyncio.wait([serving, up], return_when=asyncio.FIRST_COMPLETED)
    if serving in done:
        serving.result()
    running = await up
    megabytes = []
    await clock.sleep(WARM_UP_S)
    begun, origin = clock.monotonic(), perf_counter()
    before = running.pipeline.readings
    for minute in range(HOUR_S // EVERY_S + 1):
        await clock.sleep(begun + minute * EVERY_S - clock.monotonic())
        megabytes.append(resident_mb())
    pipeline, stats = running.pipeline, list(running.poller.stats.values())
    result.details |= {
        "assets": ASSETS,
        "points": sum(
            key.asset.startswith("bench-") and not key.point.startswith("device.") for key in pipeline.latest
        ),
        "readings": pipeline.readings - before,
        "polls_failed": sum(each.failed for each in stats),
        "polls_skipped": sum(each.overruns for each in stats),
        "incidents": len(pipeline.judge.incidents),
        "samples_dropped": running.samples.stats.dropped,
        "simulated_s": round(clock.monotonic() - begun),
        "real_s": round(perf_counter() - origin, 1),
    }
    stop.set()
    await serving
    return megabytes


def slope(values: list[float]) -> float:
    """What the least-squares line through equally spaced values gains from the first to the last."""
    return statistics.linear_regression(range(len(values)), values).slope * (len(values) - 1)


def measure() -> Result:
    """One simulated hour."""
    logging.disable(logging.WARNING)
    own, core = cores()
    pin(own)
    spare_collector()
    result = Result()
    with (
        tempfile.TemporaryDirectory() as folder,
        fastagents(AGENTS, core) as ports,
        asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner,
    ):
        found = runner.run(observe(Path(folder), ports, result))
    result.details["megabytes"] = [round(value, 1) for value in found[::5]]
    middle = found[len(found) // 2]
    result.figures = [
        Figure(f"memory of {ASSETS:,} assets with 10 points each, highest", round(max(found), 1), "MB", TARGET_MB),
        Figure("at the start of a simulated hour", round(found[0], 1), "MB"),
        Figure("in its middle", round(middle, 1), "MB"),
        Figure("at its end", round(found[-1], 1), "MB"),
        Figure("growth over the hour", round(slope(found), 1), "MB", FLAT_MB),
    ]
    return result


if __name__ == "__main__":
    sys.exit(report("memory", measure))
