"""One side of the power chain: mains route, generator, transfer switch, UPS and its PDUs, stepped in that order."""

from __future__ import annotations

from dataclasses import dataclass, field

from dcmon.sim.genset import RATED_PHASE_V, Genset, Phase
from dcmon.sim.ups import Position, Source, TransferSwitch, Ups
from dcmon.sim.waves import Wave

SQRT3 = 3**0.5
POWER_FACTOR = 0.95
PHASES = (1, 2, 3)


@dataclass(slots=True)
class Mains:
    """One route from its substation."""

    wave: Wave
    available: bool = True

    def voltage(self, time_s: float, phase: int) -> float:
        """Phase to neutral; the phases differ a little, as they do."""
        return 231.0 + 0.6 * (phase - 2) + 2.0 * self.wave.at(time_s + 40 * phase) if self.available else 0.0

    def frequency(self, time_s: float) -> float:
        return 50.0 + 0.02 * self.wave.at(time_s * 3) if self.available else 0.0


@dataclass(slots=True)
class Pdu:
    """A three-phase rack PDU. Energy is its own meter."""

    rated_w: float
    powered: bool = True
    load_w: float = 0.0
    peak_w: float = 0.0
    energy_wh: float = 8_431_000.0

    def step(self, dt_s: float, powered: bool, load_w: float) -> None:
        self.powered = powered
        self.load_w = load_w if powered else 0.0
        self.peak_w = max(self.peak_w, self.load_w)
        self.energy_wh += self.load_w * dt_s / 3600


@dataclass(slots=True)
class Side:
    """A or B. `building_w` is what else hangs on the transfer switch: light, pumps, offices."""

    mains: Mains
    genset: Genset
    switch: TransferSwitch
    ups: Ups
    pdus: dict[str, Pdu]
    building_w: float = 25_000.0
    energised: bool = True
    switch_load_w: float = field(default=0.0)

    @property
    def settled(self) -> bool:
        return (
            self.mains.available
            and self.genset.settled
            and not self.genset.load_bank
            and self.switch.settled
            and self.ups.settled
        )

    @property
    def on_generator(self) -> bool:
        return self.switch.position is Position.GENERATOR and self.genset.ready

    @property
    def on_mains(self) -> bool:
        return self.switch.position is Position.MAINS and self.mains.available

    def step_supply(self, dt_s: float, cooling_w: float) -> None:
        """Generator and transfer switch against the load that the last step drew."""
        load_w = self.switch_load_w if self.switch.position is Position.GENERATOR else 0.0
        if self.genset.load_bank and self.genset.phase is Phase.RUNNING:
            load_w = self.genset.rated_w * self.genset.bank_share
        self.genset.step(dt_s, self.switch.wants_generator(self.mains.available), load_w)
        self.switch.step(dt_s, self.mains.available, self.genset)
        self.energised = self.switch.energised(self.mains.available, self.genset)
        self.switch_load_w = self.ups.input_w + cooling_w + self.building_w if self.energised else 0.0

    def supply_voltage(self, time_s: float, phase: int) -> float:
        """What arrives behind the transfer switch."""
        if self.on_mains:
            return self.mains.voltage(time_s, phase)
        return self.genset.voltage if self.on_generator else 0.0

    def supply_frequency(self, time_s: float) -> float:
        if self.on_mains:
            return self.mains.frequency(time_s)
        return self.genset.frequency if self.on_generator else 0.0

    def output_voltage(self, time_s: float, phase: int) -> float:
        """At the racks: the inverter's own, or the supply's while on bypass."""
        if self.ups.source is Source.NONE:
            return 0.0
        if self.ups.source is Source.BYPASS:
            return self.supply_voltage(time_s, phase)
        return RATED_PHASE_V + 0.3 * self.mains.wave.at(time_s + 11 * phase)

    def output_frequency(self, time_s: float) -> float:
        if self.ups.source is Source.NONE:
            return 0.0
        supply = self.supply_frequency(time_s)
        return supply if self.ups.source is not Source.BATTERY and 49.0 < supply < 51.0 else 50.0


def phase_current(power_w: float, voltage: float) -> float:
    """A, per phase, of a balanced three-phase load of `power_w`."""
    return power_w / 3 / POWER_FACTOR / voltage if voltage > 1 else 0.0


def per_phase(power_w: float, phase: int) -> float:
    """W on one phase: racks are never spread evenly (34, 33 and 33 per cent)."""
    return power_w * (0.34 if phase == 1 else 0.33)
