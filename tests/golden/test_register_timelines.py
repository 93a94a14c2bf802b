"""Timelines of the shipped site in, what the register makes of them out: each folder of tests/golden/register."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from dcmon.config.loader import load
from dcmon.notify.escalation import Pager
from dcmon.replay import Problem, replay

HERE = Path(__file__).parent
CONFIG = HERE.parent.parent / "config"
CASES = sorted(path.parent for path in (HERE / "register").glob("*/in.jsonl"))
QUIET = (HERE / "site" / "quiet.jsonl").read_text().splitlines()
DUTIES = frozenset(duty.id for duty in load(CONFIG).duties.duties)


def told(line: dict[str, Any], only: str | None) -> str | None:
    """Records, and what follows from them: tasks, alarms of duties and who hears of them."""
    who, state = line["asset"], line["state"]
    if line["type"] == "control" and "kind" in line:
        return f"{line['ts']} record {line['kind']} {state} {who}: {line['reason']}"
    if line["rule"] not in DUTIES or (only and line["rule"] != only):
        return None
    if line["type"] == "page":
        return f"{line['ts']} told {line['reason']} -> {line['person']}/{line['channel']}: {line['title']}"
    return f"{line['ts']} {line['type']} {state} {who}: {line['reason']}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_register_makes_this_of_the_timeline(case: Path, update_golden: bool) -> None:
    config = load(CONFIG)
    problems: list[Problem] = []
    lines = [*QUIET, *(case / "in.jsonl").read_text().splitlines()]
    said = list(replay(config, lines, Pager(config), problems.append))
    only = "leak-detectors" if "detector" in case.name else None
    text = "".join(f"{line}\n" for line in (told(one, only) for one in said) if line is not None)
    text += "".join(f"{problem}\n" for problem in problems)
    golden = case / "out.txt"
    if update_golden:
        golden.write_text(text)
    assert text.splitlines() == golden.read_text().splitlines()


def test_the_record_of_a_test_has_its_figures_and_the_names_of_its_curves() -> None:
    case = next(case for case in CASES if case.name.startswith("half-an-hour"))
    lines = [*QUIET, *(case / "in.jsonl").read_text().splitlines()]
    said = json.loads(json.dumps(list(replay(load(CONFIG), lines))))
    (record,) = [line for line in said if line.get("kind") == "load-bank" and line["state"] == "passed"]
    assert record["figures"]["generator.load"] == {"lowest": 100.0, "mean": 100.0, "highest": 100.0}
    assert "genset-a/generator.load" in record["series"]
    assert record["tom"] == ["T10"]
