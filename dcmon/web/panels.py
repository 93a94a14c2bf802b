"""The panels that count: fuel, cooling, uplinks. Pure; words and numbers are already in one language."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

from dcmon.config.conditions import Condition
from dcmon.config.site import Asset, AssetKind, Group, GroupRole
from dcmon.model import Quality, Severity, number
from dcmon.web.look import Look
from dcmon.web.values import able, able_conditions


class Autonomy(NamedTuple):
    """How long fuel lasts, in hours; the text says `?` while that is unknown."""

    hours: float | None
    text: str


@dataclass(frozen=True, slots=True)
class Tank:
    """One tank. `full`: how long its fuel lasts at the full load of what it feeds."""

    asset: str
    name: str
    level: float | None
    level_text: str
    full: Autonomy
    severity: Severity | None


@dataclass(frozen=True, slots=True)
class Fuel:
    """All tanks. Autonomy at full load of all gensets, the same without the largest tank, and at their present load."""

    tanks: tuple[Tank, ...]
    full: Autonomy
    reserve: Autonomy
    now: Autonomy | None
    """None while no engine runs."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A member of a redundancy group. `able` is None when nobody knows."""

    asset: str
    name: str
    short: str
    able: bool | None
    state: str
    detail: str
    severity: Severity | None
    more: str = ""


@dataclass(frozen=True, slots=True)
class Pool:
    """A redundancy group: k able of n."""

    id: str
    name: str
    needed: int
    able: int
    unknown: int
    total: int
    summary: str
    units: tuple[Unit, ...]
    note: str = ""

    @property
    def reserve(self) -> int:
        """How many more may fail."""
        return self.able - self.needed


_UnitReader = Callable[[Look, Asset, tuple[Condition, ...]], Unit]


def read_fuel(look: Look) -> Fuel:
    """Every tank, and the autonomy of all of them (T05), as the engine works it out."""
    tanks = []
    for asset in look.plan.of_kind(AssetKind.TANK):
        level = look.latest.number(asset.id, "fuel.level")
        litres = look.latest.number(asset.id, "fuel.usable")
        shown = look.quantity(level, "%") or look.quantity(litres, "l") or "?"
        severity = look.severities.get(asset.id)
        tanks.append(Tank(asset.id, asset.name, level, shown, _autonomy(look, asset.id, "full"), severity))
    group = next((group.id for group in look.plan.site.groups if group.role is GroupRole.GENSETS), "")
    reserve = _autonomy(look, group, "full", "reserve")
    now = _autonomy(look, group, "now")
    return Fuel(tuple(tanks), _autonomy(look, group, "full"), reserve, now if now.hours is not None else None)


def _autonomy(look: Look, subject: str, load: str, index: str | None = None) -> Autonomy:
    found = (one for one in look.latest.readings(subject, f"fuel.autonomy_{load}") if one.index == index)
    reading = next(found, None)
    hours = None if reading is None else number(reading.value)
    if reading is None or hours is None:
        return Autonomy(None, "?")
    about = "≈ " if reading.quality is Quality.UNCERTAIN else ""
    return Autonomy(hours, f"{about}{int(hours)} h")


def read_cooling(look: Look) -> tuple[Pool, ...]:
    """The groups that cool, then all other units as one pool without a need of their own."""
    groups = [group for group in look.plan.site.groups if group.role is GroupRole.COOLING]
    members = {member for group in groups for member in group.members}
    pools = [_pool(look, group, _cooling_unit) for group in groups]
    others = tuple(unit.id for unit in look.plan.of_kind(AssetKind.COOLING_UNIT) if unit.id not in members)
    if others:
        conditions = able_conditions(look.plan.config, groups[0]) if groups else ()
        units = tuple(_cooling_unit(look, look.plan.assets[other], conditions) for other in others)
        count = sum(unit.able is True for unit in units)
        summary = look.words("able.others", able=count, total=len(units))
        unknown = sum(unit.able is None for unit in units)
        pools.append(Pool("", summary, 0, count, unknown, len(units), summary, units))
    return tuple(pools)


def _pool(look: Look, group: Group, read: _UnitReader) -> Pool:
    conditions = able_conditions(look.plan.config, group)
    units = tuple(
        read(look, look.plan.assets[member], conditions) for member in group.members if member in look.plan.assets
    )
    count = sum(unit.able is True for unit in units)
    unknown = sum(unit.able is None for unit in units)
    summary = look.words("able", able=count, total=len(units), needed=group.needed)
    return Pool(group.id, group.name, group.needed, count, unknown, len(units), summary, units)


def _able(look: Look, asset: Asset, conditions: tuple[Condition, ...], fallback: str) -> bool | None:
    """By the group's rule; by `fallback`, the kind's own point, where no rule counts the group."""
    if conditions:
        return able(conditions, asset.id, look.latest)
    value = look.latest.value(asset.id, fallback)
    return None if value is None else value in (True, "up")


def _cooling_unit(look: Look, asset: Asset, conditions: tuple[Condition, ...]) -> Unit:
    state = _able(look, asset, conditions, "cooling.ok")
    running = look.latest.flag(asset.id, "cooling.on")
    word = {True: "unit.ok", False: "unit.failed", None: "node.unknown"}[state]
    if state and running is False:
        word = "unit.off"
    supply = look.latest.number(asset.id, "supply_air.temperature")
    returned = look.latest.number(asset.id, "return_air.temperature")
    detail, more = look.quantity(supply, "degC"), look.quantity(returned, "degC")
    return Unit(
        asset.id, asset.name, _short(asset), state, look.words(word), detail, look.severities.get(asset.id), more
    )


def _short(asset: Asset) -> str:
    """The number at the end of the id, as people call the unit; the id without one."""
    tail = asset.id.rsplit("-", 1)[-1]
    return tail if tail.isdigit() else asset.id


def read_uplinks(look: Look) -> Pool:
    """All uplinks: state of the link and its BGP session, traffic, and what capacity is left."""
    group = next((group for group in look.plan.site.groups if group.role is GroupRole.UPLINKS), None)
    if group is None:
        links = tuple(asset.id for asset in look.plan.of_kind(AssetKind.UPLINK))
        group = Group(id="uplinks", name="Uplinks", members=links or ("none",), needed=1)
    pool = _pool(look, group, _uplink)
    speeds = {unit.asset: look.plan.assets[unit.asset].rating.speed_bps or 0 for unit in pool.units}
    up = sum(speeds[unit.asset] for unit in pool.units if unit.able)
    committed = look.plan.site.committed_uplink_bps
    note = ""
    if sum(speeds.values()) and committed:
        note = look.words(
            "capacity",
            up=look.quantity(up, "bit/s"),
            total=look.quantity(sum(speeds.values()), "bit/s"),
            committed=look.quantity(committed, "bit/s"),
        )
    summary = look.words("of", count=pool.able, total=pool.total)
    return replace(pool, summary=summary, note=note)


def _uplink(look: Look, asset: Asset, conditions: tuple[Condition, ...]) -> Unit:
    link = look.latest.word(asset.id, "if.oper")
    session = look.latest.word(asset.id, "bgp.state")
    state = None if link is None else link == "up" and session in (None, "established")
    if link is None:
        word = look.words("node.unknown")
    elif link != "up":
        word = look.words("link.down")
    elif session not in (None, "established"):
        word = look.words("link.bgp", state=session)
    else:
        word = look.words("link.up")
    inbound, outbound = (look.latest.number(asset.id, f"if.{way}_rate") for way in ("in", "out"))
    detail = f"↓ {_rate(look, inbound)}" if inbound is not None else ""
    more = f"↑ {_rate(look, outbound)}" if outbound is not None else ""
    severity = look.severities.get(asset.id)
    return Unit(asset.id, asset.name, _short(asset), state, word, detail, severity, more)


def _rate(look: Look, value: float) -> str:
    """Without `bit/s`: seven tiles say it once, in the heading."""
    return look.quantity(value, "bit/s").removesuffix("bit/s").strip()
