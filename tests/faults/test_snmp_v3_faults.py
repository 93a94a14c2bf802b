"""SNMPv3 answers that must not be believed, and agents that are no longer who they were."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable

import pytest
from snmp_agents import V3Agent, oid, responder

from dcmon.collectors.snmp import INTEGER, NativeClient, SnmpSession, VarBind
from dcmon.collectors.snmp.message import RESPONSE
from dcmon.collectors.snmp.usm import (
    AUTH,
    DECRYPTION_ERROR,
    NOT_IN_TIME_WINDOW,
    UNKNOWN_ENGINE,
    UNKNOWN_USER,
    UNSUPPORTED_LEVEL,
    WRONG_DIGEST,
    V3User,
)
from dcmon.collectors.snmp.v3message import REPORT, V3Message, decode_v3
from dcmon.model import CollectError

USER = V3User("dcmon", "sha256", "authauth1", "aes128", "privpriv1")
THIEF = V3User("dcmon", "sha256", "guessed-it", "aes128", "guessed-it")
ONE = oid(1)
LIE = [VarBind(ONE, INTEGER, 666)]


@pytest.fixture
async def client() -> AsyncIterator[NativeClient]:
    client = NativeClient()
    yield client
    assert client.in_flight == 0
    await client.close()


def session_with(
    client: NativeClient, port: int, user: V3User = USER, *, timeout_s: float = 0.5, retries: int = 1
) -> SnmpSession:
    return client.session_v3("127.0.0.1", port, user, timeout_s=timeout_s, retries=retries)


async def value(session: SnmpSession) -> object:
    return (await session.get([ONE]))[0].value


Forgery = Callable[[V3Agent, V3Message], bytes]

FORGERIES: dict[str, Forgery] = {
    "forged digest": lambda agent, m: agent.seal(m, RESPONSE, m.msg_id, LIE, user=THIEF),
    "no digest": lambda agent, m: agent.seal(m, RESPONSE, m.msg_id, LIE, flags=0),
    "digest without privacy": lambda agent, m: agent.seal(m, RESPONSE, m.msg_id, LIE, flags=AUTH),
    "another user": lambda agent, m: agent.seal(
        m, RESPONSE, m.msg_id, LIE, user=V3User("other", "sha256", "authauth1", "aes128", "privpriv1")
    ),
    "another request id": lambda agent, m: agent.seal(m, RESPONSE, m.msg_id ^ 1, LIE),
    "another message id": lambda agent, m: agent.seal(m._replace(msg_id=m.msg_id ^ 1), RESPONSE, m.msg_id, LIE),
    "stale time": lambda agent, m: agent.seal(m, RESPONSE, m.msg_id, LIE, time=agent.time - 151),
    "an earlier boot": lambda agent, m: agent.seal(m, RESPONSE, m.msg_id, LIE, boots=agent.boots - 1),
    "too many boots": lambda agent, m: agent.seal(m, RESPONSE, m.msg_id, LIE, boots=0x7FFFFFFF),
    "no response": lambda agent, m: agent.seal(m, 0xA7, m.msg_id, LIE),
    "a forged report about time": lambda agent, m: agent.report(m, NOT_IN_TIME_WINDOW, signed=False),
    "garbage": lambda agent, m: b"\x30\x82\x01\x00\x02\x01\x03garbage",
    "cut off": lambda agent, m: agent.seal(m, RESPONSE, m.msg_id, LIE)[:-3],
}


@pytest.mark.parametrize("kind", FORGERIES)
async def test_a_forgery_before_the_answer_is_never_data(client: NativeClient, kind: str) -> None:
    agent = V3Agent(USER)

    def script(data: bytes, _: int) -> Iterable[bytes]:
        message = decode_v3(data)
        good = agent.answer(data)
        return [FORGERIES[kind](agent, message), good] if agent.answers and message.engine_id else [good]

    async with responder(script) as wire:
        session = session_with(client, wire.port)
        assert await value(session) == 42
        assert await value(session) == 42
        assert client.stats.stray + client.stats.decode_errors == 2


@pytest.mark.parametrize("kind", sorted(set(FORGERIES) - {"garbage", "cut off"}))
async def test_only_forgeries_are_no_answer_at_all(client: NativeClient, kind: str) -> None:
    agent = V3Agent(USER)
    async with responder(agent.script) as wire:
        session = session_with(client, wire.port, timeout_s=0.15, retries=0)
        assert await value(session) == 42
        wire.script = lambda data, _: [FORGERIES[kind](agent, decode_v3(data))]
        with pytest.raises(CollectError) as caught:
            await session.get([ONE])
        assert caught.value.reason == "timeout"


async def test_a_replayed_answer_is_not_taken_for_a_new_one(client: NativeClient) -> None:
    agent = V3Agent(USER)
    async with responder(agent.script) as wire:
        session = session_with(client, wire.port)
        assert await value(session) == 42
        old = agent.answers[-1]
        agent.value = 43
        wire.script = lambda data, _: [old, agent.answer(data), old]
        assert await value(session) == 43
        await asyncio.sleep(0.02)
        assert client.stats.stray == 2


@pytest.mark.parametrize(
    ("user", "forged"),
    [
        (V3User("open"), False),
        (V3User("dcmon", "sha1", "authauth1"), False),
        (USER, False),
    ],
)
async def test_each_level_is_read(client: NativeClient, user: V3User, forged: bool) -> None:
    agent = V3Agent(user)
    async with responder(agent.script) as wire:
        assert await value(session_with(client, wire.port, user)) == 42
        assert [message.flags & 3 for message in agent.questions] == [0, user.flags]


async def test_a_report_is_never_data(client: NativeClient) -> None:
    agent = V3Agent(USER)

    def script(data: bytes, _: int) -> Iterable[bytes]:
        message = decode_v3(data)
        return [agent.answer(data) if not message.engine_id else agent.seal(message, REPORT, message.msg_id, LIE)]

    async with responder(script) as wire:
        with pytest.raises(CollectError) as caught:
            await session_with(client, wire.port).get([ONE])
        assert caught.value.reason == "error"


@pytest.mark.parametrize(
    ("report", "hint"),
    [
        (UNKNOWN_USER, "does not know user dcmon"),
        (WRONG_DIGEST, "auth_key"),
        (DECRYPTION_ERROR, "priv_key"),
        (UNSUPPORTED_LEVEL, "security level"),
    ],
)
async def test_a_refused_user_is_told_what_to_check(client: NativeClient, report: str, hint: str) -> None:
    agent = V3Agent(USER)

    def script(data: bytes, _: int) -> Iterable[bytes]:
        message = decode_v3(data)
        return [agent.answer(data) if not message.engine_id else agent.report(message, report, signed=False)]

    async with responder(script) as wire:
        with pytest.raises(CollectError, match=hint) as caught:
            await session_with(client, wire.port).get([ONE])
        assert caught.value.reason == "auth"
        assert "authauth1" not in str(caught.value)


async def test_an_agent_that_reboots_is_found_again(client: NativeClient) -> None:
    agent = V3Agent(USER)
    async with responder(agent.script) as wire:
        session = session_with(client, wire.port)
        assert await value(session) == 42
        agent.boots, agent.time, agent.value = agent.boots + 1, 3, 43
        assert await value(session) == 43
        assert (client.stats.rediscoveries, client.stats.timeouts) == (1, 0)
        questions = len(agent.questions)
        assert await value(session) == 43
        assert len(agent.questions) == questions + 1, "it is known again"


@pytest.mark.parametrize(("boots", "time"), [(5, 3), (0, 0), (1, 700)])
async def test_an_agent_that_forgets_its_boots_is_found_again(client: NativeClient, boots: int, time: int) -> None:
    agent = V3Agent(USER)
    async with responder(agent.script) as wire:
        session = session_with(client, wire.port)
        assert await value(session) == 42
        agent.boots, agent.time, agent.value = boots, time, 43
        assert await value(session) == 43
        assert client.stats.rediscoveries == 1


@pytest.mark.parametrize("silent", [False, True])
async def test_an_agent_whose_engine_id_changes_is_found_again(client: NativeClient, silent: bool) -> None:
    agent = V3Agent(USER)
    async with responder(agent.script) as wire:
        session = session_with(client, wire.port)
        assert await value(session) == 42
        agent.engine_id, agent.value = b"\x80\x00\x1f\x88\x04another", 43
        if silent:  # some drop what is not for them without a word
            wire.script = lambda data, _: (
                [agent.answer(data)] if decode_v3(data).engine_id in (b"", agent.engine_id) else []
            )
            with pytest.raises(CollectError):
                await session.get([ONE])
        assert await value(session) == 43
        assert client.stats.rediscoveries == 1


async def test_an_agent_that_never_stops_reporting_is_given_up(client: NativeClient) -> None:
    agent = V3Agent(USER)

    def script(data: bytes, count: int) -> Iterable[bytes]:
        agent.engine_id = b"\x80\x00\x1f\x88\x04" + str(count).encode()
        return [agent.report(decode_v3(data), UNKNOWN_ENGINE, signed=False)]

    async with responder(script) as wire:
        with pytest.raises(CollectError):
            await session_with(client, wire.port).get([ONE])
        assert len(wire.received) <= 6


async def test_many_requests_to_a_new_agent_discover_it_once(client: NativeClient) -> None:
    agent = V3Agent(USER)
    async with responder(agent.script) as wire:
        session = session_with(client, wire.port)
        answers = await asyncio.gather(*(session.get([ONE]) for _ in range(20)))
        assert {answer[0].value for answer in answers} == {42}
        assert [message.engine_id for message in agent.questions].count(b"") == 1


async def test_an_agent_without_a_clock_in_its_discovery_is_synchronised(client: NativeClient) -> None:
    agent = V3Agent(USER)

    def script(data: bytes, _: int) -> Iterable[bytes]:
        message = decode_v3(data)
        if message.engine_id:
            return [agent.answer(data)]
        boots, time = agent.boots, agent.time
        agent.boots = agent.time = 0
        report = agent.answer(data)
        agent.boots, agent.time = boots, time
        return [report]

    async with responder(script) as wire:
        assert await value(session_with(client, wire.port)) == 42
        assert client.stats.rediscoveries == 0


async def test_discovery_believes_no_answer_that_is_not_a_report(client: NativeClient) -> None:
    agent = V3Agent(V3User("open"))
    async with responder(lambda data, _: [agent.seal(decode_v3(data), RESPONSE, 0, LIE)]) as wire:
        with pytest.raises(CollectError) as caught:
            await session_with(client, wire.port, V3User("open"), timeout_s=0.1).get([ONE])
        assert caught.value.reason == "timeout"
