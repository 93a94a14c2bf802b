"""Deadlines of many tasks on one timer: `asyncio.timeout` would cost each poll a timer, about 10 us."""

from __future__ import annotations

import asyncio
from types import TracebackType


class Deadlines:
    """Hands out deadlines that all last `seconds` (real time), so the first that began is the first to end."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._running: dict[Deadline, None] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> Deadline:
        """A deadline for the `with` block of the current task: when it passes, the block ends with TimeoutError."""
        return Deadline(self)

    def enter(self, deadline: Deadline, loop: asyncio.AbstractEventLoop) -> None:
        """Adds the youngest; called by Deadline."""
        self._running[deadline] = None
        if self._timer is None:
            self._timer = loop.call_at(deadline.until, self._expire, loop)

    def leave(self, deadline: Deadline) -> None:
        """Called by Deadline. The timer goes on: it looks for the oldest when it is due."""
        self._running.pop(deadline, None)

    def _expire(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = loop.time()
        while self._running:
            oldest = next(iter(self._running))
            if oldest.until > now:
                self._timer = loop.call_at(oldest.until, self._expire, loop)
                return
            del self._running[oldest]
            oldest.expire()


class Deadline:
    """One deadline under way; cancels its task and takes the cancellation back, as asyncio.timeout does."""

    __slots__ = ("_all", "_cancelling", "_expired", "_task", "until")

    def __init__(self, deadlines: Deadlines) -> None:
        self._all = deadlines
        self._task: asyncio.Task[object] | None = None
        self._cancelling = 0
        self._expired = False
        self.until = 0.0

    def __enter__(self) -> Deadline:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("a deadline needs a task")
        self._task, self._cancelling = task, task.cancelling()
        loop = asyncio.get_running_loop()
        self.until = loop.time() + self._all.seconds
        self._all.enter(self, loop)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._all.leave(self)
        if self._expired and self._task is not None:
            alone = self._task.uncancel() <= self._cancelling
            if alone and kind is not None and issubclass(kind, asyncio.CancelledError):
                raise TimeoutError from error

    def expire(self) -> None:
        """Ends the block; called by Deadlines."""
        self._expired = True
        if self._task is not None:
            self._task.cancel()
