"""What every benchmark returns, and how it is judged and printed."""

from __future__ import annotations

import json
from collections.abc import Callable
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

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None without one."""
        if self.target is None:
            return None
        return self.value >= self.target if self.at_least else self.value <= self.target

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        shown: dict[str, Any] = {"what": self.what, "value": self.value, "unit": self.unit}
        if self.target is not None:
            shown |= {"target": self.target, "bound": "at least" if self.at_least else "at most", "met": self.met}
        return shown


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
