"""An APC UPS with a network management card: PowerNet-MIB, enterprises.318.1.1.1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmon.sim.devices.mib import Table, Values, at, gauge, integer, system, text, ticks
from dcmon.sim.power import PHASES, Side, per_phase, phase_current
from dcmon.sim.ups import Source

if TYPE_CHECKING:
    from dcmon.sim.plant import Plant

_UPS = "1.3.6.1.4.1.318.1.1.1"
_SYS_OBJECT_ID = "1.3.6.1.4.1.318.1.3.13.3"
_DESCR = (
    "APC Web/SNMP Management Card (MB:v4.1.0 PF:v6.9.6 PN:apc_hw05_aos_696.bin AF1:v6.9.6 AN1:apc_hw05_sy3p_696.bin"
    " MN:AP9635 HR:05 SN: SIM0000B MD:01/01/2024)"
)
_STATUS = {Source.INVERTER: 2, Source.BATTERY: 3, Source.NONE: 7, Source.BYPASS: 16}
"""upsBasicOutputStatus: onLine, onBattery, off, emergencyStaticBypass."""


def powernet_ups(plant: Plant, asset: str) -> Table:
    """The card's MIB: the single-phase scalars that every card has, and the tables of the phases."""
    side = plant.side_of(asset)
    ident: Values = {
        at(f"{_UPS}.1.1.1"): text("Symmetra PX 800"),
        at(f"{_UPS}.1.1.2"): text(asset.upper()),
        at(f"{_UPS}.1.2.1"): text("UPS 12.4"),
        at(f"{_UPS}.1.2.2"): text("01/01/2024"),
        at(f"{_UPS}.1.2.3"): text("SIM0000B"),
    }

    def table() -> Values:
        return {
            **system(plant, asset, _SYS_OBJECT_ID, _DESCR, "UPS room east"),
            **ident,
            **_battery(side),
            **_scalars(side, plant.time_s),
            **_phases(side, plant.time_s),
        }

    return table


def _battery(side: Side) -> Values:
    ups = side.ups
    return {
        at(f"{_UPS}.2.1.1"): integer(3 if ups.low_battery else 2),
        at(f"{_UPS}.2.1.2"): ticks(ups.on_battery_s),
        at(f"{_UPS}.2.1.3"): text("01/01/2024"),
        at(f"{_UPS}.2.2.1"): gauge(int(ups.charge * 100)),
        at(f"{_UPS}.2.2.2"): gauge(ups.battery_c),
        at(f"{_UPS}.2.2.3"): ticks(ups.runtime_s),
        at(f"{_UPS}.2.2.4"): integer(1),
        at(f"{_UPS}.2.2.5"): integer(16),
        at(f"{_UPS}.2.2.6"): integer(0),
        at(f"{_UPS}.2.2.7"): integer(480),
        at(f"{_UPS}.2.2.8"): integer(ups.battery_v),
        at(f"{_UPS}.2.3.1"): gauge(ups.charge * 1000),
        at(f"{_UPS}.2.3.2"): gauge(ups.battery_c * 10),
        at(f"{_UPS}.2.3.3"): integer(4800),
        at(f"{_UPS}.2.3.4"): integer(ups.battery_v * 10),
    }


def _scalars(side: Side, time_s: float) -> Values:
    ups = side.ups
    volts_in, volts_out = side.supply_voltage(time_s, 1), side.output_voltage(time_s, 1)
    amps = phase_current(ups.load_w, volts_out)
    hertz_in, hertz_out = side.supply_frequency(time_s), side.output_frequency(time_s)
    return {
        at(f"{_UPS}.3.1.1"): integer(3),
        at(f"{_UPS}.3.2.1"): gauge(volts_in),
        at(f"{_UPS}.3.2.4"): gauge(hertz_in),
        at(f"{_UPS}.3.2.5"): integer(9 if ups.input_ok else 4),
        at(f"{_UPS}.3.3.1"): gauge(volts_in * 10),
        at(f"{_UPS}.3.3.4"): gauge(hertz_in * 10),
        at(f"{_UPS}.4.1.1"): integer(_STATUS[ups.source]),
        at(f"{_UPS}.4.1.2"): integer(3),
        at(f"{_UPS}.4.2.1"): gauge(volts_out),
        at(f"{_UPS}.4.2.2"): gauge(hertz_out),
        at(f"{_UPS}.4.2.3"): gauge(ups.load_share * 100),
        at(f"{_UPS}.4.2.4"): gauge(amps),
        at(f"{_UPS}.4.3.1"): gauge(volts_out * 10),
        at(f"{_UPS}.4.3.2"): gauge(hertz_out * 10),
        at(f"{_UPS}.4.3.3"): gauge(ups.load_share * 1000),
        at(f"{_UPS}.4.3.4"): gauge(amps * 10),
        at(f"{_UPS}.11.1.1"): text(_flags(side)),
    }


def _flags(side: Side) -> str:
    """upsBasicStateOutputState: 64 characters, the n-th is flag n of the MIB's list."""
    ups = side.ups
    true = {
        1: ups.source is not Source.INVERTER or ups.overloaded or ups.low_battery,
        2: ups.source is Source.BATTERY,
        3: ups.low_battery,
        4: ups.source is Source.INVERTER,
        9: ups.overloaded,
        19: ups.output_ok,
    }
    return "".join("1" if true.get(number) else "0" for number in range(1, 65))


def _phases(side: Side, time_s: float) -> Values:
    """upsPhaseInputPhaseTable and upsPhaseOutputPhaseTable; cards index them table.input.phase."""
    ups = side.ups
    values: Values = {
        at(f"{_UPS}.9.2.2.1.4", 1): integer(side.supply_frequency(time_s) * 10),
        at(f"{_UPS}.9.3.2.1.4", 1): integer(side.output_frequency(time_s) * 10),
    }
    for phase in PHASES:
        volts_in, volts_out = side.supply_voltage(time_s, phase), side.output_voltage(time_s, phase)
        watts_in, watts_out = per_phase(ups.input_w, phase), per_phase(ups.load_w, phase)
        index = (1, 1, phase)
        values[at(f"{_UPS}.9.2.3.1.3", *index)] = integer(volts_in)
        values[at(f"{_UPS}.9.2.3.1.6", *index)] = integer(phase_current(watts_in * 3, volts_in) * 10)
        values[at(f"{_UPS}.9.3.3.1.3", *index)] = integer(volts_out)
        values[at(f"{_UPS}.9.3.3.1.4", *index)] = integer(phase_current(watts_out * 3, volts_out) * 10)
        values[at(f"{_UPS}.9.3.3.1.7", *index)] = integer(watts_out / 0.95)
        values[at(f"{_UPS}.9.3.3.1.10", *index)] = integer(watts_out / (ups.rated_w / 3) * 100)
        values[at(f"{_UPS}.9.3.3.1.13", *index)] = integer(watts_out)
    return values
