"""What a profile means for one device: parent, family and quirks put together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from dcmon.collectors.profile_model import Definition, Entry, Match, Quirk, RegisterTest, Table
from dcmon.model import DcmonError


@dataclass(frozen=True, slots=True)
class Identity:
    """What a device said of itself: kept in the journal, compared at every slow poll. All text, all optional."""

    sys_object_id: str = ""
    sys_descr: str = ""
    probes: Mapping[str, str] = field(default_factory=dict)
    """Probed OID -> printable answer; OIDs that nobody answered are not in it."""
    registers: Mapping[tuple[int, int], int] = field(default_factory=dict)
    """(function, address) -> what a Modbus device said; what it refused is not in it."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """Entries and tables of one device, in the order of the profile."""

    points: tuple[Entry, ...] = ()
    tables: tuple[Table, ...] = ()

    def names(self) -> set[str]:
        """Every point that can appear, rates among them."""
        found: set[str] = set()
        for entry in self.entries():
            found.add(entry.point)
            if entry.rate is not None:
                found.add(entry.rate.point)
        return found

    def entries(self) -> list[Entry]:
        return [*self.points, *(entry for table in self.tables for entry in table.points)]


def matches(rule: Match, identity: Identity) -> bool:
    """Whether the device fits; a rule on a table column cannot be told from an Identity unless it was probed."""
    if rule.sys_object_id is not None and not below(identity.sys_object_id, rule.sys_object_id):
        return False
    if rule.sys_descr is not None and not fits(identity.sys_descr, rule.sys_descr):
        return False
    if rule.probe is not None:
        answer = identity.probes.get(rule.probe)
        if answer is None or (rule.value is not None and not fits(answer, rule.value)):
            return False
    if not all(_holds(test, identity.registers) for test in rule.registers):
        return False
    return rule.column is None or rule.column in identity.probes


def _holds(test: RegisterTest, registers: Mapping[tuple[int, int], int]) -> bool:
    function, address, count = test.place
    found = [registers.get((function, address + offset)) for offset in range(count)]
    known = [value for value in found if value is not None]
    if len(known) < count:
        return False
    if test.text is not None:
        octets = b"".join(value.to_bytes(2, "big") for value in known)
        return fits(octets.decode("ascii", "replace").strip("\0 "), test.text)
    if test.within is not None:
        return test.within[0] <= known[0] <= test.within[1]
    return known[0] in (test.is_ or ())


def below(oid: str, root: str) -> bool:
    """Whether `oid` is `root` or below it."""
    oid = oid.removeprefix(".")
    return oid == root or oid.startswith(root + ".")


def fits(text: str, glob: str) -> bool:
    """Whether a text fits a glob, whatever its case."""
    return fnmatchcase(text.casefold(), glob.casefold())


def resolve(definition: Definition, parent: Resolved | None, identity: Identity) -> Resolved:
    """`parent` is the already resolved parent when the profile extends one."""
    resolved = Resolved(definition.points, definition.tables)
    if parent is not None:
        own = Resolved(definition.points, definition.tables).names() | set(definition.drop)
        inherited = without(parent, own)
        resolved = Resolved(inherited.points + definition.points, inherited.tables + definition.tables)
    for quirk in definition.quirks:
        if any(matches(rule, identity) for rule in quirk.when):
            resolved = apply_quirk(resolved, quirk)
    return resolved


def apply_quirk(resolved: Resolved, quirk: Quirk) -> Resolved:
    """Drops, changes, then adds. ValueError of pydantic when a changed entry is no longer one."""
    added = Resolved(quirk.points, quirk.tables)
    kept = without(resolved, set(quirk.drop) | added.names())
    missing = set(quirk.change) - kept.names()
    if missing:
        raise DcmonError(f"quirk {quirk.name!r} changes {', '.join(sorted(missing))}, which the family does not give")
    points = tuple(_changed(entry, quirk.change) for entry in kept.points)
    tables = tuple(
        table.model_copy(update={"points": tuple(_changed(entry, quirk.change) for entry in table.points)})
        for table in kept.tables
    )
    return Resolved(points + added.points, tables + added.tables)


def _changed(entry: Entry, change: Mapping[str, Mapping[str, Any]]) -> Entry:
    words = change.get(entry.point)
    if words is None:
        return entry
    return Entry.model_validate({**entry.model_dump(by_alias=True, exclude_unset=True), **words})


def without(resolved: Resolved, names: Iterable[str]) -> Resolved:
    """All but these points; tables that have none left disappear."""
    gone = set(names)
    tables = []
    for table in resolved.tables:
        points = tuple(entry for entry in table.points if entry.point not in gone)
        if points:
            tables.append(table.model_copy(update={"points": points}))
    return Resolved(tuple(entry for entry in resolved.points if entry.point not in gone), tuple(tables))
