"""SNMP v1 and v2c messages (RFC 1157, RFC 1901, RFC 3416): requests, responses, traps and informs.

There is no encoder for SetRequest, and none can be had by passing its tag: dcmon only reads.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple, TypeAlias

from dcmon.collectors.snmp.ber import (
    INTEGER,
    IP_ADDRESS,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    SEQUENCE,
    TIMETICKS,
    DecodeError,
    Oid,
    VarBind,
    check_oid,
    decode_varbinds,
    encode_integer,
    encode_names,
    encode_tlv,
    encode_varbind,
    format_oid,
    parse_oid,
    read_header,
    read_integer,
    read_octets,
)

V1: Final = 0
V2C: Final = 1
V3: Final = 3
VERSIONS: Final = {"1": V1, "2c": V2C}
"""msgVersion by the name that people use."""

GET: Final = 0xA0
GETNEXT: Final = 0xA1
RESPONSE: Final = 0xA2
TRAP_V1: Final = 0xA4
GETBULK: Final = 0xA5
INFORM: Final = 0xA6
TRAP_V2: Final = 0xA7

_from_bytes = int.from_bytes

_READS: Final = frozenset((GET, GETNEXT, GETBULK))
_PDUS: Final = frozenset((GET, GETNEXT, RESPONSE, GETBULK, INFORM, TRAP_V2))

TOO_BIG: Final = 1
NO_SUCH_NAME: Final = 2
AUTHORIZATION_ERROR: Final = 16

SYS_UPTIME: Final = parse_oid("1.3.6.1.2.1.1.3.0")
SNMP_TRAP_OID: Final = parse_oid("1.3.6.1.6.3.1.1.4.1.0")
SNMP_TRAPS: Final = "1.3.6.1.6.3.1.1.5"
"""The generic traps of v1 are its children 1 to 6 (RFC 3584 section 3.1)."""


class Header(NamedTuple):
    """The start of a message: enough to know whose answer it is before anything else of it is decoded."""

    version: int
    community: bytes
    pdu: int
    request_id: int
    body: int
    """Position after the request id."""
    end: int
    """Position after the PDU."""


class Message(NamedTuple):
    """A v1 or v2c message with any PDU but the v1 trap. For GETBULK error_status is non-repeaters and error_index
    max-repetitions, as on the wire."""

    version: int
    community: bytes
    pdu: int
    request_id: int
    error_status: int
    error_index: int
    varbinds: list[VarBind]


class TrapV1(NamedTuple):
    """A v1 Trap-PDU; agent_address are four octets, uptime hundredths of a second."""

    version: int
    community: bytes
    enterprise: str
    agent_address: bytes
    generic: int
    specific: int
    uptime: int
    varbinds: list[VarBind]

    @property
    def trap_oid(self) -> str:
        """snmpTrapOID as a v2 trap would have it (RFC 3584 section 3.1)."""
        if 0 <= self.generic <= 5:
            return f"{SNMP_TRAPS}.{self.generic + 1}"
        return f"{self.enterprise}.0.{self.specific}"


AnyMessage: TypeAlias = Message | TrapV1


def read_version(data: bytes) -> int:
    """msgVersion of a datagram of any SNMP version; DecodeError when it is no SNMP message."""
    _, pos, end = _message(data)
    return read_integer(data, pos, end)[0]


def _message(data: bytes) -> tuple[int, int, int]:
    """Octets after the message are left alone: agents pad their datagrams, and nobody reads what stands there."""
    tag, pos, end = read_header(data, 0, len(data))
    if tag != SEQUENCE:
        raise DecodeError(f"an SNMP message starts with SEQUENCE, not tag {tag:#04x}")
    return tag, pos, end


def _pdu(data: bytes) -> tuple[int, bytes, int, int, int]:
    """(version, community, PDU tag, start and end of the PDU's content)."""
    _, pos, end = _message(data)
    version, pos = read_integer(data, pos, end)
    if version not in (V1, V2C):
        raise DecodeError(f"SNMP version {version} is neither v1 nor v2c")
    community, pos = read_octets(data, pos, end, OCTET_STRING)
    pdu, pos, stop = read_header(data, pos, end)
    if stop != end:
        raise DecodeError(f"{end - stop} octets behind the PDU")
    return version, community, pdu, pos, stop


def decode_header(data: bytes) -> Header:
    """The start of a message with any PDU but the v1 trap; DecodeError for everything else."""
    return _usual_header(data) or _any_header(data)


def _usual_header(data: bytes) -> Header | None:
    """The form that agents send: lengths of at most two octets, four octets of request id.

    Every datagram of the client passes here; in line it takes half the time of the thorough way, which is asked
    about everything that looks otherwise.
    """
    try:
        length = data[1]
        pos = 2
        if length > 0x80:
            pos = length - 0x7E
            length = _from_bytes(data[2:pos], "big")
        end = pos + length
        pdu = pos + 5 + data[pos + 4]
        length = data[pdu + 1]
        body = pdu + 2
        if length > 0x80:
            body = pdu + length - 0x7E
            length = _from_bytes(data[pdu + 2 : body], "big")
        usual = (
            data[0] == SEQUENCE
            and data[pos : pos + 2] == b"\2\1"
            and data[pos + 3] == OCTET_STRING
            and data[pos + 4] < 0x80
            and data[body : body + 2] == b"\2\4"
            and data[1] != 0x80 != data[pdu + 1]
            and body + 6 <= body + length == end <= len(data)
            and data[pos + 2] <= V2C
            and data[pdu] in _PDUS
            and pos <= 4
            and body <= pdu + 4
        )
    except IndexError:
        return None
    if not usual:
        return None
    request_id = _from_bytes(data[body + 2 : body + 6], "big", signed=True)
    return Header(data[pos + 2], data[pos + 5 : pdu], data[pdu], request_id, body + 6, end)


def _any_header(data: bytes) -> Header:
    version, community, pdu, pos, end = _pdu(data)
    if pdu not in _PDUS:
        raise DecodeError(f"PDU {pdu:#04x} is not expected here")
    request_id, pos = read_integer(data, pos, end)
    return Header(version, community, pdu, request_id, pos, end)


def decode_body(data: bytes, header: Header) -> tuple[int, int, list[VarBind]]:
    """(error-status, error-index, variable bindings) behind a header."""
    pos, end = header.body, header.end
    if data[pos : pos + 6] == b"\2\1\0\2\1\0":
        status = index = 0
        pos += 6
    else:
        status, pos = read_integer(data, pos, end)
        index, pos = read_integer(data, pos, end)
    tag, pos, stop = read_header(data, pos, end)
    if tag != SEQUENCE or stop != end:
        raise DecodeError("the PDU does not end with its variable bindings")
    return status, index, decode_varbinds(data, pos, end)


def decode_message(data: bytes) -> AnyMessage:
    """Any v1 or v2c message; DecodeError when it is malformed, of another version or no SNMP at all."""
    version, community, pdu, pos, end = _pdu(data)
    if pdu == TRAP_V1:
        if version != V1:
            raise DecodeError("a v1 trap in a message that says v2c")
        return _decode_trap_v1(data, community, pos, end)
    header = decode_header(data)
    status, index, varbinds = decode_body(data, header)
    return Message(version, community, pdu, header.request_id, status, index, varbinds)


def _decode_trap_v1(data: bytes, community: bytes, pos: int, end: int) -> TrapV1:
    enterprise, pos = read_octets(data, pos, end, OBJECT_IDENTIFIER)
    address, pos = read_octets(data, pos, end, IP_ADDRESS)
    generic, pos = read_integer(data, pos, end)
    specific, pos = read_integer(data, pos, end)
    ticks, pos = read_octets(data, pos, end, TIMETICKS)
    if len(address) != 4 or not 0 < len(ticks) <= 5:
        raise DecodeError("agent-addr or time-stamp of a v1 trap has the wrong length")
    tag, pos, stop = read_header(data, pos, end)
    if tag != SEQUENCE or stop != end:
        raise DecodeError("the trap does not end with its variable bindings")
    return TrapV1(
        V1,
        community,
        format_oid(check_oid(enterprise)),
        address,
        generic,
        specific,
        int.from_bytes(ticks, "big", signed=True) & 0xFFFFFFFF,
        decode_varbinds(data, pos, end),
    )


def _envelope(version: int, community: bytes, pdu: bytes) -> bytes:
    return encode_tlv(SEQUENCE, encode_integer(version) + encode_tlv(OCTET_STRING, community) + pdu)


def encode_request(
    version: int, community: bytes, pdu: int, request_id: int, oids: Iterable[Oid], repetitions: int = 0
) -> bytes:
    """GET, GETNEXT or GETBULK (with `repetitions`, no non-repeaters). ValueError for any other PDU."""
    prefix, suffix = prepare_request(version, community, pdu, oids, repetitions)
    return prefix + request_id.to_bytes(4, "big", signed=True) + suffix


def prepare_request(
    version: int, community: bytes, pdu: int, oids: Iterable[Oid], repetitions: int = 0
) -> tuple[bytes, bytes]:
    """The octets before and behind the four of the request id: a repeat of the request costs a concatenation.

    Four octets of request id are the shortest form only from 2**23 on; smaller ones would be padded.
    """
    if pdu not in _READS:
        raise ValueError(f"PDU {pdu:#04x} is no request that reads")
    if pdu == GETBULK and version == V1:
        raise ValueError("SNMP v1 has no GETBULK")
    body = encode_integer(0) + encode_integer(repetitions if pdu == GETBULK else 0) + encode_names(oids)
    whole = _envelope(version, community, encode_tlv(pdu, b"\2\4\0\0\0\0" + body))
    cut = len(whole) - len(body)
    return whole[: cut - 4], whole[cut:]


def encode_response(
    version: int,
    community: bytes,
    request_id: int,
    varbinds: Sequence[VarBind],
    error_status: int = 0,
    error_index: int = 0,
) -> bytes:
    """A GetResponse-PDU: what the simulator's agents answer, and what an inform is answered with."""
    return _encode_pdu(version, community, RESPONSE, request_id, varbinds, error_status, error_index)


def encode_notification(
    community: bytes, request_id: int, uptime: int, trap_oid: str, varbinds: Sequence[VarBind] = (), *, inform: bool
) -> bytes:
    """An SNMPv2-Trap or InformRequest; sysUpTime (hundredths of a second) and snmpTrapOID are put in front."""
    head = (VarBind(SYS_UPTIME, TIMETICKS, uptime), VarBind(SNMP_TRAP_OID, OBJECT_IDENTIFIER, trap_oid))
    return _encode_pdu(V2C, community, INFORM if inform else TRAP_V2, request_id, (*head, *varbinds), 0, 0)


def encode_trap_v1(
    community: bytes,
    enterprise: str,
    agent_address: bytes,
    generic: int,
    specific: int,
    uptime: int,
    varbinds: Sequence[VarBind] = (),
) -> bytes:
    """A v1 Trap-PDU; agent_address are four octets, uptime hundredths of a second."""
    content = (
        encode_tlv(OBJECT_IDENTIFIER, parse_oid(enterprise))
        + encode_tlv(IP_ADDRESS, agent_address)
        + encode_integer(generic)
        + encode_integer(specific)
        + encode_integer(uptime, TIMETICKS)
        + encode_tlv(SEQUENCE, b"".join(map(encode_varbind, varbinds)))
    )
    return _envelope(V1, community, encode_tlv(TRAP_V1, content))


def _encode_pdu(
    version: int, community: bytes, pdu: int, request_id: int, varbinds: Sequence[VarBind], status: int, index: int
) -> bytes:
    content = (
        encode_integer(request_id, INTEGER)
        + encode_integer(status)
        + encode_integer(index)
        + encode_tlv(SEQUENCE, b"".join(map(encode_varbind, varbinds)))
    )
    return _envelope(version, community, encode_tlv(pdu, content))
