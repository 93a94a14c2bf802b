"""The command line: thin. Each command loads what it needs, calls one function, prints."""

from __future__ import annotations

from collections.abc import Callable

import typer
import typer.main

from dcmon.cli import decisions, devices, discovery, maintenance, proofs, recorder, records, replays, site
from dcmon.cli.common import prepare_streams, telling_files

app = typer.Typer(
    name="dcmon",
    help="Measures what a data centre promises: polls, judges, proves and pages.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

COMMANDS = (
    site.demo,
    site.check,
    site.run,
    site.schema,
    devices.poll,
    devices.devices,
    recorder.record,
    discovery.discover,
    replays.replay,
    decisions.slo,
    decisions.oncall,
    records.enter,
    proofs.promises,
    proofs.report,
    records.register,
)
for _command in COMMANDS:
    app.command()(_command)
app.add_typer(maintenance.maintenance, name="maintenance")


def program() -> Callable[[], object]:
    """The command line with all its commands."""
    return typer.main.get_command(app)


def run(command: Callable[[], object]) -> None:
    """Runs what the arguments of the process say."""
    prepare_streams()
    with telling_files():
        command()
