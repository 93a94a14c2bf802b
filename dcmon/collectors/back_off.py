"""How long to leave a silent peer alone: pure."""

from __future__ import annotations


def back_off(failures: int, first_s: float, cap_s: float, chance: float) -> float:
    """Seconds to wait after `failures` failures in a row (at least 1): doubled each time, at most `cap_s`.

    `chance` (0 to 1, random) takes up to a quarter away, so that what failed together does not return together.
    """
    longest = min(cap_s, first_s * 2.0 ** min(failures - 1, 32))
    return longest * (1.0 - 0.25 * chance)
