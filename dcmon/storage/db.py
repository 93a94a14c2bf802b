"""One SQLite file: one thread that writes, one connection that reads, and errors that say what to do."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeAlias, TypeVar

from dcmon.model import StoreError

T = TypeVar("T")
_log = logging.getLogger(__name__)
Work: TypeAlias = Callable[[sqlite3.Connection], T]

_BUSY_TIMEOUT_S: Final = 5.0
_FULL_HINT = (
    "the disk is full. Free space, or move data_dir to a larger disk; dcmon goes on by itself when there is room"
)
_HINTS: Final = {
    sqlite3.SQLITE_FULL: _FULL_HINT,
    sqlite3.SQLITE_IOERR: "the disk cannot be read or written. Check its space, its quota and the kernel log",
    sqlite3.SQLITE_READONLY: "it cannot be written. Check owner and mode of the file and its folder",
    sqlite3.SQLITE_PERM: "it cannot be written. Check owner and mode of the file and its folder",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened. Check that its folder exists and may be written",
    sqlite3.SQLITE_NOTADB: "it is no SQLite database. Restore it from a backup, or move it away to start anew",
    sqlite3.SQLITE_CORRUPT: "it is damaged. Restore it from a backup, or move it away to start anew",
    sqlite3.SQLITE_BUSY: "another program holds it locked. End that program (a backup tool, an open sqlite3 shell)",
}
_DAMAGED: Final = frozenset({sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT})
_REOPEN: Final = frozenset({sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_CANTOPEN})


class DamagedError(StoreError):
    """What the file holds is no database, or no whole one."""


class Schema(NamedTuple):
    """What a kind of file looks like. `migrations[n]` leads from version n to n + 1 and never changes once shipped."""

    kind: str
    """For messages: journal, samples, spool."""
    application_id: int
    """Tells our files from those of other programs (PRAGMA application_id)."""
    migrations: tuple[tuple[str, ...], ...]
    synchronous: Literal["FULL", "NORMAL"] = "FULL"
    page_size: int = 4096


class Database:
    """One file in WAL mode. Everything that writes runs in its single writer thread, in the order of the calls.

    `call`, `run` and `submit` give the function a connection inside one transaction: it is committed when the function
    returns and rolled back when it raises, so nothing is ever half-written. Errors of SQLite become StoreError.
    `reading` lends the read connection, which never waits for the writer.
    """

    def __init__(self, path: Path, schema: Schema) -> None:
        self.path = path
        self.schema = schema
        self._writer: sqlite3.Connection | None = None
        self._reader: sqlite3.Connection | None = None
        self._reader_lock = threading.Lock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=f"dcmon-{schema.kind}")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{path.parent}: {error.strerror}. Set data_dir to a folder dcmon may write") from error
        try:
            self._thread.submit(self._open).result()
        except BaseException:
            self._thread.shutdown()
            raise

    def submit(self, work: Work[T]) -> Future[T]:
        """Queues a transaction; the future holds its result or StoreError."""
        return self.in_writer(lambda: self._transaction(work))

    def call(self, work: Work[T]) -> T:
        """Runs a transaction and waits for it; blocks the calling thread."""
        return self.submit(work).result()

    async def run(self, work: Work[T]) -> T:
        """Runs a transaction and awaits it. Cancelling the wait does not undo the transaction."""
        return await asyncio.wrap_future(self.submit(work))

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Lends the read connection inside one snapshot; any thread, one at a time."""
        with self._reader_lock, self._explained():
            if self._reader is None:
                self._reader = self._connect()
                self._reader.execute("PRAGMA query_only=ON")
            try:
                self._reader.execute("BEGIN")
                yield self._reader
            except sqlite3.Error:
                reader, self._reader = self._reader, None
                reader.close()
                raise
            finally:
                if self._reader is not None:
                    self._reader.rollback()

    def in_writer(self, work: Callable[[], T]) -> Future[T]:
        """Queues something that opens its own transactions in the writer thread, or none."""
        try:
            return self._thread.submit(work)
        except RuntimeError as error:
            raise StoreError(f"{self.path}: the {self.schema.kind} is closed") from error

    def transaction(self, work: Work[T]) -> T:
        """One transaction, for code that already runs in the writer thread."""
        return self._transaction(work)

    async def vacuum(self) -> None:
        """Rewrites the file without its free pages: only for files that are nearly empty."""

        def work() -> None:
            with self._explained():
                self._connection().execute("VACUUM")

        await asyncio.wrap_future(self.in_writer(work))

    def size(self) -> int:
        """Bytes of the file that are in use; free pages, which it will fill again, left out."""
        with self.reading() as db:
            pages, free, page = (
                db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
            )
            return int((pages - free) * page)

    def close(self) -> None:
        """Waits for queued transactions, then closes both connections. Closing twice does nothing."""
        try:
            self._thread.submit(self._close_writer)
        except RuntimeError:
            return
        self._thread.shutdown(wait=True)
        with self._reader_lock:
            if self._reader is not None:
                self._reader.close()
                self._reader = None

    def _transaction(self, work: Work[T]) -> T:
        with self._explained():
            connection = self._connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(connection)
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.rollback()
                raise
            return result

    def _connection(self) -> sqlite3.Connection:
        if self._writer is None:
            self._writer = self._connect()
        return self._writer

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path, timeout=_BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        try:
            connection.execute(f"PRAGMA page_size={self.schema.page_size}")
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute(f"PRAGMA synchronous={self.schema.synchronous}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _open(self) -> None:
        with self._explained():
            self._check_file()
            connection = self._connection()
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            for number in range(version, len(self.schema.migrations)):
                self._transaction(partial(self._migrate, number=number))

    def _check_file(self) -> None:
        """Looks before the first write: a file of another program is left exactly as it was."""
        if not self.path.exists() or self.path.stat().st_size == 0:
            return
        connection = sqlite3.connect(self.path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)
        try:
            version = connection.execute("PRAGMA user_version").fetchone()[0]
            application = connection.execute("PRAGMA application_id").fetchone()[0]
            objects = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        finally:
            connection.close()
        known = len(self.schema.migrations)
        if application != self.schema.application_id and (objects or version or application):
            raise StoreError(
                f"{self.path}: this is an SQLite database, but no dcmon {self.schema.kind}. "
                "Move it away, or set data_dir to another folder"
            )
        if version > known:
            raise StoreError(
                f"{self.path}: written by a newer dcmon (schema {version}; this one knows up to {known}). "
                "Install that version again, or restore the backup made before the upgrade"
            )

    def _migrate(self, connection: sqlite3.Connection, number: int) -> None:
        for statement in self.schema.migrations[number]:
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id={self.schema.application_id}")
        connection.execute(f"PRAGMA user_version={number + 1}")

    def _close_writer(self) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", 0) & 0xFF
            if code in _REOPEN and threading.current_thread().name.startswith(f"dcmon-{self.schema.kind}"):
                self._drop_writer()
            hint = _HINTS.get(code, "an error that dcmon does not know; please report it")
            kind = DamagedError if code in _DAMAGED else StoreError
            raise kind(f"{self.path}: {hint} ({error})") from error
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror}") from error

    def _drop_writer(self) -> None:
        """After an error of the disk a fresh connection is the only state that is known to be right."""
        writer, self._writer = self._writer, None
        if writer is not None:
            try:
                writer.close()
            except sqlite3.Error:
                return


def open_or_renew(path: Path, store: Callable[[], T]) -> T:
    """`store`, which opens `path`; where that is damaged, anew, with the damaged file kept beside it.

    For what may be lost: nobody must go unpaged because old samples cannot be read. Raises StoreError.
    """
    try:
        return store()
    except DamagedError as error:
        aside = path.with_name(f"{path.name}.damaged")
        try:
            for ending in ("", "-wal", "-shm"):
                if (part := path.with_name(path.name + ending)).exists():
                    part.replace(aside.with_name(aside.name + ending))
        except OSError as failure:
            raise StoreError(f"{error}; it cannot be moved away: {failure.strerror}") from failure
        _log.error("what was damaged is now %s, and dcmon has begun a new one: %s", aside.name, error)
        return store()


class DataDirLock:
    """Makes one process the owner of a data_dir until it closes the lock or ends, however it ends."""

    def __init__(self, data_dir: Path) -> None:
        """Raises StoreError naming the process that holds the folder, or saying why it cannot be used."""
        self.path = data_dir / "dcmon.lock"
        try:
            data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(f"{self.path}: {error.strerror}. Set data_dir to a folder dcmon may write") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(self._descriptor, 32).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            raise StoreError(
                f"{data_dir} is in use by another dcmon (process {holder or 'unknown'}). "
                "Stop that one first, or give this one a data_dir of its own"
            ) from error
        # A full disk must not keep the agent from starting: the lock holds without the number in it.
        try:
            os.ftruncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)
        except OSError:
            return

    def close(self) -> None:
        """Gives the folder free. Closing twice does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> DataDirLock:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def statements(script: str) -> tuple[str, ...]:
    """Splits a script of plain statements and triggers at the semicolons that end one."""
    parts: list[str] = []
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            parts.append(pending.strip())
            pending = ""
    if pending.strip():
        raise ValueError(f"unfinished statement: {pending.strip()[:60]}")
    return tuple(parts)
