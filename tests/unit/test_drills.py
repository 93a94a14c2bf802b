"""Drills: expected alarms tell nobody, missing ones page, unexpected ones page as always, and it ends by itself."""

from __future__ import annotations

from typing import Any

import pytest
from engine_world import EVERYTHING, TAKEOVER, World, at, config

from dcmon.config.entries import EntryError
from dcmon.model import Record

WORDS: dict[str, Any] = {
    "title": "Black building", "start": 100, "end": 3000,
    "expected": ["mains-lost/mains-a", {"alarm": "on-battery/ups-a", "within": "5m"},
                 {"alarm": "no-load", "after": "takeover", "within": "90s"}],
}  # fmt: skip


def announced(**words: Any) -> World:
    """A site that works, with one drill."""
    world = World(config(*EVERYTHING, sequences=[TAKEOVER]))
    world.see(0, ("mains-a/mains.available", True), ("ups-a/ups.on_battery", False), ("env-1/temperature[1]", 22.0),
              ("genset-a/engine.running", False), ("tsw-a/breaker.generator_closed", False))  # fmt: skip
    world.enter(1, "drill", **WORDS | words)
    return world


def the_drill(world: World) -> Record:
    (row,) = [row for row in world.judge.records.values() if row.kind == "drill"]
    return row


def states(world: World) -> dict[str, str]:
    return {one["alarm"]: one["state"] for one in the_drill(world).data["expected"]}


def told(world: World) -> list[tuple[float, str, str | None]]:
    return [
        ((t.ts - at(0)) / 1000, t.state, t.rule) for t in world.all.transitions if t.type == "incident" and t.rule
    ]  # fmt: skip


def black_out(world: World) -> None:
    world.see(200, ("mains-a/mains.available", False), ("ups-a/ups.on_battery", True))
    world.see(209, ("genset-a/engine.running", True))


def power_back(world: World) -> None:
    world.see(600, ("tsw-a/breaker.generator_closed", True))
    world.see(1000, ("mains-a/mains.available", True), ("ups-a/ups.on_battery", False))
    world.see(1100, ("tsw-a/breaker.generator_closed", False))


def test_a_drill_in_which_all_comes_pages_nobody_and_has_passed() -> None:
    world = announced(expected=WORDS["expected"] + ["genset-late"])
    black_out(world)
    power_back(world)
    world.wait(9000)
    assert world.incidents() == []
    row = the_drill(world)
    assert (row.state, row.verdict, row.tom) == ("done", "passed", ("T18",))
    assert row.reason == "Black building passed, 4 of 4 expected alarms came in time"
    assert [(one["alarm"], one["at"] - at(0)) for one in row.data["expected"]] == [
        ("mains-lost/mains-a", 205_000), ("on-battery/ups-a", 205_000), ("no-load", 260_000), ("genset-late", 260_000),
    ]  # fmt: skip
    assert [(one["rule"], one["verdict"]) for one in row.data["sequences"].values()] == [("takeover", "failed")]


def test_an_alarm_that_does_not_come_by_its_time_pages_then_and_not_at_the_end() -> None:
    world = announced()
    world.see(200, ("mains-a/mains.available", False))
    world.see(209, ("genset-a/engine.running", True))
    world.wait(401)
    missing = [one for one in told(world) if one[2] == "drill-missing"]
    assert missing == [(400, "opened", "drill-missing")]
    opened = next(t for t in world.all.transitions if t.rule == "drill-missing" and t.type == "incident")
    assert "on-battery/ups-a (on-battery has tripped) did not come within 5m of the drill's start" in opened.reason
    assert world.judge.incidents[opened.subject].paging
    power_back(world)
    world.wait(9000)
    assert the_drill(world).verdict == "failed"
    assert states(world)["on-battery/ups-a"] == "missing"
    assert len([one for one in told(world) if one[2] == "drill-missing"]) == 1


def test_a_missing_alarm_that_comes_late_is_over_and_the_drill_has_failed() -> None:
    world = announced()
    world.see(200, ("mains-a/mains.available", False))
    world.see(500, ("ups-a/ups.on_battery", True))
    world.wait(600)
    assert [one[:2] for one in told(world) if one[2] == "drill-missing"] == [(400, "opened"), (505, "resolved")]
    world.see(700, ("ups-a/ups.on_battery", False))
    world.wait(9000)
    assert (the_drill(world).verdict, states(world)["on-battery/ups-a"]) == ("failed", "late")


def test_what_is_missing_at_the_end_pages_and_is_over_when_somebody_has_taken_note_of_it() -> None:
    world = announced(expected=["mains-lost/mains-a", {"alarm": "no-load", "after": "takeover", "within": "90s"}])
    world.wait(3000)
    assert [one[0] for one in told(world)] == [3000, 3000]
    reasons = [t.reason for t in world.all.transitions if t.type == "incident"]
    assert any(
        "the sequence takeover, after which it was expected, did not begin in the drill" in reason for reason in reasons
    )
    assert the_drill(world).verdict == "failed"
    world.restart(4000)
    for incident in list(world.judge.incidents):
        world.all.extend(world.judge.acknowledge(incident, "Anna", at(4100)))
    assert {row.state for row in world.judge.incidents.values()} == {"resolved"}


def test_an_unexpected_alarm_pages_as_always_and_is_listed() -> None:
    world = announced()
    black_out(world)
    world.see(250, ("env-1/temperature[1]", 35.0))
    world.wait(400)
    assert (310, "opened", "warm") in told(world)
    assert {"alarm": "warm/env-1[1]", "at": at(310)} in the_drill(world).data["unexpected"]


def test_an_expected_alarm_that_outlasts_the_drill_pages_when_it_is_over() -> None:
    world = announced(expected=["on-battery/ups-a"])
    world.see(200, ("ups-a/ups.on_battery", True))
    world.wait(2999)
    assert world.incidents() == []
    world.wait(3000)
    assert told(world) == [(3000, "opened", "on-battery")]
    assert the_drill(world).verdict == "passed"


def test_an_alarm_exactly_at_its_time_is_in_time() -> None:
    world = announced(expected=[{"alarm": "on-battery/ups-a", "within": "100s"}])
    world.see(195, ("ups-a/ups.on_battery", True))
    world.wait(200)
    assert states(world) == {"on-battery/ups-a": "come"}


def test_an_alarm_that_was_there_before_the_drill_does_not_come_and_is_not_missing() -> None:
    world = announced(expected=["on-battery/ups-a"])
    world.see(50, ("ups-a/ups.on_battery", True))
    world.wait(9000)
    assert states(world) == {"on-battery/ups-a": "before"}
    assert told(world) == [(55, "opened", "on-battery")]


def test_a_sequence_that_fails_without_being_expected_to_fails_the_drill() -> None:
    world = announced(expected=["mains-lost/mains-a", "on-battery/ups-a"])
    black_out(world)
    power_back(world)
    world.wait(9000)
    assert the_drill(world).reason.endswith("came in time: sequence takeover failed")


@pytest.mark.parametrize("moment", [50, 150, 230, 700, 2999])
def test_a_restart_in_the_middle_changes_nothing(moment: float) -> None:
    plain, restarted = announced(), announced()
    for world in (plain, restarted):
        steps = [(200, black_out), (600, power_back)]
        for second, step in steps:
            if (
                world is restarted
                and moment < second
                and the_drill(world).started
                and not getattr(world, "done", False)
            ):
                world.restart(moment)
                world.done = True  # type: ignore[attr-defined]
            step(world)
        if world is restarted and not getattr(world, "done", False):
            world.restart(max(moment, 1100))
        world.wait(9000)
    assert the_drill(restarted).data == the_drill(plain).data
    assert told(restarted) == told(plain)


def test_what_may_have_come_while_dcmon_was_down_is_unseen_and_the_drill_incomplete() -> None:
    world = announced(expected=[{"alarm": "on-battery/ups-a", "within": "5m"}, "mains-lost"])
    world.see(150, ("mains-a/mains.available", False))
    world.see(160, ("genset-a/engine.running", True), ("tsw-a/breaker.generator_closed", True))
    world.wait(300)
    world.restart(1000, alive=300)
    world.see(1000, ("mains-a/mains.available", True), ("ups-a/ups.on_battery", False),
              ("tsw-a/breaker.generator_closed", False))  # fmt: skip
    world.wait(9000)
    assert states(world) == {"on-battery/ups-a": "unseen", "mains-lost": "come"}
    assert the_drill(world).verdict == "incomplete"


def test_a_drill_that_is_called_off_hides_nothing_any_more() -> None:
    world = announced()
    black_out(world)
    world.wait(250)
    world.enter(300, "cancel", record=the_drill(world).id, reason="storm warning")
    assert {one[2] for one in told(world)} >= {"mains-lost"}
    world.wait(9000)
    assert (the_drill(world).state, "drill-missing" in {one[2] for one in told(world)}) == ("void", False)


def test_a_window_and_a_drill_at_once_agree() -> None:
    world = announced()
    world.enter(2, "maintenance", title="Fans", **{"class": "no"}, start=100, end=4000, scope="ups-a", mute=True)
    black_out(world)
    world.wait(3500)
    assert states(world)["on-battery/ups-a"] == "come"
    assert "on-battery" not in {one[2] for one in told(world)}
    world.wait(4000)
    assert any(t.rule == "on-battery" and t.ts == at(4000) for t in world.all.transitions if t.type == "alarm")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ({"expected": ["mains-lose/mains-a"]}, "no rule mains-lose; did you mean mains-lost"),
        ({"expected": ["mains-lost/mains-x"]}, "there is no mains-x"),
        ({"expected": ["leak"]}, "class water; name its asset, as leak/ASSET"),
        ({"expected": [{"alarm": "no-load", "after": "takeoff"}]}, "no sequence takeoff; did you mean takeover"),
        ({"expected": []}, "expected"),
        ({"expected": ["drill-missing"]}, "no rule drill-missing"),
        ({"end": 50}, "it ends before it starts"),
        ({"end": 900_000}, "more than 7 days"),
        ({"start": -50, "end": 0.5}, "this drill is over"),
        ({"scope": "ups-x"}, "there is no ups-x"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(words: dict[str, Any], complaint: str) -> None:
    with pytest.raises(EntryError, match=complaint):
        announced(**words)


def test_a_rule_that_the_configuration_has_no_more_is_missing_and_no_fault() -> None:
    world = announced(expected=["mains-lost/mains-a", "warm"], scope="ups-a")
    world.config = config(*[rule for rule in EVERYTHING if rule["id"] not in ("mains-lost", "warm")])
    world.restart(50)
    world.wait(9000)
    assert (states(world), the_drill(world).verdict) == ({"mains-lost/mains-a": "missing", "warm": "missing"}, "failed")


def test_the_same_drill_twice_is_once() -> None:
    world = announced()
    assert world.enter(5, "drill", **WORDS) is the_drill(world)
    with pytest.raises(EntryError, match="other words"):
        world.enter(5, "drill", **WORDS | {"expected": ["silent"]})


def test_a_sequence_of_what_the_drill_is_not_about_does_not_fail_it() -> None:
    for scope, verdict in (["mains-a"], "failed"), (["cooling-1"], "passed"):
        world = announced(scope=scope, expected=["warm/env-1"], end=1000)
        world.see(200, ("mains-a/mains.available", False), ("env-1/temperature[1]", 40.0))
        world.wait(2000)
        assert the_drill(world).verdict == verdict, the_drill(world).reason


def test_a_sequence_that_began_before_the_drill_sets_no_deadline_in_it() -> None:
    world = announced(expected=[{"alarm": "on-battery/ups-a", "after": "takeover", "within": "20s"}], end=1000)
    world.see(50, ("mains-a/mains.available", False), ("ups-a/ups.on_battery", True))
    world.see(70, ("ups-a/ups.on_battery", False))
    world.wait(999)
    assert states(world) == {"on-battery/ups-a": "waiting"}
    world.wait(2000)
    assert states(world) == {"on-battery/ups-a": "missing"}
    (text,) = [t.reason for t in world.all.transitions if t.state == "missing"]
    assert text.endswith("the sequence takeover, after which it was expected, did not begin in the drill")
