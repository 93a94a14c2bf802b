"""Runs benchmarks one after the other, each in a process of its own: `python -m benchmarks [NAME...] [--table]`."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from typing import Any

from benchmarks.machine import wait_until_quiet
from benchmarks.table import write

BENCHMARKS = {
    "poll": "question to sample buffer, 10 OIDs, beside prometheus-snmp-exporter",
    "walk": "a large SNMP table",
    "modbus": "100 registers on 500 connections",
    "devices": "a poll of every recorded device, beside snmpbulkwalk",
    "engine": "readings judged",
    "replay": "samples replayed",
    "slo": "a year of figures at a site of 1,000 points",
    "samples": "bytes and times of the sample store, commits of the journal",
    "report": "a month's report, from the journal to the document",
    "memory": "a thousand assets over a simulated hour",
    "trap_to_mail": "from the trap to the accepted mail",
}
"""Name of the module -> what it measures, in the order of the table."""

_LIMIT_S = 300
_PATIENCE_S = 15.0
"""How long a quiet moment is waited for before each."""


def run(name: str) -> dict[str, Any]:
    """The JSON line of one benchmark. RuntimeError when it gave none."""
    share = wait_until_quiet(_PATIENCE_S)
    command = [sys.executable, "-m", f"benchmarks.{name}"]
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=_LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"{name} was not finished after {_LIMIT_S} s") from None
    lines = done.stdout.splitlines()
    if not lines:
        raise RuntimeError(f"{name} ended with status {done.returncode} and without a figure")
    found: dict[str, Any] = json.loads(lines[-1])
    return found | {"others_before": round(share, 2)}


def main() -> int:
    """0 when every target was met, 1 when one was missed, 2 when something could not be measured."""
    width = max(map(len, BENCHMARKS))
    listed = "\n".join(f"  {name:<{width}}  {what}" for name, what in BENCHMARKS.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="One JSON line per benchmark. docs/benchmarks.md explains them.",
        epilog=f"names:\n{listed}", formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("names", nargs="*", metavar="NAME", help="which ones; all when none is named")
    parser.add_argument("--table", action="store_true", help="write the table of README.md from this very run")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in BENCHMARKS]
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; names: {', '.join(BENCHMARKS)}")
    if options.table and options.names:
        parser.error("--table takes all benchmarks, so that the figures of the table are of one run")
    results, broken = [], False
    for name in options.names or BENCHMARKS:
        try:
            results.append(run(name))
        except RuntimeError as error:
            print(f"benchmarks: {error}", file=sys.stderr)
            broken = True
            continue
        print(json.dumps(results[-1]), flush=True)
    if options.table and not broken:
        write(results)
    return 2 if broken else int(not all(result["met"] for result in results))


if __name__ == "__main__":
    sys.exit(main())
