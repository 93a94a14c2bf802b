"""What a scenario can do to the plant. Closed: the keys of ACTIONS are all there is."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dcmon.sim.plant import Plant


def _mains(plant: Plant, side: str, available: bool) -> None:
    plant.sides[side].mains.available = available


def _bad_starts(plant: Plant, side: str, attempts: int) -> None:
    """The next `attempts` cranks will not fire; a set locks out after four."""
    plant.sides[side].genset.bad_attempts = attempts


def _reset_genset(plant: Plant, side: str) -> None:
    """Somebody repairs the cause and resets the controller."""
    genset = plant.sides[side].genset
    genset.bad_attempts = 0
    genset.failed_to_start = False


def _age_battery(plant: Plant, side: str, share: float) -> None:
    plant.sides[side].ups.age(share)


def _extra_load(plant: Plant, side: str, watts: float) -> None:
    plant.sides[side].ups.extra_load_w = watts


def _load_bank(plant: Plant, side: str, on: bool, share: float = 1.0) -> None:
    """The monthly test: `share` of the nameplate on resistors, mains stay closed."""
    genset = plant.sides[side].genset
    genset.load_bank = on
    genset.bank_share = share


def _tank_level(plant: Plant, side: str, percent: float) -> None:
    tank = plant.sides[side].genset.tank
    tank.volume_l = tank.capacity_l * percent / 100


def _refuel(plant: Plant, side: str, litres_per_min: float, to_percent: float) -> None:
    """A tanker is connected and pumps until the level is reached."""
    tank = plant.sides[side].genset.tank
    tank.filling_l_per_min = litres_per_min
    tank.target_l = tank.capacity_l * to_percent / 100


def _cooling_unit(plant: Plant, unit: str, failed: bool) -> None:
    plant.cooling[unit].failed = failed


def _water(plant: Plant, unit: str, wet: bool) -> None:
    (plant.building.wet.add if wet else plant.building.wet.discard)(unit)


def _contact(plant: Plant, meaning: str, active: bool) -> None:
    (plant.building.active.add if active else plant.building.active.discard)(meaning)


def _uplink(plant: Plant, link: str, cut: bool) -> None:
    plant.uplinks[link].cut = cut


def _silence(plant: Plant, asset: str, silent: bool) -> None:
    (plant.silent.add if silent else plant.silent.discard)(asset)


def _storm(plant: Plant, asset: str, traps: int, per_second: float) -> None:
    plant.storms.append([asset, traps, per_second, 0.0])


ACTIONS: dict[str, Callable[..., Any]] = {
    "mains": _mains,
    "bad-starts": _bad_starts,
    "reset-genset": _reset_genset,
    "age-battery": _age_battery,
    "extra-load": _extra_load,
    "load-bank": _load_bank,
    "tank-level": _tank_level,
    "refuel": _refuel,
    "cooling-unit": _cooling_unit,
    "water": _water,
    "contact": _contact,
    "uplink": _uplink,
    "silence": _silence,
    "trap-storm": _storm,
}
