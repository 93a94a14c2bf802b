"""Traps and informs as net-snmp's snmptrap sends them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from snmp_agents import has_ipv6

from dcmon.clock import SystemClock
from dcmon.collectors.snmp.usm import V3User
from dcmon.collectors.traps import TrapEvent, TrapReceiver

pytestmark = pytest.mark.needs("snmptrap")

HOSTS = ["127.0.0.1", "::1"] if has_ipv6() else ["127.0.0.1"]
USERS = [
    V3User("open"),
    V3User("auth", "sha1", "authauth1"),
    V3User("priv", "sha256", "authauth1", "aes128", "privpriv1"),
    V3User("long", "sha512", "authauth1", "aes256", "privpriv1"),
]
NET_SNMP_LEVELS = {
    "open": ["-l", "noAuthNoPriv"],
    "auth": ["-l", "authNoPriv", "-a", "SHA", "-A", "authauth1"],
    "priv": ["-l", "authPriv", "-a", "SHA-256", "-A", "authauth1", "-x", "AES", "-X", "privpriv1"],
    "long": ["-l", "authPriv", "-a", "SHA-512", "-A", "authauth1", "-x", "AES-256", "-X", "privpriv1"],
}
BATTERY = [".1.3.6.1.4.1.318.0.5", ".1.3.6.1.4.1.318.2.3.3.0", "s", "on battery"]


@asynccontextmanager
async def receiving() -> AsyncIterator[tuple[TrapReceiver, list[TrapEvent]]]:
    events: list[TrapEvent] = []

    def keep(event: TrapEvent) -> bool:
        events.append(event)
        return True

    receiver = TrapReceiver(
        SystemClock(), keep, listen=[(host, 0) for host in HOSTS], communities=["public"], users=USERS
    )
    receiver.open()
    task = asyncio.create_task(receiver.run())
    try:
        yield receiver, events
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def snmptrap(folder: Path, *arguments: str) -> int:
    process = await asyncio.create_subprocess_exec(
        *("snmptrap", "-t", "2", "-r", "0", *arguments),
        env={**os.environ, "SNMP_PERSISTENT_DIR": str(folder), "MIBS": ""},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    return await process.wait()


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(600):
        if condition():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not come to that")


async def test_traps_of_v1_and_v2c_arrive_over_both_address_families(tmp_path: Path) -> None:
    async with receiving() as (receiver, events):
        for host, address in zip(HOSTS, receiver.addresses, strict=True):
            target = f"udp6:[{host}]:{address[1]}" if ":" in host else f"udp:{host}:{address[1]}"
            await snmptrap(tmp_path, "-v2c", "-cpublic", target, "4711", *BATTERY)
            await snmptrap(
                tmp_path, "-v1", "-cpublic", target, ".1.3.6.1.4.1.318", "10.0.0.7", "6", "5", "4711", *BATTERY[1:]
            )
            await snmptrap(tmp_path, "-v1", "-cpublic", target, ".1.3.6.1.4.1.318", "10.0.0.7", "3", "0", "4711")
        await until(lambda: len(events) == 3 * len(HOSTS))
        assert [event.source for event in events] == [host for host in HOSTS for _ in range(3)]
        assert [event.trap_oid for event in events[:3]] == [
            "1.3.6.1.4.1.318.0.5",
            "1.3.6.1.4.1.318.0.5",
            "1.3.6.1.6.3.1.1.5.4",
        ]
        assert {event.uptime for event in events} == {4711}
        assert events[0].varbinds == (("1.3.6.1.4.1.318.2.3.3.0", "on battery"),)
        assert events[1].varbinds == (*events[0].varbinds, ("1.3.6.1.6.3.18.1.3.0", "10.0.0.7"))
        assert not any(event.foreign for event in events)


async def test_informs_of_v2c_are_acknowledged(tmp_path: Path) -> None:
    async with receiving() as (receiver, events):
        target = f"127.0.0.1:{receiver.addresses[0][1]}"
        assert await snmptrap(tmp_path, "-v2c", "-Ci", "-cpublic", target, "1", *BATTERY) == 0
        assert len(events) == 1
        assert await snmptrap(tmp_path, "-v2c", "-Ci", "-t1", "-cguess", target, "1", *BATTERY) != 0, "no answer"
        assert [event.foreign for event in events] == [False, True]


@pytest.mark.parametrize("user", [user.user for user in USERS])
async def test_v3_traps_arrive_and_v3_informs_are_acknowledged(tmp_path: Path, user: str) -> None:
    async with receiving() as (receiver, events):
        target = f"127.0.0.1:{receiver.addresses[0][1]}"
        level = ["-v3", "-u", user, *NET_SNMP_LEVELS[user]]
        await snmptrap(tmp_path, *level, "-e", "0x8000000001020304", target, "4711", *BATTERY)
        await until(lambda: len(events) == 1)
        assert await snmptrap(tmp_path, *level, "-Ci", target, "4712", *BATTERY) == 0
        await until(lambda: len(events) == 2)
        assert [(event.trap_oid, event.uptime) for event in events] == [
            ("1.3.6.1.4.1.318.0.5", 4711),
            ("1.3.6.1.4.1.318.0.5", 4712),
        ]
        assert events[1].varbinds == (("1.3.6.1.4.1.318.2.3.3.0", "on battery"),)
        assert receiver.stats.foreign == receiver.stats.malformed == 0


async def test_v3_with_a_wrong_key_is_foreign(tmp_path: Path) -> None:
    async with receiving() as (receiver, events):
        target = f"127.0.0.1:{receiver.addresses[0][1]}"
        level = ["-v3", "-u", "auth", "-l", "authNoPriv", "-a", "SHA", "-A", "wrong-key1", "-e", "0x8000000001020304"]
        await snmptrap(tmp_path, *level, target, "4711", *BATTERY)
        await until(lambda: receiver.stats.foreign == 1)
        assert events == []
