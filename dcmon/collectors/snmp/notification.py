"""Traps and informs as datagrams: from any version's message to one Notification, and the answers that informs want."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Final, NamedTuple

from dcmon.collectors.snmp.ber import (
    COUNTER32,
    EXCEPTIONS,
    IP_ADDRESS,
    NULL,
    OPAQUE,
    SEQUENCE,
    TAG_NAMES,
    DecodeError,
    VarBind,
    encode_integer,
    encode_tlv,
    encode_varbind,
    format_oid,
    opaque_number,
    parse_oid,
)
from dcmon.collectors.snmp.message import (
    INFORM,
    RESPONSE,
    SNMP_TRAP_OID,
    SYS_UPTIME,
    TRAP_V2,
    Message,
    TrapV1,
    decode_message,
    encode_response,
)
from dcmon.collectors.snmp.usm import (
    AUTH,
    MAX_BOOTS,
    NOT_IN_TIME_WINDOW,
    PRIV,
    REPORTABLE,
    TIME_WINDOW_S,
    UNKNOWN_ENGINE,
    EngineClock,
    LocalKeys,
    V3User,
)
from dcmon.collectors.snmp.v3message import (
    REPORT,
    ScopedPdu,
    V3Message,
    decode_scoped,
    decode_v3,
    encode_scoped,
    encode_v3,
)

SNMP_TRAP_ADDRESS: Final = parse_oid("1.3.6.1.6.3.18.1.3.0")
_SECURITY_BITS: Final = AUTH | PRIV
_MAX_ENGINES: Final = 4096
_MAX_EVENT: Final = 4000
"""Characters of a trap's variables in the journal: a datagram may hold 65,507 octets, an event should not."""


class Notification(NamedTuple):
    """A trap or inform whose sender is known. uptime: the sender's, in hundredths of a second."""

    trap_oid: str
    uptime: int | None
    varbinds: list[VarBind]
    """Without sysUpTime and snmpTrapOID; a v1 trap's agent address stands here as snmpTrapAddress."""
    reply: bytes | None
    """What to send back once it is kept: informs only."""


class Verdict(Enum):
    """Why a datagram is no notification that counts."""

    FOREIGN = auto()
    """Well-formed, but of an unknown community or user, of a wrong key or out of its time."""
    HANDSHAKE = auto()
    """A v3 sender that asks who we are or what time it is with us."""


class Other(NamedTuple):
    """A datagram that is no Notification of a known sender; a foreign one that is not encrypted can still be read."""

    verdict: Verdict
    reply: bytes | None = None
    notification: Notification | None = None


def read_community(data: bytes, communities: frozenset[bytes]) -> Notification | Other:
    """A v1 or v2c trap or inform; DecodeError when it is malformed or something else."""
    message = decode_message(data)
    if isinstance(message, TrapV1):
        varbinds = message.varbinds
        if any(message.agent_address):
            varbinds = [*varbinds, VarBind(SNMP_TRAP_ADDRESS, IP_ADDRESS, message.agent_address)]
        notification = Notification(message.trap_oid, message.uptime, varbinds, None)
    else:
        notification = _from_v2(message)
    if message.community in communities:
        return notification
    return Other(Verdict.FOREIGN, notification=notification._replace(reply=None))


def _from_v2(message: Message) -> Notification:
    if message.pdu not in (TRAP_V2, INFORM):
        raise DecodeError(f"PDU {message.pdu:#04x} is neither trap nor inform")
    reply = None
    if message.pdu == INFORM:
        try:
            reply = encode_response(message.version, message.community, message.request_id, message.varbinds)
        except ValueError as error:
            raise DecodeError(f"an inform that no answer can repeat: {error}") from error
    return notification_of(message.varbinds, reply)


def notification_of(varbinds: Sequence[VarBind], reply: bytes | None) -> Notification:
    """The parts of an SNMPv2-Trap or Inform (RFC 3416 section 4.2.6); DecodeError without snmpTrapOID."""
    trap_oid = uptime = None
    rest = []
    for varbind in varbinds:
        if varbind.oid == SNMP_TRAP_OID and isinstance(varbind.value, str) and trap_oid is None:
            trap_oid = varbind.value
        elif varbind.oid == SYS_UPTIME and isinstance(varbind.value, int) and uptime is None:
            uptime = varbind.value
        else:
            rest.append(varbind)
    if trap_oid is None:
        raise DecodeError("a notification without snmpTrapOID")
    return Notification(trap_oid, uptime, rest, reply)


def printable(varbind: VarBind) -> str:
    """A value for people: text as it is, other octets in hexadecimal, addresses dotted, an exception by its name."""
    _, tag, value = varbind
    if tag in EXCEPTIONS or tag == NULL:
        return TAG_NAMES[tag]
    if isinstance(value, bytes):
        if tag == IP_ADDRESS:
            return ".".join(map(str, value))
        number = opaque_number(value) if tag == OPAQUE else None
        if number is not None:
            return str(number)
        try:
            text = value.rstrip(b"\0").decode()
        except UnicodeDecodeError:
            text = ""
        return text if text.replace("\n", " ").replace("\t", " ").isprintable() and text else _hex(value)
    return str(value)


def _hex(octets: bytes) -> str:
    return f"0x{octets.hex()}" if octets else ""


class UserInbox:
    """Reads v3 traps, of which the sender's engine is the authority, and v3 informs, of which ours is (RFC 3414
    section 1.5.1): for those it tells who we are and what time it is with us.

    boots must grow from start to start, as senders refuse an engine whose boots fall back.
    """

    def __init__(self, users: Sequence[V3User], engine_id: bytes, boots: int, monotonic: Callable[[], float]) -> None:
        self._users = {user.user.encode(): user for user in users}
        self._engine_id = engine_id
        self._boots = boots
        self._monotonic = monotonic
        self._started = monotonic()
        self._own = {name: LocalKeys(user, engine_id) for name, user in self._users.items()}
        self._peers: OrderedDict[tuple[bytes, bytes], tuple[LocalKeys, EngineClock]] = OrderedDict()
        self._unknown_engines = 0
        self._not_in_window = 0

    def read(self, data: bytes) -> Notification | Other:
        """A v3 datagram; DecodeError when it is malformed."""
        message = decode_v3(data)
        user = self._users.get(message.user)
        if message.flags & REPORTABLE and message.engine_id != self._engine_id:
            return self._introduce(message)
        if user is None:
            return self._read_foreign(message)
        if message.flags & _SECURITY_BITS != user.flags:
            return Other(Verdict.FOREIGN)
        if message.engine_id == self._engine_id:
            return self._read_inform(message, data)
        return self._read_trap(message, data, user)

    def _read_trap(self, message: V3Message, data: bytes, user: V3User) -> Notification | Other:
        key = (message.engine_id, message.user)
        peer = self._peers.get(key) or (
            LocalKeys(user, message.engine_id),
            EngineClock(message.boots, message.time, self._monotonic()),
        )
        keys, clock = peer
        if user.flags:
            if not keys.verify(data, message.mac_offset, message.mac):
                return Other(Verdict.FOREIGN)
            if not clock.accept(message.boots, message.time, self._monotonic()):
                return Other(Verdict.FOREIGN)
        self._peers[key] = peer
        self._peers.move_to_end(key)
        if len(self._peers) > _MAX_ENGINES:
            self._peers.popitem(last=False)
        scoped = decode_scoped(_plain(message, keys))
        if scoped.pdu != TRAP_V2:
            raise DecodeError(f"PDU {scoped.pdu:#04x} from a foreign engine is no trap")
        return notification_of(scoped.varbinds, None)

    def _read_foreign(self, message: V3Message) -> Other:
        """Of an unknown user there is no key; what is not encrypted can still be shown."""
        if message.flags & PRIV:
            return Other(Verdict.FOREIGN)
        return Other(Verdict.FOREIGN, notification=notification_of(decode_scoped(message.payload).varbinds, None))

    def _read_inform(self, message: V3Message, data: bytes) -> Notification | Other:
        keys = self._own[message.user]
        if keys.user.flags:
            if not keys.verify(data, message.mac_offset, message.mac):
                return Other(Verdict.FOREIGN)
            if (
                message.boots != self._boots
                or self._boots == MAX_BOOTS
                or abs(message.time - self._time()) > TIME_WINDOW_S
            ):
                self._not_in_window += 1
                reply = self._report(message, NOT_IN_TIME_WINDOW, self._not_in_window, keys)
                return Other(Verdict.HANDSHAKE, reply if message.flags & REPORTABLE else None)
        scoped = decode_scoped(_plain(message, keys))
        if scoped.pdu != INFORM:
            raise DecodeError(f"PDU {scoped.pdu:#04x} to our engine is no inform")
        return notification_of(scoped.varbinds, self._response(message, scoped, keys))

    def _introduce(self, message: V3Message) -> Other:
        """A sender that does not know our engine id learns it from a Report (RFC 3414 section 4)."""
        self._unknown_engines += 1
        return Other(Verdict.HANDSHAKE, self._report(message, UNKNOWN_ENGINE, self._unknown_engines, None))

    def _report(self, message: V3Message, oid: str, count: int, keys: LocalKeys | None) -> bytes:
        varbind = VarBind(parse_oid(oid), COUNTER32, count & 0xFFFFFFFF)
        request_id = 0
        if not message.flags & PRIV:
            request_id = decode_scoped(message.payload).request_id
        flags = AUTH if keys is not None else 0
        scoped = encode_scoped(self._engine_id, b"", _pdu(REPORT, request_id, (varbind,)))
        return self._encode(message, flags, keys, scoped)

    def _response(self, message: V3Message, scoped: ScopedPdu, keys: LocalKeys) -> bytes:
        try:
            pdu = _pdu(RESPONSE, scoped.request_id, scoped.varbinds)
        except ValueError as error:
            raise DecodeError(f"an inform that no answer can repeat: {error}") from error
        answer = encode_scoped(scoped.context_engine_id, scoped.context, pdu)
        return self._encode(message, message.flags & _SECURITY_BITS, keys, answer)

    def _encode(self, message: V3Message, flags: int, keys: LocalKeys | None, scoped: bytes) -> bytes:
        return encode_v3(message.msg_id, flags, self._engine_id, self._boots, self._time(), keys, scoped)

    def _time(self) -> int:
        return int(self._monotonic() - self._started)


def _plain(message: V3Message, keys: LocalKeys) -> bytes:
    if not message.flags & PRIV:
        return message.payload
    try:
        return keys.decrypt(message.boots, message.time, message.salt, message.payload)
    except ValueError as error:
        raise DecodeError(str(error)) from error


def _pdu(tag: int, request_id: int, varbinds: Sequence[VarBind]) -> bytes:
    body = encode_tlv(SEQUENCE, b"".join(map(encode_varbind, varbinds)))
    return encode_tlv(tag, encode_integer(request_id) + encode_integer(0) + encode_integer(0) + body)


def trap_names(varbinds: Sequence[VarBind]) -> tuple[tuple[str, str], ...]:
    """Variable bindings as (OID, printable value), up to the size that an event may have; what is left out is counted
    in a last pair without an OID."""
    pairs: list[tuple[str, str]] = []
    room = _MAX_EVENT
    for number, varbind in enumerate(varbinds):
        name, text = format_oid(varbind.oid), printable(varbind)
        room -= len(name) + len(text)
        if room < 0:
            left = len(varbinds) - number - 1
            cut = text[: max(0, room + len(text))]
            return (*pairs, (name, f"{cut} ..."), *([("", f"{left} more")] if left else []))
        pairs.append((name, text))
    return tuple(pairs)
