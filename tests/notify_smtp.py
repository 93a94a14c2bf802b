"""A real SMTP server in the test's own loop that can be told how to misbehave."""

from __future__ import annotations

import asyncio
import datetime as dt
import email
import email.policy
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Sink:
    """What arrived, and how to behave: an answer instead of 250 per command, `hang` or `reset` at DATA."""

    port: int = 0
    messages: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    arrived: list[float] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    logins: list[tuple[bytes, bytes]] = field(default_factory=list)
    data: str = "take"
    refused_addresses: dict[str, str] = field(default_factory=dict)
    sessions: int = 0
    pause: float = 0.0

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.sessions += 1
        session.host_name = hostname
        return responses

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        return self.answers.get("MAIL", "250 OK")

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self.refused_addresses.get(address) or self.answers.get("RCPT", "250 OK")

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        await asyncio.sleep(self.pause)
        if self.data == "reset":
            assert server.transport is not None
            server.transport.abort()
        if self.data in {"take", "take and hang"}:
            content = envelope.content
            assert isinstance(content, bytes)
            message = email.message_from_bytes(content, policy=email.policy.default)
            assert isinstance(message, EmailMessage)
            self.messages.append(message)
            self.recipients += envelope.rcpt_tos
            self.arrived.append(asyncio.get_running_loop().time())
        if "hang" in self.data:
            await asyncio.sleep(3600)
        return self.answers.get("DATA", "250 2.0.0 queued as 4711")


@asynccontextmanager
async def smtp_sink(
    sink: Sink | None = None, *, tls: ssl.SSLContext | None = None, implicit: bool = False, auth: str | None = None
) -> AsyncIterator[Sink]:
    """Serves on a free port of 127.0.0.1, or again on the sink's own; `auth`: the only password accepted."""
    sink = sink or Sink()
    transports: list[asyncio.BaseTransport] = []

    def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        sink.logins.append((data.login, data.password))
        return AuthResult(success=data.password.decode() == auth, handled=False)

    class Tracked(SMTP):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            transports.append(transport)
            super().connection_made(transport)

    def protocol() -> SMTP:
        return Tracked(
            sink,
            hostname="sink.example.org",
            loop=asyncio.get_running_loop(),
            tls_context=None if implicit else tls,
            require_starttls=tls is not None and not implicit,
            authenticator=authenticate if auth is not None else None,
            auth_required=auth is not None,
            auth_require_tls=auth is not None and not implicit,
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(protocol, "127.0.0.1", sink.port, ssl=tls if implicit else None)
    sink.port = server.sockets[0].getsockname()[1]
    try:
        yield sink
    finally:
        server.close()
        for transport in transports:
            if isinstance(transport, asyncio.Transport):
                transport.abort()
        for _ in range(5):
            await asyncio.sleep(0)


class _Raw(asyncio.Protocol):
    def __init__(self, greeting: bytes, transports: list[asyncio.Transport]) -> None:
        self._greeting, self._transports = greeting, transports

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transports.append(transport)
        transport.write(self._greeting)


@asynccontextmanager
async def raw_server(greeting: bytes) -> AsyncIterator[int]:
    """A port that greets and then says nothing more."""
    transports: list[asyncio.Transport] = []
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Raw(greeting, transports), "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for transport in transports:
            transport.abort()
        for _ in range(5):
            await asyncio.sleep(0)


def make_certificate(folder: Path, name: str = "127.0.0.1") -> tuple[ssl.SSLContext, Path]:
    """A server's TLS context with a certificate of its own, and the PEM file that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(name))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    both = folder / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    both.write_bytes(private + pem)
    trusted = folder / "ca.pem"
    trusted.write_bytes(pem)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(both)
    return context, trusted
