"""What Modbus devices are written with: blocks of 16-bit registers and the exceptions that answer a bad read."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from dcmon.sim.plant import Plant

ILLEGAL_FUNCTION = 1
ILLEGAL_ADDRESS = 2
ILLEGAL_VALUE = 3
GATEWAY_NO_RESPONSE = 11
"""Exception codes of the Modbus application protocol, section 7."""

HOLDING, INPUT = 3, 4
"""Function codes that read registers."""

Answer: TypeAlias = list[int] | int
"""The registers that were asked for, or an exception code."""
Read: TypeAlias = Callable[[int, int, int], Answer]
"""(function, address as on the wire, count) -> Answer."""
ModbusDevice: TypeAlias = "Callable[[Plant, str], Read]"


class Registers(dict[int, int]):
    """Registers by address; 32-bit values take two, the high word first."""

    def word(self, address: int, value: float) -> None:
        """16 bits, signed or unsigned."""
        self[address] = round(value) & 0xFFFF

    def double(self, address: int, value: float) -> None:
        """32 bits, signed or unsigned."""
        bits = round(value) & 0xFFFFFFFF
        self[address] = bits >> 16
        self[address + 1] = bits & 0xFFFF
