"""What the site says about a device's points: whose they are, what a contact means, which way round it is wired."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from dcmon.config.collectors import PointMap
from dcmon.model import Reading


class _Change(NamedTuple):
    """What becomes of a reading; None keeps a field as it is, an empty index takes the index away."""

    asset: str | None
    point: str | None
    index: str | None  # type: ignore[assignment]  # shadows tuple.index, which nobody needs here
    invert: bool


_MOST_KNOWN = 20_000
"""Pairs remembered for one device; more only where indices change all the time."""

_Found: TypeAlias = _Change | bool | None
"""A change, None to leave the reading alone, False to drop it."""


class Maps:
    """The compiled maps of one device. The first that fits a point and index counts; each pair is looked up once."""

    __slots__ = ("_found", "_maps")

    def __init__(self, maps: Sequence[PointMap]) -> None:
        self._maps = tuple(maps)
        self._found: dict[tuple[str, str | None], _Found] = {}

    def apply(self, readings: list[Reading]) -> list[Reading]:
        """The readings as the site wants them, in their order; the same list when there is nothing to do."""
        if not self._maps:
            return readings
        found, result = self._found, []
        for reading in readings:
            key = (reading[2], reading[3])
            try:
                change = found[key]
            except KeyError:
                if len(found) >= _MOST_KNOWN:
                    found.clear()
                change = found[key] = self._find(*key)
            if change is None:
                result.append(reading)
            elif isinstance(change, _Change):
                result.append(_changed(reading, change))
        return result

    def _find(self, point: str, index: str | None) -> _Found:
        for entry in self._maps:
            if not entry.takes(point) or (entry.index is not None and entry.index != index):
                continue
            if entry.ignore:
                return False
            change = _Change(entry.asset, entry.as_point, entry.as_index, entry.invert)
            return None if change == (None, None, None, False) else change
        return None


def _changed(reading: Reading, change: _Change) -> Reading:
    ts, asset, point, index, value, quality, reason, source = reading
    if change.invert and isinstance(value, bool):
        value = not value
    return Reading(
        ts,
        change.asset or asset,
        change.point or point,
        index if change.index is None else change.index or None,
        value,
        quality,
        reason,
        source,
    )
