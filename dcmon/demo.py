"""The demo: a simulated data centre on loopback sockets, dcmon on it as in production, and a mail server that shows its
mail."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from importlib.resources import files
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session
from rich.console import Console
from rich.text import Text

from dcmon.app import Options, Running, run
from dcmon.clock import Clock, ScaledClock
from dcmon.config.config import Config
from dcmon.config.loader import load
from dcmon.model import Changes, Transition
from dcmon.notify.console import ConsoleNotifier
from dcmon.report import demo_report
from dcmon.sim import SCENARIOS, SimulatedSite

_FULL_SPEED = 20.0
"""Up to here every poll is made as often as in life."""
_LOOK_S, _LOOKS = 0.05, 200
"""How often, in real seconds, and how many times it is looked whether every device was asked, before the script."""
_SHOWN = {"incident", "task", "clock"}
_LOUD = {
    "opened": "bold",
    "raised": "bold",
    "worsened": "bold",
    "remains": "bold",
    "breached": "bold red",
    "overdue": "bold red",
    "resolved": "green",
}


@dataclass(slots=True)
class Demo:
    """What `dcmon demo` was asked for. `exit_after_s` is real time from the start of the script; None runs until it is
    interrupted."""

    scenario: str = "mains-outage"
    speed: float = 1.0
    port: int = 8080
    exit_after_s: float | None = None
    config: Path | None = None
    data_dir: Path | None = None
    console: Console = field(default_factory=Console)


def example_site() -> Path:
    """The shipped configuration: inside the package when it is installed, `config/` in a checkout."""
    packaged = Path(str(files("dcmon.sim"))) / "site"
    return packaged if packaged.is_dir() else Path(__file__).resolve().parent.parent / "config"


async def play(demo: Demo, stop: asyncio.Event) -> dict[str, Any]:
    """Runs the demo until `stop` is set or its time is over; gives its report."""
    clock = ScaledClock(demo.speed)
    config = load(demo.config or example_site())
    site = SimulatedSite(config, clock, demo.scenario, waits=True)
    post = PostOffice(demo.console, clock)
    with _folder(demo.data_dir) as data_dir:
        await site.start()
        try:
            smtp_port = await post.open()
            return await _play(demo, stop, _on_loopback(config, site, data_dir, demo, smtp_port), site, post)
        finally:
            await post.close()
            await site.stop()


async def _play(
    demo: Demo, stop: asyncio.Event, config: Config, site: SimulatedSite, post: PostOffice
) -> dict[str, Any]:
    clock, console = post.clock, demo.console
    started = clock.now()
    scripts: list[asyncio.Task[None]] = []

    async def begin(running: Running) -> None:
        """The plant is seen well before anything happens to it, however slow this machine is."""
        for _ in range(_LOOKS):
            if all(one.last_success is not None or one.failures for one in running.poller.stats.values()):
                break
            await clock.sleep(_LOOK_S * clock.pace)
        site.begin()
        if demo.exit_after_s is not None:
            asyncio.get_running_loop().call_later(demo.exit_after_s, stop.set)

    def ready(running: Running) -> None:
        site.trap_target = running.trap_address
        host, port = running.web_address or ("127.0.0.1", demo.port)
        scenario = SCENARIOS[demo.scenario]
        console.print(Text.assemble((scenario.name, "bold"), ": ", scenario.description))
        console.print(Text.assemble("NOC page: ", (f"http://{host}:{port}/", "bold underline"), "  (end with Ctrl+C)"))
        scripts.append(asyncio.create_task(begin(running), name="script"))

    reports: list[dict[str, Any]] = []
    options = Options(
        clock=clock,
        notifiers={"console": ConsoleNotifier(console)},
        on_decided=lambda changes: _show(console, site.plant.script_ms or started, changes),
        on_ready=ready,
        on_end=lambda running: reports.append(demo_report(demo.scenario, running, started, clock.now(), post.mails)),
    )
    try:
        await run(config, stop, options)
    finally:
        for script in scripts:
            script.cancel()
    return reports[0]


def _show(console: Console, started: int, changes: Changes) -> None:
    for transition in changes.transitions:
        if transition.type in _SHOWN:
            console.print(_line(transition, started), soft_wrap=True)


def _line(transition: Transition, started: int) -> Text:
    style = _LOUD.get(transition.state, "dim")
    seconds = (transition.ts - started) / 1000
    head = f"{seconds:7.1f} s  {transition.type} {transition.state}"
    return Text.assemble((f"{head:<34}", style), f"{transition.asset or transition.subject}: {transition.reason}")


@contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    if given is not None:
        yield given
        return
    with tempfile.TemporaryDirectory(prefix="dcmon-demo-") as folder:
        yield Path(folder)


def _on_loopback(config: Config, site: SimulatedSite, data_dir: Path, demo: Demo, smtp_port: int) -> Config:
    """The same site, with every address that of its simulated device, and everything else on free ports.

    Timeouts are real seconds: at twenty times the speed a second would be twenty, so they shrink with it, as far as
    loopback allows, and a poll has two real seconds. Above that speed polls get rarer instead: no machine asks
    everybody three hundred times a second.
    """
    agent = config.agent
    stretch = max(1.0, demo.speed / _FULL_SPEED)
    polling = {
        **{name: round(getattr(agent.polling, name) * stretch) for name in ("fast", "slow", "max_back_off")},
        "timeout": max(300, round(agent.polling.timeout / demo.speed)),
        "deadline": max(round(2000 * demo.speed), agent.polling.deadline),
    }
    smtp = {"host": "127.0.0.1", "port": smtp_port, "security": "none", "user": None, "password": None}
    return config.model_copy(
        update={
            "collectors": config.collectors.model_copy(update={"devices": site.devices()}),
            "agent": agent.model_copy(
                update={
                    "data_dir": data_dir,
                    "polling": agent.polling.model_copy(update=polling),
                    "web": agent.web.model_copy(update={"listen": f"127.0.0.1:{demo.port}"}),
                    "traps": agent.traps.model_copy(update={"listen": "127.0.0.1:0"}),
                    "smtp": agent.smtp.model_copy(update=smtp),
                }
            ),
        }
    )


class PostOffice:
    """A mail server on a free port of 127.0.0.1 that keeps what it gets and says so in the terminal."""

    def __init__(self, console: Console, clock: Clock) -> None:
        self.clock = clock
        self.mails: list[dict[str, str]] = []
        self._console = console
        self._server: asyncio.Server | None = None

    async def open(self) -> int:
        """Starts it; gives its port."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: SMTP(self, hostname="localhost", enable_SMTPUTF8=True, loop=loop), "127.0.0.1", 0
        )
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def close(self) -> None:
        """Ends it; may be called twice."""
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802  # aiosmtpd's
        content = envelope.content if isinstance(envelope.content, bytes) else (envelope.content or "").encode()
        mail = message_from_bytes(content, policy=policy.default)
        to, subject = ", ".join(envelope.rcpt_tos), str(mail["Subject"])
        self.mails.append({"to": to, "subject": subject, "message_id": str(mail["Message-ID"])})
        self._console.print(Text.assemble(("  mail accepted ", "bold blue"), f"for {to}: {subject}"), soft_wrap=True)
        return "250 2.0.0 accepted"
