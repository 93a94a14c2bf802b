"""The real process, ended by SIGKILL again and again while faults come: no incident and no page is lost."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from email import message_from_bytes
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, Envelope
from process_world import dcmon, rows, write_site

from dcmon.clock import SystemClock
from dcmon.config.loader import load
from dcmon.sim import Scenario, SimulatedSite

KILLS = int(os.environ.get("DCMON_TEST_KILLS", "50"))
SEED = 20261123

FAULTS: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("contact", {"meaning": "fire-fs1/fire.alarm", "active": True}, "fire-fs1"),
    ("contact", {"meaning": "shell-1/glass.broken", "active": True}, "shell-1"),
    ("water", {"unit": "leak-1", "wet": True}, "leak-1"),
    ("uplink", {"link": "uplink-1", "cut": True}, "uplink-1"),
    ("contact", {"meaning": "fire-fs2/suppression.released", "active": True}, "fire-fs2"),
    ("uplink", {"link": "uplink-5", "cut": True}, "uplink-5"),
    ("water", {"unit": "leak-2", "wet": True}, "leak-2"),
    ("contact", {"meaning": "fire-fs3/fire.alarm", "active": True}, "fire-fs3"),
    ("uplink", {"link": "uplink-7", "cut": True}, "uplink-7"),
    ("contact", {"meaning": "fire-fs4/fire.alarm", "active": True}, "fire-fs4"),
)


class Mailbox:
    """A mail server that counts what it has accepted, by Message-ID and person."""

    def __init__(self) -> None:
        self.accepted: Counter[tuple[str, str]] = Counter()

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content)
        self.accepted[mail["Message-ID"], envelope.rcpt_tos[0]] += 1
        return "250 accepted"


async def start(site: Path, log: Path) -> asyncio.subprocess.Process:
    return await dcmon("run", "--config", str(site), log=log)


@pytest.mark.timeout(600)
async def test_kills_at_random_moments_lose_no_incident_and_no_page(tmp_path: Path, example_site: Path) -> None:
    dice = random.Random(SEED)
    mailbox = Mailbox()
    loop = asyncio.get_running_loop()
    smtp = await loop.create_server(lambda: SMTP(mailbox, loop=loop, enable_SMTPUTF8=True), "127.0.0.1", 0)
    config = load(example_site)
    site = SimulatedSite(config, SystemClock(), Scenario("kills", "", ""))
    await site.start()
    folder = write_site(example_site, tmp_path, site.devices(), smtp.sockets[0].getsockname()[1])
    pending = list(FAULTS)
    try:
        for kill in range(KILLS):
            process = await start(folder, tmp_path / "log")
            if kill % max(1, KILLS // len(FAULTS)) == 1 and pending:
                await asyncio.sleep(dice.uniform(0, 2.5))
                action, arguments, _ = pending.pop(0)
                site.plant.apply(action, arguments)
            await asyncio.sleep(dice.uniform(0.2, 3.0))
            assert process.returncode is None, (tmp_path / "log").read_text()[-2000:]
            process.send_signal(signal.SIGKILL)
            await process.wait()
        for action, arguments, _ in pending:
            site.plant.apply(action, arguments)
        process = await start(folder, tmp_path / "log")
        expected = {asset for _, _, asset in FAULTS}
        async with asyncio.timeout(60):
            while True:
                roots = {root for (root,) in rows(tmp_path, "SELECT root FROM incident WHERE state = 'open'")}
                waiting = rows(tmp_path, "SELECT 1 FROM outbox WHERE state IN ('pending', 'leased')")
                up = rows(tmp_path, f"SELECT 1 FROM alive WHERE pid = {process.pid}")
                if roots >= expected and not waiting and up:
                    break
                await asyncio.sleep(0.2)
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 20) == 0
    finally:
        await site.stop()
        smtp.close()
        await smtp.wait_closed()

    incidents = rows(tmp_path, "SELECT id, root FROM incident WHERE state = 'open'")
    assert sorted(root for _, root in incidents if root in expected) == sorted(expected), "one incident for each fault"
    wanted = rows(tmp_path, "SELECT key, person FROM outbox WHERE channel = 'email' AND kind = 'page'")
    paged = {incident for (incident,) in rows(tmp_path, "SELECT DISTINCT incident FROM outbox WHERE kind = 'page'")}
    assert {incident for incident, root in incidents if root in expected} <= paged
    assert len(mailbox.accepted) >= len(wanted)
    duplicates = sum(count - 1 for count in mailbox.accepted.values())
    assert duplicates <= KILLS, f"{duplicates} duplicates"
    sent_twice = [key for key, count in Counter(key for key, _ in wanted).items() if count > 1]
    assert not sent_twice
