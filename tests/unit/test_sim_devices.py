"""The simulated devices say what their makers' documents say they say. Sources of the numbers: docs/simulator.md."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcmon.collectors.snmp.ber import (
    COUNTER64,
    END_OF_MIB_VIEW,
    GAUGE32,
    INTEGER,
    NO_SUCH_INSTANCE,
    NO_SUCH_OBJECT,
    OCTET_STRING,
    TIMETICKS,
    VarBindValue,
    format_oid,
    oid_parts,
    parse_oid,
)
from dcmon.collectors.snmp.message import (
    GET,
    GETBULK,
    GETNEXT,
    NO_SUCH_NAME,
    TOO_BIG,
    V1,
    V2C,
    Message,
    decode_message,
    encode_request,
)
from dcmon.sim import SCENARIOS, Plant, Scenario
from dcmon.sim.agent import MAX_MESSAGE, MibView, SnmpAgent
from dcmon.sim.plant import Notice
from dcmon.sim.scenarios import Event
from dcmon.sim.site import MODBUS_DEVICES, SNMP_DEVICES
from dcmon.sim.traps import TRAPS, encode_trap

START_MS = 1_767_225_600_000
_ID = 1 << 24


def plant(name: str = "normal", after_s: float = 0.0) -> Plant:
    subject = Plant(None, SCENARIOS[name], 1, START_MS)
    subject.advance(START_MS + round(after_s * 1000))
    return subject


_WELL = plant()


def agent(subject: Plant, asset: str, community: bytes | None = b"public") -> SnmpAgent:
    view = MibView(SNMP_DEVICES[asset](subject, asset), lambda: subject.now_ms)
    return SnmpAgent(view, lambda: subject.answers(asset), community)


def ask(who: SnmpAgent, pdu: int, *oids: str, version: int = V2C, repetitions: int = 0) -> Message:
    data = who.respond(encode_request(version, b"public", pdu, _ID, [parse_oid(oid) for oid in oids], repetitions))
    assert data is not None
    message = decode_message(data)
    assert isinstance(message, Message) and message.request_id == _ID
    return message


def value(subject: Plant, asset: str, oid: str) -> tuple[int, VarBindValue]:
    varbind = ask(agent(subject, asset), GET, oid).varbinds[0]
    return varbind.tag, varbind.value


def registers(subject: Plant, asset: str, function: int, address: int, count: int = 1) -> list[int] | int:
    return MODBUS_DEVICES[asset](subject, asset)(function, address, count)


def double(words: list[int] | int) -> int:
    assert isinstance(words, list)
    return words[0] << 16 | words[1]


# --- what each device says ---


@pytest.mark.parametrize(
    ("after_s", "source", "seconds", "alarms"), [(10, 3, 0, 0), (26, 5, 6, 2), (100, 3, 0, 0)], ids=str
)
def test_rfc1628_tells_source_seconds_on_battery_and_alarms(
    after_s: float, source: int, seconds: int, alarms: int
) -> None:
    subject = plant("mains-outage", after_s)
    assert value(subject, "ups-a", "1.3.6.1.2.1.33.1.4.1.0") == (INTEGER, source)
    assert value(subject, "ups-a", "1.3.6.1.2.1.33.1.2.2.0") == (INTEGER, seconds)
    assert value(subject, "ups-a", "1.3.6.1.2.1.33.1.6.1.0") == (GAUGE32, alarms)


def test_rfc1628_alarm_table_has_a_row_for_each_alarm_and_none_without() -> None:
    table = "1.3.6.1.2.1.33.1.6.2.1.2"
    assert not format_oid(ask(agent(plant(), "ups-a"), GETNEXT, table).varbinds[0].oid).startswith(table)
    rows = ask(agent(plant("mains-outage", 26), "ups-a"), GETBULK, table, repetitions=2).varbinds
    assert [row.value for row in rows] == ["1.3.6.1.2.1.33.1.6.3.2", "1.3.6.1.2.1.33.1.6.3.6"]


def test_rfc1628_gives_volts_whole_and_amperes_and_hertz_in_tenths() -> None:
    subject = plant()
    volts, amps, hertz, percent = (
        value(subject, "ups-a", f"1.3.6.1.2.1.33.1.{column}")[1]
        for column in ("4.4.1.2.1", "4.4.1.3.1", "4.2.0", "4.4.1.5.1")
    )
    assert volts == 230
    assert amps == pytest.approx(subject.sides["a"].ups.load_w * 0.34 / 0.95 / 230 * 10, rel=0.01)
    assert hertz == 500
    assert percent == pytest.approx(40, abs=2)


@pytest.mark.parametrize(("after_s", "status"), [(10, 2), (26, 3)])
def test_powernet_tells_output_status_and_runtime_in_ticks(after_s: float, status: int) -> None:
    subject = plant("mains-outage", after_s)
    assert value(subject, "ups-b", "1.3.6.1.4.1.318.1.1.1.4.1.1.0") == (INTEGER, status)
    tag, runtime = value(subject, "ups-b", "1.3.6.1.4.1.318.1.1.1.2.2.3.0")
    assert tag == TIMETICKS
    assert runtime == pytest.approx(subject.sides["b"].ups.runtime_s * 100, rel=0.001)


def test_rpdu2_gives_hundredths_of_a_kilowatt_and_the_two_outlet_enums_disagree() -> None:
    subject = plant()
    watts = subject.sides["a"].pdus["pdu-a1"].load_w
    assert value(subject, "pdu-a1", "1.3.6.1.4.1.318.1.1.26.4.3.1.5.1") == (INTEGER, round(watts / 10))
    assert value(subject, "pdu-a1", "1.3.6.1.4.1.318.1.1.26.9.2.3.1.5.7") == (INTEGER, 2)
    assert value(subject, "pdu-a1", "1.3.6.1.4.1.318.1.1.12.3.5.1.1.4.7") == (INTEGER, 1)


def test_stulz_names_its_units_and_gives_tenths_by_bus_unit_and_module() -> None:
    subject = plant()
    assert value(subject, "cooling-gw", "1.3.6.1.4.1.29462.10.1.1.6.1.1.393221.1.3") == (
        OCTET_STRING,
        b"COOLING-3      ",
    )
    _, tenths = value(subject, "cooling-gw", "1.3.6.1.4.1.29462.10.2.1.1.1.1.1.1.1.1192.1.3.1")
    assert tenths == pytest.approx(subject.cooling["cooling-3"].return_c * 10, abs=2)


def test_a_failed_stulz_unit_raises_its_error_but_not_its_bus_alarm() -> None:
    subject = plant("cooling-unit-fails", 60)
    state = "1.3.6.1.4.1.29462.10.2.1.4"
    for unit, running, error in ((1, 0, 1), (2, 1, 0)):
        assert value(subject, "cooling-gw", f"{state}.1.1.1.1013.1.{unit}.1") == (GAUGE32, running)
        assert value(subject, "cooling-gw", f"{state}.2.1.1.8.1.{unit}.1") == (GAUGE32, error)
        assert value(subject, "cooling-gw", f"{state}.1.1.1.10.1.{unit}.1") == (GAUGE32, 0)


def test_a_stulz_unit_without_power_is_lost_on_the_bus_and_its_values_stand_still() -> None:
    subject = plant("total-blackout", 15)
    who = agent(subject, "cooling-gw")
    supply = "1.3.6.1.4.1.29462.10.2.1.1.1.1.1.1.1.1193.1.1.1"
    before = ask(who, GET, supply).varbinds[0].value
    subject.advance(START_MS + 200_000)
    bus, after = (v.value for v in ask(who, GET, "1.3.6.1.4.1.29462.10.2.1.4.1.1.1.10.1.1.1", supply).varbinds)
    assert (bus, after) == (1, before)


def test_poseidon_contacts_follow_their_wiring_and_values_stand_as_text_and_tenths() -> None:
    well, fire = plant("fire-alarm", 10), plant("fire-alarm", 60)
    contact = "1.3.6.1.4.1.21796.3.3.1.1.2"
    assert [value(well, "env-1", f"{contact}.{n}")[1] for n in (1, 2, 3)] == [0, 0, 1]
    assert [value(fire, "env-1", f"{contact}.{n}")[1] for n in (1, 2, 3)] == [1, 1, 1]
    _, tenths = value(well, "env-1", "1.3.6.1.4.1.21796.3.3.3.1.6.2")
    _, words = value(well, "env-1", "1.3.6.1.4.1.21796.3.3.3.1.5.2")
    assert isinstance(tenths, int) and isinstance(words, bytes)
    assert words.decode() == f"{tenths / 10:.1f} C"


def test_the_leak_detector_tells_alarm_and_flooded() -> None:
    table = "1.3.6.1.4.1.21796.4.5.4.1"
    for after_s, state, detail in ((10, 1, 0), (30, 3, 1), (430, 1, 0)):
        subject = plant("water-leak", after_s)
        assert value(subject, "leak-1", f"{table}.3.1") == (INTEGER, state)
        assert value(subject, "leak-1", f"{table}.6.1") == (INTEGER, detail)
        assert value(subject, "leak-2", f"{table}.3.1") == (INTEGER, 1)


def test_a_router_saturates_if_speed_and_dates_the_fall_of_a_link() -> None:
    subject = plant("uplink-down", 30)
    assert value(subject, "router-1", "1.3.6.1.2.1.2.2.1.5.502") == (GAUGE32, 4_294_967_295)
    assert value(subject, "router-1", "1.3.6.1.2.1.31.1.1.1.15.502") == (GAUGE32, 10_000)
    assert value(subject, "router-1", "1.3.6.1.2.1.31.1.1.1.1.502") == (OCTET_STRING, b"xe-0/0/2")
    assert value(subject, "router-1", "1.3.6.1.2.1.2.2.1.8.502") == (INTEGER, 2)
    assert value(subject, "router-1", "1.3.6.1.2.1.15.3.1.2.198.51.100.2") == (INTEGER, 1)
    assert value(subject, "router-1", "1.3.6.1.2.1.15.3.1.2.198.51.100.1") == (INTEGER, 6)
    uptime = value(subject, "router-1", "1.3.6.1.2.1.1.3.0")[1]
    changed = value(subject, "router-1", "1.3.6.1.2.1.2.2.1.9.502")[1]
    assert isinstance(uptime, int) and isinstance(changed, int)
    assert uptime - changed == pytest.approx(1000, abs=30)
    assert value(subject, "router-1", "1.3.6.1.2.1.31.1.1.1.6.501")[0] == COUNTER64


def test_gencomm_places_values_where_the_register_list_has_them() -> None:
    subject = plant("mains-outage", 100)
    genset = subject.sides["a"].genset
    assert registers(subject, "genset-a", 3, 768, 2) == [1, 32841]
    assert registers(subject, "genset-a", 3, 772) == [1]
    assert registers(subject, "genset-a", 3, 1030, 2) == [1500, 500]
    assert double(registers(subject, "genset-a", 3, 1032, 2)) == 2300
    assert double(registers(subject, "genset-a", 3, 1536, 2)) == round(genset.load_w)
    assert registers(subject, "genset-a", 3, 1558) == [round(genset.load_share * 1000)]
    assert registers(subject, "genset-a", 3, 1408) == [3]
    assert registers(subject, "genset-a", 3, 1027) == [92]
    assert double(registers(subject, "genset-a", 3, 1808, 2)) == 219
    phases = [double(registers(subject, "genset-a", 3, address, 2)) for address in (1052, 1054, 1056)]
    assert sum(phases) == pytest.approx(genset.load_w, abs=3)


def test_gencomm_shows_the_mains_route_and_the_load_that_hangs_on_it() -> None:
    for after_s, volts, loaded in ((10, 2310, True), (30, 0, False)):
        subject = plant("mains-outage", after_s)
        assert double(registers(subject, "genset-a", 3, 1060, 2)) == pytest.approx(volts, abs=30)
        assert (double(registers(subject, "genset-a", 3, 1560, 2)) > 100_000) is loaded
        assert registers(subject, "genset-a", 3, 2058) == [0x1181 if loaded else 0x11A1]


def test_gencomm_answers_with_sentinels_for_what_it_lacks_and_refuses_pages_it_has_not() -> None:
    subject = plant()
    assert registers(subject, "genset-a", 3, 1026) == [0x7FFF]
    assert registers(subject, "genset-a", 3, 1050, 2) == [0xFFFF, 0xFFFF]
    assert registers(subject, "genset-a", 3, 2560) == 2
    assert registers(subject, "genset-a", 3, 2300, 10) == 2
    assert registers(subject, "genset-a", 4, 1024) == 1


def test_gencomm_shows_fail_to_start_as_a_shutdown_alarm_in_both_lists() -> None:
    well, failed = plant("genset-fails", 100), plant("genset-fails", 130)
    assert registers(well, "genset-a", 3, 39428) == [0x1111]
    assert registers(failed, "genset-a", 3, 39428) == [0x1311]
    assert registers(failed, "genset-a", 3, 2052) == [0x1311]
    assert registers(failed, "genset-b", 3, 39428) == [0x1111]


def test_liebert_refuses_an_undefined_register_alone_and_reads_zero_inside_a_block() -> None:
    subject = plant()
    unit = subject.cooling["cooling-9"]
    assert registers(subject, "cooling-9", 4, 100) == 2
    assert registers(subject, "cooling-9", 4, 99, 3) == [1, 0, 1]
    assert registers(subject, "cooling-9", 4, 563) == [round(unit.output_share * 100)]
    assert double(registers(subject, "cooling-9", 4, 1000, 2)) == round(unit.output_w / 100)
    assert registers(subject, "cooling-9", 3, 99) == 1


def test_a_liebert_unit_without_power_is_missed_by_its_gateway() -> None:
    subject = plant("genset-fails", 60)
    assert registers(subject, "cooling-9", 4, 99) == 11
    assert registers(subject, "cooling-10", 4, 99) == [1]


@pytest.mark.parametrize("asset", SNMP_DEVICES)
@pytest.mark.parametrize("after_s", [0, 25, 100, 330])
def test_every_value_fits_its_smi_type_at_any_time(asset: str, after_s: float) -> None:
    subject = plant("total-blackout", after_s)
    who = MibView(SNMP_DEVICES[asset](subject, asset), lambda: subject.now_ms)
    who.refresh()
    for oid in list(who.values)[::10]:
        if subject.answers(asset):
            ask(agent(subject, asset), GET, format_oid(oid))


# --- how agents answer ---


def test_bulk_rows_come_in_the_order_of_a_walk_which_compares_numbers() -> None:
    who = agent(plant(), "router-1")
    seen = [oid_parts(varbind.oid) for varbind in ask(who, GETBULK, "1.3.6.1.2.1.2.2.1.10", repetitions=30).varbinds]
    assert seen == sorted(seen)
    assert len(set(seen)) == len(seen) == 30


def test_bulk_interleaves_columns_and_stops_at_the_end_of_the_view() -> None:
    who = agent(plant(), "leak-1")
    last = "1.3.6.1.4.1.21796.4.5.4.1"
    found = ask(who, GETBULK, f"{last}.5", f"{last}.6", repetitions=5).varbinds
    names = [format_oid(varbind.oid).removeprefix(f"{last}.") for varbind in found]
    assert names == ["5.1", "6.1", "6.1", "6.1", "6.1", "6.1"]
    assert [varbind.tag == END_OF_MIB_VIEW for varbind in found] == [False, False, False, True, True, True]


def test_bulk_answers_stay_below_the_size_of_a_datagram() -> None:
    who = agent(plant(), "pdu-a1")
    request = encode_request(V2C, b"public", GETBULK, _ID, [parse_oid("1.3")], 100)
    answer = who.respond(request)
    assert answer is not None
    assert len(answer) < MAX_MESSAGE + 100


def test_a_missing_row_and_a_missing_object_are_told_apart() -> None:
    who = agent(plant(), "router-1")
    found = ask(who, GET, "1.3.6.1.2.1.2.2.1.2.999", "1.3.6.1.2.1.99.1.0").varbinds
    assert [varbind.tag for varbind in found] == [NO_SUCH_INSTANCE, NO_SUCH_OBJECT]


def test_v1_names_the_missing_variable_and_passes_over_64_bit_counters() -> None:
    who = agent(plant(), "router-1")
    missing = ask(who, GET, "1.3.6.1.2.1.1.1.0", "1.3.6.1.2.1.99.1.0", version=V1)
    assert (missing.error_status, missing.error_index) == (NO_SUCH_NAME, 2)
    assert ask(who, GET, "1.3.6.1.2.1.31.1.1.1.6.501", version=V1).error_status == NO_SUCH_NAME
    after = ask(who, GETNEXT, "1.3.6.1.2.1.31.1.1.1.6", version=V1).varbinds[0]
    assert after.tag != COUNTER64
    assert format_oid(after.oid).startswith("1.3.6.1.2.1.31.1.1.1.14")


def test_a_get_whose_answer_would_be_too_long_is_told_so() -> None:
    who = agent(plant(), "ups-b")
    assert ask(who, GET, *["1.3.6.1.2.1.1.1.0"] * 12).error_status == TOO_BIG


def test_wrong_communities_garbage_and_sets_get_no_answer() -> None:
    who = agent(plant(), "ups-a", b"secret")
    good = encode_request(V2C, b"secret", GET, _ID, [parse_oid("1.3.6.1.2.1.1.1.0")])
    assert who.respond(good) is not None
    assert who.respond(encode_request(V2C, b"public", GET, _ID, [parse_oid("1.3.6.1.2.1.1.1.0")])) is None
    assert who.respond(good.replace(b"\xa0", b"\xa3", 1)) is None
    assert all(who.respond(good[:cut]) is None for cut in range(len(good)))


@given(data=st.data(), pdu=st.sampled_from([GET, GETNEXT, GETBULK]), version=st.sampled_from([V1, V2C]))
def test_damaged_requests_never_raise_and_answers_to_them_are_readable(
    data: st.DataObject, pdu: int, version: int
) -> None:
    who = agent(_WELL, "leak-1", None)
    oids = [parse_oid("1.3.6.1.2.1.1.1.0"), parse_oid("1.3.6.1.4.1.21796.4.5.4.1.3.1")]
    request = bytearray(
        encode_request(version, b"public", GET if version == V1 else pdu, _ID, oids, 5 * (version == V2C))
    )
    for _ in range(data.draw(st.integers(1, 4))):
        request[data.draw(st.integers(0, len(request) - 1))] = data.draw(st.integers(0, 255))
    answer = who.respond(bytes(request))
    if answer is not None:
        assert isinstance(decode_message(answer), Message)


def test_a_mute_device_answers_nothing() -> None:
    subject = plant("device-silent", 30)
    request = encode_request(V2C, b"public", GET, _ID, [parse_oid("1.3.6.1.2.1.1.1.0")])
    assert agent(subject, "pdu-b1").respond(request) is None
    assert agent(subject, "pdu-a1").respond(request) is not None


@pytest.mark.parametrize("kind", TRAPS)
def test_every_trap_is_a_readable_notification(kind: str) -> None:
    subject = plant("mains-outage", 25)
    subjects = {"link-down": "uplink-1", "link-up": "uplink-1", "link-flap": "3"}
    for asset in ("ups-a", "ups-b") if kind in ("on-battery", "restored", "on-bypass") else ("router-1",):
        message = decode_message(encode_trap(subject, Notice(asset, kind, subjects.get(kind, "")), 5, b"public"))
        assert isinstance(message, Message)
        assert format_oid(message.varbinds[1].oid) == "1.3.6.1.6.3.1.1.4.1.0"


def test_the_plant_notices_what_devices_tell_by_trap() -> None:
    def kinds(name: str, upto_s: float) -> list[tuple[str, str]]:
        return [(notice.asset, notice.kind) for notice in plant(name, upto_s).notices]

    assert kinds("mains-outage", 60) == [
        ("ups-a", "on-battery"),
        ("ups-b", "on-battery"),
        ("ups-a", "restored"),
        ("ups-b", "restored"),
    ]
    assert kinds("uplink-down", 330) == [("router-1", "link-down"), ("router-1", "link-up")]
    assert kinds("ups-overload", 90) == [("ups-a", "on-bypass")]
    assert kinds("normal", 600) == []


def test_a_script_of_ones_own_can_be_played() -> None:
    own = Scenario("own", "own", "own", (Event(5, "water", {"unit": "leak-2", "wet": True}),))
    subject = Plant(None, own, 1, START_MS)
    subject.advance(START_MS + 6_000)
    assert subject.building.wet == {"leak-2"}
