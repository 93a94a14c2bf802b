"""The small parts of the profile language: OIDs, raw values, numbers that are numbers, ranges that are ranges."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from dcmon.collectors.snmp.ber import parse_oid


def _oid(text: Any) -> str:
    if isinstance(text, float | int):
        raise ValueError(f"{text!r} is no OID; put it in quotes when it has fewer than two dots")
    if not isinstance(text, str):
        raise ValueError("an OID is text: numbers with dots, for example 1.3.6.1.2.1.1.3.0")
    parse_oid(text)
    return text.removeprefix(".")


OidText = Annotated[str, BeforeValidator(_oid)]
"""Numbers with dots; a leading dot is taken off."""


def _no_truth(value: Any) -> Any:
    """YAML takes yes, no, on and off for truths, and pydantic takes truths for 1 and 0."""
    if isinstance(value, bool):
        raise ValueError("yes, no, on, off, true and false are truths for YAML: put the word in quotes")
    return value


def _word_key(key: Any) -> Any:
    if isinstance(key, bool):
        raise ValueError("a key that YAML takes for true or false: put it in quotes")
    return key


Raw = Annotated[int | float | str, BeforeValidator(_no_truth)]
"""A value as the device says it."""
RawList = Annotated[tuple[Raw, ...], Field(min_length=1)]
StateKey = Annotated[int | str, BeforeValidator(_word_key)]
States = dict[StateKey, bool | str | None]

Number = Annotated[float, BeforeValidator(_no_truth), Field(allow_inf_nan=False)]


def _factor(value: float) -> float:
    if value == 0:
        raise ValueError("a factor of 0 makes everything 0: write the factor that is meant, 1 for none")
    return value


Factor = Annotated[Number, AfterValidator(_factor)]


def _ordered(pair: tuple[float, float]) -> tuple[float, float]:
    low, high = pair
    if low >= high:
        raise ValueError(f"the range {low:g} to {high:g} holds nothing: write the lower end first")
    return pair


Bounds = Annotated[tuple[Number, Number], AfterValidator(_ordered)]
"""[lowest, highest]."""

Register = Annotated[int, Field(ge=0, le=65535)]
"""A Modbus address as on the wire."""


def _registers(pair: tuple[int, int]) -> tuple[int, int]:
    first, last = pair
    if first > last:
        raise ValueError(f"the registers {first} to {last} run backwards: write the first one first")
    return pair


Registers = Annotated[tuple[Register, Register], AfterValidator(_registers)]
"""[first, last]."""

_RANGE = re.compile(r"(-?(?:0x[0-9a-fA-F]+|\d+))\.\.(-?(?:0x[0-9a-fA-F]+|\d+))")
_LARGEST_RANGE = 4096


def _absent(values: Any) -> Any:
    """Opens ranges such as `0xFFF8..0xFFFF`."""
    if not isinstance(values, list | tuple):
        values = [values]
    opened: list[Any] = []
    for value in values:
        match = _RANGE.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            opened.append(value)
            continue
        low, high = int(match[1], 0), int(match[2], 0)
        if not 0 <= high - low < _LARGEST_RANGE:
            raise ValueError(f"{value!r} is no range of at most {_LARGEST_RANGE} values, lowest first")
        opened += range(low, high + 1)
    return tuple(opened)


Absent = Annotated[tuple[Raw, ...], BeforeValidator(_absent, json_schema_input_type=Raw | tuple[Raw, ...])]
"""Raw values that say "nothing here": numbers, words, or ranges `LOW..HIGH`."""
