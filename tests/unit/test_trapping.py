"""What a trap causes: an event that is kept, and a poll of whoever sent it. Never a value."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

import pytest

from dcmon.clock import SimulatedClock
from dcmon.collectors.names import Names
from dcmon.collectors.trapping import TrapDesk
from dcmon.collectors.traps import TrapEvent
from dcmon.config.collectors import Collectors
from dcmon.model import StoreError, Transition

NOW = 1_795_420_800_000


def snmp(host: str) -> dict[str, Any]:
    return {"snmp": {"host": host, "credentials": "public"}}


def unit(host: str, number: int) -> dict[str, Any]:
    return {"profile": "dse_gencomm", "modbus": {"host": host, "unit": number}}


class Desk:
    def __init__(self, ask: Callable[..., list[Any]] = socket.getaddrinfo, **devices: dict[str, Any]) -> None:
        self.polled: list[str] = []
        self.kept: list[Transition] = []
        self.full = False
        collectors = Collectors.model_validate({"devices": devices})
        self.desk = TrapDesk(collectors, self.poll_now, self.note, Names(ask))

    def poll_now(self, asset: str) -> bool:
        self.polled.append(asset)
        return True

    def note(self, events: Iterable[Transition]) -> None:
        if self.full:
            raise StoreError("the disk is full")
        self.kept += events

    def trap(self, source: str, ms: int = 0, *, foreign: bool = False, agent: str | None = None) -> bool:
        varbinds = (("1.3.6.1.2.1.33.1.2.3.0", "27"),)
        return self.desk.take(TrapEvent(NOW + ms, source, "1.3.6.1.2.1.33.2.3", 4711, varbinds, foreign, agent))


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


@contextlib.asynccontextmanager
async def running(site: Desk) -> AsyncIterator[SimulatedClock]:
    clock = SimulatedClock(NOW)
    task = asyncio.create_task(site.desk.run(clock))
    await clock.advance(0)
    try:
        yield clock
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def test_a_burst_of_each_sender_is_kept_one_by_one_and_a_storm_at_fifty_a_second_with_the_number_of_the_rest() -> None:
    site = Desk(ups=snmp("192.0.2.21"), pdu=snmp("192.0.2.22"))
    kept = [site.trap("192.0.2.21") for _ in range(12_000)]
    assert kept == [True] * 10_000 + [False] * 2_000
    assert site.trap("192.0.2.22"), "the storm of one leaves the other its measure"
    assert site.polled.count("ups") == 12_000, "how often that is a poll is the poller's to say"
    del site.kept[:]
    assert [site.trap("192.0.2.21", 1000) for _ in range(60)].count(True) == 50
    assert site.kept[0].reason.endswith("; 2000 more since the last one kept")
    assert "more since" not in site.kept[1].reason


def test_after_a_quiet_time_a_sender_may_send_a_burst_again() -> None:
    site = Desk(ups=snmp("192.0.2.21"))
    for _ in range(20_000):
        site.trap("192.0.2.21")
    assert all(site.trap("192.0.2.21", 200_000) for _ in range(10_000))


def test_a_clock_that_is_set_back_gives_nothing_and_takes_nothing() -> None:
    site = Desk(ups=snmp("192.0.2.21"))
    for _ in range(10_001):
        site.trap("192.0.2.21")
    assert not site.trap("192.0.2.21", -3_600_000)
    assert site.trap("192.0.2.21", -3_599_000)


def test_strangers_share_one_measure_however_many_addresses_they_invent_and_a_wrong_community_another() -> None:
    site = Desk(ups=snmp("192.0.2.21"))
    for number in range(20_000):
        site.trap(f"198.51.{number // 250}.{number % 250}")
        site.trap("192.0.2.21", foreign=True)
    assert len(site.kept) == 20_000
    assert site.trap("192.0.2.21")
    assert site.kept[-1].asset == "ups", "and leave the devices theirs"
    assert len(site.desk._senders) == 3


async def test_what_was_folded_and_had_no_successor_is_an_event_of_its_own_after_a_minute() -> None:
    site = Desk(ups=snmp("192.0.2.21"))
    async with running(site) as clock:
        for _ in range(10_100):
            site.trap("192.0.2.21")
        await clock.advance(59)
        assert len(site.kept) == 10_000
        await clock.advance(1)
        event = site.kept[-1]
        assert (event.type, event.state, event.asset) == ("trap", "folded", "ups")
        assert event.reason == "100 traps more from 192.0.2.21, counted and not kept one by one"
        await clock.advance(600)
        assert len(site.kept) == 10_001
        for _ in range(40_000):
            site.trap("192.0.2.21", 660_000)
    site.desk.tell_folded(660_000)
    assert site.kept[-1].reason.startswith("30000 traps more"), "as the end of the process has it told"


async def test_what_the_journal_does_not_take_is_told_to_the_sender_of_it_and_folded_ones_are_told_of_later() -> None:
    site = Desk(ups=snmp("192.0.2.21"))
    async with running(site) as clock:
        for _ in range(10_005):
            site.trap("192.0.2.21")
        site.full = True
        with pytest.raises(StoreError):
            site.trap("192.0.2.21", 1000)
        await clock.advance(60)
        assert len(site.kept) == 10_000
        site.full = False
        await clock.advance(60)
        assert site.kept[-1].reason.startswith("5 traps more")


def test_a_trap_that_came_another_way_polls_the_agent_that_it_names() -> None:
    site = Desk(ups=snmp("192.0.2.21"), pdu=snmp("192.0.2.22"))
    site.trap("192.0.2.99", agent="192.0.2.21")
    assert site.polled == ["ups"]
    assert (site.kept[0].asset, site.kept[0].data["source"]) == ("ups", "192.0.2.99")
    site.trap("192.0.2.22", agent="192.0.2.21")
    assert site.polled == ["ups", "pdu"], "where it came from counts for more than what it says"
    site.trap("192.0.2.99", agent="192.0.2.21", foreign=True)
    assert site.polled == ["ups", "pdu"]


async def test_a_device_configured_by_name_is_known_by_its_addresses_beside_others_there() -> None:
    answers = {"ups.example.org": "192.0.2.21"}

    def ask(host: str, *_: object, **__: object) -> list[Any]:
        if host not in answers:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [(socket.AF_INET, socket.SOCK_DGRAM, 17, "", (answers[host], 0))]

    site = Desk(ask, ups=snmp("ups.example.org"), card=snmp("192.0.2.21"), gone=snmp("gone.example.org"))
    async with running(site) as clock:

        async def wait(seconds: float) -> None:
            await clock.advance(seconds)
            await asyncio.sleep(0.05)  # names are asked for in threads, whatever the clock
            await clock.advance(0)

        await wait(1)
        site.trap("192.0.2.21")
        assert sorted(site.polled) == ["card", "ups"]

        answers["ups.example.org"] = "192.0.2.30"
        site.polled.clear()
        site.trap("192.0.2.30", 2000)
        assert site.polled == [], "nobody knows it yet"
        await wait(60)
        site.trap("192.0.2.30", 61_000)
        site.trap("192.0.2.21", 61_000)
        assert site.polled == ["ups", "card"], "the name moved, and its old address is no longer its own"

        answers.clear()
        await wait(600)
        site.trap("192.0.2.30", 700_000)
        assert site.polled[-1] == "ups", "a name server that is away changes nothing"
