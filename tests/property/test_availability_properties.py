"""What must hold of availability figures, whatever the intervals are."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from dcmon.model import Availability, Interval
from dcmon.thresholds import measure

CUTS = st.lists(st.tuples(st.integers(1, 1000), st.sampled_from(list(Availability))), min_size=1, max_size=20)
SPANS = st.lists(st.tuples(st.integers(-50, 5000), st.integers(-50, 5000)), max_size=5)


def ledger(cuts: list[tuple[int, Availability]]) -> list[Interval]:
    rows, start = [], 0
    for length, state in cuts:
        rows.append(Interval("x", start, start + length, state))
        start += length
    return rows


@given(CUTS, st.integers(0, 3000), st.integers(0, 3000), SPANS)
def test_up_down_unknown_and_excluded_are_the_whole_period(
    cuts: list[tuple[int, Availability]], start: int, length: int, excluded: list[tuple[int, int]]
) -> None:
    figures = measure(ledger(cuts), start, start + length, excluded)
    parts = (figures.up, figures.down, figures.unknown, figures.excluded)
    assert sum(parts) == length and min(parts) >= 0
    if figures.measured is not None and figures.worst is not None:
        assert figures.worst <= figures.measured


@given(CUTS, st.integers(1, 999), st.randoms(use_true_random=False))
def test_cutting_intervals_further_and_their_order_change_nothing(
    cuts: list[tuple[int, Availability]], at: int, dice: random.Random
) -> None:
    rows = ledger(cuts)
    finer = []
    for row in rows:
        assert row.end is not None
        middle = row.start + at * (row.end - row.start) // 1000
        finer += [Interval("x", row.start, middle, row.state), Interval("x", middle, row.end, row.state)]
    finer = [row for row in finer if row.end is not None and row.end > row.start]
    dice.shuffle(finer)
    end = rows[-1].end or 0
    assert measure(finer, 0, end) == measure(rows, 0, end)


@given(CUTS, st.integers(0, 5000))
def test_two_halves_add_up_to_the_whole(cuts: list[tuple[int, Availability]], cut: int) -> None:
    rows = ledger(cuts)
    end = rows[-1].end or 0
    cut = min(cut, end)
    first, second, whole = measure(rows, 0, cut), measure(rows, cut, end), measure(rows, 0, end)
    assert (first.up + second.up, first.down + second.down) == (whole.up, whole.down)
