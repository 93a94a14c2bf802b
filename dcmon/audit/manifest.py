"""What a report's figures were made from, as digests, so that anybody with the journal can make them again. Pure.

Canonical form: every row of the journal as a JSON object with its kind, keys sorted, no white space, UTF-8; the rows of
one kind sorted as text and joined by newlines; of that the SHA-256. Intervals are cut to the time of the figure.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from dcmon.cases import Place, Result, Row
from dcmon.model import Incident, Interval
from dcmon.storage.outbox import Delivery
from dcmon.thresholds.controls import Control

VERSION = 1
_ENCODE = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode
_INCIDENT = ("id", "opened", "paging")
"""All of an incident that its being told of in time depends on; the rest goes on changing while it lasts."""


@dataclass(frozen=True, slots=True)
class Proved:
    """One figure of a report: the result of a control over a window, under an id that is the same in every report."""

    window: str
    """period, year, rolling_365d or commissioned."""
    result: Result

    @property
    def id(self) -> str:
        """`WINDOW/FIGURE`, or `WINDOW/CONTROL` for a control without a figure of availability."""
        figure = self.result.figure
        return f"{self.window}/{figure.view.id if figure is not None else self.result.control.id}"


@dataclass(frozen=True, slots=True)
class Finding:
    """What verifying said about one figure. state: same, figure, inputs, control, period, gone or missing."""

    figure: str
    state: str
    text: str

    @property
    def same(self) -> bool:
        """The figure came out as the document says."""
        return self.state == "same"


def canonical(thing: Any) -> str:
    """JSON with sorted keys and without white space."""
    return _ENCODE(thing)


def digest(text: str | bytes) -> str:
    """SHA-256, in hexadecimal."""
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()


def input_digests(rows: Iterable[Row], start: int, end: int) -> dict[str, dict[str, Any]]:
    """{kind of row: {"count": n, "sha256": ...}} of what a figure over [start, end) was made from."""
    kinds: dict[str, list[str]] = {}
    for row in rows:
        kinds.setdefault(type(row).__name__.lower(), []).append(canonical(_plain(row, start, end)))
    return {
        kind: {"count": len(texts), "sha256": digest("\n".join(sorted(texts)))} for kind, texts in sorted(kinds.items())
    }


def control_digest(control: Control) -> str:
    """Of a control's definition with the target of the site; its titles are no part of what it means."""
    return digest(canonical(control.model_dump(mode="json", exclude={"title", "owner", "evidence"})))


def figure_entry(proved: Proved) -> dict[str, Any]:
    """A figure as it stands in the manifest; times in ms UTC, lengths in ms, shares in per cent."""
    result, figure = proved.result, proved.result.figure
    entry: dict[str, Any] = {
        "id": proved.id,
        "promise": result.control.tom,
        "start": result.start,
        "end": result.end,
        "target": result.control.objective.target,
        "outcome": result.outcome.value,
        "value": result.value,
        "good": result.good,
        "bad": result.bad,
        "open": result.open,
    }
    if figure is not None:
        told = figure.as_dict()
        entry |= {name: told[name] for name in ("measured", "worst", "coverage", "excluded_ms", "budget_ms", "outages")}
    entry["inputs"] = input_digests(result.inputs, result.start, result.end)
    entry["control_sha256"] = control_digest(result.control)
    return entry


def compare(kept: Sequence[Mapping[str, Any]], made: Sequence[Mapping[str, Any]]) -> list[Finding]:
    """What became of each figure of a manifest (`kept`), beside those that the journal gives now (`made`)."""
    again = {str(entry["id"]): entry for entry in made}
    findings = [_compare(entry, again.pop(str(entry.get("id")), None)) for entry in kept]
    return findings + [Finding(name, "missing", "the journal gives it, the report lacks it") for name in again]


def _compare(kept: Mapping[str, Any], made: Mapping[str, Any] | None) -> Finding:
    name = str(kept.get("id"))
    if made is None:
        return Finding(name, "gone", "site and catalogue have no such figure any more")
    if kept.get("control_sha256") != made["control_sha256"]:
        targets = f"target {_shown(kept.get('target'))} then, {_shown(made['target'])} now"
        return Finding(name, "control", f"the control was changed ({targets})")
    if (kept.get("start"), kept.get("end")) != (made["start"], made["end"]):
        return Finding(name, "period", "it is about another time: when the asset was commissioned has changed")
    if kept.get("inputs") != made["inputs"]:
        return Finding(name, "inputs", f"what it was made from has changed: {_inputs(kept.get('inputs'), made)}")
    wrong = [word for word in made if kept.get(word) != made[word]]
    if wrong:
        texts = ", ".join(f"{word} is {_shown(made[word])}, not {_shown(kept.get(word))}" for word in wrong)
        return Finding(name, "figure", f"its inputs are the same and give another figure: {texts}")
    return Finding(name, "same", "same")


def _inputs(kept: Any, made: Mapping[str, Any]) -> str:
    then: Mapping[str, Any] = kept if isinstance(kept, Mapping) else {}
    now: Mapping[str, Any] = made["inputs"]
    texts = []
    for kind in sorted({*then, *now}):
        if then.get(kind) != now.get(kind):
            counts = [one["count"] if isinstance(one, Mapping) and "count" in one else 0
                      for one in (then.get(kind), now.get(kind))]  # fmt: skip
            texts.append(f"{kind} ({counts[0]} rows then, {counts[1]} now)")
    return ", ".join(texts)


def _shown(value: Any) -> str:
    return "nothing" if value is None else str(value)


def _plain(row: Row, start: int, end: int) -> dict[str, Any]:
    if isinstance(row, Interval):  # a year of a site has hundred thousands of them
        end = end if row.end is None else min(row.end, end)
        return {"indicator": row.indicator, "start": max(row.start, start), "end": end, "state": row.state,
                "reason": row.reason}  # fmt: skip
    if isinstance(row, Delivery | Place):
        return row._asdict()
    names = _INCIDENT if isinstance(row, Incident) else [field.name for field in fields(row)]
    return {name: getattr(row, name) for name in names}
