"""One-minute figures: how many, lowest, highest and the sum of the numbers of each minute.

They add up: the minutes of two sets of samples combined are those of both sets together, so late samples only
have to be added, and it does not matter whether the samples behind the older figures are still kept.
"""

from __future__ import annotations

import math
import struct
import zlib
from bisect import bisect_left
from collections.abc import Iterable
from itertools import repeat
from typing import Any, Final, NamedTuple, TypeAlias

from dcmon.model import Quality, StoreError
from dcmon.storage.blocks import Columns
from dcmon.storage.columns import Source, get_ints, get_numbers, put_ints, put_numbers

MINUTE_MS: Final = 60_000
_VERSION: Final = 1
_HUGE: Final = 1e300  # no infinity, no NaN, and sums of them stay finite

Figures: TypeAlias = tuple[int, float, float, float]
"""count, lowest, highest, sum."""
MinuteTable: TypeAlias = dict[int, Figures]
"""Figures by the minute's number since the epoch."""


class Minutes(NamedTuple):
    """One-minute figures of one series in order of time, as columns of one length. Minutes without numbers are absent.

    ts: start of the minute (ms UTC). numbers: samples in it that are good or uncertain numbers; a truth is 0 or 1.
    """

    ts: list[int]
    numbers: list[int]
    low: list[float]
    high: list[float]
    mean: list[float]


class Aggregate(NamedTuple):
    """Figures of one series over a stretch of time. low, high and mean are None when `numbers` is 0."""

    samples: int
    """All of them, bad ones and words too."""
    numbers: int
    """Those that are good or uncertain numbers (or truths, as 0 and 1)."""
    low: float | None
    high: float | None
    total: float

    @property
    def mean(self) -> float | None:
        return self.total / self.numbers if self.numbers else None


NOTHING: Final = Aggregate(0, 0, None, None, 0.0)


def usable(columns: Columns) -> tuple[list[int], list[Any]]:
    """Time stamps and values of the samples that are numbers or truths and not bad."""
    status = columns.status or repeat((Quality.GOOD, None), len(columns.ts))
    kept = [
        (ts, value)
        for ts, value, judged in zip(columns.ts, columns.values, status, strict=True)
        if judged[0] is not Quality.BAD and isinstance(value, int | float) and abs(value) < _HUGE
    ]
    return [ts for ts, _ in kept], [value for _, value in kept]


def total(numbers: Iterable[float]) -> float:
    """Their sum; of decimals the decimal that is meant, so that it can be stored in few bytes."""
    exact = math.fsum(numbers)
    short = round(exact, 6)
    return short if abs(short - exact) <= 1e-12 * abs(exact) else exact


def aggregate(columns: Columns) -> Aggregate:
    """The figures of these samples."""
    _, numbers = usable(columns)
    if not numbers:
        return Aggregate(len(columns.ts), 0, None, None, 0.0)
    return Aggregate(len(columns.ts), len(numbers), float(min(numbers)), float(max(numbers)), total(numbers))


def added(one: Aggregate, other: Aggregate) -> Aggregate:
    """The figures of both sets of samples together."""
    lows = [low for low in (one.low, other.low) if low is not None]
    highs = [high for high in (one.high, other.high) if high is not None]
    return Aggregate(
        one.samples + other.samples,
        one.numbers + other.numbers,
        min(lows, default=None),
        max(highs, default=None),
        total((one.total, other.total)),
    )


def minutes_of(columns: Columns) -> MinuteTable:
    """The figures of each minute of these samples, which are in order of time."""
    ts, numbers = usable(columns)
    table: MinuteTable = {}
    place = 0
    while place < len(ts):
        minute = ts[place] // MINUTE_MS
        end = bisect_left(ts, (minute + 1) * MINUTE_MS, place)
        some = numbers[place:end]
        table[minute] = (len(some), float(min(some)), float(max(some)), total(some))
        place = end
    return table


def combine(into: MinuteTable, more: MinuteTable) -> None:
    """Adds the figures of other samples of the same series."""
    for minute, figures in more.items():
        have = into.get(minute)
        into[minute] = (
            figures
            if have is None
            else (
                have[0] + figures[0],
                min(have[1], figures[1]),
                max(have[2], figures[2]),
                total((have[3], figures[3])),
            )
        )


def as_columns(table: MinuteTable, first: int, end: int) -> Minutes:
    """The minutes whose numbers lie in [first, end), in order."""
    rows = sorted((minute, figures) for minute, figures in table.items() if first <= minute < end)
    return Minutes(
        [minute * MINUTE_MS for minute, _ in rows],
        [figures[0] for _, figures in rows],
        [figures[1] for _, figures in rows],
        [figures[2] for _, figures in rows],
        [figures[3] / figures[0] for _, figures in rows],
    )


def encode(table: MinuteTable) -> bytes:
    """Bytes of at least one minute."""
    rows = sorted(table.items())
    out = bytearray(struct.pack("<BI", _VERSION, len(rows)))
    put_ints(out, [minute for minute, _ in rows])
    put_ints(out, [figures[0] for _, figures in rows])
    for place in (1, 2, 3):
        put_numbers(out, [figures[place] for _, figures in rows])
    return zlib.compress(bytes(out), 9)


def decode(data: bytes) -> MinuteTable:
    """What `encode` wrote. Raises StoreError when the bytes are damaged or of a later version."""
    try:
        source = Source(zlib.decompress(data))
        version, length = source.unpack("<BI")
        if version != _VERSION:
            raise StoreError(f"a block of minutes of version {version}; this dcmon knows up to {_VERSION}")
        minutes, counts = get_ints(source, length), get_ints(source, length)
        figures = zip(counts, *(get_numbers(source, length) for _ in range(3)), strict=True)
        return dict(zip(minutes, figures, strict=True))
    except (zlib.error, struct.error, ValueError, IndexError) as error:
        raise StoreError(f"a damaged block of minutes: {error}") from error
