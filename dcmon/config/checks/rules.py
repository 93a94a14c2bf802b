"""Checks of rules.yaml."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from dcmon.config.checks.knowledge import Knowledge
from dcmon.config.conditions import Condition, Select, Test
from dcmon.config.config import Config
from dcmon.config.loader import Loaded
from dcmon.config.rule_kinds import (
    BlindRule,
    CapacityRule,
    CountRule,
    FollowsRule,
    FuelRule,
    LimitRule,
    RiseRule,
    RosterGapRule,
    StateRule,
    UnusualRule,
)
from dcmon.config.rules import Rule
from dcmon.config.sequences import StepRule
from dcmon.config.site import Asset, AssetKind
from dcmon.config.vocabulary import vocabulary
from dcmon.config.yamlfile import Loc, Problem


def _selects(rule: Rule) -> Select | None:
    return rule.select if isinstance(rule, StateRule | LimitRule | RiseRule | UnusualRule) else None


class _Placed(NamedTuple):
    """A condition: where it stands, whose it is, and about which assets it is."""

    loc: Loc
    owner: str
    condition: Condition
    assets: tuple[str, ...]


def _conditions(config: Config) -> Iterator[_Placed]:
    """Every condition of rules, steps and sequences."""
    members = {group.id: group.members for group in config.site.groups}
    for place, rule in config.rules.placed():
        match rule:
            case CountRule() | CapacityRule():
                lists, assets = {"able": rule.able}, members.get(rule.group, ())
            case FollowsRule():
                lists, assets = {"when": rule.when, "then": rule.then}, (rule.asset,)
            case StepRule():
                lists, assets = {"then": rule.then}, (rule.asset,)
            case _:
                continue
        for key, conditions in lists.items():
            yield from _each((*place, key), f"rule {rule.id}", conditions, assets)
    for position, sequence in enumerate(config.rules.sequences):
        place, owner, assets = ("sequences", position), f"sequence {sequence.id}", (sequence.asset,)
        yield from _each((*place, "when"), owner, sequence.when, assets)
        for number, forbidden in enumerate(sequence.never):
            yield from _each((*place, "never", number, "when"), owner, forbidden.when, assets)


def _each(place: Loc, owner: str, conditions: Sequence[Condition], assets: tuple[str, ...]) -> Iterator[_Placed]:
    for position, condition in enumerate(conditions):
        yield _Placed((*place, position), owner, condition, (condition.asset,) if condition.asset else assets)


def references(loaded: Loaded, _: Knowledge) -> Iterator[Problem]:
    """D301: a rule names an unknown asset or group."""
    config = loaded.config
    assets = {asset.id for asset in config.site.assets}
    groups = {group.id for group in config.site.groups}
    rosters = {roster.id for roster in config.people.rosters}
    named: list[tuple[Loc, str, str]] = []
    for place, rule in config.rules.placed():
        select = _selects(rule)
        owner = f"rule {rule.id}"
        if select is not None:
            named += [((*place, "select", "assets", number), owner, name) for number, name in enumerate(select.assets)]
        if isinstance(rule, FuelRule):
            named += [((*place, "tanks", number), owner, name) for number, name in enumerate(rule.tanks)]
        if isinstance(rule, BlindRule | FollowsRule | StepRule | RosterGapRule):
            named.append(((*place, "asset"), owner, rule.asset))
        for number, name in enumerate(rule.rosters if isinstance(rule, RosterGapRule) else ()):
            if name not in rosters:
                message = f"rule {rule.id} names the unknown roster {name!r}"
                yield loaded.problem("D301", "rules", (*place, "rosters", number), message, "Correct the id.")
        if isinstance(rule, CountRule | CapacityRule) and rule.group not in groups:
            message = f"rule {rule.id} names the unknown group {rule.group!r}"
            yield loaded.problem("D301", "rules", (*place, "group"), message, "Correct the id.")
    for position, sequence in enumerate(config.rules.sequences):
        place, owner = ("sequences", position), f"sequence {sequence.id}"
        named.append(((*place, "asset"), owner, sequence.asset))
        named += [
            ((*place, "measure", number, "asset"), owner, one.asset) for number, one in enumerate(sequence.measure)
        ]
    named += [
        ((*one.loc, "asset"), one.owner, one.condition.asset) for one in _conditions(config) if one.condition.asset
    ]
    for loc, owner, name in named:
        if name not in assets and not ("select" in loc and name in groups):
            yield loaded.problem("D301", "rules", loc, f"{owner} names the unknown asset {name!r}", "Correct the id.")


def selected(config: Config, select: Select) -> list[Asset]:
    """The assets that a Select means."""
    return [
        asset
        for asset in config.site.assets
        if (not select.kinds or asset.kind in select.kinds) and (not select.assets or asset.id in select.assets)
    ]


def points_given(loaded: Loaded, knowledge: Knowledge) -> Iterator[Problem]:
    """D302: a rule judges a point that no device gives."""
    config = loaded.config
    given = knowledge.points_by_asset(config)
    wanted: list[tuple[Loc, str, str, Sequence[str]]] = []
    for place, rule in config.rules.placed():
        select = _selects(rule)
        # dcmon's own points come from no device.
        if select is not None and set(select.kinds) != {AssetKind.AGENT}:
            chosen = [asset.id for asset in selected(config, select)]
            chosen += [group.id for group in config.site.groups if group.id in select.assets]
            wanted.append(((*place, "select"), f"rule {rule.id}", select.point, chosen))
    wanted += [(one.loc, one.owner, one.condition.point, one.assets) for one in _conditions(config)]
    for position, sequence in enumerate(config.rules.sequences):
        for number, one in enumerate(sequence.measure):
            wanted.append(
                (("sequences", position, "measure", number), f"sequence {sequence.id}", one.point, [one.asset])
            )
    for loc, owner, point, assets in wanted:
        if not any(point in given.get(asset, ()) or "*" in given.get(asset, ()) for asset in assets):
            message = f"{owner} judges {point}, which no device gives to any asset it selects"
            hint = "Correct the point or the selection, or add the device; `dcmon poll` shows what a device gives."
            yield loaded.problem("D302", "rules", loc, message, hint)


def tests_fit(loaded: Loaded, _: Knowledge) -> Iterator[Problem]:
    """D303: a rule's test does not fit the point's type."""
    tests: list[tuple[Loc, str, str, Test]] = []
    for place, rule in loaded.config.rules.placed():
        if isinstance(rule, StateRule):
            tests.append((place, f"rule {rule.id}", rule.select.point, rule))
        if isinstance(rule, LimitRule | RiseRule | UnusualRule):
            known = vocabulary().get(rule.select.point)
            if known is not None and known.type not in ("number", "counter"):
                message = f"rule {rule.id}: {rule.select.point} is no number but {known.type}"
                yield loaded.problem("D303", "rules", place, message, "Use kind: state.")
    tests += [(one.loc, one.owner, one.condition.point, one.condition) for one in _conditions(loaded.config)]
    for loc, owner, point, test in tests:
        misfit = _misfit(point, test)
        if misfit:
            yield loaded.problem("D303", "rules", loc, f"{owner}: {misfit}", "")


def _misfit(point: str, test: Test) -> str | None:
    known = vocabulary().get(point)
    if known is None:
        return None
    if test.above is not None or test.below is not None:
        return None if known.type in ("number", "counter") else f"{point} is {known.type} and has no above or below"
    words = [test.is_] if test.is_ is not None else [*(test.in_ or test.not_in or ())]
    for word in words:
        if known.type == "bool" and not isinstance(word, bool):
            return f"{point} is true or false, never {word!r}"
        if known.type == "enum" and word not in known.values:
            return f"{point} is never {word!r}; it is one of {', '.join(known.values)}"
        if known.type in ("number", "counter") and (isinstance(word, bool) or not isinstance(word, int | float)):
            return f"{point} is a number, never {word!r}"
    return None


def paging_rules_explain(loaded: Loaded, _: Knowledge) -> Iterator[Problem]:
    """D304: a paging rule has no cause, consequence or response."""
    for file, place, rule in loaded.config.placed():
        missing = [word for word in ("cause", "consequence", "response") if not getattr(rule, word).strip()]
        if rule.page and missing:
            message = f"rule {rule.id} pages people but has no {', '.join(missing)}"
            hint = "Write what they need at 3 a.m., or set page: false."
            yield loaded.problem("D304", file, place, message, hint)


_PROMISE = re.compile(r"T(0[1-9]|[12]\d|3[0-2])")


def promises(loaded: Loaded, _: Knowledge) -> Iterator[Problem]:
    """D305: a rule proves an unknown promise."""
    rules = loaded.config.rules
    named = [(place, f"rule {rule.id}", rule.tom) for place, rule in rules.placed()]
    named += [(("sequences", place), f"sequence {one.id}", one.tom) for place, one in enumerate(rules.sequences)]
    duties = [(place, f"duty {duty.id}", duty.tom) for place, duty in loaded.config.duties.placed()]
    for file, list_ in (("rules", named), ("register", duties)):
        for place, owner, toms in list_:
            for number, promise in enumerate(toms):
                if not _PROMISE.fullmatch(promise):
                    message = f"{owner} names the promise {promise!r}"
                    yield loaded.problem("D305", file, (*place, "tom", number), message, "Use T01 to T32.")


def evidence(loaded: Loaded, knowledge: Knowledge) -> Iterator[Problem]:
    """D307: promises have no evidence on this site (warning)."""
    if knowledge.unshown:
        message = f"nothing on this site gives evidence of {', '.join(knowledge.unshown)}"
        hint = "docs/promises.md says how each is shown; reports say that it is not."
        yield loaded.problem("D307", "rules", (), message, hint, warning=True)


def targets(loaded: Loaded, knowledge: Knowledge) -> Iterator[Problem]:
    """D306: a target is set for an unknown control."""
    for control in loaded.config.rules.targets:
        if control not in knowledge.controls:
            message = f"the control {control!r} is not in the catalogue"
            hint = f"Known are {', '.join(sorted(knowledge.controls))}."
            yield loaded.problem("D306", "rules", ("targets", control), message, hint)
