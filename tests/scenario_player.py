"""Plays a scenario through the pure core: the plant is asked at the real intervals, without sockets and in no time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from dcmon.config.config import Config
from dcmon.config.vocabulary import vocabulary
from dcmon.model import Changes, Reading
from dcmon.notify.escalation import Pager
from dcmon.sim import Plant, Scenario, canonical_readings
from dcmon.thresholds import Judge

START = 1_795_420_800_000  # 2026-11-23T08:00:00Z
_FAST = frozenset(name for name, point in vocabulary().items() if point.fast)


class Page(NamedTuple):
    """Somebody is told something by mail, so many seconds after the start."""

    at_s: float
    kind: str
    subject: str
    person: str
    reason: str


@dataclass
class Played:
    """What came of a scenario."""

    judge: Judge
    pages: list[Page] = field(default_factory=list)
    changes: Changes = field(default_factory=Changes)


def play(config: Config, scenario: Scenario, *, fast_s: int = 2, slow_s: int = 15) -> Played:
    """The whole script and five minutes more."""
    plant = Plant(config.site, scenario, start_ms=START)
    played = Played(Judge(config, now=START))
    pager = Pager(config)
    for second in range(0, scenario.duration_s + 300, fast_s):
        now = START + second * 1000
        plant.advance(now)
        readings: list[Reading] = canonical_readings(plant)
        if second % slow_s >= fast_s:
            readings = [reading for reading in readings if reading.point in _FAST]
        changes = played.judge.step(readings, now)
        due = pager.next_due()
        if changes or (due is not None and due <= now):
            changes.extend(pager.step(changes, now))
        played.changes.extend(changes)
    for message in played.changes.notifications:
        if message.channel == "email":
            at_s = (message.created - START) / 1000
            played.pages.append(Page(at_s, message.kind, message.subject, message.person, message.reason))
    return played
