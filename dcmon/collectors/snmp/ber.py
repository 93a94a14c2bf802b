"""BER as SNMP uses it (RFC 3417 section 8): lengths, integers, object identifiers and variable bindings.

Written for two things at once: speed, because every poll passes here, and hostile input, because every datagram
that reaches the socket does. All decoders work on positions in one `bytes`, recurse nowhere and raise only DecodeError.

An `Oid` is the content octets of the identifier, so that "is below" is `startswith` and no tuple is ever built
on the way of a poll.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from dcmon.model import DcmonError

Oid: TypeAlias = bytes
"""Content octets of a BER object identifier, without tag and length."""

VarBindValue: TypeAlias = int | bytes | str | None

INTEGER: Final = 0x02
OCTET_STRING: Final = 0x04
NULL: Final = 0x05
OBJECT_IDENTIFIER: Final = 0x06
SEQUENCE: Final = 0x30
IP_ADDRESS: Final = 0x40
COUNTER32: Final = 0x41
GAUGE32: Final = 0x42
TIMETICKS: Final = 0x43
OPAQUE: Final = 0x44
NSAP_ADDRESS: Final = 0x45
COUNTER64: Final = 0x46
UINTEGER32: Final = 0x47
NO_SUCH_OBJECT: Final = 0x80
NO_SUCH_INSTANCE: Final = 0x81
END_OF_MIB_VIEW: Final = 0x82

TAG_NAMES: Final = {
    INTEGER: "INTEGER",
    OCTET_STRING: "OCTET STRING",
    NULL: "NULL",
    OBJECT_IDENTIFIER: "OBJECT IDENTIFIER",
    IP_ADDRESS: "IpAddress",
    COUNTER32: "Counter32",
    GAUGE32: "Gauge32",
    TIMETICKS: "TimeTicks",
    OPAQUE: "Opaque",
    NSAP_ADDRESS: "NsapAddress",
    COUNTER64: "Counter64",
    UINTEGER32: "UInteger32",
    NO_SUCH_OBJECT: "noSuchObject",
    NO_SUCH_INSTANCE: "noSuchInstance",
    END_OF_MIB_VIEW: "endOfMibView",
}

EXCEPTIONS: Final = frozenset((NO_SUCH_OBJECT, NO_SUCH_INSTANCE, END_OF_MIB_VIEW))
"""Tags that stand in the place of a value (RFC 3416 section 3)."""

_UNSIGNED_BITS: Final = {COUNTER32: 32, GAUGE32: 32, TIMETICKS: 32, UINTEGER32: 32, COUNTER64: 64}
_OCTETS: Final = frozenset((OCTET_STRING, IP_ADDRESS, OPAQUE, NSAP_ADDRESS))
_EMPTY: Final = EXCEPTIONS | {NULL}

_MAX_SUBIDS: Final = 128
_MAX_OID_OCTETS: Final = _MAX_SUBIDS * 5
_MAX_INTEGER_OCTETS: Final = 9
_LONG = 0x80


class DecodeError(DcmonError):
    """A datagram is not the SNMP message that it should be. The message says at which octet and why."""


class VarBind(NamedTuple):
    """One variable binding: which object, of which SMI type, with which value.

    value by tag: INTEGER, Counter, Gauge, TimeTicks: int. OCTET STRING, IpAddress, Opaque, NsapAddress: bytes.
    OBJECT IDENTIFIER: dotted str. NULL and the three exceptions: None.
    """

    oid: Oid
    tag: int
    value: VarBindValue


# --- object identifiers ---


def encode_oid(parts: Iterable[int]) -> Oid:
    """Content octets of sub-identifiers; ValueError when they are no object identifier (X.690 section 8.19)."""
    subids = tuple(parts)
    if len(subids) == 1:
        subids += (0,)  # an arc alone (`1`) has no encoding; net-snmp writes it as `1.0`, too
    if not 2 <= len(subids) <= _MAX_SUBIDS:
        raise ValueError(f"an OID has 1 to {_MAX_SUBIDS} numbers, not {len(subids)}")
    if subids[0] > 2 or (subids[0] < 2 and subids[1] > 39):
        raise ValueError(f"an OID starts with 0.0-39, 1.0-39 or 2.x, not {subids[0]}.{subids[1]}")
    for subid in subids:
        if not 0 <= subid <= 0xFFFFFFFF:
            raise ValueError(f"{subid} is no number of an OID: 0 to 4294967295")
    out = bytearray()
    for subid in (subids[0] * 40 + subids[1], *subids[2:]):
        if subid < 0x80:
            out.append(subid)
            continue
        octets = [subid & 0x7F]
        while subid := subid >> 7:
            octets.append(subid & 0x7F | 0x80)
        out.extend(reversed(octets))
    return bytes(out)


def parse_oid(text: str) -> Oid:
    """The Oid of `1.3.6.1.2.1`, with or without a leading dot; ValueError when it is none."""
    numbers = text.removeprefix(".").split(".")
    if not all(number.isascii() and number.isdigit() for number in numbers):
        raise ValueError(f"{text!r} is no OID; write numbers with dots, for example 1.3.6.1.2.1.1.1.0")
    try:
        return encode_oid(map(int, numbers))
    except ValueError as error:
        raise ValueError(f"{text!r} is no OID: {error}") from None


def oid_parts(oid: Oid) -> tuple[int, ...]:
    """Sub-identifiers of an Oid; a number that the octets break off is dropped, so slices below a prefix work."""
    if not oid:
        return ()
    subids = suffix_parts(oid)
    if not subids:
        return ()
    first = subids[0]
    top = min(first // 40, 2)
    return (top, first - top * 40, *subids[1:])


def suffix_parts(octets: bytes) -> tuple[int, ...]:
    """Sub-identifiers of what follows a prefix (`oid[len(column):]`): a row's index."""
    if octets.isascii():
        return tuple(octets)
    parts = []
    subid = 0
    for octet in octets:
        if octet & 0x80:
            subid = (subid | octet & 0x7F) << 7
        else:
            parts.append(subid | octet)
            subid = 0
    return tuple(parts)


@lru_cache(maxsize=4096)
def format_oid(oid: Oid) -> str:
    """`1.3.6.1...` of an Oid, without a leading dot."""
    return ".".join(map(str, oid_parts(oid)))


def is_after(oid: Oid, previous: Oid) -> bool:
    """Whether `oid` comes after `previous` in the order of a walk, which compares numbers, not octets."""
    if oid.isascii() and previous.isascii():
        return oid > previous
    return suffix_parts(oid) > suffix_parts(previous)


# --- decoding ---


def read_header(data: bytes, pos: int, end: int) -> tuple[int, int, int]:
    """(tag, first content octet, octet after the content) of the element at `pos`, which must fit before `end`."""
    if pos + 2 > end:
        raise DecodeError(f"cut off at octet {pos}")
    tag = data[pos]
    length = data[pos + 1]
    pos += 2
    if length & _LONG:
        length, pos = _long_length(data, pos, end, length & 0x7F)
    stop = pos + length
    if stop > end:
        raise DecodeError(f"element at octet {pos} says {length} octets, {end - pos} are there")
    return tag, pos, stop


def _long_length(data: bytes, pos: int, end: int, count: int) -> tuple[int, int]:
    """Length in the long form; agents pad it (`82 00 10`), so it need not be the shortest."""
    if count == 0:
        raise DecodeError(f"indefinite length at octet {pos}; SNMP has none")
    if count > 4 or pos + count > end:
        raise DecodeError(f"length of {count} octets at octet {pos}")
    return int.from_bytes(data[pos : pos + count], "big"), pos + count


def read_integer(data: bytes, pos: int, end: int) -> tuple[int, int]:
    """(value, position after it) of the INTEGER at `pos`."""
    tag, start, stop = read_header(data, pos, end)
    if tag != INTEGER:
        raise DecodeError(f"INTEGER expected at octet {pos}, not tag {tag:#04x}")
    return _signed(data[start:stop]), stop


def read_octets(data: bytes, pos: int, end: int, tag: int) -> tuple[bytes, int]:
    """(content, position after it) of the element at `pos`, which must have this tag."""
    found, start, stop = read_header(data, pos, end)
    if found != tag:
        raise DecodeError(f"tag {tag:#04x} expected at octet {pos}, not {found:#04x}")
    return data[start:stop], stop


def _signed(content: bytes) -> int:
    if not 0 < len(content) <= _MAX_INTEGER_OCTETS:
        raise DecodeError(f"integer of {len(content)} octets")
    return int.from_bytes(content, "big", signed=True)


def _unsigned(content: bytes, bits: int) -> int:
    """Agents write 4294967295 as `FF`, `FF FF FF FF`, `00 FF FF FF FF`: all are that number, as net-snmp reads them."""
    octets = bits // 8
    significant = content.lstrip(b"\0") if len(content) > octets else content
    if not content or len(significant) > octets:
        raise DecodeError(f"{bits}-bit number of {len(content)} octets")
    return int.from_bytes(content, "big", signed=True) & ((1 << bits) - 1)


def check_oid(oid: bytes) -> Oid:
    """The octets when they are an object identifier, else DecodeError."""
    if not oid or oid[-1] & 0x80 or len(oid) > _MAX_OID_OCTETS:
        raise DecodeError(f"object identifier of {len(oid)} octets is empty, cut off or too long")
    return oid


def _value(tag: int, content: bytes) -> VarBindValue:
    """The value of the tags that the loop of `decode_varbinds` does not decode itself."""
    if tag in _OCTETS:
        if tag == IP_ADDRESS and len(content) != 4:
            raise DecodeError(f"IpAddress of {len(content)} octets")
        return content
    if tag == OBJECT_IDENTIFIER:
        return format_oid(check_oid(content)) if content else "0.0"  # agents send zeroDotZero as nothing at all
    if tag in _EMPTY:
        if content:
            raise DecodeError(f"{TAG_NAMES[tag]} with {len(content)} octets of content")
        return None
    if tag == INTEGER:
        return _signed(content)
    bits = _UNSIGNED_BITS.get(tag)
    if bits is None:
        raise DecodeError(f"tag {tag:#04x} is no SNMP type")
    return _unsigned(content, bits)


_NUMBERS: Final = frozenset((INTEGER, *_UNSIGNED_BITS))
_new: Callable[[type[VarBind], tuple[Oid, int, VarBindValue]], VarBind] = tuple.__new__  # NamedTuple's own is Python
_from_bytes = int.from_bytes


def decode_varbinds(data: bytes, pos: int, end: int) -> list[VarBind]:
    """The variable bindings between two positions (the content of the list); DecodeError when anything is amiss.

    Short lengths and small numbers, which nearly every value of a poll has, are decoded in line: a call for each
    of the three headers of a binding would cost more than all the rest.
    """
    varbinds: list[VarBind] = []
    append = varbinds.append
    try:
        while pos < end:
            length = data[pos + 1]
            if data[pos] != 0x30 or length & 0x80:
                tag, pos, stop = read_header(data, pos, end)
                if tag != SEQUENCE:
                    raise DecodeError(f"variable binding expected at octet {pos}, not tag {tag:#04x}")
            else:
                pos += 2
                stop = pos + length
            start = pos + 2
            pos = start + data[start - 1]
            if data[start - 2] != 0x06 or not start < pos <= start + 0x7F:
                oid, pos = read_octets(data, start - 2, stop, OBJECT_IDENTIFIER)
                check_oid(oid)
            else:
                oid = data[start:pos]
                if data[pos - 1] & 0x80:
                    raise DecodeError(f"object identifier breaks off at octet {pos}")
            tag = data[pos]
            length = data[pos + 1]
            pos += 2
            if length & 0x80:
                length, pos = _long_length(data, pos, stop, length & 0x7F)
            if pos + length != stop or stop > end:
                raise DecodeError(f"variable binding up to octet {stop} does not hold one name and one value")
            if tag == 0x04:
                append(_new(VarBind, (oid, tag, data[pos:stop])))
            elif 0 < length < 5 and tag in _NUMBERS and data[pos] < 0x80:
                append(_new(VarBind, (oid, tag, _from_bytes(data[pos:stop], "big"))))
            else:
                append(_new(VarBind, (oid, tag, _value(tag, data[pos:stop]))))
            pos = stop
    except IndexError:
        raise DecodeError(f"cut off at octet {len(data)}") from None
    return varbinds


# --- encoding ---


def encode_length(length: int) -> bytes:
    """Length octets, the shortest form."""
    if length < 0x80:
        return bytes((length,))
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((0x80 | len(octets),)) + octets


def encode_tlv(tag: int, content: bytes) -> bytes:
    """One element: tag, length, content."""
    return bytes((tag,)) + encode_length(len(content)) + content


def encode_integer(value: int, tag: int = INTEGER) -> bytes:
    """An INTEGER, or one of the types that share its encoding, in as few octets as it takes."""
    return encode_tlv(tag, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def encode_varbind(varbind: VarBind) -> bytes:
    """One variable binding; ValueError when the value does not fit its tag."""
    oid, tag, value = varbind
    return encode_tlv(SEQUENCE, encode_tlv(OBJECT_IDENTIFIER, oid) + _encode_value(tag, value))


def _encode_value(tag: int, value: VarBindValue) -> bytes:
    if tag in _EMPTY and value is None:
        return bytes((tag, 0))
    if tag in _OCTETS and isinstance(value, bytes) and (tag != IP_ADDRESS or len(value) == 4):
        return encode_tlv(tag, value)
    if tag == OBJECT_IDENTIFIER and isinstance(value, str):
        return encode_tlv(tag, parse_oid(value))
    if isinstance(value, int) and (
        (tag == INTEGER and -(1 << 63) <= value < 1 << 63)
        or (tag in _UNSIGNED_BITS and 0 <= value < 1 << _UNSIGNED_BITS[tag])
    ):
        return encode_integer(value, tag)
    raise ValueError(f"{value!r} is no value of {TAG_NAMES.get(tag, f'tag {tag:#04x}')}")


def encode_names(oids: Iterable[Oid]) -> bytes:
    """A whole list of variable bindings whose values are not given: what a request carries."""
    return encode_tlv(SEQUENCE, b"".join(map(_encode_name, oids)))


def _encode_name(oid: Oid) -> bytes:
    size = len(oid)
    if size < 0x7C:  # nearly all: both lengths take one octet
        return b"%c%c%c%c%b\x05\0" % (SEQUENCE, size + 4, OBJECT_IDENTIFIER, size, oid)
    return encode_tlv(SEQUENCE, encode_tlv(OBJECT_IDENTIFIER, oid) + b"\x05\0")


# --- numbers in Opaque ---

_OPAQUE_FORMATS: Final = {b"\x9f\x78\x04": ">f", b"\x9f\x79\x08": ">d"}


def opaque_number(content: bytes) -> float | int | None:
    """The number that net-snmp wraps into Opaque (NET-SNMP-TC: Float 9f78, Double 9f79, signed 9f7a, unsigned 9f7b).

    None when it is something else or broken: then the octets are all that is known.
    """
    kind, rest = content[:3], content[3:]
    form = _OPAQUE_FORMATS.get(kind)
    if form is not None and len(rest) == kind[2]:
        return float(struct.unpack(form, rest)[0])
    if kind[:2] in (b"\x9f\x7a", b"\x9f\x7b") and len(kind) == 3 and 0 < len(rest) == kind[2] <= _MAX_INTEGER_OCTETS:
        return int.from_bytes(rest, "big", signed=kind[1] == 0x7A)
    return None
