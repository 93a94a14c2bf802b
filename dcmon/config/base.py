"""What all files of the configuration share: strictness, durations, references to secrets."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, StringConstraints, WithJsonSchema

_UNITS_MS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")


class Strict(BaseModel):
    """A model that refuses words it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def parse_duration(text: Any) -> int:
    """Milliseconds from `500ms`, `2s`, `5m`, `4h`, `30d` or a sum such as `1h30m`."""
    if isinstance(text, bool) or not isinstance(text, str):
        raise ValueError("a duration is written with its unit, for example 2s, 5m, 4h or 30d")
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is no duration; write for example 500ms, 2s, 5m, 4h or 30d")
    return round(sum(float(number) * _UNITS_MS[unit] for number, unit in parts))


def format_duration(ms: int) -> str:
    """The shortest of the forms that `parse_duration` reads, for messages: 90000 is `1m30s`.

    From a minute on it is given in whole seconds: nobody reads more.
    """
    if ms >= _UNITS_MS["m"]:
        ms = round(ms, -3)
    if ms == 0:
        return "0s"
    parts = []
    for unit in ("d", "h", "m", "s", "ms"):
        count, ms = divmod(ms, _UNITS_MS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


Duration = Annotated[
    int,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^(\d+(\.\d+)?(ms|s|m|h|d))+$", "examples": ["2s", "5m", "4h"]}),
]
"""Milliseconds; written as `2s`, `5m`, `4h`, `30d`."""

Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_.-]*$", max_length=64)]
"""Ids of assets, rules, people ...: lower case, digits, `-`, `_` and `.`."""

_SECRET_REF = re.compile(r"env:[A-Za-z_][A-Za-z0-9_]*|file:.+")


def _check_secret_ref(text: Any) -> str:
    if not isinstance(text, str) or not _SECRET_REF.fullmatch(text):
        # The value is not repeated: what stands here may be the secret itself.
        raise ValueError("a secret in clear text; put it into a variable or a file and write env:NAME or file:PATH")
    return text


SecretRef = Annotated[
    str,
    BeforeValidator(_check_secret_ref),
    WithJsonSchema({"type": "string", "pattern": r"^(env:[A-Za-z_][A-Za-z0-9_]*|file:.+)$"}),
]
"""Where a secret is to be found: `env:NAME` or `file:PATH` (relative to the configuration). Never the secret itself."""
