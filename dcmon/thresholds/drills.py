"""What a drill waits for (T18): the alarms that must come, by when, and what happened meanwhile.

An expected alarm is `waiting`, then `come`, or `missing` at its time, and `late` if it comes after that. One that was
active when the drill began was `before`; one whose time passed while dcmon did not run is `unseen`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dcmon.config.base import format_duration
from dcmon.config.planned import PlannedRule
from dcmon.config.rules import Rule
from dcmon.model import AlarmState, Record
from dcmon.thresholds.causes import is_group
from dcmon.thresholds.cells import Cell
from dcmon.thresholds.stamps import iso

WAITING, COME, MISSING, LATE, BEFORE, UNSEEN = "waiting", "come", "missing", "late", "before", "unseen"
_MOST_UNEXPECTED = 200
_FAULTY_STEPS = frozenset({"late", "missing"})


class Drill:
    """The expectations of one drill; `facts` is all of it, for the record."""

    def __init__(self, data: Mapping[str, Any], start: int, reach: frozenset[str], rules: Sequence[Rule]) -> None:
        self._start = start
        self._reach = reach
        self._titles = {rule.id: rule.title for rule in rules}
        self._expected: list[dict[str, Any]] = [dict(one) for one in data["expected"]]
        self._unexpected: list[dict[str, Any]] = list(data["unexpected"])
        self._sequences: dict[str, dict[str, Any]] = dict(data["sequences"])
        self._ends = 0
        if data["phase"] == "running":
            self._ends = data["ends"]

    def facts(self) -> dict[str, Any]:
        """What the record keeps: plain JSON."""
        return {
            "expected": [dict(one) for one in self._expected],
            "unexpected": list(self._unexpected),
            "sequences": dict(self._sequences),
            "ends": self._ends,
        }

    def expects(self, cell: Cell) -> bool:
        """Whether this alarm is to come in the drill."""
        return any(self._matches(one, cell) for one in self._expected)

    def begin(self, start: int, ends: int, cells: Iterable[Cell]) -> None:
        """The drill begins; of what is active already nobody can say any more that it comes."""
        self._ends = ends
        active = [cell for cell in cells if cell.row.state is AlarmState.ACTIVE]
        for one in self._expected:
            if one["after"] is None:
                self._await(one, start)
            there = next((cell for cell in active if self._matches(one, cell)), None)
            if there is not None and one["state"] == WAITING:
                one |= {"state": BEFORE, "at": there.row.since, "by": there.row.key}

    def came(self, cell: Cell, now: int) -> tuple[str, dict[str, Any], str] | None:
        """An alarm has become active: what to tell of it (state, the expectation, why), or None."""
        matching = [one for one in self._expected if self._matches(one, cell)]
        name = cell.row.key
        if not matching:
            if len(self._unexpected) >= _MOST_UNEXPECTED or any(one["alarm"] == name for one in self._unexpected):
                return None
            self._unexpected.append({"alarm": name, "at": now})
            return "unexpected", {}, f"{name} was not expected in the drill"
        for one in matching:
            if one["state"] in (WAITING, MISSING, UNSEEN):
                state = LATE if one["state"] == MISSING else COME
                one |= {"state": state, "at": now, "by": name}
                took = "" if one["from"] is None else f" after {format_duration(max(now - one['from'], 0))}"
                return state, one, f"{one['alarm']} has come{took}"
        return None

    def ran(self, row: Record) -> bool:
        """A sequence has begun, gone on or ended; whether that is news for the drill."""
        if row.id not in self._sequences and row.started >= self._ends:
            return False
        steps = row.data.get("steps", ())
        faulty = [step["id"] for step in steps if step["state"] in _FAULTY_STEPS]
        facts = {"rule": row.rule, "state": row.state, "verdict": row.verdict, "faulty": faulty}
        if self._sequences.get(row.id) == facts:
            return False
        self._sequences[row.id] = facts
        for one in self._expected:
            if one["after"] == row.rule and one["from"] is None and row.started >= self._start:
                self._await(one, row.started)
        return True

    def next_due(self) -> int | None:
        """When the next expected alarm must have come."""
        dues = [one["due"] for one in self._expected if one["state"] == WAITING and one["due"] is not None]
        return min(dues, default=None)

    def overdue(self, now: int) -> list[tuple[dict[str, Any], str]]:
        """The expectations whose time is up, each with what to say of it."""
        late = [one for one in self._expected if one["state"] == WAITING and (one["due"] or now + 1) <= now]
        for one in late:
            one["state"] = MISSING
        return [(one, self._why_missing(one)) for one in late]

    def close(self, now: int) -> None:
        """The drill is over: whatever has not come is missing."""
        for one in self._expected:
            if one["state"] == WAITING:
                one["due"] = now if one["due"] is None else min(one["due"], now)

    def miss_gap(self, start: int, ends: int) -> bool:
        """dcmon did not run until `start`: what should have come by then may have come unseen. Whether any is so."""
        unseen = [
            one
            for one in self._expected
            if one["state"] == WAITING and self._ends and (ends <= start or (one["due"] or start + 1) <= start)
        ]
        for one in unseen:
            one["state"] = UNSEEN
        return bool(unseen)

    def _await(self, one: dict[str, Any], start: int) -> None:
        due = self._ends if one["within_ms"] is None else start + one["within_ms"]
        one |= {"from": start, "due": min(due, self._ends)}

    def _matches(self, one: dict[str, Any], cell: Cell) -> bool:
        if one["rule"] != cell.rule.id or isinstance(cell.rule, PlannedRule):
            return False
        asset = cell.row.asset
        if one["asset"] is not None:
            return bool(one["asset"] == asset)
        return not self._reach or asset in self._reach or is_group(cell)

    def _why_missing(self, one: dict[str, Any]) -> str:
        what = f"{one['alarm']} ({self._titles.get(one['rule'], one['rule'])})"
        if one["from"] is None:
            sequence = f"the sequence {one['after']}, after which it was expected"
            return f"{what} did not come: {sequence}, did not begin in the drill"
        base = "the drill's start" if one["after"] is None else f"the start of {one['after']}"
        return f"{what} did not come within {format_duration(one['due'] - one['from'])} of {base} at {iso(one['from'])}"


def drill_verdict(row: Record) -> tuple[str, str]:
    """passed, failed or incomplete, and why, by the facts of a drill that is over."""
    expected, sequences = row.data["expected"], row.data["sequences"]
    wrong = [f"{one['alarm']} {one['state']}" for one in expected if one["state"] in (MISSING, LATE)]
    wanted = {one["rule"] for one in expected}
    wrong += [
        f"sequence {one['rule']} {one['verdict'] or 'late'}"
        for one in sequences.values()
        if set(one["faulty"]) - wanted or (one["verdict"] == "failed" and not one["faulty"])
    ]
    unseen = [f"{one['alarm']} unseen" for one in expected if one["state"] == UNSEEN]
    unseen += [f"sequence {one['rule']} incomplete" for one in sequences.values() if one["verdict"] == "incomplete"]
    verdict = "failed" if wrong else "incomplete" if unseen else "passed"
    came = sum(one["state"] in (COME, BEFORE) for one in expected)
    faults = f": {', '.join(wrong or unseen)}" if wrong or unseen else ""
    return verdict, f"{row.data['title']} {verdict}, {came} of {len(expected)} expected alarms came in time{faults}"
