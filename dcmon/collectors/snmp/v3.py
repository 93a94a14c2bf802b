"""Requests of SNMPv3 (USM) to one agent: discovery, the time window, and agents that are no longer who they were.

pysnmp's engine was the plan and is the oracle of the tests. It takes over the clock of every message before it
checks the time window, so it never finds an answer stale; it lets an unauthenticated message set that clock; and an
agent whose engine id changed stays lost until the engine (100 ms of blocked loop, 800 KB) is built anew.
See docs/adr/0002-own-snmp-codec.md.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from dcmon.collectors.snmp.ber import DecodeError, Oid, encode_integer, encode_names, encode_tlv, format_oid
from dcmon.collectors.snmp.message import GET, GETBULK, GETNEXT, RESPONSE, V3
from dcmon.collectors.snmp.session import Answer
from dcmon.collectors.snmp.target import Pending, Target
from dcmon.collectors.snmp.usm import (
    AUTH,
    NOT_IN_TIME_WINDOW,
    REPORTABLE,
    UNKNOWN_ENGINE,
    EngineClock,
    LocalKeys,
    V3User,
    report_error,
)
from dcmon.collectors.snmp.v3message import REPORT, V3Message, decode_scoped, encode_scoped, encode_v3
from dcmon.model import CollectError

if TYPE_CHECKING:
    from dcmon.collectors.snmp.client import NativeClient

_SECURITY_BITS: Final = 0x03
_READS: Final = frozenset((GET, GETNEXT, GETBULK))


class Report(NamedTuple):
    """A Report-PDU: why the agent did not accept the request. Never data."""

    oid: str
    message: V3Message


@dataclass(frozen=True, slots=True)
class _Engine:
    """What is known of the agent's engine."""

    engine_id: bytes
    keys: LocalKeys
    clock: EngineClock

    def timely(self, message: V3Message, now: float) -> bool:
        return self.clock.accept(message.boots, message.time, now)


class UserExchange:
    """One agent, one user."""

    bulk = True
    version = V3
    suspects = "address, priv_key and the agent's access list"

    def __init__(self, client: NativeClient, target: Target, user: V3User, timeout_s: float, retries: int) -> None:
        self.timeout_s = timeout_s
        self.name = str(target)
        self._client = client
        self._target = target
        self._user = user
        self._retries = retries
        self._engine: _Engine | None = None
        self._discovering = asyncio.Lock()
        self._discovered = 0
        self._loop = asyncio.get_running_loop()

    async def request(
        self, pdu: int, oids: tuple[Oid, ...], repetitions: int = 0, retries: int | None = None
    ) -> Answer:
        if pdu not in _READS:
            raise ValueError(f"PDU {pdu:#04x} is no request that reads")
        body = encode_integer(0) + encode_integer(repetitions if pdu == GETBULK else 0) + encode_names(oids)
        attempts = self._retries if retries is None else min(retries, self._retries)
        report = None
        for _ in range(3):  # the request, again with the agent's clock, again with its new engine
            engine = self._engine or await self._discover(attempts)
            try:
                outcome = await self._exchange(engine, pdu, body, attempts)
            except CollectError as error:
                if error.reason == "timeout":
                    self._forget(engine)  # agents with a new engine id may be silent about it
                raise
            if isinstance(outcome, Answer):
                return outcome
            report = outcome
            self._heed(engine, report)
        assert report is not None
        raise CollectError("error", f"the agent keeps answering with Report {report.oid}")

    async def close(self) -> None:
        self._client.abandon(self)

    def accept(self, message: V3Message, data: bytes, pending: Pending) -> bool:
        """Judges a v3 datagram from the agent's address that carries a waiting message id. False: not an answer."""
        expected = self._engine
        discovery = isinstance(pending, _Discovery)
        if discovery or expected is None:
            return self._accept_discovery(message, pending)
        if message.engine_id == expected.engine_id and message.flags & AUTH:
            return self._accept_secured(message, data, expected, pending)
        if message.flags & AUTH:
            return False
        scoped = decode_scoped(message.payload)
        if scoped.pdu == REPORT and scoped.varbinds:
            oid = format_oid(scoped.varbinds[0].oid)
            if self._user.flags and oid == NOT_IN_TIME_WINDOW:
                return False  # only an authentic one may move the clock
            pending.future.set_result(Report(oid, message))
            return True
        if self._user.flags or message.engine_id != expected.engine_id:
            return False  # an answer below the level that was asked for is a forgery
        return self._settle(message, pending, message.payload, len(data), authentic=False)

    def _accept_discovery(self, message: V3Message, pending: Pending) -> bool:
        if message.flags & AUTH or not message.engine_id or not isinstance(pending, _Discovery):
            return False
        scoped = decode_scoped(message.payload)
        if scoped.pdu != REPORT or not scoped.varbinds:
            return False
        pending.future.set_result(Report(format_oid(scoped.varbinds[0].oid), message))
        return True

    def _accept_secured(self, message: V3Message, data: bytes, engine: _Engine, pending: Pending) -> bool:
        if message.user != self._user.user.encode() or not engine.keys.verify(data, message.mac_offset, message.mac):
            return False
        plain = message.payload
        if message.flags & _SECURITY_BITS != AUTH:
            try:
                plain = engine.keys.decrypt(message.boots, message.time, message.salt, message.payload)
            except ValueError as error:
                raise DecodeError(str(error)) from error
        return self._settle(message, pending, plain, len(data), authentic=True)

    def _settle(self, message: V3Message, pending: Pending, plain: bytes, octets: int, *, authentic: bool) -> bool:
        engine = self._engine
        scoped = decode_scoped(plain)
        if scoped.pdu == REPORT and scoped.varbinds:
            pending.future.set_result(Report(format_oid(scoped.varbinds[0].oid), message))
            return True
        if (
            engine is None
            or scoped.pdu != RESPONSE
            or scoped.request_id != message.msg_id
            or scoped.context != self._user.context.encode()
            or message.user != self._user.user.encode()
            or message.flags & _SECURITY_BITS != self._user.flags
            or (authentic and not engine.timely(message, self._loop.time()))
        ):
            return False
        pending.future.set_result(Answer(scoped.error_status, scoped.error_index, scoped.varbinds, octets))
        return True

    def _heed(self, engine: _Engine, report: Report) -> None:
        """What to do before asking again; CollectError when asking again is no use."""
        self._client.stats.reports += 1
        if report.oid == UNKNOWN_ENGINE:
            self._forget(engine)
        elif report.oid == NOT_IN_TIME_WINDOW:
            known = engine.clock.authentic
            if not engine.timely(report.message, self._loop.time()):
                self._forget(engine)  # the agent forgot how often it has booted (net-snmp #385)
            elif known:
                self._client.stats.rediscoveries += 1
        else:
            raise report_error(report.oid, self._user.user)

    def _forget(self, engine: _Engine) -> None:
        if self._engine is engine:
            self._engine = None

    async def _exchange(self, engine: _Engine, pdu: int, body: bytes, attempts: int) -> Answer | Report:
        def build(msg_id: int) -> bytes:
            scoped = encode_scoped(
                engine.engine_id, self._user.context.encode(), encode_tlv(pdu, encode_integer(msg_id) + body)
            )
            time = engine.clock.time_at(self._loop.time())
            flags = self._user.flags | REPORTABLE
            return encode_v3(msg_id, flags, engine.engine_id, engine.clock.boots, time, engine.keys, scoped)

        outcome: Answer | Report = await self._client.transact(self, self._target, attempts, build)
        return outcome

    async def _discover(self, attempts: int) -> _Engine:
        """Asks the agent for its engine id (RFC 3414 section 4); at most one such question at a time."""
        async with self._discovering:
            if self._engine is not None:
                return self._engine

            def build(msg_id: int) -> bytes:
                pdu = encode_tlv(GET, encode_integer(msg_id) + encode_integer(0) + encode_integer(0) + encode_names(()))
                return encode_v3(msg_id, REPORTABLE, b"", 0, 0, None, encode_scoped(b"", b"", pdu))

            outcome: Report = await self._client.transact(self, self._target, attempts, build, _Discovery)
            found = outcome.message
            if outcome.oid != UNKNOWN_ENGINE:
                raise report_error(outcome.oid, self._user.user)
            keys = LocalKeys(self._user, found.engine_id)
            self._engine = _Engine(found.engine_id, keys, EngineClock(found.boots, found.time, self._loop.time()))
            if self._discovered:
                self._client.stats.rediscoveries += 1
            self._discovered += 1
            return self._engine


class _Discovery(Pending):
    """Waits for a Report that says who the agent is, and accepts nothing else."""

    __slots__ = ()
