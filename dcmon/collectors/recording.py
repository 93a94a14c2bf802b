"""Recordings of real devices: .snmprec files (the format of snmpsim) as an SnmpSession that needs no network.

A line is `OID|TAG|VALUE`. TAG is the BER tag in decimal; with an `x` behind it the value is hexadecimal.
"""

from __future__ import annotations

import ipaddress
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from dcmon.collectors.snmp import (
    COUNTER32,
    COUNTER64,
    GAUGE32,
    INTEGER,
    IP_ADDRESS,
    NO_SUCH_INSTANCE,
    NULL,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    OPAQUE,
    TIMETICKS,
    Oid,
    VarBind,
    format_oid,
    parse_oid,
    suffix_parts,
)
from dcmon.collectors.snmp.ber import VarBindValue
from dcmon.model import CollectError, DcmonError

_UINTEGER32: Final = 71
_NUMBERS: Final = frozenset((INTEGER, COUNTER32, GAUGE32, TIMETICKS, COUNTER64, _UINTEGER32))
_EMPTY: Final = frozenset((NULL, 128, 129, 130))


class RecordingError(DcmonError):
    """A file is no recording. The message names file and line."""


class RecordedSession:
    """Answers from a recording as the device did. Implements SnmpSession."""

    def __init__(self, varbinds: Iterable[VarBind]) -> None:
        values: dict[Oid, VarBind] = {}
        for varbind in varbinds:
            values.setdefault(varbind.oid, varbind)  # a walk that looped lists the first, true value first
        ordered = sorted(values.values(), key=lambda varbind: suffix_parts(varbind.oid))
        self._values = values
        self._ordered = ordered
        self._keys = [suffix_parts(varbind.oid) for varbind in ordered]

    def __len__(self) -> int:
        return len(self._ordered)

    @property
    def varbinds(self) -> Sequence[VarBind]:
        """Everything, in the order of a walk."""
        return self._ordered

    async def get(self, oids: Sequence[Oid]) -> list[VarBind]:
        """As SnmpSession.get: NO_SUCH_INSTANCE for what the recording does not have."""
        return [self._values.get(oid) or VarBind(oid, NO_SUCH_INSTANCE, None) for oid in oids]

    async def walk(self, root: Oid) -> list[VarBind]:
        """Everything below `root`."""
        return self._below(root)

    async def walk_columns(self, columns: Sequence[Oid], *, sparing: bool = False) -> dict[Oid, list[VarBind]]:
        """Everything below each column."""
        return {column: self._below(column) for column in columns}

    async def close(self) -> None:
        """Nothing to let go of."""

    def _below(self, root: Oid) -> list[VarBind]:
        key = suffix_parts(root)
        start = bisect_right(self._keys, key)
        end = bisect_left(self._keys, (*key[:-1], key[-1] + 1)) if key else len(self._keys)
        return self._ordered[start:end]


def read_recording(path: Path) -> RecordedSession:
    """A recording file. Raises CollectError when it cannot be read, RecordingError when a line is none."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise CollectError("unreadable", f"{path}: {error.strerror}") from None
    return RecordedSession(parse_recording(content.decode("utf-8", "surrogateescape"), str(path)))


def parse_recording(text: str, name: str = "recording") -> list[VarBind]:
    """The variable bindings of a recording; blank lines and comments (#) are passed over."""
    varbinds = []
    for number, raw_line in enumerate(text.split("\n"), 1):
        line = raw_line.rstrip("\r")
        if not line.strip() or line.startswith("#"):
            continue
        try:
            varbinds.append(_line(line))
        except ValueError as error:
            raise RecordingError(f"{name}:{number}: {error}. A line is OID|TAG|VALUE.") from None
    return varbinds


def format_recording(varbinds: Iterable[VarBind]) -> str:
    """The text of a recording, in the order of a walk; snmpsim reads it, too. What a line cannot hold is hex."""
    ordered = sorted(varbinds, key=lambda varbind: suffix_parts(varbind.oid))
    return "".join(f"{format_oid(varbind.oid)}|{_written(varbind.tag, varbind.value)}\n" for varbind in ordered)


def _written(tag: int, value: VarBindValue) -> str:
    if not isinstance(value, bytes):
        return f"{tag}|{'' if value is None else value}"
    if tag == IP_ADDRESS and len(value) == 4:
        return f"{tag}|{ipaddress.IPv4Address(value)}"
    text = value.decode("latin-1")
    if tag == OCTET_STRING and text.isascii() and text.isprintable() and text == text.strip():
        return f"{tag}|{text}"
    return f"{tag}x|{value.hex()}"


def _line(line: str) -> VarBind:
    parts = line.split("|", 2)
    if len(parts) != 3:
        raise ValueError("no two bars")
    oid, tag_text, value = parts
    hexadecimal = tag_text.endswith("x")
    if not tag_text.removesuffix("x").isdigit():
        raise ValueError(f"{tag_text!r} is no tag of this format (variation modules are not recordings)")
    tag = int(tag_text.removesuffix("x"))
    return VarBind(parse_oid(oid.strip()), tag, _value(tag, value, hexadecimal))


def _value(tag: int, value: str, hexadecimal: bool) -> int | bytes | str | None:
    if tag in _EMPTY:
        return None
    octets = bytes.fromhex(value) if hexadecimal else value.encode("utf-8", "surrogateescape")
    if tag in _NUMBERS:
        return int.from_bytes(octets, "big") if hexadecimal else int(value)
    if tag == OBJECT_IDENTIFIER:
        return value.strip().removeprefix(".")
    if tag == IP_ADDRESS:
        return octets if hexadecimal else ipaddress.IPv4Address(value.strip()).packed
    if tag in (OCTET_STRING, OPAQUE):
        return octets
    raise ValueError(f"{tag} is no tag of SNMP")
