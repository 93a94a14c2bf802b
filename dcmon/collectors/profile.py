"""Device profiles: finding, loading and asking them. A profile is a YAML file; see docs/profiles.md.

Only the headers of the shipped profiles are read at start; the rest of one when a device needs it. Those of the
user are read and checked wholly at once, because their faults have to show before the first poll.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from dcmon.collectors import profile_check
from dcmon.collectors.profile_model import Definition, Match, schema
from dcmon.collectors.profile_resolve import Identity, Resolved, resolve
from dcmon.config.parsing import parse
from dcmon.config.vocabulary import vocabulary
from dcmon.config.yamlfile import Loc, Problem, YamlFile, read_yaml
from dcmon.model import ConfigError

SHIPPED = Path(__file__).parent / "profiles"
"""Package data: the profiles that come with dcmon."""

_BODY = re.compile(r"^(?:modbus|drop|points|tables|quirks):", re.MULTILINE)
_HEADER = ("name", "vendor", "family", "kind", "source", "description", "status", "extends", "match")
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Profile:
    """One family of devices. The header is there at once, the definition is read when it is asked for."""

    def __init__(self, path: Path, header: Definition, registry: Mapping[str, Profile]) -> None:
        self.path = path
        self.name = header.name
        self.vendor = header.vendor
        self.family = header.family
        self.kind: str = header.kind
        self.source = header.source
        self.status: str = header.status
        self.extends = header.extends
        self.match: tuple[Match, ...] = header.match
        self._registry = registry

    def __repr__(self) -> str:
        return f"Profile({self.name!r}, {self.path.name!r})"

    @cached_property
    def definition(self) -> Definition:
        """The whole file. Raises ConfigError with file and line when it is not right."""
        try:
            data = yaml.load(self.path.read_text(encoding="utf-8"), Loader=_Loader)
            definition = Definition.model_validate(data)
        except (OSError, ValueError, yaml.YAMLError, ValidationError):
            definition = parse(Definition, read_yaml(self.path))
        return definition

    @property
    def parent(self) -> Profile | None:
        """The profile that this one extends."""
        return None if self.extends is None else self._registry.get(self.extends)

    @property
    def protocol(self) -> str:
        """`snmp` or `modbus`."""
        entries = self.everything.entries()
        return "modbus" if entries and entries[0].oid is None and entries[0].column is None else "snmp"

    def resolve(self, identity: Identity | None = None) -> Resolved:
        """What the profile means for the device that said this of itself."""
        parent = self.parent.resolve(identity) if self.parent is not None else None
        return resolve(self.definition, parent, identity or Identity())

    @cached_property
    def everything(self) -> Resolved:
        """The family's entries and those that any of its quirks brings."""
        resolved = self.resolve()
        quirks = self.definition.quirks
        return Resolved(
            resolved.points + tuple(entry for quirk in quirks for entry in quirk.points),
            resolved.tables + tuple(table for quirk in quirks for table in quirk.tables),
        )

    @cached_property
    def points(self) -> frozenset[str]:
        """Every point that a device of this family may give."""
        return frozenset(self.everything.names())

    @cached_property
    def units(self) -> Mapping[str, str | None]:
        """Unit by point: the vocabulary's, or the profile's own."""
        known = vocabulary()
        units: dict[str, str | None] = {}
        for entry in self.everything.entries():
            units[entry.point] = known[entry.point].unit if entry.point in known else entry.unit
            if entry.rate is not None:
                units[entry.rate.point] = known[entry.rate.point].unit
        return units

    def check(self) -> list[Problem]:
        """Every fault of the file, with its line; empty when there is none."""
        try:
            source = read_yaml(self.path)
            definition = parse(Definition, source)
        except ConfigError as error:
            return [problem for problem in error.problems if isinstance(problem, Problem)]
        problems = _header_order(source, self.path)
        parent = self.parent
        if self.extends is not None and (parent is None or parent.name == self.name):
            message = f"extends {self.extends!r}, which is not known"
            return [*problems, _problem(source, ("extends",), "P002", message, "Name a profile that exists.")]
        if parent is not None and parent.extends is not None:
            message = f"{parent.name} extends a profile itself"
            problems.append(_problem(source, ("extends",), "P002", message, "Extend the one that stands alone."))
        try:
            inherited = parent.definition if parent is not None and parent.extends is None else None
        except ConfigError:
            return problems  # the parent's own check tells what is wrong with it
        faults = profile_check.check(definition, inherited)
        return problems + [_problem(source, loc, number, message, hint) for loc, number, message, hint in faults]


def _problem(source: YamlFile, loc: Loc, number: str, message: str, hint: str) -> Problem:
    return Problem(str(source.path), source.line(loc), number, message, hint)


def _header_order(source: YamlFile, path: Path) -> list[Problem]:
    """The header is read up to the first of the big keys, so it has to stand before them."""
    text = path.read_text(encoding="utf-8")
    body = _BODY.search(text)
    if body is None or not isinstance(source.data, dict):
        return []
    first = text.count("\n", 0, body.start()) + 1
    late = [key for key in _HEADER if key in source.data]
    return [
        Problem(str(path), source.line((key,)), "P001", f"{key} stands behind the points", "Put the header first.")
        for key in late
        if source.line((key,)) > first
    ]


def _read_header(path: Path) -> Definition:
    """The part of the file up to its points. Raises ConfigError."""
    try:
        text = path.read_text(encoding="utf-8")
        body = _BODY.search(text)
        data = yaml.load(text[: body.start()] if body else text, Loader=_Loader)
        return Definition.model_validate(data)
    except (OSError, ValueError, yaml.YAMLError, ValidationError):
        return parse(Definition, read_yaml(path))


@cache
def shipped() -> Mapping[str, Path]:
    """The files of the shipped profiles by name."""
    return {path.stem: path for path in sorted(SHIPPED.glob("*.yaml"))}


def load_profiles(extra_dir: Path | None = None) -> dict[str, Profile]:
    """All profiles by name; those in `extra_dir` (CONFIG/profiles) replace shipped ones of the same name.

    Raises ConfigError with every fault of the user's files, each with file, line and what to do.
    """
    registry: dict[str, Profile] = dict(_load_shipped())
    own = sorted(extra_dir.glob("*.yaml")) if extra_dir is not None and extra_dir.is_dir() else []
    for profile in registry.values():
        profile._registry = registry
    problems: list[object] = []
    added: list[Profile] = []
    for path in own:
        try:
            header = _read_header(path)
        except ConfigError as error:
            problems += error.problems
            continue
        profile = Profile(path, header, registry)
        twin = next((other for other in added if other.name == profile.name), None)
        if twin is not None:
            message = f"the name {profile.name!r} is taken by {twin.path.name}"
            problems.append(Problem(str(path), 1, "P002", message, "Rename one."))
        added.append(profile)
        registry[profile.name] = profile
    for profile in registry.values():
        # A shipped one, too, whose parent was replaced: its drops and quirks may name what is gone.
        if profile in added or profile.parent in added:
            problems += profile.check()
    if problems:
        raise ConfigError(problems)
    return registry


def _load_shipped() -> dict[str, Profile]:
    registry: dict[str, Profile] = {}
    for path in shipped().values():
        header = _shipped_header(path)
        registry[header.name] = Profile(path, header, registry)
    return registry


@cache
def _shipped_header(path: Path) -> Definition:
    return _read_header(path)


def profile_schema() -> Mapping[str, Any]:
    """JSON Schema of a profile file, for editors."""
    return schema()
