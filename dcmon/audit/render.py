"""Writes a report: one self-contained HTML document with its manifest inside, or a PDF with the manifest beside it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

import dcmon
from dcmon.audit.curves import Curves
from dcmon.audit.facts import Facts
from dcmon.audit.manifest import VERSION, Proved, digest, figure_entry
from dcmon.audit.text import Format, Shown, split_series
from dcmon.audit.words import report_words
from dcmon.cases import Outcome
from dcmon.config.rules import Rule
from dcmon.instants import iso_utc
from dcmon.model import DcmonError, FaultClock, Incident, Record, Task
from dcmon.storage.outbox import Delivery
from dcmon.storage.samples import Samples
from dcmon.thresholds.controls import promises
from dcmon.thresholds.exclusions import excludes
from dcmon.web.words import Words

_TEMPLATES = Path(__file__).parent / "templates"
_MANIFEST = re.compile(r'<script type="application/json" id="manifest">\n(.*?)\n</script>', re.DOTALL)
_DESCRIBED = (
    "sequence", "load-bank", "battery-test", "duty", "drill", "maintenance", "delivery", "backup", "correction",
)  # fmt: skip
"""Kinds of records in the order of the document; whatever else there is comes after them."""
_ELSEWHERE = frozenset({"lesson", "page-test"})
"""Kinds that stand with what they are about."""
OUTAGES = 50
"""Outages of one figure at most; the rest is counted."""


def write_html(facts: Facts, lang: str, samples: Samples | None) -> tuple[str, dict[str, Any]]:
    """(the document with its manifest in it, the manifest)."""
    entries = [figure_entry(one) for one in facts.proved]
    body = _document(facts, lang, samples, entries)
    place = _MANIFEST.search(body)
    assert place is not None
    before, after = body[: place.start(1)], body[place.end(1) :]
    manifest = _manifest(facts, lang, digest(before + after), entries)
    # In a script element only `</` and `<!--` end or change what is read; JSON may write `<` as an escape.
    text = json.dumps(manifest, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    return before + text + after, manifest


def _manifest(facts: Facts, lang: str, document: str, entries: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What the report says, for programs. `document` is the SHA-256 of the document without its manifest."""
    return {
        "manifest": VERSION,
        "dcmon": dcmon.__version__,
        "site": facts.config.site.name,
        "configuration_sha256": facts.config.digest,
        "lang": lang,
        "made": facts.made,
        "made_at": iso_utc(facts.made),
        "start": facts.start,
        "end": facts.end,
        "document_sha256": document,
        "promises": {tom: outcome.value for tom, outcome in facts.outcomes.items()},
        "figures": entries,
    }


def read_html(text: str) -> tuple[dict[str, Any], str]:
    """(manifest, digest of the rest) of a document. DcmonError when there is no manifest in it."""
    found = _MANIFEST.search(text)
    try:
        manifest = json.loads(found[1]) if found else None
    except ValueError:
        manifest = None
    if found is None or not isinstance(manifest, dict):
        raise DcmonError("this is no report of dcmon: it has no manifest")
    return manifest, digest(text[: found.start(1)] + text[found.end(1) :])


def shown_cells(facts: Facts, lang: str) -> dict[tuple[str, str], str]:
    """{(figure, part): text} of every figure that the document may show."""
    words = report_words(lang)
    shown = Shown(words, Format(facts.config, words))
    parts = ("outcome", "target", "value", "worst", "coverage", "excluded", "down", "budget", "good", "bad", "open")
    cells = {(one.id, part): shown(one, part) for one in facts.proved for part in parts}
    outcomes = {(f"promise/{tom}", "outcome"): words(f"outcome.{one.value}") for tom, one in facts.outcomes.items()}
    return cells | outcomes


def _document(facts: Facts, lang: str, samples: Samples | None, entries: Sequence[dict[str, Any]]) -> str:
    words = report_words(lang)
    form = Format(facts.config, words)
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True,
        undefined=StrictUndefined,
    )  # fmt: skip
    rules = {rule.id: rule for rule in facts.config.judged}
    titles = {rule.id: rule.word("title", lang) for rule in rules.values()}
    environment.globals |= {
        "facts": facts,
        "t": words,
        "form": form,
        "shown": Shown(words, form),
        "lang": lang,
        "version": dcmon.__version__,
        "css": Markup((_TEMPLATES / "report.css").read_text(encoding="utf-8")),  # our own file
        "promises": promises(),
        "curves": Curves(facts.config, samples, form),
        "OUTAGES": OUTAGES,
        "split_series": split_series,
        "anchor": anchor,
        "excludes": excludes,
        "duties": {duty.id: duty for duty in facts.config.duties.duties},
        "sequences": {spec.id: spec for spec in facts.config.rules.sequences},
        "rule_title": lambda alarm: titles.get(alarm.partition("/")[0], alarm),
        "incident_title": lambda row: _incident_title(row, rules.get(row.rule), lang),
        "record_title": lambda row: _title(facts, row, form),
        "evidence_text": lambda tom: _evidence(facts, tom, words),
        "measured_any": lambda rows: any(one.result.good or one.result.bad or one.result.open for one in rows),
    }
    template = environment.get_template("report.html")
    kinds = [kind for kind in _DESCRIBED if kind in facts.records]
    kinds += [kind for kind in facts.records if kind not in _DESCRIBED and kind not in _ELSEWHERE]
    return template.render(
        kinds=kinds,
        counts={one.value: sum(each is one for each in facts.outcomes.values()) for one in Outcome},
        measured=any(one.result.of_time and one.result.value is not None for one in facts.of_window("period")),
        channels=channels(facts.deliveries),
        coverage=least_known(facts.proved),
        entries=entries,
    )


def channels(deliveries: Sequence[Delivery]) -> list[dict[str, Any]]:
    """How the attempts over each channel came out."""
    rows = []
    for channel in sorted({one.channel for one in deliveries}):
        mine = [one for one in deliveries if one.channel == channel]
        results = {word: sum(one.result == word for one in mine) for word in ("sent", "retry", "failed", "unknown")}
        rows.append({"channel": channel, "attempts": len(mine), **results})
    return rows


def least_known(proved: Sequence[Proved]) -> list[Proved]:
    """The figures of time of the period, the least covered first."""
    timed = [one for one in proved if one.window == "period" and one.result.figure is not None]
    return sorted(timed, key=lambda one: (_coverage(one), one.id))


def _coverage(one: Proved) -> float:
    figure = one.result.figure
    return (figure.measure.coverage or 0.0) if figure is not None else 0.0


def anchor(row: Record | Incident | Task | FaultClock) -> str:
    """The id of a row's place in the document."""
    return f"r-{digest(row.id)[:12]}"


def _title(facts: Facts, row: Record, form: Format) -> str:
    """What a record is about: the duty, the planned work, the person who was paged, or the asset."""
    if row.kind == "page-test":
        return form.person(row.subject)
    names = {duty.id: form.own(duty.name) for duty in facts.config.duties.duties}
    return str(row.data.get("title") or names.get(row.subject) or form.name(row.subject))


def _incident_title(row: Incident, rule: Rule | None, lang: str) -> str:
    """Its title with the rule's words in the language of the document, where the rule is what it was then."""
    if rule is None or not row.title.endswith(rule.title):
        return row.title
    return f"{row.title.removesuffix(rule.title)}{rule.word('title', lang)}"


def _evidence(facts: Facts, tom: str, words: Words) -> str:
    """How much there is for a promise, in a few words."""
    counts = {"count.record": len(facts.about(tom)), "count.incident": len(facts.touching(tom))}
    texts = [words(f"{key}.one") if count == 1 else words(key, count=count) for key, count in counts.items() if count]
    return ", ".join(texts) or "–"
