"""What the world does to the real process: disk, mail server, network, clients, a machine that stands still."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import resource
import shutil
import signal
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from notify_smtp import smtp_sink
from process_world import World, edit, lines_with, no_fault, until, world
from servers import free_port

from dcmon.collectors.snmp.message import encode_notification

pytestmark = [pytest.mark.xdist_group("process"), pytest.mark.timeout(120)]


async def wet(made: World, unit: str = "leak-1") -> None:
    made.site.plant.apply("water", {"unit": unit, "wet": True})


async def healthy(made: World, status: int, seconds: float = 20) -> Any:
    """Waits until /healthz answers so; gives its body."""
    async with asyncio.timeout(seconds):
        while True:
            answer, body = await made.get("/healthz")
            if answer == status:
                return body
            await asyncio.sleep(0.1)


async def decided(made: World) -> None:
    """Waits until the API tells of an incident, on the disk or not."""
    async with asyncio.timeout(10):
        while True:
            if (await made.get("/api/v1/incidents"))[1]["incidents"]:
                return
            await asyncio.sleep(0.1)


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[bool]:
    """A file system of 6 MB; False where none may be mounted."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)]
    mounted = (
        shutil.which("mount") is not None and not subprocess.run(mount, capture_output=True, check=False).returncode
    )
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)


@contextlib.contextmanager
def full(folder: Path) -> Iterator[None]:
    """No room in `folder` while this lasts."""
    ballast = folder / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    yield
    ballast.unlink()


@contextlib.contextmanager
def no_longer_files(process: asyncio.subprocess.Process) -> Iterator[None]:
    """As near to a full disk as anybody may come: the process cannot make its files longer."""
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (4096, resource.RLIM_INFINITY))
    yield
    if process.returncode is None:
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def open_files(pid: int) -> set[int]:
    """The numbers of those that a process has."""
    return {int(entry.name) for entry in Path(f"/proc/{pid}/fd").iterdir()}


def limited() -> None:
    """Runs in the process before dcmon: a file that may not grow is an error and not a signal."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)


async def test_a_full_disk_loses_nothing_and_the_page_goes_out_when_there_is_room(
    tmp_path: Path, example_site: Path
) -> None:
    with small_disk(tmp_path / "data") as mounted:
        async with world(example_site, tmp_path) as made:
            process = await made.start(preexec_fn=limited)
            await healthy(made, 200)
            with full(tmp_path / "data") if mounted else no_longer_files(process):
                await wet(made)
                body = await healthy(made, 503)
                assert "the disk" in str(body["reasons"])
                process.send_signal(signal.SIGHUP)
                await until(lambda: "the configuration is not read again now" in made.log)
                await decided(made)
                assert made.rows("SELECT root FROM incident") == []
                assert not made.mail.messages, "nothing is sent that is not committed"
            await until(lambda: made.mailed("leak-1"))
            await healthy(made, 200)
            assert await made.end() == 0
            no_fault(made.log)
            assert len(lines_with(made.log, ["nothing can be committed"])) == 1


async def test_sigterm_on_a_full_disk_ends_in_order(tmp_path: Path, example_site: Path) -> None:
    async with world(example_site, tmp_path) as made:
        process = await made.start(preexec_fn=limited)
        with no_longer_files(process):
            await wet(made)
            await healthy(made, 503)
            process.terminate()
            assert await asyncio.wait_for(process.wait(), 8) == 0
        no_fault(made.log)


async def test_a_mail_server_that_is_away_or_refuses_gets_the_page_when_it_returns(
    tmp_path: Path, example_site: Path
) -> None:
    outbox = {"lease": "5s", "retry": "300ms", "max_retry": "1s", "divert": "1h", "caps": {}}
    async with world(example_site, tmp_path, outbox=outbox) as made:
        made.agent(lambda agent: agent["smtp"].update(port=made.mail.port))
        made.mail.answers["RCPT"] = "451 4.3.0 later"
        await made.start()
        await wet(made)
        await until(lambda: "451" in made.log)
        made.mail.answers["RCPT"] = "250 OK"
        await until(lambda: len(made.mailed("leak-1")) == 1)
        made.mail.refused_addresses["d.yilmaz@example.org"] = "550 5.1.1 no such mailbox"
        await wet(made, "leak-2")
        await until(lambda: "550" in made.log)
        states = "SELECT state FROM outbox WHERE person = 'yilmaz' AND channel = 'email' ORDER BY created"
        await until(lambda: [state for (state,) in made.rows(states)] == ["sent", "failed"])
        assert await made.end() == 0
        no_fault(made.log)
        assert len(lines_with(made.log, ["451"])) == 1, "a change once, the rest is counted"


async def test_a_mail_server_that_is_away_at_the_start_gets_the_page_once(tmp_path: Path, example_site: Path) -> None:
    outbox = {"lease": "5s", "retry": "300ms", "max_retry": "1s", "divert": "1h", "caps": {}}
    async with world(example_site, tmp_path, outbox=outbox) as made:
        port = free_port()
        made.agent(lambda agent: agent["smtp"].update(port=port))
        await made.start()
        await wet(made)
        await until(lambda: lines_with(made.log, ["email does not work", str(port)]))
        assert await made.end() == 0
        await made.start()
        made.mail.port = port
        made.mail.messages.clear()
        async with smtp_sink(made.mail):
            await until(lambda: made.mailed("leak-1"))
            await asyncio.sleep(1.5)
            assert len(made.mailed("leak-1")) == 1
        assert await made.end() == 0
        no_fault(made.log)


async def test_an_acknowledgement_waits_for_a_locked_journal_and_nobody_else_does(
    tmp_path: Path, example_site: Path
) -> None:
    async with world(example_site, tmp_path) as made:
        await made.start()
        await wet(made)
        await until(lambda: made.mailed("leak-1"))
        incident = made.rows("SELECT id FROM incident WHERE root = 'leak-1'")[0][0]
        other = sqlite3.connect(tmp_path / "data" / "journal.db", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        loop = asyncio.get_running_loop()
        started = loop.time()
        acking = asyncio.create_task(made.ask("POST", f"/api/v1/incidents/{incident}/ack", json={"by": "Ada"}))
        for _ in range(10):
            asked = loop.time()
            assert (await made.get("/api/v1/alarms"))[0] == 200
            assert loop.time() - asked < 0.5, "a locked journal must not stop the loop"
            await asyncio.sleep(0.2)
        assert not acking.done()
        other.execute("COMMIT")
        other.close()
        status, body = await acking
        assert (status, body["incident"]["acked_by"]) == (200, "Ada")
        assert 2 <= loop.time() - started < 6
        assert made.rows("SELECT acked_by FROM incident WHERE root = 'leak-1'") == [("Ada",)]
        assert await made.end() == 0
        no_fault(made.log)


class Lossy:
    """In front of an agent: hands every datagram on or loses it."""

    def __init__(self, target: tuple[str, int], loses: Any) -> None:
        self.target = target
        self.loses = loses
        self.count = 0

    async def open(self) -> tuple[str, int]:
        loop = asyncio.get_running_loop()
        front = self
        clients: dict[Any, asyncio.DatagramTransport] = {}
        passing: set[asyncio.Task[None]] = set()

        class Back(asyncio.DatagramProtocol):
            def __init__(self, client: Any) -> None:
                self.client = client

            def datagram_received(self, data: bytes, _: Any) -> None:
                if not front.loses(front):
                    outer.sendto(data, self.client)

        class Front(asyncio.DatagramProtocol):
            def datagram_received(self, data: bytes, client: Any) -> None:
                front.count += 1
                if not front.loses(front):
                    task = loop.create_task(front._pass(clients, client, data, Back))
                    passing.add(task)
                    task.add_done_callback(passing.discard)

        outer, _ = await loop.create_datagram_endpoint(Front, local_addr=("127.0.0.1", 0))
        self._transports = clients
        self._outer = outer
        return outer.get_extra_info("sockname")[:2]  # type: ignore[no-any-return]

    async def _pass(self, clients: dict[Any, asyncio.DatagramTransport], client: Any, data: bytes, back: Any) -> None:
        if client not in clients:
            clients[client], _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: back(client), remote_addr=self.target
            )
        clients[client].sendto(data)

    def close(self) -> None:
        self._outer.close()
        for transport in self._transports.values():
            transport.close()


async def test_packet_loss_and_agents_that_answer_every_third_time_are_no_alarm(
    tmp_path: Path, example_site: Path
) -> None:
    dice = random.Random(4)
    polling = {"fast": "500ms", "slow": "1s", "timeout": "100ms", "retries": 2}
    async with world(example_site, tmp_path, polling=polling) as made:
        fronts = [
            Lossy(
                made.addresses[name],
                lambda front, name=name: front.count % 3 if name == "env-1" else dice.random() < 0.1,
            )
            for name in ("ups-a", "ups-b", "leak-1", "router-1", "env-1", "pdu-a1")
        ]
        opened = dict(zip(("ups-a", "ups-b", "leak-1", "router-1", "env-1", "pdu-a1"), fronts, strict=True))
        for name, front in opened.items():
            host, port = await front.open()
            edit(
                made.config / "collectors.yaml",
                lambda collectors, name=name, host=host, port=port: collectors["devices"][name]["snmp"].update(
                    host=host, port=port
                ),
            )
        await made.start(ready=False)
        await asyncio.sleep(float(os.environ.get("DCMON_TEST_LOSS_S", "15")))
        assert all(front.count > 15 for front in fronts)
        assert made.rows("SELECT asset, rule FROM alarm WHERE state <> 'normal'") == []
        assert not made.mail.messages
        assert await made.end() == 0
        for front in fronts:
            front.close()
        no_fault(made.log)


async def test_a_process_that_stood_still_raises_no_alarm_when_it_goes_on(tmp_path: Path, example_site: Path) -> None:
    async with world(example_site, tmp_path) as made:
        process = await made.start()
        await asyncio.sleep(1)
        process.send_signal(signal.SIGSTOP)
        await asyncio.sleep(5)
        process.send_signal(signal.SIGCONT)
        await asyncio.sleep(3)
        assert made.rows("SELECT reason FROM transition WHERE type = 'incident'") == []
        assert not made.mail.messages
        assert await made.end() == 0
        no_fault(made.log)


async def test_when_files_run_out_polling_goes_on_and_the_page_goes_out_when_there_are_some_again(
    tmp_path: Path, example_site: Path
) -> None:
    async with world(example_site, tmp_path) as made:
        process = await made.start(preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (256, 512)))
        limit = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
        assert limit == (512, 512), "it takes all that it may have"
        always = set(range(512))
        for _ in range(60):  # probes open and close connections all the time; the limit is one of numbers
            await asyncio.sleep(0.05)
            always &= open_files(process.pid)
        free = next(number for number in range(512) if number not in always)
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (free, 512))
        await wet(made)
        await until(lambda: made.rows("SELECT 1 FROM incident WHERE root = 'leak-1'"))
        await asyncio.sleep(2)
        assert not made.mail.messages, "a mail takes a connection"
        resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (512, 512))
        await until(lambda: made.mailed("leak-1"), 40)
        assert made.rows("SELECT root FROM incident") == [("leak-1",)]
        assert await made.end() == 0


async def test_garbage_on_the_trap_port_harms_nothing_and_fills_nothing(tmp_path: Path, example_site: Path) -> None:
    traps = free_port()
    async with world(example_site, tmp_path, traps={"listen": f"127.0.0.1:{traps}"}) as made:
        await made.start()
        dice = random.Random(5)
        good = b"\x30\x26\x02\x01\x01\x04\x06public\xa7\x19"
        with socket.socket(type=socket.SOCK_DGRAM) as sender:
            for size in (0, 1, 7, 60, 1500, 65000):
                for _ in range(100):
                    sender.sendto(dice.randbytes(size), ("127.0.0.1", traps))
            for length in range(len(good)):
                sender.sendto(good[:length], ("127.0.0.1", traps))
        await wet(made)
        await until(lambda: made.mailed("leak-1"))
        metrics = await made.text("/metrics")
        assert 'reason="malformed"' in metrics
        assert made.rows("SELECT count(*) FROM transition WHERE type = 'trap'") == [(0,)]
        assert await made.end() == 0
        no_fault(made.log)


async def test_a_flood_of_foreign_traps_from_everywhere_is_counted_and_kept_within_one_measure(
    tmp_path: Path, example_site: Path
) -> None:
    traps = free_port()
    async with world(example_site, tmp_path, traps={"listen": f"127.0.0.1:{traps}"}) as made:
        await made.start()
        made.site.plant.notices.clear()
        for number in range(400):
            with socket.socket(type=socket.SOCK_DGRAM) as sender:
                sender.bind((f"127.{1 + number % 250}.{number // 250}.9", 0))
                for turn in range(30):
                    sender.sendto(a_trap(turn, b"guess%d" % turn), ("127.0.0.1", traps))
            await asyncio.sleep(0)
        await asyncio.sleep(2)
        kept = made.rows("SELECT count(*) FROM transition WHERE type = 'trap'")[0][0]
        assert 10_000 <= kept < 10_500, kept
        metrics = await made.text("/metrics")
        assert lines_with(metrics, ["foreign", "12000"]), metrics
        assert await made.end() == 0
        no_fault(made.log)


def a_trap(number: int, community: bytes) -> bytes:
    """A coldStart of SNMP v2c."""
    return encode_notification(community, number, 4711, "1.3.6.1.6.3.1.1.5.1", inform=False)


async def test_strange_requests_get_an_answer_and_slow_clients_hold_up_nobody(
    tmp_path: Path, example_site: Path
) -> None:
    async with world(example_site, tmp_path) as made:
        process = await made.start()
        await wet(made)
        await until(lambda: made.mailed("leak-1"))
        ack = f"/api/v1/incidents/{made.rows('SELECT id FROM incident')[0][0]}/ack"
        json_body = {"Content-Type": "application/json"}
        asked: list[tuple[int, str, str, dict[str, Any]]] = [
            (400, "POST", ack, {"data": b"{", "headers": json_body}),
            (400, "POST", ack, {"data": b'{"by": 7}', "headers": json_body}),
            (400, "POST", ack, {"data": b"\xff\xfe", "headers": json_body}),
            (400, "POST", ack, {"data": b"[" * 10_000, "headers": json_body}),
            (413, "POST", ack, {"data": b" " * 900_000, "headers": json_body}),
            (415, "POST", ack, {"data": b"by=x"}),
            (403, "POST", ack, {"json": {"by": "x"}, "headers": {"Origin": "http://evil.example"}}),
            (421, "GET", "/healthz", {"headers": {"Host": "evil.example"}}),
            (404, "POST", "/api/v1/incidents/nowhere/ack", {"json": {"by": "x"}}),
            (404, "GET", "/api/v1/incidents/%00%ff", {}),
            (404, "GET", "/static/../../../etc/passwd", {}),
            (405, "DELETE", "/api/v1/incidents", {}),
            (405, "OPTIONS", "/", {}),
            (400, "POST", ack, {"data": b"{}", "headers": {**json_body, "Content-Encoding": "gzip"}}),
            (400, "GET", "/api/v1/incidents?limit=-1", {}),
        ]
        for status, method, path, options in asked:
            assert (path, (await made.ask(method, path, **options))[0]) == (path, status)
        deaf = [await asyncio.open_connection("127.0.0.1", made.port) for _ in range(80)]
        for _, writer in deaf:
            writer.write(b"GET /api/v1/stream?view=page HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await asyncio.sleep(2)
        assert (await made.get("/api/v1/site"))[0] == 200
        process.terminate()
        assert await asyncio.wait_for(process.wait(), 6) == 0
        for _, writer in deaf:
            writer.close()
        no_fault(made.log)


async def test_another_device_behind_an_address_is_asked_as_what_it_is_now(tmp_path: Path, example_site: Path) -> None:
    async with world(example_site, tmp_path) as made:
        edit(made.config / "collectors.yaml", lambda collectors: collectors["devices"]["ups-a"].pop("profile"))
        await made.start()
        known = "SELECT json_extract(data, '$.profile') FROM cache WHERE asset = 'ups-a'"
        await until(lambda: made.rows(known) == [("rfc1628",)])
        made.site.agents["ups-a"]._view = made.site.agents["ups-b"]._view
        await until(lambda: made.rows(known) == [("apc_powernet_ups",)])
        await made.ready()
        assert await made.end() == 0
        no_fault(made.log)


async def test_no_secret_stands_in_log_page_or_journal(tmp_path: Path, example_site: Path) -> None:
    async with world(example_site, tmp_path, log_level="debug", traps={"listen": "127.0.0.1:0"}) as made:
        (made.config / "secrets" / "snmp-read").write_text("commun1ty-s3cret")
        (made.config / "secrets" / "mail").write_text("passw0rd-s3cret")
        made.agent(lambda agent: agent["smtp"].update(user="dcmon", password="file:secrets/mail"))
        made.mail.answers["MAIL"] = "451 4.3.0 no"
        process = await made.start()
        await wet(made)
        await until(lambda: "email does not work" in made.log)
        process.send_signal(signal.SIGHUP)
        await until(lambda: "is taken over" in made.log)
        await made.ready()
        pages = await made.text("/metrics")
        for path in ("/api/v1/site", "/api/v1/devices", "/api/v1/events", "/api/v1/alarms"):
            pages += str(await made.get(path))
        assert await made.end() == 0
        told = pages + made.log + "".join(
            path.read_bytes().decode("latin-1") for path in (tmp_path / "data").iterdir()
        )  # fmt: skip
        assert "s3cret" not in told
