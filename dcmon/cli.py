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
    problems = run_checks(loaded, knowledge(directory))
    if any(not problem.warning for problem in problems):
        raise ConfigError(problems)
    return loaded, problems


def knowledge(directory: Path) -> Knowledge:
    """What the checks must know of profiles and controls."""
    from dcmon.collectors.profile import load_profiles
    from dcmon.thresholds.controls import load_controls

    profiles = load_profiles(directory / "profiles")
    points = {name: frozenset(profile.point_names) for name, profile in profiles.items()}
    return Knowledge(points, frozenset(load_controls(directory / "controls")))


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


def main() -> None:
    """The `dcmon` program."""
    app()
