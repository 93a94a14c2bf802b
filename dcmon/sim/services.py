"""The services of config/ that probes try: a page, a port, a name server, an object to load, a backup report."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import ssl
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, cast

import dns.exception
import dns.message
import dns.rrset
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from dcmon.clock import Clock, SystemClock
from dcmon.config.collectors import Device
from dcmon.config.probes import DnsProbe
from dcmon.instants import iso_utc, utc
from dcmon.sim.readings import AGE_MS, GENERATIONS

_LOOPBACK: Final = "127.0.0.1"
_DAY_MS: Final = 86_400_000
_OBJECT: Final = bytes(4_000_000)


class Services:
    """Serves what the probes among `devices` ask for, on free ports of loopback."""

    def __init__(self, devices: Mapping[str, Device], clock: Clock) -> None:
        self._probes = {name: device.probe for name, device in devices.items() if device.probe is not None}
        self._clock = clock
        self._folder: TemporaryDirectory[str] | None = None
        self._runners: list[web.AppRunner] = []
        self._servers: list[asyncio.Server] = []
        self._transports: list[asyncio.DatagramTransport] = []

    async def start(self) -> dict[str, dict[str, Any]]:
        """By asset, the settings of its probe that lead here."""
        if not self._probes:
            return {}
        self._folder = TemporaryDirectory(prefix="dcmon-services-")
        ca_file = Path(self._folder.name) / "ca.pem"
        # TLS goes by the machine's clock, whatever the simulation's shows.
        secure = await self._web(_certificate(ca_file, SystemClock().now()))
        plain = await self._web(None)
        found: dict[str, dict[str, Any]] = {}
        for name, probe in self._probes.items():
            if isinstance(probe, DnsProbe):
                found[name] = {"resolver": _LOOPBACK, "port": await self._name_server(probe)}
            elif (url := getattr(probe, "url", None)) is not None:
                path = url.partition("://")[2].partition("/")[2]
                tls = url.startswith("https:")
                found[name] = {"url": f"{'https' if tls else 'http'}://{_LOOPBACK}:{secure if tls else plain}/{path}"}
                found[name] |= {"ca_file": ca_file} if tls else {}
            elif probe.kind == "tcp":
                found[name] = {"host": _LOOPBACK, "port": await self._port()}
            elif probe.kind == "ping":
                found[name] = {"host": _LOOPBACK}
        return found

    async def stop(self) -> None:
        """Closes everything; may be called twice."""
        for transport in self._transports:
            transport.close()
        for server in self._servers:
            server.close()
            await server.wait_closed()
        for runner in self._runners:
            await runner.cleanup()
        self._transports, self._servers, self._runners = [], [], []
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    async def _web(self, tls: ssl.SSLContext | None) -> int:
        served = web.Application()
        served.add_routes([
            web.get("/health", self._health), web.get("/object", self._object), web.get("/backup.json", self._backup)
        ])  # fmt: skip
        runner = web.AppRunner(served, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        self._runners.append(runner)
        await web.TCPSite(runner, _LOOPBACK, 0, ssl_context=tls).start()
        port: int = runner.addresses[0][1]
        return port

    async def _health(self, request: web.Request) -> web.Response:
        return web.Response(text="all is well\n")

    async def _object(self, request: web.Request) -> web.Response:
        return web.Response(body=_OBJECT)

    async def _backup(self, request: web.Request) -> web.Response:
        newest = self._clock.now() - AGE_MS
        oldest = newest - (GENERATIONS - 1) * _DAY_MS
        report = {"ok": True, "generations": GENERATIONS, "newest": iso_utc(newest), "oldest": iso_utc(oldest)}
        return web.json_response({**report, "size": 412_000_000_000})

    async def _port(self) -> int:
        def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"220 mail.example.net ESMTP\r\n")
            writer.close()

        server = await asyncio.start_server(greet, _LOOPBACK, 0)
        self._servers.append(server)
        port: int = server.sockets[0].getsockname()[1]
        return port

    async def _name_server(self, probe: DnsProbe) -> int:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: _NameServer(probe), local_addr=(_LOOPBACK, 0))
        self._transports.append(transport)
        port: int = transport.get_extra_info("sockname")[1]
        return port


class _NameServer(asyncio.DatagramProtocol):
    """Answers what one probe asks, as that expects."""

    def __init__(self, probe: DnsProbe) -> None:
        self._expected = probe.expect
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        try:
            question = dns.message.from_wire(data)
            answer = dns.message.make_response(question)
            asked = question.question[0]
            answer.answer.append(dns.rrset.from_text(asked.name, 300, asked.rdclass, asked.rdtype, *self._expected))
        except (dns.exception.DNSException, IndexError):
            return
        if self._transport is not None:
            self._transport.sendto(answer.to_wire(), addr)


def _certificate(ca_file: Path, now_ms: int) -> ssl.SSLContext:
    """A new certificate for loopback, valid for three years from `now_ms` on (ms UTC); written to `ca_file`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "simulated services")])
    now = utc(now_ms)
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(_LOOPBACK))])
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=3 * 365))
        .add_extension(names, critical=False).sign(key, hashes.SHA256())
    )  # fmt: skip
    public = made.public_bytes(serialization.Encoding.PEM)
    ca_file.write_bytes(public)
    private = ca_file.with_name("server.pem")
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + public
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(private)
    return context
