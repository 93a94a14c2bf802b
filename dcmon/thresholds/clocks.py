"""How long a fault may last (T22): a clock per fault that starts with the fault, not with its acknowledgement.

It counts from the fault's start by the best evidence to the instant of return. It stops when the fault has been gone
for `stable`; back within `reopen` of the return it is the same fault, and the time between counts too: the promise is
that the fault is *fixed* in time, and it was not. While the fault is gone but not yet stable, no warning is given.

A link that is down takes its BGP session along: alarms of one asset under one promise are one fault.
"""

from __future__ import annotations

from dataclasses import replace

from dcmon.config.base import format_duration
from dcmon.config.base_rule import Clock
from dcmon.config.rules import Rule
from dcmon.model import Alarm, AlarmState, FaultClock, Transition
from dcmon.thresholds.ledger import Ledger
from dcmon.thresholds.logic import Truth
from dcmon.thresholds.stamps import stamp
from dcmon.thresholds.timers import Phase, Timer, Timers
from dcmon.thresholds.topology import Topology

BREACH = 100


class _Run:
    """The clock of one fault while the process runs."""

    __slots__ = ("healthy", "ill", "moved", "parts", "returned", "row", "spec", "timer")

    def __init__(self, row: FaultClock, spec: Clock) -> None:
        self.row = row
        self.spec = spec
        self.ill: set[str] = set()
        """Keys of the alarms whose condition makes the fault last, or may do so."""
        self.parts: set[str] = set()
        """Keys of all alarms of this fault."""
        self.returned = 0
        """When the last of the others went away."""
        self.healthy = False
        """The fault is known to be gone; after a restart not before a reading says so."""
        self.moved = 0
        """By how much the machine's clock was set since the clock stopped."""
        self.timer: Timer

    def suffer(self, alarm: str) -> None:
        """An alarm of this fault is there, or nobody knows any more that it is gone."""
        self.ill.add(alarm)
        self.parts.add(alarm)


class Clocks:
    """All fault clocks: the last one of each asset and promise."""

    def __init__(self, ledger: Ledger, timers: Timers, topology: Topology, rules: tuple[Rule, ...]) -> None:
        self._ledger = ledger
        self._timers = timers
        self._topology = topology
        self._rules = {rule.id: rule for rule in rules}
        self._runs: dict[tuple[str, Clock], _Run] = {}
        for row in sorted(ledger.clocks.values(), key=lambda row: row.started):
            rule = self._rules.get(row.rule)
            if rule is not None and rule.clock is not None:
                self._run(row, rule.clock)
        for alarm in ledger.alarms.values():
            known = self._of(alarm)
            if known is not None and _was_part(alarm, known.row):
                known.parts.add(alarm.key)
            if known is not None and alarm.state in (AlarmState.ACTIVE, AlarmState.PENDING):
                known.suffer(alarm.key)

    def alarm_told(self, rule: Rule, alarm: Alarm, now: int) -> None:
        """A fault of which nobody was to hear until now: its clock runs, or, where that time did not count, starts."""
        run = self._of(alarm)
        if run is None or run.row.state == "stopped":
            self.alarm_active(rule, replace(alarm, started=now), now)
        elif run.row.incident is None:
            self._keep(run, replace(run.row, incident=alarm.incident))
            if run.row.warned:
                self._announce(run, now, max(run.row.warned), "; nobody was told before")

    def alarm_active(self, rule: Rule, alarm: Alarm, now: int) -> None:
        """A fault: starts its clock, or goes on with the one of a fault that was over only shortly."""
        spec = rule.clock
        if spec is None:
            return
        started = now if alarm.started is None else alarm.started
        run = self._runs.get((alarm.asset, spec))
        if run is not None and run.row.state != "stopped":
            run.suffer(alarm.key)
            return
        if run is not None and run.row.stopped is not None and _goes_on(run, started):
            gap = format_duration(max(started - run.row.stopped - run.moved, 0))
            run.moved = 0
            row = replace(
                run.row, state="breached" if BREACH in run.row.warned else "running", stopped=None, stable_since=None,
                reopened=run.row.reopened + 1, incident=alarm.incident,
            )  # fmt: skip
            self._keep(run, row)
            self._tell(
                run, now, "reopened", f"{self._what(run)} is back after {gap}: the same fault, its clock goes on"
            )
        else:
            row = FaultClock(
                f"{alarm.asset}@{stamp(started)}", rule.id, alarm.asset, alarm.incident, started, spec.limit, "running"
            )
            run = self._run(row, spec)
            self._keep(run, row)
            self._tell(run, now, "started", f"{self._what(run)}: to be fixed within {format_duration(spec.limit)}")
        run.healthy = False
        run.ill, run.parts = {alarm.key}, {alarm.key}
        self._mark(run, now)

    def condition(self, alarm: Alarm, holds: Truth, now: int, since: int) -> None:
        """The alarm's condition has changed, whatever the alarm makes of it."""
        run = self._of(alarm)
        if run is None or run.row.state == "stopped":
            return
        if holds is False:
            run.ill.discard(alarm.key)
            run.returned = max(run.returned, since)
        elif holds is True or alarm.key in run.parts:
            run.suffer(alarm.key)
        run.healthy = not run.ill
        if run.healthy:
            stable_since = run.returned if run.row.stable_since is None else run.row.stable_since
            self._keep(run, replace(run.row, stable_since=stable_since))
            self._timers.set(run.timer, max(stable_since + run.spec.stable, now))
        else:
            self._keep(run, replace(run.row, stable_since=None))
            # Not now: another part of the fault may be well again at this very instant, and then it is in time.
            self._timers.set(run.timer, self._next(run))

    def _of(self, alarm: Alarm) -> _Run | None:
        """The last clock of the fault that the alarm is part of."""
        rule = self._rules.get(alarm.rule)
        return None if rule is None or rule.clock is None else self._runs.get((alarm.asset, rule.clock))

    def same_fault(self, alarm: Alarm) -> str | None:
        """The incident of the fault that an alarm belongs to as the fault's clock sees it; None for a new one."""
        run = self._of(alarm)
        return run.row.incident if run is not None and _goes_on(run, alarm.started or 0) else None

    def moved(self, old: str, new: str) -> None:
        """Incident `old` was merged into `new`."""
        for run in self._runs.values():
            if run.row.incident == old:
                self._keep(run, replace(run.row, incident=new))

    def shift(self, delta: int) -> None:
        """The clock of the machine was set: what has elapsed stays elapsed."""
        for run in self._runs.values():
            run.returned += delta
            if run.row.state == "stopped":
                run.moved += delta
            else:
                stable = run.row.stable_since
                row = replace(
                    run.row, started=run.row.started + delta, stable_since=None if stable is None else stable + delta
                )
                self._keep(run, row)

    def _run(self, row: FaultClock, spec: Clock) -> _Run:
        run = _Run(row, spec)
        run.timer = Timer("clock", lambda now: self._due(run, now), (800, row.id), Phase.DEADLINE)
        key = (row.asset, spec)
        previous = self._runs.get(key)
        if previous is not None:
            self._timers.set(previous.timer, None)
        self._runs[key] = run
        if row.state != "stopped":
            self._timers.set(run.timer, self._next(run))
        return run

    def _due(self, run: _Run, now: int) -> None:
        if run.row.stable_since is None:
            self._mark(run, now)
        elif run.healthy:
            self._stop(run, run.row.stable_since, now)

    def _mark(self, run: _Run, now: int) -> None:
        """Announces every mark that has been reached, and waits for the next."""
        for percent in sorted({*run.spec.warn, BREACH} - set(run.row.warned)):
            if run.row.started + run.row.limit_ms * percent // BREACH > now:
                break
            breach = percent == BREACH
            row = replace(run.row, warned=(*run.row.warned, percent), state="breached" if breach else run.row.state)
            self._keep(run, row)
            self._announce(run, now, percent)
        self._timers.set(run.timer, self._next(run))

    def _announce(self, run: _Run, now: int, percent: int, remark: str = "") -> None:
        lasted, limit = format_duration(run.row.limit_ms * percent // BREACH), format_duration(run.row.limit_ms)
        if percent == BREACH:
            self._tell(run, now, "breached", f"{self._what(run)} was not fixed within {limit}{remark}", percent)
        else:
            self._tell(run, now, "warned", f"{self._what(run)} lasts {lasted}, {percent} % of {limit}{remark}", percent)

    def _stop(self, run: _Run, stopped: int, now: int) -> None:
        row = replace(run.row, state="stopped", stopped=stopped)
        self._keep(run, row)
        lasted, limit = format_duration(max(stopped - row.started, 0)), format_duration(row.limit_ms)
        verdict = "over" if stopped - row.started > row.limit_ms else "within"
        self._tell(run, now, "stopped", f"{self._what(run)} is fixed after {lasted}, {verdict} the {limit} promised")

    def _next(self, run: _Run) -> int | None:
        if run.row.stable_since is not None:
            return run.row.stable_since + run.spec.stable
        left = {*run.spec.warn, BREACH} - set(run.row.warned)
        return run.row.started + run.row.limit_ms * min(left) // BREACH if left else None

    def _keep(self, run: _Run, row: FaultClock) -> None:
        run.row = row
        if self._ledger.clocks.get(row.id) != row:
            self._ledger.put_clock(row)

    def _what(self, run: _Run) -> str:
        return f"{self._topology.name(run.row.asset)}: {self._rules[run.row.rule].title}"

    def _tell(self, run: _Run, now: int, state: str, reason: str, percent: int | None = None) -> None:
        row = run.row
        elapsed = (row.stopped if row.stopped is not None else now) - row.started
        data = {"started": row.started, "limit_ms": row.limit_ms, "elapsed_ms": elapsed}
        if percent is not None:
            data["percent"] = percent
        if row.stopped is not None:
            data["stopped"] = row.stopped
        if row.incident is None:
            data["unheard"] = True  # its fault was put aside, or is planned: `alarm_told` makes up for it
        severity = self._rules[row.rule].severity
        self._ledger.tell(
            Transition(now, "clock", row.id, state, reason, row.asset, row.rule, severity, row.incident, data)
        )


def _goes_on(run: _Run, started: int) -> bool:
    """Whether a fault that began at `started` is the same as the one before."""
    return run.row.stopped is None or started - run.row.stopped - run.moved <= run.spec.reopen


def _was_part(alarm: Alarm, row: FaultClock) -> bool:
    """Whether an alarm was one of the fault's, by their rows: one that nobody hears of has no incident to tell it."""
    if alarm.incident is not None and alarm.incident == row.incident:
        return True
    return row.state != "stopped" and alarm.started is not None and alarm.started >= row.started
