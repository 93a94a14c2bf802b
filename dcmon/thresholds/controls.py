"""The control catalogue: what was promised, by which indicator it shows, and what is the target. Data, not code."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import Field, ValidationError

from dcmon.config.base import Strict, Title
from dcmon.config.config import Config
from dcmon.model import ConfigError
from dcmon.thresholds.availability import Window

IndicatorName = Literal[
    "mains_route", "feed", "any_feed", "both_feeds", "protected", "uplink", "uplinks", "uplinks_weighted"
]
"""The closed set of indicator functions; see indicators.py for what each computes."""


class Objective(Strict):
    """`indicator` is UP for at least `target` per cent of each `window`."""

    indicator: IndicatorName
    role: Literal["feed_a", "feed_b"] | None = Field(default=None, description="which feed, for indicator feed")
    target: Annotated[float, Field(gt=0, le=100)]
    window: Window


class Control(Strict):
    """One figure of one promise."""

    id: Annotated[str, Field(pattern=r"^T\d\d(\.[a-z0-9_-]+)?$")]
    tom: Annotated[str, Field(pattern=r"^T\d\d$")]
    title: Title
    objective: Objective
    contract: bool = Field(default=False, description="the figure that the agreement is about; the others explain it")
    evidence: str = Field(description="from which points it comes, for the auditor")
    owner: str = Field(description="who answers for it")


class _File(Strict):
    controls: Annotated[tuple[Control, ...], Field(min_length=1)]


def catalogue(config: Config) -> dict[str, Control]:
    """The shipped controls, overridden by id by CONFIG/controls/*.yaml, with the targets that rules.yaml sets.

    A target is given for one control id, or for a promise (`T01`): then for all of its controls that have none of their
    own. ConfigError names the file, or the id that nothing has.
    """
    found = dict(_shipped())
    own = Path(config.directory) / "controls"
    for path in sorted(own.glob("*.yaml")) if own.is_dir() else ():
        found |= _load(path.read_text(encoding="utf-8"), str(path))
    targets = config.rules.targets
    unknown = sorted(set(targets) - set(found) - {control.tom for control in found.values()})
    if unknown:
        known = ", ".join(sorted(found))
        raise ConfigError([f"rules.yaml: targets: there is no control {', '.join(unknown)}. Known are {known}."])
    return {control_id: _with_target(control, targets) for control_id, control in sorted(found.items())}


def _with_target(control: Control, targets: dict[str, float]) -> Control:
    target = targets.get(control.id, targets.get(control.tom))
    if target is None:
        return control
    return control.model_copy(update={"objective": control.objective.model_copy(update={"target": target})})


@cache
def _shipped() -> dict[str, Control]:
    found: dict[str, Control] = {}
    for entry in sorted(files("dcmon.thresholds").joinpath("controls").iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".yaml"):
            found |= _load(entry.read_text(encoding="utf-8"), f"dcmon/thresholds/controls/{entry.name}")
    return found


def _load(text: str, where: str) -> dict[str, Control]:
    try:
        data: Any = yaml.safe_load(text)
        return {control.id: control for control in _File.model_validate(data).controls}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark is not None else ""
        raise ConfigError([f"{where}{line}: this is no YAML. Mend it or take the file away."]) from error
    except ValidationError as error:
        problems = [
            f"{where}: {'.'.join(map(str, fault['loc'])) or 'file'}: {fault['msg']}." for fault in error.errors()
        ]
        raise ConfigError(problems) from error
