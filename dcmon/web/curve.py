"""Curves of an incident as inline SVG: drawn here, so that the page needs no program and no library for them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from dcmon.model import Quality, SeriesKey
from dcmon.web.state import Sample
from dcmon.web.text import quantity

WIDTH, HEIGHT = 720, 150
"""Of the plotting area, in units of the picture."""
BUCKETS = 360
"""More samples than this are folded into the lowest and the highest of each bucket, so that no peak is lost."""


@dataclass(frozen=True, slots=True)
class Curve:
    """One series over the time of an incident. `paths`: unbroken stretches; a gap is time without a usable sample."""

    key: SeriesKey
    title: str
    paths: tuple[str, ...]
    low: str
    high: str
    last: str
    start: int
    end: int
    mark: tuple[float, float]
    """x and width of the incident itself."""
    baseline: float | None = None
    """y of zero, when zero lies inside."""


def draw_curve(
    key: SeriesKey,
    samples: Sequence[Sample],
    window: tuple[int, int],
    incident: tuple[int, int],
    *,
    unit: str | None,
    gap_ms: int,
    lang: str,
) -> Curve | None:
    """The curve of one series over `window` (start, end in ms); None when it has no usable sample there.

    Truths are drawn as 0 and 1, words of an enumeration as steps in the order in which they appear.
    """
    start, end = window
    usable = [sample for sample in samples if sample.quality is not Quality.BAD and sample.value is not None]
    if not usable or end <= start:
        return None
    words: list[str] = []
    points = [(sample.ts, _height(sample, words)) for sample in usable if start <= sample.ts < end]
    if not points:
        return None
    low, high = min(y for _, y in points), max(y for _, y in points)
    stepped = bool(words) or isinstance(usable[0].value, bool)
    room = (high - low) or 1.0
    floor, roof = low - room * 0.08, high + room * 0.08

    def place(ts: int, value: float) -> tuple[float, float]:
        return (ts - start) / (end - start) * WIDTH, HEIGHT - (value - floor) / (roof - floor) * HEIGHT

    paths = tuple(
        _path([place(*point) for point in stretch], stepped=stepped)
        for stretch in _stretches(points, gap_ms)
        for stretch in [_fold(stretch, start, end)]
    )
    begin = max(0.0, (incident[0] - start) / (end - start) * WIDTH)
    until = min(float(WIDTH), (incident[1] - start) / (end - start) * WIDTH)
    title = key.point if key.index is None else f"{key.point} [{key.index}]"
    return Curve(
        key,
        title,
        paths,
        _label(low, words, stepped, unit, lang),
        _label(high, words, stepped, unit, lang),
        _label(points[-1][1], words, stepped, unit, lang),
        start,
        end,
        (begin, max(0.0, until - begin)),
        place(start, 0.0)[1] if floor < 0 < roof and not stepped else None,
    )


def _height(sample: Sample, words: list[str]) -> float:
    if isinstance(sample.value, str):
        if sample.value not in words:
            words.append(sample.value)
        return float(words.index(sample.value))
    return float(sample.value or 0)


def _label(value: float, words: list[str], stepped: bool, unit: str | None, lang: str) -> str:
    if words:
        return words[round(value)]
    if stepped:
        return {"de": ("nein", "ja")}.get(lang, ("no", "yes"))[round(value)]
    return quantity(value, unit, lang)


def _stretches(points: Sequence[tuple[int, float]], gap_ms: int) -> list[list[tuple[int, float]]]:
    stretches: list[list[tuple[int, float]]] = [[points[0]]]
    for before, point in pairwise(points):
        if point[0] - before[0] > gap_ms:
            stretches.append([])
        stretches[-1].append(point)
    return stretches


def _fold(points: list[tuple[int, float]], start: int, end: int) -> list[tuple[int, float]]:
    if len(points) <= 2 * BUCKETS:
        return points
    buckets: dict[int, list[tuple[int, float]]] = {}
    for point in points:
        buckets.setdefault((point[0] - start) * BUCKETS // (end - start), []).append(point)
    folded: list[tuple[int, float]] = []
    for bucket in buckets.values():
        lowest, highest = min(bucket, key=lambda p: p[1]), max(bucket, key=lambda p: p[1])
        folded += sorted({lowest, highest})
    return folded


def _path(points: Sequence[tuple[float, float]], *, stepped: bool) -> str:
    (x, y), *rest = points
    parts = [f"M{x:.1f} {y:.1f}"]
    for x, y in rest:
        parts.append(f"H{x:.1f}V{y:.1f}" if stepped else f"L{x:.1f} {y:.1f}")
    if not rest:
        parts.append("h1.5")
    return "".join(parts)
