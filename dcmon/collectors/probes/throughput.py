"""Throughput: how fast an HTTP object comes in, or what iperf3 measures."""

from __future__ import annotations

import asyncio
import json
import shutil
from typing import Any, Final

from dcmon.clock import perf_counter
from dcmon.collectors.probes.attempt import Means, Points, ServiceError
from dcmon.collectors.probes.web import WebAsker
from dcmon.config.probes import IperfProbe, ThroughputProbe
from dcmon.model import CollectError

_LEAST_S: Final = 1e-6


class Throughput:
    """See ThroughputProbe. Time counts from the first byte of the body to the last that is read."""

    def __init__(self, probe: ThroughputProbe, means: Means) -> None:
        self._probe = probe
        self._asker = WebAsker(probe.url, probe, means)

    async def __call__(self, now: int) -> Points:
        """See Attempt."""
        points = dict(await self._asker.certificate(now))
        asked = perf_counter()
        async with self._asker.ask() as response:
            if response.status != 200:
                raise ServiceError(f"status {response.status}", points)
            points["service.latency"] = perf_counter() - asked
            first, started = 0, 0.0
            size = 0
            async for chunk in response.content.iter_any():
                if not size:
                    first, started = len(chunk), perf_counter()
                size += len(chunk)
                if size >= self._probe.bytes:
                    break
        if size <= first:
            raise ServiceError(f"{size} bytes are too few to measure with", points)
        took = max(perf_counter() - started, _LEAST_S)
        return points | {"service.throughput": round((size - first) * 8 / took)}


class Iperf:
    """See IperfProbe."""

    def __init__(self, probe: IperfProbe, means: Means) -> None:
        self._probe = probe

    async def __call__(self, now: int) -> Points:
        """See Attempt."""
        program = shutil.which("iperf3")
        if program is None:
            raise CollectError("iperf3", "the program iperf3 is not here. Install Debian's package iperf3")
        probe = self._probe
        words = [program, "-J", "-c", probe.host, "-p", str(probe.port), "-t", str(probe.seconds)]
        process = await asyncio.create_subprocess_exec(
            *words, *(["-R"] if probe.reverse else []),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        try:
            said, _ = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return read_iperf(said)


def read_iperf(said: bytes) -> Points:
    """What `iperf3 -J` prints. ServiceError with its own words, CollectError while its server serves another."""
    try:
        answer: Any = json.loads(said)
        error = answer.get("error")
        if error is None:
            return {"service.throughput": round(answer["end"]["sum_received"]["bits_per_second"])}
    except (ValueError, KeyError, TypeError, AttributeError) as fault:
        raise CollectError("iperf3", "iperf3 said nothing that can be read") from fault
    if "busy" in error:
        raise CollectError("busy", f"iperf3: {error}")
    raise ServiceError(f"iperf3: {error}")
