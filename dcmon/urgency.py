"""Who is asked for everything at the fast interval: the whole power chain while any of it is abnormal, and whatever can
settle an alarm that is about to be raised, or may turn out to be its cause."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache

from dcmon.config.config import Config
from dcmon.config.site import POWER_CHAIN
from dcmon.model import Alarm, AlarmState
from dcmon.thresholds.topology import Topology

_SOON_MS = 60_000
"""An alarm with a longer delay is seen in time by what is asked at the slow interval."""


class Urgency:
    """Tells the poller which devices hurry; says so only when that changes."""

    def __init__(self, config: Config, set_fast: Callable[[Iterable[str]], None]) -> None:
        self._topology = Topology(config.site, config.collectors)
        self._chain = frozenset(asset.id for asset in config.site.assets if asset.kind in POWER_CHAIN)
        # What a probe does is work for whom it tries.
        self._probes = frozenset(name for name, device in config.collectors.devices.items() if device.probe is not None)
        self._devices = self._asked_for(self._chain)
        self._groups = frozenset(group.id for group in config.site.groups if set(group.members) <= self._chain)
        self._near = cache(self._devices_near)
        self._set_fast = set_fast
        self._told = frozenset[str]()
        self.abnormal = False

    def look(self, alarms: Iterable[Alarm]) -> None:
        """Looks at all present alarms after one has changed."""
        live = [alarm for alarm in alarms if alarm.state in (AlarmState.PENDING, AlarmState.ACTIVE)]
        self.abnormal = any(alarm.asset in self._chain or alarm.asset in self._groups for alarm in live)
        soon = {alarm.asset for alarm in live if _is_soon(alarm)}
        hurried = frozenset(self._devices if self.abnormal else ()).union(*map(self._near, soon))
        if hurried != self._told:
            self._told = hurried
            self._set_fast(hurried)

    def _devices_near(self, asset: str) -> frozenset[str]:
        """The devices that tell of an asset or group, of its peers, and of what may be the cause of its faults."""
        topology = self._topology
        group = topology.groups.get(asset)
        peers = group.members if group is not None else (asset, *topology.peers(asset))
        return self._asked_for(frozenset(peers).union(*map(topology.causes, peers)))

    def _asked_for(self, assets: frozenset[str]) -> frozenset[str]:
        devices = (self._topology.supplier(asset) for asset in assets)
        return frozenset(device for device in devices if device is not None) - self._probes


def _is_soon(alarm: Alarm) -> bool:
    return alarm.state is AlarmState.PENDING and alarm.due is not None and alarm.due - alarm.since <= _SOON_MS
