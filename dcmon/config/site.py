"""`site.yaml`: what stands where, what feeds what, which assets stand in for each other."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Annotated

from pydantic import Field, PositiveFloat, PositiveInt

from dcmon.config.base import Identifier, Strict


class AssetKind(StrEnum):
    """What an asset is; rules select by it."""

    MAINS = "mains"
    GENSET = "genset"
    TANK = "tank"
    TRANSFER_SWITCH = "transfer_switch"
    UPS = "ups"
    PDU = "pdu"
    COOLING_UNIT = "cooling_unit"
    GATEWAY = "gateway"
    LEAK_UNIT = "leak_unit"
    ENVIRONMENT_UNIT = "environment_unit"
    FIRE_PANEL = "fire_panel"
    SHELL = "shell"
    ROUTER = "router"
    UPLINK = "uplink"
    SERVICE = "service"
    BACKUP = "backup"
    AGENT = "agent"


PLACELESS = frozenset({AssetKind.SERVICE, AssetKind.BACKUP, AssetKind.AGENT})
"""The kinds that stand nowhere in the building and so in no fire section."""

POWER_CHAIN = frozenset({AssetKind.MAINS, AssetKind.GENSET, AssetKind.TRANSFER_SWITCH, AssetKind.UPS, AssetKind.PDU})
"""The kinds that poll fast while any of them is abnormal."""

DEAD_BELOW_V = 90.0
"""Under this a conductor counts as dead: far from every nominal voltage, above what an open line picks up."""


class GroupRole(StrEnum):
    """What a redundancy group is to the agreement; the control catalogue refers to groups by it."""

    MAINS = "mains"
    FEED_A = "feed_a"
    FEED_B = "feed_b"
    UPS = "ups"
    GENSETS = "gensets"
    COOLING = "cooling"
    UPLINKS = "uplinks"
    SERVICES = "services"
    OTHER = "other"


class FireSection(Strict):
    """A part of the building that keeps a fire to itself (T17)."""

    id: Identifier
    name: str


class Rating(Strict):
    """Nameplate figures; the unit is in the name."""

    power_w: PositiveFloat | None = None
    cooling_w: PositiveFloat | None = None
    battery_wh: PositiveFloat | None = None
    tank_l: PositiveFloat | None = None
    fuel_l_per_h_full_load: PositiveFloat | None = None
    speed_bps: PositiveInt | None = None


class Asset(Strict):
    """A thing that can fail. `feeds` names what loses power, cooling or connection when this asset does."""

    id: Identifier
    kind: AssetKind
    name: str
    section: Identifier | None = Field(default=None, description="fire section in which it stands")
    location: str | None = Field(default=None, description="where to go: room, row, rack, floor tile")
    feeds: tuple[Identifier, ...] = ()
    stands_in_for: tuple[Identifier, ...] = Field(
        default=(), description="assets that this one replaces when they fail, as a genset does the mains"
    )
    commissioned: dt.date | None = Field(default=None, description="availability is counted from this day")
    rating: Rating = Rating()


class Group(Strict):
    """Redundancy as declared, never guessed: of `members`, `needed` must be able."""

    id: Identifier
    name: str
    role: GroupRole = GroupRole.OTHER
    members: Annotated[tuple[Identifier, ...], Field(min_length=1)]
    needed: PositiveInt = 1


class Site(Strict):
    """One data centre."""

    name: str
    timezone: str = Field(default="Europe/Berlin", description="months, years and rosters are cut in this zone")
    committed_uplink_bps: PositiveInt | None = Field(default=None, description="capacity promised over all uplinks")
    sections: tuple[FireSection, ...] = ()
    assets: Annotated[tuple[Asset, ...], Field(min_length=1)]
    groups: tuple[Group, ...] = ()

    def asset(self, asset_id: str) -> Asset | None:
        return next((asset for asset in self.assets if asset.id == asset_id), None)
