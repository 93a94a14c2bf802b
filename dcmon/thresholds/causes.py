"""Which alarm explains which: the rules by which faults become one incident.

An asset is *down* while a rule with `propagates` is active on it, or on a group of which it is an unable member. What
it feeds is *affected*; what has several feeders only when all of them are down or affected. A stand-in (a generator for
its mains route) counts as a feeder only while the `then` of a `follows` rule on it holds, or a step that `stays`: until
it has taken over, what it feeds lives on what it stands in for, and what failed until then failed with that. Two alarms
belong together when they are about one asset, when one is about what the other affects or stands in for, or when one is
the alarm of the redundancy group of the other's asset.

When dcmon itself is blind, that explains every device that does not answer; and it is explained by what takes the power
of at least half of them.

Fire, water and intrusion are explained by nothing but their like: they page whatever else goes on.
"""

from __future__ import annotations

from typing import NamedTuple

from dcmon.config.base_rule import AlarmClass
from dcmon.config.duties import DutyRule
from dcmon.config.planned import PlannedRule
from dcmon.config.rule_kinds import BlindRule, CapacityRule, CountRule, FollowsRule, SilentRule
from dcmon.config.sequences import StepRule
from dcmon.model import AlarmState
from dcmon.thresholds.cells import Cell
from dcmon.thresholds.topology import Topology

INDEPENDENT = frozenset({AlarmClass.FIRE, AlarmClass.WATER, AlarmClass.SECURITY})
"""Classes that only their like explains."""


class Patience(NamedTuple):
    """Until when (ms UTC) an alarm may wait before it is told of."""

    cause: int
    """For what may have caused it."""
    group: int
    """For the alarm of the group of its asset as a whole."""


class Causes:
    """Answers for the alarms as they stood at the last `look`."""

    def __init__(self, topology: Topology) -> None:
        self._topology = topology
        self._propagating: list[Cell] = []
        self._blind: list[Cell] = []
        self._by_asset: dict[str, list[Cell]] = {}
        self._follows: dict[str, list[Cell]] = {}
        self._groups: dict[str, list[Cell]] = {}
        self._down = frozenset[str]()

    def add(self, cell: Cell) -> None:
        """Makes an alarm known."""
        if cell.rule.propagates:
            self._propagating.append(cell)
            self._by_asset.setdefault(cell.row.asset, []).append(cell)
        if isinstance(cell.rule, BlindRule):
            self._blind.append(cell)
        if isinstance(cell.rule, (FollowsRule, StepRule)):
            self._follows.setdefault(cell.row.asset, []).append(cell)
        if is_group(cell):
            self._groups.setdefault(cell.row.asset, []).append(cell)

    def together(self, there: Cell, new: Cell) -> bool:
        """Whether `new` belongs to the incident of which `there` is an alarm."""
        if there is new or _strangers(there, new):
            return False
        if there.source.suspects() & new.source.suspects():
            return True
        return self._speaks_for(there, new) or self.brings_about(there, new)

    def brings_about(self, cause: Cell, effect: Cell) -> bool:
        """Whether what is down by `cause` affects an asset of `effect`, or is stood in for by it."""
        if isinstance(cause.rule, BlindRule):
            return isinstance(effect.rule, SilentRule) and cause.row.state is AlarmState.ACTIVE
        if not cause.rule.propagates or cause.row.state is not AlarmState.ACTIVE or _strangers(cause, effect):
            return False
        down = cause.source.suspects()
        all_down, since = self._down, effect.source.earliest()
        missed = effect.source.concerns()
        if missed:
            dark = [self._roots(asset, all_down, since, frozenset()) | ({asset} & all_down) for asset in missed]
            return any(down & roots for roots in dark) and 2 * sum(map(bool, dark)) >= len(missed)
        for asset in effect.source.suspects():
            if down & self._topology.stood_in_for(asset):
                return True
            if asset not in down and down & self._roots(asset, all_down, since, frozenset()):
                return True
        return False

    def may_show(self, effect: Cell, patience: Patience, unheard: frozenset[str]) -> bool:
        """Whether `effect` may turn out to be an effect, or one of several alike, by what is pending and due in time,
        or by what assets will say that are `unheard` of."""
        latest = patience.cause
        if isinstance(effect.rule, SilentRule) and any(_may_be_told(cell, latest) for cell in self._blind):
            return True
        for group in self._topology.groups_of(effect.row.asset):
            cells = [cell for cell in self._groups.get(group, ()) if self._speaks_for(cell, effect)]
            if any(cell.row.due is not None and cell.row.due <= patience.group for cell in cells if cell.pending):
                return True
            if any(cell.withheld for cell in cells):
                return True
        suspects = effect.source.suspects()
        near = frozenset().union(*map(self._topology.causes, suspects))
        doubtful = {asset for asset in near if self._in_doubt(asset, effect, latest, asset in unheard)}
        if not doubtful:
            return False
        down, since = self._down | doubtful, effect.source.earliest()
        return any(
            doubtful & (self._topology.stood_in_for(asset) | self._roots(asset, down, since, frozenset()))
            for asset in suspects
        )

    def _in_doubt(self, asset: str, effect: Cell, latest: int, unheard: bool) -> bool:
        """Whether the asset may turn out to be down."""
        cells = [cell for cell in self._by_asset.get(asset, ()) if cell is not effect and not _strangers(cell, effect)]
        if any(unheard or _may_be_told(cell, latest) for cell in cells):
            return True
        groups = (cell for group in self._topology.groups_of(asset) for cell in self._groups.get(group, ()))
        return any(
            cell.rule.propagates and _may_be_told(cell, latest) and asset in cell.source.suspects() for cell in groups
        )

    def doubted(self, group: str, member: Cell) -> bool:
        """Whether an alarm of `group` that concerns `member` is at least pending."""
        return any(cell.live and self._speaks_for(cell, member) for cell in self._groups.get(group, ()))

    def _speaks_for(self, group: Cell, member: Cell) -> bool:
        """Whether `group` is the alarm of a redundancy group to which the asset of `member` belongs."""
        if not is_group(group) or _strangers(group, member):
            return False
        return group.row.asset in self._topology.groups_of(member.row.asset)

    def look(self) -> None:
        """To be called before questions are asked: finds what is down by now."""
        active = (cell for cell in self._propagating if cell.row.state is AlarmState.ACTIVE)
        self._down = frozenset(asset for cell in active for asset in cell.source.suspects())

    def _roots(self, asset: str, down: frozenset[str], since: int, path: frozenset[str]) -> frozenset[str]:
        """The assets that are down and by that have affected `asset` at `since`; none while a feeder is well."""
        feeders = [feeder for feeder in self._topology.feeders(asset) if self._counts(feeder, since)]
        found: set[str] = set()
        for feeder in feeders:
            if feeder in path:
                continue
            roots = frozenset((feeder,)) if feeder in down else self._roots(feeder, down, since, path | {asset})
            if not roots:
                return frozenset()
            found |= roots
        return frozenset(found)

    def _counts(self, feeder: str, since: int) -> bool:
        """A stand-in feeds nothing before it has taken over: what failed before that was not fed by it."""
        if not self._topology.stood_in_for(feeder):
            return True
        came = (cell.source.came_at() for cell in self._follows.get(feeder, ()))
        return any(at is not None and at <= since for at in came)


def _may_be_told(cell: Cell, latest: int) -> bool:
    """Whether the alarm is pending, and may be active by `latest`, or is active and tells nobody yet."""
    return cell.withheld or (cell.pending and (cell.row.due is None or cell.row.due <= latest))


def is_group(cell: Cell) -> bool:
    """Whether the alarm is one of a redundancy group as a whole."""
    return isinstance(cell.rule, (CountRule, CapacityRule))


def is_apart(cell: Cell) -> bool:
    """Whether the alarm is no fault, but work that was planned or not done: it explains none, and none explains it."""
    return isinstance(cell.rule, (PlannedRule, DutyRule))


def _strangers(one: Cell, other: Cell) -> bool:
    if is_apart(one) or is_apart(other):
        return True
    return one.rule.cls is not other.rule.cls and bool(INDEPENDENT & {one.rule.cls, other.rule.cls})
