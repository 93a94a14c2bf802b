"""What is wrong with the registers of a Modbus profile: values that cannot be read, raw values that cannot come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from dcmon.collectors.decode_modbus import FUNCTION_NAMES, WORDS
from dcmon.collectors.profile_entry import Fault, references
from dcmon.collectors.profile_model import Entry, Modbus
from dcmon.config.yamlfile import Loc

_LAST: Final = 65535


def register_faults(entry: Entry, modbus: Modbus) -> Iterator[Fault]:
    """Places are within the entry."""
    source = next(name for name in FUNCTION_NAMES.values() if getattr(entry, name) is not None)
    first = int(getattr(entry, source))
    last = first + words_of(entry) - 1
    if last > _LAST:
        yield (source,), "P012", f"{entry.point}: {entry.as_} from {first} on ends behind {_LAST}", "Correct one."
    if last - first >= modbus.most:
        message = f"{entry.point} takes {last - first + 1} registers, a read only {modbus.most}"
        yield (source,), "P012", message, "Raise modbus: most."
    cut = next((number for number in modbus.separate if first < number <= last), None)
    if cut is not None:
        yield (source,), "P012", f"{entry.point} runs over {cut}, where reads are separate", "Correct one of them."
    yield from _forbidden(entry, (source,), first, last, modbus)
    for other in references(entry):
        address = other.holding if other.holding is not None else other.input
        if address is not None:
            yield from _forbidden(entry, (), address, address, modbus)
    yield from _type(entry)


def words_of(entry: Entry) -> int:
    """How many registers (or bits) the value takes."""
    kind = entry.as_ or "bit"
    return entry.registers if kind in ("bits", "nibbles") else WORDS[kind]


def _forbidden(entry: Entry, loc: Loc, first: int, last: int, modbus: Modbus) -> Iterator[Fault]:
    for low, high in modbus.never_across:
        if first <= high and low <= last:
            message = f"{entry.point} reads {first}, and modbus: never_across forbids {low} to {high}"
            yield loc, "P012", message, "Correct one of them."


def _type(entry: Entry) -> Iterator[Fault]:
    kind = entry.as_ or "bit"
    if entry.word_order is not None and words_of(entry) == 1:
        yield ("word_order",), "P011", f"{entry.point}: one register has no word order", "Remove it."
    if kind in ("f32", "f64", "bits", "nibbles"):
        for word in ("mask", "shift", "bit"):
            if word in entry.model_fields_set:
                yield (word,), "P011", f"{entry.point}: {word} means nothing beside as: {kind}", "Remove one."
        if kind[0] == "f" and entry.states:
            yield ("states",), "P011", f"{entry.point}: a float is no state", "Use true_above or true_below."
        return
    bits = 16 * words_of(entry)
    if entry.bit is not None and entry.bit >= bits:
        yield ("bit",), "P012", f"{entry.point}: {kind} has bits 0 to {bits - 1}", "Count from the right, from 0."
    if entry.mask is not None and entry.mask >> bits:
        yield ("mask",), "P012", f"{entry.point}: the mask is wider than {kind}", "Correct one of them."
    impossible = _impossible(kind, entry.absent)
    if impossible is not None:
        yield ("absent",), "P012", f"{entry.point}: {impossible} {_never(kind)}", "Write it as the register says it."
    if entry.bit is None and entry.mask is None:
        impossible = _impossible(kind, entry.states)
        if impossible is not None:
            message = f"{entry.point}: {impossible} {_never(kind)}"
            yield ("states", str(impossible)), "P012", message, "Correct one of them."


def modbus_faults(modbus: Modbus) -> Iterator[Fault]:
    """Sentinels that cannot come. Places are within the file."""
    for kind, values in modbus.absent.items():
        impossible = _impossible(kind, values)
        if impossible is not None:
            message = f"{impossible} {_never(kind)}"
            yield ("modbus", "absent", kind), "P012", message, "Write it as the register says it."


def _impossible(kind: str, values: Iterable[int | float | str]) -> int | float | str | None:
    if kind in ("f32", "f64", "bits", "nibbles"):
        return None
    low, high = _limits(kind)
    return next((value for value in values if isinstance(value, str) or not low <= value <= high), None)


def _limits(kind: str) -> tuple[int, int]:
    if kind == "bit":
        return 0, 1
    bits = int(kind[1:])
    return (-(1 << bits - 1), (1 << bits - 1) - 1) if kind[0] == "s" else (0, (1 << bits) - 1)


def _never(kind: str) -> str:
    low, high = _limits(kind)
    return f"is nothing that {kind} can say ({low} to {high})"
