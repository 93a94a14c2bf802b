"""A Liebert PeX behind an IntelliSlot Unity card: Modbus input registers, wire address = register number - 30001.

Four units stand behind one TCP gateway. An undefined register answers with exception 2 when a read starts there and
with 0 when it lies inside a block; a unit without power does not answer its gateway, which says so (exception 11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmon.sim.cooling import SETPOINT_C, CoolingUnit
from dcmon.sim.devices.registers import (
    GATEWAY_NO_RESPONSE,
    ILLEGAL_ADDRESS,
    ILLEGAL_FUNCTION,
    INPUT,
    Answer,
    Read,
    Registers,
)

if TYPE_CHECKING:
    from dcmon.sim.plant import Plant

_NORMAL, _STARTUP, _WITH_ALARM = 1, 2, 16


def liebert_pex(plant: Plant, asset: str) -> Read:
    """One unit of the gateway."""
    machine = plant.cooling[asset]

    def read(function: int, address: int, count: int) -> Answer:
        if not machine.powered:
            return GATEWAY_NO_RESPONSE
        if function != INPUT:
            return ILLEGAL_FUNCTION
        registers = _registers(machine)
        if address not in registers:
            return ILLEGAL_ADDRESS
        return [registers.get(number, 0) for number in range(address, address + count)]

    return read


def _registers(machine: CoolingUnit) -> Registers:
    """Addresses on the wire. Compressors stand: it is a chilled-water unit."""
    registers = Registers()
    status = _WITH_ALARM if machine.failed else _NORMAL if machine.running else _STARTUP
    registers.word(99, 0 if machine.failed else 1)
    registers.word(101, status)
    registers.word(262, SETPOINT_C)
    registers.word(268, 0)
    registers.word(269, 0)
    registers.word(280, 2 if machine.failed else 6)
    registers.word(554, machine.supply_c * 10)
    registers.word(563, machine.output_share * 100)
    registers.word(564, machine.return_c * 10)
    registers.double(907, machine.water_l_per_min * 10)
    registers.double(1000, machine.output_w / 1000 * 10)
    return registers
