"""The kinds of rules that `rules.yaml` lists. One model per kind; the kind is a closed word."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from dcmon.config.base import Duration, Identifier, at_least
from dcmon.config.base_rule import BaseRule
from dcmon.config.conditions import Condition, Select, Test
from dcmon.config.site import AssetKind


class StateRule(BaseRule, Test):
    """A value that is (or is not) one of some words."""

    kind: Literal["state"]
    select: Select
    unless: tuple[Condition, ...] = Field(default=(), description="while all of these hold it is no fault")


class LimitRule(BaseRule):
    """A number above or below a limit. Back only when it is `deadband` on the good side."""

    kind: Literal["limit"]
    select: Select
    above: float | None = None
    below: float | None = None
    deadband: float = Field(default=0.0, ge=0, description="in the point's unit")

    @model_validator(mode="after")
    def _one(self) -> LimitRule:
        if (self.above is None) == (self.below is None):
            raise ValueError("a limit rule has exactly one of above and below")
        return self


class RiseRule(BaseRule):
    """A number that rises by more than `by` within `within`."""

    kind: Literal["rise"]
    select: Select
    by: float = Field(gt=0)
    within: Duration


class UnusualRule(BaseRule):
    """A number far from what it usually is at this hour of the week: a ticket that limits would not give."""

    kind: Literal["unusual"]
    select: Select
    deviations: Annotated[float, Field(ge=3)] = Field(
        default=6, description="robust standard deviations that are still usual"
    )
    minimum: float = Field(gt=0, description="in the point's unit: a smaller difference is never unusual")
    on_delay: Duration = 1_800_000
    off_delay: Duration = 600_000
    page: bool = False


class SilentRule(BaseRule):
    """A device that has not answered. Not raised on its own where `lost_on_battery` already speaks."""

    kind: Literal["silent"]
    kinds: tuple[AssetKind, ...] = Field(default=(), description="all devices when empty")
    after: Duration


class LostOnBatteryRule(BaseRule):
    """A device that stopped answering when it, or a UPS that feeds it, was last seen on battery."""

    kind: Literal["lost_on_battery"]
    kinds: tuple[AssetKind, ...] = (AssetKind.UPS,)
    after: Duration


class BlindRule(BaseRule):
    """So large a share of all devices does not answer that it is dcmon that sees nothing, rather than they."""

    kind: Literal["blind"]
    asset: Identifier = Field(description="dcmon itself, as the site file calls it")
    share: Annotated[float, Field(gt=0, le=100)] = Field(default=80, description="per cent of all devices")
    after: Duration


class StaleRule(BaseRule):
    """An asset whose device answers, but of which something that is judged cannot be read any more."""

    kind: Literal["stale"]
    kinds: tuple[AssetKind, ...] = Field(default=(), description="all assets of devices when empty")
    after: Duration


class CountRule(BaseRule):
    """Fewer able members of a group than needed: k-of-n and declared redundancy."""

    kind: Literal["count"]
    group: Identifier
    able: Annotated[tuple[Condition, ...], Field(min_length=1)]
    fewer_than: Annotated[int, Field(ge=1)] | Literal["all", "needed"]


class CapacityRule(BaseRule):
    """The able members' capacity (rating.speed_bps or rating.cooling_w) is below `below`."""

    kind: Literal["capacity"]
    group: Identifier
    able: Annotated[tuple[Condition, ...], Field(min_length=1)]
    rating: Literal["speed_bps", "cooling_w", "power_w"]
    below: float = Field(gt=0)


class FollowsRule(BaseRule):
    """When all of `when` holds, all of `then` must hold within `within`; raised on `asset` at the deadline."""

    kind: Literal["follows"]
    asset: Identifier
    when: Annotated[tuple[Condition, ...], Field(min_length=1)]
    then: Annotated[tuple[Condition, ...], Field(min_length=1)]
    within: Duration


class RosterGapRule(BaseRule):
    """A roster has a hole within the time to come: nobody would be on duty then."""

    kind: Literal["roster_gap"]
    asset: Identifier = Field(description="dcmon itself, as the site file calls it")
    rosters: tuple[Identifier, ...] = Field(default=(), description="all of people.yaml when empty")
    within: Annotated[Duration, at_least("1h")] = 1_209_600_000


class FuelRule(BaseRule):
    """What the rules about tanks share."""

    tanks: tuple[Identifier, ...] = Field(default=(), description="all tanks when empty")


class FuelLossRule(FuelRule):
    """A leak or a theft: the content falls although no engine that burns from the tank runs."""

    kind: Literal["fuel_loss"]
    litres: float = Field(
        gt=0, description="falls of up to so much are noise; at least one and a half steps of the sender"
    )
    within: Duration


class FuelBurnRule(FuelRule):
    """While an engine runs, much more is gone than its load explains."""

    kind: Literal["fuel_burn"]
    times: float = Field(default=1.5, gt=1, description="times what the nameplate says of the load")
    litres: float = Field(gt=0, description="and so many litres more than that")


class FuelStuckRule(FuelRule):
    """The level does not move although an engine has run under load: the sender is stuck."""

    kind: Literal["fuel_stuck"]
    after: Duration = 3_600_000
    share: Annotated[float, Field(gt=0, lt=100)] = Field(
        default=25, description="per cent of what must have burnt by which the level must have moved at least"
    )


ListedRule = Annotated[
    StateRule
    | LimitRule
    | RiseRule
    | UnusualRule
    | SilentRule
    | LostOnBatteryRule
    | BlindRule
    | StaleRule
    | CountRule
    | CapacityRule
    | FollowsRule
    | RosterGapRule
    | FuelLossRule
    | FuelBurnRule
    | FuelStuckRule,
    Field(discriminator="kind"),
]
