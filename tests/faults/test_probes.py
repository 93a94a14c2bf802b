"""Probes against real servers: what is well is measured, every way to be unwell is told from dcmon's own troubles."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import missing
from probe_servers import (
    NameServer,
    authority,
    dead_port,
    mute_server,
    name_server,
    on_loop,
    page,
    tried,
    web_server,
)

from dcmon.clock import SystemClock
from dcmon.collectors.probes import ping
from dcmon.model import CollectError, Reading


def down(readings: dict[str, Reading]) -> str:
    """Why the service is down."""
    assert readings["service.ok"].value is False
    return readings["service.ok"].reason or ""


def test_a_page_that_is_as_it_should_be_is_up_and_its_latency_is_told() -> None:
    async def work() -> dict[str, Reading]:
        async with web_server(lambda line, headers: page("all is well"), pause_s=0.05) as url:
            return await tried(kind="http", url=url, text="is well")

    readings = on_loop(work())
    assert readings["service.ok"].value is True
    assert readings["service.ok"].reason is None
    assert 0.05 <= float(readings["service.latency"].value) < 1  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (page("broken", "500 Internal Server Error"), "status 500"),
        (page("something else"), "the text 'well' is missing"),
        (b"\x00\x01 this is not HTTP\r\n\r\n", "does not speak HTTP"),
        (b"", "ended the connection without an answer"),
        (page("badly", "200 OK", **{"Content-Type": "text/plain; charset=none-such"}), "the text 'well' is missing"),
        (page("", "302 Found", Location="http://[bad"), "status 302, redirected to no address, which is not followed"),
        (page("", "301 Moved", Location="http://127.0.0.1:99999/"), "status 301"),
        (page("", "302 Found", Location="javascript:alert(1)"), "status 302"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", "does not speak HTTP"),
    ],
)
def test_a_page_that_is_not_as_it_should_be_is_down_and_says_why(said: bytes, reason: str) -> None:
    async def work() -> dict[str, Reading]:
        async with web_server(lambda line, headers: said) as url:
            return await tried(kind="http", url=url, text="well")

    assert reason in down(on_loop(work()))


def test_a_redirect_to_another_host_is_not_followed_but_one_on_the_same_is() -> None:
    asked: list[str] = []

    def answer(line: str, headers: dict[str, str]) -> bytes:
        asked.append(line.split()[1])
        if asked[-1] == "/":
            return page("", "302 Found", Location="/inside")
        if asked[-1] == "/away":
            return page("", "302 Found", Location="http://localhost:1/x")
        return page("inside")

    async def work() -> tuple[Any, Any]:
        async with web_server(answer) as url:
            return await tried(kind="http", url=url, text="inside"), await tried(kind="http", url=url + "away")

    inside, away = on_loop(work())
    assert inside["service.ok"].value is True
    assert down(away) == "status 302, redirected to localhost, which is not followed"
    assert asked == ["/", "/inside", "/away"]


def test_a_redirect_in_a_circle_ends() -> None:
    async def work() -> dict[str, Reading]:
        async with web_server(lambda line, headers: page("", "302 Found", Location="/")) as url:
            return await tried(kind="http", url=url)

    assert down(on_loop(work())) == "redirected more than 5 times"


def test_the_login_goes_along_and_its_password_into_no_reading() -> None:
    seen: list[str] = []

    def answer(line: str, headers: dict[str, str]) -> bytes:
        seen.append(headers.get("authorization", ""))
        return page("no", "403 Forbidden")

    async def work() -> dict[str, Reading]:
        async with web_server(answer) as url:
            return await tried(kind="http", url=url, user="probe", password="env:PASSWORD")

    readings = on_loop(work())
    assert base64.b64decode(seen[0].removeprefix("Basic ")) == b"probe:s3cret"
    assert "s3cret" not in str(readings)


def test_a_certificate_s_days_are_counted(tmp_path: Path) -> None:
    ca = authority(tmp_path)

    async def work() -> dict[str, Reading]:
        async with web_server(lambda line, headers: page("ok"), tls=ca.server(20)) as url:
            return await tried(SystemClock().now(), kind="http", url=url, ca_file=str(ca.file))

    readings = on_loop(work())
    assert readings["service.ok"].value is True
    assert readings["certificate.remaining"].value == pytest.approx(20, abs=0.01)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"days": -2}, "has expired"),
        ({"days": 90, "names": ("other.example",)}, "is for another"),
        ({"days": 90, "by_itself": True}, "is signed by itself"),
    ],
)
def test_a_certificate_that_clients_refuse_is_down_its_days_are_told_and_no_login_is_sent(
    tmp_path: Path, wrong: dict[str, Any], reason: str
) -> None:
    ca = authority(tmp_path)
    asked: list[str] = []

    def answer(line: str, headers: dict[str, str]) -> bytes:
        asked.append(line)
        return page("ok")

    async def work() -> dict[str, Reading]:
        async with web_server(answer, tls=ca.server(**wrong)) as url:
            return await tried(
                SystemClock().now(), kind="http", url=url, ca_file=str(ca.file), user="probe", password="env:PASSWORD"
            )

    readings = on_loop(work())
    assert reason in down(readings)
    assert readings["certificate.remaining"].value == pytest.approx(wrong["days"], abs=0.01)
    assert asked == []


def test_a_certificate_of_an_unknown_authority_is_down(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    ca, other = authority(tmp_path), authority(tmp_path / "other", "another")

    async def work() -> dict[str, Reading]:
        async with web_server(lambda line, headers: page("ok"), tls=ca.server(90)) as url:
            return await tried(kind="http", url=url, ca_file=str(other.file))

    assert "unknown issuer" in down(on_loop(work()))


def test_plain_http_where_tls_is_expected_is_down() -> None:
    async def work() -> dict[str, Reading]:
        async with web_server(lambda line, headers: page("ok")) as url:
            return await tried(kind="http", url=url.replace("http:", "https:"))

    assert "127.0.0.1: ended the connection" in down(on_loop(work()))


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_server_that_accepts_and_says_nothing_is_down_when_the_time_is_over(scheme: str) -> None:
    async def work() -> tuple[dict[str, Reading], float]:
        async with mute_server() as port:
            clock = SystemClock()
            started = clock.monotonic()
            readings = await tried(kind="http", url=f"{scheme}://127.0.0.1:{port}/", timeout="300ms")
            return readings, clock.monotonic() - started

    readings, took = on_loop(work())
    assert down(readings) == "not done within 0.3 s"
    assert took < 1


@pytest.mark.parametrize("kind", ["http", "tcp"])
def test_a_dead_port_is_down_at_once(kind: str) -> None:
    async def work() -> dict[str, Reading]:
        port = await dead_port()
        where = {"url": f"http://127.0.0.1:{port}/"} if kind == "http" else {"host": "127.0.0.1", "port": port}
        return await tried(kind=kind, **where)

    assert "refused" in down(on_loop(work()))


def test_a_port_that_accepts_is_up_whatever_it_says() -> None:
    async def work() -> dict[str, Reading]:
        async with mute_server() as port:
            return await tried(kind="tcp", host="127.0.0.1", port=port)

    readings = on_loop(work())
    assert readings["service.ok"].value is True
    assert float(readings["service.latency"].value) < 1  # type: ignore[arg-type]


def test_a_name_that_nobody_knows_is_dcmon_s_trouble_and_says_nothing_of_the_service() -> None:
    with pytest.raises(CollectError, match=r"the address of no-such-host\.invalid is not known"):
        on_loop(tried(kind="tcp", host="no-such-host.invalid", port=1))


ZONE = {("www.example", "A"): ("192.0.2.80", "192.0.2.81"), ("example", "MX"): ("10 mail.example.",)}


@pytest.mark.parametrize("cut", [False, True], ids=["over UDP", "cut off, then over TCP"])
def test_a_name_server_that_answers_as_expected_is_up(cut: bool) -> None:
    async def work() -> tuple[Any, Any]:
        async with name_server(NameServer(ZONE, cut=cut)) as port:
            common = {"kind": "dns", "resolver": "127.0.0.1", "port": port}
            return (
                await tried(**common, name="www.example", expect=["192.0.2.81", "192.0.2.80"]),
                await tried(**common, name="example", type="MX"),
            )

    for readings in on_loop(work()):
        assert readings["service.ok"].value is True
        assert "service.latency" in readings


@pytest.mark.parametrize(
    ("question", "reason"),
    [
        ({"name": "www.example", "expect": ["192.0.2.80"]}, "is 192.0.2.80, 192.0.2.81, not 192.0.2.80"),
        ({"name": "gone.example"}, "gone.example A: NXDOMAIN"),
    ],
)
def test_a_name_server_that_answers_otherwise_is_down(question: dict[str, Any], reason: str) -> None:
    async def work() -> dict[str, Reading]:
        async with name_server(NameServer(ZONE)) as port:
            return await tried(kind="dns", resolver="127.0.0.1", port=port, **question)

    assert reason in down(on_loop(work()))


def test_a_name_server_that_says_nothing_is_down() -> None:
    async def work() -> dict[str, Reading]:
        async with name_server(NameServer(ZONE, mute=True)) as port:
            return await tried(kind="dns", resolver="127.0.0.1", port=port, name="www.example", timeout="300ms")

    assert down(on_loop(work())) == "not done within 0.3 s"


def test_a_name_server_that_answers_garbage_is_down() -> None:
    class Garbage(NameServer):
        def answer(self, data: bytes, *, cut: bool = False) -> bytes:
            return data[:2] + b"\xff" * 20

    async def work() -> dict[str, Reading]:
        async with name_server(Garbage(ZONE)) as port:
            return await tried(kind="dns", resolver="127.0.0.1", port=port, name="www.example", timeout="300ms")

    assert down(on_loop(work()))


def test_throughput_is_that_of_the_object_and_no_more_than_asked_for_is_read() -> None:
    async def work() -> dict[str, Reading]:
        async with web_server(lambda line, headers: page("x" * 4_000_000)) as url:
            return await tried(kind="throughput", url=url, bytes=2_000_000)

    readings = on_loop(work())
    assert readings["service.ok"].value is True
    assert float(readings["service.throughput"].value) > 10e6  # type: ignore[arg-type]


def test_an_object_that_is_too_small_measures_nothing() -> None:
    async def work() -> dict[str, Reading]:
        async with web_server(lambda line, headers: page("tiny")) as url:
            return await tried(kind="throughput", url=url)

    assert "too few" in down(on_loop(work()))


def may_ping() -> None:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            socket.socket(socket.AF_INET, kind, socket.IPPROTO_ICMP).close()
        except PermissionError:
            continue
        return
    missing("a socket for pings", "net.ipv4.ping_group_range or CAP_NET_RAW allows it")


def test_a_host_that_answers_pings_is_up() -> None:
    may_ping()
    readings = on_loop(tried(kind="ping", host="127.0.0.1"))
    assert readings["service.ok"].value is True
    assert 0 < float(readings["service.latency"].value) < 1  # type: ignore[arg-type]


def test_a_host_that_answers_no_ping_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    may_ping()
    monkeypatch.setattr(ping, "is_answer", lambda *anything: False)
    assert down(on_loop(tried(kind="ping", host="127.0.0.1", timeout="300ms"))) == "127.0.0.1 answered none of 3 pings"


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_only_the_answer_to_the_own_request_counts(family: int) -> None:
    header = b"\x45" + bytes(19) if family == socket.AF_INET else b""
    asked = ping.request(family, 1, b"mine")
    kind = b"\0" if family == socket.AF_INET else b"\x81"
    assert ping.is_answer(header + kind + asked[1:], family, True, b"mine")
    assert ping.is_answer(kind + asked[1:], family, False, b"mine")
    assert not ping.is_answer(header + asked, family, True, b"mine")
    assert not ping.is_answer(header + kind + ping.request(family, 1, b"other")[1:], family, True, b"mine")
    whole = header + kind + asked[1:]
    assert not any(ping.is_answer(whole[:length], family, True, b"mine") for length in range(len(whole)))
    assert family != socket.AF_INET or ping.checksum(asked) == 0


def test_who_may_not_ping_is_told_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = socket.socket

    class Forbidden(plain):
        def __init__(self, family: int = -1, kind: int = -1, proto: int = -1, *rest: Any, **more: Any) -> None:
            if proto == socket.IPPROTO_ICMP:
                raise PermissionError(1, "Operation not permitted")
            super().__init__(family, kind, proto, *rest, **more)

    async def work() -> None:
        monkeypatch.setattr(socket, "socket", Forbidden)
        try:
            await tried(kind="ping", host="127.0.0.1")
        finally:
            monkeypatch.undo()

    with pytest.raises(CollectError, match="ping_group_range"):
        on_loop(work())


def test_iperf3_is_not_there_or_measures() -> None:
    program = shutil.which("iperf3")
    if program is None:
        with pytest.raises(CollectError, match="Install Debian's package iperf3"):
            on_loop(tried(kind="iperf3", host="127.0.0.1", seconds=1, timeout="4s"))
        return

    port = on_loop(dead_port())
    server = subprocess.Popen([program, "-s", "-1", "-p", str(port)], stdout=subprocess.DEVNULL)
    try:
        time.sleep(0.5)
        readings = on_loop(tried(kind="iperf3", host="127.0.0.1", port=port, seconds=1, timeout="4s"))
    finally:
        server.terminate()
        server.wait()
    assert float(readings["service.throughput"].value) > 1e6  # type: ignore[arg-type]


REPORT = {
    "job": "files", "ok": True, "generations": 15, "newest": "2026-11-23T06:00:00Z",
    "oldest": "2026-11-09T06:00:00+00:00", "size": 1.5e9,
}  # fmt: skip


def test_the_report_of_a_backup_job_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "backup.json"
    file.write_text(json.dumps(REPORT))
    readings = on_loop(tried(kind="backup", file=str(file)))
    assert {point: reading.value for point, reading in readings.items()} == {
        "backup.ok": True, "backup.generations": 15, "backup.age": 2.0, "backup.span": 14.0, "backup.size": 1.5e9,
    }  # fmt: skip


def test_the_report_of_a_backup_job_is_read_over_http() -> None:
    async def work() -> dict[str, Reading]:
        async with web_server(lambda line, headers: page(json.dumps(REPORT))) as url:
            return await tried(kind="backup", url=url)

    assert on_loop(work())["backup.generations"].value == 15


@pytest.mark.parametrize(
    "said",
    ["", "[]", '{"ok": "yes", "generations": 3}', '{"ok": true, "generations": 3}', '{"ok": true, "generations": -1}',
     '{"ok": true, "generations": 1, "newest": "2026-11-23T06:00:00"}'],
)  # fmt: skip
def test_a_report_that_cannot_be_used_is_no_report(tmp_path: Path, said: str) -> None:
    file = tmp_path / "backup.json"
    file.write_text(said)
    with pytest.raises(CollectError, match="report"):
        on_loop(tried(kind="backup", file=str(file)))


def test_a_report_that_is_not_there_or_not_served_is_silence_and_no_failed_backup(tmp_path: Path) -> None:
    async def work() -> dict[str, Reading]:
        return await tried(kind="backup", url=f"http://127.0.0.1:{await dead_port()}/")

    with pytest.raises(CollectError, match="refused"):
        on_loop(work())
    with pytest.raises(CollectError, match="No such file"):
        on_loop(tried(kind="backup", file=str(tmp_path / "none")))


def test_a_job_that_never_pushed_is_silent() -> None:
    with pytest.raises(CollectError, match="never reported"):
        on_loop(tried(kind="backup", token="env:TOKEN"))
