"""What all kinds of probes share: a service that fails is told from a dcmon that cannot try."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

from dcmon.collectors.names import Found, Names
from dcmon.model import CollectError, Value

Points: TypeAlias = Mapping[str, Value]
"""Point -> value, without `service.ok`."""

_OWN: Final = frozenset({
    errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.ENETUNREACH, errno.ENETDOWN, errno.EACCES,
    errno.EPERM, errno.EADDRNOTAVAIL,
})  # fmt: skip
"""Errors that say something of this machine and nothing of the service."""


class ServiceError(Exception):
    """The service does not do what is expected of it. `points` are known nevertheless."""

    def __init__(self, reason: str, points: Points | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.points = points or {}


@dataclass(frozen=True, slots=True)
class Means:
    """What probes work with: the look-up of names, how long an attempt may take (s), and secrets that were resolved."""

    names: Names
    timeout_s: float
    password: str = ""


class Attempt(Protocol):
    """A kind of probe."""

    async def __call__(self, now: int) -> Points:
        """One attempt at `now` (ms UTC). ServiceError: the service is not well; CollectError: dcmon could not try."""
        ...


async def addresses(host: str, port: int, means: Means) -> Found:
    """Where `host` is. CollectError when nobody says so: that is no fault of the service."""
    try:
        return await means.names.look_up(host, port, means.timeout_s / 2)
    except OSError as error:
        raise CollectError("name", f"the address of {host} is not known: {error}") from error


def refused(error: OSError, what: str) -> CollectError | ServiceError:
    """What an OSError means: CollectError for this machine's own, ServiceError otherwise."""
    if error.errno:
        said = os.strerror(error.errno)
    else:
        said = "ended the connection" if isinstance(error, ConnectionError) else str(error) or type(error).__name__
    if error.errno in _OWN:
        return CollectError("local", f"this machine cannot reach {what}: {said}")
    return ServiceError(f"{what}: {said}")
