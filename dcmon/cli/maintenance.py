"""Commands about maintenance and drills: what is ahead, and calendars in and out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from dcmon.cli.common import ConfigOption, JsonOption, checked, find_config, out, print_json, telling_errors
from dcmon.cli.running import ask, enter_records
from dcmon.model import DcmonError

maintenance = typer.Typer(help="Maintenance and drills: what is ahead, calendars in and out.", no_args_is_help=True)

FileArgument = Annotated[Path, typer.Argument(help="an iCalendar file", dir_okay=False)]


@maintenance.command("list")
def list_(
    config: ConfigOption = None,
    everything: Annotated[bool, typer.Option("--all", help="those that are over, too")] = False,
    as_json: JsonOption = False,
) -> None:
    """Shows windows of maintenance and drills that run or are ahead, the next one first."""
    with telling_errors():
        loaded, _ = checked(find_config(config))
        listen = loaded.config.agent.web.listen
        rows: list[dict[str, Any]] = []
        for kind in ("maintenance", "drill"):
            rows += json.loads(ask(listen, f"/api/v1/records?kind={kind}&limit=1000"))["records"]
    rows = sorted((row for row in rows if everything or row["state"] == "running"), key=lambda row: row["started"])
    if as_json:
        print_json(rows)
        return
    for row in rows:
        phase = "cancelled" if row["state"] == "void" else row["data"]["phase"]
        verdict = f" {row['verdict']}" if row["verdict"] else ""
        out.print(f"{row['id']}: {row['kind']} {phase}{verdict}: {row['reason']}", markup=False)
    if not rows:
        out.print("nothing is planned")


@maintenance.command("import")
def import_(
    file: FileArgument,
    by: Annotated[str, typer.Option("--by", help="who enters it")],
    config: ConfigOption = None,
) -> None:
    """Enters the events of a calendar as windows of maintenance; one that is known already is changed or left alone.

    Events that are not understood are named with their line and left out; the exit code is 1 then.
    """
    from dcmon.calendars import read_calendar

    with telling_errors():
        loaded, _ = checked(find_config(config))
        try:
            text = file.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise DcmonError(f"{file}: cannot be read ({error}).") from None
        found = read_calendar(text, loaded.config.site.timezone, by)
        usable = [one for one in found if one.words is not None]
        problems = [one for one in found if one.words is None]
        entries = [one.words for one in usable if one.words is not None]
        for one, taken in zip(usable, enter_records(loaded.config.agent.web.listen, entries), strict=True):
            if isinstance(taken, str):
                problems.append(one._replace(problem=taken))
            else:
                out.print(f"{taken['id']}: {taken['reason']}", markup=False)
        if problems:
            raise DcmonError("\n".join(f"{file}: {problem}" for problem in sorted(problems, key=lambda one: one.line)))


@maintenance.command("export")
def export(
    file: Annotated[Path | None, typer.Argument(help="where to; standard output when absent")] = None,
    config: ConfigOption = None,
) -> None:
    """Writes all windows of maintenance as a calendar; /api/v1/maintenance.ics is the same for programs."""
    with telling_errors():
        loaded, _ = checked(find_config(config))
        content = ask(loaded.config.agent.web.listen, "/api/v1/maintenance.ics")
        if file is None:
            typer.echo(content.decode(), nl=False)
            return
        try:
            file.write_bytes(content)
        except OSError as error:
            raise DcmonError(f"{file}: cannot be written ({error}).") from None
