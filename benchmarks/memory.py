"""Resident memory of a large site over an hour of simulated time. `python -m benchmarks memory`

The whole application, page, journal and samples included: a thousand assets of ten points each, asked over real sockets
every 30 s, every answer different from the one before. Its clock stands still while polls are under way and jumps when
nothing is, so an hour takes as long as its work. Memory is that of the process as the system counts it, at the start of
the hour (every device has answered and every rule has looked), in its middle and at its end; `growth` is what a
straight line through the measurements of the second half gains in an hour: what is still being learnt at the beginning
is no leak.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvloop

from benchmarks import sites
from benchmarks.machine import cores, pin, resident_mb
from benchmarks.result import Figure, Result, report
from benchmarks.servers import fastagents
from dcmon.app import Options, Running, run
from dcmon.clock import SystemClock, perf_counter
from dcmon.loop import spare_collector

ASSETS = 1000
AGENTS = 100
STEP_S = 1.0
BREATH_S = 0.0005
WARM_UP_S = 120
HOUR_S = 3600
EVERY_S = 60
TARGET_MB = 150
FLAT_MB = 10
"""What an hour may gain: the sample store learns, SQLite fills its page caches, the allocator settles."""
INTERVAL_S = 30
POLLING = {
    "fast": f"{INTERVAL_S}s",
    "slow": f"{INTERVAL_S}s",
    "timeout": "1s",
    "deadline": "10s",
    "max_in_flight": "50",
}


class Hasty:
    """A Clock that jumps to the next sleeper's time as soon as nobody is busy."""

    pace = 1.0
    """Its seconds last no time; what is measured against it in polls is lateness, of which there is none."""

    def __init__(self, start: int) -> None:
        self._start = start
        self._elapsed = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0

    def now(self) -> int:
        """ms UTC."""
        return self._start + round(self._elapsed * 1000)

    def monotonic(self) -> float:
        """Simulated seconds since the start."""
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        """Until the clock has got there."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._sleepers, (self._elapsed + max(seconds, 0.0), self._count, future))
        await future

    async def run(self, seconds: float, busy: Callable[[], bool]) -> None:
        """Moves on by so much, waking whoever is due within each step, and waiting for what they began."""
        end = self._elapsed + seconds
        while self._elapsed < end:
            self._elapsed = min(end, self._elapsed + STEP_S)
            while self._sleepers and self._sleepers[0][0] <= self._elapsed:
                _, _, future = heapq.heappop(self._sleepers)
                if not future.done():
                    future.set_result(None)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            while busy():  # noqa: ASYNC110  # nobody tells when the last poll has ended
                await asyncio.sleep(BREATH_S)  # without a pause the writer thread would not get to its work


async def observe(folder: Path, ports: list[int], result: Result) -> list[float]:
    """Megabytes at each simulated minute of the hour."""
    config = sites.write(folder, ports, count=ASSETS, polling=POLLING)
    clock, stop = Hasty(SystemClock().now()), asyncio.Event()
    up: asyncio.Future[Running] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(run(config, stop, Options(clock=clock, on_ready=up.set_result)))
    waits: set[asyncio.Future[Any]] = {serving, up}
    await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        serving.result()
    running = await up
    pipeline, poller, samples = running.pipeline, running.poller, running.samples

    def busy() -> bool:
        return poller.in_flight > 0

    await clock.run(WARM_UP_S, busy)
    begun, readings = perf_counter(), pipeline.readings
    megabytes = [resident_mb()]
    for _ in range(HOUR_S // EVERY_S):
        await clock.run(EVERY_S, busy)
        megabytes.append(resident_mb())
    stats = list(poller.stats.values())
    result.details |= {
        "assets": ASSETS,
        "points": sum(
            key.asset.startswith("bench-") and not key.point.startswith("device.") for key in pipeline.latest
        ),
        "readings": pipeline.readings - readings,
        "polls_failed": sum(each.failed for each in stats),
        "polls_skipped": sum(each.overruns for each in stats),
        "incidents": len(pipeline.judge.incidents),
        "samples_dropped": samples.stats.dropped,
        "real_s": round(perf_counter() - begun, 1),
    }
    expected = ASSETS * sites.POINTS * HOUR_S / INTERVAL_S
    if result.details["readings"] < expected or result.details["incidents"] > ASSETS / 100:
        raise RuntimeError(f"the site was not watched as it should be: {result.details}")
    stop.set()
    while not serving.done():
        await clock.run(STEP_S, lambda: False)
    serving.result()
    return megabytes


def slope(values: list[float]) -> float:
    """What the least-squares line through values a minute apart gains in an hour."""
    return statistics.linear_regression(range(len(values)), values).slope * (HOUR_S / EVERY_S)


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
        Figure("growth in an hour, once settled", round(slope(found[len(found) // 2 :]), 1), "MB", FLAT_MB),
    ]
    return result


if __name__ == "__main__":
    sys.exit(report("memory", measure))
