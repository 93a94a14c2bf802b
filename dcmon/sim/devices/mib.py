"""What SNMP devices are written with: values with their SMI types, and object identifiers."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, TypeAlias

from dcmon.collectors.snmp.ber import (
    COUNTER32,
    COUNTER64,
    GAUGE32,
    INTEGER,
    IP_ADDRESS,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    TIMETICKS,
    Oid,
    VarBindValue,
    encode_oid,
    oid_parts,
    parse_oid,
)

if TYPE_CHECKING:
    from dcmon.sim.plant import Plant

Typed: TypeAlias = tuple[int, VarBindValue]
"""An SMI tag and a value that fits it."""
Values: TypeAlias = dict[Oid, Typed]
"""A whole MIB as it reads at one instant."""
Table: TypeAlias = Callable[[], Values]
SnmpDevice: TypeAlias = "Callable[[Plant, str], Table]"


@lru_cache(maxsize=8192)
def at(base: str, *index: int) -> Oid:
    """The Oid `base.index`; without an index the scalar `base.0`."""
    return encode_oid((*oid_parts(parse_oid(base)), *(index or (0,))))


def integer(value: float) -> Typed:
    """An INTEGER, rounded."""
    return INTEGER, round(value)


def gauge(value: float) -> Typed:
    """A Gauge32: never below 0, stuck at the top."""
    return GAUGE32, min(0xFFFFFFFF, max(0, round(value)))


def counter32(value: int) -> Typed:
    """A Counter32, which wraps."""
    return COUNTER32, value & 0xFFFFFFFF


def counter64(value: int) -> Typed:
    """A Counter64."""
    return COUNTER64, value


def ticks(seconds: float) -> Typed:
    """TimeTicks: hundredths of a second, wrapping after 497 days."""
    return TIMETICKS, int(seconds * 100) & 0xFFFFFFFF


def text(value: str) -> Typed:
    """An OCTET STRING of text."""
    return OCTET_STRING, value.encode()


def octets(value: bytes) -> Typed:
    """An OCTET STRING."""
    return OCTET_STRING, value


def name(oid: str) -> Typed:
    """An OBJECT IDENTIFIER."""
    return OBJECT_IDENTIFIER, oid


def address(dotted: str) -> Typed:
    """An IpAddress from its dotted form."""
    return IP_ADDRESS, bytes(int(part) for part in dotted.split("."))


def system(plant: Plant, asset: str, sys_object_id: str, sys_descr: str, place: str) -> Values:
    """The system group of RFC 3418."""
    return {
        at("1.3.6.1.2.1.1.1"): text(sys_descr),
        at("1.3.6.1.2.1.1.2"): name(sys_object_id),
        at("1.3.6.1.2.1.1.3"): ticks(plant.uptime_s(asset)),
        at("1.3.6.1.2.1.1.4"): text("noc@example.org"),
        at("1.3.6.1.2.1.1.5"): text(asset),
        at("1.3.6.1.2.1.1.6"): text(place),
    }
