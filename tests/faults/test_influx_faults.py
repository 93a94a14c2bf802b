"""The sink and a server that is slow, absent, full, moody or wrong: nothing lost, nothing twice, nobody waits."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import influx_server
import pytest
from aiohttp import web

from dcmon.config.agent import Influx
from dcmon.model import Quality, Reading
from dcmon.storage.influx import InfluxSink
from dcmon.storage.spool import Batch, Spool

START = 1_735_689_600_000
SECRET = "tok-3n-of-t3h-s1nk"


def readings(first: int, count: int) -> list[Reading]:
    return [Reading(START + n, "ups-a", "input.voltage", None, float(n)) for n in range(first, first + count)]


def numbers(lines: list[str]) -> list[int]:
    return [int(line.rsplit(" ", 1)[1]) - START for line in lines]


async def until(condition: Callable[[], bool], seconds: float = 8.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  # what is waited for has no event
            await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def running(folder: Path, url: str, **changed: Any) -> AsyncIterator[InfluxSink]:
    settings = Influx(**{"url": url, "flush": "20ms", "timeout": "300ms", "enabled": True} | changed)
    sink = InfluxSink(settings, Spool(folder, settings.spool_mb), token=SECRET)
    task = asyncio.create_task(sink.run())
    try:
        yield sink
        assert not task.done(), task.exception()
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        sink.close()


@pytest.fixture
async def server() -> AsyncIterator[Any]:
    async with influx_server.InfluxServer() as started:
        yield started


@pytest.mark.parametrize("api", ["v2", "v1"])
async def test_what_is_appended_arrives_in_order_without_the_spool(server: Any, tmp_path: Path, api: str) -> None:
    async with running(tmp_path, server.url, api=api) as sink:
        for first in range(0, 300, 10):
            sink.append(readings(first, 10))
            await asyncio.sleep(0.005)
        await until(lambda: len(server.lines) == 300)
        assert numbers(server.lines) == list(range(300))
        await until(lambda: sink.stats.written == 300 and sink.failure is None)
    wanted = {"v2": {"org": "dcmon", "bucket": "dcmon", "precision": "ms"}, "v1": {"db": "dcmon", "precision": "ms"}}
    assert server.queries[0] == wanted[api]
    assert server.authorizations[0] == f"Token {SECRET}"


async def test_a_user_and_password_sign_in_to_influxdb_1(server: Any, tmp_path: Path) -> None:
    settings = Influx(url=server.url, flush="20ms", api="v1")  # type: ignore[arg-type]
    sink = InfluxSink(settings, Spool(tmp_path, 1), token="user:pass")
    task = asyncio.create_task(sink.run())
    sink.append(readings(0, 1))
    await until(lambda: bool(server.lines))
    assert server.authorizations == ["Basic dXNlcjpwYXNz"]
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    sink.close()


@pytest.mark.parametrize("api", ["v2", "v1"])
async def test_while_the_server_is_away_all_waits_and_then_arrives_once_and_in_order(
    server: Any, tmp_path: Path, api: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await server.stop()
    async with running(tmp_path, server.url, api=api) as sink:
        for first in range(0, 200, 10):
            sink.append(readings(first, 10))
            await asyncio.sleep(0.01)
        await until(lambda: sink.spool.pending > 2 and sink.failure is not None)
        assert "cannot be reached: Connection refused" in str(sink.failure)
        await server.start()
        await until(lambda: len(server.lines) >= 200)
        sink.append(readings(200, 10))
        await until(lambda: len(server.lines) >= 210)
        await until(lambda: sink.spool.pending == 0)
        assert numbers(server.lines) == list(range(210))
        await until(lambda: sink.failure is None)
    assert caplog.text.count("Samples wait in the spool") == 1
    assert caplog.text.count("takes samples again") == 1


async def test_what_was_not_confirmed_at_the_end_is_sent_after_the_next_start(server: Any, tmp_path: Path) -> None:
    server.answer = influx_server.hang
    async with running(tmp_path, server.url, timeout="5s") as sink:
        sink.append(readings(0, 5))
        await until(lambda: len(server.requests) == 1)
        sink.append(readings(5, 5))
        await until(lambda: sink.spool.pending == 2)
        sink.append(readings(10, 5))
    server.answer = server.take
    async with running(tmp_path, server.url) as sink:
        sink.append(readings(15, 5))
        await until(lambda: len(server.lines) == 20)
        assert numbers(server.lines) == list(range(20))
        await until(lambda: sink.spool.pending == 0)


@pytest.mark.parametrize(("status", "header"), [(429, "1"), (503, "1"), (429, None), (500, None), (503, "soon")])
async def test_a_busy_server_is_left_alone_as_long_as_it_asks(
    server: Any, tmp_path: Path, status: int, header: str | None
) -> None:
    server.answer = influx_server.always(status, "busy", {"Retry-After": header} if header else {})
    async with running(tmp_path, server.url) as sink:
        sink.append(readings(0, 10))
        await until(lambda: sink.failure is not None)
        server.answer = server.take
        begun = asyncio.get_running_loop().time()
        await until(lambda: len(server.lines) == 10)
        waited = asyncio.get_running_loop().time() - begun
        assert (waited > 0.8) == (header == "1")
        assert numbers(server.lines) == list(range(10))


async def test_a_server_that_hangs_costs_a_timeout_and_nothing_else(server: Any, tmp_path: Path) -> None:
    server.answer = influx_server.hang
    async with running(tmp_path, server.url) as sink:
        sink.append(readings(0, 10))
        await until(lambda: sink.failure is not None)
        assert "no answer from 127.0.0.1:" in str(sink.failure)
        assert "within 0.3 s" in str(sink.failure)
        server.answer = server.take
        await until(lambda: len(server.lines) == 10)
        assert numbers(server.lines) == list(range(10))


async def test_a_connection_that_breaks_in_the_middle_loses_nothing(server: Any, tmp_path: Path) -> None:
    cut = 3

    async def answer(lines: list[str]) -> web.StreamResponse:
        nonlocal cut
        cut -= 1
        if cut >= 0:
            raise ConnectionResetError
        return await server.take(lines)  # type: ignore[no-any-return]

    server.answer = answer
    async with running(tmp_path, server.url) as sink:
        for first in range(0, 50, 10):
            sink.append(readings(first, 10))
            await asyncio.sleep(0.03)
        await until(lambda: len(server.lines) >= 50)
        assert numbers(server.lines) == list(range(50))


async def test_a_line_that_the_server_refuses_is_found_dropped_and_counted_and_the_others_arrive(
    server: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def answer(lines: list[str]) -> web.StreamResponse:
        if any(n % 40 == 7 for n in numbers(lines)):
            return web.Response(status=400, text="unable to parse")
        return await server.take(lines)  # type: ignore[no-any-return]

    server.answer = answer
    async with running(tmp_path, server.url) as sink:
        sink.append(readings(0, 100))
        await until(lambda: sink.stats.refused == 3)
        await until(lambda: len(server.lines) == 97)
        assert numbers(server.lines) == [n for n in range(100) if n % 40 != 7]
        assert len(server.requests) < 60
        sink.append(readings(100, 5))
        await until(lambda: len(server.lines) == 102)
        await until(lambda: sink.spool.pending == 0)
    assert caplog.text.count("a line is dropped") == 1


async def test_an_outage_in_the_middle_of_a_search_repeats_nothing(server: Any, tmp_path: Path) -> None:
    requests = 0

    async def answer(lines: list[str]) -> web.StreamResponse:
        nonlocal requests
        requests += 1
        if 6 <= requests <= 9:
            return web.Response(status=503)
        if 63 in numbers(lines):
            return web.Response(status=400, text="unable to parse")
        return await server.take(lines)  # type: ignore[no-any-return]

    server.answer = answer
    async with running(tmp_path, server.url) as sink:
        sink.append(readings(0, 100))
        await until(lambda: len(server.lines) >= 99 and sink.stats.refused == 1)
        assert sorted(numbers(server.lines)) == [n for n in range(100) if n != 63]
        await until(lambda: sink.stats.written == 99)


async def test_a_partial_write_is_not_searched_because_the_good_lines_are_in(server: Any, tmp_path: Path) -> None:
    server.answer = influx_server.always(400, '{"error":"partial write: field type conflict dropped=2"}')
    async with running(tmp_path, server.url) as sink:
        sink.append(readings(0, 10))
        await until(lambda: sink.stats.refused == 2)
        await asyncio.sleep(0.1)
        assert len(server.requests) == 1
        assert sink.stats.written == 8
        await until(lambda: sink.spool.pending == 0)


@pytest.mark.parametrize(
    ("status", "text", "hint"),
    [
        (401, "unauthorized", "check influx.token"),
        (403, "forbidden", "permissions"),
        (404, "database not found", "create it"),
        (400, "unsupported path requested", "refuses every line"),
        (200, "<html>sign in</html>", "check influx.url"),
        (302, "", "check influx.url"),
    ],
)
async def test_a_fault_of_the_set_up_keeps_everything_and_says_what_to_do(
    server: Any, tmp_path: Path, status: int, text: str, hint: str, caplog: pytest.LogCaptureFixture
) -> None:
    server.answer = influx_server.always(status, f"{text} {SECRET}", {"Location": "/x"} if status == 302 else {})
    caplog.set_level(logging.DEBUG)
    async with running(tmp_path, server.url) as sink:
        sink.append(readings(0, 20))
        await until(lambda: sink.failure is not None)
        assert hint in str(sink.failure)
        server.answer = server.take
        await until(lambda: len(server.lines) == 20)
        assert numbers(server.lines) == list(range(20))
        assert sink.stats.refused == 0
    assert hint in caplog.text
    assert SECRET not in caplog.text
    assert SECRET not in repr(vars(sink.stats) if hasattr(sink.stats, "__dict__") else sink.stats)


async def test_appending_never_waits_whatever_the_server_does(server: Any, tmp_path: Path) -> None:
    server.answer = influx_server.hang
    loop = asyncio.get_running_loop()
    async with running(tmp_path, server.url) as sink:
        slowest = 0.0
        for n in range(60):
            begun = loop.time()
            sink.append(readings(n, 1))
            slowest = max(slowest, loop.time() - begun)
            await asyncio.sleep(0.01)
        assert slowest < 0.01


async def test_a_full_spool_drops_the_oldest_and_counts_them(server: Any, tmp_path: Path) -> None:
    await server.stop()
    async with running(tmp_path, server.url, spool_mb=0.004) as sink:
        total = 0
        while not sink.spool.dropped:
            sink.append(readings(total, 100))
            total += 100
            await asyncio.sleep(0.03)
        assert sink.spool.size <= 4000
        await server.start()
        await until(lambda: bool(server.lines) and sink.spool.pending == 0)
        kept = numbers(server.lines)
        assert kept == list(range(sink.spool.dropped, total))


async def test_with_a_full_disk_samples_still_go_to_a_server_that_is_there(server: Any, tmp_path: Path) -> None:
    async with running(tmp_path, server.url) as sink:
        database = sink.spool._db
        database.in_writer(lambda: database._connection().execute("PRAGMA max_page_count=1").fetchall()).result()
        server.answer = influx_server.always(503)
        sink.append(readings(0, 3000))
        await until(lambda: sink.failure is not None)
        sink.append(readings(3000, 3000))
        await asyncio.sleep(0.1)
        server.answer = server.take
        await until(lambda: len(server.lines) >= 6000)
        assert numbers(server.lines) == list(range(6000))
        database.in_writer(lambda: database._connection().execute("PRAGMA max_page_count=99999").fetchall()).result()


async def test_a_bad_reading_is_never_a_number(server: Any, tmp_path: Path) -> None:
    async with running(tmp_path, server.url) as sink:
        sink.append([Reading(START, "ups-a", "battery.charge", None, 9999.0, Quality.BAD, "sentinel 9999")])
        await until(lambda: bool(server.lines))
    assert server.lines == [f'battery.charge,asset=ups-a quality="bad",reason="sentinel 9999" {START}']


async def test_a_spool_gives_back_batches_in_order_and_the_disk_after_an_outage(tmp_path: Path) -> None:
    spool = Spool(tmp_path, 100)
    for seq in range(1, 400):
        await spool.put(Batch((seq,), tuple(os.urandom(64).hex() for _ in range(100))))
    await spool.put(Batch((399,), ("replaced",)))
    assert spool.pending == 399
    grown = (tmp_path / "spool.db").stat().st_size + (tmp_path / "spool.db-wal").stat().st_size
    spool.close()
    spool = Spool(tmp_path, 100)
    assert spool.last_seq == 399
    seqs: list[int] = []
    last = ""
    while (batch := await spool.first()) is not None:
        assert len(batch.lines) <= 5000
        seqs += batch.seqs
        last = batch.lines[-1]
        await spool.delete(batch)
    assert seqs == list(range(1, 400))
    assert last == "replaced"
    assert (spool.pending, spool.size) == (0, 0)
    spool.close()
    assert (tmp_path / "spool.db").stat().st_size < grown / 10
