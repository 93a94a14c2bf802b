"""The simulated year: what it does is understood, and what it leaves is a site's data as any other."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from dcmon import year
from dcmon.config.entries import parse_entry
from dcmon.config.loader import load
from dcmon.model import DcmonError
from dcmon.sim.actions import ACTIONS
from dcmon.sim.year import bounds, deeds, scenario
from dcmon.storage.journal import Journal
from dcmon.storage.past import PastSamples
from dcmon.storage.rollup import Aggregate
from dcmon.storage.samples import Samples

ROOT = Path(__file__).resolve().parent.parent.parent
ZONE = ZoneInfo("Europe/Berlin")
DAY = 86_400_000


def test_every_event_is_an_action_of_the_plant_inside_the_year() -> None:
    found = scenario(ZONE)
    assert {event.action for event in found.events} <= set(ACTIONS)
    assert all(0 <= event.at_s < found.duration_s for event in found.events)
    assert found.duration_s == 365 * 86_400


def test_every_entry_of_the_year_is_understood() -> None:
    start, end = bounds(ZONE)
    kinds = [parse_entry(deed.words).kind for deed in deeds(ZONE) if deed.words is not None]
    assert {kind: kinds.count(kind) for kind in ("maintenance", "drill")} == {"maintenance": 15, "drill": 1}
    assert all(start <= deed.at < end for deed in deeds(ZONE))


def _aggregates(folder: Path, start: int, end: int) -> list[Aggregate]:
    store = Samples(folder)
    try:
        return [store.aggregate(key, start, end) for key in store.series()]
    finally:
        store.close()


def test_two_weeks_of_it_leave_a_journal_and_samples_with_the_tests_of_that_month(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start, _ = bounds(ZONE)
    end = start + 15 * DAY
    monkeypatch.setattr(year, "bounds", lambda zone: (start, end))
    config = load(year.prepare(ROOT / "config", tmp_path / "data"))
    assert config.agent.data_dir == tmp_path / "data"
    lived = year.live(config, config.agent.data_dir)
    assert lived.problems == []
    assert lived.counts["load-bank"] == 2
    journal = Journal(config.agent.data_dir)
    tests = journal.records("load-bank")
    assert {(row.subject, row.verdict) for row in tests} == {("genset-a", "passed"), ("genset-b", "passed")}
    assert all(row.end is not None for row in journal.intervals(None, start, end))
    assert {row.result for row in journal.deliveries()} == {"sent"}
    journal.close()
    samples = PastSamples(config.agent.data_dir)
    stored = [
        reading for window in samples.read(start, end, lambda key: key.point == "engine.running") for reading in window
    ]
    samples.close()
    held = sum(one.samples for one in _aggregates(config.agent.data_dir, start, end))
    assert held == lived.readings
    assert {reading.value for reading in stored} == {True, False}
    with pytest.raises(DcmonError, match="holds data already"):
        year.prepare(ROOT / "config", tmp_path / "data")
