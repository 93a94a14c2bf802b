"""The outbox worker: sends what the journal holds, records what came of it, and never decides who is told.

At least once: a message is claimed with a lease, sent, and recorded; a crash in between means that it is claimed again
and sent with the same key (and Message-ID). Each person and channel is a lane of its own, so that one that hangs holds
up nobody else, and messages of one lane keep their order, fold and bundle. What became of a failed message:

- transient: again after a growing pause; a page that has waited for `divert` also goes over another channel.
- unknown (it may have arrived): another channel of that person; where he has none, again with the same key.
- permanent, or older than `give_up`: another channel, or recorded as failed, on which the Pager escalates.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol

from dcmon.clock import Clock
from dcmon.config.agent import Outbox
from dcmon.config.people import People, Person
from dcmon.model import Changes, Notification, SendError, StoreError
from dcmon.notify.caps import free_slots, next_slot
from dcmon.notify.failures import Attempts, Outcome, Verdict, findings, judge
from dcmon.notify.parcels import Parcel, bundle, fold

_log = logging.getLogger("dcmon.notify")

_BATCH = 200
"""Rows claimed at once."""
_HELD_MAX = 2_000
"""Rows in memory at once; more wait in the journal."""
_LOOK_S = 30.0
"""Longest pause between two looks at the journal, so that a clock that was set costs at most so much."""
_STORE_PAUSE_S = 1.0
"""Pause before the journal is tried again after it failed."""
_GRACE_S = 5.0
"""How long messages under way may take to end when the worker is stopped; real time."""


class Notifier(Protocol):
    """One channel. `send` returns the receiver's answer for the record, or raises SendError."""

    async def send(self, notification: Notification, person: Person) -> str: ...


class Row(Protocol):
    """A claimed message; `attempts` counts this claim."""

    @property
    def notification(self) -> Notification: ...
    @property
    def attempts(self) -> int: ...


class OutboxJournal(Protocol):
    """What the worker needs of the journal. The methods may block for the disk: they are called in a thread."""

    def claim(self, now: int, owner: str, lease_ms: int, limit: int) -> Sequence[Row]: ...
    def mark_sent(self, key: str, now: int, detail: str) -> None: ...
    def mark_failed(self, key: str, now: int, detail: str, retry_at: int | None) -> None: ...
    def mark_unknown(self, key: str, now: int, detail: str) -> None: ...
    def next_outbox_due(self) -> int | None: ...


@dataclass(slots=True)
class OutboxStats:
    """Counted since the start, in outbox rows."""

    sent: int = 0
    retried: int = 0
    failed: int = 0
    unknown: int = 0
    held: int = 0


@dataclass(slots=True)
class _Lane:
    """Everything under way to one person over one channel."""

    person: str
    channel: str
    waiting: list[Row] = field(default_factory=list)
    sent: deque[int] = field(default_factory=deque)
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
        self.stats = OutboxStats()
        self._journal = journal
        self._clock = clock
        self._commit = commit
        self._owner = owner
        self._woken = asyncio.Event()
        self._lanes: dict[tuple[str, str], _Lane] = {}
        self._held: set[str] = set()
        self._diverted: set[str] = set()
        self._unknown: Counter[str] = Counter()
        self._troubled: Counter[str] = Counter()
        self._slots: dict[str, asyncio.Semaphore] = {}
        self._closing = False
        self.reconfigure(notifiers, people, settings)

    def reconfigure(self, notifiers: Mapping[str, Notifier], people: People, settings: Outbox) -> None:
        """Takes a new configuration; messages under way end with the old one."""
        self._notifiers = notifiers
        self._people = people
        self._settings = settings
        self._slots = {channel: asyncio.Semaphore(settings.in_flight) for channel in notifiers}

    def wake(self) -> None:
        """Something was queued: look at once."""
        self._woken.set()

    @property
    def busy(self) -> int:
        """Messages claimed and not yet settled."""
        return len(self._held)

    async def run(self) -> None:
        """Sends until cancelled; then what is under way may end within a few seconds."""
        self._closing = False
        try:
            while True:
                self._woken.clear()
                await self._pause(await self._claim())
        finally:
            self._closing = True
            await self._finish()

    # Claiming

    async def _claim(self) -> float:
        """Hands everything due to its lane; returns the seconds until there is more to do."""
        try:
            while len(self._held) < _HELD_MAX:
                rows = await asyncio.to_thread(
                    self._journal.claim, self._clock.now(), self._owner, self._settings.lease, _BATCH
                )
                for row in rows:
                    self._enqueue(row)
                if len(rows) < _BATCH:
                    break
            due = await asyncio.to_thread(self._journal.next_outbox_due)
        except StoreError as error:
            self._trouble("journal", str(error))
            return _STORE_PAUSE_S
        self._well("journal")
        if due is None:
            return _LOOK_S
        seconds = (due - self._clock.now()) / 1000
        return min(max(seconds, _STORE_PAUSE_S if self._held else 0.01), _LOOK_S)

    def _enqueue(self, row: Row) -> None:
        message = row.notification
        if message.key in self._held:
            return  # claimed anew because it takes longer than its lease; it is under way
        self._held.add(message.key)
        lane = self._lanes.setdefault(
            (message.person, message.channel), _Lane(person=message.person, channel=message.channel)
        )
        lane.waiting.append(row)
        if lane.task is None:
            lane.task = asyncio.create_task(self._drive(lane), name=f"outbox {lane.person}/{lane.channel}")

    async def _pause(self, seconds: float) -> None:
        waits = [asyncio.create_task(self._woken.wait()), asyncio.create_task(self._clock.sleep(seconds))]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    async def _finish(self) -> None:
        tasks = [lane.task for lane in self._lanes.values() if lane.task is not None]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=_GRACE_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    # One lane

    async def _drive(self, lane: _Lane) -> None:
        """The lane's supervisor: whatever goes wrong in here ends no other lane."""
        rows: list[Row] = []
        try:
            while lane.waiting and not self._closing:
                rows, lane.waiting = lane.waiting, []
                await self._round(lane, rows)
                self._release(rows)
        except Exception:  # noqa: BLE001
            _log.exception("outbox: messages to %s over %s wait for the end of their lease", lane.person, lane.channel)
        finally:
            lane.task = None
            self._release((*rows, *lane.waiting))
            lane.waiting.clear()
            self._woken.set()

    async def _round(self, lane: _Lane, rows: Sequence[Row]) -> None:
        """Sends what may go now; after a failure of the channel the rest is not tried, but put off with it."""
        attempts = {row.notification.key: row.attempts for row in rows}
        parcels = self._parcels(lane, fold(row.notification for row in rows))
        if not parcels:
            await self._hold(lane, rows)
        away: SendError | None = None
        for parcel in parcels:
            if self._closing:
                return
            result = away or await self._send(parcel.notification)
            if not isinstance(result, SendError):
                lane.sent.append(self._clock.now())
                await self._sent(parcel, result)
                continue
            await self._failed(parcel, result, attempts)
            if away is None and not result.permanent:
                away = SendError(f"not tried: {result}")

    def _parcels(self, lane: _Lane, parcels: list[Parcel]) -> list[Parcel]:
        """What may go now: all, or the most urgent ones and a bundle of the rest, or nothing."""
        cap = self._settings.caps.get(lane.channel)
        if cap is None:
            return parcels
        now = self._clock.now()
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
        except Exception as error:  # noqa: BLE001
            _log.exception("outbox: channel %s has a fault of its own", message.channel)
            return SendError(f"fault in channel {message.channel}: {type(error).__name__}")

    # What came of it

    async def _sent(self, parcel: Parcel, answer: str) -> None:
        self._well(parcel.notification.channel)
        self.stats.sent += len(parcel.rows)
        for row in parcel.rows:
            whole = row.key == parcel.notification.key
            detail = answer if whole else f"{answer} (as part of {parcel.notification.key})"
            self._forget(row.key)
            await self._record(self._journal.mark_sent, row.key, self._clock.now(), detail)

    async def _failed(self, parcel: Parcel, error: SendError, attempts: Mapping[str, int]) -> None:
        channel, person = parcel.notification.channel, self._people.person(parcel.notification.person)
        if error.permanent:
            _log.error("outbox: %s to %s is refused: %s", channel, parcel.notification.person, error)
        else:
            self._trouble(channel, str(error))
        for row in parcel.rows:
            self._unknown[row.key] += error.unknown
            tried = Attempts(attempts[row.key], self._unknown[row.key])
            now = self._clock.now()
            verdict = judge(error, row, person, tried, now, self._settings)
            if verdict.outcome is not Outcome.RETRY or (verdict.divert_to and row.key not in self._diverted):
                self._diverted.add(row.key)
                await self._insist(partial(self._commit, findings(row, error, verdict, now)))
            await self._mark(row.key, now, str(error), verdict)

    async def _mark(self, key: str, now: int, detail: str, verdict: Verdict) -> None:
        if verdict.outcome is Outcome.RETRY:
            self.stats.retried += 1
            await self._record(self._journal.mark_failed, key, now, detail, verdict.retry_at)
            return
        self._forget(key)
        if verdict.outcome is Outcome.UNKNOWN:
            self.stats.unknown += 1
            await self._record(self._journal.mark_unknown, key, now, detail)
        else:
            self.stats.failed += 1
            await self._record(self._journal.mark_failed, key, now, detail, None)

    async def _hold(self, lane: _Lane, rows: Sequence[Row]) -> None:
        now = self._clock.now()
        slot = next_slot(lane.sent, now, self._settings.caps[lane.channel])
        self.stats.held += len(rows)
        for row in rows:
            await self._record(self._journal.mark_failed, row.notification.key, now, "held back: storm cap", slot)

    async def _record(self, mark: Callable[..., None], key: str, *arguments: object) -> None:
        await self._insist(partial(asyncio.to_thread, mark, key, *arguments))

    async def _insist(self, write: Callable[[], Awaitable[None]]) -> None:
        """Writes until the journal takes it: what was sent and is not recorded would be sent again."""
        while True:
            try:
                await write()
            except StoreError as error:
                self._trouble("journal", str(error))
                if self._closing:
                    return
                await self._clock.sleep(_STORE_PAUSE_S)
            else:
                self._well("journal")
                return

    def _release(self, rows: Iterable[Row]) -> None:
        self._held -= {row.notification.key for row in rows}

    def _forget(self, key: str) -> None:
        self._diverted.discard(key)
        self._unknown.pop(key, None)

    def _trouble(self, what: str, detail: str) -> None:
        if what not in self._troubled:
            _log.warning("outbox: %s does not work: %s; tried again until it does", what, detail)
        self._troubled[what] += 1

    def _well(self, what: str) -> None:
        if count := self._troubled.pop(what, 0):
            _log.info("outbox: %s works again after %d failures", what, count)
