"""The last readings, asked by asset: what is fresh counts, what is old or bad is nobody's knowledge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from dcmon.config.config import Config
from dcmon.config.rules import CapacityRule, Condition, CountRule
from dcmon.config.site import Group
from dcmon.config.vocabulary import vocabulary
from dcmon.model import Quality, Reading, SeriesKey, Value

HOLD = 2.5
"""A sample holds for so many of its intervals, then the point is unknown (DOMAIN: availability, precisely)."""


class Holds:
    """How long a reading of each asset can be believed, from the polling intervals of the device that gives it."""

    def __init__(self, config: Config) -> None:
        polling = config.agent.polling
        self._default = (polling.fast, polling.slow)
        self._assets: dict[str, tuple[int, int]] = {}
        for asset, device in config.collectors.devices.items():
            pair = (device.fast or polling.fast, device.slow or polling.slow)
            for target in {asset, *(entry.asset for entry in device.maps if entry.asset)}:
                known = self._assets.get(target, (0, 0))
                self._assets[target] = (max(known[0], pair[0]), max(known[1], pair[1]))
        self._fast = frozenset(name for name, point in vocabulary().items() if point.fast)

    def hold(self, asset: str, point: str) -> int:
        """Milliseconds."""
        fast, slow = self._assets.get(asset, self._default)
        return int(HOLD * (fast if point in self._fast else slow))

    def fresh(self, reading: Reading, now: int) -> bool:
        """Whether the reading still says something about now."""
        return now - reading.ts <= self.hold(reading.asset, reading.point)


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
        return [
            float(reading.value)
            for reading in self.readings(asset, point)
            if isinstance(reading.value, int | float) and not isinstance(reading.value, bool)
        ]

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
    """Whether a rule's condition is met by the asset; None when nobody knows."""
    readings = [
        reading
        for reading in latest.readings(condition.asset or asset, condition.point)
        if condition.index in (None, reading.index) and reading.value is not None
    ]
    if not readings:
        return None
    return all(_passes(condition, reading.value) for reading in readings)


def _passes(test: Condition, value: Value) -> bool:
    if test.is_ is not None:
        return value == test.is_
    if test.in_ is not None:
        return value in test.in_
    if test.not_in is not None:
        return value not in test.not_in
    if not isinstance(value, int | float):
        return False
    return value > test.above if test.above is not None else test.below is not None and value < test.below


def able_conditions(config: Config, group: Group) -> tuple[Condition, ...]:
    """What the rules of the group demand of an able member; empty when no rule counts the group."""
    for rule in config.rules.rules:
        if isinstance(rule, CountRule | CapacityRule) and rule.group == group.id:
            return rule.able
    return ()


def able(conditions: Sequence[Condition], asset: str, latest: Latest) -> bool | None:
    """Kleene AND of the conditions; None when nobody knows, or when there is none."""
    results = [holds(condition, asset, latest) for condition in conditions]
    if any(result is False for result in results):
        return False
    return None if not results or None in results else True
