"""What one poll costs from the question to the sample buffer. `python -m benchmarks poll`

Fifty devices of ten OIDs are polled as fast as it goes by the real Poller: schedule, deadline, request, answer,
decoding by a profile, maps, all shipped rules, the buffer of the sample store. The figure is processor time of this
process, kernel included, per poll. Beside dcmon's own codec on uvloop stand asyncio, its second transport (pysnmp's
codec), SNMPv3 (authPriv, SHA-256, AES-128, against snmpd), and prometheus-snmp-exporter, which asks the same agents for
the same OIDs and prints them. All take turns in short windows, so that what disturbs the machine disturbs all alike.
"""

from __future__ import annotations

import asyncio
import gc
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import Protocol

import uvloop

from benchmarks import sites
from benchmarks.machine import cores, elsewhere, pin, spent_by
from benchmarks.result import Figure, Result, middle, report
from benchmarks.scrapes import scrape
from benchmarks.servers import EXPORTER, exporter, fastagents, snmpd
from dcmon.clock import SystemClock
from dcmon.collectors.build import build_devices
from dcmon.collectors.modbus import Buses
from dcmon.collectors.poller import Poller
from dcmon.collectors.profile import load_profiles
from dcmon.collectors.schedule import Intervals
from dcmon.collectors.snmp import NativeClient
from dcmon.collectors.snmp.second import PysnmpClient
from dcmon.config.config import Config
from dcmon.config.secrets import resolve
from dcmon.loop import spare_collector
from dcmon.notify.escalation import Pager
from dcmon.pipeline import Pipeline
from dcmon.storage.journal import Journal
from dcmon.storage.samples import Samples
from dcmon.thresholds import Judge

DEVICES = 50
ROUNDS = 7
WINDOW_S = 0.6
WARM_UP_S = 0.15
TARGET_US = 100
AT_ONCE = Intervals(0.001, 0.001)
"""Every device is due again as soon as its poll has ended."""
POLLING = {"fast": "60s", "slow": "60s", "timeout": "2s"}

Loop = Callable[[], asyncio.AbstractEventLoop]


class Contender(Protocol):
    """Something that polls: one window gives microseconds per poll, and how many there were."""

    def window(self) -> tuple[float, int]: ...

    def close(self) -> None: ...


class Dcmon:
    """dcmon from the poller to the sample buffer, on a loop of its own."""

    def __init__(self, config: Config, loop: Loop, kind: type[NativeClient]) -> None:
        self._runner = asyncio.Runner(loop_factory=loop)
        self._runner.run(self._build(config, kind))

    async def _build(self, config: Config, kind: type[NativeClient]) -> None:
        clock, agent = SystemClock(), config.agent
        self._client = kind(max_in_flight=agent.polling.max_in_flight)
        devices = build_devices(
            config.collectors,
            agent.polling,
            load_profiles(config.directory / "profiles"),
            partial(resolve, directory=config.directory),
            clients={"native": self._client, "pysnmp": self._client},
            buses=Buses(clock, timeout_s=1.0),
        )
        self.journal = Journal(agent.data_dir)
        self.samples = Samples(agent.data_dir, agent.samples, clock)
        judge, pager = Judge(config, now=clock.now()), Pager(config)
        self.pipeline = Pipeline(judge, pager, self.journal, [self.samples], clock)
        every = {device.asset: AT_ONCE for device in devices}
        self.poller = Poller(devices, agent.polling, clock, self.pipeline.submit, intervals=every)

    def window(self) -> tuple[float, int]:
        """Microseconds of processor time per poll, and the number of polls."""
        figure = self._runner.run(self._window())
        self.samples.flush()  # outside of what is measured: `samples` says what it costs
        return figure

    async def _window(self) -> tuple[float, int]:
        running = [asyncio.create_task(self.pipeline.run()), asyncio.create_task(self.poller.run())]
        await asyncio.sleep(WARM_UP_S)
        gc.collect()
        polls, begun = self._polls(), time.process_time()
        await asyncio.sleep(WINDOW_S)
        spent, polls = time.process_time() - begun, self._polls() - polls
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        return spent / max(polls, 1) * 1e6, polls

    def _polls(self) -> int:
        return sum(stats.polls for stats in self.poller.stats.values())

    def failed(self) -> int:
        """Polls without an answer; a figure with many of them says nothing."""
        return sum(stats.failed for stats in self.poller.stats.values())

    def close(self) -> None:
        self._runner.run(self._client.close())
        self._runner.close()
        self.samples.close()
        self.journal.close()


class Exporter:
    """prometheus-snmp-exporter, scraped over as many connections as there are devices."""

    def __init__(self, pid: int, port: int, agents: list[int], core: int) -> None:
        self._pid, self._port, self._agents, self._core = pid, port, agents, core

    def window(self) -> tuple[float, int]:
        """Microseconds of the exporter's processor time per scrape, and the number of scrapes."""
        with elsewhere(self._core):
            asyncio.run(scrape(self._port, self._agents, WARM_UP_S))
            begun = spent_by(self._pid)
            scrapes = asyncio.run(scrape(self._port, self._agents, WINDOW_S))
            return (spent_by(self._pid) - begun) / max(scrapes, 1) * 1e6, scrapes

    def close(self) -> None:
        """Its process belongs to `servers.exporter`."""


def contenders(stack: ExitStack, agents: list[int], core: int, own: int, result: Result) -> dict[str, Contender]:
    """Everything that can be measured here; what cannot is noted in `result`."""

    def dcmon(loop: Loop, kind: type[NativeClient], v3_port: int | None = None) -> Dcmon:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        if v3_port is None:
            config = sites.write(folder, agents, polling=POLLING)
        else:
            config = sites.write(
                folder, [v3_port], count=DEVICES, oids=sites.COUNTERS, highest=1e9, polling=POLLING, v3=True
            )
        made = Dcmon(config, loop, kind)
        stack.callback(made.close)
        return made

    found: dict[str, Contender] = {
        "dcmon": dcmon(uvloop.new_event_loop, NativeClient),
        "asyncio": dcmon(asyncio.new_event_loop, NativeClient),
        "pysnmp": dcmon(uvloop.new_event_loop, PysnmpClient),
    }
    v3_port = stack.enter_context(snmpd(core))
    if v3_port is None:
        result.left_out.append("SNMPv3: snmpd is not installed")
    else:
        found["v3"] = dcmon(uvloop.new_event_loop, NativeClient, v3_port)
    running = stack.enter_context(exporter(sites.GAUGES, own))
    if running is None:
        result.left_out.append(f"{EXPORTER} is not installed")
    else:
        found["exporter"] = Exporter(*running, agents, core)
    return found


WHAT = {
    "dcmon": "poll, decode, judge, buffer: 10 OIDs over v2c, 50 in flight, uvloop",
    "asyncio": "the same on asyncio's own loop",
    "pysnmp": "the same with `transport: pysnmp`",
    "v3": "the same over SNMPv3 (SHA-256, AES-128)",
    "exporter": "prometheus-snmp-exporter, which polls and prints only",
}


def measure() -> Result:
    """Medians over the windows; the ratio is of medians of the same run."""
    own, core = cores()
    pin(own)
    spare_collector()  # as the process does
    result = Result()
    windows: dict[str, list[tuple[float, int]]] = {}
    with ExitStack() as stack:
        agents = stack.enter_context(fastagents(DEVICES, core))
        found = contenders(stack, agents, core, own, result)
        for _ in range(ROUNDS):
            for name, contender in found.items():
                windows.setdefault(name, []).append(contender.window())
        for name, contender in found.items():
            result.details[name] = {"polls": sum(polls for _, polls in windows[name])}
            if isinstance(contender, Dcmon):
                result.details[name] |= {"failed": contender.failed(), "transitions": contender.pipeline.transitions}
                if contender.failed() > result.details[name]["polls"] / 100:
                    raise RuntimeError(f"more than one poll in a hundred was not answered: {result.details}")
    costs = {name: [us for us, _ in found] for name, found in windows.items()}
    for name, runs in costs.items():
        result.figures.append(middle(WHAT[name], runs, "us CPU", TARGET_US if name == "dcmon" else None))
    if "exporter" in costs:
        ratio = statistics.median(costs["dcmon"]) / statistics.median(costs["exporter"])
        result.figures.append(Figure("dcmon to prometheus-snmp-exporter", round(ratio, 2), "ratio"))
    return result


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        sys.exit(report("poll", measure))
