"""Samples replayed per second: JSON lines in, decisions and pages out. `python -m benchmarks replay`

The samples are those of `benchmarks/engine.py`, written as a recorder writes them; the Pager decides who is told.
"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Sequence

from benchmarks.engine import batches
from benchmarks.machine import cores, pin
from benchmarks.result import Result, middle, report
from benchmarks.sites import EXAMPLE
from dcmon.config.config import Config
from dcmon.config.loader import load
from dcmon.notify.escalation import Pager
from dcmon.replay import replay
from dcmon.thresholds.stamps import iso

SAMPLES = 200_000
ROUNDS = 5
TARGET_PER_S = 100_000
_FIELDS = ("ts", "asset", "point", "index", "value", "quality")


def lines(config: Config) -> list[str]:
    """A recording of the site."""
    readings = (reading for _, batch in batches(config, SAMPLES) for reading in batch)
    return [json.dumps(dict(zip(_FIELDS, (iso(reading.ts), *reading[1:6]), strict=True))) for reading in readings]


def run(config: Config, recording: Sequence[str]) -> tuple[float, int]:
    """(samples per second of processor time, decisions)."""
    gc.collect()
    begun = time.process_time()
    decisions = sum(1 for _ in replay(config, recording, Pager(config)))
    return len(recording) / (time.process_time() - begun), decisions


def measure() -> Result:
    """The median of several rounds over the same samples."""
    pin(cores()[0])
    config = load(EXAMPLE)
    recording = lines(config)
    rounds = [run(config, recording) for _ in range(ROUNDS)]
    figure = middle("replay", [rate for rate, _ in rounds], "samples/s", TARGET_PER_S, at_least=True, digits=0)
    return Result([figure], {"samples": len(recording), "decisions": rounds[0][1]})


if __name__ == "__main__":
    sys.exit(report("replay", measure))
