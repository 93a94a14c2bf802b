"""What dcmon can read, as the profiles say: for `dcmon devices` and docs/devices.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

from dcmon.collectors.profile import Profile
from dcmon.collectors.profile_model import Match

STAGES: Final[Mapping[str, str]] = {
    "verified": "verified",
    "recorded": "recorded",
    "public map": "draft",
    "assumed": "draft",
    "derived": "draft",
}
"""`status` of a profile -> how far it was tried: against the device, against a recording of one, against neither."""


@dataclass(frozen=True, slots=True)
class Family:
    """One profile as a line of the list. `known_by`: how a device of it is recognised."""

    profile: str
    vendor: str
    family: str
    kind: str
    protocol: str
    points: int
    status: str
    known_by: str
    source: str

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def supported(profiles: Mapping[str, Profile]) -> list[Family]:
    """Every profile, by kind, vendor and family. Raises ConfigError for a profile that cannot be read."""
    families = [
        Family(
            profile.name,
            profile.vendor,
            profile.family,
            profile.kind,
            profile.protocol,
            len(profile.points),
            STAGES[profile.status],
            _known_by(profile.match) or "its name in collectors.yaml",
            profile.source,
        )
        for profile in profiles.values()
    ]
    return sorted(families, key=lambda one: (one.kind, one.vendor.casefold(), one.family.casefold(), one.profile))


def _known_by(rules: Iterable[Match]) -> str:
    return "; ".join(dict.fromkeys(_rule(rule) for rule in rules))


def _rule(rule: Match) -> str:
    words = []
    if rule.sys_object_id is not None:
        words.append(f"sysObjectID {rule.sys_object_id}")
    if rule.sys_descr is not None:
        words.append(f"sysDescr {rule.sys_descr!r}")
    if rule.probe is not None:
        words.append(f"{rule.probe} is {rule.value!r}" if rule.value is not None else f"answers {rule.probe}")
    if rule.column is not None:
        words.append(f"has rows in {rule.column}")
    if rule.registers:
        places = (f"{'holding' if test.holding is not None else 'input'} {test.place[1]}" for test in rule.registers)
        words.append(f"what {' and '.join(places)} hold")
    return " and ".join(words)
