"""Timelines in, decisions and pages out. A folder of tests/golden/engine is a case; its name is the behaviour."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dcmon.config.loader import load
from dcmon.notify.escalation import Pager
from dcmon.replay import replay

SITE = Path(__file__).parent / "engine" / "config"
"""The shipped site as it was when these cases were written: they are about the engine, not about the site."""

CASES = sorted(path.parent for path in SITE.parent.glob("*/in.jsonl"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_timeline_leads_to_these_decisions(case: Path, update_golden: bool) -> None:
    config = load(SITE)
    problems: list[object] = []
    with (case / "in.jsonl").open() as lines:
        said = list(replay(config, lines, Pager(config), problems.append))
    assert problems == []
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in said)
    golden = case / "out.jsonl"
    if update_golden:
        golden.write_text(text)
    assert text.splitlines() == golden.read_text().splitlines()
