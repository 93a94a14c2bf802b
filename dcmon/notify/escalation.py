"""Who is told what, and when the next ones are: the Pager. Pure.

It reads what the engine decided (transitions of incidents, tasks and fault clocks with their rows) and what the outbox
worker learnt (pages that failed), and answers with notifications, transitions of type `page` and one Escalation row
for each incident or task that somebody was told of. All of it is committed together with the decision it answers, so
after a crash either both are there or neither, and keys made only of what happened keep a repeated decision from
paging twice.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final, NamedTuple

from dcmon.config.config import Config
from dcmon.config.people import Route
from dcmon.model import Changes, Escalation, Incident, Severity, Snapshot, Transition
from dcmon.notify.facts import FactBook
from dcmon.notify.messages import (
    about_clock,
    about_incident,
    about_page_test,
    about_planned,
    about_task,
    order,
    why_told,
)
from dcmon.notify.news import gravest_only, gravest_severities, percent_used
from dcmon.notify.reasons import (
    FIRST,
    ORDER,
    PAGE_TEST,
    RAISED,
    REMAINS,
    REOPENED,
    REPEAT,
    RESOLVED,
    TASK_DONE,
    TASK_OPENED,
    TASK_OVERDUE,
    WORSENED,
    Reason,
    clock_used,
    unacknowledged,
    unreached,
)
from dcmon.notify.routing import Target
from dcmon.notify.telling import Message, Teller, paired, queue, telling
from dcmon.notify.waiting import Waiting

_STEP_BACK_MS = 60_000
"""A clock that goes back by more was set; less is the jitter of batches."""
_NEWS: Final = {"worsened": WORSENED, "remains": REMAINS}
_TYPES: Final = frozenset({"incident", "task", "clock", "page", "record"})


class _News(NamedTuple):
    """What is new about a known incident: part of the key of a page of its own, its title, whose trade it is."""

    mark: str | None
    title: str
    cls: str


class Pager:
    """Give it every Changes of the engine and of the outbox worker, and an empty one when `next_due` has come.

    The snapshot holds the rows to go on from. A page cannot go out before the process is there to send it: after a
    restart, times that have passed meanwhile count as the time of the first step.
    """

    def __init__(self, config: Config, snapshot: Snapshot | None = None) -> None:
        rows = snapshot or Snapshot()
        self._teller = Teller(config)
        self._book = FactBook(config)
        self._suppliers = [Target(person.id, "email") for person in config.people.suppliers]
        self._incidents = {key: row for key, row in rows.incidents.items() if row.state == "open"}
        self._alarms = {key: row for key, row in rows.alarms.items() if row.incident in self._incidents}
        self._tasks = {key: row for key, row in rows.tasks.items() if row.state != "done"}
        self._clocks = {key: row for key, row in rows.clocks.items() if row.stopped is None}
        self._waiting = Waiting(rows.escalations.values())
        self._restored = snapshot is not None
        self._floor: int | None = None
        self._seen: int | None = None
        self._repeats = True
        self._again_after = max(config.rules.incidents.reopen, 1)
        self._said: set[tuple[str, str]] = set()
        """What made an incident worse lately: an alarm that comes and goes is news once in `incidents.reopen`."""

    def next_due(self) -> int | None:
        """When `step(Changes(), t)` has something to do, ms UTC; None while no escalation waits."""
        found = self._waiting.next()
        return None if found is None else found[0]

    def stop_repeating(self) -> None:
        """For a replay whose file is over: steps are still waited for, repetitions, which never end, are not."""
        self._repeats = False
        for row in self._waiting.rows():
            incident = self._incidents.get(row.incident)
            if incident is not None and row.step >= len(self._teller.route(incident.cls, row.severity).escalation):
                self._waiting.keep(replace(row, due=None), Changes())

    def step(self, changes: Changes, now: int) -> Changes:
        """Who is told because of `changes`, and because of escalations that are due by `now`, each at its own time."""
        out = Changes()
        self._check_clock(now, out)
        if changes:
            self._absorb(changes)
            self._read(changes.transitions, now, out)
            self._forget(changes)
        self._fire(now, out)
        return out

    def clock_set(self, delta: int, now: int) -> Changes:
        """The machine's clock was set by `delta` ms and shows `now`: who waited goes on with what was left of the wait.
        Were it counted as time, people would hear that nobody had acknowledged for minutes that never passed.
        """
        out = Changes()
        self._waiting.shift(delta, out)
        self._seen = now if self._seen is not None else None
        self._floor = None
        return out

    # What happened

    def _absorb(self, changes: Changes) -> None:
        self._incidents |= changes.incidents
        self._tasks |= changes.tasks
        self._clocks |= changes.clocks
        for key, alarm in changes.alarms.items():
            if alarm.incident is None:
                self._alarms.pop(key, None)
            else:
                self._alarms[key] = alarm

    def _read(self, transitions: list[Transition], now: int, out: Changes) -> None:
        merged = {(t.subject, t.ts) for t in transitions if t.type == "incident" and t.state == "merged"}
        severities = gravest_severities(transitions)
        for transition in gravest_only(transitions, self._book.rule):
            if transition.type not in _TYPES:
                continue
            at = max(min(transition.ts, now), self._floor or 0)
            self._fire(at - 1, out)  # an acknowledgement exactly when a step is due comes in time
            instant = (transition.subject, transition.ts)
            match transition.type, transition.state:
                case "incident", "merged":
                    self._merge(transition, out)
                case "incident", _ if instant not in merged:
                    self._incident(transition, severities.get(instant), at, out)
                case "task", _:
                    self._task(transition, at, out)
                case "clock", "warned" | "breached":
                    self._clock(transition, at, out)
                case "page", "failed":
                    self._failed(transition, at, out)
                case "record", "entered" if transition.data.get("kind") == "page-test":
                    way = Target(transition.data["person"], transition.data["channel"])
                    queue(about_page_test(self._book, transition), [way], 0, PAGE_TEST, at, out, frozenset())
                case "record", state if (reason := why_told(transition)) is not None:
                    message = about_planned(self._book, transition)
                    self._teller.inform(message, reason, at, out, first=state == "announced")

    def _forget(self, changes: Changes) -> None:
        """What is over is let go: memory stays flat over years."""
        for key in [key for key, incident in changes.incidents.items() if incident.state != "open"]:
            self._said = {said for said in self._said if said[0] != key}
            for alarm in self._incidents.pop(key).alarms:
                if alarm in self._alarms and self._alarms[alarm].incident not in self._incidents:
                    del self._alarms[alarm]
        for key in [key for key, task in changes.tasks.items() if task.state == "done"]:
            del self._tasks[key]
        for key in [key for key, clock in changes.clocks.items() if clock.stopped is not None]:
            del self._clocks[key]

    # Incidents

    def _incident(self, transition: Transition, severity: Severity | None, at: int, out: Changes) -> None:
        incident = self._incidents.get(transition.subject)
        if incident is None:
            return
        row = self._waiting.get(incident.id)
        graver = severity or incident.severity
        match transition.state:
            case "opened" | "raised" if incident.paging and row is None:
                self._page(incident, graver, FIRST, at, out)
            case "raised" if incident.paging and row is not None and graver.rank > row.severity.rank:
                self._page(incident, graver, RAISED.because(transition.reason), at, out, transition)
            case "worsened" | "remains" if incident.paging and row is not None:
                self._worsened(transition, incident, row, at, out, told_now=severity is not None)
            case "reopened" if incident.paging:
                self._page(incident, graver, REOPENED.because(transition.reason), at, out)
            case "acknowledged" if row is not None:
                self._waiting.keep(replace(row, step=0, due=None), out)
            case "resolved" if row is not None:
                self._resolve(incident, row, at, out)

    def _page(
        self, incident: Incident, severity: Severity, reason: Reason, at: int, out: Changes,
        raised: Transition | None = None,
    ) -> None:  # fmt: skip
        """Tells the first level, and whoever was told before; of what has raised it those whose trade that is, too."""
        row = self._waiting.get(incident.id) or Escalation(incident.id, 0, "waiting", None)
        again, title = paired(row), None
        if raised is not None:
            title = str(raised.data.get("title", incident.title))
            rule = self._book.rule(raised.rule or "")
            if rule is not None and rule.cls != incident.cls:
                again += self._teller.first_level(rule.cls, severity, at)
        news = _News(None, title, incident.cls) if title is not None else None
        same = self._teller.route(incident.cls, severity) is self._teller.route(incident.cls, row.severity)
        self._climb(incident, replace(row, severity=severity), 0, reason, at, out, again, news, wait_goes_on=same)

    def _worsened(
        self, transition: Transition, incident: Incident, row: Escalation, at: int, out: Changes, *, told_now: bool
    ) -> None:
        """A second fault on top of the first, or what outlasts it: for those whose trade it is and all told before.

        `told_now`: of this incident people were told at this very instant; those of the same trade not twice.
        """
        rule = self._book.rule(transition.rule or "")
        if told_now and rule is not None and rule.cls == incident.cls:
            return
        again = transition.ts // self._again_after
        mark = f"{transition.rule}-{transition.asset}-{transition.data.get('index') or ''}-{again}"
        if (incident.id, mark) in self._said:
            return
        self._said.add((incident.id, mark))
        title = str(transition.data.get("title", transition.reason))
        news = _News(mark, title, rule.cls if rule is not None else incident.cls)
        reason = _NEWS[transition.state].because(transition.reason)
        self._climb(incident, row, 0, reason, at, out, paired(row), news, wait_goes_on=True)

    def _climb(
        self, incident: Incident, row: Escalation, level: int, reason: Reason, at: int, out: Changes,
        again: Iterable[Target] = (), news: _News | None = None, *, wait_goes_on: bool = False,
    ) -> None:  # fmt: skip
        """Tells one level, `again` too, and starts the wait for the next.

        `wait_goes_on`: one that runs already, because nobody has acknowledged, is not put off by what is new.
        """
        message = self._about(incident, row, "page", f"{row.severity}-{incident.reopened}")
        if news is not None:
            mark = message.mark if news.mark is None else f"{message.mark}-{news.mark}"
            message = message._replace(mark=mark, subject=news.title, cls=news.cls)
        told = self._teller.tell(message, level, reason, at, out, again, paired(row))
        route = self._teller.route(incident.cls, row.severity)
        step, due = told.level, self._turn_after(route, told.level, at)
        if wait_goes_on and row.due is not None:
            step, due = row.step, row.due
        self._waiting.keep(replace(telling(row, told.pairs), step=step, due=due), out)

    def _resolve(self, incident: Incident, row: Escalation, at: int, out: Changes) -> None:
        pairs = paired(row)
        if self._teller.route(incident.cls, row.severity).resolved:
            message = self._about(incident, row, "resolved", f"{incident.reopened}")
            queue(message, pairs, 0, RESOLVED, at, out, set(pairs))
        self._waiting.keep(replace(row, state="done", due=None), out)

    def _merge(self, transition: Transition, out: Changes) -> None:
        """Who was told of the incident hears of the survivor from now on, and its wait goes on there."""
        incident = self._incidents.get(transition.subject)
        row = self._waiting.get(transition.subject)
        if incident is None or row is None:
            return
        self._waiting.keep(replace(row, state="done", due=None), out)
        survivor = self._incidents.get(incident.merged_into or "")
        if survivor is None or survivor.state != "open":
            return
        kept = self._waiting.get(survivor.id)
        if kept is None:
            kept = replace(row, incident=survivor.id)
        elif kept.due is not None or survivor.acked_by is None:
            kept = replace(kept, due=min((due for due in (kept.due, row.due) if due is not None), default=None))
        if survivor.acked_by is not None:
            kept = replace(kept, due=None)
        self._waiting.keep(telling(kept, paired(row)), out)

    def _failed(self, transition: Transition, at: int, out: Changes) -> None:
        """A message cannot be delivered: from now on the way that worked; nobody reached at all: the next level."""
        row = self._waiting.get(transition.incident or "")
        if row is None:
            return
        gone = Target(str(transition.data.get("person")), str(transition.data.get("channel")))
        if transition.data.get("kind") == "order":
            self._unordered(row, gone, at, out)
            return
        row = replace(row, paged=tuple(pair for pair in row.paged if pair != str(gone)))
        instead = transition.data.get("fallback")
        if instead is not None:
            row = telling(row, [gone._replace(channel=str(instead))])
        incident = self._incidents.get(row.incident)
        unheard = all(pair.channel == "console" for pair in paired(row))
        more = incident is not None and row.step < len(self._teller.route(incident.cls, row.severity).escalation)
        if incident is not None and more and row.due is not None and unheard and transition.data.get("kind") == "page":
            self._climb(incident, row, row.step + 1, unreached(*gone), at, out)
        else:
            self._waiting.keep(row, out)

    # Tasks and clocks

    def _unordered(self, row: Escalation, gone: Target, at: int, out: Changes) -> None:
        """A supplier cannot be written to: those who deal with the task must order themselves."""
        task = self._tasks.get(row.incident)
        rule = self._book.rule(task.rule) if task is not None else None
        if task is not None and rule is not None:
            message = about_task(self._book, task, rule, f"unordered-{gone.person}")
            told = self._teller.tell(message, 0, unreached(*gone), at, out, paired(row))
            self._waiting.keep(telling(row, told.pairs), out)

    def _task(self, transition: Transition, at: int, out: Changes) -> None:
        task = self._tasks.get(transition.subject)
        rule = self._book.rule(task.rule) if task is not None else None
        if task is None or rule is None:
            return
        row = self._waiting.get(task.id) or Escalation(task.id, 0, "waiting", None, severity=rule.severity)
        message = about_task(self._book, task, rule, transition.state)
        pairs = paired(row)
        owner = self._teller.owner(str(task.memory.get("owner") or ""), at)
        # Fuel suppliers are for fuel: no other work is any business of theirs.
        suppliers = self._suppliers if task.kind == "refuel" else ()
        match transition.state:
            case "opened":
                told = self._teller.tell(message, 0, TASK_OPENED, at, out, pairs, also=owner)
                self._waiting.keep(telling(row, told.pairs), out)
                queue(order(self._book, task, rule, "opened"), suppliers[:1], 0, ORDER, at, out, frozenset())
            case "overdue":
                again = (*pairs, *self._teller.first_level(rule.cls, rule.severity, at))
                told = self._teller.tell(message, 1, TASK_OVERDUE, at, out, again, also=owner)
                self._waiting.keep(telling(row, told.pairs), out)
                asked = frozenset(self._suppliers[:1])
                queue(order(self._book, task, rule, "overdue"), suppliers, 1, ORDER, at, out, asked)
            case "done":
                if self._teller.route(rule.cls, rule.severity).resolved:
                    queue(message, pairs, 0, TASK_DONE, at, out, set(pairs))
                self._waiting.keep(replace(row, state="done"), out)

    def _clock(self, transition: Transition, at: int, out: Changes) -> None:
        """The time that a fault may last runs out, acknowledged or not: who is on duty and who was told must know."""
        clock = self._clocks.get(transition.subject)
        rule = self._book.rule(clock.rule) if clock is not None else None
        if clock is None or rule is None:
            return
        incident = self._incidents.get(clock.incident or "")
        if transition.data.get("unheard"):
            return
        if not (rule.page if incident is None else incident.paging):
            return
        percent = percent_used(transition, clock)
        message = about_clock(self._book, clock, incident, rule, percent)
        row = self._waiting.get(clock.incident or "")
        before = paired(row) if row is not None else ()
        roles = self._teller.clock_level(message.cls, message.severity, percent, at)
        told = self._teller.tell(message, 0, clock_used(percent), at, out, before, also=roles)
        if row is not None:
            self._waiting.keep(telling(row, told.pairs), out)

    def _about(self, incident: Incident, row: Escalation, kind: str, mark: str) -> Message:
        return about_incident(self._book, incident, self._alarms, row.severity, kind, mark)

    # Waiting

    def _fire(self, until: int, out: Changes) -> None:
        """Escalates whatever nobody acknowledged by `until`, in the order of the times."""
        while (found := self._waiting.next()) is not None and found[0] <= until:
            due, row = found
            incident = self._incidents.get(row.incident)
            route = self._teller.route(incident.cls, row.severity) if incident is not None else None
            if incident is None or route is None:
                self._waiting.keep(replace(row, due=None), out)
            elif row.step < len(route.escalation):
                reason = unacknowledged(route.escalation[row.step].after)
                self._climb(incident, row, row.step + 1, reason, max(due, self._floor or 0), out)
            else:
                self._repeat(incident, row, route, max(due, self._floor or 0), out)

    def _repeat(self, incident: Incident, row: Escalation, route: Route, at: int, out: Changes) -> None:
        """No step is left and still nobody deals with it: the last step hears again, and who is first by now."""
        message = self._about(incident, row, "page", f"{row.severity}-{incident.reopened}-repeat-{row.due}")
        first = self._teller.first_level(incident.cls, row.severity, at)
        told = self._teller.tell(message, row.step, REPEAT, at, out, first, paired(row))
        due = self._turn_after(route, told.level, at)
        self._waiting.keep(replace(telling(row, told.pairs), step=told.level, due=due), out)

    def _turn_after(self, route: Route, level: int, at: int) -> int | None:
        """When somebody is told next if nobody acknowledges the page of `level` that goes out `at`; None for never."""
        if level < len(route.escalation):
            return at + route.escalation[level].after
        return at + route.repeat if route.repeat and self._repeats else None

    def _check_clock(self, now: int, out: Changes) -> None:
        """After a restart, and when the clock was set back, no wait is longer than the configuration says."""
        first = self._seen is None
        set_back = self._seen is not None and now < self._seen - _STEP_BACK_MS
        if self._seen is None or set_back:
            self._seen = now
            self._floor = now if self._restored else None
            if self._restored or not first:
                for row in self._waiting.rows():
                    self._clamp(row, now, out)
        self._seen = max(self._seen, now)

    def _clamp(self, row: Escalation, now: int, out: Changes) -> None:
        incident = self._incidents.get(row.incident)
        if incident is None or row.due is None:
            return
        latest = self._turn_after(self._teller.route(incident.cls, row.severity), row.step, now)
        if latest is not None and row.due > latest:
            self._waiting.keep(replace(row, due=latest), out)
