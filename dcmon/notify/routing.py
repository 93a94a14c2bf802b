"""Which route fits, and who that is right now. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from dcmon.config.people import Channel, People, Person, Recipient, Route
from dcmon.config.roster import members_of, on_duty
from dcmon.model import Severity

_ADDRESSED: tuple[Channel, ...] = ("email", "webhook")
"""Channels that reach a person wherever he is; the console reaches whoever looks at it."""


class Target(NamedTuple):
    """One person over one channel."""

    person: str
    channel: str

    def __str__(self) -> str:
        return f"{self.person}/{self.channel}"


class Missing(NamedTuple):
    """Whom the configuration means but cannot give. what: roster (a hole in it) or person (without any address)."""

    what: str
    id: str

    def __str__(self) -> str:
        return f"nobody on duty in {self.id}" if self.what == "roster" else f"no address of {self.id}"


class Targets(NamedTuple):
    """Who is to be told, and who should be but cannot."""

    pairs: tuple[Target, ...]
    missing: tuple[Missing, ...]


def fitting_route(routes: Sequence[Route], cls: str, severity: Severity) -> tuple[Route, bool]:
    """The first route for the class and severity, and whether it fits.

    Where none fits it is the last route, with False: a message that no route wants still goes to somebody, since
    silence is the worse mistake; the caller says so in the reason.
    """
    for route in routes:
        if (not route.classes or cls in route.classes) and (not route.severities or severity in route.severities):
            return route, True
    return routes[-1], False


def targets(recipients: Iterable[Recipient], people: People, now: int, timezone: str) -> Targets:
    """The pairs of person and channel that the recipients stand for at `now` (ms UTC), each once, in their order."""
    pairs: dict[Target, None] = {}
    missing: dict[Missing, None] = {}
    for recipient in recipients:
        on = _people_of(recipient, people, now, timezone)
        if not on:
            missing[Missing("roster", recipient.roster or "")] = None
        for person_id in on:
            channels = _channels(people.person(person_id), recipient.channels)
            if not channels:
                missing[Missing("person", person_id)] = None
            pairs |= dict.fromkeys(Target(person_id, channel) for channel in channels)
    return Targets(tuple(pairs), tuple(missing))


def everybody(route: Route, people: People) -> tuple[Target, ...]:
    """The last resort when every roster of a route has a hole: all who ever take a turn in them, else all people."""
    named = {recipient.roster for recipient in _recipients(route) if recipient.roster is not None}
    ids = dict.fromkeys(person for roster in people.rosters if roster.id in named for person in members_of(roster))
    for candidates in (ids, [person.id for person in people.people]):
        found = [
            Target(person_id, channels[0])
            for person_id in candidates
            if (channels := _channels(people.person(person_id), _ADDRESSED))
        ]
        if found:
            return tuple(found)
    return ()


def still_meant(pairs: Iterable[Target], people: People, now: int, timezone: str) -> tuple[Target, ...]:
    """Those of `pairs` that may be disturbed at `now`: not who has a place in a roster but no duty in any."""
    pairs = tuple(pairs)
    if not pairs:
        return ()
    members = {person for roster in people.rosters for person in members_of(roster)}
    on = {person for roster in people.rosters for person in on_duty(roster, now, timezone)}
    return tuple(pair for pair in pairs if pair.person not in members or pair.person in on)


def other_channels(person: Person, tried: Iterable[str]) -> list[str]:
    """Channels by which the person can be reached besides those tried."""
    used = set(tried)
    return [channel for channel in _ADDRESSED if channel not in used and _has(person, channel)]


def _recipients(route: Route) -> list[Recipient]:
    return [*route.to, *(recipient for step in route.escalation for recipient in step.to)]


def _people_of(recipient: Recipient, people: People, now: int, timezone: str) -> list[str]:
    found = [] if recipient.person is None else [recipient.person]
    for roster in people.rosters:
        if roster.id == recipient.roster:
            found += on_duty(roster, now, timezone)
    return found


def _channels(person: Person | None, wanted: Sequence[Channel]) -> list[str]:
    """Those of `wanted` that the person has, else any that he has."""
    if person is None:
        return []
    return [channel for channel in wanted if _has(person, channel)] or other_channels(person, ())


def _has(person: Person, channel: str) -> bool:
    return {"email": person.email is not None, "webhook": person.webhook is not None}.get(channel, True)
