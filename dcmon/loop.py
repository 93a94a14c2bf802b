"""The event loop of a command: run to the end, or until somebody says stop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import resource
import signal
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

import uvloop

T = TypeVar("T")
log = logging.getLogger(__name__)


def until_stopped(main: Callable[[asyncio.Event], Awaitable[T]]) -> T:
    """Runs `main` on uvloop with an event that SIGTERM and Ctrl+C set."""
    spare_collector()
    take_descriptors()

    async def body() -> T:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(report_fault)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        return await main(stop)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(body())


def report_fault(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Logs what nobody caught, as the loop itself would, but for a connection that TLS still wanted to write to.

    When a connection ends while its TLS layer has something left to say, asyncio is silent and uvloop reports a
    RuntimeError with a traceback (MagicStack/uvloop#506). Whoever used the connection is told that it is lost either
    way.
    """
    fault, transport = context.get("exception"), context.get("transport")
    over_tls = "SSL protocol" in str(context.get("message"))
    if over_tls and isinstance(fault, RuntimeError) and transport is not None and transport.is_closing():
        log.debug("a TLS connection ended while it was being written to: %s", fault)
        return
    loop.default_exception_handler(context)


def spare_collector() -> None:
    """Lets Python look for reference cycles more rarely, and never among what is loaded before the start.

    Readings wait in buffers by the thousand and hold no cycles; at Python's own pace looking through them again and
    again takes a sixth of every poll.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def take_descriptors() -> None:
    """Takes as many open files as the system allows: most allow 1,024 at first, and each Modbus device is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def run_once(question: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Runs one coroutine to its end on a loop of its own."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(question())
