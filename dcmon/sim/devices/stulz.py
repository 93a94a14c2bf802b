"""A Stulz WIB 8000 gateway with eight cooling units on its bus: enterprises.29462.10.

Rows are indexed bus.unit.module; a unit without power is silent on the bus: the gateway raises its bus and common
alarm, says that it does not run and goes on showing the last values of everything else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmon.sim.cooling import SETPOINT_C, CoolingUnit
from dcmon.sim.devices.mib import Table, Values, at, gauge, integer, system, text
from dcmon.sim.waves import Wave

if TYPE_CHECKING:
    from dcmon.sim.plant import Plant

_WIB = "1.3.6.1.4.1.29462.10"
_UNITS = range(1, 9)
_AIR, _HUMIDITY, _WATER = f"{_WIB}.2.1.1.1.1.1.1.1", f"{_WIB}.2.1.1.1.1.2.1.1", f"{_WIB}.2.1.1.1.2.1.1"
_FAN, _STATE = f"{_WIB}.2.1.1.2.4.1.1", f"{_WIB}.2.1.4.1.1.1"
_ERROR, _ALERT = f"{_WIB}.2.1.4.2.1.1.8", f"{_WIB}.2.1.4.4.1.1.1.1010"
_NAME = f"{_WIB}.1.1.6.1.1.393221"


def stulz_wib8000(plant: Plant, asset: str) -> Table:
    """The gateway's MIB."""
    names: Values = {at(_NAME, 1, unit): text(f"COOLING-{unit}".ljust(15)) for unit in _UNITS}
    waves = {unit: Wave(plant.seed, f"stulz {unit}") for unit in _UNITS}
    frozen: dict[int, Values] = {}

    def table() -> Values:
        values = {**system(plant, asset, _WIB, "Stulz GmbH Klimatechnik WIB 8000", "Cold water room"), **names}
        for unit in _UNITS:
            machine = plant.cooling[f"cooling-{unit}"]
            if machine.powered or unit not in frozen:
                frozen[unit] = _measurements(machine, unit, waves[unit].at(plant.time_s))
            values |= frozen[unit]
            values |= _states(machine, unit)
        return values

    return table


def _states(machine: CoolingUnit, unit: int) -> Values:
    bad = machine.failed or not machine.powered
    return {
        at(f"{_STATE}.10", 1, unit, 1): gauge(not machine.powered),
        at(f"{_STATE}.1013", 1, unit, 1): gauge(machine.powered and not machine.failed),
        at(_ERROR, 1, unit, 1): gauge(bad),
        at(_ALERT, 1, unit, 1): gauge(bad),
    }


def _measurements(machine: CoolingUnit, unit: int, wave: float) -> Values:
    """Tenths of degrees and per cent relative humidity; whole per cent of fans and valves; m3/h of water."""
    index = (1, unit, 1)
    humidity = 42 + 2 * wave
    flow_m3h = machine.water_l_per_min * 60 / 1000
    return {
        at(f"{_AIR}.1170", *index): integer(machine.return_c * 10),
        at(f"{_AIR}.1175", *index): integer(SETPOINT_C * 10),
        at(f"{_AIR}.1192", *index): integer((machine.return_c + 0.1 * wave) * 10),
        at(f"{_AIR}.1193", *index): integer((machine.supply_c + 0.1 * wave) * 10),
        at(f"{_HUMIDITY}.1171", *index): gauge(humidity * 10),
        at(f"{_HUMIDITY}.1178", *index): gauge(450),
        at(f"{_HUMIDITY}.1194", *index): gauge((humidity - 8) * 10),
        at(f"{_HUMIDITY}.1195", *index): gauge((humidity + 6) * 10),
        at(f"{_WATER}.1191", *index): integer(machine.water_in_c * 10),
        at(f"{_WATER}.1206", *index): integer(machine.water_out_c * 10),
        at(f"{_WATER}.1740", *index): integer(flow_m3h),
        at(f"{_WIB}.2.1.1.2.1.2.2.1.1.5214", *index): gauge(machine.output_share * 100),
        at(f"{_FAN}.6902", *index): gauge(machine.fan_share > 0.05),
        at(f"{_FAN}.6932", *index): gauge(machine.fan_percent),
    }
