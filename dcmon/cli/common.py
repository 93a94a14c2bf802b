"""What all commands share: consoles, errors as messages, the configuration, times."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from dcmon.config.checks import Knowledge, run_checks
from dcmon.config.config import Config
from dcmon.config.loader import Loaded, load_with_lines
from dcmon.config.yamlfile import Problem
from dcmon.model import CollectError, ConfigError, DcmonError

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)

ConfigOption = Annotated[Path | None, typer.Option("--config", help="folder of the configuration", show_default=False)]
JsonOption = Annotated[bool, typer.Option("--json", help="machine-readable output")]

_HINTS = {
    "timeout": "No answer: check address, community or user, and whether the device lets this host ask.",
    "refused": "Nothing listens there: check address and port.",
    "auth": "The device does not take this user or key.",
}


@contextmanager
def telling_errors() -> Iterator[None]:
    """Turns what went wrong into a message and exit code 1; a traceback is for faults of dcmon only."""
    try:
        yield
    except ConfigError as error:
        for problem in error.problems:
            err.print(str(problem), markup=False)
        raise typer.Exit(1) from None
    except CollectError as error:
        err.print(f"dcmon: {error}. {_HINTS.get(error.reason, '')}".rstrip(), markup=False)
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


def parse_time(text: str) -> int:
    """ms UTC of an ISO 8601 time or date; without a zone it is UTC. Raises DcmonError."""
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise DcmonError(f"{text!r} is no time; write for example 2026-10-01 or 2026-10-01T06:00:00Z") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp() * 1000)
