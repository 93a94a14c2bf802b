"""Two routers, seven uplinks: traffic by the time of day, counters of 64 bit, BGP sessions that follow their link."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from dcmon.sim.waves import Wave

BOOT_S = 40.0
BGP_ESTABLISH_S = 12.0
_DAY_MS = 86_400_000
_PEAK_HOUR_UTC = 19
_MTU_SHARE = 780
"""Mean packet size in octets."""


def demand_bps(time_ms: int, busiest_bps: float) -> float:
    """Traffic of the whole site: least at 7 in the morning UTC, most at 19."""
    hour = time_ms % _DAY_MS / 3_600_000
    daily = 0.5 + 0.5 * math.cos((hour - _PEAK_HOUR_UTC) / 24 * math.tau)
    return busiest_bps * (0.35 + 0.65 * daily)


@dataclass(slots=True)
class Uplink:
    """One link: its interface on the router and the BGP session over it. Octets are exact integers."""

    id: str
    router: str
    number: int
    speed_bps: int
    wave: Wave
    cut: bool = False
    """The fibre is broken: a fault that a scenario plants."""
    up: bool = True
    last_change_s: float = 0.0
    bgp_state: int = 6
    """BGP4-MIB bgpPeerState: 1 idle, 3 active, 6 established."""
    bgp_since_s: float = 0.0
    bgp_transitions: int = 1
    in_bps: float = 0.0
    out_bps: float = 0.0
    in_octets: int = 0
    out_octets: int = 0
    in_errors: int = 0
    _waiting_s: float = field(default=0.0)
    _in_rest: float = field(default=0.0)
    _out_rest: float = field(default=0.0)

    @property
    def if_name(self) -> str:
        """As config/collectors.yaml names it: xe for 10 Gbit/s, ge for 1."""
        return f"{'xe' if self.speed_bps > 1_000_000_000 else 'ge'}-0/0/{self.number}"

    @property
    def peer(self) -> str:
        return f"198.51.100.{self.number}"

    @property
    def local(self) -> str:
        return f"198.51.100.{128 + self.number}"

    @property
    def settled(self) -> bool:
        return self.up is not self.cut and (self.cut or self.bgp_state == 6)

    def step(self, dt_s: float, time_s: float, utilisation: float) -> None:
        """One step at `time_s` since the plant began; `utilisation` is the share of the speed that is asked of it."""
        up = not self.cut
        if up != self.up:
            self.up = up
            self.last_change_s = time_s
            self._waiting_s = 0.0
            if not up:
                self.bgp_state, self.bgp_since_s = 1, time_s
                self.in_errors += 17
        if self.up and self.bgp_state != 6:
            self._waiting_s += dt_s
            self.bgp_state = 3
            if self._waiting_s >= BGP_ESTABLISH_S:
                self.bgp_state, self.bgp_since_s = 6, time_s
                self.bgp_transitions += 1
        share = min(1.0, utilisation * (1 + 0.08 * self.wave.at(time_s))) if self.up and self.bgp_state == 6 else 0.0
        self.in_bps = 0.45 * share * self.speed_bps
        self.out_bps = share * self.speed_bps
        self._in_rest += self.in_bps * dt_s / 8
        self._out_rest += self.out_bps * dt_s / 8
        whole_in, whole_out = int(self._in_rest), int(self._out_rest)
        self.in_octets = (self.in_octets + whole_in) & 0xFFFFFFFFFFFFFFFF
        self.out_octets = (self.out_octets + whole_out) & 0xFFFFFFFFFFFFFFFF
        self._in_rest -= whole_in
        self._out_rest -= whole_out

    @property
    def in_packets(self) -> int:
        return self.in_octets // _MTU_SHARE

    @property
    def out_packets(self) -> int:
        return self.out_octets // _MTU_SHARE

    def clear_counters(self, time_s: float) -> None:
        """The router has booted: counters and times start again."""
        self.in_octets = self.out_octets = self.in_errors = self.bgp_transitions = 0
        self.last_change_s = time_s
        self.bgp_state, self.bgp_since_s = 1, time_s
        self._waiting_s = 0.0


@dataclass(slots=True)
class Router:
    """Dual-corded: dies with both of its PDUs, takes its time to boot."""

    id: str
    uplinks: list[Uplink]
    powered: bool = True
    boot_s: float = 0.0

    @property
    def alive(self) -> bool:
        return self.powered and self.boot_s <= 0

    @property
    def settled(self) -> bool:
        return self.alive and all(uplink.settled for uplink in self.uplinks)

    def step(self, dt_s: float, time_s: float, powered: bool, utilisation: float) -> bool:
        """One step; True when the router has just come up again."""
        was_alive = self.alive
        self.powered = powered
        if not powered:
            self.boot_s = BOOT_S
            return False
        if self.boot_s > 0:
            self.boot_s -= dt_s
        if self.alive:
            if not was_alive:
                for uplink in self.uplinks:
                    uplink.clear_counters(time_s)
            for uplink in self.uplinks:
                uplink.step(dt_s, time_s, utilisation)
        return self.alive and not was_alive


def utilisation(routers: list[Router], wanted_bps: float) -> float:
    """The share of its speed that each surviving link carries: traffic moves to what is left."""
    capacity = sum(link.speed_bps for router in routers if router.alive for link in router.uplinks if not link.cut)
    return min(1.0, wanted_bps / capacity) if capacity else 0.0
