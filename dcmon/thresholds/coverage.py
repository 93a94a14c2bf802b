"""`roster_gap`: a roster in which nobody is on duty within the days to come (T24)."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

from dcmon.config.base import format_duration
from dcmon.config.localtime import instant
from dcmon.config.people import Roster
from dcmon.config.roster import Watch as Duty
from dcmon.config.roster import schedule
from dcmon.config.rule_kinds import RosterGapRule
from dcmon.model import Value
from dcmon.thresholds.alarms import Alarms
from dcmon.thresholds.cells import Cell
from dcmon.thresholds.logic import Truth
from dcmon.thresholds.stamps import iso
from dcmon.thresholds.timers import Timer, Timers
from dcmon.thresholds.watches import Watch

_MOST_NAMED = 3


class RosterGapWatch(Watch):
    """Looks ahead as far as the rule says, and again when a hole comes within sight or has passed."""

    __slots__ = ("_holes", "_rosters", "_rule", "_timer", "_timers", "_timezone")

    def __init__(
        self, cell: Cell, alarms: Alarms, rule: RosterGapRule, rosters: Sequence[Roster], timezone: str, timers: Timers
    ) -> None:
        super().__init__(cell, alarms)
        self._rule = rule
        self._rosters = tuple(roster for roster in rosters if not rule.rosters or roster.id in rule.rosters)
        self._timezone = timezone
        self._timers = timers
        self._timer = Timer("calendar", self.evaluate, cell.order)
        self._holes: list[tuple[Roster, Duty]] = []

    def end(self) -> None:
        """A replay is past its last line."""
        self._timers.set(self._timer, None)

    def evaluate(self, now: int) -> None:
        """Looks for holes, and for when the next one comes within sight."""
        within = self._rule.within
        ahead = [
            (roster, duty)
            for roster in self._rosters
            for duty in schedule(roster, now, now + 2 * within, self._timezone)
            if not duty.people
        ]
        self._holes = [(roster, duty) for roster, duty in ahead if duty.start <= now + within]
        super().evaluate(now)
        seen = [duty.start - within for _, duty in ahead if duty.start > now + within]
        passed = [duty.end for _, duty in self._holes]
        due = min([*seen, *passed, now + within])
        self._timers.set(self._timer, due if ahead or self._changes_after(now) else None)

    def _changes_after(self, now: int) -> bool:
        """Whether anything but the weekly round is still to come: what has no hole in it now never has one then.

        Without this a file that reaches into the year 9000 would be looked through fortnight by fortnight.
        """
        zone = ZoneInfo(self._timezone)
        week = 7 * 86_400_000
        moments = [moment for roster in self._rosters for one in roster.overrides for moment in (one.start, one.end)]
        moments += [roster.rotation.since for roster in self._rosters if roster.rotation is not None]
        return self._rule.within < week or any(instant(moment, zone) > now for moment in moments)

    def condition(self, now: int) -> Truth:
        return bool(self._holes)

    def evidence(self, now: int) -> int:
        return now

    def describe(self) -> str:
        if not self._holes:
            return f"every roster is filled for {format_duration(self._rule.within)}"
        named = [
            f"nobody in {roster.name} from {iso(duty.start)} to {iso(duty.end)}"
            for roster, duty in self._holes[:_MOST_NAMED]
        ]
        more = len(self._holes) - _MOST_NAMED
        return "; ".join(named) + (f" and {more} more gaps" if more > 0 else "")

    def present_value(self) -> Value:
        return len(self._holes)
