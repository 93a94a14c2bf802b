"""The agreement's figures from the journal: over which time, of whom, and in which words they are told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dcmon.config.config import Config
from dcmon.config.loader import load
from dcmon.model import Availability, Changes, Interval
from dcmon.promises import Figure, figures
from dcmon.storage.journal import Journal
from dcmon.thresholds import IndicatorView, Judge

HOUR = 3_600_000


def at(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).timestamp() * 1000)


NOW = at("2026-11-23T10:00:00+01:00")
MONTH = at("2026-11-01T00:00:00+01:00")
YEAR = at("2026-01-01T00:00:00+01:00")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def config(example_site: Path) -> Config:
    return load(example_site)


@pytest.fixture(scope="module")
def views(config: Config) -> dict[str, IndicatorView]:
    return {view.id: view for view in Judge(config, now=NOW).availability(NOW)}


def keep(journal: Journal, view: IndicatorView, *rows: tuple[int, int | None, str]) -> None:
    journal.commit(
        Changes(intervals=[Interval(view.id, start, end, Availability(state)) for start, end, state in rows])
    )


def commissioned(config: Config, **days: dt.date) -> Config:
    """The same site, in which only these assets (`_` for `-`) have a first day."""
    assets = tuple(
        asset.model_copy(update={"commissioned": days.get(asset.id.replace("-", "_"))}) for asset in config.site.assets
    )
    return config.model_copy(update={"site": config.site.model_copy(update={"assets": assets})})


def figure(config: Config, journal: Journal, view: IndicatorView, span: tuple[int, int] | None = None) -> Figure:
    (found,) = figures(config, journal, [view], NOW, span)
    return found


def test_a_month_and_a_year_are_measured_from_their_local_midnight_until_now(
    config: Config, journal: Journal, views: dict[str, IndicatorView]
) -> None:
    for name, start in (("T01.month", MONTH), ("T01", YEAR)):
        keep(journal, views[name], (YEAR - HOUR, NOW - 2 * HOUR, "up"), (NOW - 2 * HOUR, None, "down"))
        found = figure(config, journal, views[name]).measure
        assert (found.start, found.end) == (start, NOW)
        assert (found.up, found.down, found.unknown) == (NOW - 2 * HOUR - start, 2 * HOUR, 0)


def test_a_span_that_is_asked_for_replaces_the_window_and_ends_no_later_than_now(
    config: Config, journal: Journal, views: dict[str, IndicatorView]
) -> None:
    keep(journal, views["T01"], (YEAR, None, "up"))
    found = figure(config, journal, views["T01"], (NOW - HOUR, NOW + HOUR)).measure
    assert (found.start, found.end, found.up) == (NOW - HOUR, NOW, HOUR)
    future = figure(config, journal, views["T01"], (NOW + HOUR, NOW + 2 * HOUR)).measure
    assert (future.total, future.measured) == (0, None)


def test_what_nobody_watched_is_unknown_and_proves_nothing(
    config: Config, journal: Journal, views: dict[str, IndicatorView]
) -> None:
    found = figure(config, journal, views["T01"])
    assert found.measure.unknown == NOW - YEAR
    told = found.as_dict()
    assert (told["measured"], told["worst"], told["coverage"], told["verdict"]) == (None, 0.0, 0.0, "unproven")


def test_an_asset_counts_from_its_first_local_day_and_a_group_from_that_of_its_last_member(
    config: Config, journal: Journal, views: dict[str, IndicatorView]
) -> None:
    uplink, uplinks = views["T21.link:uplink-1"], views["T21:uplinks"]
    young = commissioned(config, uplink_1=dt.date(2026, 7, 1), uplink_2=dt.date(2026, 9, 1))
    july, september = at("2026-07-01T00:00:00+02:00"), at("2026-09-01T00:00:00+02:00")
    keep(journal, uplink, (YEAR, None, "down"))
    found = figure(young, journal, uplink)
    assert (found.commissioned, found.measure.start, found.measure.down) == (july, july, NOW - july)
    assert found.as_dict()["commissioned"] == "2026-06-30T22:00:00.000Z"
    assert figure(young, journal, uplinks).measure.start == september
    assert figure(commissioned(config), journal, uplink).as_dict()["commissioned"] is None
    assert figure(commissioned(config), journal, uplink).measure.start == YEAR
    tomorrow = commissioned(config, uplink_1=dt.date(2026, 11, 24))
    assert figure(tomorrow, journal, uplink).measure.total == 0, "nothing is owed of what does not run yet"


def test_figures_are_told_in_per_cent_with_their_target_and_what_is_left_of_it(
    config: Config, journal: Journal, views: dict[str, IndicatorView]
) -> None:
    view = replace(views["T21.link:uplink-1"], target=99.0)
    keep(journal, view, (NOW - 100 * HOUR, NOW - 10 * HOUR, "up"), (NOW - 10 * HOUR, NOW - 9 * HOUR, "down"))
    told = figure(config, journal, view, (NOW - 100 * HOUR, NOW)).as_dict()
    assert told["measured"] == pytest.approx(100 * 90 / 91)
    assert (told["worst"], told["coverage"]) == (90.0, 91.0)
    assert (told["up_ms"], told["down_ms"], told["unknown_ms"]) == (90 * HOUR, HOUR, 9 * HOUR)
    assert (told["target"], told["verdict"], told["budget_left_ms"]) == (99.0, "breached", 0)
    assert (told["id"], told["control"], told["tom"], told["subject"], told["window"]) == (
        "T21.link:uplink-1", "T21.link", "T21", "uplink-1", "year",
    )  # fmt: skip
    assert (told["from"], told["to"]) == ("2026-11-19T05:00:00.000Z", "2026-11-23T09:00:00.000Z")
