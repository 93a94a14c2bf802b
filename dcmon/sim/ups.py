"""A double-conversion UPS with its battery, and the transfer switch before it.

The battery is an energy store with a constant discharge efficiency; runtime is what is left at the present load.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from dcmon.sim.genset import Genset
from dcmon.sim.waves import interpolate, relax

CONVERSION_EFFICIENCY = 0.95
"""Mains to output; the rest is heat in the UPS room."""
DISCHARGE_EFFICIENCY = 0.94
"""Battery to output."""
LOW_BATTERY_S = 120.0
"""upsConfigLowBattTime: below this runtime the UPS says low battery."""

_QUALIFY_S = 3.0
_RESTART_S = 10.0
_CHARGE_SHARE_PER_H = 0.4
_OVERLOAD_SHARE = 1.05
_OVERLOAD_TO_BYPASS_S = 60.0
_BYPASS_RETURN_S = 20.0
_CELLS = 240
_CELL_CURVE = ((0.0, 1.70), (0.1, 1.84), (0.5, 1.94), (1.0, 2.05))
"""Cell voltage of lead-acid under load, by state of charge."""
_FLOAT_CELL_V = 2.27


class Source(Enum):
    """What feeds the UPS output."""

    INVERTER = "normal"
    BATTERY = "battery"
    BYPASS = "bypass"
    NONE = "none"


@dataclass(slots=True)
class Ups:
    """One UPS. Units: W, Wh, s, V, degC."""

    rated_w: float
    battery_wh: float
    """Full charge; less when the battery has aged."""
    energy_wh: float
    load_w: float = 0.0
    extra_load_w: float = 0.0
    """What a scenario adds to the output beyond the racks."""
    source: Source = Source.INVERTER
    input_ok: bool = True
    qualified_s: float = _QUALIFY_S
    on_battery_s: float = 0.0
    overload_s: float = 0.0
    relief_s: float = 0.0
    restart_s: float = 0.0
    charge_w: float = 0.0
    battery_c: float = 22.0

    @property
    def output_ok(self) -> bool:
        return self.source is not Source.NONE

    @property
    def charge(self) -> float:
        """State of charge, 0 to 1."""
        return self.energy_wh / self.battery_wh

    @property
    def load_share(self) -> float:
        return self.load_w / self.rated_w

    @property
    def runtime_s(self) -> float:
        """How long the battery would carry the present load (at least a tenth of the rating is assumed)."""
        return self.energy_wh * DISCHARGE_EFFICIENCY * 3600 / max(self.load_w, 0.1 * self.rated_w)

    @property
    def low_battery(self) -> bool:
        return self.runtime_s < LOW_BATTERY_S or self.charge < 0.05

    @property
    def overloaded(self) -> bool:
        return self.load_share > 1.0

    @property
    def battery_v(self) -> float:
        """Of the whole string."""
        if self.source is Source.BATTERY:
            return _CELLS * interpolate(_CELL_CURVE, self.charge)
        return _CELLS * (_FLOAT_CELL_V if self.charge > 0.9 else 2.05 + 0.2 * self.charge)

    @property
    def input_w(self) -> float:
        """What it takes from the transfer switch."""
        if not self.input_ok or self.source in (Source.BATTERY, Source.NONE):
            return self.charge_w
        if self.source is Source.BYPASS:
            return self.load_w + self.charge_w
        return self.load_w / CONVERSION_EFFICIENCY + self.charge_w

    @property
    def settled(self) -> bool:
        return self.source is Source.INVERTER and self.input_ok and self.charge >= 1.0 and not self.overloaded

    def age(self, share: float) -> None:
        """The battery turns out to hold only `share` of its rated energy."""
        self.battery_wh *= share
        self.energy_wh *= share

    def step(self, dt_s: float, input_ok: bool, load_w: float) -> None:
        """One step: `input_ok` says whether the transfer switch gives voltage, `load_w` what hangs on the output."""
        self.input_ok = input_ok
        self.qualified_s = self.qualified_s + dt_s if input_ok else 0.0
        self.load_w = load_w if self.output_ok else 0.0
        self._choose(dt_s)
        if not self.output_ok:
            self.load_w = 0.0
        self._battery(dt_s)

    def _choose(self, dt_s: float) -> None:
        good = self.input_ok and self.qualified_s >= _QUALIFY_S
        if self.source is Source.NONE:
            self.restart_s = self.restart_s + dt_s if good else 0.0
            if self.restart_s >= _RESTART_S:
                self.source = Source.INVERTER
                self.restart_s = 0.0
        elif not self.input_ok:
            self.source = Source.BATTERY if self.energy_wh > 0 else Source.NONE
        elif self.source is Source.BATTERY and good:
            self.source = Source.INVERTER
        self._bypass(dt_s)

    def _bypass(self, dt_s: float) -> None:
        """An inverter carries a small overload for a minute, then hands it to the static bypass."""
        self.overload_s = self.overload_s + dt_s if self.load_share > _OVERLOAD_SHARE else 0.0
        if self.source is Source.INVERTER and self.overload_s >= _OVERLOAD_TO_BYPASS_S:
            self.source = Source.BYPASS
            self.relief_s = 0.0
        elif self.source is Source.BYPASS:
            self.relief_s = self.relief_s + dt_s if self.load_share < 0.95 else 0.0
            if self.relief_s >= _BYPASS_RETURN_S:
                self.source = Source.INVERTER

    def _battery(self, dt_s: float) -> None:
        if self.source is Source.BATTERY:
            self.on_battery_s += dt_s
            self.charge_w = 0.0
            self.energy_wh = max(0.0, self.energy_wh - self.load_w / DISCHARGE_EFFICIENCY * dt_s / 3600)
            self.battery_c = relax(self.battery_c, 29.0, dt_s, 1800)
            if self.energy_wh <= 0:
                self.source = Source.NONE
                self.load_w = 0.0
            return
        self.on_battery_s = 0.0
        self.battery_c = relax(self.battery_c, 22.0, dt_s, 3600)
        missing_wh = self.battery_wh - self.energy_wh
        if not self.input_ok or missing_wh <= 0:
            self.charge_w = 0.0
            return
        stored_wh = min(missing_wh, _CHARGE_SHARE_PER_H * self.battery_wh * dt_s / 3600)
        self.energy_wh = self.battery_wh if stored_wh >= missing_wh else self.energy_wh + stored_wh
        self.charge_w = stored_wh * 3600 / dt_s / CONVERSION_EFFICIENCY


class Position(Enum):
    """What the transfer switch has closed."""

    MAINS = "mains"
    GENERATOR = "generator"
    OPEN = "open"


_OPEN_TRANSITION_S = 0.5
_MAINS_STABLE_S = 60.0


@dataclass(slots=True)
class TransferSwitch:
    """Break before make, driven by the generator's controller."""

    position: Position = Position.MAINS
    open_s: float = 0.0
    mains_good_s: float = _MAINS_STABLE_S
    generator_breaker_stuck: bool = False

    def energised(self, mains_ok: bool, genset: Genset) -> bool:
        if self.position is Position.MAINS:
            return mains_ok
        return self.position is Position.GENERATOR and genset.ready

    @property
    def settled(self) -> bool:
        return self.position is Position.MAINS

    def wants_generator(self, mains_ok: bool) -> bool:
        """Until the mains have been good for a minute and the load is back on them."""
        return not mains_ok or self.position is not Position.MAINS

    def step(self, dt_s: float, mains_ok: bool, genset: Genset) -> None:
        self.mains_good_s = self.mains_good_s + dt_s if mains_ok else 0.0
        self.open_s = self.open_s + dt_s if self.position is Position.OPEN else 0.0
        back = mains_ok and self.mains_good_s >= _MAINS_STABLE_S
        if self.position is Position.MAINS:
            if not mains_ok:
                self._move(Position.OPEN)
        elif self.position is Position.GENERATOR:
            if back or not genset.ready:
                self._move(Position.OPEN)
        elif self.open_s >= _OPEN_TRANSITION_S:
            if back or (mains_ok and not genset.ready):
                self._move(Position.MAINS)
            elif genset.ready and not mains_ok and not self.generator_breaker_stuck:
                self._move(Position.GENERATOR)

    def _move(self, position: Position) -> None:
        self.position = position
        self.open_s = 0.0
