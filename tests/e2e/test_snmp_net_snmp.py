"""Against net-snmp: the agent that most devices run, over every version, address family, transport and loop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvloop
from servers import free_port
from snmp_agents import SNMPD_CONF, has_ipv6, snmpd

from dcmon.collectors.snmp import (
    NO_SUCH_OBJECT,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    TIMETICKS,
    NativeClient,
    SnmpSession,
    format_oid,
    parse_oid,
)
from dcmon.collectors.snmp.second import PysnmpClient
from dcmon.collectors.snmp.usm import V3User
from dcmon.model import CollectError

pytestmark = pytest.mark.needs("snmpd")

SYSTEM = parse_oid("1.3.6.1.2.1.1")
DESCR, OBJECT, UPTIME = (SYSTEM + bytes((number, 0)) for number in (1, 2, 3))
IPV6 = ["::1"] if has_ipv6() else []
ABSENT = parse_oid("1.3.6.1.4.1.99999.1.0")
IF_COLUMNS = [parse_oid(f"1.3.6.1.2.1.2.2.1.{column}") for column in (1, 2, 3, 5, 8, 10)]
USERS = [
    V3User("open"),
    V3User("md5", "md5", "authauth1"),
    V3User("sha1", "sha1", "authauth1", "aes128", "privpriv1"),
    V3User("sha224", "sha224", "authauth1", "aes128", "privpriv1"),
    V3User("sha256", "sha256", "authauth1", "aes128", "privpriv1"),
    V3User("sha384", "sha384", "authauth1", "aes192", "privpriv1"),
    V3User("sha512", "sha512", "authauth1", "aes256", "privpriv1"),
    V3User("short", "md5", "authauth1", "aes256", "privpriv1"),
]


@pytest.fixture
async def port(tmp_path: Path) -> AsyncIterator[int]:
    async with snmpd(tmp_path) as port:
        yield port


async def _read(session: SnmpSession) -> None:
    descr, uptime, absent, object_id = await session.get([DESCR, UPTIME, ABSENT, OBJECT])
    assert (descr.tag, descr.value) == (OCTET_STRING, b"a test agent")
    assert uptime.tag == TIMETICKS
    assert absent.tag == NO_SUCH_OBJECT
    assert object_id.tag == OBJECT_IDENTIFIER
    assert str(object_id.value).startswith("1.3.6.1.4.1.8072")
    walked = await session.walk(SYSTEM)
    assert [varbind.oid for varbind in walked][:2] == [DESCR, OBJECT]
    assert b"Fire section 2, rack 7" in [varbind.value for varbind in walked]
    interfaces = await session.walk_columns(IF_COLUMNS)
    assert list(interfaces) == IF_COLUMNS
    assert len({len(rows) for rows in interfaces.values()}) == 1
    assert b"lo" in [varbind.value for varbind in interfaces[IF_COLUMNS[1]]]
    assert {varbind.oid[len(IF_COLUMNS[0]) :] for varbind in interfaces[IF_COLUMNS[0]]} == {
        varbind.oid[len(IF_COLUMNS[5]) :] for varbind in interfaces[IF_COLUMNS[5]]
    }


async def test_everything_is_read_over_every_version_and_address(port: int) -> None:
    for client in (NativeClient(), PysnmpClient()):
        for version in ("1", "2c"):
            for host in ("127.0.0.1", "localhost", *IPV6, *(f"[{host}]" for host in IPV6)):
                await _read(client.session(host, port, version))
        for user in USERS:
            for host in ("127.0.0.1", *IPV6):
                await _read(client.session_v3(host, port, user))
        assert (client.stats.timeouts, client.stats.decode_errors, client.stats.stray) == (0, 0, 0)
        await client.close()


def test_uvloop_reads_as_asyncio_does(tmp_path: Path) -> None:
    async def main() -> None:
        async with snmpd(tmp_path) as port:
            client = NativeClient()
            await _read(client.session("127.0.0.1", port))
            await _read(client.session_v3("127.0.0.1", port, USERS[4]))
            dead = client.session("127.0.0.1", free_port(), timeout_s=5)
            for _ in range(3):  # an ICMP error must not deafen the socket
                with pytest.raises(CollectError, match="refused"):
                    async with asyncio.timeout(1):
                        await dead.get([DESCR])
                await _read(client.session("127.0.0.1", port))
            await client.close()

    run: Callable[[Coroutine[Any, Any, None]], None] = uvloop.run
    run(main())


async def test_a_link_local_address_needs_its_scope(port: int) -> None:
    client = NativeClient()
    try:
        link_local = _link_local()
        if link_local is not None:
            with pytest.raises(CollectError):  # snmpd listens on ::1 alone: nobody answers, but the way is found
                await client.session(link_local, port, timeout_s=0.2, retries=0).get([DESCR])
        with pytest.raises(CollectError):
            await client.session("fe80::1%no-such-interface", port, timeout_s=0.2, retries=0).get([DESCR])
    finally:
        await client.close()


def _link_local() -> str | None:
    try:
        lines = Path("/proc/net/if_inet6").read_text().splitlines()
    except OSError:
        return None
    for line in lines:
        address, *_, name = line.split()
        if address.startswith("fe80"):
            return f"{socket.inet_ntop(socket.AF_INET6, bytes.fromhex(address))}%{name}"
    return None


@pytest.mark.parametrize(
    ("user", "reason"),
    [
        (V3User("nobody", "sha1", "authauth1"), "auth"),
        (V3User("sha1", "sha1", "wrong-key1", "aes128", "privpriv1"), "auth"),
        (V3User("sha1", "sha1", "authauth1", "aes128", "wrong-key1"), "timeout"),  # net-snmp says nothing
    ],
)
async def test_wrong_keys_are_told_apart_as_far_as_the_agent_tells(port: int, user: V3User, reason: str) -> None:
    client = NativeClient()
    with pytest.raises(CollectError) as caught:
        await client.session_v3("127.0.0.1", port, user, timeout_s=0.3, retries=0).get([DESCR])
    assert caught.value.reason == reason
    if reason == "timeout":
        assert "priv_key" in str(caught.value)
    await client.close()


async def test_a_restarted_agent_is_found_again_by_v3(tmp_path: Path) -> None:
    port = free_port()
    client = NativeClient()
    session = client.session_v3("127.0.0.1", port, USERS[4], timeout_s=0.5, retries=2)
    async with snmpd(tmp_path, port=port):
        await _read(session)
    async with snmpd(tmp_path, port=port):  # its persistent state makes it boot once more
        await _read(session)
    other = tmp_path / "other"
    other.mkdir()
    async with snmpd(other, port=port, conf=SNMPD_CONF + "exactEngineID 0x8000000001020304\n"):
        await _read(session)
    assert client.stats.rediscoveries >= 2
    await client.close()


async def test_a_wrong_community_is_a_timeout_that_says_what_to_check(port: int) -> None:
    client = NativeClient()
    with pytest.raises(CollectError, match="community") as caught:
        await client.session("127.0.0.1", port, "2c", "guess", timeout_s=0.1, retries=0).get([DESCR])
    assert caught.value.reason == "timeout"
    assert "guess" not in str(caught.value)
    await client.close()


@pytest.mark.needs("snmpbulkwalk")
async def test_the_walk_agrees_with_snmpbulkwalk(port: int) -> None:
    """The oracle's own walk of the interfaces table, name for name."""
    process = await asyncio.create_subprocess_exec(
        *("snmpbulkwalk", "-v2c", "-cpublic", "-On", "-Oq", "-OQ", f"127.0.0.1:{port}", ".1.3.6.1.2.1.2.2.1.2"),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    expected = [line.split()[0].decode().removeprefix(".") for line in output.splitlines()]
    client = NativeClient()
    rows = await client.session("127.0.0.1", port).walk(IF_COLUMNS[1])
    assert [format_oid(row.oid) for row in rows] == expected
    await client.close()
