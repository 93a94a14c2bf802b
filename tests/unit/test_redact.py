"""What a recording must not tell: found by column, by type, by shape, and wherever it stands again."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dcmon.collectors.recording import RecordedSession, format_recording, parse_recording
from dcmon.collectors.redact import Redactor, redact_registers
from dcmon.collectors.snmp import OCTET_STRING, VarBind, format_oid, parse_oid

RECORDING = """\
1.3.6.1.2.1.1.1.0|4|Acme card (MN:AC9631 SN: 5A1234T12345 MD:01/21/2015) at ups-west.dc.example.com
1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.99999.1
1.3.6.1.2.1.1.4.0|4|Jane Doe, +49 89 1234567
1.3.6.1.2.1.1.5.0|4|ups-west.dc.example.com
1.3.6.1.2.1.1.6.0|4x|4dc3bc6e6368656e2c205261636b2037
1.3.6.1.2.1.2.2.1.6.1|4x|00c0b7123456
1.3.6.1.2.1.4.20.1.1.10.20.30.40|64|10.20.30.40
1.3.6.1.2.1.4.20.1.3.10.20.30.40|64|255.255.255.0
1.3.6.1.2.1.15.3.1.2.192.0.2.77|2|6
1.3.6.1.2.1.15.3.1.7.192.0.2.77|64|192.0.2.77
1.3.6.1.2.1.31.1.1.1.1.1|4|ge-0/0/1
1.3.6.1.2.1.31.1.1.1.18.1|4|Customer Miller
1.3.6.1.2.1.33.1.1.5.0|4|UPS
1.3.6.1.4.1.318.1.1.12.1.6.0|4|ZA1732000177
1.3.6.1.4.1.99999.1.1.0|4|serial ZA1732000177 of Customer Miller, 00:C0:B7:12:34:56, 00c0b7123456, 0:c0:b7:12:34:56
1.3.6.1.4.1.99999.1.2.0|4|http://10.20.30.40/ or jane@example.org, firmware v2.11.0.3 and 4.1.2.3
1.3.6.1.4.1.99999.1.3.0|4|AC9631
1.3.6.1.4.1.99999.1.4.0|4|JK1323004050
1.3.6.1.4.1.99999.1.5.8.90.65.49.55.51.50.48.48|2|5
1.3.6.1.4.1.99999.1.6.0|4|0010000000000000
1.3.6.1.4.1.99999.1.7.0|4|2026-11-26
1.3.6.1.4.1.99999.1.8.0|4x|28a1f2034455
1.3.6.1.4.1.99999.1.9.0|4|on battery
1.3.6.1.6.3.10.2.1.1.0|4x|80000e2f0300c0b7123456
"""
SECRETS = (
    *("5A1234T12345", "Jane Doe", "1234567", "ups-west", "dc.example.com", "Rack 7", "Miller", "ZA1732000177"),
    *("JK1323004050", "10.20.30.40", "192.0.2.77", "jane@", "12:34:56", "123456", "34455"),
)


def redacted(text: str = RECORDING, key: bytes = b"k", told: tuple[str, ...] = ()) -> dict[str, VarBind]:
    found = Redactor(key).redact(parse_recording(text), told)
    return {format_oid(varbind.oid): varbind for varbind in found}


def text_of(varbinds: dict[str, VarBind], oid: str) -> str:
    value = varbinds[oid].value
    assert isinstance(value, bytes)
    return value.decode()


def test_no_secret_is_left_anywhere() -> None:
    for number in range(20):
        text = format_recording(redacted(key=bytes((number,))).values())
        assert [secret for secret in SECRETS if secret in text] == []
        assert "c0b7123456" not in text
        assert ".10.20.30.40" not in text


def test_everything_keeps_type_length_and_kind_of_letters() -> None:
    before, after = parse_recording(RECORDING), redacted()
    assert len(after) == len(before)
    lengths = sorted((one.tag, len(one.value) if isinstance(one.value, bytes) else 0) for one in before)
    assert sorted((one.tag, len(one.value) if isinstance(one.value, bytes) else 0) for one in after.values()) == lengths
    serial = text_of(after, "1.3.6.1.4.1.318.1.1.12.1.6.0")
    assert serial[:2].isalpha() and serial[:2].isupper() and serial[2:].isdigit() and len(serial) == 12


def test_the_same_secret_is_the_same_everywhere() -> None:
    found = redacted()
    serial, alias = (text_of(found, oid) for oid in ("1.3.6.1.4.1.318.1.1.12.1.6.0", "1.3.6.1.2.1.31.1.1.1.18.1"))
    mac = found["1.3.6.1.2.1.2.2.1.6.1"].value
    assert isinstance(mac, bytes) and mac[:3] == b"\x00\xc0\xb7"
    with_colons = mac.hex(":")
    told = text_of(found, "1.3.6.1.4.1.99999.1.1.0")
    assert told.startswith(f"serial {serial} of {alias}, {with_colons.upper()}, {mac.hex()}, 0:")
    assert text_of(found, "1.3.6.1.2.1.1.5.0") in text_of(found, "1.3.6.1.2.1.1.1.0")


def test_rows_numbered_by_an_address_follow_it() -> None:
    found = redacted()
    for column, address in (("1.3.6.1.2.1.4.20.1.1", "10.20.30.40"), ("1.3.6.1.2.1.15.3.1.7", "192.0.2.77")):
        (oid,) = [name for name in found if name.startswith(column)]
        value = found[oid].value
        assert isinstance(value, bytes)
        now = str(ipaddress.IPv4Address(value))
        assert oid == f"{column}.{now}"
        assert now != address
    (mask,) = [found[name].value for name in found if name.startswith("1.3.6.1.2.1.4.20.1.3.")]
    assert mask == b"\xff\xff\xff\x00"


def test_rows_numbered_by_a_name_follow_it() -> None:
    text = RECORDING.replace("1.3.6.1.2.1.33.1.1.5.0|4|UPS", "1.3.6.1.2.1.33.1.1.5.0|4|ZA173200")
    found = redacted(text)
    name = text_of(found, "1.3.6.1.2.1.33.1.1.5.0")
    assert "1.3.6.1.4.1.99999.1.5.8." + ".".join(str(octet) for octet in name.encode()) in found


def test_what_is_no_secret_stays() -> None:
    found, before = redacted(), {format_oid(one.oid): one for one in parse_recording(RECORDING)}
    for oid in (
        *("1.3.6.1.2.1.1.2.0", "1.3.6.1.2.1.31.1.1.1.1.1", "1.3.6.1.2.1.33.1.1.5.0", "1.3.6.1.4.1.99999.1.3.0"),
        *("1.3.6.1.4.1.99999.1.6.0", "1.3.6.1.4.1.99999.1.7.0", "1.3.6.1.4.1.99999.1.9.0"),
    ):
        assert found[oid] == before[oid]
    assert text_of(found, "1.3.6.1.4.1.99999.1.2.0").endswith("firmware v2.11.0.3 and 4.1.2.3")
    assert "MN:AC9631" in text_of(found, "1.3.6.1.2.1.1.1.0")


def test_what_a_profile_reads_is_not_taken_for_a_secret_by_its_looks() -> None:
    varbinds = parse_recording(RECORDING)
    counter = parse_oid("1.3.6.1.4.1.99999.1.4.0")
    found = Redactor(b"k").redact(varbinds, read=[parse_oid("1.3.6.1.4.1.99999.1.4")])
    assert next(one.value for one in found if one.oid == counter) == b"JK1323004050"


def test_what_the_caller_knows_is_taken_out() -> None:
    assert "battery" not in text_of(redacted(told=("on battery",)), "1.3.6.1.4.1.99999.1.9.0")


def test_two_recordings_cannot_be_compared() -> None:
    serials = {text_of(redacted(key=bytes((number,))), "1.3.6.1.4.1.318.1.1.12.1.6.0") for number in range(50)}
    assert len(serials) == 50


PEERS = """\
1.3.6.1.4.1.9.9.187.1.2.5.1.3.1.4.192.0.2.77|2|6
1.3.6.1.4.1.9.9.187.1.2.5.1.3.2.16.42.2.20.9.0.0.0.0.0.0.0.0.0.0.0.7|2|3
1.3.6.1.4.1.9.9.187.1.2.5.1.4.1.4.192.0.2.77|2|2
1.3.6.1.4.1.9.9.187.1.2.5.1.4.2.16.42.2.20.9.0.0.0.0.0.0.0.0.0.0.0.7|2|2
1.3.6.1.4.1.9.9.187.1.2.5.1.6.2.16.42.2.20.9.0.0.0.0.0.0.0.0.0.0.0.7|4x|2a021409000000000000000000000008
1.3.6.1.4.1.2636.5.1.1.2.1.1.1.2.0.1.192.0.2.3.1.192.0.2.77|2|6
1.3.6.1.4.1.2636.5.1.1.2.1.1.1.2.0.2.42.2.20.9.0.0.0.0.0.0.0.0.0.0.0.8.2.42.2.20.9.0.0.0.0.0.0.0.0.0.0.0.7|2|6
1.3.6.1.4.1.2636.5.1.1.2.1.1.1.11.0.1.192.0.2.3.1.192.0.2.77|4x|c000024d
"""


def test_rows_of_bgp_peers_are_renumbered_alike_in_every_column_over_ipv4_and_ipv6() -> None:
    oids = list(redacted(PEERS))
    text = "\n".join(oids)
    assert "192.0.2" not in text and "42.2.20.9" not in text
    rows = [oid.removeprefix("1.3.6.1.4.1.9.9.187.1.2.5.1.").partition(".") for oid in oids if ".187." in oid]
    states, admins = ({row for column, _, row in rows if column == number} for number in ("3", "4"))
    assert states == admins
    kinds = [row.split(".")[:2] for _, _, row in rows]
    assert sorted(map(tuple, kinds)) == [("1", "4"), ("1", "4"), ("2", "16"), ("2", "16"), ("2", "16")]
    address = redacted(PEERS)[next(oid for oid in oids if ".1.2.5.1.6." in oid)].value
    assert isinstance(address, bytes) and address[:4] == bytes.fromhex("20010db8") and len(address) == 16


@given(st.lists(st.tuples(st.integers(1, 4000), st.binary(max_size=40)), max_size=40))
def test_any_octets_survive_writing_and_keep_their_length(values: list[tuple[int, bytes]]) -> None:
    rows = {f"1.3.6.1.4.1.99999.9.{number}": octets for number, octets in values}
    varbinds = [VarBind(parse_oid(oid), OCTET_STRING, octets) for oid, octets in rows.items()]
    again = RecordedSession(parse_recording(format_recording(Redactor(b"k").redact(varbinds))))
    assert sorted(len(str(one.oid)) for one in again.varbinds) == sorted(len(str(one.oid)) for one in varbinds)
    found = {format_oid(one.oid): one.value for one in again.varbinds}
    assert {oid: len(value) for oid, value in found.items() if isinstance(value, bytes)} == {
        oid: len(octets) for oid, octets in rows.items()
    }


@pytest.mark.parametrize(
    ("text", "stays"),
    [("ZA1732000177", False), ("00:c0:b7:12:34:56", False), ("10.20.30.40", False), ("Model AC-9631", True)],
)
def test_texts_in_registers_are_looked_through(text: str, stays: bool) -> None:
    octets = text.encode() + b"\0" * (len(text) % 2)
    values = {(3, 100 + at // 2): int.from_bytes(octets[at : at + 2], "big") for at in range(0, len(octets), 2)}
    values |= {(3, 99): 0x8001, (4, 100): 0x4142, (1, 7): 1}
    found = redact_registers(values, b"k")
    again = b"".join(found[3, 100 + number].to_bytes(2, "big") for number in range(len(octets) // 2))
    assert (again == octets) is stays
    assert len(again) == len(octets)
    assert [found[at] for at in ((3, 99), (4, 100), (1, 7))] == [0x8001, 0x4142, 1]
