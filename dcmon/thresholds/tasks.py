"""Work that an alarm opens and a measurement closes (T06: refuel)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from dcmon.config.base import format_duration
from dcmon.config.base_rule import TaskSpec
from dcmon.config.rules import Rule
from dcmon.config.vocabulary import unit_of
from dcmon.model import Alarm, Severity, Task, Transition, number
from dcmon.thresholds.board import Board, Slot, attach, detach
from dcmon.thresholds.fuel_tank import vanished
from dcmon.thresholds.ledger import Ledger
from dcmon.thresholds.logic import show_value
from dcmon.thresholds.stamps import stamp
from dcmon.thresholds.timers import Order, Phase, Timer, Timers
from dcmon.thresholds.topology import Topology


class Tasks:
    """Open tasks, one at most per rule and series."""

    def __init__(
        self, ledger: Ledger, timers: Timers, board: Board, topology: Topology, rules: tuple[Rule, ...],
        room: Callable[[str], float | None],
    ) -> None:  # fmt: skip
        """`room` says how many litres a tank can take; None where that is not known."""
        self._ledger = ledger
        self._timers = timers
        self._board = board
        self._topology = topology
        self._room = room
        self._rules = {rule.id: rule for rule in rules}
        self._followed: dict[str, _Follow] = {}
        for task in ledger.tasks.values():
            rule = self._rules.get(task.rule)
            if task.state != "done" and rule is not None and rule.task is not None:
                self._follow(task, rule, rule.task)

    def alarm_active(self, rule: Rule, alarm: Alarm, now: int) -> None:
        """Opens the task of the rule unless it is open already."""
        spec = rule.task
        if spec is None or alarm.key in self._followed:
            return
        task_id = f"{spec.kind}-{alarm.asset}" + (f"-{alarm.index}" if alarm.index else "") + f"-{stamp(now)}"
        memory = {
            "alarm": alarm.key, "point": _point(rule), "index": alarm.index, "lowest": alarm.value, "above_since": None,
            "below_since": None, "below": None, "incident": alarm.incident, "severity": alarm.severity.value,
            "room_l": self._litres(alarm.asset),
        }  # fmt: skip
        task = Task(
            task_id, spec.kind, alarm.asset, rule.id, "open", f"{self._topology.name(alarm.asset)}: {spec.title}", now,
            now + spec.deadline, None, alarm.reason, memory,
        )  # fmt: skip
        self._ledger.put_task(task)
        self._tell(
            task, now, "opened", f"{task.title}, to be done within {format_duration(spec.deadline)}: {alarm.reason}"
        )
        self._follow(task, rule, spec)

    def _litres(self, asset: str) -> float | None:
        """What to order, to the litre."""
        room = self._room(asset)
        return None if room is None else float(round(room))

    def shift(self, delta: int) -> None:
        """The clock was set: deadlines keep their distance."""
        for follow in self._followed.values():
            task = follow.task
            memory = dict(task.memory)
            for name in ("above_since", "below_since"):
                memory[name] = None if memory.get(name) is None else memory[name] + delta
            follow.task = replace(task, due=task.due + delta, memory=memory)
            self._ledger.put_task(follow.task)

    def _follow(self, task: Task, rule: Rule, spec: TaskSpec) -> None:
        follow = _Follow(self, task, spec, self._timers)
        self._followed[task.memory["alarm"]] = follow
        self._board.want(task.asset, task.memory["point"], task.memory["index"], follow.found)
        if task.state == "open":
            self._timers.set(follow.deadline, task.due)
        self._timers.set(follow.held, follow.held_until())

    def keep(self, follow: _Follow, task: Task) -> None:
        """Replaces the row of a task."""
        follow.task = task
        self._ledger.put_task(task)

    def overdue(self, follow: _Follow, now: int) -> None:
        """The deadline has passed."""
        memory = dict(follow.task.memory) | {"room_l": self._litres(follow.task.asset)}
        task = replace(follow.task, state="overdue", memory=memory)
        self.keep(follow, task)
        lowest = show_value(task.memory["lowest"], unit_of(task.memory["point"]))
        risen = f"{task.memory['point']} was {lowest} and has not risen by {follow.spec.closes_after_rise:g}"
        self._tell(task, now, "overdue", f"{task.title} is overdue: {risen}")

    def done(self, follow: _Follow, level: float, now: int) -> None:
        """The measurement shows that the work was done."""
        unit = unit_of(follow.task.memory["point"])
        rise = f"{show_value(follow.task.memory['lowest'], unit)} to {show_value(level, unit)}"
        reason = f"{follow.task.memory['point']} has risen from {rise}"
        task = replace(follow.task, state="done", closed=now, reason=reason)
        self.keep(follow, task)
        self._timers.set(follow.deadline, None)
        del self._followed[task.memory["alarm"]]
        if follow.slot is not None:
            detach(follow.slot, follow)
        self._tell(task, now, "done", f"{task.title} is done: {reason}")

    def open(self, follow: _Follow) -> bool:
        return self._followed.get(follow.task.memory["alarm"]) is follow

    def _tell(self, task: Task, now: int, state: str, reason: str) -> None:
        alarm = self._ledger.alarms.get(task.memory["alarm"])
        incident = alarm.incident if alarm is not None else task.memory["incident"]
        data = {"title": task.title, "kind": task.kind, "due": task.due}
        if state != "done" and task.memory.get("room_l") is not None:
            data["room_l"] = task.memory["room_l"]
        severity = Severity(task.memory["severity"])
        self._ledger.tell(
            Transition(now, "task", task.id, state, reason, task.asset, task.rule, severity, incident, data)
        )


class _Follow:
    """Follows the series of one task: its lowest value, and since when it is far enough above that.

    Neither counts before it has lasted for `held`: a sender that drops out is no lowest level, sloshing fuel no rise.
    """

    __slots__ = ("deadline", "held", "order", "slot", "spec", "task", "tasks", "timers")

    def __init__(self, tasks: Tasks, task: Task, spec: TaskSpec, timers: Timers) -> None:
        self.tasks = tasks
        self.task = task
        self.spec = spec
        self.timers = timers
        self.order: Order = (900, task.id)
        self.slot: Slot | None = None
        self.deadline = Timer("task", lambda now: tasks.overdue(self, now), self.order, Phase.DEADLINE)
        self.held = Timer("delay", self._held, self.order, Phase.DEADLINE)

    def found(self, slot: Slot) -> None:
        if slot.key.index == self.task.memory["index"] and self.tasks.open(self):
            self.slot = slot
            attach(slot, self)

    def evaluate(self, now: int) -> None:
        """Takes note of a new level."""
        level = None if self.slot is None else number(self.slot.value)
        if level is None or self.slot is None or not self.tasks.open(self):
            return
        memory = dict(self.task.memory)
        if memory["lowest"] is None:
            memory["lowest"] = level
        since, lowest = min(self.slot.since, now), memory["lowest"]
        if level >= lowest:
            memory["below_since"] = memory["below"] = None
        elif memory.get("below_since") is None:
            memory["below_since"], memory["below"] = since, level
        else:
            memory["below"] = max(memory["below"], level)
        if level < lowest + self.spec.closes_after_rise:
            memory["above_since"] = None
        elif memory["above_since"] is None:
            memory["above_since"] = since
        self._remember(memory)
        due = self.held_until()
        self.timers.set(self.held, None if due is None else max(due, now))

    def _vanished(self, memory: dict[str, Any]) -> bool:
        """Whether the tank was empty at one blow, and only one reading said so."""
        assert self.slot is not None
        full = 100.0 if unit_of(memory["point"]) == "%" else None
        return self.slot.seen <= memory["below_since"] and vanished(memory["lowest"], memory["below"], full)

    def held_until(self) -> int | None:
        """When what it does now has lasted long enough."""
        sinces = [self.task.memory.get("above_since"), self.task.memory.get("below_since")]
        return next((since + self.spec.held for since in sinces if since is not None), None)

    def _remember(self, memory: dict[str, Any]) -> None:
        if memory != self.task.memory:
            self.tasks.keep(self, replace(self.task, memory=memory))

    def _held(self, now: int) -> None:
        """The level has been up, or down, for long enough, if it is still known."""
        level = None if self.slot is None else number(self.slot.value)
        if level is None or not self.tasks.open(self):
            return
        memory = dict(self.task.memory)
        if memory["above_since"] is not None:
            self.tasks.done(self, level, now)
        elif memory.get("below_since") is not None:
            if self._vanished(memory):
                since = memory["below_since"]
                self.timers.set(self.held, now + max(self.spec.held, now - since))
                return
            self._remember(memory | {"lowest": memory["below"], "below": None, "below_since": None})
            self.evaluate(now)


def _point(rule: Rule) -> str:
    select = getattr(rule, "select", None)
    return str(select.point) if select is not None else ""
