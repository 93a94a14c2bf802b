"""`dcmon discover` on real sockets: agents, Modbus servers, addresses where nobody is, and Ctrl+C."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pty
import shutil
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from snmp_agents import has_ipv6, snmpd

from dcmon import discovery
from dcmon.clock import SystemClock
from dcmon.collectors.identify import identify
from dcmon.collectors.profile import load_profiles
from dcmon.collectors.snmp import V3User
from dcmon.collectors.targets import Target
from dcmon.config.loader import load
from dcmon.discovery import Bounds, Login, Search, UnitScan
from dcmon.sim import SCENARIOS, SimulatedSite
from dcmon.sim.agent import MibView, SnmpAgent
from dcmon.sim.devices.mib import Values, at, integer, name, octets, text, ticks
from dcmon.sim.devices.registers import ILLEGAL_ADDRESS, Answer
from dcmon.sim.modbus_server import ModbusConnection, Unit

PROFILES = load_profiles()
EXPECTED = {
    "ups-a": "rfc1628", "ups-b": "apc_powernet_ups", "pdu-a1": "apc_rpdu", "cooling-gw": "stulz_wib8000",
    "env-1": "hwg_poseidon", "leak-2": "hwg_wld", "router-1": "network", "genset-a": "dse_gencomm",
}  # fmt: skip


async def dcmon(*arguments: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "dcmon", *arguments), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, out.decode(), err.decode()


@pytest.fixture
async def site(example_site: Path) -> AsyncIterator[dict[str, tuple[str, int]]]:
    simulated = SimulatedSite(load(example_site), SystemClock(), SCENARIOS["normal"])
    yield dict(await simulated.start())
    await simulated.stop()


def targets_of(site: dict[str, tuple[str, int]], *names: str) -> list[str]:
    return [f"{host}:{port}" for host, port in (site[name] for name in names)]


async def test_every_device_of_the_site_is_found_as_what_it_is(
    site: dict[str, tuple[str, int]], example_site: Path
) -> None:
    targets = targets_of(site, *EXPECTED)
    code, out, err = await dcmon("discover", *targets, "--modbus", "--config", str(example_site), "--json")
    assert code == 0, err
    found = {(one["host"], one["port"]): one for one in json.loads(out)}
    for asset, profile in EXPECTED.items():
        one = found[site[asset]]
        assert (one["profile"], one["note"], one["asset"]) == (profile, None, None)
        assert one["points"] > 2
        assert one["confidence"] >= 0.9
    ups, genset = found[site["ups-a"]], found[site["genset-a"]]
    assert (ups["protocol"], ups["version"], ups["credentials"], ups["name"]) == ("snmp", "2c", "read", "ups-a")
    assert (genset["protocol"], genset["unit"], genset["description"]) == ("modbus", 10, "answers on functions 3")
    assert len(found) == len(EXPECTED)
    assert f"{len(EXPECTED)} found at {len(EXPECTED)} addresses" in err


async def test_the_lines_for_the_configuration_pass_its_checks(
    site: dict[str, tuple[str, int]], example_site: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "config"
    shutil.copytree(example_site, folder)
    targets = targets_of(site, *EXPECTED, "cooling-9")
    code, piece, err = await dcmon("discover", *targets, "--modbus", "--config", str(folder), "--site")
    assert code == 0, err
    put_in(folder, piece)
    code, out, err = await dcmon("check", "--config", str(folder))
    assert code == 0, err
    before, after = load(example_site), load(folder)
    added = [asset for asset in after.site.assets if before.site.asset(asset.id) is None]
    assert len(added) == len(EXPECTED)
    assert {asset.kind.value for asset in added} == {
        *("ups", "pdu", "cooling_unit", "environment_unit", "leak_unit", "router", "genset")
    }
    for asset in added:
        assert after.collectors.devices[asset.id].profile in EXPECTED.values()
    assert "unit 9: it does not say what it is; name its profile" in piece

    code, out, err = await dcmon("discover", *targets, "--modbus", "--config", str(folder), "--json")
    assert {one["asset"] for one in json.loads(out) if one["profile"]} == {asset.id for asset in added}
    code, again, err = await dcmon("discover", *targets, "--modbus", "--config", str(folder), "--site")
    assert [line for line in again.splitlines() if line and not line.strip().startswith("#")] == []


def put_in(folder: Path, piece: str) -> None:
    """What a person does with the lines."""
    for block in piece.strip().split("\n\n"):
        title, _, lines = block.partition("\n")
        file, _, key = title.removeprefix("# ").partition(", below ")
        path = folder / file
        content = path.read_text()
        heading = f"\n{key.strip('`')}\n"
        assert heading in content
        path.write_text(content.replace(heading, heading + lines + "\n", 1))


async def test_credentials_from_the_command_line_are_proposed_without_their_secret(
    site: dict[str, tuple[str, int]], tmp_path: Path
) -> None:
    target = targets_of(site, "ups-a")[0]
    (tmp_path / "community").write_text("public\n")
    for community, reference in (("public", "env:SNMP_COMMUNITY"), (f"file:{tmp_path}/community", f"file:{tmp_path}")):
        code, piece, err = await dcmon("discover", target, "--community", community, "--site")
        assert code == 0, err
        assert reference in piece
        assert "credentials: found-v2c" in piece
        assert "public" not in piece.replace(str(tmp_path), "")


@contextmanager
def silence() -> Iterator[int]:
    """A port at which every address of this host takes datagrams and says nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("0.0.0.0", 0))
        sock.setblocking(False)
        yield sock.getsockname()[1]


async def test_a_dead_network_is_through_in_the_time_that_its_bounds_say(example_site: Path) -> None:
    with silence() as port:
        started = asyncio.get_running_loop().time()
        code, out, err = await dcmon(
            *("discover", f"127.77.0.0/24:{port}", "--community", "x", "--timeout", "0.3", "--retries", "0", "--json"),
            *("--rate", "1000", "--at-once", "64"),
        )
        took = asyncio.get_running_loop().time() - started
    assert (code, json.loads(out)) == (0, [])
    assert "nobody answers at 254 addresses" in err
    assert took < 10


async def test_addresses_are_begun_at_the_rate_and_so_many_at_once() -> None:
    begun: list[float] = []
    loop = asyncio.get_running_loop()

    class Counting(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
            begun.append(loop.time())

    transport, _ = await loop.create_datagram_endpoint(Counting, local_addr=("0.0.0.0", 0))
    port = transport.get_extra_info("sockname")[1]
    targets = [Target(f"127.77.1.{number}", port) for number in range(1, 41)]
    try:
        bounds = Bounds(rate=50, at_once=40, timeout_s=0.1, retries=0)
        search = Search(targets, PROFILES, logins=[Login("2c", "x")], units=None, bounds=bounds)
        started = loop.time()
        assert await search.run(asyncio.Event())
        assert loop.time() - started >= 39 / 50
        assert len(begun) == 40
        assert max(sum(moment <= other < moment + 0.2 for other in begun) for moment in begun) <= 0.2 * 50 + 2
        begun.clear()
        few = Bounds(rate=10_000, at_once=4, timeout_s=0.2, retries=0)
        search = Search(targets[:12], PROFILES, logins=[Login("2c", "x")], units=None, bounds=few)
        assert await search.run(asyncio.Event())
        assert max(sum(moment <= other < moment + 0.15 for other in begun) for moment in begun) <= 4
    finally:
        transport.close()


async def test_ctrl_c_shows_what_was_found_so_far(site: dict[str, tuple[str, int]]) -> None:
    main, terminal = pty.openpty()
    with silence() as port:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "dcmon", "discover", *targets_of(site, "ups-a"), f"127.77.0.0/16:{port}"),
            *("--community", "public", "--json", "--at-once", "8"),
            stdout=asyncio.subprocess.PIPE,
            stderr=terminal,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
        )
        os.close(terminal)
        shown = ""
        async with asyncio.timeout(60):
            while "1 found" not in shown:
                shown += (await asyncio.to_thread(os.read, main, 4096)).decode()
        process.send_signal(signal.SIGINT)
        out, _ = await asyncio.wait_for(process.communicate(), 20)
    with contextlib.suppress(OSError):  # as Linux says the end
        while part := os.read(main, 4096):
            shown += part.decode()
    os.close(main)
    assert process.returncode == 130
    assert [one["profile"] for one in json.loads(out)] == ["rfc1628"]
    assert "stopped: " in shown and "of 65535 asked, 1 found so far" in shown
    assert "Traceback" not in shown


@asynccontextmanager
async def agents(*hosts: str, mib: Callable[[str], Values]) -> AsyncIterator[list[Target]]:
    """One agent at each address."""
    loop = asyncio.get_running_loop()
    transports = []
    for host in hosts:
        view = MibView(lambda host=host: mib(host), lambda: 0)  # type: ignore[misc]
        transport, _ = await loop.create_datagram_endpoint(
            lambda view=view: SnmpAgent(view, lambda: True, b"public"),  # type: ignore[misc]
            local_addr=(host, 0),
        )
        transports.append(transport)
    try:
        yield [Target(*transport.get_extra_info("sockname")) for transport in transports]
    finally:
        for transport in transports:
            transport.close()


def card(sys_name: str, engine: bytes) -> Values:
    return {
        at("1.3.6.1.2.1.1.1"): text("Acme [card]"),
        at("1.3.6.1.2.1.1.2"): name("1.3.6.1.4.1.99999"),
        at("1.3.6.1.2.1.1.3"): ticks(5),
        at("1.3.6.1.2.1.1.5"): text(sys_name),
        at("1.3.6.1.2.1.33.1.2.4"): integer(98),
        at("1.3.6.1.2.1.33.1.4.1"): integer(3),
        at("1.3.6.1.6.3.10.2.1.1"): octets(engine),
    }


async def test_one_device_at_two_addresses_is_noted() -> None:
    engines = {"127.0.3.1": b"\x80\0\0\0\x01a", "127.0.3.2": b"\x80\0\0\0\x01a", "127.0.3.3": b"\x80\0\0\0\x01b"}
    async with agents(*engines, mib=lambda host: card("ups", engines[host])) as targets:
        search = Search(targets, PROFILES, logins=[Login("2c")], units=None, bounds=Bounds())
        assert await search.run(asyncio.Event())
    assert [one.profile for one in search.found] == ["rfc1628"] * 3
    assert [one.same for one in search.found] == [None, search.found[0].address, None]


async def test_the_first_login_that_is_answered_counts_and_v1_devices_are_found() -> None:
    async with agents("127.0.3.4", mib=lambda host: card("ups", b"")) as targets:
        logins = [Login("2c", "wrong", name="a"), Login("2c", "public", name="b"), Login("1", "public", name="c")]
        search = Search(targets, PROFILES, logins=logins, units=None, bounds=Bounds(timeout_s=0.2, retries=0))
        assert await search.run(asyncio.Event())
        old = Search(targets, PROFILES, logins=logins[::2], units=None, bounds=Bounds(timeout_s=0.2, retries=0))
        assert await old.run(asyncio.Event())
    assert [(one.credentials, one.version) for one in search.found] == [("b", "2c")]
    assert [(one.credentials, one.version, one.profile) for one in old.found] == [("c", "1", "rfc1628")]


async def test_a_device_that_dcmon_fails_at_does_not_end_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fragile(session: Any, profiles: Any) -> Any:
        if not seen:
            seen.append(session)
            raise RecursionError("a fault of dcmon")
        return await identify(session, profiles)

    seen: list[Any] = []
    monkeypatch.setattr(discovery, "identify", fragile)
    async with agents("127.0.3.5", "127.0.3.6", "127.0.3.7", mib=lambda host: card(host, b"")) as targets:
        search = Search(targets, PROFILES, logins=[Login("2c")], units=None, bounds=Bounds())
        assert await search.run(asyncio.Event())
    assert (search.done, search.failed) == (3, 1)
    assert [one.profile for one in search.found] == ["rfc1628"] * 2


@asynccontextmanager
async def server(units: dict[int, Unit]) -> AsyncIterator[Target]:
    listener = await asyncio.get_running_loop().create_server(lambda: ModbusConnection(units, set()), "127.0.0.1", 0)
    try:
        yield Target(*listener.sockets[0].getsockname())
    finally:
        listener.close()


def registers(values: dict[int, int]) -> Unit:
    def read(function: int, address: int, count: int) -> Answer:
        found = [values.get(number) for number in range(address, address + count)] if function == 3 else [None]
        return ILLEGAL_ADDRESS if None in found else [value or 0 for value in found]

    return Unit(read, lambda: True)


async def scan(target: Target, units: tuple[int, ...]) -> list[tuple[int | None, str | None, str | None]]:
    search = Search([target], PROFILES, logins=[], units=UnitScan(units=units), bounds=Bounds(timeout_s=0.3, retries=0))
    assert await search.run(asyncio.Event())
    return [(one.unit, one.profile, one.same and one.same.rpartition(" ")[2]) for one in search.found]


async def test_units_of_a_gateway_are_found_and_known_where_they_say_what_they_are() -> None:
    mute = Unit(lambda function, address, count: [0] * count, lambda: False)
    units = {1: registers({0: 7}), 3: registers({768: 1, 769: 32841, 1027: 73}), 4: mute}
    async with server(units) as target:
        assert await scan(target, (1, 2, 3, 4)) == [(1, None, None), (3, "dse_gencomm", None)]


async def test_a_device_that_answers_to_every_unit_is_one_device() -> None:
    class Every(dict[int, Unit]):
        def get(self, unit: int, default: Any = None) -> Unit:
            return registers({0: 7})

    async with server(Every()) as target:
        assert await scan(target, (1, 2, 3)) == [(1, None, None), (2, None, "1"), (3, None, "1")]


async def test_what_is_no_modbus_server_is_no_device() -> None:
    async def hello(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    listener = await asyncio.start_server(hello, "127.0.0.1", 0)
    try:
        assert await scan(Target(*listener.sockets[0].getsockname()), (1, 2)) == []
    finally:
        listener.close()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["10.0.0.0/8"], "16,777,214 addresses, and one search looks at 65,536 at most"),
        (["192.0.2.300"], "is no target"),
        (["192.0.2.1", "--no-snmp"], "add --modbus"),
        (["192.0.2.1", "--modbus", "--units", "1-300"], "are no Modbus units"),
        (["192.0.2.1", "--config", "/nonexistent"], "/nonexistent"),
    ],
)
async def test_a_search_that_cannot_begin_says_what_to_do(arguments: list[str], says: str) -> None:
    code, out, err = await dcmon("discover", *arguments)
    assert (code, out) == (1, "")
    assert says in err
    assert "Traceback" not in err


@pytest.mark.needs("snmpd")
async def test_an_agent_of_version_3_is_found_by_its_user_and_told_of_when_it_refuses_one(tmp_path: Path) -> None:
    right = V3User("sha256", "sha256", "authauth1", "aes128", "privpriv1")
    wrong = V3User("sha256", "sha256", "another-key", "aes128", "privpriv1")
    unknown = V3User("nobody", "sha256", "authauth1", "aes128", "privpriv1")
    bounds = Bounds(timeout_s=1.0, retries=0)
    async with snmpd(tmp_path) as port:
        targets = [Target("127.0.0.1", port)]
        for user in (right, wrong, unknown):
            logins = [Login("2c", "not this"), Login("3", user=user, name="v3")]
            search = Search(targets, PROFILES, logins=logins, units=None, bounds=bounds)
            assert await search.run(asyncio.Event())
            (found,) = search.found
            assert (found.version, found.credentials) == ("3", "v3")
            if user is right:
                assert found.profile == "standard"
                assert found.points > 0
                assert found.note is None
            else:
                assert found.profile is None
                assert found.note is not None
                assert found.note.startswith(f"answers, but not to the user {user.user}")
                assert "authauth1" not in found.note
        if has_ipv6():
            search = Search([Target("::1", port)], PROFILES, logins=[Login("2c")], units=None, bounds=bounds)
            assert await search.run(asyncio.Event())
            assert [one.address for one in search.found] == [f"[::1]:{port}"]


async def test_a_person_sees_how_far_the_search_is_and_a_pipe_does_not(site: dict[str, tuple[str, int]]) -> None:
    arguments = [
        sys.executable,
        "-m",
        "dcmon",
        "discover",
        *targets_of(site, "ups-a", "leak-2"),
        "--community",
        "public",
    ]
    main, terminal = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=terminal,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "120"},
    )
    os.close(terminal)
    out, _ = await asyncio.wait_for(process.communicate(), 30)
    shown = b""
    with contextlib.suppress(OSError):  # as Linux says the end
        while part := os.read(main, 4096):
            shown += part
    os.close(main)
    assert b"2/2" in shown and b"2 found" in shown
    assert "rfc1628" in out.decode() and "hwg_wld" in out.decode()
    code, piped, err = await dcmon(*arguments[3:])
    assert (code, err) == (0, "2 found at 2 addresses\n")
    assert "rfc1628" in piped
