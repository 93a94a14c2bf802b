"""The real `dcmon run` in a process of its own, on its own files, against a simulated site and a mail server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from notify_smtp import Sink, smtp_sink
from servers import free_port

from dcmon.clock import SystemClock
from dcmon.config.collectors import Device
from dcmon.config.loader import load
from dcmon.sim import Scenario, SimulatedSite

FAULTS_OF_DCMON = ("Traceback", "never retrieved", "never awaited", "Warning:", "fault of dcmon", "was destroyed")
"""Words that no log may hold, whatever happens outside."""


def write_site(source: Path, folder: Path, devices: Mapping[str, Device], smtp_port: int, **agent: Any) -> Path:
    """The example site as its own files, on loopback, with short delays so that a test is no afternoon."""
    site = folder / "config"
    shutil.copytree(source, site)
    (site / "secrets" / "snmp-read").chmod(0o600)
    edit(site / "collectors.yaml", lambda collectors: _move(collectors, devices))
    settings = {
        "data_dir": str(folder / "data"),
        "polling": {"fast": "200ms", "slow": "400ms", "timeout": "300ms"},
        "traps": {"enabled": False},
        "web": {"listen": "127.0.0.1:0"},
        "smtp": {"port": smtp_port, "sender": "dcmon@example.org"},
        "outbox": {"lease": "5s", "caps": {}},
        **agent,
    }
    (site / "agent.yaml").write_text(yaml.safe_dump(settings))
    edit(site / "rules.yaml", _hasten)
    return site


def edit(path: Path, change: Callable[[Any], None]) -> None:
    """Changes one file of the configuration."""
    content = yaml.safe_load(path.read_text())
    change(content)
    path.write_text(yaml.safe_dump(content))


def _move(collectors: Any, devices: Mapping[str, Device]) -> None:
    for name, device in devices.items():
        collectors["devices"][name] = device.model_dump(mode="json", exclude_unset=True, exclude_none=True)


def _hasten(rules: Any) -> None:
    for rule in rules["rules"]:
        for delay in ("on_delay", "off_delay"):
            if delay in rule and rule["kind"] == "state":
                rule[delay] = "500ms"


def rows(folder: Path, query: str) -> list[Any]:
    """What the journal of `folder` answers; nothing while it has no tables."""
    path = folder / "data" / "journal.db"
    if not path.exists():
        return []
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=10)
    try:
        return connection.execute(query).fetchall()
    except sqlite3.OperationalError:
        return []  # killed before the tables were made
    finally:
        connection.close()


async def dcmon(
    *arguments: str, log: Path, dev: bool = False, env: Mapping[str, str] | None = None, **options: Any
) -> asyncio.subprocess.Process:
    """`python -m dcmon ARGUMENTS`, with all it says in `log`; `dev` makes every warning an error."""
    strict = ["-X", "dev", "-W", "error"] if dev else []
    with log.open("ab") as output:
        return await asyncio.create_subprocess_exec(
            sys.executable,
            *strict,
            "-m",
            "dcmon",
            *arguments,
            stdout=output,
            stderr=output,
            env={**os.environ, **(env or {})},
            **options,
        )


async def command(
    *arguments: str, env: Mapping[str, str] | None = None, stdin: bytes = b"", seconds: float = 30
) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of `python -m dcmon ARGUMENTS`."""
    pipe = asyncio.subprocess.PIPE
    whole = {**os.environ, **(env or {})}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "dcmon", *arguments, stdin=pipe, stdout=pipe, stderr=pipe, env=whole
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(stdin), seconds)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise
    assert process.returncode is not None
    return process.returncode, out.decode(errors="replace"), err.decode(errors="replace")


async def until(what: Callable[[], Any], seconds: float = 20) -> Any:
    """Waits for something true and gives it."""
    async with asyncio.timeout(seconds):
        while not (found := what()):  # noqa: ASYNC110  # the other process sets no event here
            await asyncio.sleep(0.05)
    return found


def no_fault(log: str) -> None:
    """Nothing in the log is a fault of dcmon's own."""
    for word in FAULTS_OF_DCMON:
        assert word not in log, log[-4000:]


@dataclass
class World:
    """A simulated site, a mail server, and the folder of a dcmon that watches it."""

    folder: Path
    site: SimulatedSite
    config: Path
    mail: Sink
    addresses: Mapping[str, tuple[str, int]]
    port: int
    process: asyncio.subprocess.Process | None = None

    @property
    def log(self) -> str:
        """All that this dcmon said."""
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def url(self) -> str:
        """The page's address."""
        return f"http://127.0.0.1:{self.port}"

    def rows(self, query: str) -> list[Any]:
        """What the journal answers."""
        return rows(self.folder, query)

    def agent(self, change: Callable[[Any], None]) -> None:
        """Changes agent.yaml."""
        edit(self.config / "agent.yaml", change)

    async def start(self, *, dev: bool = False, ready: bool = True, **options: Any) -> asyncio.subprocess.Process:
        """Starts it and, when `ready`, waits until every device has been heard once."""
        self.process = await dcmon("run", "--config", str(self.config), log=self.folder / "log", dev=dev, **options)
        if ready:
            await self.ready()
        return self.process

    async def ready(self, seconds: float = 30) -> None:
        """Until every device was asked and answered."""
        async with asyncio.timeout(seconds), aiohttp.ClientSession() as session:
            while True:
                assert self.process is not None and self.process.returncode is None, self.log[-3000:]
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(f"{self.url}/api/v1/devices") as answer:
                        devices = (await answer.json())["devices"]
                        if devices and all(device["reachable"] for device in devices):
                            return
                await asyncio.sleep(0.1)

    async def get(self, path: str, **options: Any) -> tuple[int, Any]:
        """Status and body of a GET."""
        return await self.ask("GET", path, **options)

    async def ask(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        """Status and JSON body of a request."""
        async with aiohttp.ClientSession() as session, session.request(method, self.url + path, **options) as answer:
            return answer.status, json.loads(await answer.text() or "null")

    async def text(self, path: str) -> str:
        """Body of a GET."""
        async with aiohttp.ClientSession() as session, session.get(self.url + path) as answer:
            return await answer.text()

    async def end(self, seconds: float = 10) -> int:
        """SIGTERM; gives the exit code."""
        assert self.process is not None
        self.process.terminate()
        return await asyncio.wait_for(self.process.wait(), seconds)

    def mailed(self, asset: str) -> list[str]:
        """Subjects of the mails that tell of `asset`'s incidents."""
        incidents = {incident for (incident,) in self.rows(f"SELECT id FROM incident WHERE root = '{asset}'")}
        return [str(mail["Subject"]) for mail in self.mail.messages if mail["X-Dcmon-Incident"] in incidents]


@asynccontextmanager
async def world(source: Path, folder: Path, **agent: Any) -> AsyncIterator[World]:
    """A site that runs; dcmon is ended with it."""
    simulated = SimulatedSite(load(source), SystemClock(), Scenario("process", "", ""))
    addresses = await simulated.start()
    port = free_port()
    try:
        async with smtp_sink() as mail:
            config = write_site(
                source, folder, simulated.devices(), mail.port, **{"web": {"listen": f"127.0.0.1:{port}"}, **agent}
            )
            made = World(folder, simulated, config, mail, addresses, port)
            try:
                yield made
            finally:
                if made.process is not None and made.process.returncode is None:
                    made.process.kill()
                    await made.process.wait()
    finally:
        await simulated.stop()


def lines_with(text: str, words: Iterable[str]) -> list[str]:
    """Lines that hold all the words."""
    return [line for line in text.splitlines() if all(word in line for word in words)]
