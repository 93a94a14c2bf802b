"""What people put on record: a delivery, a duty that was done ... One model per kind; the kind is a closed word.

The command `dcmon enter`, the API and a file for `dcmon replay` take the same words.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BeforeValidator,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from dcmon.config.base import Identifier, Strict

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MILLISECOND = dt.timedelta(milliseconds=1)


class EntryError(ValueError):
    """An entry cannot be taken. The message says what is wrong and how it should be."""


def _instant(text: Any) -> int:
    try:
        moment = dt.datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        moment = None
    if moment is None:
        raise ValueError(f"{text!r} is no time; write for example 2026-11-23T10:00:00+01:00")
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no zone; end it with Z for UTC or with an offset such as +01:00")
    return (moment - _EPOCH) // _MILLISECOND


Instant = Annotated[int, BeforeValidator(_instant), WithJsonSchema({"type": "string", "format": "date-time"})]
"""ms UTC; written in ISO 8601 with a zone."""

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
"""A short text that must not be empty."""


class _Entry(Strict):
    by: Line = Field(description="who enters it")
    note: str = Field(default="", max_length=4000)
    at: Instant | None = Field(default=None, description="when it happened; now when absent")


class Delivery(_Entry):
    """Fuel was delivered (T06): what the refuelling log wants to know."""

    kind: Literal["delivery"]
    asset: Identifier = Field(description="the tank")
    litres: float = Field(gt=0, le=1_000_000)
    fuel: Line = Field(description="what kind, for example diesel EN 590 or HVO EN 15940")
    additives: str = ""


class CorrectionEntry(_Entry):
    """An interval of an indicator was measured wrong. What was recorded stays; figures show both."""

    kind: Literal["correction"]
    indicator: Line = Field(description="its id, as `dcmon slo --json` gives it")
    start: Instant
    end: Instant
    was: Literal["up", "down", "unknown"] = Field(description="what was recorded")
    now: Literal["up", "down", "unknown"] = Field(description="what it really was")
    reason: Line
    evidence: Line = Field(description="what proves it: a log, a ticket, a letter of the supplier")

    @model_validator(mode="after")
    def _sense(self) -> CorrectionEntry:
        if self.end <= self.start:
            raise ValueError("the interval ends before it starts")
        if self.was == self.now:
            raise ValueError(f"it was {self.was} and is to be {self.now}: that corrects nothing")
        return self


Entry = Delivery | CorrectionEntry

ENTRIES: Mapping[str, type[_Entry]] = {"delivery": Delivery, "correction": CorrectionEntry}
"""Every kind of entry and its words."""

_ENTRY: TypeAdapter[Entry] = TypeAdapter(Annotated[Entry, Field(discriminator="kind")])


def parse_entry(words: object) -> Entry:
    """The entry of a JSON object. EntryError names every word that is missing, unknown or wrong."""
    if not isinstance(words, dict):
        raise EntryError('an entry is one JSON object, such as {"kind": "delivery", "by": ...}')
    try:
        return _ENTRY.validate_python(words)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc'] if part not in ENTRIES) or 'entry'}: {_plain(fault['msg'])}"
            for fault in error.errors()
        )
        raise EntryError(faults) from None


def _plain(message: str) -> str:
    return message.removeprefix("Value error, ")
