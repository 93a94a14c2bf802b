"""Real servers on loopback that probes try: well ones, and ones that misbehave in every way there is."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import dns.flags
import dns.message
import dns.rrset
import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dcmon.collectors.device import Identities
from dcmon.collectors.names import Names
from dcmon.collectors.probes import ProbeDevice, probe_device
from dcmon.collectors.schedule import EVERYTHING
from dcmon.config.collectors import Device
from dcmon.model import Reading

NOW = 1_795_420_800_000  # 2026-11-23T08:00:00Z


def on_loop(work: Coroutine[Any, Any, Any]) -> Any:
    """Runs it on the loop that dcmon uses."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def device(kept: Identities | None = None, **probe: Any) -> ProbeDevice:
    """The device of `probe: {...}`."""
    entry = Device.model_validate({"probe": {"timeout": "1s", **probe}, "slow": "1h"})
    assert entry.probe is not None
    return probe_device(
        "service-1", entry.probe, (), deadline_s=10, names=Names(), secrets=lambda reference: "s3cret",
        kept=kept or Identities(),
    )  # fmt: skip


async def tried(now: int = NOW, kept: Identities | None = None, **probe: Any) -> dict[str, Reading]:
    """What one poll says, by point."""
    return {reading.point: reading for reading in await device(kept, **probe).poll(EVERYTHING, now)}


class Authority(NamedTuple):
    """A private certificate authority in a folder."""

    folder: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @property
    def file(self) -> Path:
        return self.folder / "ca.pem"

    def server(
        self, days: float, *, names: tuple[str, ...] = ("127.0.0.1",), by_itself: bool = False
    ) -> ssl.SSLContext:
        """The context of a server whose certificate ends so many days after now, by the machine's clock."""
        key = ec.generate_private_key(ec.SECP256R1())
        now = dt.datetime.now(dt.UTC)
        subject = _name("server")
        shown = _certificate(
            subject, key, subject if by_itself else self.certificate.subject, key if by_itself else self.key,
            now - dt.timedelta(days=400), now + dt.timedelta(days=days), names,
        )  # fmt: skip
        path = self.folder / f"server-{shown.serial_number}.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        path.write_bytes(private + shown.public_bytes(serialization.Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


def authority(folder: Path, called: str = "authority") -> Authority:
    """A new one."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = dt.datetime.now(dt.UTC)
    name = _name(called)
    made = _certificate(name, key, name, key, now - dt.timedelta(days=1000), now + dt.timedelta(days=1000), ())
    (folder / "ca.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    return Authority(folder, key, made)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _certificate(
    subject: x509.Name, key: Any, issuer: x509.Name, signer: Any, start: dt.datetime, end: dt.datetime,
    names: tuple[str, ...],
) -> x509.Certificate:  # fmt: skip
    alternatives: list[x509.GeneralName] = []
    for name in names:
        try:
            alternatives.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            alternatives.append(x509.DNSName(name))
    builder = (
        x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(start).not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=not names, path_length=None), critical=True)
    )  # fmt: skip
    if alternatives:
        builder = builder.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
    return builder.sign(signer, hashes.SHA256())


Answer = Callable[[str, dict[str, str]], bytes]
"""Request line and headers -> the whole answer."""


def page(body: str, status: str = "200 OK", **headers: str) -> bytes:
    """An HTTP/1.1 answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body.encode())}", *(f"{k}: {v}" for k, v in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


@asynccontextmanager
async def web_server(answer: Answer, *, tls: ssl.SSLContext | None = None, pause_s: float = 0) -> AsyncIterator[str]:
    """Its URL, with a slash. `pause_s` before each answer."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            line = (await reader.readline()).decode().strip()
            headers = {}
            while row := (await reader.readline()).decode().strip():
                name, _, value = row.partition(":")
                headers[name.lower()] = value.strip()
            if line:
                await asyncio.sleep(pause_s)
                writer.write(answer(line, headers))
                await writer.drain()
        except (OSError, UnicodeDecodeError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async with _served(serve, tls) as port:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}/"


@asynccontextmanager
async def mute_server() -> AsyncIterator[int]:
    """Accepts connections and never says anything: its port."""
    ended = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ended.wait()
        writer.close()

    async with _served(hang, None) as port:
        try:
            yield port
        finally:
            ended.set()
            await asyncio.sleep(0.01)


@asynccontextmanager
async def _served(serve: Any, tls: ssl.SSLContext | None) -> AsyncIterator[int]:
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


async def dead_port() -> int:
    """A port of loopback where nobody listens."""
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    return port


class NameServer(asyncio.DatagramProtocol):
    """Answers questions over UDP from `zone`: (name, type) -> texts. `cut`: says that the answer did not fit."""

    def __init__(self, zone: dict[tuple[str, str], tuple[str, ...]], *, cut: bool = False, mute: bool = False) -> None:
        self._zone = zone
        self._cut = cut
        self._mute = mute

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, source: Any) -> None:
        if not self._mute:
            self._transport.sendto(self.answer(data, cut=self._cut), source)

    def answer(self, data: bytes, *, cut: bool = False) -> bytes:
        question = dns.message.from_wire(data)
        answer = dns.message.make_response(question)
        name, kind = str(question.question[0].name).rstrip("."), dns.rdatatype.to_text(question.question[0].rdtype)
        found = self._zone.get((name, kind))
        if found is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif cut:
            answer.flags |= dns.flags.TC
        else:
            answer.answer.append(dns.rrset.from_text(question.question[0].name, 60, "IN", kind, *found))
        return answer.to_wire()


@asynccontextmanager
async def name_server(server: NameServer) -> AsyncIterator[int]:
    """Its port, over UDP and TCP."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        size = int.from_bytes(await reader.readexactly(2), "big")
        said = server.answer(await reader.readexactly(size))
        writer.write(len(said).to_bytes(2, "big") + said)
        await writer.drain()
        writer.close()

    async with _served(serve, None) as port:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: server, local_addr=("127.0.0.1", port))
        try:
            yield port
        finally:
            transport.close()
