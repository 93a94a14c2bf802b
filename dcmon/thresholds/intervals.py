"""The ledger of availability: for each indicator, intervals without gap or overlap, each begun at the best evidence."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from dcmon.config.rules import Rule
from dcmon.model import Availability, Interval, SeriesKey, Transition
from dcmon.thresholds.alarms import Alarms
from dcmon.thresholds.board import Board
from dcmon.thresholds.controls import Control
from dcmon.thresholds.indicators import Builder, Indicator
from dcmon.thresholds.ledger import Ledger
from dcmon.thresholds.rule_indicators import OF_RULES, RuleLeaf
from dcmon.thresholds.timers import Order
from dcmon.thresholds.topology import Topology


@dataclass(frozen=True, slots=True)
class IndicatorView:
    """What an indicator says now."""

    id: str
    control: str
    tom: str
    title_de: str
    title_en: str
    subject: str
    """Asset or group; empty for the site as a whole."""
    target: float
    """Per cent."""
    window: str
    contract: bool
    state: Availability
    since: int
    reason: str
    of_rules: bool = False
    """It says whether rules are content, not whether something is available."""


class Indicators:
    """All indicators of the site, and the open interval of each."""

    def __init__(
        self, controls: Iterable[Control], rules: Iterable[Rule], topology: Topology, board: Board, ledger: Ledger,
        alarms: Alarms, *, live: bool,
    ) -> None:  # fmt: skip
        self._ledger = ledger
        self._rules, self._live = tuple(rules), live
        builder = Builder(topology, board)
        self._watchers: list[_Watcher] = []
        self._topology = topology
        self._leaves: list[RuleLeaf] = []
        for control in controls:
            if control.objective.indicator in OF_RULES:
                self._of_rules(control, board, alarms)
                continue
            for indicator, leaves in builder.build(control):
                watcher = _Watcher(indicator, ledger)
                self._watchers.append(watcher)
                for leaf in leaves:
                    leaf.readers.add(watcher)

    def _of_rules(self, control: Control, board: Board, alarms: Alarms) -> None:
        leaf = RuleLeaf(control, self._rules, board.dirty.update, live=self._live)
        self._leaves.append(leaf)
        alarms.watch(leaf, leaf.offer)
        watcher = _Watcher(Indicator(control.id, control, "", lambda: leaf.state), self._ledger)
        leaf.readers.add(watcher)
        self._watchers.append(watcher)

    def begin(self, now: int, alive: int | None) -> None:
        """Opens the first intervals. `alive` is when the process before this one was last known to run: what lies
        between is UNKNOWN unless there is new evidence of it. None when there is no gap.
        """
        for watcher in self._watchers:
            interval = self._ledger.intervals.get(watcher.indicator.id)
            if interval is None:
                watcher.move(Availability.UNKNOWN, now, now, "nothing has been measured yet")
            elif alive is not None:
                watcher.unseen = (alive, now)
                if interval.state is not Availability.UNKNOWN:
                    watcher.move(Availability.UNKNOWN, max(alive, interval.start), now, "dcmon was not running")

    def watches(self, key: SeriesKey) -> bool:
        """Whether it must be known that this series is read."""
        return any(leaf.watches(key, self._topology.kind(key.asset)) for leaf in self._leaves)

    def expect(self, keys: Iterable[SeriesKey]) -> None:
        """Series that an earlier process has read lately: until they are read again, what they show is not watched."""
        for key in keys:
            for leaf in self._leaves:
                if leaf.watches(key, self._topology.kind(key.asset)):
                    leaf.expected.add(key)

    def views(self) -> list[IndicatorView]:
        """The present state of all."""
        return [watcher.view() for watcher in self._watchers]

    def indicators(self) -> list[Indicator]:
        return [watcher.indicator for watcher in self._watchers]


class _Watcher:
    """Turns the state of one indicator into intervals."""

    __slots__ = ("_ledger", "indicator", "order", "unseen")

    def __init__(self, indicator: Indicator, ledger: Ledger) -> None:
        self.indicator = indicator
        self.order: Order = (-10, indicator.id)
        self.unseen: tuple[int, int] | None = None
        """When the process before this one ended and this one began, if that is not the same."""
        self._ledger = ledger

    def evaluate(self, now: int) -> None:
        """Closes the open interval and opens another when the state has changed."""
        state = self.indicator.probe()
        interval = self._ledger.intervals.get(self.indicator.id)
        if interval is None or interval.state is not state.state:
            since = min(state.since, now)
            if self.unseen is not None and since <= self.unseen[0]:
                # What was so before dcmon ended is no evidence of the time in which nobody looked.
                since = max(since, self.unseen[1])
            self.move(state.state, min(since, now), now, state.reason)

    def move(self, state: Availability, since: int, now: int, reason: str) -> None:
        """The indicator is `state` since `since`, or since the open interval began if that was later."""
        indicator = self.indicator
        old = self._ledger.intervals.get(indicator.id)
        if old is not None:
            since = max(since, old.start)
            if since > old.start:
                self._ledger.put_interval(replace(old, end=since))
        self._ledger.put_interval(Interval(indicator.id, since, None, state, reason))
        if old is None:
            return
        self._ledger.tell(
            Transition(
                now, "indicator", indicator.id, state.value, reason,
                asset=indicator.subject or None, rule=indicator.control.id, data={"since": since},
            )
        )  # fmt: skip

    def view(self) -> IndicatorView:
        control, indicator = self.indicator.control, self.indicator
        interval = self._ledger.intervals.get(indicator.id)
        return IndicatorView(
            indicator.id, control.id, control.tom, control.title.de, control.title.en, indicator.subject,
            control.objective.target, control.objective.window, control.contract,
            interval.state if interval else Availability.UNKNOWN, interval.start if interval else 0,
            interval.reason if interval else "", control.objective.indicator in OF_RULES,
        )  # fmt: skip
