"""`site.yaml`: what stands where, what feeds what, which assets stand in for each other."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, PositiveFloat, PositiveInt, model_validator

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


class TankForm(Strict):
    """How the level of a tank becomes litres."""

    shape: Literal["vertical", "horizontal"] = Field(
        default="vertical",
        description="walls that stand upright, so that litres go with the height; or a cylinder that lies",
    )
    level: Literal["height", "volume"] = Field(
        default="height", description="what `fuel.level` is per cent of; controllers that know the tank say volume"
    )
    table: tuple[tuple[float, float], ...] = Field(
        default=(), description="the tank's own strapping table instead of a shape: pairs of level in % and litres"
    )
    unusable_l: float = Field(default=0.0, ge=0, description="what lies below the suction pipe")

    @model_validator(mode="after")
    def _rising(self) -> TankForm:
        if self.table and (len(self.table) < 2 or any(a[0] >= b[0] or a[1] >= b[1] for a, b in pairwise(self.table))):
            raise ValueError("table: at least two pairs of level and litres, both rising from pair to pair")
        return self


class Rating(Strict):
    """Nameplate figures; the unit is in the name."""

    power_w: PositiveFloat | None = None
    cooling_w: PositiveFloat | None = None
    battery_wh: PositiveFloat | None = None
    tank_l: PositiveFloat | None = Field(default=None, description="what the full tank holds")
    tank: TankForm = TankForm()
    fuel_l_per_h_full_load: PositiveFloat | None = None
    fuel_curve: dict[Annotated[int, Field(ge=0, le=120)], PositiveFloat] = Field(
        default_factory=dict,
        description="nameplate consumption in l/h by load in %: {25: 75, 50: 133, 75: 190, 100: 250}",
    )
    fuel_idle_share: Annotated[float, Field(ge=0, lt=1)] | None = Field(
        default=None, description="what the engine burns without load, as a share of full load"
    )
    speed_bps: PositiveInt | None = None

    @model_validator(mode="after")
    def _fuel(self) -> Rating:
        curve = sorted(self.fuel_curve.items())
        if any(a[1] >= b[1] for a, b in pairwise(curve)):
            raise ValueError("fuel_curve: the consumption rises with the load")
        at_full = self.fuel_curve.get(100)
        if curve and at_full is None:
            raise ValueError("fuel_curve: the consumption at 100 % is missing")
        if at_full is not None and self.fuel_l_per_h_full_load not in (None, at_full):
            raise ValueError(f"fuel_curve says {at_full:g} l/h at 100 %, fuel_l_per_h_full_load something else")
        holds = self.tank_l or (self.tank.table[-1][1] if self.tank.table else None)
        if holds is not None and self.tank.unusable_l >= holds:
            raise ValueError(f"tank: {self.tank.unusable_l:g} l of {holds:g} l cannot be unusable")
        if self.tank_l is not None and self.tank.table and self.tank.table[-1][1] > self.tank_l:
            raise ValueError("tank: the table goes beyond tank_l")
        return self


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
