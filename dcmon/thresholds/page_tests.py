"""Tests of the way by which people are told (T20): a test page goes out, and whoever gets it answers in time.

Each is a record. It runs until it is answered, its message is refused, or its time is over; then it has its verdict.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from dcmon.config.base import format_duration
from dcmon.config.entries import EntryError, PageAnswer, PageTest
from dcmon.config.people import People
from dcmon.model import Record, Transition
from dcmon.thresholds.ledger import Ledger, record_transition
from dcmon.thresholds.stamps import stamp
from dcmon.thresholds.timers import Phase, Timer, Timers

KIND = "page-test"
_ENDS = {"failed": "it was not delivered", "unknown": "nobody knows whether it was delivered"}
"""What becomes of a message that is given up -> in words."""


class PageTests:
    """Every test that is under way."""

    def __init__(self, people: People, ledger: Ledger, timers: Timers) -> None:
        self._people = people
        self._ledger = ledger
        self._timers = timers
        self._deadlines: dict[str, Timer] = {}
        for row in ledger.records.values():
            if row.kind == KIND and row.state == "running":
                self._wait(row)

    def begin(self, entry: PageTest, now: int) -> Record:
        """A page is to go out. EntryError when there is nobody to send it to."""
        if entry.at is not None:
            raise EntryError("at: a test page goes out now; leave the time away")
        person = self._people.person(entry.person)
        if person is None:
            known = ", ".join(one.id for one in self._people.people if one.role is None)
            raise EntryError(f"person: people.yaml has no {entry.person}; it has {known}")
        if person.role is not None:
            raise EntryError(f"person: {person.id} is a {person.role}, who is never paged; test the way to staff")
        if getattr(person, entry.channel) is None:
            raise EntryError(f"channel: people.yaml has no {entry.channel} of {person.id}")
        same = [row for row in self._running() if (row.subject, row.data["channel"]) == (person.id, entry.channel)]
        if same:
            raise EntryError(f"person: a test of {entry.channel} to {person.id} waits for its answer: {same[0].id}")
        row = Record(
            f"{KIND}-{person.id}-{entry.channel}@{stamp(now)}", KIND, person.id, None, "running", None, now, None,
            f"test page to {person.id} by {entry.channel}, to be answered within {format_duration(entry.within)}",
            ("T20",), entry.by,
            {
                "person": person.id, "channel": entry.channel, "due": now + entry.within, "within": entry.within,
                "accepted": None, "answered": None, "answered_by": None, "note": entry.note,
            },
        )  # fmt: skip
        self._ledger.put_record(row)
        self._ledger.tell(record_transition(row, now, "entered"))
        self._wait(row)
        return row

    def answer(self, entry: PageAnswer, at: int, now: int) -> Record:
        """Whoever was paged says so. EntryError when there is no such test, or it had its verdict before."""
        mine = [one.id for one in self._running() if one.subject == entry.by]
        test = entry.test or (mine[0] if len(mine) == 1 else None)
        row = self._ledger.records.get(test or "")
        if row is None or row.kind != KIND:
            waiting = ", ".join(one.id for one in self._running()) or "none"
            which = f"there is no test {test}" if test else f"name the one; {len(mine)} wait for {entry.by}"
            raise EntryError(f"test: {which}; those that wait for an answer: {waiting}")
        if row.state != "running":
            if row.data["answered_by"] == entry.by:
                return row
            raise EntryError(f"test: {row.id} is over: {row.reason}")
        if at < row.started:
            raise EntryError("at: this lies before the test; enter when the page was answered")
        self._finish(
            replace(row, data={**row.data, "answered": at, "answered_by": entry.by}), "passed", now,
            f"answered by {entry.by} after {format_duration(round((at - row.started) / 1000) * 1000)}",
        )  # fmt: skip
        return self._ledger.records[row.id]

    def delivered(self, transitions: Iterable[Transition], now: int) -> None:
        """Takes note of what became of the messages of tests."""
        for one in transitions:
            row = self._ledger.records.get(one.incident or "")
            if one.type != "page" or row is None or row.kind != KIND or row.state != "running":
                continue
            if one.state == "sent":
                row = replace(row, data={**row.data, "accepted": one.ts})
                self._ledger.put_record(row)
                self._ledger.tell(record_transition(row, now, "accepted", one.reason))
            elif one.state in _ENDS:
                self._finish(row, "failed", now, f"{_ENDS[one.state]}: {one.reason}")

    def shift(self, delta: int) -> None:
        """The clock was set: who was asked has what was left of his time."""
        for row in self._running():
            self._ledger.put_record(replace(row, data={**row.data, "due": row.data["due"] + delta}))

    def _running(self) -> list[Record]:
        return [row for name in self._deadlines if (row := self._ledger.records[name]).state == "running"]

    def _wait(self, row: Record) -> None:
        timer = Timer("clock", lambda now: self._unanswered(row.id, now), (-30, row.id), Phase.DEADLINE)
        self._deadlines[row.id] = timer
        self._timers.set(timer, row.data["due"])

    def _unanswered(self, record_id: str, now: int) -> None:
        row = self._ledger.records[record_id]
        sent = "it was sent" if row.data["accepted"] is not None else "nothing says that it was sent"
        text = f"nobody answered within {format_duration(row.data['within'])}; {sent}"
        self._finish(row, "failed", now, text)

    def _finish(self, row: Record, verdict: str, now: int, text: str) -> None:
        self._timers.set(self._deadlines.pop(row.id), None)
        reason = f"test page to {row.subject} by {row.data['channel']}: {text}"
        row = replace(row, state="done", verdict=verdict, ended=now, reason=reason)
        self._ledger.put_record(row)
        self._ledger.tell(record_transition(row, now, verdict))
