"""The journal's table of notifications: leased, sent, recorded; at least once, whatever happens in between."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Final, NamedTuple

from dcmon.model import Notification, StoreError
from dcmon.storage.journal_schema import NOTIFICATION, clean

_STEP_BACK_MS: Final = 2_000
"""A row last touched further than this in the future was written before the machine's clock was put back."""

_CLAIMABLE: Final = (
    "(state = 'pending' AND (next_due <= :now OR touched > :now + :step)"
    " OR state = 'leased' AND (lease_until <= :now OR lease_until > :now + :lease + :step))"
)


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A notification that its claimer must now send. `attempts` counts this claim: 1 at the first."""

    notification: Notification
    attempts: int
    state: str = "leased"
    next_due: int = 0


class Delivery(NamedTuple):
    """What came of one attempt. result: sent, retry, failed or unknown."""

    ts: int
    key: str
    incident: str | None
    person: str
    channel: str
    kind: str
    attempt: int
    result: str
    detail: str


class Waiting(NamedTuple):
    """Messages that wait to be sent or are being sent, and when the oldest of them was decided (ms UTC)."""

    messages: int
    oldest: int | None


def insert(connection: sqlite3.Connection, notifications: list[Notification]) -> None:
    """Queues messages; one whose key is known already is left as it is."""
    connection.executemany(
        f"INSERT INTO outbox ({NOTIFICATION.columns}, next_due, touched)"
        f" VALUES ({', '.join('?' * NOTIFICATION.width)}, ?, ?) ON CONFLICT (key) DO NOTHING",
        [
            (*NOTIFICATION.encode(message), max(message.due, message.created), message.created)
            for message in notifications
        ],
    )


def claim(connection: sqlite3.Connection, now: int, owner: str, lease_ms: int, limit: int) -> list[OutboxRow]:
    """Leases what is due: first messages before updates, the most severe and the oldest first."""
    found = connection.execute(
        f"SELECT id, attempts, next_due, {NOTIFICATION.columns} FROM outbox WHERE {_CLAIMABLE}"
        " ORDER BY kind <> 'page', CASE severity WHEN 'critical' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END, created, id"
        " LIMIT :limit",
        {"now": now, "step": _STEP_BACK_MS, "lease": lease_ms, "limit": limit},
    ).fetchall()
    connection.executemany(
        "UPDATE outbox SET state = 'leased', attempts = attempts + 1, lease_until = ?, lease_owner = ?, touched = ?"
        " WHERE id = ?",
        [(now + lease_ms, owner, now, row[0]) for row in found],
    )
    return [OutboxRow(NOTIFICATION.decode(row[3:]), row[1] + 1, next_due=row[2]) for row in found]


def anything_due(connection: sqlite3.Connection, now: int, lease_ms: int) -> bool:
    """Whether `claim` would find something, without taking the disk's time for a transaction."""
    query = f"SELECT 1 FROM outbox WHERE {_CLAIMABLE} LIMIT 1"
    return connection.execute(query, {"now": now, "step": _STEP_BACK_MS, "lease": lease_ms}).fetchone() is not None


def mark(
    connection: sqlite3.Connection, key: str, now: int, state: str, detail: str, retry_at: int | None = None
) -> None:
    """Records an attempt's result and gives the row its new state (pending, with `retry_at`).

    A message that was sent stays sent, whatever a late second attempt reports; the attempt itself is recorded.
    Raises StoreError for a key that was never queued.
    """
    result = "retry" if state == "pending" else state
    recorded = connection.execute(
        "INSERT INTO delivery (ts, key, incident, person, channel, kind, attempt, result, detail)"
        " SELECT ?, key, incident, person, channel, kind, attempts, ?, ? FROM outbox WHERE key = ?",
        (now, result, clean(detail), key),
    )
    if recorded.rowcount == 0:
        raise StoreError(f"no notification {key!r} was ever queued, so nothing can be recorded for it")
    connection.execute(
        "UPDATE outbox SET state = ?, next_due = coalesce(?, next_due), touched = ?, lease_until = NULL,"
        " lease_owner = NULL WHERE key = ? AND state <> 'sent'",
        (state, retry_at, now, key),
    )


def release(connection: sqlite3.Connection) -> int:
    """Makes every leased row claimable at once: at start, when whoever leased it is known to be gone."""
    return connection.execute(
        "UPDATE outbox SET state = 'pending', lease_until = NULL, lease_owner = NULL WHERE state = 'leased'"
    ).rowcount


def next_due(connection: sqlite3.Connection) -> int | None:
    """When the next message can be claimed (ms UTC); None when none waits."""
    due: int | None = connection.execute(
        "SELECT min(CASE state WHEN 'leased' THEN lease_until ELSE next_due END) FROM outbox"
        " WHERE state IN ('pending', 'leased')"
    ).fetchone()[0]
    return due


def waiting(connection: sqlite3.Connection) -> Waiting:
    """What is not settled yet."""
    row = connection.execute("SELECT count(*), min(created) FROM outbox WHERE state IN ('pending', 'leased')")
    return Waiting(*row.fetchone())


_PART: Final = "(as part of "


def sent_since(connection: sqlite3.Connection, person: str, channel: str, since: int) -> list[int]:
    """When messages went to a person over a channel after `since` (ms UTC), ascending; what went together is one."""
    found = connection.execute(
        "SELECT max(ts) AS went FROM delivery WHERE ts > ? AND person = ? AND channel = ? AND result = 'sent'"
        f" GROUP BY CASE WHEN instr(detail, '{_PART}') THEN substr(detail, instr(detail, '{_PART}') + {len(_PART)},"
        f" length(detail) - instr(detail, '{_PART}') - {len(_PART)}) ELSE key END ORDER BY went",
        (since, person, channel),
    )
    return [row[0] for row in found]
