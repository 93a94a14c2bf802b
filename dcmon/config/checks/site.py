"""Checks of site.yaml, and of ids in all files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dcmon.config.checks.knowledge import Knowledge
from dcmon.config.loader import Loaded
from dcmon.config.site import AssetKind, Rating
from dcmon.config.yamlfile import Problem


def duplicate_ids(loaded: Loaded, _: Knowledge) -> Iterator[Problem]:
    """D101: an id stands twice."""
    config = loaded.config
    lists: list[tuple[str, str, Sequence[str]]] = [
        ("site", "sections", [section.id for section in config.site.sections]),
        ("site", "assets", [asset.id for asset in config.site.assets]),
        ("site", "groups", [group.id for group in config.site.groups]),
        ("rules", "sequences", [sequence.id for sequence in config.rules.sequences]),
        ("people", "people", [person.id for person in config.people.people]),
        ("people", "rosters", [roster.id for roster in config.people.rosters]),
        ("people", "routes", [route.id for route in config.people.routes]),
    ]
    for file, key, ids in lists:
        for position, name in enumerate(ids):
            if name in ids[:position]:
                message = f"the id {name!r} stands twice in {key}"
                yield loaded.problem("D101", file, (key, position, "id"), message, "Rename one of them.")
    planned = (config.rules.late_notice, config.rules.drill_missing)
    seen = {rule.id for rule in planned} - {rule.id for _, _, rule in config.placed() if rule in planned}
    for file, place, rule in config.placed():
        if rule.id in seen:
            message = f"the id {rule.id!r} stands twice among rules, steps and duties"
            yield loaded.problem("D101", file, (*place, "id"), message, "Rename one of them.")
        seen.add(rule.id)
    assets = {asset.id for asset in config.site.assets}
    for position, group in enumerate(config.site.groups):
        if group.id in assets:
            message = f"{group.id!r} is the id of a group and of an asset"
            yield loaded.problem("D101", "site", ("groups", position, "id"), message, "Rename the group.")


def unknown_assets(loaded: Loaded, _: Knowledge) -> Iterator[Problem]:
    """D102: feeds or stands_in_for names an unknown asset."""
    known = {asset.id for asset in loaded.config.site.assets}
    for position, asset in enumerate(loaded.config.site.assets):
        for key, names in (("feeds", asset.feeds), ("stands_in_for", asset.stands_in_for)):
            for place, name in enumerate(names):
                if name not in known:
                    message = f"{asset.id} {key.replace('_', ' ')} the unknown asset {name!r}"
                    loc = ("assets", position, key, place)
                    yield loaded.problem("D102", "site", loc, message, "Add the asset or correct its id.")


def feed_cycles(loaded: Loaded, _: Knowledge) -> Iterator[Problem]:
    """Depth-first search; each circle is reported once, at the asset that closes it."""
    feeds = {asset.id: asset.feeds for asset in loaded.config.site.assets}
    positions = {asset.id: position for position, asset in enumerate(loaded.config.site.assets)}
    done: set[str] = set()
    for start, fed in feeds.items():
        stack: list[tuple[str, Iterator[str]]] = [(start, iter(fed))] if start not in done else []
        path = [start]
        while stack:
            node, children = stack[-1]
            child = next(children, None)
            if child is None:
                done.add(node)
                stack.pop()
                path.pop()
            elif child in path:
                circle = " -> ".join(_shortened([*path[path.index(child) :], child]))
                loc = ("assets", positions[node], "feeds")
                yield loaded.problem("D103", "site", loc, f"feeds goes in a circle: {circle}", "Remove one of them.")
            elif child in feeds and child not in done:
                stack.append((child, iter(feeds[child])))
                path.append(child)


def _shortened(circle: list[str]) -> list[str]:
    return circle if len(circle) <= 12 else [*circle[:5], f"({len(circle) - 10} more)", *circle[-5:]]


def unknown_sections(loaded: Loaded, _: Knowledge) -> Iterator[Problem]:
    """D104: an asset stands in an unknown fire section."""
    known = {section.id for section in loaded.config.site.sections}
    for position, asset in enumerate(loaded.config.site.assets):
        if asset.section is not None and asset.section not in known:
            message = f"{asset.id} stands in the unknown fire section {asset.section!r}"
            yield loaded.problem("D104", "site", ("assets", position, "section"), message, "Add it to sections.")


def groups(loaded: Loaded, _: Knowledge) -> Iterator[Problem]:
    """D105: a group has unknown members or needs more than it has."""
    known = {asset.id for asset in loaded.config.site.assets}
    for position, group in enumerate(loaded.config.site.groups):
        for place, member in enumerate(group.members):
            if member not in known:
                message = f"group {group.id} has the unknown member {member!r}"
                loc = ("groups", position, "members", place)
                yield loaded.problem("D105", "site", loc, message, "Add the asset or correct its id.")
        if group.needed > len(set(group.members)):
            message = f"group {group.id} needs {group.needed} of {len(set(group.members))} members"
            yield loaded.problem("D105", "site", ("groups", position, "needed"), message, "Lower needed.")


def uncovered_sections(loaded: Loaded, _: Knowledge) -> Iterator[Problem]:
    """D106: a fire section is covered by no fire panel."""
    panels = {asset.section for asset in loaded.config.site.assets if asset.kind is AssetKind.FIRE_PANEL}
    for position, section in enumerate(loaded.config.site.sections):
        if section.id not in panels:
            message = f"fire section {section.id} is covered by no asset of kind fire_panel"
            hint = "Add the panel that watches it and its contacts (T16, T17)."
            yield loaded.problem("D106", "site", ("sections", position), message, hint)


def fuel_ratings(loaded: Loaded, _: Knowledge) -> Iterator[Problem]:
    """D108: what is needed to know how long fuel lasts is not said (warning)."""
    site = loaded.config.site
    fed = {name for asset in site.assets if asset.kind is AssetKind.TANK for name in asset.feeds}
    for position, asset in enumerate(site.assets):
        rating, missing = asset.rating, None
        if asset.kind is AssetKind.TANK and rating.tank_l is None and not rating.tank.table:
            missing = "how much it holds", "Set rating.tank_l, or rating.tank.table."
        elif asset.id in fed and asset.kind is AssetKind.GENSET and not _burns(rating):
            missing = "what it burns", "Set rating.fuel_l_per_h_full_load or rating.fuel_curve."
        if missing is not None:
            message = f"nobody says of {asset.id} {missing[0]}, so nobody knows how long its fuel lasts"
            yield loaded.problem("D108", "site", ("assets", position), message, missing[1], warning=True)


def _burns(rating: Rating) -> bool:
    return bool(rating.fuel_curve) or rating.fuel_l_per_h_full_load is not None


def time_zone(loaded: Loaded, _: Knowledge) -> Iterator[Problem]:
    """D107: the time zone is unknown."""
    name = loaded.config.site.timezone
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        hint = "Use a name of the IANA database such as Europe/Berlin; Debian keeps it in the package tzdata."
        yield loaded.problem("D107", "site", ("timezone",), f"the time zone {name!r} is unknown", hint)
