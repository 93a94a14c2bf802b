"""A small journal in, the words of the report out. The file's name is what the report shows; `--update-golden`."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import pytest
from report_world import facts_of, fill

from dcmon.audit.render import write_html
from dcmon.config.loader import load
from dcmon.storage.journal import Journal

HERE = Path(__file__).parent / "report"
_BLOCKS = frozenset({"tr", "p", "h1", "h2", "h3", "h4", "li", "dt", "caption", "figcaption", "title"})
_CELLS = frozenset({"td", "th", "dd"})
LEFT_OUT = ("summary", "coverage", "manifest-list")
"""Parts that list every promise or figure of the catalogue: other tests look at them."""
PROMISES = ("T01", "T03", "T06", "T10", "T22", "T25", "T30")


class Text(HTMLParser):
    """The words of a document, a line for each block and row; without `LEFT_OUT`, and only some promises."""

    def __init__(self) -> None:
        super().__init__()
        self.lines = [""]
        self._silent = False
        self._style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._style = tag in ("style", "script")
        given = dict(attrs)
        if tag == "h2":
            self._silent = given.get("id") in LEFT_OUT
        elif tag == "section" and "promise" in (given.get("class") or ""):
            self._silent = given.get("aria-labelledby") not in PROMISES
        if tag in _BLOCKS:
            self.lines.append("")
        elif tag in _CELLS and self.lines[-1]:
            self.lines[-1] += " | "

    def handle_endtag(self, tag: str) -> None:
        self._style = False

    def handle_data(self, data: str) -> None:
        if not self._style and not self._silent:
            self.lines[-1] += " ".join(data.replace("\u00a0", " ").split()) + (" " if data.strip() else "")


def words_of(html: str) -> str:
    reader = Text()
    reader.feed(html)
    lines = (" ".join(line.split()) for line in reader.lines)
    return "\n".join(line for line in lines if line) + "\n"


@pytest.mark.parametrize("lang", ["de", "en"])
def test_a_month_reads_like_this(lang: str, tmp_path: Path, example_site: Path, update_golden: bool) -> None:
    journal = Journal(tmp_path)
    fill(journal)
    journal.close()
    html, _ = write_html(facts_of(load(example_site), tmp_path), lang, None)
    golden = HERE / f"a-month-with-a-late-return-a-correction-and-late-notice.{lang}.txt"
    if update_golden:
        golden.write_text(words_of(html), encoding="utf-8")
    assert words_of(html) == golden.read_text(encoding="utf-8")
