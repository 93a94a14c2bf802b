"""The other side of the wire: small fast agents in C, net-snmp's snmpd, Debian's prometheus-snmp-exporter. All on
loopback, on free ports, on the core that is not measured."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from benchmarks.machine import pin
from dcmon.collectors.snmp import NativeClient, parse_oid
from dcmon.model import CollectError

AGENTS = Path(__file__).parent / "agents"
HOST = "127.0.0.1"
SNMPD_CONF = """
rocommunity public
createUser bench SHA-256 authauth1 AES privpriv1
rouser bench priv
"""


def free_port(kind: socket.SocketKind = socket.SOCK_DGRAM) -> int:
    """A port that nobody has at the moment."""
    with socket.socket(socket.AF_INET, kind) as sock:
        sock.bind((HOST, 0))
        return int(sock.getsockname()[1])


def program(name: str) -> str | None:
    """Where an installed program is, also one that only root usually has in the path."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin")


@contextmanager
def _compiled(source: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / source.removesuffix(".c")
        subprocess.run([program("cc") or "gcc", "-O2", "-w", "-o", target, AGENTS / source], check=True)
        yield target


@contextmanager
def _running(
    command: Sequence[str | Path], core: int, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process on that core, until the end of the block."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ, **(environment or {})}
    )
    pin(core, process.pid)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def _ready(process: subprocess.Popen[bytes]) -> bool:
    """Whether the agent has said that it answers; it ends without a word when it could not bind."""
    assert process.stdout is not None
    return bool(process.stdout.readline())


@contextmanager
def fastagents(count: int, core: int) -> Iterator[list[int]]:
    """Ports of `count` SNMP agents that answer any GET, and a walk of an ifTable of 48 rows and 22 columns."""
    with _compiled("fastagent.c") as path:
        for _ in range(20):
            base = min(free_port(), 65_000 - count)
            with _running([path, "-p", str(base), "-n", str(count)], core) as process:
                if _ready(process):
                    yield [base + number for number in range(count)]
                    return
    raise OSError(f"no {count} free ports in a row were found")


@contextmanager
def fastmodbus(core: int) -> Iterator[int]:
    """Port of a Modbus TCP server that answers any read of registers."""
    with _compiled("fastmb.c") as path:
        port = free_port(socket.SOCK_STREAM)
        with _running([path, "-p", str(port)], core) as process:
            if not _ready(process):
                raise OSError(f"the Modbus server did not start on port {port}")
            yield port


@contextmanager
def snmpd(core: int) -> Iterator[int | None]:
    """Port of net-snmp's agent, which knows the SNMPv3 user `bench`; None where it is not installed."""
    path = program("snmpd")
    if path is None:
        yield None
        return
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        conf = Path(folder) / "snmpd.conf"
        conf.write_text(SNMPD_CONF, encoding="ascii")
        command: list[str | Path] = [path, "-f", "-Ln", "-C", "-c", conf, "-I", "-smux", f"udp:{HOST}:{port}"]
        with _running(command, core, {"SNMP_PERSISTENT_DIR": folder, "MIBS": ""}):
            time.sleep(1.0)  # it says nothing when it is ready
            yield port


@contextmanager
def snmpsim(folder: Path, core: int) -> Iterator[int]:
    """Port of snmpsim with the recordings of a folder; the community is the path of one without `.snmprec`."""
    port = free_port()
    responder = Path(sys.executable).parent / "snmpsim-command-responder"
    with tempfile.TemporaryDirectory() as scratch:
        command: list[str | Path] = [sys.executable, responder, "--data-dir", folder.resolve(), "--cache-dir", scratch]
        command += ["--variation-modules-dir", scratch, "--agent-udpv4-endpoint", f"{HOST}:{port}"]
        command += ["--log-level", "error"]
        if os.geteuid() == 0:
            command += ["--process-user", "root", "--process-group", "root"]
        with _running(command, core):
            asyncio.run(
                _answering(port, next(folder.rglob("*.snmprec")).relative_to(folder).with_suffix("").as_posix())
            )
            yield port


async def _answering(port: int, community: str) -> None:
    """Until the agent answers; it indexes its recordings first."""
    client = NativeClient()
    session = client.session(HOST, port, community=community, timeout_s=0.5, retries=0)
    try:
        for _ in range(240):
            try:
                await session.get([parse_oid("1.3.6.1.2.1.1.3.0")])
                return
            except CollectError:
                await asyncio.sleep(0.25)
        raise OSError("snmpsim does not answer")
    finally:
        await client.close()


class Relay(asyncio.DatagramProtocol):
    """Hands datagrams on to an agent and its answers back, and counts both."""

    def __init__(self, agent: int) -> None:
        self.requests = 0
        self.octets = 0
        self._agent = (HOST, agent)
        self._client = self._agent

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._transport.get_extra_info("sockname")[1])

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.octets += len(data)
        if addr == self._agent:
            self._transport.sendto(data, self._client)  # type: ignore[attr-defined]
        else:
            self.requests += 1
            self._client = addr
            self._transport.sendto(data, self._agent)  # type: ignore[attr-defined]


@asynccontextmanager
async def relay(agent: int) -> AsyncIterator[Relay]:
    """A Relay to the agent at this port."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(lambda: Relay(agent), local_addr=(HOST, 0))
    try:
        yield protocol
    finally:
        transport.close()


EXPORTER = "prometheus-snmp-exporter"


@contextmanager
def exporter(oids: Sequence[str], core: int) -> Iterator[tuple[int, int] | None]:
    """(process id, HTTP port) of the exporter with a module `bench` of these gauges; None where it is not installed."""
    path = program(EXPORTER)
    if path is None:
        yield None
        return
    port = free_port(socket.SOCK_STREAM)
    metrics = "".join(
        f"  - {{name: bench_{number}, oid: {oid}, type: gauge, help: a gauge}}\n" for number, oid in enumerate(oids)
    )
    module = f"bench:\n  version: 2\n  auth: {{community: public}}\n  get: [{', '.join(oids)}]\n  metrics:\n{metrics}"
    with tempfile.TemporaryDirectory() as folder:
        conf = Path(folder) / "snmp.yml"
        conf.write_text(module, encoding="ascii")
        command = [path, f"--config.file={conf}", f"--web.listen-address={HOST}:{port}", "--log.level=error"]
        with _running(command, core, {"GOMAXPROCS": "1"}) as process:
            _wait_for(f"http://{HOST}:{port}/")
            yield process.pid, port


def _wait_for(url: str, seconds: float = 10.0) -> None:
    for _ in range(int(seconds / 0.05)):
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise OSError(f"nothing answers at {url}")
