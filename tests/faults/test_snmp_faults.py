"""What agents and networks do to the SNMP client, on real sockets."""

from __future__ import annotations

import asyncio
import random
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import pytest
from snmp_agents import BASE, FROM_ELSEWHERE, oid, responder, serve, table

from dcmon.collectors.snmp import INTEGER, NO_SUCH_OBJECT, NULL, NativeClient, Oid, VarBind
from dcmon.collectors.snmp.ber import OCTET_STRING
from dcmon.collectors.snmp.message import GET, GETBULK, GETNEXT, RESPONSE, Message, decode_message, encode_response
from dcmon.collectors.snmp.second import PysnmpClient
from dcmon.model import CollectError

VALUES = table(3, 20)
ONE, TWO, THREE = oid(1, 1, 1), oid(1, 2, 1), oid(1, 3, 1)


@pytest.fixture(params=[NativeClient, PysnmpClient], ids=["native", "pysnmp"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[NativeClient]:
    """Both transports must bear the same."""
    client: NativeClient = request.param()
    yield client
    assert client.in_flight == 0, "nothing may be left waiting"
    await client.close()


@asynccontextmanager
async def native() -> AsyncIterator[NativeClient]:
    client = NativeClient()
    try:
        yield client
    finally:
        assert client.in_flight == 0
        await client.close()


def changed(data: bytes, **changes: object) -> bytes:
    """A good answer with another id, community, version ..."""
    message = decode_message(serve(data, VALUES))
    assert isinstance(message, Message)
    message = message._replace(**changes)
    answer = encode_response(
        message.version,
        message.community,
        message.request_id,
        message.varbinds,
        message.error_status,
        message.error_index,
    )
    return answer if message.pdu == RESPONSE else answer.replace(b"\xa2", bytes((message.pdu,)), 1)


def wrong(kind: str, data: bytes) -> bytes:
    """An answer that is none: its value must never be seen."""
    good = serve(data, VALUES)
    request = decode_message(data)
    assert isinstance(request, Message)
    lie = [VarBind(varbind.oid, INTEGER, 666) for varbind in request.varbinds]
    return {
        "wrong id": changed(data, request_id=request.request_id ^ 1, varbinds=lie),
        "wrong source": FROM_ELSEWHERE + changed(data, varbinds=lie),
        "wrong community": changed(data, community=b"private", varbinds=lie),
        "wrong version": changed(data, version=1 - request.version, varbinds=lie),
        "a request": data,
        "garbage": b"\x30\x82\xff\xffgarbage",
        "empty": FROM_ELSEWHERE,
        "text": b"HTTP/1.0 400 Bad Request\r\n\r\n",
        "truncated": good[: len(good) // 2],
        "one octet short": good[:-1],
        "oversized": b"\x30\x83\x00\xff\x00" + b"\xff" * 64_000,
        "nested": b"\x30\x82\x7f\xff" * 8_000,
    }[kind]


@pytest.mark.parametrize(
    "kind",
    [
        "wrong id",
        "wrong source",
        "wrong community",
        "wrong version",
        "a request",
        "garbage",
        "empty",
        "text",
        "truncated",
        "one octet short",
        "oversized",
        "nested",
    ],
)
async def test_a_stray_datagram_before_the_answer_changes_nothing(client: NativeClient, kind: str) -> None:
    async with responder(lambda data, _: [wrong(kind, data), serve(data, VALUES)]) as agent:
        session = client.session("127.0.0.1", agent.port, timeout_s=1, retries=0)
        assert await session.get([ONE, TWO]) == [VALUES[ONE], VALUES[TWO]]
        assert client.stats.stray + client.stats.decode_errors == 1


@pytest.mark.parametrize("kind", ["wrong id", "wrong source", "wrong community", "wrong version"])
async def test_only_stray_answers_are_a_timeout(kind: str) -> None:
    async with native() as client, responder(lambda data, _: [wrong(kind, data)]) as agent:
        session = client.session("127.0.0.1", agent.port, timeout_s=0.05, retries=1)
        with pytest.raises(CollectError) as caught:
            await session.get([ONE])
        assert caught.value.reason == "timeout"
        assert (client.stats.stray, client.stats.timeouts, client.stats.retransmissions) == (2, 1, 1)


async def test_answers_out_of_another_address_are_never_data_and_the_error_names_that_address(
    client: NativeClient,
) -> None:
    """What an agent with several interfaces does that answers out of the wrong one."""
    async with responder(lambda data, _: [FROM_ELSEWHERE + serve(data, VALUES)]) as agent:
        session = client.session("127.0.0.1", agent.port, timeout_s=0.1, retries=0)
        with pytest.raises(CollectError, match=r"no answer \(but one from 127\.0\.0\.1 port \d+\)"):
            await session.get([ONE])


async def test_only_unreadable_answers_are_a_decode_error_that_says_so() -> None:
    async with native() as client, responder(lambda data, _: [serve(data, VALUES)[:-2]]) as agent:
        session = client.session("127.0.0.1", agent.port, timeout_s=0.05, retries=1)
        with pytest.raises(CollectError, match="cannot be read") as caught:
            await session.get([ONE])
        assert caught.value.reason == "decode"
        assert client.stats.decode_errors == 2


async def test_a_retransmission_has_the_same_id_and_a_late_answer_still_counts(client: NativeClient) -> None:
    first: list[bytes] = []

    def script(data: bytes, count: int) -> Iterable[bytes]:
        first.append(data)
        return [serve(first[0], VALUES)] if count == 1 else []

    async with responder(script) as agent:
        session = client.session("127.0.0.1", agent.port, timeout_s=0.1, retries=2)
        assert await session.get([ONE]) == [VALUES[ONE]]
        assert agent.received[0] == agent.received[1]


async def test_an_agent_that_answers_every_third_time_is_read(client: NativeClient) -> None:
    async with responder(lambda data, count: [serve(data, VALUES)] if count % 3 == 2 else []) as agent:
        session = client.session("127.0.0.1", agent.port, timeout_s=0.15, retries=2)
        for _ in range(2):
            assert await session.get([ONE]) == [VALUES[ONE]]
        assert client.stats.timeouts == 0


async def test_what_a_quick_agent_loses_is_sent_again_soon_and_its_patience_stays(client: NativeClient) -> None:
    answers = {0, 3, 6, 9, 12, 15}
    async with responder(lambda data, count: [serve(data, VALUES)] if count in answers else []) as agent:
        loop = asyncio.get_running_loop()
        session = client.session("127.0.0.1", agent.port, timeout_s=1, retries=2)
        assert await session.get([ONE]) == [VALUES[ONE]]
        started = loop.time()
        for _ in range(2):
            assert await session.get([ONE]) == [VALUES[ONE]]
        assert loop.time() - started < 3, "the third sending of each answers after 1 s, and not after two timeouts"
        assert client.stats.retransmissions == 4
        patient = client.session("127.0.0.1", agent.port, timeout_s=0.4, retries=2)
        answers |= {7}
        assert await patient.get([ONE]) == [VALUES[ONE]]
        answers.clear()
        started = loop.time()
        with pytest.raises(CollectError, match="no answer"):
            await patient.get([ONE])
        assert 1.15 < loop.time() - started < 1.6, "all sendings together wait three timeouts"


async def test_a_table_takes_no_more_requests_when_every_answer_needs_three_sendings(client: NativeClient) -> None:
    needed = []
    for answered in ({0, 1, 2}, {2}):
        before = client.stats.requests
        async with responder(
            lambda data, count, answered=answered: [serve(data, VALUES)] if count % 3 in answered else []
        ) as agent:
            session = client.session("127.0.0.1", agent.port, timeout_s=0.1, retries=2)
            assert len(await session.walk_columns([BASE])) == 1
            assert len(await session.walk(BASE)) == 60
        needed.append(client.stats.requests - before)
    assert needed[0] == needed[1]


async def test_ten_per_cent_loss_loses_nothing() -> None:
    dice = random.Random(4)

    def script(data: bytes, _: int) -> Iterable[bytes]:
        return [serve(data, VALUES)] if dice.random() > 0.1 else []

    async with native() as client, responder(script) as agent:
        session = client.session("127.0.0.1", agent.port, timeout_s=0.15, retries=4)
        answers = await asyncio.gather(*(session.get([ONE, TWO]) for _ in range(200)))
        assert all(answer == [VALUES[ONE], VALUES[TWO]] for answer in answers)
        assert client.stats.retransmissions > 0
        assert len(await session.walk(BASE)) == 60


async def test_duplicates_are_counted_and_answer_only_once(client: NativeClient) -> None:
    async with responder(lambda data, _: [serve(data, VALUES)] * 3) as agent:
        session = client.session("127.0.0.1", agent.port)
        for name in (ONE, TWO, THREE):
            assert await session.get([name]) == [VALUES[name]]
        await asyncio.sleep(0.02)
        assert client.stats.stray == 6


async def test_answers_to_many_requests_at_once_are_not_mixed_up() -> None:
    values = {oid(2, number): VarBind(oid(2, number), INTEGER, number) for number in range(300)}
    waiting: list[bytes] = []

    def script(data: bytes, _: int) -> Iterable[bytes]:
        waiting.append(data)
        if len(waiting) < 50:
            return []
        answers = [serve(request, values) for request in reversed(waiting)]
        waiting.clear()
        return answers

    async with responder(script) as agent:
        client = NativeClient(max_in_flight=50)
        session = client.session("127.0.0.1", agent.port, timeout_s=5)
        answers = await asyncio.gather(*(session.get([name]) for name in values))
        assert [answer[0].value for answer in answers] == list(range(300))
        await client.close()


async def test_a_port_where_nothing_listens_is_refused_at_once(client: NativeClient) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    session = client.session("127.0.0.1", port, timeout_s=5)
    async with responder(lambda data, _: [serve(data, VALUES)]) as agent:
        async with asyncio.timeout(1):
            for _ in range(3):
                with pytest.raises(CollectError) as caught:
                    await session.get([ONE])
                assert caught.value.reason == "refused"
                assert await client.session("127.0.0.1", agent.port).get([ONE]) == [VALUES[ONE]], "others are not hit"
    assert client.stats.refused == 3


async def test_an_agent_that_comes_back_is_read_again() -> None:
    async with native() as client:
        async with responder(lambda data, _: [serve(data, VALUES)]) as agent:
            port = agent.port
            session = client.session("127.0.0.1", port, timeout_s=0.1, retries=0)
            assert await session.get([ONE]) == [VALUES[ONE]]
        with pytest.raises(CollectError):
            await session.get([ONE])
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            lambda: agent.__class__(lambda data, _: [serve(data, VALUES)]), local_addr=("127.0.0.1", port)
        )
        assert await session.get([ONE]) == [VALUES[ONE]]
        transport.close()


async def test_a_silent_device_does_not_delay_others() -> None:
    async with (
        native() as client,
        responder(lambda data, _: []) as silent,
        responder(lambda data, _: [serve(data, VALUES)]) as agent,
    ):
        lost = asyncio.create_task(client.session("127.0.0.1", silent.port, timeout_s=1, retries=0).get([ONE]))
        async with asyncio.timeout(0.9):
            for _ in range(20):
                await client.session("127.0.0.1", agent.port).get([ONE])
        with pytest.raises(CollectError):
            await lost


async def test_a_cancelled_request_leaves_nothing_behind() -> None:
    async with native() as client, responder(lambda data, _: []) as silent:
        task = asyncio.create_task(client.session("127.0.0.1", silent.port).get([ONE]))
        await asyncio.sleep(0.02)
        assert client.in_flight == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert client.in_flight == 0


async def test_closing_ends_what_waits() -> None:
    async with responder(lambda data, _: []) as silent:
        client = NativeClient()
        task = asyncio.create_task(client.session("127.0.0.1", silent.port).get([ONE]))
        await asyncio.sleep(0.02)
        await client.close()
        with pytest.raises(CollectError) as caught:
            await task
        assert caught.value.reason == "closed"


async def test_a_name_without_an_address_says_which() -> None:
    async with native() as client:
        with pytest.raises(CollectError, match=r"no-such-host\.invalid") as caught:
            await client.session("no-such-host.invalid", timeout_s=1).get([ONE])
        assert caught.value.reason == "resolve"


# --- error-status ---


@pytest.mark.parametrize("gaps", [[0], [2], [0, 2], [1, 2], [0, 1, 2]])
async def test_v1_noSuchName_costs_only_the_variable_that_is_missing(client: NativeClient, gaps: list[int]) -> None:
    names = [oid(9, number) if number in gaps else name for number, name in enumerate((ONE, TWO, THREE))]
    async with responder(lambda data, _: [serve(data, VALUES)]) as agent:
        answer = await client.session("127.0.0.1", agent.port, "1").get(names)
    expected = [
        VarBind(name, NO_SUCH_OBJECT, None) if number in gaps else VALUES[name] for number, name in enumerate(names)
    ]
    assert answer == expected


async def test_v1_agent_is_not_asked_for_ever_for_what_it_never_had(client: NativeClient) -> None:
    names, values = [ONE, oid(9, 0), TWO, oid(9, 1)], dict(VALUES)
    async with responder(lambda data, _: [serve(data, values)]) as agent:
        session = client.session("127.0.0.1", agent.port, "1")

        async def poll() -> int:
            before = len(agent.received)
            answer = await session.get(names)
            assert answer == [values.get(name) or VarBind(name, NO_SUCH_OBJECT, None) for name in names]
            return len(agent.received) - before

        assert [await poll() for _ in range(6)] == [3, 3, 3, 1, 1, 1]
        values.pop(TWO)
        assert [await poll() for _ in range(5)] == [2] * 5, "what it once had may be back at any time"
        values.update(VALUES)
        values[oid(9, 0)] = VarBind(oid(9, 0), INTEGER, 7)
        for _ in range(20):
            found = await session.get(names)
        assert found[1].value == 7, "it has got a new sensor"


async def test_v2c_exceptions_stay_with_their_variable(client: NativeClient) -> None:
    async with responder(lambda data, _: [serve(data, VALUES)]) as agent:
        answer = await client.session("127.0.0.1", agent.port).get([ONE, oid(9), TWO])
        assert answer == [VALUES[ONE], VarBind(oid(9), NO_SUCH_OBJECT, None), VALUES[TWO]]
        assert len(agent.received) == 1


def failing(names: set[Oid], status: int, *, says_which: bool = True) -> object:
    """A script: GETs with one of these names are answered with an error-status."""

    def script(data: bytes, _: int) -> Iterable[bytes]:
        request = decode_message(data)
        assert isinstance(request, Message)
        for number, varbind in enumerate(request.varbinds, 1):
            if varbind.oid in names:
                index = number if says_which else 0
                return [
                    encode_response(request.version, b"public", request.request_id, request.varbinds, status, index)
                ]
        return [serve(data, VALUES)]

    return script


@pytest.mark.parametrize("says_which", [True, False])
async def test_genErr_of_one_variable_leaves_the_others(says_which: bool) -> None:
    script = failing({TWO}, 5, says_which=says_which)
    async with native() as client, responder(script) as agent:  # type: ignore[arg-type]
        answer = await client.session("127.0.0.1", agent.port).get([ONE, TWO, THREE])
    assert answer == [VALUES[ONE], VarBind(TWO, NULL, None), VALUES[THREE]]


async def test_authorizationError_is_about_credentials() -> None:
    script = failing({TWO}, 16)
    async with native() as client, responder(script) as agent:  # type: ignore[arg-type]
        with pytest.raises(CollectError) as caught:
            await client.session("127.0.0.1", agent.port).get([ONE, TWO])
    assert caught.value.reason == "auth"


async def test_tooBig_halves_the_request_and_is_remembered(client: NativeClient) -> None:
    names = list(VALUES)[:20]
    async with responder(lambda data, _: [serve(data, VALUES, max_octets=200)]) as agent:
        session = client.session("127.0.0.1", agent.port)
        assert [varbind.value for varbind in await session.get(names)] == [VALUES[name].value for name in names]
        first = len(agent.received)
        await session.get(names)
        assert len(agent.received) - first < first, "the second time it asks for less at once"


async def test_one_value_too_big_to_send_does_not_cost_the_others() -> None:
    script = failing({TWO}, 1, says_which=False)
    async with native() as client, responder(script) as agent:  # type: ignore[arg-type]
        answer = await client.session("127.0.0.1", agent.port).get([ONE, TWO, THREE])
    assert answer == [VALUES[ONE], VarBind(TWO, NULL, None), VALUES[THREE]]


async def test_many_variables_are_spread_over_several_requests() -> None:
    values = table(4, 100)
    async with native() as client, responder(lambda data, _: [serve(data, values)]) as agent:
        names = list(values)
        answer = await client.session("127.0.0.1", agent.port).get(names)
        assert [varbind.oid for varbind in answer] == names
        assert all(len(data) < 1400 for data in agent.received)


async def test_an_agent_that_answers_in_another_order_or_in_parts_is_put_right() -> None:
    def script(data: bytes, _: int) -> Iterable[bytes]:
        request = decode_message(data)
        assert isinstance(request, Message)
        return [changed(data, varbinds=[VALUES[varbind.oid] for varbind in reversed(request.varbinds)][:2])]

    async with native() as client, responder(script) as agent:
        answer = await client.session("127.0.0.1", agent.port).get([ONE, TWO, THREE])
    assert answer == [VALUES[ONE], VALUES[TWO], VALUES[THREE]]


async def test_an_agent_that_answers_about_something_else_is_not_believed() -> None:
    async with native() as client, responder(lambda data, _: [changed(data, varbinds=[VALUES[TWO]])]) as agent:
        with pytest.raises(CollectError) as caught:
            await client.session("127.0.0.1", agent.port).get([ONE])
    assert caught.value.reason == "decode"


# --- walks ---


@pytest.mark.parametrize("version", ["1", "2c"])
@pytest.mark.parametrize("skip", [1, 60, 9000])
async def test_a_walk_brings_everything_below_in_order(client: NativeClient, version: str, skip: int) -> None:
    values = table(3, 20, skip=skip) | {oid(2, 1): VarBind(oid(2, 1), INTEGER, 0)}
    async with responder(lambda data, _: [serve(data, values)]) as agent:
        session = client.session("127.0.0.1", agent.port, version)
        assert await session.walk(oid(1)) == [values[name] for name in table(3, 20, skip=skip)]
        columns = [oid(1, 1), oid(1, 3), oid(1, 7)]
        found = await session.walk_columns(columns)
        assert list(found) == columns
        assert [varbind.value for varbind in found[oid(1, 3)]] == list(range(3001, 3021))
        assert found[oid(1, 7)] == []
        assert await session.walk(oid(3)) == [], "behind the end of the MIB"


async def test_columns_of_different_length_all_come_whole(client: NativeClient) -> None:
    values = {name: varbind for name, varbind in table(4, 30).items() if int(str(varbind.value)) % 1000 <= 5 * name[-2]}
    async with responder(lambda data, _: [serve(data, values)]) as agent:
        found = await client.session("127.0.0.1", agent.port).walk_columns([oid(1, number) for number in range(1, 5)])
    assert [len(rows) for rows in found.values()] == [5, 10, 15, 20]


async def test_answers_to_a_walk_stay_within_one_packet() -> None:
    text = [VarBind(oid(0, row), OCTET_STRING, b"x" * 120) for row in range(1, 100)]
    values = {varbind.oid: varbind for varbind in text} | table(12, 60)
    sizes: list[int] = []

    def script(data: bytes, _: int) -> Iterable[bytes]:
        answer = serve(data, values)
        sizes.append(len(answer))
        return [answer]

    async with native() as client, responder(script) as agent:
        session = client.session("127.0.0.1", agent.port)
        assert len(await session.walk(oid(1))) == 720
        assert len((await session.walk_columns([oid(1, number) for number in range(1, 13)]))[oid(1, 12)]) == 60
        assert len(await session.walk(oid(0))) == 99
        assert max(sizes) <= 1472


async def test_an_agent_that_loses_large_answers_is_asked_for_less_from_then_on() -> None:
    values = table(1, 200)
    script = lambda data, _: [answer for answer in [serve(data, values)] if len(answer) < 250]  # noqa: E731
    async with native() as client, responder(script) as agent:
        session = client.session("127.0.0.1", agent.port, timeout_s=0.15, retries=2)
        rows = 0
        for _ in range(4):  # each attempt learns
            try:
                rows = len(await session.walk(oid(1, 1)))
                break
            except CollectError as error:
                assert error.reason == "timeout"
        assert rows == 200
        before = client.stats.retransmissions
        assert len(await session.walk(oid(1, 1))) == 200
        assert client.stats.retransmissions == before


async def test_tooBig_in_a_walk_halves_it(client: NativeClient) -> None:
    values = table(6, 40)
    async with responder(lambda data, _: [serve(data, values, max_octets=150)]) as agent:
        for version in ("1", "2c"):
            found = await client.session("127.0.0.1", agent.port, version).walk_columns(
                [oid(1, n) for n in range(1, 7)]
            )
            assert [len(rows) for rows in found.values()] == [40] * 6


def looping(period: int) -> object:
    """A script whose GETNEXT and GETBULK come round again after `period` rows."""

    def script(data: bytes, _: int) -> Iterable[bytes]:
        request = decode_message(data)
        assert isinstance(request, Message)
        name = request.varbinds[0].oid
        rows = []
        for _ in range(request.error_index if request.pdu == GETBULK else 1):
            row = 0 if name == oid(1, 1) else name[-1]
            name = oid(1, 1, row % period + 1)
            rows.append(VarBind(name, INTEGER, row))
        return [encode_response(request.version, request.community, request.request_id, rows)]

    return script


@pytest.mark.parametrize("version", ["1", "2c"])
async def test_a_walk_that_comes_round_again_stops_with_what_it_has(version: str) -> None:
    async with native() as client, responder(looping(7)) as agent:  # type: ignore[arg-type]
        rows = await client.session("127.0.0.1", agent.port, version).walk(oid(1, 1))
        assert [row.oid[-1] for row in rows] == [1, 2, 3, 4, 5, 6, 7]
        assert client.stats.loops == 1


async def test_an_agent_that_never_moves_on_is_a_loop() -> None:
    script = lambda data, _: [changed(data, varbinds=decode_message(data).varbinds)]  # noqa: E731
    async with native() as client, responder(script) as agent:
        with pytest.raises(CollectError) as caught:
            await client.session("127.0.0.1", agent.port).walk(oid(1, 1))
        assert caught.value.reason == "loop"


async def test_an_endless_table_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dcmon.collectors.snmp.walk._MAX_VARBINDS", 500)
    values = table(1, 2000)
    async with native() as client, responder(lambda data, _: [serve(data, values)]) as agent:
        with pytest.raises(CollectError, match="more than 500") as caught:
            await client.session("127.0.0.1", agent.port).walk(oid(1))
        assert caught.value.reason == "loop"


async def test_an_answer_without_any_value_ends_the_walk() -> None:
    async with native() as client, responder(lambda data, _: [changed(data, varbinds=[])]) as agent:
        with pytest.raises(CollectError) as caught:
            await client.session("127.0.0.1", agent.port).walk_columns([oid(1, 1), oid(1, 2)])
        assert caught.value.reason == "decode"


async def test_only_gets_leave_the_client(client: NativeClient) -> None:
    async with responder(lambda data, _: [serve(data, VALUES)]) as agent:
        for version in ("1", "2c"):
            session = client.session("127.0.0.1", agent.port, version)
            await session.get([ONE])
            await session.walk(BASE)
        assert {decode_message(data).pdu for data in agent.received} == {GET, GETNEXT, GETBULK}  # type: ignore[union-attr]


async def test_hundreds_of_dead_devices_that_were_never_heard_do_not_keep_the_places_of_others() -> None:
    async with (
        responder(lambda data, _: []) as silent,
        responder(lambda data, _: [serve(data, VALUES)]) as agent,
    ):
        client, loop = NativeClient(max_in_flight=50), asyncio.get_running_loop()
        dead = [client.session("127.0.0.1", silent.port, timeout_s=3) for _ in range(300)]
        waiting = [asyncio.create_task(session.get([ONE])) for session in dead]
        await asyncio.sleep(0.02)
        started = loop.time()
        assert await client.session("127.0.0.1", agent.port).get([ONE]) == [VALUES[ONE]]
        assert loop.time() - started < 1.5, "nobody waits for the first timeout of the dead"
        await client.close()
        assert {type(error) for error in await asyncio.gather(*waiting, return_exceptions=True)} == {CollectError}


async def test_no_more_requests_than_slots_are_out_at_once_while_they_are_answered() -> None:
    most, out = 0, 0
    async with responder(lambda data, _: []) as agent:

        def answer_later(data: bytes, count: int) -> Iterable[bytes]:
            nonlocal most, out
            out += 1
            most = max(most, out)

            def answer() -> None:
                nonlocal out
                out -= 1
                agent.transport.sendto(serve(data, VALUES), ("127.0.0.1", port))

            asyncio.get_running_loop().call_later(0.01, answer)
            return []

        agent.script = answer_later
        client = NativeClient(max_in_flight=5)
        session = client.session("127.0.0.1", agent.port)
        port = client.endpoint(socket.AF_INET).address[1]
        await asyncio.gather(*(session.get([ONE]) for _ in range(60)))
        assert most == 5
        await client.close()
