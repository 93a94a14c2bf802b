"""What the outbox worker writes down: outcomes in the journal whatever the disk says, changes in the log, each once."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Protocol

from dcmon.clock import Clock
from dcmon.model import Changes, Notification, StoreError

_log = logging.getLogger("dcmon.notify")

STORE_PAUSE_S = 1.0
"""Pause before the journal is tried again after it failed."""


class Row(Protocol):
    """A claimed message."""

    @property
    def notification(self) -> Notification: ...


class OutboxJournal(Protocol):
    """What the worker needs of the journal. The methods may block for the disk: they are called in a thread."""

    def claim(self, now: int, owner: str, lease_ms: int, limit: int) -> Sequence[Row]: ...
    def mark_sent(self, key: str, now: int, detail: str) -> None: ...
    def mark_failed(self, key: str, now: int, detail: str, retry_at: int | None) -> None: ...
    def mark_unknown(self, key: str, now: int, detail: str) -> None: ...
    def next_outbox_due(self) -> int | None: ...
    def sent_since(self, person: str, channel: str, since: int) -> list[int]: ...


class Records:
    """Writes until the journal takes it: what was sent and is not recorded would be sent again."""

    def __init__(self, journal: OutboxJournal, clock: Clock, commit: Callable[[Changes], Awaitable[None]]) -> None:
        self.closing = False
        """Set when the worker stops: a journal that does not work is then left alone."""
        self._journal = journal
        self._clock = clock
        self._commit = commit
        self._troubled: Counter[str] = Counter()

    async def sent(self, key: str, answer: str) -> None:
        await self._insist(partial(asyncio.to_thread, self._journal.mark_sent, key, self._clock.now(), answer))

    async def retry(self, key: str, detail: str, at: int) -> None:
        await self._insist(partial(asyncio.to_thread, self._journal.mark_failed, key, self._clock.now(), detail, at))

    async def failed(self, key: str, detail: str) -> None:
        await self._insist(partial(asyncio.to_thread, self._journal.mark_failed, key, self._clock.now(), detail, None))

    async def unknown(self, key: str, detail: str) -> None:
        await self._insist(partial(asyncio.to_thread, self._journal.mark_unknown, key, self._clock.now(), detail))

    async def learnt(self, findings: Changes) -> None:
        """Sends what the worker learnt down the way of all changes."""
        await self._insist(partial(self._commit, findings))

    def trouble(self, what: str, detail: str) -> None:
        """`what` does not work: logged once, counted after that."""
        if what not in self._troubled:
            _log.warning("outbox: %s does not work: %s; tried again until it does", what, detail)
        self._troubled[what] += 1

    def well(self, what: str) -> None:
        """`what` works: logged when it did not before."""
        if count := self._troubled.pop(what, 0):
            _log.info("outbox: %s works again after %d failures", what, count)

    async def _insist(self, write: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await write()
            except StoreError as error:
                self.trouble("journal", str(error))
                if self.closing:
                    return
                await self._clock.sleep(STORE_PAUSE_S)
            else:
                self.well("journal")
                return
