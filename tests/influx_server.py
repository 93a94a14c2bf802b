"""A server that takes line protocol and misbehaves on demand: for the tests of the sink."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType

from aiohttp import web

Answer = Callable[[list[str]], Awaitable[web.StreamResponse]]


class InfluxServer:
    """Keeps the lines that it confirmed, in `lines`, and every request in `requests`. `answer` may be replaced."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.requests: list[list[str]] = []
        self.queries: list[dict[str, str]] = []
        self.authorizations: list[str | None] = []
        self.answer: Answer = self.take
        self.port = 0
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def take(self, lines: list[str]) -> web.StreamResponse:
        self.lines += lines
        return web.Response(status=204)

    async def start(self) -> None:
        """Listens, on the port of the first time."""
        app = web.Application(client_max_size=64_000_000)
        app.router.add_post("/api/v2/write", self._write)
        app.router.add_post("/write", self._write)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        assert site._server is not None
        self.port = site._server.sockets[0].getsockname()[1]  # type: ignore[attr-defined]

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def __aenter__(self) -> InfluxServer:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _write(self, request: web.Request) -> web.StreamResponse:
        lines = (await request.text()).split("\n")
        self.requests.append(lines)
        self.queries.append(dict(request.query))
        self.authorizations.append(request.headers.get("Authorization"))
        return await self.answer(lines)


def always(status: int, text: str = "", headers: dict[str, str] | None = None) -> Answer:
    """An answer that is the same for all lines."""

    async def answer(_: list[str]) -> web.StreamResponse:
        return web.Response(status=status, text=text, headers=headers)

    return answer


async def hang(_: list[str]) -> web.StreamResponse:
    """Never answers."""
    await asyncio.sleep(3600)
    return web.Response(status=500)
