"""What a failed attempt means for the message: again, another way, or the end. Pure."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from typing import NamedTuple

from dcmon.config.agent import Outbox
from dcmon.config.people import Person
from dcmon.model import Changes, Notification, SendError, Transition
from dcmon.notify.routing import other_channels

_UNKNOWN_MAX = 3
"""Attempts of unknown outcome where there is no other way: the receiver may have got every one of them."""


PAGE_TEST = "page-test"
"""Kind of the messages by which a way is tried; what becomes of each is learnt."""


class Outcome(StrEnum):
    """What is recorded of the attempt."""

    RETRY = "retry"
    UNKNOWN = "unknown"
    FAILED = "failed"


class Verdict(NamedTuple):
    """`retry_at` (ms UTC) with RETRY only; `divert_to`: the channel over which the message goes now as well."""

    outcome: Outcome
    retry_at: int | None = None
    divert_to: str | None = None


class Attempts(NamedTuple):
    """How often the message was tried, this attempt included; `unknown` of them with unknown outcome."""

    all: int
    unknown: int = 0


def judge(
    error: SendError, message: Notification, person: Person | None, attempts: Attempts, now: int, settings: Outbox
) -> Verdict:
    """What becomes of `message` after `error`."""
    others = ways_left(message, person)
    divert_to = others[0] if others else None
    too_old = now - message.created >= settings.give_up
    if error.permanent or too_old:
        return Verdict(Outcome.FAILED, divert_to=divert_to)
    if error.unknown and (others or _told_elsewhere(message) or attempts.unknown >= _UNKNOWN_MAX):
        return Verdict(Outcome.UNKNOWN, divert_to=divert_to)
    pause = min(settings.retry * 2 ** min(attempts.all - 1, 20), settings.max_retry)
    urgent = message.kind == "page" and now - message.created >= settings.divert
    return Verdict(Outcome.RETRY, now + pause, divert_to if urgent else None)


def ways_left(message: Notification, person: Person | None) -> list[str]:
    """Channels of the person over which this message neither went nor goes."""
    if person is None or message.kind == PAGE_TEST:
        return []  # a test is of one way; another would prove nothing of it
    used = {message.channel, *message.facts.get("also", ()), *message.facts.get("tried", ())}
    return other_channels(person, used)


def findings(message: Notification, error: SendError, verdict: Verdict, now: int) -> Changes:
    """The page's failure as a transition for the Pager and the record, and the message that goes another way."""
    changes = Changes()
    about = {"person": message.person, "channel": message.channel, "kind": message.kind}
    state = "delayed" if verdict.outcome is Outcome.RETRY else verdict.outcome.value
    record = Transition(
        ts=now,
        type="page",
        subject=message.key,
        state=state,
        reason=f"{message.channel} to {message.person}: {error}",
        asset=message.facts.get("asset"),
        rule=message.facts.get("rule"),
        severity=message.severity,
        incident=message.incident,
        data={**about, "fallback": verdict.divert_to},
    )
    changes.transitions.append(record)
    if verdict.divert_to is not None:
        diverted = replace(
            message,
            key=f"{message.key}>{verdict.divert_to}",
            channel=verdict.divert_to,
            reason=f"{message.reason}; {message.channel} {state}",
            facts={**message.facts, "tried": [*message.facts.get("tried", ()), message.channel]},
            due=now,
        )
        changes.notifications.append(diverted)
        changes.transitions.append(
            record._replace(
                subject=diverted.key,
                state="queued",
                reason=diverted.reason,
                data={**about, "channel": verdict.divert_to},
            )
        )
    return changes


def arrival(message: Notification, answer: str, now: int) -> Changes:
    """A message was taken, as a transition."""
    text = f"{message.channel} to {message.person}: {answer}"
    about = {"person": message.person, "channel": message.channel, "kind": message.kind}
    return Changes(
        transitions=[Transition(now, "page", message.key, "sent", text, incident=message.incident, data=about)]
    )


def _told_elsewhere(message: Notification) -> bool:
    return any(channel != "console" for channel in message.facts.get("also", ()))
