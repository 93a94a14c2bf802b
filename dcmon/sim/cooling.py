"""Cooling units of chilled water and the air of the hall that they cool.

The hall is one store of heat (air, steel, concrete skin): without cooling it warms by about 1 K a minute at full load,
which is what halls of this density do. Units work in proportion to the room's distance from the set point.
"""

from __future__ import annotations

from dataclasses import dataclass

from dcmon.sim.waves import relax

SETPOINT_C = 22.0
RACK_RISE_K = 11.0
"""Air gains this much through the racks at their nominal airflow."""

_BAND_K = 4.0
_HALL_J_PER_K = 25e6
_HALL_LEAK_W_PER_K = 900.0
_OUTDOOR_C = 14.0
_SETTLED_W = 12_000.0
"""0.03 K a minute."""
_HOLD_UP_S = 1.0
_RESTART_S = 12.0
_RESTART_STAGGER_S = 1.5
_RAMP_S = 12.0
_AIR_W_PER_K = 22_000.0
"""Heat capacity flow of a unit's air at full fan speed (18 m3/s)."""
_WATER_RISE_K = 6.0
_WATER_IN_C = 12.0
_FAN_W = 6_000.0
_CHILLER_COP = 4.0


@dataclass(slots=True)
class CoolingUnit:
    """One unit. Units: W, degC, l/min, %; `position` staggers restarts so that not all draw their start at once."""

    rated_w: float
    position: int
    serves_area: bool
    powered: bool = True
    failed: bool = False
    restart_s: float = 0.0
    dead_s: float = 0.0
    output_w: float = 0.0
    fan_share: float = 0.0
    return_c: float = SETPOINT_C + RACK_RISE_K
    supply_c: float = SETPOINT_C

    @property
    def running(self) -> bool:
        """Fans turn and water flows."""
        return self.powered and not self.failed and self.restart_s <= 0

    @property
    def output_share(self) -> float:
        return self.output_w / self.rated_w

    @property
    def fan_percent(self) -> float:
        return self.fan_share * 100

    @property
    def water_in_c(self) -> float:
        return _WATER_IN_C if self.running else 16.0

    @property
    def water_out_c(self) -> float:
        return self.water_in_c + (_WATER_RISE_K if self.running else 0.0)

    @property
    def water_l_per_min(self) -> float:
        """Flow that carries the heat away at a rise of 6 K; 4,186 J/(kg K)."""
        return self.output_w / (4186 * _WATER_RISE_K) * 60

    @property
    def electric_w(self) -> float:
        """Fan laws for the fan, the unit's share of the chillers for its heat."""
        return _FAN_W * self.fan_share**3 + self.output_w / _CHILLER_COP if self.powered else 0.0

    def step(self, dt_s: float, energised: bool, room_c: float, demand: float) -> None:
        """One step with the hall's cold-aisle temperature and the share of its capacity that is asked of it.

        The controller holds up through the half second of a retransfer; a longer break costs a whole restart.
        """
        self.dead_s = 0.0 if energised else self.dead_s + dt_s
        self.powered = self.dead_s < _HOLD_UP_S
        if not self.powered:
            self.restart_s = _RESTART_S + _RESTART_STAGGER_S * self.position
        elif self.restart_s > 0:
            self.restart_s -= dt_s
        target = min(1.0, max(0.0, demand)) * self.rated_w if self.running else 0.0
        self.output_w = relax(self.output_w, target, dt_s, _RAMP_S if self.running else 3.0)
        if not self.running and self.output_w < 1.0:
            self.output_w = 0.0
        fan = max(0.3, self.output_share) if self.running else 0.0
        self.fan_share = relax(self.fan_share, fan, dt_s, 5.0)
        self.return_c = room_c + RACK_RISE_K if self.fan_share > 0.1 else relax(self.return_c, room_c + 4, dt_s, 120)
        drop = self.output_w / (_AIR_W_PER_K * max(self.fan_share, 0.1))
        self.supply_c = self.return_c - drop


@dataclass(slots=True)
class Hall:
    """The air at the rack inlets. `heat_w` is what the racks gave off in the last step."""

    temperature_c: float = SETPOINT_C - 0.3
    heat_w: float = 0.0
    cooling_w: float = 0.0

    @property
    def demand(self) -> float:
        """What share of its capacity each unit of the area is asked for: half of it at the set point."""
        return 0.5 + (self.temperature_c - SETPOINT_C) / _BAND_K

    @property
    def settled(self) -> bool:
        return abs(self.heat_w - self.cooling_w - self._leak_w) < _SETTLED_W

    @property
    def _leak_w(self) -> float:
        return _HALL_LEAK_W_PER_K * (self.temperature_c - _OUTDOOR_C)

    def step(self, dt_s: float, heat_w: float, cooling_w: float) -> None:
        self.heat_w = heat_w
        self.cooling_w = cooling_w
        self.temperature_c += (heat_w - cooling_w - self._leak_w) * dt_s / _HALL_J_PER_K
