"""Requests of SNMP v1 and v2c to one agent."""

from __future__ import annotations

from collections.abc import Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from dcmon.collectors.snmp.ber import Oid
from dcmon.collectors.snmp.message import GET, V1, prepare_request
from dcmon.collectors.snmp.session import Answer
from dcmon.collectors.snmp.target import Target

if TYPE_CHECKING:
    from dcmon.collectors.snmp.client import NativeClient

_MAX_PREPARED: Final = 64


class CommunityExchange:
    """One agent, one community; GETs are kept encoded, so that a repeat costs only its request id."""

    suspects = "address, community, version (some speak only 1) and the agent's access list"

    def __init__(
        self, client: NativeClient, target: Target, version: int, community: bytes, timeout_s: float, retries: int
    ) -> None:
        self.bulk = version != V1
        self.version = version
        self.community = community
        self.timeout_s = timeout_s
        self.name = str(target)
        self._client = client
        self._target = target
        self._retries = retries
        self._prepared: dict[tuple[Oid, ...], tuple[bytes, bytes]] = {}

    def request(
        self, pdu: int, oids: tuple[Oid, ...], repetitions: int = 0, retries: int | None = None
    ) -> Coroutine[Any, Any, Answer]:
        attempts = self._retries if retries is None else min(retries, self._retries)
        build = partial(self.encode, pdu, oids, repetitions)
        return self._client.transact(self, self._target, attempts, build)

    def encode(self, pdu: int, oids: tuple[Oid, ...], repetitions: int, request_id: int) -> bytes:
        """The datagram of a request; `request_id` is at least 2**23, so that it takes four octets."""
        if pdu == GET:
            prefix, suffix = self._prepared.get(oids) or self._prepare(oids)
        else:
            prefix, suffix = prepare_request(self.version, self.community, pdu, oids, repetitions)
        return prefix + request_id.to_bytes(4, "big") + suffix

    async def close(self) -> None:
        self._client.abandon(self)

    def _prepare(self, oids: tuple[Oid, ...]) -> tuple[bytes, bytes]:
        if len(self._prepared) >= _MAX_PREPARED:
            self._prepared.clear()
        self._prepared[oids] = prepared = prepare_request(self.version, self.community, GET, oids)
        return prepared
