"""Whatever happens and whenever dcmon is killed: the same pages, none twice, none early."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from notify_world import MINUTE, T0, alarm, config, happened, incident, remember

from dcmon.model import Changes, Incident, Severity, Snapshot
from dcmon.notify.escalation import Pager

CONFIG = config()
steps = st.tuples(
    st.sampled_from(["open", "raise", "ack", "resolve", "reopen", "merge", "nothing"]),
    st.integers(0, 3),
    st.integers(1, 8 * MINUTE),
    st.booleans(),
)


class World:
    """Turns random wishes into a course of events that an engine could have decided."""

    def __init__(self) -> None:
        self.rows: dict[str, Incident] = {}

    def next(self, what: str, number: int, at: int) -> Changes:
        key = f"i{number}"
        row = self.rows.get(key)
        is_open = row is not None and row.state == "open"
        if what == "open" and row is None:
            return self._put(incident(id=key, opened=at, alarms=(f"a{number}",)), "opened", at)
        if row is None:
            return Changes()
        if what == "raise" and is_open and row.severity is Severity.WARNING:
            return self._put(replace(row, severity=Severity.CRITICAL, acked_by=None), "raised", at)
        if what == "ack" and is_open and row.acked_by is None:
            return self._put(replace(row, acked_by="anna", acked_at=at), "acknowledged", at)
        if what == "resolve" and is_open:
            return self._put(replace(row, state="resolved", resolved=at), "resolved", at)
        if what == "reopen" and row.state == "resolved":
            again = replace(row, state="open", resolved=None, acked_by=None, reopened=row.reopened + 1)
            return self._put(again, "reopened", at)
        others = [other for other in self.rows.values() if other.state == "open" and other.id != key]
        if what == "merge" and is_open and others:
            return self._put(replace(row, state="merged", merged_into=others[0].id), "merged", at)
        return Changes()

    def _put(self, row: Incident, state: str, at: int) -> Changes:
        self.rows[row.id] = row
        return happened(at, state, row, alarm(key=row.alarms[0], incident=row.id))


def course(wishes: Iterable[tuple[str, int, int, bool]]) -> list[tuple[int, Changes, bool]]:
    world, now, events = World(), T0, []
    for what, number, pause, crash in wishes:
        now += pause
        events.append((now, world.next(what, number, now), crash))
    return [*events, (now + 60 * MINUTE, Changes(), False)]


def pages(
    events: Iterable[tuple[int, Changes, bool]], crashing: bool, cadence: int | None = None
) -> list[tuple[str, int]]:
    """Keys and times of everything queued; `cadence`: also step every so many ms between the events."""
    snapshot, pager, found, before = Snapshot(), Pager(CONFIG), [], T0
    for now, changes, crash in events:
        ticks = range(before + cadence, now, cadence) if cadence is not None else ()
        for at, happening in [*((tick, Changes()) for tick in ticks), (now, changes)]:
            decided = pager.step(happening, at)
            remember(snapshot, happening)
            remember(snapshot, decided)
            found += [(message.key, message.created) for message in decided.notifications]
        if crashing and crash:
            pager = Pager(CONFIG, snapshot)
            pager.step(Changes(), now)
        before = now
    return found


@settings(max_examples=150)
@given(st.lists(steps, max_size=25))
def test_killed_and_started_again_between_any_two_steps_it_pages_the_same_and_nothing_twice(
    wishes: list[tuple[str, int, int, bool]],
) -> None:
    events = course(wishes)
    straight = pages(events, crashing=False)
    killed = pages(events, crashing=True)
    assert {key for key, _ in killed} == {key for key, _ in straight}
    for run in (straight, killed):
        assert len({key for key, _ in run}) == len(run)


@settings(max_examples=100)
@given(st.lists(steps, max_size=20), st.integers(1_000, 3 * MINUTE))
def test_how_often_it_is_asked_changes_neither_who_is_paged_nor_when(
    wishes: list[tuple[str, int, int, bool]], cadence: int
) -> None:
    events = course(wishes)
    assert pages(events, crashing=False, cadence=cadence) == pages(events, crashing=False)


@settings(max_examples=100)
@given(st.lists(steps, max_size=25))
def test_no_step_is_told_before_its_time_and_none_after_an_acknowledgement(
    wishes: list[tuple[str, int, int, bool]],
) -> None:
    waits = {1: 5 * MINUTE, 2: 10 * MINUTE}
    pager, last, acked = Pager(CONFIG), dict[str, int](), set[str]()
    for now, changes, _ in course(wish for wish in wishes if wish[0] != "merge"):
        decided = pager.step(changes, now)
        states = {transition.subject: transition.state for transition in changes.transitions}
        for message in decided.notifications:
            if message.kind != "page":
                continue
            thread, step = str(message.incident), message.facts["step"]
            if message.reason.startswith("escalated"):
                assert message.created >= last[thread] + waits[step]
                assert thread not in acked
            elif message.reason == "severity-raised" and thread not in acked:
                continue  # what is new does not put off those whose turn comes next
            elif message.reason != "repeat":
                acked.discard(thread)
            last[thread] = message.created
        acked |= {thread for thread, state in states.items() if state == "acknowledged"}
