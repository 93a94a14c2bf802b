"""Checks of register.yaml."""

from __future__ import annotations

from collections.abc import Iterator

from dcmon.config.checks.knowledge import Knowledge
from dcmon.config.config import Config
from dcmon.config.duties import DutyRule
from dcmon.config.evidence import MovementEvidence, RecordEvidence
from dcmon.config.loader import Loaded
from dcmon.config.site import AssetKind
from dcmon.config.vocabulary import vocabulary
from dcmon.config.yamlfile import Problem

_DAY_MS = 86_400_000
_TESTED = {"load-bank": (AssetKind.GENSET, "load_bank"), "battery-test": (AssetKind.UPS, "battery_test")}
"""Kind of record that dcmon finds in readings -> what is tested, and which settings make it look for that."""


def references(loaded: Loaded, _: Knowledge) -> Iterator[Problem]:
    """D601: a duty names an unknown asset, or an owner whom people.yaml does not know."""
    config = loaded.config
    assets = {asset.id for asset in config.site.assets}
    people = {person.id for person in config.people.people}
    rosters = {roster.id for roster in config.people.rosters}
    for place, duty in config.duties.placed():
        for number, name in enumerate(duty.assets):
            if name not in assets:
                message = f"duty {duty.id} names the unknown asset {name!r}"
                yield loaded.problem("D601", "register", (*place, "assets", number), message, "Correct the id.")
        for name in duty.evidence.scope if isinstance(duty.evidence, RecordEvidence) else ():
            if name not in assets | {group.id for group in config.site.groups}:
                message = f"duty {duty.id} wants a drill of the unknown {name!r}"
                yield loaded.problem("D601", "register", (*place, "evidence", "scope"), message, "Correct the id.")
        for number, kind in enumerate(duty.kinds):
            if not any(asset.kind is kind for asset in config.site.assets):
                message = f"duty {duty.id}: the site has no {kind}"
                yield loaded.problem("D601", "register", (*place, "kinds", number), message, "Remove it.")
        if duty.owner is not None and duty.owner not in people | rosters:
            message = f"duty {duty.id} belongs to {duty.owner!r}, which is no person and no roster"
            hint = "Name an id of people.yaml."
            yield loaded.problem("D601", "register", (*place, "owner"), message, hint)
        if not duty.assets and not duty.kinds and not any(one.kind is AssetKind.AGENT for one in config.site.assets):
            message = f"duty {duty.id} has no assets, and the site has none of kind agent to which it could belong"
            yield loaded.problem("D601", "register", place, message, "Name its assets, or give dcmon itself an asset.")


def recurrences(loaded: Loaded, _: Knowledge) -> Iterator[Problem]:
    """D602: a duty comes round in a way that makes no sense."""
    for place, duty in loaded.config.duties.placed():
        if duty.grace >= duty.every.shortest_days * _DAY_MS:
            message = f"duty {duty.id}: a grace as long as its period ({duty.every}) puts every round off into the next"
            yield loaded.problem("D602", "register", (*place, "grace"), message, "Shorten it.")


def evidence(loaded: Loaded, knowledge: Knowledge) -> Iterator[Problem]:
    """D603: what is to prove a duty can never come."""
    config = loaded.config
    given = knowledge.points_by_asset(config)
    for place, duty in config.duties.placed():
        match duty.evidence:
            case RecordEvidence():
                fault = _record_fault(duty, duty.evidence, config)
            case MovementEvidence():
                fault = _movement_fault(duty, duty.evidence, config, given)
            case _:
                fault = None
        if fault is not None:
            message, hint = fault
            yield loaded.problem("D603", "register", (*place, "evidence"), f"duty {duty.id}: {message}", hint)


def _record_fault(duty: DutyRule, wanted: RecordEvidence, config: Config) -> tuple[str, str] | None:
    tested = _TESTED.get(wanted.record)
    if tested is not None:
        kind, settings = tested
        if getattr(config.duties, settings) is None:
            return f"{wanted.record} is not looked for", f"Add {settings}: {{}} to register.yaml."
        subjects = [*duty.assets, *([wanted.subject] if wanted.subject else [])]
        for name in subjects:
            asset = config.site.asset(name)
            if asset is not None and asset.kind is not kind:
                return f"{name} is no {kind} and has no {wanted.record}", "Name those that have."
        if any(other is not kind for other in duty.kinds):
            return f"only a {kind} has a {wanted.record}", f"Write kinds: [{kind}]."
    sequences = {sequence.id for sequence in config.rules.sequences}
    if wanted.record == "sequence" and wanted.rule is not None and wanted.rule not in sequences:
        return f"there is no sequence {wanted.rule!r}", "Name one of rules.yaml."
    return None


def _movement_fault(
    duty: DutyRule, wanted: MovementEvidence, config: Config, given: dict[str, set[str]]
) -> tuple[str, str] | None:
    chosen = [asset.id for asset in config.site.assets if asset.id in duty.assets or asset.kind in duty.kinds]
    if not duty.assets and not duty.kinds:
        return "it does not say whose points must move", "Name assets or kinds."
    for point in wanted.moved:
        known = vocabulary().get(point)
        if known is not None and known.type != "bool":
            return f"{point} is no contact but {known.type}", "Name points that are true or false."
        if not any(point in given.get(asset, ()) or "*" in given.get(asset, ()) for asset in chosen):
            return f"no device gives {point} to any of its assets", "Correct the point or the assets."
    return None
