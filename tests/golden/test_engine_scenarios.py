"""Timelines in, decisions and pages out. A folder of tests/golden/engine is a case; its name is the behaviour.

Its `expect.txt` was written from the promises before anything was judged: what must and what must never come, and which
lines are refused (or wondered at) with which words. A file of the configuration of its own stands in for the site's.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from dcmon.config.config import Config
from dcmon.config.loader import load
from dcmon.notify.escalation import Pager
from dcmon.replay import Problem, replay

FOLDER = Path(__file__).parent / "engine"
SITE = "config-2"
"""The shipped site as it was when most cases were written: they are about the engine, not about the site. A line
`on config` names another one, the site before there were sequences and a register."""

CASES = sorted(path.parent for path in FOLDER.glob("*/in.jsonl"))


@cache
def expectations(case: Path) -> list[tuple[str, str]]:
    """(must | never | refused | on, the rest) of each line."""
    lines = [line.partition(" ") for line in (case / "expect.txt").read_text().splitlines()]
    return [(word, rest) for word, _, rest in lines if word not in ("#", "")]


@cache
def site(name: str) -> Config:
    return load(FOLDER / name)


def changed(files: list[Path], folder: Path) -> Config:
    """The site with these files instead of its own."""
    shutil.copytree(FOLDER / SITE, folder, dirs_exist_ok=True)
    for file in files:
        shutil.copy(file, folder)
    return load(folder)


@cache
def played(case: Path) -> tuple[list[dict[str, Any]], list[Problem]]:
    if own := sorted(case.glob("*.yaml")):
        with tempfile.TemporaryDirectory() as folder:
            config = changed(own, Path(folder))
    else:
        config = site(dict(expectations(case)).get("on", SITE))
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
    refused = [words for word, words in expectations(case) if word == "refused"]
    assert len(problems) == len(refused), problems
    for problem, words in zip(problems, refused, strict=True):
        assert words in problem.message
    for word, conditions in expectations(case):
        if word in ("must", "never"):
            wanted = dict(condition.split("=", 1) for condition in conditions.split())
            times = wanted.pop("times", None)
            found = [one for one in said if all(str(one.get(name)) == value for name, value in wanted.items())]
            assert bool(found) == (word == "must"), (word, conditions, found)
            assert times is None or len(found) == int(times), (word, conditions, found)
        else:
            assert word in ("refused", "on"), word


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_case_expects_something(case: Path) -> None:
    assert {word for word, _ in expectations(case)} & {"must", "never", "refused"}
