"""Checks of people.yaml."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

from dcmon.config.base_rule import AlarmClass
from dcmon.config.checks.knowledge import Knowledge
from dcmon.config.duties import DutyRule
from dcmon.config.loader import Loaded
from dcmon.config.people import Person, Recipient, Roster
from dcmon.config.yamlfile import Loc, Problem
from dcmon.model import Severity


def _members(roster: Roster) -> Iterator[tuple[Loc, str]]:
    for place, shift in enumerate(roster.shifts):
        yield ("shifts", place, "person"), shift.person
    if roster.rotation is not None:
        for place, person in enumerate(roster.rotation.people):
            yield ("rotation", "people", place), person
    for place, override in enumerate(roster.overrides):
        yield ("overrides", place, "person"), override.person


def _recipients(loaded: Loaded) -> Iterator[tuple[Loc, Recipient]]:
    for position, route in enumerate(loaded.config.people.routes):
        for place, recipient in enumerate(route.to):
            yield ("routes", position, "to", place), recipient
        for number, step in enumerate(route.escalation):
            for place, recipient in enumerate(step.to):
                yield ("routes", position, "escalation", number, "to", place), recipient
        for number, step_of_clock in enumerate(route.clock):
            for place, recipient in enumerate(step_of_clock.to):
                yield ("routes", position, "clock", number, "to", place), recipient
    for place, recipient in enumerate(loaded.config.people.planned.to):
        yield ("planned", "to", place), recipient


def references(loaded: Loaded, _: Knowledge) -> Iterator[Problem]:
    """D401: a roster or route names an unknown person or roster."""
    persons = {person.id for person in loaded.config.people.people}
    rosters = {roster.id for roster in loaded.config.people.rosters}
    for position, roster in enumerate(loaded.config.people.rosters):
        for loc, person in _members(roster):
            if person not in persons:
                message = f"roster {roster.id} names the unknown person {person!r}"
                yield loaded.problem("D401", "people", ("rosters", position, *loc), message, "Add the person.")
    for loc, recipient in _recipients(loaded):
        if (recipient.roster is None) == (recipient.person is None):
            message = "a recipient is either a roster or a person"
            yield loaded.problem("D401", "people", loc, message, "Name one of the two.")
        elif recipient.roster is not None and recipient.roster not in rosters:
            message = f"unknown roster {recipient.roster!r}"
            yield loaded.problem("D401", "people", loc, message, "Add it under rosters.")
        elif recipient.person is not None and recipient.person not in persons:
            message = f"unknown person {recipient.person!r}"
            yield loaded.problem("D401", "people", loc, message, "Add the person under people.")


def reachable(loaded: Loaded, _: Knowledge) -> Iterator[Problem]:
    """D402: a person has no address for a channel."""
    people = loaded.config.people
    for position, person in enumerate(people.people):
        if person.role == "supplier" and person.email is None:
            message = f"{person.id} is a supplier, who is sent orders by e-mail, but has no email address"
            yield loaded.problem("D402", "people", ("people", position), message, "Add the address.")
    members = {roster.id: {person for _, person in _members(roster)} for roster in people.rosters}
    reported: set[tuple[str, str]] = set()
    for _loc, recipient in _recipients(loaded):
        ids = members.get(recipient.roster or "", set()) | ({recipient.person} if recipient.person else set())
        for position, person in enumerate(people.people):
            for channel in recipient.channels:
                if person.id in ids and not _has_address(person, channel) and (person.id, channel) not in reported:
                    reported.add((person.id, channel))
                    message = f"{person.id} is to be told by {channel} but has no {channel} address"
                    yield loaded.problem("D402", "people", ("people", position), message, "Add the address.")


def _has_address(person: Person, channel: str) -> bool:
    return channel == "console" or getattr(person, channel, None) is not None


def rosters_filled(loaded: Loaded, _: Knowledge) -> Iterator[Problem]:
    """D403: a roster has nobody."""
    for position, roster in enumerate(loaded.config.people.rosters):
        if not roster.shifts and roster.rotation is None:
            message = f"roster {roster.id} has neither shifts nor a rotation"
            yield loaded.problem("D403", "people", ("rosters", position), message, "Say who is on duty.")


def every_page_has_a_route(loaded: Loaded, _: Knowledge) -> Iterator[Problem]:
    """D404: a paging rule has no route."""
    routes = loaded.config.people.routes
    for file, place, rule in loaded.config.placed():
        taken = any(
            (not route.classes or rule.cls in route.classes)
            and (not route.severities or rule.severity in route.severities)
            for route in routes
        )
        if (rule.page or isinstance(rule, DutyRule)) and not taken:
            message = f"no route takes class {rule.cls}, severity {rule.severity} of rule {rule.id}"
            hint = "Add a route to people.yaml; the last one may take everything."
            yield loaded.problem("D404", file, place, message, hint)


def routes_reached(loaded: Loaded, _: Knowledge) -> Iterator[Problem]:
    """D405: no alarm comes as far as a route (warning)."""
    taken: set[tuple[AlarmClass, Severity]] = set()
    for position, route in enumerate(loaded.config.people.routes):
        wanted = set(product(route.classes or AlarmClass, route.severities or Severity))
        if wanted <= taken:
            message = (
                f"nothing comes as far as route {route.id}: the ones before it take all of its classes and severities"
            )
            hint = "Put it before them: the first route that fits decides."
            yield loaded.problem("D405", "people", ("routes", position), message, hint, warning=True)
        taken |= wanted
