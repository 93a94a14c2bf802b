"""Everything that can be asked of the journal: for the page, the API, reports, and for going on after a restart."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, TypeVar

from dcmon.model import (
    Alarm,
    FaultClock,
    Incident,
    Interval,
    Reading,
    Record,
    SeriesKey,
    Snapshot,
    Task,
    Transition,
)
from dcmon.storage import outbox
from dcmon.storage.db import Database
from dcmon.storage.journal_schema import (
    ALARM,
    CLOCK,
    ESCALATION,
    INCIDENT,
    INTERVAL,
    JOURNAL,
    NOTIFICATION,
    READING,
    RECORD,
    TASK,
    TRANSITION,
    USUAL,
    RowType,
)
from dcmon.storage.outbox import Delivery, OutboxRow, Waiting

R = TypeVar("R")

_DAY_MS: Final = 86_400_000
FILE_NAME: Final = "journal.db"
_GOING_ON: Final = (
    "WHERE state = 'running' OR id IN (SELECT id FROM (SELECT id, max(started) FROM record GROUP BY kind, subject))"
)


class JournalReader:
    """The journal's answers. Any thread may ask; a reader never waits for a commit and never sees half of one."""

    def __init__(self, path: Path) -> None:
        """Opens the file, making it when there is none. Raises StoreError when it cannot be used."""
        self._db = Database(path, JOURNAL)

    def close(self) -> None:
        """Ends what is under way and closes the file."""
        self._db.close()

    def size(self) -> int:
        """Bytes of the file that are in use."""
        return self._db.size()

    def load_snapshot(self, now: int, young_ms: int = _DAY_MS) -> Snapshot:
        """All the core needs to go on where it was.

        Every alarm, open tasks, open intervals, running escalations and last readings; running records and the newest
        of each kind and subject; incidents and fault clocks that are open or ended less than `young_ms` before `now`,
        so that they can be reopened.
        """
        young = (now - young_ms,)
        with self._db.reading() as db:

            def rows(kind: RowType[R], where: str = "", parameters: tuple[Any, ...] = ()) -> Iterable[R]:
                return map(kind.decode, db.execute(f"{kind.select} {where}", parameters).fetchall())

            return Snapshot(
                alarms={row.key: row for row in rows(ALARM)},
                incidents={
                    row.id: row
                    for row in rows(INCIDENT, "WHERE state = 'open' OR ifnull(resolved, opened) >= ?", young)
                },
                tasks={row.id: row for row in rows(TASK, "WHERE state <> 'done'")},
                clocks={row.id: row for row in rows(CLOCK, "WHERE stopped IS NULL OR stopped >= ?", young)},
                intervals={row.indicator: row for row in rows(INTERVAL, 'WHERE "end" IS NULL ORDER BY start')},
                escalations={row.incident: row for row in rows(ESCALATION, "WHERE state <> 'done'")},
                records={row.id: row for row in rows(RECORD, _GOING_ON)},
                usual={(row.series, row.hour): row for row in rows(USUAL)},
                readings={row.key: row for row in rows(READING)},
                alive=_alive(db),
            )

    def last_alive(self) -> int | None:
        """When the process that keeps the journal last said that it was running, ms UTC of its clock."""
        with self._db.reading() as db:
            return _alive(db)

    def transitions(
        self,
        *,
        incident: str | None = None,
        since: int | None = None,
        until: int | None = None,
        type: str | None = None,  # noqa: A002  # the column's and the API's own word
        asset: str | None = None,
        limit: int = 1000,
    ) -> list[Transition]:
        """The last `limit` transitions that fit (`since` <= ts < `until`), in the order in which they were kept."""
        wanted = {"incident = ?": incident, "ts >= ?": since, "ts < ?": until, "type = ?": type, "asset = ?": asset}
        found = self._select(TRANSITION, wanted, "ORDER BY id DESC LIMIT ?", limit)
        return found[::-1]

    def incidents(self, limit: int = 100, state: str | None = None) -> list[Incident]:
        """The last `limit` incidents, newest first; `state` is open, resolved or merged."""
        return self._select(INCIDENT, {"state = ?": state}, "ORDER BY opened DESC, id DESC LIMIT ?", limit)

    def incident(self, incident_id: str) -> Incident | None:
        """One incident, however old; None when there is none of that id."""
        return next(iter(self._select(INCIDENT, {"id = ?": incident_id}, "LIMIT ?", 1)), None)

    def alarms(self) -> list[Alarm]:
        """The present row of every alarm."""
        return self._select(ALARM, {}, "ORDER BY key LIMIT ?", -1)

    def tasks(self, state: str | None = None, limit: int = 1000) -> list[Task]:
        """The last `limit` tasks, newest first; `state` is open, overdue or done."""
        return self._select(TASK, {"state = ?": state}, "ORDER BY opened DESC, id DESC LIMIT ?", limit)

    def clocks(self, since: int | None = None, limit: int = 1000) -> list[FaultClock]:
        """The last `limit` fault clocks that started at or after `since`, newest first."""
        return self._select(CLOCK, {"started >= ?": since}, "ORDER BY started DESC, id DESC LIMIT ?", limit)

    def records(
        self,
        kind: str | None = None,
        subject: str | None = None,
        since: int | None = None,
        until: int | None = None,
        limit: int = 1000,
    ) -> list[Record]:
        """The last `limit` records that fit (`since` <= started < `until`), newest first."""
        wanted = {"kind = ?": kind, "subject = ?": subject, "started >= ?": since, "started < ?": until}
        return self._select(RECORD, wanted, "ORDER BY started DESC, id DESC LIMIT ?", limit)

    def intervals(self, indicator: str | None, start: int, end: int) -> list[Interval]:
        """The intervals of one indicator, or of all, that touch [start, end); not cut to it; in order of time."""
        wanted = {"indicator = ?": indicator, 'ifnull("end", 9223372036854775807) > ?': start, "start < ?": end}
        return self._select(INTERVAL, wanted, "ORDER BY indicator, start LIMIT ?", -1)

    def deliveries(self, incident: str | None = None, since: int | None = None, limit: int = 1000) -> list[Delivery]:
        """The last `limit` attempts to tell somebody, in order of time; of one incident, or of all."""
        wanted = {"incident = ?": incident, "ts >= ?": since}
        clause, parameters = _where(wanted)
        columns = ", ".join(Delivery._fields)
        with self._db.reading() as db:
            found = db.execute(
                f"SELECT {columns} FROM delivery {clause} ORDER BY id DESC LIMIT ?", (*parameters, limit)
            ).fetchall()
        return [Delivery(*row) for row in found][::-1]

    def outbox(self, incident: str | None = None, limit: int = 1000) -> list[OutboxRow]:
        """The last `limit` messages with their present state, in the order in which they were queued."""
        clause, parameters = _where({"incident = ?": incident})
        with self._db.reading() as db:
            found = db.execute(
                f"SELECT attempts, state, next_due, {NOTIFICATION.columns} FROM outbox {clause}"
                " ORDER BY id DESC LIMIT ?",
                (*parameters, limit),
            ).fetchall()
        return [OutboxRow(NOTIFICATION.decode(row[3:]), row[0], row[1], row[2]) for row in reversed(found)]

    def waiting(self) -> Waiting:
        """How many messages wait to be sent or are being sent, and since when."""
        with self._db.reading() as db:
            return outbox.waiting(db)

    def next_outbox_due(self) -> int | None:
        """When the next message can be claimed (ms UTC; may lie in the past); None when none waits."""
        with self._db.reading() as db:
            return outbox.next_due(db)

    def sent_since(self, person: str, channel: str, since: int) -> list[int]:
        """When messages went to a person over a channel after `since` (ms UTC), ascending."""
        with self._db.reading() as db:
            return outbox.sent_since(db, person, channel, since)

    def readings(self) -> dict[SeriesKey, Reading]:
        """The last readings that `save_readings` kept."""
        return {reading.key: reading for reading in self._select(READING, {}, "LIMIT ?", -1)}

    def identities(self) -> dict[str, dict[str, Any]]:
        """What each asset last said it was (profile, sysObjectID ...), as `save_identity` kept it."""
        with self._db.reading() as db:
            return {asset: json.loads(data) for asset, data in db.execute("SELECT asset, data FROM cache").fetchall()}

    def _select(self, kind: RowType[R], wanted: dict[str, Any], tail: str, limit: int) -> list[R]:
        clause, parameters = _where(wanted)
        with self._db.reading() as db:
            found = db.execute(f"{kind.select} {clause} {tail}", (*parameters, limit)).fetchall()
        return [kind.decode(row) for row in found]


def _alive(db: sqlite3.Connection) -> int | None:
    row = db.execute("SELECT ts FROM alive").fetchone()
    return row[0] if row else None


def _where(wanted: dict[str, Any]) -> tuple[str, list[Any]]:
    """A WHERE clause of the conditions whose parameter is given."""
    given = {condition: parameter for condition, parameter in wanted.items() if parameter is not None}
    return ("WHERE " + " AND ".join(given) if given else "", list(given.values()))
