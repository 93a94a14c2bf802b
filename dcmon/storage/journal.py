"""The journal: what the core decided, kept before anybody acts on it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Iterable, Mapping
from functools import partial
from operator import is_
from pathlib import Path
from typing import Any, Final, TypeVar

from dcmon.model import Changes, Reading, Transition
from dcmon.storage import outbox
from dcmon.storage.journal_reads import FILE_NAME, JournalReader
from dcmon.storage.journal_schema import (
    ALARM,
    CLOCK,
    ESCALATION,
    INCIDENT,
    INTERVAL,
    READING,
    RECORD,
    TASK,
    TRANSITION,
    USUAL,
    clean,
    to_json,
)
from dcmon.storage.outbox import OutboxRow

T = TypeVar("T")

_SLICE: Final = 5_000
"""Rows deleted in one transaction, so that pruning never keeps a commit waiting for long."""

_PRUNED: Final = (
    ("transition", "ts < :before"),
    ("delivery", "ts < :before"),
    ("outbox", "touched < :before AND state NOT IN ('pending', 'leased')"),
    ("incident", "state <> 'open' AND ifnull(resolved, opened) < :before"),
    ("task", "state = 'done' AND ifnull(closed, opened) < :before"),
    ("cache", "ts < :before"),
)
_COUNT_BOOT: Final = """
INSERT INTO engine VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET boots = min(boots + 1, 2147483647) RETURNING boots
"""
_KEYS: Final = {"incident": "id", "task": "id", "cache": "asset"}


class Journal(JournalReader):
    """The journal of one data_dir, in `journal.db`.

    `commit` returns when the changes are on the disk (synchronous=FULL), all of them or none. It blocks the caller for
    one fsync; `save` is the same without blocking the event loop: commits reach the disk in the order in which
    `save` and `commit` were called, and whoever acts on a change awaits it first. Both raise StoreError when the disk
    does not take the changes. The caller then keeps them, adds what comes later (Changes.extend) and tries
    again; nothing was half-written, and rows that a repetition brings twice replace themselves.
    """

    def __init__(self, data_dir: Path) -> None:
        """Opens the journal, making it when there is none. Raises StoreError when it cannot be used."""
        super().__init__(data_dir / FILE_NAME)
        self._unheard: list[Transition] = []

    def commit(self, changes: Changes) -> None:
        """Keeps everything that one step decided in one transaction, and returns when it is on the disk."""
        copy = Changes()
        copy.extend(changes)
        copy.transitions = self._unknown_to_the_disk(copy.transitions)
        self._db.call(lambda db: _store(db, copy))
        self._unheard = []

    async def save(self, changes: Changes) -> None:
        """`commit` for the event loop: the wait for the disk is spent in the writer thread.

        The changes are copied first, so the caller may go on to fill the same object. Cancelled while the disk has the
        changes already, it ends cancelled; the transitions are not kept again when the caller gives them again.
        """
        copy = Changes()
        copy.extend(changes)
        copy.transitions = self._unknown_to_the_disk(copy.transitions)
        future = self._db.submit(lambda db: _store(db, copy))
        try:
            await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            if not future.cancel() and future.exception() is None:
                self._unheard = changes.transitions[:]
            raise
        self._unheard = []

    def alive(self, now: int) -> None:
        """Says that the process runs; after a restart the time since the last call is UNKNOWN."""
        self._db.call(lambda db: db.execute("INSERT OR REPLACE INTO alive VALUES (1, ?, ?)", (now, os.getpid())))

    def save_readings(self, readings: Iterable[Reading]) -> None:
        """Replaces the last reading of each series given; for the few that decisions after a restart need."""
        latest = {reading[1:4]: reading for reading in readings}
        rows = [READING.encode(reading) for reading in latest.values()]
        if rows:
            self._db.call(lambda db: db.executemany(READING.replace, rows))

    def save_identity(self, asset: str, identity: Mapping[str, Any], now: int) -> None:
        """Keeps what an asset said it was (plain JSON), so that the next start need not ask again."""
        row = (asset, now, to_json(dict(identity)))
        self._db.call(lambda db: db.execute("INSERT OR REPLACE INTO cache VALUES (?, ?, ?)", row))

    def count_boot(self, first: int) -> int:
        """snmpEngineBoots of the engine that receives informs (RFC 3414 section 2.2): one more than at the start before
        this one, up to 2^31-1, where it stays; `first` when no start is known."""
        return int(self._db.call(lambda db: db.execute(_COUNT_BOOT, (first,)).fetchone()[0]))

    def claim(self, now: int, owner: str, lease_ms: int, limit: int) -> list[OutboxRow]:
        """Leases up to `limit` due messages to `owner` until `now + lease_ms`; then they can be claimed anew.

        First messages come before updates, then the most severe, then the oldest. Messages written before the machine's
        clock was put back are due at once.
        """
        with self._db.reading() as db:
            if not outbox.anything_due(db, now, lease_ms):
                return []
        return self._db.call(lambda db: outbox.claim(db, now, owner, lease_ms, limit))

    def release_leases(self) -> int:
        """Makes leased messages claimable at once; at start, when the process that leased them is known to be gone."""
        return self._db.call(outbox.release)

    def mark_sent(self, key: str, now: int, detail: str = "") -> None:
        """Records that a message was accepted (`detail`: the server's answer). Final."""
        self._db.call(lambda db: outbox.mark(db, key, now, "sent", detail))

    def mark_failed(self, key: str, now: int, detail: str = "", retry_at: int | None = None) -> None:
        """Records a failed attempt; with `retry_at` the message waits until then, without it is given up."""
        state = "failed" if retry_at is None else "pending"
        self._db.call(lambda db: outbox.mark(db, key, now, state, detail, retry_at))

    def mark_unknown(self, key: str, now: int, detail: str = "") -> None:
        """Records that a message may or may not have arrived; it is not sent again under this key."""
        self._db.call(lambda db: outbox.mark(db, key, now, "unknown", detail))

    def prune(self, now: int, keep_ms: int) -> int:
        """Deletes what ended more than `keep_ms` before `now`; open things stay, however old. Gives the rows deleted.

        Records, intervals of availability and fault clocks stay: they are what an auditor asks for years later.
        Runs in slices with commits between them; other calls go on meanwhile.
        """
        before = now - keep_ms
        self._db.call(lambda db: db.execute("UPDATE retention SET before = max(before, ?)", (before,)))
        total = 0
        for table, condition in _PRUNED:
            key = _KEYS.get(table, "id")
            statement = (
                f"DELETE FROM {table} WHERE {key} IN"
                f" (SELECT {key.strip('()')} FROM {table} WHERE {condition} LIMIT {_SLICE})"
            )
            deleted = _SLICE
            while deleted == _SLICE:
                deleted = self._db.call(partial(_delete, statement, before))
                total += deleted
        return total

    def _unknown_to_the_disk(self, transitions: list[Transition]) -> list[Transition]:
        """Leaves out what a cancelled `save` has kept: the same objects at the front of the same list."""
        unheard = self._unheard
        front = transitions[: len(unheard)]
        known = len(front) == len(unheard) and all(map(is_, front, unheard))
        return transitions[len(unheard) :] if known else transitions


def _store(db: sqlite3.Connection, changes: Changes) -> None:
    _append(db, changes.transitions)
    db.executemany(ALARM.replace, map(ALARM.encode, changes.alarms.values()))
    db.executemany(INCIDENT.replace, map(INCIDENT.encode, changes.incidents.values()))
    db.executemany(TASK.replace, map(TASK.encode, changes.tasks.values()))
    db.executemany(CLOCK.replace, map(CLOCK.encode, changes.clocks.values()))
    db.executemany(INTERVAL.replace, map(INTERVAL.encode, changes.intervals))
    going_on = [row for row in changes.escalations.values() if row.state != "done"]
    db.executemany(ESCALATION.replace, map(ESCALATION.encode, going_on))
    over = [(clean(row.incident),) for row in changes.escalations.values() if row.state == "done"]
    db.executemany("DELETE FROM escalation WHERE incident = ?", over)
    db.executemany(RECORD.replace, map(RECORD.encode, changes.records.values()))
    db.executemany(USUAL.replace, map(USUAL.encode, changes.usual.values()))
    outbox.insert(db, changes.notifications)


def _append(db: sqlite3.Connection, transitions: list[Transition]) -> None:
    db.executemany(
        f"INSERT INTO transition ({TRANSITION.columns}) VALUES ({', '.join('?' * TRANSITION.width)})",
        map(TRANSITION.encode, transitions),
    )


def _delete(statement: str, before: int, db: sqlite3.Connection) -> int:
    return db.execute(statement, {"before": before}).rowcount
