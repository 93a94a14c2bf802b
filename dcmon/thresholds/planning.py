"""Entries of planned work become records: checked against the site, replaced by their own later versions, cancelled."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from itertools import count, takewhile
from typing import Any

from dcmon.config.base import format_duration
from dcmon.config.config import Config
from dcmon.config.entries import Cancel, Drill, EntryError, Expected, Maintenance
from dcmon.model import Record
from dcmon.thresholds.causes import INDEPENDENT
from dcmon.thresholds.exclusions import CLASSES, NOTICE_DAYS, announced_in_time, excludes
from dcmon.thresholds.ledger import Ledger
from dcmon.thresholds.stamps import iso, stamp
from dcmon.thresholds.topology import Topology
from dcmon.thresholds.windows import KINDS, Windows

_PLAN = ("title", "class", "start", "end", "scope", "with_fed", "mute", "exclude", "contact", "text")
"""What of a window counts as a change of it."""


class Planning:
    """Takes maintenance, drills, and their cancellation."""

    def __init__(
        self, config: Config, ledger: Ledger, topology: Topology, windows: Windows,
        indicators: Callable[[], Iterable[str]],
    ) -> None:  # fmt: skip
        self._rules = {rule.id: rule for rule in config.rules.judged}
        self._sequences = [spec.id for spec in config.rules.sequences]
        self._timezone = config.site.timezone
        self._ledger = ledger
        self._topology = topology
        self._windows = windows
        self._indicators = indicators

    def maintenance(self, entry: Maintenance, at: int, now: int) -> Record:
        """A window: new, the same again, or a later version of one that a calendar knows."""
        indicators = set(self._indicators())
        controls = {name.partition(":")[0] for name in indicators}
        self._check_scope(entry.scope, indicators | controls)
        if entry.announced is not None and entry.announced > now:
            raise EntryError("announced: this lies in the future; enter when the customers were told")
        plan = self._plan_of(entry)
        known = self._known(entry)
        if known is None:
            announced = at if entry.announced is None else entry.announced
            record_id = self._new_id("maintenance", entry.title, entry.start)
            row = self._window(record_id, entry, plan, announced, [])
            return self._windows.plan(row, now, "announced")
        same = {word: known.data["plan"][word] for word in _PLAN} == plan and known.state != "void"
        if same and _claimed(entry, known.data.get("superseded")) in (None, known.data["announced"]):
            return known
        if entry.sequence <= known.data["sequence"]:
            void = known.state == "void"
            what = "was cancelled" if void else "is there already with other words"
            raise EntryError(f"{known.id} {what}; to change it, give its uid and a sequence above "
                             f"{known.data['sequence']}{'' if void else ', or cancel it first'}")  # fmt: skip
        return self._change(known, entry, plan, now)

    def drill(self, entry: Drill, at: int, now: int) -> Record:
        """A drill; one that has begun can be entered only while it lasts."""
        self._check_scope(entry.scope, ())
        if entry.end <= now:
            raise EntryError("end: this drill is over; its alarms have paged already")
        expected = [self._expected(one) for one in entry.expected]
        record_id = self._new_id("drill", entry.title, entry.start)
        data = {
            "title": entry.title, "scope": list(entry.scope), "with_fed": entry.with_fed, "contact": entry.contact,
            "text": entry.text, "note": entry.note, "announced": at, "sequence": 0, "expected": expected,
            "unexpected": [], "sequences": {}, "ends": 0, "phase": "planned",
        }  # fmt: skip
        what = ", ".join(one["alarm"] for one in expected)
        reason = f"{entry.title}, {iso(entry.start)} to {iso(entry.end)}: expected are {what}"
        row = Record(
            record_id,
            "drill",
            record_id,
            None,
            "running",
            None,
            entry.start,
            entry.end,
            reason,
            ("T18",),
            entry.by,
            data,
        )
        known = self._ledger.records.get(record_id)
        if known is not None:
            words = ("title", "scope", "with_fed", "contact", "text")
            same = known.ended == row.ended and all(known.data[word] == data[word] for word in words)
            names = [(one["alarm"], one["within_ms"], one["after"]) for one in known.data["expected"]]
            if same and names == [(one["alarm"], one["within_ms"], one["after"]) for one in expected]:
                return known
            raise EntryError(f"{known.id} is there already with other words; cancel it and give another title")
        return self._windows.plan(row, now, "announced")

    def cancel(self, entry: Cancel, at: int, now: int) -> Record:
        """Takes back planned work, or ends it."""
        row = self._ledger.records.get(entry.record) or self._called(entry.record)
        if row is None or row.kind not in KINDS:
            known = [one.id for one in self._ledger.records.values() if one.kind in KINDS and one.state == "running"]
            raise EntryError(f"record: {entry.record} is no maintenance and no drill; there are "
                             f"{', '.join(sorted(known)) or 'none ahead'}")  # fmt: skip
        if row.state == "void":
            return row
        if row.kind == "drill" and row.state == "done":
            raise EntryError(f"record: {entry.record} is over, and what came out of it stays")
        return self._windows.cancel(row, entry.reason, entry.by, now)

    def _known(self, entry: Maintenance) -> Record | None:
        """The window that an entry is another version of."""
        if entry.uid is not None:
            return self._called(entry.uid)
        rows = (
            self._ledger.records.get(name) for name in _numbered(_record_id("maintenance", entry.title, entry.start))
        )
        return next((row for row in takewhile(lambda row: row is not None, rows) if row and row.state != "void"), None)

    def _called(self, uid: str) -> Record | None:
        """The window that a calendar calls so."""
        windows = (row for row in self._ledger.records.values() if row.kind == "maintenance" and row.subject == uid)
        return next(windows, None)

    def _change(self, known: Record, entry: Maintenance, plan: dict[str, Any], now: int) -> Record:
        before = known.data["plan"]
        changed = {word: [before[word], plan[word]] for word in _PLAN if before[word] != plan[word]}
        same_or_less = (
            plan["start"] >= before["start"] and plan["end"] <= before["end"]
            and set(plan["scope"]) <= set(before["scope"]) and plan["with_fed"] <= before["with_fed"]
            and _RISK.index(plan["class"]) <= _RISK.index(before["class"])
        )  # fmt: skip
        superseded = known.data.get("superseded") if same_or_less else known.data["announced"]
        claimed = _claimed(entry, superseded)
        announced = claimed if claimed is not None else known.data["announced"] if same_or_less else now
        if not changed:
            changed["announced"] = [known.data["announced"], announced]
        history = [*known.data["history"], {"at": now, "by": entry.by, "sequence": entry.sequence, "changed": changed}]
        row = self._window(known.id, entry, plan, announced, history, superseded)
        return self._windows.plan(row, now, "changed", changed=changed)

    def _window(
        self, record_id: str, entry: Maintenance, plan: dict[str, Any], announced: int, history: list[dict[str, Any]],
        superseded: int | None = None,
    ) -> Record:  # fmt: skip
        late = entry.cls in CLASSES and not announced_in_time(entry.start, announced, self._timezone)
        verdict = None if entry.cls not in CLASSES else "failed" if late else "passed"
        data: dict[str, Any] = {
            "title": entry.title, "class": entry.cls, "announced": announced, "scope": list(entry.scope),
            "with_fed": entry.with_fed, "mute": entry.mute, "exclude": entry.exclude, "contact": entry.contact,
            "text": entry.text, "note": entry.note, "uid": entry.uid, "sequence": entry.sequence, "late": late,
            "plan": plan, "history": history, "phase": "planned",
        }  # fmt: skip
        if superseded is not None:
            data["superseded"] = superseded
        row = Record(
            record_id, "maintenance", entry.uid or record_id, None, "running", verdict, entry.start, entry.end, "",
            ("T25",), entry.by, data,
        )  # fmt: skip
        counted = "left out of the figures" if excludes(row, self._timezone) else "counts in the figures"
        ahead = format_duration(abs(entry.start - announced))
        ahead += " ahead" if announced < entry.start else " after its start"
        notice = f"announced {ahead}"
        if late:
            notice += f", {NOTICE_DAYS} days were due"
        reason = (
            f"{entry.title} (class {entry.cls}), {iso(entry.start)} to {iso(entry.end)}, {', '.join(entry.scope)}: "
            f"{notice}; {'muted' if entry.mute else 'not muted'}, {counted}"
        )
        return replace(row, reason=reason)

    @staticmethod
    def _plan_of(entry: Maintenance) -> dict[str, Any]:
        return {
            "title": entry.title, "class": entry.cls, "start": entry.start, "end": entry.end,
            "scope": list(entry.scope), "with_fed": entry.with_fed, "mute": entry.mute, "exclude": entry.exclude,
            "contact": entry.contact, "text": entry.text,
        }  # fmt: skip

    def _check_scope(self, scope: Iterable[str], more: Collection[str]) -> None:
        subjects = [*self._topology.groups, *self._topology.assets]
        known = {*subjects, *more}
        for name in scope:
            if name not in known:
                raise EntryError(f"scope: there is no {name}; {_instead(name, sorted(known), subjects)}")

    def _expected(self, one: Expected) -> dict[str, Any]:
        rule_id, _, asset = one.alarm.partition("/")
        rule = self._rules.get(rule_id)
        if rule is None or rule.kind == "planned":
            raise EntryError(f"expected: there is no rule {rule_id}; {_instead(rule_id, sorted(self._rules), [])}")
        if asset:
            self._check_scope([asset], ())
        elif rule.cls in INDEPENDENT:
            raise EntryError(f"expected: {rule_id} is a rule of class {rule.cls}; name its asset, as {rule_id}/ASSET")
        if one.after is not None and one.after not in self._sequences:
            instead = _instead(one.after, self._sequences, self._sequences)
            raise EntryError(f"expected: there is no sequence {one.after}; {instead}")
        return {
            "alarm": one.alarm, "rule": rule_id, "asset": asset or None, "within_ms": one.within, "after": one.after,
            "from": None, "due": None, "state": "waiting", "at": None, "by": None,
        }  # fmt: skip

    def _new_id(self, kind: str, title: str, start: int) -> str:
        """Made of title and start; another window of a calendar that has both alike is counted on."""
        base = _record_id(kind, title, start)
        return base if kind == "drill" else next(name for name in _numbered(base) if name not in self._ledger.records)


def _claimed(entry: Maintenance, superseded: int | None) -> int | None:
    """When the customers were told, by the entry. What told them of an earlier plan (at `superseded`) is no such word:
    calendars carry it along when an event is moved.
    """
    said = entry.announced
    return None if said is None or (superseded is not None and said <= superseded) else said


_RISK = ("no", "low", "high")
_MOST_NAMED = 12


def _record_id(kind: str, title: str, start: int) -> str:
    words = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:40].strip("-")
    return f"{kind}-{words or 'untitled'}@{stamp(start)}"


def _numbered(base: str) -> Iterator[str]:
    return (base if number == 1 else f"{base}-{number}" for number in count(1))


def _instead(name: str, known: list[str], shown: Iterable[str]) -> str:
    """What there is: the names that are alike, else the first ones."""
    close = difflib.get_close_matches(name, known, 3)
    if close:
        return f"did you mean {' or '.join(close)}?"
    names = list(shown) or known
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"there are {', '.join(names[:_MOST_NAMED]) or 'none'}{more}"
