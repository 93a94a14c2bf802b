"""The embedded sample store: every sample of every series, a second behind at most, in a few bytes each."""

from __future__ import annotations

import asyncio
import logging
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final

from dcmon import clock as clocks
from dcmon.clock import Clock
from dcmon.config.agent import Samples as SampleSettings
from dcmon.model import Reading, SeriesKey, StoreError
from dcmon.storage import blocks, hot, rollup
from dcmon.storage.blocks import Columns
from dcmon.storage.compaction import DAMAGED, LOOSE, WINDOW_MS, Compactor
from dcmon.storage.db import Database
from dcmon.storage.hot import Key
from dcmon.storage.rollup import MINUTE_MS, NOTHING, Aggregate, Minutes, MinuteTable

FILE_NAME: Final = "samples.db"
FLUSH_S: Final = 1.0
BUFFER: Final = 100_000
"""Readings kept in memory while the disk takes none; beyond that the oldest are dropped and counted."""
RESERVE_BYTES: Final = 64_000_000
"""Free space that samples leave to the journal, on the same disk: alarms must still be kept when samples cannot."""
_COMPACT_S: Final = 0.25
"""How long one turn may compact before what was appended meanwhile is flushed."""

_POISON: Final = (TypeError, ValueError, OverflowError, AttributeError, sqlite3.IntegrityError)

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class SampleStats:
    """What the store did since it was opened, for /metrics."""

    dropped: int = 0
    """Readings lost because the disk took none for too long."""
    refused: int = 0
    """Readings that no table can hold (a time stamp that is no 64-bit number)."""


class Samples:
    """The samples of one data_dir, in `samples.db`.

    `append` costs the caller a list extension; `run` (or `flush`) brings what was appended to the disk in the writer
    thread. Readers see all that was appended, exactly once, wherever it is at the time; they may be called from any
    thread, and long ranges had better not be asked for from the event loop. At most the samples of the last second are
    lost when the process is killed (synchronous=NORMAL: those of the last seconds when the power fails).
    """

    def __init__(self, data_dir: Path, settings: SampleSettings | None = None, clock: Clock | None = None) -> None:
        """Opens the store, making it when there is none. Raises StoreError when it cannot be used."""
        settings = settings or SampleSettings()
        self._clock: Clock = clock or clocks.SystemClock()
        self._db = Database(data_dir / FILE_NAME, hot.SAMPLES)
        self._lock = threading.Lock()
        self._buffer: list[Reading] = []
        self._flushing: list[Reading] = []
        self.stats = SampleStats()
        self.failure: StoreError | None = None
        """Why nothing could be written the last time; None when it could. For the health page."""
        self._unreadable: set[int] = set()
        self._closed = False

        def load(db: sqlite3.Connection) -> tuple[dict[Key, int], int]:
            newest = db.execute(
                "SELECT max(ifnull((SELECT max(id) FROM hot), 0), (SELECT upto FROM folded))"
            ).fetchone()
            return hot.load_series(db), newest[0] + 1

        try:
            self._series, self._next_id = self._db.call(load)
            make = self._db.in_writer(lambda: Compactor(self._db, settings.raw, settings.minutes))
            self._compactor = make.result()
        except BaseException:
            self._db.close()
            raise

    def append(self, readings: Sequence[Reading]) -> None:
        """Takes readings; never waits for the disk. Time stamps may come in any order."""
        with self._lock:
            self._buffer += readings
            if len(self._buffer) > BUFFER:
                self._drop_oldest()

    async def run(self) -> None:
        """Flushes every second and compacts in between, until it is cancelled; close() flushes the rest."""
        while True:
            await self._clock.sleep(FLUSH_S)
            try:
                await asyncio.wrap_future(self._db.in_writer(self._turn))
            except StoreError as error:
                self._failed(error)

    def flush(self) -> int:
        """Brings what was appended to the disk and gives the number of readings. Raises StoreError; nothing is lost."""
        return self._db.in_writer(self._flush).result()

    def compact(self) -> None:
        """Flushes, and compacts everything that can be at once: before a backup, in tests and benchmarks."""
        self.flush()
        now = self._clock.now()
        at_once = True
        while self._db.in_writer(partial(self._compactor.step, now, at_once=at_once)).result():
            at_once = False

    def close(self) -> None:
        """Flushes and closes. Closing twice does nothing."""
        if self._closed:
            return
        self._closed = True
        try:
            self.flush()
        except StoreError as error:
            _log.error("samples: %d readings are lost at the end: %s", len(self._buffer), error)
        self._db.close()

    def series(self) -> list[SeriesKey]:
        """Every series that has or had samples, in order."""
        with self._lock:
            keys = {*self._series, *(reading[1:4] for reading in (*self._flushing, *self._buffer))}
        known = [SeriesKey(*key) for key in keys]
        return sorted(known, key=lambda key: (key.asset, key.point, key.index is not None, key.index or ""))

    def range(self, key: SeriesKey, start: int, end: int) -> Columns:
        """The samples of one series in [start, end), in order of time, as columns."""
        pieces: list[Columns] = []
        with self._snapshot(key) as (db, series, boundary, waiting):
            for number, _, data in db.execute(
                'SELECT id, state, data FROM block WHERE series = ? AND "window" >= ? AND "window" <= ? AND state < ?'
                ' ORDER BY "window", id',
                (series, start // WINDOW_MS, (end - 1) // WINDOW_MS, DAMAGED),
            ):
                pieces += self._decoded(number, data)
            pieces.append(_hot(db, series, boundary, start, end))
        pieces.append(hot.of_readings(waiting))
        return blocks.cut(blocks.merged(pieces), start, end)

    def minutes(self, key: SeriesKey, start: int, end: int) -> Minutes:
        """Mean, lowest and highest of one series for each minute that starts in [start, end) and has numbers."""
        first, beyond = -(-start // MINUTE_MS), -(-end // MINUTE_MS)
        begin, finish = first * MINUTE_MS, beyond * MINUTE_MS
        windows = (begin // WINDOW_MS, (finish - 1) // WINDOW_MS)
        table: MinuteTable = {}
        loose: list[Columns] = []
        with self._snapshot(key) as (db, series, boundary, waiting):
            for number, data in db.execute(
                'SELECT id, data FROM minute WHERE series = ? AND "window" BETWEEN ? AND ?', (series, *windows)
            ):
                try:
                    rollup.combine(table, rollup.decode(data))
                except StoreError as error:
                    self._complain(-number, error)
            for number, data in db.execute(
                'SELECT id, data FROM block WHERE series = ? AND "window" BETWEEN ? AND ? AND state = ?',
                (series, *windows, LOOSE),
            ):
                loose += self._decoded(number, data)
            loose.append(_hot(db, series, boundary, begin, finish))
        loose.append(hot.of_readings(waiting))
        rollup.combine(table, rollup.minutes_of(blocks.merged(loose)))
        return rollup.as_columns(table, first, beyond)

    def aggregate(self, key: SeriesKey, start: int, end: int) -> Aggregate:
        """Figures of one series over [start, end); blocks that lie within are not even read, only their headers."""
        result = NOTHING
        partly: list[Columns] = []
        with self._snapshot(key) as (db, series, boundary, waiting):
            for number, first, last, *figures in db.execute(
                "SELECT id, first, last, samples, numbers, low, high, total FROM block"
                ' WHERE series = ? AND "window" >= ? AND "window" <= ? AND state < ?',
                (series, start // WINDOW_MS, (end - 1) // WINDOW_MS, DAMAGED),
            ).fetchall():
                if start <= first and last < end:
                    result = rollup.added(result, Aggregate(*figures))
                elif first < end and last >= start:
                    data = db.execute("SELECT data FROM block WHERE id = ?", (number,)).fetchone()[0]
                    partly += self._decoded(number, data)
            partly.append(_hot(db, series, boundary, start, end))
        partly.append(hot.of_readings(waiting))
        return rollup.added(result, rollup.aggregate(blocks.cut(blocks.merged(partly), start, end)))

    @property
    def damaged(self) -> int:
        """Blocks found to be unreadable since the start."""
        return self._compactor.damaged

    @property
    def buffered(self) -> int:
        """Readings that are in memory only."""
        return len(self._buffer) + len(self._flushing)

    def size(self) -> int:
        """Bytes of the file that are in use."""
        return self._db.size()

    @contextmanager
    def _snapshot(self, key: SeriesKey) -> Iterator[tuple[sqlite3.Connection, int, int, list[Reading]]]:
        """Lends (connection, number of the series, first hot id to leave out, its readings that are only in memory).

        Memory is copied first: all rows below `boundary` are then on the disk and all others in the copy. Were rows
        of the copy flushed and folded before the disk's snapshot, `upto` says so, and it is done again.
        """
        wanted = (key.asset, key.point, key.index)
        while True:
            with self._lock:
                boundary = self._next_id
                memory = self._flushing + self._buffer
            with self._db.reading() as db:
                if db.execute("SELECT upto FROM folded").fetchone()[0] >= boundary:
                    continue
                series = self._series.get(wanted, -1)
                yield db, series, boundary, [reading for reading in memory if reading[1:4] == wanted]
                return

    def _turn(self) -> None:
        self._flush()
        until = clocks.perf_counter() + _COMPACT_S
        now = self._clock.now()
        while self._compactor.step(now) and clocks.perf_counter() < until:
            pass
        if self.failure is not None:
            self.failure = None
            _log.info("samples: written again; %d readings were dropped so far", self.stats.dropped)

    def _flush(self) -> int:
        with self._lock:
            batch, self._buffer = self._buffer, []
            self._flushing = batch
        if not batch:
            return 0
        try:
            self._leave_room()
            written, added = self._db.transaction(lambda db: self._insert(db, batch))
        except BaseException:
            with self._lock:
                self._buffer = batch + self._buffer
                self._flushing = []
                if len(self._buffer) > BUFFER:
                    self._drop_oldest()
            raise
        with self._lock:
            self._series.update(added)
            self._next_id += len(batch)
            self._flushing = []
        self.stats.refused += len(batch) - written
        if written:
            self._compactor.added(written, min(reading[0] for reading in batch if isinstance(reading[0], int)))
        return written

    def _drop_oldest(self) -> None:
        """Makes room for a while, so that not every append has to."""
        excess = len(self._buffer) - BUFFER + BUFFER // 10
        del self._buffer[:excess]
        self.stats.dropped += excess

    def _leave_room(self) -> None:
        usage = shutil.disk_usage(self._db.path.parent)
        if usage.free < min(RESERVE_BYTES, usage.total // 50):
            raise StoreError(
                f"{self._db.path}: the disk has only {usage.free // 1_000_000} MB left, which the journal needs. "
                "Free space, or move data_dir to a larger disk; dcmon goes on by itself when there is room"
            )

    def _insert(self, db: sqlite3.Connection, batch: list[Reading]) -> tuple[int, dict[Key, int]]:
        keys = {reading[1:4] for reading in batch}
        added = hot.new_series(db, keys - self._series.keys(), self._series)
        series = self._series | added if added else self._series
        try:
            db.executemany(hot.INSERT, hot.rows(batch, series, self._next_id))
        except _POISON:
            db.execute("DELETE FROM hot WHERE id >= ?", (self._next_id,))
            return _insert_singly(db, batch, series, self._next_id), added
        return len(batch), added

    def _decoded(self, number: int, data: bytes) -> list[Columns]:
        try:
            return [blocks.decode(data)]
        except StoreError as error:
            self._complain(number, error)
            return []

    def _complain(self, number: int, error: StoreError) -> None:
        if number not in self._unreadable:
            self._unreadable.add(number)
            _log.error("samples: block %d is left out: %s", number, error)

    def _failed(self, error: StoreError) -> None:
        if self.failure is None:
            _log.error("samples: not written, kept in memory: %s", error)
        self.failure = error


def _hot(db: sqlite3.Connection, series: int, boundary: int, start: int, end: int) -> Columns:
    return hot.columns(
        db.execute(
            "SELECT ts, value, status FROM hot WHERE series = ? AND ts >= ? AND ts < ? AND id < ? ORDER BY ts, id",
            (series, start, end, boundary),
        )
    )


def _insert_singly(db: sqlite3.Connection, batch: list[Reading], series: dict[Key, int], first_id: int) -> int:
    """Keeps what can be kept of a batch in which something cannot."""
    kept = 0
    insert: Callable[..., object] = db.execute
    for number, reading in zip(count(first_id), batch, strict=False):
        try:
            insert(hot.INSERT, next(hot.rows([reading], series, number)))
        except _POISON as error:
            _log.error("samples: %s cannot be kept: %s", reading.key, error)
        else:
            kept += 1
    return kept
