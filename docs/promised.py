"""How each promise is shown: controls, the points and rules of the shipped site, and the tests; for generate.py."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from dcmon.config.config import Config
from dcmon.config.loader import load
from dcmon.thresholds import catalogue
from dcmon.thresholds.controls import Control, promises, without_evidence

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = 3
"""Golden timelines named per promise; more are found beside them."""

_TIME = ("tests/unit/test_availability_figures.py", "tests/property/test_availability_properties.py")
_RULES = ("tests/unit/test_rule_kinds.py", "tests/unit/test_rule_indicators.py")
_DUTIES = ("tests/unit/test_register.py", "tests/unit/test_recurrence.py")
TESTS: dict[str, tuple[str, ...]] = {
    "T01": (*_TIME, "tests/unit/test_outages.py", "tests/unit/test_promises.py"),
    "T02": (*_RULES, "tests/unit/test_incidents_causes.py"),
    "T03": ("tests/unit/test_sequences.py", "tests/unit/test_battery_tests.py"),
    "T04": ("tests/unit/test_sequences.py",),
    "T05": _RULES,
    "T06": ("tests/unit/test_entries.py", "tests/unit/test_cases.py"),
    "T07": _RULES,
    "T08": ("tests/unit/test_absence.py", "tests/unit/test_rule_indicators.py"),
    "T09": _DUTIES,
    "T10": ("tests/unit/test_load_bank_tests.py", "tests/unit/test_register.py"),
    "T11": ("tests/faults/test_probes.py", "tests/unit/test_rule_indicators.py"),
    "T12": _DUTIES,
    "T13": _RULES,
    "T14": _RULES,
    "T15": _DUTIES,
    "T16": _RULES,
    "T17": ("tests/unit/test_cases.py",),
    "T18": ("tests/unit/test_drills.py", "tests/unit/test_sequences.py"),
    "T20": ("tests/unit/test_cases.py", "tests/unit/test_escalation_paging.py", "tests/unit/test_notify_channels.py"),
    "T21": (*_TIME, "tests/unit/test_promises.py"),
    "T22": ("tests/unit/test_outages.py", "tests/unit/test_cases.py"),
    "T23": _RULES,
    "T24": ("tests/unit/test_roster_duty.py", "tests/property/test_roster_days.py"),
    "T25": ("tests/unit/test_maintenance.py", "tests/unit/test_planned_notices.py", "tests/unit/test_calendars.py"),
    "T26": _RULES,
    "T27": (*_TIME, "tests/unit/test_promises.py"),
    "T28": _DUTIES,
    "T29": _DUTIES,
    "T30": ("tests/unit/test_cases.py", "tests/unit/test_entries.py"),
    "T31": _RULES,
    "T32": ("tests/unit/test_web_guard.py",),
}
"""Promise -> tests of what shows it, beside the golden timelines, which are found by the promises of their rules."""

_INDICATORS = {
    "alarm_free": "time without an alarm of its rules",
    "watched": "time in which all that its rules judge is known",
    "passed": "records that passed",
    "fixed": "faults fixed in time",
    "tasks": "tasks done in time",
    "announced": "maintenance announced in time",
    "told": "incidents of which somebody was told in time",
    "learnt": "critical incidents whose lessons are on record",
    "placed": "assets in a watched fire section",
}


def rows() -> Iterator[tuple[str, ...]]:
    """(id, promise, how it is shown, from which points, by which rules, tests or why there is no evidence)."""
    config = load(ROOT / "config")
    controls = catalogue(config)
    golden, unshown = golden_timelines(config), without_evidence(config)
    for name, promise in promises().items():
        mine = [control for control in controls.values() if control.tom == name]
        judged = [rule for rule in config.judged if name in rule.tom]
        sequences = [one for one in config.rules.sequences if name in one.tom]
        points = sorted({point for one in (*judged, *sequences) for point in _points(one.model_dump(by_alias=True))})
        ids = [one.id for one in (*sequences, *judged) if getattr(one, "kind", "") != "step"]
        if mine:
            lines = [_control(control) for control in mine]
            lines += ["**no evidence on the shipped site**: no rule of it is about this"] if name in unshown else []
            shown = "<br>".join(lines)
        else:
            shown = f"**not shown**: {promise.absent.en if promise.absent else 'no control'}"
        evidence = ", ".join(f"`{point}`" for point in points) or " / ".join(one.evidence for one in mine)
        tests = [f"[{Path(path).stem}](../{path})" for path in TESTS.get(name, ())]
        tests += [f"[{Path(path).name}](../{path})" for path in golden.get(name, [])[:GOLDEN]]
        yield name, promise.title.en, shown, evidence, ", ".join(f"`{one}`" for one in ids), ", ".join(tests)


def _control(control: Control) -> str:
    objective = control.objective
    what = _INDICATORS.get(objective.indicator, objective.indicator.replace("_", " "))
    kind = f" ({objective.kind})" if objective.kind else ""
    mark = ", agreed figure" if control.contract else ""
    return f"`{control.id}`: {what}{kind}, {objective.target:g} % per {objective.window}{mark}"


def _points(plain: Any) -> Iterator[str]:
    """Every point that a rule names, however deep."""
    if isinstance(plain, dict):
        for word, value in plain.items():
            if word == "point" and isinstance(value, str):
                yield value
            else:
                yield from _points(value)
    elif isinstance(plain, list | tuple):
        for value in plain:
            yield from _points(value)


def golden_timelines(shipped: Config) -> dict[str, list[str]]:
    """Promise -> golden timelines named after it, then those in which one of its rules or sequences is decided."""
    found: dict[str, set[Path]] = {}
    engine = [load(ROOT / "tests/golden/engine" / name) for name in ("config", "config-2")]
    for folder, configs in (("engine", engine), ("site", [shipped])):
        promised = {one.id: one.tom for config in configs for one in (*config.judged, *config.rules.sequences)}
        for scenario in (ROOT / "tests/golden" / folder).iterdir():
            if scenario.name[0] == "t" and scenario.name[1:3].isdigit():
                found.setdefault(scenario.name[:3].upper(), set()).add(scenario)
            out = scenario / "out.jsonl"
            if not out.is_file():
                continue
            lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines() if line]
            decided = {str(line.get("rule")) for line in lines if line.get("type") in ("alarm", "sequence", "clock")}
            for name in {tom for rule in decided for tom in promised.get(rule, ())}:
                found.setdefault(name, set()).add(scenario)
    return {
        name: [str(path.relative_to(ROOT)) for path in sorted(paths, key=lambda path: _closeness(name, path))]
        for name, paths in found.items()
    }


def _closeness(name: str, scenario: Path) -> tuple[bool, str]:
    return not scenario.name.startswith(f"{name.lower()}-"), str(scenario)
