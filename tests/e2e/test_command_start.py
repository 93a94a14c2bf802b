"""A command loads what it needs and no more: `dcmon poll` answers in well under a second on top of the poll."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

DEVICES = Path(__file__).parent.parent / "golden" / "devices"
HEAVY = (
    "aiohttp",
    "jinja2",
    "influxdb_client",
    "prometheus_client",
    "pysnmp",
    "pymodbus",
    "aiosmtplib",
    "dcmon.timeline",
    "dcmon.config.rules",
    "dcmon.app",
    "dcmon.thresholds",
    "sqlite3",
)
_PROGRAM = """\
import sys
from dcmon.cli import app
try:
    app(sys.argv[1:])
except SystemExit as end:
    assert end.code in (0, None), end.code
print("LOADED", *sorted(set({heavy!r}) & sys.modules.keys()))
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["poll", "--recording", str(DEVICES / "simulated_smart_ups.snmprec"), "--json"],
        ["poll", "--recording", str(DEVICES / "simulated_genset.yaml")],
        ["devices"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_command_loads_nothing_of_the_running_process(arguments: list[str]) -> None:
    found = subprocess.run(
        [sys.executable, "-c", _PROGRAM.format(heavy=HEAVY), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert found.stdout.splitlines()[-1] == "LOADED"
