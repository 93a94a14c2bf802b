"""What a trap causes: an event that is kept, and a poll of its sender. Never a value."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Callable, Iterable

from dcmon.clock import Clock
from dcmon.collectors.traps import PollGate, TrapEvent
from dcmon.config.collectors import Collectors
from dcmon.model import Transition

log = logging.getLogger("dcmon.collectors")

_RESOLVE_EVERY_S = 600.0
_KEPT_PER_SECOND = 50


class TrapDesk:
    """Knows which device an address belongs to. Several devices of one address (a gateway) are all polled.

    `poll_now` wakes a device's task, `note` keeps an event. Of one device's address at most 50 traps a second are kept
    one by one, and as many of all strangers together; the rest is counted in the next that is kept, so that a storm,
    even from invented addresses, fills neither journal nor memory.
    """

    def __init__(
        self, collectors: Collectors, poll_now: Callable[[str], bool], note: Callable[[Iterable[Transition]], None]
    ) -> None:
        self._poll_now = poll_now
        self._note = note
        self._gate = PollGate()
        self._hosts: dict[str, list[str]] = {}
        """The devices of each host, as it stands in the configuration."""
        self._addresses: dict[str, tuple[str, ...]] = {}
        """The addresses of each host, as far as they are known."""
        self._seconds: dict[str, tuple[int, int, int]] = {}
        for asset, device in collectors.devices.items():
            address = device.snmp or device.modbus
            if address is not None and address.host is not None:
                self._hosts.setdefault(address.host, []).append(asset)
        for host in self._hosts:
            if (literal := _literal(host)) is not None:
                self._addresses[host] = (literal,)
        self._assets = self._by_address()

    def take(self, event: TrapEvent) -> None:
        """Keeps the trap as an event and has its sender polled, at most once per device and second."""
        assets = self._assets.get(_literal(event.source) or event.source, [])
        folded = self._fold(event.source if assets else "", event.ts)
        if folded is not None:
            self._note([_transition(event, assets[0] if len(assets) == 1 else None, folded)])
        if event.foreign:
            return
        for asset in assets:
            if self._gate.allow(asset, event.ts):
                self._poll_now(asset)

    async def resolve(self, clock: Clock) -> None:
        """Looks up the addresses of devices that are configured by name, now and again every ten minutes."""
        loop = asyncio.get_running_loop()
        names = [host for host in self._hosts if _literal(host) is None]
        while names:
            for host in names:
                try:
                    found = await loop.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
                except OSError as error:
                    log.debug("%s cannot be resolved, so its traps are not known for its own: %s", host, error)
                    continue
                self._addresses[host] = tuple({_literal(str(entry[4][0])) or str(entry[4][0]) for entry in found})
            self._assets = self._by_address()
            await clock.sleep(_RESOLVE_EVERY_S)

    def _by_address(self) -> dict[str, list[str]]:
        assets: dict[str, list[str]] = {}
        for host, addresses in self._addresses.items():
            for address in addresses:
                assets.setdefault(address, []).extend(self._hosts[host])
        return assets

    def _fold(self, sender: str, ts: int) -> int | None:
        """How many unkept ones a trap of now stands for; None when it is not kept itself."""
        second = ts // 1000
        began, kept, skipped = self._seconds.get(sender, (second, 0, 0))
        if began != second:
            began, kept = second, 0
        if kept >= _KEPT_PER_SECOND:
            self._seconds[sender] = began, kept, skipped + 1
            return None
        self._seconds[sender] = began, kept + 1, 0
        return skipped


def _transition(event: TrapEvent, asset: str | None, folded: int) -> Transition:
    more = f"; {folded} more since the last one kept" if folded else ""
    foreign = " (unknown community or user)" if event.foreign else ""
    data = {"source": event.source, "uptime": event.uptime, "varbinds": [list(pair) for pair in event.varbinds]}
    reason = f"trap {event.trap_oid} from {event.source}{foreign}{more}"
    return Transition(event.ts, "trap", event.trap_oid, "received", reason, asset=asset, data=data)


def _literal(host: str) -> str | None:
    """The address in one spelling; None for a name. An IPv4 address in IPv6 clothes is the IPv4 address."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return str(mapped or address)
