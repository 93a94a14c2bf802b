"""For how long a sample may be believed."""

from __future__ import annotations

from dcmon.config.config import Config
from dcmon.config.vocabulary import vocabulary
from dcmon.model import Reading

HOLD = 2.5
"""A sample holds for so many of its intervals, then the point is unknown: one lost poll is no loss."""


class Holds:
    """How long a sample of each asset holds, from the polling intervals of the devices that give its points."""

    def __init__(self, config: Config) -> None:
        polling = config.agent.polling
        self._default = (polling.fast, polling.slow)
        self._assets: dict[str, tuple[int, int]] = {}
        for asset, device in config.collectors.devices.items():
            own = (device.fast or polling.fast, device.slow or polling.slow)
            for target in {asset, *(entry.asset for entry in device.maps if entry.asset)}:
                known = self._assets.get(target, (0, 0))
                self._assets[target] = (max(known[0], own[0]), max(known[1], own[1]))
        # Whether a device answers is said at least as often as its slowest poll: not every device has fast points.
        self._fast = frozenset(name for name, point in vocabulary().items() if point.fast) - {"device.reachable"}

    def hold(self, asset: str, point: str) -> int:
        """Milliseconds."""
        fast, slow = self._assets.get(asset, self._default)
        return round(HOLD * (fast if point in self._fast else slow))

    def fresh(self, reading: Reading, now: int) -> bool:
        """Whether the reading still says something about `now` (ms UTC)."""
        return now - reading.ts <= self.hold(reading.asset, reading.point)
