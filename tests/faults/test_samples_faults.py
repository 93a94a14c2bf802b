"""The sample store when the process is killed: what was flushed is there, once, wherever it was being moved."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

from dcmon.clock import SimulatedClock
from dcmon.model import Reading, SeriesKey
from dcmon.storage import compaction
from dcmon.storage.samples import Samples

START = 1_735_689_600_000
KEY = SeriesKey("ups-a", "input.voltage")
STEP_MS = 60_000
NOW = START + 25 * 86_400_000

WRITER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from test_samples_faults import write
write(Path(sys.argv[1]), int(sys.argv[3]))
"""


def write(folder: Path, first: int) -> None:
    """Appends, flushes and compacts without a pause; prints how many samples are on the disk."""
    compaction._FOLD_ROWS = 200  # type: ignore[misc]
    store = Samples(folder, clock=SimulatedClock(NOW))
    number = first
    while True:
        store.append([Reading(START + n * STEP_MS, *KEY, n) for n in range(number, number + 50)])
        number += 50
        store.flush()
        print(number, flush=True)
        store.compact()


def test_kill_9_at_any_moment_leaves_every_flushed_sample_exactly_once(tmp_path: Path) -> None:
    random_ = random.Random(11)
    kept = 0
    for _ in range(6):
        command = [sys.executable, "-c", WRITER, str(tmp_path), str(Path(__file__).parent), str(kept)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            said = [process.stdout.readline()]
            threading.Timer(random_.uniform(0.02, 0.3), process.send_signal, [signal.SIGKILL]).start()
            said += process.stdout
        flushed = int([line for line in said if line.endswith("\n")][-1])
        store = Samples(tmp_path, clock=SimulatedClock(NOW))
        values = store.range(KEY, 0, START * 2).values
        minutes = store.minutes(KEY, 0, START * 2)
        store.close()
        assert values == list(range(len(values)))
        assert flushed <= len(values) <= flushed + 50
        assert minutes.mean == values
        assert set(minutes.numbers) == {1}
        kept = len(values)
    assert kept > 500
