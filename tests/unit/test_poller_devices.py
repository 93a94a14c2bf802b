"""What the poller does with devices that answer, hang, crash and return; time is moved by hand."""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from dcmon.clock import SimulatedClock
from dcmon.collectors.poller import Poller
from dcmon.collectors.schedule import EVERYTHING, FAST, SLOW, Intervals
from dcmon.config.agent import Polling
from dcmon.model import CollectError, Quality, Reading

START = 1_000_000_000


class Fake:
    """A device whose poll does what `act` says."""

    def __init__(
        self,
        asset: str,
        clock: SimulatedClock,
        act: Callable[[], Awaitable[None]] | None = None,
        *,
        bus: str | None = None,
        groups: frozenset[str] = EVERYTHING,
    ) -> None:
        self.asset, self.bus, self.groups = asset, bus, groups
        self.clock = clock
        self.act = act
        self.polls: list[tuple[float, frozenset[str]]] = []
        self.under_way = 0
        self.closed = False

    async def poll(self, groups: frozenset[str], now: int) -> list[Reading]:
        self.polls.append(((now - START) / 1000, groups))
        self.under_way += 1
        assert self.under_way == 1, "two polls of one asset at once"
        try:
            if self.act is not None:
                await self.act()
        finally:
            self.under_way -= 1
        return [Reading(now, self.asset, "output.load", None, 42.0)]

    async def close(self) -> None:
        self.closed = True

    def times(self) -> list[float]:
        return [at for at, _ in self.polls]


async def silent() -> None:
    raise CollectError("timeout", "no answer within 1 s")


@asynccontextmanager
async def polling(
    clock: SimulatedClock, *devices: Fake, submit: Callable[[list[Reading]], None] | None = None, **settings: int
) -> AsyncIterator[tuple[Poller, list[Reading]]]:
    got: list[Reading] = []
    limits = Polling.model_construct(**({"deadline": 10_000} | settings))
    poller = Poller(devices, limits, clock, submit or got.extend, dice=random.Random(7))
    task = asyncio.create_task(poller.run())
    try:
        yield poller, got
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert all(device.closed for device in devices)


def reachable(got: list[Reading], asset: str) -> list[bool]:
    return [bool(r.value) for r in got if (r.asset, r.point) == (asset, "device.reachable")]


async def test_a_batch_holds_the_readings_and_says_that_the_device_was_reached() -> None:
    clock = SimulatedClock(START)
    async with polling(clock, Fake("ups-a", clock)) as (poller, got):
        await clock.advance(2)
        assert [r.point for r in got] == ["output.load", "device.reachable", "device.poll_time"]
        assert [r.asset for r in got] == ["ups-a"] * 3
        assert got[1].value is True
        assert isinstance(got[2].value, float)
        assert poller.stats["ups-a"].last_success == got[0].ts


async def test_a_state_that_no_profile_lists_is_counted_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    class Odd(Fake):
        async def poll(self, groups: frozenset[str], now: int) -> list[Reading]:
            good = await super().poll(groups, now)
            odd = Reading(now, self.asset, "output.source", None, None, Quality.BAD, "enum", "1.3.6.1.2.1.33.1.4.1.0")
            gone = Reading(now, self.asset, "battery.temperature", None, None, Quality.BAD, "sentinel")
            return [*good, odd, gone]

    clock = SimulatedClock(START)
    async with polling(clock, Odd("ups-a", clock)) as (poller, got):
        await clock.advance(9)
        polls = reachable(got, "ups-a").count(True)
    assert polls > 2
    assert poller.bad == {
        ("ups-a", "output.source", "enum"): polls,
        ("ups-a", "battery.temperature", "sentinel"): polls,
    }
    (told,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert told.startswith("ups-a: output.source says a state that its profile does not list (1.3.6.1.2.1.33.1.4.1.0)")


async def test_starts_are_spread_over_the_interval_and_keep_their_pace() -> None:
    clock = SimulatedClock(START)
    devices = [Fake(f"d{n}", clock) for n in range(20)]
    async with polling(clock, *devices):
        await clock.advance(60)
    firsts = sorted(device.times()[0] for device in devices)
    assert all(n * 0.1 <= at <= (n + 1) * 0.1 for n, at in enumerate(firsts))
    for device in devices:
        assert device.polls[0][1] == EVERYTHING
        assert 29 <= len(device.polls) <= 30
        assert 3 <= sum(SLOW in groups for _, groups in device.polls) <= 5


async def test_own_intervals_override_those_of_the_agent() -> None:
    clock = SimulatedClock(START)
    device = Fake("slow", clock)
    limits = Polling()
    poller = Poller([device], limits, clock, lambda batch: None, intervals={"slow": Intervals(30, 300)})
    task = asyncio.create_task(poller.run())
    await clock.advance(300)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert len(device.polls) == 10


async def test_a_failed_poll_says_unreachable_and_why_and_nothing_else() -> None:
    clock = SimulatedClock(START)
    async with polling(clock, Fake("ups-a", clock, silent)) as (poller, got):
        await clock.advance(2)
        assert [(r.point, r.value, r.reason) for r in got] == [("device.reachable", False, "timeout")]
        stats = poller.stats["ups-a"]
        assert (stats.failures, stats.failed, stats.last_success) == (1, 1, None)
        assert stats.last_error == "timeout: no answer within 1 s"
        assert stats.back_off_until is not None


async def test_a_silent_device_is_asked_ever_less_often_up_to_the_cap_and_found_when_it_returns(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "dcmon.collectors")
    clock = SimulatedClock(START)
    device = Fake("ups-a", clock, silent)
    async with polling(clock, device, max_back_off=20_000) as (poller, got):
        await clock.advance(300)
        gaps = [b - a for a, b in zip(device.times(), device.times()[1:], strict=False)]
        assert all(1.5 <= gap <= 20.01 for gap in gaps)
        assert all(gap >= 15 for gap in gaps[4:])
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        device.act = None
        tried = len(device.polls)
        await clock.advance(21)
        assert reachable(got, "ups-a")[-1] is True
        assert device.polls[tried][1] == EVERYTHING
        assert (poller.stats["ups-a"].failures, poller.stats["ups-a"].back_off_until) == (0, None)
        assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
        assert "failed polls" in caplog.records[1].getMessage()
        before = len(device.polls)
        await clock.advance(10)
        assert len(device.polls) == before + 5


async def test_who_comes_back_is_asked_for_everything_even_when_its_slow_points_are_not_due() -> None:
    clock = SimulatedClock(START)
    device = Fake("ups-a", clock)
    async with polling(clock, device, slow=3_600_000):
        await clock.advance(10)
        device.act = silent
        await clock.advance(30)
        device.act = None
        tried = len(device.polls)
        await clock.advance(60)
        assert [groups for _, groups in device.polls[tried:][:2]] == [EVERYTHING, {FAST}]


async def test_one_lost_poll_is_no_news_and_is_tried_again_within_the_interval(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "dcmon.collectors")
    clock = SimulatedClock(START)
    device = Fake("ups-a", clock)

    async def every_third() -> None:
        if len(device.polls) % 3 == 0:
            raise CollectError("timeout")

    device.act = every_third
    async with polling(clock, device) as (_, got):
        await clock.advance(60)
    assert caplog.records == []
    answered = [r.ts for r in got if r.point == "output.load"]
    assert max(b - a for a, b in itertools.pairwise(answered)) <= 4_000


async def test_a_hanging_device_meets_its_deadline_and_delays_nobody() -> None:
    clock = SimulatedClock(START)

    async def hang() -> None:
        await asyncio.Event().wait()

    hanging, others = Fake("hanging", clock, hang), [Fake(f"ok{n}", clock) for n in range(5)]
    async with polling(clock, hanging, *others, deadline=100) as (poller, got):
        await clock.advance(20)
        assert all(len(device.polls) >= 9 for device in others)
        await asyncio.sleep(0.15)
        await clock.advance(0)
        assert poller.stats["hanging"].failures == 1
        assert [r.reason for r in got if r.asset == "hanging"] == ["timeout"]


async def test_when_more_devices_die_than_there_are_slots_the_living_keep_their_pace() -> None:
    clock = SimulatedClock(START)

    async def hang() -> None:
        await asyncio.Event().wait()

    dead, alive = [Fake(f"dead{n}", clock, hang) for n in range(8)], Fake("alive", clock)
    async with polling(clock, *dead, alive, max_in_flight=4):
        for _ in range(4):
            await clock.advance(2)
            await asyncio.sleep(0.3)
        await clock.advance(0)
        assert len(alive.polls) >= 3


async def test_no_more_polls_than_slots_are_busy_at_once() -> None:
    clock = SimulatedClock(START)
    busy = most = 0

    async def work() -> None:
        nonlocal busy, most
        busy += 1
        most = max(most, busy)
        await asyncio.sleep(0.01)
        busy -= 1

    async with polling(clock, *(Fake(f"d{n}", clock, work) for n in range(12)), max_in_flight=3):
        await clock.advance(2)
        await asyncio.sleep(0.3)
    assert most == 3


async def test_polls_of_one_bus_never_overlap_and_other_buses_go_on() -> None:
    clock = SimulatedClock(START)
    busy: dict[str, int] = {"a": 0, "b": 0}
    overlap = []

    def work(bus: str) -> Callable[[], Awaitable[None]]:
        async def act() -> None:
            busy[bus] += 1
            overlap.append(busy["a"] + busy["b"])
            assert busy[bus] == 1
            await asyncio.sleep(0.01)
            busy[bus] -= 1

        return act

    devices = [Fake(f"{bus}{n}", clock, work(bus), bus=bus) for n in range(5) for bus in busy]
    async with polling(clock, *devices):
        await clock.advance(2)
        await asyncio.sleep(0.2)
    assert all(device.polls for device in devices)
    assert max(overlap) == 2


async def test_an_overrun_skips_and_counts() -> None:
    clock = SimulatedClock(START)
    device = Fake("tired", clock)

    async def five_seconds() -> None:
        await clock.sleep(5)

    device.act = five_seconds
    async with polling(clock, device) as (poller, _):
        await clock.advance(58)
        gaps = [b - a for a, b in zip(device.times(), device.times()[1:], strict=False)]
        assert all(gap == pytest.approx(6, abs=0.01) for gap in gaps)
        assert poller.stats["tired"].overruns == 2 * (len(device.polls) - 1)


async def test_a_trap_wakes_the_device_at_once_even_from_its_back_off() -> None:
    clock = SimulatedClock(START)
    device = Fake("ups-a", clock, silent)
    async with polling(clock, device) as (poller, got):
        await clock.advance(200)
        device.act = None
        before = len(device.polls)
        assert poller.poll_now("ups-a")
        await clock.advance(0)
        assert len(device.polls) == before + 1
        assert device.polls[-1][1] == EVERYTHING
        assert reachable(got, "ups-a")[-1] is True
        assert not poller.poll_now("nobody")


async def test_traps_during_a_poll_make_one_more_poll_and_never_two_at_once() -> None:
    clock = SimulatedClock(START)
    gate = asyncio.Event()
    device = Fake("ups-a", clock, gate.wait)  # type: ignore[arg-type]
    async with polling(clock, device) as (poller, _):
        await clock.advance(1.9)
        assert len(device.polls) == 1
        for _ in range(1000):
            poller.poll_now("ups-a")
        gate.set()
        await clock.advance(0)
        assert len(device.polls) == 2


async def test_a_storm_of_traps_makes_one_extra_poll_a_second_and_the_last_trap_of_it_has_its_poll_too() -> None:
    clock = SimulatedClock(START)
    storm, other = (Fake(asset, clock, groups=frozenset({SLOW})) for asset in ("ups-a", "pdu-a1"))
    async with polling(clock, storm, other, slow=600_000) as (poller, _):
        await clock.advance(3)
        calm = len(storm.polls)
        for number in range(2500):
            poller.poll_now("ups-a")
            if number == 1000:
                poller.poll_now("pdu-a1")
                before = len(other.polls)
            await clock.advance(0.002)
            if number == 1000:
                assert len(other.polls) == before + 1, "the storm of one leaves the other its poll"
        extra = storm.times()[calm:]
        gaps = [b - a for a, b in itertools.pairwise(extra)]
        assert len(extra) == 6
        assert all(gap == pytest.approx(1, abs=0.003) for gap in gaps), extra
        await clock.advance(1)
        assert storm.times()[-1] >= 3 + 5.0 - 0.002, "what the last trap told of is looked after"
        settled = len(storm.polls)
        await clock.advance(5)
        assert len(storm.polls) == settled


async def test_a_trap_that_must_wait_is_served_by_the_devices_turn_when_that_comes_first() -> None:
    clock = SimulatedClock(START)
    device = Fake("ups-a", clock)
    async with polling(clock, device, fast=2_000, slow=600_000) as (poller, _):
        await clock.advance(2)
        turn = device.times()[0] + 4
        await clock.advance(turn - 0.7 - 2)
        poller.poll_now("ups-a")
        await clock.advance(0.5)
        poller.poll_now("ups-a")
        before = len(device.polls)
        await clock.advance(1.5)
        (at, groups), *others = device.polls[before:]
        assert (round(at - turn, 3), groups, others) == (0, EVERYTHING, [])


async def test_devices_set_fast_are_asked_for_everything_at_the_fast_interval() -> None:
    clock = SimulatedClock(START)
    chain, other = Fake("ups-a", clock, groups=frozenset({SLOW})), Fake("leak", clock, groups=frozenset({SLOW}))
    async with polling(clock, chain, other) as (poller, _):
        await clock.advance(30)
        assert len(chain.polls) <= 4
        poller.set_fast({"ups-a"})
        before = len(chain.polls), len(other.polls)
        await clock.advance(20)
        assert len(chain.polls) - before[0] == 10
        assert len(other.polls) - before[1] <= 2
        poller.set_fast(())
        before = len(chain.polls), 0
        await clock.advance(30)
        assert len(chain.polls) - before[0] == 2


async def test_fast_polls_of_a_hurried_device_carry_the_slow_group() -> None:
    clock = SimulatedClock(START)
    device = Fake("ups-a", clock)
    async with polling(clock, device) as (poller, _):
        await clock.advance(5)
        poller.set_fast({"ups-a"})
        before = len(device.polls)
        await clock.advance(10)
        assert {groups for _, groups in device.polls[before:]} == {EVERYTHING}
        poller.set_fast(())
        before = len(device.polls)
        await clock.advance(10)
        assert [groups for _, groups in device.polls[before:]].count(frozenset({FAST})) >= 4


async def test_a_programming_error_in_one_device_is_logged_once_and_ends_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = SimulatedClock(START)

    async def crash() -> None:
        raise ZeroDivisionError("division by zero")

    bad, good = Fake("bad", clock, crash), Fake("good", clock)
    async with polling(clock, bad, good) as (poller, got):
        await clock.advance(100)
        assert poller.errors["internal"] == len(bad.polls) > 3
        assert len(good.polls) >= 49
        assert {r.reason for r in got if r.asset == "bad"} == {"internal"}
    assert sum(record.exc_info is not None for record in caplog.records) == 1


async def test_a_pipeline_that_fails_is_logged_once_and_does_not_end_polling(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "dcmon.collectors")
    clock = SimulatedClock(START)
    full = True

    def submit(batch: list[Reading]) -> None:
        if full:
            raise OSError(28, "No space left on device")

    device = Fake("ups-a", clock)
    async with polling(clock, device, submit=submit) as (poller, _):
        await clock.advance(20)
        full = False
        await clock.advance(20)
        assert poller.stats["ups-a"].undelivered == 10
        assert poller.stats["ups-a"].failures == 0
        assert len(device.polls) >= 19
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]


async def test_when_one_unit_of_a_bus_returns_the_others_are_asked_at_once() -> None:
    clock = SimulatedClock(START)
    units = [Fake(f"u{n}", clock, silent, bus="gateway") for n in range(4)]
    elsewhere = Fake("elsewhere", clock, silent, bus="other")
    async with polling(clock, *units, elsewhere) as (poller, _):
        await clock.advance(300)
        for unit in units:
            unit.act = None
        before = [len(unit.polls) for unit in units], len(elsewhere.polls)
        poller.poll_now("u2")
        await clock.advance(0.1)
        assert [len(unit.polls) for unit in units] == [count + 1 for count in before[0]]
        assert len(elsewhere.polls) == before[1]


async def test_submit_may_be_a_coroutine() -> None:
    clock = SimulatedClock(START)
    got: list[Reading] = []

    async def keep(batch: list[Reading]) -> None:
        await asyncio.sleep(0)
        got.extend(batch)

    poller = Poller([Fake("ups-a", clock)], Polling(), clock, keep)
    task = asyncio.create_task(poller.run())
    await clock.advance(2)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert len(got) >= 3


async def test_how_late_polls_start_is_told_and_forgotten_when_they_are_in_time_again() -> None:
    clock = SimulatedClock(START)
    gate = asyncio.Event()
    slow, behind = Fake("slow", clock, gate.wait, bus="line"), Fake("behind", clock, bus="line")
    async with polling(clock, slow, behind) as (poller, _):
        await clock.advance(6)
        assert behind.polls == [], "the line is taken"
        gate.set()
        await clock.advance(0.1)
        late = poller.lag_s
        assert 3 < late < 6
        await clock.advance(60)
        assert poller.lag_s < 0.01
