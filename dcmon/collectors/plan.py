"""From a profile and a device's identity to what has to be asked: the fewest requests, every value decoded by a
closure that is made here once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from dcmon.collectors.decode import Quantity, compile_value
from dcmon.collectors.decode_answer import Column, CompiledRate, GroupNames, Scalar, SnmpGroup, Table, oid_of
from dcmon.collectors.decode_conditions import compile_condition
from dcmon.collectors.decode_dynamic import Dynamic
from dcmon.collectors.decode_modbus import FUNCTION_NAMES, WORDS, Block, ModbusGroup, Slot, assembler
from dcmon.collectors.profile import Profile
from dcmon.collectors.profile_entry import quantity_of, references
from dcmon.collectors.profile_model import Entry, IndexNames, Modbus, RowCondition
from dcmon.collectors.profile_model import Table as TableModel
from dcmon.collectors.profile_resolve import Identity, Resolved
from dcmon.collectors.snmp import Oid
from dcmon.collectors.transforms import plausible
from dcmon.config.vocabulary import unit_of, vocabulary

_ANSWER_OCTETS: Final = 1_300
"""Of variable bindings in one answer; headers and community come on top, and above 1,400 octets answers get lost."""
_VALUE_OCTETS: Final = 8
_TEXT_OCTETS: Final = 48
_MOST_OIDS: Final = 60

GROUPS: Final = ("fast", "slow", "all")

Group: TypeAlias = SnmpGroup | ModbusGroup


@dataclass(frozen=True, slots=True)
class Plan:
    """What one device is asked. Groups: fast (mains, UPS source, breakers ...), slow (the rest), all (both at once)."""

    profile: str
    kind: str
    protocol: str
    groups: Mapping[str, Group]
    units: Mapping[str, str | None]
    points: frozenset[str]

    def requests(self, group: str) -> int:
        """How many GETs, walks or reads a poll of the group begins."""
        found = self.groups[group]
        return len(found.blocks) if isinstance(found, ModbusGroup) else len(found.gets) + len(found.walks)


def compile_plan(profile: Profile, identity: Identity | None = None) -> Plan:
    """The plan of a device of this profile that said `identity` of itself. Raises ConfigError for a faulty profile."""
    resolved = profile.resolve(identity)
    protocol = profile.protocol
    groups: dict[str, Group] = {}
    for name in GROUPS:
        part = _part(resolved, name)
        if protocol == "modbus":
            groups[name] = _modbus_group(part, profile.definition.modbus or _parent_modbus(profile))
        else:
            groups[name] = _snmp_group(part)
    return Plan(profile.name, profile.kind, protocol, groups, profile.units, frozenset(resolved.names()))


def _parent_modbus(profile: Profile) -> Modbus:
    parent = profile.parent
    return (parent.definition.modbus if parent is not None else None) or Modbus()


def is_fast(entry: Entry) -> bool:
    """Whether the vocabulary (or an own point itself) puts the entry into the fast poll."""
    known = vocabulary().get(entry.point)
    return known.fast if known is not None else bool(entry.fast)


def _part(resolved: Resolved, group: str) -> Resolved:
    if group == "all":
        return resolved
    fast = group == "fast"
    tables = []
    for table in resolved.tables:
        points = tuple(entry for entry in table.points if is_fast(entry) == fast)
        if points:
            tables.append(table.model_copy(update={"points": points}))
    return Resolved(tuple(entry for entry in resolved.points if is_fast(entry) == fast), tuple(tables))


# --- SNMP ---


def _snmp_group(part: Resolved) -> SnmpGroup:
    wanted: dict[Oid, int] = {}
    for entry in part.points:
        if entry.oid is not None:
            _want(wanted, entry.oid, entry)
        if entry.named_by is not None:
            _want(wanted, entry.named_by, None, _TEXT_OCTETS)
    for entry in part.entries():
        for reference in references(entry):
            if reference.oid is not None:
                _want(wanted, reference.oid, None)
        if entry.rate is not None:
            _want(wanted, entry.rate.uptime, None)
    for table in part.tables:
        if table.rows is not None:
            _want(wanted, table.rows, None)
    tables = tuple(_table(table) for table in part.tables)
    walks = _walks(part.tables, tables)
    scalars = tuple(_scalar(entry) for entry in part.points if entry.oid is not None)
    return SnmpGroup(_gets(wanted), walks, scalars, tables)


def _want(wanted: dict[Oid, int], text: str, entry: Entry | None, octets: int = _VALUE_OCTETS) -> None:
    octets = _TEXT_OCTETS if entry is not None and entry.text is not None else octets
    oid = oid_of(text)
    wanted[oid] = max(wanted.get(oid, 0), len(oid) + 6 + octets)


def _gets(wanted: Mapping[Oid, int]) -> tuple[tuple[Oid, ...], ...]:
    """As few GETs as their answers allow, each of the same objects at every poll, so that they can be kept encoded."""
    gets: list[list[Oid]] = []
    room = 0
    for oid, octets in wanted.items():
        if octets > room or len(gets[-1]) >= _MOST_OIDS:
            gets.append([])
            room = _ANSWER_OCTETS
        gets[-1].append(oid)
        room -= octets
    return tuple(tuple(oids) for oids in gets)


def _walks(models: Sequence[TableModel], tables: Sequence[Table]) -> tuple[tuple[Oid, ...], ...]:
    """One walk per table; small ones share one, because a GETBULK brings all their rows at once."""
    small: dict[Oid, None] = {}
    walks: list[tuple[Oid, ...]] = []
    for model, table in zip(models, tables, strict=True):
        if model.small:
            small.update(dict.fromkeys(table.columns))
        else:
            walks.append(table.columns)
    return (*((tuple(small),) if small else ()), *walks)


def _dynamic(entry: Entry, quantity: Quantity) -> Dynamic | None:
    return Dynamic(entry, quantity) if references(entry) or entry.hide_absent else None


def _scalar(entry: Entry) -> Scalar:
    quantity = quantity_of(entry)
    return Scalar(
        oid_of(entry.oid or ""),
        entry.point,
        entry.index,
        entry.oid or "",
        compile_value(entry, quantity),
        _dynamic(entry, quantity),
        entry.required,
        entry.fallback,
        oid_of(entry.named_by) if entry.named_by is not None else None,
    )


def _table(model: TableModel) -> Table:
    columns: dict[Oid, None] = {}
    slots = []
    for entry in model.points:
        slot = _column(entry)
        slots.append(slot)
        columns[slot.column] = None
    names = tuple(oid_of(text) for text in model.index.columns) if isinstance(model.index, IndexNames) else ()
    columns.update(dict.fromkeys(names))
    group = _group(model)
    if group is not None:
        columns.update(dict.fromkeys((group.column, group.text)))
    for entry in model.points:
        columns.update(dict.fromkeys(oid_of(ref.column) for ref in references(entry) if ref.column is not None))
        columns.update(dict.fromkeys(_condition_columns(entry.where)))
        if entry.rate is not None and entry.rate.discontinuity is not None:
            columns[oid_of(entry.rate.discontinuity)] = None
    columns.update(dict.fromkeys(_condition_columns(model.skip)))
    return Table(
        tuple(columns),
        tuple(slots),
        "suffix" if isinstance(model.index, IndexNames) else model.index,
        names,
        model.labels,
        model.prefix,
        oid_of(model.rows) if model.rows is not None else None,
        tuple(compile_condition(condition, oid_of) for condition in model.skip),
        group,
    )


def _group(model: TableModel) -> GroupNames | None:
    said = model.index.group if isinstance(model.index, IndexNames) else None
    if said is None:
        return None
    return GroupNames(oid_of(said.column), said.member, oid_of(said.text), frozenset(said.unsaid))


def _condition_columns(conditions: Iterable[RowCondition]) -> list[Oid]:
    found: list[Oid] = []
    for condition in conditions:
        if condition.column is not None:
            found.append(oid_of(condition.column))
        found += _condition_columns(condition.all_)
    return found


def _column(entry: Entry) -> Column:
    quantity = quantity_of(entry)
    text = entry.column or ""
    rate = entry.rate
    return Column(
        oid_of(text),
        text + ".",
        entry.point,
        entry.index,
        compile_value(entry, quantity),
        _dynamic(entry, quantity),
        tuple(compile_condition(condition, oid_of) for condition in entry.where),
        entry.fallback,
        entry.aggregate,
        frozenset(entry.count),
        CompiledRate(
            rate.point,
            rate.factor,
            rate.limit,
            oid_of(rate.uptime),
            oid_of(rate.discontinuity) if rate.discontinuity is not None else None,
            plausible(rate.point, unit_of(rate.point)),
        )
        if rate is not None
        else None,
        plausible(entry.point, quantity.unit),
    )


# --- Modbus ---


def _modbus_group(part: Resolved, modbus: Modbus) -> ModbusGroup:
    slots = tuple(_slot(entry, modbus) for entry in part.points)
    spans = {Block(slot.function, slot.address, slot.words) for slot in slots}
    for reference in (reference for entry in part.points for reference in references(entry)):
        if reference.holding is not None:
            spans.add(Block(3, reference.holding, 1))
        if reference.input is not None:
            spans.add(Block(4, reference.input, 1))
    return ModbusGroup(merge(spans, modbus), slots, tuple(sorted(spans)))


def _slot(entry: Entry, modbus: Modbus) -> Slot:
    function, address = _address(entry)
    kind = entry.as_ or "bit"
    counted = frozenset(entry.count)
    count = entry.registers if kind in ("bits", "nibbles") else WORDS[kind]
    words = entry.model_copy(update={"absent": (*entry.absent, *modbus.absent.get(kind, ()))})
    quantity = quantity_of(entry)
    return Slot(
        function,
        address,
        count,
        entry.point,
        entry.index,
        f"{FUNCTION_NAMES[function]} {address}",
        assembler(kind, entry.word_order or modbus.word_order, counted),
        compile_value(words, quantity),
        _dynamic(words, quantity),
        entry.required,
        entry.fallback,
    )


def _address(entry: Entry) -> tuple[int, int]:
    for function, name in FUNCTION_NAMES.items():
        address = getattr(entry, name)
        if address is not None:
            return function, int(address)
    raise ValueError(f"{entry.point} has no register")


def merge(values: Iterable[Block], modbus: Modbus) -> tuple[Block, ...]:
    """The fewest reads: over gaps that the profile allows, never into a forbidden one, never longer than it allows."""
    spans = sorted({(value.function, value.address, value.address + value.count) for value in values})
    blocks: list[tuple[int, int, int]] = []
    for function, start, end in spans:
        if blocks:
            last_function, first, stop = blocks[-1]
            longer = max(stop, end)
            if (
                function == last_function
                and start - stop <= modbus.gap
                and longer - first <= modbus.most
                and not (start > stop and _forbidden(stop, start, modbus))
                and not any(first < number <= start for number in modbus.separate)
            ):
                blocks[-1] = (function, first, longer)
                continue
        blocks.append((function, start, end))
    return tuple(Block(function, start, end - start) for function, start, end in blocks)


def _forbidden(start: int, end: int, modbus: Modbus) -> bool:
    """Whether the gap [start, end) touches addresses that must not be read."""
    return any(first < end and start <= last for first, last in modbus.never_across)
