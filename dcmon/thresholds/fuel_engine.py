"""What an engine burns now, and what it may burn, as far as that is known."""

from __future__ import annotations

from dcmon.config.site import Asset
from dcmon.model import number
from dcmon.thresholds.board import Slot
from dcmon.thresholds.fuel_tank import burn


class Engine:
    """A genset, as far as fuel goes."""

    __slots__ = ("asset", "load", "power", "running", "shared")

    def __init__(self, asset: Asset, shared: bool) -> None:
        self.asset = asset
        self.shared = shared
        """It burns from several tanks, and nobody knows from which."""
        self.running: Slot | None = None
        self.load: Slot | None = None
        self.power: Slot | None = None

    def runs(self) -> bool | None:
        value = None if self.running is None else self.running.value
        return value if isinstance(value, bool) else None

    def full(self) -> float | None:
        """Litres an hour at full load."""
        return burn(self.asset.rating, 100)

    def now(self) -> float | None:
        """Litres an hour at present, by the nameplate; None where something for that is not known."""
        runs = self.runs()
        if not runs:
            return 0.0 if runs is False else None
        load = None if self.load is None else number(self.load.value)
        power = None if self.power is None else number(self.power.value)
        if load is None and power is not None and self.asset.rating.power_w:
            load = power / self.asset.rating.power_w * 100
        return None if load is None else burn(self.asset.rating, load)

    def bounds(self) -> tuple[float, float | None]:
        """Litres an hour that it takes from one of its tanks: at least, and at most (None: nobody knows)."""
        now = self.now()
        if now is None:
            return 0.0, self.full()
        return (0.0 if self.shared else now), now
