"""Blocks of samples: small, exact, and never silently wrong."""

from __future__ import annotations

import random

import pytest

from dcmon.model import Quality, StoreError
from dcmon.storage import blocks
from dcmon.storage.blocks import GOOD, Columns

START = 1_735_689_600_000


def polls(count: int, interval_ms: int, jitter_ms: float = 12.0) -> list[int]:
    random_ = random.Random(count)
    return [START + n * interval_ms + int(random_.expovariate(1 / jitter_ms)) for n in range(count)]


def wander(count: int) -> list[float]:
    random_ = random.Random(count)
    value, values = 230.0, []
    for _ in range(count):
        value += random_.gauss(0, 0.3) + (230 - value) * 0.1
        values.append(round(value, 1))
    return values


@pytest.mark.parametrize("interval_ms", [5_000, 15_000])
@pytest.mark.parametrize(
    ("kind", "limit"), [("voltage", 2.6), ("truth", 1.6), ("word", 1.7), ("counter", 3.2), ("fahrenheit", 3.0)]
)
def test_two_hours_of_a_real_series_take_few_bytes_a_sample(kind: str, limit: float, interval_ms: int) -> None:
    count = 7_200_000 // interval_ms
    random_ = random.Random(5)
    values: list[object] = {
        "voltage": wander(count),
        "truth": [n == 700 for n in range(count)],
        "word": ["battery" if n == 700 else "normal" for n in range(count)],
        "counter": [10**12 + n * 90 + random_.randint(0, 60) for n in range(count)],
        "fahrenheit": [(round(value / 3) - 32) / 1.8 for value in wander(count)],
    }[kind]
    data = blocks.encode(polls(count, interval_ms), values)  # type: ignore[arg-type]
    assert len(data) / count <= limit


def test_what_was_put_in_comes_out_with_type_quality_and_reason() -> None:
    columns = Columns(
        [1, 1, 2, 9, 9, 10, 11],
        [True, 1, 1.0, "normal", None, -0.0, 2**64 - 1],
        [
            GOOD,
            GOOD,
            (Quality.UNCERTAIN, "old"),
            GOOD,
            (Quality.BAD, "timeout"),
            (Quality.BAD, None),
            (Quality.GOOD, ""),
        ],
    )
    assert [(type(value), repr(value)) for value in blocks.decode(blocks.encode(*columns)).values] == [
        (type(value), repr(value)) for value in columns.values
    ]
    assert blocks.decode(blocks.encode(*columns))._replace(values=[]) == columns._replace(values=[])


def test_a_damaged_block_is_an_error_and_never_other_numbers() -> None:
    data = blocks.encode(polls(200, 5_000), wander(200))
    for place in range(0, len(data), 7):
        broken = bytearray(data)
        broken[place] ^= 0x10
        with pytest.raises(StoreError, match=r"damaged|version"):
            blocks.decode(bytes(broken))
    with pytest.raises(StoreError, match="damaged"):
        blocks.decode(data[: len(data) // 2])


def test_a_block_of_a_later_version_says_so() -> None:
    import zlib

    body = bytearray(zlib.decompress(blocks.encode([1], [1.0])))
    body[0] = 9
    with pytest.raises(StoreError, match="version 9"):
        blocks.decode(zlib.compress(bytes(body)))


def test_merging_puts_late_samples_in_their_place_and_keeps_the_order_of_one_instant() -> None:
    early = Columns([10, 20, 30], ["a", "b", "c"])
    late = Columns([5, 20, 25], ["d", "e", "f"], [GOOD, (Quality.BAD, "x"), GOOD])
    both = blocks.merged([early, late])
    assert both.ts == [5, 10, 20, 20, 25, 30]
    assert both.values == ["d", "a", "b", "e", "f", "c"]
    assert both.status == [GOOD, GOOD, GOOD, (Quality.BAD, "x"), GOOD, GOOD]


def test_cutting_is_half_open() -> None:
    assert blocks.cut(Columns([10, 20, 30], [1, 2, 3]), 10, 30) == Columns([10, 20], [1, 2])
