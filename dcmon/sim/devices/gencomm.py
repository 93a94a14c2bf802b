"""A Deep Sea Electronics 7320 MkII with a DSE 855 Ethernet adapter: GenComm over Modbus TCP.

A register is page * 256 + offset. Inside a page that the model has, an instrument that it lacks reads as the sentinel
0xFFFF (0x7FFF where it is signed); a page that it lacks answers with exception 2. Pages 3 to 8 and 154, from the
register lists named in docs/simulator.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmon.sim.devices.registers import HOLDING, ILLEGAL_ADDRESS, ILLEGAL_FUNCTION, Answer, Read, Registers
from dcmon.sim.genset import Genset
from dcmon.sim.power import PHASES, SQRT3, Side, per_phase, phase_current

if TYPE_CHECKING:
    from dcmon.sim.plant import Plant

_MANUFACTURER_DSE, _MODEL_7320 = 1, 32841
_MODE_AUTO, _MODE_TEST_OFF_LOAD = 1, 6
_UNIMPLEMENTED, _UNIMPLEMENTED_SIGNED = 0xFFFF, 0x7FFF
_PAGES = frozenset((3, 4, 5, 6, 7, 8, 154))
_CONTROL, _BASIC, _EXTENDED, _DERIVED, _TOTALS, _OLD_ALARMS, _ALARMS = (page * 256 for page in (3, 4, 5, 6, 7, 8, 154))
_QUIET, _WARNING, _SHUTDOWN = 1, 2, 3
_INACTIVE_INDICATION, _ACTIVE_INDICATION = 8, 10
"""A lost mains route is what the set is there for: shown, but no alarm of the controller."""
_NO_ALARM = 0x1111


def dse_gencomm(plant: Plant, asset: str) -> Read:
    """The controller of one generator set; it also measures its mains route."""
    side = plant.side_of(asset)
    serial = 0x1A2B0000 + ord(asset[-1])
    cached: tuple[int, Registers] = (-1, Registers())

    def read(function: int, address: int, count: int) -> Answer:
        nonlocal cached
        if function != HOLDING:
            return ILLEGAL_FUNCTION
        if not {address >> 8, (address + count - 1) >> 8} <= _PAGES:
            return ILLEGAL_ADDRESS
        if cached[0] != plant.now_ms:
            cached = (plant.now_ms, _registers(side, plant.time_s, serial))
        registers = cached[1]
        return [registers.get(number, _UNIMPLEMENTED) for number in range(address, address + count)]

    return read


def _registers(side: Side, time_s: float, serial: int) -> Registers:
    registers = Registers()
    genset = side.genset
    registers.word(_CONTROL, _MANUFACTURER_DSE)
    registers.word(_CONTROL + 1, _MODEL_7320)
    registers.double(_CONTROL + 2, serial)
    registers.word(_CONTROL + 4, _MODE_TEST_OFF_LOAD if genset.load_bank else _MODE_AUTO)
    _engine(registers, genset)
    _generator(registers, genset)
    _mains(registers, side, time_s)
    _alarms(registers, side)
    return registers


def _engine(registers: Registers, genset: Genset) -> None:
    registers.word(_BASIC + 0, genset.oil_kpa)
    registers.word(_BASIC + 1, genset.coolant_c)
    registers.word(_BASIC + 2, _UNIMPLEMENTED_SIGNED)
    registers.word(_BASIC + 3, int(genset.tank.level))
    registers.word(_BASIC + 4, genset.charge_alternator_v * 10)
    registers.word(_BASIC + 5, genset.starter_v * 10)
    registers.word(_BASIC + 6, genset.rpm)
    registers.double(_EXTENDED + 10, genset.fuel_l_per_h * 100)
    registers.word(_EXTENDED + 128, genset.phase)
    registers.double(_TOTALS + 6, genset.run_s)
    registers.double(_TOTALS + 8, genset.energy_kwh * 10)
    registers.double(_TOTALS + 16, genset.starts)


def _generator(registers: Registers, genset: Genset) -> None:
    volts = genset.voltage
    registers.word(_BASIC + 7, genset.frequency * 10)
    for phase in PHASES:
        watts = per_phase(genset.load_w, phase)
        registers.double(_BASIC + 6 + 2 * phase, volts * 10)
        registers.double(_BASIC + 12 + 2 * phase, volts * SQRT3 * 10)
        registers.double(_BASIC + 18 + 2 * phase, phase_current(watts * 3, volts) * 10)
        registers.double(_BASIC + 26 + 2 * phase, watts)
    registers.word(_BASIC + 34, _UNIMPLEMENTED_SIGNED)
    registers.double(_DERIVED + 0, genset.load_w)
    registers.word(_DERIVED + 22, genset.load_share * 1000)


def _mains(registers: Registers, side: Side, time_s: float) -> None:
    """Voltages of the route, and current and power of the load while it hangs on the mains."""
    load_w = side.switch_load_w if side.on_mains else 0.0
    registers.word(_BASIC + 35, side.mains.frequency(time_s) * 10)
    for phase in PHASES:
        volts, watts = side.mains.voltage(time_s, phase), per_phase(load_w, phase)
        registers.double(_BASIC + 34 + 2 * phase, volts * 10)
        registers.double(_BASIC + 40 + 2 * phase, volts * SQRT3 * 10)
        registers.double(_BASIC + 50 + 2 * phase, phase_current(watts * 3, volts) * 10)
        registers.double(_BASIC + 58 + 2 * phase, watts)
    registers.word(_BASIC + 48, _UNIMPLEMENTED_SIGNED)
    registers.word(_BASIC + 51, _UNIMPLEMENTED_SIGNED)
    registers.double(_DERIVED + 24, load_w)


def _alarms(registers: Registers, side: Side) -> None:
    """Four alarms to a register, the first in the highest nibble: page 154 (named) and page 8 (the old list)."""
    genset = side.genset
    fail_to_start = _SHUTDOWN if genset.failed_to_start else _QUIET
    low_fuel = _WARNING if genset.tank.level < 25 else _QUIET
    overload = _WARNING if genset.load_share > 1.05 else _QUIET
    registers.word(_ALARMS, 80)
    registers.word(_OLD_ALARMS, 100)
    for page in (_ALARMS, _OLD_ALARMS):
        for offset in range(1, 10):
            registers.word(page + offset, _NO_ALARM)
        registers.word(page + 4, 0x1011 | fail_to_start << 8)
        registers.word(page + 6, 0x1101 | low_fuel << 4)
    registers.word(_ALARMS + 8, 0x1101 | overload << 4)
    mains_failed = _INACTIVE_INDICATION if side.mains.available else _ACTIVE_INDICATION
    registers.word(_OLD_ALARMS + 10, 0x1101 | mains_failed << 4)
