"""SNMPv3 messages with the user-based security model (RFC 3412 section 6, RFC 3414 section 2.4)."""

from __future__ import annotations

from typing import Final, NamedTuple

from dcmon.collectors.snmp.ber import (
    OCTET_STRING,
    SEQUENCE,
    DecodeError,
    VarBind,
    decode_varbinds,
    encode_integer,
    encode_tlv,
    read_header,
    read_integer,
    read_octets,
)
from dcmon.collectors.snmp.message import GET, GETBULK, GETNEXT, INFORM, RESPONSE, TRAP_V2, V3
from dcmon.collectors.snmp.usm import AUTH, PRIV, LocalKeys

REPORT: Final = 0xA8
_PDUS: Final = frozenset((GET, GETNEXT, GETBULK, RESPONSE, INFORM, TRAP_V2, REPORT))
_USM: Final = 3
_MAX_SIZE: Final = 65_507
_MAX_31: Final = 0x7FFFFFFF


class V3Message(NamedTuple):
    """A message whose security is not checked yet: nothing in it may be believed."""

    msg_id: int
    flags: int
    engine_id: bytes
    boots: int
    time: int
    user: bytes
    mac: bytes
    mac_offset: int
    """Where msgAuthenticationParameters stand in the datagram."""
    salt: bytes
    payload: bytes
    """ScopedPDU with its header, or its cipher text when PRIV is set."""


class ScopedPdu(NamedTuple):
    """What was asked or answered, and in which context."""

    context_engine_id: bytes
    context: bytes
    pdu: int
    request_id: int
    error_status: int
    error_index: int
    varbinds: list[VarBind]


def decode_v3(data: bytes) -> V3Message:
    """The envelope of a v3 message; DecodeError for everything else."""
    tag, pos, end = read_header(data, 0, len(data))
    if tag != SEQUENCE:
        raise DecodeError(f"an SNMP message starts with SEQUENCE, not tag {tag:#04x}")
    version, pos = read_integer(data, pos, end)
    if version != V3:
        raise DecodeError(f"SNMP version {version} is not v3")
    msg_id, flags, pos = _global_data(data, pos, end)
    tag, pos, parameters_end = read_header(data, pos, end)
    if tag != OCTET_STRING:
        raise DecodeError("msgSecurityParameters are missing")
    tag, pos, stop = read_header(data, pos, parameters_end)
    if tag != SEQUENCE or stop != parameters_end:
        raise DecodeError("msgSecurityParameters are not those of USM")
    engine_id, pos = read_octets(data, pos, stop, OCTET_STRING)
    boots, pos = read_integer(data, pos, stop)
    time, pos = read_integer(data, pos, stop)
    user, pos = read_octets(data, pos, stop, OCTET_STRING)
    mac, pos = read_octets(data, pos, stop, OCTET_STRING)
    mac_offset = pos - len(mac)
    salt, pos = read_octets(data, pos, stop, OCTET_STRING)
    if pos != stop or not (0 <= boots <= _MAX_31 and 0 <= time <= _MAX_31) or len(engine_id) > 32 or len(user) > 32:
        raise DecodeError("msgSecurityParameters are out of range")
    start = pos
    tag, pos, stop = read_header(data, start, end)
    if stop != end or tag != (OCTET_STRING if flags & PRIV else SEQUENCE):
        raise DecodeError("msgData does not fit msgFlags")
    payload = data[pos:stop] if flags & PRIV else data[start:stop]
    return V3Message(msg_id, flags, engine_id, boots, time, user, mac, mac_offset, salt, payload)


def _global_data(data: bytes, pos: int, end: int) -> tuple[int, int, int]:
    tag, pos, stop = read_header(data, pos, end)
    if tag != SEQUENCE:
        raise DecodeError("msgGlobalData are missing")
    msg_id, pos = read_integer(data, pos, stop)
    _, pos = read_integer(data, pos, stop)
    flags, pos = read_octets(data, pos, stop, OCTET_STRING)
    model, pos = read_integer(data, pos, stop)
    if pos != stop or len(flags) != 1 or model != _USM:
        raise DecodeError("msgGlobalData are not those of USM")
    if flags[0] & PRIV and not flags[0] & AUTH:
        raise DecodeError("privacy without authentication (RFC 3412 section 7.2.5)")
    return msg_id, flags[0], stop


def decode_scoped(plain: bytes) -> ScopedPdu:
    """A ScopedPDU; DecodeError when it is none, which is what a wrong privacy key makes of it."""
    tag, pos, end = read_header(plain, 0, len(plain))
    if tag != SEQUENCE:
        raise DecodeError("no ScopedPDU: the privacy key may be wrong")
    engine_id, pos = read_octets(plain, pos, end, OCTET_STRING)
    context, pos = read_octets(plain, pos, end, OCTET_STRING)
    pdu, pos, stop = read_header(plain, pos, end)
    if pdu not in _PDUS or stop != end:
        raise DecodeError(f"PDU {pdu:#04x} is not expected here")
    request_id, pos = read_integer(plain, pos, end)
    status, pos = read_integer(plain, pos, end)
    index, pos = read_integer(plain, pos, end)
    tag, pos, stop = read_header(plain, pos, end)
    if tag != SEQUENCE or stop != end:
        raise DecodeError("the PDU does not end with its variable bindings")
    return ScopedPdu(engine_id, context, pdu, request_id, status, index, decode_varbinds(plain, pos, end))


def encode_scoped(engine_id: bytes, context: bytes, pdu: bytes) -> bytes:
    """A ScopedPDU around an encoded PDU."""
    return encode_tlv(SEQUENCE, encode_tlv(OCTET_STRING, engine_id) + encode_tlv(OCTET_STRING, context) + pdu)


def encode_v3(
    msg_id: int, flags: int, engine_id: bytes, boots: int, time: int, keys: LocalKeys | None, scoped: bytes
) -> bytes:
    """A whole message, encrypted and signed as `flags` say; without keys it is the unnamed user of discovery."""
    salt = b""
    if keys is not None and flags & PRIV:
        secret, salt = keys.encrypt(boots, time, scoped)
        scoped = encode_tlv(OCTET_STRING, secret)
    mac_octets = keys.mac_octets if keys is not None and flags & AUTH else 0
    tail = encode_tlv(OCTET_STRING, salt)
    parameters = (
        encode_tlv(OCTET_STRING, engine_id)
        + encode_integer(boots)
        + encode_integer(time)
        + encode_tlv(OCTET_STRING, b"" if keys is None else keys.user.user.encode())
        + encode_tlv(OCTET_STRING, bytes(mac_octets))
        + tail
    )
    head = encode_tlv(
        SEQUENCE,
        encode_integer(msg_id)
        + encode_integer(_MAX_SIZE)
        + encode_tlv(OCTET_STRING, bytes((flags,)))
        + encode_integer(_USM),
    )
    secured = encode_tlv(OCTET_STRING, encode_tlv(SEQUENCE, parameters))
    whole = encode_tlv(SEQUENCE, encode_integer(V3) + head + secured + scoped)
    if keys is None or not mac_octets:
        return whole
    return keys.sign(whole, len(whole) - len(scoped) - len(tail) - mac_octets)
