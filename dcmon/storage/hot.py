"""The samples' file: its tables, and readings as rows of the append-only hot table and back."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from typing import Any, Final, TypeAlias

from dcmon.model import Quality, Reading, Value
from dcmon.storage.blocks import GOOD, Columns, Status
from dcmon.storage.db import Schema, statements
from dcmon.storage.journal_schema import clean

Key: TypeAlias = tuple[str, str, str | None]
"""asset, point, index: a SeriesKey, or the part of a Reading that equals it."""

_VERSION_1: Final = """
CREATE TABLE series (id INTEGER PRIMARY KEY, asset TEXT NOT NULL, point TEXT NOT NULL, "index" TEXT);
CREATE TABLE hot (id INTEGER PRIMARY KEY, series INTEGER NOT NULL, ts INTEGER NOT NULL, value, status TEXT);
CREATE TABLE folded (id INTEGER PRIMARY KEY CHECK (id = 1), upto INTEGER NOT NULL);
INSERT INTO folded VALUES (1, 0);
CREATE TABLE block (id INTEGER PRIMARY KEY AUTOINCREMENT, series INTEGER NOT NULL, "window" INTEGER NOT NULL,
    state INTEGER NOT NULL, first INTEGER NOT NULL, last INTEGER NOT NULL, samples INTEGER NOT NULL,
    numbers INTEGER NOT NULL, low REAL, high REAL, total REAL NOT NULL, data BLOB NOT NULL);
CREATE INDEX block_series ON block (series, "window");
CREATE INDEX block_loose ON block ("window", series) WHERE state = 0;
CREATE TABLE minute (id INTEGER PRIMARY KEY, series INTEGER NOT NULL, "window" INTEGER NOT NULL, data BLOB NOT NULL);
CREATE UNIQUE INDEX minute_series ON minute (series, "window");
"""

# Large pages: rows with a block of 1 to 4 kB would leave a third of every 4 kB page empty.
SAMPLES: Final = Schema("samples", 0x64636D02, (statements(_VERSION_1),), "NORMAL", page_size=16_384)

_INT64: Final = 1 << 63
_TRUE: Final = b"\1"
_FALSE: Final = b"\0"
_NAN: Final = b"nan"
INSERT: Final = "INSERT INTO hot VALUES (?, ?, ?, ?, ?)"


def to_column(value: Any) -> Any:
    """A value as SQLite keeps it without loss; truths, NaN and wide integers, which it does not know, as bytes."""
    if value is None or isinstance(value, bool):
        return value if value is None else (_TRUE if value else _FALSE)
    if isinstance(value, int):
        return value if -_INT64 <= value < _INT64 else b"%d" % value
    if isinstance(value, float):
        return value if value == value else _NAN  # NaN alone differs from itself
    return clean(str(value))


def from_column(column: Any) -> Value:
    """What `to_column` was given."""
    if isinstance(column, bytes):
        if len(column) == 1:
            return column == _TRUE
        return float("nan") if column == _NAN else int(column)
    value: Value = column
    return value


def to_status(quality: Quality, reason: str | None) -> str | None:
    """Quality and reason in one column: NULL for good without a reason, which nearly all are."""
    if reason is None:
        return None if quality == Quality.GOOD else quality.value
    return f"{quality.value}:{clean(reason)}"


def from_status(column: str | None) -> Status:
    """What `to_status` was given."""
    if column is None:
        return GOOD
    quality, colon, reason = column.partition(":")
    return Quality(quality), reason if colon else None


def rows(readings: Iterable[Reading], series: dict[Key, int], first_id: int) -> Iterator[tuple[Any, ...]]:
    """Readings as rows of the hot table, numbered from `first_id`."""
    number = first_id
    for ts, asset, point, index, value, quality, reason, _ in readings:
        yield (
            number,
            series[asset, point, index],
            ts,
            value if type(value) is float and value == value else to_column(value),
            None if reason is None and quality is Quality.GOOD else to_status(quality, reason),
        )
        number += 1


def columns(found: Iterable[tuple[int, Any, str | None]]) -> Columns:
    """Rows (ts, value, status) of one series, in order of time, as columns."""
    ts, values, statuses = [], [], []
    for time, value, status in found:
        ts.append(time)
        values.append(from_column(value) if type(value) is bytes else value)
        statuses.append(status)
    if any(statuses):
        return Columns(ts, values, [from_status(status) for status in statuses])
    return Columns(ts, values)


def of_readings(readings: Iterable[Reading]) -> Columns:
    """Readings of one series as columns, in order of time."""
    ordered = sorted(readings, key=lambda reading: reading.ts)
    status = [(reading.quality, reading.reason) for reading in ordered]
    return Columns(
        [reading.ts for reading in ordered],
        [reading.value for reading in ordered],
        status if any(one != GOOD for one in status) else None,
    )


def load_series(db: sqlite3.Connection) -> dict[Key, int]:
    """The numbers of all series."""
    found = db.execute('SELECT asset, point, "index", id FROM series').fetchall()
    return {(asset, point, index): number for asset, point, index, number in found}


def new_series(db: sqlite3.Connection, keys: Collection[Key], known: dict[Key, int]) -> dict[Key, int]:
    """Gives numbers to series that have none; keys that differ only in what SQLite cannot keep share one."""
    added: dict[Key, int] = {}
    if not keys:
        return added
    number = max(known.values(), default=0)
    for asset, point, index in keys:
        kept = (clean(asset), clean(point), index if index is None else clean(index))
        have = known.get(kept) or added.get(kept)
        if have is None:
            have = number = number + 1
            db.execute("INSERT INTO series VALUES (?, ?, ?, ?)", (number, *kept))
            added[kept] = have
        added[asset, point, index] = have
    return added
