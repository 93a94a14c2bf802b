"""What the parts of the engine share about one alarm: its row, its rule, its timers and who can describe it."""

from __future__ import annotations

from typing import Any, Final, Protocol

from dcmon.config.rules import Rule
from dcmon.model import Alarm, AlarmState
from dcmon.thresholds.logic import Truth
from dcmon.thresholds.timers import Order, Phase, Timer

NOT_JUDGED: Final = "not judged"
"""What a cell holds after a restart until its condition was looked at with new readings."""


WITHHELD: Final = "its cause may be about to show"
"""Why an alarm tells nobody that waits for word of its cause."""


class Describer(Protocol):
    """What a cell asks its rule kind when there is something to say."""

    def describe(self) -> str:
        """What the readings say, as half a sentence."""
        ...

    def present_value(self) -> Any:
        """The value that goes into the row."""
        ...

    def suspects(self) -> frozenset[str]:
        """The assets that are in trouble as far as this alarm goes."""
        ...

    def concerns(self) -> frozenset[str]:
        """What else the alarm speaks of without holding it to be at fault: the devices that a blind dcmon misses."""
        ...

    def came_at(self) -> int | None:
        """When what must follow has followed, ms UTC; None while it has not, and for rules that wait for nothing."""
        ...

    def earliest(self) -> int:
        """From when on the fault may have been there, ms UTC: its start is only when it was first seen."""
        ...


class Cell:
    """One alarm: its row and what goes with it while the process runs."""

    __slots__ = ("holds", "on_delay", "order", "row", "rule", "shelf", "source", "timer")

    def __init__(self, rule: Rule, row: Alarm, order: Order, on_delay: int, phase: Phase = Phase.DELAY) -> None:
        self.rule = rule
        self.row = row
        self.order = order
        self.on_delay = on_delay
        self.holds: Truth | str = NOT_JUDGED
        self.source: Describer
        self.timer = Timer("delay", _unset, order, phase)
        self.shelf = Timer("delay", _unset, order)

    @property
    def pending(self) -> bool:
        return self.row.state is AlarmState.PENDING

    @property
    def withheld(self) -> bool:
        """Whether it is active, and tells nobody because its cause may be about to show."""
        return self.row.state is AlarmState.ACTIVE and self.row.suppressed == WITHHELD

    @property
    def began(self) -> int:
        """When the fault was first seen, by the best evidence, ms UTC."""
        return self.row.since if self.row.started is None else self.row.started

    @property
    def live(self) -> bool:
        return self.row.state in (AlarmState.PENDING, AlarmState.ACTIVE)


def _unset(now: int) -> None:
    raise AssertionError("a timer of a cell was set before the cell was registered")
