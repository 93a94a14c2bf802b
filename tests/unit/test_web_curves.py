"""Curves of an incident: no peak is lost, a gap stays a gap."""

from __future__ import annotations

import re

from dcmon.model import Quality, SeriesKey
from dcmon.web.curve import BUCKETS, HEIGHT, WIDTH, Curve, draw_curve
from dcmon.web.state import Sample

KEY = SeriesKey("ups-a", "output.load", "1")
HOUR = 3_600_000


def draw(samples: list[Sample], end: int = HOUR, unit: str | None = "%", gap_ms: int = 40_000) -> Curve | None:
    return draw_curve(KEY, samples, (0, end), (end // 2, end), unit=unit, gap_ms=gap_ms, lang="en")


def heights(path: str) -> list[float]:
    return [float(y) for _, y in re.findall(r"[ML]([\d.-]+) ([\d.-]+)", path)]


def test_without_a_usable_sample_there_is_no_curve() -> None:
    assert draw([]) is None
    assert draw([Sample(5, 65535, Quality.BAD), Sample(6, None)]) is None
    assert draw([Sample(HOUR, 3.0)]) is None


def test_a_single_spike_among_many_samples_is_drawn() -> None:
    samples = [Sample(ts, 900.0 if ts == 1_234_000 else 40.0) for ts in range(0, HOUR, 1000)]
    curve = draw(samples)
    assert curve is not None
    assert (curve.low, curve.high, curve.last) == ("40 %", "900 %", "40 %")
    points = heights(curve.paths[0])
    assert len(points) <= 2 * BUCKETS + 2
    assert min(points) < HEIGHT * 0.1 < HEIGHT * 0.9 < max(points)


def test_a_gap_breaks_the_line() -> None:
    samples = [Sample(ts, 1.0) for ts in (*range(0, 600_000, 15_000), *range(1_800_000, HOUR, 15_000))]
    curve = draw(samples)
    assert curve is not None
    assert len(curve.paths) == 2


def test_truths_and_words_become_steps_with_their_own_labels() -> None:
    truth = draw([Sample(0, True), Sample(10_000, False)], unit=None)
    word = draw([Sample(0, "up"), Sample(10_000, "down"), Sample(20_000, "up")], unit=None)
    assert truth is not None and word is not None
    assert (truth.low, truth.high, truth.last) == ("no", "yes", "no")
    assert (word.low, word.high, word.last) == ("up", "down", "up")
    assert "H" in truth.paths[0] and "L" not in word.paths[0]


def test_the_incident_is_marked_inside_the_picture() -> None:
    curve = draw([Sample(0, 1.0), Sample(10_000, 2.0)])
    assert curve is not None
    assert curve.mark == (WIDTH / 2, WIDTH / 2)


def test_a_flat_line_and_a_single_sample_are_drawn_too() -> None:
    flat, single = draw([Sample(0, 5.0), Sample(10_000, 5.0)]), draw([Sample(10_000, -5.0)])
    assert flat is not None and flat.paths
    assert single is not None and single.paths[0].endswith("h1.5")
