"""What a device's agent can be asked, whatever carries the question: values (GET) and tables (walk).

`Session` turns one exchange of PDUs (native or pysnmp) into whole answers: it splits what is too big, drops the
variable that a v1 agent stumbles over and asks the rest again, and remembers what the device can bear.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Final, NamedTuple, Protocol

from dcmon.collectors.snmp.ber import NO_SUCH_OBJECT, NULL, Oid, VarBind, format_oid
from dcmon.collectors.snmp.lacks import Lacks
from dcmon.collectors.snmp.message import AUTHORIZATION_ERROR, GET, NO_SUCH_NAME, TOO_BIG
from dcmon.collectors.snmp.mute import MuteTables
from dcmon.collectors.snmp.walk import WalkLimits, walk_columns
from dcmon.model import CollectError

_MAX_OIDS: Final = 64
_MIN_OIDS: Final = 10
_MAX_REQUEST_OCTETS: Final = 1000
"""Of names alone: the answer adds the values and must stay under about 1,400 octets, or it gets lost on the way."""
_MAX_PLANS: Final = 64

_oid_of = itemgetter(0)


class SnmpSession(Protocol):
    """One device's agent. All methods raise CollectError; its reason is one of timeout, refused, unreachable, resolve,
    auth, decode, too-big, loop, error, closed."""

    async def get(self, oids: Sequence[Oid]) -> list[VarBind]:
        """One variable binding per OID, in the order asked. What the agent does not have comes with the tag
        NO_SUCH_OBJECT or NO_SUCH_INSTANCE, what it failed at (genErr, or one value too big to send) with NULL."""
        ...

    async def walk(self, root: Oid) -> list[VarBind]:
        """Everything below `root`, in order; empty when there is nothing."""
        ...

    async def walk_columns(self, columns: Sequence[Oid], *, sparing: bool = False) -> dict[Oid, list[VarBind]]:
        """Everything below each column of a table, fetched together; every column is a key.

        sparing: the poll has its answers already, so a table that was not answered last time may cost it little.
        """
        ...

    async def close(self) -> None:
        """Lets go of what the session holds. Requests under way end with CollectError."""
        ...


@dataclass(slots=True)
class SnmpStats:
    """Counters for /metrics; they only grow."""

    requests: int = 0
    """PDUs sent, not counting retransmissions."""
    retransmissions: int = 0
    timeouts: int = 0
    """Requests that had no answer after all retransmissions."""
    refused: int = 0
    stray: int = 0
    """Answers of another source, id, community or version, duplicates and late ones."""
    decode_errors: int = 0
    """Datagrams that are no SNMP message."""
    loops: int = 0
    """Walks that were stopped because the agent's OIDs did not increase."""
    reports: int = 0
    """SNMPv3 Reports, which say that a request was not accepted."""
    rediscoveries: int = 0
    """SNMPv3 agents whose engine was forgotten and found again (reboot, new engine id)."""


class Answer(NamedTuple):
    """A Response-PDU; `octets` is the length of the datagram."""

    status: int
    index: int  # type: ignore[assignment]  # shadows tuple.index, which nobody needs here
    varbinds: list[VarBind]
    octets: int


class Exchange(Protocol):
    """One request and its answer, with retransmission, to one device."""

    name: str
    """Of the device, for the log."""
    bulk: bool
    """Whether the version has GETBULK."""

    async def request(
        self, pdu: int, oids: tuple[Oid, ...], repetitions: int = 0, retries: int | None = None
    ) -> Answer:
        """CollectError when there is no answer; error-status is the caller's to judge."""
        ...

    async def close(self) -> None: ...


class Session:
    """An SnmpSession over an Exchange."""

    def __init__(self, exchange: Exchange, stats: SnmpStats) -> None:
        self._exchange = exchange
        self._stats = stats
        self._max_oids = _MAX_OIDS
        self._proven_oids = 0
        self._plans: dict[tuple[Oid, ...], tuple[tuple[Oid, ...], ...]] = {}
        self._limits = WalkLimits()
        self._mute = MuteTables(exchange.name)
        self._lacks = Lacks()

    async def get(self, oids: Sequence[Oid]) -> list[VarBind]:
        self._mute.begin()
        names = tuple(oids)
        if not self._exchange.bulk:
            return await self._get_v1(names)
        plan = self._plans.get(names) or self._plan(names)
        if len(plan) == 1:
            answer = await self._exchange.request(GET, names) if self._proven_oids >= len(names) else None
            if answer is not None and answer.status == 0 and tuple(map(_oid_of, answer.varbinds)) == names:
                return answer.varbinds
            return await self._get(names, answer)
        return await self._get_parts(plan)

    async def _get_v1(self, names: tuple[Oid, ...]) -> list[VarBind]:
        asked = tuple(name for name in names if not self._lacks.known(name))
        answers = await self._get_parts(self._plans.get(asked) or self._plan(asked))
        found = dict(zip(asked, answers, strict=True))
        self._lacks.note(found)
        return [found.get(name) or VarBind(name, NO_SUCH_OBJECT, None) for name in names]

    async def _get_parts(self, plan: tuple[tuple[Oid, ...], ...]) -> list[VarBind]:
        varbinds: list[VarBind] = []
        for part in plan:
            varbinds += await self._get(part, None)
        return varbinds

    async def walk(self, root: Oid) -> list[VarBind]:
        return (await self.walk_columns((root,)))[root]

    async def walk_columns(self, columns: Sequence[Oid], *, sparing: bool = False) -> dict[Oid, list[VarBind]]:
        roots = tuple(columns)
        hopeful = not sparing or self._mute.admit(roots)
        try:
            found = await walk_columns(self._exchange, roots, self._limits, self._stats, hopeful=hopeful)
        except CollectError as error:
            if sparing and error.reason == "timeout":
                self._mute.silent(roots)
            raise
        self._mute.answered(roots)
        return found

    async def close(self) -> None:
        await self._exchange.close()

    def _plan(self, names: tuple[Oid, ...]) -> tuple[tuple[Oid, ...], ...]:
        """The requests that these OIDs take with what is known of the device; kept, as a poll repeats itself."""
        parts: list[tuple[Oid, ...]] = []
        part: list[Oid] = []
        octets = 0
        for oid in names:
            octets += len(oid) + 6
            if part and (len(part) >= self._max_oids or octets > _MAX_REQUEST_OCTETS):
                parts.append(tuple(part))
                part, octets = [], len(oid) + 6
            part.append(oid)
        if part:
            parts.append(tuple(part))
        if len(self._plans) >= _MAX_PLANS:
            self._plans.clear()
        self._plans[names] = tuple(parts)
        return tuple(parts)

    def _limit(self, count: int) -> None:
        if count < self._max_oids:
            self._max_oids = max(1, count)
            self._plans.clear()

    async def _get(self, names: tuple[Oid, ...], answer: Answer | None) -> list[VarBind]:
        """One request's worth of values, whatever it takes; `answer` is the first answer where there is one."""
        if answer is None:
            answer = await self._try(names)
        if answer.status == 0 and len(answer.varbinds) >= len(names):
            self._proven_oids = max(self._proven_oids, len(names))
        found: dict[Oid, VarBind] = {}
        await self._settle(names, answer, found)
        return [found[name] for name in names]

    async def _try(self, names: tuple[Oid, ...]) -> Answer:
        try:
            return await self._exchange.request(GET, names)
        except CollectError as error:
            # An agent may drop what it cannot answer in one datagram. The next poll asks for less at once.
            if error.reason == "timeout" and len(names) > max(_MIN_OIDS, self._proven_oids):
                self._limit(max(_MIN_OIDS, len(names) // 2))
            raise

    async def _settle(self, names: tuple[Oid, ...], answer: Answer, found: dict[Oid, VarBind]) -> None:
        """Brings `found` to hold every name, from an answer that is not simply all of them in order.

        Each turn either finds a name or halves the names, so it ends after at most 2n requests.
        """
        while True:
            if answer.status == 0:
                left = self._take(names, answer, found)
            elif answer.status == TOO_BIG and len(names) > 1:
                self._limit(len(names) // 2)
                left = names
            elif answer.status == AUTHORIZATION_ERROR:
                raise CollectError("auth", "the agent answers authorizationError: check its view and access rules")
            elif len(names) == 1 or 1 <= answer.index <= len(names):
                failed = names[0] if len(names) == 1 else names[answer.index - 1]
                tag = NO_SUCH_OBJECT if answer.status == NO_SUCH_NAME else NULL
                found[failed] = VarBind(failed, tag, None)
                left = tuple(name for name in names if name != failed)
            else:
                left = names
            if not left:
                return
            if left == names:
                half = len(names) // 2
                await self._settle(names[:half], await self._exchange.request(GET, names[:half]), found)
                left = names[half:]
            names = left
            answer = await self._exchange.request(GET, names)

    def _take(self, names: tuple[Oid, ...], answer: Answer, found: dict[Oid, VarBind]) -> tuple[Oid, ...]:
        """Keeps the bindings that were asked for, in whatever order they came; returns the names that still lack."""
        wanted = set(names)
        found.update((varbind.oid, varbind) for varbind in answer.varbinds if varbind.oid in wanted)
        left = tuple(name for name in names if name not in found)
        if len(left) == len(names):
            raise CollectError("decode", f"the agent answers without {format_oid(names[0])}, which was asked for")
        return left
