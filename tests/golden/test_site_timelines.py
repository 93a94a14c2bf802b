"""Timelines of the shipped site in, what people would hear of them out. A folder of tests/golden/site is a case."""

from __future__ import annotations

import datetime as dt
import json
import random
from pathlib import Path
from typing import Any

import pytest

from dcmon.config.loader import load
from dcmon.notify.escalation import Pager
from dcmon.replay import Problem, replay

ROOT = Path(__file__).resolve().parent.parent.parent
CASES = sorted(path.parent for path in (Path(__file__).parent / "site").glob("*/in.jsonl"))
QUIET = (Path(__file__).parent / "site" / "quiet.jsonl").read_text().splitlines()
"""The whole site in order, at 10:00:00: how every case begins."""


def told(line: dict[str, Any]) -> str | None:
    """What of a decision matters to people, on one line; None for delays that run, joins and availability."""
    state, what = line["state"], f"{line['rule']} {line['asset']}"
    if line["type"] == "page":
        words = [line["kind"], line["severity"], line["reason"], "->", f"{line['person']}/{line['channel']}:"]
        return f"{line['ts']} {' '.join(words)} {line['title']}"
    if line["type"] in ("incident", "task", "clock") and state not in ("joined", "started"):
        return f"{line['ts']} {line['type']} {state} {line['severity'] or ''} {what}: {line['reason']}"
    return None


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_people_hear_this_of_the_timeline(case: Path, update_golden: bool) -> None:
    config = load(ROOT / "config")
    problems: list[Problem] = []
    lines = [*QUIET, *(case / "in.jsonl").read_text().splitlines()]
    said = list(replay(config, lines, Pager(config), problems.append))
    text = "".join(f"{line}\n" for line in map(told, said) if line is not None)
    text += "".join(f"{problem}\n" for problem in problems)
    golden = case / "out.txt"
    if update_golden:
        golden.write_text(text)
    assert text.splitlines() == golden.read_text().splitlines()
    times = [dt.datetime.fromisoformat(line["ts"]) for line in said]
    assert times == sorted(times)
    for line in said:
        assert line["type"] != "page" or line["incident"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_neither_the_order_of_the_lines_nor_saying_them_twice_changes_anything(case: Path) -> None:
    config = load(ROOT / "config")
    lines = [*QUIET, *(case / "in.jsonl").read_text().splitlines()]
    plain = list(replay(config, lines, Pager(config)))
    twice = [line for line in lines for _ in range(1 if '"ack"' in line else 2)]
    random.Random(case.name).shuffle(twice)
    assert list(replay(config, twice, Pager(config))) == plain


def test_a_service_that_cannot_be_tried_says_nothing_of_backups_nor_the_other_way_round() -> None:
    """T11 and T26 are two promises."""
    for asset, mine, other in (("portal", "T11", "T26"), ("backup-mgmt", "T26", "T11")):
        words = {"asset": asset, "point": "device.reachable"}
        lines = [json.dumps({"ts": f"2026-11-23T{at}:00Z", **words, "value": at != "10:01"})
                 for at in ("10:00", "10:01", "10:30")]  # fmt: skip
        said = [line for line in replay(load(ROOT / "config"), lines) if line["type"] == "control"]
        assert any((line["rule"], line["state"]) == (mine, "down") for line in said)
        assert not [line for line in said if line["rule"] == other]
