"""Timelines in, decisions and pages out. A folder of tests/golden/engine is a case; its name is the behaviour.

A case with an `expect.txt` was written from the promises before anything was judged: what must and what must not come.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from dcmon.config.config import Config
from dcmon.config.loader import load
from dcmon.notify.escalation import Pager
from dcmon.replay import Problem, replay

FOLDER = Path(__file__).parent / "engine"
SITES = {False: FOLDER / "config", True: FOLDER / "config-2"}
"""The shipped site as it was when cases were written, without and with sequences and register: they are about the
engine, not about the site. Those with expectations are judged by the second."""

CASES = sorted(path.parent for path in FOLDER.glob("*/in.jsonl"))
EXPECTING = [case for case in CASES if (case / "expect.txt").exists()]


@cache
def site(*, expecting: bool) -> Config:
    return load(SITES[expecting])


@cache
def played(case: Path) -> tuple[list[dict[str, Any]], list[Problem]]:
    config = site(expecting=case in EXPECTING)
    problems: list[Problem] = []
    with (case / "in.jsonl").open() as lines:
        return list(replay(config, lines, Pager(config), problems.append)), problems


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_timeline_leads_to_these_decisions(case: Path, update_golden: bool) -> None:
    said, _ = played(case)
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in said)
    golden = case / "out.jsonl"
    if update_golden:
        golden.write_text(text)
    assert text.splitlines() == golden.read_text().splitlines()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_was_expected_comes_and_nothing_that_must_not(case: Path) -> None:
    said, problems = played(case)
    lines = (case / "expect.txt").read_text().splitlines() if case in EXPECTING else []
    refused = [line.partition(" ")[2] for line in lines if line.startswith("refused ")]
    assert len(problems) == len(refused)
    for problem, words in zip(problems, refused, strict=True):
        assert words in problem.message
    for line in lines:
        word, _, conditions = line.partition(" ")
        if word in ("must", "never"):
            wanted = dict(condition.split("=", 1) for condition in conditions.split())
            times = wanted.pop("times", None)
            found = [one for one in said if all(str(one.get(name)) == value for name, value in wanted.items())]
            assert bool(found) == (word == "must"), (line, found)
            assert times is None or len(found) == int(times), (line, found)
        else:
            assert word in ("refused", "#", ""), line


def test_every_case_of_the_promises_expects_something() -> None:
    assert len(EXPECTING) >= 40
    for case in EXPECTING:
        lines = (case / "expect.txt").read_text().splitlines()
        assert any(line.startswith(("must ", "refused ", "never ")) for line in lines)
