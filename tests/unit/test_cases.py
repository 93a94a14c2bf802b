"""Results of controls: shares of cases from what the journal keeps, and a promise as good as its contract figures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dcmon.cases import Outcome, Result, by_promise, results
from dcmon.config.config import Config
from dcmon.config.loader import load
from dcmon.model import (
    Availability,
    Changes,
    FaultClock,
    Incident,
    Interval,
    Notification,
    Record,
    Severity,
    Task,
)
from dcmon.storage.journal import Journal
from dcmon.thresholds import Judge
from dcmon.thresholds.controls import without_evidence

HOUR = 3_600_000
DAY = 24 * HOUR
START, NOW = 1_793_487_600_000, 1_793_487_600_000 + 20 * DAY  # 2026-11-01 in Munich
SPAN = (START, START + 30 * DAY)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def config(example_site: Path) -> Config:
    return load(example_site)


def found(config: Config, journal: Journal, now: int = NOW) -> dict[str, Result]:
    views = Judge(config).availability(now)
    return {row.control.id: row for row in results(config, journal, views, now, SPAN) if not row.subject}


def sequence(number: int, verdict: str | None, at: int = START + DAY, state: str = "done") -> Record:
    return Record(
        f"s-{number}", "sequence", "genset-a", "takeover-a", state, verdict, at, at + HOUR, "", ("T03", "T04"), None, {}
    )


def test_nothing_has_happened_is_unknown_and_not_met(config: Config, journal: Journal) -> None:
    rows = found(config, journal)
    structure = {"T17"}  # said by the configuration, whatever happens
    assert {row.outcome for name, row in rows.items() if name not in structure} == {Outcome.UNKNOWN}
    outcomes = by_promise(rows.values())
    assert {outcome for name, outcome in outcomes.items() if name not in structure} == {Outcome.UNKNOWN}


def test_records_of_the_period_count_by_their_verdict(config: Config, journal: Journal) -> None:
    rows = [sequence(1, "passed"), sequence(2, "passed"), sequence(3, "incomplete"), sequence(4, None, state="running"),
            sequence(5, "failed", START - 1), sequence(6, "failed", state="void"), sequence(9, None)]  # fmt: skip
    journal.commit(Changes(records={row.id: row for row in rows}))
    row = found(config, journal)["T04"]
    assert (row.outcome, row.value, row.good, row.bad, row.open) == (Outcome.MET, 100.0, 2, 0, 2)
    assert row.evidence == ("s-1", "s-2", "s-3", "s-4")
    journal.commit(Changes(records={"s-7": sequence(7, "failed", START)}))
    row = found(config, journal)["T04"]
    assert (row.outcome, row.good, row.bad) == (Outcome.MISSED, 2, 1)
    assert by_promise(found(config, journal).values())["T04"] is Outcome.MISSED


def run_of(verdict: str, ups: str, engine: str, gap: int | None = None) -> Record:
    steps = [{"id": "u", "tom": ["T03"], "state": ups}, {"id": "g", "tom": ["T04"], "state": engine}]
    never = [{"id": "gap", "title": "dead", "tom": ["T03"], "at": gap}]
    return replace(sequence(1, verdict), data={"steps": steps, "never": never})


@pytest.mark.parametrize(
    ("run", "ups", "engine"),
    [
        (run_of("passed", "reached", "reached"), (1, 0), (1, 0)),
        (run_of("failed", "reached", "late"), (1, 0), (0, 1)),
        (run_of("failed", "missing", "reached"), (0, 1), (1, 0)),
        (run_of("failed", "reached", "reached", START), (0, 1), (1, 0)),
        (run_of("incomplete", "reached", "unseen"), (1, 0), (0, 0)),
        (run_of("failed", "unseen", "late"), (0, 0), (0, 1)),
        (replace(sequence(1, "failed"), data={"steps": [{"id": "u", "state": "reached"}]}), (0, 1), (0, 1)),
    ],
)
def test_a_run_counts_for_a_promise_by_the_steps_that_are_about_it(
    config: Config, journal: Journal, run: Record, ups: tuple[int, int], engine: tuple[int, int]
) -> None:
    journal.commit(Changes(records={run.id: run}))
    rows = found(config, journal)
    assert [(rows[control].good, rows[control].bad) for control in ("T03", "T04")] == [ups, engine]


@pytest.mark.parametrize(
    ("stopped", "outcome", "counted"),
    [(4 * HOUR, Outcome.MET, (1, 0, 0)), (4 * HOUR + 1, Outcome.MISSED, (0, 1, 0)), (None, Outcome.MISSED, (0, 1, 0))],
)
def test_faults_count_as_fixed_up_to_their_limit(
    config: Config, journal: Journal, stopped: int | None, outcome: Outcome, counted: tuple[int, int, int]
) -> None:
    at = START + DAY
    clock = FaultClock("c", "link-down", "uplink-1", None, at, 4 * HOUR, "running",
                       stopped=None if stopped is None else at + stopped)  # fmt: skip
    journal.commit(Changes(clocks={"c": clock, "other": replace(clock, id="other", rule="nobody")}))
    row = found(config, journal)["T22"]
    assert (row.outcome, (row.good, row.bad, row.open)) == (outcome, counted)
    early = found(config, journal, at + HOUR)["T22"]
    assert early.open == 1 or stopped is not None


def test_tasks_are_good_when_they_were_done_by_their_deadline(config: Config, journal: Journal) -> None:
    task = Task("t", "refuel", "tank-a", "fuel-below-75", "open", "Refuel", START + DAY, START + 3 * DAY)
    rows = [replace(task, id="in", closed=START + 3 * DAY, state="done"), replace(task, id="late", state="overdue"),
            replace(task, id="wait", due=NOW + DAY), replace(task, id="other", kind="duty")]  # fmt: skip
    journal.commit(Changes(tasks={row.id: row for row in rows}))
    row = found(config, journal)["T06"]
    assert (row.outcome, row.good, row.bad, row.open) == (Outcome.MISSED, 1, 1, 1)


def test_maintenance_of_class_low_or_high_is_good_when_it_was_announced_in_time(
    config: Config, journal: Journal
) -> None:
    def window(number: int, cls: str, days: int, state: str = "done") -> Record:
        at = START + 10 * DAY
        return Record(f"m-{number}", "maintenance", f"m-{number}", None, state, None, at, at + HOUR, "work",
                      data={"class": cls, "announced": at - days * DAY})  # fmt: skip

    rows = [window(1, "low", 30), window(2, "high", 27), window(3, "no", 1), window(4, "high", 1, "void")]
    journal.commit(Changes(records={row.id: row for row in rows}))
    row = found(config, journal)["T25"]
    assert (row.outcome, row.good, row.bad, row.evidence) == (Outcome.MISSED, 1, 1, ("m-1", "m-2"))


def test_an_incident_counts_as_told_when_a_message_was_accepted_in_time(config: Config, journal: Journal) -> None:
    incident = Incident("i-1", "open", "ups-a", "x", Severity.CRITICAL, "power", START + DAY, START + DAY, (), "r")
    page = Notification("k", START + DAY, "i-1", "weber", "email", "page", "first", Severity.CRITICAL, "x", due=0)
    quiet, merged = replace(incident, id="i-2", paging=False), replace(incident, id="i-3", state="merged")
    journal.commit(Changes(incidents={row.id: row for row in (incident, quiet, merged)}, notifications=[page]))
    assert found(config, journal)["T20"].outcome is Outcome.MISSED
    assert found(config, journal, START + DAY + 60_000)["T20"].open == 1
    journal.claim(START + DAY, "w", 60_000, 10)
    journal.mark_sent("k", START + DAY + 299_999)
    row = found(config, journal)["T20"]
    assert (row.outcome, row.good, row.evidence) == (Outcome.MET, 1, ("i-1",))


def test_shares_of_time_come_from_the_ledger_of_intervals(config: Config, journal: Journal) -> None:
    journal.commit(Changes(intervals=[Interval("T01", START, None, Availability.UP)]))
    row = found(config, journal)["T01"]
    assert (row.outcome, row.value, row.good, row.of_time) == (Outcome.MET, 100.0, NOW - START, True)
    assert by_promise([row])["T01"] is Outcome.MET


def test_a_critical_incident_is_learnt_from_when_its_lessons_are_on_record_within_14_days(
    config: Config, journal: Journal
) -> None:
    ended = START + DAY
    incident = Incident(
        "i-1", "resolved", "ups-a", "x", Severity.CRITICAL, "power", START, START, (), "r", resolved=ended
    )
    running, small = replace(incident, id="i-2", state="open", resolved=None), replace(incident, id="i-3")
    small = replace(small, severity=Severity.WARNING)
    journal.commit(Changes(incidents={row.id: row for row in (incident, running, small)}))
    row = found(config, journal, ended + 14 * DAY)["T30"]
    assert (row.outcome, row.good, row.bad, row.open) == (Outcome.UNKNOWN, 0, 0, 2)
    row = found(config, journal, ended + 14 * DAY + 1)["T30"]
    assert (row.outcome, row.bad, row.open) == (Outcome.MISSED, 1, 1)
    lesson = Record("l", "lesson", "i-1", None, "done", None, ended + 15 * DAY, ended + 15 * DAY, "", ("T30",), "Anna")
    journal.commit(Changes(records={"l": lesson}))
    row = found(config, journal)["T30"]
    assert (row.outcome, row.good, row.bad, row.open) == (Outcome.MET, 1, 0, 1)


def test_an_asset_without_a_watched_fire_section_misses_t17(config: Config, journal: Journal) -> None:
    assert found(config, journal)["T17"].outcome is Outcome.MET
    assets = tuple(one.model_copy(update={"section": None}) if one.id == "ups-a" else one for one in config.site.assets)
    moved = config.model_copy(update={"site": config.site.model_copy(update={"assets": assets})})
    row = found(moved, journal)["T17"]
    assert (row.outcome, row.bad) == (Outcome.MISSED, 1)
    unwatched = tuple(one for one in config.site.assets if one.kind.value != "fire_panel")
    bare = config.model_copy(update={"site": config.site.model_copy(update={"assets": unwatched})})
    assert found(bare, journal)["T17"].good == 0


def test_promises_that_nothing_on_a_site_is_about_are_known_before_it_runs(config: Config, example_site: Path) -> None:
    small = load(example_site.parent / "examples" / "one-device")
    assert {"T01", "T04", "T17", "T21"} <= set(without_evidence(small))
    assert not {"T01", "T04", "T17", "T21", "T20", "T30"} & set(without_evidence(config))
    assert {"T19", "T32"} <= set(without_evidence(config))
