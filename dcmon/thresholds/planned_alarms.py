"""Alarms that planned work gives rise to: a late notice, and what is missing in a drill. No reading is behind them."""

from __future__ import annotations

from dataclasses import replace

from dcmon.config.planned import PlannedRule
from dcmon.config.rules import Rules
from dcmon.model import Alarm, AlarmState
from dcmon.thresholds.alarms import Alarms
from dcmon.thresholds.cells import Cell
from dcmon.thresholds.ledger import Ledger


class _Said:
    """Describes an alarm by what was said when it was raised."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text

    def describe(self) -> str:
        return self.text

    def present_value(self) -> None:
        return None

    def suspects(self) -> frozenset[str]:
        return frozenset()

    def concerns(self) -> frozenset[str]:
        return frozenset()

    def came_at(self) -> int | None:
        return None

    def earliest(self) -> int:
        return 0


class PlannedAlarms:
    """Raised and lowered by key; those of the journal go on."""

    def __init__(self, ledger: Ledger, alarms: Alarms, rules: Rules) -> None:
        self._ledger = ledger
        self._alarms = alarms
        self._said: dict[str, _Said] = {}
        known = {rule.id: rule for rule in (rules.late_notice, rules.drill_missing)}
        for row in list(ledger.alarms.values()):
            rule = known.get(row.rule)
            if rule is not None and row.state is not AlarmState.NORMAL:
                self._add(rule, row)

    def raise_(self, rule: PlannedRule, asset: str, index: str, text: str, now: int) -> None:
        """Makes it active at once."""
        key = f"{rule.id}/{asset}[{index}]"
        cell = self._alarms.cells.get(key)
        if cell is None:
            row = self._ledger.alarms.get(key)
            cell = self._add(rule, row or Alarm(key, rule.id, asset, index, AlarmState.NORMAL, rule.severity, now))
        self._said[key].text = text
        cell.row = replace(cell.row, memory={"says": text})
        self._alarms.judge(cell, True, now, now)

    def lower(self, key: str, why: str, now: int) -> None:
        """Ends it, if it is there."""
        cell = self._alarms.cells.get(key)
        if cell is not None and cell.live and key in self._said:
            self._said[key].text = why
            self._alarms.judge(cell, False, now, now)

    def lower_about(self, record_id: str, why: str, now: int) -> None:
        """Ends all that are about one record."""
        for key in list(self._said):
            index = self._alarms.cells[key].row.index or ""
            if index == record_id or index.startswith(f"{record_id}: "):
                self.lower(key, why, now)

    def noted(self, key: str, now: int) -> None:
        """Somebody has taken note of it: nothing more can be done about a late notice, or what did not come."""
        self.lower(key, "taken note of", now)

    def _add(self, rule: PlannedRule, row: Alarm) -> Cell:
        said = self._said[row.key] = _Said(str(row.memory.get("says", "")))
        cell = Cell(rule, row, (3000, row.key), rule.on_delay)
        self._alarms.add(cell, said)
        return cell
