"""What each part of the power chain says now, and which lines are live."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from dcmon.config.site import DEAD_BELOW_V, AssetKind
from dcmon.model import Severity
from dcmon.web.chain import Box, Chain, Line
from dcmon.web.plan import Plan
from dcmon.web.text import quantity, span
from dcmon.web.values import Latest
from dcmon.web.words import Words


@dataclass(frozen=True, slots=True)
class PowerNode:
    """One box of the picture."""

    box: Box
    live: bool | None
    """Whether its output has voltage; None when nobody knows."""
    abnormal: bool
    severity: Severity | None
    """The worst active alarm on it."""
    state: str
    """Its state in a word."""
    lines: tuple[str, ...]
    """At most two lines of values."""


@dataclass(frozen=True, slots=True)
class PowerLine:
    """One connection. state: as `_Reader.line_state` says."""

    line: Line
    state: str


@dataclass(frozen=True, slots=True)
class Power:
    """The whole chain."""

    chain: Chain
    nodes: tuple[PowerNode, ...]
    lines: tuple[PowerLine, ...]


class _Reader:
    """Reads one chain at one instant."""

    def __init__(self, plan: Plan, latest: Latest, severities: Mapping[str, Severity], words: Words) -> None:
        self.plan = plan
        self.latest = latest
        self.severities = severities
        self.words = words
        self.nodes: dict[str, PowerNode] = {}
        """Filled from the grid towards the racks: a box may ask what stands before it."""

    def _before(self, box: Box) -> list[tuple[PowerNode, bool | None]]:
        """What feeds the box, and whether the breaker between them is closed (True where there is none)."""
        found = []
        for line in self.plan.chain.lines:
            if line.target == box.id and (node := self.nodes.get(line.source)):
                closed: bool | None = True
                if box.kind is AssetKind.TRANSFER_SWITCH:
                    closed = self._breakers(box)[node.box.kind is AssetKind.GENSET]
                found.append((node, closed))
        return found

    def _breakers(self, box: Box) -> tuple[bool | None, bool | None]:
        """Of a transfer switch: whether the mains and the generator breaker are closed.

        Many controllers report one of the two. A transfer switch has two positions, so a side that is not reported at
        all is the opposite of the other; a side whose report is too old or bad is unknown.
        """
        sources = (box.id, *self.plan.feeders(box.id))
        mains, genset = (self.latest.flag(sources, f"breaker.{side}_closed") for side in ("mains", "generator"))
        if mains is None and genset is None:
            selected = self.latest.word(box.id, "ats.selected_source") or ""
            return {"a": (True, False), "b": (False, True), "none": (False, False)}.get(selected, (None, None))
        if mains is None and not self._reported(sources, "breaker.mains_closed"):
            mains = not genset
        if genset is None and not self._reported(sources, "breaker.generator_closed"):
            genset = not mains
        return mains, genset

    def _reported(self, sources: Iterable[str], point: str) -> bool:
        return any(self.latest.unusable(source, point) for source in sources)

    def line_state(self, line: Line) -> str:
        """live; open: voltage stands before an open breaker; idle: dead as it should be; dead; unknown."""
        source, target = self.nodes[line.source], self.nodes[line.target]
        if source.live is None:
            return "unknown"
        if not source.live:
            return "dead" if source.abnormal else "idle"
        closed = next((closed for node, closed in self._before(target.box) if node is source), True)
        return "open" if closed is False else "live"

    def node(self, box: Box) -> PowerNode:
        read = {
            AssetKind.MAINS: self._mains,
            AssetKind.GENSET: self._genset,
            AssetKind.TRANSFER_SWITCH: self._switch,
            AssetKind.UPS: self._ups,
            AssetKind.PDU: self._pdu,
        }[box.kind]
        node = read(box)
        found = [self.severities[member] for member in box.members if member in self.severities]
        worst = max(found, key=lambda severity: severity.rank, default=None)
        return replace(node, severity=worst, lines=tuple(line for line in node.lines if line))

    def _values(self, *parts: tuple[float | None, str]) -> str:
        lang = self.words.lang
        return "\u2002".join(quantity(value, unit, lang) for value, unit in parts if value is not None)

    def _mains(self, box: Box) -> PowerNode:
        sources = (box.id, *self.plan.gensets_for(box.id))
        volts = self.latest.number(sources, "mains.voltage")
        present = self.latest.flag(sources, "mains.available")
        if present is None and volts is not None:
            present = volts > DEAD_BELOW_V
        word = {True: "mains.present", False: "mains.lost", None: "node.unknown"}[present]
        values = self._values((volts, "V"), (self.latest.number(sources, "mains.frequency"), "Hz"))
        return PowerNode(box, present, present is False, None, self.words(word), (values,))

    def _genset(self, box: Box) -> PowerNode:
        latest, words = self.latest, self.words
        running = latest.flag(box.id, "engine.running")
        volts = latest.number(box.id, "generator.voltage")
        live = volts > DEAD_BELOW_V if volts is not None else (False if running is False else None)
        carries = any(latest.flag((switch, box.id), "breaker.generator_closed") for switch in self.plan.fed_by(box.id))
        mode = latest.word(box.id, "genset.mode")
        word = {True: "genset.running", False: "genset.standby", None: "node.unknown"}[running]
        if running and carries:
            word = "genset.carries"
        elif running is False and self._needed(box):
            word = "genset.missing"
        elif running is False and mode in ("off", "manual"):
            word = "genset.not_auto"
        values = ""
        if running:
            values = self._values((volts, "V"), (latest.number(box.id, "generator.load"), "%"))
        abnormal = word not in ("genset.standby", "node.unknown")
        return PowerNode(box, live, abnormal, None, words(word), (values, self._fuel(box)))

    def _needed(self, box: Box) -> bool:
        """Whether a route that it stands in for is lost."""
        routes = self.plan.assets[box.id].stands_in_for
        return any((node := self.nodes.get(route)) is not None and node.live is False for route in routes)

    def _fuel(self, box: Box) -> str:
        tanks = self.plan.tanks_of(box.id) or (box.id,)
        levels = [level for tank in tanks if (level := self.latest.number(tank, "fuel.level")) is not None]
        return f"{self.words('fuel')} {quantity(min(levels), '%', self.words.lang)}" if levels else ""

    def _switch(self, box: Box) -> PowerNode:
        mains, genset = self._breakers(box)
        word = {
            (True, False): "switch.mains",
            (True, None): "switch.mains",
            (False, True): "switch.genset",
            (None, True): "switch.genset",
            (False, False): "switch.open",
            (True, True): "switch.both",
        }.get((mains, genset), "node.unknown")
        volts = self.latest.number(box.id, "bus.voltage")
        abnormal = word in ("switch.genset", "switch.open")
        live = _any(_both(node.live, closed) for node, closed in self._before(box))
        shown = self.words("node.dead") if live is False else self._values((volts, "V"))
        return PowerNode(box, live, abnormal or live is False, None, self.words(word), (shown,))

    def _ups(self, box: Box) -> PowerNode:
        latest, words = self.latest, self.words
        source = latest.word(box.id, "output.source")
        battery = latest.flag(box.id, "ups.on_battery")
        key = {"normal": "normal", "booster": "normal", "reducer": "normal", "standby": "normal"}.get(
            source or "", source
        )
        if battery and source != "none":
            key = "battery"
        elif key is None and battery is False:
            key = "normal"
        word = f"ups.{key}" if key in ("normal", "battery", "bypass", "none", "other") else "node.unknown"
        volts = latest.number(box.id, "output.voltage")
        live = False if source == "none" else (volts > DEAD_BELOW_V if volts is not None else None)
        if live is None and word in ("ups.normal", "ups.battery", "ups.bypass"):
            live = True
        output = self._values((volts, "V"))
        if (load := latest.number(box.id, "output.load")) is not None:
            output += f"\u2002{words('load')} {quantity(load, '%', words.lang)}"
        abnormal = word not in ("ups.normal", "node.unknown")
        return PowerNode(box, live, abnormal, None, words(word), (output.strip(), self._battery(box.id)))

    def _battery(self, asset: str) -> str:
        charge = self.latest.number(asset, "battery.charge")
        runtime = self.latest.number(asset, "battery.runtime")
        parts = [self._values((charge, "%"))] if charge is not None else []
        if runtime is not None:
            parts.append(span(int(runtime * 1000)) if not 600 <= runtime < 7200 else f"{int(runtime // 60)} min")
        return f"{self.words('battery')} {' · '.join(parts)}" if parts else ""

    def _pdu(self, box: Box) -> PowerNode:
        latest = self.latest
        volts = [
            value
            for member in box.members
            for point in ("input.voltage", "phase.voltage")
            for value in latest.numbers(member, point)
        ]
        power = self._sum(box, "pdu.power")
        current = self._sum(box, "pdu.current")
        live = min(volts) > DEAD_BELOW_V if volts else (True if (power or 0) > 0 or (current or 0) > 0 else None)
        if live is None and _any(node.live for node, _ in self._before(box)) is False:
            live = False  # a dead feed takes the PDU's own network card with it
        word = {True: "node.alive", False: "node.dead", None: "node.unknown"}[live]
        section = self.plan.section_name(box.section)
        values = self._values((min(volts) if volts else None, "V"), (power, "W"), (current, "A"))
        return PowerNode(box, live, live is False, None, self.words(word), (values, section))

    def _sum(self, box: Box, point: str) -> float | None:
        found = [value for member in box.members if (value := self.latest.number(member, point)) is not None]
        return sum(found) if found else None


def read_power(plan: Plan, latest: Latest, severities: Mapping[str, Severity], words: Words) -> Power:
    """The chain's present state. `severities`: the worst active alarm by asset."""
    reader = _Reader(plan, latest, severities, words)
    for box in sorted(plan.chain.boxes, key=lambda box: (box.x, box.kind is AssetKind.GENSET)):
        reader.nodes[box.id] = reader.node(box)
    lines = tuple(PowerLine(line, reader.line_state(line)) for line in plan.chain.lines)
    return Power(plan.chain, tuple(reader.nodes.values()), lines)


def _both(left: bool | None, right: bool | None) -> bool | None:
    """Kleene AND."""
    if left is False or right is False:
        return False
    return None if left is None or right is None else True


def _any(states: Iterable[bool | None]) -> bool | None:
    """Kleene OR; None when there is nothing."""
    known = list(states)
    if any(known):
        return True
    return None if not known or None in known else False
