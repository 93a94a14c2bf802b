"""Checks of rules.yaml."""

from __future__ import annotations

import re
from collections.abc import Iterator

from dcmon.config.checks.knowledge import Knowledge
from dcmon.config.config import Config
from dcmon.config.loader import Loaded
from dcmon.config.rules import (
    BlindRule,
    CapacityRule,
    Condition,
    CountRule,
    FollowsRule,
    LimitRule,
    RiseRule,
    Rule,
    Select,
    StateRule,
    Test,
)
from dcmon.config.site import Asset, AssetKind
from dcmon.config.vocabulary import vocabulary
from dcmon.config.yamlfile import Problem

Loc = tuple[str | int, ...]


def _selects(rule: Rule) -> Select | None:
    return rule.select if isinstance(rule, StateRule | LimitRule | RiseRule) else None


def _conditions(rule: Rule) -> Iterator[tuple[Loc, Condition]]:
    match rule:
        case CountRule() | CapacityRule():
            lists = {"able": rule.able}
        case FollowsRule():
            lists = {"when": rule.when, "then": rule.then}
        case _:
            lists = {}
    for key, conditions in lists.items():
        for position, condition in enumerate(conditions):
            yield (key, position), condition


def references(loaded: Loaded, _: Knowledge) -> Iterator[Problem]:
    """D301: a rule names an unknown asset or group."""
    assets = {asset.id for asset in loaded.config.site.assets}
    groups = {group.id for group in loaded.config.site.groups}
    for position, rule in enumerate(loaded.config.rules.rules):
        named: list[tuple[Loc, str]] = []
        select = _selects(rule)
        if select is not None:
            named += [(("select", "assets", place), name) for place, name in enumerate(select.assets)]
        if isinstance(rule, FollowsRule | BlindRule):
            named.append((("asset",), rule.asset))
        named += [((*loc, "asset"), condition.asset) for loc, condition in _conditions(rule) if condition.asset]
        for loc, name in named:
            if name not in assets:
                message = f"rule {rule.id} names the unknown asset {name!r}"
                yield loaded.problem("D301", "rules", ("rules", position, *loc), message, "Correct the id.")
        if isinstance(rule, CountRule | CapacityRule) and rule.group not in groups:
            message = f"rule {rule.id} names the unknown group {rule.group!r}"
            yield loaded.problem("D301", "rules", ("rules", position, "group"), message, "Correct the id.")


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
    members = {group.id: group.members for group in config.site.groups}
    for position, rule in enumerate(config.rules.rules):
        select = _selects(rule)
        wanted: list[tuple[Loc, str, list[str]]] = []
        if select is not None:
            wanted.append((("select",), select.point, [asset.id for asset in selected(config, select)]))
            if set(select.kinds) == {AssetKind.AGENT}:
                continue  # dcmon's own points come from no device
        for loc, condition in _conditions(rule):
            assets = [condition.asset] if condition.asset else list(members.get(getattr(rule, "group", ""), ()))
            wanted.append((loc, condition.point, assets))
        for loc, point, assets in wanted:
            if not any(point in given.get(asset, ()) or "*" in given.get(asset, ()) for asset in assets):
                message = f"rule {rule.id} judges {point}, which no device gives to any asset it selects"
                hint = "Correct the point or the selection, or add the device; `dcmon poll` shows what a device gives."
                yield loaded.problem("D302", "rules", ("rules", position, *loc), message, hint)


def tests_fit(loaded: Loaded, _: Knowledge) -> Iterator[Problem]:
    """D303: a rule's test does not fit the point's type."""
    for position, rule in enumerate(loaded.config.rules.rules):
        tests: list[tuple[Loc, str, Test]] = []
        if isinstance(rule, StateRule):
            tests.append(((), rule.select.point, rule))
        tests += [(loc, condition.point, condition) for loc, condition in _conditions(rule)]
        for loc, point, test in tests:
            message = _misfit(point, test)
            if message:
                yield loaded.problem("D303", "rules", ("rules", position, *loc), f"rule {rule.id}: {message}", "")
        if isinstance(rule, LimitRule | RiseRule):
            known = vocabulary().get(rule.select.point)
            if known is not None and known.type not in ("number", "counter"):
                message = f"rule {rule.id}: {rule.select.point} is no number but {known.type}"
                yield loaded.problem("D303", "rules", ("rules", position), message, "Use kind: state.")


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
    for position, rule in enumerate(loaded.config.rules.rules):
        missing = [word for word in ("cause", "consequence", "response") if not getattr(rule, word).strip()]
        if rule.page and missing:
            message = f"rule {rule.id} pages people but has no {', '.join(missing)}"
            hint = "Write what they need at 3 a.m., or set page: false."
            yield loaded.problem("D304", "rules", ("rules", position), message, hint)


_PROMISE = re.compile(r"T(0[1-9]|[12]\d|3[0-2])")


def promises(loaded: Loaded, _: Knowledge) -> Iterator[Problem]:
    """D305: a rule proves an unknown promise."""
    for position, rule in enumerate(loaded.config.rules.rules):
        for place, promise in enumerate(rule.tom):
            if not _PROMISE.fullmatch(promise):
                message = f"rule {rule.id} names the promise {promise!r}"
                yield loaded.problem("D305", "rules", ("rules", position, "tom", place), message, "Use T01 to T32.")


def targets(loaded: Loaded, knowledge: Knowledge) -> Iterator[Problem]:
    """D306: a target is set for an unknown control."""
    for control in loaded.config.rules.targets:
        if control not in knowledge.controls:
            message = f"the control {control!r} is not in the catalogue"
            hint = f"Known are {', '.join(sorted(knowledge.controls))}."
            yield loaded.problem("D306", "rules", ("targets", control), message, hint)
