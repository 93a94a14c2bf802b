"""How healthy the alarms themselves are: the figures that ISA-18.2 and EEMUA 191 ask for. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from dcmon.model import Alarm, AlarmState, Severity, Transition

PERIOD_MS = 600_000
CHATTER_MS, CHATTER_TIMES = 60_000, 3
STALE_MS = 24 * 3_600_000
TOP = 10


@dataclass(frozen=True, slots=True)
class AlarmHealth:
    """Over the last 10 minutes, as far as nothing else is said."""

    activated: Mapping[Severity, int]
    """How many became active."""
    chattering: tuple[str, ...]
    """Alarms that became active three times or more within one minute."""
    stale: tuple[str, ...]
    """Alarms active for more than 24 h, the oldest first."""
    top: tuple[tuple[str, int], ...]
    """The ten that became active most often, with how often."""


def judge_alarms(alarms: Iterable[Alarm], recent: Iterable[Transition], now: int) -> AlarmHealth:
    """`recent`: alarm transitions that reach back PERIOD_MS or more."""
    times: dict[str, list[int]] = {}
    activated = dict.fromkeys(Severity, 0)
    for row in recent:
        if row.type == "alarm" and row.state == AlarmState.ACTIVE and now - PERIOD_MS < row.ts <= now:
            times.setdefault(row.subject, []).append(row.ts)
            activated[row.severity or Severity.INFO] += 1
    old = [alarm for alarm in alarms if alarm.state is AlarmState.ACTIVE and now - alarm.since > STALE_MS]
    count = Counter({key: len(stamps) for key, stamps in times.items()})
    return AlarmHealth(
        activated,
        tuple(sorted(key for key, stamps in times.items() if _chatters(sorted(stamps)))),
        tuple(alarm.key for alarm in sorted(old, key=lambda alarm: alarm.since)),
        tuple(sorted(count.items(), key=lambda item: (-item[1], item[0]))[:TOP]),
    )


def _chatters(stamps: list[int]) -> bool:
    last = CHATTER_TIMES - 1
    return any(stamps[i + last] - stamps[i] <= CHATTER_MS for i in range(len(stamps) - last))
