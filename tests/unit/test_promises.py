"""The agreement's figures from the journal: over which time, of whom, and in which words they are told."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dcmon.config.config import Config
from dcmon.config.entries import CorrectionEntry, EntryError, Lesson, parse_entry
from dcmon.config.loader import load
from dcmon.instants import iso_utc
from dcmon.model import Availability, Changes, Incident, Interval, Record, Severity
from dcmon.promises import WINDOWS, Figure, check_correction, check_lesson, coverage, figures
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


def record(kind: str, subject: str, start: int, end: int, **data: object) -> Record:
    return Record(f"{kind}@{start}", kind, subject, None, "done", None, start, end, kind, by="Anna", data=data)


def put(journal: Journal, *records: Record) -> None:
    journal.commit(Changes(records={row.id: row for row in records}))


def test_a_correction_changes_the_figure_and_what_was_recorded_stays_visible(
    config: Config, journal: Journal, views: dict[str, IndicatorView]
) -> None:
    view = views["T01"]
    keep(journal, view, (YEAR, NOW - 4 * HOUR, "up"), (NOW - 4 * HOUR, NOW - HOUR, "down"), (NOW - HOUR, None, "up"))
    put(journal, record("correction", "T01", NOW - 4 * HOUR, NOW, was="down", now="up", entered=NOW))
    found = figure(config, journal, view)
    assert (found.measure.down, found.recorded.down, found.outages) == (0, 3 * HOUR, ())
    told = found.as_dict()
    assert (told["verdict"], told["recorded"]["verdict"]) == ("met", "breached")
    assert told["corrections"] == [{"id": f"correction@{NOW - 4 * HOUR}", "changed_ms": 3 * HOUR}]
    assert figure(config, journal, views["T21:uplinks"]).as_dict()["recorded"] is None


def test_a_correction_of_what_was_never_so_is_refused(journal: Journal, views: dict[str, IndicatorView]) -> None:
    keep(journal, views["T01"], (YEAR, NOW - HOUR, "up"), (NOW - HOUR, None, "down"))
    words = {"kind": "correction", "by": "Anna", "indicator": "T01", "was": "down", "now": "up", "reason": "x",
             "evidence": "y", "start": "2026-11-22T00:00:00Z", "end": "2026-11-22T01:00:00Z"}  # fmt: skip
    entry = parse_entry(words)
    assert isinstance(entry, CorrectionEntry)
    with pytest.raises(EntryError, match="never down then, but up"):
        check_correction(journal, entry, views.values())
    fits = parse_entry(words | {"end": "2026-11-23T08:30:00Z"})
    assert isinstance(fits, CorrectionEntry)
    check_correction(journal, fits, views.values())
    other = parse_entry(words | {"indicator": "T01.no-such"})
    assert isinstance(other, CorrectionEntry)
    check_correction(journal, other, views.values())  # the judge refuses it, and says which there are


def test_a_correction_can_be_taken_back_and_a_second_one_starts_from_what_the_first_has_made_of_it(
    config: Config, journal: Journal, views: dict[str, IndicatorView]
) -> None:
    view = views["T01"]
    keep(journal, view, (YEAR, NOW - 4 * HOUR, "up"), (NOW - 4 * HOUR, NOW - HOUR, "down"), (NOW - HOUR, None, "up"))
    put(journal, record("correction", "T01", NOW - 4 * HOUR, NOW - HOUR, was="down", now="up", entered=NOW))
    words = {"kind": "correction", "by": "Anna", "indicator": "T01", "was": "up", "now": "down", "reason": "it was so",
             "evidence": "y", "start": iso_utc(NOW - 4 * HOUR), "end": iso_utc(NOW - HOUR)}  # fmt: skip
    back, again = parse_entry(words), parse_entry(words | {"was": "down", "now": "up"})
    assert isinstance(back, CorrectionEntry)
    assert isinstance(again, CorrectionEntry)
    check_correction(journal, back, views.values())
    with pytest.raises(EntryError, match="never down then, but up"):
        check_correction(journal, again, views.values())
    second = record("correction", "T01", NOW - 4 * HOUR, NOW - HOUR, was="up", now="down", entered=NOW + 1)
    put(journal, replace(second, id="correction@second"))
    assert figure(config, journal, view).measure.down == 3 * HOUR


def test_maintenance_that_was_announced_in_time_is_left_out_of_what_it_names(
    config: Config, journal: Journal, views: dict[str, IndicatorView]
) -> None:
    view = views["T21.link:uplink-1"]
    keep(journal, view, (YEAR, NOW - 4 * HOUR, "up"), (NOW - 4 * HOUR, NOW - HOUR, "down"), (NOW - HOUR, None, "up"))
    announced = {"class": "low", "exclude": True, "scope": ["uplink-1"], "announced": NOW - 40 * 24 * HOUR}
    put(journal, record("maintenance", "m-1", NOW - 4 * HOUR, NOW - 2 * HOUR, **announced))
    found = figure(config, journal, view).measure
    assert (found.excluded, found.down) == (2 * HOUR, HOUR), "what goes on after the window counts"
    assert found.up + found.down + found.unknown + found.excluded == NOW - YEAR


def test_every_window_is_given_when_it_is_asked_for(
    config: Config, journal: Journal, views: dict[str, IndicatorView]
) -> None:
    keep(journal, views["T01"], (YEAR - HOUR, None, "up"))
    found = {one.window: one for one in figures(config, journal, [views["T01"]], NOW, None, WINDOWS)}
    starts = {window: one.measure.start for window, one in found.items()}
    assert starts == {
        "month": MONTH, "year": YEAR, "rolling_365d": NOW - 365 * 24 * HOUR, "commissioned": YEAR - HOUR
    }  # fmt: skip
    assert found["month"].ends == at("2026-12-01T00:00:00+01:00")
    assert found["month"].budget == 259_200, "99.99 % of 30 days"


def test_services_count_the_same_in_their_mean_over_the_calendar_year_and_over_365_days(
    config: Config, journal: Journal, views: dict[str, IndicatorView]
) -> None:
    services = [view for view in views.values() if view.control in ("T27.service", "T27.service-rolling")]
    assert {view.subject for view in services} == {"portal", "mail-relay", "resolver"}
    for view in services:
        keep(journal, view, (NOW - 400 * 24 * HOUR, NOW - 36 * HOUR, "up"),
             (NOW - 36 * HOUR, None, "down" if view.subject == "portal" else "up"))  # fmt: skip
    found = {one.view.id: one for one in figures(config, journal, services, NOW)}
    year, rolling = found["T27"], found["T27.rolling"]
    assert year.measure.down == pytest.approx(12 * HOUR, abs=1)
    assert year.measure.measured == pytest.approx(1 - 12 * HOUR / (NOW - YEAR))
    assert rolling.measure.measured == pytest.approx(1 - 12 / (365 * 24))
    assert found["T27.service:portal"].measure.down == 36 * HOUR
    assert (year.window, rolling.window) == ("year", "rolling_365d")


def test_the_uplinks_as_a_whole_are_weighted_with_their_capacity(
    config: Config, journal: Journal, views: dict[str, IndicatorView]
) -> None:
    links = [view for view in views.values() if view.control == "T21.link"]
    for view in links:
        down = view.subject in ("uplink-1", "uplink-3")
        keep(journal, view, (NOW - 10 * HOUR, None, "down" if down else "up"))
    found = {one.view.id: one for one in figures(config, journal, links, NOW, (NOW - 10 * HOUR, NOW))}
    assert found["T21.weighted"].measure.measured == pytest.approx(32 / 43)
    assert not [one for one in figures(config, journal, links[:3], NOW) if one.view.id == "T21.weighted"]


def test_coverage_is_that_of_the_worst_contract_figure_once_a_day_has_passed(
    config: Config, journal: Journal, views: dict[str, IndicatorView]
) -> None:
    asked = [views["T01"], views["T21:uplinks"], views["T21.link:uplink-1"]]
    assert coverage(config, journal, asked, NOW) is None
    keep(journal, views["T01"], (NOW - 40 * 24 * HOUR, NOW - HOUR, "up"), (NOW - HOUR, None, "unknown"))
    keep(journal, views["T21:uplinks"], (NOW - 23 * HOUR, None, "unknown"))
    keep(journal, views["T21.link:uplink-1"], (NOW - 40 * 24 * HOUR, None, "unknown"))
    assert coverage(config, journal, asked, NOW) == pytest.approx(100 * (1 - 1 / (30 * 24)))
    assert coverage(config, journal, asked, NOW + 2 * HOUR) == 0.0


def test_a_lesson_is_about_an_incident_of_the_journal(journal: Journal) -> None:
    words = {"kind": "lesson", "by": "Anna", "incident": "i-1", "cause": "x", "lessons": "y",
             "contained_at": "2026-11-22T00:00:00Z"}  # fmt: skip
    entry = parse_entry(words)
    assert isinstance(entry, Lesson)
    with pytest.raises(EntryError, match="no i-1"):
        check_lesson(journal, entry)
    opened = at("2026-11-22T00:00:00+00:00")
    row = Incident("i-1", "open", "ups-a", "x", Severity.CRITICAL, "power", opened, opened, (), "r")
    journal.commit(Changes(incidents={"i-1": row}))
    check_lesson(journal, entry)
    journal.commit(Changes(incidents={"i-1": replace(row, started=opened + 1)}))
    with pytest.raises(EntryError, match="before the incident began"):
        check_lesson(journal, entry)


def test_while_dcmon_does_not_run_nothing_is_up(
    config: Config, journal: Journal, views: dict[str, IndicatorView]
) -> None:
    view = views["T21.link:uplink-1"]
    keep(journal, view, (YEAR, None, "up"))
    journal.alive(NOW - 10 * HOUR)
    found = figure(config, journal, view).measure
    assert (found.up, found.unknown) == (NOW - YEAR - 10 * HOUR, 10 * HOUR)
    journal.alive(NOW - 5_000)
    assert figure(config, journal, view).measure.unknown == 0
