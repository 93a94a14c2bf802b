"""Indicators: what was promised as UP, DOWN or UNKNOWN at each instant, from the points of the assets involved.

A closed set of functions over the groups' roles in the site file:

mains_route   mains.available of one route
feed          k of n PDUs of a feed have power, n the group's members and k its `needed`
any_feed      at least one feed (Kleene OR); both_feeds: all of them (Kleene AND)
protected     at least one feed whose every UPS upstream is healthy
uplink        if.oper up and, where there is a session, bgp.state established
uplinks       the capacity of the uplinks that are UP covers the committed one
services      service.ok of one service

`uplinks_weighted` and `services_mean` have no state of their own: they are made of the figures of the uplinks, each
weighted with its capacity, and of the services, which count the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import NamedTuple

from dcmon.config.site import DEAD_BELOW_V, AssetKind, Group, GroupRole
from dcmon.model import Availability, number
from dcmon.thresholds.board import Board, Judged, Slot, attach
from dcmon.thresholds.controls import OF_CASES, Control
from dcmon.thresholds.logic import show_slot
from dcmon.thresholds.timers import Order
from dcmon.thresholds.topology import Topology

UP, DOWN, UNKNOWN = Availability.UP, Availability.DOWN, Availability.UNKNOWN

_PROTECTING = frozenset({"normal", "battery", "booster", "reducer"})
_UNPROTECTING = frozenset({"bypass", "none", "standby", "other"})
_SICK_BATTERY = frozenset({"low", "depleted", "failed"})


class State(NamedTuple):
    """A state, the instant since when it has been so by the best evidence, and why."""

    state: Availability
    since: int
    reason: str


Probe = Callable[[], State]


class Indicator(NamedTuple):
    """One figure of a control: its id, the asset or group it is about, and the function that tells its state."""

    id: str
    control: Control
    subject: str
    probe: Probe


class Leaf:
    """The state of one asset, looked at when one of its slots changes and passed on only when it changes itself."""

    __slots__ = ("_board", "_probe", "order", "readers", "state")

    def __init__(self, name: str, board: Board) -> None:
        self.order: Order = (-20, name)
        self.readers: set[Judged] = set()
        self.state = State(UNKNOWN, 0, f"nothing is known of {name}")
        self._board = board
        self._probe: Probe

    def set_probe(self, probe: Probe) -> None:
        """What tells its state. It comes after the leaf, because it reads slots that tell the leaf of changes."""
        self._probe = probe

    def evaluate(self, now: int) -> None:
        """Looks again. UP and DOWN date from their evidence, UNKNOWN from the instant at which it was noticed."""
        state = self._probe()
        if state.state is self.state.state:
            self.state = self.state._replace(reason=state.reason)
            return
        self.state = state._replace(since=now) if state.state is UNKNOWN else state
        self._board.dirty.update(self.readers)


def at_least(needed: int, states: Sequence[State]) -> State:
    """k of n, three-valued. OR is 1 of n, AND is n of n. The instant is that of the state which decided."""
    ups = sorted((state for state in states if state.state is UP), key=lambda state: state.since)
    downs = sorted((state for state in states if state.state is DOWN), key=lambda state: state.since)
    if len(ups) >= needed:
        return State(UP, ups[needed - 1].since if needed else 0, ups[-1].reason if ups else "nothing is needed")
    allowed = len(states) - needed
    if len(downs) > allowed:
        return State(DOWN, downs[max(allowed, 0)].since if downs else 0, "; ".join(state.reason for state in downs))
    unknown = [state for state in states if state.state is UNKNOWN]
    return State(UNKNOWN, max(state.since for state in states), "; ".join(state.reason for state in unknown))


class Builder:
    """Builds indicators, so that all of them share what they say about one asset."""

    def __init__(self, topology: Topology, board: Board) -> None:
        self.topology = topology
        self._board = board
        self._leaves: dict[tuple[str, str], Leaf] = {}
        self._used: list[Leaf] = []

    def build(self, control: Control) -> list[tuple[Indicator, list[Leaf]]]:
        """The indicators of a control with the leaves they read; none where the site has no group of the role."""
        built = []
        for subject, make in _FUNCTIONS[control.objective.indicator](self, control):
            self._used = []
            name = f"{control.id}:{subject}" if subject else control.id
            built.append((Indicator(name, control, subject, make()), self._used))
        return built

    def mains(self, asset: str) -> Probe:
        """Up while `mains.available` is true."""
        return self._leaf("mains", asset, self._mains)

    def uplink(self, asset: str) -> Probe:
        """Up while `if.oper` is up and its BGP session, where it has one, is established."""
        return self._leaf("uplink", asset, self._uplink)

    def service(self, asset: str) -> Probe:
        """Up while `service.ok` is true."""
        return self._leaf("service", asset, self._service)

    def ups(self, asset: str) -> Probe:
        """Healthy: the load is behind the inverter and the battery could carry it."""
        return self._leaf("ups", asset, self._ups)

    def pdu(self, asset: str) -> Probe:
        """A PDU that answers has power. One that does not is DOWN only if its UPS says that its output is dead."""
        return self._leaf("pdu", asset, self._pdu)

    def feed(self, group: Group) -> Probe:
        """So many PDUs of the group as it needs have power."""
        members = [self.pdu(member) for member in group.members]
        return lambda: at_least(group.needed, [member() for member in members])

    def protected_feed(self, group: Group) -> Probe:
        """The feed and every UPS in front of it; without one it is not protected at all."""
        ups_ids = (ups for member in group.members for ups in self.topology.upstream_of_kind(member, AssetKind.UPS))
        upses = [self.ups(ups) for ups in dict.fromkeys(ups_ids)]
        if not upses:
            return lambda: State(DOWN, 0, f"no UPS feeds {group.id}")
        probes = [self.feed(group), *upses]
        return lambda: at_least(len(probes), [probe() for probe in probes])

    def uplinks(self, group: Group) -> Probe:
        """The capacity that is UP against the committed one; without a committed one `needed` links."""
        probes = {member: self.uplink(member) for member in group.members}
        committed = self.topology.site.committed_uplink_bps
        known = self.topology.assets
        speeds = {member: (known[member].rating.speed_bps or 0) if member in known else 0 for member in group.members}
        if committed is None:
            return lambda: at_least(group.needed, [probe() for probe in probes.values()])
        return lambda: _capacity({member: probe() for member, probe in probes.items()}, speeds, committed)

    def _leaf(self, kind: str, asset: str, make: Callable[[str, Leaf], Probe]) -> Probe:
        leaf = self._leaves.get((kind, asset))
        if leaf is None:
            leaf = self._leaves[kind, asset] = Leaf(f"{asset} ({kind})", self._board)
            leaf.set_probe(make(asset, leaf))
        self._used.append(leaf)
        return lambda: leaf.state

    def _slots(self, leaf: Leaf, asset: str, *points: str) -> list[Slot]:
        """The slots of an asset's points: a list that grows as they show."""
        found: list[Slot] = []

        def add(slot: Slot) -> None:
            found.append(slot)
            attach(slot, leaf)

        for point in points:
            self._board.want(asset, point, None, add)
        return found

    def _mains(self, asset: str, leaf: Leaf) -> Probe:
        slots = self._slots(leaf, asset, "mains.available")
        return lambda: _truths(asset, slots, lambda slot: slot.value is True)

    def _service(self, asset: str, leaf: Leaf) -> Probe:
        slots = self._slots(leaf, asset, "service.ok")
        return lambda: _truths(asset, slots, lambda slot: slot.value is True)

    def _uplink(self, asset: str, leaf: Leaf) -> Probe:
        oper, bgp = self._slots(leaf, asset, "if.oper"), self._slots(leaf, asset, "bgp.state")

        def probe() -> State:
            link = _truths(asset, oper, lambda slot: slot.value == "up", known=("unknown",))
            session = [_truths(asset, bgp, lambda slot: slot.value == "established")] if bgp else []
            return at_least(1 + len(session), [link, *session])

        return probe

    def _ups(self, asset: str, leaf: Leaf) -> Probe:
        source, battery = self._slots(leaf, asset, "output.source"), self._slots(leaf, asset, "battery.status")

        def probe() -> State:
            states = [_ups_source(asset, source)]
            if battery:
                states.append(_truths(asset, battery, lambda slot: slot.value not in _SICK_BATTERY, known=("unknown",)))
            return at_least(len(states), states)

        return probe

    def _pdu(self, asset: str, leaf: Leaf) -> Probe:
        answers = self._slots(leaf, asset, "device.reachable")
        volts = self._slots(leaf, asset, "input.voltage", "phase.voltage")
        upses = self.topology.upstream_of_kind(asset, AssetKind.UPS)
        outputs = {
            ups: (self._slots(leaf, ups, "output.source"), self._slots(leaf, ups, "output.voltage")) for ups in upses
        }

        def probe() -> State:
            own = _pdu_itself(asset, answers, volts)
            dead = [_dead_output(ups, *slots) for ups, slots in outputs.items()] if own.state is UNKNOWN else []
            causes = [state for state in dead if state is not None]
            if not causes or len(causes) < len(dead):
                return own
            heard = max((slot.seen for slot in (*answers, *volts) if slot.last is not False), default=0)
            since = max(heard, *(state.since for state in causes))
            return State(DOWN, since, f"{asset} is silent and {causes[0].reason}")

        return probe


_Named = list[tuple[str, Callable[[], Probe]]]


def _feeds(builder: Builder) -> list[Group]:
    return [group for role in (GroupRole.FEED_A, GroupRole.FEED_B) for group in builder.topology.with_role(role)]


def _together(groups: list[Group], make: Callable[[Group], Probe], needed: int) -> _Named:
    def probe() -> Probe:
        probes = [make(group) for group in groups]
        return lambda: at_least(needed, [one() for one in probes])

    return [("", probe)] if groups else []


def _members(builder: Builder, role: GroupRole, make: Callable[[str], Probe]) -> _Named:
    members = dict.fromkeys(member for group in builder.topology.with_role(role) for member in group.members)
    return [(member, partial(make, member)) for member in members]


def _groups(groups: Iterable[Group], make: Callable[[Group], Probe]) -> _Named:
    return [(group.id, partial(make, group)) for group in groups]


_FUNCTIONS: dict[str, Callable[[Builder, Control], _Named]] = {
    "mains_route": lambda builder, control: _members(builder, GroupRole.MAINS, builder.mains),
    "feed": lambda builder, control: _groups(
        builder.topology.with_role(GroupRole(control.objective.role or "feed_a")), builder.feed
    ),
    "any_feed": lambda builder, control: _together(_feeds(builder), builder.feed, 1),
    "both_feeds": lambda builder, control: _together(_feeds(builder), builder.feed, len(_feeds(builder))),
    "protected": lambda builder, control: _together(_feeds(builder), builder.protected_feed, 1),
    "uplink": lambda builder, control: _members(builder, GroupRole.UPLINKS, builder.uplink),
    "uplinks": lambda builder, control: _groups(builder.topology.with_role(GroupRole.UPLINKS), builder.uplinks),
    "services": lambda builder, control: _members(builder, GroupRole.SERVICES, builder.service),
    **dict.fromkeys(("uplinks_weighted", "services_mean"), lambda builder, control: []),
    **dict.fromkeys(OF_CASES, lambda builder, control: []),
}


def _truths(asset: str, slots: Sequence[Slot], good: Callable[[Slot], bool], known: Sequence[str] = ()) -> State:
    """AND over the slots; a slot that says one of the words `known` knows nothing."""
    if not slots:
        return State(UNKNOWN, 0, f"nothing is known of {asset}")
    states = []
    for slot in slots:
        reason = f"{show_slot(slot)} on {asset}"
        if slot.value is None or slot.value in known:
            states.append(State(UNKNOWN, slot.since, reason))
        else:
            states.append(State(UP if good(slot) else DOWN, slot.since, reason))
    return at_least(len(states), states)


def _ups_source(asset: str, slots: Sequence[Slot]) -> State:
    if not slots:
        return State(UNKNOWN, 0, f"nothing is known of {asset}")
    slot = slots[0]
    reason = f"{show_slot(slot)} on {asset}"
    state = UP if slot.value in _PROTECTING else DOWN if slot.value in _UNPROTECTING else UNKNOWN
    return State(state, slot.since, reason)


def _pdu_itself(asset: str, answers: Sequence[Slot], volts: Sequence[Slot]) -> State:
    """By the PDU's own words: its voltages, or that it answers at all."""
    known = [(slot, level) for slot in volts if (level := number(slot.value)) is not None]
    alive = [slot for slot, level in known if level >= DEAD_BELOW_V]
    if alive:
        return State(UP, min(slot.since for slot in alive), f"{show_slot(alive[0])} on {asset}")
    if known:
        return State(DOWN, max(slot.since for slot, _ in known), f"{show_slot(known[0][0])} on {asset}")
    spoken = [slot.since for slot in answers if slot.value is True]
    if spoken:
        return State(UP, max(*spoken, *(slot.since for slot in volts), 0), f"{asset} answers")
    since = max((slot.since for slot in (*answers, *volts)), default=0)
    return State(UNKNOWN, since, f"{asset} is silent")


def _dead_output(ups: str, source: Sequence[Slot], volts: Sequence[Slot]) -> State | None:
    """The evidence that a UPS gives nothing to its output, or None."""
    if source and source[0].value == "none":
        return State(DOWN, source[0].since, f"{show_slot(source[0])} on {ups}")
    levels = [(slot, level) for slot in volts if (level := number(slot.value)) is not None]
    if levels and all(level < DEAD_BELOW_V for _, level in levels):
        return State(DOWN, max(slot.since for slot, _ in levels), f"{show_slot(levels[0][0])} on {ups}")
    return None


def _capacity(states: dict[str, State], speeds: dict[str, int], committed: int) -> State:
    up = [(state, speeds[member]) for member, state in states.items() if state.state is UP]
    possible = [(state, speeds[member]) for member, state in states.items() if state.state is not DOWN]
    surviving = sum(speed for _, speed in up)
    text = f"{surviving / 1e9:g} of {committed / 1e9:g} Gbit/s committed"
    if surviving >= committed:
        return State(UP, _reached(up, committed), text)
    down = [member for member, state in states.items() if state.state is DOWN]
    since = max((state.since for state in states.values()), default=0)
    if sum(speed for _, speed in possible) < committed:
        newest = max((states[member].since for member in down), default=since)
        return State(DOWN, newest, f"{text}; {', '.join(down)} down")
    return State(UNKNOWN, since, text)


def _reached(up: Sequence[tuple[State, int]], committed: int) -> int:
    """When the capacity of the links that are up first covered the committed one."""
    total, since = 0, 0
    for state, speed in sorted(up, key=lambda pair: pair[0].since):
        total, since = total + speed, state.since
        if total >= committed:
            break
    return since
