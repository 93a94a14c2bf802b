"""Which alarm explains which: the rules by which faults become one incident.

Two alarms belong together when the site file says that the asset of one can make the other (it feeds it, it is stood
in for by it, both are in a redundancy group that is in trouble) *and* the kind of fault can have that effect. A loss of
power explains that cooling stops and that a device falls silent; it does not explain a wet floor. Fire, water and
intrusion are never explained by anything but their like.
"""

from __future__ import annotations

from dcmon.config.rules import AlarmClass, CapacityRule, CountRule, LostOnBatteryRule
from dcmon.thresholds.cells import Cell
from dcmon.thresholds.topology import Topology

_C = AlarmClass
INDEPENDENT = frozenset({_C.FIRE, _C.WATER, _C.SECURITY})
"""Classes that only their like explains: they page whatever else goes on."""

EXPLAINS: dict[AlarmClass, frozenset[AlarmClass]] = {
    _C.POWER: frozenset({_C.POWER, _C.FUEL, _C.COOLING, _C.NETWORK, _C.ENVIRONMENT, _C.MONITORING}),
    _C.FUEL: frozenset({_C.FUEL, _C.POWER}),
    _C.COOLING: frozenset({_C.COOLING, _C.ENVIRONMENT}),
    _C.NETWORK: frozenset({_C.NETWORK, _C.MONITORING}),
    _C.ENVIRONMENT: frozenset({_C.ENVIRONMENT, _C.COOLING}),
    _C.MONITORING: frozenset({_C.MONITORING}),
    _C.WATER: frozenset({_C.WATER}),
    _C.FIRE: frozenset({_C.FIRE}),
    _C.SECURITY: frozenset({_C.SECURITY}),
}
"""Along `feeds` and `stands_in_for`: cause class -> the classes it can bring about downstream."""


def is_group(cell: Cell) -> bool:
    return isinstance(cell.rule, (CountRule, CapacityRule))


def cause_class(cell: Cell) -> AlarmClass:
    """The class of what an alarm can cause: a device lost while on battery is a loss of power, however it is routed."""
    return _C.POWER if isinstance(cell.rule, LostOnBatteryRule) else cell.rule.cls


def explains(topology: Topology, cause: Cell, effect: Cell) -> bool:
    """Whether the trouble behind `cause` can be what is behind `effect`."""
    if cause is effect or _strangers(cause, effect):
        return False
    effects = effect.source.suspects()
    suspects = cause.source.suspects()
    if suspects & effects:
        return True
    if effect.rule.cls not in EXPLAINS[cause_class(cause)]:
        return False
    return any(suspects & topology.causes(asset) for asset in effects)


def speaks_for(topology: Topology, group: Cell, member: Cell) -> bool:
    """Whether `group` is the alarm of a redundancy group to which the asset of `member` belongs."""
    if not is_group(group) or _strangers(group, member):
        return False
    return group.row.asset in topology.groups_of(member.row.asset)


def _strangers(one: Cell, other: Cell) -> bool:
    return one.rule.cls is not other.rule.cls and bool(INDEPENDENT & {one.rule.cls, other.rule.cls})
