"""Rates from counters: only while nothing restarted, and none that the line could not carry."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from dcmon.collectors.decode import BAD, GOOD, Result

_WRAP_32: Final = 1 << 32
_NOT_BELIEVED: Final[Result] = (None, BAD, "rate")


class Sample(NamedTuple):
    """One reading of a counter and what tells whether it went on counting since the last one."""

    ts: int
    value: int
    bits: int
    uptime: int | None = None
    """sysUpTime in ticks: it must not have gone back."""
    discontinuity: int | None = None
    """ifCounterDiscontinuityTime: it must not have changed."""


@dataclass(slots=True)
class RateMemory:
    """What is remembered of one device between two polls; a new one when the device is another."""

    samples: dict[tuple[str, str | None], Sample] = field(default_factory=dict)

    def rate(self, point: str, index: str | None, sample: Sample, factor: int, limit: int | None) -> Result | None:
        """Units per second as an integer; None when there is nothing to compare with; bad when nobody can believe it.

        `limit` is the speed of the line in the rate's unit. Integers all the way: a float loses octets above 2^53.
        """
        key = (point, index)
        before = self.samples.get(key)
        self.samples[key] = sample
        if before is None or restarted(before, sample):
            return None
        elapsed = sample.ts - before.ts
        delta = sample.value - before.value
        if delta < 0:
            if sample.bits != 32 or sample.uptime is None:
                return None
            delta += _WRAP_32
        if elapsed <= 0 or delta < 0:
            return None
        rate = (delta * factor * 1000 + elapsed // 2) // elapsed
        if limit is not None and limit > 0 and rate * 10 > limit * 11:
            return _NOT_BELIEVED
        return rate, GOOD, None


def restarted(before: Sample, now: Sample) -> bool:
    """Whether the counter may have begun anew between the two."""
    if now.bits != before.bits or now.discontinuity != before.discontinuity:
        return True
    if now.uptime is None or before.uptime is None:
        return now.uptime is not before.uptime
    return now.uptime < before.uptime
