"""The middle: a poll's batch is recorded, judged, committed. A function call, not a queue.

`submit` decides at once and in memory. The decisions reach the journal through one committer: whatever was decided
while the disk was busy goes into the next transaction together, so a slow disk delays pages but never polls. What is
only to be remembered (traps) goes along in slices, so that thousands of notes keep no page waiting. People are told by
the outbox worker, which reads the journal: nothing is sent that is not committed.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Protocol

from dcmon.clock import Clock
from dcmon.config.entries import Entry
from dcmon.model import Changes, Reading, Record, SeriesKey, StoreError, Transition, Value
from dcmon.notify.escalation import Pager
from dcmon.storage.samples import Samples
from dcmon.thresholds import Judge, StepDetector

log = logging.getLogger("dcmon.pipeline")

_RETRY_S = 1.0
_LONGEST_NAP_S = 0.5
_NOTES_PER_COMMIT = 500
"""As many rows take some 5 ms of the writer: a page that is decided meanwhile waits no longer for them."""
_LATELY_MS = 31 * 86_400_000
"""What was not read for longer than a month is taken to have been removed."""
_MAX_NOTES = 20_000
"""Notes that wait for a disk which takes none: four bursts of 5,000 traps."""


class Recorder(Protocol):
    """Takes readings to keep; never blocks, never raises for a full disk or an absent server."""

    def append(self, readings: Sequence[Reading]) -> None: ...


class Store(Protocol):
    """The part of the journal that the pipeline writes."""

    async def save(self, changes: Changes) -> None: ...


class Pipeline:
    """Holds the core (Judge, Pager) and what it last said. `on_decided` hears of every decision when it is made,
    `on_committed` when it is on the disk."""

    def __init__(
        self,
        judge: Judge,
        pager: Pager,
        store: Store,
        recorders: Iterable[Recorder],
        clock: Clock,
        *,
        on_decided: Callable[[Changes], None] = lambda changes: None,
        on_committed: Callable[[Changes], None] = lambda changes: None,
    ) -> None:
        self.judge = judge
        self.pager = pager
        self.latest: dict[SeriesKey, Reading] = {}
        self.readings = 0
        """Readings taken since the start."""
        self.transitions = 0
        """Changes of state decided since the start."""
        self.commits = 0
        self.failed_commits = 0
        self.commit_error: str | None = None
        """Why the last commit failed; None while the journal takes rows."""
        self._store = store
        self._recorders = tuple(recorders)
        self._clock = clock
        self._on_decided = on_decided
        self._on_committed = on_committed
        self._steps = StepDetector()
        self._undone = Changes()
        self._notes: deque[Transition] = deque()
        self._noted = 0
        self._saving = False
        self._work = asyncio.Event()
        self._saved: list[asyncio.Future[None]] = []
        self._remembered: deque[tuple[int, asyncio.Future[None]]] = deque()

    def submit(self, batch: Sequence[Reading]) -> None:
        """Records and judges what one poll brought."""
        self.readings += len(batch)
        self._record(batch)
        self._decide(batch, self._clock.now())

    def _record(self, batch: Sequence[Reading]) -> None:
        latest = self.latest
        for reading in batch:
            key = reading[1:4]
            if key in latest:
                latest[key] = reading
            else:
                latest[SeriesKey(*key)] = reading
        for recorder in self._recorders:
            recorder.append(batch)

    def tick(self) -> None:
        """Lets delays and deadlines run out that no reading wakes."""
        now = self._clock.now()
        due = self.next_due()
        if due is not None and due <= now:
            self._decide((), now)

    def next_due(self) -> int | None:
        """When the core has something to do without a reading."""
        dues = [due for due in (self.judge.next_due(), self.pager.next_due()) if due is not None]
        return min(dues, default=None)

    def note(self, transitions: Iterable[Transition]) -> None:
        """Keeps what happened outside the judged points: traps, the agent's start. StoreError when too much of that
        waits for the disk already; then nothing of it was taken."""
        notes = list(transitions)
        if len(self._notes) + len(notes) > _MAX_NOTES:
            raise StoreError(f"{len(self._notes)} notes wait for the disk, and there is no room for more")
        self._notes += notes
        self._noted += len(notes)
        self.transitions += len(notes)
        self._work.set()
        self._on_decided(Changes(transitions=notes))

    def apply(self, changes: Changes) -> None:
        """Takes changes that somebody else decided (an acknowledgement, an entry)."""
        now = self._clock.now()
        changes.extend(self.pager.step(changes, now))
        self._keep(changes)

    def learn(self, findings: Changes) -> None:
        """Takes what became of messages: for those who are told, and for tests of the way to a person."""
        findings.extend(self.judge.delivered(tuple(findings.transitions), self._clock.now()))
        self.apply(findings)

    async def acknowledge(self, incident_id: str, by: str) -> None:
        """Stops the escalation of an incident; returns when that is on the disk. KeyError when it is unknown."""
        self.apply(self.judge.acknowledge(incident_id, by, self._clock.now()))
        await self.committed()

    async def enter(self, entry: Entry) -> Record:
        """Puts on record what somebody says was done; returns when it is on the disk. EntryError when it cannot be."""
        record, changes = self.judge.enter(entry, self._clock.now())
        self.apply(changes)
        await self.committed()
        return record

    async def committed(self) -> None:
        """Waits until everything decided so far is on the disk."""
        if self._undone or self._saving or self._work.is_set():
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._saved.append(future)
            self._work.set()
            await future

    async def remembered(self) -> None:
        """Waits until everything noted so far is on the disk."""
        if self._notes:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._remembered.append((self._noted, future))
            await future

    async def run(self) -> None:
        """Ticks and commits until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._ticking(), name="tick")
            tasks.create_task(self._committing(), name="commit")

    def _decide(self, batch: Sequence[Reading], now: int) -> None:
        moved = self._steps.check(now, self._clock.monotonic())
        changes = Changes()
        if moved:
            log.warning("the clock was set by %+.1f s; what was running goes on with what was left", moved / 1000)
            changes = self.judge.clock_set(moved, now)
            changes.extend(self.pager.clock_set(moved, now))
        changes.extend(self.judge.step(batch, now))
        self._record(self.judge.computed(now))
        due = self.pager.next_due()
        if changes or (due is not None and due <= now):
            changes.extend(self.pager.step(changes, now))
            self._keep(changes)

    def _keep(self, changes: Changes) -> None:
        if not changes:
            return
        self.transitions += len(changes.transitions)
        self._undone.extend(changes)
        self._work.set()
        self._on_decided(changes)

    async def _ticking(self) -> None:
        while True:
            self.tick()
            due = self.next_due()
            nap = _LONGEST_NAP_S if due is None else (due - self._clock.now()) / 1000
            await self._clock.sleep(min(max(nap, 0.01), _LONGEST_NAP_S))

    async def _committing(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            waiting, self._saved = self._saved, []
            decided, self._undone = self._undone, Changes()
            notes = min(len(self._notes), _NOTES_PER_COMMIT)
            changes = Changes(transitions=list(islice(self._notes, notes)))
            changes.extend(decided)
            self._saving = True
            try:
                await self._store.save(changes)
            except StoreError as error:
                self._undone = _after(decided, self._undone)
                self._saved = waiting + self._saved
                self._complain(str(error))
                await self._clock.sleep(_RETRY_S)
                self._work.set()
                continue
            except asyncio.CancelledError:
                # In one piece and in front: the journal knows its transitions again if it has kept them already.
                self._forget(notes)
                self._undone = _after(changes, self._undone)
                raise
            finally:
                self._saving = False
            self._forget(notes)
            if self._notes:
                self._work.set()
            self._relax()
            self._wake(waiting)
            self._on_committed(changes)

    def _forget(self, notes: int) -> None:
        for _ in range(notes):
            self._notes.popleft()

    def _wake(self, waiting: Iterable[asyncio.Future[None]]) -> None:
        kept = self._noted - len(self._notes)
        remembered = self._remembered
        while remembered and remembered[0][0] <= kept:
            waiting = (*waiting, remembered.popleft()[1])
        for future in waiting:
            if not future.done():
                future.set_result(None)

    async def finish(self) -> None:
        """Commits what is left, once; at the end of the process."""
        changes, self._undone = self._undone, Changes()
        changes.transitions += self._notes
        self._notes.clear()
        if changes:
            await self._store.save(changes)

    def _complain(self, error: str) -> None:
        self.failed_commits += 1
        if self.commit_error is None:
            log.error("nothing can be committed, so nobody can be paged: %s", error)
        self.commit_error = error

    def _relax(self) -> None:
        self.commits += 1
        if self.commit_error is not None:
            self.commit_error = None
            log.warning("the journal takes rows again")


def recall(judge: Judge, samples: Samples, now: int) -> None:
    """After a restart: what the judge must know of the time before `now`, from the stored samples."""

    def past(key: SeriesKey, span: int) -> Iterable[tuple[int, Value]]:
        columns = samples.range(key, now - span, now)
        return zip(columns.ts, columns.values, strict=True)

    try:
        series = samples.series()
        judge.recall(series, past)
        watched = [key for key in series if judge.watches(key)]
        judge.expect(key for key in watched if samples.aggregate(key, now - _LATELY_MS, now).numbers)
    except StoreError as error:
        log.warning("what was measured before this start cannot be read, so slow rises are seen later: %s", error)


def _after(earlier: Changes, later: Changes) -> Changes:
    earlier.extend(later)
    return earlier
