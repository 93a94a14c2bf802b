"""Planned work from its announcement to its end: windows of maintenance (T25) and drills (T18).

A window that mutes keeps alarms of its scope from telling anybody while it lasts; they are recorded as ever. Its time
is half-open: at the instant of its end it mutes no more, and what is active then tells people like any new alarm. An
alarm that told somebody before stays with its incident. Windows stand in calendar time: a clock that is set moves none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from dcmon.config.config import Config
from dcmon.config.planned import PlannedRule
from dcmon.model import AlarmState, Record
from dcmon.thresholds.alarms import Alarms
from dcmon.thresholds.causes import INDEPENDENT, is_group
from dcmon.thresholds.cells import Cell
from dcmon.thresholds.drills import Drill, drill_verdict
from dcmon.thresholds.exclusions import NOTICE_DAYS, excludes
from dcmon.thresholds.ledger import Ledger, record_transition
from dcmon.thresholds.planned_alarms import PlannedAlarms
from dcmon.thresholds.stamps import iso
from dcmon.thresholds.timers import Order, Phase, Timer, Timers
from dcmon.thresholds.topology import Topology

KINDS = ("maintenance", "drill")
PLANNED, RUNNING, OVER = "planned", "running", "over"


class Window:
    """One window of maintenance, or the time of one drill, that is not over."""

    __slots__ = ("deadline", "drill", "end", "reach", "row", "wake")

    def __init__(self, row: Record, reach: frozenset[str], drill: Drill | None) -> None:
        self.row = row
        self.reach = reach
        self.drill = drill
        self.wake: Timer
        """The next reminder, or the start."""
        self.end: Timer
        self.deadline: Timer
        """When the next expected alarm of a drill must have come."""

    @property
    def ends(self) -> int:
        """The first instant after it, ms UTC."""
        assert self.row.ended is not None, "planned work always has an end"
        return self.row.ended

    def open(self, now: int) -> bool:
        """Whether `now` lies within it."""
        return self.row.started <= now < self.ends

    def silences(self, cell: Cell) -> bool:
        """Whether it keeps this alarm from telling anybody while it is open."""
        if self.drill is not None:
            return self.drill.expects(cell)
        if not self.row.data["mute"]:
            return False
        asset = cell.row.asset
        if cell.rule.cls in INDEPENDENT:
            return asset in self.row.data["scope"]
        if asset in self.reach:
            return True
        unable = cell.source.suspects() - {asset} if is_group(cell) else frozenset[str]()
        return bool(unable) and unable <= self.reach


class Windows:
    """All planned work that is not over."""

    def __init__(self, config: Config, ledger: Ledger, timers: Timers, topology: Topology, alarms: Alarms) -> None:
        self._ledger = ledger
        self._timers = timers
        self._topology = topology
        self._alarms = alarms
        self._rules = config.rules
        self._before = tuple(sorted(config.people.planned.before, reverse=True))
        self._timezone = config.site.timezone
        self._sequences = {
            spec.id: frozenset({spec.asset, *(one.asset for one in spec.when if one.asset is not None)})
            for spec in config.rules.sequences
        }
        """The assets that each sequence is about."""
        self._raised = PlannedAlarms(ledger, alarms, config.rules)
        self._windows: dict[str, Window] = {}
        alarms.planned, alarms.uncounted, alarms.came = self.hush, self.uncounted, self.came
        ledger.recorded.append(self.recorded)
        for row in ledger.records.values():
            if row.kind in KINDS and row.state == "running":
                self._follow(row)

    def hush(self, cell: Cell, now: int) -> str | None:
        """What keeps an alarm from telling anybody now; None where nothing planned does."""
        if isinstance(cell.rule, PlannedRule):
            return None
        rows = (window.row for window in self._in_order() if window.open(now) and window.silences(cell))
        return next((f"{row.kind} {row.id}" for row in rows), None)

    def uncounted(self, cell: Cell, now: int) -> bool:
        """Whether a window leaves this time out of what is promised of the alarm's asset, muted or not."""
        return any(
            window.open(now) and window.drill is None and cell.row.asset in window.row.data["scope"]
            and excludes(window.row, self._timezone)
            for window in self._windows.values()
        )  # fmt: skip

    def came(self, cell: Cell, now: int) -> None:
        """An alarm has become active: a drill may have waited for it."""
        if isinstance(cell.rule, PlannedRule):
            return
        for window in self._in_order():
            drill = window.drill
            if drill is None or not window.row.started <= now <= window.ends:
                continue
            told = drill.came(cell, now)
            if told is None:
                continue
            state, expected, text = told
            self._keep(window, now, state, text)
            if state == "late":
                self._raised.lower(self._missing_key(window, expected), "it has come after all", now)
            self._set_deadline(window)

    def recorded(self, row: Record) -> None:
        """A record is new or has changed: a drill keeps which sequences ran, and may wait from their start."""
        if row.kind != "sequence":
            return
        for window in self._in_order():
            drill = window.drill
            if drill is None or window.row.data["phase"] != RUNNING or not self._concerns(window, row):
                continue
            if not drill.ran(row):
                continue
            window.row = _with(window.row, drill.facts())
            self._ledger.put_record(window.row)
            self._set_deadline(window)

    def plan(self, row: Record, now: int, state: str, **more: Any) -> Record:
        """Keeps new or changed planned work and says so; what is over already is only kept."""
        before = self._drop(row.id)
        self._raised.lower_about(row.id, "changed", now)
        over = row.ended is not None and row.ended <= now
        past = [ahead for ahead in self._before if row.started - ahead <= now]
        phase = OVER if over else PLANNED
        row = _with(replace(row, state="done" if over else "running"), {"phase": phase, "told": past})
        self._ledger.put_record(row)
        self._ledger.tell(record_transition(row, now, state, **more))
        if row.data.get("late"):
            what = f"{row.data['title']}: the notice was too short, {NOTICE_DAYS} days before its start were due"
            self._ledger.tell(record_transition(row, now, "late", what))
        if not over:
            if row.data.get("late"):
                self._raised.raise_(self._rules.late_notice, self._place(row), row.id, row.reason, now)
            window = self._follow(row)
            if row.started <= now:
                self._start(window, now)
        if before is not None:
            self._release(f"{row.data['title']} was changed", now)
        return self._ledger.records[row.id]

    def cancel(self, row: Record, reason: str, by: str, now: int) -> Record:
        """Planned work does not take place, or ends before its time."""
        window = self._drop(row.id)
        cancelled = {"by": by, "at": now, "reason": reason}
        row = replace(row, state="void", reason=f"{row.data['title']}: cancelled: {reason}")
        row = _with(row, {"phase": OVER, "cancelled": cancelled})
        self._ledger.put_record(row)
        self._ledger.tell(record_transition(row, now, "cancelled"))
        self._raised.lower_about(row.id, "cancelled", now)
        if window is not None:
            self._release(f"{row.data['title']} was cancelled", now)
        return row

    def acknowledged(self, keys: Iterable[str], now: int) -> None:
        """Somebody has taken note of a late notice, or of what was missing in a drill."""
        for key in keys:
            self._raised.noted(key, now)

    def resume(self, start: int, gap: int) -> None:
        """The first step after a restart: what should have come during a gap may have come unseen."""
        for window in self._in_order():
            if gap > 0 and window.drill is not None and window.drill.miss_gap(start, window.ends):
                window.row = _with(window.row, window.drill.facts())
                self._ledger.put_record(window.row)
                self._set_deadline(window)

    def clock_set(self) -> None:
        """The machine's clock was set: dates stay where they are."""
        for window in self._windows.values():
            self._arm(window)
            self._set_deadline(window)

    def _in_order(self) -> list[Window]:
        return sorted(self._windows.values(), key=lambda window: (window.row.started, window.row.id))

    def _follow(self, row: Record) -> Window:
        data = row.data
        reach = self._topology.reach(data["scope"], with_fed=data["with_fed"])
        drill = Drill(data, row.started, reach, self._rules.judged) if row.kind == "drill" else None
        window = self._windows[row.id] = Window(row, reach, drill)
        order: Order = (-20, row.id)
        window.wake = Timer("window", lambda now: self._wake(window, now), order)
        window.end = Timer("delay", lambda now: self._over(window, now), (2000, row.id), Phase.DEADLINE)
        window.deadline = Timer("delay", lambda now: self._overdue(window, now), (1900, row.id), Phase.DEADLINE)
        self._arm(window)
        self._set_deadline(window)
        return window

    def _drop(self, record_id: str) -> Window | None:
        window = self._windows.pop(record_id, None)
        if window is not None:
            for timer in (window.wake, window.end, window.deadline):
                self._timers.set(timer, None)
        return window

    def _arm(self, window: Window) -> None:
        row = window.row
        if row.data["phase"] == PLANNED:
            marks = [row.started - before for before in self._before if before not in row.data["told"]]
            self._timers.set(window.wake, min([row.started, *marks]))
        else:
            self._timers.set(window.wake, None)
            self._timers.set(window.end, window.ends)

    def _set_deadline(self, window: Window) -> None:
        if window.drill is not None:
            self._timers.set(window.deadline, window.drill.next_due())

    def _wake(self, window: Window, now: int) -> None:
        row = window.row
        if now >= row.started:
            self._start(window, now)
            return
        reached = [before for before in self._before if row.started - before <= now]
        window.row = _with(row, {"told": reached})
        self._ledger.put_record(window.row)
        if reached != row.data["told"]:
            what = f"{row.data['title']} starts at {iso(row.started)}"
            self._ledger.tell(record_transition(window.row, now, "ahead", what, before_ms=min(reached)))
        self._arm(window)

    def _start(self, window: Window, now: int) -> None:
        facts: dict[str, Any] = {"phase": RUNNING}
        if window.drill is not None:
            cells = sorted(self._alarms.cells.values(), key=lambda cell: cell.order)
            window.drill.begin(window.row.started, window.ends, cells)
            for record in self._ledger.records.values():
                if record.kind == "sequence" and record.state == "running" and self._concerns(window, record):
                    window.drill.ran(record)
            facts |= window.drill.facts()
        window.row = _with(window.row, facts)
        title = window.row.data["title"]
        self._keep(window, now, "started", f"{title} has begun and lasts until {iso(window.ends)}")
        self._arm(window)
        self._set_deadline(window)

    def _overdue(self, window: Window, now: int) -> None:
        """The time of an expected alarm is up: that page comes now, not at the end."""
        assert window.drill is not None
        for expected, text in window.drill.overdue(now):
            self._keep(window, now, "missing", text)
            rule = self._rules.drill_missing
            index = f"{window.row.id}: {expected['alarm']}"
            self._raised.raise_(rule, self._expected_at(window, expected), index, text, now)
        self._set_deadline(window)

    def _over(self, window: Window, now: int) -> None:
        row = window.row
        if window.drill is not None:
            window.drill.close(now)
            self._overdue(window, now)
            verdict, reason = drill_verdict(window.row)
            row = _with(replace(window.row, state="done", verdict=verdict, reason=reason), {"phase": OVER})
            state = verdict
        else:
            lasting = sorted(cell.row.key for cell in self._alarms.cells.values() if self._lasts(window, cell))
            state, reason = "over", f"{row.data['title']} is over"
            if lasting:
                state, reason = "overrun", f"{row.data['title']} is over, but this lasts: {', '.join(lasting)}"
            row = _with(replace(row, state="done"), {"phase": OVER, "overrun": lasting})
        self._drop(row.id)
        self._ledger.put_record(row)
        self._ledger.tell(record_transition(row, now, state, reason))
        if window.drill is None:
            self._raised.lower_about(row.id, "the window is over", now)
        self._release(f"{row.data['title']} is over since {iso(window.ends)}", now)

    def _lasts(self, window: Window, cell: Cell) -> bool:
        active = cell.row.state is AlarmState.ACTIVE and not isinstance(cell.rule, PlannedRule)
        return active and cell.row.asset in window.reach

    def _release(self, why: str, now: int) -> None:
        """What was kept from telling anybody tells now, causes before effects."""
        for cell in sorted(self._alarms.cells.values(), key=lambda cell: cell.order):
            self._alarms.reconsider(cell, now, why)

    def _keep(self, window: Window, now: int, state: str, reason: str) -> None:
        if window.drill is not None:
            window.row = _with(window.row, window.drill.facts())
        self._ledger.put_record(window.row)
        self._ledger.tell(record_transition(window.row, now, state, reason))

    def _concerns(self, window: Window, sequence: Record) -> bool:
        """Whether a sequence is of what the drill is about: a real outage on the other side is not."""
        return not window.reach or bool(self._sequences.get(sequence.rule or "", frozenset()) & window.reach)

    def _place(self, row: Record) -> str:
        """An asset or group that an alarm about it stands on."""
        scope: tuple[str, ...] = tuple(row.data["scope"])
        known = (name for name in scope if name in self._topology.assets or name in self._topology.groups)
        return next(known, scope[0] if scope else row.id)

    def _expected_at(self, window: Window, expected: dict[str, Any]) -> str:
        rule = next((rule for rule in self._rules.judged if rule.id == expected["rule"]), None)
        place = expected["asset"] or getattr(rule, "asset", None) or getattr(rule, "group", None)
        return str(place or self._place(window.row))

    def _missing_key(self, window: Window, expected: dict[str, Any]) -> str:
        index = f"{window.row.id}: {expected['alarm']}"
        return f"{self._rules.drill_missing.id}/{self._expected_at(window, expected)}[{index}]"


def _with(row: Record, facts: Mapping[str, Any]) -> Record:
    return replace(row, data={**row.data, **facts})
