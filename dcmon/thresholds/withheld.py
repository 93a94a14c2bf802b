"""Alarms that tell nobody yet, because what may have caused them is about to be known: devices are asked one by one,
and in an outage late, so that effects are often seen before their cause."""

from __future__ import annotations

from typing import Final

from dcmon.config.rule_kinds import FollowsRule
from dcmon.config.sequences import StepRule
from dcmon.thresholds.alarms import Alarms
from dcmon.thresholds.board import Board
from dcmon.thresholds.causes import INDEPENDENT, Patience, is_apart
from dcmon.thresholds.cells import WITHHELD, Cell
from dcmon.thresholds.incidents import IncidentBook
from dcmon.thresholds.timers import Phase, Timer, Timers
from dcmon.thresholds.topology import Topology

LONGEST_MS: Final = 30_000
"""For so long after its delay an alarm waits for its cause."""
TOGETHER_MS: Final = 5_000
"""For so long it waits for that of its group: one page for all."""
_LOOK_EVERY_MS: Final = 500


class Withheld:
    """Answers `Alarms` whether an alarm waits for its cause, and looks again until it is told of.

    It waits while what feeds its asset, or the group that its asset belongs to, may turn out to be the cause: because
    an alarm of that is pending and due in time, or because its device, which answered the last time, has not been
    heard of since the fault began. What joins an incident need not wait, what nothing explains does not, and what is
    an alarm without a delay is told at once.
    """

    def __init__(
        self, board: Board, timers: Timers, topology: Topology, alarms: Alarms, incidents: IncidentBook
    ) -> None:
        self._board = board
        self._timers = timers
        self._topology = topology
        self._alarms = alarms
        self._incidents = incidents
        self._looks: dict[str, Timer] = {}
        self._since: dict[str, int] = {}
        """When an alarm began to wait."""
        board.keep("device.reachable")

    def resume(self, now: int) -> None:
        """After a restart: goes on where it was."""
        for cell in self._alarms.cells.values():
            if cell.withheld:
                self._since[cell.row.key] = min(cell.row.since, now)
                self._look_again(cell, now)

    def shift(self, delta: int) -> None:
        """The clock was set by `delta` ms."""
        self._since = {key: since + delta for key, since in self._since.items()}

    def hush(self, cell: Cell, now: int) -> str | None:
        """Why the alarm, active or about to be, tells nobody yet."""
        if cell.on_delay == 0 or isinstance(cell.rule, (FollowsRule, StepRule)):
            return None
        if cell.rule.cls in INDEPENDENT or is_apart(cell):
            return None
        since = self._since.setdefault(cell.row.key, now) if cell.withheld else now
        patience = Patience(since + LONGEST_MS, since + TOGETHER_MS)
        if now >= patience.cause or not self._incidents.may_be_explained(cell, patience, self._unheard(cell)):
            self._since.pop(cell.row.key, None)
            return None
        self._since[cell.row.key] = since
        self._look_again(cell, now)
        return WITHHELD

    def _look_again(self, cell: Cell, now: int) -> None:
        key = cell.row.key
        timer = self._looks.get(key)
        if timer is None:
            timer = self._looks[key] = Timer("recheck", lambda at: self._look(cell, at), cell.order, Phase.DEADLINE)
        if timer.due is None:
            self._timers.set(timer, now + _LOOK_EVERY_MS - (now - self._since[key]) % _LOOK_EVERY_MS)

    def _look(self, cell: Cell, now: int) -> None:
        if cell.withheld:
            self._alarms.reconsider(cell, now)

    def _unheard(self, cell: Cell) -> frozenset[str]:
        """What may be the cause, and is not heard of since the fault began, although it answered before."""
        causes = frozenset().union(*map(self._topology.causes, cell.source.suspects()))
        return frozenset(asset for asset in causes if self._silent_since(asset, cell.began))

    def _silent_since(self, asset: str, began: int) -> bool:
        device = self._topology.supplier(asset)
        slot = None if device is None else self._board.slot(device, "device.reachable")
        return slot is not None and slot.value is True and slot.seen < began
