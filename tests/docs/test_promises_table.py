"""The table of promises names what is there: every promise, tests that exist, golden timelines that decide it."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from dcmon.thresholds.controls import promises

ROOT = Path(__file__).resolve().parent.parent.parent
TEXT = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def promised() -> ModuleType:
    spec = importlib.util.spec_from_file_location("promised", ROOT / "docs" / "promised.py")
    assert spec and spec.loader
    module = sys.modules["promised"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_promise_has_a_row_and_says_how_it_is_shown_or_why_not() -> None:
    rows = {found[1]: found[2] for found in re.finditer(r"^\| (T\d\d) \| (.*) \|$", TEXT, re.MULTILINE)}
    assert set(rows) == set(promises())
    for name, row in rows.items():
        shown = row.split(" | ")[1]
        assert f"`{name}" in shown or "**not shown**: " in shown, name


def test_every_promise_is_tested_by_files_that_are_there(promised: ModuleType) -> None:
    absent = {name for name, promise in promises().items() if promise.absent}
    assert set(promises()) - set(promised.TESTS) <= absent
    paths = {path for tests in promised.TESTS.values() for path in tests}
    assert sorted(path for path in paths if not (ROOT / path).is_file()) == []


def test_every_link_of_the_table_leads_somewhere() -> None:
    paths = set(re.findall(r"\]\(\.\./([^)]+)\)", TEXT))
    assert paths and sorted(path for path in paths if not (ROOT / path).exists()) == []
