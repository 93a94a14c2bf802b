"""`rules.yaml: sequences`: steps that must follow a cause in time, such as a mains loss."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, model_validator

from dcmon.config.base import Duration, Identifier, Strict, Title
from dcmon.config.base_rule import AlarmClass, BaseRule
from dcmon.config.conditions import Condition
from dcmon.model import Severity

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
    tom: tuple[str, ...] = Field(default=(), description="promises that it breaks")
    when: Annotated[tuple[Condition, ...], Field(min_length=1)]


class Measured(Strict):
    """A series whose extremes and curve belong to the record."""

    asset: Identifier
    point: str
    index: str | None = None
    since: Identifier | None = Field(default=None, description="its extremes count only when this step has come")


class SequenceSpec(Strict):
    """While all of `when` holds the cause lasts. Each run is a record with the times of its steps and a verdict.

    Steps have `class`, `severity`, `tom` and `asset` from the sequence unless they say otherwise, and what is forbidden
    has `tom` from it. A run counts for a promise by what carries that promise's id.
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
        steps = [common | step if isinstance(step, dict) else step for step in data["steps"]]
        tom, bans = {name: data[name] for name in ("tom",) if name in data}, data.get("never", ())
        if isinstance(bans, list | tuple):
            bans = [tom | ban if isinstance(ban, dict) else ban for ban in bans]
        return {**data, "steps": steps, "never": bans}

    @model_validator(mode="after")
    def _in_order(self) -> SequenceSpec:
        places = [step.after for step in self.steps]
        if places != sorted(places, key=("start", "return").index):
            raise ValueError("steps after the start stand before those after the return")
        unknown = {one.since for one in self.measure if one.since is not None} - {step.id for step in self.steps}
        if unknown:
            raise ValueError(f"measure: there is no step {', '.join(sorted(unknown))}")
        return self
