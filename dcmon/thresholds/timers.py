"""What is due when: one heap for every delay, deadline and hold time of the engine.

At one instant the delays that end there come first, then the readings of that instant, then hold times and
deadlines: a value that arrives exactly when its predecessor expires leaves no gap, and a step that is done exactly
at its deadline is in time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import IntEnum
from heapq import heapify, heappop, heappush, heapreplace

Order = tuple[float | int | str, ...]


class Phase(IntEnum):
    """Before or after the readings of the same instant."""

    DELAY = 0
    DEADLINE = 1


class Timer:
    """Something that happens at `due`, once. `kind` says what it is for: delay, clock, task, hold, recheck."""

    __slots__ = ("due", "fire", "kind", "lazy", "order", "phase")

    def __init__(
        self,
        kind: str,
        fire: Callable[[int], None],
        order: Order = (),
        phase: Phase = Phase.DELAY,
        lazy: Callable[[], int] | None = None,
    ) -> None:
        self.kind = kind
        self.fire = fire
        self.order = order
        self.phase = phase
        self.lazy = lazy
        """Tells a later due than the one set: so a hold time is not moved in the heap at every reading."""
        self.due: int | None = None


_Entry = tuple[int, int, Order, int, Timer]


class Timers:
    """The heap. Setting a timer anew leaves its old entry behind, which is skipped when it comes up."""

    def __init__(self) -> None:
        self._heap: list[_Entry] = []
        self._count = 0

    def set(self, timer: Timer, due: int | None) -> None:
        """Makes `timer` fire at `due` instead of whenever it was to; None stops it."""
        if timer.due == due:
            return
        timer.due = due
        if due is not None:
            heappush(self._heap, self._entry(timer, due))

    def next_due(self) -> int | None:
        """When the next timer fires, exactly."""
        heap = self._heap
        while heap:
            due, _, _, _, timer = heap[0]
            if timer.due != due:
                heappop(heap)
                continue
            if timer.lazy is not None and (later := timer.lazy()) > due:
                timer.due = later
                heapreplace(heap, self._entry(timer, later))
                continue
            return due
        return None

    def pop(self, limit: int, phase: Phase) -> tuple[int, Timer] | None:
        """The next timer that is due before `limit`, or at it in `phase` or an earlier one."""
        due = self.next_due()
        if due is None or due > limit or (due == limit and self._heap[0][1] > phase):
            return None
        timer = heappop(self._heap)[4]
        timer.due = None
        return due, timer

    def earliest(self, kinds: Iterable[str]) -> int | None:
        """When the next timer of one of `kinds` fires."""
        wanted = frozenset(kinds)
        return min(
            (entry[0] for entry in self._heap if entry[4].due == entry[0] and entry[4].kind in wanted), default=None
        )

    def shift(self, delta: int) -> None:
        """Moves every running timer by `delta` ms: the clock was set."""
        running = {id(entry[4]): entry[4] for entry in self._heap if entry[4].due == entry[0]}
        self._heap.clear()
        for timer in running.values():
            assert timer.due is not None
            timer.due += delta
            self._heap.append(self._entry(timer, timer.due))
        heapify(self._heap)

    def _entry(self, timer: Timer, due: int) -> _Entry:
        self._count += 1
        return (due, timer.phase, timer.order, self._count, timer)
