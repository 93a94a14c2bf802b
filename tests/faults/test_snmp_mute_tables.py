"""Agents that answer for values and not for tables: what that costs a poll, and who is told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

import pytest
from snmp_agents import oid, responder, serve, table

from dcmon.collectors.snmp import NativeClient, SnmpSession
from dcmon.collectors.snmp.message import GET, Message, decode_message
from dcmon.model import CollectError

VALUES = table(3, 5)
TABLES = [(oid(1, 1),), (oid(1, 2),), (oid(1, 3),)]
TIMEOUT_S = 0.1


class Agent:
    """Lets the tables in `mute` run out."""

    def __init__(self) -> None:
        self.mute = set(TABLES)
        self.walks = 0

    def script(self, data: bytes, count: int) -> Iterable[bytes]:
        del count
        request = decode_message(data)
        assert isinstance(request, Message)
        if request.pdu != GET:
            self.walks += 1
            if any(request.varbinds[0].oid.startswith(roots[0]) for roots in self.mute):
                return []
        return [serve(data, VALUES)]


async def poll(session: SnmpSession) -> list[bool]:
    """Which of the tables came."""
    await session.get([oid(1, 1, 1)])
    came = []
    for roots in TABLES:
        try:
            came.append(len((await session.walk_columns(roots, sparing=True))[roots[0]]) == 5)
        except CollectError as error:
            assert error.reason == "timeout"
            came.append(False)
    return came


async def test_mute_tables_cost_a_poll_one_sending_and_the_log_one_line_each(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "dcmon")
    agent, client, loop = Agent(), NativeClient(), asyncio.get_running_loop()
    async with responder(agent.script) as front:
        session = client.session("127.0.0.1", front.port, timeout_s=TIMEOUT_S)
        assert await poll(session) == [False, False, False]
        for _ in range(12):
            agent.walks, started = 0, loop.time()
            assert await poll(session) == [False, False, False]
            assert agent.walks <= 1
            assert loop.time() - started < 2 * TIMEOUT_S
        agent.mute.clear()
        came = [await poll(session) for _ in range(4)]
        assert came[-1] == [True, True, True], "each is asked for again before long"
    said = [record.getMessage() for record in caplog.records]
    assert len([line for line in said if "goes stale" in line]) == 3
    assert len([line for line in said if "again" in line]) == 3
    await client.close()


async def test_a_mute_table_leaves_the_others_their_retransmissions() -> None:
    agent, client = Agent(), NativeClient()
    agent.mute = {TABLES[0]}
    lost = 0

    def lossy(data: bytes, count: int) -> Iterable[bytes]:
        nonlocal lost
        answers = list(agent.script(data, count))
        if answers and (lost := lost + 1) % 3:
            return []
        return answers

    async with responder(lossy) as front:
        session = client.session("127.0.0.1", front.port, timeout_s=TIMEOUT_S)
        came = [await poll(session) for _ in range(6)]
        assert [row[0] for row in came] == [False] * 6
        assert [row[2] for row in came].count(True) >= 4, came
    await client.close()


async def test_where_the_table_is_all_that_is_asked_for_it_keeps_its_retransmissions() -> None:
    agent, client = Agent(), NativeClient()
    async with responder(agent.script) as front:
        session = client.session("127.0.0.1", front.port, timeout_s=TIMEOUT_S)
        for _ in range(3):
            agent.walks = 0
            await session.get([oid(1, 1, 1)])
            with pytest.raises(CollectError, match="no answer"):
                await session.walk_columns(TABLES[0])
            assert agent.walks >= 3
    await client.close()
