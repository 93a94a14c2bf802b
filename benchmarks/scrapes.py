"""A Prometheus for the benchmark of polls: it scrapes the exporter over kept connections and throws the text away."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from benchmarks.servers import HOST
from dcmon.clock import perf_counter


async def scrape(port: int, agents: Sequence[int], seconds: float) -> int:
    """Scrapes for so long, one connection per agent, each asking again when it is answered; gives the number."""
    until = perf_counter() + seconds
    return sum(await asyncio.gather(*(_connection(port, agent, until) for agent in agents)))


async def _connection(port: int, agent: int, until: float) -> int:
    reader, writer = await asyncio.open_connection(HOST, port)
    request = f"GET /snmp?target={HOST}:{agent}&module=bench HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
    scrapes = 0
    try:
        while perf_counter() < until:
            writer.write(request)
            text = await _answer(reader)
            if text.count(b"\nbench_") != 10:
                raise OSError(f"the exporter answers {text[:300]!r}")
            scrapes += 1
    finally:
        writer.close()
        await writer.wait_closed()
    return scrapes


async def _answer(reader: asyncio.StreamReader) -> bytes:
    """The body of one HTTP response; both forms that Go's server uses."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    _, found, length = head.partition(b"content-length:")
    if found:
        return await reader.readexactly(int(length.split(b"\r\n", 1)[0]))
    body = b""
    while size := int(await reader.readline(), 16):
        body += await reader.readexactly(size)
        await reader.readline()
    await reader.readline()
    return body
