"""One look at the site: the configuration, the fresh readings, the worst alarms and the words, at one instant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from dcmon.model import Severity
from dcmon.web.plan import Plan
from dcmon.web.text import quantity
from dcmon.web.values import Latest
from dcmon.web.words import Words


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the site in one language: what every panel is made from."""

    plan: Plan
    latest: Latest
    severities: Mapping[str, Severity]
    """The worst active alarm by asset."""
    words: Words
    now: int

    def quantity(self, value: float | None, unit: str) -> str:
        """A value with unit; empty when unknown."""
        return "" if value is None else quantity(value, unit, self.words.lang)
