"""In a replay: which devices gave samples at a regular pace and then stopped, while others went on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from dcmon.config.config import Config
from dcmon.config.holds import HOLD
from dcmon.model import Quality, Reading
from dcmon.thresholds.topology import Topology

REGULAR = 10
"""So many gaps alike make a pace; a timeline written by hand has none."""


class _Pace:
    """One device: when it last gave samples, and how regularly."""

    __slots__ = ("alike", "gap", "last", "limit", "silent", "slow", "spoken_for")

    def __init__(self, slow: int) -> None:
        self.slow = slow
        self.last = -1
        self.gap = 0
        self.alike = 0
        self.limit: int | None = None
        self.silent = False
        self.spoken_for = False
        """The file says itself whether this device answers."""

    def heard(self, ts: int) -> None:
        gap = ts - self.last
        if self.last >= 0 and gap > 0 and not self.silent:
            alike = self.gap and self.gap <= 2 * gap and gap <= 2 * self.gap
            self.alike = self.alike + 1 if alike else 1
            self.gap = max(gap, self.gap) if alike else gap
            self.limit = round(HOLD * max(self.gap, self.slow)) if self.alike >= REGULAR else None
        self.last = ts


class Presence:
    """Follows all devices of the site."""

    def __init__(self, config: Config) -> None:
        topology = Topology(config.site, config.collectors)
        slow = config.agent.polling.slow
        self._paces = {
            device: _Pace(spec.slow if spec.slow is not None else slow)
            for device, spec in config.collectors.devices.items()
        }
        self._by_asset = {asset: pace for device, pace in self._paces.items() for asset in topology.supplied(device)}
        self._last = -1
        self._check_at: int | None = None

    def heard(self, ts: int, readings: Iterable[Reading]) -> list[Reading]:
        """Takes note of samples; what is to be said of devices that are back."""
        back = []
        by_asset, spoken = self._by_asset, None
        for reading in readings:
            pace = by_asset.get(reading.asset)
            if pace is None or (pace.last == ts and reading.point != "device.reachable"):
                continue
            if reading.point == "device.reachable":
                pace.spoken_for = True
                spoken = reading
            if pace.silent and spoken is not reading:
                back.append(_answer(ts, self._name(pace), True, None))
            pace.heard(ts)
            pace.silent = False
            if pace.limit is not None and (self._check_at is None or ts + pace.limit < self._check_at):
                self._check_at = ts + pace.limit
        self._last = ts
        return back

    def silent_before(self, ts: int) -> Iterator[tuple[int, Reading]]:
        """Devices that have fallen silent before `ts`, each with the instant at which that showed, in order.

        A pause of the whole file says nothing about any of them.
        """
        if self._check_at is None or ts <= self._check_at:
            return
        paused = ts - self._last
        fallen = []
        self._check_at = None
        for device, pace in self._paces.items():
            if pace.limit is None or pace.silent or pace.spoken_for:
                continue
            if paused >= pace.limit:
                pace.last += paused
            due = pace.last + pace.limit
            if due >= ts:
                self._check_at = due if self._check_at is None else min(self._check_at, due)
                continue
            pace.silent = True
            fallen.append((max(due, self._last), device, pace.last))
        for at, device, last in sorted(fallen):
            yield at, _answer(at, device, False, f"no samples for {(at - last) / 1000:g} s")

    def _name(self, wanted: _Pace) -> str:
        return next(device for device, pace in self._paces.items() if pace is wanted)


def _answer(ts: int, device: str, value: bool, reason: str | None) -> Reading:
    return Reading(ts, device, "device.reachable", None, value, Quality.GOOD, reason)
