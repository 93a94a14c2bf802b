"""The outbox: each message is claimed by one at a time, sent at least once, and its record never lies."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from dcmon.model import Changes, Notification, Severity, StoreError
from dcmon.storage.journal import Journal

NOW = 1_800_000_000_000
LEASE = 60_000
PAGE = Notification("k", NOW, "i-1", "eva", "email", "page", "first", Severity.CRITICAL, "subject")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path)
    yield opened
    opened.close()


def queue(journal: Journal, *messages: Notification) -> None:
    journal.commit(Changes(notifications=list(messages)))


def claimed(journal: Journal, now: int, limit: int = 10) -> list[str]:
    return [row.notification.key for row in journal.claim(now, "me", LEASE, limit)]


def test_the_same_key_is_queued_once_even_after_it_was_sent(journal: Journal) -> None:
    queue(journal, PAGE, PAGE)
    assert claimed(journal, NOW) == ["k"]
    journal.mark_sent("k", NOW, "250 ok")
    queue(journal, replace(PAGE, created=NOW + 5))
    assert claimed(journal, NOW + LEASE * 2) == []
    assert [row.state for row in journal.outbox()] == ["sent"]


def test_a_claimed_message_is_nobody_elses_until_its_lease_ends(journal: Journal) -> None:
    queue(journal, PAGE)
    assert claimed(journal, NOW) == ["k"]
    assert claimed(journal, NOW + LEASE - 1) == []
    assert journal.next_outbox_due() == NOW + LEASE
    (row,) = journal.claim(NOW + LEASE, "me", LEASE, 10)
    assert row.attempts == 2


def test_after_a_restart_the_leases_of_the_dead_process_can_be_released(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    queue(journal, PAGE)
    claimed(journal, NOW)
    journal.close()
    journal = Journal(tmp_path)
    assert journal.release_leases() == 1
    assert claimed(journal, NOW + 1) == ["k"]
    journal.close()


def test_a_failed_message_waits_for_its_time_and_a_given_up_one_stays(journal: Journal) -> None:
    queue(journal, PAGE, replace(PAGE, key="lost"))
    claimed(journal, NOW)
    journal.mark_failed("k", NOW, "451 later", NOW + 5_000)
    journal.mark_failed("lost", NOW, "550 no such user", None)
    assert journal.next_outbox_due() == NOW + 5_000
    assert claimed(journal, NOW + 4_999) == []
    assert claimed(journal, NOW + 5_000) == ["k"]
    journal.mark_unknown("k", NOW + 6_000, "no answer after DATA")
    assert journal.waiting().messages == 0
    assert journal.next_outbox_due() is None
    assert [(one.key, one.attempt, one.result, one.detail) for one in journal.deliveries("i-1")] == [
        ("k", 1, "retry", "451 later"),
        ("lost", 1, "failed", "550 no such user"),
        ("k", 2, "unknown", "no answer after DATA"),
    ]


def test_a_late_failure_does_not_send_again_what_was_sent(journal: Journal) -> None:
    queue(journal, PAGE)
    claimed(journal, NOW)
    claimed(journal, NOW + LEASE)
    journal.mark_sent("k", NOW + LEASE, "250")
    journal.mark_failed("k", NOW + LEASE + 1, "first attempt timed out", NOW + LEASE + 2)
    assert claimed(journal, NOW + 3 * LEASE) == []
    assert len(journal.deliveries()) == 2


def test_first_messages_come_before_updates_then_the_most_severe_then_the_oldest(journal: Journal) -> None:
    queue(
        journal,
        replace(PAGE, key="update", kind="update", created=NOW - 9),
        replace(PAGE, key="warning", severity=Severity.WARNING, created=NOW - 5),
        replace(PAGE, key="young", created=NOW - 1),
        replace(PAGE, key="old", created=NOW - 2),
        replace(PAGE, key="bundled", due=NOW + 1),
    )
    assert claimed(journal, NOW, limit=3) == ["old", "young", "warning"]
    assert claimed(journal, NOW) == ["update"]
    assert claimed(journal, NOW + 1) == ["bundled"]


def test_a_clock_put_back_by_an_hour_delays_no_message(journal: Journal) -> None:
    queue(journal, PAGE, replace(PAGE, key="leased"), replace(PAGE, key="retry"))
    claimed(journal, NOW)
    journal.mark_failed("retry", NOW, "451", NOW + 5_000)
    queue(journal, replace(PAGE, key="fresh"))
    assert set(claimed(journal, NOW - 3_600_000)) == {"k", "leased", "retry", "fresh"}
    assert claimed(journal, NOW - 3_600_000) == []


def test_recording_for_a_key_that_was_never_queued_is_an_error(journal: Journal) -> None:
    with pytest.raises(StoreError, match="'nobody' was ever queued"):
        journal.mark_sent("nobody", NOW)
