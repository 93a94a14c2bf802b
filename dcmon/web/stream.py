"""The live stream: Server-Sent Events, at most two updates a second, a beat every second so that silence is noticed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from aiohttp import web

from dcmon.clock import perf_counter
from dcmon.web.guard import HEADERS, ApiError
from dcmon.web.state import SiteState

_log = logging.getLogger(__name__)

MIN_GAP_S = 0.5
"""Real seconds between two updates to one client, whatever the clock's speed."""
BEAT_S = 1.0
REDRAW_S = 5.0
"""Without any change the page is drawn anew this often: readings grow old by themselves."""
MAX_CLIENTS = 64
RETRY_MS = 2000
STUCK_S = 20.0
"""A client that takes nothing for so long has gone, or sleeps: its place is free for others."""
_UNREAD_BYTES = 64 * 1024

Parts = Mapping[str, Any]
Draw = Callable[[str, str], Parts]
"""From a form (`site`: data; `page`: HTML fragments) and a language to named parts."""
Beat = Callable[[str], Parts]
"""From a language to the time by dcmon's clock: the page never uses the browser's."""


class Hub:
    """One subscription to the state's changes, shared by all clients; parts are drawn once per language and change."""

    def __init__(self, state: SiteState, draw: Draw, beat: Beat) -> None:
        self._state = state
        self._draw = draw
        self._beat = beat
        self._version = 0
        self._changed = asyncio.Condition()
        self._drawn: dict[tuple[str, str], tuple[int, float, Parts]] = {}
        self._closing = asyncio.Event()
        self.clients = 0

    async def run(self) -> None:
        """Follows the changes until cancelled. Should the subscription break, pages live on by REDRAW_S."""
        try:
            async for _ in self._state.subscribe():
                async with self._changed:
                    self._version += 1
                    self._changed.notify_all()
        except Exception:  # noqa: BLE001  # the page must outlive a fault of what feeds it
            _log.exception("the live page no longer hears of changes; it is redrawn every %g s", REDRAW_S)

    async def close(self) -> None:
        """Ends every stream, so that the server need not wait for walls that never hang up."""
        self._closing.set()
        async with self._changed:
            self._changed.notify_all()

    def parts(self, form: str, lang: str) -> Parts:
        """The parts, drawn at most twice a second in each form and language however many walls look."""
        now = perf_counter()
        known = self._drawn.get((form, lang))
        if known and (now - known[1] < MIN_GAP_S or (known[0] == self._version and now - known[1] < REDRAW_S)):
            return known[2]
        version = self._version
        drawn = self._draw(form, lang)
        self._drawn[form, lang] = (version, perf_counter(), drawn)
        return drawn

    async def serve(self, request: web.Request, form: str, lang: str) -> web.StreamResponse:
        """Sends what changed since this client's last event; everything at first and after a reconnect."""
        if self.clients >= MAX_CLIENTS:
            raise ApiError(503, f"{MAX_CLIENTS} pages are already live", "Close pages that nobody looks at.")
        response = web.StreamResponse(
            headers={**HEADERS, "Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store"}
        )
        _notice_the_dead(request.transport)
        await response.prepare(request)
        self.clients += 1
        try:
            await response.write(f"retry: {RETRY_MS}\n\n".encode())
            async for event in self._events(form, lang):
                async with asyncio.timeout(STUCK_S):
                    await response.write(event)
        except (ConnectionError, TimeoutError):
            _log.debug("live page %s has gone", request.remote)
            if request.transport is not None:
                request.transport.abort()
        finally:
            self.clients -= 1
        return response

    async def _events(self, form: str, lang: str) -> AsyncIterator[bytes]:
        sent: dict[str, Any] = {}
        while not self._closing.is_set():
            seen = self._version
            parts = self.parts(form, lang)
            changed = {name: part for name, part in parts.items() if sent.get(name) != part}
            sent = dict(parts)
            yield _event("update" if changed else "beat", seen, {**self._beat(lang), **changed})
            await self._pause()
            await self._wait_for_change(seen)

    async def _pause(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(MIN_GAP_S):
                await self._closing.wait()

    async def _wait_for_change(self, seen: int) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(BEAT_S - MIN_GAP_S), self._changed:
                await self._changed.wait_for(lambda: self._version != seen or self._closing.is_set())


def _notice_the_dead(transport: asyncio.BaseTransport | None) -> None:
    """Without this the kernel waits a quarter of an hour for a machine that is off, and keeps megabytes for it."""
    connection = transport.get_extra_info("socket") if transport is not None else None
    if connection is not None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(STUCK_S * 1000))
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _UNREAD_BYTES)


def _event(name: str, number: int, data: Mapping[str, Any]) -> bytes:
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return f"event: {name}\nid: {number}\ndata: {text}\n\n".encode()
