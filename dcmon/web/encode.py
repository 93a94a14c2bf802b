"""Everything that leaves as JSON: dataclasses and tuples become objects, times become ISO 8601."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

from dcmon.instants import iso_utc

TIMES: Final = frozenset(
    {
        "acked_at", "alive", "back_off_until", "closed", "created", "due", "end", "ended", "ends", "last_poll",
        "last_success", "now", "opened", "resolved", "shelved_until", "since", "stable_since", "start", "started",
        "stopped", "ts", "until", "updated",
    }
)  # fmt: skip
"""Names of fields that hold int ms UTC, here and in model.py; they leave as 2026-11-23T10:00:00.000Z."""

_FIRST_MS = 10**11
"""3 March 1973: smaller numbers are no time, a mapping may use these names for something else."""
_HIDDEN: Final = frozenset({"memory"})
"""What a rule remembers for itself is nobody's interface."""


def jsonable(thing: Any, name: str = "") -> Any:
    """Plain JSON for whatever the state holds. Numbers that JSON cannot say become null."""
    if isinstance(thing, bool) or thing is None:
        return thing
    if isinstance(thing, Enum):
        return thing.value
    if isinstance(thing, str):
        return thing
    if isinstance(thing, int):
        return iso_utc(thing) if name in TIMES and thing >= _FIRST_MS else thing
    if isinstance(thing, float):
        return thing if math.isfinite(thing) else None
    if dataclasses.is_dataclass(thing) and not isinstance(thing, type):
        fields = {field.name: getattr(thing, field.name) for field in dataclasses.fields(thing)}
        return _object({key: value for key, value in fields.items() if key not in _HIDDEN})
    if isinstance(thing, tuple) and hasattr(thing, "_fields"):
        return _object(dict(zip(thing._fields, thing, strict=True)))
    if isinstance(thing, Mapping):
        return _object(thing)
    if isinstance(thing, list | tuple | set | frozenset):
        return [jsonable(item) for item in thing]
    return str(thing)


def _object(fields: Mapping[Any, Any]) -> dict[str, Any]:
    return {{"cls": "class"}.get(str(key), str(key)): jsonable(value, str(key)) for key, value in fields.items()}


def dumps(thing: Any) -> str:
    """Compact JSON text."""
    return json.dumps(jsonable(thing), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
