"""Recordings of Modbus units: YAML with ranges of registers and bits, and what the unit refuses.

A read of something that is neither recorded nor refused is answered as a device answers that lacks it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, model_validator

from dcmon.collectors.decode_modbus import Address
from dcmon.collectors.modbus.frames import EXCEPTIONS
from dcmon.config.base import Identifier, Strict
from dcmon.config.parsing import parse
from dcmon.config.yamlfile import read_yaml
from dcmon.model import CollectError

_HEAD: Final = """\
# What one Modbus unit answered. function: 1 coils, 2 discrete inputs, 3 holding registers, 4 input registers;
# address: as on the wire. What stands nowhere is answered with illegal_address.
"""
_PER_LINE: Final = 16
_WORDS: Final = frozenset(EXCEPTIONS.values())

Function = Annotated[int, Field(ge=1, le=4)]
WireAddress = Annotated[int, Field(ge=0, le=65535)]


class Span(Strict):
    """Registers (0 to 65535) or bits (0 or 1) that follow each other."""

    function: Function
    address: WireAddress
    values: Annotated[tuple[Annotated[int, Field(ge=0, le=65535)], ...], Field(min_length=1)]


class Refusal(Strict):
    """Addresses that the unit answers with an exception."""

    function: Function
    address: WireAddress
    count: Annotated[int, Field(ge=1, le=65536)] = 1
    exception: str

    @model_validator(mode="after")
    def _known(self) -> Refusal:
        if self.exception not in _WORDS:
            raise ValueError(f"{self.exception!r} is no Modbus exception; there are {', '.join(sorted(_WORDS))}")
        return self


class RegisterRecording(Strict):
    """One recording file."""

    protocol: Literal["modbus"] = "modbus"
    profile: Identifier | None = Field(default=None, description="what it was recorded as")
    registers: tuple[Span, ...] = ()
    refused: tuple[Refusal, ...] = ()


class RecordedRegisters:
    """Answers from a recording as the unit did. Implements ModbusReader."""

    def __init__(self, values: Mapping[Address, int], refused: Mapping[Address, str]) -> None:
        self.values = values
        self.refused = refused
        """(function, address) -> name of the exception."""

    @classmethod
    def of(cls, recording: RegisterRecording) -> RecordedRegisters:
        """From a file; what stands twice counts as it stands last."""
        values = {
            (span.function, span.address + offset): value
            for span in recording.registers
            for offset, value in enumerate(span.values)
        }
        refused = {
            (refusal.function, refusal.address + offset): refusal.exception
            for refusal in recording.refused
            for offset in range(refusal.count)
        }
        return cls(values, refused)

    async def read(self, function: int, address: int, count: int) -> list[int]:
        """As ModbusReader.read."""
        found: list[int] = []
        for number in range(address, address + count):
            value = self.values.get((function, number))
            if value is None:
                word = self.refused.get((function, number), "illegal_address")
                raise CollectError("exception", f"{word} for function {function}, {address}+{count}")
            found.append(value)
        return found


def read_registers(path: Path) -> RegisterRecording:
    """A recording file. ConfigError with file, line and reason when it is none."""
    return parse(RegisterRecording, read_yaml(path))


def format_registers(values: Mapping[Address, int], refused: Mapping[Address, str], profile: str | None) -> str:
    """The text of a recording file: ranges in the order of functions and addresses."""
    lines = [_HEAD + "protocol: modbus"]
    if profile is not None:
        lines.append(f"profile: {profile}")
    lines.append("registers:" if values else "registers: []")
    for function, first, last in _runs(values):
        lines += _span(function, first, [values[function, number] for number in range(first, last + 1)])
    if refused:
        lines.append("refused:")
    for word in sorted(set(refused.values())):
        for function, first, last in _runs(address for address, said in refused.items() if said == word):
            lines.append(
                f"  - {{function: {function}, address: {first}, count: {last - first + 1}, exception: {word}}}"
            )
    return "\n".join(lines) + "\n"


def _span(function: int, first: int, values: Sequence[int]) -> list[str]:
    rows = [", ".join(map(str, values[start : start + _PER_LINE])) for start in range(0, len(values), _PER_LINE)]
    head = f"  - {{function: {function}, address: {first}, values: ["
    if len(rows) == 1:
        return [f"{head}{rows[0]}]}}"]
    return [head, *(f"      {row}," for row in rows), "    ]}"]


def _runs(addresses: Iterable[Address]) -> list[tuple[int, int, int]]:
    """(function, first, last) of addresses that follow each other."""
    runs: list[tuple[int, int, int]] = []
    for function, address in sorted(addresses):
        if runs and runs[-1][0] == function and runs[-1][2] == address - 1:
            runs[-1] = (function, runs[-1][1], address)
        else:
            runs.append((function, address, address))
    return runs
