"""Our shape against the one that a real Alertmanager sends, and against what it accepts."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from notify_world import alarm, config, happened, incident
from servers import free_port

from dcmon.clock import SystemClock
from dcmon.model import Notification
from dcmon.notify.escalation import Pager
from dcmon.notify.webhook import payload

CONFIG = """
route: {{receiver: boss, group_by: [incident], group_wait: 0s, group_interval: 1s}}
receivers: [{{name: boss, webhook_configs: [{{url: "http://127.0.0.1:{port}/"}}]}}]
"""


@asynccontextmanager
async def alertmanager(folder: Path, hook: int) -> AsyncIterator[str]:
    program = shutil.which("prometheus-alertmanager")
    assert program is not None
    port = free_port()
    (folder / "am.yml").write_text(CONFIG.format(port=hook))
    process = await asyncio.create_subprocess_exec(
        program, f"--config.file={folder / 'am.yml'}", f"--storage.path={folder}", "--cluster.listen-address=",
        f"--web.listen-address=127.0.0.1:{port}", stderr=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        await process.wait()


def page() -> Notification:
    now = SystemClock().now()
    row = incident(opened=now, started=now - 5_000)
    decided = Pager(config()).step(happened(now, "opened", row, alarm(incident="i1", started=now - 5_000)), now)
    return decided.notifications[0]


async def post(session: aiohttp.ClientSession, url: str, alerts: Any) -> None:
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(aiohttp.ClientConnectorError):
                async with session.post(f"{url}/api/v2/alerts", json=alerts) as response:
                    assert response.status == 200, await response.text()
                    return
            await asyncio.sleep(0.05)


@pytest.mark.needs("prometheus-alertmanager")
async def test_a_receiver_of_alertmanager_finds_all_it_knows_and_the_same_fingerprints(tmp_path: Path) -> None:
    got: asyncio.Queue[Any] = asyncio.Queue()

    async def accept(request: web.Request) -> web.Response:
        await got.put(await request.json())
        return web.Response()

    app = web.Application()
    app.router.add_post("/", accept)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    ours = payload(page(), "boss")
    wanted = ("labels", "annotations", "startsAt", "generatorURL")
    try:
        async with alertmanager(tmp_path, runner.addresses[0][1]) as url, aiohttp.ClientSession() as session:
            await post(session, url, [{name: alert[name] for name in wanted} for alert in ours["alerts"]])
            theirs = await asyncio.wait_for(got.get(), 20)
    finally:
        await runner.cleanup()
    assert set(theirs) <= set(ours)
    for name in ("version", "status", "receiver", "groupLabels", "groupKey", "truncatedAlerts", "commonLabels"):
        assert theirs[name] == ours[name], name
    (their_alert,), (our_alert,) = theirs["alerts"], ours["alerts"]
    assert set(their_alert) == set(our_alert)
    for name in ("status", "labels", "annotations", "fingerprint", "generatorURL", "endsAt"):
        assert their_alert[name] == our_alert[name], name
    assert dt.datetime.fromisoformat(their_alert["startsAt"]) == dt.datetime.fromisoformat(our_alert["startsAt"])
