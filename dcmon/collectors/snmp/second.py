"""The second transport: v1 and v2c messages made and read by pysnmp, for an agent whose dialect ours does not speak.

Sockets, matching of answers, retransmission and walks are the native client's; only the codec is pysnmp's, about
twenty times slower. SNMPv3 is the native client's too (see v3.py for why it is not pysnmp's engine).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from dcmon.collectors.snmp.ber import (
    COUNTER32,
    COUNTER64,
    GAUGE32,
    INTEGER,
    IP_ADDRESS,
    NSAP_ADDRESS,
    OBJECT_IDENTIFIER,
    OCTET_STRING,
    OPAQUE,
    TIMETICKS,
    UINTEGER32,
    DecodeError,
    Oid,
    VarBind,
    VarBindValue,
    encode_oid,
    oid_parts,
)
from dcmon.collectors.snmp.client import NativeClient
from dcmon.collectors.snmp.community import CommunityExchange
from dcmon.collectors.snmp.message import GET, GETBULK, GETNEXT, V1, V2C
from dcmon.collectors.snmp.session import Answer

if TYPE_CHECKING:
    from dcmon.collectors.names import Address

_OCTETS: Final = frozenset((OCTET_STRING, IP_ADDRESS, OPAQUE, NSAP_ADDRESS))
_NUMBERS: Final = frozenset((INTEGER, COUNTER32, GAUGE32, TIMETICKS, COUNTER64, UINTEGER32))


class _Decoded(NamedTuple):
    version: int
    community: bytes
    pdu: int
    request_id: int
    answer: Answer


class PysnmpExchange(CommunityExchange):
    """One agent, one community, in pysnmp's encoding."""

    def encode(self, pdu: int, oids: tuple[Oid, ...], repetitions: int, request_id: int) -> bytes:
        module = _module(self.version)
        kinds = {GET: "GetRequestPDU", GETNEXT: "GetNextRequestPDU", GETBULK: "GetBulkRequestPDU"}
        if pdu not in kinds:
            raise ValueError(f"PDU {pdu:#04x} is no request that reads")
        body = getattr(module, kinds[pdu])()
        access = module.apiBulkPDU if pdu == GETBULK else module.apiPDU
        access.set_defaults(body)
        access.set_request_id(body, request_id)
        if pdu == GETBULK:
            access.set_non_repeaters(body, 0)
            access.set_max_repetitions(body, repetitions)
        access.set_varbinds(body, [(oid_parts(oid), module.Null("")) for oid in oids])
        message = module.Message()
        module.apiMessage.set_defaults(message)
        module.apiMessage.set_community(message, self.community)
        module.apiMessage.set_pdu(message, body)
        from pyasn1.codec.ber import encoder

        return bytes(encoder.encode(message))


class PysnmpClient(NativeClient):
    """A NativeClient whose v1 and v2c messages pysnmp encodes and decodes."""

    _community_exchange = PysnmpExchange

    def _on_datagram(self, data: bytes, address: Address) -> None:
        try:
            found = _decode(data)
        except DecodeError as error:
            self._on_other(data, address, error)
            return
        pending = self._waiting(address, found.version, found.community, found.pdu, found.request_id)
        if pending is not None:
            pending.future.set_result(found.answer)


@lru_cache(maxsize=2)
def _module(version: int) -> Any:
    """pysnmp's protocol module of a version; it takes a quarter of a second to load, so only who needs it pays."""
    from pysnmp.proto import api

    return api.PROTOCOL_MODULES[{V1: api.SNMP_VERSION_1, V2C: api.SNMP_VERSION_2C}[version]]


def _decode(data: bytes) -> _Decoded:
    """A v1 or v2c message with a PDU that has a request id; DecodeError for everything else."""
    from pyasn1.codec.ber import decoder
    from pyasn1.error import PyAsn1Error
    from pysnmp.error import PySnmpError
    from pysnmp.proto import api

    try:
        version = int(api.decodeMessageVersion(data))
        if version not in (V1, V2C):
            raise DecodeError(f"SNMP version {version} is neither v1 nor v2c")
        module = _module(version)
        message, _ = decoder.decode(data, asn1Spec=module.Message())
        pdu = module.apiMessage.get_pdu(message)
        access = module.apiPDU
        varbinds = [_varbind(oid, value) for oid, value in access.get_varbinds(pdu)]
        answer = Answer(
            int(access.get_error_status(pdu)), int(access.get_error_index(pdu, muteErrors=True)), varbinds, len(data)
        )
        community = bytes(module.apiMessage.get_community(message))
        return _Decoded(version, community, _tag(pdu), int(access.get_request_id(pdu)), answer)
    except (
        PyAsn1Error,
        PySnmpError,
        ValueError,
        TypeError,
        LookupError,
        AttributeError,
        ArithmeticError,
        RecursionError,
    ) as error:
        # pyasn1 meets hostile octets with whatever its own code then stumbles over.
        raise DecodeError(f"pysnmp cannot read it: {error}") from error


def _tag(value: Any) -> int:
    tag = value.tagSet[-1]
    return int(tag.tagClass | tag.tagFormat | tag.tagId)


def _varbind(oid: Any, value: Any) -> VarBind:
    tag = _tag(value)
    content: VarBindValue
    if tag in _OCTETS:
        content = bytes(value)
    elif tag == OBJECT_IDENTIFIER:
        content = ".".join(map(str, value))
    else:
        content = int(value) if tag in _NUMBERS else None
    return VarBind(encode_oid(oid), tag, content)
