"""The journal when the disk is full and when the process dies: whole transactions or none, and no page lost."""

from __future__ import annotations

import itertools
import random
import resource
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from dcmon.model import Alarm, AlarmState, Changes, Incident, Notification, Reading, Severity, StoreError, Transition
from dcmon.storage.journal import Journal
from dcmon.storage.samples import Samples

WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_journal_faults import step
from dcmon.storage.journal import Journal
journal = Journal(Path(sys.argv[1]))
first = len(journal.transitions(limit=-1))
for number in range(first, first + 100_000):
    journal.commit(step(number))
    print(number, flush=True)
"""


def step(number: int) -> Changes:
    """One decision whose rows belong together and all carry `number`."""
    incident = Incident(f"i-{number}", "open", "ups-a", "t", Severity.CRITICAL, "power", number, number, ("a",), "r")
    return Changes(
        [Transition(number, "incident", incident.id, "opened", "x" * 300, incident=incident.id)],
        {"a": Alarm("a", "r", "ups-a", None, AlarmState.ACTIVE, Severity.CRITICAL, number)},
        {incident.id: incident},
        notifications=[
            Notification(f"{number}", number, incident.id, "eva", "email", "page", "first", Severity.CRITICAL, "s")
        ],
    )


def assert_whole(journal: Journal, at_least: int) -> int:
    """All rows of a step are there or none; no acknowledged step is missing. Gives the number of steps."""
    numbers = [row.ts for row in journal.transitions(limit=-1)]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) >= at_least
    incidents = {one.opened for one in journal.incidents(limit=-1)}
    messages = {int(row.notification.key) for row in journal.outbox(limit=-1)}
    assert incidents == messages == set(numbers)
    if numbers:
        assert journal.load_snapshot(0).alarms["a"].since == numbers[-1]
    return len(numbers)


def test_kill_9_at_any_moment_leaves_whole_steps_and_every_acknowledged_one(tmp_path: Path) -> None:
    random_ = random.Random(3)
    acknowledged = 0
    for _ in range(6):
        command = [sys.executable, "-c", WRITER, str(tmp_path), str(Path(__file__).parent)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            begun = process.stdout.readline()
            threading.Timer(random_.uniform(0.01, 0.25), process.send_signal, [signal.SIGKILL]).start()
            said = [begun, *process.stdout]
        whole = [line for line in said if line.endswith("\n")]
        acknowledged = max(acknowledged, int(whole[-1]) + 1)
        journal = Journal(tmp_path)
        steps = assert_whole(journal, acknowledged)
        assert steps <= acknowledged + 1
        journal.close()


def test_a_full_database_takes_nothing_says_what_to_do_and_goes_on_when_there_is_room(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal._db.call(lambda db: None)
    pages = journal._db.in_writer(lambda: journal._db._connection().execute("PRAGMA max_page_count=60").fetchone())
    assert pages.result() == (60,)
    with pytest.raises(StoreError, match=r"disk is full\. Free space, or move data_dir"):
        for number in itertools.count():
            journal.commit(step(number))
    kept = assert_whole(journal, 1)
    later = Changes()
    for number in range(kept, kept + 3):
        later.extend(step(number))
        with pytest.raises(StoreError):
            journal.commit(later)
    journal._db.in_writer(lambda: journal._db._connection().execute("PRAGMA max_page_count=99999").fetchone()).result()
    journal.commit(later)
    assert assert_whole(journal, kept + 3) == kept + 3
    journal.close()


FULL_DISK = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_journal_faults import write_until_full_and_on
write_until_full_and_on(Path(sys.argv[1]))
"""


def write_until_full_and_on(folder: Path) -> None:
    """In a process of its own: files may not grow beyond a size, as when the disk is full; then they may again."""
    journal, samples = Journal(folder), Samples(folder)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, resource.RLIM_INFINITY))
    failed = None
    kept = 0
    for number in range(10_000):
        try:
            journal.commit(step(number))
        except StoreError as error:
            failed = error
            break
        kept += 1
    assert failed is not None
    assert "disk" in str(failed)
    samples.append([Reading(n, "ups-a", "input.voltage", None, n / 10) for n in range(60_000)])
    for _ in range(3):
        with pytest.raises(StoreError):
            samples.flush()
        try:
            journal.commit(step(kept))
        except StoreError:
            assert assert_whole(journal, kept) == kept
        else:  # the log was moved into the file, which made room
            kept += 1
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    journal.commit(step(kept))
    assert samples.flush() == 60_000
    assert samples.stats.dropped == 0
    journal.close()
    samples.close()
    journal = Journal(folder)
    assert_whole(journal, kept + 1)
    journal.close()
    print("kept", kept + 1)


def test_files_that_cannot_grow_lose_nothing_and_go_on_when_they_can(tmp_path: Path) -> None:
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path), str(Path(__file__).parent)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("kept")


def test_readers_neither_wait_for_a_commit_nor_see_half_of_one(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    stop = threading.Event()
    seen: list[tuple[int, int]] = []

    def read() -> None:
        while not stop.is_set():
            found = journal.load_snapshot(0)
            newest = found.alarms["a"].since if "a" in found.alarms else -1
            seen.append((newest, max((one.opened for one in found.incidents.values()), default=-1)))

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(150):
        journal.commit(step(number))
    holding = threading.Event()
    held = journal._db.submit(lambda db: (db.execute("DELETE FROM cache"), holding.wait(0.5)))
    before = len(seen)
    held.result()
    assert len(seen) > before + 3
    stop.set()
    reader.join()
    journal.close()
    assert all(alarm == incident for alarm, incident in seen)
