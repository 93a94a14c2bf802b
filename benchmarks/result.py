"""What every benchmark returns, and how it is judged and printed."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from dcmon.clock import perf_counter


@dataclass(frozen=True, slots=True)
class Figure:
    """One number with its unit. `target` is what issue 2 asks for; None where the figure is for comparison only."""

    what: str
    value: float
    unit: str
    target: float | None = None
    at_least: bool = False
    """The target is a lower bound; otherwise it is an upper one."""
    best: float | None = None
    """The least disturbed of the runs whose median is `value`: what other programs do only makes figures worse."""

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None without one."""
        return self._reached(self.value)

    @property
    def met_undisturbed(self) -> bool | None:
        """Whether the least disturbed run reached it."""
        return self._reached(self.value if self.best is None else self.best)

    def _reached(self, value: float) -> bool | None:
        if self.target is None:
            return None
        return value >= self.target if self.at_least else value <= self.target

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        shown: dict[str, Any] = {"what": self.what, "value": self.value, "unit": self.unit}
        if self.best is not None:
            shown["best"] = self.best
        if self.target is not None:
            shown |= {"target": self.target, "bound": "at least" if self.at_least else "at most", "met": self.met}
            if self.best is not None:
                shown["met_undisturbed"] = self.met_undisturbed
        return shown


def middle(
    what: str, runs: Sequence[float], unit: str, target: float | None = None, *, at_least: bool = False, digits: int = 1
) -> Figure:
    """The median of several runs, and the best of them."""
    best = max(runs) if at_least else min(runs)
    median = statistics.median(runs)
    if digits == 0:
        return Figure(what, round(median), unit, target, at_least, round(best))
    return Figure(what, round(median, digits), unit, target, at_least, round(best, digits))


@dataclass(slots=True)
class Result:
    """Figures of one benchmark. `details` are for those who look closer: spreads, counts, losses."""

    figures: list[Figure] = field(default_factory=list)
    details: dict[str, Any] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)
    """What could not be measured here, and why."""

    @property
    def met(self) -> bool:
        """Whether no target is missed."""
        return all(figure.met is not False for figure in self.figures)


def report(name: str, measure: Callable[[], Result]) -> int:
    """Runs one benchmark and prints its JSON line; 1 when a target is missed, for the exit status."""
    begun = perf_counter()
    result = measure()
    line: dict[str, Any] = {
        "benchmark": name,
        "met": result.met,
        "figures": [figure.plain() for figure in result.figures],
        "details": result.details,
        "seconds": round(perf_counter() - begun, 1),
    }
    if result.left_out:
        line["left_out"] = result.left_out
    print(json.dumps(line), flush=True)
    return 0 if result.met else 1
