"""The language of device profiles: pydantic models of the YAML. Closed on purpose: no expressions, no code.

docs/profiles.md teaches the words in the order in which somebody needs them; `profile_schema` writes the JSON Schema.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from dcmon.collectors.profile_types import (
    Absent,
    Bounds,
    Factor,
    Number,
    OidText,
    Raw,
    RawList,
    Register,
    Registers,
    StateKey,
    States,
)
from dcmon.config.base import Identifier, Strict

Kind = Literal["ups", "pdu", "ats", "genset", "cooling", "environment", "network", "meter", "dc_power", "other"]
Status = Literal["verified", "recorded", "public map", "assumed", "derived"]
PointName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*(\.[a-z0-9_]+)*$")]
"""`battery.charge`: lower case, a thing and what is said of it."""
Name = Annotated[str, StringConstraints(min_length=1)]


class Reference(Strict):
    """Another value of the same device: a scalar, the cell of the same row, or a register."""

    oid: OidText | None = None
    column: OidText | None = None
    holding: Register | None = None
    input: Register | None = None

    @model_validator(mode="after")
    def _one(self) -> Reference:
        if sum(source is not None for source in (self.oid, self.column, self.holding, self.input)) != 1:
            raise ValueError("name one of oid (a scalar), column (the same row), holding and input (a register)")
        return self


class When(Reference):
    """A test of another value. Exactly one of the words."""

    above: Number | None = None
    below: Number | None = None
    is_: RawList | None = Field(default=None, alias="is")

    @model_validator(mode="after")
    def _condition(self) -> When:
        if sum(word is not None for word in (self.above, self.below, self.is_)) != 1:
            raise ValueError("a test of another value has exactly one of above, below and is")
        return self


class ScaleFrom(Reference):
    """A factor that the device itself tells, e.g. ENTITY-SENSOR-MIB's precision."""

    map: Annotated[dict[int, Factor], Field(min_length=1)] | None = Field(
        default=None, description="what the other value says -> factor; without it the other value is the factor"
    )
    divide: bool = Field(default=False, description="by the factor, instead of multiplying with it")


class UnitFrom(Reference):
    """The unit that the device itself tells."""

    map: Annotated[
        dict[StateKey, str],
        Field(min_length=1, description="what the other value says -> unit; text without regard to case"),
    ]
    otherwise: str | None = Field(default=None, description="the unit of a device that does not have the other value")


class AbsentWhen(When):
    """A value that means nothing only while another value holds, e.g. runtime 0 at full charge."""

    value: Absent | None = Field(default=None, description="every value, when not given")


class RowCondition(Strict):
    """Whether a row of a table is meant. All words that are given must hold."""

    column: OidText | None = None
    is_: RawList | None = Field(default=None, alias="is", description="raw values; text may hold * and ?")
    not_: RawList | None = Field(default=None, alias="not")
    missing: bool | None = Field(default=None, description="the row has no such cell")
    row_above: int | None = Field(default=None, description="first number of the row's index is above this")
    row_last: Annotated[tuple[int, ...], Field(min_length=1)] | None = Field(
        default=None, description="last number of the row's index is one of these"
    )
    all_: tuple[RowCondition, ...] = Field(default=(), alias="all", description="all of these hold")

    @model_validator(mode="after")
    def _something(self) -> RowCondition:
        tests = (self.is_ is not None) + (self.not_ is not None) + (self.missing is not None)
        if tests > 1 or (self.column is None) != (tests == 0):
            raise ValueError("a condition on a column has one of is, not and missing")
        if self.column is None and self.row_above is None and self.row_last is None and not self.all_:
            raise ValueError("a condition has column, row_above, row_last or all")
        return self


class Words(Strict):
    """How a raw value becomes the point's value; the same words for SNMP and Modbus."""

    text: Literal["number", "quantity", "word", "digits"] | None = Field(
        default=None,
        description="the value comes as text: number `89.0 %`, quantity `70 F` (unit converted), word `DRY`, "
        "digits `00100` (use with bit)",
    )
    mask: int | None = Field(default=None, ge=1)
    shift: int = Field(default=0, ge=0, le=63, description="to the right, after mask")
    bit: int | None = Field(
        default=None, ge=0, le=255, description="one bit: of a number from the right, of octets or digits from the left"
    )
    absent: Absent = ()
    absent_when: tuple[AbsentWhen, ...] = ()
    hide_absent: bool = Field(
        default=False, description="an absent value is nothing to show: the point does not appear"
    )
    only_when: tuple[When, ...] = Field(default=(), description="does not appear unless all of these hold")
    states: States = Field(default_factory=dict, description="raw -> word, true, false, or null for `says nothing`")
    true_above: Number | None = Field(default=None, description="true when the scaled value is above this")
    true_below: Number | None = None
    given_in: str | None = Field(default=None, description="the device's unit; converted to the point's")
    unit_from: UnitFrom | None = None
    scale: Factor | Annotated[tuple[Factor, ...], Field(min_length=1)] = Field(
        default=1.0, description="factor; of several the first that gives a plausible value"
    )
    scale_from: tuple[ScaleFrom, ...] = ()
    offset: Number = 0.0
    range: Bounds | None = Field(default=None, description="outside of it the value is uncertain")
    invalid_outside: Bounds | None = Field(default=None, description="outside of it the value is bad")


class Rate(Strict):
    """A rate from a counter; only while nothing restarted, and never above 1.1 times the speed."""

    point: str
    factor: int = Field(default=1, ge=1, description="8 makes bit/s of octets")
    limit: str | None = Field(default=None, description="point of the same index that gives the speed")
    uptime: OidText = Field(
        default="1.3.6.1.2.1.1.3.0", description="sysUpTime or its like, in ticks: it must have gone on"
    )
    discontinuity: OidText | None = Field(default=None, description="column that changes when the counter was reset")


Aggregate = Literal["sum", "min", "max", "mean", "any", "all", "rows", "count"]
ModbusType = Literal["u16", "s16", "u32", "s32", "u64", "s64", "f32", "f64", "bit", "bits", "nibbles"]


class Entry(Words):
    """One point and where it comes from."""

    point: PointName
    index: Name | None = None
    unit: str | None = Field(default=None, description="only for a point that the vocabulary does not have")
    type: Literal["number", "bool", "enum", "counter"] | None = Field(default=None, description="own points only")
    description: str | None = Field(default=None, description="own points only: what it is")
    status: Status | None = None
    note: str | None = None
    oid: OidText | None = None
    column: OidText | None = None
    holding: Register | None = Field(default=None, description="Modbus function 3, address on the wire")
    input: Register | None = Field(default=None, description="Modbus function 4")
    coil: Register | None = Field(default=None, description="Modbus function 1")
    discrete: Register | None = Field(default=None, description="Modbus function 2")
    as_: ModbusType | None = Field(default=None, alias="as", description="type of a Modbus value")
    registers: int = Field(default=1, ge=1, le=64, description="for bits and nibbles: how many")
    word_order: Literal["big", "little"] | None = None
    named_by: OidText | None = Field(
        default=None, description="scalar with the device's own name for it: the index, where it says something"
    )
    required: bool = Field(default=False, description="a device without it is faulty: shown as bad, not left out")
    fallback: Literal["index", "point"] | None = Field(
        default=None,
        description="used only where nothing above gave a usable value: for this index, or for the point at all",
    )
    where: tuple[RowCondition, ...] = Field(default=(), description="only rows for which all of these hold")
    aggregate: Aggregate | None = Field(default=None, description="one value of the whole column")
    count: tuple[Raw, ...] = Field(default=(), description="raw values to be counted (aggregate: count, as: nibbles)")
    rate: Rate | None = None
    fast: bool | None = Field(default=None, description="own points: belongs to the fast poll")

    @model_validator(mode="after")
    def _one_source(self) -> Entry:
        sources = (self.oid, self.column, self.holding, self.input, self.coil, self.discrete)
        if sum(source is not None for source in sources) != 1:
            raise ValueError(f"{self.point}: name exactly one of oid, column, holding, input, coil, discrete")
        if (self.holding is not None or self.input is not None) != (self.as_ is not None):
            raise ValueError(f"{self.point}: holding and input need `as`, and nothing else has it")
        if bool(self.count) != (self.aggregate == "count" or self.as_ == "nibbles"):
            raise ValueError(f"{self.point}: count belongs to aggregate: count and to as: nibbles")
        if self.registers > 1 and self.as_ not in ("bits", "nibbles"):
            raise ValueError(f"{self.point}: registers belongs to as: bits and as: nibbles")
        if self.column is None and (self.where or self.aggregate or self.rate):
            raise ValueError(f"{self.point}: where, aggregate and rate belong to columns")
        if self.named_by is not None and (self.oid is None or self.index is None or self.fallback is not None):
            raise ValueError(f"{self.point}: named_by belongs to an oid with an index for want of a name, no fallback")
        if self.rate is not None and self.type not in (None, "counter"):
            raise ValueError(f"{self.point}: only a counter has a rate")
        return self


class GroupNames(Strict):
    """A table of variables `Group.Member`, one of whose members says what the group is called."""

    column: OidText = Field(description="the column that says `Group.Member`")
    member: str = Field(description="the member that says what the group is called, e.g. DescName")
    text: OidText = Field(description="the column in which it says so")
    unsaid: tuple[str, ...] = Field(default=(), description="members that are called as their group is")


class IndexNames(Strict):
    """Rows named by what the device calls them: the first column with text, else the index itself."""

    columns: Annotated[tuple[OidText, ...], Field(min_length=1)]
    group: GroupNames | None = Field(default=None, description="goes before columns")


class Table(Strict):
    """Columns that share their rows."""

    name: str
    index: Literal["suffix", "first", "second", "third", "last", "address"] | IndexNames = "suffix"
    labels: dict[int, str] = Field(default_factory=dict, description="names by number, e.g. {1: a, 2: b}")
    prefix: str = Field(default="", description="put before every index, where two tables give the same point")
    rows: OidText | None = Field(default=None, description="scalar that says how many rows are in use")
    skip: tuple[RowCondition, ...] = Field(default=(), description="rows for which any of these holds do not appear")
    small: bool = Field(default=False, description="a handful of rows: walked together with other small tables")
    points: Annotated[tuple[Entry, ...], Field(min_length=1)]


class RegisterTest(Strict):
    """What a Modbus device says in registers that tell what it is. Exactly one of `is`, `within` and `text`."""

    holding: Register | None = None
    input: Register | None = None
    registers: int = Field(default=1, ge=1, le=64, description="for text: how many")
    is_: tuple[int, ...] | None = Field(default=None, alias="is", description="one of these")
    within: tuple[int, int] | None = Field(default=None, description="[lowest, highest]")
    text: str | None = Field(default=None, description="glob that the text in the registers fits, whatever its case")

    @model_validator(mode="after")
    def _one_of_each(self) -> RegisterTest:
        if (self.holding is None) == (self.input is None):
            raise ValueError("name the register: holding or input")
        if sum(word is not None for word in (self.is_, self.within, self.text)) != 1:
            raise ValueError("a test of a register has exactly one of is, within and text")
        if self.registers > 1 and self.text is None:
            raise ValueError("registers belongs to text")
        return self

    @property
    def place(self) -> tuple[int, int, int]:
        """(function, address, count) of the read."""
        function, address = (3, self.holding) if self.holding is not None else (4, self.input or 0)
        return function, address, self.registers


class Match(Strict):
    """What a device of this profile says of itself. All words that are given must hold."""

    sys_object_id: OidText | None = Field(default=None, description="is this or below it")
    sys_descr: str | None = Field(default=None, description="glob, without regard to case")
    probe: OidText | None = Field(default=None, description="a scalar that the device answers")
    value: str | None = Field(default=None, description="glob that the answer to the probe fits")
    column: OidText | None = Field(default=None, description="a table column that has rows; asked last")
    standard: bool = Field(default=False, description="a standard that many vendors speak: theirs goes first")
    registers: tuple[RegisterTest, ...] = Field(default=(), description="Modbus: what these registers hold")

    @model_validator(mode="after")
    def _something(self) -> Match:
        objects = bool(self.sys_object_id or self.sys_descr or self.probe or self.column)
        if not objects and not self.registers:
            raise ValueError("a match has sys_object_id, sys_descr, probe or column, or registers")
        if objects and self.registers:
            raise ValueError("a device is known by its SNMP objects or by its registers, not by both")
        if self.value is not None and self.probe is None:
            raise ValueError("value is what the answer to a probe fits: name the probe")
        return self


class Quirk(Strict):
    """What is different on some devices of the family."""

    name: str
    when: Annotated[tuple[Match, ...], Field(min_length=1, description="any of these")]
    drop: tuple[str, ...] = ()
    change: dict[str, dict[str, Any]] = Field(default_factory=dict, description="point -> words that replace its own")
    points: tuple[Entry, ...] = Field(default=(), description="instead of the family's entries of the same points")
    tables: tuple[Table, ...] = ()


class Modbus(Strict):
    """What all registers of the device share."""

    word_order: Literal["big", "little"] = Field(default="big", description="big: high word first")
    gap: int = Field(default=8, ge=0, le=125, description="unused registers that a read may run over")
    most: int = Field(default=100, ge=1, le=125, description="registers per read")
    never_across: tuple[Registers, ...] = Field(
        default=(), description="[first, last]: no read touches these addresses"
    )
    separate: tuple[Register, ...] = Field(default=(), description="no read runs over the start of these addresses")
    absent: dict[ModbusType, Absent] = Field(default_factory=dict, description="raw values that say nothing, by type")


class Definition(Strict):
    """One profile file. The header (up to `match`) stands first."""

    name: Identifier
    vendor: str
    family: str
    kind: Kind
    source: Annotated[str, Field(min_length=3, description="MIB or public document of the OIDs or registers")]
    description: str = ""
    status: Status = "recorded"
    extends: Identifier | None = None
    match: tuple[Match, ...] = ()
    modbus: Modbus | None = None
    drop: tuple[str, ...] = Field(default=(), description="points of the parent that this family does not have")
    points: tuple[Entry, ...] = ()
    tables: tuple[Table, ...] = ()
    quirks: tuple[Quirk, ...] = ()


def schema() -> Mapping[str, Any]:
    """The JSON Schema of a profile file, for editors."""
    return Definition.model_json_schema()
