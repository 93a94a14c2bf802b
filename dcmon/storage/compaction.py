"""How samples get from the hot table into compressed blocks, and how old ones go.

    hot rows --fold--> loose pieces of a series and 2-hour window --settle--> one block a window, and its minutes
    blocks and minutes past their retention --prune--> gone

Each step is one short transaction of the writer thread that moves samples from one place to another, so that a reader
and a crash see every sample exactly once. Samples that come late make new pieces, settled like the first ones.
"""

from __future__ import annotations

import logging
import sqlite3
from itertools import groupby
from typing import Final

from dcmon.model import StoreError
from dcmon.storage import blocks, hot, rollup
from dcmon.storage.blocks import Columns
from dcmon.storage.db import Database
from dcmon.storage.rollup import MinuteTable

WINDOW_MS: Final = 2 * 3_600_000
GRACE_MS: Final = 5 * 60_000
"""A window is settled this long after its end: polls that were under way have arrived."""
LOOSE, SETTLED, DAMAGED = 0, 1, 2
"""States of a block: a piece whose minutes are not counted yet; a window's samples; bytes that cannot be read."""

_FOLD_ROWS: Final = 20_000
_FOLD_PER_SERIES: Final = 40
_SLICE_ROWS: Final = 30_000
_SETTLE_SERIES: Final = 40
_PRUNE_SERIES: Final = 500
_FOLD_PAUSE_MS: Final = 60_000
_PRUNE_PAUSE_MS: Final = 3_600_000
_PRUNE_WINDOWS: Final = 12
"""Windows of a series that one pruning may take: a clock that is wrong by years costs a day of samples an hour."""

_log = logging.getLogger(__name__)


class Compactor:
    """Decides what is to be done next and does it, a slice at a time. Everything here runs in the writer thread."""

    def __init__(self, db: Database, raw_ms: int, minutes_ms: int) -> None:
        self._db = db
        self._raw_ms = raw_ms
        self._minutes_ms = minutes_ms
        self._fold_upto = 0
        self._fold_next = 0
        self._fold_width = 0
        self._fold_not_before: int | None = None
        self._prune_series = 0
        self._prune_not_before: int | None = None
        self.rows = 0
        """Rows of the hot table."""
        self._oldest: int | None = None
        self.damaged = 0
        """Blocks found to be unreadable since the start."""
        db.transaction(self._look)

    def added(self, rows: int, oldest: int) -> None:
        """Tells of rows that were added to the hot table."""
        self.rows += rows
        self._oldest = oldest if self._oldest is None else min(self._oldest, oldest)

    def step(self, now: int, *, at_once: bool = False) -> bool:
        """One slice of what is due at `now`; whether there may be more. `at_once`: without waiting for enough rows."""
        if self._fold_upto or self._fold_due(now, at_once):
            try:
                done = self._db.transaction(self._fold_slice)
            except StoreError:
                self._fold_upto = 0
                raise
            self._fold_next += self._fold_width
            if done:
                self._fold_upto = 0
                self._db.transaction(self._look)
            return True
        if self._db.transaction(lambda db: self._settle(db, now)):
            return True
        return self._prune_due(now) and self._db.transaction(lambda db: self._prune(db, now))

    def _look(self, db: sqlite3.Connection) -> None:
        self.rows, self._oldest = db.execute("SELECT count(*), min(ts) FROM hot").fetchone()

    def _fold_due(self, now: int, at_once: bool) -> bool:
        series, newest = self._db.transaction(
            lambda db: db.execute("SELECT (SELECT max(id) FROM series), (SELECT max(id) FROM hot)").fetchone()
        )
        if newest is None or self._oldest is None:
            return False
        enough = self.rows >= max(_FOLD_ROWS, _FOLD_PER_SERIES * series)
        if not enough and not at_once:
            waited = self._fold_not_before is None or not 0 <= self._fold_not_before - now <= _FOLD_PAUSE_MS
            if not waited or self._oldest // WINDOW_MS >= _closed(now):
                return False
        self._fold_upto, self._fold_next = newest, 0
        self._fold_width = series // (self.rows // _SLICE_ROWS + 1) + 1
        self._fold_not_before = now + _FOLD_PAUSE_MS
        return True

    def _fold_slice(self, db: sqlite3.Connection) -> bool:
        """Turns the hot rows of some series into loose pieces; whether these were the last ones."""
        first, end = self._fold_next, self._fold_next + self._fold_width
        found = db.execute(
            "SELECT series, ts, value, status FROM hot WHERE id <= ? AND series >= ? AND series < ?"
            " ORDER BY series, ts, id",
            (self._fold_upto, first, end),
        )
        for (series, window), group in groupby(found, lambda row: (row[0], row[1] // WINDOW_MS)):
            _insert(db, series, window, LOOSE, hot.columns(row[1:] for row in group))
        db.execute("DELETE FROM hot WHERE id <= ? AND series >= ? AND series < ?", (self._fold_upto, first, end))
        db.execute("UPDATE folded SET upto = max(upto, ?)", (self._fold_upto,))
        last: int = db.execute("SELECT max(id) FROM series").fetchone()[0]
        return end > last

    def _settle(self, db: sqlite3.Connection, now: int) -> bool:
        """Makes one block of the pieces of some closed windows and adds their minutes; whether there were any."""
        due = db.execute(
            'SELECT DISTINCT "window", series FROM block WHERE state = 0 AND "window" < ? LIMIT ?',
            (_closed(now), _SETTLE_SERIES),
        ).fetchall()
        for window, series in due:
            self._settle_one(db, series, window)
        return bool(due)

    def _settle_one(self, db: sqlite3.Connection, series: int, window: int) -> None:
        found = db.execute(
            'SELECT id, state, data FROM block WHERE series = ? AND "window" = ? AND state < 2 ORDER BY id',
            (series, window),
        ).fetchall()
        pieces: list[Columns] = []
        loose: list[Columns] = []
        for number, state, data in found:
            try:
                piece = blocks.decode(data)
            except StoreError as error:
                self._set_aside(db, number, error)
                continue
            pieces.append(piece)
            if state == LOOSE:
                loose.append(piece)
            db.execute("DELETE FROM block WHERE id = ?", (number,))
        if pieces:
            _insert(db, series, window, SETTLED, blocks.merged(pieces))
        self._add_minutes(db, series, window, rollup.minutes_of(blocks.merged(loose)))

    def _add_minutes(self, db: sqlite3.Connection, series: int, window: int, more: MinuteTable) -> None:
        if not more:
            return
        found = db.execute('SELECT data FROM minute WHERE series = ? AND "window" = ?', (series, window)).fetchone()
        table: MinuteTable = {}
        if found is not None:
            try:
                table = rollup.decode(found[0])
            except StoreError as error:
                self.damaged += 1
                _log.error("samples: the minutes of series %d are lost for two hours: %s", series, error)
        rollup.combine(table, more)
        db.execute(
            'INSERT OR REPLACE INTO minute (series, "window", data) VALUES (?, ?, ?)',
            (series, window, rollup.encode(table)),
        )

    def _set_aside(self, db: sqlite3.Connection, number: int, error: StoreError) -> None:
        self.damaged += 1
        _log.error("samples: block %d cannot be read and is left aside: %s", number, error)
        db.execute("UPDATE block SET state = ? WHERE id = ?", (DAMAGED, number))

    def _prune_due(self, now: int) -> bool:
        return self._prune_not_before is None or not 0 < self._prune_not_before - now <= _PRUNE_PAUSE_MS

    def _prune(self, db: sqlite3.Connection, now: int) -> bool:
        """Deletes what is past its retention for some series; whether there are more series."""
        first, self._prune_series = self._prune_series, self._prune_series + _PRUNE_SERIES
        found = db.execute(
            "SELECT id FROM series WHERE id >= ? AND id < ? ORDER BY id", (first, self._prune_series)
        ).fetchall()
        for (series,) in found:
            for table, keep_ms, also in (("block", self._raw_ms, "AND state <> 0"), ("minute", self._minutes_ms, "")):
                before = (now - keep_ms) // WINDOW_MS
                oldest = db.execute(f'SELECT min("window") FROM {table} WHERE series = ?', (series,)).fetchone()[0]
                if oldest is not None and oldest < before:
                    before = min(before, oldest + _PRUNE_WINDOWS)
                    db.execute(f'DELETE FROM {table} WHERE series = ? AND "window" < ? {also}', (series, before))
        if self._prune_series <= (db.execute("SELECT max(id) FROM series").fetchone()[0] or 0):
            return True
        self._prune_series, self._prune_not_before = 0, now + _PRUNE_PAUSE_MS
        return False


def _closed(now: int) -> int:
    """Windows of lower number have ended."""
    return (now - GRACE_MS) // WINDOW_MS


def _insert(db: sqlite3.Connection, series: int, window: int, state: int, columns: Columns) -> None:
    figures = rollup.aggregate(columns)
    db.execute(
        'INSERT INTO block (series, "window", state, first, last, samples, numbers, low, high, total, data)'
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (series, window, state, columns.ts[0], columns.ts[-1], *figures, blocks.encode(*columns)),
    )
