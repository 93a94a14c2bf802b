"""Messages and pages in the language of whoever reads them."""

from __future__ import annotations

from pathlib import Path

import pytest

from dcmon.config.loader import load
from dcmon.model import Notification, Severity
from dcmon.notify.text import load_templates, render
from dcmon.notify.translation import translate

FACTS = {
    "asset": "mains", "asset_name": "Mains routes", "rule": "mains-outage", "rule_title": "no mains route left",
    "cause": "Both routes have lost the grid.", "consequence": "Diesel only.", "response": "Call the operator.",
    "de": {"title": "kein Netzweg mehr", "cause": "Das Netz fehlt.", "response": "Netzbetreiber anrufen."},
    "code": "first", "alarms": [
        {"asset_name": "Mains routes", "title": "no mains route left", "de": {"title": "kein Netzweg mehr"},
         "severity": "critical", "active": True, "since": 0, "response": ""},
        {"asset_name": "Generator A", "title": "late", "de": {"title": "zu spät", "response": "Hingehen."},
         "severity": "critical", "active": True, "since": 0, "response": "Go there."},
    ],
}  # fmt: skip


def page(subject: str, facts: dict[str, object] | None = None) -> Notification:
    return Notification("k", 0, "i", "eva", "email", "page", "first", Severity.CRITICAL, subject, facts or FACTS)


def test_german_readers_have_the_german_words_of_the_rule_and_english_ones_its_own() -> None:
    german, english = render(page("Mains routes: no mains route left"), "de"), render(page("Mains routes: x"), "en")
    assert german.subject == "[KRITISCH] Mains routes: kein Netzweg mehr"
    for words in ("Ursache: Das Netz fehlt.", "Folge: Diesel only.", "Netzbetreiber anrufen.", "Generator A: zu spät"):
        assert words in german.body
    assert "Hingehen." in german.body
    assert "Both routes have lost the grid." in english.body
    assert "Go there." in english.body


@pytest.mark.parametrize(
    ("subject", "told"),
    [
        ("Mains routes: no mains route left", "Mains routes: kein Netzweg mehr"),
        ("Generator A: late", "Generator A: zu spät"),
        ("Refuel to full", "Refuel to full"), ("late", "Generator A: zu spät"),
    ],
)  # fmt: skip
def test_a_subject_is_translated_when_it_is_that_of_one_of_the_alarms(subject: str, told: str) -> None:
    assert translate(FACTS, subject, "de")[1] == told
    assert translate(FACTS, subject, "en")[1] == subject


def test_what_has_no_german_words_stays_as_it_is() -> None:
    plain = {key: value for key, value in FACTS.items() if key not in ("de", "alarms")}
    assert translate(plain, "Mains routes: no mains route left", "de") == (
        {**plain, "alarms": []}, "Mains routes: no mains route left"
    )  # fmt: skip


def test_every_rule_of_the_example_has_german_words(example_site: Path) -> None:
    config = load(example_site)
    without = [
        rule.id for rule in config.rules.judged
        if rule.page and not all((rule.de.title, rule.de.cause, rule.de.consequence, rule.de.response))
    ]  # fmt: skip
    assert without == []


def test_once_loaded_no_message_needs_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    load_templates()

    def gone(*_: object, **__: object) -> None:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr("builtins.open", gone)
    monkeypatch.setattr(Path, "open", gone)
    monkeypatch.setattr("os.stat", gone)
    assert "Netzbetreiber anrufen." in render(page("Mains routes: no mains route left"), "de").body
