"""What the schema of a profile cannot see: points, units and types that fit, and no two that collide."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeAlias

from dcmon.collectors.decode import Quantity
from dcmon.collectors.profile_model import Definition, Entry, Quirk, Reference, Table
from dcmon.collectors.profile_resolve import Resolved, apply_quirk
from dcmon.collectors.transforms import UNITS, conversion
from dcmon.config.vocabulary import Point, vocabulary
from dcmon.model import DcmonError

Loc: TypeAlias = tuple[str | int, ...]
Fault: TypeAlias = tuple[Loc, str, str, str]
"""Where in the file, id of the check, what is wrong, what to do."""

_MODBUS = ("holding", "input", "coil", "discrete")


def quantity_of(entry: Entry) -> Quantity:
    """Name, type and unit of the entry's point: the vocabulary's, else its own."""
    known = vocabulary().get(entry.point)
    if known is not None:
        return Quantity(entry.point, known.type, known.unit, frozenset(known.values))
    kind = entry.type or _guess(entry)
    words = frozenset(word for word in entry.states.values() if isinstance(word, str))
    return Quantity(entry.point, kind, entry.unit, words)


def _guess(entry: Entry) -> str:
    """An own point with states is an enumeration, or a truth; anything else is a number."""
    said = [word for word in entry.states.values() if word is not None]
    if said:
        return "bool" if all(isinstance(word, bool) for word in said) else "enum"
    return "bool" if entry.true_above is not None or entry.true_below is not None else "number"


def check(definition: Definition, parent: Resolved | None) -> Iterator[Fault]:
    """Every fault of one file."""
    places = list(_places(definition))
    for loc, entry in places:
        yield from _entry(loc, entry)
    yield from _protocol(definition, places)
    yield from _collisions(definition.points, definition.tables, ())
    yield from _quirks(definition, parent)


def _places(definition: Definition) -> Iterator[tuple[Loc, Entry]]:
    yield from _entries(definition.points, definition.tables, ())
    for number, quirk in enumerate(definition.quirks):
        yield from _entries(quirk.points, quirk.tables, ("quirks", number))


def _entries(points: tuple[Entry, ...], tables: tuple[Table, ...], at: Loc) -> Iterator[tuple[Loc, Entry]]:
    for number, entry in enumerate(points):
        yield (*at, "points", number), entry
    for place, table in enumerate(tables):
        for number, entry in enumerate(table.points):
            yield (*at, "tables", place, "points", number), entry


def _entry(loc: Loc, entry: Entry) -> Iterator[Fault]:
    in_table = "tables" in loc
    if in_table != (entry.column is not None):
        where = "stands in tables" if entry.column is not None else "stands in points"
        yield loc, "P004", f"{entry.point}: a column {where} only", "Move it."
    known = vocabulary().get(entry.point)
    if known is None:
        yield from _own_point(loc, entry)
    else:
        yield from _known_point(loc, entry, known)
    yield from _unit(loc, entry)
    yield from _value(loc, entry)
    yield from _references(loc, entry)
    if entry.rate is not None and entry.rate.point not in vocabulary():
        yield (*loc, "rate"), "P003", f"{entry.rate.point} is no point of the vocabulary", "Use one that is."


def _own_point(loc: Loc, entry: Entry) -> Iterator[Fault]:
    if entry.description is None:
        hint = "Use a canonical name (dcmon/config/vocabulary.yaml), or give this one a unit and a description."
        yield (*loc, "point"), "P003", f"{entry.point!r} is not in the vocabulary", hint
    elif entry.unit is None and _guess(entry) == "number" and entry.type not in ("bool", "enum"):
        yield loc, "P003", f"{entry.point}: a number of one's own needs a unit", 'Add unit, "1" for a plain count.'
    if entry.unit is not None and entry.unit not in UNITS:
        yield (*loc, "unit"), "P005", f"{entry.point}: {entry.unit!r} is no unit", f"Use one of {_listed(UNITS)}."


def _known_point(loc: Loc, entry: Entry, known: Point) -> Iterator[Fault]:
    for word in ("unit", "type", "description"):
        if getattr(entry, word) is not None:
            hint = "Remove it here; note may say more."
            yield (*loc, word), "P006", f"{entry.point}: the vocabulary says its {word}", hint
    if known.index is None and entry.index is not None and not entry.index:
        yield (*loc, "index"), "P006", f"{entry.point}: an empty index", "Remove it."


def references(entry: Entry) -> list[Reference]:
    """The other values that the entry needs."""
    found: list[Reference] = [*entry.absent_when, *entry.only_when, *entry.scale_from]
    if entry.unit_from is not None:
        found.append(entry.unit_from)
    return found


def _references(loc: Loc, entry: Entry) -> Iterator[Fault]:
    for other in references(entry):
        register = other.holding is not None or other.input is not None
        if register != _is_modbus(entry):
            yield loc, "P008", f"{entry.point} depends on a value of another protocol", "Name one of the same device."
        elif other.column is not None and entry.column is None:
            yield loc, "P004", f"{entry.point} is a scalar and has no row", "Depend on an oid."


def _unit(loc: Loc, entry: Entry) -> Iterator[Fault]:
    target = quantity_of(entry).unit
    sources = [] if entry.given_in is None else [((*loc, "given_in"), entry.given_in)]
    if entry.unit_from is not None:
        sources += [((*loc, "unit_from"), unit) for unit in entry.unit_from.map.values()]
    for place, source in sources:
        if conversion(source, target) is None:
            message = f"{entry.point}: {source} does not become {target or 'a value without unit'}"
            yield place, "P005", message, "Name a unit of the same kind of quantity."


def _value(loc: Loc, entry: Entry) -> Iterator[Fault]:
    quantity = quantity_of(entry)
    said = [word for word in entry.states.values() if word is not None]
    threshold = entry.true_above is not None or entry.true_below is not None
    if quantity.type == "enum":
        if not entry.states:
            yield loc, "P007", f"{entry.point} is an enumeration", "Give states: {raw: word}."
        for word in said:
            if not isinstance(word, str) or (quantity.values and word not in quantity.values):
                hint = f"Use one of {_listed(quantity.values)}; quote off, on, yes and no."
                yield (*loc, "states"), "P007", f"{entry.point}: {word!r} is none of its words", hint
    elif quantity.type == "bool":
        if any(not isinstance(word, bool) for word in said):
            yield (*loc, "states"), "P007", f"{entry.point} is true or false", "Map raw values to true and false."
        raw_truth = entry.bit is not None or entry.coil is not None or entry.discrete is not None
        if not entry.states and not threshold and not raw_truth and entry.aggregate not in ("any", "all"):
            yield loc, "P007", f"{entry.point} is true or false", "Give states, true_above, true_below or bit."
    elif entry.states or threshold:
        yield loc, "P007", f"{entry.point} is a {quantity.type}", "states and thresholds do not belong to it."
    if entry.rate is not None and quantity.type != "counter":
        yield (*loc, "rate"), "P007", f"{entry.point} is no counter", "Only counters have rates."


def _protocol(definition: Definition, places: list[tuple[Loc, Entry]]) -> Iterator[Fault]:
    registers = [(loc, entry) for loc, entry in places if _is_modbus(entry)]
    objects = [(loc, entry) for loc, entry in places if not _is_modbus(entry)]
    if registers and objects:
        yield objects[0][0], "P008", "a profile speaks SNMP or Modbus, not both", "Make two profiles of it."
    if definition.modbus is not None and objects:
        yield ("modbus",), "P008", "modbus stands in a profile of OIDs", "Remove it."
    if not places and definition.extends is None:
        yield ("name",), "P008", "the profile gives no point", "Add points or tables."


def _is_modbus(entry: Entry) -> bool:
    return any(getattr(entry, source) is not None for source in _MODBUS)


def _collisions(points: tuple[Entry, ...], tables: tuple[Table, ...], at: Loc) -> Iterator[Fault]:
    """Two entries that may give the same point and index; a fallback and rows told apart by `where` do not."""
    seen: dict[tuple[str, str | None], int] = {}
    for number, entry in enumerate(points):
        key = (entry.point, entry.index)
        if key in seen and entry.fallback is None:
            message = f"{entry.point} stands twice without a difference, first as number {seen[key] + 1}"
            yield (*at, "points", number), "P009", message, "Give an index, or fallback: index to the second."
        seen.setdefault(key, number)
    columns: dict[tuple[str, str | None, str], Loc] = {}
    for place, table in enumerate(tables):
        for number, entry in enumerate(table.points):
            loc = (*at, "tables", place, "points", number)
            aggregated = entry.index or ("" if entry.aggregate else None)
            column = (entry.point, aggregated, "" if entry.aggregate else table.prefix)
            if column in columns and entry.fallback is None and not entry.where:
                message = f"{entry.point} comes from two columns"
                yield loc, "P009", message, "Give the table a prefix, where to the rows, or fallback to the second."
            columns.setdefault(column, loc)


def _quirks(definition: Definition, parent: Resolved | None) -> Iterator[Fault]:
    base = Resolved(definition.points, definition.tables)
    if parent is not None:
        base = Resolved(parent.points + base.points, parent.tables + base.tables)
    for number, quirk in enumerate(definition.quirks):
        loc: Loc = ("quirks", number)
        try:
            changed = apply_quirk(base, quirk)
        except (ValueError, DcmonError) as error:
            yield (*loc, "change"), "P010", f"quirk {quirk.name!r}: {_first_line(error)}", "Correct the change."
            continue
        yield from _unknown_drops(quirk, base, loc)
        for entry in changed.entries():
            if entry.point in quirk.change:
                yield from _at(loc, _entry_faults(entry))


def _entry_faults(entry: Entry) -> Iterator[Fault]:
    yield from _unit((), entry)
    yield from _value((), entry)


def _at(loc: Loc, faults: Iterator[Fault]) -> Iterator[Fault]:
    for _, number, message, hint in faults:
        yield (*loc, "change"), number, message, hint


def _unknown_drops(quirk: Quirk, base: Resolved, loc: Loc) -> Iterator[Fault]:
    for point in quirk.drop:
        if point not in base.names():
            yield (*loc, "drop"), "P010", f"quirk {quirk.name!r} drops {point}, which is not there", "Remove it."


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return " ".join(line.strip() for line in lines[-2:-1] or lines)


def _listed(words: frozenset[str]) -> str:
    return ", ".join(sorted(words))
