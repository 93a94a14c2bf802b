"""The complete profiles that docs/profiles.md shows."""

from __future__ import annotations

import re
from pathlib import Path

TEXT = (Path(__file__).parents[1] / "docs" / "profiles.md").read_text(encoding="utf-8")
_EXAMPLE = re.compile(r", (\d+) lines:\n\n```yaml\n(name: (\w+)\n.*?)```", re.DOTALL)


def complete_examples() -> dict[str, str]:
    """Name -> text of the examples that stand there with their number of lines."""
    return {found[3]: found[2] for found in _EXAMPLE.finditer(TEXT)}
