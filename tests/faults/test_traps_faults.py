"""What senders and networks do to the trap receiver."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from dcmon.clock import SystemClock
from dcmon.collectors.snmp.ber import INTEGER, VarBind, encode_integer, encode_names, encode_tlv, parse_oid
from dcmon.collectors.snmp.message import GET, Message, decode_message, encode_notification
from dcmon.collectors.snmp.usm import AUTH, NOT_IN_TIME_WINDOW, REPORTABLE, UNKNOWN_ENGINE, LocalKeys, V3User
from dcmon.collectors.snmp.v3message import V3Message, decode_scoped, decode_v3, encode_scoped, encode_v3
from dcmon.collectors.traps import TrapEvent, TrapReceiver
from dcmon.model import CollectError

OID = parse_oid("1.3.6.1.4.1.318.1")
TRAP = "1.3.6.1.4.1.318.0.5"
USER = V3User("dcmon", "sha256", "authauth1", "aes128", "privpriv1")
SENDER = b"\x80\x00\x1f\x88\x04ups-a"
OURS = b"\x80\x00\x00\x00\x04dcmon-test"


class Inbox:
    """A receiver that runs, the events it gave, and a socket to send from."""

    def __init__(self, receiver: TrapReceiver, events: list[TrapEvent], sock: socket.socket) -> None:
        self.receiver = receiver
        self.events = events
        self.sock = sock

    def send(self, data: bytes) -> None:
        self.sock.sendto(data, self.receiver.addresses[0])

    async def settle(self, condition: Callable[[], bool] | None = None) -> None:
        """Until the condition holds, or for as long as a datagram needs on loopback."""
        for _ in range(400 if condition else 6):
            if condition and condition():
                return
            await asyncio.sleep(0.005)
        assert condition is None, "it did not come to that"

    async def answer(self) -> bytes:
        return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(self.sock, 65_535), 2)


@asynccontextmanager
async def inbox(on_trap: Callable[[TrapEvent], bool] | None = None, **options: object) -> AsyncIterator[Inbox]:
    events: list[TrapEvent] = []

    def keep(event: TrapEvent) -> bool:
        events.append(event)
        return True

    receiver = TrapReceiver(
        SystemClock(),
        on_trap or keep,
        listen=[("127.0.0.1", 0)],
        communities=["public"],
        users=[USER],
        engine_id=OURS,
        **options,  # type: ignore[arg-type]
    )
    receiver.open()
    task = asyncio.create_task(receiver.run())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.bind(("127.0.0.1", 0))
        try:
            yield Inbox(receiver, events, sock)
        finally:
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            receiver.close()  # a task that is cancelled before its first step closes nothing


def trap(number: int, *, community: bytes = b"public", inform: bool = False) -> bytes:
    return encode_notification(community, number, 100, TRAP, [VarBind(OID, INTEGER, number)], inform=inform)


async def test_a_burst_of_5000_traps_is_kept_whole_and_in_order() -> None:
    async with inbox() as box:
        for number in range(5000):  # no await: the loop is as busy as it can be
            box.send(trap(number))
        await box.settle(lambda: len(box.events) == 5000)
        assert [event.varbinds[0][1] for event in box.events] == [str(number) for number in range(5000)]
        assert box.receiver.stats.dropped == 0


async def test_beyond_its_bound_the_queue_drops_and_counts() -> None:
    async with inbox(max_waiting=100) as box:
        for number in range(300):
            box.send(trap(number))
        await box.settle(lambda: box.receiver.stats.received == 300)
        await box.settle()
        assert box.receiver.stats.dropped + len(box.events) == 300
        assert len(box.events) >= 100


async def test_malformed_traps_are_counted_and_the_next_is_read() -> None:
    async with inbox() as box:
        for data in (b"", b"\x30", b"garbage", trap(1)[:-1], b"\x30\x80" * 5000, b"\x30\x03\x02\x01\x03", trap(2)):
            box.send(data)
        await box.settle(lambda: bool(box.events))
        assert box.receiver.stats.malformed == 6
        assert box.events[0].varbinds == (("1.3.6.1.4.1.318.1", "2"),)
        assert box.events[0].source == "127.0.0.1"


async def test_an_inform_is_answered_after_it_was_kept() -> None:
    async with inbox() as box:
        box.send(trap(7, inform=True))
        answer = decode_message(await box.answer())
        assert isinstance(answer, Message)
        assert (answer.request_id, answer.error_status, len(box.events)) == (7, 0, 1)


async def test_an_event_that_cannot_be_kept_is_counted_and_its_inform_not_answered() -> None:
    full = True
    events: list[TrapEvent] = []

    def keep(event: TrapEvent) -> bool:
        if full:
            raise OSError("disk full")
        events.append(event)
        return True

    async with inbox(keep) as box:
        box.send(trap(1, inform=True))
        await box.settle(lambda: box.receiver.stats.failed == 1)
        with pytest.raises(BlockingIOError):
            box.sock.recv(100)
        full = False
        box.send(trap(1, inform=True))
        await box.answer()
        assert len(events) == 1


async def test_an_unknown_community_is_kept_as_foreign_and_not_answered() -> None:
    async with inbox() as box:
        box.send(trap(1, community=b"guess", inform=True))
        await box.settle(lambda: bool(box.events))
        assert box.events[0].foreign
        assert box.receiver.stats.foreign == 1
        await box.settle()
        with pytest.raises(BlockingIOError):
            box.sock.recv(100)


async def test_a_port_that_is_taken_says_so() -> None:
    async with inbox() as box:
        host, port = box.receiver.addresses[0]
        other = TrapReceiver(SystemClock(), lambda event: True, listen=[("127.0.0.1", 0), (host, port)])
        with pytest.raises(CollectError, match="another program") as caught:
            other.open()
        assert caught.value.reason == "bind"
        assert other.addresses == []


# --- SNMPv3 ---


def sealed(
    user: V3User, engine_id: bytes, boots: int, time: int, *, inform: bool = False, flags: int | None = None
) -> bytes:
    whole = encode_notification(b"", 9, 100, TRAP, [VarBind(OID, INTEGER, 1)], inform=inform)
    pdu = whole[2 + 3 + 2 :]  # behind SEQUENCE, version and empty community
    flags = user.flags | (REPORTABLE if inform else 0) if flags is None else flags
    return encode_v3(5, flags, engine_id, boots, time, LocalKeys(user, engine_id), encode_scoped(engine_id, b"", pdu))


async def test_a_v3_trap_of_a_known_user_is_an_event() -> None:
    async with inbox() as box:
        box.send(sealed(USER, SENDER, 3, 500))
        await box.settle(lambda: bool(box.events))
        assert (box.events[0].trap_oid, box.events[0].foreign) == (TRAP, False)


@pytest.mark.parametrize(
    "data",
    [
        sealed(V3User("dcmon", "sha256", "guessed-it", "aes128", "guessed-it"), SENDER, 3, 600),
        sealed(V3User("nobody", "sha256", "authauth1", "aes128", "privpriv1"), SENDER, 3, 600),
        sealed(V3User("dcmon"), SENDER, 3, 600),  # below its level
        sealed(USER, SENDER, 3, 600, flags=AUTH),
        sealed(USER, SENDER, 3, 349),  # stale
        sealed(USER, SENDER, 2, 600),  # of an earlier boot
    ],
    ids=["forged", "unknown user", "no security", "no privacy", "stale", "earlier boot"],
)
async def test_a_v3_trap_that_cannot_be_believed_is_counted_and_is_no_event(data: bytes) -> None:
    async with inbox() as box:
        box.send(sealed(USER, SENDER, 3, 500))
        await box.settle(lambda: bool(box.events))
        box.send(data)
        await box.settle(lambda: box.receiver.stats.foreign == 1)
        assert len(box.events) == 1


async def test_a_v3_trap_of_an_unknown_user_is_kept_as_foreign_where_it_can_be_read() -> None:
    async with inbox() as box:
        box.send(sealed(V3User("nobody"), SENDER, 3, 600))
        await box.settle(lambda: bool(box.events))
        assert (box.events[0].trap_oid, box.events[0].foreign) == (TRAP, True)
        assert box.receiver.stats.foreign == 1


async def test_a_v3_sender_of_informs_learns_who_and_when_we_are_and_is_answered() -> None:
    async with inbox() as box:
        get = encode_tlv(GET, encode_integer(5) + encode_integer(0) * 2 + encode_names([]))
        box.send(encode_v3(5, REPORTABLE, b"", 0, 0, None, encode_scoped(b"", b"", get)))
        found = decode_v3(await box.answer())
        assert found.engine_id == OURS
        assert decode_scoped(found.payload).varbinds[0].oid == parse_oid(UNKNOWN_ENGINE)

        box.send(sealed(USER, OURS, 0, 0, inform=True))
        data = await box.answer()
        report = decode_v3(data)
        keys = LocalKeys(USER, OURS)
        assert keys.verify(data, report.mac_offset, report.mac), "only an authentic report may move a clock"
        assert decode_scoped(report.payload).varbinds[0].oid == parse_oid(NOT_IN_TIME_WINDOW)
        assert box.events == []

        box.send(sealed(USER, OURS, report.boots, report.time, inform=True))
        data = await box.answer()
        answer: V3Message = decode_v3(data)
        assert keys.verify(data, answer.mac_offset, answer.mac)
        plain = decode_scoped(keys.decrypt(answer.boots, answer.time, answer.salt, answer.payload))
        assert (plain.request_id, len(box.events)) == (9, 1)


async def test_a_v3_inform_out_of_the_time_window_is_no_event() -> None:
    async with inbox() as box:
        box.send(sealed(USER, OURS, 0, 0, inform=True))
        report = decode_v3(await box.answer())
        box.send(sealed(USER, OURS, report.boots, report.time + 151, inform=True))
        box.send(sealed(USER, OURS, report.boots - 1, report.time, inform=True))
        box.send(
            sealed(V3User("dcmon", "sha256", "guessed-it", "aes128", "guessed-it"), OURS, report.boots, 0, inform=True)
        )
        await box.settle(lambda: box.receiver.stats.received == 4)
        await box.settle()
        assert box.events == []


async def test_boots_are_those_that_the_caller_counted_and_time_goes_on_when_the_sockets_are_opened_again() -> None:
    receiver = TrapReceiver(SystemClock(), lambda _: True, listen=[("127.0.0.1", 0)], users=[USER], boots=41)
    times = []
    for _ in range(2):
        receiver.open()
        task = asyncio.create_task(receiver.run())
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setblocking(False)
            sock.bind(("127.0.0.1", 0))
            sock.sendto(sealed(USER, b"", 0, 0, inform=True), receiver.addresses[0])
            report = decode_v3(await asyncio.wait_for(asyncio.get_running_loop().sock_recv(sock, 65_535), 2))
        assert report.boots == 41
        times.append(report.time)
        task.cancel()
        await asyncio.wait([task])
        await asyncio.sleep(1.1)
    assert times[1] > times[0]


# --- the end ---


async def test_what_arrived_before_the_end_is_kept_and_answered() -> None:
    kept: list[TrapEvent] = []

    def keep(event: TrapEvent) -> bool:
        kept.append(event)
        return True

    receiver = TrapReceiver(SystemClock(), keep, listen=[("127.0.0.1", 0)], communities=["public"])
    receiver.open()
    task = asyncio.create_task(receiver.run())
    await asyncio.sleep(0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.bind(("127.0.0.1", 0))
        for number in range(5000):  # no await: all of them lie in the kernel's buffer when the end comes
            sock.sendto(trap(number), receiver.addresses[0])
        sock.sendto(trap(5000, inform=True), receiver.addresses[0])
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        assert [event.varbinds[0][1] for event in kept] == [str(number) for number in range(5001)]
        answer = decode_message(await asyncio.wait_for(asyncio.get_running_loop().sock_recv(sock, 65_535), 2))
        assert isinstance(answer, Message)
        assert answer.request_id == 5000
    assert receiver.addresses == []


async def test_an_end_that_the_disk_holds_up_comes_all_the_same(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("dcmon.collectors.traps._LAST_S", 0.1)
    held = asyncio.Event()

    async def never() -> None:
        await held.wait()

    receiver = TrapReceiver(
        SystemClock(), lambda _: True, kept=never, listen=[("127.0.0.1", 0)], communities=["public"]
    )
    receiver.open()
    task = asyncio.create_task(receiver.run())
    await asyncio.sleep(0)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(trap(1, inform=True), receiver.addresses[0])
        task.cancel()
        await asyncio.wait([task], timeout=2)
    assert task.cancelled()
    assert "informs were not acknowledged" in caplog.text
