"""What a trap causes: an event that is kept, and a poll of whoever sent it. Never a value."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterable
from typing import Any

import pytest

from dcmon.clock import SimulatedClock
from dcmon.collectors.trapping import TrapDesk
from dcmon.collectors.traps import TrapEvent
from dcmon.config.collectors import Collectors
from dcmon.model import Transition

NOW = 1_795_420_800_000


def snmp(host: str) -> dict[str, Any]:
    return {"snmp": {"host": host, "credentials": "public"}}


def unit(host: str, number: int) -> dict[str, Any]:
    return {"profile": "dse_gencomm", "modbus": {"host": host, "unit": number}}


class Desk:
    def __init__(self, **devices: dict[str, Any]) -> None:
        self.polled: list[str] = []
        self.kept: list[Transition] = []
        self.desk = TrapDesk(Collectors.model_validate({"devices": devices}), self.poll_now, self.note)

    def poll_now(self, asset: str) -> bool:
        self.polled.append(asset)
        return True

    def note(self, events: Iterable[Transition]) -> None:
        self.kept += events

    def trap(self, source: str, ms: int = 0, *, foreign: bool = False) -> None:
        event = TrapEvent(NOW + ms, source, "1.3.6.1.2.1.33.2.3", 4711, (("1.3.6.1.2.1.33.1.2.3.0", "27"),), foreign)
        self.desk.take(event)


def test_a_trap_is_kept_as_an_event_of_its_sender_which_is_polled() -> None:
    site = Desk(ups=snmp("192.0.2.21"), pdu=snmp("192.0.2.22"))
    site.trap("192.0.2.21")
    assert site.polled == ["ups"]
    (event,) = site.kept
    assert (event.ts, event.type, event.subject, event.state, event.asset) == (
        NOW, "trap", "1.3.6.1.2.1.33.2.3", "received", "ups",
    )  # fmt: skip
    assert event.reason == "trap 1.3.6.1.2.1.33.2.3 from 192.0.2.21"
    assert event.data == {"source": "192.0.2.21", "uptime": 4711, "varbinds": [["1.3.6.1.2.1.33.1.2.3.0", "27"]]}


def test_every_device_behind_a_gateway_is_polled_and_the_event_is_nobodys_in_particular() -> None:
    site = Desk(a=unit("192.0.2.9", 1), b=unit("192.0.2.9", 2))
    site.trap("192.0.2.9")
    assert site.polled == ["a", "b"]
    assert site.kept[0].asset is None


@pytest.mark.parametrize(
    ("configured", "source"),
    [
        ("192.0.2.21", "::ffff:192.0.2.21"),
        ("::ffff:192.0.2.21", "192.0.2.21"),
        ("2001:db8:0:0::7", "2001:db8::7"),
    ],
)
def test_one_address_in_two_spellings_is_one_device(configured: str, source: str) -> None:
    site = Desk(ups=snmp(configured))
    site.trap(source)
    assert site.polled == ["ups"]


def test_a_stranger_and_a_wrong_community_are_kept_and_poll_nobody() -> None:
    site = Desk(ups=snmp("192.0.2.21"))
    site.trap("192.0.2.99")
    site.trap("192.0.2.21", foreign=True)
    assert site.polled == []
    assert [event.asset for event in site.kept] == [None, "ups"]
    assert "unknown community or user" in site.kept[1].reason


def test_a_storm_polls_once_a_second_and_the_journal_keeps_fifty_and_the_number_of_the_rest() -> None:
    site = Desk(ups=snmp("192.0.2.21"), pdu=snmp("192.0.2.22"))
    for number in range(1000):
        site.trap("192.0.2.21", number // 2)
    site.trap("192.0.2.22", 500)
    assert site.polled == ["ups", "pdu"], "the storm of one leaves the other its poll"
    assert len([event for event in site.kept if event.asset == "ups"]) == 50
    site.trap("192.0.2.21", 1500)
    assert site.kept[-1].reason.endswith("; 950 more since the last one kept")
    assert site.polled == ["ups", "pdu", "ups"]
    site.trap("192.0.2.21", 1501)
    assert "more since" not in site.kept[-1].reason


def test_strangers_share_one_bound_however_many_addresses_they_invent() -> None:
    site = Desk(ups=snmp("192.0.2.21"))
    for number in range(2000):
        site.trap(f"198.51.{number // 250}.{number % 250}", foreign=True)
    assert len(site.kept) == 50
    site.trap("192.0.2.21")
    assert site.kept[-1].asset == "ups", "and leave the devices theirs"
    assert len(site.desk._seconds) == 2


async def test_a_device_configured_by_name_is_known_by_its_addresses_beside_others_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    answers = {"ups.example.org": "192.0.2.21"}

    async def getaddrinfo(host: str, *_: object, **__: object) -> list[Any]:
        if host not in answers:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [(socket.AF_INET, socket.SOCK_DGRAM, 17, "", (answers[host], 0))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo, raising=False)
    clock = SimulatedClock(NOW)
    site = Desk(ups=snmp("ups.example.org"), card=snmp("192.0.2.21"), gone=snmp("gone.example.org"))
    running = asyncio.create_task(site.desk.resolve(clock))
    await clock.advance(1)
    site.trap("192.0.2.21")
    assert sorted(site.polled) == ["card", "ups"]

    answers["ups.example.org"] = "192.0.2.30"
    await clock.advance(600)
    site.polled.clear()
    site.trap("192.0.2.30", 2000)
    site.trap("192.0.2.21", 2000)
    assert site.polled == ["ups", "card"], "the name moved, and its old address is no longer its own"
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_nothing_is_looked_up_where_every_device_has_an_address() -> None:
    clock = SimulatedClock(NOW)
    await asyncio.wait_for(Desk(ups=snmp("192.0.2.21")).desk.resolve(clock), 1)
