"""Looking up the names of devices without hanging on a name server that is away."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import threading
from collections.abc import Callable
from typing import Any, Final, TypeAlias

Address: TypeAlias = tuple[Any, ...]
"""What `socket` calls an address: (host, port) for IPv4, (host, port, flow, scope) for IPv6."""

Found: TypeAlias = list[tuple[int, Address]]
"""(address family, address) in the system's order of preference."""

_AT_ONCE: Final = 4
"""Look-ups under way. Each may hang for half a minute, and there may be hundreds of devices."""
_PATIENCE_S: Final = 1.0
"""For a name whose addresses are known already."""


class Names:
    """Remembers the last addresses of every name, and gives those while the name server does not answer.

    Numeric addresses, also with a scope (`fe80::1%eth0`), are never looked up. IPv4 mapped into IPv6 becomes IPv4.
    `ask` is the blocking getaddrinfo.
    """

    def __init__(self, ask: Callable[..., list[Any]] = socket.getaddrinfo) -> None:
        self._ask = ask
        self._known: dict[str, Found] = {}
        self._asking: dict[str, asyncio.Task[Found]] = {}
        self._places = asyncio.Semaphore(_AT_ONCE)

    async def look_up(self, host: str, port: int, timeout_s: float) -> Found:
        """The addresses of `host` with this port, within `timeout_s` real seconds. OSError when none is known."""
        literal = numeric(host, port)
        if literal:
            return literal
        task = self._asking.get(host)
        if task is None:
            task = self._asking[host] = asyncio.create_task(self._find(host), name=f"look up {host}")
            task.add_done_callback(lambda task: self._end(host, task))
        known = self._known.get(host)
        try:
            async with asyncio.timeout(timeout_s if known is None else min(timeout_s, _PATIENCE_S)):
                found = await asyncio.shield(task)
        except (OSError, UnicodeError) as error:  # TimeoutError is an OSError
            if known is None:
                raise OSError(str(error) or "the name server does not answer") from error
            found = known
        return [(family, (address[0], port, *address[2:])) for family, address in found]

    def _end(self, host: str, task: asyncio.Task[Found]) -> None:
        del self._asking[host]
        if not task.cancelled() and task.exception() is None:
            self._known[host] = task.result()

    async def _find(self, host: str) -> Found:
        loop = asyncio.get_running_loop()
        async with self._places:
            future: asyncio.Future[Found] = loop.create_future()

            def settle(found: Found, error: Exception | None) -> None:
                if future.done():
                    return
                if error is None:
                    future.set_result(found)
                else:
                    future.set_exception(error)

            def work() -> None:
                found: Found = []
                failed: Exception | None = None
                try:
                    rows = self._ask(host, None, type=socket.SOCK_DGRAM)
                    found = list(dict.fromkeys((row[0], row[4]) for row in rows))
                except (OSError, UnicodeError) as error:
                    failed = error
                with contextlib.suppress(RuntimeError):  # the loop may have ended by now
                    loop.call_soon_threadsafe(settle, found, failed)

            # Not of a pool: the loop's is for those who send mail, and the threads of any are waited for at the end.
            threading.Thread(target=work, name=f"look up {host}", daemon=True).start()
            return await future


def numeric(host: str, port: int) -> Found:
    """The address of a numeric host; empty for a name. OSError when its scope is no interface of this machine."""
    try:
        address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return []
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is None:
            scope = address.scope_id or "0"
            index = int(scope) if scope.isdecimal() else socket.if_nametoindex(scope)
            return [(socket.AF_INET6, (socket.inet_ntop(socket.AF_INET6, address.packed), port, 0, index))]
        address = address.ipv4_mapped
    return [(socket.AF_INET, (str(address), port))]
