"""SNMP v1 and v2c messages, by example."""

from __future__ import annotations

import pytest

from dcmon.collectors.snmp import message as snmp
from dcmon.collectors.snmp.ber import (
    INTEGER,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    TIMETICKS,
    DecodeError,
    VarBind,
    encode_tlv,
    parse_oid,
)
from dcmon.collectors.snmp.message import (
    GET,
    GETBULK,
    GETNEXT,
    RESPONSE,
    TRAP_V2,
    V1,
    V2C,
    Message,
    TrapV1,
    decode_header,
    decode_message,
    encode_notification,
    encode_request,
    encode_response,
    encode_trap_v1,
    prepare_request,
)

OID = parse_oid("1.3.6.1.2.1.1.1.0")
# A v2c GetRequest of sysDescr.0 as snmpget sends it.
GET_SYSDESCR = bytes.fromhex(
    "30 29 02 01 01 04 06 70 75 62 6c 69 63 a0 1c 02 04 4f c2 5d 8a 02 01 00 02 01 00"
    "30 0e 30 0c 06 08 2b 06 01 02 01 01 01 00 05 00"
)


def test_a_get_is_encoded_as_net_snmp_encodes_it() -> None:
    assert encode_request(V2C, b"public", GET, 0x4FC25D8A, [OID]) == GET_SYSDESCR


def test_a_prepared_get_differs_only_in_its_request_id() -> None:
    prefix, suffix = prepare_request(V2C, b"public", GET, [OID])
    assert prefix + bytes.fromhex("4f c2 5d 8a") + suffix == GET_SYSDESCR


def test_a_response_is_read_with_everything_in_it() -> None:
    varbinds = [VarBind(OID, OCTET_STRING, b"x" * 300), VarBind(OID, INTEGER, -1)]
    data = encode_response(V2C, b"public", 7, varbinds, 5, 2)
    assert decode_message(data) == Message(V2C, b"public", RESPONSE, 7, 5, 2, varbinds)


def test_getbulk_carries_its_repetitions_where_others_carry_errors() -> None:
    message = decode_message(encode_request(V2C, b"c", GETBULK, 2**30, [OID], 25))
    assert isinstance(message, Message)
    assert (message.pdu, message.error_status, message.error_index) == (GETBULK, 0, 25)


@pytest.mark.parametrize("pdu", [0xA3, RESPONSE, TRAP_V2, 0xA8, 0])
def test_only_requests_that_read_can_be_made(pdu: int) -> None:
    with pytest.raises(ValueError, match="reads"):
        encode_request(V2C, b"c", pdu, 2**30, [OID])


def test_v1_has_no_getbulk() -> None:
    with pytest.raises(ValueError, match="GETBULK"):
        encode_request(V1, b"c", GETBULK, 2**30, [OID])
    assert decode_message(encode_request(V1, b"c", GETNEXT, 2**30, [OID])).version == V1


def test_there_is_no_set_anywhere_in_the_codec() -> None:
    assert not [name for name in dir(snmp) if "set" in name.lower().split("_")]


def test_a_set_request_is_not_even_decoded() -> None:
    with pytest.raises(DecodeError, match="0xa3"):
        decode_message(GET_SYSDESCR.replace(b"\xa0\x1c", b"\xa3\x1c"))


@pytest.mark.parametrize(
    ("generic", "trap_oid"),
    [
        (0, "1.3.6.1.6.3.1.1.5.1"),
        (3, "1.3.6.1.6.3.1.1.5.4"),
        (5, "1.3.6.1.6.3.1.1.5.6"),
        (6, "1.3.6.1.4.1.318.0.5"),
    ],
)
def test_a_v1_trap_gets_the_oid_it_would_have_in_v2(generic: int, trap_oid: str) -> None:
    trap = decode_message(encode_trap_v1(b"c", "1.3.6.1.4.1.318", b"\x0a\0\0\x07", generic, 5, 2**32 - 1))
    assert isinstance(trap, TrapV1)
    assert trap.trap_oid == trap_oid
    assert trap.uptime == 2**32 - 1
    assert trap.agent_address == b"\x0a\0\0\x07"


def test_a_v2_trap_starts_with_uptime_and_its_oid() -> None:
    extra = VarBind(OID, OCTET_STRING, b"hot")
    trap = decode_message(encode_notification(b"c", 9, 4711, "1.3.6.1.4.1.9.9.0.1", [extra], inform=False))
    assert trap.varbinds == [
        VarBind(parse_oid("1.3.6.1.2.1.1.3.0"), TIMETICKS, 4711),
        VarBind(parse_oid("1.3.6.1.6.3.1.1.4.1.0"), OBJECT_IDENTIFIER, "1.3.6.1.4.1.9.9.0.1"),
        extra,
    ]


def test_what_stands_behind_a_message_is_left_alone() -> None:
    assert decode_message(GET_SYSDESCR + b"\0\0\0").varbinds == decode_message(GET_SYSDESCR).varbinds


def test_padded_lengths_are_read() -> None:
    inner = GET_SYSDESCR[2:]
    for header in (b"\x30\x81\x29", b"\x30\x82\x00\x29", b"\x30\x84\x00\x00\x00\x29"):
        assert decode_message(header + inner) == decode_message(GET_SYSDESCR)


@pytest.mark.parametrize("cut", range(len(GET_SYSDESCR)))
def test_every_truncation_is_a_decode_error(cut: int) -> None:
    with pytest.raises(DecodeError):
        decode_message(GET_SYSDESCR[:cut])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x30",
        b"\x30\x80" * 1000,
        b"\x30\x84\xff\xff\xff\xff",
        b"\x30\x88" + b"\xff" * 8,
        b"\xff" * 65_507,
        b"\x30\x82\xff\xe0" + b"\x30" * 65_000,
        GET_SYSDESCR.replace(b"\x02\x01\x01", b"\x02\x01\x03", 1),  # v3
        GET_SYSDESCR.replace(b"\x02\x01\x01", b"\x02\x01\xff", 1),
        GET_SYSDESCR.replace(b"\x02\x01\x01", b"\x04\x01\x01", 1),
        GET_SYSDESCR.replace(b"\x04\x06", b"\x05\x06", 1),
        GET_SYSDESCR.replace(b"\xa0\x1c", b"\xa0\x1b"),
        GET_SYSDESCR.replace(b"\xa0\x1c", b"\xa4\x1c"),  # a v1 trap in v2c
        GET_SYSDESCR.replace(b"\xa0\x1c", b"\xa0\x80"),
        encode_tlv(0x30, b"\x02\x01\x00"),
        encode_tlv(0x30, b"\x02\x01\x00\x04\x01c\xa4\x02\x06\x00"),
    ],
)
def test_whatever_is_no_message_is_a_decode_error(data: bytes) -> None:
    with pytest.raises(DecodeError):
        decode_message(data)
    with pytest.raises(DecodeError):
        decode_header(data)
