"""What dcmon reads from the plant, without sockets: for filling a year, a benchmark or a board.

Points and units are those of the vocabulary, assets and indices those that config/ and the shipped profiles give, so
that the series are the same ones. A mute or dead device says nothing but `device.reachable`.
"""

from __future__ import annotations

from collections.abc import Iterator

from dcmon.config.site import AssetKind
from dcmon.model import Reading, Value
from dcmon.sim.building import CONTACTS, LEAK_ZONES
from dcmon.sim.cooling import SETPOINT_C, CoolingUnit
from dcmon.sim.network import Uplink
from dcmon.sim.plant import Plant
from dcmon.sim.power import PHASES, Side, per_phase, phase_current
from dcmon.sim.ups import Source

Said = tuple[str, str, str | None, Value]
"""Asset, point, index, value."""

GENERATIONS, AGE_MS = 15, 34_200_000
"""Of the backups, at any time."""

_BGP_STATES = {1: "idle", 3: "active", 6: "established"}


def canonical_readings(plant: Plant) -> list[Reading]:
    """One reading of every point of every asset, stamped with the plant's present time."""
    now = plant.now_ms
    return [Reading(now, asset, point, index, value) for asset, point, index, value in _all(plant)]


def _all(plant: Plant) -> Iterator[Said]:
    for letter, side in plant.sides.items():
        yield from _reachable(plant, f"genset-{letter}")
        if plant.answers(f"genset-{letter}"):
            yield from _supply(letter, side, plant.time_s)
        yield from _reachable(plant, f"ups-{letter}")
        if plant.answers(f"ups-{letter}"):
            yield from _ups(f"ups-{letter}", side, plant.time_s)
        for name in side.pdus:
            yield from _reachable(plant, name)
            if plant.answers(name):
                yield from _pdu(name, side, plant.time_s)
    yield from _cooling(plant)
    yield from _building(plant)
    yield from _network(plant)
    yield from _services(plant)


def _reachable(plant: Plant, asset: str) -> Iterator[Said]:
    yield asset, "device.reachable", None, plant.answers(asset)


def _supply(letter: str, side: Side, time_s: float) -> Iterator[Said]:
    """What the generator's controller knows: engine, tank, mains route, breakers."""
    genset, mains, asset = side.genset, f"mains-{letter}", f"genset-{letter}"
    yield mains, "mains.available", None, side.mains.available
    yield mains, "mains.frequency", None, side.mains.frequency(time_s)
    yield f"tsw-{letter}", "breaker.mains_closed", None, side.on_mains
    yield f"tsw-{letter}", "breaker.generator_closed", None, side.on_generator
    yield f"tank-{letter}", "fuel.level", None, int(genset.tank.level)
    yield asset, "engine.running", None, genset.running
    yield asset, "engine.speed", None, round(genset.rpm)
    yield asset, "engine.coolant_temperature", None, round(genset.coolant_c)
    yield asset, "engine.oil_pressure", None, round(genset.oil_kpa)
    yield asset, "engine.run_time", None, genset.run_s / 3600
    yield asset, "engine.starts", None, genset.starts
    yield asset, "starter_battery.voltage", None, round(genset.starter_v, 1)
    yield asset, "charge_alternator.voltage", None, round(genset.charge_alternator_v, 1)
    yield asset, "generator.frequency", None, round(genset.frequency, 1)
    yield asset, "generator.power", None, round(genset.load_w)
    yield asset, "generator.load", None, round(genset.load_share * 100, 1)
    yield asset, "genset.mode", None, "test" if genset.load_bank else "auto"
    yield asset, "genset.alarm", None, genset.failed_to_start
    for phase in PHASES:
        yield mains, "mains.voltage", str(phase), round(side.mains.voltage(time_s, phase), 1)
        yield asset, "generator.voltage", str(phase), round(genset.voltage, 1)
        watts = per_phase(genset.load_w, phase)
        yield asset, "generator.current", str(phase), round(phase_current(watts * 3, genset.voltage), 1)


def _ups(asset: str, side: Side, time_s: float) -> Iterator[Said]:
    ups = side.ups
    yield asset, "ups.on_battery", None, ups.source is Source.BATTERY
    yield asset, "output.source", None, ups.source.value
    yield asset, "battery.status", None, "depleted" if ups.charge < 0.01 else "low" if ups.low_battery else "normal"
    yield asset, "battery.charge", None, int(ups.charge * 100)
    yield asset, "battery.runtime", None, ups.runtime_s // 60 * 60
    yield asset, "battery.time_on_battery", None, round(ups.on_battery_s)
    yield asset, "battery.voltage", None, round(ups.battery_v, 1)
    yield asset, "battery.temperature", None, round(ups.battery_c)
    if asset == "ups-b":  # UPS-MIB has no such object
        yield asset, "battery.replace", None, False
        yield asset, "input.frequency", None, round(side.supply_frequency(time_s), 1)
    yield asset, "output.frequency", None, round(side.output_frequency(time_s), 1)
    for phase in PHASES:
        index = str(phase)
        volts, watts = side.output_voltage(time_s, phase), per_phase(ups.load_w, phase)
        yield asset, "input.voltage", index, round(side.supply_voltage(time_s, phase))
        if asset == "ups-a":
            yield asset, "input.frequency", index, round(side.supply_frequency(time_s), 1)
        yield asset, "output.voltage", index, round(volts)
        yield asset, "output.current", index, round(phase_current(watts * 3, volts), 1)
        yield asset, "output.power", index, round(watts)
        yield asset, "output.load", index, round(watts / (ups.rated_w / 3) * 100)


def _pdu(asset: str, side: Side, time_s: float) -> Iterator[Said]:
    pdu = side.pdus[asset]
    yield asset, "pdu.power", None, round(pdu.load_w, -1)
    yield asset, "pdu.energy", "1", round(pdu.energy_wh, -2)
    yield asset, "outlets.on", None, 24
    yield asset, "outlets.total", None, 24
    for phase in PHASES:
        volts, watts = side.output_voltage(time_s, phase), per_phase(pdu.load_w, phase)
        yield asset, "input.voltage", str(phase), round(volts)
        yield asset, "phase.voltage", str(phase), round(volts)
        yield asset, "phase.power", str(phase), round(watts, -1)
        yield asset, "phase.current", str(phase), round(phase_current(watts * 3, volts), 1)


def _cooling(plant: Plant) -> Iterator[Said]:
    yield from _reachable(plant, "cooling-gw")
    for asset, unit in plant.cooling.items():
        behind_gateway = unit.position <= 8
        reachable = plant.answers("cooling-gw" if behind_gateway else asset)
        if not behind_gateway:
            reachable = reachable and unit.powered
            yield asset, "device.reachable", None, reachable
        if reachable:
            yield asset, "cooling.on", None, unit.powered and not unit.failed
            yield asset, "cooling.ok", None, unit.powered and not unit.failed
            yield asset, "cooling.setpoint", None, SETPOINT_C
            if unit.powered:  # the gateway goes on showing the last values of a unit that it has lost
                yield asset, "water.flow", None, round(unit.water_l_per_min, 1)
                yield from _air(asset, unit) if behind_gateway else _load(asset, unit)


def _air(asset: str, unit: CoolingUnit) -> Iterator[Said]:
    """What the Stulz gateway tells of its units."""
    yield asset, "supply_air.temperature", None, round(unit.supply_c, 1)
    yield asset, "return_air.temperature", None, round(unit.return_c, 1)
    yield asset, "water_in.temperature", None, round(unit.water_in_c, 1)
    yield asset, "water_out.temperature", None, round(unit.water_out_c, 1)
    yield asset, "fan.on", None, unit.fan_share > 0.05
    yield asset, "fan.speed", None, round(unit.fan_percent)


def _load(asset: str, unit: CoolingUnit) -> Iterator[Said]:
    """What the Liebert units tell."""
    yield asset, "cooling.output", None, round(unit.output_w, -2)
    yield asset, "cooling.capacity_used", None, round(unit.output_share * 100)


def _building(plant: Plant) -> Iterator[Said]:
    for unit, contacts in CONTACTS.items():
        yield from _reachable(plant, unit)
        if not plant.answers(unit):
            continue
        for probe, value in plant.building.probes(unit, plant.hall.temperature_c, plant.time_s):
            yield unit, "temperature" if probe.unit == "C" else "humidity", probe.name, round(value, 1)
        for contact in contacts:
            yield contact.asset, contact.point, contact.index, contact.meaning in plant.building.active
    for leak, zone in LEAK_ZONES.items():
        yield from _reachable(plant, leak)
        if plant.answers(leak):
            yield leak, "water.detected", zone, leak in plant.building.wet


def _network(plant: Plant) -> Iterator[Said]:
    for name, router in plant.routers.items():
        yield from _reachable(plant, name)
        if plant.answers(name):
            yield name, "device.uptime", None, plant.uptime_s(name)
            for link in router.uplinks:
                yield from _link(link)


def _link(link: Uplink) -> Iterator[Said]:
    asset, port = link.id, link.if_name
    yield asset, "if.admin", port, "up"
    yield asset, "if.oper", port, "up" if link.up else "down"
    yield asset, "if.speed", port, link.speed_bps
    yield asset, "if.in_octets", port, link.in_octets
    yield asset, "if.out_octets", port, link.out_octets
    yield asset, "if.in_rate", port, round(link.in_bps)
    yield asset, "if.out_rate", port, round(link.out_bps)
    yield asset, "if.in_errors", port, link.in_errors
    yield asset, "bgp.state", link.peer, _BGP_STATES[link.bgp_state]
    yield asset, "bgp.transitions", link.peer, link.bgp_transitions


def _services(plant: Plant) -> Iterator[Said]:
    """Services are well and backups fresh, whatever happens to the building."""
    for asset, kind in plant.services.items():
        yield from _reachable(plant, asset)
        if not plant.answers(asset):
            continue
        if kind is AssetKind.SERVICE:
            yield asset, "service.ok", None, True
            yield asset, "service.latency", None, 0.012
        else:
            yield asset, "backup.ok", None, True
            yield asset, "backup.generations", None, GENERATIONS
            yield asset, "backup.age", None, AGE_MS / 3_600_000
