"""What the schema of a profile cannot see: points, units and types that fit, and no two that collide."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pydantic import ValidationError

from dcmon.collectors.profile_entry import MODBUS, Fault, faults_of, is_modbus, quantity_of
from dcmon.collectors.profile_model import Definition, Entry, Modbus, Quirk, Table
from dcmon.collectors.profile_registers import modbus_faults, register_faults
from dcmon.collectors.profile_resolve import Identity, Resolved, apply_quirk, resolve
from dcmon.config.parsing import explain
from dcmon.config.yamlfile import Loc
from dcmon.model import DcmonError


def check(definition: Definition, parent: Definition | None) -> Iterator[Fault]:
    """Every fault of one file; places are within the file."""
    places = list(_places(definition))
    inherited = resolve(parent, None, Identity()) if parent is not None else None
    modbus = definition.modbus or (parent.modbus if parent is not None else None) or Modbus()
    for loc, entry in places:
        yield from _entry(loc, entry, modbus)
    yield from _protocol(definition, inherited, places)
    if definition.modbus is not None:
        yield from modbus_faults(definition.modbus)
    for at, points, tables in _sections(definition):
        yield from _collisions(points, tables, at)
        yield from _tables(tables, at)
    yield from _family(definition, inherited, places)
    yield from _quirks(definition, inherited, modbus)


def _sections(definition: Definition) -> Iterator[tuple[Loc, tuple[Entry, ...], tuple[Table, ...]]]:
    yield (), definition.points, definition.tables
    for number, quirk in enumerate(definition.quirks):
        yield ("quirks", number), quirk.points, quirk.tables


def _places(definition: Definition) -> Iterator[tuple[Loc, Entry]]:
    for at, points, tables in _sections(definition):
        for number, entry in enumerate(points):
            yield (*at, "points", number), entry
        for place, table in enumerate(tables):
            for number, entry in enumerate(table.points):
                yield (*at, "tables", place, "points", number), entry


def _entry(loc: Loc, entry: Entry, modbus: Modbus) -> Iterator[Fault]:
    if ("tables" in loc) != (entry.column is not None):
        where = "stands in tables" if entry.column is not None else "stands in points"
        word = next(word for word in ("oid", "column", *MODBUS) if getattr(entry, word) is not None)
        yield (*loc, word), "P004", f"{entry.point}: {word} {where} only", "Move it."
    yield from _at(loc, faults_of(entry))
    if is_modbus(entry):
        yield from _at(loc, register_faults(entry, modbus))


def _at(loc: Loc, faults: Iterator[Fault]) -> Iterator[Fault]:
    for place, number, message, hint in faults:
        yield (*loc, *place), number, message, hint


def _protocol(definition: Definition, parent: Resolved | None, places: list[tuple[Loc, Entry]]) -> Iterator[Fault]:
    registers = [(loc, entry) for loc, entry in places if is_modbus(entry)]
    objects = [(loc, entry) for loc, entry in places if not is_modbus(entry)]
    family = [entry for _, entry in places] + (parent.entries() if parent is not None else [])
    speaks_modbus = bool(family) and is_modbus(family[0])
    if registers and objects:
        yield objects[0][0], "P008", "a profile speaks SNMP or Modbus, not both", "Make two profiles of it."
    elif any(is_modbus(entry) != speaks_modbus for entry in family):
        yield ("extends",), "P008", f"{definition.extends} speaks the other protocol", "Extend one of the same."
    if definition.modbus is not None and objects:
        yield ("modbus",), "P008", "modbus stands in a profile of OIDs", "Remove it."
    if speaks_modbus and not objects and definition.quirks:
        hint = "Remove quirks; collectors.yaml names the profile."
        yield ("quirks",), "P008", "a Modbus device does not say which of its family it is", hint
    for number, rule in enumerate(definition.match):
        if family and bool(rule.registers) != speaks_modbus:
            hint = "Use registers." if speaks_modbus else "Use sys_object_id, sys_descr, probe or column."
            yield ("match", number), "P008", "a device is known by the protocol that it speaks", hint
    if not family:
        yield ("name",), "P008", "the profile gives no point", "Add points or tables."


def _collisions(points: tuple[Entry, ...], tables: tuple[Table, ...], at: Loc) -> Iterator[Fault]:
    """Two entries that may give the same point and index; a fallback and rows told apart by `where` do not."""
    seen: dict[tuple[str, str | None], str] = {}
    for number, entry in enumerate(points):
        key = (entry.point, entry.index)
        if entry.fallback is not None:
            continue
        if key in seen:
            message = f"{entry.point} stands twice without a difference, first as {seen[key]}"
            yield (*at, "points", number), "P009", message, "Give an index, or fallback: index to the second."
        seen.setdefault(key, f"number {number + 1}")
    columns: dict[tuple[str, str], list[bool]] = {}
    for place, table in enumerate(tables):
        for number, entry in enumerate(table.points):
            loc = (*at, "tables", place, "points", number)
            if entry.fallback is not None:
                continue
            if entry.aggregate is not None:
                key = (entry.point, entry.index)
                if key in seen:
                    message = f"{entry.point} stands twice without a difference, first as {seen[key]}"
                    yield loc, "P009", message, "Give an index, or fallback: index to the second."
                seen.setdefault(key, f"number {number + 1} of the table {table.name!r}")
            else:
                others = columns.setdefault((entry.point, table.prefix), [])
                if others and not (entry.where and all(others)):
                    message = f"{entry.point} comes from two columns"
                    hint = "Give the table a prefix, where to the rows of both, or fallback to the second."
                    yield loc, "P009", message, hint
                others.append(bool(entry.where))


def _tables(tables: tuple[Table, ...], at: Loc) -> Iterator[Fault]:
    names: set[str] = set()
    for place, table in enumerate(tables):
        loc = (*at, "tables", place)
        if table.name in names:
            yield (*loc, "name"), "P009", f"two tables are called {table.name!r}", "Rename one."
        names.add(table.name)
        labels = list(table.labels.values())
        twice = next((label for label in labels if labels.count(label) > 1), None)
        if twice is not None:
            yield (*loc, "labels"), "P009", f"two rows are called {twice!r}", "Rename one."


def _family(definition: Definition, parent: Resolved | None, places: list[tuple[Loc, Entry]]) -> Iterator[Fault]:
    """What only shows beside all other entries: drops, fallbacks, rates, and points of one's own that stand twice."""
    for number, point in enumerate(definition.drop):
        if parent is None:
            yield ("drop",), "P010", "drop without extends: there is nothing to drop", "Remove the entry itself."
            break
        if point not in parent.names():
            yield ("drop", number), "P010", f"drop: {point} is not there", "Remove it."
    family = [entry for _, entry in places] + (parent.entries() if parent is not None else [])
    names = {entry.point for entry in family} | {entry.rate.point for entry in family if entry.rate is not None}
    rates = {entry.rate.point for _, entry in places if entry.rate is not None}
    first = {entry.point for entry in family if entry.fallback is None}
    own: dict[str, tuple[str, str | None]] = {}
    for loc, entry in places:
        if entry.fallback is not None and entry.point not in first:
            message = f"{entry.point} is a fallback of nothing"
            yield (*loc, "fallback"), "P009", message, "Remove fallback, or add what goes first."
        if entry.point in rates:
            yield (*loc, "point"), "P009", f"{entry.point} is also the rate of a counter", "Remove one of them."
        if entry.rate is not None and entry.rate.limit is not None and entry.rate.limit not in names:
            yield (*loc, "rate", "limit"), "P003", f"{entry.rate.limit} is none of the profile's points", "Correct it."
        quantity = quantity_of(entry)
        said = (quantity.type, quantity.unit)
        if own.setdefault(entry.point, said) != said:
            message = f"{entry.point} is {_kind(said)} here and {_kind(own[entry.point])} above"
            yield (*loc, "point"), "P006", message, "Give one of them another name."


def _kind(said: tuple[str, str | None]) -> str:
    kind, unit = said
    return f"a {kind} in {unit}" if unit is not None else f"a {kind}"


def _quirks(definition: Definition, parent: Resolved | None, modbus: Modbus) -> Iterator[Fault]:
    base = resolve(definition.model_copy(update={"quirks": ()}), parent, Identity())
    for number, quirk in enumerate(definition.quirks):
        loc: Loc = ("quirks", number)
        yield from _quirk(loc, quirk, base)
        for point, words in quirk.change.items():
            yield from _changed((*loc, "change", point), quirk, {point: words}, base, modbus)


def _quirk(loc: Loc, quirk: Quirk, base: Resolved) -> Iterator[Fault]:
    if not (quirk.drop or quirk.change or quirk.points or quirk.tables):
        yield loc, "P010", f"quirk {quirk.name!r} changes nothing", "Say what, or remove it."
    for number, rule in enumerate(quirk.when):
        if rule.column is not None:
            hint = "Use sys_object_id, sys_descr or probe."
            yield (*loc, "when", number, "column"), "P010", f"quirk {quirk.name!r}: columns are not asked for", hint
    for number, point in enumerate(quirk.drop):
        if point not in base.names():
            message = f"quirk {quirk.name!r} drops {point}, which is not there"
            yield (*loc, "drop", number), "P010", message, "Remove it."
    kept = {entry.point for entry in base.entries()} - set(quirk.drop) - Resolved(quirk.points, quirk.tables).names()
    for point in quirk.change:
        if point not in kept:
            message = f"quirk {quirk.name!r} changes {point}, which the family does not give"
            yield (*loc, "change", point), "P010", message, "Correct the name."


def _changed(
    loc: Loc, quirk: Quirk, change: Mapping[str, Mapping[str, object]], base: Resolved, modbus: Modbus
) -> Iterator[Fault]:
    """The faults of the entries as one change leaves them."""
    point = next(iter(change))
    alone = quirk.model_copy(update={"drop": (), "change": dict(change), "points": (), "tables": ()})
    try:
        changed = apply_quirk(base, alone)
    except DcmonError:
        return  # there is nothing to change, which was said before
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        message, hint = explain(fault, Entry)
        yield (*loc, *fault["loc"]), "P010", f"quirk {quirk.name!r}: {message}", hint
        return
    for entry in changed.entries():
        if entry.point == point:
            yield from _at(loc, faults_of(entry))
            if is_modbus(entry):
                yield from _at(loc, register_faults(entry, modbus))
