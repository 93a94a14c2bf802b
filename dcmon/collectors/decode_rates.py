"""Rates from counters: only while nothing restarted, and none that the line could not carry."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from dcmon.collectors.decode import BAD, GOOD, UNCERTAIN, Result

_WRAP_32: Final = 1 << 32
_LATE_TICKS: Final = 500
_EARLY_TICKS: Final = 6_000
"""Agents that tell an uptime of some seconds ago, and in leaps, have not restarted."""
_NOT_BELIEVED: Final[Result] = (None, BAD, "rate")


class Sample(NamedTuple):
    """One reading of a counter and what tells whether it went on counting since the last one."""

    ts: int
    value: int
    bits: int
    uptime: int | None = None
    """sysUpTime in ticks; without it nobody knows whether the counter went on."""
    discontinuity: int | None = None
    """ifCounterDiscontinuityTime: it must not have changed. None where the agent has none."""
    source: str = ""
    """OID of the counter: two ports may swap their names."""


@dataclass(slots=True)
class RateMemory:
    """What is remembered of one device between two polls; a new one when the device is another."""

    samples: dict[tuple[str, str | None], Sample] = field(default_factory=dict)

    def rate(self, point: str, index: str | None, sample: Sample, factor: int, limit: int | None) -> Result | None:
        """Units per second as an integer; None when there is nothing to compare with; bad when nobody can believe it,
        uncertain (`speed`) when 32 bits counted on a line of unknown speed, on which they may have wrapped unseen.

        `limit` is the speed of the line in the rate's unit; None or 0 when nobody says it.
        Integers all the way: a float loses octets above 2^53.
        """
        key = (point, index)
        before = self.samples.get(key)
        self.samples[key] = sample
        if before is None or restarted(before, sample):
            return None
        elapsed = sample.ts - before.ts
        delta = sample.value - before.value
        if delta < 0 and sample.bits == 32:
            delta += _WRAP_32
        if elapsed <= 0 or delta < 0:
            return None
        if sample.bits == 32 and limit is not None and limit * elapsed >= _WRAP_32 * factor * 1000:
            return _NOT_BELIEVED  # at the speed of the line it may have wrapped more than once
        rate = (delta * factor * 1000 + elapsed // 2) // elapsed
        if limit is not None and limit > 0 and rate * 10 > limit * 11:
            return _NOT_BELIEVED
        if sample.bits == 32 and delta and not limit:
            return rate, UNCERTAIN, "speed"
        return rate, GOOD, None


def restarted(before: Sample, now: Sample) -> bool:
    """Whether the counter may have begun anew between the two."""
    if now.bits != before.bits or now.discontinuity != before.discontinuity or now.source != before.source:
        return True
    if now.uptime is None or before.uptime is None:
        return True
    return not went_on(before.uptime, now.uptime, now.ts - before.ts)


def went_on(before: int, now: int, elapsed_ms: int) -> bool:
    """Whether a device whose sysUpTime was `before` ran through until it was `now`, both in ticks of 10 ms.

    The uptime has to have grown by about what passed: a device may have restarted long enough ago to be older again
    than it was. It wraps by itself after 497 days (RFC 3418: TimeTicks are modulo 2^32), which is no restart.
    """
    grown = (now - before) % _WRAP_32
    passed = elapsed_ms // 10
    return passed // 2 - _LATE_TICKS <= grown <= passed * 2 + _EARLY_TICKS
