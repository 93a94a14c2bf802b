"""What misbehaving Modbus servers do to a read, over real sockets. The peer is written by hand, byte by byte."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from servers import free_port

from dcmon.clock import SimulatedClock, SystemClock
from dcmon.collectors.modbus import Endpoint, ModbusBus, UnitSession
from dcmon.collectors.modbus.frames import crc16
from dcmon.model import CollectError

TIMEOUT_S = 0.25


class Peer:
    """A server that hands every request to `answer(peer, request, writer)`; request is unit + PDU."""

    def __init__(self, framing: str, answer: Callable[[Peer, bytes, asyncio.StreamWriter], Awaitable[None]]) -> None:
        self.framing = framing
        self.answer = answer
        self.connections = 0
        self.requests: list[bytes] = []
        self.ids: list[int] = []

    def frame(self, body: bytes, transaction: int | None = None) -> bytes:
        if self.framing == "tcp":
            number = self.ids[-1] if transaction is None else transaction
            return struct.pack(">HHH", number, 0, len(body)) + body
        return body + crc16(body).to_bytes(2, "little")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                if self.framing == "tcp":
                    number, _, length = struct.unpack(">HHH", await reader.readexactly(6))
                    self.ids.append(number)
                    body = await reader.readexactly(length)
                else:
                    frame = await reader.readexactly(8)
                    assert crc16(frame[:-2]).to_bytes(2, "little") == frame[-2:]
                    body = frame[:-2]
                self.requests.append(body)
                await self.answer(self, body, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def registers(body: bytes) -> bytes:
    """The right answer: register N holds N."""
    unit, function, address, count = struct.unpack(">BBHH", body)
    return struct.pack(f">BBB{count}H", unit, function, 2 * count, *range(address, address + count))


async def right(peer: Peer, body: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(peer.frame(registers(body)))


@asynccontextmanager
async def bus_to(
    answer: Callable[[Peer, bytes, asyncio.StreamWriter], Awaitable[None]], framing: str = "tcp"
) -> AsyncIterator[tuple[Peer, ModbusBus]]:
    peer = Peer(framing, answer)
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    bus = ModbusBus(Endpoint(host="127.0.0.1", port=port, framing=framing), SystemClock(), timeout_s=TIMEOUT_S)
    try:
        yield peer, bus
    finally:
        await bus.close()
        server.close()
        await asyncio.wait_for(server.wait_closed(), 5)


async def failure(session: UnitSession, address: int = 100, count: int = 2) -> CollectError:
    with pytest.raises(CollectError) as caught:
        await session.read(3, address, count)
    return caught.value


both = pytest.mark.parametrize("framing", ["tcp", "rtu-over-tcp"])


@both
async def test_an_exception_names_its_code_and_keeps_the_connection(framing: str) -> None:
    async def refuse(peer: Peer, body: bytes, writer: asyncio.StreamWriter) -> None:
        illegal = body[2:4] == b"\x00\x64"
        writer.write(peer.frame(bytes((body[0], 0x83, 2)) if illegal else registers(body)))

    async with bus_to(refuse, framing) as (peer, bus):
        session = UnitSession(bus, 1)
        error = await failure(session)
        assert error.reason == "exception"
        assert "illegal_address" in error.detail
        assert await session.read(3, 7, 2) == [7, 8]
        assert peer.connections == 1


@both
async def test_a_gateway_that_reports_a_dead_unit_reads_as_timeout_and_stays_connected(framing: str) -> None:
    async def gateway(peer: Peer, body: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(peer.frame(bytes((body[0], 0x83, 11)) if body[0] == 9 else registers(body)))

    async with bus_to(gateway, framing) as (peer, bus):
        assert (await failure(UnitSession(bus, 9))).reason == "timeout"
        assert await UnitSession(bus, 1).read(3, 5, 1) == [5]
        assert peer.connections == 1


@both
@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("wrong unit", lambda body: bytes((body[0] + 1,)) + registers(body)[1:]),
        ("wrong function", lambda body: bytes((body[0], 4)) + registers(body)[2:]),
        ("one register too few", lambda body: bytes((body[0], 3, 2, 0, 1))),
        ("one register too many", lambda body: bytes((body[0], 3, 6, 0, 1, 0, 2, 0, 3))),
    ],
)
async def test_an_answer_that_does_not_fit_the_question_is_never_data(
    framing: str, name: str, spoil: Callable[[bytes], bytes]
) -> None:
    async def wrong(peer: Peer, body: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(peer.frame(spoil(body) if body[2:4] == b"\x00\x64" else registers(body)))

    async with bus_to(wrong, framing) as (_, bus):
        session = UnitSession(bus, 1)
        assert (await failure(session)).reason == "decode", name
        assert await session.read(3, 7, 2) == [7, 8]


@pytest.mark.parametrize(
    "junk",
    [
        b"\x00" * 40,
        b"\xff" * 300,
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x00\x01\x00\x00\xff\xff\x01\x03\x04",
        b"\x00\x01\x00\x07\x00\x07\x01\x03\x04\x00\x01\x00\x02",
    ],
)
@both
async def test_garbage_is_no_answer_and_the_next_read_is_right(framing: str, junk: bytes) -> None:
    async def garbage(peer: Peer, body: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(junk if body[2:4] == b"\x00\x64" else peer.frame(registers(body)))

    async with bus_to(garbage, framing) as (_, bus):
        error = await failure(UnitSession(bus, 1))
        assert error.reason in ("decode", "timeout")
        assert await UnitSession(bus, 1).read(3, 7, 2) == [7, 8]


async def test_a_frame_with_a_wrong_checksum_is_read_again_on_a_new_connection() -> None:
    async def noisy(peer: Peer, body: bytes, writer: asyncio.StreamWriter) -> None:
        frame = peer.frame(registers(body))
        writer.write(frame[:-1] + bytes((frame[-1] ^ 1,)) if len(peer.requests) == 1 else frame)

    async with bus_to(noisy, "rtu-over-tcp") as (peer, bus):
        assert await UnitSession(bus, 1).read(3, 7, 2) == [7, 8]
        assert peer.connections == 2
        assert (bus.stats.garbled, bus.stats.repeated) == (1, 1)


async def test_a_stray_answer_with_another_transaction_id_is_passed_over() -> None:
    async def stray_first(peer: Peer, body: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(peer.frame(bytes((1, 3, 4, 9, 9, 9, 9)), transaction=peer.ids[-1] ^ 0x5500))
        writer.write(peer.frame(registers(body)))

    async with bus_to(stray_first) as (peer, bus):
        session = UnitSession(bus, 1)
        for address in (7, 20, 30):
            assert await session.read(3, address, 2) == [address, address + 1]
        assert (bus.stats.strays, peer.connections) == (3, 1)


async def test_only_foreign_transaction_ids_are_a_decode_error_after_one_timeout() -> None:
    async def foreign(peer: Peer, body: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(peer.frame(registers(body), transaction=peer.ids[-1] ^ 0x5500))

    async with bus_to(foreign) as (peer, bus):
        assert (await failure(UnitSession(bus, 1))).reason == "decode"
        assert len(peer.requests) == 1


@both
async def test_a_late_answer_is_never_taken_for_the_next_one(framing: str) -> None:
    """The peer holds each answer until the next request of the connection: each comes one request too late."""
    held: dict[asyncio.StreamWriter, bytes] = {}

    async def one_late(peer: Peer, body: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(held.get(writer, b""))
        held[writer] = peer.frame(registers(body))

    async with bus_to(one_late, framing) as (_, bus):
        got = []
        for address in (10, 20, 30, 40):
            session = UnitSession(bus, 1)
            try:
                got.append((address, await session.read(3, address, 2)))
            except CollectError as error:
                assert error.reason in ("timeout", "decode", "reset")
        assert [pair for pair in got if pair[1] != [pair[0], pair[0] + 1]] == []


async def test_a_serial_server_that_gives_late_answers_to_the_next_connection_fools_nobody() -> None:
    writers: list[asyncio.StreamWriter] = []

    async def transparent(peer: Peer, body: bytes, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        answer = peer.frame(registers(body))
        if len(peer.requests) == 1:
            asyncio.get_running_loop().call_later(TIMEOUT_S * 1.5, lambda: writers[-1].write(answer))
        else:
            asyncio.get_running_loop().call_later(TIMEOUT_S * 0.8, lambda: writers[-1].write(answer))

    async with bus_to(transparent, "rtu-over-tcp") as (_, bus):
        assert (await failure(UnitSession(bus, 1), address=10)).reason == "timeout"
        assert await UnitSession(bus, 1).read(3, 20, 2) == [20, 21]


async def test_after_a_timeout_an_rtu_connection_is_closed_and_what_comes_late_is_lost() -> None:
    async def late(peer: Peer, body: bytes, writer: asyncio.StreamWriter) -> None:
        if len(peer.requests) == 1:
            await asyncio.sleep(TIMEOUT_S * 1.2)
        writer.write(peer.frame(registers(body)))

    async with bus_to(late, "rtu-over-tcp") as (peer, bus):
        assert (await failure(UnitSession(bus, 1), address=10)).reason == "timeout"
        # Same unit, function and count: nothing in the bytes could tell the late answer from this one.
        assert await UnitSession(bus, 1).read(3, 20, 2) == [20, 21]
        assert peer.connections == 2


@both
async def test_a_cancelled_read_leaves_nothing_for_the_next_one(framing: str) -> None:
    async def slow_once(peer: Peer, body: bytes, writer: asyncio.StreamWriter) -> None:
        if len(peer.requests) == 1:
            await asyncio.sleep(0.1)
        writer.write(peer.frame(registers(body)))

    async with bus_to(slow_once, framing) as (_, bus):
        session = UnitSession(bus, 1)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.02):
                await session.read(3, 10, 2)
        assert await session.read(3, 20, 2) == [20, 21]


@both
async def test_an_unasked_answer_between_two_reads_is_not_taken_for_the_second(framing: str) -> None:
    async def twice(peer: Peer, body: bytes, writer: asyncio.StreamWriter) -> None:
        frame = peer.frame(registers(body))
        writer.write(frame)
        await asyncio.sleep(0.03)
        writer.write(frame)

    async with bus_to(twice, framing) as (_, bus):
        session = UnitSession(bus, 1)
        for address in (10, 20, 30):
            assert await session.read(3, address, 2) == [address, address + 1]
            await asyncio.sleep(0.06)
        assert bus.stats.garbled == 0


@both
async def test_an_answer_in_single_bytes_is_put_together(framing: str) -> None:
    async def drip(peer: Peer, body: bytes, writer: asyncio.StreamWriter) -> None:
        for byte in peer.frame(registers(body)):
            writer.write(bytes((byte,)))
            await writer.drain()
            await asyncio.sleep(0)

    async with bus_to(drip, framing) as (_, bus):
        assert await UnitSession(bus, 1).read(3, 7, 3) == [7, 8, 9]


@both
async def test_half_an_answer_is_a_timeout_and_does_not_spoil_the_next(framing: str) -> None:
    async def half(peer: Peer, body: bytes, writer: asyncio.StreamWriter) -> None:
        frame = peer.frame(registers(body))
        writer.write(frame[: len(frame) // 2] if len(peer.requests) == 1 else frame)

    async with bus_to(half, framing) as (_, bus):
        assert (await failure(UnitSession(bus, 1), 10)).reason == "timeout"
        assert await UnitSession(bus, 1).read(3, 20, 2) == [20, 21]


@both
async def test_a_connection_that_the_device_closed_while_idle_is_opened_again_unnoticed(framing: str) -> None:
    async def close_after(peer: Peer, body: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(peer.frame(registers(body)))
        await writer.drain()
        writer.close()

    async with bus_to(close_after, framing) as (peer, bus):
        session = UnitSession(bus, 1)
        for address in (1, 2, 3):
            assert await session.read(3, address, 1) == [address]
        assert peer.connections == 3


async def test_a_reset_in_the_middle_of_an_answer_is_tried_once_more_and_then_reported() -> None:
    async def reset(peer: Peer, body: bytes, writer: asyncio.StreamWriter) -> None:
        if body[2:4] != b"\x00\x64":
            writer.write(peer.frame(registers(body)))
            return
        writer.write(peer.frame(registers(body))[:5])
        await writer.drain()
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.transport.abort()

    async with bus_to(reset) as (peer, bus):
        assert await UnitSession(bus, 1).read(3, 7, 1) == [7]
        assert (await failure(UnitSession(bus, 1))).reason == "reset"
        assert len(peer.requests) == 3
        assert await UnitSession(bus, 1).read(3, 8, 1) == [8]


async def test_a_dead_unit_costs_its_gateway_one_timeout_per_poll_whatever_its_blocks() -> None:
    async def gateway(peer: Peer, body: bytes, writer: asyncio.StreamWriter) -> None:
        if body[0] != 9:
            writer.write(peer.frame(registers(body)))

    async with bus_to(gateway) as (peer, bus):
        dead, alive = UnitSession(bus, 9), UnitSession(bus, 1)
        started = asyncio.get_running_loop().time()
        for address in range(0, 100, 10):
            assert (await failure(dead, address)).reason == "timeout"
        assert await alive.read(3, 5, 1) == [5]
        assert asyncio.get_running_loop().time() - started < 2 * TIMEOUT_S
        assert len([body for body in peer.requests if body[0] == 9]) == 1
        dead.begin_poll()
        await failure(dead)
        assert len([body for body in peer.requests if body[0] == 9]) == 2
        assert peer.connections == 1


async def test_a_connection_that_swallows_everything_is_replaced() -> None:
    async def swallow_first(peer: Peer, body: bytes, writer: asyncio.StreamWriter) -> None:
        if peer.connections > 1:
            writer.write(peer.frame(registers(body)))

    async with bus_to(swallow_first) as (peer, bus):
        for _ in range(3):
            assert (await failure(UnitSession(bus, 1))).reason == "timeout"
        assert await UnitSession(bus, 1).read(3, 7, 1) == [7]
        assert peer.connections == 2


async def test_a_dead_address_is_refused_at_once_and_left_alone_for_longer_each_time() -> None:
    port = free_port()
    clock = SimulatedClock(1_000_000)
    bus = ModbusBus(Endpoint(host="127.0.0.1", port=port), clock, timeout_s=TIMEOUT_S)
    for _ in range(20):
        assert (await failure(UnitSession(bus, 1))).reason == "refused"
    assert bus.stats.failed_connects == 1
    for _ in range(100):
        await clock.advance(1)
        await failure(UnitSession(bus, 1))
    assert 10 <= bus.stats.failed_connects <= 20

    peer = Peer("tcp", right)
    server = await asyncio.start_server(peer.serve, "127.0.0.1", port)
    await clock.advance(10)
    assert await UnitSession(bus, 1).read(3, 7, 1) == [7]
    await bus.close()
    server.close()
    await server.wait_closed()


async def test_an_unknown_name_and_a_missing_line_say_what_is_wrong() -> None:
    clock = SystemClock()
    error = await failure(UnitSession(ModbusBus(Endpoint(host="no-such-host.invalid"), clock), 1))
    assert error.reason in ("resolve", "timeout")
    error = await failure(UnitSession(ModbusBus(Endpoint(serial="/dev/no-such-line", framing="rtu"), clock), 1))
    assert (error.reason, "/dev/no-such-line" in error.detail) == ("unreachable", True)


async def test_reads_of_many_units_share_one_connection_and_never_overlap() -> None:
    busy = 0

    async def one_at_a_time(peer: Peer, body: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal busy
        busy += 1
        assert busy == 1
        await asyncio.sleep(0.002)
        busy -= 1
        writer.write(peer.frame(registers(body)))

    async with bus_to(one_at_a_time, "rtu-over-tcp") as (peer, bus):
        reads = [UnitSession(bus, unit).read(3, unit, 1) for unit in range(1, 30)]
        assert await asyncio.gather(*reads) == [[unit] for unit in range(1, 30)]
        assert peer.connections == 1
