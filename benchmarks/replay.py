"""Samples replayed per second: JSON lines in, decisions and pages out. Prints one JSON line.

python benchmarks/replay.py [--samples 200000]

The samples are those of `benchmarks/engine.py`, written as a recorder writes them; the Pager decides who is told.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from pathlib import Path

from dcmon.clock import perf_counter
from dcmon.config.loader import load
from dcmon.notify.escalation import Pager
from dcmon.replay import replay
from dcmon.thresholds.stamps import iso

sys.path.insert(0, str(Path(__file__).resolve().parent))

from engine import ROOT, batches

BUDGET = 100_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    config = load(ROOT / "config")
    fields = ("ts", "asset", "point", "index", "value", "quality")
    readings = (reading for _, batch in batches(config, options.samples) for reading in batch)
    lines = [json.dumps(dict(zip(fields, (iso(reading.ts), *reading[1:6]), strict=True))) for reading in readings]
    rates = []
    for _ in range(options.rounds):
        started = perf_counter()
        decisions = sum(1 for _ in replay(config, lines, Pager(config)))
        rates.append(len(lines) / (perf_counter() - started))
    rate = round(statistics.median(rates))
    figures = {"samples_per_s": rate, "budget_samples_per_s": BUDGET, "samples": len(lines), "decisions": decisions}
    print(json.dumps({"benchmark": "replay", **figures}))
    sys.exit(0 if rate >= BUDGET else 1)


if __name__ == "__main__":
    main()
