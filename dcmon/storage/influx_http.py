"""One request to whatever takes line protocol, and what its answer means."""

from __future__ import annotations

import asyncio
import base64
import os
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import aiohttp

from dcmon.config.agent import Influx
from dcmon.model import DcmonError

_ACCEPTED: Final = frozenset({201, 204})
_ABOUT_LINES: Final = frozenset({400, 413, 422})
_DETAIL_CHARS: Final = 200
_BODY_BYTES: Final = 100_000
_LONGEST_WAIT_S: Final = 3600.0
_HINTS: Final = {
    401: "it does not know us: check influx.token",
    403: "the token may not write there: check its permissions and influx.bucket",
    404: "no such bucket or database: create it, or check influx.url, influx.api, influx.org and influx.bucket",
    405: "this is no write address: check influx.url and influx.api",
}


class UnavailableError(DcmonError):
    """The server takes nothing now. `retry_after_s` is its own wish, None when it has none."""

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class RefusedError(DcmonError):
    """The server says that the lines are wrong. `lost` counts them when it has taken all the others, else it is 0."""

    def __init__(self, message: str, lost: int = 0) -> None:
        super().__init__(message)
        self.lost = lost


class Writer(Protocol):
    """Something that takes lines."""

    async def write(self, body: str) -> None:
        """Returns when the server has confirmed all lines; raises UnavailableError or RefusedError."""
        ...

    async def close(self) -> None:
        """Closes connections."""
        ...


class V2Writer:
    """`/api/v2/write` by influxdb-client: InfluxDB 2 and 3, VictoriaMetrics."""

    def __init__(self, settings: Influx, token: str | None) -> None:
        """Must be made where a loop runs."""
        from influxdb_client.client.influxdb_client_async import InfluxDBClientAsync
        from influxdb_client.service.write_service import WriteService

        self._settings = settings
        self._token = token
        self._client = InfluxDBClientAsync(
            settings.url, token or "", settings.org, timeout=settings.timeout, allow_redirects=False
        )
        self._service: Any = WriteService(self._client.api_client)  # type: ignore[no-untyped-call]  # of the library

    async def write(self, body: str) -> None:
        """See Writer. The answer is read here, because the client's own reading writes it to the debug log."""
        try:
            async with (
                asyncio.timeout(self._settings.timeout / 1000),
                await self._service.post_write_async(
                    self._settings.org,
                    self._settings.bucket,
                    body.encode("utf-8"),
                    precision="ms",
                    _preload_content=False,
                ) as answer,
            ):
                await judge(answer, self._token)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise unreachable(self._settings, error) from None

    async def close(self) -> None:
        """See Writer."""
        await self._client.close()  # type: ignore[no-untyped-call]  # of the library


class V1Writer:
    """`/write` of InfluxDB 1.x, which influxdb-client does not speak. A token `user:password` signs in."""

    def __init__(self, settings: Influx, token: str | None) -> None:
        """Must be made where a loop runs."""
        self._settings = settings
        self._token = token
        headers = {"Content-Type": "text/plain; charset=utf-8"}
        if token and ":" in token:
            headers["Authorization"] = "Basic " + base64.b64encode(token.encode("utf-8")).decode("ascii")
        elif token:
            headers["Authorization"] = "Token " + token
        self._session = aiohttp.ClientSession(headers=headers)

    async def write(self, body: str) -> None:
        """See Writer."""
        try:
            async with (
                asyncio.timeout(self._settings.timeout / 1000),
                self._session.post(
                    self._settings.url.rstrip("/") + "/write",
                    params={"db": self._settings.bucket, "precision": "ms"},
                    data=body.encode("utf-8"),
                    allow_redirects=False,
                ) as answer,
            ):
                await judge(answer, self._token)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise unreachable(self._settings, error) from None

    async def close(self) -> None:
        """See Writer."""
        await self._session.close()


WRITERS: Final[dict[str, type[V1Writer] | type[V2Writer]]] = {"v1": V1Writer, "v2": V2Writer}


async def judge(answer: aiohttp.ClientResponse, token: str | None) -> None:
    """Returns when the answer says "taken", else raises what it means."""
    if answer.status not in _ACCEPTED:
        body = await answer.content.read(_BODY_BYTES)
        raise explain(answer.status, body.decode("utf-8", "replace"), answer.headers, token)


def explain(status: int, body: str, headers: Mapping[str, str], token: str | None) -> DcmonError:
    """What an answer other than "taken" means: RefusedError when it is about the lines, else UnavailableError."""
    detail = " ".join(body.split())[:_DETAIL_CHARS]
    if token:
        detail = detail.replace(token, "***")
    message = f"the server answered {status}" + (f" ({detail})" if detail else "")
    if status in _ABOUT_LINES:
        return RefusedError(message, _lost(body))
    if 200 <= status < 400:
        return UnavailableError(f"{message}, which no write of InfluxDB answers: check influx.url and influx.api")
    if hint := _HINTS.get(status):
        return UnavailableError(f"{message}: {hint}")
    return UnavailableError(message, retry_after(headers.get("Retry-After", ""), headers.get("Date", "")))


def unreachable(settings: Influx, error: Exception) -> UnavailableError:
    """What a failed connection means, without what the URL may hold besides the host."""
    where = urlsplit(settings.url)
    address = f"{where.hostname}:{where.port}" if where.port else f"{where.hostname}"
    if isinstance(error, TimeoutError):
        return UnavailableError(f"no answer from {address} within {settings.timeout / 1000:g} s")
    if isinstance(error, aiohttp.InvalidURL):
        return UnavailableError("influx.url is no URL; write for example http://127.0.0.1:8086")
    number = getattr(error, "errno", None)
    why = os.strerror(number) if number else type(error).__name__
    return UnavailableError(f"{address} cannot be reached: {why}")


def retry_after(text: str, date: str = "") -> float | None:
    """Seconds to wait by a Retry-After header (seconds, or a date compared with the Date header); None without one."""
    text = text.strip()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return min(float(text), _LONGEST_WAIT_S)
    try:
        wait = _moment(text) - _moment(date)
    except (TypeError, ValueError, IndexError):
        return None
    return min(max(wait.total_seconds(), 0.0), _LONGEST_WAIT_S)


def _moment(text: str) -> datetime:
    moment = parsedate_to_datetime(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _lost(body: str) -> int:
    """Lines that a server dropped from a batch whose others it took: InfluxDB 1 and 2 (text), 3 (a list)."""
    if "partial write" not in body:
        return 0
    dropped = re.search(r"dropped=(\d+)", body)
    if dropped:
        return max(1, int(dropped[1]))
    return max(1, body.count("unable to parse"), body.count('"line_number"'))
