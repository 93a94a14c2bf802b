"""The simulated data centre: all machines, integrated in small steps from one instant to the next.

A Plant has no clock and no socket. Whoever owns it says `advance(to_ms)`; events of the scenario are applied at their
own instants on the way. The same scenario and seed give the same plant. Steps are at most a quarter of a second while
anything moves and a minute while nothing does, so that a year passes in a minute.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any, NamedTuple

from dcmon.config.site import AssetKind, Rating, Site
from dcmon.sim.actions import ACTIONS
from dcmon.sim.building import Building
from dcmon.sim.cooling import CoolingUnit, Hall
from dcmon.sim.genset import Genset, Tank
from dcmon.sim.network import Router, Uplink, demand_bps, utilisation
from dcmon.sim.power import Mains, Pdu, Side
from dcmon.sim.scenarios import Scenario
from dcmon.sim.ups import Source, TransferSwitch, Ups
from dcmon.sim.waves import Wave

STEP_MS = 250
QUIET_STEP_MS = 60_000
_STIRRED_MS = 5_000

ROOM_LOAD_W = 600_000.0
"""Racks that no PDU of the site file measures; dual-corded as all."""
RACK_LOAD_W = {"1": 17_000.0, "2": 15_500.0}
"""Racks on the measured PDUs: pdu-a1 and pdu-b1 north, pdu-a2 and pdu-b2 south."""
AREA_SHARE = 0.68
"""Part of that heat which units 1 to 4 must carry away; the rest goes to other halls."""
_OTHER_HALLS_DEMAND = 0.55
_CARD_BOOT_S = 25.0
_DAY_S = 86_400.0
_BUSIEST_SHARE = 0.4
_MAX_NOTICES = 20_000

_UPLINKS = {f"uplink-{n}": (f"router-{1 if n < 5 else 2}", n) for n in range(1, 8)}
_ONE_GBIT = ("uplink-3", "uplink-4", "uplink-7")


class Notice(NamedTuple):
    """Something that a device tells by a trap: which device, which trap (a key of `dcmon.sim.traps.TRAPS`), of what."""

    asset: str
    kind: str
    subject: str = ""


class Plant:
    """See the module. Public attributes are the machines; devices and `canonical_readings` read them."""

    def __init__(
        self, site: Site | None, scenario: Scenario, seed: int = 1, start_ms: int = 0,
        steps_ms: tuple[int, int] = (STEP_MS, QUIET_STEP_MS),
    ) -> None:  # fmt: skip
        """`steps_ms`: the longest step while something moves, and while nothing does."""
        self.scenario = scenario
        self._steps_ms = steps_ms
        self.start_ms = start_ms
        self.now_ms = start_ms
        self.script_ms: int | None = start_ms
        """From when the seconds of the script count; None while it waits."""
        self.seed = seed
        self._stirred_until_ms = start_ms
        self.silent: set[str] = set()
        self.notices: deque[Notice] = deque(maxlen=_MAX_NOTICES)
        self.storms: list[list[Any]] = []
        self.building = Building(seed)
        self.hall = Hall()
        ratings = {asset.id: asset.rating for asset in site.assets} if site else {}
        self.sides = {letter: _side(letter, ratings, seed) for letter in "ab"}
        self.cooling = {
            f"cooling-{n}": CoolingUnit(_rating(ratings, f"cooling-{n}").cooling_w or 250_000.0, n, serves_area=n <= 4)
            for n in range(1, 13)
        }
        self.uplinks = {name: _uplink(name, ratings, seed) for name in _UPLINKS}
        self.routers = {
            name: Router(name, [link for link in self.uplinks.values() if link.router == name])
            for name in ("router-1", "router-2")
        }
        kinds = (AssetKind.SERVICE, AssetKind.BACKUP)
        self.services = {asset.id: asset.kind for asset in (site.assets if site else ()) if asset.kind in kinds}
        self._busiest_bps = _BUSIEST_SHARE * sum(link.speed_bps for link in self.uplinks.values())
        self._load_wave = Wave(seed, "it load")
        self.up_since_s = {name: -_DAY_S * (20 + 7 * index) for index, name in enumerate(self._devices())}
        self._begin()
        self._events = deque(sorted(scenario.events, key=lambda event: event.at_s))

    def _begin(self) -> None:
        """The plant has been running for long when it is first looked at."""
        for unit in self.cooling.values():
            unit.output_w = unit.rated_w * (0.42 if unit.serves_area else _OTHER_HALLS_DEMAND)
            unit.fan_share = unit.output_share
        for _ in range(20):
            self._step(1.0)
        for side in self.sides.values():
            for pdu in side.pdus.values():
                pdu.peak_w = 1.2 * pdu.load_w
        self.notices.clear()

    def _devices(self) -> list[str]:
        pdus = [name for side in self.sides.values() for name in side.pdus]
        return [
            *("genset-a", "genset-b", "ups-a", "ups-b", *pdus, "cooling-gw", "env-1", "env-2", "leak-1", "leak-2"),
            *self.routers,
            *(f"cooling-{n}" for n in range(9, 13)),
            *self.services,
        ]

    @property
    def time_s(self) -> float:
        """Seconds since the plant began."""
        return (self.now_ms - self.start_ms) / 1000

    @property
    def quiet(self) -> bool:
        """Nothing moves but day and night; what an event has stirred shows within seconds."""
        return (
            self.now_ms >= self._stirred_until_ms
            and not self.storms
            and all(side.settled for side in self.sides.values())
            and self.hall.settled
            and all(router.settled for router in self.routers.values())
        )

    def advance(self, to_ms: int) -> None:
        """Lets time pass up to `to_ms`; an instant already passed changes nothing."""
        self._fire_events()
        while self.now_ms < to_ms:
            end = min(to_ms, self.now_ms + self._steps_ms[self.quiet])
            if (due := self._next_due()) is not None:
                end = min(end, max(self.now_ms + 1, due))
            dt_s = (end - self.now_ms) / 1000
            self.now_ms = end
            self._step(dt_s)
            self._fire_events()

    def rest_s(self, most_s: float) -> float:
        """How long nobody needs to look: up to `most_s` seconds while all is quiet and no event is due."""
        if not self.quiet:
            return 0.0
        due = self._next_due()
        return most_s if due is None else min(most_s, (due - self.now_ms) / 1000)

    def _next_due(self) -> int | None:
        """When the next event of the script comes, ms UTC."""
        if not self._events or self.script_ms is None:
            return None
        return self.script_ms + round(self._events[0].at_s * 1000)

    def _fire_events(self) -> None:
        while (due := self._next_due()) is not None and due <= self.now_ms:
            event = self._events.popleft()
            self.apply(event.action, event.args)

    def apply(self, action: str, args: Mapping[str, Any]) -> None:
        """Does something to the plant now; the actions are those of `dcmon.sim.actions.ACTIONS`."""
        ACTIONS[action](self, **args)
        self._stirred_until_ms = self.now_ms + _STIRRED_MS

    def answers(self, asset: str) -> bool:
        """Whether the device has power, has booted and is not struck dumb by the scenario."""
        return asset not in self.silent and self.time_s - self.up_since_s[asset] >= _CARD_BOOT_S

    def uptime_s(self, asset: str) -> float:
        """Since the device's network card came up."""
        return max(0.0, self.time_s - self.up_since_s[asset])

    def side_of(self, asset: str) -> Side:
        """The side of an asset whose id ends in its letter or in its letter and a number (ups-a, pdu-b2)."""
        return self.sides[asset.split("-")[1][0]]

    def rack_load_w(self, row: str) -> float:
        """What the racks of north (1) or south (2) draw in all, W."""
        return RACK_LOAD_W[row] * (1 + 0.04 * self._load_wave.at(self.time_s + 100 * int(row)))

    def _step(self, dt_s: float) -> None:
        time_s = self.time_s
        for letter, side in self.sides.items():
            side.step_supply(dt_s, sum(unit.electric_w for unit in self._units_of(letter)))
        heat_w = self._step_protected(dt_s)
        for letter, side in self.sides.items():
            for unit in self._units_of(letter):
                demand = self.hall.demand if unit.serves_area else _OTHER_HALLS_DEMAND
                unit.step(dt_s, side.energised, self.hall.temperature_c, demand)
        area_w = sum(unit.output_w for unit in self.cooling.values() if unit.serves_area)
        self.hall.step(dt_s, heat_w * AREA_SHARE, area_w)
        self._step_network(dt_s, time_s)
        self._step_storms(dt_s)

    def _units_of(self, letter: str) -> list[CoolingUnit]:
        """Odd numbers hang on side A, even ones on side B."""
        return [unit for unit in self.cooling.values() if unit.position % 2 == (1 if letter == "a" else 0)]

    def _step_protected(self, dt_s: float) -> float:
        """UPS and PDUs; the heat of all racks. A rack whose one feed is dead draws everything from the other."""
        alive = {letter: side.ups.output_ok for letter, side in self.sides.items()}
        feeds = sum(alive.values())
        room_w = ROOM_LOAD_W * (1 + 0.02 * self._load_wave.at(self.time_s))
        heat_w = 0.0
        for letter, side in self.sides.items():
            share = 1 / feeds if alive[letter] else 0.0
            racks = {name: self.rack_load_w(name[-1]) * share for name in side.pdus}
            load_w = room_w * share + sum(racks.values())
            before = side.ups.source
            side.ups.step(dt_s, side.energised, load_w + side.ups.extra_load_w)
            self._tell_ups(f"ups-{letter}", before, side.ups.source)
            for name, pdu in side.pdus.items():
                pdu.step(dt_s, side.ups.output_ok, racks[name])
                self._keep_card(name, pdu.powered)
            self._keep_card(f"ups-{letter}", side.ups.output_ok)
            heat_w += side.ups.load_w
        return heat_w

    def _keep_card(self, asset: str, powered: bool) -> None:
        """A network card without power starts its boot anew at every step until the power is back."""
        if not powered:
            self.up_since_s[asset] = self.time_s

    def _tell_ups(self, asset: str, before: Source, after: Source) -> None:
        if before is not after:
            kind = {Source.BATTERY: "on-battery", Source.BYPASS: "on-bypass", Source.INVERTER: "restored"}.get(after)
            if kind:
                self.notices.append(Notice(asset, kind))

    def _step_network(self, dt_s: float, time_s: float) -> None:
        share = utilisation(list(self.routers.values()), demand_bps(self.now_ms, self._busiest_bps))
        for row, (name, router) in zip("12", self.routers.items(), strict=True):
            powered = any(side.pdus[f"pdu-{letter}{row}"].powered for letter, side in self.sides.items())
            before = {link.id: link.up for link in router.uplinks}
            if router.step(dt_s, time_s, powered, share):
                self.notices.append(Notice(name, "cold-start"))
            self._keep_card(name, router.alive)
            for link in router.uplinks:
                if link.up != before[link.id]:
                    self.notices.append(Notice(name, "link-up" if link.up else "link-down", link.id))

    def _step_storms(self, dt_s: float) -> None:
        """Each storm is [device, how many are left, how many a second, fraction of one that is owed]."""
        for storm in self.storms:
            storm[3] += storm[2] * dt_s
            count = min(int(storm[3]), storm[1])
            storm[3] -= count
            storm[1] -= count
            self.notices.extend(Notice(storm[0], "link-flap", str(storm[1] + n)) for n in range(count))
        self.storms = [storm for storm in self.storms if storm[1] > 0]


def _rating(ratings: Mapping[str, Rating], asset: str) -> Rating:
    return ratings.get(asset, Rating())


def _side(letter: str, ratings: Mapping[str, Rating], seed: int) -> Side:
    capacity_l = _rating(ratings, f"tank-{letter}").tank_l or 12_000.0
    tank = Tank(capacity_l, capacity_l * (0.93 if letter == "a" else 0.90))
    set_rating = _rating(ratings, f"genset-{letter}")
    ups_rating = _rating(ratings, f"ups-{letter}")
    battery_wh = ups_rating.battery_wh or 150_000.0
    names = [f"pdu-{letter}{row}" for row in RACK_LOAD_W]
    return Side(
        mains=Mains(Wave(seed, f"mains-{letter}")),
        genset=Genset(set_rating.power_w or 1.6e6, set_rating.fuel_l_per_h_full_load or 400.0, tank),
        switch=TransferSwitch(),
        ups=Ups(ups_rating.power_w or 800_000.0, battery_wh, battery_wh),
        pdus={name: Pdu(_rating(ratings, name).power_w or 22_000.0) for name in names},
    )


def _uplink(name: str, ratings: Mapping[str, Rating], seed: int) -> Uplink:
    router, number = _UPLINKS[name]
    speed = _rating(ratings, name).speed_bps or (1_000_000_000 if name in _ONE_GBIT else 10_000_000_000)
    start = 7_000_000_000_000 + number * 1_234_567_890_123
    return Uplink(name, router, number, speed, Wave(seed, name), in_octets=start, out_octets=2 * start)
