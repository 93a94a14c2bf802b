"""A three-phase UPS that speaks UPS-MIB (RFC 1628)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dcmon.sim.devices.mib import Table, Typed, Values, at, counter32, gauge, integer, name, system, text, ticks
from dcmon.sim.power import PHASES, Side, per_phase, phase_current
from dcmon.sim.ups import LOW_BATTERY_S, Source

if TYPE_CHECKING:
    from dcmon.sim.plant import Plant

_UPS = "1.3.6.1.2.1.33.1"
_SYS_OBJECT_ID = "1.3.6.1.2.1.33"
_SOURCES = {Source.NONE: 2, Source.INVERTER: 3, Source.BYPASS: 4, Source.BATTERY: 5}
_WELL_KNOWN_ALARM = f"{_UPS}.6.3"
_ON_BATTERY, _LOW_BATTERY, _INPUT_BAD, _OVERLOAD, _ON_BYPASS = 2, 3, 6, 8, 9


def rfc1628_ups(plant: Plant, asset: str) -> Table:
    """The agent's MIB; upsAlarmTable has a row for each alarm that is present, so its shape changes."""
    side = plant.side_of(asset)
    ident: Values = {
        at(f"{_UPS}.1.1"): text("Simulated Power"),
        at(f"{_UPS}.1.2"): text("DC800-T"),
        at(f"{_UPS}.1.3"): text("4.12"),
        at(f"{_UPS}.1.4"): text("SNMP card 2.7"),
        at(f"{_UPS}.1.5"): text(asset),
        at(f"{_UPS}.1.6"): text("Racks of feed A"),
        at(f"{_UPS}.9.1"): integer(230),
        at(f"{_UPS}.9.2"): integer(500),
        at(f"{_UPS}.9.3"): integer(230),
        at(f"{_UPS}.9.4"): integer(500),
        at(f"{_UPS}.9.5"): integer(side.ups.rated_w),
        at(f"{_UPS}.9.6"): integer(side.ups.rated_w),
        at(f"{_UPS}.9.7"): integer(LOW_BATTERY_S / 60),
        at(f"{_UPS}.9.8"): integer(2),
        at(f"{_UPS}.9.9"): integer(196),
        at(f"{_UPS}.9.10"): integer(264),
    }

    def table() -> Values:
        return {
            **system(plant, asset, _SYS_OBJECT_ID, "Simulated Power DC800-T, SNMP card 2.7", "UPS room west"),
            **ident,
            **_battery(side),
            **_lines(side, plant.time_s),
            **_alarms(side, plant.uptime_s(asset)),
        }

    return table


def _battery(side: Side) -> Values:
    ups = side.ups
    status = 4 if ups.charge < 0.01 else 3 if ups.low_battery else 2
    current_a = ups.load_w / 0.94 / ups.battery_v if ups.source is Source.BATTERY else -ups.charge_w / ups.battery_v
    return {
        at(f"{_UPS}.2.1"): integer(status),
        at(f"{_UPS}.2.2"): integer(ups.on_battery_s),
        at(f"{_UPS}.2.3"): integer(ups.runtime_s // 60),
        at(f"{_UPS}.2.4"): integer(int(ups.charge * 100)),
        at(f"{_UPS}.2.5"): integer(ups.battery_v * 10),
        at(f"{_UPS}.2.6"): integer(current_a * 10),
        at(f"{_UPS}.2.7"): integer(ups.battery_c),
    }


def _lines(side: Side, time_s: float) -> Values:
    """Input, output and bypass: one row per phase."""
    ups = side.ups
    hertz_in, hertz_out = side.supply_frequency(time_s), side.output_frequency(time_s)
    values: Values = {
        at(f"{_UPS}.3.1"): counter32(3),
        at(f"{_UPS}.3.2"): integer(3),
        at(f"{_UPS}.4.1"): integer(_SOURCES[ups.source]),
        at(f"{_UPS}.4.2"): integer(hertz_out * 10),
        at(f"{_UPS}.4.3"): integer(3),
        at(f"{_UPS}.5.1"): integer(hertz_in * 10),
        at(f"{_UPS}.5.2"): integer(3),
    }
    for phase in PHASES:
        volts_in, volts_out = side.supply_voltage(time_s, phase), side.output_voltage(time_s, phase)
        watts_in, watts_out = per_phase(ups.input_w, phase), per_phase(ups.load_w, phase)
        values[at(f"{_UPS}.3.3.1.2", phase)] = integer(hertz_in * 10)
        values[at(f"{_UPS}.3.3.1.3", phase)] = integer(volts_in)
        values[at(f"{_UPS}.3.3.1.4", phase)] = integer(phase_current(watts_in * 3, volts_in) * 10)
        values[at(f"{_UPS}.3.3.1.5", phase)] = integer(watts_in)
        values[at(f"{_UPS}.4.4.1.2", phase)] = integer(volts_out)
        values[at(f"{_UPS}.4.4.1.3", phase)] = integer(phase_current(watts_out * 3, volts_out) * 10)
        values[at(f"{_UPS}.4.4.1.4", phase)] = integer(watts_out)
        values[at(f"{_UPS}.4.4.1.5", phase)] = integer(watts_out / (ups.rated_w / 3) * 100)
        on_bypass = ups.source is Source.BYPASS
        values[at(f"{_UPS}.5.3.1.2", phase)] = integer(volts_in)
        values[at(f"{_UPS}.5.3.1.3", phase)] = integer(phase_current(watts_out * 3, volts_in) * 10 * on_bypass)
        values[at(f"{_UPS}.5.3.1.4", phase)] = integer(watts_out * on_bypass)
    return values


def _alarms(side: Side, uptime_s: float) -> Values:
    ups = side.ups
    present = [
        number
        for number, active in (
            (_ON_BATTERY, ups.source is Source.BATTERY),
            (_LOW_BATTERY, ups.low_battery),
            (_INPUT_BAD, not ups.input_ok),
            (_OVERLOAD, ups.overloaded),
            (_ON_BYPASS, ups.source is Source.BYPASS),
        )
        if active
    ]
    values: Values = {at(f"{_UPS}.6.1"): gauge(len(present))}
    since: Typed = ticks(max(0.0, uptime_s - ups.on_battery_s))
    for row, number in enumerate(present, start=1):
        values[at(f"{_UPS}.6.2.1.2", row)] = name(f"{_WELL_KNOWN_ALARM}.{number}")
        values[at(f"{_UPS}.6.2.1.3", row)] = since
    return values
