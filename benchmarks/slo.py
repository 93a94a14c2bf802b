"""`dcmon slo` over a year of a 1,000-point site, from the journal to the figures. `python -m benchmarks slo`

Site and journal are those of `benchmarks/report.py`: four changes a day of each figure, a year long. Measured is all
that the command does after it has started and before it prints: the judge that knows the indicators, and every figure
over the year. Processor time.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

from benchmarks.machine import cores, pin
from benchmarks.report import DAY, DEVICES, END, MADE, fill
from benchmarks.result import Result, middle, report
from benchmarks.sites import write
from dcmon.promises import figures, fixed
from dcmon.storage.journal_reads import FILE_NAME, JournalReader
from dcmon.thresholds import Judge

ROUNDS = 5
TARGET_S = 2.0


def measure() -> Result:
    """The median of several rounds over the same journal."""
    with tempfile.TemporaryDirectory() as name:
        config = write(Path(name), [1], count=DEVICES)
        intervals = fill(config, config.agent.data_dir)
        pin(cores()[-1])
        span = (END - 365 * DAY, END)
        rounds, found = [], []
        for _ in range(ROUNDS):
            begun = time.process_time()
            journal = JournalReader(config.agent.data_dir / FILE_NAME)
            found = figures(config, journal, Judge(config).availability(MADE), MADE, span)
            fixed(config, journal.clocks(limit=-1), span, MADE)
            rounds.append(time.process_time() - begun)
            journal.close()
    figure = middle("figures of a year, 1,000 points", rounds, "s", TARGET_S, digits=2)
    return Result([figure], {"figures": len(found), "intervals": intervals})


if __name__ == "__main__":
    sys.exit(report("slo", measure))
