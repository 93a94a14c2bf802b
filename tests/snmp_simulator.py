"""snmpsim: replays recordings on a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from servers import free_port

from dcmon.collectors.snmp import NativeClient, parse_oid
from dcmon.model import CollectError

_UPTIME = parse_oid("1.3.6.1.2.1.1.3.0")


@contextlib.contextmanager
def snmpsim(data: Path, scratch: Path, community: str, *options: str) -> Iterator[int]:
    """snmpsim with the recordings of a folder; the community is the path without .snmprec. Gives its port, once it
    answers to `community`."""
    port = free_port()
    program = Path(sys.executable).parent / "snmpsim-command-responder"
    command = [
        *(sys.executable, str(program)),
        *("--data-dir", str(data.resolve()), "--cache-dir", str(scratch / "cache")),
        *("--variation-modules-dir", str(scratch), "--agent-udpv4-endpoint", f"127.0.0.1:{port}"),
        *("--log-level", "error", *options),
    ]
    if os.geteuid() == 0:
        command += ["--process-user", "root", "--process-group", "root"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        with ThreadPoolExecutor(1) as outside:  # of the loop of an asynchronous test
            outside.submit(lambda: asyncio.run(_answers(port, community, process))).result()
        yield port
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)


async def _answers(port: int, community: str, process: subprocess.Popen[bytes]) -> None:
    client = NativeClient()
    session = client.session("127.0.0.1", port, "2c", community, timeout_s=0.5, retries=0)
    try:
        for _ in range(240):
            assert process.poll() is None, "snmpsim ended by itself"
            try:
                await session.get([_UPTIME])
                return
            except CollectError:
                await asyncio.sleep(0.25)
        raise AssertionError("snmpsim does not answer")
    finally:
        await client.close()
