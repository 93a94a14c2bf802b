"""HTTP as probes speak it: one request at a time, nothing kept, no redirect that leads elsewhere."""

from __future__ import annotations

import base64
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from dcmon import __version__
from dcmon.collectors.names import Names
from dcmon.collectors.probes import certificate
from dcmon.collectors.probes.attempt import Means, Points, ServiceError, addresses, refused
from dcmon.config.probes import WebProbe

_MOST_REDIRECTS: Final = 5
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})


class _Resolver(AbstractResolver):
    def __init__(self, names: Names, timeout_s: float) -> None:
        self._names = names
        self._timeout_s = timeout_s

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._names.look_up(host, port, self._timeout_s)
        return [
            ResolveResult(hostname=host, host=address[0], port=port, family=kind, proto=0, flags=socket.AI_NUMERICHOST)
            for kind, address in found
            if family in (socket.AF_UNSPEC, kind)
        ]

    async def close(self) -> None:
        """Nothing is held."""


class WebAsker:
    """Asks one address. `points` of the last certificate are part of every answer over TLS."""

    def __init__(self, url: str, probe: WebProbe | None, means: Means) -> None:
        self._url = url
        self._means = means
        self._headers = {"User-Agent": f"dcmon/{__version__}", "Accept-Encoding": "identity"}
        if probe is not None and probe.user is not None:
            login = f"{probe.user}:{means.password}".encode()
            self._headers["Authorization"] = f"Basic {base64.b64encode(login).decode()}"
        self._believed: ssl.SSLContext | None = None
        self._ca_file = probe.ca_file if probe is not None else None

    async def certificate(self, now: int) -> Points:
        """See certificate.look_at; nothing for plain HTTP."""
        if not self._url.startswith("https://"):
            return {}
        return await certificate.look_at(self._url, self._context(), self._means, now)

    @asynccontextmanager
    async def ask(self) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer, its body not read yet. ServiceError and CollectError as Attempt says."""
        parts = urlsplit(self._url)
        host = parts.hostname or ""
        await addresses(host, parts.port or 0, self._means)
        tls = self._context() if parts.scheme == "https" else True
        connector = aiohttp.TCPConnector(
            resolver=_Resolver(self._means.names, self._means.timeout_s), force_close=True, use_dns_cache=False, ssl=tls
        )
        session = aiohttp.ClientSession(
            connector=connector, headers=self._headers, cookie_jar=aiohttp.DummyCookieJar(), trust_env=False,
            timeout=aiohttp.ClientTimeout(total=None), raise_for_status=False,
        )  # fmt: skip
        try:
            async with session:
                response = await self._follow(session)
                try:
                    yield response
                finally:
                    response.close()
        except aiohttp.ClientConnectorError as error:
            raise refused(error.os_error, host) from error
        except aiohttp.ClientOSError as error:
            raise refused(error, host) from error
        except aiohttp.ServerDisconnectedError as error:
            raise ServiceError(f"{host} ended the connection without an answer") from error
        except aiohttp.ClientError as error:
            raise ServiceError(f"{host} does not speak HTTP as it should: {error or type(error).__name__}") from error
        except (ssl.SSLError, ConnectionError) as error:
            raise ServiceError(f"{host} ended the connection: {error}") from error

    async def _follow(self, session: aiohttp.ClientSession) -> aiohttp.ClientResponse:
        url = self._url
        for _ in range(_MOST_REDIRECTS + 1):
            response = await session.get(url, allow_redirects=False)
            location = response.headers.get("Location", "") if response.status in _REDIRECTS else ""
            target = leads_to(url, location)
            if target is None:
                return response
            response.close()
            url = target
        raise ServiceError(f"redirected more than {_MOST_REDIRECTS} times")

    def _context(self) -> ssl.SSLContext:
        if self._believed is None:
            self._believed = certificate.trusting(self._ca_file)
        return self._believed


def leads_to(url: str, location: str) -> str | None:
    """Where a redirect from `url` leads, if that is on the same host and does not give up TLS."""
    if not location:
        return None
    try:
        target = urljoin(url, location)
        was, will = urlsplit(url), urlsplit(target)
        stays = was.hostname == will.hostname and (was.scheme != will.scheme or was.port == will.port)
    except ValueError:
        return None
    if (was.scheme, will.scheme) == ("https", "http") or will.scheme not in ("http", "https"):
        return None
    return target if stays else None


async def body(response: aiohttp.ClientResponse, most: int) -> bytes:
    """The first `most` bytes at most."""
    found = bytearray()
    async for chunk in response.content.iter_any():
        found += chunk
        if len(found) >= most:
            break
    return bytes(found[:most])


def text_of(response: aiohttp.ClientResponse, said: bytes) -> str:
    """The body as text, by the encoding that the server names if there is such a one."""
    try:
        return said.decode(response.charset or "utf-8", "replace")
    except LookupError:
        return said.decode("utf-8", "replace")


def host_named(location: str) -> str:
    """The host of a Location header, for messages; empty where it names none."""
    try:
        return (urlsplit(location).hostname or "")[:80]
    except ValueError:
        return "no address"
