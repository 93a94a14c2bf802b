"""The stored samples in the order of time, read beside the process that writes them."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator
from itertools import repeat
from operator import itemgetter
from pathlib import Path
from typing import Final

from dcmon.config.vocabulary import vocabulary
from dcmon.model import Reading, SeriesKey, StoreError, Value
from dcmon.storage import blocks, hot, rollup
from dcmon.storage.blocks import GOOD, Columns
from dcmon.storage.compaction import DAMAGED, WINDOW_MS
from dcmon.storage.db import Database
from dcmon.storage.rollup import MINUTE_MS
from dcmon.storage.samples import FILE_NAME

_log = logging.getLogger(__name__)

_BLOCKS: Final = 'SELECT data FROM block WHERE series = ? AND "window" = ? AND state < ? ORDER BY id'
_MINUTES: Final = 'SELECT data FROM minute WHERE series = ? AND "window" = ?'
_HOT: Final = "SELECT series, ts, value, status FROM hot WHERE ts >= ? AND ts < ? ORDER BY series, ts, id"

_by_time = itemgetter(0)


class PastSamples:
    """What `samples.db` of a data_dir holds. Changes nothing in it but what SQLite needs for a reader."""

    def __init__(self, data_dir: Path) -> None:
        """Raises StoreError when there is no store, or none that can be read."""
        path = data_dir / FILE_NAME
        if not path.exists():
            raise StoreError(f"{path} is not there: nothing was recorded yet, or data_dir is another")
        self._db = Database(path, hot.SAMPLES)

    def close(self) -> None:
        """Closes the file."""
        self._db.close()

    def read(self, start: int, end: int, wanted: Callable[[SeriesKey], bool]) -> Iterator[list[Reading]]:
        """The readings of [start, end) (ms UTC) of the series that are `wanted`, two hours at a time, in order.

        Of a value that is said again and again the first and the last time are given: between them nothing was new.
        Where the samples are pruned, the means of the minutes stand for them, each at the end of its minute; what
        was a truth is true when it was so for half of the minute, and words are not known any more.
        """
        with self._db.reading() as db:
            known = {number: SeriesKey(*key) for key, number in hot.load_series(db).items()}
            fresh = {row[0] for row in db.execute("SELECT DISTINCT ts / ? FROM hot", (WINDOW_MS,))}
            windows = {row[0] for table in ("block", "minute") for row in db.execute(f'SELECT "window" FROM {table}')}
        series = {number: key for number, key in known.items() if wanted(key)}
        truths = {name for name, point in vocabulary().items() if point.type == "bool"}
        for window in sorted(windows | fresh):
            first, beyond = max(start, window * WINDOW_MS), min(end, (window + 1) * WINDOW_MS)
            if first >= beyond:
                continue
            found: list[Reading] = []
            with self._db.reading() as db:
                rows = self._unfolded(db, first, beyond) if window in fresh else {}
                for number, key in series.items():
                    columns = self._window(db, number, window, rows.get(number), truth=key.point in truths)
                    found += _news(key, blocks.cut(columns, first, beyond))
            found.sort(key=_by_time)
            if found:
                yield found

    def _unfolded(self, db: sqlite3.Connection, first: int, beyond: int) -> dict[int, Columns]:
        rows: dict[int, list[tuple[int, Value, str | None]]] = {}
        for number, ts, value, status in db.execute(_HOT, (first, beyond)):
            rows.setdefault(number, []).append((ts, value, status))
        return {number: hot.columns(found) for number, found in rows.items()}

    def _window(
        self, db: sqlite3.Connection, number: int, window: int, unfolded: Columns | None, *, truth: bool
    ) -> Columns:
        pieces = [] if unfolded is None else [unfolded]
        for (data,) in db.execute(_BLOCKS, (number, window, DAMAGED)):
            try:
                pieces.append(blocks.decode(data))
            except StoreError as error:
                _log.error("samples: a block of two hours is left out: %s", error)
        if pieces:
            return blocks.merged(pieces)
        for (data,) in db.execute(_MINUTES, (number, window)):
            table = sorted(rollup.decode(data).items())
            means = [total / count for _, (count, _, _, total) in table]
            values: list[Value] = [mean >= 0.5 for mean in means] if truth else list(means)
            return Columns([(minute + 1) * MINUTE_MS - 1 for minute, _ in table], values)
        return Columns([], [])


def _news(key: SeriesKey, columns: Columns) -> Iterator[Reading]:
    """The readings of one series without those that lie between two of the same value."""
    times, values = columns.ts, columns.values
    asset, point, index = key
    last = len(times) - 1
    statuses = columns.status or repeat(GOOD, len(times))
    for place, (ts, value, (quality, reason)) in enumerate(zip(times, values, statuses, strict=True)):
        if (
            0 < place < last
            and columns.status is None
            and values[place - 1] == value == values[place + 1]
            and value.__class__ is values[place - 1].__class__
        ):
            continue
        yield Reading(ts, asset, point, index, value, quality, reason)
