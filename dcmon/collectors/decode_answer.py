"""What SNMP decoding works on: compiled slots on one side, the raw values of one poll on the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from dcmon.collectors.decode import BAD, Decoder, Raw
from dcmon.collectors.decode_conditions import RowTest
from dcmon.collectors.decode_dynamic import Dynamic
from dcmon.collectors.decode_rates import Sample
from dcmon.collectors.profile_model import Reference
from dcmon.collectors.snmp import (
    END_OF_MIB_VIEW,
    NO_SUCH_INSTANCE,
    NO_SUCH_OBJECT,
    NULL,
    OPAQUE,
    Oid,
    VarBind,
    opaque_number,
    parse_oid,
)
from dcmon.model import Reading

MISSING: Final = frozenset((NULL, NO_SUCH_OBJECT, NO_SUCH_INSTANCE, END_OF_MIB_VIEW))
UNUSUAL: Final = MISSING | {OPAQUE}
NEW = tuple.__new__
_ANY: Final = "\0"
"""In the place of an index: any of the point's."""

Cells: TypeAlias = dict[bytes, VarBind]
"""One column: row suffix -> its variable binding."""


class Scalar(NamedTuple):
    """One point from one object."""

    oid: Oid
    point: str
    index: str | None  # type: ignore[assignment]  # shadows tuple.index, which nobody needs here
    source: str
    decode: Decoder
    dynamic: Dynamic | None
    required: bool
    fallback: str | None
    named_by: Oid | None


class GroupNames(NamedTuple):
    """How the rows of a table of variables `Group.Member` are named; see the profile's word `group`."""

    column: Oid
    member: str
    text: Oid
    unsaid: frozenset[str]


class CompiledRate(NamedTuple):
    """How the rate of a counter is made."""

    point: str
    factor: int
    limit: str | None
    uptime: Oid
    discontinuity: Oid | None
    believed: tuple[float, float] | None
    """The range of the rate in which it can be believed where the line says no speed."""


@dataclass(frozen=True, slots=True)
class Column:
    """One point from one column of a table."""

    column: Oid
    text: str
    point: str
    index: str | None
    decode: Decoder
    dynamic: Dynamic | None
    where: tuple[RowTest, ...]
    fallback: str | None
    aggregate: str | None
    count: frozenset[object]
    rate: CompiledRate | None
    believed: tuple[float, float] | None
    """The range in which one value of the whole column can be believed."""


@dataclass(frozen=True, slots=True)
class Table:
    """Columns that share their rows; `columns` are all that have to be fetched, `slots` those that give points."""

    columns: tuple[Oid, ...]
    slots: tuple[Column, ...]
    index: str
    names: tuple[Oid, ...]
    labels: Mapping[int, str]
    prefix: str
    rows: Oid | None
    skip: tuple[RowTest, ...]
    group: GroupNames | None


@dataclass(frozen=True, slots=True)
class SnmpGroup:
    """What is asked together: GETs whose answers fit one datagram each, and walks of columns."""

    gets: tuple[tuple[Oid, ...], ...] = ()
    walks: tuple[tuple[Oid, ...], ...] = ()
    scalars: tuple[Scalar, ...] = ()
    tables: tuple[Table, ...] = ()


class Row(NamedTuple):
    """A row of a table: what its index and its name columns say."""

    suffix: bytes
    text: str
    label: str
    first: int
    name: str
    """The label before it was told apart from other rows of the same name."""


@dataclass(slots=True)
class Answer:
    """The raw values of one poll."""

    scalars: Mapping[Oid, VarBind]
    columns: Mapping[Oid, Cells]

    def raw(self, oid: Oid) -> Raw:
        return raw_of(self.scalars.get(oid))

    def cell(self, column: Oid, suffix: bytes) -> Raw:
        cells = self.columns.get(column)
        return None if cells is None else raw_of(cells.get(suffix))


@dataclass(slots=True)
class Output:
    """Readings so far, and what the fallbacks have to know of them."""

    ts: int
    asset: str
    readings: list[Reading] = field(default_factory=list)
    pending: list[tuple[CompiledRate, str, Sample, str]] = field(default_factory=list)
    usable: set[tuple[str, str | None]] = field(default_factory=set)
    bad: set[tuple[str, str | None]] = field(default_factory=set)
    names: dict[str, set[str]] = field(default_factory=dict)
    seen: int = 0

    def name_of(self, point: str, row: Row) -> str:
        """The index of a row that only some entries mean: told apart from rows of the same point alone."""
        return self.unique(point, row.name, row.text)

    def unique(self, point: str, name: str, number: str) -> str:
        """The name, told apart by the number from what has the same name and point."""
        taken = self.names.setdefault(point, set())
        told = name
        while told in taken:
            told = f"{told}#{number}"
        taken.add(told)
        return told

    def wanted(self, point: str, index: str | None, fallback: str) -> bool:
        """Whether a fallback is needed here."""
        for reading in self.readings[self.seen :]:
            key = (reading.point, reading[3])
            if reading.quality is BAD:
                self.bad.add(key)
                self.bad.add((reading.point, _ANY))
            else:
                self.usable.add(key)
                self.usable.add((reading.point, _ANY))
        self.seen = len(self.readings)
        return (point, _ANY if fallback == "point" else index) not in self.usable

    def add_late(self, reading: Reading, fallback: str) -> bool:
        """Puts a fallback in the place of what was not usable; whether it was taken."""
        point, index = reading.point, reading[3]
        if (point, _ANY if fallback == "point" else index) in self.bad:
            if reading.quality is BAD:
                return False
            self.readings = [
                other
                for other in self.readings
                if other.point != point or other.quality is not BAD or (fallback == "index" and other[3] != index)
            ]
            self.bad.clear()
            self.seen = 0
        self.readings.append(reading)
        return True


def raw_of(varbind: VarBind | None) -> Raw:
    """What a varbind carries for decoding; None when the agent has no such value."""
    if varbind is None or varbind[1] in MISSING:
        return None
    value = varbind[2]
    if varbind[1] == OPAQUE and isinstance(value, bytes):
        number = opaque_number(value)
        return value if number is None else number
    return value


def other_of(answer: Answer, suffix: bytes | None) -> Callable[[Reference], Raw]:
    """How the words that depend on another value get at it."""

    def said(reference: Reference) -> Raw:
        if reference.oid is not None:
            return answer.raw(oid_of(reference.oid))
        if reference.column is not None and suffix is not None:
            return answer.cell(oid_of(reference.column), suffix)
        return None

    return said


_OIDS: dict[str, Oid] = {}


def oid_of(text: str) -> Oid:
    """The Oid of a profile's text; parsed once."""
    oid = _OIDS.get(text)
    if oid is None:
        oid = _OIDS[text] = parse_oid(text)
    return oid
