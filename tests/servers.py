"""Servers of the distribution, started for one test on free ports and ended with it."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

_SPAN = 1_000
_LOWEST = 10_000
_handed_out = itertools.count(os.getpid())


def free_port() -> int:
    """A port of 127.0.0.1 that is free for TCP and for UDP, and that nobody is given by chance until it is used.

    It lies below the ports that the kernel gives to whoever asks for any (net.ipv4.ip_local_port_range begins at
    32,768), and each worker of pytest-xdist has a range of its own.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 20
    for _ in range(_SPAN):
        port = _LOWEST + worker * _SPAN + next(_handed_out) % _SPAN
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            try:
                tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                tcp.bind(("127.0.0.1", port))
                udp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError("no free port")


@contextlib.contextmanager
def running(command: list[str], ready_url: str) -> Iterator[subprocess.Popen[bytes]]:
    """The program, once `ready_url` answers."""
    process = start(command, ready_url)
    try:
        yield process
    finally:
        end(process)


def start(command: list[str], ready_url: str) -> subprocess.Popen[bytes]:
    """As `running`, for those who call `end` themselves."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 30
        while True:
            with contextlib.suppress(urllib.error.URLError, ConnectionError), urllib.request.urlopen(ready_url):
                return process
            assert process.poll() is None, f"{command[0]} ended by itself"
            assert time.monotonic() < deadline, f"{command[0]} does not answer"
            time.sleep(0.1)
    except BaseException:
        end(process)
        raise


def end(process: subprocess.Popen[bytes]) -> None:
    """Asks the program to end, and ends it when it does not."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


@contextlib.contextmanager
def influxdb_1(folder: Path) -> Iterator[str]:
    """Debian's InfluxDB 1.6.7; gives its URL."""
    address = f"127.0.0.1:{free_port()}"
    config = folder / "influxdb.conf"
    data = folder / "influx"
    config.write_text(
        f'reporting-disabled = true\nbind-address = "127.0.0.1:{free_port()}"\n'
        f'[meta]\ndir = "{data}/meta"\n[data]\ndir = "{data}/data"\nwal-dir = "{data}/wal"\n'
        f'[http]\nbind-address = "{address}"\nlog-enabled = false\n[monitor]\nstore-enabled = false\n',
        encoding="utf-8",
    )
    with running(["influxd", "-config", str(config)], f"http://{address}/ping"):
        yield f"http://{address}"
