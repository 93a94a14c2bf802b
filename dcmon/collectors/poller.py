"""Asks every device in time, each for itself: schedule, deadline, back-off, and one batch of readings per poll."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import Protocol

from dcmon.clock import Clock, perf_counter
from dcmon.collectors.back_off import back_off
from dcmon.collectors.deadline import Deadlines
from dcmon.collectors.schedule import EVERYTHING, Intervals, Schedule
from dcmon.collectors.slots import Slots
from dcmon.config.agent import Polling
from dcmon.config.base import format_duration
from dcmon.model import CollectError, Quality, Reading

log = logging.getLogger("dcmon.collectors")

Submit = Callable[[list[Reading]], Awaitable[None] | None]

_EXTRA_EVERY_S = 1.0
"""Between two polls of a device out of turn, whatever a storm of traps asks for."""
_LOST_AFTER = 2
"""Failed polls in a row before a loss is logged: one lost datagram is no news."""


class Device(Protocol):
    """What the poller schedules: one address, asked as one."""

    @property
    def asset(self) -> str:
        """The asset the device is named after; unique."""
        ...

    @property
    def bus(self) -> str | None:
        """Polls of one bus (a serial line, a gateway's connection) never overlap."""
        ...

    @property
    def groups(self) -> frozenset[str]:
        """Which of `fast` and `slow` have anything in them; may change once the device is identified."""
        ...

    async def poll(self, groups: frozenset[str], now: int) -> list[Reading]:
        """One poll. CollectError when the device as a whole could not be read."""
        ...

    async def close(self) -> None:
        """Gives up sockets and connections; a later poll opens them again."""
        ...


@dataclass(slots=True)
class DeviceStats:
    """What happened to one device; for /metrics and the page. Instants in ms UTC, poll_time in s."""

    asset: str
    last_success: int | None = None
    last_error: str | None = None
    """What the last failed poll failed of; kept when the device is back."""
    lost_since: int | None = None
    """When the first of the failed polls in a row ended."""
    failures: int = 0
    """In a row."""
    polls: int = 0
    failed: int = 0
    overruns: int = 0
    """Instants of the schedule that were skipped because a poll was still under way."""
    undelivered: int = 0
    """Batches that the pipeline did not take."""
    back_off_until: int | None = None
    poll_time: float | None = None


class _Watch:
    """One device under way: its schedule, its statistics and what its task waits for."""

    __slots__ = (
        "asked",
        "bus",
        "device",
        "extra_at",
        "hurried",
        "planned",
        "resting_until",
        "schedule",
        "sleeping",
        "stats",
        "task",
    )

    def __init__(self, device: Device, schedule: Schedule, bus: AbstractAsyncContextManager[None]) -> None:
        self.device = device
        self.schedule = schedule
        self.bus = bus
        self.stats = DeviceStats(device.asset)
        self.resting_until: float | None = None
        self.planned = 0.0
        self.extra_at = 0.0
        self.task: asyncio.Task[None] | None = None
        self.sleeping = False
        self.asked = False
        self.hurried = False

    def due_at(self, now: float) -> float:
        return self.resting_until if self.resting_until is not None else self.schedule.next_at(now)

    def take(self, now: float, in_turn: bool) -> frozenset[str]:
        """What to ask for in the poll that starts now."""
        asked, self.asked = self.asked, False
        if not in_turn:
            self.extra_at = now + _EXTRA_EVERY_S
            return self.schedule.take_all(now)
        groups = self.schedule.take(now)
        # Who comes back is asked for everything: what it said before is old.
        return self.schedule.take_all(now) if asked or self.resting_until is not None else groups

    def wake(self) -> None:
        """Ends the sleep of the device's task, and nothing but its sleep."""
        if self.sleeping and self.task is not None:
            self.sleeping = False
            self.task.cancel()


class Poller:
    """One task per device; none waits for another but on its own bus.

    Intervals, back-off and deadlines are time of `clock`, timeouts of requests real seconds. `submit` gets one batch
    per poll: what the device said, `device.reachable` and `device.poll_time`; of a failed poll only `device.reachable`
    false with the reason, the device's points go stale by themselves. `intervals` overrides polling.fast and
    polling.slow by asset.
    """

    def __init__(
        self,
        devices: Iterable[Device],
        polling: Polling,
        clock: Clock,
        submit: Submit,
        *,
        intervals: Mapping[str, Intervals] | None = None,
        dice: random.Random | None = None,
    ) -> None:
        self._clock = clock
        self._submit = submit
        self._dice = dice or random.Random()
        self._deadlines = Deadlines(polling.deadline / 1000 / clock.pace)
        self._max_back_off_s = polling.max_back_off / 1000
        self._delivering = True
        self._slots = Slots(polling.max_in_flight)
        self.errors: Counter[str] = Counter()
        """Failed polls by reason."""
        self.bad: Counter[tuple[str, str, str]] = Counter()
        """Bad readings of answered polls by asset, point and reason."""
        self.lag_s = 0.0
        """How late polls start against their schedule, at worst lately (real seconds; halves with every poll)."""
        self.in_flight = 0
        self.last_ended: int | None = None
        """When any poll last ended, answered or not (ms UTC)."""
        self._watches = self._arrange(list(devices), intervals or {}, polling)

    def _arrange(
        self, devices: list[Device], intervals: Mapping[str, Intervals], polling: Polling
    ) -> dict[str, _Watch]:
        usual = Intervals(polling.fast / 1000, polling.slow / 1000)
        start = self._clock.monotonic()
        locks: dict[str, asyncio.Lock] = {}
        watches = {}
        for place, device in enumerate(devices):
            own = intervals.get(device.asset, usual)
            # Spread evenly over the interval, and by chance within each share: a start is no stampede.
            origin = start + (place + self._dice.random()) / len(devices) * min(own)
            bus: AbstractAsyncContextManager[None] = nullcontext()
            if device.bus is not None:
                bus = locks.setdefault(device.bus, asyncio.Lock())
            schedule = Schedule(own, origin, self._dice.random())
            schedule.arrange(device.groups or EVERYTHING, hurried=False)
            watches[device.asset] = _Watch(device, schedule, bus)
        return watches

    @property
    def stats(self) -> dict[str, DeviceStats]:
        """By asset; the live objects."""
        return {asset: watch.stats for asset, watch in self._watches.items()}

    async def run(self) -> None:
        """Polls until cancelled, then closes the devices."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for asset, watch in self._watches.items():
                    watch.task = tasks.create_task(self._follow(watch), name=f"poll {asset}")
        finally:
            closing = (watch.device.close() for watch in self._watches.values())
            await asyncio.gather(*closing, return_exceptions=True)

    def poll_now(self, asset: str) -> bool:
        """Wakes the device's task for a poll of everything; while one is under way, one more follows it.

        At most one poll out of turn in a second: what is asked for sooner is done when the second is over, so that the
        last of a row of traps is not the one that nobody looked after. False when no device has this name.
        """
        watch = self._watches.get(asset)
        if watch is None:
            return False
        if not watch.asked:
            watch.asked = True
            watch.wake()
        return True

    def set_fast(self, assets: Iterable[str]) -> None:
        """These devices, and no others, are from now on asked for everything at their fast interval."""
        fast = frozenset(assets)
        for asset, watch in self._watches.items():
            if watch.hurried != (asset in fast):
                watch.hurried = asset in fast
                watch.schedule.arrange(watch.device.groups or EVERYTHING, watch.hurried)
                watch.wake()

    async def _follow(self, watch: _Watch) -> None:
        while True:
            await self._poll(watch, await self._wait(watch))

    async def _wait(self, watch: _Watch) -> bool:
        """Until the next poll; whether that is in its turn."""
        while True:
            now = self._clock.monotonic()
            at = watch.planned = watch.due_at(now)
            if watch.asked:
                at = min(at, max(now, watch.extra_at))
            in_turn = at == watch.planned
            if at <= now:
                return in_turn
            watch.sleeping = True
            try:
                await self._clock.sleep(at - now)
                return in_turn
            except asyncio.CancelledError:
                # `wake` takes back its own cancellation; one from outside remains and ends the task.
                if watch.sleeping or watch.task is None or watch.task.uncancel():
                    raise
            finally:
                watch.sleeping = False

    async def _poll(self, watch: _Watch, in_turn: bool) -> None:
        woken = self._clock.monotonic()
        due = watch.planned if in_turn else woken
        groups = watch.take(woken, in_turn)
        async with watch.bus:
            slot = await self._slots.take()
            self.lag_s = max((self._clock.monotonic() - due) / self._clock.pace, self.lag_s / 2)
            self.in_flight += 1
            try:
                batch = await self._ask(watch, groups)
            finally:
                self.in_flight -= 1
                self._slots.give_back(slot)
        self.last_ended = self._clock.now()
        await self._deliver(watch, batch)
        if watch.resting_until is None:
            watch.schedule.arrange(watch.device.groups or EVERYTHING, watch.hurried)
            watch.stats.overruns += watch.schedule.missed(woken, self._clock.monotonic())

    async def _ask(self, watch: _Watch, groups: frozenset[str]) -> list[Reading]:
        """One poll under its deadline. The supervisor of device code: nothing that goes wrong there ends the task."""
        stats, asset = watch.stats, watch.stats.asset
        stats.polls += 1
        started, ts = perf_counter(), self._clock.now()
        try:
            with self._deadlines.begin():
                batch = await watch.device.poll(groups, ts)
        except CollectError as error:
            return self._failed(watch, error.reason, str(error))
        except TimeoutError:
            return self._failed(watch, "timeout", f"the poll was not finished after {self._deadlines.seconds:g} s")
        except Exception as error:
            detail = f"fault of dcmon: {error!r}"
            if stats.failures == 0 or stats.last_error != detail:
                log.exception("%s: the poll failed by a fault of dcmon; the other devices go on", asset)
            return self._failed(watch, "internal", detail)
        stats.poll_time = perf_counter() - started
        self._answered(watch, ts)
        self._count_bad(batch)
        batch.append(Reading(ts, asset, "device.reachable", None, True))
        batch.append(Reading(ts, asset, "device.poll_time", None, stats.poll_time))
        return batch

    def _count_bad(self, batch: list[Reading]) -> None:
        bad = Quality.BAD
        for reading in batch:
            if reading.quality is bad:
                what = (reading.asset, reading.point, reading.reason or "")
                self.bad[what] += 1
                if reading.reason == "enum" and self.bad[what] == 1:
                    told = "%s: %s says a state that its profile does not list (%s): it is not believed, but counted"
                    log.warning(told, reading.asset, reading.point, reading.source)

    def _failed(self, watch: _Watch, reason: str, detail: str) -> list[Reading]:
        stats, now = watch.stats, self._clock.now()
        stats.failed += 1
        self.errors[reason] += 1
        stats.failures += 1
        stats.last_error = detail
        if stats.lost_since is None:
            stats.lost_since = now
        step_s = watch.schedule.step_s
        pause = back_off(stats.failures, step_s, max(self._max_back_off_s, step_s), self._dice.random())
        watch.resting_until = self._clock.monotonic() + pause
        stats.back_off_until = now + round(pause * 1000)
        if stats.failures == _LOST_AFTER:
            log.warning("%s: lost, %d polls in a row failed (%s)", stats.asset, stats.failures, detail)
        return [Reading(now, stats.asset, "device.reachable", None, False, reason=reason)]

    def _answered(self, watch: _Watch, ts: int) -> None:
        stats = watch.stats
        stats.last_success = ts
        if stats.failures == 0:
            return
        failures, away = stats.failures, max(0, ts - (stats.lost_since or ts))
        stats.failures, stats.lost_since, stats.back_off_until = 0, None, None
        watch.resting_until = None
        if failures >= _LOST_AFTER:
            log.info("%s: found again after %s and %d failed polls", stats.asset, format_duration(away), failures)
        if watch.device.bus is not None:
            self._wake_lost(watch.device.bus)

    def _wake_lost(self, bus: str) -> None:
        """A unit came back, so perhaps its whole bus did: the others need not wait for the end of their back-off."""
        for other in self._watches.values():
            if other.resting_until is not None and other.device.bus == bus:
                self.poll_now(other.stats.asset)

    async def _deliver(self, watch: _Watch, batch: list[Reading]) -> None:
        """Hands the batch on. The supervisor of the pipeline's side."""
        try:
            taken = self._submit(batch)
            if taken is not None:
                await taken
        except Exception:
            watch.stats.undelivered += 1
            if self._delivering:
                self._delivering = False
                log.exception("%s: a poll's readings could not be judged or kept; polling goes on", watch.stats.asset)
            return
        if not self._delivering:
            self._delivering = True
            log.info("readings are judged and kept again")
