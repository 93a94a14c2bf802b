"""The journal: what was committed is there after a restart, whole, and the audit trail stays as it was."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dcmon.model import (
    Alarm,
    AlarmState,
    Availability,
    Changes,
    Escalation,
    FaultClock,
    Incident,
    Interval,
    Notification,
    Quality,
    Reading,
    Record,
    Severity,
    StoreError,
    Task,
    Transition,
)
from dcmon.storage.db import DataDirLock
from dcmon.storage.journal import Journal

NOW = 1_800_000_000_000
DAY = 86_400_000

ALARM = Alarm(
    key="on-battery/ups-a",
    rule="on-battery",
    asset="ups-a",
    index=None,
    state=AlarmState.PENDING,
    severity=Severity.CRITICAL,
    since=NOW,
    started=NOW - 2000,
    due=NOW + 5000,
    value=True,
    reason="input voltage lost",
    memory={"seen": [1, 2.5, None], "word": "Öl"},
)
INCIDENT = Incident(
    id="i-1",
    state="open",
    root="ups-a",
    title="UPS A on battery",
    severity=Severity.CRITICAL,
    cls="power",
    started=NOW - 2000,
    opened=NOW,
    alarms=("on-battery/ups-a", "low/ups-a"),
    rule="on-battery",
    paging=False,
)
TASK = Task("t-1", "refuel", "tank-a", "fuel-low", "open", "Refuel tank A", NOW, NOW + DAY, memory={"lowest": 71.5})
CLOCK = FaultClock("c-1", "uplink", "uplink-1", "i-1", NOW, 4 * 3_600_000, "running", warned=(50, 75))
INTERVAL = Interval("feed-a", NOW - DAY, None, Availability.UP, "seen")
ESCALATION = Escalation("i-1", 1, "waiting", NOW + 300_000, ("eva/email", "max/email"), Severity.CRITICAL)
PAGE = Notification(
    "i-1/first/eva", NOW, "i-1", "eva", "email", "page", "first", Severity.CRITICAL, "UPS A", {"asset": "ups-a"}
)
TRANSITION = Transition(
    NOW, "alarm", ALARM.key, "active", "because", "ups-a", "on-battery", Severity.CRITICAL, "i-1", {"value": True}
)
RECORD = Record(
    "r-1", "sequence", "genset-a", "takeover", "running", None, NOW, None, "begun", ("T03", "T04"), data={"steps": [1]}
)


SECOND_PROCESS = """
import sys
from pathlib import Path
from dcmon.model import StoreError
from dcmon.storage.db import DataDirLock
try:
    DataDirLock(Path(sys.argv[1]))
except StoreError as error:
    print(error)
else:
    print("mine")
"""


def everything() -> Changes:
    return Changes(
        [TRANSITION],
        {ALARM.key: ALARM},
        {"i-1": INCIDENT},
        {"t-1": TASK},
        {"c-1": CLOCK},
        [INTERVAL],
        [PAGE],
        {"i-1": ESCALATION},
        {"r-1": RECORD},
    )


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path)
    yield opened
    opened.close()


def test_after_a_restart_every_row_is_exactly_what_was_committed(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.commit(everything())
    journal.save_readings([Reading(NOW, "ups-a", "ups.on_battery", None, True, Quality.UNCERTAIN, "old", "1.3.6")])
    journal.alive(NOW)
    journal.close()
    journal = Journal(tmp_path)
    found = journal.load_snapshot(NOW)
    assert found.alarms == {ALARM.key: ALARM}
    assert found.incidents == {"i-1": INCIDENT}
    assert found.tasks == {"t-1": TASK}
    assert found.clocks == {"c-1": CLOCK}
    assert found.intervals == {"feed-a": INTERVAL}
    assert found.escalations == {"i-1": ESCALATION}
    assert found.records == {"r-1": RECORD}
    assert found.alive == NOW
    (reading,) = found.readings.values()
    assert reading == Reading(NOW, "ups-a", "ups.on_battery", None, True, Quality.UNCERTAIN, "old", "1.3.6")
    assert reading.value is True
    assert journal.transitions() == [TRANSITION]
    assert journal.claim(NOW, "worker", 60_000, 10)[0].notification == PAGE
    journal.close()


def test_a_row_of_the_same_key_replaces_the_earlier_one(journal: Journal) -> None:
    journal.commit(everything())
    journal.commit(
        Changes(
            alarms={ALARM.key: replace(ALARM, state=AlarmState.NORMAL)},
            tasks={"t-1": replace(TASK, state="done", closed=NOW + 1)},
            intervals=[replace(INTERVAL, end=NOW), Interval("feed-a", NOW, None, Availability.DOWN)],
            escalations={"i-1": replace(ESCALATION, state="done")},
        )
    )
    found = journal.load_snapshot(NOW)
    assert found.alarms[ALARM.key].state is AlarmState.NORMAL
    assert found.tasks == {}
    assert found.escalations == {}
    assert found.intervals["feed-a"].state is Availability.DOWN
    assert [one.state for one in journal.intervals("feed-a", 0, NOW + 1)] == [Availability.UP, Availability.DOWN]
    assert journal.intervals("feed-a", NOW, NOW + 1)[0].start == NOW


def test_running_records_and_the_newest_of_each_subject_are_loaded_and_none_is_ever_pruned(journal: Journal) -> None:
    done = [replace(RECORD, id=f"d-{n}", state="done", verdict="passed", started=NOW - n * DAY) for n in (900, 2, 1)]
    other = replace(RECORD, id="o-1", subject="genset-b", state="done", verdict="failed", started=NOW - 800 * DAY)
    journal.commit(Changes(records={row.id: row for row in (*done, other, RECORD)}))
    assert set(journal.load_snapshot(NOW).records) == {"r-1", "o-1"}
    journal.prune(NOW, DAY)
    assert [row.id for row in journal.records("sequence", "genset-a")] == ["r-1", "d-1", "d-2", "d-900"]
    assert [row.id for row in journal.records(since=NOW - 2 * DAY, until=NOW)] == ["d-1", "d-2"]
    journal.commit(Changes(records={"r-1": replace(RECORD, state="done", verdict="passed", ended=NOW + 9)}))
    assert [row.verdict for row in journal.records(subject="genset-a", limit=1)] == ["passed"]


def test_what_ended_a_while_ago_is_not_loaded_but_still_known(journal: Journal) -> None:
    old = replace(INCIDENT, id="i-0", state="resolved", resolved=NOW - 2 * DAY)
    young = replace(INCIDENT, id="i-2", state="resolved", resolved=NOW - 60_000)
    stopped = replace(CLOCK, id="c-0", state="stopped", stopped=NOW - 2 * DAY)
    journal.commit(Changes(incidents={"i-0": old, "i-1": INCIDENT, "i-2": young}, clocks={"c-0": stopped}))
    found = journal.load_snapshot(NOW)
    assert set(found.incidents) == {"i-1", "i-2"}
    assert found.clocks == {}
    assert journal.incident("i-0") == old
    assert len(journal.incidents()) == 3
    assert [one.id for one in journal.incidents(state="open")] == ["i-1"]


def test_transitions_are_found_by_what_is_asked_and_come_in_the_order_kept(journal: Journal) -> None:
    rows = [TRANSITION._replace(ts=NOW + n, type=("alarm", "trap")[n % 2], incident=f"i-{n % 3}") for n in range(12)]
    journal.commit(Changes(transitions=rows))
    assert journal.transitions() == rows
    assert journal.transitions(limit=2) == rows[-2:]
    assert journal.transitions(type="trap", since=NOW + 6) == [row for row in rows if row.type == "trap"][3:]
    assert journal.transitions(incident="i-1", until=NOW + 5) == [rows[1], rows[4]]


def test_the_audit_trail_can_be_neither_changed_nor_shortened(journal: Journal, tmp_path: Path) -> None:
    journal.commit(Changes(transitions=[TRANSITION]))
    with sqlite3.connect(tmp_path / "journal.db") as other:
        for statement in ("UPDATE transition SET reason = 'nothing'", "DELETE FROM transition"):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                other.execute(statement)
    other.close()
    assert journal.transitions() == [TRANSITION]


def test_pruning_deletes_what_ended_long_ago_and_leaves_what_is_open(journal: Journal) -> None:
    open_since_long = replace(INCIDENT, id="old-open", opened=NOW - 900 * DAY)
    ended = replace(INCIDENT, id="ended", state="resolved", resolved=NOW - 500 * DAY)
    journal.commit(
        Changes(
            transitions=[TRANSITION._replace(ts=NOW - n * DAY) for n in range(0, 1000, 100)],
            incidents={one.id: one for one in (open_since_long, ended)},
            intervals=[Interval("x", 0, NOW - 500 * DAY, Availability.UP), Interval("x", 5, None, Availability.UP)],
            notifications=[replace(PAGE, key=f"k{n}", created=NOW - n * 500 * DAY) for n in range(2)],
        )
    )
    journal.prune(NOW, 400 * DAY)
    assert len(journal.transitions()) == 5
    assert [one.id for one in journal.incidents()] == ["old-open"]
    assert len(journal.intervals("x", 0, NOW)) == 2, "availability is evidence and stays"
    assert journal.waiting().messages == 2


def test_text_that_no_encoding_can_carry_does_not_keep_a_transition_from_being_kept(journal: Journal) -> None:
    journal.commit(
        Changes([TRANSITION._replace(reason="\ud800 broken", data={"name": "\udfff"})], {}, notifications=[PAGE])
    )
    (kept,) = journal.transitions()
    assert kept.reason == "? broken"
    assert kept.data == {"name": "?"}


async def test_saves_reach_the_disk_in_the_order_of_the_calls(journal: Journal) -> None:
    changes = [Changes([TRANSITION._replace(ts=n)], {ALARM.key: replace(ALARM, since=n)}) for n in range(50)]
    await asyncio.gather(*(journal.save(one) for one in changes))
    assert [row.ts for row in journal.transitions()] == list(range(50))
    assert journal.load_snapshot(NOW).alarms[ALARM.key].since == 49


async def test_a_save_that_was_cancelled_and_is_repeated_keeps_each_transition_once(journal: Journal) -> None:
    for pause in (0, 0.0005, 0.01):
        changes = Changes([TRANSITION._replace(subject=f"{pause}")])
        task = asyncio.create_task(journal.save(changes))
        await asyncio.sleep(pause)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        changes.transitions.append(TRANSITION._replace(subject=f"later {pause}"))
        if task.cancelled():
            await journal.save(changes)
            assert [row.subject for row in journal.transitions()][-2:] == [f"{pause}", f"later {pause}"]
    subjects = [row.subject for row in journal.transitions()]
    assert len(subjects) == len(set(subjects))


def test_a_second_process_is_told_who_holds_the_folder(tmp_path: Path) -> None:
    def other() -> str:
        command = [sys.executable, "-c", SECOND_PROCESS, str(tmp_path)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    with DataDirLock(tmp_path):
        assert f"in use by another dcmon (process {os.getpid()})" in other()
    assert other().strip() == "mine"


def broken_files() -> dict[str, bytes]:
    return {
        "text": b"this is no database at all\n" * 400,
        "zeros": b"\0" * 8192,
        "torn": b"SQLite format 3\0" + b"x" * 3000,
    }


@pytest.mark.parametrize("kind", broken_files())
def test_a_file_that_is_no_journal_is_refused_and_left_as_it_is(tmp_path: Path, kind: str) -> None:
    content = broken_files()[kind]
    (tmp_path / "journal.db").write_bytes(content)
    with pytest.raises(StoreError, match=r"journal\.db: .*(Restore it from a backup|Move it away)"):
        Journal(tmp_path)
    assert (tmp_path / "journal.db").read_bytes() == content


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "journal.db")
    other.execute("CREATE TABLE theirs (x)")
    other.close()
    with pytest.raises(StoreError, match="no dcmon journal"):
        Journal(tmp_path)


def test_a_journal_of_a_newer_dcmon_is_refused(tmp_path: Path) -> None:
    Journal(tmp_path).close()
    newer = sqlite3.connect(tmp_path / "journal.db")
    newer.execute("PRAGMA user_version=99")
    newer.close()
    with pytest.raises(StoreError, match="newer dcmon"):
        Journal(tmp_path)


def test_a_folder_that_cannot_be_made_is_an_error_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for make in (Journal, DataDirLock):
        with pytest.raises(StoreError, match="data_dir"):
            make(tmp_path / "file" / "data")


def test_starts_of_the_snmp_engine_are_counted_over_restarts_and_end_at_the_largest(tmp_path: Path) -> None:
    counted = []
    for _ in range(3):
        journal = Journal(tmp_path)
        counted.append(journal.count_boot(200_000_000))
        journal.close()
    assert counted == [200_000_000, 200_000_001, 200_000_002]
    journal = Journal(tmp_path / "late")
    assert [journal.count_boot(2**31 - 2) for _ in range(3)] == [2**31 - 2, 2**31 - 1, 2**31 - 1]
    journal.close()
