"""The command line: thin. Each command loads what it needs, calls one function, prints."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from dcmon.config.checks import Knowledge, run_checks
from dcmon.config.config import Config
from dcmon.config.loader import Loaded, json_schemas, load_with_lines
from dcmon.config.yamlfile import Problem
from dcmon.model import ConfigError, DcmonError

app = typer.Typer(
    name="dcmon",
    help="Measures what a data centre promises: polls, judges, proves and pages.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)

ConfigOption = Annotated[Path | None, typer.Option("--config", help="folder of the configuration", show_default=False)]
JsonOption = Annotated[bool, typer.Option("--json", help="machine-readable output")]


@contextmanager
def telling_errors() -> Iterator[None]:
    """Turns what went wrong into a message and exit code 1; a traceback is for faults of dcmon only."""
    try:
        yield
    except ConfigError as error:
        for problem in error.problems:
            err.print(str(problem), markup=False)
        raise typer.Exit(1) from None
    except DcmonError as error:
        err.print(f"dcmon: {error}", markup=False)
        raise typer.Exit(1) from None


def find_config(given: Path | None) -> Path:
    """The folder named, else ./config, else /etc/dcmon."""
    if given is not None:
        return given
    return next((path for path in (Path("config"), Path("/etc/dcmon")) if path.is_dir()), Path("/etc/dcmon"))


def checked(directory: Path) -> tuple[Loaded, list[Problem]]:
    """The configuration and its warnings. Raises ConfigError when a check finds an error."""
    loaded = load_with_lines(directory)
    problems = run_checks(loaded, knowledge(loaded.config))
    if any(not problem.warning for problem in problems):
        raise ConfigError(problems)
    return loaded, problems


def knowledge(config: Config) -> Knowledge:
    """What the checks must know of profiles and controls."""
    from dcmon.collectors.profile import load_profiles
    from dcmon.thresholds import catalogue

    profiles = load_profiles(config.directory / "profiles")
    used = {device.profile for device in config.collectors.devices.values()}
    points = {name: profile.points if name in used else frozenset() for name, profile in profiles.items()}
    # Without the targets: whether they fit the catalogue is what is to be checked.
    untargeted = config.model_copy(update={"rules": config.rules.model_copy(update={"targets": {}})})
    controls = catalogue(untargeted).values()
    return Knowledge(points, frozenset(name for control in controls for name in (control.id, control.tom)))


@app.command()
def check(config: ConfigOption = None) -> None:
    """Checks a configuration; every fault with file, line and what to do. Exit code 0 or 1."""
    with telling_errors():
        loaded, warnings = checked(find_config(config))
        for problem in warnings:
            err.print(str(problem), markup=False)
        site, devices = loaded.config.site, loaded.config.collectors.devices
        out.print(
            f"{site.name}: {len(site.assets)} assets, {len(devices)} devices, "
            f"{len(loaded.config.rules.rules)} rules: no fault, {len(warnings)} warnings"
        )


@app.command()
def schema(directory: Annotated[Path, typer.Argument(help="where to write NAME.schema.json")]) -> None:
    """Writes a JSON Schema for each file of the configuration, for editors."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, content in json_schemas().items():
        path = directory / f"{name}.schema.json"
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        out.print(str(path), markup=False)


@app.command()
def run(config: ConfigOption = None) -> None:
    """Watches the site until SIGTERM or Ctrl+C. SIGHUP reads the configuration again."""
    from dcmon.service import serve

    with telling_errors():
        directory = find_config(config)
        checked(directory)
        serve(lambda: checked(directory)[0].config)


@app.command()
def demo(
    scenario: Annotated[str, typer.Option(help="what happens; --list shows all")] = "mains-outage",
    speed: Annotated[float, typer.Option(min=0.1, max=10_000, help="how many times faster than life")] = 1.0,
    port: Annotated[int, typer.Option(min=0, max=65535, help="port of the NOC page; 0 takes a free one")] = 8080,
    exit_after: Annotated[float | None, typer.Option(help="end after so many real seconds")] = None,
    report: Annotated[Path | None, typer.Option(help="write what happened to this file, as JSON")] = None,
    config: Annotated[Path | None, typer.Option(help="another site with the same devices")] = None,
    data_dir: Annotated[
        Path | None, typer.Option(help="keep journal and samples here; else a temporary folder")
    ] = None,
    list_scenarios: Annotated[bool, typer.Option("--list", help="the scenarios and what they must cause")] = False,
) -> None:
    """A simulated data centre on real sockets and dcmon on it; needs no other server."""
    from dcmon.demo import Demo, play
    from dcmon.service import until_stopped
    from dcmon.sim import SCENARIOS

    if list_scenarios:
        for entry in SCENARIOS.values():
            out.print(f"[bold]{entry.name}[/]  {entry.title}. {entry.description}")
        return
    with telling_errors():
        if scenario not in SCENARIOS:
            raise DcmonError(f"there is no scenario {scenario!r}; `dcmon demo --list` shows all")
        wanted = Demo(scenario, speed, port, exit_after, config, data_dir, out)
        result = until_stopped(lambda stop: play(wanted, stop))
        if report is not None:
            report.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def main() -> None:
    """The `dcmon` program."""
    app()
