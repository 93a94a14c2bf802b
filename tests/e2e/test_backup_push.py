"""A backup job pushes its report over HTTP, and the poller reads it, also after a restart."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import yaml
from probe_servers import on_loop

from dcmon.app import Options, Running, run
from dcmon.config.loader import load
from dcmon.model import SeriesKey

REPORT = {"job": "backup-1", "ok": True, "generations": 12, "newest": "2026-11-23T06:00:00Z"}
TOKEN = "f3c2a1"


def site(folder: Path) -> Path:
    files: dict[str, Any] = {
        "agent": {"data_dir": "data", "traps": {"enabled": False}, "web": {"listen": "127.0.0.1:0"}},
        "site": {"name": "Test", "assets": [{"id": "backup-1", "kind": "backup", "name": "Backup"}]},
        "collectors": {"devices": {"backup-1": {"probe": {"kind": "backup", "token": "file:token"}, "slow": "1h"}}},
        "rules": {"rules": []},
        "people": {
            "people": [{"id": "me", "name": "Me"}],
            "routes": [{"id": "all", "to": [{"person": "me", "channels": ["console"]}]}],
        },
    }
    for name, content in files.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content))
    (folder / "token").write_text(TOKEN)
    return folder


async def with_dcmon(folder: Path, work: Any) -> Any:
    """Runs `work(running)` beside a dcmon of the folder."""
    stop = asyncio.Event()
    up: asyncio.Future[Running] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(run(load(folder), stop, Options(on_ready=up.set_result)))
    try:
        return await work(await up)
    finally:
        stop.set()
        await serving


async def until_read(running: Running) -> Any:
    key = SeriesKey("backup-1", "backup.generations")
    async with asyncio.timeout(10):
        while key not in running.pipeline.latest:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    return running.pipeline.latest[key].value


async def push(running: Running, body: Any, token: str | None) -> int:
    host, port = running.web_address or ("", 0)
    headers = {"Authorization": f"Bearer {token}"} if token is not None else {}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"http://{host}:{port}/api/v1/backups", json=body, headers=headers) as response,
    ):
        assert TOKEN not in await response.text()
        return response.status


def test_a_report_is_taken_with_its_token_only_and_read_at_once_and_after_a_restart(tmp_path: Path) -> None:
    folder = site(tmp_path)

    async def first(running: Running) -> Any:
        refused = [
            await push(running, REPORT, None),
            await push(running, REPORT, "wrong"),
            await push(running, REPORT, "w\u00f6rong"),
            await push(running, {**REPORT, "job": "other"}, TOKEN),
            await push(running, {**REPORT, "generations": -1}, TOKEN),
            await push(running, {**REPORT, "newest": None}, TOKEN),
            await push(running, ["nonsense"], TOKEN),
        ]
        assert SeriesKey("backup-1", "backup.generations") not in running.pipeline.latest
        return refused, await push(running, REPORT, TOKEN), await until_read(running)

    assert on_loop(with_dcmon(folder, first)) == ([401, 401, 401, 401, 400, 400, 400], 201, 12)
    assert on_loop(with_dcmon(folder, until_read)) == 12
