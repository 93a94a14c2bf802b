"""The simulated year as its auditor gets it: every event of docs/simulator.md is in the report, with its verdict."""

from __future__ import annotations

import html
import re
import shutil
import sqlite3
import subprocess
from pathlib import Path

import pytest
from commands import dcmon

pytestmark = [pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("year") / "data"
    told = dcmon("demo", "--scenario", "year", "--speed", "max", "--data-dir", folder, seconds=500)
    assert "4 delivery, 1 drill" in told and "24 load-bank" in told
    return folder


def month(year: Path, number: int, lang: str = "en") -> str:
    """The text of the month's report, without its pictures."""
    file = year / f"{number:02}-{lang}.html"
    if not file.exists():
        dcmon("report", "--config", year / "config", "--month", f"2025-{number:02}", "--lang", lang, "-o", file)
    text = re.sub(r"(?s)<(svg|script|style).*?</\1>", "", file.read_text(encoding="utf-8"))
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text)))


@pytest.mark.parametrize(
    ("number", "wanted"),
    [
        (3, ["T01 Power available 99.99 % 99.99 % 100.0000 % 1 incident met",
             "Takeovers by the generators within 60 s agreed figure 100 % 2 of 2 2 0 0 met"]),
        (4, ["Test pages answered in time 100 % 0 of 1 0 1 0 missed",
             "Test pages: Max Huber (network), 2025-04-25 10:05:00 failed"]),
        (5, ["Test pages answered in time 100 % 1 of 1 1 0 0 met"]),
        (6, ["Load-bank tests passed agreed figure 100 % 1 of 2 1 1 0 missed",
             "Load-bank tests: Generator B, 2025-06-10 11:00:14 failed"]),
        (7, ["Maintenance announced in time agreed figure 100 % 0 of 1 0 1 0 missed",
             "Maintenance: Router 1: new software, 2025-07-14 22:00:00 failed"]),
        (8, ["Faults fixed in time agreed figure 100 % 0 of 1 0 1 0 missed"]),
        (9, ["Takeovers by the generators within 60 s agreed figure 100 % 1 of 2 1 1 0 missed",
             "Takeovers by the UPS without delay agreed figure 100 % 2 of 2 2 0 0 met"]),
        (11, ["Black-building tests passed agreed figure 100 % 0 of 1 0 1 0 missed",
              "does not answer device-silent/cooling-9 – 2025-11-08 09:40:00 missing"]),
    ],
)  # fmt: skip
def test_what_happened_is_in_the_report_of_its_month(year: Path, number: int, wanted: list[str]) -> None:
    text = month(year, number)
    for words in wanted:
        assert words in text


def test_four_deliveries_twelve_months_of_load_bank_tests_and_promises_that_are_shown(year: Path) -> None:
    texts = [month(year, number) for number in range(1, 13)]
    assert sum(len(re.findall(r"Deliveries of fuel: Fuel tank [AB], ", text)) for text in texts) == 4
    passed = sum(len(re.findall(r"Load-bank tests: Generator [AB], \S+ \S+ passed", text)) for text in texts)
    failed = sum(len(re.findall(r"Load-bank tests: Generator [AB], \S+ \S+ failed", text)) for text in texts)
    assert (passed, failed) == (23, 1)
    for promise in ("T05", "T08", "T11"):
        assert all(re.search(rf"{promise} [^%]+ \d+ % \d", text) for text in texts[1:]), promise


@pytest.mark.needs("pdftotext")
def test_the_month_of_the_second_outage_in_german_is_a_pdf_that_verifies_until_somebody_touches_the_journal(
    year: Path,
) -> None:
    file = year / "september.pdf"
    config = year / "config"
    dcmon("report", "--config", config, "--month", "2025-09", "--lang", "de", "-o", file)
    text = subprocess.run(["pdftotext", "-layout", file, "-"], capture_output=True, text=True, check=True).stdout
    assert "Verfügbarkeitsbericht Munich" in text and "09.09.2025 15:27:00" in text
    assert "Generator hat die Last übernommen" in text and "überfällig" in text
    assert "figures are the same" in dcmon("report", "--config", config, "--verify", file)
    touched = year / "touched"
    touched.mkdir()
    for name in ("journal.db", "samples.db"):
        shutil.copy(year / name, touched)
    journal = sqlite3.connect(touched / "journal.db")
    with journal:
        journal.execute("UPDATE record SET verdict = 'passed' WHERE kind = 'sequence' AND verdict = 'failed'")
    journal.close()
    assert "T04" in dcmon("report", "--config", config, "--data-dir", touched, "--verify", file, status=1)
