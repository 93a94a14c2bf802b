"""The control catalogue: what was promised, by which indicator it shows, and what is the target. Data, not code."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field, model_validator

from dcmon.config.base import Strict, Title
from dcmon.config.config import Config
from dcmon.config.loader import own_files
from dcmon.config.parsing import parse
from dcmon.config.site import GroupRole
from dcmon.config.yamlfile import Problem, read_yaml
from dcmon.model import ConfigError, Severity
from dcmon.thresholds.availability import Window

IndicatorName = Literal[
    "mains_route", "feed", "any_feed", "both_feeds", "protected", "uplink", "uplinks", "uplinks_weighted",
    "services", "services_mean",
    "alarm_free", "watched",
    "passed", "fixed", "tasks", "announced", "told", "learnt", "placed",
]  # fmt: skip
"""The closed set of indicators. The first three lines are states over time (indicators.py, rule_indicators.py), the
last shares of cases (dcmon/cases.py): records that passed, faults that were fixed in time, tasks done in time,
maintenance announced in time, incidents of which somebody was told in time, critical incidents whose lessons are on
record, assets in a fire section that a fire panel watches."""

OF_CASES = frozenset({"passed", "fixed", "tasks", "announced", "told", "learnt", "placed"})
"""Indicators that are shares of cases and have no state of their own."""


class Objective(Strict):
    """`indicator` is good for at least `target` per cent of each `window`: of its time, or of its cases."""

    indicator: IndicatorName
    role: Literal["feed_a", "feed_b"] | None = Field(default=None, description="which feed, for indicator feed")
    severity: Severity | None = Field(default=None, description="alarm_free: only alarms at least so grave count")
    kind: str | None = Field(default=None, description="passed: which records; tasks: which tasks")
    target: Annotated[float, Field(gt=0, le=100)]
    window: Window

    @model_validator(mode="after")
    def _fits(self) -> Objective:
        if (self.kind is not None) != (self.indicator in ("passed", "tasks")):
            raise ValueError("kind belongs to the indicators passed and tasks, which need it")
        if self.severity is not None and self.indicator != "alarm_free":
            raise ValueError("severity belongs to the indicator alarm_free")
        return self


class Control(Strict):
    """One figure of one promise."""

    id: Annotated[str, Field(pattern=r"^T\d\d(\.[a-z0-9_-]+)?$")]
    tom: Annotated[str, Field(pattern=r"^T\d\d$")]
    title: Title
    objective: Objective
    contract: bool = Field(default=False, description="the figure that the agreement is about; the others explain it")
    evidence: str = Field(description="from which points it comes, for the auditor")
    owner: str = Field(description="who answers for it")

    @model_validator(mode="after")
    def _of_its_promise(self) -> Control:
        if self.id.partition(".")[0] != self.tom:
            raise ValueError(f"a control of {self.tom} is called {self.tom} or {self.tom}.NAME, not {self.id}")
        return self


class Promise(Strict):
    """One promise of the agreement, in its own words."""

    id: Annotated[str, Field(pattern=r"^T\d\d$")]
    title: Title
    owner: str
    absent: Title | None = Field(default=None, description="why nothing here can show it")


class _File(Strict):
    controls: tuple[Control, ...] = ()
    promises: tuple[Promise, ...] = ()


@cache
def promises() -> dict[str, Promise]:
    """T01 to T32."""
    return {promise.id: promise for promise in _read("promises.yaml").promises}


def catalogue(config: Config) -> dict[str, Control]:
    """The shipped controls, overridden by id by CONFIG/controls/*.yaml, with the targets that rules.yaml sets.

    A target is given for one control id, or for a promise (`T01`): then for all of its controls that have none of their
    own. ConfigError names the file, or the id that nothing has.
    """
    found = dict(_shipped())
    for path in own_files(Path(config.directory)):
        file = read_yaml(path)
        controls = parse(_File, file).controls
        ids = [control.id for control in controls]
        for place, control in enumerate(controls):
            line = file.line(("controls", place))
            if control.id in ids[:place]:
                what = f"the control {control.id} stands twice"
                raise ConfigError([Problem(str(path), line, "C004", what, "Remove one of them.")])
            if control.tom not in promises():
                what = f"{control.tom} is no promise of the agreement"
                raise ConfigError([Problem(str(path), line, "C004", what, "They are T01 to T32.")])
        found |= dict(zip(ids, controls, strict=True))
    targets = config.rules.targets
    unknown = sorted(set(targets) - set(found) - {control.tom for control in found.values()})
    if unknown:
        known = ", ".join(sorted(found))
        raise ConfigError([f"rules.yaml: targets: there is no control {', '.join(unknown)}. Known are {known}."])
    return {control_id: _with_target(control, targets) for control_id, control in sorted(found.items())}


def without_evidence(config: Config) -> list[str]:
    """The promises that nothing on this site can show: no rule, group or sequence is about them, or no control is."""
    shown = {control.tom for control in catalogue(config).values() if _can_show(config, control)}
    return [promise for promise in promises() if promise not in shown]


_BY_GROUP = {
    "mains_route": GroupRole.MAINS, "uplink": GroupRole.UPLINKS, "uplinks": GroupRole.UPLINKS,
    "uplinks_weighted": GroupRole.UPLINKS, "services": GroupRole.SERVICES, "services_mean": GroupRole.SERVICES,
}  # fmt: skip
_BY_FEEDS = frozenset({"feed", "any_feed", "both_feeds", "protected"})
_BY_RULES = frozenset({"alarm_free", "watched", "fixed", "tasks"})


def _can_show(config: Config, control: Control) -> bool:
    objective, roles = control.objective, {group.role for group in config.site.groups}
    if objective.indicator in _BY_RULES:
        return any(control.tom in rule.tom for rule in config.judged)
    if objective.kind == "sequence":
        return any(control.tom in sequence.tom for sequence in config.rules.sequences)
    if objective.indicator in _BY_FEEDS:
        return bool(roles & {GroupRole.FEED_A, GroupRole.FEED_B})
    if objective.indicator == "placed":
        return bool(config.site.sections)
    return objective.indicator not in _BY_GROUP or _BY_GROUP[objective.indicator] in roles


def _with_target(control: Control, targets: dict[str, float]) -> Control:
    target = targets.get(control.id, targets.get(control.tom))
    if target is None:
        return control
    return control.model_copy(update={"objective": control.objective.model_copy(update={"target": target})})


@cache
def _shipped() -> dict[str, Control]:
    names = sorted(entry.name for entry in files("dcmon.thresholds").joinpath("controls").iterdir())
    return {control.id: control for name in names if name.endswith(".yaml") for control in _read(name).controls}


def _read(name: str) -> _File:
    text = files("dcmon.thresholds").joinpath("controls", name).read_text(encoding="utf-8")
    return _File.model_validate(yaml.safe_load(text))
