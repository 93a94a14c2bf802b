"""`rules.yaml`: what is judged. One model per kind of rule; the kind is a closed word.

A condition is three-valued: it holds, it does not hold, or nobody knows (a reading is bad or too old).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from dcmon.config.base import Duration, Identifier, Strict, Title, at_least
from dcmon.config.evidence import Evidence
from dcmon.config.recurrence import Every
from dcmon.config.site import AssetKind
from dcmon.model import Severity, Value, number


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


Word = bool | int | float | str


class Test(Strict):
    """What a value must be. Exactly one of the words."""

    is_: Word | None = Field(default=None, alias="is")
    in_: tuple[Word, ...] | None = Field(default=None, alias="in")
    not_in: tuple[Word, ...] | None = None
    above: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _one(self) -> Test:
        given = [self.is_, self.in_, self.not_in, self.above, self.below]
        if sum(word is not None for word in given) != 1:
            raise ValueError("a condition has exactly one of is, in, not_in, above, below")
        return self

    def compile(self) -> Callable[[Value], bool | None]:
        """A function value -> whether it passes; None for what it cannot judge: nothing, or a word for a limit."""
        if self.above is not None:
            above = self.above
            return lambda value: None if (size := number(value)) is None else size > above
        if self.below is not None:
            below = self.below
            return lambda value: None if (size := number(value)) is None else size < below
        if self.is_ is not None:
            word = self.is_
            return lambda value: None if value is None else value == word
        if self.in_ is not None:
            words = frozenset(self.in_)
            return lambda value: None if value is None else value in words
        others = frozenset(self.not_in or ())
        return lambda value: None if value is None else value not in others


class Condition(Test):
    """A test of one point of the asset at hand, or of the asset named. With several indices all must pass."""

    point: str
    index: str | None = None
    asset: Identifier | None = None


class Select(Strict):
    """The series a rule applies to: every asset of these kinds or ids that gives the point."""

    point: str
    kinds: tuple[AssetKind, ...] = ()
    assets: tuple[Identifier, ...] = ()
    index: str | None = None


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


_INHERITED = ("asset", "class", "severity", "tom")


def _not_required(schema: dict[str, Any]) -> None:
    """What a step has from its sequence need not be repeated by editors."""
    schema["required"] = [name for name in schema.get("required", []) if name not in _INHERITED]


class StepRule(BaseRule):
    """One step: `then` must hold within `within`. It is an alarm like that of any rule, raised at the deadline."""

    model_config = ConfigDict(json_schema_extra=_not_required)

    kind: Literal["step"] = "step"
    name: Title = Field(description="what has happened when it has come, for the record; `title` is what is wrong else")
    asset: Identifier
    after: Literal["start", "return"] = Field(
        default="start", description="the time runs from the start of the cause, or from its end"
    )
    then: Annotated[tuple[Condition, ...], Field(min_length=1)]
    within: Duration
    stays: bool = Field(
        default=False,
        description="it must also stay so while the cause lasts; undone, the time runs anew. A stand-in has taken over "
        "what it stands in for while this holds",
    )


class Forbidden(Strict):
    """What must not happen meanwhile; rules of its own say who is told."""

    id: Identifier
    title: str
    when: Annotated[tuple[Condition, ...], Field(min_length=1)]


class Measured(Strict):
    """A series whose extremes and curve belong to the record."""

    asset: Identifier
    point: str
    index: str | None = None
    since: Identifier | None = Field(default=None, description="its extremes count only when this step has come")


class SequenceSpec(Strict):
    """While all of `when` holds the cause lasts. Each run is a record with the times of its steps and a verdict.

    Steps have `class`, `severity`, `tom` and `asset` from the sequence unless they say otherwise.
    """

    id: Identifier
    title: Title
    tom: tuple[str, ...] = Field(default=(), description="promises that it proves, T01 to T32")
    asset: Identifier = Field(description="what the record is about")
    cls: AlarmClass = Field(alias="class")
    severity: Severity
    when: Annotated[tuple[Condition, ...], Field(min_length=1)]
    steps: Annotated[tuple[StepRule, ...], Field(min_length=1)]
    never: tuple[Forbidden, ...] = ()
    measure: tuple[Measured, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _hand_down(cls, data: Any) -> Any:
        if not isinstance(data, dict) or not isinstance(data.get("steps"), list | tuple):
            return data
        common = {name: data[name] for name in _INHERITED if name in data}
        return {**data, "steps": [common | step if isinstance(step, dict) else step for step in data["steps"]]}

    @model_validator(mode="after")
    def _in_order(self) -> SequenceSpec:
        places = [step.after for step in self.steps]
        if places != sorted(places, key=("start", "return").index):
            raise ValueError("steps after the start stand before those after the return")
        unknown = {one.since for one in self.measure if one.since is not None} - {step.id for step in self.steps}
        if unknown:
            raise ValueError(f"measure: there is no step {', '.join(sorted(unknown))}")
        return self


class PlannedRule(BaseRule):
    """What planned work gives rise to; it need not be written, and is told of by its own incident."""

    kind: Literal["planned"] = "planned"


LATE_NOTICE = PlannedRule.model_validate({
    "id": "late-notice", "class": "monitoring", "severity": "warning", "page": False, "tom": ["T25"],
    "title": "maintenance was announced too late",
    "cause": "A window of class low or high was entered, or moved, less than 28 days before its start.",
    "consequence": "The promise of four weeks' notice is broken, and the window counts in the availability figures.",
    "response": "Move the window, or put on record why it could not wait.",
    "de": {
        "title": "Wartung zu spät angekündigt",
        "cause": "Ein Fenster der Klasse gering oder hoch wurde keine 28 Tage vor Beginn eingetragen oder verlegt.",
        "consequence": "Die Zusage von vier Wochen Vorlauf ist verletzt, und das Fenster zählt mit.",
        "response": "Das Fenster verlegen oder festhalten, warum es nicht warten konnte.",
    },
})  # fmt: skip
DRILL_MISSING = PlannedRule.model_validate({
    "id": "drill-missing", "class": "monitoring", "severity": "critical", "tom": ["T18"],
    "title": "missing in the drill",
    "cause": "The fault was not brought about, a device does not see it, or dcmon does not read it.",
    "consequence": "In earnest nobody would be told.",
    "response": "Tell whoever leads the drill. Find out whether the device saw it; acknowledge to take note.",
    "de": {
        "title": "bei der Übung ausgeblieben",
        "cause": "Der Fehler wurde nicht herbeigeführt, ein Gerät sieht ihn nicht, oder dcmon liest ihn nicht.",
        "consequence": "Im Ernstfall würde niemand benachrichtigt.",
        "response": "Die Übungsleitung verständigen. Klären, ob das Gerät es gesehen hat; quittieren heißt: bekannt.",
    },
})  # fmt: skip


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
    owner: Identifier | None = Field(default=None, description="the person or the roster that sees to it")
    evidence: Evidence = "entry"

    @model_validator(mode="before")
    @classmethod
    def _say_what_is_wrong(cls, data: Any) -> Any:
        if not isinstance(data, dict) or data.get("title") or not isinstance(data.get("name"), dict):
            return data
        name = data["name"]
        german = {"title": f"{name.get('de')} ist überfällig"}
        return {"de": german, **data, "title": f"{name.get('en')} is overdue"}


Rule = ListedRule | StepRule | PlannedRule | DutyRule
Loc = tuple[str | int, ...]


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
