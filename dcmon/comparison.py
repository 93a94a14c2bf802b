"""What two configurations say to people about the same past: who would hear more, less, sooner, later. Pure.

Incidents of both sides are the same when the same rule and asset opens them, else when the same asset does, within an
hour; of several the nearest. What both tell to the same people at the same time is only counted.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from dcmon.thresholds.stamps import iso

TOGETHER_MS = 3_600_000
"""So far apart two incidents can begin and still be the same one."""


@dataclass(slots=True)
class Thread:
    """All that was said of one incident, task or clock. `told`: (person, channel) -> when first, and how often."""

    asset: str
    rule: str
    title: str
    severity: str
    at: int
    told: dict[tuple[str, str], list[int]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        rows = [
            {"person": person, "channel": channel, "first": iso(times[0]), "messages": len(times)}
            for (person, channel), times in self.told.items()
        ]
        return {
            "at": iso(self.at), "asset": self.asset, "rule": self.rule, "title": self.title,
            "severity": self.severity, "told": rows,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Difference:
    """One incident that is told otherwise. `what` says how, a sentence each; old or new is None when there is none."""

    change: str
    """new, gone or changed."""
    old: Thread | None
    new: Thread | None
    what: tuple[str, ...]

    @property
    def thread(self) -> Thread:
        found = self.old or self.new
        assert found is not None, "one of them there is"
        return found

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {
            "change": self.change, "what": list(self.what),
            "old": self.old and self.old.as_dict(), "new": self.new and self.new.as_dict(),
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Comparison:
    """The differences in order of time, and how many incidents both sides tell alike."""

    differences: tuple[Difference, ...]
    alike: int

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON."""
        return {"alike": self.alike, "incidents": [one.as_dict() for one in self.differences]}


class Pages:
    """Collects the pages of one side from what a replay says."""

    def __init__(self) -> None:
        self.threads: dict[str, Thread] = {}

    def add(self, decision: Mapping[str, Any]) -> None:
        """Takes note of a decision of `dcmon.replay`; what is no page is passed over."""
        if decision["type"] != "page":
            return
        ts = round(dt.datetime.fromisoformat(decision["ts"]).timestamp() * 1000)
        thread = self.threads.get(decision["incident"])
        if thread is None:
            thread = self.threads[decision["incident"]] = Thread(
                decision["asset"], decision["rule"], decision["title"], decision["severity"], ts
            )
        thread.told.setdefault((decision["person"], decision["channel"]), []).append(ts)


def compare(old: Iterable[Thread], new: Iterable[Thread]) -> Comparison:
    """What the new side tells otherwise than the old one."""
    pairs, gone, added = _pair(list(old), list(new))
    found = [Difference("gone", one, None, (f"nobody hears of it, {_whom(one)} before",)) for one in gone]
    found += [Difference("new", None, one, (f"{_whom(one)} hear of it",)) for one in added]
    alike = 0
    for before, after in pairs:
        what = tuple(_changes(before, after))
        if what:
            found.append(Difference("changed", before, after, what))
        else:
            alike += 1
    return Comparison(tuple(sorted(found, key=lambda one: (one.thread.at, one.thread.asset, one.change))), alike)


def _pair(old: list[Thread], new: list[Thread]) -> tuple[list[tuple[Thread, Thread]], list[Thread], list[Thread]]:
    pairs: list[tuple[Thread, Thread]] = []
    for by_rule in (True, False):
        by_asset: dict[str, list[tuple[int, Thread]]] = {}
        for other, after in enumerate(new):
            by_asset.setdefault(after.asset, []).append((other, after))
        near = [
            (abs(before.at - after.at), number, other)
            for number, before in enumerate(old)
            for other, after in by_asset.get(before.asset, ())
            if (before.rule == after.rule or not by_rule) and abs(before.at - after.at) <= TOGETHER_MS
        ]
        taken_old, taken_new = set[int](), set[int]()
        for _, number, other in sorted(near):
            if number not in taken_old and other not in taken_new:
                taken_old.add(number)
                taken_new.add(other)
                pairs.append((old[number], new[other]))
        old = [one for number, one in enumerate(old) if number not in taken_old]
        new = [one for number, one in enumerate(new) if number not in taken_new]
    return pairs, old, new


def _changes(old: Thread, new: Thread) -> Iterable[str]:
    if old.rule != new.rule:
        yield f"it begins with {new.rule}, not {old.rule}"
    if old.severity != new.severity:
        yield f"it is {new.severity}, not {old.severity}"
    for pair in [pair for pair in old.told if pair not in new.told]:
        yield f"{_name(pair)} hears nothing of it any more"
    for pair in [pair for pair in new.told if pair not in old.told]:
        yield f"{_name(pair)} hears of it, too"
    for pair in [pair for pair in old.told if pair in new.told]:
        before, after = old.told[pair], new.told[pair]
        if before[0] != after[0]:
            word = "later" if after[0] > before[0] else "earlier"
            yield f"{_name(pair)} hears of it {abs(after[0] - before[0]) / 1000:g} s {word}"
        if len(before) != len(after):
            yield f"{_name(pair)} gets {len(after)} messages, not {len(before)}"


def _whom(thread: Thread) -> str:
    return ", ".join(map(_name, thread.told))


def _name(pair: tuple[str, str]) -> str:
    return f"{pair[0]} ({pair[1]})"
