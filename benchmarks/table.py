"""The table of the README, made from the results of one run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.machine import describe, today

README = Path(__file__).resolve().parent.parent / "README.md"
OPEN, CLOSE = "<!-- benchmarks -->", "<!-- /benchmarks -->"


def verdict(figure: Mapping[str, Any]) -> str:
    """met; missed; or, where only the disturbed runs missed it, just that."""
    if "target" not in figure:
        return ""
    if figure["met"]:
        return "met"
    return "met undisturbed only" if figure.get("met_undisturbed") else "**missed**"


def number(value: float) -> str:
    """Thousands apart, no needless decimals."""
    return f"{value:,.0f}" if value == int(value) or value >= 1000 else f"{value:,}"


def rows(results: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    """One row per figure."""
    yield "| | median | least disturbed | target | |"
    yield "|---|---:|---:|---:|---|"
    for result in results:
        for figure in result["figures"]:
            unit = "" if figure["unit"] == "ratio" else f" {figure['unit']}"
            best = f"{number(figure['best'])}{unit}" if "best" in figure else ""
            bound = {"at most": "≤", "at least": "≥"}.get(figure.get("bound", ""), "")
            target = f"{bound} {number(figure['target'])}{unit}" if "target" in figure else ""
            yield f"| {figure['what']} | {number(figure['value'])}{unit} | {best} | {target} | {verdict(figure)} |"
        for missing in result.get("left_out", ()):
            yield f"| left out: {missing} | | | | |"


def write(results: Sequence[Mapping[str, Any]], readme: Path = README) -> None:
    """Replaces what stands between the markers; adds the section at the end where there is none."""
    text = readme.read_text(encoding="utf-8")
    if OPEN not in text or CLOSE not in text:
        text = f"{text.rstrip()}\n\n## Speed\n\n{OPEN}\n{CLOSE}\n"
    before, _, rest = text.partition(OPEN)
    _, _, after = rest.partition(CLOSE)
    table = "\n".join(rows(results))
    origin = f"One run of {today()} on {describe()}, pinned to one core."
    readme.write_text(f"{before}{OPEN}\n{origin}\n\n{table}\n{CLOSE}{after}", encoding="utf-8")
