"""An internet router: IF-MIB (RFC 2863) with 64-bit counters and BGP4-MIB (RFC 4273)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from dcmon.sim.devices.mib import (
    Table,
    Values,
    address,
    at,
    counter32,
    counter64,
    gauge,
    integer,
    name,
    octets,
    system,
    text,
    ticks,
)

if TYPE_CHECKING:
    from dcmon.sim.network import Uplink
    from dcmon.sim.plant import Plant

_IF, _IFX, _BGP = "1.3.6.1.2.1.2.2.1", "1.3.6.1.2.1.31.1.1.1", "1.3.6.1.2.1.15"
_SYS_OBJECT_ID = "1.3.6.1.4.1.2636.1.1.1.2.29"
_DESCR = "Juniper Networks, Inc. mx240 internet router, kernel JUNOS 21.4R3, simulated"
_ETHERNET, _LOOPBACK = 6, 24
FIRST_UPLINK_INDEX = 500
CUSTOMER_INDEX = 540
"""ifIndex of the customer port that flaps in the trap storm."""


class _Port(NamedTuple):
    """What a row of ifTable needs. Rates are not in a MIB; octets and packets are."""

    number: int
    name: str
    alias: str
    kind: int
    speed_bps: int
    up: bool
    since_s: float
    octets: tuple[int, int]
    packets: tuple[int, int]
    errors: int


def router(plant: Plant, asset: str) -> Table:
    """The router's MIB."""
    machine = plant.routers[asset]
    number = int(asset[-1])

    def table() -> Values:
        uptime_s = plant.uptime_s(asset)
        booted_s = plant.time_s - uptime_s
        ports = [
            _Port(1, "lo0", "", _LOOPBACK, 0, True, 0.0, (12_672_360,) * 2, (98_211,) * 2, 0),
            _Port(
                2, "fxp0", "management", _ETHERNET, 1_000_000_000, True, 0.0, (3_182_000_611,) * 2, (9_211_201,) * 2, 0
            ),
            *(_uplink_port(link, booted_s) for link in machine.uplinks),
            _Port(
                CUSTOMER_INDEX, "ge-0/1/0", "customer", _ETHERNET, 1_000_000_000, True, 0.0, (8**9,) * 2, (8**7,) * 2, 0
            ),
        ]
        values = system(plant, asset, _SYS_OBJECT_ID, _DESCR, f"Hall, rack of router {number}")
        values[at("1.3.6.1.2.1.2.1")] = integer(len(ports))
        for port in ports:
            _if_row(values, port)
        values[at(f"{_BGP}.1")] = octets(b"\x10")
        values[at(f"{_BGP}.2")] = integer(64_500)
        values[at(f"{_BGP}.4")] = address(f"192.0.2.{200 + number}")
        for link in machine.uplinks:
            _peer_row(values, link, plant.time_s - link.bgp_since_s)
        return values

    return table


def _uplink_port(link: Uplink, booted_s: float) -> _Port:
    return _Port(
        FIRST_UPLINK_INDEX + link.number,
        link.if_name,
        link.id,
        _ETHERNET,
        link.speed_bps,
        link.up,
        max(0.0, link.last_change_s - booted_s) if link.last_change_s else 0.0,
        (link.in_octets, link.out_octets),
        (link.in_packets, link.out_packets),
        link.in_errors,
    )


def _if_row(values: Values, port: _Port) -> None:
    """ifEntry and ifXEntry. ifSpeed stops at 4,294,967,295; ifHighSpeed is in Mbit/s."""
    index, state = port.number, integer(1 if port.up else 2)
    values[at(f"{_IF}.1", index)] = integer(index)
    values[at(f"{_IF}.2", index)] = text(port.name)
    values[at(f"{_IF}.3", index)] = integer(port.kind)
    values[at(f"{_IF}.4", index)] = integer(1514)
    values[at(f"{_IF}.5", index)] = gauge(port.speed_bps)
    values[at(f"{_IF}.6", index)] = octets(b"\x02\x00\x5e\x00" + index.to_bytes(2, "big"))
    values[at(f"{_IF}.7", index)] = integer(1)
    values[at(f"{_IF}.8", index)] = state
    values[at(f"{_IF}.9", index)] = ticks(port.since_s)
    for column, value in ((10, port.octets[0]), (11, port.packets[0]), (14, port.errors), (16, port.octets[1])):
        values[at(f"{_IF}.{column}", index)] = counter32(value)
    values[at(f"{_IF}.17", index)] = counter32(port.packets[1])
    for column in (12, 13, 15, 18, 19, 20):
        values[at(f"{_IF}.{column}", index)] = counter32(0)
    values[at(f"{_IF}.21", index)] = gauge(0)
    values[at(f"{_IF}.22", index)] = name("0.0")
    values[at(f"{_IFX}.1", index)] = text(port.name)
    for column in (2, 3, 4, 5):
        values[at(f"{_IFX}.{column}", index)] = counter32(0)
    for column, value in ((6, port.octets[0]), (7, port.packets[0]), (10, port.octets[1]), (11, port.packets[1])):
        values[at(f"{_IFX}.{column}", index)] = counter64(value)
    for column in (8, 9, 12, 13):
        values[at(f"{_IFX}.{column}", index)] = counter64(0)
    values[at(f"{_IFX}.14", index)] = integer(1)
    values[at(f"{_IFX}.15", index)] = gauge(port.speed_bps / 1_000_000)
    values[at(f"{_IFX}.16", index)] = integer(2)
    values[at(f"{_IFX}.17", index)] = integer(1 if port.kind == _ETHERNET else 2)
    values[at(f"{_IFX}.18", index)] = text(port.alias)
    values[at(f"{_IFX}.19", index)] = ticks(0)


def _peer_row(values: Values, link: Uplink, state_s: float) -> None:
    """bgpPeerEntry, indexed by the peer's address."""
    index = tuple(int(part) for part in link.peer.split("."))
    up = link.bgp_state == 6
    peer = f"{_BGP}.3.1"
    values[at(f"{peer}.1", *index)] = address(link.peer if up else "0.0.0.0")
    values[at(f"{peer}.2", *index)] = integer(link.bgp_state)
    values[at(f"{peer}.3", *index)] = integer(2)
    values[at(f"{peer}.4", *index)] = integer(4)
    values[at(f"{peer}.5", *index)] = address(link.local)
    values[at(f"{peer}.6", *index)] = integer(179 if up else 0)
    values[at(f"{peer}.7", *index)] = address(link.peer)
    values[at(f"{peer}.8", *index)] = integer(50_000 + link.number if up else 0)
    values[at(f"{peer}.9", *index)] = integer(64_600 + link.number)
    for column in (10, 11, 12, 13):
        values[at(f"{peer}.{column}", *index)] = counter32(link.in_packets // 1_000_000 + column)
    values[at(f"{peer}.14", *index)] = octets(b"\0\0" if up else b"\x06\x00")
    values[at(f"{peer}.15", *index)] = counter32(link.bgp_transitions)
    values[at(f"{peer}.16", *index)] = gauge(state_s if up else 0)
    for column, seconds in ((17, 120), (18, 90), (19, 30), (20, 90), (21, 30), (22, 15), (23, 30)):
        values[at(f"{peer}.{column}", *index)] = integer(seconds)
    values[at(f"{peer}.24", *index)] = gauge(state_s if up else 0)
