"""A restart: alarms of the journal find their rules again, and the time without dcmon is nobody's evidence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from dcmon.config.config import Config
from dcmon.config.rule_kinds import LimitRule, RiseRule, StateRule, UnusualRule
from dcmon.model import AlarmState, SeriesKey, Snapshot
from dcmon.thresholds.alarms import Alarms
from dcmon.thresholds.board import Board
from dcmon.thresholds.incidents import IncidentBook
from dcmon.thresholds.ledger import Ledger, alarm_transition
from dcmon.thresholds.silence import SilentWatch


def last_alive(snapshot: Snapshot) -> int | None:
    """When the process before was last known to run: by its own word, else by the newest thing it left behind."""
    if snapshot.alive is not None:
        return snapshot.alive
    known = [alarm.since for alarm in snapshot.alarms.values()]
    known += [incident.opened for incident in snapshot.incidents.values()]
    known += [interval.start for interval in snapshot.intervals.values()]
    known += [reading.ts for reading in snapshot.readings.values()]
    return max(known, default=None)


def restore_cells(ledger: Ledger, board: Board, config: Config) -> None:
    """Makes the alarms of series that have not shown yet, so that their delays go on."""
    rules = {rule.id: rule for rule in config.judged}
    for row in list(ledger.alarms.values()):
        rule = rules.get(row.rule)
        if isinstance(rule, (StateRule, LimitRule, RiseRule, UnusualRule)):
            board.learn(SeriesKey(row.asset, rule.select.point, row.index))


def close_orphans(ledger: Ledger, alarms: Alarms, incidents: IncidentBook, now: int) -> None:
    """Ends alarms that no rule judges any more; nothing else could ever end them."""
    for row in list(ledger.alarms.values()):
        if row.key in alarms.cells or row.state is AlarmState.NORMAL:
            continue
        reason = f"{row.key}: no rule judges this any more"
        over = replace(row, state=AlarmState.NORMAL, since=now, due=None, reason=reason, suppressed=None)
        ledger.put_alarm(over)
        ledger.tell(alarm_transition(over, now, AlarmState.NORMAL, reason))
        incidents.settle(over.incident, now)


def shift_silence(watches: Iterable[SilentWatch], alarms: Alarms, gap: int) -> None:
    """While nobody asked, no device was silent: delays of `silent` are longer by the gap."""
    for watch in watches:
        row = watch.cell.row
        if row.state is AlarmState.PENDING and row.due is not None:
            alarms.keep_row(replace(row, due=row.due + gap))
