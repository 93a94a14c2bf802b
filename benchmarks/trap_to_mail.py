"""From the trap that arrives to the mail that the relay has accepted. `python -m benchmarks trap_to_mail`

The whole application on the simulated site, in real time: a contact closes at a simulated device (fire alarm, smoke,
broken glass), its trap is sent from the device's own address, dcmon polls that device at once, judges, commits, and
mails through a real SMTP server. The rules concerned have no delay; where one has, it adds itself. Storm caps are off:
a benchmark breaks more glass than a night does.
"""

from __future__ import annotations

import asyncio
import logging
import random
import socket
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import uvloop
from aiosmtpd.smtp import SMTP, Envelope, Session

from benchmarks.machine import cores, pin
from benchmarks.result import Result, middle, report
from benchmarks.servers import HOST
from benchmarks.sites import EXAMPLE
from dcmon.app import Options, Running, run
from dcmon.clock import SystemClock, perf_counter
from dcmon.collectors.snmp.message import encode_notification
from dcmon.config.config import Config
from dcmon.config.loader import load
from dcmon.loop import spare_collector
from dcmon.sim import Scenario, SimulatedSite
from dcmon.sim.building import CONTACTS as BUILDING
from dcmon.sim.plant import STEP_MS

AT_ONCE = ("fire.alarm", "smoke.detected", "glass.broken")
"""Points whose rules wait for nothing."""
CONTACTS = [
    (unit, contact.meaning) for unit, contacts in BUILDING.items() for contact in contacts if contact.point in AT_ONCE
]
"""(environment unit, contact of it in the words of the simulator)."""
RUNS = 2
TARGET_MS = 300
PATIENCE_S = 5.0
SETTLE_S = 2.5
COLD_START = "1.3.6.1.6.3.1.1.5.1"


class Sink:
    """A mail server that notes when it has accepted what."""

    def __init__(self) -> None:
        self.accepted: list[tuple[float, str]] = []
        self.arrived = asyncio.Event()

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's
        """Called with each mail."""
        self.accepted.append((perf_counter(), envelope.rcpt_tos[0]))
        self.arrived.set()
        return "250 2.0.0 accepted"


def on_loopback(config: Config, site: SimulatedSite, data_dir: Path, smtp_port: int) -> Config:
    """The example site with the addresses of its simulated devices."""
    agent = config.agent
    update = {
        "web": agent.web.model_copy(update={"listen": f"{HOST}:0"}),
        "traps": agent.traps.model_copy(update={"listen": f"{HOST}:0"}),
        "smtp": agent.smtp.model_copy(update={"host": HOST, "port": smtp_port}),
        "outbox": agent.outbox.model_copy(update={"caps": {}}),
    }
    collectors = config.collectors.model_copy(update={"devices": site.devices()})
    moved = config.model_copy(update={"collectors": collectors, "agent": agent.model_copy(update=update)})
    return moved.model_copy(update={"agent": moved.agent.model_copy(update={"data_dir": data_dir})})


async def one_run(seed: int) -> list[float]:
    """Milliseconds for each contact, on a dcmon of its own."""
    dice, clock, sink, loop = random.Random(seed), SystemClock(), Sink(), asyncio.get_running_loop()
    smtp = await loop.create_server(lambda: SMTP(sink, loop=loop, hostname="localhost"), HOST, 0)
    config = load(EXAMPLE)
    site = SimulatedSite(config, clock, Scenario("benchmark", "", ""))
    stop = asyncio.Event()
    up: asyncio.Future[Running] = loop.create_future()
    with tempfile.TemporaryDirectory() as folder:
        try:
            addresses = await site.start()
            moved = on_loopback(config, site, Path(folder), smtp.sockets[0].getsockname()[1])
            serving = asyncio.create_task(
                run(moved, stop, Options(notifiers={"console": Quiet()}, on_ready=up.set_result))
            )
            waits: set[asyncio.Future[Any]] = {serving, up}
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if serving.done():
                serving.result()
            target = (await up).trap_address
            assert target is not None
            await asyncio.sleep(SETTLE_S)
            figures = []
            for unit, contact in dice.sample(CONTACTS, len(CONTACTS)):
                took = await one(site, contact, addresses[unit][0], target, sink)
                if took is not None:
                    figures.append(took)
                await asyncio.sleep(1.2 + dice.random() * 0.4)  # a device is polled for traps once a second at most
            stop.set()
            await serving
        finally:
            await site.stop()
            smtp.close()
            await smtp.wait_closed()
    return figures


async def one(site: SimulatedSite, contact: str, source: str, target: tuple[str, int], sink: Sink) -> float | None:
    """Closes a contact, sends its device's trap, and waits for the first mail: milliseconds.

    None when an ordinary poll happened to see it first.
    """
    before = len(sink.accepted)
    trap = encode_notification(b"public", 1 << 30, 12_345, COLD_START, inform=False)
    site.plant.apply("contact", {"meaning": contact, "active": True})
    await asyncio.sleep(2 * STEP_MS / 1000)  # the simulated device shows what has changed with the plant's next step
    if len(sink.accepted) > before:
        return None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((source, 0))
        sink.arrived.clear()
        begun = perf_counter()
        sock.sendto(trap, target)
    async with asyncio.timeout(PATIENCE_S):
        await sink.arrived.wait()
    return (next(at for at, _ in sink.accepted if at >= begun) - begun) * 1000


class Quiet:
    """The console channel, silenced: standard output belongs to the figures."""

    async def send(self, notification: object, person: object) -> str:
        """Says that it was shown."""
        return "shown"


def measure() -> Result:
    """The median over all contacts of all runs."""
    logging.disable(logging.CRITICAL)
    pin(cores()[0])
    spare_collector()
    figures: list[float] = []
    for number in range(RUNS):
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            figures += runner.run(one_run(number))
    ordered = sorted(figures)
    return Result(
        [middle("trap received to mail accepted, whole application", figures, "ms", TARGET_MS, digits=0)],
        {"traps": len(ordered), "quartiles_ms": [round(value) for value in statistics.quantiles(ordered, n=4)],
         "slowest_ms": round(ordered[-1])},
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(report("trap_to_mail", measure))
