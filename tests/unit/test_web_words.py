"""Words, numbers and times of the page in two languages."""

from __future__ import annotations

import re
import string
from pathlib import Path

import pytest

import dcmon.web
from dcmon.instants import iso_utc
from dcmon.web import words as module
from dcmon.web.text import LocalTime, anything, quantity, shorten, span
from dcmon.web.words import Words, choose_language

WEB = Path(dcmon.web.__file__).parent


def fields(text: str) -> set[str | None]:
    return {field for _, field, _, _ in string.Formatter().parse(text) if field}


@pytest.mark.parametrize("key", module._WORDS)
def test_every_word_exists_in_both_languages_with_the_same_facts(key: str) -> None:
    english, german = module._WORDS[key]
    assert english and german
    assert fields(english) == fields(german)


@pytest.mark.parametrize("key", module._ONE)
def test_of_one_the_words_are_in_the_singular(key: str) -> None:
    many, one = module._WORDS[key], module._ONE[key]
    assert [fields(text) for text in one] == [fields(text) for text in many]
    said = {field: 2 for field in fields(many[0]) if field}
    first = "count" if "count" in said else "devices"
    ordered = {first: 1, **{field: value for field, value in said.items() if field != first}}
    for column, language in enumerate(module.LANGUAGES):
        assert Words(language)(key, **ordered) == one[column].format(**ordered)
        assert Words(language)(key, **{**ordered, first: 2}) == many[column].format(**{**ordered, first: 2})


def test_every_word_that_a_page_uses_is_known_and_every_known_word_is_used() -> None:
    sources = [
        path.read_text() for path in WEB.rglob("*") if path.suffix in (".html", ".py") and path.name != "words.py"
    ]
    text = "\n".join(sources)
    used = set(re.findall(r"\bt\('([a-z_.]+)'", text)) | set(re.findall(r'words\(\s*"([a-z_.]+)"', text))
    assert used <= set(module._WORDS)
    made_up = (
        "state.",
        "severity.",
        "availability.",
        "verdict.",
        "task.",
        "alarm.",
        "delivery.",
        "incident.",
        "entry.",
        "class.",
        "planned.",
    )
    quoted = {key for key in module._WORDS if f'"{key}"' in text or f"'{key}'" in text}
    panels = set(re.findall(r'"([a-z]+)"', (WEB / "templates" / "wall.html").read_text()))
    ups = {key for key in module._WORDS if key.startswith("ups.")}
    unused = {key for key in module._WORDS if not key.startswith(made_up)} - used - quoted - panels - ups
    assert unused == set()


@pytest.mark.parametrize(
    ("asked", "accepted", "chosen"),
    [
        (None, "de-DE,de;q=0.9,en;q=0.8", "de"),
        (None, "en-GB,en;q=0.9,de;q=0.8", "en"),
        (None, "fr,de;q=0.3,en;q=0.2", "de"),
        (None, "fr", "en"),
        (None, "", "en"),
        (None, "de;q=0,en;q=0.1", "en"),
        (None, "de;q=x, ;;;,", "en"),
        ("de", "en", "de"),
        ("klingon", "de", "de"),
    ],
)
def test_the_language_is_what_was_asked_for_else_what_the_browser_prefers(
    asked: str | None, accepted: str, chosen: str
) -> None:
    assert choose_language(asked, accepted) == chosen


def test_an_unknown_language_speaks_english() -> None:
    assert Words("xx")("state.outage") == "OUTAGE"
    assert Words("de")("state.outage") == "AUSFALL"


@pytest.mark.parametrize(
    ("value", "unit", "english", "german"),
    [
        (9_400_000_000, "bit/s", "9.4 Gbit/s", "9,4 Gbit/s"),
        (370_400_000, "bit/s", "370 Mbit/s", "370 Mbit/s"),
        (0, "bit/s", "0 bit/s", "0 bit/s"),
        (12_345.0, "W", "12.3 kW", "12,3 kW"),
        (-4_200.0, "W", "-4.2 kW", "-4,2 kW"),
        (231.4, "V", "231 V", "231 V"),
        (-0.04, "degC", "0.0 °C", "0,0 °C"),
        (3, "1", "3", "3"),
        (float("nan"), "V", "? V", "? V"),
    ],
)
def test_quantities_read_naturally(value: float, unit: str, english: str, german: str) -> None:
    assert quantity(value, unit, "en") == english
    assert quantity(value, unit, "de") == german


def test_truths_words_and_nothing_are_written_as_such() -> None:
    assert anything(True, None, "de") == "ja"
    assert anything("bypass", None, "de") == "bypass"
    assert anything(None, "V", "en") == "–"


@pytest.mark.parametrize(
    ("ms", "text"),
    [(-5, "0 s"), (59_999, "59 s"), (60_000, "1 min 00 s"), (7_500_000, "2 h 05 min"), (273_600_000, "3 d 04 h")],
)
def test_spans_have_two_units(ms: int, text: str) -> None:
    assert span(ms) == text


def test_instants_are_utc_with_milliseconds() -> None:
    assert iso_utc(1_795_428_202_500) == "2026-11-23T10:03:22.500Z"
    assert iso_utc(10**17).startswith("9999-")


def test_local_times_follow_the_site_and_name_the_day_when_it_is_another() -> None:
    german, english = LocalTime("Europe/Berlin", "de"), LocalTime("Europe/Berlin", "en")
    now = 1_795_428_202_500
    assert german.clock(now) == "11:03:22"
    assert german.moment(now - 3_600_000, now) == "10:03:22"
    assert german.moment(now - 86_400_000, now) == "22.11. 11:03"
    assert english.moment(now - 366 * 86_400_000, now) == "22 Nov 2025 11:03"
    assert german.full(now) == "23.11.2026 11:03:22 CET"
    assert german.full(now - 150 * 86_400_000).endswith("12:03:22 CEST")


def test_long_names_are_cut_with_an_ellipsis() -> None:
    assert shorten("abcdef", 6) == "abcdef"
    assert shorten("abcdefg", 6) == "abcde…"
