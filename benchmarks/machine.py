"""Cores, processor time and memory: the parts of the machine that benchmarks look at."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

QUIET = 0.1
"""Share of all cores that other programs may take for the machine to count as quiet."""


def cores() -> tuple[int, int]:
    """(the core that is measured, the core of everything else); the same one where there is only one.

    The last core is measured, because the first one usually serves the interrupts. To be asked before this process
    is pinned.
    """
    usable = sorted(os.sched_getaffinity(0))
    return usable[-1], usable[0]


def pin(core: int, pid: int = 0) -> None:
    """Keeps a process (this one by default) with all its threads on one core."""
    os.sched_setaffinity(pid, {core})


@contextmanager
def elsewhere(core: int) -> Iterator[None]:
    """Moves this thread to another core for a while: its work is not what is measured."""
    before = os.sched_getaffinity(0)
    pin(core)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def spent_by(pid: int) -> float:
    """Seconds of processor time of another process, to the nanosecond: the sum over its threads."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text(encoding="ascii").split()[0])
    return total / 1e9


def wait_until_quiet(patience_s: float) -> float:
    """Waits until other programs leave the machine alone for a second, but no longer than that.

    Returns the share of all cores that they took in the last second.
    """
    until = time.monotonic() + patience_s
    while True:
        before = _busy()
        time.sleep(1.0)
        busy, total = (now - then for now, then in zip(_busy(), before, strict=True))
        share = busy / max(total, 1)
        if share <= QUIET or time.monotonic() > until:
            return share


def _busy() -> tuple[int, int]:
    """(ticks in which the cores worked, or were taken away by the host; all ticks)."""
    ticks = [int(field) for field in Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]]
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks)


def resident_mb() -> float:
    """Resident memory of this process, libraries included."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise OSError("/proc/self/status has no VmRSS")


def spread(values: Sequence[float], digits: int = 1) -> dict[str, float]:
    """Median, lowest and highest."""
    return {
        "median": round(statistics.median(values), digits),
        "lowest": round(min(values), digits),
        "highest": round(max(values), digits),
    }


def describe() -> str:
    """The processor, its cores and the Python, for the table."""
    model = platform.machine()
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = " ".join(line.partition(":")[2].split())
            break
    # Of a family name with three commas nobody needs more than the first part.
    return (
        f"{model}, {os.cpu_count()} cores, Linux {platform.release().split('-')[0]}, Python {platform.python_version()}"
    )


def today() -> str:
    """The date of the run."""
    return time.strftime("%Y-%m-%d")
