"""What all commands share: consoles, errors as messages, the configuration, times."""

from __future__ import annotations

import datetime as dt
import errno
import io
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.text import Text

from dcmon.model import CollectError, ConfigError, DcmonError

if TYPE_CHECKING:
    from rich.table import Column

    from dcmon.config.checks import Knowledge
    from dcmon.config.config import Config
    from dcmon.config.loader import Loaded
    from dcmon.config.yamlfile import Problem
    from dcmon.storage.journal_reads import JournalReader

_OUTPUT_FAILS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO})


class Terminal(Console):
    """Standard output. What happens when nobody reads it any more can be set: the demo ends in order then."""

    hung_up: Callable[[], None] | None = None

    def on_broken_pipe(self) -> None:
        """See rich; the rest of the output goes nowhere."""
        if self.hung_up is None:
            super().on_broken_pipe()
            return
        self.quiet = True
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        self.hung_up()


out = Terminal(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)

ConfigOption = Annotated[
    Path | None,
    # Whether it can be read is told like every other fault of a configuration.
    typer.Option("--config", help="folder of the configuration", show_default=False, readable=False),
]
JsonOption = Annotated[bool, typer.Option("--json", help="machine-readable output")]

_HINTS = {
    "timeout": "Check that it is on and lets this host ask.",
    "refused": "Check address and port.",
    "auth": "Check the user and the keys.",
    "unknown": "Name a profile with --profile.",
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


@contextmanager
def telling_files() -> Iterator[None]:
    """As `telling_errors`, for files and the output that cannot be written; other OSErrors are faults of dcmon."""
    try:
        yield
    except OSError as error:
        if error.filename is None and error.errno not in _OUTPUT_FAILS:
            raise
        err.print(f"dcmon: {error.filename or 'the output'}: {error.strerror}", markup=False)
        raise SystemExit(1) from None
    finally:
        flush_output()


def flush_output() -> None:
    """Now, where a failure can be told, and not at the interpreter's end, where it is a traceback."""
    try:
        sys.stdout.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if error.errno != errno.EPIPE:
            err.print(f"dcmon: the output: {error.strerror}", markup=False)
        raise SystemExit(1) from None


def prepare_streams() -> None:
    """Whatever the terminal's encoding is and whether there is one: what cannot be shown is escaped, not a crash."""
    if sys.stdout is None:
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  # open until the end
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def print_json(thing: object) -> None:
    """One line of JSON, in ASCII where the output cannot show all of it."""
    text = json.dumps(thing, ensure_ascii=False)
    try:
        text.encode(sys.stdout.encoding)
    except UnicodeEncodeError:
        text = json.dumps(thing)
    sys.stdout.write(text + "\n")


def table_row(*cells: object) -> list[Text]:
    """Cells as they are: a device's name is no markup, and no escape sequence for the terminal. None is empty."""
    texts = ("" if cell is None else str(cell) for cell in cells)
    return [
        Text("".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text))
        for text in texts
    ]


def counted(number: int, what: str) -> str:
    """`1 device`, `2 devices`, `2 addresses`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}{'es' if what.endswith('s') else 's'}"


_NAMES = frozenset({"address", "point", "profile"})
"""Columns that people copy from."""


def told_whole(*headers: str) -> list[Column]:
    """Columns that break what is too wide instead of cutting off which device or OID it is; names break last."""
    from rich.table import Column

    return [Column(header, overflow="fold", no_wrap=header in _NAMES) for header in headers]


def find_config(given: Path | None) -> Path:
    """The folder named, else ./config, else /etc/dcmon."""
    if given is not None:
        return given
    return next((path for path in (Path("config"), Path("/etc/dcmon")) if path.is_dir()), Path("/etc/dcmon"))


_CHECKS_WAIT = "The checks of one file against another (docs/checks.md) are made when these faults are mended."


def checked(directory: Path) -> tuple[Loaded, list[Problem]]:
    """The configuration and its warnings. Raises ConfigError when a check finds an error."""
    from dcmon.config.checks import run_checks
    from dcmon.config.loader import load_with_lines

    try:
        loaded = load_with_lines(directory)
    except ConfigError as error:
        if not directory.is_dir():
            raise
        raise ConfigError([*error.problems, _CHECKS_WAIT]) from None
    problems = run_checks(loaded, knowledge(loaded.config))
    if any(not problem.warning for problem in problems):
        raise ConfigError(problems)
    return loaded, problems


def knowledge(config: Config) -> Knowledge:
    """What the checks must know of profiles and controls."""
    from dcmon.collectors.profile import load_profiles
    from dcmon.config.checks import Knowledge
    from dcmon.thresholds.controls import catalogue, without_evidence

    profiles = load_profiles(config.directory / "profiles")
    used = {device.profile for device in config.collectors.devices.values()}
    points = {name: profile.points if name in used else frozenset() for name, profile in profiles.items()}
    # Without the targets: whether they fit the catalogue is what is to be checked.
    untargeted = config.model_copy(update={"rules": config.rules.model_copy(update={"targets": {}})})
    controls = catalogue(untargeted).values()
    names = frozenset(name for control in controls for name in (control.id, control.tom))
    return Knowledge(points, names, tuple(without_evidence(untargeted)))


def journal_file(config: Config) -> Path:
    """The journal's file. DcmonError when there is none."""
    from dcmon.storage.journal_reads import FILE_NAME

    path = config.agent.data_dir / FILE_NAME
    if not path.exists():
        raise DcmonError(f"{path} is not there: `dcmon run` has not watched this site yet, or data_dir is another")
    return path


@contextmanager
def opened_journal(config: Config) -> Iterator[JournalReader]:
    """The journal of the site, to be read beside the running process. DcmonError when there is none."""
    from dcmon.storage.journal_reads import JournalReader

    journal = JournalReader(journal_file(config))
    try:
        yield journal
    finally:
        journal.close()


def parse_time(text: str) -> int:
    """ms UTC of an ISO 8601 time or date; without a zone it is UTC. Raises DcmonError."""
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise DcmonError(f"{text!r} is no time; write for example 2026-10-01 or 2026-10-01T06:00:00Z") from None
    return int((moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)).timestamp() * 1000)


def check_begun(start: int, now: int) -> None:
    """DcmonError for a period of which nothing can be known: it begins after `now` (ms UTC)."""
    if start >= now:
        raise DcmonError("this period has not begun yet: figures are made of what was")
