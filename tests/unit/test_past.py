"""`dcmon replay --since`: the site's own past, read beside the process that writes it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from engine_world import EVERYTHING, config

from dcmon.clock import SimulatedClock
from dcmon.comparison import Pages, compare
from dcmon.config.agent import Samples as SampleSettings
from dcmon.config.config import Config
from dcmon.config.entries import ENTRIES, entry_words, parse_entry
from dcmon.model import Quality, Reading, StoreError
from dcmon.notify.escalation import Pager
from dcmon.past import stored_past
from dcmon.replay import replay, replay_past
from dcmon.storage.journal import Journal
from dcmon.storage.past import PastSamples
from dcmon.storage.samples import Samples
from dcmon.thresholds import Judge
from dcmon.thresholds.stamps import iso

SITE = config(*EVERYTHING)
START = 1_795_428_000_000
HOUR = 3_600_000


def readings(hours: int = 5) -> list[Reading]:
    """A UPS that is asked every ten seconds, and is on battery for two minutes at the end of each hour."""
    found = []
    for ts in range(START, START + hours * HOUR, 10_000):
        on_battery = (ts - START) % HOUR > HOUR - 120_000
        found.append(Reading(ts, "ups-a", "device.reachable", None, True))
        found.append(Reading(ts, "ups-a", "ups.on_battery", None, on_battery))
        found.append(Reading(ts, "ups-a", "nobody.asks", None, ts))
    return found


def as_lines(past: list[Reading]) -> list[str]:
    fields = ("ts", "asset", "point", "index", "value", "quality", "reason")
    return [json.dumps(dict(zip(fields, reading[:7], strict=True))) for reading in past]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    found = Journal(tmp_path)
    yield found
    found.close()


def judged(site: Config, folder: Path, journal: Journal, since: int, until: int) -> list[dict[str, Any]]:
    samples = PastSamples(folder)
    try:
        return list(replay_past(site, stored_past(site, samples, journal, since, until), Pager(site)))
    finally:
        samples.close()


@pytest.mark.parametrize("compacted", [False, True], ids=["fresh", "compacted"])
def test_the_stored_past_is_judged_like_a_file_of_the_same_samples(
    tmp_path: Path, journal: Journal, *, compacted: bool
) -> None:
    past = readings()
    store = Samples(tmp_path, clock=SimulatedClock(START + 24 * HOUR))
    store.append(past)
    if compacted:
        store.compact()
    else:
        store.flush()
    stored = judged(SITE, tmp_path, journal, START, START + 24 * HOUR)
    store.close()
    assert any(one["type"] == "page" for one in stored)
    assert [one for one in stored if one["type"] != "control"] == [
        one for one in replay(SITE, as_lines(past), Pager(SITE)) if one["type"] != "control"
    ]


def test_the_running_process_goes_on_writing_while_the_past_is_read(tmp_path: Path, journal: Journal) -> None:
    store = Samples(tmp_path, clock=SimulatedClock(START + 24 * HOUR))
    past = readings()
    store.append(past)
    store.flush()
    reader = PastSamples(tmp_path)
    judge = Judge(SITE, live=False)
    windows = reader.read(START, START + 24 * HOUR, judge.judges)
    found = next(windows)
    store.append([Reading(START + 6 * HOUR, "ups-a", "ups.on_battery", None, True)])
    store.compact()
    for window in windows:
        found += window
    changes = [one for one in found if one.point == "ups.on_battery"]
    values = [one.value for one in changes if one.ts < START + 5 * HOUR]
    assert values.count(True) == 10
    assert {one.point for one in found} == {"ups.on_battery", "device.reachable"}
    reader.close()
    store.close()


def test_what_is_pruned_to_minutes_still_tells_numbers_and_truths(tmp_path: Path, journal: Journal) -> None:
    clock = SimulatedClock(START + 24 * HOUR)
    store = Samples(tmp_path, SampleSettings(raw="1h"), clock)
    store.append(readings())
    store.compact()
    store.close()
    stored = judged(SITE, tmp_path, journal, START, START + 24 * HOUR)
    opened = [one for one in stored if one["type"] == "incident" and one["state"] in ("opened", "reopened")]
    assert len(opened) == 5


def test_acknowledgements_and_entries_of_then_are_done_again(tmp_path: Path, journal: Journal) -> None:
    past = readings(1)
    store = Samples(tmp_path)
    store.append(past)
    store.close()
    judge = Judge(SITE, now=START)
    entry = {"kind": "delivery", "by": "weber", "asset": "tank-a", "litres": 4000, "fuel": "diesel"}
    journal.commit(judge.enter(parse_entry({**entry, "at": iso(START + 60_000)}), START + 61_000)[1])
    for reading in past:
        journal.commit(judge.step([reading], reading.ts))
    incident = judge.incident_of("ups-a")
    assert incident is not None
    journal.commit(judge.acknowledge(incident, "weber", START + HOUR - 60_000))
    stored = judged(SITE, tmp_path, journal, START, START + HOUR)
    assert [one["by"] for one in stored if one["state"] == "acknowledged"] == ["weber"]
    assert [one["ts"] for one in stored if one["type"] == "control" and one["state"] == "entered"] == [
        iso(START + 61_000)
    ]


@pytest.mark.parametrize(
    "words",
    [
        {"kind": "delivery", "by": "weber", "asset": "tank-a", "litres": 4.5, "fuel": "HVO",
         "at": "2026-11-23T10:00:00Z"},
        {"kind": "maintenance", "by": "weber", "title": "UPS", "class": "low", "scope": "ups-a, ups-b", "mute": True,
         "start": "2026-12-23T10:00:00+01:00", "end": "2026-12-23T12:00:00+01:00"},
        {"kind": "drill", "by": "weber", "title": "black building", "start": "2026-12-23T10:00:00Z",
         "end": "2026-12-23T12:00:00Z", "expected": ["mains-lost", {"alarm": "a/b", "within": "90s", "after": "c"}]},
        {"kind": "cancel", "by": "weber", "record": "drill-x", "reason": "rain"},
    ],
    ids=lambda words: words["kind"],
)  # fmt: skip
def test_an_entry_can_be_read_back_from_what_the_journal_keeps(words: dict[str, Any]) -> None:
    entry = parse_entry(words)
    assert parse_entry(json.loads(json.dumps(entry_words(entry)))) == entry
    assert words["kind"] in ENTRIES


def test_without_samples_it_says_where_they_should_be(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"samples\.db is not there"):
        PastSamples(tmp_path)


def test_a_bad_reading_is_not_taken_for_the_same_again(tmp_path: Path) -> None:
    store = Samples(tmp_path)
    said = [
        (0, 5, Quality.GOOD),
        (1, None, Quality.BAD),
        (2, 5, Quality.GOOD),
        (3, 5, Quality.GOOD),
        (4, 5, Quality.GOOD),
    ]
    store.append([Reading(START + s, "a", "b", None, value, quality) for s, value, quality in said])
    store.close()
    reader = PastSamples(tmp_path)
    (window,) = reader.read(START, START + HOUR, lambda key: True)
    assert [(one.ts - START, one.value) for one in window] == [(0, 5), (1, None), (2, 5), (3, 5), (4, 5)]
    reader.close()


def page(ts: int, person: str = "weber", *, rule: str = "r", asset: str = "a", incident: str = "i") -> dict[str, Any]:
    return {
        "type": "page", "ts": iso(ts), "person": person, "channel": "email", "rule": rule, "asset": asset,
        "incident": incident, "title": "t", "severity": "warning",
    }  # fmt: skip


def compared(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> dict[str, Any]:
    sides = []
    for decisions in (old, new):
        pages = Pages()
        for decision in decisions:
            pages.add(decision)
        sides.append(pages.threads.values())
    return compare(*sides).as_dict()


def test_the_same_pages_are_only_counted() -> None:
    assert compared([page(START)], [page(START, incident="j")]) == {"alike": 1, "incidents": []}


def test_it_says_who_hears_of_an_incident_earlier_later_too_and_no_more() -> None:
    old = [page(START), page(START, "huber"), page(START + 600_000)]
    new = [page(START + 30_000), page(START, "engel")]
    (one,) = compared(old, new)["incidents"]
    assert one["change"] == "changed"
    assert one["what"] == [
        "huber (email) hears nothing of it any more",
        "engel (email) hears of it, too",
        "weber (email) hears of it 30 s later",
        "weber (email) gets 1 messages, not 2",
    ]


def test_incidents_that_only_one_side_has_are_new_or_gone() -> None:
    found = compared([page(START, asset="x")], [page(START, asset="y")])["incidents"]
    assert [(one["change"], (one["old"] or one["new"])["asset"]) for one in found] == [("gone", "x"), ("new", "y")]


def test_another_rule_of_the_same_asset_is_the_same_incident_within_an_hour() -> None:
    near = compared([page(START)], [page(START + 60_000, rule="s")])["incidents"]
    assert near[0]["what"] == ["it begins with s, not r", "weber (email) hears of it 60 s later"]
    far = compared([page(START)], [page(START + 3_700_000, rule="s")])["incidents"]
    assert [one["change"] for one in far] == ["gone", "new"]


def test_planned_work_that_was_entered_before_the_past_begins_is_known_in_it(tmp_path: Path, journal: Journal) -> None:
    store = Samples(tmp_path)
    store.append(readings(2))
    store.close()
    judge = Judge(SITE, now=START - 24 * HOUR)
    words = {"kind": "maintenance", "by": "Anna", "class": "no", "scope": "ups-a", "mute": True}
    work = {"Fans": (0, 1), "Over": (-9, -1), "Called off": (0, 9)}
    for place, (title, (start, end)) in enumerate(work.items()):
        times = {"start": iso(START + start * HOUR), "end": iso(START + end * HOUR)}
        record, changes = judge.enter(parse_entry(words | times | {"title": title}), START - (24 - place) * HOUR)
        journal.commit(changes)
    cancel = {"kind": "cancel", "by": "Anna", "record": record.id, "reason": "not needed"}
    journal.commit(judge.enter(parse_entry(cancel), START - 20 * HOUR)[1])
    stored = judged(SITE, tmp_path, journal, START, START + 24 * HOUR)
    assert [one["ts"] for one in stored if one["type"] == "incident" and one["state"] == "opened"] == [
        iso(START + 2 * HOUR - 105_000)
    ]
    announced = [one for one in stored if one["type"] == "control" and one["state"] == "announced"]
    assert [one["title"] for one in announced] == ["Fans", "Called off"]
    assert announced[0]["announced"] == START - 24 * HOUR
