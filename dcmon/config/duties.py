"""Duties that come round: tests, exercises, reviews (`register.yaml: duties`)."""

from __future__ import annotations

import datetime as dt
from typing import Any, Literal

from pydantic import Field, model_validator

from dcmon.config.base import Duration, Identifier, Title
from dcmon.config.base_rule import BaseRule
from dcmon.config.evidence import Evidence
from dcmon.config.recurrence import Every
from dcmon.config.site import AssetKind
from dcmon.model import Severity


class DutyRule(BaseRule):
    """A test or another duty that comes round, done for each of its assets; an alarm and a task where it was not.

    Entered duties are done once for all of their assets.
    """

    kind: Literal["duty"] = "duty"
    name: Title = Field(description="what is to be done")
    title: str = Field(default="", description="what is wrong when it was not; `NAME is overdue` when absent")
    severity: Severity = Severity.WARNING
    page: bool = Field(default=False, description="whether it pages; else a task tells whom it concerns")
    assets: tuple[Identifier, ...] = ()
    kinds: tuple[AssetKind, ...] = Field(default=(), description="all assets of these kinds")
    every: Every
    since: dt.date | None = Field(
        default=None, description="the first period begins on this day; when its asset was commissioned, when absent"
    )
    grace: Duration = Field(default=0, description="how long after the period it is still in time")
    deadline: Duration = Field(default=604_800_000, description="how long the task that it opens may take")
    owner: Identifier | None = Field(
        default=None,
        description="the person or the roster that sees to it, written to besides the route's people when overdue",
    )
    evidence: Evidence = "entry"

    @model_validator(mode="before")
    @classmethod
    def _say_what_is_wrong(cls, data: Any) -> Any:
        if not isinstance(data, dict) or data.get("title") or not isinstance(data.get("name"), dict):
            return data
        name = data["name"]
        german = {"title": f"{name.get('de')} ist überfällig"}
        return {"de": german, **data, "title": f"{name.get('en')} is overdue"}
