"""Turns one decision into outbox rows and transitions, for the people who are meant at that time. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import replace
from typing import Any, NamedTuple

from dcmon.config.config import Config
from dcmon.config.people import Recipient, Route
from dcmon.model import Changes, Escalation, Notification, Severity, Transition
from dcmon.notify.reasons import Reason, nobody
from dcmon.notify.routing import Target, everybody, fitting_route, still_meant, targets


class Message(NamedTuple):
    """What is to be said, before it is known to whom."""

    thread: str
    """The incident, task or clock whose messages belong together."""
    kind: str
    mark: str
    """What tells this message from others of its kind in the thread; a part of the idempotency key."""
    cls: str
    severity: Severity
    subject: str
    asset: str
    rule: str
    facts: Mapping[str, Any]


class Told(NamedTuple):
    """Who was told, and how far along the route that went."""

    level: int
    pairs: tuple[Target, ...]


class Teller:
    """Knows people, routes and rosters."""

    def __init__(self, config: Config) -> None:
        self._people = config.people
        self._timezone = config.site.timezone

    def route(self, cls: str, severity: Severity) -> Route:
        """The route that decides; see `fitting_route`."""
        return fitting_route(self._people.routes, cls, severity)[0]

    def tell(
        self,
        message: Message,
        level: int,
        reason: Reason,
        at: int,
        out: Changes,
        again: Iterable[Target] = (),
        told: Iterable[Target] | None = None,
        also: Iterable[Target] = (),
    ) -> Told:
        """Queues the message for one level of its route (0: `to`, 1: the first escalation ...).

        Where a roster of the level has nobody on duty, the next level is told at once, and its reason says so; when no
        level has anybody, everybody of the route. Who of `again` is not off duty hears of it too; `told` (`again` when
        absent) were told of this thread before; `also` are told besides, whoever is on duty.
        """
        route, fits = fitting_route(self._people.routes, message.cls, message.severity)
        if not fits:
            reason = reason.noting("no-route", f"no route fits {message.cls}, {message.severity}: the last one used")
        again = tuple(again)
        before = frozenset(again if told is None else told)
        extra = (*still_meant(again, self._people, at, self._timezone), *also)
        levels = [route.to, *(step.to for step in route.escalation)]
        level = min(level, len(levels) - 1)
        reached: dict[Target, None] = {}
        while True:
            found = targets(levels[level], self._people, at, self._timezone)
            pairs = [pair for pair in dict.fromkeys([*extra, *found.pairs]) if pair not in reached]
            queue(message, pairs, level, reason, at, out, before)
            reached |= dict.fromkeys(pairs)
            if not found.missing or level + 1 == len(levels):
                break
            level, reason, extra = level + 1, nobody(found.missing), ()
        if not reached:
            text = f"{', '.join(map(str, found.missing))}, no step left: everybody of route {route.id} told"
            last_resort = reason.noting("everybody", text)
            reached = dict.fromkeys(everybody(route, self._people))
            queue(message, reached, level, last_resort, at, out, before)
        return Told(level, tuple(reached))

    def inform(self, message: Message, reason: Reason, at: int, out: Changes, *, first: bool) -> None:
        """Queues a notice for those who hear of planned work. There is no next level: nobody must act on it."""
        last = self._people.routes[-1]
        found = targets(self._people.planned.to or last.to, self._people, at, self._timezone).pairs
        pairs = found or everybody(last, self._people)
        queue(message, pairs, 0, reason, at, out, frozenset() if first else frozenset(pairs))

    def clock_level(self, cls: str, severity: Severity, percent: int, at: int) -> tuple[Target, ...]:
        """Whom the route tells of a fault clock besides its first level, when so many per cent are used up."""
        steps = [step for step in self.route(cls, severity).clock if step.percent <= percent]
        recipients = [recipient for step in steps for recipient in step.to]
        return targets(recipients, self._people, at, self._timezone).pairs

    def owner(self, owner: str, at: int) -> tuple[Target, ...]:
        """The person, or whoever is on duty of the roster, that sees to a duty; nobody where none is named."""
        known = self._people.person(owner) is not None
        recipient = Recipient(person=owner) if known else Recipient(roster=owner or None)
        return targets([recipient], self._people, at, self._timezone).pairs

    def first_level(self, cls: str, severity: Severity, at: int) -> tuple[Target, ...]:
        """Whom the route tells first at this time."""
        return targets(self.route(cls, severity).to, self._people, at, self._timezone).pairs


def queue(
    message: Message,
    pairs: Iterable[Target],
    step: int,
    reason: Reason,
    at: int,
    out: Changes,
    before: Set[Target],
) -> None:
    """Adds one notification and one transition of type `page` per pair; `before`: told of this thread already.

    The key is made of thread, kind, step, person, channel and mark: all that a repeated decision has in common.
    """
    pairs = list(pairs)
    for pair in pairs:
        key = "/".join((message.thread, message.kind, str(step), pair.person, pair.channel, message.mark))
        facts = {
            **message.facts,
            "code": reason.code,
            "reason_data": dict(reason.data),
            "first": pair not in before,
            "step": step,
            "also": [other.channel for other in pairs if other.person == pair.person and other != pair],
        }
        row = Notification(
            key=key,
            created=at,
            incident=message.thread,
            person=pair.person,
            channel=pair.channel,
            kind=message.kind,
            reason=reason.text,
            severity=message.severity,
            subject=message.subject,
            facts=facts,
            due=at,
        )
        out.notifications.append(row)
        out.transitions.append(_queued(row, message, step))


def _queued(row: Notification, message: Message, step: int) -> Transition:
    told = {"person": row.person, "channel": row.channel, "kind": row.kind, "step": step, "title": row.subject}
    return Transition(
        ts=row.created,
        type="page",
        subject=row.key,
        state="queued",
        reason=row.reason,
        asset=message.asset,
        rule=message.rule,
        severity=row.severity,
        incident=row.incident,
        data=told,
    )


def paired(row: Escalation) -> tuple[Target, ...]:
    """Who was told of an incident or task so far."""
    return tuple(Target(*pair.rsplit("/", 1)) for pair in row.paged)


def telling(row: Escalation, pairs: Iterable[Target]) -> Escalation:
    """The row with these told, too."""
    return replace(row, paged=tuple(dict.fromkeys([*row.paged, *map(str, pairs)])))
