"""An APC rack PDU of the second generation: PowerNet-MIB rPDU2 (318.1.1.26), and the older rPDU (318.1.1.12) beside it.

The two disagree on purpose, as in the field: an outlet that is on reads 2 in rPDU2 and 1 in rPDU.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmon.sim.devices.mib import Table, Values, at, gauge, integer, system, text
from dcmon.sim.power import PHASES, POWER_FACTOR, Pdu, Side, per_phase, phase_current

if TYPE_CHECKING:
    from dcmon.sim.plant import Plant

_OLD = "1.3.6.1.4.1.318.1.1.12"
_NEW = "1.3.6.1.4.1.318.1.1.26"
_SYS_OBJECT_ID = "1.3.6.1.4.1.318.1.3.4.6"
_DESCR = (
    "APC Web/SNMP Management Card (MB:v4.1.0 PF:v6.8.2 PN:apc_hw05_aos_682.bin AF1:v6.8.0 AN1:apc_hw05_rpdu2g_680.bin"
    " MN:AP8981 HR:02 SN: SIM{asset} MD:01/01/2024)"
)
_OUTLETS = 24
_BANKS = 6


def apc_rpdu(plant: Plant, asset: str) -> Table:
    """The PDU's MIB: three phases of 32 A, two banks to a phase, 24 switched outlets that are all on."""
    side = plant.side_of(asset)
    pdu = side.pdus[asset]
    descr = _DESCR.format(asset=asset.upper())
    fixed = _identity(asset) | _outlets()

    def table() -> Values:
        return {
            **system(plant, asset, _SYS_OBJECT_ID, descr, "Hall"),
            **fixed,
            **_device(asset, pdu),
            **_phases(side, pdu, plant.time_s),
            **_banks(side, pdu, plant.time_s),
        }

    return table


def _identity(asset: str) -> Values:
    return {
        at(f"{_OLD}.1.1"): text(asset),
        at(f"{_OLD}.1.5"): text("AP8981"),
        at(f"{_OLD}.1.8"): integer(_OUTLETS),
        at(f"{_OLD}.2.1.4"): integer(3),
        at(f"{_NEW}.2.1.3", 1): text(asset),
        at(f"{_NEW}.2.1.8", 1): text("AP8981"),
        at(f"{_NEW}.4.1"): integer(1),
    }


def _outlets() -> Values:
    values: Values = {}
    for number in range(1, _OUTLETS + 1):
        values[at(f"{_OLD}.3.5.1.1.1", number)] = integer(number)
        values[at(f"{_OLD}.3.5.1.1.2", number)] = text(f"Outlet {number}")
        values[at(f"{_OLD}.3.5.1.1.4", number)] = integer(1)
        values[at(f"{_NEW}.9.2.3.1.1", number)] = integer(number)
        values[at(f"{_NEW}.9.2.3.1.2", number)] = integer(1)
        values[at(f"{_NEW}.9.2.3.1.3", number)] = text(f"Outlet {number}")
        values[at(f"{_NEW}.9.2.3.1.4", number)] = integer(number)
        values[at(f"{_NEW}.9.2.3.1.5", number)] = integer(2)
        values[at(f"{_NEW}.9.2.3.1.6", number)] = integer(2)
    return values


def _device(asset: str, pdu: Pdu) -> Values:
    """rPDU2DeviceStatusTable: hundredths of a kW, tenths of a kWh."""
    row = f"{_NEW}.4.3.1"
    return {
        at(f"{row}.1", 1): integer(1),
        at(f"{row}.2", 1): integer(1),
        at(f"{row}.3", 1): text(asset),
        at(f"{row}.4", 1): integer(4 if pdu.load_w > 0.9 * pdu.rated_w else 2),
        at(f"{row}.5", 1): integer(pdu.load_w / 10),
        at(f"{row}.6", 1): integer(pdu.peak_w / 10),
        at(f"{row}.9", 1): integer(pdu.energy_wh / 100),
        at(f"{row}.12", 1): integer(1),
        at(f"{row}.13", 1): integer(1),
        at(f"{row}.16", 1): integer(pdu.load_w / POWER_FACTOR / 10),
        at(f"{row}.17", 1): integer(POWER_FACTOR * 100),
    }


def _phases(side: Side, pdu: Pdu, time_s: float) -> Values:
    """rPDU2PhaseStatusTable and the phases among the rows of rPDULoadStatusTable."""
    values: Values = {}
    row, old = f"{_NEW}.6.3.1", f"{_OLD}.2.3.1.1"
    for phase in PHASES:
        volts, watts = side.output_voltage(time_s, phase), per_phase(pdu.load_w, phase)
        tenths_a = phase_current(watts * 3, volts) * 10
        values[at(f"{row}.1", phase)] = integer(phase)
        values[at(f"{row}.2", phase)] = integer(1)
        values[at(f"{row}.3", phase)] = integer(phase)
        values[at(f"{row}.4", phase)] = integer(4 if tenths_a > 280 else 2)
        values[at(f"{row}.5", phase)] = integer(tenths_a)
        values[at(f"{row}.6", phase)] = integer(volts)
        values[at(f"{row}.7", phase)] = integer(watts / 10)
        values[at(f"{row}.8", phase)] = integer(watts / POWER_FACTOR / 10)
        values[at(f"{row}.9", phase)] = integer(POWER_FACTOR * 100)
        values[at(f"{old}.1", phase)] = integer(phase)
        values[at(f"{old}.2", phase)] = gauge(tenths_a)
        values[at(f"{old}.3", phase)] = integer(1)
        values[at(f"{old}.4", phase)] = integer(phase)
        values[at(f"{old}.5", phase)] = integer(0)
    return values


def _banks(side: Side, pdu: Pdu, time_s: float) -> Values:
    """Each phase feeds two banks, 60 and 40 per cent of it."""
    values: Values = {}
    row, old = f"{_NEW}.8.3.1", f"{_OLD}.2.3.1.1"
    for bank in range(1, _BANKS + 1):
        phase = (bank + 1) // 2
        watts = per_phase(pdu.load_w, phase) * (0.6 if bank % 2 else 0.4)
        tenths_a = phase_current(watts * 3, side.output_voltage(time_s, phase)) * 10
        values[at(f"{row}.1", bank)] = integer(bank)
        values[at(f"{row}.2", bank)] = integer(1)
        values[at(f"{row}.3", bank)] = integer(bank)
        values[at(f"{row}.4", bank)] = integer(2)
        values[at(f"{row}.5", bank)] = integer(tenths_a)
        values[at(f"{old}.1", 3 + bank)] = integer(3 + bank)
        values[at(f"{old}.2", 3 + bank)] = gauge(tenths_a)
        values[at(f"{old}.3", 3 + bank)] = integer(1)
        values[at(f"{old}.4", 3 + bank)] = integer(phase)
        values[at(f"{old}.5", 3 + bank)] = integer(bank)
    return values
