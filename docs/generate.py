"""Writes the documents that are lists of what the code holds: settings, checks, points, commands.

`python docs/generate.py` writes them, `python docs/generate.py --check` fails where one is out of date.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer.main

from dcmon.cli import app
from dcmon.config.checks import CHECKS
from dcmon.config.entries import ENTRIES
from dcmon.config.loader import json_schemas
from dcmon.config.vocabulary import vocabulary

DOCS = Path(__file__).resolve().parent
_NOTE = "<!-- Written by docs/generate.py; `make docs` brings it up to date. -->\n"

_SETTINGS = """\
A configuration is a folder of five files. `dcmon check` tells every fault with file and line; `dcmon schema DIR` writes
a JSON Schema for each file, for editors.

Durations are written with their unit (`500ms`, `2s`, `5m`, `4h`, `30d`, `1h30m`). Secrets are never written down:
`env:NAME` names a variable, `file:PATH` a file, relative to the folder.
"""
_CHECKS = """\
`dcmon check` and `dcmon run` make them. Each message names file and line and says what to do. Before them come C001
(a file cannot be read), C002 (it is no YAML), C003 (a key stands twice) and C004 (a setting is unknown, missing or
wrong).
"""
_POINTS = """\
What devices say, in one vocabulary. Rules, boards and reports use nothing else. Values are SI. `index` tells several
points of one name apart; `fast` points are read at `polling.fast`.
"""
_RECORDS = """\
Evidence that no reading gives is entered by people: the running dcmon checks it against the site, and keeps it in its
journal for good, with who entered it and when.

    dcmon enter delivery --by weber asset=tank-a litres=8000 fuel="diesel EN 590"
    POST /api/v1/records    {"kind": "delivery", "by": "weber", "asset": "tank-a", "litres": 8000, "fuel": "EN 590"}

A file for `dcmon replay` holds the same words: `{"ts": "2026-11-23T10:00:00Z", "entry": {"kind": "delivery", ...}}`.
Times are ISO 8601 with a zone. `GET /api/v1/records` shows what is kept, whether entered or found in the readings; a
record has `kind`, `subject`, `state` (running, done, void), `verdict` (passed, failed, incomplete), `started`, `ended`,
`reason`, `by` and `data`. Records are never pruned.
"""


def cell(text: Any) -> str:
    return " ".join(str(text).split()).replace("|", "\\|")


def table(head: tuple[str, ...], rows: Iterator[tuple[Any, ...]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(cell(part) for part in row)} |" for row in rows]
    return "\n".join(lines) + "\n"


def kind_of(spec: dict[str, Any]) -> str:
    """What may stand there, in a few words."""
    if "$ref" in spec:
        name = spec["$ref"].rsplit("/", 1)[1]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in spec:
        return " or ".join(dict.fromkeys(kind_of(part) for part in spec["anyOf"] if part.get("type") != "null"))
    if "oneOf" in spec:
        return " or ".join(kind_of(part) for part in spec["oneOf"])
    if "enum" in spec:
        return ", ".join(f"`{word}`" for word in spec["enum"])
    if "const" in spec:
        return f"`{spec['const']}`"
    if spec.get("type") == "array":
        items = spec.get("items") or (spec.get("prefixItems") or [{}])[0]
        return f"list of {kind_of(items)}"
    if spec.get("type") == "object":
        return f"map of {kind_of(spec.get('additionalProperties') or {})}"
    if "env:" in str(spec.get("pattern", "")):
        return "`env:NAME` or `file:PATH`"
    if "ms|s|m" in str(spec.get("pattern", "")):
        return "duration"
    return str(spec.get("type", "any"))


def settings(model: dict[str, Any]) -> str:
    required = set(model.get("required", []))

    def rows() -> Iterator[tuple[str, ...]]:
        for name, spec in model.get("properties", {}).items():
            default = (
                "required"
                if name in required
                else f"`{spec['default']}`"
                if spec.get("default") not in (None, [], {})
                else ""
            )
            if isinstance(spec.get("default"), dict):
                default = "as there"
            yield f"`{name}`", kind_of(spec), default, spec.get("description", "")

    return table(("setting", "what", "default", "meaning"), rows())


def configuration() -> str:
    parts = [
        "# Settings\n",
        _NOTE,
        _SETTINGS,
    ]
    for name, schema in json_schemas().items():
        parts += [f"## {name}.yaml\n", str(schema.get("description", "")) + "\n", settings(schema)]
        for title, part in sorted(schema.get("$defs", {}).items()):
            if part.get("properties"):
                parts += [f"### {title}\n", str(part.get("description", "")) + "\n", settings(part)]
            elif "enum" in part:
                parts += [f"### {title}\n", str(part.get("description", "")) + "\n", kind_of(part) + "\n"]
    return "\n".join(parts)


def checks() -> str:
    rows = ((number, what) for number, (what, _) in CHECKS.items())
    return "\n".join(
        [
            "# Numbered checks\n",
            _NOTE,
            _CHECKS,
            table(("id", "what it finds"), rows),
        ]
    )


def points() -> str:
    def rows() -> Iterator[tuple[str, ...]]:
        for name, point in vocabulary().items():
            values = ", ".join(point.values)
            speed = "fast" if point.fast else ""
            yield f"`{name}`", point.type, point.unit or "", point.index or "", speed, values or point.note or ""

    return "\n".join(
        [
            "# Points\n",
            _NOTE,
            _POINTS,
            table(("point", "type", "unit", "index", "poll", "values or note"), rows()),
        ]
    )


def commands() -> str:
    group = typer.main.get_command(app)
    parts = ["# Commands\n", _NOTE]
    for name, command in sorted(group.commands.items()):  # type: ignore[attr-defined]
        parts += [f"## dcmon {name}\n", " ".join((command.help or "").split()) + "\n"]
        rows = (
            (
                f"`{'`, `'.join(parameter.opts) if parameter.param_type_name == 'option' else parameter.name}`",
                getattr(parameter, "help", None) or "",
            )
            for parameter in command.params
            if parameter.name != "help"
        )
        parts.append(table(("option", "meaning"), rows))
    return "\n".join(parts)


def records() -> str:
    parts = ["# Records: what people enter\n", _NOTE, _RECORDS]
    for kind, model in ENTRIES.items():
        schema = model.model_json_schema()
        del schema["properties"]["kind"]
        parts += [f"## {kind}\n", str(schema.get("description", "")) + "\n", settings(schema)]
    return "\n".join(parts)


DOCUMENTS = {
    "configuration.md": configuration,
    "checks.md": checks,
    "points.md": points,
    "commands.md": commands,
    "records.md": records,
}


def main() -> int:
    stale = []
    for name, build in DOCUMENTS.items():
        path = DOCS / name
        text = build()
        if "--check" in sys.argv[1:]:
            if not path.exists() or path.read_text(encoding="utf-8") != text:
                stale.append(name)
        else:
            path.write_text(text, encoding="utf-8")
    if stale:
        print(f"out of date: {', '.join(stale)}; run `make docs`")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
