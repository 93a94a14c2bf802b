"""One line in the terminal per message: who is told what, over which channel, and why."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.text import Text

from dcmon.config.people import Person
from dcmon.model import Notification, Severity
from dcmon.notify.text import because, clean, label
from dcmon.notify.translation import translate

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_STYLES = {Severity.CRITICAL: "bold white on red", Severity.WARNING: "bold black on yellow", Severity.INFO: "bold"}


class ConsoleNotifier:
    """Writes to the terminal that dcmon runs in, for whoever looks at it."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(stderr=True)

    async def send(self, notification: Notification, person: Person) -> str:
        """Prints `line`; never fails for reasons of the text."""
        self._console.print(line(notification, person), soft_wrap=True)
        return "printed"


def line(notification: Notification, person: Person) -> Text:
    """`10:00:05 CRITICAL UPS A: on battery -> Anna Weber (email): the fault is new`; also for channels other than this.

    Device names are taken as text: no markup, no control characters.
    """
    facts, subject = translate(notification.facts, notification.subject, person.language)
    zone = ZoneInfo(str(facts.get("timezone") or "UTC"))
    at = (_EPOCH + dt.timedelta(milliseconds=notification.created)).astimezone(zone)
    word = label(notification.kind, notification.severity, facts, person.language)
    style = "bold green" if notification.kind == "resolved" else _STYLES[notification.severity]
    return Text.assemble(
        (f"{at:%H:%M:%S} ", "dim"),
        (f" {word} ", style),
        f" {clean(subject)} ",
        ("-> ", "dim"),
        (clean(person.name), "bold"),
        (f" ({notification.channel}): ", "dim"),
        because(facts, person.language) or clean(notification.reason),
    )
