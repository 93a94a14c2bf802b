"""What holds of the agreement's figures, whatever was measured, corrected, planned and missed, and over a change of the
clocks: they are whole, months make the year, nothing that is worse makes them better, a restart loses nothing."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from engine_timelines import CONFIG as EVERYTHING_ON
from engine_timelines import Event, timelines
from engine_world import T0, TAKEOVER, World, at, config, read, rule
from hypothesis import given, settings
from hypothesis import strategies as st

from dcmon.config.config import Config
from dcmon.config.loader import load
from dcmon.model import Availability, Changes, Incident, Interval, Reading, Record
from dcmon.promises import Figure, figures
from dcmon.storage.journal import Journal
from dcmon.thresholds import IndicatorView, Judge, period
from dcmon.thresholds.exclusions import announced_in_time

ZONES = ("Europe/Berlin", "America/Santiago", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia", "UTC")
HOUR, DAY = 3_600_000, 86_400_000
UP, DOWN, UNKNOWN = Availability.UP, Availability.DOWN, Availability.UNKNOWN
YEAR = period("year", 1_782_000_000_000, "Europe/Berlin")
"""2026 in Munich: 365 days, two of them of 23 and of 25 hours."""
LATER = YEAR[1] + 30 * DAY


@pytest.fixture(scope="module")
def shipped(example_site: Path) -> Config:
    return load(example_site)


@dataclass
class Kept:
    """What a journal keeps, in memory."""

    rows: list[Interval]
    entered: list[Record] = field(default_factory=list)

    def intervals(self, indicator: str | None, start: int, end: int) -> list[Interval]:
        return [
            row for row in self.rows
            if row.indicator == indicator and row.start < end and (row.end is None or row.end > start)
        ]  # fmt: skip

    def records(self, kind: str | None = None, *, limit: int = 1000) -> list[Record]:
        return [row for row in self.entered if row.kind == kind]

    def incident(self, incident_id: str) -> Incident | None:
        return None

    def last_alive(self) -> int | None:
        return LATER


def views(of: Config) -> list[IndicatorView]:
    return [
        view for view in Judge(of).availability(YEAR[0]) if view.control in ("T01", "T21", "T21.link", "T27.service")
    ]


def months() -> list[tuple[int, int]]:
    found, start = [], YEAR[0]
    while start < YEAR[1]:
        found.append(period("month", start, "Europe/Berlin"))
        start = found[-1][1]
    return found


EDGES = [start + late for start, _ in months() for late in (-1, 0, 1)]
INSTANTS = st.one_of(st.integers(YEAR[0] - 40 * DAY, LATER), st.sampled_from(EDGES))
LOCAL = st.datetimes(dt.datetime(1990, 1, 1), dt.datetime(2037, 1, 1))  # noqa: DTZ001  # a zone is drawn beside


@st.composite
def ledgers(draw: st.DrawFn, names: list[str]) -> Kept:
    """Intervals of some indicators with holes, windows of maintenance, corrections."""
    rows: list[Interval] = []
    for name in names:
        cuts = sorted(draw(st.sets(INSTANTS, min_size=1, max_size=12)))
        for start, end in pairwise(cuts):
            state = draw(st.sampled_from([UP, UP, DOWN, UNKNOWN, None]))
            if state is not None:
                rows.append(Interval(name, start, end, state))
        if draw(st.booleans()):
            rows.append(Interval(name, cuts[-1], None, draw(st.sampled_from([UP, DOWN, UNKNOWN]))))
    spans = st.tuples(INSTANTS, INSTANTS).filter(lambda span: span[0] < span[1])
    entered = []
    for number, (start, end) in enumerate(draw(st.lists(spans, max_size=4))):
        data: dict[str, Any] = {
            "exclude": draw(st.booleans()), "class": draw(st.sampled_from(["no", "low", "high"])),
            "announced": start - draw(st.sampled_from([0, 27, 29, 60])) * DAY,
            "scope": draw(st.lists(st.sampled_from(names), max_size=2)),
        }  # fmt: skip
        entered.append(Record(f"m{number}", "maintenance", "x", None, "done", None, start, end, "", (), "Anna", data))
    for number, (start, end) in enumerate(draw(st.lists(spans, max_size=4))):
        was, now = draw(st.permutations([UP, DOWN, UNKNOWN]))[:2]
        data = {"was": was.value, "now": now.value, "entered": number}
        name = draw(st.sampled_from(names))
        entered.append(Record(f"c{number}", "correction", name, None, "done", None, start, end, "", (), "", data))
    return Kept(rows, entered)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_every_figure_is_whole_and_the_months_make_the_year(shipped: Config, data: st.DataObject) -> None:
    indicators = views(shipped)
    kept = data.draw(ledgers([view.id for view in indicators]))
    year = figures(shipped, kept, indicators, LATER, YEAR)
    parts = [figures(shipped, kept, indicators, LATER, month) for month in months()]
    for place, figure in enumerate(year):
        for one in (figure, *(part[place] for part in parts)):
            for measure in (one.measure, one.recorded):
                shares = (measure.up, measure.down, measure.unknown, measure.excluded)
                assert sum(shares) == measure.end - measure.start
                assert min(shares) >= 0
        rounded = 12 if figure.view.control in ("T21.weighted", "T27") else 0
        for name in ("up", "down", "unknown", "excluded"):
            whole = getattr(figure.measure, name)
            assert abs(sum(getattr(part[place].measure, name) for part in parts) - whole) <= rounded, figure.view.id
        spent = sum(outage.length for outage in figure.outages)
        assert spent == figure.measure.down or rounded


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_what_is_worse_makes_no_figure_better(shipped: Config, data: st.DataObject) -> None:
    indicators = views(shipped)[:1]
    kept = data.draw(ledgers([indicators[0].id]))
    kept.entered = [row for row in kept.entered if row.kind == "maintenance"]
    place = data.draw(st.integers(0, max(len(kept.rows) - 1, 0)))
    if not kept.rows or kept.rows[place].state is DOWN:
        return
    row = kept.rows[place]
    worse = list(kept.rows)
    worse[place] = replace(row, state=data.draw(st.sampled_from([DOWN] if row.state is UNKNOWN else [DOWN, UNKNOWN])))
    (before,), (after,) = (
        figures(shipped, Kept(rows, kept.entered), indicators, LATER, YEAR) for rows in (kept.rows, worse)
    )
    assert (after.measure.worst or 0) <= (before.measure.worst or 0)
    assert after.budget - after.measure.down <= before.budget - before.measure.down
    if worse[place].state is DOWN:
        assert after.measure.measured is None or before.measure.measured is None or (
            after.measure.measured <= before.measure.measured
        )  # fmt: skip
        verdicts = ("breached", "unproven", "met")
        old, new = (one.as_dict()["verdict"] for one in (before, after))
        assert verdicts.index(new) <= verdicts.index(old) or (old == "unproven" and new == "breached")
    else:
        assert (after.measure.coverage or 0) <= (before.measure.coverage or 0)


@given(st.sampled_from(ZONES), LOCAL)
def test_every_instant_is_in_one_month_of_one_year_of_any_zone(zone: str, local: dt.datetime) -> None:
    now = round(local.replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)
    month, year = period("month", now, zone), period("year", now, zone)
    assert month[0] <= now < month[1]
    assert year[0] <= month[0] and month[1] <= year[1]
    assert period("month", month[0], zone) == period("month", month[1] - 1, zone) == month
    assert period("month", month[1], zone)[0] == month[1]
    assert abs((month[1] - month[0]) % DAY - DAY / 2) >= 11 * HOUR - HOUR / 2 or zone == "Pacific/Apia"
    found, start = 0, year[0]
    while start < year[1]:
        start = period("month", start, zone)[1]
        found += 1
    assert (found, start) == (12, year[1])


@given(st.sampled_from(ZONES), LOCAL, st.integers(1, DAY))
def test_notice_of_28_days_is_to_the_same_time_of_day(zone: str, local: dt.datetime, early: int) -> None:
    there = ZoneInfo(zone)
    announced = round(local.replace(tzinfo=there).timestamp() * 1000)
    seen = dt.datetime.fromtimestamp(announced / 1000, there)  # a time that the clocks leave out is another
    start = round((seen.replace(fold=0) + dt.timedelta(days=28)).timestamp() * 1000)
    assert announced_in_time(start, announced, zone)
    assert not announced_in_time(start - early, announced, zone)
    assert abs(start - announced - 28 * DAY) <= (DAY if zone == "Pacific/Apia" else HOUR)


def played(of: Config, folder: Path, events: list[Event], cuts: list[int]) -> tuple[dict[str, Any], list[Figure]]:
    """What a real journal holds in the end, with a restart from that journal after each of `cuts` instants."""
    world, journal = World(of, live=True), Journal(folder)
    instants: dict[int, list[Reading]] = {
        0: [read(0, f"{name}/device.reachable", True) for name in of.collectors.devices]
    }
    for second, series, value in events:
        instants.setdefault(second + 1, []).append(read(second + 1, series, value))
    try:
        for number, (second, batch) in enumerate(instants.items()):
            journal.commit(world.step(batch, at(second)))
            if number in cuts:
                journal.alive(at(second))
                journal.save_readings(world.latest.values())
                journal.close()
                journal = Journal(folder)
                world.judge = Judge(of, journal.load_snapshot(at(second)), at(second))
        end = events[-1][0] + 90_000
        journal.commit(world.wait(end))
        journal.alive(at(end))
        rows = {
            "intervals": {
                (row.indicator, row.start, row.end, row.state) for row in journal.intervals(None, 0, at(end))
            },
            "alarms": {(row.key, row.state, row.since, row.incident) for row in journal.alarms()},
            "incidents": {(row.id, row.state, row.opened, row.resolved) for row in journal.incidents(limit=-1)},
            "tasks": {(row.id, row.state, row.opened, row.closed) for row in journal.tasks(limit=-1)},
            "clocks": {(row.id, row.state, row.started, row.stopped) for row in journal.clocks(limit=-1)},
            "records": {(row.id, row.verdict, row.started, row.ended, row.reason) for row in journal.records(limit=-1)},
        }
        indicators = world.judge.availability(at(end))
        return rows, figures(of, journal, indicators, at(end), (T0 - DAY, at(end)))
    finally:
        journal.close()


@given(timelines(), st.lists(st.integers(0, 24), max_size=3))
@settings(max_examples=10, deadline=None)
def test_a_journal_on_disk_holds_the_same_whenever_dcmon_was_started_again(
    events: list[Event], cuts: list[int]
) -> None:
    with TemporaryDirectory() as one, TemporaryDirectory() as other:
        whole, shown = played(EVERYTHING_ON, Path(one), events, [])
        cut, shown_too = played(EVERYTHING_ON, Path(other), events, cuts)
    assert cut == whole
    assert [figure.measure for figure in shown_too] == [figure.measure for figure in shown]


SOME = config(
    rule("state", "dead", select={"point": "input.voltage"}, **{"is": 0.0}), sequences=[TAKEOVER],
)  # fmt: skip


@given(
    st.lists(st.tuples(st.integers(1, 500), st.sampled_from([0.0, 230.0])), min_size=2, max_size=12),
    st.integers(0, 10), st.integers(1, 5_000), st.integers(0, 60),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_of_the_time_in_which_dcmon_was_dead_nothing_is_known_and_of_all_other_what_was_known(
    steps: list[tuple[int, float]], place: int, dead: int, first: int
) -> None:
    second, events = 0, []
    for gap, volts in steps:
        second += gap
        events.append((second, volts))
    place = min(place, len(events) - 2)
    died, back = events[place][0], events[place][0] + dead
    told: list[Changes] = []
    world = World(SOME)
    for number, (second, volts) in enumerate(events):
        shift = dead + first if number > place else 0
        readings: list[Reading] = [read(second + shift, f"{pdu}/input.voltage[1]", volts) for pdu in ("pdu-a", "pdu-b")]
        told.append(world.step(readings, at(second + shift)))
        if number == place:
            world.restart(back, alive=died)
    rows = {(row.indicator, row.start): row for changes in told for row in changes.intervals}
    mine = sorted((row for (name, _), row in rows.items() if name == "T01"), key=lambda row: row.start)
    heard = events[place + 1][0] + dead + first
    for row in mine:
        end = row.end if row.end is not None else at(events[-1][0] + dead + first)
        if row.state is not UNKNOWN:
            assert end <= at(died) or row.start >= at(back), (row, died, back)
        elif row.start >= at(events[0][0]):
            assert row.start == at(died) and end <= at(heard), (row, died, heard)
