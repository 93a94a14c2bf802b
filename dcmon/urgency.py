"""While any asset of the power chain is abnormal, the whole chain is asked at the fast interval."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from dcmon.config.config import Config
from dcmon.config.site import POWER_CHAIN
from dcmon.model import Alarm, AlarmState


class Urgency:
    """Tells the poller which devices hurry; says so only when that changes."""

    def __init__(self, config: Config, set_fast: Callable[[Iterable[str]], None]) -> None:
        self._chain = frozenset(asset.id for asset in config.site.assets if asset.kind in POWER_CHAIN)
        self._devices = frozenset(
            device_id
            for device_id, device in config.collectors.devices.items()
            if device_id in self._chain or any(entry.asset in self._chain for entry in device.maps)
        )
        self._groups = frozenset(group.id for group in config.site.groups if set(group.members) <= self._chain)
        self._set_fast = set_fast
        self.abnormal = False

    def look(self, alarms: Iterable[Alarm]) -> None:
        """Looks at all present alarms after one has changed."""
        abnormal = any(
            alarm.state in (AlarmState.PENDING, AlarmState.ACTIVE)
            and (alarm.asset in self._chain or alarm.asset in self._groups)
            for alarm in alarms
        )
        if abnormal != self.abnormal:
            self.abnormal = abnormal
            self._set_fast(self._devices if abnormal else ())
