"""Commands about what is on record: what people did, and what they still have to do."""

from __future__ import annotations

import json
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from dcmon.cli.common import (
    ConfigOption,
    JsonOption,
    checked,
    find_config,
    opened_journal,
    out,
    print_json,
    telling_errors,
)
from dcmon.cli.running import enter_records
from dcmon.clock import SystemClock
from dcmon.instants import iso_utc, utc
from dcmon.model import DcmonError


def enter(
    kind: Annotated[str, typer.Argument(help="what was done, for example delivery; docs/records.md lists all")],
    words: Annotated[
        list[str], typer.Argument(help="NAME=VALUE, for example asset=tank-a litres=8000", metavar="WORD...")
    ],
    by: Annotated[str, typer.Option("--by", help="who enters it")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Puts on record what somebody did: the running dcmon checks it and keeps it in its journal."""
    with telling_errors():
        loaded, _ = checked(find_config(config))
        entry = _together([("kind", kind), ("by", by), *(_split(word) for word in words)])
        (record,) = enter_records(loaded.config.agent.web.listen, [entry])
        if isinstance(record, str):
            raise DcmonError(f"it was not taken: {record}")
    if as_json:
        print_json(record)
    else:
        out.print(f"{record['id']}: {record['reason']}", markup=False)


def register(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """The register of tests and duties: what, the last result with its evidence, when it is due, what is overdue."""
    from dcmon.thresholds.duties import as_dict
    from dcmon.thresholds.duties import register as stand

    with telling_errors():
        loaded, _ = checked(find_config(config))
        with opened_journal(loaded.config) as journal:
            rows = {row.key: row for row in journal.alarms()}
        site = loaded.config.site
        lines = [as_dict(line, site) for line in stand(loaded.config, rows, SystemClock().now())]
    if as_json:
        print_json([_dated(line) for line in lines])
        return
    zone = ZoneInfo(site.timezone)
    for line in lines:
        out.print(_register_lines(line, zone), markup=False)


def _register_lines(line: dict[str, Any], zone: ZoneInfo) -> str:
    """One line of the register: how it stands, and what it was last time."""
    until = line["due"] if line["due"] is not None else line["overdue_since"]
    stand = line["state"] or "not judged"
    if until is not None:
        stand += f" {'since' if line['due'] is None else 'until'} {_day(until, zone)}"
    if line["missing"]:
        stand += f", {len(line['missing'])} not moved"
    last = line["last"]
    if last is None:
        before = "never done so far"
    else:
        proof = " ".join(str(last[word]) for word in ("record", "file", "by") if last.get(word))
        before = f"last {_day(last['at'], zone)} {last['verdict'] or 'done'}  {proof}".rstrip()
    what = f"{line['title']['en']}, {line['asset']}" if line["asset"] else line["title"]["en"]
    return f"{', '.join(line['tom'])}  {what}, every {line['every']}: {stand}\n    {before}"


def _day(ms: int, zone: ZoneInfo) -> str:
    return f"{utc(ms).astimezone(zone):%Y-%m-%d %H:%M}"


def _dated(line: dict[str, Any]) -> dict[str, Any]:
    """Times as ISO 8601."""
    last = line["last"]
    dated = {name: None if line[name] is None else iso_utc(line[name]) for name in ("due", "overdue_since", "since")}
    return {**line, **dated, "last": None if last is None else {**last, "at": iso_utc(last["at"])}}


def _together(words: list[tuple[str, Any]]) -> dict[str, Any]:
    entry = dict(words)
    for name in entry:
        if sum(name == other for other, _ in words) > 1:
            raise DcmonError(f"{name} is given twice; a list is written with commas, {name}=one,two")
    return entry


def _split(word: str) -> tuple[str, Any]:
    """NAME=VALUE; a value in brackets is JSON (a list), any other is text."""
    name, equals, text = word.partition("=")
    if not equals or not name:
        raise DcmonError(f"{word!r} is no NAME=VALUE; write for example litres=8000")
    if not text.startswith(("[", "{")):
        return name, text
    try:
        return name, json.loads(text)
    except ValueError as error:
        raise DcmonError(f"{name}: {text!r} is no JSON ({error})") from None
