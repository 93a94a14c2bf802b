"""What people enter: taken when it fits the site and the time, refused with what is wrong when it does not."""

from __future__ import annotations

from typing import Any

import pytest
from engine_world import EVERYTHING, T0, config

from dcmon.config.entries import EntryError, parse_entry
from dcmon.model import Snapshot
from dcmon.replay import Problem, replay
from dcmon.thresholds import Judge

DELIVERY: dict[str, Any] = {"kind": "delivery", "by": "Anna", "asset": "tank-a", "litres": 8000, "fuel": "EN 590"}


def test_a_delivery_becomes_a_record_and_is_told() -> None:
    record, changes = Judge(config(*EVERYTHING)).enter(parse_entry(DELIVERY | {"additives": "biocide"}), T0)
    assert changes.records == {record.id: record}
    assert (record.kind, record.subject, record.state, record.tom, record.by) == (
        "delivery", "tank-a", "done", ("T06",), "Anna",
    )  # fmt: skip
    assert record.reason == "8000 l of EN 590, with biocide delivered to Tank A"
    told, kept = changes.transitions
    assert (told.type, told.state, told.asset, told.data["litres"]) == ("record", "entered", "tank-a", 8000)
    assert (kept.type, kept.data["entry"]["litres"]) == ("entry", 8000)


def test_the_time_may_be_given_and_lies_in_the_past() -> None:
    judge = Judge(config(*EVERYTHING))
    record, _ = judge.enter(parse_entry(DELIVERY | {"at": "2026-11-18T12:00:00+01:00"}), T0)
    assert record.started == record.ended == 1_794_999_600_000
    with pytest.raises(EntryError, match="future"):
        judge.enter(parse_entry(DELIVERY | {"at": "2027-01-01T00:00:00Z"}), T0)


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("2026-11-18T12:00:00 Mars/Utopia", "no zone that is known"), ("2026-11-18T12:00:00 CET", "no zone that is kn"),
        ("2026-11-18T12:00:00", "has no zone; end it with Z"), ("2026-11-18T12:00:61Z", "no time"),
        ("1969-12-31T23:59:59Z", "not between 1970"), ("tomorrow", "no time"), (5, "no time"),
    ],
)  # fmt: skip
def test_a_time_that_is_none_is_refused_with_what_is_wrong_with_it(written: Any, complaint: str) -> None:
    with pytest.raises(EntryError, match=f"^at: .*{complaint}"):
        parse_entry(DELIVERY | {"at": written})


def test_the_60th_second_of_a_leap_second_is_the_first_of_the_next_minute() -> None:
    leap, next_day = (parse_entry(DELIVERY | {"at": at}) for at in ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"))
    assert leap == next_day


def test_the_same_twice_is_once_and_another_at_that_instant_is_refused() -> None:
    judge = Judge(config(*EVERYTHING))
    first, _ = judge.enter(parse_entry(DELIVERY), T0)
    again, changes = judge.enter(parse_entry(DELIVERY), T0)
    assert (again, changes.records) == (first, {})
    assert [one.type for one in changes.transitions] == ["entry"]
    with pytest.raises(EntryError, match="another delivery"):
        judge.enter(parse_entry(DELIVERY | {"litres": 1}), T0)
    restarted = Judge(config(*EVERYTHING), Snapshot(records={first.id: first}))
    with pytest.raises(EntryError, match="another delivery"):
        restarted.enter(parse_entry(DELIVERY | {"litres": 1}), T0)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ({"asset": "ups-a"}, "is no tank; the site has tank-a"), ({"asset": "nobody"}, "is no tank"),
        ({"litres": 80_000}, "80000 l are more than tank-a holds, "),
    ],
)  # fmt: skip
def test_what_does_not_fit_the_site_is_refused(words: dict[str, Any], complaint: str) -> None:
    with pytest.raises(EntryError, match=complaint):
        Judge(config(*EVERYTHING)).enter(parse_entry(DELIVERY | words), T0)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ({}, "kind: this is missing; it is one of delivery, correction"),
        ({"kind": "deliverry"}, "kind: there is no deliverry; it is one of delivery"),
        ({"kind": "duty"}, "by: this is missing; duty: this is missing"),
        (DELIVERY | {"litres": "much", "fuel": " "}, "litres: this must be a number, .*; fuel: this must not be empty"),
        (DELIVERY | {"litres": -5, "colour": "red"}, "litres: this must be above 0; colour: this word is not known"),
        ({"kind": "duty", "by": "x", "note": "x", "duty": "updates", "result": "good"},
         "result: this must be 'passed' or 'failed'"),
    ],
)  # fmt: skip
def test_every_word_that_is_missing_unknown_or_wrong_is_named(words: dict[str, Any], complaint: str) -> None:
    with pytest.raises(EntryError, match=f"^{complaint}"):
        parse_entry(words)


def test_a_list_whose_only_part_is_faulty_has_one_fault() -> None:
    words = {"kind": "drill", "by": "x", "title": "x", "start": "2027-01-01T08:00:00Z", "end": "2027-01-01T09:00:00Z"}
    with pytest.raises(EntryError, match=r"^expected\.0\.within: '2x' is no duration; write for example [^;]*$"):
        parse_entry(words | {"expected": [{"alarm": "mains-lost", "within": "2x"}]})
    with pytest.raises(EntryError, match=r"^expected: nothing stands in it; name at least one$"):
        parse_entry(words | {"expected": []})


def test_a_replay_takes_entries_among_the_samples_and_names_those_that_it_cannot() -> None:
    entry = '{"ts": %d, "entry": {"kind": "delivery", "by": "Anna", "asset": "%s", "litres": 5, "fuel": "HVO"}}'
    sample = '{"ts": %d, "asset": "ups-a", "point": "ups.on_battery", "value": false}'
    lines = [sample % T0, entry % (T0, "tank-a"), entry % (T0, "ups-a"), f'{{"ts": {T0}, "entry": 1}}']
    problems: list[Problem] = []
    said = [one for one in replay(config(*EVERYTHING), lines, None, problems.append) if "litres" in one]
    assert [(one["type"], one["state"], one["asset"], one["litres"]) for one in said] == [
        ("control", "entered", "tank-a", 5)
    ]
    assert {(problem.line, problem.message.partition(":")[0]) for problem in problems} == {(3, "asset"), (4, "entry")}


LESSON: dict[str, Any] = {
    "kind": "lesson", "by": "Anna", "incident": "i-1", "cause": "a fuse of the charger", "lessons": "test it monthly",
    "contained_at": "2026-11-18T10:00:00+01:00", "restored_at": "2026-11-18T11:00:00+01:00",
}  # fmt: skip


def test_what_an_incident_taught_is_a_record_about_it() -> None:
    record, _ = Judge(config(*EVERYTHING)).enter(parse_entry(LESSON), T0)
    assert (record.kind, record.subject, record.tom, record.by) == ("lesson", "i-1", ("T30",), "Anna")
    assert record.data["restored_at"] - record.data["contained_at"] == 3_600_000
    assert record.reason == "lesson of i-1: a fuse of the charger"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ({"restored_at": "2026-11-18T09:00:00+01:00"}, "restored before it was contained"),
        ({"restored_at": "2099-01-01T00:00:00Z"}, "future"),
        ({"cause": " "}, "cause"),
        ({"lessons": None}, "lessons"),
    ],
)
def test_a_lesson_that_makes_no_sense_is_refused(words: dict[str, Any], says: str) -> None:
    with pytest.raises(EntryError, match=says):
        Judge(config(*EVERYTHING)).enter(parse_entry(LESSON | words), T0)
