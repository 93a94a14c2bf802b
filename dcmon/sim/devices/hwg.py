"""HW group: Poseidon environment units (enterprises.21796.3.3) and the WLD leak detector (21796.4.5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmon.sim.building import CONTACTS, LEAK_ZONES
from dcmon.sim.devices.mib import Table, Values, at, integer, system, text

if TYPE_CHECKING:
    from dcmon.sim.plant import Plant

_POSEIDON = "1.3.6.1.4.1.21796.3.3"
_INPUT, _SENSOR = f"{_POSEIDON}.1.1", f"{_POSEIDON}.3.1"
_WLD = "1.3.6.1.4.1.21796.4.5.4.1"
_UNIT_CODES = {"C": 0, "%RH": 3}


def poseidon(plant: Plant, asset: str) -> Table:
    """An environment unit: dry contacts (0 open, 1 closed) and probes whose value stands as text and in tenths."""
    contacts = CONTACTS[asset]
    fixed: Values = {}
    for contact in contacts:
        fixed[at(f"{_INPUT}.3", contact.number)] = text(contact.label)
        fixed[at(f"{_INPUT}.4", contact.number)] = integer(0)
        fixed[at(f"{_INPUT}.5", contact.number)] = integer(0)

    def table() -> Values:
        values = {
            **system(plant, asset, _POSEIDON, "Poseidon 4002 SNMP Supervisor v3.1.6", "Hall, cold aisle"),
            **fixed,
        }
        for contact in contacts:
            values[at(f"{_INPUT}.2", contact.number)] = integer(plant.building.closed(contact))
        air = plant.building.probes(asset, plant.hall.temperature_c, plant.time_s)
        for row, (probe, value) in enumerate(air, start=1):
            values |= _probe(row, probe.name, probe.unit, value)
        return values

    return table


def _probe(row: int, name: str, unit: str, value: float) -> Values:
    return {
        at(f"{_SENSOR}.2", row): text(name),
        at(f"{_SENSOR}.4", row): integer(1),
        at(f"{_SENSOR}.5", row): text(f"{value:.1f} {unit}"),
        at(f"{_SENSOR}.6", row): integer(value * 10),
        at(f"{_SENSOR}.8", row): integer(4000 + row),
        at(f"{_SENSOR}.9", row): integer(_UNIT_CODES[unit]),
        at(f"{_SENSOR}.10", row): text(unit),
    }


def water_leak_detector(plant: Plant, asset: str) -> Table:
    """One sensing cable. State: 1 normal, 3 alarm; detail: 0 dry, 1 flooded."""

    def table() -> Values:
        wet = asset in plant.building.wet
        return {
            **system(plant, asset, "1.3.6.1.4.1.21796.4.1", "HWg-WLD", LEAK_ZONES[asset]),
            at(f"{_WLD}.1", 1): integer(1),
            at(f"{_WLD}.2", 1): text(LEAK_ZONES[asset]),
            at(f"{_WLD}.3", 1): integer(3 if wet else 1),
            at(f"{_WLD}.4", 1): text("27C0A91E0259SIM1"),
            at(f"{_WLD}.5", 1): integer(215),
            at(f"{_WLD}.6", 1): integer(1 if wet else 0),
        }

    return table
