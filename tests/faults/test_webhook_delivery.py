"""Webhooks against real receivers, good ones and bad ones."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from notify_smtp import raw_server
from notify_world import notification

from dcmon.config.people import Person
from dcmon.model import ConfigError, SendError
from dcmon.notify.webhook import WebhookNotifier

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def receiver(handler: Handler) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/hook?token=s3cret"
    finally:
        await runner.cleanup()


BOSS = Person(id="boss", name="Boss", webhook="env:HOOK")
"""Its URL holds a token, so the file has only where to find it."""


async def failure(url: str) -> SendError:
    with pytest.raises(SendError) as caught:
        await WebhookNotifier(lambda _: url, timeout_s=0.5).send(notification(), BOSS)
    assert "s3cret" not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)
    assert caught.value.__cause__ is None
    return caught.value


async def test_the_receiver_gets_the_alertmanager_shape_and_the_key() -> None:
    got: list[tuple[Any, Any]] = []

    async def accept(request: web.Request) -> web.Response:
        got.append((await request.json(), request.headers))
        return web.Response(status=202)

    async with receiver(accept) as url:
        answer = await WebhookNotifier(lambda _: url).send(notification(), BOSS)
    ((body, headers),) = got
    assert answer == "HTTP 202"
    assert headers["Idempotency-Key"] == notification().key
    assert headers["Content-Type"].startswith("application/json")
    assert (body["version"], body["status"], body["receiver"]) == ("4", "firing", "boss")


@pytest.mark.parametrize(
    ("status", "permanent"),
    [(301, True), (400, True), (401, True), (404, True), (408, False), (429, False), (500, False), (503, False)],
)
async def test_what_a_status_means(status: int, permanent: bool) -> None:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    async with receiver(answer) as url:
        error = await failure(url)
    assert (error.permanent, error.unknown) == (permanent, False)
    assert str(status) in str(error)


async def test_silence_after_the_request_is_unknown() -> None:
    async with raw_server(b"") as port:
        error = await failure(f"http://127.0.0.1:{port}/?token=s3cret")
    assert (error.permanent, error.unknown) == (False, True)


async def test_a_connection_lost_after_the_request_is_unknown() -> None:
    async def drop(request: web.Request) -> web.Response:
        await request.read()
        assert request.transport is not None
        request.transport.abort()
        await asyncio.sleep(0)
        return web.Response()

    async with receiver(drop) as url:
        error = await failure(url)
    assert (error.permanent, error.unknown) == (False, True)


async def test_garbage_for_an_answer_is_unknown() -> None:
    async with raw_server(b"\x00\xff\x00 no http at all\r\n\r\n") as port:
        error = await failure(f"http://127.0.0.1:{port}/?token=s3cret")
    assert (error.permanent, error.unknown) == (False, True)


async def test_a_receiver_that_is_away_is_transient() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        error = await failure(f"http://127.0.0.1:{unused.getsockname()[1]}/?token=s3cret")
    assert (error.permanent, error.unknown) == (False, False)


@pytest.mark.parametrize("url", ["not a url", "ftp://127.0.0.1/", "http://"])
async def test_an_address_that_is_no_url_fails_for_good(url: str) -> None:
    assert (await failure(url)).permanent


async def test_hostile_texts_stay_inside_the_json() -> None:
    got: list[Any] = []

    async def accept(request: web.Request) -> web.Response:
        got.append(json.loads(await request.read()))
        return web.Response()

    hostile = 'a"b\\c\r\nX-Evil: 1\x00\u2028'
    async with receiver(accept) as url:
        message = notification(subject=hostile, key="k\r\nX: ü")
        await WebhookNotifier(lambda _: url).send(message, BOSS)
    assert got[0]["commonAnnotations"]["summary"] == hostile


async def test_a_url_without_a_token_may_stand_in_the_file_and_one_that_cannot_be_found_fails_for_good() -> None:
    def missing(reference: str) -> str:
        raise ConfigError([f"{reference}: the environment variable is not set"])

    async def accept(request: web.Request) -> web.Response:
        return web.Response(status=200, body=b"x" * 10_000_000)

    async with receiver(accept) as url:
        plain = Person(id="boss", name="Boss", webhook=url.partition("?")[0])
        assert await WebhookNotifier(missing).send(notification(), plain) == "HTTP 200"
    with pytest.raises(SendError, match="env:HOOK: the environment variable is not set") as caught:
        await WebhookNotifier(missing).send(notification(), BOSS)
    assert caught.value.permanent
