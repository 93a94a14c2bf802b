"""Answers of a device become readings: scalars, tables, fallbacks, conditions, rates."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from profile_snippets import C32, C64, decode_snmp, plan_of, read, said

from dcmon.collectors.collect import DeviceMemory, collect_snmp
from dcmon.collectors.plan import compile_plan
from dcmon.collectors.profile import load_profiles
from dcmon.collectors.profile_resolve import Identity
from dcmon.collectors.recording import RecordedSession, parse_recording
from dcmon.collectors.snmp import NO_SUCH_INSTANCE, NULL, OPAQUE, Oid, VarBind, format_oid, parse_oid
from dcmon.model import CollectError

ROOT = "1.3.6.1.4.1.99999"


def test_optional_point_that_the_device_lacks_does_not_appear_and_a_required_one_is_bad(tmp_path: Path) -> None:
    body = f"""\
points:
  - {{point: battery.charge, oid: {ROOT}.1.0}}
  - {{point: battery.voltage, oid: {ROOT}.2.0, required: true}}
"""
    plan = plan_of(tmp_path, body)
    gone = [VarBind(parse_oid(f"{ROOT}.{number}.0"), NO_SUCH_INSTANCE, None) for number in (1, 2)]
    assert said(decode_snmp(plan, "all", gone, "device", 0)) == [("battery.voltage", None, "absent")]
    assert said(decode_snmp(plan, "all", [], "device", 0)) == [("battery.voltage", None, "absent")]


def test_null_says_nothing_and_an_opaque_float_is_a_number(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, f"points: [{{point: temperature, oid: {ROOT}.1.0}}]\n")
    null = VarBind(parse_oid(f"{ROOT}.1.0"), NULL, None)
    opaque = VarBind(parse_oid(f"{ROOT}.1.0"), OPAQUE, bytes.fromhex("9f780441a80000"))
    broken = VarBind(parse_oid(f"{ROOT}.1.0"), OPAQUE, bytes.fromhex("9f7804"))
    assert decode_snmp(plan, "all", [null], "device", 0) == []
    assert said(decode_snmp(plan, "all", [opaque], "device", 0)) == [("temperature", None, 21.0)]
    assert said(decode_snmp(plan, "all", [broken], "device", 0)) == [("temperature", None, "wrong_type")]


def test_fallback_is_used_only_where_nothing_better_is_usable(tmp_path: Path) -> None:
    body = f"""\
points:
  - {{point: battery.charge, oid: {ROOT}.1.0, scale: 0.1, absent: [-1]}}
  - {{point: battery.charge, oid: {ROOT}.2.0, fallback: point}}
"""
    plan = plan_of(tmp_path, body)
    assert said(read(plan, {f"{ROOT}.1.0": 995, f"{ROOT}.2.0": 12})) == [("battery.charge", None, 99.5)]
    assert said(read(plan, {f"{ROOT}.1.0": -1, f"{ROOT}.2.0": 12})) == [("battery.charge", None, 12)]
    assert said(read(plan, {f"{ROOT}.2.0": 12})) == [("battery.charge", None, 12)]
    assert said(read(plan, {f"{ROOT}.1.0": -1})) == [("battery.charge", None, "sentinel")]
    assert said(read(plan, {f"{ROOT}.1.0": -1, f"{ROOT}.2.0": "x"})) == [("battery.charge", None, "sentinel")]


TABLE = f"""\
tables:
  - name: t
    index: {{columns: [{ROOT}.1.2]}}
    skip: [{{column: {ROOT}.1.5, is: [0]}}]
    points:
      - point: temperature
        column: {ROOT}.1.3
        where: [{{column: {ROOT}.1.4, is: ["c", "f"]}}]
        unit_from: {{column: {ROOT}.1.4, map: {{C: degC, F: degF}}}}
      - point: humidity
        column: {ROOT}.1.3
        where: [{{column: {ROOT}.1.4, is: ["%*"]}}]
"""


def cells(*rows: tuple[object, ...]) -> dict[str, object]:
    """Columns 2 (name), 3 (value), 4 (unit), 5 (in use) of rows numbered from 1."""
    return {
        f"{ROOT}.1.{column}.{number}": value
        for number, row in enumerate(rows, 1)
        for column, value in enumerate(row, 2)
        if value is not None
    }


def test_self_describing_table_takes_point_name_and_unit_from_its_rows(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, TABLE)
    values = cells(("Rack 1", 20, "C", 1), ("Rack 2", 68, "F", 1), ("Hall", 44, "%RH", 1), ("Empty", 0, "C", 0))
    assert said(read(plan, values)) == [
        ("temperature", "Rack 1", 20),
        ("temperature", "Rack 2", 20),
        ("humidity", "Hall", 44),
    ]


def test_rows_without_name_have_their_number_and_rows_of_the_same_name_are_told_apart(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, TABLE)
    values = cells(("", 1, "C", 1), ("Sensor", 2, "C", 1), ("Sensor", 3, "C", 1), (None, 4, "C", 1))
    names = [reading.index for reading in read(plan, values)]
    assert names == ["1", "Sensor", "Sensor#3", "4"]


@pytest.mark.parametrize(
    ("index", "rows", "names"),
    [
        ("last", ["1.1", "1.2", "2.1", "2.2"], ["A 1", "A 2", "A 2/1", "A 2/2"]),
        ("last", ["0.1.1", "0.1.2", "1.1.1"], ["A 1", "A 2", "A 1.1/1"]),
        ("second", ["1.1.1", "1.1.4", "2.1.1", "2.1.4"], ["A 1", "A 1#1.1.4", "A 2/1", "A 2/1#2.1.4"]),
        ("second", ["7.3.1", "7.4.1"], ["A 3", "A 4"]),
        ("first", ["1.1", "1.2"], ["A 1", "A 1#1.2"]),
    ],
)  # fmt: skip
def test_rows_of_a_further_unit_of_a_daisy_chain_are_called_by_unit_and_row(
    tmp_path: Path, index: str, rows: list[str], names: list[str]
) -> None:
    body = f"""\
tables:
  - name: t
    index: {index}
    prefix: "A "
    points: [{{point: temperature, column: {ROOT}.1.3}}]
"""
    found = read(plan_of(tmp_path, body), {f"{ROOT}.1.3.{row}": 20 for row in rows})
    assert [one.index for one in found] == names


def test_rows_that_say_different_things_of_one_name_share_it(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, TABLE)
    values = cells(("Hall", 20, "C", 1), ("Hall", 44, "%", 1), ("Hall", 21, "C", 1))
    assert [(one.point, one.index) for one in read(plan, values)] == [
        ("temperature", "Hall"),
        ("temperature", "Hall#3"),
        ("humidity", "Hall"),
    ]


def test_row_is_chosen_by_the_last_number_of_its_index() -> None:
    plan = compile_plan(load_profiles()["raritan_px2"])
    value, decimals = "1.3.6.1.4.1.13742.6.5.2.3.1.4.1.1", "1.3.6.1.4.1.13742.6.3.3.4.1.7.1.1"
    rows = {1: (7467, 3), 4: (229, 0), 5: (1665, 0), 6: (1751, 0)}
    values = {f"{value}.{kind}": raw for kind, (raw, _) in rows.items()}
    values |= {f"{decimals}.{kind}": digits for kind, (_, digits) in rows.items()}
    assert set(said(read(plan, values))) == {
        ("pdu.power", None, 1665),
        ("cord.power", "1", 1665),
        ("pdu.apparent_power", "1", 1751),
        ("phase.current", "1", 7.467),
        ("phase.voltage", "1", 229),
        ("input.voltage", "1", 229),
    }


def test_source_of_a_row_is_the_object_it_came_from(tmp_path: Path) -> None:
    readings = read(plan_of(tmp_path, TABLE), cells(("A", 20, "C", 1)))
    assert readings[0].source == f"{ROOT}.1.3.1"


def test_unused_phases_do_not_appear_but_a_lost_phase_does() -> None:
    plan = compile_plan(load_profiles()["rfc1628"])
    mib = "1.3.6.1.2.1.33.1"
    one_phase = {f"{mib}.3.3.1.3.{n}": v for n, v in enumerate((0, 0, 0), 1)}
    one_phase |= {f"{mib}.4.4.1.2.{n}": v for n, v in enumerate((231, 0, 0), 1)}
    said_of_inputs = [one for one in said(read(plan, one_phase)) if one[0] == "input.voltage"]
    assert said_of_inputs == [("input.voltage", "1", 0)]
    lost = {f"{mib}.3.3.1.3.{n}": v for n, v in enumerate((230, 0, 231), 1)}
    lost |= {f"{mib}.4.4.1.2.{n}": 230 for n in (1, 2, 3)}
    assert [one[2] for one in said(read(plan, lost)) if one[0] == "input.voltage"] == [230, 0, 231]


def test_number_of_rows_in_use_is_taken_from_the_device() -> None:
    plan = compile_plan(load_profiles()["rfc1628"])
    mib = "1.3.6.1.2.1.33.1"
    values = {f"{mib}.3.2.0": 1} | {f"{mib}.3.3.1.3.{n}": 229 for n in (1, 2, 3)}
    assert said(read(plan, values)) == [("input.voltage", "1", 229)]


@pytest.mark.parametrize(("raw", "outcome"), [((2, 2, 2), 3), ((2, 1, 2), 2), ((1, 1, 1), 0), ((7, 2, 2), 2)])
def test_rows_in_a_state_are_counted(tmp_path: Path, raw: tuple[int, ...], outcome: int) -> None:
    body = f"""\
tables:
  - name: outlets
    points:
      - {{point: outlets.on, column: {ROOT}.1, aggregate: count, count: [2]}}
      - {{point: outlets.total, column: {ROOT}.1, aggregate: rows}}
"""
    values = {f"{ROOT}.1.{number}": value for number, value in enumerate(raw, 1)}
    assert said(read(plan_of(tmp_path, body), values)) == [("outlets.on", None, outcome), ("outlets.total", None, 3)]


@pytest.mark.parametrize(
    ("kind", "raw", "outcome"),
    [
        ("sum", (1, 2, 3), 6),
        ("max", (1, 2, 3), 3),
        ("min", (1, 2, 3), 1),
        ("mean", (1, 2, 3), 2.0),
        ("sum", (1, -1, 3), "sentinel"),
    ],
)
def test_column_is_summed_up_and_a_hole_makes_it_bad(tmp_path: Path, kind: str, raw: tuple, outcome: object) -> None:
    body = f"tables: [{{name: t, points: [{{point: pdu.power, column: {ROOT}.1, aggregate: {kind}, absent: [-1]}}]}}]\n"
    values = {f"{ROOT}.1.{number}": value for number, value in enumerate(raw, 1)}
    assert said(read(plan_of(tmp_path, body), values)) == [("pdu.power", None, outcome)]


@pytest.mark.parametrize(
    ("kind", "raw", "outcome"),
    [("any", (0, 1, 9), True), ("any", (0, 0, 9), "unknown"), ("any", (0, 0), False), ("all", (1, 1), True),
     ("all", (1, 0, 9), False), ("all", (1, 9), "unknown")],
)  # fmt: skip
def test_truths_of_a_column_are_joined_as_far_as_they_are_known(
    tmp_path: Path, kind: str, raw: tuple, outcome: object
) -> None:
    states = "states: {0: false, 1: true}"
    body = f"tables: [{{name: t, points: [{{point: cooling.ok, column: {ROOT}.1, aggregate: {kind}, {states}}}]}}]\n"
    values = {f"{ROOT}.1.{number}": value for number, value in enumerate(raw, 1)}
    assert said(read(plan_of(tmp_path, body), values)) == [("cooling.ok", None, outcome)]


def test_scale_and_point_come_from_other_cells(tmp_path: Path) -> None:
    body = f"""\
tables:
  - name: entity
    points:
      - point: temperature
        column: {ROOT}.4
        where: [{{column: {ROOT}.1, is: [8]}}]
        scale_from:
          - {{column: {ROOT}.2, map: {{8: 0.001, 9: 1}}}}
          - {{column: {ROOT}.3, map: {{0: 1, 1: 0.1}}}}
"""
    plan = plan_of(tmp_path, body)
    values = {f"{ROOT}.{c}.1": v for c, v in ((1, 8), (2, 9), (3, 1), (4, 215))}
    assert said(read(plan, values)) == [("temperature", "1", 21.5)]
    assert said(read(plan, values | {f"{ROOT}.2.1": 77})) == [("temperature", "1", "decode")]
    assert said(read(plan, values | {f"{ROOT}.1.1": 4})) == []


def test_rows_that_where_chooses_keep_their_names_in_a_fallback(tmp_path: Path) -> None:
    """Inlet 1 has rows for its current (1) and voltage (4); poles come first and a single-phase device has none."""
    body = f"""\
tables:
  - name: poles
    index: third
    points:
      - {{point: phase.voltage, column: {ROOT}.2, where: [{{row_last: [4]}}]}}
  - name: inlets
    index: second
    points:
      - {{point: phase.current, column: {ROOT}.1, where: [{{row_last: [1]}}]}}
      - {{point: phase.voltage, column: {ROOT}.1, where: [{{row_last: [4]}}], fallback: point}}
"""
    plan = plan_of(tmp_path, body)
    inlet = {f"{ROOT}.1.1.1.1": 7, f"{ROOT}.1.1.1.4": 230}
    poles = {f"{ROOT}.2.1.1.{pole}.4": 230 + pole for pole in (1, 2, 3)}
    assert said(read(plan, inlet)) == [("phase.current", "1", 7), ("phase.voltage", "1", 230)]
    assert said(read(plan, inlet | poles)) == [
        ("phase.voltage", "1", 231),
        ("phase.voltage", "2", 232),
        ("phase.voltage", "3", 233),
        ("phase.current", "1", 7),
    ]


def test_value_that_says_nothing_is_a_sentinel_even_where_its_unit_is_missing_too(tmp_path: Path) -> None:
    body = f"""\
points:
  - point: temperature
    oid: {ROOT}.1.0
    absent: [999]
    unit_from: {{oid: {ROOT}.2.0, map: {{0: degF, 1: degC}}}}
"""
    plan = plan_of(tmp_path, body)
    assert said(read(plan, {f"{ROOT}.1.0": 999})) == [("temperature", None, "sentinel")]
    assert said(read(plan, {f"{ROOT}.1.0": 22})) == [("temperature", None, "decode")]
    assert said(read(plan, {f"{ROOT}.1.0": 22, f"{ROOT}.2.0": 1})) == [("temperature", None, 22)]


def test_runtime_of_zero_with_a_full_battery_is_not_reported() -> None:
    plan = compile_plan(load_profiles()["rfc1628"])
    runtime, charge = "1.3.6.1.2.1.33.1.2.3.0", "1.3.6.1.2.1.33.1.2.4.0"
    assert ("battery.runtime", None, "sentinel") in said(read(plan, {runtime: 0, charge: 100}))
    assert ("battery.runtime", None, 0) in said(read(plan, {runtime: 0, charge: 3}))


@pytest.mark.parametrize(
    ("source", "word", "on_battery"), [(3, "normal", False), (5, "battery", True), (4, "bypass", False)]
)
def test_ups_on_battery_low_and_overloaded_is_seen(source: int, word: str, on_battery: bool) -> None:
    plan = compile_plan(load_profiles()["rfc1628"])
    mib = "1.3.6.1.2.1.33.1"
    values = {f"{mib}.4.1.0": source, f"{mib}.2.1.0": 3, f"{mib}.2.2.0": 42, f"{mib}.4.4.1.5.1": 117}
    found = said(read(plan, values))
    assert ("ups.on_battery", None, on_battery) in found
    assert ("output.source", None, word) in found
    assert ("battery.status", None, "low") in found
    assert ("battery.time_on_battery", None, 42) in found
    assert ("output.load", "1", 117) in found


def test_quirk_changes_the_scale_for_the_devices_it_names() -> None:
    profile = load_profiles()["rfc1628"]
    volts = {"1.3.6.1.2.1.33.1.4.4.1.2.1": 2302}
    (plain,) = read(compile_plan(profile), volts)
    assert (plain.value, plain.quality, plain.reason) == (2302, "uncertain", "range")
    delta = compile_plan(profile, Identity("1.3.6.1.4.1.2254.2.5"))
    assert said(read(delta, volts)) == [("output.voltage", "1", 230.2)]


@pytest.mark.parametrize(
    ("raw", "value", "quality"),
    [
        (499, 49.9, "good"),
        (4990, 49.9, "good"),
        (50, 50, "good"),
        (600, 60, "good"),
        (0, 0, "good"),
        (420, 42, "uncertain"),
        (5, 0.5, "uncertain"),
        (4000, 400, "uncertain"),
    ],
)
def test_frequency_of_a_ups_is_one_of_a_grid_however_many_decimals_it_gives_or_zero_without_power(
    raw: int, value: float, quality: str
) -> None:
    (one,) = read(compile_plan(load_profiles()["rfc1628"]), {"1.3.6.1.2.1.33.1.4.2.0": raw})
    assert (one.point, one.value, one.quality) == ("output.frequency", value, quality)


# --- plans ---


@pytest.mark.parametrize(
    "name", ["rfc1628", "apc_powernet_ups", "eaton_mge", "eaton_xups", "cyberpower_ups", "eppc_ups", "megatec_netagent"]
)
def test_fast_poll_of_a_ups_is_one_get(name: str) -> None:
    group = compile_plan(load_profiles()[name]).groups["fast"]
    assert len(group.gets) == 1
    assert group.walks == ()


def test_gets_stay_small_enough_for_one_datagram() -> None:
    for profile in load_profiles().values():
        plan = compile_plan(profile)
        if plan.protocol == "snmp":
            for group in plan.groups.values():
                for oids in group.gets:
                    assert sum(len(oid) + 6 + 8 for oid in oids) <= 1400
                    assert len(set(oids)) == len(oids)


# --- collecting ---


class Partly(RecordedSession):
    """Answers but for some OIDs, at which it is silent."""

    def __init__(self, text: str, silent: Sequence[str]) -> None:
        super().__init__(parse_recording(text))
        self.silent = tuple(parse_oid(oid) for oid in silent)

    def _ask(self, oids: Sequence[Oid]) -> None:
        if any(oid.startswith(self.silent) for oid in oids):
            raise CollectError("timeout", format_oid(oids[0]))

    async def get(self, oids: Sequence[Oid]) -> list[VarBind]:
        self._ask(oids)
        return await super().get(oids)

    async def walk_columns(self, columns: Sequence[Oid], *, sparing: bool = False) -> dict[Oid, list[VarBind]]:
        self._ask(columns)
        return await super().walk_columns(columns, sparing=sparing)


UPS = "1.3.6.1.2.1.33.1.4.1.0|2|5\n1.3.6.1.2.1.33.1.2.4.0|2|80\n1.3.6.1.2.1.33.1.4.4.1.2.1|2|230\n"


async def test_silent_device_raises_and_a_silent_table_leaves_the_rest() -> None:
    plan = compile_plan(load_profiles()["rfc1628"])
    with pytest.raises(CollectError, match="timeout"):
        await collect_snmp(Partly(UPS, ["1.3"]), plan, "all", "ups", 0)
    readings = await collect_snmp(Partly(UPS, ["1.3.6.1.2.1.33.1.4.4"]), plan, "all", "ups", 0)
    assert ("ups.on_battery", None, True) in said(readings)
    assert not [one for one in readings if one.point == "output.voltage"]


async def test_later_get_that_is_not_answered_makes_its_points_bad(tmp_path: Path) -> None:
    points = "".join(f"  - {{point: input.voltage, index: '{n}', oid: {ROOT}.{n}.0}}\n" for n in range(100))
    plan = plan_of(tmp_path, "points:\n" + points)
    first, *later = plan.groups["all"].gets
    assert later
    silent = [format_oid(oid) for oids in later for oid in oids]
    session = Partly("\n".join(f"{ROOT}.{n}.0|2|230" for n in range(100)), silent)
    readings = await collect_snmp(session, plan, "all", "device", 0)
    assert len(readings) == 100
    reasons = [one.reason for one in readings]
    assert reasons.count(None) == len(first)
    assert reasons.count("timeout") == 100 - len(first)


# --- rates ---

IF = "1.3.6.1.2.1.2.2.1"
IFX = "1.3.6.1.2.1.31.1.1.1"
UPTIME = "1.3.6.1.2.1.1.3.0"


def interface(octets: object, uptime: int = 1000, speed: int = 1000, discontinuity: int = 0) -> dict[str, object]:
    hc = f"{IFX}.6.1" if isinstance(octets, C64) else f"{IF}.10.1"
    return {f"{IFX}.1.1": "xe-0", f"{IFX}.15.1": speed, hc: octets, UPTIME: uptime, f"{IFX}.19.1": discontinuity}


GAP = f"{IFX}.19.1"


def without(values: dict[str, object], oid: str) -> dict[str, object]:
    return {name: value for name, value in values.items() if name != oid}


def renumbered(values: dict[str, object]) -> dict[str, object]:
    """The port's row under another ifIndex."""
    return {name if name == UPTIME else name.removesuffix(".1") + ".7": value for name, value in values.items()}


@pytest.mark.parametrize(
    ("before", "after", "outcome"),
    [
        (interface(C64(1000)), interface(C64(1_251_000), uptime=2000), 1_000_000),
        (interface(C64(2**63)), interface(C64(2**63 + 125), uptime=2000), 100),
        (interface(C32(2**32 - 100)), interface(C32(1150), uptime=2000), 1000),
        (interface(C64(2**32 - 100)), interface(C64(900), uptime=2000), None),
        (interface(C32(2**32 - 100), uptime=9000), interface(C32(900), uptime=100), None),
        (interface(C64(1000), uptime=9000), interface(C64(9000), uptime=100), None),
        (interface(C64(1000)), interface(C64(9000), uptime=2000, discontinuity=55), None),
        (interface(C32(1000)), interface(C64(9000), uptime=2000), None),
        (interface(C64(0)), interface(C64(1_375_000_000), uptime=2000), 1_100_000_000),
        (interface(C64(0)), interface(C64(1_375_000_100), uptime=2000), "rate"),
        (interface(C64(0), speed=0), interface(C64(9_999_000_000), uptime=2000, speed=0), 7_999_200_000),
        (interface(C64(1000), uptime=2**32 - 400), interface(C64(2250), uptime=600), 1000),
        (interface(C32(2**32 - 100), uptime=2**32 - 400), interface(C32(1150), uptime=600), 1000),
        (interface(C64(1000), uptime=2**32 - 40_000), interface(C64(2250), uptime=600), None),
        (without(interface(C64(1000)), UPTIME), without(interface(C64(2250)), UPTIME), None),
        (interface(C64(1000)), without(interface(C64(2250)), UPTIME), None),
        (without(interface(C64(1000)), GAP), without(interface(C64(2250), uptime=2000), GAP), 1000),
        (interface(C32(1000), speed=10_000), interface(C32(2250), uptime=2000, speed=10_000), "rate"),
        (interface(C64(1000)), renumbered(interface(C64(2250), uptime=2000)), None),
    ],
    ids=[
        "plain", "64 bits exactly", "32 bits wrapped", "64 bits went back", "restart, not wrap", "restart",
        "discontinuity", "other width", "1.1 x speed", "above 1.1 x speed", "speed not known",
        "uptime wrapped", "both wrapped", "restart just before the wrap", "no uptime", "no uptime any more",
        "no discontinuity column", "32 bits that may have wrapped twice", "another port of the same name",
    ],
)  # fmt: skip
def test_rate_of_a_counter(before: dict[str, object], after: dict[str, object], outcome: object) -> None:
    plan = compile_plan(load_profiles()["network"])
    memory = DeviceMemory()
    assert not [one for one in read(plan, before, 0, memory) if one.point == "if.in_rate"]
    rates = [one for one in said(read(plan, after, 10_000, memory)) if one[0] == "if.in_rate"]
    assert rates == ([] if outcome is None else [("if.in_rate", "xe-0", outcome)])


def test_each_port_is_counted_in_the_width_that_it_has() -> None:
    plan, memory = compile_plan(load_profiles()["network"]), DeviceMemory()

    def ports(wide: int, narrow: int, uptime: int) -> dict[str, object]:
        names = {f"{IFX}.1.1": "wide", f"{IFX}.1.2": "narrow", UPTIME: uptime}
        return names | {f"{IFX}.6.1": C64(wide), f"{IF}.10.1": C32(wide % 2**32), f"{IF}.10.2": C32(narrow)}

    read(plan, ports(2**40, 2**32 - 1000, 1000), 0, memory)
    after = read(plan, ports(2**40 + 10_000, 4000, 2000), 10_000, memory)
    rates = {one.index: one.value for one in after if one.point == "if.in_rate"}
    assert rates == {"wide": 8000, "narrow": 4000}
    assert {one.index: one.value for one in after if one.point == "if.in_octets"} == {
        "wide": 2**40 + 10_000,
        "narrow": 4000,
    }


@pytest.mark.parametrize(
    ("before", "after", "outcome"),
    [
        (interface(C32(0), speed=0), interface(C32(1250), uptime=2000, speed=0), (1000, "uncertain", "speed")),
        (interface(C32(2**32 - 9), speed=0), interface(C32(1241), uptime=2000, speed=0), (1000, "uncertain", "speed")),
        (interface(C32(7), speed=0), interface(C32(7), uptime=2000, speed=0), (0, "good", None)),
        (interface(C64(0), speed=0), interface(C64(1250), uptime=2000, speed=0), (1000, "good", None)),
        (interface(C32(0), speed=10), interface(C32(1250), uptime=2000, speed=10), (1000, "good", None)),
    ],
    ids=["32 bits", "32 bits that wrapped", "nothing counted", "64 bits", "32 bits of a known speed"],
)  # fmt: skip
def test_a_rate_of_32_bits_is_uncertain_where_nobody_says_how_fast_the_line_is(
    before: dict[str, object], after: dict[str, object], outcome: object
) -> None:
    plan, memory = compile_plan(load_profiles()["network"]), DeviceMemory()
    read(plan, before, 0, memory)
    rate = next(one for one in read(plan, after, 10_000, memory) if one.point == "if.in_rate")
    assert (rate.value, rate.quality.value, rate.reason) == outcome


def test_same_instant_twice_gives_no_rate() -> None:
    plan = compile_plan(load_profiles()["network"])
    memory = DeviceMemory()
    for _ in range(2):
        assert not [one for one in read(plan, interface(C64(5)), 7, memory) if one.point == "if.in_rate"]


def test_a_scalar_is_called_by_the_name_that_the_device_has_for_it(tmp_path: Path) -> None:
    body = f"""\
points:
  - {{point: temperature, index: "1", oid: {ROOT}.1.1.0, named_by: {ROOT}.2.1.0}}
  - {{point: temperature, index: "2", oid: {ROOT}.1.2.0, named_by: {ROOT}.2.2.0}}
  - {{point: humidity, index: "2", oid: {ROOT}.1.3.0, named_by: {ROOT}.2.2.0}}
"""
    plan = plan_of(tmp_path, body)
    values: dict[str, object] = {f"{ROOT}.1.1.0": 20, f"{ROOT}.1.2.0": 21, f"{ROOT}.1.3.0": 40}
    assert said(read(plan, {**values, f"{ROOT}.2.1.0": "Rack", f"{ROOT}.2.2.0": ""})) == [
        ("temperature", "Rack", 20),
        ("temperature", "2", 21),
        ("humidity", "2", 40),
    ]
    assert said(read(plan, {**values, f"{ROOT}.2.1.0": "Rack", f"{ROOT}.2.2.0": "Rack"})) == [
        ("temperature", "Rack", 20),
        ("temperature", "Rack#2", 21),
        ("humidity", "Rack", 40),
    ]


def test_a_point_exists_only_while_a_text_fits(tmp_path: Path) -> None:
    body = f"""\
points:
  - {{point: temperature, oid: {ROOT}.1.0, text: number, only_when: [{{oid: {ROOT}.2.0, is: ["temp*", 7]}}]}}
"""
    plan = plan_of(tmp_path, body)
    assert said(read(plan, {f"{ROOT}.1.0": "21.5", f"{ROOT}.2.0": "Temperature"})) == [("temperature", None, 21.5)]
    assert said(read(plan, {f"{ROOT}.1.0": "21.5", f"{ROOT}.2.0": 7})) == [("temperature", None, 21.5)]
    assert read(plan, {f"{ROOT}.1.0": "21.5", f"{ROOT}.2.0": "Humidity"}) == []
    assert read(plan, {f"{ROOT}.1.0": "21.5"}) == []


VARIABLES = f"""\
tables:
  - name: variables
    index:
      columns: [{ROOT}.1.1]
      group: {{column: {ROOT}.1.1, member: DescName, text: {ROOT}.1.2, unsaid: [Value]}}
    points:
      - point: temperature
        column: {ROOT}.1.3
        where: [{{column: {ROOT}.1.1, not: ["*.DescName"]}}]
"""


def variables(*rows: tuple[str, str, str, int]) -> dict[str, object]:
    """Name, text and value of rows by index."""
    return {f"{ROOT}.1.{column}.{number}": value for number, *cells_ in rows for column, value in enumerate(cells_, 1)}


def test_variables_are_called_as_their_group_is(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, VARIABLES)
    rows = variables(
        ("1.1", "Air.In.DescName", "Inlet", 0),
        ("1.2", "Air.In.Value", "20 C", 20),
        ("1.3", "Air.In.Top", "22 C", 22),
        ("1.4", "Fan.Value", "30 C", 30),
        ("2.1", "Air.In.DescName", "Inlet", 0),
        ("2.2", "Air.In.Value", "21 C", 21),
        ("2.3", "Plain", "23 C", 23),
        ("3.1", "Air.Top.DescName", "Air", 0),
        ("3.2", "Air.Bottom.DescName", "Air", 0),
        ("3.3", "Air.Top.Value", "24 C", 24),
        ("3.4", "Air.Bottom.Value", "25 C", 25),
    )
    assert said(read(plan, rows)) == [
        ("temperature", "Inlet", 20),
        ("temperature", "Inlet Top", 22),
        ("temperature", "Fan.Value", 30),
        ("temperature", "Inlet#2.2", 21),
        ("temperature", "Plain", 23),
        ("temperature", "Air (Air.Top)", 24),
        ("temperature", "Air (Air.Bottom)", 25),
    ]


def test_a_device_that_lacks_the_unit_has_the_usual_one_but_an_unknown_unit_is_none(tmp_path: Path) -> None:
    body = f"""\
points:
  - point: temperature
    oid: {ROOT}.1.0
    unit_from: {{oid: {ROOT}.2.0, map: {{1: degC, 2: degF}}, otherwise: degC}}
"""
    plan = plan_of(tmp_path, body)
    assert said(read(plan, {f"{ROOT}.1.0": 50, f"{ROOT}.2.0": 2})) == [("temperature", None, 10)]
    assert said(read(plan, {f"{ROOT}.1.0": 50})) == [("temperature", None, 50)]
    assert said(read(plan, {f"{ROOT}.1.0": 50, f"{ROOT}.2.0": 3})) == [("temperature", None, "decode")]
