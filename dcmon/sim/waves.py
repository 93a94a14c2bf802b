"""Smooth, repeatable fluctuation: what makes a simulated measurement look measured without any random state."""

from __future__ import annotations

import math
from itertools import pairwise
from zlib import crc32

_PERIODS_S = (97.0, 31.0, 611.0)


class Wave:
    """A sum of three sines whose phases follow from a seed and a name: -1 to 1, a pure function of time."""

    __slots__ = ("_phases",)

    def __init__(self, seed: int, name: str) -> None:
        bits = crc32(f"{seed}/{name}".encode())
        self._phases = tuple(((bits >> shift) & 0x3FF) / 0x400 * math.tau for shift in (0, 10, 20))

    def at(self, time_s: float) -> float:
        """The deviation at `time_s` seconds, -1 to 1."""
        return sum(
            math.sin(time_s / period * math.tau + phase) for period, phase in zip(_PERIODS_S, self._phases, strict=True)
        ) / len(_PERIODS_S)


def relax(value: float, target: float, dt_s: float, tau_s: float) -> float:
    """First-order lag, solved exactly: the result does not depend on how a stretch of time is cut into steps."""
    return target + (value - target) * math.exp(-dt_s / tau_s)


def interpolate(curve: tuple[tuple[float, float], ...], x: float) -> float:
    """Piecewise linear through ascending (x, y) points; held constant outside them."""
    if x <= curve[0][0]:
        return curve[0][1]
    for (x0, y0), (x1, y1) in pairwise(curve):
        if x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return curve[-1][1]
