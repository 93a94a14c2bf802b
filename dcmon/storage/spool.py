"""What waits on the disk while InfluxDB is away: batches of lines in the order in which they were read."""

from __future__ import annotations

import logging
import sqlite3
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dcmon.storage.db import Database, Schema, statements

FILE_NAME: Final = "spool.db"
_MAX_LINES: Final = 5_000
"""Lines of one request: InfluxData's recommended batch."""

_VERSION_1: Final = """
CREATE TABLE batch (seq INTEGER PRIMARY KEY, lines INTEGER NOT NULL, size INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE total (id INTEGER PRIMARY KEY CHECK (id = 1), pending INTEGER NOT NULL, size INTEGER NOT NULL);
INSERT INTO total VALUES (1, 0, 0);
CREATE TRIGGER batch_added AFTER INSERT ON batch
BEGIN UPDATE total SET pending = pending + 1, size = size + new.size; END;
CREATE TRIGGER batch_gone AFTER DELETE ON batch
BEGIN UPDATE total SET pending = pending - 1, size = size - old.size; END;
"""
_SPOOL: Final = Schema(
    "spool",
    0x64636D03,
    (statements(_VERSION_1),),
    "FULL",
)
_SHRINK_BYTES: Final = 1_000_000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines that go in one request. `seqs` are the places in the order of time that they take."""

    seqs: tuple[int, ...]
    lines: tuple[str, ...]


class Spool:
    """A queue on the disk (synchronous=FULL), never larger than its bound: beyond it the oldest is dropped, counted.

    `pending`, `size` and `dropped` count batches, compressed bytes and lines. All methods that are awaited do their
    work in the writer thread, in the order of the calls; they raise StoreError when the disk does not take it.
    """

    def __init__(self, data_dir: Path, limit_mb: float) -> None:
        """Opens the spool with what an earlier process left in it. Raises StoreError when it cannot be used."""
        self._limit = int(limit_mb * 1_000_000)
        self._db = Database(data_dir / FILE_NAME, _SPOOL)
        self.dropped = 0
        try:
            self.last_seq: int = self._db.call(
                lambda db: db.execute("SELECT ifnull(max(seq), 0) FROM batch").fetchone()[0]
            )
            self.pending, self.size = self._db.call(_totals)
        except BaseException:
            self._db.close()
            raise

    async def put(self, batch: Batch) -> None:
        """Keeps a batch of one place; one that is there already is replaced."""
        self._count(await self._db.run(lambda db: self._put(db, batch)))

    def put_now(self, batch: Batch) -> None:
        """`put` that blocks: for the last batches before the end."""
        self._count(self._db.call(lambda db: self._put(db, batch)))

    async def first(self) -> Batch | None:
        """The oldest batches, as many as make one request; None when the spool is empty."""
        return await self._db.run(_first)

    async def delete(self, batch: Batch) -> None:
        """Forgets a batch that has arrived."""

        def work(db: sqlite3.Connection) -> tuple[int, int]:
            _delete(db, batch.seqs)
            return _totals(db)

        self.pending, self.size = await self._db.run(work)
        if not self.pending:
            await self._shrink()

    async def replace(self, batch: Batch, lines: tuple[str, ...]) -> None:
        """Forgets the part of a batch that has arrived and keeps `lines`, the rest."""

        def work(db: sqlite3.Connection) -> tuple[int, int, int]:
            _delete(db, batch.seqs)
            return self._put(db, Batch(batch.seqs[:1], lines))

        self._count(await self._db.run(work))

    def close(self) -> None:
        """Closes the file. Closing twice does nothing."""
        self._db.close()

    def _put(self, db: sqlite3.Connection, batch: Batch) -> tuple[int, int, int]:
        """Batches, bytes, and lines that were dropped to make room."""
        data = zlib.compress("\n".join(batch.lines).encode("utf-8"), 1)
        _delete(db, batch.seqs)
        db.execute("INSERT INTO batch VALUES (?, ?, ?, ?)", (batch.seqs[0], len(batch.lines), len(data), data))
        pending, size = _totals(db)
        dropped = 0
        while size > self._limit and pending:
            seq, lines = db.execute("SELECT seq, lines FROM batch ORDER BY seq LIMIT 1").fetchone()
            _delete(db, (seq,))
            dropped += lines
            pending, size = _totals(db)
        return pending, size, dropped

    def _count(self, result: tuple[int, int, int]) -> None:
        self.pending, self.size, dropped = result
        if dropped and not self.dropped:
            _log.error(
                "spool: full at %.3g MB; the oldest samples are dropped until the server is back. "
                "Raise influx.spool_mb for longer outages",
                self._limit / 1_000_000,
            )
        self.dropped += dropped

    async def _shrink(self) -> None:
        """Gives the disk back what a long outage took."""
        pages, page = await self._db.run(
            lambda db: (
                db.execute("PRAGMA freelist_count").fetchone()[0],
                db.execute("PRAGMA page_size").fetchone()[0],
            )
        )
        if pages * page > _SHRINK_BYTES:
            await self._db.vacuum()


def _totals(db: sqlite3.Connection) -> tuple[int, int]:
    pending, size = db.execute("SELECT pending, size FROM total").fetchone()
    return pending, size


def _delete(db: sqlite3.Connection, seqs: tuple[int, ...]) -> None:
    db.executemany("DELETE FROM batch WHERE seq = ?", [(seq,) for seq in seqs])


def _first(db: sqlite3.Connection) -> Batch | None:
    seqs: list[int] = []
    lines: list[str] = []
    for seq, count, data in db.execute("SELECT seq, lines, data FROM batch ORDER BY seq"):
        if seqs and len(lines) + count > _MAX_LINES:
            break
        seqs.append(seq)
        try:
            lines += zlib.decompress(data).decode("utf-8").split("\n")
        except (zlib.error, UnicodeDecodeError) as error:
            _log.error("spool: a batch of %d lines cannot be read and is lost: %s", count, error)
    return Batch(tuple(seqs), tuple(lines)) if seqs else None
