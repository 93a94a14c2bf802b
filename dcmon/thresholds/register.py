"""The lines of the register while the process runs: each hears of what was done, and is an alarm once overdue.

A line that is overdue, or of which the last result is a failure, has a task; what passes closes both. Nothing here is
measured in elapsed time but by the calendar, so a clock that is set moves no date.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dcmon.config.base import format_duration
from dcmon.config.duties import DutyRule
from dcmon.config.evidence import MovementEvidence, RecordEvidence
from dcmon.config.recurrence import Calendar
from dcmon.model import Record, Task, Transition, Value
from dcmon.thresholds.alarms import Alarms
from dcmon.thresholds.board import Board, Slot, attach
from dcmon.thresholds.cells import Cell
from dcmon.thresholds.duties import PATIENCE_MS, Standing, State, show_period, standing
from dcmon.thresholds.ledger import Ledger
from dcmon.thresholds.logic import Truth
from dcmon.thresholds.stamps import iso, stamp
from dcmon.thresholds.timers import Phase, Timer, Timers
from dcmon.thresholds.topology import Topology
from dcmon.thresholds.watches import Watch

_KEPT = 8
"""Results that a line remembers: more than can count for the present period and the one before."""
_DAY_MS = 86_400_000
_MOST_NAMED = 5


class DutyLine(Watch):
    """One duty at one asset."""

    __slots__ = (
        "_board",
        "_calendar",
        "_deadline",
        "_ended",
        "_ledger",
        "_said",
        "_slots",
        "_standing",
        "_task",
        "_timer",
        "_timers",
        "_topology",
        "duty",
    )  # fmt: skip

    def __init__(
        self, cell: Cell, alarms: Alarms, duty: DutyRule, calendar: Calendar, board: Board, timers: Timers,
        ledger: Ledger, topology: Topology,
    ) -> None:  # fmt: skip
        super().__init__(cell, alarms)
        self.duty = duty
        self._calendar = calendar
        self._board = board
        self._timers = timers
        self._ledger = ledger
        self._topology = topology
        self._standing: Standing | None = None
        self._ended = False
        self._timer = Timer("calendar", self.evaluate, cell.order)
        self._deadline = Timer("task", self._task_overdue, cell.order, Phase.DEADLINE)
        self._slots: dict[str, Slot] = {}
        self._said: dict[str, Value] = {}
        """The last state of each series that has to move."""
        mine = (task for task in ledger.tasks.values() if task.memory.get("alarm") == cell.row.key)
        self._task = next((task for task in mine if task.state != "done"), None)

    def begin(self, now: int) -> None:
        """The first step of a process: the register is kept from the very first on."""
        if "from" not in self._memory:
            self._remember({"from": now})
        self.evaluate(now)

    def end(self) -> None:
        """Nothing more becomes overdue: a replay is past its last line."""
        self._ended = True
        self._timers.set(self._timer, None)

    def want(self) -> None:
        """Finds the series that have to move."""
        if isinstance(self.duty.evidence, MovementEvidence):
            for point in self.duty.evidence.moved:
                self._board.want(self.cell.row.asset, point, None, self._found)

    def hear(self, record: Record) -> None:
        """Takes note of a record that proves the duty, or of one that was taken back."""
        if not self._takes(record):
            return
        memory = dict(self._memory)
        running = {name: at for name, at in memory.get("running", {}).items() if name != record.id}
        if record.state == "running":
            running[record.id] = record.started
            if running != memory.get("running"):
                self._remember(memory | {"running": running})
            return
        done = [entry for entry in memory.get("done", ()) if entry[1] != record.id]
        last, failed = (_unless_of(record, memory.get(name)) for name in ("last", "failed"))
        if record.state == "done":
            result = _result(record)
            if record.verdict in (None, "passed"):
                done = sorted([*done, [record.started, record.id]])[-_KEPT:]
                failed = None if failed is None or failed["at"] <= record.started else failed
            elif record.verdict == "failed" and not any(at > record.started for at, _ in done):
                failed = result
            last = result if last is None or last["at"] <= record.started else last
        self._remember(memory | {"done": done, "last": last, "failed": failed, "running": running})
        self._board.dirty.add(self)

    def evaluate(self, now: int) -> None:
        """Looks at the calendar, and at what has moved."""
        self._look_at_movements(now)
        found = self._standing = standing(self.duty, self._calendar, self._memory, now)
        super().evaluate(now)
        self._tend_task(found, now)
        if self._ended:
            return
        if found is None:
            start = self._calendar.period(0).start
            self._timers.set(self._timer, start if start > now else None)
        else:
            due = found.due if found.due > now else found.due + PATIENCE_MS
            self._timers.set(self._timer, None if found.state is State.OVERDUE else due)

    def condition(self, now: int) -> Truth:
        """See Watch: it is overdue."""
        return self._standing is not None and self._standing.state is State.OVERDUE

    def evidence(self, now: int) -> int:
        """See Watch: since when it is overdue, ms UTC."""
        found = self._standing
        return found.due if found is not None and found.state is State.OVERDUE else now

    def describe(self) -> str:
        """See Watch: what is missing, and the last one on record."""
        last, found = self._memory.get("last"), self._standing
        known = "none is on record" if last is None else f"the last one is {last['record']} ({last['reason']})"
        if found is None or found.state is not State.OVERDUE:
            return known
        missed = show_period(found.period, self.duty.every)
        text = f"nothing that has passed for {missed}"
        if found.missing:
            text = f"{_named(found.missing)} not moved in {missed}"
        kept = self._memory["from"]
        note = f"; the register is kept since {iso(kept)} only" if kept > found.period.start else ""
        return f"{text}; {known}{note}"

    @property
    def _memory(self) -> Mapping[str, Any]:
        return self.cell.row.memory

    def _remember(self, memory: Mapping[str, Any]) -> None:
        self.alarms.keep_row(replace(self.cell.row, memory=dict(memory)))

    def _takes(self, record: Record) -> bool:
        duty, asset = self.duty, self.cell.row.asset
        if record.kind == "duty":
            return record.subject == duty.id and record.data.get("asset") in (None, asset)
        evidence = duty.evidence
        if not isinstance(evidence, RecordEvidence) or record.kind != evidence.record:
            return False
        if evidence.rule is not None and record.rule != evidence.rule:
            return False
        scope = record.data.get("scope") or ()
        if scope and not set(evidence.scope) <= set(scope):
            return False
        anything = evidence.subject is None and not duty.assets and not duty.kinds
        return anything or record.subject == (evidence.subject or asset)

    # Series that have to move

    def _found(self, slot: Slot) -> None:
        self._slots[slot.name] = slot
        attach(slot, self)

    def _look_at_movements(self, now: int) -> None:
        """A series has moved when it says another state than the last that it said."""
        moved: dict[str, list[int]] = {}
        for name, slot in self._slots.items():
            value = slot.value
            if value is None:
                if name not in self._said and slot.last is not None:
                    self._said[name] = slot.last
                continue
            before = self._said.get(name)
            self._said[name] = value
            known = self._memory.get("moved", {}).get(name)
            if before is not None and before != value:
                moved[name] = self._moves(known or [], min(slot.since, now))
            elif known is None:
                moved[name] = []
        changed = {name: times for name, times in moved.items() if self._memory.get("moved", {}).get(name) != times}
        if changed:
            self._remember({**self._memory, "moved": {**self._memory.get("moved", {}), **changed}})

    def _moves(self, known: list[int], at: int) -> list[int]:
        """The last time of the period before and of this one. A door moves a thousand times a day: one is kept."""
        if not known:
            return [at]
        last, now = self._calendar.at(known[-1]), self._calendar.at(at)
        if last == now:
            return known if at - known[-1] < _DAY_MS else [*known[:-1], at]
        return [known[-1], at]

    # The task

    def _tend_task(self, found: Standing | None, now: int) -> None:
        overdue = found is not None and found.state is State.OVERDUE
        failed = self._memory.get("failed")
        if self._task is None and (overdue or failed is not None):
            self._open(failed["reason"] if failed is not None and not overdue else self.describe(), now)
        elif self._task is not None and not overdue and failed is None:
            last = self._memory.get("last")
            reason = "nothing is overdue any more" if last is None else f"{last['record']}: {last['reason']}"
            self._close(self._task, reason, now)
        if self._task is not None:
            self._timers.set(self._deadline, self._task.due if self._task.state == "open" else None)

    def _open(self, reason: str, now: int) -> None:
        row, duty = self.cell.row, self.duty
        title = f"{self._topology.name(row.asset)}: {duty.name.en}"
        memory = {"alarm": row.key, "incident": row.incident, "owner": duty.owner}
        task = Task(
            f"duty-{duty.id}-{row.asset}-{stamp(now)}", "duty", row.asset, duty.id, "open", title, now,
            now + duty.deadline, None, reason, memory,
        )  # fmt: skip
        self._keep(task)
        allowed = format_duration(duty.deadline)
        self._tell(task, now, "opened", f"{title}, to be done within {allowed}: {reason}")

    def _close(self, task: Task, reason: str, now: int) -> None:
        task = replace(task, state="done", closed=now, reason=reason)
        self._keep(task)
        self._task = None
        self._timers.set(self._deadline, None)
        self._tell(task, now, "done", f"{task.title} is done: {reason}")

    def _task_overdue(self, now: int) -> None:
        if self._task is not None and self._task.state == "open":
            self._keep(replace(self._task, state="overdue"))
            self._tell(self._task, now, "overdue", f"{self._task.title}: not made up for in time; {self._task.reason}")

    def _keep(self, task: Task) -> None:
        self._task = task
        self._ledger.put_task(task)

    def _tell(self, task: Task, now: int, state: str, reason: str) -> None:
        data = {"title": task.title, "kind": task.kind, "due": task.due}
        row = self.cell.row
        self._ledger.tell(
            Transition(
                now, "task", task.id, state, reason, row.asset, self.duty.id, self.duty.severity, row.incident, data
            )
        )


def _result(record: Record) -> dict[str, Any]:
    """What the register says of a result."""
    words = ("note", "file", "sha256")
    found = {word: record.data[word] for word in words if record.data.get(word)}
    return {
        "record": record.id, "kind": record.kind, "at": record.started, "verdict": record.verdict, "by": record.by,
        "reason": record.reason, **found,
    }  # fmt: skip


def _unless_of(record: Record, result: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if result is not None and result["record"] == record.id else result


def _named(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more have" if len(names) > _MOST_NAMED else " has" * (len(names) == 1)
    return f"{', '.join(names[:_MOST_NAMED])}{more or ' have'}"
