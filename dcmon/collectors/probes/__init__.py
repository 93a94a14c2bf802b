"""Probes: services that are tried, and backup jobs that report, as devices that the poller asks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final

from dcmon.collectors.maps import Maps
from dcmon.collectors.names import Names
from dcmon.collectors.probes.attempt import Attempt, Means, Points, ServiceError
from dcmon.collectors.probes.backup import Backup, BackupDesk, Kept, ReportError
from dcmon.collectors.probes.http import Http
from dcmon.collectors.probes.ping import Ping
from dcmon.collectors.probes.tcp import Tcp
from dcmon.collectors.probes.throughput import Iperf, Throughput
from dcmon.collectors.schedule import SLOW
from dcmon.config.collectors import PointMap
from dcmon.config.probes import BackupProbe, DnsProbe, Probe
from dcmon.model import Quality, Reading

_SHARE: Final = 0.8
"""Of the poller's deadline, that an attempt may take: what it failed of is to be said before that passes."""


def _dns(probe: DnsProbe, means: Means) -> Attempt:
    from dcmon.collectors.probes.dns import Dns  # dnspython is 2 MB, for those who ask resolvers

    return Dns(probe, means)


_KINDS: dict[str, Callable[[Any, Means], Attempt]] = {
    "ping": Ping,
    "tcp": Tcp,
    "http": Http,
    "dns": _dns,
    "throughput": Throughput,
    "iperf3": Iperf,
}


class ProbeDevice:
    """One service or backup job; fits poller.Device.

    A service that fails has answered: `service.ok` is false, with why as the reading's reason.
    """

    bus: None = None
    groups = frozenset({SLOW})

    def __init__(self, asset: str, attempt: Attempt, timeout_s: float, maps: Sequence[PointMap] = ()) -> None:
        self.asset = asset
        self._attempt = attempt
        self._timeout_s = timeout_s
        self._maps = Maps(maps)

    async def poll(self, groups: frozenset[str], now: int) -> list[Reading]:
        """See poller.Device."""
        well: bool | None = None if isinstance(self._attempt, Backup) else True
        reason: str | None = None
        try:
            async with asyncio.timeout(self._timeout_s):
                points: Points = await self._attempt(now)
        except ServiceError as error:
            well, reason, points = False, error.reason, error.points
        except TimeoutError:
            if well is None:
                raise
            well, reason, points = False, f"not done within {self._timeout_s:g} s", {}
        readings = [Reading(now, self.asset, point, None, value) for point, value in points.items()]
        if well is not None:
            readings.insert(0, Reading(now, self.asset, "service.ok", None, well, Quality.GOOD, reason))
        return self._maps.apply(readings)

    async def close(self) -> None:
        """Every attempt closes what it opened."""


def probe_device(
    asset: str,
    probe: Probe,
    maps: Sequence[PointMap],
    *,
    deadline_s: float,
    names: Names,
    secrets: Callable[[str], str],
    kept: Kept,
) -> ProbeDevice:
    """The device of an entry of collectors.yaml. ConfigError for a secret that cannot be read."""
    timeout_s = min(probe.timeout / 1000, _SHARE * deadline_s)
    if isinstance(probe, BackupProbe):
        attempt: Attempt = Backup(asset, probe, Means(names, timeout_s), kept)
    else:
        reference = getattr(probe, "password", None)
        password = secrets(reference) if reference is not None else ""
        attempt = _KINDS[probe.kind](probe, Means(names, timeout_s, password))
    return ProbeDevice(asset, attempt, timeout_s, maps)


__all__ = ["BackupDesk", "Kept", "ProbeDevice", "ReportError", "probe_device"]
