"""Good messages with a few octets changed, cut out or put in: nothing but DecodeError comes out of any reader."""

from __future__ import annotations

import contextlib

from hypothesis import example, given
from hypothesis import strategies as st

from dcmon.collectors.snmp.ber import (
    COUNTER64,
    INTEGER,
    IP_ADDRESS,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    OPAQUE,
    DecodeError,
    VarBind,
    encode_tlv,
    encode_varbind,
    parse_oid,
)
from dcmon.collectors.snmp.message import INFORM, TRAP_V2, encode_notification, encode_response, encode_trap_v1
from dcmon.collectors.snmp.notification import Notification, Other, UserInbox, read_community, trap_names
from dcmon.collectors.snmp.second import _decode
from dcmon.collectors.snmp.usm import REPORTABLE, LocalKeys, V3User
from dcmon.collectors.snmp.v3message import encode_scoped, encode_v3

OURS, THEIRS = b"\x80\0\0\0\x04ours", b"\x80\0\0\0\x04them"
PRIVATE, OPEN = V3User("dcmon", "sha256", "authauth1", "aes128", "privpriv1"), V3User("open")
VARBINDS = [
    VarBind(parse_oid("1.3.6.1.4.1.318.1"), INTEGER, -5),
    VarBind(parse_oid("1.3.6.1.4.1.318.2.3.3.0"), OCTET_STRING, b"UPS \xff"),
    VarBind(parse_oid("1.3.6.1.2.1.1.2.0"), OBJECT_IDENTIFIER, "1.3.6.1.4.1.99"),
    VarBind(parse_oid("1.3.6.1.2.1.1.4.0"), OPAQUE, b"\x9f\x78\x04\x41\x20\0\0"),
    VarBind(parse_oid("1.3.6.1.2.1.1.5.0"), COUNTER64, 2**63),
    VarBind(parse_oid("1.3.6.1.6.3.18.1.3.0"), IP_ADDRESS, b"\1\2\3\4"),
]
TRAP = "1.3.6.1.4.1.318.0.5"


def sealed(user: V3User, engine_id: bytes, pdu: int) -> bytes:
    head = [VarBind(parse_oid("1.3.6.1.6.3.1.1.4.1.0"), OBJECT_IDENTIFIER, TRAP)]
    body = b"\2\1\7\2\1\0\2\1\0" + encode_tlv(0x30, b"".join(map(encode_varbind, head + VARBINDS)))
    flags = user.flags | (REPORTABLE if pdu == INFORM else 0)
    scoped = encode_scoped(engine_id, b"", encode_tlv(pdu, body))
    return encode_v3(5, flags, engine_id, 1, 0, LocalKeys(user, engine_id), scoped)


GOOD = [
    encode_notification(b"public", 1, 100, TRAP, VARBINDS, inform=True),
    encode_notification(b"public", 1, 100, TRAP, VARBINDS, inform=False),
    encode_trap_v1(b"public", "1.3.6.1.4.1.318", b"\1\2\3\4", 6, 5, 100, VARBINDS[:4]),
    encode_response(1, b"public", 1 << 30, VARBINDS),
    *(sealed(user, engine, pdu) for user, engine, pdu in ((OPEN, THEIRS, TRAP_V2), (OPEN, OURS, INFORM))),
    *(sealed(user, engine, pdu) for user, engine, pdu in ((PRIVATE, THEIRS, TRAP_V2), (PRIVATE, OURS, INFORM))),
]

edits = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 6), st.binary(max_size=6)), min_size=1, max_size=5)


@given(st.sampled_from(GOOD), edits)
@example(bytes.fromhex("308206000288e754d5f7450105300e0201"), [(17, 0, b"")])  # pyasn1 raised OverflowError
def test_nothing_but_a_decode_error_comes_of_a_message_that_is_not_quite_one(
    good: bytes, changes: list[tuple[int, int, bytes]]
) -> None:
    data = good
    for at, cut, put in changes:
        start = min(at, len(data))
        data = data[:start] + put + data[start + cut :]
    inbox = UserInbox([PRIVATE, OPEN], OURS, 1, lambda: 0.0)
    for read in (lambda: read_community(data, frozenset((b"public",))), lambda: inbox.read(data)):
        with contextlib.suppress(DecodeError):
            found = read()
            notification: Notification | None = found.notification if isinstance(found, Other) else found
            if notification is not None:
                assert sum(len(name) + len(text) for name, text in trap_names(notification.varbinds)) < 4300
    with contextlib.suppress(DecodeError):
        _decode(data)


def test_the_good_ones_are_read() -> None:
    inbox = UserInbox([PRIVATE, OPEN], OURS, 1, lambda: 0.0)
    assert [isinstance(read_community(data, frozenset((b"public",))), Notification) for data in GOOD[:3]] == [True] * 3
    assert [isinstance(inbox.read(data), Notification) for data in GOOD[4:]] == [True] * 4
