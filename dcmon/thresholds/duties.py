"""The register of tests and duties: for which assets each stands, and how it stands at an instant. Pure.

What is remembered of a line (one duty at one asset) is in the memory of its alarm: `from`, since when it is kept;
`done`, when what passed was done; `running`, when what has not ended began; `last`, the newest result; `failed`,
one that nothing good has followed; `moved`, when each series of a detector duty changed its state. Whatever was done
counts for the period in which it was done; within the grace, for the period before, if that has nothing else.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from functools import cache
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from dcmon.config.config import Config
from dcmon.config.duties import DutyRule
from dcmon.config.evidence import MovementEvidence, RecordEvidence
from dcmon.config.recurrence import Calendar, Period, Recurrence
from dcmon.config.site import AssetKind, Site
from dcmon.model import Alarm

PATIENCE_MS = 86_400_000
"""So long a test that began in time and still runs is waited for."""
_LONG_AGO = dt.date(2000, 1, 1)


class State(StrEnum):
    """How a duty stands."""

    DUE = "due"
    DONE = "done"
    OVERDUE = "overdue"


class Standing(NamedTuple):
    """`period`: what it is due in, was done in, or (the first of them) was missed. `due`: until when, ms UTC, it is in
    time; when it was done, that is until when it has to be done again."""

    state: State
    period: Period
    due: int
    missing: tuple[str, ...] = ()
    """Series that have not moved, of a duty of which that is the evidence."""


def lines_of(duty: DutyRule, site: Site) -> tuple[str, ...]:
    """The assets at each of which the duty has to be done. What is entered is done once, and stands at the first."""
    named = dict.fromkeys(duty.assets) | dict.fromkeys(asset.id for asset in site.assets if asset.kind in duty.kinds)
    if not named:
        agents = (asset.id for asset in site.assets if asset.kind is AssetKind.AGENT)
        return (next(agents, duty.id),)
    found = tuple(named)
    return found[:1] if duty.evidence == "entry" else found


def calendar_of(duty: DutyRule, asset: str, site: Site) -> Calendar:
    """The periods of a duty at an asset."""
    known = site.asset(asset)
    since = duty.since or (known.commissioned if known is not None else None) or _LONG_AGO
    return _calendar(duty.every, since, site.timezone)


@cache
def _calendar(every: Recurrence, since: dt.date, timezone: str) -> Calendar:
    return Calendar(every, since, ZoneInfo(timezone))


def standing(duty: DutyRule, calendar: Calendar, memory: Mapping[str, Any], now: int) -> Standing | None:
    """How it stands at `now` (ms UTC). None before its first period, and while no detector of it has been seen.

    What counts for a period is known when it has ended: until then it is due, not overdue.
    """
    done = [at for at, _ in memory.get("done", ())]
    found = _standing(duty, calendar, memory, done, now)
    running = [at for at in memory.get("running", {}).values() if at <= now]
    if found is None or found.state is not State.OVERDUE or not running or now >= found.due + PATIENCE_MS:
        return found
    hoped = _standing(duty, calendar, memory, [*done, *running], now)
    late = hoped is None or hoped.state is State.OVERDUE
    return found if late else found._replace(state=State.DUE)


def _standing(
    duty: DutyRule, calendar: Calendar, memory: Mapping[str, Any], instants: Iterable[int], now: int
) -> Standing | None:
    period = calendar.at(now)
    if period is None:
        return None
    begun = calendar.at(memory.get("from", now))
    first = begun.number if begun is not None else 0
    done = _fulfilled(calendar, duty.grace, first, instants)
    missing: dict[int, tuple[str, ...]] = {}
    if isinstance(duty.evidence, MovementEvidence):
        moved: Mapping[str, Sequence[int]] = memory.get("moved", {})
        if not moved:
            return None
        by_series = {name: _fulfilled(calendar, duty.grace, first, times) for name, times in moved.items()}
        for number in (period.number - 1, period.number):
            missing[number] = tuple(sorted(name for name, numbers in by_series.items() if number not in numbers))
            if not missing[number]:
                done.add(number)
    if period.number in done:
        return Standing(State.DONE, period, calendar.period(period.number + 1).end + duty.grace)
    before = period.number - 1
    if before < first or before in done:
        return Standing(State.DUE, period, period.end + duty.grace, missing.get(period.number, ()))
    left = missing.get(before, ())
    missed = calendar.period(max((number for number in done if number < before), default=first - 1) + 1)
    if missed.number == before and now < period.start + duty.grace:
        return Standing(State.DUE, missed, period.start + duty.grace, left)
    return Standing(State.OVERDUE, missed, missed.end + duty.grace, left)


def _fulfilled(calendar: Calendar, grace: int, first: int, instants: Iterable[int]) -> set[int]:
    """The numbers of the periods for which what was done at these instants counts."""
    done: set[int] = set()
    for at in sorted(instants):
        period = calendar.at(at)
        if period is None:
            continue
        before = period.number - 1
        late = before >= first and before not in done and at < period.start + grace
        done.add(before if late else period.number)
    return done


def show_period(period: Period, every: Recurrence) -> str:
    """A period as people write it: `2026-11`, `2026-Q4`, `2026`, or its first and last day."""
    first, last = period.first, period.after - dt.timedelta(days=1)
    whole = every.aligned and first.day == 1 and (period.after - first).days <= every.shortest_days * 1.12
    if whole and every.months == 1:
        return f"{first:%Y-%m}"
    if whole and every.months == 3:
        return f"{first.year}-Q{(first.month + 2) // 3}"
    if whole and every.months == 12:
        return f"{first.year}"
    return f"{first} to {last}"


class Line(NamedTuple):
    """One row of the register."""

    duty: DutyRule
    asset: str
    standing: Standing | None
    last: Mapping[str, Any] | None
    """The newest result: record, kind, at, verdict, reason, by, note, file, sha256."""
    since: int | None
    """Since when dcmon keeps it, ms UTC."""


def register(config: Config, alarms: Mapping[str, Alarm], now: int) -> list[Line]:
    """Every line of the register as it stands at `now`, from the rows of its alarms."""
    lines = []
    for duty in config.duties.duties:
        for asset in lines_of(duty, config.site):
            row = alarms.get(f"{duty.id}/{asset}")
            memory = row.memory if row is not None else {}
            found = standing(duty, calendar_of(duty, asset, config.site), memory, now)
            lines.append(Line(duty, asset, found, memory.get("last"), memory.get("from")))
    return lines


def evidence_words(duty: DutyRule) -> str:
    """What proves the duty, in few words."""
    match duty.evidence:
        case RecordEvidence(record=record):
            return record
        case MovementEvidence(moved=points):
            return f"{', '.join(points)} moved"
        case _:
            return "entry"


def as_dict(line: Line, site: Site) -> dict[str, Any]:
    """A line as plain JSON; times are ms UTC, days are local and `until` is the last of them."""
    duty, found = line.duty, line.standing
    known = site.asset(line.asset)
    overdue = found is not None and found.state is State.OVERDUE
    period = None
    if found is not None:
        last_day = found.period.after - dt.timedelta(days=1)
        period = {"from": f"{found.period.first}", "until": f"{last_day}"}
    return {
        "duty": duty.id,
        "title": duty.name.model_dump(),
        "asset": line.asset,
        "asset_name": known.name if known is not None else line.asset,
        "tom": list(duty.tom),
        "every": str(duty.every),
        "evidence": evidence_words(duty),
        "owner": duty.owner,
        "state": found.state.value if found is not None else None,
        "period": period,
        "due": found.due if found is not None and not overdue else None,
        "overdue_since": found.due if found is not None and overdue else None,
        "missing": list(found.missing) if found is not None else [],
        "last": dict(line.last) if line.last is not None else None,
        "since": line.since,
    }
