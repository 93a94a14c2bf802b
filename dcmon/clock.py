"""The only place that reads the time or waits for it."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """Where the shell gets `now` from. Decisions take `now` as an argument and never see a clock."""

    @property
    def pace(self) -> float:
        """Seconds of this clock in a real one."""
        ...

    def now(self) -> int:
        """Milliseconds since the Unix epoch, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that only grow, in this clock's own pace: for schedules, never for dates."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Waits `seconds` of this clock."""
        ...


class SystemClock:
    """The machine's clock."""

    pace = 1.0

    def now(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class ScaledClock:
    """Runs `speed` times faster than the machine's, from the instant it is made: the demo's clock."""

    def __init__(self, speed: float, start: int | None = None) -> None:
        if speed <= 0:
            raise ValueError(f"speed must be above 0, not {speed}")
        self.pace = speed
        self._origin = time.monotonic()
        self._start = time.time_ns() // 1_000_000 if start is None else start

    def now(self) -> int:
        return self._start + int((time.monotonic() - self._origin) * self.pace * 1000)

    def monotonic(self) -> float:
        return (time.monotonic() - self._origin) * self.pace

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self.pace)


class SimulatedClock:
    """Stands still until it is moved by hand: tests and replay. Sleepers wake in the order of their times."""

    pace = 1.0

    def __init__(self, start: int = 0) -> None:
        self._now = start
        self._sleepers: list[tuple[int, int, asyncio.Future[None]]] = []
        self._count = 0

    def now(self) -> int:
        return self._now

    def monotonic(self) -> float:
        return self._now / 1000

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        self._sleepers.append((self._now + round(seconds * 1000), self._count, future))
        await future

    async def advance(self, seconds: float) -> None:
        """Moves time on, waking every sleeper at its own instant and letting it run before going further."""
        end = self._now + round(seconds * 1000)
        await _settle()
        while self._sleepers:
            due, count, future = min(self._sleepers, key=lambda sleeper: sleeper[:2])
            if due > end:
                break
            self._sleepers.remove((due, count, future))
            self._now = max(self._now, due)
            if not future.done():
                future.set_result(None)
            await _settle()
        self._now = end
        await _settle()


async def _settle() -> None:
    """Lets every task that can run do so: a bounded number of turns of the loop."""
    for _ in range(20):
        await asyncio.sleep(0)


def perf_counter() -> float:
    """Seconds for measuring how long something took (metrics), never for decisions."""
    return time.perf_counter()
