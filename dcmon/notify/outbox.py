"""The outbox worker: sends what the journal holds, records what came of it, and never decides who is told.

At least once: a message is claimed with a lease, sent, and recorded; a crash in between means that it is claimed again
and sent with the same key (and Message-ID). Each person and channel is a lane of its own, so that one that hangs holds
up nobody else; a lane sends one message at a time, keeps their order, and folds and bundles what has gathered. What
became of a failed message:

- transient: the lane waits, longer each time, or until something new comes; then the most urgent goes first. A page
  that has waited for `divert` also goes over another channel.
- unknown (it may have arrived): another channel of that person; where he has none, again with the same key.
- permanent, or older than `give_up`: another channel, or recorded as failed, on which the Pager escalates.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from dcmon.clock import Clock
from dcmon.config.agent import Outbox
from dcmon.config.people import People, Person
from dcmon.model import Changes, Notification, SendError, StoreError
from dcmon.notify.caps import free_slots, next_slot
from dcmon.notify.failures import PAGE_TEST, Attempts, Outcome, Verdict, arrival, findings, judge
from dcmon.notify.parcels import Parcel, bundle, fold
from dcmon.notify.records import STORE_PAUSE_S, OutboxJournal, Records

_log = logging.getLogger("dcmon.notify")

_BATCH = 200
"""Rows claimed at once."""
_LANE_MAX = 500
"""Rows that a lane keeps in memory while its channel is away; more go back to the journal."""
_HELD_MAX = 20_000
"""Rows in memory at once; more wait in the journal."""
_LOOK_S = 30.0
"""Longest pause between two looks at the journal, so that a clock that was set costs at most so much."""
_GRACE_S = 5.0
"""How long messages under way may take to end when the worker is stopped; real time."""


class Notifier(Protocol):
    """One channel. `send` returns the receiver's answer for the record, or raises SendError."""

    async def send(self, notification: Notification, person: Person) -> str: ...


@dataclass(slots=True)
class _Lane:
    """Everything under way to one person over one channel."""

    person: str
    channel: str
    waiting: dict[str, Notification] = field(default_factory=dict)
    sent: deque[int] = field(default_factory=deque)
    """When messages went, as far back as the cap looks."""
    remembers: bool = False
    """`sent` holds what went before this process, too."""
    failures: int = 0
    """Attempts since the channel last took something."""
    held: set[str] = field(default_factory=set)
    """Keys that the cap has put off, to count each once."""
    fresh: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class OutboxWorker:
    """Runs until cancelled. `wake` it right after a commit that queued something.

    `commit` takes what the worker learnt (a failed page, the same message over another channel) down the way of all
    changes: to the Pager, then in one transaction into the journal. It raises StoreError when that is impossible.
    """

    def __init__(
        self,
        journal: OutboxJournal,
        notifiers: Mapping[str, Notifier],
        people: People,
        clock: Clock,
        settings: Outbox,
        *,
        commit: Callable[[Changes], Awaitable[None]],
        owner: str = "outbox",
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._owner = owner
        self._records = Records(journal, clock, commit)
        self._woken = asyncio.Event()
        self.results: Counter[tuple[str, str]] = Counter()
        """Attempts by (sent, failed or unknown; channel), and as `held` the messages that a storm cap puts off."""
        self._lanes: dict[tuple[str, str], _Lane] = {}
        self._held: set[str] = set()
        self._diverted: set[str] = set()
        self._unknown: Counter[str] = Counter()
        self._notifiers = notifiers
        self._people = people
        self._settings = settings
        self._slots = {channel: asyncio.Semaphore(settings.in_flight) for channel in notifiers}

    def wake(self) -> None:
        """Something was queued: look at once."""
        self._woken.set()

    async def run(self) -> None:
        """Sends until cancelled; then what is under way may end within a few seconds, and the rest stays queued."""
        self._records.closing = False
        try:
            while True:
                self._woken.clear()
                await self._either(self._woken, await self._claim())
        finally:
            self._records.closing = True
            await self._finish()

    # Claiming

    async def _claim(self) -> float:
        """Hands everything due to its lane; returns the seconds until there is more to do."""
        try:
            while len(self._held) < _HELD_MAX:
                lease = self._settings.lease
                rows = await asyncio.to_thread(self._journal.claim, self._clock.now(), self._owner, lease, _BATCH)
                for row in rows:
                    self._enqueue(row.notification)
                if len(rows) < _BATCH:
                    break
            self._start_lanes()
            due = await asyncio.to_thread(self._journal.next_outbox_due)
        except StoreError as error:
            self._records.trouble("journal", str(error))
            return STORE_PAUSE_S
        finally:
            self._start_lanes()
        self._records.well("journal")
        if due is None:
            return _LOOK_S
        # What is under way may be due again by its lease; that is no reason to look at once.
        return min(max((due - self._clock.now()) / 1000, 1.0 if self._held else 0.01), _LOOK_S)

    def _enqueue(self, message: Notification) -> None:
        if message.key in self._held:
            return  # claimed anew because it takes longer than its lease
        self._held.add(message.key)
        name = (message.person, message.channel)
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = _Lane(*name)
        lane.waiting[message.key] = message
        lane.fresh.set()

    def _start_lanes(self) -> None:
        for lane in self._lanes.values():
            if lane.waiting and lane.task is None:
                lane.task = asyncio.create_task(self._drive(lane), name=f"outbox {lane.person}/{lane.channel}")

    async def _either(self, event: asyncio.Event, seconds: float) -> None:
        """Waits for the event, but no longer than `seconds` of the clock."""
        waits = [asyncio.create_task(event.wait()), asyncio.create_task(self._clock.sleep(max(seconds, 0)))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _finish(self) -> None:
        for lane in self._lanes.values():
            lane.fresh.set()
        tasks = [lane.task for lane in self._lanes.values() if lane.task is not None]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=_GRACE_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    # One lane

    async def _drive(self, lane: _Lane) -> None:
        """The lane's supervisor: whatever goes wrong in here ends no other lane."""
        try:
            if not lane.remembers:
                await self._remember(lane)
            while lane.waiting and not self._records.closing:
                lane.fresh.clear()
                until = await self._round(lane)
                if until is not None and not self._records.closing:
                    await self._either(lane.fresh, (until - self._clock.now()) / 1000)
        except Exception:  # noqa: BLE001  # a fault in one lane must not end the others; it is logged in full
            _log.exception("outbox: messages to %s over %s wait for the end of their lease", lane.person, lane.channel)
        finally:
            lane.task = None
            for key in list(lane.waiting):
                self._drop(lane, key)
            self._woken.set()

    async def _remember(self, lane: _Lane) -> None:
        """What a process before this one has sent counts towards the cap, too."""
        cap = self._settings.caps.get(lane.channel)
        if cap is not None:
            since = self._clock.now() - cap.window
            try:
                sent = await asyncio.to_thread(self._journal.sent_since, lane.person, lane.channel, since)
            except StoreError as error:
                self._records.trouble("journal", str(error))
                return
            lane.sent.extend(sent)
        lane.remembers = True

    async def _round(self, lane: _Lane) -> int | None:
        """Sends what may go now. Returns when to go on (ms UTC) if something has to wait, None otherwise."""
        now = self._clock.now()
        parcels = self._parcels(lane, now)
        if not parcels:
            self.results["held", lane.channel] += len(lane.waiting.keys() - lane.held)
            lane.held = set(lane.waiting)
            return next_slot(lane.sent, now, self._settings.caps[lane.channel])
        for parcel in parcels:
            if self._records.closing:
                return None
            result = await self._send(parcel.notification)
            self.results[_outcome(result), lane.channel] += 1
            if not isinstance(result, SendError):
                await self._sent(lane, parcel, result)
            elif result.permanent:
                _log.error("outbox: %s to %s is refused: %s", lane.channel, lane.person, result)
                await self._failed(lane, parcel.rows, result)
            else:
                lane.failures += 1
                self._records.trouble(lane.channel, str(result))
                until = await self._failed(lane, parcel.rows, result)
                tried = {row.key for row in parcel.rows}
                rest = [row for row in lane.waiting.values() if row.key not in tried]
                await self._failed(lane, rest, SendError(f"not tried: {result}"), tried=False)
                return until
        return None

    def _parcels(self, lane: _Lane, now: int) -> list[Parcel]:
        """What may go now: all, or the most urgent ones and a bundle of the rest, or nothing."""
        parcels = fold(lane.waiting.values())
        cap = self._settings.caps.get(lane.channel)
        if cap is None:
            return parcels
        while lane.sent and lane.sent[0] <= now - cap.window:
            lane.sent.popleft()
        free = free_slots(lane.sent, now, cap)
        if free == 0:
            return []
        return parcels if len(parcels) <= free else [*parcels[: free - 1], bundle(parcels[free - 1 :])]

    async def _send(self, message: Notification) -> str | SendError:
        """One attempt: the receiver's answer, or what went wrong."""
        person = self._people.person(message.person)
        notifier = self._notifiers.get(message.channel)
        if person is None:
            return SendError(f"{message.person} is not in people.yaml any more", permanent=True)
        if notifier is None:
            return SendError(f"there is no channel {message.channel}", permanent=True)
        try:
            async with self._slots[message.channel]:
                async with asyncio.timeout(self._settings.deadline / 1000):
                    return await notifier.send(message, person)
        except SendError as error:
            return error
        except TimeoutError:
            return SendError("no answer within the deadline", unknown=True)
        except Exception as error:  # noqa: BLE001  # whatever a channel does, the page goes over another one
            _log.exception("outbox: channel %s has a fault of its own", message.channel)
            return SendError(f"fault in channel {message.channel}: {type(error).__name__}")

    async def _sent(self, lane: _Lane, parcel: Parcel, answer: str) -> None:
        lane.failures = 0
        self._records.well(lane.channel)
        if lane.channel in self._settings.caps:
            lane.sent.append(self._clock.now())
        for row in parcel.rows:
            whole = row.key == parcel.notification.key
            if row.kind == PAGE_TEST:
                await self._records.learnt(arrival(row, answer, self._clock.now()))
            await self._records.sent(row.key, answer if whole else f"{answer} (as part of {parcel.notification.key})")
            self._drop(lane, row.key)

    async def _failed(
        self, lane: _Lane, rows: Iterable[Notification], error: SendError, *, tried: bool = True
    ) -> int | None:
        """Settles or puts off each row; returns when the lane goes on."""
        person = self._people.person(lane.person)
        until = None
        for row in rows:
            self._unknown[row.key] += error.unknown
            now = self._clock.now()
            attempts = Attempts(max(lane.failures, 1), self._unknown[row.key])
            verdict = judge(error, row, person, attempts, now, self._settings)
            if verdict.outcome is not Outcome.RETRY or (verdict.divert_to and row.key not in self._diverted):
                self._diverted.add(row.key)
                await self._records.learnt(findings(row, error, verdict, now))
            await self._settle(lane, row.key, str(error), verdict, tried)
            until = verdict.retry_at or until
        return until or self._clock.now() + self._settings.retry

    async def _settle(self, lane: _Lane, key: str, detail: str, verdict: Verdict, tried: bool) -> None:
        if verdict.outcome is Outcome.RETRY and verdict.retry_at is not None:
            crowded = len(lane.waiting) > _LANE_MAX
            if tried or crowded:
                await self._records.retry(key, detail, verdict.retry_at)
            if not crowded:
                return
        elif verdict.outcome is Outcome.UNKNOWN:
            await self._records.unknown(key, detail)
        else:
            await self._records.failed(key, detail)
        self._drop(lane, key)

    def _drop(self, lane: _Lane, key: str) -> None:
        """The row is settled, or left to the journal."""
        lane.waiting.pop(key, None)
        self._held.discard(key)
        self._diverted.discard(key)
        self._unknown.pop(key, None)


def _outcome(result: str | SendError) -> str:
    if not isinstance(result, SendError):
        return "sent"
    return "unknown" if result.unknown else "failed"
