"""Writes the documents that are lists of what the code holds: settings, checks, points, commands, devices.

`python docs/generate.py` writes them, `python docs/generate.py --check` fails where one is out of date, `python
docs/generate.py --devices` prints how the recordings come out and writes devices.md.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import typer.main
from promised import rows as promise_rows
from tried import TriedDevice, class_table, try_recordings

from dcmon.cli import app
from dcmon.collectors.profile import load_profiles
from dcmon.collectors.supported import STAGES, supported
from dcmon.config.checks import CHECKS
from dcmon.config.entries import ENTRIES
from dcmon.config.loader import json_schemas
from dcmon.config.vocabulary import vocabulary

DOCS = Path(__file__).resolve().parent
_NOTE = "<!-- Written by docs/generate.py; `make docs` brings it up to date. -->\n"

_SETTINGS = """\
A configuration is a folder of five files, and register.yaml where there is a register. `dcmon check` tells every fault
with file and line; `dcmon schema DIR` writes a JSON Schema for each file, for editors.

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

_PROMISES = """\
What the agreement promises, and how dcmon shows it: the figures of the control catalogue
(`dcmon/thresholds/controls`, overridden by `CONFIG/controls/*.yaml`), the points and rules of the shipped site that
they come from, and the tests that hold it. `dcmon promises` says what a month says of each, [`dcmon report`](report.md)
writes it down for the auditor, `dcmon check` names the promises that nothing on a site can show (D307).

A figure is met, missed or unproven; a promise is as good as its agreed figures, or as all of them where none is marked.
A promise without a rule on the shipped site has no evidence there, and its figure stays unproven.
"""
_DEVICES = """\
Families that a profile reads, from the profiles themselves; `dcmon devices` prints the same list. Others are read by
the standards that they speak (UPS-MIB, IF-MIB, BGP4-MIB, ENTITY-SENSOR-MIB, HOST-RESOURCES-MIB), and a new one takes
[half an hour](profiles.md). A family's points are all that any of its devices may give.

How far a profile was tried is its word `status`; a single point may say less of itself than its profile does.
"""
_TRIED_HEAD = """\
## Devices of which there are recordings

Each recording is polled as the device would be and compared with what is known of that device. Right, wrong and
missing are values, states and interfaces. `make devices` prints the table where `DCMON_RECORDINGS` names the folder.
"""
_MARK = "<!-- recordings -->"


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
    for name, command in _commands("", group):
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


def _commands(prefix: str, group: Any) -> Iterator[tuple[str, Any]]:
    for name, command in sorted(group.commands.items()):
        if hasattr(command, "commands"):
            yield from _commands(f"{prefix}{name} ", command)
        else:
            yield f"{prefix}{name}", command


def records() -> str:
    parts = ["# Records: what people enter\n", _NOTE, _RECORDS]
    for kind, model in ENTRIES.items():
        schema = model.model_json_schema()
        del schema["properties"]["kind"]
        parts += [f"## {kind}\n", str(schema.get("description", "")) + "\n", settings(schema)]
    return "\n".join(parts)


def promised() -> str:
    head = ("id", "promise", "how it is shown", "from", "rules, sequences, duties", "tests")
    return "\n".join(["# The promises\n", _NOTE, _PROMISES, table(head, promise_rows())])


def devices() -> str:
    rows = (
        (one.kind, one.vendor, one.family, one.protocol, one.points, one.status, f"`{one.profile}`", one.known_by)
        for one in supported(load_profiles())
    )
    words = "\n".join(
        f"- **{stage}**: `status: {', '.join(word for word, of in STAGES.items() if of == stage)}`"
        for stage in dict.fromkeys(STAGES.values())
    )
    parts = [
        "# Supported devices\n",
        _NOTE,
        _DEVICES,
        words + "\n",
        table(("kind", "vendor", "family", "over", "points", "status", "profile", "known by"), rows),
        _TRIED_HEAD,
    ]
    return "\n".join(parts) + recorded_part()


@cache
def tried_devices(folder: Path) -> list[TriedDevice]:
    return asyncio.run(try_recordings(folder, load_profiles()))


def recorded_part() -> str:
    """How recordings come out; as it stands in the document where they are not at hand."""
    folder = Path(os.environ.get("DCMON_RECORDINGS", "/nonexistent"))
    path = DOCS / "devices.md"
    if folder.is_dir() and "--check" not in sys.argv[1:]:
        return f"{_MARK}\n{tried_tables(tried_devices(folder))}"
    return _MARK + (path.read_text(encoding="utf-8") if path.exists() else "").partition(_MARK)[2]


def tried_tables(tried: list[TriedDevice]) -> str:
    head = ("class", "devices", "right", "wrong", "missing")
    rows = (
        (one.kind, one.vendor, one.model, f"`{one.profile}`" if one.profile else "none", one.points) for one in tried
    )
    each = table(("class", "vendor", "model", "profile", "readings"), rows)
    return f"{table(head, iter(class_table(tried)))}\n{each}"


DOCUMENTS = {
    "devices.md": devices,
    "configuration.md": configuration,
    "checks.md": checks,
    "points.md": points,
    "commands.md": commands,
    "records.md": records,
    "promises.md": promised,
}


def show_devices() -> int:
    """Prints the table of classes, and what is wrong; writes the document."""
    folder = Path(os.environ.get("DCMON_RECORDINGS", "/nonexistent"))
    if not folder.is_dir():
        print("DCMON_RECORDINGS names no folder of device recordings (see docs/contributing.md)")
        return 1
    tried = tried_devices(folder)
    for row in (("class", "devices", "right", "wrong", "missing"), *class_table(tried)):
        print("".join(f"{part:<16}" if place == 0 else f"{part:>9}" for place, part in enumerate(row)))
    wrong = [f"{one.vendor} {one.model}: {fault}" for one in tried for fault in one.wrong]
    print("".join(f"wrong: {line}\n" for line in wrong), end="")
    (DOCS / "devices.md").write_text(devices(), encoding="utf-8")
    return 1 if wrong else 0


def main() -> int:
    if "--devices" in sys.argv[1:]:
        return show_devices()
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
