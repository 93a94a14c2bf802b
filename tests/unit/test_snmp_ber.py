"""BER as SNMP uses it, by tables of octets."""

from __future__ import annotations

import itertools
import struct

import pytest

from dcmon.collectors.snmp.ber import (
    COUNTER32,
    COUNTER64,
    END_OF_MIB_VIEW,
    GAUGE32,
    INTEGER,
    IP_ADDRESS,
    NO_SUCH_INSTANCE,
    NO_SUCH_OBJECT,
    NULL,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    OPAQUE,
    TIMETICKS,
    DecodeError,
    VarBind,
    decode_varbinds,
    encode_names,
    encode_varbind,
    format_oid,
    is_after,
    oid_parts,
    opaque_number,
    parse_oid,
    suffix_parts,
)

NAME = bytes.fromhex("06 03 2b 06 01")
OID = NAME[2:]


def one(value: bytes) -> VarBind:
    """The binding of 1.3.6.1 with this encoded value."""
    data = bytes((0x30, len(NAME + value))) + NAME + value
    (varbind,) = decode_varbinds(data, 0, len(data))
    assert varbind.oid == OID
    return varbind


@pytest.mark.parametrize(
    ("octets", "tag", "value"),
    [
        ("02 01 00", INTEGER, 0),
        ("02 01 7f", INTEGER, 127),
        ("02 01 80", INTEGER, -128),
        ("02 02 00 80", INTEGER, 128),
        ("02 02 ff 7f", INTEGER, -129),
        ("02 04 7f ff ff ff", INTEGER, 2**31 - 1),
        ("02 04 80 00 00 00", INTEGER, -(2**31)),
        ("02 04 00 00 00 05", INTEGER, 5),
        ("02 05 00 ff ff ff ff", INTEGER, 2**32 - 1),
        ("41 01 00", COUNTER32, 0),
        ("41 05 00 ff ff ff ff", COUNTER32, 2**32 - 1),
        ("41 04 ff ff ff ff", COUNTER32, 2**32 - 1),
        ("41 01 ff", COUNTER32, 2**32 - 1),
        ("42 04 80 00 00 00", GAUGE32, 2**31),
        ("42 02 ff 9c", GAUGE32, 2**32 - 100),
        ("42 07 00 00 00 00 00 00 2a", GAUGE32, 42),
        ("43 03 01 00 00", TIMETICKS, 65536),
        ("46 09 00 ff ff ff ff ff ff ff ff", COUNTER64, 2**64 - 1),
        ("46 08 ff ff ff ff ff ff ff ff", COUNTER64, 2**64 - 1),
        ("46 08 00 00 00 00 00 00 00 07", COUNTER64, 7),
        ("46 01 05", COUNTER64, 5),
        ("04 00", OCTET_STRING, b""),
        ("04 03 61 62 63", OCTET_STRING, b"abc"),
        ("04 81 03 61 62 63", OCTET_STRING, b"abc"),
        ("04 82 00 03 61 62 63", OCTET_STRING, b"abc"),
        ("40 04 0a 00 00 01", IP_ADDRESS, b"\x0a\0\0\x01"),
        ("44 07 9f 78 04 42 f6 00 00", OPAQUE, bytes.fromhex("9f780442f60000")),
        ("06 02 2b 06", OBJECT_IDENTIFIER, "1.3.6"),
        ("06 01 00", OBJECT_IDENTIFIER, "0.0"),
        ("06 00", OBJECT_IDENTIFIER, "0.0"),
        ("05 00", NULL, None),
        ("80 00", NO_SUCH_OBJECT, None),
        ("81 00", NO_SUCH_INSTANCE, None),
        ("82 00", END_OF_MIB_VIEW, None),
    ],
)
def test_a_value_is_decoded_with_its_type(octets: str, tag: int, value: object) -> None:
    assert one(bytes.fromhex(octets)) == (OID, tag, value)


@pytest.mark.parametrize(
    "octets",
    [
        "02 00",  # an integer of nothing
        "41 00",
        "02 0a 01 02 03 04 05 06 07 08 09 0a",  # no machine's integer
        "42 05 01 00 00 00 00",  # more than 32 bits
        "46 09 01 00 00 00 00 00 00 00 00",
        "40 03 0a 00 00",
        "40 10 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01",
        "05 01 00",  # null with content
        "82 01 00",
        "06 02 2b 86",  # breaks off within a number
        "83 00",  # no such type
        "30 02 05 00",  # a constructed value
        "24 05 04 03 61 62 63",  # a constructed string
        "04 80 61 00 00",  # indefinite length
        "04 85 00 00 00 00 01 61",  # length of five octets
        "04 84 ff ff ff ff",
        "04 03 61 62",  # cut off
        "04 02 61 62 63",  # something behind it
        "",
        "04",
    ],
)
def test_a_malformed_value_is_a_decode_error(octets: str) -> None:
    with pytest.raises(DecodeError):
        one(bytes.fromhex(octets))


@pytest.mark.parametrize(
    "octets",
    [
        "31 07 06 03 2b 06 01 05 00",  # a set
        "30 06 06 00 05 00 05 00",  # an empty name
        "30 07 06 03 2b 06 81 05 00",  # a name that breaks off
        "30 07 04 03 2b 06 01 05 00",  # a name of another type
        "30 80 06 03 2b 06 01 05 00 00 00",  # indefinite
        "30 09 06 03 2b 06 01 05 00",  # longer than there is
        "30 03 06 03 2b 06 01 05 00",  # shorter than its name
        "30",
        "30 07 06 7f 2b 06 01 05 00",
    ],
)
def test_a_malformed_binding_is_a_decode_error(octets: str) -> None:
    data = bytes.fromhex(octets)
    with pytest.raises(DecodeError):
        decode_varbinds(data, 0, len(data))


def test_a_binding_must_not_reach_beyond_its_list() -> None:
    data = bytes.fromhex("30 07 06 03 2b 06 01 05 00")
    with pytest.raises(DecodeError):
        decode_varbinds(data, 0, len(data) - 1)


def test_deep_nesting_ends_at_the_first_wrong_tag() -> None:
    data = b"\x30\x80" * 30_000
    with pytest.raises(DecodeError):
        decode_varbinds(data, 0, len(data))


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("1.3.6.1", "2b 06 01"),
        (".1.3.6.1", "2b 06 01"),
        ("0.0", "00"),
        ("1.3.6.1.4.1.318", "2b 06 01 04 01 82 3e"),
        ("1.3.127.128.16383.16384", "2b 7f 81 00 ff 7f 81 80 00"),
        ("1.3.4294967295", "2b 8f ff ff ff 7f"),
        ("2.999.3", "88 37 03"),
        ("2.5", "55"),
    ],
)
def test_an_oid_has_one_encoding(text: str, octets: str) -> None:
    oid = parse_oid(text)
    assert oid == bytes.fromhex(octets)
    assert format_oid(oid) == text.removeprefix(".")
    assert oid_parts(oid) == tuple(map(int, text.removeprefix(".").split(".")))


@pytest.mark.parametrize(
    "text",
    [
        "",
        ".",
        "1..3",
        "1.3.",
        "..1.3",
        "a.b",
        "1.3.x",
        "1.3.-1",
        "3.1",
        "1.40",
        "1.3.4294967296",
        "1.3.६",
        "1,3",
        "1.3 ",
    ],
)
def test_what_is_no_oid_is_a_value_error_that_shows_it(text: str) -> None:
    with pytest.raises(ValueError, match="OID"):
        parse_oid(text)


def test_an_oid_has_at_most_128_numbers() -> None:
    parse_oid(".".join(["1", "3", *["1"] * 126]))
    with pytest.raises(ValueError, match="128"):
        parse_oid(".".join(["1", "3", *["1"] * 127]))


def test_a_prefix_is_a_prefix_of_octets_only_where_it_is_one_of_numbers() -> None:
    assert parse_oid("1.3.6.1.2.1.2").startswith(parse_oid("1.3.6.1.2.1"))
    assert not parse_oid("1.3.6.1.2.128").startswith(parse_oid("1.3.6.1.2.1"))
    assert suffix_parts(parse_oid("1.3.6.1.300.7")[3:]) == (300, 7)


def test_the_order_of_a_walk_is_that_of_numbers() -> None:
    numbers = [1, 2, 126, 127, 128, 129, 255, 256, 16383, 16384, 16385, 2097151, 2097152, 4294967295]
    oids = [parse_oid(f"1.3.{number}") for number in numbers]
    for before, after in itertools.pairwise(oids):
        assert is_after(after, before)
        assert not is_after(before, after)
        assert not is_after(after, after)
        assert is_after(after + b"\x01", after)


@pytest.mark.parametrize(
    ("content", "number"),
    [
        (b"\x9f\x78\x04" + struct.pack(">f", 22.5), 22.5),
        (b"\x9f\x79\x08" + struct.pack(">d", -0.125), -0.125),
        (b"\x9f\x7a\x01\xff", -1),
        (b"\x9f\x7b\x01\xff", 255),
        (b"\x9f\x78\x04\x00\x00", None),
        (b"\x9f\x78\x03\x00\x00\x00", None),
        (b"\x9f\x7a\x01", None),
        (b"\x9f\x7a", None),
        (b"", None),
        (b"text", None),
    ],
)
def test_a_number_in_an_opaque_is_unwrapped(content: bytes, number: float | None) -> None:
    assert opaque_number(content) == number


@pytest.mark.parametrize(
    "varbind",
    [
        VarBind(OID, COUNTER32, -1),
        VarBind(OID, COUNTER32, 2**32),
        VarBind(OID, COUNTER64, 2**64),
        VarBind(OID, IP_ADDRESS, b"abc"),
        VarBind(OID, OCTET_STRING, 5),
        VarBind(OID, INTEGER, None),
        VarBind(OID, NULL, 1),
        VarBind(OID, 0x83, None),
        VarBind(OID, OBJECT_IDENTIFIER, "x"),
    ],
)
def test_a_value_that_does_not_fit_its_type_is_not_encoded(varbind: VarBind) -> None:
    with pytest.raises(ValueError):
        encode_varbind(varbind)


def test_names_longer_than_one_octet_of_length_are_encoded() -> None:
    long = parse_oid("1.3." + ".".join(["4294967295"] * 100))
    data = encode_names([long, OID])
    start = 4
    assert [varbind.oid for varbind in decode_varbinds(data, start, len(data))] == [long, OID]
