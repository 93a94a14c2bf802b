"""Notices that the machine's clock was set: wall time moved by something else than time did."""

from __future__ import annotations

STEP_MS = 5_000
"""A wall clock that runs away from the monotonic one by more than this between two looks was set."""


class StepDetector:
    """Compares the two clocks at every look. Slow corrections (slewing) are followed and are no step.

    A machine that was suspended looks the same as a clock set forward, and wants the same: nobody listened meanwhile.
    """

    def __init__(self) -> None:
        self._offset: int | None = None

    def check(self, now: int, monotonic_s: float) -> int:
        """By how many ms the clock was set since the last look; 0 when it was not. Feed it to `Judge.clock_set`."""
        offset = now - round(monotonic_s * 1000)
        moved = 0 if self._offset is None else offset - self._offset
        self._offset = offset
        return moved if abs(moved) > STEP_MS else 0
