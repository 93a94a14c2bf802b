"""What a trap causes: an event that is kept, and a poll of its sender. Never a value."""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from dcmon.clock import Clock
from dcmon.collectors.names import Names
from dcmon.collectors.traps import TrapEvent
from dcmon.config.collectors import Collectors
from dcmon.model import StoreError, Transition

log = logging.getLogger("dcmon.collectors")

_RESOLVE_EVERY_S = 600.0
_LOOK_EVERY_S = 60.0
_PATIENCE_S = 10.0
_BURST = 10_000
"""Traps of one sender that are kept one by one, however fast they come."""
_PER_SECOND = 50.0
"""What a sender may go on with after its burst, all day long: some 20 kB a second in the journal."""
_STRANGERS, _FOREIGN = "strangers", "unknown communities and users"


class TrapDesk:
    """Knows which device an address belongs to. Several devices of one address (a gateway) are all polled.

    `poll_now` wakes a device's task, `note` keeps an event (StoreError when it cannot). Each device's address may send
    a burst and then 50 traps a second; all addresses that no device has share one such measure, and all traps of
    unknown communities another, whatever address they claim. The rest is counted: in the next one that is kept, or
    after a minute in an event of its own. So a storm, even from invented addresses, fills neither journal nor memory.
    """

    def __init__(
        self,
        collectors: Collectors,
        poll_now: Callable[[str], bool],
        note: Callable[[Iterable[Transition]], None],
        names: Names,
    ) -> None:
        self._poll_now = poll_now
        self._note = note
        self._names = names
        self._hosts: dict[str, list[str]] = {}
        """The devices of each host, as it stands in the configuration."""
        self._addresses: dict[str, tuple[str, ...]] = {}
        """The addresses of each host, as far as they are known."""
        self._senders: dict[str, _Sender] = {}
        self._puzzled = False
        """Whether a trap came from where no device is: perhaps a name has another address by now."""
        for asset, device in collectors.devices.items():
            address = device.snmp or device.modbus
            if address is not None and address.host is not None:
                self._hosts.setdefault(address.host, []).append(asset)
        for host in self._hosts:
            if (literal := _literal(host)) is not None:
                self._addresses[host] = (literal,)
        self._assets = self._by_address()

    def take(self, event: TrapEvent) -> bool:
        """Has the sender polled and keeps the trap as an event; False when it was counted only. StoreError when the
        event cannot be kept."""
        assets = self._devices(event)
        name = _FOREIGN if event.foreign else event.source if assets else _STRANGERS
        self._puzzled = self._puzzled or name == _STRANGERS
        if not event.foreign:
            for asset in assets:
                self._poll_now(asset)
        sender = self._senders.get(name)
        if sender is None:
            sender = self._senders[name] = _Sender(event.ts)
        if not sender.allow(event.ts):
            return False
        self._note([_transition(event, assets[0] if len(assets) == 1 else None, sender.folded)])
        sender.kept()
        return True

    async def run(self, clock: Clock) -> None:
        """Looks up the devices that are configured by name, and tells what was folded."""
        looked_up = None
        while True:
            now = clock.monotonic()
            if looked_up is None or self._puzzled or now - looked_up >= _RESOLVE_EVERY_S:
                looked_up, self._puzzled = now, False
                await self._look_up()
            await clock.sleep(_LOOK_EVERY_S)
            self.tell_folded(clock.now())

    def tell_folded(self, now: int) -> None:
        """Writes down what was counted and had no successor; `run` does, and whoever ends the process does at last."""
        for name, sender in self._senders.items():
            if not sender.folded:
                continue
            assets = self._assets.get(_literal(name) or name, [])
            reason = f"{sender.folded} traps more from {name}, counted and not kept one by one"
            asset = assets[0] if len(assets) == 1 else None
            try:
                self._note([Transition(now, "trap", name, "folded", reason, asset=asset)])
            except StoreError as error:
                log.debug("%s: %s", name, error)
                continue
            sender.kept()

    def _devices(self, event: TrapEvent) -> Sequence[str]:
        """By the address it came from, else by the one it says it is from: traps come through proxies and out of
        other ports than the one that is asked."""
        assets = self._assets.get(_literal(event.source) or event.source)
        if assets is None and event.agent is not None:
            assets = self._assets.get(event.agent)
        return assets or ()

    async def _look_up(self) -> None:
        for host in self._hosts:
            if _literal(host) is not None:
                continue
            try:
                found = await self._names.look_up(host, 0, _PATIENCE_S)
            except OSError as error:
                log.debug("%s cannot be resolved, so its traps are not known for its own: %s", host, error)
                continue
            self._addresses[host] = tuple({_literal(str(address[0])) or str(address[0]) for _, address in found})
        self._assets = self._by_address()

    def _by_address(self) -> dict[str, list[str]]:
        assets: dict[str, list[str]] = {}
        for host, addresses in self._addresses.items():
            for address in addresses:
                assets.setdefault(address, []).extend(self._hosts[host])
        return assets


@dataclass(slots=True)
class _Sender:
    """A token bucket: `room` is how many traps may be kept at `since` (ms UTC)."""

    since: int
    room: float = _BURST
    folded: int = 0
    """Since the last one that was kept."""

    def allow(self, now: int) -> bool:
        """Whether one more may be kept. A clock that was set back gives nothing and takes nothing."""
        self.room = min(_BURST, self.room + max(0, now - self.since) / 1000 * _PER_SECOND)
        self.since = now
        if self.room < 1:
            self.folded += 1
            return False
        self.room -= 1
        return True

    def kept(self) -> None:
        self.folded = 0


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
