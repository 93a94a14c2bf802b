"""docs/profiles.md: every example loads, every word of the language is explained, line counts are true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from profile_snippets import HEAD

from dcmon.collectors.plan import compile_plan
from dcmon.collectors.profile import load_profiles, profile_schema

TEXT = (Path(__file__).parents[2] / "docs" / "profiles.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("number", range(len(BLOCKS)))
def test_example_is_a_profile_or_the_body_of_one(tmp_path: Path, number: int) -> None:
    block = BLOCKS[number]
    text = block if block.startswith("name:") else HEAD + block
    (tmp_path / "example.yaml").write_text(text)
    profiles = load_profiles(tmp_path)
    (added,) = [profile for profile in profiles.values() if profile.path.parent == tmp_path]
    assert compile_plan(added).points


@pytest.mark.parametrize(
    "name",
    [
        "Entry",
        "Table",
        "IndexNames",
        "GroupNames",
        "Match",
        "Modbus",
        "Quirk",
        "RowCondition",
        "Rate",
        "When",
        "UnitFrom",
    ],
)
def test_every_word_is_explained(name: str) -> None:
    for word in profile_schema()["$defs"][name]["properties"]:
        assert re.search(rf"\b{re.escape(word)}\b", TEXT), word


def test_line_counts_of_the_three_examples_are_true() -> None:
    claims = re.findall(r", (\d+) lines:\n\n```yaml\n(.*?)```", TEXT, re.DOTALL)
    assert len(claims) == 3
    for count, block in claims:
        assert len(block.splitlines()) == int(count)
