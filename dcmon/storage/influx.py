"""The InfluxDB sink: readings as line protocol, with a spool on the disk for the time the server is away."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from dcmon.clock import Clock, SystemClock
from dcmon.config.agent import Influx
from dcmon.model import Reading, StoreError
from dcmon.storage.influx_http import WRITERS, RefusedError, UnavailableError, Writer
from dcmon.storage.lines import LineBuilder
from dcmon.storage.spool import Batch, Spool

BUFFER: Final = 100_000
"""Readings kept in memory when the disk takes none either; beyond that the oldest are dropped and counted."""
_BATCH_LINES: Final = 5_000
_LONGEST_PAUSE_S: Final = 60.0
_CULPRITS: Final = 8
"""Lines refused one by one, with none accepted, after which not the lines are believed to be at fault."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class SinkStats:
    """What the sink did since it was made, for /metrics."""

    written: int = 0
    """Lines that the server has confirmed."""
    refused: int = 0
    """Lines that the server called wrong."""
    dropped: int = 0
    """Readings lost in memory because neither server nor disk took them; the spool counts its own."""
    failures: int = 0
    """Requests that failed."""


class InfluxSink:
    """Takes readings and brings them to InfluxDB; an outage of it is felt by nobody else.

    A batch is sent from memory while the server answers at once, and is in the spool as soon as it does not; it is
    forgotten only when the server has confirmed it. Batches go in the order of time. A request that was not answered
    is repeated: InfluxDB keeps one point for one time stamp, so nothing appears twice.
    """

    def __init__(
        self,
        settings: Influx,
        spool: Spool,
        *,
        tags: Mapping[str, Mapping[str, str]] | None = None,
        token: str | None = None,
        clock: Clock | None = None,
    ) -> None:
        """`tags`: further tags by asset; `token`: the secret itself, which the caller has looked up."""
        self._settings = settings
        self._spool = spool
        self._builder = LineBuilder(tags)
        self._token = token
        self._clock = clock or SystemClock()
        self._buffer: list[Reading] = []
        self._memory: deque[Batch] = deque()
        self._seq = spool.last_seq
        self._wake = asyncio.Event()
        self._spilling = asyncio.Lock()
        self._disk_failure: StoreError | None = None
        self.stats = SinkStats()
        self.failure: str | None = None
        """Why the server takes nothing; None while it does. For the health page."""

    def append(self, readings: Sequence[Reading]) -> None:
        """Takes readings; a list extension, whatever the server does."""
        self._buffer += readings
        if len(self._buffer) > BUFFER:
            excess = len(self._buffer) - BUFFER + BUFFER // 10
            del self._buffer[:excess]
            self.stats.dropped += excess

    @property
    def spool(self) -> Spool:
        """What waits on the disk, with its figures."""
        return self._spool

    async def run(self) -> None:
        """Sends until it is cancelled; then call close()."""
        writer = WRITERS[self._settings.api](self._settings, self._token)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._flush_forever())
                tasks.create_task(self._send_forever(writer))
        finally:
            await writer.close()

    def close(self) -> None:
        """Puts what is not confirmed into the spool, for the next start, and closes it."""
        self._take()
        try:
            for batch in self._memory:
                self._spool.put_now(batch)
        except StoreError as error:
            _log.error("influx: the last samples are lost: %s", error)
        self._memory.clear()
        self._spool.close()

    async def _flush_forever(self) -> None:
        while True:
            await self._clock.sleep(self._settings.flush / 1000)
            behind = bool(self._memory)
            self._take()
            if behind or self.failure is not None or self._spool.pending:
                await self._spill()
            if self._memory or self._spool.pending:
                self._wake.set()

    def _take(self) -> None:
        """Makes batches of what was appended."""
        readings, self._buffer = self._buffer, []
        for start in range(0, len(readings), _BATCH_LINES):
            self._seq += 1
            lines = self._builder.lines(readings[start : start + _BATCH_LINES])
            self._memory.append(Batch((self._seq,), tuple(lines)))

    async def _spill(self) -> None:
        """Brings the batches in memory to the disk, the oldest first, those under way too."""
        async with self._spilling:
            try:
                while self._memory:
                    batch = self._memory[0]
                    await self._spool.put(batch)
                    if self._memory and self._memory[0] is batch:
                        self._memory.popleft()
            except StoreError as error:
                self._disk_failed(error)
            else:
                self._disk_failure = None

    def _disk_failed(self, error: StoreError) -> None:
        if self._disk_failure is None:
            _log.error("influx: samples stay in memory: %s", error)
        self._disk_failure = error
        kept = 0
        for place in range(len(self._memory) - 1, -1, -1):
            kept += len(self._memory[place].lines)
            if kept > BUFFER:
                for _ in range(place + 1):
                    self.stats.dropped += len(self._memory.popleft().lines)
                return

    async def _send_forever(self, writer: Writer) -> None:
        pause = self._settings.flush / 1000
        while True:
            try:
                batch = await self._next()
                if batch is None:
                    self._wake.clear()
                    await self._wake.wait()
                    continue
                await self._deliver(writer, batch)
            except UnavailableError as error:
                self._unavailable(error)
                await self._spill()
                wait = error.retry_after_s if error.retry_after_s is not None else pause * random.uniform(0.7, 1.0)
                pause = min(pause * 2, _LONGEST_PAUSE_S)
                await self._clock.sleep(wait)
            except StoreError as error:
                self._disk_failed(error)
                await self._clock.sleep(pause)
            else:
                self._available()
                pause = self._settings.flush / 1000

    async def _next(self) -> Batch | None:
        """The oldest batch: those on the disk are older than those in memory."""
        if self._spool.pending:
            batch = await self._spool.first()
            if batch is not None:
                return batch
        return self._memory[0] if self._memory else None

    async def _deliver(self, writer: Writer, batch: Batch) -> None:
        """Sends a batch; lines that are refused are found by halving and counted. Raises UnavailableError."""
        parts = [batch.lines] if batch.lines else []
        culprits: list[tuple[int, str, RefusedError]] = []
        accepted = 0
        try:
            while parts:
                part = parts.pop()
                try:
                    await writer.write("\n".join(part))
                except RefusedError as error:
                    self.stats.failures += 1
                    if error.lost:  # "partial write": the server has kept the good lines already
                        accepted += len(part) - min(error.lost, len(part))
                        culprits.append((min(error.lost, len(part)), part[0], error))
                    elif len(part) > 1:
                        parts += [part[len(part) // 2 :], part[: len(part) // 2]]
                    else:
                        culprits.append((1, part[0], error))
                        if not accepted and len(culprits) >= _CULPRITS:
                            raise _everything(error) from None
                except UnavailableError:
                    parts.append(part)
                    raise
                else:
                    accepted += len(part)
            if not accepted and culprits and not self.stats.written and not culprits[0][2].lost:
                raise _everything(culprits[0][2])
        except UnavailableError:
            self.stats.written += accepted
            if accepted or any(error.lost for _, _, error in culprits):
                self._refuse(culprits)
                await self._keep_rest(batch, tuple(line for part in reversed(parts) for line in part))
            raise
        self.stats.written += accepted
        self._refuse(culprits)
        await self._confirm(batch)

    async def _confirm(self, batch: Batch) -> None:
        spooled = True
        if self._memory and self._memory[0] is batch:
            self._memory.popleft()
            spooled = self._spilling.locked()
        if spooled:
            await self._spool.delete(batch)

    async def _keep_rest(self, batch: Batch, rest: tuple[str, ...]) -> None:
        """Keeps what the server has not had yet, so that what it has had is not sent again."""
        if self._memory and self._memory[0] is batch:
            self._memory[0] = Batch(batch.seqs, rest)
        else:
            await self._spool.replace(batch, rest)

    def _refuse(self, culprits: list[tuple[int, str, RefusedError]]) -> None:
        for count, line, error in culprits:
            if not self.stats.refused:
                _log.error("influx: a line is dropped, further ones are only counted: %s; in %.300s", error, line)
            self.stats.refused += count

    def _unavailable(self, error: UnavailableError) -> None:
        self.stats.failures += 1
        if self.failure is None:
            _log.warning("influx: %s. Samples wait in the spool until it takes them", error)
        elif self.failure != str(error):
            _log.info("influx: still no: %s", error)
        self.failure = str(error)

    def _available(self) -> None:
        if self.failure is not None:
            _log.info("influx: the server takes samples again; %d batches wait", self._spool.pending)
        self.failure = None


def _everything(error: RefusedError) -> UnavailableError:
    return UnavailableError(f"{error}; it refuses every line: check influx.url, influx.api and influx.bucket")
