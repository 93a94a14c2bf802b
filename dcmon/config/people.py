"""`people.yaml`: who is told of what, over which channel, and who is next when nobody answers."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

from pydantic import Field, model_validator

from dcmon.config.base import Duration, EmailAddress, Identifier, LocalTime, Moment, SecretUrl, Strict
from dcmon.config.base_rule import AlarmClass
from dcmon.model import Severity

Channel = Literal["email", "webhook", "console"]


class Person(Strict):
    """Somebody who can be told. Addresses stay in this file; the journal keeps the id only."""

    id: Identifier
    name: Annotated[str, Field(min_length=1)]
    email: EmailAddress | None = None
    webhook: SecretUrl | None = Field(
        default=None,
        description="URL that takes the Alertmanager v4 shape; env:NAME or file:PATH of it where it holds a token",
    )
    language: Literal["de", "en"] = "de"
    role: Literal["supplier"] | None = Field(
        default=None,
        description="supplier: the first of them is sent an order by e-mail when a refuel task opens, all of them when "
        "it is overdue",
    )


class Shift(Strict):
    """`person` is on duty from `start` until `end`, local time; `end` at or before `start` ends on the next day."""

    person: Identifier
    days: tuple[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"], ...] = (
        "mon", "tue", "wed", "thu", "fri", "sat", "sun",
    )  # fmt: skip
    start: LocalTime = dt.time(0)
    end: LocalTime = dt.time(0)


class Rotation(Strict):
    """Takes turns: `people` in order, `period` each, from `since` on; the hand-over is at `since`'s local time."""

    people: Annotated[tuple[Identifier, ...], Field(min_length=1)]
    period_days: Annotated[int, Field(ge=1)] = 7
    since: Moment


class Override(Strict):
    """`person` replaces whoever would be on duty, from `start` until `end` (local time)."""

    person: Identifier
    start: Moment
    end: Moment

    @model_validator(mode="after")
    def _forward(self) -> Override:
        if (self.start.tzinfo is None) != (self.end.tzinfo is None):
            raise ValueError("start and end are written alike, both with a zone or both in local time")
        if self.start >= self.end:
            raise ValueError("it ends before it starts")
        return self


class Roster(Strict):
    """Who is on duty when: overrides before shifts before the rotation."""

    id: Identifier
    name: str
    shifts: tuple[Shift, ...] = ()
    rotation: Rotation | None = None
    overrides: tuple[Override, ...] = ()


class Recipient(Strict):
    """Everybody on duty of a roster, or one person, over these channels."""

    roster: Identifier | None = None
    person: Identifier | None = None
    channels: Annotated[tuple[Channel, ...], Field(min_length=1)] = ("email",)


class Step(Strict):
    """Told when nobody has acknowledged `after` the page before."""

    after: Duration
    to: Annotated[tuple[Recipient, ...], Field(min_length=1)]


class ClockStep(Strict):
    """Told of a fault clock from `percent` of its limit on, besides the route's `to`."""

    percent: Annotated[int, Field(ge=1, le=100)]
    to: Annotated[tuple[Recipient, ...], Field(min_length=1)]


class Route(Strict):
    """The first route whose class and severity fit decides; an empty list fits everything."""

    id: Identifier
    classes: tuple[AlarmClass, ...] = ()
    severities: tuple[Severity, ...] = ()
    to: Annotated[tuple[Recipient, ...], Field(min_length=1)]
    escalation: tuple[Step, ...] = ()
    repeat: Duration = Field(
        default=3_600_000,
        description="after the last step, tell its people and those on duty again, until somebody acknowledges or it "
        "is over; 0s: never",
    )
    clock: tuple[ClockStep, ...] = Field(
        default=(), description="who is told of fault clocks besides `to`, from which per cent of the limit on"
    )
    resolved: bool = Field(default=True, description="tell the same people when it is over")


class Planned(Strict):
    """Who hears of maintenance and drills, and when."""

    to: tuple[Recipient, ...] = Field(default=(), description="the last route's `to` when empty")
    before: tuple[Duration, ...] = Field(
        default=(86_400_000, 3_600_000), description="so long before the start they are reminded"
    )


class People(Strict):
    """Everybody, and the way to them."""

    people: Annotated[tuple[Person, ...], Field(min_length=1)]
    rosters: tuple[Roster, ...] = ()
    routes: Annotated[tuple[Route, ...], Field(min_length=1)]
    planned: Planned = Planned()

    @property
    def suppliers(self) -> tuple[Person, ...]:
        """Those who are sent orders, in their order."""
        return tuple(person for person in self.people if person.role == "supplier")

    def person(self, person_id: str) -> Person | None:
        return next((person for person in self.people if person.id == person_id), None)
