"""What every rule has, whatever its kind: words for people, delays, a clock, a task."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from dcmon.config.base import Duration, Identifier, Strict
from dcmon.model import Severity


class AlarmClass(StrEnum):
    """Whose trade a fault is; routes select by it."""

    POWER = "power"
    FUEL = "fuel"
    COOLING = "cooling"
    WATER = "water"
    FIRE = "fire"
    SECURITY = "security"
    NETWORK = "network"
    ENVIRONMENT = "environment"
    MONITORING = "monitoring"


class Clock(Strict):
    """How long the fault may last (T22)."""

    limit: Duration
    warn: tuple[Annotated[int, Field(gt=0, lt=100)], ...] = (50, 75, 90)
    stable: Duration = Field(default=300_000, description="it stops when the fault has been gone for so long")
    reopen: Duration = Field(default=1_800_000, description="back within this time it is the same fault")


class TaskSpec(Strict):
    """Work that the alarm opens; it closes when the value has risen by `closes_after_rise` above its lowest."""

    kind: Literal["refuel"]
    title: str
    deadline: Duration
    closes_after_rise: float = Field(gt=0, description="in the point's unit")
    held: Duration = Field(default=60_000, description="for how long the rise must last: fuel sloshes")
    fuel: str = Field(default="diesel EN 590", description="what is ordered at the suppliers of `people.yaml`")


class Translation(Strict):
    """The words of a rule in German; what is missing is shown as the rule has it."""

    title: str = ""
    cause: str = ""
    consequence: str = ""
    response: str = ""


class BaseRule(Strict):
    """What every rule has."""

    id: Identifier
    title: str = Field(description="what is wrong, in few words; the asset's name is put before it")
    tom: tuple[str, ...] = Field(default=(), description="promises of the agreement, T01 to T32")
    cls: AlarmClass = Field(alias="class")
    severity: Severity
    page: bool = True
    propagates: bool = Field(
        default=False,
        description=(
            "while active the asset is down: alarms of what it feeds are its effects and join its incident; an asset "
            "with several feeders is an effect only when all of them are down or are effects themselves"
        ),
    )
    worsens: bool = Field(
        default=False,
        description=(
            "joining the incident of another cause, it makes that worse in a way that people must hear of: they are "
            "told again, and the incident wants a new acknowledgement"
        ),
    )
    optional: bool = Field(
        default=False,
        description=(
            "its promise is shown without it, for not every site has such readings, or has them at all times; its "
            "alarms count like those of any other rule"
        ),
    )
    on_delay: Duration = 0
    off_delay: Duration = 0
    cause: str = ""
    consequence: str = ""
    response: str = ""
    de: Translation = Field(default=Translation(), description="the same for people and pages that speak German")
    clock: Clock | None = None
    task: TaskSpec | None = None

    def word(self, name: Literal["title", "cause", "consequence", "response"], language: str) -> str:
        """One of its texts in `language` (de or en)."""
        translated = getattr(self.de, name) if language == "de" else ""
        return str(translated or getattr(self, name))
