"""What the page needs from the configuration, worked out once: lookups, holds and the laid-out power chain."""

from __future__ import annotations

from dcmon.config.config import Config
from dcmon.config.holds import Holds
from dcmon.config.rules import Rule
from dcmon.config.site import Asset, AssetKind
from dcmon.web.chain import lay_out


class Plan:
    """One per configuration."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.site = config.site
        self.holds = Holds(config)
        self.chain = lay_out(config.site)
        self.assets: dict[str, Asset] = {asset.id: asset for asset in config.site.assets}
        self.groups = {group.id: group for group in config.site.groups}
        self.rules: dict[str, Rule] = {rule.id: rule for rule in config.judged}
        self._sections = {section.id: section.name for section in config.site.sections}
        self._feeders: dict[str, tuple[str, ...]] = {}
        self._gensets: dict[str, tuple[str, ...]] = {}
        for asset in config.site.assets:
            for fed in asset.feeds:
                self._feeders[fed] = (*self._feeders.get(fed, ()), asset.id)
            for replaced in asset.stands_in_for:
                self._gensets[replaced] = (*self._gensets.get(replaced, ()), asset.id)

    def name_of(self, asset_id: str) -> str:
        """The asset's or group's name; the id itself for something that the site does not know."""
        found = self.assets.get(asset_id) or self.groups.get(asset_id)
        return found.name if found else asset_id

    def place_of(self, asset_id: str) -> str:
        """Where to go; empty when the site file does not say."""
        asset = self.assets.get(asset_id)
        return (asset.location or "") if asset else ""

    def section_of(self, asset_id: str) -> str:
        """The name of the fire section in which the asset stands; empty when it has none."""
        asset = self.assets.get(asset_id)
        return self.section_name(asset.section) if asset else ""

    def section_name(self, section: str | None) -> str:
        """The name of a fire section."""
        return self._sections.get(section, section) if section else ""

    def kind_of(self, asset_id: str) -> AssetKind | None:
        """What the asset is; None when the site does not know it."""
        asset = self.assets.get(asset_id)
        return asset.kind if asset else None

    def feeders(self, asset_id: str) -> tuple[str, ...]:
        """What feeds the asset directly."""
        return self._feeders.get(asset_id, ())

    def fed_by(self, asset_id: str) -> tuple[str, ...]:
        """What the asset feeds directly."""
        asset = self.assets.get(asset_id)
        return asset.feeds if asset else ()

    def gensets_for(self, asset_id: str) -> tuple[str, ...]:
        """What stands in for the asset."""
        return self._gensets.get(asset_id, ())

    def tanks_of(self, genset: str) -> tuple[str, ...]:
        """The tanks that feed a genset."""
        return tuple(feeder for feeder in self.feeders(genset) if self.kind_of(feeder) is AssetKind.TANK)

    def of_kind(self, kind: AssetKind) -> list[Asset]:
        """All assets of a kind in the order of the site file."""
        return [asset for asset in self.site.assets if asset.kind is kind]
