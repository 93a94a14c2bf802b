"""A month's report of a site of 1,000 points, from the journal to the HTML document. `python -m benchmarks report`

The journal holds a year: four changes a day of each figure. The month has 60 incidents of 30 transitions and six
messages, twelve sequences with the curves of their series, and 40 tasks. In details of the JSON line:

gather_s   reading the journal and making all figures, over the month, the year, 365 days and since commissioning
write_s    the document, digests of the manifest and curves from the sample store included
verify_s   the figures of the finished file made again and compared

All in processor time. The PDF of so many pages takes WeasyPrint about a minute more; nobody waits for it at night.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from benchmarks.machine import cores, pin
from benchmarks.result import Result, middle, report
from benchmarks.sites import write
from dcmon.audit.asof import JournalAt
from dcmon.audit.facts import gather
from dcmon.audit.render import write_html
from dcmon.audit.verify import verify
from dcmon.clock import SimulatedClock
from dcmon.config.config import Config
from dcmon.model import (
    Availability,
    Changes,
    Incident,
    Interval,
    Notification,
    Reading,
    Record,
    Severity,
    Task,
    Transition,
)
from dcmon.storage.journal import Journal
from dcmon.storage.journal_reads import FILE_NAME
from dcmon.storage.samples import Samples
from dcmon.thresholds import Judge

START, END = 1_790_805_600_000, 1_793_487_600_000  # October 2026 in Munich
MADE = END + 3_600_000
DAY = 86_400_000
DEVICES = 100
"""Of ten points each, beside the assets of the shipped site."""
CHANGES_A_DAY = 4
INCIDENTS, TRANSITIONS, SEQUENCES, TASKS = 60, 30, 12, 40
ROUNDS = 3
TARGET_S = 5.0


def fill(config: Config, folder: Path) -> int:
    """Writes the journal of a year; gives how many intervals it holds."""
    journal = Journal(folder)
    first, step = END - 365 * DAY, DAY // CHANGES_A_DAY
    count = 0
    for view in Judge(config).availability(MADE):
        rows = []
        for number, at in enumerate(range(first, END, step)):
            rows.append(Interval(view.id, at, at + step - 60_000, Availability.UP, "everything is as it should be"))
            state = Availability.DOWN if number % 50 == 7 else Availability.UNKNOWN
            rows.append(Interval(view.id, at + step - 60_000, at + step, state, "device does not answer"))
        count += len(rows)
        journal.commit(Changes(intervals=rows))
    for number in range(INCIDENTS):
        journal.commit(_incident(number, START + number * (DAY // 2)))
    for row in journal.claim(MADE, "bench", 60_000, 100_000):
        journal.mark_sent(row.notification.key, row.notification.created + 3_000, "250 accepted")
    runs = [_sequence(config, number, START + (2 * number + 1) * DAY) for number in range(SEQUENCES)]
    tasks = [
        Task(f"t-{n}", "refuel", "tank-a", "fuel-below-75", "done", "refuel", START + n * DAY // 2, END, END - DAY)
        for n in range(TASKS)
    ]
    journal.commit(Changes(records={row.id: row for row in runs}, tasks={row.id: row for row in tasks}))
    journal.close()
    _samples(config, folder)
    return count


def _incident(number: int, at: int) -> Changes:
    row = Incident(
        f"i-{number}", "resolved", "ups-a", f"UPS A: fault {number}", Severity.CRITICAL, "power", at, at + 5_000,
        ("ups-overload/ups-a",), "ups-overload", True, "weber", at + 60_000, at + 3_600_000,
    )  # fmt: skip
    told = [
        Transition(at + n * 1_000, "alarm", "ups-overload/ups-a", "active", "output.load 97 % is above 95 %", "ups-a",
                   "ups-overload", Severity.CRITICAL, row.id)
        for n in range(TRANSITIONS)
    ]  # fmt: skip
    pages = [
        Notification(f"k-{number}-{n}", at + 5_000, row.id, "weber", "email", "page", "first", Severity.CRITICAL, "x")
        for n in range(6)
    ]
    return Changes(transitions=told, incidents={row.id: row}, notifications=pages)


def _sequence(config: Config, number: int, at: int) -> Record:
    spec = config.rules.sequences[number % len(config.rules.sequences)]
    steps = [
        {"id": step.id, "name": step.name.model_dump(), "after": step.after, "within_ms": step.within,
         "state": "reached", "active": True, "base": at, "at": at + 9_000, "took_ms": 9_000, "undone": None}
        for step in spec.steps
    ]  # fmt: skip
    data = {"returned": at + 300_000, "steps": steps, "never": [], "extremes": {}}
    return Record(f"s-{number}", "sequence", spec.asset, spec.id, "done", "passed", at, at + 600_000, "", spec.tom,
                  None, data)  # fmt: skip


def _samples(config: Config, folder: Path) -> None:
    """Every series that a sequence draws, every two seconds around each run."""
    samples = Samples(folder, clock=SimulatedClock(MADE))
    for number in range(SEQUENCES):
        spec = config.rules.sequences[number % len(config.rules.sequences)]
        at = START + (2 * number + 1) * DAY
        for measured in spec.measure:
            rows = [Reading(ts, measured.asset, measured.point, measured.index, 200.0 + ts % 37)
                    for ts in range(at - 60_000, at + 660_000, 2_000)]  # fmt: skip
            samples.append(rows)
    samples.flush()
    samples.close()


def measure() -> Result:
    """Measures, and says how long each part took."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = write(folder, [1], count=DEVICES)
        data = config.agent.data_dir
        intervals = fill(config, data)
        pin(cores()[-1])
        parts: dict[str, list[float]] = {"gather_s": [], "write_s": [], "verify_s": [], "whole": []}
        html, manifest = "", {}
        for _ in range(ROUNDS):
            begun = time.process_time()
            journal, samples = JournalAt(data / FILE_NAME, MADE), Samples(data)
            facts = gather(config, journal, Judge(config).availability(MADE), (START, END), MADE)
            gathered = time.process_time()
            html, manifest = write_html(facts, "de", samples)
            written = time.process_time()
            journal.close()
            samples.close()
            (folder / "report.html").write_text(html, encoding="utf-8")
            begun_again = time.process_time()
            if not verify(config, data / FILE_NAME, folder / "report.html").good:
                raise RuntimeError("the report does not verify")
            parts["verify_s"].append(time.process_time() - begun_again)
            parts["gather_s"].append(gathered - begun)
            parts["write_s"].append(written - gathered)
            parts["whole"].append(written - begun)
    whole = middle("month's report of 1,000 points as HTML", parts["whole"], "s", TARGET_S, digits=2)
    details = {name: round(min(times), 3) for name, times in parts.items() if name != "whole"}
    return Result(
        [whole],
        details | {"intervals": intervals, "figures": len(manifest["figures"]), "html_bytes": len(html)},
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(report("report", measure))
