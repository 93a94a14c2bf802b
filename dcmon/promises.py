"""The agreement's figures from the journal's intervals: what `dcmon slo`, the page and the metrics show."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast
from zoneinfo import ZoneInfo

from dcmon.config.config import Config
from dcmon.model import Interval, iso_utc
from dcmon.storage.journal_reads import JournalReader
from dcmon.thresholds import IndicatorView, Measure, measure, period
from dcmon.thresholds.availability import Window


@dataclass(frozen=True, slots=True)
class Figure:
    """One indicator over one period: its window so far, cut where the asset was commissioned."""

    view: IndicatorView
    measure: Measure
    commissioned: int | None

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON: shares in per cent (None where nothing is known), times in ms UTC and ISO 8601, the verdict."""
        measure, target = self.measure, self.view.target
        return {
            "id": self.view.id,
            "control": self.view.control,
            "tom": self.view.tom,
            "title": self.view.title_en,
            "title_de": self.view.title_de,
            "subject": self.view.subject,
            "contract": self.view.contract,
            "window": self.view.window,
            "from": iso_utc(measure.start),
            "to": iso_utc(measure.end),
            "commissioned": None if self.commissioned is None else iso_utc(self.commissioned),
            "target": target,
            "measured": _percent(measure.measured),
            "worst": _percent(measure.worst),
            "coverage": _percent(measure.coverage),
            "verdict": measure.verdict(target).value,
            "up_ms": measure.up,
            "down_ms": measure.down,
            "unknown_ms": measure.unknown,
            "budget_left_ms": measure.budget_left_ms(target),
        }


def figures(
    config: Config,
    journal: JournalReader,
    views: Sequence[IndicatorView],
    now: int,
    span: tuple[int, int] | None = None,
) -> list[Figure]:
    """One figure per indicator: over `span` (ms UTC, half-open), else over its own window up to `now`."""
    return list(_figures(config, journal, views, now, span))


def _figures(
    config: Config, journal: JournalReader, views: Sequence[IndicatorView], now: int, span: tuple[int, int] | None
) -> Iterator[Figure]:
    for view in views:
        start, end = span or period(cast(Window, view.window), now, config.site.timezone)
        since = _commissioned(config, view.subject)
        start, end = max(start, since or start), min(end, now)
        rows: Sequence[Interval] = journal.intervals(view.id, start, end) if end > start else ()
        yield Figure(view, measure(rows, start, max(start, end)), since)


def _commissioned(config: Config, subject: str) -> int | None:
    """From when availability is counted: the asset's first day, or the latest of a group's members."""
    members = next((group.members for group in config.site.groups if group.id == subject), (subject,))
    days = [asset.commissioned for asset in config.site.assets if asset.id in members and asset.commissioned]
    if not days:
        return None
    midnight = dt.datetime.combine(max(days), dt.time(0), ZoneInfo(config.site.timezone))
    return int(midnight.timestamp() * 1000)


def _percent(share: float | None) -> float | None:
    return None if share is None else share * 100
