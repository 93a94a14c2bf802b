"""The command line: thin. Each command loads what it needs, calls one function, prints."""

from __future__ import annotations

import typer

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


def main() -> None:
    """The `dcmon` program."""
    prepare_streams()
    with telling_files():
        app()
