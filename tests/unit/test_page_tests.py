"""Test pages: one goes out, is taken, is answered; what fails of that fails the test; a duty asks for the next."""

from __future__ import annotations

from typing import Any

import pytest
from engine_world import LEAK, T0, World, at, config

from dcmon.config.config import Config
from dcmon.config.entries import EntryError
from dcmon.config.people import People
from dcmon.model import Changes, Record, Snapshot, Transition
from dcmon.notify.escalation import Pager
from dcmon.notify.text import render

MINUTE = 60
PEOPLE = {
    "people": [
        {"id": "anna", "name": "Anna", "email": "anna@example.org", "language": "de"},
        {"id": "ben", "name": "Ben", "email": "ben@example.org", "language": "en"},
        {"id": "oil", "name": "Oil", "email": "oil@example.org", "role": "supplier"},
    ],
    "rosters": [{"id": "energy", "name": "Energy", "shifts": [{"person": "ben"}]}],
    "routes": [{"id": "all", "to": [{"person": "anna"}]}],
}
DUTY = {
    "id": "way", "name": {"de": "Probealarm", "en": "test page"}, "class": "monitoring", "tom": ["T20"],
    "assets": ["router-1"], "every": "month", "owner": "energy", "evidence": {"record": "page-test"},
}  # fmt: skip


def office(*duties: dict[str, Any]) -> Config:
    people = People.model_validate(PEOPLE)
    return config(LEAK, register={"duties": list(duties)}).model_copy(update={"people": people})


def began(world: World, second: float = 0, **words: Any) -> Record:
    return world.enter(second, "page-test", person="anna", **words)


def became(record: Record, state: str, second: float, reason: str = "email to anna: 250 OK") -> Transition:
    return Transition(at(second), "page", f"{record.id}/page-test/0/anna/email/", state, reason, incident=record.id)


def test_a_page_that_is_taken_and_answered_has_passed_with_its_times() -> None:
    world = World(office())
    record = began(world)
    assert (record.state, record.verdict, record.tom, record.subject) == ("running", None, ("T20",), "anna")
    world.all.extend(world.judge.delivered([became(record, "sent", 2)], at(2)))
    answered = world.enter(240, "page-answer", by="anna")
    assert (answered.id, answered.state, answered.verdict) == (record.id, "done", "passed")
    assert (answered.data["accepted"], answered.data["answered"]) == (at(2), at(240))
    assert answered.reason == "test page to anna by email: answered by anna after 4m"
    world.wait(3600)
    assert world.judge.records[record.id] == answered


@pytest.mark.parametrize(("sent", "words"), [(True, "it was sent"), (False, "nothing says that it was sent")])
def test_a_page_that_nobody_answers_has_failed_at_its_deadline_and_not_before(sent: bool, words: str) -> None:
    world = World(office())
    record = began(world, within="10m")
    if sent:
        world.all.extend(world.judge.delivered([became(record, "sent", 2)], at(2)))
    world.wait(10 * MINUTE - 0.001)
    assert world.judge.records[record.id].state == "running"
    world.wait(10 * MINUTE)
    done = world.judge.records[record.id]
    assert (done.verdict, done.ended) == ("failed", at(600))
    assert done.reason == f"test page to anna by email: nobody answered within 10m; {words}"
    with pytest.raises(EntryError, match=r"is over: .* nobody answered"):
        world.enter(601, "page-answer", test=record.id, by="anna")


def test_a_page_that_cannot_be_delivered_has_failed_at_once_and_says_why() -> None:
    world = World(office())
    record = began(world)
    world.all.extend(world.judge.delivered([became(record, "failed", 3, "email to anna: 550 no such user")], at(3)))
    done = world.judge.records[record.id]
    assert (done.verdict, done.ended) == ("failed", at(3))
    assert done.reason.endswith("it was not delivered: email to anna: 550 no such user")
    assert began(world, 4).state == "running"


def test_a_restart_keeps_the_deadline_and_a_clock_that_is_set_leaves_what_was_left() -> None:
    world = World(office())
    record = began(world, within="10m")
    world.restart(300)
    world.wait(599)
    assert world.judge.records[record.id].state == "running"
    world.all.extend(world.judge.clock_set(3_600_000, at(599 + 3600)))
    world.wait(3600 + 599.5)
    assert world.judge.records[record.id].state == "running"
    world.restart(3600 + 599.6)
    world.wait(3600 + 600)
    assert world.judge.records[record.id].verdict == "failed"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ({"person": "carl"}, "has no carl; it has anna, ben"), ({"person": "oil"}, "is a supplier"),
        ({"person": "ben", "channel": "webhook"}, "has no webhook of ben"),
        ({"person": "ben", "at": "2026-11-01T12:00:00Z"}, "goes out now"), ({"person": "anna"}, "waits for its answer"),
    ],
)  # fmt: skip
def test_what_cannot_be_tried_is_refused(words: dict[str, Any], complaint: str) -> None:
    world = World(office())
    began(world)
    with pytest.raises(EntryError, match=complaint):
        world.enter(1, "page-test", **words)


def test_an_answer_to_no_test_names_those_that_wait() -> None:
    world = World(office())
    record = began(world)
    with pytest.raises(EntryError, match=rf"there is no test x; .*{record.id}"):
        world.enter(1, "page-answer", test="x")
    with pytest.raises(EntryError, match="0 wait for ben"):
        world.enter(1, "page-answer", by="ben")


def test_the_page_goes_to_that_person_over_that_channel_alone_and_says_how_to_answer() -> None:
    world = World(office())
    pager = Pager(world.config)
    record = began(world)
    changes = pager.step(world.all, T0)
    (message,) = changes.notifications
    assert (message.person, message.channel, message.kind, message.incident) == (
        "anna", "email", "page-test", record.id,
    )  # fmt: skip
    german, english = render(message, "de"), render(message, "en")
    assert german.subject == "[PROBEALARM] Test" and english.subject == "[TEST PAGE] Test"
    for text in (german, english):
        assert f"dcmon enter page-answer --by anna test={record.id}" in text.body
        assert "None" not in text.body
    assert pager.step(Changes(), T0 + 3_600_000).notifications == []


def test_a_duty_is_proved_by_a_page_that_was_answered_and_its_owner_is_written_to_when_it_is_overdue() -> None:
    world = World(office(DUTY))
    pager = Pager(world.config, Snapshot())
    began(world)
    world.enter(60, "page-answer", by="anna")
    world.wait(9 * 86_400)
    assert not world.judge.tasks
    overdue = world.wait(45 * 86_400)
    (task,) = world.judge.tasks.values()
    assert task.rule == "way"
    told = pager.step(overdue, at(45 * 86_400)).notifications
    assert {(one.person, one.kind) for one in told if one.kind == "task"} == {("anna", "task"), ("ben", "task")}
