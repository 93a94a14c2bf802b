"""Sequences: what must follow what, and in which time, when something happens (T03, T04, T18).

While all of `when` holds the cause lasts. A run begins with it and is a record from then on. Steps after the start must
come within their time from its start, steps after the return from its end; each is an alarm of its own, raised at its
deadline. A step after the start that had not come when the cause was over before its deadline was not needed. The run
is done when the cause is over and all has come; if the cause comes back before the first step after the return has
come, it is the same run.

A run has passed when what takes over came in time, nothing is late or missing and nothing happened that must not; it
is incomplete when all that is missing may have come unseen: the device was silent, or dcmon did not run. A cause that
was over before anything had to take over leaves a run without a verdict: it proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from dcmon.config.base import format_duration
from dcmon.config.sequences import Measured, SequenceSpec
from dcmon.model import Record, Transition
from dcmon.thresholds.board import NEVER, Board, Slot, attach
from dcmon.thresholds.ledger import Ledger
from dcmon.thresholds.logic import all_of, compile_terms
from dcmon.thresholds.sequence_parts import (
    LATE,
    MISSING,
    REACHED,
    SKIPPED,
    UNSEEN,
    Ban,
    Extremes,
    Step,
)
from dcmon.thresholds.stamps import stamp
from dcmon.thresholds.timers import Order, Phase, Timer, Timers
from dcmon.thresholds.topology import Topology

_FAULTS = frozenset({"late", "undone", "violated", "failed"})


class Run:
    """A sequence and its present run, if there is one."""

    __slots__ = (
        "_bans", "_board", "_deadline", "_extremes", "_ledger", "_timers", "_topology", "blind_until", "incident",
        "order", "record", "returned", "spec", "steps", "when",
    )  # fmt: skip

    def __init__(
        self, spec: SequenceSpec, order: Order, board: Board, timers: Timers, ledger: Ledger, topology: Topology,
        incident: Callable[[str], str | None],
    ) -> None:  # fmt: skip
        self.spec = spec
        self.order = order
        self.steps: list[Step] = []
        self.record: Record | None = None
        self.returned: int | None = None
        self.blind_until = NEVER
        """After a restart: until then nothing has to have been heard."""
        self.incident = incident
        self._board = board
        self._timers = timers
        self._ledger = ledger
        self._topology = topology
        self._deadline = Timer("delay", self._overdue, order, Phase.DEADLINE)
        self.when = compile_terms(spec.when, spec.asset, board, self)
        self._bans = [Ban(ban, spec.asset, board, self) for ban in spec.never]
        self._extremes = [self._measure(one) for one in spec.measure]

    def _measure(self, spec: Measured) -> Extremes:
        extremes = Extremes(spec)

        def found(slot: Slot) -> None:
            extremes.slot = slot
            attach(slot, self)

        self._board.want(spec.asset, spec.point, spec.index, found)
        return extremes

    def evaluate(self, now: int) -> None:
        """Looks whether the cause has begun or ended, and at what must not happen."""
        when = all_of(term.truth() for term in self.when)
        if when is True and (self.record is None or self._is_another()):
            self._finish(now)
            self._begin(now)
        elif self.record is None:
            return
        elif when is True and self.returned is not None:
            self._relapse(now)
        elif when is False and self.returned is None:
            self._return(now)
        self._watch(now)

    def note(self, step: Step, state: str, now: int, took: int | None, again: bool) -> None:
        """A step has come (`again`, after it was undone), or what had come was undone: after `took` ms."""
        what = f"{state} again" if again else state
        after = "" if took is None else f" after {format_duration(took)}"
        allowed = f", {format_duration(step.rule.within)} allowed" if step.state == LATE and state == REACHED else ""
        self._tell(now, state, f"{step.rule.name.en}: {what}{after}{allowed}", step)
        self._set_deadline()
        self._look_at_end(now)

    def cause(self, step: Step) -> str:
        """What the step's time runs from, for a reason."""
        if step.rule.after == "return":
            return f"{self.spec.title.en}: its cause is over"
        return " and ".join(term.describe() for term in self.when)

    def resume(self, row: Record) -> None:
        """Goes on with the run of a record after a restart. What came meanwhile was not seen when it came."""
        self.record = row
        data = row.data
        self.returned = data["returned"]
        kept = {step["id"]: step for step in data["steps"]}
        for step in self.steps:
            facts = kept.get(step.rule.id)
            if facts is not None:
                step.active, step.base, step.state = facts["active"], facts["base"], facts["state"]
                step.at, step.undone = facts["at"], facts["undone"]
        bans = {ban["id"]: ban["at"] for ban in data["never"]}
        for ban in self._bans:
            ban.at = bans.get(ban.spec.id)
        for extremes in self._extremes:
            extremes.low, extremes.high = data["extremes"].get(extremes.name, (None, None))

    def go_on(self, start: int, gap: int) -> None:
        """The first step after a restart. What was not seen during a gap is not judged before devices could answer."""
        if self.record is None:
            return
        if gap <= 0:
            self._wake()
            return
        for step in self.steps:
            if step.waits and step.deadline is not None and step.deadline <= start:
                step.state = UNSEEN
        points = {(term.asset, term.point) for step in self.steps for term in step.then}
        self.blind_until = start + max(self._board.hold(*point) for point in points)
        self._timers.set(self._deadline, self.blind_until)

    def _is_another(self) -> bool:
        """Whether the cause comes again after its run had begun to return for good."""
        after = [step for step in self.steps if step.rule.after == "return"]
        return self.returned is not None and bool(after) and after[0].at is not None

    def _begin(self, now: int) -> None:
        started = min(max((term.since(True) for term in self.when), default=now), now)
        row_id = f"{self.spec.id}@{stamp(started)}"
        self.returned = None
        for extremes in self._extremes:
            extremes.low = extremes.high = None
        for ban in self._bans:
            ban.at = None
        for step in self.steps:
            if step.rule.after == "start":
                step.await_from(started)
            else:
                step.forget()
        name = self._topology.name(self.spec.asset)
        reason = f"{self.spec.title.en} ({name}): {' and '.join(term.describe() for term in self.when)}"
        self.record = Record(
            row_id, "sequence", self.spec.asset, self.spec.id, "running", None, started, None, reason, self.spec.tom
        )
        self._tell(now, "started", reason)
        self._wake()

    def _return(self, now: int) -> None:
        assert self.record is not None
        ends = [term.since(False) for term in self.when if term.truth() is False]
        self.returned = min(max((*ends, self.record.started)), now)
        for step in self.steps:
            if step.rule.after == "start":
                step.dismiss(self._verdict_of(step, self.returned))
            else:
                step.await_from(self.returned)
        self._tell(now, "returning", f"the cause is over after {format_duration(self.returned - self.record.started)}")
        self._wake()
        self._look_at_end(now)

    def _relapse(self, now: int) -> None:
        """The cause is back before anything returned: all goes on, and what had come still counts."""
        self.returned = None
        for step in self.steps:
            if step.rule.after == "return":
                step.forget()
            elif step.at is not None:
                step.active = True
                if step.rule.stays and step.truth() is False:
                    step.undone = now
            else:
                step.await_from(now)
        self._tell(now, "relapsed", "the cause is back")
        self._wake()

    @staticmethod
    def _verdict_of(step: Step, over: int) -> str:
        """What became of a step that has not come when the cause is over."""
        deadline = step.deadline
        if deadline is None or over <= deadline:
            return SKIPPED
        return UNSEEN if step.truth() is None else MISSING

    def _watch(self, now: int) -> None:
        come = {step.rule.id for step in self.steps if step.at is not None}
        measured = [one for one in self._extremes if one.since is None or one.since in come]
        news = [one.look() for one in measured]
        if any(news) and self.record is not None:
            self.record = replace(self.record, data=self._data())
            self._ledger.put_record(self.record)
        for ban in self._bans:
            if ban.at is None and all_of(term.truth() for term in ban.terms) is True:
                ban.at = now
                what = " and ".join(term.describe() for term in ban.terms)
                self._tell(now, "violated", f"{ban.spec.title}: {what}")

    def _wake(self) -> None:
        self._board.dirty.update(self.steps)
        self._set_deadline()

    def _set_deadline(self) -> None:
        waiting = [step.deadline for step in self.steps if step.deadline is not None and step.waits]
        self._timers.set(self._deadline, min((due for due in waiting if due is not None), default=None))

    def _overdue(self, now: int) -> None:
        self._board.dirty.update(self.steps)
        for step in self.steps:
            deadline = step.deadline
            if step.waits and deadline is not None and deadline <= now:
                step.state = UNSEEN if step.truth() is None else MISSING
                what = "not there" if step.undone is None else "not there again"
                self._tell(now, "late", f"{step.rule.name.en}: {what} after {format_duration(step.rule.within)}", step)
        self._set_deadline()

    def _look_at_end(self, now: int) -> None:
        if self.returned is not None and all(step.at is not None for step in self.steps if step.rule.after == "return"):
            self._finish(now)

    def _finish(self, now: int) -> None:
        row = self.record
        if row is None:
            return
        self._watch(now)
        for step in self.steps:
            if step.active and step.at is None and step.state != MISSING:
                step.state = UNSEEN if step.truth() is None else MISSING
        faults = [f"{step.rule.name.en} ({step.state})" for step in self.steps if step.state in (LATE, MISSING)]
        faults += [ban.spec.title for ban in self._bans if ban.at is not None]
        unseen = [step.rule.name.en for step in self.steps if step.state == UNSEEN]
        verdict = "failed" if faults else "incomplete" if unseen else "passed" if self._proved() else None
        ended = max((step.at for step in self.steps if step.at is not None), default=now)
        ended = max(ended, self.returned if self.returned is not None else now)
        what = f": {', '.join(faults or unseen)}" if faults or unseen else ""
        name = self._topology.name(self.spec.asset)
        lasted = format_duration(ended - row.started)
        reason = f"{self.spec.title.en} ({name}) {verdict} in {lasted}{what}"
        if verdict is None:
            over = format_duration((ended if self.returned is None else self.returned) - row.started)
            reason = f"{self.spec.title.en} ({name}) was not needed: the cause was over after {over}"
        self.record = replace(row, state="done", verdict=verdict, ended=ended, reason=reason)
        self._tell(now, verdict or "unneeded", reason)
        self.record = None
        for step in self.steps:
            step.dismiss(step.state)
        self._wake()

    def _proved(self) -> bool:
        """Whether the run shows that it works: what takes over has come, not only what comes before it."""
        start = [step for step in self.steps if step.rule.after == "start"]
        telling = [step for step in start if step.rule.stays] or start
        return any(step.state == REACHED for step in telling)

    def _tell(self, now: int, state: str, reason: str, step: Step | None = None) -> None:
        """Keeps the record as it stands, and says what has changed."""
        assert self.record is not None
        self.record = replace(self.record, data=self._data())
        self._ledger.put_record(self.record)
        row = self.record
        data: dict[str, Any] = {"started": row.started}
        if step is not None:
            facts = step.facts()
            data |= {"step": facts["id"], "took_ms": facts["took_ms"], "within_ms": facts["within_ms"]}
        if row.state == "done":
            data |= self._summary(row)
        severity = self.spec.severity if state in _FAULTS else None
        self._ledger.tell(
            Transition(now, "sequence", row.id, state, reason, row.subject, row.rule, severity, self._incident(), data)
        )

    def _summary(self, row: Record) -> dict[str, Any]:
        """What a transition at the end says; the record has all of it."""
        words = ("id", "state", "took_ms", "within_ms")
        return {
            "ended": row.ended,
            "steps": [{word: step[word] for word in words} for step in row.data["steps"]],
            "violated": [ban.spec.id for ban in self._bans if ban.at is not None],
            "extremes": row.data["extremes"],
        }

    def _incident(self) -> str | None:
        subjects = [self.spec.asset, *(term.asset for term in self.when)]
        return next((found for subject in subjects if (found := self.incident(subject)) is not None), None)

    def _data(self) -> Mapping[str, Any]:
        return {
            "returned": self.returned,
            "steps": [step.facts() for step in self.steps],
            "never": [
                {"id": ban.spec.id, "title": ban.spec.title, "tom": list(ban.spec.tom), "at": ban.at}
                for ban in self._bans
            ],
            "extremes": {one.name: (one.low, one.high) for one in self._extremes if one.low is not None},
        }

    def shift(self, delta: int) -> None:
        """The machine's clock was set: what has elapsed stays elapsed."""
        if self.record is None:
            return
        self.record = replace(self.record, started=self.record.started + delta)
        self.returned = None if self.returned is None else self.returned + delta
        for step in self.steps:
            step.base += delta
            step.at = None if step.at is None else step.at + delta
            step.undone = None if step.undone is None else step.undone + delta
        self._ledger.put_record(replace(self.record, data=self._data()))
