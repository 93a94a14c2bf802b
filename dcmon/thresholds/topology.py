"""What the site file says about cause and effect: who feeds whom, who stands in for whom, who backs whom up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from dcmon.config.collectors import Collectors
from dcmon.config.site import Asset, AssetKind, Group, GroupRole, Site


class Topology:
    """`feeds`, `stands_in_for` and groups, closed over and turned into look-ups. Ids of unknown assets are harmless."""

    def __init__(self, site: Site, collectors: Collectors) -> None:
        self.site = site
        self.assets: dict[str, Asset] = {asset.id: asset for asset in site.assets}
        self.groups: dict[str, Group] = {group.id: group for group in site.groups}
        self.devices = tuple(collectors.devices)
        fed_by: dict[str, set[str]] = {}
        for asset in site.assets:
            for fed in asset.feeds:
                fed_by.setdefault(fed, set()).add(asset.id)
        self._upstream = {asset: _closure(asset, fed_by) for asset in self.assets}
        self._downstream: dict[str, set[str]] = {}
        for asset_id, feeders in self._upstream.items():
            for feeder in feeders:
                self._downstream.setdefault(feeder, set()).add(asset_id)
        self._stand_ins: dict[str, set[str]] = {}
        for asset in site.assets:
            for replaced in asset.stands_in_for:
                self._stand_ins.setdefault(replaced, set()).add(asset.id)
        self._fed_by = {asset: tuple(sorted(feeders)) for asset, feeders in fed_by.items()}
        self._depth = _depths(self.assets, fed_by)
        self._groups_of: dict[str, tuple[str, ...]] = {}
        for group in site.groups:
            for member in group.members:
                self._groups_of[member] = (*self._groups_of.get(member, ()), group.id)
        self._suppliers = _suppliers(collectors)

    def name(self, subject: str) -> str:
        """The name of an asset or group as people know it; the id when it has none."""
        known = self.assets.get(subject) or self.groups.get(subject)
        return known.name if known else subject

    def kind(self, asset: str) -> AssetKind | None:
        known = self.assets.get(asset)
        return known.kind if known else None

    def depth(self, subject: str) -> float:
        """0 for what nothing feeds; a group stands half a step before the first of its members."""
        group = self.groups.get(subject)
        if group is not None:
            return min(self._depth.get(member, 0) for member in group.members) - 0.5
        return self._depth.get(subject, 0)

    def upstream(self, asset: str) -> frozenset[str]:
        """Everything that feeds `asset`, over any number of steps."""
        return self._upstream.get(asset, frozenset())

    def causes(self, asset: str) -> frozenset[str]:
        """Everything whose failure can be the cause of one of `asset`: what feeds it, and what it stands in for."""
        return self.upstream(asset) | self.stood_in_for(asset)

    def downstream(self, asset: str) -> frozenset[str]:
        """Everything that `asset` feeds, over any number of steps."""
        return frozenset(self._downstream.get(asset, ()))

    def line(self, asset: str) -> frozenset[str]:
        """An asset with all that feeds it and that it feeds, and what stands in for any of these or is stood in for."""
        line = {asset, *self.upstream(asset), *self._downstream.get(asset, ())}
        line |= {other for one in line for other in (*self.stood_in_for(one), *self._stand_ins.get(one, ()))}
        return frozenset(line | {fed for one in line for fed in self._downstream.get(one, ())})

    def reach(self, names: Iterable[str], *, with_fed: bool) -> frozenset[str]:
        """The named assets and groups with the groups' members, and, if so wanted, all that these feed."""
        found = set(names)
        for name in names:
            found.update(self.groups[name].members if name in self.groups else ())
        fed = {other for name in found for other in self.downstream(name)} if with_fed else set[str]()
        return frozenset(found | fed)

    def peers(self, asset: str) -> frozenset[str]:
        """The members of all groups that `asset` is a member of, itself among them."""
        return frozenset(member for group in self.groups_of(asset) for member in self.groups[group].members)

    def groups_of(self, asset: str) -> tuple[str, ...]:
        return self._groups_of.get(asset, ())

    def feeders(self, asset: str) -> tuple[str, ...]:
        """What feeds `asset` directly."""
        return self._fed_by.get(asset, ())

    def stood_in_for(self, asset: str) -> frozenset[str]:
        """The assets that `asset` replaces when they fail."""
        known = self.assets.get(asset)
        return frozenset(known.stands_in_for) if known else frozenset()

    def upstream_of_kind(self, asset: str, kind: AssetKind) -> tuple[str, ...]:
        """The upstream assets of one kind, in the order of the site file."""
        upstream = self.upstream(asset)
        return tuple(known.id for known in self.site.assets if known.kind is kind and known.id in upstream)

    def with_role(self, role: GroupRole) -> tuple[Group, ...]:
        return tuple(group for group in self.site.groups if group.role is role)

    def supplier(self, asset: str) -> str | None:
        """The device that gives an asset's points."""
        return self._suppliers.get(asset)

    def supplied(self, device: str) -> frozenset[str]:
        """The assets whose points a device gives, itself among them."""
        return frozenset(asset for asset, supplier in self._suppliers.items() if supplier == device)


def _closure(start: str, edges: Mapping[str, Iterable[str]]) -> frozenset[str]:
    """All that can be reached from `start`; `start` itself only over a cycle, and then it is left out."""
    seen: set[str] = set()
    todo = list(edges.get(start, ()))
    while todo:
        node = todo.pop()
        if node not in seen:
            seen.add(node)
            todo.extend(edges.get(node, ()))
    return frozenset(seen - {start})


def _depths(assets: Iterable[str], fed_by: Mapping[str, set[str]]) -> dict[str, int]:
    """Longest way from a source to each asset; a cycle (which `dcmon check` refuses) counts as no way."""
    depths: dict[str, int] = {}

    def depth(asset: str, path: frozenset[str]) -> int:
        if asset not in depths:
            above = [depth(cause, path | {asset}) for cause in fed_by.get(asset, ()) if cause not in path]
            depths[asset] = 1 + max(above) if above else 0
        return depths[asset]

    for asset in assets:
        depth(asset, frozenset())
    return depths


def _suppliers(collectors: Collectors) -> dict[str, str]:
    suppliers: dict[str, str] = {}
    for device, spec in collectors.devices.items():
        for point_map in spec.maps:
            if point_map.asset is not None and point_map.asset not in collectors.devices:
                suppliers.setdefault(point_map.asset, device)
    return suppliers | {device: device for device in collectors.devices}
