"""Why somebody is told: a named reason, as a stable word, as English words for the record, as data for templates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from dcmon.config.base import format_duration
from dcmon.notify.routing import Missing


@dataclass(frozen=True, slots=True)
class Reason:
    """`code` selects the sentence of a message, `text` stands in transitions, `data` fills the sentence."""

    code: str
    text: str
    data: Mapping[str, Any] = field(default_factory=dict)

    def because(self, news: str) -> Reason:
        """The same reason with what made it come now, for messages."""
        return replace(self, data={**self.data, "news": news})

    def noting(self, code: str, text: str) -> Reason:
        """The same reason with a remark on how it came to these people."""
        return replace(self, text=f"{self.text}; {text}", data={**self.data, "note": code})


FIRST = Reason("first", "first")
RAISED = Reason("severity-raised", "severity-raised")
WORSENED = Reason("worsened", "worsened")
REOPENED = Reason("reopened", "reopened")
REMAINS = Reason("remains", "remains")
REPEAT = Reason("repeat", "repeat")
RESOLVED = Reason("resolved", "resolved")
TASK_OPENED = Reason("task-opened", "task opened")
TASK_OVERDUE = Reason("task-overdue", "task overdue")
ORDER = Reason("order", "order")
PAGE_TEST = Reason("page-test", "page-test")
TASK_DONE = Reason("task-done", "task done")


def unacknowledged(waited_ms: int) -> Reason:
    """Nobody has said for so long that he deals with it."""
    text = f"escalated: nobody acknowledged for {format_duration(waited_ms)}"
    return Reason("unacknowledged", text, {"waited_ms": waited_ms})


def nobody(missing: Iterable[Missing]) -> Reason:
    """Those before could not be told at all."""
    listed = list(missing)
    return Reason("missing", f"escalated: {', '.join(map(str, listed))}", {"missing": [list(one) for one in listed]})


def unreached(person: str, channel: str) -> Reason:
    """A message to somebody cannot be delivered at all."""
    return Reason(
        "unreached", f"escalated: {person} cannot be reached by {channel}", {"person": person, "channel": channel}
    )


def clock_used(percent: int) -> Reason:
    """`percent` of the time that a fault may last is used up; 100 is the breach."""
    return Reason("clock", f"clock {percent} %", {"percent": percent})


def planned(state: str, before_ms: int | None) -> Reason:
    """Planned work was announced, is near, has changed ... (`state` in the words of its record)."""
    ahead = "" if before_ms is None else f" {format_duration(before_ms)}"
    return Reason(f"planned-{state}", f"planned work {state}{ahead}", {"before_ms": before_ms or 0})
