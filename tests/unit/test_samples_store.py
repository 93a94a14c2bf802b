"""The sample store: cheap to fill, small on the disk, and it forgets only what it was told to."""

from __future__ import annotations

import asyncio
import logging
import random
import shutil
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from dcmon.clock import SimulatedClock
from dcmon.config.agent import Samples as Settings
from dcmon.model import Quality, Reading, SeriesKey, StoreError
from dcmon.storage import samples as samples_module
from dcmon.storage.compaction import WINDOW_MS
from dcmon.storage.samples import Samples

START = 1_735_689_600_000
HOUR = 3_600_000
DAY = 24 * HOUR
KEY = SeriesKey("ups-a", "input.voltage")


def reading(ts: int, value: object = 1.0, point: str = "input.voltage", quality: Quality = Quality.GOOD) -> Reading:
    return Reading(ts, "ups-a", point, None, value, quality)  # type: ignore[arg-type]


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(START)


@pytest.fixture
def store(tmp_path: Path, clock: SimulatedClock) -> Iterator[Samples]:
    opened = Samples(tmp_path, clock=clock)
    yield opened
    opened.close()


def rows(tmp_path: Path, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(tmp_path / "samples.db")
    found = connection.execute(query).fetchall()
    connection.close()
    return found


def test_a_sample_can_be_read_at_once_and_after_a_restart(tmp_path: Path) -> None:
    store = Samples(tmp_path)
    store.append([reading(START, 230.1), reading(START + 5000, 230.2)])
    assert store.range(KEY, START, START + 5001).values == [230.1, 230.2]
    assert store.series() == [KEY]
    store.close()
    store = Samples(tmp_path)
    assert store.range(KEY, START, START + 5001).values == [230.1, 230.2]
    assert store.range(SeriesKey("ups-b", "x"), 0, START * 2).ts == []
    store.close()


def test_two_hours_become_one_block_and_late_samples_join_it(
    tmp_path: Path, store: Samples, clock: SimulatedClock
) -> None:
    every = [reading(START + n * 5000, n / 10) for n in range(1440)]
    on_time = [one for n, one in enumerate(every) if n % 10]
    for start in range(0, len(on_time), 300):
        store.append(on_time[start : start + 300])
        clock._now = on_time[min(start + 299, len(on_time) - 1)].ts
        store.compact()
    assert len(rows(tmp_path, "SELECT 1 FROM block WHERE state = 0")) > 1
    clock._now = START + WINDOW_MS + HOUR
    store.compact()
    assert rows(tmp_path, "SELECT state, samples FROM block") == [(1, 1296)]
    store.append(every[::10])
    store.compact()
    assert rows(tmp_path, "SELECT state, samples FROM block") == [(1, 1440)]
    assert rows(tmp_path, "SELECT count(*) FROM hot") == [(0,)]
    assert store.range(KEY, START, START + WINDOW_MS).values == [one.value for one in every]


def test_minutes_are_right_before_and_after_compaction_and_with_late_samples(
    store: Samples, clock: SimulatedClock
) -> None:
    every = [reading(START + n * 5000, float(n)) for n in range(1440)]
    late = every[6:12]
    store.append([one for one in every if one not in late])
    clock._now = START + DAY

    def first_minutes() -> list[tuple[object, ...]]:
        return list(zip(*store.minutes(KEY, START, START + 120_000), strict=True))

    without = [(START, 6, 0.0, 5.0, 2.5), (START + 60_000, 12, 12.0, 23.0, 17.5)]
    assert first_minutes() == without
    store.compact()
    assert first_minutes() == without
    store.append(late)
    complete = [(START, 12, 0.0, 11.0, 5.5), without[1]]
    assert first_minutes() == complete
    store.compact()
    assert first_minutes() == complete
    assert len(store.minutes(KEY, START, START + DAY).ts) == 120


def test_bad_readings_and_words_are_kept_but_count_in_no_figure(store: Samples, clock: SimulatedClock) -> None:
    store.append(
        [
            reading(START, 10.0),
            reading(START + 1, 99.0, quality=Quality.BAD),
            reading(START + 2, 20.0, quality=Quality.UNCERTAIN),
            reading(START + 3, "word"),
            reading(START + 4, None),
            reading(START + 5, float("inf")),
            reading(START + 6, True),
        ]
    )
    clock._now = START + DAY
    for _ in range(2):
        figures = store.aggregate(KEY, START, START + DAY)
        assert (figures.samples, figures.numbers, figures.low, figures.high) == (7, 3, 1.0, 20.0)
        assert figures.mean == pytest.approx(31 / 3)
        assert store.minutes(KEY, START, START + DAY).numbers == [3]
        store.compact()
    assert store.aggregate(KEY, 0, 5).mean is None


def test_raw_samples_and_minutes_are_kept_as_long_as_set(tmp_path: Path, clock: SimulatedClock) -> None:
    store = Samples(tmp_path, Settings(raw="2d", minutes="4d"), clock)  # type: ignore[arg-type]
    for day in range(6):
        store.append([reading(START + day * DAY + n * 60_000, float(n)) for n in range(1440)])
        clock._now = START + (day + 1) * DAY
        store.compact()
    clock._now += HOUR
    store.compact()
    raw = store.range(KEY, 0, clock.now())
    minutes = store.minutes(KEY, 0, clock.now())
    assert clock.now() - 2 * DAY - WINDOW_MS <= raw.ts[0] <= clock.now() - 2 * DAY
    assert clock.now() - 4 * DAY - WINDOW_MS <= minutes.ts[0] <= clock.now() - 4 * DAY
    assert raw.ts[-1] == minutes.ts[-1] == START + 6 * DAY - 60_000
    store.close()


def test_a_clock_that_is_wrong_by_years_costs_a_day_of_samples_at_most(store: Samples, clock: SimulatedClock) -> None:
    for day in range(5):
        store.append([reading(START + day * DAY + n * 60_000) for n in range(1440)])
    clock._now = START + 5 * DAY + HOUR
    store.compact()
    clock._now += 20 * 365 * DAY
    store.compact()
    assert len(store.range(KEY, 0, START * 2).ts) == 4 * 1440


def test_a_value_that_no_table_holds_costs_only_itself(store: Samples, caplog: pytest.LogCaptureFixture) -> None:
    store.append([reading(START, 1.0), reading(2**70, 2.0), reading(START + 1, 3.0)])
    with caplog.at_level(logging.ERROR):
        assert store.flush() == 2
    assert store.stats.refused == 1
    assert "ups-a/input.voltage cannot be kept" in caplog.text
    store.append([reading(START + 2, "\ud800")])
    assert store.flush() == 1
    assert store.range(KEY, START, START + 10).values == [1.0, 3.0, "?"]


def test_a_damaged_block_is_left_out_said_once_and_the_rest_is_read(
    tmp_path: Path, store: Samples, clock: SimulatedClock, caplog: pytest.LogCaptureFixture
) -> None:
    store.append([reading(START + n * 60_000, n) for n in range(240)])
    clock._now = START + DAY
    store.compact()
    store._db.call(lambda db: db.execute("UPDATE block SET data = x'00' WHERE \"window\" = ?", (START // WINDOW_MS,)))
    for _ in range(2):
        assert store.range(KEY, START, START + DAY).values == list(range(120, 240))
    assert caplog.text.count("is left out") == 1
    store.append([reading(START, 7)])
    store.compact()
    assert store.range(KEY, START, START + WINDOW_MS).values == [7]
    assert rows(tmp_path, "SELECT count(*) FROM block WHERE state = 2") == [(1,)]


async def test_run_flushes_every_second_and_compacts_what_is_due(tmp_path: Path, clock: SimulatedClock) -> None:
    store = Samples(tmp_path, clock=clock)
    task = asyncio.create_task(store.run())
    for second in range(3):
        store.append([reading(START + second * 1000, float(second))])
        await clock.advance(1)
        await _until(lambda: store.buffered == 0)
    clock._now = START + DAY
    for _ in range(200):
        await clock.advance(1)
        await asyncio.sleep(0.005)
        if rows(tmp_path, "SELECT state, samples FROM block") == [(1, 3)]:
            break
    else:
        pytest.fail("nothing was compacted")
    task.cancel()
    store.close()


async def test_while_the_disk_takes_nothing_samples_wait_and_only_the_oldest_are_lost(
    tmp_path: Path, clock: SimulatedClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(samples_module, "BUFFER", 1000)
    store = Samples(tmp_path, clock=clock)
    task = asyncio.create_task(store.run())
    store._db.in_writer(lambda: store._db._connection().execute("PRAGMA max_page_count=1").fetchall()).result()
    big = "x" * 20_000
    store.append([reading(START - 1, big)])
    await clock.advance(1)
    await _until(lambda: store.failure is not None)
    for n in range(30):
        store.append([reading(START + n * 100 + k) for k in range(100)])
        await clock.advance(1)
    store._db.in_writer(lambda: None).result()
    assert caplog.text.count("not written, kept in memory") == 1
    assert 0 < store.buffered <= 1000
    assert store.stats.dropped + store.buffered == 3001
    store._db.in_writer(lambda: store._db._connection().execute("PRAGMA max_page_count=99999").fetchall()).result()
    kept = store.buffered
    for _ in range(100):
        await clock.advance(1)
        await asyncio.sleep(0.005)
        if store.failure is None:
            break
    found = store.range(KEY, 0, START * 2).ts
    assert found == list(range(START + 3000 - kept, START + 3000))
    task.cancel()
    store.close()


def test_the_last_free_space_is_left_to_the_journal(
    tmp_path: Path, store: Samples, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.append([reading(START)])
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(total=10**12, free=30 * 10**6))
    with pytest.raises(StoreError, match="only 30 MB left, which the journal needs"):
        store.flush()
    monkeypatch.undo()
    assert store.flush() == 1


def test_appending_costs_the_caller_less_than_a_microsecond_and_a_half(store: Samples) -> None:
    batches = [[reading(START + n * 10 + k, k / 10) for k in range(10)] for n in range(2000)]
    best = float("inf")
    for _ in range(5):
        begun = time.thread_time()
        for batch in batches:
            store.append(batch)
        best = min(best, time.thread_time() - begun)
        store.flush()
    assert best / 20_000 * 1e6 < 1.5


def test_a_week_takes_at_most_five_bytes_a_sample_and_is_read_fast(tmp_path: Path, clock: SimulatedClock) -> None:
    random_ = random.Random(9)
    store = Samples(tmp_path, clock=clock)
    count = 7 * DAY // 5000
    value = 230.0
    every = []
    for n in range(count):
        value += random_.gauss(0, 0.3) + (230 - value) * 0.1
        every.append(reading(START + n * 5000 + int(random_.expovariate(0.08)), round(value, 1)))
    for start in range(0, count, 20_000):
        store.append(every[start : start + 20_000])
        clock._now = every[min(count, start + 20_000) - 1].ts
        store.compact()
    clock._now += DAY
    store.compact()
    assert store.size() / count <= 5
    best = float("inf")
    for _ in range(5):
        begun = time.thread_time()
        found = store.range(KEY, START, START + 8 * DAY)
        best = min(best, time.thread_time() - begun)
    assert found.values == [one.value for one in every]
    assert best <= 0.040
    store.close()


def test_a_samples_file_is_no_journal(tmp_path: Path) -> None:
    Samples(tmp_path).close()
    (tmp_path / "samples.db").rename(tmp_path / "journal.db")
    from dcmon.storage.journal import Journal

    with pytest.raises(StoreError, match="no dcmon journal"):
        Journal(tmp_path)


async def _until(condition: object) -> None:
    for _ in range(400):
        if condition():  # type: ignore[operator]
            return
        await asyncio.sleep(0.005)
    pytest.fail("it did not happen within two seconds")


def test_a_reader_in_another_thread_never_misses_a_sample_and_never_sees_one_twice(
    store: Samples, clock: SimulatedClock
) -> None:
    done = threading.Event()
    appended = 0
    faults: list[str] = []
    reads = 0

    def read() -> None:
        nonlocal reads
        while not done.is_set():
            least = appended
            found = store.range(KEY, 0, START * 2).values
            if found != list(range(len(found))) or len(found) < least:
                faults.append(f"{len(found)} samples, at least {least} were appended")
            reads += 1

    reader = threading.Thread(target=read)
    reader.start()
    for n in range(150):
        store.append([reading(START + (n * 20 + k) * 20_000, n * 20 + k) for k in range(20)])
        appended += 20
        clock._now = START + n * 20 * 20_000
        store.flush() if n % 3 else store.compact()
    done.set()
    reader.join()
    assert faults == []
    assert reads > 10
