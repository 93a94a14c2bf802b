"""Alarms that outlast their cause: after a while they are a fault of their own, of which people must hear."""

from __future__ import annotations

from collections.abc import Callable

from dcmon.thresholds.timers import Phase, Timer, Timers


class Leftovers:
    """One wait per incident whose root is well again while other alarms of it last."""

    def __init__(self, timers: Timers, wait: int, over: Callable[[str, int], None]) -> None:
        self._timers = timers
        self._wait = wait
        self._over = over
        self._running: dict[str, Timer] = {}

    def start(self, incident: str, since: int) -> None:
        """The root of the incident is well since `since` (ms UTC); another one begun before is forgotten."""
        timer = self._running.get(incident)
        if timer is None:
            timer = self._running[incident] = Timer(
                "remains", lambda now: self._fire(incident, now), (900, incident), Phase.DEADLINE
            )
        self._timers.set(timer, since + self._wait)

    def stop(self, incident: str) -> None:
        """The incident is over, or its root is in trouble again."""
        timer = self._running.pop(incident, None)
        if timer is not None:
            self._timers.set(timer, None)

    def put_off(self, incident: str, now: int) -> None:
        """Somebody has looked at the incident just now, and knows what is left of it."""
        if incident in self._running:
            self.start(incident, now)

    def _fire(self, incident: str, now: int) -> None:
        self._running.pop(incident, None)
        self._over(incident, now)
