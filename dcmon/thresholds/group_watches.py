"""Rules about several assets at once: `count`, `capacity` and `follows`."""

from __future__ import annotations

from dataclasses import replace

from dcmon.config.base import format_duration
from dcmon.config.rule_kinds import CapacityRule, CountRule, FollowsRule
from dcmon.config.site import Asset, Group
from dcmon.model import AlarmState, Value
from dcmon.thresholds.alarms import Alarms
from dcmon.thresholds.board import NEVER, Board
from dcmon.thresholds.cells import NOT_JUDGED, Cell
from dcmon.thresholds.logic import Truth, all_of, compile_terms, fewer_than, show_value
from dcmon.thresholds.timers import Phase, Timer, Timers
from dcmon.thresholds.watches import Watch

_RATING_UNITS = {"speed_bps": "bit/s", "cooling_w": "W", "power_w": "W"}


class GroupWatch(Watch):
    """What `count` and `capacity` share: which members are able, are not, or are unknown."""

    __slots__ = ("able", "members", "name", "unable", "unknown")

    def __init__(self, cell: Cell, alarms: Alarms, rule: CountRule | CapacityRule, group: Group, board: Board) -> None:
        super().__init__(cell, alarms)
        self.name = group.name
        self.members = {member: compile_terms(rule.able, member, board, self) for member in group.members}
        self.able: tuple[str, ...] = ()
        self.unable: tuple[str, ...] = ()
        self.unknown: tuple[str, ...] = tuple(group.members)

    def evaluate(self, now: int) -> None:
        super().evaluate(now)
        self.alarms.reconsider(self.cell, now, "another member is not able")

    def sort_members(self) -> None:
        """Looks at every member's conditions."""
        sorted_out: dict[Truth, list[str]] = {True: [], False: [], None: []}
        for member, terms in self.members.items():
            sorted_out[all_of(term.truth() for term in terms)].append(member)
        self.able, self.unable, self.unknown = (tuple(sorted_out[truth]) for truth in (True, False, None))

    def evidence(self, now: int) -> int:
        """When the last of the members became what it is."""
        truth = self.cell_truth()
        members = self.unable if truth is True else self.able if truth is False else ()
        sinces = (
            term.since(not truth) for member in members for term in self.members[member] if term.truth() is (not truth)
        )
        return max((since for since in sinces if since != NEVER), default=now)

    def cell_truth(self) -> Truth:
        """The condition by the members as they were last sorted."""
        raise NotImplementedError

    def condition(self, now: int) -> Truth:
        self.sort_members()
        return self.cell_truth()

    def suspects(self) -> frozenset[str]:
        return frozenset((self.cell.row.asset, *self.unable))

    def _why(self) -> str:
        """What keeps the unable members from being able."""
        telling = []
        for member in self.unable:
            term = next(term for term in self.members[member] if term.truth() is False)
            telling.append(term.describe())
        text = f": {'; '.join(telling)}" if telling else ""
        return text + (f"; {_names(self.unknown)} unknown" if self.unknown else "")


class CountWatch(GroupWatch):
    """`count`: fewer members are able than should be."""

    __slots__ = ("limit",)

    def __init__(self, cell: Cell, alarms: Alarms, rule: CountRule, group: Group, board: Board) -> None:
        super().__init__(cell, alarms, rule, group, board)
        named = {"all": len(group.members), "needed": group.needed}
        self.limit = named[rule.fewer_than] if isinstance(rule.fewer_than, str) else rule.fewer_than

    def cell_truth(self) -> Truth:
        return fewer_than(self.limit, len(self.able), len(self.unknown))

    def present_value(self) -> Value:
        return len(self.able)

    def describe(self) -> str:
        return f"{len(self.able)} of {len(self.members)} able, {self.limit} wanted{self._why()}"


class CapacityWatch(GroupWatch):
    """`capacity`: the able members together are too small."""

    __slots__ = ("_sizes", "_unit", "below")

    def __init__(
        self, cell: Cell, alarms: Alarms, rule: CapacityRule, group: Group, assets: dict[str, Asset], board: Board
    ) -> None:
        super().__init__(cell, alarms, rule, group, board)
        self.below = rule.below
        self._unit = _RATING_UNITS[rule.rating]
        self._sizes = {
            member: float(getattr(assets[member].rating, rule.rating) or 0.0) if member in assets else 0.0
            for member in group.members
        }

    def cell_truth(self) -> Truth:
        able, unknown = self._capacity(self.able), self._capacity(self.unknown)
        if able >= self.below:
            return False
        return True if able + unknown < self.below else None

    def present_value(self) -> Value:
        return self._capacity(self.able)

    def describe(self) -> str:
        able, wanted = show_value(self._capacity(self.able), self._unit), show_value(self.below, self._unit)
        return f"{able} able, {wanted} wanted{self._why()}"

    def _capacity(self, members: tuple[str, ...]) -> float:
        return sum(self._sizes[member] for member in members)


class FollowsWatch(Watch):
    """`follows`: what must come after something else has not come in time.

    The alarm's on-delay is the deadline. Not knowing whether it came is as bad as knowing that it did not, for nobody
    would look; once it has come, only its known end starts a new deadline. Once the deadline runs, losing sight of what
    started it does not stop it: the network dies with the power.
    """

    __slots__ = ("_truth", "came", "then", "when", "within")

    def __init__(self, cell: Cell, alarms: Alarms, rule: FollowsRule, board: Board) -> None:
        super().__init__(cell, alarms)
        self.within = rule.within
        self.when = compile_terms(rule.when, rule.asset, board, self)
        self.then = compile_terms(rule.then, rule.asset, board, self)
        self.came: int | None = cell.row.memory.get("came") or None
        """When what must follow has come."""
        self._truth: Truth = None

    def came_at(self) -> int | None:
        return self.came

    def condition(self, now: int) -> Truth:
        self._truth = self._judge()
        return self._truth

    def _judge(self) -> Truth:
        when = all_of(term.truth() for term in self.when)
        then = all_of(term.truth() for term in self.then)
        if when is False or (when is None and not self._running()):
            self._remember(self.came if when is None else None)
            return when
        if then is True:
            self._remember(self.came or max(term.since(True) for term in self.then))
        elif then is False:
            self._remember(None)
        return self.came is None

    def _running(self) -> bool:
        """Whether a deadline runs or is over, or did and was until the process was started again."""
        if self.cell.holds is not NOT_JUDGED:
            return self.cell.holds is True
        row = self.cell.row
        return row.due is None if row.state is AlarmState.ACTIVE else row.due is not None

    def go_on(self, earliest: int, timers: Timers) -> None:
        """After a restart: a deadline that ran is looked at when it comes, even if nothing is read, at `earliest`."""
        row = self.cell.row
        if row.state is AlarmState.PENDING and row.due is not None:
            self.alarms.keep_row(replace(row, due=max(row.due, earliest)))
            timers.set(Timer("recheck", self.evaluate, self.order, Phase.DEADLINE), max(row.due, earliest))

    def shift(self, delta: int) -> None:
        """The clock was set by `delta` ms."""
        self._remember(None if self.came is None else self.came + delta)

    def _remember(self, came: int | None) -> None:
        """When it has come is a row: after a restart the readings that said so may be too old."""
        if came != self.came:
            self.came = came
            self.alarms.keep_row(replace(self.cell.row, memory={"came": came}))

    def evidence(self, now: int) -> int:
        """The later of the two: what must be followed began, what had followed was undone. Likewise for the end."""
        if self._truth is True:
            terms = [(term, True) for term in self.when]
            if self.cell.holds is False:
                terms += [(term, False) for term in self.then if term.truth() is False]
        else:
            terms = [(term, True) for term in self.then] if self.came else [(term, False) for term in self.when]
        return max((since for term, wanted in terms if (since := term.since(wanted)) != NEVER), default=now)

    def describe(self) -> str:
        missing = [term for term in self.then if term.truth() is not True]
        if not missing or any(term.truth() is False for term in self.when):
            return ", ".join(term.describe() for term in (*self.when, *self.then))
        when = " and ".join(term.describe() for term in self.when)
        wanted = " and ".join(f"{term.describe()} and should be {term.wanted}" for term in missing)
        return f"{when}, but after {format_duration(self.within)} {wanted}"


def _names(members: tuple[str, ...]) -> str:
    return " and ".join((", ".join(members[:-1]), members[-1])) if len(members) > 1 else members[0]
