"""Sequences: steps in time, late, missing, unseen or not needed; what must not happen; one run or another."""

from __future__ import annotations

from typing import Any

import pytest
from engine_world import EVERYTHING, TAKEOVER, World, at, config

from dcmon.model import Record

CONFIG = config(*EVERYTHING, sequences=[TAKEOVER])
MAINS, RUNS, LOAD = "mains-a/mains.available", "genset-a/engine.running", "tsw-a/breaker.generator_closed"
OUTPUT, CHARGE, POWER = "ups-a/output.source", "ups-a/battery.charge", "genset-a/generator.load"


def world(*, live: bool = False) -> World:
    made = World(CONFIG, live=live)
    made.see(0, (MAINS, True), (RUNS, False), (LOAD, False), (OUTPUT, "normal"), (CHARGE, 100.0), (POWER, 0.0))
    return made


def runs(made: World) -> list[Record]:
    rows = [row for row in made.all.records.values() if row.kind == "sequence"]
    return sorted(rows, key=lambda row: row.started)


def steps(row: Record) -> dict[str, tuple[str, int | None]]:
    return {step["id"]: (step["state"], step["took_ms"]) for step in row.data["steps"]}


def good(made: World, start: float = 100, *, load: float = 12) -> None:
    made.see(start, (MAINS, False))
    made.see(start + 8, (RUNS, True))
    made.see(start + load, (LOAD, True), (POWER, 60.0))


def told(made: World) -> list[tuple[float, str]]:
    return [(second, state) for second, _, state in made.said("sequence")]


def late(made: World) -> list[tuple[float, str]]:
    ids = {step["id"] for step in TAKEOVER["steps"]}
    return [
        ((t.ts - at(0)) / 1000, t.rule or "") for t in made.all.transitions
        if t.type == "alarm" and t.state == "active" and t.rule in ids
    ]  # fmt: skip


def test_a_takeover_in_time_is_a_record_that_passed_and_raises_no_alarm() -> None:
    made = world()
    good(made)
    made.see(110, (CHARGE, 91.0))
    made.see(400, (MAINS, True))
    made.see(460, (LOAD, False))
    (row,) = runs(made)
    assert (row.state, row.verdict, row.started, row.ended) == ("done", "passed", at(100), at(460))
    assert steps(row) == {
        "no-start": ("reached", 8000),
        "no-load": ("reached", 12_000),
        "no-return": ("reached", 60_000),
    }
    assert row.data["extremes"] == {"ups-a/battery.charge": (91.0, 100.0), "genset-a/generator.load": (60.0, 60.0)}
    assert told(made) == [
        (100, "started"), (108, "reached"), (112, "reached"), (400, "returning"), (460, "reached"), (460, "passed"),
    ]  # fmt: skip
    assert late(made) == []


@pytest.mark.parametrize(("load", "verdict"), [(60, "passed"), (60.001, "failed"), (200, "failed")])
def test_exactly_at_the_deadline_is_in_time(load: float, verdict: str) -> None:
    made = world()
    good(made, load=load)
    made.see(400, (MAINS, True))
    made.see(460, (LOAD, False))
    assert [row.verdict for row in runs(made)] == [verdict]
    assert late(made) == ([] if verdict == "passed" else [(160, "no-load")])


def test_a_step_that_never_comes_is_raised_at_its_deadline_and_missing_in_the_end() -> None:
    made = world()
    made.see(100, (MAINS, False))
    made.wait(110)
    assert late(made) == [(110, "no-start")]
    made.wait(160)
    assert late(made) == [(110, "no-start"), (160, "no-load")]
    made.see(400, (MAINS, True))
    (row,) = runs(made)
    assert (row.verdict, row.reason) == (
        "failed", "Takeover (Generator A) failed in 5m: engine runs (missing), load taken (missing)",
    )  # fmt: skip
    assert steps(row)["no-return"] == ("already", None)


def test_what_was_not_needed_because_the_cause_was_over_sooner_is_skipped() -> None:
    made = world()
    made.see(100, (MAINS, False))
    made.see(103, (MAINS, True))
    (row,) = runs(made)
    assert (row.verdict, steps(row)["no-load"], steps(row)["no-return"]) == (
        None, ("skipped", None), ("already", None)
    )  # fmt: skip
    assert row.reason == "Takeover (Generator A) was not needed: the cause was over after 3s"
    made.wait(1000)
    assert late(made) == []
    assert told(made)[-1] == (103, "unneeded")


def test_what_was_so_before_it_was_awaited_proves_nothing() -> None:
    made = world()
    made.see(50, (RUNS, True), (LOAD, True))
    made.see(100, (MAINS, False))
    made.see(400, (MAINS, True))
    made.see(460, (LOAD, False))
    (row,) = runs(made)
    assert (row.verdict, steps(row)["no-load"], steps(row)["no-return"]) == (
        None, ("already", None), ("reached", 60_000)
    )  # fmt: skip


def test_what_must_not_happen_makes_the_run_fail_and_what_happens_outside_of_it_does_not() -> None:
    made = world()
    made.see(50, (OUTPUT, "none"))
    made.see(51, (OUTPUT, "normal"))
    good(made)
    made.see(120, (OUTPUT, "none"))
    made.see(121, (OUTPUT, "normal"))
    made.see(400, (MAINS, True), (LOAD, False))
    (row,) = runs(made)
    assert row.verdict == "failed"
    assert row.data["never"] == [{"id": "gap", "title": "dead output", "tom": ["T04"], "at": at(120)}]
    assert (120, "violated") in told(made)


def test_a_step_that_stays_and_is_undone_has_its_time_anew() -> None:
    made = world()
    good(made)
    made.see(200, (LOAD, False))
    made.wait(260)
    assert late(made) == [(260, "no-load")]
    made.see(300, (LOAD, True))
    made.see(400, (MAINS, True), (LOAD, False))
    (row,) = runs(made)
    assert (row.verdict, steps(row)["no-load"]) == ("failed", ("late", 12_000))


def test_what_is_undone_and_does_not_come_again_is_late_at_its_new_deadline_and_missing_in_the_end() -> None:
    for restart in (None, 230, 300):
        made = world()
        good(made)
        made.see(200, (LOAD, False))
        if restart is not None:
            made.wait(restart)
            made.restart(restart)
            made.see(restart + 1, (MAINS, False), (RUNS, True), (LOAD, False))
        made.see(400, (MAINS, True))
        (row,) = runs(made)
        assert (row.verdict, steps(row)["no-load"]) == ("failed", ("missing", 12_000)), restart
        assert ((260, "late") in told(made), late(made)) == (True, [(260, "no-load")]), restart


def test_what_is_undone_is_not_needed_again_when_the_cause_is_over_before_its_new_deadline() -> None:
    made = world()
    good(made)
    made.see(200, (LOAD, False))
    made.see(260, (MAINS, True))
    (row,) = runs(made)
    assert (row.verdict, steps(row)["no-load"], late(made)) == ("passed", ("reached", 12_000), [])


def test_what_is_undone_has_its_time_from_a_relapse_of_the_cause() -> None:
    made = world()
    good(made)
    made.see(190, (MAINS, True))
    made.see(191, (MAINS, False), (LOAD, False))
    made.see(220, (MAINS, True), (LOAD, True))
    made.see(300, (MAINS, False), (LOAD, False))
    made.see(359, (LOAD, True))
    assert (late(made), [state for _, state in told(made)].count("late")) == ([], 0)
    made.see(370, (LOAD, False))
    made.wait(500)
    assert late(made) == [(430, "no-load")]


def test_what_may_have_come_again_unseen_is_incomplete() -> None:
    made = world()
    good(made)
    made.see(200, (LOAD, False))
    made.wait(210)
    made.restart(500, alive=211)
    made.see(501, (MAINS, False), (RUNS, True), (LOAD, True))
    made.see(900, (MAINS, True), (LOAD, False))
    (row,) = runs(made)
    assert (row.verdict, steps(row)["no-load"]) == ("incomplete", ("unseen", 12_000))


def test_what_is_known_to_be_late_stays_so_though_nobody_sees_it_any_more() -> None:
    made = world()
    made.see(100, (MAINS, False), (RUNS, True), (LOAD, False))
    made.wait(200)
    made.restart(500, alive=201)
    made.see(501, (MAINS, True))
    made.wait(900)
    made.see(1000, (LOAD, False))
    (row,) = runs(made)
    assert (row.verdict, steps(row)["no-load"]) == ("failed", ("missing", None))


def test_a_run_that_was_not_needed_says_when_its_cause_was_over_not_when_the_engine_stopped() -> None:
    stopped = {"id": "not-stopped", "name": {"de": "Motor steht", "en": "engine has stopped"}, "title": "still runs",
               "after": "return", "then": [{"point": "engine.running", "is": False}], "within": "45m"}  # fmt: skip
    made = World(config(*EVERYTHING, sequences=[TAKEOVER | {"steps": [*TAKEOVER["steps"], stopped]}]))
    made.see(0, (MAINS, True), (RUNS, False), (LOAD, False))
    made.see(100, (MAINS, False))
    made.see(108, (RUNS, True))
    made.see(115, (MAINS, True))
    made.see(400, (RUNS, False))
    (row,) = runs(made)
    assert row.reason == "Takeover (Generator A) was not needed: the cause was over after 15s"
    assert row.ended == at(400)


def test_a_cause_that_is_back_before_anything_returned_is_the_same_run() -> None:
    made = world()
    good(made)
    made.see(200, (MAINS, True))
    made.see(210, (MAINS, False))
    made.see(300, (MAINS, True))
    made.see(360, (LOAD, False))
    (row,) = runs(made)
    assert (row.verdict, row.data["returned"], steps(row)["no-return"]) == ("passed", at(300), ("reached", 60_000))
    assert (210, "relapsed") in told(made)


def test_a_cause_that_comes_again_later_is_another_run() -> None:
    made = world()
    for start in (100, 1000):
        good(made, start)
        made.see(start + 300, (MAINS, True), (LOAD, False))
        made.see(start + 500, (RUNS, False))
    assert [(row.started, row.verdict) for row in runs(made)] == [(at(100), "passed"), (at(1000), "passed")]


def test_a_load_that_does_not_return_is_raised_at_its_deadline() -> None:
    made = world()
    good(made)
    made.see(400, (MAINS, True))
    made.wait(1000)
    assert late(made) == [(1000, "no-return")]
    assert [row.state for row in runs(made)] == ["running"]
    made.see(1100, (LOAD, False))
    assert [(row.verdict, steps(row)["no-return"]) for row in runs(made)] == [("failed", ("late", 700_000))]


def test_what_came_while_nobody_saw_is_incomplete_not_failed_and_not_passed() -> None:
    made = world()
    made.see(100, (MAINS, False))
    made.see(108, (RUNS, True))
    made.restart(110, alive=110)
    made.see(110.5, (MAINS, False), (RUNS, True), (LOAD, False))
    made.restart(500, alive=111)
    made.see(501, (MAINS, False), (RUNS, True), (LOAD, True))
    made.see(900, (MAINS, True), (LOAD, False))
    (row,) = runs(made)
    assert (row.verdict, steps(row)["no-start"]) == ("incomplete", ("reached", 8000))
    assert row.reason.endswith("load taken")
    assert late(made) == []


def test_a_step_that_is_really_missing_is_raised_after_a_restart_too() -> None:
    made = world()
    made.see(100, (MAINS, False), (RUNS, True))
    made.restart(500, alive=110)
    made.see(501, (MAINS, False), (RUNS, True), (LOAD, False))
    made.wait(600)
    assert [rule for _, rule in late(made)] == ["no-load"]


def test_the_lowest_charge_of_a_run_is_kept_over_a_restart() -> None:
    made = world()
    made.see(100, (MAINS, False), ("ups-a/battery.charge", 100))
    made.wait(111)
    made.see(112, ("ups-a/battery.charge", 62))
    made.see(113, ("ups-a/battery.charge", 64))
    made.restart(114, readings=False)
    made.see(115, (MAINS, False), ("ups-a/battery.charge", 66))
    (row,) = runs(made)
    assert row.data["extremes"]["ups-a/battery.charge"] == (62, 100)


def test_the_alarm_of_a_step_joins_the_incident_of_its_cause_and_the_run_names_it() -> None:
    made = world()
    made.see(100, (MAINS, False))
    made.wait(200)
    (opened,) = [t for t in made.all.transitions if t.type == "incident" and t.state == "opened"]
    joined = {t.rule: t.incident for t in made.all.transitions if t.type == "incident" and t.state == "joined"}
    assert joined == dict.fromkeys(("no-start", "no-load", "genset-late"), opened.incident)
    named = {t.state: t.incident for t in made.all.transitions if t.type == "sequence" and t.state == "late"}
    assert named == {"late": opened.incident}


def sequence(**changes: Any) -> dict[str, Any]:
    return TAKEOVER | changes


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"steps": TAKEOVER["steps"][::-1]}, "stand before"),
        ({"measure": [{"asset": "ups-a", "point": "battery.charge", "since": "nothing"}]}, "no step nothing"),
        ({"steps": []}, "at least 1"),
        ({"never": [{"id": "gap", "title": "x", "when": []}]}, "at least 1"),
        ({"steps": [TAKEOVER["steps"][0] | {"kind": "state"}]}, "step"),
    ],
)
def test_a_sequence_that_makes_no_sense_is_refused(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        config(*EVERYTHING, sequences=[sequence(**changes)])
