"""The register: due, done, overdue; grace, failures, late and back-dated entries; restarts; detectors that move."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from engine_world import SITE, T0, World, config

from dcmon.config.entries import EntryError, parse_entry
from dcmon.config.register import Register
from dcmon.model import Changes, Reading, Record, Value
from dcmon.thresholds.duties import Line, register

LOAD = {
    "id": "load-bank-test", "name": {"de": "Lastprobe", "en": "load-bank test"}, "class": "power", "tom": ["T10"],
    "assets": ["genset-a"], "every": "month", "evidence": {"record": "load-bank"},
}  # fmt: skip
UPDATES = {
    "id": "updates", "name": {"de": "Bewertung", "en": "updates evaluated"}, "class": "monitoring", "every": "quarter",
    "assets": ["router-1"], "grace": "5d", "owner": "anna",
}  # fmt: skip
LEAKS = {
    "id": "leak-test", "name": {"de": "Leckmelder", "en": "leak sensors tested"}, "class": "water", "every": "month",
    "kinds": ["leak_unit"], "evidence": {"moved": ["water.detected"]},
}  # fmt: skip


def ms(text: str) -> int:
    """`11-30` or `11-30 08:00` of 2026, Berlin's winter time."""
    day, _, time = text.partition(" ")
    return round(dt.datetime.fromisoformat(f"2026-{day}T{time or '00:00'}:00+01:00").timestamp() * 1000)


def since(text: str) -> float:
    """Seconds from T0."""
    return (ms(text) - T0) / 1000


class Office:
    """A world in which people enter what they did."""

    def __init__(self, *duties: dict[str, Any], start: str = "11-01", **tests: Any) -> None:
        self.world = World(config(register={"duties": list(duties), **tests}), start=since(start))
        self.config = self.world.config
        self.world.step([], ms(start))

    def enter(self, moment: str, **words: Any) -> Record:
        entry = parse_entry({"kind": "duty", "by": "anna", **words})
        record, changes = self.world.judge.enter(entry, ms(moment))
        self.world.all.extend(changes)
        return record

    def wait(self, until: str) -> Changes:
        return self.world.step([], ms(until))

    def see(self, at: str, series: str, value: Value) -> None:
        asset, _, point = series.partition("/")
        name, _, index = point.partition("[")
        self.world.step([Reading(ms(at), asset, name, index.rstrip("]") or None, value)], ms(at))

    def told(self, kind: str) -> list[tuple[str, str]]:
        return [
            (dt.datetime.fromtimestamp(one.ts / 1000, dt.UTC).strftime("%m-%dT%H:%M"), one.state)
            for one in self.world.all.transitions
            if one.type == kind
        ]

    def line(self, at: str) -> Line:
        (line,) = register(self.config, self.world.judge.alarms, ms(at))
        return line

    def state(self, at: str) -> str | None:
        found = self.line(at).standing
        return None if found is None else found.state.value


def test_a_month_without_the_test_is_overdue_at_its_last_midnight_and_done_clears_it() -> None:
    office = Office(LOAD)
    office.wait("11-30 23:59")
    assert (office.told("alarm"), office.state("11-30 23:59")) == ([], "due")
    office.wait("12-01 00:00")
    assert office.told("alarm") == [("11-30T23:00", "active")]
    assert office.told("task") == [("11-30T23:00", "opened")]
    assert office.state("12-01 00:00") == "overdue"
    office.enter("12-03 10:00", duty="load-bank-test", note="tested by the maker; protocol 4711")
    assert office.told("alarm")[1:] == [("12-03T09:00", "returned")]
    assert office.told("task")[1:] == [("12-03T09:00", "done")]
    assert office.state("12-03 10:00") == "done"


def test_what_was_done_counts_for_its_period_only() -> None:
    office = Office(LOAD)
    office.enter("11-10", duty="load-bank-test", note="ok")
    office.wait("12-31 23:59")
    assert office.told("alarm") == []
    assert office.state("12-15") == "due"
    office.wait("12-31 23:59")
    office.world.step([], ms("12-31 23:59") + 60_000)
    assert office.told("alarm") == [("12-31T23:00", "active")]


def test_within_the_grace_it_is_in_time_and_counts_for_the_period_before() -> None:
    office = Office(UPDATES, start="05-01")
    office.wait("07-04")
    assert (office.told("alarm"), office.state("07-04")) == ([], "due")
    office.enter("07-04 12:00", duty="updates", note="nothing to install")
    office.wait("10-05 22:00")
    assert office.told("alarm") == []
    office.wait("10-05 23:00")  # 6 October 00:00 summer time: the quarter's own is missing
    assert office.told("alarm") == [("10-05T22:00", "active")]


def test_a_failure_leaves_it_due_and_opens_a_task_that_a_good_one_closes() -> None:
    office = Office(LOAD)
    office.enter("11-10", duty="load-bank-test", result="failed", note="governor hunts")
    assert (office.told("task"), office.told("alarm")) == ([("11-09T23:00", "opened")], [])
    assert office.state("11-10") == "due"
    office.wait("11-18")
    assert office.told("task")[1:] == [("11-16T23:00", "overdue")]
    office.enter("11-20", duty="load-bank-test", note="governor mended")
    assert office.told("task")[2:] == [("11-19T23:00", "done")]
    assert office.state("11-20") == "done"


def test_what_is_entered_late_with_its_true_date_ends_the_alarm_but_not_the_month_after_it() -> None:
    office = Office(LOAD)
    office.wait("12-02")
    office.enter("12-02", duty="load-bank-test", note="paper protocol", at="2026-11-20T10:00:00+01:00")
    assert office.told("alarm")[1:] == [("12-01T23:00", "returned")]
    assert office.state("12-02") == "due"


def test_months_that_nobody_watched_are_not_held_against_anybody() -> None:
    office = Office(LOAD | {"since": "2020-01-01"}, start="11-20")
    assert (office.told("alarm"), office.state("11-20")) == ([], "due")
    office.wait("12-01 00:00")
    (reason,) = (one.reason for one in office.world.all.transitions if one.type == "alarm")
    assert reason == (
        "Generator A: load-bank test is overdue: nothing that has passed for 2026-11; none is on record; "
        "the register is kept since 2026-11-19T23:00:00Z only"
    )


def test_a_duty_whose_first_day_lies_ahead_is_not_judged_before() -> None:
    office = Office(LOAD | {"since": "2026-12-01"})
    assert office.state("11-15") is None
    office.wait("12-20")
    assert (office.told("alarm"), office.state("12-20")) == ([], "due")
    office.world.step([], ms("12-31 23:00") + 3_600_000)
    assert office.told("alarm") == [("12-31T23:00", "active")]


def test_an_overdue_duty_and_a_fault_of_the_same_asset_are_two_incidents() -> None:
    alarm = {"id": "broken", "kind": "state", "title": "is broken", "class": "power", "severity": "critical",
             "select": {"point": "genset.alarm"}, "is": True}  # fmt: skip
    world = World(config(alarm, register={"duties": [LOAD]}), start=since("11-01"))
    world.step([], ms("11-01"))
    world.step([], ms("12-02"))
    world.step([Reading(ms("12-02 10:00"), "genset-a", "genset.alarm", None, True)], ms("12-02 10:00"))
    assert [one.paging for one in world.judge.incidents.values()] == [False, True]


def test_an_entry_without_note_or_file_is_refused_and_so_is_a_file_that_could_be_another() -> None:
    with pytest.raises(EntryError, match="nothing proves it"):
        parse_entry({"kind": "duty", "by": "anna", "duty": "updates"})
    with pytest.raises(EntryError, match="sha256 is missing"):
        parse_entry({"kind": "duty", "by": "anna", "duty": "updates", "file": "protocols/11.pdf"})
    with pytest.raises(EntryError, match="name the file"):
        parse_entry({"kind": "duty", "by": "anna", "duty": "updates", "note": "x", "sha256": "0" * 64})
    office = Office(UPDATES)
    link = office.enter("11-10", duty="updates", file="https://wiki.example.org/4711")
    assert link.data["file"] == "https://wiki.example.org/4711"
    file = office.enter("11-11", duty="updates", file="protocols/11.pdf", sha256="ab" * 32)
    assert file.reason == "updates evaluated passed: protocols/11.pdf"


def test_an_entry_for_what_is_not_in_the_register_names_what_is() -> None:
    office = Office(LOAD)
    with pytest.raises(EntryError, match="the register has no fire-drill; it has load-bank-test"):
        office.enter("11-10", duty="fire-drill", note="x")
    with pytest.raises(EntryError, match="not to be done at genset-b but at genset-a"):
        office.enter("11-10", duty="load-bank-test", asset="genset-b", note="x")


def test_detectors_that_have_not_moved_are_named_and_one_that_moves_no_longer() -> None:
    office = Office(LEAKS)
    assert office.state("11-01") is None
    for index in ("1", "2"):
        office.see("11-02", f"leak-1/water.detected[{index}]", False)
    office.see("11-10", "leak-1/water.detected[1]", True)
    office.see("11-10 00:01", "leak-1/water.detected[1]", False)
    assert office.state("11-20") == "due"
    office.wait("12-01 00:00")
    (reason,) = (one.reason for one in office.world.all.transitions if one.type == "alarm")
    assert "water.detected[2] has not moved in 2026-11" in reason
    office.see("12-02", "leak-1/water.detected[2]", True)
    assert office.state("12-02") == "overdue"
    office.see("12-03", "leak-1/water.detected[1]", True)
    assert office.told("alarm")[1:] == [("12-02T23:00", "returned")]


def test_a_detector_that_was_tested_by_hand_need_not_move() -> None:
    office = Office(LEAKS)
    office.see("11-02", "leak-1/water.detected[1]", False)
    office.enter("11-20", duty="leak-test", note="wet cloth, all sensors")
    office.wait("12-30")
    assert office.told("alarm") == []


def test_falling_silent_and_saying_the_same_again_is_no_movement() -> None:
    office = Office(LEAKS)
    office.see("11-02", "leak-1/water.detected[1]", False)
    office.world.step([Reading(ms("11-03"), "leak-1", "device.reachable", None, False)], ms("11-03"))
    office.wait("11-04")
    office.world.step([Reading(ms("11-05"), "leak-1", "device.reachable", None, True)], ms("11-05"))
    office.see("11-05 00:01", "leak-1/water.detected[1]", False)
    office.wait("12-01 00:00")
    assert office.told("alarm") == [("11-30T23:00", "active")]


def running_test() -> Office:
    """At the last evening of November an engine goes to the load bank."""
    office = Office(LOAD, start="11-20", load_bank={})
    for series, value in (("mains-a/mains.available", True), ("genset-a/engine.running", True),
                          ("genset-a/generator.load", 97.0)):  # fmt: skip
        office.see("11-30 23:50", series, value)
    return office


def test_a_test_that_runs_over_the_end_of_its_month_is_waited_for_over_a_restart_too() -> None:
    office = running_test()
    office.wait("12-01 00:01")
    assert office.state("12-01 00:01") == "due"
    office.world.restart(since("12-01 00:02"))
    office.wait("12-01 00:10")
    office.see("12-01 00:25", "genset-a/generator.load", 0.0)
    office.see("12-01 00:27", "genset-a/engine.running", False)
    tests = [row for row in office.world.judge.records.values() if row.kind == "load-bank"]
    assert [row.verdict for row in tests] == ["passed"]
    assert (office.told("alarm"), office.told("task"), office.state("12-01 00:30")) == ([], [], "due")


def test_a_test_that_does_not_end_is_waited_for_for_a_day() -> None:
    office = running_test()
    office.wait("12-01 23:59")
    assert office.told("alarm") == []
    office.wait("12-02 00:01")
    assert office.told("alarm") == [("12-01T23:00", "active")]


def test_a_restart_forgets_nothing_and_opens_nothing_twice() -> None:
    office = Office(LOAD, start="10-15")
    office.enter("10-20", duty="load-bank-test", note="ok")
    for moment in ("11-15", "12-02", "12-06"):
        office.wait(moment)
        office.world.restart(since(moment))
        office.world.step([], ms(moment))
    office.wait("12-20")
    assert office.told("alarm") == [("11-30T23:00", "active")]
    assert office.told("task") == [("11-30T23:00", "opened"), ("12-07T23:00", "overdue")]


def test_one_that_was_missed_stays_overdue_while_the_grace_of_the_next_runs() -> None:
    office = Office(UPDATES | {"every": "month"}, start="10-01")
    office.wait("11-06")
    assert office.state("11-06") == "overdue"
    assert (office.state("12-02"), office.state("12-06")) == ("overdue", "overdue")


def test_a_clock_that_is_set_moves_no_date() -> None:
    office = Office(LOAD)
    office.wait("11-20")
    office.world.all.extend(office.world.judge.clock_set(-86_400_000, ms("11-19")))
    office.wait("11-30 23:59")
    assert office.told("alarm") == []
    office.wait("12-01 00:00")
    assert office.told("alarm") == [("11-30T23:00", "active")]


def test_the_register_begins_with_the_day_on_which_its_asset_was_commissioned() -> None:
    site = dict(SITE)
    site["assets"] = [
        {**asset, "commissioned": "2026-11-20"} if asset["id"] == "genset-a" else asset for asset in SITE["assets"]
    ]
    world = World(config(site=site, register={"duties": [LOAD]}), start=since("11-21"))
    world.step([], ms("11-21"))
    world.step([], ms("12-15"))
    assert world.alarms() == []
    (line,) = register(world.config, world.judge.alarms, ms("12-15"))
    assert line.standing is not None and line.standing.period.after == dt.date(2027, 1, 1)


def test_the_words_of_a_duty_say_what_is_wrong_when_its_title_does_not() -> None:
    found = Register.model_validate({"duties": [LOAD]})
    assert found.duties[0].title == "load-bank test is overdue"
