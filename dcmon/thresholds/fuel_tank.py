"""Litres of a tank and consumption of an engine, from their nameplates."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import acos, pi, sqrt
from typing import NamedTuple

from dcmon.config.site import Rating
from dcmon.model import Value, number

TOLERANCE = 5.0
"""Per cent by which a level may be beyond empty or full: the sender is not well adjusted. Further off it is broken."""


_NOTHING = 0.01
_SUDDEN = 0.1


def vanished(before: float, after: float, full: float | None) -> bool:
    """Empty at one blow: more likely a broken wire than a tank, so one reading alone is not believed."""
    return full is not None and after <= full * _NOTHING and before - after > full * _SUDDEN


class Content(NamedTuple):
    """What a tank holds, as far as it is known; `note` says why it is not fully believed."""

    litres: float | None
    note: str | None = None


def capacity(rating: Rating) -> float | None:
    """Litres of the full tank; None where nobody has said."""
    return rating.tank_l or (rating.tank.table[-1][1] if rating.tank.table else None)


def from_level(rating: Rating, value: Value) -> Content:
    """Litres at a level in per cent. A level that no tank can have is unknown, never empty."""
    level, holds = number(value), capacity(rating)
    if level is None or holds is None or not -TOLERANCE <= level <= 100 + TOLERANCE:
        return Content(None)
    inside = min(max(level, 0.0), 100.0)
    note = None if inside == level else f"its level is {level:g} %"
    form = rating.tank
    if form.table:
        return Content(_interpolate(form.table, inside, flat=True), note)
    share = inside / 100
    if form.shape == "horizontal" and form.level == "height":
        share = segment_share(share)
    return Content(share * holds, note)


def from_volume(rating: Rating, value: Value) -> Content:
    """Litres that the device says itself."""
    litres, holds = number(value), capacity(rating)
    if litres is None:
        return Content(None)
    if holds is None:
        return Content(litres) if litres >= 0 else Content(None)
    if not -holds * TOLERANCE / 100 <= litres <= holds * (1 + TOLERANCE / 100):
        return Content(None)
    inside = min(max(litres, 0.0), holds)
    return Content(inside, None if inside == litres else f"it says {litres:g} l of {holds:g} l")


def segment_share(height: float) -> float:
    """Share of a lying cylinder's volume that is filled, by the share of its height; flat ends.

    The area of a circular segment of height h in a circle of radius r is r^2 acos((r-h)/r) - (r-h) sqrt(2rh - h^2)
    (Weisstein, MathWorld, "Horizontal Cylindrical Segment"), here with r = 1 and divided by the circle's pi.
    """
    h = 2 * min(max(height, 0.0), 1.0)
    return max((acos(1 - h) - (1 - h) * sqrt(max(2 * h - h * h, 0.0))) / pi, 0.0)


def burn(rating: Rating, load: float) -> float | None:
    """Litres an hour at a load in per cent of nameplate; None where the nameplate does not say.

    Between the points of the curve on straight lines. Below the first of them towards the idle consumption, where that
    is given, else on as between the first two. With the full load alone in proportion, from the idle share on.
    """
    load = max(load, 0.0)
    points = sorted((float(share), flow) for share, flow in rating.fuel_curve.items())
    full = rating.fuel_curve.get(100) or rating.fuel_l_per_h_full_load
    if full is None:
        return None
    if not points:
        points = [(100.0, full)]
    if points[0][0] > 0 and (rating.fuel_idle_share is not None or len(points) == 1):
        points.insert(0, (0.0, full * (rating.fuel_idle_share or 0.0)))
    return max(_interpolate(points, load), 0.0)


def _interpolate(points: Sequence[tuple[float, float]], x: float, *, flat: bool = False) -> float:
    """On straight lines from point to point; beyond the ends on along the last line, or level where `flat`."""
    if flat:
        x = min(max(x, points[0][0]), points[-1][0])
    first, second = next(((a, b) for a, b in pairwise(points) if x <= b[0]), (points[-2], points[-1]))
    return first[1] + (second[1] - first[1]) * (x - first[0]) / (second[0] - first[0])
