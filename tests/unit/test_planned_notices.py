"""Who hears of maintenance and drills, when, and only once."""

from __future__ import annotations

from typing import Any

import pytest
from notify_world import MINUTE, T0, config, remember

from dcmon.config.entries import parse_entry
from dcmon.instants import iso_utc
from dcmon.model import Changes, Notification, Reading, Snapshot
from dcmon.notify.escalation import Pager
from dcmon.thresholds import Judge

DAY = 1440 * MINUTE
WORK: dict[str, Any] = {"kind": "maintenance", "by": "Anna", "title": "Batteries", "class": "no", "scope": "ups-a",
                        "start": iso_utc(T0 + 3 * DAY), "end": iso_utc(T0 + 3 * DAY + 60 * MINUTE)}  # fmt: skip


class Office:
    """Engine and Pager together; what both keep."""

    def __init__(self, people: dict[str, Any] | None = None) -> None:
        self.config = config(people)
        self.snapshot = Snapshot()
        self.judge = Judge(self.config, now=T0)
        self.pager = Pager(self.config)
        self.told: list[Notification] = []

    def enter(self, at: int, **words: Any) -> None:
        self.keep(self.judge.enter(parse_entry(words), at)[1], at)

    def wait(self, at: int, *readings: Reading) -> None:
        self.keep(self.judge.step(readings, at), at)

    def keep(self, changes: Changes, at: int) -> None:
        changes.extend(self.pager.step(changes, at))
        remember(self.snapshot, changes)
        self.snapshot.records |= changes.records
        self.told += changes.notifications

    def restart(self, at: int) -> None:
        self.snapshot.alive = at
        self.judge, self.pager = Judge(self.config, self.snapshot, at), Pager(self.config, self.snapshot)

    def said(self) -> list[tuple[str, str, str, int]]:
        return [(one.person, one.channel, one.reason, one.created - T0) for one in self.told]


def test_people_hear_of_the_announcement_and_twice_before_the_start() -> None:
    office = Office()
    office.enter(T0, **WORK)
    office.wait(T0 + 10 * DAY)
    assert office.said() == [
        ("ben", "email", "planned work announced", 0),
        ("ben", "email", "planned work ahead 1d", 2 * DAY),
        ("ben", "email", "planned work ahead 1h", 3 * DAY - 60 * MINUTE),
    ]
    assert len({one.incident for one in office.told}) == 1, "one thread"
    assert [one.facts["first"] for one in office.told] == [True, False, False]


def test_who_hears_and_when_can_be_set() -> None:
    to = [{"person": "boss", "channels": ["email", "webhook"]}, {"roster": "energy"}]
    office = Office({"planned": {"to": to, "before": ["2h"]}})
    office.enter(T0, **WORK)
    office.wait(T0 + 10 * DAY)
    assert [(person, channel) for person, channel, _, _ in office.said()] == 2 * [
        ("boss", "email"), ("boss", "webhook"), ("anna", "email"),
    ]  # fmt: skip


@pytest.mark.parametrize("moment", [1, 2 * DAY, 2 * DAY + MINUTE, 3 * DAY + MINUTE])
def test_a_restart_tells_nobody_twice(moment: int) -> None:
    office, plain = Office(), Office()
    for one in (office, plain):
        one.enter(T0, **WORK)
        one.wait(T0 + moment)
        if one is office:
            one.restart(T0 + moment)
        one.wait(T0 + 10 * DAY)
    assert [one[:3] for one in office.said()] == [one[:3] for one in plain.said()]


def test_the_same_event_entered_again_is_told_once_and_a_changed_one_again() -> None:
    office = Office()
    for sequence, title in ((0, "Batteries"), (0, "Batteries"), (1, "Batteries and fans"), (1, "Batteries and fans")):
        office.enter(T0 + MINUTE, **WORK | {"title": title, "uid": "x@y", "sequence": sequence})
    assert [reason for _, _, reason, _ in office.said()] == ["planned work announced", "planned work changed"]
    assert len({one.key for one in office.told}) == 2


def test_of_a_window_in_the_past_nobody_is_told() -> None:
    office = Office()
    office.enter(T0 + 9 * DAY, **WORK)
    assert office.said() == []


def test_what_is_muted_pages_nobody_and_the_over_run_is_told_with_what_lasts() -> None:
    office = Office()
    office.enter(T0, **WORK, mute=True)
    at = T0 + 3 * DAY + MINUTE
    office.wait(at, Reading(at, "ups-a", "ups.on_battery", None, True))
    office.wait(at + 50 * MINUTE)
    assert not [one for one in office.told if one.kind == "page"]
    office.wait(T0 + 3 * DAY + 60 * MINUTE)
    last = office.told[-2:]
    assert sorted((one.kind, one.reason, one.person) for one in last) == [
        ("maintenance", "planned work overrun", "ben"), ("page", "first", "anna"),
    ]  # fmt: skip


def test_a_missing_alarm_of_a_drill_pages_by_the_routes() -> None:
    office = Office()
    drill = {word: WORK[word] for word in ("by", "start", "end")}
    office.enter(T0, kind="drill", title="Test", expected=["mains-lost/mains-a"], **drill)
    office.wait(T0 + 10 * DAY)
    page = next(one for one in office.told if one.kind == "page")
    assert (page.person, page.subject) == ("ben", "Mains route A: missing in the drill")
    assert any(one.reason == "planned work result" and one.facts["verdict"] == "failed" for one in office.told)
