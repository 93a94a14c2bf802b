"""The codec against all inputs: what is written is read back, pysnmp agrees, and nothing but DecodeError escapes."""

from __future__ import annotations

import warnings
from contextlib import suppress
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

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
    encode_oid,
    format_oid,
    is_after,
    oid_parts,
    opaque_number,
    parse_oid,
)
from dcmon.collectors.snmp.message import (
    GET,
    GETBULK,
    GETNEXT,
    V1,
    V2C,
    Message,
    TrapV1,
    _any_header,
    _usual_header,
    decode_header,
    decode_message,
    encode_notification,
    encode_request,
    encode_response,
    encode_trap_v1,
)
from dcmon.collectors.snmp.notification import UserInbox, printable, read_community
from dcmon.collectors.snmp.usm import LocalKeys, V3User
from dcmon.collectors.snmp.v3message import decode_scoped, decode_v3, encode_scoped, encode_v3

subid = st.integers(0, 2**32 - 1) | st.integers(0, 300)
parts = st.tuples(st.integers(0, 1), st.integers(0, 39)) | st.tuples(st.just(2), subid)
oids = st.builds(lambda head, tail: encode_oid((*head, *tail)), parts, st.lists(subid, max_size=20))
unsigned = st.integers(0, 2**32 - 1)
values = st.one_of(
    st.tuples(st.just(INTEGER), st.integers(-(2**31), 2**31 - 1)),
    st.tuples(st.sampled_from([COUNTER32, GAUGE32, TIMETICKS]), unsigned),
    st.tuples(st.just(COUNTER64), st.integers(0, 2**64 - 1)),
    st.tuples(st.sampled_from([OCTET_STRING, OPAQUE]), st.binary(max_size=300)),
    st.tuples(st.just(IP_ADDRESS), st.binary(min_size=4, max_size=4)),
    st.tuples(st.just(OBJECT_IDENTIFIER), oids.map(format_oid)),
    st.tuples(st.sampled_from([NULL, NO_SUCH_OBJECT, NO_SUCH_INSTANCE, END_OF_MIB_VIEW]), st.none()),
)
varbinds = st.lists(st.builds(lambda oid, value: VarBind(oid, *value), oids, values), max_size=12)
request_ids = st.integers(-(2**31), 2**31 - 1)
communities = st.binary(max_size=200)


@given(oids)
def test_an_oid_survives_text_and_numbers(oid: bytes) -> None:
    assert parse_oid(format_oid(oid)) == oid
    assert encode_oid(oid_parts(oid)) == oid


@given(oids, oids)
def test_octets_order_oids_as_their_numbers_do(one: bytes, other: bytes) -> None:
    assert is_after(one, other) == (oid_parts(one) > oid_parts(other))
    assert one.startswith(other) == (oid_parts(one)[: len(oid_parts(other))] == oid_parts(other))


@given(st.sampled_from([V1, V2C]), communities, request_ids, st.integers(0, 18), st.integers(0, 99), varbinds)
def test_a_response_is_read_back_as_it_was_written(
    version: int, community: bytes, request_id: int, status: int, index: int, bindings: list[VarBind]
) -> None:
    data = encode_response(version, community, request_id, bindings, status, index)
    message = decode_message(data)
    assert isinstance(message, Message)
    assert message[:2] + message[3:] == (version, community, request_id, status, index, bindings)


@given(communities, oids, st.integers(0, 6), request_ids, unsigned, varbinds)
def test_traps_are_read_back_as_they_were_written(
    community: bytes, enterprise: bytes, generic: int, number: int, uptime: int, bindings: list[VarBind]
) -> None:
    name = format_oid(enterprise)
    trap = decode_message(encode_trap_v1(community, name, b"\1\2\3\4", generic, number, uptime, bindings))
    assert trap == TrapV1(V1, community, name, b"\1\2\3\4", generic, number, uptime, bindings)
    other = decode_message(encode_notification(community, number, uptime, name, bindings, inform=True))
    assert [varbind.value for varbind in other.varbinds[:2]] == [uptime, name]
    assert other.varbinds[2:] == bindings


def _never_anything_else(data: bytes) -> None:
    for decode in (decode_message, decode_header, decode_v3, decode_scoped, opaque_number):
        with suppress(DecodeError):
            decode(data)
    with suppress(DecodeError):
        read_community(data, frozenset((b"public",)))
    with suppress(DecodeError):
        INBOX.read(data)


USER = V3User("u", "sha1", "authauth1", "aes128", "privpriv1")
OPEN = V3User("open")
ENGINE = b"\x80\x00\x00\x00\x04dcmon-test"
INBOX = UserInbox((USER, OPEN), ENGINE, 7, lambda: 0.0)


@settings(max_examples=300)
@given(st.binary(max_size=400))
def test_random_octets_are_a_decode_error_and_nothing_else(data: bytes) -> None:
    _never_anything_else(data)


_ODD = st.sampled_from([0x00, 0x02, 0x04, 0x06, 0x30, 0x7F, 0x80, 0x81, 0x82, 0x84, 0xA2, 0xFF])


@st.composite
def mangled(draw: st.DrawFn) -> bytes:
    """A sound message with some octets changed, removed, doubled or cut off."""
    bindings = draw(varbinds)
    kind = draw(st.integers(0, 4))
    if kind == 0:
        data = encode_response(V2C, b"public", draw(request_ids), bindings)
    elif kind == 1:
        data = encode_trap_v1(b"public", "1.3.6.1.4.1.9", b"\1\2\3\4", 6, 1, 5, bindings)
    elif kind == 2:
        data = encode_notification(b"public", 5, 5, "1.3.6.1.4.1.9", bindings, inform=True)
    else:
        pdu = encode_notification(b"", 5, 5, "1.3.6.1.4.1.9", bindings, inform=kind == 3)
        user, flags = draw(st.sampled_from([(USER, 7), (USER, 3), (OPEN, 4), (OPEN, 0)]))
        inner = pdu[2:] if pdu[1] < 0x80 else pdu[2 + pdu[1] - 0x80 :]
        scoped = encode_scoped(ENGINE, b"", inner[5:])
        data = encode_v3(5, flags, ENGINE, 7, 0, LocalKeys(user, ENGINE), scoped)
    octets = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        position = draw(st.integers(0, max(0, len(octets) - 1)))
        change = draw(st.integers(0, 3))
        if change == 0 and octets:
            octets[position] = draw(_ODD | st.integers(0, 255))
        elif change == 1:
            del octets[position : position + draw(st.integers(1, 5))]
        elif change == 2:
            octets[position:position] = octets[position : position + draw(st.integers(1, 5))]
        else:
            del octets[position:]
    return bytes(octets)


@settings(max_examples=400)
@given(mangled())
def test_mangled_messages_are_a_decode_error_and_nothing_else(data: bytes) -> None:
    _never_anything_else(data)


@settings(max_examples=300)
@given(mangled() | st.binary(max_size=80))
def test_the_quick_header_agrees_with_the_thorough_one(data: bytes) -> None:
    quick = _usual_header(data)
    if quick is not None:
        assert quick == _any_header(data)


@settings(max_examples=150)
@given(mangled())
def test_whatever_is_decoded_can_be_shown(data: bytes) -> None:
    with suppress(DecodeError):
        for varbind in decode_message(data).varbinds:
            assert printable(varbind).isprintable() or b"\n" in varbind.value or b"\t" in varbind.value  # type: ignore
            format_oid(varbind.oid)


# --- pysnmp as an oracle ---


def _pysnmp(version: int) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pysnmp.proto import api
    return api.PROTOCOL_MODULES[version]


def _pysnmp_value(module: Any, varbind: VarBind) -> Any:
    from pysnmp.proto import rfc1905

    _, tag, value = varbind
    kinds = {
        INTEGER: module.Integer,
        COUNTER32: module.Counter32 if hasattr(module, "Counter32") else module.Counter,
        GAUGE32: module.Gauge32 if hasattr(module, "Gauge32") else module.Gauge,
        TIMETICKS: module.TimeTicks,
        OCTET_STRING: module.OctetString,
        OPAQUE: module.Opaque,
        OBJECT_IDENTIFIER: module.ObjectIdentifier,
    }
    if tag in kinds:
        return kinds[tag](value)
    if tag == COUNTER64:
        return module.Counter64(value)
    if tag == IP_ADDRESS:
        assert isinstance(value, bytes)
        return module.IpAddress(".".join(map(str, value)))
    exceptions = {
        NO_SUCH_OBJECT: rfc1905.noSuchObject,
        NO_SUCH_INSTANCE: rfc1905.noSuchInstance,
        END_OF_MIB_VIEW: rfc1905.endOfMibView,
    }
    return exceptions[tag] if tag in exceptions else module.Null("")


@settings(max_examples=60)
@given(st.integers(0, 2**31 - 1), varbinds)
def test_what_pysnmp_writes_is_read_as_it_was_meant(request_id: int, bindings: list[VarBind]) -> None:
    from pyasn1.codec.ber import encoder

    module = _pysnmp(1)
    pdu = module.ResponsePDU()
    module.apiPDU.set_defaults(pdu)
    module.apiPDU.set_request_id(pdu, request_id)
    module.apiPDU.set_varbinds(pdu, [(oid_parts(b.oid), _pysnmp_value(module, b)) for b in bindings])
    message = module.Message()
    module.apiMessage.set_defaults(message)
    module.apiMessage.set_community(message, b"public")
    module.apiMessage.set_pdu(message, pdu)
    found = decode_message(bytes(encoder.encode(message)))
    assert isinstance(found, Message)
    assert (found.version, found.community, found.request_id) == (V2C, b"public", request_id)
    assert found.varbinds == bindings


@settings(max_examples=60)
@given(st.sampled_from([GET, GETNEXT, GETBULK]), st.integers(2**30, 2**31 - 1), st.lists(oids, max_size=8))
def test_pysnmp_reads_requests_as_they_were_meant(pdu: int, request_id: int, names: list[bytes]) -> None:
    from pyasn1.codec.ber import decoder

    module = _pysnmp(1)
    message, rest = decoder.decode(
        encode_request(V2C, b"public", pdu, request_id, names, 17), asn1Spec=module.Message()
    )
    assert not rest
    found = module.apiMessage.get_pdu(message)
    access = module.apiBulkPDU if pdu == GETBULK else module.apiPDU
    assert int(access.get_request_id(found)) == request_id
    assert [tuple(name) for name, _ in access.get_varbinds(found)] == [oid_parts(name) for name in names]
    if pdu == GETBULK:
        assert int(access.get_max_repetitions(found)) == 17


@settings(max_examples=60)
@given(st.integers(0, 2**31 - 1), varbinds)
def test_pysnmp_reads_responses_as_the_second_transport_needs_them(request_id: int, bindings: list[VarBind]) -> None:
    from dcmon.collectors.snmp.second import _decode

    found = _decode(encode_response(V2C, b"public", request_id, bindings, 0, 0))
    assert (found.version, found.community, found.request_id) == (V2C, b"public", request_id)
    assert found.answer.varbinds == bindings


@settings(max_examples=100)
@given(mangled())
def test_the_second_transport_raises_only_decode_errors(data: bytes) -> None:
    from dcmon.collectors.snmp.second import _decode

    with suppress(DecodeError):
        _decode(data)
