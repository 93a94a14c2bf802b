"""The canonical points: names, units, types. The only place where a point's unit is written."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Literal

import yaml
from pydantic import ConfigDict, Field

from dcmon.config.base import Strict


class Point(Strict):
    """One canonical point. `index` says what tells several of one name apart; absent for points that stand alone."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    type: Literal["number", "bool", "enum", "counter"]
    unit: str | None = None
    values: tuple[str, ...] = ()
    index: str | None = None
    note: str | None = None
    computed: bool = Field(default=False, description="dcmon works it out from others; no device gives it")
    fast: bool = Field(default=False, description="belongs to the fast poll: mains, UPS source, breakers")


@cache
def vocabulary() -> dict[str, Point]:
    """All canonical points by name."""
    text = files("dcmon.config").joinpath("vocabulary.yaml").read_text(encoding="utf-8")
    sections = yaml.safe_load(text)
    return {name: Point(**spec) for section in sections.values() for name, spec in section.items()}


def unit_of(point: str) -> str | None:
    """The unit of a canonical point; None where it has none or is not canonical."""
    known = vocabulary().get(point)
    return known.unit if known else None
