"""Bursts of traps and informs against the real process: what is in its journal, and whom they delay."""

from __future__ import annotations

import asyncio
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from process_world import World, edit, no_fault, until, world
from servers import free_port

from dcmon.clock import perf_counter
from dcmon.collectors.snmp.ber import INTEGER, VarBind, parse_oid
from dcmon.collectors.snmp.message import Message, decode_message, encode_notification, encode_trap_v1

pytestmark = [pytest.mark.xdist_group("process"), pytest.mark.timeout(120)]

TRAP = "1.3.6.1.4.1.318.0.5"
NUMBER = parse_oid("1.3.6.1.4.1.318.1")
FOLDED = 'dcmon_traps_dropped_total{reason="folded"}'
PATIENCE_MS = 2000
"""For a page in the middle of a burst; a machine that is busy with other tests included."""


def notification(number: int, *, inform: bool = False) -> bytes:
    return encode_notification(b"public", number, 100, TRAP, [VarBind(NUMBER, INTEGER, number)], inform=inform)


@contextmanager
def sender(host: str) -> Iterator[socket.socket]:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.bind((host, 0))
        yield sock


def kept(made: World, condition: str = "1") -> int:
    found = made.rows(f"SELECT count(*) FROM transition WHERE type = 'trap' AND {condition}")
    return int(found[0][0]) if found else 0


def figure(metrics: str, name: str) -> float:
    return float(next(line.rpartition(" ")[2] for line in metrics.splitlines() if line.startswith(f"{name} ")))


async def test_a_burst_of_5000_traps_of_several_senders_is_in_the_journal_and_delays_neither_polls_nor_a_page(
    tmp_path: Path, example_site: Path
) -> None:
    port = free_port()
    polling = {"fast": "1s", "slow": "2s"}
    async with world(example_site, tmp_path, traps={"listen": f"127.0.0.1:{port}"}, polling=polling) as made:
        await made.start()
        made.site.plant.notices.clear()
        await asyncio.sleep(2)
        skipped = figure(await made.text("/metrics"), "dcmon_polls_skipped_total")
        hosts = [made.addresses["ups-a"][0], made.addresses["pdu-a1"][0], "127.77.0.9", "127.77.0.10"]
        datagrams = [notification(number) for number in range(5000)]

        def burst() -> None:
            with sender(hosts[0]) as a, sender(hosts[1]) as b, sender(hosts[2]) as c, sender(hosts[3]) as d:
                socks = (a, b, c, d)
                for number, datagram in enumerate(datagrams):
                    socks[number % 4].sendto(datagram, ("127.0.0.1", port))

        started = perf_counter()
        sending = asyncio.get_running_loop().run_in_executor(None, burst)
        made.site.plant.apply("water", {"unit": "leak-1", "wet": True})
        await until(lambda: made.mailed("leak-1"))
        took = (perf_counter() - started) * 1000 - 500  # the delay of the rule
        await sending
        await until(lambda: kept(made) >= 5000)
        numbers = made.rows("SELECT json_extract(data, '$.varbinds[0][1]') FROM transition WHERE type = 'trap'")
        assert sorted(int(number) for (number,) in numbers) == list(range(5000))
        assert (kept(made, "asset = 'ups-a'"), kept(made, "asset IS NULL")) == (1250, 2500)
        assert took < PATIENCE_MS, took
        metrics = await made.text("/metrics")
        assert figure(metrics, "dcmon_polls_skipped_total") - skipped <= 2, "of some hundred, on a busy machine"
        assert figure(metrics, "dcmon_traps_total") == 5000
        assert await made.end() == 0
        no_fault(made.log)


async def test_an_inform_is_acknowledged_when_it_is_on_the_disk_and_once_however_often_it_is_sent(
    tmp_path: Path, example_site: Path
) -> None:
    port = free_port()
    async with world(example_site, tmp_path, traps={"listen": f"127.0.0.1:{port}"}) as made:
        await made.start()
        made.site.plant.notices.clear()
        locked = sqlite3.connect(made.folder / "data" / "journal.db", isolation_level=None)
        locked.execute("BEGIN IMMEDIATE")
        with sender(made.addresses["ups-a"][0]) as sock:
            sock.setblocking(False)
            for _ in range(4):
                sock.sendto(notification(77, inform=True), ("127.0.0.1", port))
                await asyncio.sleep(0.4)
            with pytest.raises(BlockingIOError):
                sock.recv(65_535)
            locked.execute("COMMIT")
            locked.close()
            answer = decode_message(await asyncio.wait_for(asyncio.get_running_loop().sock_recv(sock, 65_535), 20))
            assert isinstance(answer, Message)
            assert answer.request_id == 77
            assert kept(made) == 1
            for number in range(100, 250):
                sock.sendto(notification(number, inform=True), ("127.0.0.1", port))
            answered = set()
            async with asyncio.timeout(10):
                while len(answered) < 150:
                    data = await asyncio.get_running_loop().sock_recv(sock, 65_535)
                    answered.add(decode_message(data).request_id)  # type: ignore[union-attr]
        assert kept(made) == 151
        assert await made.end() == 0
        no_fault(made.log)


async def test_credentials_that_no_device_is_read_by_may_be_named_for_traps(tmp_path: Path, example_site: Path) -> None:
    port = free_port()
    traps = {"listen": f"127.0.0.1:{port}", "credentials": ["alarms", "sender"]}
    async with world(example_site, tmp_path, traps=traps) as made:
        edit(
            made.config / "collectors.yaml",
            lambda collectors: collectors["credentials"].update(
                alarms={"version": "2c", "community": "env:DCMON_TEST_ALARMS"},
                sender={"version": "3", "user": "sender", "auth": "none", "priv": "none"},
            ),
        )
        await made.start(env={"DCMON_TEST_ALARMS": "alarm-word"})
        made.site.plant.notices.clear()
        with sender(made.addresses["ups-a"][0]) as sock:
            for community in (b"alarm-word", b"public", b"guessed"):
                sock.sendto(encode_notification(community, 1, 1, TRAP, inform=False), ("127.0.0.1", port))
        await until(lambda: kept(made) == 3)
        assert kept(made, "reason LIKE '%unknown community%'") == 1
        assert await made.end() == 0
        no_fault(made.log)


async def test_over_both_families_from_another_way_and_as_large_as_a_datagram_can_be(
    tmp_path: Path, example_site: Path
) -> None:
    port = free_port()
    async with world(example_site, tmp_path, traps={"listen": f"[::]:{port}"}) as made:
        await made.start()
        made.site.plant.notices.clear()
        ups = made.addresses["ups-a"][0]
        with sender("127.77.0.9") as sock:
            sock.sendto(
                encode_trap_v1(b"public", "1.3.6.1.4.1.318", socket.inet_aton(ups), 6, 5, 100), ("127.0.0.1", port)
            )
        with sender("::1") as sock:
            sock.sendto(notification(1), ("::1", port))
        with sender(ups) as sock:
            large = VarBind(NUMBER, 0x04, b"x" * 65_000)
            sock.sendto(encode_notification(b"public", 1, 100, TRAP, [large], inform=False), ("127.0.0.1", port))
        await until(lambda: kept(made) == 3)
        found = made.rows("SELECT json_extract(data, '$.source'), asset FROM transition WHERE type = 'trap' ORDER BY 1")
        assert found == [(ups, "ups-a"), ("127.77.0.9", "ups-a"), ("::1", None)]
        assert made.rows("SELECT max(length(data)) FROM transition WHERE type = 'trap'")[0][0] < 5000
        assert await made.end() == 0
        no_fault(made.log)


async def test_beyond_its_measure_a_storm_is_counted_and_the_counts_add_up(tmp_path: Path, example_site: Path) -> None:
    port = free_port()
    async with world(example_site, tmp_path, traps={"listen": f"127.0.0.1:{port}"}) as made:
        await made.start()
        made.site.plant.notices.clear()
        datagram = notification(1)
        with sender(made.addresses["ups-a"][0]) as sock:
            for batch in range(30):
                for _ in range(500):
                    sock.sendto(datagram, ("127.0.0.1", port))
                await until(lambda batch=batch: kept(made) >= min(9_000, 500 * (batch + 1)))
        async with asyncio.timeout(20):
            while kept(made) + figure(metrics := await made.text("/metrics"), FOLDED) < 15_000:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        assert 10_000 <= kept(made) < 13_000
        assert await made.end() == 0
        received = kept(made, "state = 'received'")
        last = made.rows("SELECT reason FROM transition WHERE type = 'trap' AND state = 'folded'")
        assert len(last) <= 1
        told = sum(int(reason.split(" traps more")[0]) for (reason,) in last)
        told += sum(
            int(reason.split("; ")[1].split(" more")[0])
            for (reason,) in made.rows("SELECT reason FROM transition WHERE reason LIKE '%more since%'")
        )
        assert received + told == 15_000
        assert figure(metrics, FOLDED) == 15_000 - received
        no_fault(made.log)
