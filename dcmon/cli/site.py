"""Commands that watch a site or check its configuration."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from dcmon.cli.common import ConfigOption, checked, counted, err, find_config, out, telling_errors
from dcmon.instants import iso_utc
from dcmon.model import DcmonError


def check(config: ConfigOption = None) -> None:
    """Checks a configuration; every fault with file, line and what to do. Exit code 0 or 1."""
    with telling_errors():
        loaded, warnings = checked(find_config(config))
        for problem in warnings:
            err.print(str(problem), markup=False)
        site, devices = loaded.config.site, loaded.config.collectors.devices
        out.print(
            f"{site.name}: {counted(len(site.assets), 'asset')}, {counted(len(devices), 'device')}, "
            f"{len(loaded.config.judged)} rules and duties: no fault, {counted(len(warnings), 'warning')}"
        )


def schema(directory: Annotated[Path, typer.Argument(help="where to write NAME.schema.json")]) -> None:
    """Writes a JSON Schema for each file of the configuration and for profiles, for editors."""
    from dcmon.collectors.profile import profile_schema
    from dcmon.config.loader import json_schemas

    with telling_errors():
        directory.mkdir(parents=True, exist_ok=True)
        for name, content in {**json_schemas(), "profile": profile_schema()}.items():
            path = directory / f"{name}.schema.json"
            path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
            out.print(str(path), markup=False)


def run(config: ConfigOption = None) -> None:
    """Watches the site until SIGTERM or Ctrl+C. SIGHUP reads the configuration again."""
    # A reload that is asked for before there is anything to reload must not end the process.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    from dcmon.service import serve

    with telling_errors():
        directory = find_config(config)
        checked(directory)
        serve(lambda: checked(directory)[0].config)


_FASTEST = 10_000.0


def _speed(text: str | float) -> float:
    if text == "max":
        return _FASTEST
    try:
        factor = float(text)
    except ValueError:
        factor = 0.0
    if not 0.1 <= factor <= _FASTEST:
        raise typer.BadParameter(f"{text!r} is no factor between 0.1 and {_FASTEST:g}, and not max")
    return factor


def demo(
    scenario: Annotated[str, typer.Option(help="what happens; --list shows all")] = "mains-outage",
    speed: Annotated[
        float, typer.Option(parser=_speed, metavar="FACTOR|max", help="how many times faster than life; max is 10000")
    ] = 1.0,
    port: Annotated[int, typer.Option(min=0, max=65535, help="port of the NOC page; 0 takes a free one")] = 8080,
    exit_after: Annotated[float | None, typer.Option(min=0, max=1e9, help="end after so many real seconds")] = None,
    report: Annotated[Path | None, typer.Option(help="write what happened to this file, as JSON")] = None,
    config: Annotated[Path | None, typer.Option(help="another site with the same devices")] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="keep journal and samples here; else a temporary folder")
    ] = None,
    list_scenarios: Annotated[bool, typer.Option("--list", help="the scenarios and what they must cause")] = False,
) -> None:
    """A simulated data centre on real sockets and dcmon on it; needs no other server."""
    from dcmon.demo import Demo, example_site, play
    from dcmon.loop import until_stopped
    from dcmon.sim import SCENARIOS
    from dcmon.sim.year import scenario as a_year

    if list_scenarios:
        for entry in (*SCENARIOS.values(), a_year(ZoneInfo("Europe/Berlin"))):
            out.print(f"[bold]{entry.name}[/]  {entry.title}. {entry.description}")
        return
    with telling_errors():
        if scenario == "year":
            _live_a_year(config or example_site(), data_dir)
            return
        if scenario not in SCENARIOS:
            raise DcmonError(f"there is no scenario {scenario!r}; `dcmon demo --list` shows all")
        if report is not None and (report.is_dir() or not report.parent.is_dir()):
            raise DcmonError(f"{report}: it could not be written at the end. Name a file in a folder that exists")
        wanted = Demo(scenario, speed, port, exit_after, config, data_dir, out)

        async def playing(stop: asyncio.Event) -> dict[str, Any]:
            out.hung_up = stop.set  # it ends as with Ctrl+C when nobody reads its terminal any more
            return await play(wanted, stop)

        result = until_stopped(playing)
        if report is not None:
            report.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _live_a_year(site: Path, data_dir: Path | None) -> None:
    """The year needs no sockets: it is computed, and left for the other commands."""
    from dcmon.year import live, prepare

    if data_dir is None:
        raise DcmonError("a year is computed for the other commands to look at: say where with --data-dir FOLDER")
    folder = prepare(site, data_dir)
    lived = live(checked(folder)[0].config, data_dir, lambda ts: out.print(f"until {iso_utc(ts)[:10]}", markup=False))
    for problem in lived.problems:
        err.print(problem, markup=False)
    counts = ", ".join(f"{number} {what}" for what, number in sorted(lived.counts.items()))
    out.print(f"{iso_utc(lived.start)} to {iso_utc(lived.end)}: {lived.readings} readings, {counts}")
    out.print(f"dcmon slo --config {folder} --from {iso_utc(lived.start)} --to {iso_utc(lived.end)}", markup=False)
