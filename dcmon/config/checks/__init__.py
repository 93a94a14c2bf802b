"""Numbered start-up checks: what a schema cannot see. Each problem has an id, a line, and says what to do.

`CHECKS` is the registry: id to (what it finds, function). One function may stand behind several ids.
docs/checks.md lists them, and a test compares the two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

from dcmon.config.checks import agent, devices, people, register, rules, site
from dcmon.config.checks.knowledge import Knowledge
from dcmon.config.loader import Loaded
from dcmon.config.yamlfile import Problem

__all__ = ["CHECKS", "Knowledge", "run_checks"]

Check = Callable[[Loaded, Knowledge], Iterator[Problem]]

CHECKS: dict[str, tuple[str, Check]] = {
    "D101": ("an id stands twice", site.duplicate_ids),
    "D102": ("feeds or stands_in_for names an unknown asset", site.unknown_assets),
    "D103": ("feeds goes round in a circle", site.feed_cycles),
    "D104": ("an asset stands in an unknown fire section", site.unknown_sections),
    "D105": ("a group has unknown members or needs more than it has", site.groups),
    "D106": ("a fire section is covered by no fire panel", site.uncovered_sections),
    "D107": ("the time zone is unknown", site.time_zone),
    "D108": ("nobody says how much a tank holds or an engine burns (warning)", site.fuel_ratings),
    "D201": ("a device is no asset", devices.devices_are_assets),
    "D202": ("a device uses unknown credentials", devices.credentials_known),
    "D203": ("a profile is unknown", devices.profiles_known),
    "D204": ("two devices have the same address", devices.addresses_differ),
    "D205": ("a map names an unknown asset or point", devices.maps),
    "D206": ("a secret cannot be read", devices.secrets_readable),
    "D207": ("others can read the file of a secret (warning)", devices.secrets_private),
    "D208": ("nothing is read for an asset (warning)", devices.silent_assets),
    "D301": ("a rule names an unknown asset or group", rules.references),
    "D302": ("a rule judges a point that no device gives", rules.points_given),
    "D303": ("a rule's test does not fit the point's type", rules.tests_fit),
    "D304": ("a paging rule has no cause, consequence or response", rules.paging_rules_explain),
    "D305": ("a rule proves an unknown promise", rules.promises),
    "D306": ("a target is set for an unknown control", rules.targets),
    "D307": ("promises have no evidence on this site (warning)", rules.evidence),
    "D401": ("a roster or route names an unknown person or roster", people.references),
    "D402": ("a person has no address for a channel", people.reachable),
    "D403": ("a roster has nobody", people.rosters_filled),
    "D404": ("a paging rule has no route", people.every_page_has_a_route),
    "D405": ("no alarm comes as far as a route (warning)", people.routes_reached),
    "D501": ("an address to listen on is wrong or open to others", agent.listeners),
    "D502": ("a trap credential is unknown", agent.trap_credentials),
    "D503": ("data_dir or smtp.ca_file cannot be used", agent.usable_paths),
    "D601": ("a duty names an unknown asset or owner", register.references),
    "D602": ("a duty comes round in a way that makes no sense", register.recurrences),
    "D603": ("what is to prove a duty can never come", register.evidence),
}


def run_checks(loaded: Loaded, knowledge: Knowledge) -> list[Problem]:
    """All problems, in the order of the checks' ids."""
    return list(chain.from_iterable(check(loaded, knowledge) for _, check in CHECKS.values()))
