"""The tables of the journal, and how the core's types become their rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, is_dataclass
from enum import StrEnum
from operator import attrgetter
from typing import Any, Final, Generic, TypeVar

from dcmon.model import (
    Alarm,
    AlarmState,
    Availability,
    Escalation,
    FaultClock,
    Incident,
    Interval,
    Notification,
    Quality,
    Reading,
    Record,
    Severity,
    Task,
    Transition,
    UsualHour,
)
from dcmon.storage.db import Schema, statements

_VERSION_1: Final = """
CREATE TABLE transition (id INTEGER PRIMARY KEY AUTOINCREMENT, ts INTEGER NOT NULL, type TEXT NOT NULL,
    subject TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, asset TEXT, rule TEXT, severity TEXT,
    incident TEXT, data TEXT NOT NULL);
CREATE INDEX transition_incident ON transition (incident, id) WHERE incident IS NOT NULL;
CREATE INDEX transition_type ON transition (type, ts);
CREATE INDEX transition_ts ON transition (ts);
CREATE TABLE retention (id INTEGER PRIMARY KEY CHECK (id = 1), before INTEGER NOT NULL);
INSERT INTO retention VALUES (1, -9223372036854775808);
CREATE TRIGGER transition_is_final BEFORE UPDATE ON transition
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
CREATE TRIGGER transition_is_kept BEFORE DELETE ON transition
WHEN old.ts >= (SELECT before FROM retention)
BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END;
CREATE TABLE alarm (key TEXT PRIMARY KEY, rule TEXT NOT NULL, asset TEXT NOT NULL, "index" TEXT, state TEXT NOT NULL,
    severity TEXT NOT NULL, since INTEGER NOT NULL, started INTEGER, due INTEGER, value TEXT, reason TEXT NOT NULL,
    incident TEXT, suppressed TEXT, acked_by TEXT, acked_at INTEGER, shelved_until INTEGER, shelved_reason TEXT,
    memory TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE incident (id TEXT PRIMARY KEY, state TEXT NOT NULL, root TEXT NOT NULL, title TEXT NOT NULL,
    severity TEXT NOT NULL, cls TEXT NOT NULL, started INTEGER NOT NULL, opened INTEGER NOT NULL, alarms TEXT NOT NULL,
    rule TEXT NOT NULL, paging INTEGER NOT NULL, acked_by TEXT, acked_at INTEGER, resolved INTEGER,
    reopened INTEGER NOT NULL, merged_into TEXT) WITHOUT ROWID;
CREATE INDEX incident_opened ON incident (opened);
CREATE INDEX incident_state ON incident (state, opened);
CREATE TABLE task (id TEXT PRIMARY KEY, kind TEXT NOT NULL, asset TEXT NOT NULL, rule TEXT NOT NULL,
    state TEXT NOT NULL, title TEXT NOT NULL, opened INTEGER NOT NULL, due INTEGER NOT NULL, closed INTEGER,
    reason TEXT NOT NULL, memory TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE clock (id TEXT PRIMARY KEY, rule TEXT NOT NULL, asset TEXT NOT NULL, incident TEXT,
    started INTEGER NOT NULL, limit_ms INTEGER NOT NULL, state TEXT NOT NULL, warned TEXT NOT NULL, stopped INTEGER,
    stable_since INTEGER, reopened INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE interval (indicator TEXT NOT NULL, start INTEGER NOT NULL, "end" INTEGER, state TEXT NOT NULL,
    reason TEXT NOT NULL, PRIMARY KEY (indicator, start)) WITHOUT ROWID;
CREATE TABLE escalation (incident TEXT PRIMARY KEY, step INTEGER NOT NULL, state TEXT NOT NULL, due INTEGER,
    paged TEXT NOT NULL, severity TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE outbox (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, created INTEGER NOT NULL, incident TEXT,
    person TEXT NOT NULL, channel TEXT NOT NULL, kind TEXT NOT NULL, reason TEXT NOT NULL, severity TEXT NOT NULL,
    subject TEXT NOT NULL, facts TEXT NOT NULL, due INTEGER NOT NULL, state TEXT NOT NULL DEFAULT 'pending',
    attempts INTEGER NOT NULL DEFAULT 0, next_due INTEGER NOT NULL, touched INTEGER NOT NULL, lease_until INTEGER,
    lease_owner TEXT);
CREATE INDEX outbox_waiting ON outbox (state, next_due) WHERE state IN ('pending', 'leased');
CREATE INDEX outbox_incident ON outbox (incident) WHERE incident IS NOT NULL;
CREATE TABLE delivery (id INTEGER PRIMARY KEY AUTOINCREMENT, ts INTEGER NOT NULL, key TEXT NOT NULL, incident TEXT,
    person TEXT NOT NULL, channel TEXT NOT NULL, kind TEXT NOT NULL, attempt INTEGER NOT NULL, result TEXT NOT NULL,
    detail TEXT NOT NULL);
CREATE INDEX delivery_incident ON delivery (incident, id);
CREATE INDEX delivery_ts ON delivery (ts);
CREATE TABLE reading (ts INTEGER NOT NULL, asset TEXT NOT NULL, point TEXT NOT NULL, "index" TEXT, value TEXT,
    quality TEXT NOT NULL, reason TEXT, source TEXT);
CREATE UNIQUE INDEX reading_series ON reading (asset, point, "index" IS NULL, ifnull("index", ''));
CREATE TABLE cache (asset TEXT PRIMARY KEY, ts INTEGER NOT NULL, data TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE alive (id INTEGER PRIMARY KEY CHECK (id = 1), ts INTEGER NOT NULL, pid INTEGER NOT NULL);
"""

_VERSION_2: Final = """
CREATE TABLE record (id TEXT PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, rule TEXT, state TEXT NOT NULL,
    verdict TEXT, started INTEGER NOT NULL, ended INTEGER, reason TEXT NOT NULL, tom TEXT NOT NULL, by TEXT,
    data TEXT NOT NULL) WITHOUT ROWID;
CREATE INDEX record_kind ON record (kind, subject, started);
CREATE INDEX record_started ON record (started);
"""

_VERSION_3: Final = """
CREATE TABLE usual (asset TEXT NOT NULL, point TEXT NOT NULL, "index" TEXT, hour INTEGER NOT NULL,
    medians TEXT NOT NULL, spreads TEXT NOT NULL);
CREATE UNIQUE INDEX usual_hour ON usual (asset, point, "index" IS NULL, ifnull("index", ''), hour);
"""

_VERSION_4: Final = """
CREATE TABLE engine (id INTEGER PRIMARY KEY CHECK (id = 1), boots INTEGER NOT NULL);
"""

_VERSIONS: Final = (_VERSION_1, _VERSION_2, _VERSION_3, _VERSION_4)
JOURNAL: Final = Schema("journal", 0x64636D01, tuple(map(statements, _VERSIONS)), "FULL")

R = TypeVar("R")


def to_json(value: Any) -> str:
    """JSON on one line; text that no encoding can carry (half a surrogate pair from a device) is replaced."""
    return clean(json.dumps(value, ensure_ascii=False, separators=(",", ":")))


def clean(text: str) -> str:
    """Text that SQLite takes: one bad character of a device must not keep a transition from being kept."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _plain(value: Any) -> Any:
    return clean(str(value)) if isinstance(value, str) else value


def _tuple(text: str) -> tuple[Any, ...]:
    return tuple(json.loads(text))


def _optional(convert: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else convert(value)


class RowType(Generic[R]):
    """Rows of one table <-> values of one type whose fields are the columns of the same names.

    `json_fields` hold plain JSON, `tuples` JSON arrays, `enums` words; everything else is text or an integer.
    """

    def __init__(
        self,
        table: str,
        make: type[R],
        *,
        json_fields: Iterable[str] = (),
        tuples: Iterable[str] = (),
        bools: Iterable[str] = (),
        enums: Mapping[str, type[StrEnum]] | None = None,
    ) -> None:
        self.table = table
        self._make: Callable[..., R] = make
        # mypy cannot know that R is a dataclass or a NamedTuple.
        names: Any = [f.name for f in fields(make)] if is_dataclass(make) else make._fields  # type: ignore[attr-defined]
        self.columns = ", ".join(f'"{name}"' for name in names)
        self.select = f"SELECT {self.columns} FROM {table}"
        self.replace = f"INSERT OR REPLACE INTO {table} ({self.columns}) VALUES ({', '.join('?' * len(names))})"
        self._values: Callable[[R], tuple[Any, ...]] = attrgetter(*names)
        encoders: dict[str, Callable[[Any], Any]] = dict.fromkeys(json_fields, to_json) | dict.fromkeys(tuples, to_json)
        self._encoders = tuple(encoders.get(name, _plain) for name in names)
        decoders: dict[str, Callable[[Any], Any]] = dict.fromkeys(json_fields, json.loads)
        decoders |= dict.fromkeys(tuples, _tuple) | dict.fromkeys(bools, bool)
        decoders |= {name: _optional(words) for name, words in (enums or {}).items()}
        self._decoders = tuple((place, decoders[name]) for place, name in enumerate(names) if name in decoders)
        self.width = len(names)

    def encode(self, row: R) -> tuple[Any, ...]:
        """The row's columns, in the order of `columns`."""
        return tuple([encode(value) for encode, value in zip(self._encoders, self._values(row), strict=True)])

    def decode(self, columns: Iterable[Any]) -> R:
        """The value whose columns these are."""
        values = list(columns)
        for place, decode in self._decoders:
            values[place] = decode(values[place])
        return self._make(*values)


TRANSITION: Final = RowType("transition", Transition, json_fields=["data"], enums={"severity": Severity})
ALARM: Final = RowType(
    "alarm", Alarm, json_fields=["value", "memory"], enums={"state": AlarmState, "severity": Severity}
)
INCIDENT: Final = RowType("incident", Incident, tuples=["alarms"], bools=["paging"], enums={"severity": Severity})
TASK: Final = RowType("task", Task, json_fields=["memory"])
CLOCK: Final = RowType("clock", FaultClock, tuples=["warned"])
INTERVAL: Final = RowType("interval", Interval, enums={"state": Availability})
ESCALATION: Final = RowType("escalation", Escalation, tuples=["paged"], enums={"severity": Severity})
NOTIFICATION: Final = RowType("outbox", Notification, json_fields=["facts"], enums={"severity": Severity})
RECORD: Final = RowType("record", Record, tuples=["tom"], json_fields=["data"])
USUAL: Final = RowType("usual", UsualHour, tuples=["medians", "spreads"])
READING: Final = RowType("reading", Reading, json_fields=["value"], enums={"quality": Quality})
