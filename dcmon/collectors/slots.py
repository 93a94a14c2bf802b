"""A bound on how many polls or requests are at work at once, which silence does not use up."""

from __future__ import annotations

import asyncio
from collections import deque

_LEASE_S = 0.1


class Slots:
    """`count` slots, each lent for at most `lease_s` real seconds while others wait.

    What a bound protects are socket buffers and the processor; who waits for a silent device uses neither.
    So a slot goes to the next poll when its lease is over: however many devices die at once, the others keep on.
    """

    def __init__(self, count: int, lease_s: float = _LEASE_S) -> None:
        self._free = count
        self._lease_s = lease_s
        self._lent: dict[Slot, None] = {}
        """In the order of their leases."""
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._timer: asyncio.TimerHandle | None = None

    async def take(self) -> Slot:
        """Waits for a slot; first come, first served."""
        loop = asyncio.get_running_loop()
        if self._free <= 0 or self._waiting:
            waiter = loop.create_future()
            self._waiting.append(waiter)
            self._watch_oldest(loop)
            try:
                await waiter
            except asyncio.CancelledError:
                if waiter.done() and not waiter.cancelled():
                    self._pass_on()
                raise
        else:
            self._free -= 1
        slot = Slot(loop.time() + self._lease_s)
        self._lent[slot] = None
        if self._waiting:
            self._watch_oldest(loop)
        return slot

    def give_back(self, slot: Slot) -> None:
        """Frees the slot, unless its lease was over."""
        if slot in self._lent:
            del self._lent[slot]
            self._pass_on()

    def _pass_on(self) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return
        self._free += 1

    def _watch_oldest(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._timer is None and self._lent:
            self._timer = loop.call_at(next(iter(self._lent)).until, self._expire, loop)

    def _expire(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = loop.time()
        while self._waiting and self._lent and (oldest := next(iter(self._lent))).until <= now:
            self.give_back(oldest)
        if self._waiting:
            self._watch_oldest(loop)


class Slot:
    """One slot under way; `until` is the end of its lease in the loop's time."""

    __slots__ = ("until",)

    def __init__(self, until: float) -> None:
        self.until = until
