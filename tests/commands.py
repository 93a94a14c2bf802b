"""`python -m dcmon` as a user runs it, for tests that wait for its end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def dcmon(*words: str | Path, status: int = 0, seconds: float = 120) -> str:
    """All that the command said; it must have ended with `status`."""
    done = subprocess.run(
        [sys.executable, "-m", "dcmon", *map(str, words)], capture_output=True, text=True, timeout=seconds, check=False
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr
