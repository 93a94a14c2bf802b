"""Alarms of one cause are one incident: who joins whom, which asset is the root, and when it is over."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from dcmon.config.rules import Incidents as IncidentSettings
from dcmon.model import Alarm, AlarmState, Incident, Severity
from dcmon.thresholds.causes import Causes, Patience, is_apart, is_group
from dcmon.thresholds.cells import Cell
from dcmon.thresholds.ledger import Ledger, incident_transition
from dcmon.thresholds.leftovers import Leftovers
from dcmon.thresholds.neighbours import Neighbours
from dcmon.thresholds.roots import Roots, title_of
from dcmon.thresholds.stamps import stamp
from dcmon.thresholds.timers import Timers
from dcmon.thresholds.topology import Topology

_FORGET_EVERY_MS = 600_000
OPEN, RESOLVED, MERGED = "open", "resolved", "merged"


class IncidentBook:
    """All incidents that are open, or were so until lately."""

    def __init__(self, ledger: Ledger, topology: Topology, settings: IncidentSettings, timers: Timers) -> None:
        self._ledger = ledger
        self._topology = topology
        self._settings = settings
        self.cells: dict[str, Cell] = {}
        self._roots = Roots(ledger, topology, self.cells)
        self._causes = Causes(topology)
        self._neighbours = Neighbours(topology)
        self._leftovers = Leftovers(timers, settings.outlast, self._outlasts)
        self._forgot = 0
        self._moved: dict[str, int] = {}
        """By how much the machine's clock was set since an incident was opened."""
        self._moved_before: dict[str, int] = {}
        """How much of that was before it was resolved."""
        self.keep_row: Callable[[Alarm], None] = ledger.put_alarm
        self.moved: Callable[[str, str], None] = lambda old, new: None
        self.same_fault: Callable[[Alarm], str | None] = lambda alarm: None

    def add(self, cell: Cell) -> None:
        """Makes an alarm known."""
        self.cells[cell.row.key] = cell
        self._causes.add(cell)
        self._neighbours.add(cell)

    def place(self, cell: Cell, now: int) -> None:
        """An alarm has become active: it joins an incident, reopens its own, or opens one."""
        self._forget(now)
        own = self._ledger.incidents.get(cell.row.incident or "")
        if own is not None and own.state == OPEN:
            self._join(own, cell, [], now)
            return
        self._causes.look()
        near = self._near(cell)
        joinable = [incident for incident in near if self._explained(incident, cell)]
        effects = [
            incident
            for incident in near
            if incident not in joinable and self._young(incident, now) and self._caused(incident, cell)
        ]
        if joinable:
            target = min(joinable, key=self._most_upstream)
            self._join(target, cell, effects + self._same_cause(cell, joinable, target, now), now)
        elif effects:
            self._join(min(effects, key=self._age), cell, effects, now)
        elif (again := self._the_same_again(own, cell, now)) is not None:
            self._reopen(again, cell, now)
        else:
            self._begin(cell, now)

    def may_be_explained(self, cell: Cell, patience: Patience, unheard: frozenset[str]) -> bool:
        """Whether an alarm that would open an incident may in time turn out to be an effect: see `Causes`."""
        own = self._ledger.incidents.get(cell.row.incident or "")
        if own is not None and own.state == OPEN:
            return False
        self._causes.look()
        if not self._causes.may_show(cell, patience, unheard):
            return False
        return not any(self._explained(incident, cell) for incident in self._near(cell))

    def settle(self, incident_id: str | None, now: int) -> None:
        """An alarm of the incident is over: when it was the last, so is the incident."""
        incident = self._ledger.incidents.get(incident_id or "")
        if incident is None or incident.state != OPEN:
            return
        if any(True for _ in self._roots.live_rows(incident)):
            if self._roots.rootless(incident):
                self._leftovers.start(incident.id, self._roots.well_since(incident, now))
            return
        self._leftovers.stop(incident.id)
        incident = replace(incident, state=RESOLVED, resolved=now)
        self._moved_before[incident.id] = self._moved.get(incident.id, 0)
        self._ledger.put_incident(incident)
        count = len(incident.alarms)
        reason = f"{incident.title}: " + ("its alarm is over" if count == 1 else f"all {count} alarms are over")
        self._ledger.tell(incident_transition(incident, now, "resolved", reason))

    def claimed(self, row: Alarm) -> Alarm:
        """The row without its incident when that is over: what is pending has no part in what was long ago."""
        incident = self._ledger.incidents.get(row.incident or "")
        return row if incident is not None and incident.state == OPEN else replace(row, incident=None)

    def acknowledge(self, incident_id: str, by: str, now: int) -> list[str]:
        """Notes who deals with it; the keys of its alarms. KeyError when the id is unknown."""
        incident = self._ledger.incidents[incident_id]
        while incident.merged_into is not None:
            incident = self._ledger.incidents[incident.merged_into]
        if incident.acked_by is not None:
            return []
        incident = replace(incident, acked_by=by, acked_at=now)
        self._ledger.put_incident(incident)
        self._leftovers.put_off(incident.id, now)
        reason = f"{by} deals with it: {incident.title}"
        self._ledger.tell(incident_transition(incident, now, "acknowledged", reason, data={"by": by}))
        return [key for key in incident.alarms if self._belongs(key, incident)]

    def resume(self, now: int) -> None:
        """After a restart: waits for what outlasts its cause go on."""
        for incident in self._open():
            if self._roots.rootless(incident) and any(True for _ in self._roots.live_rows(incident)):
                self._leftovers.start(incident.id, self._roots.well_since(incident, now))

    def _outlasts(self, incident_id: str, now: int) -> None:
        """The root has been well for long, and something of the incident lasts: that is the fault now."""
        incident = self._ledger.incidents.get(incident_id)
        if incident is None or incident.state != OPEN or not self._roots.rootless(incident):
            return
        left = [self.cells[row.key] for row in self._roots.live_rows(incident) if row.key in self.cells]
        active = [cell for cell in left if cell.row.state is AlarmState.ACTIVE]
        if not active:
            return
        leader = min(active, key=lambda cell: (-cell.rule.severity.rank, *cell.order))
        row, well = leader.row, self._topology.name(incident.root)
        told = leader.rule.page
        incident = replace(
            incident, root=row.asset, rule=leader.rule.id, title=title_of(leader, self._topology),
            cls=leader.rule.cls.value, alarms=(row.key, *(key for key in incident.alarms if key != row.key)),
            acked_by=None if told else incident.acked_by, acked_at=None if told else incident.acked_at,
        )  # fmt: skip
        self._ledger.put_incident(incident)
        self._sort_suppressed(incident)
        reason = f"{well} is well again, but this lasts: {row.reason}"
        state = "remains" if told else "rerooted"
        self._ledger.tell(
            incident_transition(incident, now, state, reason, data={"title": incident.title, "index": row.index})
        )

    def shift(self, delta: int) -> None:
        """The clock of the machine was set: incidents keep their dates, but are as old as they were."""
        for incident in self._ledger.incidents:
            self._moved[incident] = self._moved.get(incident, 0) + delta

    def of(self, asset: str) -> str | None:
        """The open incident that an asset or group is the root of, else the newest in which it has an alarm."""
        found = [
            (incident.root == asset, incident.opened, incident.id)
            for incident in self._open()
            if incident.root == asset or any(row.asset == asset for row in self._roots.live_rows(incident))
        ]
        return max(found)[2] if found else None

    def _begin(self, cell: Cell, now: int) -> None:
        row = cell.row
        started = now if row.started is None else row.started
        incident = Incident(
            self._new_id(now), OPEN, row.asset, title_of(cell, self._topology), row.severity, cell.rule.cls.value,
            started, now, (row.key,), row.rule, cell.rule.page,
        )  # fmt: skip
        self._ledger.put_incident(incident)
        self.keep_row(replace(row, incident=incident.id))
        self._ledger.tell(incident_transition(incident, now, "opened", row.reason))

    def _reopen(self, incident: Incident, cell: Cell, now: int) -> None:
        row = cell.row
        severity = max(incident.severity, row.severity, key=_rank)
        incident = replace(
            incident, state=OPEN, resolved=None, reopened=incident.reopened + 1, acked_by=None, acked_at=None,
            severity=severity, paging=incident.paging or cell.rule.page, alarms=_add(incident.alarms, row.key),
        )  # fmt: skip
        self._ledger.put_incident(incident)
        self.keep_row(replace(row, incident=incident.id, suppressed=self._suppressed(incident, row)))
        self._ledger.tell(
            incident_transition(incident, now, "reopened", f"it is back: {row.reason}", row.asset, row.rule)
        )

    def _join(self, target: Incident, cell: Cell, same: Iterable[Incident], now: int) -> None:
        """`cell` joins `target`; the incidents of `same` are found to have the same cause and are merged into it."""
        parts = {incident.id: incident for incident in (target, *same)}
        survivor = min(parts.values(), key=self._age)
        others = [incident for incident in parts.values() if incident.id != survivor.id]
        row = cell.row
        before = replace(
            survivor,
            severity=max((part.severity for part in parts.values()), key=_rank),
            paging=any(part.paging for part in parts.values()),
            started=min(part.started for part in parts.values()),
            alarms=_add(survivor.alarms, *(key for part in others for key in part.alarms)),
        )
        incident = replace(before, alarms=_add(before.alarms, row.key))
        if row.started is not None:
            incident = replace(incident, started=min(incident.started, row.started))
        news = "raised" if _raises(before, cell) else "worsened" if _worsens(cell) else None
        if news is not None:
            incident = replace(
                incident, severity=max(before.severity, row.severity, key=_rank), acked_by=None, acked_at=None,
                paging=before.paging or cell.rule.page,
            )  # fmt: skip
        self.keep_row(replace(row, incident=incident.id))
        self._absorb(incident, others)
        later = self._young(target, now) and self._caused(target, cell)
        incident = self._roots.rerooted(incident, cell, target.root, later)
        self._ledger.put_incident(incident)
        self._sort_suppressed(incident)
        self._tell_joined(survivor, incident, others, cell, news, now)

    def _tell_joined(
        self, old: Incident, new: Incident, others: list[Incident], cell: Cell, news: str | None, now: int
    ) -> None:
        row = cell.row
        for other in others:
            merged = self._ledger.incidents[other.id]
            reason = f"{other.title}: has the same cause as {new.title}"
            self._ledger.tell(incident_transition(merged, now, "merged", reason, data={"into": new.id}))
        self._ledger.tell(incident_transition(new, now, "joined", row.reason, row.asset, row.rule))
        if new.root != old.root:
            root = self._topology.name(new.root)
            reason = f"the cause is {root}: {new.title}"
            self._ledger.tell(incident_transition(new, now, "rerooted", reason, data={"from": old.root}))
        if news is not None:
            reason = f"now {row.severity.value}: {row.reason}" if news == "raised" else row.reason
            data = {"title": title_of(cell, self._topology), "index": row.index}
            self._ledger.tell(incident_transition(new, now, news, reason, row.asset, row.rule, data=data))

    def _absorb(self, survivor: Incident, others: Iterable[Incident]) -> None:
        for other in others:
            self._ledger.put_incident(replace(other, state=MERGED, merged_into=survivor.id))
            for key in other.alarms:
                alarm = self._ledger.alarms.get(key)
                if alarm is not None and alarm.incident == other.id:
                    self.keep_row(replace(alarm, incident=survivor.id))
            self.moved(other.id, survivor.id)

    def _explained(self, incident: Incident, cell: Cell) -> bool:
        """Whether some live alarm of the incident can be the cause, or shares the cause, of `cell`."""
        members = (self.cells[row.key] for row in self._roots.live_rows(incident) if row.key in self.cells)
        return self._sibling(incident, cell) or any(self._causes.together(member, cell) for member in members)

    def _sibling(self, incident: Incident, cell: Cell) -> bool:
        """Whether another member of a group that is in doubt as a whole has opened the incident just now."""
        root = self.cells.get(incident.alarms[0])
        if incident.cls != cell.rule.cls.value or is_apart(cell) or (root is not None and is_apart(root)):
            return False
        return any(
            incident.root in self._topology.groups[group].members and self._causes.doubted(group, cell)
            for group in self._topology.groups_of(cell.row.asset)
        )

    def _caused(self, incident: Incident, cell: Cell) -> bool:
        """Whether `cell` brings about the root alarm of an incident that was there before it."""
        root = self.cells.get(incident.alarms[0])
        return root is not None and self._causes.brings_about(cell, root)

    def _same_cause(self, cell: Cell, joinable: list[Incident], target: Incident, now: int) -> list[Incident]:
        """Of several incidents that a group alarm belongs to, the young ones that failing members have opened."""
        if not is_group(cell):
            return []
        return [
            incident
            for incident in joinable
            if incident.id != target.id and incident.root in cell.source.suspects() and self._young(incident, now)
        ]

    def _sort_suppressed(self, incident: Incident) -> None:
        """Active alarms say by what they are caused, and that somebody deals with it."""
        for row in list(self._roots.live_rows(incident)):
            if row.state is not AlarmState.ACTIVE:
                continue
            sorted_out = replace(row, suppressed=self._suppressed(incident, row))
            if incident.acked_by is not None and row.acked_by is None:
                sorted_out = replace(sorted_out, acked_by=incident.acked_by, acked_at=incident.acked_at)
            if sorted_out != row:
                self.keep_row(sorted_out)

    def _suppressed(self, incident: Incident, row: Alarm) -> str | None:
        if row.key == incident.alarms[0]:
            return None
        return f"together with {incident.rule}" if row.asset == incident.root else f"caused by {incident.root}"

    def _age(self, incident: Incident) -> tuple[int, int, str]:
        """Puts incidents in the order in which they were opened, whatever the clock showed."""
        return (incident.opened + self._moved.get(incident.id, 0), len(incident.id), incident.id)

    def _young(self, incident: Incident, now: int) -> bool:
        return now - self._age(incident)[0] <= self._settings.join

    def _the_same_again(self, own: Incident | None, cell: Cell, now: int) -> Incident | None:
        """The incident of which `cell` is the return: lately over, or over while its fault clock may still go on."""
        if own is not None and self._just_resolved(own, now):
            return own
        timed = self._ledger.incidents.get(self.same_fault(cell.row) or "")
        return timed if timed is not None and timed.state == RESOLVED else None

    def _just_resolved(self, incident: Incident, now: int) -> bool:
        if incident.state != RESOLVED or incident.resolved is None:
            return False
        moved = self._moved.get(incident.id, 0) - self._moved_before.get(incident.id, 0)
        return now - incident.resolved - moved <= self._settings.reopen

    def _near(self, cell: Cell) -> list[Incident]:
        """The open incidents that can have to do with an alarm, the oldest first."""
        ids = {other.row.incident for other in self._neighbours.of(cell) if other.live}
        known = (self._ledger.incidents.get(incident or "") for incident in ids)
        return sorted(
            (incident for incident in known if incident is not None and incident.state == OPEN), key=self._age
        )

    def _open(self) -> list[Incident]:
        return [incident for incident in self._ledger.incidents.values() if incident.state == OPEN]

    def _belongs(self, key: str, incident: Incident) -> bool:
        row = self._ledger.alarms.get(key)
        return row is not None and row.incident == incident.id

    def _most_upstream(self, incident: Incident) -> tuple[float, int, int, str]:
        return (self._topology.depth(incident.root), *self._age(incident))

    def _new_id(self, now: int) -> str:
        base, count = f"i{stamp(now)}", 1
        while (fresh := base if count == 1 else f"{base}-{count}") in self._ledger.incidents:
            count += 1
        return fresh

    def _forget(self, now: int) -> None:
        """Drops what is over for too long to be reopened; the journal keeps it."""
        if abs(now - self._forgot) < _FORGET_EVERY_MS:
            return
        self._forgot = now
        keep = max(self._settings.reopen, 86_400_000)
        for incident in list(self._ledger.incidents.values()):
            over = incident.resolved if incident.state == RESOLVED else incident.opened
            if incident.state != OPEN and over is not None and now - over > keep:
                del self._ledger.incidents[incident.id]
                self._moved.pop(incident.id, None)
                self._moved_before.pop(incident.id, None)


def _add(keys: tuple[str, ...], *more: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*keys, *more)))


def _raises(incident: Incident, cell: Cell) -> bool:
    """Whether an alarm that joins makes people be told again. One that does not page never does so where others do."""
    if incident.paging:
        return cell.rule.page and cell.row.severity.rank > incident.severity.rank
    return cell.rule.page or cell.row.severity.rank > incident.severity.rank


def _worsens(cell: Cell) -> bool:
    """Whether an alarm that joins is news of its own: a second fault on top, not only an effect of the first."""
    return cell.rule.page and cell.rule.worsens


def _rank(severity: Severity) -> int:
    return severity.rank
