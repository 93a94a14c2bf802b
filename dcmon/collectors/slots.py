"""A bound on how many polls are sending and receiving at once, which silence does not use up."""

from __future__ import annotations

import asyncio


class Slots:
    """`count` slots, each lent for at most `lease_s` real seconds.

    What a bound protects are socket buffers and the processor; a poll that waits for a silent device uses neither.
    So a slot goes to the next poll when its lease is over: however many devices die at once, the others keep on.
    """

    def __init__(self, count: int, lease_s: float) -> None:
        self._semaphore = asyncio.Semaphore(count)
        self._lease_s = lease_s

    async def take(self) -> Slot:
        """Waits for a slot."""
        await self._semaphore.acquire()
        return Slot(self._semaphore, self._lease_s)


class Slot:
    """One slot under way."""

    __slots__ = ("_held", "_semaphore", "_timer")

    def __init__(self, semaphore: asyncio.Semaphore, lease_s: float) -> None:
        self._semaphore = semaphore
        self._held = True
        self._timer = asyncio.get_running_loop().call_later(lease_s, self.give_back)

    def give_back(self) -> None:
        """Frees the slot, once."""
        if self._held:
            self._held = False
            self._timer.cancel()
            self._semaphore.release()
