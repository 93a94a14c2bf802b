"""What a run of a sequence consists of: its steps, what must not happen meanwhile, and what is measured."""

from __future__ import annotations

from typing import Any, Protocol

from dcmon.config.base import format_duration
from dcmon.config.sequences import Forbidden, Measured, StepRule
from dcmon.model import number
from dcmon.thresholds.alarms import Alarms
from dcmon.thresholds.board import NEVER, Board, Judged, Slot
from dcmon.thresholds.cells import Cell
from dcmon.thresholds.logic import Term, Truth, all_of, compile_terms
from dcmon.thresholds.watches import Watch

WAITING, REACHED, LATE, SKIPPED, MISSING, UNSEEN = "waiting", "reached", "late", "skipped", "missing", "unseen"
ALREADY = "already"
"""It was so before its time began: nothing had to come, and nothing is proved."""


class Course(Protocol):
    """What a step asks of the run that it belongs to."""

    blind_until: int

    def note(self, step: Step, state: str, now: int, took: int | None, again: bool) -> None:
        """The step has come (`again`, after it was undone), or what had come was undone: after `took` ms."""
        ...

    def cause(self, step: Step) -> str:
        """What the step's time runs from, for a reason."""
        ...


class Step(Watch):
    """One step of a run: whether it has come, and its alarm."""

    __slots__ = ("active", "at", "base", "rule", "run", "state", "then", "undone")

    def __init__(self, cell: Cell, alarms: Alarms, rule: StepRule, board: Board, run: Course) -> None:
        super().__init__(cell, alarms)
        self.rule = rule
        self.run = run
        self.then = compile_terms(rule.then, rule.asset, board, self)
        self.state = SKIPPED
        self.active = False
        """It is awaited, or has come and the run may still ask for it."""
        self.base = 0
        """From when its time runs, or ran."""
        self.at: int | None = None
        """When it came."""
        self.undone: int | None = None

    @property
    def deadline(self) -> int | None:
        """By when it must have come, ms UTC; None while it is not awaited."""
        if not self.active:
            return None
        return (self.base if self.undone is None else self.undone) + self.rule.within

    @property
    def waits(self) -> bool:
        """Its time runs: it has not come, or was undone, and is not late so far."""
        return self.state == WAITING or (self.undone is not None and self.state in (REACHED, ALREADY))

    def came_at(self) -> int | None:
        """When a step that `stays` came, ms UTC, as long as it stays; None for all others."""
        return self.at if self.rule.stays and self.active and self.undone is None else None

    def await_from(self, base: int) -> None:
        """Its time begins to run."""
        self.active, self.base, self.at, self.undone, self.state = True, base, None, None, WAITING

    def dismiss(self, state: str) -> None:
        """Nobody waits for it any more. What was late stays so; what was not needed again has come."""
        if self.missing and self.state not in (LATE, MISSING) and (self.at is None or state != SKIPPED):
            self.state = state
        self.active, self.undone = False, None

    def forget(self) -> None:
        """It belongs to a part of the run that has not begun."""
        self.active, self.at, self.undone, self.state = False, None, None, SKIPPED

    def truth(self) -> Truth:
        """Whether all of `then` holds now."""
        return all_of(term.truth() for term in self.then)

    def condition(self, now: int) -> Truth:
        """Awaited and not there. Not knowing is as bad as knowing that it is not, for nobody would look."""
        if not self.active:
            return False
        there = self.truth()
        if there is None and now < self.run.blind_until:
            return None
        if there is True:
            self._come(now)
        elif there is False and self.rule.stays and self.at is not None and self.undone is None:
            self.undone = min(max((self._since(False), self.at)), now)
            self.run.note(self, "undone", now, self.undone - self.base, False)
        return self.missing

    @property
    def missing(self) -> bool:
        """It is awaited and not there, as it was last looked at."""
        return self.active and (self.at is None or self.undone is not None)

    def _come(self, now: int) -> None:
        if not self.missing:
            return
        deadline = (self.base if self.undone is None else self.undone) + self.rule.within
        since = self._since(True)
        came = min(max(since, self.base), now)
        if self.at is None and since < self.base and self.state == WAITING:
            self.state = ALREADY
        elif came > deadline and self.state != UNSEEN:
            self.state = LATE
        elif self.state == WAITING or (came <= deadline and self.state != ALREADY):
            self.state = REACHED if self.undone is None else self.state
        again = self.undone is not None
        took = came - (self.base if self.undone is None else self.undone)
        if self.at is None:
            self.at = came
        self.undone = None
        already = self.state == ALREADY
        self.run.note(self, ALREADY if already else REACHED, now, None if already else took, again)

    def _since(self, truth: bool) -> int:
        sinces = [term.since(truth) for term in self.then if term.truth() is truth]
        return max((since for since in sinces if since != NEVER), default=NEVER)

    def evidence(self, now: int) -> int:
        """See Watch: from when its time runs while it is missing, ms UTC, else when it came."""
        if self.missing:
            return self.base if self.undone is None else self.undone
        return now if self.at is None else self.at

    def describe(self) -> str:
        """See Watch: what holds, or what is missing after how long."""
        missing = [term for term in self.then if term.truth() is not True]
        if not missing or not self.missing:
            return ", ".join(term.describe() for term in self.then)
        wanted = " and ".join(f"{term.describe()} and should be {term.wanted}" for term in missing)
        return f"{self.run.cause(self)}, but after {format_duration(self.rule.within)} {wanted}"

    def facts(self) -> dict[str, Any]:
        """The step in a record."""
        took = None if self.at is None or self.state == ALREADY else self.at - self.base
        return {
            "id": self.rule.id,
            "name": self.rule.name.model_dump(),
            "tom": list(self.rule.tom),
            "after": self.rule.after,
            "within_ms": self.rule.within,
            "state": self.state,
            "active": self.active,
            "base": self.base,
            "at": self.at,
            "took_ms": took,
            "undone": self.undone,
        }


class Ban:
    """Something that must not happen during a run."""

    __slots__ = ("at", "spec", "terms")

    def __init__(self, spec: Forbidden, asset: str, board: Board, run: Judged) -> None:
        self.spec = spec
        self.terms: tuple[Term, ...] = compile_terms(spec.when, asset, board, run)
        self.at: int | None = None


class Extremes:
    """The lowest and the highest of a series during a run."""

    __slots__ = ("high", "low", "name", "since", "slot")

    def __init__(self, spec: Measured) -> None:
        self.name = f"{spec.asset}/{spec.point}" + (f"[{spec.index}]" if spec.index is not None else "")
        self.since = spec.since
        self.slot: Slot | None = None
        self.low: float | None = None
        self.high: float | None = None

    def look(self) -> bool:
        """Takes note of the present value; whether it is a new extreme."""
        value = None if self.slot is None else number(self.slot.value)
        if value is None:
            return False
        before = self.low, self.high
        self.low = value if self.low is None else min(self.low, value)
        self.high = value if self.high is None else max(self.high, value)
        return (self.low, self.high) != before
