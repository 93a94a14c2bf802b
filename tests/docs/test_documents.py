"""The documents say what the code does: nothing is missing from them, nothing in them is out of date."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dcmon.cli import COMMANDS
from dcmon.collectors.profile import load_profiles
from dcmon.collectors.supported import STAGES
from dcmon.config.loader import json_schemas

ROOT = Path(__file__).resolve().parent.parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
MODULES = sorted(ROOT.glob("dcmon/**/*.py"))
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


@pytest.mark.parametrize("program", ["docs/generate.py", "grafana/generate.py"])
def test_what_is_generated_is_current(program: str) -> None:
    found = subprocess.run([sys.executable, program, "--check"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_module_and_everything_public_in_it_says_what_it_is(module: Path) -> None:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    silent = [] if ast.get_docstring(tree) else ["the module"]
    things = [node for node in tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)]
    silent += [node.name for node in things if not node.name.startswith("_") and not ast.get_docstring(node)]
    assert not silent, f"without a docstring: {', '.join(silent)}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_between_documents_leads_somewhere(document: Path) -> None:
    links = _LINK.findall(document.read_text(encoding="utf-8"))
    broken = [link for link in links if "://" not in link and not (document.parent / link).exists()]
    assert not broken


def test_every_rule_kind_and_each_of_its_settings_is_explained() -> None:
    text = (ROOT / "docs" / "rules.md").read_text(encoding="utf-8")
    schema = json_schemas()["rules"]["$defs"]
    kinds = {name: part for name, part in schema.items() if name.endswith("Rule")}
    words = {part["properties"]["kind"]["const"] for part in kinds.values()}
    words |= {setting for part in kinds.values() for setting in part["properties"]}
    assert len(kinds) == 17
    assert [word for word in sorted(words) if f"`{word}`" not in text] == []


def test_every_command_has_its_place() -> None:
    text = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    assert [command.__name__ for command in COMMANDS if f"## dcmon {command.__name__}\n" not in text] == []


def test_a_profile_that_says_recorded_was_tried_with_a_recording() -> None:
    profiles = load_profiles()
    tried = (ROOT / "docs" / "devices.md").read_text(encoding="utf-8").partition("<!-- recordings -->")[2]
    names = set(re.findall(r"\| `(\w+)` \|", tried))
    names |= {json.loads(path.read_text())["profile"] for path in ROOT.glob("tests/golden/devices/*.json")}
    names |= {parent for name in names & profiles.keys() if (parent := profiles[name].extends) is not None}
    claims = [profile for profile in profiles.values() if STAGES[profile.status] == "recorded"]
    untried = [one.name for one in claims if one.name not in names and not all(rule.standard for rule in one.match)]
    assert untried == [], "say `status: public map`, or run `make devices` with DCMON_RECORDINGS"


def test_every_setting_is_listed() -> None:
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    settings = {
        name
        for schema in json_schemas().values()
        for part in [schema, *schema.get("$defs", {}).values()]
        for name in part.get("properties", {})
    }
    assert [name for name in sorted(settings) if f"`{name}`" not in text] == []


def test_every_document_can_be_reached_from_the_readme() -> None:
    found = {ROOT / "README.md"}
    waiting = [ROOT / "README.md"]
    while waiting:
        document = waiting.pop()
        for link in _LINK.findall(document.read_text(encoding="utf-8")):
            path = (document.parent / link).resolve()
            pages = sorted(path.glob("*.md")) if path.is_dir() else [path] if path.suffix == ".md" else []
            for page in pages:
                if page not in found and page.exists():
                    found.add(page)
                    waiting.append(page)
    assert [str(page.relative_to(ROOT)) for page in DOCUMENTS if page not in found] == []
