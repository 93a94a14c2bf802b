"""`dcmon report` as its user runs it: over the data folder of a real demo, read by a real browser, printed as PDF."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from commands import dcmon
from web_browser import browser

pytestmark = [pytest.mark.timeout(180)]

_LISTS_OF_LINKS = (
    "[...document.querySelectorAll('a')].filter((a) => !document.querySelector(a.hash)).map((a) => a.hash)"
)
_OVERFLOW = "document.documentElement.scrollWidth > document.documentElement.clientWidth"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a demo leaves in which both mains routes are lost and come back."""
    folder = tmp_path_factory.mktemp("demo")
    words = ("--scenario", "mains-outage", "--speed", "40", "--port", "0", "--exit-after", "18", "--data-dir", folder)
    dcmon("demo", *words)
    return folder


@pytest.fixture(scope="module")
def site(data: Path, tmp_path_factory: pytest.TempPathFactory, example_site: Path) -> Path:
    """The shipped configuration with that data folder."""
    folder = tmp_path_factory.mktemp("site") / "config"
    shutil.copytree(example_site, folder)
    agent = yaml.safe_load((folder / "agent.yaml").read_text(encoding="utf-8")) or {}
    (folder / "agent.yaml").write_text(yaml.safe_dump(agent | {"data_dir": str(data)}), encoding="utf-8")
    return folder


@pytest.mark.needs("chromium")
async def test_the_html_is_whole_by_itself_and_shows_the_outage(site: Path, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    dcmon("report", "--config", site, "--lang", "de", "-o", file)
    async with browser(tmp_path / "profile") as page:
        await page.size(1280, 900)
        await page.go(file.as_uri())
        assert page.faults == []
        assert {url.partition(":")[0] for url in page.requests} == {"file"} and len(page.requests) == 1
        assert await page.run("document.documentElement.lang") == "de"
        assert await page.run(_LISTS_OF_LINKS) == []
        assert await page.run("document.querySelectorAll('svg[role=img][aria-label]').length") >= 4
        assert await page.run("[...document.querySelectorAll('th')].filter((th) => !th.scope).length") == 0
        text = await page.run("document.body.innerText")
        assert "Übernahme der Seite A durch ihren Generator" in text and "Generator hat die Last übernommen" in text
        for width in (1280, 400):
            await page.size(width, 900)
            assert await page.run(_OVERFLOW) is False, width


@pytest.mark.needs("pdftoppm", "pdftotext")
def test_the_pdf_has_its_pages_its_manifest_and_verifies(site: Path, tmp_path: Path) -> None:
    file = tmp_path / "report.pdf"
    dcmon("report", "--config", site, "--lang", "en", "-o", file)
    manifest = json.loads((tmp_path / "report.pdf.json").read_text(encoding="utf-8"))
    assert {"period/T01", "year/T01", "period/T20"} <= {one["id"] for one in manifest["figures"]}
    text = subprocess.run(["pdftotext", "-layout", file, "-"], capture_output=True, text=True, check=True).stdout
    assert "Availability report" in text and "Takeover of side A by its generator" in text
    subprocess.run(["pdftoppm", "-r", "30", "-png", file, tmp_path / "page"], check=True)
    assert len(list(tmp_path.glob("page*.png"))) > 5
    assert "figures are the same" in dcmon("report", "--config", site, "--verify", file)
    file.write_bytes(file.read_bytes() + b"\n")
    assert "changed after it was made" in dcmon("report", "--config", site, "--verify", file, status=1)


def test_a_tampered_figure_fails_the_verification(site: Path, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    dcmon("report", "--config", site, "--lang", "en", "-o", file)
    dcmon("report", "--config", site, "--verify", file)
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace('data-part="outcome">unproven', 'data-part="outcome">met'), encoding="utf-8")
    assert "the document shows 'met' as outcome, it is 'unproven'" in dcmon(
        "report", "--config", site, "--verify", file, status=1
    )


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--month", "2026-13", "-o", "x.html"], "is no month"),
        (["-o", "x.doc"], "FILE.html or FILE.pdf"),
        (["--lang", "fr", "-o", "x.html"], "is no language"),
        (["--to", "2026-10-01", "-o", "x.html"], "--from"),
        (["--from", "2026-10-02", "--to", "2026-10-01", "-o", "x.html"], "ends before it starts"),
        (["--month", "2999-01", "-o", "x.html"], "has not begun yet"),
        (["--from", "2999-01-01", "--to", "2999-02-01", "-o", "x.html"], "has not begun yet"),
        (["--verify", "nosuch.html"], "No such file"),
    ],
)
def test_a_report_that_cannot_be_made_says_why(site: Path, words: list[str], says: str) -> None:
    assert says in dcmon("report", "--config", site, *words, status=1)


def test_figures_of_a_time_that_has_not_begun_are_refused(site: Path) -> None:
    assert "has not begun yet" in dcmon("promises", "--config", site, "--month", "2999-01", status=1)
    assert "has not begun yet" in dcmon("slo", "--config", site, "--from", "2999-01-01", "--to", "2999-02-01", status=1)
