"""SNMP agents for tests: scripted ones on real sockets that misbehave on purpose, and net-snmp's snmpd."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

from servers import free_port

from dcmon.collectors.snmp import Oid, VarBind, oid_parts, parse_oid
from dcmon.collectors.snmp.ber import (
    COUNTER32,
    END_OF_MIB_VIEW,
    INTEGER,
    NO_SUCH_OBJECT,
    SEQUENCE,
    encode_integer,
    encode_tlv,
    encode_varbind,
)
from dcmon.collectors.snmp.message import GET, GETBULK, RESPONSE, V1, Message, decode_message, encode_response
from dcmon.collectors.snmp.usm import AUTH, NOT_IN_TIME_WINDOW, PRIV, UNKNOWN_ENGINE, LocalKeys, V3User
from dcmon.collectors.snmp.v3message import REPORT, V3Message, decode_scoped, decode_v3, encode_scoped, encode_v3

BASE = parse_oid("1.3.6.1.4.1.99999")


def oid(*suffix: int) -> Oid:
    """An object below the tests' own branch."""
    return parse_oid(".".join(("1.3.6.1.4.1.99999", *map(str, suffix))))


Script = Callable[[bytes, int], Iterable[bytes]]
"""(datagram, how many came before) -> datagrams to answer with."""


class Responder(asyncio.DatagramProtocol):
    """Answers each datagram with what its script says; `other` sends from another port."""

    def __init__(self, script: Script) -> None:
        self.script = script
        self.received: list[bytes] = []
        self.other: socket.socket | None = None
        self.transport: asyncio.DatagramTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        count = len(self.received)
        self.received.append(data)
        for answer in self.script(data, count):
            if answer.startswith(FROM_ELSEWHERE):
                assert self.other is not None
                self.other.sendto(answer.removeprefix(FROM_ELSEWHERE), addr)
            else:
                self.transport.sendto(answer, addr)

    @property
    def port(self) -> int:
        return int(self.transport.get_extra_info("sockname")[1])


FROM_ELSEWHERE = b"<from another socket>"


@asynccontextmanager
async def responder(script: Script) -> AsyncIterator[Responder]:
    """A Responder on 127.0.0.1."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(lambda: Responder(script), local_addr=("127.0.0.1", 0))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        protocol.other = other
        try:
            yield protocol
        finally:
            transport.close()


def serve(data: bytes, values: dict[Oid, VarBind], *, max_octets: int = 65_507) -> bytes:
    """What a sound agent with these values answers; tooBig beyond `max_octets`."""
    request = decode_message(data)
    assert isinstance(request, Message)
    order = sorted(values, key=oid_parts)
    if request.pdu == GET:
        status, index, varbinds = _get(request, values)
    elif request.pdu == GETBULK:
        status, index, varbinds = 0, 0, _bulk(request, order, values)
    else:
        status, index, varbinds = _next(request, order, values)
    answer = encode_response(request.version, request.community, request.request_id, varbinds, status, index)
    if len(answer) > max_octets:
        return encode_response(request.version, request.community, request.request_id, request.varbinds, 1, 0)
    return answer


def _get(request: Message, values: dict[Oid, VarBind]) -> tuple[int, int, list[VarBind]]:
    varbinds = []
    for number, varbind in enumerate(request.varbinds, 1):
        found = values.get(varbind.oid)
        if found is None and request.version == V1:
            return 2, number, request.varbinds
        varbinds.append(found or VarBind(varbind.oid, NO_SUCH_OBJECT, None))
    return 0, 0, varbinds


def _after(name: Oid, order: list[Oid], values: dict[Oid, VarBind]) -> VarBind:
    numbers = oid_parts(name)
    return next((values[other] for other in order if oid_parts(other) > numbers), VarBind(name, END_OF_MIB_VIEW, None))


def _next(request: Message, order: list[Oid], values: dict[Oid, VarBind]) -> tuple[int, int, list[VarBind]]:
    varbinds = [_after(varbind.oid, order, values) for varbind in request.varbinds]
    if request.version == V1:
        for number, varbind in enumerate(varbinds, 1):
            if varbind.tag == END_OF_MIB_VIEW:
                return 2, number, request.varbinds
    return 0, 0, varbinds


def _bulk(request: Message, order: list[Oid], values: dict[Oid, VarBind]) -> list[VarBind]:
    names = [varbind.oid for varbind in request.varbinds]
    varbinds = []
    for _ in range(request.error_index):
        row = [_after(name, order, values) for name in names]
        varbinds += row
        names = [varbind.oid for varbind in row]
        if all(varbind.tag == END_OF_MIB_VIEW for varbind in row):
            break
    return varbinds


def table(columns: int, rows: int, *, skip: int = 1) -> dict[Oid, VarBind]:
    """Integers under BASE.1.column.row; `skip` spreads the row numbers over sub-identifiers of several octets."""
    return {
        oid(1, column, row * skip): VarBind(oid(1, column, row * skip), INTEGER, column * 1000 + row)
        for column in range(1, columns + 1)
        for row in range(1, rows + 1)
    }


class V3Agent:
    """A small SNMPv3 agent: knows one user, answers every OID with `value`; a test may change anything it says."""

    def __init__(self, user: V3User, engine_id: bytes = b"\x80\x00\x1f\x88\x04test-agent", boots: int = 5) -> None:
        self.user = user
        self.engine_id = engine_id
        self.boots = boots
        self.time = 1000
        self.value = 42
        self.answers: list[bytes] = []
        self.questions: list[V3Message] = []

    def script(self, data: bytes, count: int) -> Iterable[bytes]:
        del count
        return [self.answer(data)]

    def answer(self, data: bytes) -> bytes:
        message = decode_v3(data)
        self.questions.append(message)
        if message.engine_id != self.engine_id:
            return self.report(message, UNKNOWN_ENGINE, signed=False)
        keys = LocalKeys(self.user, self.engine_id)
        if self.user.flags & AUTH:
            assert keys.verify(data, message.mac_offset, message.mac)
            if message.boots != self.boots or abs(message.time - self.time) > 150:
                return self.report(message, NOT_IN_TIME_WINDOW, signed=True)
        plain = message.payload
        if message.flags & PRIV:
            plain = keys.decrypt(message.boots, message.time, message.salt, message.payload)
        request = decode_scoped(plain)
        varbinds = [VarBind(varbind.oid, INTEGER, self.value) for varbind in request.varbinds]
        answer = self.seal(message, RESPONSE, request.request_id, varbinds)
        self.answers.append(answer)
        return answer

    def report(self, message: V3Message, name: str, *, signed: bool) -> bytes:
        flags, user = (AUTH, self.user) if signed else (0, V3User(message.user.decode()))
        return self.seal(message, REPORT, 0, [VarBind(parse_oid(name), COUNTER32, 1)], flags=flags, user=user)

    def seal(
        self,
        message: V3Message,
        pdu: int,
        request_id: int,
        varbinds: list[VarBind],
        *,
        flags: int | None = None,
        boots: int | None = None,
        time: int | None = None,
        user: V3User | None = None,
    ) -> bytes:
        """A signed and encrypted message of this agent, as wrong as the test wants it."""
        body = encode_integer(request_id) + encode_integer(0) + encode_integer(0)
        body += encode_tlv(SEQUENCE, b"".join(map(encode_varbind, varbinds)))
        scoped = encode_scoped(self.engine_id, self.user.context.encode(), encode_tlv(pdu, body))
        keys = LocalKeys(user or self.user, self.engine_id)
        return encode_v3(
            message.msg_id,
            self.user.flags if flags is None else flags,
            self.engine_id,
            self.boots if boots is None else boots,
            self.time if time is None else time,
            keys,
            scoped,
        )


SNMPD_CONF = """
rocommunity public
rocommunity6 public
createUser md5 MD5 authauth1
createUser sha1 SHA authauth1 AES privpriv1
createUser sha224 SHA-224 authauth1 AES privpriv1
createUser sha256 SHA-256 authauth1 AES privpriv1
createUser sha384 SHA-384 authauth1 AES-192 privpriv1
createUser sha512 SHA-512 authauth1 AES-256 privpriv1
createUser short MD5 authauth1 AES-256 privpriv1
createUser open
rouser md5 auth
rouser sha1 priv
rouser sha224 priv
rouser sha256 priv
rouser sha384 priv
rouser sha512 priv
rouser short priv
rouser open noauth
sysDescr a test agent
sysLocation Fire section 2, rack 7
"""


def has_ipv6() -> bool:
    """Whether ::1 can be had; containers often lack it."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


@asynccontextmanager
async def snmpd(folder: Path, *, conf: str = SNMPD_CONF, port: int | None = None) -> AsyncIterator[int]:
    """net-snmp's agent on 127.0.0.1 and, where there is IPv6, ::1; yields its port when it answers."""
    port = port or free_port()
    (folder / "snmpd.conf").write_text(conf)
    program = shutil.which("snmpd", path=os.environ["PATH"] + ":/usr/sbin")
    assert program is not None
    process = await asyncio.create_subprocess_exec(
        *(program, "-f", "-Lf", str(folder / "snmpd.log"), "-C", "-c", str(folder / "snmpd.conf"), "-I", "-smux"),
        f"udp:127.0.0.1:{port}" + (f",udp6:[::1]:{port}" if has_ipv6() else ""),
        env={**os.environ, "SNMP_PERSISTENT_DIR": str(folder), "MIBS": ""},
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        await _until_listening(port)
        yield port
    finally:
        process.terminate()
        await process.wait()


async def _until_listening(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.setblocking(False)
        sock.connect(("127.0.0.1", port))
        probe = encode_response(V1, b"nobody", 1, [])
        for _ in range(200):
            try:
                sock.send(probe)
                await asyncio.sleep(0.05)
                sock.send(probe)
                return
            except ConnectionRefusedError:
                await asyncio.sleep(0.02)
    raise TimeoutError("snmpd does not listen")
