"""Figures, times and names in words, German and English."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from dcmon.audit.text import Format
from dcmon.audit.words import report_words
from dcmon.config.config import Config
from dcmon.config.loader import load
from dcmon.model import SeriesKey
from dcmon.thresholds import Judge
from dcmon.thresholds.controls import promises


@pytest.fixture(scope="module")
def config(example_site: Path) -> Config:
    return load(example_site)


@pytest.fixture(scope="module")
def german(config: Config) -> Format:
    return Format(config, report_words("de"))


@pytest.fixture(scope="module")
def english(config: Config) -> Format:
    return Format(config, report_words("en"))


def ms(text: str) -> int:
    return int(dt.datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize(
    ("share", "de", "en"),
    [
        (100.0, "100,0000\u00a0%", "100.0000\u00a0%"),
        (99.99999, "99,9999\u00a0%", "99.9999\u00a0%"),
        (99.99, "99,9900\u00a0%", "99.9900\u00a0%"),
        (0.0, "0,0000\u00a0%", "0.0000\u00a0%"),
        (None, "–", "–"),
    ],
)
def test_a_share_is_never_rounded_up(german: Format, english: Format, share: float | None, de: str, en: str) -> None:
    assert (german.percent(share), english.percent(share)) == (de, en)


def test_a_target_stands_as_it_was_promised(german: Format) -> None:
    assert [german.target(share) for share in (99.99, 100.0, 99.5)] == ["99,99\u00a0%", "100\u00a0%", "99,5\u00a0%"]


def test_a_month_is_named_by_its_first_and_its_last_day(german: Format, english: Format) -> None:
    october = ms("2026-10-01T00:00:00+02:00"), ms("2026-11-01T00:00:00+01:00")
    assert german.period(*october) == "01.10.2026 bis 31.10.2026"
    assert english.period(*october) == "2026-10-01 to 2026-10-31"
    hours = ms("2026-10-01T06:00:00+02:00"), ms("2026-10-01T07:00:00+02:00")
    assert german.period(*hours) == "01.10.2026 06:00:00 bis 01.10.2026 07:00:00"


def test_an_hour_that_comes_twice_has_its_zone_beside_it(german: Format, english: Format) -> None:
    first, second = ms("2026-10-25T02:30:00+02:00"), ms("2026-10-25T02:30:00+01:00")
    assert german.moment(first) == "25.10.2026 02:30:00 MESZ"
    assert german.moment(second) == "25.10.2026 02:30:00 MEZ"
    assert english.moment(second) == "2026-10-25 02:30:00 CET"
    assert german.moment(ms("2026-10-25T03:30:00+01:00")) == "25.10.2026 03:30:00"
    assert german.moment(None) == "–"


def test_series_and_assets_have_the_names_of_the_site(german: Format, english: Format) -> None:
    key = SeriesKey("ups-a", "battery.charge", None)
    assert (german.series(key), english.series(key)) == ("UPS A, Batterieladung", "UPS A, battery charge")
    assert german.series(SeriesKey("gone", "new.point", "2")) == "gone, new.point [2]"
    assert (german.person("weber"), german.person("left"), german.person(None)) == ("Anna Weber (energy)", "left", "–")


def test_what_nobody_described_is_shown_word_by_word(german: Format) -> None:
    data = {
        "litres": 3.25, "took_ms": 61_000, "at": ms("2026-10-01T06:00:00+02:00"), "empty": "", "none": None,
        "ok": True, "list": ["a", "b"], "inner": {"low": 1, "none": None}, "count": 3,
    }  # fmt: skip
    assert german.data(data) == [
        ("litres", "3,25"), ("took", "1 min 01 s"), ("at", "01.10.2026 06:00:00"), ("ok", "ja"), ("list", "a, b"),
        ("inner", "low 1"), ("count", "3"),
    ]  # fmt: skip


def test_both_languages_fill_the_same_places_of_every_word() -> None:
    import string

    from dcmon.audit.words import _words

    def places(text: str) -> set[str | None]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}

    assert {key: (places(en), places(de)) for key, (en, de) in _words().items() if places(en) != places(de)} == {}


def test_every_promise_is_said_in_both_languages() -> None:
    for promise in promises().values():
        assert promise.title.de and promise.title.en and promise.title.de != promise.title.en


def test_what_tests_and_sequences_measure_has_a_word(config: Config) -> None:
    measured = {one.point for sequence in config.rules.sequences for one in sequence.measure}
    judge = Judge(config)
    measured |= {gauge.point for trial in judge._compiler.trials for gauge in trial.gauges}
    words = report_words("de")
    assert {point for point in measured if words.known(f"point.{point}", "") == ""} == set()
