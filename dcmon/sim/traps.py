"""The traps that simulated devices send: what each means in the words of its MIB."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from dcmon.collectors.snmp.ber import VarBind
from dcmon.collectors.snmp.message import encode_notification
from dcmon.sim.devices.mib import Typed, at, integer, text
from dcmon.sim.devices.router import CUSTOMER_INDEX, FIRST_UPLINK_INDEX

if TYPE_CHECKING:
    from dcmon.sim.plant import Notice, Plant

_UPS = "1.3.6.1.2.1.33"
_APC = "1.3.6.1.4.1.318"
_GENERIC = "1.3.6.1.6.3.1.1.5"
_IF = "1.3.6.1.2.1.2.2.1"

Content = tuple[str, Sequence[VarBind]]
"""snmpTrapOID and the variable bindings after it."""


def _bind(base: str, value: Typed, *index: int) -> VarBind:
    return VarBind(at(base, *index), *value)


def _on_battery(plant: Plant, notice: Notice) -> Content:
    ups = plant.side_of(notice.asset).ups
    if notice.asset == "ups-b":
        return f"{_APC}.0.5", [
            _bind(f"{_APC}.2.3.3", text("UPS: On battery power in response to an input power problem."))
        ]
    return f"{_UPS}.2.1", [
        _bind(f"{_UPS}.1.2.3", integer(ups.runtime_s // 60)),
        _bind(f"{_UPS}.1.2.2", integer(ups.on_battery_s)),
        _bind(f"{_UPS}.1.9.7", integer(2)),
    ]


def _restored(plant: Plant, notice: Notice) -> Content:
    if notice.asset == "ups-b":
        return f"{_APC}.0.9", [_bind(f"{_APC}.2.3.3", text("UPS: No longer on battery power."))]
    return f"{_UPS}.2.4", [_bind(f"{_UPS}.1.6.2.1.1", integer(1), 1)]


def _on_bypass(plant: Plant, notice: Notice) -> Content:
    if notice.asset == "ups-b":
        return f"{_APC}.0.2", [_bind(f"{_APC}.2.3.3", text("UPS: Overload."))]
    return f"{_UPS}.2.3", [_bind(f"{_UPS}.1.6.2.1.1", integer(1), 1)]


def _interface(index: int, up: bool) -> Content:
    return f"{_GENERIC}.{4 if up else 3}", [
        _bind(f"{_IF}.1", integer(index), index),
        _bind(f"{_IF}.7", integer(1), index),
        _bind(f"{_IF}.8", integer(1 if up else 2), index),
    ]


def _link_down(plant: Plant, notice: Notice) -> Content:
    return _interface(FIRST_UPLINK_INDEX + plant.uplinks[notice.subject].number, up=False)


def _link_up(plant: Plant, notice: Notice) -> Content:
    return _interface(FIRST_UPLINK_INDEX + plant.uplinks[notice.subject].number, up=True)


def _link_flap(plant: Plant, notice: Notice) -> Content:
    return _interface(CUSTOMER_INDEX, up=int(notice.subject) % 2 == 0)


def _cold_start(plant: Plant, notice: Notice) -> Content:
    return f"{_GENERIC}.1", []


TRAPS: dict[str, Callable[[Plant, Notice], Content]] = {
    "on-battery": _on_battery,
    "restored": _restored,
    "on-bypass": _on_bypass,
    "link-down": _link_down,
    "link-up": _link_up,
    "link-flap": _link_flap,
    "cold-start": _cold_start,
}
"""By the kind of a Notice."""


def encode_trap(plant: Plant, notice: Notice, number: int, community: bytes) -> bytes:
    """The v2c datagram of one notice; `number` is its request id."""
    trap_oid, varbinds = TRAPS[notice.kind](plant, notice)
    uptime = int(plant.uptime_s(notice.asset) * 100) & 0xFFFFFFFF
    return encode_notification(community, number & 0x7FFFFFFF, uptime, trap_oid, varbinds, inform=False)
