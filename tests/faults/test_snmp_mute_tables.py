"""Agents that answer for values and not for tables: what that costs a poll, and who is told."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from pathlib import Path

import pytest
from process_world import command
from profile_snippets import plan_of
from snmp_agents import oid, responder, serve, table

from dcmon.ask import SnmpQuestion, ask_snmp, unanswered
from dcmon.collectors.collect import DeviceMemory, collect_snmp
from dcmon.collectors.profile import load_profiles
from dcmon.collectors.recording import parse_recording
from dcmon.collectors.snmp import NativeClient, Oid, SnmpSession, VarBind, parse_oid
from dcmon.collectors.snmp.message import GET, Message, decode_message
from dcmon.model import CollectError, Reading

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


# --- what is told of the rows ---

PROFILE = """\
points:
  - {point: input.frequency, oid: 1.3.6.1.4.1.99999.1.1.1}
tables:
  - name: inlets
    points:
      - {point: temperature, column: 1.3.6.1.4.1.99999.1.2, scale: 0.01}
      - {point: temperature, column: 1.3.6.1.4.1.99999.1.2, scale: 0.01, aggregate: max}
  - name: outlets
    points: [{point: humidity, column: 1.3.6.1.4.1.99999.1.3, scale: 0.01}]
"""


def of(readings: list[Reading], point: str) -> list[tuple[str | None, str | None]]:
    return [(one.index, one.reason) for one in readings if one.point == point]


async def test_rows_that_did_not_come_twice_say_why_and_come_back(tmp_path: Path) -> None:
    agent, client, memory = Agent(), NativeClient(), DeviceMemory()
    agent.mute.clear()
    plan = plan_of(tmp_path, PROFILE)
    rows = [("1", None), ("2", None), ("3", None), ("4", None), ("5", None)]
    async with responder(agent.script) as front:
        session = client.session("127.0.0.1", front.port, timeout_s=TIMEOUT_S, retries=0)

        async def poll(ts: int) -> list[Reading]:
            return await collect_snmp(session, plan, "all", "pdu", ts, memory)

        first = await poll(0)
        assert of(first, "temperature") == [*rows, (None, None)]
        agent.mute = {TABLES[1]}
        assert of(await poll(1), "temperature") == [], "one may have been lost on the way"
        for ts in (2, 3, 4):
            told = await poll(ts)
            assert of(told, "temperature") == [*((index, "timeout") for index, _ in rows), (None, "timeout")]
            assert of(told, "humidity") == rows
            assert {one.source for one in told} == {one.source for one in first}
        agent.mute = {TABLES[1], TABLES[2]}
        assert of(await poll(5), "humidity") == []
        assert len(of(await poll(6), "humidity")) == 5, "it was seen while the other one was mute"
        agent.mute.clear()
        came = [await poll(ts) for ts in range(7, 12)]
        assert of(came[-1], "temperature") == [*rows, (None, None)]
        assert of(came[-1], "humidity") == rows
    await client.close()


SENTRY: dict[Oid, VarBind] = {
    varbind.oid: varbind
    for varbind in parse_recording(
        "1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.1718.4\n"
        "1.3.6.1.4.1.1718.4.1.3.3.1.2.1.1|2|0\n"
        "1.3.6.1.4.1.1718.4.1.3.3.1.3.1.1|2|1701\n"
        "1.3.6.1.4.1.1718.4.1.8.3.1.1.1.1.1|2|1\n"
    )
}


def without_outlets(data: bytes, count: int) -> Iterable[bytes]:
    del count
    request = decode_message(data)
    assert isinstance(request, Message)
    outlets = parse_oid("1.3.6.1.4.1.1718.4.1.8")
    return [] if any(one.oid.startswith(outlets) for one in request.varbinds) else [serve(data, SENTRY)]


async def test_a_device_asked_once_has_a_bad_row_for_each_point_of_a_table_that_it_does_not_answer() -> None:
    async with responder(without_outlets) as front:
        question = SnmpQuestion("127.0.0.1", front.port, timeout_s=TIMEOUT_S, retries=0)
        result = await ask_snmp(question, load_profiles(), None)
    rows = {(row["point"], row["index"]): row for row in result["readings"]}
    assert rows["cord.power", "1.1"]["value"] == 1701
    assert (rows["outlet.state", None]["quality"], rows["outlet.state", None]["reason"]) == ("bad", "timeout")
    assert rows["outlet.state", None]["source"] == "1.3.6.1.4.1.1718.4.1.8.3.1.1"
    assert list(unanswered(result)) == ["timeout"]
    assert {"outlets.on", "outlet.power"} <= set(unanswered(result)["timeout"])


async def test_the_command_names_what_was_not_answered_and_what_to_do() -> None:
    async with responder(without_outlets) as front:
        asked = ("poll", "--snmp", f"127.0.0.1:{front.port}", "--timeout", "0.1", "--retries", "0", "--json")
        code, out, err = await command(*asked)
    assert code == 0
    assert '"cord.power"' in out
    assert "not answered (timeout): " in err
    assert "outlet.state" in err
    assert "--timeout" in err
