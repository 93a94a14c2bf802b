"""What storing costs. `python -m benchmarks samples`; in details of its JSON line:

append_us      CPU of the event loop's thread per reading handed to the store
flush_us       CPU of the writer thread per reading brought to the disk
compact_us     CPU of the writer thread per reading, from the hot table to its block and minutes
bytes_sample   the file after compaction, per sample, minutes and indices included
week_read_ms   the raw samples of one 5-second series over a week (the median of reads)
aggregate_ms   the figures of that week from the headers of blocks
commit_ms      one transaction of the journal with an alarm, an incident and two messages, fsync included (median)
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.machine import cores, pin
from benchmarks.result import Figure, Result, middle, report
from dcmon.clock import SimulatedClock
from dcmon.model import Alarm, AlarmState, Changes, Incident, Notification, Reading, SeriesKey, Severity, Transition
from dcmon.storage.journal import Journal
from dcmon.storage.samples import Samples

START = 1_735_689_600_000
DAYS = 7
WEEK_MS = 7 * 86_400_000
POINTS = (
    # point, interval in seconds: what one UPS and one rack are asked for
    ("input.voltage", 5),
    ("output.power", 15),
    ("battery.temperature", 15),
    ("output.load", 15),
    ("ups.on_battery", 2),
    ("output.source", 2),
    ("pdu.energy", 15),
    ("device.uptime", 15),
)


def value_of(point: str, previous: object, random_: random.Random, number: int) -> object:
    """The next value of a point: what a device would say, with the decimals that devices have."""
    old = previous if isinstance(previous, int | float) else 230.0
    match point:
        case "ups.on_battery":
            return number % 40_000 == 0
        case "output.source":
            return "battery" if number % 40_000 == 0 else "normal"
        case "pdu.energy":
            return int(old) + random_.randint(5, 25)
        case "device.uptime":
            return round(number * 15.0, 2)
        case "output.power":
            return float(round(40_000 + random_.gauss(0, 300)))
        case "battery.temperature":
            return round(old + random_.gauss(0, 0.05) + (230 - old) * 0.02, 1)
        case _:
            return round(old + random_.gauss(0, 0.3) + (230 - old) * 0.1, 1)


def readings(days: float) -> Iterator[list[Reading]]:
    """Polls in order of time: one reading a batch entry, with the jitter of a busy network."""
    random_ = random.Random(7)
    values: dict[str, object] = {}
    counts = dict.fromkeys((point for point, _ in POINTS), 0)
    for second in range(int(days * 86_400)):
        batch = []
        for point, interval in POINTS:
            if second % interval == 0:
                counts[point] += 1
                values[point] = value_of(point, values.get(point), random_, counts[point])
                ts = START + second * 1000 + int(random_.expovariate(1 / 12))
                batch.append(Reading(ts, "ups-a", point, None, values[point]))  # type: ignore[arg-type]
        if batch:
            yield batch


def samples(folder: Path, days: float) -> tuple[dict[str, float], list[float], list[float]]:
    """(figures, milliseconds of reads of the week, milliseconds of its figures)."""
    clock = SimulatedClock(START)
    store = Samples(folder, clock=clock)
    append = flush = compact = 0.0
    total = week = 0
    for number, batch in enumerate(readings(days)):
        total += len(batch)
        week += sum(reading.point == "input.voltage" for reading in batch)
        begun = time.thread_time()
        store.append(batch)
        append += time.thread_time() - begun
        if number % 5000 == 4999:
            clock._now = batch[-1].ts
            begun = time.process_time()
            store.flush()
            flush += time.process_time() - begun
            begun = time.process_time()
            store.compact()
            compact += time.process_time() - begun
    clock._now = START + int(days * 86_400_000) + 4 * 3_600_000
    begun = time.process_time()
    store.compact()
    compact += time.process_time() - begun
    key = SeriesKey("ups-a", "input.voltage")
    end = START + WEEK_MS
    assert len(store.range(key, START, end).ts) == week
    result = {
        "samples": total,
        "append_us": append / total * 1e6,
        "flush_us": flush / total * 1e6,
        "compact_us": compact / total * 1e6,
        "bytes_sample": store.size() / total,
        "week_samples": week,
        "week_minutes_ms": statistics.median(timed(lambda: store.minutes(key, START, end))),
    }
    reads = timed(lambda: store.range(key, START, end)), timed(lambda: store.aggregate(key, START, end))
    store.close()
    return result, *reads


def commits(folder: Path, count: int = 200) -> list[float]:
    """Milliseconds of each commit."""
    journal = Journal(folder)
    times = []
    for number in range(count):
        incident = f"i-{number}"
        changes = Changes()
        changes.transitions.append(
            Transition(number, "alarm", "a", "active", "because", "ups-a", "r", Severity.CRITICAL)
        )
        changes.alarms["a"] = Alarm("a", "r", "ups-a", None, AlarmState.ACTIVE, Severity.CRITICAL, number)
        changes.incidents[incident] = Incident(
            incident, "open", "ups-a", "title", Severity.CRITICAL, "power", number, number, ("a",), "r"
        )
        changes.notifications += [
            Notification(f"{number}-{n}", number, incident, "eva", "email", "page", "first", Severity.CRITICAL, "s")
            for n in range(2)
        ]
        begun = time.perf_counter()
        journal.commit(changes)
        times.append((time.perf_counter() - begun) * 1000)
    journal.close()
    return times


def timed(work: Callable[[], object], repeat: int = 9) -> list[float]:
    """Milliseconds of each of some runs."""
    times = []
    for _ in range(repeat):
        begun = time.perf_counter()
        work()
        times.append((time.perf_counter() - begun) * 1000)
    return times


def measure() -> Result:
    """A week of one UPS and one rack, written, compacted and read."""
    pin(cores()[0])
    with tempfile.TemporaryDirectory() as folder:
        found, week, aggregate = samples(Path(folder), DAYS)
        committed = commits(Path(folder))
    return Result(
        [
            Figure("sample on disk after compaction", round(found["bytes_sample"], 2), "bytes", 5),
            middle("read of a week of a 5-second series", week, "ms", 40),
            middle("figures of that week from the headers of blocks", aggregate, "ms", digits=2),
            middle("commit of an incident to the journal, with fsync", committed, "ms", digits=2),
        ],
        {name: round(figure, 3) for name, figure in found.items()},
    )


if __name__ == "__main__":
    sys.exit(report("samples", measure))
