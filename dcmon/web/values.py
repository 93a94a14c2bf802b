"""The last readings, asked by asset: what is fresh counts, what is old or bad is nobody's knowledge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from dcmon.config.conditions import Condition
from dcmon.config.config import Config
from dcmon.config.holds import Holds
from dcmon.config.rule_kinds import CapacityRule, CountRule
from dcmon.config.site import Group
from dcmon.model import Quality, Reading, SeriesKey, Value, number


class Latest:
    """One look at all readings. Values are None where nothing usable is known."""

    def __init__(self, holds: Holds, latest: Mapping[SeriesKey, Reading], now: int) -> None:
        self.now = now
        self.holds = holds
        self.newest: int | None = None
        self.bad = self.stale = 0
        self._points: dict[tuple[str, str], list[Reading]] = {}
        self._unusable: set[tuple[str, str]] = set()
        self._sort(latest.values())

    def _sort(self, readings: Iterable[Reading]) -> None:
        points, hold, now = self._points, self.holds.hold, self.now
        newest = -1
        for reading in readings:
            newest = max(newest, reading.ts)
            if now - reading.ts > hold(reading.asset, reading.point):
                self.stale += 1
                self._unusable.add((reading.asset, reading.point))
            elif reading.quality is Quality.BAD:
                self.bad += 1
                self._unusable.add((reading.asset, reading.point))
            else:
                points.setdefault((reading.asset, reading.point), []).append(reading)
        self.newest = newest if newest >= 0 else None

    def readings(self, asset: str, point: str) -> Sequence[Reading]:
        """Every usable reading of the point, one for each index."""
        return self._points.get((asset, point), ())

    def unusable(self, asset: str, point: str) -> bool:
        """Whether the point exists there with a value that is too old or bad."""
        return (asset, point) in self._unusable

    def value(self, assets: str | Iterable[str], point: str) -> Value:
        """The first usable value among the assets."""
        for asset in (assets,) if isinstance(assets, str) else assets:
            for reading in self.readings(asset, point):
                if reading.value is not None:
                    return reading.value
        return None

    def numbers(self, asset: str, point: str) -> list[float]:
        """The point's numbers over all its indices."""
        return [float(size) for reading in self.readings(asset, point) if (size := number(reading.value)) is not None]

    def number(self, assets: str | Iterable[str], point: str) -> float | None:
        """The largest of the point's numbers at the first asset that has any (phases, sensors)."""
        for asset in (assets,) if isinstance(assets, str) else assets:
            if found := self.numbers(asset, point):
                return max(found)
        return None

    def flag(self, assets: str | Iterable[str], point: str) -> bool | None:
        """A truth, at the first asset that tells it."""
        value = self.value(assets, point)
        return value if isinstance(value, bool) else None

    def word(self, assets: str | Iterable[str], point: str) -> str | None:
        """A word of an enumeration, at the first asset that tells it."""
        value = self.value(assets, point)
        return value if isinstance(value, str) else None


def holds(condition: Condition, asset: str, latest: Latest) -> bool | None:
    """Whether a rule's condition is met by the asset, as the engine judges it; None when nobody knows."""
    passes = condition.compile()
    return _all(
        passes(reading.value)
        for reading in latest.readings(condition.asset or asset, condition.point)
        if condition.index in (None, reading.index)
    )


def able_conditions(config: Config, group: Group) -> tuple[Condition, ...]:
    """What the rules of the group demand of an able member; empty when no rule counts the group."""
    for rule in config.judged:
        if isinstance(rule, CountRule | CapacityRule) and rule.group == group.id:
            return rule.able
    return ()


def able(conditions: Sequence[Condition], asset: str, latest: Latest) -> bool | None:
    """Whether the asset meets all of the conditions; None when nobody knows, or when there is none."""
    return _all(holds(condition, asset, latest) for condition in conditions)


def _all(truths: Iterable[bool | None]) -> bool | None:
    """Kleene AND; None of nothing."""
    known = list(truths)
    if False in known:
        return False
    return None if not known or None in known else True
