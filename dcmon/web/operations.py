"""What runs on the site rather than in its plant: services, backups, duties. Pure, in one language."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from dcmon.config.duties import DutyRule
from dcmon.config.site import AssetKind
from dcmon.model import Alarm, AlarmState, Severity
from dcmon.web.look import Look

_TALLIED = (
    (AssetKind.SERVICE, "service.ok", "operations.services"),
    (AssetKind.BACKUP, "backup.ok", "operations.backups"),
)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many of one sort are well. `state`: up, unknown, or the gravest severity among those that are not."""

    title: str
    text: str
    state: str
    troubled: tuple[str, ...]
    """Names of those that are not well, or of which nobody knows."""


def read_operations(look: Look, alarms: Iterable[Alarm]) -> tuple[Tally, ...]:
    """One tally for each sort that the site has; what is not well stands in front, where no narrow page cuts it off."""
    lines = [_assets(look, kind, point, title) for kind, point, title in _TALLIED]
    found = [line for line in (*lines, _duties(look, alarms)) if line is not None]
    return tuple(sorted(found, key=lambda line: line.state == "up"))


def _assets(look: Look, kind: AssetKind, point: str, title: str) -> Tally | None:
    assets = look.plan.of_kind(kind)
    if not assets:
        return None
    well = {asset.id: look.latest.flag(asset.id, point) for asset in assets}
    bad = [asset for asset in assets if well[asset.id] is False or asset.id in look.severities]
    unknown = [asset for asset in assets if asset not in bad and well[asset.id] is None]
    count = len(assets) - len(bad) - len(unknown)
    gravest = max((look.severities.get(asset.id, Severity.WARNING) for asset in bad), key=_rank, default=None)
    state = gravest.value if gravest is not None else "unknown" if unknown else "up"
    text = look.words("of", count=count, total=len(assets))
    return Tally(look.words(title), text, state, tuple(asset.name for asset in (*bad, *unknown)))


def _duties(look: Look, alarms: Iterable[Alarm]) -> Tally | None:
    duties = {rule.id: rule for rule in look.plan.rules.values() if isinstance(rule, DutyRule)}
    if not duties:
        return None
    overdue = [alarm for alarm in alarms if alarm.rule in duties and alarm.state is AlarmState.ACTIVE]
    gravest = max((alarm.severity for alarm in overdue), key=_rank, default=None)
    text = look.words("operations.overdue", count=len(overdue)) if overdue else look.words("operations.in_time")
    names = dict.fromkeys(getattr(duties[alarm.rule].name, look.words.lang) for alarm in overdue)
    state = gravest.value if gravest is not None else "up"
    return Tally(look.words("operations.duties"), text, state, tuple(names))


def _rank(severity: Severity) -> int:
    return severity.rank
