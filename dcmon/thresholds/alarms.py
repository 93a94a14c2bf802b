"""One alarm per rule and series or group: from a three-valued condition to normal, pending, active, returned.

A condition that nobody knows changes nothing that is active and makes nothing active: a running delay is given up and
starts anew when the condition is known again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from dcmon.config.base import format_duration
from dcmon.config.rule_kinds import FollowsRule
from dcmon.config.sequences import StepRule
from dcmon.model import Alarm, AlarmState
from dcmon.thresholds.board import Judged
from dcmon.thresholds.cells import NOT_JUDGED, Cell, Describer
from dcmon.thresholds.clocks import Clocks
from dcmon.thresholds.incidents import IncidentBook
from dcmon.thresholds.ledger import Ledger, alarm_transition
from dcmon.thresholds.logic import Truth
from dcmon.thresholds.tasks import Tasks
from dcmon.thresholds.timers import Timers
from dcmon.thresholds.topology import Topology


class Alarms:
    """All cells and the state machine that they share."""

    def __init__(
        self, ledger: Ledger, timers: Timers, topology: Topology, incidents: IncidentBook, tasks: Tasks, clocks: Clocks,
        dirty: set[Judged],
    ) -> None:  # fmt: skip
        self.cells: dict[str, Cell] = {}
        self._ledger = ledger
        self._timers = timers
        self._topology = topology
        self._incidents = incidents
        self._tasks = tasks
        self._clocks = clocks
        self._dirty = dirty
        self._offers: list[tuple[Judged, Callable[[Cell], bool]]] = []
        self._watchers: dict[str, list[Judged]] = {}
        self.planned: Callable[[Cell, int], str | None] = lambda cell, now: None
        """Says by what planned work an alarm is kept from telling anybody."""
        self.uncounted: Callable[[Cell, int], bool] = lambda cell, now: False
        """Says whether planned work leaves the time out: then no fault clock starts."""
        self.ration: Callable[[Cell, int], str | None] = lambda cell, now: None
        """Says why enough was told of such alarms already."""
        self.withheld: Callable[[Cell, int], str | None] = lambda cell, now: None
        """Says that the cause of an alarm may be about to show."""
        self.came: Callable[[Cell, int], None] = lambda cell, now: None
        """Hears of every alarm that becomes active."""

    def watch(self, watcher: Judged, offer: Callable[[Cell], bool]) -> None:
        """Has `watcher` look again whenever an alarm for which `offer` is true changes its state or its condition."""
        self._offers.append((watcher, offer))
        for cell in self.cells.values():
            self._offer(cell, watcher, offer)

    def _offer(self, cell: Cell, watcher: Judged, offer: Callable[[Cell], bool]) -> None:
        if offer(cell):
            self._watchers.setdefault(cell.row.key, []).append(watcher)
            self._dirty.add(watcher)

    def _changed(self, cell: Cell) -> None:
        self._dirty.update(self._watchers.get(cell.row.key, ()))

    def add(self, cell: Cell, source: Describer) -> None:
        """Registers a cell; one that was restored goes on with its delay where it was."""
        cell.source = source
        cell.timer.fire = lambda now: self._due(cell, now)
        cell.shelf.fire = lambda now: self._unshelve(cell, now)
        self.cells[cell.row.key] = cell
        self._incidents.add(cell)
        for watcher, offer in self._offers:
            self._offer(cell, watcher, offer)
        self._timers.set(cell.timer, cell.row.due)
        if cell.row.shelved_until is not None:
            self._timers.set(cell.shelf, cell.row.shelved_until)

    def judge(self, cell: Cell, holds: Truth, now: int, since: int) -> None:
        """The condition is `holds`, since `since` by the best evidence. To be called when it has changed."""
        if holds is None and cell.holds is NOT_JUDGED:
            return
        cell.holds = holds
        self._changed(cell)
        if holds is True:
            self._true(cell, now, min(since, now))
        elif holds is False:
            self._false(cell, now, min(since, now))
        else:
            self._unknown(cell)
        self._clocks.condition(cell.row, holds, now, min(since, now))
        if holds is True and cell.row.state is AlarmState.ACTIVE and not self.uncounted(cell, now):
            self._clocks.alarm_active(cell.rule, cell.row, now)

    def back_date(self, cell: Cell, started: int, now: int) -> None:
        """Better evidence says that the fault began at `started`, earlier than thought: the delay ends earlier too."""
        row = cell.row
        if row.started is None or started >= row.started or not cell.live:
            return
        due = started + cell.on_delay if row.state is AlarmState.PENDING and row.due is not None else row.due
        self._keep(cell, replace(row, started=started, due=due))
        if row.state is AlarmState.PENDING and due is not None and due <= now:
            self._activate(cell, now)

    def _true(self, cell: Cell, now: int, since: int) -> None:
        row = cell.row
        if row.state is AlarmState.ACTIVE:
            self._keep(cell, replace(row, due=None))
            return
        new = row.state is not AlarmState.PENDING
        if not new:
            due = row.due if row.due is not None else since + cell.on_delay
        else:
            due = since + cell.on_delay
            row = replace(row, state=AlarmState.PENDING, since=now, started=since)
        row = replace(row, due=due, value=cell.source.present_value(), severity=cell.rule.severity)
        cell.row = row
        if due <= now:
            self._activate(cell, now)
            return
        row = replace(row, reason=f"{self._what(cell)}: {cell.source.describe()}")
        self._keep(cell, row)
        if new:
            waits = f"{row.reason}; an alarm if it lasts {format_duration(cell.on_delay)}"
            self._ledger.tell(alarm_transition(self._incidents.claimed(row), now, AlarmState.PENDING, waits))

    def _false(self, cell: Cell, now: int, since: int) -> None:
        row = cell.row
        if row.state is AlarmState.PENDING:
            self._leave(cell, now, f"over before its delay: {self._what(cell)}; {cell.source.describe()}")
        elif row.state is AlarmState.ACTIVE:
            due = row.due if row.due is not None else since + cell.rule.off_delay
            if due <= now:
                self._leave(cell, now, f"over: {self._what(cell)}; {cell.source.describe()}")
            else:
                self._keep(cell, replace(row, due=due))

    def _unknown(self, cell: Cell) -> None:
        if cell.live and cell.row.due is not None:
            self._keep(cell, replace(cell.row, due=None))

    def _due(self, cell: Cell, now: int) -> None:
        """A delay is over. After a restart the condition may not be known yet: then the next reading decides."""
        if cell.row.state is AlarmState.PENDING and cell.holds is True:
            self._activate(cell, now)
        elif cell.row.state is AlarmState.ACTIVE and cell.holds is False:
            self._leave(cell, now, f"over: {self._what(cell)}; {cell.source.describe()}")

    def _activate(self, cell: Cell, now: int) -> None:
        row = cell.row
        started = now if row.started is None else row.started
        says_itself = now - started < 1000 or isinstance(cell.rule, (FollowsRule, StepRule))
        lasted = "" if says_itself else f" for {format_duration(_whole_seconds(now - started))}"
        row = replace(
            row, state=AlarmState.ACTIVE, since=now, due=None, acked_by=None, acked_at=None, suppressed=None,
            value=cell.source.present_value(), reason=f"{self._what(cell)}{lasted}: {cell.source.describe()}",
        )  # fmt: skip
        place = self._ledger.mark()
        hush = self._hush(row, cell, now)
        if hush is not None:
            row = replace(row, incident=None, suppressed=hush)
            self._keep(cell, row)
        else:
            self._keep(cell, row)
            self._incidents.place(cell, now)
        self._ledger.tell(alarm_transition(cell.row, now, AlarmState.ACTIVE, row.reason), place)
        if hush is None:
            self._tasks.alarm_active(cell.rule, cell.row, now)
        if not self.uncounted(cell, now):
            self._clocks.alarm_active(cell.rule, cell.row, now)
        self.came(cell, now)

    def _leave(self, cell: Cell, now: int, reason: str) -> None:
        """Back to normal, or to returned while nobody has acknowledged what was active."""
        if cell.withheld:
            self._tell(cell, cell.row.reason, now)
        row = cell.row
        was_active = row.state is AlarmState.ACTIVE
        unacknowledged = row.incident is not None and row.acked_by is None
        state = AlarmState.RETURNED if unacknowledged else AlarmState.NORMAL
        suppressed = row.suppressed if state is AlarmState.RETURNED else None
        row = replace(
            row,
            state=state,
            since=now,
            due=None,
            reason=reason,
            value=cell.source.present_value(),
            suppressed=suppressed,
        )
        self._keep(cell, row)
        self._ledger.tell(alarm_transition(row if was_active else self._incidents.claimed(row), now, state, reason))
        if was_active or row.incident is not None:
            self._incidents.settle(row.incident, now)

    def acknowledged(self, key: str, by: str, now: int) -> None:
        """Somebody has seen the alarm of this key."""
        row = self._ledger.alarms[key]
        if row.acked_by is not None:
            return
        row = replace(row, acked_by=by, acked_at=now)
        if row.state is AlarmState.RETURNED:
            row = replace(row, state=AlarmState.NORMAL, since=now, suppressed=None)
            self._ledger.tell(alarm_transition(row, now, AlarmState.NORMAL, f"acknowledged by {by} after it was over"))
        self.keep_row(row)

    def shelve(self, key: str, until: int, reason: str, by: str, now: int) -> None:
        """Keeps an alarm from opening or joining incidents until `until`. One that is in an incident stays in it."""
        cell = self.cells[key]
        row = replace(cell.row, shelved_until=until, shelved_reason=f"{reason} ({by})")
        self._keep(cell, row)
        self._timers.set(cell.shelf, until)
        self._ledger.tell(alarm_transition(row, now, "shelved", f"shelved by {by}: {reason}", {"until": until}))

    def _unshelve(self, cell: Cell, now: int) -> None:
        self._keep(cell, replace(cell.row, shelved_until=None, shelved_reason=None))
        self.reconsider(cell, now, "it was shelved until now")

    def reconsider(self, cell: Cell, now: int, why: str = "") -> None:
        """What kept an alarm from telling anybody may be over: if so, an active one tells like any that is new.

        `why` goes into the reason, unless it only waited for its cause. So may what left its time out: then its clock
        starts, whether or not it has told.
        """
        row = cell.row
        if row.state is not AlarmState.ACTIVE:
            return
        if row.incident is not None or row.suppressed is None:
            if cell.holds is True and not self.uncounted(cell, now):
                self._clocks.alarm_told(cell.rule, row, now)
            return
        hush = self._hush(row, cell, now)
        if hush is not None:
            self._keep(cell, replace(row, suppressed=hush))
            return
        reason = row.reason
        if not cell.withheld:
            lasted = format_duration(_whole_seconds(now - (row.since if row.started is None else row.started)))
            reason = f"{reason}; {why}; it has lasted {lasted}"
        self._tell(cell, reason, now)

    def _tell(self, cell: Cell, reason: str, now: int) -> None:
        """An alarm that was active without telling anybody opens or joins an incident now."""
        row = replace(cell.row, suppressed=None, reason=reason)
        self._keep(cell, row)
        place = self._ledger.mark()
        self._incidents.place(cell, now)
        self._ledger.tell(alarm_transition(cell.row, now, AlarmState.ACTIVE, row.reason), place)
        self._tasks.alarm_active(cell.rule, cell.row, now)
        if not self.uncounted(cell, now):
            self._clocks.alarm_told(cell.rule, cell.row, now)

    def _hush(self, row: Alarm, cell: Cell, now: int) -> str | None:
        """Why an active alarm tells nobody for now."""
        if row.shelved_until is not None and row.shelved_until > now:
            return f"shelved: {row.shelved_reason}"
        return self.planned(cell, now) or self.ration(cell, now) or self.withheld(cell, now)

    def keep_row(self, row: Alarm) -> None:
        """A row that another part of the core has changed."""
        cell = self.cells.get(row.key)
        if cell is not None:
            self._keep(cell, row)
        else:
            self._ledger.put_alarm(row)

    def shift(self, delta: int) -> None:
        """The clock was set: running delays keep their length, so their rows are moved."""
        for cell in self.cells.values():
            if cell.row.due is not None:
                started = None if cell.row.started is None else cell.row.started + delta
                self._keep(cell, replace(cell.row, due=cell.row.due + delta, started=started))

    def _keep(self, cell: Cell, row: Alarm) -> None:
        if row.state is not cell.row.state:
            self._changed(cell)
        cell.row = row
        if self._ledger.alarms.get(row.key) != row:
            self._ledger.put_alarm(row)
        self._timers.set(cell.timer, row.due)

    def _what(self, cell: Cell) -> str:
        return f"{self._topology.name(cell.row.asset)}: {cell.rule.title}"


def _whole_seconds(ms: int) -> int:
    return ms - ms % 1000
