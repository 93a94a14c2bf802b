"""Headers, threads and hostile texts."""

from __future__ import annotations

import email
import email.policy
from dataclasses import replace
from typing import Any

import pytest
from notify_world import notification

from dcmon.config.agent import Smtp
from dcmon.config.people import Person
from dcmon.model import Notification, Severity
from dcmon.notify.email import EmailNotifier
from dcmon.notify.parcels import fold

ANNA = Person(id="anna", name="Anna Weber", email="anna@example.org")
BEN = Person(id="ben", name="Ben", email="ben@example.org", language="en")
MAIL = EmailNotifier(Smtp(sender="dcmon@dc.example.org"))


def composed(message: Notification, person: Person = ANNA) -> dict[str, str]:
    """Header by header, as a reader of the bytes sees them."""
    parsed = email.message_from_bytes(MAIL.compose(message, person).as_bytes(), policy=email.policy.default)
    return {name: str(value) for name, value in parsed.items()}


def with_facts(message: Notification, **facts: Any) -> Notification:
    return replace(message, facts={**message.facts, **facts})


def test_later_messages_of_an_incident_refer_to_the_first_and_none_shares_its_id() -> None:
    first = composed(notification())
    assert "References" not in first
    later = composed(with_facts(notification(key="i1/resolved", kind="resolved"), first=False))
    escalated = composed(with_facts(notification(key="i1/page/1"), first=False))
    for headers in (later, escalated):
        assert headers["In-Reply-To"] == headers["References"] == first["Message-ID"]
    assert len({headers["Message-ID"] for headers in (first, later, escalated)}) == 3
    assert first["Message-ID"].endswith("@dc.example.org>")


def test_the_same_message_again_has_the_same_id() -> None:
    assert composed(notification()) == composed(notification())


def test_each_person_has_a_thread_of_his_own() -> None:
    assert composed(notification())["Message-ID"] != composed(notification(), BEN)["Message-ID"]


def test_a_reopened_incident_begins_a_thread_that_refers_to_the_old_one() -> None:
    first = composed(notification())
    again = composed(with_facts(notification(key="again"), reopened=1))
    over = composed(with_facts(notification(key="over", kind="resolved"), reopened=1, first=False))
    assert again["Message-ID"] != first["Message-ID"]
    assert again["References"] == first["Message-ID"]
    assert over["References"] == again["Message-ID"]


def test_a_message_that_stands_for_others_does_not_take_the_id_of_the_first() -> None:
    page = notification()
    over = with_facts(notification(key="over", kind="resolved", created=page.created + 1), first=False)
    headers = composed(fold([page, over])[0].notification)
    assert headers["Message-ID"] not in {composed(page)["Message-ID"], headers["References"]}
    assert headers["References"] == composed(page)["Message-ID"]


@pytest.mark.parametrize("severity", list(Severity))
def test_machines_can_tell_what_it_is_and_do_not_answer(severity: Severity) -> None:
    headers = composed(notification(severity=severity))
    assert headers["Auto-Submitted"] == "auto-generated"
    assert headers["X-Dcmon-Incident"] == "i1"
    assert headers["X-Dcmon-Severity"] == severity.value
    assert headers["X-Dcmon-Reason"] == "first"
    assert headers["Importance"] == {"critical": "high", "warning": "normal", "info": "low"}[severity.value]
    assert headers["Date"] == "Mon, 23 Nov 2026 10:00:00 +0100"


HOSTILE = "UPS\r\nBcc: all@example.org\r\n\r\nHello \x1b[31mred\x00 \u202egnp.exe\u2028end"


def test_texts_of_devices_add_no_header_and_no_control_character() -> None:
    message = with_facts(
        notification(subject=HOSTILE, reason=HOSTILE), why=HOSTILE, asset_name=HOSTILE, location=HOSTILE
    )
    raw = MAIL.compose(message, ANNA).as_bytes()
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    assert "Bcc" not in parsed
    assert parsed["Subject"] == "[WARNUNG] UPS Bcc: all@example.org Hello [31mred gnp.exe end"
    body = parsed.get_content()
    assert not [character for character in body if ord(character) < 32 and character not in "\r\n"]
    assert "\u202e" not in body
    assert "\nBcc:" not in body


def test_umlauts_and_long_names_survive_headers_and_body() -> None:
    subject = "Überspannung in der Schaltanlage Süd, " + "sehr lange Bezeichnung " * 10
    message = with_facts(notification(subject=subject.strip()), location="Raum für Geräte, 2. Stock")
    raw = MAIL.compose(message, replace_name("Jürgen Müßig, Energie")).as_bytes()
    assert all(len(line) <= 998 and line.isascii() for line in raw.splitlines())
    parsed = email.message_from_bytes(raw, policy=email.policy.default)
    assert parsed["Subject"] == f"[WARNUNG] {subject.strip()}"
    assert parsed["To"].addresses[0].display_name == "Jürgen Müßig, Energie"
    assert "Raum für Geräte, 2. Stock" in parsed.get_content()


def replace_name(name: str) -> Person:
    return Person(id="anna", name=name, email="anna@example.org")


@pytest.mark.parametrize("kind", ["page", "update", "resolved", "task", "clock", "bundle"])
def test_facts_that_an_older_version_did_not_keep_leave_a_hole_and_no_error(kind: str) -> None:
    assert composed(notification(kind=kind, facts={"code": "unacknowledged"}))
