"""What is usual for one series at each hour of the week: robust, streaming, of bounded memory.

An hour of samples becomes its median and its spread; a cell keeps those of its last four weeks. Usual is the median of
a cell, so that one odd week in three moves nothing, and a change is taken over after two or three. How much is usual is
1.4826 times a median absolute deviation, which is the standard deviation of what is normally distributed (Rousseeuw and
Croux 1993): the greater one of that from week to week, pooled with the hours before and after, and of that within an
hour. A series takes 168 x 4 x 2 floats of 4 bytes: 5,376 bytes, and about 500 for the objects around them.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from math import isnan, nan
from statistics import median
from typing import Final, NamedTuple

HOURS: Final = 168
WEEKS: Final = 4
LEARNT: Final = 3
"""Weeks of an hour that must be known before anything is said of it."""
_SIGMA: Final = 1.4826


class Usual(NamedTuple):
    """The usual value at an hour of the week, and one robust deviation."""

    value: float
    spread: float


class Baseline:
    """The cells of one series. Hour 0 is Monday from 0 to 1 o'clock."""

    __slots__ = ("_medians", "_spreads")

    def __init__(self) -> None:
        self._medians = array("f", [nan]) * (HOURS * WEEKS)
        self._spreads = array("f", [nan]) * (HOURS * WEEKS)

    def learn(self, hour: int, samples: Sequence[float]) -> None:
        """Takes in an hour that is over; its oldest week is forgotten. The order of the samples makes no difference."""
        usual = median(samples)
        spread = _SIGMA * median(abs(sample - usual) for sample in samples)
        last = hour * WEEKS
        for cells, new in ((self._medians, usual), (self._spreads, spread)):
            cells[last + 1 : last + WEEKS] = cells[last : last + WEEKS - 1]
            cells[last] = new

    def usual(self, hour: int) -> Usual | None:
        """What is usual at this hour; None before three weeks of it are known."""
        known = _known(self._medians, hour)
        if len(known) < LEARNT:
            return None
        between = [deviation for near in (hour - 1, hour, hour + 1) for deviation in self._deviations(near % HOURS)]
        within = _known(self._spreads, hour)
        return Usual(median(known), max(_SIGMA * median(between), median(within)))

    def _deviations(self, hour: int) -> list[float]:
        """How far the weeks of an hour are from their median, without the smallest: a median lies on its values."""
        known = _known(self._medians, hour)
        middle = median(known) if known else 0.0
        return sorted(abs(value - middle) for value in known)[1:]

    def weeks(self, hour: int) -> tuple[list[float], list[float]]:
        """Medians and spreads of an hour, the youngest first."""
        return _known(self._medians, hour), _known(self._spreads, hour)

    def restore(self, hour: int, medians: Sequence[float], spreads: Sequence[float]) -> None:
        """The opposite of `weeks`."""
        for cells, rows in ((self._medians, medians), (self._spreads, spreads)):
            for week, value in enumerate(rows[:WEEKS]):
                cells[hour * WEEKS + week] = value


def _known(cells: array[float], hour: int) -> list[float]:
    return [value for value in cells[hour * WEEKS : (hour + 1) * WEEKS] if not isnan(value)]
