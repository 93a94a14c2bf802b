"""What the outbox makes of failures, and of several messages for one person."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from notify_world import MINUTE, T0, notification

from dcmon.config.agent import Outbox
from dcmon.config.people import Person
from dcmon.model import Notification, SendError, Severity
from dcmon.notify.failures import Attempts, Outcome, Verdict, findings, judge
from dcmon.notify.parcels import bundle, fold

SETTINGS = Outbox()
MAIL_ONLY = Person(id="anna", name="Anna", email="anna@example.org")
TWO_WAYS = Person(id="anna", name="Anna", email="anna@example.org", webhook="http://hook")
TRANSIENT = SendError("421 come back later")
PERMANENT = SendError("550 no such user", permanent=True)
UNKNOWN = SendError("no answer", unknown=True)
DAY = 24 * 60 * MINUTE


@pytest.mark.parametrize(
    ("error", "person", "attempts", "age", "verdict"),
    [
        (TRANSIENT, TWO_WAYS, Attempts(1), 0, Verdict(Outcome.RETRY, T0 + 5_000)),
        (TRANSIENT, TWO_WAYS, Attempts(3), 20_000, Verdict(Outcome.RETRY, T0 + 20_000 + 20_000)),
        (TRANSIENT, TWO_WAYS, Attempts(3), 30_000, Verdict(Outcome.RETRY, T0 + 30_000 + 20_000, "webhook")),
        (TRANSIENT, MAIL_ONLY, Attempts(40), MINUTE, Verdict(Outcome.RETRY, T0 + MINUTE + 300_000)),
        (TRANSIENT, MAIL_ONLY, Attempts(300), DAY, Verdict(Outcome.FAILED)),
        (PERMANENT, TWO_WAYS, Attempts(1), 0, Verdict(Outcome.FAILED, None, "webhook")),
        (PERMANENT, MAIL_ONLY, Attempts(1), 0, Verdict(Outcome.FAILED)),
        (PERMANENT, None, Attempts(1), 0, Verdict(Outcome.FAILED)),
        (UNKNOWN, TWO_WAYS, Attempts(1, 1), 0, Verdict(Outcome.UNKNOWN, None, "webhook")),
        (UNKNOWN, MAIL_ONLY, Attempts(1, 1), 0, Verdict(Outcome.RETRY, T0 + 5_000)),
        (UNKNOWN, MAIL_ONLY, Attempts(3, 3), 0, Verdict(Outcome.UNKNOWN)),
    ],
)
def test_what_a_failure_means(
    error: SendError, person: Person | None, attempts: Attempts, age: int, verdict: Verdict
) -> None:
    assert judge(error, notification(), person, attempts, T0 + age, SETTINGS) == verdict


def test_only_pages_hurry_over_to_another_channel() -> None:
    resolved = notification(kind="resolved")
    assert judge(TRANSIENT, resolved, TWO_WAYS, Attempts(5), T0 + MINUTE, SETTINGS).divert_to is None


@pytest.mark.parametrize("facts", [{"also": ["webhook"]}, {"tried": ["webhook"]}])
def test_a_channel_that_carries_the_message_or_failed_to_is_no_other_way(facts: dict[str, Any]) -> None:
    message = notification()
    message = replace(message, facts={**message.facts, **facts})
    assert judge(PERMANENT, message, TWO_WAYS, Attempts(1), T0, SETTINGS) == Verdict(Outcome.FAILED)


def test_an_unknown_outcome_is_left_at_that_where_another_channel_carries_the_message_anyway() -> None:
    message = notification()
    message = replace(message, facts={**message.facts, "also": ["webhook"]})
    assert judge(UNKNOWN, message, TWO_WAYS, Attempts(1, 1), T0, SETTINGS) == Verdict(Outcome.UNKNOWN)
    message = replace(message, facts={**message.facts, "also": ["console"]})
    assert judge(UNKNOWN, message, MAIL_ONLY, Attempts(1, 1), T0, SETTINGS).outcome is Outcome.RETRY


def test_the_way_around_has_its_own_key_and_remembers_what_was_tried() -> None:
    message = notification()
    changes = findings(message, PERMANENT, Verdict(Outcome.FAILED, None, "webhook"), T0 + 1)
    failed, queued = changes.transitions
    assert (failed.type, failed.state, failed.subject) == ("page", "failed", message.key)
    assert failed.data == {"person": "anna", "channel": "email", "kind": "page", "fallback": "webhook"}
    assert queued.state == "queued"
    (diverted,) = changes.notifications
    assert diverted.key == f"{message.key}>webhook" == queued.subject
    assert (diverted.channel, diverted.reason) == ("webhook", "first; email failed")
    assert diverted.facts["tried"] == ["email"]
    again = findings(message, PERMANENT, Verdict(Outcome.FAILED, None, "webhook"), T0 + 2)
    assert again.notifications[0].key == diverted.key, "the journal ignores the repetition"


def message(key: str, thread: str, kind: str, created: int, severity: Severity, first: bool = True) -> Notification:
    return notification(
        key=key,
        incident=thread,
        kind=kind,
        created=created,
        severity=severity,
        facts={"first": first, "site": "Munich"},
    )


def test_messages_of_one_incident_that_waited_together_are_one_that_says_how_it_stands() -> None:
    page = message("a", "i1", "page", T0, Severity.WARNING)
    graver = message("b", "i1", "page", T0 + 1, Severity.CRITICAL)
    over = message("c", "i1", "resolved", T0 + 1, Severity.CRITICAL)
    (parcel,) = fold([over, graver, page])
    assert parcel.rows == (page, graver, over)
    assert (parcel.notification.key, parcel.notification.kind) == ("c", "resolved")
    assert [one["created"] for one in parcel.notification.facts["earlier"]] == [T0, T0 + 1]


def test_tasks_and_clocks_are_not_folded_into_the_incident() -> None:
    rows = [message("a", "i1", "page", T0, Severity.WARNING), message("b", "i1", "clock", T0, Severity.WARNING)]
    assert sorted(parcel.notification.key for parcel in fold(rows)) == ["a", "b"]


def test_first_messages_overtake_updates_and_grave_ones_the_others() -> None:
    rows = [
        message("update", "i1", "page", T0, Severity.CRITICAL, first=False),
        message("over", "i2", "resolved", T0, Severity.CRITICAL),
        message("late", "i3", "page", T0 + 9, Severity.CRITICAL),
        message("mild", "i4", "page", T0, Severity.WARNING),
    ]
    assert [parcel.notification.key for parcel in fold(rows)] == ["late", "mild", "over", "update"]


def test_a_bundle_settles_all_its_rows_under_a_key_that_follows_from_theirs() -> None:
    rows = [message(str(number), f"i{number}", "page", T0 + number, Severity.WARNING) for number in range(3)]
    rows[1] = replace(rows[1], severity=Severity.CRITICAL)
    one, other = bundle(fold(rows)), bundle(fold(rows[::-1]))
    assert one == other
    assert {row.key for row in one.rows} == {"0", "1", "2"}
    assert (one.notification.kind, one.notification.severity) == ("bundle", Severity.CRITICAL)
    assert [item["incident"] for item in one.notification.facts["items"]] == ["i1", "i0", "i2"]
    assert bundle(fold(rows[:1])).notification == rows[0], "a bundle of one is the message itself"
