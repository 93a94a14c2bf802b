"""Whether a report still says what the journal says: its figures made again, what it shows compared with them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from dcmon.audit.asof import JournalAt
from dcmon.audit.facts import gather
from dcmon.audit.manifest import VERSION, Finding, compare, digest, figure_entry
from dcmon.audit.render import read_html, shown_cells
from dcmon.config.config import Config
from dcmon.model import DcmonError
from dcmon.thresholds import Judge

SIDECAR = ".json"
"""What is added to a PDF's name for that of its manifest."""
_NUMBERS = ("made", "start", "end")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verifying a file said. `notes` are about the document as a whole, and only those in `faults` fail it."""

    findings: tuple[Finding, ...]
    faults: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def good(self) -> bool:
        """Every figure is the same, and nothing is wrong with the document."""
        return not self.faults and all(one.same for one in self.findings)


def verify(config: Config, journal: Path, file: Path) -> Verdict:
    """Makes the figures of a report again. `journal` is the journal's file. DcmonError when it is no report."""
    manifest, faults, text = _read(file)
    made, start, end = (manifest[name] for name in _NUMBERS)
    at = JournalAt(journal, made)
    try:
        facts = gather(config, at, Judge(config).availability(made), (start, end), made)
    finally:
        at.close()
    findings = compare(manifest["figures"], [figure_entry(one) for one in facts.proved])
    wrong = {name: value for name, value in manifest["promises"].items() if value != facts.outcomes.get(name)}
    findings += [Finding(f"promise/{name}", "figure", f"it is {facts.outcomes.get(name, 'unknown')} now, not {value}")
                 for name, value in wrong.items()]  # fmt: skip
    if text is not None:
        faults += _misprints(text, shown_cells(facts, str(manifest["lang"])), findings)
    notes = []
    if manifest["configuration_sha256"] != config.digest:
        notes.append("the configuration is another than the one that the report was made with")
    return Verdict(tuple(findings), tuple(faults), tuple(notes))


def _read(file: Path) -> tuple[dict[str, Any], list[str], str | None]:
    """(manifest, what is wrong with the file, its text if it is HTML)."""
    try:
        content = file.read_bytes()
        if not content.startswith(b"%PDF"):
            text = content.decode("utf-8", errors="replace")
            manifest, rest = read_html(text)
            return _checked(manifest), _intact(manifest, "document_sha256", rest), text
        manifest = json.loads(file.with_name(file.name + SIDECAR).read_text(encoding="utf-8"))
        return _checked(manifest), _intact(manifest, "file_sha256", digest(content)), None
    except OSError as error:
        raise DcmonError(f"{error.filename or file}: {error.strerror}") from None
    except ValueError:
        raise DcmonError(f"{file.name + SIDECAR} is no manifest of dcmon") from None


def _checked(manifest: Any) -> dict[str, Any]:
    if not isinstance(manifest, dict) or manifest.get("manifest") != VERSION:
        raise DcmonError(f"this is no manifest that this dcmon knows (version {VERSION})")
    figures, promises = manifest.get("figures"), manifest.get("promises")
    fits = (
        all(isinstance(manifest.get(name), int) for name in _NUMBERS)
        and isinstance(figures, list) and all(isinstance(one, dict) for one in figures)
        and isinstance(promises, dict) and manifest.get("lang") in ("de", "en") and "configuration_sha256" in manifest
        and manifest["start"] <= manifest["end"]
    )  # fmt: skip
    if not fits:
        raise DcmonError("the manifest is damaged: parts of it are missing")
    return manifest


def _intact(manifest: dict[str, Any], word: str, found: str) -> list[str]:
    return [] if manifest.get(word) == found else ["the document was changed after it was made"]


def _misprints(text: str, cells: dict[tuple[str, str], str], findings: list[Finding]) -> list[str]:
    """Figures that the document shows otherwise than they are. Those whose inputs changed are named already."""
    changed = {one.figure for one in findings if not one.same}
    reader = _Cells()
    reader.feed(text)
    reader.close()
    wrong = []
    for (figure, part), shown in reader.found:
        if figure not in changed and cells.get((figure, part)) != shown:
            wrong.append(f"{figure}: the document shows {shown!r} as {part}, it is {cells.get((figure, part))!r}")
    return wrong


class _Cells(HTMLParser):
    """Collects the text of every element that shows a figure."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[tuple[str, str], str]] = []
        self._open: tuple[str, tuple[str, str]] | None = None
        self._text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("data-figure"):
            self._open, self._text = (tag, (given["data-figure"] or "", given.get("data-part") or "")), ""

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if self._open is not None and self._open[0] == tag:
            self.found.append((self._open[1], self._text.strip()))
            self._open = None
