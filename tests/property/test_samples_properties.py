"""Whatever is stored comes out as it went in, wherever it lies and however it was moved in between."""

from __future__ import annotations

import math
import struct
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from dcmon.clock import SimulatedClock
from dcmon.model import Quality, Reading, SeriesKey
from dcmon.storage import blocks, rollup
from dcmon.storage.blocks import Columns
from dcmon.storage.compaction import WINDOW_MS
from dcmon.storage.samples import Samples

WORDS = st.text(st.characters(codec="utf-8"), max_size=12)
DECIMALS = st.integers(-(10**7), 10**7).map(lambda mantissa: mantissa / 10)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.integers(-300, 300),
    st.floats(),
    DECIMALS,
    WORDS,
)
ONE_KIND = st.sampled_from([st.booleans(), st.integers(0, 2**64 - 1), st.floats(), DECIMALS, WORDS])
STATUS = st.tuples(st.sampled_from(Quality), st.none() | WORDS)
COLUMNS = st.lists(st.tuples(st.integers(-(2**62), 2**62), VALUES, STATUS), min_size=1, max_size=60)


def exact(value: object) -> object:
    """Something that is equal for values of one type and one bit pattern only."""
    return ("float", struct.pack("<d", value)) if isinstance(value, float) else (type(value), value)


@given(COLUMNS)
@settings(max_examples=300)
def test_a_block_gives_back_any_values(rows: list[tuple[int, object, tuple[Quality, str | None]]]) -> None:
    rows.sort(key=lambda row: row[0])
    ts, values, status = ([row[place] for row in rows] for place in range(3))
    back = blocks.decode(blocks.encode(ts, values, status))  # type: ignore[arg-type]
    assert back.ts == ts
    assert list(map(exact, back.values)) == list(map(exact, values))
    assert (back.status or [blocks.GOOD] * len(ts)) == status


@given(ONE_KIND.flatmap(lambda kind: st.lists(kind, min_size=1, max_size=200)))
@settings(max_examples=300)
def test_a_block_of_one_kind_gives_back_every_value(values: list[object]) -> None:
    back = blocks.decode(blocks.encode(list(range(len(values))), values))  # type: ignore[arg-type]
    assert list(map(exact, back.values)) == list(map(exact, values))


@given(st.lists(st.tuples(st.integers(0, 600_000), DECIMALS), min_size=1, max_size=80), st.integers(0, 80))
def test_minutes_of_two_parts_are_those_of_the_whole(rows: list[tuple[int, float]], place: int) -> None:
    def table(part: list[tuple[int, float]]) -> rollup.MinuteTable:
        part = sorted(part)
        return rollup.minutes_of(Columns([ts for ts, _ in part], [value for _, value in part]))

    whole, parts = table(rows), table(rows[:place])
    rollup.combine(parts, table(rows[place:]))
    assert rollup.decode(rollup.encode(whole)) == whole
    assert parts.keys() == whole.keys()
    for minute, (count, low, high, total) in whole.items():
        assert parts[minute][:3] == (count, low, high)
        assert math.isclose(parts[minute][3], total, rel_tol=1e-12, abs_tol=1e-6)


READING = st.tuples(
    st.integers(0, 3 * WINDOW_MS),
    st.sampled_from([None, "", "1"]),
    VALUES.filter(lambda value: value == value),
    STATUS,
)
STEP = st.one_of(
    st.lists(READING, min_size=1, max_size=8),
    st.sampled_from(["flush", "compact", "restart"]),
)


@given(st.lists(STEP, min_size=1, max_size=12), st.integers(0, 3 * WINDOW_MS), st.integers(0, 3 * WINDOW_MS))
@settings(max_examples=60)
def test_a_reader_sees_every_sample_once_wherever_it_is(steps: list[object], one: int, other: int) -> None:
    start, end = min(one, other), max(one, other)
    with tempfile.TemporaryDirectory() as folder:
        clock = SimulatedClock(2 * WINDOW_MS)
        store = Samples(Path(folder), clock=clock)
        wanted: dict[SeriesKey, list[tuple[int, object, tuple[Quality, str | None]]]] = {}
        for step in steps:
            if isinstance(step, list):
                readings = [
                    Reading(ts, "a", "p", index, value, quality, reason) for ts, index, value, (quality, reason) in step
                ]
                store.append(readings)
                for reading in readings:
                    row = (reading.ts, exact(reading.value), (reading.quality, reading.reason))
                    wanted.setdefault(reading.key, []).append(row)
            elif step == "flush":
                store.flush()
            elif step == "compact":
                store.compact()
                clock._now += WINDOW_MS
            else:
                store.close()
                store = Samples(Path(folder), clock=clock)
        assert set(store.series()) == set(wanted)
        for key, rows in wanted.items():
            inside = sorted((row for row in rows if start <= row[0] < end), key=lambda row: row[0])
            found = store.range(key, start, end)
            status = found.status or [blocks.GOOD] * len(found.ts)
            assert list(zip(found.ts, map(exact, found.values), status, strict=True)) == inside
            figures = store.aggregate(key, start, end)
            assert figures.samples == len(inside)
            assert figures.numbers == len(rollup.usable(found)[0])
            assert sum(store.minutes(key, 0, 4 * WINDOW_MS).numbers) == store.aggregate(key, 0, 4 * WINDOW_MS).numbers
        store.close()
