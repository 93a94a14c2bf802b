"""What the checks must know of other rooms; the caller fills it in, because config imports none of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from dcmon.config.collectors import PointMap
from dcmon.config.config import Config
from dcmon.config.probes import points_of
from dcmon.config.site import AssetKind, GroupRole
from dcmon.config.vocabulary import vocabulary


@dataclass(frozen=True, slots=True)
class Knowledge:
    """`points` gives the point names of each profile; `controls` are the ids of the control catalogue; `unshown` the
    promises that nothing on this site can show.
    """

    points: Mapping[str, frozenset[str]]
    controls: frozenset[str] = field(default_factory=frozenset)
    unshown: tuple[str, ...] = ()

    def points_by_asset(self, config: Config) -> dict[str, set[str]]:
        """The points that each asset gets from the devices. A device without a profile may give any point: `*`."""
        given: dict[str, set[str]] = {asset.id: set() for asset in config.site.assets}
        for device_id, device in config.collectors.devices.items():
            given.setdefault(device_id, set()).add("device.reachable")
            if device.probe is not None:
                for name in points_of(device.probe):
                    _assign(given, device_id, name, device.maps)
                continue
            names = self.points.get(device.profile, frozenset()) if device.profile else frozenset({"*"})
            for name in names:
                _assign(given, device_id, name, device.maps)
        computed = {name for name, point in vocabulary().items() if point.computed}
        for asset in config.site.assets:
            if asset.kind is AssetKind.TANK:
                given[asset.id] |= computed
        return given | {group.id: computed for group in config.site.groups if group.role is GroupRole.GENSETS}


def _assign(given: dict[str, set[str]], device_id: str, name: str, maps: tuple[PointMap, ...]) -> None:
    if name == "*":
        for entry in maps:
            given.setdefault(entry.asset or device_id, set()).add(entry.as_point or name)
        given.setdefault(device_id, set()).add(name)
        return
    caught_all = False
    for entry in maps:
        if not entry.takes(name):
            continue
        if not entry.ignore:
            given.setdefault(entry.asset or device_id, set()).add(entry.as_point or name)
        caught_all = caught_all or entry.index is None
        if caught_all:
            break
    if not caught_all:
        given.setdefault(device_id, set()).add(name)
