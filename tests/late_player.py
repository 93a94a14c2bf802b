"""Plays a scenario through the pure core as a busy machine or a slow network would: every device is asked late.

What the plant says is filmed once, a picture a second; the runs differ in when each device is asked and answers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count
from random import Random

from scenario_player import START, Page, Played

from dcmon.collectors.back_off import back_off
from dcmon.config.config import Config
from dcmon.config.vocabulary import vocabulary
from dcmon.model import Changes, Reading, SeriesKey
from dcmon.notify.escalation import Pager
from dcmon.sim import Plant, Scenario, canonical_readings
from dcmon.thresholds import Judge
from dcmon.thresholds.topology import Topology
from dcmon.urgency import Urgency

_FAST = frozenset(name for name, point in vocabulary().items() if point.fast)
_TIMEOUT_MS, _ATTEMPTS = 1_000, 3
_MAX_BACK_OFF_S = 60.0


@dataclass(frozen=True, slots=True)
class Film:
    """What each device would say, second by second: [second][device] -> readings; a silent one is not there."""

    duration_s: int
    pictures: tuple[dict[str, tuple[Reading, ...]], ...]
    groups: dict[str, bool]
    """Whether a device has anything that is asked for fast."""


def film(config: Config, scenario: Scenario, duration_s: int) -> Film:
    """The points that are judged, from the start of the script."""
    plant = Plant(config.site, scenario, start_ms=START)
    topology, judge = Topology(config.site, config.collectors), Judge(config, now=START)
    fast: dict[str, bool] = dict.fromkeys(topology.devices, False)
    tellers: dict[SeriesKey, str | None] = {}
    pictures = []
    for second in range(duration_s):
        plant.advance(START + second * 1000)
        said: dict[str, list[Reading]] = {device: [] for device in topology.devices}
        for reading in canonical_readings(plant):
            key = SeriesKey(*reading[1:4])
            if key.point == "device.reachable":
                if reading.value is False:
                    said.pop(key.asset)
                continue
            if key not in tellers:
                tellers[key] = device = topology.supplier(key.asset) if judge.judges(key) else None
                if device is not None and key.point in _FAST:
                    fast[device] = True
            teller = tellers[key]
            if teller in said:
                said[teller].append(reading)
        pictures.append({device: tuple(readings) for device, readings in said.items()})
    return Film(duration_s, tuple(pictures), fast)


class _Device:
    """One device with a lateness of its own: by how many ms its polls start late, and which request it hears."""

    def __init__(self, name: str, dice: Random, worst_ms: int) -> None:
        self.name = name
        self.dice = dice
        self.usual_ms = dice.randrange(worst_ms + 1)
        self.spread_ms = worst_ms - self.usual_ms
        self.deaf = dice.random() < 0.3
        """Answers only when it is asked for the third time."""
        self.failures = 0
        self.slow_at = 0
        self.hurried = False

    def lateness(self) -> int:
        return self.dice.randrange(self.usual_ms + 1) + self.dice.randrange(self.spread_ms + 1)


class _Round:
    """All polls of one run, in the order in which they end."""

    def __init__(self, config: Config, reel: Film, dice: Random, worst_ms: int) -> None:
        polling = config.agent.polling
        self._reel = reel
        self._intervals = (polling.fast, polling.slow)
        specs = config.collectors.devices
        self._own = {name: (spec.fast or polling.fast, spec.slow or polling.slow) for name, spec in specs.items()}
        self._dice = dice
        self._count = count()
        self._ended: list[tuple[int, int, _Device, list[Reading]]] = []
        self.devices = {name: _Device(name, dice, worst_ms) for name in specs}
        for device in self.devices.values():
            self._ask(device, dice.randrange(min(self._own[device.name])))

    def set_fast(self, names: Iterable[str]) -> None:
        hurried = frozenset(names)
        for name, device in self.devices.items():
            device.hurried = name in hurried

    def next(self) -> tuple[int, list[Reading]] | None:
        """When the next poll ends (ms after the start), and what it brought; None when the film is over."""
        at, _, device, batch = heappop(self._ended)
        if at >= self._reel.duration_s * 1000:
            return None
        self._ask(device, self._due(device, at))
        return at, batch

    def _due(self, device: _Device, now: int) -> int:
        fast, slow = self._own[device.name]
        step = fast if device.hurried or self._reel.groups[device.name] else slow
        if device.failures:
            pause = back_off(device.failures, step / 1000, max(_MAX_BACK_OFF_S, step / 1000), self._dice.random())
            return now + round(pause * 1000)
        return (now // step + 1) * step

    def _ask(self, device: _Device, due: int) -> None:
        started = due + device.lateness()
        lasts = self._dice.randrange(20, 500) + (2 * _TIMEOUT_MS if device.deaf else 0)
        said = self._picture(started + lasts).get(device.name)
        if said is None:
            ended = started + _ATTEMPTS * _TIMEOUT_MS + self._dice.randrange(500)
            device.failures += 1
            batch = [Reading(START + ended, device.name, "device.reachable", None, False, reason="timeout")]
        else:
            ended = started + lasts
            everything = device.hurried or device.failures > 0 or started >= device.slow_at
            if everything:
                device.slow_at = started + self._own[device.name][1]
            device.failures = 0
            batch = [reading._replace(ts=START + started) for reading in said if everything or reading.point in _FAST]
            batch.append(Reading(START + started, device.name, "device.reachable", None, True))
            self._dice.shuffle(batch)
        heappush(self._ended, (ended, next(self._count), device, batch))

    def _picture(self, at_ms: int) -> dict[str, tuple[Reading, ...]]:
        return self._reel.pictures[min(at_ms // 1000, self._reel.duration_s - 1)]


def play_late(config: Config, reel: Film, seed: int, worst_ms: int) -> Played:
    """One run: polls start up to `worst_ms` late, each device's in a way of its own."""
    played = Played(Judge(config, now=START))
    pager = Pager(config)
    polls = _Round(config, reel, Random(seed), worst_ms)
    urgency = Urgency(config, polls.set_fast)
    while (poll := polls.next()) is not None:
        at, batch = poll
        now = START + at
        changes = Changes()
        while (due := _earliest(played.judge, pager)) is not None and due < now:
            _decide(played.judge, pager, [], due, changes)
        _decide(played.judge, pager, batch, now, changes)
        if changes.alarms:
            urgency.look(played.judge.alarms.values())
        played.changes.extend(changes)
    for message in played.changes.notifications:
        if message.channel == "email":
            at_s = (message.created - START) / 1000
            played.pages.append(Page(at_s, message.kind, message.subject, message.person, message.reason))
    return played


def _decide(judge: Judge, pager: Pager, batch: list[Reading], now: int, changes: Changes) -> None:
    found = judge.step(batch, now)
    due = pager.next_due()
    if found or (due is not None and due <= now):
        found.extend(pager.step(found, now))
    changes.extend(found)


def _earliest(judge: Judge, pager: Pager) -> int | None:
    return min((due for due in (judge.next_due(), pager.next_due()) if due is not None), default=None)
