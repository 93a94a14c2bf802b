"""`rules.yaml`: what is judged."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Annotated

from pydantic import Field

from dcmon.config.base import Duration, Strict
from dcmon.config.duties import DutyRule
from dcmon.config.planned import DRILL_MISSING, LATE_NOTICE, PlannedRule
from dcmon.config.rule_kinds import ListedRule
from dcmon.config.sequences import SequenceSpec, StepRule
from dcmon.config.yamlfile import Loc

Rule = ListedRule | StepRule | PlannedRule | DutyRule


class Incidents(Strict):
    """How alarms become incidents."""

    join: Duration = Field(
        default=600_000, description="a cause that shows later than its effects takes over incidents so young"
    )
    reopen: Duration = Field(
        default=600_000, description="an alarm that comes back within this time reopens its incident"
    )
    outlast: Duration = Field(
        default=600_000, description="what outlasts its cause by so long is a fault of its own: people are told again"
    )


class Fuel(Strict):
    """What is noise, and what is a delivery."""

    settle: Duration = Field(
        default=60_000, description="a level is believed when it has stayed above, or below, the one before for so long"
    )
    drift: Annotated[float, Field(ge=0, lt=10)] = Field(
        default=0.25,
        description="per cent of the tank an hour by which the level may drift with the temperature: diesel grows by "
        "1 % with 12 K",
    )
    delivery_from: Annotated[float, Field(gt=0, lt=100)] = Field(
        default=2.0, description="per cent of the tank; a smaller rise is no delivery"
    )
    delivery_pause: Duration = Field(
        default=900_000, description="a delivery is over when the level has not risen for so long"
    )
    same_delivery: Duration = Field(
        default=21_600_000, description="what is entered and what is measured within so long are one delivery"
    )
    differs: Annotated[float, Field(gt=0)] = Field(
        default=5.0, description="per cent by which what was entered may differ from what was measured"
    )


class Rules(Strict):
    """All rules; `targets` overrides the targets of the control catalogue by control id (per cent)."""

    incidents: Incidents = Incidents()
    fuel: Fuel = Fuel()
    targets: dict[str, Annotated[float, Field(gt=0, le=100)]] = Field(default_factory=dict)
    unusual_most: Annotated[int, Field(ge=0)] = Field(
        default=3, description="tickets for unusual values in any 24 h over the site; further ones are recorded only"
    )
    rules: tuple[ListedRule, ...]
    sequences: tuple[SequenceSpec, ...] = ()
    late_notice: PlannedRule = Field(default=LATE_NOTICE, description="maintenance was announced too late (T25)")
    drill_missing: PlannedRule = Field(default=DRILL_MISSING, description="an expected alarm did not come (T18)")

    def placed(self) -> Iterator[tuple[Loc, Rule]]:
        """Everything in the file that can raise an alarm, with its place: rules, steps of sequences, planned work."""
        for position, rule in enumerate(self.rules):
            yield ("rules", position), rule
        for position, sequence in enumerate(self.sequences):
            for place, step in enumerate(sequence.steps):
                yield ("sequences", position, "steps", place), step
        for name in ("late_notice", "drill_missing"):
            if name in self.model_fields_set:
                yield (name,), getattr(self, name)

    @cached_property
    def judged(self) -> tuple[Rule, ...]:
        """Everything that can raise an alarm, written or not."""
        written = tuple(rule for _, rule in self.placed())
        return (*written, *(rule for rule in (self.late_notice, self.drill_missing) if rule not in written))
