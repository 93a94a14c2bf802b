"""An outbox worker on a real journal, with channels that do as they are told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from notify_world import config

from dcmon.clock import Clock, SystemClock
from dcmon.config.agent import Outbox
from dcmon.config.people import Person
from dcmon.model import Changes, Notification, SendError
from dcmon.notify.escalation import Pager
from dcmon.notify.outbox import Notifier, OutboxWorker
from dcmon.storage.journal import Journal


@dataclass
class Scripted:
    """A channel: keeps what it accepts; `script` says per message what else to do."""

    taken: list[Notification] = field(default_factory=list)
    script: Callable[[Notification], SendError | None] = lambda message: None
    tried: int = 0
    hang: asyncio.Event | None = None

    async def send(self, notification: Notification, person: Person) -> str:
        self.tried += 1
        if self.hang is not None:
            await self.hang.wait()
        error = self.script(notification)
        if error is not None:
            raise error
        self.taken.append(notification)
        return "taken"

    @property
    def keys(self) -> list[str]:
        return [message.key for message in self.taken]


class Post:
    """Journal, Pager and worker wired as the application does it."""

    def __init__(
        self,
        folder: Path,
        notifiers: Mapping[str, Notifier],
        clock: Clock,
        people: Mapping[str, Any] | None,
        settings: Outbox,
    ) -> None:
        site = config(people)
        self.clock = clock
        self.journal = Journal(folder)
        self.pager = Pager(site, self.journal.load_snapshot(clock.now()))
        self.worker = OutboxWorker(self.journal, notifiers, site.people, clock, settings, commit=self.commit)

    async def commit(self, changes: Changes) -> None:
        changes.extend(self.pager.step(changes, self.clock.now()))
        await self.journal.save(changes)
        self.worker.wake()

    async def queue(self, *notifications: Notification) -> None:
        await self.journal.save(Changes(notifications=list(notifications)))
        self.worker.wake()

    def results(self) -> dict[str, list[str]]:
        """What the journal says of each message, attempt by attempt."""
        found: dict[str, list[str]] = {}
        for delivery in sorted(self.journal.deliveries(), key=lambda delivery: delivery.attempt):
            found.setdefault(delivery.key, []).append(delivery.result)
        return found


@asynccontextmanager
async def post(
    folder: Path,
    notifiers: Mapping[str, Notifier],
    *,
    clock: Clock | None = None,
    people: Mapping[str, Any] | None = None,
    **settings: Any,
) -> AsyncIterator[Post]:
    """Runs a worker; `settings` are those of the outbox."""
    office = Post(folder, notifiers, clock or SystemClock(), people, Outbox.model_validate(settings))
    running = asyncio.create_task(office.worker.run())
    try:
        yield office
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        office.journal.close()


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Waits for something that must happen."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  # what is waited for is in a database or a list
            await asyncio.sleep(0.005)
