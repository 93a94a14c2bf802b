"""What traps become, without a network."""

from __future__ import annotations

import struct

import pytest

from dcmon.collectors.snmp.ber import (
    COUNTER64,
    INTEGER,
    IP_ADDRESS,
    NO_SUCH_INSTANCE,
    NULL,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    OPAQUE,
    DecodeError,
    VarBind,
    parse_oid,
)
from dcmon.collectors.snmp.message import GET, encode_notification, encode_request, encode_response, encode_trap_v1
from dcmon.collectors.snmp.notification import Notification, Other, Verdict, printable, read_community, trap_names

OID = parse_oid("1.3.6.1.4.1.318.1")
KNOWN = frozenset((b"public", b"alarms"))


@pytest.mark.parametrize(
    ("tag", "value", "shown"),
    [
        (INTEGER, -5, "-5"),
        (COUNTER64, 2**64 - 1, "18446744073709551615"),
        (OCTET_STRING, b"UPS: on battery", "UPS: on battery"),
        (OCTET_STRING, "Überlast\n".encode(), "Überlast\n"),
        (OCTET_STRING, b"closed\0", "closed"),
        (OCTET_STRING, b"", ""),
        (OCTET_STRING, b"\x00\x0c\x29\xff\xfe\x01", "0x000c29fffe01"),
        (OCTET_STRING, b"\x1b[31mred", "0x1b5b33316d726564"),
        (IP_ADDRESS, b"\x0a\0\0\x07", "10.0.0.7"),
        (OPAQUE, b"\x9f\x78\x04" + struct.pack(">f", 21.5), "21.5"),
        (OPAQUE, b"\x01\xff", "0x01ff"),
        (OBJECT_IDENTIFIER, "1.3.6.1", "1.3.6.1"),
        (NULL, None, "NULL"),
        (NO_SUCH_INSTANCE, None, "noSuchInstance"),
    ],
)
def test_a_value_is_shown_as_people_read_it(tag: int, value: int | bytes | str | None, shown: str) -> None:
    assert printable(VarBind(OID, tag, value)) == shown


def test_a_v1_trap_keeps_the_address_of_its_agent() -> None:
    found = read_community(encode_trap_v1(b"public", "1.3.6.1.4.1.318", b"\x0a\0\0\x07", 6, 5, 99), KNOWN)
    assert isinstance(found, Notification)
    assert (found.trap_oid, found.uptime, found.reply) == ("1.3.6.1.4.1.318.0.5", 99, None)
    assert [printable(varbind) for varbind in found.varbinds] == ["10.0.0.7"]


def test_an_inform_of_a_known_community_wants_an_answer_and_a_trap_does_not() -> None:
    for inform in (True, False):
        data = encode_notification(b"alarms", 77, 5, "1.3.6.1.4.1.9.0.1", inform=inform)
        found = read_community(data, KNOWN)
        assert isinstance(found, Notification)
        assert (found.reply is not None) is inform


def test_a_foreign_community_is_kept_and_never_answered() -> None:
    data = encode_notification(b"guess", 77, 5, "1.3.6.1.4.1.9.0.1", inform=True)
    found = read_community(data, KNOWN)
    assert isinstance(found, Other)
    assert found.verdict is Verdict.FOREIGN
    assert found.notification is not None
    assert found.reply is None
    assert found.notification.reply is None


@pytest.mark.parametrize(
    "data",
    [
        encode_request(1, b"public", GET, 2**30, [OID]),
        encode_response(1, b"public", 1, []),
        encode_response(1, b"public", 1, [VarBind(OID, INTEGER, 1)]).replace(b"\xa2", b"\xa7", 1),  # no snmpTrapOID
        b"",
        b"\x30\x03\x02\x01\x01",
    ],
)
def test_what_is_no_notification_is_a_decode_error(data: bytes) -> None:
    with pytest.raises(DecodeError):
        read_community(data, KNOWN)


def test_a_long_trap_is_kept_to_a_bounded_length_and_says_what_is_left_out() -> None:
    varbinds = [VarBind(OID, OCTET_STRING, b"x" * 1500) for _ in range(40)]
    pairs = trap_names(varbinds)
    assert sum(len(name) + len(text) for name, text in pairs) < 4200
    assert [len(text) for _, text in pairs[:2]] == [1500, 1500]
    assert pairs[2][1].endswith("x ...")
    assert pairs[-1] == ("", "37 more")


def test_an_inform_that_no_answer_can_repeat_is_malformed() -> None:
    """An INTEGER of nine octets can be read and, as no SMI number is so large, not be written."""
    good = encode_notification(b"public", 1, 100, "1.3.6.1", [VarBind(OID, INTEGER, 0x1122334455667788)], inform=True)
    at = good.index(bytes.fromhex("02081122334455667788"))
    longer = bytearray(good[:at] + bytes.fromhex("0209111122334455667788") + good[at + 10 :])
    varbind, varbinds, pdu = at - len(OID) - 4, good.index(b"\x30", 20), good.index(b"\xa6")
    for header in (varbind, varbinds, pdu, 0):
        longer[header + 1] += 1
    with pytest.raises(DecodeError, match="no answer can repeat"):
        read_community(bytes(longer), KNOWN)
